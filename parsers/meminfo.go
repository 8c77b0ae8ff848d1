package parsers

import (
	"strconv"
	"strings"
)

// meminfo is /proc/meminfo, once or as a series with `date` lines between the readings:
//
//	MemTotal:        4066884 kB
//	MemFree:         1381376 kB
//	MemAvailable:    2543616 kB
var _ = register(Parser{
	Name:  "meminfo",
	Doc:   "/proc/meminfo -> host-memory",
	Most:  SureMark - 5,
	Match: matchMeminfo,
	Parse: parseMeminfo,
})

func matchMeminfo(h *Head) int {
	seen, first := 0, -1
	for i, line := range h.Texts(80) {
		name, _, ok := meminfoLine(line)
		if ok && (meminfoField(&HostMemory{}, name) != nil || name == "Active" || name == "Inactive") {
			if seen++; first < 0 {
				first = i
			}
		}
	}
	switch {
	case seen >= 3 && first <= 4:
		return SureMark - 5
	case seen >= 3:
		return SureHabit
	}
	return 0
}

func parseMeminfo(src *Source, emit func(Record)) error {
	var m *HostMemory
	var first Record
	var at stamp
	flush := func() {
		if m != nil {
			first.Fact = m
			emit(at.put(first))
			m = nil
		}
	}
	err := EachLine(src, func(line []byte, pos Pos) {
		text := unquoteMail(string(line))
		name, kb, ok := meminfoLine(text)
		if !ok {
			if s, isDate := dateStamp(text); isDate {
				flush()
				at = s
			} else if _, isField := meminfoName(text); isField {
				src.Skip(pos.Line, line, "meminfo: not a number of kB")
			}
			return
		}
		if name == "MemTotal" {
			flush()
		}
		if m == nil {
			m = &HostMemory{From: "meminfo"}
			first = Record{At: pos, Raw: append([]byte(nil), line...)}
		}
		if field := meminfoField(m, name); field != nil {
			*field = Some(kb)
		}
	})
	flush()
	return err
}

func meminfoLine(line string) (string, int64, bool) {
	name, rest, ok := strings.Cut(line, ":")
	if !ok || name == "" || strings.ContainsAny(name, " \t") {
		return "", 0, false
	}
	value, unit, _ := strings.Cut(strings.TrimSpace(rest), " ")
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil || n < 0 || strings.TrimSpace(unit) != "kB" {
		return "", 0, false
	}
	return name, n, true
}

// meminfoName says whether a line is one of the fields we read, whatever its value.
func meminfoName(line string) (string, bool) {
	name, _, ok := strings.Cut(line, ":")
	return name, ok && meminfoField(&HostMemory{}, name) != nil
}

func meminfoField(m *HostMemory, name string) *Opt {
	switch name {
	case "MemTotal":
		return &m.TotalKB
	case "MemFree":
		return &m.FreeKB
	case "MemAvailable":
		return &m.AvailableKB
	case "Buffers":
		return &m.BuffersKB
	case "Cached":
		return &m.CachedKB
	case "Shmem":
		return &m.ShmemKB
	case "Slab":
		return &m.SlabKB
	case "SUnreclaim":
		return &m.SUnreclKB
	case "AnonPages":
		return &m.AnonKB
	case "PageTables":
		return &m.PagetablesKB
	case "SwapTotal":
		return &m.SwapTotalKB
	case "SwapFree":
		return &m.SwapFreeKB
	case "CommitLimit":
		return &m.CommitLimitKB
	case "Committed_AS":
		return &m.CommittedKB
	}
	return nil
}
