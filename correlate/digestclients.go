package correlate

import "math/bits"

// clientFold codes the clients of a fold that is settled; w is the web fold whose routes they asked for.
func (c *coder) clientFold(f *clientFold, w *webFold) {
	routes := &routeNumbers{}
	for i, name := range w.routes.names {
		routes.add(routeHash([]byte(name)), i)
	}
	for _, s := range f.sets() {
		c.clientSet(s, routes)
	}
}

func (c *coder) clientSet(s *clientSet, routes *routeNumbers) {
	c.bool(&s.byAddress)
	c.width(&s.width)
	var agents intern // most agents come many times
	var numbers []int
	if c.w != nil {
		for i := range s.actor {
			numbers = append(numbers, int(agents.id([]byte(s.actor[i].agent))))
		}
	}
	c.intern(&agents)
	n := 0
	list(c, &s.actor, func(a *actorSum) {
		var run running
		if c.w != nil {
			run = s.running[n]
		} else {
			numbers = append(numbers, 0)
		}
		nums(c, &numbers[n])
		if c.below(uint64(numbers[n]), len(agents.names)) {
			a.agent = agents.names[numbers[n]]
		}
		c.actorSum(a)
		nums(c, &run.last)
		c.bool(&run.thin)
		c.route(&run.route, routes)
		if n++; c.w == nil {
			a.net, run.first, run.key = netKey([]byte(a.addr)), noFirst, clientKey(a.addr, a.agent)
			s.running = append(s.running, run)
		}
	})
	c.clientCells(s)
	c.actorSum(&s.gone)
	sums(c, &s.lost, &s.letGo)
	codeTable(c, &s.visits, func(minute uint64) bool { return c.below(minute, 1<<32) }, func(n *uint32) { nums(c, n) })
	list(c, routes.solos(s), func(r *soloOf) {
		c.route(&r.route, routes)
		sums(c, &r.requests, &r.clients)
		if c.w == nil && c.err == nil && r.route != 0 {
			s.addSolo(r.route, r.soloRoute)
		}
	})
	if c.w == nil && c.err == nil {
		c.index(s)
	}
}

// clientCells codes the cells by the steps between them, in their order.
func (c *coder) clientCells(s *clientSet) {
	var last uint64
	list(c, &s.cells.list, func(one *clientCell) {
		key := uint64(one.client)<<32 | uint64(one.bin)
		step := key - last
		c.uint(&step)
		if key = last + step; c.w == nil && step == 0 && key > 0 {
			c.fail("a cell that is there twice")
		}
		last = key
		one.client, one.bin = uint32(key>>32), uint32(key)
		nums(c, &one.requests, &one.pages)
		_ = c.below(key>>32, len(s.actor)) && c.below(uint64(one.bin), int(lastSecond/s.width)+1)
	})
	if c.w == nil && c.err == nil {
		s.cells.order(len(s.actor))
	}
}

// index makes what a line is folded in by, and refuses clients that cannot be.
func (c *coder) index(s *clientSet) {
	if len(s.actor) > s.limits.clients { // no fold keeps more
		c.fail("%d clients, more than %d", len(s.actor), s.limits.clients)
		return
	}
	for i := range s.actor {
		a := &s.actor[i]
		if Identify(a.agent).Class.Automated() != s.programs && a.agent != string(unlogged) {
			c.fail("a client of %.40q among others", a.agent)
			return
		}
		if s.index.find(s.running[i].key, s.running) >= 0 {
			c.fail("a client that is there twice")
			return
		}
		s.index.add(i, s.running)
		s.thin += boolIndex(s.running[i].thin)
		s.firsts += boolIndex(a.first != nil)
	}
}

func (c *coder) actorSum(a *actorSum) {
	c.str(&a.addr)
	c.bool(&a.several)
	sums(c, &a.requests, &a.pages, &a.assets, &a.noReferer, &a.errors5xx, &a.limited, &a.visits)
	var first example
	if a.first != nil {
		first = *a.first
	}
	if c.example(&first); c.w == nil && first.at.File != "" {
		a.first = &first
	}
}

// width codes the width of a bin in seconds.
func (c *coder) width(n *int64) {
	if nums(c, n); *n < minBin || *n > 2*maxWidth || *n%minBin != 0 || bits.OnesCount64(uint64(*n/minBin)) != 1 {
		c.fail("bins of %d s", *n)
		*n = minBin
	}
}

// route codes the hash of a route, which another run would write otherwise, by its number.
func (c *coder) route(hash *uint64, routes *routeNumbers) {
	n := 0
	if *hash != 0 {
		n = 1 // also for a route that has become one with others since
		if number, known := routes.number[*hash]; known {
			n = 2 + number
		}
	}
	nums(c, &n)
	switch {
	case c.w != nil:
	case n == 0:
		*hash = 0
	case n == 1:
		*hash = several
	case c.below(uint64(n-2), len(routes.hash)):
		*hash = routes.hash[n-2]
	}
}

// routeNumbers tell routes by number and by hash.
type routeNumbers struct {
	hash   []uint64
	number map[uint64]int
}

func (r *routeNumbers) add(hash uint64, number int) {
	if r.number == nil {
		r.number = map[uint64]int{}
	}
	r.number[hash] = number
	r.hash = append(r.hash, hash)
}

type soloOf struct {
	route uint64
	soloRoute
}

// solos lists a set's sums by route, in the order of their numbers.
func (r *routeNumbers) solos(s *clientSet) *[]soloOf {
	list := []soloOf{}
	for _, hash := range r.hash {
		if s.solo.has(hash >> 1) {
			n, _ := s.solo.at(hash >> 1)
			list = append(list, soloOf{hash, *n})
		}
	}
	return &list
}
