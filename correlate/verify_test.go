package correlate

import (
	"net/netip"
	"strings"
	"testing"
)

func TestVerify(t *testing.T) {
	const (
		google  = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
		browser = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
	)
	f := func(ua, addr string, claim Claim, private bool, reason string) {
		t.Helper()
		var a netip.Addr
		if addr != "" {
			a = netip.MustParseAddr(addr)
		}
		if got := Verify(Identify(ua), a); got.Claim != claim || got.Private != private || !strings.Contains(got.Reason, reason) {
			t.Errorf("%s from %s: %+v, want %s, %q", ua, addr, got, claim, reason)
		}
	}
	f(google, "66.249.66.1", Verified, false, "66.249.66.1 lies in 66.249.66.0/24, Google's published list of 2026-05-05")
	f(google, "::ffff:66.249.66.1", Verified, false, "Google's published list")
	f(google, "45.32.1.9", Spoofed, false, "in none of the 76 networks of Google's published list of 2026-05-05")
	f(google, "2a01:4f8::1", Spoofed, false, "none of")
	f(google, "192.168.1.105", Unverifiable, true, "private address (RFC 1918): no crawler of Google")
	f(google, "fd00::5", Unverifiable, true, "ULA")
	f(google, "100.64.3.4", Unverifiable, true, "carrier-grade NAT")
	f(google, "203.0.113.9", Unverifiable, false, "reserved for documentation")
	f(google, "", Unverifiable, false, "no address")
	f("Mozilla/5.0 (compatible; MJ12bot/v1.4.8; http://mj12bot.com/)", "5.9.1.2", Unverifiable, false, "volunteers")
	f("Mozilla/5.0 (compatible; Baiduspider/2.0; +http://www.baidu.com/search/spider.html)", "5.9.1.2", Unverifiable, false, "dig -x 5.9.1.2 +short")
	f("Mozilla/5.0 (compatible; LeafyTeaBot/0.3)", "5.9.1.2", Unverifiable, false, "no published list")
	f("Claude-Code/1.0", "5.9.1.2", Unverifiable, false, "no published list") // on people's own machines
	f("msnbot/2.0b", "157.55.39.10", Verified, false, "another published list of Microsoft's (bingbot)")
	f("msnbot/2.0b", "5.9.1.2", Unverifiable, false, "search.msn.com")
	f(browser, "66.249.66.1", Undeclared, false, "")
	f("curl/8.5.0", "66.249.66.1", Undeclared, false, "")
	f("-", "66.249.66.1", Undeclared, false, "")
	f("facebookexternalhit/1.1", "31.13.24.5", Verified, false, "Meta")
}

func TestVerifySisterList(t *testing.T) {
	l := crawlerNets()["openai-user"]
	if got := Verify(Identify("Mozilla/5.0 (compatible; GPTBot/1.2)"), l.nets[0].Addr()); got.Claim != Verified || !strings.Contains(got.Reason, "another") {
		t.Errorf("%+v", got)
	}
}

func TestParseClient(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		a, ok := ParseClient([]byte(in))
		if got := map[bool]string{true: a.String()}[ok]; got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	f("192.0.2.1", "192.0.2.1")
	f(" 192.0.2.1:50122", "192.0.2.1")
	f("[2001:db8::1]:443", "2001:db8::1")
	f("[2001:db8::1]", "2001:db8::1")
	f("[192.0.2.1]:80", "192.0.2.1")
	f("2001:db8::1", "2001:db8::1")
	f("fe80::1%eth0", "fe80::1")
	f("::ffff:192.0.2.1", "192.0.2.1")
	for _, bad := range []string{"", "-", "unix:", "unix:/run/x.sock", "shop.example.com", "192.0.2", "192.0.2.256", "192.0.02.1", "1.2.3.4.5",
		"1.2.3.4:http", "1.2.3.4' or '1'='1", "[", "[::1", "[::1]x", "::g", strings.Repeat(":", 1000)} {
		f(bad, "")
	}
}

func TestNetwork(t *testing.T) {
	f := func(addr, want string) {
		t.Helper()
		if got := Network(netip.MustParseAddr(addr)).String(); got != want {
			t.Errorf("%s: %s, want %s", addr, got, want)
		}
	}
	f("192.0.2.77", "192.0.2.0/24")
	f("::ffff:192.0.2.77", "192.0.2.0/24")
	f("2001:db8:1:2:3::4", "2001:db8:1:2::/64")
	if p := Network(netip.Addr{}); p.IsValid() {
		t.Errorf("no address: %s", p)
	}
}

func TestIsPrivate(t *testing.T) {
	for addr, want := range map[string]bool{"10.0.0.1": true, "172.31.2.3": true, "172.32.2.3": false, "192.168.1.105": true, "127.0.0.1": true, "::1": true,
		"169.254.1.1": true, "fe80::1": true, "fd12::1": true, "100.127.0.1": true, "100.128.0.1": false, "8.8.8.8": false, "203.0.113.1": false, "2606:4700::1": false} {
		if got := IsPrivate(netip.MustParseAddr(addr)); got != want {
			t.Errorf("%s: %v", addr, got)
		}
	}
	if IsPrivate(netip.Addr{}) {
		t.Error("no address is private")
	}
}

func FuzzParseClient(f *testing.F) {
	for _, s := range []string{"", "1.2.3.4", "[::1]:1", "unix:", "::%", "1.2.3.4:", "[]"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		a, ok := ParseClient(b)
		if ok != a.IsValid() || ok && (a.Zone() != "" || a.Is4In6()) {
			t.Fatalf("%q: %v %v", b, a, ok)
		}
		Verify(Identify("Googlebot"), a)
	})
}

func BenchmarkVerify(b *testing.B) {
	a, addr := Identify("Googlebot/2.1"), netip.MustParseAddr("66.249.66.1")
	for b.Loop() {
		Verify(a, addr)
	}
}

func BenchmarkParseClient(b *testing.B) {
	for _, s := range []string{"192.0.2.177", "2001:db8:1:2:3::4"} {
		b.Run(s, func(b *testing.B) {
			b.ReportAllocs()
			in := []byte(s)
			for b.Loop() {
				ParseClient(in)
			}
		})
	}
}
