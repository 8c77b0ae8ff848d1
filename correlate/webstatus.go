package correlate

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"culprit/parsers"
)

type statusBin struct {
	from time.Time
	Totals
}

// Totals are the requests of a stretch of time by outcome.
type Totals struct {
	Requests, Pages, S5xx, S500, S502, S503, S504, S403, S404, S429, S302, S499 int64
	LatencyMedian                                                               parsers.OptF // seconds
	LatencyP95                                                                  parsers.OptF
}

// Status sums the bins that begin in [from, to).
func (w *Web) Status(from, to time.Time) Totals {
	var t Totals
	var h histogram
	for bin := floorDiv(from.Unix(), w.fold.width); bin*w.fold.width < to.Unix(); bin++ {
		s := w.fold.status[bin]
		if s == nil {
			continue
		}
		t.Requests += s.requests
		t.Pages += s.pages
		t.S5xx += s.s5xx
		t.S500 += s.s500
		t.S502 += s.s502
		t.S503 += s.s503
		t.S504 += s.s504
		t.S403 += s.s403
		t.S404 += s.s404
		t.S429 += s.s429
		t.S302 += s.s302
		t.S499 += s.s499
		if s.latency != nil {
			h.merge(s.latency)
		}
	}
	if m, n := h.quantile(0.5); n > 0 {
		p, _ := h.quantile(0.95)
		t.LatencyMedian, t.LatencyP95 = parsers.SomeF(m), parsers.SomeF(p)
	}
	return t
}

// slot is the grain of coverage: a site that people use answers something every 15 minutes.
const slot = 15 * time.Minute

// Covered is the share of [from, to) in which the access logs show any request.
func (w *Web) Covered(from, to time.Time) float64 {
	if len(w.fold.status) == 0 || !to.After(from) {
		return 0
	}
	total, seen := 0, 0
	for s := from.Truncate(slot); s.Before(to); s = s.Add(slot) {
		total++
		if w.any(s, s.Add(slot)) {
			seen++
		}
	}
	return float64(seen) / float64(total)
}

func (w *Web) any(from, to time.Time) bool {
	for bin := floorDiv(from.Unix(), w.fold.width); bin*w.fold.width < to.Unix(); bin++ {
		if w.fold.status[bin] != nil {
			return true
		}
	}
	return false
}

// EachBin calls f for every bin that holds requests, in order.
func (w *Web) EachBin(f func(from time.Time, width time.Duration, t Totals)) {
	for i := range w.bins {
		f(w.bins[i].from, time.Duration(w.fold.width)*time.Second, w.bins[i].Totals)
	}
}

// sumBins fills bins, once for the five who ask for each.
func (w *Web) sumBins() {
	width := time.Duration(w.fold.width) * time.Second
	for _, bin := range slices.Sorted(maps.Keys(w.fold.status)) {
		from := time.Unix(bin*w.fold.width, 0).UTC()
		w.bins = append(w.bins, statusBin{from, w.Status(from, from.Add(width))})
	}
}

// Failures quotes the earliest line of each route and status that failed with 5xx in [from, to], by count.
func (w *Web) Failures(from, to time.Time) []Evidence {
	type item struct {
		f failure
		s *failureSum
	}
	var list []item
	for f, s := range w.fold.failures {
		if f.status >= 500 && !s.first.t.Before(from) && !s.first.t.After(to) {
			list = append(list, item{f, s})
		}
	}
	slices.SortFunc(list, func(a, b item) int {
		return cmp.Or(-cmp.Compare(a.s.n, b.s.n), a.s.first.at.Compare(b.s.first.at))
	})
	var out []Evidence
	for _, i := range list {
		out = append(out, i.s.first.evidence(""))
	}
	return out
}

// RouteFailures is how often a route was asked for, and how often in vain.
type RouteFailures struct {
	Route            string
	Requests, Failed int64
}

// FailedRoutes are the routes that answered with 5xx, most failures first; none where routes are not told apart.
func (w *Web) FailedRoutes() []RouteFailures {
	var out []RouteFailures
	if routeGrains[w.fold.routeGrain].routes > 0 {
		return out
	}
	for i := range w.fold.route {
		if r := &w.fold.route[i]; r.errors5xx > 0 {
			out = append(out, RouteFailures{w.fold.routes.names[i], r.requests, r.errors5xx})
		}
	}
	slices.SortFunc(out, func(a, b RouteFailures) int {
		return cmp.Or(-cmp.Compare(a.Failed, b.Failed), cmp.Compare(a.Route, b.Route))
	})
	return out
}

// RouteMisses is how often a route was asked for by whom it was not found for.
type RouteMisses struct {
	Route      string
	OK, Missed int64 // answered below 400, and 404
	Visitors   int64 // of the missed: browsers', without the two networks that missed most
	Networks   int   // of these browsers, at most 64 are told apart
	First      Evidence
}

// MissedRoutes are the routes that answered with 404, most first; none where routes are not told apart.
func (w *Web) MissedRoutes() []RouteMisses {
	if routeGrains[w.fold.routeGrain].routes > 0 {
		return nil
	}
	var out []RouteMisses
	for f, sum := range w.fold.failures {
		if f.status != 404 {
			continue
		}
		r := &w.fold.route[f.route]
		m := RouteMisses{Route: w.fold.routes.names[f.route], OK: r.ok, Missed: sum.n, First: sum.first.evidence("")}
		if sum.from != nil {
			top := slices.Sorted(slices.Values(sum.from))[spreadBoxes-2:]
			for _, n := range sum.from {
				m.Visitors += n
				m.Networks += boolIndex(n > 0)
			}
			m.Visitors -= top[0] + top[1]
		}
		out = append(out, m)
	}
	slices.SortFunc(out, func(a, b RouteMisses) int {
		return cmp.Or(-cmp.Compare(a.Missed, b.Missed), cmp.Compare(a.Route, b.Route))
	})
	return out
}

// FailedBy counts requests answered with 5xx by address, most first.
func (w *Web) FailedBy() []Count {
	by := map[string]int64{}
	w.EachClient(func(c Client) {
		if c.Failed5xx > 0 && c.Addr != "" {
			by[c.Addr] += c.Failed5xx
		}
	})
	return topCounts(by)
}
