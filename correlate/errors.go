package correlate

import (
	"culprit/parsers"
)

// errorFold sums the lines of web-server error logs by file and signature. Times stay raw: such logs carry no zone.
type errorFold map[errorKey]*errorSum

type errorKey struct{ file, signature string }

type errorSum struct {
	n           int64
	first, last example
	minutes     map[int64]int64 // raw minute -> lines: pairs the file's clock with the access log's 5xx
	clients     map[string]int64
	routes      map[string]int64
	clock       parsers.Clock
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
	s.last.offerLast(r)
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
		have.last.mergeLast(s.last)
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

func (e *example) offerLast(r parsers.Record) {
	if e.at.File == "" || e.t.Before(r.Time) || e.t.Equal(r.Time) && e.at.Compare(r.At) < 0 {
		e.t, e.at, e.text = r.Time, r.At, clip(r.Raw)
	}
}

func (e *example) mergeLast(o example) {
	if o.at.File != "" && (e.at.File == "" || e.t.Before(o.t) || e.t.Equal(o.t) && e.at.Compare(o.at) < 0) {
		*e = o
	}
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
