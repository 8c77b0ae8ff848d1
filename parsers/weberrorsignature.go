package parsers

import (
	"bytes"
	"slices"
	"sync"
)

// webErrorSignature names what an error message is about; "other" when it is none of the known things. What an application
// said about Redis (through FastCGI's stderr, or a proxied Node or Python process) goes before what nginx made of it.
func webErrorSignature(msg []byte) string {
	if s := redisSignature(msg); s != "" {
		return s
	}
	texts := webTexts()
	found, _ := texts.find(msg)
	for i, s := range webSignatures {
		if found.has(texts.first[i]) && containsAll(msg, s.parts[1:]) {
			return s.name
		}
	}
	return "other"
}

// redisSignature names what an application says about Redis or its session lock, "" when it says nothing of it. The texts
// are Redis' own replies (redis/src/server.c), phpredis', Predis', Credis', ioredis' and redis-py's.
func redisSignature(msg []byte) string {
	has := func(parts ...string) bool {
		for _, p := range parts {
			if bytes.Contains(msg, []byte(p)) {
				return true
			}
		}
		return false
	}
	texts := redisReplies()
	if found, any := texts.find(msg); any {
		for i := range found.all() {
			return redisReplySignatures[i].name
		}
	}
	if !has("Redis", "redis", "REDIS", ":6379", ":6380", "Predis") {
		return ""
	}
	if has("mysqli", "SQLSTATE", "PDOException", "MySQL server") && !has("RedisException", "Predis") {
		return "" // a database's trouble, with a plug-in's path in the stack trace
	}
	switch {
	case has("onnection refused", "ECONNREFUSED", "(111:", "went away", "Connection lost", "onnection closed", "onnection reset", "ECONNRESET", "server closed the connection"):
		return "redis-refused"
	case has("timed out", "timeout", "Timeout", "ETIMEDOUT", "read error on connection"):
		return "redis-timeout"
	case has("No such file or directory") && has("RedisException", "Connection to Redis", "redis.sock"):
		return "redis-refused"
	}
	return ""
}

// redisReplySignatures are tried in order.
var redisReplySignatures = []struct{ name, part string }{
	{"redis-oom", "OOM command not allowed"},
	{"redis-misconf", "MISCONF "},
	{"redis-readonly", "READONLY You can't write"},
	{"redis-auth", "NOAUTH Authentication required"},
	{"redis-auth", "WRONGPASS "},
	{"redis-cluster", "CLUSTERDOWN "},
	{"redis-busy", "BUSY Redis is busy"},
	{"redis-loading", "LOADING Redis"},
	{"redis-loading", "Redis is loading the dataset"},
	{"session-lock", "session lock"},
	{"session-lock", "Session lock"},
	{"session-lock", "lock session"},
	{"session-lock", "session is locked"},
	{"session-lock", "Unable to obtain lock"},
	{"session-lock", "Failed to acquire session"},
	{"session-lock", "ConcurrentConnectionsExceeded"},
	{"session-lock", "zombie lock"},
	{"session-lock", "broke lock"},
	{"session-lock", "for lock on ID"},
	{"session-lock", "LockTimeoutException"},
}

var redisReplies = sync.OnceValue(func() *textSet {
	var texts []string
	for _, s := range redisReplySignatures {
		texts = append(texts, s.part)
	}
	return newTextSet(texts)
})

// webTexts knows the first parts of webSignatures, and which of them each has.
var webTexts = sync.OnceValue(func() (w struct {
	*textSet
	first []textHits
}) {
	var texts []string
	for _, s := range webSignatures {
		if !slices.Contains(texts, s.parts[0]) {
			texts = append(texts, s.parts[0])
		}
	}
	w.textSet = newTextSet(texts)
	for _, s := range webSignatures {
		var h textHits
		h.set(slices.Index(texts, s.parts[0]))
		w.first = append(w.first, h)
	}
	return w
})

// webSignatures are tried in order; all parts must stand in the message.
var webSignatures = []struct {
	name  string
	parts []string
}{
	{"db-gone", []string{"MySQL server has gone away"}},
	{"db-gone", []string{"Lost connection to MySQL server"}},
	{"db-gone", []string{"SQLSTATE[HY000] [2002]"}},
	{"db-gone", []string{"mysqli_sql_exception: No such file or directory"}},
	{"db-gone", []string{"mysqli_sql_exception: Connection refused"}},
	{"db-lock", []string{"Lock wait timeout exceeded"}},
	{"name-unknown", []string{"php_network_getaddresses"}},
	{"name-unknown", []string{"Temporary failure in name resolution"}},
	{"db-connections", []string{"Too many connections"}},
	{"db-connections", []string{"too many clients already"}}, // PostgreSQL
	{"db-connections", []string{"max_user_connections"}},
	{"db-connections", []string{"remaining connection slots are reserved"}},
	{"db-gone", []string{"Can't connect to MySQL server"}},
	{"db-gone", []string{"Can't connect to local MySQL server"}},
	{"php-memory-limit", []string{"Allowed memory size of"}},
	{"disk-full", []string{"No space left on device"}},
	{"php-time-limit", []string{"Maximum execution time of"}},
	{"php-fatal", []string{"PHP Fatal error"}},
	{"php-fatal", []string{"PHP Parse error"}},
	{"script-missing", []string{"Primary script unknown"}},
	{"script-missing", []string{"Unable to open primary script"}},
	{"script-missing", []string{"No input file specified"}},
	{"open-files", []string{"(24: Too many open files)"}},
	{"no-ports", []string{"(99: Cannot assign requested address)", "pstream"}}, // every local port to it is taken; not bind() at the start
	{"no-ports", []string{"(99: Address not available)", "pstream"}},
	{"no-route", []string{"connect() ", "(113: "}},
	{"no-route", []string{"connect() ", "(101: "}},
	{"name-unknown", []string{"could not be resolved"}},
	{"name-unknown", []string{"host not found in upstream"}},
	{"name-unknown", []string{"DNS lookup failure for"}}, // Apache
	{"upstream-tls", []string{"SSL_do_handshake() failed", "to upstream"}},
	{"upstream-tls", []string{"upstream SSL certificate"}},
	{"upstream-tls", []string{"while SSL handshaking to upstream"}},
	{"upstream-header", []string{"upstream sent too big header"}},
	{"socket-denied", []string{"connect() to unix:", "Permission denied"}},
	{"no-live-upstreams", []string{"no live upstreams"}},
	{"upstream-timeout", []string{"upstream timed out"}},
	{"upstream-timeout", []string{"connect() ", "(110: "}},
	{"upstream-timeout", []string{"The timeout specified has expired"}}, // Apache
	{"upstream-timeout", []string{"lua tcp socket", "timed out"}},       // OpenResty
	{"upstream-invalid", []string{"upstream sent invalid"}},
	{"upstream-invalid", []string{"upstream sent no valid HTTP"}},
	{"upstream-closed", []string{"upstream prematurely closed"}},
	{"upstream-closed", []string{"Connection reset by peer", "upstream"}},
	{"upstream-closed", []string{"Broken pipe) while sending request to upstream"}},
	{"upstream-closed", []string{"nothing to read from backend"}},        // LiteSpeed's module
	{"upstream-closed", []string{"End of script output before headers"}}, // Apache
	{"connect-refused", []string{"connect() ", "Connection refused"}},
	{"connect-refused", []string{"attempt to connect to", "Connection refused"}}, // Apache
	{"socket-unavailable", []string{"connect() to unix:", "Resource temporarily unavailable"}},
	{"socket-missing", []string{"connect() to unix:", "No such file or directory"}},
	{"limit-req-delay", []string{"delaying request"}},
	{"limit-req", []string{"limiting requests"}},
	{"limit-conn", []string{"limiting connections"}},
	{"worker-connections", []string{"worker_connections are not enough"}},
	{"server-full", []string{"server reached Max"}}, // Apache: MaxRequestWorkers, once called MaxClients; said once until it has room
	{"server-full", []string{"scoreboard is full"}},
	{"cert-expired", []string{"alert certificate expired"}}, // the client's word for what it thinks of the site's certificate
	{"worker-killed", []string{"exited on signal 9"}},
	{"worker-killed", []string{"exit signal Killed (9)"}}, // Apache
	{"exit", []string{"exited on signal"}},
	{"exit", []string{"exited with code"}},
	{"reload", []string{"reconfiguring"}},
	{"reload", []string{"(SIGHUP) received"}},
	{"reload", []string{"signal process started"}},
	{"cannot-start", []string{"still could not bind()"}},
	{"cannot-start", []string{"no listening sockets available, shutting down"}}, // Apache
	{"port-taken", []string{"(98: Address already in use)"}},
	{"port-taken", []string{"(98)Address already in use"}}, // Apache
	{"file-missing", []string{"(2: No such file or directory)"}},
	{"file-denied", []string{"(13: Permission denied)"}},
	{"file-denied", []string{"directory index of", "is forbidden"}},
	{"denied-by-rule", []string{"access forbidden by rule"}},
	{"denied-by-rule", []string{"ModSecurity: Access denied"}},
	{"redirect-loop", []string{"rewrite or internal redirection cycle"}},
	{"redirect-loop", []string{"exceeded the limit of 10 internal redirects"}}, // Apache
	{"body-too-large", []string{"client intended to send too large body"}},
	{"no-memory", []string{"(12: Cannot allocate memory)"}},
	{"zone-full", []string{"could not allocate node"}},
	{"lua-failed", []string{"lua entry thread aborted"}},
	{"lua-failed", []string{"failed to run "}},
	{"start", []string{"start worker process"}},
	{"start", []string{"resuming normal operations"}}, // Apache
	{"exit", []string{"gracefully shutting down"}},
	{"exit", []string{"(SIGTERM) received"}},
	{"exit", []string{"(SIGQUIT) received"}},
	{"exit", []string{"caught SIGTERM"}}, // Apache
}

// blankSecrets blanks what stands behind the names of secrets: auth('...') of a PHP stack trace, PHPSESSID=..., token=....
func blankSecrets(b []byte) []byte {
	if !hasSecretName(b) {
		return b
	}
	var out []byte
	done := 0 // b up to here is in out
	for i := 0; i < len(b); i++ {
		if c := b[i]; c != '=' && c != '\'' && c != '"' && c != ':' && c != '_' {
			continue // every name below ends in one of these
		}
		if !endsInSecretName(b[:i+1]) {
			continue
		}
		n := i + 1
		for n < len(b) && bytes.IndexByte([]byte("'\"&;, )\n"), b[n]) < 0 {
			n++
		}
		if n > i+1 {
			out = append(append(out, b[done:i+1]...), "***"...)
			done, i = n, n-1
		}
	}
	if out == nil {
		return b
	}
	return append(out, b[done:]...)
}

func endsInSecretName(b []byte) bool {
	for _, name := range secretNames {
		if bytes.HasSuffix(b, []byte(name)) {
			return true
		}
	}
	return false
}

var secretNames = []string{"auth('", "auth(\"", "PHPSESSID=", "PHPREDIS_SESSION:", "sess_", "token=", "password=", "passwd=", "pwd=", "secret=", "api_key=", "apikey="}

// hasSecretName is a look ahead: to try the names at every sign took half the time of an error log.
func hasSecretName(b []byte) bool {
	_, any := longSecretNames().find(b)
	return any || bytes.Contains(b, []byte("sess_")) || bytes.Contains(b, []byte("pwd="))
}

var longSecretNames = sync.OnceValue(func() *textSet {
	return newTextSet(slices.DeleteFunc(slices.Clone(secretNames), func(n string) bool { return n == "sess_" || n == "pwd=" }))
})
