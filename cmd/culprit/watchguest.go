package main

import (
	"fmt"
	"math"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
)

// guestMemory is what a watch keeps itself to: measured, a day of a shop with 60,000 clients and a Redis asked ten times a
// second need 50 MiB. It is no wall: a fold that needs more gets it, and pays with garbage collection.
const guestMemory = 64 << 20

// beGuest bounds the program's memory, unless GOMEMLIMIT does already, and says what the kernel would do with it when the
// host runs out. undo takes the bound back.
func beGuest() (text string, undo func()) {
	limit, undo := debug.SetMemoryLimit(-1), func() {}
	if limit == math.MaxInt64 {
		limit = guestMemory
		debug.SetMemoryLimit(limit)
		undo = func() { debug.SetMemoryLimit(math.MaxInt64) }
	}
	text = fmt.Sprintf("culprit itself: memory kept to about %d MiB (GOMEMLIMIT)", limit>>20)
	if b, err := os.ReadFile("/proc/self/oom_score_adj"); err == nil {
		if adj, err := strconv.Atoi(strings.TrimSpace(string(b))); err == nil {
			text += "; " + oomPlace(adj)
		}
	}
	return text, undo
}

// oomPlace explains an oom_score_adj: the kernel kills by resident memory, plus so many thousandths of all there is.
func oomPlace(adj int) string {
	s := fmt.Sprintf("oom_score_adj %d: ", adj)
	switch {
	case adj == -1000:
		return s + "the kernel never kills it, and kills others instead; -500 would do"
	case adj < 0:
		return s + "the kernel kills it behind all that is larger, and behind some that is smaller"
	case adj == 0:
		return s + "the kernel kills what is larger first, so it stays to tell"
	}
	return s + fmt.Sprintf("the kernel takes it for %d.%d %% of RAM larger than it is, and may kill it first", adj/10, adj%10)
}
