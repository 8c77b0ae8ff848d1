package correlate

import (
	"bytes"
	"cmp"
	"hash/maphash"
	"math"
	"net/netip"
	"slices"
	"time"

	"culprit/parsers"
)

// webFold sums requests: per actor (one address with one agent), per route, and per status, each over time bins.
// Everything in it is a sum, a minimum or a set, so folds of any division of the logs merge to the same; and it is bounded:
// see clientGrain.
type webFold struct {
	limits            *webLimits
	grain, routeGrain int   // of clientGrains and routeGrains
	width             int64 // of a time bin in seconds

	addrs, agents, routes, hosts intern
	actors                       table[uint32] // addr<<32|agent -> index of actor
	actor                        []actorSum
	sole                         []netip.Addr // of each actor that is a network: the one address seen in it, invalid = several
	route                        []routeSum   // by route id
	actorCells                   table[cell]  // actor<<32|bin
	routeCells                   table[cell]  // route<<32|bin, in bins of the route grain
	status                       map[int64]*statusCell
	referers                     table[int64] // route<<32|referring host -> requests
	failures                     map[failure]*failureSum
	files                        map[string]*window // zoned span per file: the logs' coverage

	// What the last lines were about, since the next one mostly is too.
	lastFile   string
	lastWindow *window
	lastBin    int64
	lastStatus *statusCell
	agentSeen  intern
	agentIDs   []agentRef    // by number in agentSeen
	nets       table[uint32] // numbers in addrs of IPv4 networks
	paths      [pathSlots]pathSlot
	buf        []byte
}

// pathSlots is how many paths are remembered with their route, by hash: a shop's style sheets and front pages. To find
// the route anew costs ten times as much.
const pathSlots = 1 << 10

type pathSlot struct {
	path  []byte
	route uint32
	class PathClass
}

// actorSum is what one address with one agent did over the whole log.
type actorSum struct {
	addr, agent                        uint32
	requests, pages, assets, noReferer int64
	errors5xx                          int64
	limited                            int64 // answered 403, 429 or 444: somebody already stops it
	first                              example
	onlyRoute                          uint32 // while routes is 1: the one route it ever asked for
	routes                             uint8  // 0 none yet, 1 one, 2 several
}

func (a *actorSum) visit(route uint32) {
	switch {
	case a.routes == 0:
		a.onlyRoute, a.routes = route, 1
	case a.routes == 1 && a.onlyRoute != route:
		a.routes = 2
	}
}

type routeSum struct {
	requests, ok, errors5xx int64
	class                   PathClass
	first                   example
	latency                 histogram
}

// cell counts one actor's or route's requests in one bin.
type cell struct{ requests, pages uint32 }

// statusCell counts all requests of one bin.
type statusCell struct {
	requests, pages                                int64
	s2xx, s3xx, s4xx, s5xx                         int64
	s302, s403, s429, s499, s500, s502, s503, s504 int64
	latency                                        histogram
	slowest                                        float64
}

type failure struct {
	route  uint32
	status uint16
}

type failureSum struct {
	n     int64
	first example
	last  time.Time
}

// example is the earliest line of a group: the evidence for it.
type example struct {
	t    time.Time
	at   parsers.Pos
	text string
}

func (e *example) offer(r parsers.Record) {
	if e.sooner(r) {
		e.t, e.at, e.text = r.Time, r.At, clip(r.Raw)
	}
}

// sooner says whether r stands before the example.
func (e *example) sooner(r parsers.Record) bool {
	return e.at.File == "" || !e.t.Before(r.Time) && (!e.t.Equal(r.Time) || e.at.Compare(r.At) > 0)
}

func (e *example) merge(o example) {
	if o.at.File == "" {
		return
	}
	if e.at.File == "" || cmp.Or(o.t.Compare(e.t), o.at.Compare(e.at)) < 0 {
		*e = o
	}
}

func (e example) evidence(note string) Evidence {
	return Evidence{File: e.at.File, Line: e.at.Line, Time: e.t, Text: e.text, Note: note}
}

// histogram of seconds in steps of a quarter of a power of two from 1 ms on: a median is good to 9 %.
type histogram [64]uint32

func (h *histogram) add(s float64) {
	i := 0
	if s > 0.001 {
		i = min(int(math.Log2(s/0.001)*4)+1, len(h)-1)
	}
	h[i]++
}

func (h *histogram) merge(o *histogram) {
	for i := range h {
		h[i] += o[i]
	}
}

// quantile returns the upper bound of the step that holds the q-th request, and how many there are.
func (h *histogram) quantile(q float64) (seconds float64, n int64) {
	for _, c := range h {
		n += int64(c)
	}
	left := int64(math.Ceil(q * float64(n)))
	for i, c := range h {
		if left -= int64(c); left <= 0 && n > 0 {
			return 0.001 * math.Pow(2, float64(i)/4), n
		}
	}
	return 0, n
}

func newWebFold() *webFold {
	return &webFold{
		limits:   &defaultLimits,
		width:    clientGrains[0].width,
		status:   map[int64]*statusCell{},
		failures: map[failure]*failureSum{},
		files:    map[string]*window{},
	}
}

func (w *webFold) add(r parsers.Record, a *parsers.Access) {
	if r.Clock != parsers.ZonedClock {
		return // every access format carries a zone or an epoch; a line without a time cannot be placed
	}
	w.coverage(r)
	client := a.Client
	if fwd := forwarded(a); fwd != nil {
		client = fwd
	}
	agent := a.Agent
	if !a.AgentLogged {
		agent = unlogged
	}
	route, class := w.classify(a.Path)
	failed := a.Status >= 500
	page := class == Page && a.Status > 0 && a.Status < 400 && a.Status != 304
	unix := r.Time.Unix()

	actor, auto := w.actorOf(client, agent, netip.Addr{}, false)
	sum := &w.actor[actor]
	if sum.first.sooner(r) {
		text := ""
		if w.quotes(auto) {
			text = clip(r.Raw)
		}
		sum.first = example{r.Time, r.At, text}
	}
	sum.requests++
	if sum.visit(route); routeGrains[w.routeGrain].routes > 0 {
		sum.routes = 2
	}
	switch {
	case page:
		sum.pages++
	case class == Asset:
		sum.assets++
	}
	if len(a.Referer) == 0 {
		sum.noReferer++
	}
	switch {
	case failed:
		sum.errors5xx++
	case a.Status == 403 || a.Status == 429 || a.Status == 444:
		sum.limited++
	}

	rs := &w.route[route]
	rs.requests++
	rs.class = max(rs.class, class)
	rs.first.offer(r)
	if failed {
		rs.errors5xx++
		w.fail(failure{route, uint16(a.Status)}, r)
	} else if a.Status < 400 {
		rs.ok++
	}
	if a.RequestTime.OK && class != Asset {
		rs.latency.add(a.RequestTime.F)
	}
	if host := refererHost(a.Referer); host != nil && !failed {
		n, _ := w.referers.at(uint64(route)<<32 | uint64(w.siteOf(host)))
		*n++
	}

	c := cell{requests: 1}
	if page {
		c.pages = 1
	}
	w.bump(&w.actorCells, actor, uint32(unix/w.width), c)
	if !failed {
		w.bump(&w.routeCells, route, uint32(unix/routeGrains[w.routeGrain].width), c)
	}
	w.countStatus(unix/w.width, a, page, class)
	w.bound()
}

// classify gives a path's route and class, which depend on nothing but what stands before its query.
func (w *webFold) classify(path []byte) (uint32, PathClass) {
	path = targetPath(path)
	slot := &w.paths[maphash.Bytes(internSeed, path)%pathSlots]
	if slot.path == nil || !bytes.Equal(slot.path, path) {
		slot.path = append(slot.path[:0], path...)
		w.buf = Route(path, w.buf[:0])
		slot.route, slot.class = w.routeOf(w.buf), Classify(path)
	}
	return slot.route, slot.class
}

func (w *webFold) coverage(r parsers.Record) {
	if r.At.File != w.lastFile || w.lastWindow == nil {
		w.lastFile, w.lastWindow = r.At.File, w.files[r.At.File]
		if w.lastWindow == nil {
			w.lastWindow = &window{}
			w.files[r.At.File] = w.lastWindow
		}
	}
	w.lastWindow.add(r.Time)
}

// forwarded is the client behind a proxy: the last valid public address of X-Forwarded-For, believed only when the
// connection came from a private address, because a client can write the header itself.
func forwarded(a *parsers.Access) []byte {
	if len(a.ForwardedFor) == 0 {
		return nil
	}
	if addr, ok := ParseClient(a.Client); ok && !IsPrivate(addr) {
		return nil
	}
	list := a.ForwardedFor
	for len(list) > 0 {
		i := bytes.LastIndexByte(list, ',')
		one := bytes.TrimSpace(list[i+1:])
		if addr, ok := ParseClient(one); ok && !IsPrivate(addr) {
			return one
		}
		list = list[:max(i, 0)]
	}
	return nil
}

func refererHost(ref []byte) []byte {
	i := bytes.Index(ref, []byte("://"))
	if i < 0 {
		return nil
	}
	host := ref[i+3:]
	if j := bytes.IndexAny(host, "/?#"); j >= 0 {
		host = host[:j]
	}
	host = bytes.TrimPrefix(host, []byte("www."))
	if len(host) == 0 || len(host) > 253 { // a DNS name's limit
		return nil
	}
	return host
}

func (w *webFold) bump(cells *table[cell], id, bin uint32, c cell) {
	sum, _ := cells.at(uint64(id)<<32 | uint64(bin))
	sum.requests += c.requests
	sum.pages += c.pages
}

func (w *webFold) fail(f failure, r parsers.Record) {
	sum := w.failures[f]
	if sum == nil {
		sum = &failureSum{}
		w.failures[f] = sum
	}
	sum.n++
	sum.first.offer(r)
	if sum.last.Before(r.Time) {
		sum.last = r.Time
	}
}

func (w *webFold) countStatus(bin int64, a *parsers.Access, page bool, class PathClass) {
	s := w.lastStatus
	if s == nil || bin != w.lastBin {
		if s = w.status[bin]; s == nil {
			s = &statusCell{}
			w.status[bin] = s
		}
		w.lastBin, w.lastStatus = bin, s
	}
	s.requests++
	if page {
		s.pages++
	}
	switch a.Status / 100 {
	case 2:
		s.s2xx++
	case 3:
		s.s3xx++
	case 4:
		s.s4xx++
	case 5:
		s.s5xx++
	}
	switch a.Status {
	case 302, 303, 307:
		s.s302++
	case 403:
		s.s403++
	case 429:
		s.s429++
	case 499:
		s.s499++
	case 500:
		s.s500++
	case 502:
		s.s502++
	case 503:
		s.s503++
	case 504:
		s.s504++
	}
	if a.RequestTime.OK && class != Asset {
		s.latency.add(a.RequestTime.F)
		s.slowest = max(s.slowest, a.RequestTime.F)
	}
}

func (s *statusCell) merge(o *statusCell) {
	s.requests += o.requests
	s.pages += o.pages
	s.s2xx += o.s2xx
	s.s3xx += o.s3xx
	s.s4xx += o.s4xx
	s.s5xx += o.s5xx
	s.s302 += o.s302
	s.s403 += o.s403
	s.s429 += o.s429
	s.s499 += o.s499
	s.s500 += o.s500
	s.s502 += o.s502
	s.s503 += o.s503
	s.s504 += o.s504
	s.latency.merge(&o.latency)
	s.slowest = max(s.slowest, o.slowest)
}

func (w *webFold) merge(o *webFold) {
	w.coarsenClients(o.grain)
	o.coarsenClients(w.grain)
	w.coarsenRoutes(o.routeGrain)
	o.coarsenRoutes(w.routeGrain)
	routes := w.takeRoutes(o)
	for i := range o.actor {
		o.actor[i].onlyRoute = routes[o.actor[i].onlyRoute]
	}
	w.takeClients(o)
	for bin, s := range o.status {
		if have := w.status[bin]; have != nil {
			have.merge(s)
		} else {
			w.status[bin] = s
		}
	}
	for file, span := range o.files {
		if have := w.files[file]; have != nil {
			have.merge(*span)
		} else {
			w.files[file] = span
		}
	}
	w.lastFile, w.lastWindow = "", nil
	w.bound()
}

// sort numbers the actors by name, so that nothing downstream depends on which file was read first.
func (w *webFold) sort() {
	order := make([]uint32, len(w.actor))
	for i := range order {
		order[i] = uint32(i)
	}
	slices.SortFunc(order, func(i, j uint32) int {
		a, b := &w.actor[i], &w.actor[j]
		return cmp.Or(cmp.Compare(w.addrs.names[a.addr], w.addrs.names[b.addr]), cmp.Compare(w.agents.names[a.agent], w.agents.names[b.agent]))
	})
	actor, ids, cells := make([]actorSum, len(order)), make([]uint32, len(order)), table[cell]{}
	sole := make([]netip.Addr, len(w.sole))
	for n, i := range order {
		actor[n], ids[i] = w.actor[i], uint32(n)
		if w.sole != nil {
			sole[n] = w.sole[i]
		}
		id, _ := w.actors.at(uint64(actor[n].addr)<<32 | uint64(actor[n].agent))
		*id = uint32(n)
	}
	for key, c := range w.actorCells.all() {
		w.bump(&cells, ids[key>>32], uint32(key), c)
	}
	w.actor, w.actorCells = actor, cells
	if w.sole != nil {
		w.sole = sole
	}
}

func (a *actorSum) merge(o *actorSum) {
	a.requests += o.requests
	a.pages += o.pages
	a.assets += o.assets
	a.noReferer += o.noReferer
	a.errors5xx += o.errors5xx
	a.limited += o.limited
	a.first.merge(o.first)
	if o.routes == 2 {
		a.routes = 2
	} else if o.routes == 1 {
		a.visit(o.onlyRoute)
	}
}

func (r *routeSum) merge(o *routeSum) {
	r.requests += o.requests
	r.ok += o.ok
	r.errors5xx += o.errors5xx
	r.class = max(r.class, o.class)
	r.first.merge(o.first)
	r.latency.merge(&o.latency)
}
