package correlate

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"path"
	"slices"
	"strings"
	"time"

	"culprit/parsers"
)

// clocks places every file's times on UTC. Zones are never assumed: each placement says what told it, and a file that
// nothing places stays unplaced: no order is claimed between it and the others.
type clocks struct {
	files        map[string]placement
	boots        map[string]bootTime // by host
	hosts        map[string]string   // file -> host
	since, until time.Time           // Options: the stretch to judge
	ref          time.Time           // newest instant that the input itself tells: years and INFO's clock wrap around it
}

type placement struct {
	loc   *time.Location
	from  string
	error time.Duration
}

type bootTime struct {
	at    time.Time
	from  string
	error time.Duration
	ok    bool
}

// zoneStep: every zone in use since 1972 is a multiple of 15 minutes from UTC, so a difference of clocks splits into a
// zone (the multiple) and a skew (the rest).
const zoneStep = 15 * time.Minute

func (t *Timeline) reconcile(now time.Time, o Options) *clocks {
	c := &clocks{files: map[string]placement{}, boots: map[string]bootTime{}, hosts: map[string]string{}, since: o.Since, until: o.Until}
	for file, in := range t.inputs {
		c.hosts[file] = in.Host
	}
	c.ref = t.newestInstant(now)

	zones := t.hostZones(o)
	for _, file := range slices.Sorted(maps.Keys(t.spans)) {
		if p, ok := t.ownZone(c, file, o); ok {
			c.files[file] = p
		}
	}
	t.bootTimes(c, zones)
	t.placeByPairs(c)
	t.nameZones(c, zones)
	t.placeByFamily(c)
	t.placeByNginx(c)
	for _, file := range slices.Sorted(maps.Keys(t.spans)) {
		if _, done := c.files[file]; done {
			continue
		}
		z, ok := zones[c.hosts[file]]
		if !ok {
			z, ok = zones[""]
		}
		if ok {
			c.files[file] = placement{z.loc, z.from, time.Second}
		}
	}
	t.bootTimes(c, zones)
	return c
}

// nameZones replaces an inferred offset by the host's named zone where the two agree at the file's time: the name knows
// when summer time begins, and its rotated siblings may lie on the other side.
func (t *Timeline) nameZones(c *clocks, zones map[string]hostZone) {
	for file, p := range c.files {
		z, ok := zones[c.hosts[file]]
		if !ok {
			z, ok = zones[""]
		}
		if !ok || t.spans[file].local.to.IsZero() {
			continue
		}
		at := c.wall(t.spans[file].local.to, p.loc)
		_, told := at.In(p.loc).Zone()
		if _, named := at.In(z.loc).Zone(); told == named {
			p.loc = z.loc
			c.files[file] = p
		}
	}
}

// placeByFamily gives a rotated file the zone of a sibling: one writer wrote them all.
func (t *Timeline) placeByFamily(c *clocks) {
	told := map[string]placement{}
	familyOf := func(file string) string { return c.hosts[file] + "\x00" + Family(file) }
	for _, file := range slices.Sorted(maps.Keys(c.files)) {
		if family := familyOf(file); told[family].loc == nil {
			p := c.files[file]
			p.from = fmt.Sprintf("as %s: %s", file, p.from)
			told[family] = p
		}
	}
	for _, file := range slices.Sorted(maps.Keys(t.spans)) {
		if _, done := c.files[file]; !done && told[familyOf(file)].loc != nil {
			c.files[file] = told[familyOf(file)]
		}
	}
}

// placeByNginx gives an error log the zone in which the same nginx stamps its access log. Logs that write UTC by format
// (JSON with an epoch) tell nothing, and two zones (a DST change) are left to the host's.
func (t *Timeline) placeByNginx(c *clocks) {
	for key := range t.webErrors {
		if _, done := c.files[key.file]; done {
			continue
		}
		offsets := map[int]string{}
		for file := range t.web.files {
			if c.hosts[file] == c.hosts[key.file] {
				for _, off := range t.spans[file].offsets {
					if have, ok := offsets[off]; !ok || file < have {
						offsets[off] = file
					}
				}
			}
		}
		if len(offsets) != 1 {
			continue
		}
		for off, file := range offsets {
			if off != 0 || t.zoneInLine(file) {
				c.files[key.file] = placement{fixedZone(time.Duration(off) * time.Second), "the zone of " + file, time.Second}
			}
		}
	}
}

// zoneInLine: the access log prints its zone (CLF or ISO), rather than an epoch.
func (t *Timeline) zoneInLine(file string) bool {
	for _, s := range t.web.route {
		if s.first.at.File == file {
			return strings.Contains(s.first.text, " +0000]") || strings.Contains(s.first.text, "+00:00")
		}
	}
	return false
}

// utc gives a stamp's instant and how far off it can be; false when its clock could not be placed.
func (c *clocks) utc(file string, s stamp) (time.Time, time.Duration, bool) {
	switch {
	case s.clock == parsers.ZonedClock:
		return s.t.UTC(), 0, true
	case s.clock == parsers.LocalClock:
		p, ok := c.files[file]
		if !ok {
			break
		}
		return c.wall(s.t, p.loc), p.error, true
	}
	if s.hasBoot {
		if b, ok := c.boots[c.hosts[file]]; ok && b.ok {
			return b.at.Add(s.boot), b.error, true
		}
	}
	return time.Time{}, 0, false
}

// wall reads wall time t (held as UTC) in loc, with the year filled in where the line had none.
func (c *clocks) wall(t time.Time, loc *time.Location) time.Time {
	t = c.withYear(t)
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), loc).UTC()
}

// withYear gives a yearless time the latest year that does not put it after the newest instant of the input. Two days of
// grace cover zones and a collection that ran on.
func (c *clocks) withYear(t time.Time) time.Time {
	if t.Year() != 0 {
		return t
	}
	y := c.ref.Year()
	set := func(y int) time.Time {
		return time.Date(y, t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
	}
	if got := set(y + 1); !got.After(c.ref.Add(48 * time.Hour)) {
		return got
	}
	if got := set(y); !got.After(c.ref.Add(48 * time.Hour)) {
		return got
	}
	return set(y - 1)
}

// newestInstant is the latest zoned time of any record; failing that the newest wall time, file time, or now.
func (t *Timeline) newestInstant(now time.Time) time.Time {
	var zoned, local, mod time.Time
	for file, s := range t.spans {
		if s.zoned.to.After(zoned) {
			zoned = s.zoned.to
		}
		if s.local.to.Year() > 1 && s.local.to.After(local) {
			local = s.local.to
		}
		if m := t.inputs[file].ModTime; m.After(mod) {
			mod = m
		}
	}
	for _, candidate := range []time.Time{zoned, local, mod} {
		if candidate.Year() > 1 {
			return candidate
		}
	}
	return now
}

type hostZone struct {
	loc  *time.Location
	from string
}

// hostZones reads each host's zone from timedatectl, from a local time printed beside UTC, or from `date` with an
// unambiguous zone. "" is the zone all hosts share when only one is told.
func (t *Timeline) hostZones(o Options) map[string]hostZone {
	zones := map[string]hostZone{}
	if o.HostZone != nil {
		zones[""] = hostZone{o.HostZone, "--host-tz"}
		return zones
	}
	// A zone by name first: a `date` line in UTC shows the zone of whoever ran the script, not that of the logs.
	// Among offsets the newest reading counts: an old one may lie across a change to summer time.
	readings := slices.Clone(t.clocks)
	slices.SortStableFunc(readings, func(a, b seen[parsers.ClockReading]) int {
		return -cmp.Or(a.fact.Local.Compare(b.fact.Local), a.fact.UTC.Compare(b.fact.UTC))
	})
	for _, named := range []bool{true, false} {
		for _, r := range readings {
			z, ok := zoneOf(r)
			if !ok || named != strings.Contains(r.fact.Zone, "/") {
				continue
			}
			host := t.inputs[r.at.File].Host
			if _, have := zones[host]; !have {
				zones[host] = z
			}
			if _, have := zones[""]; !have {
				zones[""] = z
			}
		}
	}
	if len(zones) == 0 {
		t.zonesByAbbreviation(zones)
	}
	return zones
}

// abbreviations that `date` prints, with every offset in hours that they stand for in the tz database. Most stand for
// several; which one, the zone in which the web server stamps its log may tell.
var abbreviations = map[string][]float64{
	"CST": {-6, 8, -5}, "IST": {5.5, 1, 2}, "BST": {1, 6}, "PST": {-8, 8}, "AST": {-4, 3}, "EST": {-5}, "EDT": {-4}, "CDT": {-5, -4},
	"MST": {-7}, "MDT": {-6}, "PDT": {-7}, "CET": {1}, "CEST": {2}, "EET": {2}, "EEST": {3}, "WET": {0}, "WEST": {1}, "MSK": {3},
	"JST": {9}, "KST": {9}, "HKT": {8}, "SGT": {8}, "WIB": {7}, "PKT": {5}, "SAST": {2}, "AEST": {10}, "AEDT": {11}, "ACST": {9.5}, "NZST": {12}, "NZDT": {13},
}

// zonesByAbbreviation resolves "IST" and its like: directly where one offset goes by the name, else by the offset that an
// access log of the same input uses.
func (t *Timeline) zonesByAbbreviation(zones map[string]hostZone) {
	logged := map[int]string{}
	for file := range t.web.files {
		for _, off := range t.spans[file].offsets {
			if have, ok := logged[off]; !ok || file < have {
				logged[off] = file
			}
		}
	}
	for _, r := range t.clocks {
		var found []hostZone
		options := abbreviations[r.fact.Zone]
		for _, hours := range options {
			off := int(hours * 3600)
			if file, ok := logged[off]; ok && len(options) > 1 {
				found = append(found, hostZone{time.FixedZone(r.fact.Zone, off), fmt.Sprintf("%s at %s, the zone of %s", r.fact.Zone, r.at, file)})
			} else if len(options) == 1 {
				found = append(found, hostZone{time.FixedZone(r.fact.Zone, off), fmt.Sprintf("%s at %s", r.fact.Zone, r.at)})
			}
		}
		if len(found) != 1 {
			continue
		}
		for _, host := range []string{t.inputs[r.at.File].Host, ""} {
			if _, have := zones[host]; !have {
				zones[host] = found[0]
			}
		}
	}
}

func zoneOf(r seen[parsers.ClockReading]) (hostZone, bool) {
	from := r.at.String()
	f := r.fact
	if strings.Contains(f.Zone, "/") || f.Zone == "UTC" {
		if loc, err := time.LoadLocation(f.Zone); err == nil {
			return hostZone{loc, from}, true
		}
	}
	if f.OffsetS.OK {
		return hostZone{time.FixedZone(f.Zone, int(f.OffsetS.N)), from}, true
	}
	if !f.Local.IsZero() && !f.UTC.IsZero() {
		return hostZone{fixedZone(f.Local.Sub(f.UTC)), from}, true
	}
	return hostZone{}, false
}

// fixedZone rounds a difference of clocks to a zone.
func fixedZone(d time.Duration) *time.Location {
	d = d.Round(zoneStep)
	return time.FixedZone(offsetName(d), int(d/time.Second))
}

func offsetName(d time.Duration) string {
	sign := '+'
	if d < 0 {
		sign, d = '-', -d
	}
	return fmt.Sprintf("%c%02d%02d", sign, int(d.Hours()), int(d.Minutes())%60)
}

// ownZone is what a file says about itself: the user's word, an epoch in a kernel audit line, or a Redis snapshot that
// carries both a date line and Redis's own clock.
func (t *Timeline) ownZone(c *clocks, file string, o Options) (placement, bool) {
	if loc := o.zoneOf(file); loc != nil {
		return placement{loc, "--tz", 0}, true
	}
	var diffs []time.Duration
	from := ""
	for _, r := range t.kernel {
		if r.at.File == file && r.fact.EpochMS.OK && r.when.clock == parsers.LocalClock {
			diffs = append(diffs, c.withYear(r.when.t).Sub(time.UnixMilli(r.fact.EpochMS.N)))
			from = fmt.Sprintf("audit stamp, %s", r.at)
		}
	}
	for _, r := range t.infos {
		if r.at.File != file || r.when.clock != parsers.LocalClock {
			continue
		}
		local := c.withYear(r.when.t)
		if utc, ok := infoClock(&r.fact, local); ok {
			diffs = append(diffs, local.Sub(utc))
			from = fmt.Sprintf("Redis's own clock, %s", r.at)
		}
	}
	if len(diffs) == 0 {
		return placement{}, false
	}
	d := medianDuration(diffs)
	return placement{fixedZone(d), from, max(time.Second, absDuration(d-d.Round(zoneStep)))}, true
}

// infoClock reads the instant that INFO itself carries: server_time_usec (Redis 6.2+), else lru_clock, which is the unix
// time in seconds modulo 2^24 (194 days; redis/src/evict.c, LRU_CLOCK_MAX), nearest to a time known to about a day.
func infoClock(i *parsers.RedisInfo, near time.Time) (time.Time, bool) {
	if us := i.Int("server_time_usec"); us.OK && us.N > 0 {
		return time.UnixMicro(us.N).UTC(), true
	}
	lru := i.Int("lru_clock")
	if !lru.OK || near.IsZero() || lru.N < 0 || lru.N >= 1<<24 {
		return time.Time{}, false
	}
	// Before 3.0 lru_clock counted in steps of 10 s and 22 bits; those versions are left unread.
	if v := i.Version(); strings.HasPrefix(v, "2.") {
		return time.Time{}, false
	}
	const period = 1 << 24
	base := near.Unix()
	delta := (lru.N - base%period + period) % period
	if delta > period/2 {
		delta -= period
	}
	return time.Unix(base+delta, 0).UTC(), true
}

// bootTimes finds when each host booted: from audit epochs and zoned lines that carry the monotonic stamp, from
// /proc/stat and uptime, from wall-clock lines once their file is placed.
func (t *Timeline) bootTimes(c *clocks, zones map[string]hostZone) {
	found := map[string][]bootTime{}
	add := func(host string, b bootTime) { found[host] = append(found[host], b) }
	for _, r := range t.kernel {
		if r.fact.EpochMS.OK && r.when.hasBoot {
			add(c.hosts[r.at.File], bootTime{time.UnixMilli(r.fact.EpochMS.N).Add(-r.when.boot).UTC(), "audit stamp, " + r.at.String(), time.Second, true})
		}
	}
	pair := func(file string, s stamp, at parsers.Pos) {
		if !s.hasBoot || s.clock == parsers.NoClock || s.clock == parsers.BootClock {
			return
		}
		if when, err, ok := c.utc(file, s); ok {
			// syslog stamps a line when its daemon reads it: up to 15 s late while a machine thrashes
			// (knowledge of the EL6 storm: 14.8 s in 82 s).
			add(c.hosts[file], bootTime{when.Add(-s.boot), at.String(), err + 15*time.Second, true})
		}
	}
	for _, r := range t.kernel {
		pair(r.at.File, r.when, r.at)
	}
	for _, r := range t.kills {
		pair(r.at.File, r.when, r.at)
	}
	byHost := map[string][]seen[parsers.ClockReading]{}
	for _, r := range t.clocks {
		host := c.hosts[r.at.File]
		byHost[host] = append(byHost[host], r)
	}
	for _, host := range slices.Sorted(maps.Keys(byHost)) {
		for _, b := range t.bootsFromReadings(byHost[host], zones, host) {
			add(host, b)
		}
	}
	for host, list := range found {
		slices.SortStableFunc(list, func(a, b bootTime) int { return cmp.Compare(a.error, b.error) })
		c.boots[host] = list[0]
	}
	// A host told apart by its folder only (web1/) has its own kernel; a nameless file belongs to the only host there is.
	if len(c.boots) == 1 {
		for _, b := range c.boots {
			for _, host := range c.hosts {
				if _, have := c.boots[host]; !have {
					c.boots[host] = b
				}
			}
		}
	}
}

// bootsFromReadings joins what date, uptime and /proc say of one host: boot = now - uptime. An uptime is read when the
// files are collected, so its "now" is the reading next to it: of the same file, else the same folder, else the newest.
// The date lines of an INFO series are from other days: when there is nothing else, the newest line of the input is "now".
func (t *Timeline) bootsFromReadings(readings []seen[parsers.ClockReading], zones map[string]hostZone, host string) []bootTime {
	zone, haveZone := zones[host]
	if !haveZone {
		zone, haveZone = zones[""]
	}
	place := func(l time.Time) time.Time {
		return time.Date(l.Year(), l.Month(), l.Day(), l.Hour(), l.Minute(), l.Second(), 0, zone.loc).UTC()
	}
	series := map[string]bool{}
	for _, r := range t.infos {
		series[r.at.File] = true
	}
	type instant struct {
		at  time.Time
		pos parsers.Pos
	}
	var nows []instant
	var boots []bootTime
	for _, r := range readings {
		f := r.fact
		utc := f.UTC
		switch {
		case !utc.IsZero() || f.Local.IsZero():
		case f.OffsetS.OK:
			utc = f.Local.Add(-time.Duration(f.OffsetS.N) * time.Second)
		case haveZone:
			utc = place(f.Local)
		}
		if utc.Year() > 1 {
			nows = append(nows, instant{utc, r.at})
		}
		switch {
		case f.Boot.IsZero():
		case f.BootZoned:
			boots = append(boots, bootTime{f.Boot, r.at.String(), 2 * time.Second, true})
		case haveZone:
			boots = append(boots, bootTime{place(f.Boot), r.at.String(), 2 * time.Second, true})
		}
	}
	closeness := func(n instant, at parsers.Pos) int {
		switch {
		case n.pos.File == at.File:
			return 3
		case series[n.pos.File]:
			return 0
		case path.Dir(n.pos.File) == path.Dir(at.File):
			return 2
		}
		return 1
	}
	for _, r := range readings {
		if r.fact.Uptime <= 0 || len(nows) == 0 {
			continue
		}
		best := slices.MaxFunc(nows, func(a, b instant) int {
			return cmp.Or(cmp.Compare(closeness(a, r.at), closeness(b, r.at)), a.at.Compare(b.at))
		})
		err := 2 * time.Second // a person or a script runs date and uptime one after the other
		if r.fact.From == "uptime" {
			err = time.Minute // uptime prints minutes
		}
		switch closeness(best, r.at) {
		case 0: // a series tells its zone once, at its beginning: the newest line of all is nearest to when this was collected
			if n := t.newestInstant(best.at); n.After(best.at) {
				best.at = n
			}
			err += time.Hour // whoever is paged collects within it, or later
		case 1:
			err += 10 * time.Minute // collected by the same hand, but who knows when
		}
		boots = append(boots, bootTime{best.at.Add(-r.fact.Uptime), r.at.String() + " and " + best.pos.String(), err, true})
	}
	return boots
}

// placeByPairs places wall-clock files by events that two files tell: Redis's start in its log and in INFO, a failing
// minute in the error log and in the access log, a restart after the kernel's kill.
func (t *Timeline) placeByPairs(c *clocks) {
	starts := t.redisStarts(c)
	for _, file := range slices.Sorted(maps.Keys(t.spans)) {
		if _, done := c.files[file]; done || t.spans[file].local.from.IsZero() {
			continue
		}
		if p, ok := t.pairStarts(c, file, starts); ok {
			c.files[file] = p
		} else if p, ok := t.pairEnds(c, file); ok {
			c.files[file] = p
		} else if p, ok := t.pairFailures(c, file); ok {
			c.files[file] = p
		}
	}
}

// redisStarts are the instants at which INFO says Redis started: snapshot time minus uptime.
func (t *Timeline) redisStarts(c *clocks) []time.Time {
	var starts []time.Time
	for _, r := range t.infos {
		up := r.fact.Int("uptime_in_seconds")
		if !up.OK {
			continue
		}
		when, ok := c.infoTime(r)
		if ok {
			starts = append(starts, when.Add(-time.Duration(up.N)*time.Second))
		}
	}
	slices.SortFunc(starts, time.Time.Compare)
	return starts
}

// infoTime is a snapshot's instant: its own clock first, then its placed date line.
func (c *clocks) infoTime(r seen[parsers.RedisInfo]) (time.Time, bool) {
	when, _, placed := c.utc(r.at.File, r.when)
	if placed {
		return when, true
	}
	near := c.ref
	if r.when.clock == parsers.LocalClock {
		near = c.withYear(r.when.t)
	}
	return infoClock(&r.fact, near)
}

// pairStarts: "Redis is starting" at wall time w and INFO's start at instant s differ by the zone, to a second or two
// (INFO counts whole seconds, the log line comes before the clock is cached): 5 s is generous and a 1/90 chance a pair.
func (t *Timeline) pairStarts(c *clocks, file string, starts []time.Time) (placement, bool) {
	votes := map[time.Duration]int{}
	for _, r := range t.redis {
		if r.at.File != file || r.when.clock != parsers.LocalClock || r.fact.Event != "starting" && r.fact.Event != "version" {
			continue
		}
		wall := c.withYear(r.when.t)
		last := time.Time{}
		for _, s := range starts {
			if s.Sub(last) < 10*time.Second {
				continue // the same run seen in many snapshots
			}
			last = s
			d := wall.Sub(s)
			if zone := d.Round(zoneStep); absDuration(zone) <= 14*time.Hour && absDuration(d-zone) <= 5*time.Second {
				votes[zone]++
			}
		}
	}
	zone, n := mostVotes(votes)
	if n == 0 {
		return placement{}, false
	}
	return placement{fixedZone(zone), fmt.Sprintf("Redis's start in this log and in INFO (%d)", n), 5 * time.Second}, true
}

// pairEnds: a container that ended by memory (docker and Kubernetes say when, with its zone) and the kernel's kill in a group
// of the same limit are one event, told within seconds.
func (t *Timeline) pairEnds(c *clocks, file string) (placement, bool) {
	votes := map[time.Duration]int{}
	for _, k := range t.kills {
		if k.at.File != file || k.when.clock != parsers.LocalClock || !k.fact.MemcgLimit.OK {
			continue
		}
		for _, ct := range t.containers {
			f := &ct.fact
			if f.OOMKilled != "true" || f.Finished.IsZero() || !f.LimitBytes.OK || f.LimitBytes.N>>10 != k.fact.MemcgLimit.N {
				continue
			}
			d := c.withYear(k.when.t).Sub(f.Finished)
			if zone := d.Round(zoneStep); absDuration(zone) <= 14*time.Hour && absDuration(d-zone) <= 5*time.Second {
				votes[zone]++
			}
		}
	}
	zone, n := mostVotes(votes)
	if n == 0 {
		return placement{}, false
	}
	return placement{fixedZone(zone), fmt.Sprintf("the kernel's kill and the container's end (%d)", n), 5 * time.Second}, true
}

// pairFailures slides the error log's failing minutes over the access log's 5xx, one zone step at a time. It needs a
// clear winner: at least half of the failing lines on failing minutes, and twice as many as any other zone.
func (t *Timeline) pairFailures(c *clocks, file string) (placement, bool) {
	failing := map[int64]int64{}
	total := int64(0)
	for key, s := range t.webErrors {
		if key.file != file || !failureSignatures[key.signature] {
			continue
		}
		for minute, n := range s.minutes {
			wall := c.withYear(time.Unix(minute*60, 0).UTC())
			failing[floorDiv(wall.Unix(), 60)] += n
			total += n
		}
	}
	if total == 0 {
		return placement{}, false
	}
	hits := map[time.Duration]int64{}
	for off := -12 * time.Hour; off <= 14*time.Hour; off += zoneStep {
		for minute, n := range failing {
			bin := floorDiv(minute*60-int64(off/time.Second), t.web.width)
			if s := t.web.status[bin]; s != nil && s.s5xx > 0 {
				hits[off] += n
			}
		}
	}
	best, second := time.Duration(0), int64(0)
	for _, off := range slices.Sorted(maps.Keys(hits)) {
		if hits[off] > hits[best] {
			best = off
		}
	}
	for off, n := range hits {
		if off != best {
			second = max(second, n)
		}
	}
	if hits[best]*2 < total || hits[best] < 2*second {
		return placement{}, false
	}
	return placement{fixedZone(best), fmt.Sprintf("%d failures in this log and 5xx in the access log", hits[best]), time.Minute}, true
}

// failureSignatures are the error-log lines that go with a 5xx answer.
var failureSignatures = map[string]bool{
	"connect-refused": true, "socket-unavailable": true, "socket-missing": true, "upstream-timeout": true,
	"no-live-upstreams": true, "upstream-closed": true, "redis-refused": true, "redis-loading": true,
	"redis-readonly": true, "redis-auth": true, "redis-cluster": true, "redis-busy": true, "redis-oom": true, "redis-misconf": true, "redis-timeout": true, "session-lock": true,
	"php-memory-limit": true, "php-fatal": true, "open-files": true, "no-ports": true, "no-route": true, "name-unknown": true,
	"upstream-tls": true, "upstream-header": true, "socket-denied": true, "db-gone": true, "db-lock": true,
}

func mostVotes(votes map[time.Duration]int) (time.Duration, int) {
	best, n := time.Duration(0), 0
	for _, d := range slices.Sorted(maps.Keys(votes)) {
		if votes[d] > n {
			best, n = d, votes[d]
		}
	}
	return best, n
}

func medianDuration(d []time.Duration) time.Duration {
	d = slices.Clone(d)
	slices.Sort(d)
	return d[len(d)/2]
}

func absDuration(d time.Duration) time.Duration {
	if d == math.MinInt64 {
		return math.MaxInt64
	}
	return max(d, -d)
}
