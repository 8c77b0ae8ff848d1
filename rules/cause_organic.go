package rules

import "culprit/correlate"

var _ = registerCause(Cause{
	ID: "app-session-leak-organic",
	Doc: `The application writes session keys without a TTL and ordinary visitors fill the memory over weeks. There is no spike and
nobody to block. It is this cause when keys without TTL account for the growth, neither crawlers nor embedded routes for
half of them, and visits for the rest within the possible.`,
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
