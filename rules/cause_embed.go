package rules

import "culprit/correlate"

var _ = registerCause(Cause{
	ID: "embed-route-session-leak",
	Doc: `A script or picture that other people put into their pages is fetched by their visitors without this site's cookie, so
a route that opens sessions makes one a view. Nobody is to blame but the route. It is this cause when one or a few routes
with foreign Referers (or, where no Referer is logged, asked for by clients that want nothing else) account for at least
half of the new keys without TTL.`,
	Judge: func(c *Case) Hypothesis {
		return c.leakCause("embed-route-session-leak", func(s source) ([]correlate.Share, float64, string) {
			part := 0.0
			for _, sh := range s.routes {
				part += sh.Share
			}
			return s.routes, part, "embedded routes"
		})
	},
})
