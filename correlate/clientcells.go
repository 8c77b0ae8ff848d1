package correlate

import "slices"

// clientCells are requests by client and bin. They are written down as they come, several of a bin and in any order, and
// brought in order when they are asked for or have become many: a table of them was a miss of the cache in every line.
type clientCells struct {
	list []clientCell
	tidy int      // so many of them are in order, each bin once; negative = ends are not theirs
	ends []uint32 // in an ordered list, of the cells of each client, behind a 0
	next []uint32 // see byClient
}

type clientCell struct {
	client, bin uint32
	cell
}

func (c *clientCells) add(client, bin uint32, n cell) {
	c.list = append(c.list, clientCell{client, bin, n})
}

// room makes room for one more, and for no more than most.
func (c *clientCells) room(most int) {
	if n := len(c.list); n == cap(c.list) {
		c.list = slices.Grow(c.list, max(min(n, most-n), 64))
	}
}

// order sorts the cells of so many clients, and joins those of a bin.
func (c *clientCells) order(clients int) {
	if c.tidy == len(c.list) && len(c.ends) == clients+1 {
		return
	}
	c.byClient(clients)
	joined, from := c.list[:0], 0
	for client := range clients {
		to := int(c.ends[client+1])
		own := c.list[from:to]
		if !slices.IsSortedFunc(own, byBin) {
			slices.SortFunc(own, byBin)
		}
		first := len(joined)
		for _, one := range own {
			if n := len(joined); n > first && joined[n-1].bin == one.bin {
				joined[n-1].requests += one.requests
				joined[n-1].pages += one.pages
			} else {
				joined = append(joined, one)
			}
		}
		from, c.ends[client+1] = to, uint32(len(joined))
	}
	c.list, c.tidy = joined, len(joined)
}

// byClient sorts by counting, in place.
func (c *clientCells) byClient(clients int) {
	c.ends = slices.Grow(c.ends[:0], clients+1)[:clients+1]
	clear(c.ends)
	for i := range c.list {
		c.ends[c.list[i].client+1]++
	}
	for i := range clients {
		c.ends[i+1] += c.ends[i]
	}
	c.next = append(c.next[:0], c.ends[:clients]...) // places of the next cells
	for client := range clients {
		for i := c.next[client]; i < c.ends[client+1]; {
			one := &c.list[i]
			if one.client == uint32(client) {
				i++
				continue
			}
			place := &c.next[one.client]
			*one, c.list[*place] = c.list[*place], *one
			*place++
		}
	}
}

func byBin(a, b clientCell) int { return int(int64(a.bin) - int64(b.bin)) }

// of are the cells of a client, in order.
func (c *clientCells) of(client uint32) []clientCell { return c.list[c.ends[client]:c.ends[client+1]] }

// keep drops the cells for which f, which may change them, does not say so.
func (c *clientCells) keep(f func(*clientCell) bool) {
	kept := c.list[:0]
	for i := range c.list {
		if f(&c.list[i]) {
			kept = append(kept, c.list[i])
		}
	}
	c.list, c.tidy = kept, -1
}
