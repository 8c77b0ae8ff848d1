package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"culprit/cmd/internal/collect"
)

// watched is a run of culprit watch --json, and what it has told so far.
type watched struct {
	mu     sync.Mutex
	out    bytes.Buffer
	wrote  chan struct{}
	stderr bytes.Buffer
	code   int
	done   chan struct{}
}

func (w *watched) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	select {
	case w.wrote <- struct{}{}:
	default:
	}
	return w.out.Write(p)
}

func startWatch(ctx context.Context, args ...string) *watched {
	w := &watched{wrote: make(chan struct{}, 1), done: make(chan struct{})}
	go func() {
		defer close(w.done)
		w.code = run(ctx, append([]string{"watch", "--json"}, args...), strings.NewReader(""), w, &w.stderr)
	}()
	return w
}

// event waits for one of a kind that says something, and gives the last such.
func (w *watched) event(t *testing.T, kind, says string) map[string]any {
	t.Helper()
	deadline := time.After(60 * time.Second)
	for {
		w.mu.Lock()
		all := w.out.String()
		w.mu.Unlock()
		var found map[string]any
		for line := range strings.Lines(all) {
			var e map[string]any
			if err := json.Unmarshal([]byte(line), &e); err != nil {
				t.Fatalf("%v: %s", err, line)
			}
			if e["event"] == kind && strings.Contains(line, says) {
				found = e
			}
		}
		if found != nil {
			return found
		}
		select {
		case <-w.wrote:
		case <-w.done:
			if len(w.wrote) == 0 {
				t.Fatalf("ended (%s) without a %s that says %q:\n%s", w.stderr.String(), kind, says, all)
			}
		case <-deadline:
			t.Fatalf("no %s that says %q:\n%s", kind, says, all)
		}
	}
}

// testRedis is a real server on loopback, spoken to in the inline protocol.
type testRedis struct {
	t    *testing.T
	addr string
	args []string
	dir  string
	cmd  *exec.Cmd
	conn net.Conn
	r    *bufio.Reader
}

func startTestRedis(t *testing.T, args ...string) *testRedis {
	t.Helper()
	return startTestServer(t, append([]string{"--save", ""}, args...)...)
}

// startTestServer starts a redis-server with a configuration file, or without.
func startTestServer(t *testing.T, args ...string) *testRedis {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Skip("redis-server is not installed")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &testRedis{t: t, addr: l.Addr().String(), args: args, dir: t.TempDir()}
	l.Close()
	s.start()
	t.Cleanup(s.kill)
	return s
}

func (s *testRedis) start() {
	s.t.Helper()
	_, port, _ := net.SplitHostPort(s.addr)
	args := slices.Clone(s.args)
	conf := 0
	if strings.HasSuffix(args[0], ".conf") {
		conf = 1
	}
	s.cmd = exec.Command("redis-server", slices.Insert(args, conf, "--port", port, "--bind", "127.0.0.1", "--dir", s.dir)...)
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	var err error
	for until := time.Now().Add(time.Minute); time.Now().Before(until); time.Sleep(10 * time.Millisecond) {
		if s.conn, err = net.Dial("tcp", s.addr); err == nil {
			s.r = bufio.NewReader(s.conn)
			return
		}
	}
	s.t.Fatal(err)
}

func (s *testRedis) kill() {
	s.conn.Close()
	s.cmd.Process.Kill()
	s.cmd.Wait()
}

// set reports false when the server is full.
func (s *testRedis) set(key, value string) bool {
	s.t.Helper()
	fmt.Fprintf(s.conn, "SET %s %s\r\n", key, value)
	reply, err := s.r.ReadString('\n')
	if err != nil || !strings.HasPrefix(reply, "+OK") && !strings.HasPrefix(reply, "-OOM") {
		s.t.Fatalf("SET: %q, %v", reply, err)
	}
	return reply[0] == '+'
}

// foretold compares the forecast that stood at half the way with what came, if it came at one pace.
func (w *watched) foretold(t *testing.T, made []time.Time, full time.Time) {
	t.Helper()
	began := made[0]
	half := began.Add(full.Sub(began) / 2)
	w.mu.Lock()
	all := w.out.String()
	w.mu.Unlock()
	var stood, at time.Time
	for line := range strings.Lines(all) {
		var e struct {
			Time     time.Time
			Event    string
			Forecast struct {
				In float64 `json:"in_s"`
			}
		}
		if json.Unmarshal([]byte(line), &e) == nil && e.Event == "forecast" && e.Time.Before(half) {
			at, stood = e.Time, e.Time.Add(time.Duration(e.Forecast.In*float64(time.Second)))
		}
	}
	if stood.IsZero() { // eight polls take their time on a busy machine; that there is one at last is tested elsewhere
		t.Logf("no forecast at half the way of %v", full.Sub(began))
		return
	}
	off := stood.Sub(full).Seconds() / full.Sub(at).Seconds()
	kept := steady(made)
	t.Logf("foretold at %v of %v: wrong by %.0f %% of what was left; at one pace: %v", at.Sub(began), full.Sub(began), 100*off, kept)
	if kept && off > 1 { // the watch itself may be late; on a quiet machine it is off by 2 %
		t.Error("that is no forecast")
	}
}

// A crawler makes a session a request, none of which expires, until Redis is full. The watch says when that will be, and
// the recording gives the verdict of the live run.
func TestWatchALeak(t *testing.T) {
	limit := "12mb"
	if testing.Short() {
		limit = "5mb"
	}
	redis := startTestRedis(t, "--maxmemory", limit, "--maxmemory-policy", "noeviction")
	dir := t.TempDir()
	access := filepath.Join(dir, "access.log")
	log, err := os.Create(access)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	rec := filepath.Join(dir, "rec")
	w := startWatch(ctx, "--access-log", access, "--error-log", filepath.Join(dir, "error.log"), "--redis", "redis://"+redis.addr,
		"--record", rec, "--every", "200ms", "--ask", "100ms")
	w.event(t, "started", "access.log")

	value := strings.Repeat("s", 2000)
	var made []time.Time
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	keys := 0
	for status := 200; status == 200; keys++ {
		if !redis.set(fmt.Sprintf("sess:%032x", keys), value) {
			status = 500
		}
		fmt.Fprintf(log, "203.0.113.%d - - [%s] \"GET /product/%d HTTP/1.1\" %d 5120 \"-\" \"Mozilla/5.0 (compatible; ExampleBot/1.0; +http://example.com/bot)\"\n",
			keys%7+1, time.Now().Format("02/Jan/2006:15:04:05 -0700"), keys, status)
		made = append(made, time.Now())
		if keys%10 == 9 { // a thousand a second, or as many as the machine can
			<-tick.C
		}
	}
	full := time.Now()
	w.event(t, "forecast", "maxmemory")
	w.foretold(t, made, full)
	for bytes.Count(recorded(t, rec, "access.log"), []byte("\n")) < keys {
		<-tick.C
	}
	stop()
	<-w.done
	if w.code != exitOK || w.stderr.Len() > 0 {
		t.Errorf("exit code %d: %s", w.code, w.stderr.String())
	}
	live := w.event(t, "ended", "")["verdict"].(map[string]any)
	t.Logf("%s", w.out.String())

	var report struct {
		Verdict map[string]any `json:"verdict"`
		Inputs  []struct {
			File    string
			Format  string
			Skipped int
		} `json:"inputs"`
	}
	if err := json.Unmarshal([]byte(analyzed(t, rec)), &report); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(live, report.Verdict); diff != "" {
		t.Errorf("the recording's verdict (-live +recorded):\n%s", diff)
	}
	formats := map[string]string{}
	for _, in := range report.Inputs {
		formats[in.File] = in.Format
		if in.Skipped > 0 {
			t.Errorf("%s: %d lines skipped", in.File, in.Skipped)
		}
	}
	if diff := cmp.Diff(map[string]string{"access.log": "nginx-access", "error.log": "nginx-error", "redis-info.txt": "redis-info",
		"meminfo.txt": "meminfo", "ps.txt": "ps", "clock.txt": "clock"}, formats); diff != "" {
		t.Errorf("the recording's files (-want +got):\n%s", diff)
	}
}

// recorded is what a recording holds of a source so far.
func recorded(t *testing.T, dir, track string) []byte {
	t.Helper()
	var all []byte
	for _, u := range collect.List([]string{dir}, nil) {
		if u.Name != track {
			continue
		}
		if err := u.Each(t.Context(), func(in collect.Input) error {
			if in.Err != nil {
				return in.Err
			}
			var err error
			all, err = io.ReadAll(in.R)
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

func readFile(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// A Redis that is not there is an event, and the rest is watched.
func TestWatchWithoutRedis(t *testing.T) {
	dir := t.TempDir()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	w := startWatch(ctx, "--access-log", filepath.Join(dir, "access.log"), "--redis", "redis://:secret@"+addr, "--every", "50ms", "--ask", "50ms")
	w.event(t, "source", "refused")
	w.event(t, "verdict", "outcome")
	stop()
	<-w.done
	if w.code != exitOK || strings.Contains(w.out.String(), "secret") {
		t.Errorf("exit code %d:\n%s", w.code, w.out.String())
	}
}

// A script waits for the first finding that matters.
func TestWatchUntilFinding(t *testing.T) {
	redis := startTestRedis(t, "--maxmemory", "2mb", "--maxmemory-policy", "noeviction")
	w := startWatch(t.Context(), "--redis", "redis://"+redis.addr, "--until-finding", "--every", "50ms", "--ask", "50ms")
	w.event(t, "verdict", "inconclusive") // of a server that has just begun
	for i, value := 0, strings.Repeat("s", 2000); redis.set(fmt.Sprintf("sess:%032x", i), value); i++ {
	}
	<-w.done
	if w.code != exitRootCause {
		t.Errorf("exit code %d: %s\n%s", w.code, w.stderr.String(), w.out.String())
	}
	w.event(t, "ended", "redis-maxmemory-reached")
}

// A server that is killed and started again by its operator is told, and blamed on nobody.
func TestWatchARestart(t *testing.T) {
	redis := startTestRedis(t)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	w := startWatch(ctx, "--redis", "redis://"+redis.addr, "--every", "50ms", "--ask", "50ms")
	w.event(t, "verdict", "outcome")
	redis.kill()
	w.event(t, "source", "refused")
	redis.start()
	w.event(t, "source", "answers again")
	stop()
	<-w.done
	if v := w.event(t, "ended", "")["verdict"].(map[string]any); w.code != exitOK || v["outcome"] == "root-cause" {
		t.Errorf("exit code %d, %v", w.code, v)
	}
}

func TestWatchUsage(t *testing.T) {
	full := t.TempDir()
	os.WriteFile(filepath.Join(full, "x"), nil, 0o600)
	for _, args := range [][]string{
		{"--kmsg", "--every", "0s"}, {"--redis", "http://x"}, {"--access-log", "x", "--record", full}, {"--plain", "--redis", "redis://x"},
	} {
		w := startWatch(t.Context(), args...)
		<-w.done
		if w.code != exitUsage || w.stderr.Len() == 0 {
			t.Errorf("%v: exit code %d, %s", args, w.code, w.stderr.String())
		}
	}
}
