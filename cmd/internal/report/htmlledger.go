package report

import (
	"fmt"
	"math"

	"culprit/correlate"
	"culprit/rules"
)

// htmlLedger is a balance as a bar whose parts fill it, with the table that says what they are.
type htmlLedger struct {
	Name  string
	Parts []htmlPart
	Mark  string // where the total lies, when the terms make more than it
	Rows  []htmlRow
}

type (
	htmlPart struct{ Class, X, W, Title string }
	htmlRow  struct {
		Class, Swatch, Name, Value, Share string
		Where                             correlate.Evidence
	}
)

// newHTMLLedger: what is not accounted for is a part like the others, so that the parts always fill the bar.
func newHTMLLedger(l rules.Ledger) htmlLedger {
	out := htmlLedger{Name: l.Name}
	sum := finite(l.Residual)
	for _, t := range l.Terms {
		sum += finite(t.Value)
	}
	whole := max(finite(l.Total), sum)
	if whole == 0 {
		whole = 1
	}
	// The terms make more than the total: half a percent is rounding, the rest is a fact to show.
	if sum > 1.005*l.Total && l.Total > 0 {
		out.Mark = share(l.Total / whole)
	}
	of := func(v float64) string {
		if l.Total > 0 && !math.IsNaN(v) {
			return percent(v / l.Total)
		}
		return ""
	}
	x := 0.0
	part := func(class, name string, v float64) {
		w := finite(v) / whole
		if w > 0 {
			out.Parts = append(out.Parts, htmlPart{class, share(x), share(w), name + ": " + quantity(v, l.Unit)})
			x += w
		}
	}
	for i, t := range l.Terms {
		class := fmt.Sprintf("f%d", i%8)
		part(class, t.Name, t.Value)
		out.Rows = append(out.Rows, htmlRow{"", class, t.Name, quantity(t.Value, l.Unit), of(t.Value), t.Evidence})
	}
	part("frest", "not accounted for", l.Residual)
	out.Rows = append(out.Rows, htmlRow{"rest", "frest", "not accounted for", quantity(l.Residual, l.Unit), of(l.Residual), correlate.Evidence{}},
		htmlRow{"sum", "", "total, the sum of the lines above", quantity(l.Total, l.Unit), of(l.Total), correlate.Evidence{}})
	return out
}
