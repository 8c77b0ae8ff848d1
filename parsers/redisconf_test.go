package parsers

import (
	"slices"
	"testing"
)

func FuzzRedisConf(f *testing.F)      { fuzzParser(f, "redis-conf") }
func FuzzRedisConfigGet(f *testing.F) { fuzzParser(f, "redis-config-get") }

func TestSplitRedisArgs(t *testing.T) {
	is := func(line string, want ...string) {
		t.Helper()
		if got, err := splitRedisArgs([]byte(line)); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %q %v, want %q", line, got, err, want)
		}
	}
	is("maxmemory 2gb", "maxmemory", "2gb")
	is("  save   900\t1 ", "save", "900", "1")
	is(`save ""`, "save", "")
	is(`requirepass "a b\x41\n\"c"`, "requirepass", "a bA\n\"c")
	is(`requirepass 'it\'s'`, "requirepass", "it's")
	is(`requirepass #hash`, "requirepass", "#hash")
	is(`maxmemory 2gb # was 1gb`, "maxmemory", "2gb")
	is(`a"b c"`, "ab c")
	for _, line := range []string{`save "900`, `save "900"1`, `save '900`} {
		if got, err := splitRedisArgs([]byte(line)); err == nil {
			t.Errorf("%q: %q without an error", line, got)
		}
	}
}

func TestParseMemory(t *testing.T) {
	for s, want := range map[string]int64{
		"0": 0, "100": 100, "100b": 100, "1k": 1000, "1kb": 1024, "5M": 5000000, "5mb": 5 << 20, "2g": 2e9, "2GB": 2 << 30, "2Gb": 2 << 30,
	} {
		if got, err := ParseMemory(s); err != nil || got != want {
			t.Errorf("%q is %d %v, want %d", s, got, err, want)
		}
	}
	for _, s := range []string{"", "gb", "2gbb", "5%", "2 gb", "-1", "1.5gb", "9999999999gb", "2t"} {
		if got, err := ParseMemory(s); err == nil {
			t.Errorf("%q is %d", s, got)
		}
	}
}
