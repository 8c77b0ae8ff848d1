package rules

import "culprit/correlate"

var _ = registerCause(Cause{
	ID: "embed-route-session-leak",
	Doc: `A script or picture that other people put into their pages is fetched by their visitors without this site's cookie, so
a route that opens sessions makes one a view. Nobody is to blame but the route.

Arithmetic:

    keys    = answered requests of the route x keys a request
    foreign = its requests with a Referer of another site / all of its requests
    share   = the route's keys / all new keys without TTL

Threshold: One or a few routes account for half of the new keys without TTL, and are fetched from other people's
pages: by their Referers, or, where no Referer is logged, by clients that ask for nothing else.

When it is wrong: a single-page application of the same owner asks for the route from another domain; it is its own
embed then, and the fix is the same.`,
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
