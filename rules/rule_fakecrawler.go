package rules

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"culprit/correlate"
)

var _ = register(Rule{
	ID: "fake-crawler-private-address",
	Doc: `An agent that names itself Googlebot (or another operator's crawler) comes from a private address, from which no
crawler of the internet can come. There are two explanations, and they need different answers:

  a proxy   stands in front and nginx logs its address instead of the client's. Then many agents share that address, and hardly
            anybody comes from a public one. A limit by address would hit everybody; real_ip has to be set first.
  a forger  inside, or behind a NAT or VPN: each address carries one agent or two, and public clients are logged beside it.

set_real_ip_from in nginx.conf is cited: where it covers the address, the proxy itself vouches that the client is
inside.

Arithmetic:

    agents on the address >= 5                        a proxy: an office's NAT with five crawlers in it is not met
    agents <= 2, and public clients in the same log   a forger; or a second way in, past the proxy
    else                                              open, and said to be

Threshold: Twenty requests: below that somebody tries curl -A. Private is what RFC 1918, RFC 6598 and RFC 4193 set
apart. Monitoring probes and tools are left out: they live inside.

When it is wrong: the addresses in the log were made anonymous, or a VPN gives its users private ones and the crawler
is your own.`,
	Needs: []Sort{NeedsAccess},
	Check: checkFakeCrawler,
})

const (
	tried        = 20
	proxyAgents  = 5
	forgerAgents = 2
)

func checkFakeCrawler(c *Case) []Finding {
	fake := map[string][]*correlate.Group{} // by what they are
	var list []*correlate.Group
	for _, g := range c.Web.Groups {
		if g.Kind == correlate.CrawlerGroup && g.Identity.Private && g.Agent.Operator != "" && g.Agent.Class != correlate.Tool && g.Requests >= tried {
			list = append(list, g)
		}
	}
	if len(list) == 0 {
		return nil
	}
	agents, private, public := c.addressBook(list)
	for _, g := range list {
		most := 0
		for _, m := range g.Members {
			most = max(most, len(agents[m.Addr]))
		}
		kind := "open"
		switch {
		case most >= proxyAgents:
			kind = "proxy"
		case most <= forgerAgents && public > 0:
			kind = "forger"
		}
		fake[kind] = append(fake[kind], g)
	}
	realIP := c.settings("nginx", "set_real_ip_from")
	var out []Finding
	if groups := fake["proxy"]; len(groups) > 0 {
		f := c.fakeFinding(groups, agents, private, public, realIP)
		f.Title = fmt.Sprintf("%s %s through a proxy that nginx does not look behind: %s agents share %s", whoFrom(groups), numbered(len(groups), "comes", "come"),
			count(len(agents[busiest(groups, agents)])), busiest(groups, agents))
		f.Detail = "Their true addresses are not in this log, so nobody can be called a forger, and a limit by address would hit every visitor. Set real_ip_header and set_real_ip_from for the proxy first."
		out = append(out, f)
	}
	for _, g := range fake["forger"] {
		f := c.fakeFinding([]*correlate.Group{g}, agents, private, public, realIP)
		f.Title = fmt.Sprintf("%s is forged: no crawler of %s's comes from a private address, and %s clients come from public ones", whoFrom([]*correlate.Group{g}),
			g.Agent.Operator, count(public))
		f.Detail = fmt.Sprintf("Each of its addresses carries at most %d agents, so it is no proxy for everybody; a proxy on one way in would look like this too. ", forgerAgents) + realIPWord(realIP)
		f.Fixes = c.Advise("nginx-limit-req", "verify-bot-ip")
		out = append(out, f)
	}
	for _, g := range fake["open"] {
		f := c.fakeFinding([]*correlate.Group{g}, agents, private, public, realIP)
		f.Title = fmt.Sprintf("%s is either forged or seen through a proxy: no crawler of %s's comes from a private address", whoFrom([]*correlate.Group{g}), g.Agent.Operator)
		f.Detail = fmt.Sprintf("%d agents share %s, and %s public clients are logged: too few of either to tell. ", len(agents[busiest([]*correlate.Group{g}, agents)]),
			busiest([]*correlate.Group{g}, agents), count(public)) + realIPWord(realIP)
		out = append(out, f)
	}
	return out
}

func (c *Case) fakeFinding(groups []*correlate.Group, agents map[string]map[string]bool, private, public int, realIP []correlate.Setting) Finding {
	f := Finding{Role: RoleHygiene, Fixes: c.Advise("verify-bot-ip")}
	n := int64(0)
	for _, g := range groups {
		n += g.Requests
		f.Evidence = append(f.Evidence, g.First)
		if c.blamed(g) {
			f.Role = RoleContributing
		}
	}
	if len(f.Evidence) > 3 {
		f.Evidence = f.Evidence[:3]
	}
	for i, s := range realIP {
		if i < 2 {
			f.Evidence = append(f.Evidence, s.Ev)
		}
	}
	f.Quantities = []Quantity{
		{"requests", float64(n), "requests", ""},
		{"agents on the busiest of its addresses", float64(len(agents[busiest(groups, agents)])), "agents", ""},
		{"private addresses in the log", float64(private), "addresses", ""},
		{"public addresses in the log", float64(public), "addresses", ""},
	}
	return f
}

// addressBook lists the agents of every address of the groups, and counts the log's private and public addresses.
func (c *Case) addressBook(groups []*correlate.Group) (agents map[string]map[string]bool, private, public int) {
	agents = map[string]map[string]bool{}
	for _, g := range groups {
		for _, m := range g.Members {
			agents[m.Addr] = map[string]bool{}
		}
	}
	var addrs []string
	c.Web.EachClient(func(cl correlate.Client) {
		if a := agents[cl.Addr]; a != nil {
			a[cl.Agent] = true
		}
		addrs = append(addrs, cl.Addr)
	})
	slices.Sort(addrs)
	for _, text := range slices.Compact(addrs) {
		if addr, ok := correlate.ParseClient([]byte(text)); ok {
			if correlate.IsPrivate(addr) {
				private++
			} else {
				public++
			}
		}
	}
	return agents, private, public
}

// blamed: the group carries the keys of a leak that did harm.
func (c *Case) blamed(g *correlate.Group) bool {
	if !c.harmed() || c.Leak.State != Established && c.Leak.State != Possible {
		return false
	}
	return slices.ContainsFunc(c.sources(c.Leak).crawlers, func(s correlate.Share) bool { return s.Group == g })
}

func realIPWord(realIP []correlate.Setting) string {
	if len(realIP) > 0 {
		return "set_real_ip_from is configured: what is logged as private comes from inside, or through a proxy that it does not name."
	}
	return "No set_real_ip_from is in the nginx configuration at hand."
}

// whoFrom names crawlers with their addresses.
func whoFrom(groups []*correlate.Group) string {
	names := map[string]bool{}
	for _, g := range groups {
		names[g.Name] = true
	}
	list := slices.Sorted(maps.Keys(names))
	if len(list) > 3 {
		list = append(list[:3], fmt.Sprintf("%d more", len(list)-3))
	}
	var addrs []string
	for _, g := range groups {
		for _, m := range g.Members {
			if !slices.Contains(addrs, m.Addr) {
				addrs = append(addrs, m.Addr)
			}
		}
	}
	slices.SortFunc(addrs, func(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b)) })
	from := joinAnd(addrs)
	if len(addrs) > 3 {
		from = fmt.Sprintf("%d private addresses", len(addrs))
	}
	return joinAnd(list) + " from " + from
}

// busiest is the group's address with the most agents.
func busiest(groups []*correlate.Group, agents map[string]map[string]bool) string {
	best := ""
	for _, g := range groups {
		for _, m := range g.Members {
			n, most := len(agents[m.Addr]), len(agents[best])
			if best == "" || n > most || n == most && m.Addr < best {
				best = m.Addr
			}
		}
	}
	return best
}
