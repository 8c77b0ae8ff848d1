package correlate

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"
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
	App                        AppCrowd
	BareVisits                 float64 // share of people's visits that fetched pages and nothing else, where others show assets; 0 where none do
	sites                      map[string]bool
	bins                       []statusBin
}

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

func (w *Web) group() {
	crawlers := map[string]*Group{}
	programs, public := &w.clients.programs, &w.clients.people
	people := &Group{Kind: PeopleGroup, Name: "people", width: public.width}
	known := map[string]Agent{}
	identify := func(agent string) Agent {
		ag, ok := known[agent]
		if !ok {
			ag = Identify(agent)
			known[agent] = ag
			w.AgentLogged = true
		}
		return ag
	}
	app := programs.appUsers(identify)
	for i := range programs.actor {
		a := &programs.actor[i]
		ag := identify(a.agent)
		if app[ag.Name] && (a.light() || a.several) {
			people.joinAt(a, programs.cells.of(uint32(i)), programs.width)
			w.App.add(ag.Name, a)
			continue
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
	var visits bareVisits
	usual := newUsual(len(public.actor))
	barePages := int64(0)
	small := func(n *netSum) {
		visits.add(n)
		usual.add(n, w.RefererLogged)
		if n.bare() {
			barePages += n.pages
		}
	}
	nets, rest := public.networks(small)
	told := bareVisits{visits.bare, visits.all, slices.Clone(visits.shown)}
	for i := range nets {
		told.add(&nets[i])
		if nets[i].bare() {
			barePages += nets[i].pages
		}
	}
	if told.share() == 0 { // where people show no more than pages, these are no different
		barePages = math.MaxInt64 / 2
	}
	nets, rest = splitBlocks(nets, rest, barePages, small)
	for i := range public.actor {
		w.AgentLogged = w.AgentLogged || public.actor[i].agent != string(unlogged)
	}
	usual = usualPeople(usual, nets, w.RefererLogged)
	var machines []*netSum
	for k := range nets {
		n := &nets[k]
		if usual.machine(n) {
			machines = append(machines, n)
			visits.addUntold(public, n)
			continue
		}
		visits.add(n)
		rest = append(rest, n.actors...)
	}
	visits.addMany(&public.gone)
	w.BareVisits = visits.share()
	for _, i := range rest {
		people.join(&public.actor[i], public.cells.of(i), true, public.width)
	}
	for _, pool := range public.pools(machines) {
		g := &Group{Kind: NetworkGroup, Name: public.nameOf(pool[0]), Among: pool[0].among, width: public.width}
		if len(pool) > 1 {
			g.Name, g.Among = fmt.Sprintf("%d networks from %s on", len(pool), public.prefixOf(pool[0]).Addr()), false
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
	w.findShared()
	w.findOnly()
	for _, g := range w.Groups {
		g.finish()
	}
	slices.SortStableFunc(w.Groups, func(a, b *Group) int {
		return cmp.Or(-cmp.Compare(a.Requests, b.Requests), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Kind, b.Kind))
	})
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

// findShared marks the addresses of crawlers from which people browse as well, by a tenth of the crawler's pages at least in
// assets, which browsers fetch: those are a proxy's. A crawler that pretends to be a browser now and then fetches none.
func (w *Web) findShared() {
	assets := map[string]int64{}
	for _, g := range w.Groups {
		if g.Kind == CrawlerGroup {
			for _, m := range g.Members {
				assets[m.Addr] = 0
			}
		}
	}
	for i := range w.clients.people.actor {
		a := &w.clients.people.actor[i]
		if n, ok := assets[a.addr]; ok {
			assets[a.addr] = n + a.assets
		}
	}
	for _, g := range w.Groups {
		if g.Kind != CrawlerGroup {
			continue
		}
		for i := range g.Members {
			m := &g.Members[i]
			addr, _ := ParseClient([]byte(m.Addr))
			m.Shared = assets[m.Addr]*10 >= max(m.Pages, 1) || proxied(addr)
		}
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
