package rules

import (
	"fmt"
	"strings"

	"culprit/correlate"
)

var _ = registerFix(FixMaker{
	ID:   "redis-eviction-policy",
	Doc:  "chooses what Redis drops at its limit, by how many keys carry a TTL and what else lives in the instance",
	Make: (*Case).policyFixes,
})

// volatileFloor: with more than this share of keys without TTL, volatile-* behaves like noeviction once the few others
// are gone (redis-doc eviction/index.md; measured: 1,243 evicted, then 75,692 writes refused).
const volatileFloor = 0.01

func (c *Case) policyFixes(h Hypothesis) []Fix {
	now, _ := c.policy()
	policy, why := c.policyFor()
	cli := c.redisCLI()
	f := Fix{
		ID:     "redis-eviction-policy",
		Title:  "Let Redis evict by " + policy + " at its limit",
		Kind:   KindCommand,
		Target: c.redisFile(),
		Text:   fmt.Sprintf("%s CONFIG SET maxmemory-policy %s && %s CONFIG REWRITE", cli, policy, cli),
		Risk:   c.policyRisk(policy),
		Undo:   fmt.Sprintf("%s CONFIG SET maxmemory-policy %s", cli, orWord(now, "noeviction")),
		Check:  cli + " CONFIG GET maxmemory-policy",
	}
	f.Effect = c.policyEffect(policy, now)
	if now == policy {
		f.Title = "Keep " + policy + ", and keep it from having to evict"
	}
	if f.Target == "" {
		f.Target = "redis.conf"
		f.Risk += "; no redis.conf in the input: the line is `maxmemory-policy " + policy + "`"
		return []Fix{f}
	}
	g := f
	g.Text = why + "."
	if limit, ok := c.maxmemory(); ok && limit.Bytes == 0 {
		g.Text += " A policy does nothing without maxmemory: redis-maxmemory goes with it."
	}
	if g = c.patch(g, f.Target, setRedis("maxmemory-policy", policy)); g.Kind == KindPatch {
		return []Fix{g}
	}
	return []Fix{f}
}

func orWord(s, or string) string {
	if s == "" {
		return or
	}
	return s
}

// policyFor: while keys without TTL are more than 1 %, only allkeys-* can evict what leaks. A store of sessions alone in
// which all expire takes volatile-ttl: the shortest-lived, which are the crawlers', go first.
func (c *Case) policyFor() (policy, why string) {
	share := -1.0
	if c.Growth != nil {
		share = c.Growth.NoTTLShare
	}
	switch {
	case share > volatileFloor:
		return "allkeys-lru", fmt.Sprintf("%s of the keys have no TTL: volatile-* could evict only the others, and would then refuse writes like noeviction", percent(share))
	case share >= 0 && c.onlySessions():
		return "volatile-ttl", fmt.Sprintf("every kind of key seen is a session and %s carry a TTL: those nearest their end go first", percent(1-share))
	case share >= 0:
		return "allkeys-lru", "cache and sessions share the instance: what was not used longest goes first"
	}
	return "allkeys-lru", "the input does not say how many keys carry a TTL, and only allkeys-* evicts in either case"
}

func (c *Case) onlySessions() bool {
	for _, k := range c.Incident.Keys {
		if !looksLikeSession(k.Prefix) {
			return false
		}
	}
	return len(c.Incident.Keys) > 0
}

func (c *Case) policyRisk(policy string) string {
	var other []string
	for _, k := range c.Incident.Keys {
		p := strings.ToLower(k.Prefix)
		if strings.Contains(p, "queue") || strings.Contains(p, "resque") || strings.Contains(p, "horizon") || strings.Contains(p, "celery") || strings.Contains(p, "bull") {
			other = append(other, k.Prefix)
		}
	}
	if len(other) > 0 {
		return fmt.Sprintf("%s would evict jobs too (%s, %s): move queues to an instance of their own first", policy, other[0], "never evict a queue")
	}
	if strings.HasPrefix(policy, "allkeys") {
		return "on an instance shared with sessions it evicts people's carts and logins: a crawl's keys are the newest, a shopper's idle cart the oldest. It keeps the server up, session-ttl keeps the carts"
	}
	return "keys written without a TTL are never evicted: one writer that forgets it fills the limit"
}

// policyEffect: how many keys the policy would have dropped under the limit of the budget (or the one in force).
func (c *Case) policyEffect(policy, now string) Effect {
	e := Effect{}
	limit, known := c.maxmemory()
	size := limit.Bytes
	if !known || size == 0 {
		if b, ok := c.budget(); ok {
			size = b.Max
		}
	}
	if now != "" {
		e.Before = "policy " + now
		if known && limit.Bytes == 0 {
			e.Before += " without a limit: nothing is ever evicted"
		} else if n, _, _ := c.refusedWrites(); n > 0 {
			e.Before += fmt.Sprintf(": %s writes refused", count(n))
		}
	}
	g := c.Growth
	if g == nil || size == 0 || g.Last.Keys.Or(0) == 0 || !g.Last.Used.OK {
		return e
	}
	per := float64(g.Last.Used.N-g.Last.Startup.Or(0)) / float64(g.Last.Keys.N)
	grown := max(g.MaxUsed(), 0)
	if c.Kill != nil && IsRedis(c.Kill.Fact.VictimComm) {
		grown = max(grown, killedRSS(c.Kill))
	}
	refused, _, _ := c.refusedWrites()
	switch {
	case refused > 0:
		e.After = fmt.Sprintf("no write is refused: for each new key the oldest of %s go", count(g.Last.Keys.N))
		e.Prevents = correlate.Pass
	case grown > size && per > 0:
		e.After = fmt.Sprintf("under maxmemory %s some %s keys are evicted instead of growing to %s", redisSize(size), count(float64(grown-size)/per), bytesIn(grown))
		e.Prevents = correlate.Unknown // alone it does nothing where there is no limit
		if known && limit.Bytes > 0 {
			e.Prevents = correlate.Pass
		}
	default:
		e.After = fmt.Sprintf("under maxmemory %s nothing has to go: used_memory peaked at %s", redisSize(size), bytesIn(grown))
	}
	return e
}
