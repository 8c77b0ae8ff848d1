package main

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"culprit/cmd/internal/collect"
	"culprit/cmd/internal/redact"
	"culprit/cmd/internal/report"
	"culprit/correlate"
	"culprit/rules"
)

// TestRedactedSaysNothing prints every incident of testdata redacted, in every format and as patches, and looks for
// everything that stood in the input and was to go. The verdict is that of the input as it is.
func TestRedactedSaysNothing(t *testing.T) {
	dirs, err := filepath.Glob("../../testdata/incidents/*/expected.json")
	if err != nil || len(dirs) == 0 {
		t.Fatalf("no incidents: %v", err)
	}
	prose := reportWords(t)
	for _, file := range fewer(dirs) {
		dir := filepath.Dir(file)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			t.Parallel()
			r := redact.New([]byte("a key for tests"))
			plain, _, err := incident(t.Context(), []string{dir}, "", nil, 2, correlate.Options{})
			if err != nil {
				t.Fatal(err)
			}
			inc, err := listed(t.Context(), []string{dir}, nil, 2, collect.LokiOptions{}).incident(t.Context(), "", r, time.Now(), correlate.Options{})
			if err != nil {
				t.Fatal(err)
			}
			want, got := rules.Judge(plain), rules.Judge(inc)
			if w, g := want.Verdict, got.Verdict; w.Outcome != g.Outcome || w.Cause != g.Cause || w.Confidence != g.Confidence || len(want.Culprits) != len(got.Culprits) {
				t.Errorf("redacted %s %s %v with %d culprits, else %s %s %v with %d", g.Outcome, g.Cause, g.Confidence, len(got.Culprits), w.Outcome, w.Cause, w.Confidence, len(want.Culprits))
			}
			pages := map[string]string{}
			for _, f := range renderers {
				var b bytes.Buffer
				if err := f.render(&b, got, report.Options{Verbose: true}); err != nil {
					t.Fatal(err)
				}
				pages[f.name] = b.String()
			}
			files, err := fixFiles(inc, got)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range files {
				pages[f.name] = f.text
			}
			looked := noLeak(t, r, namesIn(t, dir), pages, prose)
			if looked < 30 {
				t.Errorf("looked for %d names only", looked)
			}
		})
	}
}

// TestExportedCases shrinks every incident of testdata and runs what is left: the same verdict, and no name of the input.
func TestExportedCases(t *testing.T) {
	dirs, err := casesIn("../../testdata/incidents")
	if err != nil {
		t.Fatal(err)
	}
	effort := "8"
	if testing.Short() {
		effort = "2"
	}
	for _, dir := range fewer(dirs) {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			t.Parallel()
			want, err := readExpected(dir)
			if err != nil {
				t.Fatal(err)
			}
			library := t.TempDir()
			out := filepath.Join(library, "case")
			var stdout, stderr bytes.Buffer
			if code := run(t.Context(), []string{"export-case", dir, "--out", out, "--redact-key", "a key for tests", "--effort", effort}, nil, &stdout, &stderr); code != exitOK {
				t.Fatalf("exit %d: %s", code, &stderr)
			}
			got, err := readExpected(out)
			if err != nil {
				t.Fatal(err)
			}
			if got.Outcome != want.Outcome || got.Cause != want.Cause || want.Victim.PID != 0 && got.Victim.PID != want.Victim.PID {
				t.Errorf("the case is %s %s of %d, the incident %s %s of %d", got.Outcome, got.Cause, got.Victim.PID, want.Outcome, want.Cause, want.Victim.PID)
			}
			if code := run(t.Context(), []string{"test", library}, nil, &stdout, &stderr); code != exitOK {
				t.Errorf("exit %d of test: %s%s", code, &stdout, &stderr)
			}
			pages := map[string]string{}
			var before, after int64
			err = filepath.WalkDir(library, func(file string, e fs.DirEntry, err error) error {
				if err != nil || e.IsDir() {
					return err
				}
				text, err := os.ReadFile(file)
				pages[file] = strings.TrimPrefix(file, library) + "\n" + string(text)
				if filepath.Base(file) != expectedFile {
					after += int64(len(text))
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			noLeak(t, redact.New([]byte("a key for tests")), namesIn(t, dir), pages, nil)
			for _, u := range collect.List([]string{dir}, nil) {
				if err := u.Each(t.Context(), func(in collect.Input) error {
					n, err := io.Copy(io.Discard, in.R)
					before += n
					return err
				}); err != nil {
					t.Fatal(err)
				}
			}
			if after >= before || after == 0 {
				t.Errorf("%d bytes of %d are left", after, before)
			}
		})
	}
}

// noLeak looks for every original on the pages. A pseudonym may by chance be another's original: addresses of one small
// network trade places.
func noLeak(t *testing.T, r *redact.Redactor, originals map[string]bool, pages map[string]string, prose map[string]bool) (looked int) {
	made := map[string]bool{}
	for name := range originals {
		made[strings.ToLower(r.Text(name))] = true
	}
	token := regexp.MustCompile(`[0-9]+(?:\.[0-9]+){3}|[A-Za-z0-9]+`)
	shown := map[string]string{}
	for page, text := range pages {
		for _, w := range token.FindAllString(text, -1) {
			shown[strings.ToLower(w)] = page
		}
	}
	for name := range originals {
		if made[name] || prose[name] {
			continue
		}
		looked++
		if page, ok := shown[name]; ok {
			t.Errorf("%s of the redacted report holds %q, which stands in the input", page, name)
		}
	}
	return looked
}

// namesIn are the addresses, the ids and the words of an incident that name something: whatever is no word of the trade.
func namesIn(t *testing.T, dir string) map[string]bool {
	seen := map[string]bool{}
	token := regexp.MustCompile(`[0-9]+(?:\.[0-9]+){3}|[0-9A-Za-z]+`)
	for _, u := range collect.List([]string{dir}, nil) {
		err := u.Each(t.Context(), func(in collect.Input) error {
			text, err := io.ReadAll(in.R)
			if err != nil || in.Name == "README.md" || in.Name == "expected.json" {
				return err
			}
			for _, w := range token.FindAll(append(text, in.Name...), -1) {
				seen[string(w)] = true
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	names := map[string]bool{}
	digits := regexp.MustCompile(`[0-9]`)
	for w := range seen {
		n := len(digits.FindAllString(w, -1))
		if addr, err := netip.ParseAddr(w); err == nil {
			if !addr.IsLoopback() && addr.As4()[0] != 0 && addr.As4()[0] < 224 && addr.As4()[1]|addr.As4()[2]|addr.As4()[3] != 0 { // Chrome/120.0.0.0
				names[w] = true
			}
		} else if (n == 0 && len(w) > 3 && strings.Trim(strings.ToLower(w), "abcdef") != "" || n > 2 && n < len(w) && len(w) > 8) && !strings.Contains(w, ".") && redact.Names(w) {
			names[strings.ToLower(w)] = true
		}
	}
	return names
}

// reportWords are the words that the program prints of itself.
func reportWords(t *testing.T) map[string]bool {
	words := map[string]bool{}
	var texts []string
	files := slices.Concat(glob(t, "../internal/report/*"), glob(t, "*.go"))
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		if !strings.HasSuffix(file, ".go") {
			texts = append(texts, string(text))
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, text, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				texts = append(texts, lit.Value)
			}
			return true
		})
	}
	for _, text := range texts {
		for _, w := range regexp.MustCompile(`[A-Za-z]+`).FindAllString(text, -1) {
			words[strings.ToLower(w)] = true
		}
	}
	return words
}

func glob(t *testing.T, pattern string) []string {
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: %v", pattern, err)
	}
	return files
}
