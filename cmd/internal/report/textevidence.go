package report

import (
	"fmt"
	"slices"

	"github.com/charmbracelet/lipgloss"

	"culprit/correlate"
)

// evidence quotes lines, each with its place and once: the first over no more than rows lines of the page, the others on
// one each.
func (t *text) evidence(gutter piece, ev []correlate.Evidence, rows int) {
	hang := gutter
	hang.text += "  "
	for i, e := range ev {
		if i == evidenceShown && !t.o.Verbose {
			t.left += len(ev) - i
			break
		}
		switch {
		case t.o.Verbose:
			rows = 0
		case i > 0:
			rows = 1
		}
		quoted := t.told[line{e.File, e.Line, ""}]
		t.told[line{e.File, e.Line, ""}], t.told[line{e.File, e.Line, e.Note}] = true, true
		var ps []piece
		if p := at(e); p != "" {
			ps = append(ps, say(place, clipPath(visible(p), t.width/2)+" "))
		}
		note := words(body, e.Note)
		switch {
		case !quoted:
			ps = append(ps, verbatim(e.Text)...)
		case len(note) == 0:
			ps = append(ps, piece{"(above)", aside})
		}
		if len(note) > 0 {
			note = append([]piece{{"→", aside}}, note...)
		}
		if quoted || lineWidth(ps)+1+lineWidth(note)+lipgloss.Width(gutter.text) <= t.width {
			t.flow(gutter, hang, 0, append(ps, note...)...)
			continue
		}
		t.flow(gutter, hang, rows, ps...)
		if len(note) > 0 {
			t.flow(hang, hang, 0, note...)
		}
	}
}

// untold are the lines that were not quoted yet, or not for what they say here.
func (t *text) untold(ev []correlate.Evidence) []correlate.Evidence {
	return slices.DeleteFunc(slices.Clone(ev), func(e correlate.Evidence) bool { return t.told[line{e.File, e.Line, e.Note}] })
}

// at is where a line stands: "dmesg.log:41".
func at(e correlate.Evidence) string {
	if e.File == "" || e.Line == 0 {
		return e.File
	}
	return fmt.Sprintf("%s:%d", e.File, e.Line)
}

// lineWidth is what pieces take on one line.
func lineWidth(ps []piece) int {
	w := max(len(ps)-1, 0)
	for _, p := range ps {
		w += lipgloss.Width(p.text)
	}
	return w
}

// line of the input, and what it was quoted for.
type line struct {
	file string
	line int
	note string
}
