package redact

import (
	"bytes"
	"errors"
	"io"
	"net/netip"
	"strings"
	"testing"

	"culprit/correlate"
)

var key = []byte("a key for tests")

// TestLine: what stays of a line, and what goes.
func TestLine(t *testing.T) {
	r := New(key)
	for _, c := range []struct{ in, stays, goes string }{
		{`203.0.113.9 - hans [20/Apr/2026:08:00:01 +0800] "GET /product/oolong-kyoto/?sid=4711&sort=up HTTP/1.1" 200 52434 "https://shop.target.com/" "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"`,
			`[20/Apr/2026:08:00:01 +0800] "GET /product/ HTTP/1.1" 200 52434 "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"`, `203.0.113.9 hans oolong kyoto 4711 target`},
		{`Apr 20 01:12:34 teapot kernel: [12345.678901] Out of memory: Killed process 14502 (redis-server) total-vm:8102340kB, anon-rss:7501232kB`,
			`Apr 20 01:12:34 kernel: [12345.678901] Out of memory: Killed process 14502 (redis-server) total-vm:8102340kB, anon-rss:7501232kB`, `teapot`},
		{`used_memory:7674093568`, `used_memory:7674093568`, ``},
		{`run_id:3f2a9c0d1e4b5a69788796a5b4c3d2e1f0a9b8c7`, `run_id`, `3f2a9c0d1e4b5a69788796a5b4c3d2e1f0a9b8c7`},
		{`1) "PHPREDIS_SESSION:k7fbnq20u1mv9e3hj5t8r6w4c2"`, `PHPREDIS_SESSION:`, `k7fbnq20u1mv9e3hj5t8r6w4c2`},
		{`kyotoshop_sess:8812736450`, `sess:`, `kyotoshop 8812736450`},
		{`requirepass redis`, `requirepass ***`, ``},
		{`DB_PASSWORD="session"`, `DB_PASSWORD=***`, ``},
		{`maxmemory 512mb`, `maxmemory 512mb`, ``},
		{`limit_req_zone $binary_remote_addr zone=one:10m rate=10r/s;`, `limit_req_zone $binary_remote_addr zone=one:10m rate=10r/s;`, ``},
		{`server_name delta.com www.delta.com;`, `server_name www.`, `delta`},
		{`allow 10.20.30.0/24; deny 0.0.0.0/0;`, `allow .0/24; deny 0.0.0.0/0;`, `10.20.30.0`},
		{`server: delta.org, request: "GET / HTTP/1.1", host: "delta.org"`, `server: request: "GET / HTTP/1.1", host:`, `delta.org`},
		{`root@teapot:~# ls /home/mark/sites`, `root@ ls /home/`, `teapot mark`},
		{`mail to mark.kyoto@delta.com or root@localhost`, `mail to or root@localhost`, `mark kyoto delta`},
		{`2001:4860:4801:10::42 and fe80::1 and ::1 and 12:34:56 and 00:16:3e:aa:bb:cc`, `::1 and 12:34:56 and`, `2001:4860:4801:10::42 00:16:3e:aa:bb:cc`},
		{`Time zone: Asia/Kolkata (IST, +0530)`, `Time zone: Asia/Kolkata (IST, +0530)`, ``},
		{`Chrome/120.0.0.0 Safari/537.36`, `Chrome/120.0.0.0 Safari/537.36`, ``},
		{`ip-10-0-32-114.eu-west-1.compute.internal`, `ip- .internal`, `10-0-32-114`},
		{`GET /tee/%E8%8C%B6-gr%C3%BCn.html HTTP/1.1`, `GET .html HTTP/1.1`, `%E8%8C%B6 %C3%BC`},
		{`grüner Tee für Jürgen`, ``, `grüner Jürgen ü`},
		{`● redis-server.service - Advanced key-value store`, `● redis-server.service - store`, ``},
		{`FastCGI: Cm\RedisSession\ConcurrentConnectionsExceededException \nTeapot`, `\RedisSession\ConcurrentConnectionsExceededException \n`, `Teapot`},
		{`task_memcg=/system.slice/docker-3f2a9c0d1e4b5a69788796a5b4c3d2e1f0a9b8c73f2a9c0d1e4b5a69788796a5.scope`, `task_memcg=/system.slice/docker- .scope`, `3f2a9c0d1e4b5a69`},
		{`uuid 3f2a9c0d-1e4b-5a69-7887-96a5b4c3d2e1`, `uuid -`, `3f2a9c0d 96a5b4c3d2e1`},
		{`~*(MJ12|DotBot|KyotoBot) 1;`, `~*(MJ12|DotBot| Bot) 1;`, `Kyoto`},
		{`GET /orders/8812736450/invoice and /2026/04/ and access.log-20260420.gz`, `GET /orders/ /invoice and /2026/04/ and access.log-20260420.gz`, `8812736450`},
		{`try_files $uri /index.php?$args;`, `try_files $uri /index.php?$args;`, ``},
	} {
		got := r.Text(c.in)
		for _, w := range strings.Fields(c.stays) {
			if !strings.Contains(got, w) {
				t.Errorf("%s\n became %s\n without %q", c.in, got, w)
			}
		}
		for _, w := range strings.Fields(c.goes) {
			if strings.Contains(got, w) {
				t.Errorf("%s\n became %s\n with %q", c.in, got, w)
			}
		}
	}
}

// TestSameEverywhere: one word, one pseudonym, in any case and place; another key, another one.
func TestSameEverywhere(t *testing.T) {
	r, other := New(key), New([]byte("another key"))
	w := r.Text("kyoto")
	if w == "kyoto" || len(w) != len("kyoto") || w == other.Text("kyoto") {
		t.Errorf("kyoto became %s", w)
	}
	if got, want := r.Text("Kyoto /srv/kyoto/x.log KYOTO_DB kyoto:1"), strings.ToUpper(w[:1])+w[1:]+" /srv/"+w+"/x.log "+strings.ToUpper(w)+"_DB "+w+":1"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if a, b := r.Text("http://kyoto.com"), r.Text("kyoto.de"); a == b || !strings.HasSuffix(a, ".com.example") || !strings.HasSuffix(b, ".de.example") {
		t.Errorf("hosts became %s and %s", a, b)
	}
}

// TestAddresses: the mapping is one to one, keeps common prefixes, and keeps what is known of an address.
func TestAddresses(t *testing.T) {
	nets := New(key).nets
	seen := map[netip.Addr]netip.Addr{}
	check := func(a netip.Addr) netip.Addr {
		b := nets.of(a)
		home, special := correlate.SpecialNet(a)
		if home2, special2 := correlate.SpecialNet(b); home != home2 || special != special2 {
			t.Errorf("%s in %v became %s in %v", a, home, b, home2)
		}
		if was, ok := seen[b]; ok && was != a {
			t.Errorf("%s and %s both became %s", a, was, b)
		}
		seen[b] = a
		return b
	}
	moved := 0
	for i := range 4000 {
		a := netip.AddrFrom4([4]byte{byte(i * 7), byte(i >> 3), byte(i * 13), byte(i)})
		if check(a) != a {
			moved++
		}
	}
	if moved < 3000 {
		t.Errorf("%d of 4000 addresses moved", moved)
	}
	for _, s := range []string{"10.1.2.3", "192.168.7.9", "172.20.1.1", "100.64.3.4", "fd00::17", "2a00:1450:4001::5", "66.249.66.12", "203.0.113.77"} {
		check(netip.MustParseAddr(s))
	}
	for _, s := range []string{"127.0.0.1", "0.0.0.0", "255.255.255.0", "::1", "224.0.0.1"} {
		if a := netip.MustParseAddr(s); nets.of(a) != a {
			t.Errorf("%s became %s", a, nets.of(a))
		}
	}
	for _, pair := range [][2]string{{"84.97.187.48", "84.97.187.200"}, {"2a00:1450:4001:8::5", "2a00:1450:4001:8:9::1"}, {"10.0.3.1", "10.0.3.254"}} {
		a, b := netip.MustParseAddr(pair[0]), netip.MustParseAddr(pair[1])
		if x, y := nets.of(a), nets.of(b); correlate.Network(x) != correlate.Network(y) {
			t.Errorf("%s and %s became %s and %s, no longer neighbours", a, b, x, y)
		}
	}
	p := netip.MustParsePrefix("84.97.187.0/24")
	if got := nets.network(p); got.Bits() != 24 || !got.Contains(nets.of(netip.MustParseAddr("84.97.187.48"))) {
		t.Errorf("%s became %s", p, got)
	}
}

// TestReader: lines stay lines, however they end and however long they are; UTF-16 comes out as UTF-8; a dump is refused.
func TestReader(t *testing.T) {
	r := New(key)
	long := strings.Repeat("used_memory ", 200_000)
	in := "Kyoto\r\n\n" + long + "\nredis"
	got, err := io.ReadAll(r.Reader(strings.NewReader(in)))
	if err != nil {
		t.Fatal(err)
	}
	if want := r.Text("Kyoto") + "\r\n\n" + long[:1<<20]; !strings.HasPrefix(string(got), want) || len(got) != len(in) || !strings.HasSuffix(string(got), "\nredis") {
		t.Errorf("%d bytes became %d, beginning with %q", len(in), len(got), got[:20])
	}
	wide := []byte{0xff, 0xfe}
	for _, c := range []byte("redis kyoto") {
		wide = append(wide, c, 0)
	}
	if got, _ := io.ReadAll(r.Reader(bytes.NewReader(wide))); string(got) != "redis "+r.Text("kyoto") {
		t.Errorf("UTF-16 became %q", got)
	}
	if _, err := io.ReadAll(r.Reader(strings.NewReader("REDIS0011\xfa"))); !errors.Is(err, errBinary) {
		t.Errorf("a dump gave %v", err)
	}
	if _, err := io.ReadAll(r.Reader(strings.NewReader("culprit digest x\n"))); !errors.Is(err, errDigest) {
		t.Errorf("a digest gave %v", err)
	}
}

// FuzzLine: no line breaks the redactor, gains a line, or gives different answers.
func FuzzLine(f *testing.F) {
	for _, s := range []string{"", "\\", "%E8", "1.2.3.4/", "::", "a@b.c", "http://", "/x?a=b&c", "\\u00", "üx", "a.b.com:80", "2001:db8::1/64", "sess:99999999"} {
		f.Add([]byte(s))
	}
	r := New(key)
	f.Fuzz(func(t *testing.T, line []byte) {
		if bytes.ContainsAny(line, "\n\r") {
			return
		}
		a, b := r.scrubber().line(nil, line), r.scrubber().line(nil, line)
		if !bytes.Equal(a, b) {
			t.Errorf("%q became %q and %q", line, a, b)
		}
		if bytes.ContainsAny(a, "\n\r") {
			t.Errorf("%q became %q", line, a)
		}
	})
}
