package correlate

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"time"
)

// The replay puts the incident through a change: keys under a TTL, memory under a limit, requests through nginx' limits.
// What it needs is what the fold kept: requests are known by the bin (Width), not one by one, and spread evenly inside it.

// UnderTTL is the largest number of keys that would have lived at once under a TTL; see AliveUnder.
func (g *Growth) UnderTTL(ttl time.Duration) (peak int64, at time.Time, ok bool) {
	times, alive, ok := g.AliveUnder(ttl)
	best := 0.0
	for i, n := range alive {
		if n > best {
			best, at = n, times[i]
		}
	}
	return int64(math.Round(best)), at, ok
}

// AliveUnder is how many keys would have lived at each snapshot, had every key of the counted kind (without expiry; or all,
// where they come faster than they go) lived for ttl from its first write. Before the first snapshot the keys are taken to have come at the pace of the first quarter of the run. ok
// false: fewer than two counts, or a run shorter than an hour, which says nothing about days.
func (g *Growth) AliveUnder(ttl time.Duration) (times []time.Time, alive []float64, ok bool) {
	var ts []float64
	// written counts keys as they came: a count that falls (a flush, an eviction) took keys, it wrote none.
	var written []float64
	var earlier *Snapshot
	for i := range g.Run {
		s := &g.Run[i]
		if !s.Placed || !g.Counted.Of(s).OK {
			continue
		}
		n := 0.0
		if earlier != nil {
			n = written[len(written)-1] + max(float64(g.Counted.Made(earlier, s).N), 0)
		}
		ts, written, earlier = append(ts, float64(s.At.Unix())), append(written, n), s
	}
	last := len(ts) - 1
	if last < 1 || ts[last]-ts[0] < 3600 {
		return nil, nil, false
	}
	early := max(last/4, 1)
	slope := written[early] / (ts[early] - ts[0])
	before := func(t float64) float64 {
		if t <= ts[0] {
			return (t - ts[0]) * slope
		}
		i := 1
		for i < last && ts[i] < t {
			i++
		}
		return written[i-1] + (written[i]-written[i-1])*(t-ts[i-1])/(ts[i]-ts[i-1])
	}
	for i := range ts {
		times = append(times, time.Unix(int64(ts[i]), 0).UTC())
		alive = append(alive, written[i]-before(ts[i]-ttl.Seconds()))
	}
	return times, alive, true
}

// Reached is when used_memory first stood at limit or above; false when it never did.
func (g *Growth) Reached(limit int64) (time.Time, bool) {
	var prev *Snapshot
	for i := range g.Run {
		s := &g.Run[i]
		if !s.Placed || !s.Used.OK {
			continue
		}
		if s.Used.N >= limit {
			if prev == nil || s.Used.N == prev.Used.N {
				return s.At, true
			}
			part := float64(limit-prev.Used.N) / float64(s.Used.N-prev.Used.N)
			return prev.At.Add(time.Duration(part * float64(s.At.Sub(prev.At)))), true
		}
		prev = s
	}
	return time.Time{}, false
}

// MaxUsed is the largest used_memory of the run.
func (g *Growth) MaxUsed() int64 {
	var most int64
	for i := range g.Run {
		most = max(most, g.Run[i].Used.Or(0))
	}
	return most
}

// Limit is a limit_req: Key gives the key of a request by its address and agent ("" = not limited, as in nginx), Rate its
// pace a second, Burst what may come before its time (nodelay: it passes at once; the count is the same without).
type Limit struct {
	Key   func(addr, agent string) string
	Rate  float64
	Burst int
}

// Passage is what a set of requests meets.
type Passage struct {
	Requests, Refused int64
	Pages, PagesCut   int64 // pages, and those of them refused, in proportion
	First             time.Time
}

// Passed are the requests let through.
func (p Passage) Passed() int64 { return p.Requests - p.Refused }

// LimitReplay is the access log through a set of limits.
type LimitReplay struct {
	Culprits, Others Passage
	Width            time.Duration // of the bins that the requests were known by
}

// Through puts every request of the log through a gate: refused by refuse (nil = nobody) whatever its pace, as nginx' rewrite
// phase does, or as soon as one limit refuses, as its preaccess phase does. culprit says which requests are those to stop;
// the others show what the gate costs everybody else.
func (w *Web) Through(refuse func(addr, agent string) bool, limits []Limit, culprit func(addr, agent string) bool) LimitReplay {
	r := LimitReplay{}
	var actors []replayed
	byBin := map[int64][]int{} // actors by the wider of the sets' bins
	wide := max(w.clients.programs.width, w.clients.people.width)
	for _, s := range w.clients.sets() {
		first := len(actors)
		for i := range s.actor {
			a := &s.actor[i]
			addr, agent := a.addr, a.agentLogged()
			one := replayed{guilty: culprit(addr, agent)}
			limited := false
			for _, l := range limits {
				k := l.Key(addr, agent)
				limited = limited || k != ""
				one.keys = append(one.keys, k)
			}
			p := r.side(one.guilty)
			p.Requests += a.requests
			p.Pages += a.pages
			if refuse != nil && refuse(addr, agent) {
				p.Refused += a.requests
				p.PagesCut += a.pages
				if a.first != nil && (p.First.IsZero() || a.first.t.Before(p.First)) {
					p.First = a.first.t
				}
				limited = false
			}
			if !limited {
				one.keys = nil
			}
			actors = append(actors, one)
		}
		for _, c := range s.cells.list {
			if i := first + int(c.client); actors[i].keys != nil {
				actors[i].bins = append(actors[i].bins, replayedBin{int64(c.bin) * s.width, s.width, c.cell})
			}
		}
		for i := first; i < len(actors); i++ {
			for n, b := range actors[i].bins {
				r.Width = max(r.Width, time.Duration(b.width)*time.Second)
				if at := b.from / wide; n == 0 || at != actors[i].bins[n-1].from/wide {
					byBin[at] = append(byBin[at], i)
				}
			}
		}
	}
	if r.Width == 0 {
		r.Width = time.Duration(wide) * time.Second
	}
	if p := r.side(false); w.clients.people.letGo > 0 { // each of them asked for too little to meet a limit
		p.Requests += w.clients.people.gone.requests
		p.Pages += w.clients.people.gone.pages
	}
	gate := NewTurnstile(limits)
	for _, bin := range slices.Sorted(maps.Keys(byBin)) {
		slices.Sort(byBin[bin])
		var queue []arrival
		for _, i := range byBin[bin] {
			for n, b := range actors[i].within(bin, wide) {
				step := float64(b.width) / float64(b.requests)
				for k := range b.requests {
					queue = append(queue, arrival{float64(b.from) + (float64(k)+0.5)*step, i, n})
				}
			}
		}
		slices.SortFunc(queue, func(a, b arrival) int {
			return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.actor, b.actor))
		})
		refused := map[[2]int]int64{} // by actor and its bin
		for _, q := range queue {
			if gate.pass(q.at, actors[q.actor].keys) {
				continue
			}
			refused[[2]int{q.actor, q.bin}]++
			p := r.side(actors[q.actor].guilty)
			if at := time.Unix(int64(q.at), 0).UTC(); p.First.IsZero() || at.Before(p.First) {
				p.First = at
			}
		}
		for _, i := range byBin[bin] {
			p := r.side(actors[i].guilty)
			for k, b := range actors[i].within(bin, wide) {
				n := refused[[2]int{i, k}]
				p.Refused += n
				p.PagesCut += int64(math.Round(float64(b.pages) * float64(n) / float64(b.requests)))
			}
		}
	}
	return r
}

// replayed is a client on its way through the limits.
type replayed struct {
	guilty bool
	keys   []string // one a limit; nil = it meets none
	bins   []replayedBin
}

type replayedBin struct {
	from, width int64 // seconds of Unix time, seconds
	cell
}

// within are the bins that begin in a wider one.
func (a *replayed) within(bin, wide int64) []replayedBin {
	from, _ := slices.BinarySearchFunc(a.bins, bin*wide, func(b replayedBin, at int64) int { return cmp.Compare(b.from, at) })
	to, _ := slices.BinarySearchFunc(a.bins, (bin+1)*wide, func(b replayedBin, at int64) int { return cmp.Compare(b.from, at) })
	return a.bins[from:to]
}

func (r *LimitReplay) side(guilty bool) *Passage {
	if guilty {
		return &r.Culprits
	}
	return &r.Others
}

type arrival struct {
	at         float64 // seconds of Unix time
	actor, bin int     // bin of the actor's within this one
}

// Turnstile lets requests through a set of limits one by one, each at its own time.
type Turnstile struct {
	limits  []Limit
	buckets []map[string]bucket
	next    []bucket
}

// NewTurnstile is one that nobody has passed yet.
func NewTurnstile(limits []Limit) *Turnstile {
	t := &Turnstile{limits: limits, buckets: make([]map[string]bucket, len(limits)), next: make([]bucket, len(limits))}
	for i := range t.buckets {
		t.buckets[i] = map[string]bucket{}
	}
	return t
}

// Pass says whether a request passes at a second of time, and counts it if it does.
func (t *Turnstile) Pass(at float64, addr, agent string) bool {
	return t.pass(at, t.keys(addr, agent))
}

// Would says the same and counts nothing.
func (t *Turnstile) Would(at float64, addr, agent string) bool {
	return t.would(at, t.keys(addr, agent))
}

func (t *Turnstile) keys(addr, agent string) []string {
	keys := make([]string, len(t.limits))
	for i, l := range t.limits {
		keys[i] = l.Key(addr, agent)
	}
	return keys
}

func (t *Turnstile) would(at float64, keys []string) bool {
	for i, l := range t.limits {
		if keys[i] == "" {
			continue
		}
		var ok bool
		if t.next[i], ok = t.buckets[i][keys[i]].offer(at, l.Rate, float64(l.Burst)); !ok {
			return false
		}
	}
	return true
}

// pass: a request counts in every zone or, refused by one, in none.
func (t *Turnstile) pass(at float64, keys []string) bool {
	if !t.would(at, keys) {
		return false
	}
	for i := range t.limits {
		if keys[i] != "" {
			t.buckets[i][keys[i]] = t.next[i]
		}
	}
	return true
}

// bucket is nginx' leaky bucket (ngx_http_limit_req_lookup): time takes rate off the excess, a request adds one, and one
// that would lift it above burst is refused and leaves no trace. The first request of a key finds it empty.
type bucket struct {
	excess, last int64 // thousandths of a request, milliseconds: nginx cuts to these, and what it cuts adds up
	used         bool
}

func (b bucket) offer(at, rate, burst float64) (bucket, bool) {
	now := int64(math.Round(at * 1000))
	if !b.used {
		return bucket{0, now, true}, true
	}
	ms := max(now-b.last, 0)
	excess := max(0, b.excess-int64(rate*1000+1e-6)*ms/1000+1000)
	if excess > int64(burst*1000) {
		return b, false
	}
	return bucket{excess, b.last + ms, true}, true
}
