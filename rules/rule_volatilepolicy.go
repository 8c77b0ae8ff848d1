package rules

import (
	"fmt"
	"strings"

	"culprit/correlate"
)

var _ = register(Rule{
	ID: "redis-volatile-policy-without-ttl",
	Doc: `The eviction policy is volatile-*, which only ever takes keys with an expiry, and most keys have none. At the limit
the few that may go do, and then Redis "behaves like noeviction": every write is refused.

Arithmetic:

    may go = expires / keys, from INFO's dbN lines
    measured with volatile-lru and 1 % of keys with a TTL: 1,243 evicted, then 75,692 of 200,000 writes refused

Threshold: Half of the keys have no TTL; or a hundredth and they grow: with growth they displace all others in time.

When it is wrong: the keys without TTL are few large settings and everything that grows expires.`,
	Needs: []Sort{NeedsKeyspace},
	Check: checkVolatilePolicy,
})

func checkVolatilePolicy(c *Case) []Finding {
	g := c.Growth
	policy, ev := c.policyOf(c.Redis)
	l := c.limitOf(c.Redis)
	limited := l.Running.Bytes > 0 || l.File.Bytes > 0
	if !strings.HasPrefix(policy, "volatile-") || !limited || g.Last.NoTTL.N == 0 {
		return nil
	}
	growing := g.DNoTTL.OK && g.DNoTTL.N*20 > g.Last.NoTTL.N
	if g.NoTTLShare < leakExplains && !(growing && g.NoTTLShare > 0.01) {
		return nil
	}
	f := Finding{Role: RoleHygiene, Evidence: []correlate.Evidence{ev, g.Last.KeyspaceEvidence("")}, Fixes: c.Advise("session-ttl", "redis-eviction-policy"),
		Title: fmt.Sprintf("Redis can evict %s of %s keys only: %s takes none without a TTL", count(g.Last.Expires.Or(0)), count(g.Last.Keys.N), policy),
		Quantities: []Quantity{{"share without TTL", g.NoTTLShare, "of keys", "(keys - expires) / keys"},
			{"used of the limit", pressure(g), "of maxmemory", "used_memory / maxmemory, its highest"}}}
	if n, ev, _ := c.refusedWrites(); n > 0 {
		f.Role = RoleContributing
		f.Evidence = append(f.Evidence, ev[:min(len(ev), 1)]...)
	} else if pressure(g) >= atLimit {
		f.Role = RoleContributing
	}
	return []Finding{f}
}
