package parsers

import "testing"

func FuzzRedisLog(f *testing.F)     { fuzzParser(f, "redis-log") }
func FuzzRedisClients(f *testing.F) { fuzzParser(f, "redis-clients") }

func TestClassifyRedis(t *testing.T) {
	is := func(msg, event string) {
		t.Helper()
		if c, _ := classifyRedis([]byte(msg)); c.Event != event {
			t.Errorf("%q is %q, want %q", msg, c.Event, event)
		}
	}
	is("Can't rewrite append only file in background: fork: Cannot allocate memory", "fork-failed")
	is("Background AOF rewrite terminated by signal 9", "aof-rewrite-failed")
	is("Error writing to the AOF file: No space left on device", "disk-full")
	is("zmalloc: Out of memory trying to allocate 33554456 bytes", "alloc-failed")
	is("Connection with replica 192.0.2.9:6379 lost.", "replica-lost")
	is("Connection with master lost.", "master-lost")
	is("Partial resynchronization request from 192.0.2.9:6379 accepted. Sending 0 bytes of backlog", "resync-partial")
	is("+switch-master shop 192.0.2.1 6379 192.0.2.2 6379", "failover")
	is("Error: max number of clients reached", "maxclients")
	is("Lua slow script detected: still in execution after 5000 milliseconds.", "slow-script")
	is("Accepted 127.0.0.1:51542", "")
	is("monotonic clock: POSIX clock_gettime", "")
}

func TestRedisLogFact(t *testing.T) {
	e, when, ok := redisLogFact([]byte("1:M 10 May 2026 18:42:33.089 # Background saving terminated by signal 9"))
	if !ok || e.Event != "save-killed" || e.Signal != Some(9) || e.PID != Some(1) || when.local.Format("2006-01-02 15:04:05.000") != "2026-05-10 18:42:33.089" {
		t.Error(e, when, ok)
	}
	if e, when, ok = redisLogFact([]byte("Background saving terminated by signal 9")); !ok || e.PID.OK || !when.local.IsZero() {
		t.Error(e, when, ok)
	}
	if _, _, ok = redisLogFact([]byte("Accepted 127.0.0.1:51542")); ok {
		t.Error("a connection is an event")
	}
}
