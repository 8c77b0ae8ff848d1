package rules

import "culprit/correlate"

var _ = registerCause(Cause{
	ID: "crawler-session-leak",
	Doc: `Clients that keep no cookie get a new session with every page they fetch. When the session's key has no TTL it stays for
ever, and a crawl turns into memory: keys = pages fetched, bytes = keys x bytes a key. It is this cause when keys without TTL
account for at least half of the growth of used_memory, crawlers (or networks that browse like one) for at least half of
the new keys, interval by interval where snapshots allow, and Redis held at least a third of RAM when memory ran out.
A crawler whose sessions carry a TTL, or that fetches assets only, is not it, however busy.`,
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
