package redact

import (
	"crypto/aes"
	"crypto/cipher"
	"net/netip"

	"culprit/correlate"
)

// addresses maps addresses one to one, by Crypto-PAn (Xu, Fan, Ammar, Moon: "Prefix-preserving IP address anonymization",
// ICNP 2002): bit i is flipped by a keyed function of the bits before it, so that two addresses share as many leading bits
// after as before, and a network stays a network.
//
// An address keeps what culprit knows of it: it moves only within the narrowest special block around it (RFC 1918, a
// crawler's published network), and one that lies in none never moves into one.
type addresses struct{ block cipher.Block }

func newAddresses(key []byte) *addresses {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err) // the key is a SHA-256 sum: 32 bytes, which AES takes
	}
	return &addresses{block}
}

// maxWalk bounds the steps until an address of the same kind is met. 14 % of IPv4 is special, and more of what a published
// /32 stands in; the chance of as many misses in a row is nil, and then the address stays.
const maxWalk = 200

func (a *addresses) of(addr netip.Addr) netip.Addr {
	zone := addr.Zone()
	plain := addr.Unmap().WithZone("")
	home, special := correlate.SpecialNet(plain)
	keep := 0
	switch {
	case special && (fixed(plain) || home.IsSingleIP()):
		return addr
	case special:
		keep = home.Bits()
	case plain.Is6():
		keep = 3 // 2000::/3, all that is routed
	}
	moved := plain
	for range maxWalk {
		moved = a.move(moved, keep)
		if net, is := correlate.SpecialNet(moved); is == special && net == home {
			if addr.Is4In6() {
				return netip.AddrFrom16(moved.As16())
			}
			return moved.WithZone(zone)
		}
	}
	return addr
}

// fixed are addresses that name nobody: this host, nobody, everybody, netmasks.
func fixed(addr netip.Addr) bool {
	if addr.IsLoopback() || addr.IsUnspecified() || addr.IsMulticast() {
		return true
	}
	if !addr.Is4() {
		return false
	}
	first := addr.As4()[0]
	return first == 0 || first >= 224
}

// move flips the bits behind the first keep.
func (a *addresses) move(addr netip.Addr, keep int) netip.Addr {
	in := addr.AsSlice()
	out := addr.AsSlice()
	var text, sealed [aes.BlockSize]byte
	for i := keep; i < 8*len(in); i++ {
		clear(text[:])
		copy(text[:], in[:i/8])
		if i%8 > 0 {
			text[i/8] = in[i/8] &^ (0xff >> (i % 8))
		}
		// An IPv4 address fills four bytes: the rest tells which bit is meant. Of an IPv6 address only the bits before
		// bit i are there, and a one behind them tells where they end.
		if len(in) == 4 {
			text[15] = byte(i) + 1
		} else {
			text[i/8] |= 0x80 >> (i % 8)
		}
		a.block.Encrypt(sealed[:], text[:])
		if sealed[0]&1 == 1 {
			out[i/8] ^= 0x80 >> (i % 8)
		}
	}
	moved, _ := netip.AddrFromSlice(out)
	return moved
}

// network maps a network so that it holds the addresses it held.
func (a *addresses) network(p netip.Prefix) netip.Prefix {
	if p.Addr() != p.Masked().Addr() {
		return netip.PrefixFrom(a.of(p.Addr()), p.Bits())
	}
	if home, special := correlate.SpecialNet(p.Addr()); special && p.Bits() <= home.Bits() {
		return p // the block itself, or what holds it
	}
	return netip.PrefixFrom(a.of(p.Addr()), p.Bits()).Masked()
}
