package correlate

import (
	"cmp"
	"slices"
	"time"

	"culprit/parsers"
)

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
	InVain   int64    // requests answered with 5xx, 403, 429 or 444; not of a RouteGroup
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

	visits table[int] // by bin, while members join
	only   uint64     // the route of Only, while members join; several = more

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
	Shared   bool // others come from the address too: an edge of a content delivery network, a proxy
}

type binCount struct {
	bin int64
	n   float64
}

func (g *Group) join(a *actorSum, bins []clientCell, visits bool, width int64) {
	g.Clients++
	g.Requests += a.requests
	g.Pages += a.pages
	g.InVain += a.errors5xx + a.limited
	if g.Kind != PeopleGroup { // people are never listed one by one
		g.Members = append(g.Members, Member{Addr: a.addr, Agent: a.agentLogged(), Requests: a.requests, Pages: a.pages, First: a.firstLine()})
	}
	if a.first != nil && (g.First.File == "" || a.first.t.Before(g.First.Time) || a.first.t.Equal(g.First.Time) && a.first.at.Compare(parsers.Pos{File: g.First.File, Line: g.First.Line}) < 0) {
		g.First = a.first.evidence("")
	}
	if visits {
		eachVisit(bins, width, func(bin int64) {
			n, _ := g.visits.at(uint64(bin))
			*n++
		})
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

// joinAt joins the visits of a client whose bins are of another width.
func (g *Group) joinAt(a *actorSum, bins []clientCell, width int64) {
	own := len(g.bins)
	g.join(a, bins, true, width)
	for i := own; i < len(g.bins); i++ {
		g.bins[i].bin = g.bins[i].bin * width / g.width
	}
}

// finish sorts the members and joins the bins.
func (g *Group) finish() {
	slices.SortStableFunc(g.Members, func(a, b Member) int {
		return cmp.Or(-cmp.Compare(a.Requests, b.Requests), cmp.Compare(a.Addr, b.Addr), cmp.Compare(a.Agent, b.Agent))
	})
	for bin, n := range g.visits.all() {
		g.bins = append(g.bins, binCount{int64(bin), float64(n)})
	}
	g.visits = table[int]{}
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
