package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/charmbracelet/lipgloss"

	"culprit/rules"
)

var update = flag.Bool("update", false, "write the goldens instead of comparing")

func TestGoldens(t *testing.T) {
	for name, r := range map[string]*rules.Report{"tea-shop": teaShop(), "inconclusive": inconclusive(), "no-incident": noIncident()} {
		golden(t, name+".json", func(w io.Writer) error { return JSON(w, r) })
		golden(t, name+".md", func(w io.Writer) error { return Markdown(w, r, Options{}) })
		golden(t, name+".ticket.md", func(w io.Writer) error { return Ticket(w, r, Options{Zone: time.FixedZone("+0800", 8*3600)}) })
		golden(t, name+".html", func(w io.Writer) error { return htmlAlone(w, r) })
		golden(t, name+".sarif", func(w io.Writer) error { return sarifAlone(w, r) })
		golden(t, name+".txt", func(w io.Writer) error { return Text(w, r, Options{Source: name}) })
	}
	golden(t, "tea-shop-plain-quiet.txt", func(w io.Writer) error {
		return Text(w, teaShop(), Options{Source: "tea-shop", Quiet: true, ASCII: true})
	})
	golden(t, "tea-shop-120-verbose.txt", func(w io.Writer) error {
		return Text(w, teaShop(), Options{Source: "tea-shop", Width: 120, Verbose: true})
	})
}

func lineAt(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return "nothing"
}

// htmlAlone leaves out the style and the script, which TestBrowser looks at.
func htmlAlone(w io.Writer, r *rules.Report) error {
	var b bytes.Buffer
	if err := HTML(&b, r); err != nil {
		return err
	}
	text := regexp.MustCompile(`(?s)<(style|script)>.*?</`).ReplaceAllString(b.String(), "<$1></")
	_, err := io.WriteString(w, regexp.MustCompile(`sha256-[^&]*&`).ReplaceAllString(text, "sha256-&"))
	return err
}

// sarifAlone leaves out the documentation of the rules, which changes with them.
func sarifAlone(w io.Writer, r *rules.Report) error {
	log := newSARIF(r)
	log.Runs[0].Tool.Driver.Rules = nil
	for i := range log.Runs[0].Results {
		log.Runs[0].Results[i].RuleIndex = 0
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(log)
}

func golden(t *testing.T, name string, write func(io.Writer) error) {
	t.Helper()
	var b bytes.Buffer
	if err := write(&b); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("..", "..", "..", "testdata", "report", name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b.Bytes(), want) {
		have, wanted := strings.Split(b.String(), "\n"), strings.Split(string(want), "\n")
		for i := range max(len(have), len(wanted)) {
			if i >= len(have) || i >= len(wanted) || have[i] != wanted[i] {
				t.Fatalf("%s:%d differs (-update writes it)\ngot  %q\nwant %q", name, i+1, lineAt(have, i), lineAt(wanted, i))
			}
		}
	}
}

var ours = regexp.MustCompile(`\x1b\[[0-9;]*m`)

// Whatever a log holds, the page is made of printable characters and, with colour, of our own colour changes. No line is
// wider than the page but those of a command, which is to be pasted whole.
func TestTextHostile(t *testing.T) {
	for i, in := range hostile {
		for _, o := range []Options{{}, {Color: true}, {Verbose: true, Width: 50}, {Width: 200, Source: "x\x1b[2J"}, {Width: 1}} {
			for _, outcome := range []string{"", rules.RootCause, rules.NoIncident, rules.Inconclusive} {
				r := hostileReport(i)
				r.Verdict.Outcome = outcome
				withoutCommands(r)
				text := textOf(t, r, o)
				if o.Color {
					text = ours.ReplaceAllString(text, "")
				}
				width := max(o.Width, minWidth)
				if o.Width == 0 {
					width = 80
				}
				for _, l := range strings.Split(text, "\n") {
					if w := lipgloss.Width(l); w > width {
						t.Fatalf("%q, %+v: %d columns: %q", in, o, w, l)
					}
					for _, c := range l {
						if !unicode.IsPrint(c) {
							t.Fatalf("%q, %+v: %U reaches the terminal: %q", in, o, c, l)
						}
					}
				}
			}
		}
	}
}

// A word of 64 kB in every place once took minutes: each line it filled measured the rest again.
func TestTextLongWord(t *testing.T) {
	r := new(rules.Report)
	fill(reflect.ValueOf(r).Elem(), func() string { return strings.Repeat("緑", 1<<14) })
	withoutCommands(r)
	for _, l := range strings.Split(textOf(t, r, Options{}), "\n") {
		if w := lipgloss.Width(l); w > defaultWidth {
			t.Fatalf("%d columns: %q", w, l)
		}
	}
}

// withoutCommands leaves hostile commands that fit a line.
func withoutCommands(r *rules.Report) {
	for i := range r.Missing {
		r.Missing[i].Command = "\x1b[2J"
	}
	for i := range r.Fixes {
		r.Fixes[i].Text, r.Fixes[i].Check = "\x1b[2J", "\x1b[2J"
	}
}

func TestTextEmpty(t *testing.T) {
	textOf(t, &rules.Report{}, Options{})
	r := new(rules.Report)
	fill(reflect.ValueOf(r).Elem(), func() string { return "" })
	textOf(t, r, Options{Verbose: true})
}

func TestTextStopsAtTheFirstError(t *testing.T) {
	full := errors.New("disk full")
	w := &failing{err: full}
	if err := Text(w, teaShop(), Options{}); !errors.Is(err, full) || w.writes != 1 {
		t.Errorf("got %v after %d writes", err, w.writes)
	}
}

type failing struct {
	err    error
	writes int
}

func (f *failing) Write([]byte) (int, error) { f.writes++; return 0, f.err }

func TestFoldCommand(t *testing.T) {
	f := func(in string, width int, want ...string) {
		t.Helper()
		if got := foldCommand(in, width); !reflect.DeepEqual(got, want) {
			t.Errorf("foldCommand(%q, %d) = %q, want %q", in, width, got, want)
		}
	}
	f("uptime -s", 20, "uptime -s")
	f("journalctl -k --since 'a b c d e f' -o short", 24, `journalctl -k --since \`, `'a b c d e f' -o short`)
	f("cat /a/very/long/path/of/a/file", 10, `cat \`, "/a/very/long/path/of/a/file")
	f("echo 'one two three four five'", 12, `echo \`, "'one two three four five'")
	f("a # comment that goes on and on", 10, "a # comment that goes on and on")
}

// Wide characters take two columns; the columns after them stand where they stand in the other rows.
func TestTableWide(t *testing.T) {
	var b strings.Builder
	p := &page{out: &lines{w: &b}, width: 40, st: newStyles(false)}
	p.table(margin, []column{{yields: 4, path: true}, {right: true}}, [][]piece{
		{say(body, "logs/緑茶と烏龍茶/そして紅茶もあります.log"), say(body, "7")},
		{say(body, "access.log"), say(body, "34,270")},
	}, nil)
	for _, l := range strings.Split(strings.TrimSpace(b.String()), "\n") {
		if w := lipgloss.Width("  " + strings.TrimLeft(l, " ")); w > 40 || w < 39 {
			t.Errorf("%d columns: %q", w, l)
		}
	}
}

func TestNextHunk(t *testing.T) {
	diff := strings.Split("--- a/x\n+++ b/x\n@@ -3,5 +3,5 @@\n a\n b\n-c\n+C\n d\n e\n@@ -20 +20 @@\n-y\n+z\n\\ No newline at end of file\n--- a/y\n+++ b/y\n@@ -5 +4,0 @@\n--- dropped\n--- a/z\n+++ b/z\n@@ -0,0 +1 @@\n+new", "\n")
	f := func(number int, want ...string) {
		t.Helper()
		n, hunk, rest := nextHunk(diff)
		if n != number || !slices.Equal(hunk, want) {
			t.Errorf("got line %d %q, want line %d %q", n, hunk, number, want)
		}
		diff = rest
	}
	f(4, " b", "-c", "+C", " d")
	f(20, "-y", "+z", "\\ No newline at end of file")
	f(5, "--- dropped")
	f(0, "+new")
	f(0)
}

func TestCut(t *testing.T) {
	f := func(in string, width int, want string) {
		t.Helper()
		if got := clip(in, width); got != want {
			t.Errorf("clip(%q, %d) = %q, want %q", in, width, got, want)
		}
	}
	f("oolong", 6, "oolong")
	f("oolong", 5, "oolo…")
	f("緑茶と烏龍茶", 6, "緑茶…")
	f("緑茶と烏龍茶", 7, "緑茶と…")
	f("緑茶と烏龍茶", 2, "…")
	f("oolong", 1, "…")
	if got := clipPath("var/log/nginx/access.log", 12); got != "…/access.log" {
		t.Error(got)
	}
}

func textOf(t *testing.T, r *rules.Report, o Options) string {
	t.Helper()
	var b bytes.Buffer
	if err := Text(&b, r, o); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestASCII: a plain report of plain logs has no sign beyond ASCII, and no line is wider for it.
func TestASCII(t *testing.T) {
	for _, r := range []*rules.Report{teaShop(), inconclusive(), noIncident()} {
		text := textOf(t, r, Options{ASCII: true, Source: "x"})
		for line := range strings.Lines(text) {
			for _, c := range line {
				if c > unicode.MaxASCII {
					t.Errorf("%q in %q", c, line)
				}
			}
			if w := len(strings.TrimSuffix(line, "\n")); w > 80 && !strings.Contains(line, "  ") {
				t.Errorf("%d columns: %q", w, line)
			}
		}
	}
}
