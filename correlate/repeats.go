package correlate

import (
	"cmp"
	"strconv"

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
type thinning struct{ infos, redis, kernel, services, crons, pool, app, slow, memory, clocks int }

// maxStretch ends the doubling: 2^30 minutes are longer than any log.
const maxStretch = 31

// thinOut keeps list within limit. It does so when the list is a quarter over it, or at the end.
func thinOut[T any](list *[]seen[T], stretch *int, limit int, kind func(*T) string, end bool) {
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

// firstAndLast keeps the first and the last fact of each file, kind and stretch of so many seconds.
func firstAndLast[T any](list []seen[T], seconds int64, kind func(*T) string) []seen[T] {
	type place struct {
		file, kind string
		clock      parsers.Clock
		stretch    int64
	}
	type pair struct{ first, last int }
	at := make(map[place]pair, len(list)/2)
	for i := range list {
		s := &list[i]
		p := place{s.at.File, kind(&s.fact), s.when.clock, floorDiv(s.when.seconds(), seconds)}
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
	keep := make([]bool, len(list))
	for _, p := range at {
		keep[p.first], keep[p.last] = true, true
	}
	kept := make([]seen[T], 0, 2*len(at))
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
func redisKind(e *parsers.RedisEvent) string {
	if e.Role == "M" && e.PID.OK {
		return e.Event + strconv.FormatInt(e.PID.N, 10)
	}
	return e.Event
}
func infoKind(i *parsers.RedisInfo) string {
	if i.Fields["used_memory_rss"] != "" {
		return i.Fields["run_id"]
	}
	return strconv.Itoa(len(i.Keyspace))
}
func kernelKind(e *parsers.KernelEvent) string   { return e.Event + " " + e.Comm }
func serviceKind(e *parsers.ServiceEvent) string { return e.Event + " " + e.Unit }
func cronKind(e *parsers.CronRun) string         { return e.Command }
func poolKind(e *parsers.PoolEvent) string       { return e.Event + " " + e.Pool }
func appKind(e *parsers.AppEvent) string         { return e.Signature }
func slowKind(e *parsers.SlowCommand) string     { return e.Command }
func memoryKind(m *parsers.HostMemory) string    { return m.From }
func clockKind(c *parsers.ClockReading) string   { return c.From + c.Zone }

// boundRepeats keeps the lists of facts that repeat within their bounds.
func (t *Timeline) boundRepeats(end bool) {
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
}

// merge takes over the longer stretches of another fold.
func (a *thinning) merge(b thinning) {
	a.infos, a.redis, a.kernel = max(a.infos, b.infos), max(a.redis, b.redis), max(a.kernel, b.kernel)
	a.services, a.crons, a.pool = max(a.services, b.services), max(a.crons, b.crons), max(a.pool, b.pool)
	a.app, a.slow, a.memory, a.clocks = max(a.app, b.app), max(a.slow, b.slow), max(a.memory, b.memory), max(a.clocks, b.clocks)
}
