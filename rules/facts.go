package rules

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"culprit/correlate"
)

// Fact is something that a user's rule can ask of a case by name.
type Fact struct {
	Name string // "redis.used_memory"
	Unit string // bytes, share, seconds, a day, "" = a number; words = a text; list = rows of name, count, share, bytes
	Doc  string
	Of   func(*Case) Known
}

// Units of a fact that is no number.
const (
	UnitWords = "words"
	UnitList  = "list"
)

// Known is what a case says to a fact. OK false: the input does not tell, which is neither 0 nor empty.
type Known struct {
	OK       bool
	Number   float64
	Words    string
	Rows     []Row
	Evidence []correlate.Evidence
}

// Row is one of a list, which is sorted by what makes its first worth naming and holds at most maxRows.
type Row struct {
	Name  string
	Count float64 // requests, processes, keys, lines
	Share float64 // of the whole's count
	Bytes float64 // 0 where the list has no sizes
}

// Known is what the case says to a fact; it is looked up once.
func (c *Case) Known(f Fact) Known {
	k, ok := c.asked[f.Name]
	if !ok {
		k = f.Of(c)
		if c.asked == nil {
			c.asked = map[string]Known{}
		}
		c.asked[f.Name] = k
	}
	return k
}

// maxRows bounds what a rule can walk through: whatever stands behind the 50 largest decides nothing.
const maxRows = 50

// Facts lists what a user's rule can ask, by name.
func Facts() []Fact {
	all := slices.Concat(hostFacts, redisFacts, webFacts)
	slices.SortFunc(all, func(a, b Fact) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

var hostFacts = []Fact{
	{"host.ram", "bytes", "the host's memory", func(c *Case) Known { return known(c.RAM, c.RAM.OK) }},
	{"host.swap", "bytes", "the host's swap; 0 = there is none", func(c *Case) Known { return known(c.swap()) }},
	{"host.processes", UnitList, "programs by memory: name, count, bytes; of the kernel's table at the kill, else of ps", processRows},
	{"kill.count", "", "kills by the kernel that are this incident's", func(c *Case) Known {
		if len(c.Kills) == 0 {
			k := c.noKill(Hypothesis{})
			return Known{OK: k.State == Excluded, Evidence: k.Evidence}
		}
		n := Known{OK: true, Number: float64(len(c.Kills) - len(c.Elsewhere))}
		for _, k := range c.Kills {
			n.Evidence = append(n.Evidence, k.Ev)
		}
		return n
	}},
	{"kill.victim", UnitWords, "the program that was killed", func(c *Case) Known {
		if c.Kill == nil || c.Kill.Fact.VictimComm == "" {
			return Known{}
		}
		return Known{OK: true, Words: c.Kill.Fact.VictimComm, Evidence: []correlate.Evidence{c.Kill.Ev}}
	}},
	{"kill.rss", "bytes", "what the victim held", func(c *Case) Known {
		if c.Kill == nil || killedRSS(c.Kill) == 0 {
			return Known{}
		}
		return Known{OK: true, Number: float64(killedRSS(c.Kill)), Evidence: []correlate.Evidence{c.Kill.Ev}}
	}},
	{"kill.constraint", UnitWords, "global, memcg, cpuset, mempolicy or manual", func(c *Case) Known {
		if c.Kill == nil || c.Kill.Fact.Constraint == "" {
			return Known{}
		}
		return Known{OK: true, Words: c.Kill.Fact.Constraint, Evidence: []correlate.Evidence{c.Kill.Ev}}
	}},
	{"php.max_children", "", "pm.max_children of all pools together", func(c *Case) Known {
		s, sum, ok := c.maxChildren()
		return Known{OK: ok, Number: float64(sum), Evidence: []correlate.Evidence{s.Ev}}
	}},
	{"php.pool_full", "", "how often a PHP-FPM pool had all its workers busy; known where a log of PHP-FPM is there", func(c *Case) Known {
		n := Known{}
		for _, in := range c.Inputs {
			if in.Is("php-fpm-log") && in.Read > 0 {
				n.OK, n.Evidence = true, append(n.Evidence, correlate.Evidence{File: in.File, Line: 1, Note: "the pool's log"})
			}
		}
		for _, p := range c.Pool {
			if p.Fact.Event == "max-children" {
				n.OK = true
				n.Number++
				n.Evidence = append(n.Evidence, p.Ev)
			}
		}
		return n
	}},
	{"mysql.buffer_pool", "bytes", "innodb_buffer_pool_size", func(c *Case) Known { return known(c.bufferPool()) }},
}

var redisFacts = []Fact{
	{"redis.used_memory", "bytes", "at the last snapshot before the end", ofSnapshot(func(s *correlate.Snapshot) (float64, bool) { return float64(s.Used.N), s.Used.OK }, "used_memory")},
	{"redis.rss", "bytes", "used_memory_rss at the last snapshot", ofSnapshot(func(s *correlate.Snapshot) (float64, bool) { return float64(s.RSS.N), s.RSS.OK }, "used_memory_rss")},
	{"redis.maxmemory", "bytes", "Redis's own limit, of INFO, else of redis.conf; 0 = none", func(c *Case) Known { return known(c.maxmemory()) }},
	{"redis.policy", UnitWords, "maxmemory-policy", func(c *Case) Known {
		policy, ev := c.policy()
		return Known{OK: policy != "", Words: policy, Evidence: []correlate.Evidence{ev}}
	}},
	{"redis.keys", "", "keys at the last snapshot", ofKeyspace(func(s *correlate.Snapshot) (float64, bool) { return float64(s.Keys.N), s.Keys.OK })},
	{"redis.keys_without_ttl", "", "those of them that never expire", ofKeyspace(func(s *correlate.Snapshot) (float64, bool) { return float64(s.NoTTL.N), s.NoTTL.OK })},
	{"redis.share_without_ttl", "share", "keys_without_ttl / keys", ofKeyspace(func(s *correlate.Snapshot) (float64, bool) {
		return float64(s.NoTTL.N) / float64(max(s.Keys.N, 1)), s.NoTTL.OK && s.Keys.N > 0
	})},
	{"redis.new_keys_a_day", "", "the pace of keys without expiry, over the run's snapshots; needs two", func(c *Case) Known {
		if c.Growth == nil || !c.Growth.DNoTTL.OK || len(c.Growth.Run) < 2 {
			return Known{}
		}
		return Known{OK: true, Number: c.Growth.NoTTLPerDay, Evidence: []correlate.Evidence{c.Growth.First.KeyspaceEvidence(""), c.Growth.Last.KeyspaceEvidence("")}}
	}},
	{"redis.evicted_keys", "", "keys evicted between the first and the last snapshot of the run", func(c *Case) Known {
		if c.Growth == nil || !c.Growth.First.Evicted.OK || !c.Growth.Last.Evicted.OK {
			return Known{}
		}
		return Known{OK: true, Number: float64(evictedIn(c.Growth)), Evidence: []correlate.Evidence{c.Growth.Last.Evidence("evicted_keys", "")}}
	}},
	{"redis.hit_share", "share", "keyspace_hits / (hits + misses) since the server's start", func(c *Case) Known {
		s := c.lastWith(func(s *correlate.Snapshot) bool { return s.Hits.OK && s.Misses.OK && s.Hits.N+s.Misses.N > 0 })
		if s == nil {
			return Known{}
		}
		return Known{OK: true, Number: float64(s.Hits.N) / float64(s.Hits.N+s.Misses.N),
			Evidence: []correlate.Evidence{s.Evidence("keyspace_hits", ""), s.Evidence("keyspace_misses", "")}}
	}},
	{"redis.uptime", "seconds", "uptime_in_seconds at the last snapshot", ofSnapshot(func(s *correlate.Snapshot) (float64, bool) { return float64(s.Uptime.N), s.Uptime.OK }, "uptime_in_seconds")},
	{"redis.servers", "", "Redis servers in the input", func(c *Case) Known {
		return Known{OK: len(c.Incident.Redis) > 0, Number: float64(len(c.Incident.Redis))}
	}},
	{"redis.prefixes", UnitList, "prefixes of a key listing or dump.rdb: name, count, share, bytes", prefixRows},
}

var webFacts = []Fact{
	{"web.requests", "", "requests in the access logs", ofRequests(func(t correlate.Totals) float64 { return float64(t.Requests) })},
	{"web.failed", "", "those answered with 5xx", ofRequests(func(t correlate.Totals) float64 { return float64(t.S5xx) })},
	{"web.failed_share", "share", "failed / requests", ofRequests(func(t correlate.Totals) float64 { return float64(t.S5xx) / float64(max(t.Requests, 1)) })},
	{"web.refused", "", "requests answered with 429", ofRequests(func(t correlate.Totals) float64 { return float64(t.S429) })},
	{"web.outage_failed", "", "requests that failed in the incident's stretch of 5xx; 0 = there is none", func(c *Case) Known {
		n := requestsOf(c, func(correlate.Totals) float64 { return 0 })
		if b, ok := c.mainBurst(); ok {
			n.Number = float64(b.Failed)
		}
		return n
	}},
	{"web.addresses", UnitList, "addresses by requests: name, count, share", func(c *Case) Known {
		return clientRows(c, func(k correlate.Client) string { return k.Addr })
	}},
	{"web.agents", UnitList, "user agents by requests: name, count, share", func(c *Case) Known {
		return clientRows(c, func(k correlate.Client) string { return k.Agent })
	}},
	{"web.groups", UnitList, "crawlers, networks, embedded routes, monitors and people, by requests: name, count, share", groupRows},
	{"web.errors", UnitList, "kinds of lines in nginx's error logs: name, count, share", errorRows},
}

func known(a Amount, ok bool) Known {
	return Known{OK: ok && a.OK, Number: float64(a.Bytes), Evidence: []correlate.Evidence{a.Ev}}
}

func ofSnapshot(get func(*correlate.Snapshot) (float64, bool), field string) func(*Case) Known {
	return func(c *Case) Known {
		s := c.lastWith(func(s *correlate.Snapshot) bool { _, ok := get(s); return ok })
		if s == nil {
			return Known{}
		}
		n, _ := get(s)
		return Known{OK: true, Number: n, Evidence: []correlate.Evidence{s.Evidence(field, "")}}
	}
}

func ofKeyspace(get func(*correlate.Snapshot) (float64, bool)) func(*Case) Known {
	return func(c *Case) Known {
		s := c.lastWith(func(s *correlate.Snapshot) bool { _, ok := get(s); return ok })
		if s == nil {
			return Known{}
		}
		n, _ := get(s)
		return Known{OK: true, Number: n, Evidence: []correlate.Evidence{s.KeyspaceEvidence("")}}
	}
}

func ofRequests(get func(correlate.Totals) float64) func(*Case) Known {
	return func(c *Case) Known { return requestsOf(c, get) }
}

// requestsOf sums all the access logs; the evidence of a sum are the logs themselves.
func requestsOf(c *Case, get func(correlate.Totals) float64) Known {
	if !c.Has(NeedsAccess) {
		return Known{}
	}
	var all correlate.Totals
	c.Web.EachBin(func(_ time.Time, _ time.Duration, t correlate.Totals) {
		all.Requests += t.Requests
		all.S5xx += t.S5xx
		all.S429 += t.S429
	})
	return Known{OK: true, Number: get(all), Evidence: logFiles(c)}
}

func logFiles(c *Case) []correlate.Evidence {
	var ev []correlate.Evidence
	for _, file := range c.Web.Files {
		ev = append(ev, correlate.Evidence{File: file, Line: 1, Note: "counted to its end"})
	}
	return ev
}

func processRows(c *Case) Known {
	var k Known
	for _, g := range c.Groups {
		k.Rows = append(k.Rows, Row{Name: g.Comm, Count: float64(g.Count), Bytes: float64(g.RSS)})
		k.Evidence = append(k.Evidence, g.Ev)
	}
	return k.ranked(func(r Row) float64 { return r.Bytes })
}

func prefixRows(c *Case) Known {
	var k Known
	for _, g := range c.Keys {
		k.Rows = append(k.Rows, Row{Name: g.Prefix, Count: float64(g.Keys), Bytes: float64(g.BytesPerKey.Or(0)) * float64(g.Keys)})
		k.Evidence = append(k.Evidence, g.Evidence)
	}
	return k.ranked(func(r Row) float64 { return r.Count })
}

func groupRows(c *Case) Known {
	if !c.Has(NeedsAccess) {
		return Known{}
	}
	var k Known
	for _, g := range c.Web.Groups {
		k.Rows = append(k.Rows, Row{Name: g.Name, Count: float64(g.Requests)})
		k.Evidence = append(k.Evidence, g.First)
	}
	return k.ranked(func(r Row) float64 { return r.Count })
}

func errorRows(c *Case) Known {
	var k Known
	for i := range c.Errors {
		k.Rows = append(k.Rows, Row{Name: c.Errors[i].Signature, Count: float64(c.Errors[i].N)})
		k.Evidence = append(k.Evidence, c.Errors[i].First.Ev)
	}
	return k.ranked(func(r Row) float64 { return r.Count })
}

func clientRows(c *Case, name func(correlate.Client) string) Known {
	if !c.Has(NeedsAccess) {
		return Known{}
	}
	type sum struct {
		n     int64
		first correlate.Evidence
	}
	by := map[string]*sum{}
	c.Web.EachClient(func(k correlate.Client) {
		s := by[name(k)]
		if s == nil {
			s = &sum{first: k.First}
			by[name(k)] = s
		}
		s.n += k.Requests
		if before(k.First, s.first) {
			s.first = k.First
		}
	})
	var k Known
	for name, s := range by {
		if name == "" {
			continue // no agent, or none logged
		}
		k.Rows = append(k.Rows, Row{Name: name, Count: float64(s.n)})
		k.Evidence = append(k.Evidence, s.first)
	}
	return k.ranked(func(r Row) float64 { return r.Count })
}

// before says whether a is the earlier of two lines; one without a place was not kept, and is later than any.
func before(a, b correlate.Evidence) bool {
	if a.File == "" || b.File == "" {
		return a.File != ""
	}
	return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line)) < 0
}

// ranked sorts rows together with their lines, gives each its share, and keeps the first maxRows. A list is known when it
// has a row.
func (k Known) ranked(by func(Row) float64) Known {
	whole := 0.0
	order := make([]int, len(k.Rows))
	for i := range k.Rows {
		order[i] = i
		whole += k.Rows[i].Count
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Or(-cmp.Compare(by(k.Rows[a]), by(k.Rows[b])), strings.Compare(k.Rows[a].Name, k.Rows[b].Name))
	})
	out := Known{OK: len(k.Rows) > 0}
	for _, i := range order[:min(len(order), maxRows)] {
		r := k.Rows[i]
		if whole > 0 {
			r.Share = r.Count / whole
		}
		out.Rows, out.Evidence = append(out.Rows, r), append(out.Evidence, k.Evidence[i])
	}
	return out
}

// InfoFact is a field of Redis INFO by its name, as a number or as words.
func InfoFact(field, unit string) Fact {
	return Fact{fmt.Sprintf("info(%q)", field), unit, "a field of INFO at the last snapshot", func(c *Case) Known {
		if c.Redis == nil {
			return Known{}
		}
		v, ev, ok := c.running(c.Redis, field)
		return reading(v, ev, ok, unit)
	}}
}

// SettingFact is a directive of a configuration file, the last one that names it; sizes are in bytes.
func SettingFact(system, name, unit string) Fact {
	return Fact{fmt.Sprintf("setting(%q, %q)", system, name), unit, "a directive of a configuration file", func(c *Case) Known {
		all := c.settings(system, name)
		if len(all) == 0 {
			return Known{}
		}
		s := all[len(all)-1]
		return reading(s.Value(), s.Ev, true, unit)
	}}
}

// reading is a value as a number, also with a unit of 1024 as configurations write them, or as words.
func reading(v string, ev correlate.Evidence, ok bool, unit string) Known {
	k := Known{OK: ok, Words: v, Evidence: []correlate.Evidence{ev}}
	if unit != UnitWords && ok {
		if f, err := strconv.ParseFloat(strings.TrimSpace(v), 64); err == nil && !math.IsNaN(f) && !math.IsInf(f, 0) {
			k.Number = f
			return k
		}
		var n int64
		n, k.OK = sizeOf(v)
		k.Number = float64(n)
	}
	return k
}

// Spell writes a fact's number the way reports write it.
func Spell(v float64, unit string) string {
	switch {
	case unit == "bytes" && math.Abs(v) < 1<<62:
		return bytesIn(int64(v))
	case unit == "share":
		return percent(v)
	case unit == "seconds" && math.Abs(v) < 1e9:
		return spell(time.Duration(v * float64(time.Second)))
	case v == math.Trunc(v) && math.Abs(v) < 1e15, math.Abs(v) >= 100 && math.Abs(v) < 1e15:
		return count(math.Round(v))
	}
	return strconv.FormatFloat(v, 'g', 3, 64)
}

// ParseSize reads a size as configurations write them: 512mb, 2G, 1073741824; the units are of 1024.
func ParseSize(s string) (int64, error) {
	n, ok := sizeOf(s)
	if !ok {
		return 0, fmt.Errorf("%q is no size: use 512mb or 2gb", s)
	}
	return n, nil
}
