package rules

import (
	"fmt"
	"slices"
	"time"

	"culprit/correlate"
)

var _ = registerCause(Cause{
	ID: "eviction-storm",
	Doc: `At maxmemory with an evicting policy Redis throws out keys to take new ones. When something writes the instance full
at once (an import, a cache warmer, a crawler over distinct URLs), it throws out sessions: people are sent to the
login, carts are empty, hit ratio falls. Nothing dies.

Arithmetic:

    share = growth of evicted_keys between two snapshots / keys
    rate  = evictions a second, held against the run before (at its first snapshot: against the server's life)
    hit ratio = keyspace_hits / (keyspace_hits + keyspace_misses), of the interval's own growth

Threshold: A twentieth of all keys within the time that one lives (twice the average TTL left, a day at most), after a
time with none or a tenth of that rate. A cache at its limit evicts all the time, evenly: that is what it is for. Where hits and misses are known, what was evicted must be missed: a hit ratio that
stays, with as many keys as before, is a cache that drops what nobody asks for.

When it is wrong: the keys that went were a cache's and nobody missed them; the hit ratio and redis-evicts-sessions
tell.`,
	Judge: judgeEviction,
})

func judgeEviction(c *Case) Hypothesis {
	h := Hypothesis{Explained: -1}
	if c.Kill != nil && IsRedis(c.Kill.Fact.VictimComm) {
		h.State, h.Reason = Excluded, "Redis was killed"
		return h
	}
	g := c.Growth
	if g == nil || !g.Last.Evicted.OK {
		h.State, h.Reason, h.Missing = NotChecked, "no evicted_keys in the Redis INFO", []string{"redis-info"}
		return h
	}
	var worst storm
	for _, in := range c.Incident.Redis {
		if gr := correlate.GrowthOf(in, time.Time{}); gr != nil {
			if s := findStorm(gr); s.share > worst.share {
				worst = s
			}
		}
	}
	if worst.evicted == 0 {
		h.State, h.Reason = Excluded, fmt.Sprintf("evicted_keys stayed at %s", count(g.Last.Evicted.N))
		if n := evictedIn(g); n > 0 {
			h.Reason = fmt.Sprintf("%s keys were evicted at the usual pace: a cache at its limit, as it is meant", count(n))
		}
		h.Evidence = []correlate.Evidence{g.Last.Evidence("evicted_keys", "")}
		return h
	}
	a, b := worst.from, worst.to
	h.Evidence = []correlate.Evidence{a.Evidence("evicted_keys", ""), b.Evidence("evicted_keys", "")}
	if worst.share < stormShare {
		h.State = Excluded
		of := "of the keys"
		if worst.slow > 0 {
			of = "of the keys in the " + spell(worst.slow) + " that one lives"
		}
		h.Reason = fmt.Sprintf("%s evictions in %s are %s %s: a cache at its limit, as it is meant", count(worst.evicted), spell(b.At.Sub(a.At)), percent(worst.share), of)
		return h
	}
	if worst.before < 0 {
		h.State, h.Confidence = Possible, 0.3
		h.Reason = "keys are evicted from the first snapshot on: whether that is the usual pace is not in the input"
		return h
	}
	// Redis counts clients' buffers against maxmemory, not those of replicas, and evicts keys to make room for them.
	if took := b.ClientMem.Or(0) - a.ClientMem.Or(0); b.Max.Or(0) > 0 && float64(took) >= bufferShare*float64(b.Max.N) {
		h.State = Excluded
		h.Reason = fmt.Sprintf("%s keys were evicted to make room for clients' buffers, which took %s more of maxmemory %s", count(worst.evicted), bytesIn(took), bytesIn(b.Max.N))
		h.Evidence = append(h.Evidence, b.Evidence("mem_clients_normal", ""))
		return h
	}
	full := float64(b.Used.Or(0)) / float64(max(b.Max.Or(0), 1))
	hit, hitKnown := hitRatio(a, b)
	usual, usualKnown := hitRatio(&worst.run[0], a)
	if hitKnown && usualKnown && hit >= usual-0.02 && len(c.Bursts) == 0 && b.Keys.Or(0)*10 >= a.Keys.Or(0)*8 {
		h.State = Excluded
		h.Reason = fmt.Sprintf("%s keys were evicted in %s, but the hit ratio stayed at %s: nobody asked for them", count(worst.evicted), spell(b.At.Sub(a.At)), percent(hit))
		return h
	}
	h.Tests = correlate.Tests{
		Structural: correlate.Judge(b.Policy != "", b.Policy != "noeviction"),
		Deviating:  correlate.Judge(hitKnown && usualKnown, hit < usual-0.02),
		Ordered:    correlate.Pass,
		Sufficient: correlate.Judge(b.Max.OK && b.Max.N > 0, full >= atLimit-0.05),
	}
	h.State = Established
	h.Explained = min(worst.share, 1)
	storm := correlate.Event{Kind: "eviction-storm", Subject: "redis-server", Text: fmt.Sprintf("%s keys were evicted in %s", count(worst.evicted), spell(b.At.Sub(a.At))), From: a.At, To: b.At, Evidence: h.Evidence}
	full2 := correlate.Event{Kind: "maxmemory-reached", Subject: "redis-server", Text: fmt.Sprintf("used_memory stood at %s of maxmemory %s", percent(min(full, 1)), bytesIn(b.Max.Or(0))), From: a.At, To: b.At, Evidence: []correlate.Evidence{b.Evidence("used_memory", ""), b.Evidence("maxmemory", ""), b.Evidence("maxmemory_policy", "")}}
	h.Chain = []correlate.Link{link(full2, storm, h.Tests, -1)}
	extra := ""
	if hitKnown && usualKnown && hit < usual {
		extra = fmt.Sprintf(", and the hit ratio fell from %s to %s", percent(usual), percent(hit))
		lost := correlate.Event{Kind: "sessions-lost", Subject: "sessions", Text: fmt.Sprintf("the hit ratio fell from %s to %s", percent(usual), percent(hit)), From: a.At, To: b.At, Evidence: []correlate.Evidence{b.Evidence("keyspace_misses", "")}}
		h.Chain = append(h.Chain, link(storm, lost, correlate.Tests{Structural: correlate.Pass, Deviating: h.Tests.Deviating}, -1))
	}
	if a.Max.Or(0) > b.Max.Or(0) && b.Max.Or(0) > 0 {
		ev := a.Evidence("maxmemory", "as it was")
		extra += fmt.Sprintf("; it was %s before (%s)", bytesIn(a.Max.N), lineOf(ev))
		h.Chain[0].For = append(h.Chain[0].For, ev)
	}
	if began, ev := c.startedAround(a.At, worst.step()); began != "" {
		extra += "; it set in when " + began
		ev.Note = "as it began"
		h.Chain[0].For = append(h.Chain[0].For, ev)
	}
	h.Summary = fmt.Sprintf("Redis evicted %s keys in %s under %s at its maxmemory of %s%s.", count(worst.evicted), spell(b.At.Sub(a.At)), policyWord(b.Policy), bytesIn(b.Max.Or(0)), extra)
	h.Onset = storm
	h.Fixes = []string{"separate-cache-session-instances", "redis-maxmemory-size"}
	if a.Max.Or(0) > b.Max.Or(0) && b.Max.Or(0) > 0 {
		slices.Reverse(h.Fixes) // it had room before
	}
	return h
}

// stormShare: a twentieth of the keys in one interval. A cache at its limit turns over a little all the time.
const stormShare = 0.05

type storm struct {
	run          []correlate.Snapshot
	from, to     *correlate.Snapshot
	evicted      int64
	share        float64       // of the keys there were, while one of them lives
	slow         time.Duration // that time, where the storm lasts longer
	rate, before float64       // evictions a second: of the storm, of the time before it; before is negative where unknown
}

// step is the time from the last quiet snapshot to the next: the storm began within.
func (s storm) step() time.Duration {
	for i := 1; i < len(s.run); i++ {
		if &s.run[i-1] == s.from {
			return s.run[i].At.Sub(s.from.At)
		}
	}
	return 0
}

// findStorm is the stretch with the most evictions among those that began: intervals that evict at stormRate times the pace
// before them at least. A cache that lives at its limit evicts in every interval and storms in none.
func findStorm(g *correlate.Growth) storm {
	var best storm
	for i := 1; i < len(g.Run); i++ {
		a := &g.Run[i-1]
		if !a.Evicted.OK || !a.Placed {
			continue
		}
		before := evictedBefore(g, i-1)
		j := i
		for j < len(g.Run) && evictionRate(&g.Run[j-1], &g.Run[j]) > max(stormRate*before, 0) {
			j++
		}
		if j == i {
			continue
		}
		b := &g.Run[j-1]
		s := storm{run: g.Run, from: a, to: b, evicted: b.Evicted.N - a.Evicted.N, rate: evictionRate(a, b), before: before}
		s.share = float64(s.evicted) / float64(max(a.Keys.Or(0), b.Keys.Or(0), 1))
		// Slower than keys go by themselves, eviction takes what had little left to live anyway.
		if life, lasted := keyLife(a), b.At.Sub(a.At); lasted > life {
			s.share, s.slow = s.share*life.Seconds()/lasted.Seconds(), life
		}
		if s.evicted > best.evicted {
			best = s
		}
		i = j
	}
	return best
}

// keyLife is how long a key lives on its own: twice what the keys of a snapshot have left on average, where most have a TTL;
// else a day, the usual time between two visits of one visitor.
func keyLife(s *correlate.Snapshot) time.Duration {
	left, keys := 0.0, 0.0
	if s.Info != nil {
		for _, db := range s.Info.Keyspace {
			left, keys = left+float64(db.AvgTTLMS.Or(0))*float64(db.Expires), keys+float64(db.Expires)
		}
	}
	if left <= 0 || keys*2 < float64(s.Keys.Or(0)) {
		return 24 * time.Hour
	}
	return min(time.Duration(2*left/keys)*time.Millisecond, 24*time.Hour)
}

// stormRate: ten times the usual pace. Traffic swings by a factor of a few over a day; a bulk writer is beyond it.
const stormRate = 10

// evictedBefore is the pace of evictions up to snapshot i: over the run so far, else over the server's life by its uptime.
func evictedBefore(g *correlate.Growth, i int) float64 {
	s := &g.Run[i]
	if rate := evictionRate(&g.Run[0], s); i > 0 && rate >= 0 {
		return rate
	}
	if s.Uptime.Or(0) > 0 {
		return float64(s.Evicted.N) / float64(s.Uptime.N)
	}
	if s.Evicted.N == 0 {
		return 0
	}
	return -1
}

// evictionRate is evictions a second from a to b; negative where unknown.
func evictionRate(a, b *correlate.Snapshot) float64 {
	sec := b.At.Sub(a.At).Seconds()
	if !a.Evicted.OK || !b.Evicted.OK || sec <= 0 || b.Evicted.N < a.Evicted.N {
		return -1
	}
	return float64(b.Evicted.N-a.Evicted.N) / sec
}

// hitRatio is hits over lookups between two snapshots; a hundred lookups make a ratio.
func hitRatio(a, b *correlate.Snapshot) (float64, bool) {
	if !a.Hits.OK || !b.Hits.OK || !a.Misses.OK || !b.Misses.OK {
		return 0, false
	}
	hits, misses := b.Hits.N-a.Hits.N, b.Misses.N-a.Misses.N
	if hits < 0 || misses < 0 || hits+misses < 100 {
		return 0, false
	}
	return float64(hits) / float64(hits+misses), true
}
