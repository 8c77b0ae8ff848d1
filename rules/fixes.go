package rules

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"culprit/correlate"
)

// FixMaker makes the fixes of one id for a case. Declare it with
//
//	var _ = registerFix(FixMaker{ID: "redis-maxmemory", ...})
//
// Make returns at least one fix: a patch where the file to change is in the input, else a command, else what to write and
// where.
type FixMaker struct {
	ID   string
	Doc  string // one line: what it changes and what for
	Make func(*Case, Hypothesis) []Fix
}

var fixMakers []FixMaker

func registerFix(f FixMaker) struct{} {
	fixMakers = append(fixMakers, f)
	return struct{}{}
}

// FixMakers lists the makers by ID.
func FixMakers() []FixMaker {
	all := slices.Clone(fixMakers)
	slices.SortFunc(all, func(a, b FixMaker) int { return cmp.Compare(a.ID, b.ID) })
	return all
}

// addFixes turns the fix ids of the verdict into fixes, in the order in which the cause asks for them.
func (c *Case) addFixes(r *Report, h Hypothesis) {
	for _, id := range h.Fixes {
		r.Fixes = append(r.Fixes, c.FixesFor(id, h)...)
	}
}

// hygiene marks a fix that is good to have and would not have prevented this incident.
const hygiene = " (hygiene)"

// FixesFor makes the fixes of one id.
func (c *Case) FixesFor(id string, h Hypothesis) []Fix {
	i := slices.IndexFunc(fixMakers, func(f FixMaker) bool { return f.ID == id })
	if i < 0 {
		return []Fix{{ID: id, Title: id, Kind: KindManual}}
	}
	c.unparsed = nil
	fixes := fixMakers[i].Make(c, h)
	if len(fixes) > 0 && len(c.unparsed) > 0 {
		slices.Sort(c.unparsed)
		fixes[0].Text = strings.TrimSpace(fixes[0].Text + "\n" + strings.Join(slices.Compact(c.unparsed), "\n"))
	}
	for j := range fixes {
		f := &fixes[j]
		f.ID = cmp.Or(f.ID, id)
		f.Kind = cmp.Or(f.Kind, KindManual)
		// What the replay shows would not have helped is printed only as what it is.
		if f.Effect.Prevents == correlate.Fail && !strings.HasSuffix(f.Title, hygiene) {
			f.Title += hygiene
		}
	}
	return fixes
}

// patch makes f a patch of file. Where the file cannot be changed in place (it is not in the input, or only as part of a
// collection) or already says what it should, f stays what it was: the caller has filled Text for that.
func (c *Case) patch(f Fix, file string, ch change) Fix {
	cfg, ok := c.Configs[file]
	if !ok || !c.ownFile(file) {
		return f
	}
	if c.isUnparsed(file) {
		return f
	}
	e := newEditor(cfg.Text)
	ch(e)
	if !e.touched() {
		return f
	}
	f.Kind, f.Target, f.Diff, f.change = KindPatch, file, e.diff(file), ch
	if e.endsAtSecret() {
		f.Text = strings.TrimSpace(f.Text + "\nThe next line holds a secret, which a patch must not quote: git needs `git apply -C1` here; patch -p1 takes it as it is.")
	}
	return f
}

// isUnparsed: the file holds a line that its server refuses, so no patch is made of it; the line is named with the fix.
func (c *Case) isUnparsed(file string) bool {
	switch c.Configs[file].System {
	case "nginx", "redis", "mysql", "php-fpm":
	default:
		return false // the others' formats allow more than is read
	}
	for _, in := range c.Inputs {
		if s := in.FirstSkipped; in.File == file && s != nil {
			c.unparsed = append(c.unparsed, fmt.Sprintf("No patch of %s: its line %d does not parse (%s).", file, s.Line, s.Why))
			return true
		}
	}
	return false
}

// ownFile: the input has the file itself and whole, not an output that shows it among others (a transcript, nginx -T).
func (c *Case) ownFile(file string) bool {
	if strings.Contains(string(c.Configs[file].Text), "# configuration file ") {
		return false
	}
	for _, in := range c.Inputs {
		if in.File == file {
			return in.Format != "transcript" && in.Err == "" && in.DuplicateOf == ""
		}
	}
	return true
}

// hostOf is the host that a file's path names; "" = none, or the only one.
func (c *Case) hostOf(file string) string {
	for _, in := range c.Inputs {
		if in.File == file {
			return in.Host
		}
	}
	return ""
}

// configFile finds the input's file of one system, by the words its name should hold best: the first that scores most.
func (c *Case) configFile(system string, words ...string) string {
	var files []string
	for file, cfg := range c.Configs {
		if cfg.System == system {
			files = append(files, file)
		}
	}
	slices.Sort(files)
	best, most := "", -1
	for _, file := range files {
		n := 0
		for _, w := range words {
			if strings.Contains(strings.ToLower(file), w) {
				n++
			}
		}
		if n > most {
			best, most = file, n
		}
	}
	return best
}

// redisFile is the incident's own redis.conf in the input.
func (c *Case) redisFile() string {
	if c.Redis != nil && c.Redis.ConfigFile != "" {
		return c.Redis.ConfigFile
	}
	if c.Redis == nil || len(c.Incident.Redis) == 1 {
		return c.configFile("redis")
	}
	return ""
}

// redisCLI is redis-cli for the incident's server.
func (c *Case) redisCLI() string {
	if c.Redis != nil && c.Redis.Port.OK && c.Redis.Port.N != 6379 {
		return "redis-cli -p " + strconv.FormatInt(c.Redis.Port.N, 10)
	}
	return "redis-cli"
}

// lineOf names evidence as file:line, for the terms of an explanation.
func lineOf(ev correlate.Evidence) string {
	if ev.File == "" {
		return ""
	}
	if ev.Line == 0 {
		return ev.File
	}
	return ev.File + ":" + strconv.Itoa(ev.Line)
}
