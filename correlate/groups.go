package correlate

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"culprit/parsers"
)

// Web is the reading side of the request fold: totals, series and the groups that requests fall into.
type Web struct {
	fold    *webFold
	clients *clientFold
	Groups  []*Group // crawlers, networks, routes, probes, people; most requests first
	From    time.Time
	To      time.Time
	Files   []string // the access logs, sorted

	RefererLogged, AgentLogged bool
	BareVisits                 float64 // share of people's visits that fetched pages and nothing else, where others show assets; 0 where none do
	sites                      map[string]bool
	bins                       []statusBin
}

type statusBin struct {
	from time.Time
	Totals
}

// GroupKind says what the members of a group share.
type GroupKind string

const (
	CrawlerGroup GroupKind = "crawler" // one crawler's name and one identity
	NetworkGroup GroupKind = "network" // a /24 or /64, or one address, that browses like a machine
	RouteGroup   GroupKind = "route"   // one route, asked for from other people's pages or by clients that want nothing else
	ProbeGroup   GroupKind = "probe"   // monitoring
	PeopleGroup  GroupKind = "people"  // everybody else; its series counts visits
)

// Group is a set of requests that can be made answerable as one.
type Group struct {
	Kind     GroupKind
	Name     string // "Googlebot", "203.0.113.0/24", "203.0.113.7", "/embed.js", "people"
	Agent    Agent
	Identity Identity
	Reason   string // why the identity is what it is
	Members  []Member
	Clients  int
	Requests int64
	Pages    int64    // for RouteGroup: answered requests
	Foreign  float64  // RouteGroup: share of requests with a Referer of another site; negative = Referer not logged
	Solo     float64  // RouteGroup: share by clients that asked for nothing else
	Hosts    int      // RouteGroup: distinct foreign sites
	Among    bool     // NetworkGroup: its network has people too, who are not in it
	Networks []string // NetworkGroup: those of a pool, and single addresses; empty = one network, as it is called
	Only     string   // the one page that its members ever asked for; "" = several, or not known
	First    Evidence

	// Candidates for new sessions per bin: pages for crawlers and networks, answered requests for routes, visits for people.
	bins  []binCount
	every []binCount // all requests of a crawler that is not after assets: an application may open a session on a 404 too
	width int64

	only uint64 // the route of Only, while members join; several = more

	logged seconds // of the logs: their first bin and their last, while a watch goes on, are not whole
}

// seconds are two instants; zero = not known.
type seconds struct{ from, to float64 }

// Busy is in how many stretches of a length the group asked at all, at most: a cache that answers for so long lets one request
// of a URL through in each. A bin of several stretches counts for as many as it had requests, or for all of them.
func (g *Group) Busy(length time.Duration) float64 {
	if g.width <= 0 {
		return float64(g.Requests)
	}
	per := float64(g.width) / length.Seconds() // stretches a bin
	if per >= 1 {
		n := 0.0
		for _, b := range g.bins {
			n += min(b.n, per+1)
		}
		return n
	}
	seen := map[int64]bool{}
	for _, b := range g.bins {
		if b.n > 0 {
			seen[b.bin*g.width/int64(length.Seconds())] = true
		}
	}
	return float64(len(seen)) + 1 // the cache's stretches begin with its first answer, not with the clock's
}

// Member is one address of a group.
type Member struct {
	Addr     string
	Agent    string
	Requests int64
	Pages    int64
	First    Evidence
}

type binCount struct {
	bin int64
	n   float64
}

// visitGap ends a visit, as web analytics count them (and PHP's session.gc_maxlifetime of 1,440 s is of that order).
const visitGap = 30 * time.Minute

func (t *Timeline) webView() *Web {
	w := &Web{fold: t.web, clients: t.visitors, sites: t.siteNames()}
	f := t.web
	for file, win := range f.files {
		w.Files = append(w.Files, file)
		if w.From.IsZero() || win.from.Before(w.From) {
			w.From = win.from
		}
		if win.to.After(w.To) {
			w.To = win.to
		}
	}
	slices.Sort(w.Files)
	w.sumBins()
	if w.clients.empty() {
		return w
	}
	w.clients.sort()
	w.RefererLogged = f.referers.n > 0
	w.findSites()
	w.group()
	for _, g := range w.Groups {
		g.logged = seconds{float64(w.From.Unix()), float64(w.To.Unix() + 1)} // stamps are whole seconds
	}
	return w
}

// siteNames are the site's own host names: server_name of every nginx.conf in the input.
func (t *Timeline) siteNames() map[string]bool {
	sites := map[string]bool{}
	for _, s := range t.settings {
		if s.fact.System == "nginx" && s.fact.Name == "server_name" {
			for _, name := range s.fact.Args {
				sites[strings.TrimPrefix(strings.ToLower(name), "www.")] = true
			}
		}
	}
	return sites
}

// findSites adds the host that refers to most routes: a site links to itself from everywhere, a foreign site to a page or two.
func (w *Web) findSites() {
	routes := map[uint32]int{}
	for key := range w.fold.referers.all() {
		routes[uint32(key)]++
	}
	best, most := "", 0
	for _, host := range slices.Sorted(maps.Keys(routes)) {
		if name := w.fold.hosts.names[host]; routes[host] > most || routes[host] == most && name < best {
			best, most = name, routes[host]
		}
	}
	if best != "" && len(w.sites) == 0 {
		w.sites[strings.ToLower(best)] = true
	}
}

func (w *Web) own(host string) bool {
	host = strings.ToLower(host)
	if i := strings.LastIndexByte(host, ':'); i > 0 && !strings.Contains(host, "]") {
		host = host[:i]
	}
	return w.sites[host]
}

// netSum is what browser-like clients of one network did.
type netSum struct {
	prefix                             netip.Prefix
	actors                             []uint32
	requests, pages, assets, noReferer int64
	visits                             float64 // by client: an address and an agent
	stays                              float64 // by address: who changes its agent with every request stays one visitor
	among                              bool    // it is a part of its network, and the rest is not like it
	usual                              bool    // it is one of those who tell what is usual
}

func (w *Web) group() {
	crawlers := map[string]*Group{}
	programs, public := &w.clients.programs, &w.clients.people
	people := &Group{Kind: PeopleGroup, Name: "people", width: public.width}
	known := map[string]Agent{}
	for i := range programs.actor {
		a := &programs.actor[i]
		ag, ok := known[a.agent]
		if !ok {
			ag = Identify(a.agent)
			known[a.agent] = ag
			w.AgentLogged = true
		}
		addr, _ := ParseClient([]byte(a.addr))
		id := Verify(ag, addr)
		key := ag.Name + "\x00" + id.Claim.String()
		if id.Private {
			key += " private"
		}
		g := crawlers[key]
		if g == nil {
			kind := CrawlerGroup
			if ag.Class == Monitor {
				kind = ProbeGroup
			}
			g = &Group{Kind: kind, Name: ag.Name, Agent: ag, Identity: id, Reason: id.Reason, width: programs.width}
			crawlers[key] = g
		}
		g.join(a, programs.cells.of(uint32(i)), false, programs.width)
		g.asksFor(programs.running[i].route)
	}
	nets, loose := public.networks()
	for i := range public.actor {
		w.AgentLogged = w.AgentLogged || public.actor[i].agent != string(unlogged)
	}
	usual := usualPeople(nets, w.RefererLogged)
	var machines []*netSum
	w.BareVisits = bareVisits(nets, usual)
	for k := range nets {
		n := &nets[k]
		if usual.machine(n) {
			machines = append(machines, n)
			continue
		}
		for _, i := range n.actors {
			people.join(&public.actor[i], public.cells.of(i), true, public.width)
		}
	}
	for _, pool := range public.pools(machines) {
		g := &Group{Kind: NetworkGroup, Name: public.nameOf(pool[0]), Among: pool[0].among, width: public.width}
		if len(pool) > 1 {
			g.Name, g.Among = fmt.Sprintf("%d networks from %s on", len(pool), pool[0].prefix.Addr()), false
			for _, n := range pool {
				g.Networks = append(g.Networks, public.namesOf(n)...)
			}
		}
		for _, n := range pool {
			for _, i := range n.actors {
				g.join(&public.actor[i], public.cells.of(i), false, public.width)
				g.asksFor(public.running[i].route)
			}
		}
		crawlers["net\x00"+g.Name] = g
	}
	for _, i := range loose {
		people.join(&public.actor[i], public.cells.of(i), true, public.width)
	}
	if public.letGo > 0 {
		people.join(&public.gone, nil, true, public.width)
		people.Clients += int(public.letGo) - 1
	}
	for minute, n := range public.visits.all() {
		people.bins = append(people.bins, binCount{int64(minute) * minBin / public.width, float64(n)})
	}
	for _, key := range slices.Sorted(maps.Keys(crawlers)) {
		w.Groups = append(w.Groups, crawlers[key])
	}
	w.Groups = append(w.Groups, w.routeGroups()...)
	if people.Clients > 0 {
		w.Groups = append(w.Groups, people)
	}
	w.findOnly()
	for _, g := range w.Groups {
		g.finish()
	}
	slices.SortStableFunc(w.Groups, func(a, b *Group) int {
		return cmp.Or(-cmp.Compare(a.Requests, b.Requests), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Kind, b.Kind))
	})
}

// networks sums people by their networks, in the order of these; loose are those without an address that has one. Where some
// addresses of a network ask for pages alone, and others browse, it is two: a rented server among a provider's customers.
func (s *clientSet) networks() (nets []netSum, loose []uint32) {
	type place struct {
		addr  netip.Addr
		actor uint32
	}
	places := make([]place, 0, len(s.actor))
	for i := range s.actor {
		if addr, ok := ParseClient([]byte(s.actor[i].addr)); ok {
			places = append(places, place{plain(addr), uint32(i)})
		} else {
			loose = append(loose, uint32(i))
		}
	}
	slices.SortFunc(places, func(a, b place) int { return cmp.Or(a.addr.Compare(b.addr), cmp.Compare(a.actor, b.actor)) })
	actors := make([]uint32, len(places))
	for k, p := range places {
		actors[k] = p.actor
	}
	for from, to := 0, 0; from < len(places); from = to {
		prefix := Network(places[from].addr)
		for to < len(places) && prefix.Contains(places[to].addr) {
			to++
		}
		whole := s.sumNet(prefix, actors[from:to])
		if whole.pages < matters || places[from].addr == places[to-1].addr {
			nets = append(nets, whole)
			continue
		}
		var bare, rest []uint32
		for i, j := from, from; i < to; i = j {
			for j < to && places[j].addr == places[i].addr {
				j++
			}
			if one := s.sumNet(prefix, actors[i:j]); one.pages > 0 && one.bare() {
				bare = append(bare, one.actors...)
			} else {
				rest = append(rest, one.actors...)
			}
		}
		apart := s.sumNet(prefix, bare)
		if len(rest) == 0 || apart.pages < matters {
			nets = append(nets, whole)
			continue
		}
		apart.among = true
		nets = append(nets, apart, s.sumNet(prefix, rest))
	}
	return s.joinSites(nets), loose
}

// joinSites makes one of the IPv6 networks of a /48 that ask for pages alone, a few of each: one customer has a /48 whole and may
// take another of its 65,536 networks for every request. Not where people come from it too: phones of a carrier have a /64 each.
func (s *clientSet) joinSites(nets []netSum) []netSum {
	out := nets[:0]
	for from, to := 0, 0; from < len(nets); from = to {
		to = from + 1
		if nets[from].prefix.Addr().Is4() {
			out = append(out, nets[from])
			continue
		}
		site, _ := nets[from].prefix.Addr().Prefix(48)
		for to < len(nets) && site.Contains(nets[to].prefix.Addr()) {
			to++
		}
		var bare []uint32
		var others []netSum
		pages, all, n := int64(0), int64(0), 0
		for _, net := range nets[from:to] {
			all += net.pages
			if net.pages == 0 || !net.bare() {
				others = append(others, net)
				continue
			}
			pages, n, bare = pages+net.pages, n+1, append(bare, net.actors...)
		}
		if n < poolOf || pages < matters || pages*5 < all*4 {
			out = append(out, nets[from:to]...)
			continue
		}
		one := s.sumNet(site, bare)
		one.among, one.stays = len(others) > 0, s.together(bare)
		out = append(append(out, one), others...)
	}
	return out
}

func (s *clientSet) sumNet(prefix netip.Prefix, actors []uint32) netSum {
	n := netSum{prefix: prefix, actors: actors}
	for k, i := range actors {
		a := &s.actor[i]
		n.requests += a.requests
		n.pages += a.pages
		n.assets += a.assets
		n.noReferer += a.noReferer
		visits := float64(a.visits) + countVisits(s.cells.of(i), s.width)
		n.visits += visits
		if k == 0 || s.actor[actors[k-1]].addr != a.addr {
			n.stays += s.stays(actors[k:], visits)
		}
	}
	return n
}

// stays counts the visits of the first actor's address; visits are those of the actor alone.
func (s *clientSet) stays(actors []uint32, visits float64) float64 {
	same := 1
	for same < len(actors) && s.actor[actors[same]].addr == s.actor[actors[0]].addr {
		same++
	}
	if same == 1 {
		return visits
	}
	return s.together(actors[:same])
}

// together counts the visits of several as those of one.
func (s *clientSet) together(actors []uint32) float64 {
	var all []clientCell
	told := 0.0 // of the time that there are no cells of
	for _, i := range actors {
		all = append(all, s.cells.of(i)...)
		told += float64(s.actor[i].visits)
	}
	slices.SortFunc(all, byBin)
	return told + countVisits(all, s.width)
}

// poolOf: so many networks that show one agent, each with about the same load, are one program behind rented addresses. Of
// fewer each can be judged by itself (see account), and they may be different ones.
const poolOf = 5

// pools joins machines that are one: the same single agent, or several each, and a load within four times the median, since
// a pool deals its requests out. Each of the others stands alone.
func (s *clientSet) pools(machines []*netSum) (out [][]*netSum) {
	alike := map[string][]*netSum{}
	for _, n := range machines {
		agent := s.actor[n.actors[0]].agent
		for _, i := range n.actors {
			if s.actor[i].agent != agent {
				agent = ""
			}
		}
		alike[agent] = append(alike[agent], n)
	}
	for _, agent := range slices.Sorted(maps.Keys(alike)) {
		var pages []float64
		for _, n := range alike[agent] {
			pages = append(pages, float64(n.pages))
		}
		median, _ := Median(pages)
		var pool []*netSum
		for _, n := range alike[agent] {
			if len(pages) >= poolOf && float64(n.pages) <= 4*median && float64(n.pages)*4 >= median {
				pool = append(pool, n)
			} else {
				out = append(out, []*netSum{n})
			}
		}
		if len(pool) > 0 {
			out = append(out, pool)
		}
	}
	return out
}

// namesOf are the network, or the addresses meant where others of it are not.
func (s *clientSet) namesOf(n *netSum) []string {
	if !n.among {
		return []string{s.nameOf(n)}
	}
	var names []string
	for _, i := range n.actors {
		addr, _ := ParseClient([]byte(s.actor[i].addr))
		if name := addr.String(); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// nameOf is the network, or the address where it has shown but one.
func (s *clientSet) nameOf(n *netSum) string {
	first := s.actor[n.actors[0]].addr
	for _, i := range n.actors {
		if s.actor[i].addr != first {
			return n.prefix.String()
		}
	}
	addr, _ := ParseClient([]byte(first))
	return plain(addr).String()
}

// countVisits counts the first page after each silence of visitGap.
func countVisits(bins []clientCell, width int64) float64 {
	n := 0.0
	eachVisit(bins, width, func(int64) { n++ })
	return n
}

func eachVisit(bins []clientCell, width int64, f func(bin int64)) {
	last := int64(-1 << 62)
	for _, b := range bins {
		bin := int64(b.bin)
		if b.pages > 0 && bin-last > visitBins(width) {
			f(bin)
		}
		last = bin
	}
}

// visitBins is how many bins of so many seconds the next request of a visit is away at most.
func visitBins(width int64) int64 { return max(int64(visitGap/time.Second)/width, 1) }

func (g *Group) join(a *actorSum, bins []clientCell, visits bool, width int64) {
	g.Clients++
	g.Requests += a.requests
	g.Pages += a.pages
	if g.Kind != PeopleGroup { // people are never listed one by one
		g.Members = append(g.Members, Member{a.addr, a.agentLogged(), a.requests, a.pages, a.first.evidence("")})
	}
	if g.First.File == "" || a.first.t.Before(g.First.Time) || a.first.t.Equal(g.First.Time) && a.first.at.Compare(parsers.Pos{File: g.First.File, Line: g.First.Line}) < 0 {
		g.First = a.first.evidence("")
	}
	if visits {
		eachVisit(bins, width, func(bin int64) { g.bins = append(g.bins, binCount{bin, 1}) })
		return
	}
	for _, b := range bins {
		if b.pages > 0 {
			g.bins = append(g.bins, binCount{int64(b.bin), float64(b.pages)})
		}
		if a.assets*2 <= a.requests { // a scanner asks for a backup.zip or two that are no assets
			g.every = append(g.every, binCount{int64(b.bin), float64(b.requests)})
		}
	}
}

func (g *Group) asksFor(route uint64) {
	switch g.only {
	case 0:
		g.only = route
	case route:
	default:
		g.only = several
	}
}

// findOnly names the page of groups that ask for one alone. A route that stands for many pages is none.
func (w *Web) findOnly() {
	if routeGrains[w.fold.routeGrain].routes > 0 {
		return
	}
	names := map[uint64]string{}
	for _, name := range w.fold.routes.names {
		if !strings.Contains(name, "*") {
			names[routeHash([]byte(name))>>1] = name
		}
	}
	for _, g := range w.Groups {
		if g.only != 0 && g.only != several {
			g.Only = names[g.only>>1]
		}
	}
}

// finish sorts the members and joins the bins.
func (g *Group) finish() {
	slices.SortStableFunc(g.Members, func(a, b Member) int {
		return cmp.Or(-cmp.Compare(a.Requests, b.Requests), cmp.Compare(a.Addr, b.Addr), cmp.Compare(a.Agent, b.Agent))
	})
	g.bins, g.every = joinBins(g.bins), joinBins(g.every)
}

func joinBins(bins []binCount) []binCount {
	slices.SortFunc(bins, func(a, b binCount) int { return cmp.Compare(a.bin, b.bin) })
	joined := bins[:0]
	for _, b := range bins {
		if n := len(joined); n > 0 && joined[n-1].bin == b.bin {
			joined[n-1].n += b.n
		} else {
			joined = append(joined, b)
		}
	}
	return joined
}

// Count is the group's candidates for new sessions in [from, to): bins on the border count by the part inside, of as much of
// them as is logged.
func (g *Group) Count(from, to time.Time) float64 { return g.count(g.bins, from, to) }

// CountEvery is Count with every request a candidate, whatever its answer; where that is not kept, it is Count.
func (g *Group) CountEvery(from, to time.Time) float64 {
	if len(g.every) == 0 {
		return g.Count(from, to)
	}
	return g.count(g.every, from, to)
}

func (g *Group) count(bins []binCount, from, to time.Time) float64 {
	a, b := float64(from.UnixNano())/1e9, float64(to.UnixNano())/1e9
	width := float64(g.width)
	i, _ := slices.BinarySearchFunc(bins, int64(a/width), func(c binCount, bin int64) int { return cmp.Compare(c.bin, bin) })
	sum := 0.0
	for ; i < len(bins); i++ {
		start := float64(bins[i].bin) * width
		if start >= b {
			break
		}
		end := start + width
		if g.logged.to > 0 {
			start, end = max(start, g.logged.from), min(end, g.logged.to)
		}
		if inside := min(b, end) - max(a, start); inside > 0 {
			sum += bins[i].n * inside / (end - start)
		}
	}
	return sum
}

// Total is Count over the whole log.
func (g *Group) Total() float64 {
	sum := 0.0
	for _, b := range g.bins {
		sum += b.n
	}
	return sum
}

// Span is the group's first and last activity.
func (g *Group) Span() (from, to time.Time) {
	bins := g.bins
	if len(bins) == 0 { // it asked for no page: an API's client
		bins = g.every
	}
	if len(bins) == 0 {
		return
	}
	return time.Unix(bins[0].bin*g.width, 0).UTC(), time.Unix((bins[len(bins)-1].bin+1)*g.width, 0).UTC()
}

// matters: below thirty pages no network moves a keyspace.
const matters = 30

// bare: not one asset in twenty pages, and hardly a Referer. A browser sends one with every click and every asset.
func (n *netSum) bare() bool {
	return n.assets*20 < n.pages && float64(n.noReferer) > bareReferer*float64(n.requests)
}

// bareReferer: of people's first requests hardly any has a Referer, of the others most.
const bareReferer = 0.9

// usual is how this site's visitors behave, sorted; a network is a machine only against that.
type usual struct {
	assetShare []float64 // assets per request, and
	noReferer  []float64 // the share of requests without a Referer, of who asked three times or more
	perVisit   []float64 // pages per visit
	pages      []float64 // pages per network
}

// usualPeople measures those who are not bare: were the bare among them, two or three busy machines on a quiet site would be
// what is usual. Where people themselves show neither assets nor Referers, being bare says nothing, and everybody is measured.
func usualPeople(nets []netSum, refererLogged bool) usual {
	u := usualOf(nets, refererLogged, func(n *netSum) bool { return n.pages < matters || !n.bare() })
	if assets, _ := Quantile(u.assetShare, 0.5); assets > showsAssets {
		return u
	}
	if referers, ok := Quantile(u.noReferer, 0.5); ok && referers <= bareReferer {
		return u
	}
	return usualOf(nets, refererLogged, func(*netSum) bool { return true })
}

func usualOf(nets []netSum, refererLogged bool, counts func(*netSum) bool) (u usual) {
	for i := range nets {
		n := &nets[i]
		if n.usual = n.pages > 0 && n.visits > 0 && counts(n); !n.usual {
			continue
		}
		u.perVisit = append(u.perVisit, n.perVisit())
		u.pages = append(u.pages, float64(n.pages))
		if n.requests < 3 {
			continue // hardly asked for anything, it shows nothing of how a browser asks
		}
		u.assetShare = append(u.assetShare, n.assetShare())
		if refererLogged {
			u.noReferer = append(u.noReferer, n.bareShare())
		}
	}
	for _, list := range [][]float64{u.assetShare, u.noReferer, u.perVisit, u.pages} {
		slices.Sort(list)
	}
	return u
}

func (n *netSum) assetShare() float64 { return float64(n.assets) / float64(n.requests) }
func (n *netSum) bareShare() float64  { return float64(n.noReferer) / float64(n.requests) }
func (n *netSum) perVisit() float64   { return float64(n.pages) / n.visits }

// bareVisits is the share of the visits by networks that are no machines which fetched pages and nothing else; 0 where fewer than
// enoughPeople show that a visit's assets stand in this log.
func bareVisits(nets []netSum, u usual) float64 {
	bare, all := 0.0, 0.0
	var shown []float64
	for i := range nets {
		n := &nets[i]
		switch {
		case n.pages == 0 || u.machine(n):
			continue
		case n.bare():
			bare += n.visits
		default:
			shown = append(shown, n.assetShare())
		}
		all += n.visits
	}
	if share, _ := Median(shown); len(shown) < enoughPeople || share <= showsAssets {
		return 0
	}
	return bare / all
}

// others is a quantile of those that n is held against, which are not n itself. ok = there are any.
func (n *netSum) others(sorted []float64, own, q float64) (v float64, ok bool) {
	at, found := slices.BinarySearch(sorted, own)
	left := len(sorted)
	if found = found && n.usual; found {
		left--
	}
	if left == 0 {
		return 0, false
	}
	value := func(i int) float64 {
		if found && i >= at {
			i++
		}
		return sorted[i]
	}
	h := q * float64(left-1)
	i := int(h)
	return value(i) + (h-float64(i))*(value(min(i+1, left-1))-value(i)), true
}

// showsAssets: fewer than one asset in five requests, and the site serves them elsewhere or to warm caches.
const showsAssets = 0.2

// enoughPeople: the 95th percentile of fewer than twenty is their greatest, and says little of a twenty-first.
const enoughPeople = 20

// machine: far more pages a visit than people's, with none of the assets and Referers of a browser. The two latter count only
// where people's own requests show them in this log (a site may serve assets elsewhere, or tell browsers to send no Referer).
//
// Five times the usual pages a visit is beyond the spread of people (interquartile ranges of pages a visit on shops lie within
// a factor of three), but a crowd behind one address that is logged without agents makes one long visit too. So what shows
// Referers, or whose log has none, must also ask for three times the pages of 95 % of the others, and where pages a visit are all there is to
// see, the others must be enough to tell.
func (u usual) machine(n *netSum) bool {
	if n.pages < matters || n.visits == 0 {
		return false
	}
	perVisit, ok := n.others(u.perVisit, n.perVisit(), 0.5)
	if !ok {
		return false // nobody to be held against
	}
	long := 5 * max(perVisit, 1)
	signals, speaking, clicks := 0, 0, true
	if share, _ := n.others(u.assetShare, n.assetShare(), 0.5); share > showsAssets {
		speaking++
		signals += boolIndex(n.assetShare() < share/4)
	}
	if share, ok := n.others(u.noReferer, n.bareShare(), 0.5); ok && share <= bareReferer {
		speaking++
		clicks = n.bareShare() <= bareReferer
		signals += boolIndex(!clicks)
	}
	switch {
	case signals == 2: // without them thirty pages are no visit of a person's, whatever an office's median is
		return float64(n.pages)/max(n.stays, 1) > min(long, matters)
	case !clicks && n.perVisit() > min(long, matters): // who reads page after page has clicked on something
		return true
	case n.perVisit() <= long || speaking > 0 && signals == 0 || speaking == 0 && len(u.pages) <= enoughPeople:
		return false
	}
	most, _ := n.others(u.pages, float64(n.pages), 0.95)
	return float64(n.pages) >= 3*most
}

// routeGroups are routes that other people's pages ask for, or that clients ask for who want nothing else. A route needs
// 2 % of all requests to matter and 30 requests to be measured.
func (w *Web) routeGroups() []*Group {
	f := w.fold
	var all int64
	for i := range f.route {
		all += f.route[i].ok
	}
	solo := make([]int64, len(f.route))
	soloActors := make([]int, len(f.route))
	asked := w.soloRoutes()
	for i := range f.route {
		n := asked[routeHash([]byte(f.routes.names[i]))>>1]
		solo[i], soloActors[i] = n.requests, int(n.clients)
	}
	type refs struct {
		foreign, own int64
		hosts        int
	}
	byRoute := map[uint32]*refs{}
	for key, n := range f.referers.all() {
		r := byRoute[uint32(key>>32)]
		if r == nil {
			r = &refs{}
			byRoute[uint32(key>>32)] = r
		}
		if w.own(f.hosts.names[uint32(key)]) {
			r.own += n
		} else {
			r.foreign += n
			r.hosts++
		}
	}
	var groups []*Group
	for i := range f.route {
		r := &f.route[i]
		if r.ok < 30 || r.ok*50 < all || r.class == Health || r.class == Robots || r.class == Sitemap {
			continue
		}
		g := &Group{Kind: RouteGroup, Name: f.routes.names[i], Requests: r.requests, Pages: r.ok, Foreign: -1,
			Solo: float64(solo[i]) / float64(r.requests), Clients: soloActors[i], First: r.first.evidence(""), width: routeGrains[f.routeGrain].width}
		if w.RefererLogged {
			g.Foreign = 0
			if rf := byRoute[uint32(i)]; rf != nil {
				g.Foreign, g.Hosts = float64(rf.foreign)/float64(r.ok), rf.hosts
			}
		}
		// Embedded from elsewhere: most requests come with a foreign Referer, from several sites. Where no Referer is
		// logged: most come from clients (hundreds, not a probe) that ask for nothing else.
		if g.Foreign >= 0.5 && g.Hosts >= 3 || g.Foreign < 0 && g.Solo >= 0.6 && g.Clients >= 100 {
			groups = append(groups, g)
		}
	}
	index := map[uint32]*Group{}
	for _, g := range groups {
		index[f.routes.id([]byte(g.Name))] = g
	}
	for key, c := range f.routeCells.all() {
		if g := index[uint32(key>>32)]; g != nil {
			g.bins = append(g.bins, binCount{int64(uint32(key)), float64(c.requests)})
		}
	}
	return groups
}

// soloRoutes are what clients asked for who asked for one route alone, by its hash; nothing where routes are not told apart.
func (w *Web) soloRoutes() map[uint64]soloRoute {
	asked := map[uint64]soloRoute{}
	if routeGrains[w.fold.routeGrain].routes > 0 {
		return asked
	}
	add := func(route uint64, n soloRoute) {
		have := asked[route]
		asked[route] = soloRoute{have.requests + n.requests, have.clients + n.clients}
	}
	w.clients.each(func(s *clientSet, i int) {
		if r := s.running[i].route; r != 0 && r != several {
			add(r>>1, soloRoute{s.actor[i].requests, 1})
		}
	})
	for route, n := range w.clients.people.solo.all() {
		add(route, n)
	}
	return asked
}

// Totals are the requests of a stretch of time by outcome.
type Totals struct {
	Requests, Pages, S5xx, S500, S502, S503, S504, S429, S302, S499 int64
	LatencyMedian                                                   parsers.OptF // seconds
	LatencyP95                                                      parsers.OptF
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
		t.S429 += s.s429
		t.S302 += s.s302
		t.S499 += s.s499
		h.merge(&s.latency)
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
		if !s.first.t.Before(from) && !s.first.t.After(to) {
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
