package rules

import (
	"fmt"

	"culprit/correlate"
)

var _ = registerCause(Cause{
	ID: "kernel-memory-leak",
	Doc: `The kernel itself holds the memory: unreclaimable slab, page tables. No process explains RAM, victims are small, and
killing frees nothing.

Arithmetic:

    kernel    = slab_unreclaimable + pagetables of Mem-Info
    processes = RSS of the task table, shared pages counted once

Threshold: The kernel's share is a quarter of RAM at a global kill, and the processes hold less than half.

When it is wrong: memory that no counter names holds the rest (a balloon of the hypervisor, huge pages, a GPU): what
is not accounted for is then larger than the slab.`,
	Judge: func(c *Case) Hypothesis {
		h := Hypothesis{Explained: -1}
		if c.Kill == nil {
			return c.noKill(h)
		}
		k := &c.Kill.Fact
		if !k.SlabUnreclKB.OK || !c.RAM.OK {
			h.State, h.Reason, h.Missing = NotChecked, "no Mem-Info with slab in the kernel's report", []string{"oom-report"}
			return h
		}
		slab := (k.SlabUnreclKB.N + k.PagetablesKB.Or(0)) << 10
		share := float64(slab) / float64(c.RAM.Bytes)
		ev := correlate.Evidence{File: c.Kill.Ev.File, Line: max(k.MemInfoLine, 1), Time: c.Kill.Ev.Time, Note: fmt.Sprintf("slab_unreclaimable %s", bytesIn(k.SlabUnreclKB.N<<10))}
		h.Evidence = []correlate.Evidence{ev}
		tasks := int64(0)
		for _, g := range c.Groups {
			tasks += g.RSS
		}
		if share < 0.25 || float64(tasks) > 0.5*float64(c.RAM.Bytes) {
			h.State = Excluded
			h.Reason = fmt.Sprintf("the kernel's own slab and page tables held %s, %s of RAM", bytesIn(slab), percent(share))
			return h
		}
		if len(c.Groups) == 0 {
			h.State, h.Confidence = Possible, 0.4
			return h
		}
		h.State = Established
		h.Explained = share
		h.Tests = correlate.Tests{Structural: correlate.Pass, Deviating: correlate.Pass, Ordered: correlate.Pass, Sufficient: correlate.Judge(true, share >= 0.25)}
		h.Summary = fmt.Sprintf("the kernel itself held %s of %s in unreclaimable slab and page tables; killing %s freed next to nothing.", bytesIn(slab), bytesIn(c.RAM.Bytes), c.victim())
		h.Chain = append([]correlate.Link{link(correlate.Event{Kind: "kernel-memory", Subject: "kernel", Text: fmt.Sprintf("unreclaimable slab and page tables at %s", bytesIn(slab)), Evidence: h.Evidence}, c.killEvent(), h.Tests, share)}, c.killToWeb()...)
		h.Fixes = []string{"collect-evidence"}
		return h
	},
})
