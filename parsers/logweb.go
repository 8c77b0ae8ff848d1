package parsers

import (
	"bytes"
	"strings"
)

// webPrograms log requests through syslog or journald where they are told to: a host's whole journal holds them between the
// lines of all others.
var webPrograms = [...]string{"nginx", "openresty", "apache", "httpd", "caddy", "traefik", "lighttpd"}

func isWebProgram(program []byte) bool {
	base := program[bytes.LastIndexByte(program, '/')+1:]
	for _, p := range webPrograms {
		if bytes.HasPrefix(base, []byte(p)) {
			return true
		}
	}
	return false
}

var nginxTag = []byte("nginx: ")

// web reads a web server's message: a request, or what its error log says.
func (l *logReader) web(m *message) bool {
	base := string(m.Program[bytes.LastIndexByte(m.Program, '/')+1:])
	if strings.HasPrefix(base, "haproxy") {
		if !l.haproxy.read(m.Msg) || m.Clock != ZonedClock {
			return false
		}
		l.emit(Record{Time: m.Time.Add(-l.haproxy.took), Clock: ZonedClock, At: m.at, Raw: m.raw, Fact: &l.haproxy.Access})
		return true
	}
	// nginx puts the host in front unless it is told nohostname, and journald takes that for the program
	msg, tagged := bytes.CutPrefix(m.Msg, nginxTag)
	if !isWebProgram(m.Program) && !tagged {
		return false
	}
	if i := bytes.Index(msg[:min(len(msg), 80)], nginxTag); i > 0 && !tagged {
		msg = msg[i+len(nginxTag):]
	}
	if l.access == nil {
		l.access = newAccessReader(l.src)
	}
	if _, why := l.access.readBare(msg, false); why == "" {
		a := &l.access.line
		l.emit(Record{Time: a.when, Clock: a.clock, At: m.at, Raw: m.raw, Fact: &a.Access})
		return true
	}
	if e, ok := newWebError(msg); ok {
		e.emit(m.at, l.emit)
		return true
	}
	return false
}
