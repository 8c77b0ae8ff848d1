package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"culprit/cmd/internal/collect"
	"culprit/correlate"
	"culprit/rules"
)

// shrinker makes a set of files smaller as long as the answer stays: delta debugging (Zeller, Hildebrandt: "Simplifying
// and isolating failure-inducing input", 2002), by files, then by stretches of lines, ever finer. A try is an analysis, in
// this process; what all tries together may read is bounded.
type shrinker struct {
	ctx     context.Context
	now     time.Time
	options correlate.Options
	workers int

	files   []heldInput
	want    expectation
	skipped map[string]int // unread lines of a file, of which there may not be more
	tries   int
	left    int64 // bytes that may still be read
}

// begin takes the answer of all files for the one to keep.
func (s *shrinker) begin(files []heldInput) error {
	s.files = files
	rep, err := s.judge(files)
	if err != nil {
		return err
	}
	s.want, s.skipped = answerOf(rep), skippedOf(rep)
	return nil
}

func (s *shrinker) size() int64 { return bytesOf(s.files) }

func bytesOf(files []heldInput) (n int64) {
	for _, f := range files {
		n += int64(len(f.data))
	}
	return n
}

// shrink reads no more than so many bytes over again.
func (s *shrinker) shrink(budget int64) error {
	s.left = budget
	slices.SortStableFunc(s.files, func(a, b heldInput) int { return cmp.Compare(len(b.data), len(a.data)) })
	if err := s.dropFiles((len(s.files) + 1) / 2); err != nil {
		return err
	}
	for parts := 2; parts <= maxParts; parts *= 2 {
		for i := range s.files {
			if err := s.shrinkFile(i, parts); err != nil {
				return err
			}
		}
	}
	if err := s.dropFiles(1); err != nil { // of some, little is left by now
		return err
	}
	slices.SortFunc(s.files, func(a, b heldInput) int { return cmp.Compare(a.Name, b.Name) })
	rep, err := s.judge(s.files)
	if err != nil {
		return err
	}
	if diff := unlike(s.want, answerOf(rep)); diff != "" {
		return fmt.Errorf("what is left is judged otherwise: %s", diff)
	}
	s.want = answerOf(rep)
	return nil
}

// dropFiles tries to do without so many files at once, then half as many, down to one.
func (s *shrinker) dropFiles(n int) error {
	for ; n >= 1; n /= 2 {
		for from := 0; from < len(s.files); {
			rest := slices.Concat(s.files[:from], s.files[min(from+n, len(s.files)):])
			kept, err := s.try(rest)
			if err != nil {
				return err
			}
			if !kept {
				from += n
			}
		}
	}
	return nil
}

const (
	maxParts = 64 // a sixty-fourth of a log is a stretch of time that its reader has in mind: an hour of three days
	minLines = 40 // what is shorter is a configuration or a listing, and is read whole
)

// shrinkFile tries to do without each of so many stretches of a file's lines.
func (s *shrinker) shrinkFile(i, parts int) error {
	lines := bytes.SplitAfter(s.files[i].data, []byte("\n"))
	if len(lines) < minLines || len(lines) < 2*parts {
		return nil
	}
	n := (len(lines) + parts - 1) / parts
	for from := 0; from < len(lines) && len(lines) > n; {
		rest := slices.Concat(lines[:from], lines[min(from+n, len(lines)):])
		files := slices.Clone(s.files)
		files[i].data = bytes.Join(rest, nil)
		kept, err := s.try(files)
		if err != nil {
			return err
		}
		if kept {
			lines = rest
		} else {
			from += n
		}
	}
	return nil
}

// try keeps files where they give the same answer.
func (s *shrinker) try(files []heldInput) (kept bool, err error) {
	cost := bytesOf(files)
	if len(files) == 0 || cost > s.left {
		return false, nil
	}
	s.left -= cost
	s.tries++
	rep, err := s.judge(files)
	if err != nil {
		return false, err
	}
	got := answerOf(rep)
	if unlike(s.want, got) != "" || !sameNames(s.want.Culprits, got.Culprits) {
		return false, nil
	}
	for file, n := range skippedOf(rep) {
		if n > s.skipped[file] { // cut in the middle of a block of lines
			return false, nil
		}
	}
	s.files = files
	return true, nil
}

func (s *shrinker) judge(files []heldInput) (*rules.Report, error) {
	d := &driver{workers: s.workers}
	for _, f := range files {
		d.units = append(d.units, collect.Held(f.Input, f.data))
	}
	inc, err := d.incident(s.ctx, "", nil, s.now, s.options)
	if err != nil {
		return nil, err
	}
	return rules.Judge(inc), nil
}

// sameNames: the shares of those who are blamed change with the lines, and so may their order.
func sameNames(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

func skippedOf(r *rules.Report) map[string]int {
	skipped := map[string]int{}
	for _, in := range r.Inputs {
		skipped[in.File] = in.Skipped
	}
	return skipped
}

// unlike says in what two answers differ that a case must keep: the verdict, who is blamed, and each edge of the chain with
// its tests. What rules find besides may go with the files that it was found in; whom the redaction renamed is as many.
func unlike(want, got expectation) string {
	switch {
	case want.Outcome != got.Outcome || want.Cause != got.Cause:
		return fmt.Sprintf("the verdict is %s where it was %s", strings.TrimSpace(got.Outcome+" "+got.Cause), strings.TrimSpace(want.Outcome+" "+want.Cause))
	case (want.Confidence == nil) != (got.Confidence == nil) || want.Confidence != nil && math.Abs(*want.Confidence-*got.Confidence) > 0.006:
		return "the confidence is another"
	case (want.Victim.Comm == "") != (got.Victim.Comm == "") || want.Victim.PID != got.Victim.PID || want.KilledAt != got.KilledAt:
		return "the victim is another"
	case len(want.Culprits) != len(got.Culprits):
		return fmt.Sprintf("%d are blamed where there were %d", len(got.Culprits), len(want.Culprits))
	case !slices.Equal(want.Candidates, got.Candidates):
		return "other causes fit"
	case !slices.Equal(want.Chain, got.Chain):
		return "the chain is another"
	}
	return ""
}
