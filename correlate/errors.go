package correlate

import (
	"culprit/parsers"
)

// errorFold sums the lines of web-server error logs by file and signature. Times stay raw: such logs carry no zone.
type errorFold map[errorKey]*errorSum

type errorKey struct{ file, signature string }

type errorSum struct {
	n       int64
	first   example
	last    lastExample
	minutes map[int64]int64 // raw minute -> lines: pairs the file's clock with the access log's 5xx
	clients map[string]int64
	routes  map[string]int64
	clock   parsers.Clock
}

// maxErrorClients bounds the addresses kept per signature and file; which are kept depends on arrival, so they only ever
// serve as a share of a count that is exact. An error log that names more clients names nobody.
const maxErrorClients = 10000

func (e errorFold) add(r parsers.Record, f *parsers.WebError) {
	key := errorKey{r.At.File, f.Signature}
	s := e[key]
	if s == nil {
		s = &errorSum{minutes: map[int64]int64{}, clients: map[string]int64{}, routes: map[string]int64{}}
		e[key] = s
	}
	s.n++
	s.clock = r.Clock
	s.first.offer(&r)
	s.last.offer(&r)
	if !r.Time.IsZero() {
		s.minutes[floorDiv(r.Time.Unix(), 60)]++
	}
	count(s.clients, f.Client)
	if path := requestPath(f.Request); path != "" {
		count(s.routes, string(Route([]byte(path), nil)))
	}
}

func count(m map[string]int64, key string) {
	if key == "" {
		return
	}
	if _, ok := m[key]; ok || len(m) < maxErrorClients {
		m[key]++
	}
}

// requestPath is the target of a quoted request line.
func requestPath(request string) string {
	start := 0
	for start < len(request) && request[start] != ' ' {
		start++
	}
	if start++; start >= len(request) {
		return ""
	}
	end := start
	for end < len(request) && request[end] != ' ' {
		end++
	}
	return request[start:end]
}

func (e errorFold) merge(o errorFold) {
	for key, s := range o {
		have := e[key]
		if have == nil {
			e[key] = s
			continue
		}
		have.n += s.n
		have.first.merge(s.first)
		have.last.merge(&s.last)
		for m, n := range s.minutes {
			have.minutes[m] += n
		}
		for c, n := range s.clients {
			have.clients[c] += n
		}
		for c, n := range s.routes {
			have.routes[c] += n
		}
	}
}

// lastExample is the latest line of a group. In an error log nearly every line is that for a moment: what of it must not be
// quoted is blanked when it is asked for, which saved a twentieth of an analysis.
type lastExample struct {
	example
	raw []byte // the example's line, until settle makes its text of it
}

func (e *lastExample) offer(r *parsers.Record) {
	if e.at.File == "" || e.t.Before(r.Time) || e.t.Equal(r.Time) && e.at.Compare(r.At) < 0 {
		e.t, e.at, e.raw = r.Time, r.At, append(e.raw[:0], r.Raw[:min(len(r.Raw), maxEvidenceText)]...)
	}
}

func (e *lastExample) merge(o *lastExample) {
	o.settle()
	if o.at.File != "" && (e.at.File == "" || e.t.Before(o.t) || e.t.Equal(o.t) && e.at.Compare(o.at) < 0) {
		*e = *o
	}
}

// settle makes the text; whoever reads it calls this first.
func (e *lastExample) settle() *example {
	if e.raw != nil {
		e.text, e.raw = clip(e.raw), nil
	}
	return &e.example
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
