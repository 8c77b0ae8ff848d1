package rules

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"culprit/correlate"
	"culprit/parsers"
)

// harmless decides whether the input shows a host that was well: no kill of the stack's, no failing stretch, no refused
// write, and evidence that would show them. It takes positive evidence to say so: where a witness is missing whose silence
// nobody can hear, it is not, and the words say how far all was well.
func (c *Case) harmless(all []Hypothesis) (bool, string, float64) {
	if c.Kill != nil {
		return false, "", 0
	}
	for _, h := range all {
		if h.State == Possible && h.Confidence >= 0.5 {
			return false, "", 0
		}
	}
	web := c.Web != nil && len(c.Web.Files) > 0
	info := c.Growth != nil && c.Growth.Last.Used.OK
	if !web && !info {
		return false, "", 0
	}
	if _, blind := c.webUnplaced(); blind && !web {
		return false, "", 0
	}
	if _, full := c.exhausted(); full {
		return false, "", 0
	}
	// INFO alone of a server that started less than a day ago says nothing of what ended the one before it.
	if up, known := c.uptime(); !web && known && up < 24*time.Hour {
		return false, "", 0
	}
	if n, _, _ := c.refusedWrites(); n > 0 {
		return false, "", 0
	}
	if c.saveKilled() != nil || c.diedInWindow() {
		return false, "", 0
	}
	meant, limited := c.limitedAsMeant()
	if !limited {
		meant, limited = c.crawlersAlone()
	}
	if b, ok := c.mainBurst(); ok && b.Failed >= 10 && !limited {
		return false, "", 0
	}
	if _, ok := c.lastEnd(); ok {
		return false, "", 0
	}
	if _, ok := c.unreadKill(); ok {
		return false, "", 0
	}
	if _, ok := c.rebooted(); ok {
		return false, "", 0
	}
	if _, ok := c.turnedAway(); ok {
		return false, "", 0
	}
	if _, ok := c.kernelRefuses(); ok {
		return false, "", 0
	}
	if _, ok := c.appSuffers(); ok {
		return false, "", 0
	}
	if _, ok := c.stayedDown(); ok {
		return false, "", 0
	}
	if c.shown() != "" {
		return false, "", 0
	}
	if c.unwell() != "" || !web && c.masterLost() != "" {
		return false, "", 0
	}
	if _, ok := c.panicked(); ok {
		return false, "", 0
	}
	if max, ok := c.maxmemory(); !web && c.redisGrew() != "" && !(ok && max.Bytes > 0) {
		return false, "", 0 // without a limit, and nobody knows where it ends
	}
	var parts []string
	if web {
		t := c.Web.Status(c.Web.From, c.Web.To.Add(1e9))
		parts = append(parts, fmt.Sprintf("%s requests in %s, %s of them failed", count(t.Requests), spell(c.Web.To.Sub(c.Web.From)), count(t.S5xx)))
	}
	if info {
		l := c.Growth.Last
		part := fmt.Sprintf("Redis stood at %s", bytesIn(l.Used.Or(0)))
		if m, ok := c.maxmemory(); ok && m.Bytes > 0 {
			part += " of maxmemory " + bytesIn(m.Bytes)
		} else if c.RAM.OK {
			part += " on a host with " + bytesIn(c.RAM.Bytes)
		}
		parts = append(parts, part)
		// A lone snapshot of a Redis that holds a large part of the host says nothing of how it got there.
		if !web && (len(c.Growth.Run) < 2) && (!c.RAM.OK || float64(l.Used.Or(0)) > 0.2*float64(c.RAM.Bytes)) && l.Used.Or(0) > 1<<30 {
			return false, "", 0
		}
	}
	kernel := c.noKill(Hypothesis{}).State != NotChecked
	note := "nothing that the stack needs was killed"
	if len(c.Elsewhere) > 0 {
		k := c.Elsewhere[0]
		note = fmt.Sprintf("the kill of %s is not this stack's: %s", name(k.Fact.VictimComm), c.WhyElsewhere[0])
	} else if !kernel {
		note = "no kernel log in the input says whether anything was killed"
	}
	if !info && c.hasRedis() {
		note += ", and no INFO how full Redis was"
	}
	if limited {
		note = meant + "; " + note
	}
	conf := c.allClear(web, info, kernel)
	if hole := c.hole(); hole != "" {
		note = hole + "; " + note
	}
	well := fmt.Sprintf("%s; %s", joinAnd(parts), note)
	ahead, leaks := c.ahead()
	switch {
	case leaks && conf > 0:
		return true, fmt.Sprintf("no outage yet, but %s. So far %s", ahead, well), conf
	case leaks:
		return false, fmt.Sprintf("%s. Else %s", ahead, well), 0
	case conf > 0:
		return true, "no incident: " + well, conf
	}
	return false, "no sign of an incident, but too little in the input to rule one out: " + well, 0
}

// allClear is how sure one may be that nothing happened, by who was there to say that something did: the requests, the kernel
// and Redis; 0 = not sure enough to say so.
//
// Measured on the 60 labelled incidents with some of their files taken away (692 inputs, three in four of which had an outage): with
// all three 47 of 47 all-clears were right, without Redis 23 of 33 (what it evicts or refuses is not seen), without the kernel
// 16 of 20 (a database that died), without the requests 21 of 23; with fewer 28 of 54. Of a Redis alone one asks how it is.
func (c *Case) allClear(web, info, kernel bool) float64 {
	hole := c.hole() != ""
	switch {
	case web && kernel && info && hole:
		if !c.redisLived() {
			return 0
		}
		return 0.7
	case hole:
		return 0
	case web && kernel && info:
		return 0.9
	case kernel && info:
		return 0.75
	case web && kernel, web && info && c.redisLived():
		return 0.7
	case info && c.onlyRedis():
		return 0.5
	}
	return 0
}

// onlyRedis: nothing in the input is of anything else.
func (c *Case) onlyRedis() bool {
	return !slices.ContainsFunc(c.Inputs, func(in correlate.Input) bool {
		return in.Facts > 0 && !isRedisFormat(in.Format) && (len(in.Parts) == 0 || slices.ContainsFunc(in.Parts, func(p string) bool { return !isRedisFormat(p) }))
	})
}

func isRedisFormat(format string) bool { return strings.HasPrefix(format, "redis-") }

// hasRedis: some file is of a Redis, so that the shop has one.
func (c *Case) hasRedis() bool {
	return slices.ContainsFunc(c.Inputs, func(in correlate.Input) bool {
		return in.Facts > 0 && (isRedisFormat(in.Format) || slices.ContainsFunc(in.Parts, isRedisFormat))
	})
}

// redisLived: a log of Redis, which would tell of one that died, or INFO from the end of the access log, or after it, of one that
// has run since before the first request. An hour is allowed, since INFO is taken by hand.
func (c *Case) redisLived() bool {
	s := c.lastWith(func(s *correlate.Snapshot) bool { return s.Uptime.OK })
	lived := s != nil && s.Placed && s.At.After(c.Web.To.Add(-time.Hour)) && s.At.Add(-time.Duration(s.Uptime.N)*time.Second).Before(c.Web.From)
	return lived ||
		slices.ContainsFunc(c.Inputs, func(in correlate.Input) bool { return in.Is("redis-log") && in.Read > 0 })
}

// soon is how far off a full memory is worth the first sentence: a month is what people plan in.
const soon = 30 * 24 * time.Hour

// ahead tells of a leak that nobody has felt: how fast it grows, by whom, and when what there is will be full.
func (c *Case) ahead() (string, bool) {
	g := c.Growth
	full, what := c.RAM, "the host's memory"
	if m, ok := c.maxmemory(); ok && m.Bytes > 0 {
		full, what = m, "its maxmemory"
	}
	if c.Leak.State != Established || c.Leak.After || g.Counted != correlate.NoTTLKeys || g.NoTTLPerDay <= 0 || !full.OK {
		return "", false
	}
	daily := g.NoTTLPerDay * c.Leak.BytesKey
	left := float64(full.Bytes - g.Last.Used.Or(0))
	in := days(max(left, 0) / daily)
	if daily <= 0 || in > soon {
		return "", false
	}
	s := fmt.Sprintf("%s keys that never expire come a day, %s; Redis fills %s of %s in %s", count(g.NoTTLPerDay), bytesIn(int64(daily)), what, bytesIn(full.Bytes), spell(in))
	src := c.sources(c.Leak)
	for _, sh := range append(append([]correlate.Share(nil), src.crawlers...), src.routes...) {
		if src.judged && sh.Share >= leakExplains {
			s += fmt.Sprintf(" (%s makes %s of them)", groupName(sh.Group), percent(min(sh.Share, 1)))
			break
		}
	}
	return s, true
}

// turnedAway: the web server itself says that it could not serve, ten times or more: visitors were hurt, whatever status
// the access log shows for those it did answer.
func (c *Case) turnedAway() (correlate.ErrorGroup, bool) {
	var worst correlate.ErrorGroup
	for _, g := range c.Errors {
		switch g.Signature {
		case "worker-connections", "no-live-upstreams", "upstream-timeout", "connect-refused", "socket-unavailable", "socket-missing", "socket-denied",
			"open-files", "no-ports", "no-route", "name-unknown", "db-gone", "db-lock", "db-connections", "upstream-tls", "upstream-header", "upstream-invalid",
			"script-missing", "redirect-loop", "no-memory",
			"redis-refused", "redis-timeout", "redis-misconf", "redis-readonly", "redis-auth", "redis-cluster", "redis-busy", "disk-full":
			if g.N >= 10 && g.N > worst.N {
				worst = g
			}
		case "body-too-large": // one program that sends what it should not is its own trouble
			if g.N >= 30 && len(g.Clients) >= 10 && g.N > worst.N {
				worst = g
			}
		case "cannot-start", "server-full": // said once
			if worst.N == 0 {
				worst = g
			}
		case "cert-expired": // a client's clock may be wrong; one in twenty of all who come is not
			from, to := c.Web.From, c.Web.To
			if g.First.Placed && g.Last.Placed {
				from, to = g.First.At, g.Last.At
			}
			if g.N >= 10 && g.N > worst.N && g.N*20 >= c.Web.Status(from, to).Requests {
				worst = g
			}
		}
	}
	return worst, worst.N > 0
}

// webUnplaced is an access log of which hardly a line could be used, as when its times name no zone: what it would show is open.
func (c *Case) webUnplaced() (file string, ok bool) {
	for _, in := range c.Inputs {
		if (in.Format == "nginx-access" || in.Format == "haproxy") && in.Skipped*2 > in.Read {
			return in.File, true
		}
	}
	return "", false
}

// missing lists what would move the verdict most: what the open causes asked for, most asked first.
func (c *Case) missing(all []Hypothesis) []Missing {
	votes := map[string]int{}
	for _, h := range all {
		for _, id := range h.Missing {
			switch {
			case h.State == Possible:
				votes[id] += 3
			case votes[id] < 2: // three rare causes that want the same log do not make it the next step
				votes[id]++
			}
		}
	}
	if c.Kill == nil {
		e, ended := c.lastEnd()
		if len(c.deaths()) > 0 || ended && !e.fault {
			votes["kernel-log"] += 3
		}
		if _, ok := c.rebooted(); ok {
			votes["kernel-log-before"] += 4
			delete(votes, "kernel-log")
		}
	}
	if c.Kill == nil {
		asked := c.askedBy()
		for id, n := range asked {
			votes[id] += n
		}
		if (len(asked) > 0 || len(c.App) > 0 || c.shown() != "" || c.connectionsRanOut()) && !c.speaksOfRedis() {
			for _, id := range []string{"redis-info", "redis-log", "redis-conf", "slowlog", "client-list", "key-sample"} {
				delete(votes, id)
			}
		}
		if asked["app-log"] > 0 || asked["heap-snapshot"] > 0 || c.asksAnother() {
			delete(votes, "php-fpm-log") // what the web server asks is no PHP-FPM
		}
	}
	if _, blind := c.webUnplaced(); blind {
		votes["host-zone"] += 5
	}
	if g := c.Growth; g != nil && c.fewGrew() && c.besideKeys() == "" {
		if big, _ := c.bigKey(); big == nil {
			votes["big-keys"] += 4
		}
	}
	if _, _, ok := c.sharedMemory(); ok {
		votes["shared-memory"] += 6
	}
	if c.Kill != nil {
		if c.Leak.State == Established && len(c.Keys) == 0 {
			votes["key-sample"] += 4
		}
		switch {
		case c.Kill.Placed:
		case c.Kill.Logged.IsZero():
			votes["boot-time"] += 2
		default:
			votes["host-zone"] += 2
		}
		if c.Growth == nil {
			votes["redis-info"] += 2
		}
		if c.Redis == nil || c.Redis.ConfigFile == "" && c.Growth == nil {
			votes["redis-conf"] += 2
		}
		if len(c.Kill.Fact.Tasks) == 0 {
			votes["oom-task-table"] += 2
		}
		switch {
		case c.Web == nil || len(c.Web.Files) == 0:
			votes["access-log"] += 2
		case c.Kill.Placed && c.Web.To.Before(c.Kill.At.Add(-feltWithin)):
			votes["access-log-in-window"] += 2
		}
	}
	return missingOf(votes)
}

// settledBy is the evidence that settles what a web server or an application says, by its signature.
var settledBy = map[string]string{
	"cert-expired": "certificate", "upstream-tls": "certificate",
	"db-gone": "database-log", "db-lock": "database-connections", "db-connections": "database-connections",
	"disk-full": "disk-use", "table-full": "disk-use", "script-missing": "document-root", "worker-connections": "web-server-status",
	"open-files": "open-files", "no-ports": "local-ports", "name-unknown": "name-service", "redis-maxclients": "client-list",
}

// askedBy is what the web server's and the application's own words ask for next.
func (c *Case) askedBy() map[string]int {
	votes := map[string]int{}
	ask := func(signature string) {
		if id := settledBy[signature]; id != "" {
			votes[id] = 6
		}
	}
	if g, ok := c.turnedAway(); ok {
		switch g.Signature {
		case "socket-missing", "socket-unavailable", "socket-denied", "connect-refused", "upstream-timeout":
			switch {
			case asksAnother(&g):
				votes["app-log"] = 5
			case len(c.Pool) == 0:
				votes["php-fpm-log"] = 5
			default:
				votes["php-fpm-slowlog"] = 5
			}
		default:
			ask(g.Signature)
		}
	}
	for _, s := range c.Services {
		ask(s.Fact.Event)
	}
	if c.lost() != "" {
		votes["document-root"] = 6
	}
	if _, n := c.heapLimit(); n > 0 {
		votes["heap-snapshot"] = 7
	}
	if b, ok := c.mainBurst(); ok && c.swapped(b) != "" {
		votes["process-list"] = 7
	}
	if b, ok := c.mainBurst(); ok && c.serversDown(b) != "" {
		votes["app-log"] = 6
	}
	defer func() { // what is there is not asked for
		for _, q := range c.Queries {
			if q.Fact.From != "slow-log" {
				delete(votes, "database-connections")
			}
		}
		for _, p := range c.Pool {
			if p.Fact.WaitsIn != "" {
				delete(votes, "php-fpm-slowlog")
			}
		}
		if len(c.Disks) > 0 && c.diskFull() == "" {
			delete(votes, "disk-use")
		}
		if len(c.App) > 0 {
			delete(votes, "app-log")
		}
		if slices.ContainsFunc(c.Inputs, func(in correlate.Input) bool { return in.Format == "mysql-log" }) {
			delete(votes, "database-log")
		}
	}()
	full := 0
	for _, k := range c.Kernel {
		if k.Fact.Event == "conntrack-full" {
			full++
		}
	}
	if full >= 3 {
		votes["connection-table"] = 7
	}
	for _, a := range c.App {
		ask(a.Fact.Signature)
	}
	for _, g := range c.Errors {
		if (g.Signature == "db-connections" || g.Signature == "disk-full") && g.N >= 3 {
			ask(g.Signature)
		}
	}
	return votes
}

// asksAnother says whether what failed was asked of another program than PHP-FPM.
func (c *Case) asksAnother() bool {
	g, ok := c.turnedAway()
	return ok && asksAnother(&g)
}

func asksAnother(g *correlate.ErrorGroup) bool {
	said := g.First.Fact
	return strings.Contains(said, `upstream: "`) && !strings.Contains(said, `upstream: "fastcgi`)
}

// speaksOfRedis says whether anything in the input is about a Redis.
func (c *Case) speaksOfRedis() bool {
	return c.Redis != nil || len(c.Incident.Redis) > 0 || len(c.Keys) > 0 || len(c.Slow) > 0 ||
		slices.ContainsFunc(c.App, func(a correlate.Placed[parsers.AppEvent]) bool {
			return strings.HasPrefix(a.Fact.Signature, "redis-") || strings.HasPrefix(a.Fact.Signature, "session-")
		}) ||
		slices.ContainsFunc(c.Errors, func(g correlate.ErrorGroup) bool {
			return strings.HasPrefix(g.Signature, "redis-") || strings.HasPrefix(g.Signature, "session-")
		}) ||
		slices.ContainsFunc(c.Settings, func(s correlate.Setting) bool { return s.System == "redis" }) ||
		slices.ContainsFunc(c.Services, func(s correlate.Placed[parsers.ServiceEvent]) bool {
			return IsRedis(commOf(cmp.Or(s.Fact.Unit, s.Fact.Program)))
		})
}

// diedInWindow: a server started again without having said goodbye, in the time that the rest of the input tells of.
func (c *Case) diedInWindow() bool {
	from := c.firstService()
	for _, d := range c.deaths() {
		if !d.start.Placed || d.start.At.After(from) {
			return true
		}
	}
	return false
}

// uptime is how long the server of the last snapshot had been running, where that is known.
func (c *Case) uptime() (up time.Duration, known bool) {
	s := c.lastWith(func(s *correlate.Snapshot) bool { return s.Uptime.OK })
	if s == nil {
		return 0, false
	}
	return time.Duration(s.Uptime.N) * time.Second, true
}
