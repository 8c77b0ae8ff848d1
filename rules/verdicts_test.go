package rules

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const verdictdata = "../testdata/verdicts"

// TestVerdicts judges small incidents whole, testdata/verdicts/*.txtar: shapes in which a verdict once went wrong, and their
// near misses. A case is written as those of TestRules; "want" holds the verdict, who is named, what is asked for.
func TestVerdicts(t *testing.T) {
	entries, err := os.ReadDir(verdictdata)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		t.Run(strings.TrimSuffix(e.Name(), ".txtar"), func(t *testing.T) {
			path := filepath.Join(verdictdata, e.Name())
			files, want := readCase(t, path)
			r := Judge(incidentOf(t, files))
			got := tellVerdict(r)
			if *update {
				rewriteWant(t, path, got)
				return
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("verdict (-want +got):\n%s", diff)
			}
			for _, l := range r.Chain {
				for _, ev := range l.For {
					checkEvidence(t, l.Cause.Text, ev, files)
				}
			}
		})
	}
}

func tellVerdict(r *Report) []string {
	v := r.Verdict
	out := []string{strings.Join(strings.Fields(fmt.Sprintf("%s %s %.2f", v.Outcome, v.Cause, v.Confidence)), " "), v.Summary}
	for _, c := range r.Culprits {
		out = append(out, fmt.Sprintf("culprit: %s %s", c.Kind, c.Value))
	}
	for _, m := range r.Missing {
		out = append(out, "missing: "+m.ID)
	}
	return out
}
