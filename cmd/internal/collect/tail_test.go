package collect

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// logged counts the lines that a Follower gave, by their number.
type logged struct {
	mu      sync.Mutex
	seen    map[int]int
	garbage []string
	changed chan struct{}
}

func readLog(r io.Reader) *logged {
	l := &logged{seen: map[int]int{}, changed: make(chan struct{}, 1)}
	go func() {
		for s := bufio.NewScanner(r); s.Scan(); {
			l.mu.Lock()
			word, rest, _ := strings.Cut(s.Text(), " ")
			if n, err := strconv.Atoi(word); err == nil && rest == padding {
				l.seen[n]++
			} else {
				l.garbage = append(l.garbage, s.Text())
			}
			l.mu.Unlock()
			select {
			case l.changed <- struct{}{}:
			default:
			}
		}
		close(l.changed)
	}()
	return l
}

var padding = strings.Repeat("x", 80)

// wait returns when lines 0 to n-1 were seen, or are not for a while in which nothing comes.
func (l *logged) wait(t *testing.T, n int) (lost, repeated int) {
	t.Helper()
	for {
		l.mu.Lock()
		lost, repeated = 0, 0
		for i := range n {
			switch c := l.seen[i]; {
			case c == 0:
				lost++
			case c > 1:
				repeated++
			}
		}
		garbage := l.garbage
		l.mu.Unlock()
		if len(garbage) > 0 {
			t.Fatalf("%d garbled lines, the first is %.200q", len(garbage), garbage[0])
		}
		if lost == 0 {
			return lost, repeated
		}
		select {
		case _, more := <-l.changed:
			if !more {
				return lost, repeated
			}
		case <-time.After(time.Minute):
			return lost, repeated
		}
	}
}

// sees waits until line n was seen.
func (l *logged) sees(t *testing.T, n int) {
	t.Helper()
	for deadline := time.After(time.Minute); ; {
		l.mu.Lock()
		seen := l.seen[n] > 0
		l.mu.Unlock()
		if seen {
			return
		}
		select {
		case <-l.changed:
		case <-deadline:
			t.Fatalf("line %d is not seen", n)
		}
	}
}

// writer writes numbered lines, so many a millisecond.
type writer struct {
	t    *testing.T
	path string
	f    *os.File
	next int
}

func newWriter(t *testing.T, path string) *writer {
	w := &writer{t: t, path: path}
	w.reopen()
	return w
}

func (w *writer) reopen() {
	f, err := os.OpenFile(w.path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		w.t.Fatal(err)
	}
	w.f = f
}

func (w *writer) write(lines int) {
	var b strings.Builder
	for range lines {
		fmt.Fprintf(&b, "%d %s\n", w.next, padding)
		w.next++
	}
	if _, err := w.f.WriteString(b.String()); err != nil {
		w.t.Fatal(err)
	}
}

// forAWhile writes some 50,000 lines a second.
func (w *writer) forAWhile(d time.Duration) {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for began, wrote := time.Now(), 0; time.Since(began) < d; <-tick.C {
		due := int(time.Since(began) * 50 / time.Millisecond)
		w.write(due - wrote)
		wrote = due
	}
}

func follow(t *testing.T, path string, o FollowOptions) *Follower {
	t.Helper()
	o.Notice = func(s string) { t.Log(s) }
	ctx, stop := context.WithCancel(t.Context())
	f := Follow(ctx, path, o)
	t.Cleanup(func() {
		stop()
		f.files.Wait()
	})
	return f
}

func none(t *testing.T, l *logged, n int) {
	t.Helper()
	if lost, repeated := l.wait(t, n); lost+repeated > 0 {
		t.Fatalf("of %d lines %d lost, %d repeated", n, lost, repeated)
	}
}

var manyRotations = flag.Int("rotations", 20, "rotations in the tests of Follow")

func rotations() int {
	if testing.Short() {
		return 5
	}
	return *manyRotations
}

// shift renames path.1 to path.2 and so on.
func shift(t *testing.T, path string, have int) {
	t.Helper()
	for i := have; i >= 1; i-- {
		if err := os.Rename(fmt.Sprintf("%s.%d", path, i), fmt.Sprintf("%s.%d", path, i+1)); err != nil {
			t.Fatal(err)
		}
	}
}

// A renamed file is written on for a moment, as nginx's workers do until each has reopened its log.
func TestFollowRenames(t *testing.T) {
	path := filepath.Join(t.TempDir(), "access.log")
	w := newWriter(t, path)
	l := readLog(follow(t, path, FollowOptions{}))
	for i := range rotations() {
		w.forAWhile(100 * time.Millisecond)
		shift(t, path, i)
		if err := os.Rename(path, path+".1"); err != nil {
			t.Fatal(err)
		}
		old := w.f
		w.forAWhile(10 * time.Millisecond)
		w.reopen()
		old.Close()
	}
	w.forAWhile(20 * time.Millisecond)
	none(t, l, w.next)
	t.Logf("%d lines", w.next)
}

func copyTruncate(t *testing.T, w *writer, have int) {
	t.Helper()
	shift(t, w.path, have)
	b, err := os.ReadFile(w.path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(w.path+".1", b, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(w.path, 0); err != nil {
		t.Fatal(err)
	}
}

// The writer waits for the copy, so that every line is in a copy or in the file. It goes on once the truncated file was met:
// a follower that is not run for a while, as on a busy machine, cannot see one that has grown to what it had read or beyond.
func TestFollowCopyTruncate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "access.log")
	w := newWriter(t, path)
	l := readLog(follow(t, path, FollowOptions{}))
	w.write(1)
	l.sees(t, w.next-1)
	for i := range rotations() {
		first := w.next
		w.forAWhile(100 * time.Millisecond)
		l.sees(t, first)
		copyTruncate(t, w, i)
		w.write(1)
		l.sees(t, w.next-1)
	}
	w.forAWhile(20 * time.Millisecond)
	none(t, l, w.next)
	t.Logf("%d lines", w.next)
}

// What the writer writes at once behind the truncation is more than was there before.
func TestFollowTruncatedAndLongerAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "access.log")
	w := newWriter(t, path)
	l := readLog(follow(t, path, FollowOptions{}))
	w.write(10)
	none(t, l, w.next)
	w.write(5)
	copyTruncate(t, w, 0)
	w.write(500)
	none(t, l, w.next)
}

func TestFollowAppearsLaterAndRecreated(t *testing.T) {
	path := filepath.Join(t.TempDir(), "access.log")
	l := readLog(follow(t, path, FollowOptions{}))
	w := newWriter(t, path)
	for range 3 {
		w.write(100)
		none(t, l, w.next)
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		w.write(100) // by a writer that does not know yet
		w.f.Close()
		w.reopen()
	}
	w.write(100)
	none(t, l, w.next)
}

// A log volume is taken away for longer than it is waited for and comes back: as it was, or restored under another inode.
func TestFollowVolumeGoneAndBack(t *testing.T) {
	for name, back := range map[string]func(t *testing.T, away, dir string){
		"as it was": func(t *testing.T, away, dir string) {
			if err := os.Rename(away, dir); err != nil {
				t.Fatal(err)
			}
		},
		"restored": func(t *testing.T, away, dir string) {
			if err := os.CopyFS(dir, os.DirFS(away)); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			dir, away := filepath.Join(root, "log"), filepath.Join(root, "away")
			if err := os.Mkdir(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			w := newWriter(t, filepath.Join(dir, "access.log"))
			f := follow(t, w.path, FollowOptions{release: 100 * time.Millisecond})
			l := readLog(f)
			w.write(1000)
			none(t, l, w.next)
			w.f.Close()
			if err := os.Rename(dir, away); err != nil {
				t.Fatal(err)
			}
			if name == "restored" {
				// Its inode is given back, so that a volume can be unmounted.
				for until := time.Now().Add(time.Minute); f.holdsAny(); time.Sleep(20 * time.Millisecond) {
					if time.Now().After(until) {
						t.Fatal("still held")
					}
				}
			}
			back(t, away, dir)
			w.reopen()
			w.write(1000)
			none(t, l, w.next)
		})
	}
}

// holdsAny says whether a file is held open.
func (f *Follower) holdsAny() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.places) > 0
}

func TestFollowHoldsBackAPartialLine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "access.log")
	w := newWriter(t, path)
	l := readLog(follow(t, path, FollowOptions{}))
	io.WriteString(w.f, "0 ")
	io.WriteString(w.f, padding[:40])
	w.next = 1
	other := newWriter(t, filepath.Join(filepath.Dir(path), "other.log"))
	ol := readLog(follow(t, other.path, FollowOptions{}))
	other.write(1)
	none(t, ol, 1) // time enough to be read, whole or not
	io.WriteString(w.f, padding[40:]+"\n")
	none(t, l, 1)
}

func TestFollowFromTheEnd(t *testing.T) {
	path := filepath.Join(t.TempDir(), "access.log")
	w := newWriter(t, path)
	w.write(1000)
	w.next = 0
	f := follow(t, path, FollowOptions{AtEnd: true})
	for len(f.Checkpoint().Files) == 0 { // it has begun
		time.Sleep(time.Millisecond)
	}
	l := readLog(f)
	w.write(10)
	none(t, l, 10)
	if len(l.seen) != 10 {
		t.Errorf("%d different lines, want 10", len(l.seen))
	}
}

// A run ends and another goes on from its checkpoint, while the file is written, renamed and truncated.
func TestFollowResumes(t *testing.T) {
	for name, between := range map[string]func(*testing.T, *writer){
		"nothing": func(*testing.T, *writer) {},
		"written": func(_ *testing.T, w *writer) { w.write(500) },
		"renamed twice": func(t *testing.T, w *writer) {
			for i := range 2 {
				w.write(500)
				shift(t, w.path, i)
				os.Rename(w.path, w.path+".1")
				w.reopen()
				w.write(100)
			}
		},
		"truncated twice": func(t *testing.T, w *writer) {
			for i := range 2 {
				w.write(500)
				copyTruncate(t, w, i)
				w.write(100)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			w := newWriter(t, filepath.Join(dir, "access.log"))
			w.write(1000)
			ctx, stop := context.WithCancel(t.Context())
			f := Follow(ctx, w.path, FollowOptions{})
			head := make([]byte, 30*len(padding))
			n, err := f.Read(head)
			if err != nil {
				t.Fatal(err)
			}
			mark := f.Mark()
			stop()
			f.files.Wait()
			between(t, w)

			l := readLog(io.MultiReader(strings.NewReader(string(head[:n])), follow(t, w.path, FollowOptions{From: ReadMark(mark)})))
			w.write(100)
			none(t, l, w.next)
		})
	}
}

// What following costs at 50,000 lines a second: CPU of the whole process less that of a run which only writes.
func BenchmarkFollow(b *testing.B) {
	const span = 2 * time.Second
	run := func(follows bool) (cpu time.Duration) {
		t := &testing.T{}
		path := filepath.Join(b.TempDir(), "access.log")
		w := newWriter(t, path)
		ctx, stop := context.WithCancel(b.Context())
		var f *Follower
		if follows {
			f = Follow(ctx, path, FollowOptions{})
			go io.Copy(io.Discard, f)
		}
		began := cpuTime(b)
		w.forAWhile(span)
		cpu = cpuTime(b) - began
		stop()
		if follows {
			f.files.Wait()
		}
		w.f.Close()
		return cpu
	}
	var cost time.Duration
	for b.Loop() {
		cost += run(true) - run(false)
	}
	b.ReportMetric(100*cost.Seconds()/float64(b.N)/span.Seconds(), "%core")
}

func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
