package collect

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// again goes on with a file whose hpcloud/tail has ended or has read across a truncation: what the copy holds of the old
// content, then the new content from its beginning.
func (f *Follower) again(ctx context.Context, g *followed) bool {
	g.stop()
	if ctx.Err() != nil {
		return false
	}
	select {
	case <-g.cut:
	default:
		if g.holds(g.off) {
			f.notice(fmt.Sprintf("%v; trying again", g.tail.Err()))
			select {
			case <-ctx.Done():
				return false
			case <-time.After(tailSilence): // what failed once will fail again at once
			}
			return g.open(f)
		}
	}
	now := headOf(g.f, tailHead)
	if !f.readBack(ctx, g, now) {
		return false
	}
	f.remember(g.place)
	g.off, g.head = 0, now
	return g.open(f)
}

// readBack hands on the lines behind g's place that its rotated copy holds, and younger copies whole: the file may have
// been truncated more than once since. now is how the file begins now: a copy of that is none of the old content.
func (f *Follower) readBack(ctx context.Context, g *followed, now []byte) bool {
	found := false
	for _, s := range f.siblings() {
		file, err := os.Open(s.name)
		if err != nil {
			continue
		}
		head := headOf(file, tailHead)
		switch {
		case !found && len(g.head) > 0 && bytes.HasPrefix(head, g.head) && s.info.Size() >= g.off:
			found = true
		case found && !f.knows(head) && !(len(now) > 0 && bytes.HasPrefix(head, now)):
			f.remember(g.place)
			g.off, g.head = 0, head
		default:
			file.Close()
			continue
		}
		more := f.copyRest(ctx, g, file)
		file.Close()
		if !more {
			return false
		}
	}
	if !found && g.off > 0 {
		f.notice(fmt.Sprintf("truncated, and no copy of it found beside it; lines written in the last %v may be lost", 2*tailPoll))
	}
	return true
}

// copyRest hands on the whole lines behind g's place in a copy that nobody writes any more.
func (f *Follower) copyRest(ctx context.Context, g *followed, file *os.File) bool {
	buf := make([]byte, tailBatch)
	held := 0
	r := io.NewSectionReader(file, g.off, 1<<62)
	for {
		n, err := r.Read(buf[held:])
		held += n
		if end := bytes.LastIndexByte(buf[:held], '\n') + 1; end > 0 {
			data := bytes.Clone(buf[:end])
			held = copy(buf, buf[end:held])
			g.off += int64(end)
			if !f.hand(ctx, g, data) {
				return false
			}
		}
		if err != nil {
			return true
		}
		if held == len(buf) { // a line longer than the buffer
			buf = append(buf, make([]byte, len(buf))...)
		}
	}
}

func (f *Follower) remember(p place) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p.ino, p.dev = 0, 0 // its inode lives on with other content
	if f.past = append(f.past, p); len(f.past) > tailPast {
		f.past = f.past[1:]
	}
}

// knows says whether a file that begins with head was read, or is.
func (f *Follower) knows(head []byte) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	// Two logs may begin with the same few bytes; a line and its time are more than that.
	known := func(p place) bool { return len(p.head) >= min(tailSure, len(head)) && bytes.HasPrefix(head, p.head) }
	for _, p := range f.places {
		if known(p) {
			return true
		}
	}
	for _, p := range f.past {
		if known(p) {
			return true
		}
	}
	return len(head) == 0
}

// missed follows files that stood at the name between two looks and were renamed since.
func (f *Follower) missed(ctx context.Context, current fs.FileInfo) {
	for _, s := range f.siblings() {
		if s.info.ModTime().Before(f.since) || os.SameFile(s.info, current) || f.follows(s.info) {
			continue
		}
		file, err := os.Open(s.name)
		if err != nil {
			continue
		}
		if info, err := file.Stat(); err != nil || os.SameFile(info, current) || f.follows(info) || f.knows(headOf(file, tailHead)) {
			file.Close()
			continue
		}
		close(f.start(ctx, file, s.info, 0).retire)
	}
}

// follows says whether a file is being read, or was.
func (f *Follower) follows(info fs.FileInfo) bool {
	dev, ino := inode(info)
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.reads(dev, ino) || slices.ContainsFunc(f.past, func(p place) bool { return p.dev == dev && p.ino == ino })
}

func (f *Follower) reading(info fs.FileInfo) bool {
	dev, ino := inode(info)
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.reads(dev, ino)
}

func (f *Follower) reads(dev, ino uint64) bool {
	for _, p := range f.places {
		if p.dev == dev && p.ino == ino {
			return true
		}
	}
	return false
}

// Checkpoint is how far a Follower was read: enough to go on without losing or repeating a line.
type Checkpoint struct {
	Since time.Time        // the name was last seen as known
	Files []CheckpointFile // the one that stood at the name last
}

// CheckpointFile is one file that was being followed. Its beginning is kept as a hash: it may name people.
type CheckpointFile struct {
	Dev, Ino uint64
	Offset   int64
	HeadLen  int    `json:",omitempty"`
	HeadSHA  string `json:",omitempty"`
}

// Checkpoint tells how far the reader was read. Call it between two Reads.
func (f *Follower) Checkpoint() Checkpoint {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := Checkpoint{Since: f.since.UTC()}
	add := func(p place) {
		c.Files = append(c.Files, CheckpointFile{p.dev, p.ino, p.off, len(p.head), hashOf(p.head)})
	}
	for _, p := range f.places {
		add(p)
	}
	for _, p := range f.past {
		if p.ino != 0 && p.ended.After(f.since) { // a later run would take it for one that it missed
			add(p)
		}
	}
	return c
}

// Mark is the Checkpoint as JSON.
func (f *Follower) Mark() json.RawMessage {
	b, err := json.Marshal(f.Checkpoint())
	if err != nil {
		return nil // it holds numbers and hashes
	}
	return b
}

// ReadMark reads what Mark gave; nil where it is none.
func ReadMark(mark json.RawMessage) *Checkpoint {
	var c Checkpoint
	if json.Unmarshal(mark, &c) != nil {
		return nil
	}
	return &c
}

// hashOf tells beginnings apart; 96 bits are more than there are logs.
func hashOf(head []byte) string {
	sum := sha256.Sum256(head)
	return hex.EncodeToString(sum[:12])
}

// begin starts with the file that is there, or where a checkpoint left off. It returns what stands at the name now.
func (f *Follower) begin(ctx context.Context, o FollowOptions) *followed {
	if o.From != nil {
		return f.resume(ctx, o.From)
	}
	file, info, err := f.open(nil)
	if err != nil {
		return nil
	}
	off := int64(0)
	if o.AtEnd {
		off = lastNewline(file, info.Size())
	}
	return f.start(ctx, file, info, off)
}

// lastNewline is the place behind the last whole line.
func lastNewline(file io.ReaderAt, size int64) int64 {
	buf := make([]byte, tailBatch)
	for end := size; end > 0; {
		from := max(end-int64(len(buf)), 0)
		n, _ := file.ReadAt(buf[:end-from], from)
		if i := bytes.LastIndexByte(buf[:n], '\n'); i >= 0 {
			return from + int64(i) + 1
		}
		end = from
	}
	return 0
}

// resume finds the files of a checkpoint, by inode or - of a copytruncate - by their beginning, wherever they were
// renamed to, and follows them from their place; files that came and went in the meantime are read whole.
func (f *Follower) resume(ctx context.Context, c *Checkpoint) *followed {
	f.since = c.Since
	var current *followed
	rotated := f.siblings()
	all := rotated
	if info, err := os.Stat(f.path); err == nil {
		all = append(all[:len(all):len(all)], sibling{f.path, info})
	}
	for _, p := range c.Files {
		for _, sameInode := range []bool{true, false} { // the file itself before a copy of it
			if g := f.resumeOne(ctx, p, all, sameInode); g != nil {
				if g.f.Name() == f.path {
					current = g
				}
				break
			}
		}
	}
	var at fs.FileInfo
	if file, info, err := f.open(current); err == nil {
		if file != nil {
			f.missed(ctx, info)
			return f.start(ctx, file, info, 0)
		}
		at, _ = os.Stat(f.path)
		f.missed(ctx, at)
	}
	return current
}

func (f *Follower) resumeOne(ctx context.Context, p CheckpointFile, all []sibling, sameInode bool) *followed {
	for _, s := range all {
		dev, ino := inode(s.info)
		if (dev == p.Dev && ino == p.Ino) != sameInode || s.info.Size() < p.Offset {
			continue
		}
		file, err := os.Open(s.name)
		if err != nil {
			continue
		}
		info, err := file.Stat()
		if head := headOf(file, p.HeadLen); err != nil || len(head) != p.HeadLen || hashOf(head) != p.HeadSHA || !sameInode && p.HeadLen == 0 {
			file.Close()
			continue
		}
		g := f.start(ctx, file, info, p.Offset)
		if filepath.Clean(s.name) != filepath.Clean(f.path) {
			close(g.retire)
		}
		return g
	}
	return nil
}
