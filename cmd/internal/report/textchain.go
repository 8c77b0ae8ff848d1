package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"culprit/correlate"
	"culprit/rules"
)

// chain tells the links, newest effect on top; between two events stands why the lower is held to have caused the upper.
func (t *text) chain(name string) {
	if len(t.r.Chain) == 0 {
		return
	}
	note := "newest effect on top; times are UTC"
	var times []time.Time
	for _, l := range t.r.Chain {
		times = append(times, l.Effect.From, l.Effect.To, l.Cause.From, l.Cause.To)
	}
	year := oneYear(times)
	if year != 0 {
		note += fmt.Sprintf(", %d", year)
	}
	t.heading(name, note)
	var last *correlate.Event
	for i := range t.r.Chain {
		l := &t.r.Chain[i]
		if last == nil || !sameEvent(*last, l.Effect) {
			if last != nil {
				t.blank()
			}
			t.event(bar, l.Effect, year == 0)
		}
		t.edge(l)
		gutter := indent(4)
		if i+1 < len(t.r.Chain) && sameEvent(l.Cause, t.r.Chain[i+1].Effect) {
			gutter = bar
		}
		t.event(gutter, l.Cause, year == 0)
		last = &l.Cause
	}
	t.legend()
}

// legend says what the tests ask, where one of them was not passed.
func (t *text) legend() {
	open := slices.ContainsFunc(t.r.Chain, func(l correlate.Link) bool { return l.Tests != allPassed })
	if open || t.o.Verbose {
		t.blank()
		t.flow(margin, margin, 0, words(aside, "structural: the configuration lets it happen; deviating: both ends left their usual range; "+
			"ordered: the cause came first; sufficient: it is enough to explain the effect. ✓ yes, ✗ no, ? not known")...)
	}
}

var allPassed = correlate.Tests{Structural: correlate.Pass, Deviating: correlate.Pass, Ordered: correlate.Pass, Sufficient: correlate.Pass}

func sameEvent(a, b correlate.Event) bool { return a.Kind == b.Kind && a.Subject == b.Subject }

func (t *text) event(gutter piece, e correlate.Event, year bool) {
	ps := []piece{}
	if p := period(e.From, e.To, year); p != "" {
		ps = append(ps, say(label, p+within(e.Error)+" "))
	}
	t.flow(dot, gutter, 0, append(ps, words(strong, cmp.Or(e.Text, e.Kind+" "+e.Subject))...)...)
	t.evidence(gutter, e.Evidence, evidenceRows)
}

func (t *text) edge(l *correlate.Link) {
	var says []string
	if l.Explained >= 0 {
		says = append(says, "explains "+percent(l.Explained))
	}
	switch {
	case l.LagKnown && l.Lag.Abs() < time.Second:
		says = append(says, "at once")
	case l.LagKnown:
		says = append(says, span(l.Lag)+" later")
	}
	t.out.line(t.st.paint(piece{"  │", aside}))
	ps := words(body, strings.Join(says, ", "))
	if len(ps) > 0 {
		ps = append(ps, piece{"·", aside})
	}
	t.flow(arrow, bar, 0, append(ps, tests(l.Tests)...)...)
	t.evidence(bar, t.untold(l.For), 1)
	if len(l.Against) > 0 {
		t.flow(bar, bar, 0, piece{"speaks against it:", wrong})
		t.evidence(bar, l.Against, 1)
	}
}

// tests are the four tests in one row, each with its sign: ✓ passed, ✗ failed, ? could not be tested.
func tests(ts correlate.Tests) []piece {
	var ps []piece
	for _, x := range []struct {
		name string
		o    correlate.Outcome
	}{{"structural", ts.Structural}, {"deviating", ts.Deviating}, {"ordered", ts.Ordered}, {"sufficient", ts.Sufficient}} {
		switch x.o {
		case correlate.Pass:
			ps = append(ps, piece{x.name + " ✓", fine})
		case correlate.Fail:
			ps = append(ps, piece{x.name + " ✗", wrong})
		default:
			ps = append(ps, piece{x.name + " ?", unsure})
		}
	}
	return ps
}

// proof is what carries a verdict that has no chain: its findings.
func (t *text) proof() {
	if len(t.r.Chain) > 0 {
		return
	}
	first := true
	for _, f := range t.r.Findings {
		if f.Role != rules.RoleRoot {
			continue
		}
		if first {
			t.heading("WHAT SHOWS IT", "")
			first = false
		}
		t.flow(dot, indent(4), 0, words(strong, f.Title)...)
		t.evidence(indent(4), f.Evidence, evidenceRows)
	}
}

var (
	dot   = piece{"  ● ", strong}
	bar   = piece{"  │ ", aside}
	arrow = piece{"  ▲ ", aside}
)
