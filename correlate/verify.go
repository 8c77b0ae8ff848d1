package correlate

import (
	"cmp"
	_ "embed"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
)

// Identity is what an address says about an agent's claim, without asking the network.
type Identity struct {
	Claim  Claim
	Reason string // one clause with the network, the list and its date
	// Private: the address says nothing about the client: a proxy or a NAT stands in front, or the client is inside.
	Private bool
}

// Claim is the fate of an agent's claim to be somebody's crawler.
type Claim uint8

const (
	Undeclared   Claim = iota // it claims to be nobody in particular: a browser, a tool, no agent
	Verified                  // the address is the operator's
	Spoofed                   // the operator publishes all its addresses, and this is none of them
	Unverifiable              // no list can tell
)

func (c Claim) String() string {
	return [...]string{"undeclared", "verified", "spoofed", "unverifiable"}[c]
}

// Verify holds an agent's claim against the networks that its operator publishes (crawlernets.tsv, a dated copy). A
// private or reserved address is never verified and never called spoofed: one address cannot tell a forger inside from a
// proxy without real_ip; how many agents share it can.
func Verify(a Agent, addr netip.Addr) Identity {
	addr = plain(addr)
	operator := cmp.Or(a.Operator, "an unknown operator")
	switch {
	case !a.Class.Automated() || a.Class == Tool || a.Name == "":
		return Identity{Claim: Undeclared, Reason: "it does not claim to be anybody's crawler"}
	case !addr.IsValid():
		return Identity{Claim: Unverifiable, Reason: "the log gives no address"}
	}
	if kind, private := reserved(addr); kind != "" {
		reason := fmt.Sprintf("%s is %s: no crawler of %s comes from there; an inside client forging the name, or a proxy in front without real_ip", addr, kind, operator)
		if !private {
			reason = fmt.Sprintf("%s is %s: not an address of the internet", addr, kind)
		}
		return Identity{Claim: Unverifiable, Reason: reason, Private: private}
	}
	lists := crawlerNets()
	var size int
	for id := range strings.SplitSeq(a.Nets, ",") {
		l := lists[id]
		if l == nil {
			continue
		}
		size += len(l.nets)
		if p, ok := l.find(addr); ok {
			return Identity{Claim: Verified, Reason: fmt.Sprintf("%s lies in %s, %s's published list of %s", addr, p, l.operator, l.date)}
		}
	}
	// An operator moves machines between its crawlers, and not each has a list; a sister's network is still the operator's.
	// The converse does not hold: outside the sisters' lists such a crawler is unverifiable, not spoofed.
	for _, l := range sortedLists() {
		if l.operator == a.Operator {
			if p, ok := l.find(addr); ok {
				return Identity{Claim: Verified, Reason: fmt.Sprintf("%s lies in %s, another published list of %s's (%s) of %s", addr, p, l.operator, l.id, l.date)}
			}
		}
	}
	if proxied(addr) {
		return Identity{Claim: Unverifiable, Reason: fmt.Sprintf("%s is an edge of a content delivery network: who came through it is not in the log", addr)}
	}
	first, _, _ := strings.Cut(a.Nets, ",")
	l := lists[first]
	if l == nil {
		return Identity{Claim: Unverifiable, Reason: noList(a, addr)}
	}
	return Identity{Claim: Spoofed, Reason: fmt.Sprintf("%s lies in none of the %d networks of %s's published list of %s", addr, size, l.operator, l.date)}
}

func noList(a Agent, addr netip.Addr) string {
	switch {
	case a.Name == "MJ12bot":
		return "MJ12bot runs on volunteers' machines: no list can tell"
	case a.RDNS != "":
		return fmt.Sprintf("no list of %s's addresses at hand: the name that `dig -x %s +short` gives must end in %s and lead back to the address",
			a.Name, addr, strings.ReplaceAll(a.RDNS, ",", " or "))
	case a.ListURL != "":
		return fmt.Sprintf("no copy of the list at hand that %s publishes at %s", cmp.Or(a.Operator, a.Name), a.ListURL)
	}
	return fmt.Sprintf("no published list of addresses is known that covers %s", a.Name)
}

// ---- the published networks ----

//go:embed crawlernets.tsv
var crawlerNetsTSV string

type netList struct {
	id, operator, date, source string
	nets                       []netip.Prefix // sorted, none inside another
}

// find relies on nets being disjoint: only the last one that begins at or before addr can hold it.
func (l *netList) find(addr netip.Addr) (netip.Prefix, bool) {
	i, found := slices.BinarySearchFunc(l.nets, addr, func(p netip.Prefix, a netip.Addr) int { return p.Addr().Compare(a) })
	if !found {
		i--
	}
	if i >= 0 && l.nets[i].Contains(addr) {
		return l.nets[i], true
	}
	return netip.Prefix{}, false
}

var crawlerNets = sync.OnceValue(func() map[string]*netList {
	lists, _ := loadNets(crawlerNetsTSV)
	return lists
})

var sortedLists = sync.OnceValue(func() []*netList { return sortLists(crawlerNets()) })

func sortLists(m map[string]*netList) []*netList {
	var out []*netList
	for _, l := range m {
		out = append(out, l)
	}
	slices.SortFunc(out, func(a, b *netList) int { return cmp.Compare(a.id, b.id) })
	return out
}

// loadNets reads crawlernets.tsv: "@ id operator date source" opens a block, the lines below it are its networks.
func loadNets(tsv string) (lists map[string]*netList, bad []string) {
	lists = map[string]*netList{}
	var l *netList
	for line := range strings.Lines(tsv) {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || line[0] == '#':
		case strings.HasPrefix(line, "@ "):
			f := strings.Split(line[2:], "\t")
			if l = nil; len(f) != 4 || lists[f[0]] != nil {
				bad = append(bad, line)
				continue
			}
			l = &netList{id: f[0], operator: f[1], date: f[2], source: f[3]}
			lists[l.id] = l
		default:
			p, err := netip.ParsePrefix(line)
			if err != nil || l == nil {
				bad = append(bad, line)
				continue
			}
			l.nets = append(l.nets, p)
		}
	}
	for _, l := range lists {
		l.nets = collapse(l.nets)
	}
	return lists, bad
}

// collapse sorts networks and drops those inside another, which find needs.
func collapse(nets []netip.Prefix) []netip.Prefix {
	for i, p := range nets {
		nets[i] = p.Masked()
	}
	slices.SortFunc(nets, func(a, b netip.Prefix) int {
		return cmp.Or(a.Addr().Compare(b.Addr()), cmp.Compare(a.Bits(), b.Bits()))
	})
	out := nets[:0]
	for _, p := range nets {
		if len(out) > 0 && out[len(out)-1].Overlaps(p) {
			continue
		}
		out = append(out, p)
	}
	return out
}

// SpecialNet gives the narrowest block that makes an address mean something here: a reserved one, or a network that a
// crawler's operator publishes. False: nothing is known of the address.
func SpecialNet(addr netip.Addr) (netip.Prefix, bool) {
	var best netip.Prefix
	for _, p := range reservedBlocks {
		if p.Contains(addr) && p.Bits() > best.Bits() {
			best = p
		}
	}
	if best.IsValid() {
		return best, true
	}
	for _, l := range sortedLists() {
		if p, ok := l.find(addr); ok && p.Bits() > best.Bits() {
			best = p
		}
	}
	return best, best.IsValid()
}
