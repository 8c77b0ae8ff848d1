package main

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"culprit/correlate"
	"culprit/parsers"
	"culprit/rules"
)

const teaShopDir = "../../testdata/incidents/tea-shop"

func culprit(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(context.Background(), args, strings.NewReader(""), &out, &errs)
	return code, out.String(), errs.String()
}

// TestFixOfEveryIncident writes the patches of each incident and applies them, in their order, with git and with patch.
func TestFixOfEveryIncident(t *testing.T) {
	incidents, _ := filepath.Glob("../../testdata/incidents/*")
	for _, in := range fewer(incidents) {
		t.Run(filepath.Base(in), func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "out")
			code, _, stderr := culprit(t, "fix", in, "--out", out)
			if code != exitOK {
				t.Fatalf("exit %d: %s", code, stderr)
			}
			apply, err := os.ReadFile(filepath.Join(out, "APPLY.md"))
			if err != nil {
				t.Fatal(err)
			}
			patches, _ := filepath.Glob(filepath.Join(out, "*.patch"))
			trees := map[string]string{"git": copyConfigs(t, in), "patch": copyConfigs(t, in)}
			for _, p := range patches {
				if !strings.Contains(string(apply), filepath.Base(p)) {
					t.Errorf("APPLY.md does not name %s", filepath.Base(p))
				}
				for tool, args := range map[string][]string{"git": {"apply"}, "patch": {"-p1", "-s", "-i"}} {
					if _, err := exec.LookPath(tool); err != nil {
						t.Logf("%s is not installed: not tried", tool)
						continue
					}
					cmd := exec.Command(tool, append(args, p)...)
					cmd.Dir = trees[tool]
					if msg, err := cmd.CombinedOutput(); err != nil {
						t.Errorf("%s %s: %v\n%s", tool, filepath.Base(p), err, msg)
					}
				}
			}
			nginxTakes(t, trees["patch"])
			redisTakes(t, trees["patch"], patches)
			twice(t, in)
		})
	}
}

// copyConfigs copies what patches are for, not the logs.
func copyConfigs(t *testing.T, dir string) string {
	t.Helper()
	to := t.TempDir()
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || strings.Contains(path, "/log/") {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(dir, path)
		dest := filepath.Join(to, rel)
		os.MkdirAll(filepath.Dir(dest), 0o755)
		return os.WriteFile(dest, text, 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
	return to
}

// nginxTakes runs nginx -t on every site of a patched tree, its includes rooted in the tree.
func nginxTakes(t *testing.T, tree string) {
	t.Helper()
	const nginx = "/usr/sbin/nginx"
	if _, err := os.Stat(nginx); err != nil {
		t.Log("nginx is not installed: not tried")
		return
	}
	filepath.WalkDir(tree, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !strings.HasSuffix(path, ".conf") || !strings.Contains(path, "nginx") {
			return err
		}
		dir := t.TempDir()
		for _, d := range []string{"conf.d", "sites-enabled", "modules-enabled", "snippets", "ssl"} {
			os.MkdirAll(filepath.Join(dir, d), 0o755)
		}
		os.WriteFile(filepath.Join(dir, "mime.types"), []byte("types { text/html html; }\n"), 0o644)
		os.WriteFile(filepath.Join(dir, "snippets/fastcgi-php.conf"), []byte("fastcgi_index index.php;\n"), 0o644)
		os.WriteFile(filepath.Join(dir, "fastcgi_params"), nil, 0o644)
		text, _ := os.ReadFile(path)
		conf := strings.NewReplacer("/etc/nginx/", dir+"/", "/var/log/nginx/", dir+"/", "/run/nginx.pid", dir+"/pid", "/var/cache/", dir+"/").Replace(string(text))
		// The keys are not in the input: TLS is left out, all else stays.
		conf = regexp.MustCompile(`(?m)^\s*ssl_certificate.*\n`).ReplaceAllString(conf, "")
		conf = regexp.MustCompile(`(listen [^;\n]*?) ssl( http2)?`).ReplaceAllString(conf, "$1")
		if !strings.Contains(conf, "http {") {
			conf = "events {}\nhttp {\n" + conf + "\n}\n"
		}
		if !strings.Contains(conf, "pid ") {
			conf = "pid " + dir + "/pid;\n" + conf
		}
		main := filepath.Join(dir, "nginx.conf")
		os.WriteFile(main, []byte(conf), 0o644)
		if msg, err := exec.Command(nginx, "-t", "-q", "-p", dir, "-c", main).CombinedOutput(); err != nil {
			t.Errorf("nginx -t %s: %v\n%s", path, err, msg)
		}
		return nil
	})
}

// redisTakes boots a real redis-server with every patched redis.conf, and asks it for what the patches set.
func redisTakes(t *testing.T, tree string, patches []string) {
	server, err := exec.LookPath("redis-server")
	if err != nil {
		t.Log("redis-server is not installed: not tried")
		return
	}
	set := map[string]map[string]string{} // by file: the last value of each directive
	for _, name := range patches {
		diff, _ := os.ReadFile(name)
		files, err := rules.ParsePatch(diff)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, p := range files {
			for _, l := range p.Added() {
				if f := strings.Fields(l); strings.HasSuffix(p.File, "redis.conf") && len(f) == 2 && f[0] != "#" {
					if set[p.File] == nil {
						set[p.File] = map[string]string{}
					}
					set[p.File][f[0]] = f[1]
				}
			}
		}
	}
	for file, want := range set {
		conf, err := os.ReadFile(filepath.Join(tree, file))
		if err != nil {
			t.Fatal(err)
		}
		rdb := bootRedis(t, server, conf)
		for name, value := range want {
			if n, err := parsers.ParseMemory(value); err == nil {
				value = strconv.FormatInt(n, 10)
			}
			if got, err := rdb.ConfigGet(t.Context(), name).Result(); err != nil || got[name] != value {
				t.Errorf("%s: CONFIG GET %s = %v, %v; want %s", file, name, got, err, value)
			}
		}
	}
}

// bootRedis starts a server with a configuration; only its place is the test's, and nothing of it is on the network.
func bootRedis(t *testing.T, server string, conf []byte) *redis.Client {
	t.Helper()
	dir, err := os.MkdirTemp("", "rd") // t.TempDir is longer than a socket's name may be
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	sock := filepath.Join(dir, "s")
	conf = append(conf, fmt.Sprintf("\nport 0\nunixsocket %s\ndir %s\ndaemonize no\nlogfile \"\"\npidfile %s/pid\n", sock, dir, dir)...)
	path := filepath.Join(dir, "redis.conf")
	os.WriteFile(path, conf, 0o600)
	cmd := exec.Command(server, path)
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	rdb := redis.NewClient(&redis.Options{Network: "unix", Addr: sock, DisableIdentity: true, MaxRetries: -1})
	t.Cleanup(func() {
		rdb.Close()
		cmd.Process.Kill()
		cmd.Wait()
		if t.Failed() {
			t.Log(log.String())
		}
	})
	until(t, "redis-server to answer", func() bool {
		err := rdb.Ping(t.Context()).Err()
		return err == nil || strings.HasPrefix(err.Error(), "NOAUTH")
	})
	for _, l := range strings.Split(string(conf), "\n") {
		if f := strings.Fields(l); len(f) == 2 && f[0] == "requirepass" {
			rdb.Do(t.Context(), "AUTH", strings.Trim(f[1], `"`))
		}
	}
	return rdb
}

// twice makes every change of the report on what it has made already: nothing more may change.
func twice(t *testing.T, dir string) {
	inc, _, err := incident(t.Context(), []string{dir}, "", nil, 2, correlate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range rules.Judge(inc).Fixes {
		if f.Effect.Prevents == correlate.Fail && !strings.HasSuffix(f.Title, "(hygiene)") {
			t.Errorf("%s would not have helped, and is not marked as hygiene: %s", f.ID, f.Title)
		}
		if f.Kind != rules.KindPatch {
			continue
		}
		once, err := rules.Apply(inc.Configs[f.Target].Text, f)
		if err != nil {
			t.Fatal(err)
		}
		if again, _ := rules.Apply(once, f); !bytes.Equal(once, again) {
			t.Errorf("%s twice changes more:\n%s", f.ID, rules.DiffOf(once, f))
		}
	}
}

// The author of the tea shop's write-up published a change of his nginx, of his plugin and of his Redis.
const published = `--- a/etc/nginx/sites-available/shop.conf
+++ b/etc/nginx/sites-available/shop.conf
@@ -1,6 +1,6 @@
 map $http_user_agent $bad_bot {
     default 0;
-    ~*(AhrefsBot|SemrushBot|MJ12bot|DotBot) 1;
+    ~*(AhrefsBot|SemrushBot|MJ12bot|DotBot|PetalBot) 1;
 }
 
 server {
--- a/var/www/html/wp-content/plugins/redis-session-manager/class-redis-session.php
+++ b/var/www/html/wp-content/plugins/redis-session-manager/class-redis-session.php
@@ -86,5 +86,5 @@
         $redis = new Redis();
         $redis->connect( '127.0.0.1', 6379 );
         $key = 'wc_session_' . $session_id;
-        $redis->set( $key, $session_data );
+        $redis->setex( $key, 172800, $session_data );
     }
--- a/etc/redis/redis.conf
+++ b/etc/redis/redis.conf
@@ -17,3 +17,5 @@
 rdbchecksum yes
 dbfilename dump.rdb
 dir /var/lib/redis
+maxmemory 2gb
+maxmemory-policy allkeys-lru
`

func TestVerifyThePublishedChange(t *testing.T) {
	patch := filepath.Join(t.TempDir(), "his.patch")
	os.WriteFile(patch, []byte(published), 0o644)
	code, out, stderr := culprit(t, "verify", "--patch", patch, teaShopDir)
	if code != exitOK {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	for _, want := range []string{
		"matches 0 of 34,270",
		"prevents  not alone, by the replay",
		"keys live for 48 h",
		"maxmemory 2gb",
		"maxmemory-policy allkeys-lru",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if n := strings.Count(out, "yes, by the replay"); n < 2 {
		t.Errorf("%d changes would have prevented it, want the TTL and the limit:\n%s", n, out)
	}
}

func TestVerifyRefuses(t *testing.T) {
	for name, c := range map[string]struct{ patch, want string }{
		"outside":     {"--- a/etc/passwd\n+++ b/etc/passwd\n@@ -1 +1 @@\n-a\n+b\n", "not among the configuration"},
		"climbing":    {"--- a/x\n+++ b/../../etc/passwd\n@@ -1 +1 @@\n-a\n+b\n", "does not lie inside the input"},
		"absolute":    {"--- /etc/passwd\n+++ /etc/passwd\n@@ -1 +1 @@\n-a\n+b\n", "does not lie inside the input"},
		"not there":   {"--- a/etc/redis/redis.conf\n+++ b/etc/redis/redis.conf\n@@ -1 +1 @@\n-no such line\n+b\n", `"no such line" is not there`},
		"no diff":     {"maxmemory 2gb\n", "no unified diff"},
		"cut":         {"--- a/etc/redis/redis.conf\n+++ b/etc/redis/redis.conf\n@@ -1,3 +1,3 @@\n-a\n", "ends before its lines do"},
		"hunk header": {"--- a/x\n+++ b/x\n@@ what @@\n", "no hunk header"},
	} {
		t.Run(name, func(t *testing.T) {
			patch := filepath.Join(t.TempDir(), "p")
			os.WriteFile(patch, []byte(c.patch), 0o644)
			code, out, stderr := culprit(t, "verify", "--patch", patch, teaShopDir+"/etc")
			if code != exitUsage || !strings.Contains(out+stderr, c.want) {
				t.Errorf("exit %d, want %d and %q:\n%s%s", code, exitUsage, c.want, out, stderr)
			}
		})
	}
}

func TestFixRefuses(t *testing.T) {
	dir := t.TempDir()
	os.WriteFile(filepath.Join(dir, "mine"), nil, 0o644)
	if code, _, stderr := culprit(t, "fix", teaShopDir+"/etc", "--out", dir); code != exitUsage || !strings.Contains(stderr, "not empty (mine)") {
		t.Errorf("exit %d: %s", code, stderr)
	}
	if code, _, stderr := culprit(t, "fix", teaShopDir+"/etc"); code != exitUsage || !strings.Contains(stderr, "--out DIR") {
		t.Errorf("exit %d: %s", code, stderr)
	}
}
