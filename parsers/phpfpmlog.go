package parsers

import (
	"bytes"
	"strings"
)

// php-fpm-log is the error log of the PHP-FPM master:
//
//	[18-Apr-2026 07:40:37] WARNING: [pool www] server reached pm.max_children setting (50), consider raising it
//	[18-Apr-2026 07:41:02] WARNING: [pool www] child 2911 exited on signal 9 (SIGKILL) after 41.5 seconds from start
//	[18-Apr-2026 07:41:02] NOTICE: [pool www] child 2950 started
//
// Lines about single children that started or ended well are read and give nothing. With catch_workers_output, and in a
// container, the application's own messages stand in it:
//
//	[18-Apr-2026 07:41:03] WARNING: [pool www] child 2911 said into stderr: "NOTICE: PHP message: PHP Fatal error:  Allowed memory size of ..."
var _ = register(Parser{
	Name:  "php-fpm-log",
	Doc:   "PHP-FPM master log -> pool-event, app-event",
	Most:  SureMark - 5,
	Match: matchPHPFPMLog,
	Line:  phpFPMLogLine,
})

func matchPHPFPMLog(h *Head) int {
	hits, lines := 0, h.Lines(200)
	for _, line := range lines {
		_, msg := lineStamp(line)
		if level, rest := fpmLevel(msg); level != "" && (strings.HasPrefix(rest, "[pool ") || fpmEvent(rest) != nil || strings.Contains(rest, "fpm")) {
			hits++
		}
	}
	switch {
	case hits*2 > len(lines):
		return SureMark - 5
	case hits >= 3:
		return SureHabit
	}
	return 0
}

func phpFPMLogLine(src *Source, line []byte, at Pos, emit func(Record)) bool {
	s, msg := lineStamp(line)
	level, rest := fpmLevel(msg)
	if level == "" && !strings.HasPrefix(msg, "[pool ") {
		return bytes.HasPrefix(line, []byte(" ")) // the trace of a slow script
	}
	if e := fpmEvent(rest); e != nil {
		e.Text = clip(rest, maxEventText)
		emit(s.put(Record{At: at, Raw: line, Fact: e}))
	} else if strings.Contains(rest, "PHP message: ") || strings.Contains(rest, " said into std") {
		return appLogLine(src, line, at, emit)
	}
	return true
}

// maxEventText bounds the message an event carries: enough for two lines of a terminal.
const maxEventText = 300

func clip(s string, most int) string {
	if len(s) > most {
		return s[:most]
	}
	return s
}

// lineStamp takes the wrappers and the time off a line.
func lineStamp(line []byte) (stamp, string) {
	e := unwrap(line)
	s, msg, ok := leadStamp(string(e.Msg))
	if !ok {
		msg = strings.TrimSpace(string(e.Msg))
	}
	if !e.Time.IsZero() && (!ok || e.Clock == ZonedClock && s.clock() != ZonedClock) {
		s = stamp{t: e.Time, local: e.Time}
		if e.Clock == ZonedClock {
			s.offset = Some(0)
		}
	}
	return s, msg
}

func fpmLevel(msg string) (level, rest string) {
	for _, level := range []string{"NOTICE", "WARNING", "ERROR", "ALERT", "DEBUG"} {
		if rest, ok := strings.CutPrefix(msg, level+": "); ok {
			if strings.HasPrefix(rest, "pid ") { // DEBUG: pid 1234, fpm_event_loop(), line 419: ...
				if i := strings.Index(rest, ": "); i > 0 {
					rest = rest[i+2:]
				}
			}
			return level, rest
		}
	}
	return "", msg
}

// fpmEvent reads the message behind the level; nil when it says nothing of interest.
func fpmEvent(msg string) *PoolEvent {
	e := &PoolEvent{}
	if rest, ok := strings.CutPrefix(msg, "[pool "); ok {
		name, after, ok := strings.Cut(rest, "] ")
		if !ok {
			return nil
		}
		e.Pool, msg = name, after
	}
	switch {
	case strings.HasPrefix(msg, "server reached pm.max_children setting ("), strings.HasPrefix(msg, "server reached max_children setting ("):
		e.Event, e.Limit = "max-children", numberAfter(msg, "(")
	case strings.HasPrefix(msg, "seems busy"):
		e.Event = "seems-busy"
	case strings.HasPrefix(msg, "child ") && strings.Contains(msg, " exited on signal "):
		e.Event, e.PID, e.Signal = "child-killed", numberAfter(msg, "child "), numberAfter(msg, " exited on signal ")
	case strings.HasPrefix(msg, "child ") && strings.Contains(msg, " exited with code "):
		if code := numberAfter(msg, " exited with code "); code.N == 0 {
			return nil // pm.max_requests, or an idle child sent home
		}
		e.Event, e.PID = "child-exited", numberAfter(msg, "child ")
	case strings.HasPrefix(msg, "child ") && (strings.Contains(msg, "executing too slow") || strings.Contains(msg, "execution timed out")):
		e.Event, e.PID = "slow", numberAfter(msg, "child ")
	case strings.HasPrefix(msg, "fpm is running"), strings.HasPrefix(msg, "ready to handle connections"):
		e.Event, e.PID = "started", numberAfter(msg, "pid ")
	case strings.HasPrefix(msg, "Reloading in progress"), strings.HasPrefix(msg, "reloading: execvp"):
		e.Event = "reloaded"
	case strings.HasPrefix(msg, "Terminating"), strings.HasPrefix(msg, "exiting, bye-bye"):
		e.Event = "terminating"
	default:
		return nil
	}
	return e
}
