package parsers

import (
	"path"
	"strconv"
	"strings"
)

// ps is a table of processes: ps aux, ps -ef, ps -eo with its header, top -b, smem. Several may stand in one file.
//
//	USER         PID %CPU %MEM    VSZ   RSS TTY      STAT START   TIME COMMAND
//	redis       1402  6.7 42.0 901232 812340 ?       Ssl  Nov09 241:57 /usr/bin/redis-server 127.0.0.1:6379
//
//	MiB Mem :   3944.2 total,    311.0 free,   2954.1 used,    679.1 buff/cache
//	    PID USER      PR  NI    VIRT    RES    SHR S  %CPU  %MEM     TIME+ COMMAND
//	   1402 redis     20   0  901232   1.1g   3012 S   0.3  28.0 241:57.12 redis-server
//
// Rows of ps aux are known without their header too. A reading has the Time of the `date` before it, and top's its own
// time of day on that date.
var _ = register(Parser{
	Name:  "ps",
	Doc:   "ps, top -b, smem -> process, host-memory",
	Most:  SureMark - 5,
	Match: matchPS,
	Parse: parsePS,
})

func matchPS(h *Head) int {
	lines := h.Texts(60)
	rows := 0
	for i, line := range lines {
		s := line
		if processHeader(s) != nil {
			if i < 10 {
				return SureMark - 5
			}
			return SureHabit
		}
		if auxRow(s) != nil {
			rows++
		}
	}
	if rows > 0 && rows*2 > len(lines) {
		return SureShape + 5
	}
	return 0
}

func parsePS(src *Source, emit func(Record)) error {
	var (
		columns []string
		at      stamp
		mem     *HostMemory
		memRec  Record
	)
	flush := func() {
		if mem != nil {
			memRec.Fact = mem
			emit(at.put(memRec))
			mem = nil
		}
	}
	err := EachLineAndBlank(src, func(line []byte, pos Pos) {
		s := strings.TrimRight(unquoteMail(string(line)), " ")
		if s == "" {
			if mem == nil { // top has an empty line between its memory and its table
				columns = nil
			}
			return
		}
		if h := processHeader(s); h != nil {
			flush()
			columns = h
			return
		}
		if swap, ok := topMemory(s, &mem); ok {
			if !swap {
				memRec = Record{At: pos, Raw: append([]byte(nil), line...)}
			}
			columns = nil
			return
		}
		if strings.HasPrefix(s, "top - ") {
			flush()
			columns, at = nil, topTime(s, at)
			return
		}
		if d, ok := dateStamp(s); ok {
			flush()
			columns, at = nil, d
			return
		}
		var p *Process
		if columns != nil {
			p = processRow(columns, s)
		} else {
			p = auxRow(s)
		}
		if p != nil {
			emit(at.put(Record{At: pos, Raw: line, Fact: p}))
			return
		}
		if _, prompt := promptCommand(s); columns != nil && !prompt && strings.TrimLeft(s, "-= ") != "" && !strings.HasPrefix(s, "...") {
			src.Skip(pos.Line, line, "not a row of "+strings.Join(columns, " "))
		}
	})
	flush()
	return err
}

// processHeader splits the headings of a process table, nil when s is none.
func processHeader(s string) []string {
	f := strings.Fields(s)
	if n := len(f); n > 0 && len(f[n-1]) <= 7 && strings.Trim(f[n-1], "0123456789/") == "" { // atop's page: "CMD  1/2"
		f = f[:n-1]
	}
	pid, command, known := false, false, 0
	for _, h := range f {
		switch h {
		case "PID":
			pid = true
		case "COMMAND", "CMD", "ARGS", "Command", "COMM", "COMMAND-LINE":
			command = true
		case "USER", "UID", "RSS", "VSZ", "%MEM", "%CPU", "PPID", "RES", "VIRT", "TIME", "TIME+", "User", "PSS", "RUSER", "RSIZE", "VSIZE", "RSZ", "SIZE", "STAT":
			known++
		}
	}
	if !pid || !command || known == 0 || len(f) > 60 { // ps knows some 150 keywords; nobody prints half of them
		return nil
	}
	return f
}

// processRow reads a row by its headings. The command is the rest of the line where it comes last, else (smem) what is left
// over between the columns counted from both ends.
func processRow(columns []string, s string) *Process {
	f := strings.Fields(s)
	if len(f) < len(columns) {
		return nil
	}
	cell := 0
	p := &Process{}
	for i, column := range columns {
		if cell >= len(f) {
			return nil
		}
		take := 1
		switch column {
		case "STARTED": // lstart: "Tue Mar  3 10:00:00 2026"
			if isWeekday(f[cell]) && len(f)-cell >= 5 {
				take = 5
			}
		case "COMMAND", "CMD", "ARGS", "Command", "COMM", "COMMAND-LINE":
			take = len(f) - cell - (len(columns) - i - 1)
			if take < 1 {
				return nil
			}
			p.Command = blankCommand(clip(strings.Join(f[cell:cell+take], " "), 400))
			p.Comm = commOf(f[cell : cell+take])
		}
		if !p.set(column, f[cell]) {
			return nil
		}
		cell += take
	}
	if !p.PID.OK || p.Command == "" {
		return nil
	}
	return p
}

func (p *Process) set(column, value string) bool {
	switch column {
	case "PID":
		p.PID = number(value)
		return p.PID.OK
	case "PPID":
		p.PPID = number(value)
	case "USER", "User", "RUSER", "EUSER", "UID", "RUID":
		p.User = value
	case "RSS", "RSZ", "RES", "RSIZE":
		p.RSSKB = processKB(value)
	case "VSZ", "VIRT", "VSIZE", "VSS":
		p.VSZKB = processKB(value)
	case "%MEM":
		p.MemPct = percent(value)
	case "%CPU":
		p.CPUPct = percent(value)
	}
	return true
}

// processKB reads kB, or a number with a suffix (top, atop, smem -k: 1.1g, 498.0M, 12K).
func processKB(s string) Opt {
	if n := number(s); n.OK && n.N >= 0 && n.N < 1<<50 {
		return n
	}
	if n, ok := parseBytes(strings.Replace(s, ",", ".", 1)); ok && s[len(s)-1] > '9' {
		return Some(n / 1024)
	}
	return Opt{}
}

func percent(s string) OptF {
	f, err := strconv.ParseFloat(strings.Replace(strings.TrimSuffix(s, "%"), ",", ".", 1), 64)
	if err != nil || !(f >= 0 && f < 1e6) {
		return OptF{}
	}
	return SomeF(f)
}

var auxColumns = []string{"USER", "PID", "%CPU", "%MEM", "VSZ", "RSS", "TTY", "STAT", "START", "TIME", "COMMAND"}

// auxRow reads a row of ps aux that lost its header.
func auxRow(s string) *Process {
	f := strings.Fields(s)
	if len(f) < 11 || !percent(f[2]).OK || !percent(f[3]).OK || !number(f[1]).OK || !number(f[4]).OK || !number(f[5]).OK || !strings.Contains(f[9], ":") {
		return nil
	}
	if f[6] != "?" && !strings.HasPrefix(f[6], "pts/") && !strings.HasPrefix(f[6], "tty") || !strings.ContainsAny(f[7][:1], "RSDZTWIXt") {
		return nil
	}
	return processRow(auxColumns, s)
}

// commOf is the name of a process from its command line: "php-fpm: pool www" is php-fpm, "[kswapd0]" kswapd0.
func commOf(words []string) string {
	for i, w := range words {
		if w == "|" || w == "\\_" || w == "`-" || w == "|-" { // ps f draws a tree
			continue
		}
		w = strings.TrimPrefix(w, "-") // a login shell
		if strings.HasPrefix(w, "[") && strings.HasSuffix(w, "]") {
			return strings.Trim(w, "[]")
		}
		w = strings.TrimSuffix(w, ":")
		if w == "" {
			continue
		}
		if i > 0 && len(words) == i {
			break
		}
		return path.Base(w)
	}
	return ""
}

// topMemory reads top's memory lines into *mem and says whether the line was the swap's:
//
//	MiB Mem :   3944.2 total,    311.0 free,   2954.1 used,    679.1 buff/cache
//	MiB Swap:   1023.0 total,    511.0 free,    512.0 used.    701.2 avail Mem
//	Mem:   8174360k total,  8001020k used,   173340k free,    50112k buffers
func topMemory(s string, mem **HostMemory) (swap, ok bool) {
	label, rest, found := strings.Cut(s, ":")
	if !found || !strings.Contains(rest, "total") {
		return false, false
	}
	words := strings.Fields(label)
	if len(words) == 0 || len(words) > 2 {
		return false, false
	}
	unit := int64(1 << 10)
	if len(words) == 2 {
		u, known := map[string]int64{"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40, "kB": 1 << 10}[words[0]]
		if !known {
			return false, false
		}
		unit = u
	}
	values := map[string]Opt{}
	f := strings.FieldsFunc(rest, func(r rune) bool { return r == ' ' || r == ',' })
	for i := 0; i+1 < len(f); i++ {
		name := strings.TrimRight(f[i+1], ".")
		text := strings.TrimRight(f[i], "+")
		if n, isSize := parseBytes(text); isSize {
			if last := text[len(text)-1]; last >= '0' && last <= '9' {
				v, err := strconv.ParseFloat(text, 64)
				if err != nil || v > 1e12 {
					continue
				}
				n = int64(v * float64(unit))
			}
			values[name] = Some(n / 1024)
			i++
		}
	}
	switch words[len(words)-1] {
	case "Mem":
		*mem = &HostMemory{From: "top", TotalKB: values["total"], UsedKB: values["used"], FreeKB: values["free"], BuffersKB: values["buffers"], CachedKB: values["buff/cache"]}
		return false, true
	case "Swap":
		if *mem == nil {
			return true, false
		}
		(*mem).SwapTotalKB, (*mem).SwapFreeKB = values["total"], values["free"]
		(*mem).AvailableKB = values["avail"]
		if cached := values["cached"]; cached.OK { // procps before 3.3: "Swap: ... 402116k cached" is the page cache
			(*mem).CachedKB = cached
		}
		return true, true
	}
	return false, false
}

// topTime puts the time of day of "top - 16:01:30 up 51 days" on the date last seen; without one the time is unknown.
func topTime(s string, last stamp) stamp {
	f := strings.Fields(s)
	if len(f) < 3 || last.clock() == NoClock {
		return stamp{}
	}
	h, m, sec, _, ok := clockTime(f[2])
	if !ok {
		return stamp{}
	}
	local := dayAndTime(last.local, h, m, sec)
	shift := local.Sub(last.local)
	last.local, last.t = local, last.t.Add(shift)
	return last
}
