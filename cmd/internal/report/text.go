package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/charmbracelet/lipgloss"

	"culprit/correlate"
	"culprit/rules"
)

// Options of the text report. The caller decides about colour: it knows the terminal and NO_COLOR.
type Options struct {
	Width   int // of a line; 0 = 80
	Color   bool
	Verbose bool   // every line of evidence, every finding in full, the whole of each diff
	Source  string // what was analysed, as it was named on the command line; "" = standard input
}

const (
	defaultWidth = 80
	minWidth     = 40 // below it a line holds nothing but its margins
)

// What a first reading needs; the rest is counted, and shown with Verbose.
const (
	evidenceShown = 2  // lines an event or an edge
	evidenceRows  = 2  // of the page a line: enough for a kernel's "Killed process" up to its anon-rss
	termsShown    = 8  // of a ledger
	diffShown     = 14 // lines a diff
	rowsShown     = 10 // of a table
	inputsShown   = 30 // files of the coverage
)

// Text writes the report for the person who was paged: the verdict, then why, then what to do.
func Text(w io.Writer, r *rules.Report, o Options) error {
	if o.Width == 0 {
		o.Width = defaultWidth
	}
	t := &text{
		page: page{out: &lines{w: w}, width: max(o.Width, minWidth), st: newStyles(o.Color)},
		r:    r, o: o, told: map[line]bool{},
	}
	t.verdict()
	switch r.Verdict.Outcome {
	case rules.RootCause:
		t.chain("WHAT HAPPENED")
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
		t.missing("WHAT WOULD SETTLE IT", "the first moves the verdict most; all are read-only")
		t.candidates()
		t.chain("WHAT IS KNOWN")
		t.culprits()
		t.ledgers()
		t.ruledOut("RULED OUT", "")
		t.misfits()
		t.fixes()
	}
	if r.Verdict.Outcome != rules.NoIncident {
		t.findings("ALSO FOUND", "")
	}
	t.notJudged()
	t.coverage()
	return t.out.err
}

// text is a report on its way to the page.
type text struct {
	page
	r    *rules.Report
	o    Options
	told map[line]bool // lines already quoted
}

// line of the input, and what it was quoted for.
type line struct {
	file string
	line int
	note string
}

// margin is where the text of a section begins.
var margin = piece{"  ", body}

func indent(n int) piece { return piece{strings.Repeat(" ", n), body} }

// verdict is the first screen: who, how sure, one sentence, and the facts that a page asks for.
func (t *text) verdict() {
	v, f := t.r.Verdict, t.r.Incident
	title, sure := []piece{}, "confidence: "+confidence(v.Confidence)
	switch v.Outcome {
	case rules.RootCause:
		title = append(title, say(guilty, "ROOT CAUSE"), say(strong, " "+v.Cause))
	case rules.NoIncident:
		title = append(title, piece{"NO INCIDENT", fine})
	default:
		title, sure = append(title, piece{"INCONCLUSIVE", unsure}), t.bestGuess()
	}
	if gap := t.width - lineWidth(title) - lipgloss.Width(visible(sure)) - 2; sure != "" && gap > 0 {
		t.put(piece{}, append(title, piece{strings.Repeat(" ", gap), body}, say(aside, sure)))
	} else {
		t.flow(piece{}, piece{}, 0, append(title, words(aside, sure)...)...)
	}
	t.out.line(t.st.paint(piece{strings.Repeat("─", t.width), aside}))
	t.flow(piece{}, piece{}, 0, words(strong, cmp.Or(v.Summary, "Nothing in the input says more."))...)

	var facts [][2]string
	fact := func(name string, parts ...string) {
		parts = slices.DeleteFunc(parts, func(s string) bool { return s == "" })
		if len(parts) > 0 {
			facts = append(facts, [2]string{name, strings.Join(parts, ", ")})
		}
	}
	fact("killed", victim(f), killed(f), at(f.KilledLine))
	fact("began", onset(f))
	fact("ended", ended(f))
	fact("impact", f.Impact)
	if v.Outcome == rules.RootCause && len(t.r.Fixes) > 0 {
		fact("do first", t.r.Fixes[0].Title+" (fix 1)")
	}
	if len(facts) > 0 {
		t.blank()
	}
	for _, f := range facts {
		t.labelled(margin, f[0], words(body, f[1])...)
	}
}

func victim(f rules.IncidentFacts) string {
	if f.VictimPID == 0 {
		return f.Victim
	}
	return fmt.Sprintf("%s pid %d", cmp.Or(f.Victim, "unnamed process"), f.VictimPID)
}

func killed(f rules.IncidentFacts) string {
	if f.KilledAt.IsZero() {
		if f.Victim != "" || f.VictimPID != 0 {
			return "at a time that is not known"
		}
		return ""
	}
	return moment(f.KilledAt) + " UTC" + within(f.KillError)
}

func within(d time.Duration) string {
	if d < time.Second {
		return ""
	}
	return " ± " + span(d)
}

func onset(f rules.IncidentFacts) string {
	if f.OnsetAt.IsZero() {
		return ""
	}
	s := moment(f.OnsetAt) + " UTC"
	if lead := f.KilledAt.Sub(f.OnsetAt); !f.KilledAt.IsZero() && lead >= time.Second {
		s += ", " + span(lead) + " before the kill"
	}
	return s
}

func ended(f rules.IncidentFacts) string {
	if f.EndedAt.IsZero() {
		return ""
	}
	s := moment(f.EndedAt) + " UTC"
	if down := f.EndedAt.Sub(f.KilledAt); !f.KilledAt.IsZero() && down >= time.Second {
		s += ", " + span(down) + " after the kill"
	}
	return s
}

// at is where a line stands: "dmesg.log:41".
func at(e correlate.Evidence) string {
	if e.File == "" || e.Line == 0 {
		return e.File
	}
	return fmt.Sprintf("%s:%d", e.File, e.Line)
}

func (t *text) bestGuess() string {
	if len(t.r.Candidates) == 0 {
		return ""
	}
	c := t.r.Candidates[0]
	return fmt.Sprintf("best guess: %s, %.2f", c.Cause, c.Confidence)
}

func (t *text) runnerUp() string {
	for _, c := range t.r.Candidates {
		if c.Cause != t.r.Verdict.Cause {
			return fmt.Sprintf("next best: %s, %.2f", c.Cause, c.Confidence)
		}
	}
	return ""
}

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

// chain tells the links, newest effect on top; between two events stands why the lower is held to have caused the upper.
func (t *text) chain(name string) {
	if len(t.r.Chain) == 0 {
		return
	}
	note := "newest effect on top; times are UTC"
	year := t.chainYear()
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
}

func sameEvent(a, b correlate.Event) bool { return a.Kind == b.Kind && a.Subject == b.Subject }

// chainYear is the year in which the whole chain lies, said once; 0 = more than one, or none.
func (t *text) chainYear() int {
	year := 0
	for _, l := range t.r.Chain {
		for _, at := range []time.Time{l.Effect.From, l.Effect.To, l.Cause.From, l.Cause.To} {
			switch y := at.UTC().Year(); {
			case at.IsZero() || y == year:
			case year != 0:
				return 0
			default:
				year = y
			}
		}
	}
	return year
}

var (
	dot   = piece{"  ● ", strong}
	bar   = piece{"  │ ", aside}
	arrow = piece{"  ▲ ", aside}
)

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

// untold are the lines that were not quoted yet, or not for what they say here.
func (t *text) untold(ev []correlate.Evidence) []correlate.Evidence {
	return slices.DeleteFunc(slices.Clone(ev), func(e correlate.Evidence) bool { return t.told[line{e.File, e.Line, e.Note}] })
}

// evidence quotes lines, each with its place and once: the first over no more than rows lines of the page, the others on
// one each.
func (t *text) evidence(gutter piece, ev []correlate.Evidence, rows int) {
	hang := gutter
	hang.text += "  "
	for i, e := range ev {
		if i == evidenceShown && !t.o.Verbose {
			t.flow(gutter, hang, 1, say(aside, "and "+plural(int64(len(ev)-i), "more line")))
			break
		}
		switch {
		case t.o.Verbose:
			rows = 0
		case i > 0:
			rows = 1
		}
		quoted := t.told[line{e.File, e.Line, ""}]
		t.told[line{e.File, e.Line, ""}], t.told[line{e.File, e.Line, e.Note}] = true, true
		var ps []piece
		if p := at(e); p != "" {
			ps = append(ps, say(place, clipPath(visible(p), t.width/2)+" "))
		}
		note := words(body, e.Note)
		switch {
		case !quoted:
			ps = append(ps, words(body, e.Text)...)
		case len(note) == 0:
			ps = append(ps, piece{"(above)", aside})
		}
		if len(note) > 0 {
			note = append([]piece{{"→", aside}}, note...)
		}
		if quoted || lineWidth(ps)+1+lineWidth(note)+lipgloss.Width(gutter.text) <= t.width {
			t.flow(gutter, hang, 0, append(ps, note...)...)
			continue
		}
		t.flow(gutter, hang, rows, ps...)
		if len(note) > 0 {
			t.flow(hang, hang, 0, note...)
		}
	}
}

// lineWidth is what pieces take on one line.
func lineWidth(ps []piece) int {
	w := max(len(ps)-1, 0)
	for _, p := range ps {
		w += lipgloss.Width(p.text)
	}
	return w
}

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

// numbers are the quantities of the findings that carry the verdict, each with its arithmetic.
func (t *text) numbers() {
	var rows [][]piece
	for _, f := range t.r.Findings {
		if f.Role == rules.RoleRoot {
			for _, q := range f.Quantities {
				rows = append(rows, quantityRow(q))
			}
		}
	}
	if len(rows) == 0 {
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

func (t *text) candidates() {
	if len(t.r.Candidates) == 0 {
		return
	}
	t.heading("WHAT IT COULD BE", "best first")
	for _, c := range t.r.Candidates {
		t.flow(margin, indent(8), 0, append([]piece{say(label, fmt.Sprintf("%.2f ", c.Confidence)), say(strong, c.Cause+colon(c.Why))}, words(body, c.Why)...)...)
	}
}

// colon is there when something follows.
func colon(rest string) string {
	if rest == "" {
		return ""
	}
	return ":"
}

func (t *text) ruledOut(name, note string) {
	if len(t.r.RuledOut) == 0 {
		return
	}
	t.heading(name, note)
	for _, o := range t.r.RuledOut {
		sign := piece{"✗", fine}
		if !o.Checked {
			sign = piece{"?", unsure}
		}
		t.flow(margin, indent(4), 0, append([]piece{sign, say(strong, o.Cause+colon(o.Reason))}, words(body, o.Reason)...)...)
		t.evidence(indent(4), o.Evidence, 1)
	}
}

func (t *text) misfits() {
	if len(t.r.DoesNotFit) == 0 {
		return
	}
	t.heading("WHAT DOES NOT FIT", "")
	for _, m := range t.r.DoesNotFit {
		t.flow(piece{"  ! ", unsure}, indent(4), 0, words(body, m.Text)...)
		t.evidence(indent(4), m.Evidence, 1)
	}
}

func (t *text) missing(name, note string) {
	if len(t.r.Missing) == 0 {
		return
	}
	t.heading(name, note)
	for _, m := range t.r.Missing {
		t.flow(piece{"  ? ", unsure}, indent(4), 0, append([]piece{say(strong, m.ID+colon(m.Why))}, words(body, m.Why)...)...)
		t.command(indent(6), m.Command)
	}
}

// command writes what is to be pasted. It is folded where the shell allows it and never clipped: half a command is none.
func (t *text) command(gutter piece, text string) {
	if text == "" {
		return
	}
	for _, l := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		for _, f := range foldCommand(visible(l), t.width-lipgloss.Width(gutter.text)) {
			t.put(gutter, []piece{{f, command}})
		}
	}
}

// foldCommand breaks a shell command at blanks outside of quotes, with the backslash that lets it be pasted as one.
func foldCommand(text string, width int) []string {
	if lipgloss.Width(text) <= width || strings.ContainsAny(text, "#`") {
		return []string{text}
	}
	var out []string
	var quote rune
	start, blank, escaped := 0, -1, false
	for i, r := range text {
		switch {
		case escaped:
			escaped = false
		case r == '\\' && quote != '\'':
			escaped = true
		case quote != 0:
			if r == quote {
				quote = 0
			}
		case r == '\'' || r == '"':
			quote = r
		case r == ' ':
			// " \" takes two columns.
			if lipgloss.Width(text[start:i]) > width-2 && blank > start {
				out, start = append(out, text[start:blank]+" \\"), blank+1
			}
			blank = i
		}
	}
	if lipgloss.Width(text[start:]) > width && blank > start {
		out, start = append(out, text[start:blank]+" \\"), blank+1
	}
	return append(out, text[start:])
}

func (t *text) fixes() {
	if len(t.r.Fixes) == 0 {
		return
	}
	note := ""
	if t.o.Source != "" && slices.ContainsFunc(t.r.Fixes, func(f rules.Fix) bool { return f.Kind == rules.KindPatch }) {
		note = "as patch files: culprit fix " + shellQuote(t.o.Source) + " --out DIR"
	}
	t.heading("FIXES", note)
	for i, f := range t.r.Fixes {
		if i > 0 {
			t.blank()
		}
		number := fmt.Sprintf("%3d. ", i+1)
		t.flow(piece{number, strong}, indent(len(number)), 0, words(strong, f.Title)...)
		t.fix(indent(len(number)), f)
	}
}

func (t *text) fix(gutter piece, f rules.Fix) {
	t.flow(gutter, gutter, 0, append([]piece{prevents(f.Effect.Prevents)}, words(label, "· "+how(f)+" · "+f.ID)...)...)
	t.diff(gutter, f.Diff)
	if f.Kind == rules.KindCommand {
		t.command(indent(lipgloss.Width(gutter.text)+2), f.Text)
	} else {
		t.prose(gutter, f.Text)
	}
	for _, l := range [][2]string{{"before", f.Effect.Before}, {"after", f.Effect.After}, {"risk", f.Risk}, {"undo", f.Undo}} {
		if l[1] != "" {
			t.labelled(gutter, l[0], words(body, l[1])...)
		}
	}
	t.check(gutter, f.Check)
}

// how a fix is brought in.
func how(f rules.Fix) string {
	switch {
	case f.Kind == rules.KindPatch:
		return "patch for " + f.Target
	case f.Kind == rules.KindManual && f.Target != "":
		return "by hand in " + f.Target
	case f.Kind == rules.KindManual:
		return "by hand"
	case f.Target != "":
		return f.Kind + " for " + f.Target
	}
	return f.Kind
}

func (t *text) check(gutter piece, text string) {
	if text == "" {
		return
	}
	first, hang := labelColumn(gutter, "check")
	for _, l := range foldCommand(visible(text), t.width-lipgloss.Width(hang.text)) {
		t.put(first, []piece{{l, command}})
		first = hang
	}
}

func prevents(o correlate.Outcome) piece {
	switch o {
	case correlate.Pass:
		return piece{"would have prevented it", fine}
	case correlate.Fail:
		return piece{"would not have prevented it alone", unsure}
	}
	return piece{"effect not replayed", aside}
}

// prose keeps the lines of an instruction: some of them are code.
func (t *text) prose(gutter piece, text string) {
	if text == "" {
		return
	}
	for _, l := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		body2 := strings.TrimLeft(l, " \t")
		lead := strings.ReplaceAll(l[:len(l)-len(body2)], "\t", "    ")
		if len(lead) > 0 { // indented: code
			t.row(piece{gutter.text + lead, body}, command, body2)
			continue
		}
		t.flow(gutter, gutter, 0, words(body, l)...)
	}
}

// diff shows what a patch changes; the file's name stands above it, so its header is left out.
func (t *text) diff(gutter piece, diff string) {
	if diff == "" {
		return
	}
	edge := piece{gutter.text + "│ ", aside}
	shown := 0
	all := strings.Split(strings.TrimRight(diff, "\n"), "\n")
	inHunk := false
	for i, l := range all {
		r := body
		switch {
		case strings.HasPrefix(l, "@@"):
			inHunk, r = true, aside
		case !inHunk && !t.o.Verbose:
			continue
		case !inHunk:
			r = aside
		case strings.HasPrefix(l, "+"):
			r = fine
		case strings.HasPrefix(l, "-"):
			r = wrong
		}
		if shown == diffShown && len(all)-i > 1 && !t.o.Verbose {
			t.row(edge, aside, "and "+plural(int64(len(all)-i), "more line"))
			return
		}
		shown++
		t.row(edge, r, strings.ReplaceAll(l, "\t", "    "))
	}
}

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

// notJudged names the rules that lacked something, by what they lacked.
func (t *text) notJudged() {
	if len(t.r.NotJudged) == 0 {
		return
	}
	var whys []string
	by := map[string][]string{}
	for _, n := range t.r.NotJudged {
		if by[n.Why] == nil {
			whys = append(whys, n.Why)
		}
		by[n.Why] = append(by[n.Why], n.Rule)
	}
	t.heading("NOT JUDGED", "")
	for _, why := range whys {
		t.flow(piece{"  ? ", unsure}, indent(4), 0, append(words(body, why+":"), words(label, strings.Join(by[why], ", "))...)...)
	}
}
