package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"culprit/cmd/internal/collect"
	"culprit/correlate"
	"culprit/parsers"
)

// hour is the time of entries that need none of their own.
var hour = time.Date(2026, 4, 20, 1, 0, 0, 0, time.UTC)

// readLoki reads all logs of an argument: their lines by name, and what is said of them.
func readLoki(t *testing.T, arg string, o collect.LokiOptions) (lines, notes map[string]string, errs []string) {
	t.Helper()
	o.Sleep = func(context.Context, time.Duration) {}
	lines, notes = map[string]string{}, map[string]string{}
	for _, u := range collect.Loki(t.Context(), arg, o) {
		err := u.Each(t.Context(), func(in collect.Input) error {
			if in.Err != nil {
				errs = append(errs, in.Name+": "+in.Err.Error())
				return nil
			}
			b, err := io.ReadAll(in.R)
			if err != nil {
				errs = append(errs, in.Name+": "+err.Error())
			}
			lines[in.Name], notes[in.Name] = string(b), in.Note()
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return lines, notes, errs
}

func webLabels(host string) map[string]string {
	return map[string]string{"job": "nginx", "host": host, "filename": "/var/log/nginx/access.log"}
}

// many pushes n lines over two hours, with stretches where many share a nanosecond.
func (f *fakeLoki) many(n int) (want string) {
	var b strings.Builder
	for i := range n {
		at := hour.Add(time.Duration(i-i%7) * 2 * time.Hour / time.Duration(n))
		line := fmt.Sprintf("line %d", i)
		f.push(webLabels("web1"), at, line)
		b.WriteString(line + "\n")
	}
	f.settle()
	return b.String()
}

func TestLokiPagesThroughEverything(t *testing.T) {
	f := newFakeLoki(t)
	want := f.many(23_000)
	lines, notes, errs := readLoki(t, f.arg(`{job="nginx"}`, hour, hour.Add(2*time.Hour)), collect.LokiOptions{})
	name := "loki/web1/var/log/nginx/access.log"
	if lines[name] != want || len(errs) > 0 {
		t.Errorf("%d bytes of %d; errors %q; the first difference at %d", len(lines[name]), len(want), errs, firstDifference(lines[name], want))
	}
	if got := notes[name]; got != "all 23000 entries that Loki counts" {
		t.Errorf("note: %s", got)
	}
	if f.most > 8 {
		t.Errorf("%d queries at the same time", f.most)
	}
}

func firstDifference(a, b string) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	return min(len(a), len(b))
}

// A Loki that refuses, stumbles, cuts its answers short and hangs gives the same lines in the end.
func TestLokiInTrouble(t *testing.T) {
	for _, c := range []struct {
		name  string
		setUp func(f *fakeLoki)
	}{
		{"few entries an answer", func(f *fakeLoki) { f.maxEntries = 700 }},
		{"short ranges", func(f *fakeLoki) { f.maxRange = 7 * time.Minute }},
		{"429 to every other query", func(f *fakeLoki) {
			f.meddle = func(n int, w http.ResponseWriter, _ *http.Request) bool {
				if n%2 == 1 {
					w.Header().Set("Retry-After", "1")
					http.Error(w, "too many outstanding requests", http.StatusTooManyRequests)
				}
				return n%2 == 1
			}
		}},
		{"500 and 503", func(f *fakeLoki) {
			f.meddle = func(n int, w http.ResponseWriter, _ *http.Request) bool {
				if n%3 > 0 {
					http.Error(w, "rpc error: code = Unavailable", 500+3*(n%3-1))
				}
				return n%3 > 0
			}
		}},
		{"answers cut short", func(f *fakeLoki) {
			f.meddle = func(n int, w http.ResponseWriter, r *http.Request) bool {
				if n%4 != 0 {
					return false
				}
				w.Header().Set("Content-Length", "100000")
				fmt.Fprint(w, `{"status":"success","data":{"resultType":"streams","result":[{"stream":{},"values":[["1`)
				return true
			}
		}},
		{"wide queries time out", func(f *fakeLoki) {
			f.meddle = func(_ int, w http.ResponseWriter, r *http.Request) bool {
				if wide := formTime(r, "end")-formTime(r, "start") > int64(20*time.Minute); !wide || !strings.HasSuffix(r.URL.Path, "query_range") {
					return false
				}
				http.Error(w, "context deadline exceeded", http.StatusGatewayTimeout)
				return true
			}
		}},
		{"one query hangs", func(f *fakeLoki) {
			f.meddle = func(n int, _ http.ResponseWriter, r *http.Request) bool {
				if n == 6 {
					<-r.Context().Done()
				}
				return n == 6
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFakeLoki(t)
			want := f.many(3000)
			c.setUp(f)
			o := collect.LokiOptions{Timeout: time.Minute}
			if c.name == "one query hangs" {
				o.Timeout = 2 * time.Second
			}
			lines, notes, errs := readLoki(t, f.arg(`{job="nginx"}`, hour, hour.Add(2*time.Hour)), o)
			name := "loki/web1/var/log/nginx/access.log"
			if lines[name] != want || len(errs) > 0 {
				t.Errorf("%d bytes of %d; errors %q", len(lines[name]), len(want), errs)
			}
			if notes[name] != "all 3000 entries that Loki counts" {
				t.Errorf("note: %s", notes[name])
			}
		})
	}
}

// What cannot be had is said, and the rest is read.
func TestLokiSaysWhatIsMissing(t *testing.T) {
	f := newFakeLoki(t)
	f.many(2000)
	f.hide = map[string]int{"/var/log/nginx/access.log": 94}
	_, notes, _ := readLoki(t, f.arg(`{job="nginx"}`, hour, hour.Add(2*time.Hour)), collect.LokiOptions{})
	if got, want := notes["loki/web1/var/log/nginx/access.log"], "1906 of 2000 entries that Loki counts: 4.7 % missing"; got != want {
		t.Errorf("note %q, want %q", got, want)
	}

	f.hide = nil
	f.meddle = func(_ int, w http.ResponseWriter, r *http.Request) bool {
		lost := strings.HasSuffix(r.URL.Path, "query_range") && formTime(r, "start") >= hour.Add(time.Hour).UnixNano()
		if lost {
			http.Error(w, "the disk is on fire", http.StatusInternalServerError)
		}
		return lost
	}
	lines, _, errs := readLoki(t, f.arg(`{job="nginx"}`, hour, hour.Add(2*time.Hour)), collect.LokiOptions{})
	if n := strings.Count(lines["loki/web1/var/log/nginx/access.log"], "\n"); n < 990 || n > 1010 {
		t.Errorf("%d lines, want those of the first hour", n)
	}
	if len(errs) != 1 || !strings.Contains(errs[0], "1 of 2 stretches of time could not be had; the first: 2026-04-20 02:00:00 to 2026-04-20 03:00:00: answered 500") {
		t.Errorf("errors: %q", errs)
	}
}

// Where Loki looks at what is stored alone, lines and counts agree and lack the same: that is told.
func TestLokiWarnsOfLateEntries(t *testing.T) {
	f := newFakeLoki(t)
	f.many(2000)
	f.stored = hour.Add(time.Hour)
	f.late = func(at int64) bool { return at < hour.Add(3*time.Minute).UnixNano() }
	_, notes, _ := readLoki(t, f.arg(`{job="nginx"}`, hour, hour.Add(2*time.Hour)), collect.LokiOptions{})
	want := "all 1944 entries that Loki counts; before 2026-04-20 02:00:00 Loki looked at what is stored alone: what was pushed there late is missing until its writers flush"
	if got := notes["loki/web1/var/log/nginx/access.log"]; got != want {
		t.Errorf("note %q, want %q", got, want)
	}
}

func TestLokiAuthenticates(t *testing.T) {
	f := newFakeLoki(t)
	f.many(10)
	var seen []string
	f.meddle = func(_ int, w http.ResponseWriter, r *http.Request) bool {
		user, password, _ := r.BasicAuth()
		seen = append(seen, fmt.Sprintf("%s:%s %s %s", user, password, r.Header.Get("X-Scope-OrgID"), strings.TrimPrefix(r.Header.Get("Authorization"), "Basic ")))
		http.Error(w, "no", http.StatusUnauthorized)
		return true
	}
	arg := f.arg(`{job="nginx"}`, hour, hour.Add(time.Hour))
	env := map[string]string{"LOKI_BEARER_TOKEN": "t0ken", "LOKI_ORG_ID": "shop"}
	_, _, errs := readLoki(t, arg, collect.LokiOptions{Getenv: func(name string) string { return env[name] }})
	_, _, more := readLoki(t, strings.Replace(arg, "loki://", "loki://ann:secret@", 1)+"&org=tea", collect.LokiOptions{})
	if want := []string{": shop Bearer t0ken", "ann:secret tea YW5uOnNlY3JldA=="}; !slices.Equal(seen, want) {
		t.Errorf("saw %q, want %q", seen, want)
	}
	for _, err := range append(errs, more...) {
		if !strings.Contains(err, "401") || !strings.Contains(err, "LOKI_BEARER_TOKEN") || strings.Contains(err, "secret") {
			t.Errorf("error %q", err)
		}
	}
}

func TestLokiArguments(t *testing.T) {
	for arg, want := range map[string]string{
		"loki://":                            "names no host",
		"loki://h/":                          "names no selector",
		`loki://h/?selector={job="a"`:        "no end",
		`loki://h/?selector=job`:             `use {label="value"}`,
		`loki://h/?selector={a="b"}&since=x`: `since="x": use 24h`,
		`loki://h/?selector={a="b"}&sinc=1h`: "sinc=1h: not known",
		`loki://h/?selector={a="b"}&read=x`:  "read=x: use counts or lines",
		`loki://h/?selector={a="b"}&since=2026-04-21&until=2026-04-20T00:00:00Z`: "must be before until",
	} {
		_, _, errs := readLoki(t, arg, collect.LokiOptions{Now: hour})
		if len(errs) != 1 || !strings.Contains(errs[0], want) {
			t.Errorf("%s: %q, want %q", arg, errs, want)
		}
	}
}

// lokiOf puts the logs of an incident into a Loki, each line at its own time; what is no log stays on the disk, in the
// folder that comes back.
func lokiOf(t *testing.T, dir string) (f *fakeLoki, arg, rest string) {
	t.Helper()
	f = newFakeLoki(t)
	files := map[string]string{}
	var from, to time.Time
	d, err := newDriver(t.Context(), []string{dir}, nil, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range d.units {
		err := u.Each(t.Context(), func(in collect.Input) error {
			text, err := io.ReadAll(in.R)
			if err != nil {
				return err
			}
			p, ok := d.census.detect(in.Name, text[:min(len(text), headSize)], d.census.hintsFor(in.Host))
			if _, twin := d.census.twins[in.Name]; twin {
				return nil
			}
			if !ok || !slices.Contains([]string{"nginx-access", "nginx-error", "kernel", "syslog", "redis-log"}, p.Name) {
				files[strings.TrimSuffix(in.Name, ".gz")] = string(text)
				return nil
			}
			times := map[int]time.Time{}
			src := &parsers.Source{Name: in.Name, R: bytes.NewReader(text), Hints: d.census.hintsFor(in.Host)}
			if err := parsers.Read(p, src, func(r parsers.Record) {
				if r.Clock == parsers.ZonedClock || r.Clock == parsers.LocalClock && r.Time.Year() > 1 {
					times[r.At.Line] = r.Time
				}
			}); err != nil {
				return err
			}
			name := "/" + in.Name
			if in.Host != "" { // the path names the host, and so will the label
				_, name, _ = strings.Cut(in.Name, in.Host)
			}
			at, n := time.Time{}, 0
			lines := bufio.NewScanner(bytes.NewReader(text))
			lines.Buffer(nil, 1<<20)
			var held []string // before the first time
			for lines.Scan() {
				n++
				if own, ok := times[n]; ok {
					if own.Before(at) {
						own = at // Loki keeps what it gets in the order of its times; a reading must find the file's
					}
					at = own
				}
				if held = append(held, lines.Text()); at.IsZero() {
					continue
				}
				for _, line := range held {
					at = at.Add(time.Nanosecond)
					f.push(map[string]string{"job": p.Name, "host": in.Host, "filename": correlate.Family(name)}, at, line)
				}
				held = held[:0]
				if from.IsZero() || at.Before(from) {
					from = at
				}
				if at.After(to) {
					to = at
				}
			}
			if at.IsZero() {
				files[strings.TrimSuffix(in.Name, ".gz")] = string(text)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	f.settle()
	for _, s := range f.streams {
		if s.labels["host"] == "" {
			delete(s.labels, "host")
		}
	}
	return f, f.arg(`{job=~".+"}`, from.Truncate(time.Hour), to.Add(time.Second)), folder(t, files)
}

// toldBy is what a report says, without the names of the files that say it.
func toldBy(t *testing.T, args ...string) map[string]any {
	t.Helper()
	var out, errs bytes.Buffer
	if code := run(t.Context(), append([]string{"analyze", "--format", "json"}, args...), nil, &out, &errs); code != exitOK {
		t.Fatalf("exit code %d: %s", code, errs.String())
	}
	var rep map[string]any
	if err := json.Unmarshal(out.Bytes(), &rep); err != nil {
		t.Fatal(err)
	}
	return withoutPlaces(map[string]any{
		"verdict": rep["verdict"], "incident": rep["incident"], "culprits": rep["culprits"], "candidates": rep["candidates"], "ledger": rep["ledger"],
		"series": rep["series"], "marks": rep["marks"],
	}).(map[string]any)
}

// withoutPlaces drops files, lines and what quotes them.
func withoutPlaces(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for _, name := range []string{"file", "line", "evidence", "first", "for", "against", "source"} {
			delete(v, name)
		}
		for name, x := range v {
			v[name] = withoutPlaces(x)
		}
	case []any:
		for i, x := range v {
			v[i] = withoutPlaces(x)
		}
	}
	return v
}

// moreIncidents are folders of evidence of one's own to hold Loki and digests against, as a glob.
var moreIncidents = flag.String("incidents", "", "folders of evidence to judge through Loki and digests as well, as a glob")

// incidentFolders are the incidents of the testdata, and those that -args -incidents GLOB names.
func incidentFolders(t *testing.T) []string {
	t.Helper()
	dirs, err := filepath.Glob("../../testdata/incidents/*")
	if err != nil {
		t.Fatal(err)
	}
	more, err := filepath.Glob(*moreIncidents)
	if err != nil {
		t.Fatal(err)
	}
	return append(fewer(dirs), more...)
}

func TestLokiGivesTheLocalVerdict(t *testing.T) {
	for _, dir := range incidentFolders(t) {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			f, arg, rest := lokiOf(t, dir)
			local, remote := toldBy(t, dir), toldBy(t, arg, rest)
			n := 0
			for _, s := range f.streams {
				n += len(s.entries)
			}
			t.Logf("%d lines of %d logs in Loki: %v", n, len(f.streams), local["verdict"])
			if diff := cmp.Diff(local, remote); diff != "" {
				t.Errorf("the files say -, Loki says +:\n%s", diff)
			}
		})
	}
}

// coarse is the verdict and who is blamed, with shares to a tenth: the first and last minute of a count are whole ones, and
// the minutes of a path that nobody embeds are those of all requests.
func coarse(told map[string]any) map[string]any {
	verdict := told["verdict"].(map[string]any)
	out := map[string]any{"outcome": verdict["outcome"], "cause": verdict["cause"]}
	for _, c := range told["culprits"].([]any) {
		c := c.(map[string]any)
		share, _ := c["share"].(float64)
		out[fmt.Sprint(c["kind"], " ", c["value"])] = fmt.Sprintf("%.1f", share)
	}
	return out
}

// A Loki that gives no more than so many series is asked for shorter stretches, and where no stretch is short enough the
// lines are read.
func TestLokiCountsWithinLimits(t *testing.T) {
	f := newFakeLoki(t)
	for i := range 1200 {
		at := hour.Add(time.Duration(i) * 6 * time.Second)
		f.push(webLabels("web1"), at, fmt.Sprintf(`198.51.100.%d - - [%s] "GET /tea-%d.html HTTP/1.1" 200 12 "-" "Mozilla/5.0 (X11)"`, i%250, at.Format("02/Jan/2006:15:04:05 -0700"), i%9))
	}
	f.settle()
	arg := f.arg(`{job="nginx"}`, hour, hour.Add(2*time.Hour)) + "&read=counts"
	for _, c := range []struct {
		series int
		want   string
	}{
		{100, "counted by Loki, not read: 1200 of 1200 entries by client"},
		{5, "read line by line, since it could not be counted: answered 400 Bad Request: maximum of series (5) reached for a single query"},
	} {
		f.maxSeries = c.series
		inc, _, err := incident(t.Context(), []string{arg}, "", nil, 2, correlate.Options{})
		if err != nil {
			t.Fatal(err)
		}
		requests := int64(0)
		inc.Web.EachClient(func(c correlate.Client) { requests += c.Requests })
		if note := inc.Inputs[0].Note; !strings.Contains(note, c.want) || requests != 1200 {
			t.Errorf("at most %d series: %d requests, %s", c.series, requests, note)
		}
	}
}

// Counts that are no numbers are not taken for any: the log is read.
func TestLokiCountsThatAreNone(t *testing.T) {
	f := newFakeLoki(t)
	for i := range 300 {
		at := hour.Add(time.Duration(i) * 6 * time.Second)
		f.push(webLabels("web1"), at, fmt.Sprintf(`198.51.100.%d - - [%s] "GET /tea-%d.html HTTP/1.1" 200 12 "-" "Mozilla/5.0 (X11)"`, i%250, at.Format("02/Jan/2006:15:04:05 -0700"), i%9))
	}
	f.settle()
	for _, sample := range []string{`[1776643260, "many"]`, `[1776643260, "-3"]`, `[1776643260, "NaN"]`, `[1776643260]`, `{"at": 1776643260}`, `7`} {
		f.meddle = func(_ int, w http.ResponseWriter, r *http.Request) bool {
			counting := strings.Contains(r.Form.Get("query"), "c_client")
			if counting {
				fmt.Fprintf(w, `{"status": "success", "data": {"resultType": "matrix", "result": [{"metric": {"c_client": "198.51.100.1"}, "values": [%s]}]}}`, sample)
			}
			return counting
		}
		inc, _, err := incident(t.Context(), []string{f.arg(`{job="nginx"}`, hour, hour.Add(time.Hour)) + "&read=counts"}, "", nil, 2, correlate.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if note := inc.Inputs[0].Note; inc.Inputs[0].Facts != 300 || !strings.Contains(note, "could not be counted: an answer that is none of Loki's") {
			t.Errorf("%s: %d requests, %s", sample, inc.Inputs[0].Facts, note)
		}
	}
}
