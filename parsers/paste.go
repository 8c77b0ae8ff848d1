package parsers

import (
	"bufio"
	"bytes"
	"io"
	"strings"
)

// paste is a file into which several outputs were put one behind another, with or without words between them: an issue with
// fenced blocks, a ticket, a mail, `cat dmesg.txt info.txt > all.txt`. No line announces what follows (that is a transcript):
//
//	[812345.123895] Out of memory: Killed process 2214 (redis-server) total-vm:…
//
//	and what redis says now:
//
//	used_memory:2489001232
//
// The file is cut at blank lines and fences, and where a line has the shape of another log than those before it. What no
// parser recognises goes to the one before, if its outputs have paragraphs, else it is read past.
var _ = register(Parser{
	Name:  "paste",
	Doc:   "several logs and outputs in one file, with nothing that announces them -> whatever they say",
	Most:  SureMark + 8,
	Match: matchPaste,
	Parse: func(src *Source, emit func(Record)) error {
		return parseParts(src, func(r *bufio.Reader) parts {
			head, _ := r.Peek(headSize) // an error here comes again when the lines are read
			return &pasteReader{r: r, grep: isGrepped(NewHead("", head))}
		}, emit)
	},
})

// pasteable are the formats that people put together and that stand by themselves. Of configurations it is redis.conf alone:
// the paragraphs of others, and of code, look like something else too often.
func pasteable(format string) bool {
	switch format {
	case "kernel", "syslog", "redis-info", "redis-stat", "redis-log", "redis-slowlog", "redis-clients", "redis-config-get", "redis-conf", "redis-monitor", "nginx-access", "nginx-error",
		"free", "meminfo", "vmstat", "ps", "sar", "docker-table", "docker-events", "df", "docker-inspect", "kubectl-describe", "kubectl-events", "php-fpm-log", "app-log", "mysql-log",
		"systemd-unit":
		return true
	}
	return false
}

// inParagraphs are the formats whose outputs have blank lines inside: what follows and nobody knows may be theirs.
func inParagraphs(format string) bool {
	switch format {
	case "kernel", "syslog", "redis-log", "nginx-access", "nginx-error", "php-fpm-log", "app-log", "mysql-log", "free", "meminfo", "vmstat", "ps", "docker-table":
		return false
	}
	return format != ""
}

// maxSniffedPastes is how many paragraphs all parsers are asked about, to tell whether a file is a paste.
const maxSniffedPastes = 24

// maxPastes is how many outputs a paste may have at its head: what changes its format more often is one log of many voices.
const maxPastes = 24

func matchPaste(h *Head) int {
	if !mayBePaste(h) {
		return 0
	}
	formats := map[string]bool{}
	ours, others, kernel := 0, 0, false
	mixed := false // a format comes back without so much as a blank line: one log in which two programs write
	p := &pasteReader{r: bufio.NewReader(bytes.NewReader(h.Text)), grep: isGrepped(h)}
	for p.next() && p.looked <= maxSniffedPastes {
		switch {
		case !p.part.ok:
		case pasteable(p.part.Name):
			mixed = mixed || formats[p.part.Name] && !p.part.apart
			formats[p.part.Name] = true
			kernel = kernel || bytes.Contains(p.part.text, []byte(" kernel: "))
			ours++
		default:
			others++
		}
		_, _ = io.Copy(io.Discard, p) // a reader of bytes does not fail
	}
	switch {
	case p.grep && len(formats) > 0:
		return SureMark + 8
	case len(formats) == 1 && others == 0 && isQuoted(h):
		if _, sure := detect(h, "paste", "transcript"); sure == 0 {
			return SureShape // who reads quotes by himself does not need this
		}
		return 0
	case len(formats) < 2 || others > ours || ours > maxPastes || mixed:
		return 0
	case len(formats) == 2 && formats["syslog"] && (formats["kernel"] || formats["systemd-unit"] && !kernel): // one log; systemctl status, which ends with one
		return 0
	case matchTranscript(h) > 0:
		return 0
	}
	return SureMark + 8
}

// isQuoted says whether the first lines are a mail's or a chat's quotation.
func isQuoted(h *Head) bool {
	quoted := 0
	lines := h.Lines(20)
	for _, line := range lines {
		if line[0] == '>' {
			quoted++
		}
	}
	return quoted*2 > len(lines)
}

// isGrepped says whether grep put the name of a file, or the number of a line, before most of the lines.
func isGrepped(h *Head) bool {
	if h.grepLog() > 0 { // of several files, without the lines around: that has a reader of its own
		return false
	}
	n := 0
	lines := h.Lines(20)
	for _, line := range lines {
		if path, at := grepPrefix(line); at > 0 && (path != "" || shapeOf(line) == 0 && shapeOf(line[at:]) != 0) {
			n++
		}
	}
	return n > 0 && n*2 >= len(lines)
}

// grepPrefix is what grep, grep -n and grep -C print before a line: the file's name and the line's number, with colons, or
// hyphens for the lines around. at is where the line itself begins, 0 = there is none.
func grepPrefix(line []byte) (path string, at int) {
	number := func(from int) int {
		n, rest := leadingInt(line[from:])
		if i := len(line) - len(rest); n >= 0 && len(rest) > 1 && (rest[0] == ':' || rest[0] == '-' && !isDigit(rest[1])) && rest[1] != ' ' {
			return i + 1
		}
		return from
	}
	if len(line) > 2 && isDigit(line[0]) {
		return "", number(0)
	}
	for i, c := range line[:min(len(line), 160)] {
		switch {
		case c == ' ' || c == '"' || c == '\'' || c == '=' || c == '(' || c == '[' || c == '{' || c == '<' || c == '\t':
			return "", 0
		case (c == ':' || c == '-') && isLogPath(string(line[:i])) && i+1 < len(line) && line[i+1] != ' ' && line[i+1] != '/':
			return string(line[:i]), number(i + 1)
		}
	}
	return "", 0
}

// isLogPath knows the names that logs have.
func isLogPath(s string) bool {
	base := s[strings.LastIndexByte(s, '/')+1:]
	base = strings.TrimSuffix(base, ".gz")
	if i := strings.LastIndexByte(base, '.'); i > 0 && allDigits([]byte(base[i+1:])) {
		base = base[:i]
	}
	if strings.HasSuffix(base, ".log") || strings.HasSuffix(base, ".err") || strings.HasSuffix(base, ".txt") {
		return true
	}
	switch base {
	case "syslog", "messages", "dmesg", "kern", "user", "daemon", "debug":
		return strings.Contains(s, "/") || s != base
	}
	return false
}

// unquoteLine takes "> " off, as often as it stands there.
func unquoteLine(line []byte) []byte {
	for len(line) > 1 && line[0] == '>' && (line[1] == ' ' || line[1] == '>' || line[1] == '\r' || line[1] == '\n') {
		line = bytes.TrimPrefix(line[1:], []byte(" "))
	}
	return line
}

// mayBePaste is a quick look for two shapes, or for paragraphs, one of which has a shape.
func mayBePaste(h *Head) bool {
	if isQuoted(h) || isGrepped(h) {
		return true
	}
	shapes, first := 0, pasteShape(0)
	begins := true         // a paragraph
	known, unknown := 0, 0 // paragraphs whose first line has a shape, and others
	alike, n := uint32(0), 0
	for line := range bytes.Lines(h.Text) {
		line = bytes.TrimRight(line, "\r\n")
		if n++; blankLine(line) {
			begins = true
			continue
		}
		if a := beginning(line); a == alike && n > 20 { // a log goes on
			continue
		} else {
			alike = a
		}
		if bytes.Contains(line, []byte("REDIS BUG REPORT")) || bytes.Contains(line, []byte("INFO OUTPUT")) {
			return false // has a whole INFO inside
		}
		if isPasteFence(line) {
			begins = true
			continue
		}
		s := shapeOf(line)
		if s != 0 && (s != first || s == tableShape) {
			first = s
			shapes++
		}
		if begins {
			if begins = false; s != 0 {
				known++
			} else if _, date := dateStamp(string(line[:min(len(line), 60)])); !date {
				unknown++
			}
		}
		if shapes > 1 || known > 0 && unknown > 0 {
			return true
		}
	}
	return false
}

// beginning is the kind of each of a line's first bytes: lines of one log begin alike.
func beginning(line []byte) (kinds uint32) {
	for _, c := range line[:min(len(line), 8)] {
		kind := uint32(c)
		switch {
		case isDigit(c):
			kind = 1
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z':
			kind = 2
		}
		kinds = kinds*31 + kind
	}
	return kinds
}

// pasteShape is what a line alone looks like; 0 = nothing that tells.
type pasteShape uint8

const (
	stampedShape pasteShape = iota + 1 // syslog, journal, dmesg
	redisShape
	nginxErrorShape
	accessShape
	infoShape
	phpShape
	tableShape // the first line of a command's output: always the beginning of a part
)

func shapeOf(line []byte) pasteShape {
	s := trimQuote(line)
	if len(s) < 4 {
		return 0
	}
	if isDigit(s[0]) || s[0] == '[' {
		if isRedisLogLine(s) {
			return redisShape
		}
		if len(s) > 21 && s[4] == '/' && s[7] == '/' && s[10] == ' ' && s[13] == ':' && s[20] == '[' {
			return nginxErrorShape
		}
		if len(s) > 24 && s[0] == '[' && isDigit(s[1]) && s[3] == '-' && s[7] == '-' && isDigit(s[8]) && s[12] == ' ' {
			return phpShape
		}
	}
	if n := nameLength(s); n > 0 && n <= maxInfoName && n < len(s) && s[n] == ':' && n+1 < len(s) && s[n+1] != ' ' && knownInfoName(s[:n]) {
		return infoShape
	}
	if _, ok := infoHeader(s); ok {
		return infoShape
	}
	if isTableHead(s) {
		return tableShape
	}
	if e := unwrap(s); e.Wrapped && (e.Dmesg || len(e.Program) > 0 && (e.Clock != NoClock || isKernelProgram(e.Program))) {
		return stampedShape
	}
	if i := bytes.Index(s, []byte(" [")); i > 0 && i < 120 && len(s) > i+30 && s[i+4] == '/' && s[i+8] == '/' && bytes.Contains(s[i:], []byte(`] "`)) {
		return accessShape
	}
	return 0
}

// isTableHead knows the first lines of what commands print.
func isTableHead(s []byte) bool {
	var words [3][]byte
	rest := s
	for i := range words {
		rest = bytes.TrimLeft(rest, " \t")
		words[i], rest, _ = bytes.Cut(rest, []byte(" "))
	}
	two := string(words[0]) + " " + string(words[1])
	switch two {
	case "total used", "USER PID", "UID PID", "PID USER", "PID PPID", "PID RSS", "CONTAINER ID", "CONTAINER IMAGE", "NAME READY", "NAMESPACE NAME", "NAME CPU(cores)", "LAST SEEN", "Filesystem Size", "Filesystem 1K-blocks",
		"procs -----------memory----------", "MemTotal: ", "1) 1)":
		return true
	}
	return string(words[0]) == "MemTotal:" || statusUnit(string(s)) != ""
}

// isPasteFence is a line that a forum, an issue or a wiki puts around what was pasted.
func isPasteFence(line []byte) bool {
	s := trimQuote(line)
	if len(s) < 3 || len(s) > 80 || strings.IndexByte("`~{[<", s[0]) < 0 {
		return false
	}
	for _, f := range [...]string{"```", "~~~", "{code", "{noformat", "[code", "[/code", "<pre", "</pre", "<code", "</code", "<details", "</details", "<summary"} {
		if len(s) >= len(f) && string(bytes.ToLower(s[:len(f)])) == f {
			return true
		}
	}
	return false
}

// pasteReader gives the outputs of a paste one after another. It reads a paragraph ahead: only that tells whether it is still
// of the same output.
type pasteReader struct {
	r     *bufio.Reader
	part  pastePart // that being read
	grep  bool      // grep wrote the lines
	path  string    // the file that the last of them is from
	moved bool      // it is another than that of the line before

	lines   int // taken from r
	first   int // lines before the part
	here    []byte
	pending *pastePart // the paragraph read ahead
	ahead   []byte     // a line read ahead: the first of the next paragraph
	apart   bool       // whether that paragraph is set apart
	looked  int        // paragraphs that parsers were asked about
	mid     bool       // the paragraph was cut for its length: what follows is of it
	err     error
}

// pastePart is a paragraph and what it was recognised as.
type pastePart struct {
	Parser
	ok    bool
	text  []byte
	at    int  // lines before it
	apart bool // something stands between it and what was before
	shape pasteShape
}

func (p *pasteReader) next() bool {
	if p.pending == nil {
		p.pending = p.paragraph()
	}
	if p.pending == nil {
		return false
	}
	p.part, p.pending = *p.pending, nil
	p.first, p.here = p.part.at, p.part.text
	return true
}

func (p *pasteReader) Read(b []byte) (int, error) {
	for len(p.here) == 0 {
		if p.pending != nil {
			return 0, io.EOF
		}
		q := p.paragraph()
		switch {
		case q == nil:
			return 0, io.EOF
		case q.ok && q.Name != p.part.Name:
			p.pending = q
		case q.ok || inParagraphs(p.part.Name):
			p.here = q.text
		default: // words between two logs: their lines count, and say nothing
			p.here = bytes.Repeat([]byte("\n"), bytes.Count(q.text, []byte("\n")))
		}
	}
	n := copy(b, p.here)
	p.here = p.here[n:]
	return n, nil
}

// paragraph reads up to where the next one begins, and recognises it; nil at the end.
func (p *pasteReader) paragraph() *pastePart {
	q := &pastePart{at: p.lines, apart: p.apart}
	var shape pasteShape
	said, ended := false, false
	for len(q.text) < partHead {
		line := p.ahead
		p.ahead = nil
		if line == nil {
			if line = p.readLine(); line == nil {
				break
			}
			line = p.bare(line)
		}
		ended = ended || p.moved && said
		p.moved = false
		bare := bytes.TrimRight(line, "\r\n")
		if blankLine(bare) || isPasteFence(bare) {
			if ended = said; isPasteFence(bare) {
				line = []byte("\n")
			}
		} else {
			s := shapeOf(bare)
			if said && (ended || s == tableShape || s != 0 && s != shape) && !p.mid {
				p.ahead, p.apart = line, ended || s == tableShape
				break
			}
			if !said && s == 0 && len(bare) < 60 { // the date before an output is of it
				if _, date := dateStamp(string(bare)); date {
					q.text = append(q.text, line...)
					p.lines++
					continue
				}
			}
			said, ended, p.mid = true, false, false
			if shape == 0 || s != 0 {
				shape = s
			}
		}
		q.text = append(q.text, line...)
		p.lines++
	}
	if len(q.text) == 0 {
		return nil
	}
	p.mid = len(q.text) >= partHead && p.ahead == nil
	if p.looked < maxParts {
		var sure int
		if shape == p.part.shape && shape != 0 && shape != tableShape { // its like was asked about before
			q.Parser, q.ok = p.part.Parser, p.part.ok
		} else {
			p.looked++
			q.Parser, sure = detect(NewHead("", q.text), "transcript", "paste")
			q.ok = sure > SureHabit
		}
		q.shape = shape
	}
	return q
}

// bare takes off what stands before a line, and marks where grep comes to another file.
func (p *pasteReader) bare(line []byte) []byte {
	if !p.grep {
		return unquoteLine(line)
	}
	if bytes.Equal(bytes.TrimSpace(line), []byte("--")) {
		return []byte("\n")
	}
	path, at := grepPrefix(line)
	if at == 0 || path == "" && shapeOf(line) != 0 {
		return line
	}
	p.moved = p.moved || path != p.path
	p.path = path
	return line[at:]
}

// readLine takes a line, cut where it is longer than a line may be; nil at the end.
func (p *pasteReader) readLine() []byte {
	var line []byte
	for {
		part, err := p.r.ReadSlice('\n')
		if room := MaxLine - len(line); len(part) > room {
			part = append(bytes.Clone(part[:max(room-1, 0)]), '\n')
		}
		line = append(line, part...)
		if err == bufio.ErrBufferFull {
			continue
		}
		if err != nil && err != io.EOF {
			p.err = err
		}
		if len(line) == 0 {
			return nil
		}
		return line
	}
}

func (p *pasteReader) start() int { return p.first }

func (p *pasteReader) read() int { return p.lines }

func (p *pasteReader) fault() error { return p.err }

func (p *pasteReader) parser([]byte) (Parser, bool) { return p.part.Parser, p.part.ok }
