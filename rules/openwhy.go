package rules

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"culprit/correlate"
	"culprit/parsers"
)

// What an open verdict can still say of a failing stretch: where it failed, and what the logs said meanwhile. None of it is a
// cause; all of it is what somebody would look for next.

// openWhy joins what is known about a stretch, the closest to a reason first; "" = nothing.
func (c *Case) openWhy(b Burst) string {
	var parts []string
	add := func(s string) {
		if s != "" {
			parts = append(parts, s)
		}
	}
	add(c.restartedIn(b))
	add(c.swapped(b))
	add(c.emptiedIn(b))
	add(c.saidByKernel(b))
	add(c.failedUnit(b))
	add(c.serversDown(b))
	add(c.saidByRedis(b))
	add(c.saidByDatabase(b))
	add(c.saidByPool(b))
	add(c.saidByWeb(b))
	add(c.saidByApp(b))
	add(c.failedAt())
	add(c.surge(b))
	return strings.Join(parts[:min(len(parts), 3)], "; ")
}

// restartedIn are the services of the stack that somebody stopped or started in the stretch, or in the minutes before it; of
// logs whose clock is not known, where the few they tell of may be those.
func (c *Case) restartedIn(b Burst) string {
	var units []string
	var first correlate.Evidence
	unplaced := 0
	for _, s := range c.Services {
		if s.Fact.Event != "started" && s.Fact.Event != "stopped" || !serviceComm.MatchString(commOf(s.Fact.Unit)) {
			continue
		}
		if !s.Placed {
			unplaced++
		} else if s.At.Before(b.From.Add(-feltWithin)) || s.At.After(b.To) {
			continue
		}
		if first.File == "" {
			first = s.Ev
		}
		if !slices.Contains(units, s.Fact.Unit) {
			units = append(units, s.Fact.Unit)
		}
	}
	switch {
	case len(units) == 0 || unplaced > 4: // two services stopped and started: of more, most are of other days
		return ""
	case unplaced > 0:
		return fmt.Sprintf("%s went down or came up, at a time whose zone no line names (%s)", joinAnd(units), lineOf(first))
	}
	return fmt.Sprintf("%s went down or came up meanwhile (%s)", joinAnd(units), lineOf(first))
}

// swapped is a host that read from swap and wrote to it all the while: more than a megabyte a second each way, by the median
// of the stretch, which no disk does beside its work for long, and a host with memory to spare does not do at all.
func (c *Case) swapped(b Burst) string {
	var in, out []float64
	var worst correlate.Evidence
	most := int64(0)
	for _, m := range c.Memory {
		f := &m.Fact
		if !f.SwapInKBS.OK || !f.SwapOutKBS.OK || !m.Placed || m.At.Before(b.From) || m.At.After(b.To) {
			continue
		}
		in, out = append(in, float64(f.SwapInKBS.N)), append(out, float64(f.SwapOutKBS.N))
		if n := f.SwapInKBS.N + f.SwapOutKBS.N; n > most {
			most, worst = n, m.Ev
		}
	}
	i, _ := correlate.Median(in)
	o, _ := correlate.Median(out)
	if len(in) == 0 || i < 1024 || o < 1024 {
		return ""
	}
	said := fmt.Sprintf("the host ran short of memory and swapped, %s a second in and %s out (%s)", bytesIn(int64(i)<<10), bytesIn(int64(o)<<10), lineOf(worst))
	if len(c.Groups) > 0 && c.RAM.OK && c.Groups[0].RSS*4 > c.RAM.Bytes {
		g := c.Groups[0]
		said += fmt.Sprintf(": %s held %s of %s (%s)", plural(g.Count, g.Comm), bytesIn(g.RSS), bytesIn(c.RAM.Bytes), lineOf(g.Ev))
	}
	return said
}

// emptied are the snapshots between which somebody emptied Redis, the last time: what was cached has to be made again.
func (c *Case) emptied() (before, after *correlate.Snapshot) {
	if c.Redis == nil {
		return nil, nil
	}
	for _, run := range c.Redis.Runs() {
		if i := correlate.Emptied(run); i > 0 {
			before, after = &run[i-1], &run[i]
		}
	}
	return before, after
}

// emptiedIn tells of it where it happened as the stretch began.
func (c *Case) emptiedIn(b Burst) string {
	from, to := c.emptied()
	if from == nil || !from.Placed || !to.Placed || from.At.After(b.From) || to.At.Before(b.From.Add(-feltWithin)) {
		return ""
	}
	said := fmt.Sprintf("Redis was emptied between %s and %s, from %s keys to %s (%s)", clockTime(from.At), clockTime(to.At), count(from.Keys.N), count(to.Keys.N), lineOf(to.KeyspaceEvidence("")))
	for _, d := range c.Deploys {
		if up := strings.ToUpper(d.Fact.Text); strings.Contains(up, "FLUSHALL") || strings.Contains(up, "FLUSHDB") {
			return said + fmt.Sprintf(", by a deployment (%s)", lineOf(d.Ev))
		}
	}
	return said
}

// kernelWords are what the kernel says of what the stack stands on, the most telling first.
var kernelWords = []struct{ event, words string }{
	{"io-error", "a disk fails"},
	{"disk-full", "a disk is full"},
	{"nfs-lost", "a file server does not answer"},
	{"conntrack-full", "its table of connections is full and it drops packets (nf_conntrack_max)"},
	{"file-max", "no file may be opened any more (fs.file-max)"},
	{"pids-limit", "a group may start no more processes (pids.max)"},
	{"tcp-memory", "the memory for sockets is used up (tcp_mem)"},
	{"syn-flood", "more connections come than are taken (SYN flooding, or a listen queue too short)"},
}

// saidByKernel is a disk that fails or is full, a table of the kernel's that is, and programs that hang in it.
func (c *Case) saidByKernel(b Burst) string {
	n := map[string]int{}
	last := map[string]correlate.Evidence{}
	comm, crashed := "", "a program"
	for _, k := range c.Kernel {
		e := k.Fact.Event
		if k.Placed && (k.At.Before(b.From.Add(-feltWithin)) || k.At.After(b.To)) {
			continue
		}
		if n[e]++; e == "hung-task" {
			comm = cmp.Or(comm, k.Fact.Comm)
		}
		if e == "segfault" {
			crashed = cmp.Or(k.Fact.Comm, crashed)
		}
		last[e] = k.Ev
	}
	for _, w := range kernelWords {
		if n[w.event] > 0 {
			return fmt.Sprintf("the kernel says %s that %s (%s)", times(n[w.event]), w.words, lineOf(last[w.event]))
		}
	}
	if n["segfault"] > 2 {
		return fmt.Sprintf("the kernel says %s that %s crashed (%s)", times(n["segfault"]), crashed, lineOf(last["segfault"]))
	}
	if n["hung-task"] > 0 {
		return fmt.Sprintf("%s hung in the kernel, as it does when it waits for a disk (%s)", comm, lineOf(last["hung-task"]))
	}
	return ""
}

// kernelRefuses is what the kernel says ten times or more, in the time the input tells of, that nobody can be well with: it
// leaves no trace in an access log, where those who did not get through do not stand.
func (c *Case) kernelRefuses() (what string, ok bool) {
	n := map[string]int{}
	last := map[string]correlate.Evidence{}
	from := c.firstService()
	for _, k := range c.Kernel {
		if !k.Placed || !k.At.Before(from) {
			n[k.Fact.Event]++
			last[k.Fact.Event] = k.Ev
		}
	}
	for _, w := range kernelWords {
		if w.event != "syn-flood" && n[w.event] >= 10 { // which is often a listen queue that was full for a moment
			return fmt.Sprintf("the kernel says %s that %s (%s)", times(n[w.event]), w.words, lineOf(last[w.event])), true
		}
	}
	return "", false
}

// failedUnit is a service that failed and was started again often in the stretch, or in the half hour before it: a loop of
// restarts begins before the requests that fail for it.
func (c *Case) failedUnit(b Burst) string {
	var said tally
	for _, s := range c.Services {
		if s.Fact.Event == "restarted" && s.Fact.Unit != "" && (!s.Placed || !s.At.Before(b.From.Add(-30*time.Minute)) && !s.At.After(b.To)) {
			said.add(s.Fact.Unit, s.Ev)
		}
	}
	if unit, n, ev := said.most(); n > 0 {
		return fmt.Sprintf("%s failed and was started again %s (%s)", unit, times(n), lineOf(ev))
	}
	return ""
}

// meant says whether something of a log was told in the stretch, or in the minutes before it; of a log whose clock is not
// known it may have been.
func meant(placed bool, at time.Time, b Burst) bool {
	return !placed || !at.Before(b.From.Add(-feltWithin)) && !at.After(b.To)
}

// redisWords are what Redis's own log says that keeps it from serving, the most telling first.
var redisWords = []struct{ event, words string }{
	{"config-error", "that it cannot read its configuration file"},
	{"bind-failed", "that it cannot have its port"},
	{"load-failed", "that it cannot load its data"},
	{"failover", "that another server became master"},
	{"master-lost", "that it lost its master"},
	{"maxclients", "that it takes no more clients"},
}

// saidByRedis is what Redis's log says, and a start without a goodbye before it where no zone places it.
func (c *Case) saidByRedis(b Burst) string {
	n := map[string]int{}
	first := map[string]correlate.Evidence{}
	for _, in := range c.Incident.Redis {
		for _, e := range in.Log {
			if !meant(e.Placed, e.At, b) {
				continue
			}
			if n[e.Event]++; n[e.Event] == 1 {
				first[e.Event] = e.Ev
			}
		}
	}
	for _, w := range redisWords {
		if n[w.event] > 0 {
			return fmt.Sprintf("Redis's log says %s %s (%s)", times(n[w.event]), w.words, lineOf(first[w.event]))
		}
	}
	if d := c.deaths(); len(d) > 0 && len(d) <= 2 && !d[len(d)-1].start.Placed {
		last := d[len(d)-1]
		return fmt.Sprintf("%s started again without having shut down, at a time whose zone no line names (%s)", c.serverName(last.server), lineOf(last.start.Ev))
	}
	return ""
}

// saidByDatabase is what MySQL's log says of room that it lacks.
func (c *Case) saidByDatabase(b Burst) string {
	words := map[string]string{"disk-full": "the disk is full", "table-full": "a table has no room: the disk for temporary files, or a limit", "too-many-connections": "it takes no more connections", "alloc-failed": "it was given no memory"}
	var said tally
	for _, s := range c.Services {
		if words[s.Fact.Event] != "" && meant(s.Placed, s.At, b) {
			said.add(s.Fact.Event, s.Ev)
		}
	}
	if event, n, ev := said.most(); n > 0 {
		return fmt.Sprintf("the database says %s that %s (%s)", times(n), words[event], lineOf(ev))
	}
	return ""
}

// saidByPool is PHP-FPM's workers that crash.
func (c *Case) saidByPool(b Burst) string {
	var said tally
	for _, p := range c.Pool {
		if p.Fact.Event == "child-killed" && p.Fact.Signal.Or(0) != 9 && p.Fact.Signal.Or(0) != 15 && meant(p.Placed, p.At, b) {
			said.add(fmt.Sprintf("SIG%s", map[int64]string{6: "ABRT", 7: "BUS", 11: "SEGV"}[p.Fact.Signal.Or(0)]), p.Ev)
		}
	}
	if signal, n, ev := said.most(); n > 0 {
		return fmt.Sprintf("PHP-FPM's workers crashed %s (%s, %s)", times(n), signal, lineOf(ev))
	}
	return ""
}

// appSuffers is what the application says thirty times or more within an hour, in which ten requests or more failed where any
// are logged: somebody was hurt, however few of all.
func (c *Case) appSuffers() (string, bool) {
	hurts := map[string]bool{"db-gone": true, "db-lock": true, "db-connections": true, "disk-full": true, "name-unknown": true, "open-files": true, "part-missing": true, "redis-refused": true, "redis-timeout": true, "redis-readonly": true, "redis-auth": true, "redis-cluster": true, "redis-busy": true, "redis-maxclients": true, "session-lock-503": true}
	byHour := map[string]map[int64]*tally{}
	for _, a := range c.App {
		s := a.Fact.Signature
		if !hurts[s] {
			continue
		}
		if byHour[s] == nil {
			byHour[s] = map[int64]*tally{}
		}
		hour := anyHour // of a log whose clock is not known
		if a.Placed {
			hour = a.At.Unix() / 3600
		}
		if byHour[s][hour] == nil {
			byHour[s][hour] = &tally{}
		}
		byHour[s][hour].add(s, a.Ev)
	}
	for _, s := range slices.Sorted(maps.Keys(byHour)) {
		for _, hour := range slices.Sorted(maps.Keys(byHour[s])) {
			_, n, ev := byHour[s][hour].most()
			if n < 30 {
				continue
			}
			from, to := time.Unix(hour*3600, 0), time.Unix((hour+1)*3600, 0)
			if c.Web != nil && len(c.Web.Files) > 0 {
				if hour == anyHour {
					from, to = c.Web.From, c.Web.To.Add(time.Second)
				}
				if c.Web.Status(from, to).S5xx < 10 {
					continue
				}
			}
			return fmt.Sprintf("the application says %s %s (%s)", times(n), saying(s), lineOf(ev)), true
		}
	}
	return "", false
}

const anyHour int64 = math.MinInt64

// serversDown are the servers that a balancer no longer asks, and why: by its own checks.
func (c *Case) serversDown(b Burst) string {
	var units []string
	var first correlate.Placed[parsers.ServiceEvent]
	for _, s := range c.Services {
		if s.Fact.Event != "backend-down" || s.Placed && (s.At.Before(b.From.Add(-feltWithin)) || s.At.After(b.To)) {
			continue
		}
		if first.Ev.File == "" {
			first = s
		}
		if strings.Contains(s.Fact.Unit, "/") && !slices.Contains(units, s.Fact.Unit) {
			units = append(units, s.Fact.Unit)
		}
	}
	if len(units) == 0 {
		return ""
	}
	slices.Sort(units)
	said := fmt.Sprintf("%s found %s DOWN (%s", first.Fact.Program, joinAnd(units), lineOf(first.Ev))
	if len(units) > 4 {
		said = fmt.Sprintf("%s found %d servers DOWN (%s", first.Fact.Program, len(units), lineOf(first.Ev))
	}
	if first.Fact.Result != "" {
		said += ": " + first.Fact.Result
	}
	return said + ")"
}

// saidByWeb is what the web server's error log says most often, of what turns a request away.
func (c *Case) saidByWeb(b Burst) string {
	var most correlate.ErrorGroup
	for _, g := range c.Errors {
		switch g.Signature {
		case "other", "start", "exit", "reload", "limit-req-delay":
			continue
		}
		if g.First.Placed && (g.First.At.After(b.To) || g.Last.At.Before(b.From.Add(-time.Minute))) {
			continue
		}
		if g.N > most.N {
			most = g
		}
	}
	// A tenth of the failures: below it the lines are another matter.
	if most.N < 3 || most.N*10 < b.Failed {
		return ""
	}
	said := fmt.Sprintf("the web server says %s %s (%s", times(int(most.N)), saying(most.Signature), lineOf(most.First.Ev))
	if len(most.Routes) > 0 && most.Routes[0].N*10 >= most.N*8 {
		said += ", at " + most.Routes[0].Name
	}
	return said + ")"
}

// saidByApp is what the application's log says most often in the stretch.
func (c *Case) saidByApp(b Burst) string {
	var said tally
	for _, a := range c.App {
		if !a.Placed || !a.At.Before(b.From.Add(-feltWithin)) && !a.At.After(b.To) {
			said.add(a.Fact.Signature, a.Ev)
		}
	}
	if signature, n, ev := said.most(); n > 0 {
		return fmt.Sprintf("the application says %s %s (%s)", times(n), saying(signature), lineOf(ev))
	}
	return ""
}

// tally counts what logs say, and keeps the first line of each.
type tally struct {
	n     map[string]int
	first map[string]correlate.Evidence
}

func (t *tally) add(what string, ev correlate.Evidence) {
	if t.n == nil {
		t.n, t.first = map[string]int{}, map[string]correlate.Evidence{}
	}
	if t.n[what]++; t.n[what] == 1 {
		t.first[what] = ev
	}
}

// most is what was said most often; nothing when that is less than three times, as anything is said now and then.
func (t *tally) most() (what string, n int, first correlate.Evidence) {
	for _, one := range slices.Sorted(maps.Keys(t.n)) {
		if t.n[one] > n {
			what, n = one, t.n[one]
		}
	}
	if n < 3 {
		return "", 0, first
	}
	return what, n, t.first[what]
}

// failedAt is the one route that failed in the whole log, where four in five failures are its own: with a fifth elsewhere it is
// still where to look first.
func (c *Case) failedAt() string {
	if c.Web == nil {
		return ""
	}
	routes := c.Web.FailedRoutes()
	all := int64(0)
	for _, r := range routes {
		all += r.Failed
	}
	if len(routes) == 0 || all == 0 || routes[0].Failed*5 < all*4 {
		return ""
	}
	r := routes[0]
	if requests := c.Web.Status(c.Web.From, c.Web.To.Add(time.Second)).Requests; r.Requests*10 > requests*9 {
		return "" // nearly all that is asked for is asked for there
	}
	if len(routes) == 1 || r.Failed == all {
		return fmt.Sprintf("all failed at %s", r.Route)
	}
	return fmt.Sprintf("%s failed at %s, which had %s of all %s requests", percent(float64(r.Failed)/float64(all)), r.Route, count(r.Requests), count(c.Web.Status(c.Web.From, c.Web.To.Add(time.Second)).Requests))
}

// surge is how much more was asked for than before: three times the usual pages a minute, by the median of an hour at least,
// which is what a busy evening is to a quiet morning at most.
func (c *Case) surge(b Burst) string {
	if c.Web == nil {
		return ""
	}
	var before []float64
	most := 0.0
	c.Web.EachBin(func(from time.Time, width time.Duration, t correlate.Totals) {
		n := float64(t.Requests) / width.Minutes()
		switch {
		case from.Before(b.From.Add(-5*time.Minute)) && from.After(b.From.Add(-24*time.Hour)):
			for range int(width.Minutes()) {
				before = append(before, n)
			}
		case !from.Before(b.From.Add(-5*time.Minute)) && from.Before(b.To):
			most = max(most, n)
		}
	})
	usual, _ := correlate.Median(before)
	if len(before) < 60 || usual <= 0 || most < 3*usual || most < usual+30 { // of a few a minute, thrice as many is chance
		return ""
	}
	return fmt.Sprintf("up to %s requests a minute came where %s were usual", count(most), count(max(usual, 1)))
}
