package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/bits"
	"slices"
	"strconv"
	"strings"
	"time"

	"culprit/cmd/internal/collect"
	"culprit/correlate"
	"culprit/parsers"
)

// An access log too large to be read is counted by Loki: requests by client, agent and status for each minute, pages and
// assets by the patterns of correlate, routes by their paths. Lines come only as evidence, one of each heavy client and route.

const (
	topRoutes    = 400  // paths of an hour counted one by one: below the 500 series that a Loki gives by default
	topFailures  = 100  // paths of an hour that failed with 5xx
	topClients   = 40   // of whom a line is fetched: more than a report ever lists
	topExamples  = 20   // routes of which a line is fetched
	unreadShare  = 1000 // one line of so many may be damaged; more of them mean another format
	maxSkew      = 2 * time.Minute
	maxCountRows = 20_000_000 // 16 bytes each
)

// tally is one query's counts, held until all queries have succeeded: what is folded cannot be taken out again.
type tally struct {
	by     []string
	series map[string]uint32
	names  [][]string
	rows   []tallyRow
	unread int64 // entries of which the pattern reads nothing
	full   bool
}

type tallyRow struct {
	series, minute, n uint32
	width             uint16 // in minutes
}

func newTally(by ...string) *tally { return &tally{by: by, series: map[string]uint32{}} }

func (t *tally) add(labels map[string]string, from time.Time, width time.Duration, n int64) {
	if t.full = t.full || len(t.rows) >= maxCountRows; t.full {
		return
	}
	if (t.by[0] == parsers.LabelClient || t.by[0] == "c_target") && labels[t.by[0]] == "" || slices.Contains(t.by, parsers.LabelStatus) && labels[parsers.LabelStatus] == "" {
		t.unread += n
		return
	}
	names := make([]string, len(t.by))
	for i, label := range t.by {
		names[i] = labels[label]
	}
	key := strings.Join(names, "\x00")
	id, known := t.series[key]
	if !known {
		id = uint32(len(t.names))
		t.series[key] = id
		t.names = append(t.names, names)
	}
	for ; n > 0; n -= math.MaxUint32 {
		t.rows = append(t.rows, tallyRow{id, uint32(from.Unix() / 60), uint32(min(n, math.MaxUint32)), uint16(width / time.Minute)})
	}
}

func (t *tally) sum() (n int64) {
	for _, r := range t.rows {
		n += int64(r.n)
	}
	return n
}

// accessCounts are what is known of a log that was counted.
type accessCounts struct {
	requests, pages, assets, noReferer, routes, failures *tally
	shapes                                               map[string]*shape // by route; "" = of all requests
	examples                                             []collect.Line
}

// countAccess counts the access log of a source, and folds nothing unless all of it could be counted.
func countAccess(ctx context.Context, n *collect.LokiCounter, src *parsers.Source, out sink, sum *correlate.Input) error {
	pattern, ok := parsers.AccessPattern(src)
	if !ok {
		return fmt.Errorf("its log_format cannot be written as a pattern")
	}
	entries, _ := n.Entries(ctx)
	c, err := takeCounts(ctx, n, pattern)
	if err != nil {
		return err
	}
	if err := c.check(); err != nil {
		return err
	}
	if err := c.shapesOf(ctx, n, pattern); err != nil {
		return err
	}
	if c.examples, err = c.fetchExamples(ctx, n, src); err != nil {
		return err
	}
	noPath := c.emit(src, pattern, out)

	counted := c.requests.sum()
	sum.Read, sum.Facts = int(entries), int(counted)
	sum.Note = fmt.Sprintf("counted by Loki, not read: %d of %d entries by client, %d lines fetched as evidence, %d queries; times of answers are not known",
		counted, entries, len(c.examples), n.Queries())
	if noPath > 0 {
		sum.Note += fmt.Sprintf("; the routes of %d are not known: only the %d paths of an hour that are asked for most are counted", noPath, topRoutes)
	}
	if sum.Skipped = int(c.requests.unread); sum.Skipped > 0 {
		sum.Note += fmt.Sprintf("; %d do not follow the log_format", sum.Skipped)
	}
	if missing := entries - counted - c.requests.unread; missing != 0 {
		sum.Note += fmt.Sprintf("; the counts differ by %.2f %%: entries are still coming, or Loki's writers had not stored all of them", 100*float64(missing)/float64(max(entries, 1)))
	}
	if late := n.Late(); late != "" {
		sum.Note += "; " + late
	}
	sum.From, sum.To = n.Span()
	return nil
}

func takeCounts(ctx context.Context, n *collect.LokiCounter, p parsers.LinePattern) (*accessCounts, error) {
	who := []string{parsers.LabelClient}
	for _, label := range []string{parsers.LabelAgent, parsers.LabelForwarded} {
		if p.Has(label) {
			who = append(who, label)
		}
	}
	c := &accessCounts{
		requests: newTally(append(slices.Clone(who), parsers.LabelStatus)...), pages: newTally(who...), assets: newTally(who...), noReferer: newTally(who...),
		routes: newTally("c_target", parsers.LabelStatus, "c_site"), failures: newTally("c_target", parsers.LabelStatus),
	}
	read := "| pattern " + strconv.Quote(p.Pattern)
	// Each entry costs Loki what its stages do: filters come first, and a template with a regular expression last.
	target := ` | line_format "{{.c_request}}" | pattern "<c_target>?<_>"`
	if p.Has(parsers.LabelReferer) {
		target += " | label_format c_site=`{{if eq .c_referer \"-\"}}-{{else}}{{regexReplaceAll \"^(https?://[^/?#]*).*\" .c_referer \"$1\"}}{{end}}`"
	}
	pages := read + ` | c_status=~"[123].." | c_status!="304"`
	for _, no := range correlate.NotPagePatterns() {
		pages += ` | c_request!~` + strconv.Quote(no)
	}
	queries := []struct {
		into     *tally
		pipeline string
		minutes  bool
		most     int
	}{
		{c.requests, read, true, 0},
		{c.pages, pages, true, 0},
		{c.assets, read + ` | c_request=~` + strconv.Quote(correlate.AssetPattern()), false, 0},
		{c.noReferer, read + ` | c_referer="-"`, false, 0},
		{c.routes, read + ` | c_status!~"5.."` + target, false, topRoutes},
		{c.failures, read + ` | c_status=~"5.."` + target, false, topFailures},
	}
	for _, q := range queries {
		if q.into == c.noReferer && !p.Has(parsers.LabelReferer) {
			continue
		}
		err := n.Count(ctx, q.pipeline, q.into.by, q.minutes, q.most, func(labels map[string]string, from time.Time, width time.Duration, entries int64) {
			q.into.add(labels, from, width, entries)
		})
		if err != nil {
			return nil, err
		}
		if q.into.full {
			return nil, fmt.Errorf("more than %d counts; narrow the time", maxCountRows)
		}
	}
	return c, nil
}

// shape is how many requests there were in each minute, and spreads over its minutes what was counted by the hour.
type shape struct {
	minutes []uint32
	upTo    []int64 // requests up to and with that minute
	turn    uint64
}

// newShape takes the minutes of some series.
func newShape(rows []tallyRow) *shape {
	by := map[uint32]int64{}
	for _, r := range rows {
		by[r.minute] += int64(r.n)
	}
	s := &shape{}
	sum := int64(0)
	for _, m := range slices.Sorted(maps.Keys(by)) {
		sum += by[m]
		s.minutes, s.upTo = append(s.minutes, m), append(s.upTo, sum)
	}
	return s
}

// spread hands out the n requests of a stretch. One after the other goes a golden ratio further through the stretch's
// requests: however few each path has, all together fall as the shape does.
func (s *shape) spread(r tallyRow, give func(minute uint32, n int64)) {
	i, _ := slices.BinarySearch(s.minutes, r.minute)
	j, _ := slices.BinarySearch(s.minutes, r.minute+uint32(r.width))
	if i == j {
		give(r.minute, int64(r.n))
		return
	}
	before := int64(0)
	if i > 0 {
		before = s.upTo[i-1]
	}
	total := s.upTo[j-1] - before
	parts := make([]int64, j-i)
	rest := int64(r.n)
	for m := i; m < j; m++ { // whole shares first
		own := s.upTo[m] - before
		if m > i {
			own = s.upTo[m] - s.upTo[m-1]
		}
		parts[m-i] = int64(r.n) * own / total
		rest -= parts[m-i]
	}
	for range rest {
		s.turn += 0x9e3779b97f4a7c15
		hi, _ := bits.Mul64(s.turn, uint64(total))
		m, _ := slices.BinarySearch(s.upTo[i:j], before+int64(hi)+1)
		parts[m]++
	}
	for m, n := range parts {
		if n > 0 {
			give(s.minutes[i+m], n)
		}
	}
}

// shapesOf asks for the minutes of the routes that other sites may embed: whether their requests explain new keys is a
// matter of minutes.
func (c *accessCounts) shapesOf(ctx context.Context, n *collect.LokiCounter, p parsers.LinePattern) error {
	requests, sites := map[string]int64{}, map[string]map[string]bool{}
	for _, r := range c.routes.rows {
		names := c.routes.names[r.series]
		route := string(correlate.Route([]byte(requestTarget(names[0])), nil))
		if requests[route] += int64(r.n); sites[route] == nil {
			sites[route] = map[string]bool{}
		}
		sites[route][names[2]] = true
	}
	c.shapes = map[string]*shape{"": newShape(c.requests.rows)}
	all := c.requests.sum()
	for _, route := range slices.Sorted(maps.Keys(requests)) {
		if requests[route]*50 < all || len(sites[route]) < 3 || len(c.shapes) > topExamples {
			continue
		}
		t := newTally("c_status")
		pipeline := "| pattern " + strconv.Quote(p.Pattern) + ` | c_status!~"5.." | c_request=~` + strconv.Quote(correlate.RoutePattern(route))
		if err := n.Count(ctx, pipeline, t.by, true, 0, t.add); err != nil {
			return err
		}
		c.shapes[route] = newShape(t.rows)
	}
	return nil
}

// check holds the counts against each other: no part may be more than the whole.
func (c *accessCounts) check() error {
	all := c.requests.sum()
	for name, t := range map[string]*tally{"pages": c.pages, "assets": c.assets, "requests without a referer": c.noReferer, "requests by path": c.routes, "failures by path": c.failures} {
		if n := t.sum(); n > all {
			return fmt.Errorf("its counts contradict each other: %d %s of %d requests", n, name, all)
		}
	}
	if c.requests.unread*unreadShare > all {
		return fmt.Errorf("%d of %d lines do not follow its log_format", c.requests.unread, all+c.requests.unread)
	}
	return nil
}

// fetchExamples gets the first line of each heavy client, and of each route that was asked for or failed most, from the
// minute in which it was first counted. The lines' own times must be Loki's, or minutes mean something else.
func (c *accessCounts) fetchExamples(ctx context.Context, n *collect.LokiCounter, src *parsers.Source) ([]collect.Line, error) {
	var lines []collect.Line
	fetch := func(minute uint32, words ...string) error {
		from := time.Unix(int64(minute)*60, 0)
		words = slices.DeleteFunc(words, func(w string) bool { return w == "" || w == "-" })
		found, err := n.Lines(ctx, from, from.Add(time.Minute), 1, words...)
		lines = append(lines, found...)
		return err
	}
	for _, h := range c.requests.heaviest(topClients) {
		if err := fetch(h.minute, h.names[:len(h.names)-1]...); err != nil {
			return nil, err
		}
	}
	for _, h := range slices.Concat(c.routes.heaviest(topExamples), c.failures.heaviest(topExamples)) {
		// Its counts are spread over the hour: any line of the route in it is looked for.
		from := time.Unix(int64(h.minute)*60, 0)
		found, err := n.Lines(ctx, from, from.Truncate(time.Hour).Add(time.Hour), 1, requestTarget(h.names[0]), " "+h.names[1]+" ")
		if err != nil {
			return nil, err
		}
		lines = append(lines, found...)
	}
	access, _ := parsers.ByName("nginx-access")
	far := 0
	for _, l := range lines {
		one := &parsers.Source{Name: src.Name, Hints: src.Hints, Head: src.Head, R: strings.NewReader(l.Text)}
		_ = parsers.Read(access, one, func(r parsers.Record) {
			if r.Time.Sub(l.At).Abs() > maxSkew {
				far++
			}
		})
	}
	if far*2 > len(lines) {
		return nil, errors.New("the lines are in Loki at other times than they tell themselves")
	}
	return lines, nil
}

// heavy is a series with its total, and the first minute in which it was seen.
type heavy struct {
	names  []string
	n      int64
	minute uint32
}

func (t *tally) heaviest(most int) []heavy {
	all := make([]heavy, len(t.names))
	for _, r := range t.rows {
		h := &all[r.series]
		if h.n == 0 || r.minute < h.minute {
			h.minute = r.minute
		}
		h.names, h.n = t.names[r.series], h.n+int64(r.n)
	}
	slices.SortFunc(all, func(a, b heavy) int { return cmp.Or(-cmp.Compare(a.n, b.n), slices.Compare(a.names, b.names)) })
	return all[:min(len(all), most)]
}

// requestTarget is the target of a request line, or of a target alone.
func requestTarget(request string) string {
	if first, rest, ok := strings.Cut(request, " "); ok && !strings.HasPrefix(first, "/") {
		request, _, _ = strings.Cut(rest, " ")
	}
	return request
}

// emit folds the counts in, then the lines, and tells how many requests no path accounts for.
func (c *accessCounts) emit(src *parsers.Source, p parsers.LinePattern, out sink) (noPath int64) {
	record := func(minute uint32, fact parsers.Fact) {
		out.record(parsers.Record{Time: time.Unix(int64(minute)*60, 0).UTC(), Clock: parsers.ZonedClock, At: parsers.Pos{File: src.Name}, Fact: fact})
	}
	who := func(t *tally, names []string) parsers.Access {
		a := parsers.Access{AgentLogged: p.Has(parsers.LabelAgent), RefererLogged: p.Has(parsers.LabelReferer)}
		for i, label := range t.by {
			switch value := parsers.Unquoted(names[i]); label {
			case parsers.LabelClient:
				a.Client = []byte(value)
			case parsers.LabelAgent:
				a.Agent = []byte(value)
			case parsers.LabelForwarded:
				a.ForwardedFor = []byte(value)
			case parsers.LabelStatus:
				a.Status, _ = strconv.Atoi(value)
			case "c_target":
				a.Path = []byte(requestTarget(value))
			case "c_site":
				a.Referer = []byte(value)
			}
		}
		return a
	}
	// What was counted by the hour is told in a minute in which the client did ask.
	asked := map[string]uint32{}
	for _, r := range c.requests.rows {
		names := c.requests.names[r.series]
		asked[strings.Join(names[:len(names)-1], "\x00")] = r.minute
	}
	clients := func(t *tally, set func(*parsers.AccessCount, int64)) {
		for _, r := range t.rows {
			count := &parsers.AccessCount{Access: who(t, t.names[r.series])}
			set(count, int64(r.n))
			if minute, ok := asked[strings.Join(t.names[r.series], "\x00")]; ok && (t == c.assets || t == c.noReferer) {
				r.minute = minute
			}
			record(r.minute, count)
		}
	}
	clients(c.requests, func(a *parsers.AccessCount, n int64) { a.Requests = n })
	clients(c.pages, func(a *parsers.AccessCount, n int64) { a.Pages = n })
	clients(c.assets, func(a *parsers.AccessCount, n int64) { a.Assets = n })
	clients(c.noReferer, func(a *parsers.AccessCount, n int64) { a.NoReferer = n })

	byStatus := map[[2]uint32]int64{} // minute and status: what no path accounts for
	for _, r := range c.requests.rows {
		status, _ := strconv.Atoi(c.requests.names[r.series][len(c.requests.by)-1])
		byStatus[[2]uint32{r.minute, uint32(status)}] += int64(r.n)
	}
	for _, t := range []*tally{c.routes, c.failures} {
		for _, r := range t.rows {
			a := who(t, t.names[r.series])
			shape := c.shapes[string(correlate.Route(a.Path, nil))]
			if shape == nil || a.Status >= 500 {
				shape = c.shapes[""]
			}
			shape.spread(r, func(minute uint32, n int64) {
				record(minute, &parsers.RouteCount{Access: a, Requests: n})
				byStatus[[2]uint32{minute, uint32(a.Status)}] -= n
			})
		}
	}
	other := map[uint32]int64{} // by status: the minutes of paths are spread, so only the sums say what is left
	for key, rest := range byStatus {
		other[key[1]] += rest
	}
	for _, status := range slices.Sorted(maps.Keys(other)) {
		if rest := other[status]; rest > 0 && len(c.requests.rows) > 0 {
			noPath += rest
			record(c.requests.rows[0].minute, &parsers.RouteCount{Access: parsers.Access{Status: int(status)}, Requests: rest})
		}
	}

	access, _ := parsers.ByName("nginx-access")
	for _, l := range c.examples {
		one := &parsers.Source{Name: src.Name, Host: src.Host, Hints: src.Hints, Head: src.Head, R: bytes.NewReader([]byte(l.Text))}
		_ = parsers.Read(access, one, func(r parsers.Record) {
			if a, ok := r.Fact.(*parsers.Access); ok {
				r.At.Line = 0
				r.Fact = &parsers.AccessExample{Access: *a}
				out.record(r)
			}
		})
	}
	return noPath
}
