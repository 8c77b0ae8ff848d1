package parsers

import "strings"

// vmstat is a series of vmstat, with times when it ran with -t:
//
//	procs -----------memory---------- ---swap-- -----io---- -system-- ------cpu----- -----timestamp-----
//	 r  b   swpd   free   buff  cache   si   so    bi    bo   in   cs us sy id wa st                 UTC
//	 2  0      0 311020  10212 285400    0    0     1     9    5   12  3  1 96  0  0 2026-03-03 10:00:01
var _ = register(Parser{
	Name:  "vmstat",
	Doc:   "vmstat -> host-memory",
	Most:  SureMark - 5,
	Match: matchVmstat,
	Parse: parseVmstat,
})

func matchVmstat(h *Head) int {
	for i, line := range h.Texts(20) {
		if vmstatColumns(line) != nil {
			if i < 6 {
				return SureMark - 5
			}
			return SureHabit
		}
	}
	return 0
}

func vmstatColumns(s string) []string {
	f := strings.Fields(s)
	if len(f) < 12 || len(f) > 40 || f[0] != "r" || f[1] != "b" || f[2] != "swpd" || f[3] != "free" {
		return nil
	}
	return f
}

func parseVmstat(src *Source, emit func(Record)) error {
	var columns []string
	zone := ""
	unit := int64(1) // kB; -S M is told by the command alone
	return EachLine(src, func(line []byte, at Pos) {
		s := string(line)
		if f := vmstatColumns(s); f != nil {
			columns, zone = f, ""
			if last := f[len(f)-1]; last == strings.ToUpper(last) && isZone(last) {
				columns, zone = f[:len(f)-1], last
			}
			return
		}
		if args, ok := commandArgs(s, "vmstat"); ok {
			if strings.Contains(args, "-S M") || strings.Contains(args, "-SM") || strings.Contains(args, "-S m") {
				unit = 1024
			}
			return
		}
		f := strings.Fields(s)
		if columns == nil || strings.HasPrefix(s, "procs") {
			return
		}
		if len(f) < len(columns) {
			src.Skip(at.Line, line, "not a row of "+strings.Join(columns, " "))
			return
		}
		m := &HostMemory{From: "vmstat"}
		to := map[string]*Opt{"free": &m.FreeKB, "buff": &m.BuffersKB, "cache": &m.CachedKB, "si": &m.SwapInKBS, "so": &m.SwapOutKBS}
		for i, column := range columns {
			if field := to[column]; field != nil {
				n := number(f[i])
				if !n.OK || n.N < 0 || n.N > 1<<50 {
					src.Skip(at.Line, line, "vmstat: "+column+" is not a number")
					return
				}
				*field = Some(n.N * unit)
			}
		}
		var when stamp
		if d, ok := dateStamp(strings.Join(f[len(columns):], " ")); ok {
			when = newStamp(d.local, zone)
		}
		emit(when.put(Record{At: at, Raw: line, Fact: m}))
	})
}
