package collect

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
)

// recording lists the tracks of a recording, each as one unit: the log that it would be had it never been cut. It reports
// false when the folder holds none.
func (w *walker) recording(dir, prefix, rel string) bool {
	tracks, err := readRecording(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return false
	}
	if err != nil {
		w.fail(path.Join(prefix, recordingFile), false, plainError(err))
		return false // its segments are read one by one, as any folder's files
	}
	for _, t := range tracks {
		folder := filepath.Join(dir, t.Folder)
		u := &Unit{Name: path.Join(prefix, t.Folder), rel: path.Join(rel, t.Folder), file: absolute(folder), host: t.Host, format: t.Format}
		if w.seen[u.file] {
			continue
		}
		w.seen[u.file] = true
		segments, err := segmentsOf(folder)
		if err != nil {
			w.fail(u.Name, false, plainError(err))
			continue
		}
		for _, s := range segments {
			if info, err := os.Stat(s.file); err == nil && info.ModTime().After(u.modTime) {
				u.modTime = info.ModTime()
			}
		}
		u.open = func() (io.ReadCloser, error) { return &trackReader{segments: segments}, nil }
		w.units = append(w.units, u)
	}
	return true
}

// trackReader gives the whole frames of a track's segments, one after the other. The frame that a crash left unfinished is
// passed over; what is damaged otherwise is told at the end.
type trackReader struct {
	segments []segment
	file     *os.File
	r        io.Reader
	damage   error
}

func (t *trackReader) Read(p []byte) (int, error) {
	for {
		if t.r != nil {
			n, err := t.r.Read(p)
			if n > 0 || err != nil && err != io.EOF {
				return n, err
			}
			t.Close()
		}
		if len(t.segments) == 0 {
			return 0, cmp.Or(t.damage, io.EOF)
		}
		if err := t.next(); err != nil {
			return 0, err
		}
	}
}

func (t *trackReader) next() error {
	s := t.segments[0]
	t.segments = t.segments[1:]
	f, err := os.Open(s.file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // dropped by a watch that goes on
	}
	if err != nil {
		return plainError(err)
	}
	t.file = f
	e, err := scan(f)
	if err != nil {
		return plainError(err)
	}
	if e.size-e.whole > maxFrame && t.damage == nil {
		t.damage = fmt.Errorf("%s: no frame at byte %d; the rest of this segment is not read", filepath.Base(s.file), e.whole)
	}
	t.r = io.NewSectionReader(f, 0, e.whole)
	return nil
}

func (t *trackReader) Close() error {
	if t.file != nil {
		t.file.Close()
	}
	t.file, t.r = nil, nil
	return nil
}
