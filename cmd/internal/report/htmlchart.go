package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"culprit/correlate"
	"culprit/rules"
)

// htmlChart is lanes above each other on one axis of time, in SVG. Lengths across are shares of the width, so that letters
// keep their size on any page; curves are drawn in boxes of 1000 by 100 that stretch.
type htmlChart struct {
	Caption, Label        string
	Height, Bottom, TickY int
	Curves                int // where they end and the chain begins
	Lanes                 []htmlLane
	Bars                  []htmlBar
	Marks                 []htmlPin
	Ticks                 []htmlTick
	Legend                []htmlLine
	From, To              int64 // in seconds, for the script
	Small                 bool

	from, to time.Time
	points   int // that can be seen
}

type (
	htmlLane struct {
		Name, Notes, Top  string
		NameY, Y, H, Base int
		Paths             []htmlPath
		Dots              []htmlDot
		Limits            []htmlLimit
		Hits              []htmlHit
	}
	htmlPath  struct{ Class, D string }
	htmlDot   struct{ Class, X, Y string }
	htmlLimit struct {
		X, Y, TextY, Text string
	}
	htmlHit struct {
		X, W, Title string
		Y, H        int
	}
	htmlBar struct {
		Class, X, W, Text, TextX, Anchor, Title string
		Y, TextY                                int
	}
	htmlPin struct {
		Kind, X, Title string
		Y              int
		Rule           bool // a line through all lanes
	}
	htmlTick struct {
		X, Text, Anchor string
		Alt             bool // there is no room for it on a narrow page
	}
)

// Heights in pixels.
const (
	laneHead   = 20
	laneHeight = 78
	laneGap    = 14
	barRow     = 24
	pinRow     = 12
)

// htmlCharts are the whole of what was measured and, where the outage is a small part of that, the outage.
func htmlCharts(r *rules.Report) []htmlChart {
	from, to, ok := chartSpan(r)
	if !ok {
		return nil
	}
	charts := []htmlChart{newHTMLChart(r, from, to)}
	if near, end, ok := outageSpan(r); ok && to.Sub(from) > 6*end.Sub(near) && near.After(from) && end.Before(to.Add(end.Sub(near))) {
		if c := newHTMLChart(r, near, end); c.points >= closerPoints {
			c.Caption = "closer: " + period(near, end, true)
			charts = append(charts, c)
		}
	}
	return charts
}

// chartSpan is what the curves cover, and the chain as long as that does not squeeze the curves into half of the picture.
func chartSpan(r *rules.Report) (from, to time.Time, ok bool) {
	points := 0
	grow := func(t time.Time) {
		if t.IsZero() {
			return
		}
		if from.IsZero() || t.Before(from) {
			from = t
		}
		if t.After(to) {
			to = t
		}
	}
	for _, s := range r.Series {
		points = max(points, len(s.Points))
		for _, p := range s.Points {
			grow(p.At)
			grow(p.At.Add(s.Bin))
		}
	}
	if points < 2 {
		return from, to, false
	}
	room := to.Sub(from)
	low, high := from.Add(-room), to.Add(room)
	times := []time.Time{r.Incident.KilledAt, r.Incident.OnsetAt}
	for _, l := range r.Chain {
		times = append(times, l.Effect.From, l.Effect.To, l.Cause.From, l.Cause.To)
	}
	for _, t := range times {
		if t.After(low) && t.Before(high) {
			grow(t)
		}
	}
	if !to.After(from) {
		from, to = from.Add(-30*time.Minute), to.Add(30*time.Minute)
	}
	margin := to.Sub(from) / 100
	return from.Add(-margin), to.Add(margin), true
}

// outageSpan is the kill, or where there was none the onset, and the way back, with an hour before and after at least.
func outageSpan(r *rules.Report) (from, to time.Time, ok bool) {
	at := r.Incident.KilledAt
	if at.IsZero() {
		at = r.Incident.OnsetAt
	}
	if at.IsZero() {
		return at, at, false
	}
	end := at
	if r.Incident.EndedAt.After(at) {
		end = r.Incident.EndedAt
	}
	room := max(time.Hour, end.Sub(at)/2)
	return at.Add(-room), end.Add(room), true
}

func newHTMLChart(r *rules.Report, from, to time.Time) htmlChart {
	c := htmlChart{from: from, to: to, From: from.Unix(), To: to.Unix(), Label: "curves from " + moment(from) + " to " + moment(to) + " UTC"}
	var lanes [][]rules.Series
	for _, s := range r.Series {
		if n := len(lanes); n > 0 && lanes[n-1][0].Lane == s.Lane {
			lanes[n-1] = append(lanes[n-1], s)
		} else {
			lanes = append(lanes, []rules.Series{s})
		}
	}
	y := 0
	for _, list := range lanes {
		if l, ok := c.lane(list, y); ok {
			c.Lanes = append(c.Lanes, l)
			y += laneHead + laneHeight + laneGap
		}
	}
	c.Curves = max(y-laneGap, 0)
	y = c.chain(r.Chain, y)
	y = c.marks(r.Marks, y)
	c.Bottom, c.TickY, c.Height = y, y+14, y+20
	c.ticks()
	return c
}

// x is where a moment lies, as a share of the width.
func (c *htmlChart) x(t time.Time) float64 {
	return float64(t.Sub(c.from)) / float64(c.to.Sub(c.from))
}

func share(x float64) string { return fmt.Sprintf("%.2f%%", 100*min(max(x, 0), 1)) }

func (c *htmlChart) inside(t time.Time) bool { return c.covers(t, 0) }

// covers says whether some of what begins at t can be seen.
func (c *htmlChart) covers(t time.Time, width time.Duration) bool {
	return !t.Add(width).Before(c.from) && !t.After(c.to)
}

// seriesClass gives a curve the same colour in every report.
var seriesClass = map[string]string{"requests": "0", "requests-culprits": "1", "requests-5xx": "bad", "keys": "3", "keys-without-ttl": "1", "used-memory": "0", "rss": "2", "before": "bad", "after": "good"}

func (c *htmlChart) lane(list []rules.Series, y int) (htmlLane, bool) {
	l := htmlLane{NameY: y + 13, Y: y + laneHead, H: laneHeight, Base: y + laneHead + laneHeight}
	top, points := 0.0, 0
	for _, s := range list {
		for _, p := range c.window(s) {
			if c.covers(p.At, s.Bin) {
				top = max(top, finite(p.Value))
				points++
			}
		}
	}
	if points == 0 {
		return l, false
	}
	peak := top
	for _, s := range list {
		for _, lim := range s.Limits {
			if v := finite(lim.Value); v < limitInSight*peak {
				top = max(top, v)
			}
		}
	}
	scale := top * 1.06
	if scale <= 0 {
		scale = 1
	}
	var names, notes []string
	for i, s := range list {
		color := cmp.Or(seriesClass[s.ID], fmt.Sprint(i%5))
		ps := c.window(s)
		if s.Bin > 0 {
			l.Paths = append(l.Paths, htmlPath{"area f" + color + " s" + color, c.columns(ps, s.Bin, scale)})
		} else {
			l.Paths = append(l.Paths, htmlPath{"line s" + color, c.curve(ps, scale)})
		}
		if s.Bin == 0 && len(ps) <= dotsShown {
			for _, p := range ps {
				if c.inside(p.At) {
					l.Dots = append(l.Dots, htmlDot{"f" + color, share(c.x(p.At)), fmt.Sprintf("%.1f", float64(l.Y)+laneHeight*(1-finite(p.Value)/scale))})
				}
			}
		}
		names = append(names, s.Name)
		if s.Note != "" && !slices.Contains(notes, s.Note) {
			notes = append(notes, s.Note)
		}
		for _, lim := range s.Limits {
			text := lim.Name + " " + quantity(lim.Value, s.Unit)
			if finite(lim.Value) > top {
				notes = append(notes, text+" is above the picture")
				continue
			}
			at := float64(l.Y) + laneHeight*(1-finite(lim.Value)/scale)
			l.Limits = append(l.Limits, htmlLimit{X: "0", Y: fmt.Sprintf("%.1f", at), TextY: fmt.Sprintf("%.1f", at+11), Text: text})
		}
		if len(list) > 1 {
			c.Legend = append(c.Legend, htmlLine{"f" + color, s.Name})
		}
	}
	c.points += points
	l.Name, l.Notes = clip(visible(strings.Join(names, ", ")), 60), clip(visible(strings.Join(notes, "; ")), 80)
	l.Top = "highest " + quantity(peak, list[0].Unit)
	if peak == 0 {
		l.Top = "none"
	}
	l.Hits = c.hits(list, l)
	return l, true
}

const (
	limitInSight = 2.5 // times the peak: a limit farther away would press the curve to the ground
	dotsShown    = 60  // readings of a curve that is told apart point by point
	closerPoints = 8   // a picture of the outage alone shows no less
	hitsShown    = 240 // columns of hover values: what a pointer can tell apart
)

func finite(v float64) float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) || v < 0 {
		return 0
	}
	return v
}

// window is what can be seen of a series, with one point more on either side to draw to.
func (c *htmlChart) window(s rules.Series) []rules.Point {
	a, b := 0, len(s.Points)
	for a+1 < b && s.Points[a+1].At.Add(s.Bin).Before(c.from) {
		a++
	}
	for b-2 >= a && s.Points[b-2].At.After(c.to) {
		b--
	}
	return s.Points[a:b]
}

func (c *htmlChart) columns(ps []rules.Point, bin time.Duration, scale float64) string {
	var b strings.Builder
	for _, p := range ps {
		if v := finite(p.Value); v > 0 {
			fmt.Fprintf(&b, "M%.1f 100V%.1fH%.1fV100Z", 1000*c.x(p.At), 100*(1-v/scale), 1000*c.x(p.At.Add(bin)))
		}
	}
	return b.String()
}

func (c *htmlChart) curve(ps []rules.Point, scale float64) string {
	var b strings.Builder
	for i, p := range ps {
		letter := "L"
		if i == 0 || p.Gap {
			letter = "M"
		}
		fmt.Fprintf(&b, "%s%.1f %.1f", letter, 1000*c.x(p.At), 100*(1-finite(p.Value)/scale))
	}
	return b.String()
}

// hits are columns that tell the values beneath the pointer; of several readings in one, the last.
func (c *htmlChart) hits(list []rules.Series, l htmlLane) []htmlHit {
	type cell struct {
		at   time.Time
		says []string
	}
	width := c.to.Sub(c.from)/hitsShown + 1
	var cells []cell
	for _, s := range list {
		byCell := map[int64]rules.Point{}
		for _, p := range s.Points {
			if c.covers(p.At, s.Bin) {
				n := int64(p.At.Sub(c.from) / width)
				if old, ok := byCell[n]; !ok || s.Bin == 0 || p.Value > old.Value {
					byCell[n] = p
				}
			}
		}
		for _, p := range byCell {
			says := s.Name + ": " + quantity(p.Value, s.Unit)
			if i := slices.IndexFunc(cells, func(x cell) bool { return x.at.Equal(p.At) }); i >= 0 {
				cells[i].says = append(cells[i].says, says)
			} else {
				cells = append(cells, cell{p.At, []string{says}})
			}
		}
	}
	slices.SortFunc(cells, func(a, b cell) int { return a.at.Compare(b.at) })
	middle := func(i int) float64 { return c.x(cells[i].at.Add(cells[i+1].at.Sub(cells[i].at) / 2)) }
	from := ""
	if s := list[0].Source; s != "" {
		from = "\n(" + s + ")"
	}
	var out []htmlHit
	for i, x := range cells {
		left, right := 0.0, 1.0
		bin := list[0].Bin
		if bin > 0 {
			left, right = max(c.x(x.at), 0), max(c.x(x.at.Add(bin)), c.x(x.at.Add(width)))
		} else {
			if i > 0 {
				left = middle(i - 1)
			}
			if i+1 < len(cells) {
				right = middle(i)
			}
		}
		when := moment(x.at) + " UTC"
		if bin > 0 {
			when += ", " + span(bin)
		}
		out = append(out, htmlHit{X: share(left), W: share(min(right, 1) - left), Y: l.Y, H: l.H, Title: when + "\n" + strings.Join(x.says, "\n") + from})
	}
	return out
}

// chain draws every event of the chain as a bar in its own row, the last effect on top.
func (c *htmlChart) chain(links []correlate.Link, y int) int {
	var drawn []correlate.Event
	for _, l := range links {
		for _, e := range []correlate.Event{l.Effect, l.Cause} {
			from, to := e.From, e.To
			if from.IsZero() {
				from = to
			}
			if to.Before(from) {
				to = from
			}
			if from.IsZero() || to.Before(c.from) || from.After(c.to) || slices.ContainsFunc(drawn, func(d correlate.Event) bool { return sameEvent(d, e) }) {
				continue
			}
			drawn = append(drawn, e)
			left, right := max(c.x(from), 0), min(c.x(to), 1)
			right = max(right, left+0.004)
			if right > 1 {
				left, right = 1-0.004, 1
			}
			b := htmlBar{Class: "f0", X: share(left), W: share(right - left), Text: clip(visible(e.Kind), 40), TextX: share(left), Anchor: "start",
				TextY: y + 10, Y: y + 14, Title: period(e.From, e.To, true) + " UTC\n" + e.Text}
			if len(drawn) == 1 {
				b.Class = "fbad"
			}
			if left > 0.6 {
				b.TextX, b.Anchor = share(right), "end"
			}
			c.Bars = append(c.Bars, b)
			y += barRow
		}
	}
	return y + min(len(drawn), 1)*laneGap/2
}

// markNames tell the colours of the pins.
var markNames = []htmlLine{{"kill", "kernel kill"}, {"onset", "onset"}, {"server", "Redis server log"}, {"service", "service manager"}, {"kernel", "kernel"}, {"deploy", "deployment"}}

// marks are pins below the curves; those that would cover each other stand on several levels.
func (c *htmlChart) marks(list []rules.Mark, y int) int {
	const apart, levels = 0.014, 4
	seen := map[string]bool{}
	var last [levels]float64
	for i := range last {
		last[i] = -1
	}
	deepest := 0
	for _, m := range list {
		if !c.inside(m.At) {
			continue
		}
		x, level := c.x(m.At), 0
		for level+1 < levels && x-last[level] < apart {
			level++
		}
		last[level], deepest = x, max(deepest, level)
		title := period(m.At, m.To, true) + " UTC\n" + m.Text
		if m.N > 1 {
			title += fmt.Sprintf(" (%s times)", count(int64(m.N)))
		}
		if place := at(m.Evidence); place != "" {
			title += "\n" + place
		}
		c.Marks = append(c.Marks, htmlPin{Kind: m.Kind, X: share(x), Y: y + laneGap + level*pinRow, Title: title, Rule: m.Kind == "kill" || m.Kind == "onset"})
		seen[m.Kind] = true
	}
	if len(c.Marks) == 0 {
		return y
	}
	for _, n := range markNames {
		if seen[n.Class] {
			c.Legend = append(c.Legend, htmlLine{"pin " + n.Class, n.Text})
		}
	}
	return y + laneGap + deepest*pinRow + pinRow
}

// steps of the axis of time.
var tickSteps = []time.Duration{time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 30 * time.Minute,
	time.Hour, 2 * time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour}

// ticks are at round moments, eight at most.
func (c *htmlChart) ticks() {
	const most = 8
	room := c.to.Sub(c.from)
	step := tickSteps[len(tickSteps)-1]
	if days := room / (most * step); days >= 1 {
		step *= days + 1
	} else {
		step = tickSteps[slices.IndexFunc(tickSteps, func(s time.Duration) bool { return room/s < most })]
	}
	day := -1
	for t, n := c.from.Truncate(step), 0; !t.After(c.to) && n < 4*most; t, n = t.Add(step), n+1 {
		if t.Before(c.from) {
			continue
		}
		text := t.UTC().Format("15:04")
		if step%(24*time.Hour) == 0 {
			text = t.UTC().Format("01-02")
		} else if t.UTC().YearDay() != day {
			text = t.UTC().Format("01-02 15:04")
		}
		day = t.UTC().YearDay()
		x := c.x(t)
		anchor := "middle"
		if x < 0.05 {
			anchor = "start"
		} else if x > 0.95 {
			anchor = "end"
		}
		c.Ticks = append(c.Ticks, htmlTick{X: share(x), Text: text, Anchor: anchor, Alt: len(c.Ticks)%2 == 1})
	}
}
