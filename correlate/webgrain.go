package correlate

import (
	"bytes"
	"encoding/binary"
	"net/netip"
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

// defaultLimits make a fold of 10 MiB at its finest and of 20 at most.
var defaultLimits = webLimits{
	exact: 1 << 15, clients: 1 << 16,
	cells:  1 << 17, // a 5 M-line day of 60,000 clients has 2.5 M minutes of them
	bins:   1 << 16, // 45 days of minutes
	routes: 1 << 13, // a large shop has 500
	sites:  1 << 13, references: 1 << 15, routeCells: 1 << 17,
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
	old := *w
	w.grain, w.width = grain, clientGrains[grain].width
	w.addrs, w.agents, w.actors, w.actor, w.sole = intern{}, intern{}, table[uint32]{}, nil, nil
	w.actorCells = table[cell]{}
	w.agentSeen, w.agentIDs, w.nets = intern{}, nil, table[uint32]{}
	w.lastStatus = nil
	w.takeClients(&old)
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
}

// takeClients adds the clients of a fold of the same or a finer grain, whose routes have the same numbers.
func (w *webFold) takeClients(o *webFold) {
	ids := make([]uint32, len(o.actor))
	for i := range o.actor {
		a := &o.actor[i]
		addr, agent := o.addrs.names[a.addr], o.agents.names[a.agent]
		var sole netip.Addr
		if o.sole != nil {
			sole = o.sole[i]
		}
		id, auto := w.actorOf([]byte(addr), []byte(agent), sole, o.sole != nil)
		ids[i] = id
		w.actor[id].merge(a)
		if !w.quotes(auto) {
			w.actor[id].first.text = ""
		}
	}
	factor := uint32(w.width / o.width)
	for key, c := range o.actorCells.all() {
		w.bump(&w.actorCells, ids[key>>32], uint32(key)/factor, c)
	}
}

// coarsenRoutes folds the routes again at a coarser grain.
func (w *webFold) coarsenRoutes(grain int) {
	if grain <= w.routeGrain {
		return
	}
	old := *w
	w.routeGrain = grain
	w.routes, w.hosts, w.route = intern{}, intern{}, nil
	w.routeCells, w.referers, w.failures = table[cell]{}, table[int64]{}, map[failure]*failureSum{}
	w.paths = [pathSlots]pathSlot{}
	routes := w.takeRoutes(&old)
	for i := range w.actor {
		a := &w.actor[i]
		a.onlyRoute = routes[a.onlyRoute]
		if routeGrains[grain].routes > 0 {
			a.routes = 2
		}
	}
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
	for key, c := range o.routeCells.all() {
		w.bump(&w.routeCells, routes[key>>32], uint32(key)/factor, c)
	}
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
		w.route = append(w.route, routeSum{})
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
	return w.hosts.id(host)
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
}

// agentOf numbers an agent at this grain.
func (w *webFold) agentOf(agent []byte) agentRef {
	n := w.agentSeen.id(agent)
	if int(n) < len(w.agentIDs) {
		return w.agentIDs[n]
	}
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
	ref.id = w.agents.id(name)
	if len(w.agentIDs) >= maxAgentSet {
		w.agentSeen, w.agentIDs = intern{}, nil
		return ref
	}
	w.agentIDs = append(w.agentIDs, ref)
	return ref
}

// quotes says whether a client's first line is kept. Beyond the first grain only programs' are: people are never quoted.
func (w *webFold) quotes(auto bool) bool { return w.grain == 0 || auto }

// addrOf numbers an address, or a network of a finer grain, at this grain; sole is the address.
func (w *webFold) addrOf(addr []byte, auto bool) (id uint32, sole netip.Addr) {
	g := clientGrains[w.grain]
	level := g.people
	if auto {
		level = g.bots
	}
	if g.people >= byNetwork {
		sole, _ = ParseClient(addr)
	}
	if level < byNetwork || level == byNothing {
		return w.addrs.id(networkName(addr, level)), sole
	}
	// Its number stands under its first bits: to write the network's name anew for each line cost more than all else here.
	if !sole.Is4() {
		return w.addrs.id(networkName(addr, level)), sole
	}
	ip := sole.As4()
	key := uint64(level)<<32 | uint64(binary.BigEndian.Uint32(ip[:])>>(32-netBits[level][0]))
	n, added := w.nets.at(key)
	if added {
		*n = w.addrs.id(networkName(addr, level))
	}
	return *n, sole
}

// actorOf numbers the client at this grain. net says that addr may be a network, in which no address but sole was seen;
// an invalid sole means several.
func (w *webFold) actorOf(addr, agent []byte, sole netip.Addr, net bool) (actor uint32, auto bool) {
	ref := w.agentOf(agent)
	addrID, own := w.addrOf(addr, ref.auto)
	if !net {
		sole = own
	}
	id, added := w.actors.at(uint64(addrID)<<32 | uint64(ref.id))
	nets := clientGrains[w.grain].people >= byNetwork
	if added {
		*id = uint32(len(w.actor))
		w.actor = append(w.actor, actorSum{addr: addrID, agent: ref.id})
		if nets {
			w.sole = append(w.sole, sole)
		}
	} else if nets && w.sole[*id] != sole {
		w.sole[*id] = netip.Addr{}
	}
	return *id, ref.auto
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
	if w.sole != nil && w.sole[i].IsValid() {
		return w.sole[i].String()
	}
	return w.addrs.names[w.actor[i].addr]
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
