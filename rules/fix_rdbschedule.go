package rules

import (
	"fmt"
	"strings"

	"culprit/correlate"
)

var _ = registerFix(FixMaker{
	ID:   "rdb-schedule",
	Doc:  "saves less often, so that fewer pages are copied at a bad time",
	Make: (*Case).scheduleFixes,
})

func (c *Case) scheduleFixes(h Hypothesis) []Fix {
	cli := c.redisCLI()
	f := Fix{
		Title:  "Save once an hour instead of at every minute of traffic",
		Kind:   KindCommand,
		Target: "redis.conf",
		Text:   fmt.Sprintf("%s CONFIG SET save '3600 1' && %s CONFIG REWRITE", cli, cli),
		Risk:   "after a crash up to an hour of writes is lost; sessions come back empty, a queue would lose jobs",
		Undo:   cli + " CONFIG SET save '3600 1 300 100 60 10000'",
		Check:  cli + " CONFIG GET save; " + cli + " LASTSAVE",
	}
	if n, ev := c.savedForReplica(); n > 0 {
		f.Title = "Let a replica that was away catch up without the whole dataset"
		f.Text = fmt.Sprintf("%s CONFIG SET repl-backlog-size 268435456 && %s CONFIG SET client-output-buffer-limit 'replica 512mb 256mb 120' && %s CONFIG REWRITE", cli, cli, cli)
		f.Risk = "256 MB are taken for the backlog, and up to 512 MB a replica while it lags: take both off maxmemory. Stop the replica (REPLICAOF NO ONE there) if it comes back in a loop"
		f.Undo = cli + " CONFIG SET repl-backlog-size 1048576; " + cli + " CONFIG SET client-output-buffer-limit 'replica 256mb 64mb 60'"
		f.Check = cli + " INFO stats | grep -E 'sync_(full|partial)'   # sync_full stands still"
		f.Effect.Before = fmt.Sprintf("%s full resyncs, each a save by fork (%s)", count(n), lineOf(ev))
		f.Effect.After = "a replica that was away for a moment gets what it missed from the backlog; a first sync still forks"
		return []Fix{f}
	}
	if c.rewroteLast() {
		f.Title = "Rewrite the AOF half as often"
		f.Text = fmt.Sprintf("%s CONFIG SET auto-aof-rewrite-percentage 200 && %s CONFIG REWRITE", cli, cli)
		f.Risk = "the file grows to three times its size before it is rewritten: the disk must hold that, and a start reads it all. Each rewrite still forks: it needs the room all the same"
		f.Undo = cli + " CONFIG SET auto-aof-rewrite-percentage 100"
		f.Check = cli + " INFO persistence | grep -E 'aof_(current|base)_size|aof_rewrite_in_progress'"
		return []Fix{f}
	}
	saves, cow, ev := 0, int64(0), correlate.Evidence{}
	if c.Redis != nil {
		for _, e := range c.Redis.Log {
			if e.Event == "save-started" {
				saves++
			}
			if e.Event == "cow" && e.SizeBytes.Or(0) > cow {
				cow, ev = e.SizeBytes.N, e.Ev
			}
		}
		if n := len(c.Redis.Log); saves > 1 && c.Redis.Log[n-1].Placed && c.Redis.Log[0].Placed {
			span := c.Redis.Log[n-1].At.Sub(c.Redis.Log[0].At)
			if hours := span.Hours(); hours > 1 {
				f.Effect.Before = fmt.Sprintf("%d saves in %s", saves, spell(span))
				f.Effect.After = fmt.Sprintf("%s at most", count(min(hours+1, float64(saves))))
			}
		}
	}
	if cow > 0 {
		f.Effect.Before = strings.TrimPrefix(f.Effect.Before+fmt.Sprintf(", the largest copied %s (%s)", bytesIn(cow), lineOf(ev)), ", ")
		f.Effect.After = strings.TrimPrefix(f.Effect.After+"; each still copies what changes while it runs: maxmemory must leave room for one", "; ")
	}
	if file := c.redisFile(); file != "" {
		g := f
		g.Target = file
		g.Text = "Each save copies the pages that change while it runs; `save` lines add up, so all of them give way to one."
		if p := c.patch(g, file, setSave("3600", "1")); p.Kind == KindPatch {
			return []Fix{p}
		}
	}
	if rdb, aof, at := c.persistence(); !rdb && !aof {
		f.Title = "Keep saving off"
		f.Kind, f.Text = KindManual, "The instance saves nothing already ("+lineOf(at)+"); the fork came from a replica's sync or a BGSAVE by hand: look for its client."
	}
	return []Fix{f}
}

// rewroteLast: the last fork of the log was for the AOF, not for a dump.
func (c *Case) rewroteLast() bool {
	if c.Redis == nil {
		return false
	}
	for i := len(c.Redis.Log) - 1; i >= 0; i-- {
		switch c.Redis.Log[i].Event {
		case "aof-rewrite-started":
			return true
		case "save-started":
			return false
		}
	}
	return false
}

// setSave replaces all active save lines by one: they add up in redis.conf, so changing the last would not do. With `save
// ""` there is nothing to space out.
func setSave(seconds, changes string) change {
	line := "save " + seconds + " " + changes
	return func(e *editor) {
		if e.isYAML() {
			return
		}
		first, template, found := -1, -1, false
		for i := range e.lines {
			f := strings.Fields(e.lines[i].old)
			if len(f) > 1 && strings.EqualFold(f[0], "save") {
				if strings.Join(f[1:], "") == `""` || strings.Join(f[1:], "") == "''" {
					return
				}
				if first < 0 {
					first = i
				}
				found = true
			}
			if len(f) > 2 && f[0] == "#" && f[1] == "save" && !strings.ContainsAny(f[len(f)-1], ".,") && f[2] != `""` {
				template = i
			}
		}
		if !found {
			if template >= 0 {
				e.insert(template, line)
			} else {
				e.append(line)
			}
			return
		}
		for i := first; i < len(e.lines); i++ {
			f := strings.Fields(e.lines[i].old)
			if len(f) < 2 || !strings.EqualFold(f[0], "save") {
				continue
			}
			if i == first {
				if !sameWords(f[1:], []string{seconds, changes}) {
					e.set(i, indentOf(e.lines[i].old)+line)
				}
			} else {
				e.remove(i)
			}
		}
	}
}
