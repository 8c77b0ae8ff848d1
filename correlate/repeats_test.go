package correlate

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"culprit/parsers"
)

// However the facts come, the same ones are kept; what happened once is among them.
func TestRepeatsCommute(t *testing.T) {
	var facts []seen[parsers.RedisEvent]
	r := rand.New(rand.NewPCG(3, 4))
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range 5000 {
		event := []string{"save-started", "save-done", "cow"}[r.IntN(3)]
		if i == 2500 {
			event = "crash"
		}
		facts = append(facts, seen[parsers.RedisEvent]{fact: parsers.RedisEvent{Event: event}, at: parsers.Pos{File: fmt.Sprint("redis.log.", i/3000), Line: i + 1},
			when: stamp{t: start.Add(time.Duration(i*37+r.IntN(30)) * time.Second), clock: parsers.LocalClock}})
	}
	const limit = 300
	kept := func(parts int, shuffle bool) string {
		list := slices.Clone(facts)
		if shuffle {
			r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		}
		lists, stretches, newests := make([][]seen[parsers.RedisEvent], parts), make([]int, parts), make([]newest, parts)
		for i, s := range list {
			r := parsers.Record{Time: s.when.t, Clock: s.when.clock, At: s.at}
			addRepeat(&lists[i%parts], &stretches[i%parts], &newests[i%parts], limit, redisKind, &r, &s.fact)
			if n := len(lists[i%parts]); n > limit+limit/4+1 {
				t.Fatalf("%d kept", n)
			}
		}
		for p := range lists[1:] {
			lists[0] = append(lists[0], lists[p+1]...)
			stretches[0] = max(stretches[0], stretches[p+1])
			thinOut(&lists[0], &stretches[0], limit, redisKind, false)
		}
		thinOut(&lists[0], &stretches[0], limit, redisKind, true)
		byPlace(lists[0])
		out := fmt.Sprintln(stretches[0], len(lists[0]))
		crash := false
		for _, s := range lists[0] {
			out += fmt.Sprintln(s.at, s.fact.Event)
			crash = crash || s.fact.Event == "crash"
		}
		if !crash || len(lists[0]) > limit {
			t.Errorf("%d kept, crash %v", len(lists[0]), crash)
		}
		return out
	}
	want := kept(1, false)
	for parts := 1; parts < 9; parts++ {
		if got := kept(parts, true); got != want {
			t.Errorf("%d parts keep %.20s, want %.20s", parts, got, want)
		}
	}
}
