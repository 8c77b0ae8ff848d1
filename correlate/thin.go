package correlate

import (
	"cmp"
	"slices"

	"culprit/parsers"
)

// Thin bounds what polling adds to a fold that lives for weeks: of each file (and server) at most so many readings of Redis,
// of memory and of processes stay, the newer half of them whole and every second of the older, so that after some rounds an old day is
// told in fewer words than the last hour. The first reading stays, and those on both sides of a restart. Call it behind
// Incident, which puts the readings in order.
func (t *Timeline) Thin(most int) {
	t.newest = newestOfAll{} // facts move
	// The nodes of a cluster answer into one file by turns.
	server := func(s *seen[parsers.RedisInfo]) string {
		return s.at.File + "\x00" + s.fact.Addr + "\x00" + s.fact.Fields["tcp_port"]
	}
	slices.SortStableFunc(t.infos, func(a, b seen[parsers.RedisInfo]) int { return cmp.Compare(server(&a), server(&b)) })
	t.infos = thinOlder(t.infos, most, server, func(a, b *parsers.RedisInfo) bool { return a.Fields["run_id"] != b.Fields["run_id"] })
	t.memory = thinOlder(t.memory, most, fileOf, nil)
	t.processes = thinOlder(t.processes, most, fileOf, nil)
	t.clocks = thinOlder(t.clocks, most, fileOf, nil)
}

func fileOf[T any](s *seen[T]) string { return s.at.File }

// thinOlder drops every second reading of the older half of a series that has more than most. The facts of one time are one
// reading, and stay or go together; edge says that a reading differs from the one before it in more than its numbers.
func thinOlder[T any](list []seen[T], most int, series func(*seen[T]) string, edge func(a, b *T) bool) []seen[T] {
	out := list[:0]
	for from := 0; from < len(list); {
		to := from + 1
		starts := []int{from} // of the readings of one series
		for ; to < len(list) && series(&list[to]) == series(&list[from]); to++ {
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
