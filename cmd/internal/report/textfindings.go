package report

import (
	"fmt"
	"slices"

	"culprit/correlate"
	"culprit/rules"
)

// findings that the page has not told yet, by role.
func (t *text) findings(name, note string) {
	var left []rules.Finding
	for _, f := range t.r.Findings {
		if t.o.Verbose || !t.toldFinding(f) {
			left = append(left, f)
		}
	}
	if len(left) == 0 {
		return
	}
	t.heading(name, note)
	for _, f := range left {
		t.finding(f)
	}
}

// toldFinding: what carries a verdict is the chain itself.
func (t *text) toldFinding(f rules.Finding) bool {
	return f.Role == rules.RoleRoot && t.r.Verdict.Outcome == rules.RootCause &&
		slices.ContainsFunc(f.Evidence, func(e correlate.Evidence) bool { return t.told[line{e.File, e.Line, ""}] })
}

func (t *text) finding(f rules.Finding) {
	ps := append([]piece{say(label, f.Role+":")}, words(body, f.Title)...)
	var refs []piece
	if len(f.Evidence) > 0 && !t.o.Verbose {
		refs = append(refs, say(place, clipPath(visible(at(f.Evidence[0])), t.width/2)))
	}
	for _, x := range f.Fixes {
		if i := slices.IndexFunc(t.r.Fixes, func(y rules.Fix) bool { return y.ID == x.ID }); i >= 0 {
			refs = append(refs, say(place, fmt.Sprintf("fix %d", i+1)))
		}
	}
	for i := range refs {
		if i == 0 {
			refs[i].text = "(" + refs[i].text
		}
		refs[i].text += map[bool]string{true: ")", false: ","}[i+1 == len(refs)]
	}
	ps = append(ps, refs...)
	t.flow(piece{"  · ", aside}, indent(4), 0, ps...)
	if !t.o.Verbose {
		return
	}
	if f.Detail != "" {
		t.prose(indent(6), f.Detail)
	}
	t.evidence(indent(6), f.Evidence, 0)
	if len(f.Against) > 0 {
		t.flow(indent(6), indent(6), 0, piece{"speaks against it:", wrong})
		t.evidence(indent(6), f.Against, 0)
	}
	if len(f.Quantities) > 0 {
		rows := each(f.Quantities, quantityRow)
		t.table(indent(6), quantityColumns, rows, nil)
	}
}
