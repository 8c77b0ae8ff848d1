package rules

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"culprit/correlate"
	"culprit/parsers"
)

var updateEdits = flag.Bool("update-edits", false, "write the goldens of testdata/edits anew")

// edits are the changes that are held against testdata/edits: NAME/before, NAME/after, NAME/diff.
var edits = map[string]struct {
	file string
	ch   change
}{
	"redis-in-place":         {"etc/redis/redis.conf", setRedis("maxmemory", "2200mb")},
	"redis-template":         {"etc/redis/redis.conf", setRedis("maxmemory", "2200mb")},
	"redis-append":           {"etc/redis/redis.conf", setRedis("maxmemory", "2200mb")},
	"redis-no-newline":       {"redis.conf", setRedis("maxmemory-policy", "allkeys-lru")},
	"redis-crlf":             {"redis.conf", setRedis("maxmemory", "512mb")},
	"redis-secret":           {"redis.conf", setRedis("maxmemory", "512mb")},
	"redis-above-secret":     {"redis.conf", setRedis("maxmemory", "512mb")},
	"redis-secret-behind":    {"redis.conf", setRedis("maxmemory", "512mb")},
	"fpm-above-secret":       {"www.conf", setINI("www", "pm.max_children", "20")},
	"redis-empty":            {"redis.conf", setRedis("maxmemory", "512mb")},
	"redis-flags-of-compose": {"docker-compose.yml", setRedis("maxmemory", "350mb")},
	"redis-list-of-compose":  {"docker-compose.yml", setRedis("maxmemory", "350mb")},
	"redis-save":             {"redis.conf", setSave("3600", "1")},
	"redis-buffers":          {"redis.conf", boundBuffers},
	"fpm-pool":               {"etc/php/8.2/fpm/pool.d/www.conf", setINI("www", "pm.max_children", "20")},
	"fpm-template":           {"www.conf", setINI("www", "pm.max_requests", "500")},
	"mysql-in-place":         {"50-server.cnf", setINI("mysqld", "innodb_buffer_pool_size", "1200M")},
	"mysql-second-section":   {"50-server.cnf", setINI("mysqld", "innodb_buffer_pool_size", "1200M")},
	"mysql-new-section":      {"my.cnf", setINI("mysqld", "innodb_buffer_pool_size", "1200M")},
	"systemd-limit":          {"override.conf", setINI("Service", "MemoryMax", "768M")},
	"sysctl":                 {"60-redis.conf", setINI("", "vm.overcommit_memory", "1")},
}

func TestEdits(t *testing.T) {
	for name, e := range edits {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join("..", "testdata", "edits", name)
			before, err := os.ReadFile(filepath.Join(dir, "before"))
			if err != nil {
				t.Fatal(err)
			}
			ed := newEditor(before)
			e.ch(ed)
			after, diff := ed.text(), ed.diff(e.file)
			if *updateEdits {
				os.WriteFile(filepath.Join(dir, "after"), after, 0o644)
				os.WriteFile(filepath.Join(dir, "diff"), []byte(diff), 0o644)
			}
			for file, got := range map[string][]byte{"after": after, "diff": []byte(diff)} {
				if want, _ := os.ReadFile(filepath.Join(dir, file)); !bytes.Equal(got, want) {
					t.Errorf("%s is\n%s\nwant\n%s", file, got, want)
				}
			}
			if twice, edited := e.ch.apply(after); edited || !bytes.Equal(twice, after) {
				t.Errorf("applied twice it changes more:\n%s", twice)
			}
			patchApplies(t, e.file, before, after, diff)
		})
	}
}

// TestChangeAboveSecret: where a line must change in place directly above a secret, the hunk ends without context, and the fix
// says by which option git takes that.
func TestChangeAboveSecret(t *testing.T) {
	text := "<?php\nreturn [\n    'driver' => 'redis', 'connection' => env('REDIS'),\n    'lifetime' => 0,\n    'password' => 'not-to-be-quoted',\n];\n"
	c := caseOf(t, map[string]string{"session.php": text})
	fixes, _ := c.settingFixes(Fix{}, sessionStore{ttl: 2 * time.Hour})
	if len(fixes) != 1 || !strings.Contains(fixes[0].Text, "git apply -C1") || strings.Contains(fixes[0].Diff, "quoted") {
		t.Fatalf("%+v", fixes)
	}
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed")
	}
	dir := t.TempDir()
	os.WriteFile(filepath.Join(dir, "session.php"), []byte(text), 0o644)
	cmd := exec.Command("git", "apply", "-C1", "-")
	cmd.Dir, cmd.Stdin = dir, strings.NewReader(fixes[0].Diff)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s\n%s", err, out, fixes[0].Diff)
	}
	if got, _ := os.ReadFile(filepath.Join(dir, "session.php")); !strings.Contains(string(got), "'lifetime' => 120,\n    'password'") {
		t.Errorf("made\n%s", got)
	}
}

// patchApplies puts the diff to git and to patch, and their results against after.
func patchApplies(t *testing.T, file string, before, after []byte, diff string) {
	t.Helper()
	for _, tool := range [][]string{{"git", "apply", "-"}, {"patch", "-p1", "-s"}} {
		if _, err := exec.LookPath(tool[0]); err != nil {
			t.Logf("%s is not installed: not tried", tool[0])
			continue
		}
		dir := t.TempDir()
		path := filepath.Join(dir, patchName(file))
		os.MkdirAll(filepath.Dir(path), 0o755)
		os.WriteFile(path, before, 0o644)
		cmd := exec.Command(tool[0], tool[1:]...)
		cmd.Dir, cmd.Stdin = dir, strings.NewReader(diff)
		if tool[0] == "patch" {
			cmd.Args = append(cmd.Args, "--binary")
		}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v: %v\n%s\n%s", tool, err, out, diff)
			continue
		}
		if got, _ := os.ReadFile(path); !bytes.Equal(got, after) {
			t.Errorf("%v made\n%q\nwant\n%q", tool, got, after)
		}
	}
}

// TestMakersOnNothing: a maker is asked whatever the input lacks, and still answers with something to do.
func TestMakersOnNothing(t *testing.T) {
	c := Open(correlate.NewTimeline().Incident(time.Unix(0, 0), correlate.Options{}))
	for _, m := range FixMakers() {
		fixes := c.FixesFor(m.ID, Hypothesis{})
		if len(fixes) == 0 {
			t.Errorf("%s makes nothing", m.ID)
		}
		for _, f := range fixes {
			if f.ID != m.ID || f.Title == "" || f.Text == "" && f.Diff == "" {
				t.Errorf("%s: %+v", m.ID, f)
			}
			if m.Doc == "" {
				t.Errorf("%s has no doc", m.ID)
			}
		}
	}
}

// TestRedisBoots starts a real server with every edited redis.conf and asks it for what the edit set.
func TestRedisBoots(t *testing.T) {
	server, err := exec.LookPath("redis-server")
	if err != nil {
		t.Skip("redis-server is not installed")
	}
	for _, c := range []struct{ edit, option, want string }{
		{"redis-in-place", "maxmemory", "2306867200"},
		{"redis-template", "maxmemory", "2306867200"},
		{"redis-append", "maxmemory", "2306867200"},
		{"redis-no-newline", "maxmemory-policy", "allkeys-lru"},
		{"redis-save", "save", "3600 1"},
		{"redis-buffers", "client-output-buffer-limit", "normal 67108864 16777216 60 slave 268435456 67108864 60 pubsub 33554432 8388608 60"},
	} {
		t.Run(c.edit, func(t *testing.T) {
			conf, err := os.ReadFile(filepath.Join("..", "testdata", "edits", c.edit, "after"))
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			sock := filepath.Join(dir, "s")
			// The test's own place and nothing on the network; what the edit set stays as it stands in the file.
			conf = append(conf, fmt.Sprintf("\nport 0\nunixsocket %s\ndir %s\ndaemonize no\nlogfile \"\"\npidfile %s/pid\n", sock, dir, dir)...)
			path := filepath.Join(dir, "redis.conf")
			os.WriteFile(path, conf, 0o600)
			cmd := exec.Command(server, path)
			var log bytes.Buffer
			cmd.Stdout, cmd.Stderr = &log, &log
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			defer func() { cmd.Process.Kill(); cmd.Wait() }()
			var conn net.Conn
			for range 100 {
				if conn, err = net.Dial("unix", sock); err == nil {
					break
				}
				time.Sleep(50 * time.Millisecond)
			}
			if conn == nil {
				t.Fatalf("no redis-server: %v\n%s", err, log.Bytes())
			}
			defer conn.Close()
			conn.SetDeadline(time.Now().Add(10 * time.Second))
			fmt.Fprintf(conn, "CONFIG GET %s\r\nQUIT\r\n", c.option)
			reply, _ := io.ReadAll(conn)
			if !strings.Contains(string(reply), "\r\n"+c.want+"\r\n") {
				t.Errorf("CONFIG GET %s = %q, want %s", c.option, reply, c.want)
			}
		})
	}
}

// caseOf opens a case of configuration files alone.
func caseOf(t *testing.T, files map[string]string) *Case {
	t.Helper()
	tl := correlate.NewTimeline()
	for file, text := range files {
		p, ok := parsers.Detect(file, []byte(text))
		if !ok {
			t.Fatalf("%s is not recognised", file)
		}
		src := &parsers.Source{Name: file, R: strings.NewReader(text)}
		if err := parsers.Read(p, src, tl.Add); err != nil {
			t.Fatal(err)
		}
		tl.AddInput(correlate.Input{File: file, Format: p.Name})
	}
	return Open(tl.Incident(time.Unix(0, 0), correlate.Options{}))
}

func TestNginxLimits(t *testing.T) {
	targets := []target{
		{group: &correlate.Group{Kind: correlate.CrawlerGroup, Name: "Googlebot", Members: []correlate.Member{{Addr: "192.0.2.1", Agent: "Googlebot/2.1"}, {Addr: "192.0.2.2", Agent: "Googlebot/2.1"}}}, key: "googlebot", agent: "~*Googlebot", rate: 2, each: 1},
		{group: &correlate.Group{Kind: correlate.CrawlerGroup, Name: `odd "bot" {1}`, Members: []correlate.Member{{Addr: "192.0.2.3"}}}, key: "odd-bot-1", agent: `~*odd "bot" \{1\}`, rate: 7, each: 7},
	}
	nets := []target{
		{group: &correlate.Group{Kind: correlate.NetworkGroup, Name: "203.0.113.0/24", Members: []correlate.Member{{Addr: "203.0.113.9"}, {Addr: "203.0.113.8"}}}, key: "net-203-0-113-0-24", nets: []string{"203.0.113.0/24"}, rate: 3, each: 2},
		{group: &correlate.Group{Kind: correlate.CrawlerGroup, Name: "bingbot", Members: []correlate.Member{{Addr: "10.0.0.7", Agent: "bingbot"}}}, key: "claims-bingbot", nets: []string{"10.0.0.7"}, agent: "~*bingbot", rate: 1, each: 1},
	}
	files, err := filepath.Glob(filepath.Join("..", "testdata", "edits", "nginx", "*.conf"))
	if err != nil || len(files) == 0 {
		t.Fatal("no nginx files to edit", err)
	}
	for _, path := range files {
		name := filepath.Base(path)
		t.Run(name, func(t *testing.T) {
			before, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			c := caseOf(t, map[string]string{name: string(before)})
			p, ok := c.findNginx()
			if name == "oneline.conf" {
				if ok {
					t.Error("a server on one line has no place to insert lines")
				}
				return
			}
			if !ok {
				t.Fatal("no place for a limit")
			}
			lines := strings.Split(string(before), "\n")
			one := limitsChange(p, c.writeLimits("nginx-bot-limit", targets), lines)
			two := limitsChange(p, c.writeLimits("nginx-limit-req", nets), lines)
			e := newEditor(before)
			one(e)
			after := e.text()
			golden := strings.TrimSuffix(path, ".conf") + ".after"
			if *updateEdits {
				os.WriteFile(golden, after, 0o644)
			}
			if want, _ := os.ReadFile(golden); !bytes.Equal(after, want) {
				t.Errorf("made\n%s\nwant\n%s", after, want)
			}
			if twice, edited := one.apply(after); edited {
				t.Errorf("applied twice it changes more:\n%s", twice)
			}
			patchApplies(t, name, before, after, e.diff(name))
			both, _ := two.apply(after)
			nginxAccepts(t, name, after)
			nginxAccepts(t, name, both)
		})
	}
}

// A ban needs the name and the address together, leaves everybody else alone, and is what nginx takes.
func TestForgersBan(t *testing.T) {
	forgers := []*correlate.Group{
		{Kind: correlate.CrawlerGroup, Name: "Googlebot", Members: []correlate.Member{{Addr: "192.0.2.1", Agent: "Mozilla/5.0 (compatible; Googlebot/2.1)"}, {Addr: "2001:db8::7", Agent: "Mozilla/5.0 (compatible; Googlebot/2.1)"}}},
		{Kind: correlate.CrawlerGroup, Name: "odd {1}", Members: []correlate.Member{{Addr: "192.0.2.3", Agent: `odd "bot" {1}`}}},
	}
	before, err := os.ReadFile(filepath.Join("..", "testdata", "incidents", "tea-shop", "etc", "nginx", "sites-available", "shop.conf"))
	if err != nil {
		t.Fatal(err)
	}
	c := caseOf(t, map[string]string{"shop.conf": string(before)})
	p, ok := c.findNginx()
	if !ok {
		t.Fatal("no place for a ban")
	}
	ch := limitsChange(p, forgersBlock(forgers), strings.Split(string(before), "\n"))
	e := newEditor(before)
	ch(e)
	after := e.text()
	if twice, edited := ch.apply(after); edited {
		t.Errorf("applied twice it changes more:\n%s", twice)
	}
	patchApplies(t, "shop.conf", before, after, e.diff("shop.conf"))
	nginxAccepts(t, "shop.conf", after)
	gate := caseOf(t, map[string]string{"shop.conf": string(after)}).GateOf()
	if len(gate.Problems) > 0 {
		t.Error(gate.Problems)
	}
	for _, r := range []struct {
		addr, agent string
		refused     bool
	}{
		{"192.0.2.1", "Mozilla/5.0 (compatible; Googlebot/2.1)", true},
		{"2001:db8::7", "googlebot", true},
		{"192.0.2.1", "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0", false},
		{"192.0.2.9", "Mozilla/5.0 (compatible; Googlebot/2.1)", false},
		{"192.0.2.3", `odd "bot" {1}`, true},
		{"192.0.2.3", "Mozilla/5.0 (compatible; Googlebot/2.1)", false},
	} {
		if got := gate.Refuse(r.addr, r.agent); got != r.refused {
			t.Errorf("%s %q is refused: %v", r.addr, r.agent, got)
		}
	}
}

// nginxAccepts runs nginx -t on a file, by itself or, where it is a site's, inside a plain http{}.
func nginxAccepts(t *testing.T, name string, text []byte) {
	t.Helper()
	nginx, err := exec.LookPath("nginx")
	if err != nil {
		if nginx = "/usr/sbin/nginx"; !slices.ContainsFunc([]string{nginx}, func(p string) bool { _, err := os.Stat(p); return err == nil }) {
			t.Log("nginx is not installed: not tried")
			return
		}
	}
	dir := t.TempDir()
	for _, d := range []string{"logs", "sites", "snippets", "var"} {
		os.MkdirAll(filepath.Join(dir, d), 0o755)
	}
	os.WriteFile(filepath.Join(dir, "snippets/fastcgi-php.conf"), []byte("fastcgi_index index.php;\n"), 0o644)
	os.WriteFile(filepath.Join(dir, "mime.types"), []byte("types { text/html html; }\n"), 0o644)
	conf := string(text)
	if !strings.Contains(conf, "http {") && !strings.Contains(conf, "http\t{") {
		os.WriteFile(filepath.Join(dir, "sites", name), text, 0o644)
		conf = "events {}\nhttp {\n    access_log off;\n    include sites/*.conf;\n}\n"
	}
	conf = "pid var/pid;\nerror_log stderr;\n" + conf
	path := filepath.Join(dir, "nginx.conf")
	os.WriteFile(path, []byte(conf), 0o644)
	if out, err := exec.Command(nginx, "-t", "-q", "-p", dir, "-c", path).CombinedOutput(); err != nil {
		t.Errorf("nginx -t: %v\n%s\n%s", err, out, conf)
	}
}

// TestNoLineOfRedisInYAML: a compose file or a manifest takes flags of Redis, and none of its directives.
func TestNoLineOfRedisInYAML(t *testing.T) {
	for name, ch := range map[string]change{"maxmemory": setRedis("maxmemory", "350mb"), "save": setSave("3600", "1"), "buffers": boundBuffers, "pool": setINI("mysqld", "innodb_buffer_pool_size", "1200M")} {
		e := newEditor([]byte("services:\n  redis:\n    image: redis:7-alpine\n"))
		if ch(e); e.touched() {
			t.Errorf("%s:\n%s", name, e.text())
		}
	}
}

// TestOverlappingRuns: a limit for each run of a job would stop none of the seventy that run at once.
func TestOverlappingRuns(t *testing.T) {
	var kern, tasks strings.Builder
	for i := range 20 {
		fmt.Fprintf(&kern, "2026-03-05T%02d:%02d:01.000001+00:00 app1 CRON[%d]: (www-data) CMD (php /srv/shop/bin/cron run)\n", 13, 30+i, 7000+i)
		fmt.Fprintf(&tasks, "2026-03-05T13:50:30.010000+00:00 app1 kernel: [3545733.260000] [   %d]    33  %d    30000    10240   122880        0             0 php\n", 7000+i, 7000+i)
	}
	kern.WriteString("2026-03-05T13:50:30.000000+00:00 app1 kernel: [3545733.250000] php invoked oom-killer: gfp_mask=0x140cca(GFP_HIGHUSER_MOVABLE|__GFP_COMP), order=0, oom_score_adj=0\n" +
		"2026-03-05T13:50:30.007600+00:00 app1 kernel: [3545733.257600] 262144 pages RAM\n" +
		"2026-03-05T13:50:30.009600+00:00 app1 kernel: [3545733.259600] [  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name\n" + tasks.String() +
		"2026-03-05T13:50:30.010400+00:00 app1 kernel: [3545733.260400] [    700]   113   700    76800    30720   204800        0             0 mysqld\n" +
		"2026-03-05T13:50:30.010800+00:00 app1 kernel: [3545733.260800] oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=/,mems_allowed=0,global_oom,task_memcg=/system.slice/mysql.service,task=mysqld,pid=700,uid=113\n" +
		"2026-03-05T13:50:30.011200+00:00 app1 kernel: [3545733.261200] Out of memory: Killed process 700 (mysqld) total-vm:307200kB, anon-rss:122866kB, file-rss:14kB, shmem-rss:0kB, UID:113 pgtables:200kB oom_score_adj:0\n")
	r := Judge(incidentOf(t, []caseFile{{name: "syslog", text: []byte(kern.String())}}))
	for _, f := range r.Fixes {
		if f.ID == "limit-backup-job" {
			if !strings.Contains(f.Text, "flock -n /run/lock/php.lock") || strings.Contains(f.Text, "MemoryMax") || f.Effect.Prevents != correlate.Pass {
				t.Errorf("%s: %s (%v)", f.Title, f.Text, f.Effect)
			}
			return
		}
	}
	t.Errorf("verdict %s, no fix for the job", r.Verdict.Summary)
}

// TestBudgetBesideAHog: of a Redis that stood still while another program grew, what it held when it was killed is not the room
// that it is to have.
func TestBudgetBesideAHog(t *testing.T) {
	info := ""
	for _, at := range []string{"12:00:00", "13:00:00", "13:50:00"} {
		info += "Thu Mar 05 " + at + " UTC 2026\n# Server\nredis_version:7.0.15\nprocess_id:640\ntcp_port:6379\n# Memory\nused_memory:140000000\nused_memory_rss:146000000\nused_memory_startup:862000\ntotal_system_memory:1073741824\nmaxmemory:0\nmaxmemory_policy:noeviction\n# Keyspace\ndb0:keys=3000,expires=3000,avg_ttl=3600000\n"
	}
	kern := "2026-03-05T13:50:30.000000+00:00 app1 kernel: [3545733.250000] vector invoked oom-killer: gfp_mask=0x140cca(GFP_HIGHUSER_MOVABLE|__GFP_COMP), order=0, oom_score_adj=0\n" +
		"2026-03-05T13:50:30.007600+00:00 app1 kernel: [3545733.257600] 262144 pages RAM\n" +
		"2026-03-05T13:50:30.009600+00:00 app1 kernel: [3545733.259600] [  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name\n" +
		"2026-03-05T13:50:30.010000+00:00 app1 kernel: [3545733.260000] [    640]   112   640    90000    36000   409600        0             0 redis-server\n" +
		"2026-03-05T13:50:30.010400+00:00 app1 kernel: [3545733.260400] [    700]     0   700   256800   190720  1204800        0          -900 vector\n" +
		"2026-03-05T13:50:30.010800+00:00 app1 kernel: [3545733.260800] oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=/,mems_allowed=0,global_oom,task_memcg=/system.slice/redis-server.service,task=redis-server,pid=640,uid=112\n" +
		"2026-03-05T13:50:30.011200+00:00 app1 kernel: [3545733.261200] Out of memory: Killed process 640 (redis-server) total-vm:360000kB, anon-rss:143000kB, file-rss:1000kB, shmem-rss:0kB, UID:112 pgtables:400kB oom_score_adj:0\n"
	r := Judge(incidentOf(t, []caseFile{{name: "redis-info.log", text: []byte(info)}, {name: "kern.log", text: []byte(kern)}}))
	for _, f := range r.Fixes {
		if f.ID == "memory-budget" {
			if strings.Contains(f.Text, "RAM less what Redis held") || !strings.Contains(f.Text, "vector") {
				t.Error(f.Text)
			}
			return
		}
	}
	t.Errorf("verdict %s, no budget", r.Verdict.Summary)
}
