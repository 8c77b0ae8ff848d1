package correlate

import (
	"hash/maphash"
	"iter"
)

// table maps numbers to values by open addressing. What an access log asks of each route and whence is looked up in every
// line; a Go map took twice the time and, for small values, twice the memory. The zero table is empty.
type table[V any] struct {
	slots []entry[V] // a power of two, at most three quarters full
	n     int
}

type entry[V any] struct {
	key uint64 // plus one; 0 = free
	v   V
}

// at returns the value of key, made zero when there was none. It is valid until the next at.
func (t *table[V]) at(key uint64) (v *V, added bool) {
	if t.n*4 >= len(t.slots)*3 {
		t.grow()
	}
	s := t.find(key)
	if s.key == 0 {
		s.key = key + 1
		t.n++
		return &s.v, true
	}
	return &s.v, false
}

// clear makes it empty and keeps its room.
func (t *table[V]) clear() {
	clear(t.slots)
	t.n = 0
}

// has says whether there is a value of key.
func (t *table[V]) has(key uint64) bool { return len(t.slots) > 0 && t.find(key).key != 0 }

func (t *table[V]) find(key uint64) *entry[V] {
	mask := uint64(len(t.slots) - 1)
	for i := mix(key) & mask; ; i = (i + 1) & mask {
		if s := &t.slots[i]; s.key == key+1 || s.key == 0 {
			return s
		}
	}
}

func (t *table[V]) grow() {
	old := t.slots
	t.slots = make([]entry[V], max(2*len(old), 64))
	for _, s := range old {
		if s.key != 0 {
			*t.find(s.key - 1) = s
		}
	}
}

// all gives the entries in no particular order.
func (t *table[V]) all() iter.Seq2[uint64, V] {
	return func(yield func(uint64, V) bool) {
		for i := range t.slots {
			if s := &t.slots[i]; s.key != 0 && !yield(s.key-1, s.v) {
				return
			}
		}
	}
}

// reserve makes room for n entries. Whoever adds the entries of one table to another has to: they come in the order of
// their hashes, and a table that starts small piles them up at its low end (half of the time of coarsening once).
func (t *table[V]) reserve(n int) {
	for n*4 >= len(t.slots)*3 {
		t.grow()
	}
}

// mix spreads numbers that differ in few bits (the finaliser of MurmurHash3).
func mix(h uint64) uint64 {
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	h *= 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}

// intern numbers strings in the order they were first seen. Numbers differ between folds, and mean something only there.
// Strings are told apart by 64 bits of a seeded hash alone: to compare the text of each agent as well missed the cache and
// took a fifth of the time, and of a million strings two are mixed up once in 37 million runs.
type intern struct {
	names []string
	slots []internSlot // by hash, at most half full
}

type internSlot struct {
	hash uint64
	id   uint32 // plus one; 0 = free
}

// internSeed differs from run to run: nobody can write a log whose names collide. Numbers do not depend on it.
var internSeed = maphash.MakeSeed()

func (n *intern) id(b []byte) uint32 {
	if len(n.names)*2 >= len(n.slots) {
		n.grow()
	}
	h := maphash.Bytes(internSeed, b)
	s := n.find(h)
	if s.id == 0 {
		n.names = append(n.names, string(b))
		*s = internSlot{h, uint32(len(n.names))}
	}
	return s.id - 1
}

func (n *intern) find(h uint64) *internSlot {
	mask := uint64(len(n.slots) - 1)
	for i := h & mask; ; i = (i + 1) & mask {
		if s := &n.slots[i]; s.id == 0 || s.hash == h {
			return s
		}
	}
}

func (n *intern) grow() {
	old := n.slots
	n.slots = make([]internSlot, max(2*len(old), 64))
	for _, s := range old {
		if s.id != 0 {
			*n.find(s.hash) = s
		}
	}
}
