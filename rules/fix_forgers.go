package rules

import (
	"fmt"
	"strings"

	"culprit/correlate"
)

// forgersFix refuses what calls itself a crawler from addresses that the operator says are not its own: the only ban that
// costs nothing, since who is refused lied. Name and address must both match, so a person behind the same address passes.
// Private addresses are left out: they may be a proxy's.
func (c *Case) forgersFix(h Hypothesis) (Fix, bool) {
	var forgers []*correlate.Group
	for _, g := range c.culpritGroups(h) {
		if g.Kind == correlate.CrawlerGroup && g.Identity.Claim == correlate.Spoofed && !g.Identity.Private && len(networksOf(g)) > 0 && agentPattern(g) != "~^()$" {
			forgers = append(forgers, g)
		}
	}
	p, ok := c.findNginx()
	if len(forgers) == 0 || !ok || p.inHTTP || c.Web == nil {
		return Fix{}, false // an if stands in a server alone
	}
	var names []string
	for _, g := range forgers {
		names = append(names, targetName(g))
	}
	f := Fix{
		ID:    "verify-bot-ip",
		Title: "Refuse " + joinAnd(names),
		Risk:  "none for the real one: its addresses are others (" + forgers[0].Identity.Reason + ")",
		Undo:  "patch -R -p1 with the same patch, nginx -t, reload",
		Check: "nginx -t && systemctl reload nginx; then: grep -c '\" 403 ' /var/log/nginx/access.log",
	}
	l := forgersBlock(forgers)
	f = c.patch(f, p.file, limitsChange(p, l, strings.Split(string(c.Configs[p.file].Text), "\n")))
	r := c.Web.Through(memberOf(forgers), nil, memberOf(forgers))
	f.Effect.Before = fmt.Sprintf("%s requests under a forged name passed", count(r.Culprits.Requests))
	left, prevents := c.keysLeft(r, h)
	f.Effect.After = fmt.Sprintf("%s of %s refused with 403, and %s of anybody else's%s", count(r.Culprits.Refused), count(r.Culprits.Requests), count(r.Others.Refused), left)
	f.Effect.Prevents = prevents
	return f, f.Kind == KindPatch
}

// forgersBlock marks a request by the number of the forger whose networks and name it has.
func forgersBlock(forgers []*correlate.Group) nginxLimits {
	var l nginxLimits
	add := func(format string, args ...any) { l.http = append(l.http, fmt.Sprintf(format, args...)) }
	add("# culprit verify-bot-ip: names that are not true of these addresses.")
	add("geo $forger_net {")
	add("    default 0;")
	for i, g := range forgers {
		for _, n := range networksOf(g) {
			add("    %s %d;", n, i+1)
		}
	}
	add("}")
	add(`map "$forger_net:$http_user_agent" $forger {`)
	add("    default 0;")
	for i, g := range forgers {
		pattern, fold := strings.TrimPrefix(agentPattern(g), "~"), "~"
		if rest, ok := strings.CutPrefix(pattern, "*"); ok {
			pattern, fold = ".*"+rest, "~*"
		}
		add("    %s 1;", nginxQuote(fmt.Sprintf("%s^%d:%s", fold, i+1, strings.TrimPrefix(pattern, "^"))))
	}
	add("}")
	l.server = append(l.server, "if ($forger) {", "    return 403;", "}")
	return l
}
