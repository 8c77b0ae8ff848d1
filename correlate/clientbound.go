package correlate

import (
	"cmp"
	"encoding/binary"
	"hash/fnv"
	"maps"
	"math/bits"
	"slices"
)

// A log may hold any number of clients; the fold of it may not. Beyond its limits a set first takes the browsers behind one
// address for one, then has the networks that ask for least lose their minutes (of which only visits are counted from then
// on), then lets them go altogether. Networks are what is weighed, since a crowd of quiet addresses in one network is a
// culprit and the same crowd all over the internet is an audience.
//
// Who is let go leaves their requests in a sum, and is counted anew when they come back: a client that is kept may be
// missing `lost` requests, and no more.

// clientLimits bound a set.
type clientLimits struct {
	exact   int // people by address and agent
	clients int
	cells   int // bins in use
	firsts  int // first lines kept
}

var (
	// A day of 5 M lines has 60,000 addresses. A client takes 180 bytes, its line 300 more: a report quotes some twenty of them.
	peopleLimits = clientLimits{exact: 1 << 15, clients: 1 << 16, cells: fullTable, firsts: 1 << 12}
	// Known crawlers come from some thousand addresses; 8 times as many is a log full of forged names.
	programLimits = clientLimits{exact: 1 << 13, clients: 1 << 13, cells: fullTable, firsts: 1 << 12}
)

const (
	minBin = 60          // seconds: finer than any INFO series, coarse enough that a day is 1,440 bins
	maxBin = 32 * minBin // a visit ends after 30 minutes of silence, so coarser bins could not tell visits apart

	fullTable = 1<<17/4*3 - 2 // what 2 MiB of a table hold: one more, which the bound sees, and one less than makes it grow
	withBins  = 1 << 11       // people who keep their minutes at any width: a culprit's addresses, and at 48 cells each the table is full
	crowds    = 1 << 8        // agents of programs let go that are summed one by one: few beside the 8,192 programs of which these are left
	maxVisits = 1 << 16       // minutes in which somebody came: 45 days
	maxWidth  = minBin << 32  // of a log whose lines bear any year
)

// What stands for many. Identify takes these agents for what they stand for.
var (
	unlogged   = []byte{0} // the log format has no agent: an unlogged one is not an absent one
	anyBrowser = "Mozilla/5.0 (several browsers)"
	anyProgram = "bot"
	anyAddress = "-"
)

func (s *clientSet) bound() {
	for s.grew = false; ; {
		switch {
		case !s.programs && !s.byAddress && len(s.actor) > s.limits.exact:
			s.mergeAgents(true)
		case len(s.actor) > s.limits.clients:
			if !s.release() {
				return
			}
		case s.crowded() && s.programs:
			switch {
			case s.width >= maxBin && s.singles() > s.limits.clients/4:
				s.release()
			case s.width < maxWidth:
				s.widen(2 * s.width)
			default:
				return
			}
		case s.crowded():
			switch with := len(s.actor) - s.thin; {
			case with > withBins || s.width >= maxBin && with > 1:
				s.loseBins()
			case s.width < maxWidth:
				s.widen(2 * s.width)
			default:
				return
			}
		case s.visits.n > maxVisits && s.width < maxWidth:
			s.widen(2 * s.width)
		case s.firsts > s.limits.firsts:
			s.loseFirsts()
		default:
			return
		}
	}
}

// crowded says whether there are too many cells. How many bins are in use shows when they are in order, which is worth
// finding out of half as many again.
func (s *clientSet) crowded() bool {
	if len(s.cells.list) > s.limits.cells*3/2 {
		s.cells.order(len(s.actor))
	}
	return len(s.cells.list) > s.limits.cells && s.cells.tidy == len(s.cells.list)
}

// mergeAgents takes the browsers behind one address for one.
func (s *clientSet) mergeAgents(do bool) {
	if !do || s.byAddress || s.programs {
		return
	}
	s.settle()
	old := *s
	s.byAddress, s.actor, s.running, s.index, s.cells, s.thin, s.firsts = true, nil, nil, clientIndex{}, clientCells{}, 0, 0
	as := map[string]string{}
	ids := make([]uint32, len(old.actor))
	for i := range old.actor {
		a, r := &old.actor[i], &old.running[i]
		name, ok := as[a.agent]
		if !ok {
			name = wideName(a.agent)
			as[a.agent] = name
		}
		a.agent, r.key = name, clientKey(a.addr, name)
		ids[i] = s.takeActor(a, r)
	}
	s.bumpAll(old.cells.list, ids)
	s.cells.order(len(s.actor))
}

// wideName is what an agent of people counts as where browsers are not told apart.
func wideName(agent string) string {
	if agent == string(unlogged) || Identify(agent).Class == Absent {
		return agent
	}
	return anyBrowser
}

// widen makes the bins wider.
func (s *clientSet) widen(width int64) {
	if width <= s.width {
		return
	}
	s.settle()
	factor := width / s.width // may not fit 32 bits: a digest's bins have any width
	s.width, s.start = width, never
	s.cells.keep(func(c *clientCell) bool {
		c.bin = uint32(int64(c.bin) / factor)
		return true
	})
	s.cells.order(len(s.actor))
	visits := s.visits
	s.visits = table[uint32]{}
	for minute, n := range visits.all() {
		have, _ := s.visits.at(minute - minute%uint64(width/minBin))
		*have += n
	}
}

// lightest marks at least half of the clients, those whose networks, or who themselves where they are programs, asked for
// least, by powers of two; those that already are what is asked for do not count.
func (s *clientSet) lightest(already func(i int) bool) []bool {
	weight := s.weights()
	var classes [65]int
	n := 0
	for i := range s.actor {
		if !already(i) {
			classes[bits.Len64(uint64(weight[i]))]++
			n++
		}
	}
	most := lighterHalf(&classes, n)
	light := make([]bool, len(s.actor))
	for i := range light {
		light[i] = !already(i) && bits.Len64(uint64(weight[i])) <= most
	}
	return light
}

// weights are how many requests there are of the network of each client, or of the client where it is a program.
func (s *clientSet) weights() []int64 {
	if !s.programs {
		s.weighNets()
	}
	weights := make([]int64, len(s.actor))
	for i := range weights {
		weights[i] = s.weight(i)
	}
	return weights
}

// weighNets sums requests by network.
func (s *clientSet) weighNets() {
	s.weighed = len(s.actor)
	s.byNet.clear()
	s.byNet.reserve(len(s.actor))
	for i := range s.actor {
		n, _ := s.byNet.at(uint64(s.actor[i].net))
		*n += s.asked(i)
	}
}

// weight is that of a client by the networks as they were weighed last.
func (s *clientSet) weight(i int) int64 {
	if s.programs {
		return s.asked(i)
	}
	return max(s.asked(i), s.byNet.find(uint64(s.actor[i].net)).v)
}

func (s *clientSet) asked(i int) int64 { return s.actor[i].requests + int64(s.running[i].requests) }

// netKey tells networks apart: /24 and /48, since who has a /48 may take another /64 for every request. Two of IPv6 may share
// one, at no cost but theirs.
func netKey(addr []byte) uint32 {
	ip, ok := ParseClient(addr)
	if ok && ip.Is4() {
		b := ip.As4()
		return binary.BigEndian.Uint32(b[:]) >> 8
	}
	h := fnv.New32a() // not seeded: who is let go must be the same in every run
	if ok {
		b := ip.As16()
		h.Write(b[:siteBits/8])
	} else {
		h.Write(addr)
	}
	return h.Sum32() | 1<<31
}

// loseBins has the lightest networks lose their bins, until half of the bins are free.
func (s *clientSet) loseBins() {
	s.settle()
	weight := s.weights()
	var with []int
	for i := range s.actor {
		if !s.running[i].thin {
			with = append(with, i)
		}
	}
	slices.SortFunc(with, func(a, b int) int { return cmp.Or(cmp.Compare(weight[b], weight[a]), cmp.Compare(a, b)) })
	stay, left := 0, s.limits.cells/2
	for stay < len(with)-1 && left >= len(s.cells.of(uint32(with[stay]))) {
		left -= len(s.cells.of(uint32(with[stay])))
		stay++
	}
	light := make([]bool, len(s.actor))
	for _, i := range with[stay:] {
		light[i] = true
	}
	s.countVisits(light)
	s.cells.keep(func(c *clientCell) bool { return !light[c.client] })
	s.cells.order(len(s.actor))
	for _, i := range with[stay:] {
		s.running[i].thin = true
		s.thin++
	}
}

// countVisits counts the visits of people who are to lose their bins.
func (s *clientSet) countVisits(who []bool) {
	for i, is := range who {
		own := s.cells.of(uint32(i))
		if !is || len(own) == 0 {
			continue
		}
		eachVisit(own, s.width, func(bin int64) { s.visit(uint32(i), uint32(bin*s.width/minBin)) })
		run := &s.running[i]
		run.last = max(run.last, uint32(int64(own[len(own)-1].bin)*s.width/minBin))
	}
}

// release lets at least half of the clients go, and says whether there was anybody to.
func (s *clientSet) release() bool {
	s.settle()
	light := s.lightest(func(i int) bool { return s.actor[i].several })
	var gathered []bool
	if s.programs {
		s.crowd(light)
	} else {
		gathered = s.gather(light)
		s.countVisits(light)
	}
	ids := make([]uint32, len(s.actor))
	before, kept, most := s.letGo, 0, int64(0)
	for i := range s.actor {
		a, r := &s.actor[i], &s.running[i]
		if i >= len(light) || !light[i] {
			s.actor[kept], s.running[kept] = *a, *r
			ids[i] = uint32(kept)
			kept++
			continue
		}
		ids[i] = away
		if gathered != nil && gathered[i] {
			s.thin -= boolIndex(r.thin)
			s.firsts -= boolIndex(a.first != nil)
			continue
		}
		s.letGo++
		most = max(most, a.requests)
		s.thin -= boolIndex(r.thin)
		s.firsts -= boolIndex(a.first != nil)
		if s.programs {
			continue
		}
		s.gone.merge(a)
		if r.route != 0 && r.route != several {
			s.addSolo(r.route, soloRoute{a.requests, 1})
		}
	}
	clear(s.actor[kept:])
	s.actor, s.running = s.actor[:kept], s.running[:kept]
	s.lost += most
	s.renumber(ids)
	s.addrs = textArena{}
	for i := range s.actor {
		s.actor[i].addr = s.addrs.keepString(s.actor[i].addr)
	}
	s.rehouseLines()
	return s.letGo > before
}

// gather gives what a network asked for that an eighth or more of the clients are of, one for each agent, to its own address: who
// has a /48 and takes another address for every request would else be let go as the crowd of quiet clients that it is not.
func (s *clientSet) gather(light []bool) (gathered []bool) {
	clients := map[uint32]int{}
	for i, is := range light {
		if is && s.actor[i].net>>31 == 1 { // of IPv4 a network has 256
			clients[s.actor[i].net]++
		}
	}
	maps.DeleteFunc(clients, func(_ uint32, n int) bool { return n*8 < len(light) })
	if len(clients) == 0 {
		return nil
	}
	gathered = make([]bool, len(light))
	into := make([]uint32, len(light))
	for i, is := range light {
		a := s.actor[i]
		addr, ok := ParseClient([]byte(a.addr))
		if !is || clients[a.net] == 0 || !ok {
			continue
		}
		a.addr, a.several = siteOf(addr).Addr().String(), true
		gathered[i] = true
		into[i] = s.takeActor(&a, &running{key: clientKey(a.addr, a.agent), first: s.running[i].first, route: s.running[i].route})
		s.actor[into[i]].several = true
	}
	s.cells.keep(func(c *clientCell) bool {
		if int(c.client) < len(gathered) && gathered[c.client] {
			c.client = into[c.client]
		}
		return true
	})
	s.cells.order(len(s.actor))
	return gathered
}

// rehouseLines frees the memory of those that are not needed any more.
func (s *clientSet) rehouseLines() {
	s.lines = textArena{}
	for i := range s.actor {
		if first := s.actor[i].first; first != nil {
			first.text = s.lines.keepString(first.text)
		}
	}
}

// singles counts those who stand for themselves.
func (s *clientSet) singles() (n int) {
	for i := range s.actor {
		n += boolIndex(!s.actor[i].several)
	}
	return n
}

func (s *clientSet) addSolo(route uint64, n soloRoute) {
	if s.solo.n >= fullTable {
		return
	}
	have, _ := s.solo.at(route >> 1)
	have.requests += n.requests
	have.clients += n.clients
}

// crowd gives what programs asked for that are let go to one client for each agent, or for all when there are too many.
func (s *clientSet) crowd(light []bool) {
	into := make([]uint32, len(light))
	n, most := 0, min(crowds, s.limits.clients/4)
	for i := range s.actor {
		if a := &s.actor[i]; light[i] && a.addr == anyAddress {
			light[i], a.several = false, true
		}
		n += boolIndex(s.actor[i].several)
	}
	for i, is := range light {
		if !is {
			continue
		}
		a := s.actor[i]
		route := s.running[i].route
		a.addr, a.several = anyAddress, true
		a.net = netKey([]byte(anyAddress))
		if n >= most && s.index.find(clientKey(a.addr, a.agent), s.running) < 0 {
			a.agent = anyProgram
		}
		before := len(s.actor)
		into[i] = s.takeActor(&a, &running{key: clientKey(a.addr, a.agent), first: s.running[i].first, route: route})
		s.actor[into[i]].several = true
		n += len(s.actor) - before
	}
	s.cells.keep(func(c *clientCell) bool {
		if light[c.client] {
			c.client = into[c.client]
		}
		return true
	})
	s.cells.order(len(s.actor))
}

// loseFirsts drops the first lines of at least half of those that have one, the lightest, but for the first of all. Networks are
// weighed anew when a quarter of the clients is: to do so each time took two thirds of the time of a log in which every line is
// another client's. Whoever has no line by then, since it asked for little when it came, and has come to ask for a thousandth
// of everything, has its next line kept instead: there are a thousand of these at most.
func (s *clientSet) loseFirsts() {
	if added := len(s.actor) - s.weighed; s.byNet.n == 0 || added < 0 || added*4 > len(s.actor) || s.passed*4 > len(s.actor) {
		s.weighNets()
		s.inviteHeavy()
		s.passed = 0
	}
	var classes [65]int
	var first *example
	with := make([]uint32, 0, s.firsts)
	for i := range s.actor {
		e := s.actor[i].first
		if e == nil {
			continue
		}
		with = append(with, uint32(i))
		classes[bits.Len64(uint64(s.weight(i)))]++
		if first == nil || first.sooner(e.t, e.at) {
			first = e
		}
	}
	s.passed += len(with) / 2
	most := lighterHalf(&classes, len(with))
	s.lines = textArena{}
	for _, i := range with {
		a := &s.actor[i]
		if bits.Len64(uint64(s.weight(int(i)))) <= most && a.first != first {
			a.first = nil
			s.firsts--
			continue
		}
		a.first.text = s.lines.keepString(a.first.text)
	}
}

func (s *clientSet) inviteHeavy() {
	all := int64(0)
	for i := range s.actor {
		all += s.asked(i)
	}
	for i := range s.actor {
		if s.actor[i].first == nil && s.asked(i)*1000 >= all {
			s.running[i].first = noFirst
		}
	}
}

// lighterHalf is the class up to which at least half of so many are.
func lighterHalf(classes *[65]int, n int) int {
	most := 0
	for half := 0; most < len(classes)-1; most++ {
		if half += classes[most]; half*2 >= n {
			break
		}
	}
	return most
}
