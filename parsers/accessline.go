package parsers

import (
	"bytes"
	"strconv"
	"time"
)

// accessLine is one access-log line while it is being read. It is reused from line to line, so that a line costs no
// allocation; the Access it fills borrows from the line, or from buf where a value had to be unescaped or joined.
type accessLine struct {
	Access
	when  time.Time
	clock Clock

	uri, args    []byte // $uri and $args of formats that log them apart
	weak         []byte // a client's address under a name that may also mean a forwarded one ("client")
	peer         []byte // the connection's own address where the client's stands apart ($realip_remote_addr)
	list         []byte // a head that is itself a list: $http_x_forwarded_for where $remote_addr is usual
	realIP       []byte // X-Real-IP and its relatives
	timeRank     int
	onlyCombined bool // since reset nothing was set but by combined
	statuses     int
	requests     int // of request lines, paths and methods; an empty request is one too

	buf   []byte
	times accessClock
	json  jsonWalk
	keys  *jsonFormat // of the line being read
	hits  int         // its keys that meant something
	why   string
}

// accessVar is what a logged value means, whichever format it stands in.
type accessVar uint8

const (
	varIgnore   accessVar = iota
	varTime               // any notation, best effort
	varTimeWeak           // the same under a name that a better one beats ("time" beside "StartUTC")
	varTimeCLF
	varTimeISO
	varTimeEpoch
	varClient
	varClientWeak
	varPeer
	varForwarded
	varRealIP
	varUser
	varRequest
	varMethod
	varURI        // without the query
	varRequestURI // with it
	varHostURI    // $host$request_uri
	varArgs
	varProtocol
	varStatus
	varStatusWeak // a status that another beats (Traefik's OriginStatus)
	varBytes
	varBytesWeak // headers included
	varReferer
	varAgent
	varHost
	varCookie
	varSetCookie
	varSeconds      // request time
	varMillis       // request time in ms
	varNanos        // request time in ns, or seconds when it has a point (Caddy's and Traefik's "duration")
	varUpSeconds    // upstream response time, a list
	varUpNanos      // the same in ns
	varUpstreamCode // upstream status, a list
	varUpstreamAddr
	varCache
	varLogger // Caddy's: its errors name the request too, which its access log tells of
)

// reset forgets the last line but keeps the buffers.
func (l *accessLine) reset() {
	buf, times, json := l.buf[:0], l.times, l.json
	*l = accessLine{buf: buf, times: times, json: json}
}

// set gives one logged value its meaning. It says why when the value cannot be what the format calls it, "" when it can.
func (l *accessLine) set(v accessVar, b []byte) string {
	if len(b) == 0 || len(b) == 1 && b[0] == '-' {
		b = nil
	}
	switch v {
	case varRequest, varRequestURI, varURI, varHostURI, varMethod:
		l.requests++
	}
	switch v {
	case varIgnore:
	case varTimeCLF, varTimeISO, varTimeEpoch, varTime, varTimeWeak:
		return l.setTime(v, b)
	case varClient:
		if bytes.IndexByte(b, ' ') >= 0 && bytes.IndexByte(b, ',') < 0 {
			return "the client's address has a space"
		}
		l.Client = bareAddr(b)
	case varClientWeak:
		l.weak = b
	case varPeer:
		l.peer = b
	case varForwarded:
		if b != nil {
			l.ForwardedFor = b
		}
	case varRealIP:
		if l.realIP == nil {
			l.realIP = b
		}
	case varUser:
		l.User = b
	case varRequest:
		l.Request = b
	case varMethod:
		l.Method = b
	case varURI:
		l.uri = b
	case varRequestURI:
		l.Path = b
	case varHostURI:
		if i := bytes.IndexByte(b, '/'); i >= 0 {
			l.Host, l.Path = b[:i], b[i:]
		} else {
			l.Host = b
		}
	case varArgs:
		l.args = b
	case varProtocol:
		l.Protocol = b
	case varStatus, varStatusWeak:
		if b == nil || v == varStatusWeak && l.Status != 0 {
			return ""
		}
		n, ok := statusCode(b)
		if !ok {
			return "the status is not a three-digit number"
		}
		l.Status = n
		l.statuses++
	case varBytes, varBytesWeak:
		if b == nil || v == varBytesWeak && l.Bytes.OK {
			return ""
		}
		n, ok := decimal(b)
		if !ok {
			return "the size is not a number"
		}
		l.Bytes = Some(n)
	case varReferer:
		l.Referer, l.RefererLogged = b, true
	case varAgent:
		l.Agent, l.AgentLogged = b, true
	case varHost:
		l.Host = hostOnly(b)
	case varCookie:
		l.CookieLogged = true
		if b != nil {
			l.Cookie = b
		}
	case varSetCookie:
		l.SetCookie = b
	case varSeconds:
		l.RequestTime = seconds(b)
	case varMillis:
		if s := seconds(b); s.OK {
			l.RequestTime = SomeF(s.F / 1e3)
		}
	case varNanos:
		l.RequestTime = durationOf(b)
	case varUpSeconds:
		l.UpstreamTime = seconds(lastOfList(b))
	case varUpNanos:
		l.UpstreamTime = durationOf(b)
	case varUpstreamCode:
		l.UpstreamStatus = b
	case varUpstreamAddr:
		l.UpstreamAddr = b
	case varCache:
		l.CacheStatus = b
	case varLogger:
		if bytes.HasPrefix(b, []byte("http.log.error")) {
			return "an error that the access log tells of too"
		}
	}
	return ""
}

func (l *accessLine) setTime(v accessVar, b []byte) string {
	if v == varTimeWeak && l.timeRank > 1 || b == nil {
		return ""
	}
	if v == varTimeCLF || (v == varTime || v == varTimeWeak) && len(b) >= 20 && b[2] == '/' {
		if t, ok := l.times.clf(b); ok {
			l.when, l.clock = t, ZonedClock
		} else if t, ok := clfLocal(b); ok && v != varTimeCLF {
			l.when, l.clock = t, LocalClock
		} else {
			return "the time is not of the form 20/Apr/2026:10:45:12 +0800"
		}
	} else if v == varTimeEpoch || v != varTimeISO && isDigit(b[0]) && (len(b) < 5 || b[4] != '-') {
		t, ok := loggedEpoch(b)
		if !ok {
			return "the time is not a number of seconds since 1970"
		}
		l.when, l.clock = t, ZonedClock
	} else {
		t, clock, n := parseISO(b)
		if n == 0 {
			return "the time is not of the form 2026-04-20T10:45:12+08:00"
		}
		if rest := b[n:]; clock == LocalClock && len(rest) > 1 && rest[0] == ' ' {
			if off, m := parseZone(rest[1:]); m > 0 { // 2026-04-20 10:45:12 +0800
				t, clock = t.Add(-off), ZonedClock
			}
		}
		l.when, l.clock = t, clock
	}
	if l.timeRank = 2; v == varTimeWeak {
		l.timeRank = 1
	}
	return ""
}

// finish derives what the format logged in parts, or only as part of something else. It says why when the line is no
// request at all.
func (l *accessLine) finish() string {
	if l.Client == nil {
		switch {
		case l.list != nil:
			l.Client = originOf(l.list)
		case l.realIP != nil:
			l.Client = bareAddr(l.realIP)
		case l.peer != nil:
			l.Client = bareAddr(l.peer)
			if l.ForwardedFor == nil {
				l.ForwardedFor = l.weak
			}
		case l.weak != nil:
			l.Client = originOf(l.weak)
		case l.ForwardedFor != nil:
			l.Client = originOf(l.ForwardedFor)
		}
	}
	if l.ForwardedFor == nil && l.realIP != nil {
		l.ForwardedFor = l.realIP
	}
	if l.Method == nil && l.Request != nil {
		method, path, proto, ok := splitRequest(l.Request)
		if ok {
			l.Method, l.Protocol = method, proto
			if l.Path == nil {
				l.Path = path
			}
		}
	}
	if l.Path == nil && l.uri != nil {
		l.Path = l.uri
		if l.args != nil && bytes.IndexByte(l.uri, '?') < 0 {
			from := len(l.buf)
			l.buf = append(append(append(l.buf, l.uri...), '?'), bytes.TrimPrefix(l.args, []byte("?"))...)
			l.Path = l.buf[from:]
		}
	}
	if l.timeRank == 0 {
		return "no time"
	}
	return ""
}

// splitRequest takes "GET /path HTTP/1.1" apart. HTTP/0.9 has no protocol: then the method must be a known one. A path
// may hold spaces; TLS bytes and other rubbish have no method.
func splitRequest(r []byte) (method, path, proto []byte, ok bool) {
	i := bytes.IndexByte(r, ' ')
	if i <= 0 || !isMethod(r[:i]) {
		return nil, nil, nil, false
	}
	method, path = r[:i], r[i+1:]
	if j := bytes.LastIndexByte(path, ' '); j >= 0 && bytes.HasPrefix(path[j+1:], []byte("HTTP/")) {
		return method, path[:j], path[j+1:], true
	}
	if len(path) > 0 && (path[0] == '/' || path[0] == '*' || bytes.HasPrefix(path, []byte("http"))) {
		return method, path, nil, true
	}
	return nil, nil, nil, false
}

// isMethod: a token of RFC 9110 as clients send it; 20 characters hold every registered method.
func isMethod(b []byte) bool {
	if len(b) == 0 || len(b) > 20 {
		return false
	}
	for _, c := range b {
		if !(c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c == '-' || c == '_') {
			return false
		}
	}
	return true
}

// statusCode reads three digits; nginx logs 009 after a garbage reply from an upstream.
func statusCode(b []byte) (int, bool) {
	if len(b) != 3 || !isDigit(b[0]) || !isDigit(b[1]) || !isDigit(b[2]) {
		return 0, false
	}
	return int(b[0]-'0')*100 + int(b[1]-'0')*10 + int(b[2]-'0'), true
}

// decimal reads digits that fit int64.
func decimal(b []byte) (int64, bool) {
	if len(b) == 0 || len(b) > 18 {
		return 0, false
	}
	var n int64
	for _, c := range b {
		if !isDigit(c) {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}

// seconds reads "0.002"; anything else is unknown.
func seconds(b []byte) OptF {
	i := bytes.IndexByte(b, '.')
	if i < 0 {
		n, ok := decimal(b)
		return OptF{float64(n), ok}
	}
	whole, ok1 := decimal(b[:i])
	frac, ok2 := decimal(b[i+1:])
	if !ok1 || !ok2 {
		if f, err := strconv.ParseFloat(string(b), 64); err == nil && f >= 0 && f < 1e9 {
			return SomeF(f) // 1.2e-05, as Caddy writes small durations
		}
		return OptF{}
	}
	scale := 1.0
	for range b[i+1:] {
		scale *= 10
	}
	return SomeF(float64(whole) + float64(frac)/scale)
}

// durationOf reads Caddy's seconds (with a point or an exponent, or a small number) and Traefik's whole nanoseconds.
func durationOf(b []byte) OptF {
	s := seconds(b)
	if s.OK && bytes.IndexByte(b, '.') < 0 && s.F >= 1e5 { // no request lasts a day, and none takes 100 us in ns notation unnoticed
		s.F /= 1e9
	}
	return s
}

// lastOfList is the last upstream of "0.000, 0.002" or, after an internal redirect, "0.000 : 0.002".
func lastOfList(b []byte) []byte {
	if i := bytes.LastIndexByte(b, ' '); i >= 0 {
		b = b[i+1:]
	}
	return b
}

// originOf picks the client out of an address list that a proxy logged in the client's place: the first public address,
// since a proxy inside the client's own network adds a private one before it; else the first address; else the first item.
func originOf(list []byte) []byte {
	var first, raw []byte
	for rest := list; len(rest) > 0; {
		var item []byte
		item, rest, _ = bytes.Cut(rest, []byte(","))
		item = bareAddr(bytes.Trim(item, " \""))
		if w := firstWord(item); len(w) < len(item) && scopeOf(w) != notAddr {
			item = w // 203.0.113.9' or '1'='1
		}
		if raw == nil {
			raw = item
		}
		switch scope := scopeOf(item); {
		case scope == publicAddr:
			return item
		case scope == privateAddr && first == nil:
			first = item
		}
	}
	if first != nil {
		return first
	}
	return raw
}

// addrScope tells what sort of IP address b is, without allocating.
type addrScope uint8

const (
	notAddr addrScope = iota
	publicAddr
	privateAddr // private, loopback, link-local, carrier-grade NAT
)

func scopeOf(b []byte) addrScope {
	if bytes.IndexByte(b, ':') >= 0 {
		return scopeOf6(b)
	}
	var octet [4]int
	n, digits := 0, 0
	for _, c := range b {
		switch {
		case isDigit(c) && digits < 3:
			octet[n] = octet[n]*10 + int(c-'0')
			digits++
		case c == '.' && n < 3 && digits > 0:
			n, digits = n+1, 0
		default:
			return notAddr
		}
		if octet[n] > 255 {
			return notAddr
		}
	}
	if n != 3 || digits == 0 {
		return notAddr
	}
	switch a, b := octet[0], octet[1]; {
	case a == 10, a == 127, a == 172 && b&0xf0 == 16, a == 192 && b == 168, a == 169 && b == 254, a == 100 && b&0xc0 == 64:
		return privateAddr
	}
	return publicAddr
}

// scopeOf6 judges by shape: hexadecimal groups between colons, perhaps an IPv4 tail.
func scopeOf6(b []byte) addrScope {
	if len(b) < 2 || len(b) > 45 {
		return notAddr
	}
	colons, digits := 0, 0
	for i, c := range b {
		switch {
		case c == ':':
			colons++
			digits = 0
		case isDigit(c) || c|0x20 >= 'a' && c|0x20 <= 'f':
			if digits++; digits > 4 {
				return notAddr
			}
		case c == '.' && colons > 1:
			tail := b[bytes.LastIndexByte(b[:i], ':')+1:]
			if bytes.IndexByte(tail, ':') >= 0 {
				return notAddr
			}
			return scopeOf(tail)
		default:
			return notAddr
		}
	}
	if colons != 7 && !bytes.Contains(b, []byte("::")) || colons > 8 { // 02:11:04 is a time
		return notAddr
	}
	switch lead := b[0] | 0x20; {
	case string(b) == "::1", lead == 'f' && b[1]|0x20 == 'c', lead == 'f' && b[1]|0x20 == 'd', lead == 'f' && b[1]|0x20 == 'e':
		return privateAddr
	}
	return publicAddr
}

// bareAddr takes the port off "192.0.2.1:443" and "[2001:db8::1]:443".
func bareAddr(b []byte) []byte {
	if len(b) > 2 && b[0] == '[' {
		if i := bytes.IndexByte(b, ']'); i > 0 {
			return b[1:i]
		}
	}
	if i := bytes.IndexByte(b, ':'); i > 0 && bytes.IndexByte(b[i+1:], ':') < 0 && bytes.IndexByte(b[:i], '.') > 0 {
		if _, ok := decimal(b[i+1:]); ok {
			return b[:i]
		}
	}
	return b
}

// hostOnly takes the port off "shop.example.com:443".
func hostOnly(b []byte) []byte {
	if i := bytes.LastIndexByte(b, ':'); i > 0 && (b[i-1] == ']' || bytes.IndexByte(b[:i], ':') < 0) {
		if _, ok := decimal(b[i+1:]); ok || i == len(b)-1 { // a unix socket has no $server_port
			return b[:i]
		}
	}
	return b
}
