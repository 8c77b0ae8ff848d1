package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"culprit/correlate"
	"culprit/parsers"
)

// liveSource is one perpetual source of a known format. Its bytes are recorded and parsed in chunks of whole lines, at the
// lines where an analysis of the recording will find them.
type liveSource struct {
	in     io.Reader // a Read gives whole lines; it ends with the run
	settle time.Duration
	record *os.File // nil = not recorded
	file   *reading
	lines  int
	bytes  int64
}

// How long what came waits for more: the lines of one kernel report or one PHP error belong together, and are written
// within moments. An answer to a question is whole as it comes.
const (
	settleLines   = 200 * time.Millisecond
	settleReports = time.Second
	settleMost    = 10 // times as long, when there is no silence
)

func newLiveSource(name, format string, in io.Reader, settle time.Duration) *liveSource {
	p, ok := parsers.ByName(format)
	if !ok {
		panic("no parser " + format)
	}
	return &liveSource{in: in, settle: settle, file: &reading{parser: p, source: parsers.Source{Name: name}}}
}

// fold is the incident so far. Its lock is held while a chunk is parsed, and while it is judged: both are bounded work on
// memory, so that no source waits for another's input.
type fold struct {
	mu      sync.Mutex
	t       *correlate.Timeline
	sources []*liveSource
	news    bool // since it was judged
}

// pump reads the source to its end, and hands chunks to the fold. tell is told of a recording that fails.
func (s *liveSource) pump(ctx context.Context, f *fold, tell func(string)) error {
	came := make(chan []byte)
	var failed error
	go func() {
		defer close(came)
		buf := make([]byte, blockSize)
		for {
			n, err := s.in.Read(buf)
			if n > 0 {
				came <- bytes.Clone(buf[:n])
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
	var since time.Time // the oldest byte of chunk came
	settled := time.NewTimer(time.Hour)
	defer settled.Stop()
	flush := func(all bool) {
		end := bytes.LastIndexByte(chunk, '\n') + 1
		if all || len(chunk) > parsers.MaxLine {
			end = len(chunk)
		}
		if end > 0 {
			s.take(f, chunk[:end], tell)
		}
		chunk = append([]byte(nil), chunk[end:]...)
	}
	for {
		select {
		case b, ok := <-came:
			if !ok {
				flush(true)
				return failed
			}
			if len(chunk) == 0 {
				since = time.Now()
			}
			chunk = append(chunk, b...)
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

// take records and parses a chunk.
func (s *liveSource) take(f *fold, chunk []byte, tell func(string)) {
	if s.record != nil {
		if _, err := s.record.Write(chunk); err != nil {
			tell(fmt.Sprintf("recording: %v; it ends here, the watch goes on", err))
			s.record.Close()
			s.record = nil
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if head := s.file.source.Head; len(head) < headSize {
		s.file.source.Head = append(head[:len(head):len(head)], chunk[:min(len(chunk), headSize-len(head))]...)
	}
	s.file.parse(bytes.NewReader(chunk), nil, s.lines, f.t.Add)
	s.lines += bytes.Count(chunk, []byte("\n"))
	s.bytes += int64(len(chunk))
	f.news = true
}

// input is what became of the source so far. The fold's lock is held.
func (s *liveSource) input() correlate.Input {
	in := correlate.Input{
		File: s.file.source.Name, Format: s.file.parser.Name, Read: s.file.source.Read, Facts: s.file.facts,
		Skipped: s.file.source.Skipped, FirstSkipped: s.file.source.FirstSkipped, From: s.file.from, To: s.file.to, Bytes: s.bytes,
	}
	if s.file.err != nil {
		in.Err = s.file.err.Error()
	}
	return in
}
