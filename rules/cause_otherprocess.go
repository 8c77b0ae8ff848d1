package rules

import (
	"fmt"
	"strings"

	"culprit/correlate"
)

var _ = registerCause(Cause{
	ID: "other-process-hog",
	Doc: `Another program took the memory; whoever the kernel killed was only the largest single process. Processes are summed
by name: 110 php-fpm workers of 16 MB are one 1.8 GB program.

Arithmetic:

    a program = RSS + swap of its processes, shared pages counted once where Mem-Info tells all anonymous memory
    beyond    = that - what its configuration lets it hold (InnoDB's pool x 1.1, pm.max_children x a worker)
    Redis     = flat: its RSS did not grow with the snapshots, or it is small beside the program

Threshold: A program other than Redis held a quarter of RAM at a global kill, and Redis did not grow or is known to be
small. A quarter, because a kill for less would have come for somebody else's sake.

When it is wrong: the program always held that much and something not in the input grew (tmpfs, another container):
the ledger then leaves a residual.`,
	Judge: judgeOtherProcess,
})

// hogOfRAM: with less than a quarter of RAM a program is one of several; a verdict needs one that stands out.
const hogOfRAM = 0.25

func judgeOtherProcess(c *Case) Hypothesis {
	h := Hypothesis{Explained: -1}
	if c.Kill == nil {
		return c.swapHog(h)
	}
	if c.Kill.Fact.Constraint == "memcg" {
		h.State, h.Reason, h.Evidence = Excluded, "a cgroup's limit was hit, not the host's memory", []correlate.Evidence{c.Kill.Ev}
		return h
	}
	hog := c.hog()
	if hog == nil {
		h.State, h.Reason, h.Missing = NotChecked, "no task table and no process list in the input", []string{"oom-task-table"}
		if !IsRedis(c.Kill.Fact.VictimComm) {
			h.State, h.Confidence = Possible, 0.3
			h.Summary = fmt.Sprintf("%s was killed; what else held memory is not in the input", name(c.Kill.Fact.VictimComm))
		}
		return h
	}
	if !c.RAM.OK {
		h.State, h.Reason = NotChecked, "the size of RAM is not in the input"
		return h
	}
	redis := int64(0)
	var redisEv correlate.Evidence
	for _, g := range c.Groups {
		if IsRedis(g.Comm) {
			redis += g.RSS + g.Swap
			redisEv = g.Ev
		}
	}
	if IsRedis(c.Kill.Fact.VictimComm) && killedRSS(c.Kill) > redis {
		redis, redisEv = killedRSS(c.Kill), c.Kill.Ev
	}
	share := float64(hog.RSS+hog.Swap) / float64(c.RAM.Bytes)
	hogEv := hog.Ev
	hogEv.Note = fmt.Sprintf("%s hold %s together", plural(hog.Count, hog.Comm), bytesIn(hog.RSS))
	if hog.Count == 1 {
		hogEv.Note = fmt.Sprintf("%s held %s", hog.Comm, bytesIn(hog.RSS))
	}
	if hog.Listed > hog.RSS {
		hogEv.Note += fmt.Sprintf(" (%s as listed, which counts shared pages in each)", bytesIn(hog.Listed))
	}
	h.Evidence = []correlate.Evidence{hogEv}
	if share < hogOfRAM {
		h.State = Excluded
		h.Reason = fmt.Sprintf("the largest program beside Redis, %s, held %s, %s of RAM", hog.Comm, bytesIn(hog.RSS), percent(share))
		return h
	}
	flat, known := c.redisFlat()
	switch {
	case c.redisElsewhere():
		flat, known = true, true // whatever it did, it did not take this memory
	case known && !flat:
		h.State = Excluded
		h.Reason = fmt.Sprintf("%s held %s, but it was Redis that grew, from %s to %s", hog.Comm, bytesIn(hog.RSS), bytesIn(c.Growth.First.RSS.Or(c.Growth.First.Used.Or(0))), bytesIn(c.Growth.Last.RSS.Or(c.Growth.Last.Used.Or(0))))
		h.Evidence = append(h.Evidence, c.Growth.Last.Evidence("used_memory", ""))
		return h
	case !known && redis > 2*hog.RSS && redis*2 > c.RAM.Bytes:
		h.State = Excluded
		h.Reason = fmt.Sprintf("%s where Redis held %s, %s of RAM", c.othersHeld(), bytesIn(redis), percent(float64(redis)/float64(c.RAM.Bytes)))
		h.Evidence = append(h.Evidence, redisEv)
		return h
	case !known && redis > hog.RSS/2:
		h.State, h.Confidence = Possible, 0.35
		h.Reason = fmt.Sprintf("%s held %s and Redis %s; which of them grew is not in the input", hog.Comm, bytesIn(hog.RSS), bytesIn(redis))
		h.Missing = []string{"redis-info"}
		return h
	}
	// Redis flat or small. The hog must account for the shortage: without it, or at its configured size, RAM would do.
	over := c.overBudget(hog)
	h.Tests = correlate.Tests{
		Structural: over,
		Deviating:  correlate.Judge(known || redis > 0, true),
		Ordered:    correlate.Pass,
		Sufficient: correlate.Judge(true, share >= hogOfRAM),
	}
	h.Explained = share
	h.State = Established
	if over == correlate.Fail {
		// it keeps to its budget, and nothing larger than that stands out: the sum is too much, nobody alone
		h.State, h.Confidence = Possible, 0.5
		h.Reason = fmt.Sprintf("%s held %s, as its configuration allows; no program alone is over what it may take", hog.Comm, bytesIn(hog.RSS))
	}
	h.Culprits = []Culprit{{Kind: "process", Value: hog.Comm, Share: share, Note: fmt.Sprintf("%d %s, %s", hog.Count, numbered(hog.Count, "process", "processes"), bytesIn(hog.RSS))}}
	h.Summary = fmt.Sprintf("%s took %s of %s of RAM%s; %s killed %s for it.", plural(hog.Count, hog.Comm), bytesIn(hog.RSS), bytesIn(c.RAM.Bytes), flatWord(c, known, redis), c.Killer, c.victim())
	if pid, alone := c.aloneLarge(hog); alone {
		h.Summary = fmt.Sprintf("one of %s, pid %d, took %s of %s of RAM%s; %s killed %s for it.", plural(hog.Count, hog.Comm), pid, bytesIn(hog.Max), bytesIn(c.RAM.Bytes), flatWord(c, known, redis), c.Killer, c.victim())
	}
	job, byCron := c.cronStarted(hog.Comm)
	if byCron {
		h.Summary = strings.TrimSuffix(h.Summary, ".") + fmt.Sprintf("; cron had started %q at %s.", jobName(job.Fact.Command), clockTime(job.At))
	}
	hogEvent := correlate.Event{Kind: "process-memory", Subject: hog.Comm, Text: fmt.Sprintf("%s held %s (%s of RAM)", plural(hog.Count, hog.Comm), bytesIn(hog.RSS), percent(share)), From: c.Kill.At, To: c.Kill.At, Evidence: []correlate.Evidence{hogEv}}
	first := link(hogEvent, c.killEvent(), h.Tests, share)
	if byCron {
		ev := job.Ev
		ev.Note = "cron started it"
		first.For = append(first.For, ev)
	}
	if redisEv.File != "" {
		redisEv.Note = fmt.Sprintf("Redis held %s", bytesIn(redis))
		first.For = append(first.For, redisEv)
	}
	if known && !c.redisElsewhere() {
		first.For = append(first.For, c.Growth.First.Evidence("used_memory", "Redis at the start"), c.Growth.Last.Evidence("used_memory", "Redis at the end: flat"))
	}
	h.Chain = append([]correlate.Link{first}, c.killToWeb()...)
	h.Fixes = hogFixes(hog.Comm)
	// Redis's size known only from the table, and the program neither over its setting nor half of RAM: likely, not more. Unless
	// Redis is so small that its growth would not matter, and what else is large is as it was set up to be.
	if !known && over != correlate.Pass && share < 0.5 && (redis == 0 || redis*10 > c.RAM.Bytes || !c.restAsConfigured(hog)) {
		h.State, h.Confidence = Possible, 0.4
		h.Missing = []string{"redis-info"}
	}
	// A table with rows cut out shows a hog only when that one alone holds half of RAM.
	if c.Kill.Fact.Truncated && !known {
		h.Confidence = 0.8
		if share < 0.5 {
			h.State, h.Confidence = Possible, 0.35
		}
	}
	return h
}

// swapHog: nothing was killed, but requests failed while the host swapped, and one program held a quarter of RAM or more. That
// it grew is not shown by one listing, so this is never more than possible.
func (c *Case) swapHog(h Hypothesis) Hypothesis {
	b, ok := c.mainBurst()
	hog := c.hog()
	if !ok || hog == nil || !c.RAM.OK || c.swapped(b) == "" || float64(hog.RSS) < hogOfRAM*float64(c.RAM.Bytes) || c.overBudget(hog) == correlate.Fail {
		return c.noKill(h)
	}
	if flat, known := c.redisFlat(); known && !flat {
		return c.noKill(h)
	}
	h.State, h.Confidence, h.Missing = Possible, 0.6, []string{"process-list"}
	h.Summary = fmt.Sprintf("%s held %s of %s of RAM while the host swapped and requests failed; nothing was killed.", plural(hog.Count, hog.Comm), bytesIn(hog.RSS), bytesIn(c.RAM.Bytes))
	h.Evidence = []correlate.Evidence{hog.Ev}
	return h
}

// hog is the program to ask: the largest beside Redis, but one that keeps to a sane budget of its own (a buffer pool of at
// most half of RAM, a PHP-FPM pool of at most half of RAM with workers to spare) counts for a quarter only. What has no budget, or is over it, is
// there in excess: the bystander with its pool full is as it always was.
func (c *Case) hog() *TaskGroup {
	var best *TaskGroup
	most := 0.0
	for i := range c.Groups {
		g := &c.Groups[i]
		if IsRedis(g.Comm) {
			continue
		}
		weight := float64(g.RSS + g.Swap)
		switch over := c.overBudget(g); {
		case over == correlate.Fail:
			weight /= 4
		case over == correlate.Unknown && serviceComm.MatchString(g.Comm):
			weight *= 0.6
		}
		if weight > most {
			best, most = g, weight
		}
	}
	return best
}

// restAsConfigured: of what RAM held, three quarters are told, and every other program of half the size at least keeps to its
// configuration.
func (c *Case) restAsConfigured(hog *TaskGroup) bool {
	told := int64(0)
	for i := range c.Groups {
		g := &c.Groups[i]
		told += g.RSS
		if g.Comm != hog.Comm && g.RSS*2 > hog.RSS && !c.asConfigured(g) {
			return false
		}
	}
	return told*4 >= c.RAM.Bytes*3
}

// aloneLarge: one process of several that held more than half of what they hold together, and four times a usual one.
func (c *Case) aloneLarge(g *TaskGroup) (pid int64, ok bool) {
	if g.Count < 2 || g.Max*2 < g.RSS || g.Max < 4*(g.RSS-g.Max)/int64(g.Count-1) || c.Kill == nil {
		return 0, false
	}
	for _, t := range c.Kill.Fact.Tasks {
		if t.Comm == g.Comm && t.RSSKB.Or(0)<<10 == g.Max {
			return t.PID, true
		}
	}
	return 0, false
}

// othersHeld names the two largest programs beside Redis.
func (c *Case) othersHeld() string {
	var parts []string
	for _, g := range c.Groups {
		if !IsRedis(g.Comm) && len(parts) < 2 {
			parts = append(parts, fmt.Sprintf("%s held %s", plural(g.Count, g.Comm), bytesIn(g.RSS)))
		}
	}
	return joinAnd(parts)
}

func plural(n int, comm string) string {
	if n > 1 {
		return fmt.Sprintf("%d %s processes", n, comm)
	}
	return comm
}

func flatWord(c *Case, known bool, redis int64) string {
	if c.redisElsewhere() {
		return "; Redis runs elsewhere"
	}
	if known {
		return fmt.Sprintf(" while Redis stayed at %s", bytesIn(c.Growth.Last.Used.Or(c.Growth.Last.RSS.Or(0))))
	}
	if redis > 0 {
		return fmt.Sprintf("; Redis held %s", bytesIn(redis))
	}
	return ""
}

func (c *Case) victim() string {
	s := name(c.Kill.Fact.VictimComm)
	if c.Kill.Fact.VictimPID.OK {
		s += fmt.Sprintf(" (pid %d)", c.Kill.Fact.VictimPID.N)
	}
	return s
}

// redisFlat: Redis did not grow before the kill: RSS at the end is within a fifth of its median over the run, or rose by
// less than a tenth of RAM. A fifth is the daily swing of a cache.
func (c *Case) redisFlat() (flat, known bool) {
	g := c.Growth
	if g == nil || c.After || len(g.Run) < 2 || c.Kill != nil && c.Kill.Placed && g.Last.Placed && g.Last.At.After(c.Kill.At) {
		return false, false
	}
	level := func(s *correlate.Snapshot) float64 { return float64(s.RSS.Or(s.Used.Or(0))) }
	var all []float64
	for i := range g.Run {
		all = append(all, level(&g.Run[i]))
	}
	usual, _ := correlate.Median(all)
	rise := level(g.Last) - min(level(g.First), usual)
	if c.RAM.OK && rise < 0.1*float64(c.RAM.Bytes) {
		return true, true
	}
	return rise < 0.2*usual, true
}

// overBudget compares a program with what its configuration allows: InnoDB's buffer pool, PHP-FPM's workers.
func (c *Case) overBudget(g *TaskGroup) correlate.Outcome {
	if !c.RAM.OK {
		return correlate.Unknown
	}
	switch {
	case isMySQL(g.Comm):
		pool, ok := c.bufferPool()
		if !ok {
			return correlate.Unknown
		}
		// connections, dictionary and sort buffers put a server at 1.0 to 1.3 times its pool
		return correlate.Judge(true, pool.Bytes*2 > c.RAM.Bytes || g.RSS*10 > pool.Bytes*13)
	case isFPM(g.Comm):
		_, max, ok := c.maxChildren()
		if !ok {
			return correlate.Unknown
		}
		// near its number; or the number itself is more than half of RAM, as with a buffer pool
		return correlate.Judge(true, int64(g.Count)*10 >= max*8 || g.Count >= 3 && max*(g.RSS/int64(g.Count))*2 > c.RAM.Bytes)
	}
	return correlate.Unknown
}

// asConfigured: a program at the size its own configuration gives it, be that wise or not: it was as large before. A buffer
// pool that is not yet full (nine tenths) is still growing.
func (c *Case) asConfigured(g *TaskGroup) bool {
	if isMySQL(g.Comm) {
		pool, ok := c.bufferPool()
		return ok && g.RSS*10 <= pool.Bytes*13 && g.RSS*10 >= pool.Bytes*9
	}
	return c.overBudget(g) == correlate.Fail
}

func isMySQL(comm string) bool {
	return strings.HasPrefix(comm, "mysqld") && comm != "mysqldump" || strings.HasPrefix(comm, "mariadbd")
}

func isFPM(comm string) bool {
	return strings.HasPrefix(comm, "php-fpm") || strings.HasPrefix(comm, "php-cgi")
}

func hogFixes(comm string) []string {
	switch {
	case isMySQL(comm):
		return []string{"mysql-buffer-pool", "memory-budget"}
	case isFPM(comm):
		return []string{"php-fpm-max-children", "memory-budget"}
	}
	return []string{"limit-backup-job", "memory-budget"}
}
