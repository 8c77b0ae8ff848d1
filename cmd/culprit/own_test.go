package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"culprit/cmd/internal/own"
)

// TestOwnRules runs testdata/own/cases with the rules of testdata/own/house.yaml, as a user would: culprit test. Every rule
// has a case RULE-fires and a case RULE-quiet, in which it has all that it needs.
func TestOwnRules(t *testing.T) {
	const dir = "../../testdata/own"
	house := filepath.Join(dir, "house.yaml")
	var out, errs bytes.Buffer
	if code := run(t.Context(), []string{"test", "--rules", house, filepath.Join(dir, "cases")}, nil, &out, &errs); code != exitOK {
		t.Errorf("exit code %d: %s%s", code, out.Bytes(), errs.Bytes())
	}
	text, err := os.ReadFile(house)
	if err != nil {
		t.Fatal(err)
	}
	o, err := own.Load("house.yaml", text)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range o.Rules {
		for _, kind := range []string{"fires", "quiet"} {
			name := filepath.Join(dir, "cases", r.ID+"-"+kind)
			e, err := readExpected(name)
			if err != nil {
				t.Error(err)
				continue
			}
			if want := map[string][]string{"fires": e.Findings, "quiet": e.Quiet}[kind]; !slices.Equal(want, []string{r.ID}) {
				t.Errorf("%s expects %q", name, want)
			}
			rep, err := runCase(t.Context(), name, e, o, 1)
			if err != nil {
				t.Fatal(err)
			}
			for _, n := range rep.NotJudged {
				if n.Rule == r.ID {
					t.Errorf("%s: not judged: %s", name, n.Why)
				}
			}
			for _, f := range rep.Findings {
				if f.Rule == r.ID && len(f.Evidence) == 0 {
					t.Errorf("%s: %q without evidence", name, f.Title)
				}
			}
		}
	}
}
