package rules

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"culprit/correlate"
)

// sessionKnob is a setting by which a framework gives its sessions their life, or leaves visitors without one.
type sessionKnob struct {
	framework string
	names     []string
	// life reads a value: how long a key lives under it; 0 = for ever. nil = the setting is a switch, and want is its right side.
	life  func(value string) (time.Duration, bool)
	write func(ttl time.Duration) string
	want  string        // of a switch
	most  time.Duration // of a knob with a life of its own (Magento's bots), whatever people get
	why   string
}

var sessionKnobs = []sessionKnob{
	{framework: "Laravel", names: []string{"SESSION_LIFETIME", "lifetime"}, life: inUnits(time.Minute), write: asUnits(time.Minute), why: "minutes of silence that end a session, and the TTL of its key"},
	{framework: "PhpRedis session handler", names: []string{"session.gc_maxlifetime"}, life: inUnits(time.Second), write: asUnits(time.Second), why: "the TTL that PhpRedis, and Predis's handler, give every session key"},
	{framework: "Django", names: []string{"SESSION_COOKIE_AGE"}, life: inUnits(time.Second), write: asUnits(time.Second), why: "the TTL of a session's key"},
	{framework: "Django", names: []string{"TIMEOUT"}, life: inUnits(time.Second), write: asUnits(time.Second), why: "None keeps what is cached for ever"},
	{framework: "Django", names: []string{"SESSION_SAVE_EVERY_REQUEST"}, want: "False", why: "True writes a session for every visitor who only looks"},
	{framework: "Spring Session", names: []string{"spring.session.timeout", "server.servlet.session.timeout"}, life: inUnits(time.Second), write: asJava, why: "a negative one never expires"},
	{framework: "Rails", names: []string{"expire_after"}, life: inUnits(time.Second), write: asRails, why: "the TTL of a session's key"},
	{framework: "express-session (connect-redis)", names: []string{"saveUninitialized"}, want: "false", why: "true stores a session for every request without a cookie, and so one for each request of a crawler"},
	{framework: "express-session (connect-redis)", names: []string{"disableTTL"}, want: "false", why: "true writes session keys that never expire"},
	{framework: "express-session (connect-redis)", names: []string{"maxAge"}, life: inUnits(time.Millisecond), write: asUnits(time.Millisecond), why: "connect-redis takes the key's TTL from the cookie"},
	{framework: "express-session (connect-redis)", names: []string{"ttl"}, life: inUnits(time.Second), write: asUnits(time.Second), why: "the TTL of a session's key"},
	{framework: "Magento", names: []string{"bot_first_lifetime"}, life: inUnits(time.Second), write: asUnits(time.Second), most: time.Minute, why: "a crawler's first request: 60 s is Magento's own"},
	{framework: "Magento", names: []string{"bot_lifetime"}, life: inUnits(time.Second), write: asUnits(time.Second), most: 2 * time.Hour, why: "a crawler that comes again: 7200 s is Magento's own"},
	{framework: "Magento", names: []string{"first_lifetime"}, life: inUnits(time.Second), write: asUnits(time.Second), most: 10 * time.Minute, why: "a visitor's first request: 600 s is Magento's own"},
	{framework: "Magento", names: []string{"max_lifetime"}, life: inUnits(time.Second), write: asUnits(time.Second), why: "the longest that any session lives"},
}

// knobOf finds the knob that a setting is.
func (c *Case) knobOf(s correlate.Setting) (sessionKnob, bool) {
	name := s.Name
	switch s.System {
	case "app":
	case "php", "php-fpm":
		if !slices.ContainsFunc(c.Settings, func(h correlate.Setting) bool {
			return strings.Contains(h.Name, "session.save_handler") && strings.Contains(h.Value(), "redis")
		}) {
			return sessionKnob{}, false // the handler of files has no keys
		}
		name = strings.TrimSuffix(strings.TrimPrefix(strings.TrimPrefix(name, "php_admin_value["), "php_value["), "]")
	case "magento":
		if !strings.Contains(strings.ToLower(strings.Join(s.Path, "/")), "session") {
			return sessionKnob{}, false
		}
	default:
		return sessionKnob{}, false
	}
	for _, k := range sessionKnobs {
		if !slices.Contains(k.names, name) || (k.framework == "Magento") != (s.System == "magento") {
			continue
		}
		if name == "lifetime" && len(s.Path) > 0 { // another array's lifetime
			continue
		}
		return k, true
	}
	return sessionKnob{}, false
}

// settingFixes changes the framework's session settings where the input has them: one patch a file. had says where one stands
// that is right already.
func (c *Case) settingFixes(f Fix, s sessionStore) (fixes []Fix, had string) {
	type edit struct {
		correlate.Setting
		knob sessionKnob
		to   string
	}
	var order []string
	edits := map[string][]edit{}
	lives := map[string]bool{}
	for _, set := range c.Settings {
		k, ok := c.knobOf(set)
		if !ok || s.framework != "" && s.framework != k.framework && !(k.framework == "PhpRedis session handler" && s.framework == "Magento") {
			continue
		}
		to, changed := k.change(set.Value(), s.ttl)
		if k.life != nil && k.most == 0 && (!changed || c.writtenPast(k, set.Value())) {
			if had == "" {
				had = fmt.Sprintf("%s has %s %s already", lineOf(set.Ev), set.Name, set.Value())
			}
			continue
		}
		if !changed {
			continue
		}
		file := set.Ev.File
		if len(edits[file]) == 0 {
			order = append(order, file)
		}
		edits[file] = append(edits[file], edit{set, k, to})
		lives[file] = lives[file] || k.life != nil && k.most == 0
	}
	for _, file := range order {
		g, list := f, edits[file]
		g.Target = file
		var lines []string
		for _, e := range list {
			lines = append(lines, fmt.Sprintf("%s %s %s, make it %s: %s", lineOf(e.Ev), e.Name, e.Value(), e.to, e.knob.why))
		}
		g.Text = strings.Join(lines, "\n")
		g.Undo = "put the old values back; keys written meanwhile keep their TTL"
		if !lives[file] {
			g.Title = fmt.Sprintf("Set %s in %s", list[0].Name+" "+list[0].to, file)
			g.Effect = Effect{Before: f.Effect.Before, After: list[0].knob.why}
		}
		g = c.patch(g, file, func(e *editor) {
			for _, ed := range list {
				setValue(e, ed.Ev, ed.Name, ed.Value(), ed.to)
			}
		})
		fixes = append(fixes, g)
	}
	return fixes, had
}

// writtenPast: the setting gives keys an end, and most keys of the incident have none: something else writes them.
func (c *Case) writtenPast(k sessionKnob, value string) bool {
	life, ok := k.life(value)
	return ok && life > 0 && c.Growth != nil && c.Growth.NoTTLShare > 0.5
}

// byItsSettings: where no key tells the framework, its settings do, if they are of one alone.
func (c *Case) byItsSettings(s sessionStore) sessionStore {
	if s.framework != "" || s.prefix != "" {
		return s
	}
	framework := ""
	for _, set := range c.Settings {
		k, ok := c.knobOf(set)
		if ok && framework != "" && framework != k.framework {
			return s
		}
		if ok {
			framework = k.framework
		}
	}
	for _, k := range storeKinds {
		if k.framework == framework {
			return sessionStore{framework: k.framework, ttl: k.ttl, why: k.why, setting: k.setting}
		}
	}
	return s
}

// change is the value to write for a TTL; changed false: what stands is right.
func (k sessionKnob) change(value string, ttl time.Duration) (to string, changed bool) {
	if k.life == nil {
		return k.want, !strings.EqualFold(value, k.want)
	}
	if k.most > 0 {
		ttl = min(ttl, k.most)
	}
	now, ok := k.life(value)
	if !ok || now > 0 && now <= ttl {
		return "", false
	}
	return k.write(ttl), true
}

// setValue replaces a setting's value on its line and nothing else. Of an expression, env('SESSION_LIFETIME', 43200), the
// number in it is the value.
func setValue(e *editor, ev correlate.Evidence, name, was, to string) {
	i := ev.Line - 1
	if is := func(l editLine) bool { return strings.TrimSpace(l.old) == strings.TrimSpace(ev.Text) }; i < 0 || i >= len(e.lines) || !is(e.lines[i]) {
		if i = slices.IndexFunc(e.lines, is); i < 0 { // another fix has moved it, or it is changed already
			return
		}
	}
	if strings.ContainsAny(was, "(*") {
		n := number.FindString(lastNumber.FindString(was))
		if n == "" || strings.Contains(was, "*") {
			return // 60 * 60 * 24 is the reader's to change
		}
		was = n
	}
	short := name[strings.LastIndexByte(name, '.')+1:]
	for _, key := range []string{name, short} {
		line := e.lines[i].old
		if e.lines[i].changed {
			line = e.lines[i].now // of a line with several settings
		}
		from := strings.Index(line, key)
		if from < 0 {
			continue
		}
		from += len(key)
		at := strings.Index(line[from:], was)
		if at < 0 {
			continue
		}
		at += from
		if isWordByte(line[at-1]) || at+len(was) < len(line) && isWordByte(line[at+len(was)]) {
			continue
		}
		out := line[:at] + to + line[at+len(was):]
		if rest, ok := strings.CutPrefix(strings.TrimSpace(line), name); ok && strings.HasPrefix(strings.TrimSpace(rest), "=") {
			if !slices.ContainsFunc(e.lines, func(l editLine) bool { return l.old == out }) {
				e.override(i, out)
			}
		} else {
			e.set(i, out)
		}
		return
	}
}

var (
	lastNumber = regexp.MustCompile(`-?\d+(?:\D*$|$)`)
	number     = regexp.MustCompile(`^-?\d+`)
	lifeWord   = regexp.MustCompile(`(?i)^(?:pt?)?(-?\d+)[\s._]*(ms|s|m|h|d|w|seconds?|minutes?|hours?|days?|weeks?|months?|years?)?$`)
)

// inUnits reads how long a value lets a key live: a bare number counts units, 2.weeks and 30m and PT30M name their own; -1, 0
// and None are for ever. An expression has the number that stands last in it.
func inUnits(unit time.Duration) func(string) (time.Duration, bool) {
	return func(v string) (time.Duration, bool) {
		v = strings.Trim(strings.TrimSpace(v), `"';`)
		if strings.EqualFold(v, "none") || strings.EqualFold(v, "null") || v == "" {
			return 0, v != ""
		}
		if strings.HasSuffix(v, ")") && strings.Contains(v, "(") && !strings.Contains(v, "*") {
			v = number.FindString(lastNumber.FindString(v))
		}
		if strings.Contains(v, "*") {
			return product(v, unit)
		}
		m := lifeWord.FindStringSubmatch(v)
		if m == nil {
			return 0, false
		}
		n, err := strconv.ParseInt(m[1], 10, 64)
		if err != nil || n > 1e12 {
			return 0, false
		}
		if n <= 0 {
			return 0, true
		}
		in := unit
		switch w := strings.ToLower(m[2]); {
		case w == "":
		case w == "ms":
			in = time.Millisecond
		case strings.HasPrefix(w, "mo"):
			in = 30 * 24 * time.Hour
		case w[0] == 's':
			in = time.Second
		case w[0] == 'm':
			in = time.Minute
		case w[0] == 'h':
			in = time.Hour
		case w[0] == 'd':
			in = 24 * time.Hour
		case w[0] == 'w':
			in = 7 * 24 * time.Hour
		case w[0] == 'y':
			in = 365 * 24 * time.Hour
		}
		return longest(n, in), true
	}
}

// product reads 60 * 60 * 24, as people write their seconds.
func product(v string, unit time.Duration) (time.Duration, bool) {
	n := int64(1)
	for f := range strings.SplitSeq(v, "*") {
		i, err := strconv.ParseInt(strings.TrimSpace(f), 10, 64)
		if err != nil || i <= 0 || i > 1e10 || n > 1e10 {
			return 0, false
		}
		n *= i
	}
	return longest(n, unit), true
}

// longest keeps a life of more years than a Duration holds from turning negative.
func longest(n int64, unit time.Duration) time.Duration {
	const century = 100 * 365 * 24 * time.Hour
	if n > int64(century/unit) {
		return century
	}
	return time.Duration(n) * unit
}

func asUnits(unit time.Duration) func(time.Duration) string {
	return func(ttl time.Duration) string { return strconv.FormatInt(int64(ttl/unit), 10) }
}

func asJava(ttl time.Duration) string { return fmt.Sprintf("%dm", int(ttl.Minutes())) }

func asRails(ttl time.Duration) string {
	if ttl%time.Hour == 0 {
		return fmt.Sprintf("%d.hours", int(ttl.Hours()))
	}
	return fmt.Sprintf("%d.minutes", int(ttl.Minutes()))
}
