package rules

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"culprit/correlate"
	"culprit/parsers"
)

// source is who makes the keys of a leak.
type source struct {
	crawlers, routes, people []correlate.Share // each with a part worth naming
	crawl, route, visit      float64           // their sums
	keys, visits             float64           // the new keys in the judged intervals, and people's visits in them
	judged                   bool              // the access log covers enough of the growth
	byRate                   bool              // judged by rates and totals alone
	why, ask                 string            // why not judged, and what would help
}

// worthNaming: a group that made a seventh of the keys or more is named; below it a group is the tail of the others.
const worthNaming = 0.15

// besides: a crawler that made less than a quarter of the keys that the heaviest did would by itself have taken four times as
// long to do harm, as it did all the months before: it stays in the sum, and is not named.
const besides = 4

// named drops those besides the heaviest, and those not worth it. Of a crowd that comes together none may be: then who made half of
// what the heaviest did is one of them.
func named(shares []correlate.Share) []correlate.Share {
	most := 0.0
	for _, sh := range shares {
		most = max(most, sh.Share)
	}
	return slices.DeleteFunc(shares, func(sh correlate.Share) bool {
		return sh.Share <= 0 || sh.Share*2 < most && (sh.Share < worthNaming || sh.Share*besides < most)
	})
}

// crawlsAlone: requests a client must make before it is a crawl at all.
const crawlsAlone = 100

// sources sorts the attribution of new keys by who can be answerable.
func (c *Case) sources(l leak) source {
	var s source
	if c.Web == nil || len(c.Web.Files) == 0 {
		s.why = "no access log in the input"
		return s
	}
	if l.After {
		return c.sourcesByRate()
	}
	w := c.Who
	if w == nil || w.Intervals == 0 {
		s.why = "the access log covers no interval between two Redis snapshots"
		return s
	}
	// The logged part must hold a hundredth of the growth and fifty keys to speak for the rest.
	if w.NewKeys < 50 || w.Covered >= 0 && w.Covered < 0.01 {
		s.why = "hardly any of the growth falls into the time that the access log covers"
		return s
	}
	if w.Ambiguous {
		s.why, s.ask = "two explanations balance alike: another group of requests accounts for the new keys as well", "key-sample"
		return s
	}
	if w.Loose && w.Explained >= leakExplains {
		s.why, s.ask = "no group of requests adds up to the new keys, or comes and goes with them", "key-sample"
		return s
	}
	s.judged, s.byRate, s.keys = true, !w.Fitted, w.NewKeys
	for _, sh := range w.Shares {
		s.add(sh)
	}
	s.crawlers = named(s.crawlers)
	return s
}

func (s *source) add(sh correlate.Share) {
	switch sh.Group.Kind {
	case correlate.CrawlerGroup, correlate.NetworkGroup, correlate.ProbeGroup:
		s.crawl += sh.Share
		if sh.Candidates >= crawlsAlone/2 {
			s.crawlers = append(s.crawlers, sh)
		}
	case correlate.RouteGroup:
		s.route += sh.Share
		if sh.Share >= worthNaming {
			s.routes = append(s.routes, sh)
		}
	case correlate.PeopleGroup:
		s.visit += sh.Share
		s.visits += sh.Candidates
		s.people = append(s.people, sh)
	}
}

// sourcesByRate: no snapshots before the end, so the log's own proportions speak: of all requests that could have made a
// session, who made which part.
//
// Where the log goes on after the restart, the keys of that run say who makes them, and go before proportions.
func (c *Case) sourcesByRate() source {
	s := source{judged: true, byRate: true}
	w := c.WhoAfter
	if w != nil && w.Intervals > 0 && w.NewKeys < 50 {
		asked := 0.0
		for _, g := range c.Web.Groups {
			if g.Kind != correlate.PeopleGroup {
				asked += g.Count(c.Growth.First.At, c.Growth.Last.At)
			}
		}
		if asked > 3*max(w.NewKeys, 50) {
			return source{why: fmt.Sprintf("%s requests since the restart left %s keys without TTL: they do not make them", count(asked), count(max(w.NewKeys, 0))), ask: "key-sample"}
		}
	}
	if w != nil && w.Intervals > 0 && w.NewKeys >= 50 {
		if w.Ambiguous || w.Loose && w.Explained >= leakExplains {
			return source{why: "the keys made since the restart fit no group of requests, or two alike", ask: "key-sample"}
		}
		s.keys, s.byRate = w.NewKeys, false
		for _, sh := range w.Shares {
			s.add(sh)
		}
		s.crawlers = named(s.crawlers)
		// told are all the requests that the log shows, not only those since the restart
		for _, list := range [][]correlate.Share{s.crawlers, s.routes, s.people} {
			for i := range list {
				list[i].Candidates = list[i].Group.Total()
			}
		}
		return s
	}
	total := 0.0
	for _, g := range c.Web.Groups {
		total += g.Total()
	}
	s.keys = total
	if total < 50 {
		return source{why: "the access log holds hardly any page"}
	}
	for _, g := range c.Web.Groups {
		// A crawl walks the pages that people walk, and opens a session where they do. Who asks for one page alone, as a monitor
		// or a screen on a wall does, may never have opened any: only counted keys can tell.
		if g.Only != "" && g.Kind != correlate.RouteGroup && g.Total() >= worthNaming*total {
			return source{why: fmt.Sprintf("%s asks for %s alone, %s times, and no two snapshots show whether that opens a session", groupName(g), g.Only, count(g.Total())), ask: "redis-info"}
		}
	}
	for _, g := range c.Web.Groups {
		n := g.Total()
		s.add(correlate.Share{Group: g, Candidates: n, PerRequest: 1, Keys: n, Share: n / total, Correlation: math.NaN()})
	}
	s.crawlers = named(s.crawlers)
	return s
}

// aHandful: beyond so many crawlers at once their names say who they are, and a list of their addresses nothing.
const aHandful = 4

// leakCause judges one of the three leaks; which says whether the sources are of its kind.
func (c *Case) leakCause(id string, which func(source) (shares []correlate.Share, part float64, what string)) Hypothesis {
	h := Hypothesis{Cause: id, Explained: -1}
	l := c.Leak
	if l.State == NotChecked || l.State == Excluded {
		h.State, h.Reason, h.Evidence = l.State, l.Reason, l.Ev
		if l.State == NotChecked {
			h.Missing = []string{"redis-info"}
		}
		return h
	}
	// Somebody must have been hurt: a kill of or around Redis, or a limit reached. Memory that grows is a risk, no outage.
	if _, full := c.exhausted(); c.Kill == nil && !full {
		h.State = Excluded
		h.Reason = "nothing was killed, and memory is not exhausted"
		h.Evidence = l.Ev
		return h
	}
	if c.inGroup() && !c.redisInGroup() {
		h.State = Excluded
		h.Reason = fmt.Sprintf("the limit of another group was hit, that of %s", name(c.Kill.Fact.VictimComm))
		h.Evidence = []correlate.Evidence{c.Kill.Ev}
		return h
	}
	if m, ok := c.maxmemory(); ok && m.Bytes > 0 && c.inGroup() && c.Room.OK && m.Bytes >= c.Room.Bytes*9/10 {
		h.State = Excluded
		h.Reason = fmt.Sprintf("Redis has a bound, maxmemory %s; the group's limit of %s came before it", bytesIn(m.Bytes), bytesIn(c.Room.Bytes))
		h.Evidence = []correlate.Evidence{m.Ev}
		return h
	}
	share := c.redisShare()
	if share >= 0 && share < leakOfRAM && !c.filledRoom() {
		h.State = Excluded
		h.Reason = fmt.Sprintf("Redis held %s of %s when memory ran out", percent(share), c.roomWord())
		h.Evidence = l.Ev
		return h
	}
	// What was killed must be what the keys hold: less than a third, and something else filled the process.
	if rss := c.killedRedis(); rss > 0 && !l.After && float64(l.Held) < leakOfRAM*float64(rss) {
		h.State = Excluded
		h.Reason = fmt.Sprintf("the keys hold %s of the %s that were resident", bytesIn(l.Held), bytesIn(rss))
		h.Evidence = l.Ev
		return h
	}
	src := c.sources(l)
	if !src.judged {
		h.State, h.Reason, h.Evidence = Possible, src.why, l.Ev
		h.Missing = []string{cmp.Or(src.ask, "access-log-in-window")}
		if c.Web == nil || len(c.Web.Files) == 0 {
			h.Missing = []string{"access-log"}
		}
		h.Confidence = 0.3
		h.Summary = fmt.Sprintf("keys without TTL filled Redis; %s, so who made them is open", src.why)
		return h
	}
	shares, part, what := which(src)
	if part < leakExplains {
		h.State = Excluded
		h.Reason = fmt.Sprintf("%s account for %s of the new keys", what, percent(min(part, 1)))
		h.Evidence = evidenceOf(src)
		return h
	}
	h.State = Established
	h.Explained = min(part, 1)
	for _, sh := range shares {
		who := culpritsOf(sh)
		if len(shares) > aHandful && len(who) > 1 && who[0].Kind == "user-agent" {
			who = who[:1]
		}
		h.Culprits = append(h.Culprits, who...)
	}
	c.tellLeak(&h, l, src, shares)
	return h
}

// redisInGroup: Redis ran in the group whose limit was hit.
func (c *Case) redisInGroup() bool {
	if IsRedis(c.Kill.Fact.VictimComm) {
		return true
	}
	for _, t := range c.Kill.Fact.Tasks {
		if IsRedis(t.Comm) {
			return true
		}
	}
	return false
}

// killedRedis is the memory of the Redis that was killed, resident and swapped out; 0 = another process, or unknown.
func (c *Case) killedRedis() int64 {
	if c.Kill == nil || !IsRedis(c.Kill.Fact.VictimComm) {
		return 0
	}
	return killedRSS(c.Kill) + killedSwap(c.Kill)
}

// killedSwap is what the victim had swapped out, by its row in the task table.
func killedSwap(k *correlate.Placed[parsers.OOMKill]) int64 {
	for _, t := range k.Fact.Tasks {
		if k.Fact.VictimPID.OK && t.PID == k.Fact.VictimPID.N {
			return t.SwapKB.Or(0) << 10
		}
	}
	return 0
}

// fullEvent is the end of a leak that no kernel has ended yet.
func (c *Case) fullEvent() correlate.Event {
	ev, _ := c.exhausted()
	g := c.Growth
	return correlate.Event{Kind: "memory-exhausted", Subject: "host", From: g.Last.At, To: g.Last.At, Evidence: []correlate.Evidence{ev, c.RAM.Ev},
		Text: fmt.Sprintf("Redis holds %s of the host's %s, and nothing stops it", bytesIn(g.Last.RSS.Or(g.Last.Used.Or(0))), bytesIn(c.RAM.Bytes))}
}

func evidenceOf(s source) []correlate.Evidence {
	var out []correlate.Evidence
	for _, list := range [][]correlate.Share{s.crawlers, s.routes, s.people} {
		for _, sh := range list {
			ev := sh.Group.First
			ev.Note = fmt.Sprintf("%s: %s of the new keys", groupName(sh.Group), percent(min(sh.Share, 1)))
			out = append(out, ev)
		}
	}
	if len(out) > 3 {
		out = out[:3]
	}
	return out
}

// tellLeak writes the chain, the tests and the summary of an established leak.
func (c *Case) tellLeak(h *Hypothesis, l leak, src source, shares []correlate.Share) {
	keys, mem, kill := c.keysEvent(), c.memoryEvent(), c.killEvent()
	who := c.trafficEvent(h.Cause, shares)
	tests := l.Keys
	tests.Sufficient = correlate.Judge(true, h.Explained >= leakExplains)
	tests.Ordered = correlate.Pass
	if l.After {
		tests.Sufficient = c.sufficientByRate(l, shares)
	}
	if l.Memory.Structural == correlate.Fail {
		tests.Structural = correlate.Fail // a limit was set: the leak had a bound of its own
	}
	switch {
	case l.After && tests.Sufficient != correlate.Pass:
		h.Confidence = 0.75 // proportions of the log, of keys that nobody counted
	case l.After:
		h.Confidence = 0.9 // who makes them now, or by the log's proportions, fills what was resident in the time there was
	case c.Who != nil && c.Who.Steady:
		h.Confidence = 0.75 // the pace was logged, the growth itself was not
	case h.Explained < 2.0/3 && h.Cause != "app-session-leak-organic":
		h.Confidence = 0.8 // somebody else made a third of the keys or more
	case c.Who != nil && c.Who.Free && h.Cause != "app-session-leak-organic":
		h.Confidence = 0.85 // in step, but not one key a request: something between them is not in the input
	}
	h.Tests = tests
	first := link(who, keys, tests, h.Explained)
	for _, m := range c.misfitsOfRate() {
		first.Against = append(first.Against, m.Evidence...)
	}
	h.Chain = append(h.Chain, first)
	h.Chain = append(h.Chain, link(keys, mem, correlate.Tests{Structural: l.Memory.Structural, Deviating: l.Memory.Deviating, Ordered: correlate.Pass, Sufficient: l.Memory.Sufficient}, min(l.Explained, 1)))
	ram := correlate.Tests{Structural: l.Memory.Structural, Deviating: correlate.Pass}
	share := c.redisShare()
	ram.Sufficient = correlate.Judge(share >= 0, share >= leakOfRAM || c.filledRoom())
	if l.After {
		// The snapshots are from after the kill: the growth before it is inferred, not seen.
		h.Chain = []correlate.Link{first, link(keys, kill, ram, share)}
		h.Chain[0].Tests.Ordered, h.Chain[1].Tests.Ordered = correlate.Unknown, correlate.Unknown
		h.Chain[1].LagKnown, h.Chain[0].LagKnown = false, false
	} else if c.Kill != nil {
		h.Chain = append(h.Chain, link(mem, kill, ram, share))
	} else {
		h.Chain = append(h.Chain, link(mem, c.fullEvent(), ram, share))
	}
	h.Chain = append(h.Chain, c.killToWeb()...)
	h.Evidence = l.Ev
	if h.Tests.Sufficient == correlate.Fail {
		h.State, h.Confidence = Possible, 0.5
		h.Reason = "who made the keys does not add up to what was resident"
	}
	if c.Who != nil && c.Who.Free && !l.After && h.Cause != "app-session-leak-organic" && h.State == Established {
		// a part of a key a request, on average, is as well another writer's whom somebody started when the requests set in
		if d, ok := c.deployedAtOnset(); ok {
			h.State, h.Confidence = Possible, 0.5
			h.Reason = fmt.Sprintf("the keys set in when a deployment ran (%s), and are no round number for a request", lineOf(d))
		} else if j, ok := c.jobAtOnset(); ok {
			h.State, h.Confidence = Possible, 0.5
			h.Reason = fmt.Sprintf("the keys set in when cron started %q (%s), and are no round number for a request", jobName(j.Fact.Command), lineOf(j.Ev))
		}
	}
	h.Onset = c.onset(shares)
	h.Fixes = c.leakFixes(h.Cause, shares)
	h.Summary = c.leakSummary(h, l, shares)
}

// onset is when the leak set in: the steep rise of keys, else the crawl's first request when the log saw it begin, else
// the first snapshot.
func (c *Case) onset(shares []correlate.Share) correlate.Event {
	g := c.Growth
	if c.After {
		// the growth itself is not in the input: it began no later than the first request in the log
		return correlate.Event{Kind: "onset", From: c.Web.From}
	}
	if g.Onset != nil {
		return correlate.Event{Kind: "onset", From: g.Onset.At, Evidence: []correlate.Evidence{g.Onset.KeyspaceEvidence("")}}
	}
	if g.First.Placed {
		return correlate.Event{Kind: "onset", From: g.First.At, Evidence: []correlate.Evidence{g.First.KeyspaceEvidence("")}}
	}
	return correlate.Event{}
}

func (c *Case) trafficEvent(cause string, shares []correlate.Share) correlate.Event {
	e := correlate.Event{Kind: "crawler-traffic"}
	switch cause {
	case "embed-route-session-leak":
		e.Kind = "embed-traffic"
	case "app-session-leak-organic":
		e.Kind = "visits"
	}
	var parts []string
	for _, sh := range shares {
		from, to := sh.Group.Span()
		if e.From.IsZero() || from.Before(e.From) {
			e.From = from
		}
		if to.After(e.To) {
			e.To = to
		}
		parts = append(parts, fmt.Sprintf("%s made %s %s", groupName(sh.Group), count(sh.Candidates), c.candidateWord(sh.Group)))
		ev := sh.Group.First
		e.Evidence = append(e.Evidence, ev)
		if e.Subject == "" {
			e.Subject = sh.Group.Name
		}
	}
	e.Text = strings.Join(parts, ", ")
	// A log that begins in the middle of it shows no beginning: order is then told by the keys alone.
	if !e.From.IsZero() && c.Growth.First.Placed && e.From.After(c.Growth.First.At) {
		e.From = c.Growth.First.At
	}
	return e
}

func (c *Case) candidateWord(g *correlate.Group) string {
	switch {
	case g.Kind == correlate.PeopleGroup:
		return "visits"
	case g.Kind == correlate.RouteGroup, c.Who != nil && c.Who.AnyAnswer:
		return "requests"
	}
	return "page requests"
}

func groupName(g *correlate.Group) string {
	switch g.Kind {
	case correlate.CrawlerGroup, correlate.ProbeGroup:
		if len(g.Members) == 1 {
			return fmt.Sprintf("%s from %s", g.Name, g.Members[0].Addr)
		}
		if slices.ContainsFunc(g.Members, forMany) {
			return fmt.Sprintf("%s from more than %s addresses", g.Name, count(int64(distinctAddrs(g))))
		}
		return fmt.Sprintf("%s from %s addresses", g.Name, count(int64(distinctAddrs(g))))
	case correlate.NetworkGroup:
		switch n := distinctAddrs(g); {
		case n == 1:
			return g.Name
		case len(g.Networks) > 0:
			return fmt.Sprintf("%d networks that browse alike", len(g.Networks))
		case g.Among:
			return fmt.Sprintf("%d addresses of %s", n, g.Name)
		}
		return "the network " + g.Name
	case correlate.RouteGroup:
		return "the route " + g.Name
	}
	return "visitors"
}

func distinctAddrs(g *correlate.Group) int {
	seen := map[string]bool{}
	for _, m := range g.Members {
		if !forMany(m) {
			seen[m.Addr] = true
		}
	}
	return len(seen)
}

// forMany is the member that stands for all those that were too many to keep: it has no address.
func forMany(m correlate.Member) bool { return m.Addr == "-" }

// manyAddresses: beyond this a list of addresses names nobody, and networks do.
const manyAddresses = 24

// culpritsOf names the actors of a group: each address with its part, and the agent they share; networks when there are many.
func culpritsOf(sh correlate.Share) []Culprit {
	g := sh.Group
	switch g.Kind {
	case correlate.RouteGroup:
		return []Culprit{{Kind: "route", Value: g.Name, Share: min(sh.Share, 1), Requests: int64(sh.Candidates)}}
	case correlate.PeopleGroup:
		return nil
	}
	var out []Culprit
	type part struct {
		name            string
		pages, requests int64
		shared          bool
	}
	var parts []part
	index := map[string]int{}
	pages := int64(0)
	byNet := distinctAddrs(g) > manyAddresses || len(g.Networks) > 0
	for _, m := range g.Members {
		key := m.Addr
		if addr, ok := correlate.ParseClient([]byte(m.Addr)); ok && byNet {
			if net := correlate.Network(addr).String(); len(g.Networks) == 0 || slices.Contains(g.Networks, net) {
				key = net
			}
		}
		i, ok := index[key]
		if !ok {
			i = len(parts)
			index[key] = i
			parts = append(parts, part{name: key})
		}
		made := m.Pages
		if sh.AnyAnswer {
			made = m.Requests // a session on a 404 too
		}
		parts[i].shared = parts[i].shared || m.Shared
		parts[i].pages += made
		parts[i].requests += m.Requests
		pages += made
	}
	kind := "address"
	if byNet {
		kind = "network"
	}
	note := g.Reason
	switch {
	case len(g.Networks) > 0:
		note = "one of a pool: browsers' agents that fetch pages and nothing else, each network about as many"
	case g.Kind == correlate.NetworkGroup && (byNet || !g.Among && len(parts) > 1):
		return []Culprit{{Kind: "network", Value: g.Name, Share: min(sh.Share, 1), Requests: g.Requests, Note: fmt.Sprintf("%d addresses with browsers' agents that fetch pages and nothing else", distinctAddrs(g))}}
	case g.Kind == correlate.NetworkGroup:
		note = "a browser's agent that fetches pages and nothing else"
	case g.Name != "": // the name first: a reader of a list of addresses wants to know whose they are
		out = append(out, Culprit{Kind: "user-agent", Value: g.Name, Share: min(sh.Share, 1), Requests: g.Requests, Note: note})
	}
	for _, p := range parts {
		// An address with under a fiftieth of its group's pages is not what the keys came from.
		if pages == 0 || p.pages*50 < pages || forMany(correlate.Member{Addr: p.name}) || p.shared { // people come from there too
			continue
		}
		kind := kind
		if len(g.Networks) > 0 && !strings.Contains(p.name, "/") {
			kind = "address"
		}
		out = append(out, Culprit{Kind: kind, Value: p.name, Share: min(sh.Share, 1) * float64(p.pages) / float64(pages), Requests: p.requests, Note: note})
	}
	return out
}

// sufficientByRate: without snapshots before the end, the growth is checked as a rate: session requests a day times bytes
// a key against what was resident give the time it took to fill. A crawl whose beginning the log shows must have lasted
// about that long; one that was under way when the log begins, no less than it is seen and no longer than Redis (or the
// host) had been up. Within a factor of two either way the arithmetic holds; nothing finer can be asked of such a rate.
func (c *Case) sufficientByRate(l leak, shares []correlate.Share) correlate.Outcome {
	days, ok := c.daysToFill(l, shares)
	if !ok || !c.Kill.Placed {
		return correlate.Unknown
	}
	var start time.Time
	for _, sh := range shares {
		if from, _ := sh.Group.Span(); start.IsZero() || from.Before(start) {
			start = from
		}
	}
	seen := c.Kill.At.Sub(start).Hours() / 24
	if seen <= 0 {
		return correlate.Fail // it began after the kill
	}
	// a tenth of the log without it is a beginning, not a gap between two requests
	if start.Sub(c.Web.From) > c.Web.To.Sub(c.Web.From)/10 {
		return correlate.Judge(true, days >= seen/2 && days <= seen*2)
	}
	up, known := c.upFor()
	return correlate.Judge(known, days >= seen/2 && days <= up.Hours()/24*2)
}

// daysToFill is how long the sources need to fill what was resident at the kill.
func (c *Case) daysToFill(l leak, shares []correlate.Share) (float64, bool) {
	if c.Kill == nil || l.BytesKey <= 0 {
		return 0, false
	}
	rss := float64(killedRSS(c.Kill))
	perDay := 0.0
	for _, sh := range shares {
		perDay += c.perDay(sh.Group)
	}
	if rss == 0 || perDay == 0 {
		return 0, false
	}
	return rss / l.BytesKey / perDay, true
}

// perDay is a group's candidates a day over the time the access log covers before the kill.
func (c *Case) perDay(g *correlate.Group) float64 {
	from, to := c.Web.From, c.Web.To
	if c.Kill != nil && c.Kill.Placed && c.Kill.At.Before(to) && c.Kill.At.After(from) {
		to = c.Kill.At
	}
	days := to.Sub(from).Hours() / 24
	if days <= 0 {
		return 0
	}
	return g.Count(from, to) / days
}

// upFor is how long Redis had been running at the kill: by its log or INFO, else the host's uptime.
func (c *Case) upFor() (time.Duration, bool) {
	if c.Kill == nil || !c.Kill.Placed {
		return c.hostUp()
	}
	if c.Redis != nil {
		var last time.Time
		for _, e := range c.Redis.Log {
			if e.Placed && e.Event == "starting" && e.At.Before(c.Kill.At) && e.At.After(last) {
				last = e.At
			}
		}
		if !last.IsZero() {
			return c.Kill.At.Sub(last), true
		}
	}
	for _, boot := range c.Boots {
		if boot.Before(c.Kill.At) {
			return c.Kill.At.Sub(boot), true
		}
	}
	return c.hostUp()
}

func (c *Case) hostUp() (time.Duration, bool) {
	for _, r := range c.Clocks {
		if r.Fact.Uptime > 0 {
			return r.Fact.Uptime, true
		}
	}
	return 0, false
}

func (c *Case) leakSummary(h *Hypothesis, l leak, shares []correlate.Share) string {
	who := "visitors' sessions"
	if len(shares) > 0 {
		var names []string
		requests := 0.0
		for _, sh := range shares {
			names = append(names, groupName(sh.Group))
			requests += sh.Candidates
		}
		if len(names) > aHandful {
			names = append(names[:3:3], fmt.Sprintf("%d others", len(names)-3))
		}
		switch h.Cause {
		case "embed-route-session-leak":
			who = fmt.Sprintf("%s %s of %s, embedded in other sites,", count(requests), "requests", joinAnd(names))
			who = strings.Replace(who, "the route ", "", 1)
		case "crawler-session-leak":
			word := "page requests"
			if c.Who != nil && c.Who.AnyAnswer {
				word = "requests"
			}
			who = fmt.Sprintf("%s %s by %s", count(requests), word, joinAnd(names))
		default:
			who = fmt.Sprintf("%s ordinary visits", count(requests))
		}
	}
	end := fmt.Sprintf("filled %s of the host's %s", bytesIn(c.Growth.Last.RSS.Or(c.Growth.Last.Used.Or(0))), bytesIn(c.RAM.Bytes))
	if c.Kill != nil {
		end = fmt.Sprintf("grew Redis until %s killed %s", c.Killer, name(c.Kill.Fact.VictimComm))
		if c.Kill.Fact.VictimPID.OK {
			end += fmt.Sprintf(" (pid %d)", c.Kill.Fact.VictimPID.N)
		}
		end += c.onHost(c.Kill.Ev.File)
		if rss := killedRSS(c.Kill); rss > 0 {
			end += " at " + bytesIn(rss)
			if swap := killedSwap(c.Kill); swap > rss/20 {
				end += " and " + bytesIn(swap) + " swapped out"
			}
		}
	}
	what := "left a session key each that never expires"
	if h.Explained > 0 && h.Explained < mostOfIt && h.Cause != "app-session-leak-organic" {
		of := "the new ones"
		if w := c.WhoAfter; c.Leak.After && (w == nil || w.Intervals == 0 || w.NewKeys < 50) {
			of = "all requests that can open a session" // no keys were counted
		}
		what += fmt.Sprintf(" (%s of %s%s)", percent(h.Explained), of, c.restOf(h.Explained))
	}
	if c.Growth.Counted == correlate.AllKeys {
		what = "left session keys faster than they expire"
	}
	return fmt.Sprintf("%s %s and %s.", who, what, end)
}

// mostOfIt: where a fifth of the keys came from elsewhere, the sentence says so.
const mostOfIt = 0.8

// restOf says who made what the culprits did not, where one group stands out.
func (c *Case) restOf(part float64) string {
	w := c.Who
	if c.Leak.After {
		w = c.WhoAfter
	}
	if w == nil {
		return ""
	}
	for _, sh := range w.Shares {
		if sh.Group.Kind == correlate.PeopleGroup && sh.Share >= worthNaming {
			return fmt.Sprintf("; visitors made %s", percent(min(sh.Share, 1-part)))
		}
	}
	return ""
}

func joinAnd(s []string) string {
	switch len(s) {
	case 0:
		return ""
	case 1:
		return s[0]
	}
	return strings.Join(s[:len(s)-1], ", ") + " and " + s[len(s)-1]
}

// leakFixes: stop the keys living for ever, bound Redis, and slow who makes them.
func (c *Case) leakFixes(cause string, shares []correlate.Share) []string {
	fixes := []string{"session-ttl", "redis-maxmemory", "redis-eviction-policy"}
	switch cause {
	case "embed-route-session-leak":
		return append(fixes, "embed-stateless-route")
	case "crawler-session-leak":
		bot, limit, verify := false, false, false
		for _, sh := range shares {
			switch {
			case sh.Group.Kind == correlate.ProbeGroup:
				fixes = append(fixes, "sessionless-probe")
			case sh.Group.Kind == correlate.NetworkGroup:
				limit = true
			case sh.Group.Identity.Claim == correlate.Spoofed || sh.Group.Identity.Private:
				limit, verify = true, true
			default:
				bot = true
			}
		}
		if bot {
			fixes = append(fixes, "nginx-bot-limit")
		}
		if limit {
			fixes = append(fixes, "nginx-limit-req")
		}
		if verify {
			fixes = append(fixes, "verify-bot-ip")
		}
	}
	return fixes
}
