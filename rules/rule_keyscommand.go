package rules

import (
	"fmt"
	"time"

	"culprit/correlate"
	"culprit/parsers"
)

var _ = register(Rule{
	ID: "keys-in-script-or-cron",
	Doc: `A script, a runbook or a cron job asks Redis for KEYS with a pattern. Redis has one thread for commands: it walks
every key of the database before it answers anybody else, whether the pattern matches or not. SCAN (redis-cli --scan)
gives the same in slices.

Arithmetic:

    blocked = keys x 0.5 to 1.3 microseconds (measured: 1,000,000 keys in 0.44 to 0.57 s, 200,000 in 0.26 s)

Threshold: One call. It contributes where SLOWLOG shows KEYS, or keys-command-block is the cause; else it is hygiene.
KEYS without a wildcard asks for one key and costs the same walk.

When it is wrong: the script runs against a replica or an empty database.`,
	Check: checkKeysCommand,
})

// perKeyMicros are the measured costs of KEYS a key.
const (
	perKeyMicrosLow  = 0.5
	perKeyMicrosHigh = 1.3
)

func checkKeysCommand(c *Case) []Finding {
	var out []Finding
	index := map[string]int{}
	for _, call := range c.redisCalls() {
		if call.Command != "KEYS" {
			continue
		}
		ev := call.Ev
		ev.Note = "KEYS " + call.Args
		if i, ok := index[call.Where+call.Ev.File]; ok {
			if len(out[i].Evidence) < 5 {
				out[i].Evidence = append(out[i].Evidence, ev)
			}
			continue
		}
		index[call.Where+call.Ev.File] = len(out)
		f := Finding{Role: RoleHygiene, Evidence: []correlate.Evidence{ev}, Fixes: c.Advise("replace-keys-with-scan"),
			Title: fmt.Sprintf("%s asks Redis for KEYS %s, which walks every key before anybody else is served", capital(call.Where), call.Args)}
		if call.Cron != nil {
			if call.Cron.Ev.File != call.Ev.File {
				cron := call.Cron.Ev
				cron.Text, cron.Note = "", "cron runs it: "+call.Cron.Fact.Schedule
				f.Evidence = append(f.Evidence, cron)
			}
			f.Detail = "Cron runs it: " + call.Cron.Fact.Schedule + "."
		}
		if g := c.Growth; g != nil && g.Last.Keys.OK {
			low, high := float64(g.Last.Keys.N)*perKeyMicrosLow, float64(g.Last.Keys.N)*perKeyMicrosHigh
			f.Title = fmt.Sprintf("%s asks Redis for KEYS %s, which walks all %s keys before anybody else is served", capital(call.Where), call.Args, count(g.Last.Keys.N))
			f.Evidence = append(f.Evidence, g.Last.KeyspaceEvidence(""))
			f.Quantities = []Quantity{{"blocked, at least", low / 1000, "milliseconds", "keys x 0.5 microseconds"}, {"blocked, at most", high / 1000, "milliseconds", "keys x 1.3 microseconds"}}
		}
		slow, worst := c.slowKeys()
		if slow != nil {
			f.Role = RoleContributing
			f.Evidence = append(f.Evidence, slow.Ev)
			f.Detail += fmt.Sprintf(" SLOWLOG shows KEYS with %s.", worst.Round(time.Millisecond))
		}
		if c.established("keys-command-block") {
			f.Role = RoleContributing
		}
		out = append(out, f)
	}
	return out
}

// slowKeys is the slowest KEYS of SLOWLOG.
func (c *Case) slowKeys() (slow *correlate.Placed[parsers.SlowCommand], worst time.Duration) {
	for i := range c.Slow {
		if s := &c.Slow[i]; s.Fact.Command == "KEYS" && s.Fact.Micros.OK {
			if d := time.Duration(s.Fact.Micros.N) * time.Microsecond; slow == nil || d > worst {
				slow, worst = s, d
			}
		}
	}
	return slow, worst
}
