package rules

import (
	"fmt"

	"culprit/correlate"
)

var _ = registerCause(Cause{
	ID: "allocator-fragmentation",
	Doc: `The process holds far more than its data: RSS grows while used_memory stays. After many deletes of mixed sizes the
allocator cannot give pages back. mem_fragmentation_ratio alone misleads (12 at 9 MB is nothing: Redis's own
documentation), so the bytes decide.

Arithmetic:

    ratio = used_memory_rss / used_memory
    waste = used_memory_rss - used_memory
    and of the growth since the first snapshot, RSS must have grown where used_memory did not

Threshold: A ratio of 1.4 at least, which is MEMORY DOCTOR's limit for RSS (redis/src/object.c), and 100 MB or a tenth
of RAM of waste: "when the total fragmentation bytes is low, a high ratio is not an issue" (redis-doc, INFO). And
something must have been killed.

When it is wrong: a save was under way: the pages it copies are RSS as well (fork-cow); or used_memory had just fallen
from a peak, and its pages were on their way back.`,
	Judge: judgeFragmentation,
})

const (
	fragRatio = 1.4       // MEMORY DOCTOR's own limit for rss (redis/src/object.c)
	fragBytes = 100 << 20 // "when the total fragmentation bytes is low, a high ratio is not an issue" (redis-doc, INFO)
)

func judgeFragmentation(c *Case) Hypothesis {
	h := Hypothesis{Explained: -1}
	g := c.Growth
	if g == nil || c.After || !g.Last.RSS.OK || !g.Last.Used.OK {
		h.State, h.Reason, h.Missing = NotChecked, "no Redis INFO with used_memory_rss before the end", []string{"redis-info"}
		return h
	}
	l := g.Last
	waste := l.RSS.N - l.Used.N
	ratio := float64(l.RSS.N) / float64(max(l.Used.N, 1))
	h.Evidence = []correlate.Evidence{l.Evidence("used_memory", ""), l.Evidence("used_memory_rss", "")}
	if ratio < fragRatio || waste < fragBytes && (!c.RAM.OK || float64(waste) < 0.1*float64(c.RAM.Bytes)) {
		h.State = Excluded
		h.Reason = fmt.Sprintf("RSS %s is %.2f times used_memory %s", bytesIn(l.RSS.N), ratio, bytesIn(l.Used.N))
		return h
	}
	if c.Kill == nil {
		h.State = Excluded
		h.Reason = fmt.Sprintf("RSS is %.2f times used_memory, but nothing was killed", ratio)
		return h
	}
	if c.savePending() {
		// A save doubles what a parent and its child map, not the parent's RSS; still its copies are not fragmentation.
		h.Tests.Structural = correlate.Unknown
	}
	grewRSS, grewUsed := float64(g.DRSS.Or(0)), float64(g.DUsed.Or(0))
	h.Tests = correlate.Tests{
		Structural: correlate.Judge(true, l.Info.Fields["active_defrag_running"] != "1"),
		Deviating:  correlate.Judge(g.DRSS.OK && g.DUsed.OK, grewRSS > 2*max(grewUsed, 0)),
		Ordered:    correlate.Pass,
		Sufficient: correlate.Judge(c.RAM.OK, float64(waste) >= 0.1*float64(c.RAM.Bytes)),
	}
	if h.Tests.Deviating == correlate.Fail {
		h.State = Excluded
		h.Reason = fmt.Sprintf("used_memory itself grew by %s of RSS's %s", bytesIn(int64(grewUsed)), bytesIn(int64(grewRSS)))
		return h
	}
	if share := c.redisShare(); share >= 0 && share < leakOfRAM {
		h.State, h.Reason = Excluded, fmt.Sprintf("Redis held %s of RAM", percent(share))
		return h
	}
	h.State = Established
	h.Explained = float64(waste) / float64(l.RSS.N)
	h.Summary = fmt.Sprintf("%s of Redis's %s resident were fragmentation: RSS grew to %.1f times used_memory while the data stayed, until %s killed %s.", bytesIn(waste), bytesIn(l.RSS.N), ratio, c.Killer, c.victim())
	frag := correlate.Event{Kind: "allocator-fragmentation", Subject: "redis-server", Text: fmt.Sprintf("used_memory went from %s to %s, RSS from %s to %s", bytesIn(g.First.Used.Or(0)), bytesIn(l.Used.N), bytesIn(g.First.RSS.Or(0)), bytesIn(l.RSS.N)),
		From: g.First.At, To: l.At, Evidence: []correlate.Evidence{g.First.Evidence("used_memory_rss", ""), l.Evidence("used_memory", ""), l.Evidence("used_memory_rss", "")}}
	h.Chain = append([]correlate.Link{link(frag, c.killEvent(), h.Tests, h.Explained)}, c.killToWeb()...)
	h.Onset = frag
	h.Fixes = []string{"activedefrag", "redis-maxmemory"}
	return h
}

func (c *Case) savePending() bool {
	started, finished := c.saveBefore()
	return started != nil && !finished
}
