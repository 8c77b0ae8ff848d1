package report

import (
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
