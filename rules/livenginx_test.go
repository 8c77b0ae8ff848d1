package rules

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"culprit/correlate"
)

// TestLiveNginx sends requests through a real nginx with the limits as written, on a socket of its own: browsers pass, and a
// crawler's requests at once pass as the replay's bucket says: the first, the burst, and then no more.
func TestLiveNginx(t *testing.T) {
	nginx := "/usr/sbin/nginx"
	if _, err := os.Stat(nginx); err != nil {
		if nginx, err = exec.LookPath("nginx"); err != nil {
			t.Skip("nginx is not installed")
		}
	}
	dir, err := os.MkdirTemp("", "ng") // t.TempDir is longer than a socket's name may be
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	conf := fmt.Sprintf("daemon off;\nmaster_process off;\npid %[1]s/pid;\nerror_log stderr;\nevents {}\nhttp {\n    access_log off;\n"+
		"    client_body_temp_path %[1]s/b;\n    proxy_temp_path %[1]s/p;\n    fastcgi_temp_path %[1]s/f;\n    uwsgi_temp_path %[1]s/u;\n    scgi_temp_path %[1]s/s;\n"+
		"    server {\n        listen unix:%[1]s/sock;\n        root %[1]s;\n        location / { try_files /index.html =404; }\n    }\n}\n", dir)
	os.WriteFile(filepath.Join(dir, "index.html"), []byte("tea\n"), 0o644)
	c := caseOf(t, map[string]string{"nginx.conf": conf})
	p, ok := c.findNginx()
	if !ok {
		t.Fatal("no place for a limit")
	}
	bot := target{group: &correlate.Group{Kind: correlate.CrawlerGroup, Name: "Googlebot", Members: []correlate.Member{{Addr: "192.0.2.1", Agent: "Googlebot/2.1"}}}, key: "googlebot", agent: "~*Googlebot", rate: 2, each: 2}
	out, _ := limitsChange(p, c.writeLimits("nginx-bot-limit", []target{bot}), strings.Split(conf, "\n")).apply([]byte(conf))
	path := filepath.Join(dir, "nginx.conf")
	os.WriteFile(path, out, 0o644)
	cmd := exec.Command(nginx, "-p", dir, "-c", path)
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { cmd.Process.Kill(); cmd.Wait() }()
	status := func(agent string) int {
		for range 100 {
			conn, err := net.Dial("unix", filepath.Join(dir, "sock"))
			if err != nil {
				time.Sleep(50 * time.Millisecond)
				continue
			}
			defer conn.Close()
			conn.SetDeadline(time.Now().Add(10 * time.Second))
			fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: shop.example.com\r\nUser-Agent: %s\r\nConnection: close\r\n\r\n", agent)
			resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatalf("%v\n%s", err, log.Bytes())
			}
			return resp.StatusCode
		}
		t.Fatalf("no nginx: %s", log.Bytes())
		return 0
	}
	got := map[string]map[int]int{}
	for range 20 {
		for _, agent := range []string{"Mozilla/5.0 (X11) Firefox/140.0", "Mozilla/5.0 (compatible; googleBOT/2.1)"} {
			if got[agent] == nil {
				got[agent] = map[int]int{}
			}
			got[agent][status(agent)]++
		}
	}
	if g := got["Mozilla/5.0 (X11) Firefox/140.0"]; g[200] != 20 {
		t.Errorf("browsers: %v, want 20 x 200", g)
	}
	if g := got["Mozilla/5.0 (compatible; googleBOT/2.1)"]; g[200] != 1+limitBurst || g[429] != 19-limitBurst {
		t.Errorf("the crawler: %v, want %d x 200 and the rest 429", g, 1+limitBurst)
	}
}
