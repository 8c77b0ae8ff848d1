package rules

import (
	"fmt"

	"culprit/correlate"
)

var _ = register(Rule{
	ID: "redis-conf-not-in-force",
	Doc: `redis.conf and the running server disagree on maxmemory or its policy: what INFO shows is not what the file says.
Either the file was changed and the server not restarted, or somebody used CONFIG SET and the next start forgets it,
or the server reads another file (INFO server's config_file names it).

Arithmetic:

    file = maxmemory of redis.conf; kb, mb and gb are multiples of 1,024, k, m and g of 1,000
    runs = maxmemory of INFO, in bytes

Threshold: Any difference: sizes are compared exactly, since Redis prints what it read.

When it is wrong: the file of the input is newer than the snapshot. Then it says what was changed afterwards.`,
	Needs: []Sort{NeedsInfo, NeedsRedisConf},
	Check: checkConfNotInForce,
})

func checkConfNotInForce(c *Case) []Finding {
	var out []Finding
	for _, in := range c.Incident.Redis {
		l := c.limitOf(in)
		if l.File.OK && l.Running.OK && l.File.Bytes != l.Running.Bytes {
			out = append(out, Finding{
				Role: RoleHygiene,
				Title: fmt.Sprintf("%s ran with maxmemory %s while %s says %s", c.serverName(in), limitWord(l.Running.Bytes),
					in.ConfigFile, limitWord(l.File.Bytes)),
				Detail:   "`redis-cli CONFIG GET maxmemory` shows what is in force, `CONFIG REWRITE` writes it to the file, a restart takes the file's.",
				Evidence: []correlate.Evidence{l.Running.Ev, l.File.Ev},
			})
		}
		s, absent, known := written(in, "maxmemory-policy")
		ran, ev, ok := c.running(in, "maxmemory_policy")
		if known && !absent && ok && s.Value() != ran {
			out = append(out, Finding{
				Role:     RoleHygiene,
				Title:    fmt.Sprintf("%s ran with the policy %s while %s says %s", c.serverName(in), ran, in.ConfigFile, s.Value()),
				Evidence: []correlate.Evidence{ev, s.Ev},
			})
		}
	}
	return out
}

func limitWord(n int64) string {
	if n == 0 {
		return "0"
	}
	return bytesIn(n)
}
