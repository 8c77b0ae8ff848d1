package rules

import (
	"fmt"

	"culprit/correlate"
)

var _ = register(Rule{
	ID: "crawler-session-per-request",
	Doc: `A crawler keeps no cookies: to an application that opens a session on every page, each of its requests is a new
visitor, and each leaves a key.

Where no two snapshots lie inside the access log, the group's share of all requests that can open a session stands for
its share of the keys, and the finding says so. It stays quiet when the keys expire and do not pile up: a key that
goes by itself is no leak, however it came.

Arithmetic:

    keys a request    = least squares of each group's requests against the new keys, snapshot interval by interval, between 0 and 1.25
    share of new keys = page requests x keys a request / new keys

Threshold: A seventh of the new keys (below that it is the tail of another), with half a key a request: a visitor who
keeps cookies makes one key for many requests.

When it is wrong: two groups that come and go together cannot be told apart; the share is then a bound (see the
formula).`,
	Needs: []Sort{NeedsKeyspace, NeedsAccess},
	Check: checkCrawlerSessions,
})

// keysPerRequest: half a key a request; people make one key for the several pages of a visit.
const keysPerRequest = 0.5

func checkCrawlerSessions(c *Case) []Finding {
	l := c.Leak
	if l.State == Excluded || l.State == NotChecked || c.Growth.NoTTLShare < leakExplains && l.State != Established {
		return nil
	}
	s := c.sources(l)
	if !s.judged {
		return nil
	}
	measured := !l.After
	role := RoleHygiene
	if c.harmed() {
		role = RoleContributing
	}
	if c.established("crawler-session-leak") {
		role = RoleRoot
	}
	var out []Finding
	for _, sh := range s.crawlers {
		if measured && sh.PerRequest < keysPerRequest && !sh.Bound {
			continue
		}
		g := sh.Group
		f := Finding{Role: role, Evidence: []correlate.Evidence{g.First, c.Growth.Last.KeyspaceEvidence("")}}
		from, to := g.Span()
		who := groupName(g)
		if g.Kind == correlate.NetworkGroup && distinctAddrs(g) > 1 {
			who = "Network " + g.Name
		}
		f.Quantities = []Quantity{{"page requests", sh.Candidates, "requests", ""}}
		if measured {
			f.Title = fmt.Sprintf("%s made %s page requests and %s of the %s new keys, %.2f a request", who, count(sh.Candidates),
				percent(min(sh.Share, 1)), count(c.Who.NewKeys), sh.PerRequest)
			f.Evidence = append(f.Evidence, c.Growth.First.KeyspaceEvidence("the count it grew from"))
			f.Quantities = append(f.Quantities,
				Quantity{"keys a request", sh.PerRequest, "keys", "least squares over the snapshot intervals, between 0 and 1.25"},
				Quantity{"share of new keys", min(sh.Share, 1), "of new keys", "page requests x keys a request / new keys"})
			if s.byRate || sh.Bound {
				f.Detail = "A bound, not a fit: the group makes enough requests for this, and too few intervals tell it from the others."
			}
		} else {
			f.Title = fmt.Sprintf("%s made %s page requests in %s, %s of all that can open a session", who, count(sh.Candidates),
				spell(to.Sub(from)), percent(min(sh.Share, 1)))
			f.Detail = "No two snapshots of INFO lie in the time that the access log covers: the share of requests stands for the share of keys."
		}
		f.Fixes = c.Advise("session-ttl", crawlerFix(g))
		out = append(out, f)
	}
	return out
}

// crawlerFix: who says his name can be limited by it; who forges one, or says none, by address; monitoring not at all.
func crawlerFix(g *correlate.Group) string {
	if g.Kind == correlate.ProbeGroup {
		return "sessionless-probe"
	}
	if g.Kind == correlate.NetworkGroup || g.Identity.Claim == correlate.Spoofed || g.Identity.Private {
		return "nginx-limit-req"
	}
	return "nginx-bot-limit"
}

// established: the cause passes its tests. A rule that tells the cause's own asks this for its role.
func (c *Case) established(cause string) bool {
	for _, k := range causes {
		if k.ID == cause {
			return k.Judge(c).State == Established
		}
	}
	return false
}
