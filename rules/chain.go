package rules

import (
	"fmt"
	"time"

	"culprit/correlate"
	"culprit/parsers"
)

// The events of the causal graph, as the causes string them together.

const killKind = "kernel-oom-kill"

func (c *Case) killEvent() correlate.Event {
	k := c.Kill
	if k == nil {
		return correlate.Event{}
	}
	ev := k.Ev
	text := fmt.Sprintf("%s killed %s", c.Killer, name(k.Fact.VictimComm))
	if k.Fact.VictimPID.OK {
		text += fmt.Sprintf(" (pid %d)", k.Fact.VictimPID.N)
	}
	text += c.onHost(ev.File)
	if rss := killedRSS(k); rss > 0 {
		text += fmt.Sprintf(" at %s of resident memory", bytesIn(rss))
		if c.RAM.OK {
			text += fmt.Sprintf(", %s of the host's %s", percent(float64(rss)/float64(c.RAM.Bytes)), bytesIn(c.RAM.Bytes))
		}
		if swap := killedSwap(k); swap > rss/20 {
			text += fmt.Sprintf(", and %s swapped out", bytesIn(swap))
		}
	}
	return correlate.Event{Kind: killKind, Subject: name(k.Fact.VictimComm), Text: text, From: k.At, To: k.At, Error: k.Error, Evidence: []correlate.Evidence{ev}}
}

func killedRSS(k *correlate.Placed[parsers.OOMKill]) int64 {
	f := &k.Fact
	if !f.AnonRSSKB.OK && f.VictimPID.OK { // the line is cut off; the table has it
		for i := range f.Tasks {
			if f.Tasks[i].PID == f.VictimPID.N {
				return f.Tasks[i].RSSKB.Or(0) << 10
			}
		}
	}
	return (f.AnonRSSKB.Or(0) + f.FileRSSKB.Or(0) + f.ShmemRSSKB.Or(0)) << 10
}

// webEvent is the burst of failures that belongs to the incident; false when the web server shows none.
func (c *Case) webEvent() (correlate.Event, bool) {
	b, ok := c.mainBurst()
	if !ok {
		return correlate.Event{}, false
	}
	text := fmt.Sprintf("%s of %s requests failed with 5xx in %s", count(b.Failed), count(b.Requests), spell(b.To.Sub(b.From)))
	e := correlate.Event{Kind: "web-5xx", Subject: "nginx", Text: text, From: b.From, To: b.To}
	failures := c.Web.Failures(b.From, b.To)
	for i, ev := range failures {
		if i == 0 || ev.Time.Before(e.From) {
			e.From = ev.Time // a bin is a minute wide: the first failing line is not
		}
	}
	if len(failures) > 2 {
		failures = failures[:2]
	}
	e.Evidence = failures
	return e, true
}

// mainBurst: after a kill the burst that begins with it (or was under way); without one the largest.
func (c *Case) mainBurst() (Burst, bool) {
	var best Burst
	found := false
	for _, b := range c.Bursts {
		if c.Kill != nil && c.Kill.Placed {
			if b.To.After(c.Kill.At.Add(-feltWithin)) && b.From.Before(c.Kill.At.Add(2*feltWithin)) {
				return b, true
			}
			continue
		}
		if b.Failed > best.Failed {
			best, found = b, true
		}
	}
	return best, found
}

func (c *Case) keysEvent() correlate.Event {
	g := c.Growth
	l := g.Last
	text := ""
	kind := "session-keys-without-ttl"
	switch {
	case l.Keys.OK && g.Counted == correlate.AllKeys:
		kind = "session-keys-outrun-ttl"
		text = fmt.Sprintf("%s keys, %s more than %s before, although %s carry a TTL", count(l.Keys.N), count(g.DKeys.N), spell(l.At.Sub(g.First.At)), percent(1-g.NoTTLShare))
	case l.Keys.OK:
		text = fmt.Sprintf("%s of %s keys have no expiry (%s)", count(l.NoTTL.N), count(l.Keys.N), percent(g.NoTTLShare))
		if g.DNoTTL.OK && g.DNoTTL.N > 0 {
			text += fmt.Sprintf(", %s more than %s before", count(g.DNoTTL.N), spell(l.At.Sub(g.First.At)))
		}
	}
	return correlate.Event{Kind: kind, Subject: "keyspace", Text: text, From: g.First.At, To: l.At,
		Evidence: []correlate.Evidence{g.First.KeyspaceEvidence("at the start"), l.KeyspaceEvidence("at the end")}}
}

func (c *Case) memoryEvent() correlate.Event {
	g := c.Growth
	l := g.Last
	e := correlate.Event{Kind: "redis-memory-growth", Subject: "redis-server", From: g.First.At, To: l.At}
	if g.DUsed.OK {
		e.Text = fmt.Sprintf("used_memory grew from %s to %s in %s", bytesIn(g.First.Used.Or(0)), bytesIn(l.Used.Or(0)), spell(l.At.Sub(g.First.At)))
		e.Evidence = []correlate.Evidence{g.First.Evidence("used_memory", ""), l.Evidence("used_memory", "")}
	} else if l.Used.OK {
		e.Text = fmt.Sprintf("used_memory is %s", bytesIn(l.Used.N))
		e.Evidence = []correlate.Evidence{l.Evidence("used_memory", "")}
	}
	return e
}

// link joins two events; the lag is known when both are placed.
func link(cause, effect correlate.Event, tests correlate.Tests, explained float64) correlate.Link {
	l := correlate.Link{Cause: cause, Effect: effect, Tests: tests, Explained: explained, For: append(append([]correlate.Evidence(nil), cause.Evidence...), effect.Evidence...)}
	if !cause.From.IsZero() && !effect.From.IsZero() {
		l.Lag, l.LagKnown = effect.From.Sub(cause.From), true
		if tests.Ordered == correlate.Unknown {
			l.Tests.Ordered = correlate.Judge(true, l.Lag >= -(cause.Error+effect.Error+time.Minute))
		}
	}
	return l
}

// killToWeb is the last edge of every kill: what the visitors saw.
func (c *Case) killToWeb() []correlate.Link {
	web, ok := c.webEvent()
	if !ok || c.Kill == nil {
		return nil
	}
	t := correlate.Tests{Structural: correlate.Pass, Deviating: correlate.Pass}
	if c.Kill.Placed {
		t.Ordered = correlate.Judge(true, !web.From.Before(c.Kill.At.Add(-2*time.Minute-c.Kill.Error)))
	}
	return []correlate.Link{link(c.killEvent(), web, t, -1)}
}
