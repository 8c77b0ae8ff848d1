package main

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// scene is an incident with its truth.
type scene struct {
	name string
	cut  string // the link that is cut in this twin; "" = the incident itself
	make func(s *sim, cut string)
	want want
}

// want is what a scene's report must say.
type want struct {
	cause    string   // a cause, or "no-incident", or "inconclusive"
	accept   []string // that would be right as well
	culprits []string // one of them must be named; none = nobody may be
	never    []string // must not be named
}

const (
	semrush = "Mozilla/5.0 (compatible; SemrushBot/7~bl; +http://www.semrush.com/bot.html)"
	petal   = "Mozilla/5.0 (compatible; PetalBot;+https://webmaster.petalsearch.com/site/petalbot)"
	gig     = 1 << 30
	mib     = 1 << 20
)

var simZones = []string{"UTC", "Asia/Kolkata", "Asia/Shanghai", "Europe/Berlin", "America/New_York", "Australia/Adelaide", "America/St_Johns", "Pacific/Auckland"}

// newSim is a healthy host with a way of writing drawn from the seed.
func newSim(seed uint64) *sim {
	s := &sim{dice: dice(seed), lines: map[string]string{}, confs: map[string]string{}}
	load := func(name string) *time.Location {
		loc, err := time.LoadLocation(name)
		if err != nil {
			panic(err)
		}
		return loc
	}
	s.zone = load(simZones[s.n(len(simZones))])
	s.webZone = s.zone
	if s.n(4) == 0 {
		s.webZone = load(simZones[s.n(len(simZones))]) // a container with a zone of its own
	}
	s.style = style{
		kernel: pick(&s.dice, "syslog", "iso", "mono", "dmesg-T", "journal"),
		era:    pick(&s.dice, "4.4", "4.15", "5.4", "6.8"),
		access: pick(&s.dice, "combined", "combined", "timed", "json", "common"),
		info:   pick(&s.dice, "zoned", "date", "clock"),
		short:  s.n(3) == 0,
	}
	s.from = time.Date(2026, time.Month(1+s.n(12)), 1+s.n(28), s.n(24), s.n(60), s.n(60), 0, time.UTC)
	s.redis = &store{port: 6379, pid: s.pid(), version: pick(&s.dice, "5.0.14", "6.0.16", "6.2.14", "7.0.15"), perKey: 2000, cacheKeys: 1200, cache: 9 << 20}
	return s
}

// span sets the window of the INFO series and what is kept of the access log, and a step between snapshots that suits both.
func (s *sim) span(window, log time.Duration) {
	s.to = s.from.Add(window)
	s.logFrom = latest(s.from, s.to.Add(-log))
	s.redis.started = s.from.Add(-3 * time.Hour)
	steps := []time.Duration{time.Minute, 5 * time.Minute, 10 * time.Minute, 30 * time.Minute, time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour}
	steps = slices.DeleteFunc(steps, func(d time.Duration) bool { return window/d > 500 || d*3 > min(window, log) })
	if len(steps) == 0 {
		steps = []time.Duration{min(window, log) / 4}
	}
	s.step = steps[s.n(len(steps))]
}

// siblings are the processes beside Redis, with so much memory together.
func (s *sim) siblings(bytes int) {
	db := process{name: pick(&s.dice, "mysqld", "mariadbd"), pid: 700 + s.n(200), rss: bytes * 6 / 10 &^ 4095}
	s.confs["my.cnf"] = fmt.Sprintf("innodb_buffer_pool_size = %dM\n", db.rss*9/10/mib)
	workers := 5 + s.n(8)
	s.procs = append(s.procs, db, process{name: "php-fpm8.1", pid: 2000, rss: bytes * 4 / 10 / workers &^ 4095, n: workers})
}

// leak draws the scale of a leak: how much memory, how large a key, how many a second; the time it takes follows.
type leak struct {
	rate          float64 // keys for ever a second
	window, log   time.Duration
	redis, others int // bytes at the end
}

const simLines = 1800 // of the main stream in the access log

func (s *sim) leak() leak {
	l := leak{rate: s.log10(0.02, 50)}
	ram := s.log10(1*gig, 64*gig)
	share := 0.45 + float64(s.n(35))/100
	perKey := s.log10(300, 60_000)
	keys := min(ram*share/perKey, pick(&s.dice, 3.0, 15, 45)*simLines) // the log shows all of them, or only the last
	l.window = time.Duration(keys / l.rate * 1e9)
	l.window = min(max(l.window, 25*time.Minute), 45*24*time.Hour)
	l.rate = keys / l.window.Seconds()
	s.redis.perKey = min(max(int(ram*share/keys), 300), 60_000)
	l.redis = int(keys) * s.redis.perKey
	l.others = int(float64(l.redis) / share * (0.93 - share))
	l.log = min(l.window, max(time.Duration(simLines/l.rate*1e9), 4*time.Minute))
	return l
}

// filled plays a leak to its end: the kernel's, unless a link is cut.
func (s *sim) filled(l leak, cut string, who ...*stream) {
	s.streams = append(s.streams, who...)
	s.streams = append(s.streams, probe())
	s.siblings(l.others)
	after := max(l.log/4, 15*time.Minute) // what ran on until somebody copied the files
	s.span(l.window+after, l.log+after)
	s.step = min(s.step, l.log/4)
	if cut == "sparse" {
		s.step = l.window * 3 / 10
		s.open = l.log < s.step*2/3 // too little of an interval is logged
	}
	end := s.from.Add(l.window)
	switch cut {
	case "ttl":
		for _, st := range s.streams {
			st.ttl = pick(&s.dice, 24*time.Minute, 2*time.Hour, 24*time.Hour)
			st.ttl = min(st.ttl, l.window/8)
		}
	case "half":
		s.redis.perKey /= 2
	case "maxmemory":
		s.redis.policy, s.redis.refusing, s.style.short = "noeviction", true, false
	case "volatile":
		s.redis.policy, s.redis.refusing, s.style.short = "volatile-lru", true, false
		s.redis.cacheKeys, s.redis.cache = 0, 0
	case "swapped":
		s.procs[0].rss = max(s.procs[0].rss, l.redis*6/5&^4095)
		s.confs["my.cnf"] = fmt.Sprintf("innodb_buffer_pool_size = %dM\n", s.procs[0].rss*9/10/mib)
	}
	s.settle()
	switch cut {
	case "ttl", "half":
		s.ram = (l.redis + l.others) * 11 / 10
	case "maxmemory", "volatile":
		s.ram = (l.redis + l.others) * 11 / 10
		full := end.Add(-l.log / 3)
		s.redis.maxmemory, _, _, _ = s.usedAt(full)
		s.ram = max(s.ram, s.redis.maxmemory*12/10+l.others)
		s.outages = append(s.outages, outage{from: full, to: s.to, status: 500, share: 1,
			why: `FastCGI sent in stderr: "PHP message: PHP Fatal error:  Uncaught RedisException: OOM command not allowed when used memory > 'maxmemory'. in /var/www/html/session.php:52" while reading response header from upstream`})
	default:
		s.exhaust(end)
	}
	switch cut {
	case "small":
		s.confs["my.cnf"] = fmt.Sprintf("innodb_buffer_pool_size = %dM\n", s.ram*8/10/mib)
	case "old-kill":
		s.earlier = &kill{at: s.from.Add(-50 * time.Hour), victim: process{"composer", 30999, s.ram / 3 &^ 4095, 1}}
	case "saving": // as every hour; the visitors write little meanwhile
		s.redis.save = true
		child := process{"redis-server", s.redis.pid + 1311, s.kill.victim.rss * 97 / 100 &^ 4095, 1}
		s.procs = append(s.procs, child)
		s.redis.log = append(s.redis.log, redisLine{end.Add(-9 * time.Second), "M", s.redis.pid, "1 changes in 3600 seconds. Saving..."},
			redisLine{end.Add(-9 * time.Second), "M", s.redis.pid, fmt.Sprintf("Background saving started by pid %d", child.pid)})
	case "after-only", "after-weak":
		s.since = end
	case "sibling": // a cache beside it, at its limit and evicting, as caches do
		s.cache()
	case "hosts":
		s.split = true
	}
}

// cache is a second Redis, for pages.
func (s *sim) cache() {
	mine := s.redis
	s.redis = &store{port: 6380, pid: mine.pid + 17, started: mine.started, version: mine.version}
	limit := s.ram / 20
	var info strings.Builder
	for i, at := 0, s.from.Add(s.step); at.Before(s.to); i, at = i+1, at.Add(s.step) {
		keys := limit/9000 - i%7
		info.WriteString(s.infoText(infoText{at: at, pid: s.redis.pid, run: strings.Repeat("c", 40), uptime: at.Sub(mine.started), used: limit - 5000 - i%1000, rss: rss(limit), maxmemory: limit, policy: "allkeys-lru",
			keys: keys, expires: keys, evicted: i * keys / 300, hits: 9000 * (i + 1), misses: 800 * (i + 1), clients: 41008, avgTTL: time.Hour}))
	}
	s.lines["redis-info-6380.log"] = info.String()
	s.redis = mine
}

func declared(s *sim, cut string) {
	l := s.leak()
	bot := crawler(l.rate*0.9, semrush, "203.0.113", 4)
	human := people(l.rate * 0.1)
	if s.n(2) == 0 { // a spike: the crawl begins late in the window
		bot.from = s.from.Add(l.window * 2 / 5)
		bot.rate *= 5.0 / 3
	}
	switch cut {
	case "after": // the crawl comes after the kill; the keys are the visitors'
		human.rate = l.rate
		bot.from = s.from.Add(l.window + time.Minute)
		bot.rate = l.rate * 3
	case "assets":
		human.rate = l.rate
		bot = assetBot(l.rate * 2)
	case "verified":
		bot = crawler(l.rate*0.9, googlebot, "66.249.66", 9)
	case "v6":
		bot = crawler(l.rate*0.9, semrush, "2001:db8:5:1:", 9)
		bot.visit = sixth(bot.visit)
	case "two":
		bot.rate, bot.from = l.rate*0.45, time.Time{}
		s.streams = append(s.streams, crawler(l.rate*0.45, petal, "198.51.100", 2))
	case "ended": // a crawl in the first tenth, and the visitors' own sessions ever since
		human.rate = l.rate
		bot.rate, bot.from, bot.to = l.rate*2, s.from, s.from.Add(l.window/10)
		s.open = l.log < l.window/2 // a log of the end cannot tell who came before
	case "after-weak": // only INFO from after the kill; the crawler in the log could have made a fiftieth of it
		human.rate = l.rate / 50
		bot.rate, bot.from = l.rate/50, time.Time{}
		s.streams = append(s.streams, &stream{rate: l.rate}) // a worker that no access log shows
	case "small": // the keys leak, but it is the database that took the memory
		s.redis.perKey = max(s.redis.perKey/12, 60)
		l.others = l.redis
	case "sibling":
		s.style.short = true
	case "files":
		s.style.info = "files"
	case "dst": // the clocks go back while it happens
		s.zone, _ = time.LoadLocation("Europe/Berlin")
		s.webZone = s.zone
		s.from = time.Date(2026, 10, 25, 1, 0, 0, 0, time.UTC).Add(-l.window * 2 / 3)
		bot.from = time.Time{}
		s.style.kernel, s.style.info = "syslog", "date"
	case "bot-ttl": // the handler gives bots a short life
		human.rate = l.rate
		bot.rate, bot.ttl = l.rate*2, min(time.Hour, l.window/10)
		s.open = s.style.short // without expired_keys
	}
	s.filled(l, cut, bot, human)
}

func spoofed(s *sim, cut string) {
	l := s.leak()
	s.filled(l, cut, crawler(l.rate*0.9, googlebot, "192.168.1", 3), people(l.rate*0.1))
}

func stealthy(s *sim, cut string) {
	l := s.leak()
	s.filled(l, cut, stealth(l.rate*0.85, "203.0.113", 40+s.n(60)), people(l.rate*0.15))
}

// slow: a page every minute or two for weeks, which no glance at a day's log shows.
func slow(s *sim, cut string) {
	l := leak{rate: 0.008, window: 6 * 24 * time.Hour}
	s.redis.perKey = 60_000 - s.n(20_000)
	keys := int(l.rate * l.window.Seconds())
	l.redis = keys * s.redis.perKey
	l.others, l.log = l.redis/2, l.window
	s.filled(l, cut, crawler(l.rate*0.8, petal, "198.51.100", 2), people(l.rate*0.2))
}

// proxied: every connection comes from the balancer, and the log says for whom.
func proxied(s *sim, cut string) {
	l := s.leak()
	s.style.access = "xff"
	s.filled(l, cut, crawler(l.rate*0.9, semrush, "203.0.113", 4), people(l.rate*0.1))
}

func embedded(s *sim, cut string) {
	l := s.leak()
	if s.style.access == "common" && s.n(2) == 0 {
		s.style.access = "json"
	}
	s.filled(l, cut, embed(l.rate*0.9, "/widget.js"), people(l.rate*0.1), assetBot(l.rate*0.3))
}

func organic(s *sim, cut string) {
	l := s.leak()
	l.log /= 3 // a visit is many lines
	bot := crawler(l.rate*0.7, semrush, "203.0.113", 3)
	bot.ttl = min(30*time.Minute, l.window/20)
	s.open = s.style.short // without expired_keys
	s.filled(l, cut, people(l.rate), bot)
}

// scenes are all incidents and their twins.
func scenes() []scene {
	var all []scene
	add := func(name string, make func(*sim, string), cut string, w want) {
		all = append(all, scene{name, cut, make, w})
	}
	crawl := want{cause: "crawler-session-leak", culprits: []string{"203.0.113.0/24", "SemrushBot"}, never: []string{"192.0.2.80", "UptimeRobot"}}
	none := want{cause: "no-incident"}
	people := want{cause: "app-session-leak-organic", never: []string{"SemrushBot", "203.0.113.0/24"}}
	full := want{cause: "redis-maxmemory-reached", culprits: []string{"203.0.113.0/24", "SemrushBot"}}
	for _, c := range []struct {
		cut string
		want
	}{{"two", crawl}, {"saving", crawl}, {"old-kill", crawl}, {"sibling", crawl}, {"sparse", crawl}, {"hosts", crawl}, {"files", crawl}, {"dst", crawl},
		{"verified", want{cause: "crawler-session-leak", culprits: []string{"66.249.66.0/24", "Googlebot"}}}, {"v6", want{cause: "crawler-session-leak", culprits: []string{"2001:db8:5:1::/64", "SemrushBot"}}},
		{"after-only", crawl}, {"after-weak", want{cause: "inconclusive"}}, {"ended", people}, {"small", want{cause: "other-process-hog", culprits: []string{"mysqld", "mariadbd"}, never: []string{"SemrushBot", "203.0.113.0/24"}}},
		{"", crawl}, {"swapped", crawl}, {"ttl", none}, {"half", none}, {"maxmemory", full}, {"volatile", full}, {"after", people}, {"assets", people}, {"bot-ttl", people}} {
		add("declared", declared, c.cut, c.want)
	}
	spoof := want{cause: "crawler-session-leak", culprits: []string{"192.168.1.0/24", "Googlebot"}}
	add("spoofed", spoofed, "", spoof)
	add("spoofed", spoofed, "ttl", none)
	add("stealthy", stealthy, "", want{cause: "crawler-session-leak", culprits: []string{"203.0.113.0/24"}})
	add("stealthy", stealthy, "ttl", none)
	add("slow", slow, "", want{cause: "crawler-session-leak", culprits: []string{"198.51.100.0/24", "PetalBot"}})
	add("slow", slow, "ttl", none)
	add("proxied", proxied, "", want{cause: "crawler-session-leak", culprits: []string{"203.0.113.0/24", "SemrushBot"}, never: []string{"10.0.0.0/24"}})
	add("proxied", proxied, "half", none)
	route := want{cause: "embed-route-session-leak", culprits: []string{"/widget.js"}, never: []string{"SemrushBot"}}
	add("embedded", embedded, "", route)
	add("embedded", embedded, "ttl", none)
	add("embedded", embedded, "maxmemory", want{cause: "redis-maxmemory-reached", culprits: []string{"/widget.js"}})
	add("organic", organic, "", people)
	add("organic", organic, "ttl", none)
	add("organic", organic, "maxmemory", want{cause: "redis-maxmemory-reached"})
	add("organic", organic, "swapped", people)
	add("stealthy", stealthy, "swapped", want{cause: "crawler-session-leak", culprits: []string{"203.0.113.0/24"}})
	add("stealthy", stealthy, "hosts", want{cause: "crawler-session-leak", culprits: []string{"203.0.113.0/24"}})
	add("proxied", proxied, "maxmemory", want{cause: "redis-maxmemory-reached", culprits: []string{"203.0.113.0/24", "SemrushBot"}, never: []string{"10.0.0.0/24"}})
	add("embedded", embedded, "half", none)
	add("embedded", embedded, "swapped", route)
	add("embedded", embedded, "after-only", route)
	add("slow", slow, "half", none)
	add("slow", slow, "saving", want{cause: "crawler-session-leak", culprits: []string{"198.51.100.0/24", "PetalBot"}})
	return all
}
