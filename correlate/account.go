package correlate

import (
	"cmp"
	"math"
	"slices"
)

// account finds how many keys each candidate of each group makes, 0 to maxPerRequest, so that together they come closest to
// the new keys y, interval by interval; x holds each group's candidates. people marks the groups whose candidates are visits.
//
// A request either opens a session or it does not: that is the application's code, and the same for every request of a
// group. So the explanation tried first is a subset of the groups with one key a request each (a visit counts 0.6 to 1.6:
// visits are guessed from gaps), and subsets are compared by likelihood. Only when none comes near, keys a request are
// fitted freely. ambiguous tells that another subset, without the chosen one's largest group, is not twenty times less
// likely: then the numbers cannot say who it was. doubt is -2 log likelihood of the chosen subset, without end for
// a free fit.
//
// A free fit is loose when the numbers do not bear it out: a steady group can be scaled to any steady growth.
func account(x [][]float64, people []bool, y []float64) (beta []float64, ambiguous, loose bool, doubt float64) {
	n := len(x)
	if n == 0 {
		return nil, false, false, math.Inf(1)
	}
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return -cmp.Compare(sum(x[a]), sum(x[b])) })
	if n > tried {
		return accountTail(x, people, y, order)
	}

	var best subset
	var trials []subset
	for set := uint(1); set < 1<<len(order); set++ {
		t := subset{beta: make([]float64, n)}
		for k, g := range order {
			if set>>k&1 == 1 {
				t.beta[g] = 1
				t.doubt += 2 // Akaike's price of a group
			}
		}
		scaleVisits(t.beta, x, people, y)
		t.weigh(x, people, y)
		if trials = append(trials, t); len(trials) == 1 || t.doubt < best.doubt {
			best = t
		}
	}
	// Four standard deviations an interval, or a tenth of the total, is near enough to be the explanation. Not a quarter off in
	// all: of many short intervals each may be off by chance, but not all to one side.
	if !closeTotal(x, best.beta, y, 0.1) && (best.chi2 > 16*float64(len(y)) || !closeTotal(x, best.beta, y, 0.25)) {
		if len(y) < fitAt {
			// too few intervals to see what moves with what: the totals must come near at least
			near := func(t subset) bool { return closeTotal(x, t.beta, y, 0.25) }
			return evenShares(x, y), false, !slices.ContainsFunc(trials, near) && slices.Contains(people, false), math.Inf(1)
		}
		beta := boundedFit(x, y, countWeights(y), maxPerRequest)
		return beta, false, !follows(x, beta, y), math.Inf(1)
	}
	lead, most := 0, -1.0
	for _, g := range order {
		if v := best.beta[g] * sum(x[g]); v > most {
			lead, most = g, v
		}
	}
	for _, t := range trials {
		if t.beta[lead] == 0 && t.doubt < best.doubt+unlikely && closeTotal(x, t.beta, y, 0.2) {
			ambiguous = true
		}
	}
	return best.beta, ambiguous, false, best.doubt
}

// tried is how many groups are told apart: beyond, one has under an eighth of the keys, and the subsets outgrow their use.
const tried = 8

// accountTail takes the smallest of many groups for one: a dozen crawlers of a twelfth each open a session each, or none does.
func accountTail(x [][]float64, people []bool, y []float64, order []int) (beta []float64, ambiguous, loose bool, doubt float64) {
	var alone, tail []int
	for k, g := range order {
		if people[g] || k < tried-2 {
			alone = append(alone, g)
		} else {
			tail = append(tail, g)
		}
	}
	joined := make([]float64, len(y))
	for _, g := range tail {
		for i, v := range x[g] {
			joined[i] += v
		}
	}
	cols, are := [][]float64{joined}, []bool{false}
	for _, g := range alone {
		cols, are = append(cols, x[g]), append(are, people[g])
	}
	b, ambiguous, loose, doubt := account(cols, are, y)
	beta = make([]float64, len(x))
	for _, g := range tail {
		beta[g] = b[0]
	}
	for k, g := range alone {
		beta[g] = b[k+1]
	}
	return beta, ambiguous, loose, doubt
}

// follows: a free fit explains only what it moves with. Any steady group can be scaled to any steady growth; a group whose
// requests make the keys, each with a part of a key on average, shares at least a quarter of their ups and downs (r of 0.5),
// and none makes a quarter more keys than it makes requests, over all intervals together.
func follows(x [][]float64, beta, y []float64) bool {
	lead, most := -1, 0.0
	for g := range x {
		if v := beta[g] * sum(x[g]); v > most {
			lead, most = g, v
		}
	}
	if lead < 0 || beta[lead] > 0.96*maxPerRequest {
		return false
	}
	r, ok := Pearson(x[lead], y)
	return ok && r >= 0.5
}

// unlikely is twice the logarithm of 20: odds of twenty to one between two explanations.
const unlikely = 6

// subset is one explanation on trial.
type subset struct {
	beta  []float64
	chi2  float64 // squared errors in units of what they scatter by
	doubt float64 // -2 log likelihood, and the price of each group
}

// weigh compares the subset's keys with the new ones. Requests of clients without cookies make keys one to one, but for
// what falls to the wrong side of an interval's border: 3 %, and a count or two. Visits are an estimate: they scatter like
// counts, and by a tenth.
func (t *subset) weigh(x [][]float64, people []bool, y []float64) {
	for i, v := range y {
		exact, visits := 0.0, 0.0
		for g, b := range t.beta {
			if people[g] {
				visits += b * x[g][i]
			} else {
				exact += b * x[g][i]
			}
		}
		spread := 4 + 0.03*0.03*exact*exact + visits + 0.1*0.1*visits*visits
		off := v - exact - visits
		t.chi2 += off * off / spread
		t.doubt += off*off/spread + math.Log(spread)
	}
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

// closeTotal: the subset's sum is within a part of the keys there are.
func closeTotal(x [][]float64, beta, y []float64, part float64) bool {
	total := 0.0
	for g := range x {
		total += beta[g] * sum(x[g])
	}
	return math.Abs(total-sum(y)) <= part*sum(y)
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
