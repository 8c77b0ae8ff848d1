package correlate

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
)

// networks sums people by their networks. Those of too few pages to matter it gives to small, which must not keep them, and
// their clients, with those without an address, are the rest; the others come in the order of their addresses.
func (s *clientSet) networks(small func(*netSum)) (nets []netSum, rest []uint32) {
	places := make([]whereabouts, 0, len(s.actor))
	for i := range s.actor {
		if addr, ok := ParseClient([]byte(s.actor[i].addr)); ok {
			places = append(places, whereabouts{plain(addr), uint32(i)})
		} else {
			rest = append(rest, uint32(i))
		}
	}
	slices.SortFunc(places, func(a, b whereabouts) int { return cmp.Or(a.addr.Compare(b.addr), cmp.Compare(a.actor, b.actor)) })
	actors := make([]uint32, len(places))
	for k, p := range places {
		actors[k] = p.actor
	}
	var part []netSum
	for from, to := 0, 0; from < len(places); from = to {
		site := siteOf(places[from].addr)
		for to < len(places) && site.Contains(places[to].addr) {
			to++
		}
		part = s.sumNets(part[:0], places[from:to], actors[from:to])
		if site.Addr().Is4() {
			part = s.joinBlock(part)
		} else {
			part = s.joinSite(part)
		}
		for i := range part {
			if n := &part[i]; n.pages < matters {
				small(n)
				rest = append(rest, n.actors...)
			} else {
				nets = append(nets, *n)
			}
		}
	}
	return nets, rest
}

// whereabouts are where an actor is.
type whereabouts struct {
	addr  netip.Addr
	actor uint32
}

// siteOf is the /48 of an IPv6 address, and the /16 of another: what one customer, or one provider's rented machines, may have.
func siteOf(addr netip.Addr) netip.Prefix {
	bits := siteBits
	if addr.Is4() {
		bits = blockBits
	}
	site, _ := addr.Prefix(bits)
	return site
}

// sumNets appends the networks of some places. Where some addresses of one ask for pages alone, and others browse, it is two: a
// rented server among a provider's customers.
func (s *clientSet) sumNets(nets []netSum, places []whereabouts, actors []uint32) []netSum {
	for from, to := 0, 0; from < len(places); from = to {
		prefix := Network(places[from].addr)
		for to < len(places) && prefix.Contains(places[to].addr) {
			to++
		}
		whole := s.sumNet(actors[from:to])
		if whole.pages < matters || places[from].addr == places[to-1].addr {
			nets = append(nets, whole)
			continue
		}
		var bare, rest []uint32
		for i, j := from, from; i < to; i = j {
			for j < to && places[j].addr == places[i].addr {
				j++
			}
			if one := s.sumNet(actors[i:j]); one.pages > 0 && one.bare() {
				bare = append(bare, one.actors...)
			} else {
				rest = append(rest, one.actors...)
			}
		}
		apart := s.sumNet(bare)
		if len(rest) == 0 || apart.pages < matters {
			nets = append(nets, whole)
			continue
		}
		apart.among = true
		nets = append(nets, apart, s.sumNet(rest))
	}
	return nets
}

// joinSite makes one of the networks of a /48 that ask for pages alone, a few of each: one customer has a /48 whole and may
// take another of its 65,536 networks for every request. Not where people come from it too: phones of a carrier have a /64 each.
func (s *clientSet) joinSite(nets []netSum) []netSum {
	var bare []uint32
	var others []netSum
	pages, all, n := int64(0), int64(0), 0
	for _, net := range nets {
		all += net.pages
		if net.pages == 0 || !net.bare() {
			others = append(others, net)
			continue
		}
		pages, n, bare = pages+net.pages, n+1, append(bare, net.actors...)
	}
	if n < poolOf || pages < matters || pages*5 < all*4 {
		return nets
	}
	one := s.sumNet(bare)
	one.site, one.among, one.stays = true, len(others) > 0, s.around(bare)
	return append([]netSum{one}, others...)
}

// joinBlock makes one of the networks of a /16 that ask for pages alone: a crawler on a provider's rented machines takes one of
// its 65,536 addresses for a request or two. Of an access provider's customers some always fetch what belongs to a page, so one
// page in twenty by others is too many; and a handful of networks are judged one by one. Whether it is more than the customers
// of one carrier whom an app sends to a page each is told by splitBlocks.
func (s *clientSet) joinBlock(nets []netSum) []netSum {
	var bare []uint32
	var parts, others []netSum
	pages, all := int64(0), int64(0)
	for _, net := range nets {
		all += net.pages
		if net.pages == 0 || !net.bare() {
			others = append(others, net)
			continue
		}
		pages, parts, bare = pages+net.pages, append(parts, net), append(bare, net.actors...)
	}
	if len(parts) < blockOf || pages < 10*matters || pages*20 < all*19 {
		return nets
	}
	one := s.sumNet(bare)
	one.parts, one.stays = parts, s.around(bare)
	return append([]netSum{one}, others...)
}

// blockOf: so many /24 of a /16 that fetch pages and nothing else are an eighth of it.
const blockOf = 32

// splitBlocks takes apart the /16 that have less than half of all that is asked for bare: an app's users come from every
// carrier, a crawler from where it rents. What of it is too small to matter goes where
// networks gives it.
func splitBlocks(nets []netSum, rest []uint32, barePages int64, small func(*netSum)) ([]netSum, []uint32) {
	var out []netSum
	for _, n := range nets {
		if len(n.parts) == 0 || n.pages*2 > barePages {
			out = append(out, n)
			continue
		}
		for i := range n.parts {
			if part := &n.parts[i]; part.pages < matters {
				small(part)
				rest = append(rest, part.actors...)
			} else {
				out = append(out, *part)
			}
		}
	}
	return out, rest
}

const blockBits = 16 // of IPv4 the block that a hosting provider is known by, as a rule

const siteBits = 48 // of IPv6 what one customer is given at most, as a rule (RFC 6177)

// addrOf is the first address of a network that was seen.
func (s *clientSet) addrOf(n *netSum) netip.Addr {
	addr, _ := ParseClient([]byte(s.actor[n.actors[0]].addr))
	return plain(addr)
}

func (s *clientSet) prefixOf(n *netSum) netip.Prefix {
	if addr := s.addrOf(n); n.site || len(n.parts) > 0 {
		return siteOf(addr)
	} else {
		return Network(addr)
	}
}

func (s *clientSet) sumNet(actors []uint32) netSum {
	n := netSum{actors: actors}
	for k, i := range actors {
		a := &s.actor[i]
		n.requests += a.requests
		n.pages += a.pages
		n.assets += a.assets
		n.noReferer += a.noReferer
		if route := s.running[i].route; n.only == 0 {
			n.only = route
		} else if route != 0 && route != n.only {
			n.only = several
		}
		visits := float64(a.visits) + countVisits(s.cells.of(i), s.width)
		n.visits += visits
		if k == 0 || s.actor[actors[k-1]].addr != a.addr {
			n.stays += s.stays(actors[k:], visits)
		}
	}
	if n.bare() && s.oneProgram(n.pages, actors) {
		n.stays = s.together(actors)
	}
	return n
}

// oneProgram: thirty addresses of one network or more, every one of them shows the same agent, and they came ten times each.
// Among so many people who come back are several browsers and several versions of each, so what asks there is one, and its
// addresses are dealt out to its requests. Of phones that an app sends to one page each, thirty may well be alike.
func (s *clientSet) oneProgram(pages int64, actors []uint32) bool {
	addrs, last := 0, ""
	for _, i := range actors {
		a := &s.actor[i]
		if a.agent != s.actor[actors[0]].agent {
			return false
		}
		if a.addr != last {
			addrs, last = addrs+1, a.addr
		}
	}
	return addrs >= matters && pages >= 10*int64(addrs)
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

// around counts the visits of many as those of one, by those whose minutes are known: the others' lie between them.
func (s *clientSet) around(actors []uint32) float64 {
	var all []clientCell
	for _, i := range actors {
		all = append(all, s.cells.of(i)...)
	}
	slices.SortFunc(all, byBin)
	return countVisits(all, s.width)
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
			return s.prefixOf(n).String()
		}
	}
	addr, _ := ParseClient([]byte(first))
	return plain(addr).String()
}
