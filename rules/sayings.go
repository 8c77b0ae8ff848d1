package rules

import "strconv"

// saying puts a signature into words.
func saying(signature string) string {
	if words := sayings[signature]; words != "" {
		return "that " + words
	}
	return strconv.Quote(signature)
}

var sayings = map[string]string{
	"upstream-timeout":   "what it asked did not answer in time",
	"upstream-closed":    "what it asked hung up",
	"open-files":         "it may open no more files, sockets among them",
	"no-ports":           "no local port is left to reach what it asks",
	"no-route":           "the network has no way to what it asks",
	"name-unknown":       "a name could not be resolved",
	"upstream-tls":       "the TLS handshake with what it asked failed",
	"upstream-header":    "what it asked sent a header larger than its buffer",
	"socket-denied":      "it may not open the socket",
	"no-live-upstreams":  "no upstream is left",
	"connect-refused":    "its connection was refused",
	"socket-unavailable": "the socket's queue is full",
	"socket-missing":     "the socket is not there",
	"limit-req":          "it refused by limit_req",
	"limit-conn":         "it refused by limit_conn",
	"worker-connections": "it has no connection left",
	"server-full":        "all its workers are busy",
	"cannot-start":       "it cannot have its port and does not start",
	"port-taken":         "another program has its port",
	"config-refused":     "it cannot use its configuration",
	"script-missing":     "PHP does not find the script it is to run",
	"file-missing":       "a file is not there",
	"file-denied":        "it may not read a file",
	"denied-by-rule":     "a rule denies it",
	"redirect-loop":      "its rewrites lead in a circle",
	"body-too-large":     "a body was larger than it takes",
	"no-memory":          "it was given no memory",
	"zone-full":          "a shared zone of its own is full",
	"lua-failed":         "its Lua code failed",
	"upstream-invalid":   "what it asked sent no valid answer",
	"php-time-limit":     "PHP's max_execution_time was reached",
	"worker-killed":      "a worker was ended by SIGKILL",
	"php-memory-limit":   "PHP's memory_limit was reached",
	"heap-limit":         "Node's heap reached its limit",
	"memory-limit":       "its memory limit was reached",
	"php-fatal":          "PHP failed",
	"disk-full":          "the disk is full",
	"cert-expired":       "clients refuse its certificate as expired",
	"db-gone":            "the database cannot be reached",
	"db-lock":            "it waits for the database's locks",
	"part-missing":       "a part of the program is not there",
	"cert-refused":       "a certificate that it was shown is not valid",
	"db-connections":     "the database takes no more connections",
	"redis-refused":      "Redis refused or dropped its connection",
	"redis-timeout":      "Redis did not answer in time",
	"redis-busy":         "Redis is busy with a script",
	"redis-readonly":     "the Redis it writes to is a replica",
	"redis-auth":         "Redis refuses its password",
	"redis-cluster":      "Redis's cluster is down",
	"redis-loading":      "Redis is still loading",
	"redis-maxclients":   "Redis takes no more clients",
	"redis-misconf":      "Redis refuses writes because it cannot save",
	"redis-oom":          "Redis refuses writes at its limit",
	"worker-timeout":     "a worker took too long and was ended",
	"queue-full":         "the queue before its workers is full",
	"no-endpoint":        "a service has no pod that is ready",
	"session-lock":       "it waits for a session lock",
	"session-lock-503":   "it gave up waiting for a session lock",
}
