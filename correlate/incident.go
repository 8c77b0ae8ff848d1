package correlate

import (
	"cmp"
	"slices"
	"time"

	"culprit/parsers"
)

// Evidence is a line of the input that proves something, as a reader finds it: file, line and the line itself.
type Evidence struct {
	File string
	Line int
	Time time.Time // UTC; zero when the line's clock could not be placed
	Text string    // the line, cut at maxEvidenceText
	Note string    // what it shows, when the line does not say so itself
}

// maxEvidenceText keeps a quoted line readable and a report bounded; the line number leads to the rest.
const maxEvidenceText = 400

// Outcome of a test: an unknown test is neither passed nor failed, and never counts as either.
type Outcome uint8

const (
	Unknown Outcome = iota
	Pass
	Fail
)

func (o Outcome) String() string { return [...]string{"unknown", "pass", "fail"}[o] }

// Judge turns a condition on known facts into an outcome.
func Judge(known, ok bool) Outcome {
	switch {
	case !known:
		return Unknown
	case ok:
		return Pass
	}
	return Fail
}

// Tests are the four tests of an edge (README, "Reading a verdict").
type Tests struct {
	Structural Outcome // this configuration lets the cause have the effect
	Deviating  Outcome // both ends departed from their own baseline
	Ordered    Outcome // cause before effect, outside the clocks' error
	Sufficient Outcome // the left side accounts for the right
}

// Event is one thing that happened, in a node of the causal graph.
type Event struct {
	Kind     string // crawler-traffic, session-keys-without-ttl, redis-memory-growth, kernel-oom-kill, web-5xx, ...
	Subject  string // "192.168.1.105-107", "redis-server pid 14502"
	Text     string // one sentence with its number
	From, To time.Time
	Error    time.Duration // of From, when clocks had to be reconciled
	Evidence []Evidence
}

// Link is an edge of the causal graph with its proof.
type Link struct {
	Cause, Effect Event
	Lag           time.Duration
	LagKnown      bool
	Explained     float64 // share of the effect that the cause accounts for, 0..1; negative = not measured
	Tests         Tests
	For, Against  []Evidence
}

// Input is what became of one file: the coverage page.
type Input struct {
	File         string
	Host         string
	Format       string // the parser's name; "" = not recognised
	Read         int    // lines
	Facts        int    // records
	Skipped      int
	FirstSkipped *parsers.Skipped
	From, To     time.Time // span of the records, UTC where the clock is known
	SHA256       string
	Bytes        int64
	ModTime      time.Time
	Clock        ClockNote
	Err          string // why it could not be read, or not to its end
	DuplicateOf  string // the file whose bytes it repeats; its records are not counted twice
}

// ClockNote says how a file's times were placed on UTC.
type ClockNote struct {
	Zone   string        // "+0800", "Asia/Shanghai", "UTC", "boot 2026-06-15T16:24:37Z", "" = unknown
	From   string        // what told it: "in the line", "timedatectl.txt:4", "inferred from 3 restarts"
	Error  time.Duration // half-width of the interval in which the offset lies
	Placed bool          // times of this file are comparable with those of others
}

// SortEvidence orders evidence by time where known, then by place, and drops repeats.
func SortEvidence(ev []Evidence) []Evidence {
	slices.SortStableFunc(ev, func(a, b Evidence) int {
		return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line))
	})
	return slices.CompactFunc(ev, func(a, b Evidence) bool { return a.File == b.File && a.Line == b.Line && a.Note == b.Note })
}
