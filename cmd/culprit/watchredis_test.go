package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// accused are the verdicts of a root cause that a watch told.
func (w *watched) accused() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []string
	for line := range strings.Lines(w.out.String()) {
		var e struct{ Verdict struct{ Outcome string } }
		if json.Unmarshal([]byte(line), &e) == nil && e.Verdict.Outcome == "root-cause" {
			all = append(all, line)
		}
	}
	return all
}

// told waits until so many events of a kind say something.
func (w *watched) told(t *testing.T, what string, says ...string) {
	t.Helper()
	for _, s := range says {
		w.event(t, what, s)
	}
}

func watchTrouble(t *testing.T, urls ...string) *watched {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	dir := t.TempDir()
	access := filepath.Join(dir, "access.log")
	if err := os.WriteFile(access, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"--access-log", access, "--every", "50ms", "--ask", "50ms"}
	for _, u := range urls {
		args = append(args, "--redis", u)
	}
	w := startWatch(ctx, args...)
	t.Cleanup(func() {
		stop()
		<-w.done
		if all := w.accused(); len(all) > 0 || w.code != exitOK {
			t.Errorf("exit code %d, accused: %s", w.code, all)
		}
	})
	w.event(t, "verdict", "outcome")
	return w
}

// A server that stands still for two seconds holds up nothing else, and nobody is blamed.
func TestWatchASlowRedis(t *testing.T) {
	slow, other := startTestRedis(t), startTestRedis(t)
	w := watchTrouble(t, "redis://"+slow.addr, "redis://"+other.addr)
	slow.cmd.Process.Signal(syscall.SIGSTOP)
	stopped := time.Now()
	other.kill() // what the other one does meanwhile is seen meanwhile
	w.event(t, "source", other.addr)
	other.start()
	w.told(t, "source", "Redis at "+other.addr+" answers again")
	time.Sleep(time.Until(stopped.Add(2 * time.Second)))
	slow.cmd.Process.Signal(syscall.SIGCONT)
	w.event(t, "source", `"Redis at `+slow.addr+" ") // took so long, or, where more than that was slow, answers again
}

// A server that reads a large dump for a while grows by it, which is no leak and no forecast.
func TestWatchALoadingRedis(t *testing.T) {
	s := startTestRedis(t, "--maxmemory", "64mb")
	for i := range 4000 {
		s.set(fmt.Sprintf("sess:%d", i), strings.Repeat("v", 500))
	}
	fmt.Fprintf(s.conn, "SAVE\r\n")
	if reply, err := s.r.ReadString('\n'); err != nil || !strings.HasPrefix(reply, "+OK") {
		t.Fatal(reply, err)
	}
	w := watchTrouble(t, "redis://"+s.addr)
	s.kill()
	s.args = append(s.args, "--key-load-delay", "5000", "--loading-process-events-interval-bytes", "1024")
	s.start()
	w.told(t, "source", "is loading its dataset")
	fmt.Fprintf(s.conn, "CONFIG SET key-load-delay 0\r\n")
	w.told(t, "source", "answers again")
	w.mu.Lock()
	defer w.mu.Unlock()
	if strings.Contains(w.out.String(), `"event":"forecast"`) {
		t.Errorf("a forecast of a load:\n%s", w.out.String())
	}
}

// The master is killed, and a real Sentinel promotes its replica.
func TestWatchAFailover(t *testing.T) {
	master := startTestRedis(t)
	host, port, _ := net.SplitHostPort(master.addr)
	replica := startTestRedis(t, "--replicaof", host+" "+port)
	replica.await("INFO replication", "master_link_status:up")
	dir := t.TempDir()
	conf := filepath.Join(dir, "sentinel.conf")
	text := fmt.Sprintf("dir %s\nsentinel monitor shop %s %s 1\nsentinel down-after-milliseconds shop 300\nsentinel failover-timeout shop 3000\n", dir, host, port)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	_, replicaPort, _ := net.SplitHostPort(replica.addr)
	sentinel := startTestServer(t, conf, "--sentinel")
	sentinel.await("SENTINEL REPLICAS shop", replicaPort)
	w := watchTrouble(t, "redis+sentinel://"+sentinel.addr+"/shop")
	master.kill()
	w.told(t, "source", "refused", "failover: the master of shop is now "+replica.addr)
	for i := range 50 {
		replica.await(fmt.Sprintf("SET sess:%d v", i), "+OK") // on a connection of its own: Sentinel ends those that were
	}
}

// await asks until the answer says something.
func (s *testRedis) await(question, says string) {
	s.t.Helper()
	for until := time.Now().Add(time.Minute); time.Now().Before(until); time.Sleep(20 * time.Millisecond) {
		c, err := net.Dial("tcp", s.addr)
		if err != nil {
			continue
		}
		fmt.Fprintf(c, "%s\r\n", question)
		c.SetDeadline(time.Now().Add(10 * time.Second))
		b := make([]byte, 64<<10)
		n, _ := bufio.NewReader(c).Read(b)
		c.Close()
		if strings.Contains(string(b[:n]), says) {
			return
		}
	}
	s.t.Fatalf("%s does not say %q", question, says)
}
