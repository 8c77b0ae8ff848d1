package parsers

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"
)

// Key listings, as redis-cli prints them and as scripts write them: replies of SCAN and KEYS with the TTL, TYPE and MEMORY
// USAGE asked for some of them, tables, names with a TTL beside or below, --bigkeys and --memkeys, rdb-tools' memory report.
//
//	127.0.0.1:6379> SCAN 0 MATCH session:* COUNT 5
//	1) "10240"
//	2) 1) "session:0b7e1f52-4a7d-4c0e-9b1a-6d2f8e3c5a90"
//	127.0.0.1:6379> TTL session:0b7e1f52-4a7d-4c0e-9b1a-6d2f8e3c5a90
//	(integer) -1
//
//	# sampled with SCAN at 2026-06-01T13:16:50Z from port 6379
//	# key ttl bytes
//	wc_session_4511a2878c139c65cf8293381811eb81 -1 17733
//
// One record a key: what later commands say of a listed key is joined to it. DBSIZE and the summaries make key-groups.
var _ = register(Parser{
	Name:  "redis-keys",
	Doc:   "listings of Redis keys with TTL and size: key and key-group records",
	Match: matchKeys,
	Parse: parseKeys,
})

func matchKeys(h *Head) int {
	lines := h.Lines(200)
	asked, rows, names, items, slow, replies := 0, 0, 0, 0, 0, 0
	for i, line := range lines {
		text := trimQuote(line)
		switch {
		case i < 10 && keyColumns(text) != nil:
			return SureMark
		case bytes.Contains(text, []byte("keys in the keyspace!")) || bytes.Contains(text, []byte("# Scanning the entire keyspace to find")):
			return SureMark
		}
		if cmd, _, ok := redisCommandLine(text); ok {
			switch command(cmd) {
			case "SCAN", "KEYS", "TTL", "PTTL", "MEMORY", "DBSIZE", "--SCAN", "RANDOMKEY", "OBJECT", "STRLEN":
				asked++
			case "SLOWLOG", "CONFIG", "INFO", "CLIENT", "MONITOR", "LATENCY":
				slow++
			}
			continue
		}
		if item, n, ok := numbered(text); ok {
			if len(item) > 0 && n > 0 {
				items++
			}
			if isEpochReply(text) {
				slow++
			}
			continue
		}
		if isStatus(text) {
			replies++
		} else if k, ok := keyRow(text); ok && KeyPrefix(k.Name) != k.Name {
			rows++
		} else if isKeyName(text) && KeyPrefix(string(text)) != string(text) {
			names++
		}
	}
	n := len(lines)
	switch {
	case slow > 0:
		return 0
	case asked > 0 && (items > 0 || rows+names+asked >= 2) && (asked+items+rows+names+replies)*2 >= n:
		return SureMark
	case n > 0 && (rows+names)*10 >= n*6 && rows > 0:
		return SureShape
	case asked > 1 && items > 0: // within prose
		return SureHabit
	case n >= 2 && items*10 >= n*8:
		return SureHabit + 10
	case n >= 3 && names*10 >= n*4 && names > 0:
		return SureHabit
	}
	return 0
}

func parseKeys(src *Source, emit func(Record)) error {
	f := &keyFold{src: src, emit: emit, byName: map[string]int{}}
	err := EachLine(src, f.line)
	f.flush()
	return err
}

// maxHeldKeys bounds the keys that wait for what later commands say of them; a listing pasted from a terminal is shorter.
const maxHeldKeys = 4096

type keyFold struct {
	src  *Source
	emit func(Record)

	when   spokenDate
	dated  bool
	db     Opt
	cmd    []string // the command whose reply is awaited
	cmdAt  Pos
	raw    []byte
	cols   *keyTable
	held   []heldKey
	byName map[string]int
	last   int // index in held of the key that a bare number below it belongs to, -1 = none

	total   KeyGroup // of a --bigkeys summary
	totalAt Pos
	mem     bool
}

type heldKey struct {
	Key
	at  Pos
	raw []byte
}

func (f *keyFold) line(line []byte, at Pos) {
	text := trimQuote(line)
	if len(text) == 0 || isFence(text) || bytes.HasPrefix(text, []byte("Warning: Using a password")) {
		return
	}
	if cols := keyColumns(text); cols != nil {
		f.cols = cols
		return
	}
	if cmd, db, ok := redisCommandLine(text); ok {
		f.command(cmd, db, line, at)
		return
	}
	if f.summary(text, line, at) {
		return
	}
	if text[0] == '#' || isRule(text) {
		if d, ok := dateLine(bytes.TrimLeft(text, "# ")); ok {
			f.when, f.dated = d, true
		}
		return
	}
	if f.cols != nil {
		if k, ok := f.cols.row(text); ok {
			f.put(k, line, at)
			return
		}
		f.src.Skip(at.Line, line, "not a row of the table")
		return
	}
	if f.reply(text, line, at) {
		return
	}
	if d, ok := dateLine(text); ok {
		f.when, f.dated = d, true
		return
	}
	if k, ok := keyRow(text); ok {
		f.put(k, line, at)
		return
	}
	if isKeyName(text) {
		f.put(Key{Name: string(text)}, line, at)
		return
	}
	f.src.Skip(at.Line, line, "neither a key nor a reply about one")
}

// command takes a command line: it tells what the reply means.
func (f *keyFold) command(cmd []string, db Opt, line []byte, at Pos) {
	if db.OK {
		f.db = db
	}
	if len(cmd) > 1 && strings.EqualFold(cmd[0], "select") {
		f.db = number(cmd[1])
	}
	f.cmd, f.cmdAt, f.raw = cmd, at, bytes.Clone(line)
	f.last = -1
}

// reply takes a line of a reply; false when it looks like none.
func (f *keyFold) reply(text, line []byte, at Pos) bool {
	if item, level, ok := numbered(text); ok {
		switch name := command(f.cmd); {
		case level == 0: // "2) (empty array)"
		case name == "GET" || name == "HGETALL" || name == "LRANGE" || name == "SMEMBERS" || name == "ZRANGE" || name == "CONFIG":
		case name != "KEYS" && level == 1 && allDigits(item) && (name == "SCAN" || bytes.HasPrefix(text, []byte("1) "))): // SCAN's cursor
		default:
			f.put(Key{Name: string(item), DB: f.db}, line, at)
		}
		return true
	}
	n, isInt := intReply(text)
	if key, field := f.asked(); field != "" {
		k := Key{Name: key, DB: f.db}
		switch {
		case isInt:
			switch field {
			case "ttl":
				k.TTL = Some(n)
			case "pttl":
				k.TTL = Some(n)
				if n > 0 {
					k.TTL = Some(n / 1000)
				}
			case "bytes":
				k.Bytes = Some(n)
			case "len":
				k.Len = Some(n)
			case "idle":
				k.IdleS = Some(n)
			case "expireat":
				k.ExpireAt = Some(n * 1000)
				if n < 0 {
					k.TTL, k.ExpireAt = Some(n), Opt{}
				}
			case "dbsize":
				f.cmd = nil
				f.emit(f.stamp(Record{At: f.cmdAt, Raw: f.raw, Fact: &KeyGroup{DB: f.db, Keys: n}}))
				return true
			}
		case field == "type" && isTypeWord(string(text)):
			k.Type = string(text)
		case field == "value":
			value := text
			if n := len(text); n > 1 && text[0] == '"' && text[n-1] == '"' { // redis-cli on a terminal: quoted, and whole
				value = unquoteReply(text[1 : n-1])
				k.Len = Some(int64(len(value)))
			}
			k.Value = maskSecrets(string(value[:min(len(value), 200)]))
		default:
			f.cmd = nil
			return isStatus(text)
		}
		f.cmd = nil
		f.put(k, f.raw, f.cmdAt)
		return true
	}
	if isInt && f.last >= 0 && f.last < len(f.held) && n >= -2 { // a name, its TTL below, its size below that
		k := &f.held[f.last]
		switch {
		case !k.TTL.OK:
			k.TTL = Some(n)
		case !k.Bytes.OK && n >= 0:
			k.Bytes = Some(n)
		}
		return true
	}
	return isStatus(text)
}

// asked is the key that the awaited reply is about and the field it gives.
func (f *keyFold) asked() (key, field string) {
	if len(f.cmd) == 0 {
		return "", ""
	}
	arg := f.cmd[len(f.cmd)-1]
	switch command(f.cmd) {
	case "DBSIZE":
		return "", "dbsize"
	case "TTL":
		return arg, "ttl"
	case "PTTL":
		return arg, "pttl"
	case "EXPIRETIME":
		return arg, "expireat"
	case "TYPE":
		return arg, "type"
	case "STRLEN", "LLEN", "HLEN", "SCARD", "ZCARD", "XLEN":
		return arg, "len"
	case "GET":
		return arg, "value"
	case "MEMORY", "OBJECT":
		if len(f.cmd) < 3 {
			return "", ""
		}
		switch strings.ToUpper(f.cmd[1]) {
		case "USAGE":
			return f.cmd[2], "bytes"
		case "IDLETIME":
			return f.cmd[2], "idle"
		}
	}
	return "", ""
}

// put adds a key, or what is newly known of one.
func (f *keyFold) put(k Key, line []byte, at Pos) {
	if len(k.Name) > maxKeyName {
		k.Name = k.Name[:maxKeyName]
	}
	if k.Name == "" {
		f.src.Skip(at.Line, line, "a key without a name")
		return
	}
	id := strconv.FormatInt(k.DB.Or(-1), 10) + " " + k.Name
	if i, ok := f.byName[id]; ok {
		h := &f.held[i]
		for _, o := range [...]struct{ to, from *Opt }{{&h.TTL, &k.TTL}, {&h.Bytes, &k.Bytes}, {&h.Len, &k.Len}, {&h.IdleS, &k.IdleS}, {&h.ExpireAt, &k.ExpireAt}} {
			if o.from.OK {
				*o.to = *o.from
			}
		}
		if k.Type != "" {
			h.Type = k.Type
		}
		if k.Value != "" {
			h.Value = k.Value
		}
		if k.TTL.OK {
			h.at, h.raw = at, bytes.Clone(line)
		}
		f.last = i
		return
	}
	if len(f.held) >= maxHeldKeys {
		f.flush()
	}
	f.byName[id] = len(f.held)
	f.last = len(f.held)
	f.held = append(f.held, heldKey{k, at, bytes.Clone(line)})
}

func (f *keyFold) flush() {
	for i := range f.held {
		h := &f.held[i]
		f.emit(f.stamp(Record{At: h.at, Raw: h.raw, Fact: &h.Key}))
	}
	if f.total.Keys > 0 {
		f.largest()
	}
	f.held, f.last = f.held[:0], -1
	clear(f.byName)
	if f.total.Keys > 0 {
		f.emit(f.stamp(Record{At: f.totalAt, Raw: f.raw, Fact: &f.total}))
		f.total = KeyGroup{}
	}
}

// largest names in the summary, without a session's id, the key that alone can be gigabytes: by its size where that was measured, else the longest
// collection.
func (f *keyFold) largest() {
	t := &f.total
	for i := range f.held {
		h := &f.held[i]
		if h.Type == "" || f.mem && h.Bytes.Or(0) <= t.LargestBytes.Or(0) || !f.mem && (h.Type == "string" || h.Len.Or(0) <= t.LargestLen.Or(0)) {
			continue
		}
		t.Largest, t.LargestType, t.LargestLen, t.LargestBytes, t.LargestLine = string(BlankSessionIDs([]byte(cutTo(h.Name, maxKeyName)))), h.Type, h.Len, h.Bytes, h.at.Line
	}
}

func (f *keyFold) stamp(r Record) Record {
	if f.dated {
		r.Time, r.Clock = f.when.Time, f.when.clock()
	}
	return r
}

// summary reads --bigkeys and --memkeys: the biggest of each type and the totals. The progress lines repeat the former.
func (f *keyFold) summary(text, line []byte, at Pos) bool {
	if m := sampledRE.FindSubmatch(text); m != nil {
		n, _ := leadingInt(m[1])
		f.total, f.totalAt, f.raw = KeyGroup{DB: f.db, Keys: max(n, 0)}, at, bytes.Clone(line)
		return true
	}
	if m := biggestRE.FindSubmatch(text); m != nil {
		n, _ := leadingInt(m[3])
		k := Key{Name: string(unquoteReply(m[2])), Type: string(m[1]), DB: f.db, Len: Some(n)}
		f.put(k, line, at)
		return true
	}
	if m := typeTotalRE.FindSubmatch(text); m != nil {
		kind := strings.TrimSuffix(string(m[2]), "s")
		if unit := string(m[4]); unit == "bytes" && kind != "string" || f.mem {
			f.memkeys()
		}
		if f.mem && f.total.Keys > 0 {
			n, _ := leadingInt(m[3])
			f.total.Bytes = Some(f.total.Bytes.N + max(n, 0))
		}
		return true
	}
	return bytes.HasPrefix(text, []byte("[")) && bytes.Contains(text, []byte("%] ")) || bytes.HasPrefix(text, []byte("Total key length in bytes")) ||
		bytes.HasPrefix(text, []byte("-------- summary"))
}

// memkeys turns what was read as lengths into bytes: only MEMORY USAGE measures lists in bytes.
func (f *keyFold) memkeys() {
	if f.mem {
		return
	}
	f.mem = true
	for i := range f.held {
		if h := &f.held[i]; h.Len.OK && !h.Bytes.OK && h.Type != "" {
			h.Bytes, h.Len = h.Len, Opt{}
		}
	}
}

var (
	sampledRE   = regexp.MustCompile(`^Sampled ([0-9]{1,18}) keys in the keyspace!`)
	biggestRE   = regexp.MustCompile(`^Biggest +([a-z]+) +found '"?(.{1,512}?)"?' has ([0-9]{1,18}) `)
	typeTotalRE = regexp.MustCompile(`^([0-9]{1,18}) ([a-z]{3,12}) with ([0-9]{1,18}) ([a-z]+) \(`)
)

// redisCommandLine reads the command behind redis-cli's prompt or in a call of redis-cli from a shell, and its database.
func redisCommandLine(text []byte) (cmd []string, db Opt, ok bool) {
	if len(text) > 1024 {
		return nil, db, false
	}
	var m []int
	if maybeCLIPrompt(text) {
		m = cliPromptRE.FindIndex(text)
	}
	if m != nil {
		db = Some(0) // the prompt says [n] when it is another
		if i := bytes.IndexByte(text[:m[1]], '['); i > 0 {
			if n, rest := leadingInt(text[i+1:]); n >= 0 && len(rest) > 0 && rest[0] == ']' {
				db = Some(n)
			}
		}
		cmd, _ = splitRedisArgs(bytes.TrimSpace(text[m[1]:]))
		return cmd, db, true
	}
	if _, prompt := promptLine(text); !prompt {
		return nil, db, false
	}
	words := strings.Fields(string(text))
	for i, w := range words {
		if !strings.HasSuffix(w, "-cli") {
			continue
		}
		db = Some(0)
		for j := i + 1; j < len(words); j++ {
			switch w := words[j]; {
			case w == "-n" && j+1 < len(words):
				db = number(words[j+1])
				j++
			case (w == "-h" || w == "-p" || w == "-a" || w == "-s" || w == "-u" || w == "-i" || w == "-r" || w == "--user" || w == "--pass" || w == "--pattern") && j+1 < len(words):
				j++
			case w == "--scan":
				return []string{w}, db, true
			case strings.HasPrefix(w, "-"):
			default:
				cmd, _ = splitRedisArgs([]byte(strings.Join(words[j:], " ")))
				return cmd, db, true
			}
		}
	}
	return nil, db, true
}

func command(cmd []string) string {
	if len(cmd) == 0 {
		return ""
	}
	return strings.ToUpper(cmd[0])
}

// numbered reads an element of a nested reply, `2) 1) "name"`: the string and how many numbers stand before it on this
// line; level 0 when the element is no string.
func numbered(text []byte) (item []byte, level int, ok bool) {
	rest := bytes.TrimLeft(text, " ")
	indent := len(text) - len(rest)
	for level < 8 {
		n, tail := leadingInt(rest)
		if n < 1 || len(tail) < 2 || tail[0] != ')' || tail[1] != ' ' {
			break
		}
		level++
		rest = bytes.TrimLeft(tail[1:], " ")
	}
	if level == 0 {
		return nil, 0, false
	}
	if len(rest) < 2 || rest[0] != '"' || rest[len(rest)-1] != '"' {
		return nil, 0, true
	}
	if indent > 0 {
		level++
	}
	return unquoteReply(rest[1 : len(rest)-1]), level, true
}

// isEpochReply is the second element of a SLOWLOG entry: a time as an integer.
func isEpochReply(text []byte) bool {
	i := bytes.Index(text, []byte("(integer) "))
	if i < 0 {
		return false
	}
	_, ok := epochTime(text[i+len("(integer) "):])
	return ok
}

func intReply(text []byte) (int64, bool) {
	text = bytes.TrimPrefix(text, []byte("(integer) "))
	n, err := strconv.ParseInt(string(text[:min(len(text), 24)]), 10, 64)
	return n, err == nil
}

func isStatus(text []byte) bool {
	switch s := string(text); s {
	case "OK", "(nil)", "(empty array)", "(empty list or set)", "(empty hash)", "exit", "QUEUED", "PONG", "quit", `""`:
		return true
	}
	return bytes.HasPrefix(text, []byte("(error)")) || bytes.HasPrefix(text, []byte("(integer)")) || replyTime(text) != nil || isTypeWord(string(text))
}

func isTypeWord(s string) bool {
	switch s {
	case "string", "list", "hash", "set", "zset", "stream", "none":
		return true
	}
	return false
}

// keyTable is a header's columns: what each holds, and what separates them.
type keyTable struct {
	sep   string // "\t", ",", "|" or "" for blanks
	names []string
}

// keyColumns reads a header that names a column for keys and one for their TTL, size or type.
func keyColumns(text []byte) *keyTable {
	head := strings.ToLower(strings.TrimSpace(strings.TrimLeft(string(text[:min(len(text), 300)]), "# ")))
	t := &keyTable{}
	for _, sep := range []string{"\t", ",", "|", ";"} {
		if strings.Contains(head, sep) {
			t.sep = sep
			break
		}
	}
	key, other := 0, 0
	for _, name := range t.split(head) {
		if name == "name" && strings.Contains(head, "ttl") { // a name alone may be anything's
			name = "key"
		}
		name = keyColumn(strings.Trim(name, "\"' "))
		switch name {
		case "key":
			key++
		case "ttl", "pttl", "bytes", "expiry":
			other++
		}
		t.names = append(t.names, name)
	}
	if key != 1 || other <= 0 {
		return nil
	}
	return t
}

func (t *keyTable) split(row string) []string {
	switch t.sep {
	case "":
		return strings.Fields(row)
	case "|":
		return strings.Split(strings.Trim(row, "| "), "|")
	}
	return strings.Split(row, t.sep)
}

// keyColumn gives a column its one name.
func keyColumn(name string) string {
	switch name {
	case "key", "key_name", "keyname", "key name":
		return "key"
	case "ttl", "ttl_s", "ttl(s)", "ttl_seconds", "expire", "expires", "expires_in", "ttl_sec":
		return "ttl"
	case "pttl", "ttl_ms", "ttl(ms)":
		return "pttl"
	case "bytes", "size", "size_in_bytes", "memory", "memory_usage", "memory_usage_bytes", "mem", "memory_bytes":
		return "bytes"
	case "db", "database":
		return "db"
	case "type":
		return "type"
	case "idle", "idletime", "idletime_s", "idle_s", "idle_time":
		return "idle"
	case "len", "length", "num_elements", "elements", "strlen", "count":
		return "len"
	case "expiry", "expire_at", "expires_at":
		return "expiry"
	}
	return ""
}

// row reads one line of the table. Keys may hold blanks; in a table of blanks the columns behind the key are counted from
// the right.
func (t *keyTable) row(text []byte) (Key, bool) {
	cells := t.split(string(text))
	if extra := len(cells) - len(t.names); extra > 0 && t.sep == "" {
		for i, name := range t.names {
			if name == "key" {
				joined := strings.Join(cells[i:i+extra+1], " ")
				cells = append(append(append([]string{}, cells[:i]...), joined), cells[i+extra+1:]...)
				break
			}
		}
	}
	if len(cells) != len(t.names) {
		return Key{}, false
	}
	var k Key
	for i, name := range t.names {
		cell := strings.Trim(strings.TrimSpace(cells[i]), `"'`)
		switch name {
		case "key":
			k.Name = cell
		case "type":
			k.Type = cell
		case "db":
			k.DB = number(strings.TrimPrefix(cell, "db"))
		case "bytes":
			k.Bytes = number(cell)
		case "idle":
			k.IdleS = number(cell)
		case "len":
			k.Len = number(cell)
		case "ttl":
			if k.TTL = number(cell); !k.TTL.OK && cell != "" && cell != "-" {
				return Key{}, false
			}
		case "pttl":
			if k.TTL = number(cell); k.TTL.N > 0 {
				k.TTL.N /= 1000
			}
		case "expiry":
			if cell == "" {
				k.TTL = Some(-1)
			} else if at, _, n := parseISO([]byte(cell)); n > 0 {
				k.ExpireAt = Some(at.UnixMilli())
			} else if at, ok := epochTime([]byte(cell)); ok {
				k.ExpireAt = Some(at.UnixMilli())
			}
		}
	}
	return k, k.Name != ""
}

// keyRow reads a name with its TTL, and perhaps its type and size, in one line without a header:
//
//	wc_session_4511a287 -1 17733      "sess:abc" => 3600      -1 sess:abc      TTL sess:abc = -1
func keyRow(text []byte) (k Key, ok bool) {
	if len(text) == 0 || len(text) > 1024 || text[0] == '#' {
		return k, false
	}
	var nums []int64
	for w := range bytes.FieldsFuncSeq(text, func(r rune) bool { return r == ' ' || r == '\t' || r == ',' || r == ';' || r == '|' }) {
		w = bytes.Trim(w, `"'()`)
		trimmed := bytes.TrimSuffix(bytes.TrimPrefix(w, []byte("ttl=")), []byte(":"))
		if len(trimmed) > 0 && trimmed[len(trimmed)-1] <= '9' { // else no number, and no error to build
			if n, err := strconv.ParseInt(string(trimmed), 10, 64); err == nil {
				nums = append(nums, n)
				continue
			}
		}
		switch s := string(w); {
		case s == "" || s == "=" || s == "=>" || s == "->" || s == ":" || s == "-" || strings.EqualFold(s, "TTL") || s == "integer" || s == "bytes" || s == "s":
		case isTypeWord(s) && k.Type == "":
			k.Type = s
		case k.Name == "":
			k.Name = strings.TrimSuffix(s, ":")
		default:
			return Key{}, false
		}
	}
	if k.Name == "" || len(nums) == 0 || len(nums) > 2 || nums[0] < -2 || !isKeyName([]byte(k.Name)) {
		return Key{}, false
	}
	k.TTL = Some(nums[0])
	if len(nums) > 1 {
		k.Bytes = Some(nums[1])
	}
	return k, true
}

// isKeyName says whether a line may be a key alone: one word, with a separator, and no address, path or line of source code.
func isKeyName(text []byte) bool {
	return len(text) > 2 && len(text) < 1024 && !bytes.ContainsAny(text, " \t\"<>=()") && bytes.ContainsAny(text, ":_-.") &&
		text[0] != '/' && text[0] != '-' && text[0] != '[' && !bytes.Contains(text, []byte("://")) && strings.IndexByte(":,;[{", text[len(text)-1]) < 0 && !allDigits(text)
}

var secretRE = regexp.MustCompile(`(?i)([\w-]*(?:passw|secret|token|csrf|auth|apikey|api_key|jwt|email|session_?id|cookie)[\w-]*\\?["']?(?:\s*[:=]\s*|;s:\d+:))(\\?"(?:[^"\\]|\\[^"])*\\?"|[^,;}&\s"\\{]+)`)

// maskSecrets blanks the values of what names itself a secret in JSON, serialised PHP and query strings.
func maskSecrets(s string) string { return secretRE.ReplaceAllString(s, "${1}***") }
