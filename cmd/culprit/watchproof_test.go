package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// liveShop is a real nginx before a small application that opens a session in a real Redis for every visitor without a cookie
// and never lets it expire.
type liveShop struct {
	t     *testing.T
	redis *testRedis
	url   string
	dir   string // of nginx: access.log, error.log, nginx.conf
	mu    sync.Mutex
	made  []time.Time               // when each session was
	full  atomic.Pointer[time.Time] // the first write was refused
	seen  atomic.Int64              // requests that were answered
}

func openShop(t *testing.T, redis *testRedis) *liveShop {
	t.Helper()
	nginx := findNginx(t)
	s := &liveShop{t: t, redis: redis, dir: t.TempDir()}
	app := httptest.NewServer(s)
	t.Cleanup(app.Close)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	conf := filepath.Join(s.dir, "nginx.conf")
	text := fmt.Sprintf(`daemon off;
pid %[1]s/nginx.pid;
error_log %[1]s/error.log warn;
events { worker_connections 256; }
http {
  client_body_temp_path %[1]s/body; proxy_temp_path %[1]s/proxy; fastcgi_temp_path %[1]s/fastcgi; uwsgi_temp_path %[1]s/uwsgi; scgi_temp_path %[1]s/scgi;
  log_format combined_time '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" $request_time';
  set_real_ip_from 127.0.0.1;
  real_ip_header X-Forwarded-For;
  access_log %[1]s/access.log combined_time;
  server {
    listen %[2]s;
    location / { proxy_pass http://%[3]s; proxy_http_version 1.1; proxy_set_header Connection ""; }
  }
}
`, s.dir, addr, app.Listener.Addr())
	if err := os.WriteFile(conf, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(nginx, "-p", s.dir, "-c", conf)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(os.Interrupt)
		cmd.Wait()
	})
	s.url = "http://" + addr
	for until := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		if c, err := net.Dial("tcp", addr); err == nil {
			c.Close()
			return s
		}
		if time.Now().After(until) {
			t.Fatal("nginx does not listen")
		}
	}
}

func findNginx(t *testing.T) string {
	for _, name := range []string{"nginx", "/usr/sbin/nginx"} {
		if file, err := exec.LookPath(name); err == nil {
			return file
		}
	}
	t.Skip("nginx is not installed")
	return ""
}

// ServeHTTP is the application.
func (s *liveShop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if c, err := r.Cookie("sid"); err != nil || c.Value == "" {
		s.mu.Lock()
		id := fmt.Sprintf("%x", sessionID())
		ok := s.redis.set("sess:"+id, strings.Repeat("s", 4000))
		if ok {
			s.made = append(s.made, time.Now())
		}
		s.mu.Unlock()
		if !ok {
			now := time.Now()
			s.full.CompareAndSwap(nil, &now)
			http.Error(w, "OOM command not allowed when used memory > 'maxmemory'.", http.StatusInternalServerError)
			return
		}
		http.SetCookie(w, &http.Cookie{Name: "sid", Value: id})
	}
	fmt.Fprintf(w, "%s: a page of the shop\n", r.URL.Path)
}

func sessionID() []byte {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails
	return b
}

// visit sends requests of one client at a steady pace until the shop is full or ctx ends. A machine that is too busy for the
// pace makes it slower, and nothing is made up for in a burst, which would be another incident. A browser keeps its cookie.
func (s *liveShop) visit(ctx context.Context, perSecond int, keepsCookies bool, agent string, client, path func(i int) string) {
	sid := ""
	tick := time.NewTicker(time.Second / time.Duration(perSecond))
	defer tick.Stop()
	for i := 0; s.full.Load() == nil; i++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		req, err := http.NewRequestWithContext(ctx, "GET", s.url+path(i), nil)
		if err != nil {
			s.t.Error(err)
			return
		}
		req.Header.Set("User-Agent", agent)
		req.Header.Set("X-Forwarded-For", client(i))
		if sid != "" {
			req.Header.Set("Cookie", "sid="+sid)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			if ctx.Err() == nil {
				s.t.Error(err)
			}
			return
		}
		_, _ = io.Copy(io.Discard, resp.Body) // the page is nobody's concern
		resp.Body.Close()
		s.seen.Add(1)
		for _, c := range resp.Cookies() {
			if keepsCookies {
				sid = c.Value
			}
		}
	}
}

// used is Redis's memory now.
func (s *liveShop) used() float64 {
	c, err := net.Dial("tcp", s.redis.addr)
	if err != nil {
		s.t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintf(c, "INFO memory\r\n")
	b := make([]byte, 16<<10)
	n, _ := c.Read(b)
	return numberIn(s.t, string(b[:n]), `used_memory:(\d+)`)
}

func numberIn(t *testing.T, text, re string) float64 {
	t.Helper()
	m := regexp.MustCompile(re).FindStringSubmatch(text)
	if m == nil {
		return math.NaN()
	}
	n, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// steady says whether keys came at one pace: of twenty equal shares of them, in the order they were made, none took half as
// long again as another. Within a minute, which is as fine as the watch counts requests, only a pace that the machine kept
// tells who made the keys, or when there will be too many.
func steady(made []time.Time) bool {
	const shares = 20
	var all []time.Duration
	for i := range shares {
		all = append(all, made[(i+1)*(len(made)-1)/shares].Sub(made[i*(len(made)-1)/shares]))
	}
	return slices.Max(all) <= slices.Min(all)*3/2
}

func page(t *testing.T, url string) string {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The proof: a crawler drives a real Redis behind a real nginx into its limit. The watch names the crawler and the missing
// TTL, and a third of the way it says when the limit will be reached; the recording gives the same verdict. On a machine too
// busy to keep the crawler's pace, the verdict and the recording alone are judged.
func TestWatchProof(t *testing.T) {
	const limit = 12 << 20
	perSecond := 160
	if testing.Short() {
		perSecond = 320
	}
	redis := startTestRedis(t, "--maxmemory", strconv.Itoa(limit), "--maxmemory-policy", "noeviction")
	s := openShop(t, redis)
	ctx, stop := context.WithTimeout(t.Context(), 5*time.Minute)
	defer stop()
	rec := filepath.Join(t.TempDir(), "rec")
	w := startWatch(ctx, "--access-log", filepath.Join(s.dir, "access.log"), "--error-log", filepath.Join(s.dir, "error.log"),
		"--redis", "redis://"+redis.addr, "--record", rec, "--every", "200ms", "--ask", "200ms", "--metrics", "127.0.0.1:0")
	metrics := regexp.MustCompile(`http://[^ "]+`).FindString(w.event(t, "started", "metrics at")["text"].(string))
	w.event(t, "verdict", "outcome")

	start, began := s.used(), time.Now()
	var traffic sync.WaitGroup
	traffic.Go(func() {
		s.visit(ctx, perSecond, false, "Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)",
			func(i int) string { return fmt.Sprintf("203.0.113.%d", 20+i%5) }, func(i int) string { return fmt.Sprintf("/product/%d/", i) })
	})
	for n := range 3 {
		traffic.Go(func() {
			s.visit(ctx, 4, true, "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
				func(int) string { return fmt.Sprintf("198.51.100.%d", 7+n) }, func(i int) string { return []string{"/", "/style.css", "/app.js", "/cart/"}[i%4] })
		})
	}

	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for s.used() < start+(limit-start)/3 {
		<-tick.C
	}
	said := math.NaN()
	var at time.Time
	for math.IsNaN(said) && s.full.Load() == nil { // on a busy machine eight answers may have taken longer
		text := page(t, metrics)
		said = numberIn(t, text, `culprit_redis_limit_seconds\{[^}]*\} ([0-9.e+]+)`)
		at = time.UnixMicro(int64(1e6 * numberIn(t, text, `culprit_judged_time_seconds ([0-9.e+]+)`)))
		<-tick.C
	}
	traffic.Wait()
	if s.full.Load() == nil {
		t.Fatalf("the Redis is not full after %v: %d requests, %.0f bytes", time.Since(began), s.seen.Load(), s.used())
	}
	full := *s.full.Load()
	left := full.Sub(at).Seconds()
	kept := steady(s.made)
	t.Logf("at %.1f of %.1f s: the limit in %.2f s; it took %.2f; at one pace: %v", at.Sub(began).Seconds(), full.Sub(began).Seconds(), said, left, kept)
	if kept && !(math.Abs(said-left) <= 0.2*left) {
		t.Errorf("foretold %.2f s, it took %.2f", said, left)
	}

	w.event(t, "verdict", "redis-maxmemory-reached")
	w.read(t, filepath.Join(s.dir, "access.log"), int(s.seen.Load()))
	stop()
	<-w.done
	live := w.event(t, "ended", "")["verdict"].(map[string]any)
	w.event(t, "finding", "never expire")
	if summary, _ := live["summary"].(string); kept && !strings.Contains(summary, "AhrefsBot") {
		t.Errorf("nobody is named: %s", summary)
	}
	if live["cause"] != "redis-maxmemory-reached" {
		t.Errorf("live: %v", live)
	}
	var report struct {
		Verdict  map[string]any
		Culprits []struct{ Kind, Value string }
	}
	if err := json.Unmarshal([]byte(analyzed(t, rec)), &report); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(live, report.Verdict); diff != "" {
		t.Errorf("the recording's verdict (-live +recorded):\n%s", diff)
	}
	if c := report.Culprits; kept && (len(c) == 0 || c[0].Value != "AhrefsBot") {
		t.Errorf("the recording's culprits: %v", c)
	}
	if t.Failed() {
		t.Logf("the watch told:\n%s", w.out.String())
	}
}
