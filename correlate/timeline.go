// Package correlate folds facts into one incident: series, events, the links between them and the ledger of memory.
//
// It never reads a file, a clock or the environment, and never judges: cmd feeds it records, rules ask what it found.
// Every fold commutes, so files may be read in any order and by any number of workers; only a crowd of clients beyond its
// limits is told in the order of the lines (see Hits).
package correlate

import (
	"bytes"
	"maps"
	"slices"
	"strings"
	"time"

	"culprit/parsers"
)

// Timeline is the fold of all records seen so far. The zero value is not usable: see NewTimeline.
//
// Rare facts (kills, snapshots, settings) are kept as a set, which boundRepeats holds; frequent ones (requests, error-log lines,
// keys) are summed where they fall. Both commute: order and division of the input leave no trace.
type Timeline struct {
	inputs       map[string]Input
	since, until time.Time

	kills      []seen[parsers.OOMKill]
	kernel     []seen[parsers.KernelEvent]
	services   []seen[parsers.ServiceEvent]
	crons      []seen[parsers.CronRun]
	cronJobs   []seen[parsers.CronJob]
	infos      []seen[parsers.RedisInfo]
	redis      []seen[parsers.RedisEvent]
	slow       []seen[parsers.SlowCommand]
	clients    []seen[parsers.RedisClient]
	memory     []seen[parsers.HostMemory]
	clocks     []seen[parsers.ClockReading]
	processes  []seen[parsers.Process]
	containers []seen[parsers.Container]
	settings   []seen[parsers.Setting]
	pool       []seen[parsers.PoolEvent]
	app        []seen[parsers.AppEvent]
	deploys    []seen[parsers.Deploy]
	code       []seen[parsers.AppCode]
	groups     []seen[parsers.KeyGroup]
	queries    []seen[parsers.DBQuery]
	webStatus  []seen[parsers.WebStatus]
	disks      []seen[parsers.DiskUse]
	configs    map[string]config
	thinned    thinning
	newest     newestOfAll

	keys      keyFold
	web       *webFold
	visitors  *clientFold
	webErrors errorFold
	spans     map[string]*span // per file, raw times: for coverage and clocks
	lastSpan  *span            // the span of lastFile: records of a file come in runs
	lastFile  string
	lastTime  time.Time // of the last record, when it was zoned
}

type config struct {
	system string
	text   []byte
}

// seen is a fact kept with its place and its unreconciled time.
type seen[T any] struct {
	fact T
	when stamp
	at   parsers.Pos
	text string
}

// stamp is a time as its record gave it: see parsers.Record.
type stamp struct {
	t       time.Time
	clock   parsers.Clock
	boot    time.Duration
	hasBoot bool
}

// span is the first and last raw time of a file, by clock.
type span struct {
	zoned, local     window
	records          int
	offsets          []int // zones its zoned lines were written in, seconds east of UTC, ascending
	boots            bool
	minBoot, maxBoot time.Duration
}

// addOffset notes the zone a line was written in. There are two a year at most, so the list is short.
func (s *span) addOffset(t time.Time) {
	_, off := t.Zone()
	if i, have := slices.BinarySearch(s.offsets, off); !have {
		s.offsets = slices.Insert(s.offsets, i, off)
	}
}

type window struct{ from, to time.Time }

func (w *window) add(t time.Time) {
	if w.from.IsZero() || t.Before(w.from) {
		w.from = t
	}
	if w.to.IsZero() || t.After(w.to) {
		w.to = t
	}
}

func (w *window) merge(o window) {
	if !o.from.IsZero() {
		w.add(o.from)
		w.add(o.to)
	}
}

// NewTimeline makes an empty fold.
func NewTimeline() *Timeline {
	visitors := newClientFold()
	return &Timeline{
		inputs:    map[string]Input{},
		configs:   map[string]config{},
		keys:      keyFold{},
		web:       newWebFold(visitors),
		visitors:  visitors,
		webErrors: errorFold{},
		spans:     map[string]*span{},
	}
}

// Within bounds the fold to [since, until]; a zero time is no bound. Call it before the first Add. Zoned records outside
// are left out at once, the others when their clock is placed.
func (t *Timeline) Within(since, until time.Time) { t.since, t.until = since, until }

// Add folds one record in. It keeps nothing that the record points to.
func (t *Timeline) Add(r parsers.Record) {
	if r.Clock == parsers.ZonedClock && !within(r.Time, t.since, t.until) {
		return
	}
	if r.Time != t.lastTime || r.Clock != parsers.ZonedClock || r.HasBoot || r.At.File != t.lastFile || t.lastSpan == nil {
		t.addSpan(&r)
	} else {
		t.lastSpan.records++ // a busy second of an access log
	}
	switch f := r.Fact.(type) {
	case *parsers.Access:
		t.web.add(&r, f)
	case *parsers.AccessCount:
		t.web.addCount(&r, f)
	case *parsers.RouteCount:
		t.web.addRouteCount(&r, f)
	case *parsers.AccessExample:
		t.web.addExample(&r, f)
	case *parsers.WebError:
		t.webErrors.add(r, f)
	case *parsers.OOMKill:
		kill := *f
		kill.Tasks = slices.Clone(f.Tasks)
		for i := range kill.Tasks {
			kill.Tasks[i].Comm = strings.Clone(kill.Tasks[i].Comm)
		}
		keep(&t.kills, &r, &kill)
	case *parsers.KernelEvent:
		addRepeat(&t.kernel, &t.thinned.kernel, &t.newest.kernel, maxEvents, kernelKind, &r, f)
	case *parsers.ServiceEvent:
		addRepeat(&t.services, &t.thinned.services, &t.newest.services, maxEvents, serviceKind, &r, f)
	case *parsers.CronRun:
		addRepeat(&t.crons, &t.thinned.crons, &t.newest.crons, maxEvents, cronKind, &r, f)
	case *parsers.CronJob:
		keep(&t.cronJobs, &r, f)
	case *parsers.RedisInfo:
		info := *f
		info.Fields, info.Keyspace, info.Lines = maps.Clone(f.Fields), maps.Clone(f.Keyspace), maps.Clone(f.Lines)
		addRepeat(&t.infos, &t.thinned.infos, &t.newest.infos, maxSnapshots, infoKind, &r, &info)
	case *parsers.RedisEvent:
		addRepeat(&t.redis, &t.thinned.redis, &t.newest.redis, maxRedisLog, redisKind, &r, f)
	case *parsers.SlowCommand:
		addRepeat(&t.slow, &t.thinned.slow, &t.newest.slow, maxEvents, slowKind, &r, f)
	case *parsers.RedisClient:
		keep(&t.clients, &r, f)
	case *parsers.Key:
		t.keys.add(r, f)
	case *parsers.KeyGroup:
		keep(&t.groups, &r, f)
	case *parsers.HostMemory:
		addRepeat(&t.memory, &t.thinned.memory, &t.newest.memory, maxEvents, memoryKind, &r, f)
	case *parsers.ClockReading:
		addRepeat(&t.clocks, &t.thinned.clocks, &t.newest.clocks, maxEvents, clockKind, &r, f)
	case *parsers.Process:
		keep(&t.processes, &r, f)
	case *parsers.Container:
		keep(&t.containers, &r, f)
	case *parsers.Setting:
		set := *f
		set.Path, set.Args = slices.Clone(f.Path), slices.Clone(f.Args)
		keep(&t.settings, &r, &set)
	case *parsers.ConfigText:
		t.configs[r.At.File] = config{system: f.System, text: bytes.Clone(f.Text)}
	case *parsers.PoolEvent:
		addRepeat(&t.pool, &t.thinned.pool, &t.newest.pool, maxEvents, poolKind, &r, f)
	case *parsers.AppEvent:
		addRepeat(&t.app, &t.thinned.app, &t.newest.app, maxEvents, appKind, &r, f)
	case *parsers.Deploy:
		keep(&t.deploys, &r, f)
	case *parsers.AppCode:
		keep(&t.code, &r, f)
	case *parsers.DBQuery:
		addRepeat(&t.queries, &t.thinned.queries, &t.newest.queries, maxEvents, queryKind, &r, f)
	case *parsers.WebStatus:
		addRepeat(&t.webStatus, &t.thinned.webStatus, &t.newest.webStatus, maxEvents, webStatusKind, &r, f)
	case *parsers.DiskUse:
		addRepeat(&t.disks, &t.thinned.disks, &t.newest.disks, maxEvents, diskKind, &r, f)
	}
}

func within(at, since, until time.Time) bool {
	return (since.IsZero() || !at.Before(since)) && (until.IsZero() || !at.After(until))
}

// keep appends a copy of the fact; its strings are copied by the parsers already (only Access and Raw are borrowed).
func keep[T any](list *[]seen[T], r *parsers.Record, fact *T) {
	*list = append(*list, seen[T]{
		fact: *fact,
		when: stamp{r.Time, r.Clock, r.SinceBoot, r.HasBoot},
		at:   r.At,
		text: clip(r.Raw),
	})
}

// clip is what is kept of a line, to be quoted: session ids are nobody's business.
func clip(raw []byte) string { return string(clipped(raw)) }

func clipped(raw []byte) []byte {
	return parsers.BlankSessionIDs(raw[:min(len(raw), maxEvidenceText)])
}

func (t *Timeline) addSpan(r *parsers.Record) {
	t.lastTime = time.Time{}
	if r.At.File != t.lastFile || t.lastSpan == nil {
		t.lastFile, t.lastSpan = r.At.File, t.span(r.At.File)
	}
	s := t.lastSpan
	s.records++
	switch r.Clock {
	case parsers.ZonedClock:
		s.zoned.add(r.Time)
		s.addOffset(r.Time)
		t.lastTime = r.Time
	case parsers.LocalClock:
		s.local.add(r.Time)
	}
	if r.HasBoot {
		if !s.boots || r.SinceBoot < s.minBoot {
			s.minBoot = r.SinceBoot
		}
		s.maxBoot = max(s.maxBoot, r.SinceBoot)
		s.boots = true
	}
}

func (t *Timeline) span(file string) *span {
	s := t.spans[file]
	if s == nil {
		s = &span{}
		t.spans[file] = s
	}
	return s
}

// AddInput tells what became of a file. Called once a file, at its end.
func (t *Timeline) AddInput(in Input) { t.inputs[in.File] = in }

// Rest lets go of what only saves work from line to line: for when reading is over, or pauses.
func (t *Timeline) Rest() {
	t.web.agents, t.web.walk, t.web.buf = agentCache{}, nil, nil
	for _, s := range t.visitors.sets() {
		s.byNet, s.cells.next = table[int64]{}, nil
	}
}

// Merge folds another fold in; two folds of two parts equal one fold of the whole, but for a crowd of clients. other must not be used afterwards.
func (t *Timeline) Merge(other *Timeline) {
	for file, in := range other.inputs {
		t.inputs[file] = in
	}
	for file, s := range other.spans {
		mine := t.span(file)
		mine.records += s.records
		mine.zoned.merge(s.zoned)
		for _, off := range s.offsets {
			if i, have := slices.BinarySearch(mine.offsets, off); !have {
				mine.offsets = slices.Insert(mine.offsets, i, off)
			}
		}
		mine.local.merge(s.local)
		if s.boots {
			if !mine.boots || s.minBoot < mine.minBoot {
				mine.minBoot = s.minBoot
			}
			mine.maxBoot = max(mine.maxBoot, s.maxBoot)
			mine.boots = true
		}
	}
	t.kills = append(t.kills, other.kills...)
	t.kernel = append(t.kernel, other.kernel...)
	t.services = append(t.services, other.services...)
	t.crons = append(t.crons, other.crons...)
	t.cronJobs = append(t.cronJobs, other.cronJobs...)
	t.infos = append(t.infos, other.infos...)
	t.redis = append(t.redis, other.redis...)
	t.slow = append(t.slow, other.slow...)
	t.clients = append(t.clients, other.clients...)
	t.memory = append(t.memory, other.memory...)
	t.clocks = append(t.clocks, other.clocks...)
	t.processes = append(t.processes, other.processes...)
	t.containers = append(t.containers, other.containers...)
	t.settings = append(t.settings, other.settings...)
	t.pool = append(t.pool, other.pool...)
	t.app = append(t.app, other.app...)
	t.deploys = append(t.deploys, other.deploys...)
	t.code = append(t.code, other.code...)
	t.groups = append(t.groups, other.groups...)
	t.queries = append(t.queries, other.queries...)
	t.webStatus = append(t.webStatus, other.webStatus...)
	t.disks = append(t.disks, other.disks...)
	t.thinned.merge(other.thinned)
	t.boundRepeats(false)
	maps.Copy(t.configs, other.configs)
	t.keys.merge(other.keys)
	t.web.merge(other.web)
	t.TakeClients(&Clients{other.visitors})
	t.webErrors.merge(other.webErrors)
}

// sort orders every kept fact by place, so that nothing downstream depends on the order of reading.
func (t *Timeline) sort() {
	t.boundRepeats(true)
	t.web.settle()
	t.visitors.settle()
	byPlace(t.kills)
	byPlace(t.kernel)
	byPlace(t.services)
	byPlace(t.crons)
	byPlace(t.cronJobs)
	byPlace(t.infos)
	byPlace(t.redis)
	byPlace(t.slow)
	byPlace(t.clients)
	byPlace(t.memory)
	byPlace(t.clocks)
	byPlace(t.processes)
	byPlace(t.containers)
	byPlace(t.settings)
	byPlace(t.pool)
	byPlace(t.app)
	byPlace(t.deploys)
	byPlace(t.code)
	byPlace(t.groups)
	byPlace(t.queries)
	byPlace(t.webStatus)
	byPlace(t.disks)
}

func byPlace[T any](list []seen[T]) {
	slices.SortStableFunc(list, func(a, b seen[T]) int { return a.at.Compare(b.at) })
}
