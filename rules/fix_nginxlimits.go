package rules

import (
	"cmp"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"

	"culprit/correlate"
)

var _ = registerFix(FixMaker{
	ID:   "nginx-bot-limit",
	Doc:  "slows named crawlers down with one zone a crawler; never bans one that brings visitors",
	Make: func(c *Case, h Hypothesis) []Fix { return c.nginxFixes("nginx-bot-limit", h) },
})

var _ = registerFix(FixMaker{
	ID:   "nginx-limit-req",
	Doc:  "slows addresses and networks down that browse like machines or forge a crawler's name",
	Make: func(c *Case, h Hypothesis) []Fix { return c.nginxFixes("nginx-limit-req", h) },
})

// target is a group to be slowed down, with what tells its requests.
type target struct {
	group *correlate.Group
	key   string   // the constant that its requests share
	agent string   // pattern for $http_user_agent; "" = by address
	nets  []string // for geo
	pace  float64  // its requests a second while it is active
	rate  int      // r/m for all of it together
	each  int      // r/m for one address
}

// culpritGroups are the groups of requests that the verdict names.
func (c *Case) culpritGroups(h Hypothesis) []*correlate.Group {
	if c.Web == nil {
		return nil
	}
	named := map[string]bool{}
	for _, cu := range h.Culprits {
		named[cu.Value] = true
	}
	var out []*correlate.Group
	for _, g := range c.Web.Groups {
		hit := named[g.Name] && g.Name != "" || slices.ContainsFunc(g.Networks, func(net string) bool { return named[net] })
		for i := 0; i < len(g.Members) && i < 50 && !hit; i++ {
			hit = named[g.Members[i].Addr]
		}
		// An address may be named for one agent and be innocent under another: the group must be automated or a route.
		if hit && g.Kind != correlate.PeopleGroup && g.Kind != correlate.ProbeGroup {
			out = append(out, g)
		}
	}
	return out
}

// cut is the part of its pace that a crawl keeps: a tenth leaves a search engine its index and takes nine in ten of the
// sessions it makes.
const cut = 0.1

func (c *Case) targets(id string, groups []*correlate.Group) []target {
	var out []target
	used := map[string]bool{}
	for _, g := range groups {
		if g.Kind == correlate.RouteGroup || g.Requests < crawlsAlone/2 {
			continue
		}
		byAddr := g.Kind == correlate.NetworkGroup || g.Identity.Claim == correlate.Spoofed || g.Identity.Private
		if byAddr != (id == "nginx-limit-req") {
			continue
		}
		t := target{group: g}
		from, to := g.Span()
		secs := to.Sub(from).Seconds()
		if secs <= 0 {
			continue
		}
		t.pace = float64(g.Requests) / secs
		t.rate = max(int(math.Round(t.pace*60*cut)), 1)
		addrs := max(distinctAddrs(g), 1)
		t.each = max(int(math.Ceil(float64(t.rate)/float64(addrs))), 1)
		if byAddr {
			t.nets = networksOf(g)
			t.key = "net-" + keyWord(g.Name)
			if g.Kind == correlate.CrawlerGroup {
				t.key = "claims-" + keyWord(g.Name)
				t.agent = agentPattern(g)
			}
		} else {
			t.key, t.agent = keyWord(g.Name), agentPattern(g)
		}
		if t.key == "" || used[t.key] {
			continue
		}
		used[t.key] = true
		out = append(out, t)
	}
	return out
}

var notWord = regexp.MustCompile(`[^a-z0-9]+`)

// keyWord makes one constant of a name: a captured text would give googleBOT a bucket of its own.
func keyWord(name string) string {
	return strings.Trim(notWord.ReplaceAllString(strings.ToLower(name), "-"), "-")
}

// agentPattern matches the group's agents: by the crawler's name when they all hold it, else by the agents themselves.
func agentPattern(g *correlate.Group) string {
	name := strings.ToLower(g.Name)
	all := name != ""
	for _, m := range g.Members {
		all = all && strings.Contains(strings.ToLower(m.Agent), name)
	}
	if all {
		return "~*" + regexp.QuoteMeta(g.Name)
	}
	var parts []string
	for _, m := range g.Members {
		if m.Agent != "" && len(parts) < 8 && !slices.Contains(parts, regexp.QuoteMeta(m.Agent)) {
			parts = append(parts, regexp.QuoteMeta(m.Agent))
		}
	}
	return "~^(" + strings.Join(parts, "|") + ")$"
}

// networksOf are the addresses of a group, its networks when there are many.
func networksOf(g *correlate.Group) []string {
	if len(g.Networks) > 0 {
		return g.Networks[:min(len(g.Networks), 200)]
	}
	if g.Kind == correlate.NetworkGroup && (!g.Among || distinctAddrs(g) > manyAddresses) {
		return []string{g.Name}
	}
	var out []string
	many := distinctAddrs(g) > manyAddresses
	for _, m := range g.Members {
		s := m.Addr
		addr, ok := correlate.ParseClient([]byte(s))
		if !ok {
			continue
		}
		s = addr.String()
		if many {
			s = correlate.Network(addr).String()
		}
		if !slices.Contains(out, s) && len(out) < 200 {
			out = append(out, s)
		}
	}
	slices.Sort(out)
	return out
}

func (c *Case) nginxFixes(id string, h Hypothesis) []Fix {
	groups := c.culpritGroups(h)
	targets := c.targets(id, groups)
	f := Fix{ID: id, Check: "nginx -t && systemctl reload nginx; then: grep -c '\" 429 ' /var/log/nginx/access.log"}
	f.Undo = "patch -R -p1 with the same patch, nginx -t, reload"
	if len(targets) == 0 {
		f.Title = "Limit how fast crawlers may ask"
		f.Text = "The input does not show which requests to slow down by (no agent or no address in the log format).\n" +
			"In http{}:\n  limit_req_zone $binary_remote_addr zone=addr:10m rate=30r/m;\n  limit_req_status 429;\nin server{}:\n  limit_req zone=addr burst=20 nodelay;\nMeasure people's own pace first: this log cannot say what the limit would cost them."
		f.Risk = "an office or a mobile carrier behind one address shares the limit"
		return []Fix{f}
	}
	l := c.writeLimits(id, targets)
	replay := c.Web.Through(nil, limitsOf(targets), memberOf(groupsOf(targets)))
	var names []string
	for _, t := range targets {
		names = append(names, targetName(t.group))
	}
	f.Title = "Slow down " + joinAnd(names)
	f.Risk = c.limitCost(targets, replay)
	f.Effect = c.limitEffect(targets, replay, h)
	if s := missingIncludes(c.Incident); len(s) > 0 {
		f.Risk += "; " + includesNote(s)
	}
	if replay.Culprits.Refused == 0 {
		// A limit that would not have fired is not recommended.
		f.Title = "Leave the request rate alone: a limit would not have fired"
		f.Text = fmt.Sprintf("Replayed with %s, no request of %s would have been refused. The keys are what to mend: session-ttl.", ratesOf(targets), joinAnd(names))
		f.Undo, f.Check = "", ""
		return []Fix{f}
	}
	f.Text = c.realIPAdvice(targets)
	p, ok := c.findNginx()
	if ok {
		f = c.patch(f, p.file, limitsChange(p, l, strings.Split(string(c.Configs[p.file].Text), "\n")))
	}
	if f.Kind != KindPatch {
		f.Target = "nginx.conf"
		f.Text = strings.TrimSpace("In http{}, outside every server{}:\n  " + strings.Join(l.http, "\n  ") + "\nin the server{} that answers:\n  " + strings.Join(l.server, "\n  ") + "\n" + f.Text)
	}
	return []Fix{f}
}

func targetName(g *correlate.Group) string {
	if g.Kind == correlate.CrawlerGroup && (g.Identity.Claim == correlate.Spoofed || g.Identity.Private) {
		return fmt.Sprintf("what calls itself %s from %s", g.Name, short3(networksOf(g)))
	}
	return groupName(g)
}

func short3(list []string) string {
	if len(list) > 3 {
		return fmt.Sprintf("%s and %d more", strings.Join(list[:3], ", "), len(list)-3)
	}
	return joinAnd(list)
}

func ratesOf(targets []target) string {
	var out []string
	for _, t := range targets {
		out = append(out, fmt.Sprintf("%dr/m for %s", t.rate, t.key))
	}
	return joinAnd(out)
}

func groupsOf(targets []target) []*correlate.Group {
	var out []*correlate.Group
	for _, t := range targets {
		out = append(out, t.group)
	}
	return out
}

// memberOf tells the requests of groups.
func memberOf(groups []*correlate.Group) func(addr, agent string) bool {
	in := map[[2]string]bool{}
	for _, g := range groups {
		for _, m := range g.Members {
			in[[2]string{m.Addr, m.Agent}] = true
		}
	}
	return func(addr, agent string) bool { return in[[2]string{addr, agent}] }
}

// limitBurst: what a crawler may ask at once before the pace holds; browsers' parallel fetches do not reach these zones.
const limitBurst = 5

// limitsOf are the zones as the replay runs them.
func limitsOf(targets []target) []correlate.Limit {
	var out []correlate.Limit
	for _, t := range targets {
		matches := t.matcher()
		out = append(out, correlate.Limit{Rate: float64(t.rate) / 60, Burst: limitBurst, Key: func(addr, agent string) string {
			if matches(addr, agent) {
				return t.key
			}
			return ""
		}})
		if distinctAddrs(t.group) > 1 {
			out = append(out, correlate.Limit{Rate: float64(t.each) / 60, Burst: limitBurst, Key: func(addr, agent string) string {
				if matches(addr, agent) {
					return addr
				}
				return ""
			}})
		}
	}
	return out
}

// matcher is what nginx will match: the pattern, the networks, or both.
func (t *target) matcher() func(addr, agent string) bool {
	var re *regexp.Regexp
	if t.agent != "" {
		p := strings.TrimPrefix(t.agent, "~")
		if rest, ok := strings.CutPrefix(p, "*"); ok {
			p = "(?i)" + rest
		}
		re, _ = regexp.Compile(p)
	}
	nets := map[string]bool{}
	for _, n := range t.nets {
		nets[n] = true
	}
	return func(addr, agent string) bool {
		if re != nil && !re.MatchString(agent) {
			return false
		}
		if len(nets) == 0 {
			return re != nil
		}
		a, ok := correlate.ParseClient([]byte(addr))
		return ok && (nets[a.String()] || nets[correlate.Network(a).String()])
	}
}

// writeLimits writes a map with one constant a crawler, and the zones. Requests that match nothing have an empty key, which
// nginx does not count: people keep their own pace.
func (c *Case) writeLimits(id string, targets []target) nginxLimits {
	var l nginxLimits
	word := "crawler"
	if id == "nginx-limit-req" {
		word = "suspect"
	}
	add := func(format string, args ...any) { l.http = append(l.http, fmt.Sprintf(format, args...)) }
	byAddr, byAgent := false, false
	for _, t := range targets {
		byAddr, byAgent = byAddr || len(t.nets) > 0, byAgent || t.agent != ""
	}
	add("# culprit %s: requests that match nothing here are not limited.", id)
	source := "$http_user_agent"
	if byAddr {
		add("geo $%s_net {", word)
		add("    default 0;")
		for i, t := range targets {
			for _, n := range t.nets {
				add("    %s %d;", n, i+1)
			}
		}
		add("}")
		source = `"$` + word + `_net:$http_user_agent"`
		if !byAgent {
			source = "$" + word + "_net"
		}
	}
	add("map %s $%s {", source, word)
	add(`    default "";`)
	for i, t := range targets {
		switch {
		case byAddr && byAgent:
			pattern := ".*"
			if t.agent != "" {
				pattern = strings.TrimPrefix(t.agent, "~")
			}
			fold := "~"
			if rest, ok := strings.CutPrefix(pattern, "*"); ok && t.agent != "" {
				fold, pattern = "~*", ".*"+rest
			}
			pattern = strings.TrimPrefix(pattern, "^")
			add("    %s %s;", nginxQuote(fmt.Sprintf("%s^%d:%s", fold, i+1, pattern)), t.key)
		case byAddr:
			add("    %d %s;", i+1, t.key)
		default:
			add("    %s %s;", nginxQuote(t.agent), t.key)
		}
	}
	add("}")
	several := false
	for _, t := range targets {
		several = several || distinctAddrs(t.group) > 1
	}
	if several {
		add("map $%s $%s_addr {", word, word)
		add(`    default "$%s $binary_remote_addr";`, word)
		add(`    "" "";`)
		add("}")
	}
	// A zone has one rate: crawlers of different pace get zones of their own.
	for i, z := range zonesOf(targets) {
		suffix := ""
		key := "$" + word
		if len(zonesOf(targets)) > 1 {
			suffix = "_" + strings.ReplaceAll(z.key, "-", "_")
			key = fmt.Sprintf("$%s_key%d", word, i+1)
			add("map $%s %s { default \"\"; %s %s; }", word, key, z.key, z.key)
		}
		add("limit_req_zone %s zone=%s%s:1m rate=%dr/m;", key, word, suffix, z.rate)
		l.server = append(l.server, fmt.Sprintf("limit_req zone=%s%s burst=%d nodelay;", word, suffix, limitBurst))
		if distinctAddrs(z.group) > 1 {
			addrKey := "$" + word + "_addr"
			if suffix != "" {
				addrKey = fmt.Sprintf("$%s_addr%d", word, i+1)
				add("map %s %s { default \"%s $binary_remote_addr\"; \"\" \"\"; }", key, addrKey, z.key)
			}
			add("limit_req_zone %s zone=%s%s_addr:10m rate=%dr/m;", addrKey, word, suffix, z.each)
			l.server = append(l.server, fmt.Sprintf("limit_req zone=%s%s_addr burst=%d nodelay;", word, suffix, limitBurst))
		}
	}
	if len(zonesOf(targets)) > 1 && several {
		// each zone has its own map of addresses: the common one is not needed
		for i, s := range l.http {
			if strings.HasPrefix(s, "map $"+word+" $"+word+"_addr {") {
				l.http = slices.Delete(l.http, i, i+4)
				break
			}
		}
	}
	l.server = append(l.server, "limit_req_status 429;")
	return l
}

func zonesOf(targets []target) []target { return targets }

// limitCost says what the limit takes from whom it should not.
func (c *Case) limitCost(targets []target, r correlate.LimitReplay) string {
	people := "nobody else is refused in the replay"
	if r.Others.Refused > 0 {
		people = fmt.Sprintf("%s of %s requests by others are refused too", count(r.Others.Refused), count(r.Others.Requests))
	}
	for _, t := range targets {
		// A crawl gets pages, but for those that failed. Of a program's requests to an API hardly one is answered with a page.
		if answered := t.group.Requests - t.group.InVain; t.group.Pages*10 < answered {
			return fmt.Sprintf("%s; of %s answers %s got, %s were pages: it is a program that asks for something else, an API or what is not there, and its owner will notice. An application that opens no session there needs no limit", people, count(answered), groupName(t.group), count(t.group.Pages))
		}
		if t.group.Agent.Class == correlate.Search && t.group.Identity.Claim == correlate.Verified {
			return fmt.Sprintf("%s; %s is a search engine, shown by its address: 429 only slows its index down, while a ban (403) would cost the shop its place in it", people, t.group.Name)
		}
	}
	return people
}

func (c *Case) limitEffect(targets []target, r correlate.LimitReplay, h Hypothesis) Effect {
	e := Effect{
		Before: fmt.Sprintf("%s requests of %s passed", count(r.Culprits.Requests), joinAnd(namesOf(targets))),
		After: fmt.Sprintf("at %s burst %d: %s of %s refused with 429 (%s), the first at %s; %s",
			ratesOf(targets), limitBurst, count(r.Culprits.Refused), count(r.Culprits.Requests), percent(float64(r.Culprits.Refused)/float64(max(r.Culprits.Requests, 1))),
			clockTime(r.Culprits.First), "requests taken as evenly spread within "+spell(r.Width)),
	}
	left, prevents := c.keysLeft(r, h)
	e.After += left
	e.Prevents = prevents
	return e
}

// keysLeft says what a gate would have left of the keys that the culprits made: the refused pages' part of them is gone. Slower
// is not stopped: keys that never expire still fill any memory. It is a brake, and session-ttl the cure.
func (c *Case) keysLeft(r correlate.LimitReplay, h Hypothesis) (text string, prevents correlate.Outcome) {
	if c.After && r.Culprits.Pages > 0 {
		return c.slowerFill(r), correlate.Unknown
	}
	g := c.Growth
	if g == nil || r.Culprits.Pages == 0 || h.Explained <= 0 || !g.DNoTTL.OK {
		return "", correlate.Unknown
	}
	kept := max(1-h.Explained*float64(r.Culprits.PagesCut)/float64(r.Culprits.Pages), 0)
	text = fmt.Sprintf("; %s of the new keys are left", percent(kept))
	if rss, room, ok := c.resident(kept); ok {
		prevents = correlate.Judge(true, float64(rss) <= roomToSpare*float64(room))
		text += fmt.Sprintf(": %s instead of %s at the time of the kill", bytesIn(rss), bytesIn(room))
	}
	return text, prevents
}

// slowerFill: with nothing but a pace to go by, how much longer what was resident takes to fill.
func (c *Case) slowerFill(r correlate.LimitReplay) string {
	perDay, ok := c.candidatesPerDay()
	room, okRoom := c.room()
	per := c.bytesPerKey()
	days := c.Web.To.Sub(c.Web.From).Hours() / 24
	if !ok || !okRoom || per <= 0 || days <= 0 {
		return ""
	}
	left := max(perDay-float64(r.Culprits.PagesCut)/days, 0)
	if left == 0 {
		return ""
	}
	return fmt.Sprintf("; %s new keys a day instead of %s: %s fill in %s days instead of %s. A brake: session-ttl is the cure",
		count(left), count(perDay), bytesIn(room), count(float64(room)/per/left), count(float64(room)/per/perDay))
}

func namesOf(targets []target) []string {
	var out []string
	for _, t := range targets {
		name := cmp.Or(t.group.Name, t.key)
		if t.group.Among || len(t.group.Networks) > 0 {
			name = groupName(t.group)
		}
		out = append(out, name)
	}
	return out
}

// realIPAdvice: when the addresses are a proxy's, a limit by address hits everybody behind it.
func (c *Case) realIPAdvice(targets []target) string {
	private := false
	for _, t := range targets {
		private = private || t.group.Identity.Private
	}
	if !private || len(c.settings("nginx", "set_real_ip_from")) > 0 {
		return ""
	}
	return "The addresses are private. If a proxy or load balancer of yours has them, nginx sees it and not the client: set it first,\n" +
		"  set_real_ip_from " + short3(privateNets(targets)) + ";\n  real_ip_header X-Forwarded-For;\n  real_ip_recursive on;\nand judge the crawler by the address that then shows."
}

func privateNets(targets []target) []string {
	var out []string
	for _, t := range targets {
		for _, n := range t.nets {
			if addr, ok := correlate.ParseClient([]byte(n)); ok && correlate.IsPrivate(addr) {
				if p := correlate.Network(addr).String(); !slices.Contains(out, p) {
					out = append(out, p)
				}
			}
		}
	}
	return out[:min(1, len(out))]
}
