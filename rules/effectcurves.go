package rules

import (
	"time"

	"culprit/correlate"
)

// ttlCurves are the keys as they were counted (those without expiry, where they are what grew), and as they would have lived under a TTL. nil where the run
// is of after the kill or too short: then there is a pace, and no course.
func (c *Case) ttlCurves(ttl time.Duration) []Series {
	g := c.Growth
	if g == nil || c.After || g.Counted == correlate.NoTTLKeys && g.NoTTLShare < leakExplains {
		return nil
	}
	times, alive, ok := g.AliveUnder(ttl)
	if !ok {
		return nil
	}
	was := Series{ID: "before", Name: "keys without expiry, as it was", Lane: "effect"}
	if g.Counted == correlate.AllKeys {
		was.Name = "keys, as it was"
	}
	would := Series{ID: "after", Name: "with a TTL of " + spellTTL(ttl), Lane: "effect"}
	for i := range g.Run {
		if s := &g.Run[i]; s.Placed && g.Counted.Of(s).OK {
			was.Points = append(was.Points, Point{At: s.At, Value: float64(g.Counted.Of(s).N)})
		}
	}
	for i, t := range times {
		would.Points = append(would.Points, Point{At: t, Value: alive[i]})
	}
	return curves(was, would)
}

// limitCurves are used_memory as it was, and as a limit would have held it.
func (c *Case) limitCurves(size int64) []Series {
	g := c.Growth
	if g == nil || c.After {
		return nil
	}
	was := Series{ID: "before", Name: "used_memory, as it was", Unit: "bytes", Lane: "effect", Limits: []Limit{{"maxmemory", float64(size)}}}
	would := Series{ID: "after", Name: "under maxmemory " + redisSize(size), Unit: "bytes", Lane: "effect"}
	for i := range g.Run {
		if s := &g.Run[i]; s.Placed && s.Used.OK {
			was.Points = append(was.Points, Point{At: s.At, Value: float64(s.Used.N)})
			would.Points = append(would.Points, Point{At: s.At, Value: float64(min(s.Used.N, size))})
		}
	}
	return curves(was, would)
}

// curves are both, thinned alike, when there is a shape to see.
func curves(both ...Series) []Series {
	n := len(both[0].Points)
	if n < 3 {
		return nil
	}
	step := (n + maxPoints - 1) / maxPoints
	for i := range both {
		var kept []Point
		for j, p := range both[i].Points {
			if j%step == 0 || j == n-1 {
				kept = append(kept, p)
			}
		}
		both[i].Points = kept
	}
	return both
}
