package rules

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"culprit/correlate"
)

// TestPages: the page of every rule and cause has every section.
func TestPages(t *testing.T) {
	docs := map[string]string{}
	for _, r := range All() {
		docs[r.ID] = r.Doc
	}
	for _, c := range Causes() {
		docs[c.ID] = c.Doc
	}
	for id, doc := range docs {
		p := PageOf(id, doc)
		for name, text := range map[string]string{"meaning": p.Means, "arithmetic": p.Arithmetic, "threshold": p.Threshold, "when it is wrong": p.Wrong, "example": p.Example} {
			if len(text) < 20 {
				t.Errorf("%s: %s: %q", id, name, text)
			}
		}
	}
}

// TestExamples holds examples.txt against testdata; -update writes it.
func TestExamples(t *testing.T) {
	var b strings.Builder
	for _, r := range All() {
		cases, err := filepath.Glob(filepath.Join(testdata, r.ID, "fires*"))
		if err != nil || len(cases) == 0 {
			t.Fatalf("%s fires in no case: %v", r.ID, err)
		}
		files, _ := readCase(t, cases[0])
		if f := runRule(t, r, files); len(f) > 0 {
			writeExample(&b, r.ID, cases[0], f[0].Title, f[0].Evidence, files)
		}
	}
	for _, c := range Causes() {
		path := filepath.Join(causeCases, c.ID, "example.txtar")
		files, _ := readCase(t, path)
		rep := Judge(incidentOf(t, files))
		var ev []correlate.Evidence
		for _, l := range rep.Chain {
			ev = append(ev, l.Effect.Evidence...)
			ev = append(ev, l.Cause.Evidence...)
		}
		writeExample(&b, c.ID, path, rep.Verdict.Summary, ev, files)
	}
	if *update {
		if err := os.WriteFile("examples.txt", []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(examples, b.String()); diff != "" {
		t.Errorf("examples.txt (go test ./rules -run TestExamples -update):\n%s", diff)
	}
}

// writeExample: the case, what is said of it, and at most three of its lines, each from another place.
func writeExample(b *strings.Builder, id, path, says string, ev []correlate.Evidence, files []caseFile) {
	fmt.Fprintf(b, "== %s\n%s:\n\n%s\n\n", id, strings.TrimPrefix(filepath.ToSlash(path), "../"), sentence(says))
	told := map[string]bool{}
	for _, e := range ev {
		at := fmt.Sprintf("%s:%d", e.File, e.Line)
		text := e.Text
		for _, f := range files {
			if lines := strings.Split(string(f.text), "\n"); f.name == e.File && text == "" && e.Line <= len(lines) {
				text = lines[e.Line-1]
			}
		}
		if told[at] || len(told) == 3 || strings.TrimSpace(text) == "" {
			continue
		}
		told[at] = true
		if text = strings.ReplaceAll(strings.TrimSpace(text), "hunter2", "***"); len(text) > 120 {
			text = strings.ToValidUTF8(text[:120], "") + "…"
		}
		fmt.Fprintf(b, "    %s  %s\n", at, strings.TrimSpace(text))
	}
	b.WriteByte('\n')
}
