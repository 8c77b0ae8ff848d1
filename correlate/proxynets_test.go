package correlate

import (
	"net/netip"
	"testing"

	"culprit/parsers"
)

func TestProxyNetsAreDisjoint(t *testing.T) {
	nets := proxyList().nets
	for i := 1; i < len(nets); i++ {
		if nets[i-1].Overlaps(nets[i]) {
			t.Errorf("%s and %s overlap: find relies on disjoint networks", nets[i-1], nets[i])
		}
	}
	for addr, want := range map[string]bool{"172.70.1.1": true, "::ffff:104.16.9.9": true, "2606:4700:10::1": true, "35.191.255.255": true,
		"66.249.66.1": false, "203.0.113.9": false, "172.80.0.1": false, "2001:db8::1": false} {
		if got := proxied(netip.MustParseAddr(addr)); got != want {
			t.Errorf("proxied(%s) = %v, want %v", addr, got, want)
		}
	}
}

func TestForwarded(t *testing.T) {
	f := func(client, list, want string) {
		t.Helper()
		got := forwarded(&parsers.Access{Client: []byte(client), ForwardedFor: []byte(list)})
		if string(got) != want {
			t.Errorf("forwarded(%s, %q) = %q, want %q", client, list, got, want)
		}
	}
	f("172.70.229.76", "198.51.100.7", "198.51.100.7")             // an edge of a CDN
	f("10.0.0.7", "198.51.100.7, 172.70.1.1", "198.51.100.7")      // a balancer behind a CDN
	f("162.158.4.4", "192.0.2.66, 198.51.100.7", "198.51.100.7")   // the client's own header: the proxy appends
	f("203.0.113.50", "198.51.100.7", "")                          // a stranger may write what it likes
	f("10.0.0.7", "10.2.3.4, unknown", "")                         // nobody from outside
	f("2606:4700:20::1", "2001:4860:4801::3", "2001:4860:4801::3") // over IPv6
}
