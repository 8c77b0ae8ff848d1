package parsers

import (
	"bytes"
	"path"
	"time"
)

// HAProxy's log of requests (option httplog), as syslog, journald or a container's standard output hold it:
//
//	2026-02-11T00:00:04.123456+01:00 lb1 haproxy[1290]: 203.0.113.9:50122 [11/Feb/2026:00:00:03.884] www~ app/web1 0/0/1/80/82 200 5120 - - ---- 12/12/3/1/0 0/0 {shop.example.com|Mozilla/5.0 (X11; Linux x86_64)} "GET /tea/ HTTP/1.1"
//
// Its own date names no zone, so the wrapper's is taken, that of the end of the request; without one, the zone that the user
// or the host's own clock names. Which of the captured headers is the
// agent, the Referer and the host is told by what they look like, and then goes for the whole file.
var _ = register(Parser{
	Name:  "haproxy",
	Doc:   "HAProxy's log of requests (option httplog): access",
	Match: matchHAProxy,
	Parse: parseHAProxy,
})

func matchHAProxy(h *Head) int {
	lines := h.Lines(accessSample)
	ours := 0
	var r haproxyReader
	for _, line := range lines {
		if e := unwrap(line); r.read(e.Msg) {
			ours++
		}
	}
	switch {
	case ours == 0:
		return 0
	case ours*2 >= len(lines):
		return SureMark
	}
	return SureHabit // HAProxy's own notices among few requests
}

func parseHAProxy(src *Source, emit func(Record)) error {
	var r haproxyReader
	return EachLine(src, func(line []byte, at Pos) {
		e := unwrap(line)
		switch {
		case !r.read(e.Msg):
			if f := haproxyFact(e.Msg); f != nil {
				rec := Record{Time: e.Time, Clock: e.Clock, At: at, Raw: line, Fact: f}
				emit(rec)
			} else if bytes.Contains(e.Msg, []byte(`] `)) && bytes.HasSuffix(e.Msg, []byte(`"`)) {
				src.Skip(at.Line, line, "no request as option httplog writes it")
			}
		case e.Clock == ZonedClock:
			emit(Record{Time: e.Time.Add(-r.took), Clock: ZonedClock, At: at, Raw: line, Fact: &r.Access})
		case src.Hints != nil && src.Hints.Zone != nil && !r.date.IsZero():
			t := r.date
			t = time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), src.Hints.Zone)
			emit(Record{Time: t, Clock: ZonedClock, At: at, Raw: line, Fact: &r.Access})
		default:
			src.Skip(at.Line, line, "neither HAProxy's date nor that of syslog names a zone: name it with --tz "+path.Base(src.Name)+"=ZONE, or add the output of timedatectl")
		}
	})
}

// haproxyFact reads what HAProxy says of the servers that it asks:
//
//	Server app/web1 is DOWN, reason: Layer4 timeout, check duration: 2001ms. 1 active and 0 backup servers left. …
//	backend app has no server available!
func haproxyFact(msg []byte) Fact {
	if rest, ok := bytes.CutPrefix(msg, []byte("Server ")); ok {
		name, rest, ok := bytes.Cut(rest, []byte(" is DOWN"))
		if !ok || bytes.IndexByte(name, ' ') >= 0 {
			return nil
		}
		reason, _ := bytes.CutPrefix(rest, []byte(", reason: "))
		reason, _, _ = bytes.Cut(reason, []byte(","))
		return &ServiceEvent{Event: "backend-down", Unit: evidenceText(name), Program: "haproxy", Result: evidenceText(reason), Text: evidenceText(msg)}
	}
	if rest, ok := bytes.CutPrefix(msg, []byte("backend ")); ok && bytes.Contains(rest, []byte(" has no server available!")) {
		name, _, _ := bytes.Cut(rest, []byte(" "))
		return &ServiceEvent{Event: "backend-down", Unit: evidenceText(name), Program: "haproxy", Result: "no server available", Text: evidenceText(msg)}
	}
	return nil
}

// haproxyReader fills one fact again and again, and remembers which captured header is which.
type haproxyReader struct {
	Access
	took                 time.Duration
	date                 time.Time // HAProxy's own, of the beginning, as if UTC; zero = not read
	agent, referer, host int       // 1 = the first capture; 0 = not known
}

func (r *haproxyReader) read(msg []byte) bool {
	client, rest, ok := bytes.Cut(msg, []byte(" ["))
	port := bytes.LastIndexByte(client, ':')
	if !ok || port <= 0 || bytes.IndexByte(client, ' ') >= 0 {
		return false
	}
	date, rest, _ := bytes.Cut(rest, []byte("] "))
	var f [10][]byte // frontend, backend/server, timers, status, bytes, two cookies, how it ended, connections, queues
	for i := range f {
		if f[i], rest, ok = bytes.Cut(rest, []byte(" ")); !ok || len(f[i]) == 0 {
			return false
		}
	}
	timers := bytes.Count(f[2], []byte("/"))
	status, known := statusCode(f[3])
	if timers < 4 || !known && string(f[3]) != "-1" || bytes.Count(f[8], []byte("/")) != 4 || bytes.Count(f[9], []byte("/")) != 1 || len(f[7]) != 4 {
		return false
	}
	// the request is the last quoted thing: a captured header may hold quotes
	at := 0
	if bytes.HasPrefix(rest, []byte("{")) {
		at = bytes.LastIndex(rest, []byte(` "`)) + 1
	}
	captures := bytes.TrimSuffix(rest[:at], []byte(" "))
	rest, ok = bytes.CutPrefix(rest[at:], []byte(`"`))
	request, _, closed := bytes.Cut(rest, []byte(`"`))
	if !ok || !closed {
		return false
	}
	r.Access = Access{Client: client[:port], Request: request, Status: status}
	if method, target, ok := bytes.Cut(request, []byte(" ")); ok && isMethod(method) {
		r.Method = method
		r.Path, r.Protocol, _ = bytes.Cut(target, []byte(" "))
	}
	if n, tail := leadingInt(bytes.TrimPrefix(f[4], []byte("+"))); n >= 0 && len(tail) == 0 {
		r.Bytes = Some(n)
	}
	r.date, r.took = time.Time{}, 0
	if t, err := time.Parse("02/Jan/2006:15:04:05.000", string(date[:min(len(date), 40)])); err == nil {
		r.date = t
	}
	if n, tail := leadingInt(bytes.TrimPrefix(f[2][bytes.LastIndexByte(f[2], '/')+1:], []byte("+"))); n >= 0 && len(tail) == 0 {
		r.took = time.Duration(min(n, 86_400_000)) * time.Millisecond
		r.RequestTime = SomeF(r.took.Seconds())
	}
	r.UpstreamAddr = given(f[1])
	r.headers(captures)
	return true
}

// headers reads `{shop.example.com|Mozilla/5.0 (X11)}`; a second pair of braces holds the answer's.
func (r *haproxyReader) headers(captures []byte) {
	if len(captures) < 2 || captures[0] != '{' {
		return
	}
	list, _, _ := bytes.Cut(captures[1:], []byte("} {"))
	list = bytes.TrimSuffix(list, []byte("}"))
	for i := 1; len(list) > 0; i++ {
		var one []byte
		one, list, _ = bytes.Cut(list, []byte("|"))
		slash := bytes.IndexByte(one, '/')
		switch {
		case i != r.agent && r.referer == 0 && (bytes.HasPrefix(one, []byte("http://")) || bytes.HasPrefix(one, []byte("https://"))):
			r.referer = i
		case slash > 0 && slash+1 < len(one) && isDigit(one[slash+1]) && r.agent == 0: // a product and its version
			r.agent = i
		case slash < 0 && bytes.IndexByte(one, '.') > 0 && bytes.IndexByte(one, ' ') < 0 && r.host == 0:
			r.host = i
		}
		switch i {
		case r.agent:
			r.Agent = given(one)
		case r.referer:
			r.Referer = given(one)
		case r.host:
			r.Host = one
		}
	}
	r.AgentLogged, r.RefererLogged = r.agent > 0, r.referer > 0
}
