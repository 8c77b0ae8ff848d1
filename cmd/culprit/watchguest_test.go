package main

import (
	"math"
	"runtime/debug"
	"strings"
	"testing"
)

func TestBeGuest(t *testing.T) {
	before := debug.SetMemoryLimit(math.MaxInt64)
	defer debug.SetMemoryLimit(before)
	text, undo := beGuest()
	if got := debug.SetMemoryLimit(-1); got != guestMemory || !strings.Contains(text, "64 MiB") || !strings.Contains(text, "oom_score_adj") {
		t.Errorf("limit %d, %q", got, text)
	}
	undo()
	if got := debug.SetMemoryLimit(-1); got != math.MaxInt64 {
		t.Errorf("limit %d afterwards", got)
	}
	debug.SetMemoryLimit(100 << 20) // as GOMEMLIMIT does
	text, undo = beGuest()
	undo()
	if got := debug.SetMemoryLimit(-1); got != 100<<20 || !strings.Contains(text, "100 MiB") {
		t.Errorf("limit %d, %q", got, text)
	}
	for adj, want := range map[int]string{0: "larger first", -500: "behind all", -1000: "never", 250: "25.0 %"} {
		if got := oomPlace(adj); !strings.Contains(got, want) {
			t.Errorf("%d: %q", adj, got)
		}
	}
}
