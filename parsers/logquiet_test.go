package parsers

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// toldBy is all that a reading of a log tells.
func toldBy(log []byte, loud bool) string {
	var out bytes.Buffer
	src := &Source{Name: "log", R: bytes.NewReader(log)}
	l := &logReader{src: src, hosts: map[string]*oomReader{}, loud: loud, emit: func(r Record) {
		b, err := json.Marshal(r)
		fmt.Fprintf(&out, "%s %v %s\n", b, err, r.Raw)
	}}
	err := EachLineAndBlank(src, l.line)
	l.end()
	fmt.Fprintf(&out, "%d read, %d skipped, %v, %v", src.Read, src.Skipped, src.FirstSkipped, err)
	return out.String()
}

// FuzzQuiet holds the passing over of lines to what is read with no line passed over. What follows quiet lines is of
// interest: each file is read between lines that are.
func FuzzQuiet(f *testing.F) {
	for _, kind := range []string{"kernel", "syslog"} {
		files, err := filepath.Glob(filepath.Join(testdata, kind, "*"))
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range files {
			if log, err := os.ReadFile(file); err == nil && !strings.HasSuffix(file, ".golden") {
				f.Add(log)
			}
		}
	}
	for _, lines := range quietLines {
		for _, loud := range loudLines {
			f.Add([]byte(lines[0] + "x: y\n" + lines[1] + loud + "\n" + lines[0] + loud + "\n" + loud + "\n"))
		}
	}
	f.Fuzz(func(t *testing.T, log []byte) {
		if got, want := toldBy(log, false), toldBy(log, true); got != want {
			t.Errorf("%q\n--- lines passed over:\n%s\n--- none:\n%s", log, got, want)
		}
	})
}

// redisToldBy is all that a reading of a Redis log tells.
func redisToldBy(log []byte, loud bool) string {
	var out bytes.Buffer
	src := &Source{Name: "log", R: bytes.NewReader(log)}
	f := &redisLogFold{src: src, texts: knownTexts{}, loud: loud, emit: func(r Record) {
		b, err := json.Marshal(r)
		fmt.Fprintf(&out, "%s %v %s\n", b, err, r.Raw)
	}}
	err := EachLine(src, f.line)
	f.endInfo()
	fmt.Fprintf(&out, "%d read, %d skipped, %v, %v", src.Read, src.Skipped, src.FirstSkipped, err)
	return out.String()
}

// FuzzQuietRedis does for a Redis log what FuzzQuiet does.
func FuzzQuietRedis(f *testing.F) {
	files, err := filepath.Glob(filepath.Join(testdata, "redis-log", "*"))
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		if log, err := os.ReadFile(file); err == nil && !strings.HasSuffix(file, ".golden") {
			f.Add(log)
		}
	}
	for _, head := range [][2]string{
		{"1:M 05 Jan 2026 00:00:00.307 - ", "1:M 05 Jan 2026 00:01:01.999 - "}, {"[19724] 26 Nov 10:45:29.457 * ", "[19724] 26 Nov 10:45:30.000 * "},
		{"18:19:M 10 Dec 2025 18:42:33.089 * ", "18:19:M 10 Dec 2025 18:42:33.090 * "}, {"30 May 10:05:20 . ", "30 May 10:05:21 . "},
		{"1:M 2026-01-05T00:00:00.307Z * ", "1:M 2026-01-05T00:00:01.307Z * "}, {"2026-01-05T00:00:00.3Z 1:M 05 Jan 2026 00:00:00.307 - ", "2026-01-05T00:00:00.3Z 1:M 05 Jan 2026 00:00:02.307 - "},
	} {
		for _, msg := range []string{"DB saved on disk", "0 clients connected (0 slaves), 618932 bytes in use", "  12 clients connected, 99 bytes in use", "DB 0: 5120 keys (12 volatile) in 8192 slots HT.",
			" DB 0: 5120 keys (12 volatile) in 8192 slots HT.", "=== REDIS BUG REPORT START: Cut & paste starting from here ===", "Redis 7.0 crashed by signal: 11", "Accepted 10.0.0.1:7", ""} {
			for _, behind := range []string{"Killed", "------ INFO OUTPUT ------\nused_memory:5", "                Port: 6379", "prose"} {
				f.Add([]byte(head[0] + "Accepted 10.0.0.1:1\n" + head[1] + msg + "\n" + head[0] + "Accepted 10.0.0.1:2\n" + behind + "\n" + head[1] + msg + "\n"))
			}
		}
	}
	f.Fuzz(func(t *testing.T, log []byte) {
		if got, want := redisToldBy(log, false), redisToldBy(log, true); got != want {
			t.Errorf("%q\n--- lines passed over:\n%s\n--- none:\n%s", log, got, want)
		}
	})
}

// quietLines are two stamps of each kind.
var quietLines = [][2]string{
	{"[12345.678901] ", "[12346.000002] "},
	{"[   45.678901] ", "[  146.000002] "},
	{"<4>[   12.345678][ T6736] ", "<4>[   12.345679][ T6736] "},
	{"[Tue Apr 20 09:12:34 2026] ", "[Tue Apr 20 09:59:59 2026] "},
	{"kern  :warn  : 2026-01-21T08:41:30,287197+00:00 ", "kern  :warn  : 2026-01-21T08:41:31,287197+00:00 "},
	{"3,22726,652513349062,-;", "3,22727,652513349063,-;"},
	{"Jan  5 09:12:34 web1 kernel: [12345.678901] ", "Jan  5 09:12:59 web1 kernel: [12345.678901] "},
	{"Jan  5 09:12:34 web1 kernel: ", "Jan  5 09:12:59 web1 kernel: "},
	{"Jan  5 09:12:34 web1 sshd[77]: ", "Jan  5 09:12:59 web1 sshd[7777]: "},
	{"Jan  5 09:12:34 web1 cups: ", "Jan  5 09:12:59 web1 redis-server[9]: "},
	{"Jan  5 09:12:34 sshd[77]: ", "Jan  5 09:12:59 named: "},
	{"2026-02-08T00:40:07.136582+00:00 web1 systemd[1]: ", "2026-02-08T00:40:08.136582+00:00 web1 CRON[1]: "},
	{"2026-02-08T00:40:07.136582+00:00 web1 kernel: ", "2026-02-08T00:40:59.136582+00:00 web1 klogd: "},
	{"[18821.999960] web1 kernel: ", "[18822.999960] web1 sshd[4]: "},
	{"1640958406.123456 web1 kernel: ", "1640958407.123456 web1 kernel: "},
	{"19:46:58 web1 sshd[4]: ", "19:46:59 web1 kernel: "},
	{"<30>1 2026-02-08T00:40:07Z web1 cron 77 - - ", "<30>1 2026-02-08T00:40:08Z web1 kernel - - - "},
	{"> Tue 2026-04-20 09:12:34 UTC web1 kernel: ", "> Tue 2026-04-20 09:12:35 UTC web1 kernel: "},
}

// loudLines are messages that no wrapper may hide, and some that look like one.
var loudLines = []string{
	"Out of memory: Killed process 7 (a) total-vm:9kB, anon-rss:8kB, file-rss:0kB",
	"oom-kill:constraint=CONSTRAINT_NONE,global_oom,task=a,pid=7,uid=0", "a invoked oom-killer: gfp_mask=0x0(), order=0, oom_score_adj=0",
	"Killed process 7 (a)", "oom_reaper: reaped process 7 (a), now anon-rss:0kB", "Mem-Info:", "active_anon:1950211 inactive_anon:4503",
	"free:500 free_pcp:0", "Node 0 Normal free:44120kB min:44988kB", "9000 pages RAM", "[     71]    33    71     5000     4000    49152        0             0 a",
	"[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name", "Task in /a killed as a result of limit of /b", "memory: usage 5kB, limit 5kB, failcnt 1",
	"audit: type=1400 audit(1766620800.123:45678): apparmor", "Linux version 5.15.0-101-generic (a@b)", "a: page allocation failure: order:5", "a[7]: segfault at d9 ip 5",
	"segfault at d9 ip 5", "EXT4-fs error (device vda1): x", "No space left on device", "CPU: 1 PID: 70 Comm: a Not tainted 5.10.0-28-amd64 #1", "Started Redis.",
	"(root) CMD (true)", "[UFW BLOCK] IN=eth0", "x [9.123456] Out of memory: Killed process 7 (a) total-vm:9kB", "x Jan  5 09:12:34 web1 kernel: Mem-Info:",
	"Jan  5 09:12:34 web1 kernel: a", "2026-02-08T00:40:07Z web1 sshd[1]: a", "Tue 2026-04-20 09:12:34 UTC web1 sshd: a", "{\"MESSAGE\":\"Killed process 7 (a)\"}", "&lt;pre&gt;Killed",
	"a#012Killed process 7 (a)", "a\\x0aKilled process 7 (a)", "nf_conntrack: nf_conntrack: table full, dropping packet", "TCP: request_sock_TCP: Possible SYN flooding on port 443. Sending cookies.  Check SNMP counters.",
	"nf_conntrack: table full, dropping packet [9.123456] Killed process 7 (a)", "kern  :warn  : a", "4.000001 is no stamp", "\"message\": \"Killed process 7 (a)\"", "sshd[9]: hello", "web2 sshd[9]: hello", "",
}
