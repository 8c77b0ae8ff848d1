package report

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/lipgloss"

	"culprit/rules"
)

func TestSpark(t *testing.T) {
	at := clockTime("2026-04-20 00:00:00")
	f := func(want string, levels []string, values ...float64) {
		t.Helper()
		var ps []rules.Point
		for i, v := range values {
			p := rules.Point{At: at.Add(time.Duration(i) * time.Hour), Value: v}
			if v < 0 { // the first reading of another run
				p.Value, p.Gap = -v, true
			}
			ps = append(ps, p)
		}
		if got := spark(ps, at, ps[len(ps)-1].At, len([]rune(want)), levels); got != want {
			t.Errorf("%v: %q, want %q", values, got, want)
		}
	}
	f("▁▂▃▄▅▆▇█", sparkBlocks, 0, 1, 2, 3, 4, 5, 6, 7)
	f("_.:-=+*#", sparkASCII, 0, 1, 2, 3, 4, 5, 6, 7)
	f("▁▁▁▁", sparkBlocks, 0, 0, 0, 0)
	f("▅█▂▂", sparkBlocks, 4, 8, -1, 1)
	f("▁▃▆█", sparkBlocks, 0, 8)
	f("███  ▂▂▂", sparkBlocks, 8, 8, -1, 1)
	f("█", sparkBlocks, 1, 8)
}

func TestCurves(t *testing.T) {
	r := teaShop()
	text := textOf(t, r, Options{ASCII: true})
	if !strings.Contains(text, "  memory    1.0 MiB _") || strings.Contains(text, "▃") {
		t.Errorf("no plain curve in %s", text)
	}
	for width := 1; width < 130; width++ {
		for _, l := range strings.Split(textOf(t, r, Options{Width: width}), "\n") {
			if w := lipgloss.Width(l); w > max(width, minWidth) && !strings.Contains(l, "redis-cli") && !strings.Contains(l, "journalctl") {
				t.Fatalf("width %d: %d columns: %q", width, w, l)
			}
		}
	}
	for i := range r.Series {
		r.Series[i].Points = r.Series[i].Points[:sparkPoints-1]
	}
	if text := textOf(t, r, Options{}); strings.Contains(text, "  over ") {
		t.Error("three readings are drawn as a curve")
	}
}

// What is resident has a curve of its own where it is far more than the data, and only there.
func TestResidentCurve(t *testing.T) {
	for _, times := range []float64{1.1, 1.4, 1.6, 3} {
		r := teaShop()
		var rss rules.Series
		for _, s := range r.Series {
			if s.ID == "used-memory" {
				rss = rules.Series{ID: "rss", Name: "resident memory", Unit: s.Unit, Lane: s.Lane}
				for _, p := range s.Points {
					p.Value *= times
					rss.Points = append(rss.Points, p)
				}
			}
		}
		r.Series = append(slices.DeleteFunc(r.Series, func(s rules.Series) bool { return s.ID == "rss" }), rss)
		if got := strings.Contains(textOf(t, r, Options{}), "\n  resident  "); got != (times >= 1.5) {
			t.Errorf("at %.1f times used_memory the curve is shown: %v", times, got)
		}
	}
}
