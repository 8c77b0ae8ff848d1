package parsers

import (
	"strconv"
	"strings"
)

// free prints one reading a call; several may stand in one file, with the commands and `date` lines between them:
//
//	$ free -m
//	               total        used        free      shared  buff/cache   available
//	Mem:            7963        5561        1498          58         904        2342
//	Swap:              0           0           0
//
// procps before 3.3.10 (2014) prints buffers and cached apart and a "-/+ buffers/cache:" line; -w prints buffers and cache;
// busybox prints any of these. Columns go by their headings, or by their number where the headings are translated.
var _ = register(Parser{
	Name:  "free",
	Doc:   "output of free (any version, any unit, several readings) -> host-memory",
	Most:  SureMark - 5,
	Match: matchFree,
	Parse: parseFree,
})

func matchFree(h *Head) int {
	for i, line := range h.Texts(40) {
		if label, values := freeRow(line); label == "mem" && len(values) >= 3 {
			if i <= 6 {
				return SureMark - 5
			}
			return SureHabit
		}
	}
	return 0
}

func parseFree(src *Source, emit func(Record)) error {
	var (
		header  []string
		command string // the words after free
		at      stamp
		mem     freeReading
	)
	flush := func() {
		if mem.values != nil {
			emit(at.put(Record{At: mem.at, Raw: []byte(mem.raw), Fact: mem.fact()}))
			mem = freeReading{}
		}
	}
	err := EachLine(src, func(line []byte, pos Pos) {
		text := unquoteMail(string(line))
		label, values := freeRow(text)
		switch {
		case label == "mem":
			flush()
			mem = freeReading{values: values, header: header, command: command, at: pos, raw: text}
			if len(values) < 3 || !freeNumber(values[0]) {
				src.Skip(pos.Line, line, "free: a memory row with fewer than three numbers")
				mem = freeReading{}
			}
		case label == "swap":
			if mem.values == nil {
				src.Skip(pos.Line, line, "free: swap without the memory row before it")
			}
			mem.swap = values
		case label != "":
		case isFreeHeader(text):
			flush()
			header = strings.Fields(text)
		default:
			if args, ok := commandArgs(text, "free"); ok {
				flush()
				command = args
			} else if s, ok := dateStamp(text); ok {
				flush()
				at = s
			}
		}
	})
	flush()
	return err
}

// freeRow splits "Mem: 1 2 3" into its kind and its values. Kinds other than mem and swap are named "other".
func freeRow(line string) (string, []string) {
	label, rest, ok := strings.Cut(strings.Replace(line, "：", ":", 1), ":")
	if !ok || len(label) > 40 {
		return "", nil
	}
	values := strings.Fields(rest)
	if len(values) == 0 || len(values) > 8 || !freeNumber(values[0]) {
		return "", nil
	}
	switch strings.TrimSpace(label) {
	case "Mem", "Mem.", "Speicher", "Memoria", "Память", "内存", "Pamięć", "メモリ", "Hauptspeicher":
		return "mem", values
	case "Swap", "Auslager", "Échange", "Partition d'échange", "Подкачка", "交换", "Intercambio":
		return "swap", values
	case "-/+ buffers/cache", "-/+ buffers", "Low", "High", "Total", "Comm":
		return "other", values
	}
	return "", nil
}

func isFreeHeader(line string) bool {
	words := strings.Fields(line)
	return len(words) >= 3 && len(words) <= 8 && words[0] == "total" && words[1] == "used"
}

type freeReading struct {
	values, header, swap []string
	command              string
	at                   Pos
	raw                  string
}

func (r *freeReading) fact() *HostMemory {
	unit := freeUnit(r.command, r.values)
	m := &HostMemory{From: "free"}
	header := r.header
	if header == nil { // translated headings: six columns since 3.3.10, seven with -w
		header = []string{"total", "used", "free", "shared", "buff/cache", "available"}
		if len(r.values) == 7 {
			header = []string{"total", "used", "free", "shared", "buffers", "cache", "available"}
		}
	}
	to := map[string]*Opt{
		"total": &m.TotalKB, "used": &m.UsedKB, "free": &m.FreeKB, "shared": &m.ShmemKB, "available": &m.AvailableKB,
		"buffers": &m.BuffersKB, "cached": &m.CachedKB, "cache": &m.CachedKB, "buff/cache": &m.CachedKB,
	}
	for i, value := range r.values {
		if i < len(header) {
			if field := to[header[i]]; field != nil {
				*field = freeKB(value, unit)
			}
		}
	}
	if len(r.swap) >= 3 {
		m.SwapTotalKB, m.SwapFreeKB = freeKB(r.swap[0], unit), freeKB(r.swap[2], unit)
	}
	return m
}

// freeUnit says how many bytes one count of a reading is. free prints no unit, so unless the command is there it follows
// from the total and from one property of kB readings: /proc/meminfo counts pages, so every number is a multiple of 4.
//
//   - below 256: GB (-g). No Linux with a web server and Redis has 256 MB of RAM or less; hosts of 4 to 251 GB are common.
//   - 256 to 99,999: MB (-m), a host of 256 MB to 98 GB; as kB it would have less than 98 MB.
//   - 100,000 to 999,999: kB (a small VPS) when every number is a multiple of 4, else MB (a host of 98 GB to 1 TB).
//   - from 1,000,000: kB, the default; from 1,000,000,000 bytes (-b) when every number is a multiple of 4096.
func freeUnit(command string, values []string) float64 {
	for _, arg := range strings.Fields(command) {
		if unit, ok := freeFlags[arg]; ok {
			return unit
		}
	}
	total, err := strconv.ParseFloat(values[0], 64)
	switch {
	case err != nil: // a suffix says it
		return 1
	case total < 256:
		return 1 << 30
	case total < 100_000:
		return 1 << 20
	case total < 1_000_000:
		if allMultiples(values, 4) {
			return 1 << 10
		}
		return 1 << 20
	case total >= 1e9 && allMultiples(values, 4096):
		return 1
	}
	return 1 << 10
}

var freeFlags = map[string]float64{
	"-b": 1, "--bytes": 1, "-k": 1 << 10, "--kibi": 1 << 10, "--kilo": 1e3, "-m": 1 << 20, "--mebi": 1 << 20, "--mega": 1e6,
	"-g": 1 << 30, "--gibi": 1 << 30, "--giga": 1e9, "-tm": 1 << 20, "-mt": 1 << 20, "-wm": 1 << 20, "-mw": 1 << 20, "-lm": 1 << 20,
}

func allMultiples(values []string, of int64) bool {
	for _, v := range values {
		if n, err := strconv.ParseInt(v, 10, 64); err != nil || n%of != 0 {
			return false
		}
	}
	return true
}

func freeNumber(s string) bool { return freeKB(s, 1).OK }

// freeKB turns a count, or a number with its own suffix (-h: 985M, 7.7Gi, 0B), into kB.
func freeKB(s string, unit float64) Opt {
	number := strings.TrimRight(s, "BKMGTPbkmgtpi")
	if suffix := s[len(number):]; suffix != "" {
		switch strings.ToUpper(suffix[:1]) {
		case "B":
			unit = 1
		case "K":
			unit = 1 << 10
		case "M":
			unit = 1 << 20
		case "G":
			unit = 1 << 30
		case "T":
			unit = 1 << 40
		case "P":
			unit = 1 << 50
		default:
			return Opt{}
		}
	}
	n, err := strconv.ParseFloat(strings.Replace(number, ",", ".", 1), 64)
	if err != nil || !(n >= 0 && n*unit < 1<<60) {
		return Opt{}
	}
	return Some(int64(n*unit/1024 + 0.5))
}

// commandArgs recognises the command that was typed above an output ("$ free -m", "root@web1:~# free -m", "free -m") and
// returns its arguments.
func commandArgs(line, program string) (string, bool) {
	cmd, ok := promptCommand(line)
	if !ok {
		cmd = strings.TrimSpace(line)
	}
	cmd = strings.TrimPrefix(cmd, "sudo ")
	word, args, _ := strings.Cut(cmd, " ")
	if word != program && !strings.HasSuffix(word, "/"+program) {
		return "", false
	}
	return args, true
}

// unquoteMail takes the marks off a line quoted in a mail or an issue.
func unquoteMail(line string) string {
	for strings.HasPrefix(line, "> ") {
		line = line[2:]
	}
	return line
}
