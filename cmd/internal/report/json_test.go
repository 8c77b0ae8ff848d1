package report

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"culprit/correlate"
	"culprit/rules"
)

func TestJSONHostile(t *testing.T) {
	for i := range hostile {
		text := jsonOf(t, hostileReport(i))
		if !json.Valid(text) || !utf8.Valid(text) {
			t.Fatalf("%q: not JSON", hostile[i])
		}
		for _, r := range string(text) {
			if r != '\n' && !unicode.IsPrint(r) {
				t.Fatalf("%q: %U reaches the terminal", hostile[i], r)
			}
		}
	}
}

// What was read back is what came in, but for bytes that are no text.
func TestJSONKeepsText(t *testing.T) {
	for _, want := range hostile {
		var got struct{ Verdict struct{ Summary string } }
		if err := json.Unmarshal(jsonOf(t, &rules.Report{Verdict: rules.Verdict{Summary: want}}), &got); err != nil {
			t.Fatal(err)
		}
		if utf8.ValidString(want) && got.Verdict.Summary != want {
			t.Errorf("%q became %q", want, got.Verdict.Summary)
		}
	}
}

func TestJSONUnknownIsLeftOut(t *testing.T) {
	text := string(jsonOf(t, &rules.Report{
		Verdict:  rules.Verdict{Outcome: rules.Inconclusive, Cause: "never shown", Confidence: math.NaN()},
		Culprits: []rules.Culprit{{Kind: "address", Value: "192.0.2.1", Share: -1}},
		Chain:    []correlate.Link{{Explained: -1}},
		Ledger:   []rules.Ledger{{Total: math.Inf(1)}},
		Inputs:   []correlate.Input{{From: time.Date(2026, 4, 20, 9, 0, 0, 0, time.UTC)}},
	}))
	for _, key := range []string{"victim", "killed_at", "onset_at", "share", "requests", "confidence", "lag_s", "explained", "total", `"from"`, "killed_line", "never shown"} {
		if strings.Contains(text, key) {
			t.Errorf("unknown %s is written", key)
		}
	}
	for _, want := range []string{`"structural": null`, `"findings": []`, `"for": []`, `"local_from": "2026-04-20T09:00:00"`} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in %s", want, text)
		}
	}
}

func jsonOf(t *testing.T, r *rules.Report) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := JSON(&b, r); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
