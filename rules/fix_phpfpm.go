package rules

import (
	"fmt"
	"strconv"
	"strings"

	"culprit/correlate"
)

var _ = registerFix(FixMaker{
	ID:   "php-fpm-max-children",
	Doc:  "sets the number of PHP workers that the memory budget has room for",
	Make: (*Case).workerFixes,
})

func (c *Case) workerFixes(h Hypothesis) []Fix {
	set, now, ok := c.maxChildren()
	f := Fix{
		Title: "Start no more PHP workers than there is memory for",
		Check: "php-fpm -tt 2>&1 | grep max_children; ps -C php-fpm --no-headers -o rss | awk '{s+=$1} END {print NR, s/1024 \" MB\"}'",
		Risk:  "fewer workers queue requests sooner: watch \"listen queue\" in the pool's status page",
		Undo:  "put the old number back and reload php-fpm",
	}
	// The workers' own size: measured where the kill's table or ps lists several.
	worker, ev, measured := c.workerSize()
	room, terms, okRoom := c.roomForWorkers()
	if !okRoom && c.Kill == nil {
		return []Fix{c.waitingWorkers(f, 0, now, "", false)}
	}
	if !okRoom || worker == 0 {
		f.Text = "The input does not say how much memory there is. pm.max_children = (RAM - everything else) / RSS of one worker."
		return []Fix{f}
	}
	if g, pid, ok := c.oneWorker(); ok {
		f.Title = "Bound what a PHP worker may take, and start it anew after some requests"
		usual := (g.RSS - g.Max) / int64(g.Count-1)
		limit := max(readable(2*usual), 256<<20) // 256M is what WordPress gives its own admin pages (WP_MAX_MEMORY_LIMIT)
		f.Text = fmt.Sprintf("One worker, pid %d, held %s; the other %d hold %s each: their number is not the matter (%s).\n  php_admin_value[memory_limit] = %dM\n  pm.max_requests = 500   ; as php-fpm's own example has it\nWhat pid %d worked on stands in the pool's slow log and its access.log (%%p is the pid, %%M the peak memory).",
			pid, mb(g.Max), g.Count-1, mb(usual), lineOf(g.Ev), limit>>20, pid)
		f.Target, f.Risk = set.Ev.File, "a request that needs more than the limit ends with \"Allowed memory size exhausted\": exports and imports want a pool of their own. memory_limit counts PHP's own memory, not that of a C library"
		f.Check = "grep -c 'Allowed memory size' /var/log/php*-fpm.log; ps -C php-fpm --no-headers -o pid,rss --sort=-rss | head -3"
		f.Undo = "take the two lines out and reload php-fpm"
		return []Fix{f}
	}
	n := room / worker
	// So many of that size are what memory ran out with, whatever the sum says: a tenth less leaves room.
	if g, ok := c.workersAtKill(); ok && n >= int64(g.Count) && g.Count >= 10 {
		n = int64(g.Count) * 9 / 10
	}
	how := fmt.Sprintf("%s are left for PHP (%s) / %s a worker", mb(room), terms, mb(worker))
	if measured {
		how += " (" + lineOf(ev) + ")"
	} else {
		how += " assumed, the input measures none: 40 MB is a plain shop's"
	}
	if c.Kill == nil && !ok {
		now = c.poolLimit()
	}
	if c.Kill == nil && n >= now {
		return []Fix{c.waitingWorkers(f, n, now, how, measured)}
	}
	if n < 2 {
		f.Title = "Make room for PHP before setting its workers"
		f.Text = how + ": not even two fit. What stands beside PHP must shrink, or the host needs more RAM."
		return []Fix{f}
	}
	value := strconv.FormatInt(n, 10)
	f.Title = "Set pm.max_children to " + value
	if ok && n >= now {
		// The number is right; a worker's size is what is wrong.
		f.Title = fmt.Sprintf("Leave pm.max_children at %d, and bound what a worker may take", now)
		f.Text = how + fmt.Sprintf(": %d would fit.\n  php_admin_value[memory_limit] = 128M\n  pm.max_requests = 500", n)
		f.Target = set.Ev.File
		return []Fix{f}
	}
	f.Text = how
	if ok {
		f.Title = fmt.Sprintf("Set pm.max_children from %d to %s", now, value)
		f.Effect.Before = fmt.Sprintf("%d workers x %s = %s", now, mb(worker), mb(now*worker))
		f.Effect.After = fmt.Sprintf("%s workers x %s = %s: %s less", value, mb(worker), mb(n*worker), mb((now-n)*worker))
		if c.Kill != nil && c.Kill.Fact.Constraint != "memcg" {
			f.Effect.Prevents = c.wouldFit(isFPM, n*worker)
			if f.Effect.Prevents == correlate.Pass {
				f.Effect.After += "; no kill"
			}
		}
		pools := c.settings("php-fpm", "pm.max_children")
		if len(pools) == 1 {
			f = c.patch(f, set.Ev.File, c.poolChange(set, n))
			if f.Kind == KindPatch {
				return []Fix{f}
			}
		} else {
			f.Text += fmt.Sprintf("; shared out over %d pools by their traffic", len(pools))
		}
	}
	f.Target = orWord(set.Ev.File, "the pool's file")
	f.Text += "\n  pm.max_children = " + value
	return []Fix{f}
}

// poolLimit is the number of workers by PHP-FPM's own log; 0 = it names none.
func (c *Case) poolLimit() int64 {
	limit := int64(0)
	for _, p := range c.Pool {
		if p.Fact.Event == "max-children" {
			limit = max(limit, p.Fact.Limit.Or(0))
		}
	}
	return limit
}

// waitingWorkers is for a pool that was full while memory was not short: more workers wait for the same thing, and ask it for
// more. A number stands in it only where a worker's size was measured, and twice what there is at most: one step, then look.
func (c *Case) waitingWorkers(f Fix, room, now int64, how string, measured bool) Fix {
	f.Title = "See what the workers wait for, and bound how long they may"
	f.Text = "A full pool waits for something: a database, a cache that was emptied, another service. More workers ask it for more.\n  request_slowlog_timeout = 5s\n  slowlog = /var/log/php-fpm-slow.log\n  request_terminate_timeout = 60s\nwhile it lasts: mysql -e 'SHOW FULL PROCESSLIST'; redis-cli SLOWLOG GET 20"
	if now > 0 && measured {
		f.Text += fmt.Sprintf("\nIf the processor idles meanwhile, one step up is safe for memory: pm.max_children = %d (%s)", min(room, 2*now), how)
	}
	f.Risk = "request_terminate_timeout ends long requests, exports and imports among them: those want a pool of their own"
	f.Undo = "take the three lines out and reload php-fpm"
	f.Check = "tail -n 40 /var/log/php-fpm-slow.log   # the functions on top of the stacks are what is waited for"
	f.Target = "the pool's file"
	if set, _, ok := c.maxChildren(); ok {
		f.Target = set.Ev.File
	}
	return f
}

// poolChange lowers the spare servers with the number of workers: php-fpm refuses a pool whose start or spare servers
// exceed it ("pm.max_spare_servers(35) must not be greater than pm.max_children(20)").
func (c *Case) poolChange(set correlate.Setting, n int64) change {
	section := "www"
	if len(set.Path) > 0 {
		section = set.Path[0]
	}
	changes := []change{setINI(section, "pm.max_children", strconv.FormatInt(n, 10))}
	value := func(name string) (int64, bool) {
		for _, s := range c.settings("php-fpm", name) {
			if s.Ev.File == set.Ev.File {
				v, err := strconv.ParseInt(strings.TrimSpace(s.Value()), 10, 64)
				return v, err == nil
			}
		}
		return 0, false
	}
	highest, okMax := value("pm.max_spare_servers")
	if okMax && highest > n {
		highest = n
		changes = append(changes, setINI(section, "pm.max_spare_servers", strconv.FormatInt(n, 10)))
	}
	lowest, okMin := value("pm.min_spare_servers")
	if okMin && lowest > n {
		lowest = n
		changes = append(changes, setINI(section, "pm.min_spare_servers", strconv.FormatInt(n, 10)))
	}
	if start, ok := value("pm.start_servers"); ok && okMax && okMin && (start > highest || start < lowest) {
		changes = append(changes, setINI(section, "pm.start_servers", strconv.FormatInt(min(max(start, lowest), highest), 10)))
	}
	return func(e *editor) {
		for _, ch := range changes {
			ch(e)
		}
	}
}

// oneWorker is the pool of which one worker alone holds most.
func (c *Case) oneWorker() (g TaskGroup, pid int64, ok bool) {
	for _, g := range c.Groups {
		if isFPM(g.Comm) {
			if pid, ok := c.aloneLarge(&g); ok {
				return g, pid, true
			}
		}
	}
	return g, 0, false
}

// workersAtKill are the workers that ran when the whole host's memory was exhausted, where they held most of it.
func (c *Case) workersAtKill() (TaskGroup, bool) {
	if c.Kill == nil || !c.RAM.OK || c.Kill.Fact.Constraint == "memcg" || len(c.Kill.Fact.Tasks) == 0 {
		return TaskGroup{}, false
	}
	for _, g := range c.Groups {
		if isFPM(g.Comm) && g.RSS*2 > c.RAM.Bytes {
			return g, true
		}
	}
	return TaskGroup{}, false
}

func (c *Case) workerSize() (int64, correlate.Evidence, bool) {
	n, rss := 0, int64(0)
	var ev correlate.Evidence
	for _, g := range c.Groups {
		if isFPM(g.Comm) {
			if n == 0 {
				ev = g.Ev
			}
			n, rss = n+g.Count, rss+g.RSS
		}
	}
	if n >= 3 {
		return rss / int64(n), ev, true
	}
	return workerAssumed, ev, false
}

// roomForWorkers is what the budget leaves for PHP when Redis, MySQL and the rest keep what they have.
func (c *Case) roomForWorkers() (room int64, terms string, ok bool) {
	b, ok := c.budget()
	if !ok || b.Cgroup {
		return 0, "", false
	}
	if len(b.Terms) > 0 && b.Terms[0].Name == "everything else" {
		b.Terms = append(c.otherTerms(&b), b.Terms[len(b.Terms)-1])
	}
	room = b.Total.Bytes
	parts := []string{mb(b.Total.Bytes) + " RAM"}
	for _, t := range b.Terms {
		if strings.Contains(t.Name, "PHP-FPM") || strings.Contains(t.Name, "php") {
			continue
		}
		room -= t.Bytes
		parts = append(parts, fmt.Sprintf("%s %s", mb(t.Bytes), t.Name))
	}
	redis := c.redisTakes()
	if redis > 0 {
		room -= redis
		parts = append(parts, mb(redis)+" Redis")
	}
	return room, strings.Join(parts, " - "), room > 0
}

// redisTakes is what Redis may take: its limit with fragmentation, else what it held.
func (c *Case) redisTakes() int64 {
	if c.redisElsewhere() {
		return 0
	}
	if m, ok := c.maxmemory(); ok && m.Bytes > 0 {
		frag, _ := c.fragRatio()
		return int64(frag * float64(m.Bytes))
	}
	rss := int64(0)
	for _, g := range c.Groups {
		if IsRedis(g.Comm) {
			rss = max(rss, g.RSS)
		}
	}
	if rss == 0 && c.Growth != nil {
		rss = c.Growth.Last.RSS.Or(c.Growth.Last.Used.Or(0))
	}
	return rss
}

// wouldFit replays the kill with one program held to limit: what it held beyond that stays free. The kill is prevented when
// that is a twentieth of RAM at least: the kernel kills when nothing is left, and a page or two more would not have helped.
func (c *Case) wouldFit(is func(string) bool, limit int64) correlate.Outcome {
	if c.Kill == nil || !c.RAM.OK || len(c.Kill.Fact.Tasks) == 0 {
		return correlate.Unknown
	}
	held := int64(0)
	for _, t := range c.Kill.Fact.Tasks {
		if is(t.Comm) {
			held += t.RSSKB.Or(0) << 10
		}
	}
	return correlate.Judge(held > 0, held-limit >= c.RAM.Bytes/20)
}
