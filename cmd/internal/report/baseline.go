package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"

	"culprit/rules"
)

// MaxBaseline bounds the report that another is compared with; the largest of ours have some 3 MB.
const MaxBaseline = 64 << 20

// Compare says what is new, gone and changed in a report since an earlier one of the same system, as JSON wrote it. Of
// numbers only those are compared that both name alike. name is the earlier report's, for the reader.
func Compare(r *rules.Report, name string, earlier []byte) (*rules.Comparison, error) {
	var was snapshot
	if err := json.Unmarshal(earlier, &was); err != nil {
		return nil, fmt.Errorf("not a report that --format json wrote: %w", err)
	}
	if was.Schema != Schema {
		return nil, fmt.Errorf("schema %q: want %q, which --format json writes", was.Schema, Schema)
	}
	var b bytes.Buffer
	if err := JSON(&b, r); err != nil {
		return nil, err
	}
	var is snapshot
	if err := json.Unmarshal(b.Bytes(), &is); err != nil {
		return nil, err
	}
	c := &comparison{out: &rules.Comparison{With: name}}
	c.verdict(was, is)
	c.culprits(was.Culprits, is.Culprits)
	c.findings(was.Findings, is.Findings)
	c.fixes(was.Fixes, is.Fixes)
	c.missing(was.Missing, is.Missing)
	slices.SortStableFunc(c.out.Changes, func(a, b rules.Change) int { return slices.Index(states, a.State) - slices.Index(states, b.State) })
	return c.out, nil
}

// states in the order in which a reader wants them.
var states = []string{rules.Changed, rules.New, rules.Gone}

// snapshot is what is compared of a report.
type snapshot struct {
	Schema  string `json:"schema"`
	Verdict struct {
		Outcome    string   `json:"outcome"`
		Cause      string   `json:"cause"`
		Confidence *float64 `json:"confidence"`
	} `json:"verdict"`
	Incident struct {
		Victim   *jVictim `json:"victim"`
		KilledAt string   `json:"killed_at"`
		OnsetAt  string   `json:"onset_at"`
		Impact   string   `json:"impact"`
	} `json:"incident"`
	Culprits []oldCulprit `json:"culprits"`
	Findings []oldFinding `json:"findings"`
	Fixes    []oldFix     `json:"fixes"`
	Missing  []jMissing   `json:"missing"`
}

type (
	oldCulprit struct {
		Kind     string   `json:"kind"`
		Value    string   `json:"value"`
		Share    *float64 `json:"share"`
		Requests int64    `json:"requests"`
	}
	oldFinding struct {
		Rule       string `json:"rule"`
		Title      string `json:"title"`
		Quantities []struct {
			Name  string   `json:"name"`
			Value *float64 `json:"value"`
			Unit  string   `json:"unit"`
		} `json:"quantities"`
	}
	oldFix struct {
		ID     string `json:"id"`
		Title  string `json:"title"`
		Target string `json:"target"`
		Effect struct {
			Prevents *bool `json:"prevents"`
		} `json:"effect"`
	}
)

type comparison struct{ out *rules.Comparison }

// maxChanges bounds a comparison of two reports that have nothing to do with each other.
const maxChanges = 200

func (c *comparison) add(state, what, text, before, after string) {
	if len(c.out.Changes) == maxChanges {
		c.out.More++
		return
	}
	c.out.Changes = append(c.out.Changes, rules.Change{State: state, What: what, Text: text, Before: before, After: after})
}

// value tells of a fact that has one value at a time.
func (c *comparison) value(what, text, before, after string) {
	switch {
	case before == after:
	case before == "":
		c.add(rules.New, what, text, "", after)
	case after == "":
		c.add(rules.Gone, what, text, before, "")
	default:
		c.add(rules.Changed, what, text, before, after)
	}
}

func (c *comparison) verdict(was, is snapshot) {
	words := func(s snapshot) string { return strings.TrimSpace(s.Verdict.Outcome + " " + s.Verdict.Cause) }
	c.value("verdict", "verdict", words(was), words(is))
	if a, b := was.Verdict.Confidence, is.Verdict.Confidence; a != nil && b != nil && math.Abs(*a-*b) >= 0.005 {
		c.value("verdict", "confidence", fmt.Sprintf("%.2f", *a), fmt.Sprintf("%.2f", *b))
	}
	name := func(v *jVictim) string {
		if v == nil {
			return ""
		}
		return fmt.Sprintf("%s (pid %d)", v.Comm, v.PID)
	}
	c.value("incident", "victim", name(was.Incident.Victim), name(is.Incident.Victim))
	c.value("incident", "killed", was.Incident.KilledAt, is.Incident.KilledAt)
	c.value("incident", "began", was.Incident.OnsetAt, is.Incident.OnsetAt)
	c.value("incident", "impact", was.Incident.Impact, is.Incident.Impact)
}

func (c *comparison) culprits(was, is []oldCulprit) {
	name := func(x oldCulprit) string { return x.Kind + " " + x.Value }
	weight := func(x oldCulprit) string {
		var parts []string
		if x.Share != nil {
			parts = append(parts, percent(*x.Share))
		}
		if x.Requests > 0 {
			parts = append(parts, plural(x.Requests, "request"))
		}
		return strings.Join(parts, ", ")
	}
	for _, p := range pair(was, is, name) {
		switch {
		case p.was == nil:
			c.add(rules.New, "culprit", name(*p.is), "", weight(*p.is))
		case p.is == nil:
			c.add(rules.Gone, "culprit", name(*p.was), weight(*p.was), "")
		case weight(*p.was) != weight(*p.is):
			c.add(rules.Changed, "culprit", name(*p.is), weight(*p.was), weight(*p.is))
		}
	}
}

// findings are paired by rule and subject: the title without its numbers; what is left over of a rule, in order, when
// there is one of it on either side.
func (c *comparison) findings(was, is []oldFinding) {
	subject := func(f oldFinding) string {
		return f.Rule + "\x00" + numbersRE.ReplaceAllStringFunc(f.Title, func(n string) string {
			if strings.Count(strings.TrimRight(n, ".,:"), ".") == 3 {
				return n // an address
			}
			return "#"
		})
	}
	pairs := pair(was, is, subject)
	pairs = rejoin(pairs, func(f oldFinding) string { return f.Rule })
	for _, p := range pairs {
		switch {
		case p.was == nil:
			c.add(rules.New, "finding", p.is.Rule, "", p.is.Title)
		case p.is == nil:
			c.add(rules.Gone, "finding", p.was.Rule, p.was.Title, "")
		case p.was.Title != p.is.Title:
			c.add(rules.Changed, "finding", p.is.Rule, p.was.Title, p.is.Title)
		default:
			c.numbers(*p.was, *p.is)
		}
	}
}

var numbersRE = regexp.MustCompile(`\b[0-9][0-9.,:]*`) // not that of web1

func (c *comparison) numbers(was, is oldFinding) {
	for _, q := range is.Quantities {
		for _, old := range was.Quantities {
			if old.Name == q.Name && old.Unit == q.Unit && old.Value != nil && q.Value != nil && *old.Value != *q.Value {
				if a, b := quantity(*old.Value, old.Unit), quantity(*q.Value, q.Unit); a != b {
					c.add(rules.Changed, "finding", is.Rule+", "+q.Name, a, b)
				}
				break
			}
		}
	}
}

func (c *comparison) fixes(was, is []oldFix) {
	prevents := func(f oldFix) string {
		switch p := f.Effect.Prevents; {
		case p == nil:
			return "not replayed"
		case *p:
			return "would have prevented it"
		}
		return "would not have prevented it"
	}
	pairs := pair(was, is, func(f oldFix) string { return f.ID + "\x00" + f.Target })
	for _, p := range rejoin(pairs, func(f oldFix) string { return f.ID }) {
		switch {
		case p.was == nil:
			c.add(rules.New, "fix", p.is.ID, "", p.is.Title)
		case p.is == nil:
			c.add(rules.Gone, "fix", p.was.ID, p.was.Title, "")
		case p.was.Title != p.is.Title:
			c.add(rules.Changed, "fix", p.is.ID, p.was.Title, p.is.Title)
		case prevents(*p.was) != prevents(*p.is):
			c.add(rules.Changed, "fix", p.is.ID, prevents(*p.was), prevents(*p.is))
		}
	}
}

func (c *comparison) missing(was, is []jMissing) {
	for _, p := range pair(was, is, func(m jMissing) string { return m.ID }) {
		switch {
		case p.was == nil:
			c.add(rules.New, "missing", p.is.ID, "", p.is.Why)
		case p.is == nil:
			c.add(rules.Gone, "missing", p.was.ID, p.was.Why, "")
		}
	}
}

// paired is a thing of two reports; nil where one has it not.
type paired[T any] struct{ was, is *T }

// pair joins what has the same key, the first with the first; the new report's order, then what is gone.
func pair[T any](was, is []T, key func(T) string) []paired[T] {
	left := map[string][]*T{}
	for i := range was {
		left[key(was[i])] = append(left[key(was[i])], &was[i])
	}
	used := map[*T]bool{}
	var out []paired[T]
	for i := range is {
		p := paired[T]{is: &is[i]}
		if l := left[key(is[i])]; len(l) > 0 {
			p.was, left[key(is[i])] = l[0], l[1:]
			used[l[0]] = true
		}
		out = append(out, p)
	}
	for i := range was {
		if !used[&was[i]] {
			out = append(out, paired[T]{was: &was[i]})
		}
	}
	return out
}

// rejoin makes one pair of what is new and what is gone under a wider key, where each is the only one.
func rejoin[T any](pairs []paired[T], key func(T) string) []paired[T] {
	added, gone := map[string][]int{}, map[string][]int{}
	for i, p := range pairs {
		switch {
		case p.was == nil:
			added[key(*p.is)] = append(added[key(*p.is)], i)
		case p.is == nil:
			gone[key(*p.was)] = append(gone[key(*p.was)], i)
		}
	}
	drop := map[int]bool{}
	for k, a := range added {
		if g := gone[k]; len(a) == 1 && len(g) == 1 {
			pairs[a[0]].was = pairs[g[0]].was
			drop[g[0]] = true
		}
	}
	var out []paired[T]
	for i, p := range pairs {
		if !drop[i] {
			out = append(out, p)
		}
	}
	return out
}

// signs of the states, for text and Markdown.
var signs = map[string]string{rules.New: "+", rules.Gone: "-", rules.Changed: "~"}

// changeWords is a change in one line: what it is about, then what it was and is.
func changeWords(ch rules.Change) (subject, says string) {
	switch ch.State {
	case rules.New:
		return ch.Text, ch.After
	case rules.Gone:
		return ch.Text, ch.Before
	}
	return ch.Text, ch.Before + " → " + ch.After
}

// changesNote says how much changed.
func changesNote(c *rules.Comparison) string {
	if len(c.Changes) == 0 {
		return "nothing is new, gone or changed"
	}
	n := map[string]int{}
	for _, ch := range c.Changes {
		n[ch.State]++
	}
	note := fmt.Sprintf("%d changed, %d new, %d gone", n[rules.Changed], n[rules.New], n[rules.Gone])
	if c.More > 0 {
		note += fmt.Sprintf("; %d more are not listed", c.More)
	}
	return note
}

func (t *text) baseline() {
	c := t.r.Baseline
	if c == nil {
		return
	}
	t.heading("SINCE "+c.With, changesNote(c))
	for _, ch := range c.Changes {
		subject, says := changeWords(ch)
		ps := append([]piece{say(aside, ch.State+" "+ch.What)}, words(strong, subject)...)
		if says != "" {
			ps[len(ps)-1].text += ":"
			ps = append(ps, words(body, says)...)
		}
		t.flow(piece{"  " + signs[ch.State] + " ", label}, indent(4), 0, ps...)
	}
}

func (m *markdown) baseline() {
	c := m.r.Baseline
	if c == nil {
		return
	}
	m.section("Since " + prose(c.With))
	m.line(sentenceOf(changesNote(c)))
	if len(c.Changes) == 0 {
		return
	}
	m.blank()
	m.row("", "what", "was", "is")
	m.row("---", "---", "---", "---")
	for _, ch := range c.Changes {
		m.row(ch.State, ch.What+" "+code(ch.Text), prose(ch.Before), prose(ch.After))
	}
}

type (
	jBaseline struct {
		With    string    `json:"with"`
		Changes []jChange `json:"changes"`
		More    int       `json:"more,omitempty"`
	}
	jChange struct {
		State  string `json:"state"` // changed, new, gone
		What   string `json:"what"`  // verdict, incident, culprit, finding, fix, missing
		Text   string `json:"text"`
		Before string `json:"before,omitempty"`
		After  string `json:"after,omitempty"`
	}
)

func jsonBaseline(c *rules.Comparison) *jBaseline {
	if c == nil {
		return nil
	}
	return &jBaseline{c.With, each(c.Changes, func(ch rules.Change) jChange { return jChange(ch) }), c.More}
}
