package correlate

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"culprit/parsers"
)

// site is an access log in the making: who asks for what, by whom it is linked, which assets it logs.
type site struct {
	assets    int  // per page, as logged; 0 = they are served elsewhere
	noReferer bool // the site tells browsers to send none
	noAgent   bool // the format has none
	lines     []parsers.Access
	times     []time.Time
}

const machineAgent = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36"

var peopleAgents = []string{machineAgent,
	"Mozilla/5.0 (X11; Linux x86_64; rv:125.0) Gecko/20100101 Firefox/125.0",
	"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Safari/605.1.15"}

var midnight = time.Date(2026, 3, 5, 0, 0, 0, 0, time.UTC)

func (s *site) ask(at time.Duration, addr, agent, path, referer string) {
	if s.noReferer {
		referer = ""
	}
	if s.noAgent {
		agent = ""
	}
	s.lines = append(s.lines, parsers.Access{Client: []byte(addr), Agent: []byte(agent), AgentLogged: !s.noAgent, Path: []byte(path), Referer: []byte(referer), Status: 200, Method: []byte("GET")})
	s.times = append(s.times, midnight.Add(at))
}

// visit is somebody who reads some pages, half a minute each.
func (s *site) visit(at time.Duration, addr, agent string, pages int) {
	referer := ""
	for p := range pages {
		path := fmt.Sprintf("/p/%d", p)
		s.ask(at, addr, agent, path, referer)
		referer = "https://shop.example.com" + path
		for a := range s.assets {
			s.ask(at, addr, agent, fmt.Sprintf("/img/%d.jpg", a), referer)
		}
		at += 30 * time.Second
	}
}

// crawl asks for a page every so often and for nothing else.
func (s *site) crawl(addr, agent string, every, lasts time.Duration) {
	for at := time.Duration(0); at < lasts; at += every {
		s.ask(at, addr, agent, fmt.Sprintf("/p/%d", at/every), "")
	}
}

// people come from n networks over a day, twice each.
func (s *site) people(n int) {
	r := rand.New(rand.NewPCG(uint64(n), 1))
	for i := range n {
		for range 2 {
			at := time.Duration(r.IntN(23*3600)) * time.Second
			s.visit(at, fmt.Sprintf("203.0.%d.%d", 100+i, 1+r.IntN(200)), peopleAgents[r.IntN(len(peopleAgents))], 2+r.IntN(8))
		}
	}
}

func (s *site) machines() string {
	tl := NewTimeline()
	for i := range s.lines {
		tl.Add(parsers.Record{Time: s.times[i], Clock: parsers.ZonedClock, At: parsers.Pos{File: "access.log", Line: i + 1}, Raw: []byte("x"), Fact: &s.lines[i]})
	}
	var found []string
	for _, g := range tl.webView().Groups {
		if g.Kind == NetworkGroup {
			found = append(found, g.Name)
		}
	}
	slices.Sort(found)
	return strings.Join(found, " ")
}

const day = 24 * time.Hour

// Who browses like a machine, and who only looks so.
func TestMachines(t *testing.T) {
	f := func(name string, s site, make func(*site), want string) {
		t.Helper()
		make(&s)
		if got := s.machines(); got != want {
			t.Errorf("%s: machines %q, want %q", name, got, want)
		}
	}
	logged, bare, cdn := site{assets: 4}, site{noReferer: true}, site{}

	f("one crawler, one network of people", logged, func(s *site) { s.people(1); s.crawl("198.51.100.7", machineAgent, 10*time.Second, day) }, "198.51.100.7")
	f("one crawler on a busy site", logged, func(s *site) { s.people(60); s.crawl("198.51.100.7", machineAgent, 10*time.Second, day) }, "198.51.100.7")
	f("three of one network", logged, func(s *site) {
		s.people(3)
		for i := range 3 {
			s.crawl(fmt.Sprintf("198.51.100.%d", i), machineAgent, 10*time.Second, day)
		}
	}, "198.51.100.0/24")
	f("three networks, more than people have", logged, func(s *site) {
		s.people(2)
		for i := range 3 {
			s.crawl(fmt.Sprintf("198.51.%d.7", i), machineAgent, 10*time.Second, day)
		}
	}, "198.51.0.7 198.51.1.7 198.51.2.7")
	f("in a network of people", logged, func(s *site) {
		s.visit(time.Hour, "198.51.100.9", peopleAgents[1], 9)
		s.visit(2*time.Hour, "198.51.100.10", peopleAgents[2], 5)
		s.crawl("198.51.100.7", machineAgent, 10*time.Second, day)
	}, "198.51.100.7")
	f("that changes its agent", logged, func(s *site) {
		s.people(5)
		for i, a := range peopleAgents {
			s.crawl("198.51.100.7", a, time.Duration(20+i)*time.Second, day)
		}
	}, "198.51.100.7")
	f("that changes address and agent", logged, func(s *site) {
		s.people(5)
		for i := range 20_000 {
			s.ask(time.Duration(i)*4*time.Second, fmt.Sprintf("198.51.100.%d", i%199), peopleAgents[0]+fmt.Sprint(i*7919%1009), fmt.Sprintf("/p/%d", i), "")
		}
	}, "198.51.100.0/24")
	f("a pool of six networks", logged, func(s *site) {
		s.people(40)
		for i := range 12_000 {
			s.ask(time.Duration(i)*7*time.Second, fmt.Sprintf("198.51.%d.%d", i%6, i%5), machineAgent, fmt.Sprintf("/p/%d", i), "")
		}
		s.crawl("192.0.2.9", machineAgent, 3*time.Second, day) // of the same agent, and no part of the pool
	}, "192.0.2.9 6 networks from 198.51.0.0 on")
	f("a customer of IPv6, another network for every request", logged, func(s *site) {
		s.people(5)
		for i := range 9_000 {
			s.ask(time.Duration(i)*9*time.Second, fmt.Sprintf("2001:db8:7:%x::1", i), machineAgent, fmt.Sprintf("/p/%d", i), "")
		}
	}, "2001:db8:7::/48")
	f("phones of a carrier of IPv6, every third with a warm cache", logged, func(s *site) {
		s.people(5)
		for i := range 1_500 {
			at, phone := time.Duration(i)*50*time.Second, fmt.Sprintf("2001:db8:7:%x::1", i)
			if i%3 == 0 {
				s.ask(at, phone, peopleAgents[2], "/p/1", "")
			} else {
				s.visit(at, phone, peopleAgents[2], 3)
			}
		}
	}, "")
	f("assets are served elsewhere", cdn, func(s *site) { s.people(5); s.crawl("198.51.100.7", machineAgent, 10*time.Second, day) }, "198.51.100.7")
	f("it clicks on nothing, and asks for less than an office does", cdn, func(s *site) {
		s.people(2)
		for i := range 300 {
			s.visit(time.Duration(i)*2*time.Minute, "203.0.99.7", peopleAgents[i%3], 6)
		}
		s.crawl("198.51.100.7", machineAgent, time.Minute, 20*time.Hour)
	}, "198.51.100.7")
	f("neither assets nor Referers, and many people", bare, func(s *site) { s.people(40); s.crawl("198.51.100.7", machineAgent, 10*time.Second, day) }, "198.51.100.7")
	f("nor a format with agents", site{assets: 4, noReferer: true, noAgent: true}, func(s *site) { s.people(5); s.crawl("198.51.100.7", machineAgent, 10*time.Second, day) }, "198.51.100.7")

	f("nobody else to be held against", logged, func(s *site) { s.crawl("198.51.100.7", machineAgent, 10*time.Second, day) }, "")
	f("neither assets nor Referers, and few people", bare, func(s *site) { s.people(3); s.visit(0, "198.51.100.7", machineAgent, 40) }, "")
	f("a customer who looks at everything", logged, func(s *site) { s.people(3); s.visit(0, "198.51.100.7", machineAgent, 200) }, "")
	office := func(s *site) {
		for i := range 300 {
			s.visit(time.Duration(i)*2*time.Minute, "198.51.100.7", peopleAgents[i%3], 6)
		}
	}
	f("an office behind one address", logged, func(s *site) { s.people(3); office(s) }, "")
	f("an office, no agents logged", site{assets: 4, noAgent: true}, func(s *site) { s.people(3); office(s) }, "")
	f("an office, assets served elsewhere", cdn, func(s *site) { s.people(3); office(s) }, "")
	f("an office, nothing to tell it by", site{noReferer: true, noAgent: true}, func(s *site) { s.people(3); office(s) }, "")
	f("everybody behind one load balancer", site{assets: 4}, func(s *site) {
		for i := range 400 {
			s.visit(time.Duration(i)*3*time.Minute, "10.0.0.2", peopleAgents[i%3], 5)
		}
	}, "")
	f("phones of a carrier, pages opened from an app", logged, func(s *site) {
		s.people(30)
		for i := range 200 {
			at := time.Duration(i) * 7 * time.Minute
			s.ask(at, fmt.Sprintf("198.51.100.%d", i), peopleAgents[2], "/p/1", "")
		}
	}, "")
	f("a program that has a network, and asks for a page by each address in turn", logged, func(s *site) {
		s.people(30)
		for i := range 3_000 {
			at := time.Duration(i) * 28 * time.Second
			s.ask(at, fmt.Sprintf("198.51.100.%d", i*97%200), peopleAgents[2], fmt.Sprintf("/p/%d", i), "")
		}
	}, "198.51.100.0/24")
	f("clients of an API", logged, func(s *site) {
		s.people(3)
		for at := time.Duration(0); at < day; at += 5 * time.Second {
			s.ask(at, "198.51.100.7", machineAgent, "/api/v1/orders?key=1", "")
		}
	}, "")
}
