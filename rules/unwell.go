package rules

import (
	"fmt"
	"path"
	"slices"
	"time"

	"culprit/correlate"
)

// What visitors suffer that is no 5xx: they wait, give up, or are turned away. None of it has a cause in this catalogue; but a
// day with it is not quiet. A hole in the log is no sign of it: as often the log is what is missing.

// unwell names the first of these that a stretch of the access log shows; "" = none.
func (c *Case) unwell() string {
	if c.Web == nil || len(c.Web.Files) == 0 {
		return ""
	}
	for _, look := range []func() string{c.waited, c.gaveUp, c.denied, c.lost} {
		if said := look(); said != "" {
			return said
		}
	}
	return ""
}

// unwellFor is the least that counts: ten minutes are more than a restart, a deployment or a dump of a table.
const unwellFor = 10 * time.Minute

// stretch is a run of bins, up to five minutes apart, of which something holds.
type stretch struct {
	from, to    time.Time
	n, requests int64
	worst       float64
}

// longest joins the bins of which is tells how many requests are meant (0 = not such a bin) and a figure, and gives the longest run.
func (c *Case) longest(is func(correlate.Totals) (int64, float64)) stretch {
	var best, now stretch
	c.Web.EachBin(func(at time.Time, width time.Duration, t correlate.Totals) {
		n, worst := is(t)
		if n == 0 {
			return
		}
		if now.n == 0 || at.Sub(now.to) > feltWithin {
			now = stretch{from: at}
		}
		now.to, now.n, now.requests, now.worst = at.Add(width), now.n+n, now.requests+t.Requests, max(now.worst, worst)
		if now.to.Sub(now.from) > best.to.Sub(best.from) {
			best = now
		}
	})
	return best
}

// waited: of a hundred pages or more, one in twenty took five times as long as one in twenty usually does, and two seconds more,
// which is when people leave.
func (c *Case) waited() string {
	var usual []float64
	c.Web.EachBin(func(_ time.Time, _ time.Duration, t correlate.Totals) {
		if t.Pages >= 5 && t.LatencyP95.OK {
			usual = append(usual, t.LatencyP95.F)
		}
	})
	median, ok := correlate.Median(usual)
	if !ok {
		return ""
	}
	s := c.longest(func(t correlate.Totals) (int64, float64) {
		if t.Pages < 5 || !t.LatencyP95.OK || t.LatencyP95.F < 5*median || t.LatencyP95.F < median+2 {
			return 0, 0
		}
		return t.Pages, t.LatencyP95.F
	})
	if s.to.Sub(s.from) < unwellFor || s.n < 100 {
		return ""
	}
	return fmt.Sprintf("one answer in twenty took some %.0f s or more for %s from %s on, where %.1f s are usual", s.worst, spell(s.to.Sub(s.from)), clockTime(s.from), median)
}

// gaveUp: clients closed the connection before the answer came (499), one in twenty of the stretch, three times as many as of the
// whole log, which it is a part of, and thirty at least.
func (c *Case) gaveUp() string {
	all := c.Web.Status(c.Web.From, c.Web.To.Add(time.Second))
	usual := float64(all.S499) / float64(max(all.Requests, 1))
	s := c.longest(func(t correlate.Totals) (int64, float64) {
		if t.S499 == 0 || float64(t.S499) < 0.05*float64(t.Requests) {
			return 0, 0
		}
		return t.S499, 0
	})
	if s.to.Sub(s.from) < unwellFor || s.n < 30 || float64(s.n) < 3*usual*float64(s.requests) {
		return ""
	}
	return fmt.Sprintf("%s of %s requests were given up by their clients (499) from %s on: the answers came too late", count(s.n), count(s.requests), clockTime(s.from))
}

// denied: half of all requests were answered 403, for browsers of twenty networks or more. One bot that a rule keeps out is what the
// rule is for.
func (c *Case) denied() string {
	s := c.longest(func(t correlate.Totals) (int64, float64) {
		if t.S403*2 < t.Requests || t.S403 == 0 {
			return 0, 0
		}
		return t.S403, 0
	})
	if s.to.Sub(s.from) < unwellFor || s.n < 100 {
		return ""
	}
	nets := map[string]bool{}
	c.Web.EachClient(func(cl correlate.Client) {
		if addr, ok := correlate.ParseClient([]byte(cl.Addr)); ok && cl.Denied > 0 && !correlate.Identify(cl.Agent).Class.Automated() {
			nets[correlate.Network(addr).String()] = true
		}
	})
	if len(nets) < 20 {
		return ""
	}
	return fmt.Sprintf("%s of %s requests were answered 403 from %s on, browsers' of %s networks among them", count(s.n), count(s.requests), clockTime(s.from), count(int64(len(nets))))
}

// lostFor is the least that counts of what is not found: a build that replaces its files while it runs is through in less.
const lostFor = 5 * time.Minute

// lost: of a hundred requests or more, one in twenty and three times the usual share were answered 404, half of them at routes that
// answer others, and to browsers of sixteen networks: a release without its files, a rewrite that is gone. Who tries names asks for
// what was never there, from few networks.
func (c *Case) lost() string {
	if c.Web == nil || len(c.Web.Files) == 0 {
		return ""
	}
	var shares []float64
	c.Web.EachBin(func(_ time.Time, _ time.Duration, t correlate.Totals) {
		if t.Requests >= 5 {
			shares = append(shares, float64(t.S404)/float64(t.Requests))
		}
	})
	usual, _ := correlate.Quantile(shares, 0.25) // it may have lasted for half of the log
	s := c.longest(func(t correlate.Totals) (int64, float64) {
		if share := float64(t.S404) / float64(max(t.Requests, 1)); t.S404 == 0 || share < 0.05 || share < 3*usual {
			return 0, 0
		}
		return t.S404, 0
	})
	if s.to.Sub(s.from) < lostFor || s.n < 100 {
		return ""
	}
	var at []string
	var first correlate.Evidence
	missed := int64(0)
	for _, r := range c.Web.MissedRoutes() {
		if r.OK == 0 || r.Visitors*2 < r.Missed || r.Networks < 16 {
			continue
		}
		if missed += r.Missed; len(at) < 3 {
			at = append(at, r.Route)
		}
		if first.File == "" {
			first = r.First
		}
	}
	if missed*2 < s.n {
		return ""
	}
	said := fmt.Sprintf("%s of %s requests were answered 404 from %s on, most at %s, where others were answered (%s)", count(s.n), count(s.requests), clockTime(s.from), joinAnd(at), lineOf(first))
	if d, ok := c.deployedAt(s.from); ok {
		said += fmt.Sprintf(", when a deployment ran (%s)", lineOf(d))
	}
	return said
}

// hole: inside one file no request at all for a quarter of an hour to six, ten times as long as any other silence of the log. Of a
// site that rests at night the silence is longer, or others come near it.
func (c *Case) hole() string {
	if c.Web == nil {
		return ""
	}
	var last, from time.Time
	var silences []time.Duration
	longest := time.Duration(0)
	c.Web.EachBin(func(at time.Time, width time.Duration, _ correlate.Totals) {
		if !last.IsZero() {
			gap := at.Sub(last)
			silences = append(silences, gap)
			if gap > longest {
				longest, from = gap, last
			}
		}
		last = at.Add(width)
	})
	if longest < 15*time.Minute || longest > 6*time.Hour || len(silences) < 60 {
		return ""
	}
	slices.Sort(silences)
	if longest < 10*max(silences[len(silences)-2], time.Minute) {
		return ""
	}
	for _, in := range c.Inputs {
		if slices.Contains(c.Web.Files, in.File) && in.From.Before(from) && in.To.After(from.Add(longest)) {
			return fmt.Sprintf("not one request stands in %s for %s from %s on, and whether nobody got through or nothing was written is not in the input", path.Base(in.File), spell(longest), clockTime(from))
		}
	}
	return ""
}

// limitedAsMeant: nine in ten failures are refusals by limit_req, and nineteen in twenty of all met crawlers and other programs:
// that is what the limit is for.
func (c *Case) limitedAsMeant() (string, bool) {
	if c.Web == nil || len(c.Web.Files) == 0 {
		return "", false
	}
	refused := correlate.ErrorGroup{}
	for _, g := range c.Errors {
		if g.Signature == "limit-req" {
			refused = g
		}
	}
	all, programs := int64(0), int64(0)
	c.Web.EachClient(func(cl correlate.Client) {
		all += cl.Failed5xx
		if correlate.Identify(cl.Agent).Class.Automated() {
			programs += cl.Failed5xx
		}
	})
	if refused.N == 0 || refused.N*10 < all*9 || programs*20 < all*19 {
		return "", false
	}
	return fmt.Sprintf("%s of the failures were crawlers that limit_req refused, as it is meant to (%s)", percent(float64(programs)/float64(all)), lineOf(refused.First.Ev)), true
}

// crawlersAlone: nineteen in twenty failures met crawlers and feed readers, hardly one in two hundred requests of all others failed,
// and it went on like that all along: five stretches or more over half of the log, none with a fifth of the failures. An outage
// at a time when nobody else was there is one stretch.
func (c *Case) crawlersAlone() (string, bool) {
	if c.Web == nil || len(c.Bursts) < 5 {
		return "", false
	}
	var failed, theirs, others int64
	c.Web.EachClient(func(cl correlate.Client) {
		failed += cl.Failed5xx
		switch correlate.Identify(cl.Agent).Class {
		case correlate.Search, correlate.AI, correlate.SEO, correlate.Ads, correlate.Archive, correlate.Preview, correlate.Feed, correlate.Scanner:
			theirs += cl.Failed5xx
		default:
			others += cl.Requests
		}
	})
	if theirs*20 < failed*19 || (failed-theirs)*200 > others || others == 0 {
		return "", false
	}
	first, last := c.Bursts[0].From, c.Bursts[0].To
	for _, b := range c.Bursts {
		if b.Failed*5 > failed {
			return "", false
		}
		first, last = earlier(first, b.From), later(last, b.To)
	}
	if last.Sub(first)*2 < c.Web.To.Sub(c.Web.From) {
		return "", false
	}
	return fmt.Sprintf("%s of the failures met crawlers, all along", percent(float64(theirs)/float64(failed))), true
}
