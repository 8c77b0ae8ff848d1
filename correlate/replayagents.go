package correlate

import (
	"fmt"
	"regexp"
	"strings"
)

// AgentTest is what a configuration makes of a User-Agent: a map of $http_user_agent that an `if` asks, or an `if` that
// asks $http_user_agent itself. It is put to the log's own agents.
type AgentTest struct {
	Variable string  // "$bad_bot"; "" for an if on the agent itself
	Map      Setting // the map, or the if
	Use      Setting // what is done where it matches: return 403, ...; zero when nothing uses it
	Problem  string  // why it cannot be replayed
	rows     []agentRow
	def      string
}

type agentRow struct {
	literal string // lower case
	re      *regexp.Regexp
	value   string
	Line    int
}

// AgentTests finds them in the nginx files of the input, in file order.
func (inc *Incident) AgentTests() []AgentTest {
	var out []AgentTest
	for i := range inc.Settings {
		s := inc.Settings[i]
		if s.System != "nginx" || !s.Block {
			continue
		}
		switch {
		case s.Name == "map" && len(s.Args) == 2 && s.Args[0] == "$http_user_agent":
			t := AgentTest{Variable: s.Args[1], Map: s}
			for _, row := range inc.inside(s) {
				t.add(row)
			}
			t.Use = inc.useOf(t.Variable, s.Ev.File)
			out = append(out, t)
		case s.Name == "if" && strings.Contains(s.Value(), "$http_user_agent"):
			t := AgentTest{Map: s}
			t.addIf(s)
			for _, row := range inc.inside(s) {
				if row.Name == "return" || row.Name == "limit_rate" || row.Name == "rewrite" || row.Name == "set" {
					t.Use = row
				}
			}
			out = append(out, t)
		}
	}
	return out
}

// inside are the directives that stand directly in a block.
func (inc *Incident) inside(block Setting) []Setting {
	var out []Setting
	for _, s := range inc.Settings {
		if s.System == "nginx" && s.Ev.File == block.Ev.File && s.Ev.Line >= block.Ev.Line && s.Ev.Line <= max(block.EndLine, block.Ev.Line) && len(s.Path) == len(block.Path)+1 {
			out = append(out, s)
		}
	}
	return out
}

// useOf is the first directive that acts on a variable: `if ($x) { return 403; }`, or a limit keyed with it.
func (inc *Incident) useOf(variable, file string) Setting {
	for _, s := range inc.Settings {
		if s.System != "nginx" || !strings.Contains(s.Value(), variable) {
			continue
		}
		switch s.Name {
		case "if":
			for _, in := range inc.inside(s) {
				if in.Name == "return" || in.Name == "deny" {
					return in
				}
			}
		case "limit_req_zone", "limit_conn_zone":
			return s
		}
	}
	return Setting{}
}

func (t *AgentTest) add(s Setting) {
	value := s.Value()
	switch s.Name {
	case "default":
		t.def = value
		return
	case "hostnames", "volatile":
		return
	case "include":
		t.Problem = fmt.Sprintf("%s:%d includes %s, which is not read", s.Ev.File, s.Ev.Line, value)
		return
	}
	row := agentRow{value: value, Line: s.Ev.Line}
	if pattern, ok := strings.CutPrefix(s.Name, "~"); ok {
		if row.re = t.compile(pattern, s); row.re == nil {
			return
		}
	} else {
		row.literal = strings.ToLower(strings.TrimPrefix(s.Name, `\`))
	}
	t.rows = append(t.rows, row)
}

// compile reads nginx' pattern, without its ~: * asks for no case. Go has no backreferences and no looking around.
func (t *AgentTest) compile(pattern string, s Setting) *regexp.Regexp {
	fold := ""
	if p, ok := strings.CutPrefix(pattern, "*"); ok {
		pattern, fold = p, "(?i)"
	}
	re, err := regexp.Compile(fold + pattern)
	if err != nil {
		t.Problem = fmt.Sprintf("%s:%d cannot be replayed: %q is PCRE-only syntax", s.Ev.File, s.Ev.Line, pattern)
		return nil
	}
	return re
}

// addIf reads `if ($http_user_agent ~* (a|b))`, however the words were split.
func (t *AgentTest) addIf(s Setting) {
	cond := strings.TrimSpace(s.Value())
	cond = strings.TrimSuffix(strings.TrimPrefix(cond, "("), ")")
	cond = strings.TrimSpace(cond)
	rest, ok := strings.CutPrefix(cond, "$http_user_agent")
	if !ok {
		t.Problem = fmt.Sprintf("%s:%d cannot be replayed: %q", s.Ev.File, s.Ev.Line, s.Value())
		return
	}
	op, pattern, _ := strings.Cut(strings.TrimSpace(rest), " ")
	pattern = strings.Trim(strings.TrimSpace(pattern), `"'`)
	row, def := agentRow{value: "1", Line: s.Ev.Line}, ""
	if negated, ok := strings.CutPrefix(op, "!"); ok {
		op, row.value, def = negated, "", "1"
	}
	switch op {
	case "~", "~*":
		row.re = t.compile(op[1:]+pattern, s)
	case "=":
		row.literal = strings.ToLower(pattern) // exact case in nginx; agents differ in more than case
	case "":
		t.def = "1" // if ($http_user_agent): any
		return
	default:
		t.Problem = fmt.Sprintf("%s:%d cannot be replayed: %q", s.Ev.File, s.Ev.Line, s.Value())
		return
	}
	t.rows, t.def = append(t.rows, row), def
}

// Matches says whether the test holds for an agent: nginx takes "" and "0" for false. Literal keys come first, without
// case; then the patterns in their order.
func (t *AgentTest) Matches(agent string) bool {
	v := t.def
	lower := strings.ToLower(agent)
	found := false
	for _, r := range t.rows {
		if r.re == nil && r.literal == lower {
			v, found = r.value, true
			break
		}
	}
	for i := 0; !found && i < len(t.rows); i++ {
		if r := &t.rows[i]; r.re != nil && r.re.MatchString(agent) {
			v, found = r.value, true
		}
	}
	return v != "" && v != "0"
}

// Stops says whether a match costs the client its answer: a return of 4xx, or 444.
func (t *AgentTest) Stops() bool {
	return t.Use.Name == "return" && len(t.Use.Args) > 0 && strings.HasPrefix(t.Use.Args[0], "4") || t.Use.Name == "limit_req_zone"
}

// Count puts the test to the members of groups: how many of their requests it matches.
func (t *AgentTest) Count(groups []*Group) (matched, all int64) {
	for _, g := range groups {
		for _, m := range g.Members {
			all += m.Requests
			if t.Matches(m.Agent) {
				matched += m.Requests
			}
		}
	}
	return matched, all
}
