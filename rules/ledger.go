package rules

import (
	"cmp"
	"slices"

	"culprit/correlate"
)

// ledgers balance the memory: RAM at the kill, and Redis's RSS at the last snapshot.
func (c *Case) ledgers() []Ledger {
	var out []Ledger
	if l, ok := c.ramLedger(); ok {
		out = append(out, l)
	}
	if l, ok := c.rssLedger(); ok {
		out = append(out, l)
	}
	return out
}

// ramLedger: RAM = the processes of the task table + slab + page tables + shmem + free. Without a task table only the
// victim and the kernel's own sums are known, and the residual says so.
func (c *Case) ramLedger() (Ledger, bool) {
	if c.Kill == nil || !c.RAM.OK || c.Kill.Fact.Constraint == "memcg" {
		return Ledger{}, false
	}
	k := &c.Kill.Fact
	l := Ledger{Name: "RAM at the kill", Unit: "bytes", Total: float64(c.RAM.Bytes)}
	if len(k.Tasks) > 0 {
		rest := int64(0)
		for i, g := range c.Groups {
			if i < 5 {
				l.Terms = append(l.Terms, LedgerTerm{Name: plural(g.Count, g.Comm), Value: float64(g.RSS), Evidence: g.Ev})
			} else {
				rest += g.RSS
			}
		}
		if rest > 0 {
			l.Terms = append(l.Terms, LedgerTerm{Name: "other processes", Value: float64(rest)})
		}
	} else if rss := killedRSS(c.Kill); rss > 0 {
		l.Terms = append(l.Terms, LedgerTerm{Name: name(k.VictimComm), Value: float64(rss), Evidence: c.Kill.Ev})
		if k.ActiveAnonKB.OK {
			anon := (k.ActiveAnonKB.N + k.InactAnonKB.Or(0)) << 10
			if other := anon - k.AnonRSSKB.Or(0)<<10; other > 0 {
				l.Terms = append(l.Terms, LedgerTerm{Name: "anonymous memory of all other processes", Value: float64(other), Evidence: c.line(k.MemInfoLine)})
			}
		}
	}
	for _, t := range []struct {
		name string
		kb   int64
	}{
		{"slab", k.SlabReclKB.Or(0) + k.SlabUnreclKB.Or(0)},
		{"page tables", k.PagetablesKB.Or(0)},
		{"kernel stacks", k.KernelStackKB.Or(0)},
		{"file cache", k.FileCacheKB.Or(0)},
		{"huge pages", k.HugeKB.Or(0)},
		{"free", k.FreeKB.Or(0)},
	} {
		if t.kb > 0 {
			l.Terms = append(l.Terms, LedgerTerm{Name: t.name, Value: float64(t.kb << 10), Evidence: c.line(k.MemInfoLine)})
		}
	}
	// Of shared memory, processes hold what they touched, and that is theirs; what no process accounts for is tmpfs's.
	if len(k.Tasks) > 0 && k.ShmemKB.OK {
		rest, _ := l.close()
		if n := min(float64(k.ShmemKB.N<<10), rest.Residual); n > 0 {
			l.Terms = append(l.Terms, LedgerTerm{Name: "shared memory and tmpfs", Value: n, Evidence: c.line(k.MemInfoLine)})
		}
	}
	return l.close()
}

func (c *Case) line(n int) correlate.Evidence {
	if n == 0 {
		return correlate.Evidence{}
	}
	return correlate.Evidence{File: c.Kill.Ev.File, Line: n, Time: c.Kill.Ev.Time}
}

// rssLedger: RSS = dataset + overhead + allocator's waste + what lies outside the allocator (INFO's own decomposition).
func (c *Case) rssLedger() (Ledger, bool) {
	g := c.Growth
	if g == nil || !g.Last.RSS.OK || !g.Last.Used.OK {
		return Ledger{}, false
	}
	s := g.Last
	l := Ledger{Name: "Redis RSS at the last snapshot", Unit: "bytes", Total: float64(s.RSS.N)}
	if s.Dataset.OK {
		l.Terms = append(l.Terms, LedgerTerm{Name: "dataset", Value: float64(s.Dataset.N), Evidence: s.Evidence("used_memory_dataset", "")})
		buffers := bufferOf(s)
		l.Terms = append(l.Terms, LedgerTerm{Name: "client and replica buffers", Value: float64(buffers), Evidence: s.Evidence("mem_clients_normal", "")})
		l.Terms = append(l.Terms, LedgerTerm{Name: "other overhead", Value: float64(s.Used.N - s.Dataset.N - buffers), Evidence: s.Evidence("used_memory_overhead", "")})
	} else {
		l.Terms = append(l.Terms, LedgerTerm{Name: "used_memory", Value: float64(s.Used.N), Evidence: s.Evidence("used_memory", "")})
	}
	l.Terms = append(l.Terms, LedgerTerm{Name: "fragmentation and allocator", Value: float64(s.RSS.N - s.Used.N), Evidence: s.Evidence("used_memory_rss", "")})
	return l.close()
}

func (l Ledger) close() (Ledger, bool) {
	sum := 0.0
	for _, t := range l.Terms {
		sum += t.Value
	}
	l.Residual = l.Total - sum
	slices.SortStableFunc(l.Terms, func(a, b LedgerTerm) int { return -cmp.Compare(a.Value, b.Value) })
	return l, len(l.Terms) > 0
}
