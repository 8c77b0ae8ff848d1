package rules

import (
	"cmp"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"time"

	"culprit/correlate"
)

var _ = register(Rule{
	ID: "access-log-gap",
	Doc: `The access logs do not cover all of the time that matters, and what happened in the hole cannot be judged: who made
the keys, who was served, whether a crawl was under way.

A log that begins after the kill, or ends before it by more than an hour, is told too.

Arithmetic:

    hole  = first request of the later file - last of the earlier, of two files of one rotation
    usual = the largest silence inside a file

Threshold: A number of the rotation that is missing (access.log.14.gz, access.log.12.gz); or an hour and twenty times
the usual silence: a site that people use answers something every few minutes by day, and quiet nights are part of the
usual.

When it is wrong: the site was down for that long; then the error log and the status of the requests around it show
it.`,
	Needs: []Sort{NeedsAccess},
	Check: checkAccessLogGap,

	Thresholds: []Threshold{gapAtLeast},
})

var gapAtLeast = Threshold{ID: "access-log-gap.hours", Default: 1, Min: 0.05, Max: 720, Doc: "a shorter silence between two files is none; an hour, because quiet sites rest as long at night"}

const gapUsual = 20

var rotationNumber = regexp.MustCompile(`\.(\d{1,3})(?:\.(?:gz|xz|bz2|zst))?$`)

func checkAccessLogGap(c *Case) []Finding {
	families := map[string][]correlate.Input{}
	var names []string
	for _, in := range c.Inputs {
		if slices.Contains(c.Web.Files, in.File) && !in.From.IsZero() && in.DuplicateOf == "" {
			family := correlate.Family(in.File) + "\x00" + in.Host
			if families[family] == nil {
				names = append(names, family)
			}
			families[family] = append(families[family], in)
		}
	}
	slices.Sort(names)
	var out []Finding
	for _, name := range names {
		files := families[name]
		slices.SortStableFunc(files, func(a, b correlate.Input) int { return cmp.Or(a.From.Compare(b.From), cmp.Compare(a.File, b.File)) })
		usual := c.usualSilence(files)
		for i := 1; i < len(files); i++ {
			a, b := files[i-1], files[i]
			gap := b.From.Sub(a.To)
			missing := missingFiles(a.File, b.File)
			if gap <= 0 || missing == 0 && (gap.Hours() < c.threshold(gapAtLeast) || gap < gapUsual*usual) || missing > 0 && gap < usual {
				continue
			}
			f := Finding{Role: RoleHygiene, Fixes: c.Advise("collect-evidence"),
				Evidence:   []correlate.Evidence{lastLine(a), {File: b.File, Line: 1, Note: "the first line after the hole"}},
				Title:      fmt.Sprintf("%s of requests are missing between %s and %s", spell(gap), path.Base(a.File), path.Base(b.File)),
				Detail:     c.blindSpot(a.To, b.From),
				Quantities: []Quantity{{"missing", gap.Hours(), "hours", "first request of the later file - last of the earlier"}}}
			if missing > 0 {
				f.Title += fmt.Sprintf(": %d %s of the rotation %s not in the input", missing, numbered(missing, "file", "files"), numbered(missing, "is", "are"))
			}
			out = append(out, f)
		}
	}
	return append(out, c.logBesideKill()...)
}

// usualSilence is the longest stretch without a request inside the files' own spans, as the time bins show it.
func (c *Case) usualSilence(files []correlate.Input) time.Duration {
	var last time.Time
	var longest time.Duration
	c.Web.EachBin(func(from time.Time, width time.Duration, _ correlate.Totals) {
		inside := slices.ContainsFunc(files, func(in correlate.Input) bool { return !last.Before(in.From.Add(-width)) && !from.After(in.To) })
		if !last.IsZero() && inside {
			longest = max(longest, from.Sub(last))
		}
		last = from
	})
	return longest
}

// missingFiles counts the rotation numbers between an earlier file and a later one; 0 when they follow each other or have none.
func missingFiles(earlier, later string) int {
	a, ok := rotationOf(earlier)
	if !ok || a == 0 {
		return 0
	}
	b, ok := rotationOf(later)
	if !ok || a-b < 2 {
		return 0
	}
	return a - b - 1
}

// rotationOf is the number that logrotate gave a file; the live one has 0. Files rotated by date have none.
func rotationOf(file string) (int, bool) {
	if m := rotationNumber.FindStringSubmatch(file); m != nil {
		n, err := strconv.Atoi(m[1])
		return n, err == nil
	}
	base := path.Base(file)
	return 0, correlate.Family(base) == base
}

func lastLine(in correlate.Input) correlate.Evidence {
	return correlate.Evidence{File: in.File, Line: max(in.Read, 1), Note: "the last line before the hole"}
}

// blindSpot says what a hole keeps from being judged.
func (c *Case) blindSpot(from, to time.Time) string {
	if g := c.Growth; g != nil && !c.After && g.First.Placed && g.Last.Placed && from.Before(g.Last.At) && to.After(g.First.At) {
		a, b := from, to
		if a.Before(g.First.At) {
			a = g.First.At
		}
		if b.After(g.Last.At) {
			b = g.Last.At
		}
		return fmt.Sprintf("Redis was watched in %s of it: who made the keys of that time cannot be told.", spell(b.Sub(a)))
	}
	if c.Kill != nil && c.Kill.Placed && from.Before(c.Kill.At) && to.After(c.Kill.At) {
		return "The kill falls into it."
	}
	return "Who asked for what in that time cannot be told."
}

// logBesideKill: the logs end before the kill or begin after it.
func (c *Case) logBesideKill() []Finding {
	if c.Kill == nil || !c.Kill.Placed || c.Web.From.IsZero() {
		return nil
	}
	kill := c.Kill.At
	first, last := c.edgeFiles()
	switch {
	case c.Web.From.After(kill):
		return []Finding{{Role: RoleHygiene, Fixes: c.Advise("collect-evidence"), Evidence: []correlate.Evidence{{File: first, Line: 1, Note: "the first request at hand"}, c.Kill.Ev},
			Title: fmt.Sprintf("The access logs begin %s after the kill", spell(c.Web.From.Sub(kill))), Detail: "Who asked for what before it cannot be told."}}
	case c.Web.To.Before(kill.Add(-time.Duration(c.threshold(gapAtLeast) * float64(time.Hour)))):
		return []Finding{{Role: RoleHygiene, Fixes: c.Advise("collect-evidence"), Evidence: []correlate.Evidence{{File: last, Line: 1, Note: "the last file of the log"}, c.Kill.Ev},
			Title: fmt.Sprintf("The access logs end %s before the kill", spell(kill.Sub(c.Web.To))), Detail: "Who asked for what in the last hours cannot be told."}}
	}
	return nil
}

func (c *Case) edgeFiles() (first, last string) {
	var from, to time.Time
	for _, in := range c.Inputs {
		if !slices.Contains(c.Web.Files, in.File) || in.From.IsZero() {
			continue
		}
		if first == "" || in.From.Before(from) {
			first, from = in.File, in.From
		}
		if last == "" || in.To.After(to) {
			last, to = in.File, in.To
		}
	}
	return first, last
}
