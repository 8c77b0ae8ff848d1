package parsers

import (
	"bytes"
	"strings"
	"sync"
	"time"
)

// Nearly every line of a system log tells of nothing that is asked about here: dropped packets, logins, devices. Such a
// message is recognised by what it lacks, in one pass, where the readers one after the other took 2 µs to say so; and since
// it needs no time, its line is not even unwrapped when it begins as one before it did.
//
// This must be sure: no reader would have taken a record, a number or its own next step from the message. What it is not
// sure of goes the long way. FuzzQuiet holds it to that.

// passOver takes a quiet line that begins as one before it.
func (l *logReader) passOver(line []byte) bool {
	if l.loud || l.entry != nil || l.pretty != nil || l.held.text != nil {
		return false
	}
	for i := range l.leads {
		d := &l.leads[i]
		if len(d.text) == 0 || !d.begins(line) {
			continue
		}
		program, msg := d.program, line[len(d.text):]
		if d.program == nil {
			var ok bool
			if program, msg, ok = d.tag(msg); !ok {
				continue
			}
		} else if !plainStart(msg) {
			return false
		}
		if l.soundOf(d.host, program, msg) != quiet {
			return false
		}
		l.lastLine = append(l.lastLine[:0], line...)
		return true
	}
	return false
}

// sound is what a message may be to the readers.
type sound uint8

const (
	loud     sound = iota // anything
	quiet                 // of no interest
	repeated              // an event of the kernel that a busy host logs by the ten thousand, and nothing else: only kernelEvent need be asked
)

func (l *logReader) soundOf(host, program, msg []byte) sound {
	o := l.hosts[string(host)]
	if o != nil && o.cur != nil {
		return loud // the message may end or continue its report
	}
	if len(msg) == 0 || msg[0] <= ' ' || l.held.text != nil {
		return loud
	}
	if len(program) > 0 && !isKernelProgram(program) {
		if msg[0] == '[' || hasReader(program) || bytes.HasPrefix(msg, nginxTag) || maybeApp(msg) || l.heard(msg) != quiet {
			return loud
		}
		return quiet
	}
	if o == nil || // the order in which hosts came is that of their last reports
		isDigit(msg[0]) || bytes.HasPrefix(msg, []byte("free:")) || // "2097052 pages RAM"; "free:9377 free_pcp:0"
		bytes.IndexByte(msg, '&') >= 0 || bracketsNumber(msg) {
		return loud
	}
	return l.heard(msg)
}

// lead is how a line began: up to its message if that is the kernel's, else up to the program.
//
//	[12345.678901] ___      Jan  5 09:12:34 web1 kernel: [12345.678901] ___      Jan  5 09:12:34 web1 ___
type lead struct {
	text    []byte // digits that may be others are marked
	host    []byte
	program []byte // nil = to be read; "" or the kernel's
	loose   bool   // a program without a pid is one
}

const (
	anyDigit = 0xff // marks in a lead, which no text in UTF-8 has
	to5      = 0xfe
)

// learn makes a lead of a quiet line that was unwrapped.
func (l *logReader) learn(line []byte, e *envelope) {
	n := len(line) - len(e.Msg)
	d := &l.leads[0]
	if len(e.Program) > 0 && !isKernelProgram(e.Program) {
		d = &l.leads[1]
		if n = bytes.LastIndex(line[:n], e.Program); n < 0 {
			return
		}
		d.program, d.loose = nil, !e.PID.OK && len(e.Host) > 0
	} else {
		d.program = append(make([]byte, 0, 8), e.Program...)
	}
	d.text, d.host = append(d.text[:0], line[:n]...), append(d.host[:0], e.Host...)
	d.mark()
}

// mark marks the digits that may be others, those that cannot make another stamp of it: minutes, seconds and what stands
// behind the point.
func (d *lead) mark() {
	if len(d.text) > maxLead || bytes.IndexByte(d.text, anyDigit) >= 0 || bytes.IndexByte(d.text, to5) >= 0 {
		d.text = d.text[:0]
		return
	}
	for i := range d.text {
		rest := d.text[i:]
		switch _, clock := parseClock(rest); {
		case clock > 0:
			rest[3], rest[4], rest[7] = to5, anyDigit, anyDigit
			if rest[6] < '6' { // else a leap second
				rest[6] = to5
			}
			for j := 9; j < clock; j++ {
				rest[j] = anyDigit
			}
		case rest[0] == '[':
			end := bytes.IndexByte(rest, ']')
			if end < 0 || end > len("[123456789.123456") {
				continue
			}
			if _, ok := parseSinceBoot(bytes.TrimLeft(rest[1:end], " ")); ok {
				for j := 1; j < end; j++ {
					if isDigit(rest[j]) {
						rest[j] = anyDigit
					}
				}
			}
		}
	}
}

// maxLead bounds a lead: a stamp, a host, another stamp.
const maxLead = 256

// begins says whether line begins so.
func (d *lead) begins(line []byte) bool {
	if len(line) <= len(d.text) {
		return false
	}
	for i, c := range d.text {
		if c != line[i] && !(c == anyDigit && isDigit(line[i]) || c == to5 && line[i] >= '0' && line[i] <= '5') {
			return false
		}
	}
	return true
}

// tag reads the program behind the lead, as stripTag does.
func (d *lead) tag(rest []byte) (program, msg []byte, ok bool) {
	word, msg, ok := cutBlank(rest)
	if !ok {
		return nil, nil, false
	}
	program, pid, ok := tag(word)
	if !ok || !pid.OK && !d.loose || isKernelProgram(program) || bytes.IndexByte(msg, '#') >= 0 {
		return nil, nil, false
	}
	return program, msg, true
}

// plainStart says that no other stamp stands at the front of a message: strip and stripTag would find nothing, unless a
// bracket holds a number, which the caller looks for.
func plainStart(msg []byte) bool {
	if len(msg) == 0 || msg[0] == '[' {
		return len(msg) > 0
	}
	if c := msg[0] | 0x20; c < 'a' || c > 'z' || bytes.HasPrefix(msg, []byte("data: {")) {
		return false
	}
	if i := bytes.IndexByte(msg[:min(len(msg), 24)], ':'); i > 0 && isFacility(bytes.TrimRight(msg[:i], " ")) {
		return false
	}
	first, rest, ok := cutBlank(msg)
	if !ok || len(rest) == 0 || rest[0] == ' ' {
		return false
	}
	if isDigit(rest[0]) {
		_, _, n := parseISO(rest)
		return n == 0 && monthNamed(first) == 0
	}
	second, rest, _ := cutBlank(rest)
	return len(rest) == 0 || rest[0] != ' ' && !isDigit(rest[0]) || monthNamed(second) == 0
}

// heard finds the texts that some reader looks for. An audit stamp alone is none while the next is not due.
func (l *logReader) heard(msg []byte) sound {
	texts := loudTexts()
	found, any := texts.find(msg)
	switch {
	case !any:
		return quiet
	case found == texts.audit:
		if e, ok := auditStamp(msg); ok && !l.audit.due(time.UnixMilli(e.EpochMS.N).UTC()) {
			return quiet
		}
	case texts.repeated.has(found):
		return repeated
	}
	return loud
}

// bracketsNumber finds a bracket that may hold a stamp, a row's pid or a program's: one with a digit in it, or without an end.
func bracketsNumber(msg []byte) bool {
	for {
		i := bytes.IndexByte(msg, '[')
		if i < 0 {
			return false
		}
		msg = msg[i+1:]
		end := bytes.IndexByte(msg, ']')
		if end < 0 || hasDigit(msg[:end]) || string(bytes.TrimSpace(msg[:end])) == "pid" {
			return true
		}
		msg = msg[end+1:]
	}
}

// loudTexts are what the readers look for: wantsMore, anchors and stampInside; oomReader.read; kernelEvent; and messageFact
// for the programs that it has no reader for. Where they look for a longer text, a part of it stands here that few lines have.
var loudTexts = sync.OnceValue(func() *loudSet {
	s := &loudSet{textSet: newTextSet([]string{
		"audit(", "conntrack: table full", "SYN flooding on port",
		"oom-kill", "oom_reaper", "lled process ", "ill process ", " Comm: ", ", comm: ", "total_vm",
		"kernel:",
		"emory: Kill", "Mem-Info:", "Mem-info:", "Free swap ", "Total swap ", "killable processes", "deadlocked on memory",
		"Tasks in ", "Tasks state", " free:", "active_anon:", "active_file:", "evictable:", "reclaimable:", "mapped:", "pagetables:",
		"Task in ", "memory: usage ", "cgroup stats for ",
		"Linux version ", "page allocation ", "segfault at ", "traps: ",
		"space left on device", "space allocation error", " ENOSPC", "error -28", "I/O error", "target error", "medium error",
		"consider tuning tcp_mem", "orphaned sockets", "VFS: file-max", "rejected by pids controller", "nfs: server",
		"blocked for more", "panic - not syncing", "exited with code [", "-fs error", "filesystem read-only", "writeback error", "BTRFS error",
	})}
	s.audit.set(0)
	s.repeated.set(1)
	s.repeated.set(2)
	return s
})

type loudSet struct {
	*textSet
	audit, repeated textHits // found, and nothing else
}

// hasReader says whether messageFact does more with a program's messages than to look for a full disk.
func hasReader(program []byte) bool {
	base := program[bytes.LastIndexByte(program, '/')+1:]
	for _, p := range [...]string{"systemd", "earlyoom", "nohang", "anacron", "kubelet", "dockerd", "containerd", "supervisord",
		"php", "haproxy", "valkey", "keydb", "mysql", "mariadb"} {
		if bytes.HasPrefix(base, []byte(p)) {
			return true
		}
	}
	return isWebProgram(program) || bytes.Contains(base, []byte("redis")) || strings.EqualFold(string(base[:min(len(base), 4)]), "cron")
}
