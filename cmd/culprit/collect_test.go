package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"culprit/cmd/internal/collect"
)

// A host of files and commands is taken into a bundle, which is read back: every file as what it is, no secret in it.
func TestCollect(t *testing.T) {
	root := t.TempDir()
	now := time.Now()
	line := fmt.Sprintf("203.0.113.9 - - [%s] \"GET / HTTP/1.1\" 200 612 \"-\" \"Mozilla/5.0\"\n", now.Format("02/Jan/2006:15:04:05 -0700"))
	for name, text := range map[string]string{
		"var/log/nginx/access.log":   strings.Repeat(line, 3),
		"var/log/nginx/access.log.9": line, // long ago
		"var/log/nginx/error.log":    now.Format("2006/01/02 15:04:05") + " [error] 71#71: *5 upstream timed out (110: Connection timed out) while reading response header from upstream, client: 203.0.113.9, server: shop.example.com, request: \"GET / HTTP/1.1\", upstream: \"fastcgi://127.0.0.1:9000\", host: \"shop.example.com\"\n",
		"etc/nginx/nginx.conf":       "events {}\nhttp {\n  server {\n    listen 80;\n    location ~ \\.php$ { fastcgi_param DB_PASSWORD s3cret; fastcgi_pass 127.0.0.1:9000; }\n  }\n}\n",
		"etc/redis/redis.conf":       "port 6379\nmaxmemory 0\nrequirepass s3cret\nsave 900 1\n",
		"etc/php/8.3/fpm/php.ini":    "[Session]\nsession.save_handler = redis\nsession.save_path = \"tcp://127.0.0.1:6379?auth=s3cret\"\n",
		"proc/meminfo":               "MemTotal:        4066884 kB\nMemFree:         1381376 kB\nMemAvailable:    2543616 kB\n",
		"home/someone/private":       "s3cret",
	} {
		file := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	old := now.Add(-30 * 24 * time.Hour)
	os.Chtimes(filepath.Join(root, "var/log/nginx/access.log.9"), old, old)
	host := collect.Bundler{Root: root, Run: func(_ context.Context, name string, _ ...string) ([]byte, error) {
		switch name {
		case "dmesg":
			return []byte("[    0.000000] Linux version 6.1.0-18-amd64 (debian-kernel@lists.debian.org)\n[  812.441220] nginx[811]: segfault at 10 ip 00007f1a2b3c4d5e sp 00007ffd1a2b3c4d error 4 in libc.so.6[7f1a2b3a0000+195000]\n"), nil
		case "ps":
			return []byte("USER         PID %CPU %MEM    VSZ   RSS TTY      STAT START   TIME COMMAND\nredis       1402  6.7 42.0 901232 812340 ?       Ssl  Nov09 241:57 /usr/bin/redis-server 127.0.0.1:6379\nroot 7 0.0 0.1 900 800 ? S Nov09 0:00 worker --password=s3cret\n"), nil
		case "uptime":
			return []byte(" 16:01:30 up 51 days, 15:42,  3 users,  load average: 0.46, 0.67, 0.99\n"), nil
		}
		return nil, errors.New("executable file not found in $PATH")
	}}
	formats := map[string]string{
		"commands/clock.txt": "clock", "commands/dmesg.txt": "kernel", "commands/ps.txt": "ps", "commands/uptime.txt": "clock",
		"etc/nginx/nginx.conf": "nginx-conf", "etc/php/8.3/fpm/php.ini": "php-ini", "etc/redis/redis.conf": "redis-conf",
		"proc/meminfo": "meminfo", "var/log/nginx/access.log": "nginx-access", "var/log/nginx/error.log": "nginx-error",
	}
	args := []string{}
	t.Run("files", func(t *testing.T) { testBundle(t, host, formats, args...) })

	t.Run("redis", func(t *testing.T) {
		server := startTestRedis(t, "--requirepass", "s3cret", "--slowlog-log-slower-than", "0")
		fmt.Fprintf(server.conn, "AUTH s3cret\r\n")
		server.r.ReadString('\n')
		for i := range 50 {
			server.set(fmt.Sprintf("sess:%032x", i*7919), "value-s3cret")
		}
		for name, format := range map[string]string{"info": "redis-info", "config": "redis-config-get", "slowlog": "redis-slowlog", "clients": "redis-clients", "keys": "redis-keys"} {
			formats["commands/redis-"+name+".txt"] = format
		}
		text := testBundle(t, host, formats, "--redis", "redis://:s3cret@"+server.addr)
		if n := strings.Count(text["commands/redis-keys.txt"], "\tstring\t-1\t"); n != 50 {
			t.Errorf("%d keys without TTL in the sample, want 50", n)
		}
		if strings.Contains(text["commands/redis-keys.txt"], fmt.Sprintf("%032x", 49*7919)) {
			t.Error("a session id is in the sample")
		}
	})
}

func testBundle(t *testing.T, host collect.Bundler, formats map[string]string, args ...string) map[string]string {
	t.Helper()
	bundle := filepath.Join(t.TempDir(), "bundle.tar.gz")
	cmd := collectCommand(collecting{bundler: host})
	var out, errs bytes.Buffer
	cmd.SetArgs(append([]string{"-o", bundle}, args...))
	cmd.SetOut(&out)
	cmd.SetErr(&errs)
	if err := cmd.ExecuteContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"took       var/log/nginx/access.log,", `not whole  "commands/timedatectl.txt": timedatectl: executable file not found`} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("not told: %s\n%s", want, out.String())
		}
	}
	text := untar(t, bundle)
	for name, body := range text {
		if strings.Contains(body, "s3cret") {
			t.Errorf("%s holds a secret:\n%s", name, body)
		}
	}
	var report struct {
		Inputs []struct {
			File, Format string
			Skipped      int
			FirstSkipped any `json:"first_skipped"`
		} `json:"inputs"`
	}
	if err := json.Unmarshal([]byte(analyzed(t, bundle)), &report); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, in := range report.Inputs {
		got[strings.TrimPrefix(in.File, bundle+"/")] = in.Format
		if in.Skipped > 0 {
			t.Errorf("%s: %d lines skipped, the first %v", in.File, in.Skipped, in.FirstSkipped)
		}
	}
	if diff := cmp.Diff(formats, got); diff != "" {
		t.Errorf("the bundle's files (-want +got):\n%s", diff)
	}
	cmd = collectCommand(collecting{bundler: host})
	cmd.SetArgs([]string{"-o", bundle})
	cmd.SetOut(io.Discard)
	cmd.SetErr(io.Discard)
	if err := cmd.ExecuteContext(t.Context()); err == nil {
		t.Error("a bundle was written over another")
	}
	return text
}

func untar(t *testing.T, file string) map[string]string {
	t.Helper()
	zr, err := gzip.NewReader(bytes.NewReader(readFile(t, file)))
	if err != nil {
		t.Fatal(err)
	}
	text := map[string]string{}
	for r := tar.NewReader(zr); ; {
		h, err := r.Next()
		if err == io.EOF {
			return text
		}
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		text[h.Name] = string(b)
	}
}
