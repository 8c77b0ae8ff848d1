package correlate

import (
	"fmt"
	"testing"
	"time"

	"culprit/parsers"
)

// Weeks of polls stay within the bound; the first, the newest and those around a restart stay.
func TestThin(t *testing.T) {
	const most, polls, restart = 100, 5000, 40
	tl := NewTimeline()
	at := func(i int) time.Time { return time.Unix(int64(i)*10, 0).UTC() }
	for i := range polls {
		run := "a"
		if i >= restart {
			run = "b"
		}
		for _, file := range []string{"x", "y"} {
			rec := parsers.Record{Time: at(i), Clock: parsers.ZonedClock, At: parsers.Pos{File: file, Line: 10*i + 1}}
			rec.Fact = &parsers.RedisInfo{Fields: map[string]string{"run_id": run, "used_memory": fmt.Sprint(i)}}
			tl.Add(rec)
			if file == "y" { // another node, by turns
				rec.At.Line += 5
				rec.Fact = &parsers.RedisInfo{Fields: map[string]string{"run_id": "c"}, Addr: "192.0.2.2:6379"}
				tl.Add(rec)
			}
			for p := range 3 {
				rec.At.Line = 10*i + 1 + p
				rec.Fact = &parsers.Process{PID: parsers.Some(int64(p))}
				tl.Add(rec)
			}
		}
		tl.sort()
		tl.Thin(most)
	}
	if n := len(tl.infos); n < most || n > 3*(most+4) {
		t.Errorf("%d readings of Redis kept", n)
	}
	if n := len(tl.processes); n%3 != 0 || n > 3*2*(most+1) {
		t.Errorf("%d processes kept", n)
	}
	kept := map[int64]bool{}
	for _, s := range tl.infos {
		if s.at.File == "x" {
			kept[s.when.t.Unix()/10] = true
		}
	}
	for _, i := range []int64{0, restart - 1, restart, polls - 2, polls - 1} {
		if !kept[i] {
			t.Errorf("reading %d is gone", i)
		}
	}
}
