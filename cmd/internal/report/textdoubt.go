package report

import (
	"strings"
)

// ruledOut answers the rivals: first those that a line of the input speaks against, then those that could not be checked,
// by what is missing.
func (t *text) ruledOut(name, note string) {
	if len(t.r.RuledOut) == 0 {
		return
	}
	t.heading(name, note)
	short := len(t.r.RuledOut) > rivalsQuoted && !t.o.Verbose
	var reasons []string
	unchecked := map[string][]string{}
	for _, o := range t.r.RuledOut {
		if !o.Checked {
			if unchecked[o.Reason] == nil {
				reasons = append(reasons, o.Reason)
			}
			unchecked[o.Reason] = append(unchecked[o.Reason], o.Cause)
			continue
		}
		ps := append([]piece{{"✗", fine}, say(strong, o.Cause+colon(o.Reason))}, words(body, o.Reason)...)
		if short && len(o.Evidence) > 0 {
			ps = append(ps, say(place, "("+clipPath(visible(at(o.Evidence[0])), t.width/2)+")"))
		}
		t.flow(margin, indent(4), 0, ps...)
		if !short {
			t.evidence(indent(4), o.Evidence, evidenceRows)
		}
	}
	for _, reason := range reasons {
		causes := strings.Join(unchecked[reason], ", ")
		t.flow(margin, indent(4), 0, append(append([]piece{{"?", unsure}}, words(strong, causes+colon(reason))...), words(body, reason)...)...)
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
