package rules

import (
	"fmt"
	"strings"

	"culprit/correlate"
)

var _ = registerCause(Cause{
	ID: "fork-refused",
	Doc: `The kernel refused Redis's fork ("Can't save in background: fork: Cannot allocate memory") because
vm.overcommit_memory is 0 (or 2) and the promise would exceed what is free. Nothing is killed; but with
stop-writes-on-bgsave-error, every write then fails with MISCONF. Disk errors in the same place are another cause
(disk-full-persistence).

Arithmetic: None: the server log says it, once a try. With 0 the kernel refuses what is obviously too much, with 2
what exceeds swap + vm.overcommit_ratio of RAM.

Threshold: One such line, and no kill of Redis by the kernel.

When it is wrong: a limit of processes or of the group refused the fork (EAGAIN reads "Resource temporarily
unavailable", not "Cannot allocate memory").`,
	Judge: func(c *Case) Hypothesis {
		failed := c.redisEvents("fork-failed")
		h := c.fromLog("fork-refused", failed, "the Redis log shows no refused fork")
		if h.State != Established {
			return h
		}
		h.Evidence = append(h.Evidence, firstEvidence(c.redisEvents("overcommit-warning"), 1)...)
		h.Evidence = append(h.Evidence, firstEvidence(c.redisEvents("misconf"), 1)...)
		after := ""
		if c.misconf() > 0 {
			after = fmt.Sprintf(", and %s then refused with MISCONF", writesWere(c.misconf()))
		}
		h.Summary = fmt.Sprintf("the kernel refused Redis's fork %s for want of memory it would have promised%s.", times(len(failed)), after)
		h.Fixes = []string{"overcommit-memory", "rdb-schedule", "redis-maxmemory"}
		return h
	},
})

var _ = registerCause(Cause{
	ID: "allocation-refused",
	Doc: `malloc failed and Redis aborted itself with a report ("Out Of Memory allocating N bytes!", "Guru Meditation: Redis
aborting for OUT OF MEMORY"): a ulimit, vm.overcommit_memory=2, or 32 bits. A kernel kill leaves no such report.

Arithmetic: None: the server log says it, with the size that was asked for.

Threshold: One such line. Redis writes it in its own panic handler (zmalloc_oom_handler) and ends at once; nothing
else prints it.

When it is wrong: the line is of an earlier crash in the same log, and what the report is about happened afterwards.`,
	Judge: func(c *Case) Hypothesis {
		failed := c.redisEvents("alloc-failed")
		h := c.fromLog("allocation-refused", failed, "the Redis log shows no failed allocation")
		if h.State != Established {
			return h
		}
		size := ""
		if failed[0].SizeBytes.OK {
			size = " of " + bytesIn(failed[0].SizeBytes.N)
		}
		h.Summary = fmt.Sprintf("an allocation%s failed and Redis aborted itself; the kernel killed nobody.", size)
		h.Fixes = []string{"overcommit-memory", "redis-maxmemory", "memory-budget"}
		return h
	},
})

var _ = registerCause(Cause{
	ID: "disk-full-persistence",
	Doc: `Redis could not write its dump or append-only file ("No space left on device"); with stop-writes-on-bgsave-error every
write is then refused with MISCONF. Memory has nothing to do with it.

Arithmetic: None: the server log says it. Refused writes are counted by their MISCONF lines in the logs of Redis, the
application and nginx.

Threshold: One line with "No space left on device" (ENOSPC), and no kill of Redis by the kernel.

When it is wrong: the disk was full for a while and is not any more, and what failed later had another reason; the
times of the lines tell.`,
	Judge: func(c *Case) Hypothesis {
		var full []correlate.RedisEvent
		for _, e := range c.redisEvents("disk-full", "save-failed", "aof-rewrite-failed") {
			if e.Event == "disk-full" || strings.Contains(e.Text, "No space left") {
				full = append(full, e)
			}
		}
		h := c.fromLog("disk-full-persistence", full, "no log speaks of a full disk")
		if h.State == Established {
			after := ""
			if c.misconf() > 0 {
				after = fmt.Sprintf("; %s refused with MISCONF", writesWere(c.misconf()))
			}
			h.Summary = fmt.Sprintf("the disk was full and Redis failed to persist %s%s.", times(len(full)), after)
			h.Fixes = []string{"free-disk", "collect-evidence"}
			if !h.ofAOF() {
				h.Fixes = []string{"free-disk", "rdb-schedule", "collect-evidence"}
			}
		}
		return h
	},
})

// fromLog establishes a cause by lines of the server log that say it in so many words.
func (c *Case) fromLog(id string, lines []correlate.RedisEvent, none string) Hypothesis {
	h := Hypothesis{Cause: id, Explained: -1}
	if len(lines) == 0 {
		h.State, h.Reason = Excluded, none
		if c.Redis == nil || len(c.Redis.Log) == 0 {
			h.State, h.Reason, h.Missing = NotChecked, "no Redis server log in the input", []string{"redis-log"}
		}
		return h
	}
	if c.Kill != nil && c.Kill.Placed && IsRedis(c.Kill.Fact.VictimComm) {
		h.State, h.Reason = Excluded, "the kernel killed Redis"
		return h
	}
	h.State = Established
	h.Evidence = firstEvidence(lines, 3)
	h.Tests = correlate.Tests{Structural: correlate.Pass, Deviating: correlate.Pass, Ordered: correlate.Pass, Sufficient: correlate.Judge(c.misconf() > 0 || id == "allocation-refused", true)}
	e := correlate.Event{Kind: id, Subject: "redis-server", Text: lines[0].Text, From: lines[0].At, To: lines[len(lines)-1].At, Evidence: h.Evidence}
	h.Onset = e
	effect := correlate.Event{Kind: "writes-refused", Subject: "redis-server", Text: "writes were refused with MISCONF", From: e.From}
	if c.misconf() == 0 {
		effect.Text = "while it cannot persist Redis refuses writes (MISCONF); no log here shows one"
	}
	if id == "allocation-refused" {
		effect = correlate.Event{Kind: "redis-abort", Subject: "redis-server", Text: "Redis aborted itself", From: e.From}
	}
	h.Chain = []correlate.Link{link(e, effect, h.Tests, -1)}
	if web, ok := c.webEvent(); ok {
		h.Chain = append(h.Chain, link(effect, web, correlate.Tests{Structural: correlate.Pass, Deviating: correlate.Pass}, -1))
	}
	return h
}

func firstEvidence(lines []correlate.RedisEvent, n int) []correlate.Evidence {
	var out []correlate.Evidence
	for i := 0; i < len(lines) && i < n; i++ {
		out = append(out, lines[i].Ev)
	}
	return out
}

// misconf counts writes refused because the last save failed.
func (c *Case) misconf() int64 {
	n := int64(len(c.redisEvents("misconf")))
	for _, g := range c.Errors {
		if g.Signature == "redis-misconf" {
			n += g.N
		}
	}
	for _, a := range c.App {
		if a.Fact.Signature == "redis-misconf" {
			n++
		}
	}
	return n
}

func writesWere(n int64) string { return count(n) + " " + numbered(int(n), "write was", "writes were") }

func containsFold(s, sub string) bool { return strings.Contains(strings.ToLower(s), sub) }
