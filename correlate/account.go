package correlate

import (
	"math"
	"math/bits"
	"slices"
)

// account finds how many keys each candidate of each group makes, 0 to maxPerRequest, so that together they come closest to
// the new keys y, interval by interval; x holds each group's candidates. people marks the groups whose candidates are visits.
//
// A request either opens a session or it does not: that is the application's code, and the same for every request of a
// group. So the explanation tried first is a subset of the groups with one key a request each (a visit counts 0.6 to 1.6:
// visits are guessed from gaps). Only when no subset comes near, keys a request are fitted freely. ambiguous tells that
// another subset without the chosen one's largest group fits about as well: then the numbers cannot say who it was.
func account(x [][]float64, people []bool, y []float64) (beta []float64, ambiguous bool) {
	n := len(x)
	if n == 0 {
		return nil, false
	}
	weights := countWeights(y)
	free := boundedFit(x, y, weights, maxPerRequest)
	if len(y) < fitAt {
		free = evenShares(x, y)
	}
	// The largest groups only: beyond eight, a group has under an eighth of the keys and the subsets outgrow their use.
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		if sum(x[a]) > sum(x[b]) {
			return -1
		} else if sum(x[a]) < sum(x[b]) {
			return 1
		}
		return 0
	})
	order = order[:min(n, 8)]

	type trial struct {
		set  uint
		beta []float64
		err  float64
	}
	var trials []trial
	for set := uint(1); set < 1<<len(order); set++ {
		b := make([]float64, n)
		for k, g := range order {
			if set>>k&1 == 1 {
				b[g] = 1
			}
		}
		scaleVisits(b, x, people, y)
		// each further group must earn its place: a twentieth of the error, or it is only fitting noise
		e := misfit(x, b, y, weights) * (1 + 0.05*float64(bits.OnesCount(set)))
		trials = append(trials, trial{set, b, e})
	}
	best := 0
	for i := range trials {
		if trials[i].err < trials[best].err {
			best = i
		}
	}
	if t := trials[best]; !nearly(t.err, misfit(x, free, y, weights), y, weights) {
		return free, false
	}
	lead, most := 0, -1.0
	for _, g := range order {
		if v := trials[best].beta[g] * sum(x[g]); v > most {
			lead, most = g, v
		}
	}
	for _, t := range trials {
		if t.beta[lead] == 0 && t.err < 1.5*trials[best].err+noise(y, weights) && closeTotal(x, t.beta, y) {
			ambiguous = true
		}
	}
	return trials[best].beta, ambiguous
}

// fitAt is the number of intervals from which a free fit is made: more than the groups that usually matter.
const fitAt = 6

// scaleVisits fits the keys a visit within 0.6 to 1.6: visits with a login or a second device make two sessions, and a
// short gap may hide one.
func scaleVisits(b []float64, x [][]float64, people []bool, y []float64) {
	rest, visits := sum(y), 0.0
	for g := range b {
		if b[g] == 0 {
			continue
		}
		if people[g] {
			visits += sum(x[g])
		} else {
			rest -= sum(x[g])
		}
	}
	if visits == 0 {
		return
	}
	per := min(max(rest/visits, 0.6), 1.6)
	for g := range b {
		if b[g] > 0 && people[g] {
			b[g] = per
		}
	}
}

// nearly: a subset is as good as the free fit when its error is at most three times as large, or within counting noise: a
// free fit always wins on paper.
func nearly(err, free float64, y, weights []float64) bool {
	return err <= 3*free+noise(y, weights)
}

// noise is the weighted square error that counts scatter by: their own size (Poisson), and a tenth of each interval for
// what bins and clocks at its borders do.
func noise(y, weights []float64) float64 {
	e := 0.0
	for i, v := range y {
		v = math.Abs(v)
		e += weights[i] * (v + 0.01*v*v)
	}
	return e
}

// closeTotal: the subset's sum is within a fifth of the keys there are.
func closeTotal(x [][]float64, beta, y []float64) bool {
	total := 0.0
	for g := range x {
		total += beta[g] * sum(x[g])
	}
	return math.Abs(total-sum(y)) <= 0.2*sum(y)
}

func misfit(x [][]float64, beta, y, weights []float64) float64 {
	e := 0.0
	for i, v := range y {
		for g := range x {
			v -= beta[g] * x[g][i]
		}
		e += weights[i] * v * v
	}
	return e
}

// countWeights are those of counts: an interval with many new keys scatters more.
func countWeights(y []float64) []float64 {
	mean := 0.0
	for _, v := range y {
		mean += math.Abs(v)
	}
	mean /= float64(len(y))
	w := make([]float64, len(y))
	for i, v := range y {
		w[i] = 1 / (math.Abs(v) + mean/2 + 1)
	}
	return w
}

func sum(v []float64) float64 {
	s := 0.0
	for _, f := range v {
		s += f
	}
	return s
}

// evenShares is what two or three snapshots leave when no subset balances: every candidate made the same part of a key, so
// shares are those of the requests.
func evenShares(x [][]float64, y []float64) []float64 {
	total := 0.0
	for _, col := range x {
		total += sum(col)
	}
	beta := make([]float64, len(x))
	if total == 0 {
		return beta
	}
	per := min(sum(y)/total, maxPerRequest)
	for g := range beta {
		beta[g] = per
	}
	return beta
}

// boundedFit minimises the weighted squares of y - x·beta for 0 <= beta <= limit by coordinate descent: the problem is
// convex, so the order of coordinates does not matter, and it is deterministic.
func boundedFit(x [][]float64, y, weights []float64, limit float64) []float64 {
	beta := make([]float64, len(x))
	rest := slices.Clone(y)
	for range 500 { // converges in tens of rounds; the bound is for collinear columns
		moved := 0.0
		for j, col := range x {
			num, den := 0.0, 0.0
			for i, v := range col {
				num += weights[i] * v * (rest[i] + beta[j]*v)
				den += weights[i] * v * v
			}
			if den == 0 {
				continue
			}
			b := min(max(num/den, 0), limit)
			if d := b - beta[j]; d != 0 {
				for i, v := range col {
					rest[i] -= d * v
				}
				moved = max(moved, math.Abs(d))
				beta[j] = b
			}
		}
		if moved < 1e-6 {
			break
		}
	}
	return beta
}
