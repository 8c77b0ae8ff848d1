package parsers

import (
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// stamp is a moment as a line of text told it: an instant when the text named its zone, else a wall time.
type stamp struct {
	t      time.Time // UTC when zoned, else the wall time as if UTC; year 0 = the text had no year
	local  time.Time // the wall time as if UTC
	zone   string    // as printed
	offset Opt       // seconds east of UTC; unknown for an abbreviation that several countries use
}

func (s stamp) clock() Clock {
	switch {
	case s.local.IsZero():
		return NoClock
	case s.offset.OK:
		return ZonedClock
	}
	return LocalClock
}

// put gives r this moment, unless it is unknown.
func (s stamp) put(r Record) Record {
	if r.Clock = s.clock(); r.Clock != NoClock {
		r.Time = s.t
	}
	return r
}

func newStamp(local time.Time, zone string) stamp {
	s := stamp{t: local, local: local, zone: zone}
	if off, ok := zoneOffset(zone); ok {
		s.offset = Some(int64(off))
		s.t = local.Add(-time.Duration(off) * time.Second)
	}
	return s
}

// dateStamp reads a line that is nothing but the output of `date`, in any of its forms and orders:
//
//	Sun Oct 18 16:01:30 CEST 2026
//	Sun 18 Oct 2026 04:01:30 PM UTC
//	So 18. Okt 16:01:30 CEST 2026
//	2026年 10月 18日 星期日 16:01:30 CST
//	2026-10-18T16:01:30+02:00
func dateStamp(line string) (stamp, bool) {
	line = strings.TrimSpace(line)
	if len(line) < 10 || len(line) > 80 {
		return stamp{}, false
	}
	if s, rest, ok := leadStamp(line); ok && rest == "" && s.local.Year() > 0 {
		return s, true
	}
	var d dateParts
	for _, word := range strings.Fields(line) {
		if !d.take(strings.TrimRight(word, ",.")) {
			return stamp{}, false
		}
	}
	return d.stamp()
}

type dateParts struct {
	year, month, day        int
	hour, minute, sec, nano int
	hasTime, pm, am         bool
	zone                    string
}

func (d *dateParts) take(word string) bool {
	n, isNumber := smallNumber(word)
	switch {
	case word == "":
		return true
	case isNumber && len(word) == 4 && d.year == 0:
		d.year = n
	case isNumber && len(word) <= 2 && d.day == 0 && n >= 1 && n <= 31:
		d.day = n
	case strings.Contains(word, ":") && !d.hasTime:
		h, m, s, nano, ok := clockTime(word)
		d.hour, d.minute, d.sec, d.nano, d.hasTime = h, m, s, nano, ok
		return ok
	case word == "AM" || word == "am":
		d.am = true
	case word == "PM" || word == "pm":
		d.pm = true
	case !d.hasTime && !isNumber && monthNumber(word) > 0:
		d.month = monthNumber(word) // the last one: "mar. 20 oct." is a Tuesday in French
	case strings.HasSuffix(word, "年"):
		d.year, _ = smallNumber(strings.TrimSuffix(word, "年"))
	case strings.HasSuffix(word, "日") && d.day == 0:
		d.day, _ = smallNumber(strings.TrimSuffix(word, "日"))
	case isZone(word) && d.hasTime && d.zone == "":
		d.zone = word
	default:
		return !d.hasTime && isWeekday(word)
	}
	return true
}

func (d *dateParts) stamp() (stamp, bool) {
	if !d.hasTime || d.year == 0 || d.month < 1 || d.month > 12 || d.day == 0 {
		return stamp{}, false
	}
	hour := d.hour
	switch {
	case d.pm && hour < 12:
		hour += 12
	case d.am && hour == 12:
		hour = 0
	}
	return newStamp(time.Date(d.year, time.Month(d.month), d.day, hour, d.minute, d.sec, d.nano, time.UTC), d.zone), true
}

// leadStamp reads the time that a log line begins with, in brackets or not, and returns what follows it:
//
//	2026-10-18T16:01:30.123+02:00   2026-10-18 16:01:30 UTC   2026/10/18 16:01:30   [18-Oct-2026 16:01:30 Europe/Berlin]
//	18/Oct/2026:16:01:30 +0200      Oct 18 16:01:30 (no year) Sun Oct 18 16:01:30 2026   261018 16:01:30 (MySQL 5.5)
func leadStamp(line string) (stamp, string, bool) {
	s := strings.TrimLeft(line, " \t")
	closer := ""
	if s != "" && (s[0] == '[' || s[0] == '(') {
		closer = map[byte]string{'[': "]", '(': ")"}[s[0]]
		s = strings.TrimLeft(s[1:], " ")
	}
	year, month, day, rest, ok := leadDate(s)
	if !ok {
		return stamp{}, line, false
	}
	rest = strings.TrimLeft(strings.TrimPrefix(rest, "T"), " :")
	word := rest
	if i := strings.IndexFunc(rest, func(r rune) bool {
		return r != ':' && r != '.' && r != ',' && (r < '0' || r > '9')
	}); i >= 0 {
		word = rest[:i]
	}
	word = strings.TrimRight(word, ".,:")
	h, m, sec, nano, ok := clockTime(word)
	if !ok {
		return stamp{}, line, false
	}
	rest = rest[len(word):]
	if after := strings.TrimPrefix(rest, " "); year == 0 && len(after) >= 4 { // "Sun Oct 18 16:01:30 2026"
		if n, isNumber := smallNumber(after[:4]); isNumber && n > 1969 && (len(after) == 4 || after[4] == ' ' || after[4] == ']') {
			year, rest = n, after[4:]
		}
	}
	zone, rest := leadZone(rest)
	if closer != "" {
		i := strings.Index(rest, closer)
		if i < 0 || i > 40 { // "[2026-10-18 16:01:30] ", and puma's or monolog's fields inside the brackets
			return stamp{}, line, false
		}
		rest = rest[:i] + rest[i+1:]
	}
	local := time.Date(year, time.Month(month), day, h, m, sec, nano, time.UTC)
	return newStamp(local, zone), strings.TrimLeft(rest, " \t"), true
}

// leadDate reads a date at the front of s; year 0 = it has none.
func leadDate(s string) (year, month, day int, rest string, ok bool) {
	digits := 0
	for digits < len(s) && digits < 9 && s[digits] >= '0' && s[digits] <= '9' {
		digits++
	}
	switch {
	case digits == 4 && len(s) >= 10 && (s[4] == '-' || s[4] == '/') && s[7] == s[4]:
		y, ok1 := smallNumber(s[:4])
		m, ok2 := smallNumber(s[5:7])
		d, ok3 := smallNumber(s[8:10])
		year, month, day, rest, ok = y, m, d, s[10:], ok1 && ok2 && ok3
	case digits == 6 && len(s) > 6 && s[6] == ' ': // MySQL 5.5: "261018  9:01:30"
		y, _ := smallNumber(s[:2])
		m, _ := smallNumber(s[2:4])
		d, _ := smallNumber(s[4:6])
		year, month, day, rest, ok = 2000+y, m, d, s[6:], true
	case (digits == 1 || digits == 2) && len(s) > digits+9 && (s[digits] == '-' || s[digits] == '/' || s[digits] == ' '):
		sep := s[digits]
		d, _ := smallNumber(s[:digits])
		m := monthNumber(s[digits+1 : digits+4])
		y, ok3 := smallNumber(s[digits+5 : digits+9])
		year, month, day, rest, ok = y, m, d, s[digits+9:], m > 0 && ok3 && s[digits+4] == sep
	case digits == 0 && len(s) >= 15:
		word, after, _ := strings.Cut(s, " ")
		if isWeekday(strings.TrimRight(word, ",.")) && monthNumber(word) == 0 {
			s = strings.TrimLeft(after, " ")
			if s != "" && s[0] >= '0' && s[0] <= '9' {
				return leadDate(s)
			}
			word, after, _ = strings.Cut(s, " ")
		}
		after = strings.TrimLeft(after, " ")
		num, tail, _ := strings.Cut(after, " ")
		d, isDay := smallNumber(num)
		year, month, day, rest, ok = 0, monthNumber(word), d, tail, isDay && monthNumber(word) > 0
	}
	if month < 1 || month > 12 || day < 1 || day > 31 {
		return 0, 0, 0, "", false
	}
	return year, month, day, rest, ok
}

// leadZone takes a zone from the front of s: "Z", "+02:00", " UTC", " Europe/Berlin". A word in capitals counts only when
// it is a zone we know, since log lines go on with INFO and ERROR.
func leadZone(s string) (zone, rest string) {
	t := strings.TrimPrefix(s, " ")
	end := strings.IndexFunc(t, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("+-:/_", r)
	})
	word := t
	if end >= 0 {
		word = t[:end]
	}
	word = strings.TrimRight(word, ":-")
	if _, ok := zoneOffset(word); ok || ambiguousZone(word) || isZoneID(word) {
		return word, t[len(word):]
	}
	return "", s
}

// clockTime reads H:MM, HH:MM:SS and HH:MM:SS.frac (or ,frac).
func clockTime(s string) (h, m, sec, nano int, ok bool) {
	frac := ""
	if i := strings.IndexAny(s, ".,"); i >= 0 {
		s, frac = s[:i], s[i+1:]
	}
	parts := strings.Split(s, ":")
	if len(parts) < 2 || len(parts) > 3 {
		return
	}
	var n [3]int
	for i, p := range parts {
		v, isNumber := smallNumber(p)
		if !isNumber || len(p) > 2 || len(p) == 0 {
			return
		}
		n[i] = v
	}
	if frac != "" {
		for len(frac) < 9 {
			frac += "0"
		}
		v, err := strconv.Atoi(frac[:9])
		if err != nil {
			return
		}
		nano = v
	}
	return n[0], n[1], n[2], nano, n[0] < 24 && n[1] < 60 && n[2] < 61
}

func smallNumber(s string) (int, bool) {
	if s == "" || len(s) > 9 {
		return 0, false
	}
	n := 0
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + int(s[i]-'0')
	}
	return n, true
}

// monthNumber reads a month's name, 0 when the word is none.
func monthNumber(word string) int {
	if len(word) < 3 {
		return 0
	}
	return int(monthNamed([]byte(word)))
}

// isWeekday accepts a short word of letters: day names differ by language and say nothing that the date does not.
func isWeekday(word string) bool {
	if n := utf8.RuneCountInString(word); n < 2 || n > 10 {
		return false
	}
	for _, r := range word {
		if !unicode.IsLetter(r) {
			return false
		}
	}
	return true
}

func isZone(word string) bool {
	if _, ok := zoneOffset(word); ok {
		return true
	}
	if len(word) < 2 || len(word) > 5 {
		return false
	}
	for _, r := range word {
		if r < 'A' || r > 'Z' {
			return false
		}
	}
	return true
}

// isZoneID accepts what the tz database calls a zone: "Europe/Berlin", "America/Argentina/Salta".
func isZoneID(word string) bool {
	area, city, ok := strings.Cut(word, "/")
	switch area {
	case "Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific", "Etc":
		return ok && city != "" && len(word) < 40
	}
	return false
}

// zoneOffset gives the seconds east of UTC that a zone word means, for numbers and for abbreviations that the tz database
// uses for one offset only. CST (US, China, Cuba), IST (India, Ireland, Israel), BST (Britain, formerly Bangladesh), CDT (US,
// Cuba) and PST (US, Philippines) are not among them: a wrong zone shifts the whole incident, an unknown one is asked for.
func zoneOffset(zone string) (int, bool) {
	const h = 3600
	switch zone {
	case "Z", "UTC", "GMT", "UCT", "WET", "Etc/UTC":
		return 0, true
	case "CET", "WEST", "WAT":
		return h, true
	case "CEST", "EET", "SAST", "CAT":
		return 2 * h, true
	case "EEST", "MSK", "EAT":
		return 3 * h, true
	case "PKT":
		return 5 * h, true
	case "WIB":
		return 7 * h, true
	case "HKT", "AWST", "WITA":
		return 8 * h, true
	case "JST", "KST", "WIT":
		return 9 * h, true
	case "ACST":
		return 9*h + h/2, true
	case "AEST":
		return 10 * h, true
	case "ACDT":
		return 10*h + h/2, true
	case "AEDT":
		return 11 * h, true
	case "NZST":
		return 12 * h, true
	case "NZDT":
		return 13 * h, true
	case "ADT":
		return -3 * h, true
	case "EDT", "AST":
		return -4 * h, true
	case "EST":
		return -5 * h, true
	case "MDT":
		return -6 * h, true
	case "MST", "PDT":
		return -7 * h, true
	case "AKDT":
		return -8 * h, true
	case "AKST":
		return -9 * h, true
	case "HST":
		return -10 * h, true
	}
	zone = strings.TrimPrefix(strings.TrimPrefix(zone, "UTC"), "GMT")
	if len(zone) < 3 || zone[0] != '+' && zone[0] != '-' {
		return 0, false
	}
	digits := strings.Replace(zone[1:], ":", "", 1)
	n, ok := smallNumber(digits)
	if !ok {
		return 0, false
	}
	switch len(digits) {
	case 2:
		n *= h
	case 4:
		n = n/100*h + n%100*60
	default:
		return 0, false
	}
	if n > 14*h {
		return 0, false
	}
	if zone[0] == '-' {
		n = -n
	}
	return n, true
}

func ambiguousZone(word string) bool {
	switch word {
	case "CST", "IST", "BST", "CDT", "PST":
		return true
	}
	return false
}
