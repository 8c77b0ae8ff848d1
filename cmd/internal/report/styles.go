package report

import (
	"io"

	"github.com/charmbracelet/lipgloss"
)

// role is what a piece of text is to the reader; the page knows roles, only this file knows colours.
type role uint8

const (
	body    role = iota
	guilty       // the verdict: somebody did it
	unsure       // the verdict: not known; an unknown test
	fine         // the verdict: nothing happened; a passed test; a line that a fix adds
	wrong        // a failed test, a line that a fix takes away, what speaks against
	heading      // ROOT CAUSE
	aside        // of use to some readers: units, rules, "and 3 more"
	strong       // what a reader who reads one line in five must read
	place        // file:line
	label        // the word before a value
	command      // to paste
)

// The profiles of termenv, which lipgloss takes; lipgloss is the one terminal library that this package imports.
const (
	sixteenColours = 2 // the colours that the reader chose for the terminal, on light and dark ground alike
	noColours      = 3
)

// styles paint text by its role.
type styles [command + 1]lipgloss.Style

func newStyles(color bool) *styles {
	r := lipgloss.NewRenderer(io.Discard)
	r.SetColorProfile(noColours)
	if color {
		r.SetColorProfile(sixteenColours)
	}
	st := new(styles)
	for i := range st {
		st[i] = r.NewStyle().Inline(true)
	}
	red, green, yellow, cyan := lipgloss.Color("1"), lipgloss.Color("2"), lipgloss.Color("3"), lipgloss.Color("6")
	st[guilty] = st[guilty].Bold(true).Foreground(red)
	st[unsure] = st[unsure].Bold(true).Foreground(yellow)
	st[fine] = st[fine].Foreground(green)
	st[wrong] = st[wrong].Foreground(red)
	st[heading] = st[heading].Bold(true)
	st[aside] = st[aside].Faint(true)
	st[strong] = st[strong].Bold(true)
	st[place] = st[place].Foreground(cyan)
	st[label] = st[label].Faint(true)
	st[command] = st[command].Foreground(cyan)
	return st
}

func (st *styles) paint(p piece) string {
	if p.text == "" {
		return ""
	}
	return st[p.role].Render(p.text)
}
