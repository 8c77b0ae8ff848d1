// Package rules judges an incident: one rule a file, one cause a file.
//
// A rule says one thing about one piece of evidence; a cause is a rival explanation of the whole outage. Both are values
// declared at package level and take part by that alone. The package never reads a log and never prints: correlate
// hands it an incident, cmd renders its report.
package rules

import (
	"cmp"
	"slices"

	"culprit/correlate"
)

// Rule finds one kind of thing. Declare it with
//
//	var _ = register(Rule{ID: "redis-no-maxmemory", ...})
type Rule struct {
	ID    string
	Doc   string             // the manual page: what it means, the arithmetic, the threshold and its source, when it is wrong
	Needs []Sort             // without all of these the rule is "not judged: no ... in the input"
	Lacks func(*Case) string // of a user's rule: why it is not judged, in words; "" = it is
	Check func(*Case) []Finding

	Thresholds []Threshold // numbers that a user may set
}

// Cause is a rival explanation. Declare it with
//
//	var _ = registerCause(Cause{ID: "fork-cow", ...})
type Cause struct {
	ID    string
	Doc   string
	Judge func(*Case) Hypothesis
}

// State of a hypothesis.
type State uint8

const (
	NotChecked  State = iota // the input lacks what would prove it or rule it out
	Excluded                 // ruled out by named evidence
	Possible                 // fits, and is not proven
	Established              // its decisive tests passed
)

// Hypothesis is what one cause makes of a case.
type Hypothesis struct {
	Cause      string
	State      State
	Confidence float64 // of Established and Possible; see confidence.go
	Summary    string  // one sentence for the verdict, subject and number first
	Reason     string  // why it is excluded, or what is missing to check it
	Evidence   []correlate.Evidence
	Chain      []correlate.Link // oldest cause first; the report turns it round
	Culprits   []Culprit
	Fixes      []string // ids, most effective first
	Missing    []string // ids of evidence that would settle it
	Onset      correlate.Event
	Tests      correlate.Tests // of the decisive edge
	Explained  float64         // share of the effect; negative = not measured
}

// Sort is a kind of evidence that a rule may need.
type Sort string

// Sorts of evidence, with the words for "no ... in the input".
const (
	NeedsKill      Sort = "kernel log with an OOM kill"
	NeedsInfo      Sort = "Redis INFO"
	NeedsRedisConf Sort = "redis.conf or Redis INFO"
	NeedsKeyspace  Sort = "Redis INFO keyspace"
	NeedsAccess    Sort = "nginx access log"
	NeedsNginxConf Sort = "nginx.conf"
	NeedsKeys      Sort = "key listing"
	NeedsMemory    Sort = "size of the host's memory"
	NeedsSwap      Sort = "swap size"
	NeedsSlowlog   Sort = "SLOWLOG"
	NeedsScripts   Sort = "script"
)

var (
	registry []Rule
	causes   []Cause
)

func register(r Rule) struct{} {
	registry = append(registry, r)
	return struct{}{}
}

func registerCause(c Cause) struct{} {
	causes = append(causes, c)
	return struct{}{}
}

// All lists the rules by ID.
func All() []Rule {
	all := slices.Clone(registry)
	slices.SortFunc(all, func(a, b Rule) int { return cmp.Compare(a.ID, b.ID) })
	return all
}

// Causes lists the causes by ID.
func Causes() []Cause {
	all := slices.Clone(causes)
	slices.SortFunc(all, func(a, b Cause) int { return cmp.Compare(a.ID, b.ID) })
	return all
}
