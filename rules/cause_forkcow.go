package rules

import (
	"fmt"
	"strings"
	"time"

	"culprit/correlate"
)

var _ = registerCause(Cause{
	ID: "fork-cow",
	Doc: `To save, Redis forks, and pages written while the child saves are copied: together the two need up to twice the
dataset. A save (or AOF rewrite) under heavy writes on a machine with less than that free ends in a kill of either.

Arithmetic:

    copied = anonymous memory at the kill - everybody else's RSS - one Redis RSS
    a save was running = two rows of Redis in the task table, or a save started and not finished, or the child's pid killed

Threshold: A save was running at the kill and the dataset itself had not grown to what filled the host. Redis's
administration guide reckons with up to twice the memory normally used; 85 % were copied where every key was rewritten
during the save (measured).

When it is wrong: two servers of one size run on the host and the log of neither is in the input: their rows look like
parent and child.`,
	Judge: judgeForkCOW,
})

func judgeForkCOW(c *Case) Hypothesis {
	h := Hypothesis{Explained: -1}
	saveKilled := c.saveKilled()
	if c.Kill == nil && saveKilled == nil {
		return c.noKill(h)
	}
	if c.Kill != nil && c.Kill.Fact.Constraint == "memcg" && !IsRedis(c.Kill.Fact.VictimComm) {
		h.State, h.Reason = Excluded, "the kill was in another cgroup"
		return h
	}
	started, finished := c.saveBefore()
	rows := 0
	var rowEv []correlate.Evidence
	if c.Kill != nil {
		for _, t := range c.Kill.Fact.Tasks {
			// A child that has just forked maps what its parent maps; an idle second server is small.
			if IsRedis(t.Comm) {
				rows++
				rowEv = append(rowEv, correlate.Evidence{File: c.Kill.Ev.File, Line: t.Line, Time: c.Kill.Ev.Time, Note: fmt.Sprintf("redis pid %d, %s resident", t.PID, bytesIn(t.RSSKB.Or(0)<<10))})
			}
		}
	}
	twins := c.twinRows()
	running := started != nil && !finished
	childDied := saveKilled != nil
	inProgress := c.Growth != nil && c.Growth.Last.Info.Fields["rdb_bgsave_in_progress"] == "1"
	if !running && !childDied && twins == 0 {
		h.State = Excluded
		h.Reason = "no save or AOF rewrite was running at the kill"
		h.Evidence = rowEv
		if c.Kill != nil && c.Redis == nil && len(c.Kill.Fact.Tasks) == 0 {
			h.State, h.Reason, h.Missing = NotChecked, "no Redis log and no task table in the input", []string{"redis-log", "oom-task-table"}
			h.Evidence = nil
		} else if c.Redis != nil && len(c.Redis.Log) == 0 && len(rowEv) == 0 && !inProgress {
			h.State, h.Reason, h.Missing = NotChecked, "no Redis log and no task table in the input", []string{"redis-log", "oom-task-table"}
		}
		return h
	}
	// The dataset itself must not be what filled the machine: then the fork was only the last straw.
	if l := c.Leak; l.State == Established && l.Explained >= leakExplains && c.grewMuch() {
		h.State = Excluded
		h.Reason = "a save was running, but the dataset itself had grown to what filled the host"
		h.Evidence = l.Ev
		return h
	}
	cow, cowOK := c.cow()
	h.Tests = correlate.Tests{
		Structural: correlate.Pass,
		Deviating:  correlate.Judge(running || childDied || twins > 0, true),
		Ordered:    correlate.Judge(started != nil || childDied, true),
		Sufficient: correlate.Judge(cowOK && c.RAM.OK, float64(cow) >= 0.05*float64(c.RAM.Bytes)),
	}
	if cowOK && c.RAM.OK {
		h.Explained = float64(cow) / float64(c.RAM.Bytes)
		if h.Tests.Sufficient == correlate.Fail && !childDied {
			h.State = Excluded
			h.Reason = fmt.Sprintf("a save was running, but copy-on-write came to %s only", bytesIn(cow))
			h.Evidence = rowEv
			return h
		}
	}
	h.State = Established
	save := correlate.Event{Kind: "redis-save", Subject: "redis-server", Text: "Redis forked a child to save its dataset"}
	if c.rewroteLast() {
		save.Text = "Redis forked a child to rewrite its AOF"
	}
	if started != nil {
		save.From, save.To = started.At, started.At
		save.Evidence = []correlate.Evidence{started.Ev}
	}
	save.Evidence = append(save.Evidence, rowEv...)
	if saveKilled != nil {
		save.Evidence = append(save.Evidence, saveKilled.Ev)
		if save.From.IsZero() {
			save.From, save.To = saveKilled.At, saveKilled.At
		}
	}
	grew := correlate.Event{Kind: "copy-on-write", Subject: "redis-server", Text: "pages written during the save were copied", From: save.From}
	if cowOK {
		grew.Text = fmt.Sprintf("copy-on-write added %s on top of Redis's own %s", bytesIn(cow), bytesIn(c.parentRSS()))
	}
	victim := "its child"
	if c.Kill != nil {
		victim = c.victim()
		h.Chain = []correlate.Link{link(save, grew, h.Tests, -1), link(grew, c.killEvent(), correlate.Tests{Structural: correlate.Pass, Deviating: correlate.Pass, Ordered: correlate.Pass, Sufficient: h.Tests.Sufficient}, h.Explained)}
		h.Chain = append(h.Chain, c.killToWeb()...)
	} else {
		h.Chain = []correlate.Link{link(save, grew, h.Tests, -1)}
	}
	extra := ""
	if cowOK {
		extra = fmt.Sprintf(" (%s of copies)", bytesIn(cow))
	}
	why := "to save"
	if c.rewroteLast() {
		why = "to rewrite its AOF,"
	}
	h.Summary = fmt.Sprintf("Redis forked %s and copy-on-write%s took the last memory; %s killed %s.", why, extra, c.Killer, victim)
	h.Evidence = rowEv
	h.Onset = save
	if n, ev := c.savedForReplica(); n > 0 {
		h.Summary = strings.TrimSuffix(h.Summary, ".") + fmt.Sprintf("; a replica had asked for the whole dataset (%s), %s in this log.", lineOf(ev), times(n))
		h.Chain[0].For = append(h.Chain[0].For, ev)
	}
	h.Fixes = []string{"redis-maxmemory", "rdb-schedule", "memory-budget", "overcommit-memory"}
	if len(c.redisEvents("thp-warning")) > 0 {
		h.Fixes = append([]string{"transparent-hugepages"}, h.Fixes...)
	}
	if twins == 0 && !childDied && !cowOK {
		h.State, h.Confidence = Possible, 0.5
	}
	return h
}

// savedForReplica: a replica had asked for the whole dataset when the last save of the log began, with no other save since, so
// it was for that. n counts how often one asked; a replica's own log says "from master".
func (c *Case) savedForReplica() (n int, ev correlate.Evidence) {
	var asked, last *correlate.RedisEvent
	if c.Redis == nil {
		return 0, ev
	}
	for i := range c.Redis.Log {
		switch e := &c.Redis.Log[i]; {
		case e.Event == "save-started":
			last, asked = asked, nil
		case e.Event == "resync-full" && strings.Contains(e.Text, "requested by"):
			asked = e
			n++
		}
	}
	if last == nil {
		return 0, ev
	}
	return n, last.Ev
}

// saveBefore is the last save or AOF rewrite begun before the kill, and whether it had ended by then.
func (c *Case) saveBefore() (started *correlate.RedisEvent, finished bool) {
	if c.Redis == nil || c.Kill == nil || !c.Kill.Placed {
		return nil, false
	}
	for i := range c.Redis.Log {
		e := &c.Redis.Log[i]
		if !e.Placed || e.At.After(c.Kill.At.Add(e.Error+2*time.Second)) {
			continue
		}
		switch e.Event {
		case "save-started", "aof-rewrite-started":
			started, finished = e, false
		case "save-done", "save-failed", "aof-rewrite-done", "aof-rewrite-failed", "starting", "ready":
			finished = true
		}
	}
	// A save that is not seen to end and began hours ago ended unseen; datasets of a few GB take minutes.
	if started != nil && c.Kill.At.Sub(started.At) > time.Hour {
		return started, true
	}
	return started, finished
}

// saveKilled is a child ended by signal 9, at the kill where there is one. The newest wins.
func (c *Case) saveKilled() *correlate.RedisEvent {
	if c.Redis == nil {
		return nil
	}
	var found *correlate.RedisEvent
	for i := range c.Redis.Log {
		e := &c.Redis.Log[i]
		killed := e.Event == "save-killed" && e.Signal.Or(9) == 9 || e.Event == "aof-rewrite-failed" && e.Signal.Or(0) == 9
		if !killed {
			continue
		}
		if c.Kill != nil && c.Kill.Placed && e.Placed && e.At.Sub(c.Kill.At).Abs() > feltWithin {
			continue
		}
		found = e
	}
	return found
}

// twinRows is the RSS of the smaller of two redis rows of like size: parent and child. A child shares its parent's pages,
// so its RSS is at least half of its parent's; a second server next to it has its own size, and its own pid in INFO.
func (c *Case) twinRows() int64 {
	if c.Kill == nil {
		return 0
	}
	known := map[int64]bool{}
	for _, in := range c.Incident.Redis {
		for _, s := range in.Snapshots {
			if s.PID.OK {
				known[s.PID.N] = true
			}
		}
	}
	first, second := int64(0), int64(0)
	unknown := false
	for _, t := range c.Kill.Fact.Tasks {
		if !IsRedis(t.Comm) {
			continue
		}
		rss := t.RSSKB.Or(0) << 10
		if rss > first {
			first, second = rss, first
		} else if rss > second {
			second = rss
		}
		unknown = unknown || !known[t.PID]
	}
	if second*2 < first || second < 16<<20 || !unknown && len(known) > 0 {
		return 0
	}
	return second
}

// parentRSS is Redis's own resident memory: the larger redis row, else the victim, else INFO.
func (c *Case) parentRSS() int64 {
	rss := int64(0)
	if c.Kill != nil {
		for _, t := range c.Kill.Fact.Tasks {
			if IsRedis(t.Comm) {
				rss = max(rss, t.RSSKB.Or(0)<<10)
			}
		}
		if rss == 0 && IsRedis(c.Kill.Fact.VictimComm) {
			rss = killedRSS(c.Kill)
		}
	}
	if rss == 0 && c.Growth != nil {
		rss = c.Growth.Last.RSS.Or(0)
	}
	return rss
}

// cow is what copy-on-write had added: all anonymous memory less every other program's and one Redis.
func (c *Case) cow() (int64, bool) {
	if c.Kill == nil || !c.Kill.Fact.ActiveAnonKB.OK || len(c.Kill.Fact.Tasks) == 0 {
		return 0, false
	}
	anon := (c.Kill.Fact.ActiveAnonKB.N + c.Kill.Fact.InactAnonKB.Or(0)) << 10
	others := int64(0)
	for _, g := range c.Groups {
		if !IsRedis(g.Comm) {
			others += g.RSS
		}
	}
	// a second server has its own memory
	second := int64(0)
	if len(c.Incident.Redis) > 1 {
		for _, in := range c.Incident.Redis {
			if g := correlate.GrowthOf(in, c.Kill.At); in != c.Redis && g != nil {
				second += g.Last.RSS.Or(0)
			}
		}
	}
	return max(anon-others-c.parentRSS()-second, 0), true
}

// grewMuch: used_memory more than doubled over the run.
func (c *Case) grewMuch() bool {
	g := c.Growth
	return g != nil && g.DUsed.OK && g.First.Used.OK && g.DUsed.N > g.First.Used.N
}
