package parsers

import (
	"testing"
	"time"
)

func TestDateLine(t *testing.T) {
	is := func(line, want string, zoned bool, zone string) {
		t.Helper()
		d, ok := dateLine([]byte(line))
		if got := d.Time.Format("2006-01-02T15:04:05.999999999"); !ok || got != want || d.Zoned != zoned || d.Zone != zone {
			t.Errorf("dateLine(%q) = %s %v %q, %v; want %s %v %q", line, got, d.Zoned, d.Zone, ok, want, zoned, zone)
		}
	}
	is("Mon Jun 22 08:32:03 CST 2026", "2026-06-22T08:32:03", false, "CST")
	is("Mon Jun 22 08:32:03 UTC 2026", "2026-06-22T08:32:03", true, "UTC")
	is("Mon Jun 22 08:32:03 PM UTC 2026", "2026-06-22T20:32:03", true, "UTC")
	is("Mon 22 Jun 2026 12:32:03 AM IST", "2026-06-22T00:32:03", false, "IST")
	is("Mo 22. Jun 08:32:03 CEST 2026", "2026-06-22T08:32:03", false, "CEST")
	is("Di 3. Mär 08:32:03 CET 2026", "2026-03-03T08:32:03", false, "CET")
	is("lundi 22 juin 2026, 08:32:03 (UTC+0200)", "2026-06-22T06:32:03", true, "")
	is("mar. 23 juin 2026 08:32:03 CEST", "2026-06-23T08:32:03", false, "CEST")
	is("mar 24 mar 2026, 08:32:03, CET", "2026-03-24T08:32:03", false, "CET")
	is("Пн 22 июн 2026 08:32:03 MSK", "2026-06-22T08:32:03", false, "MSK")
	is("2026年 06月 22日 星期一 08:32:03 CST", "2026-06-22T08:32:03", false, "CST")
	is("2026年 6月 22日 星期一 下午08:32:03 CST", "2026-06-22T20:32:03", false, "CST")
	is("seg 22 jun 2026 08:32:03 -03", "2026-06-22T11:32:03", true, "")
	is("2026-06-22T08:32:03+05:30", "2026-06-22T03:02:03", true, "")
	is("2026-06-22T08:32:03Z", "2026-06-22T08:32:03", true, "UTC")
	is("2026-06-22 08:32:03.123", "2026-06-22T08:32:03.123", false, "")
	is("2026-06-22 08:32:03,500 +0000", "2026-06-22T08:32:03.5", true, "")
	is("== 2026-06-22 08:32:03 ==", "2026-06-22T08:32:03", false, "")
	is("--- snapshot at 2026-06-22T08:32:03-04:00 ---", "2026-06-22T12:32:03", true, "")
	is("[22/Jun/2026:08:32:03 +0200]", "2026-06-22T06:32:03", true, "")
	is("Mon, 22 Jun 2026 08:32:03 GMT", "2026-06-22T08:32:03", true, "UTC")
	is("06/22/2026 08:32:03 PM", "2026-06-22T20:32:03", false, "")
	is("22.06.2026 08:32", "2026-06-22T08:32:00", false, "")
	is("20260622 08:32:03", "2026-06-22T08:32:03", false, "")
	is("1782172862", "2026-06-23T00:01:02", true, "UTC")
	is("### ts=1782172862.25", "2026-06-23T00:01:02.25", true, "UTC")
	is("1782172862123", "2026-06-23T00:01:02.123", true, "UTC")

	for _, line := range []string{
		"", "used_memory:1782172862", "# Memory", "(18:00)   (18:10) crash at 18:11", "05/06/2026 08:32:03", "31 Jun 2026 08:00:00",
		"17131:M 17 Sep 2026 11:36:20.782 * Ready to accept connections whenever the others permit, which they should",
		"uptime_in_seconds 1782172862", "08:32:03", "2026-06-22",
	} {
		if d, ok := dateLine([]byte(line)); ok {
			t.Errorf("dateLine(%q) = %v", line, d)
		}
	}
}

func TestNameTime(t *testing.T) {
	is := func(name, want string, zoned bool) {
		t.Helper()
		d, ok := nameTime(name)
		got := ""
		if ok {
			got = d.Time.Format(time.DateTime)
		}
		if got != want || d.Zoned != zoned {
			t.Errorf("nameTime(%q) = %q %v, want %q %v", name, got, d.Zoned, want, zoned)
		}
	}
	is("logs/redis_info-6379_1784248441.txt", "2026-07-17 00:34:01", true)
	is("info-20261009-173203.txt", "2026-10-09 17:32:03", false)
	is("info_2026-10-09T17:32:03Z.txt", "2026-10-09 17:32:03", true)
	is("20261009_1732.info", "2026-10-09 17:32:00", false)
	is("redis-info.log-20261009", "", false)
	is("redis-info-6379.txt", "", false)
	is("info-20261399-173203.txt", "", false)
}
