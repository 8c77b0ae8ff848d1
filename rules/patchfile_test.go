package rules

import (
	"bytes"
	"testing"
)

func FuzzParsePatch(f *testing.F) {
	f.Add([]byte("--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n a\n-b\n+c\n\\ No newline at end of file\n"), []byte("a\nb\n"))
	f.Fuzz(func(t *testing.T, patch, text []byte) {
		if len(patch) > 1<<16 || len(text) > 1<<16 {
			return
		}
		files, err := ParsePatch(patch)
		if err != nil {
			return
		}
		for _, p := range files {
			p.Apply(text)
		}
	})
}

// FuzzEdits: whatever a file holds, an edit is stable, and its own diff leads from before to after.
func FuzzEdits(f *testing.F) {
	f.Add([]byte("a\nmaxmemory 1gb\n# maxmemory <bytes>"))
	f.Add([]byte("[www]\r\npm.max_children = 5\r\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) > 1<<14 || bytes.IndexByte(text, 0) >= 0 {
			return
		}
		for name, e := range edits {
			ed := newEditor(text)
			e.ch(ed)
			after := ed.text()
			if again, edited := e.ch.apply(after); edited {
				t.Fatalf("%s twice: %q, then %q, then %q", name, text, after, again)
			}
			if diff := ed.diff("f"); diff != "" {
				p, err := ParsePatch([]byte(diff))
				if err != nil {
					t.Fatalf("%s: %v\n%q", name, err, diff)
				}
				if got, err := p[0].Apply(text); err != nil || !bytes.Equal(got, after) {
					t.Fatalf("%s: %v\n%q\n%q\nwant %q", name, err, diff, got, after)
				}
			}
		}
	})
}
