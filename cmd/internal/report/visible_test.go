package report

import (
	"testing"
	"unicode"
)

func TestVisible(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		if got := visible(in); got != want {
			t.Errorf("visible(%q) = %q, want %q", in, got, want)
		}
	}
	f("plain 'text' \\ \"quoted\"", "plain 'text' \\ \"quoted\"")
	f("\x1b[31mred", `\x1b[31mred`)                             // CSI
	f("\x1b]0;owned\x07", `\x1b]0;owned\x07`)                   // OSC, sets the title
	f("\u009b31m \u009d0;x\u009c", `\u009b31m \u009d0;x\u009c`) // C1, as UTF-8
	f("\x9b31m", `\x9b31m`)                                     // C1, as a byte
	f("a\u202eb\u2066c\u2069", `a\u202eb\u2066c\u2069`)         // bidi
	f("zero\u200bwidth\ufeff \U000e0041", `zero\u200bwidth\ufeff \U000e0041`)
	f("over\rwritten\nnext\ttab\x00\x7f", `over\rwritten\nnext tab\x00\x7f`)
	f("\u2028\u00a0", `\u2028\u00a0`)
	f("Grüne Teekanne 緑茶 ✓", "Grüne Teekanne 緑茶 ✓")
	f("\xc3(", `\xc3(`)
}

func FuzzVisible(f *testing.F) {
	for _, s := range hostile {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		out := visible(s)
		for _, r := range out {
			if !unicode.IsPrint(r) {
				t.Fatalf("%q: %U is left", s, r)
			}
		}
		if visible(out) != out {
			t.Fatalf("%q: seen twice it differs", s)
		}
	})
}
