package rules

import (
	"fmt"
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

// setAside is what huge pages keep from everybody who does not ask for them, where it is a quarter of RAM or more.
func (c *Case) setAside() (said string, ok bool) {
	if c.Kill == nil || !c.RAM.OK || c.inGroup() {
		return "", false
	}
	k := &c.Kill.Fact
	if n := k.HugeKB.Or(0) << 10; float64(n) >= hogOfRAM*float64(c.RAM.Bytes) {
		said = fmt.Sprintf("%s of %s of RAM are set aside for huge pages (vm.nr_hugepages), which only programs that ask for them can use", bytesIn(n), bytesIn(c.RAM.Bytes))
		if free := k.HugeFreeKB.Or(0) << 10; free > 0 {
			said += fmt.Sprintf("; %s of them were free", bytesIn(free))
		}
		return said + fmt.Sprintf(" (%s)", lineOf(c.line(k.MemInfoLine))), true
	}
	return "", false
}

// nobodys is what the kernel's report leaves unexplained, where it is a quarter of RAM or more and the report is whole: neither a
// process nor the kernel's own tables hold it.
func (c *Case) nobodys() (said string, ok bool) {
	l, ok := c.ramLedger()
	if !ok || len(c.Kill.Fact.Tasks) == 0 || c.Kill.Fact.Truncated || !c.Kill.Fact.SlabUnreclKB.OK || l.Residual < hogOfRAM*l.Total {
		return "", false
	}
	return fmt.Sprintf("%s of %s of RAM were neither a process's nor in the kernel's tables: a hypervisor's balloon, a driver, or pages that a program pinned", bytesIn(int64(l.Residual)), bytesIn(c.RAM.Bytes)), true
}
