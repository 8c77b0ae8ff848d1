package report

import (
	"encoding/json"
	"io"
	"strings"
	"testing"

	"culprit/correlate"
	"culprit/rules"
)

func TestMetrics(t *testing.T) {
	l := leaking()
	l.Sources[1].Name = "/var/log/\"x\"\\\n.log"
	golden(t, "metrics.txt", func(w io.Writer) error { return Metrics(w, l) })
}

// What is not known is left out, and never 0.
func TestMetricsUnknown(t *testing.T) {
	l := &Live{Redis: []LiveRedis{{Name: "6379"}}}
	var b strings.Builder
	if err := Metrics(&b, l); err != nil || b.String() != "" {
		t.Errorf("%v: %s", err, b.String())
	}
}

func TestAlert(t *testing.T) {
	events := []LiveEvent{
		{Kind: "finding", Finding: &rules.Finding{Rule: "r", Role: rules.RoleSymptom, Title: "<!channel> & \x1b[2J"}},
		{Kind: "forecast", Forecast: &correlate.Forecast{Limit: "maxmemory", Room: 1 << 20, PerSecond: 1, In: 60e9, Least: 50e9, Most: 70e9}},
	}
	for range 30 {
		events = append(events, LiveEvent{Kind: "source", Source: "x", Text: strings.Repeat("é", 1000)})
	}
	b, err := Alert("shop<1>", events)
	if err != nil {
		t.Fatal(err)
	}
	var m struct {
		Text, Host string
		Events     []struct {
			Event   string
			Finding struct{ Title string }
		}
	}
	if err := json.Unmarshal(b, &m); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(m.Text, "\n")
	if lines[0] != "culprit on shop&lt;1&gt;:" || lines[1] != `• finding · symptom: &lt;!channel&gt; &amp; \x1b[2J [r]` || lines[len(lines)-1] != "and 12 more" {
		t.Errorf("%q", m.Text)
	}
	if m.Host != "shop<1>" || len(m.Events) != 20 || m.Events[0].Finding.Title != "<!channel> & \x1b[2J" {
		t.Errorf("%+v", m)
	}
	if len(b) > 64<<10 {
		t.Errorf("%d bytes", len(b))
	}
}
