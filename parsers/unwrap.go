package parsers

import (
	"bytes"
	"encoding/json"
	"strconv"
	"time"
	"unicode"
)

// envelope is what the wrappers around a message say: the line of a daemon, a kernel or an application as it was before
// syslog, journald, dmesg, docker, Kubernetes or a mail client put something in front of it.
type envelope struct {
	Time      time.Time // see Record.Time; the outermost stamp, but a zoned one beats a local one
	Clock     Clock     // BootClock when the only stamp was the kernel's; NoClock when there was none, or one without a date
	SinceBoot time.Duration
	HasBoot   bool
	Host      []byte
	Program   []byte // the syslog tag; "kernel" for the kernel's own
	PID       Opt    // of Program
	Msg       []byte // a part of the line, or a decoded copy when the wrapper escaped it; it may hold newlines
	Wrapped   bool   // something other than quotes and blanks was taken off
	Dmesg     bool   // a stamp that only the kernel's ring buffer and its readers write was among it
}

// maxWrappers bounds how many layers are taken off. Real logs stack four: docker json, syslog, priority, kernel stamp.
const maxWrappers = 12

// unwrap takes every wrapper it knows off the front of line, until none matches:
//
//	> > [Tue Apr 20 09:12:34 2026] msg                             mail quotes; dmesg -T, in any common language
//	<4>[   12.345678][ T6736] msg                                  printk with level and caller
//	kern  :warn  : 2025-01-21T08:41:30,287197+00:00 msg            dmesg -x --time-format=iso
//	3,22726,652513349062,-;msg\x0amore                             /dev/kmsg
//	Dec  9 21:47:11 web1 kernel: [3217913.6] msg#012more           RFC 3164 (no year: year 0); journalctl short
//	2026-02-08T00:40:07.136582+00:00 web1 systemd[1]: msg          rsyslog, journalctl short-iso
//	[18821.999960] web1 kernel: msg                                journalctl short-monotonic
//	<30>1 2026-02-08T00:40:07Z web1 cron 77 - - msg                RFC 5424
//	{"MESSAGE":"msg","__REALTIME_TIMESTAMP":"1640958406000000",…}  journalctl json; MESSAGE may be an array of bytes
//	{"log":"msg\n","stream":"stdout","time":"2021-12-31T…Z"}       docker json-file
//	2026-02-08T00:40:07.136582123Z stdout F msg                    CRI; kubectl logs --timestamps without the middle
//
// Once a program other than the kernel is named, what follows is that program's own and stays. A weekday is never checked:
// people edit logs, and the date counts.
func unwrap(line []byte) envelope {
	e := envelope{Msg: line}
	for range maxWrappers {
		if len(e.Program) > 0 && string(e.Program) != "kernel" {
			break
		}
		if !e.strip() {
			break
		}
	}
	if e.Clock == NoClock && e.HasBoot {
		e.Clock = BootClock
	}
	return e
}

// strip takes one layer off, and reports whether there was one.
func (e *envelope) strip() bool {
	msg := e.Msg
	if len(msg) == 0 || msg[0] <= ' ' {
		msg = bytes.TrimLeft(msg, " \t\x00\x1e") // NUL: a crash leaves blocks of them in syslog; RS: journalctl json-seq
	}
	if len(msg) == 0 {
		return false
	}
	switch c := msg[0]; {
	case c == '>':
		e.Msg = bytes.TrimPrefix(msg[1:], []byte(" "))
		return true
	case c == '{':
		return e.stripJSON(msg)
	case c == '<':
		return e.stripPriority(msg)
	case c == '[':
		return e.stripBracket(msg)
	case c >= '0' && c <= '9':
		return e.stripKmsg(msg) || e.stripISO(msg) || e.stripEpoch(msg) || e.stripTimeOnly(msg)
	case c == '"':
		return e.stripMember(msg)
	}
	if rest, ok := bytes.CutPrefix(msg, []byte("kernel: ")); ok {
		e.Program, e.Msg, e.Wrapped = msg[:len("kernel")], rest, true
		return true
	}
	if rest, ok := bytes.CutPrefix(msg, []byte("data: {")); ok { // journalctl json-sse
		e.Msg = msg[len(msg)-len(rest)-1:]
		return true
	}
	return e.stripFacility(msg) || e.stripRFC3164(msg) || e.stripFullDate(msg)
}

// setTime keeps the outermost stamp, unless a later one knows its zone and the first did not.
func (e *envelope) setTime(t time.Time, c Clock) {
	if e.Clock == NoClock || e.Clock == LocalClock && c == ZonedClock {
		e.Time, e.Clock = t, c
	}
}

// took records that a layer ended where rest begins.
func (e *envelope) took(rest []byte) bool {
	e.Msg, e.Wrapped = rest, true
	return true
}

// stripPriority reads <4> and <30>, and the header of RFC 5424 that may follow.
func (e *envelope) stripPriority(msg []byte) bool {
	n, rest := leadingInt(msg[1:])
	if n < 0 || len(rest) == 0 || rest[0] != '>' || len(msg)-len(rest) > 4 {
		return false
	}
	rest = rest[1:]
	if len(rest) > 3 && rest[0] == '1' && rest[1] == ' ' && (rest[2] == '-' || isDigit(rest[2])) {
		if e.stripRFC5424(rest[2:]) {
			return true
		}
	}
	return e.took(bytes.TrimPrefix(rest, []byte(" ")))
}

// stripRFC5424 reads what follows "<30>1 ": time host program pid msgid structured-data message.
func (e *envelope) stripRFC5424(rest []byte) bool {
	var f [5][]byte
	for i := range f {
		var ok bool
		if f[i], rest, ok = bytes.Cut(rest, []byte(" ")); !ok {
			return false
		}
	}
	t, clock, n := parseISO(f[0])
	if n > 0 {
		e.setTime(t, clock)
	} else if string(f[0]) != "-" {
		return false
	}
	if bytes.HasPrefix(rest, []byte("-")) {
		rest = rest[1:]
	} else {
		for len(rest) > 0 && rest[0] == '[' {
			end := endOfSD(rest)
			if end < 0 {
				return false
			}
			rest = rest[end:]
		}
	}
	rest = bytes.TrimPrefix(bytes.TrimPrefix(rest, []byte(" ")), []byte("\xef\xbb\xbf"))
	e.Host, e.Program = dashIsNone(f[1]), dashIsNone(f[2])
	if pid, tail := leadingInt(f[3]); pid >= 0 && len(tail) == 0 {
		e.PID = Some(pid)
	}
	return e.took(rest)
}

// endOfSD is where a structured-data element [id a="b\]"] ends, -1 when it does not.
func endOfSD(b []byte) int {
	quoted := false
	for i := 1; i < len(b); i++ {
		switch {
		case b[i] == '\\':
			i++
		case b[i] == '"':
			quoted = !quoted
		case b[i] == ']' && !quoted:
			return i + 1
		}
	}
	return -1
}

func dashIsNone(b []byte) []byte {
	if string(b) == "-" {
		return nil
	}
	return b
}

// stripBracket reads the kernel's own stamps: [12.345678], [ T77], [Tue Apr 20 09:12:34 2026], [Apr20 09:12], [  +0.000012].
func (e *envelope) stripBracket(msg []byte) bool {
	end := bytes.IndexByte(msg[:min(len(msg), maxStamp)], ']')
	if end < 0 {
		return false
	}
	in, rest := bytes.TrimSpace(msg[1:end]), bytes.TrimPrefix(msg[end+1:], []byte(" "))
	if !hasDigit(in) {
		return false // [UFW BLOCK], as common as stamps
	}
	if d, ok := parseSinceBoot(in); ok {
		if !e.HasBoot {
			e.SinceBoot, e.HasBoot = d, true
		}
		e.Dmesg = true
		e.took(rest)
		e.stripTag(rest, false)
		return true
	}
	if t, ok := parseCTime(in); ok {
		e.setTime(t, LocalClock)
		e.Dmesg = e.Dmesg || t.Nanosecond() == 0 // Apache's error log has microseconds
		e.took(rest)
		e.stripTag(rest, false)
		return true
	}
	if len(in) > 1 && in[0] == '+' { // dmesg -e: seconds since the line before
		if _, ok := parseSinceBoot(in[1:]); ok {
			e.Dmesg = true
			return e.took(rest)
		}
	}
	if t, ok := parseMonthMinute(in); ok {
		e.setTime(t, LocalClock)
		e.Dmesg = true
		return e.took(rest)
	}
	// The caller's id, a thread or a processor, follows a stamp only.
	if e.HasBoot && len(in) > 1 && (in[0] == 'T' || in[0] == 'C') {
		if n, tail := leadingInt(in[1:]); n >= 0 && len(tail) == 0 {
			return e.took(rest)
		}
	}
	if t, clock, n := parseISO(in); n == len(in) && n > 0 {
		e.setTime(t, clock)
		return e.took(rest)
	}
	return false
}

// maxStamp bounds a stamp in brackets: the longest month and weekday names in UTF-8 make 60 bytes.
const maxStamp = 80

// stripTag reads "host program[pid]: " or "program[pid]: ". After a date any program will do (loose); after the kernel's stamp,
// where a message like "usb 1-1: new device" may follow, only "kernel" or a program with its pid is one.
func (e *envelope) stripTag(rest []byte, loose bool) bool {
	rest = bytes.TrimLeft(rest, " ")
	first, after, ok := cutBlank(rest)
	if !ok && !bytes.HasSuffix(first, []byte(":")) {
		return false
	}
	if prog, pid, ok := tag(first); ok {
		if !pid.OK && string(prog) != "kernel" {
			return false // "oom_reaper: reaped process …" is a message
		}
		e.Program, e.PID = prog, pid
		return e.took(after)
	}
	if !isHost(first) {
		return false
	}
	second, msg, _ := cutBlank(bytes.TrimLeft(after, " "))
	prog, pid, ok := tag(second)
	if !ok || !loose && !pid.OK && string(prog) != "kernel" {
		return false
	}
	e.Host, e.Program, e.PID = first, prog, pid
	return e.took(msg)
}

// cutBlank is bytes.Cut at a blank, which it finds in half the time.
func cutBlank(b []byte) (word, rest []byte, ok bool) {
	if i := bytes.IndexByte(b, ' '); i >= 0 {
		return b[:i], b[i+1:], true
	}
	return b, nil, false
}

// tag splits "program[pid]:" and "program:".
func tag(b []byte) (prog []byte, pid Opt, ok bool) {
	if len(b) < 2 || len(b) > 257 || b[len(b)-1] != ':' {
		return nil, Opt{}, false
	}
	b = b[:len(b)-1]
	if c := b[0] | 0x20; (c < 'a' || c > 'z') && !bytes.ContainsFunc(b, unicode.IsLetter) {
		return nil, Opt{}, false // "release 212: start"
	}
	if open := bytes.LastIndexByte(b, '['); open > 0 && b[len(b)-1] == ']' {
		if n, tail := leadingInt(b[open+1 : len(b)-1]); n >= 0 && len(tail) == 0 {
			return b[:open], Some(n), true
		}
	}
	return b, Opt{}, !bytes.ContainsAny(b, "=\"{}")
}

// isHost accepts host names and addresses: nothing that a message would hold.
func isHost(b []byte) bool {
	if len(b) == 0 || len(b) > 255 {
		return false
	}
	for _, c := range b {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || isDigit(c) || c == '.' || c == '-' || c == '_' || c == ':' || c == '%' || c == '/' || c == '@' || c >= 0x80) {
			return false
		}
	}
	return b[len(b)-1] != ':'
}

// stripKmsg reads a /dev/kmsg record: priority, sequence, microseconds and flags before a semicolon.
func (e *envelope) stripKmsg(msg []byte) bool {
	semi := bytes.IndexByte(msg[:min(len(msg), maxStamp)], ';')
	if semi < 0 {
		return false
	}
	prio, b := leadingInt(msg)
	if prio < 0 || len(b) < 2 || b[0] != ',' {
		return false
	}
	seq, b := leadingInt(b[1:])
	if seq < 0 || len(b) < 2 || b[0] != ',' {
		return false
	}
	usec, b := leadingInt(b[1:])
	if usec < 0 || len(b) == 0 || b[0] != ',' || usec > int64(maxDuration/time.Microsecond) {
		return false
	}
	if !e.HasBoot {
		e.SinceBoot, e.HasBoot = time.Duration(usec)*time.Microsecond, true
	}
	e.Dmesg = true
	e.took(decodeHex(msg[semi+1:]))
	// Facility 0 is the kernel; others are what a process wrote into /dev/kmsg, often with its own tag.
	if prio>>3 == 0 {
		e.Program = kernelTag
	} else {
		e.stripTag(e.Msg, false)
	}
	return true
}

var kernelTag = []byte("kernel")

// stripISO reads a date with or without zone, and what syslog, the journal or a container runtime puts after it.
func (e *envelope) stripISO(msg []byte) bool {
	t, clock, n := parseISO(msg)
	if n == 0 || n < len(msg) && msg[n] != ' ' && msg[n] != ':' && msg[n] != '\t' {
		return false
	}
	stamp := msg[:n]
	rest := bytes.TrimPrefix(msg[n:], []byte(":"))
	if len(rest) > 0 {
		rest = rest[1:]
	}
	e.setTime(t, clock)
	e.took(rest)
	for _, cri := range []string{"stdout F ", "stdout P ", "stderr F ", "stderr P "} {
		if tail, ok := bytes.CutPrefix(rest, []byte(cri)); ok {
			return e.took(tail)
		}
	}
	// dmesg writes a comma and has no host; a runtime writes nanoseconds and no host.
	comma := bytes.IndexByte(stamp, ',') >= 0
	e.Dmesg = e.Dmesg || comma && clock == ZonedClock
	if comma {
		e.stripTag(e.Msg, false)
	} else if !(stamp[n-1] == 'Z' && n > len("2026-02-08T00:40:07.123456Z")) {
		if e.stripSyslogRest(); len(e.Program) == 0 {
			e.stripStream()
		}
	}
	return true
}

// stripStream takes off what stands between a collector's time and the stamp of the line itself: the name of a stream (aws logs
// tail), or of the host that sent it (netconsole).
func (e *envelope) stripStream() {
	name, rest, ok := cutBlank(e.Msg)
	rest = bytes.TrimLeft(rest, " ")
	if !ok || len(rest) == 0 || !isHost(name) {
		return
	}
	_, date := parseRFC3164(rest)
	_, _, iso := parseISO(rest)
	inner := envelope{Msg: rest}
	switch {
	case date > 0 || iso > 0:
		e.Msg = rest
	case rest[0] == '[' && inner.stripBracket(rest) && inner.HasBoot:
		e.Host, e.Msg = name, rest
	}
}

// stripSyslogRest reads host and program after a date and undoes rsyslog's escapes (#012 is a newline) in what is left.
func (e *envelope) stripSyslogRest() {
	if e.stripTag(e.Msg, true) {
		e.Msg = decodeHash(e.Msg)
	}
}

// stripEpoch reads journalctl short-unix: 1640958406.123456 host program: msg.
func (e *envelope) stripEpoch(msg []byte) bool {
	sec, b := leadingInt(msg)
	// 2001 to 2286 have ten digits.
	if len(msg)-len(b) != 10 || len(b) < 8 || b[0] != '.' {
		return false
	}
	usec, tail := leadingInt(b[1:])
	if usec < 0 || len(b)-1-len(tail) != 6 || len(tail) == 0 || tail[0] != ' ' {
		return false
	}
	before := *e
	e.setTime(time.UnixMicro(sec*1e6+usec).UTC(), ZonedClock)
	e.took(tail[1:])
	if !e.stripTag(e.Msg, true) {
		*e = before
		return false
	}
	return true
}

// stripTimeOnly reads "19:46:58 host program: msg", from which somebody cut the date: it says what wrote the line, not when.
func (e *envelope) stripTimeOnly(msg []byte) bool {
	_, n := parseClock(msg)
	if n == 0 || n >= len(msg) || msg[n] != ' ' {
		return false
	}
	if !e.stripTag(msg[n+1:], true) {
		return false
	}
	e.Msg = decodeHash(e.Msg)
	return true
}

// stripRFC3164 reads "Dec  9 21:47:11 host program[pid]: msg", month names in any common language, the year where a device writes one.
func (e *envelope) stripRFC3164(msg []byte) bool {
	t, n := parseRFC3164(msg)
	if n == 0 || n < len(msg) && msg[n] != ' ' && msg[n] != ':' {
		return false
	}
	e.setTime(t, LocalClock)
	e.took(bytes.TrimPrefix(bytes.TrimPrefix(msg[n:], []byte(":")), []byte(" ")))
	e.stripSyslogRest()
	return true
}

// stripFullDate reads journalctl short-full, "Tue 2026-04-20 09:12:34 UTC host program: msg", and a bare "Tue Apr 20 09:12:34 2026 msg".
func (e *envelope) stripFullDate(msg []byte) bool {
	day, rest, ok := cutBlank(msg[:min(len(msg), maxStamp)])
	if !ok || len(day) > 16 || len(rest) == 0 {
		return false
	}
	rest = msg[len(day)+1:]
	if t, clock, n := parseISO(rest); n > 0 && n < len(rest) && rest[n] == ' ' && isDayName(day) {
		e.setTime(t, clock)
		rest = rest[n+1:]
		if clock == LocalClock { // an abbreviation that is not UTC names no zone for sure
			if zone, tail, ok := bytes.Cut(rest, []byte(" ")); ok && isZoneName(zone) {
				rest = tail
			}
		}
		e.took(rest)
		e.stripSyslogRest()
		return true
	}
	if t, n := parseRFC3164(bytes.TrimLeft(rest, " ")); n > 0 && isDayName(day) {
		rest = bytes.TrimLeft(rest, " ")[n:]
		year, tail := leadingInt(bytes.TrimLeft(rest, " "))
		if year < 1970 || year > 9999 || len(tail) > 0 && tail[0] != ' ' && tail[0] != ':' {
			return false
		}
		e.setTime(time.Date(int(year), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC), LocalClock)
		e.took(bytes.TrimPrefix(bytes.TrimPrefix(tail, []byte(":")), []byte(" ")))
		e.stripSyslogRest()
		return true
	}
	return false
}

// isDayName says that a word in front of a date may be a weekday's, in whatever language.
func isDayName(word []byte) bool { return !bytes.ContainsAny(word, "[]()<>\"=;/") }

// stripFacility reads what dmesg -x puts first: "kern  :warn  : ".
func (e *envelope) stripFacility(msg []byte) bool {
	head := msg[:min(len(msg), 24)]
	i := bytes.IndexByte(head, ':')
	if i < 0 || !isFacility(bytes.TrimRight(head[:i], " ")) {
		return false
	}
	a := head[:i]
	b, _, ok := bytes.Cut(head[i+1:], []byte(":"))
	if !ok || !isLevel(bytes.TrimRight(b, " ")) {
		return false
	}
	e.Dmesg = true
	return e.took(bytes.TrimPrefix(msg[len(a)+1+len(b)+1:], []byte(" ")))
}

func isFacility(b []byte) bool {
	switch string(b) {
	case "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp",
		"local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7":
		return true
	}
	return false
}

func isLevel(b []byte) bool {
	switch string(b) {
	case "emerg", "alert", "crit", "err", "warn", "notice", "info", "debug":
		return true
	}
	return false
}

// stripMember reads one line of pretty-printed JSON, "message": "…", as kubectl and journalctl json-pretty print it.
func (e *envelope) stripMember(msg []byte) bool {
	for _, name := range []string{`"message"`, `"MESSAGE"`, `"log"`} {
		rest, ok := bytes.CutPrefix(msg, []byte(name))
		if !ok {
			continue
		}
		rest, ok = bytes.CutPrefix(bytes.TrimLeft(rest, " \t"), []byte(":"))
		if !ok {
			return false
		}
		text, ok := jsonText(bytes.TrimRight(bytes.TrimSpace(rest), ","))
		return ok && e.took(text)
	}
	return false
}

// wrappedJSON holds the members that journalctl, docker, fluentd and common loggers put a line into.
type wrappedJSON struct {
	Journal   json.RawMessage `json:"MESSAGE"`
	Realtime  json.RawMessage `json:"__REALTIME_TIMESTAMP"`
	SourceMon json.RawMessage `json:"_SOURCE_MONOTONIC_TIMESTAMP"`
	Monotonic json.RawMessage `json:"__MONOTONIC_TIMESTAMP"`
	Hostname  json.RawMessage `json:"_HOSTNAME"`
	Ident     json.RawMessage `json:"SYSLOG_IDENTIFIER"`
	Comm      json.RawMessage `json:"_COMM"`
	PID       json.RawMessage `json:"_PID"`
	SyslogPID json.RawMessage `json:"SYSLOG_PID"`
	Transport json.RawMessage `json:"_TRANSPORT"`

	Log       json.RawMessage `json:"log"`
	Message   json.RawMessage `json:"message"`
	Time      json.RawMessage `json:"time"`
	Timestamp json.RawMessage `json:"timestamp"`
	AtTime    json.RawMessage `json:"@timestamp"`
}

// stripJSON reads a line that is one JSON object with a message in it.
func (e *envelope) stripJSON(msg []byte) bool {
	var j wrappedJSON
	if json.Unmarshal(msg, &j) != nil {
		return false
	}
	if text, ok := jsonText(j.Journal); ok {
		if usec, ok := jsonInt(j.Realtime); ok {
			e.setTime(time.UnixMicro(usec).UTC(), ZonedClock)
		}
		for _, mono := range []json.RawMessage{j.SourceMon, j.Monotonic} {
			if usec, ok := jsonInt(mono); ok && !e.HasBoot && usec >= 0 && usec <= int64(maxDuration/time.Microsecond) {
				e.SinceBoot, e.HasBoot = time.Duration(usec)*time.Microsecond, true
			}
		}
		e.Host, _ = jsonText(j.Hostname)
		for _, name := range []json.RawMessage{j.Ident, j.Comm, j.Transport} {
			if len(e.Program) == 0 {
				e.Program, _ = jsonText(name)
			}
		}
		for _, n := range []json.RawMessage{j.PID, j.SyslogPID} {
			if pid, ok := jsonInt(n); ok && !e.PID.OK {
				e.PID = Some(pid)
			}
		}
		return e.took(text)
	}
	for _, m := range []json.RawMessage{j.Log, j.Message} {
		text, ok := jsonText(m)
		if !ok {
			continue
		}
		for _, stamp := range []json.RawMessage{j.Time, j.AtTime, j.Timestamp} {
			if s, ok := jsonText(stamp); ok {
				if t, clock, n := parseISO(s); n > 0 && n == len(s) {
					e.setTime(t, clock)
				}
			}
		}
		return e.took(text)
	}
	return false
}

// jsonText reads a JSON string, or journald's array of byte values (a MESSAGE that is not UTF-8) or of strings (a field
// given twice), without the newlines at its end.
func jsonText(raw json.RawMessage) ([]byte, bool) {
	if len(raw) == 0 || raw[0] != '"' && raw[0] != '[' {
		return nil, false
	}
	var text []byte
	if raw[0] == '"' {
		var s string
		if json.Unmarshal(raw, &s) != nil {
			return nil, false
		}
		text = []byte(s)
	} else {
		var values []json.RawMessage
		if json.Unmarshal(raw, &values) != nil {
			return nil, false
		}
		for i, v := range values {
			if n, err := strconv.ParseUint(string(v), 10, 8); err == nil {
				text = append(text, byte(n))
				continue
			}
			var s string
			if json.Unmarshal(v, &s) != nil {
				return nil, false
			}
			if i > 0 {
				text = append(text, '\n')
			}
			text = append(text, s...)
		}
	}
	return bytes.TrimRight(text, "\r\n"), true
}

// jsonInt reads a number, in quotes or not.
func jsonInt(raw json.RawMessage) (int64, bool) {
	n, err := strconv.ParseInt(string(bytes.Trim(raw, `"`)), 10, 64)
	return n, err == nil
}

// decodeHash undoes rsyslog's escapes of control bytes: # and three octal digits.
func decodeHash(b []byte) []byte {
	if !bytes.Contains(b, []byte("#0")) {
		return b
	}
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		if b[i] == '#' && i+3 < len(b) && b[i+1] == '0' && b[i+2] >= '0' && b[i+2] <= '3' && b[i+3] >= '0' && b[i+3] <= '7' {
			out = append(out, (b[i+2]-'0')<<3|(b[i+3]-'0'))
			i += 3
			continue
		}
		out = append(out, b[i])
	}
	return out
}

// decodeHex undoes the escapes of /dev/kmsg: \x and two hexadecimal digits.
func decodeHex(b []byte) []byte {
	if !bytes.Contains(b, []byte(`\x`)) {
		return b
	}
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		if b[i] == '\\' && i+3 < len(b) && b[i+1] == 'x' {
			if n, err := strconv.ParseUint(string(b[i+2:i+4]), 16, 8); err == nil {
				out = append(out, byte(n))
				i += 3
				continue
			}
		}
		out = append(out, b[i])
	}
	return out
}

// leadingInt reads the decimal digits at the front of b; -1 when there is none or they overflow.
func leadingInt(b []byte) (int64, []byte) {
	var n int64
	i := 0
	for ; i < len(b) && isDigit(b[i]); i++ {
		if n > (1<<63-1-9)/10 {
			return -1, b
		}
		n = n*10 + int64(b[i]-'0')
	}
	if i == 0 {
		return -1, b
	}
	return n, b[i:]
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func hasDigit(b []byte) bool {
	for _, c := range b {
		if isDigit(c) {
			return true
		}
	}
	return false
}
