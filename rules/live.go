package rules

import (
	"fmt"

	"culprit/correlate"
)

// JudgeLive is Own.Judge for a host that is watched: somebody acts on a finding before there is a verdict, so that the fixes
// which a finding of an analysis only names are made as well, against those who make the new keys.
func (o Own) JudgeLive(inc *correlate.Incident) *Report {
	c := Open(inc)
	c.own = o
	r := c.judge()
	var h Hypothesis
	src := c.sources(c.Leak)
	for _, sh := range append(src.crawlers, src.routes...) {
		h.Culprits = append(h.Culprits, culpritsOf(sh)...)
	}
	made := map[string][]Fix{}
	for i := range r.Findings {
		f := &r.Findings[i]
		var fixes []Fix
		for _, x := range f.Fixes {
			if x.Title == "" {
				if made[x.ID] == nil {
					made[x.ID] = c.fixesSafely(x.ID, h)
				}
				fixes = append(fixes, made[x.ID]...)
				continue
			}
			fixes = append(fixes, x)
		}
		f.Fixes = fixes
	}
	return r
}

// fixesSafely keeps a fault in one fix from ending a watch.
func (c *Case) fixesSafely(id string, h Hypothesis) (out []Fix) {
	defer func() {
		if e := recover(); e != nil {
			out = []Fix{{ID: id, Title: id, Kind: KindManual, Text: fmt.Sprintf("internal error, please report it: %v", e)}}
		}
	}()
	return c.FixesFor(id, h)
}
