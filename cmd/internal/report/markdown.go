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

// Markdown writes the report as a post-mortem to put into a wiki: what happened, to whom, when in the team's own zone, why,
// what went well and what did not as far as evidence shows, and the actions as a checklist. What a log says stands in code,
// where it can be neither markup nor link.
func Markdown(w io.Writer, r *rules.Report, o Options) error {
	m := newMarkdown(w, r, o)
	m.head()
	m.baseline()
	m.candidates()
	if r.Verdict.Outcome == rules.Inconclusive {
		m.missing("What would settle it")
	}
	m.timeline()
	m.causes()
	m.culprits()
	m.ledgers()
	m.factors()
	m.wentWell()
	m.wentBadly()
	m.actions()
	m.ruledOut()
	m.misfits()
	if r.Verdict.Outcome != rules.Inconclusive {
		m.missing("Open questions")
	}
	m.hygiene()
	m.notJudged()
	m.inputs()
	return m.out.err
}

func newMarkdown(w io.Writer, r *rules.Report, o Options) *markdown {
	m := &markdown{out: lines{w: w}, r: r, zone: time.UTC, told: map[line]bool{}}
	if o.Zone != nil {
		m.zone = o.Zone
	}
	return m
}

type markdown struct {
	out  lines
	gap  bool // an empty line is due before the next one
	r    *rules.Report
	zone *time.Location
	told map[line]bool // lines already quoted
}

// wall is a time as the team's clocks show it, for the functions that write UTC.
func (m *markdown) wall(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	_, offset := t.In(m.zone).Zone()
	return t.UTC().Add(time.Duration(offset) * time.Second)
}

// clockName is what stands for UTC.
func (m *markdown) clockName() string { return m.zone.String() }

func (m *markdown) moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return moment(m.wall(t)) + " " + m.clockName()
}

func (m *markdown) period(from, to time.Time) string { return period(m.wall(from), m.wall(to), true) }

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
	m.line("# " + m.subject())
	m.blank()
	m.line(m.verdict())
	m.section("Summary")
	m.line(prose(m.r.Verdict.Summary))
	m.facts()
	if f := m.r.Incident; m.r.Verdict.Outcome != rules.NoIncident {
		m.section("Impact")
		m.line(cmp.Or(prose(sentenceOf(f.Impact)), "Not measured: no access log in the input shows requests that failed."))
		if !f.EndedAt.IsZero() {
			m.f("Requests failed until %s or shortly before.", m.moment(f.EndedAt))
		}
	}
}

// verdict is the answer and how sure it is.
func (m *markdown) verdict() string {
	v := m.r.Verdict
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
	return "**" + title + "**" + sure
}

func (m *markdown) facts() {
	f := m.r.Incident
	facts := [][2]string{}
	fact := func(name, text string) {
		if text != "" {
			facts = append(facts, [2]string{name, text})
		}
	}
	if v := victim(f); v != "" {
		at := killLogged(f)
		if !f.KilledAt.IsZero() {
			at = m.moment(f.KilledAt) + within(f.KillError)
		}
		fact("Killed", join(code(v), at, standsAt(f.KilledLine)))
	}
	since := func(t time.Time, word string) string {
		if d := t.Sub(f.KilledAt).Abs(); !f.KilledAt.IsZero() && !t.IsZero() && d >= time.Second {
			return span(d) + " " + word + " the kill"
		}
		return ""
	}
	fact("Where", prose(where(f)))
	fact("Began", join(m.moment(f.OnsetAt), since(f.OnsetAt, "before")))
	fact("Ended", join(m.moment(f.EndedAt), since(f.EndedAt, "after")))
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

// sentenceOf makes a sentence of a clause; "" stays "", and a name (redis-server.service) keeps its small letter.
func sentenceOf(s string) string {
	s = strings.TrimRight(strings.TrimSpace(s), ".")
	if s == "" {
		return ""
	}
	if first, _, _ := strings.Cut(s, " "); !strings.ContainsAny(first, "./_-=:0123456789") {
		s = strings.ToUpper(s[:1]) + s[1:]
	}
	return s + "."
}

// subject of a post-mortem: the day and what happened to whom.
func (m *markdown) subject() string {
	f := m.r.Incident
	at := f.KilledAt
	if at.IsZero() {
		at = cmp.Or(f.OnsetAt, f.EndedAt)
	}
	what := "Incident"
	switch {
	case m.r.Verdict.Outcome == rules.NoIncident:
		what = "No incident"
	case f.Victim != "":
		what = code(f.Victim) + " killed by the kernel"
	case m.r.Verdict.Cause != "":
		what = code(m.r.Verdict.Cause)
	}
	if at.IsZero() {
		return what
	}
	return m.wall(at).Format(dayLayout) + ": " + what
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

// timeline is the chain's events and the other marks by time; events without a time stand in the causes alone.
func (m *markdown) timeline() {
	type row struct {
		at          time.Time
		when, what  string
		where       string
		kind, whose string
	}
	var rows []row
	add := func(kind, subject, what string, from, to time.Time, error time.Duration, ev []correlate.Evidence) {
		when := m.period(from, to)
		if when == "" || slices.ContainsFunc(rows, func(r row) bool { return r.kind == kind && r.whose == subject && kind != "" }) {
			return
		}
		r := row{at: from, when: when + within(error), what: prose(sentenceOf(what)), kind: kind, whose: subject}
		if from.IsZero() {
			r.at = to
		}
		if len(ev) > 0 {
			r.where = standsAt(ev[0])
		}
		rows = append(rows, r)
	}
	// From the oldest cause on: a cause stands before the effect that set in with it.
	for _, l := range slices.Backward(m.r.Chain) {
		for _, e := range []correlate.Event{l.Cause, l.Effect} {
			add(e.Kind, e.Subject, cmp.Or(e.Text, e.Kind+" "+e.Subject), e.From, e.To, e.Error, e.Evidence)
		}
	}
	for _, k := range m.r.Marks {
		if k.Kind == "onset" && len(rows) > 0 || k.Kind == "kill" && slices.ContainsFunc(rows, func(r row) bool { return r.kind == "kernel-oom-kill" }) {
			continue // the chain has told it
		}
		text := k.Text
		if k.N > 1 {
			text += fmt.Sprintf(" (%d times)", k.N)
		}
		add("", "", text, k.At, k.To, 0, []correlate.Evidence{k.Evidence})
	}
	if len(rows) == 0 {
		return
	}
	slices.SortStableFunc(rows, func(a, b row) int { return a.at.Compare(b.at) })
	m.section("Timeline")
	m.f("| %s | What | Where |", m.clockName())
	m.line("|---|---|---|")
	for _, r := range rows {
		m.row(r.when, r.what, r.where)
	}
}

// causes are the events of the chain from the first cause to the last effect, each with what shows that it led to the next.
func (m *markdown) causes() {
	if len(m.r.Chain) == 0 {
		return
	}
	name := "Root cause"
	if m.r.Verdict.Outcome != rules.RootCause {
		name = "What is known"
	}
	m.section(name)
	var last correlate.Event
	n := 0
	event := func(e correlate.Event) {
		n++
		m.f("%d. %s", n, prose(sentenceOf(cmp.Or(e.Text, e.Kind))))
		m.quotes("   ", e.Evidence)
		last = e
	}
	for _, l := range slices.Backward(m.r.Chain) {
		if n == 0 || !sameEvent(last, l.Cause) {
			event(l.Cause)
		}
		m.quotes("   ", newEvidence(l))
		if w := testWords(l); len(w) > 0 {
			m.f("   - It led to the next: %s", strings.Join(w, ", "))
		}
		if against := m.untold(l.Against); len(against) > 0 {
			m.line("   - Speaks against it:")
			m.quotes("     ", against)
		}
		event(l.Effect)
	}
	m.blank()
	m.line("structural: the configuration lets it happen; deviating: both ends left their usual range; ordered: the cause came first; sufficient: it is enough to explain the effect. ✓ yes, ✗ no, ? not known.")
}

func (m *markdown) untold(ev []correlate.Evidence) []correlate.Evidence {
	return slices.DeleteFunc(slices.Clone(ev), func(e correlate.Evidence) bool { return m.told[line{file: e.File, line: e.Line}] && e.Note == "" })
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

// quotes are lines of the input as list items, each quoted once and then named.
func (m *markdown) quotes(indent string, ev []correlate.Evidence) {
	for i, e := range ev {
		if i == evidenceShown+1 {
			m.f("%s- and %s", indent, plural(int64(len(ev)-i), "more line"))
			return
		}
		note, text := "", code(strings.TrimSpace(e.Text))
		if e.Note != "" {
			note = " → " + prose(e.Note)
		}
		if m.told[line{file: e.File, line: e.Line}] {
			if note == "" {
				continue
			}
			text = ""
		}
		m.told[line{file: e.File, line: e.Line}] = true
		m.f("%s- %s%s", indent, join(standsAt(e), text), note)
	}
}

func (m *markdown) culprits() {
	if len(m.r.Culprits) == 0 {
		return
	}
	m.section("Who did it")
	m.line("| Kind | Who | Share | Requests | |")
	m.line("|---|---|--:|--:|---|")
	for i, c := range m.r.Culprits {
		if i+1 < len(m.r.Culprits) && c.Note == m.r.Culprits[i+1].Note {
			c.Note = "" // said once, by the last of a run
		}
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
	m.section("Actions")
	for _, f := range m.r.Fixes {
		m.f("- [ ] **%s** (%s): %s", prose(f.Title), howMarked(f), prevents(f.Effect.Prevents).text)
		if f.Diff != "" {
			m.fence("diff", f.Diff)
		}
		if f.Kind == rules.KindCommand {
			m.fence("sh", f.Text)
		} else {
			m.instruction(f.Text)
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

// howMarked is how a fix is brought in, its file as code.
func howMarked(f rules.Fix) string {
	if f.Target == "" {
		return prose(how(f))
	}
	words, _ := strings.CutSuffix(how(f), f.Target)
	return prose(strings.TrimSpace(words)) + " " + code(f.Target)
}

// instruction keeps prose as prose; its indented lines are code.
func (m *markdown) instruction(text string) {
	var block []string
	end := func() {
		if len(block) > 0 {
			m.fence("", strings.Join(block, "\n"))
		}
		block = nil
	}
	for _, l := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		if strings.TrimLeft(l, " \t") != l {
			block = append(block, l)
			continue
		}
		end()
		if strings.TrimSpace(l) != "" {
			m.blank()
			m.line("  " + prose(l))
			m.blank()
		}
	}
	end()
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
	var open []htmlReason
	for _, o := range m.r.RuledOut {
		if !o.Checked {
			open = because(open, o.Reason, o.Cause)
			continue
		}
		m.f("- ✗ %s%s %s", code(o.Cause), colon(o.Reason), prose(o.Reason))
		m.quotes("  ", o.Evidence)
	}
	for _, o := range open {
		m.f("- ? %s%s %s", codes(o.Names), colon(o.Why), prose(o.Why))
	}
}

// codes are names with commas, each as code.
func codes(names string) string {
	var all []string
	for _, n := range strings.Split(names, ", ") {
		all = append(all, code(n))
	}
	return strings.Join(all, ", ")
}

func (m *markdown) misfits() {
	if len(m.r.DoesNotFit) == 0 {
		return
	}
	m.section("What does not fit")
	for _, x := range m.r.DoesNotFit {
		m.f("- %s", prose(sentenceOf(x.Text)))
		m.quotes("  ", x.Evidence)
	}
}

func (m *markdown) missing(name string) {
	if len(m.r.Missing) == 0 {
		return
	}
	m.section(name)
	for _, x := range m.r.Missing {
		m.f("- [ ] %s%s %s", code(x.ID), colon(x.Why), prose(x.Why))
		if x.Command != "" {
			m.fence("sh", x.Command)
		}
	}
}

// factors are what contributed, beside the root cause.
func (m *markdown) factors() {
	m.list("Contributing factors", rules.RoleContributing, rules.RoleSymptom)
}

// hygiene is what did not matter this time.
func (m *markdown) hygiene() { m.list("Also found", rules.RoleHygiene) }

func (m *markdown) list(name string, roles ...string) {
	var found []rules.Finding
	for _, f := range m.r.Findings {
		if slices.Contains(roles, f.Role) {
			found = append(found, f)
		}
	}
	if len(found) == 0 {
		return
	}
	m.section(name)
	for _, f := range found {
		m.f("- %s", prose(sentenceOf(f.Title)))
		if f.Detail != "" {
			m.line("  " + prose(sentenceOf(f.Detail)))
		}
		m.quotes("  ", f.Evidence)
	}
}

func (m *markdown) notJudged() {
	if len(m.r.NotJudged) == 0 {
		return
	}
	m.section("Not judged")
	var reasons []htmlReason
	for _, n := range m.r.NotJudged {
		reasons = because(reasons, n.Why, n.Rule)
	}
	for _, o := range reasons {
		m.f("- %s%s %s", prose(sentenceOf(o.Why)[:max(len(sentenceOf(o.Why))-1, 0)]), colon(o.Names), codes(o.Names))
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
			count(int64(in.Skipped)), m.period(in.From, in.To), code(clock(in)))
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
