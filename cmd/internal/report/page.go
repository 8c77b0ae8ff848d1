package report

import (
	"io"
	"strings"
	"unicode/utf8"

	"github.com/charmbracelet/lipgloss"
)

// page is what Text writes on: lines no wider than its width, made of pieces that each have a role. Text of the report is
// made visible where it becomes a piece.
type page struct {
	out   *lines
	width int
	st    *styles
}

// piece is a run of text of one role. A page breaks lines between pieces, inside one only when it fills a line by itself.
type piece struct {
	text string
	role role
}

// maxPiece bounds what is measured again for every line it fills. A word of a thousand bytes is no reading matter.
const maxPiece = 1000

// say is text as one unbreakable piece.
func say(r role, text string) piece { return piece{bounded(visible(text)), r} }

// words is text as pieces, one a word.
func words(r role, text string) []piece {
	var ps []piece
	for w := range strings.FieldsSeq(visible(text)) {
		ps = append(ps, piece{bounded(w), r})
	}
	return ps
}

// verbatim is a quoted line as pieces: its blanks stay as they are, so that what is shown can be searched for.
func verbatim(text string) []piece {
	var ps []piece
	blanks := 0
	for w := range strings.SplitSeq(strings.TrimSpace(visible(text)), " ") {
		if w == "" {
			blanks++
			continue
		}
		ps = append(ps, piece{bounded(strings.Repeat(" ", min(blanks, maxPiece)) + w), body})
		blanks = 0
	}
	return ps
}

func bounded(text string) string {
	if len(text) <= maxPiece {
		return text
	}
	return strings.ToValidUTF8(text[:maxPiece], "") + "…"
}

func (p *page) blank() { p.out.line("") }

// heading opens a section: a blank line, its name, a short rule, and what a reader should know before reading on.
func (p *page) heading(name, note string) {
	p.blank()
	p.flow(piece{}, piece{"  ", body}, 0, append([]piece{say(heading, name), {"───", aside}}, words(aside, note)...)...)
}

// flow writes pieces one after the other, with blanks between, over as many lines as they need but no more than rows
// (0: as many as they need). The first line begins with first, the others with rest.
func (p *page) flow(first, rest piece, rows int, ps ...piece) {
	gutter, line, used := first, []piece(nil), lipgloss.Width(first.text)
	start := used
	n := 1
	end := func() {
		p.put(gutter, line)
		gutter, line, used = rest, nil, lipgloss.Width(rest.text)
		start = used
		n++
	}
	for i := 0; i < len(ps); i++ {
		w := lipgloss.Width(ps[i].text)
		gap := 0
		if used > start {
			gap = 1
		}
		last := rows > 0 && n >= rows
		switch {
		case used+gap+w <= p.width && !(last && i+1 < len(ps) && used+gap+w > p.width-2):
			line, used = append(line, ps[i]), used+gap+w
		case last:
			line = append(line, piece{clip(ps[i].text+" …", p.width-used-gap), ps[i].role})
			p.put(gutter, line)
			return
		case gap == 1 && (w <= p.width-lipgloss.Width(rest.text) || p.width-used < 8):
			end()
			i--
		default: // longer than a line: a path, a base64 cookie
			head, tail := cut(ps[i].text, max(p.width-used-gap, 1))
			line = append(line, piece{head, ps[i].role})
			end()
			if tail != "" {
				ps[i].text = tail
				i--
			}
		}
	}
	if len(line) > 0 || len(ps) == 0 {
		p.put(gutter, line)
	}
}

// put writes one line; neighbours of one role are painted as one.
func (p *page) put(gutter piece, line []piece) {
	var b strings.Builder
	b.WriteString(p.st.paint(gutter))
	for i := 0; i < len(line); {
		if i > 0 {
			b.WriteByte(' ')
		}
		run := line[i]
		for i++; i < len(line) && line[i].role == run.role; i++ {
			run.text += " " + line[i].text
		}
		b.WriteString(p.st.paint(run))
	}
	p.out.line(b.String())
}

// row writes one line that keeps its blanks, clipped at the page's edge.
func (p *page) row(gutter piece, r role, text string) {
	p.put(gutter, []piece{{clip(bounded(visible(text)), p.width-lipgloss.Width(gutter.text)), r}})
}

// clip cuts text to a width, with a sign that it did.
func clip(text string, width int) string {
	if lipgloss.Width(text) <= width {
		return text
	}
	return fit(text, width-1) + "…"
}

// clipPath cuts a path to a width from its left, at a slash if it can: the file's name says more than the root.
func clipPath(text string, width int) string {
	if len(text) > maxPiece {
		text = "…" + strings.ToValidUTF8(text[len(text)-maxPiece:], "")
	}
	if lipgloss.Width(text) <= width {
		return text
	}
	for text != "" && lipgloss.Width(text) > width-1 {
		_, text = cut(text, 1)
	}
	if i := strings.IndexByte(text, '/'); i > 0 {
		text = text[i:]
	}
	return "…" + text
}

// ruler measures and cuts; it has no colour and asks no terminal.
var ruler = newStyles(false)[body]

// fit is as much of text as fits the width.
func fit(text string, width int) string {
	if width < 1 {
		return ""
	}
	return ruler.MaxWidth(width).Render(text)
}

// cut splits text where its first part fills the width; that part holds one character at least.
func cut(text string, width int) (head, tail string) {
	head = fit(text, width)
	if head == "" && text != "" {
		_, n := utf8.DecodeRuneInString(text)
		head = text[:n]
	}
	return head, text[len(head):]
}

// lines writes lines until the first error and keeps that one.
type lines struct {
	w     io.Writer
	ascii bool
	err   error
}

// asciiSigns stand for our own signs, each as wide as the one it stands for. What a log says stays as it is.
var asciiSigns = strings.NewReplacer("─", "-", "│", "|", "●", "*", "▲", "^", "✓", "v", "✗", "x", "→", ">", "…", "~", "±", "~", "·", "-", "×", "x")

func (l *lines) line(text string) {
	if l.ascii {
		text = asciiSigns.Replace(text)
	}
	if l.err == nil {
		_, l.err = io.WriteString(l.w, strings.TrimRight(text, " ")+"\n")
	}
}
