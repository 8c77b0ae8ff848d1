package correlate

import (
	"slices"

	"culprit/parsers"
)

// Thin bounds what polling adds to a fold that lives for weeks: of each file at most so many readings of Redis, of memory
// and of processes stay, the newer half of them whole and every second of the older, so that after some rounds an old day is
// told in fewer words than the last hour. The first reading stays, and those on both sides of a restart. Call it behind
// Incident, which puts the readings in order.
func (t *Timeline) Thin(most int) {
	t.infos = thinOlder(t.infos, most, func(a, b *parsers.RedisInfo) bool { return a.Fields["run_id"] != b.Fields["run_id"] })
	t.memory = thinOlder(t.memory, most, nil)
	t.processes = thinOlder(t.processes, most, nil)
	t.clocks = thinOlder(t.clocks, most, nil)
}

// thinOlder drops every second reading of the older half of a file that has more than most. The facts of one time are one
// reading, and stay or go together; edge says that a reading differs from the one before it in more than its numbers.
func thinOlder[T any](list []seen[T], most int, edge func(a, b *T) bool) []seen[T] {
	out := list[:0]
	for from := 0; from < len(list); {
		to := from + 1
		starts := []int{from} // of the readings of one file
		for ; to < len(list) && list[to].at.File == list[from].at.File; to++ {
			if !list[to].when.t.Equal(list[to-1].when.t) {
				starts = append(starts, to)
			}
		}
		ends := append(slices.Clone(starts[1:]), to)
		for i, start := range starts {
			if len(starts) > most && i%2 == 1 && i < len(starts)/2 && !(edge != nil &&
				(edge(&list[start-1].fact, &list[start].fact) || edge(&list[start].fact, &list[ends[i]].fact))) {
				continue
			}
			out = append(out, list[start:ends[i]]...)
		}
		from = to
	}
	clear(list[len(out):])
	return out
}
