package parsers

import (
	"bytes"
	"strconv"
	"strings"
	"time"
)

// clock reads what ties a host's clocks together, each command's output alone or after one another:
//
//	Local time: Sun 2026-07-12 14:06:24 CST
//	 Time zone: Asia/Shanghai (CST, +0800)
//	Sun Oct 18 16:01:30 CEST 2026
//	16:01:30 up 51 days, 15:42,  3 users,  load average: 0.46, 0.67, 0.99
//	4462978.87 6941096.81
//	btime 1789000000
//
// timedatectl, hostnamectl and /proc/stat give one record, the others one a line. A reading without a date of its own has
// the Time of the `date` before it, and /proc/uptime its Boot from that: commands in one file ran within a moment.
var _ = register(Parser{
	Name:  "clock",
	Doc:   "timedatectl, date, uptime, /proc/uptime, /proc/stat, uname, hostnamectl -> clock",
	Match: matchClock,
	Parse: parseClockReadings,
})

func matchClock(h *Head) int {
	lines := h.Texts(60)
	marks, shapes, prompts, stat := 0, 0, 0, 0
	r := clockReader{name: h.Name}
	for _, line := range lines {
		s := unquoteMail(line)
		if _, ok := promptCommand(s); ok {
			r.command(s)
			prompts++
			continue
		}
		switch c := r.read(s); {
		case c == nil:
		case c.From == "proc-stat":
			stat++
		case c.From == "date" || c.From == "uptime-s" || c.From == "proc-uptime" || c.From == "hostname":
			shapes++
		default:
			marks++
		}
	}
	all := marks + shapes + prompts
	switch {
	case stat >= 2 && bytes.Contains(h.Text, []byte("btime ")):
		return SureMark
	case marks > 0 && all == len(lines):
		return SureMark
	case marks > 0 && all*2 >= len(lines):
		return SureShape
	case shapes > 0 && all == len(lines) && all <= 10:
		return SureShape
	}
	return 0
}

func parseClockReadings(src *Source, emit func(Record)) error {
	r := clockReader{name: src.Name}
	var now stamp // of the last date seen
	var block Record
	flush := func() {
		if c, ok := block.Fact.(*ClockReading); ok {
			if s := readingStamp(c); s.clock() != NoClock {
				now = s
			}
			emit(now.put(block))
		}
		block = Record{}
	}
	err := EachLine(src, func(line []byte, at Pos) {
		s := unquoteMail(string(line))
		if r.command(s) {
			flush()
			return
		}
		c := r.read(s)
		if c == nil {
			if r.expected != "" && r.expected != "hostname" {
				src.Skip(at.Line, line, "not the output of "+r.expected)
			}
			return
		}
		rec := Record{At: at, Raw: []byte(s), Fact: c}
		if c.From == "timedatectl" || c.From == "hostnamectl" || c.From == "proc-stat" {
			old, ok := block.Fact.(*ClockReading)
			if !ok || old.From != c.From || !old.Local.IsZero() && !c.Local.IsZero() {
				flush()
				block = rec
				return
			}
			if c.Zone != "" && c.OffsetS.OK || !c.Boot.IsZero() {
				block.At, block.Raw = rec.At, rec.Raw // the most telling line
			}
			mergeReading(old, c)
			return
		}
		flush()
		switch {
		case c.From == "date":
			now = readingStamp(c)
		case c.From == "proc-uptime" && now.clock() != NoClock:
			c.Boot, c.BootZoned = now.t.Add(-c.Uptime).Truncate(time.Second), now.offset.OK
		}
		emit(now.put(rec))
	})
	flush()
	return err
}

func readingStamp(c *ClockReading) stamp {
	s := stamp{local: c.Local, t: c.Local, zone: c.Zone}
	if !c.UTC.IsZero() {
		s.t = c.UTC
		if s.local.IsZero() {
			s.local = c.UTC
		}
		s.offset = Some(int64(s.local.Sub(c.UTC).Seconds()))
	}
	return s
}

func mergeReading(to, from *ClockReading) {
	if from.Zone != "" && (to.Zone == "" || from.OffsetS.OK) {
		to.Zone = from.Zone
	}
	if from.OffsetS.OK {
		to.OffsetS = from.OffsetS
	}
	if !from.Local.IsZero() {
		to.Local = from.Local
	}
	if !from.UTC.IsZero() {
		to.UTC = from.UTC
	}
	if !from.Boot.IsZero() {
		to.Boot, to.BootZoned = from.Boot, from.BootZoned
	}
	if from.CPUs.OK {
		to.CPUs = Some(to.CPUs.N + from.CPUs.N)
	}
	if from.Hostname != "" {
		to.Hostname = from.Hostname
	}
	if from.Kernel != "" {
		to.Kernel = from.Kernel
	}
}

// clockReader reads one line at a time; what a bare line of digits means depends on the command before it.
type clockReader struct {
	name     string
	expected string // the From that the last command promised; "" = no command yet, or one of no interest here
	upSeen   bool
}

// command takes note of a command line and reports whether s is one.
func (r *clockReader) command(s string) bool {
	cmd, ok := promptCommand(s)
	if !ok {
		return false
	}
	cmd = strings.TrimPrefix(cmd, "sudo ")
	word, args, _ := strings.Cut(cmd, " ")
	switch word {
	case "date", "timedatectl", "hostnamectl", "hostname":
		r.expected = word
	case "uname":
		r.expected = "uname"
	case "uptime":
		r.expected = "uptime"
		if strings.Contains(args, "-s") {
			r.expected = "uptime-s"
		}
	case "cat":
		r.expected = map[string]string{"/proc/uptime": "proc-uptime", "/proc/stat": "proc-stat"}[args]
	default:
		r.expected = ""
	}
	return true
}

func (r *clockReader) read(s string) *ClockReading {
	s = strings.TrimSpace(s)
	if len(s) > 400 {
		return nil
	}
	for _, read := range []func(string) *ClockReading{readTimedatectl, readHostnamectl, readUptime, readUname, readProcStat, readProcUptime, readWhoBoot} {
		if c := read(s); c != nil {
			r.upSeen = r.upSeen || c.From == "uptime"
			return c
		}
	}
	if d, ok := dateStamp(s); ok {
		boot := r.expected == "uptime-s"
		if r.expected == "" && d.zone == "" { // `uptime; uptime -s`, or a file named for it
			boot = r.upSeen || strings.Contains(r.name, "uptime") || strings.Contains(r.name, "boot")
		}
		if boot {
			return &ClockReading{From: "uptime-s", Boot: d.t, BootZoned: d.offset.OK}
		}
		return dateReading("date", d)
	}
	if n, ok := smallNumber(strings.TrimPrefix(s, "1")); ok && len(s) == 10 && s[0] == '1' && r.expected == "date" { // date +%s
		return &ClockReading{From: "date", UTC: time.Unix(1e9+int64(n), 0).UTC()}
	}
	if r.expected == "hostname" && !strings.ContainsAny(s, " \t:=") && len(s) < 254 {
		return &ClockReading{From: "hostname", Hostname: s}
	}
	return nil
}

func dateReading(from string, d stamp) *ClockReading {
	c := &ClockReading{From: from, Zone: d.zone, OffsetS: d.offset, Local: d.local}
	if d.offset.OK {
		c.UTC = d.t
	}
	return c
}

// readTimedatectl reads a line of `timedatectl` or of `timedatectl show`.
func readTimedatectl(s string) *ClockReading {
	name, value, ok := strings.Cut(s, ": ")
	if !ok {
		if name, value, ok = strings.Cut(s, "="); !ok {
			return nil
		}
	}
	value = strings.TrimSpace(value)
	c := &ClockReading{From: "timedatectl"}
	switch strings.TrimSpace(name) {
	case "Local time", "TimeUSec":
		d, ok := dateStamp(value)
		if !ok {
			return nil
		}
		c.Local, c.Zone = d.local, d.zone
		if d.offset.OK {
			c.UTC = d.t
		}
	case "Universal time":
		d, ok := dateStamp(value)
		if !ok {
			return nil
		}
		c.UTC = d.local
	case "Time zone", "Timezone": // "Asia/Shanghai (CST, +0800)", before systemd 213 "Timezone: Europe/Berlin (CEST, +0200)"
		zone, rest, _ := strings.Cut(value, " ")
		c.Zone = zone
		if i := strings.LastIndexAny(rest, "+-"); i >= 0 {
			if off, ok := zoneOffset(strings.Trim(rest[i:], " )")); ok {
				c.OffsetS = Some(int64(off))
			}
		}
	case "RTC time", "RTCTimeUSec", "System clock synchronized", "NTP service", "NTP enabled", "NTP synchronized", "RTC in local TZ",
		"Network time on", "systemd-timesyncd.service active", "NTP", "NTPSynchronized", "CanNTP", "LocalRTC", "DST active", "Last DST change", "Next DST change":
	default:
		return nil
	}
	return c
}

func readHostnamectl(s string) *ClockReading {
	name, value, ok := strings.Cut(s, ": ")
	if !ok {
		return nil
	}
	c := &ClockReading{From: "hostnamectl"}
	switch strings.TrimSpace(name) {
	case "Static hostname":
		c.Hostname = strings.TrimSpace(value)
	case "Kernel":
		release, ok := strings.CutPrefix(strings.TrimSpace(value), "Linux ")
		if !ok {
			return nil
		}
		c.Kernel = release
	case "Icon name", "Chassis", "Machine ID", "Boot ID", "Virtualization", "Operating System", "Architecture", "CPE OS Name",
		"Hardware Vendor", "Hardware Model", "Transient hostname", "Pretty hostname", "Firmware Version", "Firmware Date", "Firmware Age":
	default:
		return nil
	}
	return c
}

// readUptime reads `uptime`, `w`'s and `top`'s first line. It gives the uptime to the minute only.
func readUptime(s string) *ClockReading {
	s = strings.TrimPrefix(s, "top - ")
	before, rest, ok := strings.Cut(s, "up ")
	if !ok || len(before) > 20 {
		return nil
	}
	up, load, ok := strings.Cut(rest, "load average")
	if !ok {
		return nil
	}
	d, ok := upDuration(up)
	if !ok {
		return nil
	}
	c := &ClockReading{From: "uptime", Uptime: d}
	fields := strings.Fields(strings.TrimLeft(load, "s: "))
	if len(fields) > 0 {
		if f, err := strconv.ParseFloat(strings.Replace(strings.TrimRight(fields[0], ",."), ",", ".", 1), 64); err == nil && f >= 0 && f < 1e6 {
			c.Load = SomeF(f)
		}
	}
	return c
}

// upDuration reads "51 days, 15:42,  3 users," and "12 min,  1 user,".
func upDuration(s string) (time.Duration, bool) {
	var d time.Duration
	known := false
	words := strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || r == ',' })
	for i, w := range words {
		if h, m, _, _, ok := clockTime(w); ok {
			return d + time.Duration(h)*time.Hour + time.Duration(m)*time.Minute, true
		}
		n, ok := smallNumber(w)
		if !ok || i+1 == len(words) {
			continue
		}
		switch unit := words[i+1]; {
		case strings.HasPrefix(unit, "day"):
			d += time.Duration(n) * 24 * time.Hour
		case strings.HasPrefix(unit, "min"):
			d += time.Duration(n) * time.Minute
		case strings.HasPrefix(unit, "hour"):
			d += time.Duration(n) * time.Hour
		case strings.HasPrefix(unit, "week"): // uptime -p
			d += time.Duration(n) * 7 * 24 * time.Hour
		default:
			continue
		}
		known = true
	}
	return d, known && d >= 0
}

// readUname reads `uname -a`: "Linux web1 5.15.0-101-generic #111-Ubuntu SMP ...".
func readUname(s string) *ClockReading {
	f := strings.Fields(s)
	if len(f) < 4 || f[0] != "Linux" || f[2] == "" || f[2][0] < '0' || f[2][0] > '9' || !strings.Contains(f[2], ".") {
		return nil
	}
	return &ClockReading{From: "uname", Hostname: f[1], Kernel: f[2]}
}

func readProcStat(s string) *ClockReading {
	word, rest, ok := strings.Cut(s, " ")
	if !ok {
		return nil
	}
	c := &ClockReading{From: "proc-stat"}
	switch {
	case word == "btime":
		n, ok := smallNumber(strings.TrimPrefix(rest, "1"))
		if !ok || len(rest) != 10 || rest[0] != '1' { // from 2001 to 2033
			return nil
		}
		c.Boot, c.BootZoned = time.Unix(1e9+int64(n), 0).UTC(), true
	case strings.HasPrefix(word, "cpu") && len(strings.Fields(rest)) >= 7:
		if _, ok := smallNumber(word[3:]); ok {
			c.CPUs = Some(1)
		} else if word != "cpu" {
			return nil
		}
	case word == "ctxt" || word == "processes" || word == "procs_running" || word == "procs_blocked" || word == "softirq" || word == "intr":
		if rest == "" || strings.Trim(rest, "0123456789 ") != "" {
			return nil
		}
	default:
		return nil
	}
	return c
}

func readProcUptime(s string) *ClockReading {
	up, idle, ok := strings.Cut(s, " ")
	if !ok || strings.Trim(up, "0123456789") != "." || strings.Trim(idle, "0123456789") != "." {
		return nil
	}
	f, err := strconv.ParseFloat(up, 64)
	if err != nil || f > 1e9 { // 31 years
		return nil
	}
	return &ClockReading{From: "proc-uptime", Uptime: time.Duration(f * float64(time.Second))}
}

// readWhoBoot reads `who -b`: "system boot  2026-08-28 00:18".
func readWhoBoot(s string) *ClockReading {
	rest, ok := strings.CutPrefix(s, "system boot ")
	if !ok {
		return nil
	}
	d, ok := dateStamp(rest)
	if !ok {
		return nil
	}
	return &ClockReading{From: "uptime-s", Boot: d.t, BootZoned: d.offset.OK}
}
