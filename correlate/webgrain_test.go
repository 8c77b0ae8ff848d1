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

// A fold under every limit must not tell in which order and in how many parts the requests came.
func TestGrainsCommute(t *testing.T) {
	for _, scale := range []int{8, 40, 200, 1000, 5000, 1 << 20} {
		limits := &webLimits{scale, 2 * scale, 3 * scale, 2 * scale, scale, scale, 2 * scale, 3 * scale}
		requests := manyRequests(3000)
		whole := foldParts(requests, limits, 1, nil)
		if got := len(whole.actor); got > limits.clients && whole.grain < len(clientGrains)-1 {
			t.Errorf("limits of %d: %d actors kept", scale, got)
		}
		if clientGrains[whole.grain].bots < byNothing && !strings.Contains(dump(whole), "actor 203.0.113.44 Mozilla/5.0 (compatible; GPTBot") {
			t.Errorf("limits of %d: the heavy crawler's address is lost", scale)
		}
		want := dump(whole)
		for n := range 6 {
			got := dump(foldParts(requests, limits, n+1, rand.New(rand.NewPCG(uint64(n), 7))))
			if got != want {
				t.Errorf("limits of %d, %d parts: grains %s, want %s\n%s", scale, n+1, got[:12], want[:12], firstDifference(got, want))
			}
		}
		t.Logf("limits of %d: client grain %d, route grain %d, %d actors", scale, whole.grain, whole.routeGrain, len(whole.actor))
	}
}

// What stands for many agents must be taken for what it stands for, however often it is folded again.
func TestStandIns(t *testing.T) {
	if a := Identify(string(anyBrowser)); a.Class.Automated() || a.Class == Absent {
		t.Errorf("%q is %v", anyBrowser, a.Class)
	}
	if a := Identify(string(anyProgram)); !a.Class.Automated() {
		t.Errorf("%q is %v", anyProgram, a.Class)
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
		case 0, 1:
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

func foldParts(requests []request, limits *webLimits, parts int, r *rand.Rand) *webFold {
	folds := make([]*webFold, parts)
	for i := range folds {
		folds[i] = newWebFold()
		folds[i].limits = limits
	}
	order := make([]int, len(requests))
	for i := range order {
		order[i] = i
	}
	if r != nil {
		r.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	}
	for n, i := range order {
		folds[n%parts].add(&requests[i].Record, &requests[i].Access)
	}
	for _, o := range folds[1:] {
		folds[0].merge(o)
	}
	folds[0].sort()
	return folds[0]
}

// dump tells all that a fold holds, in an order of its own.
func dump(w *webFold) string {
	lines := []string{}
	for i := range w.actor {
		a := w.actor[i]
		route := ""
		if a.routes == 1 {
			route = w.routes.names[a.onlyRoute]
		}
		lines = append(lines, fmt.Sprintln("actor", w.addr(i), w.agent(i), a.requests, a.pages, a.assets, a.noReferer, a.errors5xx, a.limited, a.first, route, a.routes))
	}
	for key, c := range w.actorCells.all() {
		lines = append(lines, fmt.Sprintln("cell", key, c))
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
	return fmt.Sprintf("%5d %5d\n", w.grain, w.routeGrain) + strings.Join(lines, "")
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
