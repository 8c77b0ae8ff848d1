package rules

import (
	"fmt"
	"math"
	"strings"

	"culprit/correlate"
	"culprit/parsers"
)

// leak is what the causes about keys without expiry share: that such keys grew, that they account for the memory, and
// that the memory filled the machine (or the limit).
type leak struct {
	State  State
	Reason string
	Ev     []correlate.Evidence

	Held      int64   // bytes that keys without TTL hold at the end
	BytesKey  float64 // a key; 0 = unknown
	Explained float64 // share of the growth of used_memory; negative = unknown
	After     bool    // only snapshots after the kill: the leak is seen going on, not leading up
	Keys      correlate.Tests
	Memory    correlate.Tests
}

// Floors of the leak. Half: below it something else holds most of what grew, and nobody is accused. A third of RAM: a
// Redis below it is not what filled the machine. Both are shares of a whole, not figures of a sample.
const (
	leakExplains = 0.5
	leakOfRAM    = 1.0 / 3
)

// largestSession: a session is read and written whole with every request, so an average beyond a megabyte would have been
// felt long before memory ended.
const largestSession = 1 << 20

func (c *Case) leak() leak {
	l := leak{Explained: -1}
	if c.Growth == nil || c.After {
		return c.blindLeak()
	}
	g := c.Growth
	if !g.Last.Keys.OK {
		l.Reason = "no keyspace section in the Redis INFO"
		return l
	}
	if !g.DNoTTL.OK {
		// one snapshot: keys without TTL are there, their growth is not measured
		l.State = Possible
		if g.NoTTLShare < leakExplains {
			l.State, l.Reason = Excluded, fmt.Sprintf("%s of keys carry a TTL", percent(1-g.NoTTLShare))
			l.Ev = []correlate.Evidence{g.Last.KeyspaceEvidence("")}
		} else {
			l.Reason = "one snapshot of INFO shows no growth"
		}
		l.Held = int64(float64(g.Last.Used.Or(0)) * g.NoTTLShare)
		return l
	}
	l.BytesKey = c.bytesPerKey()
	l.Held = int64(l.BytesKey * float64(g.Last.NoTTL.N))
	grown := float64(g.DNoTTL.N)
	if g.DUsed.OK && g.DUsed.N > 0 && l.BytesKey > 0 {
		l.Explained = math.Min(grown*l.BytesKey/float64(g.DUsed.N), 1.5)
	}
	ev := []correlate.Evidence{g.First.KeyspaceEvidence(""), g.Last.KeyspaceEvidence("")}

	// Growth counts when the added keys hold a twentieth of used_memory at least: less is noise of a working set.
	material := grown*l.BytesKey > 0.05*float64(g.Last.Used.Or(0)) && grown > 0
	if !material && c.outrun(&l) {
		return l
	}
	if !material {
		l.State = Excluded
		l.Reason = fmt.Sprintf("keys without TTL went from %s to %s in %s: they did not grow", count(g.First.NoTTL.N), count(g.Last.NoTTL.N), spell(g.Last.At.Sub(g.First.At)))
		if g.Last.NoTTL.N == 0 {
			l.Reason = fmt.Sprintf("every one of %s keys carries a TTL", count(g.Last.Keys.N))
		}
		l.Ev = ev
		return l
	}
	if l.BytesKey > largestSession {
		l.State = Excluded
		l.Reason = fmt.Sprintf("%s keys without TTL hold %s each: lists or sets, no sessions", count(g.Last.NoTTL.N), bytesIn(int64(l.BytesKey)))
		l.Ev = ev
		return l
	}
	l.Keys = correlate.Tests{Structural: correlate.Pass, Deviating: correlate.Pass}
	l.Memory = correlate.Tests{
		Structural: c.unbounded(),
		Deviating:  correlate.Judge(g.DUsed.OK, g.DUsed.N > 0),
		Sufficient: correlate.Judge(l.Explained >= 0, l.Explained >= leakExplains),
	}
	if l.Explained >= 0 && l.Explained < leakExplains {
		l.State = Excluded
		l.Reason = fmt.Sprintf("keys without TTL account for %s of the growth of used_memory only", percent(l.Explained))
		l.Ev = ev
		return l
	}
	l.State = Established
	l.Ev = ev
	return l
}

// outrun: the keys do carry a TTL, but come faster than they go: all keys grew, the growth stands at the end, and accounts
// for at least a third of used_memory and half of its growth. A third, because stores of expiring keys swing by the day.
func (c *Case) outrun(l *leak) bool {
	g := c.Growth
	if !g.DKeys.OK || g.DKeys.N <= 0 || !g.DUsed.OK || g.DUsed.N <= 0 {
		return false
	}
	per := correlate.KeySlope(g.Run, correlate.AllKeys)
	if per == 0 {
		per = float64(g.DUsed.N) / float64(g.DKeys.N)
	}
	per = min(per, dataPer(g.Last, g.Last.Keys))
	most := int64(0)
	for i := range g.Run {
		most = max(most, g.Run[i].Keys.Or(0))
	}
	grown := float64(g.DKeys.N) * per
	explained := math.Min(grown/float64(g.DUsed.N), 1.5)
	if grown*3 < float64(g.Last.Used.N) || explained < leakExplains || g.Last.Keys.N*10 < most*9 || g.Aside(correlate.AllKeys) {
		return false
	}
	g.Counted = correlate.AllKeys
	*l = leak{
		State: Established, BytesKey: per, Explained: explained, Held: int64(per * float64(g.Last.Keys.N)),
		Keys: correlate.Tests{Structural: correlate.Pass, Deviating: correlate.Pass},
		Memory: correlate.Tests{
			Structural: c.unbounded(),
			Deviating:  correlate.Pass,
			Sufficient: correlate.Pass,
		},
		Ev: []correlate.Evidence{g.First.KeyspaceEvidence(""), g.Last.KeyspaceEvidence("")},
	}
	return true
}

// exhausted: nobody was killed yet, but Redis holds so much of RAM, and nothing bounds it, that the next page fault decides:
// RSS at 85 % of RAM, the rest of which a kernel and a web server need, or under 2 % of RAM available (the kernel's own
// watermarks lie at 1 to 2 %).
func (c *Case) exhausted() (correlate.Evidence, bool) {
	if !c.RAM.OK {
		return correlate.Evidence{}, false
	}
	if g := c.Growth; g != nil && !c.After {
		if rss := g.Last.RSS.Or(g.Last.Used.Or(0)); float64(rss) >= 0.85*float64(c.RAM.Bytes) {
			return g.Last.Evidence("used_memory_rss", ""), true
		}
	}
	for _, m := range c.Memory {
		if m.Fact.AvailableKB.OK && m.Fact.TotalKB.OK && m.Fact.AvailableKB.N*50 < m.Fact.TotalKB.N {
			return m.Ev, true
		}
	}
	return correlate.Evidence{}, false
}

// bytesPerKey prefers what was measured key by key (MEMORY USAGE of a sample) over the slope of used_memory, and takes the
// smaller of slope and mean dataset when keys with a TTL changed too.
func (c *Case) bytesPerKey() float64 {
	g := c.Growth
	return min(c.measuredPerKey(), dataPer(g.Last, g.Last.NoTTL))
}

// dataPer is all of the dataset over a count of keys: more than that no key can take on average, whatever the slope of
// used_memory over keys says. Buffers are measured by INFO itself and are no keys' doing.
func dataPer(s *correlate.Snapshot, keys parsers.Opt) float64 {
	if !s.Used.OK || keys.Or(0) == 0 {
		return math.Inf(1)
	}
	return max(float64(s.Used.N-s.Startup.Or(0)-bufferOf(s)), 0) / float64(keys.N)
}

func (c *Case) measuredPerKey() float64 {
	g := c.Growth
	sum, n := 0.0, 0.0
	for _, k := range c.Incident.Keys {
		if k.NoTTL > 0 && k.TTLKnown > 0 && k.NoTTL*2 > k.TTLKnown && k.BytesPerKey.OK {
			sum += float64(k.BytesPerKey.N) * float64(k.NoTTL)
			n += float64(k.NoTTL)
		}
	}
	if n > 0 {
		return sum / n
	}
	if slope := correlate.KeySlope(g.Run, correlate.NoTTLKeys); slope > 0 {
		return slope
	}
	if g.BytesPerKey.OK {
		return float64(g.BytesPerKey.N)
	}
	if g.Last.Keys.N > 0 && g.Last.Used.OK {
		return float64(g.Last.Used.N-g.Last.Startup.Or(0)) / float64(g.Last.Keys.N)
	}
	return 0
}

// blindLeak: no INFO before the end. The run after a restart can show the leak going on.
func (c *Case) blindLeak() leak {
	l := leak{Explained: -1, After: true}
	g := c.Growth
	if g == nil || !g.Last.Keys.OK {
		l.Reason = "no Redis INFO with a keyspace in the input"
		return l
	}
	if g.Last.Keys.N > 0 && g.Last.Used.OK {
		l.BytesKey = float64(g.Last.Used.N-g.First.Startup.Or(0)) / float64(g.Last.Keys.N)
	}
	if g.NoTTLShare < leakExplains {
		// A cache that warms up has most keys within minutes, and then no more; keys without TTL go on for as long as
		// Redis runs. So their share after the restart says nothing, their pace does.
		if per := forEverSize(g.Run); per > 0 {
			l.BytesKey = per
		}
		if why := c.paceTooSlow(l.BytesKey); why != "" {
			l.State, l.Reason = Excluded, fmt.Sprintf("%s of the keys written since the restart carry a TTL, and %s", percent(1-g.NoTTLShare), why)
			l.Ev = []correlate.Evidence{g.Last.KeyspaceEvidence("")}
			return l
		}
	}
	l.Ev = []correlate.Evidence{g.Last.KeyspaceEvidence("after the restart")}
	l.State = Possible
	l.Keys = correlate.Tests{Structural: correlate.Pass, Deviating: correlate.Judge(g.DNoTTL.OK, g.DNoTTL.N > 0)}
	l.Memory = correlate.Tests{Structural: c.unbounded(), Deviating: correlate.Pass}
	return l
}

// paceTooSlow says why the pace of the keys without TTL after the restart cannot have filled what was killed; "" = it can, or
// nothing says how long Redis had been up.
func (c *Case) paceTooSlow(per float64) string {
	g := c.Growth
	if !g.DNoTTL.OK || g.DNoTTL.N*20 <= g.Last.NoTTL.N || g.NoTTLPerDay <= 0 {
		return "those without do not become more"
	}
	up, known := c.upFor()
	rss := c.killedRedis()
	if !known || rss == 0 {
		return ""
	}
	if reach := g.NoTTLPerDay * per * up.Hours() / 24; reach < leakOfRAM*float64(rss) {
		return fmt.Sprintf("those without come to %s in the %s that Redis had been up", bytesIn(int64(reach)), spell(up))
	}
	return ""
}

// forEverSize is what a key without TTL takes where keys with one grow beside it: the least squares of used_memory over both
// counts. 0 = not to be told apart.
func forEverSize(run []correlate.Snapshot) float64 {
	var nn, ne, ee, nu, eu float64
	for i := range run {
		s := &run[i]
		if !s.Used.OK || !s.NoTTL.OK || !s.Keys.OK {
			continue
		}
		n, e, u := float64(s.NoTTL.N), float64(s.Keys.N-s.NoTTL.N), float64(s.Used.N-s.Startup.Or(0))
		nn, ne, ee, nu, eu = nn+n*n, ne+n*e, ee+e*e, nu+n*u, eu+e*u
	}
	det := nn*ee - ne*ne
	if det <= 1e-3*nn*ee { // the two move together
		return 0
	}
	n, e := (nu*ee-eu*ne)/det, (eu*nn-nu*ne)/det
	if n <= 0 || e <= 0 {
		return 0
	}
	return n
}

// unbounded: no maxmemory, or one above eight tenths of the room, where fragmentation and the rest of the host leave it none.
func (c *Case) unbounded() correlate.Outcome {
	limit, known := c.maxmemory()
	return correlate.Judge(known, limit.Bytes == 0 || c.Room.OK && limit.Bytes > c.Room.Bytes*8/10)
}

// filledRoom: Redis took at least half of the room there was when its run began: RAM less what the other programs held at
// the kill and what Redis held at the start. Then its growth is what exhausted the host, whatever part of RAM it came to.
func (c *Case) filledRoom() bool {
	g := c.Growth
	if g == nil || c.After || !c.RAM.OK || c.Kill == nil || c.inGroup() || len(c.Kill.Fact.Tasks) == 0 {
		return false
	}
	grown := max(g.DRSS.Or(0), g.DUsed.Or(0))
	// A larger program that is beyond the size it was given, or was given none, made the room small itself.
	if h := c.hog(); h != nil && h.RSS > grown && !c.asConfigured(h) {
		return false
	}
	room := c.RAM.Bytes - g.First.RSS.Or(g.First.Used.Or(0))
	for _, t := range c.Groups {
		if !IsRedis(t.Comm) {
			room -= t.RSS
		}
	}
	return grown*10 >= c.RAM.Bytes && grown*2 >= room // under a tenth of RAM is what a working host swings by
}

// redisShare is Redis's part of RAM (of its group's limit, where that was hit) when it died: the kernel's count with what it had swapped out, else the last RSS;
// negative = unknown.
func (c *Case) redisShare() float64 {
	if !c.Room.OK || c.Room.Bytes == 0 {
		return -1
	}
	rss := int64(0)
	for _, g := range c.Groups {
		if IsRedis(g.Comm) {
			rss = max(rss, g.RSS+g.Swap)
		}
	}
	rss = max(rss, c.killedRedis())
	if rss == 0 && c.Growth != nil {
		rss = c.Growth.Last.RSS.Or(c.Growth.Last.Used.Or(0))
	}
	if rss == 0 {
		return -1
	}
	return float64(rss) / float64(c.Room.Bytes)
}

// sessionWords are key prefixes of session stores: PHP, WooCommerce, Laravel, Magento, express-session, Django, Spring, Rails.
func looksLikeSession(prefix string) bool {
	p := strings.ToLower(prefix)
	return strings.Contains(p, "sess") || strings.HasPrefix(p, "_session") || strings.Contains(p, "django.contrib.sessions")
}
