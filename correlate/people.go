package correlate

import "slices"

// netSum is what browser-like clients of one network did.
type netSum struct {
	actors                             []uint32
	requests, pages, assets, noReferer int64
	visits                             float64  // by client: an address and an agent
	stays                              float64  // by address: who changes its agent with every request stays one visitor
	site                               bool     // it is a /48
	parts                              []netSum // it is a /16, of these
	only                               uint64   // the one route it asked for; 0 = none, several = more
	among                              bool     // it is a part of its network, and the rest is not like it
	usual                              bool     // it is one of those who tell what is usual
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

// newUsual makes room for so many networks: of a large log these lists, when they grew, were the peak of its memory.
func newUsual(n int) usual {
	list := func() []float64 { return make([]float64, 0, n) }
	return usual{list(), list(), list(), list()}
}

// usualPeople measures those who are not bare, and all who ask for too little to matter: were the bare among them, two or three
// busy machines on a quiet site would be what is usual. Where people themselves show neither assets nor Referers, being bare
// says nothing, and everybody is measured.
func usualPeople(u usual, nets []netSum, refererLogged bool) usual {
	u.measure(nets, refererLogged, func(n *netSum) bool { return !n.bare() })
	if assets, _ := Quantile(u.assetShare, 0.5); assets > showsAssets {
		return u
	}
	if referers, ok := Quantile(u.noReferer, 0.5); ok && referers <= bareReferer {
		return u
	}
	u.measure(nets, refererLogged, func(n *netSum) bool { return !n.usual })
	return u
}

// measure adds those of nets that count.
func (u *usual) measure(nets []netSum, refererLogged bool, counts func(*netSum) bool) {
	for i := range nets {
		if n := &nets[i]; counts(n) {
			n.usual = u.add(n, refererLogged)
		}
	}
	for _, list := range [][]float64{u.assetShare, u.noReferer, u.perVisit, u.pages} {
		slices.Sort(list)
	}
}

// add says whether the network tells anything.
func (u *usual) add(n *netSum, refererLogged bool) bool {
	if n.pages == 0 || n.visits == 0 {
		return false
	}
	u.perVisit = append(u.perVisit, n.perVisit())
	u.pages = append(u.pages, float64(n.pages))
	if n.requests < 3 {
		return true // hardly asked for anything, it shows nothing of how a browser asks
	}
	u.assetShare = append(u.assetShare, n.assetShare())
	if refererLogged {
		u.noReferer = append(u.noReferer, n.bareShare())
	}
	return true
}

func (n *netSum) assetShare() float64 { return float64(n.assets) / float64(n.requests) }

func (n *netSum) bareShare() float64 { return float64(n.noReferer) / float64(n.requests) }

func (n *netSum) perVisit() float64 { return float64(n.pages) / n.visits }

// bareVisits counts the visits that fetched pages and nothing else: clicking on nothing, or asking for one route again and
// again, as who tries passwords does.
type bareVisits struct {
	bare, all float64
	shown     []float64 // asset shares of the others
}

func (v *bareVisits) add(n *netSum) {
	switch {
	case n.pages == 0:
		return
	case n.bare() || n.assets == 0 && n.requests >= 3 && n.only != 0 && n.only != several:
		v.bare += n.visits
	default:
		v.shown = append(v.shown, n.assetShare())
	}
	v.all += n.visits
}

// addUntold counts the visits of a machine's addresses that have no minutes of their own: they stand among people's.
func (v *bareVisits) addUntold(s *clientSet, n *netSum) {
	for _, i := range n.actors {
		v.bare += float64(s.actor[i].visits)
		v.all += float64(s.actor[i].visits)
	}
}

// addMany counts those who were let go, of whom there is a sum: its assets tell how many of its pages had some, by what the
// others' pages have.
func (v *bareVisits) addMany(a *actorSum) {
	share, ok := Median(v.shown)
	if !ok || share <= showsAssets || a.pages == 0 {
		return
	}
	shown := float64(a.assets) * (1 - share) / share
	bare := min(max(1-shown/float64(a.pages), 0), float64(a.noReferer)/float64(a.requests))
	v.bare += bare * float64(a.visits)
	v.all += float64(a.visits)
}

// share is 0 where fewer than enoughPeople show that a visit's assets stand in this log.
func (v *bareVisits) share() float64 {
	if share, _ := Median(v.shown); len(v.shown) < enoughPeople || share <= showsAssets {
		return 0
	}
	return v.bare / v.all
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
