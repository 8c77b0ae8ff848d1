package main

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// A host that never was: its memory, its visitors, the sessions they open in Redis and what the kernel does when the sum is
// too much. Everything follows from the fields and the dice, so a scene (simscenes_test.go) is a few fields, its twin the
// same with one of them changed, and what the logs say (simfiles_test.go) is true of the same physics.
type sim struct {
	dice
	zone, webZone *time.Location // of the kernel's and Redis's logs; of nginx's
	from, to      time.Time      // of the INFO series; the files are collected at to
	logFrom       time.Time      // what is kept of the access log begins here
	step          time.Duration  // between snapshots
	streams       []*stream
	redis         *store
	procs         []process
	kernel        int // bytes of unreclaimable slab
	ram           int
	kill, earlier *kill // earlier is nobody's business here
	split         bool  // web servers and Redis are hosts of their own
	outages       []outage
	style         style

	replies []infoText        // of Redis, in order
	lines   map[string]string // files that a scene writes itself
	confs   map[string]string // settings beside the usual ones, by file
	without []string          // files that were lost
	since   time.Time         // nobody took snapshots before
	open    bool              // the files that are left cannot tell two explanations apart
}

// stream is one sort of client: how many sessions it opens a second, and the requests that go with an opening.
type stream struct {
	rate     float64
	from, to time.Time // zero = always
	daily    bool      // follows the sun
	ttl      time.Duration
	none     bool // opens no sessions
	visit    func(d *dice, at time.Time) []hit

	at     []time.Time // the openings within the access log
	before []float64   // how many came by the end of each hundredth of the time before it
}

// store is a Redis server.
type store struct {
	port, pid          int
	started            time.Time
	version            string
	perKey             int // bytes of a session
	cacheKeys, cache   int // keys with a TTL beside the sessions, and their bytes
	maxmemory          int
	policy             string
	save               bool
	log                []redisLine
	restarted          time.Time // after the kill; zero = stays down
	change             func(at time.Time, s *infoText)
	newPID             int
	evicting, refusing bool // at maxmemory
}

type process struct {
	name     string
	pid, rss int
	n        int // so many of this size
}

// kill is what the kernel did.
type kill struct {
	at     time.Time
	victim process
	cgroup string // "" = the whole host ran out
	limit  int    // bytes of the cgroup
	cow    int    // bytes copied for a child
}

// outage fails requests.
type outage struct {
	from, to time.Time
	status   int
	fails    func(hit) bool // nil = every page
	why      string         // the error log's message; "" = none
	share    int            // one request in so many fails; 0 = every
	slow     float64        // seconds that a page takes meanwhile
}

// infoText are the numbers of one INFO reply.
type infoText struct {
	at                              time.Time
	used, rss, keys, expires, pid   int
	uptime                          time.Duration
	evicted, expired, refused       int
	hits, misses, clients, replicas int
	saving, defrag                  bool
	maxmemory                       int
	policy, run                     string
	avgTTL                          time.Duration
}

// grain divides the time before the access log: finer than any trend, coarse enough to be quick.
const grain = 400

// settle draws every opening: one by one where the access log shows them, as counts before it.
func (s *sim) settle() {
	for _, st := range s.streams {
		if st.before != nil {
			continue // a scene settled before it chose when the memory runs out
		}
		if st.from.IsZero() {
			st.from = s.from
		}
		if st.to.IsZero() {
			st.to = s.to
		}
		slot := s.logFrom.Sub(s.from) / grain
		sum := 0.0
		st.before = make([]float64, grain+1)
		for i := 1; slot > 0 && i <= grain; i++ {
			at := s.from.Add(time.Duration(i) * slot)
			part := overlap(at.Add(-slot), at, st.from, st.to)
			sum += s.poisson(st.rate * s.sun(st, at) * part.Seconds())
			st.before[i] = sum
		}
		from, to := latest(s.logFrom, st.from), earliest(s.to, st.to)
		if !to.After(from) {
			continue
		}
		const peak = 1.6
		for _, at := range s.spread(1+int(s.poisson(st.rate*peak*to.Sub(from).Seconds())), from, to) {
			if float64(s.n(1000)) < 1000*s.sun(st, at)/peak {
				st.at = append(st.at, at)
			}
		}
		slices.SortFunc(st.at, time.Time.Compare)
	}
}

// sun is how busy a stream is at that hour: six tenths up and down around its mean.
func (s *sim) sun(st *stream, at time.Time) float64 {
	if !st.daily {
		return 1
	}
	local := at.In(s.webZone)
	return 1 + 0.6*math.Sin(2*math.Pi*(float64(local.Hour())+float64(local.Minute())/60-9)/24)
}

// poisson draws a count: the normal approximation, which is what sums over minutes need.
func (d *dice) poisson(mean float64) float64 {
	z := 0.0
	for range 12 {
		z += float64(d.n(1<<20)) / (1 << 20)
	}
	return max(0, math.Round(mean+(z-6)*math.Sqrt(mean)))
}

func overlap(a, b, c, d time.Time) time.Duration { return max(0, earliest(b, d).Sub(latest(a, c))) }

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earliest(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// opened is how many sessions a stream had opened by then.
func (s *sim) opened(st *stream, at time.Time) int {
	if st.none || at.Before(s.from) {
		return 0
	}
	if at.Before(s.logFrom) {
		x := float64(at.Sub(s.from)) / float64(s.logFrom.Sub(s.from)) * grain
		i := min(int(x), grain-1)
		return int(st.before[i] + (x-float64(i))*(st.before[i+1]-st.before[i]))
	}
	return int(st.before[grain]) + before(st.at, at)
}

// stored is what Redis holds then: keys for ever, keys with a TTL, keys that have expired.
func (s *sim) stored(at time.Time) (ever, ttl, expired int) {
	since := s.from
	if s.kill != nil && !s.redis.restarted.IsZero() && !at.Before(s.redis.restarted) {
		since = s.redis.restarted
	}
	for _, st := range s.streams {
		all := s.opened(st, at) - s.opened(st, since)
		if st.ttl == 0 {
			ever += all
			continue
		}
		gone := 0
		if past := at.Add(-st.ttl); past.After(since) {
			gone = s.opened(st, past) - s.opened(st, since)
		}
		ttl += all - gone
		expired += gone
	}
	return ever, ttl, expired
}

// usedAt is used_memory without a limit.
func (s *sim) usedAt(at time.Time) (used, ever, ttl, expired int) {
	ever, ttl, expired = s.stored(at)
	r := s.redis
	// a cache swings with the day by a tenth, and begins anew with its server
	swing := 1 + 0.1*math.Sin(2*math.Pi*float64(at.Unix()%86400)/86400)
	if !r.restarted.IsZero() && !at.Before(r.restarted) {
		swing /= 10
	}
	return redisStartup + (ever+ttl)*r.perKey + int(float64(r.cache)*swing), ever, ttl, expired
}

// rss is what the kernel counts of a store that uses so much.
func rss(used int) int { return (used + used/33 + 5<<20) &^ 4095 }

// run makes the snapshots and, where nobody said how much memory the host has, gives it what the sum at the kill was.
func (s *sim) run() {
	s.settle()
	r := s.redis
	if r == nil {
		return
	}
	end := s.to
	if s.kill != nil && s.kill.victim.pid == r.pid && r.restarted.IsZero() {
		end = s.kill.at
	}
	evicted, refused := 0, 0
	for at := s.from.Add(s.step); !at.After(end); at = at.Add(s.step) {
		if k := s.kill; k != nil && k.victim.pid == r.pid && at.After(k.at) && at.Before(r.restarted) {
			continue
		}
		t := infoText{at: at, pid: r.pid, uptime: at.Sub(r.started), maxmemory: r.maxmemory, policy: r.policy, clients: 41008, avgTTL: 43 * time.Minute}
		t.run = fmt.Sprintf("%040x", uint64(r.pid)*0x9e3779b97f4a7c15)
		ever, ttl := 0, 0
		t.used, ever, ttl, t.expired = s.usedAt(at)
		if s.kill != nil && s.kill.victim.pid == r.pid && at.After(s.kill.at) {
			t.pid, t.uptime = r.newPID, at.Sub(r.restarted)
			t.run = fmt.Sprintf("%040x", uint64(r.newPID)*0x9e3779b97f4a7c15)
			evicted, refused = 0, 0
		}
		cached := r.cacheKeys
		if !r.restarted.IsZero() && !at.Before(r.restarted) {
			cached /= 10
		}
		t.keys, t.expires = ever+ttl+cached, ttl+cached
		if over := t.used - r.maxmemory; r.maxmemory > 0 && over > 0 {
			n := over / r.perKey
			t.used -= n * r.perKey
			t.keys -= n
			if r.evicting {
				evicted = max(evicted, n)
				t.expires = max(t.expires-n*t.expires/(t.keys+n), 0)
			}
			if r.refusing {
				refused = max(refused, n)
				t.used = min(t.used, r.maxmemory+r.maxmemory/1000)
			}
		}
		t.rss = rss(t.used)
		t.evicted, t.refused = evicted, refused
		t.hits = int(at.Sub(r.started).Seconds()) * 37
		t.misses = t.hits / 19
		if r.change != nil {
			r.change(at, &t)
		}
		if at.After(s.since) {
			s.replies = append(s.replies, t)
		}
	}
}

// others is the resident memory of all processes but Redis.
func (s *sim) others() int {
	sum := 0
	for _, p := range s.procs {
		sum += p.rss * max(p.n, 1)
	}
	return sum
}

// exhaust has the kernel kill the largest process when Redis has grown to what it is at that time, and gives the host just
// so much memory.
func (s *sim) exhaust(at time.Time) {
	used, _, _, _ := s.usedAt(at)
	redis := process{"redis-server", s.redis.pid, rss(used), 1}
	s.ram = redis.rss + s.others() + s.kernel
	s.ram += s.ram / 25 // page tables, stacks, what must stay free
	victim := redis
	for _, p := range s.procs {
		if p.rss > victim.rss {
			victim = p
		}
	}
	s.kill = &kill{at: at, victim: victim}
	if victim.pid == redis.pid {
		s.redis.restarted = at.Add(time.Duration(20+s.n(400)) * time.Second)
		s.redis.newPID = s.redis.pid + 4000 + s.n(9000)
		s.fail(at, s.redis.restarted, 500+2*s.n(2), "")
	} else {
		s.fail(at, at.Add(time.Duration(20+s.n(200))*time.Second), 502, "")
	}
}

// fail lets the pages of that stretch fail.
func (s *sim) fail(from, to time.Time, status int, why string) {
	s.outages = append(s.outages, outage{from: from, to: to, status: status, why: why})
}

func (s *sim) pid() int { return 400 + s.n(30000) }
