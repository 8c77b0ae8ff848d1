package report

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"hash/fnv"
	"html/template"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"culprit/correlate"
	"culprit/rules"
)

// HTML writes the report as one file to pass on: no request to anywhere, light and dark, fit to print, and whole without its
// script, which only zooms. What logs say is escaped by html/template and made visible; a strict policy lets a browser run
// that one script, by its hash, and fetch nothing.
func HTML(w io.Writer, r *rules.Report) error {
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, newHTMLPage(r)); err != nil {
		return fmt.Errorf("render the page: %w", err)
	}
	// Whole, as the page itself is plain text and no control byte of it is ours.
	lines := strings.Split(b.String(), "\n")
	for i := range lines {
		lines[i] = visible(lines[i])
	}
	_, err := io.WriteString(w, strings.Join(lines, "\n"))
	return err
}

var (
	//go:embed html.gohtml
	htmlSource string
	//go:embed html.css
	htmlStyle string
	//go:embed html.js
	htmlScript string

	pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{
		"at": at, "lineID": lineID, "clock": clock, "odds": odds, "percent": percent, "quantity": quantity, "within": within, "pct": pct, "trim": strings.TrimSpace,
		"period":  func(from, to time.Time) string { return period(from, to, true) },
		"text":    func(e correlate.Event) string { return cmp.Or(e.Text, strings.TrimSpace(e.Kind+" "+e.Subject)) },
		"count":   countAny,
		"shown":   shownEvidence,
		"changes": changesNote,
		"trouble": trouble,
		"placed":  func(in correlate.Input) bool { return in.Clock.Placed },
	}).Parse(htmlSource))
)

// htmlEvidence is how many lines an event, a rival or a finding quotes; the JSON report has all of them.
const htmlEvidence = 6

type htmlPage struct {
	R                                            *rules.Report
	CSP                                          string
	CSS                                          template.CSS
	Title, Outcome, OutcomeWords, Headline, Sure string
	JS                                           template.JS
	Facts                                        []htmlFact
	Charts                                       []htmlChart
	ChainName                                    string
	Chain                                        []htmlStep
	Culprits                                     []rules.Culprit
	Quantities                                   []htmlQuantity
	Lines                                        []htmlQuoted
	Ledgers                                      []htmlLedger
	Fixes                                        []htmlFix
	Findings                                     []htmlFinding
	Unchecked, NotJudged                         []htmlReason
	Read                                         string
}

type (
	htmlStep struct {
		Event correlate.Event
		Edge  *htmlEdge // to the event below; nil at the end of a chain
		Last  bool
	}
	htmlEdge struct {
		Tests        []htmlLine
		Says         string
		For, Against []correlate.Evidence
	}
	htmlFix struct {
		Number               int
		F                    rules.Fix
		Prevents, Class, How string
		Diff                 []htmlLine
		Prose                []htmlProse
		Charts               []htmlChart // before and after, where the replay has a course
	}
	htmlFact struct {
		Name, Text string
		At         correlate.Evidence
		Link       string
	}
	htmlQuantity struct {
		Q       rules.Quantity
		Finding int
	}
	htmlQuoted struct{ ID, Place, Text string }
	htmlLine   struct{ Class, Text string }
	htmlProse  struct {
		Code bool
		Text string
	}
	htmlFinding struct {
		Number int
		F      rules.Finding
		Fixes  []int
	}
	htmlReason struct{ Why, Names string }
	htmlShown  struct {
		Lines []correlate.Evidence
		More  string
	}
)

func newHTMLPage(r *rules.Report) htmlPage {
	v := r.Verdict
	p := htmlPage{
		R: r, CSS: template.CSS(htmlStyle), JS: template.JS(htmlScript), Outcome: rules.Inconclusive, OutcomeWords: "Inconclusive", Headline: "What caused it is not proven",
		CSP: "default-src 'none'; style-src " + hashOf(htmlStyle) + "; script-src " + hashOf(htmlScript) + "; img-src data:; base-uri 'none'; form-action 'none'",
	}
	switch v.Outcome {
	case rules.RootCause:
		p.Outcome, p.OutcomeWords, p.Headline = v.Outcome, "Root cause", v.Cause
	case rules.NoIncident:
		p.Outcome, p.OutcomeWords, p.Headline = v.Outcome, "No incident", "Nothing broke"
	}
	if !math.IsNaN(v.Confidence) && v.Outcome != rules.Inconclusive {
		p.Sure = "confidence: " + confidence(v.Confidence)
	}
	p.Title = p.OutcomeWords + ": " + cmp.Or(v.Cause, v.Summary, p.Headline)
	p.Facts = htmlFacts(r)
	p.Charts = htmlCharts(r)
	p.ChainName = "What happened"
	if p.Outcome == rules.Inconclusive {
		p.ChainName = "What is known"
	}
	p.Chain = htmlChain(r.Chain)
	p.Culprits = slices.Clone(r.Culprits)
	for i := range p.Culprits[:max(len(p.Culprits)-1, 0)] {
		if p.Culprits[i].Note == p.Culprits[i+1].Note {
			p.Culprits[i].Note = "" // said once, by the last of a run
		}
	}
	for i, f := range r.Findings {
		if f.Role == rules.RoleRoot {
			for _, q := range f.Quantities {
				p.Quantities = append(p.Quantities, htmlQuantity{q, i + 1})
			}
		}
	}
	p.Ledgers = each(r.Ledger, newHTMLLedger)
	for i, f := range r.Fixes {
		p.Fixes = append(p.Fixes, newHTMLFix(i+1, f))
	}
	for i, f := range r.Findings {
		p.Findings = append(p.Findings, htmlFinding{i + 1, f, fixNumbers(r, f)})
	}
	p.Lines = htmlLines(r)
	for _, n := range r.NotJudged {
		p.NotJudged = because(p.NotJudged, n.Why, n.Rule)
	}
	for _, o := range r.RuledOut {
		if !o.Checked {
			p.Unchecked = because(p.Unchecked, o.Reason, o.Cause)
		}
	}
	p.Read = readWords(r.Inputs)
	return p
}

func htmlFacts(r *rules.Report) []htmlFact {
	f := r.Incident
	var facts []htmlFact
	fact := func(name, text string, at correlate.Evidence, link string) {
		if text != "" {
			facts = append(facts, htmlFact{name, text, at, link})
		}
	}
	chain := ""
	if len(r.Chain) > 0 {
		chain = "#chain"
	}
	fact("killed", join(victim(f), killed(f)), f.KilledLine, "")
	fact("where", where(f), correlate.Evidence{}, "")
	fact("began", onset(f), correlate.Evidence{}, chain)
	fact("ended", ended(f), correlate.Evidence{}, "")
	fact("impact", f.Impact, correlate.Evidence{}, chain)
	if r.Verdict.Outcome == rules.RootCause && len(r.Fixes) > 0 {
		fact("do first", r.Fixes[0].Title+" (fix 1)", correlate.Evidence{}, "")
	}
	return facts
}

// hashOf names a style or script to the policy.
func hashOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// lineID is the anchor of a cited line; a file's name may hold anything, a hash of it does not.
func lineID(e correlate.Evidence) string {
	h := fnv.New64a()
	fmt.Fprintf(h, "%s\x00%d", e.File, e.Line)
	return fmt.Sprintf("L%x", h.Sum64())
}

// htmlLines are all the lines that the page cites, each once, by place.
func htmlLines(r *rules.Report) []htmlQuoted {
	var all []correlate.Evidence
	add := func(ev ...correlate.Evidence) { all = append(all, ev...) }
	add(r.Incident.KilledLine)
	for _, l := range r.Chain {
		add(l.Cause.Evidence...)
		add(l.Effect.Evidence...)
		add(l.For...)
		add(l.Against...)
	}
	for _, f := range r.Findings {
		add(f.Evidence...)
		add(f.Against...)
	}
	for _, o := range r.RuledOut {
		add(o.Evidence...)
	}
	for _, x := range r.DoesNotFit {
		add(x.Evidence...)
	}
	for _, l := range r.Ledger {
		for _, t := range l.Terms {
			add(t.Evidence)
		}
	}
	for _, m := range r.Marks {
		add(m.Evidence)
	}
	slices.SortStableFunc(all, func(a, b correlate.Evidence) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line))
	})
	var out []htmlQuoted
	for _, e := range all {
		place, text := at(e), strings.TrimSpace(e.Text)
		if place == "" {
			continue
		}
		if n := len(out); n > 0 && out[n-1].ID == lineID(e) {
			if out[n-1].Text == "" {
				out[n-1].Text = text
			}
			continue
		}
		out = append(out, htmlQuoted{lineID(e), place, text})
	}
	return out
}

// htmlChain is the links as steps from effect to cause; a link that does not go on from the one before begins with its effect.
func htmlChain(links []correlate.Link) []htmlStep {
	var steps []htmlStep
	for i, l := range links {
		edge := &htmlEdge{For: newEvidence(l), Against: l.Against}
		for _, p := range tests(l.Tests) {
			class := map[role]string{fine: "ok", wrong: "no", unsure: "open"}[p.role]
			edge.Tests = append(edge.Tests, htmlLine{class, p.text})
		}
		var says []string
		if l.Explained >= 0 {
			says = append(says, "explains "+percent(l.Explained))
		}
		if l.LagKnown {
			says = append(says, lag(l.Lag))
		}
		edge.Says = strings.Join(says, ", ")
		if n := len(steps); i > 0 && sameEvent(links[i-1].Cause, l.Effect) {
			steps[n-1].Edge = edge
		} else {
			steps = append(steps, htmlStep{Event: l.Effect, Edge: edge})
		}
		steps = append(steps, htmlStep{Event: l.Cause})
	}
	if n := len(steps); n > 0 {
		steps[n-1].Last = true
	}
	return steps
}

func lag(d time.Duration) string {
	if d.Abs() < time.Second {
		return "at once"
	}
	return span(d) + " later"
}

// newEvidence are the lines of an edge that its two events do not quote themselves.
func newEvidence(l correlate.Link) []correlate.Evidence {
	return slices.DeleteFunc(slices.Clone(l.For), func(e correlate.Evidence) bool {
		same := func(x correlate.Evidence) bool { return x.File == e.File && x.Line == e.Line && x.Note == e.Note }
		return slices.ContainsFunc(l.Cause.Evidence, same) || slices.ContainsFunc(l.Effect.Evidence, same)
	})
}

func newHTMLFix(number int, f rules.Fix) htmlFix {
	p := prevents(f.Effect.Prevents)
	out := htmlFix{Number: number, F: f, Prevents: p.text, Class: map[role]string{fine: "ok", unsure: "open"}[p.role], How: how(f)}
	if f.Diff != "" {
		for _, l := range strings.Split(strings.TrimRight(f.Diff, "\n"), "\n") {
			out.Diff = append(out.Diff, htmlLine{diffClass(l), l})
		}
	}
	if curves := f.Effect.Curves; len(curves) > 0 {
		out.Charts = htmlCharts(&rules.Report{Series: curves})
		for i := range out.Charts {
			out.Charts[i].Small = true
		}
	}
	// An instruction is prose with indented code in it.
	for _, l := range strings.Split(strings.TrimRight(f.Text, "\n"), "\n") {
		code := strings.TrimLeft(l, " \t") != l
		if n := len(out.Prose); code && n > 0 && out.Prose[n-1].Code {
			out.Prose[n-1].Text += "\n" + l
		} else if strings.TrimSpace(l) != "" {
			out.Prose = append(out.Prose, htmlProse{code, l})
		}
	}
	return out
}

func diffClass(l string) string {
	switch {
	case strings.HasPrefix(l, "@@"), strings.HasPrefix(l, "--- "), strings.HasPrefix(l, "+++ "):
		return "hunk"
	case strings.HasPrefix(l, "+"):
		return "add"
	case strings.HasPrefix(l, "-"):
		return "del"
	}
	return ""
}

// fixNumbers are where the report tells a finding's fixes.
func fixNumbers(r *rules.Report, f rules.Finding) []int {
	var out []int
	for _, x := range f.Fixes {
		if i := slices.IndexFunc(r.Fixes, func(y rules.Fix) bool { return y.ID == x.ID }); i >= 0 {
			out = append(out, i+1)
		}
	}
	return out
}

// because puts a name under its reason; the reasons keep their order.
func because(list []htmlReason, why, name string) []htmlReason {
	if i := slices.IndexFunc(list, func(o htmlReason) bool { return o.Why == why }); i >= 0 {
		list[i].Names += ", " + name
		return list
	}
	return append(list, htmlReason{why, name})
}

func shownEvidence(ev []correlate.Evidence) *htmlShown {
	if len(ev) == 0 {
		return nil
	}
	s := &htmlShown{Lines: ev}
	if len(ev) > htmlEvidence+1 {
		s.Lines, s.More = ev[:htmlEvidence], plural(int64(len(ev)-htmlEvidence), "more line")
	}
	return s
}

func countAny(v any) string {
	switch n := v.(type) {
	case int:
		return count(int64(n))
	case int64:
		return count(n)
	}
	return fmt.Sprint(v)
}

// pct is a share as a length in SVG.
func pct(share float64) string {
	if math.IsNaN(share) {
		share = 0
	}
	return fmt.Sprintf("%.4g%%", 100*min(max(share, 0), 1))
}
