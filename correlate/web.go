package correlate

import (
	"bytes"
	"cmp"
	"hash/fnv"
	"math"
	"time"

	"culprit/parsers"
)

// webFold sums requests: per route, and per status, each over time bins; who made them is summed in clients.
// Everything in it is a sum, a minimum or a set, so folds of any division of the logs merge to the same; and it is bounded:
// see routeGrain.
//
// What follows "The rest" below only saves work from line to line: settle brings the sums up to date, and a fold that
// forgets the rest is the same fold.
type webFold struct {
	limits     *webLimits
	width      int64 // of a bin of status in seconds
	routeGrain int   // of routeGrains

	routes, hosts intern
	route         []routeSum  // by route id
	routeCells    table[cell] // route<<32|bin, in bins of the route grain
	status        map[int64]*statusCell
	referers      table[int64] // route<<32|referring host -> requests
	failures      map[failure]*failureSum
	files         map[string]*window // zoned span per file: the logs' coverage

	// The rest.
	clients    *clientFold // is told of every request, at once or
	held       *Hits       // later
	one        hit
	routeRun   []routeRun // of each route
	grew       bool       // something was added that has a limit
	lastFile   string
	lastTime   time.Time // of the last line, when it was in lastFile
	lastWindow *window
	minute     int64 // the stretch of time that routeBin and lastStatus are good for
	routeBin   uint32
	lastStatus *statusCell
	agents     agentCache
	walk       *routeWalk
	buf        []byte
}

// routeRun is what a route was asked for in the bin it was last seen in, and what of its sum a line must be held against.
type routeRun struct {
	cell
	bin   uint32
	first int64  // unix seconds after which no line can be the route's first
	hash  uint64 // of its name
}

type routeSum struct {
	requests, ok, errors5xx int64
	class                   PathClass
	first                   example
}

// statusCell counts all requests of one bin.
type statusCell struct {
	requests, pages                                      int64
	s2xx, s3xx, s4xx, s5xx                               int64
	s302, s403, s404, s429, s499, s500, s502, s503, s504 int64
	latency                                              *histogram // nil = no request told its time
	slowest                                              float64
}

type failure struct {
	route  uint32
	status uint16
}

type failureSum struct {
	n     int64
	first example
	last  time.Time
	from  spread // of a 404: by whom
}

// spread counts requests of browsers by their networks, hashed into a few boxes: enough to tell a site's visitors from one
// that tries names. Behind a balancer whose address is all there is, by their agents.
type spread []int64 // nil or spreadBoxes

const spreadBoxes = 64

func (s *spread) add(client []byte, agent string) {
	if *s == nil {
		*s = make(spread, spreadBoxes)
	}
	key := netKey(client)
	if addr, ok := ParseClient(client); !ok || IsPrivate(addr) || proxied(addr) {
		h := fnv.New32a() // not seeded: digests are merged
		h.Write([]byte(agent))
		key = h.Sum32()
	}
	const golden = 0x9e3779b97f4a7c15 // Fibonacci hashing: the top bits are well mixed
	(*s)[uint64(key)*golden>>58]++
}

func (s *spread) merge(o spread) {
	if *s == nil {
		*s = o
		return
	}
	for i, n := range o {
		(*s)[i] += n
	}
}

// example is the earliest line of a group: the evidence for it.
type example struct {
	t    time.Time
	at   parsers.Pos
	text string
}

func (e *example) offer(r *parsers.Record) {
	if e.sooner(r.Time, r.At) {
		e.t, e.at, e.text = r.Time, r.At, clip(r.Raw)
	}
}

// sooner says whether a line stands before the example.
func (e *example) sooner(t time.Time, at parsers.Pos) bool {
	return e.at.File == "" || !e.t.Before(t) && (!e.t.Equal(t) || e.at.Compare(at) > 0)
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

func newWebFold(clients *clientFold) *webFold {
	return &webFold{
		limits:   &defaultLimits,
		clients:  clients,
		width:    minBin,
		minute:   never,
		status:   map[int64]*statusCell{},
		failures: map[failure]*failureSum{},
		files:    map[string]*window{},
	}
}

func (w *webFold) add(r *parsers.Record, a *parsers.Access) {
	unix := r.Time.Unix()
	if r.Clock != parsers.ZonedClock || unix < 0 {
		return // the parsers place times that name no zone, or leave them out
	}
	w.prepare(r, unix)
	client, agent := w.whose(a)
	route, class := w.routeAndClass(a.Path)
	failed := a.Status >= 500
	page := class == Page && a.Status > 0 && a.Status < 400 && a.Status != 304
	rs, rr := &w.route[route], &w.routeRun[route]

	h := &w.one
	if w.held != nil {
		h = w.held.next(client, r.At.File)
	} else {
		h.addr = client
	}
	h.agent, h.client, h.route, h.marks = agent, hashOf(client), rr.hash, 0
	h.raw, h.t, h.line = r.Raw, r.Time, r.At.Line
	switch {
	case page:
		h.marks = isPageView
	case class == Asset:
		h.marks = isAsset
	}
	if len(a.Referer) == 0 {
		h.marks |= isNoReferer
	}
	switch {
	case failed:
		h.marks |= isFailed
	case a.Status == 403 || a.Status == 429 || a.Status == 444:
		h.marks |= isLimited
	}
	if w.held == nil {
		w.clients.add(h, r.At.File)
	}

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
		if a.Status == 404 {
			w.miss(failure{route, 404}, r, client, agent)
		}
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
	w.countStatus(a, page, class)
	if w.grew {
		w.bound()
	}
}

// whose gives the client of a request, and its agent.
func (w *webFold) whose(a *parsers.Access) (client []byte, agent *agentRef) {
	client = a.Client
	if len(a.ForwardedFor) > 0 {
		if fwd := forwarded(a); fwd != nil {
			client = fwd
		}
	}
	if !a.AgentLogged {
		return client, w.agents.of(unlogged)
	}
	return client, w.agents.of(a.Agent)
}

// prepare finds what a record of some time and place is counted in.
func (w *webFold) prepare(r *parsers.Record, unix int64) {
	if w.walk == nil {
		w.walk = newRouteWalk()
	}
	if r.Time != w.lastTime || r.At.File != w.lastFile {
		w.coverage(r)
	}
	if unix-w.minute >= minBin || unix < w.minute {
		w.enter(unix)
	}
}

func (w *webFold) settleRoute(route uint32) {
	run := &w.routeRun[route]
	if run.requests > 0 {
		w.bumpRoute(route, run.bin, run.cell)
		run.cell = cell{}
	}
}

// settle brings every sum up to date.
func (w *webFold) settle() {
	w.settleRoutes()
	w.bound()
}

func (w *webFold) settleRoutes() {
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
	w.routeBin = uint32(unix / routeGrains[w.routeGrain].width)
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
	if len(ref) < len("a://b") {
		return nil
	}
	i := len("https")
	if len(ref) < i+3 || string(ref[i:i+3]) != "://" { // what nearly every one begins with
		if i = bytes.Index(ref, []byte("://")); i < 0 {
			return nil
		}
	}
	host := ref[i+3:]
	for j, c := range host {
		if c == '/' || c == '?' || c == '#' {
			host = host[:j]
			break
		}
	}
	host = bytes.TrimPrefix(host, []byte("www."))
	if len(host) == 0 || len(host) > 253 { // a DNS name's limit
		return nil
	}
	return host
}

func (w *webFold) bumpRoute(route, bin uint32, c cell) {
	sum, added := w.routeCells.at(uint64(route)<<32 | uint64(bin))
	sum.requests += c.requests
	sum.pages += c.pages
	w.grew = w.grew || added
}

// miss counts what was not found; of programs only how often, since they ask for what was never there.
func (w *webFold) miss(f failure, r *parsers.Record, client []byte, agent *agentRef) {
	sum := w.fail(f, r)
	if !agent.auto {
		sum.from.add(client, agent.name)
	}
}

func (w *webFold) fail(f failure, r *parsers.Record) *failureSum {
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
	return sum
}

func (w *webFold) countStatus(a *parsers.Access, page bool, class PathClass) {
	s := w.lastStatus
	s.answered(a.Status, 1)
	if page {
		s.pages++
	}
	if a.RequestTime.OK && class != Asset {
		s.times().add(a.RequestTime.F)
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
	case 404:
		s.s404 += n
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
	s.s404 += o.s404
	s.s429 += o.s429
	s.s499 += o.s499
	s.s500 += o.s500
	s.s502 += o.s502
	s.s503 += o.s503
	s.s504 += o.s504
	if o.latency != nil {
		s.times().merge(o.latency)
	}
	s.slowest = max(s.slowest, o.slowest)
}

func (s *statusCell) times() *histogram {
	if s.latency == nil {
		s.latency = &histogram{}
	}
	return s.latency
}

func (w *webFold) merge(o *webFold) {
	w.settle()
	o.settle()
	w.coarsenRoutes(o.routeGrain)
	o.coarsenRoutes(w.routeGrain)
	w.widenStatus(o.width)
	o.widenStatus(w.width)
	w.takeRoutes(o)
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
	w.leave()
	w.bound()
}

// widenStatus makes the bins of all requests wider.
func (w *webFold) widenStatus(width int64) {
	if width <= w.width {
		return
	}
	factor := width / w.width
	old := w.status
	w.width, w.status = width, make(map[int64]*statusCell, len(old)/int(factor)+1)
	for bin, s := range old {
		if have := w.status[floorDiv(bin, factor)]; have != nil {
			have.merge(s)
		} else {
			w.status[floorDiv(bin, factor)] = s
		}
	}
	w.leave()
}

// leave has the bins found anew.
func (w *webFold) leave() { w.minute = never }

const never = math.MinInt64 / 2

func (r *routeSum) merge(o *routeSum) {
	r.requests += o.requests
	r.ok += o.ok
	r.errors5xx += o.errors5xx
	r.class = max(r.class, o.class)
	r.first.merge(o.first)
}
