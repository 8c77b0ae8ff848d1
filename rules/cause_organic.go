package rules

import "culprit/correlate"

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
proxy are one client to the log, and make more visits than it can show.`,
	Judge: func(c *Case) Hypothesis {
		return c.leakCause("app-session-leak-organic", func(s source) ([]correlate.Share, float64, string) {
			if s.crawl >= leakExplains || s.route >= leakExplains {
				return nil, 1 - max(s.crawl, s.route), "visitors"
			}
			part := s.visit
			// A visit may open more than one session (a second device, a login), and visits are counted from gaps: what no
			// crawler and no route explains, two thirds or more, is theirs as long as it comes to five keys a visit at
			// most. Beyond that the keys have another writer.
			if rest := 1 - s.crawl - s.route; rest > 2.0/3 && s.visits > 0 && rest*s.keys <= 5*s.visits {
				part = max(part, rest)
			}
			return s.people, part, "visitors"
		})
	},
})
