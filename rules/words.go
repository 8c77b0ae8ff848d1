package rules

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// bytesIn spells a size the way people say it: three significant figures and a binary unit.
func bytesIn(n int64) string {
	f := float64(n)
	neg := ""
	if f < 0 {
		neg, f = "-", -f
	}
	for _, unit := range []string{"B", "KiB", "MiB", "GiB", "TiB"} {
		if f < 1024 || unit == "TiB" {
			switch {
			case unit == "B":
				return fmt.Sprintf("%s%.0f B", neg, f)
			case f < 10:
				return fmt.Sprintf("%s%.2f %s", neg, f, unit)
			case f < 100:
				return fmt.Sprintf("%s%.1f %s", neg, f, unit)
			}
			return fmt.Sprintf("%s%.0f %s", neg, f, unit)
		}
		f /= 1024
	}
	return ""
}

// count spells a number with thousands separators.
func count[T int | int64 | float64](n T) string {
	s := strconv.FormatInt(int64(n), 10)
	neg := strings.HasPrefix(s, "-")
	s = strings.TrimPrefix(s, "-")
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	if neg {
		s = "-" + s
	}
	return s
}

// percent spells a share: 0.9997 must not read as 100 %.
func percent(f float64) string {
	p := f * 100
	switch {
	case p > 99 && p < 100:
		return fmt.Sprintf("%.2f %%", min(p, 99.99))
	case p > 0 && p < 1:
		return fmt.Sprintf("%.2f %%", p)
	case p < 10 && p != float64(int(p)):
		return fmt.Sprintf("%.1f %%", p)
	}
	return fmt.Sprintf("%.0f %%", p)
}

// spell says a duration in its two largest units.
func spell(d time.Duration) string {
	d = d.Abs()
	days := int(d / (24 * time.Hour))
	h := int(d/time.Hour) % 24
	m := int(d/time.Minute) % 60
	s := int(d/time.Second) % 60
	switch {
	case days >= 10:
		return fmt.Sprintf("%d days", days)
	case days > 0 && h > 0:
		return fmt.Sprintf("%d d %d h", days, h)
	case days > 0:
		return fmt.Sprintf("%d d", days)
	case h > 0 && m > 0:
		return fmt.Sprintf("%d h %d min", h, m)
	case h > 0:
		return fmt.Sprintf("%d h", h)
	case m > 0 && s > 0:
		return fmt.Sprintf("%d min %d s", m, s)
	case m > 0:
		return fmt.Sprintf("%d min", m)
	}
	return fmt.Sprintf("%d s", s)
}

// clockTime is how a verdict names an instant.
func clockTime(t time.Time) string {
	if t.IsZero() {
		return "an unknown time"
	}
	return t.UTC().Format("2006-01-02 15:04:05 UTC")
}
