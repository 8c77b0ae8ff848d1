package correlate

import (
	"fmt"
	"testing"
)

// benchPaths are a shop's: half style sheets and pictures with hashes in their names, a quarter products.
func benchPaths(n int) [][]byte {
	var paths [][]byte
	for i := range n {
		switch i % 4 {
		case 0, 1:
			paths = append(paths, fmt.Appendf(nil, "/static/build/runner.%x.css", i*2654435761%(1<<20)))
		case 2:
			paths = append(paths, fmt.Appendf(nil, "/product/%d/trail-classic-sneaker", 10000+i*7919%40000))
		case 3:
			paths = append(paths, fmt.Appendf(nil, "/category/shoes?page=%d&sort=price_asc&color=red", i%60))
		}
	}
	return paths
}

func BenchmarkRouteShop(b *testing.B) {
	paths := benchPaths(4096)
	var buf []byte
	for i := 0; b.Loop(); i++ {
		buf = Route(paths[i%len(paths)], buf[:0])
	}
}

// BenchmarkRouteWalk asks for paths most of which are new.
func BenchmarkRouteWalk(b *testing.B) {
	paths := benchPaths(1 << 18)
	w := newWebFold(newClientFold())
	w.walk = newRouteWalk()
	for i := 0; b.Loop(); i++ {
		w.routeAndClass(paths[i%len(paths)])
	}
}

func BenchmarkClassifyShop(b *testing.B) {
	paths := benchPaths(4096)
	for i := 0; b.Loop(); i++ {
		Classify(paths[i%len(paths)])
	}
}

func BenchmarkWebFold(b *testing.B) {
	requests := manyRequests(1 << 16)
	w := newWebFold(newClientFold())
	for i := 0; b.Loop(); i++ {
		w.add(&requests[i%len(requests)].Record, &requests[i%len(requests)].Access)
	}
}
