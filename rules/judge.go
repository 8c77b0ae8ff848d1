package rules

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"culprit/correlate"
)

// Judge runs every cause and every rule over the incident and puts the report together.
func Judge(inc *correlate.Incident) *Report { return Own{}.Judge(inc) }

func (c *Case) judge() *Report {
	var all []Hypothesis
	for _, cause := range Causes() {
		h := judgeOne(cause, c)
		h.Cause = cause.ID
		if h.State == Established && h.killed() && c.apart(c.Kill) {
			h.State, h.Confidence, h.Missing = Possible, 0.5, append(h.Missing, "access-log")
		}
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
	r.sayAgainst()
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

// killed says whether it is a kill that the cause explains.
func (h *Hypothesis) killed() bool {
	return slices.ContainsFunc(h.Chain, func(l correlate.Link) bool { return l.Effect.Kind == killKind })
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
	ok, well, conf := c.harmless(all)
	if ok {
		r.Verdict = Verdict{Outcome: NoIncident, Confidence: conf, Summary: sentence(well)}
		if _, ok := c.ahead(); ok {
			c.addFixes(r, Hypothesis{Fixes: []string{"session-ttl", "redis-maxmemory"}})
		}
		return
	}
	switch {
	case well != "":
	case best.killed() && c.apart(c.Kill):
		well = strings.TrimSuffix(best.Summary, ".") + "; whether the shop missed it, no file of the input shows"
	default:
		well = c.openSummary(all)
	}
	r.Verdict = Verdict{Outcome: Inconclusive, Summary: sentence(well)}
	r.Missing = c.missing(all)
	for _, h := range all {
		if h.State == Possible {
			r.Verdict.Confidence = max(r.Verdict.Confidence, h.Confidence)
		}
	}
	fixes := []string{"collect-evidence"}
	if _, ok := c.ahead(); ok {
		fixes = []string{"session-ttl", "redis-maxmemory", "collect-evidence"}
	}
	if c.Kill != nil && c.Leak.State != Established && c.limitTooLarge() != "" {
		fixes = append([]string{"redis-maxmemory-size"}, fixes...)
	}
	c.addFixes(r, Hypothesis{Fixes: fixes})
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
		r.Incident.KilledLine, r.Incident.KillLogged = k.Ev, k.Logged
	}
	c.where(&r.Incident)
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
		return "nothing in the input could be read as evidence" + c.unreadable()
	}
	told := false
	head := "the input shows no kill and no failing stretch, and too little to call it healthy"
	if said, ok := c.panicked(); ok && (c.Kill == nil || !c.Kill.Fact.VictimPID.OK) {
		head = said
	} else if k := c.Kill; k != nil && !k.Fact.VictimPID.OK && k.Fact.VictimComm == "" {
		head = fmt.Sprintf("the kernel was out of memory (%s), and whom it killed for it is not in the input", lineOf(k.Ev))
		if k.Fact.NoKillable {
			head = fmt.Sprintf("the kernel was out of memory and found nothing that it could kill (%s)", lineOf(k.Ev))
		}
	} else if c.Kill != nil {
		head = fmt.Sprintf("%s killed %s", c.Killer, c.victim())
		if c.Kill.Placed {
			head += " at " + clockTime(c.Kill.At)
		}
		if rss := killedRSS(c.Kill); rss > 0 {
			head += " with " + bytesIn(rss) + " resident"
		}
	} else if d := c.deaths(); len(d) > 0 && d[len(d)-1].start.Placed {
		last := d[len(d)-1]
		head = fmt.Sprintf("%s started again at %s without having shut down: something killed it", c.serverName(last.server), clockTime(last.start.At))
	} else if k, ok := c.rebooted(); ok {
		head = fmt.Sprintf("the host was started at %s, in the middle of what the logs tell", clockTime(k.At))
	} else if e, ok := c.lastEnd(); ok {
		head = e.text
		if e.placed {
			head += " at " + clockTime(e.at)
		}
		head += fmt.Sprintf(" (%s:%d)", e.ev.File, e.ev.Line)
	} else if d := c.deaths(); len(d) > 0 {
		last := d[len(d)-1]
		head = fmt.Sprintf("%s started again without having shut down: something killed it (%s)", c.serverName(last.server), lineOf(last.start.Ev))
	} else if b, ok := c.mainBurst(); ok {
		head = fmt.Sprintf("%s of %s requests failed from %s on", count(b.Failed), count(b.Requests), clockTime(b.From))
		if n := len(c.Bursts); n > 1 {
			head += fmt.Sprintf(", the worst of %d such stretches", n)
		}
		if d, ok := c.deployedAt(b.From); ok {
			head += fmt.Sprintf(", when a deployment ran (%s:%d)", d.File, d.Line)
		} else if n := len(c.Deploys); n > 0 && n <= 4 && !c.Deploys[0].Placed {
			head += fmt.Sprintf("; a deployment ran, at a time whose zone no line names (%s)", lineOf(c.Deploys[0].Ev))
		}
		if why := c.openWhy(b); why != "" {
			head, told = head+"; "+why, true
		}
	} else if said, ok := c.unreadKill(); ok {
		head = said
	} else if said, ok := c.stayedDown(); ok {
		head = said
	} else if said, ok := c.kernelRefuses(); ok {
		head = said
	} else if said, ok := c.appSuffers(); ok {
		head = said
	} else if said := c.unwell(); said != "" {
		head = said
		if g, ok := c.turnedAway(); ok {
			head, told = head+fmt.Sprintf("; the web server says %s %s (%s)", times(int(g.N)), saying(g.Signature), lineOf(g.First.Ev)), true
		}
	} else if said := c.shown(); said != "" {
		head, told = said, true
	} else if said := c.standsFull(); said != "" {
		head = said
	} else if said := c.shortNow(); said != "" {
		head = said
	} else if said := c.masterLost(); said != "" {
		head = said
	} else if g, ok := c.turnedAway(); ok {
		head = fmt.Sprintf("the web server says %s %s (%s:%d)", times(int(g.N)), saying(g.Signature), g.First.Ev.File, g.First.Ev.Line)
	}
	return head + c.diedLoading() + "; " + c.openRest(all, told) + c.unreadable()
}

// unreadable says why a file of a known format gave nothing, where that holds for most of its lines.
func (c *Case) unreadable() string {
	for _, in := range c.Inputs {
		if s := in.FirstSkipped; s != nil && in.Skipped*2 > in.Read {
			return fmt.Sprintf("; %s lines of %s could not be used: %s", count(int64(in.Skipped)), in.File, s.Why)
		}
	}
	return ""
}

// openRest says how far the evidence goes: what grew, where that is known, else which causes would fit. told: what failed is
// already told with what the logs said meanwhile.
func (c *Case) openRest(all []Hypothesis, told bool) string {
	var maybe []string
	for _, h := range all {
		if h.State == Possible && len(maybe) < 2 {
			maybe = append(maybe, h.Cause)
		}
	}
	fit := ""
	if len(maybe) > 0 {
		fit = " (" + strings.Join(maybe, " or ") + " would fit)"
	}
	g := c.Growth
	switch {
	case c.Kill != nil && c.hurt(c.Redis) && c.besideKeys() != "":
		return c.besideKeys() + fit
	case c.Kill != nil && c.fewGrew() && c.hurt(c.Redis):
		grew := fmt.Sprintf("Redis grew from %s to %s while its keys stayed at %s: single keys grew", bytesIn(g.First.Used.N), bytesIn(g.Last.Used.N), count(g.Last.Keys.N))
		if big, size := c.bigKey(); big != nil {
			return fmt.Sprintf("%s, and the largest by a listing is the %s %q with %s (%s); who fills it is not in the input%s", grew, big.Type, big.Name, size, lineOf(big.Evidence), fit)
		}
		return fmt.Sprintf("%s, and which is not in the input%s", grew, fit)
	case c.Kill != nil && c.Leak.State == Established && c.hurt(c.Redis):
		what, from, to := "keys without TTL", g.Counted.Of(g.First), g.Counted.Of(g.Last)
		if g.Counted == correlate.AllKeys {
			what = "keys that come faster than they expire"
		}
		who := "who made them is not proven"
		if c.Web != nil && c.Web.BareVisits >= bareVisitors {
			who += fmt.Sprintf(": %s of the visits fetched pages and nothing else, which browsers do not", percent(c.Web.BareVisits))
		}
		if c.Web != nil && c.Web.App.Requests*2 > to.N-from.N { // they could have made half of them by a key a request
			who += fmt.Sprintf(": an app's %s clients, by %s, made %s requests", count(c.Web.App.Clients), joinAnd(c.Web.App.Names), count(c.Web.App.Requests))
		}
		if d, ok := c.deployedAtOnset(); ok {
			who += fmt.Sprintf("; they set in when a deployment ran (%s)", lineOf(d))
		} else if j, ok := c.jobAtOnset(); ok {
			who += fmt.Sprintf("; they set in when cron started %q (%s)", jobName(j.Fact.Command), lineOf(j.Ev))
		}
		return fmt.Sprintf("%s went from %s to %s and filled Redis, but %s%s", what, count(from.N), count(to.N), who, fit)
	case c.Leak.After && c.Leak.State == Possible && g.NoTTLPerDay > 0:
		return fmt.Sprintf("since the restart %s keys that never expire come a day, but who made those before is not proven%s", count(g.NoTTLPerDay), fit)
	case fit != "":
		return "what grew is not proven" + fit
	case c.Kill == nil:
		if told && c.shown() != "" {
			return "what led to it is not in the input"
		}
		if told {
			return "what was behind it is not in the input"
		}
		if g, ok := c.turnedAway(); ok && g.Signature == "cert-expired" {
			return "the certificate itself is not in the input"
		}
		if e, _ := c.lastEnd(); !e.fault && c.redisGrew() != "" {
			return c.redisGrew()
		}
		return "nothing in the input shows why"
	}
	if n, ev, ok := c.sharedMemory(); ok {
		return fmt.Sprintf("%s of %s of RAM were shared memory, which belongs to no process: files in a tmpfs (/dev/shm, /run, /tmp) or segments that nobody removed (%s)", bytesIn(n), bytesIn(c.RAM.Bytes), lineOf(ev))
	}
	if said, ok := c.setAside(); ok {
		return said
	}
	if over := c.limitTooLarge(); over != "" {
		return over
	}
	if said, ok := c.nobodys(); ok {
		return said
	}
	if grew := c.redisGrew(); grew != "" && c.hurt(c.Redis) {
		return grew
	}
	return "nothing in the input shows what grew"
}

// redisGrew: Redis took half as much again and 100 MiB at least in what the input tells of, and nothing more is known; "" = not so.
func (c *Case) redisGrew() string {
	g := c.Growth
	if g == nil || c.After || len(g.Run) < 2 || !g.DUsed.OK || !g.First.Used.OK || g.DUsed.N < 100<<20 || g.DUsed.N*2 < g.First.Used.N {
		return ""
	}
	return fmt.Sprintf("Redis grew from %s to %s, of what is not proven (%s)", bytesIn(g.First.Used.N), bytesIn(g.Last.Used.N), lineOf(g.Last.Evidence("used_memory", "")))
}

// limitTooLarge: Redis was killed before it reached its own limit, which leaves the others less than they take; "" = not so.
func (c *Case) limitTooLarge() string {
	if c.Kill == nil || !IsRedis(c.Kill.Fact.VictimComm) || c.inGroup() || c.redisElsewhere() {
		return ""
	}
	max, ok := c.maxmemory()
	rss := killedRSS(c.Kill)
	b, okBudget := c.budget()
	if !ok || !okBudget || max.Bytes == 0 || rss > max.Bytes*11/10 || b.peak(max.Bytes) <= b.Redis {
		return ""
	}
	return fmt.Sprintf("Redis held what its maxmemory of %s (%s) allows, and beside the others the host has %s for it: the limit is too large", bytesIn(max.Bytes), lineOf(max.Ev), bytesIn(b.Redis))
}

// bigKey is the key that a listing shows to be large enough for what grew, and how large: a tenth of the growth by its bytes,
// or elements of a kilobyte each at most that come to as much.
func (c *Case) bigKey() (*correlate.LargestKey, string) {
	g := c.Growth
	if g == nil {
		return nil, ""
	}
	for _, k := range c.Keys {
		switch l := k.Largest; {
		case l == nil:
		case l.Bytes.Or(0)*10 >= max(g.DUsed.Or(0), 1<<20):
			return l, bytesIn(l.Bytes.N)
		case l.Len.Or(0)<<10*10 >= max(g.DUsed.Or(0), 1<<20):
			return l, count(l.Len.N) + " elements"
		}
	}
	return nil, ""
}

// fewGrew: the data of Redis doubled while its keys hardly became more: a list, a set, a stream. A tenth, because working
// sets swing by that. Buffers are accounted for by INFO itself and are no data.
func (c *Case) fewGrew() bool {
	g := c.Growth
	if g == nil || c.After || !g.DUsed.OK || !g.DKeys.OK || !g.First.Used.OK || g.Last.Keys.N == 0 {
		return false
	}
	data := g.DUsed.N - (bufferOf(g.Last) - bufferOf(g.First))
	return data > g.First.Used.N && data > 100<<20 && g.DKeys.N*10 < g.First.Keys.N
}

// deployedAt is the deployment within the minutes before an instant.
func (c *Case) deployedAt(at time.Time) (correlate.Evidence, bool) {
	for i := len(c.Deploys) - 1; i >= 0; i-- {
		if d := c.Deploys[i]; d.Placed && d.At.Sub(at).Abs() <= feltWithin {
			return d.Ev, true
		}
	}
	return correlate.Evidence{}, false
}

// sentence ends a clause with one full stop.
func sentence(s string) string {
	s = strings.TrimRight(strings.TrimSpace(s), ".")
	if s == "" {
		return ""
	}
	if first, _, _ := strings.Cut(s, " "); !serviceComm.MatchString(first) { // mariadbd is a name and keeps its small letter
		s = strings.ToUpper(s[:1]) + s[1:]
	}
	return s + "."
}

// sayAgainst gives what speaks against an edge its reason, where a misfit of the same line has one.
func (r *Report) sayAgainst() {
	for i := range r.Chain {
		against := slices.Clone(r.Chain[i].Against)
		for j, e := range against {
			for _, m := range r.DoesNotFit {
				if e.Note == "" && slices.ContainsFunc(m.Evidence, func(x correlate.Evidence) bool { return x.File == e.File && x.Line == e.Line }) {
					against[j].Note, _, _ = strings.Cut(m.Text, ";")
					break
				}
			}
			if j > 0 && against[j].Note == against[j-1].Note {
				against[j-1].Note = "" // said once, by the last of a run
			}
		}
		r.Chain[i].Against = against
	}
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
