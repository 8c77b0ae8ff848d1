package rules

import (
	"fmt"
	"maps"
	"slices"

	"culprit/correlate"
)

var _ = register(Rule{
	ID: "php-fpm-max-children-reached",
	Doc: `A PHP-FPM pool had all its workers busy: "server reached pm.max_children setting (N)". Further requests wait in the
socket's backlog, and nginx answers 502 or 504 when it is full or time is up. It is a symptom; where nothing was
killed and requests failed, php-fpm-overload judges it as the cause.

More workers are rarely the cure: each takes its own memory (see memory-budget), and what they all wait for - a
database, Redis, a session lock - stays as slow.

Arithmetic:

    memory of the pool = pm.max_children x RSS of a worker
    requests a second  = pm.max_children / seconds a request (50 workers at 0.5 s answer 100 a second)

Threshold: One such line. PHP-FPM prints it when a request found every worker busy, and not again until one was free.

When it is wrong: pm.max_children of 1 or 2 in a pool for a single job is full by design.`,
	Check: checkFPMFull,
})

func checkFPMFull(c *Case) []Finding {
	type full struct {
		n     int
		limit int64
		ev    []correlate.Evidence
	}
	pools := map[string]*full{}
	for _, p := range c.Pool {
		if p.Fact.Event != "max-children" {
			continue
		}
		f := pools[p.Fact.Pool]
		if f == nil {
			f = &full{}
			pools[p.Fact.Pool] = f
		}
		f.n++
		f.limit = max(f.limit, p.Fact.Limit.Or(0))
		if len(f.ev) < 2 {
			f.ev = append(f.ev, p.Ev)
		} else {
			f.ev[1] = p.Ev // the first and the last
		}
	}
	var out []Finding
	for _, name := range slices.Sorted(maps.Keys(pools)) {
		p := pools[name]
		f := Finding{Role: RoleSymptom, Evidence: p.ev}
		who := "PHP-FPM"
		if name != "" {
			who = fmt.Sprintf("PHP-FPM's pool %q", name)
		}
		f.Title = fmt.Sprintf("%s had all its workers busy %s", who, times(p.n))
		if p.limit > 0 {
			f.Title = fmt.Sprintf("%s had all its %d workers busy %s", who, p.limit, times(p.n))
		}
		if c.established("php-fpm-overload") {
			f.Role = RoleRoot
			f.Fixes = c.Advise("php-fpm-max-children")
		}
		if s, _, ok := c.maxChildren(); ok {
			f.Evidence = append(f.Evidence, s.Ev)
		}
		out = append(out, f)
	}
	return out
}

func times(n int) string {
	switch n {
	case 1:
		return "once"
	case 2:
		return "twice"
	}
	return count(n) + " times"
}
