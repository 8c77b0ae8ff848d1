package rules

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"culprit/correlate"
	"culprit/parsers"
)

var _ = registerFix(FixMaker{
	ID:   "session-ttl",
	Doc:  "gives session keys a life, where the code or the framework's setting writes them, and backfills those already there",
	Make: (*Case).ttlFixes,
})

func (c *Case) ttlFixes(h Hypothesis) []Fix {
	s := c.lifeThatHelps(c.byItsSettings(c.sessionKind()))
	effect := c.ttlEffectOf(s.ttl)
	secs := strconv.Itoa(int(s.ttl.Seconds()))
	what := "session keys"
	if s.prefix != "" {
		what = s.prefix + "* keys"
	}
	cli := c.redisCLI()
	pattern := globQuote(s.prefix) + "*"
	f := Fix{
		ID:    "session-ttl",
		Title: fmt.Sprintf("Give %s a TTL of %s", what, spellTTL(s.ttl)),
		Risk:  fmt.Sprintf("a visitor who stays away longer than %s finds an empty session (%s)", spellTTL(s.ttl), s.why),
		Undo:  "take the change back; keys written meanwhile keep their TTL",
		Check: fmt.Sprintf("%s --scan --pattern '%s' | head -5 | xargs -n1 %s TTL   # -1 = never expires; new keys must show %s or less", cli, pattern, cli, secs),
	}
	late := s.prefix == "" && c.Growth != nil && c.Growth.Counted == correlate.AllKeys // the keys do expire, only late
	if late {
		f.Title = fmt.Sprintf("Shorten the life of %s to %s", what, spellTTL(s.ttl))
	}
	f.Effect = effect
	var fixes []Fix
	for _, code := range c.writersOf(s.prefix) {
		fixes = append(fixes, c.codeFix(f, code, secs))
	}
	settings, had := c.settingFixes(f, s)
	if len(fixes) == 0 || s.framework != "" {
		fixes = append(fixes, settings...)
	}
	if len(fixes) == 0 {
		g := f
		g.Text = upper(s.setting)
		if s.framework != "" {
			g.Text = fmt.Sprintf("The keys are those of %s: %s", s.framework, s.setting)
		}
		where := "The code is not in the input; --app DIR finds the call in it. "
		if c.hasCode() {
			where = "No call in the code given writes a key without an expiry: a library does, or code elsewhere. "
		}
		if had != "" {
			where += upper(had) + ": what fills Redis is written past it. "
		}
		g.Text = where + g.Text
		if c.noSetting() && !late {
			g.Text += "\nRaise nothing else before this: without a life the keys fill any size of memory."
		}
		fixes = append(fixes, g)
	}
	if late {
		return fixes // those that are there go by themselves
	}
	return append(fixes, c.backfill(s, cli, pattern, secs))
}

// lifeThatHelps is the framework's own life where the replay shows that it would have done, else the longest shorter one that
// would. None of an hour or more: the framework's, and the fix is hygiene beside the others.
func (c *Case) lifeThatHelps(s sessionStore) sessionStore {
	if c.ttlEffectOf(s.ttl).Prevents != correlate.Fail {
		return s
	}
	for _, ttl := range []time.Duration{24 * time.Hour, 12 * time.Hour, 6 * time.Hour, 2 * time.Hour, time.Hour} {
		if ttl < s.ttl && c.ttlEffectOf(ttl).Prevents == correlate.Pass {
			s.why = fmt.Sprintf("%s: %s would not have kept Redis below what it had here", s.why, spellTTL(s.ttl))
			s.setting = strings.ReplaceAll(s.setting, strconv.Itoa(int(s.ttl.Seconds())), strconv.Itoa(int(ttl.Seconds())))
			s.ttl = ttl
			return s
		}
	}
	return s
}

// hasCode says whether the input holds source that writes to Redis at all.
func (c *Case) hasCode() bool {
	return slices.ContainsFunc(c.Inputs, func(in correlate.Input) bool { return in.Format == "app-code" })
}

func (c *Case) noSetting() bool { m, ok := c.maxmemory(); return ok && m.Bytes == 0 }

// writersOf are the calls that write keys of a prefix: those in files that name it; all of them when none does.
func (c *Case) writersOf(prefix string) []correlate.Placed[parsers.AppCode] {
	var named, all []correlate.Placed[parsers.AppCode]
	for _, code := range c.Code {
		all = append(all, code)
		for _, p := range code.Fact.Prefixes {
			if prefix != "" && (strings.HasPrefix(prefix, p) || strings.HasSuffix(prefix, p)) {
				named = append(named, code)
				break
			}
		}
	}
	if len(named) > 0 {
		all = named
	}
	if len(all) > 5 {
		all = all[:5] // more places than that are a wrapper's callers, and the first names it
	}
	return all
}

// backfillPace is how many EXPIREs a second a modest Redis takes over one pipelined connection beside its work; 100,000 and
// more were measured on an idle one (redis-benchmark -P 16), a third of that leaves room for the shop.
const backfillPace = 30000

// backfill gives the keys that are already there their TTL: by SCAN, never KEYS, in batches that let others in between.
func (c *Case) backfill(s sessionStore, cli, pattern, secs string) Fix {
	f := Fix{
		ID:    "session-ttl",
		Title: "Give the keys that are already there a TTL",
		Kind:  KindCommand,
		Risk:  "keys of this prefix that are meant to live for ever would not; look at the first few before",
		Undo:  cli + " PERSIST <key>, for a key that must stay",
		Check: cli + " INFO keyspace   # expires= rises towards keys=",
	}
	nx := ""
	if c.redisMajor() >= 7 {
		nx = " NX"
		if c.Growth != nil && c.Growth.Counted == correlate.AllKeys {
			nx = " LT" // they have a life, and a shorter one is what they lack
		}
	}
	if s.prefix == "" {
		f.Title = "Find the prefix of the keys without TTL, then give them one"
		f.Text = cli + " --scan --count 1000 | head -2000 | sed 's/[0-9a-f]\\{16,\\}.*//' | sort | uniq -c | sort -rn | head"
		f.Risk = "none: it reads names"
		f.Undo = "nothing to undo"
		return f
	}
	f.Text = fmt.Sprintf(`%s --scan --count 500 --pattern '%s' | awk '{print "EXPIRE \"" $0 "\" %s%s"}' | while mapfile -t -n 1000 b && [ ${#b[@]} -gt 0 ]; do printf '%%s\n' "${b[@]}"; sleep 0.03; done | %s --pipe`,
		cli, pattern, secs, nx, cli)
	n := int64(0)
	where := ""
	if g := c.Growth; g != nil && g.Counted.Of(g.Last).OK {
		n, where = g.Counted.Of(g.Last).N, "counted at the last INFO"
		if c.Kill != nil && c.Kill.Placed && g.First.Placed && g.First.At.After(c.Kill.At) {
			where = "counted after the restart"
		}
	}
	if n > 0 {
		f.Effect.Before = fmt.Sprintf("%s keys without TTL, %s", count(n), where)
		if c.Growth.Counted == correlate.AllKeys {
			f.Effect.Before = fmt.Sprintf("%s keys that live longer, %s", count(n), where)
		}
		f.Effect.After = fmt.Sprintf("about %s for %s keys at %s a second; each batch of 1,000 holds Redis for some 10 ms; the keys are gone %s later", atLeastSecond(n), count(n), count(int64(backfillPace)), spellTTL(s.ttl))
	}
	if nx == "" {
		f.Risk += "; before Redis 7 EXPIRE has no NX, so keys that have a TTL get this one"
	}
	return f
}

func atLeastSecond(n int64) string {
	secs := max(n/backfillPace, 1)
	if secs < 120 {
		return fmt.Sprintf("%d s", secs)
	}
	return fmt.Sprintf("%d min", (secs+59)/60)
}

// redisMajor is the server's major version; 0 = unknown.
func (c *Case) redisMajor() int {
	if c.Redis != nil {
		for i := range c.Redis.Snapshots {
			major, _, _ := strings.Cut(c.Redis.Snapshots[i].Info.Fields["redis_version"], ".")
			if n, err := strconv.Atoi(major); err == nil {
				return n
			}
		}
		for _, e := range c.Redis.Log {
			major, _, _ := strings.Cut(e.Version, ".")
			if n, err := strconv.Atoi(major); err == nil {
				return n
			}
		}
	}
	return 0
}

// globQuote escapes what SCAN's MATCH would take for a pattern, and what would end a quoted word of the shell.
func globQuote(s string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`, "]", `\]`, "'", "?").Replace(s)
}

func upper(s string) string {
	return cmp.Or(strings.ToUpper(s[:min(1, len(s))])+s[min(1, len(s)):], s)
}
