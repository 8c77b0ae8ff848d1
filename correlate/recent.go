package correlate

import (
	"slices"
	"time"

	"culprit/parsers"
)

// Recent is what happened to one server's keys lately, and who made them.
type Recent struct {
	From, To           time.Time    // whole bins of the access log, where there is one
	Made, Kept, Lapsed parsers.Opt  // keys made; those of them without expiry, net; keys that expired or were evicted
	Counted            Counted      // which keys Who accounts for
	Who                *Attribution // nil = no access log, or no two readings a whole bin of it apart
}

// recentPoints is the most readings that a recent stretch is told by: the subsets of groups are weighed for every one.
const recentPoints = 30

// Recently measures the last span of the last run of in. nil with fewer than two readings in it that know their keys.
func (in *Instance) Recently(w *Web, span time.Duration) *Recent {
	runs := in.Runs()
	if len(runs) == 0 {
		return nil
	}
	var run []Snapshot
	for _, s := range runs[len(runs)-1] {
		if s.Placed && s.Keys.OK {
			run = append(run, s)
		}
	}
	if len(run) < 2 {
		return nil
	}
	logged := w != nil && len(w.Files) > 0
	width := time.Minute
	if logged {
		width = time.Duration(w.fold.width) * time.Second
	}
	end := run[len(run)-1].At
	run, even := spaced(run, end.Add(-max(span, 2*width)), max(width, span/recentPoints))
	if len(run) < 2 {
		return nil
	}
	first, last := &run[0], &run[len(run)-1]
	r := &Recent{From: first.At, To: last.At, Made: AllKeys.Made(first, last), Kept: NoTTLKeys.Made(first, last)}
	if r.Made.OK {
		r.Lapsed = parsers.Some(r.Made.N - (last.Keys.N - first.Keys.N))
	}
	// The keys that stay are the ones that matter; a store where hardly any do is told by all it makes.
	if r.Counted = NoTTLKeys; r.Kept.N*2 < r.Made.N {
		r.Counted = AllKeys
	}
	if logged && even {
		r.Who = Attribute(&Growth{Instance: in, Run: run, First: first, Last: last, End: last.At, Counted: r.Counted}, w)
	}
	return r
}

// spaced takes of a run what lies behind from: the first reading of each step, so that a reading stands where a bin of
// the access log begins, and no part of a bin is taken for the whole. even is false where there are no two such: then it
// is the first reading and the last.
func spaced(run []Snapshot, from time.Time, step time.Duration) (out []Snapshot, even bool) {
	late := slices.IndexFunc(run, func(s Snapshot) bool { return !s.At.Before(from) })
	if late < 0 {
		return nil, false
	}
	for i := max(late, 1); i < len(run); i++ {
		if run[i].At.Truncate(step).After(run[i-1].At.Truncate(step)) {
			out = append(out, run[i])
		}
	}
	if len(out) >= 2 {
		return out, true
	}
	if run = run[late:]; len(run) < 2 {
		return nil, false
	}
	return []Snapshot{run[0], run[len(run)-1]}, false
}
