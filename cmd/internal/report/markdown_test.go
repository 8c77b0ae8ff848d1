package report

import (
	"bytes"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"culprit/rules"
)

// Whatever the logs hold, the document keeps its headings, its tables their columns, and no HTML appears.
func TestMarkdownHostile(t *testing.T) {
	tame := new(rules.Report)
	fill(reflect.ValueOf(tame).Elem(), func() string { return "tame" })
	want := strings.Count("\n"+markdownOf(t, tame), "\n#")
	for i := range hostile {
		r := hostileReport(i)
		headings, columns := 0, 0
		fence := ""
		for _, l := range strings.Split(markdownOf(t, r), "\n") {
			for _, c := range l {
				if !unicode.IsPrint(c) {
					t.Fatalf("%q: %U in %q", hostile[i], c, l)
				}
			}
			trimmed := strings.TrimSpace(l)
			if run := longestPrefix(trimmed, '`'); run >= 3 && (fence == "" || trimmed == fence) {
				if fence != "" {
					fence = ""
				} else {
					fence = trimmed[:run]
				}
				continue
			}
			if fence != "" {
				continue
			}
			if strings.HasPrefix(l, "#") {
				headings++
			}
			if strings.HasPrefix(l, "|--") {
				columns = strings.Count(l, "|")
			}
			if bare := strings.ReplaceAll(l, `\|`, ""); columns > 0 && strings.HasPrefix(l, "|") && strings.Count(bare, "|") != columns {
				t.Errorf("%q: %d bars instead of %d: %s", hostile[i], strings.Count(bare, "|"), columns, l)
			}
			if !strings.HasPrefix(l, "|") {
				columns = 0
			}
			if bare := codeSpans.ReplaceAllString(l, ""); strings.Contains(bare, "<") {
				t.Errorf("%q: HTML in %s", hostile[i], l)
			}
		}
		if fence != "" || headings != want {
			t.Errorf("%q: %d headings, open fence %q", hostile[i], headings, fence)
		}
	}
}

var codeSpans = regexp.MustCompile("`+[^`]+`+|(?:`{4}) .*? (?:`{4})")

func longestPrefix(text string, c byte) int {
	return len(text) - len(strings.TrimLeft(text, string(c)))
}

func TestProse(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		if got := prose(in); got != want {
			t.Errorf("prose(%q) = %q, want %q", in, got, want)
		}
	}
	f("7.2 GiB, 92 % of RAM", "7.2 GiB, 92 % of RAM")
	f("wc_session_* _x_", `wc_session\_\* \_x\_`)
	f("[click](http://example.com) <b>", `\[click\](http\://example.com) &lt;b&gt;`)
	f("www.example.com", `www\.example.com`)
	f("1. one\n# two", `1\. one\\n# two`)
	f("- list", `\- list`)
	f("99.97 % of keys", "99.97 % of keys")
}

func TestCode(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		if got := code(in); got != want {
			t.Errorf("code(%q) = %q, want %q", in, got, want)
		}
	}
	f("GET /cart/", "`GET /cart/`")
	f("`id`", "`` `id` ``")
	f("", "")
}

func markdownOf(t *testing.T, r *rules.Report) string {
	t.Helper()
	var b bytes.Buffer
	if err := Markdown(&b, r, Options{}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
