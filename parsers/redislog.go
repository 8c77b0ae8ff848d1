package parsers

import (
	"bytes"
	"regexp"
	"time"
	"unicode/utf8"
)

// The log of a Redis, Valkey or KeyDB server, alone or behind the prefixes of docker, compose, journald, syslog and klog.
//
//	17131:M 17 Sep 2026 11:36:20.782 * Ready to accept connections          5.0 and later
//	1:M 10 May 18:42:33.089 # Can't save in background: fork: Cannot allocate memory
//	[19724] 26 Nov 10:45:29.457 # Server started, Redis version 2.6.16      2.4 to 2.8
//	30 May 10:05:20 . 0 clients connected (0 slaves), 618932 bytes in use   2.2
//	18:19:M 10 Dec 2025 18:42:33.089 * DB saved on disk                     KeyDB: pid:thread:role
//
// The stamp is the server's local time; before 5.0 it has no year. A line that no cause asks about makes no record. Crash
// reports give their INFO and CLIENT LIST sections as such. What is neither a log line nor part of a report is skipped.
var _ = register(Parser{
	Name:  "redis-log",
	Doc:   "Redis, Valkey and KeyDB server log: redis-event records; redis-info and redis-client from crash reports",
	Most:  SureMark + 4,
	Match: matchRedisLog,
	Parse: parseRedisLog,
})

func matchRedisLog(h *Head) int {
	lines := h.Lines(200)
	plain, wrapped, bare, programs := 0, 0, 0, 0
	for _, line := range lines {
		if _, ok := readRedisLine(trimQuote(line)); ok {
			plain++
			continue
		}
		env := unwrap(line)
		if _, ok := findRedisLine(env.Msg); ok {
			wrapped++
		} else if e, ok := classifyRedis(env.Msg); ok && !env.Wrapped && e.unmistakable {
			bare++
		} else if len(env.Program) > 0 {
			programs++
		}
	}
	switch n := len(lines); {
	case plain > 0 && plain >= wrapped && (plain*2 >= n || bytes.Contains(h.Text, []byte("BUG REPORT START")) || bytes.Contains(h.Text, []byte("Redis is starting"))):
		return SureMark + 4 // a crash report within it holds INFO and CLIENT LIST, which others would claim
	case wrapped > 0 && (wrapped+plain)*5 >= n*4:
		return SureMark
	case wrapped+plain > 0 && programs == 0 && (wrapped+plain)*4 >= n:
		return SureShape // compose: other services between
	case (plain+bare)*2 >= n && bare > 0:
		return SureShape
	case plain > 0 && programs == 0:
		return SureHabit
	}
	return 0
}

// isRedisLogLine says whether line is a server log line as the server wrote it.
func isRedisLogLine(line []byte) bool {
	_, ok := readRedisLine(line)
	return ok
}

func parseRedisLog(src *Source, emit func(Record)) error {
	f := &redisLogFold{src: src, emit: emit, texts: knownTexts{}}
	err := EachLine(src, f.line)
	f.endInfo()
	return err
}

type redisLogFold struct {
	src    *Source
	emit   func(Record)
	report bool      // inside a crash report
	ended  bool      // behind its last line
	info   *infoFold // inside its INFO OUTPUT
	client bool      // inside its CLIENT LIST OUTPUT
	last   stamp     // of the last line that had one
	event  RedisEvent
	counts RedisInfo
	texts  knownTexts

	lead     lead   // how the quiet lines begin
	lastLine []byte // the line before, when it was passed over: last is not yet known
	loud     bool   // for a test: no line is passed over
}

// passOver takes a line that makes no record and begins as one before it: at log level verbose that is nearly every line.
func (f *redisLogFold) passOver(line []byte) bool {
	n := len(f.lead.text)
	if f.loud || n == 0 || f.report || f.ended || f.info != nil || f.client || !f.lead.begins(line) {
		return false
	}
	msg := line[n:]
	if msg[0] <= ' ' || msg[0] >= utf8.RuneSelf || !noCounters(msg) { // blanks may hide a counter
		return false
	}
	if _, any := redisTexts().find(msg); any {
		return false
	}
	f.lastLine = append(f.lastLine[:0], line...)
	return true
}

// lastStamp is that of the last line that had one.
func (f *redisLogFold) lastStamp() stamp {
	if len(f.lastLine) > 0 {
		l, _ := readRedisLine(f.lastLine)
		f.last, f.lastLine = l.when, f.lastLine[:0]
	}
	return f.last
}

func (f *redisLogFold) line(line []byte, at Pos) {
	if f.passOver(line) {
		return
	}
	if bytes.HasPrefix(line, []byte("------ ")) {
		f.endInfo()
		f.report = true
		f.client = bytes.Contains(line, []byte("CLIENT"))
		if bytes.Contains(line, []byte("INFO OUTPUT")) {
			f.info = &infoFold{src: f.src, emit: f.emit, date: spokenDate{Time: f.lastStamp().t}, dated: !f.lastStamp().t.IsZero(), dateAt: at.Line}
		}
		return
	}
	var env envelope
	l, ok := readRedisLine(trimQuote(line))
	if !ok {
		env = unwrap(line)
		l, ok = findRedisLine(env.Msg)
	}
	if !ok {
		f.other(line, env, at)
		return
	}
	if f.ended {
		f.report, f.ended = false, false
	}
	when := l.when
	if env.Clock == ZonedClock || env.Clock == LocalClock && env.Wrapped {
		when = outerStamp(env, l.when)
	} else if z, ok := zonedPrefix(env.Msg[:min(l.start, len(env.Msg))]); ok {
		when = z
	}
	if !when.local.IsZero() {
		f.last, f.lastLine = when, f.lastLine[:0]
	}
	r := when.put(Record{At: at, Raw: line})
	if e, ok := f.texts.classify(l.msg); ok {
		if e.Event == "crash" || e.Event == "alloc-failed" {
			f.report = f.report || e.Event == "crash"
		} else if e.Event == "starting" {
			f.report = false
			f.endInfo()
		}
		f.event = e.RedisEvent
		f.event.PID, f.event.Role = l.pid, l.role
		r.Fact = &f.event
		f.emit(r)
	} else if f.counts.counters(l.msg, at.Line) {
		r.Fact = &f.counts
		f.emit(r)
	} else if env.Msg == nil && l.pid.OK && !when.local.IsZero() && isDigit(line[0]) && bytes.HasSuffix(line, l.msg) { // nothing before it
		f.lead.text = append(f.lead.text[:0], line[:len(line)-len(l.msg)]...)
		f.lead.mark()
	}
}

// other handles what is no log line: the inside of a crash report, the logo, a message without its stamp.
func (f *redisLogFold) other(line []byte, env envelope, at Pos) {
	msg := bytes.TrimSpace(env.Msg)
	switch {
	case bytes.Contains(msg, []byte("BUG REPORT START")):
		f.report = true
		r := f.lastStamp().put(Record{At: at, Raw: line, Fact: &RedisEvent{Event: "crash", Text: redisText(msg)}})
		f.emit(r)
		return
	case bytes.Contains(msg, []byte("BUG REPORT END")):
		f.endInfo()
		f.ended, f.client = true, false // the request to report it follows
		return
	case f.info != nil:
		f.info.line(line, at)
		return
	case f.client:
		if c, ok := clientLine(msg); ok {
			f.emit(f.lastStamp().put(Record{At: at, Raw: line, Fact: c}))
		}
		return
	case f.report || isLogo(msg):
		if e, ok := logoFact(msg); ok && !f.report {
			f.emit(f.lastStamp().put(Record{At: at, Raw: line, Fact: &e}))
		}
		return
	}
	if e, ok := shellKill(msg); ok {
		f.emit(f.lastStamp().put(Record{At: at, Raw: line, Fact: &e}))
		return
	}
	if command, _, _ := bytes.Cut(bytes.TrimPrefix(msg, []byte("$ ")), []byte(" ")); len(msg) == 0 || bytes.HasSuffix(command, []byte("-server")) {
		return // the command line that started it
	}
	if e, ok := signalHandler(msg); ok {
		f.emit(e.when.put(Record{At: at, Raw: line, Fact: &e.RedisEvent}))
		return
	}
	if e, ok := classifyRedis(msg); ok && e.unmistakable {
		r := Record{At: at, Raw: line, Fact: &e.RedisEvent}
		if env.Clock == ZonedClock || env.Clock == LocalClock {
			r.Time, r.Clock = env.Time, env.Clock
		}
		f.emit(r)
		return
	}
	if len(env.Program) == 0 && !otherService(msg) && !isFence(msg) {
		f.src.Skip(at.Line, line, "not a line of a Redis log")
	}
}

func (f *redisLogFold) endInfo() {
	if f.info != nil {
		f.info.end()
		f.info = nil
	}
}

// redisLogFact reads a message that a Redis server logged through syslog, journald or a container: with its own stamp or,
// where syslog-enabled left that out, without. Messages that no cause asks about are not ok.
func redisLogFact(msg []byte) (RedisEvent, stamp, bool) {
	l, shaped := findRedisLine(msg)
	if !shaped {
		l = redisLine{msg: msg}
	}
	e, ok := classifyRedis(l.msg)
	if !ok {
		return RedisEvent{}, stamp{}, false
	}
	e.PID, e.Role = l.pid, l.role
	return e.RedisEvent, l.when, true
}

// redisLine is a log line in its parts.
type redisLine struct {
	start int // where it begins in the text
	pid   Opt
	role  string
	when  stamp
	level byte
	msg   []byte
}

// findRedisLine is readRedisLine for text that has something before the line: a service's name and a bar, a time.
func findRedisLine(text []byte) (redisLine, bool) {
	if l, ok := readRedisLine(text); ok {
		return l, true
	}
	text256 := text[:min(len(text), 256)]
	if !hasRedisMark(text256) {
		return redisLine{}, false
	}
	if m := redisLineRE.FindIndex(text256); m != nil {
		start := m[0]
		for start < m[1] && !isDigit(text[start]) && text[start] != '[' {
			start++
		}
		if l, ok := readRedisLine(text[start:]); ok {
			l.start = start
			return l, true
		}
	}
	return redisLine{}, false
}

// hasRedisMark is a cheap look before redisLineRE: a role or a bracket, a blank and a digit.
func hasRedisMark(text []byte) bool {
	for i := 0; ; i++ {
		j := bytes.IndexByte(text[i:], ' ')
		if j < 0 || i+j+1 >= len(text) {
			return false
		}
		if i += j; i > 1 && isDigit(text[i+1]) && (text[i-1] == ']' || isRole(text[i-1])) {
			return true
		}
	}
}

var redisLineRE = regexp.MustCompile(`(?:^|[\s|:\]])(?:[0-9]{1,8}(?::[0-9]{1,8})?:[MSCX]|\[[0-9]{1,8}(?::[MSCX])?\]) [0-9]{1,4}[ -]`)

// readRedisLine splits a line as the server writes it.
func readRedisLine(text []byte) (l redisLine, ok bool) {
	b := bytes.TrimLeft(text, " \t")
	l.start = len(text) - len(b)
	if bytes.HasPrefix(b, []byte("pid=")) {
		return readLogfmt(b, l)
	}
	if b, ok = l.who(b); !ok {
		return l, false
	}
	if b, ok = l.stamp(b); !ok {
		return l, false
	}
	b = bytes.TrimPrefix(b, []byte(`\`)) // markdown: \*
	if len(b) < 2 || bytes.IndexByte([]byte(".-*#"), b[0]) < 0 || b[1] != ' ' {
		return l, false
	}
	l.level, l.msg = b[0], bytes.TrimSpace(b[2:])
	return l, true
}

// who reads the process: 17131:M, 18:19:M (KeyDB), [19724], [1:C]; nothing before 2.4.
func (l *redisLine) who(b []byte) ([]byte, bool) {
	if len(b) == 0 {
		return b, false
	}
	if b[0] == '[' {
		end := bytes.IndexByte(b[:min(len(b), 24)], ']')
		if end < 0 || end+1 >= len(b) || b[end+1] != ' ' {
			return b, false
		}
		n, tail := leadingInt(b[1:end])
		if n < 0 {
			return b, false
		}
		l.pid = Some(n)
		if len(tail) == 2 && tail[0] == ':' {
			l.role = string(tail[1:])
		} else if len(tail) != 0 {
			return b, false
		}
		return b[end+2:], true
	}
	n, rest := leadingInt(b)
	if n < 0 {
		return b, false
	}
	if len(rest) > 0 && rest[0] == ' ' { // no process: a date
		return b, true
	}
	if len(rest) < 3 || rest[0] != ':' {
		return b, false
	}
	rest = rest[1:]
	if thread, after := leadingInt(rest); thread >= 0 && len(after) > 2 && after[0] == ':' && isRole(after[1]) {
		rest = after[1:]
	}
	if len(rest) < 2 || !isRole(rest[0]) || rest[1] != ' ' {
		return b, len(rest) > 4 && isDigit(rest[0]) // 22:55:27.011: the date was cut
	}
	l.pid, l.role = Some(n), string(rest[:1])
	return rest[2:], true
}

func isRole(c byte) bool { return c == 'M' || c == 'S' || c == 'C' || c == 'X' }

// stamp reads "17 Sep 2026 11:36:20.782 ", "26 Nov 10:45:29 ", ISO 8601 and milliseconds (Valkey's log-timestamp-format),
// or a time alone.
func (l *redisLine) stamp(b []byte) ([]byte, bool) {
	if t, clock, n := parseISO(b); n > 0 && n < len(b) && b[n] == ' ' {
		l.when = stamp{t: t, local: t}
		if clock == ZonedClock {
			l.when.offset = Some(0)
		}
		return b[n+1:], true
	}
	n, rest := leadingInt(b)
	if n < 0 {
		return b, false
	}
	if len(b)-len(rest) == 13 && len(rest) > 0 && rest[0] == ' ' {
		t := time.UnixMilli(n).UTC()
		l.when = stamp{t: t, local: t, offset: Some(0)}
		return rest[1:], true
	}
	if len(rest) > 0 && rest[0] == ':' && !l.pid.OK { // a time alone
		_, used := parseClock(b)
		if used == 0 || used >= len(b) || b[used] != ' ' {
			return b, false
		}
		return b[used+1:], true
	}
	if len(rest) < 5 || rest[0] != ' ' || n < 1 || n > 31 {
		return b, false
	}
	word, rest, ok := bytes.Cut(rest[1:], []byte(" "))
	month := 0
	if ok && len(word) <= 12 {
		month = monthNumber(string(word))
	}
	if month == 0 {
		return b, false
	}
	year := 0
	if y, tail := leadingInt(rest); y >= 1970 && y < 10000 && len(tail) > 0 && tail[0] == ' ' {
		year, rest = int(y), tail[1:]
	}
	clock, used := parseClock(rest)
	if used == 0 || used >= len(rest) || rest[used] != ' ' {
		return b, false
	}
	t := time.Date(year, time.Month(month), int(n), 0, 0, 0, 0, time.UTC).Add(clock)
	l.when = stamp{t: t, local: t}
	return rest[used+1:], true
}

// readLogfmt reads Valkey's log-format logfmt: pid=1 role=primary timestamp="..." level=notice message="...".
func readLogfmt(b []byte, l redisLine) (redisLine, bool) {
	n, rest := leadingInt(b[len("pid="):])
	if n < 0 {
		return l, false
	}
	l.pid = Some(n)
	for len(rest) > 0 && rest[0] == ' ' {
		name, value, ok := bytes.Cut(rest[1:], []byte("="))
		if !ok {
			break
		}
		rest = nil
		if len(value) > 0 && value[0] == '"' {
			value = value[1:]
			if i := bytes.IndexByte(value, '"'); i >= 0 && string(name) != "message" {
				value, rest = value[:i], value[i+1:]
			} else {
				value = bytes.TrimSuffix(value, []byte(`"`))
			}
		} else if i := bytes.IndexByte(value, ' '); i >= 0 {
			value, rest = value[:i], value[i:]
		}
		switch string(name) {
		case "role":
			switch string(value) {
			case "primary":
				l.role = "M"
			case "replica":
				l.role = "S"
			case "sentinel":
				l.role = "X"
			default:
				l.role = "C"
			}
		case "timestamp":
			l.stamp(append(value[:len(value):len(value)], ' '))
		case "message":
			l.msg = value
		}
	}
	return l, len(l.msg) > 0
}

// outerStamp prefers the wrapper's clock to the server's own: it is the host's, and other logs of the host share it. A
// wrapper without a year takes that of the server's stamp, the day around New Year apart.
func outerStamp(env envelope, inner stamp) stamp {
	t := env.Time
	if t.Year() == 0 && inner.local.Year() > 0 {
		y := inner.local.Year()
		t = t.AddDate(y, 0, 0)
		if d := t.Sub(inner.local); d > 180*24*time.Hour {
			t = t.AddDate(-1, 0, 0)
		} else if d < -180*24*time.Hour {
			t = t.AddDate(1, 0, 0)
		}
	}
	s := stamp{t: t, local: t}
	if env.Clock == ZonedClock {
		s.offset = Some(0)
	}
	return s
}

// zonedPrefix finds an instant before the line: "redis-1  | 2026-04-25T05:32:35.019558005Z 1:C 25 Apr ...".
func zonedPrefix(prefix []byte) (stamp, bool) {
	for _, word := range bytes.Fields(prefix) {
		if t, clock, n := parseISO(word); n == len(word) && clock == ZonedClock {
			return stamp{t: t, local: t, offset: Some(0)}, true
		}
	}
	return stamp{}, false
}

// otherService is a line of docker compose that names another service: "web-1  | ...".
func otherService(msg []byte) bool {
	i := bytes.Index(msg[:min(len(msg), 64)], []byte(" | "))
	return i > 0 && bytes.IndexByte(bytes.TrimSpace(msg[:i]), ' ') < 0
}

// isLogo is a line of the picture that servers of 2.8 to 7 draw at the start when their output is a terminal or a container's.
func isLogo(msg []byte) bool {
	art := bytes.Count(msg, []byte("`")) + bytes.Count(msg, []byte("_")) + bytes.Count(msg, []byte(".")) + bytes.Count(msg, []byte("-")) + bytes.Count(msg, []byte("'")) + bytes.Count(msg, []byte("|"))
	return art >= 3 && bytes.ContainsAny(msg, "`'_") && (art*2 >= len(bytes.ReplaceAll(msg, []byte(" "), nil)) || logoWord(msg) != "")
}

var logoWords = [...]string{"Port: ", "PID: ", "Running in ", "redis.io", "valkey.io", "keydb.dev", " bit"}

func logoWord(msg []byte) string {
	for _, w := range logoWords {
		if bytes.Contains(msg, []byte(w)) {
			return w
		}
	}
	return ""
}

// logoFact reads the port beside the logo.
func logoFact(msg []byte) (RedisEvent, bool) {
	_, tail, ok := bytes.Cut(msg, []byte("Port: "))
	if !ok {
		return RedisEvent{}, false
	}
	n, _ := leadingInt(tail)
	return RedisEvent{Event: "running", Port: Opt{n, n > 0}}, n > 0
}

// shellKill is what a shell says of a server that it started and the kernel killed.
func shellKill(msg []byte) (RedisEvent, bool) {
	if s := string(msg); s == "Killed" || s == "Killed: 9" || bytes.Contains(msg, []byte(" Killed ")) && bytes.Contains(msg, []byte("-server")) {
		return RedisEvent{Event: "killed", Signal: Some(9), Text: redisText(msg)}, true
	}
	return RedisEvent{}, false
}

type handledSignal struct {
	RedisEvent
	when stamp
}

// signalHandler reads what 3.0 to 6 write from inside the signal handler: 5092:signal-handler (1496141844) Received SIGINT ...
func signalHandler(msg []byte) (h handledSignal, ok bool) {
	i := bytes.Index(msg[:min(len(msg), 200)], []byte(":signal-handler ("))
	if i <= 0 {
		return h, false
	}
	for i > 0 && isDigit(msg[i-1]) {
		i--
	}
	msg = msg[i:]
	pid, rest := leadingInt(msg)
	rest, ok = bytes.CutPrefix(rest, []byte(":signal-handler ("))
	if pid < 0 || !ok {
		return h, false
	}
	digits, text, ok := bytes.Cut(rest, []byte(") "))
	if !ok {
		return h, false
	}
	if t, fine := epochTime(digits); fine {
		h.when = stamp{t: t, local: t, offset: Some(0)}
	}
	h.RedisEvent = RedisEvent{Event: "shutdown", PID: Some(pid), Text: redisText(text)}
	if e, fine := classifyRedis(text); fine {
		h.RedisEvent = e.RedisEvent
		h.PID = Some(pid)
	}
	return h, true
}

// counters reads what loglevel verbose and debug print every five seconds: a small INFO.
//
//	0 clients connected (0 slaves), 618932 bytes in use
//	DB 0: 5120 keys (12 volatile) in 8192 slots HT.
func (i *RedisInfo) counters(msg []byte, line int) bool {
	if noCounters(msg) {
		return false
	}
	if i.Fields == nil {
		i.Fields, i.Lines = map[string]string{}, map[string]int{}
	}
	clear(i.Fields)
	clear(i.Lines)
	i.Keyspace = nil
	if m := bytesInUseRE.FindSubmatch(msg); m != nil {
		i.Fields["connected_clients"], i.Fields["used_memory"] = string(m[1]), string(m[2])
		i.Lines["connected_clients"], i.Lines["used_memory"] = line, line
		return true
	}
	if m := dbCountRE.FindSubmatch(msg); m != nil {
		keys, _ := leadingInt(m[2])
		expires, _ := leadingInt(m[3])
		name := "db" + string(m[1])
		i.Fields[name] = "keys=" + string(m[2]) + ",expires=" + string(m[3])
		i.Keyspace = map[string]DB{name: {Keys: max(keys, 0), Expires: max(expires, 0)}}
		i.Lines[name] = line
		return true
	}
	return false
}

func noCounters(msg []byte) bool {
	return len(msg) < 6 || !isDigit(msg[0]) && string(msg[:3]) != "DB "
}

var (
	bytesInUseRE = regexp.MustCompile(`^([0-9]{1,9}) clients connected(?: \([0-9]+ [a-z]+\))?, ([0-9]{1,18}) bytes in use`)
	dbCountRE    = regexp.MustCompile(`^DB ([0-9]{1,6}): ([0-9]{1,18}) keys \(([0-9]{1,18}) volatile\)`)
)
