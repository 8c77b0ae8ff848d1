package parsers

import "testing"

func FuzzRedisInfo(f *testing.F) { fuzzParser(f, "redis-info") }

func TestInfoField(t *testing.T) {
	is := func(in, name, value string) {
		t.Helper()
		n, v, sep := infoField([]byte(in))
		if sep == 0 || string(n) != name || string(v) != value {
			t.Errorf("infoField(%q) = %q %q %q, want %q %q", in, n, v, sep, name, value)
		}
	}
	is("used_memory:1", "used_memory", "1")
	is("  used_memory: 1", "used_memory", "1")
	is(`"used_memory": 1,`, "used_memory", "1")
	is(`'redis_version:6.0.5`, "redis_version", "6.0.5")
	is("| used_memory | 1 |", "used_memory", "1")
	is(`"used_memory","1"`, "used_memory", "1")
	is("used_memory = 1", "used_memory", "1")
	is("used_memory\t1", "used_memory", "1")
	is(`'used_memory' => 1,`, "used_memory", "1")
	is("- used_memory: 1", "used_memory", "1")
	is("db0 Strings_keys=0, expires=0", "db0", "Strings_keys=0, expires=0")
	is("I0708 15:29:05.096098       1 *:142] used_memory:179551640", "used_memory", "179551640")
	is("config_file:", "config_file", "")
	is("cmdstat_client|list:calls=1,usec=2", "cmdstat_client|list", "calls=1,usec=2")
	for _, in := range []string{"", "crash at 18:11", "the server was killed: twice", "used_memory", "12:30"} {
		if n, v, sep := infoField([]byte(in)); sep != 0 {
			t.Errorf("infoField(%q) = %q %q %q", in, n, v, sep)
		}
	}
}
