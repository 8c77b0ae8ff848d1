package report

import (
	"io"
	"strings"
	"time"

	"github.com/charmbracelet/lipgloss"

	"culprit/rules"
)

// Options of the text report. The caller decides about colour: it knows the terminal and NO_COLOR.
type Options struct {
	Width   int // of a line; 0 = 80
	Color   bool
	Verbose bool // every line of evidence, every finding in full, the whole of each diff
	Quiet   bool
	ASCII   bool           // curves without block characters, for a terminal that may not have them
	Source  string         // what was analysed, as it was named on the command line; "" = standard input
	App     string         // the application's folder, as it was named; "" = none
	Zone    *time.Location // of the times in Markdown; nil = UTC
}

const (
	defaultWidth = 80
	minWidth     = 40 // below it a line holds nothing but its margins
)

// What a first reading needs; what is left out is counted, and shown with Verbose.
const (
	evidenceShown = 2  // lines an event or an edge
	evidenceRows  = 2  // of the page a line: enough for a kernel's "Killed process" up to its anon-rss
	termsShown    = 8  // of a ledger
	diffShown     = 14 // lines a diff
	rowsShown     = 10 // of a table
	inputsShown   = 30 // files of the coverage
	rivalsQuoted  = 3  // when more are ruled out, the place of a line must do
	contextShown  = 1  // unchanged lines around a change: its place is said by number
)

// Text writes the report for the person who was paged: the verdict, then why, then what to do.
func Text(w io.Writer, r *rules.Report, o Options) error {
	if o.Width == 0 {
		o.Width = defaultWidth
	}
	t := &text{
		page: page{out: &lines{w: w, ascii: o.ASCII}, width: max(o.Width, minWidth), st: newStyles(o.Color)},
		r:    r, o: o, told: map[line]bool{},
	}
	t.verdict()
	if o.Quiet {
		return t.out.err
	}
	t.curves()
	t.baseline()
	switch r.Verdict.Outcome {
	case rules.RootCause:
		t.chain("WHAT HAPPENED")
		t.proof()
		t.culprits()
		t.numbers()
		t.ledgers()
		t.ruledOut("RULED OUT", t.runnerUp())
		t.misfits()
		t.missing("MISSING", "would make this surer")
		t.fixes()
	case rules.NoIncident:
		t.ruledOut("WHAT LOOKED LIKE AN INCIDENT", "and why it is none")
		t.findings("WHAT WAS FOUND", "")
		t.chain("WHAT HAPPENED")
		t.ledgers()
		t.misfits()
		t.missing("MISSING", "would make this surer")
		t.fixes()
	default:
		t.candidates()
		t.missing("WHAT WOULD SETTLE IT", "the first would move the verdict most")
		t.chain("WHAT IS KNOWN")
		t.culprits()
		t.ledgers()
		t.ruledOut("RULED OUT", "")
		t.misfits()
		t.fixes()
	}
	switch {
	case r.Verdict.Outcome == rules.NoIncident: // told above
	case o.Verbose:
		t.findings("ALL FINDINGS", "")
	default:
		t.findings("ALSO FOUND", "")
	}
	t.notJudged()
	t.coverage()
	t.leftOut()
	t.next()
	return t.out.err
}

// text is a report on its way to the page.
type text struct {
	page
	r    *rules.Report
	o    Options
	told map[line]bool // lines already quoted
	left int           // lines of evidence left out
}

// leftOut says how much evidence a first reading was spared.
func (t *text) leftOut() {
	if t.left > 0 {
		t.blank()
		t.flow(piece{}, piece{}, 0, words(aside, plural(int64(t.left), "more line")+" of evidence: --verbose")...)
	}
}

// margin is where the text of a section begins.
var margin = piece{"  ", body}

func indent(n int) piece { return piece{strings.Repeat(" ", n), body} }

// labelled writes "  risk      the text, hanging".
func (t *text) labelled(gutter piece, name string, ps ...piece) {
	first, hang := labelColumn(gutter, name)
	t.flow(first, hang, 0, ps...)
}

// labelColumn are the margins of a labelled text: of its first line, and of the others.
func labelColumn(gutter piece, name string) (first, hang piece) {
	const column = 10
	first = piece{gutter.text + name + strings.Repeat(" ", column-len(name)), label}
	return first, indent(lipgloss.Width(first.text))
}
