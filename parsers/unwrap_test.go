package parsers

import (
	"fmt"
	"testing"
	"time"
)

func TestUnwrap(t *testing.T) {
	for _, c := range []struct{ in, time, boot, from, msg string }{
		{"plain words", "", "", "", "plain words"},
		{"[  123.456789] msg", "", "2m3.456789s", "", "msg"},
		{"<4>[   12.5][ T6736] msg", "", "12.5s", "", "msg"},
		{"[   49.902316][    C0] msg", "", "49.902316s", "", "msg"},
		{"[12916]     0 12916 row", "", "", "", "[12916]     0 12916 row"},
		{"[Tue Apr 20 09:12:34 2026] msg", "2026-04-20 09:12:34 local", "", "", "msg"},
		{"[Di Aug 12 03:54:03 2025]  <TASK>", "2025-08-12 03:54:03 local", "", "", " <TASK>"},
		{"[dim. 19 avril 18:03:30 2026] msg", "2026-04-19 18:03:30 local", "", "", "msg"},
		{"[mar. août 4 18:03:30 2026] msg", "2026-08-04 18:03:30 local", "", "", "msg"},
		{"[火 4月 20 09:12:34 2026] msg", "2026-04-20 09:12:34 local", "", "", "msg"},
		{"[Пн апр 20 09:12:34 2026] msg", "2026-04-20 09:12:34 local", "", "", "msg"},
		{"[Apr20 09:12] msg", "0000-04-20 09:12:00 local", "", "", "msg"},
		{"[  +0.000012] msg", "", "", "", "msg"},
		{"kern  :warn  : 2026-01-21T08:41:30,287197+02:00 NVRM: Xid", "2026-01-21 06:41:30.287197 zoned", "", "", "NVRM: Xid"},
		{"kern  :err   : [ 5.000001] msg", "", "5.000001s", "", "msg"},
		{"Dec  9 21:47:11 web1 kernel: [3217913.6] msg#012more", "0000-12-09 21:47:11 local", "893h51m53.6s", "web1 kernel", "msg\nmore"},
		{"Dez 31 13:46:46 web1 systemd[1]: msg", "0000-12-31 13:46:46 local", "", "web1 systemd[1]", "msg"},
		{"Apr 20 2026 09:12:34 web1 app: msg", "2026-04-20 09:12:34 local", "", "web1 app", "msg"},
		{"Oct 16 08:16:34 [  pid  ]   uid", "0000-10-16 08:16:34 local", "", "", "[  pid  ]   uid"},
		{"Oct 16 08:16:34 oom_reaper: reaped process", "0000-10-16 08:16:34 local", "", "", "oom_reaper: reaped process"},
		{"2026-02-08T00:40:07.136582+01:00 web1 CRON[77]: (root) CMD (x)", "2026-02-07 23:40:07.136582 zoned", "", "web1 CRON[77]", "(root) CMD (x)"},
		{"2021-12-31T13:46:46+0000 web1 kernel: msg", "2021-12-31 13:46:46 zoned", "", "web1 kernel", "msg"},
		{"2021-12-31 13:46:46 web1 kernel: msg", "2021-12-31 13:46:46 local", "", "web1 kernel", "msg"},
		{"Tue 2026-04-20 09:12:34 CEST web1 kernel: msg", "2026-04-20 09:12:34 local", "", "web1 kernel", "msg"},
		{"Tue 2026-04-20 09:12:34 UTC web1 kernel: msg", "2026-04-20 09:12:34 zoned", "", "web1 kernel", "msg"},
		{"1640958406.123456 web1 kernel: msg", "2021-12-31 13:46:46.123456 zoned", "", "web1 kernel", "msg"},
		{"[18821.999960] web1 kernel: msg", "", "5h13m41.99996s", "web1 kernel", "msg"},
		{"[   77.740597] systemd-oomd[659]: Killed /x", "", "1m17.740597s", "systemd-oomd[659]", "Killed /x"},
		{"[   77.740597] usb 1-1: new device", "", "1m17.740597s", "", "usb 1-1: new device"},
		{"kernel: [ 8085.099452] msg", "", "2h14m45.099452s", "kernel", "msg"},
		{"\t22:56:24 web1 kernel: msg", "", "", "web1 kernel", "msg"},
		{"3,22726,652513349062,-;msg\\x0amore", "", "181h15m13.349062s", "kernel", "msg\nmore"},
		{"30,7,652513349062,-;systemd[1]: msg", "", "181h15m13.349062s", "systemd[1]", "msg"},
		{"<30>1 2026-02-08T00:40:07Z web1 cron 77 - [a b=\"]\"] msg", "2026-02-08 00:40:07 zoned", "", "web1 cron[77]", "msg"},
		{"<13>Feb  8 00:40:07 web1 cron[77]: msg", "0000-02-08 00:40:07 local", "", "web1 cron[77]", "msg"},
		{`{"log":"[18822.000000] msg\n","stream":"stdout","time":"2021-12-31T13:46:46.000000001Z"}`, "2021-12-31 13:46:46.000000001 zoned", "5h13m42s", "", "msg"},
		{`{"MESSAGE":[109,115,103,10,255],"_HOSTNAME":"web1","SYSLOG_IDENTIFIER":"kernel","__REALTIME_TIMESTAMP":"1640958406000000","_SOURCE_MONOTONIC_TIMESTAMP":"1500000"}`,
			"2021-12-31 13:46:46 zoned", "1.5s", "web1 kernel", "msg\n\xff"},
		{`    "message": "Killed \"x\"",`, "", "", "", `Killed "x"`},
		{"2021-12-31T13:46:46.000000001Z stderr F [1.5] msg", "2021-12-31 13:46:46.000000001 zoned", "1.5s", "", "msg"},
		{"2021-12-31T13:46:46.000000001Z usb 1-1: msg", "2021-12-31 13:46:46.000000001 zoned", "", "", "usb 1-1: msg"},
		{"> > Nov 30 10:16:57 web1 kernel: msg", "0000-11-30 10:16:57 local", "", "web1 kernel", "msg"},
		{"Nov 30 10:16:57 web1 mysqld[9]: 2026-02-08T00:40:07Z 0 [Note]", "0000-11-30 10:16:57 local", "", "web1 mysqld[9]", "2026-02-08T00:40:07Z 0 [Note]"},
	} {
		e := unwrap([]byte(c.in))
		when, boot, from := "", "", ""
		switch e.Clock {
		case ZonedClock:
			when = e.Time.Format("2006-01-02 15:04:05.999999999") + " zoned"
		case LocalClock:
			when = e.Time.Format("2006-01-02 15:04:05.999999999") + " local"
		}
		if e.HasBoot {
			boot = e.SinceBoot.String()
		}
		if len(e.Host) > 0 {
			from = string(e.Host) + " "
		}
		from += string(e.Program)
		if e.PID.OK {
			from += fmt.Sprintf("[%d]", e.PID.N)
		}
		if when != c.time || boot != c.boot || from != c.from || string(e.Msg) != c.msg {
			t.Errorf("unwrap(%q)\n got %q %q %q %q\nwant %q %q %q %q", c.in, when, boot, from, e.Msg, c.time, c.boot, c.from, c.msg)
		}
	}
}

func FuzzUnwrap(f *testing.F) {
	f.Add([]byte("<30>1 2026-02-08T00:40:07Z web1 cron 77 - [a b=\"]\"] msg"))
	f.Add([]byte("3,1,2,-;Dec  9 21:47:11 web1 kernel: [1.5][ T2] x\\x0a#012"))
	f.Fuzz(func(t *testing.T, in []byte) {
		e := unwrap(in)
		if e.Clock == BootClock && !e.HasBoot || e.Clock == NoClock && !e.Time.IsZero() {
			t.Fatalf("%+v", e)
		}
		if e.SinceBoot < 0 || e.Time.After(time.Date(12000, 1, 1, 0, 0, 0, 0, time.UTC)) {
			t.Fatalf("%+v", e)
		}
	})
}
