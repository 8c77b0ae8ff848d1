package parsers

import (
	"strings"
	"testing"
)

func FuzzSysctl(f *testing.F)          { fuzzParser(f, "sysctl") }
func FuzzSystemdUnit(f *testing.F)     { fuzzParser(f, "systemd-unit") }
func FuzzCompose(f *testing.F)         { fuzzParser(f, "compose") }
func FuzzGrepLog(f *testing.F)         { fuzzParser(f, "grep-log") }
func FuzzDF(f *testing.F)              { fuzzParser(f, "df") }
func FuzzMySQLStatus(f *testing.F)     { fuzzParser(f, "mysql-status") }
func FuzzMySQLSlow(f *testing.F)       { fuzzParser(f, "mysql-slow-log") }
func FuzzFPMStatus(f *testing.F)       { fuzzParser(f, "php-fpm-status") }
func FuzzFPMSlow(f *testing.F)         { fuzzParser(f, "php-fpm-slow") }
func FuzzStubStatus(f *testing.F)      { fuzzParser(f, "nginx-status") }
func FuzzComposeLog(f *testing.F)      { fuzzParser(f, "compose-log") }
func FuzzDockerInspect(f *testing.F)   { fuzzParser(f, "docker-inspect") }
func FuzzDockerTable(f *testing.F)     { fuzzParser(f, "docker-table") }
func FuzzKubectlDescribe(f *testing.F) { fuzzParser(f, "kubectl-describe") }
func FuzzKubeManifest(f *testing.F)    { fuzzParser(f, "kube-manifest") }

func TestParseBytes(t *testing.T) {
	f := func(in string, want int64, ok bool) {
		t.Helper()
		if got, isSize := parseBytes(in); got != want || isSize != ok {
			t.Errorf("%q: %d %v, want %d %v", in, got, isSize, want, ok)
		}
	}
	f("1536m", 1536<<20, true)
	f("512Mi", 512<<20, true)
	f("1.5GiB", 3<<29, true)
	f("268435456", 268435456, true)
	f("infinity", 0, false)
	f("", 0, false)
	f("99999999T", 0, false)
}

// TestLateFile: a file that begins behind the head is recognised by its first lines, none of which is lost.
func TestLateFile(t *testing.T) {
	var b strings.Builder
	for b.Len() < 2*headSize {
		b.WriteString("/var/log/nginx/access.log:198.51.100.7 - - [05/Mar/2026:10:00:01 +0000] \"GET / HTTP/1.1\" 200 157 \"-\" \"curl/8.5.0\"\n")
	}
	b.WriteString("/var/log/php8.2-fpm.log:1:[05-Mar-2026 09:00:01] NOTICE: error log file re-opened\n")
	for range 3 {
		b.WriteString("/var/log/php8.2-fpm.log:2:[05-Mar-2026 10:00:01] WARNING: [pool www] server reached pm.max_children setting (10), consider raising it\n")
	}
	p, ok := Detect("grep.txt", []byte(b.String())[:headSize])
	if !ok || p.Name != "grep-log" {
		t.Fatalf("taken for %q", p.Name)
	}
	full := 0
	src := &Source{Name: "grep.txt", R: strings.NewReader(b.String())}
	if err := Read(p, src, func(r Record) {
		if e, ok := r.Fact.(*PoolEvent); ok && e.Event == "max-children" {
			full++
		}
	}); err != nil || full != 3 || src.Skipped != 0 {
		t.Fatalf("%d pool events of 3, %d lines skipped, %v", full, src.Skipped, err)
	}
}
