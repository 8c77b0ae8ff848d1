package redact

import (
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write lookedfor.txt")

// TestLookedFor holds lookedfor.txt to the words in the strings of parsers, correlate and rules: what the program looks
// for in a log must not be redacted out of it.
func TestLookedFor(t *testing.T) {
	words := map[string]bool{}
	add := func(text string) {
		for _, w := range regexp.MustCompile(`[A-Za-z][A-Za-z0-9]*`).FindAllString(text, -1) {
			for _, w := range append(humps(w), w) {
				if len(w) > 2 {
					words[strings.ToLower(w)] = true
				}
			}
		}
	}
	for _, pkg := range []string{"parsers", "correlate", "rules"} {
		files, err := filepath.Glob("../../../" + pkg + "/*.go")
		if err != nil || len(files) == 0 {
			t.Fatalf("no files of %s: %v", pkg, err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(parsed, func(n ast.Node) bool {
				if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
					text, err := strconv.Unquote(lit.Value)
					if err != nil {
						t.Fatal(err)
					}
					add(regexp.MustCompile(`\\[bBdDsSwWAz]`).ReplaceAllString(text, " "))
				}
				return true
			})
		}
	}
	routes, err := os.ReadFile("../../../correlate/routewords.txt")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(routes)) {
		if !strings.HasPrefix(line, "#") {
			add(line)
		}
	}
	var b strings.Builder
	b.WriteString("# Words in the strings of parsers, correlate and rules. Written by: go test ./cmd/internal/redact -run TestLookedFor -update\n")
	width := 0
	for _, w := range slices.Sorted(maps.Keys(words)) {
		if width += len(w) + 1; width > 140 {
			b.WriteByte('\n')
			width = len(w) + 1
		}
		b.WriteString(w + " ")
	}
	want := strings.ReplaceAll(b.String(), " \n", "\n")
	want = strings.TrimRight(want, " ") + "\n"
	if *update {
		if err := os.WriteFile("lookedfor.txt", []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	// A word that is new in the prose of a rule is no loss, and not every change of one should have to come by here.
	var missing []string
	for w := range words {
		if !known(w) {
			missing = append(missing, w)
		}
	}
	slices.Sort(missing)
	if len(missing) > len(words)/50 {
		t.Errorf("lookedfor.txt lacks %d of the %d words that parsers, correlate and rules know: go test ./cmd/internal/redact -run TestLookedFor -update\n%q", len(missing), len(words), missing)
	}
}
