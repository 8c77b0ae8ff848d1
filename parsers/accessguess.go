package parsers

import "bytes"

// matchProxyManager reads the lines of nginx proxy manager, which put the client in brackets behind the path:
//
//	[20/Apr/2026:10:45:12 +0000] HIT 200 200 - GET https shop.example.com "/tea/" [Client 203.0.113.9] [Length 153] [Gzip -] [Sent-to 10.0.0.5:80] "agent" "referer"
//	[20/Apr/2026:10:45:12 +0000] 444 - GET https shop.example.com "/.env" [Client 203.0.113.9] [Length 0] [Gzip -] "agent" "referer"
func matchProxyManager(l *accessLine, line []byte) string {
	if len(line) == 0 || line[0] != '[' {
		return "no [time] at the start"
	}
	_, rest, why := l.clfTime(line)
	if why != "" {
		return why
	}
	quote := bytes.IndexByte(rest, '"')
	if quote < 0 {
		return "no quoted path"
	}
	var words [7][]byte // cache status, upstream status, status, "-", method, scheme, host; the first two may be missing
	n := 0
	for head := rest[:quote]; ; n++ {
		head = bytes.TrimLeft(head, " ")
		if len(head) == 0 {
			break
		}
		if n == len(words) {
			return "more words before the path than nginx proxy manager writes"
		}
		words[n], head = word(head)
	}
	if n < 5 || string(words[n-4]) != "-" || !isMethod(words[n-3]) {
		return "no method before the path"
	}
	if why := l.set(varStatus, words[n-5]); why != "" {
		return why
	}
	if n > 5 {
		l.set(varUpstreamCode, words[n-6])
	}
	if n > 6 {
		l.set(varCache, words[n-7])
	}
	l.set(varMethod, words[n-3])
	l.set(varHost, words[n-1])
	rest = rest[quote+1:]
	end := quoteEnd(rest)
	if end < 0 {
		return "the path's closing quote is missing"
	}
	l.set(varRequestURI, rest[:end])
	rest = rest[end+1:]
	for {
		rest = bytes.TrimLeft(rest, " ")
		if len(rest) == 0 || rest[0] != '[' {
			break
		}
		end := bytes.IndexByte(rest, ']')
		if end < 0 {
			return "a bracket is not closed"
		}
		name, val, _ := bytes.Cut(rest[1:end], []byte(" "))
		rest = rest[end+1:]
		switch string(name) {
		case "Client":
			l.set(varClient, val)
		case "Length":
			l.set(varBytes, val)
		case "Sent-to":
			l.set(varUpstreamAddr, val)
		}
	}
	for _, v := range []accessVar{varAgent, varReferer} {
		if len(rest) == 0 || rest[0] != '"' {
			break
		}
		end := quoteEnd(rest[1:])
		if end < 0 {
			return "a closing quote is missing"
		}
		l.set(v, rest[1:1+end])
		rest = bytes.TrimLeft(rest[end+2:], " ")
	}
	if l.Client == nil {
		return "no [Client address]"
	}
	return ""
}

// matchLTSV reads labelled tab-separated values. By the LTSV convention host is the client's address and vhost the site.
func matchLTSV(l *accessLine, line []byte) string {
	fields := 0
	for rest := line; len(rest) > 0; {
		var field []byte
		field, rest, _ = bytes.Cut(rest, []byte("\t"))
		key, val, ok := bytes.Cut(field, []byte(":"))
		if !ok || len(key) == 0 || len(key) > 40 || !isKey(key) {
			return "not labelled tab-separated values"
		}
		fields++
		v := accessKey(key)
		if string(key) == "host" && isClient(val) {
			v = varClient
		}
		if why := l.set(v, val); why != "" {
			return why
		}
	}
	if fields < 3 {
		return "fewer than three labelled values"
	}
	return l.complete()
}

// newJSONGuess reads JSON whose log_format is not at hand.
func newJSONGuess() accessFormat {
	j := &jsonFormat{keys: map[string]accessVar{}}
	return accessFormat{name: "json", match: func(l *accessLine, line []byte) string {
		if why := j.match(l, line); why != "" {
			return why
		}
		return l.complete()
	}}
}

// complete says what a line whose fields were told by their names lacks to be a request.
func (l *accessLine) complete() string {
	switch {
	case l.statuses == 0:
		return "no status"
	case l.requests == 0:
		return "no request"
	}
	return ""
}

// guessAccess finds the fields of a format that nobody knows by their shape: a quoted or bare "GET /path HTTP/1.1", a time
// in brackets or in ISO 8601, an IP address, a three-digit status after the request.
func guessAccess(l *accessLine, line []byte) string {
	start, end := findRequest(line)
	if start >= 0 {
		l.set(varRequest, line[start:end])
	} else if start, end = findMethod(line); start >= 0 {
		l.set(varMethod, line[start:end])
		l.guessPath(line)
	} else {
		return "no HTTP request in the line"
	}
	before, after := line[:start], line[end:]
	if !l.guessTime(before) && !l.guessTime(after) {
		return "no time in the line"
	}
	if !l.guessStatus(after) && !l.guessStatus(before) {
		return "no three-digit status in the line"
	}
	l.guessClient(before)
	if l.Client == nil {
		l.guessClient(after)
	}
	if l.Client == nil && l.Request == nil {
		return "neither a request line nor an address"
	}
	l.guessQuoted(after)
	return ""
}

// findRequest returns the bounds of "METHOD target HTTP/x". A few tries will do: nobody logs more requests in a line.
func findRequest(line []byte) (start, end int) {
	from := 0
	for range 8 {
		i := bytes.Index(line[from:], []byte(" HTTP/"))
		if i < 0 {
			return -1, -1
		}
		i += from
		from = i + 6
		end = from
		for end < len(line) && (isDigit(line[end]) || line[end] == '.') {
			end++
		}
		for _, sep := range []byte("\"'\t|;,") {
			if start = bytes.LastIndexByte(line[:i], sep) + 1; start > 0 {
				if _, _, _, ok := splitRequest(line[start:end]); ok {
					return start, end
				}
			}
		}
		// bare: the two words before HTTP/
		if target := bytes.LastIndexByte(line[:i], ' '); target > 0 {
			start = bytes.LastIndexByte(line[:target], ' ') + 1
			if _, _, _, ok := splitRequest(line[start:end]); ok {
				return start, end
			}
		}
	}
	return -1, -1
}

// findMethod finds a method that stands alone, in formats that log the parts of a request apart.
func findMethod(line []byte) (start, end int) {
	for start < len(line) {
		for start < len(line) && (line[start] < 'A' || line[start] > 'Z') {
			start++
		}
		for end = start; end < len(line) && line[end] >= 'A' && line[end] <= 'Z'; end++ {
		}
		switch string(line[start:end]) {
		case "GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH":
			return start, end
		}
		start = end
	}
	return -1, -1
}

// guessPath takes the first word that is a path, or a host and a path.
func (l *accessLine) guessPath(line []byte) {
	for _, w := range bytes.FieldsFunc(line, func(r rune) bool { return r == ' ' || r == '\t' || r == '"' || r == '|' }) {
		if w[0] == '/' {
			l.Path = w
			return
		}
		if i := bytes.IndexByte(w, '/'); i > 3 && w[i-1] != ':' && bytes.IndexByte(w[:i], '.') > 0 && bytes.IndexByte(w[:i], '[') < 0 {
			l.set(varHostURI, w)
			return
		}
	}
}

func (l *accessLine) guessTime(b []byte) bool {
	for i := 0; i+19 <= len(b); i++ {
		if !isDigit(b[i]) || i > 0 && (isDigit(b[i-1]) || b[i-1] == '.') {
			continue
		}
		if b[i+2] == '/' && l.setTime(varTime, b[i:]) == "" {
			return true
		}
		if t, clock, n := parseISO(b[i:]); n > 0 {
			l.when, l.clock, l.timeRank = t, clock, 2
			return true
		}
		if t, ok := loggedEpoch(firstWord(b[i:])); ok {
			l.when, l.clock, l.timeRank = t, ZonedClock, 2
			return true
		}
	}
	return false
}

// firstWord ends at anything that no number or address holds, and where an address with its port would be too long.
func firstWord(b []byte) []byte {
	b = b[:min(len(b), 53)]
	for i, c := range b {
		if !(isDigit(c) || c|0x20 >= 'a' && c|0x20 <= 'f' || c == '.' || c == ':') {
			return b[:i]
		}
	}
	return b
}

func (l *accessLine) guessStatus(b []byte) bool {
	for i := 0; i+3 <= len(b); i++ {
		if b[i] < '1' || b[i] > '5' || i > 0 && b[i-1] != ' ' && b[i-1] != '"' && b[i-1] != '\t' && b[i-1] != '|' && b[i-1] != '[' && b[i-1] != '=' && b[i-1] != ':' && b[i-1] != ',' && b[i-1] != ';' {
			continue
		}
		if i+3 < len(b) && (isDigit(b[i+3]) || b[i+3] == '.' || b[i+3] == ':' || b[i+3] == '/') {
			continue
		}
		if n, ok := statusCode(b[i : i+3]); ok {
			l.Status = n
			if rest := bytes.TrimLeft(b[i+3:], " \"\t|,;"); len(rest) > 0 {
				if size, _ := leadingInt(rest); size >= 0 {
					if w := firstWord(rest); bytes.IndexByte(w, '.') < 0 && bytes.IndexByte(w, ':') < 0 {
						l.Bytes = Some(size)
					}
				}
			}
			return true
		}
	}
	return false
}

func (l *accessLine) guessClient(b []byte) {
	if i := bytes.Index(b, []byte("unix: ")); i >= 0 && (i == 0 || b[i-1] == ' ') {
		l.Client = b[i : i+5]
		return
	}
	for i := 0; i < len(b); i++ {
		if c := b[i]; !isDigit(c) && !(c|0x20 >= 'a' && c|0x20 <= 'f') && c != ':' || i > 0 && (isDigit(b[i-1]) || b[i-1]|0x20 >= 'a' && b[i-1]|0x20 <= 'z' || b[i-1] == '.') {
			continue
		}
		w := firstWord(b[i:])
		if addr := bareAddr(w); len(addr) > 2 && scopeOf(addr) != notAddr {
			l.Client = addr
			return
		}
		if len(w) > 0 {
			i += len(w) - 1
		}
	}
}

// guessQuoted takes a quoted URL for the referer and the first quoted text with a slash and a version, or the last one
// that is no URL, for the agent.
func (l *accessLine) guessQuoted(b []byte) {
	b = bytes.TrimPrefix(b, []byte("\""))
	for {
		open := bytes.IndexByte(b, '"')
		if open < 0 {
			return
		}
		end := quoteEnd(b[open+1:])
		if end < 0 {
			return
		}
		val := b[open+1 : open+1+end]
		b = b[open+1+end+1:]
		switch {
		case bytes.HasPrefix(val, []byte("http://")) || bytes.HasPrefix(val, []byte("https://")):
			if !l.RefererLogged {
				l.set(varReferer, val)
			}
		case isAddrList(val):
			if l.ForwardedFor == nil {
				l.set(varForwarded, val)
			}
		case !l.AgentLogged && bytes.IndexByte(val, '/') > 0:
			l.set(varAgent, val)
		}
	}
}
