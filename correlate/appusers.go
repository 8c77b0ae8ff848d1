package correlate

import (
	"net/netip"
	"slices"
)

// Libraries that phones' apps make their requests with. Most apps leave the library's own agent as it is, so that it names no
// app; scripts use these libraries too. Which it is, the crowd tells.
var appLibraries = map[string]bool{"okhttp": true, "Alamofire": true, "Dart": true, "Ktor": true, "Retrofit": true, "Volley": true}

// light: fewer pages than matter, and fewer requests than ten to each of so many, which is what a screen of an app asks of its API.
func (a *actorSum) light() bool { return a.pages < matters && a.requests < 10*matters }

// AppCrowd is who came by an app's library: they count as people, by their visits.
type AppCrowd struct {
	Names             []string // of the libraries, sorted
	Clients, Requests int64
}

func (c *AppCrowd) add(name string, a *actorSum) {
	if !slices.Contains(c.Names, name) {
		c.Names = append(c.Names, name)
		slices.Sort(c.Names)
	}
	c.Clients++
	c.Requests += a.requests
}

// appUsers are the libraries by which an app's users come: clients of thirty networks or more, each of which asks for
// little. Whoever asks for more by the same library is a script, and stands alone.
func (s *clientSet) appUsers(identify func(agent string) Agent) map[string]bool {
	nets := map[string]map[netip.Prefix]bool{}
	for i := range s.actor {
		a := &s.actor[i]
		ag := identify(a.agent)
		if !appLibraries[ag.Name] || !a.light() {
			continue
		}
		addr, ok := ParseClient([]byte(a.addr))
		if !ok {
			continue
		}
		if nets[ag.Name] == nil {
			nets[ag.Name] = map[netip.Prefix]bool{}
		}
		nets[ag.Name][Network(addr)] = true
	}
	users := map[string]bool{}
	for name, n := range nets {
		users[name] = len(n) >= matters
	}
	return users
}
