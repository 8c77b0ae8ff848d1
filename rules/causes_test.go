package rules

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCauses judges the cases of every cause, testdata/causes/<cause>/*.txtar: small incidents that are blamed on it.
func TestCauses(t *testing.T) {
	for _, cause := range Causes() {
		t.Run(cause.ID, func(t *testing.T) {
			cases, err := filepath.Glob(filepath.Join(causeCases, cause.ID, "*.txtar"))
			if err != nil || len(cases) == 0 {
				t.Fatalf("no case in %s", filepath.Join(causeCases, cause.ID))
			}
			for _, path := range cases {
				files, _ := readCase(t, path)
				r := Judge(incidentOf(t, files))
				if r.Verdict.Cause != cause.ID {
					t.Errorf("%s: %s %s %.2f: %s", path, r.Verdict.Outcome, r.Verdict.Cause, r.Verdict.Confidence, r.Verdict.Summary)
					for _, o := range r.RuledOut {
						t.Logf("%s: %s", o.Cause, o.Reason)
					}
				}
				for _, l := range r.Chain {
					for _, ev := range append(l.Cause.Evidence, l.Effect.Evidence...) {
						checkEvidence(t, l.Cause.Text, ev, files)
					}
				}
			}
		})
	}
	entries, err := os.ReadDir(causeCases)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		known := false
		for _, c := range Causes() {
			known = known || c.ID == e.Name()
		}
		if !known && !strings.HasPrefix(e.Name(), ".") {
			t.Errorf("%s/%s: no such cause", causeCases, e.Name())
		}
	}
}

const causeCases = "../testdata/causes"
