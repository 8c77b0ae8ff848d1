package correlate

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
		// logged: most come from clients (hundreds, not a probe) that ask for nothing else. Or nine in ten come without a
		// Referer, as from pages that tell browsers to send none, for a script or the like, which nobody opens by itself.
		bare := byRoute[uint32(i)] == nil || (byRoute[uint32(i)].foreign+byRoute[uint32(i)].own)*10 <= r.ok
		if g.Foreign >= 0.5 && g.Hosts >= 3 || (g.Foreign < 0 || bare && r.class != Page) && g.Solo >= 0.6 && g.Clients >= 100 {
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

// soloRoutes are what browsers asked for who asked for one route alone, by its hash; nothing where routes are not told apart. What
// other people's pages embed, their visitors' browsers ask for; a program that wants one route, an app's or a script, is none.
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
		if r := s.running[i].route; r != 0 && r != several && !s.programs {
			add(r>>1, soloRoute{s.actor[i].requests, 1})
		}
	})
	for route, n := range w.clients.people.solo.all() {
		add(route, n)
	}
	return asked
}
