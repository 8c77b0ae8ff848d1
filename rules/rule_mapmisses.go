package rules

import (
	"fmt"
	"strings"

	"culprit/correlate"
)

var _ = register(Rule{
	ID: "nginx-map-misses-agents",
	Doc: `nginx has a map of $http_user_agent, or an if on it, that is meant to stop crawlers, and it does not match the one
that matters: an anchor (~^Googlebot; agents begin with Mozilla), a case, a name that is not in it. A test that
includes another file, or uses PCRE that Go's regular expressions have not, is not judged.

Arithmetic:

    matched = the test put to the log's own agents, as nginx would: literal keys first and without case, then the patterns in
              their order, ~ with case and ~* without; "" and "0" are false

Threshold: It matches none of the requests: of a group that makes the keys of a leak and that no test stops; or of a
crawler that the test names and the log holds.

When it is wrong: the map was added after the log was written. Then it shows that the addition would not have helped.`,
	Needs: []Sort{NeedsAccess, NeedsNginxConf},
	Check: checkMapMisses,
})

func checkMapMisses(c *Case) []Finding {
	var tests []correlate.AgentTest
	for _, t := range c.AgentTests() {
		if t.Problem != "" {
			return nil // what it would match is not known, so neither is what is missed
		}
		if t.Stops() {
			tests = append(tests, t)
		}
	}
	var out []Finding
	for _, g := range c.Web.Groups {
		if g.Kind != correlate.CrawlerGroup || g.Requests < tried || stopped(tests, g) {
			continue
		}
		blamed := c.blamed(g)
		for i := range tests {
			t := &tests[i]
			row, named := c.rowNaming(t, g.Name)
			if !blamed && !named {
				continue
			}
			n, all := t.Count([]*correlate.Group{g})
			f := Finding{Role: RoleHygiene, Evidence: []correlate.Evidence{t.Map.Ev, t.Use.Ev, g.First}}
			f.Title = fmt.Sprintf("%s matches %s of %s requests of %s", testName(t), count(n), count(all), groupName(g))
			if named {
				f.Title = fmt.Sprintf("%s names %s and matches %s of its %s requests", testName(t), g.Name, count(n), count(all))
				f.Evidence[1] = row
			}
			if len(g.Members) > 0 {
				f.Detail = fmt.Sprintf("The agent is %q.", g.Members[0].Agent)
			}
			f.Quantities = []Quantity{{"matched", float64(n), "requests", "the test put to the log's own agents"}, {"made", float64(all), "requests", ""}}
			if blamed {
				f.Role = RoleContributing
				f.Fixes = c.limitFixes(g)
			}
			out = append(out, f)
		}
	}
	return out
}

// stopped: some test matches most of the group's requests.
func stopped(tests []correlate.AgentTest, g *correlate.Group) bool {
	for i := range tests {
		if n, all := tests[i].Count([]*correlate.Group{g}); n*2 > all {
			return true
		}
	}
	return false
}

// rowNaming finds the line of a test that holds a crawler's name.
func (c *Case) rowNaming(t *correlate.AgentTest, crawler string) (correlate.Evidence, bool) {
	crawler = strings.ToLower(crawler)
	if crawler == "" {
		return correlate.Evidence{}, false
	}
	for _, s := range c.Settings {
		inside := s.System == "nginx" && s.Ev.File == t.Map.Ev.File && s.Ev.Line >= t.Map.Ev.Line && s.Ev.Line <= max(t.Map.EndLine, t.Map.Ev.Line)
		if inside && strings.Contains(strings.ToLower(s.Name+" "+s.Value()), crawler) {
			return s.Ev, true
		}
	}
	return correlate.Evidence{}, false
}

func testName(t *correlate.AgentTest) string {
	if t.Variable == "" {
		return "The if on $http_user_agent"
	}
	return "The map " + t.Variable
}

// limitFixes are the limits that would have slowed the group down.
func (c *Case) limitFixes(g *correlate.Group) []Fix {
	for _, sh := range c.sources(c.Leak).crawlers {
		if sh.Group == g {
			return c.FixesFor(crawlerFix(g), Hypothesis{Culprits: culpritsOf(sh)})
		}
	}
	return nil
}
