package rules

import (
	"fmt"
	"time"

	"culprit/correlate"
	"culprit/parsers"
)

var _ = register(Rule{
	ID: "redis-save-larger-than-memory",
	Doc: `Redis saves by fork, and a save that copies everything does not fit: the child shares its parent's pages until they
are written to, and each page written during the save exists twice. It contributes where a save was refused, killed,
or under way at the kill.

Arithmetic:

    worst case = RSS (parent) + RSS (pages copied), against what is available: MemAvailable, else RAM - RSS

Threshold: RSS larger than what is available. Redis's administration guide reckons with "up to 2 times the memory
normally used" for a write-heavy server; with every key rewritten during the save 85 % were copied (measured).

When it is wrong: mostly-read data copies a few percent; rdb_last_cow_size tells (it is cited).`,
	Needs: []Sort{NeedsInfo, NeedsMemory},
	Check: checkSaveMemory,
})

func checkSaveMemory(c *Case) []Finding {
	var out []Finding
	for _, in := range c.Incident.Redis {
		on, how := saves(in)
		s := c.lastSnapshot(in, func(s *correlate.Snapshot) parsers.Opt { return s.RSS })
		if !on || s == nil || s.RSS.N < bufferBytes {
			continue
		}
		free := Amount{c.RAM.Bytes - s.RSS.N, true, c.RAM.Ev}
		formula := "RAM - RSS"
		for _, m := range c.Memory {
			// a reading within the hour of the snapshot shows the same machine
			if m.Fact.AvailableKB.OK && m.Placed && s.Placed && m.At.Sub(s.At).Abs() < time.Hour {
				free, formula = Amount{m.Fact.AvailableKB.N << 10, true, m.Ev}, "MemAvailable"
			}
		}
		if s.RSS.N <= free.Bytes {
			continue
		}
		f := Finding{Role: RoleHygiene, Fixes: c.Advise("rdb-schedule"),
			Evidence:   []correlate.Evidence{s.Evidence("used_memory_rss", ""), how, free.Ev},
			Title:      fmt.Sprintf("%s saves by fork with %s resident and %s left for copied pages", c.serverName(in), bytesIn(s.RSS.N), bytesIn(max(free.Bytes, 0))),
			Quantities: []Quantity{{"worst case of a save", float64(2 * s.RSS.N), "bytes", "RSS x 2"}, {"left", float64(free.Bytes), "bytes", formula}}}
		if cow := s.Info.Int("rdb_last_cow_size"); cow.OK && cow.N > 0 {
			f.Against = append(f.Against, s.Evidence("rdb_last_cow_size", "what the last save copied"))
		}
		var seen []correlate.RedisEvent
		for _, e := range in.Log {
			switch e.Event {
			case "fork-failed", "save-killed":
				seen = append(seen, e)
			}
		}
		if len(seen) > 0 {
			f.Role = RoleContributing
			f.Evidence = append(f.Evidence, firstEvidence(seen, 2)...)
		}
		out = append(out, f)
	}
	return out
}
