package correlate

import (
	"cmp"
	"hash/maphash"
	"math"
	"slices"
	"time"

	"culprit/parsers"
)

// clientFold sums requests by client: one address with one agent. Programs (their agent says that they are one) and people
// have a set each: programs are few and matter one by one, of people those that ask for much.
//
// Up to its limits it is exact and a sum: any division of the requests, in any order, merges to the same. Beyond them it lets
// go of those who asked for least (clientbound.go) and depends on the order, so requests are handed to it in the order of their
// files (see Hits).
type clientFold struct {
	people, programs clientSet
}

func newClientFold() *clientFold {
	return &clientFold{
		people:   clientSet{limits: &peopleLimits, width: minBin},
		programs: clientSet{limits: &programLimits, width: minBin, programs: true},
	}
}

// clientSet is one of the two.
type clientSet struct {
	limits   *clientLimits
	programs bool

	byAddress bool  // agents of browsers are not told apart
	width     int64 // of a time bin in seconds
	actor     []actorSum
	running   []running // of each actor
	index     clientIndex
	cells     clientCells
	addrs     textArena        // of the actors
	lines     textArena        // their first ones
	thin      int              // actors without cells
	lost      int64            // requests that are missing at most of a client who was let go and came back
	gone      actorSum         // the sum of people let go
	letGo     int64            // how often somebody was
	visits    table[uint32]    // of people without cells, by minute
	solo      table[soloRoute] // by route: what people let go, who asked for nothing else, asked of it

	grew    bool  // something was added that has a limit
	firsts  int   // first lines kept
	start   int64 // of the bin found last
	bin     uint32
	byNet   table[int64] // see weighNets
	weighed int          // clients there were when networks were weighed
	passed  int          // first lines let go since
}

// actorSum is what one client did over the whole log.
type actorSum struct {
	addr, agent                        string // as logged; the agent is unlogged where the format has none
	several                            bool   // it stands for many
	requests, pages, assets, noReferer int64
	errors5xx                          int64
	limited                            int64    // answered 403, 429 or 444: somebody already stops it
	visits                             int64    // of the time that it had no cells for
	first                              *example // nil = not kept, see clientSet.first
	net                                uint32   // of its network, see netKey
}

// running is what of an actor most lines touch, in the 64 bytes of one cache line. The counts are those not yet added to the
// sum, the cell that of the bin.
type running struct {
	key uint64 // see clientSet.key
	cell
	requests, pages, assets, noReferer uint32
	errors5xx, limited                 uint32
	bin                                uint32
	last                               uint32 // minute of the last request, of one without cells; 0 = none, as no log is of 1970
	route                              uint64 // the one route it ever asked for; 0 = none yet, several = more
	first                              uint32 // unix seconds after which no line can be the actor's first, or noFirst
	thin                               bool   // it has no cells
}

// noFirst is also what stands for the seconds from 2106 on, whose every line is held against the first.
const noFirst = math.MaxUint32

// cell counts one actor's or route's requests in one bin.
type cell struct{ requests, pages uint32 }

// soloRoute is what clients asked of a route who asked for nothing else.
type soloRoute struct {
	requests int64
	clients  int64
}

const several = math.MaxUint64

// hit is one request as the clients' fold needs it.
type hit struct {
	agent  *agentRef
	addr   []byte
	raw    []byte
	t      time.Time
	client uint64 // hash of addr
	route  uint64 // hash of the route's name
	line   int
	actor  int32 // its client's number, when fetched; it may have another since
	marks
}

// marks are what a request counts as.
type marks uint8

const (
	isPageView marks = 1 << iota
	isAsset
	isNoReferer
	isFailed
	isLimited
)

// agentRef is what is known of an agent as logged. It never changes.
type agentRef struct {
	name string
	auto bool   // says that it is a program
	hash uint64 // of the name
	wide uint64 // of what it counts as where browsers are not told apart
	as   string // which is this
}

// add folds one request of a file in.
func (c *clientFold) add(h *hit, file string) {
	s := c.set(h.agent)
	key := s.key(h.client, h.agent)
	n := int(h.actor)
	if uint(n) >= uint(len(s.running)) || s.running[n].key != key {
		if n = s.index.find(key, s.running); n < 0 {
			n = s.addActor(key, h.addr, h.agent)
		}
	}
	s.count(uint32(n), h, file)
	if s.grew {
		s.bound()
	}
}

func (c *clientFold) set(agent *agentRef) *clientSet {
	if agent.auto {
		return &c.programs
	}
	return &c.people
}

// sets are both, in the order in which they are told.
func (c *clientFold) sets() [2]*clientSet { return [2]*clientSet{&c.programs, &c.people} }

// key tells clients apart: 64 bits, seeded like those of intern, with the same chance of an error.
func (s *clientSet) key(client uint64, agent *agentRef) uint64 {
	if s.byAddress {
		return client ^ agent.wide
	}
	return client ^ agent.hash
}

// clientKey is key where only the names are left.
func clientKey(addr, agent string) uint64 {
	return maphash.String(internSeed, addr) ^ maphash.String(internSeed, agent)
}

func hashOf(b []byte) uint64 { return maphash.Bytes(internSeed, b) }

// actorOf numbers a client.
func (s *clientSet) actorOf(addr []byte, agent *agentRef) uint32 {
	key := s.key(hashOf(addr), agent)
	n := s.index.find(key, s.running)
	if n < 0 {
		n = s.addActor(key, addr, agent)
	}
	return uint32(n)
}

func (s *clientSet) addActor(key uint64, addr []byte, agent *agentRef) int {
	name := agent.name
	if s.byAddress {
		name = agent.as
	}
	return s.put(actorSum{addr: s.addrs.keep(addr), agent: name, net: netKey(addr)}, running{key: key, first: noFirst})
}

// put adds a client that is not there, and gives its number.
func (s *clientSet) put(sum actorSum, run running) int {
	number := len(s.actor)
	if number == cap(s.actor) {
		more := max(number, 256)
		if most := s.limits.clients + 1; number < most && number >= 4096 { // no larger than it can become
			more = most - number
		}
		s.actor, s.running = slices.Grow(s.actor, more), slices.Grow(s.running, more)
	}
	s.actor, s.running = append(s.actor, sum), append(s.running, run)
	s.index.add(number, s.running)
	s.grew = true
	return number
}

func (s *clientSet) count(actor uint32, h *hit, file string) {
	unix := h.t.Unix()
	if unix-s.start >= s.width || unix < s.start {
		s.bin = uint32(unix / s.width)
		s.start = int64(s.bin) * s.width
	}
	run := &s.running[actor]
	if run.bin != s.bin {
		s.settleCell(actor)
		run.bin = s.bin
	}
	run.cell.requests++
	if run.requests++; run.requests == math.MaxUint32 {
		s.settleSum(actor)
	}
	if h.marks != 0 {
		if h.marks&isPageView != 0 {
			run.cell.pages++
			run.pages++
		}
		run.assets += uint32(h.marks / isAsset & 1)
		run.noReferer += uint32(h.marks / isNoReferer & 1)
		run.errors5xx += uint32(h.marks / isFailed & 1)
		run.limited += uint32(h.marks / isLimited & 1)
	}
	if run.route != h.route {
		run.visit(h.route)
	}
	if uint32(min(unix, noFirst)) <= run.first {
		s.offer(actor, h, file)
	}
}

func (r *running) visit(route uint64) {
	switch r.route {
	case 0:
		r.route = route
	case several, route:
	default:
		r.route = several
	}
}

// offer holds a line against the first of an actor, unless that was let go.
func (s *clientSet) offer(actor uint32, h *hit, file string) {
	run := &s.running[actor]
	if run.first != noFirst && s.actor[actor].first == nil {
		run.first = uint32(h.t.Unix())
		return
	}
	first := s.first(actor)
	at := parsers.Pos{File: file, Line: h.line}
	if first.sooner(h.t, at) {
		*first = example{h.t, at, s.lines.keep(clipped(h.raw))}
	}
	run.first = uint32(min(first.t.Unix(), noFirst))
}

// first is the first line of an actor, of no place when it is not kept yet.
func (s *clientSet) first(actor uint32) *example {
	a := &s.actor[actor]
	if a.first == nil {
		a.first = &example{}
		s.firsts++
		s.grew = s.grew || s.firsts > s.limits.firsts
	}
	return a.first
}

// settleCell adds what is running to the actor's bin.
func (s *clientSet) settleCell(actor uint32) {
	run := &s.running[actor]
	if run.cell.requests == 0 && run.cell.pages == 0 {
		return
	}
	s.bump(actor, run.bin, run.cell)
	run.cell = cell{}
}

// bump adds requests to an actor's bin, or to its visits where it has none.
func (s *clientSet) bump(actor, bin uint32, c cell) {
	if run := &s.running[actor]; run.thin {
		minute := uint32(int64(bin) * s.width / minBin)
		if c.pages > 0 && (run.last == 0 || int64(minute)-int64(run.last) > visitBins(s.width)*s.width/minBin) {
			s.visit(actor, minute)
		}
		run.last = max(run.last, minute)
		return
	}
	s.cells.room(s.limits.cells/2*3 + 2)
	s.cells.add(actor, bin, c)
	s.grew = s.grew || len(s.cells.list) > s.limits.cells
}

func (s *clientSet) visit(actor, minute uint32) {
	s.actor[actor].visits++
	n, _ := s.visits.at(uint64(minute))
	*n++
}

func (s *clientSet) settleSum(actor uint32) {
	run, sum := &s.running[actor], &s.actor[actor]
	sum.requests += int64(run.requests)
	sum.pages += int64(run.pages)
	sum.assets += int64(run.assets)
	sum.noReferer += int64(run.noReferer)
	sum.errors5xx += int64(run.errors5xx)
	sum.limited += int64(run.limited)
	run.requests, run.pages, run.assets, run.noReferer, run.errors5xx, run.limited = 0, 0, 0, 0, 0, 0
}

// settle brings every sum up to date.
func (c *clientFold) settle() {
	for _, s := range c.sets() {
		s.settle()
		s.bound()
	}
}

func (s *clientSet) settle() {
	for i := range s.running {
		s.settleCell(uint32(i))
		s.settleSum(uint32(i))
	}
	s.cells.order(len(s.actor))
}

func (c *clientFold) merge(o *clientFold) {
	for i, s := range c.sets() {
		s.merge(o.sets()[i])
	}
}

func (s *clientSet) merge(o *clientSet) {
	if len(o.actor) == 0 && o.letGo == 0 {
		return
	}
	s.settle()
	o.settle()
	for _, one := range [...]*clientSet{s, o} {
		one.mergeAgents(s.byAddress || o.byAddress)
		one.widen(max(s.width, o.width))
	}
	ids := make([]uint32, len(o.actor))
	for i := range o.actor {
		ids[i] = s.takeActor(&o.actor[i], &o.running[i])
	}
	s.bumpAll(o.cells.list, ids)
	for minute, n := range o.visits.all() {
		have, _ := s.visits.at(minute)
		*have += n
	}
	for route, n := range o.solo.all() {
		s.addSolo(route, n)
	}
	s.gone.merge(&o.gone)
	s.letGo += o.letGo
	s.lost += o.lost
	s.bound()
}

// bumpAll adds the cells of clients that have other numbers here.
func (s *clientSet) bumpAll(cells []clientCell, ids []uint32) {
	for _, c := range cells {
		s.bump(ids[c.client], c.bin, c.cell)
	}
}

// takeActor adds a client of another set, all but its cells.
func (s *clientSet) takeActor(a *actorSum, r *running) uint32 {
	n := s.index.find(r.key, s.running)
	if n < 0 {
		s.thin += boolIndex(r.thin)
		s.firsts += boolIndex(a.first != nil)
		return uint32(s.put(*a, *r))
	}
	sum, run := &s.actor[n], &s.running[n]
	s.firsts -= boolIndex(sum.first != nil)
	sum.merge(a)
	s.firsts += boolIndex(sum.first != nil)
	switch {
	case r.route == several:
		run.route = several
	case r.route != 0:
		run.visit(r.route)
	}
	if run.thin && !r.thin {
		run.thin = false
		s.thin--
	}
	run.last = max(run.last, r.last)
	run.first = min(run.first, r.first)
	return uint32(n)
}

func (a *actorSum) merge(o *actorSum) {
	a.requests += o.requests
	a.pages += o.pages
	a.assets += o.assets
	a.noReferer += o.noReferer
	a.errors5xx += o.errors5xx
	a.limited += o.limited
	a.visits += o.visits
	a.several = a.several || o.several
	switch {
	case a.first == nil:
		a.first = o.first
	case o.first != nil:
		a.first.merge(*o.first)
	}
}

// firstLine is the evidence for it: without a place where the line was not kept.
func (a *actorSum) firstLine() Evidence {
	if a.first == nil {
		return Evidence{}
	}
	return a.first.evidence("")
}

// sort orders the clients by name, so that nothing downstream depends on the order of reading.
func (c *clientFold) sort() {
	for _, s := range c.sets() {
		s.settle()
		s.bound()
		order := make([]uint32, len(s.actor))
		for i := range order {
			order[i] = uint32(i)
		}
		slices.SortFunc(order, func(i, j uint32) int {
			a, b := &s.actor[i], &s.actor[j]
			return cmp.Or(cmp.Compare(a.addr, b.addr), cmp.Compare(a.agent, b.agent))
		})
		s.arrange(order)
	}
}

// arrange gives the clients the numbers of their places in order, which it uses up.
func (s *clientSet) arrange(order []uint32) {
	ids := make([]uint32, len(order))
	for n, i := range order {
		ids[i] = uint32(n)
	}
	for n := range order { // along the cycles, in place
		for i := n; ; {
			from := int(order[i])
			order[i] = uint32(i)
			if from == n {
				break
			}
			s.actor[i], s.actor[from] = s.actor[from], s.actor[i]
			s.running[i], s.running[from] = s.running[from], s.running[i]
			i = from
		}
	}
	s.renumber(ids)
}

const away = math.MaxUint32

// renumber follows the clients to new places; away = nowhere.
func (s *clientSet) renumber(ids []uint32) {
	s.index.rebuild(s.running)
	s.cells.keep(func(c *clientCell) bool {
		c.client = ids[c.client]
		return c.client != away
	})
	s.cells.order(len(s.actor))
}
