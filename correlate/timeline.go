// Package correlate folds facts into one incident: series, events, the links between them and the ledger of memory.
//
// It never reads a file, a clock or the environment, and never judges: cmd feeds it records, rules ask what it found.
// Every fold commutes, so files may be read in any order and by any number of workers.
package correlate

import (
	"time"

	"culprit/parsers"
)

// Timeline is the fold of all records seen so far. The zero value is not usable: see NewTimeline.
type Timeline struct {
	inputs map[string]Input
}

// NewTimeline makes an empty fold.
func NewTimeline() *Timeline {
	return &Timeline{inputs: map[string]Input{}}
}

// Add folds one record in. It keeps nothing that the record points to.
func (t *Timeline) Add(r parsers.Record) {}

// AddInput tells what became of a file. Called once a file, at its end.
func (t *Timeline) AddInput(in Input) { t.inputs[in.File] = in }

// Merge folds another fold in; two folds of two parts equal one fold of the whole. other must not be used afterwards.
func (t *Timeline) Merge(other *Timeline) {}

// Incident reconciles the clocks and reads the fold. now is used only to place years that no file tells.
func (t *Timeline) Incident(now time.Time, o Options) *Incident { return &Incident{} }

// Incident is what the fold says.
type Incident struct{}
