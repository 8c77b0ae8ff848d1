package main

import (
	"encoding/json"
	"io"

	"culprit/correlate"
	"culprit/rules"
)

// verifySchema names the shape of verify's JSON: keys may be added, never renamed.
const verifySchema = "culprit.verify/1"

// writeTrials writes what verify found as one JSON object.
func writeTrials(w io.Writer, trials []rules.Trial) error {
	type change struct {
		Title    string `json:"title"`
		Before   string `json:"before,omitempty"`
		After    string `json:"after,omitempty"`
		Prevents *bool  `json:"prevents"` // null: could not be replayed
	}
	type file struct {
		File    string   `json:"file"`
		Refused string   `json:"refused,omitempty"`
		Changes []change `json:"changes"`
		Notes   []string `json:"notes,omitempty"`
	}
	files := make([]file, 0, len(trials))
	for _, t := range trials {
		f := file{File: t.File, Refused: t.Refused, Changes: []change{}, Notes: t.Notes}
		for _, c := range t.Found {
			row := change{Title: c.Title, Before: c.Effect.Before, After: c.Effect.After}
			if o := c.Effect.Prevents; o != correlate.Unknown {
				yes := o == correlate.Pass
				row.Prevents = &yes
			}
			f.Changes = append(f.Changes, row)
		}
		files = append(files, f)
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(struct {
		Schema string `json:"schema"`
		Files  []file `json:"files"`
	}{verifySchema, files})
}
