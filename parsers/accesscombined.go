package parsers

import "bytes"

// combined reads a line as nearly every nginx writes it, and refuses everything else, also where matchCLF would not:
//
//	203.0.113.9 - - [20/Apr/2026:10:45:12 +0800] "GET /tea/ HTTP/1.1" 200 153 "-" "Mozilla/5.0 (X11; Linux x86_64)"
//
// What it reads it reads as matchCLF does (FuzzCombined), in a third of the time: it goes from quote to quote and looks at
// no byte twice, and resets nothing that it sets.
func (l *accessLine) combined(line []byte) bool {
	const afterAddr = ` - - [`
	i := bytes.IndexByte(line, ' ')
	if i <= 0 || len(line) < i+len(afterAddr)+clfLen+len(`] "" 200 0 "" ""`) || string(line[i:i+len(afterAddr)]) != afterAddr {
		return false
	}
	addr, rest := line[:i], line[i+len(afterAddr):]
	switch addr[0] {
	case '"', '[', '-':
		return false
	}
	if rest[clfLen] != ']' || rest[clfLen+1] != ' ' || rest[clfLen+2] != '"' {
		return false
	}
	when, ok := l.times.clf(rest)
	if !ok {
		return false
	}
	request, rest, ok := quoted(rest[clfLen+3:])
	if !ok || len(rest) < len(` 200 0 "" ""`) || rest[0] != ' ' || rest[4] != ' ' {
		return false
	}
	status, ok := statusCode(rest[1:4])
	if !ok {
		return false
	}
	size, rest, ok := sizeAndQuote(rest[5:])
	if !ok {
		return false
	}
	referer, rest, ok := quoted(rest)
	if !ok || len(rest) < len(` ""`) || rest[0] != ' ' || rest[1] != '"' {
		return false
	}
	agent, rest, ok := quoted(rest[2:])
	if !ok || len(rest) > 0 {
		return false
	}
	method := bytes.IndexByte(request, ' ')
	proto := len(request) - len("HTTP/1.1")
	if method <= 0 || proto <= method || string(request[proto-1:proto+5]) != " HTTP/" || request[proto+5] == ' ' || request[proto+6] == ' ' ||
		request[proto+7] == ' ' || !isMethod(request[:method]) || proto-1 <= method {
		return false
	}
	port := false
	for _, c := range addr {
		if c == ',' || c == '[' {
			return false
		}
		port = port || c == ':'
	}
	if port {
		addr = bareAddr(addr)
	}
	if !l.onlyCombined {
		l.reset()
		l.onlyCombined = true
	}
	l.when, l.clock = when, ZonedClock
	l.Client, l.Request = addr, request
	l.Method, l.Path, l.Protocol = request[:method], request[method+1:proto-1], request[proto:]
	l.Status, l.Bytes = status, size
	l.Referer, l.RefererLogged = given(referer), true
	l.Agent, l.AgentLogged = given(agent), true
	return true
}

// quoted cuts b behind the next quote; not where it may be escaped.
func quoted(b []byte) (text, rest []byte, ok bool) {
	i := bytes.IndexByte(b, '"')
	if i < 0 || i > 0 && b[i-1] == '\\' {
		return nil, nil, false
	}
	return b[:i], b[i+1:], true
}

// sizeAndQuote reads `153 "`.
func sizeAndQuote(b []byte) (size Opt, rest []byte, ok bool) {
	var n int64
	for i, c := range b {
		if c == ' ' {
			if i == 0 || len(b) == i+1 || b[i+1] != '"' {
				return Opt{}, nil, false
			}
			return Some(n), b[i+2:], true
		}
		if !isDigit(c) || i == 18 {
			return Opt{}, nil, false
		}
		n = n*10 + int64(c-'0')
	}
	return Opt{}, nil, false
}

// given is nil for what a log writes when there is nothing.
func given(b []byte) []byte {
	if len(b) == 0 || len(b) == 1 && b[0] == '-' {
		return nil
	}
	return b
}
