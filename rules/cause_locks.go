package rules

import (
	"fmt"
	"time"

	"culprit/correlate"
)

var _ = registerCause(Cause{
	ID: "lock-contention",
	Doc: `A session handler that locks lets one request at a time write a session. Requests of one visitor sent in parallel
(AJAX, a double click, a bot with one cookie) queue; Magento's handler answers 503 beyond max_concurrency waiters and
breaks locks after break_after seconds. Redis and the host are quiet.

Arithmetic:

    waits = lines of the session handler that tell of a lock (application log, nginx's error log)
    503s  = answers of the stretch of failures, held against five times the waits: a refused request is rarely logged twice

Threshold: Three such lines, or 503s beside one, or a wait of a second; and nobody was killed while requests failed.
One or two waits are no contention: two tabs of one person make them.

When it is wrong: the locks were held long because what held them was slow (a database, an API), and that is what to
mend.`,
	Judge: judgeLocks,
})

func judgeLocks(c *Case) Hypothesis {
	h := Hypothesis{Explained: -1}
	var n int64
	var first, last time.Time
	clients := map[string]int64{}
	for _, g := range c.Errors {
		if g.Signature != "session-lock" {
			continue
		}
		n += g.N
		h.Evidence = append(h.Evidence, g.First.Ev, g.Last.Ev)
		first, last = g.First.At, g.Last.At
		for _, cl := range g.Clients {
			clients[cl.Name] += cl.N
		}
	}
	waits := 0.0
	sessions := map[string]int64{}
	for _, a := range c.App {
		if a.Fact.Signature != "session-lock" && a.Fact.Signature != "session-lock-503" {
			continue
		}
		n++
		if a.Fact.WaitedS.OK {
			waits = max(waits, a.Fact.WaitedS.F)
		}
		if a.Fact.Session != "" {
			sessions[a.Fact.Session]++
		}
		if len(h.Evidence) < 4 {
			h.Evidence = append(h.Evidence, a.Ev)
		}
		if first.IsZero() {
			first = a.At
		}
		last = a.At
	}
	if n == 0 {
		h.State, h.Reason = Excluded, "no log speaks of session locks"
		if (c.Web == nil || len(c.Web.Files) == 0) && len(c.Errors) == 0 {
			h.State, h.Reason, h.Missing = NotChecked, "no application or web server log in the input", []string{"error-log"}
		}
		return h
	}
	if c.Kill != nil && c.felt(c.Kill) {
		h.State, h.Reason = Excluded, fmt.Sprintf("%s was killed, and requests failed from then on", name(c.Kill.Fact.VictimComm))
		return h
	}
	s503 := int64(0)
	if c.Web != nil {
		for _, b := range c.Bursts {
			s503 += b.S503
		}
	}
	h.Tests = correlate.Tests{
		Structural: correlate.Pass,
		Deviating:  correlate.Judge(true, n >= 10 || s503 >= 10 || waits >= 1),
		Ordered:    correlate.Pass,
		Sufficient: correlate.Judge(s503 > 0 && first != time.Time{}, n*5 >= s503),
	}
	if n < 3 && s503 == 0 && waits < 1 {
		h.State, h.Confidence = Possible, 0.3
		h.Reason = "one or two lock waits are no contention"
		return h
	}
	h.State = Established
	// One client behind most of it is named; many are the site's own visitors.
	top := topOf(clients)
	if top.N*2 > n && top.Name != "" {
		h.Culprits = []Culprit{{Kind: "address", Value: top.Name, Share: float64(top.N) / float64(n), Requests: top.N, Note: "its requests wait for one session's lock"}}
	} else if who, share, reqs := c.top503(); share > 0.5 && s503 > 0 {
		h.Culprits = []Culprit{{Kind: "address", Value: who, Share: share, Requests: reqs, Note: "most of the 503s went to it"}}
	}
	who := "parallel requests of the same sessions"
	if len(h.Culprits) > 0 {
		who = "parallel requests of " + h.Culprits[0].Value
	} else if len(sessions) == 1 {
		who = "parallel requests of one session"
	}
	what := fmt.Sprintf("%s waited for session locks or were refused", count(n))
	if s503 > 0 {
		what = fmt.Sprintf("%s answers were 503 by the session handler", count(s503))
	}
	h.Summary = fmt.Sprintf("%s: %s; Redis's memory and the kernel were quiet.", what, who)
	lock := correlate.Event{Kind: "session-locks", Subject: "session handler", Text: fmt.Sprintf("%s queued for the lock of their session", who), From: first, To: last, Evidence: h.Evidence}
	if web, ok := c.webEvent(); ok {
		h.Chain = []correlate.Link{link(lock, web, h.Tests, -1)}
	} else {
		h.Chain = []correlate.Link{link(lock, correlate.Event{Kind: "slow-requests", Subject: "web", Text: "requests waited", From: first, To: last}, h.Tests, -1)}
	}
	h.Onset = lock
	h.Fixes = []string{"session-lock-tuning"}
	return h
}

func topOf(m map[string]int64) correlate.Count {
	var top correlate.Count
	for name, n := range m {
		if n > top.N || n == top.N && name < top.Name {
			top = correlate.Count{Name: name, N: n}
		}
	}
	return top
}

// top503 is the address with the most failed requests, and its share of them.
func (c *Case) top503() (string, float64, int64) {
	list := c.Web.FailedBy()
	var all int64
	for _, x := range list {
		all += x.N
	}
	if len(list) == 0 || all == 0 {
		return "", 0, 0
	}
	return list[0].Name, float64(list[0].N) / float64(all), list[0].N
}
