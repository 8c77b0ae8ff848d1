package parsers

import (
	"strings"
	"time"
)

// atop is a text report of atop: its memory and swap lines, and the process rows of its memory view (-m):
//
//	ATOP - web4       2026/03/03  10:00:00       ----------------       10m0s elapsed
//	MEM | tot     7.6G | free  300.1M | cache   1.2G | buff   30.2M | slab  200.0M |
//	SWP | tot     0.0M | free    0.0M |              | vmcom   8.2G | vmlim   3.8G |
//	   PID  MINFLT  MAJFLT  VSTEXT   VSIZE   RSIZE   VGROW   RGROW   MEM  CMD
//	 14502    1021       3   1812K    8.1G    7.1G   12.0M   11.8M   92%  redis-server
var _ = register(Parser{
	Name:  "atop",
	Doc:   "atop reports -> host-memory, process",
	Match: matchAtop,
	Parse: parseAtop,
})

func matchAtop(h *Head) int {
	for _, line := range h.Texts(30) {
		if strings.HasPrefix(line, "ATOP - ") || strings.HasPrefix(line, "MEM | tot ") {
			return SureMark
		}
	}
	return 0
}

func parseAtop(src *Source, emit func(Record)) error {
	var columns []string
	var when stamp
	var mem *HostMemory
	var memRec Record
	flush := func() {
		if mem != nil {
			memRec.Fact = mem
			emit(when.put(memRec))
			mem = nil
		}
	}
	err := EachLine(src, func(line []byte, at Pos) {
		s := string(line)
		switch {
		case strings.HasPrefix(s, "ATOP - "):
			flush()
			columns = nil
			if when = atopTime(s); when.clock() == NoClock {
				src.Skip(at.Line, line, "atop: no date in the header")
			}
		case strings.HasPrefix(s, "MEM |"):
			flush()
			mem = &HostMemory{From: "atop"}
			memRec = Record{At: at, Raw: append([]byte(nil), line...)}
			atopValues(s, map[string]*Opt{"tot": &mem.TotalKB, "free": &mem.FreeKB, "cache": &mem.CachedKB, "buff": &mem.BuffersKB, "slab": &mem.SlabKB, "shmem": &mem.ShmemKB, "avail": &mem.AvailableKB, "pgtab": &mem.PagetablesKB})
		case strings.HasPrefix(s, "SWP |"):
			if mem != nil {
				atopValues(s, map[string]*Opt{"tot": &mem.SwapTotalKB, "free": &mem.SwapFreeKB, "vmcom": &mem.CommittedKB, "vmlim": &mem.CommitLimitKB})
			}
		case processHeader(s) != nil:
			flush()
			columns = processHeader(s)
		case strings.Contains(s, " | "):
		case columns != nil:
			if p := processRow(columns, s); p != nil {
				for i, f := 0, strings.Fields(s); i < len(columns); i++ {
					if columns[i] == "MEM" {
						p.MemPct = percent(f[i])
					}
				}
				emit(when.put(Record{At: at, Raw: line, Fact: p}))
				return
			}
			src.Skip(at.Line, line, "not a row of "+strings.Join(columns, " "))
		}
	})
	flush()
	return err
}

// atopTime reads "ATOP - web4   2026/03/03  10:00:00   ...".
func atopTime(s string) stamp {
	i := strings.IndexByte(s, '/')
	if i < 4 {
		return stamp{}
	}
	if t, err := time.Parse("2006/01/02", s[i-4:min(i+6, len(s))]); err == nil {
		for _, word := range strings.Fields(s[i+6:]) {
			if h, m, sec, _, ok := clockTime(word); ok {
				return newStamp(dayAndTime(t, h, m, sec), "")
			}
		}
	}
	return stamp{}
}

// atopValues reads "| free  300.1M |".
func atopValues(s string, to map[string]*Opt) {
	for _, cell := range strings.Split(s, "|") {
		f := strings.Fields(cell)
		if len(f) == 2 && to[f[0]] != nil {
			*to[f[0]] = processKB(f[1])
		}
	}
}
