package main

import (
	"bytes"
	"encoding/json"
	"io"
	"sync"
	"time"

	"culprit/cmd/internal/collect"
	"culprit/correlate"
	"culprit/parsers"
)

// liveSource is one perpetual source of a known format. Its bytes are recorded and parsed in chunks of whole lines, at the
// lines where an analysis of the recording will find them. Where its reader can tell how far it was read, a later run goes
// on there.
type liveSource struct {
	in     io.Reader // a Read gives whole lines; it ends with the run; nil = an earlier run's
	settle time.Duration
	track  *collect.Track // nil = not recorded
	file   *reading
	lines  int
	bytes  int64
	last   time.Time // something came
}

// How long what came waits for more: the lines of one kernel report or one PHP error belong together, and are written
// within moments. An answer to a question is whole as it comes.
const (
	settleLines   = 200 * time.Millisecond
	settleReports = time.Second
	settleMost    = 10 // times as long, when there is no silence
)

func newLiveSource(name, format string, settle time.Duration) *liveSource {
	p, ok := parsers.ByName(format)
	if !ok {
		panic("no parser " + format)
	}
	return &liveSource{settle: settle, file: &reading{parser: p, source: parsers.Source{Name: name}}}
}

// fold is the incident so far. Its lock is held while a chunk is parsed, and while it is judged: both are bounded work on
// memory, so that no source waits for another's input.
type fold struct {
	mu      sync.Mutex
	t       *correlate.Timeline
	sources []*liveSource
	news    bool // since it was judged

	recording *collect.Recording // nil = none
}

// add makes a source that is not in the recording.
func (f *fold) add(o opening) *liveSource {
	s := newLiveSource(o.name, o.format, o.settle)
	s.file.source.Host, s.file.source.Hints = o.host, o.hints
	f.sources = append(f.sources, s)
	return s
}

// marker is a reader that can be opened again where it was read to.
type marker interface {
	Mark() json.RawMessage // behind what the last Read gave
}

// arrival is what one Read gave.
type arrival struct {
	data []byte
	mark json.RawMessage
}

// pump reads the source to its end, and hands chunks to the fold.
func (s *liveSource) pump(f *fold) error {
	came := make(chan arrival)
	var failed error
	go func() {
		defer close(came)
		buf := make([]byte, blockSize)
		for {
			n, err := s.in.Read(buf)
			if n > 0 {
				a := arrival{data: bytes.Clone(buf[:n])}
				if m, ok := s.in.(marker); ok {
					a.mark = m.Mark()
				}
				came <- a
			}
			if err != nil {
				if err != io.EOF {
					failed = err
				}
				return
			}
		}
	}()
	var chunk []byte
	var mark json.RawMessage
	whole := 0          // bytes of chunk up to the last arrival that ended with a line, where mark belongs
	var since time.Time // the oldest byte of chunk came
	settled := time.NewTimer(time.Hour)
	defer settled.Stop()
	flush := func(all bool) {
		if all || len(chunk) > parsers.MaxLine {
			whole = len(chunk)
		}
		if whole > 0 {
			s.take(f, chunk[:whole], mark)
		}
		chunk, whole = append([]byte(nil), chunk[whole:]...), 0
	}
	for {
		select {
		case a, ok := <-came:
			if !ok {
				flush(true)
				return failed
			}
			if len(chunk) == 0 {
				since = time.Now()
			}
			chunk = append(chunk, a.data...)
			if chunk[len(chunk)-1] == '\n' || len(chunk) > parsers.MaxLine {
				whole, mark = len(chunk), a.mark
			}
			if s.settle == 0 || len(chunk) >= blockSize || time.Since(since) > settleMost*s.settle {
				flush(false)
				continue
			}
			settled.Reset(s.settle)
		case <-settled.C:
			flush(false)
		}
	}
}

// take records and parses a chunk, which ends at mark. A log of many lines is on the disk anyhow; what is rare or was asked
// for is recorded at once.
func (s *liveSource) take(f *fold, chunk []byte, mark json.RawMessage) {
	if s.track != nil {
		s.track.Write(chunk, mark, s.settle != settleLines)
	}
	s.parse(f, chunk)
}

// replay parses what earlier runs recorded.
func (s *liveSource) replay(f *fold) error {
	var rest []byte
	err := s.track.Replay(func(data []byte) error {
		rest = append(rest, data...)
		if end := bytes.LastIndexByte(rest, '\n') + 1; end > 0 {
			s.parse(f, rest[:end])
			rest = append(rest[:0], rest[end:]...)
		}
		return nil
	})
	if len(rest) > 0 {
		s.parse(f, rest)
	}
	return err
}

func (s *liveSource) parse(f *fold, chunk []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if head := s.file.source.Head; len(head) < headSize {
		s.file.source.Head = append(head[:len(head):len(head)], chunk[:min(len(chunk), headSize-len(head))]...)
	}
	if s.file.parser.Line != nil {
		s.file.parse(nil, chunk, s.lines, sink{record: f.t.Add})
	} else {
		s.file.parse(bytes.NewReader(chunk), nil, s.lines, sink{record: f.t.Add}) // which reads from a reader
	}
	s.lines += bytes.Count(chunk, []byte("\n"))
	s.bytes += int64(len(chunk))
	s.last = time.Now()
	f.news = true
}

// input is what became of the source so far. The fold's lock is held.
func (s *liveSource) input() correlate.Input {
	in := correlate.Input{
		File: s.file.source.Name, Host: s.file.source.Host, Format: s.file.parser.Name, Read: s.file.source.Read, Facts: s.file.facts,
		Skipped: s.file.source.Skipped, FirstSkipped: s.file.source.FirstSkipped, From: s.file.from, To: s.file.to, Bytes: s.bytes,
	}
	if s.file.err != nil {
		in.Err = s.file.err.Error()
	}
	return in
}
