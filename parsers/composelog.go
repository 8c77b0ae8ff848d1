package parsers

import (
	"bufio"
	"bytes"
	"io"
	"iter"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
)

// compose-log is what `docker compose logs` (and `kubectl logs --prefix`) prints: the logs of several services, line by line
// as they came, each behind its service's name.
//
//	web-1    | 203.0.113.9 - - [05/Mar/2026:10:00:01 +0000] "GET /p/491 HTTP/1.1" 200 5120 "-" "Mozilla/5.0 (X11; Linux x86_64)"
//	redis-1  | 1:M 05 Mar 2026 10:00:02.123 * 100 changes in 300 seconds. Saving...
//	api-1    | FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory
//	api-1 exited with code 139
//	[pod/redis-0/redis] 1:M 05 Mar 2026 10:00:02.123 * DB saved on disk
//
// Each service is read by the parser that recognises its lines, with the line numbers of the whole; one that no parser
// recognises as an application's log.
var _ = register(Parser{
	Name:  "compose-log",
	Doc:   "docker compose logs, kubectl logs --prefix: several services in one file -> whatever each of them says",
	Most:  SureMark + 5,
	Match: matchComposeLog,
	Parse: func(src *Source, emit func(Record)) error {
		return parseServices(src, emit, &composeReader{format: "compose-log", split: composeLine, inOrder: true})
	},
})

// matchComposeLog wants two services, and four lines in five: the others tell of containers that came and went.
func matchComposeLog(h *Head) int {
	lines, ours := h.Lines(400), 0
	services := map[string]bool{}
	for _, line := range lines {
		if name, _, ok := composeLine(line); ok {
			ours++
			services[string(name)] = !namesLevel(string(name))
		}
	}
	if len(services) < 2 || ours*5 < len(lines)*4 || !slices.Contains(slices.Collect(maps.Values(services)), true) {
		return 0
	}
	return SureMark + 5
}

// namesLevel tells loggers that put a bar behind their level.
func namesLevel(name string) bool {
	switch strings.ToUpper(name) {
	case "TRACE", "DEBUG", "INFO", "NOTICE", "SUCCESS", "WARN", "WARNING", "ERROR", "ERR", "CRITICAL", "FATAL":
		return true
	}
	return false
}

// composeLine takes the service off a line.
func composeLine(line []byte) (service, text []byte, ok bool) {
	line = pastColour(line)
	if rest, ok := bytes.CutPrefix(line, []byte("[pod/")); ok {
		service, text, ok = bytes.Cut(rest, []byte("] "))
		return service, text, ok && len(service) > 0 && len(service) <= maxServiceName && bytes.IndexByte(service, ' ') < 0
	}
	n := serviceName(line)
	bar := n
	for bar < len(line) && line[bar] == ' ' { // names are padded to the longest
		bar++
	}
	if n == 0 || bar == len(line) || line[bar] != '|' {
		return nil, nil, false
	}
	return line[:n], pastColour(bytes.TrimPrefix(line[bar+1:], []byte(" "))), true
}

const maxServiceName = 253 // of a pod: a DNS name's limit

// serviceName is how long the name is that b begins with.
func serviceName(b []byte) int {
	n := 0
	for n < len(b) && n < maxServiceName && (isDigit(b[n]) || 'a' <= b[n]|0x20 && b[n]|0x20 <= 'z' || n > 0 && (b[n] == '_' || b[n] == '.' || b[n] == '-')) {
		n++
	}
	return n
}

// pastColour takes off what a terminal colours names with.
func pastColour(b []byte) []byte {
	if rest, ok := bytes.CutPrefix(b, []byte("\x1b[")); ok {
		if i := bytes.IndexByte(rest[:min(len(rest), 12)], 'm'); i >= 0 {
			return rest[i+1:]
		}
	}
	return b
}

// composeExit reads "redis-1 exited with code 137".
func composeExit(line []byte) (service []byte, code int, ok bool) {
	line = pastColour(line)
	n := serviceName(line)
	rest, ok := bytes.CutPrefix(line[n:], []byte(" exited with code "))
	c, tail := leadingInt(rest)
	return line[:n], int(c), ok && n > 0 && c >= 0 && len(bytes.TrimSpace(tail)) == 0
}

// parseServices reads a file of c's format.
func parseServices(src *Source, emit func(Record), c *composeReader) error {
	if src.Head == nil {
		br := bufio.NewReaderSize(src.R, headSize)
		head, _ := br.Peek(headSize) // an error here comes again when the lines are read
		src.Head, src.R = bytes.Clone(head), br
	}
	c.src, c.services = src, map[string]*serviceLog{}
	c.emit = func(r Record) {
		if r.Clock == ZonedClock {
			c.now = r.Time
		} else if c.inOrder && r.Clock == NoClock && !c.now.IsZero() {
			r.Time, r.Clock = c.now, ZonedClock
		}
		emit(r)
	}
	c.sniff()
	defer c.stop()
	err := EachLine(src, c.line)
	c.end()
	return err
}

type composeReader struct {
	format  string
	split   func(line []byte) (name, text []byte, ok bool)
	inOrder bool // lines stand in the order in which they came, and all are of one system

	src      *Source
	emit     func(Record)
	services map[string]*serviceLog
	now      time.Time // of the last line that told an instant
	front    bool      // a service whose name says that it stands in front has an access log
}

// maxServices bounds the services that are told apart; a project has some ten. Those beyond are an application's log each.
const maxServices = 256

// sniff recognises the services that the head of the file shows.
func (c *composeReader) sniff() {
	heads := map[string][]byte{}
	for _, line := range NewHead("", c.src.Head).Lines(1 << 20) {
		if name, text, ok := c.split(line); ok && (heads[string(name)] != nil || len(heads) < maxServices) {
			heads[string(name)] = append(append(heads[string(name)], text...), '\n')
		}
	}
	for name, head := range heads {
		if p, sure := detect(NewHead(name, head), "compose-log"); sure > 0 && p.Name == "nginx-access" && frontRE.MatchString(name) {
			c.front = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(heads)) {
		c.add(name, heads[name]).unsure = false
	}
}

// frontRE are names of what stands in front of the others. What stands behind it logs each request a second time.
var frontRE = regexp.MustCompile(`(?i)nginx|apache|httpd|caddy|traefik|haproxy|proxy|web|edge|gateway|ingress|front|lb`)

func (c *composeReader) add(name string, head []byte) *serviceLog {
	p, sure := detect(NewHead(name, head), c.format)
	ok := sure > 0
	if p.Name == "nginx-access" && (c.front && !frontRE.MatchString(name) || bytes.Contains(head, []byte("NOTICE: fpm is running"))) {
		p, ok = ByName("php-fpm-log")
		if !bytes.Contains(head, []byte("fpm")) {
			ok = false
		}
	}
	s := c.services[name]
	ok = ok && p.Name != "app-log" // which nearly any line may be of
	if s != nil && !ok && len(s.held) < maxEarlyLines {
		return s
	}
	if !ok {
		p, _ = ByName("app-log")
	}
	if s != nil {
		s.parser, s.src.Head, s.unsure = p, head, false
		return s
	}
	src := c.src
	s = &serviceLog{parser: p, unsure: !ok, emit: c.emit, src: Source{Name: src.Name, Host: src.Host, ModTime: src.ModTime, Hints: src.Hints, Head: head, parted: true}}
	c.services[name] = s
	return s
}

func (c *composeReader) line(line []byte, at Pos) {
	name, text, ok := c.split(line)
	if !ok && !c.inOrder {
		if !bytes.Equal(line, []byte("--")) { // which grep -C prints between two stretches of lines
			c.src.Skip(at.Line, line, "no file's name in front of it")
		}
		return
	}
	if !ok {
		if name, code, ok := composeExit(line); ok {
			c.exited(string(name), code, line, at)
		} else if !bytes.HasPrefix(line, []byte("Attaching to ")) {
			c.src.Skip(at.Line, line, "no service's name in front of it")
		}
		return
	}
	s := c.services[string(name)]
	if s == nil && len(c.services) >= maxServices {
		name = []byte("the others")
		s = c.services[string(name)]
	}
	if s == nil {
		s = c.add(string(name), append(bytes.Clone(text), '\n'))
	}
	if s.unsure && len(s.src.Head) < headSize {
		c.hold(string(name), s, text, line, at)
		return
	}
	s.line(text, line, at)
}

// earlyLine is one of a service that is not yet recognised.
type earlyLine struct {
	text, whole []byte
	at          Pos
}

// maxEarlyLines are the first of a service that begins behind the head of the file: in these it says what it is.
const maxEarlyLines = 32

// hold keeps the first lines of a service until they say what it is, or are too many.
func (c *composeReader) hold(name string, s *serviceLog, text, whole []byte, at Pos) {
	if len(s.held) > 0 {
		s.src.Head = append(append(s.src.Head, text...), '\n')
	}
	s.held = append(s.held, earlyLine{bytes.Clone(text), bytes.Clone(whole), at})
	if n := len(s.held); n&(n-1) == 0 { // to ask all parsers is dear
		c.add(name, s.src.Head)
	}
	if !s.unsure || len(s.src.Head) >= headSize {
		s.release()
	}
}

// release reads what was held.
func (s *serviceLog) release() {
	held := s.held
	s.held, s.unsure = nil, false
	for _, l := range held {
		s.line(l.text, l.whole, l.at)
	}
}

// exited emits a service's end by a signal: 128 and its number.
func (c *composeReader) exited(name string, code int, line []byte, at Pos) {
	signals := map[int]string{134: "ABRT", 135: "BUS", 137: "KILL", 139: "SEGV"}
	if signal := signals[code]; signal != "" {
		c.emit(Record{At: at, Raw: line, Fact: &ServiceEvent{Event: "killed", Unit: name, Program: "docker", Signal: signal, Text: evidenceText(line)}})
	}
}

// end lets every service finish, and takes its counts over.
func (c *composeReader) end() {
	for _, name := range slices.Sorted(maps.Keys(c.services)) {
		s := c.services[name]
		s.release()
		s.end()
		c.src.Skipped += s.src.Skipped
		c.src.addPart(s.parser.Name)
		if f := s.src.FirstSkipped; f != nil && (c.src.FirstSkipped == nil || f.Before(c.src.FirstSkipped)) {
			c.src.FirstSkipped = f
		}
	}
}

// stop ends what an error left running.
func (c *composeReader) stop() {
	for _, s := range c.services {
		if s.quit != nil {
			s.quit()
		}
	}
}

// serviceLog is one service. A parser of whole files reads it in a coroutine, which goes on for as long as there is something
// to read: so its records come in the order of the file. Lines of other services are blank ones to it, which keeps its
// line numbers right.
type serviceLog struct {
	parser Parser
	src    Source
	emit   func(Record)
	unsure bool // not yet recognised
	held   []earlyLine

	next  func() (struct{}, bool)
	quit  func()
	yield func(struct{}) bool
	fed   int    // lines given to it
	gap   int    // blank lines that are to come first
	rest  []byte // of what it may read
	over  bool
}

func (s *serviceLog) line(text, whole []byte, at Pos) {
	if s.parser.Line != nil {
		emit := func(r Record) {
			r.Raw = whole
			s.emit(r)
		}
		// A container prints more than one log: what its parser does not know may be its application's.
		if len(bytes.TrimSpace(text)) > 0 && !s.parser.Line(&s.src, text, at, emit) {
			appLogLine(&s.src, text, at, emit)
		}
		return
	}
	if s.next == nil {
		s.src.R = s
		s.next, s.quit = iter.Pull(func(yield func(struct{}) bool) {
			s.yield = yield
			_ = s.parser.Parse(&s.src, s.emit) // its reader gives no error
		})
		s.next()
	}
	s.gap += at.Line - s.fed - 1
	s.fed = at.Line
	s.rest = append(append(s.rest[:0], text...), '\n')
	s.next()
}

// Read waits for the next line of the service.
func (s *serviceLog) Read(p []byte) (int, error) {
	for s.gap == 0 && len(s.rest) == 0 {
		if s.over || !s.yield(struct{}{}) {
			s.over = true
			return 0, io.EOF
		}
	}
	n := min(s.gap, len(p))
	for i := range n {
		p[i] = '\n'
	}
	if s.gap -= n; n == 0 {
		n = copy(p, s.rest)
		s.rest = s.rest[n:]
	}
	return n, nil
}

func (s *serviceLog) end() {
	if s.next != nil {
		s.over = true
		s.next()
	}
}
