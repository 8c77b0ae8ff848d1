package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"culprit/correlate"
	"culprit/parsers"
)

// agrees is how near a prediction must come to what a real server does.
const agrees = 0.1

// TestTTLHoldsOnRealRedis writes keys at a fixed pace, first without expiry, as the tea shop did, then with a TTL. The replay
// is given the first run, an hour for each second, and must say how many keys live at once in the second.
func TestTTLHoldsOnRealRedis(t *testing.T) {
	const (
		pace = 2000 // keys a second
		ttl  = time.Second
		day  = 3600 // the replay is told so many seconds for each: it says nothing about runs of less than an hour
	)
	rdb := realRedis(t)
	for try := 1; ; try++ {
		predicted, measured, late := underTTL(t, rdb, pace, ttl, day)
		switch {
		case late < ttl/20 || isNear(predicted, measured):
			near(t, "keys under the TTL", predicted, measured)
			return
		case try == 5: // a pace that is none proves nothing
			t.Skipf("this machine is too busy to write %d keys a second: it stood still for %v", pace, late)
		}
		flush(t, rdb)
	}
}

// underTTL is how many keys the replay says live at once under a TTL, how many do, and by how much the writer was late.
func underTTL(t *testing.T, rdb *redis.Client, pace int, ttl, day time.Duration) (predicted, measured int64, late time.Duration) {
	t.Helper()
	start := time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)
	g := &correlate.Growth{}
	written, late := writePaced(t, rdb, pace, 3*ttl, 0, func(at time.Duration) {
		g.Run = append(g.Run, correlate.Snapshot{At: start.Add(at * day), Placed: true, NoTTL: parsers.Some(keysOf(t, rdb))})
	})
	predicted, _, ok := g.UnderTTL(ttl * day)
	if !ok {
		t.Fatalf("no replay of %d snapshots", len(g.Run))
	}
	flush(t, rdb)
	var steady []int64
	_, lateAgain := writePaced(t, rdb, pace, 3*ttl, ttl, func(at time.Duration) {
		if at > ttl*3/2 {
			steady = append(steady, keysOf(t, rdb))
		}
	})
	sum := int64(0)
	for _, n := range steady {
		sum += n
	}
	measured = sum / int64(max(len(steady), 1))
	t.Logf("%d keys without expiry; under a TTL of %s the replay says %d, measured %d", written, ttl, predicted, measured)
	// And they go: nothing is left of them a moment after the last write.
	until(t, "the keys to expire", func() bool { return keysOf(t, rdb) == 0 })
	return predicted, measured, max(late, lateAgain)
}

// TestLimitHoldsOnRealRedis fills a server without limit and has verify say from its INFO what a limit would have done;
// then the same writes go to the server with that limit.
func TestLimitHoldsOnRealRedis(t *testing.T) {
	const (
		keys  = 20_000
		value = 1000 // bytes, as a serialized cart of the tea shop
		limit = 12 << 20
	)
	rdb := realRedis(t)
	if _, refused := write(t, rdb, keys, value); refused > 0 {
		t.Fatalf("%d writes refused without a limit", refused)
	}
	dir := t.TempDir()
	info, err := rdb.Info(t.Context(), "all").Result()
	if err != nil {
		t.Fatal(err)
	}
	os.WriteFile(filepath.Join(dir, "redis-info.txt"), []byte(info), 0o644)
	os.WriteFile(filepath.Join(dir, "redis.conf"), []byte("bind 127.0.0.1\nport 6379\nappendonly no\nsave 3600 1\ndbfilename dump.rdb\nrdbcompression yes\n"), 0o644)

	for policy, said := range map[string]string{
		"allkeys-lru": `([\d,]+) keys are evicted by allkeys-lru`,
		"noeviction":  `([\d,]+) writes of new keys are refused under noeviction`,
	} {
		t.Run(policy, func(t *testing.T) {
			predicted := verified(t, dir, limit, policy, said)
			flush(t, rdb)
			config(t, rdb, "maxmemory", strconv.Itoa(limit))
			config(t, rdb, "maxmemory-policy", policy)
			defer config(t, rdb, "maxmemory", "0")
			before := infoOf(t, rdb, "stats", "evicted_keys")
			held, refused := write(t, rdb, keys, value)
			evicted := infoOf(t, rdb, "stats", "evicted_keys") - before
			used := infoOf(t, rdb, "memory", "used_memory")
			now := keysOf(t, rdb)
			t.Logf("limit %d: verify says %d; %d evicted, %d refused, %d keys, used_memory %d", limit, predicted, evicted, refused, now, used)
			// Redis looks before a command and not during it: what one batch and its answer take comes on top.
			if used > limit+batch*(value+200) {
				t.Errorf("used_memory %d above the limit of %d", used, limit)
			}
			if policy == "noeviction" {
				near(t, "writes refused", predicted, int64(refused))
				near(t, "keys held when writes are refused", keys-predicted, int64(held))
				if evicted != 0 {
					t.Errorf("%d keys evicted", evicted)
				}
				return
			}
			near(t, "keys evicted", predicted, evicted)
			near(t, "keys left", keys-predicted, now)
			if refused != 0 {
				t.Errorf("%d writes refused", refused)
			}
		})
	}
}

// verified asks verify what a limit would have done to the server whose INFO lies in dir.
func verified(t *testing.T, dir string, limit int, policy, said string) int64 {
	t.Helper()
	patch := filepath.Join(t.TempDir(), "limit.patch")
	text := fmt.Sprintf("--- a/redis.conf\n+++ b/redis.conf\n@@ -6 +6,3 @@\n rdbcompression yes\n+maxmemory %d\n+maxmemory-policy %s\n", limit, policy)
	os.WriteFile(patch, []byte(text), 0o644)
	code, out, stderr := culprit(t, "verify", "--patch", patch, dir)
	m := regexp.MustCompile(said).FindStringSubmatch(strings.Join(strings.Fields(out), " "))
	if code != exitOK || m == nil {
		t.Fatalf("exit %d, want %q in\n%s%s", code, said, out, stderr)
	}
	n, err := strconv.ParseInt(strings.ReplaceAll(m[1], ",", ""), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func near(t *testing.T, what string, predicted, measured int64) {
	t.Helper()
	if !isNear(predicted, measured) {
		t.Errorf("%s: predicted %d, measured %d", what, predicted, measured)
	}
}

func isNear(predicted, measured int64) bool {
	return measured > 0 && math.Abs(float64(predicted-measured)) <= agrees*float64(measured)
}

// realRedis starts a redis-server of the test's own on a free port of the loopback.
func realRedis(t *testing.T) *redis.Client {
	t.Helper()
	server, err := exec.LookPath("redis-server")
	if err != nil {
		t.Skip("redis-server is not installed: the replay is not held against a real one")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	_, port, _ := net.SplitHostPort(addr)
	l.Close()
	// hz and effort: a few thousand keys are expired as promptly as a large server's many, which its cycle meets more often.
	cmd := exec.Command(server, "--bind", "127.0.0.1", "--port", port, "--save", "", "--appendonly", "no", "--dir", t.TempDir(),
		"--daemonize", "no", "--hz", "100", "--active-expire-effort", "10")
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	rdb := redis.NewClient(&redis.Options{Addr: addr, DisableIdentity: true, MaxRetries: -1})
	t.Cleanup(func() {
		rdb.Close()
		cmd.Process.Kill()
		cmd.Wait()
	})
	until(t, "redis-server to answer", func() bool { return rdb.Ping(t.Context()).Err() == nil })
	// Another's server on that port would be flushed.
	if pid := infoOf(t, rdb, "server", "process_id"); pid != int64(cmd.Process.Pid) {
		t.Fatalf("port %s is answered by pid %d, not by %d:\n%s", port, pid, cmd.Process.Pid, log.Bytes())
	}
	return rdb
}

// until polls for a condition.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-ctx.Done():
			t.Fatalf("waited in vain for %s", what)
		case <-tick.C:
		}
	}
}

// batch is how many writes go at once.
const batch = 20

// writePaced writes keys at a pace for so long, each living for ttl (0 = for ever), and calls look some twenty times. It tells
// how many it wrote, and for how long at most it wrote none.
func writePaced(t *testing.T, rdb *redis.Client, pace int, length, ttl time.Duration, look func(at time.Duration)) (written int, late time.Duration) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	start, n, looked := time.Now(), 0, time.Duration(0)
	last := time.Duration(0)
	for at := time.Duration(0); at < length; at = time.Since(start) {
		late, last = max(late, at-last), at
		pipe := rdb.Pipeline()
		for due := int(at.Seconds() * float64(pace)); n < due; n++ {
			pipe.Set(t.Context(), "wc_session_"+strconv.Itoa(n), "cart", ttl)
		}
		if _, err := pipe.Exec(t.Context()); err != nil {
			t.Fatal(err)
		}
		if at-looked >= length/20 || looked == 0 {
			look(at)
			looked = at
		}
		<-tick.C
	}
	return n, late
}

// write writes keys that never expire, and tells how many there were when the first was refused, and how many were refused
// in all.
func write(t *testing.T, rdb *redis.Client, keys, size int) (held, refused int) {
	t.Helper()
	value := strings.Repeat("c", size)
	for i := 0; i < keys; i += batch {
		pipe := rdb.Pipeline()
		for j := range batch {
			pipe.Set(t.Context(), "wc_session_"+strconv.Itoa(i+j), value, 0)
		}
		replies, _ := pipe.Exec(t.Context())
		for _, r := range replies {
			switch err := r.Err(); {
			case err == nil:
				if refused == 0 {
					held++
				}
			case strings.HasPrefix(err.Error(), "OOM command not allowed"):
				refused++
			default:
				t.Fatal(err)
			}
		}
	}
	return held, refused
}

func flush(t *testing.T, rdb *redis.Client) {
	t.Helper()
	if err := rdb.FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
}

func config(t *testing.T, rdb *redis.Client, name, value string) {
	t.Helper()
	if err := rdb.ConfigSet(t.Context(), name, value).Err(); err != nil {
		t.Fatal(err)
	}
}

func keysOf(t *testing.T, rdb *redis.Client) int64 {
	t.Helper()
	n, err := rdb.DBSize(t.Context()).Result()
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// infoOf is one number of INFO.
func infoOf(t *testing.T, rdb *redis.Client, section, field string) int64 {
	t.Helper()
	text, err := rdb.Info(t.Context(), section).Result()
	if err == nil {
		err = errors.New("no " + field)
		for l := range strings.Lines(text) {
			if v, ok := strings.CutPrefix(strings.TrimSpace(l), field+":"); ok {
				n, err := strconv.ParseInt(v, 10, 64)
				if err != nil {
					t.Fatal(err)
				}
				return n
			}
		}
	}
	t.Fatal(err)
	return 0
}
