package report

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"culprit/correlate"
	"culprit/rules"
)

func TestLive(t *testing.T) {
	at := time.Date(2026, 4, 20, 9, 12, 34, 0, time.FixedZone("", 8*3600))
	f := func(e LiveEvent, want string) {
		t.Helper()
		e.Time = at
		var text, obj strings.Builder
		if err := LiveText(&text, e); err != nil {
			t.Fatal(err)
		}
		if text.String() != "2026-04-20T01:12:34Z "+want+"\n" {
			t.Errorf("got  %swant %s", text.String(), want)
		}
		if err := LiveJSON(&obj, e); err != nil {
			t.Fatal(err)
		}
		var back map[string]any
		if s := obj.String(); strings.Count(s, "\n") != 1 || json.Unmarshal([]byte(s), &back) != nil || back["event"] != e.Kind {
			t.Errorf("%s", s)
		}
	}
	f(LiveEvent{Kind: "source", Source: "access.log", Text: "no such file"}, "source   access.log: no such file")
	f(LiveEvent{Kind: "verdict", Verdict: &rules.Verdict{Outcome: "root-cause", Cause: "other-process-hog", Confidence: 0.9, Summary: "mysqld."}},
		"verdict  root-cause: other-process-hog (90 %): mysqld.")
	f(LiveEvent{Kind: "finding", Finding: &rules.Finding{Rule: "no-maxmemory", Role: "contributing", Title: "a\x1b[31m\nb"}},
		`finding  contributing: a\x1b[31m\nb [no-maxmemory]`)
	f(LiveEvent{Kind: "forecast", Forecast: &correlate.Forecast{Instance: "6379", Limit: "maxmemory", Room: 1 << 30, PerSecond: 1 << 20,
		In: 192 * time.Minute, Least: 160 * time.Minute, Most: 245 * time.Minute}},
		"forecast Redis 6379 reaches maxmemory in 3 h 12 min (2 h 40 min to 4 h 5 min): 1.0 GiB left, at 60.0 MiB a minute")
}
