package rules

import (
	"fmt"
	"strings"

	"culprit/correlate"
)

var _ = registerCause(Cause{
	ID: "php-fpm-overload",
	Doc: `Every PHP-FPM worker is busy ("server reached pm.max_children"), new requests queue in the socket's backlog and nginx
answers 502 or 504. Memory is not short. More workers are rarely the cure: something they all wait for is.

Arithmetic:

    busy   = lines "server reached pm.max_children setting (N)", and readings of the status page with no idle worker and a queue
    failed = 502 and 504 of the stretch of failures + "Resource temporarily unavailable" and upstream timeouts in nginx's error log

Threshold: One such line, requests that failed with 502 or 504, and nothing killed. Ten failures pass the test of
sufficiency; fewer are a hiccup.

When it is wrong: PHP-FPM prints the line once until the pool has had room again, so a pool that stays full prints it
once: its number says nothing about how long.`,
	Judge: func(c *Case) Hypothesis {
		h := Hypothesis{Explained: -1}
		var ev []correlate.Evidence
		var first, last correlate.Placed[string]
		n, shown := 0, 0 // shown: by the status page
		for _, p := range c.Pool {
			if full := statusFull(&p.Fact); p.Fact.Event == "max-children" || full {
				if n++; full {
					shown++
				}
				if n == 1 {
					first = correlate.Placed[string]{At: p.At, Placed: p.Placed}
				}
				last = correlate.Placed[string]{At: p.At}
				if len(ev) < 2 {
					ev = append(ev, p.Ev)
				}
			}
		}
		queue := int64(0)
		for _, g := range c.Errors {
			if g.Signature == "socket-unavailable" || g.Signature == "upstream-timeout" {
				queue += g.N
				ev = append(ev, g.First.Ev)
			}
		}
		if n == 0 {
			h.State, h.Reason = Excluded, "no pool reached pm.max_children"
			if len(c.Pool) == 0 {
				h.State, h.Reason, h.Missing = NotChecked, "no PHP-FPM log in the input", []string{"php-fpm-log"}
			}
			return h
		}
		h.Evidence = ev
		if c.Kill != nil {
			h.State, h.Reason = Excluded, fmt.Sprintf("the pool was full, but %s was killed", name(c.Kill.Fact.VictimComm))
			return h
		}
		failed := int64(0)
		for _, b := range c.Bursts {
			failed += b.S502 + b.S504
		}
		h.Tests = correlate.Tests{Structural: correlate.Pass, Deviating: correlate.Pass, Ordered: correlate.Judge(first.Placed && len(c.Bursts) > 0, true), Sufficient: correlate.Judge(failed > 0 || queue > 0, failed+queue >= 10)}
		if c.Web == nil || len(c.Web.Files) == 0 || failed == 0 {
			h.State, h.Confidence = Possible, 0.4
			h.Reason = "the pool was full; what its workers waited for is not in the input"
			h.Missing = []string{"access-log-in-window", "php-fpm-slowlog"}
			return h
		}
		h.State = Established
		h.Summary = fmt.Sprintf("every PHP-FPM worker was busy: pm.max_children was reached %s, and %s requests failed with 502 or 504; nothing was killed.", times(n), count(failed))
		if shown > 0 {
			h.Summary = fmt.Sprintf("every PHP-FPM worker was busy, and %s requests failed with 502 or 504; %s; nothing was killed.", count(failed), c.poolIsFull())
		}
		if b, ok := c.mainBurst(); ok {
			if why := c.surge(b); why != "" {
				h.Summary = strings.TrimSuffix(h.Summary, ".") + "; " + why
				if at := c.failedAt(); at != "" {
					h.Summary += "; " + at
				}
				h.Summary += "."
			}
			for _, why := range []string{c.databaseWaits(), c.slowQueries(&b), c.slowRequests(&b)} {
				if why != "" {
					h.Summary = strings.TrimSuffix(h.Summary, ".") + "; " + why + "."
				}
			}
			if why := c.swapped(b); why != "" {
				h.Summary = strings.TrimSuffix(h.Summary, ".") + "; " + why + "."
			}
			if why := c.emptiedIn(b); why != "" {
				h.Summary = strings.TrimSuffix(h.Summary, ".") + "; " + why + "."
			}
		}
		pool := correlate.Event{Kind: "php-fpm-pool-full", Subject: "php-fpm", Text: "the pool reached pm.max_children " + times(n), From: first.At, To: last.At, Evidence: ev}
		if web, ok := c.webEvent(); ok {
			h.Chain = []correlate.Link{link(pool, web, h.Tests, -1)}
		}
		h.Onset = pool
		h.Fixes = []string{"php-fpm-max-children", "collect-evidence"}
		return h
	},
})
