package report

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// count writes 34270 as 34,270.
func count(n int64) string {
	digits := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, digits = "-", digits[1:]
	}
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return sign + digits
}

// plural writes "1 file", "2 files".
func plural(n int64, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return count(n) + " " + noun
}

// size writes bytes in the unit that leaves one to four digits before the point.
func size(bytes float64) string {
	const units = "KMGTPE"
	if math.IsNaN(bytes) || math.IsInf(bytes, 0) {
		return number3(bytes)
	}
	if math.Abs(bytes) < 1024 {
		return number3(bytes) + " B"
	}
	i := -1
	// 1023.95 would be printed as 1024.0 of the smaller unit.
	for ; math.Abs(bytes) >= 1023.95 && i < len(units)-1; i++ {
		bytes /= 1024
	}
	return strconv.FormatFloat(bytes, 'f', 1, 64) + " " + units[i:i+1] + "iB"
}

// span writes a duration in its two largest units: "39 d 4 h", "2 min 10 s", "1.5 s", "40 ms".
func span(d time.Duration) string {
	if d < 0 {
		if d == math.MinInt64 {
			d++
		}
		return "-" + span(-d)
	}
	if d < time.Second {
		return strconv.FormatInt(d.Milliseconds(), 10) + " ms"
	}
	if d < 10*time.Second && d%time.Second != 0 {
		return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) + " s"
	}
	d = d.Round(time.Second)
	units := []struct {
		name string
		of   time.Duration
	}{{"d", 24 * time.Hour}, {"h", time.Hour}, {"min", time.Minute}, {"s", time.Second}}
	var parts []string
	for i, u := range units {
		if d < u.of {
			continue
		}
		parts = append(parts, count(int64(d/u.of))+" "+u.name)
		if i+1 < len(units) {
			if next := units[i+1]; d%u.of >= next.of {
				parts = append(parts, count(int64(d%u.of/next.of))+" "+next.name)
			}
		}
		break
	}
	return strings.Join(parts, " ")
}

// percent writes a share so that only the whole is "100 %" and only nothing is "0 %".
func percent(share float64) string {
	p := share * 100
	digits := 0
	switch a := math.Abs(p); {
	case a == math.Trunc(a):
	case a < 0.01:
		return "<0.01 %"
	case a < 1, a > 99 && a < 100:
		digits = 2
	case a < 99:
		digits = 1
	}
	s := strconv.FormatFloat(p, 'f', digits, 64)
	if p < 100 && strings.HasPrefix(s, "100") {
		s = "99.99"
	}
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return s + " %"
}

// quantity writes a number with its unit.
func quantity(v float64, unit string) string {
	switch strings.ToLower(unit) {
	case "bytes", "byte", "b":
		return size(v)
	case "kb", "kib":
		return size(v * 1024)
	case "s", "seconds", "second":
		if math.Abs(v) < 1e9 {
			return span(time.Duration(v * float64(time.Second)))
		}
	case "share", "ratio":
		return percent(v)
	}
	return strings.TrimSpace(number3(v) + " " + unit)
}

// number3 writes a whole number whole and any other to three digits.
func number3(v float64) string {
	switch a := math.Abs(v); {
	case math.IsNaN(v) || math.IsInf(v, 0):
		return "not known"
	case a >= 1e15:
		return strconv.FormatFloat(v, 'g', 3, 64)
	case a >= 100 || v == math.Trunc(v):
		return count(int64(math.Round(v)))
	}
	return strconv.FormatFloat(v, 'g', 3, 64)
}

// Confidence in words. The number is the share of verdicts like this one that are right, so the words follow the odds.
var likelihood = []struct {
	from float64
	word string
}{{0.95, "almost certain"}, {0.85, "very likely"}, {0.65, "likely"}, {0.45, "about even"}, {0.2, "unlikely"}, {math.Inf(-1), "a guess"}}

func confidence(c float64) string {
	if math.IsNaN(c) {
		return "not known"
	}
	for _, l := range likelihood {
		if c >= l.from {
			return l.word + ", " + strconv.FormatFloat(c, 'f', 2, 64)
		}
	}
	return ""
}

const (
	dayLayout    = "2006-01-02"
	secondLayout = "2006-01-02 15:04:05"
)

// moment is a time to the second, UTC.
func moment(t time.Time) string { return t.UTC().Format(secondLayout) }

// period is the time from one moment to another, without repeating the day and, unless asked, without the year; "" when
// neither is known.
func period(from, to time.Time, year bool) string {
	day, second := "01-02", "01-02 15:04:05"
	if year {
		day, second = dayLayout, secondLayout
	}
	from, to = from.UTC(), to.UTC()
	switch {
	case from.IsZero() && to.IsZero():
		return ""
	case from.IsZero():
		return "until " + to.Format(second)
	case to.IsZero() || to.Sub(from) < time.Second:
		return from.Format(second)
	case from.Format(dayLayout) == to.Format(dayLayout):
		return from.Format(second) + " to " + to.Format("15:04:05")
	}
	return from.Format(day+" 15:04") + " to " + to.Format(day+" 15:04")
}

// oneYear is the year of all the known times, which can then be said once; 0 = there are several, or none.
func oneYear(times []time.Time) int {
	year := 0
	for _, t := range times {
		switch y := t.UTC().Year(); {
		case t.IsZero() || y == year:
		case year != 0:
			return 0
		default:
			year = y
		}
	}
	return year
}

// days is a period short enough for a table: "04-20 09:12-09:17", "03-11 to 04-20"; years only where they differ or are asked for.
func days(from, to time.Time, year bool) string {
	if from.IsZero() {
		from = to
	}
	if to.IsZero() {
		to = from
	}
	from, to = from.UTC(), to.UTC()
	switch {
	case from.IsZero():
		return ""
	case year || from.Year() != to.Year():
		return from.Format(dayLayout) + " to " + to.Format(dayLayout)
	case from.YearDay() != to.YearDay():
		return from.Format("01-02") + " to " + to.Format("01-02")
	case from.Format("15:04") == to.Format("15:04"):
		return from.Format("01-02 15:04:05")
	}
	return from.Format("01-02 15:04") + "-" + to.Format("15:04")
}
