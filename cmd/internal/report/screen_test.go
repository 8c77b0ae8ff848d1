package report

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/lipgloss"

	"culprit/correlate"
	"culprit/parsers"
	"culprit/rules"
)

// leaking is a watch of two servers, one of which is filled by a crawler.
func leaking() *Live {
	at := time.Date(2026, 4, 20, 1, 0, 0, 0, time.UTC)
	curve := func(from, to float64, n int) (ps []rules.Point) {
		for i := range n {
			ps = append(ps, rules.Point{At: at.Add(time.Duration(i-n) * time.Minute), Value: from + (to-from)*float64(i)/float64(n-1)})
		}
		return ps
	}
	gib := func(f float64) parsers.Opt { return parsers.Some(int64(f * (1 << 30))) }
	v := rules.Verdict{Outcome: rules.NoIncident, Summary: "No incident: 61,200 requests, 0 of them failed."}
	f := rules.Finding{Rule: "crawler-session-per-request", Role: rules.RoleHygiene, Title: "Googlebot from 3 addresses made 9,180 page requests and 99 % of the 9,201 new keys, 1.00 a request",
		Evidence: []correlate.Evidence{{File: "/var/log/nginx/access.log", Line: 12, Text: `192.168.1.105 - - [20/Apr/2026:00:00:01 +0000] "GET / HTTP/1.1" 200 5120 "-" "Mozilla/5.0 (compatible; Googlebot/2.1)"`}},
		Fixes:    []rules.Fix{{ID: "session-ttl", Title: "Give sess:* keys a TTL of 48 h", Kind: rules.KindManual, Text: "In the code: $redis->setex( $key, 172800, $data );", Undo: "take it back", Check: "redis-cli TTL sess:x"}}}
	g := rules.Finding{Rule: "redis-no-maxmemory", Role: rules.RoleContributing, Title: "Redis 6380 has no limit of its own: \x1b[31mmaxmemory is 0"}
	return &Live{
		At: at, Since: at.Add(-32 * time.Minute), Judged: at.Add(-3 * time.Second), Host: "shop1",
		Sources: []LiveSource{
			{Name: "/var/log/nginx/access.log", Format: "nginx-access", Lines: 61200, Skipped: 2, Bytes: 12 << 20, Last: at.Add(-2 * time.Second)},
			{Name: "/var/log/nginx/error.log", Format: "nginx-error", Trouble: "permission denied; waiting for it"},
			{Name: "redis-info", Format: "redis-info", Lines: 20480, Last: at.Add(-5 * time.Second)},
		},
		Memory:    parsers.HostMemory{TotalKB: parsers.Some(8 << 20), AvailableKB: parsers.Some(1 << 20)},
		Processes: []LiveProcess{{Name: "redis-server", N: 2, Bytes: 5 << 30}, {Name: "php-fpm8.2", N: 40, Bytes: 19 << 26}, {Name: "mysqld", N: 1, Bytes: 11 << 26}},
		Redis: []LiveRedis{
			{Name: "6379", At: at.Add(-5 * time.Second), Used: gib(4.1), RSS: gib(4.4), Max: gib(5), Policy: "noeviction",
				Stay: parsers.Some(45111), Expire: parsers.Some(12), StayPace: parsers.SomeF(153), MadePace: parsers.SomeF(153.4), LapsedPace: parsers.SomeF(0.4), Paced: 10 * time.Minute,
				UsedCurve: curve(3<<30, 4.1*(1<<30), 30), StayCurve: curve(5000, 45111, 30), ExpireCurve: curve(12, 12, 30),
				Forecast: &correlate.Forecast{Instance: "6379", Limit: "maxmemory", Room: 900 << 20, PerSecond: 80 << 10, In: 192 * time.Minute, Least: 160 * time.Minute, Most: 245 * time.Minute}},
			{Name: "6380", At: at, Used: gib(0.5), Stay: parsers.Some(3), Expire: parsers.Some(70221)},
		},
		Makers: LiveMakers{From: at.Add(-10 * time.Minute), To: at, Keys: "keys without expiry", Explained: 0.99, List: []LiveMaker{
			{Name: "Googlebot", Note: "private address, 3 addresses", Share: 0.988, PerMinute: 151.6}, {Name: "people", Note: "412 clients", Share: 0.008, PerMinute: 41},
			{Name: "/embed/\x1b[2Jchart.js", Note: "route, 20 clients", Share: 0, PerMinute: 3.25},
		}},
		Web:    LiveWeb{From: at.Add(-10 * time.Minute), To: at, Requests: 20000, Failed: 3},
		Ahead:  []rules.Fix{{ID: "session-ttl", Title: "Give sess:* keys a TTL of 48 h", Kind: rules.KindManual, Text: "In the code: $redis->setex( $key, 172800, $data );"}},
		Report: &rules.Report{Verdict: v, Findings: []rules.Finding{g, f}},
		Events: []LiveEvent{{Time: at.Add(-30 * time.Minute), Kind: "started", Text: "watching /var/log/nginx/access.log"}, {Time: at.Add(-20 * time.Minute), Kind: "finding", Finding: &f}},
	}
}

// The screens as they stand; every line is exactly within the terminal.
func TestScreens(t *testing.T) {
	for name, v := range map[string]View{
		"80x24": {Width: 80, Height: 24}, "200x50": {Width: 200, Height: 50}, "fix-80x24": {Width: 80, Height: 24, Page: PageItem, Selected: 2},
		"forecast-80x24": {Width: 80, Height: 24, Page: PageItem},
		"sources-80x24":  {Width: 80, Height: 24, Page: PageSources}, "events-80x24": {Width: 80, Height: 24, Page: PageEvents}, "keys-80x24": {Width: 80, Height: 24, Page: PageHelp},
	} {
		got, _ := Screen(leaking(), v)
		fits(t, got, v)
		golden(t, "screen-"+name+".txt", func(w io.Writer) error {
			_, err := io.WriteString(w, got+"\n")
			return err
		})
	}
}

// The README's picture is the screen.
func TestReadmeScreen(t *testing.T) {
	l := leaking()
	l.Sources, l.Redis = l.Sources[:1], l.Redis[:1]
	l.Makers.List = l.Makers.List[:2]
	l.Report.Findings[0] = rules.Finding{Rule: "redis-keys-without-ttl", Role: rules.RoleHygiene, Title: "45,111 of 45,123 keys (99.97 %) never expire, at 6.02 KiB each, and 220,320 more come a day"}
	slices.Reverse(l.Report.Findings)
	got, _ := Screen(l, View{Width: 80, Height: 20})
	readme, err := os.ReadFile("../../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	var picture []string
	for line := range strings.Lines(got) {
		picture = append(picture, strings.TrimRight(line, " \n"))
	}
	if want := "```text\n" + strings.Join(picture, "\n") + "\n```\n"; !strings.Contains(string(readme), want) {
		t.Errorf("README.md does not show\n%s", want)
	}
}

func fits(t *testing.T, screen string, v View) {
	t.Helper()
	lines := strings.Split(screen, "\n")
	if len(lines) > max(v.Height, 1) || v.Height >= leastHigh && v.Width >= leastWide && len(lines) != v.Height {
		t.Errorf("%dx%d: %d lines", v.Width, v.Height, len(lines))
	}
	for _, l := range lines {
		if w := lipgloss.Width(l); w > v.Width {
			t.Errorf("%dx%d: a line of %d: %q", v.Width, v.Height, w, l)
		}
	}
	if !v.Color && strings.Contains(screen, "\x1b") {
		t.Errorf("%dx%d: an escape sequence comes through", v.Width, v.Height)
	}
}

// Whatever the terminal's size and whatever is chosen, the screen fits.
func TestScreenFits(t *testing.T) {
	many := leaking()
	for i := range 40 {
		many.Report.Findings = append(many.Report.Findings, rules.Finding{Rule: fmt.Sprint(i), Role: rules.RoleHygiene, Title: strings.Repeat("日本語 words ", i)})
		many.Sources = append(many.Sources, LiveSource{Name: strings.Repeat("é", 3*i), Trouble: strings.Repeat("trouble ", i)})
		many.Events = append(many.Events, LiveEvent{Kind: "source", Source: "x", Text: strings.Repeat("y", 7*i)})
		many.Processes = append(many.Processes, LiveProcess{Name: strings.Repeat("日", i)})
	}
	for _, l := range []*Live{leaking(), many, {}, {Report: &rules.Report{}}, {Redis: []LiveRedis{{}, {Name: "x", Used: parsers.Some(1)}}, Makers: LiveMakers{Keys: "keys"}}} {
		for _, width := range []int{0, 1, 43, 44, 60, 79, 80, 129, 130, 200, 300} {
			for _, height := range []int{0, 1, 6, 7, 9, 12, 24, 50, 100} {
				for page := PageOverview; page <= PageHelp; page++ {
					v := View{Width: width, Height: height, Page: page, Selected: width % 50, Scroll: height % 11}
					got, back := Screen(l, v)
					fits(t, got, v)
					if n := len(l.Items()); width >= leastWide && height >= leastHigh && n > 0 && (back.Selected < 0 || back.Selected >= n) || back.Scroll < 0 {
						t.Fatalf("%+v came back as %+v of %d items", v, back, n)
					}
				}
			}
		}
	}
}

// A patch is shown to its last line, and a command to its last word.
func TestScreenShowsWholeFixes(t *testing.T) {
	l := leaking()
	diff := "--- a/etc/nginx/nginx.conf\n+++ b/etc/nginx/nginx.conf\n@@ -1,1 +1,41 @@\n http {\n"
	for i := range 40 {
		diff += fmt.Sprintf("+  line-%d;\n", i)
	}
	l.Ahead = []rules.Fix{{ID: "x", Title: "Do it", Kind: rules.KindPatch, Target: "etc/nginx/nginx.conf", Diff: diff, Check: "redis-cli " + strings.Repeat("argument ", 30) + "# last-word"}}
	all := ""
	for scroll := 0; scroll < 100; scroll += 10 {
		got, _ := Screen(l, View{Width: 80, Height: 24, Page: PageItem, Scroll: scroll})
		all += got
	}
	for _, want := range []string{"line-0;", "line-20;", "line-39;", "last-word"} {
		if !strings.Contains(all, want) {
			t.Errorf("no %s in\n%s", want, all)
		}
	}
}

// The chosen finding is on the screen, however many there are.
func TestScreenShowsTheChosen(t *testing.T) {
	l := leaking()
	l.Report.Findings, l.Redis = nil, nil
	for i := range 30 {
		l.Report.Findings = append(l.Report.Findings, rules.Finding{Rule: "r", Role: rules.RoleHygiene, Title: fmt.Sprintf("finding-%d has its number", i)})
	}
	for i := range 30 {
		for _, v := range []View{{Width: 80, Height: 24, Selected: i}, {Width: 200, Height: 50, Selected: i}, {Width: 50, Height: 12, Selected: i}} {
			if got, _ := Screen(l, v); !strings.Contains(got, fmt.Sprintf("finding-%d has", i)) {
				t.Fatalf("finding %d is not on\n%s", i, got)
			}
		}
	}
}
