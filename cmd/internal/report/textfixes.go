package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/charmbracelet/lipgloss"

	"culprit/correlate"
	"culprit/rules"
)

func (t *text) fixes() {
	if len(t.r.Fixes) == 0 {
		return
	}
	note := ""
	if t.o.Source != "" && slices.ContainsFunc(t.r.Fixes, func(f rules.Fix) bool { return f.Kind == rules.KindPatch }) {
		note = "as patch files: culprit fix " + shellQuote(t.o.Source) + " --out DIR"
	}
	t.heading("FIXES", note)
	for i, f := range t.r.Fixes {
		if i > 0 {
			t.blank()
		}
		number := fmt.Sprintf("%3d. ", i+1)
		t.flow(piece{number, strong}, indent(len(number)), 0, words(strong, f.Title)...)
		t.fix(indent(len(number)), f)
	}
}

func (t *text) fix(gutter piece, f rules.Fix) {
	t.flow(gutter, gutter, 0, append([]piece{prevents(f.Effect.Prevents)}, words(label, "· "+how(f)+" · "+f.ID)...)...)
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

// diff shows what a patch changes; the file's name stands above it, so its header is left out.
func (t *text) diff(gutter piece, diff string) {
	if diff == "" {
		return
	}
	edge := piece{gutter.text + "│ ", aside}
	shown := 0
	all := strings.Split(strings.TrimRight(diff, "\n"), "\n")
	inHunk := false
	for i, l := range all {
		r := body
		switch {
		case strings.HasPrefix(l, "@@"):
			inHunk, r = true, aside
		case !inHunk && !t.o.Verbose:
			continue
		case !inHunk:
			r = aside
		case strings.HasPrefix(l, "+"):
			r = fine
		case strings.HasPrefix(l, "-"):
			r = wrong
		}
		if shown == diffShown && len(all)-i > 1 && !t.o.Verbose {
			t.row(edge, aside, "and "+plural(int64(len(all)-i), "more line"))
			return
		}
		shown++
		t.row(edge, r, strings.ReplaceAll(l, "\t", "    "))
	}
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
