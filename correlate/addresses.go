package correlate

import (
	"bytes"
	"net/netip"
)

// ParseClient reads a client as web servers log it: an address, "192.0.2.1:50122", "[2001:db8::1]:443", "2001:db8::1". A
// socket ("unix:") and a host name are no address.
func ParseClient(b []byte) (netip.Addr, bool) {
	b = bytes.TrimSpace(b)
	if len(b) > 1 && b[0] == '[' {
		end := bytes.IndexByte(b, ']')
		if end < 0 || end+1 < len(b) && b[end+1] != ':' {
			return netip.Addr{}, false
		}
		b = b[1:end]
	}
	if a, ok := parseIPv4(b); ok {
		return a, true
	}
	if len(b) > maxAddr || bytes.IndexByte(b, ':') < 0 {
		return netip.Addr{}, false
	}
	a, err := netip.ParseAddr(string(b))
	return plain(a), err == nil
}

// maxAddr is the longest address text, an IPv4-mapped one with a zone of 15 bytes (IFNAMSIZ-1), and some.
const maxAddr = 64

// parseIPv4 reads "a.b.c.d" or "a.b.c.d:port" without an allocation: it runs once a log line.
func parseIPv4(b []byte) (netip.Addr, bool) {
	var ip [4]byte
	part, digits, n := 0, 0, 0
	i := 0
	for ; i < len(b) && b[i] != ':'; i++ {
		switch c := b[i]; {
		case c == '.':
			if digits == 0 || part == 3 {
				return netip.Addr{}, false
			}
			ip[part] = byte(n)
			part, digits, n = part+1, 0, 0
		case '0' <= c && c <= '9':
			if digits > 0 && n == 0 { // 010 is 8 to some and 10 to others
				return netip.Addr{}, false
			}
			if n = n*10 + int(c-'0'); n > 255 {
				return netip.Addr{}, false
			}
			digits++
		default:
			return netip.Addr{}, false
		}
	}
	if part != 3 || digits == 0 {
		return netip.Addr{}, false
	}
	if i < len(b) {
		for _, c := range b[i+1:] {
			if c < '0' || c > '9' {
				return netip.Addr{}, false
			}
		}
	}
	ip[3] = byte(n)
	return netip.AddrFrom4(ip), true
}

// plain takes off what does not change whose address it is: a zone, an IPv4-mapped prefix.
func plain(a netip.Addr) netip.Addr { return a.Unmap().WithZone("") }

// Network is the neighbourhood that one customer usually gets whole: /24 of IPv4, /64 of IPv6.
func Network(addr netip.Addr) netip.Prefix {
	addr = plain(addr)
	bits := 64
	if addr.Is4() {
		bits = 24
	}
	p, _ := addr.Prefix(bits) // an invalid address gives the invalid prefix
	return p
}

// IsPrivate reports whether the address is one that the internet does not route, so that the client is inside or hides
// behind a proxy: RFC 1918, ULA, loopback, link-local, carrier-grade NAT.
func IsPrivate(addr netip.Addr) bool {
	_, private := reserved(plain(addr))
	return private
}

// reserved names the special block an address lies in, "" for an ordinary one (IANA's special-purpose registries, those
// that show up in logs).
func reserved(addr netip.Addr) (kind string, private bool) {
	switch {
	case !addr.IsValid():
		return "", false
	case addr.IsLoopback():
		return "the loopback address", true
	case addr.IsPrivate() && addr.Is4():
		return "a private address (RFC 1918)", true
	case addr.IsPrivate():
		return "a private address (ULA, fc00::/7)", true
	case addr.IsLinkLocalUnicast():
		return "a link-local address", true
	case carrierNAT.Contains(addr):
		return "a carrier-grade NAT address (100.64.0.0/10)", true
	case addr.IsUnspecified() || addr.IsMulticast() || reservedNet.Contains(addr) || thisNet.Contains(addr):
		return "a reserved address", false
	}
	for _, p := range docNets {
		if p.Contains(addr) {
			return "in " + p.String() + ", reserved for documentation", false
		}
	}
	if benchNet.Contains(addr) {
		return "in 198.18.0.0/15, reserved for benchmarks", false
	}
	return "", false
}

// reservedBlocks are what reserved tells apart, as networks.
var reservedBlocks = func() []netip.Prefix {
	blocks := []netip.Prefix{carrierNAT, thisNet, reservedNet, benchNet}
	for _, s := range []string{"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "::/128", "::1/128", "fc00::/7", "fe80::/10", "ff00::/8"} {
		blocks = append(blocks, netip.MustParsePrefix(s))
	}
	return append(blocks, docNets[:]...)
}()

var (
	carrierNAT  = netip.MustParsePrefix("100.64.0.0/10") // RFC 6598
	thisNet     = netip.MustParsePrefix("0.0.0.0/8")     // RFC 791
	reservedNet = netip.MustParsePrefix("240.0.0.0/4")   // RFC 1112
	benchNet    = netip.MustParsePrefix("198.18.0.0/15") // RFC 2544
	docNets     = [...]netip.Prefix{                     // RFC 5737, RFC 3849, RFC 9637
		netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("198.51.100.0/24"), netip.MustParsePrefix("203.0.113.0/24"),
		netip.MustParsePrefix("2001:db8::/32"), netip.MustParsePrefix("3fff::/20"),
	}
)
