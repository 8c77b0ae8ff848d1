package correlate

// Client is what one address with one agent did over the whole log.
type Client struct {
	Addr, Agent                        string   // Agent "" = absent, or not logged
	Requests, Pages, Failed5xx, Denied int64    // Denied: answered 403, 429 or 444
	First                              Evidence // of those who asked for little, where there are many, without a place
}

// EachClient calls f for every address and agent, in no particular order: sum what it gives, or take extremes. Of those who
// were let go it gives the sum, without an address.
func (w *Web) EachClient(f func(Client)) {
	give := func(a *actorSum) {
		f(Client{a.addr, a.agentLogged(), a.requests, a.pages, a.errors5xx, a.limited, a.firstLine()})
	}
	w.clients.each(func(s *clientSet, i int) { give(&s.actor[i]) })
	if w.clients.people.letGo > 0 {
		give(&w.clients.people.gone)
	}
}

// each calls f for every client that is kept.
func (c *clientFold) each(f func(s *clientSet, i int)) {
	for _, s := range c.sets() {
		for i := range s.actor {
			f(s, i)
		}
	}
}

// agentLogged is the agent as logged, "" when absent or not logged.
func (a *actorSum) agentLogged() string {
	if a.agent != string(unlogged) {
		return a.agent
	}
	return ""
}
