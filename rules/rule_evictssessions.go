package rules

import (
	"fmt"
	"strings"

	"culprit/correlate"
)

var _ = register(Rule{
	ID: "redis-evicts-sessions",
	Doc: `One Redis holds sessions and a cache, under a policy that may evict any key (allkeys-*). Memory pressure from the
cache then logs people out and empties carts; under a crawl the crawler's fresh keys are the most recently used, and
people's go first. A database number is no boundary: maxmemory and eviction are the whole server's. Two servers are
(redis-doc, eviction).

With evicted keys in INFO it contributes; without, it is a risk.

Arithmetic:

    sessions = keys of the listing whose prefix is a session's (PHPREDIS_SESSION:, sess:, session:, ...); cache = the others

Threshold: One of each under allkeys-*. The prefixes are those that the frameworks write by default.

When it is wrong: the keys that look like sessions can be made again at no cost (a cache of session data).`,
	Needs: []Sort{NeedsKeys, NeedsRedisConf},
	Check: checkEvictsSessions,
})

func checkEvictsSessions(c *Case) []Finding {
	if c.Redis == nil || len(c.Incident.Redis) > 1 { // a listing does not say which server it is of
		return nil
	}
	policy, ev := c.policyOf(c.Redis)
	l := c.limitOf(c.Redis)
	if !strings.HasPrefix(policy, "allkeys-") || l.Running.Bytes == 0 && l.File.Bytes == 0 {
		return nil
	}
	var sessions, others int64
	var one correlate.KeyGroup
	var other correlate.KeyGroup
	for _, k := range c.Incident.Keys {
		switch {
		case k.Prefix == "": // a sum over all
		case looksLikeSession(k.Prefix) || looksLikeSession(k.Example):
			if sessions == 0 {
				one = k
			}
			sessions += k.Keys
		default:
			if others == 0 {
				other = k
			}
			others += k.Keys
		}
	}
	if sessions == 0 || others == 0 {
		return nil
	}
	f := Finding{Role: RoleHygiene, Fixes: c.Advise("separate-cache-session-instances"),
		Evidence: []correlate.Evidence{one.Evidence, other.Evidence, ev},
		Title: fmt.Sprintf("Redis may evict sessions for cache: %s chooses among %s keys of prefix %q and %s others in the listing", policy,
			count(sessions), one.Prefix, count(others))}
	if g := c.Growth; g != nil && g.Last.Evicted.Or(0) > 0 {
		f.Role = RoleContributing
		f.Title = fmt.Sprintf("Redis evicted %s keys under %s, and sessions (prefix %q) lie among its cache", count(g.Last.Evicted.N), policy, one.Prefix)
		f.Evidence = append(f.Evidence, g.Last.Evidence("evicted_keys", ""))
	}
	return []Finding{f}
}
