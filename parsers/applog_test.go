package parsers

import "testing"

func FuzzAppLog(f *testing.F)      { fuzzParser(f, "app-log") }
func FuzzRedisScript(f *testing.F) { fuzzParser(f, "redis-script") }

func TestAppSignature(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		if got, _ := appSignature([]byte(in)); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	f("Predis\\Connection\\ConnectionException: Connection refused [tcp://redis:6379]", "redis-refused")
	f("Redis server went away", "redis-refused")
	f("redis.exceptions.ConnectionError: Error 111 connecting to localhost:6379. Connection refused.", "redis-refused")
	f("redis.exceptions.TimeoutError: Timeout reading from socket", "redis-timeout")
	f("SQLSTATE[HY000] [2002] Connection refused", "db-gone")
	f("Error: getaddrinfo EAI_AGAIN db.internal.example.com", "name-unknown")
	f("Error: Cannot find module 'ioredis'", "part-missing")
	f("SQLSTATE[HY000]: General error: 1205 Lock wait timeout exceeded; try restarting transaction", "db-lock")
	f("Error: EMFILE: too many open files, open '/app/views/cart.ejs'", "open-files")
	f("write failed: No space left on device", "disk-full")
	f("FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory", "heap-limit")
	f("RedisException: BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.", "redis-busy")
	f("order 7 paid", "")
}

func TestTestsNoTTL(t *testing.T) {
	f := func(cond string, want bool) {
		t.Helper()
		if got := testsNoTTL(cond, map[string]bool{"left": true}); got != want {
			t.Errorf("%q: %v, want %v", cond, got, want)
		}
	}
	f(`"$ttl" -eq "-1"`, true)
	f(`$left == -1`, true)
	f(`"${ttl}" -lt 0`, true)
	f(`$(redis-cli TTL "$k") -eq -1`, true)
	f(`"$ttl" -gt 86400`, false)
	f(`"$ttl" -ne -1`, false)
	f(`"$count" -eq -1`, false)
	f(``, false)
}
func FuzzCronMail(f *testing.F) { fuzzParser(f, "cron-mail") }
