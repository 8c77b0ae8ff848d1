package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"culprit/rules"
)

// sarifOf renders a report and holds it against what the schema of SARIF 2.1.0 demands of the properties that we write.
func sarifOf(t *testing.T, r *rules.Report) sRun {
	t.Helper()
	var b bytes.Buffer
	if err := SARIF(&b, r); err != nil {
		t.Fatal(err)
	}
	for _, c := range b.String() {
		if c != '\n' && !unicode.IsPrint(c) {
			t.Fatalf("%U is in the log", c)
		}
	}
	var log sLog
	d := json.NewDecoder(&b)
	d.DisallowUnknownFields()
	if err := d.Decode(&log); err != nil {
		t.Fatal(err)
	}
	if log.Version != "2.1.0" || len(log.Runs) != 1 || !strings.HasPrefix(log.Schema, "https://") {
		t.Fatalf("version %q, %d runs", log.Version, len(log.Runs))
	}
	run := log.Runs[0]
	levels, kinds := []string{"none", "note", "warning", "error"}, []string{"notApplicable", "pass", "fail", "review", "open", "informational"}
	if run.Tool.Driver.Name == "" || run.Results == nil || len(run.Invocations) == 0 {
		t.Error("no tool, results or invocations")
	}
	ids := map[string]bool{}
	for _, rule := range run.Tool.Driver.Rules {
		if rule.ID == "" || ids[rule.ID] || rule.Short.Text == "" || !slices.Contains(levels, rule.Configuration.Level) || rule.Full != nil && rule.Full.Text == "" {
			t.Errorf("rule %+v", rule)
		}
		ids[rule.ID] = true
	}
	uri := func(a sURI) {
		u, err := url.Parse(a.URI)
		if err != nil || a.URI == "" || u.Scheme != "" || u.Host != "" || strings.ContainsAny(a.URI, " <>\"\\^`{|}") {
			t.Errorf("uri %q: %v", a.URI, err)
		}
		if a.Index != nil && (*a.Index < 0 || *a.Index >= len(run.Artifacts) || run.Artifacts[*a.Index].Location.URI != a.URI) {
			t.Errorf("%q is not artifact %d", a.URI, *a.Index)
		}
	}
	for _, a := range run.Artifacts {
		uri(a.Location)
	}
	location := func(l sLocation) {
		if l.Message != nil && l.Message.Text == "" {
			t.Error("an empty message")
		}
		if p := l.Physical; p != nil {
			uri(p.Artifact)
			if p.Region != nil && p.Region.StartLine < 1 {
				t.Errorf("line %d", p.Region.StartLine)
			}
		}
	}
	for _, x := range run.Results {
		if x.Message.Text == "" || !slices.Contains(levels, x.Level) || !slices.Contains(kinds, x.Kind) || (x.Kind == "fail") == (x.Level == "none") {
			t.Errorf("kind %q, level %q, message %q", x.Kind, x.Level, x.Message.Text)
		}
		if x.RuleIndex >= len(run.Tool.Driver.Rules) || run.Tool.Driver.Rules[x.RuleIndex].ID != x.RuleID {
			t.Errorf("%q is not rule %d", x.RuleID, x.RuleIndex)
		}
		if x.Rank != nil && (*x.Rank < 0 || *x.Rank > 100) {
			t.Errorf("rank %g", *x.Rank)
		}
		related := map[string]bool{}
		for _, l := range x.Related {
			key, _ := json.Marshal(l)
			if related[string(key)] {
				t.Errorf("twice: %s", key)
			}
			related[string(key)] = true
			location(l)
		}
		for _, l := range x.Locations {
			location(l)
		}
		for _, f := range x.CodeFlows {
			for _, th := range f.ThreadFlows {
				if len(th.Locations) == 0 {
					t.Error("a thread flow without locations")
				}
				for i, l := range th.Locations {
					location(l.Location)
					if _, err := time.Parse(time.RFC3339, l.Time); l.Time != "" && err != nil || l.Order != i+1 || !slices.Contains([]string{"important", "essential", "unimportant"}, l.Importance) {
						t.Errorf("step %+v", l)
					}
				}
			}
		}
	}
	for _, n := range run.Invocations[0].Notifications {
		if n.Message.Text == "" || !slices.Contains(levels, n.Level) {
			t.Errorf("notification %+v", n)
		}
	}
	return run
}

func TestSARIFTeaShop(t *testing.T) {
	run := sarifOf(t, teaShop())
	v := run.Results[0]
	if v.RuleID != "crawler-session-leak" || v.Level != "error" || *v.Rank != 97 || v.Locations[0].Physical.Artifact.URI != "dmesg.txt" || v.Locations[0].Physical.Region.StartLine != 32 {
		t.Errorf("verdict %+v", v)
	}
	var flow []string
	for _, l := range v.CodeFlows[0].ThreadFlows[0].Locations {
		flow = append(flow, fmt.Sprintf("%s:%d", l.Location.Physical.Artifact.URI, l.Location.Physical.Region.StartLine))
	}
	want := "var/log/nginx/access.log:1 var/log/nginx/access.log:2 var/log/nginx/access.log:9 commands/redis-info.txt:37 commands/redis-keys.txt:21 " +
		"var/www/html/wp-content/plugins/redis-session-manager/class-redis-session.php:89 commands/redis-info.txt:28 commands/redis-info.txt:30 dmesg.txt:32 var/log/nginx/access.log:412"
	if got := strings.Join(flow, " "); got != want {
		t.Errorf("flow %s", got)
	}
	for _, want := range []string{"Fix 1: Give session keys a TTL of 48 h", "+maxmemory 2gb", "Risk: "} {
		if !strings.Contains(v.Message.Text, want) {
			t.Errorf("no %q in the message", want)
		}
	}
	if len(run.Results) != 5 || run.Results[4].Level != "note" {
		t.Errorf("%d results", len(run.Results))
	}
}

func TestSARIFOutcomes(t *testing.T) {
	f := func(r *rules.Report, id, kind string) {
		t.Helper()
		if v := sarifOf(t, r).Results[0]; v.RuleID != id || v.Kind != kind {
			t.Errorf("%s is %s, want %s is %s", v.RuleID, v.Kind, id, kind)
		}
	}
	f(inconclusive(), "inconclusive", "open")
	f(noIncident(), "no-incident", "pass")
	f(&rules.Report{}, "inconclusive", "open")
	for i := range hostile {
		for _, outcome := range []string{"", rules.RootCause, rules.NoIncident} {
			r := hostileReport(i)
			r.Verdict.Outcome = outcome
			sarifOf(t, r)
		}
	}
}

// A log cannot set a link into a message.
func TestSARIFMessage(t *testing.T) {
	if got := message(`GET /[x](http://example.com)\`).Text; got != `GET /\[x\](http://example.com)\\` {
		t.Error(got)
	}
	if got := message("[20/Apr/2026] \\x16").Text; got != "[20/Apr/2026] \\x16" {
		t.Error(got)
	}
}
