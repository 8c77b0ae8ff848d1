package correlate

import (
	"bytes"
	"cmp"
	"math"
	"slices"
	"time"

	"culprit/parsers"
)

// webFold sums requests: per actor (one address with one agent), per route, and per status, each over time bins.
// Everything in it is a sum, a minimum or a set, so folds of any division of the logs merge to the same; and it is bounded:
// see clientGrain.
//
// What follows "The rest" below only saves work from line to line: settle brings the sums up to date, and a fold that
// forgets the rest is the same fold.
type webFold struct {
	limits            *webLimits
	grain, routeGrain int   // of clientGrains and routeGrains
	width             int64 // of a time bin in seconds

	agents, routes, hosts intern
	actor                 []actorSum
	route                 []routeSum  // by route id
	actorCells            table[cell] // actor<<32|bin
	routeCells            table[cell] // route<<32|bin, in bins of the route grain
	status                map[int64]*statusCell
	referers              table[int64] // route<<32|referring host -> requests
	failures              map[failure]*failureSum
	files                 map[string]*window // zoned span per file: the logs' coverage

	// The rest.
	clients    table[uint32] // index of actor by the hash of its address and agent: see clientOf
	running    []running     // of each actor
	routeRun   []routeRun    // of each route
	grew       bool          // something was added that has a limit
	lastFile   string
	lastTime   time.Time // of the last line, when it was in lastFile
	lastWindow *window
	minute     int64 // the stretch of time that bin, routeBin and lastStatus are good for
	bin        uint32
	routeBin   uint32
	lastStatus *statusCell
	agentSeen  table[uint32] // index of agentRefs by the hash of an agent
	agentRefs  []agentRef
	nets       []netRef // by the hash of an address that is none of IPv4
	walk       *routeWalk
	buf        []byte
}

// actorSum is what one address with one agent did over the whole log.
type actorSum struct {
	addr                               string // at coarser grains one of several: see webFold.addr
	several                            bool   // it is a network in which more than one address was seen, or none that can be read
	auto                               bool   // the agent says that it is a program
	agent                              uint32
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

// running is what an actor did in the bin it was last seen in, and what of its sum a line must be held against: all that
// most lines touch, in the 64 bytes of one cache line. Sums in four tables took a cache miss each.
type running struct {
	cell
	assets, noReferer, errors5xx, limited uint32
	bin                                   uint32
	route                                 uint32 // the route already told to visit, plus one; 0 = none, several = it does not matter
	first                                 int64  // unix seconds after which no line can be the actor's first
	self                                  uint64 // the hash of the address already held against addr; several = it does not matter
	_                                     [8]byte
}

const several = math.MaxUint32

var newRunning = running{first: math.MaxInt64}

// routeRun is the same of a route.
type routeRun struct {
	cell
	bin   uint32
	first int64
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

func (e *example) offer(r *parsers.Record) {
	if e.sooner(r) {
		e.t, e.at, e.text = r.Time, r.At, clip(r.Raw)
	}
}

// sooner says whether r stands before the example.
func (e *example) sooner(r *parsers.Record) bool {
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
		minute:   never,
		status:   map[int64]*statusCell{},
		failures: map[failure]*failureSum{},
		files:    map[string]*window{},
	}
}

func (w *webFold) add(r *parsers.Record, a *parsers.Access) {
	unix := r.Time.Unix()
	if r.Clock != parsers.ZonedClock || unix < 0 {
		return // every access format carries a zone or an epoch; a line without a time cannot be placed
	}
	if w.walk == nil {
		w.walk, w.nets = newRouteWalk(), make([]netRef, netSlots)
	}
	if r.Time != w.lastTime || r.At.File != w.lastFile {
		w.coverage(r)
	}
	if unix-w.minute >= minBin || unix < w.minute {
		w.enter(unix)
	}
	client := a.Client
	if len(a.ForwardedFor) > 0 {
		if fwd := forwarded(a); fwd != nil {
			client = fwd
		}
	}
	agent := a.Agent
	if !a.AgentLogged {
		agent = unlogged
	}
	route, class := w.routeAndClass(a.Path)
	failed := a.Status >= 500
	page := class == Page && a.Status > 0 && a.Status < 400 && a.Status != 304

	ref := w.agentOf(agent)
	actor := w.clientOf(client, ref)
	run := &w.running[actor]
	if run.bin != w.bin {
		w.settleActor(actor)
		run.bin = w.bin
	}
	run.requests++
	switch {
	case page:
		run.pages++
	case class == Asset:
		run.assets++
	}
	if len(a.Referer) == 0 {
		run.noReferer++
	}
	switch {
	case failed:
		run.errors5xx++
	case a.Status == 403 || a.Status == 429 || a.Status == 444:
		run.limited++
	}
	if unix <= run.first {
		run.first = w.offerActor(&w.actor[actor], r, ref.auto)
	}
	if run.route != route+1 && run.route != several {
		run.route = w.visit(&w.actor[actor], route)
	}

	rs, rr := &w.route[route], &w.routeRun[route]
	rs.requests++
	rs.class = max(rs.class, class)
	if unix <= rr.first {
		rs.first.offer(r)
		rr.first = rs.first.t.Unix()
	}
	if failed {
		rs.errors5xx++
		w.fail(failure{route, uint16(a.Status)}, r)
	} else {
		if a.Status < 400 {
			rs.ok++
		}
		if rr.bin != w.routeBin {
			w.settleRoute(route)
			rr.bin = w.routeBin
		}
		rr.requests++
		if page {
			rr.pages++
		}
		if host := refererHost(a.Referer); host != nil {
			n, added := w.referers.at(uint64(route)<<32 | uint64(w.siteOf(host)))
			*n++
			w.grew = w.grew || added
		}
	}
	if a.RequestTime.OK && class != Asset {
		rs.latency.add(a.RequestTime.F)
	}
	w.countStatus(a, page, class)
	if w.grew {
		w.bound()
	}
}

// offerActor holds a line against the first of an actor, and gives the time of the first.
func (w *webFold) offerActor(sum *actorSum, r *parsers.Record, auto bool) int64 {
	if sum.first.sooner(r) {
		text := ""
		if w.quotes(auto) {
			text = clip(r.Raw)
		}
		sum.first = example{r.Time, r.At, text}
	}
	return sum.first.t.Unix()
}

// visit tells an actor's sum of a route, and gives what running keeps of it.
func (w *webFold) visit(sum *actorSum, route uint32) uint32 {
	if sum.visit(route); routeGrains[w.routeGrain].routes > 0 {
		sum.routes = 2
	}
	if sum.routes == 2 {
		return several
	}
	return route + 1
}

// settleActor adds what is running to the sum.
func (w *webFold) settleActor(actor uint32) {
	run := &w.running[actor]
	if run.requests == 0 {
		return
	}
	sum := &w.actor[actor]
	sum.requests += int64(run.requests)
	sum.pages += int64(run.pages)
	sum.assets += int64(run.assets)
	sum.noReferer += int64(run.noReferer)
	sum.errors5xx += int64(run.errors5xx)
	sum.limited += int64(run.limited)
	w.bump(&w.actorCells, actor, run.bin, run.cell)
	run.cell = cell{}
	run.assets, run.noReferer, run.errors5xx, run.limited = 0, 0, 0, 0
}

func (w *webFold) settleRoute(route uint32) {
	run := &w.routeRun[route]
	if run.requests > 0 {
		w.bump(&w.routeCells, route, run.bin, run.cell)
		run.cell = cell{}
	}
}

// settle brings every sum up to date.
func (w *webFold) settle() {
	w.settleAll()
	w.bound()
}

func (w *webFold) settleAll() {
	for i := range w.running {
		w.settleActor(uint32(i))
	}
	for i := range w.routeRun {
		w.settleRoute(uint32(i))
	}
}

// coverage notes a line that is not of the same moment as the last.
func (w *webFold) coverage(r *parsers.Record) {
	if r.At.File != w.lastFile || w.lastWindow == nil {
		w.lastFile, w.lastWindow = r.At.File, w.files[r.At.File]
		if w.lastWindow == nil {
			w.lastWindow = &window{}
			w.files[r.At.File] = w.lastWindow
		}
	}
	w.lastWindow.add(r.Time)
	w.lastTime = r.Time
}

// enter finds the bins of a minute.
func (w *webFold) enter(unix int64) {
	w.minute = unix / minBin * minBin
	bin := unix / w.width
	w.bin, w.routeBin = uint32(bin), uint32(unix/routeGrains[w.routeGrain].width)
	w.lastStatus = w.status[bin]
	if w.lastStatus == nil {
		w.lastStatus = &statusCell{}
		w.status[bin] = w.lastStatus
		w.grew = true
	}
}

// forwarded is the client behind proxies: the last valid address of X-Forwarded-For that is neither private nor a known
// proxy's, believed only when the connection came from such a one, because a client can write the header itself.
func forwarded(a *parsers.Access) []byte {
	if len(a.ForwardedFor) == 0 {
		return nil
	}
	if addr, ok := ParseClient(a.Client); ok && !IsPrivate(addr) && !proxied(addr) {
		return nil
	}
	list := a.ForwardedFor
	for len(list) > 0 {
		i := bytes.LastIndexByte(list, ',')
		one := bytes.TrimSpace(list[i+1:])
		if addr, ok := ParseClient(one); ok && !IsPrivate(addr) && !proxied(addr) {
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
	sum, added := cells.at(uint64(id)<<32 | uint64(bin))
	sum.requests += c.requests
	sum.pages += c.pages
	w.grew = w.grew || added
}

func (w *webFold) fail(f failure, r *parsers.Record) {
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

func (w *webFold) countStatus(a *parsers.Access, page bool, class PathClass) {
	s := w.lastStatus
	s.answered(a.Status, 1)
	if page {
		s.pages++
	}
	if a.RequestTime.OK && class != Asset {
		s.latency.add(a.RequestTime.F)
		s.slowest = max(s.slowest, a.RequestTime.F)
	}
}

// answered counts n requests by their status.
func (s *statusCell) answered(status int, n int64) {
	s.requests += n
	switch status / 100 {
	case 2:
		s.s2xx += n
	case 3:
		s.s3xx += n
	case 4:
		s.s4xx += n
	case 5:
		s.s5xx += n
	}
	switch status {
	case 302, 303, 307:
		s.s302 += n
	case 403:
		s.s403 += n
	case 429:
		s.s429 += n
	case 499:
		s.s499 += n
	case 500:
		s.s500 += n
	case 502:
		s.s502 += n
	case 503:
		s.s503 += n
	case 504:
		s.s504 += n
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
	w.settle()
	o.settle()
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
	w.lastFile, w.lastWindow, w.lastTime = "", nil, time.Time{}
	w.bound()
}

// sort numbers the actors by name, so that nothing downstream depends on which file was read first.
func (w *webFold) sort() {
	w.settle()
	order, names := make([]uint32, len(w.actor)), make([]string, len(w.actor))
	for i := range order {
		order[i], names[i] = uint32(i), w.clientName(i)
	}
	slices.SortFunc(order, func(i, j uint32) int {
		a, b := &w.actor[i], &w.actor[j]
		return cmp.Or(cmp.Compare(names[i], names[j]), cmp.Compare(w.agents.names[a.agent], w.agents.names[b.agent]))
	})
	actor, ids, cells := make([]actorSum, len(order)), make([]uint32, len(order)), table[cell]{}
	for n, i := range order {
		actor[n], ids[i] = w.actor[i], uint32(n)
		if a := &actor[n]; w.level(a.auto) >= byNetwork { // which of its addresses came first must not show
			a.addr = w.addr(int(i))
		}
	}
	for key, c := range w.actorCells.all() {
		w.bump(&cells, ids[key>>32], uint32(key), c)
	}
	for i := range w.clients.slots {
		if s := &w.clients.slots[i]; s.key != 0 {
			s.v = ids[s.v]
		}
	}
	w.actor, w.actorCells = actor, cells
	w.forget()
}

// leave has the bins found anew.
func (w *webFold) leave() { w.minute = never }

const never = math.MinInt64 / 2

// forget leaves what is running to be found out again; settle comes before.
func (w *webFold) forget() {
	for i := range w.running {
		w.running[i] = newRunning
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
