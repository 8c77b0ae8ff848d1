package rules

import (
	"fmt"

	"culprit/correlate"
)

var _ = register(Rule{
	ID: "redis-fragmentation",
	Doc: `Redis's allocator holds much more than the data: memory that was freed in pieces too small to give back. Limits count
used_memory, the kernel counts RSS, so maxmemory promises less than it keeps. mem_fragmentation_ratio is not used: it
mixes in everything else of the process and is worthless soon after a peak.

Arithmetic:

    lost = allocator_frag_bytes = allocator_active - allocator_allocated, INFO's own measure of external fragmentation

Threshold: allocator_frag_ratio above 1.1 (MEMORY DOCTOR's limit), and what is lost a tenth of used_memory and 100 MB:
"when the total fragmentation bytes is low, a high ratio is not an issue" (redis-doc, INFO). A ratio of 12 on 9 MB is
nothing.

When it is wrong: the snapshot was taken right after a mass delete or FLUSHDB: the allocator gives pages back within
minutes.`,
	Needs: []Sort{NeedsInfo},
	Check: checkFragmentation,

	Thresholds: []Threshold{allocatorFrag, fragOfUsed},
})

var (
	allocatorFrag = Threshold{ID: "redis-fragmentation.ratio", Default: 1.1, Min: 1, Max: 10, Doc: "allocator_frag_ratio above it is told; 1.1 is MEMORY DOCTOR's limit"}
	fragOfUsed    = Threshold{ID: "redis-fragmentation.share", Default: 0.1, Min: 0, Max: 1, Doc: "share of used_memory that must be lost; a tenth is what a limit is usually left in reserve"}
)

func checkFragmentation(c *Case) []Finding {
	var out []Finding
	for _, in := range c.Incident.Redis {
		if len(in.Snapshots) == 0 {
			continue
		}
		s := &in.Snapshots[len(in.Snapshots)-1]
		if c.isSubject(in) && c.Growth != nil {
			s = c.Growth.Last
		}
		ratio := s.Info.Float("allocator_frag_ratio")
		lost := s.Info.Int("allocator_frag_bytes")
		if !ratio.OK || !lost.OK || !s.Used.OK || ratio.F <= c.threshold(allocatorFrag) || lost.N < fragBytes || float64(lost.N) < c.threshold(fragOfUsed)*float64(s.Used.N) {
			continue
		}
		f := Finding{Role: RoleHygiene, Fixes: c.Advise("activedefrag"),
			Evidence:   []correlate.Evidence{s.Evidence("allocator_frag_ratio", ""), s.Evidence("allocator_frag_bytes", ""), s.Evidence("used_memory", "")},
			Title:      fmt.Sprintf("%s holds %s in fragments beside %s of data: allocator_frag_ratio %.2f", c.serverName(in), bytesIn(lost.N), bytesIn(s.Used.N), ratio.F),
			Quantities: []Quantity{{"lost to fragments", float64(lost.N), "bytes", "allocator_active - allocator_allocated"}}}
		switch {
		case c.isSubject(in) && c.established("allocator-fragmentation"):
			f.Role = RoleRoot
		case c.hurt(in):
			f.Role = RoleContributing
		}
		out = append(out, f)
	}
	return out
}
