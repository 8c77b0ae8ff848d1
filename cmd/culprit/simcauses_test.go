package main

import (
	"fmt"
	"strings"
	"time"
)

// The scenes in which no session leaks: every session has a TTL and Redis's data stand still unless a scene says otherwise.

// day is a shop on an ordinary day, with decoys: a busy crawler whose sessions expire, one that fetches pictures, a probe.
func (s *sim) day(redisShare float64) {
	ram := int(s.log10(1*gig, 64*gig))
	s.ram = ram
	r := s.redis
	r.perKey = int(s.log10(300, 20_000))
	r.cache = int(float64(ram) * redisShare)
	r.cacheKeys = max(r.cache/(r.perKey*2), 50)
	window := time.Duration(s.log10(2, 12*24) * float64(time.Hour))
	log := min(window, time.Duration(s.log10(2, 9)*float64(time.Hour)))
	rate := 180 / log.Seconds()
	human := people(rate)
	bot := crawler(rate*3, petal, "198.51.100", 3)
	human.ttl, bot.ttl = window/10, window/30
	s.streams = []*stream{human, probe()}
	if s.n(2) == 0 {
		s.streams = append(s.streams, bot)
	}
	if s.n(2) == 0 {
		s.streams = append(s.streams, assetBot(rate*2))
	}
	s.siblings(int(float64(ram) * 0.35))
	s.span(window, log)
	s.settle()
}

// hour is a moment late in the access log.
func (s *sim) hour() time.Time {
	return s.to.Add(-s.to.Sub(s.logFrom) / time.Duration(4+s.n(4)))
}

// killed has the kernel end that process now, and the pages fail until it is back.
func (s *sim) killed(at time.Time, v process) {
	s.kill = &kill{at: at, victim: v}
	back := at.Add(time.Duration(40+s.n(500)) * time.Second)
	switch {
	case v.name == "restic" || v.name == "mysqldump": // no page needs it
		return
	case v.pid == s.redis.pid:
		s.redis.restarted, s.redis.newPID = back, v.pid+3000+s.n(9000)
		s.fail(at, back, 500, "")
	default:
		s.fail(at, back, 502, "")
	}
}

// largest is the process that the kernel takes.
func (s *sim) largest(at time.Time) process {
	used, _, _, _ := s.usedAt(at)
	v := process{"redis-server", s.redis.pid, rss(used), 1}
	for _, p := range s.procs {
		if p.rss > v.rss {
			v = process{p.name, p.pid, p.rss, 1}
		}
	}
	return v
}

func hog(name string, share float64, n int) func(*sim, string) {
	return func(s *sim, cut string) {
		s.day(0.08 + float64(s.n(8))/100)
		if cut == "calm" {
			return
		}
		at := s.hour()
		p := process{name, 30100, int(float64(s.ram)*share) / n &^ 4095, n}
		switch {
		case strings.HasPrefix(name, "mysqld"):
			s.procs[0], p.pid = p, s.procs[0].pid
			s.procs[0].pid = p.pid
			s.confs["my.cnf"] = fmt.Sprintf("innodb_buffer_pool_size = %dM\n", int(float64(s.ram)*share*0.9)/mib)
		case strings.HasPrefix(name, "php-fpm"):
			s.procs[1] = p
			s.confs["www.conf"] = fmt.Sprintf("pm.max_children = %d\n", n)
		default:
			s.procs = append(s.procs, p)
		}
		used, _, _, _ := s.usedAt(at)
		s.procs[0].rss = min(s.procs[0].rss, max(s.ram-rss(used)-p.rss*n, s.ram/20)&^4095) // what the others leave it
		if strings.HasPrefix(name, "mysqld") {
			s.procs[0].rss = p.rss
		}
		if cut == "bystander" { // the database is where its configuration puts it, and a little larger than the job
			s.procs[0].rss = (p.rss + p.rss/10) &^ 4095
			s.confs["my.cnf"] = fmt.Sprintf("innodb_buffer_pool_size = %dM\n", s.procs[0].rss/mib)
		}
		s.ram = (rss(used) + s.others()) * 103 / 100
		s.killed(at, s.largest(at))
	}
}

// fork: a save while a job rewrites the keys; what is written is copied.
func fork(s *sim, cut string) {
	s.day(0.38 + float64(s.n(12))/100)
	at := s.hour()
	used, _, _, _ := s.usedAt(at)
	parent := process{"redis-server", s.redis.pid, rss(used), 1}
	s.procs[0].rss, s.procs[1].rss = s.procs[0].rss*6/10&^4095, s.procs[1].rss*6/10&^4095
	child := process{"redis-server", s.redis.pid + 1311, parent.rss * 97 / 100 &^ 4095, 1}
	s.redis.save = true
	began := at.Add(-time.Duration(9+s.n(50)) * time.Second)
	text := "Background saving started by pid %d"
	ended := "Background saving terminated by signal 9"
	if cut == "aof" {
		text, ended = "Background append only file rewriting started by pid %d", "Background AOF rewrite terminated by signal 9"
		s.confs["redis.conf"] = "appendonly yes\n"
	}
	log := func(at time.Time, role string, pid int, text string) {
		s.redis.log = append(s.redis.log, redisLine{at, role, pid, text})
	}
	for back := began.Add(-time.Hour); back.After(s.logFrom); back = back.Add(-time.Hour) {
		log(back, "M", parent.pid, "1 changes in 3600 seconds. Saving...")
		log(back, "M", parent.pid, fmt.Sprintf("Background saving started by pid %d", child.pid-7))
		log(back.Add(4*time.Second), "C", child.pid-7, "DB saved on disk")
		log(back.Add(4*time.Second), "C", child.pid-7, "RDB: 3 MB of memory used by copy-on-write")
		log(back.Add(5*time.Second), "M", parent.pid, "Background saving terminated with success")
	}
	log(began, "M", parent.pid, fmt.Sprintf(text, child.pid))
	if cut == "nojob" {
		log(began.Add(40*time.Second), "C", child.pid, "DB saved on disk")
		log(began.Add(40*time.Second), "M", parent.pid, "Background saving terminated with success")
		return
	}
	cow := parent.rss * (40 + s.n(45)) / 100
	s.ram = (parent.rss + cow + s.others()) * 103 / 100
	s.kill = &kill{at: at, victim: parent, cow: cow}
	s.procs = append(s.procs, child)
	if s.n(2) == 0 || cut == "aof" { // the child goes, its parent stays, and refuses writes until a save succeeds
		s.kill.victim = child
		log(at, "M", parent.pid, ended)
		s.fail(at, at.Add(5*time.Minute), 500, `FastCGI sent in stderr: "PHP message: PHP Fatal error:  Uncaught RedisException: MISCONF Redis is configured to save RDB snapshots, but it is currently not able to persist on disk. in /var/www/html/session.php:52" while reading response header from upstream`)
		return
	}
	s.redis.restarted, s.redis.newPID = at.Add(90*time.Second), parent.pid+5001
	s.fail(at, s.redis.restarted, 500, "")
}

// cgroup: Redis's group may have less than Redis.
func cgroup(s *sim, cut string) {
	s.day(0.05)
	at := s.hour()
	limit := s.ram * (10 + s.n(25)) / 100 &^ 4095
	s.redis.maxmemory, s.redis.policy = limit*(15+s.n(10))/10, "allkeys-lru"
	unit := pick(&s.dice, "/system.slice/redis-server.service", "/system.slice/docker-5bd3631fb131ca9828f8356799c8fbec2a0003c7035357dce4b92b1a57a1b2c9.scope", "/kubepods/burstable/pod8f1c/5bd3631f")
	if cut == "next-door" {
		s.kill = &kill{at: at, victim: process{"node", 30999, limit, 1}, cgroup: "/system.slice/docker-77aa31f9b131ca9828f8356799c8fbec2a0003c7035357dce4b92b1a57a1b2c9.scope", limit: limit}
		s.redis.maxmemory = 0
		return
	}
	// the cache fills up to what the group may have, in its own time
	grown := func(t time.Time) int {
		part := float64(t.Sub(s.from)) / float64(at.Sub(s.from))
		return int(float64(limit-s.redis.cache) * 0.95 * part)
	}
	s.redis.change = func(t time.Time, i *infoText) {
		if t.Before(at) || cut != "" {
			more := grown(earliest(t, at))
			i.used += more
			i.keys += more / s.redis.perKey
			i.expires += more / s.redis.perKey
			i.rss = rss(i.used)
		}
	}
	if cut == "raised" {
		return
	}
	s.killed(at, process{"redis-server", s.redis.pid, limit - 3<<20, 1})
	s.kill.cgroup, s.kill.limit = unit, limit
}

// fragmented: the data stay, the pages do not come back.
func fragmented(s *sim, cut string) {
	s.day(0.22 + float64(s.n(8))/100)
	at := s.hour()
	worst := 2.1 + float64(s.n(10))/10
	ratio := func(t time.Time) float64 {
		return 1.05 + (worst-1.05)*min(1, float64(t.Sub(s.from))/float64(at.Sub(s.from)))
	}
	s.redis.change = func(t time.Time, i *infoText) {
		switch {
		case cut == "defrag":
			i.defrag = true
		case t.Before(at):
			i.rss = int(float64(i.used)*ratio(t)) &^ 4095
		}
	}
	if cut == "" {
		used, _, _, _ := s.usedAt(at)
		v := process{"redis-server", s.redis.pid, int(float64(used)*worst) &^ 4095, 1}
		s.ram = (v.rss + s.others()) * 103 / 100
		s.killed(at, v)
	}
}

// buffered: somebody does not read what Redis sends.
func buffered(s *sim, cut string) {
	s.day(0.06)
	at := s.hour()
	s.style.short = false
	most := s.ram * 45 / 100
	replica := cut == "replica"
	cmd := pick(&s.dice, "monitor", "subscribe", "psubscribe")
	s.redis.change = func(t time.Time, i *infoText) {
		if cut == "reads" || !t.Before(at) {
			return
		}
		n := int(float64(most) * max(0, 1-float64(at.Sub(t))/float64(at.Sub(s.from)/2)))
		i.used += n
		i.rss = rss(i.used)
		if replica {
			i.replicas += n
		} else {
			i.clients += n
		}
	}
	if cut == "reads" {
		return
	}
	used, _, _, _ := s.usedAt(at)
	v := process{"redis-server", s.redis.pid, rss(used + most), 1}
	s.ram = (v.rss + s.others()) * 103 / 100
	s.killed(at, v)
	if !replica {
		s.lines["client-list.txt"] = fmt.Sprintf("id=11 addr=127.0.0.1:50122 fd=8 name= age=9120 idle=0 flags=N db=0 sub=0 psub=0 multi=-1 qbuf=0 qbuf-free=0 obl=0 oll=0 omem=0 events=r cmd=get\n"+
			"id=77 addr=192.0.2.17:41022 fd=9 name=audit-tail age=88123 idle=4 flags=%s db=0 sub=0 psub=0 multi=-1 qbuf=0 qbuf-free=0 obl=16000 oll=%d omem=%d events=rw cmd=%s\n", map[bool]string{true: "O", false: "P"}[cmd == "monitor"], most/20500, most*9/10, cmd)
	}
}

// locked: one browser asks for eight things at once, and each waits for the session of the others.
func locked(s *sim, cut string) {
	s.day(0.08)
	from := s.hour()
	to := from.Add(s.to.Sub(from) / 2)
	one := &stream{rate: 400 / to.Sub(from).Seconds(), from: from, to: to, none: true, visit: func(d *dice, at time.Time) []hit {
		return []hit{{at: at, client: "198.18.7.7", agent: chrome, target: "/quickorder/price/?sku=" + fmt.Sprint(d.n(9999)), ref: shop + "/quickorder/", opens: true}}
	}}
	s.streams = append(s.streams, one)
	if cut == "single" {
		one.rate /= 40
		return
	}
	s.outages = append(s.outages, outage{from: from, to: to, status: 503, share: 2, fails: func(h hit) bool { return h.client == "198.18.7.7" },
		why: `FastCGI sent in stderr: "PHP message: ConcurrentConnectionsExceededException: Session concurrency exceeded, displaying HTTP 503 (6 waiting)" while reading response header from upstream`})
}

// blocked: a cron job counts sessions with KEYS.
func blocked(s *sim, cut string) {
	s.day(0.2)
	command, micros := "KEYS", 3_000_000+s.n(4_000_000)
	if cut == "scan" {
		command, micros = "SCAN", 11_000+s.n(9000)
	}
	var slow strings.Builder
	n := 0
	for at := s.to.Add(-10 * time.Minute).Truncate(time.Minute); at.After(s.logFrom) && n < 24; at = at.Add(-5 * time.Minute) {
		fmt.Fprintf(&slow, "%d) 1) (integer) %d\n   2) (integer) %d\n   3) (integer) %d\n   4) 1) \"%s\"\n      2) \"sess:*\"\n   5) \"127.0.0.1:49221\"\n   6) \"\"\n", n+1, 900-n, at.Unix(), micros, command)
		n++
		if command == "KEYS" {
			s.outages = append(s.outages, outage{from: at, to: at.Add(time.Duration(micros) * time.Microsecond), status: 504, slow: float64(micros) / 1e6,
				why: "upstream timed out (110: Connection timed out) while reading response header from upstream"})
		}
	}
	s.streams[0].rate *= 1.5
	s.streams = append(s.streams, &stream{rate: 0.3, from: s.to.Add(-90 * time.Minute), none: true, visit: func(d *dice, at time.Time) []hit {
		return []hit{{at: at, client: d.manyClients(), agent: browsers[d.n(len(browsers))], target: "/api/cart", ref: shop + "/", opens: true}}
	}})
	s.lines["redis-slowlog.txt"] = slow.String()
	s.lines["etc/cron.d/sessions"] = "*/5 * * * * root redis-cli " + strings.ToLower(command) + " 'sess:*' | wc -l > /var/lib/node_exporter/sessions.prom\n"
}

const misconf = `FastCGI sent in stderr: "PHP message: PHP Fatal error:  Uncaught RedisException: MISCONF Redis is configured to save RDB snapshots, but it is currently not able to persist on disk. in /var/www/html/session.php:52" while reading response header from upstream`

// refusing is a Redis that cannot save, says so every few seconds and then takes no writes.
func (s *sim) refusing(every time.Duration, lines ...string) {
	from := s.hour()
	for at := from; at.Before(s.to); at = at.Add(every) {
		for _, text := range lines {
			s.redis.log = append(s.redis.log, redisLine{at, "M", s.redis.pid, text})
		}
	}
	s.redis.save = true
	s.fail(from, s.to, 500, misconf)
}

func forkRefused(s *sim, cut string) {
	s.day(0.55)
	if cut == "" {
		s.redis.log = append(s.redis.log, redisLine{s.redis.started, "M", s.redis.pid, "WARNING overcommit_memory is set to 0! Background save may fail under low memory condition."})
		s.refusing(6*time.Second, "10000 changes in 60 seconds. Saving...", "Can't save in background: fork: Cannot allocate memory")
	}
}

func diskFull(s *sim, cut string) {
	s.day(0.15)
	if cut == "" {
		s.refusing(6*time.Second, "10000 changes in 60 seconds. Saving...", fmt.Sprintf("Background saving started by pid %d", s.redis.pid+77), "Write error saving DB on disk: No space left on device", "Background saving error")
	}
}

func allocationRefused(s *sim, cut string) {
	s.day(0.3)
	if cut != "" {
		return
	}
	at := s.hour()
	r := s.redis
	for _, text := range []string{"Out Of Memory allocating 1048576 bytes!", "=== REDIS BUG REPORT START: Cut & paste starting from here ===", "------------------------------------------------",
		"!!! Software Failure. Press left mouse button to continue", "Guru Meditation: Redis aborting for OUT OF MEMORY. Allocating 1048576 bytes! #server.c:5118", "------------------------------------------------"} {
		r.log = append(r.log, redisLine{at, "M", r.pid, text})
	}
	r.restarted, r.newPID = at.Add(50*time.Second), r.pid+999
	r.change = func(t time.Time, i *infoText) {
		if t.After(r.restarted) {
			i.pid, i.uptime, i.run = r.newPID, t.Sub(r.restarted), strings.Repeat("b", 40)
		}
	}
	s.fail(at, r.restarted, 500, "")
}

// kernelLeak: a driver keeps what it allocates.
func kernelLeak(s *sim, cut string) {
	s.day(0.1)
	at := s.hour()
	if cut == "" {
		s.procs[0].rss, s.procs[1].rss = s.procs[0].rss/2&^4095, s.procs[1].rss/2&^4095
		used, _, _, _ := s.usedAt(at)
		s.kernel = s.ram - rss(used) - s.others()
		s.killed(at, s.largest(at))
	}
}

// poolFull: every worker waits for a payment gateway.
func poolFull(s *sim, cut string) {
	s.day(0.1)
	if cut == "idle" {
		return
	}
	from := s.hour()
	to := from.Add(s.to.Sub(from) / 2)
	var log strings.Builder
	for at := from; at.Before(to); at = at.Add(70 * time.Second) {
		fmt.Fprintf(&log, "[%s] WARNING: [pool www] server reached pm.max_children setting (%d), consider raising it\n", at.In(s.zone).Format("02-Jan-2006 15:04:05"), s.procs[1].n)
	}
	s.lines["var/log/php8.1-fpm.log"] = log.String()
	s.confs["www.conf"] = fmt.Sprintf("pm.max_children = %d\n", s.procs[1].n)
	s.outages = append(s.outages, outage{from: from, to: to, status: pick(&s.dice, 502, 504), share: 2, slow: 20,
		why: "connect() to unix:/run/php/php8.1-fpm.sock failed (11: Resource temporarily unavailable) while connecting to upstream"})
	s.streams = append(s.streams, &stream{rate: 150 / to.Sub(from).Seconds(), from: from, to: to, none: true, visit: s.streams[0].visit})
}

// evicted: an import writes the cache full, and the sessions go.
func evicted(s *sim, cut string) {
	s.day(0.12)
	s.style.short = false
	from := s.hour()
	r := s.redis
	used, _, _, _ := s.usedAt(from)
	r.maxmemory, r.policy = used*12/10, pick(&s.dice, "allkeys-lru", "volatile-lru", "allkeys-lfu")
	limit := r.maxmemory
	if cut == "bigger" {
		limit = used * 4
		r.maxmemory = 0
	}
	r.change = func(t time.Time, i *infoText) {
		i.maxmemory = limit
		if !t.After(from) {
			return
		}
		minutes := min(t.Sub(from).Minutes(), 40)
		more := int(float64(used) * 1.5 * minutes / 40)
		over := max(i.used+more-limit, 0)
		i.used += more - over
		i.keys += (more - over) / r.perKey
		i.expires += (more - over) / r.perKey
		i.evicted = over / r.perKey
		i.misses += over / r.perKey * 4
		i.rss = rss(i.used)
	}
	s.span(s.to.Sub(s.from), s.to.Sub(s.logFrom))
	s.step = min(s.step, 10*time.Minute)
}

// quiet is a day without an incident, whatever happens beside it.
func quiet(s *sim, kind string) {
	s.day(0.1 + float64(s.n(20))/100)
	switch kind {
	case "peak": // a newsletter: many more people for two hours
		s.streams = append(s.streams, &stream{rate: s.streams[0].rate * 5, from: s.hour(), ttl: s.streams[0].ttl, visit: s.streams[0].visit})
	case "spike": // a crawl whose sessions expire
		bot := crawler(1500/s.to.Sub(s.hour()).Seconds(), semrush, "203.0.113", 5)
		bot.from, bot.ttl = s.hour(), s.to.Sub(s.hour())/6
		s.streams = append(s.streams, bot)
	case "old-kill": // of a build, long before what the logs show
		s.kill = &kill{at: s.from.Add(-8 * 24 * time.Hour), victim: process{"node", 30999, s.ram / 3, 1}}
	case "restart": // asked for, at night
		r, at := s.redis, s.hour()
		for _, text := range []string{"User requested shutdown...", "Redis is now ready to exit, bye bye..."} {
			r.log = append(r.log, redisLine{at, "M", r.pid, text})
		}
		r.restarted, r.newPID = at.Add(2*time.Second), r.pid+711
		r.change = func(t time.Time, i *infoText) {
			if t.After(r.restarted) {
				i.pid, i.uptime, i.run = r.newPID, t.Sub(r.restarted), strings.Repeat("d", 40)
			}
		}
	case "deploy":
		var log strings.Builder
		at := s.hour()
		fmt.Fprintf(&log, "%s INFO deploy: release 20260%d switched to current\n%s INFO deploy: php-fpm reloaded\n", at.UTC().Format(time.RFC3339), 100+s.n(800), at.Add(4*time.Second).UTC().Format(time.RFC3339))
		s.lines["deploy.log"] = log.String()
	}
}

// thin keeps next to nothing of a leak.
func thin(s *sim, kept string) {
	l := s.leak()
	s.filled(l, "", crawler(l.rate*0.9, semrush, "203.0.113", 4), people(l.rate*0.1))
	access, info, conf, redisLog := "var/log/nginx/access.log", "redis-info.log", "etc/redis/redis.conf", "var/log/redis/redis-server.log"
	switch kept {
	case "kill-line":
		s.style.noRows = true
		s.without = []string{access, info, conf, redisLog, "var/log/nginx/error.log", "free.txt"}
	case "no-redis":
		s.without = []string{info, conf, redisLog}
		fallthrough
	case "log-ends-early":
		for _, st := range s.streams { // the log that is kept is of two days before
			st.at = st.at[:0]
		}
		s.without = append(s.without, info, conf, redisLog)
	}
}

// causes are the scenes without a leak.
func causes() []scene {
	none := want{cause: "no-incident"}
	open := want{cause: "inconclusive"}
	is := func(cause string, who ...string) want { return want{cause: cause, culprits: who} }
	all := []scene{
		{"kernel-leak", "", kernelLeak, is("kernel-memory-leak")},
		{"kernel-leak", "calm", kernelLeak, none},
		{"fork", "", fork, is("fork-cow")},
		{"fork", "aof", fork, is("fork-cow")},
		{"fork", "nojob", fork, none},
		{"cgroup", "", cgroup, is("cgroup-limit")},
		{"cgroup", "raised", cgroup, none},
		{"cgroup", "next-door", cgroup, none},
		{"fragmented", "", fragmented, is("allocator-fragmentation")},
		{"fragmented", "defrag", fragmented, none},
		{"buffered", "", buffered, is("client-output-buffers", "audit-tail")},
		{"buffered", "replica", buffered, is("client-output-buffers")},
		{"buffered", "reads", buffered, none},
		{"locked", "", locked, is("lock-contention", "198.18.7.7")},
		{"locked", "single", locked, none},
		{"blocked", "", blocked, is("keys-command-block", "KEYS")},
		{"blocked", "scan", blocked, none},
		{"fork-refused", "", forkRefused, is("fork-refused")},
		{"fork-refused", "overcommit", forkRefused, none},
		{"disk-full", "", diskFull, is("disk-full-persistence")},
		{"disk-full", "room", diskFull, none},
		{"allocation", "", allocationRefused, is("allocation-refused")},
		{"allocation", "room", allocationRefused, none},
		{"pool-full", "", poolFull, is("php-fpm-overload")},
		{"pool-full", "idle", poolFull, none},
		{"evicted", "", evicted, is("eviction-storm")},
		{"evicted", "bigger", evicted, none},
		{"thin", "kill-line", thin, open},
		{"thin", "no-redis", thin, open},
	}
	for _, h := range []struct {
		name  string
		share float64
		n     int
	}{{"mysqld", 0.62, 1}, {"php-fpm8.1", 0.5, 90}, {"restic", 0.45, 1}, {"java", 0.5, 1}, {"mysqldump", 0.4, 1}} {
		w := is("other-process-hog", h.name)
		switch h.name {
		case "restic", "mysqldump":
			w.accept = []string{"no-incident"} // the kernel took the job itself, and no page noticed
			beside := w
			beside.accept, beside.never = append([]string{"inconclusive"}, w.accept...), []string{"mysqld", "mariadbd"}
			all = append(all, scene{"hog-" + h.name, "bystander", hog(h.name, 0.34, 1), beside})
		}
		all = append(all, scene{"hog-" + h.name, "", hog(h.name, h.share, h.n), w}, scene{"hog-" + h.name, "calm", hog(h.name, h.share, h.n), none})
	}
	for _, kind := range []string{"day", "peak", "spike", "old-kill", "deploy", "restart"} {
		all = append(all, scene{"quiet", kind, quiet, none})
	}
	return all
}
