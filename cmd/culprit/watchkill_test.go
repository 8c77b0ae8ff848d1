package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A watch is killed with signal 9 again and again, in the middle of its work, while its log grows and is rotated. What its
// recording holds in the end is every line once.
func TestWatchIsKilled(t *testing.T) {
	t.Parallel()
	kills := 4
	if testing.Short() {
		kills = 2
	}
	dir := t.TempDir()
	access, rec := filepath.Join(dir, "access.log"), filepath.Join(dir, "rec")
	log, err := os.Create(access)
	if err != nil {
		t.Fatal(err)
	}
	lines := 0
	write := func(n int) {
		t.Helper()
		var b bytes.Buffer
		for range n {
			fmt.Fprintf(&b, "203.0.113.9 - - [%s] \"GET /%d HTTP/1.1\" 200 612 \"-\" \"Mozilla/5.0\"\n", time.Now().Format("02/Jan/2006:15:04:05 -0700"), lines)
			lines++
		}
		if _, err := log.Write(b.Bytes()); err != nil {
			t.Fatal(err)
		}
	}
	watch := func() *exec.Cmd {
		cmd := exec.Command("culprit", "watch", "--json", "--access-log", access, "--record", rec, "--every", "100ms", "--ask", "1s")
		cmd.Stderr = os.Stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return cmd
	}
	have := func() int { return bytes.Count(recorded(t, rec, "access.log"), []byte("\n")) }
	await := func(n int) {
		t.Helper()
		for until := time.Now().Add(time.Minute); have() < n; time.Sleep(20 * time.Millisecond) {
			if time.Now().After(until) {
				t.Fatalf("%d lines recorded of %d", have(), n)
			}
			write(1)
		}
	}
	for i := range kills {
		cmd := watch()
		write(2000)
		await(have() + 1)
		if i%2 == 1 {
			for n := i / 2; n >= 0; n-- {
				from := access
				if n > 0 {
					from = fmt.Sprintf("%s.%d", access, n)
				}
				if err := os.Rename(from, fmt.Sprintf("%s.%d", access, n+1)); err != nil {
					t.Fatal(err)
				}
			}
			write(500) // by a writer that does not know yet
			log.Close()
			if log, err = os.Create(access); err != nil {
				t.Fatal(err)
			}
			write(500)
		}
		cmd.Process.Kill()
		cmd.Wait()
		write(100)
	}
	cmd := watch()
	for until := time.Now().Add(time.Minute); have() < lines && time.Now().Before(until); time.Sleep(20 * time.Millisecond) {
	}
	cmd.Process.Signal(os.Interrupt)
	cmd.Wait()
	seen := map[string]int{}
	for line := range strings.Lines(string(recorded(t, rec, "access.log"))) {
		_, rest, _ := strings.Cut(line, "GET /")
		number, _, _ := strings.Cut(rest, " ")
		seen[number]++
	}
	lost, repeated := 0, 0
	for i := range lines {
		switch n := seen[fmt.Sprint(i)]; {
		case n == 0:
			lost++
		case n > 1:
			repeated++
		}
	}
	if lost+repeated > 0 || len(seen) != lines {
		t.Errorf("of %d lines %d lost, %d repeated", lines, lost, repeated)
	}
}
