package rules

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"culprit/correlate"
	"culprit/parsers"
)

// maxPoints of a series: more than a picture has columns for.
const maxPoints = 500

// series are the curves that tell the incident: what was asked of the site, and what became of the server's keys and memory.
// The server's curve goes on after the kill, where it shows what the restart did.
func (c *Case) series(culprits []Culprit) []Series {
	out := c.requestSeries(culprits)
	if c.Redis == nil {
		return out
	}
	add := func(s Series, value func(*correlate.Snapshot) parsers.Opt) {
		if s.read(c.Redis, value); len(s.Points) > 0 {
			out = append(out, s)
		}
	}
	add(Series{ID: "keys", Name: "keys", Lane: "keys"}, func(s *correlate.Snapshot) parsers.Opt { return s.Keys })
	add(Series{ID: "keys-without-ttl", Name: "keys without expiry", Lane: "keys"}, func(s *correlate.Snapshot) parsers.Opt { return s.NoTTL })
	add(Series{ID: "used-memory", Name: "used_memory", Unit: "bytes", Lane: "memory", Limits: c.memoryLimits()}, func(s *correlate.Snapshot) parsers.Opt { return s.Used })
	rss := Series{ID: "rss", Name: "resident memory", Unit: "bytes", Lane: "memory"}
	rss.read(c.Redis, func(s *correlate.Snapshot) parsers.Opt { return s.RSS })
	c.lastReading(&rss)
	if len(rss.Points) > 0 {
		out = append(out, rss)
	}
	return out
}

// lastReading is the kernel's: it says how much the server held when it was killed, which no snapshot can.
func (c *Case) lastReading(s *Series) {
	k := c.Kill
	if k == nil || !k.Placed || !IsRedis(k.Fact.VictimComm) || !k.Fact.VictimPID.OK || killedRSS(k) == 0 {
		return
	}
	known := false
	for i := range c.Redis.Snapshots {
		if snap := &c.Redis.Snapshots[i]; snap.PID.OK && snap.Placed && !snap.At.After(k.At) {
			if snap.PID.N != k.Fact.VictimPID.N {
				known = true // and another: it was a child that saved, or an earlier run
				continue
			}
			known = false
		}
	}
	if known {
		return
	}
	i := 0
	for i < len(s.Points) && !s.Points[i].At.After(k.At) {
		i++
	}
	s.Points = slices.Insert(s.Points, i, Point{At: k.At.UTC(), Value: float64(killedRSS(k))})
	if i+1 < len(s.Points) {
		s.Points[i+1].Gap = true
	}
	if s.Note != "" {
		s.Note += "; "
	}
	s.Note += "at the kill as the kernel counted"
	if s.Source == "" {
		s.Source = k.Ev.File
	}
}

// memoryLimits are what used_memory may not pass: the server's own limit as it was last, and the machine.
func (c *Case) memoryLimits() []Limit {
	var out []Limit
	for _, s := range slices.Backward(c.Redis.Snapshots) {
		if s.Max.OK {
			if s.Max.N > 0 {
				out = append(out, Limit{"maxmemory", float64(s.Max.N)})
			}
			break
		}
	}
	if c.RAM.OK {
		out = append(out, Limit{"RAM", float64(c.RAM.Bytes)})
	}
	return out
}

func (c *Case) requestSeries(culprits []Culprit) []Series {
	if c.Web == nil || len(c.Web.Files) == 0 {
		return nil
	}
	all := Series{ID: "requests", Name: "requests", Lane: "requests", Source: andMore(c.Web.Files)}
	var width time.Duration
	c.Web.EachBin(func(_ time.Time, w time.Duration, _ correlate.Totals) { width = w })
	if width == 0 {
		return nil
	}
	all.Bin = binWidth(c.Web.To.Sub(c.Web.From), width)
	all.Note = "sums of " + spell(all.Bin)
	failed := all
	failed.ID, failed.Name, failed.Lane = "requests-5xx", "answered with 5xx", "failed"
	c.Web.EachBin(func(from time.Time, _ time.Duration, t correlate.Totals) {
		at := from.Truncate(all.Bin)
		all.sum(at, float64(t.Requests))
		failed.sum(at, float64(t.S5xx))
	})
	out := []Series{all}
	if s, ok := c.culpritSeries(culprits, all); ok {
		out = append(out, s)
	}
	return append(out, failed)
}

// culpritSeries are the requests that are held to have made the keys, in the bins of all requests.
func (c *Case) culpritSeries(culprits []Culprit, all Series) (Series, bool) {
	kinds := map[string]correlate.GroupKind{"user-agent": correlate.CrawlerGroup, "network": correlate.NetworkGroup, "route": correlate.RouteGroup}
	var groups []*correlate.Group
	var names []string
	for _, who := range culprits {
		for _, g := range c.Web.Groups {
			byAddress := who.Kind == "address" && g.Kind == correlate.NetworkGroup && slices.ContainsFunc(g.Members, func(m correlate.Member) bool { return m.Addr == who.Value })
			byName := g.Kind == kinds[who.Kind] && g.Name == who.Value && (g.Kind == correlate.RouteGroup || g.Requests == who.Requests)
			byNetwork := who.Kind == "network" && slices.Contains(g.Networks, who.Value)
			if !byAddress && !byName && !byNetwork || slices.Contains(groups, g) {
				continue
			}
			groups = append(groups, g)
			names = append(names, g.Name)
		}
	}
	if len(groups) == 0 {
		return Series{}, false
	}
	s := all
	s.ID, s.Name, s.Points = "requests-culprits", "page requests of "+andMore(names), nil
	if groups[0].Kind == correlate.RouteGroup {
		s.Name = "answered requests for " + andMore(names)
	}
	for _, p := range all.Points {
		n := 0.0
		for _, g := range groups {
			n += g.Count(p.At, p.At.Add(all.Bin))
		}
		s.Points = append(s.Points, Point{At: p.At, Value: math.Round(n)})
	}
	return s, true
}

func (s *Series) sum(at time.Time, v float64) {
	if n := len(s.Points); n > 0 && s.Points[n-1].At.Equal(at) {
		s.Points[n-1].Value += v
		return
	}
	s.Points = append(s.Points, Point{At: at, Value: v})
}

// binWidth is the least width, made of whole bins, of which the span holds no more than maxPoints; a round one where there is
// one of less than four times that.
func binWidth(span, bin time.Duration) time.Duration {
	least := bin * (span/bin/(maxPoints-1) + 1)
	for _, minutes := range []time.Duration{1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440} {
		if w := minutes * time.Minute; w >= least && w < 4*least && w%bin == 0 {
			return w
		}
	}
	return least
}

// read takes one value of every placed snapshot. Of too many, each of maxPoints stretches keeps its highest, because it is
// the peaks that hurt.
func (s *Series) read(in *correlate.Instance, value func(*correlate.Snapshot) parsers.Opt) {
	run, files := -1, []string{}
	for i := range in.Snapshots {
		snap := &in.Snapshots[i]
		v := value(snap)
		if !v.OK || !snap.Placed {
			continue
		}
		s.Points = append(s.Points, Point{snap.At.UTC(), float64(v.N), run >= 0 && snap.Run != run})
		run = snap.Run
		if !slices.Contains(files, snap.Pos.File) {
			files = append(files, snap.Pos.File)
		}
	}
	slices.Sort(files)
	s.Source = andMore(files)
	if len(s.Points) <= maxPoints {
		return
	}
	first := s.Points[0].At
	width := s.Points[len(s.Points)-1].At.Sub(first)/maxPoints + 1
	s.Note = "the highest of each " + spell(width)
	var kept []Point
	stretch := int64(-1)
	for _, p := range s.Points {
		n := int64(p.At.Sub(first) / width)
		switch last := len(kept) - 1; {
		case n != stretch:
			kept, stretch = append(kept, p), n
		case p.Value > kept[last].Value:
			p.Gap = p.Gap || kept[last].Gap
			kept[last] = p
		default:
			kept[last].Gap = kept[last].Gap || p.Gap
		}
	}
	s.Points = kept
}

func andMore(files []string) string {
	switch len(files) {
	case 0:
		return ""
	case 1:
		return files[0]
	}
	return fmt.Sprintf("%s and %d more", files[0], len(files)-1)
}

// recentMarks is how many marks back a repeat is looked for: kinds of trouble that take turns, and a bound on the search.
const recentMarks = 32

// maxMarks keeps a picture readable; a storm of one kind is one mark before that.
const maxMarks = 40

// marks are the moments to see beside the curves, the weightiest kept where there are too many.
func (c *Case) marks(onset time.Time) []Mark {
	var out []Mark
	add := func(kind, text string, at time.Time, placed bool, ev correlate.Evidence) {
		if !placed || at.IsZero() {
			return
		}
		at = at.UTC()
		for i := range slices.Backward(out) {
			if i < len(out)-recentMarks {
				break
			}
			if m := &out[i]; m.Kind == kind && m.Text == text && at.Sub(m.To).Abs() <= feltWithin {
				m.At, m.To, m.N = earlier(m.At, at), later(m.To, at), m.N+1
				return
			}
		}
		out = append(out, Mark{Kind: kind, Text: text, At: at, To: at, N: 1, Evidence: ev})
	}
	for _, k := range c.Kills {
		add("kill", "the kernel killed "+name(k.Fact.VictimComm), k.At, k.Placed, k.Ev)
	}
	add("onset", "it began", onset, !onset.IsZero(), correlate.Evidence{})
	if c.Redis != nil {
		for _, e := range c.Redis.Log {
			if text := serverMarks[e.Event]; text != "" {
				add("server", text, e.At, e.Placed, e.Ev)
			}
		}
	}
	for _, s := range c.Services {
		if text := serviceMarks[s.Fact.Event]; text != "" {
			add("service", cmp.Or(s.Fact.Unit, s.Fact.Program, "a service")+" "+text, s.At, s.Placed, s.Ev)
		}
	}
	for _, k := range c.Kernel {
		if text := kernelMarks[k.Fact.Event]; text != "" {
			add("kernel", text, k.At, k.Placed, k.Ev)
		}
	}
	for _, d := range c.Deploys {
		add("deploy", "deployed", d.At, d.Placed, d.Ev)
	}
	if len(out) > maxMarks {
		slices.SortStableFunc(out, func(a, b Mark) int {
			return cmp.Or(cmp.Compare(markWeight[a.Kind], markWeight[b.Kind]), b.At.Compare(a.At))
		})
		out = out[:maxMarks]
	}
	slices.SortStableFunc(out, func(a, b Mark) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(markWeight[a.Kind], markWeight[b.Kind]))
	})
	return out
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

var markWeight = map[string]int{"kill": 0, "onset": 1, "server": 2, "service": 3, "deploy": 4, "kernel": 5}

// The events worth a mark, in words. Saves that went well are the daily bread.
var (
	serverMarks = map[string]string{
		"starting": "Redis starts", "ready": "Redis is ready", "shutdown": "Redis shuts down", "killed": "Redis was killed",
		"load-failed": "loading the dump failed", "save-failed": "saving failed", "save-killed": "the saving child was killed",
		"aof-rewrite-failed": "rewriting the AOF failed", "aof-write-failed": "writing the AOF failed", "fork-failed": "fork failed",
		"oom-refused": "writes refused: maxmemory", "output-buffer-closed": "a client's output buffer overflowed",
		"misconf": "writes refused: saving failed", "disk-full": "the disk is full", "alloc-failed": "an allocation failed",
		"crash": "Redis crashed", "resync-full": "full resync", "replica-lost": "a replica was lost", "master-lost": "the master was lost",
		"maxmemory-warning": "memory limit warning", "maxclients": "maxclients reached", "slow-script": "a script blocks", "failover": "failover",
	}
	serviceMarks = map[string]string{
		"started": "started", "stopped": "stopped", "failed": "failed", "killed": "was killed", "oom-killed": "was killed for memory",
		"oomd-killed": "was killed by systemd-oomd", "restarted": "restarted", "child-killed": "lost a child to a signal",
	}
	kernelMarks = map[string]string{
		"boot": "the machine booted", "page-allocation-failure": "the kernel had no page to give", "oom-no-victim": "out of memory, nobody to kill",
		"disk-full": "the disk is full", "io-error": "disk error",
	}
)
