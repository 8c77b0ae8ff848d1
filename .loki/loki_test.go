//go:build loki

// Package lokitest holds culprit against a real Loki, on the loopback: what it says of logs that lie in Loki must be what
// it says of the files.
//
//	go test -C .loki -tags loki -v -timeout 2h [-args -lines 5000000 -loki BINARY -incidents GLOB -counted]
//
// Without -loki it builds Loki first, which takes ten minutes of CPU.
package lokitest

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"
)

var (
	lokiBinary = flag.String("loki", "", "a Loki that is built already")
	dayLines   = flag.Int("lines", 500_000, "lines of the generated day")
	incidents  = flag.String("incidents", "", "folders of evidence to judge as well, as a glob")
	counted    = flag.Bool("counted", false, "have Loki count the incidents too: six queries for each hour")
)

// programs are what the tests run.
type programs struct{ loki, culprit, tests string }

func build(t *testing.T) programs {
	t.Helper()
	loki, dir := *lokiBinary, t.TempDir()
	culprit, tests := filepath.Join(dir, "culprit"), filepath.Join(dir, "culprit.test")
	if loki == "" {
		loki = filepath.Join(t.TempDir(), "loki")
		goBuild(t, "build", ".", loki, "github.com/grafana/loki/v3/cmd/loki")
	}
	goBuild(t, "build", "..", culprit, "./cmd/culprit")
	goBuild(t, "test", "..", tests, "-c", "./cmd/culprit")
	return programs{loki, culprit, tests}
}

func goBuild(t *testing.T, verb, dir, out string, what ...string) {
	t.Helper()
	cmd := exec.Command("go", append([]string{verb, "-C", dir, "-o", out}, what...)...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", verb, what, err, text)
	}
}

// start runs a Loki until the end of the test, and gives its address.
func start(t *testing.T, binary string) string {
	t.Helper()
	data := t.TempDir()
	config, err := os.ReadFile("loki.yaml")
	if err != nil {
		t.Fatal(err)
	}
	port := freePort(t)
	text := strings.NewReplacer("DATA", data, "HTTP", port, "GRPC", freePort(t)).Replace(string(config))
	file := filepath.Join(data, "loki.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(filepath.Join(data, "log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary, "-config.file="+file)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			text, _ := os.ReadFile(log.Name())
			t.Logf("Loki's log ends: %s", text[max(0, len(text)-4000):])
		}
	})
	address := "127.0.0.1:" + port
	for deadline := time.Now().Add(3 * time.Minute); ; time.Sleep(time.Second) {
		resp, err := http.Get("http://" + address + "/ready")
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return address
			}
		}
		if time.Now().After(deadline) {
			t.Fatal("Loki does not become ready")
		}
	}
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

// pusher sends entries in batches.
type pusher struct {
	t       *testing.T
	address string
	streams map[string][][2]string // by their labels as JSON
	bytes   int
	from    time.Time
	to      time.Time
}

func (p *pusher) add(labels map[string]string, at time.Time, line string) {
	key, _ := json.Marshal(labels)
	p.streams[string(key)] = append(p.streams[string(key)], [2]string{strconv.FormatInt(at.UnixNano(), 10), line})
	if p.from.IsZero() || at.Before(p.from) {
		p.from = at
	}
	if at.After(p.to) {
		p.to = at
	}
	if p.bytes += len(line); p.bytes > 2<<20 {
		p.send()
	}
}

func (p *pusher) send() {
	p.t.Helper()
	if len(p.streams) == 0 {
		return
	}
	type stream struct {
		Stream json.RawMessage `json:"stream"`
		Values [][2]string     `json:"values"`
	}
	var body struct {
		Streams []stream `json:"streams"`
	}
	for labels, values := range p.streams {
		body.Streams = append(body.Streams, stream{json.RawMessage(labels), values})
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if err := json.NewEncoder(z).Encode(body); err != nil {
		p.t.Fatal(err)
	}
	z.Close()
	req, _ := http.NewRequest(http.MethodPost, "http://"+p.address+"/loki/api/v1/push", &packed)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Content-Encoding", "gzip")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		text, _ := io.ReadAll(resp.Body)
		p.t.Fatalf("push: %s: %s", resp.Status, text)
	}
	p.streams, p.bytes = map[string][][2]string{}, 0
}

// flush has Loki store what it holds in memory: it does not look there for old entries.
func (p *pusher) flush() {
	p.t.Helper()
	p.send()
	resp, err := http.Post("http://"+p.address+"/flush", "", nil)
	if err != nil {
		p.t.Fatal(err)
	}
	resp.Body.Close()
}

// arg names all that was pushed under a job.
func (p *pusher) arg(job, read string) string {
	return fmt.Sprintf("loki://%s/?selector={job=%q}&since=%s&until=%s%s", p.address, job, p.from.Truncate(time.Hour).UTC().Format(time.RFC3339),
		p.to.Add(time.Second).UTC().Format(time.RFC3339), read)
}

// settled waits until Loki counts as many entries as were pushed.
func (p *pusher) settled(job string, entries int) {
	p.t.Helper()
	query := fmt.Sprintf(`sum(count_over_time({job=%q} [%ds] offset 1ns))`, job, int(p.to.Sub(p.from).Seconds())+7200)
	for deadline := time.Now().Add(3 * time.Minute); ; time.Sleep(2 * time.Second) {
		n := 0
		resp, err := http.Get("http://" + p.address + "/loki/api/v1/query?" + url.Values{"query": {query}, "time": {strconv.FormatInt(p.to.Add(time.Second).UnixNano(), 10)}}.Encode())
		if err == nil {
			var answer struct {
				Data struct{ Result []struct{ Value [2]any } }
			}
			if json.NewDecoder(resp.Body).Decode(&answer) == nil && len(answer.Data.Result) == 1 {
				n, _ = strconv.Atoi(answer.Data.Result[0].Value[1].(string))
			}
			resp.Body.Close()
		}
		if n == entries {
			return
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("Loki counts %d of %d entries", n, entries)
		}
		p.t.Logf("Loki counts %d of %d entries", n, entries)
	}
}

// report is what culprit says, as JSON.
func report(t *testing.T, culprit string, args ...string) (rep map[string]any) {
	t.Helper()
	cmd := exec.Command(culprit, append([]string{"analyze", "--format", "json"}, args...)...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	start := time.Now()
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v: %s", args, err, errs.String())
	}
	if err := json.Unmarshal(out, &rep); err != nil {
		t.Fatal(err)
	}
	t.Logf("%.1f s, %d MB: %v", time.Since(start).Seconds(), maxRSS(cmd), rep["verdict"])
	return rep
}

// compared has TestLokiCounts of cmd/culprit, which sees what goes into the fold, hold every client, minute and route that
// an argument gives against the files.
func (p programs) compared(t *testing.T, arg, files, beside string) {
	t.Helper()
	cmd := exec.Command(p.tests, "-test.run=^TestLokiCounts$/^against$", "-test.v", "-test.timeout=2h", "-against="+arg, "-files="+files, "-beside="+beside)
	cmd.Dir = "../cmd/culprit"
	out, err := cmd.CombinedOutput()
	if t.Logf("%s", out); err != nil || !bytes.Contains(out, []byte("compared one by one")) {
		t.Errorf("the clients: %v", err)
	}
}

// told is the verdict and who is blamed, without names of files.
func told(rep map[string]any) map[string]any {
	var blamed []string
	for _, c := range rep["culprits"].([]any) {
		c := c.(map[string]any)
		blamed = append(blamed, fmt.Sprint(c["kind"], " ", c["value"], " ", c["requests"], " ", c["share"]))
	}
	sort.Strings(blamed)
	inc := rep["incident"].(map[string]any)
	return map[string]any{"verdict": rep["verdict"], "culprits": blamed, "victim": inc["victim"], "killed": inc["killed_at"], "onset": inc["onset_at"], "impact": inc["impact"]}
}

var logName = regexp.MustCompile(`access|error\.log|kern\.log|redis.*\.log|dmesg|syslog|messages`)

// A folder whose access logs lie in Loki, each line at the time that it tells, is judged as the folder itself.
func TestIncidentsInLoki(t *testing.T) {
	programs := build(t)
	dirs := []string{"../testdata/incidents/tea-shop", "../testdata/incidents/fleet", "../testdata/incidents/session-patterns"}
	more, err := filepath.Glob(*incidents)
	if err != nil {
		t.Fatal(err)
	}
	address := start(t, programs.loki)
	for _, dir := range append(dirs, more...) {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			job := filepath.Base(dir)
			p := &pusher{t: t, address: address, streams: map[string][][2]string{}}
			rest, n := t.TempDir(), 0
			root, err := filepath.Abs(dir)
			if err != nil {
				t.Fatal(err)
			}
			if root, err = filepath.EvalSymlinks(root); err != nil {
				t.Fatal(err)
			}
			var files []string
			err = filepath.WalkDir(root, func(file string, e fs.DirEntry, err error) error {
				if err == nil && !e.IsDir() {
					files = append(files, file)
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			for _, file := range files {
				rel, _ := filepath.Rel(root, file)
				text := unpacked(t, file)
				if text == nil || !strings.Contains(filepath.Base(rel), "access") || !logName.MatchString(filepath.Base(rel)) || !zoned.Match(text) {
					to := filepath.Join(rest, rel)
					raw, err := os.ReadFile(file)
					if err != nil {
						t.Fatal(err)
					}
					if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
						t.Fatal(err)
					}
					if err := os.WriteFile(to, raw, 0o600); err != nil {
						t.Fatal(err)
					}
					continue
				}
				host, name, ok := strings.Cut(rel, "/var/")
				if name = "/var/" + name; !ok || strings.Contains(host, "/") || strings.HasPrefix(host, "sos") {
					host, name = "", "/"+rel
				}
				n += p.file(map[string]string{"job": job, "host": host, "filename": name}, text)
			}
			if n == 0 {
				t.Skip("no access log with times of its own")
			}
			p.flush()
			p.settled(job, n)
			want, got := told(report(t, programs.culprit, root)), told(report(t, programs.culprit, p.arg(job, ""), rest))
			if !reflect.DeepEqual(want, got) {
				t.Errorf("%d lines in Loki:\nthe files: %v\nLoki:      %v", n, want, got)
			}
			t.Logf("%d lines in Loki: %v", n, got)
			programs.compared(t, p.arg(job, "&read=lines"), root, rest)
			if *counted {
				programs.compared(t, p.arg(job, "&read=counts"), root, rest)
			}
		})
	}
}

var zoned = regexp.MustCompile(`\[(\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4})\]`)

// file pushes the lines of an access log; a line without a time has that of the line before.
func (p *pusher) file(labels map[string]string, text []byte) (n int) {
	if labels["host"] == "" {
		delete(labels, "host")
	}
	var at time.Time
	var held []string
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\r\n")
		if m := zoned.FindStringSubmatch(line); m != nil {
			if own, err := time.Parse("02/Jan/2006:15:04:05 -0700", m[1]); err == nil && own.After(at) {
				at = own
			}
		}
		if held = append(held, line); at.IsZero() {
			continue
		}
		for _, line := range held {
			at = at.Add(time.Nanosecond)
			p.add(labels, at, line)
			n++
		}
		held = held[:0]
	}
	return n
}

// unpacked is a file's text; nil for what is packed otherwise than by gzip.
func unpacked(t *testing.T, file string) []byte {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(file, ".gz") {
		return text
	}
	z, err := gzip.NewReader(bytes.NewReader(text))
	if err != nil {
		return nil
	}
	if text, err = io.ReadAll(z); err != nil {
		return nil
	}
	return text
}

// A generated day, counted by Loki and read from it, is judged as its file is, and no line and no client's request is left out of
// the count.
func TestDayCountedInLoki(t *testing.T) {
	programs := build(t)
	address := start(t, programs.loki)
	p := &pusher{t: t, address: address, streams: map[string][][2]string{}}
	dir := t.TempDir()
	file, err := os.Create(filepath.Join(dir, "access.log"))
	if err != nil {
		t.Fatal(err)
	}
	w := bufio.NewWriter(file)
	r := rand.New(rand.NewPCG(5, 8))
	day := time.Date(2026, 4, 20, 0, 0, 0, 0, time.UTC)
	pushing := time.Now()
	for i := range *dayLines {
		at := day.Add(time.Duration(i) * (24 * time.Hour / time.Duration(*dayLines)))
		line := dayLine(r, at)
		fmt.Fprintln(w, line)
		p.add(map[string]string{"job": "day", "filename": "/var/log/nginx/access.log"}, at, line)
	}
	if err := errors.Join(w.Flush(), file.Close()); err != nil {
		t.Fatal(err)
	}
	p.send()
	t.Logf("pushed %d lines in %.1f s", *dayLines, time.Since(pushing).Seconds())
	p.flush()
	p.settled("day", *dayLines)
	local := report(t, programs.culprit, dir)
	counted := report(t, programs.culprit, p.arg("day", "&read=counts"))
	read := report(t, programs.culprit, p.arg("day", "&read=lines"))
	for name, rep := range map[string]map[string]any{"counted": counted, "read": read} {
		in := rep["inputs"].([]any)[0].(map[string]any)
		t.Logf("%s: %v", name, in["note"])
		if a, b := local["verdict"].(map[string]any), rep["verdict"].(map[string]any); a["outcome"] != b["outcome"] || a["cause"] != b["cause"] || a["summary"] != b["summary"] && name == "read" {
			t.Errorf("%s: %v, and the file says %v", name, b, a)
		}
	}
	if in := counted["inputs"].([]any)[0].(map[string]any); !strings.HasPrefix(fmt.Sprint(in["note"]), fmt.Sprintf("counted by Loki, not read: %d of %d entries", *dayLines, *dayLines)) {
		t.Errorf("not all was counted: %v", in["note"])
	}
	programs.compared(t, p.arg("day", "&read=counts"), dir, "")
}

// dayLine is a request of one of 4,000 visitors or of a crawler.
func dayLine(r *rand.Rand, at time.Time) string {
	client, agent := fmt.Sprintf("198.18.%d.%d", r.IntN(16), r.IntN(250)), "Mozilla/5.0 (X11; Linux x86_64; rv:125.0) Gecko/20100101 Firefox/125.0"
	target := fmt.Sprintf("/product/tea-%d.html?ref=%d", r.IntN(300), r.IntN(50))
	switch r.IntN(4) {
	case 0:
		target = fmt.Sprintf("/media/tea-%d.webp", r.IntN(300))
	case 1:
		client, agent = fmt.Sprintf("203.0.113.%d", r.IntN(8)), "Mozilla/5.0 (compatible; ShelfBot/1.4; +https://shelf.example.net/bot)"
	}
	status := 200
	if r.IntN(500) == 0 {
		status = 502
	}
	return fmt.Sprintf(`%s - - [%s] "GET %s HTTP/1.1" %d %d "-" "%s"`, client, at.Format("02/Jan/2006:15:04:05 -0700"), target, status, r.IntN(40000), agent)
}
