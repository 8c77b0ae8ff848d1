package parsers

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func FuzzClock(f *testing.F)      { fuzzParser(f, "clock") }
func FuzzTranscript(f *testing.F) { fuzzParser(f, "transcript") }

func TestUpDuration(t *testing.T) {
	f := func(in string, want time.Duration) {
		t.Helper()
		if got, ok := upDuration(in); !ok || got != want {
			t.Errorf("%q: %v %v, want %v", in, got, ok, want)
		}
	}
	f("51 days, 15:42,  3 users,  ", 51*24*time.Hour+15*time.Hour+42*time.Minute)
	f("1 day,  2 min,  1 user,  ", 24*time.Hour+2*time.Minute)
	f("12 min,  ", 12*time.Minute)
	f(" 3:07,  2 users, ", 3*time.Hour+7*time.Minute)
}

// One command's output belongs to its own parser, and so do snapshots with their dates between them.
func TestTranscriptLeavesSingleOutputsAlone(t *testing.T) {
	f := func(in string) {
		t.Helper()
		if s := matchTranscript(NewHead("x", []byte(in))); s != 0 {
			t.Errorf("%q: transcript is %d sure", in, s)
		}
	}
	mem := "       total  used  free  shared  buff/cache  available\nMem:  3944  1211  1903  21  829  2450\n"
	f("$ free -m\n" + mem)
	f("$ date\nMon Mar  2 15:40:11 CET 2026\n$ free -m\n" + mem)
	f("$ date\nMon Mar  2 15:40:11 CET 2026\n$ uptime -s\n2026-02-18 12:33:02\n")
	f("no prompt at all\n")
	f("$ ls\nfoo\n$ ls\nbar\n")
}

// A file of nothing but prompts costs no more than its bounded number of parts.
func TestTranscriptBoundsItsParts(t *testing.T) {
	in := strings.Repeat("$ x\n", 300_000)
	src := &Source{Name: "t", R: strings.NewReader(in)}
	if err := parseTranscript(src, func(Record) {}); err != nil || src.Read != 300_000 {
		t.Errorf("read %d lines, error %v", src.Read, err)
	}
	long := append(bytes.Repeat([]byte("a"), 3<<20), "\n$ free\nMem: 3944 1 2 3 4 5\n"...)
	src = &Source{Name: "t", R: bytes.NewReader(long)}
	n := 0
	if err := parseTranscript(src, func(r Record) { n = r.At.Line }); err != nil || src.Read != 3 || n != 3 {
		t.Errorf("after a long line: read %d, record at line %d, error %v", src.Read, n, err)
	}
}
