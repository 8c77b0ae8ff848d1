package rules

import (
	"fmt"

	"culprit/correlate"
)

var _ = register(Rule{
	ID: "kill-elsewhere",
	Doc: `The kernel log holds an OOM kill that is not this incident's. It is told so that nobody takes it for the cause; it
shows a limit that something else runs into.

Arithmetic:

    felt = a stretch of failed requests that begins between two minutes before the kill and five after it

Threshold: The victim is no part of the stack and no request failed within five minutes of its kill, or it happened a
day or more before everything else in the input begins. Five minutes, because a service that dies is missed at the
next request, and syslog stamps lag while a machine thrashes.

When it is wrong: the victim fed the stack by a way that no log shows (a queue worker, a search index).`,
	Check: checkKillElsewhere,
})

func checkKillElsewhere(c *Case) []Finding {
	// one finding a victim's name and reason: a CI job that dies nightly is one thing
	type same struct{ comm, why string }
	index := map[same]int{}
	var out []Finding
	times := map[same]int{}
	for i, k := range c.Elsewhere {
		key := same{k.Fact.VictimComm, c.WhyElsewhere[i]}
		times[key]++
		ev := k.Ev
		if at, ok := index[key]; ok {
			f := &out[at]
			if len(f.Evidence) < 3 {
				f.Evidence = append(f.Evidence, ev)
			}
			f.Title = fmt.Sprintf("The %d kills of %s are not this incident's: %s", times[key], name(key.comm), key.why)
			continue
		}
		index[key] = len(out)
		f := Finding{Role: RoleHygiene, Evidence: []correlate.Evidence{ev}}
		who := name(key.comm)
		if k.Fact.VictimPID.OK {
			who += fmt.Sprintf(" (pid %d)", k.Fact.VictimPID.N)
		}
		f.Title = fmt.Sprintf("The kill of %s is not this incident's: %s", who, key.why)
		if k.Placed {
			f.Detail = fmt.Sprintf("At %s", clockTime(k.At))
			if c.Kill != nil && c.Kill.Placed {
				f.Detail += fmt.Sprintf(", %s from the kill that is", spell(c.Kill.At.Sub(k.At)))
			}
			f.Detail += "."
		}
		if k.Fact.Constraint == "memcg" {
			f.Detail += " A cgroup's own limit was hit, not the host's memory."
		}
		out = append(out, f)
	}
	return out
}
