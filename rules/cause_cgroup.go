package rules

import (
	"fmt"
	"strings"

	"culprit/correlate"
)

var _ = registerCause(Cause{
	ID: "cgroup-limit",
	Doc: `The process hit the memory limit of its own group (systemd's MemoryMax, docker's --memory, a pod's limit) while the
host had memory left. For Redis the usual fault is a maxmemory above that limit, or none: Redis can then never reach
its own.

Arithmetic:

    limit = memory.max of the group, of the kernel's own report ("memory: usage 1048576kB, limit 1048576kB"), else of the unit or container
    room  = limit - maxmemory; RSS is used_memory x fragmentation + buffers + what a save copies

Threshold: The kernel says that a memory cgroup was out of memory (CONSTRAINT_MEMCG, "Memory cgroup out of memory"),
and the victim belongs to the stack. That is a statement, not a measure.

When it is wrong: a limit of a parent group was hit (a slice, a pod with a sidecar), and another member of it grew;
the report's table of tasks shows who.`,
	Judge: judgeCgroup,
})

func judgeCgroup(c *Case) Hypothesis {
	h := Hypothesis{Explained: -1}
	k := c.Kill
	if k == nil {
		return c.noKill(h)
	}
	if k.Fact.Constraint != "memcg" {
		h.State = Excluded
		switch k.Fact.Constraint {
		case "", "unknown":
			h.State, h.Reason, h.Missing = NotChecked, "the kernel's report does not say whose limit was hit", []string{"oom-report"}
		default:
			h.Reason = "the kill was global: the host's memory ran out, not a group's"
			h.Evidence = []correlate.Evidence{{File: k.Ev.File, Line: max(k.Fact.ConstraintLine, 0), Text: "", Time: k.Ev.Time}}
			if k.Fact.ConstraintLine == 0 {
				h.Evidence = []correlate.Evidence{k.Ev}
			}
		}
		return h
	}
	limit, limitEv, known := c.groupLimit()
	rss := killedRSS(k)
	maxmem, maxKnown := c.maxmemory()
	held, who := rss, c.victim()+" reached"
	if sum := c.groupHeld(); sum > rss {
		if held = sum; sum > rss*3/2 {
			who = fmt.Sprintf("%s, which held %s together, reached", plural(len(k.Fact.Tasks), c.Groups[0].Comm), bytesIn(sum))
			if len(c.Groups) > 1 {
				who = fmt.Sprintf("the %d processes of a group, of which %s held most, reached", len(k.Fact.Tasks), plural(c.Groups[0].Count, c.Groups[0].Comm))
			}
		}
	}
	h.Tests = correlate.Tests{
		Structural: correlate.Pass,
		Deviating:  correlate.Pass,
		Ordered:    correlate.Pass,
		// what the group's processes held must be half of what it may: the kernel lists them all, and kills the largest
		Sufficient: correlate.Judge(known && held > 0, held*2 >= limit),
	}
	if IsRedis(k.Fact.VictimComm) && maxKnown && known {
		h.Tests.Structural = correlate.Judge(true, maxmem.Bytes == 0 || maxmem.Bytes > limit*9/10)
	}
	// A leak that nothing bounds fills any limit: then the limit is where it ended, not why.
	// Keys that do expire are a cache's as well, which is what a limit is for, unless a log shows whose they are.
	if l := c.Leak; IsRedis(k.Fact.VictimComm) && l.State == Established && maxKnown && maxmem.Bytes == 0 && c.grewMuch() &&
		(c.Growth.Counted == correlate.NoTTLKeys || c.sources(l).judged) {
		h.State, h.Confidence = Possible, 0.4
		h.Reason = "the limit was hit, but keys without TTL filled it"
		if c.Growth.Counted != correlate.NoTTLKeys {
			h.Reason = "the limit was hit, but keys that came faster than they expired filled it"
		}
		return h
	}
	h.State = Established
	if held == 0 {
		h.Confidence = 0.7 // a container's status alone: a node that ran out of memory leaves the same word
	}
	h.Evidence = []correlate.Evidence{k.Ev}
	group := k.Fact.OOMMemcg
	if group == "" {
		group = k.Fact.TaskMemcg
	}
	limitWord := "its limit"
	if known {
		limitWord = fmt.Sprintf("its limit of %s", bytesIn(limit))
		if held > 0 {
			h.Explained = min(float64(held)/float64(limit), 1)
		}
	}
	why := ""
	if IsRedis(k.Fact.VictimComm) && maxKnown && known && maxmem.Bytes > limit {
		why = fmt.Sprintf("; maxmemory is %s, so Redis could never have stopped by itself", bytesIn(maxmem.Bytes))
	} else if IsRedis(k.Fact.VictimComm) && maxKnown && maxmem.Bytes == 0 {
		why = "; Redis has no maxmemory of its own"
	}
	if !strings.HasPrefix(who, c.victim()) {
		limitWord = strings.Replace(limitWord, "its", "their", 1)
	}
	in := "in cgroup " + short(group)
	if group == "" {
		in = "in a group that no line names"
	}
	h.Summary = fmt.Sprintf("%s %s %s%s; the kernel killed %s while the host had memory left.", who, limitWord, in, why, killedWord(who, c.victim()))
	cause := correlate.Event{Kind: "cgroup-limit", Subject: group, Text: fmt.Sprintf("the group %s was at %s", short(group), limitWord), From: k.At, To: k.At}
	if limitEv.File != "" {
		cause.Evidence = append(cause.Evidence, limitEv)
	}
	if k.Fact.MemcgLine > 0 {
		cause.Evidence = append(cause.Evidence, correlate.Evidence{File: k.Ev.File, Line: k.Fact.MemcgLine, Time: k.Ev.Time, Note: "usage and limit of the group"})
	}
	if maxKnown && IsRedis(k.Fact.VictimComm) {
		cause.Evidence = append(cause.Evidence, maxmem.Ev)
	}
	h.Chain = append([]correlate.Link{link(cause, c.killEvent(), h.Tests, h.Explained)}, c.killToWeb()...)
	h.Fixes = []string{"container-limit-raise"}
	if IsRedis(k.Fact.VictimComm) {
		h.Fixes = append(h.Fixes, "redis-maxmemory")
	}
	return h
}

// killedWord names the victim again where the sentence is about its group.
func killedWord(who, victim string) string {
	if strings.HasPrefix(who, victim) {
		return "it"
	}
	return victim
}

// groupHeld sums the task table of a kill in a group: it lists the group's processes and no others.
func (c *Case) groupHeld() int64 {
	if len(c.Kill.Fact.Tasks) == 0 {
		return 0
	}
	sum := int64(0)
	for _, g := range c.Groups {
		sum += g.RSS
	}
	return sum
}

// short keeps the telling end of a cgroup path.
func short(cg string) string {
	if cg == "" {
		return "(unnamed)"
	}
	parts := strings.Split(strings.Trim(cg, "/"), "/")
	last := parts[len(parts)-1]
	if len(last) > 40 {
		last = last[:37] + "..."
	}
	return last
}

// groupLimit is the limit that was hit: the kernel's own words, else a unit's MemoryMax, a container's limit.
func (c *Case) groupLimit() (int64, correlate.Evidence, bool) {
	k := c.Kill
	if k.Fact.MemcgLimit.OK {
		return k.Fact.MemcgLimit.N << 10, correlate.Evidence{File: k.Ev.File, Line: max(k.Fact.MemcgLine, 1), Time: k.Ev.Time, Note: "the group's limit"}, true
	}
	for _, name := range []string{"MemoryMax", "MemoryLimit"} {
		for _, s := range c.settings("systemd", name) {
			if n, ok := sizeOf(s.Value()); ok {
				return n, s.Ev, true
			}
		}
	}
	for _, ct := range c.Containers {
		if ct.Fact.LimitBytes.OK && (ct.Fact.OOMKilled == "true" || strings.Contains(strings.ToLower(ct.Fact.Name+ct.Fact.Image), "redis")) {
			return ct.Fact.LimitBytes.N, ct.Ev, true
		}
	}
	for _, s := range c.Settings {
		if s.System == "compose" && (s.Name == "mem_limit" || s.Name == "memory") {
			if n, ok := sizeOf(s.Value()); ok {
				return n, s.Ev, true
			}
		}
	}
	return 0, correlate.Evidence{}, false
}
