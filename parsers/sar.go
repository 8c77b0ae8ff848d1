package parsers

import (
	"path"
	"strconv"
	"strings"
	"time"
)

// sar is the memory and swap reports of sysstat (sar -r, sar -S, sar -W, all inside sar -A), or sadf -d:
//
//	Linux 6.1.0-21-amd64 (web4)   03/03/26   _x86_64_   (4 CPU)
//
//	10:00:01    kbmemfree   kbavail kbmemused  %memused kbbuffers  kbcached  kbcommit   %commit
//	10:10:01        311020    701020   2954112     73.15     10212    285400   3310284     82.10
//
// The wall clock is the host's, on the date of the header; a report that passes midnight goes on to the next day. kbmemused
// counts the page cache before sysstat 12 and does not since, so the total is told from it by %memused, to one in 10,000.
var _ = register(Parser{
	Name:  "sar",
	Doc:   "sar -r, sar -S, sar -W, sadf -d -> host-memory",
	Match: matchSar,
	Parse: parseSar,
})

func matchSar(h *Head) int {
	banner := false
	for _, line := range h.Texts(2000) {
		s := line
		if isSarBanner(s) {
			banner = true
		}
		if strings.Contains(s, "kbmemfree") || strings.Contains(s, "kbswpfree") || strings.Contains(s, "pswpin/s") || strings.HasPrefix(s, "# hostname;interval;timestamp;") {
			return SureMark
		}
	}
	if banner {
		return SureShape
	}
	return 0
}

func isSarBanner(s string) bool {
	return strings.HasPrefix(s, "Linux ") && strings.Contains(s, "CPU)") && strings.Contains(s, "(")
}

func parseSar(src *Source, emit func(Record)) error {
	var (
		columns []string
		day     time.Time // of the banner, moved on at midnight
		last    time.Time
	)
	return EachLine(src, func(line []byte, at Pos) {
		s := string(line)
		if isSarBanner(s) {
			day, columns, last = sarDay(src, s), nil, time.Time{}
			return
		}
		if strings.Contains(s, ";") {
			if rest, ok := strings.CutPrefix(s, "# "); ok {
				if columns = strings.Split(rest, ";"); len(columns) > 200 { // sadf -d -- -A in one row has 150
					columns = nil
				}
			} else if len(columns) > 3 {
				sadfRow(src, columns, line, at, emit)
			}
			return
		}
		f := strings.Fields(s)
		ampm := len(f) > 1 && (f[1] == "AM" || f[1] == "PM")
		h, m, sec, _, ok := clockTime(f[0])
		if !ok {
			if columns != nil && !strings.HasSuffix(f[0], ":") {
				src.Skip(at.Line, line, "not a row of "+strings.Join(columns, " "))
				return
			}
			columns = nil // "Average:" ends a report
			return
		}
		cells := f[1:]
		if ampm {
			h, cells = hour12(h, f[1] == "PM"), f[2:]
		}
		if len(cells) == 0 {
			return
		}
		if strings.HasPrefix(cells[0], "kbmem") || strings.HasPrefix(cells[0], "kbswp") || cells[0] == "pswpin/s" {
			columns, last = cells[:min(len(cells), 60)], time.Time{} // every report of one file begins on the same day
			return
		}
		if c := cells[0][0]; c < '0' || c > '9' {
			columns = nil
		}
		restart := strings.Contains(s, "LINUX RESTART")
		if columns == nil && !restart {
			return
		}
		when := dayAndTime(day, h, m, sec)
		if !last.IsZero() && when.Before(last) {
			when = when.AddDate(0, 0, 1)
		}
		last = when
		rec := Record{At: at, Raw: line}
		if !day.IsZero() {
			rec.Time, rec.Clock = when, LocalClock
		}
		if restart {
			c := &ClockReading{From: "sar"}
			if !day.IsZero() {
				c.Boot = when
			}
			rec.Fact = c
			emit(rec)
			return
		}
		mem := sarMemory(columns, cells)
		if mem == nil {
			src.Skip(at.Line, line, "not a row of "+strings.Join(columns, " "))
			return
		}
		rec.Fact = mem
		emit(rec)
	})
}

func sadfRow(src *Source, columns []string, line []byte, at Pos, emit func(Record)) {
	cells := strings.Split(string(line), ";")
	if len(cells) != len(columns) || columns[2] != "timestamp" {
		src.Skip(at.Line, line, "not a row of "+strings.Join(columns, ";"))
		return
	}
	when, ok := dateStamp(cells[2])
	if n := number(cells[2]); n.OK && n.N > 1e9 && n.N < 1e10 {
		t := time.Unix(n.N, 0).UTC()
		when, ok = stamp{t: t, local: t, offset: Some(0)}, true
	}
	mem := sarMemory(columns[3:], cells[3:])
	if !ok || mem == nil {
		return // another report of the same file
	}
	emit(when.put(Record{At: at, Raw: line, Fact: mem}))
}

func sarMemory(columns, cells []string) *HostMemory {
	if len(cells) != len(columns) {
		return nil
	}
	m := &HostMemory{From: "sar"}
	var used, swapUsed Opt
	var usedPct OptF
	known := false
	for i, column := range columns {
		n := number(cells[i])
		if n.N < 0 {
			n = Opt{}
		}
		known = known || n.OK && strings.HasPrefix(column, "kb") || strings.HasPrefix(column, "pswp")
		switch column {
		case "kbmemfree":
			m.FreeKB = n
		case "kbavail":
			m.AvailableKB = n
		case "kbmemused":
			used, m.UsedKB = n, n
		case "%memused":
			usedPct = percent(cells[i])
		case "kbbuffers":
			m.BuffersKB = n
		case "kbcached":
			m.CachedKB = n
		case "kbcommit":
			m.CommittedKB = n
		case "kbslab":
			m.SlabKB = n
		case "kbanonpg":
			m.AnonKB = n
		case "kbpgtbl":
			m.PagetablesKB = n
		case "pswpin/s":
			m.SwapInKBS = swappedKB(cells[i])
		case "pswpout/s":
			m.SwapOutKBS = swappedKB(cells[i])
		case "kbswpfree":
			m.SwapFreeKB = n
		case "kbswpused":
			swapUsed = n
		}
	}
	if used.OK && usedPct.OK && usedPct.F >= 1 {
		m.TotalKB = Some(int64(float64(used.N)*100/usedPct.F + 0.5))
	}
	if m.SwapFreeKB.OK && swapUsed.OK {
		m.SwapTotalKB = Some(m.SwapFreeKB.N + swapUsed.N)
	}
	if !known {
		return nil
	}
	return m
}

// swappedKB makes kB of pages a second, of 4 kB: sar does not say how large a host's are, and few have others.
func swappedKB(cell string) Opt {
	f, err := strconv.ParseFloat(cell, 64)
	if err != nil || f < 0 || f > 1e9 {
		return Opt{}
	}
	return Some(int64(f * 4))
}

// sarDay reads the date of the banner. 03/04/26 is month first in the C locale and in the US, day first elsewhere: the
// file's own number (sar04) or a part above 12 decides, else four-digit years beside 24 hours are day first.
func sarDay(src *Source, banner string) time.Time {
	_, rest, _ := strings.Cut(banner, ")")
	f := strings.Fields(rest)
	if len(f) == 0 {
		return time.Time{}
	}
	date := f[0]
	parts := strings.FieldsFunc(date, func(r rune) bool { return r == '/' || r == '-' || r == '.' })
	if len(parts) != 3 {
		return time.Time{}
	}
	a, ok1 := smallNumber(parts[0])
	b, ok2 := smallNumber(parts[1])
	c, ok3 := smallNumber(parts[2])
	if !ok1 || !ok2 || !ok3 {
		return time.Time{}
	}
	year, month, day := c, a, b
	switch {
	case len(parts[0]) == 4:
		year, month, day = a, b, c
	case strings.Contains(date, "."), a > 12:
		month, day = b, a
	case b > 12:
	default:
		base := strings.TrimPrefix(path.Base(src.Name), "sar")
		if n, ok := smallNumber(strings.TrimPrefix(base, "sa")); ok && len(base) <= 4 && n == a {
			month, day = b, a
		}
	}
	if year < 100 {
		year += 2000
	}
	t := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
	if int(t.Month()) != month || t.Day() != day || year < 1990 || year > 2200 {
		return time.Time{}
	}
	return t
}

func dayAndTime(day time.Time, h, m, s int) time.Time {
	return time.Date(day.Year(), day.Month(), day.Day(), h, m, s, 0, time.UTC)
}

func hour12(h int, pm bool) int {
	switch {
	case pm && h < 12:
		return h + 12
	case !pm && h == 12:
		return 0
	}
	return h
}
