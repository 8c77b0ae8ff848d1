package parsers

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What combined reads, matchCLF reads the same.
func FuzzCombined(f *testing.F) {
	for _, s := range combinedLines {
		f.Add(s)
	}
	var fast, slow accessLine
	f.Fuzz(func(t *testing.T, line string) {
		if !fast.combined([]byte(line)) {
			return
		}
		slow.reset()
		why := matchCLF(&slow, []byte(line), false)
		if why == "" {
			why = slow.finish()
		}
		if why != "" {
			t.Fatalf("%q: matchCLF says: %s", line, why)
		}
		if d := cmp.Diff(slow.Access, fast.Access); d != "" || !slow.when.Equal(fast.when) || slow.clock != fast.clock {
			t.Fatalf("%q: %v, %v: %s", line, slow.when, fast.when, d)
		}
	})
}

func TestCombinedReadsTheUsual(t *testing.T) {
	for _, line := range combinedLines[:6] {
		if l := new(accessLine); !l.combined([]byte(line)) {
			t.Errorf("%s: left to matchCLF", line)
		}
	}
}

var combinedLines = []string{
	`203.0.113.9 - - [20/Apr/2026:10:45:12 +0800] "GET /tea/ HTTP/1.1" 200 153 "-" "Mozilla/5.0 (X11; Linux x86_64)"`,
	`2001:db8::1 - - [20/Apr/2026:10:45:12 +0000] "POST / HTTP/2.0" 302 0 "https://shop.example.com/?q=a b" "curl/8.5.0"`,
	`203.0.113.9:4711 - - [20/Apr/2026:10:45:12 -0330] "HEAD /a b HTTP/1.0" 499 0 "" ""`,
	`shop.example.com - - [20/Apr/2026:10:45:60 +0800] "GET /\x22 HTTP/1.1" 009 153 "-" "-"`,
	`a - - [20/Apr/2026:10:45:12 +0800] "x-y * HTTP/1.1" 200 123456789012345678 "-" "[20/Apr/2026:10:45:12 +0800]"`,
	`unix: - - [20/Apr/2026:10:45:12 +0800] "GET  HTTP/1.1" 200 1 "-" "a\b"`,
	`203.0.113.9 - - [20/Apr/2026:10:45:12 +0800] "\x16\x03\x01" 400 157 "-" "-"`,
	`203.0.113.9 - bob [20/Apr/2026:10:45:12 +0800] "GET /tea/ HTTP/1.1" 200 153 "-" "a"`,
	`203.0.113.9, 10.0.0.1 - - [20/Apr/2026:10:45:12 +0800] "GET /tea/ HTTP/1.1" 200 153 "-" "a"`,
	`203.0.113.9 - - [20/Apr/2026:10:45:12 +0800] "GET /\" HTTP/1.1" 200 153 "-" "a\"b" "10.0.0.1"`,
	`203.0.113.9 - - [20/Apr/2026:10:45:12 +0800] "GET /tea/ HTTP/1.1" 200 - "-" "a"`,
	`203.0.113.9 - - [20/Apr/2026:10:45:12 +0800] "GET /tea/ HTTP/ .1" 200 1 "-" "a"`,
	`:, - - [10/Apr/0000:00:00:00 +0000] "A  HTTP/000" 000 0 "" ""`,
	`[::1] - - [20/Apr/2026:10:45:12 +0800] "GET HTTP/1.1" 200 1 "-" "a" `,
}
