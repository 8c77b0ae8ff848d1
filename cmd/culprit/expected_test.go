package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"culprit/correlate"
	"culprit/rules"
)

// expectation is what an incident's expected.json holds the verdict to.
type expectation struct {
	Outcome, Cause string
	Victim         struct {
		Comm string
		PID  int64
	}
	KilledAt     string   `json:"killed_at"`
	Culprits     []string // each must be named
	MustNotBlame []string `json:"must_not_blame"` // none may be, nor a part of its name
}

// TestExpected judges every incident of testdata as its expected.json says, and accuses nobody else.
func TestExpected(t *testing.T) {
	files, err := filepath.Glob("../../testdata/incidents/*/expected.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no incidents: %v", err)
	}
	for _, file := range files {
		dir := filepath.Dir(file)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var want expectation
			if err := json.Unmarshal(text, &want); err != nil {
				t.Fatal(err)
			}
			inc, _, err := incident(t.Context(), []string{dir}, "", nil, 2, correlate.Options{})
			if err != nil {
				t.Fatal(err)
			}
			checkExpected(t, want, rules.Judge(inc))
		})
	}
}

func checkExpected(t *testing.T, want expectation, rep *rules.Report) {
	if rep.Verdict.Outcome != want.Outcome || rep.Verdict.Cause != want.Cause {
		t.Errorf("verdict %s %s, want %s %s: %s", rep.Verdict.Outcome, rep.Verdict.Cause, want.Outcome, want.Cause, rep.Verdict.Summary)
	}
	if want.Victim.Comm != "" && (rep.Incident.Victim != want.Victim.Comm || rep.Incident.VictimPID != want.Victim.PID) {
		t.Errorf("victim %s %d, want %s %d", rep.Incident.Victim, rep.Incident.VictimPID, want.Victim.Comm, want.Victim.PID)
	}
	if got := rep.Incident.KilledAt.UTC().Format("2006-01-02T15:04:05Z"); want.KilledAt != "" && got != want.KilledAt {
		t.Errorf("killed at %s, want %s", got, want.KilledAt)
	}
	var named []string
	for _, c := range rep.Culprits {
		named = append(named, c.Value)
		for _, innocent := range want.MustNotBlame {
			if strings.Contains(strings.ToLower(c.Value), strings.ToLower(innocent)) {
				t.Errorf("blames %s", c.Value)
			}
		}
	}
	for _, c := range want.Culprits {
		if !slices.Contains(named, c) {
			t.Errorf("does not name %s but %v", c, named)
		}
	}
}
