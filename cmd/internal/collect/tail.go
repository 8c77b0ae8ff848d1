package collect

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/hpcloud/tail"
	"github.com/hpcloud/tail/watch"
)

const (
	tailPoll  = 10 * time.Millisecond // 50,000 lines a second are 50 KB of log a poll, so that a truncation shows in the size
	tailBatch = 64 << 10              // handed on at once: some 300 lines
	tailWait  = 5 * time.Millisecond  // for a batch to fill, after which it is handed on as it is

	// A writer that is told to reopen its log (nginx -s reopen) goes on in the renamed file until each worker has done so.
	tailSilence = 2 * time.Second

	// A volume that was taken away is held no longer than a slow rotation takes. The file is known again when it is back.
	tailGone = 10 * time.Second

	mtimeTick = 10 * time.Millisecond // a file's time may be a tick of the kernel's behind the clock

	tailHead = 1024 // bytes at a file's beginning by which it is known again; log lines begin with a time or an address
	tailSure = 64   // of them tell two logs apart: a line with its time
	tailPast = 32   // files that were followed and are remembered
)

// Follower is one pathname as one perpetual source: lines of whatever file stands there, whole, each once.
//
// hpcloud/tail follows one inode; rotation is made here. A renamed file is read on until it is silent; a file that was
// deleted, recreated, or appears late is found by looking at the name; lines that a copytruncate cut off are read back
// from the copy. A last line without its newline is held back until it has one.
//
// Known limits: hpcloud/tail holds a line in memory until its newline comes, and ends the program when the file system
// cannot tell a file's size any more (a stale NFS handle).
type Follower struct {
	path   string
	notice func(string)
	out    chan piece
	rest   []byte // of the piece that is being read
	last   piece
	files  sync.WaitGroup

	mu     sync.Mutex
	places map[*followed]place // as far as Read has handed on
	past   []place             // files that were followed to their end
	since  time.Time           // the name was last seen as known: what was rotated later was written later
}

// FollowOptions say where to begin and whom to tell.
type FollowOptions struct {
	From   *Checkpoint  // go on where an earlier run ended; nil = the file that is there, from its beginning
	AtEnd  bool         // without From: from its end
	Notice func(string) // told what befell the file; nil = nobody is

	release time.Duration // a test's tailGone
}

// followed is one inode. Its goroutine alone uses it, but for retire.
type followed struct {
	f      *os.File // held open, so that the inode lives, and is reached by /proc/self/fd whatever its name is
	tail   *tail.Tail
	cut    chan struct{} // closed when tail has seen a truncation
	retire chan struct{} // closed when the name is another file's
	place
}

// place is how far a file was read.
type place struct {
	dev, ino uint64
	off      int64
	head     []byte
	ended    time.Time // it was silent and is not followed any more; zero = it is
}

// piece is whole lines of one file, and its place behind them.
type piece struct {
	of   *followed
	data []byte
	place
}

var setPoll = sync.OnceFunc(func() { watch.POLL_DURATION = tailPoll })

// Follow begins to follow path, until ctx ends. Read the Follower until io.EOF.
func Follow(ctx context.Context, path string, o FollowOptions) *Follower {
	setPoll()
	f := &Follower{path: path, notice: o.Notice, out: make(chan piece), places: map[*followed]place{}, since: time.Now().Add(-mtimeTick)}
	if f.notice == nil {
		f.notice = func(string) {}
	}
	go func() {
		f.run(ctx, o)
		f.files.Wait()
		close(f.out)
	}()
	return f
}

// Read gives whole lines, but for a line that is longer than p. It waits for the next one, and ends with ctx.
func (f *Follower) Read(p []byte) (int, error) {
	if len(f.rest) == 0 {
		next, ok := <-f.out
		if !ok {
			return 0, io.EOF
		}
		f.last, f.rest = next, next.data
	}
	n := len(f.rest)
	if n > len(p) {
		n = len(p)
		if i := bytes.LastIndexByte(f.rest[:n], '\n'); i >= 0 {
			n = i + 1
		}
	}
	copy(p, f.rest[:n])
	f.rest = f.rest[n:]
	at := f.last.place
	at.off -= int64(len(f.rest))
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, open := f.places[f.last.of]; open {
		f.places[f.last.of] = at
	}
	return n, nil
}

// run looks at the name every tailPoll and keeps a followed for what stands there.
func (f *Follower) run(ctx context.Context, o FollowOptions) {
	tick := time.NewTicker(tailPoll)
	defer tick.Stop()
	current := f.begin(ctx, o)
	told, gone := "", time.Time{}
	for {
		looked := time.Now()
		file, info, err := f.open(current)
		switch {
		case err != nil:
			if gone.IsZero() {
				gone = time.Now()
			}
			if text := plainError(err).Error(); text != told && time.Since(gone) > tailSilence { // a rotation takes a moment
				f.notice(text + "; waiting for it")
				told = text
			}
			// A writer may go on in the renamed file. One that no name leads to gives its space, or its volume, back.
			if current != nil && (current.deleted() || time.Since(gone) > cmp.Or(o.release, tailGone) && !f.hasName(current)) {
				close(current.retire)
				current = nil
			}
		case file != nil && f.reading(info):
			file.Close() // it was renamed away and back, and is still read
		case file != nil:
			told, gone = "", time.Time{}
			if current != nil {
				close(current.retire)
				f.missed(ctx, info)
			}
			current = f.start(ctx, file, info, 0)
		default:
			told, gone = "", time.Time{}
			f.mu.Lock()
			f.since = looked.Add(-mtimeTick)
			f.mu.Unlock()
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// open opens the file that stands at the name, unless that is current.
func (f *Follower) open(current *followed) (*os.File, fs.FileInfo, error) {
	info, err := os.Stat(f.path)
	if err != nil {
		return nil, nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, nil, fmt.Errorf("is %s, not a file", kindOf(info.Mode()))
	}
	if dev, ino := inode(info); current != nil && current.dev == dev && current.ino == ino {
		return nil, nil, nil
	}
	file, err := os.Open(f.path)
	if err != nil {
		return nil, nil, err
	}
	if info, err = file.Stat(); err != nil { // what was opened, which may be younger than what was looked at
		file.Close()
		return nil, nil, err
	}
	return file, info, nil
}

// hasName says whether a rotated copy beside the name is the file itself.
func (f *Follower) hasName(g *followed) bool {
	return slices.ContainsFunc(f.siblings(), func(s sibling) bool {
		dev, ino := inode(s.info)
		return dev == g.dev && ino == g.ino
	})
}

// deleted says whether no name leads to the file any more; it must not be kept from giving its space back.
func (g *followed) deleted() bool {
	info, err := g.f.Stat()
	if err != nil {
		return false
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && st.Nlink == 0
}

func inode(info fs.FileInfo) (dev, ino uint64) {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(st.Dev), st.Ino
	}
	return 0, 0
}

// start follows an open file from off on, or from where it was left when it was followed before.
func (f *Follower) start(ctx context.Context, file *os.File, info fs.FileInfo, off int64) *followed {
	g := &followed{f: file, retire: make(chan struct{})}
	g.dev, g.ino = inode(info)
	g.off, g.head = off, headOf(file, tailHead)
	f.mu.Lock()
	for i, p := range f.past {
		// A volume that comes back may have another device number, a restored file another inode: then its beginning must
		// say more than that both are logs. (Of a copytruncate, whose copy begins alike, the inode lives on.)
		same := p.dev == g.dev && p.ino == g.ino && len(p.head) > 0 || file.Name() == f.path && p.ino != 0 && len(p.head) >= tailSure
		if same && bytes.HasPrefix(g.head, p.head) && info.Size() >= p.off {
			g.off = p.off
			f.past = slices.Delete(f.past, i, i+1)
			break
		}
	}
	f.places[g] = g.place
	f.mu.Unlock()
	f.files.Go(func() { f.follow(ctx, g) })
	return g
}

func headOf(file io.ReaderAt, most int) []byte {
	b := make([]byte, most)
	n, _ := file.ReadAt(b, 0)
	return b[:n]
}

// follow hands on the lines of one file until it is retired and silent.
func (f *Follower) follow(ctx context.Context, g *followed) {
	defer f.end(g)
	if !g.open(f) {
		return
	}
	defer func() { g.stop() }()
	batch := make([]byte, 0, tailBatch)
	hurry := time.NewTimer(time.Hour)
	silence := time.NewTimer(tailSilence)
	retire := g.retire
	for {
		select {
		case <-ctx.Done():
			return
		case <-retire:
			retire = nil
			silence.Reset(tailSilence)
		case <-silence.C:
			if retire == nil {
				f.lastLine(ctx, g)
				return
			}
		case line, ok := <-g.tail.Lines:
			if !ok {
				if !f.again(ctx, g) {
					return
				}
				continue
			}
			batch = append(append(batch[:0], line.Text...), '\n')
			hurry.Reset(tailWait)
		fill:
			for len(batch) < tailBatch {
				select {
				case line, ok := <-g.tail.Lines:
					if !ok {
						break fill // the next receive finds it closed too
					}
					batch = append(append(batch, line.Text...), '\n')
				case <-hurry.C:
					break fill
				}
			}
			if !g.holds(g.off + int64(len(batch))) {
				if !f.again(ctx, g) {
					return
				}
				continue
			}
			g.off += int64(len(batch))
			if !f.hand(ctx, g, bytes.Clone(batch)) {
				return
			}
			silence.Reset(tailSilence)
		}
	}
}

// holds says whether the file is still the one that was read up to off: a shorter file, or one that begins otherwise, was
// truncated and what was read of it since may be of either.
func (g *followed) holds(off int64) bool {
	info, err := g.f.Stat()
	if err != nil || info.Size() < off {
		return false
	}
	if len(g.head) < tailHead {
		head := headOf(g.f, int(min(off, tailHead)))
		if !bytes.HasPrefix(head, g.head[:min(len(g.head), len(head))]) {
			return false
		}
		if len(head) > len(g.head) {
			g.head = head
		}
		return true
	}
	return bytes.Equal(headOf(g.f, tailHead), g.head)
}

func (f *Follower) hand(ctx context.Context, g *followed, data []byte) bool {
	select {
	case f.out <- piece{g, data, g.place}:
		return true
	case <-ctx.Done():
		return false
	}
}

// open starts hpcloud/tail on the inode.
func (g *followed) open(f *Follower) bool {
	g.cut = make(chan struct{})
	log := &tailLog{cut: g.cut, known: make(chan struct{})}
	t, err := tail.TailFile(fmt.Sprintf("/proc/self/fd/%d", g.f.Fd()), tail.Config{
		Location: &tail.SeekInfo{Offset: g.off, Whence: io.SeekStart},
		Follow:   true, MustExist: true, Poll: true,
		Logger: log,
	})
	if err != nil {
		f.notice(plainError(err).Error())
		return false
	}
	g.tail, log.tail = t, t
	close(log.known)
	return true
}

// stop ends hpcloud/tail, which waits for somebody to take its next line.
func (g *followed) stop() {
	g.tail.Kill(nil)
	for range g.tail.Lines {
	}
	_ = g.tail.Wait()
}

// lastLine hands on what a writer that is gone left without a newline.
func (f *Follower) lastLine(ctx context.Context, g *followed) {
	b, _ := io.ReadAll(io.NewSectionReader(g.f, g.off, tailBatch))
	if len(b) > 0 && !bytes.ContainsRune(b, '\n') {
		g.off += int64(len(b))
		f.hand(ctx, g, append(b, '\n'))
	}
}

// end remembers a file that is not followed any more.
func (f *Follower) end(g *followed) {
	g.f.Close()
	f.mu.Lock()
	defer f.mu.Unlock()
	select {
	case <-g.retire:
		delete(f.places, g)
		g.ended = time.Now()
		if f.past = append(f.past, g.place); len(f.past) > tailPast {
			f.past = f.past[1:]
		}
	default: // the run ends: its place belongs into the checkpoint
	}
}

// tailLog hears hpcloud/tail say that it reopens a truncated file, and ends it there: what it reads next would be at
// places that nobody knows. The library says it in its own goroutine, after the last line of the old content was taken.
type tailLog struct {
	cut   chan struct{}
	known chan struct{} // closed when tail is set, which is after it began to run
	tail  *tail.Tail
}

func (l *tailLog) Printf(format string, _ ...any) {
	if strings.HasPrefix(format, "Re-opening truncated") {
		<-l.known
		close(l.cut)
		l.tail.Kill(errCut)
	}
}

var errCut = errors.New("truncated")

func (*tailLog) Fatal(...any)          {}
func (*tailLog) Fatalf(string, ...any) {}
func (*tailLog) Fatalln(...any)        {}
func (*tailLog) Panic(...any)          {}
func (*tailLog) Panicf(string, ...any) {}
func (*tailLog) Panicln(...any)        {}
func (*tailLog) Print(...any)          {}
func (*tailLog) Println(...any)        {}

// siblings are the rotated copies beside the file, the oldest first.
func (f *Follower) siblings() []sibling {
	var all []sibling
	dir, base := filepath.Split(f.path)
	entries, _ := os.ReadDir(filepath.Clean(dir + "."))
	for _, e := range entries {
		rest, ok := strings.CutPrefix(e.Name(), base)
		if !ok || len(rest) < 2 || rest[0] != '.' && rest[0] != '-' || rest[1] < '0' || rest[1] > '9' {
			continue
		}
		name := filepath.Join(dir, e.Name())
		info, err := os.Stat(name)
		if err != nil || !info.Mode().IsRegular() || slices.Contains(packedNames, filepath.Ext(name)) {
			continue
		}
		all = append(all, sibling{name, info})
	}
	slices.SortStableFunc(all, func(a, b sibling) int { return a.info.ModTime().Compare(b.info.ModTime()) })
	return all
}

// packedNames end the names of copies that logrotate compressed. It does so a day later, or after the rotation: either
// way a moment before there was, or still is, a plain one.
var packedNames = []string{".gz", ".bz2", ".xz", ".zst"}

type sibling struct {
	name string
	info fs.FileInfo
}
