package report

import (
	"testing"
	"time"
)

func TestHumane(t *testing.T) {
	f := func(got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	f(count(0), "0")
	f(count(999), "999")
	f(count(-1234567), "-1,234,567")
	f(size(854), "854 B")
	f(size(1024), "1.0 KiB")
	f(size(7501232*1024), "7.2 GiB")
	f(size(1048575), "1.0 MiB")
	f(size(-2e9), "-1.9 GiB")
	f(size(8e30), "6938893903907.2 EiB")
	f(span(40*time.Millisecond), "40 ms")
	f(span(1500*time.Millisecond), "1.5 s")
	f(span(130*time.Second), "2 min 10 s")
	f(span(940*time.Hour), "39 d 4 h")
	f(span(24*time.Hour+time.Minute), "1 d")
	f(span(-1<<63), "-106,751 d 23 h")
	f(percent(1), "100 %")
	f(percent(0), "0 %")
	f(percent(0.9997), "99.97 %")
	f(percent(0.999999), "99.99 %")
	f(percent(0.3659), "36.6 %")
	f(percent(0.97), "97 %")
	f(percent(0.000001), "<0.01 %")
	f(quantity(45123, "keys"), "45,123 keys")
	f(quantity(5.712, "kB a key"), "5.71 kB a key")
	f(quantity(300, "s"), "5 min")
	f(confidence(0.97), "almost certain, 0.97")
	f(confidence(0.41), "unlikely, 0.41")
	day := time.Date(2026, 4, 20, 1, 12, 34, 0, time.UTC)
	f(period(day, day, true), "2026-04-20 01:12:34")
	f(period(day, day.Add(5*time.Minute), true), "2026-04-20 01:12:34 to 01:17:34")
	f(period(day.AddDate(0, -1, 0), day, true), "2026-03-20 01:12 to 2026-04-20 01:12")
	f(period(day.AddDate(0, -1, 0), day, false), "03-20 01:12 to 04-20 01:12")
	f(period(time.Time{}, time.Time{}, true), "")
	f(days(day, day.Add(5*time.Minute), false), "04-20 01:12-01:17")
	f(days(day.AddDate(0, -1, 0), day, false), "03-20 to 04-20")
	f(days(day.AddDate(-1, 0, 0), day, false), "2025-04-20 to 2026-04-20")
}
