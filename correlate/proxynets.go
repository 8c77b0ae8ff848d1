package correlate

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
	"sync"
)

// proxyNets are the networks from which content delivery networks and cloud load balancers connect to their customers'
// servers, as the operators publish them (read in 2025 and 2026). A server behind one sees these addresses and nobody else's:
// the client stands in X-Forwarded-For, to which such a proxy appends the address that connected to it. An edge that is
// missing here is taken for a client, as before; an entry too many would let a client choose its own address.
const proxyNets = `
# Cloudflare, https://www.cloudflare.com/ips/
173.245.48.0/20 103.21.244.0/22 103.22.200.0/22 103.31.4.0/22 141.101.64.0/18 108.162.192.0/18 190.93.240.0/20
188.114.96.0/20 197.234.240.0/22 198.41.128.0/17 162.158.0.0/15 104.16.0.0/13 104.24.0.0/14 172.64.0.0/13 131.0.72.0/22
2400:cb00::/32 2606:4700::/32 2803:f800::/32 2405:b500::/32 2405:8100::/32 2a06:98c0::/29 2c0f:f248::/32
# Fastly, https://api.fastly.com/public-ip-list
23.235.32.0/20 43.249.72.0/22 103.244.50.0/24 103.245.222.0/23 103.245.224.0/24 104.156.80.0/20 140.248.64.0/18
140.248.128.0/17 146.75.0.0/17 151.101.0.0/16 157.52.64.0/18 167.82.0.0/17 167.82.128.0/20 167.82.160.0/20 167.82.224.0/20
172.111.64.0/18 185.31.16.0/22 199.27.72.0/21 199.232.0.0/16 2a04:4e40::/32 2a04:4e42::/32
# Google's load balancers, https://cloud.google.com/load-balancing/docs/https
130.211.0.0/22 35.191.0.0/16
# Sucuri, https://docs.sucuri.net/website-firewall/
192.88.134.0/23 185.93.228.0/22 66.248.200.0/22 2a02:fe80::/29
# Imperva, https://my.imperva.com/api/integration/v1/ips
199.83.128.0/21 198.143.32.0/19 149.126.72.0/21 103.28.248.0/22 185.11.124.0/22 192.230.64.0/18 45.64.64.0/22 107.154.0.0/16
45.60.0.0/16 45.223.0.0/16 131.125.128.0/17 2a02:e980::/29
# Amazon CloudFront, https://d7uri8nf7uskq.cloudfront.net/tools/list-cloudfront-ips
13.32.0.0/15 13.35.0.0/16 13.224.0.0/14 13.249.0.0/16 18.64.0.0/14 18.154.0.0/15 18.160.0.0/15 18.164.0.0/15 18.172.0.0/15
18.238.0.0/15 18.244.0.0/15 52.46.0.0/18 52.84.0.0/15 52.222.128.0/17 54.182.0.0/16 54.192.0.0/16 54.230.0.0/17
54.230.128.0/18 54.239.128.0/18 54.239.192.0/19 54.240.128.0/18 64.252.64.0/18 64.252.128.0/18 65.8.0.0/16 65.9.0.0/17
65.9.128.0/18 70.132.0.0/18 99.84.0.0/16 99.86.0.0/16 108.138.0.0/15 108.156.0.0/14 130.176.0.0/16 143.204.0.0/16
144.220.0.0/16 204.246.164.0/22 204.246.168.0/22 205.251.192.0/19 216.137.32.0/19 3.160.0.0/14 3.164.0.0/18
`

// proxied says whether addr is a reverse proxy's by that list, so that what it forwards is to be believed.
func proxied(addr netip.Addr) bool {
	addr = plain(addr)
	_, ok := proxyList().find(addr)
	return ok
}

var proxyList = sync.OnceValue(func() *netList {
	var l netList
	for line := range strings.SplitSeq(proxyNets, "\n") {
		if strings.HasPrefix(line, "#") {
			continue
		}
		for _, f := range strings.Fields(line) {
			l.nets = append(l.nets, netip.MustParsePrefix(f))
		}
	}
	slices.SortFunc(l.nets, func(a, b netip.Prefix) int {
		return cmp.Or(a.Addr().Compare(b.Addr()), cmp.Compare(a.Bits(), b.Bits()))
	})
	return &l
})
