package rules

import (
	"cmp"
	"fmt"
	"slices"
)

// several says whether the input is of more hosts than one, as far as its paths name them.
func (c *Case) several() bool {
	first := ""
	for _, in := range c.Inputs {
		if first = cmp.Or(first, in.Host); in.Host != "" && in.Host != first {
			return true
		}
	}
	return false
}

// where says on which hosts an incident of several played: who died, which Redis of how many it is about, in whose logs
// the requests are.
func (c *Case) where(f *IncidentFacts) {
	if !c.several() {
		return
	}
	if c.Kill != nil {
		f.Host = c.hostOf(c.Kill.Ev.File)
	}
	if in := c.Redis; in != nil && in.Host != "" {
		f.Redis = "Redis on " + in.Host
		if in.Name != "" {
			f.Redis = fmt.Sprintf("Redis %s on %s", in.Name, in.Host)
		}
		if n := len(c.Incident.Redis); n > 1 {
			f.Redis += fmt.Sprintf(", one of %d", n)
		}
	}
	for _, file := range c.Web.Files {
		if host := c.hostOf(file); host != "" && !slices.Contains(f.WebHosts, host) {
			f.WebHosts = append(f.WebHosts, host)
		}
	}
	slices.Sort(f.WebHosts)
}

// onHost is " on redis02" where there are several hosts.
func (c *Case) onHost(file string) string {
	if host := c.hostOf(file); host != "" && c.several() {
		return " on " + host
	}
	return ""
}
