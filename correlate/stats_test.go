package correlate

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func near(a, b float64) bool { return math.Abs(a-b) <= 1e-9*max(1, math.Abs(a), math.Abs(b)) }

func TestQuantile(t *testing.T) {
	f := func(xs []float64, q, want float64, ok bool) {
		t.Helper()
		was := slices.Clone(xs)
		if got, k := Quantile(xs, q); k != ok || !near(got, want) || !slices.Equal(xs, was) {
			t.Errorf("%v at %v: %v %v, want %v %v", xs, q, got, k, want, ok)
		}
	}
	f(nil, 0.5, 0, false)
	f([]float64{7}, 0, 7, true)
	f([]float64{7}, 1, 7, true)
	f([]float64{3, 1}, 0.5, 2, true)
	f([]float64{4, 1, 3, 2}, 0.25, 1.75, true)
	f([]float64{4, 1, 3, 2}, 9, 4, true)
	f([]float64{4, 1, 3, 2}, -1, 1, true)
	f([]float64{5, 5, 5}, 0.9, 5, true)
}

func TestSpread(t *testing.T) {
	f := func(name string, fn func([]float64) (float64, bool), xs []float64, want float64, ok bool) {
		t.Helper()
		if got, k := fn(xs); k != ok || !near(got, want) {
			t.Errorf("%s %v: %v %v, want %v %v", name, xs, got, k, want, ok)
		}
	}
	f("median", Median, nil, 0, false)
	f("median", Median, []float64{9, 1, 5}, 5, true)
	f("iqr", IQR, []float64{1}, 0, false)
	f("iqr", IQR, []float64{1, 2, 3, 4, 5}, 2, true)
	f("mad", MAD, []float64{1}, 0, false)
	f("mad", MAD, []float64{2, 2}, 0, true)
	f("mad", MAD, []float64{1, 2, 3, 4, 1e9}, 1, true)
}

func TestTheilSen(t *testing.T) {
	f := func(pts []Point, want Slope, ok bool) {
		t.Helper()
		got, k := TheilSen(pts)
		if k != ok || got.Interval != want.Interval || !near(got.PerSecond, want.PerSecond) || !near(got.Low, want.Low) || !near(got.High, want.High) || !near(got.Intercept, want.Intercept) {
			t.Errorf("%v: %+v %v, want %+v %v", pts, got, k, want, ok)
		}
	}
	f(nil, Slope{}, false)
	f([]Point{{1, 5}}, Slope{}, false)
	f([]Point{{1, 5}, {1, 6}}, Slope{}, false)
	f([]Point{{0, 5}, {10, 25}}, Slope{PerSecond: 2, Low: 2, High: 2, Intercept: 5}, true)
	f([]Point{{0, 3}, {1, 3}, {2, 3}}, Slope{Intercept: 3}, true)
	line := make([]Point, 40)
	for i := range line {
		line[i] = Point{float64(i), 3*float64(i) + 1}
	}
	f(line, Slope{PerSecond: 3, Low: 3, High: 3, Intercept: 1, Interval: true}, true)
	for _, i := range []int{3, 11, 17, 30, 38} { // an eighth of the readings is wild
		line[i].V = 1e6
	}
	if s, ok := TheilSen(line); !ok || s.PerSecond < 2.9 || s.PerSecond > 4 {
		t.Errorf("wild readings: %+v", s)
	}
}

func TestTheilSenInterval(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	const trials = 400
	held := 0
	for range trials {
		pts := make([]Point, 30)
		for i := range pts {
			pts[i] = Point{float64(i), 0.5*float64(i) + 4*r.NormFloat64()}
		}
		if s, ok := TheilSen(pts); ok && s.Interval && s.Low <= 0.5 && 0.5 <= s.High {
			held++
		}
	}
	if share := float64(held) / trials; share < 0.92 || share > 0.99 {
		t.Errorf("the 95 %% interval held the slope %.3f of the time", share)
	}
	long := make([]Point, 100_000)
	for i := range long {
		long[i] = Point{float64(i), 2 * float64(i)}
	}
	if s, ok := TheilSen(long); !ok || !near(s.PerSecond, 2) {
		t.Errorf("long: %+v", s)
	}
}

func TestCorrelation(t *testing.T) {
	type corr = func(a, b []float64) (float64, bool)
	f := func(name string, fn corr, a, b []float64, want float64, ok bool) {
		t.Helper()
		if got, k := fn(a, b); k != ok || !near(got, want) {
			t.Errorf("%s %v %v: %v %v, want %v %v", name, a, b, got, k, want, ok)
		}
	}
	up, curve := []float64{1, 2, 3, 4}, []float64{1, 10, 100, 1000}
	for name, fn := range map[string]corr{"pearson": Pearson, "spearman": Spearman} {
		f(name, fn, nil, nil, 0, false)
		f(name, fn, up[:1], up[:1], 0, false)
		f(name, fn, up[:2], up[:2], 0, false)
		f(name, fn, up, up[:3], 0, false)
		f(name, fn, up, []float64{5, 5, 5, 5}, 0, false)
		f(name, fn, up, []float64{0.1, 0.1, 0.1, 0.1}, 0, false)
		f(name, fn, up, up, 1, true)
		f(name, fn, up, []float64{-1, -2, -3, -4}, -1, true)
	}
	f("spearman", Spearman, up, curve, 1, true)
	f("spearman", Spearman, []float64{1, 1, 2, 2}, []float64{3, 3, 9, 9}, 1, true)
	if r, ok := Pearson(up, curve); !ok || r > 0.9 {
		t.Errorf("pearson of a curve: %v %v", r, ok)
	}
	if d := Increments([]float64{1, 4, 2}); !slices.Equal(d, []float64{3, -2}) {
		t.Errorf("increments: %v", d)
	}
	if d := Increments([]float64{1}); d != nil {
		t.Errorf("increments of one: %v", d)
	}
}

func series(vs ...float64) []Point {
	out := make([]Point, len(vs))
	for i, v := range vs {
		out[i] = Point{float64(10 * i), v}
	}
	return out
}

func TestLevelShift(t *testing.T) {
	f := func(pts []Point, want Change, ok bool) {
		t.Helper()
		got, k := LevelShift(pts)
		if k != ok || k && (got.At != want.At || got.After != want.After || got.Before != want.Before || got.From != want.From || got.To != want.To) {
			t.Errorf("%v: %+v %v, want %+v %v", pts, got, k, want, ok)
		}
	}
	f(nil, Change{}, false)
	f(series(1), Change{}, false)
	f(series(1, 9), Change{}, false)
	f(series(1, 1, 9), Change{}, false)
	f(series(5, 5, 5, 5, 5, 5), Change{}, false)
	f(series(1, 1, 9, 9), Change{At: 20, After: 10, Before: 20, From: 1, To: 9}, true)
	f(series(9, 9, 9, 2, 2, 2), Change{At: 30, After: 20, Before: 30, From: 9, To: 2}, true)
	f(series(1, 1, 1, 80, 1, 1, 1, 1), Change{}, false) // one outlier is no regime
	f(series(10, 12, 9, 11, 10, 100, 103, 98, 101), Change{At: 50, After: 40, Before: 50, From: 10, To: 100.5}, true)
}

func TestLevelShiftNoise(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, n := range []int{4, 6, 8, 12, 16, 64, 512} {
		const trials = 200
		wrong, found := 0, 0
		for range trials {
			pts := make([]Point, n)
			for i := range pts {
				pts[i] = Point{float64(i), 100 + r.NormFloat64()}
			}
			if _, ok := LevelShift(pts); ok {
				wrong++
			}
			for i := n / 2; i < n; i++ {
				pts[i].V += 8
			}
			if c, ok := LevelShift(pts); ok && math.Abs(c.At-float64(n/2)) <= 1 {
				found++
			}
		}
		t.Logf("n=%d: %d of %d noises taken for a step, %d steps found", n, wrong, trials, found)
		if wrong > trials/20 || found < trials*8/10 {
			t.Errorf("n=%d: %d of %d noises taken for a step, %d steps found", n, wrong, trials, found)
		}
	}
}

func TestRateShift(t *testing.T) {
	// 2 keys a second, then 50, the pace changing at 47 s, between the readings at 40 and 50.
	keys := func(at float64) float64 { return 1000 + 2*min(at, 47) + 50*max(0, at-47) }
	var pts []Point
	for at := 0.0; at <= 100; at += 10 {
		pts = append(pts, Point{at, keys(at)})
	}
	c, ok := RateShift(pts)
	if !ok || c.After > 47 || c.Before < 47 || c.Before-c.After > 20 || !near(c.From, 2) || !near(c.To, 50) {
		t.Errorf("%+v %v", c, ok)
	}
	twice := append(slices.Clone(pts), pts[len(pts)-1]) // the same reading pasted twice
	if d, ok := RateShift(twice); !ok || d != c {
		t.Errorf("a repeated reading: %+v %v", d, ok)
	}
	for _, bad := range [][]Point{nil, pts[:1], pts[:2], pts[:3], {{1, 1}, {1, 2}, {1, 3}, {1, 4}, {1, 5}}} {
		if c, ok := RateShift(bad); ok {
			t.Errorf("%v: %+v", bad, c)
		}
	}
}

func BenchmarkStats(b *testing.B) {
	r := rand.New(rand.NewPCG(7, 8))
	pts, cols := make([]Point, 512), make([][]float64, 12)
	for i := range pts {
		pts[i] = Point{float64(i), r.Float64()}
	}
	y := make([]float64, 1000)
	for j := range cols {
		cols[j] = make([]float64, len(y))
		for i := range y {
			cols[j][i] = r.Float64()
			y[i] += cols[j][i]
		}
	}
	b.Run("theil-sen-512", func(b *testing.B) {
		for b.Loop() {
			TheilSen(pts)
		}
	})
	b.Run("level-shift-512", func(b *testing.B) {
		for b.Loop() {
			LevelShift(pts)
		}
	})
	b.Run("account-12x1000", func(b *testing.B) {
		for b.Loop() {
			account(cols, make([]bool, len(cols)), y)
		}
	})
}
