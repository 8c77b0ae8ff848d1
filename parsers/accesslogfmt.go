package parsers

import "bytes"

// matchLogfmt reads key=value fields: Rails' lograge, Heroku's router, services written in Go. What stands before the first of
// them is a logger's head, and may hold the time.
//
//	I, [2026-04-20T10:45:12.042379 #17]  INFO -- : method=GET path=/tea format=html status=200 duration=58.33 remote_ip=203.0.113.9
//	2026-04-20T10:45:12.042379+00:00 heroku[router]: at=info method=GET path="/tea" host=shop.example.com fwd="203.0.113.9" service=18ms status=200 bytes=153
//	time=2026-04-20T10:45:12Z client=203.0.113.9 method=GET uri="/tea" status=200 bytes=153 rt=0.018
func matchLogfmt(l *accessLine, line []byte) string {
	first := -1
	for rest := line; len(rest) > 0; {
		at := bytes.IndexByte(rest, '=')
		if at < 0 {
			break
		}
		key := rest[bytes.LastIndexByte(rest[:at], ' ')+1 : at]
		rest = rest[at+1:]
		if len(key) == 0 || len(key) > 40 || !isKey(key) {
			continue
		}
		if first < 0 {
			first = len(line) - len(rest) - len(key) - 1
		}
		var val []byte
		if len(rest) > 0 && rest[0] == '"' {
			end := quoteEnd(rest[1:])
			if end < 0 {
				return "a closing quote is missing"
			}
			val, rest = rest[1:1+end], rest[end+2:]
		} else {
			val, rest = word(rest)
		}
		if v, val := logfmtVar(key, val); v != varIgnore {
			if why := l.set(v, val); why != "" {
				return why
			}
		}
	}
	switch {
	case first < 0:
		return "no key=value fields"
	case l.Method == nil || l.uri == nil && l.Path == nil: // a program's other messages have a status too
		return "no method and path among the fields"
	case l.timeRank == 0 && !l.guessTime(line[:first]):
		return "no time in the line"
	}
	return l.complete()
}

// logfmtVar is what a key means whose durations have units ("18ms"), or are milliseconds where they have none (lograge).
func logfmtVar(key, val []byte) (accessVar, []byte) {
	v := accessKey(key)
	if string(key) == "service" { // Heroku's: what the application took
		v = varNanos
	}
	if v != varNanos && v != varSeconds {
		return v, val
	}
	switch {
	case bytes.HasSuffix(val, []byte("ms")):
		return varMillis, val[:len(val)-2]
	case bytes.HasSuffix(val, []byte("µs")), bytes.HasSuffix(val, []byte("us")), bytes.HasSuffix(val, []byte("ns")):
		return varIgnore, nil // too short to matter
	case bytes.HasSuffix(val, []byte("s")):
		return varSeconds, val[:len(val)-1]
	case v == varNanos:
		return varMillis, val
	}
	return v, val
}
