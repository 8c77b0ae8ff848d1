package correlate

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"culprit/parsers"
)

// A fold of routes under every limit must not tell in which order and in how many parts the requests came; nor must one of
// clients that is within its limits.
func TestFoldsCommute(t *testing.T) {
	for _, scale := range []int{8, 40, 200, 1000, 5000, 1 << 20} {
		limits := &webLimits{2 * scale, scale, scale, 2 * scale, 3 * scale}
		requests := manyRequests(3000)
		whole := foldParts(requests, limits, nil, 1, nil)
		want := dump(whole)
		for n := range 6 {
			got := dump(foldParts(requests, limits, nil, n+1, rand.New(rand.NewPCG(uint64(n), 7))))
			if got != want {
				t.Errorf("limits of %d, %d parts: grains %s, want %s\n%s", scale, n+1, got[:12], want[:12], firstDifference(got, want))
			}
		}
		t.Logf("limits of %d: route grain %d", scale, whole.web.routeGrain)
	}
}

// Beyond its limits a fold of clients keeps those who ask for much, whatever the order: their counts miss no more than it
// says, and nobody's requests are lost from the sums.
func TestHeavyClientsStay(t *testing.T) {
	requests := manyRequests(6000)
	exact := foldParts(requests, &defaultLimits, nil, 1, nil)
	want := map[string]int64{}
	var total, pages int64
	exact.visitors.each(func(s *clientSet, i int) {
		a := &s.actor[i]
		want[nameAt(s, a)] += a.requests
		total, pages = total+a.requests, pages+a.pages
	})
	if total != int64(len(requests)) {
		t.Fatalf("%d of %d requests", total, len(requests))
	}
	for _, scale := range []int{40, 200, 1000} {
		limits := &clientLimits{exact: scale / 2, clients: scale, cells: 3 * scale, firsts: scale / 2}
		for n := range 5 {
			got := foldParts(requests, &defaultLimits, limits, n+1, rand.New(rand.NewPCG(uint64(n), 7)))
			if n == 0 {
				again := foldParts(requests, &defaultLimits, limits, 1, rand.New(rand.NewPCG(uint64(n), 7)))
				if a, b := dump(got), dump(again); a != b {
					t.Errorf("limits of %d: the same requests in the same order make another fold\n%s", scale, firstDifference(a, b))
				}
			}
			var sum, sumPages, inCells int64
			kept := map[string]int64{}
			for _, s := range got.visitors.sets() {
				if len(s.actor) > scale {
					t.Errorf("limits of %d, %d parts: %d clients kept", scale, n+1, len(s.actor))
				}
				if len(s.cells.list) > 3*scale {
					t.Errorf("limits of %d, %d parts: %d cells", scale, n+1, len(s.cells.list))
				}
				if s.firsts > scale/2 {
					t.Errorf("limits of %d, %d parts: %d lines", scale, n+1, s.firsts)
				}
				for i := range s.actor {
					a := &s.actor[i]
					sum, sumPages = sum+a.requests, sumPages+a.pages
					if a.several {
						continue
					}
					name := nameAt(s, a)
					kept[name] = a.requests
					if have := want[name]; a.requests > have || a.requests < have-s.lost {
						t.Errorf("limits of %d, %d parts: %s has %d requests of %d, and %d are said to be lost at most", scale, n+1, name, a.requests, have, s.lost)
					}
				}
				for _, c := range s.cells.list {
					if s.actor[c.client].addr == "203.0.113.44" {
						inCells += int64(c.requests)
					}
				}
				sum, sumPages = sum+s.gone.requests, sumPages+s.gone.pages
			}
			if sum != total || sumPages != pages {
				t.Errorf("limits of %d, %d parts: %d requests and %d pages, want %d and %d", scale, n+1, sum, sumPages, total, pages)
			}
			inputs := []Input{{File: "a.log", Format: "redis-log", Facts: 9}, {File: "b.log", Format: accessLog, Facts: 2}}
			if got.visitors.noteCrowd(inputs); inputs[0].Note != "" || !strings.Contains(inputs[1].Note, "quiet visitors were summed") {
				t.Errorf("limits of %d, %d parts: who was let go is told as %q and %q", scale, n+1, inputs[0].Note, inputs[1].Note)
			}
			const heavy = "203.0.113.44 Mozilla/5.0 (compatible; GPTBot/1.2; +https://openai.com/gptbot)"
			const quiet = "203.0.113.77 " // a crawler that calls itself a browser
			for _, name := range []string{heavy, quiet + anyBrowser} {
				if kept[name] == 0 {
					t.Errorf("limits of %d, %d parts: %s is lost, with %d requests", scale, n+1, name, want[name])
				}
			}
			if lost := got.visitors.programs.lost; scale == 1000 && lost*20 > want[heavy] {
				t.Errorf("limits of %d, %d parts: counts may miss %d requests, the heavy crawler has %d", scale, n+1, lost, want[heavy])
			}
			if inCells != kept[heavy] {
				t.Errorf("limits of %d, %d parts: %d of the heavy crawler's %d requests have a time", scale, n+1, inCells, kept[heavy])
			}
		}
	}
}

// A digest may have bins of any width.
func TestWidestBins(t *testing.T) {
	requests := manyRequests(300)
	a, b := foldParts(requests[:150], &defaultLimits, nil, 1, nil), foldParts(requests[150:], &defaultLimits, nil, 1, nil)
	for _, s := range a.visitors.sets() {
		s.widen(maxWidth)
	}
	a.Merge(b)
	for _, s := range a.visitors.sets() {
		var total, inCells int64
		for i := range s.actor {
			total += s.actor[i].requests
		}
		for _, c := range s.cells.list {
			inCells += int64(c.requests)
			if c.bin != 0 {
				t.Errorf("bin %d of %d s", c.bin, s.width)
			}
		}
		if total == 0 || total != inCells || s.width != maxWidth {
			t.Errorf("%d of %d requests in bins of %d s, want bins of %d", inCells, total, s.width, int64(maxWidth))
		}
	}
}

// Visits of those who lost their bins are counted by the rule of those who have them.
func TestVisitsWithoutBins(t *testing.T) {
	for _, width := range []int64{minBin, 4 * minBin, maxBin} {
		want, counted := 0.0, int64(0)
		s := newClientFold().people
		s.limits = &peopleLimits
		s.widen(width)
		actor := s.actorOf([]byte("198.51.100.7"), newAgentRef([]byte("Mozilla/5.0"), hashOf([]byte("Mozilla/5.0"))))
		s.running[actor].thin = true
		var bins []clientCell
		for i, minute := range []int64{29e6, 29e6 + 20, 29e6 + 50, 29e6 + 81, 29e6 + 150, 29e6 + 182, 29e6 + 214, 29e6 + 300} {
			c := cell{1, uint32(i % 5)}
			bin := uint32(minute * minBin / width)
			if n := len(bins); n > 0 && bins[n-1].bin == bin {
				bins[n-1].pages += c.pages
				continue
			}
			bins = append(bins, clientCell{actor, bin, c})
		}
		for _, b := range bins {
			s.bump(actor, b.bin, b.cell)
		}
		want, counted = countVisits(bins, width), s.actor[actor].visits
		if want < 2 || float64(counted) != want {
			t.Errorf("bins of %d s: %d visits, want %g", width, counted, want)
		}
	}
}

// nameAt is what a client is called where browsers are not told apart.
func nameAt(s *clientSet, a *actorSum) string {
	if s.programs {
		return a.addr + " " + a.agent
	}
	return a.addr + " " + wideName(a.agent)
}

// What stands for many agents must be taken for what it stands for, however often it is folded again.
func TestStandIns(t *testing.T) {
	if a := Identify(anyBrowser); a.Class.Automated() || a.Class == Absent {
		t.Errorf("%q is %v", anyBrowser, a.Class)
	}
	if a := Identify(anyProgram); !a.Class.Automated() {
		t.Errorf("%q is %v", anyProgram, a.Class)
	}
	if wideName(anyBrowser) != anyBrowser || wideName("") != "" || wideName(string(unlogged)) != string(unlogged) {
		t.Error("what stands for agents stands for others in turn")
	}
}

type request struct {
	parsers.Record
	parsers.Access
}

// manyRequests come from people all over the internet, from some crawlers, and from one heavy one.
func manyRequests(n int) []request {
	r := rand.New(rand.NewPCG(1, 2))
	start := time.Date(2026, 4, 20, 0, 0, 0, 0, time.UTC)
	list := make([]request, n)
	for i := range list {
		addr := netip.AddrFrom4([4]byte{byte(20 + r.IntN(3)), byte(r.IntN(4)), byte(r.IntN(200)), byte(r.IntN(250))}).String()
		agent := fmt.Sprintf("Mozilla/5.0 (X11; Linux x86_64; rv:%d.0) Gecko/20100101 Firefox/%d.0", 80+r.IntN(40), 80+r.IntN(40))
		switch r.IntN(10) {
		case 0:
			addr = "203.0.113.77"
		case 1:
			addr, agent = "203.0.113.44", "Mozilla/5.0 (compatible; GPTBot/1.2; +https://openai.com/gptbot)"
		case 2:
			agent = fmt.Sprintf("SomeBot/%d.0", r.IntN(50))
		case 3:
			addr = fmt.Sprintf("2001:db8:%x:%x::%x", r.IntN(9), r.IntN(99), r.IntN(4))
		case 4:
			addr, agent = "unix:", ""
		}
		at := start.Add(time.Duration(r.IntN(40*3600)) * time.Second)
		list[i] = request{
			parsers.Record{Time: at, Clock: parsers.ZonedClock, At: parsers.Pos{File: "access.log", Line: i + 1}, Raw: fmt.Appendf(nil, "line %d", i+1)},
			parsers.Access{Client: []byte(addr), Agent: []byte(agent), AgentLogged: true, Path: fmt.Appendf(nil, "/w%c%c/%c", 'a'+r.IntN(20), 'a'+r.IntN(20), 'a'+r.IntN(5)),
				Referer: fmt.Appendf(nil, "https://www.s%d.example%d.com/", r.IntN(9), r.IntN(90)), Status: []int{200, 200, 302, 404, 502}[r.IntN(5)]},
		}
	}
	return list
}

func foldParts(requests []request, limits *webLimits, of *clientLimits, parts int, r *rand.Rand) *Timeline {
	folds := make([]*Timeline, parts)
	for i := range folds {
		folds[i] = NewTimeline()
		folds[i].web.limits = limits
		if of != nil {
			folds[i].visitors.people.limits, folds[i].visitors.programs.limits = of, of
		}
	}
	order := make([]int, len(requests))
	for i := range order {
		order[i] = i
	}
	if r != nil {
		r.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	}
	for n, i := range order {
		requests[i].Fact = &requests[i].Access
		folds[n%parts].Add(requests[i].Record)
	}
	for _, o := range folds[1:] {
		folds[0].Merge(o)
	}
	folds[0].web.settle()
	folds[0].visitors.sort()
	return folds[0]
}

// dump tells all that a fold of requests holds, in an order of its own.
func dump(t *Timeline) string {
	lines := []string{}
	w := t.web
	byHash := map[uint64]string{}
	for _, name := range w.routes.names {
		byHash[routeHash([]byte(name))] = name
	}
	for _, s := range t.visitors.sets() {
		for i := range s.actor {
			a, route := s.actor[i], ""
			switch r := s.running[i].route; {
			case routeGrains[w.routeGrain].routes > 0: // then nobody asks for a client's only route
			case r == several:
				route = "several"
			default:
				route = byHash[r]
			}
			first := a.firstLine()
			a.first = nil
			lines = append(lines, fmt.Sprintln("actor", a, first, route, s.running[i].thin))
		}
		for _, c := range s.cells.list {
			lines = append(lines, fmt.Sprintln("cell", s.actor[c.client].addr, s.actor[c.client].agent, c.bin, c.cell))
		}
		gone, first := s.gone, s.gone.firstLine()
		gone.first = nil
		lines = append(lines, fmt.Sprintln("gone", gone, first, s.letGo, s.lost))
	}
	for i := range w.route {
		lines = append(lines, fmt.Sprintln("route", w.routes.names[i], w.route[i]))
	}
	for key, c := range w.routeCells.all() {
		lines = append(lines, fmt.Sprintln("route cell", w.routes.names[key>>32], uint32(key), c))
	}
	for key, n := range w.referers.all() {
		lines = append(lines, fmt.Sprintln("referer", w.routes.names[key>>32], w.hosts.names[uint32(key)], n))
	}
	for bin, s := range w.status {
		lines = append(lines, fmt.Sprintln("status", bin, *s))
	}
	for f, s := range w.failures {
		lines = append(lines, fmt.Sprintln("failure", w.routes.names[f.route], f.status, *s))
	}
	slices.Sort(lines)
	return fmt.Sprintf("%5d %5d\n", w.width, w.routeGrain) + strings.Join(lines, "")
}

func firstDifference(a, b string) string {
	as, bs := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range min(len(as), len(bs)) {
		if as[i] != bs[i] {
			return as[i] + "\n" + bs[i]
		}
	}
	return "one is longer"
}
