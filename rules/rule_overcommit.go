package rules

import (
	"fmt"
	"strings"

	"culprit/correlate"
)

var _ = register(Rule{
	ID: "overcommit-memory-zero",
	Doc: `vm.overcommit_memory is 0 (or 2) on a host whose Redis saves by fork. The child shares the parent's pages, yet the
kernel's heuristic may refuse the fork for want of the memory that a full copy would take ("Can't save in background:
fork: Cannot allocate memory"); with stop-writes-on-bgsave-error every write then fails with MISCONF. Redis warns of
it at start and asks for 1. With 1 the fork always passes, and what is really copied may meet the OOM killer instead.

It contributes where a fork was refused; otherwise it is hygiene. Without persistence nothing forks, and it stays
quiet.

Arithmetic:

    0: refused when the parent's memory is more than all RAM and swap together could hold (the kernel's heuristic)
    2: refused when all promises exceed swap + vm.overcommit_ratio (50 %) of RAM

Threshold: 0 or 2 by sysctl, or Redis's own warning in its log. 1 is what Redis's administration guide asks for.

When it is wrong: the container's host sets it and the reading is of another host.`,
	Check: checkOvercommit,
})

func checkOvercommit(c *Case) []Finding {
	var ev []correlate.Evidence
	value := ""
	for _, s := range c.settings("sysctl", "vm.overcommit_memory") {
		if v := strings.TrimSpace(s.Value()); v == "0" || v == "2" {
			value, ev = v, []correlate.Evidence{s.Ev}
		} else {
			return nil
		}
	}
	if value == "" {
		ev = firstEvidence(c.redisEvents("overcommit-warning"), 1)
		value = "0"
	}
	if len(ev) == 0 {
		return nil
	}
	saving, how := false, correlate.Evidence{}
	for _, in := range c.Incident.Redis {
		if on, at := saves(in); on {
			saving, how = true, at
		}
	}
	if !saving {
		return nil
	}
	if how.File != "" {
		ev = append(ev, how)
	}
	f := Finding{Role: RoleHygiene, Evidence: ev, Fixes: c.Advise("overcommit-memory"),
		Title: fmt.Sprintf("The kernel may refuse Redis's fork for a save: vm.overcommit_memory is %s", value)}
	if failed := c.redisEvents("fork-failed"); len(failed) > 0 {
		f.Role = RoleContributing
		f.Title = fmt.Sprintf("The kernel refused Redis's fork %s: vm.overcommit_memory is %s", times(len(failed)), value)
		f.Evidence = append(f.Evidence, firstEvidence(failed, 2)...)
	}
	return []Finding{f}
}

// saves says whether the server writes dumps or an append-only file: as INFO shows it ran, else as redis.conf has it. A file
// without a save line has Redis's own save points.
func saves(in *correlate.Instance) (bool, correlate.Evidence) {
	if s, ok := in.Config["appendonly"]; ok && strings.EqualFold(s.Value(), "yes") {
		return true, s.Ev
	}
	if s, absent, known := written(in, "save"); known {
		if absent {
			return true, noLine(in.ConfigFile, "save", "save points after 3,600, 300 and 60 s")
		}
		return strings.Trim(s.Value(), `" '`) != "", s.Ev
	}
	for _, e := range in.Log {
		if e.Event == "save-started" || e.Event == "save-due" || e.Event == "aof-rewrite-started" {
			return true, e.Ev
		}
	}
	return false, correlate.Evidence{}
}
