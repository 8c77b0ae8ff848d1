package rules

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"

	"culprit/correlate"
)

// What a change of the host's or the containers' settings would have done: limits of groups, sysctl.

// tryGroup replays memory limits of systemd units and compose services.
func (c *Case) tryGroup(t *Trial, next *correlate.Incident, file string) {
	for _, s := range next.Settings {
		if s.Ev.File != file || !isGroupLimit(s) {
			continue
		}
		was := ""
		for _, old := range c.Settings {
			if old.Ev.File == file && old.Name == s.Name && slices.Equal(old.Path, s.Path) {
				was = old.Value()
			}
		}
		if was == s.Value() {
			continue
		}
		n, ok := sizeOf(s.Value())
		if endless := strings.EqualFold(s.Value(), "infinity") || s.Value() == "0" || s.Value() == "-1"; !ok || endless {
			if !endless {
				t.Notes = append(t.Notes, fmt.Sprintf("%s %q is no size", s.Name, s.Value()))
				continue
			}
			n = 0
		}
		group := groupOf(s, file)
		e := c.groupEffect(group, n)
		e.Before = cmp.Or(e.Before, fmt.Sprintf("%s %s", s.Name, cmp.Or(was, "not set")))
		t.Found = append(t.Found, Fix{Title: fmt.Sprintf("%s %s of %s", s.Name, s.Value(), group), Effect: e})
	}
}

func isGroupLimit(s correlate.Setting) bool {
	switch s.System {
	case "systemd":
		return s.Name == "MemoryMax" || s.Name == "MemoryLimit"
	case "compose":
		return s.Name == "mem_limit" || s.Name == "memory" && slices.Contains(s.Path, "limits")
	}
	return false
}

// groupOf names the unit or the service that a limit is of.
func groupOf(s correlate.Setting, file string) string {
	if s.System == "compose" && len(s.Path) > 1 {
		return s.Path[1]
	}
	for _, part := range append(slices.Clone(s.Path), strings.Split(file, "/")...) {
		if i := strings.Index(part, ".service"); i > 0 {
			return part[:i]
		}
	}
	return "the unit"
}

// groupEffect is the incident with a group held to limit; 0 = to none.
func (c *Case) groupEffect(group string, limit int64) Effect {
	var e Effect
	inGroup := c.Kill != nil && c.Kill.Fact.Constraint == "memcg"
	if strings.Contains(strings.ToLower(group), "redis") || strings.Contains(group, "valkey") || group == "the unit" && inGroup {
		return c.redisGroupEffect(limit, inGroup)
	}
	is := func(comm string) bool { return strings.HasPrefix(group, comm) || strings.HasPrefix(comm, group) }
	switch {
	case strings.Contains(group, "mysql") || strings.Contains(group, "maria"):
		is = isMySQL
	case strings.Contains(group, "php"):
		is = isFPM
	}
	if limit == 0 {
		e.After = "no limit: it may take all RAM"
		e.Prevents = correlate.Judge(c.Kill != nil, inGroup && is(c.Kill.Fact.VictimComm))
		return e
	}
	e.After = fmt.Sprintf("%s is killed by its own limit of %s before it takes the rest of RAM", group, mb(limit))
	if inGroup {
		e.Prevents = correlate.Judge(is(c.Kill.Fact.VictimComm), float64(killedRSS(c.Kill)) < roomToSpare*float64(limit))
		return e
	}
	e.Prevents = c.wouldFit(is, limit)
	return e
}

// redisGroupEffect: a limit keeps Redis alive when what it may hold fits below, with a save running.
func (c *Case) redisGroupEffect(limit int64, inGroup bool) Effect {
	var e Effect
	if was, _, ok := c.limitInInput(); ok && inGroup {
		e.Before = fmt.Sprintf("killed at the group's limit of %s", mb(was))
	}
	need := c.containerNeed(limit)
	bounded, known := c.maxmemory()
	switch {
	case limit == 0:
		e.After = "no limit of the group: Redis may take all RAM"
		e.Prevents = correlate.Judge(c.Kill != nil, inGroup && c.RAM.OK && need < c.RAM.Bytes)
	case c.RAM.OK && limit > c.RAM.Bytes:
		e.After = fmt.Sprintf("more than the host's %s: it never acts", mb(c.RAM.Bytes))
		e.Prevents = correlate.Fail
	case known && bounded.Bytes > 0:
		e.After = fmt.Sprintf("a maxmemory of %s needs %s with fragmentation and a save", mb(bounded.Bytes), mb(need))
		e.Prevents = correlate.Judge(c.Kill != nil, inGroup && need <= limit)
		if need > limit {
			e.After += ": the kernel kills before Redis reaches its own limit"
		}
	case known:
		e.After = "without a maxmemory Redis fills that too, and the group is where the kernel kills it: it saves the host's other services, not Redis"
		e.Prevents = correlate.Judge(c.Kill != nil, false)
	default:
		e.After = "the input does not say what Redis may hold (maxmemory)"
	}
	return e
}

// trySysctl replays what the kernel grants.
func (c *Case) trySysctl(t *Trial, rep *Report, next *correlate.Incident, file string) {
	for _, s := range next.Settings {
		if s.Ev.File != file || s.System != "sysctl" {
			continue
		}
		was, _ := lastSetting(c.Settings, file, s.Name)
		if was.Value() == s.Value() {
			continue
		}
		f := Fix{Title: s.Name + " " + s.Value(), Effect: Effect{Before: fmt.Sprintf("%s %s", s.Name, cmp.Or(was.Value(), "not set"))}}
		refused := rep.Verdict.Cause == "fork-refused" || rep.Verdict.Cause == "allocation-refused"
		switch s.Name {
		case "vm.overcommit_memory":
			switch {
			case s.Value() == "1" && refused:
				f.Effect.After, f.Effect.Prevents = "the kernel grants what it refused", correlate.Pass
			case s.Value() == "1":
				f.Effect.After, f.Effect.Prevents = "forks are granted: nothing was refused here", correlate.Judge(rep.Verdict.Outcome == RootCause, false)
			case s.Value() == "2":
				f.Effect.After = "the kernel refuses what goes beyond swap and vm.overcommit_ratio of RAM: saves fail before the machine is full"
				f.Effect.Prevents = correlate.Judge(refused, false)
			default:
				f.Effect.After, f.Effect.Prevents = "the kernel refuses a fork that it thinks too large", correlate.Judge(refused, false)
			}
		case "vm.overcommit_ratio", "vm.swappiness", "vm.min_free_kbytes", "vm.panic_on_oom", "vm.oom_kill_allocating_task":
			f.Effect.After = "what it does to this incident is not replayed"
		default:
			t.Notes = append(t.Notes, s.Name+" has no part in what can be replayed")
			continue
		}
		t.Found = append(t.Found, f)
	}
}

// tryAsFix finds the report's own fixes in a change: what holds such a fix already after the change, and did not before,
// has that fix's effect. Of a change that was replayed by itself only the rest is looked for.
func (c *Case) tryAsFix(t *Trial, rep *Report, file string, text []byte) {
	seen := map[string]bool{}
	for _, f := range rep.Fixes {
		if f.Target != file || f.change == nil || seen[f.Diff] {
			continue
		}
		seen[f.Diff] = true
		again, edited := f.change.apply(text)
		if _, before := f.change.apply(c.Configs[file].Text); !before || edited && !bytes.Equal(again, text) {
			continue
		}
		g := Fix{Title: "as the report has it: " + lowerFirst(f.Title), Effect: f.Effect}
		t.Found = append(t.Found, g)
	}
}
