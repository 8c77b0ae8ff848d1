package report

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"culprit/rules"
)

// wentWell and wentBadly are what evidence shows of how the incident was met: not who did what, which no log tells.

func (m *markdown) wentWell() {
	f := m.r.Incident
	var says []string
	if d := f.EndedAt.Sub(f.KilledAt); !f.KilledAt.IsZero() && !f.EndedAt.IsZero() && d > 0 {
		says = append(says, fmt.Sprintf("Requests were answered again from %s on, %s after the kill.", m.moment(f.EndedAt), span(d)))
	}
	checked := 0
	for _, o := range m.r.RuledOut {
		if o.Checked {
			checked++
		}
	}
	if all := len(m.r.RuledOut); checked > 1 && m.r.Verdict.Outcome == rules.RootCause {
		says = append(says, fmt.Sprintf("Enough evidence was kept to rule out %d of %d other causes by a line.", checked, all))
	}
	if gap := slices.ContainsFunc(m.r.Findings, func(x rules.Finding) bool { return x.Rule == "access-log-gap" }); !gap {
		if from, to, n := m.logged(); n > 0 && !f.OnsetAt.IsZero() && !from.After(f.OnsetAt) && to.After(f.KilledAt) {
			says = append(says, fmt.Sprintf("The access logs cover the whole of it, %s without a hole.", span(to.Sub(from))))
		}
	}
	m.lessons("What went well", says)
}

func (m *markdown) wentBadly() {
	f := m.r.Incident
	var says []string
	if m.r.Verdict.Outcome != rules.NoIncident {
		if lead := f.KilledAt.Sub(f.OnsetAt); !f.KilledAt.IsZero() && !f.OnsetAt.IsZero() && lead > 10*time.Minute {
			says = append(says, fmt.Sprintf("It was under way for %s before the kill, and nothing in the input shows that anybody was told: no alert, no limit that stopped it.", span(lead)))
		}
		if f.EndedAt.IsZero() && !f.KilledAt.IsZero() {
			says = append(says, "When requests were answered again is not in the input.")
		}
	}
	var lacked []string
	for _, n := range m.r.NotJudged {
		if why := strings.TrimSuffix(strings.TrimPrefix(n.Why, "no "), " in the input"); why != n.Why && !slices.Contains(lacked, why) {
			lacked = append(lacked, why)
		}
	}
	for _, o := range m.r.RuledOut {
		if why := strings.TrimSuffix(strings.TrimPrefix(o.Reason, "no "), " in the input"); !o.Checked && strings.HasPrefix(o.Reason, "no ") && !slices.Contains(lacked, why) {
			lacked = append(lacked, why)
		}
	}
	if len(lacked) > 0 && m.r.Verdict.Outcome != rules.NoIncident {
		says = append(says, "Evidence that was not kept, or is not in the input: "+strings.ReplaceAll(strings.Join(lacked, "; "), " and no ", ", ")+".")
	}
	m.lessons("What did not", says)
}

func (m *markdown) lessons(name string, says []string) {
	if len(says) == 0 {
		return
	}
	m.section(name)
	for _, s := range says {
		m.f("- %s", prose(s))
	}
}

// logged is the span of the access logs.
func (m *markdown) logged() (from, to time.Time, n int) {
	for _, in := range m.r.Inputs {
		if in.Format != "nginx-access" || in.From.IsZero() {
			continue
		}
		n++
		if from.IsZero() || in.From.Before(from) {
			from = in.From
		}
		if in.To.After(to) {
			to = in.To
		}
	}
	return from, to, n
}
