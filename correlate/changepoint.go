package correlate

import (
	"math"
	"slices"
)

// Change is where a series left its baseline.
type Change struct {
	At            float64 // the first reading of the new regime
	After, Before float64 // the change happened later than After and not later than Before: the readings around At
	From, To      float64 // medians of the old and of the new regime
	Explained     float64 // share of the series' absolute deviation that the step accounts for, 0..1
}

const (
	// minRegime readings make a regime: one alone is an outlier until a second agrees.
	minRegime = 2
	// minExplained of the deviation, and minExplainedShort more for every reading fewer than enoughReadings: of series of
	// pure noise (normal, 4 to 512 readings) fewer than one in twenty pass (TestLevelShiftNoise).
	minExplained      = 0.35
	minExplainedShort = 0.05
	enoughReadings    = 13
	// minStep in MADs of the regimes' own noise: a step that noise makes every day is none.
	minStep = 3
	// maxChange bounds the quadratic search; longer series are thinned, and At is as coarse as the readings kept.
	maxChange = 512
)

// RateShift finds where a growing total (keys, bytes, requests) changed its pace: LevelShift of the rates between
// neighbouring readings. A rate belongs to the reading that it begins with, so At is the reading the new pace was first
// measured from, and one interval either side brackets it. Readings at one time are taken as one, the last.
func RateShift(pts []Point) (Change, bool) {
	pts = slices.Clone(thin(pts, maxChange+1))
	uniq := pts[:0]
	for i, p := range pts {
		if i+1 < len(pts) && pts[i+1].T <= p.T {
			continue
		}
		uniq = append(uniq, p)
	}
	if len(uniq) < 2 {
		return Change{}, false
	}
	rates := make([]Point, len(uniq)-1)
	for i := range rates {
		rates[i] = Point{uniq[i].T, (uniq[i+1].V - uniq[i].V) / (uniq[i+1].T - uniq[i].T)}
	}
	c, ok := LevelShift(rates)
	if !ok {
		return Change{}, false
	}
	// The reading before At closes an interval of the old pace, which the change may already have touched; the reading after
	// At closes the first interval of the new.
	for i, p := range uniq {
		if p.T == c.At {
			c.After, c.Before = uniq[i-1].T, uniq[i+1].T
		}
	}
	return c, true
}

// LevelShift finds the one split of a series that best separates the medians of its halves: the split with the least
// sum of absolute deviations from them, the earliest of equals. Not ok when there are too few readings, when the step
// explains too little, or when the noise could have made it.
func LevelShift(pts []Point) (Change, bool) {
	pts = thin(pts, maxChange)
	n := len(pts)
	if n < 2*minRegime {
		return Change{}, false
	}
	vs := make([]float64, n)
	for i, p := range pts {
		vs[i] = p.V
	}
	left := runningDeviation(vs)
	slices.Reverse(vs)
	right := runningDeviation(vs)
	slices.Reverse(vs)
	best, cost := 0, math.Inf(1)
	for k := minRegime; k <= n-minRegime; k++ {
		if c := left[k] + right[n-k]; c < cost {
			best, cost = k, c
		}
	}
	total := left[n]
	from, _ := Median(vs[:best])
	to, _ := Median(vs[best:])
	if total == 0 || from == to {
		return Change{}, false
	}
	c := Change{At: pts[best].T, After: pts[best-1].T, Before: pts[best].T, From: from, To: to, Explained: max(0, 1-cost/total)}
	noise := make([]float64, n)
	for i, v := range vs {
		noise[i] = math.Abs(v - from)
		if i >= best {
			noise[i] = math.Abs(v - to)
		}
	}
	mad, _ := Median(noise)
	needed := minExplained + minExplainedShort*float64(max(0, enoughReadings-n))
	return c, c.Explained >= needed && math.Abs(to-from) >= minStep*mad
}

// runningDeviation gives for each k the sum of absolute deviations of the first k numbers from their median.
func runningDeviation(vs []float64) []float64 {
	out := make([]float64, len(vs)+1)
	sorted := make([]float64, 0, len(vs))
	for k, v := range vs {
		at, _ := slices.BinarySearch(sorted, v)
		sorted = slices.Insert(sorted, at, v)
		// Pairing the smallest with the greatest needs no median and loses nothing to large offsets.
		var sum float64
		for i, j := 0, k; i < j; i, j = i+1, j-1 {
			sum += sorted[j] - sorted[i]
		}
		out[k+1] = sum
	}
	return out
}
