package parsers

import (
	"bytes"
	"strconv"
	"strings"
	"time"
)

// app-log is an application's own log in any shape, of which only the lines that name a cause are taken:
//
//	2026-03-03T10:04:59.417900+00:00 app[web.1]: Error (OOM command not allowed when used memory > 'maxmemory'.):
//	[2026-03-03T10:04:59.417900+00:00] main.CRITICAL: read error on connection to redis:6379 [] []
//	{"level":50,"time":1772532299417,"msg":"connect ECONNREFUSED 127.0.0.1:6379"}
//	2026-03-03T10:04:59+00:00 NOTICE (5): Session concurrency exceeded for sess_4f1c2d3e (7 waiting, 12 total requests)
//	[03-Mar-2026 10:04:59 UTC] PHP Fatal error:  Allowed memory size of 268435456 bytes exhausted
var _ = register(Parser{
	Name:  "app-log",
	Doc:   "application logs (PHP, monolog, heroku, pino, Cm_RedisSession, any other by its messages) -> app-event",
	Most:  SureShape - 10,
	Match: matchAppLog,
	Line:  appLogLine,
})

// matchAppLog stays below every parser that knows its format by a mark or a shape: these messages stand in their files too.
func matchAppLog(h *Head) int {
	events, shapes, lines := 0, 0, h.Lines(500)
	for _, line := range lines {
		if s, _ := appSignature(line); s != "" {
			events++
		}
		if appShape(line) {
			shapes++
		}
	}
	switch {
	case len(lines) == 0:
		return 0
	case shapes*2 > len(lines):
		return SureShape - 10
	case events*2 > len(lines), events > 0 && len(lines) <= 12, events >= 3:
		return SureHabit
	}
	return 0
}

// appShape knows the line shapes of common loggers; it lets a log be recognised that says nothing of interest.
func appShape(line []byte) bool {
	if bytes.Contains(line, []byte("] PHP ")) && line[0] == '[' {
		return true
	}
	if line[0] == '{' {
		return bytes.Contains(line, []byte(`"msg":`)) || bytes.Contains(line, []byte(`"message":`)) && bytes.Contains(line, []byte(`"level`))
	}
	if bytes.HasPrefix(line, []byte("[pid: ")) || bytes.Contains(line, []byte(" - *** uWSGI ")) {
		return true
	}
	if level, rest, ok := bytes.Cut(line, []byte(":")); ok && bytes.HasPrefix(rest, []byte("    ")) && namesLevel(string(level)) { // uvicorn
		return true
	}
	if bytes.HasPrefix(line, []byte("time=\"")) { // logfmt: Traefik, and what else logs by logrus
		return bytes.Contains(line, []byte(" level="))
	}
	s, rest, ok := leadStamp(string(line[:min(len(line), 200)]))
	if !ok || s.local.Year() == 0 {
		return false
	}
	if strings.HasPrefix(rest, "[") { // gunicorn: [pid] [LEVEL]
		if pid, after, ok := strings.Cut(rest[1:], "] "); ok && pid != "" && strings.Trim(pid, "0123456789") == "" {
			rest = after
		}
	}
	word, _, _ := strings.Cut(rest, " ")
	word = strings.Trim(word, "[]:(),-|")
	if i := strings.LastIndexByte(word, '.'); i >= 0 { // monolog: main.CRITICAL
		word = word[i+1:]
	}
	switch word {
	case "DEBUG", "INFO", "NOTICE", "WARN", "WARNING", "ERROR", "CRITICAL", "ALERT", "EMERGENCY", "FATAL", "ERR", "EMERG", "CRIT":
		return true
	}
	return strings.HasPrefix(rest, "app[") || strings.HasPrefix(rest, "heroku[") // heroku
}

func appLogLine(_ *Source, line []byte, at Pos, emit func(Record)) bool {
	signature, about := appSignature(line)
	if signature == "" {
		if e := pm2Exit(line); e != nil {
			s, _, _ := appStamp(line)
			emit(s.put(Record{At: at, Raw: line, Fact: e}))
			return true
		}
		return !hasOOMWording(line) // an application may say anything, but that is the kernel's
	}
	s, msg, program := appStamp(line)
	e := &AppEvent{Signature: signature, Program: program, Session: about, Text: appText(msg)}
	if _, rest, ok := strings.Cut(msg, " tries, "); ok { // Cm_RedisSession: "(6 tries, lock pid is x, 2.51544 seconds elapsed)"
		rest, _, _ = strings.Cut(rest, " seconds elapsed")
		if f, err := strconv.ParseFloat(rest[strings.LastIndexByte(rest, ' ')+1:], 64); err == nil && f >= 0 && f < 1e6 {
			e.WaitedS = SomeF(f)
		}
	}
	emit(s.put(Record{At: at, Raw: line, Fact: e}))
	return true
}

// appSignature names the cause a line speaks of, and the session it concerns.
func appSignature(line []byte) (signature, session string) {
	if !maybeApp(line) {
		return "", ""
	}
	has := func(s string) bool { return bytes.Contains(line, []byte(s)) }
	switch {
	case has("OOM command not allowed"):
		return "redis-oom", ""
	case has("max number of clients reached"):
		return "redis-maxclients", ""
	case has("MISCONF "), has("stop-writes-on-bgsave-error"):
		return "redis-misconf", ""
	case has("READONLY You can't write"):
		return "redis-readonly", ""
	case has("NOAUTH Authentication required"), has("WRONGPASS "), has("ERR invalid password"), has("ERR AUTH <password> called without any password"):
		return "redis-auth", ""
	case has("CLUSTERDOWN "):
		return "redis-cluster", ""
	case has("BUSY Redis is busy"):
		return "redis-busy", ""
	case has("LOADING Redis is loading"), has("Redis is loading the dataset in memory"):
		return "redis-loading", ""
	case has("Session concurrency exceeded"), has("ConcurrentConnectionsExceeded"), has("max_concurrency") && has("503"):
		return "session-lock-503", sessionOf(line)
	case has(" for lock on ID "), has("Broke lock"), has("broke lock"), has("zombie waiter"), has("Failed to acquire session lock"), has("acquire lock for session"), has("session lock") && has("time"):
		return "session-lock", sessionOf(line)
	case has("WORKER TIMEOUT (pid:"), has("HARAKIRI ON WORKER"): // gunicorn, uWSGI
		return "worker-timeout", ""
	case has("was sent SIGKILL! Perhaps out of memory?"), has("DAMN ! worker ") && has("killed by signal 9"): // the same
		return "worker-killed", ""
	case has("uWSGI listen queue of socket"), has("request queue is full"): // uWSGI, Passenger
		return "queue-full", ""
	case has("does not have any active Endpoint"), has("no endpoints available for service"): // ingress-nginx, Kubernetes
		return "no-endpoint", ""
	case has("JavaScript heap out of memory"):
		return "heap-limit", "" // the process ends by it
	case has("Allowed memory size of "), has("java.lang.OutOfMemoryError"), has("NoMemoryError"), has("failed to allocate memory (NoMemory"):
		return "memory-limit", ""
	case has("No space left on device"), has("ENOSPC"):
		return "disk-full", ""
	case has("MySQL server has gone away"), has("Lost connection to MySQL server"), has("Can't connect to MySQL server"), has("Can't connect to local MySQL server"), has("SQLSTATE[HY000] [2002]"),
		has("mysqli_sql_exception: No such file or directory"), has("mysqli_sql_exception: Connection refused"),
		(has("ECONNREFUSED") || has("ETIMEDOUT") || has("onnection refused")) && (has(":3306") || has(":5432") || has(":27017")), has("could not connect to server: Connection refused"), has("server closed the connection unexpectedly"),
		has("Can't reach database server at"), has("PG::ConnectionBad"), has("MongoServerSelectionError"), has("MongoNetworkError"), has("the database system is starting up"), has("the database system is shutting down"):
		return "db-gone", ""
	case has("Lock wait timeout exceeded"), has("Deadlock found when trying to get lock"):
		return "db-lock", ""
	case has("EAI_AGAIN"), has("getaddrinfo ENOTFOUND"), has("Temporary failure in name resolution"), has("Name or service not known"), has("php_network_getaddresses"), has("no such host"), has("server misbehaving") && has("lookup "):
		return "name-unknown", ""
	case has("EMFILE"), has("Too many open files"), has("too many open files"):
		return "open-files", ""
	case has("Error: Cannot find module"), has("ModuleNotFoundError: "), has("java.lang.ClassNotFoundException"), has("java.lang.NoClassDefFoundError"):
		return "part-missing", ""
	case has("certificate has expired"), has("CERT_HAS_EXPIRED"), has("certificate verify failed"), has("x509: certificate"), has("SSL certificate problem"):
		return "cert-refused", ""
	case has("Too many connections"), has("too many clients already"), has("remaining connection slots are reserved"), has("max_user_connections"), has("TimeoutError: QueuePool limit"), has("imed out fetching a new connection from the connection pool"), has("HikariPool") && has("Connection is not available"), has("ActiveRecord::ConnectionTimeoutError"):
		return "db-connections", ""
	}
	lower := bytes.ToLower(line[:min(len(line), 2000)])
	about := bytes.Contains(lower, []byte("redis")) || bytes.Contains(lower, []byte(":6379")) || bytes.Contains(lower, []byte("valkey"))
	switch {
	case about:
	case has("dial tcp ") && has("connection refused"): // Caddy, Traefik, and what else is written in Go
		return "connect-refused", ""
	case has("dial tcp ") && has("i/o timeout"):
		return "upstream-timeout", ""
	case has("no upstreams available"): // Caddy
		return "no-live-upstreams", ""
	case has("EADDRINUSE"):
		return "port-taken", ""
	}
	if !about {
		return "", ""
	}
	for _, sign := range []struct{ signature, text string }{
		{"redis-refused", "connection refused"}, {"redis-refused", "econnrefused"}, {"redis-refused", "went away"},
		{"redis-refused", "connection reset by peer"}, {"redis-refused", "connection lost"}, {"redis-refused", "server closed the connection"},
		{"redis-refused", "could not connect"}, {"redis-refused", "failed to read session data"}, {"redis-refused", "can't connect"}, {"redis-refused", "connection closed"},
		{"redis-timeout", "read error on connection"}, {"redis-timeout", "timed out"}, {"redis-timeout", "timeout reading"},
		{"redis-timeout", "timeout waiting"}, {"redis-timeout", "etimedout"}, {"redis-timeout", "timeoutexception"}, {"redis-timeout", "timeouterror"},
	} {
		if bytes.Contains(lower, []byte(sign.text)) {
			return sign.signature, ""
		}
	}
	return "", ""
}

// sessionOf gives the first 8 characters of the session that a line names: enough to tell two apart, too few to use.
func sessionOf(line []byte) string {
	_, id, ok := bytes.Cut(line, []byte("sess_"))
	if !ok {
		return ""
	}
	n := 0
	for n < len(id) && n < 8 && isIDByte(id[n]) {
		n++
	}
	return string(id[:n])
}

func isIDByte(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '-' || c == ','
}

// appText is the message with its session ids cut to 8 characters.
func appText(msg string) string {
	msg = clip(msg, maxEventText)
	for _, mark := range []string{"sess_", "PHPREDIS_SESSION:", "PHPSESSID="} {
		for from := 0; ; {
			i := strings.Index(msg[from:], mark)
			if i < 0 {
				break
			}
			start := from + i + len(mark)
			end := start
			for end < len(msg) && isIDByte(msg[end]) {
				end++
			}
			if end-start > 8 {
				msg = msg[:start+8] + "***" + msg[end:]
			}
			from = start
		}
	}
	return blankURLSecret(strings.ToValidUTF8(msg, "?"))
}

// appStamp finds the time of a line: in front of it, in the fields of a JSON object, or torn apart by a paste
// ("2026-03-03T10: 04: 59 + 00: 00").
func appStamp(line []byte) (stamp, string, string) {
	e := unwrap(line)
	program := string(e.Program)
	if strings.HasPrefix(program, "(") { // "NOTICE (5): " is Cm_RedisSession's level
		program = ""
	}
	s, msg := lineStamp(line)
	if s.clock() != NoClock {
		if program == "" { // heroku: "app[web.1]: message"
			if tag, rest, ok := strings.Cut(msg, ": "); ok && strings.HasSuffix(tag, "]") && !strings.ContainsAny(tag, " \"") && len(tag) < 40 {
				program, msg = tag, rest
			}
		}
		return s, msg, program
	}
	if len(e.Msg) > 0 && e.Msg[0] == '{' {
		return jsonStamp(e.Msg), msg, program
	}
	if rest, ok := bytes.CutPrefix(e.Msg, []byte("time=\"")); ok {
		text, _, _ := bytes.Cut(rest, []byte("\""))
		if s, ok := dateStamp(string(text[:min(len(text), 60)])); ok {
			return s, msg, program
		}
	}
	if len(line) > 20 && line[0] >= '0' && line[0] <= '9' {
		head, tail := string(line[:min(len(line), 48)]), string(line[min(len(line), 48):])
		mended := strings.NewReplacer(": ", ":", " + ", "+").Replace(head)
		if s, rest, ok := leadStamp(mended + tail); ok {
			return s, rest, program
		}
	}
	return s, msg, program
}

// jsonStamp looks for the usual names of the time in a JSON line: seconds or milliseconds since 1970, or a date.
func jsonStamp(line []byte) stamp {
	for _, name := range []string{`"time":`, `"timestamp":`, `"@timestamp":`, `"datetime":`, `"ts":`, `"date":`} {
		_, rest, ok := bytes.Cut(line, []byte(name))
		if !ok {
			continue
		}
		value := strings.TrimLeft(string(rest[:min(len(rest), 60)]), " ")
		if strings.HasPrefix(value, `"`) {
			text, _, _ := strings.Cut(value[1:], `"`)
			if s, ok := dateStamp(text); ok {
				return s
			}
			continue
		}
		end := 0
		for end < len(value) && (isDigit(value[end]) || value[end] == '.') {
			end++
		}
		f, err := strconv.ParseFloat(value[:end], 64)
		if err != nil || f < 1e9 || f > 1e14 {
			continue
		}
		if f < 1e11 {
			f *= 1000
		}
		t := time.UnixMilli(int64(f)).UTC()
		return stamp{t: t, local: t, offset: Some(0)}
	}
	return stamp{}
}
