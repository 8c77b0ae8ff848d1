package rules

import (
	"fmt"
	"time"

	"culprit/correlate"
)

// misfits lists what the evidence says against itself: printed, never smoothed.
func (c *Case) misfits() []Misfit {
	var out []Misfit
	out = append(out, c.misfitsOfRate()...)
	out = append(out, c.misfitWeekday()...)
	out = append(out, c.misfitValueSize()...)
	out = append(out, c.misfitReload()...)
	return out
}

// misfitsOfRate: new keys between two snapshots that the access log cannot have made. Ten times is beyond anything that
// bins, visits with several sessions, or a slow clock do.
func (c *Case) misfitsOfRate() []Misfit {
	g := c.Growth
	if g == nil || c.Web == nil || len(c.Web.Files) == 0 {
		return nil
	}
	for i := 1; i < len(g.Run); i++ {
		a, b := &g.Run[i-1], &g.Run[i]
		before, known := a.NoTTL.N, a.NoTTL.OK
		if !known && a.Used.OK && a.Startup.OK && a.Used.N-a.Startup.N < 100<<10 {
			known = true // under 100 kB above its start-up size Redis holds no keys to speak of
		}
		if !known || !b.NoTTL.OK {
			continue
		}
		d := float64(b.NoTTL.N - before)
		dt, ok := between(a, b)
		if d < 1000 || !ok || dt <= 0 {
			continue
		}
		perDay := d / dt.Hours() * 24
		pages, days := 0.0, c.Web.To.Sub(c.Web.From).Hours()/24
		for _, grp := range c.Web.Groups {
			pages += grp.Total()
		}
		if days <= 0 || pages == 0 {
			continue
		}
		ratio := perDay / (pages / days)
		if ratio < 10 {
			continue
		}
		return []Misfit{{
			Text: fmt.Sprintf("%s keys in %s are %s a day, %.0f times the %s session-making requests a day that the access log shows; another writer, a reload of old data, or a log that is not whole",
				count(d), spell(dt), count(perDay), ratio, count(pages/days)),
			Evidence: []correlate.Evidence{a.Evidence("used_memory", ""), b.KeyspaceEvidence("")},
		}}
	}
	return nil
}

// between is the time from one snapshot to the next: by clock, else by uptime.
func between(a, b *correlate.Snapshot) (time.Duration, bool) {
	if a.Placed && b.Placed {
		return b.At.Sub(a.At), true
	}
	if a.Uptime.OK && b.Uptime.OK {
		return time.Duration(b.Uptime.N-a.Uptime.N) * time.Second, true
	}
	return 0, false
}

func (c *Case) misfitWeekday() []Misfit {
	if c.Kill == nil {
		return nil
	}
	text := c.Kill.Ev.Text
	for day := time.Sunday; day <= time.Saturday; day++ {
		short := day.String()[:3]
		if len(text) < 30 || text[0] != '[' || text[1:4] != short {
			continue
		}
		local, err := time.Parse("Mon Jan 2 15:04:05 2006", text[1:25])
		if err != nil || local.Weekday() == day {
			return nil
		}
		return []Misfit{{
			Text:     fmt.Sprintf("the kernel log says %q; that day is a %s: the line was edited or made up, its date is read all the same", text[1:25], local.Weekday()),
			Evidence: []correlate.Evidence{c.Kill.Ev},
		}}
	}
	return nil
}

// misfitValueSize: a value shown in the listing against the bytes that keys take on average. Redis adds about 50 to 130
// bytes a key (measured: 266.8 B for a 136 B value under a 43 B name); ten times more is other data.
func (c *Case) misfitValueSize() []Misfit {
	g := c.Growth
	if g == nil || !g.Last.Keys.OK || g.Last.Keys.N < 100 || !g.Last.Used.OK {
		return nil
	}
	per := float64(g.Last.Used.N-g.First.Startup.Or(0)) / float64(g.Last.Keys.N)
	for _, v := range c.Values {
		need := float64(v.Len + 130)
		if per < 10*need {
			continue
		}
		ev := v.Ev
		return []Misfit{{
			Text: fmt.Sprintf("keys take %s each on average, but the value shown has %d bytes, about %s in Redis: %.0f times less; the keys that fill the memory are larger than this one",
				bytesIn(int64(per)), v.Len, bytesIn(int64(need)), per/need),
			Evidence: []correlate.Evidence{ev, g.Last.KeyspaceEvidence("")},
		}}
	}
	return nil
}

// misfitReload: a server with save points that comes back empty after a kill had no dump to load.
func (c *Case) misfitReload() []Misfit {
	if c.Kill == nil || !IsRedis(c.Kill.Fact.VictimComm) || c.Redis == nil || c.Redis.ConfigFile == "" || c.Growth == nil {
		return nil
	}
	f := c.Growth.First
	if s, ok := c.Redis.Config["save"]; ok && (s.Value() == "" || s.Value() == `""`) {
		return nil
	}
	rss := killedRSS(c.Kill)
	// a start-up size and a hundredth of what was killed: nothing was loaded
	if !f.Used.OK || rss == 0 || f.Used.N*100 > rss || f.Placed && c.Kill.Placed && f.At.Before(c.Kill.At) {
		return nil
	}
	return []Misfit{{
		Text:     fmt.Sprintf("Redis came back with %s although %s leaves saving on: a dump should have been loaded; it failed before, or was removed (the Redis log and dump.rdb would tell)", bytesIn(f.Used.N), c.Redis.ConfigFile),
		Evidence: []correlate.Evidence{f.Evidence("used_memory", "")},
	}}
}
