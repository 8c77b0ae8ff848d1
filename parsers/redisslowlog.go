package parsers

import (
	"bytes"
	"fmt"
	"strings"
	"time"
)

// SLOWLOG GET and LATENCY LATEST: numbered as in a terminal, or a value a line as in a file. Redis before 4 has no client.
//
//  1. 1) (integer) 11391
//  2. (integer) 1788502501
//  3. (integer) 5680367
//  4. 1) "KEYS"
//  2. "wc_session_*"
//  5. "127.0.0.1:49221"
//  6. ""
//
// The time is the entry's own, in UTC. Of the arguments the key and what is short stays; values are counted, not shown.
var _ = register(Parser{
	Name:  "redis-slowlog",
	Doc:   "SLOWLOG GET and LATENCY LATEST: slow-command records",
	Most:  SureMark + 2,
	Match: matchSlowlog,
	Parse: parseSlowlog,
})

func matchSlowlog(h *Head) int {
	lines := h.Lines(100)
	for i, line := range lines {
		text := trimQuote(line)
		if cmd, _, ok := redisCommandLine(text); ok && len(cmd) > 0 {
			if name := command(cmd); name == "SLOWLOG" || name == "LATENCY" {
				return SureMark + 2
			}
		}
		if isEpochReply(text) && i > 0 {
			if _, nums, rest := replyNumbers(lines[i-1]); len(nums) > 1 && (bytes.HasPrefix(rest, []byte("(integer) ")) || bytes.HasPrefix(rest, []byte(`"`))) {
				return SureMark + 2
			}
		}
		if i >= 2 && i < 12 && isSlowStart(lines[i-2], lines[i-1], line) {
			return SureMark
		}
	}
	return 0
}

func parseSlowlog(src *Source, emit func(Record)) error {
	f := &slowFold{src: src, emit: emit}
	err := EachLineAndBlank(src, f.line)
	f.flush()
	f.flushPlain()
	return err
}

// maxSlowArgs is what SLOWLOG itself keeps of a command (SLOWLOG_ENTRY_MAX_ARGC).
const maxSlowArgs = 32

type slowFold struct {
	src  *Source
	emit func(Record)

	open   bool
	indent int // where the numbers of an entry's fields stand
	nums   [5]Opt
	event  string // of LATENCY
	args   []string
	client string
	name   string
	at     Pos
	raw    []byte

	plain   [][]byte // a value a line: the lines of the open entry
	plainAt int
}

func (f *slowFold) line(line []byte, at Pos) {
	text := trimQuote(line)
	if len(text) > 0 {
		if _, ok := promptLine(text); ok || isFence(text) || isStatus(text) && !bytes.HasPrefix(text, []byte("(integer)")) && string(text) != `""` {
			f.flush()
			f.flushPlain()
			return
		}
	}
	indent, nums, rest := replyNumbers(line)
	if len(nums) == 0 {
		f.plainLine(line, text, at)
		return
	}
	if len(nums) >= 2 && nums[len(nums)-1] == 1 && (len(nums) > 2 || !bytes.HasPrefix(rest, []byte(`"`)) || !f.open || nums[0] != 4) {
		f.flush()
		f.open, f.at, f.raw = true, at, bytes.Clone(line)
		f.indent = -1
		f.field(1, rest)
		return
	}
	if !f.open {
		f.src.Skip(at.Line, line, "part of an entry whose beginning is missing")
		return
	}
	n := nums[0]
	switch {
	case len(nums) == 2: // 4) 1) "KEYS"
		f.at, f.raw = at, bytes.Clone(line)
		f.arg(rest)
	case n <= 4 && bytes.HasPrefix(rest, []byte("(integer)")):
		if f.indent < 0 {
			f.indent = indent
		}
		f.field(n, rest)
	case len(f.args) > 0 && (indent > f.indent || n == len(f.args)+1 && !isAddress(unquoted(rest))):
		f.arg(rest)
	case n == 5:
		f.client = string(unquoted(rest))
	case n == 6:
		f.name = string(unquoted(rest))
	default:
		f.src.Skip(at.Line, line, "not a field of a SLOWLOG entry")
	}
}

func (f *slowFold) field(n int, rest []byte) {
	if v, ok := intReply(rest); ok && n < len(f.nums) {
		f.nums[n] = Some(v)
	} else if n == 1 {
		f.event = string(unquoted(rest))
	}
}

func (f *slowFold) arg(rest []byte) {
	if len(f.args) < maxSlowArgs {
		f.args = append(f.args, string(unquoted(rest)))
	}
}

// plainLine takes a value of the form without numbers. An entry begins with three numbers of which the second is a time.
func (f *slowFold) plainLine(line, text []byte, at Pos) {
	if f.open {
		if len(text) > 0 {
			f.src.Skip(at.Line, line, "not a field of a SLOWLOG entry")
		}
		return
	}
	if len(f.plain) == 0 {
		if len(text) == 0 {
			return
		}
		if _, ok := dateLine(text); ok && !allDigits(text) {
			return
		}
		f.plainAt = at.Line
	}
	if len(f.plain) < maxSlowArgs+16 {
		f.plain = append(f.plain, bytes.Clone(text))
	}
	n := len(f.plain)
	if n > 3 && isSlowStart(f.plain[n-3], f.plain[n-2], f.plain[n-1]) {
		next := f.plain[n-3:]
		f.plain = f.plain[:n-3]
		f.flushPlain()
		f.plain, f.plainAt = append([][]byte(nil), next...), at.Line-2
	}
}

func (f *slowFold) flushPlain() {
	p := f.plain
	f.plain = nil
	for len(p) > 0 && len(p[len(p)-1]) == 0 {
		p = p[:len(p)-1]
	}
	if len(p) == 0 {
		return
	}
	if len(p) < 4 || !isSlowStart(p[0], p[1], p[2]) {
		f.src.Skip(f.plainAt, p[0], "not an entry of SLOWLOG")
		return
	}
	for i, line := range p[:3] {
		n, _ := leadingInt(line)
		f.nums[i+1] = Some(n)
	}
	args := p[3:]
	if n := len(args); n > 1 && isAddress(args[n-1]) {
		f.client, args = string(args[n-1]), args[:n-1]
	} else if n > 2 && isAddress(args[n-2]) {
		f.client, f.name, args = string(args[n-2]), string(args[n-1]), args[:n-2]
	}
	for _, a := range args {
		f.arg(a)
	}
	f.open, f.at, f.raw = true, Pos{f.src.Name, f.plainAt + 3}, p[3]
	f.flush()
}

func (f *slowFold) flush() {
	if !f.open {
		return
	}
	c := &SlowCommand{ID: f.nums[1], Micros: f.nums[3], Client: f.client, ClientName: f.name}
	switch {
	case f.event != "": // LATENCY LATEST: event, time, latest and highest milliseconds
		c.ID, c.Command, c.Args = Opt{}, "LATENCY", f.event
		if f.nums[4].OK {
			c.Micros = f.nums[4]
		}
		c.Micros.N *= 1000
	case len(f.args) > 0:
		c.Command = strings.ToUpper(cutTo(f.args[0], 64))
		c.Args = showArgs(f.args)
	}
	r := Record{At: f.at, Raw: f.raw, Fact: c}
	if t := f.nums[2]; t.OK && t.N > 1e9 && t.N < 1e11 {
		r.Time, r.Clock = time.Unix(t.N, 0).UTC(), ZonedClock
	}
	if c.Command == "" {
		f.src.Skip(f.at.Line, f.raw, "an entry without a command")
	} else {
		if len(f.args) > 1 && c.Args == "***" {
			r.Raw = []byte(c.Command + " ***")
		}
		f.emit(r)
	}
	*f = slowFold{src: f.src, emit: f.emit, plain: f.plain, plainAt: f.plainAt}
}

// replyNumbers reads the numbers before an element, `4) 1) "KEYS"`, and the column of the first.
func replyNumbers(line []byte) (indent int, nums []int, rest []byte) {
	for bytes.HasPrefix(line, []byte(">")) {
		line = bytes.TrimPrefix(line[1:], []byte(" "))
	}
	rest = bytes.TrimLeft(line, " \t")
	indent = len(line) - len(rest)
	for len(nums) < 6 {
		n, tail := leadingInt(rest)
		if n < 1 || n > 1<<20 || len(tail) < 2 || tail[0] != ')' || tail[1] != ' ' {
			break
		}
		nums = append(nums, int(n))
		rest = bytes.TrimLeft(tail[1:], " ")
	}
	return indent, nums, rest
}

func isSlowStart(id, when, usec []byte) bool {
	id, when, usec = bytes.TrimSpace(id), bytes.TrimSpace(when), bytes.TrimSpace(usec)
	_, ok := epochTime(when)
	return ok && len(when) == 10 && allDigits(id) && allDigits(usec)
}

func unquoted(b []byte) []byte {
	b = bytes.TrimSpace(b)
	if len(b) >= 2 && b[0] == '"' && b[len(b)-1] == '"' {
		return unquoteReply(b[1 : len(b)-1])
	}
	return b
}

// isAddress knows what Redis writes for a client: host:port, [::1]:port, or a socket's path and :0.
func isAddress(b []byte) bool {
	i := bytes.LastIndexByte(b, ':')
	if i <= 0 || !allDigits(b[i+1:]) || len(b) > 128 {
		return false
	}
	return b[0] == '/' || b[0] == '[' || bytes.Count(b, []byte(".")) == 3 || bytes.Count(b, []byte(":")) > 2
}

// showArgs is a command's arguments as a report may show them: the key and what is short, values counted in bytes, secrets
// blanked, at most 200 bytes.
func showArgs(args []string) string {
	switch strings.ToUpper(args[0]) {
	case "AUTH", "HELLO", "MIGRATE", "ACL":
		return "***"
	case "CONFIG":
		if len(args) > 2 && strings.EqualFold(args[1], "set") {
			for _, a := range args[2:] {
				if name := strings.ToLower(a); name == "requirepass" || name == "masterauth" || name == "masteruser" || strings.HasSuffix(name, "-pass") {
					return "***"
				}
			}
		}
	}
	shown := make([]string, 0, len(args))
	for i, a := range args[1:] {
		switch {
		case i == 0 && strings.HasPrefix(strings.ToUpper(args[0]), "EVAL"):
			a = cutTo(strings.Join(strings.Fields(a), " "), 80)
		case i == 0:
			a = cutTo(a, maxKeyName)
		case strings.HasPrefix(a, "... (") && strings.HasSuffix(a, ")"): // SLOWLOG's own "... (8 more arguments)"
		case len(a) > 24 || strings.ContainsAny(a, "{}\";\n"):
			a = fmt.Sprintf("(%d bytes)", len(a))
		}
		shown = append(shown, a)
	}
	return cutTo(maskSecrets(strings.Join(shown, " ")), 200)
}

func cutTo(s string, n int) string { return s[:min(len(s), n)] }
