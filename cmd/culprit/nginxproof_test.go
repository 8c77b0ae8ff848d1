package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"flag"
	"fmt"
	"math"
	"net"
	"net/http"
	"net/http/fcgi"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"culprit/correlate"
	"culprit/rules"
)

// teaShopRequests is how many of the tea shop's requests go through a real nginx: all 34,705 of them take four minutes.
var teaShopRequests = flag.Int("teashop", 500, "how many requests of the tea shop are sent through nginx")

// TestTeaShopOnRealNginx patches the tea shop's site as `culprit fix` says and sends its access log through it, in the log's
// order, from the log's addresses (by X-Real-IP), at the log's pace made faster, with the zones' rates faster by the same
// factor. nginx notes the millisecond at which it asked its zones; the replay is given that time, and must decide as nginx
// did, request by request. What nginx notes is the clock's time and what its zones count is another clock's, each cut to whole
// milliseconds: so a decision counts as the same when it is the replay's for a time within 2 ms. By the log's own times the
// replay must refuse as many, within 2 % and what the zones let through while the sender was late.
func TestTeaShopOnRealNginx(t *testing.T) {
	n := *teaShopRequests
	if testing.Short() {
		n = min(n, 150)
	}
	requests := teaShopLog(t, n)
	site, gate := patchedSite(t, teaShopDir, "etc/nginx/sites-available/shop.conf")
	if len(gate.Limits) == 0 || len(gate.Problems) > 0 {
		t.Fatalf("the patch has no limit, or one that is not understood: %+v", gate)
	}
	const pace = 150 // requests a second
	last := len(requests) - 1
	factor := math.Ceil(requests[last].at.Sub(requests[0].at).Seconds() / float64(len(requests)) * pace)
	site = regexp.MustCompile(`rate=(\d+)r/m`).ReplaceAllStringFunc(site, func(s string) string {
		var n int
		fmt.Sscanf(s, "rate=%dr/m", &n)
		return fmt.Sprintf("rate=%dr/m", n*int(factor))
	})
	scaled := make([]correlate.Limit, len(gate.Limits))
	for i, l := range gate.Limits {
		l.Rate *= factor
		scaled[i] = l
	}
	app := func(w http.ResponseWriter, r *http.Request) { fmt.Fprintln(w, "tea") }
	server := startNginx(t, site, app)

	start := time.Now()
	for i, r := range requests {
		due := time.Duration(float64(r.at.Sub(requests[0].at)) / factor)
		if wait := time.NewTimer(due - time.Since(start)); due > time.Since(start) {
			<-wait.C
		}
		server.get(t, "/product/", map[string]string{"X-Real-IP": r.addr, "User-Agent": r.agent, "X-N": fmt.Sprint(i)})
	}
	asked := server.log(t, len(requests))

	live, simulated := correlate.NewTurnstile(scaled), correlate.NewTurnstile(gate.Limits)
	const clocks = 0.002
	var refused, refusedByLog, people int
	for i, r := range requests {
		a := asked[i]
		if gate.Refuse(r.addr, r.agent) {
			t.Fatalf("request %d of %s is refused by an if: %s", i, r.addr, r.agent)
		}
		passed, same := a.status == http.StatusOK, true
		switch {
		case passed:
			same = live.Pass(a.at, r.addr, r.agent) || live.Pass(a.at+clocks, r.addr, r.agent)
		default:
			same = !live.Would(a.at, r.addr, r.agent) || !live.Would(a.at-clocks, r.addr, r.agent)
		}
		if !same {
			t.Errorf("request %d of %s at %s: nginx %d, the replay has it otherwise", i, r.addr, r.at.Format(time.TimeOnly), a.status)
		}
		if a.status == http.StatusTooManyRequests {
			refused++
		} else if a.status != http.StatusOK {
			t.Fatalf("request %d: status %d", i, a.status)
		}
		if !simulated.Pass(float64(r.at.UnixNano())/1e9, r.addr, r.agent) {
			refusedByLog++
		}
		if !strings.Contains(r.agent, "Googlebot") {
			people++
			if a.status != http.StatusOK {
				t.Errorf("%s was refused with %d: %s", r.addr, a.status, r.agent)
			}
		}
	}
	t.Logf("%d requests, %d of people, %.0f times as fast: nginx refused %d, the replay on the log's times %d", len(requests), people, factor, refused, refusedByLog)
	if people == 0 || refused == 0 {
		t.Errorf("%d requests of people, %d refused: the sample shows nothing", people, refused)
	}
	late := 0.0
	for i, a := range asked {
		late = max(late, math.Abs((a.at-asked[0].at)*factor-requests[i].at.Sub(requests[0].at).Seconds()))
	}
	if math.Abs(float64(refused-refusedByLog)) > 0.02*float64(len(requests))+late*gate.Limits[0].Rate {
		t.Errorf("nginx refused %d, the replay says %d", refused, refusedByLog)
	}
}

// TestEmbedOnRealNginx applies the patch of the embedded routes: repeats do not reach the application, no cookie goes either
// way, and the rest of the site is as it was.
func TestEmbedOnRealNginx(t *testing.T) {
	site, _ := patchedSite(t, "../../testdata/incidents/laravel-embed", "etc/nginx/sites-enabled/app.conf")
	var embeds, pages, cookies atomic.Int64
	n := startNginx(t, site, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Set-Cookie", "app_session=1")
		w.Header().Set("Cache-Control", "no-cache, private")
		if !strings.Contains(r.URL.Path, "embed.js") && !strings.Contains(r.URL.Path, "share.svg") {
			pages.Add(1)
			return
		}
		embeds.Add(1)
		if r.Header.Get("Cookie") != "" {
			cookies.Add(1)
		}
	})
	const times = 20
	for range times {
		for _, path := range []string{"/embed.js", "/shop-one/share.svg", "/shop-two/share.svg"} {
			status, header := n.get(t, path, map[string]string{"Cookie": "app_session=2"})
			if status != http.StatusOK || header.Get("Set-Cookie") != "" {
				t.Fatalf("%s: %d, Set-Cookie %q", path, status, header.Get("Set-Cookie"))
			}
		}
		if status, header := n.get(t, "/tea", nil); status != http.StatusOK || header.Get("Set-Cookie") == "" {
			t.Fatalf("/tea: %d, Set-Cookie %q", status, header.Get("Set-Cookie"))
		}
	}
	if embeds.Load() != 3 || cookies.Load() != 0 || pages.Load() != times {
		t.Errorf("%d embeds reached the application, %d with a cookie, want 3 and 0; %d pages, want %d", embeds.Load(), cookies.Load(), pages.Load(), times)
	}
}

// patchedSite is a site's file with the patches that `culprit fix` makes of it, and the gate that culprit reads from that.
func patchedSite(t *testing.T, dir, file string) (string, correlate.Gate) {
	t.Helper()
	out := filepath.Join(t.TempDir(), "out")
	if code, _, stderr := culprit(t, "fix", dir, "--out", out); code != exitOK {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	text, err := os.ReadFile(filepath.Join(dir, file))
	if err != nil {
		t.Fatal(err)
	}
	changed := false
	names, _ := filepath.Glob(filepath.Join(out, "*.patch"))
	for _, name := range names {
		diff, _ := os.ReadFile(name)
		patches, err := rules.ParsePatch(diff)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, p := range patches {
			if p.File == file {
				changed = true
				if text, err = p.Apply(text); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if !changed {
		t.Fatalf("no patch of %s among %v", file, names)
	}
	tree := t.TempDir()
	os.WriteFile(filepath.Join(tree, "site.conf"), text, 0o644)
	inc, _, err := incident(t.Context(), []string{tree}, "", nil, 1, correlate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return string(text), inc.GateOf()
}

type logged struct {
	at          time.Time
	addr, agent string
}

var combined = regexp.MustCompile(`^(\S+) \S+ \S+ \[([^]]+)\] "[^"]*" \d+ \S+ "[^"]*" "([^"]*)"`)

// teaShopLog is a stretch of the tea shop's access log, of so many requests.
func teaShopLog(t *testing.T, most int) []logged {
	t.Helper()
	var out []logged
	for _, name := range []string{"access.log.3.gz", "access.log.2.gz", "access.log.1.gz"} {
		f, err := os.Open(filepath.Join(teaShopDir, "var/log/nginx", name))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		z, err := gzip.NewReader(f)
		if err != nil {
			t.Fatal(err)
		}
		for lines := bufio.NewScanner(z); lines.Scan(); {
			m := combined.FindStringSubmatch(lines.Text())
			if m == nil {
				t.Fatalf("no access line: %s", lines.Text())
			}
			at, err := time.Parse("02/Jan/2006:15:04:05 -0700", m[2])
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, logged{at, m[1], m[3]})
		}
	}
	// Those among which most are people's.
	best, peak := 0, -1
	people := 0
	for i, r := range out {
		if !strings.Contains(r.agent, "Googlebot") {
			people++
		}
		if i >= most && !strings.Contains(out[i-most].agent, "Googlebot") {
			people--
		}
		if i >= most-1 && people > peak {
			best, peak = i+1-most, people
		}
	}
	return out[best:min(best+most, len(out))]
}

// nginxServer is a real nginx of the test's own, with a site as its only one and a stand-in for PHP-FPM behind it.
type nginxServer struct {
	dir    string
	client *http.Client
}

func startNginx(t *testing.T, site string, app http.HandlerFunc) *nginxServer {
	t.Helper()
	nginx, err := exec.LookPath("nginx")
	if err != nil {
		if nginx = "/usr/sbin/nginx"; exec.Command(nginx, "-v").Run() != nil {
			t.Skip("nginx is not installed: the replay is not held against a real one")
		}
	}
	dir, err := os.MkdirTemp("", "ng") // t.TempDir is longer than a socket's name may be
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	php, err := net.Listen("unix", filepath.Join(dir, "php"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { php.Close() })
	go fcgi.Serve(php, app)

	// The site as patched; only where it listens, where its files and its PHP lie is the test's, and TLS, whose keys are not there.
	for _, r := range [][2]string{
		{`listen [^;]+;`, "listen unix:" + dir + "/sock;\n    set $asked $msec;"},
		{`(?m)^\s*ssl_certificate.*\n`, ""}, {`root [^;]+;`, "root " + dir + ";"}, {`fastcgi_pass [^;]+;`, "fastcgi_pass unix:" + dir + "/php;"},
		{`/var/cache/`, dir + "/"}, {`server_name [^;]+;`, ""},
	} {
		site = regexp.MustCompile(r[0]).ReplaceAllString(site, strings.ReplaceAll(r[1], "$", "$$"))
	}
	conf := fmt.Sprintf(`daemon off; master_process off; pid %[1]s/pid; error_log %[1]s/error.log;
events {}
http {
    log_format asked '$asked $http_x_n $status';
    access_log %[1]s/access.log asked;
    set_real_ip_from unix:;
    real_ip_header X-Real-IP;
    client_body_temp_path %[1]s/b; proxy_temp_path %[1]s/p; fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;
    %[2]s
}
`, dir, site)
	params := "fastcgi_param REQUEST_METHOD $request_method;\nfastcgi_param SERVER_PROTOCOL $server_protocol;\nfastcgi_param REQUEST_URI $request_uri;\n" +
		"fastcgi_param QUERY_STRING $query_string;\nfastcgi_param CONTENT_LENGTH $content_length;\nfastcgi_param REMOTE_ADDR $remote_addr;\n"
	os.MkdirAll(filepath.Join(dir, "snippets"), 0o755)
	os.WriteFile(filepath.Join(dir, "fastcgi_params"), []byte(params), 0o644)
	os.WriteFile(filepath.Join(dir, "snippets/fastcgi-php.conf"), []byte("include fastcgi_params;\n"), 0o644)
	os.WriteFile(filepath.Join(dir, "nginx.conf"), []byte(conf), 0o644)
	cmd := exec.Command(nginx, "-p", dir, "-c", filepath.Join(dir, "nginx.conf"))
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	sock := filepath.Join(dir, "sock")
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", sock)
	}
	until(t, "nginx to listen", func() bool {
		conn, err := dial(t.Context(), "", "")
		if err == nil {
			conn.Close()
		} else if cmd.ProcessState != nil {
			t.Fatalf("nginx: %s", log.Bytes())
		}
		return err == nil
	})
	transport := &http.Transport{DialContext: dial, DisableCompression: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &nginxServer{dir, &http.Client{Transport: transport, Timeout: time.Minute}}
}

// get sends one request and waits for its answer.
func (n *nginxServer) get(t *testing.T, path string, header map[string]string) (int, http.Header) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://shop.example.com"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range header {
		req.Header.Set(k, v)
	}
	resp, err := n.client.Do(req)
	if err != nil {
		text, _ := os.ReadFile(filepath.Join(n.dir, "error.log"))
		t.Fatalf("%v\n%s", err, text)
	}
	defer resp.Body.Close()
	resp.Body.(interface{ Read([]byte) (int, error) }).Read(make([]byte, 1<<16))
	return resp.StatusCode, resp.Header
}

type answered struct {
	at     float64
	status int
}

// log is what nginx wrote of so many requests, by their numbers.
func (n *nginxServer) log(t *testing.T, requests int) []answered {
	t.Helper()
	out := make([]answered, requests)
	until(t, "nginx to write its log", func() bool {
		text, _ := os.ReadFile(filepath.Join(n.dir, "access.log"))
		seen := 0
		for l := range strings.Lines(string(text)) {
			var a answered
			var i int
			if _, err := fmt.Sscanf(l, "%f %d %d", &a.at, &i, &a.status); err == nil && i >= 0 && i < requests {
				out[i] = a
				seen++
			}
		}
		return seen == requests
	})
	return out
}
