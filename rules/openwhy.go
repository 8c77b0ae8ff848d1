package rules

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
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
	add(c.saidByKernel(b))
	add(c.failedUnit(b))
	add(c.saidByWeb(b))
	add(c.saidByApp())
	add(c.failedAt(b))
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
	case len(units) == 0 || unplaced > 4:
		return ""
	case unplaced > 0:
		return fmt.Sprintf("%s went down or came up, at a time whose zone no line names (%s)", joinAnd(units), lineOf(first))
	}
	return fmt.Sprintf("%s went down or came up meanwhile (%s)", joinAnd(units), lineOf(first))
}

// saidByKernel is a disk that fails or is full, and programs that hang in it.
func (c *Case) saidByKernel(b Burst) string {
	words := map[string]string{"io-error": "a disk fails", "disk-full": "a disk is full"}
	n := map[string]int{}
	last := map[string]correlate.Evidence{}
	comm := ""
	for _, k := range c.Kernel {
		e := k.Fact.Event
		if words[e] == "" && e != "hung-task" || k.Placed && (k.At.Before(b.From.Add(-feltWithin)) || k.At.After(b.To)) {
			continue
		}
		if n[e]++; e == "hung-task" {
			comm = cmp.Or(comm, k.Fact.Comm)
		}
		last[e] = k.Ev
	}
	for _, e := range []string{"io-error", "disk-full"} {
		if n[e] > 0 {
			return fmt.Sprintf("the kernel says %s that %s (%s)", times(n[e]), words[e], lineOf(last[e]))
		}
	}
	if n["hung-task"] > 0 {
		return fmt.Sprintf("%s hung in the kernel, as it does when it waits for a disk (%s)", comm, lineOf(last["hung-task"]))
	}
	return ""
}

// failedUnit is a service that failed and was started again three times or more in the stretch.
func (c *Case) failedUnit(b Burst) string {
	n := map[string]int{}
	first := map[string]correlate.Evidence{}
	for _, s := range c.Services {
		if s.Fact.Event != "restarted" || s.Fact.Unit == "" || s.Placed && (s.At.Before(b.From.Add(-30*time.Minute)) || s.At.After(b.To)) {
			continue
		}
		if n[s.Fact.Unit]++; n[s.Fact.Unit] == 1 {
			first[s.Fact.Unit] = s.Ev
		}
	}
	most := ""
	for _, unit := range sortedKeys(n) {
		if n[unit] > n[most] {
			most = unit
		}
	}
	if n[most] < 3 {
		return ""
	}
	return fmt.Sprintf("%s failed and was started again %s (%s)", most, times(n[most]), lineOf(first[most]))
}

// jobAtOnset is the one job that cron started when the keys began to rise, of those that run once or twice in all that time: what
// runs every few minutes is always near.
func (c *Case) jobAtOnset() (correlate.Placed[parsers.CronRun], bool) {
	g := c.Growth
	var none correlate.Placed[parsers.CronRun]
	if g == nil || g.Onset == nil || !g.Onset.Placed {
		return none, false
	}
	step := time.Duration(0)
	for i := 1; i < len(g.Run); i++ {
		if g.Run[i-1].At.Equal(g.Onset.At) {
			step = g.Run[i].At.Sub(g.Onset.At)
		}
	}
	runs := map[string]int{}
	var near []correlate.Placed[parsers.CronRun]
	for _, j := range c.Crons {
		if !j.Placed {
			continue
		}
		runs[j.Fact.Command]++
		if at := j.At.Sub(g.Onset.At); at >= -step && at <= step {
			near = append(near, j)
		}
	}
	near = slices.DeleteFunc(near, func(j correlate.Placed[parsers.CronRun]) bool { return runs[j.Fact.Command] > 2 })
	if len(near) != 1 {
		return none, false
	}
	return near[0], true
}

// jobName is a command up to its first option or assignment: what follows may hold a password.
func jobName(command string) string {
	var words []string
	for _, w := range strings.Fields(command) {
		if w[0] == '-' || strings.Contains(w, "=") || strings.Contains(w, "://") || len(words) == 6 {
			break
		}
		words = append(words, w)
	}
	return strings.Join(words, " ")
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

// saidByApp is what the application's log says most often.
func (c *Case) saidByApp() string {
	n := map[string]int{}
	first := map[string]correlate.Evidence{}
	for _, a := range c.App {
		if n[a.Fact.Signature]++; n[a.Fact.Signature] == 1 {
			first[a.Fact.Signature] = a.Ev
		}
	}
	most := ""
	for _, s := range sortedKeys(n) {
		if n[s] > n[most] {
			most = s
		}
	}
	if n[most] < 3 {
		return ""
	}
	return fmt.Sprintf("the application says %s %s (%s)", times(n[most]), saying(most), lineOf(first[most]))
}

// saying puts a signature into words.
func saying(signature string) string {
	if words := sayings[signature]; words != "" {
		return "that " + words
	}
	return strconv.Quote(signature)
}

var sayings = map[string]string{
	"upstream-timeout":   "what it asked did not answer in time",
	"upstream-closed":    "what it asked hung up",
	"no-live-upstreams":  "no upstream is left",
	"connect-refused":    "its connection was refused",
	"socket-unavailable": "the socket's queue is full",
	"socket-missing":     "the socket is not there",
	"limit-req":          "it refused by limit_req",
	"limit-conn":         "it refused by limit_conn",
	"worker-connections": "it has no connection left",
	"worker-killed":      "a worker was ended by SIGKILL",
	"php-memory-limit":   "PHP's memory_limit was reached",
	"memory-limit":       "its memory limit was reached",
	"php-fatal":          "PHP failed",
	"disk-full":          "the disk is full",
	"cert-expired":       "clients refuse its certificate as expired",
	"db-connections":     "the database takes no more connections",
	"redis-refused":      "Redis refused or dropped its connection",
	"redis-timeout":      "Redis did not answer in time",
	"redis-loading":      "Redis is still loading",
	"redis-maxclients":   "Redis takes no more clients",
	"redis-misconf":      "Redis refuses writes because it cannot save",
	"redis-oom":          "Redis refuses writes at its limit",
	"session-lock":       "it waits for a session lock",
	"session-lock-503":   "it gave up waiting for a session lock",
}

// failedAt is the one route that failed, where four in five failures are its own and most other requests were not for it.
func (c *Case) failedAt(b Burst) string {
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
	if len(routes) == 1 || r.Failed == all {
		return fmt.Sprintf("all failed at %s", r.Route)
	}
	return fmt.Sprintf("%s failed at %s, which had %s of all %s requests", percent(float64(r.Failed)/float64(all)), r.Route, count(r.Requests), count(c.Web.Status(c.Web.From, c.Web.To.Add(time.Second)).Requests))
}

func sortedKeys(m map[string]int) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, cmp.Compare[string])
	return keys
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

// sharedMemory is what belongs to no process, where it is a quarter of RAM or more: files in tmpfs (/dev/shm, /run, often /tmp),
// System V segments. The kernel counts it and cannot take it back.
func (c *Case) sharedMemory() (int64, correlate.Evidence, bool) {
	if c.Kill == nil || !c.RAM.OK || c.inGroup() {
		return 0, correlate.Evidence{}, false
	}
	n := c.Kill.Fact.ShmemKB.Or(0) << 10
	for _, g := range c.Groups {
		if strings.HasPrefix(g.Comm, "postgres") || strings.HasPrefix(g.Comm, "postmaster") || strings.HasPrefix(g.Comm, "oracle") {
			n -= g.RSS // their buffers are shared memory, and theirs
		}
	}
	return n, c.line(c.Kill.Fact.MemInfoLine), float64(n) >= hogOfRAM*float64(c.RAM.Bytes)
}
