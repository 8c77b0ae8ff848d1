package parsers

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"html"
	"regexp"
	"time"
)

// parseLog reads a log of the kernel and of the programs around it, whatever wraps its lines, and gives each message to
// those who can read it: the OOM reader of its host, then the readers of kernel events, then those of its program.
//
//	bytes ─▶ line ─▶ entry (journal export, pretty JSON) ─▶ piece (run together) ─▶ joined (wrapped by a mailer) ─▶ message
func parseLog(src *Source, emit func(Record)) error {
	l := &logReader{src: src, emit: emit, hosts: map[string]*oomReader{}}
	err := EachLineAndBlank(src, l.line)
	l.end()
	return err
}

type logReader struct {
	src  *Source
	emit func(Record)

	hosts   map[string]*oomReader
	order   []string // of hosts, as they came: reports are closed in this order
	last    envelope // of the line before: one without a stamp belongs to it
	stamped bool     // some line had a wrapper
	rows    int      // of task tables in reports not yet finished

	leads    [2]lead // of the kernel's lines and of others'
	lastLine []byte  // the line before, when it was passed over: last is not yet known

	held   heldLine
	entry  *exportEntry
	pretty *prettyEntry
	audit  auditPacer
	loud   bool // for a test: no message is passed over

	access  *accessReader // of the web servers' messages
	haproxy haproxyReader
}

// maxHosts bounds the hosts of a central syslog whose reports are kept apart; the rest share one reader.
const maxHosts = 1024

// line takes one line of the file.
func (l *logReader) line(line []byte, at Pos) {
	if l.passOver(line) {
		return
	}
	if l.readExport(line, at) {
		return
	}
	if blankLine(line) {
		return
	}
	if l.readPretty(line, at) {
		return
	}
	l.pieces(line, at)
}

func (l *logReader) end() {
	l.endPretty()
	l.endExport()
	l.release()
	for _, host := range l.order {
		l.hosts[host].finish()
	}
}

// ---- from a line to its messages ----

// pieces splits a line into which a paste ran several records together.
func (l *logReader) pieces(line []byte, at Pos) {
	e := unwrap(line)
	if e.Wrapped && len(e.Msg) > 0 && &e.Msg[len(e.Msg)-1] == &line[len(line)-1] && !l.loud { // else a wrapper had escaped something
		if s := l.soundOf(e.Host, e.Program, e.Msg); s != loud {
			l.learn(line, &e)
			l.stamped = true
			l.keepLast(&e)
			if s == repeated {
				l.kernelEvent(&message{envelope: e, at: at, raw: line})
			}
			return
		}
	}
	if len(e.Program) > 0 && !isKernelProgram(e.Program) {
		l.piece(e, line, at)
		return
	}
	if !e.Wrapped || bytes.IndexByte(e.Msg, '&') >= 0 {
		if clean := undecorate(line); clean != nil {
			for _, part := range bytes.Split(clean, []byte("\n")) {
				if len(bytes.TrimSpace(part)) > 0 {
					l.splitStamps(unwrap(part), part, at)
				}
			}
			return
		}
	}
	l.splitStamps(e, line, at)
}

// splitStamps cuts before every stamp that stands inside a message.
func (l *logReader) splitStamps(e envelope, line []byte, at Pos) {
	for {
		cut := stampInside(e.Msg)
		if cut <= 0 {
			l.piece(e, line, at)
			return
		}
		rest := e.Msg[cut:]
		head := e
		head.Msg = bytes.TrimSpace(e.Msg[:cut])
		if len(head.Msg) > 0 {
			l.piece(head, head.Msg, at)
		}
		e, line = unwrap(rest), rest
		if len(e.Program) == 0 {
			e.Host, e.Program, e.PID = head.Host, head.Program, head.PID
		}
		if len(e.Msg) >= len(rest) { // cannot be: a stamp was seen; but never loop on a stranger's bytes
			l.piece(e, rest, at)
			return
		}
	}
}

// stampInside finds where in msg another record begins: a kernel stamp, or a syslog header before "kernel:". 0 when there is none.
func stampInside(msg []byte) int {
	for i := 1; i < len(msg); i++ {
		j := bytes.IndexByte(msg[i:], '[')
		if j < 0 {
			break
		}
		i += j
		end := bytes.IndexByte(msg[i:min(len(msg), i+maxStamp)], ']')
		if end < 4 {
			continue
		}
		in := bytes.TrimSpace(msg[i+1 : i+end])
		if d, ok := parseSinceBoot(in); ok && len(in) > 7 && in[len(in)-7] == '.' && d >= 0 {
			return i
		}
		if end > 18 {
			if _, ok := parseCTime(in); ok {
				return i
			}
		}
	}
	for from := 1; from < len(msg); {
		j := bytes.Index(msg[from:], []byte(" kernel: "))
		if j < 0 {
			break
		}
		at := from + j
		for i := at; i > 0 && i > at-maxStamp; i-- {
			if _, n := parseRFC3164(msg[i:at]); n > 0 {
				return i
			}
			if _, _, n := parseISO(msg[i:at]); n > 0 {
				return i
			}
		}
		from = at + 1
	}
	return 0
}

var htmlTag = regexp.MustCompile(`(?i)</?(?:pre|code|p|div|span|br|td|tr|blockquote|samp|li|ul|ol|b|i)(?:\s[^<>]*)?/?>`)

// undecorate takes off what a web page or a text file put around a log line: entities, tags, quotes, list marks. It
// returns nil when that leaves nothing more readable than before.
func undecorate(line []byte) []byte {
	clean := line
	if bytes.IndexByte(clean, '&') >= 0 {
		clean = []byte(html.UnescapeString(string(clean)))
	}
	if bytes.IndexByte(clean, '<') >= 0 {
		clean = htmlTag.ReplaceAll(clean, []byte("\n"))
	}
	clean = bytes.TrimLeft(clean, " \t\"'`*|-\n")
	clean = bytes.TrimRight(clean, "\n")
	if bytes.Equal(clean, bytes.TrimLeft(line, " \t")) {
		return nil
	}
	if e := unwrap(clean); !e.Wrapped && !hasOOMWording(clean) && !hasKernelWording(clean) {
		return nil
	}
	return clean
}

// piece takes one record as it stood in a line, and joins what a mailer wrapped.
func (l *logReader) piece(e envelope, raw []byte, at Pos) {
	if l.held.text != nil {
		if !e.Wrapped && l.held.continuedBy(e.Msg) {
			l.held.join(e.Msg)
			if !wantsMore(l.held.text) {
				l.release()
			}
			return
		}
		l.release()
	}
	if !e.Wrapped && l.stamped {
		// A continuation has the stamp of the line it continues, not its program: prose may follow a log.
		msg := e.Msg
		if len(l.lastLine) > 0 {
			last := unwrap(l.lastLine)
			l.keepLast(&last)
		}
		e = l.last
		e.Msg, e.Wrapped = msg, false
	}
	if e.Wrapped {
		l.stamped = true
		l.keepLast(&e)
	}
	if wantsMore(e.Msg) {
		l.held.set(e, raw, at)
		return
	}
	l.messages(e, raw, at)
}

// keep copies what outlives the line.
func (e envelope) keep() envelope {
	e.Host, e.Program, e.Msg = bytes.Clone(e.Host), bytes.Clone(e.Program), nil
	return e
}

// keepLast is keep into l.last, line by line.
func (l *logReader) keepLast(e *envelope) {
	l.lastLine = l.lastLine[:0]
	host, program := append(l.last.Host[:0], e.Host...), append(l.last.Program[:0], e.Program...)
	l.last = *e
	l.last.Host, l.last.Program, l.last.Msg = host, program, nil
}

// messages takes apart a record with newlines in it.
func (l *logReader) messages(e envelope, raw []byte, at Pos) {
	m := message{envelope: e, at: at, raw: raw}
	for rest := e.Msg; ; {
		text, after, more := bytes.Cut(rest, []byte("\n"))
		m.Msg = text
		l.anchored(&m)
		if !more {
			return
		}
		rest = after
	}
}

// anchors begin the records of an OOM report; where newlines were lost, one may stand inside another record.
var anchors = []string{"oom-kill:constraint=", "Memory cgroup out of memory: Kill", "Out of memory: Kill", "oom_reaper: reaped process", "Mem-Info:", "Free swap ", "Total swap "}

// anchored splits a message at the anchors inside it.
func (l *logReader) anchored(m *message) {
	text := m.Msg
	if len(m.Program) > 0 && !isKernelProgram(m.Program) {
		l.message(m)
		return
	}
	for {
		cut := -1
		for _, a := range anchors {
			if len(text) <= len(a) {
				continue
			}
			if i := bytes.Index(text[1:], []byte(a)); i >= 0 && (cut < 0 || i+1 < cut) {
				cut = i + 1
			}
		}
		if cut < 0 || len(bytes.TrimSpace(text[:cut])) == 0 {
			m.Msg = text
			l.message(m)
			return
		}
		m.Msg = text[:cut]
		l.message(m)
		text = text[cut:]
	}
}

// message gives one message to those who can read it.
func (l *logReader) message(m *message) {
	if len(bytes.TrimSpace(m.Msg)) == 0 {
		return
	}
	known := false
	if len(m.Program) == 0 || isKernelProgram(m.Program) {
		known = l.host(m.Host).read(m) || l.kernelEvent(m)
		if !known && !m.Wrapped {
			known = !l.stamped || isFiller(m.Msg)
		}
	} else {
		known = true
		if o := l.hosts[string(m.Host)]; o != nil && o.cur != nil && o.cur.done && !near(o.cur.killed.envelope, m.envelope, time.Second) {
			o.finish() // oom_reaper's line would have come by now
		}
		if l.web(m) {
			return
		}
		if fact := messageFact(string(m.Program), m.PID, bytes.TrimSpace(m.Msg)); fact != nil {
			l.record(m, fact)
		} else if fact := appFact(m); fact != nil {
			l.record(m, fact)
		}
	}
	if !known && !m.Wrapped {
		l.src.Skip(m.at.Line, m.raw, "no time stamp, program or kernel wording")
	}
}

// isFiller accepts lines that stand in a log without being of it: indented continuations, elisions, journalctl's remarks.
func isFiller(msg []byte) bool {
	if msg[0] == ' ' || msg[0] == '\t' {
		return true
	}
	for _, w := range [...]string{"...", "[...", "…", "```", "--", "==", "$ ", "# "} {
		if bytes.HasPrefix(msg, []byte(w)) {
			return true
		}
	}
	return hasKernelWording(msg)
}

func (l *logReader) record(m *message, fact Fact) {
	l.emit(Record{Time: m.Time, Clock: m.Clock, SinceBoot: m.SinceBoot, HasBoot: m.HasBoot, At: m.at, Raw: m.raw, Fact: fact})
}

// host returns the OOM reader of a host; lines that name none share one.
func (l *logReader) host(name []byte) *oomReader {
	if o, ok := l.hosts[string(name)]; ok {
		return o
	}
	if len(l.hosts) >= maxHosts {
		name = nil
		if o, ok := l.hosts[""]; ok {
			return o
		}
	}
	o := &oomReader{rows: &l.rows, emit: func(r Record) {
		r.At.File = l.src.Name
		l.emit(r)
	}}
	l.hosts[string(name)] = o
	l.order = append(l.order, string(name))
	return o
}

// ---- lines wrapped by a mailer or a terminal ----

// heldLine is a record that ends too early: its rest may stand on the lines that follow, which have no stamp of their own.
type heldLine struct {
	envelope envelope
	raw      []byte
	text     []byte
	at       Pos
	lines    int
}

const (
	maxHeldLines = 12
	maxHeldBytes = 8 << 10
)

func (h *heldLine) set(e envelope, raw []byte, at Pos) {
	*h = heldLine{envelope: e.keep(), raw: bytes.Clone(raw[:min(len(raw), maxLineText)]), text: bytes.Clone(e.Msg), at: at}
}

func (h *heldLine) join(b []byte) {
	h.lines++
	b = bytes.TrimLeft(b, " \t")
	if glue := !bytes.Contains(h.text, []byte("oom-kill:constraint=")); glue && len(b) > 0 && len(h.text) > 0 {
		// Broken inside a word, or between words.
		last := h.text[len(h.text)-1]
		if last != ' ' && !bytes.ContainsRune([]byte(":,=.)"), rune(b[0])) && !bytes.ContainsRune([]byte("/_=("), rune(last)) {
			h.text = append(h.text, ' ')
		}
	}
	h.text = append(h.text, b...)
}

func (l *logReader) release() {
	h := l.held
	l.held = heldLine{}
	if h.text == nil {
		return
	}
	h.envelope.Msg = h.text
	l.messages(h.envelope, h.raw, h.at)
}

// wantsMore tells a record that is not complete.
func wantsMore(msg []byte) bool {
	if len(msg) > maxHeldBytes {
		return false
	}
	has := func(s string) bool { return bytes.Contains(msg, []byte(s)) }
	switch {
	case has("invoked oom-killer"):
		return !has("oom_score_adj=") && !has("oom_adj=") && !has("oomkilladj=")
	case has("oom-kill:constraint="):
		i := bytes.LastIndex(msg, []byte(",uid="))
		return i < 0 || i+len(",uid=") == len(msg)
	case has("Killed process "):
		return !has("oom_score_adj:")
	case has("ill process ") && has("emory"):
		return !has("sacrifice child") && !has("or a child")
	case has(" Comm: "):
		return versionAfterTaint(msg) == ""
	}
	return isRow(msg) || has("total_vm") && !bytes.HasSuffix(bytes.TrimSpace(msg), []byte("name"))
}

// isRow tells a table row that ends with a number: its name may stand on the next line.
func isRow(msg []byte) bool {
	msg = bytes.TrimSpace(msg)
	if len(msg) < 8 || msg[0] != '[' || !isDigit(msg[len(msg)-1]) {
		return false
	}
	end := bytes.IndexByte(msg[:min(len(msg), 16)], ']')
	if end < 2 {
		return false
	}
	n, tail := leadingInt(bytes.TrimSpace(msg[1:end]))
	return n >= 0 && len(tail) == 0
}

// continuedBy tells whether a line without a stamp goes on with the held record.
func (h *heldLine) continuedBy(b []byte) bool {
	if h.lines >= maxHeldLines || len(h.text)+len(b) > maxHeldBytes {
		return false
	}
	b = bytes.TrimSpace(b)
	if len(b) == 0 || b[0] == '<' || b[0] == '[' && len(b) > 1 && (isDigit(b[1]) || b[1] == ' ') {
		return false
	}
	has := func(s string) bool { return bytes.Contains(b, []byte(s)) }
	in := func(s string) bool { return bytes.Contains(h.text, []byte(s)) }
	if hasOOMWording(b) {
		return false
	}
	switch {
	case in("invoked oom-killer"):
		return has("gfp_mask=") || has("order=") || has("GFP_") || has("nodemask=") || has("oom_score_adj=") || has("oom_adj=")
	case in("oom-kill:constraint="):
		return !bytes.Contains(b, []byte(" ")) || has("=")
	case in("ill process ") || in("Killed process "):
		return b[0] == '(' || has("kB") || has("UID:") || has("pgtables:") || has("oom_score_adj:") || has("sacrifice child")
	case in(" Comm: "):
		return has("ainted") || isDigit(b[0])
	case in("total_vm"):
		return has("name") || has("rss") || has("swapents") || has("oom_score_adj") || has("pgtables_bytes")
	}
	return isDigit(b[0]) || b[0] == '-' || !bytes.Contains(b, []byte(" "))
}

// ---- entries of several lines ----

// exportEntry is an entry of journalctl -o export: NAME=value lines up to a blank one; a value with newlines has its length
// as eight little-endian bytes between the name's line and its own.
type exportEntry struct {
	fields map[string]string
	at     Pos
	name   string // of a binary value being read
	binary []byte
}

var exportFields = map[string]string{"MESSAGE": "MESSAGE", "__REALTIME_TIMESTAMP": "__REALTIME_TIMESTAMP", "__MONOTONIC_TIMESTAMP": "__MONOTONIC_TIMESTAMP",
	"_SOURCE_MONOTONIC_TIMESTAMP": "_SOURCE_MONOTONIC_TIMESTAMP", "_HOSTNAME": "_HOSTNAME", "SYSLOG_IDENTIFIER": "SYSLOG_IDENTIFIER", "_COMM": "_COMM",
	"_PID": "_PID", "SYSLOG_PID": "SYSLOG_PID", "_TRANSPORT": "_TRANSPORT"}

func (l *logReader) readExport(line []byte, at Pos) bool {
	e := l.entry
	if e == nil {
		if !bytes.HasPrefix(line, []byte("__CURSOR=")) && !bytes.HasPrefix(line, []byte("__REALTIME_TIMESTAMP=")) {
			return false
		}
		l.entry = &exportEntry{fields: map[string]string{}, at: at}
		e = l.entry
	}
	if e.name != "" {
		e.binary = append(append(e.binary, line...), '\n')
		if len(e.binary) >= 8 {
			size := binary.LittleEndian.Uint64(e.binary)
			if size > MaxLine {
				l.src.Skip(at.Line, line, "a journal field longer than a line may be")
				e.name, e.binary = "", nil
			} else if have := e.binary[8:]; uint64(len(have)) >= size {
				e.set(e.name, have[:size])
				e.name, e.binary = "", nil
			}
		}
		return true
	}
	if len(line) == 0 {
		l.endExport()
		return true
	}
	name, value, ok := bytes.Cut(line, []byte("="))
	if !ok {
		if isFieldName(line) {
			e.name, e.binary = string(line), e.binary[:0]
		} else {
			l.src.Skip(at.Line, line, "not a field of a journal entry")
		}
		return true
	}
	if !isFieldName(name) {
		l.src.Skip(at.Line, line, "not a field of a journal entry")
		return true
	}
	if string(name) == "__CURSOR" && len(e.fields) > 0 {
		l.endExport()
		l.entry = &exportEntry{fields: map[string]string{}, at: at}
		return true
	}
	if string(name) == "MESSAGE" {
		e.at = at
	}
	e.set(string(name), value)
	return true
}

func (e *exportEntry) set(name string, value []byte) {
	if _, ok := exportFields[name]; ok {
		e.fields[name] = string(value)
	}
}

func isFieldName(b []byte) bool {
	if len(b) == 0 || len(b) > 64 {
		return false
	}
	for _, c := range b {
		if !(c >= 'A' && c <= 'Z' || c == '_' || isDigit(c)) {
			return false
		}
	}
	return true
}

// endExport reads the entry as the JSON it could have been printed as.
func (l *logReader) endExport() {
	e := l.entry
	l.entry = nil
	if e == nil || e.fields["MESSAGE"] == "" {
		return
	}
	text, rest := e.fields["MESSAGE"], e.fields
	delete(rest, "MESSAGE")
	rest["MESSAGE"] = "-"
	b, err := json.Marshal(rest)
	if err != nil {
		return
	}
	env := unwrap(b)
	env.Msg = []byte(text)
	l.piece(env, env.Msg, e.at)
}

// prettyEntry is an object of JSON printed over several lines: journalctl json-pretty, kubectl get -o json.
type prettyEntry struct {
	lines []prettyLine
	size  int
}

type prettyLine struct {
	text []byte
	at   Pos
}

func (l *logReader) readPretty(line []byte, at Pos) bool {
	if c := line[0]; l.pretty == nil && c != '{' && c > ' ' && c < 0x80 {
		return false
	}
	trimmed := bytes.TrimSpace(line)
	if l.pretty == nil {
		if string(trimmed) != "{" {
			return false
		}
		l.pretty = &prettyEntry{}
	}
	p := l.pretty
	p.lines = append(p.lines, prettyLine{bytes.Clone(line), at})
	p.size += len(line)
	if string(trimmed) == "}" || string(trimmed) == "}," || p.size > MaxLine || len(p.lines) > 1000 {
		l.endPretty()
	}
	return true
}

// endPretty reads the object as one line, or its lines one by one when it is not of a known kind.
func (l *logReader) endPretty() {
	p := l.pretty
	l.pretty = nil
	if p == nil {
		return
	}
	var whole []byte
	at := p.lines[0].at
	for _, line := range p.lines {
		whole = append(append(whole, line.text...), '\n')
		if bytes.Contains(line.text, []byte(`"MESSAGE"`)) {
			at = line.at
		}
	}
	whole = bytes.TrimRight(bytes.TrimSpace(whole), ",")
	if e := unwrap(whole); e.Wrapped {
		l.piece(e, e.Msg, at)
		return
	}
	for _, line := range p.lines {
		if e := unwrap(line.text); e.Wrapped {
			l.piece(e, line.text, line.at)
		}
	}
}

// auditPacer spreads the audit stamps that are passed on: a few dozen tie the clocks of a year's log, and a busy audit
// daemon writes thousands an hour. Every 16 stamps the pause between two grows fourfold, from ten minutes on.
type auditPacer struct {
	count int
	next  time.Time
	pause time.Duration
}

func (p *auditPacer) due(t time.Time) bool {
	return p.count == 0 || !t.Before(p.next) || !t.After(p.next.Add(-2*p.pause))
}

func (p *auditPacer) pass(t time.Time) bool {
	if !p.due(t) {
		return false
	}
	if p.count%16 == 0 && p.count < 16*12 {
		p.pause = max(4*p.pause, 10*time.Minute)
	}
	p.count++
	p.next = t.Add(p.pause)
	return p.count <= 16*8
}
