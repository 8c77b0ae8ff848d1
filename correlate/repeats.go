package correlate

import (
	"cmp"
	"slices"

	"culprit/parsers"
)

// A log of years may hold any number of saves, snapshots and complaints; the fold keeps so many of each fact. Beyond that
// it keeps, of each file, kind and stretch of time, the first and the last, with stretches just long enough: a function of
// the facts alone, like the grains of webFold. What happened once is kept always; of what repeats, one learns when it
// began and ended, and its count is only a lower bound.
const (
	maxSnapshots = 1 << 13 // some 10 kB each; a month of five-minute snapshots
	maxEvents    = 1 << 15 // some 500 B each
	maxRedisLog  = 1 << 17 // the save that a kill cut short is one of thousands: three months of one every five minutes
)

// thinning is how long the stretches of each list are: 0 = everything is kept, n = 2^(n-1) minutes.
type thinning struct {
	infos, redis, kernel, services, crons, pool, app, slow, memory, clocks, queries, webStatus, disks int
}

// newestOfAll is a newest for each of the same lists.
type newestOfAll struct {
	infos, redis, kernel, services, crons, pool, app, slow, memory, clocks, queries, webStatus, disks newest
}

// maxStretch ends the doubling: 2^30 minutes are longer than any log.
const maxStretch = 31

// newest is where the first and the last fact of the newest stretch stand in a list, of each file and kind. It saves the
// list from growing: to gather a quarter too many facts and go over all of them again took half the time of a long Redis
// log. It is of no consequence otherwise, and forgotten when facts move.
type newest map[repeat]newestStretch

type repeat struct {
	file string
	kind repeatKind
}

// repeatKind tells facts of a list apart that repeat each by itself.
type repeatKind struct {
	name, of string
	n        int64
}

type newestStretch struct {
	clock       parsers.Clock
	stretch     int64
	first, last int // the same where there is one
}

// maxNewest bounds the files and kinds: beyond them are none that repeat often.
const maxNewest = 1024

// settle lets the fact at the end of list take the place of one that it makes superfluous.
func settle[T any](list *[]seen[T], stretch int, at *newest, kind func(*T) repeatKind) {
	end := len(*list) - 1
	s := &(*list)[end]
	if *at == nil || len(*at) > maxNewest {
		*at = newest{}
	}
	r, is := repeat{s.at.File, kind(&s.fact)}, newestStretch{s.when.clock, floorDiv(s.when.seconds(), 60<<(stretch-1)), end, end}
	have, ok := (*at)[r]
	if !ok || have.clock != is.clock || have.stretch != is.stretch {
		(*at)[r] = is
		return
	}
	first, last := &(*list)[have.first], &(*list)[have.last]
	switch before, behind := earlier(s, first), earlier(last, s); {
	case before && first == last:
		have.first = end
		(*at)[r] = have
		return
	case behind && first == last:
		have.last = end
		(*at)[r] = have
		return
	case before:
		*first = *s
	case behind:
		*last = *s
	}
	*list = (*list)[:end]
}

// thinOut keeps list within limit. It does so when the list is a quarter over it, or at the end.
func thinOut[T any](list *[]seen[T], stretch *int, limit int, kind func(*T) repeatKind, end bool) {
	if len(*list) <= limit+limit/4 && !(end && (*stretch > 0 || len(*list) > limit)) {
		return
	}
	for ; ; *stretch++ {
		if *stretch > 0 {
			*list = firstAndLast(*list, 60<<(*stretch-1), kind)
		}
		if len(*list) <= limit || *stretch == maxStretch {
			return
		}
	}
}

// addRepeat keeps a fact of those that repeat.
func addRepeat[T any](list *[]seen[T], stretch *int, at *newest, limit int, kind func(*T) repeatKind, r *parsers.Record, fact *T) {
	if n := len(*list); n == cap(*list) && n >= limit/8 { // then it is likely to become full: no copies of it on the way
		*list = slices.Grow(*list, limit+limit/4+1-n)
	}
	keep(list, r, fact)
	if *stretch > 0 {
		settle(list, *stretch, at, kind)
	}
	if len(*list) > limit+limit/4 {
		thinOut(list, stretch, limit, kind, false)
		*at = nil
	}
}

// firstAndLast keeps the first and the last fact of each file, kind and stretch of so many seconds.
func firstAndLast[T any](list []seen[T], seconds int64, kind func(*T) repeatKind) []seen[T] {
	type place struct {
		repeat
		clock   parsers.Clock
		stretch int64
	}
	type pair struct{ first, last int }
	at := make(map[place]pair, len(list)/2)
	for i := range list {
		s := &list[i]
		p := place{repeat{s.at.File, kind(&s.fact)}, s.when.clock, floorDiv(s.when.seconds(), seconds)}
		have, ok := at[p]
		if !ok {
			at[p] = pair{i, i}
			continue
		}
		if earlier(s, &list[have.first]) {
			have.first = i
		}
		if earlier(&list[have.last], s) {
			have.last = i
		}
		at[p] = have
	}
	keep, n := make([]bool, len(list)), 0
	for _, p := range at {
		if keep[p.first], keep[p.last] = true, true; p.first != p.last {
			n++
		}
	}
	kept := make([]seen[T], 0, len(at)+n)
	for i := range list {
		if keep[i] {
			kept = append(kept, list[i])
		}
	}
	return kept
}

func earlier[T any](a, b *seen[T]) bool {
	return cmp.Or(cmp.Compare(a.when.seconds(), b.when.seconds()), a.when.t.Compare(b.when.t), a.at.Compare(b.at)) < 0
}

// seconds orders the stamps of a file that have the same clock.
func (s stamp) seconds() int64 {
	if s.clock == parsers.BootClock || s.clock == parsers.NoClock {
		return int64(s.boot.Seconds())
	}
	return s.t.Unix()
}

// The kinds of facts that repeat. A server that was started anew is a kind of its own, so that the last save of the one
// that died stays.
func redisKind(e *parsers.RedisEvent) repeatKind {
	if e.Role == "M" && e.PID.OK {
		return repeatKind{name: e.Event, of: "pid", n: e.PID.N}
	}
	return repeatKind{name: e.Event}
}
func infoKind(i *parsers.RedisInfo) repeatKind {
	if i.Fields["used_memory_rss"] != "" {
		return repeatKind{name: i.Fields["run_id"]}
	}
	return repeatKind{of: "databases", n: int64(len(i.Keyspace))}
}
func kernelKind(e *parsers.KernelEvent) repeatKind   { return repeatKind{name: e.Event, of: e.Comm} }
func serviceKind(e *parsers.ServiceEvent) repeatKind { return repeatKind{name: e.Event, of: e.Unit} }
func cronKind(e *parsers.CronRun) repeatKind         { return repeatKind{name: e.Command} }
func poolKind(e *parsers.PoolEvent) repeatKind       { return repeatKind{name: e.Event, of: e.Pool} }
func appKind(e *parsers.AppEvent) repeatKind         { return repeatKind{name: e.Signature} }
func slowKind(e *parsers.SlowCommand) repeatKind     { return repeatKind{name: e.Command} }
func memoryKind(m *parsers.HostMemory) repeatKind    { return repeatKind{name: m.From} }
func clockKind(c *parsers.ClockReading) repeatKind   { return repeatKind{name: c.From, of: c.Zone} }
func queryKind(q *parsers.DBQuery) repeatKind        { return repeatKind{name: q.From, of: q.Text} }
func webStatusKind(*parsers.WebStatus) repeatKind    { return repeatKind{} }
func diskKind(d *parsers.DiskUse) repeatKind         { return repeatKind{name: d.Mount} }

// boundRepeats keeps the lists of facts that repeat within their bounds.
func (t *Timeline) boundRepeats(end bool) {
	t.newest = newestOfAll{}
	thinOut(&t.infos, &t.thinned.infos, maxSnapshots, infoKind, end)
	thinOut(&t.redis, &t.thinned.redis, maxRedisLog, redisKind, end)
	thinOut(&t.kernel, &t.thinned.kernel, maxEvents, kernelKind, end)
	thinOut(&t.services, &t.thinned.services, maxEvents, serviceKind, end)
	thinOut(&t.crons, &t.thinned.crons, maxEvents, cronKind, end)
	thinOut(&t.pool, &t.thinned.pool, maxEvents, poolKind, end)
	thinOut(&t.app, &t.thinned.app, maxEvents, appKind, end)
	thinOut(&t.slow, &t.thinned.slow, maxEvents, slowKind, end)
	thinOut(&t.memory, &t.thinned.memory, maxEvents, memoryKind, end)
	thinOut(&t.clocks, &t.thinned.clocks, maxEvents, clockKind, end)
	thinOut(&t.queries, &t.thinned.queries, maxEvents, queryKind, end)
	thinOut(&t.webStatus, &t.thinned.webStatus, maxEvents, webStatusKind, end)
	thinOut(&t.disks, &t.thinned.disks, maxEvents, diskKind, end)
}

// merge takes over the longer stretches of another fold.
func (a *thinning) merge(b thinning) {
	a.infos, a.redis, a.kernel = max(a.infos, b.infos), max(a.redis, b.redis), max(a.kernel, b.kernel)
	a.services, a.crons, a.pool = max(a.services, b.services), max(a.crons, b.crons), max(a.pool, b.pool)
	a.app, a.slow, a.memory, a.clocks = max(a.app, b.app), max(a.slow, b.slow), max(a.memory, b.memory), max(a.clocks, b.clocks)
	a.queries, a.webStatus, a.disks = max(a.queries, b.queries), max(a.webStatus, b.webStatus), max(a.disks, b.disks)
}
