package rules

import (
	"fmt"
	"time"

	"culprit/correlate"
)

// under is the keyspace as it would have been with a TTL on every key that has none.
type under struct {
	ttl  time.Duration
	keys int64 // at once, at the peak
	used int64 // bytes of used_memory at that peak
	how  string
}

// underTTL replays the keys under the TTL that fits the framework.
func (c *Case) underTTL() (under, bool) { return c.underTTLOf(c.sessionKind().ttl) }

// underTTLOf replays the keys under a TTL: from the counts of INFO, else from the pace at which the access log shows
// candidates.
func (c *Case) underTTLOf(ttl time.Duration) (under, bool) {
	u := under{ttl: ttl}
	g := c.Growth
	if g == nil {
		return u, false
	}
	per := c.bytesPerKey()
	if per <= 0 {
		return u, false
	}
	rest := max(int64(float64(g.Last.Used.Or(0))-per*float64(g.Counted.Of(g.Last).Or(0))), 0)
	beforeKill := c.Kill == nil || !c.Kill.Placed || !g.First.Placed || g.First.At.Before(c.Kill.At)
	if peak, _, ok := g.UnderTTL(u.ttl); ok && beforeKill {
		u.keys, u.how = peak, "from the counts of INFO"
	} else if days, ok := c.candidatesPerDay(); ok {
		u.keys, u.how = int64(days*u.ttl.Hours()/24), fmt.Sprintf("at the access log's pace of %s new sessions a day", count(days))
	} else {
		return u, false
	}
	u.used = int64(float64(u.keys)*per) + rest
	return u, true
}

// candidatesPerDay is how many requests or visits a day could each have left a key.
func (c *Case) candidatesPerDay() (float64, bool) {
	if c.Web == nil || len(c.Web.Groups) == 0 {
		return 0, false
	}
	n := 0.0
	for _, g := range c.Web.Groups {
		if g.Kind != correlate.ProbeGroup {
			n += c.perDay(g)
		}
	}
	return n, n > 0
}

// ttlEffectOf is the incident with the TTL: the keys that live at once, what they take, and whether the box holds that.
func (c *Case) ttlEffectOf(ttl time.Duration) Effect {
	e := Effect{Before: c.keysBefore()}
	u, ok := c.underTTLOf(ttl)
	if !ok {
		return e
	}
	e.Curves = c.ttlCurves(ttl)
	e.After = fmt.Sprintf("with TTL %s: peak %s keys, %s (%s)", spellTTL(u.ttl), count(u.keys), bytesIn(u.used), u.how)
	limit, known := c.maxmemory()
	if known && limit.Bytes > 0 && c.Kill == nil {
		e.Prevents = correlate.Judge(true, float64(u.used) < atLimit*float64(limit.Bytes))
		if e.Prevents == correlate.Pass {
			e.After += "; the limit of " + bytesIn(limit.Bytes) + " is not reached"
		} else {
			e.After += "; the limit of " + bytesIn(limit.Bytes) + " is still reached: it needs redis-maxmemory-size too"
		}
		return e
	}
	room, ok := c.room()
	if _, full := c.exhausted(); full && c.Kill == nil { // what it holds of a host that has no more to give
		room, ok = c.Growth.Last.RSS.N, c.Growth.Last.RSS.OK
	}
	if !ok {
		return e
	}
	rss := int64(float64(u.used) * c.rssOverUsed())
	e.Prevents = correlate.Judge(true, float64(rss) <= roomToSpare*float64(room))
	if e.Prevents == correlate.Pass {
		e.After += fmt.Sprintf("; %s resident where %s was too much: no kill", bytesIn(rss), bytesIn(room))
	} else {
		e.After += fmt.Sprintf("; %s resident where %s was too much: a shorter TTL, or a limit on who makes them, goes with it", bytesIn(rss), bytesIn(room))
	}
	e.After += c.fasterPace(u, room)
	return e
}

// fasterPace tells when INFO counts keys come far faster than the access log accounts for: at that pace the TTL would not do.
func (c *Case) fasterPace(u under, room int64) string {
	g := c.Growth
	if !c.After || g == nil || g.First == g.Last || !g.Last.Placed || !g.First.Placed || !g.Last.NoTTL.OK {
		return ""
	}
	n := g.DNoTTL
	if !n.OK && g.First.Startup.OK && g.First.Used.OK && g.First.Used.N < 2*g.First.Startup.N {
		n = g.Last.NoTTL // the first snapshot shows an empty server
	}
	if !n.OK {
		return ""
	}
	secs := g.Last.At.Sub(g.First.At).Seconds()
	per := c.bytesPerKey()
	if secs < 60 || per <= 0 {
		return ""
	}
	pace := float64(n.N) / secs
	keys := pace * u.ttl.Seconds()
	if keys < 10*float64(u.keys) || keys*per < float64(room) {
		return ""
	}
	return fmt.Sprintf(". At the pace counted after the restart (%.0f a second, which no log accounts for) it would be %s keys: find that writer", pace, count(keys))
}

func (c *Case) keysBefore() string {
	g := c.Growth
	if g == nil || !g.Last.Keys.OK {
		return c.memoryBefore()
	}
	text := fmt.Sprintf("%s of %s keys never expire", count(g.Last.NoTTL.N), count(g.Last.Keys.N))
	if g.Counted == correlate.AllKeys {
		text = fmt.Sprintf("%s keys lived at once at the end", count(g.Last.Keys.N))
	}
	if m := c.memoryBefore(); m != "" {
		text += "; " + m
	}
	return text
}

func spellTTL(d time.Duration) string {
	if d%time.Hour == 0 && d > time.Hour {
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
	return spell(d)
}

// roomToSpare: the part of what Redis held at the kill that it may hold for the kill not to happen. A tenth, because the
// others' memory moves by that from hour to hour.
const roomToSpare = 0.9

// room is what Redis held when memory ran out: the machine had that much for it, and no more.
func (c *Case) room() (int64, bool) {
	if c.Kill == nil {
		return 0, false
	}
	rss := int64(0)
	if IsRedis(c.Kill.Fact.VictimComm) {
		rss = killedRSS(c.Kill)
	}
	for _, t := range c.Kill.Fact.Tasks {
		if IsRedis(t.Comm) {
			rss = max(rss, t.RSSKB.Or(0)<<10)
		}
	}
	if rss == 0 && c.Growth != nil && c.Growth.Last.Placed {
		rss = c.Growth.Last.RSS.Or(0)
	}
	return rss, rss > 0
}

// rssOverUsed is what a byte of used_memory takes of RAM, as last measured at a size that means something.
func (c *Case) rssOverUsed() float64 {
	if g := c.Growth; g != nil && g.Last.RSS.OK && g.Last.Used.Or(0) > 50<<20 {
		return max(float64(g.Last.RSS.N)/float64(g.Last.Used.N), 1)
	}
	return 1.1
}
