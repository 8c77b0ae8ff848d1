package rules

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"culprit/correlate"
	"culprit/parsers"
)

// Case is an incident opened for judging: which kill it is about, which Redis, what grew and who asked for it. Rules and
// causes read it; none of them computes these twice.
type Case struct {
	*correlate.Incident

	Kill         *correlate.Placed[parsers.OOMKill]  // the kill this incident is about; nil = none
	Elsewhere    []correlate.Placed[parsers.OOMKill] // kills that are somebody else's, each with a reason in WhyElsewhere
	WhyElsewhere []string
	Killer       string // who killed: "the kernel", unless another log says that systemd-oomd or earlyoom did

	Redis  *correlate.Instance // the server the incident is about; nil = none in the input
	Growth *correlate.Growth   // of Redis up to the kill or the end; nil = no snapshots
	After  bool                // Growth is of the run after the kill: it shows what goes on, not what led up
	Leak   leak                // keys without expiry: computed once, three causes and more ask for it
	Who    *correlate.Attribution

	WhoAfter *correlate.Attribution // of the run after the kill: who goes on making keys; nil = Growth is of before

	unparsed []string // files that the fix in the making would change, and why it does not

	RAM    Amount      // bytes
	Room   Amount      // what there was to fill: the limit of the group that was killed in, else RAM
	Groups []TaskGroup // of the kill's task table (else ps), by RSS
	Bursts []Burst     // stretches of 5xx well above the site's usual

	own   Own
	asked map[string]Known // facts, as users' rules asked for them
}

// Amount is a number of bytes with the line that tells it; OK false = unknown.
type Amount struct {
	Bytes int64
	OK    bool
	Ev    correlate.Evidence
}

// TaskGroup is all processes of one name.
type TaskGroup struct {
	Comm   string
	Count  int
	RSS    int64 // bytes, shared pages counted once where the kernel's report allows (see unshare)
	Listed int64 // bytes, as the table adds up; 0 = no table
	Swap   int64
	Max    int64              // the largest single one
	Ev     correlate.Evidence // its largest row
}

// Burst is a stretch of failed requests.
type Burst struct {
	From, To               time.Time
	Failed, Requests       int64
	S500, S502, S503, S504 int64
}

// Open prepares a case.
func Open(inc *correlate.Incident) *Case {
	c := &Case{Incident: inc, Killer: "the kernel"}
	c.Bursts = findBursts(inc.Web, 0.05, 3)
	if len(c.Bursts) == 0 {
		c.Bursts = findBursts(inc.Web, 0.01, 30) // one in a hundred failed, and not a few: most were served, some were not
	}
	c.pickKill()
	if c.Kill == nil {
		c.Kill = c.killTold()
	}
	c.pickRedis()
	end := time.Time{}
	if c.Kill != nil && c.Kill.Placed {
		end = c.Kill.At
	}
	if c.Redis != nil {
		c.Growth = correlate.GrowthOf(c.Redis, end)
		if c.Growth == nil && !end.IsZero() {
			c.Growth = correlate.GrowthOf(c.Redis, time.Time{})
			c.After = c.Growth != nil
		}
	}
	c.RAM = c.findRAM()
	c.Room = c.findRoom()
	c.Groups = c.taskGroups()
	c.Leak = c.leak() // decides which keys the growth is told by
	if c.Growth != nil && inc.Web != nil {
		if who := correlate.Attribute(c.Growth, inc.Web); !c.After {
			c.Who = who
		} else {
			c.WhoAfter = who
		}
	}
	return c
}

// Has says whether the input holds a sort of evidence.
func (c *Case) Has(s Sort) bool {
	switch s {
	case NeedsKill:
		return c.Kill != nil
	case NeedsInfo:
		return c.Growth != nil
	case NeedsRedisConf:
		return c.Growth != nil || c.Redis != nil && c.Redis.ConfigFile != ""
	case NeedsKeyspace:
		return c.Growth != nil && c.Growth.Last.Keys.OK
	case NeedsAccess:
		return c.Web != nil && len(c.Web.Files) > 0
	case NeedsNginxConf:
		return slices.ContainsFunc(c.Settings, func(s correlate.Setting) bool { return s.System == "nginx" })
	case NeedsKeys:
		return len(c.Keys) > 0
	case NeedsMemory:
		return c.RAM.OK
	case NeedsSwap:
		_, ok := c.swap()
		return ok
	case NeedsSlowlog:
		return len(c.Slow) > 0
	}
	return false
}

var (
	redisComm = regexp.MustCompile(`^(redis-server|valkey-server|keydb-server|redis|dragonfly|redis-rdb-|redis-aof-|redis-ser)`)
	// serviceComm are processes a web shop lives on; their death is an incident by itself.
	serviceComm = regexp.MustCompile(`^(redis|valkey|keydb|dragonfly|mysqld$|mysqld[^u]|mariadbd|postgres|php-fpm|php-cgi|nginx|apache2|httpd|lighttpd|haproxy|varnishd|memcached|mongod|java|elasticsearch|beam\.smp|uwsgi|gunicorn|puma|unicorn)`)
)

// appComm are programs that a shop may be written for.
var appComm = regexp.MustCompile(`^(node|npm|next-server|PM2|bun$|deno|python|ruby|dotnet|perl|beam)`)

// IsRedis says whether comm is a Redis server or its child.
func IsRedis(comm string) bool { return redisComm.MatchString(comm) }

// pickKill chooses the kill that the incident is about. The victim's death must matter: a service of the stack, or a kill
// that the web server felt; with nothing but a kernel log in the input the last kill is the subject.
func (c *Case) pickKill() {
	other := c.hasServiceEvidence()
	var chosen []int
	for i := range c.Kills {
		k := &c.Kills[i]
		why := ""
		switch {
		case other && !serviceComm.MatchString(k.Fact.VictimComm) && !c.felt(k) && !c.appProcess(k) && !c.described(k):
			why = fmt.Sprintf("%s is no part of the stack, and no request failed within %s of its kill", name(k.Fact.VictimComm), spell(feltWithin))
			if c.Web == nil || len(c.Web.Files) == 0 {
				why = fmt.Sprintf("%s is no part of the stack; whether requests failed is not in the input", name(k.Fact.VictimComm))
			}
			if c.Web == nil || len(c.Web.Files) == 0 {
				why = fmt.Sprintf("%s is no part of the stack, and no web server's log shows a request that failed", name(k.Fact.VictimComm))
			}
		case other && c.longBefore(k):
			why = "it happened before everything else in the input begins, and what follows is healthy"
		}
		if why != "" {
			c.Elsewhere = append(c.Elsewhere, *k)
			c.WhyElsewhere = append(c.WhyElsewhere, why)
			continue
		}
		chosen = append(chosen, i)
	}
	if len(chosen) == 0 {
		return
	}
	// Of a storm, the first kill in the last run of kills closer than half an hour: what the rest followed from. Redis's
	// own death within it comes first, because sessions hang on it.
	start := len(chosen) - 1
	for start > 0 {
		a, b := &c.Kills[chosen[start-1]], &c.Kills[chosen[start]]
		if a.Placed != b.Placed || b.Placed && b.At.Sub(a.At) > 30*time.Minute {
			break
		}
		start--
	}
	pick := chosen[start]
	if !c.Kills[pick].Placed {
		// without times nothing orders them: the one of which most is told, the last of equals
		for _, i := range chosen[start:] {
			if c.Kills[i].Fact.AnonRSSKB.OK || !c.Kills[pick].Fact.AnonRSSKB.OK {
				pick = i
			}
		}
	}
	for _, i := range chosen[start:] {
		if !c.Kills[i].Placed {
			break
		}
		if k := &c.Kills[i]; k.Fact.VictimPID.OK && IsRedis(k.Fact.VictimComm) {
			pick = i
			break
		}
	}
	if !c.Kills[pick].Fact.VictimPID.OK {
		for _, i := range chosen[start:] {
			if c.Kills[i].Fact.VictimPID.OK {
				pick = i
				break
			}
		}
	}
	c.Kill = &c.Kills[pick]
	c.nameByRemains()
}

// nameByRemains names the victim of a report that breaks off before it does: a service that ps shows defunct is what was
// killed and has not been reaped. Only one such process can be meant.
func (c *Case) nameByRemains() {
	if c.Kill.Fact.VictimPID.OK {
		return
	}
	var dead []correlate.Placed[parsers.Process]
	for _, p := range c.Processes {
		if strings.Contains(p.Fact.Command, "<defunct>") && serviceComm.MatchString(p.Fact.Comm) {
			dead = append(dead, p)
		}
	}
	if len(dead) != 1 {
		return
	}
	kill := *c.Kill // the incident is not ours to change
	kill.Fact.VictimPID, kill.Fact.VictimComm = dead[0].Fact.PID, dead[0].Fact.Comm
	c.Kill = &kill
}

// hasServiceEvidence: the input shows the stack itself, so that a kill can be judged by its effect.
func (c *Case) hasServiceEvidence() bool {
	if c.Web != nil && len(c.Web.Files) > 0 {
		return true
	}
	for _, in := range c.Incident.Redis {
		if len(in.Snapshots) > 1 {
			return true
		}
	}
	return false
}

// feltWithin is how soon after a kill its effect shows: a service is missed at the next request, and syslog stamps run up
// to half a minute late while a machine thrashes.
const feltWithin = 5 * time.Minute

func (c *Case) felt(k *correlate.Placed[parsers.OOMKill]) bool {
	if !k.Placed {
		return c.maybeFelt(k)
	}
	for _, b := range c.Bursts {
		if b.From.After(k.At.Add(-2*time.Minute)) && b.From.Before(k.At.Add(feltWithin)) || b.From.After(k.At.Add(-shortBefore)) && b.From.Before(k.At) && !b.To.Before(k.At) {
			return true
		}
	}
	return false
}

// shortBefore: a host that is short of memory reclaims for minutes before anybody is killed, and requests fail by then.
const shortBefore = 10 * time.Minute

// maybeFelt: the kill's zone is not known, but whole hours from its wall time requests began to fail. A stretch does so by chance
// once in nine times; that is enough to look at a kill that the whole host's memory was short for, not at one in a group.
func (c *Case) maybeFelt(k *correlate.Placed[parsers.OOMKill]) bool {
	if k.Logged.IsZero() || k.Fact.Constraint == "memcg" {
		return false
	}
	for _, b := range c.Bursts {
		wall := k.Logged
		if wall.Year() == 0 {
			wall = wall.AddDate(b.From.Year(), 0, 0)
		}
		off := b.From.Sub(wall)
		if d := off - off.Round(time.Hour); d > -2*time.Minute && d < feltWithin && off.Abs() < 15*time.Hour {
			return true
		}
	}
	return false
}

// appProcess: the web server passes requests to it (node behind proxy_pass), so it is part of the stack.
func (c *Case) appProcess(k *correlate.Placed[parsers.OOMKill]) bool {
	comm := k.Fact.VictimComm
	if !strings.HasPrefix(comm, "node") && !strings.HasPrefix(comm, "python") && !strings.HasPrefix(comm, "ruby") {
		return false
	}
	proxied, fastcgi := false, false
	for _, s := range c.Settings {
		if s.System == "nginx" {
			proxied = proxied || s.Name == "proxy_pass"
			fastcgi = fastcgi || s.Name == "fastcgi_pass"
		}
	}
	return proxied && !fastcgi
}

// apart: the victim is no part of a shop's stack as far as anybody can tell, and no file of the input would show that the stack
// missed it. The kill is told, but that it was the outage is not shown: of the 60 labelled incidents with files taken away, eight
// of nine such kills were somebody else's.
func (c *Case) apart(k *correlate.Placed[parsers.OOMKill]) bool {
	comm := k.Fact.VictimComm
	switch {
	case comm == "" || c.hasServiceEvidence() || c.described(k) || serviceComm.MatchString(comm) || strings.HasPrefix(comm, "php"):
		return false
	case appComm.MatchString(comm): // the shop itself, unless that is of PHP
		return c.hasFPM()
	}
	return true
}

// hasFPM: the input has something of PHP-FPM, or an nginx that passes requests to it.
func (c *Case) hasFPM() bool {
	return len(c.Pool) > 0 || slices.ContainsFunc(c.Groups, func(g TaskGroup) bool { return isFPM(g.Comm) }) || slices.ContainsFunc(c.Settings, func(s correlate.Setting) bool {
		return s.System == "php-fpm" || s.System == "nginx" && s.Name == "fastcgi_pass"
	})
}

// described: the input holds the status of the very container that was killed, so it was collected for that: its id stands in
// the cgroup's path, or it ended by memory at the limit that the kernel names, within two minutes of the kill where both have
// a time.
func (c *Case) described(k *correlate.Placed[parsers.OOMKill]) bool {
	for _, ct := range c.Containers {
		if ct.Fact.OOMKilled != "true" {
			continue
		}
		if id := ct.Fact.Cgroup; len(id) >= 12 && strings.Contains(k.Fact.TaskMemcg, id[:12]) {
			return true
		}
		if k.Fact.MemcgLimit.OK && ct.Fact.LimitBytes.OK && ct.Fact.LimitBytes.N>>10 == k.Fact.MemcgLimit.N &&
			(!k.Placed || !ct.Fact.Finished.IsZero() && ct.Fact.Finished.Sub(k.At).Abs() <= 2*time.Minute) {
			return true
		}
	}
	return false
}

// longBefore: a day before the first request and snapshot, with life afterwards. A day, because rotated logs end at
// midnight and a host that died is collected within hours.
func (c *Case) longBefore(k *correlate.Placed[parsers.OOMKill]) bool {
	from := c.firstService()
	return k.Placed && !from.IsZero() && k.At.Before(from.Add(-24*time.Hour))
}

func (c *Case) firstService() time.Time {
	var from time.Time
	add := func(t time.Time) {
		if !t.IsZero() && (from.IsZero() || t.Before(from)) {
			from = t
		}
	}
	if c.Web != nil {
		add(c.Web.From)
	}
	for _, in := range c.Incident.Redis {
		for i := range in.Snapshots {
			if in.Snapshots[i].Placed {
				add(in.Snapshots[i].At)
				break
			}
		}
	}
	return from
}

// pickRedis chooses the server that the incident is about: the one whose pid was killed, else the one that restarted at
// the kill, else the one that refuses writes or grew most.
func (c *Case) pickRedis() {
	list := c.Incident.Redis
	if len(list) == 0 {
		return
	}
	if c.Kill != nil && c.Kill.Fact.VictimPID.OK {
		pid := c.Kill.Fact.VictimPID.N
		for _, in := range list {
			for _, s := range in.Snapshots {
				if s.PID.OK && s.PID.N == pid {
					c.Redis = in
					return
				}
			}
			for _, e := range in.Log {
				if e.PID.OK && e.PID.N == pid || e.ChildPID.OK && e.ChildPID.N == pid {
					c.Redis = in
					return
				}
			}
		}
	}
	best, most := list[0], -1.0
	for _, in := range list {
		if w := c.weight(in); w > most {
			best, most = in, w
		}
	}
	c.Redis = best
}

// weight ranks servers by how much of the incident they can carry: a restart at the kill or refused writes before growth.
func (c *Case) weight(in *correlate.Instance) float64 {
	w := 0.0
	end := time.Time{}
	if c.Kill != nil && c.Kill.Placed {
		end = c.Kill.At
		for _, e := range in.Log {
			if e.Placed && (e.Event == "starting" || e.Event == "version") && e.At.After(end.Add(-time.Minute)) && e.At.Before(end.Add(15*time.Minute)) {
				w += 1e15
			}
		}
		runs := in.Runs()
		if IsRedis(c.Kill.Fact.VictimComm) && len(runs) > 1 {
			last := runs[len(runs)-1]
			if last[0].Placed && last[0].Uptime.OK {
				start := last[0].At.Add(-time.Duration(last[0].Uptime.N) * time.Second)
				if start.After(end.Add(-time.Minute)) && start.Before(end.Add(15*time.Minute)) {
					w += 1e15
				}
			}
		}
	}
	g := correlate.GrowthOf(in, end)
	if g == nil {
		return w
	}
	if f := pressure(g); f > 0.95 {
		w += 1e14
	}
	if ev := evictedIn(g); ev > 0 {
		w += 1e13
	}
	if g.Last.RSS.OK {
		w += float64(g.Last.RSS.N)
	} else {
		w += float64(g.Last.Used.Or(0))
	}
	return w
}

// pressure is the highest used_memory over maxmemory of the run; 0 when there is no limit.
func pressure(g *correlate.Growth) float64 {
	best := 0.0
	for i := range g.Run {
		s := &g.Run[i]
		if s.Max.OK && s.Max.N > 0 && s.Used.OK {
			best = max(best, float64(s.Used.N)/float64(s.Max.N))
		}
	}
	return best
}

// evictedIn is how many keys were evicted between the first and the last snapshot of the run.
func evictedIn(g *correlate.Growth) int64 {
	if g.First.Evicted.OK && g.Last.Evicted.OK {
		return g.Last.Evicted.N - g.First.Evicted.N
	}
	return 0
}

// findRAM: the kernel's own count at the kill first, because it is the machine that died; then what others say of it.
func (c *Case) findRAM() Amount {
	if k := c.Kill; k != nil && k.Fact.RAMKB.OK {
		ev := k.Ev
		ev.Line = cmp.Or(k.Fact.RAMLine, ev.Line)
		ev.Text = ""
		return Amount{(k.Fact.RAMKB.N - k.Fact.ReservedKB.Or(0)) << 10, true, ev}
	}
	for _, m := range c.Memory {
		if m.Fact.TotalKB.OK && m.Fact.TotalKB.N > 0 {
			return Amount{m.Fact.TotalKB.N << 10, true, m.Ev}
		}
	}
	if c.Growth != nil && c.Growth.Last.Total.OK && c.Growth.Last.Total.N > 0 {
		return Amount{c.Growth.Last.Total.N, true, c.Growth.Last.Evidence("total_system_memory", "")}
	}
	for _, in := range c.Incident.Redis {
		for i := range in.Snapshots {
			if s := &in.Snapshots[i]; s.Total.OK && s.Total.N > 0 {
				return Amount{s.Total.N, true, s.Evidence("total_system_memory", "")}
			}
		}
	}
	return Amount{}
}

// findRoom: in a group with a limit the host's memory does not count, the limit does.
func (c *Case) findRoom() Amount {
	if c.inGroup() {
		if n, ev, ok := c.groupLimit(); ok && n > 0 {
			return Amount{n, true, ev}
		}
	}
	return c.RAM
}

// inGroup: the kill was for the limit of a memory cgroup.
func (c *Case) inGroup() bool { return c.Kill != nil && c.Kill.Fact.Constraint == "memcg" }

// roomWord names what Room is.
func (c *Case) roomWord() string {
	if c.inGroup() && c.Room != c.RAM {
		return "its group's limit"
	}
	return "RAM"
}

// swap is the host's swap in kB.
func (c *Case) swap() (Amount, bool) {
	if k := c.Kill; k != nil && k.Fact.SwapTotalKB.OK {
		ev := k.Ev
		ev.Line, ev.Text = cmp.Or(k.Fact.SwapLine, ev.Line), ""
		return Amount{k.Fact.SwapTotalKB.N << 10, true, ev}, true
	}
	for _, m := range c.Memory {
		if m.Fact.SwapTotalKB.OK {
			return Amount{m.Fact.SwapTotalKB.N << 10, true, m.Ev}, true
		}
	}
	return Amount{}, false
}

// taskGroups sums the kill's task table by name; without one, a ps or top listing.
func (c *Case) taskGroups() []TaskGroup {
	by := map[string]*TaskGroup{}
	add := func(comm string, rss, swap int64, ev correlate.Evidence) {
		g := by[comm]
		if g == nil {
			g = &TaskGroup{Comm: comm}
			by[comm] = g
		}
		g.Count++
		g.RSS += rss
		g.Swap += swap
		if rss >= g.Max {
			g.Max, g.Ev = rss, ev
		}
	}
	if c.Kill != nil && len(c.Kill.Fact.Tasks) > 0 {
		for _, t := range c.Kill.Fact.Tasks {
			ev := correlate.Evidence{File: c.Kill.Ev.File, Line: t.Line, Time: c.Kill.Ev.Time}
			comm := t.Comm
			if comm == "" { // the names are cut off: what they were is not known, nor which are of one program
				comm = fmt.Sprintf("process %d", t.PID)
			}
			add(comm, t.RSSKB.Or(0)<<10, t.SwapKB.Or(0)<<10, ev)
		}
	} else {
		for _, p := range c.listing() {
			if p.Fact.RSSKB.OK {
				add(p.Fact.Comm, p.Fact.RSSKB.N<<10, 0, p.Ev)
			}
		}
		// earlyoom says what its victim held, and takes the one that holds most
		if rss := c.told(); len(by) == 0 && rss > 0 {
			add(c.Kill.Fact.VictimComm, rss, 0, c.Kill.Ev)
		}
	}
	out := make([]TaskGroup, 0, len(by))
	for _, g := range by {
		out = append(out, *g)
	}
	c.unshare(out)
	slices.SortFunc(out, func(a, b TaskGroup) int {
		return cmp.Or(-cmp.Compare(a.RSS, b.RSS), cmp.Compare(a.Comm, b.Comm))
	})
	return out
}

// told is what the victim held, where nobody but its killer says so.
func (c *Case) told() int64 {
	if c.Kill == nil || c.Killer == "the kernel" {
		return 0
	}
	return killedRSS(c.Kill)
}

// listing is the one listing of processes that counts: the last before the kill, or of all. A host that is watched, or was
// looked at twice, has several, and one process is in each.
func (c *Case) listing() []correlate.Placed[parsers.Process] {
	same := func(a, b *correlate.Placed[parsers.Process]) bool {
		return a.Ev.File == b.Ev.File && a.Placed == b.Placed && a.At.Equal(b.At)
	}
	last := len(c.Processes) - 1
	if c.Kill != nil && c.Kill.Placed {
		for i := last; i >= 0; i-- {
			if p := &c.Processes[i]; p.Placed && !p.At.After(c.Kill.At) {
				last = i
				break
			}
		}
	}
	var out []correlate.Placed[parsers.Process]
	for i := range c.Processes {
		if same(&c.Processes[i], &c.Processes[last]) {
			out = append(out, c.Processes[i])
		}
	}
	return out
}

const pool = 3

// unshare takes out what the task table counts more than once. RSS counts a shared page (opcache, copy-on-write after a
// fork) in every process that maps it, so workers of one program can add up to more than the machine has. All the anonymous
// and shared memory there is stands in Mem-Info; what the table shows beyond it is taken from the programs that run
// several processes, in proportion to what all but one of them list.
//
// Independent servers of one name (two Redis, three Java) share next to nothing; pools of workers come in more than pool.
func (c *Case) unshare(groups []TaskGroup) {
	if c.Kill == nil || !c.Kill.Fact.ActiveAnonKB.OK || len(c.Kill.Fact.Tasks) == 0 {
		return
	}
	there := (c.Kill.Fact.ActiveAnonKB.N + c.Kill.Fact.InactAnonKB.Or(0)) << 10
	listed, several := int64(0), 0.0
	for i := range groups {
		g := &groups[i]
		g.Listed = g.RSS
		listed += g.RSS
		if g.Count > pool {
			several += float64(g.RSS - g.RSS/int64(g.Count))
		}
	}
	excess := float64(listed - there)
	if excess <= 0 || several == 0 {
		return
	}
	for i := range groups {
		g := &groups[i]
		if g.Count > pool {
			others := float64(g.RSS - g.RSS/int64(g.Count))
			g.RSS -= int64(min(excess*others/several, others))
		}
	}
}

// findBursts: a stretch of bins in which at least floor of the requests (5 %) and least in number (3) failed with 5xx, and at
// least ten times the site's median share. Bins up to five minutes apart join: a site that fails gets few requests.
func findBursts(w *correlate.Web, floor float64, least int64) []Burst {
	if w == nil || len(w.Files) == 0 {
		return nil
	}
	var shares []float64
	w.EachBin(func(_ time.Time, _ time.Duration, t correlate.Totals) {
		if t.Requests > 0 {
			shares = append(shares, float64(t.S5xx)/float64(t.Requests))
		}
	})
	usual, _ := correlate.Median(shares)
	usual = min(usual, 0.01) // a log that is mostly outage has no usual share of its own
	var out []Burst
	w.EachBin(func(at time.Time, width time.Duration, t correlate.Totals) {
		if t.S5xx == 0 || float64(t.S5xx) < max(floor, 10*usual)*float64(t.Requests) {
			return
		}
		if n := len(out); n > 0 && at.Sub(out[n-1].To) <= feltWithin {
			b := &out[n-1]
			b.To = at.Add(width)
			b.add(t)
			return
		}
		b := Burst{From: at, To: at.Add(width)}
		b.add(t)
		out = append(out, b)
	})
	return slices.DeleteFunc(out, func(b Burst) bool { return b.Failed < least })
}

func (b *Burst) add(t correlate.Totals) {
	b.Failed += t.S5xx
	b.Requests += t.Requests
	b.S500 += t.S500
	b.S502 += t.S502
	b.S503 += t.S503
	b.S504 += t.S504
}

func name(comm string) string {
	if comm == "" {
		return "the victim"
	}
	return comm
}

// noKill closes a cause that takes a kill where there is none: ruled out by a kernel log without one, else not checked.
func (c *Case) noKill(h Hypothesis) Hypothesis {
	for _, in := range c.Inputs {
		if (in.Is("kernel") || in.Is("syslog")) && in.Read > 0 {
			h.State, h.Reason = Excluded, "nothing of the stack was killed"
			h.Evidence = []correlate.Evidence{{File: in.File, Line: 1, Note: "the kernel log"}}
			return h
		}
	}
	h.State, h.Reason, h.Missing = NotChecked, "no kernel log in the input", []string{"kernel-log"}
	return h
}
