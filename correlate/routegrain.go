package correlate

import (
	"bytes"
	"math"
)

// A log may hold any number of paths and referring sites; the fold of it may not. So it knows grains, from the finest to the
// coarsest, and takes the finest at which the whole log fits. Which that is depends on the requests alone, never on their
// order or division: a coarser grain is a function of a finer one, and a part never needs a coarser grain than the whole.
// Ordinary logs stay at the first: every route and every site, minute by minute.

// webLimits bound a fold. They are the same for every part of an input.
type webLimits struct {
	bins          int // of all requests
	routes, sites int
	references    int // pairs of a route and a site
	routeCells    int
}

// defaultLimits make a fold of 10 MiB at most.
var defaultLimits = webLimits{
	bins:   1 << 16, // 45 days of minutes
	routes: 1 << 13, // a large shop has 500
	sites:  1 << 13, references: 1 << 15, routeCells: fullTable,
}

// routeGrain says how routes and referring sites are told apart, and the width of the routes' bins.
type routeGrain struct {
	width         int64
	routes, sites uint8 // 0 all, 1 by their first segment and last two labels, 2 not
}

var routeGrains = []routeGrain{
	{minBin, 0, 0}, {2 * minBin, 0, 0}, {4 * minBin, 0, 0}, {8 * minBin, 0, 0}, {16 * minBin, 0, 0}, {maxBin, 0, 0},
	{maxBin, 0, 1}, {maxBin, 1, 1}, {maxBin, 1, 2}, {maxBin, 2, 2},
}

func (w *webFold) tooManyRoutes() bool {
	return w.routeGrain < len(routeGrains)-1 &&
		(len(w.route) > w.limits.routes || len(w.hosts.names) > w.limits.sites || w.referers.n > w.limits.references || w.routeCells.n > w.limits.routeCells)
}

// bound takes the finest grains at which what was read so far fits.
func (w *webFold) bound() {
	w.grew = false
	for len(w.status) > w.limits.bins && w.width < maxWidth {
		w.widenStatus(2 * w.width)
	}
	for w.tooManyRoutes() {
		w.coarsenRoutes(w.routeGrain + 1)
	}
}

// routeHash tells a route's name in a hit: neither 0 nor several.
func routeHash(name []byte) uint64 { return (hashOf(name) | 1) &^ (1 << 63) }

// coarsenRoutes folds the routes again at a coarser grain.
func (w *webFold) coarsenRoutes(grain int) {
	if grain <= w.routeGrain {
		return
	}
	w.settleRoutes()
	old := *w
	w.routeGrain = grain
	defer w.leave()
	if was, is := routeGrains[old.routeGrain], routeGrains[grain]; was.routes == is.routes && was.sites == is.sites {
		w.routeCells = table[cell]{}
		w.takeCells(&old, nil)
		return
	}
	w.routes, w.hosts, w.route, w.routeRun = intern{}, intern{}, nil, nil
	w.routeCells, w.referers, w.failures = table[cell]{}, table[int64]{}, map[failure]*failureSum{}
	if w.walk != nil {
		w.walk = newRouteWalk()
	}
	w.takeRoutes(&old)
}

// takeCells adds the cells of a fold of the same or a finer grain, whose routes have these numbers here; nil = their own.
func (w *webFold) takeCells(o *webFold, routes []uint32) {
	factor := uint32(routeGrains[w.routeGrain].width / routeGrains[o.routeGrain].width)
	w.routeCells.reserve(w.routeCells.n + o.routeCells.n)
	for key, c := range o.routeCells.all() {
		route := uint32(key >> 32)
		if routes != nil {
			route = routes[route]
		}
		w.bumpRoute(route, uint32(key)/factor, c)
	}
}

// takeRoutes adds the routes of a fold of the same or a finer grain.
func (w *webFold) takeRoutes(o *webFold) {
	routes := make([]uint32, len(o.route))
	for i := range o.route {
		w.buf = append(w.buf[:0], o.routes.names[i]...)
		routes[i] = w.routeOf(w.buf)
		w.route[routes[i]].merge(&o.route[i])
	}
	sites := make([]uint32, len(o.hosts.names))
	for i, name := range o.hosts.names {
		sites[i] = w.siteOf([]byte(name))
	}
	w.takeCells(o, routes)
	w.referers.reserve(w.referers.n + o.referers.n)
	for key, n := range o.referers.all() {
		sum, _ := w.referers.at(uint64(routes[key>>32])<<32 | uint64(sites[uint32(key)]))
		*sum += n
	}
	for f, sum := range o.failures {
		f.route = routes[f.route]
		have := w.failures[f]
		if have == nil {
			w.failures[f] = sum
			continue
		}
		have.n += sum.n
		have.first.merge(sum.first)
		if have.last.Before(sum.last) {
			have.last = sum.last
		}
		have.from.merge(sum.from)
	}
}

// routeOf numbers a route, as Route names it, at this grain.
func (w *webFold) routeOf(name []byte) uint32 {
	switch routeGrains[w.routeGrain].routes {
	case 1:
		if i := bytes.IndexByte(name[min(len(name), 1):], '/'); i >= 0 {
			name = append(name[:i+1], "/**"...)
		}
	case 2:
		name = []byte("/**")
	}
	id := w.routes.id(name)
	for int(id) >= len(w.route) {
		w.route, w.routeRun = append(w.route, routeSum{}), append(w.routeRun, routeRun{first: math.MaxInt64, hash: routeHash(name)})
		w.grew = true
	}
	return id
}

// siteOf numbers a referring site at this grain.
func (w *webFold) siteOf(host []byte) uint32 {
	switch routeGrains[w.routeGrain].sites {
	case 1:
		if i := bytes.LastIndexByte(host, '.'); i > 0 {
			host = host[bytes.LastIndexByte(host[:i], '.')+1:]
		}
	case 2:
		host = []byte("(many sites)")
	}
	id := w.hosts.id(host)
	w.grew = w.grew || int(id) == len(w.hosts.names)-1
	return id
}
