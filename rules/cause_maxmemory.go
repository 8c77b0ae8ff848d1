package rules

import (
	"fmt"
	"strings"
	"time"

	"culprit/correlate"
)

var _ = registerCause(Cause{
	ID: "redis-maxmemory-reached",
	Doc: `Redis reached its own maxmemory and refused writes ("OOM command not allowed when used memory > 'maxmemory'"): with
noeviction, or with a volatile policy and nothing volatile left. No kernel is involved, nothing dies, and every page
that writes a session fails. What filled it is named separately.

Arithmetic:

    pressure = used_memory / maxmemory, the highest of the run
    refused  = lines of OOM errors in the logs of the application, PHP and nginx, or the growth of errorstat_OOM

Threshold: One refused write, or a pressure of 0.98 without evictions while requests failed. 0.98, because Redis over-
and undershoots its limit by a client's buffer.

When it is wrong: the refused write went to another server (a cache of its own port): the message names no port.`,
	Judge: judgeMaxmemory,
})

// atLimit: used_memory within two hundredths of maxmemory: Redis overshoots and undershoots by a client buffer.
const atLimit = 0.98

func judgeMaxmemory(c *Case) Hypothesis {
	h := Hypothesis{Explained: -1}
	refused, refusedEv, at := c.refusedWrites()
	g := c.Growth
	p := 0.0
	if g != nil {
		p = pressure(g)
	}
	evicted := int64(0)
	if g != nil {
		evicted = evictedIn(g)
	}
	policy, policyEv := c.policy()
	if refused == 0 {
		maxmem, known := c.maxmemory()
		switch {
		case known && maxmem.Bytes == 0:
			h.State, h.Reason, h.Evidence = Excluded, "maxmemory is not set", []correlate.Evidence{maxmem.Ev}
		case g != nil && p > 0 && p < atLimit:
			h.State, h.Reason = Excluded, fmt.Sprintf("used_memory reached %s of maxmemory", percent(p))
			h.Evidence = []correlate.Evidence{g.Last.Evidence("used_memory", ""), g.Last.Evidence("maxmemory", "")}
		case g == nil && c.Redis == nil:
			h.State, h.Reason, h.Missing = NotChecked, "no Redis INFO and no redis.conf in the input", []string{"redis-info"}
		case evicted > 0:
			h.State, h.Reason = Excluded, fmt.Sprintf("the limit was reached, and %s keys were evicted to stay below it: no write was refused", count(evicted))
			h.Evidence = []correlate.Evidence{g.Last.Evidence("evicted_keys", "")}
		case g != nil && refuses(policy, g) && c.standsAtLimit() && c.Kill == nil:
			// Nobody logged it, but a policy that evicts nothing refuses every write at the limit by definition.
			h.State, h.Confidence = Established, 0.85
		case c.standsFull() != "":
			h.State, h.Confidence, h.Missing = Possible, 0.6, []string{"redis-info"}
			h.Reason = c.standsFull()
			h.Evidence = []correlate.Evidence{g.Last.Evidence("used_memory", ""), g.Last.Evidence("maxmemory", "")}
		default:
			h.State, h.Reason = Excluded, "no refused write in any log, and no error counter that says so"
			if g == nil {
				h.State, h.Missing = NotChecked, []string{"redis-info"}
			}
		}
		if h.State != Established {
			return h
		}
	} else {
		h.State = Established
	}
	h.Tests = correlate.Tests{
		Structural: correlate.Judge(policy != "", policy == "noeviction" || strings.HasPrefix(policy, "volatile-")),
		Deviating:  correlate.Judge(p > 0 || refused > 0, p >= atLimit-0.05 || refused > 0),
		Ordered:    correlate.Pass,
		Sufficient: correlate.Judge(refused > 0, true),
	}
	limitText := "its maxmemory"
	if m, ok := c.maxmemory(); ok && m.Bytes > 0 {
		limitText = "its maxmemory of " + bytesIn(m.Bytes)
	}
	full := correlate.Event{Kind: "maxmemory-reached", Subject: "redis-server", Text: "Redis reached " + limitText, From: at, To: at}
	if g != nil {
		full.Evidence = append(full.Evidence, g.Last.Evidence("used_memory", ""), g.Last.Evidence("maxmemory", ""))
		for i := range g.Run {
			if s := &g.Run[i]; s.Placed && s.Max.Or(0) > 0 && float64(s.Used.Or(0)) >= atLimit*float64(s.Max.N) && (full.From.IsZero() || s.At.Before(full.From)) {
				full.From = s.At
				break
			}
		}
	}
	if policyEv.File != "" {
		full.Evidence = append(full.Evidence, policyEv)
	}
	refusal := correlate.Event{Kind: "writes-refused", Subject: "redis-server", Text: writesWere(refused) + " refused", From: at, Evidence: refusedEv}
	if refused == 0 {
		refusal.Text = "writes fail at the limit"
	}
	what := ""
	l := c.Leak
	src := c.sources(l)
	fill := ""
	if g != nil && g.Last.Keys.OK {
		if l.State == Established || g.NoTTLShare > leakExplains {
			keys := c.keysEvent()
			h.Chain = append(h.Chain, link(keys, full, correlate.Tests{Structural: correlate.Pass, Deviating: l.Keys.Deviating, Ordered: correlate.Pass, Sufficient: l.Memory.Sufficient}, l.Explained))
			fill = fmt.Sprintf(": %s of its keys never expire", percent(g.NoTTLShare))
			if g.NoTTLShare <= leakExplains && g.Counted == correlate.AllKeys {
				fill = ": its keys come faster than they expire"
			}
		}
		h.Evidence = append(h.Evidence, g.Last.KeyspaceEvidence(""))
	}
	if src.judged && l.State == Established {
		for _, sh := range src.routes {
			if src.route >= leakExplains {
				h.Culprits = append(h.Culprits, culpritsOf(sh)...)
				what = fmt.Sprintf(" (%s made %s of the new ones)", groupName(sh.Group), percent(min(sh.Share, 1)))
			}
		}
		for _, sh := range src.crawlers {
			if src.crawl >= leakExplains {
				h.Culprits = append(h.Culprits, culpritsOf(sh)...)
				what = fmt.Sprintf(" (%s made %s of the new ones)", groupName(sh.Group), percent(min(sh.Share, 1)))
			}
		}
	}
	if len(h.Culprits) == 0 {
		if g, share := c.refusedGroup(); g != nil {
			h.Culprits = culpritsOf(correlate.Share{Group: g, Share: share, Candidates: share * float64(refused)})
			what = fmt.Sprintf(" (%s of the refused writes are for %s)", percent(share), groupName(g))
		}
	}
	if big, size := c.bigKey(); big != nil && fill == "" {
		fill = fmt.Sprintf(": the largest key by a listing is the %s %q with %s (%s)", big.Type, big.Name, size, lineOf(big.Evidence))
	}
	h.Chain = append(h.Chain, link(full, refusal, h.Tests, -1))
	if web, ok := c.webEvent(); ok {
		h.Chain = append(h.Chain, link(refusal, web, correlate.Tests{Structural: correlate.Pass, Deviating: correlate.Pass}, -1))
	}
	h.Evidence = append(h.Evidence, refusedEv...)
	h.Summary = fmt.Sprintf("Redis reached %s and refused %s writes under %s%s%s.", limitText, refusedCount(refused), policyWord(policy), fill, what)
	h.Onset = full
	h.Fixes = []string{"redis-maxmemory-size", "session-ttl", "redis-eviction-policy"}
	if g != nil && g.Last.Keys.N > 0 && g.NoTTLShare <= leakExplains {
		h.Fixes = []string{"redis-maxmemory-size", "redis-eviction-policy"} // they have one
	}
	return h
}

// refusedGroup is the group of requests whose writes were refused, when one embedded route or one crawler has at least half
// of them: what is refused now is what filled the instance before.
func (c *Case) refusedGroup() (*correlate.Group, float64) {
	for _, e := range c.Errors {
		if e.Signature != "redis-oom" || c.Web == nil {
			continue
		}
		for _, g := range c.Web.Groups {
			n := int64(0)
			switch g.Kind {
			case correlate.RouteGroup:
				for _, r := range e.Routes {
					if r.Name == g.Name {
						n += r.N
					}
				}
			case correlate.CrawlerGroup, correlate.NetworkGroup:
				members := map[string]bool{}
				for _, m := range g.Members {
					members[m.Addr] = true
				}
				for _, cl := range e.Clients {
					if members[cl.Name] {
						n += cl.N
					}
				}
			}
			if share := float64(n) / float64(max(e.N, 1)); share >= leakExplains {
				return g, share
			}
		}
	}
	return nil, 0
}

// refuses: at the limit this policy can free nothing: noeviction, or a volatile one where hardly a key has a TTL.
func refuses(policy string, g *correlate.Growth) bool {
	return g != nil && policy == "noeviction" || g != nil && strings.HasPrefix(policy, "volatile-") && g.NoTTLShare > 0.98
}

// standsFull: the only snapshot is at a limit where writes are refused; "" = not so.
func (c *Case) standsFull() string {
	g := c.Growth
	if g == nil || len(g.Run) != 1 || c.Kill != nil || pressure(g) < atLimit || !refuses(g.Last.Policy, g) {
		return ""
	}
	return fmt.Sprintf("Redis stands at %s of its maxmemory of %s, where %s refuses writes, and one snapshot does not show since when (%s)", percent(min(pressure(g), 1)), bytesIn(g.Last.Max.N), g.Last.Policy, lineOf(g.Last.Evidence("used_memory", "")))
}

// standsAtLimit: the last two snapshots at least were at the limit: it did not only brush it.
func (c *Case) standsAtLimit() bool {
	g := c.Growth
	n := 0
	for i := len(g.Run) - 1; i >= 0; i-- {
		s := &g.Run[i]
		if s.Max.Or(0) == 0 || float64(s.Used.Or(0)) < atLimit*float64(s.Max.N) {
			break
		}
		n++
	}
	return n >= 2
}

func refusedCount(n int64) string {
	if n == 0 {
		return "further"
	}
	return count(n)
}

func policyWord(p string) string {
	if p == "" {
		return "its eviction policy"
	}
	return p
}

// refusedWrites counts writes refused at maxmemory, by whoever tells: the web server's error log, the application's, the
// server's log, or the error counters of INFO (Redis 6.2+).
func (c *Case) refusedWrites() (n int64, ev []correlate.Evidence, first time.Time) {
	for _, g := range c.Errors {
		if g.Signature == "redis-oom" {
			n += g.N
			ev = append(ev, g.First.Ev)
			first = g.First.At
		}
	}
	for _, a := range c.App {
		if a.Fact.Signature == "redis-oom" {
			n++
			if len(ev) < 3 {
				ev = append(ev, a.Ev)
			}
			if first.IsZero() {
				first = a.At
			}
		}
	}
	for _, e := range c.redisEvents("oom-refused") {
		n++
		if len(ev) < 3 {
			ev = append(ev, e.Ev)
		}
	}
	if g := c.Growth; g != nil {
		a, b := errorCount(g.First), errorCount(g.Last)
		if len(g.Run) == 1 && refuses(g.Last.Policy, g) && g.Last.Max.Or(0) > 0 && float64(g.Last.Used.Or(0)) >= atLimit*float64(g.Last.Max.N) {
			a = 0 // counted since the start, of a server that stands at its limit now
		}
		if d := b - a; d > 0 {
			n = max(n, d)
			ev = append(ev, g.Last.Evidence("errorstat_OOM", ""))
			if first.IsZero() {
				first = g.Last.At
			}
		}
	}
	return n, ev, first
}

// errorCount reads errorstat_OOM:count=N.
func errorCount(s *correlate.Snapshot) int64 {
	var n int64
	if _, err := fmt.Sscanf(s.Info.Fields["errorstat_OOM"], "count=%d", &n); err != nil {
		return 0
	}
	return n
}
