package rules

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"culprit/correlate"
	"culprit/parsers"
)

// jobAtOnset is the one job that cron started when the keys began to rise, of those that run once or twice in all that time: what
// runs every few minutes is always near.
func (c *Case) jobAtOnset() (correlate.Placed[parsers.CronRun], bool) {
	g := c.Growth
	var none correlate.Placed[parsers.CronRun]
	if g == nil || g.Onset == nil || !g.Onset.Placed {
		return none, false
	}
	step := time.Duration(0)
	for i := 1; i < len(g.Run); i++ {
		if g.Run[i-1].At.Equal(g.Onset.At) {
			step = g.Run[i].At.Sub(g.Onset.At)
		}
	}
	return c.jobAround(g.Onset.At, step)
}

// jobAround is the one job that cron started within a step of an instant, and at most twice in all.
func (c *Case) jobAround(instant time.Time, step time.Duration) (correlate.Placed[parsers.CronRun], bool) {
	runs := map[string]int{}
	var near []correlate.Placed[parsers.CronRun]
	for _, j := range c.Crons {
		if !j.Placed {
			continue
		}
		runs[j.Fact.Command]++
		if at := j.At.Sub(instant); at >= -step && at <= step {
			near = append(near, j)
		}
	}
	near = slices.DeleteFunc(near, func(j correlate.Placed[parsers.CronRun]) bool { return runs[j.Fact.Command] > 2 })
	if len(near) != 1 {
		return correlate.Placed[parsers.CronRun]{}, false
	}
	return near[0], true
}

// startedAround says what was started on purpose within a step of an instant, a deployment or a job of cron; "" = nothing, or
// too much to tell which.
func (c *Case) startedAround(instant time.Time, step time.Duration) (string, correlate.Evidence) {
	for _, d := range c.Deploys {
		if d.Placed && len(c.Deploys) <= 20 && d.At.Sub(instant).Abs() <= step {
			return fmt.Sprintf("a deployment ran (%s)", lineOf(d.Ev)), d.Ev
		}
	}
	if j, ok := c.jobAround(instant, step); ok {
		return fmt.Sprintf("cron started %q (%s)", jobName(j.Fact.Command), lineOf(j.Ev)), j.Ev
	}
	return "", correlate.Evidence{}
}

// deployedAtOnset is a deployment within the two snapshots between which the keys began to rise. A log of
// more than twenty lines is of many, and one is always near.
func (c *Case) deployedAtOnset() (correlate.Evidence, bool) {
	if c.Growth == nil || len(c.Deploys) > 20 {
		return correlate.Evidence{}, false
	}
	from, to, ok := c.roseFrom()
	if !ok {
		return correlate.Evidence{}, false
	}
	for _, d := range c.Deploys {
		if d.Placed && !d.At.Before(from) && !d.At.After(to) {
			return d.Ev, true
		}
	}
	return correlate.Evidence{}, false
}

// roseFrom brackets the change of the counted keys' pace to three times of what it was or more, by the readings around it.
func (c *Case) roseFrom() (from, to time.Time, ok bool) {
	g := c.Growth
	start := g.Run[0].At
	var pts []correlate.Point
	for i := range g.Run {
		if n := g.Counted.Of(&g.Run[i]); n.OK && g.Run[i].Placed {
			pts = append(pts, correlate.Point{T: g.Run[i].At.Sub(start).Hours(), V: float64(n.N)})
		}
	}
	shift, ok := correlate.RateShift(pts)
	if !ok || shift.To <= 0 || shift.To < 3*shift.From {
		return from, to, false
	}
	at := func(hours float64) time.Time { return start.Add(time.Duration(hours * float64(time.Hour))) }
	return at(shift.After), at(shift.Before), true
}

// cronStarted is the one job that could be the program that held memory at the kill: cron started it in the day before, and
// its command names the program or a script that the program runs.
func (c *Case) cronStarted(comm string) (correlate.Placed[parsers.CronRun], bool) {
	var found correlate.Placed[parsers.CronRun]
	if c.Kill == nil || !c.Kill.Placed || serviceComm.MatchString(comm) {
		return found, false
	}
	program := strings.TrimRight(comm, "0123456789.")
	script := map[string]string{"python": ".py", "node": ".js", "ruby": ".rb", "perl": ".pl", "php": ".php", "php-cli": ".php"}[program]
	for _, j := range c.Crons {
		if !j.Placed || j.At.After(c.Kill.At) || c.Kill.At.Sub(j.At) > 24*time.Hour {
			continue
		}
		names := false
		for _, w := range strings.Fields(j.Fact.Command) {
			base := w[strings.LastIndexByte(w, '/')+1:]
			names = names || isBackup(comm) && (strings.Contains(base, "backup") || strings.Contains(base, "dump")) || program != "" && strings.TrimRight(base, "0123456789.") == program || script != "" && strings.HasSuffix(base, script)
		}
		if !names {
			continue
		}
		if found.Fact.Command != "" && found.Fact.Command != j.Fact.Command {
			return correlate.Placed[parsers.CronRun]{}, false
		}
		found = j
	}
	return found, found.Fact.Command != ""
}

// jobName is a command up to its first option, assignment or redirection: what follows may hold a password.
func jobName(command string) string {
	var words []string
	for _, w := range strings.Fields(command) {
		if w[0] == '-' || strings.ContainsAny(w, "<>|&;") || strings.Contains(w, "=") || strings.Contains(w, "://") || len(words) == 6 {
			break
		}
		words = append(words, w)
	}
	return strings.Join(words, " ")
}
