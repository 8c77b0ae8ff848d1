package report

import (
	"slices"
	"strings"
	"time"

	"github.com/charmbracelet/lipgloss"

	"culprit/rules"
)

const (
	sparkPoints = 4  // fewer readings are told better by words
	sparkLeast  = 12 // columns; a narrower curve has no shape
	sparkMost   = 60
	apart       = 1.5 // RSS so many times used_memory has a curve of its own: from there on Redis's documentation speaks of fragmentation
)

// The eight heights of a curve, from its lowest eighth to its highest.
var (
	sparkBlocks = []string{"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"}
	sparkASCII  = []string{"_", ".", ":", "-", "=", "+", "*", "#"}
)

// curves are Redis's memory and keys, one line each and below each other in time: the first reading, the shape from zero to
// the highest, the last reading.
func (t *text) curves() {
	type row struct {
		name, before, after string
		points              []rules.Point
	}
	var rows []row
	wide, widest, which := 0, 0, ""
	for _, c := range []struct {
		name string
		ids  []string
	}{{"memory", []string{"used-memory", "rss"}}, {"resident", []string{"rss"}}, {"keys", []string{"keys-without-ttl", "keys"}}} {
		s, ok := t.curveOf(c.ids)
		if !ok || c.name == "resident" && !t.fragmented(s) {
			continue
		}
		if s.ID == "keys-without-ttl" {
			which = "; keys without expiry"
		}
		r := row{c.name, quantity(s.Points[0].Value, s.Unit), quantity(s.Points[len(s.Points)-1].Value, s.Unit), s.Points}
		if top := quantity(highest(s.Points), s.Unit); top != r.after {
			r.after += ", highest " + top
		}
		wide, widest = max(wide, lipgloss.Width(r.before)), max(widest, lipgloss.Width(r.after))
		rows = append(rows, r)
	}
	const labels = 12 // columns: margin and label
	room := min(t.width-labels-wide-widest-2, sparkMost)
	if len(rows) == 0 || room < sparkLeast {
		return
	}
	levels := sparkBlocks
	if t.o.ASCII {
		levels = sparkASCII
	}
	from, to := rows[0].points[0].At, rows[0].points[len(rows[0].points)-1].At
	for _, r := range rows[1:] {
		if at := r.points[0].At; at.Before(from) {
			from = at
		}
		if at := r.points[len(r.points)-1].At; at.After(to) {
			to = at
		}
	}
	t.blank()
	for _, r := range rows {
		gutter, _ := labelColumn(margin, r.name)
		t.put(gutter, []piece{say(body, strings.Repeat(" ", wide-lipgloss.Width(r.before))+r.before), {spark(r.points, from, to, room, levels), strong}, say(body, r.after)})
	}
	t.labelled(margin, "over", words(label, period(from, to, true)+" UTC"+which)...)
}

// fragmented says whether what is resident is far more than the data, which another curve shows.
func (t *text) fragmented(rss rules.Series) bool {
	used, ok := t.curveOf([]string{"used-memory"})
	return ok && highest(rss.Points) >= apart*highest(used.Points)
}

// curveOf is the first of the series that has a shape: keys without expiry tell nothing where there are none.
func (t *text) curveOf(ids []string) (rules.Series, bool) {
	for _, id := range ids {
		i := slices.IndexFunc(t.r.Series, func(s rules.Series) bool { return s.ID == id })
		if id == "keys-without-ttl" && i >= 0 { // not where they are the few that are meant to stay
			if k := slices.IndexFunc(t.r.Series, func(s rules.Series) bool { return s.ID == "keys" }); k >= 0 && 2*highest(t.r.Series[i].Points) < highest(t.r.Series[k].Points) {
				continue
			}
		}
		if i >= 0 && len(t.r.Series[i].Points) >= sparkPoints && highest(t.r.Series[i].Points) > 0 {
			return t.r.Series[i], true
		}
	}
	return rules.Series{}, false
}

func highest(ps []rules.Point) float64 {
	top := 0.0
	for _, p := range ps {
		top = max(top, finite(p.Value))
	}
	return top
}

// spark draws points in columns of equal time, each as high as the highest of its readings. Between two readings of one
// run the curve goes straight; between two runs, and beyond the readings, it is blank. A column in which a run begins is that run's.
func spark(ps []rules.Point, from, to time.Time, width int, levels []string) string {
	top := highest(ps)
	var b strings.Builder
	for _, h := range columns(ps, from, to, width) {
		switch {
		case h < 0:
			b.WriteByte(' ')
		case top == 0:
			b.WriteString(levels[0])
		default:
			b.WriteString(levels[min(int(h/top*float64(len(levels))), len(levels)-1)])
		}
	}
	return b.String()
}

// columns are the heights of spark's columns; below 0 = blank.
func columns(ps []rules.Point, from, to time.Time, width int) []float64 {
	whole := to.Sub(from)
	column := func(i int) int {
		if whole <= 0 {
			return 0
		}
		return min(int(float64(ps[i].At.Sub(from))/float64(whole)*float64(width)), width-1)
	}
	heights := make([]float64, width)
	for i := range heights {
		heights[i] = -1
	}
	for i, p := range ps {
		c, v := column(i), finite(p.Value)
		if i == 0 || p.Gap {
			heights[c] = v
			continue
		}
		heights[c] = max(heights[c], v)
		before, was := column(i-1), finite(ps[i-1].Value)
		for x := before + 1; x < c; x++ {
			heights[x] = max(heights[x], was+(v-was)*float64(x-before)/float64(c-before))
		}
	}
	return heights
}
