package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"culprit/correlate"
	"culprit/rules"
)

// Markdown writes the report as a post-mortem to put into a wiki or a ticket: oldest first, the fixes as a checklist.
// What a log says stands in code, where it can be neither markup nor link.
func Markdown(w io.Writer, r *rules.Report) error {
	m := &markdown{out: lines{w: w}, r: r}
	m.head()
	m.candidates()
	m.timeline()
	m.causes()
	m.culprits()
	m.ledgers()
	m.actions()
	m.ruledOut()
	m.doubts()
	m.findings()
	m.notJudged()
	m.inputs()
	return m.out.err
}

type markdown struct {
	out lines
	gap bool // an empty line is due before the next one
	r   *rules.Report
}

func (m *markdown) blank() { m.gap = true }

func (m *markdown) line(text string) {
	if m.gap {
		m.out.line("")
	}
	m.gap = false
	m.out.line(text)
}

func (m *markdown) f(format string, args ...any) { m.line(fmt.Sprintf(format, args...)) }

func (m *markdown) section(name string) {
	m.blank()
	m.line("## " + name)
	m.blank()
}

// row of a table. A bar ends a cell even inside code, so it is escaped here, after everything else.
func (m *markdown) row(cells ...string) {
	var b strings.Builder
	b.WriteByte('|')
	for _, c := range cells {
		b.WriteString(strings.TrimRight(" "+strings.ReplaceAll(c, "|", `\|`), " ") + " |")
	}
	m.line(b.String())
}

func (m *markdown) head() {
	v, f := m.r.Verdict, m.r.Incident
	title, sure := "Inconclusive", prose(bestGuess(m.r))
	switch v.Outcome {
	case rules.RootCause:
		title, sure = "Root cause: "+code(v.Cause), "confidence: "+confidence(v.Confidence)
	case rules.NoIncident:
		title, sure = "No incident", "confidence: "+confidence(v.Confidence)
	}
	if sure != "" {
		sure = " (" + sure + ")"
	}
	m.line("# " + subject(f, v.Outcome))
	m.blank()
	m.f("**%s**%s", title, sure)
	m.blank()
	m.line(prose(v.Summary))

	facts := [][2]string{}
	fact := func(name, text string) {
		if text != "" {
			facts = append(facts, [2]string{name, text})
		}
	}
	if v := victim(f); v != "" {
		fact("Killed", join(code(v), killed(f), standsAt(f.KilledLine)))
	}
	fact("Began", onset(f))
	fact("Ended", ended(f))
	fact("Impact", prose(f.Impact))
	if len(facts) == 0 {
		return
	}
	m.blank()
	m.line("| | |")
	m.line("|---|---|")
	for _, f := range facts {
		m.row(f[0], f[1])
	}
}

// subject of a post-mortem: the day and what happened to whom.
func subject(f rules.IncidentFacts, outcome string) string {
	at := f.KilledAt
	if at.IsZero() {
		at = f.OnsetAt
	}
	what := "Incident"
	switch {
	case outcome == rules.NoIncident:
		what = "No incident"
	case f.Victim != "":
		what = code(f.Victim) + " killed by the kernel"
	}
	if at.IsZero() {
		return what
	}
	return at.UTC().Format(dayLayout) + ": " + what
}

// candidates are the answer where there is no verdict.
func (m *markdown) candidates() {
	if len(m.r.Candidates) == 0 || m.r.Verdict.Outcome == rules.RootCause {
		return
	}
	m.section("What it could be")
	m.line("| Cause | Confidence | Why |")
	m.line("|---|--:|---|")
	for _, c := range m.r.Candidates {
		m.row(code(c.Cause), odds(c.Confidence), prose(c.Why))
	}
}

// timeline is the chain's events by time; those without a time stand in the causes alone.
func (m *markdown) timeline() {
	type row struct {
		at   time.Time
		when string
		e    correlate.Event
	}
	var rows []row
	seen := map[[2]string]bool{}
	for _, l := range m.r.Chain {
		for _, e := range []correlate.Event{l.Effect, l.Cause} {
			key := [2]string{e.Kind, e.Subject}
			if when := period(e.From, e.To, true); when != "" && !seen[key] {
				seen[key] = true
				at := e.From
				if at.IsZero() {
					at = e.To
				}
				rows = append(rows, row{at, when + within(e.Error), e})
			}
		}
	}
	if len(rows) == 0 {
		return
	}
	// Backwards and stable: a cause stands before the effect that set in with it.
	slices.Reverse(rows)
	slices.SortStableFunc(rows, func(a, b row) int { return a.at.Compare(b.at) })
	m.section("Timeline")
	m.line("| UTC | What | Where |")
	m.line("|---|---|---|")
	for _, r := range rows {
		where := ""
		if len(r.e.Evidence) > 0 {
			where = standsAt(r.e.Evidence[0])
		}
		m.row(r.when, prose(cmp.Or(r.e.Text, r.e.Kind+" "+r.e.Subject)), where)
	}
}

// causes are the edges of the chain, from the first cause to the last effect.
func (m *markdown) causes() {
	if len(m.r.Chain) == 0 {
		return
	}
	name := "How it came about"
	if m.r.Verdict.Outcome == rules.Inconclusive {
		name = "What is known"
	}
	m.section(name)
	for i := len(m.r.Chain) - 1; i >= 0; i-- {
		l := m.r.Chain[i]
		m.f("%d. %s", len(m.r.Chain)-i, prose(cmp.Or(l.Cause.Text, l.Cause.Kind)))
		m.quotes("   ", l.Cause.Evidence)
		m.quotes("   ", l.For)
		m.f("   - Therefore: %s", prose(cmp.Or(l.Effect.Text, l.Effect.Kind)))
		m.f("   - Tests: %s", strings.Join(testWords(l), ", "))
		if len(l.Against) > 0 {
			m.line("   - Speaks against it:")
			m.quotes("     ", l.Against)
		}
		if i == 0 {
			m.quotes("   ", l.Effect.Evidence)
		}
	}
}

func testWords(l correlate.Link) []string {
	var says []string
	for _, p := range tests(l.Tests) {
		says = append(says, p.text)
	}
	if l.Explained >= 0 {
		says = append(says, "explains "+percent(l.Explained))
	}
	if l.LagKnown && l.Lag.Abs() >= time.Second {
		says = append(says, span(l.Lag)+" later")
	}
	return says
}

// quotes are lines of the input as list items.
func (m *markdown) quotes(indent string, ev []correlate.Evidence) {
	for i, e := range ev {
		if i == evidenceShown+1 {
			m.f("%s- and %s", indent, plural(int64(len(ev)-i), "more line"))
			return
		}
		note := ""
		if e.Note != "" {
			note = " → " + prose(e.Note)
		}
		m.f("%s- %s%s", indent, join(standsAt(e), code(strings.TrimSpace(e.Text))), note)
	}
}

func (m *markdown) culprits() {
	if len(m.r.Culprits) == 0 {
		return
	}
	m.section("Who")
	m.line("| Kind | Who | Share | Requests | |")
	m.line("|---|---|--:|--:|---|")
	for _, c := range m.r.Culprits {
		share, requests := "", ""
		if c.Share >= 0 {
			share = percent(c.Share)
		}
		if c.Requests > 0 {
			requests = count(c.Requests)
		}
		m.row(prose(c.Kind), code(c.Value), share, requests, prose(c.Note))
	}
}

func (m *markdown) ledgers() {
	for _, l := range m.r.Ledger {
		m.section(prose(l.Name))
		m.line("| | | |")
		m.line("|---|--:|---|")
		for _, t := range l.Terms {
			m.row(prose(t.Name), prose(quantity(t.Value, l.Unit)), standsAt(t.Evidence))
		}
		m.row("not accounted for", prose(quantity(l.Residual, l.Unit)), "")
		m.row("**total**", "**"+prose(quantity(l.Total, l.Unit))+"**", "")
	}
}

func (m *markdown) actions() {
	if len(m.r.Fixes) == 0 {
		return
	}
	m.section("Action items")
	for _, f := range m.r.Fixes {
		m.f("- [ ] **%s** (%s): %s", prose(f.Title), prose(how(f)), prevents(f.Effect.Prevents).text)
		if f.Diff != "" {
			m.fence("diff", f.Diff)
		}
		if f.Text != "" {
			m.fence("", f.Text)
		}
		for _, l := range [][2]string{{"Before", f.Effect.Before}, {"After", f.Effect.After}, {"Risk", f.Risk}, {"Undo", f.Undo}} {
			if l[1] != "" {
				m.f("  - %s: %s", l[0], prose(l[1]))
			}
		}
		if f.Check != "" {
			m.f("  - Check: %s", code(f.Check))
		}
	}
}

// fence writes a block of code inside a list item, with a fence that the code cannot close.
func (m *markdown) fence(language, text string) {
	fence := strings.Repeat("`", max(3, longestRun(text, '`')+1))
	m.blank()
	m.line("  " + fence + language)
	for _, l := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		m.line("  " + visible(strings.ReplaceAll(l, "\t", "    ")))
	}
	m.line("  " + fence)
	m.blank()
}

func (m *markdown) ruledOut() {
	if len(m.r.RuledOut) == 0 {
		return
	}
	m.section("Ruled out")
	for _, o := range m.r.RuledOut {
		mark := "✗"
		if !o.Checked {
			mark = "?"
		}
		m.f("- %s %s%s %s", mark, code(o.Cause), colon(o.Reason), prose(o.Reason))
		m.quotes("  ", o.Evidence)
	}
}

func (m *markdown) doubts() {
	if len(m.r.DoesNotFit) > 0 {
		m.section("What does not fit")
		for _, x := range m.r.DoesNotFit {
			m.f("- %s", prose(x.Text))
			m.quotes("  ", x.Evidence)
		}
	}
	if len(m.r.Missing) > 0 {
		m.section("Open questions")
		for _, x := range m.r.Missing {
			m.f("- [ ] %s%s %s", code(x.ID), colon(x.Why), prose(x.Why))
			if x.Command != "" {
				m.fence("sh", x.Command)
			}
		}
	}
}

func (m *markdown) findings() {
	if len(m.r.Findings) == 0 {
		return
	}
	m.section("Findings")
	m.line("| Role | Finding | Where |")
	m.line("|---|---|---|")
	for _, f := range m.r.Findings {
		where := ""
		if len(f.Evidence) > 0 {
			where = standsAt(f.Evidence[0])
		}
		m.row(prose(f.Role), prose(f.Title), where)
	}
}

func (m *markdown) notJudged() {
	if len(m.r.NotJudged) == 0 {
		return
	}
	m.section("Not judged")
	for _, n := range m.r.NotJudged {
		m.f("- %s%s %s", code(n.Rule), colon(n.Why), prose(n.Why))
	}
}

func (m *markdown) inputs() {
	if len(m.r.Inputs) == 0 {
		return
	}
	m.section("What was read")
	m.line("| File | Format | Lines | Records | Not understood | Span | Clock |")
	m.line("|---|---|--:|--:|--:|---|---|")
	for _, in := range m.r.Inputs {
		format := cmp.Or(prose(in.Format), "not recognised")
		if in.Err != "" {
			format = code(in.Err)
		}
		if in.Note != "" {
			format += ": " + prose(in.Note)
		}
		m.row(code(in.File), format, count(int64(in.Read)), count(int64(in.Facts)),
			count(int64(in.Skipped)), period(in.From, in.To, true), code(clock(in)))
	}
}

// standsAt is where a line stands, as code.
func standsAt(e correlate.Evidence) string { return code(at(e)) }

// join puts a comma between what is there.
func join(parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), ", ")
}

// code is text as a span of code, which only a longer run of backticks can end.
func code(text string) string {
	text = visible(text)
	if strings.TrimSpace(text) == "" {
		return ""
	}
	tick := strings.Repeat("`", longestRun(text, '`')+1)
	if len(tick) > 1 {
		text = " " + text + " "
	}
	return tick + text + tick
}

func longestRun(text string, c byte) int {
	longest, run := 0, 0
	for i := range len(text) {
		if run++; text[i] != c {
			run = 0
		}
		longest = max(longest, run)
	}
	return longest
}

// prose is text in which nothing is markup, HTML or a link.
func prose(text string) string {
	text = strings.Join(strings.Fields(visible(text)), " ")
	var b strings.Builder
	for i := range len(text) {
		switch c := text[i]; {
		case c == '<':
			b.WriteString("&lt;")
		case c == '>':
			b.WriteString("&gt;")
		case c == '&':
			b.WriteString("&amp;")
		case strings.IndexByte("\\`*[]~", c) >= 0,
			c == '_' && !(i > 0 && i+1 < len(text) && letter(text[i-1]) && letter(text[i+1])),
			c == ':' && strings.HasPrefix(text[i:], "://"),              // a bare address becomes a link
			c == '.' && i >= 3 && strings.EqualFold(text[i-3:i], "www"), // and so does this
			i == 0 && strings.IndexByte("#-+=", c) >= 0,
			(c == '.' || c == ')') && digits(text[:i]) && (i+1 == len(text) || text[i+1] == ' '): // begins a list
			b.WriteByte('\\')
			b.WriteByte(c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

func letter(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_'
}

func digits(text string) bool { return text != "" && strings.Trim(text, "0123456789") == "" }
