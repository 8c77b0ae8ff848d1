package correlate

import (
	"math/rand/v2"
	"testing"
)

// In whatever order cells are written down, and however often they are brought in order meanwhile, each client has its own.
func TestClientCells(t *testing.T) {
	const clients, bins = 40, 9
	r := rand.New(rand.NewPCG(3, 4))
	for round := range 50 {
		var c clientCells
		want := map[[2]uint32]uint32{}
		for range r.IntN(600) {
			client, bin, n := r.Uint32N(clients), r.Uint32N(bins), r.Uint32N(5)
			c.add(client, bin, cell{n, n})
			want[[2]uint32{client, bin}] += n
			if r.IntN(100) == 0 {
				c.order(clients)
			}
		}
		check := func(dropped uint32) {
			t.Helper()
			c.order(clients)
			n := 0
			for client := range uint32(clients) {
				for i, one := range c.of(client) {
					if n++; one.client != client || one.requests != want[[2]uint32{client, one.bin}] || one.pages != one.requests {
						t.Fatalf("round %d: client %d has %+v, want %d", round, client, one, want[[2]uint32{client, one.bin}])
					}
					if i > 0 && c.of(client)[i-1].bin >= one.bin {
						t.Fatalf("round %d: client %d has bin %d after %d", round, client, one.bin, c.of(client)[i-1].bin)
					}
				}
			}
			for key := range want {
				if key[0] < dropped {
					n++
				}
			}
			if n != len(want) || n != len(c.list) && dropped == 0 {
				t.Fatalf("round %d: %d cells, want %d", round, n, len(want))
			}
		}
		check(0)
		c.keep(func(one *clientCell) bool { return one.client >= clients/2 })
		check(clients / 2)
		c.keep(func(*clientCell) bool { return false })
		check(clients)
	}
}
