package rules

import (
	"fmt"

	"culprit/correlate"
)

var _ = register(Rule{
	ID: "redis-no-maxmemory",
	Doc: `Redis has no limit of its own: maxmemory is 0, or redis.conf has no such line and the default is 0 (on 64 bits; a
32-bit build stops at 3 GB by itself). Whatever keeps writing then ends at the kernel's limit instead of Redis's: a
SIGKILL that loses every key since the last dump, instead of evicted keys or refused writes.

redis.conf decides where it is at hand, because that is what the next start reads; a limit that INFO shows although
the file has none was set by CONFIG SET, and is told by redis-conf-not-in-force. Without the file INFO decides.

Arithmetic:

    what it may take = all of RAM; what it should, by the memory budget = (RAM - the others' promises) / fragmentation / copy-on-write

Threshold: 0 is "no limit" by redis.conf's own text. It contributes when Redis was killed, or held a third of RAM when
something else was; otherwise it is a matter of hygiene.

When it is wrong: Redis alone in a container or unit with a memory limit is bounded, though by a kill; a limit in an
include file that is not in the input is not seen (the server's own INFO then shows it).`,
	Needs: []Sort{NeedsRedisConf},
	Check: checkNoMaxmemory,
})

func checkNoMaxmemory(c *Case) []Finding {
	var out []Finding
	for _, in := range c.Incident.Redis {
		l := c.limitOf(in)
		var ev []correlate.Evidence
		switch {
		case l.File.OK && l.File.Bytes > 0, l.Running.OK && l.Running.Bytes > 0:
			continue
		case l.File.OK:
			ev = append(ev, l.File.Ev)
		}
		if l.Running.OK {
			ev = append(ev, l.Running.Ev)
		}
		if len(ev) == 0 {
			continue
		}
		f := Finding{Role: RoleHygiene, Evidence: ev}
		who := c.serverName(in)
		f.Title = who + " has no limit: maxmemory is 0"
		switch {
		case c.isSubject(in) && c.inGroup() && c.redisInGroup() && c.Room.OK:
			f.Title = fmt.Sprintf("%s may take all %s of %s: maxmemory is 0", who, bytesIn(c.Room.Bytes), c.roomWord())
			f.Quantities = append(f.Quantities, Quantity{c.roomWord(), float64(c.Room.Bytes), "bytes", ""})
		case c.RAM.OK && !c.redisElsewhere():
			f.Title = fmt.Sprintf("%s may take all %s of RAM: maxmemory is 0", who, bytesIn(c.RAM.Bytes))
			f.Quantities = append(f.Quantities, Quantity{"RAM", float64(c.RAM.Bytes), "bytes", ""})
		}
		if c.hurt(in) {
			f.Role = RoleContributing
		}
		if c.isSubject(in) {
			f.Fixes = c.Advise("redis-maxmemory")
		}
		if policy, policyEv := c.policyOf(in); policy == "noeviction" {
			f.Detail = "With noeviction a limit alone turns the kill into refused writes; a policy that may evict, or keys that expire, keep it serving."
			f.Evidence = append(f.Evidence, policyEv)
		} else if policy != "" {
			f.Detail = "The policy " + policy + " never acts without a limit."
			f.Evidence = append(f.Evidence, policyEv)
		}
		if n := redisKilledAt(c); n > 0 && f.Role == RoleContributing {
			f.Quantities = append(f.Quantities, Quantity{"resident at the kill", float64(n), "bytes", "anon-rss + file-rss + shmem-rss"})
		}
		out = append(out, f)
	}
	return out
}

// redisKilledAt is what the killed Redis held; 0 = not killed, or not told.
func redisKilledAt(c *Case) int64 {
	if c.Kill == nil || !IsRedis(c.Kill.Fact.VictimComm) {
		return 0
	}
	return killedRSS(c.Kill)
}
