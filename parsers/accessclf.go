package parsers

import "bytes"

// matchCLF reads the family of the common log format, with whatever stands before the address and after the agent:
//
//	[vhost[:port] | forwarded list] address ident user [time] "request" status bytes ["referer" "agent" [more ...]]
//
// Quotes are escaped as \x22 (nginx) or \" (Apache); a bare quote inside a field makes a line ambiguous and it is refused.
// The space before "[" may be missing. tail allows fields after the agent.
func matchCLF(l *accessLine, line []byte, tail bool) string {
	head, rest, why := l.clfTime(line)
	if why != "" {
		return why
	}
	if why := l.clfHead(head); why != "" {
		return why
	}
	if len(rest) < 3 || rest[0] != ' ' || rest[1] != '"' {
		return "no quoted request after the time"
	}
	rest = rest[2:]
	end := quoteEnd(rest)
	if end < 0 {
		return "the request's closing quote is missing"
	}
	if why := l.set(varRequest, rest[:end]); why != "" {
		return why
	}
	rest = rest[end+1:]
	if len(rest) < 4 || rest[0] != ' ' {
		return "no status after the request"
	}
	status, rest := word(rest[1:])
	if len(status) != 3 && string(status) != "-" {
		return "no three-digit status after the request"
	}
	if why := l.set(varStatus, status); why != "" {
		return why
	}
	if len(rest) > 0 {
		var size []byte
		size, rest = word(rest[1:])
		if why := l.set(varBytes, size); why != "" {
			return why
		}
	}
	rest = bytes.TrimRight(rest, " \t")
	if len(rest) == 0 {
		return ""
	}
	if len(rest) > 2 && rest[1] == '"' {
		ref := quoteEnd(rest[2:])
		if ref < 0 {
			return "the referer's closing quote is missing"
		}
		after := rest[2+ref+1:]
		if len(after) > 2 && after[0] == ' ' && after[1] == '"' {
			agent := quoteEnd(after[2:])
			if agent < 0 {
				return "the user agent's closing quote is missing"
			}
			l.set(varReferer, rest[2:2+ref])
			l.set(varAgent, after[2:2+agent])
			rest = after[2+agent+1:]
		}
	}
	if len(rest) == 0 {
		return ""
	}
	if !tail {
		return "text after the last field"
	}
	return l.clfTail(rest)
}

// clfTime finds "[20/Apr/2026:10:45:12 +0800]" and returns what stands before and after it. The user name before it is
// the client's to choose, hence the first bracket that holds a time and is followed by a quote wins.
func (l *accessLine) clfTime(line []byte) (head, rest []byte, why string) {
	for from := 0; ; {
		i := bytes.IndexByte(line[from:], '[')
		if i < 0 {
			return nil, nil, "no [time]"
		}
		i += from
		if b := line[i+1:]; len(b) > clfLen && b[clfLen] == ']' {
			if t, ok := l.times.clf(b); ok {
				l.when, l.clock, l.timeRank = t, ZonedClock, 2
				return line[:i], b[clfLen+1:], ""
			}
		}
		from = i + 1
	}
}

// clfHead reads what stands before the time.
func (l *accessLine) clfHead(head []byte) string {
	head = bytes.TrimRight(head, " \t")
	if addr, ok := bytes.CutSuffix(head, []byte(" - -")); ok && len(addr) > 0 && bytes.IndexByte(addr, ' ') < 0 && // nearly every line
		bytes.IndexByte(addr, ',') < 0 && addr[0] != '"' {
		return l.set(varClient, addr)
	}
	first, rest := listWord(head)
	if len(first) == 0 {
		return "nothing before the time"
	}
	second, after := listWord(rest)
	if isClient(second) && (len(first) != 1 || first[0] != '-') {
		if bytes.IndexByte(first, ',') >= 0 || first[0] == '"' {
			l.set(varForwarded, bytes.Trim(first, "\""))
		} else {
			l.set(varHost, first)
		}
		first, rest = second, after
	}
	if !isClient(bytes.Trim(first, "\"")) && len(rest) > 0 && !bytes.HasPrefix(bytes.TrimLeft(rest, " "), []byte("-")) {
		i := bytes.LastIndex(head, []byte(" - "))
		if i < 0 || scopeOf(firstWord(head)) == notAddr {
			return "no client address before the time"
		}
		first, rest = head[:i], head[i:] // $http_x_forwarded_for holds what the client likes: 203.0.113.9' or '1'='1
		l.list = first
	}
	if l.list != nil || bytes.IndexByte(first, ',') >= 0 {
		l.list = bytes.Trim(first, "\"")
		l.ForwardedFor = l.list
	} else if why := l.set(varClient, first); why != "" {
		return why
	}
	_, user := word(bytes.TrimLeft(rest, " "))
	user = bytes.TrimSpace(user)
	if bytes.IndexByte(user, '"') >= 0 {
		return "a quote before the time"
	}
	l.set(varUser, user)
	return ""
}

// clfTail reads the fields that people add after the agent. What they mean is told by a key (rt=0.002), or by their shape:
// a quoted address list is X-Forwarded-For, the first number with three decimals is $request_time and the next one
// $upstream_response_time. ingress-nginx is known by the bracketed upstream name in third place.
func (l *accessLine) clfTail(rest []byte) string {
	plain := 0 // values without a key so far
	ingress := false
	times := 0
	for len(rest) > 0 {
		if rest[0] != ' ' && rest[0] != '\t' {
			return "a quote inside a quoted field"
		}
		rest = bytes.TrimLeft(rest, " \t")
		if len(rest) == 0 {
			return ""
		}
		var key, val []byte
		quoted := rest[0] == '"'
		if quoted {
			end := quoteEnd(rest[1:])
			if end < 0 {
				return "a closing quote is missing after the user agent"
			}
			val, rest = rest[1:1+end], rest[end+2:]
		} else {
			from := rest
			val, rest = listWord(rest)
			if i := bytes.IndexByte(val, '='); i > 0 && isKey(val[:i]) {
				key, val = val[:i], val[i+1:]
				if len(val) > 0 && val[0] == '"' {
					from = from[i+2:] // the quoted value may hold spaces
					end := quoteEnd(from)
					if end < 0 {
						return "a closing quote is missing after the user agent"
					}
					val, rest = from[:end], from[end+1:]
				}
			} else if bytes.IndexByte(val, '"') >= 0 {
				return "a quote inside a quoted field"
			}
		}
		if key != nil {
			if v := tailVar(key); v != varIgnore {
				l.set(v, val)
			}
			continue
		}
		plain++
		switch {
		case plain == 3 && !quoted && val[0] == '[' && l.RequestTime.OK:
			ingress = true
		case ingress:
			switch plain {
			case 5:
				l.set(varUpstreamAddr, val)
			case 7:
				l.set(varUpSeconds, val)
			case 8:
				l.set(varUpstreamCode, val)
			}
		case isTiming(val):
			if times++; times == 1 {
				l.RequestTime = seconds(val)
			} else if times == 2 {
				l.set(varUpSeconds, val)
			}
		case quoted && bytes.HasPrefix(val, []byte("http://")): // Traefik: 1 "router" "http://10.0.0.9:80" 12ms
			l.set(varUpstreamAddr, val[len("http://"):])
		case !quoted && bytes.HasSuffix(val, []byte("ms")):
			l.set(varMillis, val[:len(val)-2])
		case quoted && l.ForwardedFor == nil && isAddrList(val):
			l.set(varForwarded, val)
		}
	}
	return ""
}

// tailVar knows the keys of key=value fields after the agent; "ua" there is the upstream's address, as in nginx's own docs.
func tailVar(key []byte) accessVar {
	switch string(key) {
	case "ua":
		return varUpstreamAddr
	case "us":
		return varUpstreamCode
	case "cs":
		return varCache
	}
	return accessKey(key)
}

// quoteEnd finds the quote that closes a field; b begins after the opening one.
func quoteEnd(b []byte) int {
	for from := 0; ; {
		i := bytes.IndexByte(b[from:], '"')
		if i < 0 {
			return -1
		}
		i += from
		n := 0
		for n < i && b[i-1-n] == '\\' {
			n++
		}
		if n%2 == 0 {
			return i
		}
		from = i + 1
	}
}

// word cuts b at the first space, which stays with the rest.
func word(b []byte) (first, rest []byte) {
	if i := bytes.IndexByte(b, ' '); i >= 0 {
		return b[:i], b[i:]
	}
	return b, nil
}

// listWord is word for values that may be lists: "10.0.0.2, 10.0.0.1", upstreams "a:80, b:80" and, after an internal
// redirect, "a:80 : b:80". Leading spaces are dropped; a quoted list keeps its quotes.
func listWord(b []byte) (first, rest []byte) {
	b = bytes.TrimLeft(b, " ")
	if len(b) > 0 && b[0] == '"' {
		if end := quoteEnd(b[1:]); end >= 0 {
			return b[:end+2], b[end+2:]
		}
	}
	for i := 0; ; {
		j := bytes.IndexByte(b[i:], ' ')
		if j < 0 {
			return b, nil
		}
		i += j
		switch {
		case i > 0 && b[i-1] == ',':
			i++
		case bytes.HasPrefix(b[i:], []byte(" : ")):
			i += 3
		default:
			return b[:i], b[i:]
		}
	}
}

// isClient tells an address (or a unix socket) from ident and user names.
func isClient(b []byte) bool {
	if len(b) == 0 {
		return false
	}
	if string(b) == "unix:" {
		return true
	}
	if i := bytes.IndexByte(b, ','); i >= 0 {
		b = b[:i]
	}
	return scopeOf(bareAddr(b)) != notAddr
}

// isAddrList tells X-Forwarded-For from other quoted fields. It is the client's to write, so the first item decides.
func isAddrList(b []byte) bool {
	first, _, _ := bytes.Cut(b, []byte(","))
	return scopeOf(bareAddr(bytes.TrimSpace(first))) != notAddr
}

// isTiming: nginx writes times with three decimals ("0.002"), lists joined by ", ".
func isTiming(b []byte) bool {
	if i := bytes.IndexByte(b, ','); i >= 0 {
		b = b[:i]
	}
	i := bytes.IndexByte(b, '.')
	if i <= 0 || len(b)-i-1 != 3 {
		return false
	}
	_, ok1 := decimal(b[:i])
	_, ok2 := decimal(b[i+1:])
	return ok1 && ok2
}

func isKey(b []byte) bool {
	for _, c := range b {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || isDigit(c) || c == '_' || c == '-' || c == '.') {
			return false
		}
	}
	return true
}
