package parsers

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func FuzzNginxAccess(f *testing.F) { fuzzParser(f, "nginx-access") }
func FuzzNginxError(f *testing.F)  { fuzzParser(f, "nginx-error") }

func FuzzNginxConf(f *testing.F) {
	f.Add([]byte("server;\n\\\n")) // the lexer counts a line too many
	fuzzParser(f, "nginx-conf")
}

// FuzzLogFormat compiles any format and reads any line by it: neither may panic.
func FuzzLogFormat(f *testing.F) {
	f.Add("default", `$remote_addr - $remote_user [$time_local] "$request" $status`, `203.0.113.9 - - [20/Apr/2026:10:45:12 +0800] "GET / HTTP/1.1" 200`)
	f.Add("json", `{"a":"$remote_addr","t":$msec,"s":$status}`, `{"a":"203.0.113.9","t":1776653112.318,"s":200}`)
	f.Add("none", `$host$request_uri|${status}x`, `shop.example.com/|200x`)
	f.Fuzz(func(t *testing.T, escape, format, line string) {
		src := &Source{Name: "fuzz", R: strings.NewReader(line), Hints: &Hints{LogFormats: []LogFormat{{Name: "f", Escape: escape, Format: format}}}}
		p, _ := ByName("nginx-access")
		records := 0
		if err := Read(p, src, func(Record) { records++ }); err != nil {
			t.Fatal(err)
		}
		if records > src.Read {
			t.Fatalf("%d records of %d lines", records, src.Read)
		}
	})
}

// TestLogFormats: what a configuration says about its logs, escapes undone as nginx undoes them.
func TestLogFormats(t *testing.T) {
	const file = "nginx.conf"
	text, err := os.ReadFile(filepath.Join(testdata, "nginx-conf", file))
	if err != nil {
		t.Fatal(err)
	}
	p, _ := ByName("nginx-conf")
	var settings []Record
	if err := Read(p, &Source{Name: file, R: bytes.NewReader(text)}, func(r Record) { settings = append(settings, r) }); err != nil {
		t.Fatal(err)
	}
	want := []LogFormat{
		{Name: "main", Escape: "default", Format: `$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" rt=$request_time`,
			Paths: []string{"/var/log/nginx/access.log"}, At: Pos{file, 9}},
		{Name: "ltsv", Escape: "none", Format: "time:$time_local\thost:$remote_addr", At: Pos{file, 12}},
	}
	if diff := cmp.Diff(want, LogFormats(settings...)); diff != "" {
		t.Errorf("LogFormats (-want +got):\n%s", diff)
	}
}

// TestAccessWithoutAllocation: the hot path costs no allocation a line.
func TestAccessWithoutAllocation(t *testing.T) {
	for _, line := range []string{
		`203.0.113.9 - - [20/Apr/2026:10:45:12 +0800] "GET /product/green-tea/ HTTP/1.1" 200 5120 "https://shop.example.com/" "Mozilla/5.0 (X11; Linux x86_64; rv:128.0)" "198.51.100.7, 10.0.0.2"`,
		`{"time_local":"20/Apr/2026:10:45:12 +0800","remote_addr":"203.0.113.9","request":"GET /tea HTTP/1.1","status":"200","http_user_agent":"say \"hi\""}`,
	} {
		src := &Source{Name: "access.log", Head: []byte(line + "\n")}
		b, records := []byte(line), 0
		emit := func(Record) { records++ }
		allocs := testing.AllocsPerRun(100, func() { parseAccess(src, b, Pos{"access.log", 1}, emit) })
		if allocs != 0 || records != 101 {
			t.Errorf("%.0f allocations a line, %d records of 101: %.40s", allocs, records, line)
		}
	}
}

// TestSplitAccess: parts of a file read apart give what the whole gives, as long as the driver hands each the same Head.
func TestSplitAccess(t *testing.T) {
	var text strings.Builder
	for i := range 400 {
		fmt.Fprintf(&text, "203.0.113.%d - - [20/Apr/2026:10:45:12 +0800] \"GET / HTTP/1.1\" 200 16 \"-\" \"a\" \"%d\"\n", i%250, i)
	}
	hints := &Hints{LogFormats: []LogFormat{
		{Name: "agent-last", Format: `$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$host" "$http_user_agent"`},
		{Name: "own", Format: `$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" "$host"`, Paths: []string{"/var/log/nginx/shop.log"}},
	}}
	read := func(part string, head []byte) (agents []string) {
		p, _ := ByName("nginx-access")
		src := &Source{Name: "web1/shop.log.2.gz", R: strings.NewReader(part), Hints: hints, Head: head}
		if err := Read(p, src, func(r Record) { agents = append(agents, string(r.Fact.(*Access).Agent)) }); err != nil {
			t.Fatal(err)
		}
		return agents
	}
	whole := text.String()
	half := strings.Index(whole[len(whole)/2:], "\n") + len(whole)/2 + 1
	head := []byte(whole[:1000])
	apart := append(read(whole[:half], head), read(whole[half:], head)...)
	if diff := cmp.Diff(read(whole, nil), apart); diff != "" {
		t.Errorf("whole and parts differ:\n%s", diff)
	}
	if apart[0] != "a" {
		t.Errorf("the format that the access_log of this file names was not taken: agent %q", apart[0])
	}
}

// BenchmarkNginxAccess measures the line alone: the built-in format, the same as a log_format, and JSON.
func BenchmarkNginxAccess(b *testing.B) {
	combined := func(i int) []byte {
		return fmt.Appendf(nil, `203.0.113.%d - - [20/Apr/2026:10:%02d:12 +0800] "GET /product/green-tea/?page=%d&sort=price HTTP/1.1" 200 %d "https://shop.example.com/product/" "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"`, i%250, i/20, i, i*7)
	}
	format := &Hints{LogFormats: []LogFormat{{Name: "own", Format: `$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"`}}}
	bench := func(name string, hints *Hints, text func(i int) []byte) {
		b.Run(name, func(b *testing.B) {
			lines := make([][]byte, 1000)
			size := 0
			for i := range lines {
				lines[i] = text(i)
				size += len(lines[i]) + 1
			}
			src := &Source{Name: "access.log", Head: bytes.Join(lines[:100], []byte("\n")), Hints: hints}
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				for i, line := range lines {
					parseAccess(src, line, Pos{"access.log", i + 1}, func(Record) {})
				}
			}
		})
	}
	bench("combined", nil, combined)
	bench("log_format", format, combined)
	bench("json", nil, func(i int) []byte {
		return fmt.Appendf(nil, `{"time_local":"20/Apr/2026:10:%02d:12 +0800","remote_addr":"203.0.113.%d","request":"GET /product/green-tea/?page=%d HTTP/1.1","status":"200","body_bytes_sent":"%d","http_referrer":"https://shop.example.com/","http_user_agent":"Mozilla/5.0 (X11; Linux x86_64)","request_time":"0.012"}`, i/20, i%250, i, i*7)
	})
}
