package rules

import (
	"time"

	"culprit/correlate"
)

// Report is everything a renderer needs: the verdict, how it was reached, and what to change. Slices are sorted by the
// order in which a reader should meet them.
type Report struct {
	Verdict    Verdict
	Incident   IncidentFacts
	Culprits   []Culprit
	Candidates []Candidate
	Chain      []correlate.Link // newest effect first
	Findings   []Finding
	Fixes      []Fix
	RuledOut   []RuledOut
	DoesNotFit []Misfit
	Missing    []Missing
	NotJudged  []NotJudged
	Ledger     []Ledger
	Series     []Series // the curves of the incident, those of one lane together
	Marks      []Mark   // what happened at a moment, by time
	Inputs     []correlate.Input
	Baseline   *Comparison // with an earlier report; nil = with none
}

// Outcomes of a verdict.
const (
	RootCause    = "root-cause"
	NoIncident   = "no-incident"
	Inconclusive = "inconclusive"
)

// Verdict is the answer. Confidence is the calibrated share of verdicts like this one that are right.
type Verdict struct {
	Outcome    string
	Cause      string // a cause's ID with RootCause, else ""
	Confidence float64
	Summary    string // one sentence, subject and number first
}

// IncidentFacts are the victim and the times, as far as the input tells them.
type IncidentFacts struct {
	Victim     string // comm; "" = nobody was killed, or not known
	VictimPID  int64  // 0 = not known
	KilledAt   time.Time
	KillLogged time.Time     // the local time of KilledLine, where KilledAt is not known for want of a zone; year 0 = it has none
	KillError  time.Duration // of KilledAt
	OnsetAt    time.Time     // when the cause set in
	EndedAt    time.Time     // service was back; zero = not known
	Impact     string        // "1,204 requests answered 502 in 2 min 10 s", "" = nothing measured
	KilledLine correlate.Evidence

	// Of an input of several hosts only.
	Host     string   // of the victim
	Redis    string   // "Redis 6379 on redis02, one of 2"
	WebHosts []string // whose access logs the requests are in
}

// Culprit is one actor of the root cause.
type Culprit struct {
	Kind     string // address, network, user-agent, route, process, client, command
	Value    string
	Share    float64 // of what is explained; negative = not measured
	Requests int64   // 0 = not counted in requests
	Note     string  // "declares itself Googlebot; 192.168.1.105 is no address of Google's"
}

// Candidate is a cause with the confidence it reached, best first.
type Candidate struct {
	Cause      string
	Confidence float64
	Why        string
}

// Finding is what one rule has to say. Title is one sentence, subject and number first.
type Finding struct {
	Rule       string
	Role       string // root-cause, contributing, symptom, hygiene
	Title      string
	Detail     string
	Evidence   []correlate.Evidence
	Against    []correlate.Evidence
	Quantities []Quantity
	Fixes      []Fix
}

// Roles of a finding.
const (
	RoleRoot         = "root-cause"
	RoleContributing = "contributing"
	RoleSymptom      = "symptom"
	RoleHygiene      = "hygiene"
)

// Quantity is a number of a finding with the arithmetic behind it.
type Quantity struct {
	Name    string
	Value   float64
	Unit    string
	Formula string
}

// Fix is a change that was or can be put to trial.
type Fix struct {
	ID     string // session-ttl, redis-maxmemory, ... (README, "Fixes")
	Title  string // a verb phrase
	Kind   string // patch, command, manual
	Target string // the file, as the user knows it
	Diff   string // unified, for a patch
	Text   string // the command, or the instruction with the place
	Risk   string
	Undo   string
	Check  string // the command that shows it took
	Effect Effect

	change change // of a patch: what Diff shows, for Apply
}

// Kinds of a fix.
const (
	KindPatch   = "patch"
	KindCommand = "command"
	KindManual  = "manual"
)

// Effect is what a fix would have changed in this incident.
type Effect struct {
	Before, After string
	Prevents      correlate.Outcome // Unknown: could not be replayed
	Curves        []Series          // before and after on one axis, where the replay has a course; nil = none
}

// RuledOut answers a rival: by a named line, or "could not check" (Checked false) with what is missing.
type RuledOut struct {
	Cause    string
	Reason   string
	Checked  bool
	Evidence []correlate.Evidence
}

// Misfit is a fact that the verdict does not explain, or that contradicts another.
type Misfit struct {
	Text     string
	Evidence []correlate.Evidence
}

// Missing is a file or command that would move the verdict.
type Missing struct {
	ID      string // boot-time, access-log, access-log-in-window, redis-info, redis-conf, oom-task-table, ...
	Why     string
	Command string // read-only, ready to paste
}

// NotJudged is a rule that lacked what it needs.
type NotJudged struct {
	Rule string
	Why  string // "no redis INFO in the input"
}

// Ledger is a balance: terms, their sum, and the residual.
type Ledger struct {
	Name  string // "RAM at the kill", "Redis RSS at the last snapshot"
	Total float64
	Unit  string // bytes
	Terms []LedgerTerm
	// Residual = Total - sum of terms.
	Residual float64
}

// LedgerTerm is one line of a ledger.
type LedgerTerm struct {
	Name     string
	Value    float64
	Evidence correlate.Evidence
}

// Series is one measured curve.
type Series struct {
	ID     string // requests, requests-culprits, requests-5xx, keys, keys-without-ttl, used-memory, rss
	Name   string
	Unit   string        // "bytes", "" = a number of things
	Lane   string        // series of one lane share an axis: requests, failed, keys, memory
	Bin    time.Duration // a point sums [At, At+Bin); 0 = it is a reading at that moment
	Note   string        // what was joined into one point, "" = every reading is there
	Source string        // the file it was read from, and how many more there are
	Points []Point       // by time, at most maxPoints
	Limits []Limit
}

// Point of a series. Gap: it is not joined to the one before, because the server was another run.
type Point struct {
	At    time.Time
	Value float64
	Gap   bool
}

// Limit is a level that a series must not pass.
type Limit struct {
	Name  string // "maxmemory", "RAM"
	Value float64
}

// Mark is something that happened at a moment, or several times within one stretch.
type Mark struct {
	Kind     string // kill, server, service, kernel, deploy, onset
	Text     string
	At, To   time.Time // To = At for what happened once
	N        int
	Evidence correlate.Evidence // of the first
}

// Comparison is what an earlier report of the same system said otherwise.
type Comparison struct {
	With    string // the earlier report's name
	Changes []Change
	More    int // changes beyond a bound
}

// Change is one difference.
type Change struct {
	State         string // new, gone, changed
	What          string // verdict, incident, culprit, finding, fix, missing
	Text          string // which one
	Before, After string // "" on the side that has it not
}

// States of a change.
const (
	New     = "new"
	Gone    = "gone"
	Changed = "changed"
)
