package correlate

// Client is what one address with one agent did over the whole log.
type Client struct {
	Addr, Agent                        string // Agent "" = absent, or not logged
	Requests, Pages, Failed5xx, Denied int64  // Denied: answered 403, 429 or 444
	First                              Evidence
}

// EachClient calls f for every address and agent, in no particular order: sum what it gives, or take extremes.
func (w *Web) EachClient(f func(Client)) {
	for i := range w.fold.actor {
		a := &w.fold.actor[i]
		f(Client{w.fold.addr(i), w.fold.agent(i), a.requests, a.pages, a.errors5xx, a.limited, a.first.evidence("")})
	}
}
