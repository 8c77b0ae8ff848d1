package rules

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"culprit/correlate"
	"culprit/parsers"
)

// Trial is somebody's own change of one file, replayed on the incident.
type Trial struct {
	File    string
	Refused string // why it was not tried: it does not fit, or names a file that the input has not
	Found   []Fix  // what it changes, each with its effect; Title says what, the rest of the fields stay empty
	Notes   []string
}

// Verify puts patches to the incident, those of one file on top of each other. Nothing is written: the files are changed in
// memory and read anew.
func Verify(inc *correlate.Incident, patches []FilePatch) []Trial {
	rep := Judge(inc)
	var out []Trial
	c := Open(inc)
	type changed struct {
		text  []byte
		added []string
	}
	files := map[string]*changed{}
	var order []string
	for _, p := range patches {
		file, why := c.fileOfPatch(p.File)
		if why != "" {
			out = append(out, Trial{File: p.File, Refused: why})
			continue
		}
		ch := files[file]
		if ch == nil {
			ch = &changed{text: c.Configs[file].Text}
		}
		text, err := p.Apply(ch.text)
		if err != nil {
			out = append(out, Trial{File: file, Refused: err.Error()})
			continue
		}
		if files[file] == nil {
			files[file], order = ch, append(order, file)
		}
		ch.text, ch.added = text, append(ch.added, p.Added()...)
	}
	for _, file := range order {
		t, ch := Trial{File: file}, files[file]
		next, skipped, why := c.reread(file, ch.text)
		if why != "" {
			t.Refused = why
			out = append(out, t)
			continue
		}
		if skipped != "" {
			t.Notes = append(t.Notes, skipped)
		}
		c.try(&t, rep, next, file, ch.text, ch.added)
		out = append(out, t)
	}
	return out
}

// fileOfPatch finds the file that a patch means: by its whole name, else by the end of it, when only one ends so.
func (c *Case) fileOfPatch(name string) (file, why string) {
	var ends []string
	for f := range c.Configs {
		if patchName(f) == name {
			return f, ""
		}
		if strings.HasSuffix(f, "/"+name) || strings.HasSuffix(name, "/"+patchName(f)) {
			ends = append(ends, f)
		}
	}
	slices.Sort(ends)
	switch len(ends) {
	case 1:
		return ends[0], ""
	case 0:
		return "", fmt.Sprintf("%s is not among the configuration and source files of the input", name)
	}
	return "", fmt.Sprintf("%s could be %s: name it from the input's root", name, strings.Join(ends, " or "))
}

// reread is the incident with the changed file; skipped is the first line of it that its parser did not understand.
func (c *Case) reread(file string, text []byte) (next *correlate.Incident, skipped, why string) {
	format := ""
	for _, in := range c.Inputs {
		if in.File == file {
			format = in.Format
		}
	}
	p, ok := parsers.ByName(format)
	if !ok {
		if p, ok = parsers.Detect(file, text); !ok {
			return nil, "", fmt.Sprintf("%s is of no format that can be read after the change", file)
		}
	}
	cfg := c.Configs[file]
	cfg.Text = text
	var settings []correlate.Setting
	var code []correlate.Placed[parsers.AppCode]
	src := &parsers.Source{Name: file, R: strings.NewReader(string(text))}
	err := parsers.Read(p, src, func(r parsers.Record) {
		ev := correlate.Evidence{File: file, Line: r.At.Line, Text: string(r.Raw)}
		switch f := r.Fact.(type) {
		case *parsers.Setting:
			s := *f
			s.Path, s.Args = slices.Clone(f.Path), slices.Clone(f.Args)
			settings = append(settings, correlate.Setting{Setting: s, Ev: ev})
		case *parsers.AppCode:
			code = append(code, correlate.Placed[parsers.AppCode]{Fact: *f, Ev: ev})
		}
	})
	if err != nil {
		return nil, "", fmt.Sprintf("read %s after the change: %v", file, err)
	}
	if s := src.FirstSkipped; s != nil {
		skipped = fmt.Sprintf("%s:%d is not understood after the change: %s", file, s.Line, s.Why)
	}
	next = c.Incident.Replaced(file, cfg, settings)
	next.Code = append(next.Code, code...)
	return next, skipped, ""
}

// try names what changed and replays it, system by system.
func (c *Case) try(t *Trial, rep *Report, next *correlate.Incident, file string, text []byte, added []string) {
	switch c.Configs[file].System {
	case "redis":
		c.tryRedis(t, next, file)
	case "nginx":
		if c.blamesRoutes(rep) {
			c.tryAsFix(t, rep, file, text)
		}
		if len(t.Found) == 0 {
			c.tryNginx(t, rep, next)
		}
	case "app", "php", "magento":
		c.tryApp(t, next, file, added)
	case "systemd":
		c.tryGroup(t, next, file)
	case "compose":
		c.tryGroup(t, next, file)
		c.tryRedis(t, next, file) // the options of a command line
	case "sysctl":
		c.trySysctl(t, rep, next, file)
	case "php-fpm":
		c.tryApp(t, next, file, added) // php_admin_value[session.gc_maxlifetime]
		c.tryNumber(t, next, file, "pm.max_children", func(n int64) Effect {
			worker, _, _ := c.workerSize()
			return Effect{After: fmt.Sprintf("%d workers x %s = %s", n, mb(worker), mb(n*worker)), Prevents: c.wouldFit(isFPM, n*worker)}
		})
	case "mysql":
		c.tryNumber(t, next, file, "innodb_buffer_pool_size", func(n int64) Effect {
			after := int64(poolOverhead * float64(n))
			return Effect{After: fmt.Sprintf("mysqld at %s and what its connections take", mb(after)), Prevents: c.wouldFit(isMySQL, after)}
		})
	}
	if len(t.Found) == 0 {
		c.tryAsFix(t, rep, file, text)
	}
	if len(t.Found) == 0 {
		t.Notes = append(t.Notes, "nothing in this change can be replayed on the incident")
	}
}

func lastSetting(list []correlate.Setting, file, name string) (correlate.Setting, bool) {
	for _, s := range slices.Backward(list) {
		if s.Ev.File == file && strings.EqualFold(strings.ReplaceAll(s.Name, "-", "_"), strings.ReplaceAll(name, "-", "_")) {
			return s, true
		}
	}
	return correlate.Setting{}, false
}

func (c *Case) tryRedis(t *Trial, next *correlate.Incident, file string) {
	policy, _ := c.policy()
	was, _ := lastSetting(c.Settings, file, "maxmemory-policy")
	if s, ok := lastSetting(next.Settings, file, "maxmemory-policy"); ok && s.Value() != was.Value() {
		policy = s.Value()
		e := c.policyEffect(policy, orWord(was.Value(), "noeviction"))
		if strings.HasPrefix(policy, "volatile-") && c.Growth != nil && c.Growth.NoTTLShare > volatileFloor {
			e.After = fmt.Sprintf("%s of the keys have no TTL and are never evicted: once the others are gone writes are refused", percent(c.Growth.NoTTLShare))
			e.Prevents = correlate.Fail
		}
		t.Found = append(t.Found, Fix{Title: "maxmemory-policy " + policy, Effect: e})
	}
	old, _ := lastSetting(c.Settings, file, "maxmemory")
	s, ok := lastSetting(next.Settings, file, "maxmemory")
	if !ok || s.Value() == old.Value() {
		return
	}
	size, err := parsers.ParseMemory(s.Value())
	if err != nil {
		t.Notes = append(t.Notes, fmt.Sprintf("maxmemory %s: %v", s.Value(), err))
		return
	}
	b, okBudget := c.budget()
	if !okBudget {
		t.Found = append(t.Found, Fix{Title: "maxmemory " + s.Value(), Effect: Effect{Before: c.memoryBefore(), After: "the input does not say how much RAM there is"}})
		return
	}
	now, known := c.maxmemory()
	e := c.maxmemoryEffect(&b, size, now, known, policy)
	if size == 0 {
		e = Effect{Before: c.memoryBefore(), After: "no limit: Redis may take all RAM", Prevents: correlate.Fail}
	}
	t.Found = append(t.Found, Fix{Title: "maxmemory " + s.Value(), Effect: e})
	if b.Max > 0 && size > b.Max {
		t.Notes = append(t.Notes, fmt.Sprintf("the budget of the box gives %s:\n%s", redisSize(b.Max), b.explain()))
	}
}

// tryNginx puts the log to the gate as it was and as it would be.
func (c *Case) tryNginx(t *Trial, rep *Report, next *correlate.Incident) {
	if c.Web == nil || len(c.Web.Files) == 0 {
		t.Notes = append(t.Notes, "no access log in the input to put to it")
		return
	}
	groups := c.culpritGroups(Hypothesis{Culprits: rep.Culprits})
	member := memberOf(groups)
	before, after := c.Incident.GateOf(), next.GateOf()
	was := c.Web.Through(before.Refuse, before.Limits, member)
	now := c.Web.Through(after.Refuse, after.Limits, member)
	who := "the requests"
	if len(groups) > 0 {
		var names []string
		for _, g := range groups {
			names = append(names, targetName(g))
		}
		who = "the requests of " + joinAnd(names)
	}
	f := Fix{Title: fmt.Sprintf("it matches %s of %s: %s", count(now.Culprits.Refused), count(now.Culprits.Requests), who)}
	f.Effect.Before = fmt.Sprintf("%s of %s refused", count(was.Culprits.Refused), count(was.Culprits.Requests))
	f.Effect.After = fmt.Sprintf("%s of %s refused (%s)", count(now.Culprits.Refused), count(now.Culprits.Requests), percent(float64(now.Culprits.Refused)/float64(max(now.Culprits.Requests, 1))))
	if now.Culprits.Refused > 0 {
		f.Effect.After += ", the first at " + clockTime(now.Culprits.First)
	}
	f.Effect.After += fmt.Sprintf("; of everybody else's %s requests %s (before: %s)", count(now.Others.Requests), count(now.Others.Refused), count(was.Others.Refused))
	if len(after.Limits) > 0 {
		f.Effect.After += "; requests taken as evenly spread within " + spell(now.Width)
	}
	switch {
	case now.Culprits.Refused <= was.Culprits.Refused:
		f.Effect.Prevents = correlate.Fail
	case was.Culprits.Refused == 0: // what the keys are known of would have to be put back first
		left, prevents := c.keysLeft(now, c.verdictOf(rep))
		f.Effect.After += left
		f.Effect.Prevents = prevents
	}
	if len(groups) == 0 {
		t.Notes = append(t.Notes, "the verdict names nobody whose requests it should stop")
		f.Title, f.Effect.Prevents = "what it refuses", correlate.Unknown
	}
	t.Found = append(t.Found, f)
	t.Notes = append(t.Notes, after.Problems...)
	if s := missingIncludes(next); len(s) > 0 {
		t.Notes = append(t.Notes, includesNote(s))
	}
	for _, g := range groups {
		if g.Agent.Class == correlate.Search && g.Identity.Claim == correlate.Verified && after.Refuse(g.Members[0].Addr, g.Members[0].Agent) {
			t.Notes = append(t.Notes, fmt.Sprintf("it bans %s, a search engine whose addresses are genuine: the shop loses its place in the index. A limit with 429 slows it down and costs nothing", g.Name))
		}
	}
}

// blamesRoutes: nobody is to be stopped at the gate, so what a change of nginx does for a route the gate's replay cannot show.
func (c *Case) blamesRoutes(rep *Report) bool {
	groups := c.culpritGroups(Hypothesis{Culprits: rep.Culprits})
	return len(groups) > 0 && !slices.ContainsFunc(groups, func(g *correlate.Group) bool { return g.Kind != correlate.RouteGroup })
}

// verdictOf is the hypothesis that a verdict was taken from.
func (c *Case) verdictOf(rep *Report) Hypothesis {
	for _, cause := range Causes() {
		if cause.ID == rep.Verdict.Cause {
			return judgeOne(cause, c)
		}
	}
	return Hypothesis{Explained: -1}
}

// lives finds a life given in added lines: setex(key, 172800, ...), EX 86400, ex=7200, expire(key, 60).
var lives = regexp.MustCompile(`(?i)(?:setex\s*\(\s*[^,]+,\s*|\bexpire\s*\(\s*[^,]+,\s*|['"]?\bex['"]?\s*(?:=>|[=:,])\s*|\bEX\s+|gc_maxlifetime\s*=\s*|['"]?\bttl['"]?\s*(?:=>|[=:])\s*)(\d{1,9})\b`)

// tryApp finds the life that a change gives to keys: in a framework's setting, else in a call.
func (c *Case) tryApp(t *Trial, next *correlate.Incident, file string, added []string) {
	ttl := c.lifeSet(t, next, file)
	for _, l := range added {
		if m := lives.FindStringSubmatch(l); m != nil && ttl == 0 {
			secs, _ := strconv.ParseInt(m[1], 10, 64)
			ttl = time.Duration(secs) * time.Second
		}
	}
	if ttl == 0 {
		return
	}
	t.Found = append(t.Found, Fix{Title: fmt.Sprintf("keys live for %s", spellTTL(ttl)), Effect: c.ttlEffectOf(ttl)})
	if left := next.Code; len(left) > 0 {
		t.Notes = append(t.Notes, fmt.Sprintf("%s still writes without an expiry: %s", lineOf(left[0].Ev), strings.TrimSpace(left[0].Ev.Text)))
	}
}

// lifeSet is the longest life that a changed setting of the file gives to people's sessions; 0 = none was changed.
func (c *Case) lifeSet(t *Trial, next *correlate.Incident, file string) (ttl time.Duration) {
	for _, s := range next.Settings {
		k, ok := c.knobOf(s)
		if !ok || s.Ev.File != file {
			continue
		}
		was, had := lastSetting(c.Settings, file, s.Name)
		if had && was.Value() == s.Value() {
			continue
		}
		if k.life == nil {
			t.Notes = append(t.Notes, fmt.Sprintf("%s %s: %s", s.Name, s.Value(), k.why))
			continue
		}
		life, ok := k.life(s.Value())
		switch {
		case !ok:
			t.Notes = append(t.Notes, fmt.Sprintf("%s %q is no span of time", s.Name, s.Value()))
		case life == 0:
			t.Notes = append(t.Notes, fmt.Sprintf("%s %s keeps keys for ever", s.Name, s.Value()))
		case k.most == 0:
			ttl = max(ttl, life)
			if had && c.writtenPast(k, was.Value()) {
				t.Notes = append(t.Notes, fmt.Sprintf("%s gave keys an end before (%s), and most keys here have none: something else writes them", s.Name, was.Value()))
			}
		}
	}
	return ttl
}

func (c *Case) tryNumber(t *Trial, next *correlate.Incident, file, name string, effect func(int64) Effect) {
	was, _ := lastSetting(c.Settings, file, name)
	s, ok := lastSetting(next.Settings, file, name)
	if !ok || s.Value() == was.Value() {
		return
	}
	n, ok := sizeOf(s.Value())
	if !ok {
		t.Notes = append(t.Notes, fmt.Sprintf("%s %q is no number", name, s.Value()))
		return
	}
	e := effect(n)
	e.Before = fmt.Sprintf("%s %s", name, orWord(was.Value(), "not set"))
	t.Found = append(t.Found, Fix{Title: fmt.Sprintf("%s %s", name, s.Value()), Effect: e})
}
