package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/charmbracelet/lipgloss"

	"culprit/rules"
)

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
		title, sure = append(title, piece{"INCONCLUSIVE", unsure}), bestGuess(t.r)
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
	fact("where", where(f))
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
	who := f.Victim
	if f.VictimPID != 0 {
		who = fmt.Sprintf("%s pid %d", cmp.Or(f.Victim, "unnamed process"), f.VictimPID)
	}
	if who != "" && f.Host != "" {
		who += " on " + f.Host
	}
	return who
}

// where are the hosts of an incident of several.
func where(f rules.IncidentFacts) string {
	logs := ""
	switch n := len(f.WebHosts); n {
	case 0:
	case 1:
		logs = "requests in the logs of " + f.WebHosts[0]
	default:
		logs = fmt.Sprintf("requests in the logs of %d hosts (%s to %s)", n, f.WebHosts[0], f.WebHosts[n-1])
	}
	if f.Redis != "" && logs != "" {
		return f.Redis + "; " + logs
	}
	return f.Redis + logs
}

func killed(f rules.IncidentFacts) string {
	if f.KilledAt.IsZero() {
		if f.Victim != "" || f.VictimPID != 0 {
			return killLogged(f)
		}
		return ""
	}
	return moment(f.KilledAt) + " UTC" + within(f.KillError)
}

// killLogged is what the line of the kill tells of its time, where that is no instant.
func killLogged(f rules.IncidentFacts) string {
	switch t := f.KillLogged; {
	case t.IsZero():
		return "at a time that is not known"
	case t.Year() == 0:
		return t.Format("2 Jan 15:04:05") + " by its own clock, whose year and zone are not known"
	default:
		return t.Format("2006-01-02 15:04:05") + " by its own clock, whose zone is not known"
	}
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

// odds is a confidence in a column.
func odds(c float64) string {
	if math.IsNaN(c) {
		return "?"
	}
	return strconv.FormatFloat(c, 'f', 2, 64)
}

func bestGuess(r *rules.Report) string {
	if len(r.Candidates) == 0 {
		return ""
	}
	c := r.Candidates[0]
	return "best guess: " + c.Cause + ", " + odds(c.Confidence)
}

func (t *text) runnerUp() string {
	for _, c := range t.r.Candidates {
		if c.Cause != t.r.Verdict.Cause {
			return "next best: " + c.Cause + ", " + odds(c.Confidence)
		}
	}
	return ""
}

func (t *text) candidates() {
	if len(t.r.Candidates) == 0 {
		return
	}
	t.heading("WHAT IT COULD BE", "best first")
	for _, c := range t.r.Candidates {
		t.flow(margin, indent(8), 0, append([]piece{say(label, odds(c.Confidence)+" "), say(strong, c.Cause+colon(c.Why))}, words(body, c.Why)...)...)
	}
}

// colon is there when something follows.
func colon(rest string) string {
	if rest == "" {
		return ""
	}
	return ":"
}
