package main

import (
	"io"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"culprit/cmd/internal/report"
	"culprit/correlate"
	"culprit/rules"
)

// teller tells events, each thing once and again only when it has changed.
type teller struct {
	mu      sync.Mutex
	w       io.Writer
	render  func(io.Writer, report.LiveEvent) error // nil = a screen shows them
	hear    func(report.LiveEvent)                  // nil = nobody else does
	err     error                                   // of the writing: nobody listens any more
	told    []report.LiveEvent                      // the last keptEvents
	trouble map[string]trouble                      // by source, the last that was told

	verdict   rules.Verdict // as told
	latest    rules.Verdict
	findings  map[string]rules.Finding
	forecasts map[string]time.Time // when the limit is reached, as told
	enough    bool                 // there is what --until-finding waits for
}

// keptEvents is what somebody who comes back to the screen can still read.
const keptEvents = 200

type trouble struct {
	text  string
	at    time.Time
	lasts bool // nothing that follows ends it
}

func newTeller(w io.Writer, json bool) *teller {
	t := &teller{w: w, render: report.LiveText, findings: map[string]rules.Finding{}, forecasts: map[string]time.Time{}, trouble: map[string]trouble{}}
	if json {
		t.render = report.LiveJSON
	}
	return t
}

func (t *teller) event(e report.LiveEvent) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e.Time = time.Now()
	if t.err == nil && t.render != nil {
		t.err = t.render(t.w, e)
	}
	if t.told = append(t.told, e); len(t.told) > keptEvents {
		t.told = slices.Delete(t.told, 0, len(t.told)-keptEvents)
	}
	if e.Kind == "source" || e.Kind == "missing" && strings.Contains(e.Text, "permission denied") {
		t.trouble[e.Source] = trouble{e.Text, e.Time, e.Kind == "missing"}
	}
	if t.hear != nil {
		t.hear(e)
	}
}

// about tells what befalls a source.
func (t *teller) about(source string) func(string) {
	return func(text string) { t.event(report.LiveEvent{Kind: "source", Source: source, Text: text}) }
}

// show prints what is told from now on.
func (t *teller) show(w io.Writer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.w, t.render = w, report.LiveText
}

// failed says whether what is told cannot be written any more.
func (t *teller) failed() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.err != nil
}

// heard is what was told, for those who show it: the events, and each source's last trouble.
func (t *teller) heard() ([]report.LiveEvent, map[string]trouble) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.told), maps.Clone(t.trouble)
}

// report tells of a verdict with another cause, and of findings that came, changed or went. The numbers in them grow from
// one judgement to the next, so that only their words count.
func (t *teller) report(r *rules.Report) {
	t.latest = r.Verdict
	if v := r.Verdict; v.Outcome != t.verdict.Outcome || v.Cause != t.verdict.Cause || math.Abs(v.Confidence-t.verdict.Confidence) >= 0.1 {
		t.event(report.LiveEvent{Kind: "verdict", Verdict: &v})
		t.verdict = v
	}
	now, rule := map[string]rules.Finding{}, map[string]bool{}
	for _, f := range r.Findings {
		key := f.Rule + " " + f.Role + " " + wording(f.Title)
		now[key], rule[f.Rule] = f, true
		if _, told := t.findings[key]; !told {
			t.event(report.LiveEvent{Kind: "finding", Finding: &f})
		}
	}
	for _, key := range slices.Sorted(maps.Keys(t.findings)) {
		if f := t.findings[key]; !rule[f.Rule] {
			t.event(report.LiveEvent{Kind: "gone", Finding: &f})
		}
	}
	t.findings = now
}

// wording is a sentence without its numbers and their units.
func wording(title string) string {
	var words []string
	for _, w := range strings.Fields(title) {
		if !strings.ContainsAny(w, "0123456789") && !isUnit(strings.Trim(w, ",.;:()")) {
			words = append(words, w)
		}
	}
	return strings.Join(words, " ")
}

func isUnit(w string) bool {
	switch w {
	case "B", "KiB", "MiB", "GiB", "TiB", "ms", "s", "min", "h", "d", "%":
		return true
	}
	return false
}

const sameForecast = 10 * time.Second // the usual distance of two INFOs, which is as near as they tell

// forecast tells when the limit is reached, and again when that moves by a fifth of what is left.
func (t *teller) forecast(f correlate.Forecast) {
	at := time.Now().Add(f.In)
	key := f.Instance + " " + f.Limit
	if told, ok := t.forecasts[key]; ok && at.Sub(told).Abs() <= max(f.In/5, sameForecast) {
		return
	}
	t.forecasts[key] = at
	t.event(report.LiveEvent{Kind: "forecast", Forecast: &f})
}

// end tells the verdict that stands.
func (t *teller) end() {
	t.event(report.LiveEvent{Kind: "ended", Verdict: &t.latest})
}
