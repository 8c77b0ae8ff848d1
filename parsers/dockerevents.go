package parsers

import (
	"bytes"
)

// docker-events is what `docker events` prints, of podman too:
//
//	2026-04-20T01:12:34.118231002Z container oom 0b1c2d3e4f50 (image=redis:7, name=shop-redis-1)
//	2026-04-20T01:12:34.331231002Z container die 0b1c2d3e4f50 (exitCode=137, image=redis:7, name=shop-redis-1)
//	2026-04-20T01:12:35.181231002Z container start 0b1c2d3e4f50 (image=redis:7, name=shop-redis-1)
//
// Ends for want of memory, ends by SIGKILL or a fault, and starts become service-events of the container.
var _ = register(Parser{
	Name:  "docker-events",
	Doc:   "docker events: containers that were killed, ended or started -> service-event",
	Match: matchDockerEvents,
	Line:  dockerEventLine,
})

func matchDockerEvents(h *Head) int {
	n, lines := 0, h.Lines(50)
	for _, line := range lines {
		if _, _, _, ok := dockerEvent(line); ok {
			n++
		}
	}
	if n > 0 && n*2 >= len(lines) {
		return SureMark
	}
	return 0
}

// dockerEvent splits TIME TYPE ACTION ID (NAME=VALUE, …).
func dockerEvent(line []byte) (kind, action, about []byte, ok bool) {
	_, _, n := parseISO(line)
	if n == 0 || n >= len(line) || line[n] != ' ' {
		return nil, nil, nil, false
	}
	head, about, ok := bytes.Cut(line[n+1:], []byte(" ("))
	if !ok || !bytes.HasSuffix(bytes.TrimSpace(about), []byte(")")) || bytes.IndexByte(about, '=') < 0 {
		return nil, nil, nil, false
	}
	kind, rest, ok := bytes.Cut(head, []byte(" "))
	switch string(kind) {
	case "container", "network", "volume", "image", "plugin", "daemon", "pod":
	default:
		return nil, nil, nil, false
	}
	action, _, _ = bytes.Cut(rest, []byte(" "))
	return kind, action, bytes.TrimSuffix(bytes.TrimSpace(about), []byte(")")), ok
}

func dockerEventLine(_ *Source, line []byte, at Pos, emit func(Record)) bool {
	kind, action, about, ok := dockerEvent(line)
	if !ok {
		return blankLine(line)
	}
	if string(kind) != "container" {
		return true
	}
	about = append([]byte(" "), about...)
	e := &ServiceEvent{Program: "docker", Unit: string(field(about, " name=", ",")), Text: evidenceText(line)}
	switch code := intAfter(about, " exitCode="); string(action) {
	case "oom":
		e.Event, e.Result = "oom-killed", "oom-kill"
	case "start":
		e.Event = "started"
	case "die", "died":
		switch {
		case code.N == 128+9:
			e.Event, e.Result, e.Signal = "killed", "signal", "KILL"
		case code.N == 128+11:
			e.Event, e.Result, e.Signal = "killed", "signal", "SEGV"
		case code.OK && code.N == 0:
			e.Event = "stopped"
		case code.OK:
			e.Event, e.Result = "failed", "exit-code"
		}
	}
	if e.Event == "" {
		return true
	}
	t, clock, _ := parseISO(line)
	emit(Record{Time: t, Clock: clock, At: at, Raw: line, Fact: e})
	return true
}
