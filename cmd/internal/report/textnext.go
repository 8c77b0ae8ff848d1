package report

import (
	"slices"

	"culprit/rules"
)

// next names the commands that a reader wants now, ready to paste, and at most three: what writes the patches, what tells
// more about the cause, what makes this fit to pass on.
func (t *text) next() {
	var rows [][2]string
	source := ""
	if t.o.Source != "" {
		source = shellQuote(t.o.Source)
		if t.o.App != "" {
			source += " --app " + shellQuote(t.o.App)
		}
	}
	patch := slices.ContainsFunc(t.r.Fixes, func(f rules.Fix) bool { return f.Kind == rules.KindPatch })
	if source != "" && patch {
		rows = append(rows, [2]string{"culprit fix " + source + " --out fixes", "the fixes as patch files"})
	}
	cause := t.r.Verdict.Cause
	if cause == "" && t.r.Verdict.Outcome != rules.NoIncident && len(t.r.Candidates) > 0 {
		cause = t.r.Candidates[0].Cause
	}
	if slices.ContainsFunc(rules.Causes(), func(c rules.Cause) bool { return c.ID == cause }) {
		rows = append(rows, [2]string{"culprit rules " + cause, "what it means, and when it is wrong"})
	}
	switch {
	case source == "":
	case t.r.Verdict.Outcome == rules.Inconclusive:
		rows = append(rows, [2]string{"culprit " + source + " FILE...", "again, with what would settle it"})
	case t.r.Verdict.Outcome == rules.RootCause:
		rows = append(rows, [2]string{"culprit " + source + " -o report.html -o postmortem.md", "to pass on"})
	}
	if len(rows) == 0 {
		return
	}
	t.heading("NEXT", "")
	for _, r := range rows {
		t.put(margin, []piece{{visible(r[0]), command}})
		t.flow(indent(6), indent(6), 0, words(aside, r[1])...)
	}
}
