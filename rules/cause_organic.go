package rules

import (
	"fmt"

	"culprit/correlate"
)

var _ = registerCause(Cause{
	ID: "app-session-leak-organic",
	Doc: `The application writes session keys without a TTL and ordinary visitors fill the memory over weeks. There is no spike
and nobody to block: the fix is in the code.

Arithmetic:

    visits  = stretches of one client's requests, thirty minutes of silence ending each
    keys    = visits x keys a visit, held against the new keys without TTL, snapshot interval by interval
    bytes   = new keys x bytes a key, held against the growth of used_memory

Threshold: Keys without TTL make half of the growth of used_memory, neither crawlers nor embedded routes half of those
keys, and the visits account for the rest. Half, because below it something else holds most of what grew. Thirty
minutes end a visit as web analytics count them.

When it is wrong: a job or an API that no access log shows wrote the keys at the visitors' pace; or clients behind one
proxy are one client to the log, and make more visits than it can show. Where two visits in three fetch pages and
nothing else, who the visitors are is left open.`,
	Judge: func(c *Case) Hypothesis {
		return c.doubtVisits(c.leakCause("app-session-leak-organic", func(s source) ([]correlate.Share, float64, string) {
			if s.crawl >= leakExplains || s.route >= leakExplains {
				return nil, 1 - max(s.crawl, s.route), "visitors"
			}
			part := s.visit
			// A visit may open more than one session (a second device, a login), and visits are counted from gaps: what no
			// crawler and no route explains, two thirds or more, is theirs as long as it comes to five keys a visit at
			// most, and more than two come and go with the visits. Beyond that the keys have another writer.
			if rest := 1 - s.crawl - s.route; rest > 2.0/3 && s.visits > 0 && rest*s.keys <= 5*s.visits && s.inStep(rest) {
				part = max(part, rest)
			}
			return s.people, part, "visitors"
		}))
	},
})

// inStep: up to two keys a visit are a second device or a login. More are an application that makes several, and then they
// come and go with the visits: nine tenths of their ups and downs are shared (r of 0.95).
func (s *source) inStep(rest float64) bool {
	if rest*s.keys <= 2*s.visits {
		return true
	}
	for _, sh := range s.people {
		if sh.Correlation >= 0.95 {
			return true
		}
	}
	return false
}

// bareVisitors: of people's visits some fetch nothing but a page, from a warm cache; two in three do not.
const bareVisitors = 2.0 / 3

// doubtVisits keeps a scraper behind thousands of addresses from passing for ordinary visitors.
func (c *Case) doubtVisits(h Hypothesis) Hypothesis {
	if h.State != Established || c.Web == nil || c.Web.BareVisits < bareVisitors {
		return h
	}
	h.State, h.Confidence = Possible, 0.5
	h.Missing = append(h.Missing, "client-sample")
	h.Reason = fmt.Sprintf("%s of the visits fetched pages and nothing else, where the others fetched what belongs to them: a scraper behind many addresses, or visitors that the log shows in part", percent(c.Web.BareVisits))
	h.Summary = "visits filled Redis; " + h.Reason
	return h
}
