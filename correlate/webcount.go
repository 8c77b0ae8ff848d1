package correlate

import (
	"math"

	"culprit/parsers"
)

// A log too large to be read is counted where it lies (see parsers.AccessCount). Counts have no lines: they say in which
// file and minute, and the lines that come beside them as examples take their place as evidence. Requests whose routes
// were not counted one by one are of the route "(no path)".

// addCount adds the requests of one client in one minute.
func (w *webFold) addCount(r *parsers.Record, a *parsers.AccessCount) {
	if !w.counted(r) {
		return
	}
	client, agent := w.whose(&a.Access)
	w.clients.set(agent).addCount(client, agent, r, a)
	w.lastStatus.pages += a.Pages
	w.lastStatus.answered(a.Status, a.Requests)
	w.bound()
}

func (s *clientSet) addCount(addr []byte, agent *agentRef, r *parsers.Record, a *parsers.AccessCount) {
	actor := s.actorOf(addr, agent)
	sum, run := &s.actor[actor], &s.running[actor]
	sum.requests += a.Requests
	sum.pages += a.Pages
	sum.assets += a.Assets
	sum.noReferer += a.NoReferer
	switch {
	case a.Status >= 500:
		sum.errors5xx += a.Requests
	case a.Status == 403 || a.Status == 429 || a.Status == 444:
		sum.limited += a.Requests
	}
	if first := s.first(actor); first.at.File == "" || r.Time.Before(first.t) {
		*first = example{r.Time, r.At, first.text}
	}
	run.route, run.first = several, noFirst
	if a.Requests > 0 || a.Pages > 0 {
		s.bump(actor, uint32(r.Time.Unix()/s.width), cell{uint32(a.Requests), uint32(a.Pages)})
	}
	s.bound()
}

// addRouteCount adds the requests of one path.
func (w *webFold) addRouteCount(r *parsers.Record, a *parsers.RouteCount) {
	if !w.counted(r) {
		return
	}
	route, class := w.routeAndClass(a.Path)
	w.settleRoute(route)
	rs := &w.route[route]
	rs.requests += a.Requests
	rs.class = max(rs.class, class)
	if rs.first.at.File == "" || r.Time.Before(rs.first.t) {
		rs.first = example{r.Time, r.At, ""}
	}
	w.routeRun[route].first = math.MaxInt64
	if a.Status >= 500 {
		rs.errors5xx += a.Requests
		key := failure{route, uint16(a.Status)}
		if w.failures[key] == nil {
			w.failures[key] = &failureSum{first: example{r.Time, r.At, ""}}
		}
		f := w.failures[key]
		f.n += a.Requests
		if f.last.Before(r.Time) {
			f.last = r.Time
		}
	} else {
		c := cell{requests: uint32(a.Requests)}
		if a.Status < 400 {
			rs.ok += a.Requests
		}
		if class == Page && a.Status > 0 && a.Status < 400 && a.Status != 304 {
			c.pages = c.requests
		}
		w.bumpRoute(route, w.routeBin, c)
		if host := refererHost(a.Referer); host != nil {
			n, _ := w.referers.at(uint64(route)<<32 | uint64(w.siteOf(host)))
			*n += a.Requests
		}
	}
	w.bound()
}

// addExample puts a line in the place of a count's.
func (w *webFold) addExample(r *parsers.Record, a *parsers.AccessExample) {
	if !w.counted(r) {
		return
	}
	client, agent := w.whose(&a.Access)
	set := w.clients.set(agent)
	set.first(set.actorOf(client, agent)).replaced(r)
	route, _ := w.routeAndClass(a.Path)
	w.route[route].first.replaced(r)
	if f := w.failures[failure{route, uint16(a.Status)}]; f != nil {
		f.first.replaced(r)
	}
}

// replaced takes a line for an example that is a count's, or for one that comes later.
func (e *example) replaced(r *parsers.Record) bool {
	if e.at.Line > 0 && e.text != "" && !e.sooner(r.Time, r.At) {
		return false
	}
	if e.text != "" && !e.t.After(r.Time) {
		return false
	}
	e.t, e.at, e.text = r.Time, r.At, clip(r.Raw)
	return true
}

// counted prepares the fold for a record, as add does for a line.
func (w *webFold) counted(r *parsers.Record) bool {
	unix := r.Time.Unix()
	if r.Clock != parsers.ZonedClock || unix < 0 {
		return false
	}
	w.prepare(r, unix)
	return true
}
