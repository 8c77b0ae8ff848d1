package rules

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"culprit/correlate"
)

var _ = register(Rule{
	ID: "redis-maxmemory-above-cgroup-limit",
	Doc: `Redis runs inside a group with a memory limit (systemd's MemoryMax, a container's limit), and its own maxmemory leaves
no room below it: the kernel kills it before it evicts a key. RSS is used_memory times fragmentation, plus client
buffers and what a save copies. The limits that count are those of units, services and containers named after Redis,
and the one that a kill of Redis hit.

Arithmetic:

    fires: maxmemory = 0, or maxmemory x 1.1 > limit

Threshold: A tenth of room at least: MEMORY DOCTOR takes fragmentation of 1.1 for normal. With saves leave a quarter
and more.

When it is wrong: the unit or container of that name runs another server than the one whose redis.conf is in the
input.`,
	Needs: []Sort{NeedsRedisConf},
	Check: checkLimitAboveGroup,

	Thresholds: []Threshold{overMaxmemory},
})

var overMaxmemory = Threshold{ID: "redis-maxmemory-above-cgroup-limit.factor", Default: 1.1, Min: 1, Max: 4, Doc: "what RSS takes of used_memory when nothing is wrong (MEMORY DOCTOR takes 1.1 for normal); with saves set 1.35 and more"}

func checkLimitAboveGroup(c *Case) []Finding {
	in := c.Redis
	if in == nil || len(c.Incident.Redis) > 1 && c.Kill == nil { // which of several servers a group is for is not said
		return nil
	}
	limit, what, ok := c.redisGroupLimit()
	if !ok {
		return nil
	}
	l := c.limitOf(in)
	max := l.File
	if !max.OK {
		max = l.Running
	}
	if !max.OK || max.Bytes > 0 && float64(max.Bytes)*c.threshold(overMaxmemory) <= float64(limit.Bytes) {
		return nil
	}
	f := Finding{Role: RoleHygiene, Evidence: []correlate.Evidence{limit.Ev, max.Ev}, Fixes: c.Advise("container-limit-raise"),
		Title: fmt.Sprintf("Redis has maxmemory %s in %s limited to %s: the kernel kills it before it evicts", limitWord(max.Bytes), what, bytesIn(limit.Bytes)),
		Quantities: []Quantity{{"limit of the group", float64(limit.Bytes), "bytes", ""},
			{"largest maxmemory below it", float64(limit.Bytes) / c.threshold(overMaxmemory), "bytes", fmt.Sprintf("limit / %v; with saves leave a quarter and more", c.threshold(overMaxmemory))}}}
	if c.Kill != nil && c.Kill.Fact.Constraint == "memcg" && IsRedis(c.Kill.Fact.VictimComm) {
		f.Role = RoleContributing
		f.Evidence = append(f.Evidence, c.Kill.Ev)
		f.Fixes = c.Advise("redis-maxmemory-size", "container-limit-raise")
	}
	return []Finding{f}
}

// redisGroupLimit is the limit of the group that Redis runs in.
func (c *Case) redisGroupLimit() (limit Amount, what string, ok bool) {
	if k := c.Kill; k != nil && k.Fact.Constraint == "memcg" && IsRedis(k.Fact.VictimComm) && k.Fact.MemcgLimit.OK {
		ev := k.Ev
		ev.Text, ev.Note = "", "the group's limit"
		if k.Fact.MemcgLine > 0 {
			ev.Line = k.Fact.MemcgLine
		}
		return Amount{k.Fact.MemcgLimit.N << 10, true, ev}, "a cgroup", true
	}
	named := func(s string) bool {
		s = strings.ToLower(s)
		return strings.Contains(s, "redis") || strings.Contains(s, "valkey") || strings.Contains(s, "keydb")
	}
	for _, s := range c.Settings {
		unit := s.System == "systemd" && (s.Name == "MemoryMax" || s.Name == "MemoryLimit")
		service := s.System == "compose" && (s.Name == "mem_limit" || s.Name == "memory" && slices.Contains(s.Path, "limits"))
		if !unit && !service || !named(strings.Join(s.Path, " ")+" "+path.Base(s.Ev.File)) {
			continue
		}
		if n, ok := sizeOf(s.Value()); ok && n > 0 {
			return Amount{n, true, s.Ev}, map[bool]string{true: "a unit", false: "a container"}[unit], true
		}
	}
	for _, ct := range c.Containers {
		if ct.Fact.LimitBytes.OK && ct.Fact.LimitBytes.N > 0 && named(ct.Fact.Name+" "+ct.Fact.Image) {
			return Amount{ct.Fact.LimitBytes.N, true, ct.Ev}, "a container", true
		}
	}
	return Amount{}, "", false
}
