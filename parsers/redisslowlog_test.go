package parsers

import "testing"

func FuzzRedisSlowlog(f *testing.F) { fuzzParser(f, "redis-slowlog") }
func FuzzRedisMonitor(f *testing.F) { fuzzParser(f, "redis-monitor") }

func TestShowArgs(t *testing.T) {
	is := func(want string, args ...string) {
		t.Helper()
		if got := showArgs(args); got != want {
			t.Errorf("%q: %q, want %q", args, got, want)
		}
	}
	is("***", "auth", "hunter2")
	is("***", "CONFIG", "SET", "requirepass", "hunter2")
	is("SET maxmemory 2gb", "CONFIG", "SET", "maxmemory", "2gb")
	is("sess:1 172800 (10 bytes)", "SETEX", "sess:1", "172800", `a:1:{"x";}`)
	is("wc_session_*", "KEYS", "wc_session_*")
	is("", "SAVE")
}
