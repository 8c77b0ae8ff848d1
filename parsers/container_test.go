package parsers

import "testing"

func FuzzSysctl(f *testing.F)          { fuzzParser(f, "sysctl") }
func FuzzSystemdUnit(f *testing.F)     { fuzzParser(f, "systemd-unit") }
func FuzzCompose(f *testing.F)         { fuzzParser(f, "compose") }
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
