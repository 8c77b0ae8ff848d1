package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"culprit/cmd/internal/collect"
	"culprit/correlate"
	"culprit/rules"
)

// A case is a folder of evidence with the answer beside it, expected.json: what is known of the verdict, each of which
// may be left out. export-case writes cases, people write them by hand, test runs them.

// expectedFile lies in a case's folder, and is no evidence; nor is a README.md there.
const expectedFile = "expected.json"

// caseSchema names the shape that export-case writes: the whole answer, so that one more culprit is a change.
const caseSchema = "culprit.case/1"

type expectation struct {
	Schema       string             `json:"schema,omitempty"`
	Outcome      string             `json:"outcome"`
	Cause        string             `json:"cause,omitempty"`
	Confidence   *float64           `json:"confidence,omitempty"`
	Victim       expectedVictim     `json:"victim,omitzero"`
	KilledAt     string             `json:"killed_at,omitempty"`
	Culprits     []string           `json:"culprits,omitempty"`       // each must be named; with a schema, nobody else may be
	MustNotBlame []string           `json:"must_not_blame,omitempty"` // none may be, nor a part of its name
	Candidates   []string           `json:"candidates,omitempty"`     // the causes that fit, best first
	Chain        []string           `json:"chain,omitempty"`          // its edges, newest effect first, with their tests
	Findings     []string           `json:"findings,omitempty"`       // rules that must find something
	Quiet        []string           `json:"quiet,omitempty"`          // rules that must not
	Now          time.Time          `json:"now,omitzero"`             // when it was written down: places years that no file tells
	HostTZ       string             `json:"host_tz,omitempty"`
	TZ           map[string]string  `json:"tz,omitempty"` // by file
	Since        string             `json:"since,omitempty"`
	Until        string             `json:"until,omitempty"`
	Files        map[string]aboutIt `json:"files,omitempty"` // what a copy of the folder would lose
}

type expectedVictim struct {
	Comm string `json:"comm,omitempty"`
	PID  int64  `json:"pid,omitempty"`
}

// aboutIt is what was known of a file besides its bytes.
type aboutIt struct {
	Modified time.Time `json:"modified,omitzero"`
	Host     string    `json:"host,omitempty"`
	Format   string    `json:"format,omitempty"` // named by a collector, not told by its content
}

// answerOf is the whole answer that a report gives.
func answerOf(r *rules.Report) expectation {
	e := expectation{Schema: caseSchema, Outcome: r.Verdict.Outcome, Cause: r.Verdict.Cause, Victim: expectedVictim{r.Incident.Victim, r.Incident.VictimPID}}
	if r.Verdict.Confidence > 0 {
		c := math.Round(r.Verdict.Confidence*100) / 100
		e.Confidence = &c
	}
	if !r.Incident.KilledAt.IsZero() {
		e.KilledAt = r.Incident.KilledAt.UTC().Format(time.RFC3339)
	}
	for _, c := range r.Culprits {
		e.Culprits = append(e.Culprits, c.Value)
	}
	for _, c := range r.Candidates {
		e.Candidates = append(e.Candidates, c.Cause)
	}
	for _, l := range r.Chain {
		e.Chain = append(e.Chain, edgeWords(l))
	}
	e.Findings = firedRules(r)
	return e
}

// edgeWords is an edge as "session-keys -> redis-memory: structural pass, ...".
func edgeWords(l correlate.Link) string {
	return fmt.Sprintf("%s -> %s: structural %s, deviating %s, ordered %s, sufficient %s", l.Cause.Kind, l.Effect.Kind, l.Tests.Structural, l.Tests.Deviating, l.Tests.Ordered, l.Tests.Sufficient)
}

func firedRules(r *rules.Report) []string {
	fired := map[string]bool{}
	for _, f := range r.Findings {
		fired[f.Rule] = true
	}
	return slices.Sorted(maps.Keys(fired))
}

// changes says in what a report differs from what is expected, a sentence each; none = it is the same.
func (e expectation) changes(r *rules.Report) []string {
	var out []string
	differ := func(what string, got, want any) { out = append(out, fmt.Sprintf("%s is %v, was %v", what, got, want)) }
	got := answerOf(r)
	if got.Outcome != e.Outcome || got.Cause != e.Cause {
		differ("the verdict", strings.TrimSpace(got.Outcome+" "+got.Cause), strings.TrimSpace(e.Outcome+" "+e.Cause))
	}
	if e.Confidence != nil && math.Abs(r.Verdict.Confidence-*e.Confidence) > 0.006 { // two decimals are kept
		differ("the confidence", fmt.Sprintf("%.2f", r.Verdict.Confidence), fmt.Sprintf("%.2f", *e.Confidence))
	}
	if e.Victim != (expectedVictim{}) && e.Victim != got.Victim {
		differ("the victim", fmt.Sprintf("%s (%d)", got.Victim.Comm, got.Victim.PID), fmt.Sprintf("%s (%d)", e.Victim.Comm, e.Victim.PID))
	}
	if e.KilledAt != "" && got.KilledAt != e.KilledAt {
		differ("the kill", cmpOrNone(got.KilledAt), e.KilledAt)
	}
	for _, c := range e.Culprits {
		if !slices.Contains(got.Culprits, c) {
			out = append(out, "no longer names "+c)
		}
	}
	for _, c := range got.Culprits {
		if e.Schema != "" && !slices.Contains(e.Culprits, c) {
			out = append(out, "now names "+c)
		}
		for _, innocent := range e.MustNotBlame {
			if strings.Contains(strings.ToLower(c), strings.ToLower(innocent)) {
				out = append(out, "blames "+c)
			}
		}
	}
	if e.Candidates != nil && !slices.Equal(e.Candidates, got.Candidates) {
		differ("what fits", cmpOrNone(strings.Join(got.Candidates, ", ")), cmpOrNone(strings.Join(e.Candidates, ", ")))
	}
	if e.Chain != nil {
		for _, edge := range e.Chain {
			if !slices.Contains(got.Chain, edge) {
				out = append(out, "an edge of the chain is gone: "+edge)
			}
		}
	}
	for _, id := range e.Findings {
		if !slices.Contains(got.Findings, id) {
			out = append(out, "no finding of "+id)
		}
	}
	for _, id := range e.Quiet {
		if slices.Contains(got.Findings, id) {
			out = append(out, "a finding of "+id)
		}
	}
	return out
}

func cmpOrNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// maxExpected bounds what is read of an expected.json: a name and a time for each of 10,000 files.
const maxExpected = 4 << 20

// readExpected reads the answer of the case in dir.
func readExpected(dir string) (expectation, error) {
	var e expectation
	file := filepath.Join(dir, expectedFile)
	info, err := os.Stat(file)
	if err == nil && info.Size() > maxExpected {
		err = fmt.Errorf("read %s: larger than %d MB", file, maxExpected>>20)
	}
	if err != nil {
		return e, err
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return e, err
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields() // a word misspelt would be a test that cannot fail
	if err := dec.Decode(&e); err != nil {
		return e, fmt.Errorf("read %s: %w", file, err)
	}
	if e.Outcome != rules.RootCause && e.Outcome != rules.NoIncident && e.Outcome != rules.Inconclusive {
		return e, fmt.Errorf("read %s: outcome %q: use %s, %s or %s", file, e.Outcome, rules.RootCause, rules.NoIncident, rules.Inconclusive)
	}
	return e, nil
}

// casesIn lists the cases of a library: the folders with an expected.json in dir, or dir itself.
func casesIn(dir string) ([]string, error) {
	if _, err := os.Stat(filepath.Join(dir, expectedFile)); err == nil {
		return []string{dir}, nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var cases []string
	for _, e := range entries { // sorted by name
		file := filepath.Join(dir, e.Name(), expectedFile)
		if _, err := os.Stat(file); err == nil {
			cases = append(cases, filepath.Join(dir, e.Name()))
		} else if !errors.Is(err, fs.ErrNotExist) && e.IsDir() {
			return nil, err
		}
	}
	if len(cases) == 0 {
		return nil, fmt.Errorf("%s: no case in it: a case is a folder with its evidence and an %s (culprit export-case writes one)", dir, expectedFile)
	}
	return cases, nil
}

// runCase analyzes the evidence of a case as its answer was found.
func runCase(ctx context.Context, dir string, e expectation, own rules.Own, workers int) (*rules.Report, error) {
	a := analysis{host: e.HostTZ, since: e.Since, until: e.Until}
	for _, file := range slices.Sorted(maps.Keys(e.TZ)) {
		a.zones = append(a.zones, file+"="+e.TZ[file])
	}
	o, err := a.options()
	if err != nil {
		return nil, err
	}
	now := e.Now
	if now.IsZero() {
		now = time.Now()
	}
	d := listed(ctx, []string{dir}, nil, workers, collect.LokiOptions{})
	d.units = slices.DeleteFunc(d.units, func(u *collect.Unit) bool { return u.Name == expectedFile || u.Name == "README.md" })
	for _, u := range d.units {
		u.Through(e.remember)
	}
	inc, err := d.incident(ctx, "", nil, now, o)
	if err != nil {
		return nil, err
	}
	return own.Judge(inc), nil
}

// remember gives an input back what a copy of its file has lost.
func (e expectation) remember(in collect.Input) collect.Input {
	if about, ok := e.Files[in.Name]; ok {
		in.ModTime, in.Host, in.Format = about.Modified, about.Host, about.Format
	}
	return in
}
