package parsers

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// dateLine reads the time that a person or a script put on a line of its own between two snapshots: what `date` prints in
// its many locales, ISO 8601, an epoch, with or without decoration.
//
//	Mon Jun 22 08:32:03 CST 2026
//	Mo 22. Jun 08:32:03 CEST 2026
//	2026年 06月 22日 星期一 08:32:03 CST
//	== 2026-06-22 08:32:03 ==
//	### 1782172862
//
// A zone counts only when it is unambiguous: UTC, GMT, Z or a numeric offset. CST is Chicago, Shanghai or Havana, and IST,
// BST, EST are no better; such a time is local, with the letters in zone.
func dateLine(line []byte) (d spokenDate, ok bool) {
	if len(line) == 0 || len(line) > maxDateLine {
		return d, false
	}
	if d, ok := epochLine(line); ok {
		return d, true
	}
	clock := clockRE.FindSubmatchIndex(line)
	if clock == nil {
		return d, false
	}
	hour, minute, second := atoi(line[clock[2]:clock[3]]), atoi(line[clock[4]:clock[5]]), 0
	if clock[6] >= 0 {
		second = atoi(line[clock[6]:clock[7]])
	}
	var nsec int
	if clock[8] >= 0 {
		frac := string(line[clock[8]:clock[9]])
		nsec, _ = strconv.Atoi((frac + "000000000")[:9])
	}
	if hour > 24 || minute > 59 || second > 60 {
		return d, false
	}
	before, after := line[:clock[2]], line[clock[1]:]
	year, month, day, words, ok := dateAround(before, after)
	if !ok || words > maxDateWords {
		return d, false
	}
	hour = halfDay(hour, line)
	d.Zone, d.OffsetS, d.Zoned = zoneAfter(after)
	d.Time = time.Date(year, month, day, hour, minute, second, nsec, time.UTC)
	if d.Time.Day() != day && hour < 24 {
		return spokenDate{}, false // 31 June
	}
	d.Local = d.Time
	if d.Zoned {
		d.Time = d.Time.Add(-time.Duration(d.OffsetS) * time.Second)
	}
	return d, true
}

const (
	maxDateLine  = 160 // the longest locale form with "=== ... snapshot ===" around it is 90 bytes
	maxDateWords = 5   // words that are no part of a date; prose that mentions a time has more
)

// spokenDate is a date line's meaning. Time is the instant when Zoned, else the wall clock as if UTC.
type spokenDate struct {
	Time    time.Time
	Local   time.Time // the wall clock, as if UTC; zero for an epoch
	Zone    string    // as printed
	OffsetS int64     // valid when Zoned
	Zoned   bool
}

func (d spokenDate) clock() Clock {
	if d.Zoned {
		return ZonedClock
	}
	return LocalClock
}

var (
	clockRE = regexp.MustCompile(`(?:^|[^0-9:]|20[0-9]{2}:)([0-2]?[0-9])[:h]([0-5][0-9])(?:[:m]([0-6][0-9])(?:[.,]([0-9]{1,9}))?)?`)
	ymdRE   = regexp.MustCompile(`((?:19|20)[0-9]{2})(?:-|/|\.|年|년)\s*([0-1]?[0-9])(?:-|/|\.|月|월)\s*([0-3]?[0-9])`)
	dmyRE   = regexp.MustCompile(`(?:^|[^0-9])([0-3]?[0-9])[-/.]([0-3]?[0-9])[-/.]((?:19|20)[0-9]{2})`)
	packRE  = regexp.MustCompile(`(?:^|[^0-9])((?:20)[0-9]{2})([01][0-9])([0-3][0-9])(?:[^0-9]|$)`)
	zoneRE  = regexp.MustCompile(`(?:^|[^0-9A-Za-z])(?:(UTC|GMT|Z)?([+-])([01][0-9]):?([0-5][0-9])?|(UTC|GMT|Z)|([A-Z]{3,5}))(?:[^0-9A-Za-z]|$)`)
	gluedRE = regexp.MustCompile(`^(?:([+-])([01][0-9]):?([0-5][0-9])?|Z)(?:[^0-9A-Za-z:]|$)`)
)

// dateAround finds year, month and day around the clock, and counts the words that belong to no date.
func dateAround(before, after []byte) (year int, month time.Month, day, words int, ok bool) {
	rest := append(append(append(make([]byte, 0, len(before)+len(after)+1), before...), ' '), after...)
	cut := func(m []int) { rest = append(append(rest[:m[0]:m[0]], ' '), rest[m[1]:]...) }
	if m := ymdRE.FindSubmatchIndex(rest); m != nil {
		year, month, day = atoi(rest[m[2]:m[3]]), time.Month(atoi(rest[m[4]:m[5]])), atoi(rest[m[6]:m[7]])
		cut(m)
	} else if m := packRE.FindSubmatchIndex(rest); m != nil {
		year, month, day = atoi(rest[m[2]:m[3]]), time.Month(atoi(rest[m[4]:m[5]])), atoi(rest[m[6]:m[7]])
		cut(m)
	} else if m := dmyRE.FindSubmatchIndex(rest); m != nil {
		a, b := atoi(rest[m[2]:m[3]]), atoi(rest[m[4]:m[5]])
		year = atoi(rest[m[6]:m[7]])
		// 06/22/2026 and 22.06.2026 speak for themselves; 05/06/2026 is June in Europe and May in America. Dots are European.
		dots := bytes.IndexByte(rest[m[0]:m[1]], '.') >= 0
		switch {
		case b > 12:
			month, day = time.Month(a), b
		case a > 12 || dots || a == b:
			month, day = time.Month(b), a
		default:
			return 0, 0, 0, 0, false
		}
		cut(m)
	}
	numeric := month != 0
	for _, word := range bytes.FieldsFunc(rest, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		switch n, err := strconv.Atoi(string(word)); {
		case err == nil && len(word) == 4 && n >= 1970 && n < 2100 && year == 0:
			year = n
		case err == nil && len(word) <= 2 && n >= 1 && n <= 31 && day == 0:
			day = n
		case err != nil:
			// Of two month words the later is the month: in "mar. 23 juin" (French) and "mar 24 mar" (Italian) the first is Tuesday.
			if m := time.Month(monthNumber(string(word))); m != 0 && !numeric {
				month = m
			} else if utf8.RuneCount(word) > 4 {
				words++ // shorter ones are weekdays, zones, AM and PM
			}
		}
	}
	ok = year != 0 && month >= 1 && month <= 12 && day >= 1 && day <= 31
	return year, month, day, words, ok
}

// halfDay applies AM and PM in the scripts that print them.
func halfDay(hour int, line []byte) int {
	upper := bytes.ToUpper(line)
	has := func(marks ...string) bool {
		for _, m := range marks {
			if bytes.Contains(upper, []byte(m)) {
				return true
			}
		}
		return false
	}
	switch {
	case hour < 12 && has(" PM", "PM ", "下午", "오후", "午後", " P.M."):
		return hour + 12
	case hour == 12 && has(" AM", "AM ", "上午", "오전", "午前", " A.M."):
		return 0
	}
	return hour
}

// zoneAfter reads the zone that follows the clock.
func zoneAfter(after []byte) (name string, offset int64, zoned bool) {
	if m := gluedRE.FindSubmatch(after); m != nil { // 08:32:03+05:30, 08:32:03Z
		if len(m[1]) == 0 {
			return "UTC", 0, true
		}
		offset = int64(atoi(m[2])*3600 + atoi(m[3])*60)
		if m[1][0] == '-' {
			offset = -offset
		}
		return "", offset, true
	}
	for len(after) > 0 {
		m := zoneRE.FindSubmatchIndex(after)
		if m == nil {
			return name, 0, false
		}
		switch {
		case m[4] >= 0:
			offset = int64(atoi(after[m[6]:m[7]]) * 3600)
			if m[8] >= 0 {
				offset += int64(atoi(after[m[8]:m[9]]) * 60)
			}
			if after[m[4]] == '-' {
				offset = -offset
			}
			return "", offset, true
		case m[10] >= 0:
			return "UTC", 0, true
		}
		word := string(after[m[12]:m[13]])
		if name == "" && monthNumber(word) == 0 && !weekdayWord(word) {
			name = word
		}
		after = after[m[13]:]
	}
	return name, 0, false
}

func weekdayWord(w string) bool {
	switch w {
	case "MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN":
		return true
	}
	return false
}

// epochLine is a line that holds nothing but seconds, milliseconds or microseconds since 1970 in this century's range, with
// decoration or one word such as "time=" or "ts:" before it.
func epochLine(line []byte) (spokenDate, bool) {
	core := bytes.Trim(line, " \t=-#[]()*_<>\"',;@")
	if i := bytes.LastIndexAny(core, " \t=:@"); i >= 0 && i <= 16 {
		if !dateLabel(core[:i]) {
			return spokenDate{}, false
		}
		core = core[i+1:]
	}
	whole, frac, _ := bytes.Cut(core, []byte("."))
	if !allDigits(whole) || len(frac) > 0 && !allDigits(frac) {
		return spokenDate{}, false
	}
	t, ok := epochTime(whole)
	if !ok {
		return spokenDate{}, false
	}
	if len(whole) == 10 && len(frac) > 0 {
		nsec, _ := strconv.Atoi((string(frac) + "000000000")[:9])
		t = t.Add(time.Duration(nsec))
	}
	return spokenDate{Time: t, Zoned: true, Zone: "UTC"}, true
}

// dateLabel is a word that announces a time.
func dateLabel(b []byte) bool {
	switch strings.ToLower(string(bytes.Trim(b, " \t=:#-*@\"'"))) {
	case "", "time", "timestamp", "ts", "date", "epoch", "at", "snapshot", "when", "collected", "unixtime", "unix", "t", "now":
		return true
	}
	return false
}

// epochTime turns 10 (s), 13 (ms), 16 (us) or 19 (ns) digits between 2001 and 2100 into a time.
func epochTime(digits []byte) (time.Time, bool) {
	n, err := strconv.ParseInt(string(digits), 10, 64)
	if err != nil {
		return time.Time{}, false
	}
	var t time.Time
	switch len(digits) {
	case 10:
		t = time.Unix(n, 0)
	case 13:
		t = time.UnixMilli(n)
	case 16:
		t = time.UnixMicro(n)
	case 19:
		t = time.Unix(0, n)
	default:
		return t, false
	}
	t = t.UTC()
	return t, t.Year() >= 2001 && t.Year() < 2100
}

// nameTime reads the time in a file's own name: redis_info-6379_1784248441.txt (an instant), info-20261009-173203.txt (local
// wall time). A name with a date alone gives none: a day is not a time.
func nameTime(name string) (spokenDate, bool) {
	if i := strings.LastIndexAny(name, `/\`); i >= 0 {
		name = name[i+1:]
	}
	if len(name) > 255 {
		return spokenDate{}, false
	}
	if m := nameStampRE.FindStringSubmatch(name); m != nil {
		p := func(i int) int { n, _ := strconv.Atoi(m[i]); return n }
		t := time.Date(p(1), time.Month(p(2)), p(3), p(4), p(5), p(6), 0, time.UTC)
		if t.Day() == p(3) && t.Hour() == p(4) && t.Minute() == p(5) {
			d := spokenDate{Time: t, Local: t}
			if m[7] == "Z" || m[7] == "UTC" {
				d.Zoned, d.Zone = true, "UTC"
			}
			return d, true
		}
	}
	for _, digits := range strings.FieldsFunc(name, func(r rune) bool { return r < '0' || r > '9' }) {
		if t, ok := epochTime([]byte(digits)); ok && (len(digits) == 10 || len(digits) == 13) {
			return spokenDate{Time: t, Zoned: true, Zone: "UTC"}, true
		}
	}
	return spokenDate{}, false
}

var nameStampRE = regexp.MustCompile(`(?:^|[^0-9])(20[0-9]{2})[-_.]?([01][0-9])[-_.]?([0-3][0-9])[-_.T ]?([0-2][0-9])[-_:.h]?([0-5][0-9])[-_:.m]?([0-5][0-9])?_?(Z|UTC)?(?:[^0-9]|$)`)

func atoi(b []byte) int {
	n := 0
	for _, c := range b {
		if c < '0' || c > '9' || n > 1<<40 {
			return n
		}
		n = n*10 + int(c-'0')
	}
	return n
}

func allDigits(b []byte) bool {
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(b) > 0
}
