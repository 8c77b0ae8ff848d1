package parsers

import "bytes"

// otherLine reads a line that is not of its file's format, but says on that one line what it is: files are put together, and
// where a web server writes most of a syslog the other programs' lines are the strangers. It reports whether it was one.
//
//	Mar  5 10:00:01 web1 php-fpm8.2[811]: [WARNING] [pool www] server reached pm.max_children setting (10), consider raising it
//	[05-Mar-2026 10:00:01] WARNING: [pool www] server reached pm.max_children setting (10), consider raising it
//	[2026-03-05 10:00:31 +0000] [911] [CRITICAL] WORKER TIMEOUT (pid:2001)
func otherLine(src *Source, line []byte, at Pos, emit func(Record)) bool {
	if e := unwrap(line); len(e.Program) > 0 && !isKernelProgram(e.Program) {
		if fact := messageFact(string(e.Program), e.PID, bytes.TrimSpace(e.Msg)); fact != nil {
			emit(Record{Time: e.Time, Clock: e.Clock, SinceBoot: e.SinceBoot, HasBoot: e.HasBoot, At: at, Raw: line, Fact: fact})
			return true
		}
	}
	if bytes.Contains(line, []byte(": [pool ")) {
		s, msg := lineStamp(line)
		if level, rest := fpmLevel(msg); level != "" {
			if e := fpmEvent(rest); e != nil {
				e.Text = clip(rest, maxEventText)
				emit(s.put(Record{At: at, Raw: line, Fact: e}))
			}
			return true
		}
	}
	if signature, _ := appSignature(line); signature != "" { // a container prints what its application says too
		return appLogLine(src, line, at, emit)
	}
	return false
}
