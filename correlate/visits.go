package correlate

import "time"

// visitGap ends a visit, as web analytics count them (and PHP's session.gc_maxlifetime of 1,440 s is of that order).
const visitGap = 30 * time.Minute

// countVisits counts the first page after each silence of visitGap.
func countVisits(bins []clientCell, width int64) float64 {
	n := 0.0
	eachVisit(bins, width, func(int64) { n++ })
	return n
}

func eachVisit(bins []clientCell, width int64, f func(bin int64)) {
	last := int64(-1 << 62)
	for _, b := range bins {
		bin := int64(b.bin)
		if b.pages > 0 && bin-last > visitBins(width) {
			f(bin)
		}
		last = bin
	}
}

// visitBins is how many bins of so many seconds the next request of a visit is away at most.
func visitBins(width int64) int64 { return max(int64(visitGap/time.Second)/width, 1) }
