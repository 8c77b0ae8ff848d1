package parsers

import "math/bits"

// What a key costs, in the way of MEMORY USAGE of a 64-bit server with jemalloc: the entry in the database's table, the name,
// the object and the value, each rounded up to its allocation class. Against MEMORY USAGE of Redis 7.0 this is exact for
// strings and within a tenth for collections; the tables' buckets and the expiry's own entry are not in it, as there.
const (
	dictEntry = 24
	object    = 16
	listNode  = 24 // of lists before 3.2
	quickNode = 32
	skipNode  = 48 // a node of a sorted set's skip list, of 1.33 levels on average
	raxNode   = 32
	embedded  = 44 // strings up to this length share one allocation with their object
)

func keyOverhead(nameLen int64) int64 { return dictEntry + stringSize(nameLen) }

// stringObjectSize is a value that is a string.
func stringObjectSize(n int64) int64 {
	if n <= embedded {
		return allocated(object + 3 + n + 1)
	}
	return object + stringSize(n)
}

// stringSize is a string with its header and terminator (sds.c).
func stringSize(n int64) int64 {
	switch {
	case n < 1<<5:
		return allocated(n + 2)
	case n < 1<<8:
		return allocated(n + 4)
	case n < 1<<16:
		return allocated(n + 6)
	case n < 1<<32:
		return allocated(n + 10)
	}
	return allocated(n + 18)
}

// allocated rounds up to jemalloc's size classes: 8, multiples of 16 up to 128, then four classes a doubling.
func allocated(n int64) int64 {
	switch {
	case n <= 8:
		return 8
	case n <= 128:
		return (n + 15) &^ 15
	}
	step := int64(1) << (bits.Len64(uint64(n-1)) - 3)
	return (n + step - 1) &^ (step - 1)
}
