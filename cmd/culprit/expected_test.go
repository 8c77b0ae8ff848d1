package main

import (
	"path/filepath"
	"testing"

	"culprit/rules"
)

// TestExpected judges every incident of testdata as its expected.json says, and accuses nobody else.
func TestExpected(t *testing.T) {
	dirs, err := casesIn("../../testdata/incidents")
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range dirs {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			want, err := readExpected(dir)
			if err != nil {
				t.Fatal(err)
			}
			rep, err := runCase(t.Context(), dir, want, rules.Own{}, 2)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range want.changes(rep) {
				t.Errorf("%s: %s", c, rep.Verdict.Summary)
			}
		})
	}
}
