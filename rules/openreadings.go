package rules

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"culprit/correlate"
	"culprit/parsers"
)

// What readings show that somebody took while it lasted: the pool's status page and slow log, the database's processes,
// transactions and slow queries, nginx's own counters, the disks. They are seldom stamped, and seldom taken of a quiet host.

// shown are the readings that nobody can be well with; "" = none.
func (c *Case) shown() string {
	for _, look := range []func() string{c.diskFull, c.databaseWaits, c.poolIsFull, c.connectionsDropped} {
		if said := look(); said != "" {
			return said
		}
	}
	return ""
}

// shownIn are the readings that say why a stretch failed.
func (c *Case) shownIn(b Burst) []string {
	return []string{c.diskFull(), c.databaseWaits(), c.connectionsSleep(), c.slowQueries(&b), c.poolIsFull(), c.slowRequests(&b), c.connectionsDropped()}
}

// diskFull is a file system without room, of bytes or inodes, that something is written to: the images of snap and CDs are
// full always.
func (c *Case) diskFull() string {
	for i := len(c.Disks) - 1; i >= 0; i-- {
		d := &c.Disks[i]
		f := &d.Fact
		if f.UsedPct.Or(0) < 100 || strings.HasPrefix(f.Device, "/dev/loop") || strings.HasPrefix(f.Device, "/dev/sr") || hasPathPrefix(f.Mount, "/snap", "/media", "/cdrom", "/mnt/cdrom", "/run/user", "/sys", "/proc") {
			continue
		}
		what := "is full"
		if f.Inodes {
			what = "has no inodes left"
		}
		return fmt.Sprintf("the disk mounted on %s %s (%s)", f.Mount, what, lineOf(d.Ev))
	}
	return ""
}

func hasPathPrefix(p string, dirs ...string) bool {
	return slices.ContainsFunc(dirs, func(d string) bool { return p == d || strings.HasPrefix(p, d+"/") })
}

// longTransaction is how long one is open before it is worth a word beside those that wait: a request's is through in less.
const longTransaction = 10

// databaseWaits are connections that wait for a lock, three or more or for longer than a page may take, and who was there
// before them without waiting: who may hold it.
func (c *Case) databaseWaits() string {
	states := map[string]int{}
	waiting, all := 0, 0
	var first correlate.Evidence
	longest := 0.0
	var holder *correlate.Placed[parsers.DBQuery]
	for i := range c.Queries {
		q := &c.Queries[i]
		f := &q.Fact
		if f.From != "processlist" && f.From != "innodb-status" {
			continue
		}
		all++
		if f.Waits {
			if waiting++; first.File == "" {
				first = q.Ev
			}
			states[cmp.Or(f.State, "a row's lock")]++
			longest = max(longest, f.Seconds.F, f.LockSeconds.F)
			continue
		}
		held := f.From == "innodb-status" && f.Locks.Or(0) > 0 || f.From == "processlist" && f.Command != "Sleep" && f.Text != ""
		if held && f.Seconds.F >= longTransaction && (holder == nil || f.Seconds.F > holder.Fact.Seconds.F) {
			holder = q
		}
	}
	if waiting == 0 || waiting < 3 && longest < longTransaction {
		return ""
	}
	state := slices.SortedFunc(maps.Keys(states), func(a, b string) int { return cmp.Or(-cmp.Compare(states[a], states[b]), cmp.Compare(a, b)) })[0]
	said := fmt.Sprintf("%s of %s of the database's connections wait for a lock (%q, up to %s, %s)", count(int64(waiting)), count(int64(all)), state, seconds(longest), lineOf(first))
	if holder != nil && holder.Fact.Seconds.F >= longest {
		said += fmt.Sprintf("; before them came %s, %s ago", connectionName(&holder.Fact), seconds(holder.Fact.Seconds.F))
		if holder.Fact.Text != "" {
			said += fmt.Sprintf(": %q", shorten(holder.Fact.Text))
		} else if n := holder.Fact.Locks.Or(0); n > 0 {
			said += fmt.Sprintf(", a transaction that holds %s rows and runs nothing", count(n))
		}
		said += fmt.Sprintf(" (%s)", lineOf(holder.Ev))
	}
	return said
}

// connectionsSleep are connections that somebody holds open and does not use, where the database takes no more: fifty, and four
// in five of all. A pool that idles is no trouble otherwise.
func (c *Case) connectionsSleep() string {
	asleep, all := 0, 0
	longest := 0.0
	var first correlate.Evidence
	for _, q := range c.Queries {
		if q.Fact.From != "processlist" {
			continue
		}
		if all++; q.Fact.Command == "Sleep" {
			if asleep++; asleep == 1 {
				first = q.Ev
			}
			longest = max(longest, q.Fact.Seconds.F)
		}
	}
	if asleep < 50 || asleep*5 < all*4 || !c.connectionsRanOut() {
		return ""
	}
	return fmt.Sprintf("%s of %s of the database's connections sleep, up to %s: they are held open and not used (%s)", count(int64(asleep)), count(int64(all)), seconds(longest), lineOf(first))
}

// connectionsRanOut: somebody says that the database takes no more.
func (c *Case) connectionsRanOut() bool {
	return slices.ContainsFunc(c.Errors, func(g correlate.ErrorGroup) bool { return g.Signature == "db-connections" }) ||
		slices.ContainsFunc(c.App, func(a correlate.Placed[parsers.AppEvent]) bool { return a.Fact.Signature == "db-connections" }) ||
		slices.ContainsFunc(c.Services, func(s correlate.Placed[parsers.ServiceEvent]) bool { return s.Fact.Event == "too-many-connections" })
}

func seconds(s float64) string {
	return spell(time.Duration(s * float64(time.Second)).Round(time.Second))
}

func connectionName(q *parsers.DBQuery) string {
	name := "a connection"
	if q.ID.OK {
		name = fmt.Sprintf("connection %d", q.ID.N)
	}
	if q.User != "" {
		name += " of " + q.User
	}
	return name
}

// shorten cuts a statement to what fits a sentence.
func shorten(s string) string {
	if len(s) > 80 {
		return s[:77] + "..."
	}
	return s
}

// slowQueries is the statement that took most of the time that the slow log tells of in the stretch.
func (c *Case) slowQueries(b *Burst) string {
	type sum struct {
		n             int
		seconds, most float64
		examined      int64
		ev            correlate.Evidence
	}
	by := map[string]*sum{}
	total := 0.0
	for _, q := range c.Queries {
		if q.Fact.From != "slow-log" || !meant(q.Placed, q.At, *b) {
			continue
		}
		s := by[q.Fact.Text]
		if s == nil {
			s = &sum{ev: q.Ev}
			by[q.Fact.Text] = s
		}
		s.n++
		s.seconds += q.Fact.Seconds.F
		s.most = max(s.most, q.Fact.Seconds.F)
		s.examined = max(s.examined, q.Fact.Examined.Or(0))
		total += q.Fact.Seconds.F
	}
	worst := ""
	for _, text := range slices.Sorted(maps.Keys(by)) {
		if worst == "" || by[text].seconds > by[worst].seconds {
			worst = text
		}
	}
	// A tenth of a minute in all is no outage's.
	if s := by[worst]; s != nil && s.seconds >= 6 && s.seconds*2 > total {
		said := fmt.Sprintf("one query took %s of the database's time, %s, up to %s each: %q", seconds(s.seconds), times(s.n), seconds(s.most), shorten(worst))
		if s.examined > 0 {
			said += fmt.Sprintf(", %s rows examined", count(s.examined))
		}
		return said + fmt.Sprintf(" (%s)", lineOf(s.ev))
	}
	return ""
}

// poolIsFull is a pool whose status page shows every worker at a request and others waiting for one.
func (c *Case) poolIsFull() string {
	for i := len(c.Pool) - 1; i >= 0; i-- {
		p := &c.Pool[i]
		if !statusFull(&p.Fact) {
			continue
		}
		said := fmt.Sprintf("PHP-FPM's status page shows all %s workers of pool %q busy and %s requests in the queue (%s)", count(p.Fact.Active.N), p.Fact.Pool, count(p.Fact.Queued.N), lineOf(p.Ev))
		if where := c.workersAt(p.Fact.Pool); where != "" {
			said += ", " + where
		}
		return said
	}
	return ""
}

// statusFull: no worker is free and somebody waits.
func statusFull(p *parsers.PoolEvent) bool {
	return p.Event == "status" && p.Active.Or(0) > 0 && p.Idle.OK && p.Idle.N == 0 && p.Queued.Or(0) > 0
}

// workersAt is the one path that most busy workers are at.
func (c *Case) workersAt(pool string) string {
	var at tally
	all := 0
	for _, p := range c.Pool {
		if p.Fact.Event == "busy" && p.Fact.Pool == pool && p.Fact.Script != "" {
			all++
			at.add(p.Fact.Script, p.Ev)
		}
	}
	path, n, ev := at.most()
	if n*2 < all || n == 0 {
		return ""
	}
	return fmt.Sprintf("%s of %s at %s (%s)", count(int64(n)), count(int64(all)), path, lineOf(ev))
}

// slowRequests is where most requests stood that PHP-FPM's slow log tells of.
func (c *Case) slowRequests(b *Burst) string {
	var at tally
	all := 0
	for _, p := range c.Pool {
		if p.Fact.WaitsIn != "" && (b == nil || meant(p.Placed, p.At, *b)) {
			all++
			at.add(p.Fact.WaitsIn, p.Ev)
		}
	}
	where, n, ev := at.most()
	if n*2 < all || n == 0 {
		return ""
	}
	return fmt.Sprintf("%s of %s slow requests stood in %s (%s)", count(int64(n)), count(int64(all)), where, lineOf(ev))
}

// connectionsDropped are connections that nginx accepted and closed at once, for want of a slot or a file: a hundredth of
// all, and a hundred at least.
func (c *Case) connectionsDropped() string {
	for i := len(c.WebStatus) - 1; i >= 0; i-- {
		f := &c.WebStatus[i].Fact
		if dropped := f.Accepted.Or(0) - f.Handled.Or(0); f.Accepted.OK && f.Handled.OK && dropped >= 100 && dropped*100 >= f.Accepted.N {
			return fmt.Sprintf("nginx dropped %s of the %s connections that it accepted since its start, for want of worker_connections or files (%s)", count(dropped), count(f.Accepted.N), lineOf(c.WebStatus[i].Ev))
		}
	}
	return ""
}
