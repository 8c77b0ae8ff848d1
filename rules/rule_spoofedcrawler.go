package rules

import (
	"fmt"

	"culprit/correlate"
)

var _ = register(Rule{
	ID: "spoofed-crawler",
	Doc: `An agent names itself a crawler whose operator publishes all its addresses, and comes from none of them. Nothing is
asked of the network: a crawler whose operator publishes no list, or one that volunteers run (MJ12bot), is
unverifiable and never called forged.

Arithmetic:

    forged = requests of the name from addresses outside every network that its operator publishes; the finding cites
             network, list and date (crawlernets.tsv)

Threshold: Twenty requests: below that somebody tries curl -A.

When it is wrong: the operator has added networks since the list's date, which is why the title does not say forged.
"dig -x ADDRESS" and the operator's own list tell.`,
	Needs: []Sort{NeedsAccess},
	Check: checkSpoofedCrawler,
})

func checkSpoofedCrawler(c *Case) []Finding {
	var out []Finding
	for _, g := range c.Web.Groups {
		if g.Kind != correlate.CrawlerGroup || g.Identity.Claim != correlate.Spoofed || g.Requests < tried {
			continue
		}
		ev := g.First
		ev.Note = g.Reason
		f := Finding{Role: RoleHygiene, Evidence: []correlate.Evidence{ev}, Fixes: c.Advise("verify-bot-ip"),
			Title:      fmt.Sprintf("%s made %s requests from outside %s's published networks", groupName(g), count(g.Requests), g.Agent.Operator),
			Detail:     sentence(g.Reason),
			Quantities: []Quantity{{"requests", float64(g.Requests), "requests", ""}, {"addresses", float64(distinctAddrs(g)), "addresses", ""}}}
		if c.blamed(g) {
			f.Role = RoleContributing
			f.Fixes = c.Advise("nginx-limit-req", "verify-bot-ip")
		}
		out = append(out, f)
	}
	return out
}
