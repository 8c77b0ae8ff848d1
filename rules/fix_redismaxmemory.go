package rules

import (
	"fmt"
	"strings"
	"time"

	"culprit/correlate"
)

var _ = registerFix(FixMaker{
	ID:   "redis-maxmemory",
	Doc:  "gives Redis a limit of its own, with the number from the memory budget of the whole box",
	Make: func(c *Case, h Hypothesis) []Fix { return c.maxmemoryFixes("redis-maxmemory", h) },
})

var _ = registerFix(FixMaker{
	ID:   "redis-maxmemory-size",
	Doc:  "changes a limit that is too small (or too large) to what the memory budget allows",
	Make: func(c *Case, h Hypothesis) []Fix { return c.maxmemoryFixes("redis-maxmemory-size", h) },
})

func (c *Case) maxmemoryFixes(id string, h Hypothesis) []Fix {
	now, known := c.maxmemory()
	b, ok := c.budget()
	cli := c.redisCLI()
	f := Fix{ID: id, Target: c.redisFile(), Check: cli + " CONFIG GET maxmemory"}
	f.Undo = "put the old line back and restart, or " + cli + " CONFIG SET maxmemory 0"
	if known && now.Bytes > 0 {
		f.Undo = fmt.Sprintf("%s CONFIG SET maxmemory %d, and the old line back", cli, now.Bytes)
	}
	f.Risk = c.limitRisk()
	if !ok {
		f.Title = "Limit Redis's memory"
		f.Kind = KindManual
		f.Text = "The input does not say how much RAM the host has, so no number can be given. maxmemory = (RAM - RSS of everything else - max(256 MB, 5 %)) / (1.1 x 1.25).\n  maxmemory <bytes>"
		return []Fix{f}
	}
	need := c.workingSet()
	refusal := ""
	if b.Max == 0 || b.Max < need {
		refusal = b.refusal(max(need, leastRedis))
	}
	if b.Max == 0 {
		// The configured sizes leave nothing: what was measured is the most that can be said, and it is said as that.
		f.Title = "Make room for Redis before limiting it"
		f.Text = refusal + "\n" + b.explain()
		f.Effect = Effect{Before: c.memoryBefore()}
		return []Fix{f}
	}
	size := b.Max
	if known && now.Bytes > 0 && c.Kill == nil && size < now.Bytes*5/4 {
		return []Fix{c.keepLimit(f, &b, now)}
	}
	word := "Limit Redis to " + redisSize(size)
	switch {
	case known && now.Bytes > 0 && size > now.Bytes:
		word = fmt.Sprintf("Raise maxmemory from %s to %s", redisSize(now.Bytes), redisSize(size))
	case known && now.Bytes > 0 && size < now.Bytes:
		word = fmt.Sprintf("Lower maxmemory from %s to %s", redisSize(now.Bytes), redisSize(size))
	case known && now.Bytes == size:
		word = "Leave maxmemory at " + redisSize(size)
	}
	f.Title = word
	f.Text = "The budget of the box:\n" + b.explain()
	if b.Cgroup {
		f.Text = "The budget of the cgroup:\n" + b.explain()
	}
	if refusal != "" {
		f.Text += refusal + "\n"
	}
	policyNow, _ := c.policy()
	f.Effect = c.maxmemoryEffect(&b, size, now, known, policyNow)
	line := "maxmemory " + redisSize(size)
	done := c.patch(f, f.Target, setRedis("maxmemory", redisSize(size)))
	if done.Kind != KindPatch {
		done.Kind = KindCommand
		done.Target = "redis.conf"
		done.Text = fmt.Sprintf("%s CONFIG SET maxmemory %d && %s CONFIG REWRITE", cli, size, cli)
		done.Risk += "; no redis.conf in the input: the line is `" + line + "`, by this budget: " + strings.Join(strings.Fields(b.explain()), " ")
	} else {
		done.Text += fmt.Sprintf("At once, without a restart: %s CONFIG SET maxmemory %d", cli, size)
	}
	return []Fix{done}
}

// keepLimit: the limit was reached, nobody was killed, and the box has no more to give: raising it is no cure.
func (c *Case) keepLimit(f Fix, b *Budget, now Amount) Fix {
	f.Title = fmt.Sprintf("Leave maxmemory at %s: the box has no more to give", redisSize(now.Bytes))
	f.Text = fmt.Sprintf("The budget gives %s:\n%s", redisSize(b.Max), b.explain())
	if text := b.refusal(now.Bytes * 3 / 2); text != "" {
		f.Text += "To half as much again: " + lowerFirst(text)
	}
	f.Effect.Before = c.memoryBefore()
	if kept, ok := c.underTTL(); ok && kept.used < now.Bytes {
		f.Effect.After = fmt.Sprintf("with session-ttl the keys settle at %s: the limit is large enough", bytesIn(kept.used))
	}
	f.Undo = "nothing to undo"
	return f
}

func lowerFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToLower(s[:1]) + s[1:]
}

// limitRisk is what happens at the limit, by the policy in force.
func (c *Case) limitRisk() string {
	policy, _ := c.policy()
	switch {
	case strings.HasPrefix(policy, "allkeys-"):
		return "at the limit Redis drops keys by " + policy + ", carts among them"
	case strings.HasPrefix(policy, "volatile-"):
		return "at the limit Redis drops keys that have a TTL, and refuses writes when there are none"
	}
	return "at the limit Redis refuses writes (OOM command not allowed) until a policy evicts or keys expire"
}

// workingSet is what Redis holds beside keys that never expire, as far as INFO tells: 0 = unknown.
func (c *Case) workingSet() int64 {
	g := c.Growth
	if g == nil || !g.Last.Used.OK || g.NoTTLShare < 0 {
		return 0
	}
	if g.NoTTLShare < leakExplains {
		return g.Last.Used.N
	}
	return int64(float64(g.Last.Used.N) * (1 - g.NoTTLShare))
}

func (c *Case) memoryBefore() string {
	if c.Kill != nil && IsRedis(c.Kill.Fact.VictimComm) {
		if rss := killedRSS(c.Kill); rss > 0 {
			return fmt.Sprintf("Redis grew to %s and was killed", bytesIn(rss))
		}
	}
	if c.Growth != nil {
		if n := c.Growth.MaxUsed(); n > 0 {
			return fmt.Sprintf("used_memory reached %s", bytesIn(n))
		}
	}
	return ""
}

// alarmAt is where monitoring of a Redis with a limit is usually set to warn.
const alarmAt = 0.8

// maxmemoryEffect replays the run under the new limit: when it is reached, what happens then, and whether the box holds.
func (c *Case) maxmemoryEffect(b *Budget, size int64, now Amount, known bool, policy string) Effect {
	e := Effect{Before: c.memoryBefore()}
	peak := b.peak(size)
	g := c.Growth
	holds := peak <= b.Redis
	roof := fmt.Sprintf("RSS stays below %s even during a save, of %s there are for it", bytesIn(peak), bytesIn(b.Redis))
	if !holds {
		roof = fmt.Sprintf("with fragmentation and a save that is up to %s of RSS, and there are %s for it", bytesIn(peak), bytesIn(max(b.Redis, 0)))
	}
	grown := int64(0)
	if g != nil {
		grown = g.MaxUsed()
	}
	if c.Kill != nil && IsRedis(c.Kill.Fact.VictimComm) {
		grown = max(grown, killedRSS(c.Kill))
	}
	switch {
	case known && now.Bytes > 0 && size > now.Bytes:
		e.After, e.Prevents = c.raiseEffect(b, size, now)
		return e
	case grown > 0 && grown <= size && (g == nil || c.Kill == nil):
		e.After = fmt.Sprintf("the limit would not have been reached: used_memory peaked at %s", bytesIn(grown))
		e.Prevents = correlate.Fail
		if known && now.Bytes == 0 {
			e.Prevents = correlate.Unknown
		}
		return e
	}
	if g != nil {
		e.Curves = c.limitCurves(size)
		if at, ok := g.Reached(size); ok {
			early := ""
			if c.Kill != nil && c.Kill.Placed && c.Kill.At.After(at) {
				early = fmt.Sprintf(", %s before the kill", spell(c.Kill.At.Sub(at)))
			}
			e.After = fmt.Sprintf("the limit is reached on %s%s; ", clockTime(at), early)
			if first, ok := g.Reached(int64(alarmAt * float64(size))); ok && first.Before(at) && (c.Kill == nil || !c.Kill.Placed || first.Before(c.Kill.At)) {
				e.After += fmt.Sprintf("an alarm at %s of it comes %s earlier; ", percent(alarmAt), spell(at.Sub(first)))
			}
		}
	}
	e.After += roof + "; " + c.atLimit(size, policy)
	if c.Kill != nil {
		e.Prevents = correlate.Judge(true, holds)
		if holds {
			e.After += "; no kill"
		}
	}
	return e
}

// atLimit says what the policy does with what no longer fits.
func (c *Case) atLimit(size int64, policy string) string {
	per, grown := 0.0, int64(0)
	if g := c.Growth; g != nil {
		grown = g.MaxUsed()
		if g.Last.Keys.Or(0) > 0 {
			per = float64(g.Last.Used.Or(0)-g.Last.Startup.Or(0)) / float64(g.Last.Keys.N)
		}
	}
	over := ""
	if per > 0 && grown > size {
		over = count(float64(grown-size)/per) + " "
	}
	switch {
	case strings.HasPrefix(policy, "allkeys-"):
		return fmt.Sprintf("%skeys are evicted by %s", over, policy)
	case strings.HasPrefix(policy, "volatile-"):
		return "keys with a TTL are evicted, then writes are refused"
	}
	return fmt.Sprintf("%swrites of new keys are refused under noeviction: redis-eviction-policy and session-ttl go with it", over)
}

// raiseEffect: a larger limit buys time; for good it helps only when what lives under a TTL fits.
func (c *Case) raiseEffect(b *Budget, size int64, now Amount) (string, correlate.Outcome) {
	g := c.Growth
	if g == nil {
		return "", correlate.Unknown
	}
	span := g.Last.At.Sub(g.First.At)
	if evictedIn(g) > 0 {
		return fmt.Sprintf("%s more room: %s keys more before eviction begins", bytesIn(size-now.Bytes), c.keysIn(size-now.Bytes)), correlate.Unknown
	}
	if g.DUsed.OK && g.DUsed.N > 0 && span > time.Hour && g.First.Placed {
		hours := float64(size-now.Bytes) / (float64(g.DUsed.N) / span.Hours())
		text := fmt.Sprintf("at the pace measured (%s in %s) the new limit is reached %s later", bytesIn(g.DUsed.N), spell(span), spell(time.Duration(hours*float64(time.Hour))))
		if kept, ok := c.underTTL(); ok && kept.used <= size {
			return text + fmt.Sprintf("; with session-ttl the keys settle at %s and it is never reached", bytesIn(kept.used)), correlate.Unknown
		}
		return text + ": it buys time, session-ttl mends it", correlate.Fail
	}
	return fmt.Sprintf("%s more room: %s keys", bytesIn(size-now.Bytes), c.keysIn(size-now.Bytes)), correlate.Unknown
}

func (c *Case) keysIn(bytes int64) string {
	g := c.Growth
	if g == nil || g.Last.Keys.Or(0) == 0 || !g.Last.Used.OK {
		return "an unknown number of"
	}
	per := float64(g.Last.Used.N-g.Last.Startup.Or(0)) / float64(g.Last.Keys.N)
	if per <= 0 {
		return "an unknown number of"
	}
	return count(float64(bytes) / per)
}
