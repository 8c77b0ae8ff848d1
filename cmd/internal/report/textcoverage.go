package report

import (
	"fmt"
	"slices"
	"time"

	"culprit/correlate"
)

// coverage says what became of every file, so that nobody takes silence for innocence.
func (t *text) coverage() {
	if len(t.r.Inputs) == 0 {
		return
	}
	var times []time.Time
	for _, in := range t.r.Inputs {
		times = append(times, in.From, in.To)
	}
	t.heading("WHAT WAS READ", readWords(t.r.Inputs))
	shown := t.r.Inputs
	if len(shown) > inputsShown && !t.o.Verbose {
		shown = worstFirst(shown)[:inputsShown]
	}
	year, span := oneYear(times), "UTC"
	if year != 0 {
		span = fmt.Sprintf("UTC %d", year)
	}
	rows := [][]piece{{say(label, "file"), say(label, "format"), say(label, "lines"), say(label, "facts"), say(label, "bad"), say(label, span), say(label, "clock")}}
	for _, in := range shown {
		bad := say(body, count(int64(in.Skipped)))
		if in.Skipped > 0 {
			bad.role = unsure
		}
		format := say(body, in.Format)
		if in.Format == "" {
			format = piece{"?", unsure}
		}
		rows = append(rows, []piece{{clipPath(visible(in.File), t.width), body}, format, say(body, count(int64(in.Read))), say(body, count(int64(in.Facts))), bad,
			say(body, days(in.From, in.To, year == 0)), say(body, clock(in))})
	}
	t.table(margin, []column{{yields: 16, path: true}, {yields: 9}, {right: true}, {right: true}, {right: true}, {yields: 11}, {yields: 5}}, rows, func(i int) {
		if i > 0 {
			t.trouble(shown[i-1])
		}
	})
	t.more(len(t.r.Inputs)-len(shown), "file")
}

func readWords(ins []correlate.Input) string {
	var read, facts, skipped int64
	for _, in := range ins {
		read, facts, skipped = read+int64(in.Read), facts+int64(in.Facts), skipped+int64(in.Skipped)
	}
	return fmt.Sprintf("%s, %s, %s, %s not understood", plural(int64(len(ins)), "file"), plural(read, "line"), plural(facts, "record"), count(skipped))
}

// worstFirst puts the files with something to say before the others.
func worstFirst(ins []correlate.Input) []correlate.Input {
	silent := func(in correlate.Input) int {
		if in.Err != "" || in.Skipped > 0 || in.Format == "" || in.DuplicateOf != "" {
			return 0
		}
		return 1
	}
	return slices.SortedStableFunc(slices.Values(ins), func(a, b correlate.Input) int { return silent(a) - silent(b) })
}

// clock of a file: its zone, or what is wrong with it.
func clock(in correlate.Input) string {
	switch {
	case in.From.IsZero() && in.To.IsZero():
		return ""
	case !in.Clock.Placed:
		return "unknown"
	}
	return in.Clock.Zone
}

// trouble is what a file's row cannot say.
func (t *text) trouble(in correlate.Input) {
	for _, l := range trouble(in) {
		r := body
		if l == in.Err {
			r = wrong
		}
		t.flow(indent(4), indent(6), 2, append([]piece{{"→", aside}}, words(r, l)...)...)
	}
	if t.o.Verbose && in.Clock.From != "" {
		t.flow(indent(4), indent(6), 2, append([]piece{{"→", aside}}, words(body, "clock "+in.Clock.Zone+within(in.Clock.Error)+": "+in.Clock.From)...)...)
	}
}

func trouble(in correlate.Input) []string {
	var out []string
	switch {
	case in.DuplicateOf != "":
		out = append(out, "the same bytes as "+in.DuplicateOf+": counted once")
	case in.Format == "" && in.Err == "":
		out = append(out, "not recognised: no parser knows this format")
	}
	if in.Err != "" {
		out = append(out, in.Err)
	}
	if in.Note != "" {
		out = append(out, in.Note)
	}
	if s := in.FirstSkipped; s != nil {
		out = append(out, fmt.Sprintf("line %d: %s: %s", s.Line, orUnread(s.Why), s.Text))
	}
	return out
}

func orUnread(why string) string {
	if why == "" {
		return "not understood"
	}
	return why
}
