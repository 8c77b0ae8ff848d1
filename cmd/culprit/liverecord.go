package main

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"culprit/parsers"
)

// byteSize is a flag such as 512MiB.
type byteSize int64

var byteUnits = []struct {
	suffix string
	bytes  int64
}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"GB", 1e9}, {"MB", 1e6}, {"kB", 1e3}, {"B", 1}}

func (b *byteSize) Set(text string) error {
	for _, u := range byteUnits {
		number, ok := strings.CutSuffix(text, u.suffix)
		if n, err := strconv.ParseInt(number, 10, 64); ok && err == nil && n > 0 && n <= math.MaxInt64/u.bytes {
			*b = byteSize(n * u.bytes)
			return nil
		}
	}
	return errors.New("use a number and a unit, such as 512MiB or 2GB")
}

func (b *byteSize) String() string {
	for _, u := range byteUnits[:3] {
		if n := int64(*b); n >= u.bytes && n%u.bytes == 0 {
			return strconv.FormatInt(n/u.bytes, 10) + u.suffix
		}
	}
	return strconv.FormatInt(int64(*b), 10) + "B"
}

func (b *byteSize) Type() string { return "SIZE" }

// replay makes a source of every track of the recording, with what earlier runs put into it. A log is read as its opening
// says.
func (f *fold) replay(openings []opening) error {
	for _, t := range f.recording.Tracks() {
		if _, ok := parsers.ByName(t.Format); !ok {
			return fmt.Errorf("%s holds %q, which this culprit cannot read; name a new folder", t.Folder, t.Format)
		}
		s := newLiveSource(t.Name, t.Format, 0)
		s.file.source.Host, s.track = t.Host, t
		if i := slices.IndexFunc(openings, func(o opening) bool { return o.name == t.Name }); i >= 0 {
			s.file.source.Hints = openings[i].hints
		}
		f.sources = append(f.sources, s)
		if err := s.replay(f); err != nil {
			return err
		}
	}
	return nil
}

// recorded gives the source of a track that was replayed, or a new one with a new track.
func (f *fold) recorded(o opening) (*liveSource, error) {
	t, err := f.recording.Track(o.name, o.file, o.format, o.host)
	if err != nil {
		return nil, err
	}
	for _, s := range f.sources {
		if s.track == t {
			s.settle = o.settle
			return s, nil
		}
	}
	s := f.add(o)
	s.track = t
	return s, nil
}
