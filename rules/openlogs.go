package rules

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"culprit/correlate"
)

// What an open verdict can say by the logs of Redis, the database, PHP-FPM and the application.

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
	hurts := map[string]bool{"db-gone": true, "db-lock": true, "db-connections": true, "disk-full": true, "name-unknown": true, "open-files": true, "part-missing": true, "redis-refused": true, "redis-timeout": true, "redis-readonly": true, "redis-auth": true, "redis-cluster": true, "redis-busy": true, "redis-maxclients": true, "session-lock-503": true,
		"worker-timeout": true, "worker-killed": true, "queue-full": true, "no-endpoint": true, "connect-refused": true, "upstream-timeout": true, "no-live-upstreams": true}
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
