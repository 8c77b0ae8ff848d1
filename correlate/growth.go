package correlate

import (
	"cmp"
	"math"
	"slices"
	"time"

	"culprit/parsers"
)

// Growth is one run of one server, from its baseline to its end (the kill, or the last snapshot).
type Growth struct {
	Instance    *Instance
	Run         []Snapshot // placed snapshots of one run, in order, none after End
	First, Last *Snapshot
	End         time.Time // the kill, or the last snapshot

	DUsed, DRSS, DKeys, DNoTTL parsers.Opt // Last - First
	Counted                    Counted     // which keys the growth is told by
	BytesPerKey                parsers.Opt // of keys without TTL: growth of used_memory over growth of their number
	NoTTLShare                 float64     // of keys at Last; negative = unknown
	NoTTLPerDay                float64     // recent rate; 0 = not growing or unknown
	Onset                      *Snapshot   // the snapshot after which keys without TTL began their last steep rise
}

// Counted says which keys a growth is told by.
type Counted uint8

const (
	NoTTLKeys Counted = iota // keys without expiry: they only ever add up
	AllKeys                  // all keys, and those that expired meanwhile: a store whose keys come faster than they go
)

// Of is the number of keys of the counted kind in a snapshot.
func (k Counted) Of(s *Snapshot) parsers.Opt {
	if k == NoTTLKeys {
		return s.NoTTL
	}
	return s.Keys
}

// Made is how many keys of the counted kind were added from a to b; unknown where a snapshot lacks its count.
func (k Counted) Made(a, b *Snapshot) parsers.Opt {
	if k == NoTTLKeys {
		if !a.NoTTL.OK || !b.NoTTL.OK {
			return parsers.Opt{}
		}
		return parsers.Some(b.NoTTL.N - a.NoTTL.N)
	}
	if !a.Keys.OK || !b.Keys.OK {
		return parsers.Opt{}
	}
	made := b.Keys.N - a.Keys.N
	if a.Expired.OK && b.Expired.OK {
		made += max(b.Expired.N-a.Expired.N, 0)
	}
	if a.Evicted.OK && b.Evicted.OK {
		made += max(b.Evicted.N-a.Evicted.N, 0)
	}
	return parsers.Some(made)
}

// Emptied is the snapshot by which nine in ten of a thousand keys or more were gone, the last such; 0 = none. Neither expiry nor
// eviction took half of them: somebody emptied the server.
func Emptied(run []Snapshot) int {
	for i := len(run) - 1; i > 0; i-- {
		a, b := &run[i-1], &run[i]
		if !a.Keys.OK || !b.Keys.OK || a.Keys.N < 1000 || b.Keys.N*10 > a.Keys.N || !a.Expired.OK || !b.Expired.OK || !a.Evicted.OK || !b.Evicted.OK {
			continue
		}
		if gone := (b.Expired.N - a.Expired.N) + (b.Evicted.N - a.Evicted.N); gone*2 < a.Keys.N-b.Keys.N {
			return i
		}
	}
	return 0
}

// GrowthOf measures the run of in that was alive at end (zero = the last one). nil when it has no placed snapshot.
func GrowthOf(in *Instance, end time.Time) *Growth {
	runs := in.Runs()
	var run []Snapshot
	for _, r := range runs {
		var before []Snapshot
		for _, s := range r {
			if !s.Used.OK && !s.Keys.OK {
				continue
			}
			if end.IsZero() || !s.Placed || !s.At.After(end) {
				before = append(before, s)
			}
		}
		if len(before) > 0 {
			run = before
		}
	}
	if len(run) == 0 {
		return nil
	}
	if i := Emptied(run); i > 0 && len(run)-i > minRegime {
		run = run[i:] // what is there now grew since
	}
	g := &Growth{Instance: in, Run: run, First: &run[0], Last: &run[len(run)-1], End: end, NoTTLShare: -1}
	if end.IsZero() {
		g.End = g.Last.At
	}
	g.DUsed = diff(run, func(s *Snapshot) parsers.Opt { return s.Used })
	g.DRSS = diff(run, func(s *Snapshot) parsers.Opt { return s.RSS })
	g.DKeys = diff(run, func(s *Snapshot) parsers.Opt { return s.Keys })
	g.DNoTTL = diff(run, func(s *Snapshot) parsers.Opt { return s.NoTTL })
	if l := g.Last; l.Keys.OK && l.Keys.N > 0 {
		g.NoTTLShare = float64(l.NoTTL.N) / float64(l.Keys.N)
	}
	if g.DUsed.OK && g.DNoTTL.OK && g.DNoTTL.N > 0 && g.DUsed.N > 0 {
		g.BytesPerKey = parsers.Some(g.DUsed.N / g.DNoTTL.N)
	}
	g.findOnset()
	return g
}

// diff is the last known value less the first.
func diff(run []Snapshot, field func(*Snapshot) parsers.Opt) parsers.Opt {
	var first, last parsers.Opt
	n := 0
	for i := range run {
		if v := field(&run[i]); v.OK {
			if n == 0 {
				first = v
			}
			last = v
			n++
		}
	}
	if n < 2 {
		return parsers.Opt{}
	}
	return parsers.Some(last.N - first.N)
}

// findOnset finds when the counted keys changed their pace: a step of at least three times, which a daily cycle of visitors
// (a factor of two or so around its mean) does not make, and a later part that holds a third of the growth. Without one
// the growth began with the run.
func (g *Growth) findOnset() {
	var pts []Point
	for i := range g.Run {
		if s := &g.Run[i]; s.Placed && s.NoTTL.OK {
			pts = append(pts, Point{s.At.Sub(g.Run[0].At).Hours() / 24, float64(s.NoTTL.N)})
		}
	}
	if len(pts) < 2 {
		return
	}
	first, last := pts[0], pts[len(pts)-1]
	if last.T > first.T {
		g.NoTTLPerDay = max(0, (last.V-first.V)/(last.T-first.T))
	}
	c, ok := RateShift(pts)
	if !ok || c.To < 3*max(c.From, 0) || c.To <= 0 {
		return
	}
	for i := range g.Run {
		s := &g.Run[i]
		if s.Placed && s.NoTTL.OK && s.At.Sub(g.Run[0].At).Hours()/24 >= c.At {
			if float64(s.NoTTL.N) <= last.V-(last.V-first.V)/3 {
				g.Onset, g.NoTTLPerDay = s, c.To
			}
			return
		}
	}
}

// Attribution says which groups of requests account for new keys without TTL.
type Attribution struct {
	Shares    []Share // best first
	Intervals int     // snapshot intervals with both ends and an access log between them
	NewKeys   float64 // keys without TTL that were added in those intervals
	Explained float64 // share of NewKeys that all groups together account for
	Residual  float64 // NewKeys less what is explained
	Covered   float64 // share of the run's growth that fell into logged time
	Fitted    bool    // enough intervals for a fit; else totals are compared: a ratio, not a correlation
	AnyAnswer bool    // requests count whatever their answer: sessions are opened on a 404 too
	Steady    bool    // no interval was logged well enough; the keys' steady pace stands in for it
	Free      bool    // no group makes one key a request: parts of a key were fitted
	Loose     bool    // and nothing bears the fit out: not in step with the keys, or totals that do not come near
	Ambiguous bool    // other groups account for the keys about as well: the numbers cannot say who it was
	From, To  time.Time
}

// Share is one group's part.
type Share struct {
	Group       *Group
	Candidates  float64 // requests (or visits) of the group in the intervals
	PerRequest  float64 // new keys a candidate, 0..1.25
	Keys        float64 // Candidates x PerRequest
	Share       float64 // of NewKeys
	Correlation float64 // of increments, interval by interval; NaN with fewer than four
	AnyAnswer   bool    // its requests count whatever their answer
	Bound       bool    // the group makes more requests than there were new keys, and cannot be told apart by time
}

// maxPerRequest bounds the keys a request can add: one session each, and a quarter for what rounding and bins at the
// borders of an interval do.
const maxPerRequest = 1.25

// Attribute accounts for the growth of g by the groups of w.
func Attribute(g *Growth, w *Web) *Attribution {
	a := &Attribution{}
	type interval struct {
		from, to time.Time
		d        float64
		timed    float64 // keys with a TTL that were made meanwhile; negative = unknown
	}
	var list, thin []interval
	var rates []float64
	var all float64
	for i := 1; i < len(g.Run); i++ {
		x, y := &g.Run[i-1], &g.Run[i]
		made := g.Counted.Made(x, y)
		if !x.Placed || !y.Placed || !made.OK || !y.At.After(x.At) {
			continue
		}
		d := float64(made.N)
		rates = append(rates, d/y.At.Sub(x.At).Seconds())
		all += d
		// Of an interval that the log covers in part, the covered part is counted, when it is at least a third: less
		// would judge a long stretch by a short one.
		from, to := x.At, y.At
		if from.Before(w.From) {
			from = w.From
		}
		if to.After(w.To) {
			to = w.To
		}
		if !to.After(from) {
			continue
		}
		part := float64(to.Sub(from)) / float64(y.At.Sub(x.At)) * w.Covered(from, to)
		if part < 1.0/3 {
			thin = append(thin, interval{from, to, d * part, timedKeys(x, y) * part})
			continue
		}
		list = append(list, interval{from, to, d * part, timedKeys(x, y) * part})
	}
	// Snapshots far apart and a log of the last hours: where keys came at one steady pace, the pace holds for the logged
	// part too. A quarter between the fastest and the slowest interval is steadier than any crawl that begins or ends.
	if len(list) == 0 && len(thin) > 0 && steady(rates, 0.25) {
		list, a.Steady = thin, true
	}
	for _, iv := range list {
		a.NewKeys += iv.d
	}
	a.Intervals = len(list)
	if len(list) == 0 || a.NewKeys <= 0 {
		return a
	}
	a.From, a.To = list[0].from, list[len(list)-1].to
	if all > 0 {
		a.Covered = a.NewKeys / all
	}
	y := make([]float64, len(list))
	for i, iv := range list {
		y[i] = iv.d
	}
	var groups []*Group
	var x, every [][]float64
	for _, grp := range w.Groups {
		col, all := make([]float64, len(list)), make([]float64, len(list))
		for i, iv := range list {
			col[i], all[i] = grp.Count(iv.from, iv.to), grp.CountEvery(iv.from, iv.to)
		}
		// A group that could not account for 2 % of the new keys is noise in a fit.
		if max(sum(col), sum(all))*maxPerRequest < 0.02*a.NewKeys {
			continue
		}
		groups = append(groups, grp)
		x, every = append(x, col), append(every, all)
	}
	people := make([]bool, len(groups))
	for j, grp := range groups {
		people[j] = grp.Kind == PeopleGroup
	}
	a.Fitted = len(list) >= fitAt
	beta, ambiguous, loose, doubt := account(x, people, y)
	a.Free, a.Loose = math.IsInf(doubt, 1), loose
	// An application that opens a session on every request does so on a scanner's 404 too: believed when it explains the
	// keys twenty times better, or when nothing else adds up.
	if b, amb, _, d := account(every, people, y); d+unlikely < doubt {
		beta, ambiguous, x, a.AnyAnswer, a.Free, a.Loose = b, amb, every, true, false, false
	}
	if a.Free && !a.Loose && g.Counted == NoTTLKeys {
		timed := make([]float64, len(list))
		for i, iv := range list {
			timed[i] = iv.timed
		}
		a.Loose = spokenFor(x, people, beta, timed)
	}
	a.Ambiguous = ambiguous
	for j, grp := range groups {
		s := Share{Group: grp, PerRequest: beta[j], Correlation: math.NaN(), AnyAnswer: a.AnyAnswer}
		for i := range list {
			s.Candidates += x[j][i]
		}
		s.Keys = s.Candidates * s.PerRequest
		s.Share = s.Keys / a.NewKeys
		if r, ok := Pearson(x[j], y); ok && len(list) >= 4 {
			s.Correlation = r
		}
		s.Bound = s.Candidates > maxPerRequest*a.NewKeys
		a.Explained += s.Share
		a.Shares = append(a.Shares, s)
	}
	a.Residual = a.NewKeys * (1 - a.Explained)
	slices.SortStableFunc(a.Shares, func(p, q Share) int {
		return cmp.Or(-cmp.Compare(p.Share, q.Share), cmp.Compare(p.Group.Name, q.Group.Name))
	})
	return a
}

// timedKeys are the keys with a TTL that were made between two snapshots: those there are more, and those that expired.
func timedKeys(a, b *Snapshot) float64 {
	if !a.Keys.OK || !b.Keys.OK || !a.NoTTL.OK || !b.NoTTL.OK || !a.Expired.OK || !b.Expired.OK {
		return -1
	}
	return float64((b.Keys.N - b.NoTTL.N) - (a.Keys.N - a.NoTTL.N) + b.Expired.N - a.Expired.N)
}

// spokenFor: the group that a free fit gives most of the keys without TTL left a key with a TTL by each of its requests, one to
// one. That is the session it opened; a part of a key more, on average, is another writer's, who began when it did.
func spokenFor(x [][]float64, people []bool, beta, timed []float64) bool {
	lead, most := -1, 0.0
	for g := range x {
		if v := beta[g] * sum(x[g]); v > most {
			lead, most = g, v
		}
	}
	if lead < 0 || slices.Min(timed) < 0 || sum(timed) <= 0 {
		return false
	}
	own, ambiguous, _, doubt := account(x, people, timed)
	return !ambiguous && !math.IsInf(doubt, 1) && own[lead] > 0
}

// steady: at least two rates, all positive, the fastest within a part of the slowest.
func steady(rates []float64, part float64) bool {
	if len(rates) < 2 {
		return false
	}
	lo, hi := slices.Min(rates), slices.Max(rates)
	return lo > 0 && hi <= lo*(1+part)
}

// Aside: memory grew while the counted keys stood still, so that bytes a key, which are the one divided by the other, say nothing.
// In the half of the run in which used_memory grew by a third of all its growth or more, the keys made less than a tenth of theirs.
func (g *Growth) Aside(counted Counted) bool {
	first, last := g.First, g.Last
	if len(g.Run) < 5 || !first.Used.OK || !last.Used.OK || !counted.Of(first).OK || !counted.Of(last).OK {
		return false
	}
	mid := &g.Run[len(g.Run)/2]
	if !mid.Used.OK || !counted.Of(mid).OK {
		return false
	}
	used, keys := last.Used.N-first.Used.N, counted.Of(last).N-counted.Of(first).N
	for _, half := range [][2]*Snapshot{{first, mid}, {mid, last}} {
		u, k := half[1].Used.N-half[0].Used.N, counted.Of(half[1]).N-counted.Of(half[0]).N
		if u*3 >= used && k*10 < keys {
			return true
		}
	}
	return false
}

// KeySlope is the median slope of used_memory over the counted keys, from pairs of snapshots far enough apart to show it:
// bytes a key, robust against caches that come and go. 0 = not measurable.
func KeySlope(run []Snapshot, counted Counted) float64 {
	type point struct{ used, keys int64 }
	var pts []point
	for _, s := range run {
		switch {
		case !s.Used.OK:
		case counted == NoTTLKeys && s.NoTTL.OK:
			pts = append(pts, point{s.Used.N, s.NoTTL.N})
		case counted == AllKeys && s.Keys.OK:
			pts = append(pts, point{s.Used.N, s.Keys.N})
		}
	}
	if len(pts) < 4 {
		return 0
	}
	// Thin to at most 60 points: 1,770 pairs settle a median.
	if step := len(pts)/60 + 1; step > 1 {
		var thin []point
		for i := 0; i < len(pts); i += step {
			thin = append(thin, pts[i])
		}
		pts = thin
	}
	whole := pts[len(pts)-1].keys - pts[0].keys
	var slopes []float64
	for i := range pts {
		for j := i + 1; j < len(pts); j++ {
			// a tenth of the whole growth: below that the daily cycle of the cache outweighs it
			if dk := pts[j].keys - pts[i].keys; dk > 0 && dk*10 >= whole {
				slopes = append(slopes, float64(pts[j].used-pts[i].used)/float64(dk))
			}
		}
	}
	if len(slopes) == 0 {
		return 0
	}
	slope, _ := Median(slopes)
	return max(slope, 0)
}
