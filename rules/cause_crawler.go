package rules

import "culprit/correlate"

var _ = registerCause(Cause{
	ID: "crawler-session-leak",
	Doc: `Clients that keep no cookie get a new session with every page they fetch. When the session's key has no TTL it stays
for ever, and a crawl turns into memory. A crawler whose sessions carry a TTL, or that fetches assets only, is not it,
however busy.

Arithmetic:

    keys  = pages fetched x keys a page (a fit over the snapshot intervals, or one a page)
    bytes = keys x bytes a key, held against the growth of used_memory
    share = the crawlers' keys / all new keys without TTL

Threshold: Keys without TTL make half of the growth of used_memory, crawlers (or networks that browse like one) half
of those keys, interval by interval where snapshots allow, and Redis held a third of RAM when memory ran out. Half is
the least that leaves no larger rival; a Redis below a third is not what filled the machine.

When it is wrong: a second writer goes at the crawler's pace and no log shows it. Two explanations that balance alike
are never told apart by guess: the verdict is then inconclusive.`,
	Judge: func(c *Case) Hypothesis {
		return c.leakCause("crawler-session-leak", func(s source) ([]correlate.Share, float64, string) {
			part := 0.0
			for _, sh := range s.crawlers {
				part += sh.Share
			}
			return s.crawlers, part, "crawlers"
		})
	},
})
