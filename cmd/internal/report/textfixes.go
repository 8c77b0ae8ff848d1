package report

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/charmbracelet/lipgloss"

	"culprit/correlate"
	"culprit/rules"
)

func (t *text) fixes() {
	if len(t.r.Fixes) == 0 {
		return
	}
	t.heading("FIXES", "")
	for i, f := range t.r.Fixes {
		if i > 0 {
			t.blank()
		}
		number := fmt.Sprintf("%3d. ", i+1)
		t.flow(piece{number, strong}, indent(len(number)), 0, append(words(strong, f.Title), words(label, "· "+f.ID)...)...)
		t.fix(indent(len(number)), f)
	}
}

func (t *text) fix(gutter piece, f rules.Fix) {
	t.flow(gutter, gutter, 0, append([]piece{prevents(f.Effect.Prevents)}, words(label, "· "+how(f))...)...)
	t.diff(gutter, f.Diff)
	if f.Kind == rules.KindCommand {
		t.command(indent(lipgloss.Width(gutter.text)+2), f.Text)
	} else {
		t.prose(gutter, f.Text)
	}
	for _, l := range [][2]string{{"before", f.Effect.Before}, {"after", f.Effect.After}, {"risk", f.Risk}, {"undo", f.Undo}} {
		if l[1] != "" {
			t.labelled(gutter, l[0], words(body, l[1])...)
		}
	}
	t.check(gutter, f.Check)
}

// how a fix is brought in.
func how(f rules.Fix) string {
	switch {
	case f.Kind == rules.KindPatch:
		return "patch for " + f.Target
	case f.Kind == rules.KindManual && f.Target != "":
		return "by hand in " + f.Target
	case f.Kind == rules.KindManual:
		return "by hand"
	case f.Target != "":
		return f.Kind + " for " + f.Target
	}
	return f.Kind
}

func (t *text) check(gutter piece, text string) {
	if text == "" {
		return
	}
	first, hang := labelColumn(gutter, "check")
	for _, l := range foldCommand(visible(text), t.width-lipgloss.Width(hang.text)) {
		t.put(first, []piece{{l, command}})
		first = hang
	}
}

func prevents(o correlate.Outcome) piece {
	switch o {
	case correlate.Pass:
		return piece{"would have prevented it", fine}
	case correlate.Fail:
		return piece{"would not have prevented it alone", unsure}
	}
	return piece{"effect not replayed", aside}
}

// prose keeps the lines of an instruction: some of them are code.
func (t *text) prose(gutter piece, text string) {
	if text == "" {
		return
	}
	for _, l := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		body2 := strings.TrimLeft(l, " \t")
		lead := strings.ReplaceAll(l[:len(l)-len(body2)], "\t", "    ")
		if len(lead) > 0 { // indented: code
			t.row(piece{gutter.text + lead, body}, command, body2)
			continue
		}
		t.flow(gutter, gutter, 0, words(body, l)...)
	}
}

// diff shows what a patch changes. The file's name stands above it, so the header is left out, and most of the lines that
// stay as they are: the number of the first line says where it is.
func (t *text) diff(gutter piece, diff string) {
	if diff == "" {
		return
	}
	edge := piece{gutter.text + "│ ", aside}
	all := strings.Split(strings.TrimRight(diff, "\n"), "\n")
	if t.o.Verbose {
		for _, l := range all {
			t.diffLine(edge, l)
		}
		return
	}
	shown := 0
	for len(all) > 0 {
		var hunk []string
		number := 0
		number, hunk, all = nextHunk(all)
		if len(hunk) == 0 {
			continue
		}
		t.row(edge, aside, fmt.Sprintf("line %d", number))
		for i, l := range hunk {
			if shown == diffShown && (i+1 < len(hunk) || len(all) > 0) {
				t.row(edge, aside, "and "+plural(int64(len(hunk)-i), "more line"))
				return
			}
			shown++
			t.diffLine(edge, l)
		}
	}
}

func (t *text) diffLine(edge piece, l string) {
	r := body
	switch {
	case strings.HasPrefix(l, "@@"), strings.HasPrefix(l, "---"), strings.HasPrefix(l, "+++"):
		r = aside
	case strings.HasPrefix(l, "+"):
		r = fine
	case strings.HasPrefix(l, "-"):
		r = wrong
	}
	t.row(edge, r, strings.ReplaceAll(l, "\t", "    "))
}

// nextHunk is the first hunk of a unified diff, without the context that a reader can do without, the number of its first
// line in the file as it is now, and what follows it.
func nextHunk(diff []string) (number int, hunk, rest []string) {
	for len(diff) > 0 && !strings.HasPrefix(diff[0], "@@") {
		diff = diff[1:]
	}
	if len(diff) == 0 {
		return 0, nil, nil
	}
	number, before, after := hunkHeader(diff[0])
	end := 1
	// The header's counts end the hunk: a removed "-- comment" looks like the header of the next file.
	for ; end < len(diff) && (before > 0 || after > 0 || strings.HasPrefix(diff[end], `\`)); end++ {
		switch {
		case strings.HasPrefix(diff[end], "-"):
			before--
		case strings.HasPrefix(diff[end], "+"):
			after--
		case !strings.HasPrefix(diff[end], `\`):
			before, after = before-1, after-1
		}
	}
	hunk, rest = diff[1:end], diff[end:]
	changed := func(l string) bool { return strings.HasPrefix(l, "+") || strings.HasPrefix(l, "-") }
	first := slices.IndexFunc(hunk, changed)
	if first < 0 {
		return number, nil, rest
	}
	last := len(hunk) - 1
	for !changed(hunk[last]) {
		last--
	}
	from := max(first-contextShown, 0)
	return number + from, hunk[from:min(last+1+contextShown, len(hunk))], rest
}

// hunkHeader reads "@@ -3,4 +3,5 @@": the first line, and how many lines there are before and after. A count left out is 1.
func hunkHeader(text string) (number, before, after int) {
	count := func(side string) (first, n int) {
		a, b, ok := strings.Cut(side, ",")
		first, _ = strconv.Atoi(a)
		if n = 1; ok {
			n, _ = strconv.Atoi(b)
		}
		return first, n
	}
	for _, w := range strings.Fields(text) {
		switch w[0] {
		case '-':
			number, before = count(w[1:])
		case '+':
			_, after = count(w[1:])
		}
	}
	return number, before, after
}

// command writes what is to be pasted. It is folded where the shell allows it and never clipped: half a command is none.
func (t *text) command(gutter piece, text string) {
	if text == "" {
		return
	}
	for _, l := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		for _, f := range foldCommand(visible(l), t.width-lipgloss.Width(gutter.text)) {
			t.put(gutter, []piece{{f, command}})
		}
	}
}

// foldCommand breaks a shell command at blanks outside of quotes, with the backslash that lets it be pasted as one.
func foldCommand(text string, width int) []string {
	if lipgloss.Width(text) <= width || strings.ContainsAny(text, "#`") {
		return []string{text}
	}
	var out []string
	var quote rune
	start, blank, escaped := 0, -1, false
	for i, r := range text {
		switch {
		case escaped:
			escaped = false
		case r == '\\' && quote != '\'':
			escaped = true
		case quote != 0:
			if r == quote {
				quote = 0
			}
		case r == '\'' || r == '"':
			quote = r
		case r == ' ':
			// " \" takes two columns.
			if lipgloss.Width(text[start:i]) > width-2 && blank > start {
				out, start = append(out, text[start:blank]+" \\"), blank+1
			}
			blank = i
		}
	}
	if lipgloss.Width(text[start:]) > width && blank > start {
		out, start = append(out, text[start:blank]+" \\"), blank+1
	}
	return append(out, text[start:])
}
