package correlate

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
)

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
