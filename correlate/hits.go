package correlate

import "slices"

// Clients are the clients of a part of the input. Several parsers may work on a file at a time; whose requests they were is
// told to its Clients in the order of its lines, so that beyond their limits too nothing depends on the number of workers.
type Clients struct{ fold *clientFold }

// NewClients has seen nobody.
func NewClients() *Clients { return &Clients{newClientFold()} }

// Merge adds the clients of a later part, which must not be used afterwards.
func (c *Clients) Merge(o *Clients) {
	if c.fold.empty() {
		c.fold = o.fold
	} else {
		c.fold.merge(o.fold)
	}
}

// Into has the clients of the requests that follow folded into c; nil = into the timeline's own.
func (t *Timeline) Into(c *Clients) {
	t.web.clients, t.web.held = t.visitors, nil
	if c != nil {
		t.web.clients = c.fold
	}
}

// Hold keeps what c has to be told of the requests that follow for Take. The lines they stand in must stay as they are.
func (t *Timeline) Hold(h *Hits) { t.web.held = h }

// TakeClients adds the clients of a part, which must not be used afterwards.
func (t *Timeline) TakeClients(c *Clients) {
	if t.visitors.empty() {
		t.visitors = c.fold
		t.web.clients = c.fold
	} else {
		t.visitors.merge(c.fold)
	}
}

// Hits are requests of one file that its Clients have not been told of. The zero value is empty.
type Hits struct {
	file  string
	list  []hit
	addrs []byte
}

// next makes room for a request by addr, which may be reused. All else in it is the caller's to set.
func (h *Hits) next(addr []byte, file string) *hit {
	h.file = file
	from := len(h.addrs)
	h.addrs = append(h.addrs, addr...)
	n := len(h.list)
	if n == cap(h.list) {
		h.list = slices.Grow(h.list, 1)
	}
	h.list = h.list[:n+1]
	one := &h.list[n]
	one.addr = h.addrs[from:len(h.addrs):len(h.addrs)]
	return one
}

// Take folds h, and empties it.
func (c *Clients) Take(h *Hits) {
	for list := h.list; len(list) > 0; {
		part := list[:min(len(list), fetched)]
		list = list[len(part):]
		c.fold.fetch(part)
		for i := range part {
			c.fold.add(&part[i], h.file)
		}
	}
	h.list, h.addrs = h.list[:0], h.addrs[:0]
}

// fetched is how many clients are looked up together.
const fetched = 32

// fetch looks up the clients of some requests: the misses of a loop that does nothing else overlap, which is 6 % of all
// that a line costs (medians of 12 rounds each way).
func (c *clientFold) fetch(list []hit) {
	for i := range list {
		h := &list[i]
		s := c.set(h.agent)
		h.actor = int32(s.index.find(s.key(h.client, h.agent), s.running))
	}
}

func (c *clientFold) empty() bool {
	return len(c.people.actor)+len(c.programs.actor) == 0 && c.people.letGo+c.programs.letGo == 0
}
