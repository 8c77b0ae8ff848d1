package rules

import (
	"strings"

	"culprit/correlate"
)

// sharedMemory is what belongs to no process, where it is a quarter of RAM or more: files in tmpfs (/dev/shm, /run, often /tmp),
// System V segments. The kernel counts it and cannot take it back.
func (c *Case) sharedMemory() (int64, correlate.Evidence, bool) {
	if c.Kill == nil || !c.RAM.OK || c.inGroup() {
		return 0, correlate.Evidence{}, false
	}
	n := c.Kill.Fact.ShmemKB.Or(0) << 10
	for _, g := range c.Groups {
		if strings.HasPrefix(g.Comm, "postgres") || strings.HasPrefix(g.Comm, "postmaster") || strings.HasPrefix(g.Comm, "oracle") {
			n -= g.RSS // their buffers are shared memory, and theirs
		}
	}
	return n, c.line(c.Kill.Fact.MemInfoLine), float64(n) >= hogOfRAM*float64(c.RAM.Bytes)
}
