// Package report writes a rules.Report for people and for programs: one renderer a file. All colour and width live here;
// it decides nothing about the incident, asks the environment nothing, and is called by cmd/culprit alone.
package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"time"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"culprit/correlate"
	"culprit/parsers"
	"culprit/rules"
)

// Schema names the shape of the JSON report: keys may be added to it, never renamed.
const Schema = "culprit.report/1"

// JSON writes the report for programs (README, "The JSON report"). What is not known is left out, never 0; an array is
// never null; times are UTC. The output is JSON, and safe to print on a terminal, whatever bytes the logs held.
func JSON(w io.Writer, r *rules.Report) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(jsonReport(r)); err != nil {
		return fmt.Errorf("encode report: %w", err)
	}
	_, err := w.Write(escapeUnprintable(b.Bytes()))
	return err
}

// escapeUnprintable writes as \u what encoding/json passes through and a terminal may obey: DEL, C1 controls, bidi
// overrides, invisible characters. Outside strings JSON is printable ASCII, so only the inside of strings changes.
func escapeUnprintable(text []byte) []byte {
	out := make([]byte, 0, len(text))
	for len(text) > 0 {
		r, n := utf8.DecodeRune(text)
		switch {
		case r == '\n' || unicode.IsPrint(r) && r != utf8.RuneError:
			out = append(out, text[:n]...)
		case r > 0xffff:
			hi, lo := utf16.EncodeRune(r)
			out = fmt.Appendf(out, `\u%04x\u%04x`, hi, lo)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
		text = text[n:]
	}
	return out
}

type (
	jReport struct {
		Schema     string       `json:"schema"`
		Verdict    jVerdict     `json:"verdict"`
		Incident   jIncident    `json:"incident"`
		Culprits   []jCulprit   `json:"culprits"`
		Candidates []jCandidate `json:"candidates"`
		Chain      []jLink      `json:"chain"`
		Findings   []jFinding   `json:"findings"`
		Fixes      []jFix       `json:"fixes"`
		RuledOut   []jRuledOut  `json:"ruled_out"`
		DoesNotFit []jMisfit    `json:"does_not_fit"`
		Missing    []jMissing   `json:"missing"`
		NotJudged  []jNotJudged `json:"not_judged"`
		Ledger     []jLedger    `json:"ledger"`
		Inputs     []jInput     `json:"inputs"`
		Marks      []jMark      `json:"marks"`
		Baseline   *jBaseline   `json:"baseline,omitempty"` // with --baseline
		Series     []jSeries    `json:"series"`             // last: they are long
	}
	jVerdict struct {
		Outcome    string       `json:"outcome"`
		Cause      string       `json:"cause,omitempty"` // absent unless the outcome is root-cause
		Confidence parsers.OptF `json:"confidence,omitzero"`
		Summary    string       `json:"summary"`
	}
	jIncident struct {
		Victim     *jVictim     `json:"victim,omitempty"`
		KilledAt   string       `json:"killed_at,omitempty"`
		KillError  parsers.OptF `json:"killed_at_error_s,omitzero"`
		OnsetAt    string       `json:"onset_at,omitempty"`
		EndedAt    string       `json:"ended_at,omitempty"`
		Impact     string       `json:"impact,omitempty"`
		KilledLine *jEvidence   `json:"killed_line,omitempty"`
		Host       string       `json:"host,omitempty"`
		Redis      string       `json:"redis,omitempty"`
		WebHosts   []string     `json:"web_hosts,omitempty"`
	}
	jVictim struct {
		Comm string `json:"comm,omitempty"`
		PID  int64  `json:"pid,omitempty"`
	}
	jCulprit struct {
		Kind     string       `json:"kind"`
		Value    string       `json:"value"`
		Share    parsers.OptF `json:"share,omitzero"`
		Requests int64        `json:"requests,omitempty"`
		Note     string       `json:"note,omitempty"`
	}
	jCandidate struct {
		Cause      string       `json:"cause"`
		Confidence parsers.OptF `json:"confidence,omitzero"`
		Why        string       `json:"why,omitempty"`
	}
	jLink struct {
		Cause       string       `json:"cause"`
		Effect      string       `json:"effect"`
		Lag         parsers.OptF `json:"lag_s,omitzero"`
		Explained   parsers.OptF `json:"explained,omitzero"`
		Tests       jTests       `json:"tests"`
		For         []jEvidence  `json:"for"`
		Against     []jEvidence  `json:"against"`
		CauseEvent  jEvent       `json:"cause_event"`
		EffectEvent jEvent       `json:"effect_event"`
	}
	jTests struct {
		Structural *bool `json:"structural"` // null: could not be tested
		Deviating  *bool `json:"deviating"`
		Ordered    *bool `json:"ordered"`
		Sufficient *bool `json:"sufficient"`
	}
	jEvent struct {
		Kind     string       `json:"kind"`
		Subject  string       `json:"subject,omitempty"`
		Text     string       `json:"text,omitempty"`
		From     string       `json:"from,omitempty"`
		To       string       `json:"to,omitempty"`
		Error    parsers.OptF `json:"error_s,omitzero"`
		Evidence []jEvidence  `json:"evidence"`
	}
	jFinding struct {
		Rule       string      `json:"rule"`
		Role       string      `json:"role"`
		Title      string      `json:"title"`
		Detail     string      `json:"detail,omitempty"`
		Evidence   []jEvidence `json:"evidence"`
		Against    []jEvidence `json:"against"`
		Quantities []jQuantity `json:"quantities"`
		Fixes      []string    `json:"fixes"`
	}
	jQuantity struct {
		Name    string       `json:"name"`
		Value   parsers.OptF `json:"value,omitzero"`
		Unit    string       `json:"unit,omitempty"`
		Formula string       `json:"formula,omitempty"`
	}
	jFix struct {
		ID     string  `json:"id"`
		Title  string  `json:"title"`
		Kind   string  `json:"kind"`
		Target string  `json:"target,omitempty"`
		Diff   string  `json:"diff,omitempty"`
		Text   string  `json:"text,omitempty"`
		Risk   string  `json:"risk,omitempty"`
		Undo   string  `json:"undo,omitempty"`
		Check  string  `json:"check,omitempty"`
		Effect jEffect `json:"effect"`
	}
	jEffect struct {
		Before   string `json:"before,omitempty"`
		After    string `json:"after,omitempty"`
		Prevents *bool  `json:"prevents"` // null: could not be replayed
	}
	jRuledOut struct {
		Cause    string      `json:"cause"`
		Reason   string      `json:"reason"`
		Checked  bool        `json:"checked"`
		Evidence []jEvidence `json:"evidence"`
	}
	jMisfit struct {
		Text     string      `json:"text"`
		Evidence []jEvidence `json:"evidence"`
	}
	jMissing struct {
		ID      string `json:"id"`
		Why     string `json:"why"`
		Command string `json:"command,omitempty"`
	}
	jNotJudged struct {
		Rule string `json:"rule"`
		Why  string `json:"why"`
	}
	jLedger struct {
		Name     string       `json:"name"`
		Total    parsers.OptF `json:"total,omitzero"`
		Unit     string       `json:"unit,omitempty"`
		Terms    []jTerm      `json:"terms"`
		Residual parsers.OptF `json:"residual,omitzero"`
	}
	jTerm struct {
		Name     string       `json:"name"`
		Value    parsers.OptF `json:"value,omitzero"`
		Evidence *jEvidence   `json:"evidence,omitempty"`
	}
	jMark struct {
		Kind     string     `json:"kind"`
		Text     string     `json:"text"`
		At       string     `json:"at"`
		To       string     `json:"to,omitempty"` // absent: it happened once
		N        int        `json:"n"`
		Evidence *jEvidence `json:"evidence,omitempty"`
	}
	jSeries struct {
		ID     string       `json:"id"`
		Name   string       `json:"name"`
		Unit   string       `json:"unit,omitempty"`
		Lane   string       `json:"lane"`
		Bin    parsers.OptF `json:"bin_s,omitzero"` // a point sums what follows it for so long; absent: it is a reading
		Note   string       `json:"note,omitempty"`
		Source string       `json:"source,omitempty"`
		Limits []jLimit     `json:"limits"`
		Points []jPoint     `json:"points"`
	}
	jLimit struct {
		Name  string       `json:"name"`
		Value parsers.OptF `json:"value,omitzero"`
	}
	jPoint struct {
		At    string       `json:"at"`
		Value parsers.OptF `json:"value,omitzero"`
		Gap   bool         `json:"gap,omitempty"` // not joined to the point before
	}
	jInput struct {
		File         string        `json:"file"`
		Host         string        `json:"host,omitempty"`
		Format       string        `json:"format"` // "": not recognised
		Read         int           `json:"read"`
		Facts        int           `json:"facts"`
		Skipped      int           `json:"skipped"`
		FirstSkipped *jFirstUnread `json:"first_skipped,omitempty"`
		From         string        `json:"from,omitempty"`
		To           string        `json:"to,omitempty"`
		LocalFrom    string        `json:"local_from,omitempty"` // instead of from and to, when the file's zone is not known
		LocalTo      string        `json:"local_to,omitempty"`
		SHA256       string        `json:"sha256,omitempty"`
		Bytes        int64         `json:"bytes"`
		ModTime      string        `json:"mod_time,omitempty"`
		Clock        jClock        `json:"clock"`
		Error        string        `json:"error"` // "": read to its end
		DuplicateOf  string        `json:"duplicate_of,omitempty"`
		Note         string        `json:"note,omitempty"`
	}
	jFirstUnread struct {
		Line int    `json:"line"`
		Text string `json:"text"`
		Why  string `json:"why,omitempty"`
	}
	jClock struct {
		Zone   string       `json:"zone,omitempty"`
		From   string       `json:"from,omitempty"`
		Error  parsers.OptF `json:"error_s,omitzero"`
		Placed bool         `json:"placed"`
	}
	jEvidence struct {
		File string `json:"file"`
		Line int    `json:"line,omitempty"`
		Time string `json:"time,omitempty"`
		Text string `json:"text"`
		Note string `json:"note,omitempty"`
	}
)

func jsonReport(r *rules.Report) jReport {
	out := jReport{
		Schema:     Schema,
		Verdict:    jVerdict{Outcome: r.Verdict.Outcome, Confidence: number(r.Verdict.Confidence), Summary: r.Verdict.Summary},
		Incident:   jsonIncident(r.Incident),
		Culprits:   each(r.Culprits, jsonCulprit),
		Candidates: each(r.Candidates, func(c rules.Candidate) jCandidate { return jCandidate{c.Cause, number(c.Confidence), c.Why} }),
		Chain:      each(r.Chain, jsonLink),
		Findings:   each(r.Findings, jsonFinding),
		Fixes:      each(r.Fixes, jsonFix),
		RuledOut: each(r.RuledOut, func(o rules.RuledOut) jRuledOut {
			return jRuledOut{o.Cause, o.Reason, o.Checked, each(o.Evidence, jsonEvidence)}
		}),
		DoesNotFit: each(r.DoesNotFit, func(m rules.Misfit) jMisfit { return jMisfit{m.Text, each(m.Evidence, jsonEvidence)} }),
		Missing:    each(r.Missing, func(m rules.Missing) jMissing { return jMissing(m) }),
		NotJudged:  each(r.NotJudged, func(n rules.NotJudged) jNotJudged { return jNotJudged(n) }),
		Ledger:     each(r.Ledger, jsonLedger),
		Inputs:     each(r.Inputs, jsonInput),
		Marks:      each(r.Marks, jsonMark),
		Baseline:   jsonBaseline(r.Baseline),
		Series:     each(r.Series, jsonSeries),
	}
	if r.Verdict.Outcome == rules.RootCause {
		out.Verdict.Cause = r.Verdict.Cause
	}
	return out
}

// each maps a slice; the result is never nil, so that it is never null in JSON.
func each[T, U any](in []T, f func(T) U) []U {
	out := make([]U, len(in))
	for i, v := range in {
		out[i] = f(v)
	}
	return out
}

func jsonIncident(f rules.IncidentFacts) jIncident {
	out := jIncident{KilledAt: utc(f.KilledAt), OnsetAt: utc(f.OnsetAt), EndedAt: utc(f.EndedAt), Impact: f.Impact, KilledLine: known(f.KilledLine),
		Host: f.Host, Redis: f.Redis, WebHosts: f.WebHosts}
	if f.Victim != "" || f.VictimPID != 0 {
		out.Victim = &jVictim{f.Victim, f.VictimPID}
	}
	if out.KilledAt != "" {
		out.KillError = number(f.KillError.Seconds())
	}
	return out
}

func jsonCulprit(c rules.Culprit) jCulprit {
	return jCulprit{c.Kind, c.Value, measured(c.Share), c.Requests, c.Note}
}

func jsonLink(l correlate.Link) jLink {
	out := jLink{
		Cause: l.Cause.Kind, Effect: l.Effect.Kind, Explained: measured(l.Explained),
		Tests: jTests{truth(l.Tests.Structural), truth(l.Tests.Deviating), truth(l.Tests.Ordered), truth(l.Tests.Sufficient)},
		For:   each(l.For, jsonEvidence), Against: each(l.Against, jsonEvidence),
		CauseEvent: jsonEvent(l.Cause), EffectEvent: jsonEvent(l.Effect),
	}
	if l.LagKnown {
		out.Lag = number(l.Lag.Seconds())
	}
	return out
}

func jsonEvent(e correlate.Event) jEvent {
	out := jEvent{Kind: e.Kind, Subject: e.Subject, Text: e.Text, From: utc(e.From), To: utc(e.To), Evidence: each(e.Evidence, jsonEvidence)}
	if out.From != "" {
		out.Error = number(e.Error.Seconds())
	}
	return out
}

func jsonFinding(f rules.Finding) jFinding {
	return jFinding{
		Rule: f.Rule, Role: f.Role, Title: f.Title, Detail: f.Detail,
		Evidence: each(f.Evidence, jsonEvidence), Against: each(f.Against, jsonEvidence),
		Quantities: each(f.Quantities, func(q rules.Quantity) jQuantity { return jQuantity{q.Name, number(q.Value), q.Unit, q.Formula} }),
		Fixes:      each(f.Fixes, func(x rules.Fix) string { return x.ID }),
	}
}

func jsonFix(f rules.Fix) jFix {
	return jFix{f.ID, f.Title, f.Kind, f.Target, f.Diff, f.Text, f.Risk, f.Undo, f.Check,
		jEffect{f.Effect.Before, f.Effect.After, truth(f.Effect.Prevents)}}
}

func jsonLedger(l rules.Ledger) jLedger {
	return jLedger{l.Name, number(l.Total), l.Unit,
		each(l.Terms, func(t rules.LedgerTerm) jTerm { return jTerm{t.Name, number(t.Value), known(t.Evidence)} }), number(l.Residual)}
}

func jsonMark(m rules.Mark) jMark {
	out := jMark{Kind: m.Kind, Text: m.Text, At: utc(m.At), N: m.N, Evidence: known(m.Evidence)}
	if m.To.After(m.At) {
		out.To = utc(m.To)
	}
	return out
}

func jsonSeries(s rules.Series) jSeries {
	out := jSeries{ID: s.ID, Name: s.Name, Unit: s.Unit, Lane: s.Lane, Note: s.Note, Source: s.Source,
		Limits: each(s.Limits, func(l rules.Limit) jLimit { return jLimit{l.Name, number(l.Value)} }),
		Points: each(s.Points, func(p rules.Point) jPoint { return jPoint{utc(p.At), number(p.Value), p.Gap} }),
	}
	if s.Bin > 0 {
		out.Bin = number(s.Bin.Seconds())
	}
	return out
}

func jsonInput(in correlate.Input) jInput {
	out := jInput{
		File: in.File, Host: in.Host, Format: in.Format, Read: in.Read, Facts: in.Facts, Skipped: in.Skipped,
		SHA256: in.SHA256, Bytes: in.Bytes, ModTime: utc(in.ModTime), Error: in.Err, DuplicateOf: in.DuplicateOf, Note: in.Note,
		Clock: jClock{Zone: in.Clock.Zone, From: in.Clock.From, Placed: in.Clock.Placed},
	}
	if in.FirstSkipped != nil {
		out.FirstSkipped = &jFirstUnread{in.FirstSkipped.Line, in.FirstSkipped.Text, in.FirstSkipped.Why}
	}
	if in.Clock.Placed {
		out.From, out.To, out.Clock.Error = utc(in.From), utc(in.To), number(in.Clock.Error.Seconds())
	} else {
		out.LocalFrom, out.LocalTo = local(in.From), local(in.To)
	}
	return out
}

func jsonEvidence(e correlate.Evidence) jEvidence {
	return jEvidence{e.File, e.Line, utc(e.Time), e.Text, e.Note}
}

// known is nil for evidence that was never filled in.
func known(e correlate.Evidence) *jEvidence {
	if e.File == "" && e.Text == "" {
		return nil
	}
	j := jsonEvidence(e)
	return &j
}

// number is unknown for what JSON cannot say: a ratio whose divisor was zero is no number.
func number(f float64) parsers.OptF {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return parsers.OptF{}
	}
	return parsers.OptF{F: f, OK: true}
}

// measured is unknown for a negative share.
func measured(share float64) parsers.OptF {
	if share < 0 {
		return parsers.OptF{}
	}
	return number(share)
}

func truth(o correlate.Outcome) *bool {
	if o == correlate.Unknown {
		return nil
	}
	ok := o == correlate.Pass
	return &ok
}

// utc is "" for a time that is unknown or that RFC 3339 cannot write.
func utc(t time.Time) string {
	if t = t.UTC(); t.IsZero() || t.Year() < 1 || t.Year() > 9999 {
		return ""
	}
	return t.Format("2006-01-02T15:04:05.999999Z07:00")
}

// local is a wall time of an unknown zone: it carries no offset, so that nobody takes it for UTC.
func local(t time.Time) string {
	if t.IsZero() || t.Year() < 0 || t.Year() > 9999 {
		return ""
	}
	return t.Format("2006-01-02T15:04:05.999999")
}
