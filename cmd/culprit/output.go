package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/term"

	"culprit/cmd/internal/report"
	"culprit/rules"
)

// renderer is a way to write the report, and the file endings that ask for it.
type renderer struct {
	name    string
	endings []string
	render  func(io.Writer, *rules.Report, report.Options) error
}

// renderers are the renderers that --format names; the first is the default.
var renderers = []renderer{
	{"text", []string{".txt"}, report.Text},
	{"json", []string{".json"}, plainly(report.JSON)},
	{"md", []string{".md", ".markdown"}, report.Markdown},
	{"ticket", nil, report.Ticket},
	{"html", []string{".html", ".htm"}, plainly(report.HTML)},
	{"sarif", []string{".sarif"}, plainly(report.SARIF)},
}

// plainly is a renderer whose page has no width and no colour.
func plainly(render func(io.Writer, *rules.Report) error) func(io.Writer, *rules.Report, report.Options) error {
	return func(w io.Writer, r *rules.Report, _ report.Options) error { return render(w, r) }
}

func formatNames() []string {
	var names []string
	for _, f := range renderers {
		names = append(names, f.name)
	}
	return names
}

func endings() []string {
	var all []string
	for _, f := range renderers {
		all = append(all, f.endings[:min(1, len(f.endings))]...)
	}
	return all
}

// target is one report to write: file "" is standard output.
type target struct {
	file string
	renderer
}

// targets are what --output and --format ask for. --format, where it is given, holds for every file whatever its ending.
func (a *analysis) targets() ([]target, error) {
	standard := renderers[0]
	if a.format != "" {
		i := slices.IndexFunc(renderers, func(f renderer) bool { return f.name == a.format })
		if i < 0 {
			return nil, fmt.Errorf("--format %q: use one of %s", a.format, strings.Join(formatNames(), ", "))
		}
		standard = renderers[i]
	}
	if len(a.outputs) == 0 {
		return []target{{"", standard}}, nil
	}
	var list []target
	for _, file := range a.outputs {
		t := target{file, standard}
		if a.format == "" {
			ending := strings.ToLower(filepath.Ext(file))
			if i := slices.IndexFunc(renderers, func(f renderer) bool { return slices.Contains(f.endings, ending) }); i >= 0 {
				t.renderer = renderers[i]
			}
		}
		if file == "" || file == "-" {
			t.file = ""
		}
		list = append(list, t)
	}
	return list, nil
}

// write renders in memory first: a report that cannot be written leaves no half of one behind.
func (t target) write(stdout io.Writer, r *rules.Report, o report.Options) error {
	if t.file == "" {
		o.Color, o.Width, o.ASCII = !o.ASCII && wantsColor(stdout), width(stdout), o.ASCII || os.Getenv("TERM") == "dumb"
	}
	var b bytes.Buffer
	if err := t.render(&b, r, o); err != nil {
		return err
	}
	if t.file == "" {
		_, err := stdout.Write(b.Bytes())
		return err
	}
	if err := os.WriteFile(t.file, b.Bytes(), 0o644); err != nil {
		return fmt.Errorf("--output: %w", err)
	}
	return nil
}

// maxWidth keeps lines short enough to find the next one.
const maxWidth = 120

// width is a terminal's, 0 when w is none.
func width(w io.Writer) int {
	if f, ok := w.(*os.File); ok {
		if n, _, err := term.GetSize(int(f.Fd())); err == nil {
			return min(n, maxWidth)
		}
	}
	return 0
}

// wantsColor says whether w is a terminal, and nobody asked it to stay plain.
func wantsColor(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd())) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}
