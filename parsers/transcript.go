package parsers

import (
	"bufio"
	"bytes"
	"io"
	"path"
	"strings"
)

// transcript is a file of several commands and their outputs, as people paste them and as `tail -n 100 a b` prints them:
//
//	$ free -m
//	               total        used        free ...
//	root@web1:~# cat /proc/meminfo
//	==> /etc/redis/redis.conf <==
//	--- uname -a ---
//
// Each output is read by the parser that recognises it, with the line numbers of the whole file. What no parser recognises
// is read past. Outputs without a time of their own get that of the last `date` before them. The outputs are streamed.
var _ = register(Parser{
	Name:  "transcript",
	Doc:   "several commands and their outputs in one file -> whatever the outputs say",
	Most:  SureMark + 5,
	Match: matchTranscript,
	Parse: parseTranscript,
})

const (
	maxSniffedParts = 12       // outputs looked at before a file is called a transcript; two of different formats settle it
	partHead        = 64 << 10 // as for files
	maxParts        = 2000     // recognising each costs a look by every parser; the largest collections of outputs have some 300
)

func matchTranscript(h *Head) int {
	separated := false
	for line := range bytes.Lines(h.Text) {
		if separated = isSeparator(line); separated {
			break
		}
	}
	if !separated {
		return 0
	}
	formats := map[string]bool{}
	last := 0
	t := &partReader{r: bufio.NewReader(bytes.NewReader(h.Text))}
	for parts := 0; parts < maxSniffedParts && t.next(); parts++ {
		part, _ := io.ReadAll(t)
		last = len(part)
		if p, ok := detectPart(t.title, part); ok {
			if p.Name == "clock" && (t.title == "" || strings.HasPrefix(t.title, "date")) {
				p.Name = "date"
			}
			formats[p.Name] = true
		}
	}
	switch {
	case len(formats) == 1 && len(h.Text) > partHead*9/10 && last > len(h.Text)/2:
		// The head ends inside a long output; what follows it is not seen, and to read one output as such costs nothing.
	case len(formats) < 2:
		return 0
	case len(formats) == 2 && formats["date"] && (formats["redis-info"] || formats["free"] || formats["meminfo"] || formats["clock"]):
		return 0 // these read the `date` between their snapshots themselves
	}
	return SureMark + 5
}

// detectPart is Detect without transcript itself, which has no parts of parts.
func detectPart(title string, head []byte) (Parser, bool) {
	p, sure := detect(NewHead(title, head), "transcript")
	if sure == 0 { // of an output of a line or two the command itself is the half
		if i := bytes.IndexByte(head, '\n'); i > 0 && isSeparator(head[:i]) {
			p, sure = detect(NewHead(title, head[i+1:]), "transcript")
		}
	}
	return p, sure > 0
}

func parseTranscript(src *Source, emit func(Record)) error {
	return parseParts(src, func(r *bufio.Reader) parts { return &partReader{r: r} }, emit)
}

// parts are the outputs of one file: next moves to the next one, Read reads it to its end.
type parts interface {
	io.Reader
	next() bool
	start() int                        // lines before this output
	read() int                         // lines taken so far
	parser(head []byte) (Parser, bool) // who recognises this output
	fault() error
}

func parseParts(src *Source, open func(*bufio.Reader) parts, emit func(Record)) error {
	r := bufio.NewReaderSize(src.R, partHead)
	if head, _ := r.Peek(4); isUTF16(head) {
		r = bufio.NewReaderSize(newUTF16Reader(r), partHead)
	}
	var now stamp
	t := open(r)
	buf := bufio.NewReaderSize(t, partHead)
	for t.next() {
		src.Read = t.read()
		buf.Reset(t)
		head, _ := buf.Peek(partHead)
		part := &Source{Name: src.Name, Host: src.Host, ModTime: src.ModTime, R: buf, Hints: src.Hints, parted: true}
		p, ok := t.parser(head)
		if !ok {
			p = Parser{Name: "text", Line: func(*Source, []byte, Pos, func(Record)) bool { return true }}
		}
		first := t.start()
		err := Read(p, part, func(rec Record) {
			src.Read = first + part.Read
			rec.At.Line = shiftLine(rec.At.Line, first)
			shiftFact(rec.Fact, first)
			if c, ok := rec.Fact.(*ClockReading); ok && rec.Clock != NoClock && (!c.Local.IsZero() || !c.UTC.IsZero()) {
				now = readingStamp(c)
			} else if rec.Clock == NoClock {
				if rec = now.put(rec); rec.Clock != NoClock {
					rec.Time = rec.Time.Add(-rec.ago)
				}
			}
			emit(rec)
		})
		src.Read = first + part.Read
		src.Skipped += part.Skipped
		if ok && part.Read > 0 {
			src.addPart(p.Name)
		}
		if s := part.FirstSkipped; s != nil && (src.FirstSkipped == nil || s.SpeaksOfKill() && !src.FirstSkipped.SpeaksOfKill()) {
			src.FirstSkipped = &Skipped{Line: shiftLine(s.Line, first), Text: s.Text, Why: s.Why}
		}
		if err != nil {
			return err
		}
		if _, err := io.Copy(io.Discard, buf); err != nil {
			return err
		}
	}
	src.Read = t.read()
	return t.fault()
}

func shiftLine(line, by int) int {
	if line > 0 {
		line += by
	}
	return line
}

// shiftFact moves the line numbers that some facts keep inside them.
func shiftFact(fact Fact, by int) {
	moveFact(fact, func(line int) int { return shiftLine(line, by) })
}

// moveFact is shiftFact by whatever at says.
func moveFact(fact Fact, at func(line int) int) {
	switch f := fact.(type) {
	case *OOMKill:
		for _, line := range []*int{&f.KillLine, &f.InvokedLine, &f.MemInfoLine, &f.TasksLine, &f.ConstraintLine, &f.MemcgLine, &f.SwapLine, &f.RAMLine} {
			*line = at(*line)
		}
		for i := range f.Tasks {
			f.Tasks[i].Line = at(f.Tasks[i].Line)
		}
	case *RedisInfo:
		lines := make(map[string]int, len(f.Lines)) // the parser may go on using its own
		for name, line := range f.Lines {
			lines[name] = at(line)
		}
		f.Lines = lines
	case *ScriptCommand:
		f.EndLine = at(f.EndLine)
	case *Setting:
		f.EndLine = at(f.EndLine)
	}
}

// partReader gives the outputs of a transcript one after another: next moves to the output behind the next separator, Read
// ends at the one after it. The command line itself stands in title and, where it is one, at the head of the output, since
// a parser may need it (free -m).
type partReader struct {
	r      *bufio.Reader
	title  string // the file or command named by the separator
	ofFile bool   // it is tail's "==> FILE <=="
	titles map[string]bool
	named  map[string]Parser // of `tail -f a b`, which names each file again and again before a line or two
	first  int               // lines before this output
	line   int               // lines taken from r
	rest   []byte            // of the line being read
	sep    []byte            // the separator met, which begins the next output
	parts  int
	done   bool
	mid    bool // inside a line longer than the buffer
	err    error
}

func (t *partReader) next() bool {
	if t.done && t.sep == nil {
		return false
	}
	t.first = t.line
	if t.sep != nil {
		t.first--
		t.title = partTitle(string(bytes.TrimRight(t.sep, "\r\n")))
		t.rest, t.sep = t.sep, nil
	} else if t.parts > 0 {
		return false
	}
	if t.ofFile = bytes.HasPrefix(t.rest, []byte("==> ")); !t.ofFile || !t.titles[t.title] {
		t.parts++
	}
	if t.ofFile {
		t.rest = []byte("\n") // which is no line of the file
	}
	if t.titles == nil {
		t.titles = map[string]bool{}
	}
	if t.ofFile && len(t.titles) < maxParts {
		t.titles[t.title] = true
	}
	return true
}

func (t *partReader) Read(p []byte) (int, error) {
	if len(t.rest) == 0 {
		if t.sep != nil || t.done {
			return 0, io.EOF
		}
		line, err := t.r.ReadSlice('\n')
		if err != nil && err != bufio.ErrBufferFull {
			t.done = true
			if err != io.EOF {
				t.err = err
				return 0, err
			}
		}
		if len(line) == 0 {
			return 0, io.EOF
		}
		whole := !t.mid
		if whole {
			t.line++
		}
		t.mid = err == bufio.ErrBufferFull
		if whole && !t.mid && t.parts < maxParts && isSeparator(line) {
			t.sep = append([]byte(nil), line...)
			return 0, io.EOF
		}
		t.rest = line
	}
	n := copy(p, t.rest)
	t.rest = t.rest[n:]
	return n, nil
}

func (t *partReader) start() int { return t.first }

func (t *partReader) read() int { return t.line }

func (t *partReader) fault() error { return t.err }

func (t *partReader) parser(head []byte) (Parser, bool) {
	p, ok := t.named[t.title]
	if !ok {
		if p, ok = detectPart(t.title, head); ok && t.ofFile {
			if t.named == nil {
				t.named = map[string]Parser{}
			}
			t.named[t.title] = p
		}
	}
	return p, ok
}

func isSeparator(line []byte) bool {
	if len(line) > 300 || !maySeparate(line) {
		return false
	}
	return partTitle(string(bytes.TrimRight(line, "\r\n"))) != ""
}

// maySeparate is a cheap look before partTitle: a line of a log rarely begins as a fence or a quotation does, and rarely has what
// ends a prompt.
func maySeparate(line []byte) bool {
	line = bytes.TrimLeft(line, " \t")
	return len(line) > 0 && (strings.IndexByte("=-+", line[0]) >= 0 || bytes.IndexByte(line, '#') >= 0 || bytes.IndexByte(line, '$') >= 0 || bytes.IndexByte(line, '>') >= 0)
}

// partTitle returns what a separator line announces, "" when line is not one.
func partTitle(line string) string {
	s := unquoteMail(strings.TrimSpace(line))
	if name, ok := strings.CutPrefix(s, "==> "); ok {
		if name, ok = strings.CutSuffix(name, " <=="); ok {
			return path.Base(name)
		}
		return ""
	}
	for _, fence := range []string{"---", "===", "###", "+++"} {
		name, ok := strings.CutPrefix(s, fence)
		if !ok || strings.HasPrefix(name, fence[:1]) {
			continue
		}
		name = strings.TrimSpace(strings.TrimRight(name, fence[:1]+" "))
		if looksTyped(name) || strings.HasPrefix(name, "/") && !strings.Contains(name, " ") {
			return name
		}
		return ""
	}
	if maybeCLIPrompt([]byte(s)) && cliPromptRE.MatchString(s) {
		// Of a session of redis-cli only the commands whose replies are formats of their own begin an output: what is asked of
		// a key belongs to the listing before it.
		cmd, _, _ := redisCommandLine([]byte(s))
		switch command(cmd) {
		case "INFO", "SLOWLOG", "LATENCY", "CLIENT", "CONFIG", "SCAN", "KEYS", "DBSIZE", "MONITOR":
			return strings.Join(cmd, " ")
		}
		return ""
	}
	if cmd, ok := promptCommand(s); ok {
		word, args, _ := strings.Cut(strings.TrimPrefix(cmd, "sudo "), " ")
		switch word {
		case "cat", "head", "tail", "less", "zcat":
			if f := strings.Fields(args); len(f) > 0 {
				return path.Base(f[len(f)-1])
			}
		}
		return cmd
	}
	return ""
}
