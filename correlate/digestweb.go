package correlate

import (
	"math"
	"slices"
)

func (c *coder) webFold(w *webFold) {
	nums(c, &w.routeGrain)
	c.width(&w.width)
	if w.routeGrain < 0 || w.routeGrain >= len(routeGrains) {
		c.fail("a grain of %d", w.routeGrain)
		w.routeGrain = 0
	}
	c.intern(&w.routes)
	c.intern(&w.hosts)
	list(c, &w.route, c.routeSum)
	c.cells(&w.routeCells, len(w.route))
	dict(c, &w.status, sorted, func(bin *int64, s **statusCell) {
		c.bin(bin, w.width)
		c.statusCell(made(c, s))
	})
	codeTable(c, &w.referers, func(key uint64) bool {
		return c.below(key>>32, len(w.route)) && c.below(uint64(uint32(key)), len(w.hosts.names))
	},
		func(n *int64) { sums(c, n) })
	dict(c, &w.failures, func(a, b failure) int { return 2*compareInts(a.route, b.route) + compareInts(a.status, b.status) },
		func(f *failure, s **failureSum) {
			nums(c, &f.route)
			nums(c, &f.status)
			c.below(uint64(f.route), len(w.route))
			sum := made(c, s)
			sums(c, &sum.n)
			c.example(&sum.first)
			c.instant(&sum.last)
			c.spread(&sum.from)
		})
	dict(c, &w.files, sorted, func(file *string, span **window) {
		c.file(file)
		c.window(made(c, span))
	})
	if c.w == nil && c.err == nil {
		c.number(w)
	}
}

func (c *coder) spread(s *spread) {
	boxes := (*[]int64)(s)
	list(c, boxes, func(n *int64) { sums(c, n) })
	if len(*boxes) != 0 && len(*boxes) != spreadBoxes {
		c.fail("a spread of %d", len(*boxes))
		*s = nil
	}
}

func compareInts[T uint16 | uint32](a, b T) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// bin codes the number of a stretch of so many seconds.
func (c *coder) bin(n *int64, width int64) {
	if nums(c, n); *n < firstSecond/width || *n > lastSecond/width {
		c.fail("a stretch of time %d", *n)
		*n = 0
	}
}

// number makes what a line is folded in by, and refuses a fold whose parts do not fit each other.
func (c *coder) number(w *webFold) {
	if w.status == nil || w.failures == nil || w.files == nil || len(w.route) != len(w.routes.names) {
		c.fail("parts of a web fold that do not fit")
		return
	}
	for i := range w.route {
		w.routeRun = append(w.routeRun, routeRun{first: math.MaxInt64, hash: routeHash([]byte(w.routes.names[i]))})
	}
}

func (c *coder) below(n uint64, limit int) bool {
	if n >= uint64(limit) {
		c.fail("number %d of %d", n, limit)
	}
	return c.err == nil
}

func (c *coder) intern(n *intern) {
	list(c, &n.names, c.str)
	if c.w != nil {
		return
	}
	names := n.names
	*n = intern{}
	for i, name := range names {
		if id := n.id([]byte(name)); int(id) != i {
			c.fail("the name %.40q twice", name)
			return
		}
	}
}

func (c *coder) routeSum(r *routeSum) {
	sums(c, &r.requests, &r.ok, &r.errors5xx)
	nums(c, &r.class)
	if r.class > API {
		c.fail("a class of %d", r.class)
		r.class = Page
	}
	c.example(&r.first)
}

func (c *coder) histogram(h *histogram) {
	n := len(h)
	for n > 0 && h[n-1] == 0 {
		n--
	}
	if nums(c, &n); n < 0 || n > len(h) {
		c.fail("a histogram of %d", n)
		return
	}
	for i := range n {
		nums(c, &h[i])
	}
}

func (c *coder) statusCell(s *statusCell) {
	sums(c, &s.requests, &s.pages, &s.s2xx, &s.s3xx, &s.s4xx, &s.s5xx,
		&s.s302, &s.s403, &s.s404, &s.s429, &s.s499, &s.s500, &s.s502, &s.s503, &s.s504)
	var latency histogram
	if s.latency != nil {
		latency = *s.latency
	}
	if c.histogram(&latency); c.w == nil && latency != (histogram{}) {
		s.latency = &latency
	}
	c.float(&s.slowest)
}

func (c *coder) cells(t *table[cell], owners int) {
	codeTable(c, t, func(key uint64) bool { return c.below(key>>32, owners) }, func(v *cell) { nums(c, &v.requests, &v.pages) })
}

// codeTable codes a table in the order of its keys, each as its distance from the one before.
func codeTable[V any](c *coder, t *table[V], valid func(key uint64) bool, one func(*V)) {
	type pair struct {
		key uint64
		v   V
	}
	var pairs []pair
	for key, v := range t.all() {
		pairs = append(pairs, pair{key, v})
	}
	slices.SortFunc(pairs, func(a, b pair) int {
		if a.key < b.key {
			return -1
		}
		return 1
	})
	last := uint64(0)
	list(c, &pairs, func(p *pair) {
		step := p.key - last
		c.uint(&step)
		p.key = last + step
		last = p.key
		one(&p.v)
		if c.w == nil && c.err == nil && valid(p.key) {
			v, added := t.at(p.key)
			if *v = p.v; !added {
				c.fail("a cell that is there twice")
			}
		}
	})
}
