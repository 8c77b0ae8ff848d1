package correlate

import (
	"bytes"
	"cmp"
	"math"
	"time"

	"culprit/parsers"
)

// webFold sums requests: per actor (one address with one agent), per route, and per status, each over time bins.
// Everything in it is a sum, a minimum or a set, so folds of any division of the logs merge to the same.
type webFold struct {
	// width of a time bin in seconds: a power of two times minBin, doubled (and cells joined) whenever more than maxCells
	// are in use. The final width depends on the requests alone: a part never needs more cells than the whole.
	width int64

	addrs, agents, routes, hosts intern
	actors                       map[uint64]uint32 // addr<<32|agent -> index of actor
	actor                        []actorSum
	route                        []routeSum // by route id
	actorCells                   map[uint64]cell
	routeCells                   map[uint64]cell
	status                       map[int64]*statusCell
	referers                     map[uint64]int64 // route<<32|referring host -> requests
	failures                     map[failure]*failureSum
	files                        map[string]*window // zoned span per file: the logs' coverage

	lastFile   string
	lastWindow *window
	buf        []byte
}

// unlogged stands for the agent where the log format has none: an unlogged agent is not an absent one.
var unlogged = []byte{0}

const (
	minBin   = 60      // seconds: finer than any INFO series, coarse enough that a day is 1,440 bins
	maxBin   = 30 * 60 // seconds: a visit ends after 30 minutes of silence, so coarser bins could not tell visits apart
	maxCells = 1 << 19 // about 40 MB of cells; 2.5 M client-minutes of a 5 M-line day fold to this at 8-minute bins
)

// actorSum is what one address with one agent did over the whole log.
type actorSum struct {
	addr, agent                     uint32
	requests, pages, assets, extra  int64 // extra: robots.txt, sitemaps, feeds, health checks
	noReferer, errors5xx, errors4xx int64
	limited                         int64 // answered 403, 429 or 444: somebody already stops it
	bytes                           int64
	setCookie, cookie               int64
	first                           example
	last                            time.Time
	onlyRoute                       uint32 // while routes is 1: the one route it ever asked for
	routes                          uint8  // 0 none yet, 1 one, 2 several
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
type cell struct{ requests, pages, failed uint32 }

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
	if e.at.File != "" && (e.t.Before(r.Time) || e.t.Equal(r.Time) && e.at.Compare(r.At) <= 0) {
		return
	}
	e.t, e.at, e.text = r.Time, r.At, clip(r.Raw)
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
		width:      minBin,
		actors:     map[uint64]uint32{},
		actorCells: map[uint64]cell{},
		routeCells: map[uint64]cell{},
		status:     map[int64]*statusCell{},
		referers:   map[uint64]int64{},
		failures:   map[failure]*failureSum{},
		files:      map[string]*window{},
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
	class := Classify(a.Path)
	failed := a.Status >= 500
	page := class == Page && a.Status > 0 && a.Status < 400 && a.Status != 304

	bin := r.Time.Unix() / w.width
	agent := a.Agent
	if !a.AgentLogged {
		agent = unlogged
	}
	actor := w.actorOf(w.addrs.id(client), w.agents.id(agent))
	w.buf = Route(a.Path, w.buf[:0])
	route := w.routes.id(w.buf)
	for int(route) >= len(w.route) {
		w.route = append(w.route, routeSum{})
	}

	sum := &w.actor[actor]
	sum.requests++
	sum.visit(route)
	sum.first.offer(r)
	if sum.last.Before(r.Time) {
		sum.last = r.Time
	}
	sum.bytes += a.Bytes.N
	switch {
	case page:
		sum.pages++
	case class == Asset:
		sum.assets++
	case class != Page && class != API:
		sum.extra++
	}
	if len(a.Referer) == 0 {
		sum.noReferer++
	}
	if len(a.SetCookie) > 0 {
		sum.setCookie++
	}
	if len(a.Cookie) > 0 {
		sum.cookie++
	}
	switch {
	case failed:
		sum.errors5xx++
	case a.Status == 403 || a.Status == 429 || a.Status == 444:
		sum.limited++
	case a.Status >= 400:
		sum.errors4xx++
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
	if host := refererHost(a.Referer); host != nil && !failed {
		w.referers[uint64(route)<<32|uint64(w.hosts.id(host))]++
	}

	c := cell{requests: 1}
	if page {
		c.pages = 1
	}
	if failed {
		c.failed = 1
	}
	w.bump(w.actorCells, actor, bin, c)
	if !failed {
		w.bump(w.routeCells, route, bin, c)
	}
	w.countStatus(bin, a, page)
	if a.RequestTime.OK && class != Asset {
		rs.latency.add(a.RequestTime.F)
	}
	if len(w.actorCells)+len(w.routeCells) > maxCells && w.width < maxBin {
		w.coarsen(w.width * 2)
	}
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

func (w *webFold) actorOf(addr, agent uint32) uint32 {
	key := uint64(addr)<<32 | uint64(agent)
	id, ok := w.actors[key]
	if !ok {
		id = uint32(len(w.actor))
		w.actors[key] = id
		w.actor = append(w.actor, actorSum{addr: addr, agent: agent})
	}
	return id
}

func (w *webFold) bump(cells map[uint64]cell, id uint32, bin int64, c cell) {
	key := uint64(id)<<32 | uint64(uint32(bin))
	old := cells[key]
	cells[key] = cell{old.requests + c.requests, old.pages + c.pages, old.failed + c.failed}
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

func (w *webFold) countStatus(bin int64, a *parsers.Access, page bool) {
	s := w.status[bin]
	if s == nil {
		s = &statusCell{}
		w.status[bin] = s
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
	if a.RequestTime.OK && Classify(a.Path) != Asset {
		s.latency.add(a.RequestTime.F)
		s.slowest = max(s.slowest, a.RequestTime.F)
	}
}

// coarsen joins bins until each is width seconds wide.
func (w *webFold) coarsen(width int64) {
	factor := width / w.width
	if factor <= 1 {
		return
	}
	w.width = width
	w.actorCells = joinCells(w.actorCells, factor)
	w.routeCells = joinCells(w.routeCells, factor)
	status := make(map[int64]*statusCell, len(w.status)/int(factor)+1)
	for bin, s := range w.status {
		if have := status[bin/factor]; have != nil {
			have.merge(s)
		} else {
			status[bin/factor] = s
		}
	}
	w.status = status
}

func joinCells(cells map[uint64]cell, factor int64) map[uint64]cell {
	joined := make(map[uint64]cell, len(cells)/2)
	for key, c := range cells {
		key = key&^0xffffffff | uint64(int64(uint32(key))/factor)
		old := joined[key]
		joined[key] = cell{old.requests + c.requests, old.pages + c.pages, old.failed + c.failed}
	}
	return joined
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
	width := max(w.width, o.width)
	w.coarsen(width)
	o.coarsen(width)

	addrs, agents := o.addrs.into(&w.addrs), o.agents.into(&w.agents)
	routes, hosts := o.routes.into(&w.routes), o.hosts.into(&w.hosts)
	actors := make([]uint32, len(o.actor))
	for i, a := range o.actor {
		actors[i] = w.actorOf(addrs[a.addr], agents[a.agent])
		a.onlyRoute = routes[a.onlyRoute]
		w.actor[actors[i]].merge(a)
	}
	for len(w.route) < len(w.routes.names) {
		w.route = append(w.route, routeSum{})
	}
	for i := range o.route {
		w.route[routes[i]].merge(&o.route[i])
	}
	for key, c := range o.actorCells {
		w.bump(w.actorCells, actors[key>>32], int64(uint32(key)), c)
	}
	for key, c := range o.routeCells {
		w.bump(w.routeCells, routes[key>>32], int64(uint32(key)), c)
	}
	for key, n := range o.referers {
		w.referers[uint64(routes[key>>32])<<32|uint64(hosts[uint32(key)])] += n
	}
	for bin, s := range o.status {
		if have := w.status[bin]; have != nil {
			have.merge(s)
		} else {
			w.status[bin] = s
		}
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
	}
	for file, span := range o.files {
		if have := w.files[file]; have != nil {
			have.merge(*span)
		} else {
			w.files[file] = span
		}
	}
	w.lastFile, w.lastWindow = "", nil
	for len(w.actorCells)+len(w.routeCells) > maxCells && w.width < maxBin {
		w.coarsen(w.width * 2)
	}
}

func (a *actorSum) merge(o actorSum) {
	a.requests += o.requests
	a.pages += o.pages
	a.assets += o.assets
	a.extra += o.extra
	a.noReferer += o.noReferer
	a.errors5xx += o.errors5xx
	a.errors4xx += o.errors4xx
	a.limited += o.limited
	a.bytes += o.bytes
	a.setCookie += o.setCookie
	a.cookie += o.cookie
	a.first.merge(o.first)
	if a.last.Before(o.last) {
		a.last = o.last
	}
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

// intern numbers strings in the order they were first seen. Numbers differ between folds; into translates them.
type intern struct {
	ids   map[string]uint32
	names []string
}

func (n *intern) id(b []byte) uint32 {
	if id, ok := n.ids[string(b)]; ok {
		return id
	}
	if n.ids == nil {
		n.ids = map[string]uint32{}
	}
	id := uint32(len(n.names))
	name := string(b)
	n.ids[name] = id
	n.names = append(n.names, name)
	return id
}

// into adds all names to m and returns their numbers there.
func (n *intern) into(m *intern) []uint32 {
	ids := make([]uint32, len(n.names))
	for i, name := range n.names {
		ids[i] = m.id([]byte(name))
	}
	return ids
}
