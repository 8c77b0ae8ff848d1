package correlate

import (
	"cmp"
	"maps"
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
	Err          string   // why it could not be read, or not to its end
	DuplicateOf  string   // the file whose bytes it repeats; its records are not counted twice
	Note         string   // what its collector has to say of it: what share it saw
	Parts        []string // of a transcript and of what several services say: the formats inside
}

// Is says whether an input is of a format, or a part of it is.
func (in Input) Is(format string) bool {
	return in.Format == format || slices.Contains(in.Parts, format)
}

// ClockNote says how a file's times were placed on UTC.
type ClockNote struct {
	Zone   string        // "+0800", "Asia/Shanghai", "UTC", "boot 2026-06-15T16:24:37Z", "" = unknown
	From   string        // what told it: "in the line", "timedatectl.txt:4", "inferred from 3 restarts"
	Error  time.Duration // half-width of the interval in which the offset lies
	Placed bool          // times of this file are comparable with those of others
}

// Placed is a fact with its instant, where its clock could be placed.
type Placed[T any] struct {
	Fact   T
	At     time.Time
	Placed bool
	Logged time.Time     // the local time of the line, where no zone places it; year 0 = the line has none
	Error  time.Duration // how far off At can be
	Ev     Evidence
}

// Incident is what the fold says, on one clock. Slices are sorted by time, then place; unplaced facts come first.
type Incident struct {
	Now    time.Time
	Inputs []Input

	Kills      []Placed[parsers.OOMKill]
	Kernel     []Placed[parsers.KernelEvent]
	Services   []Placed[parsers.ServiceEvent]
	Crons      []Placed[parsers.CronRun]
	CronJobs   []Placed[parsers.CronJob]
	Slow       []Placed[parsers.SlowCommand]
	Clients    []Placed[parsers.RedisClient]
	Memory     []Placed[parsers.HostMemory]
	Clocks     []Placed[parsers.ClockReading]
	Processes  []Placed[parsers.Process]
	Containers []Placed[parsers.Container]
	Pool       []Placed[parsers.PoolEvent]
	App        []Placed[parsers.AppEvent]
	Deploys    []Placed[parsers.Deploy]
	Code       []Placed[parsers.AppCode]
	Queries    []Placed[parsers.DBQuery]
	WebStatus  []Placed[parsers.WebStatus]
	Disks      []Placed[parsers.DiskUse]

	Redis    []*Instance
	Web      *Web
	Errors   []ErrorGroup
	Keys     []KeyGroup
	Values   []Value
	Settings []Setting         // by place
	Configs  map[string]Config // by file

	Boots map[string]time.Time // by host
}

// Config is a configuration file's own text, to cut a fix against.
type Config struct {
	System string // redis, nginx, php-fpm, ...
	Text   []byte
}

// ErrorGroup is the lines of one signature in the web server's error logs.
type ErrorGroup struct {
	Signature   string
	N           int64
	First, Last Placed[string] // the line itself
	Clients     []Count
	Routes      []Count
	Files       []string
	perMinute   map[int64]int64 // placed files only, UTC minutes
}

// Value is a key's value that a listing shows, with its length in bytes.
type Value struct {
	Key string
	Len int64
	Ev  Evidence
}

// Count is a name with how often it occurs.
type Count struct {
	Name string
	N    int64
}

// Between counts the group's lines in [from, to), by the minute, in files whose clock is placed.
func (g *ErrorGroup) Between(from, to time.Time) int64 {
	var n int64
	for m, c := range g.perMinute {
		if at := time.Unix(m*60, 0); !at.Before(from.Truncate(time.Minute)) && at.Before(to) {
			n += c
		}
	}
	return n
}

// Incident reconciles the clocks and reads the fold. now is used only to place years that no file tells.
func (t *Timeline) Incident(now time.Time, o Options) *Incident {
	t.sort()
	c := t.reconcile(now, o)
	inc := &Incident{
		Now:        now,
		Kills:      mergeKills(place(c, t.kills)),
		Kernel:     place(c, t.kernel),
		Services:   place(c, t.services),
		Crons:      place(c, t.crons),
		CronJobs:   place(c, t.cronJobs),
		Slow:       place(c, t.slow),
		Clients:    place(c, t.clients),
		Memory:     place(c, t.memory),
		Clocks:     place(c, t.clocks),
		Processes:  place(c, t.processes),
		Containers: place(c, t.containers),
		Pool:       place(c, t.pool),
		App:        place(c, t.app),
		Deploys:    place(c, t.deploys),
		Code:       place(c, t.code),
		Queries:    place(c, t.queries),
		WebStatus:  place(c, t.webStatus),
		Disks:      place(c, t.disks),
		Redis:      t.instances(c),
		Web:        t.webView(),
		Errors:     t.errorGroups(c),
		Keys:       t.keyGroups(),
		Values:     t.values(),
		Configs:    map[string]Config{},
		Boots:      map[string]time.Time{},
	}
	for _, s := range t.settings {
		inc.Settings = append(inc.Settings, Setting{s.fact, Evidence{File: s.at.File, Line: s.at.Line, Text: s.text}})
	}
	for file, cfg := range t.configs {
		inc.Configs[file] = Config{cfg.system, cfg.text}
	}
	for host, b := range c.boots {
		inc.Boots[host] = b.at
	}
	inc.Inputs = t.coverage(c)
	t.visitors.noteCrowd(inc.Inputs)
	return inc
}

func place[T any](c *clocks, list []seen[T]) []Placed[T] {
	out := make([]Placed[T], 0, len(list))
	for _, s := range list {
		p := Placed[T]{Fact: s.fact, Ev: Evidence{File: s.at.File, Line: s.at.Line, Text: s.text}}
		if at, err, ok := c.utc(s.at.File, s.when); ok {
			p.At, p.Placed, p.Error, p.Ev.Time = at, true, err, at
		} else if s.when.clock == parsers.LocalClock {
			p.Logged = s.when.t
		}
		if p.Placed && !within(p.At, c.since, c.until) {
			continue
		}
		out = append(out, p)
	}
	slices.SortStableFunc(out, func(a, b Placed[T]) int { return a.At.Compare(b.At) })
	return out
}

// mergeKills drops repeats of a kill that two files tell (kern.log and syslog, dmesg and the journal): the same pid and
// name within a minute and a half, or with no time to tell them apart. The telling with more in it stays.
func mergeKills(list []Placed[parsers.OOMKill]) []Placed[parsers.OOMKill] {
	var out []Placed[parsers.OOMKill]
	for _, k := range list {
		i := slices.IndexFunc(out, func(o Placed[parsers.OOMKill]) bool {
			return o.Ev.File != k.Ev.File && o.Fact.VictimPID == k.Fact.VictimPID && k.Fact.VictimPID.OK && o.Fact.VictimComm == k.Fact.VictimComm &&
				(!o.Placed || !k.Placed || k.At.Sub(o.At).Abs() <= 90*time.Second)
		})
		if i < 0 {
			out = append(out, k)
			continue
		}
		if o := &out[i]; len(k.Fact.Tasks) > len(o.Fact.Tasks) || !o.Placed && k.Placed {
			if !k.Placed {
				k.At, k.Placed, k.Error = o.At, o.Placed, o.Error
			}
			*o = k
		}
	}
	slices.SortStableFunc(out, func(a, b Placed[parsers.OOMKill]) int { return a.At.Compare(b.At) })
	return out
}

func (t *Timeline) errorGroups(c *clocks) []ErrorGroup {
	by := map[string]*ErrorGroup{}
	clients, routes := map[string]map[string]int64{}, map[string]map[string]int64{}
	keys := slices.SortedFunc(maps.Keys(t.webErrors), func(a, b errorKey) int {
		return cmp.Or(cmp.Compare(a.file, b.file), cmp.Compare(a.signature, b.signature))
	})
	for _, key := range keys {
		s := t.webErrors[key]
		g := by[key.signature]
		if g == nil {
			g = &ErrorGroup{Signature: key.signature, perMinute: map[int64]int64{}}
			by[key.signature] = g
			clients[key.signature], routes[key.signature] = map[string]int64{}, map[string]int64{}
		}
		g.N += s.n
		g.Files = append(g.Files, key.file)
		first, last := placeExample(c, s.first, s.clock), placeExample(c, *s.last.settle(), s.clock)
		if g.First.Ev.File == "" || first.Placed && (!g.First.Placed || first.At.Before(g.First.At)) {
			g.First = first
		}
		if g.Last.Ev.File == "" || last.Placed && (!g.Last.Placed || last.At.After(g.Last.At)) {
			g.Last = last
		}
		for m, n := range s.minutes {
			if at, _, ok := c.utc(key.file, stamp{t: time.Unix(m*60, 0).UTC(), clock: s.clock}); ok {
				g.perMinute[floorDiv(at.Unix(), 60)] += n
			}
		}
		for name, n := range s.clients {
			clients[key.signature][name] += n
		}
		for name, n := range s.routes {
			routes[key.signature][name] += n
		}
	}
	var out []ErrorGroup
	for _, sig := range slices.Sorted(maps.Keys(by)) {
		g := by[sig]
		g.Clients, g.Routes = topCounts(clients[sig]), topCounts(routes[sig])
		out = append(out, *g)
	}
	return out
}

func placeExample(c *clocks, e example, clock parsers.Clock) Placed[string] {
	p := Placed[string]{Fact: e.text, Ev: Evidence{File: e.at.File, Line: e.at.Line, Text: e.text}}
	if at, err, ok := c.utc(e.at.File, stamp{t: e.t, clock: clock}); ok {
		p.At, p.Placed, p.Error, p.Ev.Time = at, true, err, at
	}
	return p
}

func topCounts(m map[string]int64) []Count {
	out := make([]Count, 0, len(m))
	for name, n := range m {
		out = append(out, Count{name, n})
	}
	slices.SortFunc(out, func(a, b Count) int { return cmp.Or(-cmp.Compare(a.N, b.N), cmp.Compare(a.Name, b.Name)) })
	return out
}

// coverage completes the inputs with their spans on UTC and what placed their clocks.
func (t *Timeline) coverage(c *clocks) []Input {
	var out []Input
	for _, file := range slices.Sorted(maps.Keys(t.inputs)) {
		in := t.inputs[file]
		if s := t.spans[file]; s != nil {
			in.Clock = t.clockNote(c, file, s)
			in.From, in.To = time.Time{}, time.Time{}
			win := s.zoned
			if p, ok := c.files[file]; ok && !s.local.from.IsZero() {
				win.merge(window{c.wall(s.local.from, p.loc), c.wall(s.local.to, p.loc)})
			}
			if win.from.IsZero() && s.boots {
				if b, ok := c.boots[in.Host]; ok && b.ok {
					win = window{b.at.Add(s.minBoot), b.at.Add(s.maxBoot)}
				}
			}
			in.From, in.To = win.from.UTC(), win.to.UTC()
		}
		out = append(out, in)
	}
	return out
}

func (t *Timeline) clockNote(c *clocks, file string, s *span) ClockNote {
	switch {
	case !s.local.from.IsZero():
		p, ok := c.files[file]
		if !ok {
			return ClockNote{From: "no zone in the file, and nothing in the input tells it"}
		}
		return ClockNote{Zone: p.loc.String(), From: p.from, Error: p.error, Placed: true}
	case !s.zoned.from.IsZero():
		return ClockNote{Zone: s.zoned.from.Format("-0700"), From: "in the line", Placed: true}
	case s.boots:
		b, ok := c.boots[c.hosts[file]]
		if !ok || !b.ok {
			return ClockNote{From: "seconds since boot, and nothing in the input tells the boot"}
		}
		return ClockNote{Zone: "boot " + b.at.UTC().Format(time.RFC3339), From: b.from, Error: b.error, Placed: true}
	}
	return ClockNote{}
}

// SortEvidence orders evidence by time where known, then by place, and drops repeats.
func SortEvidence(ev []Evidence) []Evidence {
	slices.SortStableFunc(ev, func(a, b Evidence) int {
		return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line))
	})
	return slices.CompactFunc(ev, func(a, b Evidence) bool { return a.File == b.File && a.Line == b.Line && a.Note == b.Note })
}
