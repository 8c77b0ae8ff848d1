package rules

import (
	"fmt"
	"strings"

	"culprit/correlate"
)

var _ = registerFix(FixMaker{
	ID:   "verify-bot-ip",
	Doc:  "finds out whether a crawler's name is true, and where private addresses come from",
	Make: (*Case).verifyFixes,
})

func (c *Case) verifyFixes(h Hypothesis) []Fix {
	f := Fix{
		Title: "Check who calls itself a crawler before deciding what it may do",
		Kind:  KindCommand,
		Risk:  "none: it asks the DNS",
		Undo:  "nothing to undo",
	}
	var lines, notes []string
	for _, g := range c.culpritGroups(h) {
		if g.Kind != correlate.CrawlerGroup || g.Identity.Claim == correlate.Verified {
			continue
		}
		private := g.Identity.Private
		for i, m := range g.Members {
			if i == 3 {
				break
			}
			addr, ok := correlate.ParseClient([]byte(m.Addr))
			if !ok {
				continue
			}
			if private {
				lines = append(lines, fmt.Sprintf("ip neigh show %s; getent hosts %s   # whose machine is it: a proxy of yours, or one that crawls?", addr, addr))
				continue
			}
			lines = append(lines, fmt.Sprintf(`n=$(dig -x %s +short); echo "$n"; dig "$n" +short   # must end in %s and lead back to %s`, addr, orWord(g.Agent.RDNS, "the operator's domain"), addr))
		}
		reason := g.Reason
		if private {
			reason = "a private address is nobody's crawler: " + reason
		}
		notes = append(notes, fmt.Sprintf("%s: %s", g.Name, reason))
	}
	if len(lines) == 0 {
		f.Kind = KindManual
		f.Text = "For each address that claims a crawler's name: its reverse DNS name must end in the operator's domain, and that name must lead back to the address (`dig -x ADDRESS +short`, then `dig NAME +short`)."
		return []Fix{f}
	}
	f.Text = strings.Join(lines, "\n")
	f.Risk += ". " + strings.Join(notes, "; ")
	f.Check = "the second answer is the address itself: genuine, limit it; else a forger, and a 403 costs nothing"
	if len(notes) > 0 && !strings.Contains(f.Text, "dig ") {
		f.Check = "the machine is named: a proxy of yours gets real_ip, one that crawls gets the limit or a 403, which costs nothing"
		f.Risk = strings.Replace(f.Risk, "asks the DNS", "asks the neighbour table and the DNS", 1)
	}
	f.Effect.Before = "the name alone decides, and anyone can claim it"
	f.Effect.After = "a genuine crawler keeps its place in the index, a forged one can be refused"
	if ban, ok := c.forgersFix(h); ok {
		return []Fix{ban, f}
	}
	return []Fix{f}
}
