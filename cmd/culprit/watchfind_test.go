package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"culprit/cmd/internal/collect"
)

// startWatchOn is startWatch on another host, which has no kernel log.
func startWatchOn(ctx context.Context, host *collect.Host, args ...string) *watched {
	w := &watched{wrote: make(chan struct{}, 1), done: make(chan struct{})}
	go func() {
		defer close(w.done)
		cmd := watchCommand(watching{recordMax: 1 << 20, host: host, kmsgFile: filepath.Join(host.Root, "dev/kmsg")}, &w.code)
		cmd.SetArgs(append([]string{"--json", "--every", "50ms", "--ask", "50ms", "--metrics", ":0"}, args...))
		cmd.SetIn(strings.NewReader(""))
		cmd.SetOut(w)
		cmd.SetErr(&w.stderr)
		cmd.SilenceErrors, cmd.SilenceUsage = true, true
		if err := cmd.ExecuteContext(ctx); err != nil {
			fmt.Fprintln(&w.stderr, err)
			w.code = exitUsage
		}
	}()
	return w
}

const pipedFormat = `'$remote_addr|$time_iso8601|$status|$body_bytes_sent|"$request"|"$http_referer"|"$http_user_agent"'`

func pipedLine(n int) string {
	return fmt.Sprintf("203.0.113.%d|%s|200|5120|\"GET /product/%d HTTP/1.1\"|\"-\"|\"Mozilla/5.0 (compatible; ExampleBot/1.0)\"\n", n%7+1, time.Now().Format(time.RFC3339), n)
}

// hostOf makes files below a folder, and a host whose nginx has that configuration.
func nginxHost(t *testing.T, conf string, files ...string) *collect.Host {
	t.Helper()
	root := t.TempDir()
	for _, name := range append(files, "etc/nginx/nginx.conf") {
		full := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		text := ""
		if strings.HasSuffix(name, ".conf") {
			text = conf
		}
		if err := os.WriteFile(full, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return &collect.Host{Root: root, Processes: func(context.Context) []collect.Proc {
		return []collect.Proc{{PID: 812, Name: "nginx", Command: "nginx: master process /usr/sbin/nginx"}}
	}}
}

func addLines(t *testing.T, file string, n int) {
	t.Helper()
	log, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY|os.O_CREATE, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	for i := range n {
		if _, err := log.WriteString(pipedLine(i)); err != nil {
			t.Fatal(err)
		}
	}
}

// read waits until so many lines of a file were read, by the metrics.
func (w *watched) read(t *testing.T, file string, lines int) {
	t.Helper()
	url := strings.TrimPrefix(w.event(t, "started", "metrics at")["text"].(string), "metrics at ")
	want := regexp.MustCompile(fmt.Sprintf(`culprit_source_lines_total\{source="[^"]*%s",[^}]*\} %d\n`, regexp.QuoteMeta(file), lines))
	var body []byte
	for deadline := time.Now().Add(time.Minute); !want.Match(body); {
		if time.Now().After(deadline) {
			t.Fatalf("%s: never %d lines:\n%s", file, lines, body)
		}
		resp, err := http.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		body, _ = io.ReadAll(resp.Body)
		resp.Body.Close()
	}
}

// readAs is what became of a recording's input.
func readAs(t *testing.T, rec, says string) (format string, read, skipped int) {
	t.Helper()
	var report struct {
		Inputs []struct {
			File, Format  string
			Read, Skipped int
		}
	}
	if err := json.Unmarshal([]byte(analyzed(t, rec)), &report); err != nil {
		t.Fatal(err)
	}
	for _, in := range report.Inputs {
		if strings.Contains(in.File, says) {
			return in.Format, in.Read, in.Skipped
		}
	}
	t.Fatalf("no %s in %+v", says, report.Inputs)
	return
}

// Told nothing, the watch finds the running nginx, its logs and how they are written, says so, and records its
// configuration, so that the recording is read the same way.
func TestWatchFinds(t *testing.T) {
	host := nginxHost(t, "http {\n  log_format piped "+pipedFormat+";\n  access_log /var/log/shop.log piped;\n  error_log /var/log/late.log;\n}\n", "var/log/shop.log")
	rec := filepath.Join(t.TempDir(), "rec")
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	w := startWatchOn(ctx, host, "--record", rec)
	w.event(t, "found", "/etc/nginx/nginx.conf:3, nginx, pid 812")
	w.event(t, "missing", "none runs here: name one with --redis")
	w.event(t, "missing", "kernel log")
	w.event(t, "started", "etc/nginx/nginx.conf")
	addLines(t, filepath.Join(host.Root, "var/log/shop.log"), 200)
	w.read(t, "shop.log", 200)
	w.read(t, "nginx.conf", 5)
	w.event(t, "source", "late.log")
	stop()
	<-w.done
	if w.code != exitOK {
		t.Fatalf("exit code %d: %s", w.code, w.stderr.String())
	}
	if format, read, skipped := readAs(t, rec, "shop.log"); format != "nginx-access" || read != 200 || skipped != 0 {
		t.Errorf("recorded as %s, %d read, %d skipped", format, read, skipped)
	}
	if format, _, _ := readAs(t, rec, "nginx.conf"); format != "nginx-conf" {
		t.Errorf("the configuration is recorded as %s", format)
	}

	// A later run goes on in the same recording and does not put the configuration there twice.
	ctx, stop = context.WithCancel(t.Context())
	defer stop()
	w = startWatchOn(ctx, host, "--record", rec)
	addLines(t, filepath.Join(host.Root, "var/log/shop.log"), 100)
	w.read(t, "shop.log", 300)
	stop()
	<-w.done
	w.event(t, "ended", "300 requests")
	if _, read, _ := readAs(t, rec, "nginx.conf"); read != 5 {
		t.Errorf("%d lines of configuration, want 5", read)
	}
}

// --nginx-conf tells how a log that is named is written; alone, it names the logs.
func TestWatchNginxConf(t *testing.T) {
	host := nginxHost(t, "http { access_log /var/log/other.log; }\n")
	dir := t.TempDir()
	conf := filepath.Join(dir, "my.conf")
	text := "http {\n  log_format piped " + pipedFormat + ";\n  access_log " + filepath.Join(dir, "shop.log") + " piped;\n}\n"
	if err := os.WriteFile(conf, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	host.Root = "/"
	for _, args := range [][]string{{"--nginx-conf", conf}, {"--nginx-conf", conf, "--access-log", filepath.Join(dir, "copy.log")}} {
		log := filepath.Join(dir, "shop.log")
		if len(args) > 2 {
			log = args[3]
		}
		addLines(t, log, 50)
		rec := filepath.Join(t.TempDir(), "rec")
		ctx, stop := context.WithCancel(t.Context())
		w := startWatchOn(ctx, host, append(args, "--record", rec)...)
		w.read(t, filepath.Base(log), 50)
		stop()
		<-w.done
		if strings.Contains(w.out.String(), "other.log") {
			t.Errorf("%v: the running nginx is asked all the same:\n%s", args, w.out.String())
		}
		if _, read, skipped := readAs(t, rec, filepath.Base(log)); read != 50 || skipped != 0 {
			t.Errorf("%v: %d read, %d skipped", args, read, skipped)
		}
	}
}

// Where there is nothing, it says what it looked for.
func TestWatchFindsNothing(t *testing.T) {
	host := &collect.Host{Root: t.TempDir(), Processes: func(context.Context) []collect.Proc { return nil }}
	w := startWatchOn(t.Context(), host)
	<-w.done
	for _, want := range []string{"nothing to watch was found", "nginx: none runs here", "Redis: none runs here", "kernel log"} {
		if w.code != exitUsage || !strings.Contains(w.stderr.String(), want) {
			t.Errorf("exit code %d, no %q in: %s", w.code, want, w.stderr.String())
		}
	}
}

func TestWithPassword(t *testing.T) {
	f := func(to, password, want string) {
		t.Helper()
		if got := withPassword(to, password); got != want {
			t.Errorf("%s with %q: %s, want %s", to, password, got, want)
		}
	}
	f("redis://127.0.0.1:6379", "", "redis://127.0.0.1:6379")
	f("redis://127.0.0.1:6379", "p@ss", "redis://:p%40ss@127.0.0.1:6379")
	f("redis://culprit@127.0.0.1:6379/1", "x", "redis://culprit:x@127.0.0.1:6379/1")
	f("redis://:own@127.0.0.1:6379", "x", "redis://:own@127.0.0.1:6379")
	f("unix:///run/redis.sock", "x", "unix://:x@/run/redis.sock")
	f("redis+sentinel://192.0.2.1:26379,192.0.2.2:26379/shop", "x", "redis+sentinel://:x@192.0.2.1:26379,192.0.2.2:26379/shop")
}
