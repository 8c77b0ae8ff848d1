package rules

import (
	"fmt"
	"strings"
	"time"

	"culprit/correlate"
)

var _ = register(Rule{
	ID: "redis-keys-without-ttl",
	Doc: `Most keys carry no expiry, so nothing but a DEL or an eviction ever frees them: a keyspace that grows with traffic
grows for ever.

Arithmetic:

    share       = (keys - expires) / keys, from INFO's dbN lines
    bytes a key = MEMORY USAGE of a listing, else the slope of used_memory over keys without TTL, else dataset / keys
    a day       = new keys without TTL / time between snapshots, after the last steep rise if there is one
    time left   = (limit - used_memory) / (keys a day x bytes a key); the limit is maxmemory, else RAM
    backwards   = bytes resident at the kill / (keys a day x bytes a key), to hold against Redis's uptime

Threshold: Half of the keys have no TTL and they matter: they grow, or look like sessions, or hold a tenth of RAM.
Half, because below it something else holds most of the keyspace. A thousand keys at least: fewer are settings and
counters, which are meant to stay. A tenth of RAM is what an operator notices.

When it is wrong: queues, leaderboards and feature flags live for ever on purpose. They do not grow with requests.`,
	Needs: []Sort{NeedsKeyspace},
	Check: checkKeysWithoutTTL,

	Thresholds: []Threshold{fewKeys, noticeable},
})

var (
	fewKeys    = Threshold{ID: "redis-keys-without-ttl.keys", Default: 1000, Min: 1, Max: 1e12, Doc: "fewer keys without expiry are settings and counters, which are meant to stay"}
	noticeable = Threshold{ID: "redis-keys-without-ttl.share", Default: 0.1, Min: 0, Max: 1, Doc: "share of RAM that keys without expiry must hold, where they neither grow nor look like sessions"}
)

func checkKeysWithoutTTL(c *Case) []Finding {
	g := c.Growth
	l := g.Last
	if g.NoTTLShare < leakExplains || float64(l.NoTTL.N) < c.threshold(fewKeys) {
		return nil
	}
	growing := g.NoTTLPerDay > 0 && g.DNoTTL.N*20 > l.NoTTL.N // a twentieth, as leak() has it
	per := c.Leak.BytesKey
	if per == 0 {
		per = c.bytesPerKey()
	}
	held := per * float64(l.NoTTL.N)
	prefix, sample, sessions := c.foreverPrefix()
	large := c.RAM.OK && held >= c.threshold(noticeable)*float64(c.RAM.Bytes)
	if !growing && !sessions && !large {
		return nil
	}
	f := Finding{Role: RoleHygiene, Fixes: c.Advise("session-ttl"), Evidence: []correlate.Evidence{l.KeyspaceEvidence("")}}
	if c.hurt(c.Redis) || c.Leak.State == Established && c.harmed() {
		f.Role = RoleContributing
	}
	f.Title = fmt.Sprintf("%s of %s keys (%s) never expire", count(l.NoTTL.N), count(l.Keys.N), percent(g.NoTTLShare))
	if c.After {
		f.Title = fmt.Sprintf("%s of the %s keys written since the restart (%s) never expire", count(l.NoTTL.N), count(l.Keys.N), percent(g.NoTTLShare))
	}
	if per > 0 {
		f.Title += fmt.Sprintf(", at %s each", bytesIn(int64(per)))
		f.Quantities = append(f.Quantities, Quantity{"bytes a key", per, "bytes", ""}, Quantity{"held by keys without TTL", held, "bytes", "keys without TTL x bytes a key"})
	}
	f.Quantities = append(f.Quantities, Quantity{"share without TTL", g.NoTTLShare, "of keys", "(keys - expires) / keys"})
	if growing {
		f.Evidence = append(f.Evidence, g.First.KeyspaceEvidence("the count it grew from"))
		f.Title += fmt.Sprintf(", and %s more come a day", count(g.NoTTLPerDay))
		c.fillTimes(&f, per)
	}
	if sample.File != "" {
		sample.Note = "a key without TTL"
		if prefix != "" {
			sample.Note = "a key without TTL, of prefix " + prefix
		}
		f.Evidence = append(f.Evidence, sample)
	}
	return []Finding{f}
}

// fillTimes says how long the growth takes to fill what there is, forwards from the last snapshot and backwards from the kill.
func (c *Case) fillTimes(f *Finding, per float64) {
	g := c.Growth
	daily := g.NoTTLPerDay * per
	if daily <= 0 {
		return
	}
	f.Quantities = append(f.Quantities,
		Quantity{"new keys without TTL", g.NoTTLPerDay, "keys a day", "keys without TTL added / time between snapshots"},
		Quantity{"growth", daily, "bytes a day", "keys a day x bytes a key"})
	full, what := c.RAM, "RAM"
	if m, ok := c.maxmemory(); ok && m.Bytes > 0 {
		full, what = m, "maxmemory"
	}
	var parts []string
	if left := full.Bytes - g.Last.Used.Or(0); full.OK && left > 0 {
		d := days(float64(left) / daily)
		parts = append(parts, fmt.Sprintf("%s a day; the %s left below %s are full in %s", bytesIn(int64(daily)), bytesIn(left), what, spell(d)))
		f.Quantities = append(f.Quantities, Quantity{"time to fill " + what, d.Hours(), "hours", "(" + what + " - used_memory) / growth"})
	}
	if rss := redisKilledAt(c); rss > 0 {
		d := days(float64(rss) / daily)
		s := fmt.Sprintf("the %s resident at the kill are %s of this growth", bytesIn(rss), spell(d))
		if up, ok := c.upFor(); ok {
			s += fmt.Sprintf("; Redis had been up at most %s", spell(up))
		}
		parts = append(parts, s)
		f.Quantities = append(f.Quantities, Quantity{"time to grow to the kill", d.Hours(), "hours", "resident at the kill / growth"})
	}
	f.Detail = sentence(strings.Join(parts, "; "))
}

// days bounds a quotient to a hundred years, beyond which a duration means never.
func days(n float64) time.Duration {
	return time.Duration(min(n, 36500) * 24 * float64(time.Hour))
}

// foreverPrefix is the largest group of a listing in which most keys have no TTL, with one of its keys.
func (c *Case) foreverPrefix() (prefix string, sample correlate.Evidence, sessions bool) {
	for _, k := range c.Incident.Keys {
		if k.NoTTL*2 > k.TTLKnown && k.NoTTL > 0 {
			if sample.File == "" {
				prefix, sample = k.Prefix, k.Evidence
			}
			sessions = sessions || looksLikeSession(k.Prefix) || looksLikeSession(k.Example)
		}
	}
	return prefix, sample, sessions
}
