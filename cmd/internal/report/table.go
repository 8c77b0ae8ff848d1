package report

import (
	"strings"

	"github.com/charmbracelet/lipgloss"
)

// column of a table. The columns that give way are clipped when the row does not fit, down to yields characters.
type column struct {
	right  bool // numbers
	yields int  // 0: does not give way
	path   bool // is clipped from its left
}

// table writes rows in columns, two blanks between them, and calls under (when not nil) after each row.
func (p *page) table(gutter piece, cols []column, rows [][]piece, under func(row int)) {
	widths := columnWidths(cols, rows, p.width-lipgloss.Width(gutter.text))
	for i, row := range rows {
		var b strings.Builder
		b.WriteString(p.st.paint(gutter))
		left := p.width - lipgloss.Width(gutter.text)
		for j, c := range row {
			if left <= 0 {
				break
			}
			w := min(widths[j], left)
			if cols[j].path {
				c.text = clipPath(c.text, w)
			} else {
				c.text = clip(c.text, w)
			}
			pad := strings.Repeat(" ", w-min(lipgloss.Width(c.text), w))
			if cols[j].right {
				b.WriteString(pad + p.st.paint(c))
			} else {
				b.WriteString(p.st.paint(c) + pad)
			}
			if left -= w + 2; left > 0 && j+1 < len(row) {
				b.WriteString("  ")
			}
		}
		p.out.line(b.String())
		if under != nil {
			under(i)
		}
	}
}

// columnWidths are the widths that the cells ask for, less what does not fit; the widest of those that yield yields first.
func columnWidths(cols []column, rows [][]piece, width int) []int {
	widths := make([]int, len(cols))
	for _, row := range rows {
		for j, c := range row {
			widths[j] = max(widths[j], lipgloss.Width(c.text))
		}
	}
	over := 2*(len(cols)-1) - width
	for _, w := range widths {
		over += w
	}
	for ; over > 0; over-- {
		widest := -1
		for j, c := range cols {
			if c.yields > 0 && widths[j] > c.yields && (widest < 0 || widths[j] > widths[widest]) {
				widest = j
			}
		}
		if widest < 0 {
			break
		}
		widths[widest]--
	}
	return widths
}
