package rules

import (
	"fmt"
	"strings"

	"culprit/correlate"
)

var _ = register(Rule{
	ID: "cleanup-deletes-keys-without-ttl",
	Doc: `A script that means to delete expired keys deletes the ones that never expire. TTL answers -2 for a key that is gone
and -1 for a key without expiry; Redis deletes expired keys by itself, so a loop behind "TTL = -1" can only ever reach
the others: live sessions, settings, queues.

What to do instead: set the expiry where the key is written, and give those that have none one with EXPIRE, by SCAN.

Arithmetic:

    reached = keys - expires of INFO: an upper bound where the script names a pattern

Threshold: One DEL or UNLINK behind a test that holds for TTL = -1 alone (= -1, < 0). Redis's documentation of TTL has
said what -1 and -2 are since 2.8.

When it is wrong: the keys without expiry are what the script is meant to delete, and its comment is what is wrong.`,
	Check: checkCleanup,
})

func checkCleanup(c *Case) []Finding {
	var out []Finding
	told := map[string]bool{}
	for _, call := range c.redisCalls() {
		if call.Command != "DEL" && call.Command != "UNLINK" || !call.OnlyNoTTL || told[call.Ev.File] {
			continue
		}
		told[call.Ev.File] = true
		ev := call.Ev
		ev.Note = fmt.Sprintf("%s behind the test %s", call.Command, strings.ReplaceAll(call.When, `"`, ""))
		f := Finding{Role: RoleHygiene, Evidence: []correlate.Evidence{ev}, Fixes: c.Advise("session-ttl"),
			Title:  capital(call.Where) + " deletes the keys that never expire, and none that has expired",
			Detail: "TTL answers -1 for a key without expiry; an expired key is gone already and answers -2."}
		if g := c.Growth; g != nil && g.Last.Keys.OK {
			f.Title = fmt.Sprintf("%s deletes the keys that never expire, %s of %s here, and none that has expired", capital(call.Where), count(g.Last.NoTTL.N), count(g.Last.Keys.N))
			f.Evidence = append(f.Evidence, g.Last.KeyspaceEvidence(""))
		}
		if call.Cron != nil && call.Cron.Ev != call.Ev {
			cron := call.Cron.Ev
			cron.Text, cron.Note = "", "cron runs it: "+call.Cron.Fact.Schedule
			f.Evidence = append(f.Evidence, cron)
		}
		out = append(out, f)
	}
	return out
}
