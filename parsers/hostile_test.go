package parsers

import (
	"strings"
	"testing"
	"time"
)

// TestHostileHostFiles gives each parser of host files an input that is cheap to write and would be dear to read, were any
// step of it quadratic.
func TestHostileHostFiles(t *testing.T) {
	const n = 1 << 20
	f := func(parser, in string) {
		t.Helper()
		p, ok := ByName(parser)
		if !ok {
			t.Fatalf("no parser %q", parser)
		}
		read := func(in string) (time.Duration, int) {
			begin, records := time.Now(), 0
			if err := Read(p, &Source{Name: "x", R: strings.NewReader(in)}, func(Record) { records++ }); err != nil {
				t.Fatal(err)
			}
			return time.Since(begin), records
		}
		// No figure of speed: linear steps take a second or two on a busy machine, quadratic ones over a megabyte take many
		// minutes. A minute tells the two apart.
		if took, records := read(in); took > time.Minute {
			t.Errorf("%s: %d bytes took %v for %d records", parser, len(in), took, records)
		}
	}
	f("compose", "services:\n  a:\n    b: 1\n"+strings.Repeat("- ", n/2))
	f("compose", "services:\n  a:\n    command: ["+strings.Repeat("--save,", n/7)+"]\n")
	f("compose", "services:\n  a:\n    environment:\n      X: "+strings.Repeat("auth=a&", n/7)+"\n")
	f("systemd-unit", "[Service]\nExecStart=x \\\n"+strings.Repeat("\\\n", n/2))
	f("crontab", "* * * * * "+strings.Repeat("redis-cli -a x ", n/15)+"\n")
	f("magento-env", "<?php return "+strings.Repeat("[", n))
	f("magento-env", "<?php return ["+strings.Repeat("1,/**/", n/6))
	f("docker-inspect", "["+strings.Repeat(`{"OOMKilled":true},`, n/19))
	f("docker-inspect", `[{"Config":{"Cmd":[`+strings.Repeat(`"--save",`, n/9)+`""]},"State":{"OOMKilled":true}}]`)
	f("kube-manifest", `{"apiVersion":"v1","`+strings.Repeat("k", n/2)+`":{"containers":[`+strings.Repeat(`{"a":1},`, n/16)+`{}]}}`)
	f("kube-manifest", strings.Repeat("{\"a\":", n/5))
	f("magento-xml", strings.Repeat("<a>", n/3))
	f("ps", "PID COMMAND USER "+strings.Repeat("x ", n/4)+"\n"+strings.Repeat("y\n", n/4))
	f("sar", "# hostname;interval;timestamp;"+strings.Repeat("x;", n/4)+"\n"+strings.Repeat("y;\n", n/6))
	f("redis-script", strings.Repeat("while x; do redis-cli GET a | \\\n", n/33))
	f("transcript", strings.Repeat("$ date\n", n/7))
	f("compose-log", strings.Repeat("web-1 | x\nredis-1 | ===\n", n/24))
	f("compose-log", "a | x\nb | "+strings.Repeat("y", n))
	f("clock", strings.Repeat("cpu0 1 1 1 1 1 1 1 1\n", n/21))
	f("app-log", strings.Repeat("sess_ for lock on ID ", n/21))
	f("free", "Mem: "+strings.Repeat("1 ", n/2))
	f("dotenv", "A="+strings.Repeat("://a:b@", n/7))
}
