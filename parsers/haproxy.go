package parsers

import (
	"bytes"
	"time"
)

// HAProxy's log of requests (option httplog), as syslog, journald or a container's standard output hold it:
//
//	2026-02-11T00:00:04.123456+01:00 lb1 haproxy[1290]: 203.0.113.9:50122 [11/Feb/2026:00:00:03.884] www~ app/web1 0/0/1/80/82 200 5120 - - ---- 12/12/3/1/0 0/0 {shop.example.com|Mozilla/5.0 (X11; Linux x86_64)} "GET /tea/ HTTP/1.1"
//
// Its own date names no zone, so the wrapper's is taken, that of the end of the request. Which of the captured headers is the
// agent, the Referer and the host is told by what they look like, and then goes for the whole file.
var _ = register(Parser{
	Name:  "haproxy",
	Doc:   "HAProxy's log of requests (option httplog): access",
	Match: matchHAProxy,
	Parse: parseHAProxy,
})

func matchHAProxy(_ string, head []byte) int {
	lines := HeadLines(head, accessSample)
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
			if bytes.Contains(e.Msg, []byte(`] `)) && bytes.HasSuffix(e.Msg, []byte(`"`)) {
				src.Skip(at.Line, line, "no request as option httplog writes it")
			}
		case e.Clock != ZonedClock:
			src.Skip(at.Line, line, "neither HAProxy's date nor that of syslog names a zone, and a request without one cannot be placed: export it with journalctl -o short-iso, or have rsyslog write RSYSLOG_FileFormat")
		default:
			emit(Record{Time: e.Time.Add(-r.took), Clock: ZonedClock, At: at, Raw: line, Fact: &r.Access})
		}
	})
}

// haproxyReader fills one fact again and again, and remembers which captured header is which.
type haproxyReader struct {
	Access
	took                 time.Duration
	agent, referer, host int // 1 = the first capture; 0 = not known
}

func (r *haproxyReader) read(msg []byte) bool {
	client, rest, ok := bytes.Cut(msg, []byte(" ["))
	port := bytes.LastIndexByte(client, ':')
	if !ok || port <= 0 || bytes.IndexByte(client, ' ') >= 0 {
		return false
	}
	_, rest, _ = bytes.Cut(rest, []byte("] "))
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
	r.took = 0
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
