package rules

import (
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
	runs := map[string]int{}
	var near []correlate.Placed[parsers.CronRun]
	for _, j := range c.Crons {
		if !j.Placed {
			continue
		}
		runs[j.Fact.Command]++
		if at := j.At.Sub(g.Onset.At); at >= -step && at <= step {
			near = append(near, j)
		}
	}
	near = slices.DeleteFunc(near, func(j correlate.Placed[parsers.CronRun]) bool { return runs[j.Fact.Command] > 2 })
	if len(near) != 1 {
		return none, false
	}
	return near[0], true
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
			names = names || program != "" && strings.TrimRight(base, "0123456789.") == program || script != "" && strings.HasSuffix(base, script)
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

// jobName is a command up to its first option or assignment: what follows may hold a password.
func jobName(command string) string {
	var words []string
	for _, w := range strings.Fields(command) {
		if w[0] == '-' || strings.Contains(w, "=") || strings.Contains(w, "://") || len(words) == 6 {
			break
		}
		words = append(words, w)
	}
	return strings.Join(words, " ")
}
