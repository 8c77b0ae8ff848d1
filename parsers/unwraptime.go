package parsers

import (
	"bytes"
	"math"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"
)

const maxDuration = time.Duration(math.MaxInt64)

// parseISO reads 2026-02-08T00:40:07.136582+00:00 and its relatives at the front of b: a blank for the T, a comma for the
// point, no fraction, the zone as Z, +0000, +00:00, +00 or " UTC". It returns the length read, 0 when there is no such date.
func parseISO(b []byte) (time.Time, Clock, int) {
	const shape = "2006-01-02T15:04:05"
	if len(b) < len(shape) || b[4] != '-' || b[7] != '-' || b[10] != 'T' && b[10] != ' ' && b[10] != 't' {
		return time.Time{}, NoClock, 0
	}
	year, month, day := twoDigits(b)*100+twoDigits(b[2:]), twoDigits(b[5:]), twoDigits(b[8:])
	clock, n := parseClock(b[11:])
	if twoDigits(b) < 0 || twoDigits(b[2:]) < 0 || month < 1 || month > 12 || day < 1 || day > 31 || n == 0 {
		return time.Time{}, NoClock, 0
	}
	n += 11
	t := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
	if t.Day() != day {
		return time.Time{}, NoClock, 0 // 31 February
	}
	t = t.Add(clock)
	offset, m := parseZone(b[n:])
	if m == 0 {
		return t, LocalClock, n
	}
	return t.Add(-offset), ZonedClock, n + m
}

// parseZone reads Z, +02:00, +0200, +02 and " UTC" at the front of b.
func parseZone(b []byte) (time.Duration, int) {
	if len(b) == 0 {
		return 0, 0
	}
	switch b[0] {
	case 'Z', 'z':
		return 0, 1
	case ' ':
		for _, utc := range []string{" UTC", " GMT", " Z"} {
			if bytes.HasPrefix(b, []byte(utc)) && (len(b) == len(utc) || b[len(utc)] == ' ') {
				return 0, len(utc)
			}
		}
		if len(b) > 5 && (b[1] == '+' || b[1] == '-') {
			if d, n := parseZone(b[1:]); n > 0 {
				return d, n + 1
			}
		}
	case '+', '-':
		if len(b) < 3 || twoDigits(b[1:]) < 0 {
			return 0, 0
		}
		d, n := time.Duration(twoDigits(b[1:]))*time.Hour, 3
		rest := b[3:]
		colon := 0
		if len(rest) > 0 && rest[0] == ':' {
			colon = 1
		}
		if len(rest) >= 2+colon && twoDigits(rest[colon:]) >= 0 {
			d += time.Duration(twoDigits(rest[colon:])) * time.Minute
			n += 2 + colon
		}
		if d > 26*time.Hour {
			return 0, 0
		}
		if b[0] == '-' {
			d = -d
		}
		return d, n
	}
	return 0, 0
}

// isZoneName accepts CEST, IST, +0530: what a date may carry as its zone's name.
func isZoneName(b []byte) bool {
	if len(b) < 2 || len(b) > 5 {
		return false
	}
	for _, c := range b {
		if c < 'A' || c > 'Z' {
			return false
		}
	}
	return true
}

// parseClock reads 09:12:34 with a fraction after point or comma, and returns the length read.
func parseClock(b []byte) (time.Duration, int) {
	if len(b) < 8 || b[2] != ':' || b[5] != ':' {
		return 0, 0
	}
	h, m, s := twoDigits(b), twoDigits(b[3:]), twoDigits(b[6:])
	if h < 0 || h > 23 || m < 0 || m > 59 || s < 0 || s > 60 {
		return 0, 0
	}
	d := time.Duration(h)*time.Hour + time.Duration(m)*time.Minute + time.Duration(s)*time.Second
	n := 8
	if len(b) > 9 && (b[8] == '.' || b[8] == ',') && isDigit(b[9]) {
		frac, digits := fraction(b[9:])
		d += frac
		n = 9 + digits
	}
	return d, n
}

// fraction reads the digits of a decimal fraction of a second; those below a nanosecond are read past.
func fraction(b []byte) (time.Duration, int) {
	var d time.Duration
	unit := time.Second
	i := 0
	for ; i < len(b) && isDigit(b[i]); i++ {
		unit /= 10
		d += time.Duration(b[i]-'0') * unit
	}
	return d, i
}

func twoDigits(b []byte) int {
	if len(b) < 2 || !isDigit(b[0]) || !isDigit(b[1]) {
		return -1
	}
	return int(b[0]-'0')*10 + int(b[1]-'0')
}

// parseSinceBoot reads the seconds of a kernel stamp, 12345.678901.
func parseSinceBoot(b []byte) (time.Duration, bool) {
	sec, rest := leadingInt(b)
	if sec < 0 || sec > int64(maxDuration/time.Second)-1 || len(rest) < 2 || rest[0] != '.' {
		return 0, false
	}
	frac, n := fraction(rest[1:])
	if n == 0 || n != len(rest)-1 {
		return 0, false
	}
	return time.Duration(sec)*time.Second + frac, true
}

// parseCTime reads the inside of a dmesg -T stamp: weekday, month and day in either order, time, year. The weekday may be
// wrong or in any language and is not looked at; the month is the last word, since "mar." is a Tuesday in French.
func parseCTime(b []byte) (time.Time, bool) {
	fields := bytes.Fields(b)
	if len(fields) < 4 || len(fields) > 6 {
		return time.Time{}, false
	}
	var month time.Month
	var clock time.Duration
	year, day, hasClock := 0, 0, false
	for _, f := range fields {
		if d, n := parseClock(f); n > 0 && n == len(f) {
			clock, hasClock = d, true
			continue
		}
		digits := bytes.TrimRight(f, ".,")
		if n, tail := leadingInt(digits); n >= 0 && len(tail) == 0 {
			switch {
			case len(digits) == 4:
				year = int(n)
			case n >= 1 && n <= 31:
				day = int(n)
			default:
				return time.Time{}, false
			}
			continue
		}
		if m := monthNamed(f); m != 0 {
			month = m
		}
	}
	if !hasClock || month == 0 || day == 0 || year < 1970 {
		return time.Time{}, false
	}
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Add(clock), true
}

// parseMonthMinute reads the inside of a dmesg -e stamp: Apr20 09:12. It has no year and no seconds.
func parseMonthMinute(b []byte) (time.Time, bool) {
	date, clock, ok := bytes.Cut(b, []byte(" "))
	if !ok || len(clock) != 5 || clock[2] != ':' {
		return time.Time{}, false
	}
	i := bytes.IndexAny(date, "0123456789")
	if i <= 0 {
		return time.Time{}, false
	}
	month := monthNamed(date[:i])
	day, tail := leadingInt(date[i:])
	h, m := twoDigits(clock), twoDigits(clock[3:])
	if month == 0 || day < 1 || day > 31 || len(tail) > 0 || h < 0 || h > 23 || m < 0 || m > 59 {
		return time.Time{}, false
	}
	return time.Date(0, month, int(day), h, m, 0, 0, time.UTC), true
}

// parseRFC3164 reads "Dec  9 21:47:11" (year 0), or with the year before or after the time, at the front of b, and returns
// the length read.
func parseRFC3164(b []byte) (time.Time, int) {
	head := b[:min(len(b), maxStamp)]
	word, rest, ok := cutBlank(head)
	if !ok || len(word) < 3 || len(word) > 24 {
		return time.Time{}, 0
	}
	rest = bytes.TrimLeft(rest, " ")
	day, rest := leadingInt(rest)
	if day < 1 || day > 31 || len(rest) == 0 || rest[0] != ' ' {
		return time.Time{}, 0
	}
	month := monthNamed(word) // late: it costs most, and a number seldom follows a word
	if month == 0 {
		return time.Time{}, 0
	}
	rest = bytes.TrimLeft(rest, " ")
	year := int64(0)
	if y, tail := leadingInt(rest); y >= 1970 && y <= 9999 && len(tail) > 0 && tail[0] == ' ' {
		year, rest = y, tail[1:]
	}
	clock, n := parseClock(rest)
	if n == 0 {
		return time.Time{}, 0
	}
	return time.Date(int(year), month, int(day), 0, 0, 0, 0, time.UTC).Add(clock), len(head) - len(rest) + n
}

// monthNamed reads a month's name or abbreviation in the languages of common locales; 0 when it is none.
func monthNamed(word []byte) time.Month {
	if len(word) < 2 || len(word) > 24 {
		return 0
	}
	if len(word) == 3 && word[0] < utf8.RuneSelf { // English first: nearly every line
		if m := englishMonth(word); m != 0 {
			return m
		}
	}
	// 4月, 4월: the number and the word for month.
	if n, tail := leadingInt(word); n >= 1 && n <= 12 {
		if s := string(tail); s == "月" || s == "월" {
			return time.Month(n)
		}
		return 0
	}
	r, _ := utf8.DecodeRune(word)
	if !unicode.IsLetter(r) {
		return 0
	}
	var low [24]byte
	name := lowerInto(low[:0], word)
	if name = bytes.TrimRight(name, "."); len(name) < 3 {
		return 0
	}
	best, month := 0, time.Month(0)
	for _, m := range monthStems()[[3]byte(name)] {
		if len(m.stem) > best && bytes.HasPrefix(name, []byte(m.stem)) {
			best, month = len(m.stem), m.month
		}
	}
	return month
}

// lowerInto is bytes.ToLower into buf where the word is ASCII, which saves nearly every allocation.
func lowerInto(buf, word []byte) []byte {
	for _, c := range word {
		if c >= utf8.RuneSelf {
			return bytes.ToLower(word)
		}
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		buf = append(buf, c)
	}
	return buf
}

// monthStems are monthNames by their first three bytes: nearly every word that is asked about is no month.
var monthStems = sync.OnceValue(func() map[[3]byte][]monthStem {
	stems := map[[3]byte][]monthStem{}
	for _, m := range monthNames {
		key := [3]byte([]byte(m.stem))
		stems[key] = append(stems[key], m)
	}
	return stems
})

type monthStem struct {
	stem  string
	month time.Month
}

func englishMonth(b []byte) time.Month {
	const names = "janfebmaraprmayjunjulaugsepoctnovdec"
	for m := range 12 {
		if b[0]|0x20 == names[3*m] && b[1]|0x20 == names[3*m+1] && b[2]|0x20 == names[3*m+2] {
			return time.Month(m + 1)
		}
	}
	return 0
}

// monthNames holds the shortest stems that tell the months of glibc's locales apart: en de fr es it pt nl sv da nb fi pl cs
// sk hu ro ca tr ru uk el. The longest stem that fits wins. Croatian is left out: its lip and srp are a month before the
// Polish lip and the Czech srp.
var monthNames = []monthStem{
	{"jan", 1}, {"jän", 1}, {"ene", 1}, {"gen", 1}, {"ian", 1}, {"sty", 1}, {"led", 1}, {"tam", 1}, {"oca", 1}, {"янв", 1}, {"січ", 1}, {"ιαν", 1},
	{"feb", 2}, {"fév", 2}, {"fev", 2}, {"lut", 2}, {"úno", 2}, {"hel", 2}, {"şub", 2}, {"фев", 2}, {"лют", 2}, {"φεβ", 2},
	{"mar", 3}, {"mär", 3}, {"mrz", 3}, {"mrt", 3}, {"maa", 3}, {"márc", 3}, {"bře", 3}, {"мар", 3}, {"бер", 3}, {"μαρ", 3}, {"μάρ", 3},
	{"apr", 4}, {"avr", 4}, {"abr", 4}, {"ápr", 4}, {"kwi", 4}, {"dub", 4}, {"huh", 4}, {"nis", 4}, {"апр", 4}, {"кві", 4}, {"απρ", 4},
	{"may", 5}, {"mai", 5}, {"maj", 5}, {"máj", 5}, {"mei", 5}, {"mag", 5}, {"kvě", 5}, {"tou", 5}, {"май", 5}, {"мая", 5}, {"тра", 5}, {"μαϊ", 5}, {"μαΐ", 5}, {"μάι", 5},
	{"jun", 6}, {"juin", 6}, {"jún", 6}, {"giu", 6}, {"iun", 6}, {"cze", 6}, {"čen", 6}, {"kes", 6}, {"haz", 6}, {"июн", 6}, {"чер", 6}, {"ιουν", 6}, {"ιούν", 6},
	{"jul", 7}, {"juil", 7}, {"júl", 7}, {"lug", 7}, {"iul", 7}, {"lip", 7}, {"čec", 7}, {"hei", 7}, {"tem", 7}, {"июл", 7}, {"лип", 7}, {"ιουλ", 7}, {"ιούλ", 7},
	{"aug", 8}, {"aoû", 8}, {"aou", 8}, {"ago", 8}, {"sie", 8}, {"srp", 8}, {"elo", 8}, {"ağu", 8}, {"авг", 8}, {"сер", 8}, {"αυγ", 8}, {"αύγ", 8},
	{"sep", 9}, {"set", 9}, {"szept", 9}, {"wrz", 9}, {"zář", 9}, {"syy", 9}, {"eyl", 9}, {"сен", 9}, {"вер", 9}, {"σεπ", 9},
	{"oct", 10}, {"okt", 10}, {"ott", 10}, {"out", 10}, {"paź", 10}, {"říj", 10}, {"lok", 10}, {"eki", 10}, {"окт", 10}, {"жов", 10}, {"οκτ", 10},
	{"nov", 11}, {"noi", 11}, {"lis", 11}, {"marras", 11}, {"kas", 11}, {"ноя", 11}, {"лис", 11}, {"νοε", 11}, {"νοέ", 11},
	{"dec", 12}, {"dez", 12}, {"déc", 12}, {"dic", 12}, {"des", 12}, {"gru", 12}, {"pro", 12}, {"jou", 12}, {"ara", 12}, {"дек", 12}, {"гру", 12}, {"δεκ", 12},
}
