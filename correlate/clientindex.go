package correlate

// clientIndex finds clients by their keys. A slot is a client's number and eight bits of its key, and the rest of the key
// stands with the client, where the line is counted: 512 KiB for 65,536 clients, which a core's cache holds.
type clientIndex struct {
	slots []uint32 // a power of two, at most half full; 0 = free
	n     int
}

const numberBits = 24 // two folds that are merged have some 150,000 clients

func slotOf(key uint64, number int) uint32 { return uint32(key>>56)<<numberBits | uint32(number+1) }

// find gives the number of a client, -1 when there is none.
func (x *clientIndex) find(key uint64, clients []running) int {
	if len(x.slots) == 0 {
		return -1
	}
	for i := key; ; i++ {
		s := x.slots[i&uint64(len(x.slots)-1)]
		if s == 0 {
			return -1
		}
		if n := int(s&(1<<numberBits-1)) - 1; s>>numberBits == uint32(key>>56) && clients[n].key == key {
			return n
		}
	}
}

// add notes a client that is not there.
func (x *clientIndex) add(number int, clients []running) {
	if (x.n+1)*2 > len(x.slots) {
		x.renew(clients[:number], max(2*len(x.slots), 64))
	}
	x.put(clients[number].key, number)
}

// rebuild notes all clients, and none besides.
func (x *clientIndex) rebuild(clients []running) {
	size := max(len(x.slots), 64)
	for size < 2*(len(clients)+1) {
		size *= 2
	}
	x.renew(clients, size)
}

func (x *clientIndex) renew(clients []running, size int) {
	x.n = 0
	if len(x.slots) == size {
		clear(x.slots)
	} else {
		x.slots = make([]uint32, size)
	}
	for i := range clients {
		x.put(clients[i].key, i)
	}
}

func (x *clientIndex) put(key uint64, number int) {
	i := key
	for x.slots[i&uint64(len(x.slots)-1)] != 0 {
		i++
	}
	x.slots[i&uint64(len(x.slots)-1)] = slotOf(key, number)
	x.n++
}
