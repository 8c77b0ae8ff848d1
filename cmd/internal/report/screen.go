package report

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/charmbracelet/lipgloss"

	"culprit/correlate"
	"culprit/parsers"
	"culprit/rules"
)

// View is how a person looks at a watch: the terminal, and what was chosen on it.
type View struct {
	Width, Height int
	Color         bool
	Page          Page
	Selected      int // of what Items lists
	Scroll        int // lines of a page that is longer than the terminal
}

// Page of the screen.
type Page int

// Pages: the overview, one item with its fixes, everything that was told, the sources, the keys to press.
const (
	PageOverview Page = iota
	PageItem
	PageEvents
	PageSources
	PageHelp
)

const (
	leastWide  = 44  // columns, and
	leastHigh  = 7   // lines: below, nothing of use fits
	twoColumns = 130 // from here on the findings stand beside the numbers
	wideBar    = 60  // columns; a longer bar tells no more
)

// Item is what can be chosen: the verdict, a forecast, or a finding, each with what to do about it.
type Item struct {
	Role, Text, Rule string
	Finding          *rules.Finding // nil = the verdict, or a forecast
	Fixes            []rules.Fix
}

// Key tells the item from others while its numbers change.
func (i Item) Key() string { return i.Role + " " + i.Rule }

const roleForecast = "forecast"

// Items lists what a watch has found, the weightiest first.
func (l *Live) Items() []Item {
	if l.Report == nil {
		return nil
	}
	var all []Item
	if v := l.Report.Verdict; v.Outcome != rules.NoIncident {
		all = append(all, Item{Role: v.Outcome, Text: v.Summary, Rule: v.Cause, Fixes: l.Report.Fixes})
	}
	for i := range l.Redis {
		if r := &l.Redis[i]; r.Forecast != nil {
			all = append(all, Item{Role: roleForecast, Text: forecastText(r.Forecast), Rule: r.Name, Fixes: l.Ahead})
		}
	}
	for i := range l.Report.Findings {
		f := &l.Report.Findings[i]
		if f.Role == rules.RoleRoot && l.Report.Verdict.Outcome == rules.RootCause && f.Title == l.Report.Verdict.Summary {
			continue
		}
		all = append(all, Item{f.Role, f.Title, f.Rule, f, f.Fixes})
	}
	rank := []string{rules.RootCause, roleForecast, rules.Inconclusive, rules.RoleContributing, rules.RoleSymptom}
	weight := func(i Item) int {
		if n := slices.Index(rank, i.Role); n >= 0 {
			return n
		}
		return len(rank)
	}
	slices.SortStableFunc(all, func(a, b Item) int { return weight(a) - weight(b) })
	return all
}

// Screen draws what a watch knows on a terminal of exactly the view's size, and gives the view back with its choice and
// its scrolling brought within what there is.
func Screen(l *Live, v View) (string, View) {
	if v.Width < 1 || v.Height < 1 {
		return "", v
	}
	if v.Width < leastWide || v.Height < leastHigh {
		return clip("too small for culprit", v.Width), v
	}
	items := l.Items()
	v.Selected = max(min(v.Selected, len(items)-1), 0)
	s := &screen{l: l, v: v, st: newStyles(v.Color), items: items}
	room := v.Height - 2 // the title, the keys
	var rows []string
	switch v.Page {
	case PageOverview:
		rows = s.overview(room)
	case PageItem:
		rows = s.item(v.Width)
	case PageEvents:
		rows = s.events(v.Width)
	case PageSources:
		rows = s.sources(v.Width)
	case PageHelp:
		rows = s.help()
	}
	v.Scroll = max(min(v.Scroll, len(rows)-room), 0)
	below := max(len(rows)-room-v.Scroll, 0)
	rows = rows[v.Scroll:min(v.Scroll+room, len(rows))]
	all := append(s.title(), rows...)
	for len(all) < v.Height-1 {
		all = append(all, "")
	}
	all = append(all, s.keys(below)...)
	for i := range all {
		all[i] = fit(all[i], v.Width)
	}
	return strings.Join(all, "\n"), v
}

type screen struct {
	l     *Live
	v     View
	st    *styles
	items []Item
}

// pane draws lines of a width.
func (s *screen) pane(width int, draw func(p *page)) []string {
	var b bytes.Buffer
	draw(&page{out: &lines{w: &b}, width: width, st: s.st})
	return strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
}

// bar is a line in reverse, or where there is no colour a plain one.
func (s *screen) bar(left, right string) []string {
	left = clip(left, s.v.Width-2)
	gap := s.v.Width - 2 - lipgloss.Width(left) - lipgloss.Width(right)
	if gap < 1 {
		right, gap = "", s.v.Width-2-lipgloss.Width(left)
	}
	text := " " + left + strings.Repeat(" ", max(gap, 0)) + right + " "
	return []string{s.st[heading].Reverse(s.v.Color).Render(text)}
}

func (s *screen) title() []string {
	l := s.l
	left := "culprit watch"
	if l.Host != "" {
		left += " · " + visible(l.Host)
	}
	return s.bar(left+" · since "+l.Since.UTC().Format("15:04:05")+", "+span(l.At.Sub(l.Since).Truncate(time.Second)), l.At.UTC().Format("2006-01-02 15:04:05")+" UTC")
}

func (s *screen) keys(below int) []string {
	keys := "q quit · esc back · ↑↓ scroll"
	if s.v.Page == PageOverview {
		keys = "q quit · ? keys · e events · s sources"
		if len(s.items) > 0 {
			keys += " · ↑↓ choose · enter the fix"
		}
	}
	right := ""
	if below > 0 {
		right = plural(int64(below), "more line")
	}
	return s.bar(keys, right)
}

// overview is one column, or on a wide terminal two: the numbers, and what follows from them.
func (s *screen) overview(room int) []string {
	if s.v.Width < twoColumns {
		numbers := s.numbers(s.v.Width, room-s.itemRoom(room), false)
		return append(numbers, s.findings(s.v.Width, room-len(numbers))...)
	}
	wide := (s.v.Width - 3) / 2
	left := s.numbers(wide, room, true)
	right := s.findings(wide, room/3)
	if free := room - len(right) - 10; free > 5 && len(s.items) > 0 {
		right = append(right, "")
		detail := s.item(wide)
		if len(detail) > free {
			detail = append(detail[:free-1:free-1], s.pane(wide, func(p *page) {
				p.flow(margin, margin, 1, words(aside, plural(int64(len(detail)-free+1), "more line")+": enter")...)
			})...)
		}
		right = append(right, detail...)
	}
	if free := room - len(right) - 1; free > 3 && len(s.l.Events) > 0 {
		told := s.events(wide)
		if len(told) > free {
			told = append(told[:1:1], told[len(told)-free+1:]...)
		}
		right = append(append(right, ""), told...)
	}
	rows := make([]string, room)
	for i := range rows {
		l, r := "", ""
		if i < len(left) {
			l = left[i]
		}
		if i < len(right) {
			r = right[i]
		}
		rows[i] = strings.TrimRight(l+strings.Repeat(" ", max(wide-lipgloss.Width(l), 0))+s.st.paint(piece{" │ ", aside})+r, " ")
	}
	return rows
}

// itemRoom is what the findings need at least: their heading, and two of them.
func (s *screen) itemRoom(room int) int {
	if len(s.items) == 0 {
		return 3
	}
	return min(5, room/3)
}

// numbers are memory, keys and their makers, no more than room lines. With a chart what is left over is a curve.
func (s *screen) numbers(width, room int, chart bool) []string {
	var rows []string
	roomy := room > 40
	add := func(more []string) {
		if roomy && len(rows) > 0 && len(more) > 0 {
			more = append([]string{""}, more...)
		}
		if len(rows)+len(more) <= room {
			rows = append(rows, more...)
		}
	}
	add(s.memory(width))
	trouble, keys := s.trouble(width), s.keyspace(width)
	makers := s.makers(width, max(room-len(rows)-len(trouble)-len(keys), 2))
	add(keys)
	add(makers)
	add(trouble)
	for i := range s.l.Redis {
		if r, free := &s.l.Redis[i], room-len(rows)-2; chart && free >= 6 && len(r.UsedCurve) >= sparkPoints {
			add(s.chart(r, width, min(free, 20)))
			break
		}
	}
	return rows
}

func (s *screen) memory(width int) []string {
	return s.pane(width, func(p *page) {
		p.section("MEMORY", "")
		m := s.l.Memory
		name := 4
		for i := range s.l.Redis {
			name = max(name, lipgloss.Width(s.l.Redis[i].label()))
		}
		bar := min(max(width-name-49, 8), wideBar) // 49: the longest words beside it
		switch {
		case m.TotalKB.OK && m.AvailableKB.OK:
			used := m.TotalKB.N - m.AvailableKB.N
			text := fmt.Sprintf("%s of %s free", size(float64(m.AvailableKB.N)*1024), size(float64(m.TotalKB.N)*1024))
			p.gauge("host", name, bar, float64(used)/float64(m.TotalKB.N), text)
		default:
			p.gauge("host", name, bar, -1, "not known yet")
		}
		for i := range s.l.Redis {
			p.redis(&s.l.Redis[i], name, bar, m)
		}
		var top []piece
		for i, x := range s.l.Processes[:min(len(s.l.Processes), 5)] {
			if i > 0 {
				top = append(top, piece{"·", aside})
			}
			what := x.Name
			if x.N > 1 {
				what += fmt.Sprintf(" ×%d", x.N)
			}
			top = append(top, say(body, what), say(label, size(float64(x.Bytes))))
		}
		if len(top) > 0 {
			p.flow(piece{"  resident  ", label}, indent(12), 1, top...)
		}
	})
}

// redis is one server's bar, and under it when it will be full.
func (p *page) redis(r *LiveRedis, name, bar int, m parsers.HostMemory) {
	how, rate := visible(r.Policy), ""
	if r.Forecast != nil { // what to look at is its pace then
		how = "+" + size(r.Forecast.PerSecond*60) + "/min"
		rate = ", " + how
	}
	switch {
	case !r.Used.OK:
		p.gauge(r.label(), name, bar, -1, "not known yet")
		return
	case r.Max.OK && r.Max.N > 0:
		p.gauge(r.label(), name, bar, float64(r.Used.N)/float64(r.Max.N), fmt.Sprintf("%s of %s, %s", size(float64(r.Used.N)), size(float64(r.Max.N)), how))
	case m.TotalKB.OK:
		p.gauge(r.label(), name, bar, float64(r.Used.N)/float64(m.TotalKB.N*1024), size(float64(r.Used.N))+cmp.Or(rate, ", no limit of its own"))
	default:
		p.gauge(r.label(), name, bar, -1, size(float64(r.Used.N)))
	}
	if f := r.Forecast; f != nil {
		color := unsure
		if f.Most < time.Hour {
			color = guilty
		}
		p.flow(indent(4), indent(6), 2, append(words(color, reaches(f)+" in "+span(f.In)), words(body, fmt.Sprintf("(%s to %s)", span(f.Least), span(f.Most)))...)...)
	}
}

func reaches(f *correlate.Forecast) string {
	if f.Limit == "maxmemory" {
		return "↳ reaches its limit"
	}
	return "↳ fills the host"
}

// gauge is a bar with its words. A share below 0 is not known.
func (p *page) gauge(name string, wide, bar int, share float64, text string) {
	full := max(min(int(share*float64(bar)+0.5), bar), 0)
	color := fine
	switch {
	case share >= 0.95:
		color = wrong
	case share >= 0.8:
		color = unsure
	}
	first := piece{"  " + name + strings.Repeat(" ", max(wide-lipgloss.Width(name), 0)) + "  ", body}
	drawn := p.st.paint(first) + p.st.paint(piece{strings.Repeat("█", full), color}) + p.st.paint(piece{strings.Repeat("░", bar-full), aside})
	rest := ""
	if share >= 0 {
		rest = fmt.Sprintf(" %3.0f %%", 100*share)
	}
	left := p.width - lipgloss.Width(first.text) - bar - lipgloss.Width(rest) - 2
	p.out.line(drawn + p.st.paint(piece{rest, strong}) + "  " + p.st.paint(piece{clip(text, left), body}))
}

// section is a heading without the blank line of a printed page: rows are dear.
func (p *page) section(name, note string) {
	if note != "" {
		note = "· " + note
	}
	p.flow(piece{}, piece{}, 1, append([]piece{say(heading, name)}, words(aside, note)...)...)
}

func (s *screen) keyspace(width int) []string {
	var rows []string
	for i := range s.l.Redis {
		r := &s.l.Redis[i]
		if !r.Stay.OK && !r.Expire.OK {
			continue
		}
		if i > 1 { // two servers are what a small terminal has room for
			break
		}
		rows = append(rows, s.pane(width, func(p *page) {
			title := "KEYS"
			if len(s.l.Redis) > 1 {
				title += " " + visible(r.Name)
			}
			note := ""
			if r.Paced > 0 {
				note = "pace of the last " + span(r.Paced.Round(time.Second))
				if r.MadePace.OK && r.LapsedPace.OK {
					note += fmt.Sprintf(": %s made, %s gone a minute", pace(r.MadePace.F), pace(r.LapsedPace.F))
				}
			}
			p.section(title, note)
			p.keyRow("without TTL", r.Stay, r.StayPace, r.StayCurve, unsure)
			expiring := parsers.OptF{}
			if r.StayPace.OK && r.MadePace.OK && r.LapsedPace.OK {
				expiring = parsers.SomeF(r.MadePace.F - r.LapsedPace.F - r.StayPace.F)
			}
			p.keyRow("with TTL", r.Expire, expiring, r.ExpireCurve, fine)
		})...)
	}
	return rows
}

func (p *page) keyRow(name string, n parsers.Opt, perMinute parsers.OptF, curve []rules.Point, growing role) {
	now := "?"
	if n.OK {
		now = count(n.N)
	}
	change, color := "", aside
	if perMinute.OK {
		change = pace(perMinute.F) + "/min"
		if perMinute.F >= 0 {
			change = "+" + change
		}
		if perMinute.F >= 0.5 {
			color = growing
		}
	}
	drawn := p.st.paint(piece{fmt.Sprintf("  %-11s %13s", name, now), body}) + p.st.paint(piece{fmt.Sprintf("  %12s", change), color})
	if room := min(p.width-44, sparkMost); len(curve) >= sparkPoints && room >= sparkLeast {
		drawn += "   " + p.st.paint(piece{spark(curve, curve[0].At, curve[len(curve)-1].At, room, sparkBlocks), strong})
	}
	p.out.line(drawn)
}

func pace(perMinute float64) string {
	if a := max(perMinute, -perMinute); a > 0 && a < 10 {
		return strings.TrimSuffix(fmt.Sprintf("%.1f", perMinute), ".0")
	}
	return number3(float64(int64(perMinute + 0.5)))
}

func (s *screen) makers(width, most int) []string {
	m := s.l.Makers
	return s.pane(width, func(p *page) {
		title, note := "WHO MAKES THE SESSIONS", ""
		if m.Keys == "" {
			title = "WHO ASKS FOR PAGES"
		}
		if d := m.To.Sub(m.From); d > 0 {
			note = "last " + span(d.Round(time.Second))
			if m.Keys != "" {
				note += ", shares of the new " + m.Keys
			}
		}
		if m.Why != "" && len(m.List) > 0 {
			note += "; " + m.Why
		}
		p.section(title, note)
		if len(m.List) == 0 {
			p.flow(margin, margin, 1, words(label, "nobody: no request in the access logs yet")...)
		}
		for i, x := range m.List {
			if i >= most-1 {
				break
			}
			share := ""
			if x.Share >= 0 {
				share = percent(x.Share)
				if x.Share >= 0.01 {
					share = fmt.Sprintf("%.0f %%", 100*x.Share)
				}
			}
			name := max(min(width-52, 36), 14)
			p.row(margin, body, fmt.Sprintf("%s %6s  %10s  %s", pad(clip(visible(x.Name), name), name), share, pace(x.PerMinute)+"/min", x.Note))
		}
	})
}

func pad(text string, width int) string {
	return text + strings.Repeat(" ", max(width-lipgloss.Width(text), 0))
}

// trouble is what ails a source, which must not go unseen: what is not watched cannot be found.
func (s *screen) trouble(width int) []string {
	var bad []LiveSource
	for _, x := range s.l.Sources {
		if x.Trouble != "" {
			bad = append(bad, x)
		}
	}
	if len(bad) == 0 {
		return nil
	}
	return s.pane(width, func(p *page) {
		for i, x := range bad {
			if i == 2 && len(bad) > 3 {
				p.flow(piece{"  ! ", wrong}, indent(4), 1, words(body, plural(int64(len(bad)-i), "more source")+" in trouble: press s")...)
				break
			}
			p.flow(piece{"  ! ", wrong}, indent(4), 1, words(body, x.Name+": "+x.Trouble)...)
		}
	})
}

// findings is the list to choose from, the chosen one in full, in no more than room lines.
func (s *screen) findings(width, room int) []string {
	if room < 2 {
		return nil
	}
	head := s.pane(width, func(p *page) {
		note := ""
		if len(s.items) > 0 {
			note = fmt.Sprintf("%s · %d of %d", s.l.Report.Verdict.Outcome, s.v.Selected+1, len(s.items))
		}
		p.section("FINDINGS", note)
	})
	if len(s.items) == 0 {
		return append(head, s.pane(width, func(p *page) {
			text := "nothing is judged yet"
			if s.l.Report != nil {
				text = "none. " + s.l.Report.Verdict.Summary
			}
			p.flow(margin, margin, room-1, words(label, text)...)
		})...)
	}
	// As much of each as all of them have room for; of the chosen one more.
	drawn := make([][]string, len(s.items))
	for rows := 3; rows > 0; rows-- {
		all := 0
		for i, x := range s.items {
			most := rows
			if i == s.v.Selected {
				most = max(min(4, room-2), 1)
			}
			drawn[i] = s.pane(width, func(p *page) { p.finding(x, i == s.v.Selected, most) })
			all += len(drawn[i])
		}
		if all < room {
			break
		}
	}
	// As many as fit around the chosen one, from the weightiest on.
	from, to, used := s.v.Selected, s.v.Selected+1, len(drawn[s.v.Selected])
	for {
		switch {
		case from > 0 && used+len(drawn[from-1]) <= room-1:
			from--
			used += len(drawn[from])
		case to < len(drawn) && used+len(drawn[to]) <= room-1:
			used += len(drawn[to])
			to++
		default:
			return append(head, slices.Concat(drawn[from:to]...)...)
		}
	}
}

func (p *page) finding(x Item, chosen bool, rows int) {
	mark, color := piece{"    ", body}, label
	if chosen {
		mark = piece{"  ▶ ", strong}
	}
	switch x.Role {
	case rules.RootCause:
		color = guilty
	case roleForecast, rules.Inconclusive, rules.RoleContributing, rules.RoleSymptom:
		color = unsure
	}
	words := append([]piece{say(color, x.Role)}, words(body, x.Text)...)
	if n := len(x.Fixes); n > 0 && chosen {
		words = append(words, piece{"[" + plural(int64(n), "fix") + "]", command})
		if n > 1 {
			words[len(words)-1].text = fmt.Sprintf("[%d fixes]", n)
		}
	}
	p.flow(mark, indent(4), rows, words...)
}

// item is the page of the chosen one: what it rests on, and what to do.
func (s *screen) item(width int) []string {
	if len(s.items) == 0 {
		return s.pane(width, func(p *page) { p.flow(margin, margin, 0, words(label, "nothing is found yet")...) })
	}
	x := s.items[s.v.Selected]
	rows := s.pane(width, func(p *page) {
		t := &text{page: *p, r: s.l.Report, told: map[line]bool{}}
		t.blank()
		name := x.Role
		if x.Rule != "" {
			name += "  " + x.Rule
		}
		t.flow(margin, margin, 0, say(heading, name))
		t.flow(margin, margin, 0, words(strong, x.Text)...)
		switch {
		case x.Role == roleForecast:
		case x.Finding != nil:
			t.prose(margin, x.Finding.Detail)
			t.evidence(indent(4), x.Finding.Evidence, evidenceRows)
		default:
			for _, c := range s.l.Report.Culprits {
				t.flow(indent(4), indent(6), 0, append([]piece{say(label, c.Kind), say(strong, c.Value)}, words(body, c.Note)...)...)
			}
			for _, link := range s.l.Report.Chain {
				t.flow(piece{"  ● ", aside}, indent(4), 0, words(body, link.Effect.Text)...)
				t.evidence(indent(6), link.Effect.Evidence, evidenceRows)
			}
		}
		if len(x.Fixes) == 0 {
			t.blank()
			t.flow(margin, margin, 0, words(label, "No fix of its own: see the other findings.")...)
		}
		t.o.Verbose = true // a patch is copied from here
		for i, f := range x.Fixes {
			t.blank()
			number := fmt.Sprintf("%3d. ", i+1)
			t.flow(piece{number, strong}, indent(len(number)), 0, append(words(strong, f.Title), words(label, "· "+f.ID)...)...)
			t.fix(indent(len(number)), f)
		}
	})
	// A command that cannot be folded is wider than the page, and must be seen to its end.
	var whole []string
	for _, r := range rows {
		if lipgloss.Width(r) > width {
			r = strings.TrimRight(s.st[body].Inline(false).Width(width).Render(r), " ")
		}
		whole = append(whole, strings.Split(r, "\n")...)
	}
	return whole
}

// events are what was told so far, the newest last.
func (s *screen) events(width int) []string {
	return s.pane(width, func(p *page) {
		p.section("TOLD", "")
		for _, e := range s.l.Events {
			p.flow(piece{"  " + e.Time.UTC().Format("15:04:05") + " ", label}, indent(11), 2, append([]piece{say(aside, e.Kind)}, words(body, e.words())...)...)
		}
	})
}

func (s *screen) sources(width int) []string {
	return s.pane(width, func(p *page) {
		p.section("SOURCES", "lines, how long ago the last came")
		for _, x := range s.l.Sources {
			ago := "nothing yet"
			if !x.Last.IsZero() {
				ago = "now"
				if d := s.l.At.Sub(x.Last).Truncate(time.Second); d > 0 {
					ago = span(d) + " ago"
				}
			}
			p.row(margin, body, fmt.Sprintf("%12s  %-12s  %s (%s)", count(int64(x.Lines)), ago, x.Name, x.Format))
			if x.Skipped > 0 {
				p.flow(indent(30), indent(30), 1, words(label, plural(int64(x.Skipped), "line")+" not understood")...)
			}
			if x.Trouble != "" {
				p.flow(piece{strings.Repeat(" ", 28) + "! ", wrong}, indent(30), 2, words(body, x.Trouble)...)
			}
		}
	})
}

func (s *screen) help() []string {
	return s.pane(s.v.Width, func(p *page) {
		p.section("KEYS", "")
		for _, k := range [][2]string{
			{"↑ ↓  k j", "choose a finding; on a page, scroll"}, {"PgUp PgDn", "scroll by a page"}, {"enter  f", "the chosen finding: its lines, and its fixes with the commands"},
			{"e", "everything that was told"}, {"s", "the sources: lines, last sign of life, trouble"}, {"esc", "back"}, {"q", "quit; the watch ends"},
		} {
			p.flow(piece{"  " + pad(k[0], 12), strong}, indent(14), 0, words(body, k[1])...)
		}
		p.blank()
		p.flow(margin, margin, 0, words(label, "A forecast is the median growth of used_memory since the restart or since its pace changed, of the last hour at most, with its 95 % interval; against maxmemory, or the host's available memory where that is less. Who makes the sessions is reckoned from the requests and the new keys of the last ten minutes.")...)
	})
}

// chart is used_memory over its last run, with its limit as the upper edge where it comes near.
func (s *screen) chart(r *LiveRedis, width, height int) []string {
	top := highest(r.UsedCurve)
	limit := ""
	if r.Max.OK && r.Max.N > 0 && float64(r.Max.N) < 4*top {
		top, limit = float64(r.Max.N), "maxmemory"
	}
	from, to := r.UsedCurve[0].At, r.UsedCurve[len(r.UsedCurve)-1].At
	wide, rows := width-14, height-3
	return s.pane(width, func(p *page) {
		p.section("MEMORY OF "+strings.ToUpper(visible(r.label())), "since "+from.UTC().Format("01-02 15:04:05")+" UTC")
		heights := columns(r.UsedCurve, from, to, wide)
		for row := rows - 1; row >= 0; row-- {
			mark := ""
			switch row {
			case rows - 1:
				mark = size(top)
			case 0:
				mark = "0"
			}
			var b strings.Builder
			for _, h := range heights {
				part := h/top*float64(rows) - float64(row)
				switch {
				case h < 0 || part <= 0:
					if row == rows-1 && limit != "" {
						b.WriteString("╌")
					} else {
						b.WriteByte(' ')
					}
				case part >= 1:
					b.WriteString("█")
				default:
					b.WriteString(sparkBlocks[min(int(part*8), 7)])
				}
			}
			p.out.line(p.st.paint(piece{fmt.Sprintf("  %9s ", mark), label}) + p.st.paint(piece{b.String(), fine}))
		}
		end := to.UTC().Format("15:04:05")
		p.out.line(p.st.paint(piece{strings.Repeat(" ", 12) + pad(from.UTC().Format("15:04:05"), max(wide-len(end), 8)) + end, label}))
	})
}
