package parsers

import (
	"bytes"
	"slices"
	"strings"
	"time"
)

// The error logs of nginx and Apache. They carry no time zone. A message may span lines (PHP's stderr, Lua tracebacks);
// nginx then writes client, server and request behind the last one.
//
//	2026/04/20 10:45:12 [error] 1234#1234: *99 connect() failed (111: Connection refused) while connecting to upstream, client: 203.0.113.9, server: shop.example.com, request: "GET / HTTP/1.1", upstream: "fastcgi://127.0.0.1:9000", host: "shop.example.com"
//	2026/04/20 10:45:13 [alert] 1230#1230: worker process 1234 exited on signal 9
//	[Mon Apr 20 10:45:12.958285 2026] [proxy_fcgi:error] [pid 28787:tid 140169] [client 203.0.113.9:59307] AH01071: Got error 'Primary script unknown'
//
// nginx writes neither empty lines nor comments: both count as skipped.
var _ = register(Parser{
	Name:  "nginx-error",
	Doc:   "error logs of nginx and Apache: web-error",
	Match: matchWebError,
	Parse: parseWebErrors,
})

func matchWebError(h *Head) int {
	lines := h.Lines(accessSample)
	if !slices.ContainsFunc(lines, func(line []byte) bool { _, ok := webErrorHead(line); return ok }) {
		return 0 // before the dearer question which lines are requests
	}
	access := newAccessReader(&Source{Name: h.Name})
	errors, requests, other := 0, 0, 0
	open := false
	for _, line := range lines {
		if h, ok := webErrorHead(line); ok {
			errors++
			open = h.mayContinue()
			continue
		}
		switch f, why := access.read(line); {
		case why == "" && !f.guess:
			requests++
		case line[0] != '#' && !open:
			other++
		}
	}
	switch {
	case errors == 0:
		return 0
	case errors > requests && errors > other:
		return SureMark - 10*other/errors
	case errors > other:
		return SureHabit // an access log with errors in it
	}
	return 0
}

// maxWebErrorLines and maxWebErrorText bound one message: a PHP stack trace has 100 lines, nginx cuts a message at 2 kB
// but joins what FastCGI sent.
const (
	maxWebErrorLines = 1000
	maxWebErrorText  = 64 << 10
)

func parseWebErrors(src *Source, emit func(Record)) error {
	var access *accessReader
	var message webError
	var open *webError // the message, while its end has not been seen
	flush := func() {
		if open != nil {
			open.emit(open.at, emit)
			open = nil
		}
	}
	err := EachLineAndBlank(src, func(line []byte, at Pos) {
		if h, ok := webErrorHead(line); ok {
			flush()
			message.open(h, at, line)
			open = &message
			return
		}
		if open != nil && open.unfinished(line) {
			open.add(at, line)
			return
		}
		if access == nil {
			access = newAccessReader(src)
		}
		if f, why := access.read(line); why == "" && !f.guess {
			flush()
			l := &access.line
			emit(Record{Time: l.when, Clock: l.clock, At: at, Raw: line, Fact: &l.Access})
			return
		}
		if len(bytes.TrimSpace(line)) == 0 {
			if !src.parted {
				src.Skip(at.Line, line, "an empty line")
			}
			return
		}
		if otherLine(src, line, at, emit) {
			return
		}
		src.Skip(at.Line, line, "no date and [level] as an error log writes them")
	})
	flush()
	return err
}

// webErrorStart is the part of a line before the message.
type webErrorStart struct {
	when  time.Time
	clock Clock
	fact  WebError
	msg   []byte
	httpd bool // Apache wrote it
}

// mayContinue: nginx ends a message about a request with its client; one without may go on in the next line.
func (h *webErrorStart) mayContinue() bool {
	return !h.httpd && !bytes.Contains(h.msg, []byte(", client: "))
}

// webError is a message being collected.
type webError struct {
	webErrorStart
	at    Pos
	first []byte
	lines [][]byte // the first among them
	size  int
}

// newWebError reads a message that is one line.
func newWebError(line []byte) (*webError, bool) {
	h, ok := webErrorHead(line)
	if !ok {
		return nil, false
	}
	e := &webError{}
	e.open(h, Pos{}, line)
	return e, true
}

// open begins a message, in the memory of the one before.
func (e *webError) open(h webErrorStart, at Pos, line []byte) {
	e.first = append(e.first[:0], line...)
	h.msg = append(e.msg[:0], h.msg...)
	e.webErrorStart, e.at, e.lines, e.size = h, at, append(e.lines[:0], e.first), len(line)
}

// unfinished says whether line goes on with the message: always inside what FastCGI sent, else unless it looks like
// something of its own.
func (e *webError) unfinished(line []byte) bool {
	if !e.mayContinue() || len(e.lines) >= maxWebErrorLines || e.size > maxWebErrorText {
		return false
	}
	if bytes.Contains(e.msg, []byte("sent in stderr: \"")) {
		return true
	}
	return len(line) > 0 && (line[0] == ' ' || line[0] == '\t' || bytes.HasPrefix(line, []byte("stack traceback")))
}

func (e *webError) add(_ Pos, line []byte) {
	e.lines = append(e.lines, bytes.Clone(line))
	e.size += len(line)
	e.msg = append(append(e.msg, '\n'), line...)
}

// emit hands the message on at the line that says what happened.
func (e *webError) emit(at Pos, emit func(Record)) {
	f := &e.fact
	msg, text := e.msg, string(e.msg) // of which the fact's fields are parts: one allocation instead of eight
	blank := func(s string) string { return s }
	if clean := blankSecrets(msg); !bytes.Equal(clean, msg) {
		blank = func(s string) string { return string(blankSecrets([]byte(s))) }
	}
	if !e.httpd {
		if i := strings.Index(text, ", client: "); i >= 0 {
			f.readRequest(text[i:], blank)
			msg, text = msg[:i], text[:i]
		}
	}
	f.Message = blank(text)
	f.Signature = webErrorSignature(msg)
	if f.Level == "emerg" && (f.Signature == "other" || strings.HasPrefix(f.Signature, "file-")) {
		f.Signature = "config-refused" // nginx gives up at it, or goes on with what it had
	}
	if _, after, ok := strings.Cut(text, "zone \""); ok {
		if zone, _, ok := strings.Cut(after, "\""); ok {
			f.Zone = zone
		}
	}
	f.Lines = len(e.lines)
	tell := 0
	if len(e.lines) > 1 {
		tell = max(0, slices.IndexFunc(e.lines, func(line []byte) bool { return webErrorSignature(line) == f.Signature }))
	}
	emit(Record{Time: e.when, Clock: e.clock, At: Pos{at.File, at.Line + tell}, Raw: e.lines[tell], Fact: f})
}

// readRequest reads what nginx appends to a message about a request. Requests and referers are not escaped and may hold
// quotes and commas: each value ends where the next name, in nginx's order, begins.
func (f *WebError) readRequest(b string, blank func(string) string) {
	names := []struct {
		name string
		to   *string
	}{
		{", client: ", &f.Client}, {", server: ", &f.Server}, {", login: ", nil}, {", request: ", &f.Request}, {", subrequest: ", nil},
		{", upstream: ", &f.Upstream}, {", host: ", &f.Host}, {", referrer: ", &f.Referer},
	}
	var to *string
	set := func(val string) {
		if to != nil {
			val = strings.TrimSpace(val)
			if len(val) > 1 && val[0] == '"' {
				val = strings.TrimSuffix(val[1:], "\"")
			}
			*to = blank(val)
		}
	}
	for _, n := range names {
		if i := strings.Index(b, n.name); i >= 0 {
			set(b[:i])
			to, b = n.to, b[i+len(n.name):]
		}
	}
	set(b)
	addr, _, _ := strings.Cut(f.Client, " ") // mail: "203.0.113.9 using starttls"
	f.Client = strings.Clone(addr)           // which the fold keeps, and not the message with it
}

// webErrorHead reads the start of a message: of a line, or of what a wrapper put in front of it.
func webErrorHead(line []byte) (webErrorStart, bool) {
	if len(line) > 0 && line[0] == '[' {
		if h, ok := httpdErrorHead(line); ok {
			return h, true
		}
	}
	if h, ok := undatedErrorHead(line); ok {
		return h, true
	}
	// A date with slashes is nginx's own: search it behind host, program and docker's prefixes.
	for from := 0; from < min(len(line), maxErrorPrefix); {
		i := bytes.IndexByte(line[from:min(len(line), maxErrorPrefix+4)], '/')
		if i < 0 {
			break
		}
		i += from
		if i >= 4 {
			if h, ok := nginxErrorHead(line[i-4:]); ok {
				return h, true
			}
		}
		from = i + 1
	}
	return webErrorStart{}, false
}

// maxErrorPrefix is how far into a line the date is looked for; syslog's prefix with a long host name and tag fits.
const maxErrorPrefix = 160

// nginxErrorHead reads "2026/04/20 10:45:12 [error] 1234#1234: *99 ".
func nginxErrorHead(b []byte) (h webErrorStart, ok bool) {
	if len(b) < len("2026/04/20 10:45:12 [x] ") || b[4] != '/' || b[7] != '/' || b[10] != ' ' || b[13] != ':' || b[16] != ':' || b[19] != ' ' || b[20] != '[' {
		return h, false
	}
	century, year, month, day := twoDigits(b), twoDigits(b[2:]), twoDigits(b[5:]), twoDigits(b[8:])
	hour, minute, sec := twoDigits(b[11:]), twoDigits(b[14:]), twoDigits(b[17:])
	if century < 0 || year < 0 || month < 1 || month > 12 || day < 1 || day > 31 || hour < 0 || hour > 23 || minute < 0 || minute > 59 || sec < 0 || sec > 60 {
		return h, false
	}
	end := bytes.IndexByte(b[:min(len(b), 32)], ']')
	if end < 0 || !isWebLevel(b[21:end]) {
		return h, false
	}
	h.when, h.clock = time.Date(century*100+year, time.Month(month), day, hour, minute, sec, 0, time.UTC), LocalClock
	h.fact.Level = string(b[21:end])
	h.readPID(b[end+1:])
	return h, true
}

// undatedErrorHead reads "[error] 1234#1234: *99 ...", from which somebody cut the date.
func undatedErrorHead(b []byte) (h webErrorStart, ok bool) {
	if len(b) == 0 || b[0] != '[' {
		return h, false
	}
	end := bytes.IndexByte(b[:min(len(b), 12)], ']')
	if end < 0 || !isWebLevel(b[1:end]) {
		return h, false
	}
	h.fact.Level = string(b[1:end])
	h.readPID(b[end+1:])
	return h, h.fact.PID.OK
}

// readPID reads "1234#1234: *99 " and leaves the rest as the message.
func (h *webErrorStart) readPID(b []byte) {
	h.msg = bytes.TrimPrefix(b, []byte(" "))
	pid, rest := leadingInt(h.msg)
	if pid >= 0 && len(rest) > 0 && rest[0] == '#' {
		if _, rest = leadingInt(rest[1:]); len(rest) > 0 && rest[0] == ':' {
			h.fact.PID = Some(pid)
			h.msg = bytes.TrimPrefix(rest[1:], []byte(" "))
		}
	}
	if len(h.msg) > 1 && h.msg[0] == '*' {
		if conn, rest := leadingInt(h.msg[1:]); conn >= 0 {
			h.fact.Conn = Some(conn)
			h.msg = bytes.TrimPrefix(rest, []byte(" "))
		}
	}
}

// httpdErrorHead reads Apache's "[Mon Apr 20 10:45:12.958285 2026] [proxy_fcgi:error] [pid 28787:tid 140169] [client 203.0.113.9:59307] ".
// The second bracket tells it from the kernel's dmesg -T.
func httpdErrorHead(b []byte) (h webErrorStart, ok bool) {
	end := bytes.IndexByte(b[:min(len(b), maxStamp)], ']')
	if end < 0 || !bytes.HasPrefix(b[end:], []byte("] [")) {
		return h, false
	}
	if h.when, ok = parseCTime(b[1:end]); !ok {
		return h, false
	}
	b = b[end+2:]
	end = bytes.IndexByte(b[:min(len(b), maxStamp)], ']')
	if end < 0 {
		return h, false
	}
	level := b[1:end]
	if i := bytes.IndexByte(level, ':'); i >= 0 {
		level = level[i+1:]
	}
	if !isWebLevel(level) {
		return h, false
	}
	h.httpd, h.clock = true, LocalClock
	h.fact.Level = string(level)
	b = bytes.TrimLeft(b[end+1:], " ")
	for { // an errno may stand between the brackets: (70008)Partial results are valid ...: [client ...]
		if pid, found := bytes.CutPrefix(b, []byte("[pid ")); found {
			if n, rest := leadingInt(pid); n >= 0 {
				h.fact.PID = Some(n)
				if i := bytes.IndexByte(rest, ']'); i >= 0 {
					b = bytes.TrimLeft(rest[i+1:], " ")
					continue
				}
			}
		}
		break
	}
	if before, after, found := bytes.Cut(b, []byte("[client ")); found && (len(before) == 0 || bytes.HasSuffix(before, []byte(": "))) {
		if addr, rest, found := bytes.Cut(after, []byte("]")); found {
			h.fact.Client = string(bareAddr(addr))
			b = append(bytes.Clone(before), bytes.TrimLeft(rest, " ")...)
		}
	}
	if msg, ref, found := bytes.Cut(b, []byte(", referer: ")); found {
		h.fact.Referer = string(ref)
		b = msg
	}
	h.msg = b
	return h, true
}

func isWebLevel(b []byte) bool {
	switch string(b) {
	case "emerg", "alert", "crit", "error", "warn", "notice", "info", "debug":
		return true
	}
	return len(b) == 6 && string(b[:5]) == "trace" && isDigit(b[5]) // Apache's trace1 to trace8
}
