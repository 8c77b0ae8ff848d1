package parsers

import "testing"

func FuzzPS(f *testing.F)     { fuzzParser(f, "ps") }
func FuzzSar(f *testing.F)    { fuzzParser(f, "sar") }
func FuzzAtop(f *testing.F)   { fuzzParser(f, "atop") }
func FuzzVmstat(f *testing.F) { fuzzParser(f, "vmstat") }

func TestSarDay(t *testing.T) {
	f := func(file, date, want string) {
		t.Helper()
		got := sarDay(&Source{Name: file}, "Linux 6.1 (web4) \t"+date+" \t_x86_64_\t(4 CPU)").Format("2006-01-02")
		if got != want {
			t.Errorf("%s %s: %s, want %s", file, date, got, want)
		}
	}
	f("sar04", "03/04/26", "2026-03-04")
	f("sar03", "03/04/26", "2026-04-03")
	f("x", "2026-03-04", "2026-03-04")
	f("x", "04.03.2026", "2026-03-04")
	f("x", "13/04/26", "2026-04-13")
	f("x", "04/13/2026", "2026-04-13")
	f("x", "33/13/2026", "0001-01-01")
}

func TestCommOf(t *testing.T) {
	f := func(want string, words ...string) {
		t.Helper()
		if got := commOf(words); got != want {
			t.Errorf("%q: %q, want %q", words, got, want)
		}
	}
	f("php-fpm", "php-fpm:", "pool", "www")
	f("redis-server", "[redis-server]", "<defunct>")
	f("kworker/0:1", "[kworker/0:1]")
	f("mysqld", "/usr/sbin/mysqld", "--x")
	f("bash", "-bash")
	f("nginx", "\\_", "nginx:", "worker", "process")
}
