package correlate

import (
	"cmp"
	"math"
	"slices"
)

// Robust statistics: an incident is an outlier by nature, and a mean would be dragged to it. Every function leaves its
// arguments as they were, gives the same answer for the same numbers, and says ok = false instead of inventing one when
// there are too few. Arguments are finite: the parsers give no NaN and no Inf.

// Point is a reading: T in seconds on any fixed scale, V in any unit. Series are ordered by T.
type Point struct{ T, V float64 }

// Median of xs; not ok when xs is empty.
func Median(xs []float64) (float64, bool) { return Quantile(xs, 0.5) }

// Quantile q (0..1) of xs, linear between the two nearest (Hyndman and Fan's type 7, that of R and NumPy).
func Quantile(xs []float64, q float64) (float64, bool) {
	if len(xs) == 0 {
		return 0, false
	}
	return quantileSorted(inOrder(xs), q), true
}

// inOrder is xs, or a sorted copy of it.
func inOrder(xs []float64) []float64 {
	if !slices.IsSorted(xs) {
		xs = slices.Clone(xs)
		slices.Sort(xs)
	}
	return xs
}

func quantileSorted(s []float64, q float64) float64 {
	h := min(max(q, 0), 1) * float64(len(s)-1)
	i := int(h)
	if i+1 >= len(s) {
		return s[len(s)-1]
	}
	return s[i] + (h-float64(i))*(s[i+1]-s[i])
}

// IQR is the range of the middle half: the baseline's own spread. Not ok below 2 numbers, where there is no spread to see.
func IQR(xs []float64) (float64, bool) {
	if len(xs) < 2 {
		return 0, false
	}
	s := inOrder(xs)
	return quantileSorted(s, 0.75) - quantileSorted(s, 0.25), true
}

// MAD is the median distance from the median; half the numbers may be wild and it stands. It estimates a normal
// distribution's sigma when multiplied with MADSigma.
func MAD(xs []float64) (float64, bool) {
	if len(xs) < 2 {
		return 0, false
	}
	m, _ := Median(xs)
	d := make([]float64, len(xs))
	for i, x := range xs {
		d[i] = math.Abs(x - m)
	}
	return Median(d)
}

// MADSigma is 1 over the 0.75 quantile of the standard normal distribution.
const MADSigma = 1.4826

// Slope is a line's rise, in units of V a second, with the interval that holds it.
type Slope struct {
	PerSecond, Low, High float64
	// Interval: Low and High bound it with 95 % confidence. Below about 5 points no interval has that much; then they are
	// the least and the greatest slope between any two points.
	Interval  bool
	Intercept float64 // V at T = 0 of the median line
}

// maxTheilSen bounds the pairs to 512*511/2; more points are thinned evenly, which costs little of a slope's precision.
const maxTheilSen = 512

// TheilSen is the median of the slopes between all pairs of points: up to 29 % of them may be wild. The interval is Sen's
// (1968), from the distribution of Kendall's tau. Not ok without two different times.
func TheilSen(pts []Point) (Slope, bool) {
	pts = thin(pts, maxTheilSen)
	n := len(pts)
	slopes := make([]float64, 0, n*(n-1)/2)
	for i, p := range pts {
		for _, q := range pts[i+1:] {
			if q.T != p.T {
				slopes = append(slopes, (q.V-p.V)/(q.T-p.T))
			}
		}
	}
	if len(slopes) == 0 {
		return Slope{}, false
	}
	slices.Sort(slopes)
	s := Slope{PerSecond: quantileSorted(slopes, 0.5), Low: slopes[0], High: slopes[len(slopes)-1]}
	const z95 = 1.96 // two-sided normal quantile
	half := z95 * math.Sqrt(float64(n)*float64(n-1)*float64(2*n+5)/18) / 2
	mid := float64(len(slopes)) / 2
	if lo, hi := int(math.Floor(mid-half)), int(math.Ceil(mid+half)); lo >= 0 && hi < len(slopes) {
		s.Low, s.High, s.Interval = slopes[lo], slopes[hi], true
	}
	rest := make([]float64, n)
	for i, p := range pts {
		rest[i] = p.V - s.PerSecond*p.T
	}
	s.Intercept, _ = Median(rest)
	return s, true
}

// thin keeps at most n points, evenly by index, the first and the last among them.
func thin(pts []Point, n int) []Point {
	if len(pts) <= n {
		return pts
	}
	out := make([]Point, n)
	for i := range out {
		out[i] = pts[i*(len(pts)-1)/(n-1)]
	}
	return out
}

// ---- how two series go together ----

// Increments are the differences of neighbours. Two growing totals always correlate; their increments need a reason to.
func Increments(xs []float64) []float64 {
	if len(xs) < 2 {
		return nil
	}
	d := make([]float64, len(xs)-1)
	for i := range d {
		d[i] = xs[i+1] - xs[i]
	}
	return d
}

// minPairs: two points always lie on a line.
const minPairs = 3

// Pearson correlation. Not ok when the series differ in length, have fewer than 3 numbers, or one is constant.
func Pearson(a, b []float64) (float64, bool) {
	if len(a) != len(b) || len(a) < minPairs {
		return 0, false
	}
	ma, mb := mean(a), mean(b)
	var ab, aa, bb float64
	for i := range a {
		x, y := a[i]-ma, b[i]-mb
		ab, aa, bb = ab+x*y, aa+x*x, bb+y*y
	}
	if isZero(aa, a) || isZero(bb, b) {
		return 0, false
	}
	return min(max(ab/math.Sqrt(aa)/math.Sqrt(bb), -1), 1), true
}

// isZero: a constant series has a variance of rounding errors only.
func isZero(squares float64, xs []float64) bool {
	var top float64
	for _, x := range xs {
		top = max(top, math.Abs(x))
	}
	const ulps = 1e-14 // 45 ulps relative: what a mean of many equal numbers can be off by
	return squares <= float64(len(xs))*(top*ulps)*(top*ulps)
}

func mean(xs []float64) float64 {
	var s float64
	for _, x := range xs {
		s += x / float64(len(xs))
	}
	return s
}

// Spearman is Pearson of the ranks, ties sharing theirs: any monotonic relation counts, and one spike is one rank.
func Spearman(a, b []float64) (float64, bool) {
	if len(a) != len(b) {
		return 0, false
	}
	return Pearson(ranks(a), ranks(b))
}

func ranks(xs []float64) []float64 {
	order := make([]int, len(xs))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int { return cmp.Or(cmp.Compare(xs[i], xs[j]), cmp.Compare(i, j)) })
	r := make([]float64, len(xs))
	for i := 0; i < len(order); {
		j := i + 1
		for j < len(order) && xs[order[j]] == xs[order[i]] {
			j++
		}
		for _, k := range order[i:j] {
			r[k] = float64(i+j-1)/2 + 1
		}
		i = j
	}
	return r
}

func boolIndex(b bool) int {
	if b {
		return 1
	}
	return 0
}
