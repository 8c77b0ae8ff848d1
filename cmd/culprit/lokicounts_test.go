package main

import (
	"flag"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"culprit/correlate"
	"culprit/parsers"
)

// A log that lies in a Loki of one's own can be held against its files, read or counted: the test of .loki does.
var (
	againstLoki  = flag.String("against", "", "a loki:// argument whose counts are held against those of -files")
	againstFiles = flag.String("files", "", "the folder of what lies there")
	againstRest  = flag.String("beside", "", "the folder of what belongs to both and does not lie there")
)

// Counted by Loki instead of read, an access log tells of every client what it tells line by line, but for lines that do
// not follow its format, and the same are blamed.
func TestLokiCounts(t *testing.T) {
	if *againstLoki != "" {
		t.Run("against", func(t *testing.T) {
			holdCounts(t, []string{*againstFiles}, slices.DeleteFunc([]string{*againstLoki, *againstRest}, func(s string) bool { return s == "" }))
		})
		return
	}
	more, err := filepath.Glob(*moreIncidents)
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range append(fewer([]string{"../../testdata/incidents/session-patterns", "../../testdata/incidents/magento-locks"}), more...) {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			_, arg, rest := lokiOf(t, dir)
			holdCounts(t, []string{arg + "&read=lines", rest}, []string{arg + "&read=counts", rest})
			if diff := cmp.Diff(coarse(toldBy(t, arg+"&read=lines", rest)), coarse(toldBy(t, arg+"&read=counts", rest))); diff != "" {
				t.Errorf("the verdict: -read +counted:\n%.3000s", diff)
			}
		})
	}
}

// accessSums are what access logs say before any of it is folded.
type accessSums struct {
	mu      sync.Mutex
	inputs  []correlate.Input
	clients map[string]map[string]int64 // of an address with its agent: requests by status, pages, assets, those without a referer
	ids     map[string]uint32
	minutes map[[2]uint32]int64 // of a client in a minute
	routes  map[string]int64    // of a route and a status
	noPath  map[int]int64       // by status: counted, and not by their path
}

// sumsOf reads or counts what the arguments name.
func sumsOf(t *testing.T, args []string) *accessSums {
	t.Helper()
	s := &accessSums{clients: map[string]map[string]int64{}, ids: map[string]uint32{}, minutes: map[[2]uint32]int64{}, routes: map[string]int64{}, noPath: map[int]int64{}}
	d, err := newDriver(t.Context(), args, nil, 2)
	if err != nil {
		t.Fatal(err)
	}
	if s.inputs, _, err = d.readAll(t.Context(), func() sink { return sink{record: s.add} }); err != nil || len(d.bad) > 0 {
		t.Fatal(err, d.bad)
	}
	return s
}

func (s *accessSums) add(r parsers.Record) {
	if r.Clock != parsers.ZonedClock {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch a := r.Fact.(type) {
	case *parsers.Access:
		class := correlate.Classify(a.Path)
		one := parsers.AccessCount{Access: *a, Requests: 1}
		if class == correlate.Page && a.Status > 0 && a.Status < 400 && a.Status != 304 {
			one.Pages = 1
		}
		if class == correlate.Asset {
			one.Assets = 1
		}
		if a.RefererLogged && len(a.Referer) == 0 {
			one.NoReferer = 1
		}
		s.client(r, &one)
		s.route(a, 1)
	case *parsers.AccessCount:
		s.client(r, a)
	case *parsers.RouteCount:
		if len(a.Path) == 0 {
			s.noPath[a.Status] += a.Requests
		} else {
			s.route(&a.Access, a.Requests)
		}
	}
}

func (s *accessSums) client(r parsers.Record, a *parsers.AccessCount) {
	name := fmt.Sprintf("%s %s %s", a.Client, a.ForwardedFor, a.Agent)
	sums := s.clients[name]
	if sums == nil {
		sums = map[string]int64{}
		s.clients[name], s.ids[name] = sums, uint32(len(s.ids))
	}
	for what, n := range map[string]int64{"pages": a.Pages, "assets": a.Assets, "without a referer": a.NoReferer} {
		if n > 0 {
			sums[what] += n
		}
	}
	if a.Requests > 0 {
		sums[fmt.Sprint("requests answered with ", a.Status)] += a.Requests
		s.minutes[[2]uint32{s.ids[name], uint32(r.Time.Unix() / 60)}] += a.Requests
	}
}

func (s *accessSums) route(a *parsers.Access, n int64) {
	s.routes[fmt.Sprintf("%s answered with %d", correlate.Route(a.Path, nil), a.Status)] += n
}

// holdCounts wants counts to say of each client what the lines say, and of each route no more; what a limit cuts off by
// design is told with its number.
func holdCounts(t *testing.T, read, counted []string) {
	t.Helper()
	lines, counts := sumsOf(t, read), sumsOf(t, counted)
	damaged := 0
	for _, in := range counts.inputs {
		if in.Format != "nginx-access" {
			continue
		}
		t.Logf("%s: %s", in.File, in.Note)
		if strings.HasPrefix(in.Note, "counted by Loki") {
			damaged += in.Skipped // a line says more to the parser than to a pattern
		} else if strings.HasSuffix(*againstLoki, "read=counts") {
			t.Errorf("%s was not counted", in.File)
		}
	}

	requests, differ := int64(0), 0
	for _, name := range slices.Sorted(maps.Keys(lines.clients)) {
		for what, n := range lines.clients[name] {
			if strings.HasPrefix(what, "requests") {
				requests += n
			}
		}
		if diff := cmp.Diff(lines.clients[name], counts.clients[name]); diff != "" {
			if differ++; differ > damaged {
				t.Errorf("%s: -read +counted\n%s", name, diff)
			}
		}
		delete(counts.clients, name)
		if t.Failed() && differ > damaged+10 {
			t.FailNow()
		}
	}
	if len(lines.clients) == 0 || len(counts.clients) > 0 {
		t.Errorf("%d clients in the lines; in the counts alone: %.300q", len(lines.clients), slices.Sorted(maps.Keys(counts.clients)))
	}
	t.Logf("%d clients with %d requests compared one by one, %d differ, %d lines are damaged", len(lines.clients), requests, differ, damaged)

	// An entry of a minute's last millisecond counts to the next.
	moved := int64(0)
	as := make([]uint32, len(lines.ids))
	for name, id := range lines.ids {
		as[id] = counts.ids[name]
	}
	for key, n := range lines.minutes {
		moved += max(n-counts.minutes[[2]uint32{as[key[0]], key[1]}], 0)
	}
	t.Logf("%d minutes of clients compared, %d requests are told in another", len(lines.minutes), moved)
	if moved*1000 > requests {
		t.Errorf("%d of %d requests are told in another minute", moved, requests)
	}

	exact, missing := 0, map[string]int64{}
	for route, n := range lines.routes {
		_, status, _ := strings.Cut(route, " answered with ")
		switch less := n - counts.routes[route]; {
		case less == 0:
			exact++
		default:
			missing[status] += less
			if less < 0 {
				t.Errorf("%s: %d requests, and %d counted", route, n, counts.routes[route])
			}
		}
		delete(counts.routes, route)
	}
	if len(counts.routes) > 0 {
		t.Errorf("routes in the counts alone: %.300q", slices.Sorted(maps.Keys(counts.routes)))
	}
	noPath := int64(0)
	for status, n := range counts.noPath {
		noPath += n
		missing[fmt.Sprint(status)] -= n
	}
	for status, n := range missing {
		if n < -int64(damaged) || n > int64(damaged) {
			t.Errorf("answered with %s: %d requests are neither counted by their path nor told to be without", status, n)
		}
	}
	t.Logf("%d routes by status compared one by one, %d exact; %d requests are told without their path, beyond the %d paths of an hour that are counted",
		len(lines.routes), exact, noPath, topRoutes)
}
