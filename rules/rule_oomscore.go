package rules

import (
	"fmt"

	"culprit/correlate"
)

var _ = register(Rule{
	ID: "oom-score-decided",
	Doc: `The kernel did not kill the largest process: oom_score_adj turned its choice. It says who died, not why memory ran
out: the larger process is the one to look at. Redis's own oom-score-adj yes sets 0, 200 and 800 for master, replica
and saving child.

Arithmetic:

    score   = the share of memory in thousandths + oom_score_adj, so 100 weighs as much as a tenth of RAM; -1000 exempts
    decided = some other process had more RSS and swap than the victim, and a smaller oom_score_adj

Threshold: Any difference: the kernel takes the highest score (mm/oom_kill.c, oom_badness), and the table shows both.

When it is wrong: the table's rows are cut: the larger process may have been a thread group that the kernel could not
kill.`,
	Needs: []Sort{NeedsKill},
	Check: checkOOMScore,
})

func checkOOMScore(c *Case) []Finding {
	k := &c.Kill.Fact
	if !k.VictimPID.OK {
		return nil
	}
	var victim, larger = -1, -1
	for i, t := range k.Tasks {
		if t.PID == k.VictimPID.N {
			victim = i
		}
	}
	if victim < 0 || !k.Tasks[victim].OOMScoreAdj.OK {
		return nil
	}
	v := k.Tasks[victim]
	size := func(i int) int64 { return k.Tasks[i].RSSKB.Or(0) + k.Tasks[i].SwapKB.Or(0) }
	for i, t := range k.Tasks {
		if t.OOMScoreAdj.OK && t.OOMScoreAdj.N < v.OOMScoreAdj.N && size(i) > size(victim) && (larger < 0 || size(i) > size(larger)) {
			larger = i
		}
	}
	if larger < 0 {
		return nil
	}
	l := k.Tasks[larger]
	line := func(n int, note string) correlate.Evidence {
		return correlate.Evidence{File: c.Kill.Ev.File, Line: n, Time: c.Kill.Ev.Time, Note: note}
	}
	return []Finding{{
		Role: RoleSymptom,
		Title: fmt.Sprintf("The kernel killed %s with %s and spared %s with %s: oom_score_adj %d against %d", c.victim(), bytesIn(size(victim)<<10),
			l.Comm, bytesIn(size(larger)<<10), v.OOMScoreAdj.N, l.OOMScoreAdj.N),
		Evidence: []correlate.Evidence{line(v.Line, "the victim"), line(l.Line, "larger, and spared")},
	}}
}
