package report

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"culprit/correlate"
	"culprit/rules"
)

// LiveEvent is one thing that culprit watch tells. Exactly one of the pointers is set, or Text.
type LiveEvent struct {
	Time     time.Time
	Kind     string // started, found, missing, source, verdict, finding, gone, forecast, ended
	Source   string // of a source that is found, missing, or in trouble
	Text     string
	Verdict  *rules.Verdict
	Finding  *rules.Finding
	Forecast *correlate.Forecast
}

// LiveText prints an event as one line.
func LiveText(w io.Writer, e LiveEvent) error {
	_, err := fmt.Fprintf(w, "%s %-8s %s\n", e.Time.UTC().Format(time.RFC3339), e.Kind, visible(e.words()))
	return err
}

// words says an event; they are not made visible yet.
func (e *LiveEvent) words() string {
	text := e.Text
	switch {
	case e.Verdict != nil:
		text = e.Verdict.Outcome
		if e.Verdict.Cause != "" {
			text += fmt.Sprintf(": %s (%.0f %%)", e.Verdict.Cause, 100*e.Verdict.Confidence)
		}
		text += ": " + e.Verdict.Summary
	case e.Finding != nil:
		text = e.Finding.Role + ": " + e.Finding.Title + " [" + e.Finding.Rule + "]"
	case e.Forecast != nil:
		text = forecastText(e.Forecast)
	case e.Source != "":
		text = e.Source + ": " + text
	}
	return text
}

func forecastText(f *correlate.Forecast) string {
	limit := "maxmemory"
	if f.Limit != "maxmemory" {
		limit = "the end of the host's memory"
	}
	name := "Redis"
	if f.Instance != "" {
		name += " " + f.Instance
	}
	return fmt.Sprintf("%s reaches %s in %s (%s to %s): %s left, at %s a minute", name, limit,
		span(f.In), span(f.Least), span(f.Most), size(float64(f.Room)), size(f.PerSecond*60))
}

// LiveJSON prints an event as one object on one line. Times are RFC 3339 in UTC.
func LiveJSON(w io.Writer, e LiveEvent) error {
	b, err := json.Marshal(e.object())
	if err != nil {
		return err
	}
	_, err = w.Write(append(b, '\n'))
	return err
}

func (e *LiveEvent) object() map[string]any {
	o := map[string]any{"time": e.Time.UTC().Format("2006-01-02T15:04:05.000Z"), "event": e.Kind}
	switch {
	case e.Verdict != nil:
		v := map[string]any{"outcome": e.Verdict.Outcome, "confidence": e.Verdict.Confidence, "summary": e.Verdict.Summary}
		if e.Verdict.Cause != "" {
			v["cause"] = e.Verdict.Cause
		}
		o["verdict"] = v
	case e.Finding != nil:
		o["finding"] = map[string]any{"rule": e.Finding.Rule, "role": e.Finding.Role, "title": e.Finding.Title, "detail": e.Finding.Detail}
	case e.Forecast != nil:
		f := e.Forecast
		o["forecast"] = map[string]any{"instance": f.Instance, "limit": f.Limit, "room_bytes": f.Room, "bytes_per_second": f.PerSecond,
			"in_s": f.In.Seconds(), "least_s": f.Least.Seconds(), "most_s": f.Most.Seconds(), "text": forecastText(f)}
	default:
		o["text"] = e.Text
		if e.Source != "" {
			o["source"] = e.Source
		}
	}
	return o
}
