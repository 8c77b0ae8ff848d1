package parsers

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Redis INFO, as redis-cli prints it, as cron jobs append it and as people paste it: whole, one section, or grepped, from
// Redis 2.4 (no sections) to 8 and its relatives, with or without a date line before each snapshot.
//
//	Mon Jun 22 08:32:03 CST 2026
//	127.0.0.1:6379> info
//	# Memory
//	used_memory:66275978
//	db0:keys=2012,expires=12,avg_ttl=86399950
//
// A snapshot ends where a name comes a second time, at the next date line, separator or command, or with the file. Its time
// is, in this order: a date line whose zone is certain, the server's own server_time_usec, a date line without one, the
// file's name. Text around the snapshots (markdown, shell commands) is nobody's record and is not counted as skipped; a
// line inside a section that is no field is.
var _ = register(Parser{
	Name:  "redis-info",
	Doc:   "INFO of Redis, Valkey, KeyDB, Dragonfly, Pika, ElastiCache and Sentinel: a redis-info record a snapshot",
	Most:  SureMark + 7,
	Match: matchRedisInfo,
	Parse: parseRedisInfo,
})

func matchRedisInfo(h *Head) int {
	lines := h.Lines(400)
	known, marks, logs, most := 0, 0, 0, 0
	for _, line := range lines {
		if isRedisLogLine(line) {
			logs++
		}
		fields := 0
		for _, part := range infoParts(line) {
			name, _, sep := infoField(part)
			if trimmed := trimQuote(part); isDumpedName(trimmed) {
				name, sep = trimmed[2:len(trimmed)-4], '='
			}
			if sep == 0 || !knownInfoName(name) {
				continue
			}
			fields++
			switch string(name) {
			case "used_memory", "redis_version", "maxmemory_policy", "used_memory_rss", "connected_clients", "uptime_in_seconds", "keyspace_hits":
				marks++
			}
			if isDBName(name) || bytes.HasPrefix(name, []byte("mem_")) || bytes.HasPrefix(name, []byte("used_memory_")) {
				marks++
			}
		}
		if fields > 0 {
			known++
		}
		most = max(most, fields)
	}
	switch {
	case marks == 0 || logs > 0 && logs*4 > known:
		return 0
	case known >= 20 && bytes.Contains(h.Text, []byte("```")):
		return SureMark + 7 // a whole reply is worth more than the runbook around it, which has redis-cli commands too
	case known*2 >= len(lines), most >= wholeReply:
		return SureMark
	case known >= 3:
		return SureShape // a snapshot within prose, or behind a log's prefixes
	case known*4 >= len(lines):
		return SureHabit
	}
	return 0
}

func parseRedisInfo(src *Source, emit func(Record)) error {
	f := &infoFold{src: src, emit: emit}
	if d, ok := nameTime(src.Name); ok {
		f.named = d
	}
	err := EachLineAndBlank(src, f.line)
	f.end()
	return err
}

// wholeReply is how many fields in one line make it a reply, whatever stands around it: what a client's shell printed.
const wholeReply = 20

const (
	usualFields   = 160  // of a whole INFO of Redis 7: growing the maps to it took a tenth of its reading
	maxInfoFields = 8192 // INFO everything of Redis 8 with every command used has about 1,300
	maxInfoName   = 128
	maxInfoValue  = 4096      // the longest real value, a cmdstat or latencystat line, is below 300 bytes
	maxInfoHeld   = 16        // snapshots that wait to learn whether the file's name is their time
	maxInfoCols   = 8         // snapshots side by side
	maxClockGap   = 26 * 3600 // seconds: no zone is farther than 14 h from UTC, nor is a date line from its INFO
)

// infoFold collects the snapshots of one source.
type infoFold struct {
	src  *Source
	emit func(Record)

	cols     []*infoSnapshot // the open snapshots: one, or several side by side
	date     spokenDate      // the date line that waits for its snapshot
	dated    bool
	dateAt   int
	port     string // of the last command line, "" = not said
	addr     string // of redis-cli's prompt, "" = none
	section1 bool   // the line before belonged to a snapshot
	dumped   []byte // a name whose value stands on the next line
	jsonDB   string // the open "db0": { of a JSON object printed over several lines

	named spokenDate      // the time in the file's name; Zone "-" once it cannot be one snapshot's
	held  []*infoSnapshot // snapshots without a time of their own, while named may be theirs
	seen  map[string]bool // identities of snapshots told so far
	zone  string          // what the last emitted ClockReading said
}

// infoSnapshot is one INFO reply in the making.
type infoSnapshot struct {
	info     RedisInfo
	first    int
	raw      []byte // of the used_memory line, or of the first
	rawAt    int
	port     string
	date     spokenDate
	dated    bool
	sections map[string]bool
}

func (f *infoFold) line(line []byte, at Pos) {
	trimmed := trimQuote(line)
	if len(trimmed) == 0 {
		f.section1 = false
		return
	}
	if len(f.dumped) > 0 {
		trimmed = append(f.dumped, trimmed...)
		f.dumped = nil
	} else if isDumpedName(trimmed) && len(trimmed) < maxInfoName {
		f.dumped = bytes.Clone(trimmed)
		return
	}
	n := nameLength(trimmed)
	plain := n > 0 && n <= maxInfoName && n < len(trimmed) && trimmed[n] == ':' && knownInfoName(trimmed[:n])
	// Nearly every line is one field. What is said of the others below it needs not, at a third of the cost.
	if plain && f.jsonDB == "" && !bytes.ContainsAny(trimmed[n+1:], `:|\{#`) {
		f.section1 = f.value(trimmed[:n], cleanValue(trimmed[n+1:]), ':', true, trimmed, 0, at)
		return
	}
	if !plain && f.separator(trimmed, at) {
		f.section1 = false
		return
	}
	took := false
	if d, ok := prefixTime(trimmed); ok && !f.dated && f.open() == nil {
		d.Local = time.Time{} // a log's prefix dates the snapshot; its zone is the collector's, not the host's
		f.date, f.dated, f.dateAt = d, true, at.Line
	}
	for i, part := range infoColumns(trimmed) {
		for _, one := range infoParts(part) {
			took = f.field(one, trimmed, i, at) || took
		}
	}
	if !took && f.section1 && f.open() != nil && !isFence(trimmed) && !bytes.HasPrefix(line, []byte(">>>")) {
		f.src.Skip(at.Line, line, "not a field of INFO")
	}
	f.section1 = took
}

// separator handles the lines between snapshots: dates, rules, prompts, shell commands, errors of redis-cli.
func (f *infoFold) separator(line []byte, at Pos) bool {
	if port, ok := promptLine(line); ok {
		if port != "" {
			if s := f.open(); s != nil && s.port != "" && s.port != port {
				f.flush()
			}
			f.port = port
		}
		if f.addr = promptAddr(line); f.addr != "" {
			if s := f.open(); s != nil && s.info.Addr != "" && s.info.Addr != f.addr {
				f.flush()
			}
		}
		return true
	}
	if sig := redisCLIError(line); sig != "" {
		f.flush()
		r := Record{At: at, Raw: line, Fact: &AppEvent{Signature: sig, Program: "redis-cli", Text: string(line[:min(len(line), 200)])}}
		if f.dated {
			r.Time, r.Clock = f.date.Time, f.date.clock()
		}
		f.emit(r)
		return true
	}
	if name, _, sep := infoField(line); sep != 0 && knownInfoName(name) {
		return false
	}
	if _, ok := infoHeader(line); ok {
		return false
	}
	if bytes.HasPrefix(line, []byte("# Time:")) { // Pika: when the keys were counted
		return true
	}
	if m := replyTime(line); m != nil {
		f.slowReply(m[1], line, at)
		return true
	}
	if d, ok := dateLine(line); ok {
		f.flush()
		f.date, f.dated, f.dateAt = d, true, at.Line
		f.port, f.addr = "", ""
		return true
	}
	if isRule(line) {
		f.flush()
		return true
	}
	return bytes.HasPrefix(line, []byte("Warning: Using a password"))
}

// slowReply is redis-cli's own "(0.57s)" under a reply that took longer than half a second: the server was busy then.
func (f *infoFold) slowReply(seconds, line []byte, at Pos) {
	s := f.open()
	sec, err := strconv.ParseFloat(string(seconds), 64)
	if s == nil || err != nil || sec > 1e6 {
		return
	}
	when, clock := s.time()
	f.emit(Record{Time: when, Clock: clock, At: at, Raw: line, Fact: &SlowCommand{Command: "INFO", Micros: Some(int64(sec * 1e6))}})
}

// field takes one "name:value" into the snapshot of column col.
func (f *infoFold) field(part, line []byte, col int, at Pos) bool {
	if h, ok := infoHeader(part); ok {
		if s := f.open(); s != nil && s.sections[h] {
			f.flush()
		}
		s := f.snapshot(0, line, at)
		s.sections[h] = true
		return true
	}
	if n := len(f.jsonDB); n > 0 && f.jsonField(part, line, at) {
		return true
	}
	name, value, sep := infoField(part)
	if sep == 0 || len(name) > maxInfoName {
		return false
	}
	known := knownInfoName(name)
	if !known && sep == '=' && dateLabel(name) { // "ts": "2026-06-22T08:32:03Z" in a JSON line
		if d, ok := dateLine(value); ok {
			f.flush()
			f.date, f.dated, f.dateAt = d, true, at.Line
			return true
		}
	}
	return f.value(name, value, sep, known, line, col, at)
}

// value takes a field that was read.
func (f *infoFold) value(name, value []byte, sep byte, known bool, line []byte, col int, at Pos) bool {
	s := f.open()
	if !known && (s == nil || !f.section1 || sep != ':') {
		return false
	}
	if len(value) > maxInfoValue {
		f.src.Skip(at.Line, line, "a value longer than 4096 bytes")
		return true
	}
	if sep == '{' {
		f.jsonDB = string(name)
		f.snapshot(col, line, at)
		return true
	}
	key := string(name)
	if len(f.cols) > col {
		if _, twice := f.cols[col].info.Fields[key]; twice && known {
			if db, ok := f.cols[col].info.Keyspace[key]; ok && bytes.Contains(value, []byte("_keys=")) { // Pika: a line a type
				more, _ := parseDB(value)
				db.Keys, db.Expires = db.Keys+more.Keys, db.Expires+more.Expires
				f.cols[col].info.Keyspace[key] = db
				return true
			}
			if repeatable(name) {
				return true
			}
			f.flush()
		}
	}
	s = f.snapshot(col, line, at)
	if len(s.info.Fields) >= maxInfoFields {
		f.src.Skip(at.Line, line, "more fields than any INFO has")
		return true
	}
	if isDBName(name) && bytes.Contains(value, []byte("binlog_offset")) { // Pika's replication
		return true
	}
	if isDBName(name) {
		db, ok := parseDB(value)
		if !ok {
			f.src.Skip(at.Line, line, "a database without keys=N")
			return true
		}
		if s.info.Keyspace == nil {
			s.info.Keyspace = map[string]DB{}
		}
		s.info.Keyspace[key] = db
	} else if numericInfo(key) && !isNumber(value) {
		f.src.Skip(at.Line, line, key+" is not a number")
		return true
	}
	s.info.Fields[key] = string(value)
	s.info.Lines[key] = at.Line
	if key == "used_memory" {
		s.raw, s.rawAt = append(s.raw[:0], line...), at.Line
	}
	return true
}

// jsonField takes the lines of "db0": { "keys": 12, "expires": 0 }, printed over several lines.
func (f *infoFold) jsonField(part, line []byte, at Pos) bool {
	if bytes.IndexByte(part, '}') >= 0 {
		f.jsonDB = ""
		return true
	}
	name, value, sep := infoField(part)
	n, err := strconv.ParseInt(string(value), 10, 64)
	if sep == 0 || err != nil {
		return false
	}
	s := f.snapshot(0, line, at)
	if s.info.Keyspace == nil {
		s.info.Keyspace = map[string]DB{}
	}
	db := s.info.Keyspace[f.jsonDB]
	switch string(name) {
	case "keys":
		db.Keys = n
	case "expires":
		db.Expires = n
	case "avg_ttl", "avg_ttl_ms":
		db.AvgTTLMS = Some(n)
	}
	s.info.Keyspace[f.jsonDB] = db
	s.info.Lines[f.jsonDB] = at.Line
	return true
}

func (f *infoFold) open() *infoSnapshot {
	if len(f.cols) == 0 {
		return nil
	}
	return f.cols[0]
}

// snapshot returns the open snapshot of a column, opening it when there is none.
func (f *infoFold) snapshot(col int, line []byte, at Pos) *infoSnapshot {
	for len(f.cols) <= col {
		s := &infoSnapshot{
			info:  RedisInfo{Fields: make(map[string]string, usualFields), Lines: make(map[string]int, usualFields), Addr: f.addr},
			first: at.Line, rawAt: at.Line, raw: bytes.Clone(line), port: f.port, sections: map[string]bool{},
		}
		s.date, s.dated = f.date, f.dated
		f.cols = append(f.cols, s)
	}
	return f.cols[col]
}

// flush closes the open snapshots. A date line dates the snapshots that follow it up to the first one of a server already
// told: two servers polled under one date share it, two polls of one server do not.
func (f *infoFold) flush() {
	for _, s := range f.cols {
		if len(s.info.Fields) > 0 || len(s.info.Keyspace) > 0 {
			f.close(s)
		}
	}
	if len(f.cols) > 0 && f.dated && f.dateAt < f.cols[0].first {
		f.dated = f.anotherServer()
	}
	f.cols = f.cols[:0]
	f.jsonDB = ""
}

// anotherServer says whether the open snapshot names its server, so that the next one can be told to be another's.
func (f *infoFold) anotherServer() bool { return f.cols[0].identity() != "" }

func (s *infoSnapshot) identity() string {
	if p := s.info.Fields["tcp_port"]; p != "" {
		return p
	}
	return s.port
}

func (f *infoFold) close(s *infoSnapshot) {
	id := s.identity()
	if s.dated {
		key := id + "@" + strconv.Itoa(f.dateAt)
		if f.told(key) {
			s.dated = false
		}
	}
	when, clock := s.time()
	if clock == NoClock && !f.named.Time.IsZero() && f.named.Zone != "-" {
		if f.told(id) || len(f.held) >= maxInfoHeld {
			f.named.Zone = "-" // two snapshots of one server: the name is the first one's at most
			f.release()
		} else {
			f.held = append(f.held, s)
			return
		}
	}
	f.tell(s, when, clock)
}

func (f *infoFold) told(key string) bool {
	if f.seen == nil || len(f.seen) > 4*maxInfoHeld {
		f.seen = map[string]bool{}
	}
	was := f.seen[key]
	f.seen[key] = true
	return was
}

// time is the snapshot's own.
func (s *infoSnapshot) time() (time.Time, Clock) {
	if s.dated && s.date.Zoned {
		return s.date.Time, ZonedClock
	}
	if t, ok := s.serverTime(); ok {
		return t, ZonedClock
	}
	if s.dated {
		return s.date.Time, LocalClock
	}
	return time.Time{}, NoClock
}

func (s *infoSnapshot) serverTime() (time.Time, bool) {
	usec := s.info.Fields["server_time_usec"]
	if len(usec) != 16 {
		return time.Time{}, false
	}
	return epochTime([]byte(usec))
}

func (f *infoFold) tell(s *infoSnapshot, when time.Time, clock Clock) {
	if s.port != "" && s.info.Fields["tcp_port"] == "" {
		s.info.Fields["tcp_port"], s.info.Lines["tcp_port"] = s.port, s.first
	}
	at := Pos{File: f.src.Name, Line: s.rawAt}
	if s.dated && !s.date.Local.IsZero() {
		f.clockReading(s, at)
	}
	f.emit(Record{Time: when, Clock: clock, At: at, Raw: s.raw, Fact: &s.info})
}

// clockReading tells what the date line says about the host's zone, when it says something new: its offset, or the wall
// clock beside the server's own UTC.
func (f *infoFold) clockReading(s *infoSnapshot, at Pos) {
	c := &ClockReading{From: "date", Zone: s.date.Zone, Local: s.date.Local}
	if s.date.Zoned {
		c.OffsetS, c.UTC = Some(s.date.OffsetS), s.date.Time
	} else if t, ok := s.serverTime(); ok {
		// The date line comes a moment before the reply; zones are multiples of a quarter of an hour.
		gap := int64(s.date.Local.Sub(t) / time.Second)
		if gap > maxClockGap || gap < -maxClockGap {
			return
		}
		quarter := (gap + 450 + 864000) / 900 * 900
		c.OffsetS, c.UTC = Some(quarter-864000), t
	}
	key := c.Zone + strconv.FormatInt(c.OffsetS.Or(-1), 10)
	if key == f.zone {
		return
	}
	f.zone = key
	when, clock := c.UTC, ZonedClock
	if when.IsZero() {
		when, clock = c.Local, LocalClock
	}
	f.emit(Record{Time: when, Clock: clock, At: at, Raw: s.raw, Fact: c})
}

func (f *infoFold) release() {
	for _, s := range f.held {
		if f.named.Zone == "-" {
			f.tell(s, time.Time{}, NoClock)
		} else {
			f.tell(s, f.named.Time, f.named.clock())
		}
	}
	f.held = nil
}

func (f *infoFold) end() {
	f.flush()
	f.release()
}

var portRE = regexp.MustCompile(`(?:-p\s*|--port[ =]|:)([0-9]{2,5})\b`)

// promptLine knows a shell's or redis-cli's prompt with a command, and the bare command line of a transcript.
func promptLine(line []byte) (port string, ok bool) {
	if maybeCLIPrompt(line) {
		if m := cliPromptRE.FindSubmatch(line); m != nil {
			return string(m[1]), true
		}
	}
	if bytes.HasPrefix(line, []byte("$ ")) || bytes.HasPrefix(line, []byte("+ ")) || bytes.Equal(line, []byte("$")) ||
		maybeShellPrompt(line) && shellPromptRE.Match(line) ||
		bytes.HasPrefix(line, []byte("redis-cli ")) || bytes.Equal(line, []byte("redis-cli")) || bytes.HasPrefix(line, []byte("INFO")) && !bytes.ContainsRune(line, ':') {
		if m := portRE.FindSubmatch(line); m != nil && bytes.Contains(line, []byte("-cli")) {
			port = string(m[1])
		}
		return port, true
	}
	return "", len(line) > 1 && (line[0] == '$' || line[0] == '=') && respLengthRE.Match(line)
}

// promptAddr is the host:port of redis-cli's own prompt; "" for this host, which has several names.
func promptAddr(line []byte) string {
	if !maybeCLIPrompt(line) {
		return ""
	}
	m := cliPromptRE.FindSubmatchIndex(line)
	if m == nil || m[2] < 0 {
		return ""
	}
	addr := string(line[:m[3]])
	for _, name := range []string{"redis", "valkey", "keydb"} { // "redis 127.0.0.1:6379>", as redis-cli 2.x had it
		addr = strings.TrimPrefix(addr, name+" ")
	}
	switch addr[:strings.LastIndexByte(addr, ':')] {
	case "127.0.0.1", "localhost", "::1", "[::1]":
		return ""
	}
	return addr
}

// maybeCLIPrompt is a cheap look before cliPromptRE: nothing before its ">" can be one, and nearly no line of a log has one.
func maybeCLIPrompt(line []byte) bool {
	i := bytes.IndexByte(line, '>')
	if i <= 0 || i+1 < len(line) && !isSpace(line[i+1]) {
		return false
	}
	c := line[i-1]
	return isDigit(c) || c == ']' || c == ')' || c == 'd' // a port, [db], (TX), "not connected"
}

// maybeShellPrompt is a cheap look before shellPromptRE, by what each of its alternatives must hold.
func maybeShellPrompt(line []byte) bool {
	if len(line) == 0 {
		return false
	}
	end := 0
	switch line[0] {
	case '[':
		end = bytes.IndexByte(line[:min(len(line), 124)], ']') + 1
	case '/':
		end = bytes.IndexByte(line[:min(len(line), 43)], ' ') + 1
	default: // anywhere after user@host:
		return bytes.IndexByte(line[:min(len(line), 41)], '@') > 0 && bytes.ContainsAny(line[:min(len(line), 41+61+102)], "#$%")
	}
	if end > 0 && end < len(line) && isSpace(line[end]) {
		end++
	}
	return end > 0 && end < len(line) && (line[end] == '#' || line[end] == '$' || line[end] == '%')
}

// isSpace is a pattern's \s.
func isSpace(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' && c != '\v' }

var (
	cliPromptRE   = regexp.MustCompile(`^(?:redis|valkey|keydb)?\s?(?:[0-9A-Za-z_.\-\[\]:]{0,100}:([0-9]{2,5})|not connected)(?:\[[0-9]+\])?(?:\(TX\))?>(?:\s|$)`)
	shellPromptRE = regexp.MustCompile(`^(?:\[[^\]\s]{1,60}(?: [^\]]{1,60})?\]|[\w.\-]{1,40}@[\w.\-]{1,60}:[^ ]{0,100}|/[\w/]{0,40} )\s?[#$%] ?`)
	replyTimeRE   = regexp.MustCompile(`^\(([0-9]{1,6}\.[0-9]{2})s\)$`)
	respLengthRE  = regexp.MustCompile(`^[$=][0-9]{1,9}$`)
)

// redisCLIError is the signature of an error that redis-cli printed instead of a reply.
func redisCLIError(line []byte) string {
	for _, e := range [...]struct{ text, sig string }{
		{"Could not connect to Redis at", "redis-refused"}, {"Could not connect to Valkey at", "redis-refused"},
		{"LOADING Redis is loading", "redis-loading"}, {"(error) LOADING", "redis-loading"},
		{"MISCONF ", "redis-misconf"}, {"(error) MISCONF", "redis-misconf"},
		{"OOM command not allowed", "redis-oom"}, {"(error) OOM command", "redis-oom"},
		{"NOAUTH ", "redis-noauth"}, {"(error) NOAUTH", "redis-noauth"},
		{"BUSY Redis is busy", "redis-busy"}, {"(error) BUSY", "redis-busy"},
		{"(error) ERR max number of clients", "redis-maxclients"}, {"ERR max number of clients", "redis-maxclients"},
		{"Error: Server closed the connection", "redis-refused"}, {"Error: Connection reset by peer", "redis-refused"},
	} {
		if bytes.HasPrefix(line, []byte(e.text)) {
			return e.sig
		}
	}
	return ""
}

// replyTime reads "(0.53s)".
func replyTime(line []byte) [][]byte {
	if len(line) == 0 || line[0] != '(' {
		return nil
	}
	return replyTimeRE.FindSubmatch(line)
}

// isRule is a line drawn between snapshots: -----, =====, *****, or -- 12 --.
func isRule(line []byte) bool {
	if len(line) < 3 || bytes.IndexByte([]byte("-=*_~+"), line[0]) < 0 {
		return false
	}
	return line[1] == line[0] && line[2] == line[0] && line[0] == line[len(line)-1]
}

func isFence(line []byte) bool {
	return bytes.HasPrefix(line, []byte("```")) || bytes.HasPrefix(line, []byte("~~~")) || line[0] == '<' || line[0] == '}' || line[0] == ']' || line[0] == ')'
}

// prefixTime is the time a container runtime or collector put before a field: 2025-07-08T13:29:05.096Z I0708 ...
func prefixTime(line []byte) (spokenDate, bool) {
	if len(line) < 30 || line[0] < '1' || line[0] > '2' || line[4] != '-' {
		return spokenDate{}, false
	}
	stamp, _, ok := bytes.Cut(line, []byte(" "))
	if !ok || len(stamp) > 40 || bytes.IndexByte(stamp, 'T') != 10 {
		return spokenDate{}, false
	}
	return dateLine(stamp)
}

// infoHeader reads "# Memory" and the server's other section titles.
func infoHeader(part []byte) (string, bool) {
	part = bytes.TrimSpace(part)
	if i := bytes.LastIndex(part, []byte("] # ")); i >= 0 { // behind a log's prefix
		part = part[i+2:]
	}
	if len(part) < 4 || part[0] != '#' || len(part) > 60 {
		return "", false
	}
	title := string(bytes.TrimSpace(part[1:]))
	switch title {
	case "Server", "Clients", "Memory", "Persistence", "Threads", "Stats", "Replication", "CPU", "Cpu", "Modules", "Commandstats",
		"Errorstats", "Latencystats", "Cluster", "Keyspace", "Keysizes", "Sentinel", "Debug", "KeyDB", "Data", "Command_Exec_Count",
		"Replication(MASTER)", "Replication(SLAVE)", "Scripting engines", "Tiered", "Diskstore", "Active-Replica", "Search", "Hotkeys":
		return title, true
	}
	return "", false
}
