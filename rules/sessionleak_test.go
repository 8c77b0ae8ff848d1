package rules

import (
	"testing"

	"culprit/correlate"
)

// TestCulpritsWithoutAddress: of a crawler behind more addresses than are kept, the rest is one member without an address. It
// makes part of the group's pages and is nobody's address.
func TestCulpritsWithoutAddress(t *testing.T) {
	g := &correlate.Group{Kind: correlate.CrawlerGroup, Name: "HeadlessChrome", Requests: 1000, Members: []correlate.Member{
		{Addr: "-", Requests: 800, Pages: 800}, {Addr: "192.0.2.7", Requests: 100, Pages: 100}, {Addr: "192.0.2.8", Requests: 100, Pages: 100}}}
	if got, want := groupName(g), "HeadlessChrome from more than 2 addresses"; got != want {
		t.Errorf("it is called %q, want %q", got, want)
	}
	var got []string
	for _, c := range culpritsOf(correlate.Share{Group: g, Share: 1}) {
		got = append(got, c.Kind+" "+c.Value)
		if c.Value == "192.0.2.7" && c.Share != 0.1 {
			t.Errorf("%s has a share of %v, want 0.1", c.Value, c.Share)
		}
	}
	if len(got) != 3 || got[0] != "user-agent HeadlessChrome" || got[1] != "address 192.0.2.7" || got[2] != "address 192.0.2.8" {
		t.Errorf("named: %q", got)
	}
}
