package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"text/template"
	"time"
)

// fakeLoki answers what culprit asks of a Loki, from memory: series, log queries, and counts of them. Its answers have
// the shape of those recorded from Loki 3.7.8; what it does not understand it refuses with 400, as Loki does.
type fakeLoki struct {
	*httptest.Server
	streams []*fakeStream

	maxEntries int // of one answer; 0 = 5000
	maxSeries  int // of one count; 0 = any
	maxRange   time.Duration
	stored     time.Time // before it the writers' memory is not looked at; what is in it, late says
	late       func(at int64) bool
	hide       map[string]int // of a stream, by filename: the last so many entries that counts know and queries do not give

	mu       sync.Mutex
	asked    []string                                                 // queries, with their path
	meddle   func(n int, w http.ResponseWriter, r *http.Request) bool // true = answered already
	inFlight int
	most     int // queries at the same time
}

type fakeStream struct {
	labels  map[string]string
	entries []fakeEntry
}

type fakeEntry struct {
	at   int64
	line string
}

func newFakeLoki(t testing.TB) *fakeLoki {
	f := &fakeLoki{}
	f.Server = httptest.NewServer(http.HandlerFunc(f.serve))
	t.Cleanup(f.Close)
	return f
}

// arg is the argument that names this Loki.
func (f *fakeLoki) arg(selector string, from, to time.Time) string {
	return fmt.Sprintf("loki://%s/?selector=%s&since=%s&until=%s", strings.TrimPrefix(f.URL, "http://"), selector,
		from.UTC().Format(time.RFC3339), to.UTC().Format(time.RFC3339))
}

// push adds an entry.
func (f *fakeLoki) push(labels map[string]string, at time.Time, line string) {
	i := slices.IndexFunc(f.streams, func(s *fakeStream) bool { return maps.Equal(s.labels, labels) })
	if i < 0 {
		i = len(f.streams)
		f.streams = append(f.streams, &fakeStream{labels: labels})
	}
	s := f.streams[i]
	s.entries = append(s.entries, fakeEntry{at.UnixNano(), line})
}

// settle orders the entries.
func (f *fakeLoki) settle() {
	for _, s := range f.streams {
		slices.SortStableFunc(s.entries, func(a, b fakeEntry) int { return cmp.Compare(a.at, b.at) })
	}
}

func (f *fakeLoki) serve(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	f.mu.Lock()
	f.asked = append(f.asked, r.URL.Path+" "+r.Form.Get("query"))
	n := len(f.asked)
	f.inFlight++
	f.most = max(f.most, f.inFlight)
	f.mu.Unlock()
	defer func() { f.mu.Lock(); f.inFlight--; f.mu.Unlock() }()
	if f.meddle != nil && f.meddle(n, w, r) {
		return
	}
	data, err := f.answer(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"status": "success", "data": data})
}

func (f *fakeLoki) answer(r *http.Request) (any, error) {
	from, to := formTime(r, "start"), formTime(r, "end")
	switch r.URL.Path {
	case "/loki/api/v1/series":
		list := []map[string]string{}
		match, rest, err := fakeMatchers(r.Form.Get("match[]"))
		if err != nil || rest != "" {
			return nil, fmt.Errorf("match[]: %q: %v", rest, err)
		}
		for _, s := range f.streams {
			if match(s.labels) && slices.ContainsFunc(s.entries, func(e fakeEntry) bool { return e.at >= from && e.at < to }) {
				list = append(list, s.labels)
			}
		}
		return list, nil
	case "/loki/api/v1/query_range":
		if f.maxRange > 0 && time.Duration(to-from) > f.maxRange {
			return nil, fmt.Errorf("the query time range exceeds the limit (query length: %s, limit: %s)", time.Duration(to-from), f.maxRange)
		}
		if strings.HasPrefix(r.Form.Get("query"), "{") {
			return f.lines(r, from, to)
		}
		return f.matrix(r, from, to)
	case "/loki/api/v1/query":
		return f.vector(r, formTime(r, "time"))
	}
	return nil, fmt.Errorf("no such path: %s", r.URL.Path)
}

func formTime(r *http.Request, name string) int64 {
	n, _ := strconv.ParseInt(r.Form.Get(name), 10, 64)
	return n
}

func (f *fakeLoki) lines(r *http.Request, from, to int64) (any, error) {
	limit, _ := strconv.Atoi(r.Form.Get("limit"))
	if most := cmp.Or(f.maxEntries, 5000); limit > most {
		return nil, fmt.Errorf("max entries limit per query exceeded, limit > max_entries_limit_per_query (%d > %d)", limit, most)
	}
	match, pipeline, err := fakeMatchers(r.Form.Get("query"))
	if err != nil {
		return nil, err
	}
	stages, rest, err := fakeStages(pipeline)
	if err != nil || strings.TrimSpace(rest) != "" || r.Form.Get("direction") != "forward" {
		return nil, fmt.Errorf("parse error: %q: %v", rest, err)
	}
	type hit struct {
		stream int
		fakeEntry
	}
	var hits []hit
	for i, s := range f.streams {
		if !match(s.labels) {
			continue
		}
		entries := s.entries[:len(s.entries)-f.hide[s.labels["filename"]]]
		for _, e := range entries {
			if e.at >= from && e.at < to && !f.unseen(e.at) {
				if _, ok := stages.run(s.labels, e.line); ok {
					hits = append(hits, hit{i, e})
				}
			}
		}
	}
	slices.SortStableFunc(hits, func(a, b hit) int { return cmp.Compare(a.at, b.at) })
	hits = hits[:min(len(hits), limit)]
	values := map[int][][2]string{}
	for _, h := range hits {
		values[h.stream] = append(values[h.stream], [2]string{strconv.FormatInt(h.at, 10), h.line})
	}
	result := []any{}
	for _, i := range slices.Sorted(maps.Keys(values)) {
		result = append(result, map[string]any{"stream": f.streams[i].labels, "values": values[i]})
	}
	return map[string]any{"resultType": "streams", "result": result, "stats": map[string]any{}}, nil
}

var fakeTop = regexp.MustCompile(`^topk\((\d+), (.*)\)$`)

var fakeCount = regexp.MustCompile(`^sum by \(([\w,]*)\) \(count_over_time\((.*) \[(\d+)s\] offset 1([nm])s\)\)$`)

// sums evaluates a count at an instant: what stands in [at-range, at).
func (f *fakeLoki) sums(query string, at int64) (map[string]int64, map[string]map[string]string, error) {
	top := 0
	if m := fakeTop.FindStringSubmatch(query); m != nil {
		top, _ = strconv.Atoi(m[1])
		query = m[2]
	}
	m := fakeCount.FindStringSubmatch(query)
	if m == nil {
		return nil, nil, fmt.Errorf("parse error: %q", query)
	}
	match, pipeline, err := fakeMatchers(m[2])
	if err != nil {
		return nil, nil, err
	}
	stages, rest, err := fakeStages(pipeline)
	if err != nil || strings.TrimSpace(rest) != "" {
		return nil, nil, fmt.Errorf("parse error: %q: %v", rest, err)
	}
	seconds, _ := strconv.ParseInt(m[3], 10, 64)
	if m[4] == "m" {
		at -= int64(time.Millisecond - time.Nanosecond)
	}
	from := at - seconds*int64(time.Second)
	sums, metrics := map[string]int64{}, map[string]map[string]string{}
	for _, s := range f.streams {
		if !match(s.labels) {
			continue
		}
		i, _ := slices.BinarySearchFunc(s.entries, from, func(e fakeEntry, at int64) int { return cmp.Compare(e.at, at) })
		for ; i < len(s.entries) && s.entries[i].at < at; i++ {
			labels, ok := stages.run(s.labels, s.entries[i].line)
			if !ok || f.unseen(s.entries[i].at) {
				continue
			}
			metric := map[string]string{}
			key := ""
			for name := range strings.SplitSeq(m[1], ",") {
				if v := labels[name]; v != "" {
					metric[name] = v
				}
				key += labels[name] + "\x00"
			}
			sums[key]++
			metrics[key] = metric
		}
	}
	if top > 0 && len(sums) > top {
		keys := slices.SortedFunc(maps.Keys(sums), func(a, b string) int { return cmp.Or(cmp.Compare(sums[b], sums[a]), cmp.Compare(a, b)) })
		for _, key := range keys[top:] {
			delete(sums, key)
		}
	}
	if f.maxSeries > 0 && len(sums) > f.maxSeries {
		return nil, nil, fmt.Errorf("maximum of series (%d) reached for a single query", f.maxSeries)
	}
	return sums, metrics, nil
}

func (f *fakeLoki) vector(r *http.Request, at int64) (any, error) {
	sums, metrics, err := f.sums(r.Form.Get("query"), at)
	if err != nil {
		return nil, err
	}
	result := []any{}
	for _, key := range slices.Sorted(maps.Keys(sums)) {
		result = append(result, map[string]any{"metric": metrics[key], "value": []any{float64(at) / 1e9, strconv.FormatInt(sums[key], 10)}})
	}
	reached := 1
	if at <= f.stored.UnixNano() {
		reached = 0
	}
	return map[string]any{"resultType": "vector", "result": result, "stats": map[string]any{"ingester": map[string]any{"totalReached": reached}}}, nil
}

// unseen says that only a writer's memory holds an entry, where it is not looked for.
func (f *fakeLoki) unseen(at int64) bool {
	return f.late != nil && at < f.stored.UnixNano() && f.late(at)
}

func (f *fakeLoki) matrix(r *http.Request, from, to int64) (any, error) {
	step, err := strconv.ParseInt(r.Form.Get("step"), 10, 64)
	if err != nil || step <= 0 {
		return nil, fmt.Errorf("step: %q", r.Form.Get("step"))
	}
	step *= int64(time.Second)
	if strings.Contains(r.Form.Get("query"), "offset 1ns") { // as Loki 3.7.8 does, which is right at an instant
		return map[string]any{"resultType": "matrix", "result": []any{}}, nil
	}
	values, metrics := map[string][][2]any{}, map[string]map[string]string{}
	for at := from - from%step; at <= to; at += step {
		sums, m, err := f.sums(r.Form.Get("query"), at)
		if err != nil {
			return nil, err
		}
		maps.Copy(metrics, m)
		for key, n := range sums {
			values[key] = append(values[key], [2]any{float64(at) / 1e9, strconv.FormatInt(n, 10)})
		}
	}
	if f.maxSeries > 0 && len(values) > f.maxSeries {
		return nil, fmt.Errorf("maximum of series (%d) reached for a single query", f.maxSeries)
	}
	result := []any{}
	for _, key := range slices.Sorted(maps.Keys(values)) {
		result = append(result, map[string]any{"metric": metrics[key], "values": values[key]})
	}
	return map[string]any{"resultType": "matrix", "result": result, "stats": map[string]any{}}, nil
}

var fakeMatcher = regexp.MustCompile(`^\s*(\w+)\s*(=~|!~|!=|=)\s*("(?:[^"\\]|\\.)*"|` + "`[^`]*`" + `)\s*,?`)

// fakeMatchers reads a stream selector; rest is the pipeline behind it.
func fakeMatchers(s string) (match func(map[string]string) bool, rest string, err error) {
	s, ok := strings.CutPrefix(strings.TrimSpace(s), "{")
	if !ok {
		return nil, "", fmt.Errorf("parse error: no selector in %q", s)
	}
	var all []func(map[string]string) bool
	for {
		if after, end := strings.CutPrefix(strings.TrimSpace(s), "}"); end {
			return func(l map[string]string) bool {
				return !slices.ContainsFunc(all, func(m func(map[string]string) bool) bool { return !m(l) })
			}, strings.TrimSpace(after), nil
		}
		m := fakeMatcher.FindStringSubmatch(s)
		if m == nil {
			return nil, "", fmt.Errorf("parse error: %q", s)
		}
		s = s[len(m[0]):]
		one, err := fakeCompare(m[1], m[2], m[3])
		if err != nil {
			return nil, "", err
		}
		all = append(all, one)
	}
}

func fakeCompare(name, op, quoted string) (func(map[string]string) bool, error) {
	value, err := strconv.Unquote(quoted)
	if err != nil {
		return nil, err
	}
	if op == "=" || op == "!=" {
		return func(l map[string]string) bool { return (l[name] == value) == (op == "=") }, nil
	}
	re, err := regexp.Compile("^(?:" + value + ")$")
	if err != nil {
		return nil, err
	}
	return func(l map[string]string) bool { return re.MatchString(l[name]) == (op == "=~") }, nil
}

// fakePipeline takes an entry through its stages.
type fakePipeline []func(labels map[string]string, line *string) bool

func (p fakePipeline) run(stream map[string]string, line string) (map[string]string, bool) {
	if len(p) == 0 {
		return stream, true
	}
	labels := maps.Clone(stream)
	for _, stage := range p {
		if !stage(labels, &line) {
			return nil, false
		}
	}
	return labels, true
}

var fakeLineFilter = regexp.MustCompile(`^\|=\s*("(?:[^"\\]|\\.)*"|` + "`[^`]*`" + `)\s*`)

func fakeStages(s string) (p fakePipeline, rest string, err error) {
	for {
		s = strings.TrimSpace(s)
		if m := fakeLineFilter.FindStringSubmatch(s); m != nil {
			want, err := strconv.Unquote(m[1])
			if err != nil {
				return nil, "", err
			}
			p = append(p, func(_ map[string]string, line *string) bool { return strings.Contains(*line, want) })
			s = s[len(m[0]):]
			continue
		}
		stage, rest, err := fakeParser(s)
		if err != nil || stage == nil {
			return p, s, err
		}
		p, s = append(p, stage), rest
	}
}

var (
	fakePattern = regexp.MustCompile(`^\|\s*pattern\s+("(?:[^"\\]|\\.)*")\s*`)
	fakeLine    = regexp.MustCompile(`^\|\s*line_format\s+("(?:[^"\\]|\\.)*")\s*`)
	fakeFormat  = regexp.MustCompile(`^\|\s*label_format\s+`)
	fakeSet     = regexp.MustCompile("^(\\w+)=`([^`]*)`\\s*,?\\s*")
	fakeLabel   = regexp.MustCompile(`^\|\s*(\w+)\s*(=~|!~|!=|=)\s*("(?:[^"\\]|\\.)*"|` + "`[^`]*`" + `)\s*`)
)

// fakeParser reads a pattern, a line_format, a label_format or a label filter from the start of s.
func fakeParser(s string) (func(map[string]string, *string) bool, string, error) {
	if m := fakeLine.FindStringSubmatch(s); m != nil {
		text, err := strconv.Unquote(m[1])
		if err != nil {
			return nil, "", err
		}
		t, err := fakeTemplate(text)
		return func(labels map[string]string, line *string) bool { *line = fakeExecute(t, labels); return true }, s[len(m[0]):], err
	}
	if m := fakePattern.FindStringSubmatch(s); m != nil {
		text, err := strconv.Unquote(m[1])
		if err != nil {
			return nil, "", err
		}
		// Written after Loki's own, not with the code under test: a name takes all up to the literal behind it, and all that
		// is left where that does not come.
		literals := regexp.MustCompile(`<\w+>`).Split(text, -1)
		names := regexp.MustCompile(`<(\w+)>`).FindAllStringSubmatch(text, -1)
		return func(labels map[string]string, line *string) bool {
			left, found := strings.CutPrefix(*line, literals[0])
			for i, name := range names {
				if !found {
					break
				}
				value := left
				if literals[i+1] != "" || i+1 < len(names) {
					value, left, found = strings.Cut(left, literals[i+1])
				}
				if name[1] != "_" {
					labels[name[1]] = value
				}
			}
			return true
		}, s[len(m[0]):], nil
	}
	if m := fakeFormat.FindString(s); m != "" {
		var sets [][2]string
		for s = s[len(m):]; ; {
			set := fakeSet.FindStringSubmatch(s)
			if set == nil {
				break
			}
			sets = append(sets, [2]string{set[1], set[2]})
			s = s[len(set[0]):]
		}
		var templates []*template.Template
		for _, set := range sets {
			t, err := fakeTemplate(set[1])
			if err != nil {
				return nil, "", err
			}
			templates = append(templates, t)
		}
		return func(labels map[string]string, _ *string) bool {
			for i, t := range templates {
				labels[sets[i][0]] = fakeExecute(t, labels)
			}
			return true
		}, s, nil
	}
	if m := fakeLabel.FindStringSubmatch(s); m != nil {
		match, err := fakeCompare(m[1], m[2], m[3])
		return func(labels map[string]string, _ *string) bool { return match(labels) }, s[len(m[0]):], err
	}
	return nil, s, nil
}

func fakeTemplate(text string) (*template.Template, error) {
	return template.New("").Option("missingkey=zero").Funcs(template.FuncMap{"regexReplaceAll": func(re, s, by string) (string, error) {
		r, err := regexp.Compile(re)
		if err != nil {
			return "", err
		}
		return r.ReplaceAllString(s, by), nil
	}}).Parse(text)
}

func fakeExecute(t *template.Template, labels map[string]string) string {
	var b strings.Builder
	if err := t.Execute(&b, labels); err != nil {
		panic(err)
	}
	return b.String()
}
