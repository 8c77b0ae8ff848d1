package parsers

import (
	"bytes"
	"time"
)

// The W3C's extended log format of IIS and CloudFront names its columns in a line of its own, and its times are UTC:
//
//	#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) sc-status sc-substatus sc-win32-status time-taken
//	2026-04-20 10:45:12 10.0.0.5 GET /tea page=2 443 - 203.0.113.9 Mozilla/5.0+(X11;+Linux+x86_64) - 200 0 0 58
//
// https://www.w3.org/TR/WD-logfile.html
type w3cFormat struct {
	columns []accessVar
	date    int // its column; -1 = none
	time    int
	tabs    bool // CloudFront's: times taken are seconds, and agents are percent-encoded
}

var w3cFields = []byte("#Fields:")

// newW3C reads the columns that a file's head names.
func newW3C(head []byte) (accessFormat, bool) {
	at := bytes.Index(head, w3cFields)
	if at < 0 || at > 0 && head[at-1] != '\n' {
		return accessFormat{}, false
	}
	line, _, ok := bytes.Cut(head[at+len(w3cFields):], []byte("\n"))
	if !ok {
		return accessFormat{}, false
	}
	f := w3cFormat{date: -1, time: -1}
	for i, name := range bytes.Fields(line) {
		switch string(bytes.ToLower(name)) {
		case "date":
			f.date = i
		case "time":
			f.time = i
		case "x-edge-location":
			f.tabs = true
		}
		f.columns = append(f.columns, w3cVar(string(bytes.ToLower(name))))
	}
	if f.date < 0 || f.time < 0 || len(f.columns) < 4 {
		return accessFormat{}, false
	}
	return accessFormat{name: w3cName, match: f.match}, true
}

const w3cName = "w3c"

func w3cVar(name string) accessVar {
	switch name {
	case "c-ip":
		return varClient
	case "cs-method":
		return varMethod
	case "cs-uri-stem":
		return varURI
	case "cs-uri-query":
		return varArgs
	case "cs-uri":
		return varRequestURI
	case "sc-status":
		return varStatus
	case "sc-bytes":
		return varBytes
	case "cs(user-agent)":
		return varAgent
	case "cs(referer)":
		return varReferer
	case "cs-host", "cs(host)", "x-host-header":
		return varHost
	case "x-forwarded-for", "cs(x-forwarded-for)":
		return varForwarded
	case "time-taken":
		return varMillis
	}
	return varIgnore
}

func (f w3cFormat) match(l *accessLine, line []byte) string {
	var date, clock []byte
	col := 0
	for rest := bytes.TrimRight(line, "\r"); len(rest) > 0; col++ {
		var val []byte
		if i := bytes.IndexAny(rest, " \t"); i >= 0 {
			val, rest = rest[:i], rest[i+1:]
		} else {
			val, rest = rest, nil
		}
		if col == len(f.columns) {
			return "more columns than #Fields names"
		}
		v := f.columns[col]
		switch {
		case col == f.date:
			date = val
		case col == f.time:
			clock = val
		case v == varAgent:
			val = l.spaced(val)
		case v == varMillis && f.tabs:
			v = varSeconds
		}
		if why := l.set(v, val); why != "" {
			return why
		}
	}
	if col < len(f.columns) {
		return "fewer columns than #Fields names"
	}
	t, _, n := parseISO(append(append(append(l.room(), date...), 'T'), clock...))
	if n == 0 {
		return "no date and time as #Fields names them"
	}
	l.when, l.clock, l.timeRank = time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC), ZonedClock, 2
	return l.complete()
}

// room is the end of buf, for what is not kept.
func (l *accessLine) room() []byte { return l.buf[len(l.buf):] }

// spaced gives an agent its spaces back, which IIS writes as + and CloudFront as %20.
func (l *accessLine) spaced(val []byte) []byte {
	if bytes.IndexByte(val, '+') < 0 && bytes.IndexByte(val, '%') < 0 {
		return val
	}
	from := len(l.buf)
	for i := 0; i < len(val); i++ {
		switch {
		case val[i] == '+':
			l.buf = append(l.buf, ' ')
		case bytes.HasPrefix(val[i:], []byte("%2520")):
			l.buf = append(l.buf, ' ')
			i += 4
		case bytes.HasPrefix(val[i:], []byte("%20")):
			l.buf = append(l.buf, ' ')
			i += 2
		default:
			l.buf = append(l.buf, val[i])
		}
	}
	return l.buf[from:]
}
