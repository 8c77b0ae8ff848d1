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
		for _, f := range x.Fixes {
			if f.Description.Text == "" || len(f.Changes) == 0 {
				t.Errorf("fix %+v", f)
			}
			for _, c := range f.Changes {
				uri(c.Artifact)
				if len(c.Replacements) == 0 {
					t.Errorf("nothing is replaced in %s", c.Artifact.URI)
				}
				for _, r := range c.Replacements {
					d := r.Deleted
					if d.StartLine < 1 || d.EndLine < d.StartLine || d.EndLine == d.StartLine && d.EndColumn < d.StartColumn || (d.StartColumn > 0) != (d.EndColumn > 0) {
						t.Errorf("region %+v", d)
					}
				}
			}
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

// TestSARIFFixes carries out the replacements of a log, and wants what the patch makes of the file.
func TestSARIFFixes(t *testing.T) {
	f := func(old, diff, want string) {
		t.Helper()
		diff = "--- a/redis.conf\n+++ b/redis.conf\n" + diff
		patches, err := rules.ParsePatch([]byte(diff))
		if err != nil {
			t.Fatal(err)
		}
		if patched, err := patches[0].Apply([]byte(old)); err != nil || string(patched) != want {
			t.Fatalf("the patch itself makes %q, %v", patched, err)
		}
		r := &rules.Report{Fixes: []rules.Fix{{ID: "a", Title: "Do it", Kind: rules.KindPatch, Target: "redis.conf", Diff: diff}}}
		run := sarifOf(t, r)
		text := []rune(old)
		at := func(line, column int) int {
			i := 0
			for line--; line > 0 && i < len(text); i++ {
				if text[i] == '\n' {
					line--
				}
			}
			if column == 0 { // the line's end
				for i < len(text) && text[i] != '\n' {
					i++
				}
				return i
			}
			return i + column - 1
		}
		for _, r := range slices.Backward(run.Results[0].Fixes[0].Changes[0].Replacements) {
			inserted := ""
			if r.Inserted != nil {
				inserted = r.Inserted.Text
			}
			from, to := at(r.Deleted.StartLine, max(r.Deleted.StartColumn, 1)), at(r.Deleted.EndLine, r.Deleted.EndColumn)
			text = slices.Concat(text[:from], []rune(inserted), text[to:])
		}
		if string(text) != want {
			t.Errorf("got %q, want %q", string(text), want)
		}
	}
	f("a\nb\nc\n", "@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n", "a\nB\nc\n")
	f("a\nb\nc\n", "@@ -1,3 +1,5 @@\n a\n-b\n+B1\n+B2\n c\n+d\n", "a\nB1\nB2\nc\nd\n")
	f("a\nb\nc\n", "@@ -1,3 +1,4 @@\n a\n+x\n b\n c\n", "a\nx\nb\nc\n")
	f("a\nb\nc\n", "@@ -1,3 +1,4 @@\n+x\n a\n b\n c\n", "x\na\nb\nc\n")
	f("a\nb\nc\n", "@@ -1,3 +1,2 @@\n a\n-b\n c\n", "a\nc\n")
	f("ä€\nb\n", "@@ -1,2 +1,3 @@\n ä€\n+ö\n b\n", "ä€\nö\nb\n")
	f("", "@@ -0,0 +1 @@\n+x\n", "x\n")
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
