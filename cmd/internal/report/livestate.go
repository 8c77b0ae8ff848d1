package report

import (
	"time"

	"culprit/correlate"
	"culprit/parsers"
	"culprit/rules"
)

// Live is what a watch knows at one moment: all that its screen and its metrics tell. cmd/culprit fills it in.
type Live struct {
	At, Since time.Time // now, and when the watch began
	Judged    time.Time // zero = not yet
	Host      string
	Sources   []LiveSource
	Memory    parsers.HostMemory
	Processes []LiveProcess // the largest first
	Redis     []LiveRedis
	Makers    LiveMakers
	Web       LiveWeb
	Report    *rules.Report // nil = not judged yet
	Ahead     []rules.Fix   // against what grows towards a limit
	Events    []LiveEvent   // as told, the oldest first
}

// LiveSource is one thing that is watched.
type LiveSource struct {
	Name, Format string
	Lines        int
	Skipped      int
	Bytes        int64
	Last         time.Time // when something came; zero = nothing has
	Trouble      string    // "" = none that is known
}

// LiveProcess is all processes of one name.
type LiveProcess struct {
	Name  string
	N     int
	Bytes int64 // resident; pages that they share count for each
}

// LiveRedis is one server, as its last INFO told. A number that was not told is unknown.
type LiveRedis struct {
	Name               string // as correlate.Instance.Name
	At                 time.Time
	Used, RSS, Max     parsers.Opt // bytes
	Policy             string
	Stay, Expire       parsers.Opt   // keys without an expiry, and with one
	StayPace, MadePace parsers.OptF  // keys a minute that came to stay, net; all that were made
	LapsedPace         parsers.OptF  // keys a minute that expired or were evicted
	Paced              time.Duration // over which the paces were measured
	UsedCurve          []rules.Point // of the last run
	StayCurve          []rules.Point
	ExpireCurve        []rules.Point
	Forecast           *correlate.Forecast // nil = it does not grow towards a limit
}

// LiveMakers are who makes the session keys now: groups of requests with their share of the new keys.
type LiveMakers struct {
	From, To  time.Time
	Keys      string // of what they make: "keys without expiry"; "" = no INFO tells, and they are the busiest
	Why       string // why the shares are not known or not sure, "" = they are
	Explained float64
	List      []LiveMaker
}

// LiveMaker is one group.
type LiveMaker struct {
	Name      string
	Note      string  // what is known of its name and addresses
	Share     float64 // of the new keys; negative = not known
	PerMinute float64 // requests that can open a session; of people, visits
}

// LiveWeb is what the access logs told of their last minutes.
type LiveWeb struct {
	From, To         time.Time // zero = no access log
	Requests, Failed int64     // with 5xx
}

// label is how a person calls the server.
func (r *LiveRedis) label() string {
	if r.Name == "" {
		return "Redis"
	}
	return "Redis " + r.Name
}
