package rules

import (
	"fmt"
	"maps"
	"regexp"
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
	for _, said := range c.shownIn(b) {
		add(said)
	}
	add(c.saidByKernel(b))
	add(c.failedUnit(b))
	add(c.podsDown())
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

// podsDown are pods and containers that a listing shows in a state in which they serve nobody.
func (c *Case) podsDown() string {
	var down []string
	var first correlate.Evidence
	n := 0
	for _, ct := range c.Containers {
		if f := &ct.Fact; podDownRE.MatchString(f.Status) {
			if n++; n == 1 {
				first = ct.Ev
			}
			said := fmt.Sprintf("%s is in state %s", f.Name, f.Status)
			if f.Restarts.Or(0) > 0 {
				said += fmt.Sprintf(" after %s restarts", count(f.Restarts.N))
			}
			if len(down) < 3 && !slices.Contains(down, said) {
				down = append(down, said)
			}
		}
	}
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%s (%s)", joinAnd(down), lineOf(first))
}

var podDownRE = regexp.MustCompile(`^(CrashLoopBackOff|ImagePullBackOff|ErrImagePull|CreateContainer\w*Error|RunContainerError|Error|Pending|Unknown|Evicted|Init:.*|Restarting\b.*)$`)

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

// reasons are what an error log says of why, where its other lines say only that what it asked failed. true: a few such lines
// stand for many requests, since none is written for each.
var reasons = map[string]bool{
	"worker-connections": true, "server-full": true, "open-files": true, "no-ports": true, "disk-full": true, "no-memory": true, "cannot-start": true,
	"socket-missing": false, "socket-denied": false, "socket-unavailable": false, "script-missing": false, "redirect-loop": false, "name-unknown": false,
	"db-connections": false, "db-gone": false, "db-lock": false, "php-memory-limit": false, "php-time-limit": false, "upstream-header": false,
	"redis-oom": false, "redis-refused": false, "redis-timeout": false, "redis-misconf": false, "redis-readonly": false, "redis-auth": false,
	"redis-cluster": false, "redis-busy": false, "redis-loading": false, "redis-maxclients": false, "session-lock": false,
}

// saidByWeb is what the web server's error log says most often, of what turns a request away; a reason before what it leads to.
func (c *Case) saidByWeb(b Burst) string {
	var most, why correlate.ErrorGroup
	for _, g := range c.Errors {
		switch g.Signature {
		case "other", "start", "exit", "reload", "limit-req-delay", "file-missing", "config-refused", "port-taken":
			continue
		}
		if g.First.Placed && (g.First.At.After(b.To) || g.Last.At.Before(b.From.Add(-time.Minute))) {
			continue
		}
		// A tenth of the failures: below it the lines are another matter.
		many, reason := reasons[g.Signature]
		if once := g.Signature == "server-full" || g.Signature == "cannot-start"; g.N < 3 && !once || g.N*10 < b.Failed && !many {
			continue
		}
		if g.N > most.N {
			most = g
		}
		if reason && g.N > why.N {
			why = g
		}
	}
	if why.N > 0 {
		most = why
	}
	if most.N == 0 {
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
	_, killed := c.workersKilled()
	for _, a := range c.App {
		if a.Fact.Signature == "worker-killed" && killed == 0 {
			continue // by their own master, who says why
		}
		if !a.Placed || !a.At.Before(b.From.Add(-feltWithin)) && !a.At.After(b.To) {
			said.add(a.Fact.Signature, a.Ev)
		}
	}
	if signature, n, ev := said.most(); n > 0 {
		return fmt.Sprintf("the application says %s %s (%s)", times(n), saying(signature), lineOf(ev))
	}
	for _, once := range []string{"part-missing", "port-taken"} { // with which a program ends
		if n := said.n[once]; n > 0 {
			return fmt.Sprintf("the application says %s %s (%s)", times(n), saying(once), lineOf(said.first[once]))
		}
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
