package parsers

import (
	"bytes"
	"strings"
)

// mysql-log is the error log of mysqld or mariadbd; the lines about its life and its memory give events:
//
//	2026-07-12T06:01:11.123456Z 0 [System] [MY-010116] [Server] /usr/sbin/mysqld (mysqld 8.0.36) starting as process 912
//	2026-07-12 14:06:24 0 [Note] InnoDB: Initializing buffer pool, total size = 2.000GiB, chunk size = 128.000MiB
//	2026-07-12 14:06:24 0 [ERROR] InnoDB: Cannot allocate memory for the buffer pool
//	260712 14:06:24 mysqld_safe Number of processes running now: 0
var _ = register(Parser{
	Name:  "mysql-log",
	Doc:   "MySQL and MariaDB error log -> service-event of mysqld",
	Most:  SureMark - 10,
	Match: matchMySQLLog,
	Line:  mysqlLogLine,
})

func matchMySQLLog(h *Head) int {
	if !isMySQLText(h.Text) {
		return 0
	}
	hits, lines := 0, h.Lines(200)
	for _, line := range lines {
		_, msg := lineStamp(line)
		if isMySQLMessage(msg) {
			hits++
		}
	}
	switch {
	case hits*2 > len(lines):
		return SureMark - 10
	case hits >= 3:
		return SureHabit
	}
	return 0
}

// isMySQLText asks for one word that only MySQL's log has: other programs write [ERROR] too.
func isMySQLText(head []byte) bool {
	for _, word := range []string{"InnoDB", "mysqld", "mariadb", "[MY-0", "MariaDB", "Memory pressure event", "Aborted connection"} {
		if bytes.Contains(head, []byte(word)) {
			return true
		}
	}
	return false
}

// isMySQLMessage knows "0 [Note] ...", "[ERROR] InnoDB: ...", "InnoDB: ..." and mysqld_safe's lines.
func isMySQLMessage(msg string) bool {
	msg = strings.TrimLeft(unlisted(msg), "0123456789 ")
	for _, level := range []string{"[Note] ", "[Warning] ", "[ERROR] ", "[System] "} {
		if rest, ok := strings.CutPrefix(msg, level); ok {
			return !strings.HasPrefix(rest, "[pool ")
		}
	}
	return strings.HasPrefix(msg, "InnoDB: ") || strings.HasPrefix(msg, "mysqld_safe ") || strings.HasPrefix(msg, "Memory pressure event ") || strings.HasPrefix(msg, "Too many connections")
}

func mysqlLogLine(_ *Source, line []byte, at Pos, emit func(Record)) bool {
	s, msg := lineStamp(line)
	msg = unlisted(msg)
	if event := mysqlEvent(msg); event != "" {
		e := &ServiceEvent{Event: event, Program: "mysqld", Text: clip(msg, maxEventText)}
		switch event {
		case "started":
			e.PID = numberAfter(msg, " as process ")
		case "failed":
			if n := numberAfter(msg, "got signal "); n.OK {
				e.Result, e.Signal = "signal", signalName(n.N)
			}
		}
		emit(s.put(Record{At: at, Raw: line, Fact: e}))
	}
	return true // the log is full of text that belongs to the line above: stack traces, statements
}

// mysqlEvent names what a line says. "unclean" is a start that finds its files not shut down: the last run was killed.
func mysqlEvent(msg string) string {
	has := func(part string) bool { return strings.Contains(msg, part) }
	switch {
	case has("starting as process "), has("Starting MariaDB ") && has(" as process "), has("Starting mysqld daemon"), has("Starting mariadbd daemon"):
		return "started"
	case has("ready for connections"):
		return "ready"
	case has("Normal shutdown"), has("Received SHUTDOWN from user"), has("Shutdown complete"), has("from pid file") && has("ended"):
		return "stopped"
	case has("Number of processes running now: 0"), has("mysqld restarted"):
		return "restarted"
	case has("was not shut"), has("Starting crash recovery"), has("crash recovery is in progress"), has("Doing recovery: scanned"):
		return "unclean"
	case has("buffer pool, total size"), has("buffer pool, size"), has("Memory pressure event"), has("Resizing buffer pool"):
		return "buffer-pool"
	case has("annot allocate memory"), has("Out of memory"), has("errno 12"), has("OS error: 12"):
		return "alloc-failed"
	case has("got signal "):
		return "failed"
	case has("Too many connections"):
		return "too-many-connections"
	case has("No space left on device"), has("Disk is full"), has("disk full"), has("rror number 28.") || has("rror number 28 "), has("(errno: 28"), has("Errcode: 28"), has("OS errno 28"):
		return "disk-full"
	case has("The table '") && has("' is full"):
		return "table-full"
	case has("Aborting"):
		return "failed"
	}
	return ""
}

func signalName(n int64) string {
	switch n {
	case 6:
		return "ABRT"
	case 9:
		return "KILL"
	case 11:
		return "SEGV"
	case 15:
		return "TERM"
	}
	return ""
}
