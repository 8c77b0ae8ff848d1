package report

import (
	"strings"

	"culprit/rules"
)

func (t *text) culprits() {
	if len(t.r.Culprits) == 0 {
		return
	}
	shown := t.r.Culprits
	if len(shown) > rowsShown && !t.o.Verbose {
		shown = shown[:rowsShown]
	}
	name := "WHO DID IT"
	if t.r.Verdict.Outcome != rules.RootCause {
		name = "WHO STANDS OUT"
	}
	t.heading(name, "shares of what is explained")
	var rows [][]piece
	for _, c := range shown {
		share, requests := "", ""
		if c.Share >= 0 {
			share = percent(c.Share)
		}
		if c.Requests > 0 {
			requests = plural(c.Requests, "request")
		}
		rows = append(rows, []piece{say(label, c.Kind), say(strong, c.Value), say(body, share), say(body, requests)})
	}
	t.table(margin, []column{{yields: 8}, {yields: 12}, {right: true}, {right: true}}, rows, func(i int) {
		// One note for a run of culprits is said once, below the last of them.
		if n := shown[i].Note; n != "" && (i+1 == len(shown) || shown[i+1].Note != n) {
			t.flow(indent(4), indent(6), 0, append([]piece{{"→", aside}}, words(body, n)...)...)
		}
	})
	t.more(len(t.r.Culprits)-len(shown), "culprit")
}

func (t *text) more(n int, noun string) {
	if n > 0 {
		t.flow(margin, margin, 1, say(aside, "and "+plural(int64(n), "more "+noun)))
	}
}

// numbers are the quantities of the findings that carry the verdict, each with its arithmetic. A count alone, which the
// summary has told, is none.
func (t *text) numbers() {
	var rows [][]piece
	reckoned := false
	for _, f := range t.r.Findings {
		if f.Role == rules.RoleRoot {
			for _, q := range f.Quantities {
				rows = append(rows, quantityRow(q))
				reckoned = reckoned || q.Formula != ""
			}
		}
	}
	if !reckoned {
		return
	}
	t.heading("THE ARITHMETIC", "")
	cut := 0
	if len(rows) > rowsShown && !t.o.Verbose {
		cut = len(rows) - rowsShown
	}
	t.table(margin, quantityColumns, rows[:len(rows)-cut], nil)
	t.more(cut, "number")
}

var quantityColumns = []column{{yields: 16}, {right: true, yields: 10}, {yields: 12}}

func quantityRow(q rules.Quantity) []piece {
	formula := ""
	if q.Formula != "" {
		formula = "= " + q.Formula
	}
	return []piece{say(body, q.Name), say(strong, quantity(q.Value, q.Unit)), say(aside, formula)}
}

func (t *text) ledgers() {
	for _, l := range t.r.Ledger {
		t.heading(strings.ToUpper(l.Name), "")
		rows := [][]piece{}
		row := func(r role, name string, v float64, where string) {
			share := ""
			if l.Total > 0 {
				share = percent(v / l.Total)
			}
			rows = append(rows, []piece{say(r, name), say(r, quantity(v, l.Unit)), say(aside, share), say(place, where)})
		}
		row(strong, "total", l.Total, "")
		rest, n := 0.0, 0
		for i, term := range l.Terms {
			if i >= termsShown && len(l.Terms) > termsShown+1 && !t.o.Verbose {
				rest, n = rest+term.Value, n+1
				continue
			}
			row(body, term.Name, term.Value, at(term.Evidence))
		}
		if n > 0 {
			row(body, plural(int64(n), "smaller term"), rest, "")
		}
		row(unsure, "not accounted for", l.Residual, "")
		t.table(margin, []column{{yields: 16}, {right: true}, {right: true}, {yields: 12, path: true}}, rows, nil)
	}
}
