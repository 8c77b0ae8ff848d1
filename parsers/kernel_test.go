package parsers

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

func FuzzKernel(f *testing.F) { fuzzParser(f, "kernel") }
func FuzzSyslog(f *testing.F) { fuzzParser(f, "syslog") }

func FuzzHAProxy(f *testing.F) { fuzzParser(f, "haproxy") }

// kills reads a log and tells its OOM records in short: pid/comm/constraint, "-" for a report without victim.
func kills(t *testing.T, log string) string {
	t.Helper()
	var out []string
	p, _ := ByName("kernel")
	err := Read(p, &Source{Name: "log", R: strings.NewReader(log)}, func(r Record) {
		k, ok := r.Fact.(*OOMKill)
		if !ok {
			return
		}
		s := "-"
		if k.VictimPID.OK {
			s = fmt.Sprintf("%d/%s/%s", k.VictimPID.N, k.VictimComm, k.Constraint)
		}
		out = append(out, s)
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(out, " ")
}

func TestOOMKills(t *testing.T) {
	for _, c := range []struct{ name, log, want string }{
		{"one-line kill", "Out of memory: Killed process 7 (a) total-vm:9kB, anon-rss:8kB, file-rss:0kB", "7/a/global"},
		{"two-line kill", "Out of memory: Kill process 7 (a) score 9 or sacrifice child\nKilled process 7 (a) total-vm:9kB, anon-rss:8kB, file-rss:0kB", "7/a/global"},
		{"before 2.6.36", "Out of memory: kill process 7 (a) score 9 or a child\nKilled process 7 (a)", "7/a/global"},
		{"a thread was chosen", "Out of memory: Kill process 8 (a) score 9 or sacrifice child\nKilled process 7 (a) total-vm:9kB, anon-rss:8kB, file-rss:0kB", "7/a/global"},
		{"a child was sacrificed", "Out of memory: Kill process 8 (init) score 9 or sacrifice child\nKilled process 9 (getty) total-vm:9kB, anon-rss:8kB, file-rss:0kB", "9/getty/global"},
		{"told four times", "oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),global_oom,task=a,pid=7,uid=0\n" +
			"Out of memory: Kill process 7 (a) score 9 or sacrifice child\nKilled process 7 (a) total-vm:9kB, anon-rss:8kB, file-rss:0kB\noom_reaper: reaped process 7 (a), now anon-rss:0kB", "7/a/global"},
		{"the summary alone", "[9.000001] oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=0-1,3,cpuset=/,mems_allowed=0-1,3,oom_memcg=/x,task_memcg=/x/y,task=my,task,pid=7,uid=0", "7/my,task/memcg"},
		{"a wrong label", "oom-kill:constraint=CONSTRAINT_NONE,oom_memcg=/x,task_memcg=/x,task=a,pid=7,uid=0\nMemory cgroup out of memory: Killed process 7 (a) total-vm:9kB, anon-rss:8kB", "7/a/memcg"},
		{"an unknown label", "oom-kill:constraint=CONSTRAINT_NEW,task=a,pid=7,uid=0\nKilled process 7 (a) total-vm:9kB, anon-rss:8kB", "7/a/unknown"},
		{"cut in the middle", "[1.000001] oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),oom_memcg=/0,task_memcg=in\n[1.000002] BUG: something else\n" +
			"[1.000003] ,task=a,pid=7,uid=0\n[1.000004] Memory cgroup out of memory: Killed process 7 (a) total-vm:9kB, anon-rss:8kB", "7/a/memcg"},
		{"parentheses in the name", "Out of memory: Killed process 7 ((sd-pam)) total-vm:9kB, anon-rss:8kB, file-rss:0kB", "7/(sd-pam)/global"},
		{"by hand", "kworker/0:0 invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=-1, oom_score_adj=0\nOut of memory: Killed process 7 (a) total-vm:9kB", "7/a/manual"},
		{"told twice at once", "[5.000001] Out of memory: Killed process 7 (a) total-vm:9kB, anon-rss:8kB\n[5.000002] other\n[5.000003] Out of memory: Killed process 7 (a) total-vm:9kB, anon-rss:8kB", "7/a/global"},
		{"the pid again, much later", "[5.000001] Out of memory: Killed process 7 (a) total-vm:9kB, anon-rss:8kB\n[5005.000003] Out of memory: Killed process 7 (a) total-vm:9kB, anon-rss:8kB", "7/a/global 7/a/global"},
		{"a whole report twice", strings.Repeat("[5.000001] b invoked oom-killer: gfp_mask=0x0(), order=0, oom_score_adj=0\n[5.000002] Out of memory: Killed process 7 (a) total-vm:9kB\n", 2), "7/a/global"},
		{"two boots, no stamps", strings.Repeat("b invoked oom-killer: gfp_mask=0x0(), order=0, oom_score_adj=0\nOut of memory: Killed process 7 (a) total-vm:9kB\n", 2), "7/a/global 7/a/global"},
		{"no victim", "[5.000001] b invoked oom-killer: gfp_mask=0x0(), order=0, oom_score_adj=0\n[5.000002] Mem-Info:", "-"},
		{"no victim, told twice", strings.Repeat("[5.000001] b invoked oom-killer: gfp_mask=0x0(), order=0, oom_score_adj=0\n", 2), "-"},
		{"a failed allocation only", "[5.000001] b: page allocation failure: order:5, mode:0xcc0\n[5.000002] Mem-Info:\n[5.000003] active_anon:1 inactive_anon:2", ""},
		{"an exiting victim", "[5.000001] b invoked oom-killer: gfp_mask=0x0(), order=0, oom_score_adj=0\n[5.000002] Out of memory: OOM victim 7 (a) is already exiting. Skip killing the task", "-"},
		{"a user's own words", "May  1 10:00:00 h someone: Out of memory: Killed process 1 (init) total-vm:9kB, anon-rss:8kB", ""},
		{"the other killer", "May  1 10:00:00 h systemd-oomd[7]: Killed /a/b due to memory pressure for /a being 9%", ""},
		{"lost newlines", "Mem-Info:active_anon:1 inactive_anon:2 Free swap  = 0kB Total swap = 9kB Out of memory: Killed process 7 (a) total-vm:9kB, anon-rss:8kB oom_reaper: reaped process 7 (a), now", "7/a/global"},
		{"syslog run together", "May  1 10:00:00 h kernel: Out of memory: Killed process 7 (a) total-vm:9kBMay  1 10:00:01 h kernel: Out of memory: Killed process 8 (b) total-vm:9kB", "7/a/global 8/b/global"},
	} {
		if got := kills(t, c.log); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// TestTaskRowsAreBounded reads a syslog of many hosts whose tables never end.
func TestTaskRowsAreBounded(t *testing.T) {
	var log bytes.Buffer
	for i := range maxRows + 1000 {
		fmt.Fprintf(&log, "Mar 18 10:00:00 h%d kernel: [%d] 0 %d 9 9 4096 0 0 a\n", i%100, i, i)
	}
	rows := 0
	p, _ := ByName("syslog")
	_ = Read(p, &Source{Name: "log", R: &log}, func(r Record) { rows += len(r.Fact.(*OOMKill).Tasks) })
	if rows != maxRows {
		t.Errorf("%d rows kept, want %d", rows, maxRows)
	}
}

// TestOthersLogs keeps lines that look wrapped from passing for a system log.
func TestOthersLogs(t *testing.T) {
	for _, log := range []string{
		"2026-10-18T02:33:12Z release 212: composer install, cache clear\n",
		"2026-02-15T20:58:22+00:00 NOTICE (5): Broke lock for sess_2lf1.  Tried 39 times\n",
		"| 4 | dmesg.log | blames cron because it \"invoked oom-killer\" |\n",
		"[Tue Apr 20 09:12:34.123456 2026] [core:error] [pid 77] [client 203.0.113.9:4711] AH00126: Invalid URI\n",
		"[2026-04-20 09:12:34] production.ERROR: Killed\n",
		"2026-04-20T09:12:34.123456Z 0 [Note] InnoDB: Initializing buffer pool\n",
	} {
		s := sampleLog(NewHead("", []byte(log)))
		if s.kernel() > 0 || s.syslog() > 0 {
			t.Errorf("%q: kernel %d, syslog %d", log, s.kernel(), s.syslog())
		}
	}
}

// TestWrappersAgree reads one report behind every wrapper: the same kill, with the same sizes.
func TestWrappersAgree(t *testing.T) {
	lines := strings.Split(strings.TrimSpace(`
php-fpm invoked oom-killer: gfp_mask=0x140cca(GFP_HIGHUSER_MOVABLE|__GFP_COMP), order=0, oom_score_adj=0
CPU: 1 PID: 70 Comm: php-fpm Not tainted 5.10.0-28-amd64 #1 Debian 5.10.209-2
Mem-Info:
active_anon:1000 inactive_anon:2000 isolated_anon:0
free:500 free_pcp:0 free_cma:0
Free swap  = 4kB
Total swap = 8kB
9000 pages RAM
[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name
[     71]    33    71     5000     4000    49152        0             0 redis-server
oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=/,mems_allowed=0,global_oom,task_memcg=/r,task=redis-server,pid=71,uid=33
Out of memory: Killed process 71 (redis-server) total-vm:20000kB, anon-rss:16000kB, file-rss:0kB, shmem-rss:0kB, UID:33 pgtables:48kB oom_score_adj:0`), "\n")
	escape := strings.NewReplacer("<", "&lt;", ">", "&gt;", `"`, "&quot;")
	for name, wrap := range map[string]func(i int, line string) string{
		"plain":    func(_ int, s string) string { return s + "\n" },
		"raw":      func(i int, s string) string { return fmt.Sprintf("[  100.%06d] %s\n", i, s) },
		"level":    func(i int, s string) string { return fmt.Sprintf("<4>[  100.%06d][ T70] %s\r\n", i, s) },
		"dmesg -T": func(_ int, s string) string { return "[Mi Mär 18 10:00:00 2026] " + s + "\n" },
		"dmesg -x iso": func(i int, s string) string {
			return fmt.Sprintf("kern  :warn  : 2026-03-18T10:00:00,%06d+00:00 %s\n", i, s)
		},
		"together":     func(_ int, s string) string { return "[Wed Mar 18 10:00:00 2026] " + s },
		"together raw": func(i int, s string) string { return fmt.Sprintf("[  100.%06d] %s", i, s) },
		"syslog":       func(i int, s string) string { return fmt.Sprintf("Mar 18 10:00:00 h kernel: [  100.%06d] %s\n", i, s) },
		"iso":          func(_ int, s string) string { return "2026-03-18T10:00:00.123456+01:00 h kernel: " + s + "\n" },
		"monotonic":    func(i int, s string) string { return fmt.Sprintf("[  100.%06d] h kernel: %s\n", i, s) },
		"kmsg":         func(i int, s string) string { return fmt.Sprintf("4,%d,%d,-;%s\n", i, 100000000+i, s) },
		"journal": func(i int, s string) string {
			return fmt.Sprintf(`{"__REALTIME_TIMESTAMP":"%d","_TRANSPORT":"kernel","MESSAGE":%q}`+"\n", 1773828000000000+i, s)
		},
		"json-pretty": func(i int, s string) string {
			return fmt.Sprintf("{\n\t\"__REALTIME_TIMESTAMP\" : \"%d\",\n\t\"MESSAGE\" : %q\n}\n", 1773828000000000+i, s)
		},
		"docker": func(i int, s string) string {
			return fmt.Sprintf(`{"log":%q,"stream":"stdout","time":"2026-03-18T10:00:00.%09dZ"}`+"\n", s+"\n", i)
		},
		"kubectl": func(i int, s string) string {
			return fmt.Sprintf("2026-03-18T10:00:00.%09dZ [  100.%06d] %s\n", i, i, s)
		},
		"mail": func(i int, s string) string { return fmt.Sprintf("> > [  100.%06d] %s\n", i, s) },
		"html": func(i int, s string) string {
			return escape.Replace(fmt.Sprintf("<4>[  100.%06d] %s", i, s)) + "<br/>\n"
		},
		"indented": func(i int, s string) string { return fmt.Sprintf("\t    [  100.%06d] %s\n", i, s) },
	} {
		var log strings.Builder
		for i, line := range lines {
			log.WriteString(wrap(i, line))
		}
		head := []byte(log.String())
		p, ok := Detect("x", head)
		if !ok || p.Name != "kernel" && p.Name != "syslog" {
			t.Errorf("%s: taken for %q", name, p.Name)
			continue
		}
		n := 0
		err := Read(p, &Source{Name: "log", R: bytes.NewReader(head)}, func(r Record) {
			k := r.Fact.(*OOMKill)
			n++
			got := fmt.Sprintf("%d %s %d/%d %s by %s/%d ram %d swap %d/%d anon %d free %d %d tasks %d kernel %s", k.VictimPID.N, k.VictimComm, k.TotalVMKB.N, k.AnonRSSKB.N,
				k.Constraint, k.InvokerComm, k.InvokerPID.N, k.RAMKB.N, k.SwapFreeKB.N, k.SwapTotalKB.N, k.ActiveAnonKB.N, k.FreeKB.N, len(k.Tasks), k.Tasks[0].RSSKB.N, k.Kernel)
			const want = "71 redis-server 20000/16000 global by php-fpm/70 ram 36000 swap 4/8 anon 4000 free 2000 1 tasks 16000 kernel 5.10.0-28-amd64"
			if got != want {
				t.Errorf("%s:\n got %s\nwant %s", name, got, want)
			}
		})
		if err != nil || n != 1 {
			t.Errorf("%s: %d kills, %v", name, n, err)
		}
	}
}
