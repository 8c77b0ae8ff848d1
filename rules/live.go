package rules

import (
	"fmt"
	"slices"

	"culprit/correlate"
)

// JudgeLive is Own.Judge for a host that is watched: somebody acts before there is a verdict. So the fixes which a finding
// of an analysis only names are made as well, against those who make the new keys; and so are those against a growth that
// will reach its limit (ahead).
func (o Own) JudgeLive(inc *correlate.Incident) (r *Report, ahead []Fix) {
	c := Open(inc)
	c.own = o
	r = c.judge()
	var h Hypothesis
	src := c.sources(c.Leak)
	makers := append(src.crawlers, src.routes...)
	for _, sh := range makers {
		h.Culprits = append(h.Culprits, culpritsOf(sh)...)
	}
	done := map[string][]Fix{}
	fixes := func(id string) []Fix {
		if done[id] == nil {
			done[id] = c.fixesSafely(id, h)
		}
		return done[id]
	}
	for i := range r.Findings {
		f := &r.Findings[i]
		var made []Fix
		for _, x := range f.Fixes {
			if x.Title == "" {
				made = append(made, fixes(x.ID)...)
				continue
			}
			made = append(made, x)
		}
		f.Fixes = made
	}
	if c.Growth == nil || len(inc.Forecasts()) == 0 {
		return r, nil
	}
	var ids []string
	if c.Growth.NoTTLShare > leakExplains {
		ids = append(ids, "session-ttl")
	}
	for _, sh := range makers {
		id := crawlerFix(sh.Group)
		if sh.Group.Kind == correlate.RouteGroup {
			id = "embed-stateless-route"
		}
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	if m, ok := c.maxmemory(); ok && m.Bytes == 0 {
		ids = append(ids, "redis-maxmemory")
	} else if ok {
		ids = append(ids, "redis-maxmemory-size")
	}
	for _, id := range ids {
		ahead = append(ahead, fixes(id)...)
	}
	return r, ahead
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
