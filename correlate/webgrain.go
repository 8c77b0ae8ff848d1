package correlate

import (
	"bytes"
	"encoding/binary"
	"hash/maphash"
	"math"
	"net/netip"
	"slices"
	"strings"
)

// A log may hold any number of clients, agents, paths and referring sites; the fold of it may not. So it knows grains, from
// the finest to the coarsest, and takes the finest at which the whole log fits. Which that is depends on the requests
// alone, never on their order or division: a coarser grain is a function of a finer one, and a part never needs a coarser
// grain than the whole. Ordinary logs stay at the first: every address with every agent, minute by minute.

// clientGrain says how clients are told apart, and the width of a time bin in seconds.
type clientGrain struct {
	width        int64
	people, bots uint8
}

// How people are told apart, and how those whose agent says that they are programs. Agents of several browsers behind one
// address are the first to be given up: nothing but a count of visits depends on them.
const (
	byAgent   = iota // address and agent
	byAddress        // address; programs keep their agent at every level but the last
	byNetwork        // /24, /64
	by16             // /16, /48
	by8              // /8, /32
	byNothing
)

// clientGrains give up agents of browsers first, then time, which bins of half an hour keep for visits, then addresses:
// those of people before those of programs, which are fewer and matter one by one.
var clientGrains = []clientGrain{
	{minBin, byAgent, byAgent}, {minBin, byAddress, byAgent},
	{2 * minBin, byAddress, byAgent}, {4 * minBin, byAddress, byAgent}, {8 * minBin, byAddress, byAgent}, {16 * minBin, byAddress, byAgent}, {maxBin, byAddress, byAgent},
	{maxBin, byNetwork, byAgent}, {maxBin, byNetwork, byNetwork}, {maxBin, by16, byNetwork}, {maxBin, by16, by16},
	{maxBin, by8, by16}, {maxBin, by8, by8}, {maxBin, byNothing, by8}, {maxBin, byNothing, byNothing},
}

const (
	minBin = 60          // seconds: finer than any INFO series, coarse enough that a day is 1,440 bins
	maxBin = 32 * minBin // a visit ends after 30 minutes of silence, so coarser bins could not tell visits apart
)

// webLimits bound a fold. They are the same for every part of an input.
type webLimits struct {
	exact   int // addresses with agents kept as they are, with their first lines
	clients int // clients of a coarser grain
	cells   int // clients' bins in use
	bins    int // bins of all requests

	routes, sites int
	references    int // pairs of a route and a site
	routeCells    int
}

// defaultLimits make a fold of 15 MiB at most.
var defaultLimits = webLimits{
	exact: 1 << 15, clients: 1 << 15,
	cells:  fullTable, // a 5 M-line day of 60,000 clients has 2.5 M minutes of them
	bins:   1 << 16,   // 45 days of minutes
	routes: 1 << 13,   // a large shop has 500
	sites:  1 << 13, references: 1 << 15, routeCells: fullTable,
}

// fullTable is what 2 MiB of a table hold: one more, which the bound sees, and one less than makes the table grow.
const fullTable = 1<<17/4*3 - 2

// routeGrain says how routes and referring sites are told apart, and the width of the routes' bins.
type routeGrain struct {
	width         int64
	routes, sites uint8 // 0 all, 1 by their first segment and last two labels, 2 not
}

var routeGrains = []routeGrain{
	{minBin, 0, 0}, {2 * minBin, 0, 0}, {4 * minBin, 0, 0}, {8 * minBin, 0, 0}, {16 * minBin, 0, 0}, {maxBin, 0, 0},
	{maxBin, 0, 1}, {maxBin, 1, 1}, {maxBin, 1, 2}, {maxBin, 2, 2},
}

func (w *webFold) tooManyClients() bool {
	switch g := w.grain; {
	case g == len(clientGrains)-1:
		return false
	case clientGrains[g].width < maxBin && len(w.status) > w.limits.bins:
		return true
	case g == 0 && len(w.actor) > w.limits.exact:
		return true
	default:
		return len(w.actor) > w.limits.clients || w.actorCells.n > w.limits.cells
	}
}

func (w *webFold) tooManyRoutes() bool {
	return w.routeGrain < len(routeGrains)-1 &&
		(len(w.route) > w.limits.routes || len(w.hosts.names) > w.limits.sites || w.referers.n > w.limits.references || w.routeCells.n > w.limits.routeCells)
}

// bound takes the finest grains at which what was read so far fits.
func (w *webFold) bound() {
	w.grew = false
	for w.tooManyClients() {
		w.coarsenClients(w.grain + 1)
	}
	for w.tooManyRoutes() {
		w.coarsenRoutes(w.routeGrain + 1)
	}
}

// coarsenClients folds the clients again at a coarser grain.
func (w *webFold) coarsenClients(grain int) {
	if grain <= w.grain {
		return
	}
	w.settleAll()
	old := *w
	w.grain, w.width = grain, clientGrains[grain].width
	w.actorCells = table[cell]{}
	if is, was := clientGrains[w.grain], clientGrains[old.grain]; is.people == was.people && is.bots == was.bots {
		w.takeCells(&old, nil)
	} else {
		w.agents, w.actor, w.clients, w.running = intern{}, nil, table[uint32]{}, nil
		w.agentSeen, w.agentRefs = table[uint32]{}, nil
		clear(w.nets)
		w.takeClients(&old)
	}
	if factor := w.width / old.width; factor > 1 {
		status := make(map[int64]*statusCell, len(old.status)/int(factor)+1)
		for bin, s := range old.status {
			if have := status[floorDiv(bin, factor)]; have != nil {
				have.merge(s)
			} else {
				status[floorDiv(bin, factor)] = s
			}
		}
		w.status = status
	}
	w.leave()
}

// takeClients adds the clients of a fold of the same or a finer grain, whose routes have the same numbers.
func (w *webFold) takeClients(o *webFold) {
	refs := make([]agentRef, len(o.agents.names))
	for i, name := range o.agents.names {
		refs[i] = w.agentOf([]byte(name))
	}
	ids := make([]uint32, len(o.actor))
	w.clients.reserve(len(w.actor) + len(o.actor))
	for i := range o.actor {
		a := &o.actor[i]
		ref := refs[a.agent]
		ids[i] = w.takeClient(a, ref)
		sum := &w.actor[ids[i]]
		sum.merge(a)
		if !w.quotes(ref.auto) {
			sum.first.text = ""
		}
	}
	w.takeCells(o, ids)
}

// takeCells adds the bins of a fold of the same or a finer grain, whose clients have these numbers; nil = the same.
func (w *webFold) takeCells(o *webFold, ids []uint32) {
	factor := uint32(w.width / o.width)
	w.actorCells.reserve(w.actorCells.n + o.actorCells.n)
	for key, c := range o.actorCells.all() {
		id := uint32(key >> 32)
		if ids != nil {
			id = ids[id]
		}
		w.bump(&w.actorCells, id, uint32(key)/factor, c)
	}
}

// coarsenRoutes folds the routes again at a coarser grain.
func (w *webFold) coarsenRoutes(grain int) {
	if grain <= w.routeGrain {
		return
	}
	w.settleAll()
	old := *w
	w.routeGrain = grain
	w.routes, w.hosts, w.route, w.routeRun = intern{}, intern{}, nil, nil
	w.routeCells, w.referers, w.failures = table[cell]{}, table[int64]{}, map[failure]*failureSum{}
	if w.walk != nil {
		w.walk = newRouteWalk()
	}
	routes := w.takeRoutes(&old)
	for i := range w.actor {
		a := &w.actor[i]
		a.onlyRoute = routes[a.onlyRoute]
		if routeGrains[grain].routes > 0 {
			a.routes = 2
		}
	}
	w.forget()
	w.leave()
}

// takeRoutes adds the routes of a fold of the same or a finer grain, and says which number each has here.
func (w *webFold) takeRoutes(o *webFold) []uint32 {
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
	factor := uint32(routeGrains[w.routeGrain].width / routeGrains[o.routeGrain].width)
	w.routeCells.reserve(w.routeCells.n + o.routeCells.n)
	for key, c := range o.routeCells.all() {
		w.bump(&w.routeCells, routes[key>>32], uint32(key)/factor, c)
	}
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
	}
	return routes
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
		w.route, w.routeRun = append(w.route, routeSum{}), append(w.routeRun, routeRun{first: math.MaxInt64})
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

// What stands for an agent where agents are not told apart. Identify takes them for what they stand for.
var (
	unlogged   = []byte{0} // the log format has none: an unlogged agent is not an absent one
	anyBrowser = []byte("Mozilla/5.0 (several browsers)")
	anyProgram = []byte("bot")
	noAddress  = []byte("-")
)

const maxAgentSet = 1 << 14 // distinct agents remembered; then forgotten, to be looked at again

// agentRef is what is known of an agent as logged.
type agentRef struct {
	id   uint32 // of what it counts as at this grain
	auto bool   // says that it is a program
	hash uint64 // of what it counts as
}

// agentOf numbers an agent at this grain.
func (w *webFold) agentOf(agent []byte) agentRef {
	n, added := w.agentSeen.at(maphash.Bytes(internSeed, agent) >> 1)
	if !added {
		return w.agentRefs[*n]
	}
	if len(w.agentRefs) >= maxAgentSet {
		w.agentSeen, w.agentRefs = table[uint32]{}, w.agentRefs[:0]
		n, _ = w.agentSeen.at(maphash.Bytes(internSeed, agent) >> 1)
	}
	*n = uint32(len(w.agentRefs))
	g := clientGrains[w.grain]
	id := Agent{Class: Absent}
	if !bytes.Equal(agent, unlogged) {
		id = Identify(string(agent))
	}
	name := agent
	ref := agentRef{auto: id.Class.Automated()}
	switch {
	case ref.auto && g.bots == byNothing:
		name = anyProgram
	case !ref.auto && id.Class != Absent && g.people > byAgent:
		name = anyBrowser
	}
	ref.id, ref.hash = w.agents.id(name), mix(maphash.Bytes(internSeed, name))
	w.agentRefs = append(w.agentRefs, ref)
	return ref
}

// quotes says whether a client's first line is kept. Beyond the first grain only programs' are: people are never quoted.
func (w *webFold) quotes(auto bool) bool { return w.grain == 0 || auto }

// level is how clients are told apart at this grain.
func (w *webFold) level(auto bool) uint8 {
	if auto {
		return clientGrains[w.grain].bots
	}
	return clientGrains[w.grain].people
}

// netted says whether people are known by their networks: then it is kept of each whether it was one address alone.
func (w *webFold) netted() bool { return clientGrains[w.grain].people >= byNetwork }

// clientOf numbers the client of a line at this grain.
func (w *webFold) clientOf(addr []byte, ref agentRef) uint32 {
	key, self := w.clientKey(addr, ref)
	n, added := w.clients.at(key)
	if added {
		*n = w.addActor(string(addr), ref)
	}
	actor := *n
	if run := &w.running[actor]; run.self != self && run.self != several {
		w.hold(&w.actor[actor], addr)
		if run.self = self; w.actor[actor].several {
			run.self = several
		}
	}
	return actor
}

// takeClient numbers the client of a fold of the same or a finer grain.
func (w *webFold) takeClient(a *actorSum, ref agentRef) uint32 {
	key, _ := w.clientKey([]byte(a.addr), ref)
	n, added := w.clients.at(key)
	if added {
		*n = w.addActor(a.addr, ref)
	}
	if sum := &w.actor[*n]; w.netted() {
		sum.several = sum.several || a.several
		w.hold(sum, []byte(a.addr))
	}
	return *n
}

func (w *webFold) addActor(addr string, ref agentRef) uint32 {
	if n := len(w.actor); n == cap(w.actor) { // append's growth by quarters took a third of the memory and of the time here
		more := max(3*n, 256)
		if n <= w.limits.clients {
			more = min(more, w.limits.clients+1-n)
		}
		w.actor, w.running = slices.Grow(w.actor, more), slices.Grow(w.running, more)
	}
	w.actor, w.running = append(w.actor, actorSum{addr: addr, agent: ref.id, auto: ref.auto}), append(w.running, newRunning)
	w.grew = true
	return uint32(len(w.actor) - 1)
}

// hold holds an address against the only one so far of an actor that may be a network.
func (w *webFold) hold(sum *actorSum, addr []byte) {
	if !sum.several {
		a, ok := ParseClient(addr)
		b, _ := ParseClient([]byte(sum.addr))
		sum.several = !ok || a != b
	}
}

// clientKey hashes what a client counts as at this grain: 64 bits, seeded like those of intern, with the same chance of
// an error. Where networks count, self tells the address itself; it is 0 where they do not.
func (w *webFold) clientKey(addr []byte, ref agentRef) (key, self uint64) {
	level := w.level(ref.auto)
	if w.netted() {
		ip, ok := ipv4(addr)
		if !ok {
			net := w.netOf(addr, level)
			return (net.key ^ ref.hash) >> 1, net.self
		}
		self = mix(uint64(ip)+1) | 1
		if byNetwork <= level && level < byNothing {
			return (v4Key(ip, level) ^ ref.hash) >> 1, self
		}
	}
	if level == byNothing {
		addr = noAddress
	}
	return (maphash.Bytes(internSeed, addr) ^ ref.hash) >> 1, self
}

func v4Key(ip uint32, level uint8) uint64 {
	return mix(uint64(level)<<32 | uint64(ip>>(32-netBits[level][0])))
}

// netRef remembers what clientKey found for an address that is not plain IPv4: to read and write one of IPv6 takes
// longer than all the rest of a line.
type netRef struct{ text, key, self uint64 }

const netSlots = 1 << 10

func (w *webFold) netOf(addr []byte, level uint8) netRef {
	text := maphash.Bytes(internSeed, addr) ^ uint64(level)
	slot := &netRef{}
	if w.nets != nil {
		slot = &w.nets[text%netSlots]
	}
	if slot.text == text {
		return *slot
	}
	host, _, _ := bytes.Cut(addr, []byte("/"))
	if a, ok := ParseClient(host); ok && a.Is4() && byNetwork <= level && level < byNothing {
		ip := a.As4()
		*slot = netRef{text: text, key: v4Key(binary.BigEndian.Uint32(ip[:]), level)}
	} else {
		*slot = netRef{text: text, key: maphash.Bytes(internSeed, networkName(addr, level))}
	}
	slot.self = mix(text) | 1
	return *slot
}

// ipv4 reads a plain "192.0.2.1".
func ipv4(b []byte) (ip uint32, ok bool) {
	if len(b) > len("255.255.255.255") {
		return 0, false
	}
	part, digits, dots := uint32(0), 0, 0
	for _, c := range b {
		if c == '.' {
			if digits == 0 || part > 255 {
				return 0, false
			}
			ip, part, digits, dots = ip<<8|part, 0, 0, dots+1
			continue
		}
		d := uint32(c) - '0'
		if d > 9 || digits > 0 && part == 0 {
			return 0, false
		}
		part = part*10 + d
		digits++
	}
	return ip<<8 | part, dots == 3 && digits > 0 && part <= 255
}

// networkName is the network of an address, or of a smaller network, as text.
func networkName(addr []byte, level uint8) []byte {
	if level < byNetwork {
		return addr
	}
	if level == byNothing {
		return noAddress
	}
	host, _, _ := bytes.Cut(addr, []byte("/"))
	a, ok := ParseClient(host)
	if !ok {
		return noAddress
	}
	p, err := a.Prefix(netBits[level][boolIndex(a.Is6())])
	if err != nil {
		return noAddress
	}
	return p.AppendTo(nil)
}

// netBits are the bits of a network of IPv4 and of IPv6 by level.
var netBits = [...][2]int{byNetwork: {24, 64}, by16: {16, 48}, by8: {8, 32}}

func boolIndex(b bool) int {
	if b {
		return 1
	}
	return 0
}

// addr is the actor's address, its network's only one, or the network.
func (w *webFold) addr(i int) string {
	if a := &w.actor[i]; w.netted() && !a.several {
		sole, _ := ParseClient([]byte(a.addr))
		return sole.String()
	}
	return w.clientName(i)
}

// clientName is what the actor's address counts as at this grain.
func (w *webFold) clientName(i int) string {
	a := &w.actor[i]
	if level := w.level(a.auto); level >= byNetwork {
		return string(networkName([]byte(a.addr), level))
	}
	return a.addr
}

// agent is the actor's agent as logged, "" when absent or not logged.
func (w *webFold) agent(i int) string {
	if name := w.agents.names[w.actor[i].agent]; name != string(unlogged) {
		return name
	}
	return ""
}

// clientAddr reads what addr gives: an address, or the first of a network.
func clientAddr(name string) (netip.Addr, bool) {
	if host, _, isNet := strings.Cut(name, "/"); isNet {
		name = host
	}
	return ParseClient([]byte(name))
}
