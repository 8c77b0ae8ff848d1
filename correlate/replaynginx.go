package correlate

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"culprit/parsers"
)

// Gate is what a site's nginx does with a request before anything answers it: refuses it by an `if`, or limits its pace. It
// is read from the settings as nginx would: maps and geos are evaluated, keys put together.
type Gate struct {
	Refuse   func(addr, agent string) bool // an if with return 4xx
	Limits   []Limit
	Names    []string // of the limits: "crawler 2r/m burst 5"
	Problems []string // what could not be replayed, with its place
}

// GateOf reads the gate from the nginx files of the input.
func (inc *Incident) GateOf() Gate {
	e := &nginxEval{inc: inc, maps: map[string]Setting{}, tables: map[string]*nginxTable{}}
	var g Gate
	zones := map[string]Setting{}
	for _, s := range inc.Settings {
		if s.System != "nginx" {
			continue
		}
		switch {
		case (s.Name == "map" && len(s.Args) == 2 || s.Name == "geo" && len(s.Args) > 0) && s.Block:
			e.maps[s.Args[len(s.Args)-1]] = s
		case s.Name == "limit_req_zone" && len(s.Args) >= 3:
			for _, a := range s.Args {
				if z, ok := strings.CutPrefix(a, "zone="); ok {
					name, _, _ := strings.Cut(z, ":")
					zones[name] = s
				}
			}
		}
	}
	var refusals []func(addr, agent string) bool
	seen := map[string]bool{}
	for _, s := range inc.Settings {
		if s.System != "nginx" {
			continue
		}
		switch {
		case s.Name == "if" && s.Block:
			for _, in := range inc.inside(s) {
				if in.Name == "return" && len(in.Args) > 0 && (strings.HasPrefix(in.Args[0], "4") || strings.HasPrefix(in.Args[0], "5")) {
					if test, why := e.condition(s); why != "" {
						g.Problems = append(g.Problems, why)
					} else {
						refusals = append(refusals, test)
					}
				}
			}
		case s.Name == "limit_req" && len(s.Args) > 0:
			l, name, why := e.limit(s, zones)
			if why != "" {
				g.Problems = append(g.Problems, why)
			} else if !seen[name] {
				seen[name] = true
				g.Limits, g.Names = append(g.Limits, l), append(g.Names, name)
			}
		}
	}
	g.Refuse = func(addr, agent string) bool {
		for _, r := range refusals {
			if r(addr, agent) {
				return true
			}
		}
		return false
	}
	for _, t := range e.tables {
		if t.problem != "" {
			g.Problems = append(g.Problems, t.problem)
		}
	}
	slices.Sort(g.Problems)
	return g
}

type nginxEval struct {
	inc    *Incident
	maps   map[string]Setting
	tables map[string]*nginxTable // by variable, compiled at first use
}

// nginxTable is a compiled map or geo.
type nginxTable struct {
	source  string
	def     string
	literal map[string]string
	regexps []tableRegexp
	nets    []tableNet
	problem string
}

type tableRegexp struct {
	re    *regexp.Regexp
	value string
}

type tableNet struct {
	net   netip.Prefix
	value string
}

func (e *nginxEval) table(variable string) *nginxTable {
	if t, ok := e.tables[variable]; ok {
		return t
	}
	s, ok := e.maps[variable]
	if !ok {
		return nil
	}
	t := &nginxTable{literal: map[string]string{}}
	e.tables[variable] = t
	if s.Name == "map" {
		t.source = s.Args[0]
	}
	for _, row := range e.inc.inside(s) {
		value := row.Value()
		pattern, isRegexp := strings.CutPrefix(parsers.UnescapeConf(row.Name), "~")
		switch {
		case row.Name == "default":
			t.def = value
		case row.Name == "hostnames" || row.Name == "volatile" || row.Name == "ranges" || row.Name == "proxy" || row.Name == "delete":
		case row.Name == "include":
			t.problem = fmt.Sprintf("%s:%d includes %s, which is not read", row.Ev.File, row.Ev.Line, value)
		case s.Name == "geo":
			name := row.Name
			if !strings.Contains(name, "/") {
				if strings.Contains(name, ":") {
					name += "/128"
				} else {
					name += "/32"
				}
			}
			p, err := netip.ParsePrefix(name)
			if err != nil {
				t.problem = fmt.Sprintf("%s:%d cannot be replayed: %q is no network", row.Ev.File, row.Ev.Line, row.Name)
				continue
			}
			t.nets = append(t.nets, tableNet{p.Masked(), value})
		case isRegexp:
			fold := ""
			if p, ok := strings.CutPrefix(pattern, "*"); ok {
				pattern, fold = p, "(?i)"
			}
			re, err := regexp.Compile(fold + pattern)
			if err != nil {
				t.problem = fmt.Sprintf("%s:%d cannot be replayed: %q is PCRE-only syntax", row.Ev.File, row.Ev.Line, pattern)
				continue
			}
			t.regexps = append(t.regexps, tableRegexp{re, value})
		default:
			t.literal[strings.ToLower(strings.TrimPrefix(row.Name, `\`))] = value
		}
	}
	return t
}

// maxNesting bounds maps of maps: nginx refuses a cycle, a log's copy of its files may hold one.
const maxNesting = 10

// value expands the variables of a text for one request. Unknown variables are empty, as where nginx has nothing to say.
func (e *nginxEval) value(text, addr, agent string, depth int) string {
	if depth > maxNesting || !strings.Contains(text, "$") {
		return text
	}
	var b strings.Builder
	for i := 0; i < len(text); {
		if text[i] != '$' {
			b.WriteByte(text[i])
			i++
			continue
		}
		j := i + 1
		if j < len(text) && text[j] == '{' {
			j++
		}
		start := j
		for j < len(text) && (text[j] == '_' || text[j] >= 'a' && text[j] <= 'z' || text[j] >= 'A' && text[j] <= 'Z' || text[j] >= '0' && text[j] <= '9') {
			j++
		}
		name := text[start:j]
		if start > i+1 && j < len(text) && text[j] == '}' {
			j++
		}
		b.WriteString(e.variable("$"+name, addr, agent, depth))
		i = j
	}
	return b.String()
}

func (e *nginxEval) variable(name, addr, agent string, depth int) string {
	switch name {
	case "$http_user_agent":
		return agent
	case "$binary_remote_addr", "$remote_addr", "$realip_remote_addr", "$http_x_forwarded_for":
		return addr
	case "$server_name", "$host", "$http_host":
		return "host" // one site: a key by host alone joins all requests
	}
	t := e.table(name)
	if t == nil {
		return ""
	}
	if t.source == "" { // geo
		best, value := -1, t.def
		if a, ok := ParseClient([]byte(addr)); ok {
			for _, n := range t.nets {
				if n.net.Contains(a) && n.net.Bits() > best {
					best, value = n.net.Bits(), n.value
				}
			}
		}
		return value
	}
	source := e.value(t.source, addr, agent, depth+1)
	value, ok := t.literal[strings.ToLower(source)]
	for i := 0; !ok && i < len(t.regexps); i++ {
		if t.regexps[i].re.MatchString(source) {
			value, ok = t.regexps[i].value, true
		}
	}
	if !ok {
		value = t.def
	}
	return e.value(value, addr, agent, depth+1)
}

// condition reads an if: a variable by itself, or one held against a text or a pattern.
func (e *nginxEval) condition(s Setting) (test func(addr, agent string) bool, why string) {
	cond := strings.TrimSpace(s.Value())
	cond = strings.TrimSpace(strings.TrimSuffix(strings.TrimPrefix(cond, "("), ")"))
	left, rest, _ := strings.Cut(cond, " ")
	op, right, _ := strings.Cut(strings.TrimSpace(rest), " ")
	right = strings.Trim(strings.TrimSpace(right), `"'`)
	switch left {
	case "$http_user_agent", "$remote_addr":
	default:
		if e.table(left) == nil {
			return func(string, string) bool { return false }, "" // of the path, the method, a cookie: not of who asks
		}
	}
	negated := strings.HasPrefix(op, "!")
	op = strings.TrimPrefix(op, "!")
	var holds func(v string) bool
	switch op {
	case "":
		holds = func(v string) bool { return v != "" && v != "0" }
	case "=":
		holds = func(v string) bool { return v == right }
	case "~", "~*":
		fold := ""
		if op == "~*" {
			fold = "(?i)"
		}
		re, err := regexp.Compile(fold + right)
		if err != nil {
			return nil, fmt.Sprintf("%s:%d cannot be replayed: %q is PCRE-only syntax", s.Ev.File, s.Ev.Line, right)
		}
		holds = re.MatchString
	default:
		return nil, fmt.Sprintf("%s:%d cannot be replayed: %q", s.Ev.File, s.Ev.Line, cond)
	}
	return func(addr, agent string) bool { return holds(e.variable(left, addr, agent, 0)) != negated }, ""
}

func (e *nginxEval) limit(s Setting, zones map[string]Setting) (l Limit, name, why string) {
	burst, zone := 0, ""
	for _, a := range s.Args {
		if z, ok := strings.CutPrefix(a, "zone="); ok {
			zone = z
		}
		if n, ok := strings.CutPrefix(a, "burst="); ok {
			burst, _ = strconv.Atoi(n)
		}
	}
	def, ok := zones[zone]
	if !ok {
		return l, "", fmt.Sprintf("%s:%d names the zone %q, which no limit_req_zone defines", s.Ev.File, s.Ev.Line, zone)
	}
	rate, word := 0.0, ""
	for _, a := range def.Args {
		if r, ok := strings.CutPrefix(a, "rate="); ok {
			word = r
			n, per := strings.TrimSuffix(strings.TrimSuffix(r, "r/s"), "r/m"), 1.0
			if strings.HasSuffix(r, "r/m") {
				per = 60
			}
			f, err := strconv.ParseFloat(n, 64)
			if err != nil || f <= 0 {
				return l, "", fmt.Sprintf("%s:%d: rate %q", def.Ev.File, def.Ev.Line, r)
			}
			rate = f / per
		}
	}
	if rate == 0 {
		return l, "", fmt.Sprintf("%s:%d has no rate", def.Ev.File, def.Ev.Line)
	}
	key := def.Args[0]
	return Limit{Rate: rate, Burst: burst, Key: func(addr, agent string) string { return e.value(key, addr, agent, 0) }},
		fmt.Sprintf("%s %s burst %d", zone, word, burst), ""
}

// Replaced is the incident with one file's text replaced by another, its settings read anew: somebody's own change.
func (inc *Incident) Replaced(file string, cfg Config, settings []Setting) *Incident {
	next := *inc
	next.Configs = map[string]Config{}
	for name, c := range inc.Configs {
		next.Configs[name] = c
	}
	next.Configs[file] = cfg
	next.Settings = nil
	placed := false
	for _, s := range inc.Settings {
		if s.Ev.File == file {
			if !placed {
				next.Settings, placed = append(next.Settings, settings...), true
			}
			continue
		}
		next.Settings = append(next.Settings, s)
	}
	if !placed {
		next.Settings = append(next.Settings, settings...)
	}
	next.Code = nil
	for _, c := range inc.Code {
		if c.Ev.File != file {
			next.Code = append(next.Code, c)
		}
	}
	return &next
}
