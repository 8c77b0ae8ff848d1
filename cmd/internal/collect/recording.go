package collect

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/klauspost/compress/zstd"
)

const (
	recordFlush = 2 * time.Second // what a kill -9 may cost of a log, which itself is still there
	recordSync  = 5               // flushes; what a power cut may cost
	recordFrame = 256 << 10       // of a track, held until then: as much as the watch parses at a time

	// A recording is dropped in so many parts: each is a sixteenth of it, and what is left tells all of the time since.
	recordParts = 16

	// RecordLeast is the smallest bound of a recording: sixteen parts of a few frames each.
	RecordLeast = 1 << 20
)

const recordingFile, recordingSchema = "recording.json", "culprit.recording/1"

// Recording keeps every byte that came in within a bound of its size, and the places that its sources were read to:
//
//	DIR/recording.json                          the tracks: their sources' names and formats
//	DIR/access.log/000001-20260420T011234Z.zst  the segments of a track, the oldest first
//
// A segment grows by whole frames (see recordframe.go), each in one write, so that it can be read at any moment and after a
// kill -9; zstdcat reads it too. Where the bound is reached the oldest segments go, whichever track they are of: a quiet
// track (INFO every ten seconds) fills none for weeks, and outlives the logs that the host keeps anyhow.
type Recording struct {
	dir    string
	most   int64
	notice func(string)
	lock   *os.File
	done   chan struct{}
	ended  sync.WaitGroup

	mu     sync.Mutex
	tracks []*Track
	size   int64 // of all segments
	lost   int64 // bytes that could not be written since the last that could
}

// Track is the recording of one source.
type Track struct {
	TrackInfo
	rec      *Recording
	encoder  *zstd.Encoder
	segments []segment // the last is the one that grows, when file is open
	file     *os.File
	dirty    bool // written and not synced
	pending  []byte
	pendMark json.RawMessage
	mark     json.RawMessage // of the last frame
}

// TrackInfo is what recording.json says of a track.
type TrackInfo struct {
	Folder string // below the recording
	Name   string // of the source, as the watch calls it
	Format string // the parser's name
	Host   string `json:",omitempty"`
}

type segment struct {
	file string
	from string // when it began, in the form of the name
	size int64
}

// OpenRecording begins a recording in a new or empty folder, or goes on with the one that is there. What is dropped or
// cannot be written is told to notice.
func OpenRecording(dir string, most int64, notice func(string)) (*Recording, error) {
	if most < RecordLeast {
		return nil, fmt.Errorf("a recording of %d bytes: at least %d are needed", most, RecordLeast)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	r := &Recording{dir: dir, most: most, notice: notice, done: make(chan struct{})}
	lock, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		lock.Close()
		return nil, fmt.Errorf("%s: another watch records there", dir)
	}
	r.lock = lock
	if err := r.load(); err != nil {
		lock.Close()
		return nil, err
	}
	r.ended.Go(r.keepFlushing)
	return r, nil
}

// load finds the tracks of an earlier run, and cuts off what it had not finished writing.
func (r *Recording) load() error {
	infos, err := readRecording(r.dir)
	if errors.Is(err, fs.ErrNotExist) {
		have, err := os.ReadDir(r.dir)
		if err == nil && len(have) > 0 {
			err = fmt.Errorf("%s is not empty and holds no recording; name a new folder", r.dir)
		}
		return err
	}
	if err != nil {
		return err
	}
	for _, info := range infos {
		t, err := r.newTrack(info)
		if err != nil {
			return err
		}
		if err := t.mend(); err != nil {
			return fmt.Errorf("recording: %w", err)
		}
		for _, s := range t.segments {
			r.size += s.size
		}
		r.tracks = append(r.tracks, t)
	}
	return nil
}

// mend cuts a track back to what a run can go on behind: whole frames, and of a source that leaves marks the last with one,
// since what came behind that will be read again.
func (t *Track) mend() error {
	for n := len(t.segments); n > 0; n-- {
		s := &t.segments[n-1]
		e, err := scanFile(s.file)
		if err != nil {
			return err
		}
		if e.mark == nil && n > 1 {
			before, err := scanFile(t.segments[n-2].file)
			if err != nil {
				return err
			}
			if before.mark != nil { // the run ended between two frames of one piece
				if err := os.Remove(s.file); err != nil {
					return err
				}
				t.segments = t.segments[:n-1]
				continue
			}
		}
		s.size, t.mark = e.whole, e.mark
		if e.mark != nil {
			s.size = e.marked
		}
		return os.Truncate(s.file, s.size)
	}
	return nil
}

func (r *Recording) newTrack(info TrackInfo) (*Track, error) {
	e, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedDefault),
		zstd.WithWindowSize(recordFrame), zstd.WithLowerEncoderMem(true))
	if err != nil {
		return nil, err
	}
	t := &Track{TrackInfo: info, rec: r, encoder: e}
	t.segments, err = segmentsOf(filepath.Join(r.dir, info.Folder))
	return t, err
}

// Tracks are those of earlier runs, and those that were begun since.
func (r *Recording) Tracks() []*Track {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.tracks)
}

// Track begins the track of a source, or goes on with it. The folder is called like file, as far as that is free.
func (r *Recording) Track(name, file, format, host string) (*Track, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	taken := map[string]bool{recordingFile: true, recordingFile + ".new": true, "": true, ".": true, "..": true}
	for _, t := range r.tracks {
		if t.Name == name && t.Format == format && t.Host == host {
			return t, nil
		}
		taken[t.Folder] = true
	}
	file = strings.Map(func(c rune) rune {
		if c < ' ' || c == '/' || c == 0x7f {
			return '_'
		}
		return c
	}, file)
	folder := file
	for i := 2; taken[folder]; i++ { // two sites may both log to access.log
		folder = fmt.Sprintf("%d-%s", i, file)
	}
	t, err := r.newTrack(TrackInfo{Folder: folder, Name: name, Format: format, Host: host})
	if err != nil {
		return nil, err
	}
	r.tracks = append(r.tracks, t)
	return t, r.save()
}

// save writes recording.json; a crash leaves the old one or the new one.
func (r *Recording) save() error {
	var m manifest
	m.Schema = recordingSchema
	for _, t := range r.tracks {
		m.Tracks = append(m.Tracks, t.TrackInfo)
	}
	b, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	file := filepath.Join(r.dir, recordingFile)
	if err := os.WriteFile(file+".new", append(b, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}

// Write takes what came, which ends where mark says that its source was read to (nil = the source cannot be read again).
// It is written within recordFlush, and before Write returns when now is set.
func (t *Track) Write(data []byte, mark json.RawMessage, now bool) {
	t.rec.mu.Lock()
	defer t.rec.mu.Unlock()
	if len(t.pending)+len(data) > recordFrame {
		t.flush()
	}
	for len(data) > recordFrame {
		n := bytes.LastIndexByte(data[:recordFrame], '\n') + 1 // a segment may be read alone
		if n == 0 {
			n = recordFrame
		}
		t.pending = append(t.pending, data[:n]...)
		t.flush() // without a mark: a run that ends here has the piece read again
		data = data[n:]
	}
	t.pending = append(t.pending, data...)
	if t.pendMark = mark; now || len(t.pending) >= recordFrame {
		t.flush()
	}
}

// Mark is where the source of an earlier run was read to, nil when nobody knows.
func (t *Track) Mark() json.RawMessage { return t.mark }

// flush writes what is pending as one frame. The recording's lock is held.
func (t *Track) flush() {
	if len(t.pending) == 0 {
		return
	}
	frame := encodeFrame(t.encoder, t.pending, t.pendMark)
	err := t.append(frame)
	if errors.Is(err, syscall.ENOSPC) && t.rec.drop() {
		err = t.append(frame)
	}
	r := t.rec
	switch {
	case err != nil:
		if r.lost == 0 {
			r.notice(fmt.Sprintf("recording: %v; the watch goes on, and tries again", err))
		}
		r.lost += int64(len(t.pending))
	case r.lost > 0:
		r.notice(fmt.Sprintf("recording again; %d bytes that came meanwhile are not in it", r.lost))
		r.lost = 0
	}
	if err == nil {
		t.mark = t.pendMark
	}
	t.pending, t.pendMark = t.pending[:0], nil
}

// append adds a frame to the track's segment, or to a new one, and makes room for it.
func (t *Track) append(frame []byte) error {
	r := t.rec
	for r.size+int64(len(frame)) > r.most && r.drop() {
	}
	if n := len(t.segments); t.file != nil && t.segments[n-1].size+int64(len(frame)) > r.most/recordParts {
		t.closeSegment()
	}
	if t.file == nil {
		if err := t.openSegment(len(frame)); err != nil {
			return plainError(err)
		}
	}
	s := &t.segments[len(t.segments)-1]
	if _, err := t.file.WriteAt(frame, s.size); err != nil {
		_ = t.file.Truncate(s.size)
		return plainError(err)
	}
	s.size += int64(len(frame))
	r.size += int64(len(frame))
	t.dirty = true
	return nil
}

// openSegment opens the one that an earlier run left, while there is room in it, or begins one.
func (t *Track) openSegment(room int) error {
	n := len(t.segments)
	if n > 0 && t.segments[n-1].size+int64(room) <= t.rec.most/recordParts {
		f, err := os.OpenFile(t.segments[n-1].file, os.O_WRONLY, 0)
		t.file = f
		return err
	}
	dir := filepath.Join(t.rec.dir, t.Folder)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	number := 1
	if n > 0 {
		number = segmentNumber(t.segments[n-1].file) + 1
	}
	from := time.Now().UTC().Format(segmentTime)
	name := filepath.Join(dir, fmt.Sprintf("%06d-%s.zst", number, from))
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	t.file, t.segments = f, append(t.segments, segment{file: name, from: from})
	return nil
}

func (t *Track) closeSegment() {
	_ = t.file.Sync()
	t.file.Close()
	t.file, t.dirty = nil, false
}

// drop removes the oldest segment that does not grow any more, and makes one where all grow. It reports false when there
// is nothing to drop.
func (r *Recording) drop() bool {
	var oldest, largest *Track
	for _, t := range r.tracks {
		n := len(t.segments)
		if n > 1 || n == 1 && t.file == nil {
			if oldest == nil || t.segments[0].from < oldest.segments[0].from {
				oldest = t
			}
		}
		if t.file != nil && (largest == nil || t.segments[n-1].size > largest.segments[len(largest.segments)-1].size) {
			largest = t
		}
	}
	if oldest == nil {
		if largest == nil {
			return false
		}
		largest.closeSegment()
		oldest = largest
	}
	s := oldest.segments[0]
	if err := os.Remove(s.file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		r.notice(fmt.Sprintf("recording: %v", err))
		return false
	}
	oldest.segments = slices.Delete(oldest.segments, 0, 1)
	r.size -= s.size
	until := "now"
	if len(oldest.segments) > 0 {
		until = oldest.segments[0].from
	}
	r.notice(fmt.Sprintf("recording: dropped %s from %s to %s (%d KiB) to keep within %d MiB", oldest.Folder, s.from, until, s.size>>10, r.most>>20))
	return true
}

func (r *Recording) keepFlushing() {
	tick := time.NewTicker(recordFlush)
	defer tick.Stop()
	for n := 1; ; n++ {
		select {
		case <-r.done:
			return
		case <-tick.C:
			r.flushAll()
			if n%recordSync == 0 {
				r.syncAll()
			}
		}
	}
}

func (r *Recording) flushAll() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, t := range r.tracks {
		t.flush()
	}
}

// syncAll gives the disk its time without holding up who writes.
func (r *Recording) syncAll() {
	for _, t := range r.Tracks() {
		r.mu.Lock()
		f, dirty := t.file, t.dirty
		t.dirty = false
		r.mu.Unlock()
		if dirty && f != nil {
			_ = f.Sync() // a segment that was closed meanwhile was synced then
		}
	}
}

// Close writes what is pending. Nothing may be written behind it.
func (r *Recording) Close() {
	close(r.done)
	r.ended.Wait()
	r.flushAll()
	for _, t := range r.tracks {
		if t.file != nil {
			t.closeSegment()
		}
		t.encoder.Close()
	}
	r.lock.Close()
}

// Replay gives what earlier runs recorded, in the pieces in which it came.
func (t *Track) Replay(each func(data []byte) error) error {
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxZstdFrame))
	if err != nil {
		return err
	}
	defer d.Close()
	for _, s := range t.segments {
		f, err := os.Open(s.file)
		if err != nil {
			return err
		}
		err = eachFrame(f, s.size, func(packed []byte, _ json.RawMessage) error {
			data, err := d.DecodeAll(packed, nil)
			if err != nil {
				return fmt.Errorf("recording %s: %w", s.file, err)
			}
			return each(data)
		})
		f.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

const segmentTime = "20060102T150405Z"

// segmentsOf lists a track's segments in order.
func segmentsOf(dir string) ([]segment, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var all []segment
	for _, e := range entries {
		name := e.Name()
		if segmentNumber(name) == 0 || !e.Type().IsRegular() {
			continue
		}
		info, err := e.Info()
		if err != nil {
			continue // dropped meanwhile
		}
		_, from, _ := strings.Cut(strings.TrimSuffix(name, ".zst"), "-")
		all = append(all, segment{filepath.Join(dir, name), from, info.Size()})
	}
	slices.SortFunc(all, func(a, b segment) int { return cmp.Compare(segmentNumber(a.file), segmentNumber(b.file)) })
	return all, err
}

// segmentNumber is 0 for what is no segment.
func segmentNumber(file string) int {
	number, rest, ok := strings.Cut(filepath.Base(file), "-")
	n, err := strconv.Atoi(number)
	if !ok || err != nil || n < 0 || !strings.HasSuffix(rest, ".zst") {
		return 0
	}
	return n
}

type manifest struct {
	Schema string
	Tracks []TrackInfo
}

// maxManifest is far more than a watch has sources.
const maxManifest = 1 << 20

// readRecording reads the tracks of the recording in a folder; fs.ErrNotExist = it holds none.
func readRecording(dir string) ([]TrackInfo, error) {
	f, err := os.Open(filepath.Join(dir, recordingFile))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxManifest))
	if err != nil {
		return nil, err
	}
	var m manifest
	if err := json.Unmarshal(b, &m); err != nil || m.Schema != recordingSchema {
		return nil, fmt.Errorf("%s: not %q: %w", f.Name(), recordingSchema, cmp.Or(err, errors.New("another schema")))
	}
	for _, t := range m.Tracks {
		if t.Folder == "." || !filepath.IsLocal(t.Folder) || strings.ContainsAny(t.Folder, `/\`) {
			return nil, fmt.Errorf("%s: %q is no folder of it", f.Name(), t.Folder)
		}
	}
	return m.Tracks, nil
}
