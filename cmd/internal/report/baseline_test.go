package report

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"culprit/correlate"
	"culprit/rules"
)

// TestCompare: of two reports every difference is told once, with both sides.
func TestCompare(t *testing.T) {
	was := &rules.Report{
		Verdict:  rules.Verdict{Outcome: rules.RootCause, Cause: "crawler-session-leak", Confidence: 0.9},
		Incident: rules.IncidentFacts{Victim: "redis-server", VictimPID: 1, KilledAt: time.Unix(1_780_000_000, 0)},
		Culprits: []rules.Culprit{{Kind: "user-agent", Value: "DotBot", Share: 0.5, Requests: 100}, {Kind: "address", Value: "192.0.2.1", Share: -1}},
		Findings: []rules.Finding{
			{Rule: "no-swap", Title: "The host has no swap"},
			{Rule: "redis-keys-without-ttl", Title: "10 of 20 keys have no expiry", Quantities: []rules.Quantity{{Name: "keys", Value: 20}}},
			{Rule: "memory-budget", Title: "The budget fails by 1 GiB", Quantities: []rules.Quantity{{Name: "missing", Value: 1 << 30, Unit: "bytes"}}},
			{Rule: "two", Title: "web1 is full"}, {Rule: "two", Title: "web2 is full"},
		},
		Fixes:   []rules.Fix{{ID: "session-ttl", Title: "Give keys a TTL", Effect: rules.Effect{Prevents: correlate.Pass}}},
		Missing: []rules.Missing{{ID: "redis-conf", Why: "no redis.conf"}},
	}
	is := &rules.Report{
		Verdict:  rules.Verdict{Outcome: rules.RootCause, Cause: "fork-cow", Confidence: 0.9},
		Incident: rules.IncidentFacts{Victim: "redis-server", VictimPID: 1, KilledAt: time.Unix(1_780_000_000, 0), Impact: "5 requests failed"},
		Culprits: []rules.Culprit{{Kind: "user-agent", Value: "DotBot", Share: 0.5, Requests: 200}, {Kind: "process", Value: "mysqld", Share: -1}},
		Findings: []rules.Finding{
			{Rule: "redis-keys-without-ttl", Title: "15 of 30 keys have no expiry", Quantities: []rules.Quantity{{Name: "keys", Value: 30}}},
			{Rule: "memory-budget", Title: "The budget fails by 1 GiB", Quantities: []rules.Quantity{{Name: "missing", Value: 2 << 30, Unit: "bytes"}}},
			{Rule: "two", Title: "web2 is full"}, {Rule: "two", Title: "web3 is full"}, {Rule: "two", Title: "web4 is full"},
		},
		Fixes: []rules.Fix{{ID: "session-ttl", Title: "Give keys a TTL", Effect: rules.Effect{Prevents: correlate.Fail}}},
	}
	var earlier bytes.Buffer
	if err := JSON(&earlier, was); err != nil {
		t.Fatal(err)
	}
	c, err := Compare(is, "yesterday.json", earlier.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, ch := range c.Changes {
		got = append(got, strings.Join([]string{ch.State, ch.What, ch.Text, ch.Before, ch.After}, "|"))
	}
	want := []string{
		"changed|verdict|verdict|root-cause crawler-session-leak|root-cause fork-cow",
		"changed|culprit|user-agent DotBot|50 %, 100 requests|50 %, 200 requests",
		"changed|finding|redis-keys-without-ttl|10 of 20 keys have no expiry|15 of 30 keys have no expiry",
		"changed|finding|memory-budget, missing|1.0 GiB|2.0 GiB",
		"changed|fix|session-ttl|would have prevented it|would not have prevented it",
		"new|incident|impact||5 requests failed",
		"new|culprit|process mysqld||",
		"new|finding|two||web3 is full",
		"new|finding|two||web4 is full",
		"gone|culprit|address 192.0.2.1||",
		"gone|finding|no-swap|The host has no swap|",
		"gone|finding|two|web1 is full|",
		"gone|missing|redis-conf|no redis.conf|",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}

	is.Baseline = c
	for name, render := range map[string]func(*bytes.Buffer) error{
		"text": func(b *bytes.Buffer) error { return Text(b, is, Options{}) },
		"md":   func(b *bytes.Buffer) error { return Markdown(b, is, Options{}) },
		"html": func(b *bytes.Buffer) error { return HTML(b, is) },
		"json": func(b *bytes.Buffer) error { return JSON(b, is) },
	} {
		var b bytes.Buffer
		if err := render(&b); err != nil {
			t.Fatal(err)
		}
		for _, s := range []string{"yesterday.json", "redis-keys-without-ttl", "15 of 30 keys", "would have prevented it"} {
			if !strings.Contains(strings.Join(strings.Fields(b.String()), " "), s) {
				t.Errorf("%s does not say %q", name, s)
			}
		}
	}
	if same, err := Compare(was, "x", earlier.Bytes()); err != nil || len(same.Changes) > 0 {
		t.Errorf("compared with itself: %v %v", same, err)
	}
	for _, bad := range []string{"", "[]", "{}", `{"schema":"culprit.test/1"}`, "ROOT CAUSE"} {
		if _, err := Compare(was, "x", []byte(bad)); err == nil {
			t.Errorf("%q was taken for a report", bad)
		}
	}
}
