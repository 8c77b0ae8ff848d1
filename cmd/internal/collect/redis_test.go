package collect

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"culprit/parsers"
)

// server is a real redis-server on loopback.
type server struct {
	t    *testing.T
	port int
	dir  string
	cmd  *exec.Cmd
}

func startRedis(t *testing.T, args ...string) *server {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Skip("redis-server is not installed")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{t: t, port: l.Addr().(*net.TCPAddr).Port, dir: t.TempDir()}
	l.Close()
	s.start(args...)
	t.Cleanup(s.kill)
	return s
}

func (s *server) start(args ...string) {
	s.t.Helper()
	s.cmd = exec.Command("redis-server", append([]string{"--port", fmt.Sprint(s.port), "--bind", "127.0.0.1", "--save", "", "--dir", s.dir}, args...)...)
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	for until := time.Now().Add(time.Minute); time.Now().Before(until); time.Sleep(10 * time.Millisecond) {
		if c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.port)); err == nil {
			c.Close()
			return
		}
	}
	s.t.Fatal("redis-server does not listen")
}

func (s *server) kill() {
	s.cmd.Process.Kill()
	s.cmd.Wait()
}

func (s *server) open(t *testing.T, notices *[]string) *Redis {
	t.Helper()
	r, err := OpenRedis(fmt.Sprintf("redis://127.0.0.1:%d", s.port), func(n string) { *notices = append(*notices, n) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// facts parses an answer as the recording of it would be.
func facts(t *testing.T, text []byte) (infos []parsers.RedisInfo, events []string) {
	t.Helper()
	p, ok := parsers.Detect("redis-info.txt", text)
	if !ok || p.Name != "redis-info" {
		p, _ = parsers.ByName("redis-info") // an error alone
	}
	src := &parsers.Source{Name: "redis-info.txt", R: bytes.NewReader(text)}
	if err := parsers.Read(p, src, func(r parsers.Record) {
		if r.Clock != parsers.ZonedClock {
			t.Errorf("no instant for %q", r.Raw)
		}
		switch f := r.Fact.(type) {
		case *parsers.RedisInfo:
			infos = append(infos, *f)
		case *parsers.AppEvent:
			events = append(events, f.Signature)
		}
	}); err != nil {
		t.Fatal(err)
	}
	if src.Skipped > 0 {
		t.Errorf("%d lines skipped: %+v", src.Skipped, src.FirstSkipped)
	}
	return infos, events
}

func TestRedisInfo(t *testing.T) {
	s := startRedis(t)
	var notices []string
	r := s.open(t, &notices)
	both := append(r.Info(t.Context()), r.Info(t.Context())...)
	infos, _ := facts(t, both)
	if len(infos) != 2 || infos[0].Fields["redis_version"] == "" || infos[1].Fields["used_memory"] == "" {
		t.Errorf("%d snapshots of\n%s", len(infos), both)
	}
	if len(notices) > 0 {
		t.Errorf("notices of a healthy server: %q", notices)
	}
}

func TestRedisRefusesWhatCouldChangeTheServer(t *testing.T) {
	s := startRedis(t)
	var notices []string
	r := s.open(t, &notices).node(fmt.Sprintf("127.0.0.1:%d", s.port))
	ctx := t.Context()
	for _, cmd := range [][]any{
		{"SET", "a", "1"}, {"DEL", "a"}, {"KEYS", "*"}, {"FLUSHALL"}, {"CONFIG", "SET", "maxmemory", "1"}, {"CONFIG", "RESETSTAT"},
		{"MONITOR"}, {"DEBUG", "SLEEP", "1"}, {"CLIENT", "KILL", "ID", "1"}, {"EVAL", "return 1", "0"}, {"SLOWLOG", "RESET"}, {"MEMORY", "PURGE"},
		{"LATENCY", "RESET"}, {"SHUTDOWN"}, {"MEMORY"}, {"CLUSTER", "RESET"}, {"SENTINEL", "FAILOVER", "mymaster"},
	} {
		if err := r.client.Do(ctx, cmd...).Err(); err == nil || !strings.Contains(err.Error(), "refused") {
			t.Errorf("%v: %v", cmd, err)
		}
	}
	p := r.client.Pipeline()
	p.TTL(ctx, "a")
	p.Set(ctx, "a", "1", 0)
	if _, err := p.Exec(ctx); err == nil || !strings.Contains(err.Error(), "refused") {
		t.Errorf("pipeline: %v", err)
	}
	p = r.client.TxPipeline()
	p.Del(ctx, "a")
	if _, err := p.Exec(ctx); err == nil || !strings.Contains(err.Error(), "refused") {
		t.Errorf("transaction: %v", err)
	}
	if n, err := r.client.DBSize(ctx).Result(); n != 0 || err != nil {
		t.Errorf("%d keys, %v", n, err)
	}
	if got, err := r.client.ConfigGet(ctx, "maxmemory").Result(); err != nil || got["maxmemory"] != "0" {
		t.Errorf("CONFIG GET: %v, %v", got, err)
	}
}

func TestRedisDiesAndComesBack(t *testing.T) {
	s := startRedis(t)
	var notices []string
	r := s.open(t, &notices)
	var text []byte
	ask := func() { text = append(text, r.Info(t.Context())...) }
	ask()
	s.kill()
	ask()
	ask()
	s.start()
	for until := time.Now().Add(time.Minute); time.Now().Before(until) && r.node(r.seeds[0]).state != ""; time.Sleep(20 * time.Millisecond) {
		ask() // the client tries a server that was away once a second
	}
	infos, events := facts(t, text)
	if len(infos) != 2 || infos[0].Fields["run_id"] == infos[1].Fields["run_id"] {
		t.Errorf("%d snapshots", len(infos))
	}
	if len(events) < 2 {
		t.Errorf("events %q of\n%s", events, text)
	}
	if len(notices) < 2 || !strings.HasSuffix(notices[len(notices)-1], "answers again") {
		t.Errorf("notices %q", notices)
	}
}

func TestRedisWithPasswordAndSocket(t *testing.T) {
	s := startRedis(t)
	s.kill()
	socket := s.dir + "/redis.sock"
	s.start("--requirepass", "secret", "--unixsocket", socket)
	for until := time.Now().Add(time.Minute); time.Now().Before(until); time.Sleep(10 * time.Millisecond) {
		if c, err := net.Dial("unix", socket); err == nil { // the server listens there after it does on its port
			c.Close()
			break
		}
	}
	var notices []string
	tell := func(n string) { notices = append(notices, n) }
	for url, want := range map[string]int{
		fmt.Sprintf("redis://127.0.0.1:%d", s.port):         0,
		fmt.Sprintf("redis://:secret@127.0.0.1:%d", s.port): 1,
		"unix://:secret@" + socket:                          1,
	} {
		r, err := OpenRedis(url, tell)
		if err != nil {
			t.Fatal(err)
		}
		text := r.Info(t.Context())
		if infos, _ := facts(t, text); len(infos) != want {
			t.Errorf("%s: %d snapshots, want %d, of\n%s", url, len(infos), want, text)
		}
		r.Close()
	}
	if _, err := OpenRedis("http://:secret@localhost", tell); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("a bad URL: %v", err)
	}
	for _, n := range notices {
		if strings.Contains(n, "secret") {
			t.Errorf("notice %q", n)
		}
	}
}

// A server that takes the connection and never answers must not be waited for longer than the caller says.
func TestRedisHangs(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var notices []string
	r, err := OpenRedis("redis://"+l.Addr().String(), func(n string) { notices = append(notices, n) })
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	ctx, stop := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer stop()
	began := time.Now()
	r.Info(ctx)
	if took := time.Since(began); took > redisAnswer {
		t.Errorf("waited %v", took)
	}
}
