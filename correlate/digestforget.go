package correlate

import "net/netip"

// forgetBelow is how many pages a network, or answers a route, must have here for its lines to be kept: a report quotes
// those of 30 and more, counted over all hosts.
const forgetBelow = 3

// Forget drops what no report needs from a fold that leaves its host: the lines of visitors who are no machines' match,
// and secrets in configurations, which blank takes out. Counts and addresses stay: they are what is merged.
func (t *Timeline) Forget(blank func([]byte) []byte) {
	for file, cfg := range t.configs {
		cfg.text = blank(cfg.text)
		t.configs[file] = cfg
	}
	people := &t.visitors.people
	pages := map[netip.Prefix]int64{}
	network := func(i int) netip.Prefix {
		if addr, ok := ParseClient([]byte(people.actor[i].addr)); ok {
			return Network(addr)
		}
		return netip.Prefix{}
	}
	people.settle()
	for i := range people.actor {
		pages[network(i)] += people.actor[i].pages
	}
	for i := range people.actor {
		if first := people.actor[i].first; first != nil && pages[network(i)] < forgetBelow {
			first.text = ""
		}
	}
	if people.gone.first != nil {
		people.gone.first.text = ""
	}
	w := t.web
	for i := range w.route {
		if w.route[i].ok < forgetBelow {
			w.route[i].first.text = ""
		}
	}
}

// SetHost names the host of the files whose own names tell none.
func (t *Timeline) SetHost(host string) {
	for file, in := range t.inputs {
		if in.Host == "" {
			in.Host = host
			t.inputs[file] = in
		}
	}
}
