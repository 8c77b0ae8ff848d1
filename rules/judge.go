package rules

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"culprit/correlate"
)

// Judge runs every cause and every rule over the incident and puts the report together.
func Judge(inc *correlate.Incident) *Report { return Own{}.Judge(inc) }

func (c *Case) judge() *Report {
	var all []Hypothesis
	for _, cause := range Causes() {
		h := judgeOne(cause, c)
		h.Cause = cause.ID
		h.Confidence = confidence(&h)
		all = append(all, h)
	}
	slices.SortStableFunc(all, func(a, b Hypothesis) int {
		return cmp.Or(-cmp.Compare(a.State, b.State), -cmp.Compare(a.Confidence, b.Confidence), -cmp.Compare(a.Explained, b.Explained), cmp.Compare(a.Cause, b.Cause))
	})
	r := &Report{Inputs: c.Inputs}
	c.verdict(r, all)
	c.facts(r)
	for _, h := range all {
		r.addRival(h)
	}
	c.runRules(r)
	r.DoesNotFit = c.misfits()
	r.Ledger = c.ledgers()
	r.Series = c.series(r.Culprits)
	r.Marks = c.marks(r.Incident.OnsetAt)
	return r
}

// judgeOne keeps a fault in one cause from costing the others: its rival is then "could not check", and says why.
func judgeOne(cause Cause, c *Case) (h Hypothesis) {
	defer func() {
		if e := recover(); e != nil {
			h = Hypothesis{State: NotChecked, Explained: -1, Reason: fmt.Sprintf("internal error, please report it: %v", e)}
		}
	}()
	return cause.Judge(c)
}

// checkOne is judgeOne for a rule.
func checkOne(rule Rule, c *Case) (out []Finding, fault string) {
	defer func() {
		if e := recover(); e != nil {
			out, fault = nil, fmt.Sprintf("internal error, please report it: %v", e)
		}
	}()
	return rule.Check(c), ""
}

// verdict picks the winner: the established cause with the highest confidence; none, and the case is either shown to be no
// incident or left open.
func (c *Case) verdict(r *Report, all []Hypothesis) {
	best := all[0]
	if best.State == Established && best.Confidence >= accuse {
		r.Verdict = Verdict{Outcome: RootCause, Cause: best.Cause, Confidence: best.Confidence, Summary: sentence(best.Summary)}
		r.Culprits = best.Culprits
		r.Chain = slices.Clone(best.Chain)
		slices.Reverse(r.Chain)
		r.Incident.OnsetAt = best.Onset.From
		c.addFixes(r, best)
		return
	}
	if ok, why, conf := c.harmless(all); ok {
		r.Verdict = Verdict{Outcome: NoIncident, Confidence: conf, Summary: sentence(why)}
		return
	}
	r.Verdict = Verdict{Outcome: Inconclusive, Summary: sentence(c.openSummary(all))}
	r.Missing = c.missing(all)
	for _, h := range all {
		if h.State == Possible {
			r.Verdict.Confidence = max(r.Verdict.Confidence, h.Confidence)
		}
	}
	c.addFixes(r, Hypothesis{Fixes: []string{"collect-evidence"}})
}

// facts are the victim and the impact, told whatever the verdict is.
func (c *Case) facts(r *Report) {
	if r.Verdict.Outcome == NoIncident {
		return
	}
	if k := c.Kill; k != nil {
		r.Incident.Victim = k.Fact.VictimComm
		r.Incident.VictimPID = k.Fact.VictimPID.Or(0)
		if k.Placed {
			r.Incident.KilledAt, r.Incident.KillError = k.At, k.Error
		}
		r.Incident.KilledLine = k.Ev
	}
	if b, ok := c.mainBurst(); ok {
		r.Incident.Impact = fmt.Sprintf("%s of %s requests answered with 5xx in %s", count(b.Failed), count(b.Requests), spell(b.To.Sub(b.From)))
		r.Incident.EndedAt = b.To
	}
}

func (r *Report) addRival(h Hypothesis) {
	if h.State == Established || h.State == Possible {
		why := h.Summary
		if why == "" {
			why = h.Reason
		}
		r.Candidates = append(r.Candidates, Candidate{Cause: h.Cause, Confidence: h.Confidence, Why: sentence(why)})
	}
	if h.Cause == r.Verdict.Cause {
		return
	}
	switch h.State {
	case Excluded:
		r.RuledOut = append(r.RuledOut, RuledOut{Cause: h.Cause, Reason: h.Reason, Checked: true, Evidence: h.Evidence})
	case NotChecked:
		r.RuledOut = append(r.RuledOut, RuledOut{Cause: h.Cause, Reason: h.Reason, Evidence: h.Evidence})
	}
	slices.SortStableFunc(r.RuledOut, func(a, b RuledOut) int {
		return cmp.Or(boolCompare(b.Checked, a.Checked), cmp.Compare(a.Cause, b.Cause))
	})
}

func boolCompare(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// openSummary leads with what is known.
func (c *Case) openSummary(all []Hypothesis) string {
	facts := 0
	for _, in := range c.Inputs {
		facts += in.Facts
	}
	if facts == 0 {
		return "nothing in the input could be read as evidence"
	}
	head := "the input shows no kill and no failing stretch, and too little to call it healthy"
	if c.Kill != nil {
		head = fmt.Sprintf("the kernel killed %s", c.victim())
		if c.Kill.Placed {
			head += " at " + clockTime(c.Kill.At)
		}
		if rss := killedRSS(c.Kill); rss > 0 {
			head += " with " + bytesIn(rss) + " resident"
		}
	} else if d := c.deaths(); len(d) > 0 && d[len(d)-1].start.Placed {
		last := d[len(d)-1]
		head = fmt.Sprintf("%s started again at %s without having shut down: something killed it", c.serverName(last.server), clockTime(last.start.At))
	} else if b, ok := c.mainBurst(); ok {
		head = fmt.Sprintf("%s of %s requests failed from %s on", count(b.Failed), count(b.Requests), clockTime(b.From))
	}
	var maybe []string
	for _, h := range all {
		if h.State == Possible && len(maybe) < 2 {
			maybe = append(maybe, h.Cause)
		}
	}
	if len(maybe) > 0 {
		return head + "; what grew is not proven (" + strings.Join(maybe, " or ") + " would fit)"
	}
	return head + "; nothing in the input shows what grew"
}

// sentence ends a clause with one full stop.
func sentence(s string) string {
	s = strings.TrimRight(strings.TrimSpace(s), ".")
	if s == "" {
		return ""
	}
	return strings.ToUpper(s[:1]) + s[1:] + "."
}

func (c *Case) runRules(r *Report) {
	for _, rule := range slices.Concat(All(), c.own.Rules) {
		lacks := ""
		for _, need := range rule.Needs {
			if !c.Has(need) {
				lacks = string(need)
				break
			}
		}
		why := ""
		if lacks != "" {
			why = "no " + lacks + " in the input"
		} else if rule.Lacks != nil {
			why = rule.Lacks(c)
		}
		if why != "" {
			r.NotJudged = append(r.NotJudged, NotJudged{Rule: rule.ID, Why: why})
			continue
		}
		found, fault := checkOne(rule, c)
		if fault != "" {
			r.NotJudged = append(r.NotJudged, NotJudged{Rule: rule.ID, Why: fault})
		}
		for _, f := range found {
			f.Rule = rule.ID
			if f.Role == RoleRoot && r.Verdict.Outcome != RootCause {
				f.Role = RoleContributing // nobody was named: no single rule may
			}
			r.Findings = append(r.Findings, f)
		}
	}
	order := map[string]int{RoleRoot: 0, RoleContributing: 1, RoleSymptom: 2, RoleHygiene: 3}
	slices.SortStableFunc(r.Findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(order[a.Role], order[b.Role]), cmp.Compare(a.Rule, b.Rule))
	})
}
