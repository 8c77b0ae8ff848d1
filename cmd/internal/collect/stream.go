package collect

import (
	"bytes"
	"errors"
	"io"
)

// streamHeld is how much of a stream is held in memory, so that it can be read twice like a file: 64 MiB of compressed
// bundle is more than a usual sosreport's text. Of a longer stream the census sees this much and the reading sees all.
const streamHeld = 64 << 20

// streamUnit makes a unit of what can be read only once: standard input, a named pipe.
func streamUnit(name string, r io.Reader) *Unit {
	s := &stream{r: r}
	return &Unit{Name: name, Named: true, stream: true, open: s.open}
}

type stream struct {
	r     io.Reader
	held  []byte
	err   error
	state int // how often it was opened
}

// open gives the held beginning the first time, and everything the second time.
func (s *stream) open() (io.ReadCloser, error) {
	s.state++
	switch s.state {
	case 1:
		s.held, s.err = io.ReadAll(io.LimitReader(s.r, streamHeld))
		return io.NopCloser(bytes.NewReader(s.held)), nil
	case 2:
		if s.err == nil && len(s.held) < streamHeld {
			s.err = io.EOF
		}
		if s.err != nil {
			return io.NopCloser(io.MultiReader(bytes.NewReader(s.held), failing{s.err})), nil
		}
		return io.NopCloser(io.MultiReader(bytes.NewReader(s.held), s.r)), nil
	}
	if s.err == io.EOF {
		return io.NopCloser(bytes.NewReader(s.held)), nil
	}
	return nil, errors.New("is a stream and was read already")
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }
