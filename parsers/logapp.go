package parsers

import "sync"

// appFact is what an application says through syslog or journald; nil when it names no cause. Programs of the system speak of
// their own connections.
func appFact(m *message) Fact {
	if isSystemProgram(m.Program) {
		return nil
	}
	signature, about := appSignature(m.Msg)
	if signature == "" {
		return nil
	}
	return &AppEvent{Signature: signature, Program: string(m.Program), Session: about, Text: appText(string(m.Msg))}
}

// maybeApp is a look before the rest of appSignature, which takes 1 µs: every message that it gives a signature to has one of
// these texts.
func maybeApp(msg []byte) bool {
	_, any := appTexts().find(msg)
	return any
}

var appTexts = sync.OnceValue(func() *textSet {
	return newTextSet([]string{
		"OOM command", "max number of clients", "MISCONF ", "stop-writes-on", "READONLY You", "NOAUTH Auth", "WRONGPASS ", "ERR invalid password",
		"ERR AUTH <pass", "CLUSTERDOWN ", "BUSY Redis", "LOADING Redis", "Redis is loading", "Session concurrency", "ConcurrentConnections",
		"max_concurrency", " for lock on ID", "Broke lock", "broke lock", "zombie waiter", "session lock", "lock for session", "JavaScript heap",
		"Allowed memory size", "OutOfMemoryError", "NoMemory", "No space left", "ENOSPC", "MySQL server", "SQLSTATE[HY000]", "mysqli_sql",
		"ECONNREFUSED", "could not connect", "database system is", "Lock wait timeout", "Deadlock found", "EAI_AGAIN", "ENOTFOUND", "name resolution",
		"Name or service", "php_network_get", "no such host", "misbehaving", "EMFILE", "oo many open files", "Cannot find module", "ModuleNotFound",
		"ClassNotFound", "NoClassDef", "certificate", "CERT_HAS", "oo many connections", "too many clients", "connection slots", "max_user_conn", "QueuePool limit", "HikariPool", "connection pool", "onnectionTimeoutError",
		"WORKER TIMEOUT", "HARAKIRI ON", "sent SIGKILL", "killed by signal 9", "uWSGI listen", "queue is full", "any active Endpoint", "endpoints available",
		"dial tcp ", "upstreams available", "EADDRINUSE", "reach database", "ConnectionBad", "MongoServer", "MongoNetwork",
		// of Redis, whatever words stand around them
		"onnection refused", "econnrefused", "went away", "onnection reset by peer", "onnection lost", "closed the connection", "Could not connect",
		"read session data", "an't connect", "onnection closed", "rror on connection", "imed out", "imeout reading", "imeout waiting", "imedout",
		"ETIMEDOUT", "CONNECTION REFUSED", "CONNECTION CLOSED", "CONNECTION LOST", "TIMED OUT", "imeoutException", "imeoutError",
	})
})
