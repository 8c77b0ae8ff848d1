package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"culprit/cmd/internal/report"
	"culprit/correlate"
	"culprit/parsers"
	"culprit/rules"
)

// nowSpan is what "now" means for paces and for who makes the keys: long enough that a crawler's bursts even out, short
// enough that what was done about it shows within a coffee.
const nowSpan = 10 * time.Minute

// makersShown is how many groups are worth a line.
const makersShown = 8

// liveOf takes out of an incident what a screen and metrics tell. Nothing in it is shared with the fold.
func liveOf(inc *correlate.Incident, rep *rules.Report, forecasts []correlate.Forecast) report.Live {
	l := report.Live{Report: rep, Processes: processesOf(inc.Processes)}
	for _, m := range inc.Memory {
		if m.Placed {
			l.Memory = m.Fact // the newest is the last
		}
	}
	var lead *correlate.Recent
	for _, in := range inc.Redis {
		r, recent := redisOf(in, inc.Web)
		for i := range forecasts {
			if forecasts[i].Instance == in.Name {
				r.Forecast = &forecasts[i]
			}
		}
		if recent != nil && (lead == nil || recent.Made.N > lead.Made.N) {
			lead = recent
		}
		l.Redis = append(l.Redis, r)
	}
	if inc.Web != nil && len(inc.Web.Files) > 0 {
		to := inc.Web.To
		l.Web = report.LiveWeb{From: to.Add(-nowSpan), To: to}
		t := inc.Web.Status(l.Web.From, to.Add(time.Second))
		l.Web.Requests, l.Web.Failed = t.Requests, t.S5xx
		l.Makers = makersOf(inc.Web, lead)
	}
	return l
}

// processesOf sums the newest listing by name.
func processesOf(all []correlate.Placed[parsers.Process]) []report.LiveProcess {
	if len(all) == 0 {
		return nil
	}
	newest := all[len(all)-1].At
	by := map[string]*report.LiveProcess{}
	var list []*report.LiveProcess
	for i := len(all) - 1; i >= 0 && all[i].Placed && all[i].At.Equal(newest); i-- {
		f := &all[i].Fact
		p := by[f.Comm]
		if p == nil {
			p = &report.LiveProcess{Name: f.Comm}
			by[f.Comm] = p
			list = append(list, p)
		}
		p.N++
		p.Bytes += f.RSSKB.Or(0) * 1024
	}
	slices.SortFunc(list, func(a, b *report.LiveProcess) int {
		return cmp.Or(-cmp.Compare(a.Bytes, b.Bytes), cmp.Compare(a.Name, b.Name))
	})
	out := make([]report.LiveProcess, len(list))
	for i, p := range list {
		out[i] = *p
	}
	return out
}

func redisOf(in *correlate.Instance, web *correlate.Web) (report.LiveRedis, *correlate.Recent) {
	r := report.LiveRedis{Name: in.Name}
	runs := in.Runs()
	if len(runs) == 0 {
		return r, nil
	}
	for _, s := range runs[len(runs)-1] {
		if !s.Placed || !s.Used.OK && !s.Keys.OK {
			continue // a server that did not answer
		}
		r.At, r.Policy = s.At, cmp.Or(s.Policy, r.Policy)
		r.Used, r.RSS, r.Max, r.Stay, r.Expire = s.Used, s.RSS, s.Max, s.NoTTL, s.Expires
		r.UsedCurve = plot(r.UsedCurve, s.At, s.Used)
		r.StayCurve = plot(r.StayCurve, s.At, s.NoTTL)
		r.ExpireCurve = plot(r.ExpireCurve, s.At, s.Expires)
	}
	recent := in.Recently(web, nowSpan)
	if recent != nil {
		r.Paced = recent.To.Sub(recent.From)
		pace := func(o parsers.Opt) parsers.OptF {
			if !o.OK || r.Paced <= 0 {
				return parsers.OptF{}
			}
			return parsers.SomeF(float64(o.N) / r.Paced.Minutes())
		}
		r.StayPace, r.MadePace, r.LapsedPace = pace(recent.Kept), pace(recent.Made), pace(recent.Lapsed)
	}
	return r, recent
}

func plot(curve []rules.Point, at time.Time, v parsers.Opt) []rules.Point {
	if !v.OK {
		return curve
	}
	return append(curve, rules.Point{At: at, Value: float64(v.N)})
}

// makersOf says who makes the keys, or where no INFO tells, who asks for most pages.
func makersOf(web *correlate.Web, r *correlate.Recent) report.LiveMakers {
	if r == nil || r.Who == nil || r.Who.Intervals == 0 || r.Who.NewKeys <= 0 {
		return busiest(web, r)
	}
	m := report.LiveMakers{From: r.From, To: r.To, Keys: "keys", Explained: r.Who.Explained}
	if r.Counted == correlate.NoTTLKeys {
		m.Keys = "keys without expiry"
	}
	if r.Who.Ambiguous {
		m.Why = "others add up to the keys as well: the numbers cannot tell them apart yet"
	}
	minutes := r.To.Sub(r.From).Minutes()
	for _, s := range r.Who.Shares {
		if len(m.List) < makersShown && s.Candidates > 0 {
			m.List = append(m.List, report.LiveMaker{Name: s.Group.Name, Note: groupNote(s.Group), Share: s.Share, PerMinute: s.Candidates / minutes})
		}
	}
	return m
}

func busiest(web *correlate.Web, r *correlate.Recent) report.LiveMakers {
	m := report.LiveMakers{From: web.To.Add(-nowSpan), To: web.To, Why: "whose keys they are needs Redis's INFO"}
	if r != nil {
		m.Why = "no new keys to account for"
		if r.Made.N > 0 {
			m.Why = "whose keys they are shows in a few minutes"
		}
	}
	if m.From.Before(web.From) {
		m.From = web.From
	}
	minutes := max(m.To.Sub(m.From).Minutes(), 1)
	for _, g := range web.Groups {
		if n := g.Count(m.From, m.To.Add(time.Second)); n > 0 {
			m.List = append(m.List, report.LiveMaker{Name: g.Name, Note: groupNote(g), Share: -1, PerMinute: n / minutes})
		}
	}
	slices.SortStableFunc(m.List, func(a, b report.LiveMaker) int {
		return cmp.Or(-cmp.Compare(a.PerMinute, b.PerMinute), cmp.Compare(a.Name, b.Name))
	})
	m.List = m.List[:min(len(m.List), makersShown)]
	return m
}

// groupNote is what tells a reader whether to believe the name, and how many there are.
func groupNote(g *correlate.Group) string {
	if g.Kind == correlate.PeopleGroup {
		return fmt.Sprintf("%d clients", g.Clients)
	}
	var parts []string
	switch {
	case g.Identity.Claim == correlate.Spoofed:
		parts = append(parts, "forged name")
	case g.Identity.Claim == correlate.Verified:
		parts = append(parts, "verified")
	case g.Identity.Private:
		parts = append(parts, "private address")
	}
	switch n := g.Clients; {
	case g.Kind == correlate.RouteGroup:
		parts = append(parts, fmt.Sprintf("route, %d clients", n))
	case n == 1 && len(g.Members) == 1:
		parts = append(parts, g.Members[0].Addr)
	default:
		parts = append(parts, fmt.Sprintf("%d addresses", n))
	}
	return strings.Join(parts, ", ")
}
