package correlate

import "math"

// Fit says how much of a series each of several others accounts for.
type Fit struct {
	Coef      []float64 // of each regressor, never negative
	Explained float64   // 1 - the squares left / the squares of y, 0..1
	// Ambiguous: two regressors with a share in it go so much alike that which one is the cause cannot be told.
	Ambiguous bool
}

const (
	maxRegressors = 12
	// maxSweeps bounds the descent on regressors that are almost alike, which crawls.
	maxSweeps = 20000
	// settled is the change, as a share of y's norm, below which another sweep says nothing new.
	settled = 1e-12
	// alike is the cosine beyond which two regressors differ by less than 4.5 % of their length: noise of that size decides.
	alike = 0.999
)

// NNLS finds the coefficients >= 0 that bring the sum of the columns closest to y in squares: keys made = requests of each
// client x keys a request, none of which can be negative. Columns are the regressors, each as long as y. It is a cyclic
// coordinate descent on the normalised Gram matrix: convex, so the order decides nothing but ties between equal
// columns (the first has it). Not ok when nothing can be learned: no or unequal data, too many columns, y without a
// number other than zero, or fewer readings than columns.
func NNLS(columns [][]float64, y []float64) (Fit, bool) {
	n := len(columns)
	yy := dot(y, y)
	if n == 0 || n > maxRegressors || len(y) < n || yy == 0 {
		return Fit{}, false
	}
	norm := make([]float64, n)
	for j, c := range columns {
		if len(c) != len(y) {
			return Fit{}, false
		}
		norm[j] = math.Sqrt(dot(c, c))
	}
	var gram [maxRegressors][maxRegressors]float64
	var target, x [maxRegressors]float64
	for i := range n {
		if norm[i] == 0 {
			continue
		}
		target[i] = dot(columns[i], y) / norm[i]
		for j := range n {
			if norm[j] != 0 {
				gram[i][j] = dot(columns[i], columns[j]) / norm[i] / norm[j]
			}
		}
	}
	eps := settled * math.Sqrt(yy)
	for range maxSweeps {
		var moved float64
		for i := range n {
			if norm[i] == 0 {
				continue
			}
			gradient := target[i]
			for j := range n {
				gradient -= gram[i][j] * x[j]
			}
			was := x[i]
			x[i] = max(0, was+gradient)
			moved = max(moved, math.Abs(x[i]-was))
		}
		if moved <= eps {
			break
		}
	}
	f := Fit{Coef: make([]float64, n)}
	left := make([]float64, len(y))
	copy(left, y)
	for j, c := range columns {
		if norm[j] == 0 {
			continue
		}
		f.Coef[j] = x[j] / norm[j]
		for i, v := range c {
			left[i] -= f.Coef[j] * v
		}
		for k := range j {
			if gram[j][k] > alike && x[j]+x[k] > eps {
				f.Ambiguous = true
			}
		}
	}
	f.Explained = min(max(1-dot(left, left)/yy, 0), 1)
	return f, true
}

func dot(a, b []float64) float64 {
	var s float64
	for i := range a {
		s += a[i] * b[i]
	}
	return s
}
