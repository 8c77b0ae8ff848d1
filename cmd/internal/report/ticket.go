package report

import (
	"cmp"
	"io"
	"slices"
	"strings"

	"culprit/correlate"
	"culprit/rules"
)

// Ticket writes the report as the text of a ticket, in Markdown that trackers take: the verdict, the facts, the lines that
// prove it, and the first things to do. It fits a screen; the post-mortem has the rest.
func Ticket(w io.Writer, r *rules.Report, o Options) error {
	m := newMarkdown(w, r, o)
	m.line("# " + m.subject())
	m.blank()
	m.line(m.verdict())
	m.blank()
	m.line(prose(r.Verdict.Summary))
	m.facts()
	if i := r.Incident.Impact; i != "" {
		m.blank()
		m.line("Impact: " + prose(sentenceOf(i)))
	}
	m.proof()
	if r.Verdict.Outcome == rules.Inconclusive {
		m.missing("What would settle it")
	} else {
		m.firstFixes()
	}
	if len(r.DoesNotFit) > 0 {
		m.section("Does not fit")
		for _, x := range r.DoesNotFit {
			m.f("- %s", prose(sentenceOf(x.Text)))
		}
	}
	return m.out.err
}

// proof is one line for every step of the chain.
func (m *markdown) proof() {
	if len(m.r.Chain) == 0 {
		return
	}
	m.section("Proof")
	step := func(e correlate.Event) {
		where := ""
		if len(e.Evidence) > 0 {
			where = standsAt(e.Evidence[0])
		}
		m.line(strings.TrimSpace("- " + prose(sentenceOf(cmp.Or(e.Text, e.Kind))) + " " + where))
	}
	var last correlate.Event
	for i, l := range slices.Backward(m.r.Chain) {
		if i == len(m.r.Chain)-1 || !sameEvent(last, l.Cause) {
			step(l.Cause)
		}
		step(l.Effect)
		last = l.Effect
	}
}

const ticketFixes = 3

// firstFixes are those that the report puts first, each with the one thing to paste.
func (m *markdown) firstFixes() {
	if len(m.r.Fixes) == 0 {
		return
	}
	m.section("Do")
	for i, f := range m.r.Fixes {
		if i == ticketFixes {
			m.f("- and %d more in the full report", len(m.r.Fixes)-i)
			return
		}
		m.f("- [ ] %s (%s): %s", prose(f.Title), howMarked(f), prevents(f.Effect.Prevents).text)
		switch {
		case f.Diff != "":
			m.fence("diff", f.Diff)
		case f.Kind == rules.KindCommand:
			m.fence("sh", f.Text)
		case f.Text != "":
			m.instruction(f.Text)
		}
		if f.Effect.After != "" {
			m.f("  - After: %s", prose(f.Effect.After))
		}
		if f.Risk != "" {
			m.f("  - Risk: %s", prose(f.Risk))
		}
	}
}
