package report

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"culprit/correlate"
	"culprit/rules"
)

// SARIF writes the report for code scanning and editors (OASIS SARIF 2.1.0): the verdict is the first result, with the chain
// as its code flow, the oldest cause first; each finding is one more. The documentation of every rule and cause goes with it.
func SARIF(w io.Writer, r *rules.Report) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(newSARIF(r)); err != nil {
		return fmt.Errorf("encode SARIF: %w", err)
	}
	_, err := w.Write(escapeUnprintable(b.Bytes()))
	return err
}

type (
	sLog struct {
		Schema  string `json:"$schema"`
		Version string `json:"version"`
		Runs    []sRun `json:"runs"`
	}
	sRun struct {
		Tool        sTool          `json:"tool"`
		Invocations []sInvocation  `json:"invocations"`
		Artifacts   []sArtifact    `json:"artifacts"`
		Results     []sResult      `json:"results"`
		ColumnKind  string         `json:"columnKind"`
		Properties  map[string]any `json:"properties,omitempty"`
	}
	sTool struct {
		Driver sDriver `json:"driver"`
	}
	sDriver struct {
		Name  string  `json:"name"`
		Rules []sRule `json:"rules"`
	}
	sRule struct {
		ID            string         `json:"id"`
		Short         sText          `json:"shortDescription"`
		Full          *sText         `json:"fullDescription,omitempty"`
		Help          *sText         `json:"help,omitempty"`
		Configuration sConfiguration `json:"defaultConfiguration"`
		Properties    map[string]any `json:"properties,omitempty"`
	}
	sConfiguration struct {
		Level string `json:"level"`
	}
	sText struct {
		Text string `json:"text"`
	}
	sInvocation struct {
		Successful    bool            `json:"executionSuccessful"`
		Notifications []sNotification `json:"toolExecutionNotifications,omitempty"`
	}
	sNotification struct {
		Level   string `json:"level"`
		Message sText  `json:"message"`
	}
	sArtifact struct {
		Location sURI              `json:"location"`
		Length   int64             `json:"length"`
		Hashes   map[string]string `json:"hashes,omitempty"`
	}
	sURI struct {
		URI   string `json:"uri"`
		Index *int   `json:"index,omitempty"`
	}
	sResult struct {
		RuleID       string            `json:"ruleId"`
		RuleIndex    int               `json:"ruleIndex"`
		Kind         string            `json:"kind"`
		Level        string            `json:"level"`
		Message      sText             `json:"message"`
		Locations    []sLocation       `json:"locations,omitempty"`
		Related      []sLocation       `json:"relatedLocations,omitempty"`
		CodeFlows    []sCodeFlow       `json:"codeFlows,omitempty"`
		Fixes        []sFix            `json:"fixes,omitempty"`
		Fingerprints map[string]string `json:"partialFingerprints,omitempty"`
		Rank         *float64          `json:"rank,omitempty"`
		Properties   map[string]any    `json:"properties,omitempty"`
	}
	sLocation struct {
		Physical *sPhysical `json:"physicalLocation,omitempty"`
		Message  *sText     `json:"message,omitempty"`
	}
	sPhysical struct {
		Artifact sURI     `json:"artifactLocation"`
		Region   *sRegion `json:"region,omitempty"`
	}
	sRegion struct {
		StartLine   int    `json:"startLine"`
		StartColumn int    `json:"startColumn,omitempty"`
		EndLine     int    `json:"endLine,omitempty"`
		EndColumn   int    `json:"endColumn,omitempty"`
		Snippet     *sText `json:"snippet,omitempty"`
	}
	sFix struct {
		Description sText     `json:"description"`
		Changes     []sChange `json:"artifactChanges"`
	}
	sChange struct {
		Artifact     sURI           `json:"artifactLocation"`
		Replacements []sReplacement `json:"replacements"`
	}
	sReplacement struct {
		Deleted  sRegion `json:"deletedRegion"`
		Inserted *sText  `json:"insertedContent,omitempty"`
	}
	sCodeFlow struct {
		Message     sText         `json:"message"`
		ThreadFlows []sThreadFlow `json:"threadFlows"`
	}
	sThreadFlow struct {
		Locations []sStep `json:"locations"`
	}
	sStep struct {
		Location   sLocation `json:"location"`
		Order      int       `json:"executionOrder"`
		Time       string    `json:"executionTimeUtc,omitempty"`
		Importance string    `json:"importance"`
	}
)

// sarif is a log being put together.
type sarif struct {
	run   sRun
	rules map[string]int // by ID, their place in the driver
	files map[string]int
}

func newSARIF(r *rules.Report) sLog {
	s := &sarif{rules: map[string]int{}, files: map[string]int{}}
	s.run.Tool.Driver = sDriver{Name: "culprit", Rules: []sRule{}}
	s.run.Artifacts, s.run.Results, s.run.ColumnKind = []sArtifact{}, []sResult{}, "unicodeCodePoints"
	for _, c := range rules.Causes() {
		s.describe(c.ID, c.Doc, "error", "cause")
	}
	for _, rule := range rules.All() {
		s.describe(rule.ID, rule.Doc, "warning", "rule")
	}
	s.describe("inconclusive", "The input does not prove what caused the outage.", "none", "outcome")
	s.describe("no-incident", "The input shows no outage.", "none", "outcome")
	for _, in := range r.Inputs {
		if _, twice := s.files[in.File]; in.File == "" || twice {
			continue
		}
		s.files[in.File] = len(s.run.Artifacts)
		a := sArtifact{Location: sURI{URI: fileURI(in.File)}, Length: max(in.Bytes, -1)}
		if in.SHA256 != "" {
			a.Hashes = map[string]string{"sha-256": in.SHA256}
		}
		s.run.Artifacts = append(s.run.Artifacts, a)
	}
	s.verdict(r)
	for _, f := range r.Findings {
		s.finding(r, f)
	}
	s.run.Invocations = []sInvocation{{Successful: true, Notifications: notifications(r)}}
	if len(r.RuledOut) > 0 {
		s.run.Properties = map[string]any{"ruledOut": each(r.RuledOut, func(o rules.RuledOut) map[string]any {
			return map[string]any{"cause": o.Cause, "reason": o.Reason, "checked": o.Checked}
		})}
	}
	return sLog{Schema: "https://json.schemastore.org/sarif-2.1.0.json", Version: "2.1.0", Runs: []sRun{s.run}}
}

// describe adds a rule once; the first paragraph of its documentation is the short one.
func (s *sarif) describe(id, doc, level, kind string) int {
	if i, ok := s.rules[id]; ok {
		return i
	}
	short, _, _ := strings.Cut(strings.TrimSpace(doc), "\n\n")
	short, _, _ = strings.Cut(strings.Join(strings.Fields(short), " "), ". ")
	rule := sRule{ID: cmp.Or(id, "unnamed"), Short: message(cmp.Or(strings.TrimRight(short, "."), id, "unnamed") + "."), Configuration: sConfiguration{level}, Properties: map[string]any{"tags": []string{kind}}}
	if doc = strings.TrimSpace(doc); doc != "" {
		full, help := message(rules.PageOf(id, doc).Means), message(doc)
		rule.Full, rule.Help = &full, &help
	}
	s.rules[id] = len(s.run.Tool.Driver.Rules)
	s.run.Tool.Driver.Rules = append(s.run.Tool.Driver.Rules, rule)
	return s.rules[id]
}

func (s *sarif) verdict(r *rules.Report) {
	v := r.Verdict
	out := sResult{RuleID: rules.Inconclusive, Kind: "open", Level: "none", Properties: map[string]any{"outcome": v.Outcome}}
	switch v.Outcome {
	case rules.RootCause:
		out.RuleID, out.Kind, out.Level = cmp.Or(v.Cause, "unnamed"), "fail", "error"
	case rules.NoIncident:
		out.RuleID, out.Kind = rules.NoIncident, "pass"
	}
	out.RuleIndex = s.describe(out.RuleID, "", out.Level, "cause")
	if c := number(v.Confidence); c.OK && v.Outcome != rules.Inconclusive {
		rank := 100 * min(max(c.F, 0), 1)
		out.Rank, out.Properties["confidence"] = &rank, c.F
	}
	out.Message = message(cmp.Or(v.Summary, "Nothing in the input says more.") + fixWords(r.Fixes))
	steps := s.flow(r.Chain)
	if e := r.Incident.KilledLine; e.File != "" {
		out.Locations = append(out.Locations, s.location(e, "the kill"))
	} else if len(steps) > 0 {
		out.Locations = append(out.Locations, steps[len(steps)-1].Location)
	}
	if len(steps) > 0 {
		out.CodeFlows = []sCodeFlow{{Message: message("From the cause to what people saw"), ThreadFlows: []sThreadFlow{{steps}}}}
	}
	out.Fixes = s.fixes(r.Fixes)
	out.Fingerprints = map[string]string{"verdict/v1": out.RuleID + " " + visible(r.Incident.Victim) + " " + utc(r.Incident.KilledAt)}
	s.run.Results = append(s.run.Results, out)
}

// flow is the chain from its oldest cause to its last effect; an event that quotes no line is a step without a place.
func (s *sarif) flow(links []correlate.Link) []sStep {
	var steps []sStep
	var told []correlate.Event
	add := func(e correlate.Event) {
		if slices.ContainsFunc(told, func(x correlate.Event) bool { return sameEvent(x, e) }) {
			return
		}
		told = append(told, e)
		text := cmp.Or(e.Text, strings.TrimSpace(e.Kind+" "+e.Subject), "an event")
		evidence := e.Evidence
		if len(evidence) == 0 {
			evidence = []correlate.Evidence{{}}
		}
		for i, ev := range evidence {
			importance := "essential"
			if i > 0 {
				importance = "important"
			}
			at := ev.Time
			if at.IsZero() && i == 0 {
				at = e.From
			}
			steps = append(steps, sStep{s.location(ev, text), len(steps) + 1, utc(at), importance})
		}
	}
	for _, l := range slices.Backward(links) {
		add(l.Cause)
		add(l.Effect)
	}
	return steps
}

func (s *sarif) finding(r *rules.Report, f rules.Finding) {
	level := map[string]string{rules.RoleRoot: "error", rules.RoleContributing: "warning"}[f.Role]
	out := sResult{RuleID: cmp.Or(f.Rule, "unnamed"), Kind: "fail", Level: cmp.Or(level, "note"), Properties: map[string]any{"role": f.Role}}
	out.RuleIndex = s.describe(out.RuleID, "", "warning", "rule")
	text := cmp.Or(f.Title, f.Rule, "a finding")
	if f.Detail != "" {
		text += "\n" + f.Detail
	}
	out.Message = message(text + fixWords(f.Fixes))
	told := map[correlate.Evidence]bool{} // the schema wants every related location once
	related := func(e correlate.Evidence, text string) {
		key := correlate.Evidence{File: e.File, Line: e.Line, Text: e.Text, Note: text}
		if !told[key] {
			told[key] = true
			out.Related = append(out.Related, s.location(e, text))
		}
	}
	for i, e := range f.Evidence {
		if i == 0 {
			out.Locations = append(out.Locations, s.location(e, e.Note))
		} else {
			related(e, e.Note)
		}
	}
	for _, e := range f.Against {
		related(e, "speaks against it: "+e.Note)
	}
	out.Fixes = s.fixes(f.Fixes)
	s.run.Results = append(s.run.Results, out)
}

// fixes are the patches as replacements of lines; each says its risk, since a viewer's button does not ask for it. Fixes
// that are no patch stand in the message.
func (s *sarif) fixes(list []rules.Fix) []sFix {
	var out []sFix
	for _, f := range list {
		patches, err := rules.ParsePatch([]byte(f.Diff))
		if f.Kind != rules.KindPatch || err != nil {
			continue
		}
		fix := sFix{Description: message(f.Title + " (" + prevents(f.Effect.Prevents).text + ")" + riskWords(f.Risk))}
		for _, p := range patches {
			c := sChange{Artifact: sURI{URI: fileURI(f.Target)}}
			if i, ok := s.files[f.Target]; ok {
				c.Artifact.Index = &i
			}
			for _, r := range p.Replacements() {
				c.Replacements = append(c.Replacements, replacement(r))
			}
			if len(c.Replacements) > 0 {
				fix.Changes = append(fix.Changes, c)
			}
		}
		if len(fix.Changes) > 0 {
			out = append(out, fix)
		}
	}
	return out
}

func riskWords(risk string) string {
	if risk == "" {
		return ""
	}
	return ". Risk: " + risk
}

// replacement is a change of lines as a region of characters. Lines are replaced whole without their last newline; what is
// added goes behind the line above where the patch shows it, because a file may end there.
func replacement(r rules.Replacement) sReplacement {
	text := strings.Join(r.Lines, "\n")
	var out sReplacement
	switch {
	case r.To >= r.From && len(r.Lines) > 0:
		out.Deleted = sRegion{StartLine: r.From, EndLine: r.To}
	case r.To >= r.From:
		out.Deleted = sRegion{StartLine: r.From, StartColumn: 1, EndLine: r.To + 1, EndColumn: 1}
		return out
	case r.Before != "" && r.From > 1:
		end := utf8.RuneCountInString(r.Before) + 1
		out.Deleted = sRegion{StartLine: r.From - 1, StartColumn: end, EndLine: r.From - 1, EndColumn: end}
		text = "\n" + text
	default:
		out.Deleted = sRegion{StartLine: r.From, StartColumn: 1, EndLine: r.From, EndColumn: 1}
		text += "\n"
	}
	out.Inserted = &sText{text}
	return out
}

// fixWords tell the fixes in the message: what each risks, and those that are no patch.
func fixWords(fixes []rules.Fix) string {
	var b strings.Builder
	for i, f := range fixes {
		fmt.Fprintf(&b, "\n\nFix %d: %s (%s; %s).", i+1, f.Title, how(f), prevents(f.Effect.Prevents).text)
		for _, l := range [][2]string{{"", f.Diff}, {"", f.Text}, {"Before: ", f.Effect.Before}, {"After: ", f.Effect.After}, {"Risk: ", f.Risk}, {"Undo: ", f.Undo}, {"Check: ", f.Check}} {
			if t := strings.TrimRight(l[1], "\n"); t != "" {
				b.WriteString("\n" + l[0] + t)
			}
		}
	}
	return b.String()
}

func (s *sarif) location(e correlate.Evidence, text string) sLocation {
	var out sLocation
	if e.File != "" {
		out.Physical = &sPhysical{Artifact: sURI{URI: fileURI(e.File)}}
		if i, ok := s.files[e.File]; ok {
			out.Physical.Artifact.Index = &i
		}
		if e.Line > 0 {
			out.Physical.Region = &sRegion{StartLine: e.Line}
			if e.Text != "" {
				out.Physical.Region.Snippet = &sText{e.Text}
			}
		}
	}
	if text != "" {
		m := message(text)
		out.Message = &m
	}
	return out
}

// notifications say what could not be judged, and which file could not be read.
func notifications(r *rules.Report) []sNotification {
	var out []sNotification
	for _, m := range r.Missing {
		out = append(out, sNotification{"note", message("missing " + m.ID + ": " + m.Why + "\n" + m.Command)})
	}
	for _, n := range r.NotJudged {
		out = append(out, sNotification{"note", message("not judged: " + n.Rule + ": " + n.Why)})
	}
	for _, in := range r.Inputs {
		if in.Err != "" {
			out = append(out, sNotification{"warning", message(in.File + ": " + in.Err)})
		}
	}
	return out
}

// message is plain text. Its brackets are escaped where they would be read as a link, which a log must not be able to set.
func message(text string) sText {
	text = strings.TrimSpace(text)
	if strings.Contains(text, "](") {
		text = strings.NewReplacer(`\`, `\\`, `[`, `\[`, `]`, `\]`).Replace(text)
	}
	return sText{text}
}

// fileURI is a file's name as a relative reference.
func fileURI(name string) string { return (&url.URL{Path: name}).String() }
