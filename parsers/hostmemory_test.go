package parsers

import "testing"

func FuzzFree(f *testing.F)    { fuzzParser(f, "free") }
func FuzzMeminfo(f *testing.F) { fuzzParser(f, "meminfo") }

func TestFreeUnit(t *testing.T) {
	f := func(command string, want float64, values ...string) {
		t.Helper()
		if got := freeUnit(command, values); got != want {
			t.Errorf("free %s, Mem: %v: unit %v, want %v", command, values, got, want)
		}
	}
	f("-m", 1<<20, "125", "3")
	f("-g", 1<<30, "503", "3")
	f("", 1<<30, "125", "98", "3")
	f("", 1<<20, "483", "211", "90")
	f("", 1<<20, "96512", "211", "90")
	f("", 1<<10, "501204", "211000", "90412")
	f("", 1<<20, "515861", "211003", "90412")
	f("", 1<<10, "1987432", "612403", "71521")
	f("", 1, "8232599552", "612401152", "71520256")
}

func TestDateStamp(t *testing.T) {
	f := func(in, want string, clock Clock) {
		t.Helper()
		s, ok := dateStamp(in)
		if got := s.t.Format("2006-01-02T15:04:05.999"); !ok || got != want || s.clock() != clock {
			t.Errorf("%q: %v %s clock %d, want %s clock %d", in, ok, got, s.clock(), want, clock)
		}
	}
	f("Sun Oct 18 16:01:30 CEST 2026", "2026-10-18T14:01:30", ZonedClock)
	f("Sat Aug  1 16:07:45 CST 2026", "2026-08-01T16:07:45", LocalClock)
	f("Sat Aug  1 04:07:45 PM UTC 2026", "2026-08-01T16:07:45", ZonedClock)
	f("Sat 01 Aug 2026 12:07:45 AM EDT", "2026-08-01T04:07:45", ZonedClock)
	f("So 18. Okt 16:01:30 CEST 2026", "2026-10-18T14:01:30", ZonedClock)
	f("dim. 18 oct. 2026 16:01:30 CEST", "2026-10-18T14:01:30", ZonedClock)
	f("2026年 10月 18日 星期日 16:01:30 CST", "2026-10-18T16:01:30", LocalClock)
	f("Sun, 18 Oct 2026 16:01:30 +0200", "2026-10-18T14:01:30", ZonedClock)
	f("2026-10-18T16:01:30+02:00", "2026-10-18T14:01:30", ZonedClock)
	f("2026-10-18 16:01:30", "2026-10-18T16:01:30", LocalClock)
	f("2026-10-18 16:01:30 UTC", "2026-10-18T16:01:30", ZonedClock)
	f("Tue Mar  3 10:00:01 -03 2026", "2026-03-03T13:00:01", ZonedClock)
	f("Tue Mar  3 10:00:01 2026", "2026-03-03T10:00:01", LocalClock)
	for _, in := range []string{"", "uptime 3 days", "Mem: 1 2 3", "2026-13-40 10:00:00", "Sun Oct 18 25:01:30 2026", "10:00:00 up 3 days"} {
		if s, ok := dateStamp(in); ok {
			t.Errorf("%q is taken for the date %v", in, s.t)
		}
	}
}

func TestLeadStamp(t *testing.T) {
	f := func(in, want, rest string, clock Clock) {
		t.Helper()
		s, after, ok := leadStamp(in)
		if got := s.t.Format("2006-01-02T15:04:05.999"); !ok || got != want || s.clock() != clock || after != rest {
			t.Errorf("%q: %v %s clock %d rest %q, want %s clock %d rest %q", in, ok, got, s.clock(), after, want, clock, rest)
		}
	}
	f("[18-Apr-2026 07:40:16] WARNING: x", "2026-04-18T07:40:16", "WARNING: x", LocalClock)
	f("[18-Apr-2026 07:40:16 UTC] PHP Fatal", "2026-04-18T07:40:16", "PHP Fatal", ZonedClock)
	f("2026-04-18T07:40:16.123Z release 7", "2026-04-18T07:40:16.123", "release 7", ZonedClock)
	f("2026-04-18 07:40:16,123 INFO x", "2026-04-18T07:40:16.123", "INFO x", LocalClock)
	f("2026-04-18 07:40:16 +0200 deploy", "2026-04-18T05:40:16", "deploy", ZonedClock)
	f("18/Apr/2026:07:40:16 +0200 x", "2026-04-18T05:40:16", "x", ZonedClock)
	f("Apr  8 07:40:16 web1 x", "0000-04-08T07:40:16", "web1 x", LocalClock)
	f("Sat Apr 18 07:40:16 2026 x", "2026-04-18T07:40:16", "x", LocalClock)
	f("260418  7:40:16 InnoDB: x", "2026-04-18T07:40:16", "InnoDB: x", LocalClock)
	f("[2026-04-18T07:40:16.000000+00:00] main.CRITICAL: x", "2026-04-18T07:40:16", "main.CRITICAL: x", ZonedClock)
}
