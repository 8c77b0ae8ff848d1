package parsers

import (
	"bytes"
	"path"
	"strings"
)

// systemd-unit is a unit file or drop-in, `systemctl cat` (several with their paths), `systemctl show` or `systemctl status`:
//
//	# /etc/systemd/system/redis-server.service.d/limits.conf
//	[Service]
//	MemoryMax=2G
//
//	● redis-server.service - Advanced key-value store
//	     Active: failed (Result: oom-kill) since Tue 2026-03-03 10:04:59 UTC; 2min ago
//	     Memory: 1.9G (limit: 2.0G)
//
// Settings have the Path [unit, section]; the limit that status shows becomes MemoryMax, its Active line a service-event, and so
// does what the journal's lines below it say.
var _ = register(Parser{
	Name:  "systemd-unit",
	Doc:   "systemd unit files, drop-ins, systemctl cat, show and status -> config, setting, service-event",
	Most:  SureMark - 5,
	Match: matchSystemdUnit,
	Parse: parseSystemdUnit,
})

func matchSystemdUnit(h *Head) int {
	marks, directives, show, other := 0, 0, 0, 0
	for _, line := range h.Texts(400) {
		s := unlisted(line)
		name, _, isSetting := strings.Cut(s, "=")
		switch {
		case s == "" || s[0] == '#' || s[0] == ';':
		case s == "[Service]" || s == "[Unit]" || s == "[Slice]" || s == "[Scope]":
			marks += 2
		case statusUnit(s) != "", strings.HasPrefix(s, "Main PID: "), strings.HasPrefix(s, "Active: ") && strings.Contains(s, " since "):
			marks++
		case isSetting && systemdMark(name):
			directives++
		case isSetting && name != "" && name[0] >= 'A' && name[0] <= 'Z' && !strings.ContainsAny(name, " ._"):
			show++
		default:
			other++
		}
	}
	switch {
	case marks >= 2:
		return SureMark - 5
	case directives >= 3 && show > other*4: // systemctl show
		return SureMark - 5
	case directives >= 1 && other == 0:
		return SureShape
	}
	return 0
}

// systemdMark knows the directives that nobody else's files have.
func systemdMark(name string) bool {
	switch name {
	case "MemoryMax", "MemoryHigh", "MemoryLimit", "MemoryLow", "MemoryMin", "MemorySwapMax", "OOMPolicy", "OOMScoreAdjust", "LimitNOFILE", "TasksMax",
		"ExecStart", "ExecMainPID", "MemoryCurrent", "ManagedOOMMemoryPressure", "ManagedOOMSwap", "RestartSec", "MemoryAccounting", "MemoryPeak":
		return true
	}
	return false
}

func parseSystemdUnit(src *Source, emit func(Record)) error {
	text, err := readConfig(src)
	if err != nil {
		return err
	}
	unit, section := unitOfFile(src.Name), ""
	if _, rest, ok := bytes.Cut(text, []byte("\nId=")); ok && unit == "" { // systemctl show names the unit in its middle
		id, _, _ := bytes.Cut(rest, []byte("\n"))
		unit = unitOfFile(string(bytes.TrimSpace(id)))
	}
	if bytes.Contains(text, []byte("[Service]")) || bytes.Contains(text, []byte("[Slice]")) || bytes.Contains(text, []byte("[Unit]")) {
		emitConfig(src, "systemd", text, emit)
	}
	setting := func(at Pos, line, name, value string, end int) {
		switch {
		case strings.HasPrefix(name, "Environment"):
			value = strings.Join(blankEnvironment("environment", strings.Fields(value)), " ")
		case strings.HasPrefix(name, "Exec"):
			value = blankCommand(value)
		case isSecretName(name):
			value = "***"
		}
		var path []string
		for _, p := range []string{unit, section} {
			if p != "" {
				path = append(path, p)
			}
		}
		set := &Setting{System: "systemd", Path: path, Name: name, EndLine: end}
		if value != "" {
			set.Args = []string{blankURLSecret(value)}
		}
		emit(Record{At: at, Raw: []byte(line), Fact: set})
	}
	var long struct { // a directive continued with a backslash
		name, value, line string
		at                Pos
	}
	var active Record // of a status: its Main PID line says how it ended
	tell := func() {
		if active.Fact != nil {
			emit(active)
		}
		active = Record{}
	}
	eachTextLine(src, text, func(line string, at Pos) {
		s := unlisted(line)
		if long.name != "" {
			if s != "" && s[0] != '#' && s[0] != ';' {
				more := strings.HasSuffix(s, "\\")
				if len(long.value) < 2*maxValue {
					long.value += " " + strings.TrimSpace(strings.TrimSuffix(s, "\\"))
				}
				if more {
					return
				}
				setting(long.at, long.line, long.name, long.value, at.Line)
				long.name = ""
			}
			return
		}
		if s == "" {
			return
		}
		if s[0] == '#' || s[0] == ';' {
			if file := strings.TrimSpace(s[1:]); strings.HasPrefix(file, "/") && unitOfFile(file) != "" {
				unit, section = unitOfFile(file), ""
			}
			return
		}
		if u := statusUnit(s); u != "" {
			tell()
			unit, section = u, ""
			return
		}
		if s[0] == '[' && s[len(s)-1] == ']' {
			section = s[1 : len(s)-1]
			return
		}
		if rest, ok := strings.CutPrefix(s, "Active: "); ok {
			tell()
			if r, ok := unitActive(unit, rest); ok {
				r.At, r.Raw = at, []byte(line)
				active = r
			}
			return
		}
		if rest, ok := strings.CutPrefix(s, "Main PID: "); ok && active.Fact != nil {
			mainPID(active.Fact.(*ServiceEvent), rest)
			return
		}
		if e := unwrap([]byte(line)); len(e.Program) > 0 && e.Clock != NoClock {
			tell()
			if fact := messageFact(string(e.Program), e.PID, bytes.TrimSpace(e.Msg)); fact != nil {
				emit(Record{At: at, Raw: []byte(line), Time: e.Time, Clock: e.Clock, Fact: fact})
			}
			return
		}
		if rest, ok := strings.CutPrefix(s, "Memory: "); ok {
			for _, mark := range []string{"limit: ", "max: "} {
				if _, limit, ok := strings.Cut(rest, mark); ok {
					end := strings.IndexAny(limit, " )")
					if end < 0 {
						end = len(limit)
					}
					setting(at, line, "MemoryMax", limit[:end], 0)
				}
			}
			return
		}
		name, value, ok := strings.Cut(s, "=")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		if !ok || name == "" || strings.ContainsAny(name, " :.([") {
			if section != "" && !strings.Contains(s, ": ") {
				src.Skip(at.Line, []byte(line), "not Name=value")
			}
			return // the journal below a status, the cgroup tree, prompts
		}
		if strings.HasSuffix(value, "\\") {
			long.name, long.value, long.line, long.at = name, strings.TrimSpace(strings.TrimSuffix(value, "\\")), line, at
			return
		}
		setting(at, line, name, value, 0)
	})
	tell()
	if long.name != "" {
		setting(long.at, long.line, long.name, long.value, src.Read)
	}
	return nil
}

// mainPID reads "2214 (code=killed, signal=KILL)", which says more than "Result: signal" does.
func mainPID(e *ServiceEvent, s string) {
	_, signal, ok := strings.Cut(s, "code=killed, signal=")
	if !ok {
		_, signal, ok = strings.Cut(s, "code=dumped, signal=")
	}
	if !ok || e.Event == "started" {
		return // the process before, of a service that was started since
	}
	e.PID = intAfter([]byte(s), "")
	e.Signal = strings.TrimRight(signal, ")")
	if e.Result != "oom-kill" {
		e.Event = "killed"
	}
}

// unitOfFile names the unit that a file configures: itself, or the unit whose drop-in directory it is in.
func unitOfFile(file string) string {
	base := path.Base(file)
	if dir := path.Base(path.Dir(file)); strings.HasSuffix(dir, ".d") {
		base = strings.TrimSuffix(dir, ".d")
	}
	switch path.Ext(base) {
	case ".service", ".slice", ".scope":
		return base
	}
	// A drop-in copied out of its directory: redis-server.service.d-override.conf, redis-server.service_override.conf.
	if i := strings.Index(base, ".service"); i > 0 && strings.HasSuffix(base, ".conf") {
		return base[:i+len(".service")]
	}
	return ""
}

// statusUnit reads the head of a status: "● redis-server.service - Advanced key-value store".
func statusUnit(s string) string {
	for _, dot := range []string{"● ", "* ", "× ", "○ ", "↻ "} {
		if rest, ok := strings.CutPrefix(s, dot); ok {
			s = rest
			break
		}
	}
	name, _, ok := strings.Cut(s, " - ")
	if !ok || strings.Contains(name, " ") {
		return ""
	}
	return unitOfFile("/" + strings.ReplaceAll(name, "/", ""))
}

// unitActive reads "failed (Result: oom-kill) since Tue 2026-03-03 10:04:59 UTC; 2min ago".
func unitActive(unit, s string) (Record, bool) {
	state, rest, ok := strings.Cut(s, " since ")
	if !ok {
		return Record{}, false
	}
	when, _, _ := strings.Cut(rest, ";")
	at, ok := dateStamp(when)
	if !ok {
		return Record{}, false
	}
	e := &ServiceEvent{Unit: unit, Program: "systemd", Text: s}
	switch {
	case strings.HasPrefix(state, "active"):
		e.Event = "started"
	case strings.HasPrefix(state, "failed"):
		e.Event = "failed"
	default:
		e.Event = "stopped"
	}
	if _, result, ok := strings.Cut(state, "Result: "); ok {
		e.Result = strings.TrimRight(result, ")")
	}
	return at.put(Record{Fact: e}), true
}
