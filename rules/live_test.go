package rules

import (
	"path/filepath"
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

// What a finding of an analysis only names, a watch spells out: in every case of every rule.
func TestLiveFixesAreWhole(t *testing.T) {
	named := 0
	for _, r := range All() {
		paths, err := filepath.Glob(filepath.Join(testdata, r.ID, "fires*.txtar"))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			files, _ := readCase(t, path)
			offline := Judge(incidentOf(t, files))
			live, _ := Own{}.JudgeLive(incidentOf(t, files))
			if len(live.Findings) != len(offline.Findings) || live.Verdict != offline.Verdict {
				t.Errorf("%s: judged otherwise", path)
			}
			for i, f := range live.Findings {
				for _, x := range offline.Findings[i].Fixes {
					if x.Title == "" {
						named++
					}
				}
				for _, x := range f.Fixes {
					if x.Title == "" || x.Text == "" && x.Diff == "" {
						t.Errorf("%s: %s: fix %s says nothing", path, f.Rule, x.ID)
					}
				}
			}
		}
	}
	if named == 0 {
		t.Error("no finding only names a fix: what is this for?")
	}
}
