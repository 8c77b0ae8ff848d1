package rules

import (
	"testing"
	"time"

	"culprit/correlate"
	"culprit/parsers"
)

// A process that stands in every listing of a watch is one process.
func TestListing(t *testing.T) {
	at := time.Date(2026, 4, 20, 9, 0, 0, 0, time.UTC)
	row := func(s int, pid, kb int64) correlate.Placed[parsers.Process] {
		return correlate.Placed[parsers.Process]{At: at.Add(time.Duration(s) * time.Second), Placed: true, Ev: correlate.Evidence{File: "ps"},
			Fact: parsers.Process{PID: parsers.Some(pid), RSSKB: parsers.Some(kb), Comm: "mysqld"}}
	}
	inc := &correlate.Incident{}
	for s := range 30 {
		inc.Processes = append(inc.Processes, row(10*s, 1, int64(1000+s)), row(10*s, 2, 500))
	}
	if g := Open(inc).Groups; len(g) != 1 || g[0].Count != 2 || g[0].RSS != (1029+500)<<10 {
		t.Errorf("%+v", g)
	}
	inc.Kills = []correlate.Placed[parsers.OOMKill]{{At: at.Add(105 * time.Second), Placed: true, Fact: parsers.OOMKill{VictimComm: "mysqld"}}}
	if g := Open(inc).Groups; len(g) != 1 || g[0].Count != 2 || g[0].RSS != (1010+500)<<10 {
		t.Errorf("before the kill: %+v", g)
	}
}
