package rules

import (
	"fmt"
	"slices"
	"strings"

	"culprit/correlate"
)

// Own is what a user adds: rules of the house, and other thresholds for built-in rules. Causes take none: their numbers are
// what the confidence was measured with.
type Own struct {
	Rules      []Rule
	Thresholds map[string]float64 // by Threshold.ID
}

// Judge judges as the function of that name does, with the user's rules and thresholds.
func (o Own) Judge(inc *correlate.Incident) *Report {
	c := Open(inc)
	c.own = o
	return c.judge()
}

// Threshold is a number of a built-in rule that a user may set. Declare it beside the check that asks for it, and name it
// in the rule's Thresholds.
type Threshold struct {
	ID       string // "no-swap.share": the rule and the number's name
	Default  float64
	Min, Max float64
	Doc      string // what it is, with the source of the default
}

// threshold is the user's number, or the default.
func (c *Case) threshold(t Threshold) float64 {
	if v, ok := c.own.Thresholds[t.ID]; ok {
		return v
	}
	return t.Default
}

// Thresholds lists what may be set, by rule.
func Thresholds() []Threshold {
	var all []Threshold
	for _, r := range All() {
		all = append(all, r.Thresholds...)
	}
	return all
}

// CheckThreshold says what is wrong with a user's number; nil = nothing.
func CheckThreshold(id string, v float64) error {
	var names []string
	for _, t := range Thresholds() {
		if t.ID == id {
			if v >= t.Min && v <= t.Max {
				return nil
			}
			return fmt.Errorf("%s %v: use %v to %v (%s)", id, v, t.Min, t.Max, t.Doc)
		}
		names = append(names, t.ID)
	}
	slices.Sort(names)
	return fmt.Errorf("no threshold %q: there are %s", id, strings.Join(names, ", "))
}
