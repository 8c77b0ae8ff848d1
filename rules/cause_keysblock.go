package rules

import (
	"fmt"
	"strings"
	"time"

	"culprit/correlate"
)

var _ = registerCause(Cause{
	ID: "keys-command-block",
	Doc: `Redis runs one command at a time, and everybody waits for a long one: KEYS over the whole keyspace, SMEMBERS or
HGETALL of a giant collection, a Lua script.

Arithmetic:

    KEYS = keys x 0.5 to 1.3 microseconds (measured: 439 to 565 ms for a million, Redis 7.0)
    the SLOWLOG's own microseconds are what counts; a command's start = its stamp - its duration

Threshold: Commands of a second, or of half a second within a stretch of 504s or slow answers. Half a second is the
least at which visitors notice a stall; PHP's read timeout is of the order of seconds.

When it is wrong: the SLOWLOG is of another server, or older than the outage: it keeps the last 128 entries, however
old.`,
	Judge: judgeKeys,
})

// wholeKeyspace are commands whose time grows with the number of keys or elements: O(N) by Redis's documentation.
var wholeKeyspace = map[string]bool{"KEYS": true, "SMEMBERS": true, "HGETALL": true, "LRANGE": true, "ZRANGE": true, "SORT": true, "SUNION": true, "SINTER": true, "SDIFF": true, "FLUSHALL": true, "FLUSHDB": true, "EVAL": true, "EVALSHA": true, "HKEYS": true, "HVALS": true, "DEL": true}

// blocks: a command of this length is felt: PHP's default Redis read timeout is of the order of seconds, and a page makes
// tens of calls. Half a second is the lowest at which visitors notice a stall.
const blocks = 500 * time.Millisecond

func judgeKeys(c *Case) Hypothesis {
	h := Hypothesis{Explained: -1}
	if len(c.Slow) == 0 {
		h.State, h.Reason, h.Missing = NotChecked, "no SLOWLOG in the input", []string{"slowlog"}
		if c.quietWeb() {
			h.State, h.Reason = Excluded, "requests were answered at their usual speed"
			h.Missing = nil
		}
		return h
	}
	byCommand := map[string]int64{}
	n, in504 := 0, 0
	var longest time.Duration
	var first, last time.Time
	for _, s := range c.Slow {
		d := time.Duration(s.Fact.Micros.Or(0)) * time.Microsecond
		if !wholeKeyspace[s.Fact.Command] || d < blocks {
			continue
		}
		n++
		byCommand[s.Fact.Command] += int64(d)
		longest = max(longest, d)
		if len(h.Evidence) < 3 {
			h.Evidence = append(h.Evidence, s.Ev)
		}
		if s.Placed {
			if first.IsZero() || s.At.Before(first) {
				first = s.At
			}
			if s.At.After(last) {
				last = s.At
			}
			if c.burstAt(s.At, d) {
				in504++
			}
		}
	}
	if n == 0 {
		worst := correlate.Placed[slowRow]{}
		for _, s := range c.Slow {
			if us := s.Fact.Micros.Or(0); us > worst.Fact.us {
				worst = correlate.Placed[slowRow]{Fact: slowRow{s.Fact.Command, us}, Ev: s.Ev}
			}
		}
		h.State = Excluded
		h.Reason = fmt.Sprintf("the slowest command in the SLOWLOG is %s with %s", worst.Fact.command, time.Duration(worst.Fact.us)*time.Microsecond)
		h.Evidence = []correlate.Evidence{worst.Ev}
		return h
	}
	if c.Kill != nil && c.felt(c.Kill) {
		h.State, h.Reason = Excluded, fmt.Sprintf("%s was killed, and requests failed from then on", name(c.Kill.Fact.VictimComm))
		return h
	}
	command := topOf(byCommand).Name
	failed := int64(0)
	for _, b := range c.Bursts {
		failed += b.S504 + b.S502 + b.S500
	}
	h.Tests = correlate.Tests{
		Structural: correlate.Pass,
		Deviating:  correlate.Judge(true, longest >= blocks),
		Ordered:    correlate.Judge(in504 > 0, true),
		Sufficient: correlate.Judge(failed > 0, in504 > 0),
	}
	slow, fails := c.slowWeb()
	if failed == 0 && !slow && longest < time.Second {
		h.State, h.Confidence = Possible, 0.4
		h.Reason = "such commands ran, but no request suffered"
		return h
	}
	h.State = Established
	h.Culprits = []Culprit{{Kind: "command", Value: command, Share: 1, Note: fmt.Sprintf("%d times, up to %s", n, longest.Round(10*time.Millisecond))}}
	if len(c.Bursts) > 1 && failed > 0 && in504 > 0 {
		failed = 0
		for _, b := range c.Bursts {
			if c.slowAt(b) {
				failed += b.S504 + b.S502 + b.S500
			}
		}
	}
	effect := "every other request waited"
	if failed > 0 {
		effect = fmt.Sprintf("%s requests failed meanwhile", count(failed))
	}
	times := times(n)
	h.Summary = fmt.Sprintf("%s blocked Redis %s for up to %s; %s.", c.commandWords(command), times, longest.Round(10*time.Millisecond), effect)
	block := correlate.Event{Kind: "redis-blocked", Subject: command, Text: fmt.Sprintf("%s ran %d times for up to %s", command, n, longest.Round(10*time.Millisecond)), From: first, To: last, Evidence: h.Evidence}
	if len(c.CronJobs) > 0 {
		for _, j := range c.CronJobs {
			if containsFold(j.Fact.Command, "redis") || containsFold(j.Fact.Command, "session") {
				ev := j.Ev
				ev.Note = "a cron job that fits"
				block.Evidence = append(block.Evidence, ev)
				break
			}
		}
	}
	if web, ok := c.webEvent(); ok {
		h.Chain = []correlate.Link{link(block, web, h.Tests, -1)}
	} else {
		h.Chain = []correlate.Link{link(block, correlate.Event{Kind: "slow-requests", Subject: "web", Text: fails}, h.Tests, -1)}
	}
	h.Onset = block
	h.Fixes = []string{"replace-keys-with-scan"}
	return h
}

// commandWords names a command for people: of a script, which one, where all its calls were of one.
func (c *Case) commandWords(command string) string {
	if command != "EVALSHA" && command != "EVAL" {
		return command
	}
	words := "a Lua script (" + command
	sha := ""
	for _, s := range c.Slow {
		if s.Fact.Command != command || command == "EVAL" {
			continue
		}
		one := strings.Trim(strings.Fields(s.Fact.Args + " ")[0], `"'`)
		if sha != "" && sha != one {
			return words + ", of several)"
		}
		sha = one
	}
	if len(sha) >= 8 {
		words += " " + sha[:8]
	}
	return words + ")"
}

// slowAt: such a command ran at a stretch of failures.
func (c *Case) slowAt(b Burst) bool {
	for _, s := range c.Slow {
		d := time.Duration(s.Fact.Micros.Or(0)) * time.Microsecond
		if wholeKeyspace[s.Fact.Command] && d >= blocks && s.Placed && b.From.Before(s.At.Add(d+90*time.Second)) && b.To.After(s.At.Add(-90*time.Second)) {
			return true
		}
	}
	return false
}

type slowRow struct {
	command string
	us      int64
}

// burstAt: requests failed while the command ran, or in the minute after: an upstream timeout is 60 s by default.
func (c *Case) burstAt(at time.Time, d time.Duration) bool {
	for _, b := range c.Bursts {
		if b.From.Before(at.Add(d+90*time.Second)) && b.To.After(at.Add(-90*time.Second)) {
			return true
		}
	}
	return false
}

// slowWeb: answers took longer than usual in some stretch: the 95th percentile of a bin at least five times the whole
// log's and half a second above it.
func (c *Case) slowWeb() (bool, string) {
	if c.Web == nil || len(c.Web.Files) == 0 {
		return false, "requests waited"
	}
	all := c.Web.Status(c.Web.From, c.Web.To.Add(time.Minute))
	if !all.LatencyP95.OK {
		return false, "requests waited (this access log shows no times)"
	}
	worst := 0.0
	c.Web.EachBin(func(_ time.Time, _ time.Duration, t correlate.Totals) {
		if t.Pages >= 5 && t.LatencyP95.OK {
			worst = max(worst, t.LatencyP95.F)
		}
	})
	return worst > 5*all.LatencyP95.F && worst > all.LatencyP95.F+0.5, fmt.Sprintf("answers took up to %.1f s where 95 %% take %.2f s", worst, all.LatencyP95.F)
}

// quietWeb: no failing stretch and, where times are logged, no slow one.
func (c *Case) quietWeb() bool {
	if c.Web == nil || len(c.Web.Files) == 0 || len(c.Bursts) > 0 {
		return false
	}
	slow, _ := c.slowWeb()
	return !slow
}
