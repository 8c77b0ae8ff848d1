package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// mayImport is the design: what a package may import besides the standard library (README, "How it works"). A package
// that is not listed may not exist; a name that ends in /... stands for all below it.
var mayImport = map[string][]string{
	"parsers": {
		"github.com/nginxinc/nginx-go-crossplane", "github.com/hdt3213/rdb/...",
	},
	"correlate": {"culprit/parsers"},
	"rules":     {"culprit/correlate", "culprit/parsers"},
	"cmd/internal/collect": {
		"culprit/parsers", "github.com/hpcloud/tail/...", "github.com/redis/go-redis/v9", "github.com/shirou/gopsutil/v3/...",
		"github.com/klauspost/compress/...", "github.com/ulikunitz/xz",
	},
	"cmd/internal/redact": {"culprit/cmd/internal/collect", "culprit/correlate", "culprit/parsers"},
	"cmd/internal/report": {
		"culprit/rules", "culprit/correlate", "culprit/parsers", "github.com/charmbracelet/lipgloss/...", "github.com/muesli/termenv",
	},
	"cmd/internal/own": {
		"culprit/rules", "culprit/correlate", "github.com/goccy/go-yaml/...", "github.com/expr-lang/expr/...",
	},
	"cmd/culprit": {
		"culprit/...", "github.com/spf13/cobra", "github.com/spf13/pflag", "github.com/muesli/mango-cobra", "github.com/muesli/roff", "github.com/charmbracelet/...", "golang.org/x/term",
	},
}

// inTests may be imported by tests, which do not ship.
var inTests = []string{"github.com/google/go-cmp/cmp", "github.com/rogpeppe/go-internal/testscript", "culprit/..."}

// inTestsOf is what the tests of one package may import besides: the replay is held against a real Redis.
var inTestsOf = map[string][]string{"cmd/culprit": {"github.com/redis/go-redis/v9"}}

// notBelowCmd are the ways by which a machine's state would leak into a verdict about another machine.
var notBelowCmd = map[string][]string{
	"time": {"Now", "Since", "Until", "Local"},
	"os":   {"Getenv", "LookupEnv", "Environ", "Hostname", "Open", "ReadFile", "ReadDir", "Stat", "Getwd"},
}

func TestImports(t *testing.T) {
	eachGoFile(t, func(file string, f *ast.File) {
		dir := path.Dir(file)
		allowed, listed := mayImport[dir]
		if !listed {
			t.Errorf("%s: package %s is not in the design's table", file, dir)
		}
		if strings.HasSuffix(file, "_test.go") {
			allowed = slices.Concat(allowed, inTests, inTestsOf[dir])
		}
		for _, spec := range f.Imports {
			imported, _ := strconv.Unquote(spec.Path.Value)
			if first, _, _ := strings.Cut(imported, "/"); first != "culprit" && !strings.Contains(first, ".") {
				continue // the standard library
			}
			if !slices.ContainsFunc(allowed, func(a string) bool { return covers(a, imported) }) {
				t.Errorf("%s: %s may not import %s", file, dir, imported)
			}
		}
	})
}

func TestNothingBelowCmdAsksTheMachine(t *testing.T) {
	eachGoFile(t, func(file string, f *ast.File) {
		if strings.HasPrefix(file, "cmd/") || strings.HasSuffix(file, "_test.go") {
			return
		}
		for _, spec := range f.Imports {
			if p, _ := strconv.Unquote(spec.Path.Value); p == "log" || strings.HasPrefix(p, "log/") || p == "net/http" || p == "os/exec" {
				t.Errorf("%s imports %s", file, p)
			}
		}
		ast.Inspect(f, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if x, ok := sel.X.(*ast.Ident); ok && slices.Contains(notBelowCmd[x.Name], sel.Sel.Name) {
				t.Errorf("%s uses %s.%s", file, x.Name, sel.Sel.Name)
			}
			return true
		})
	})
}

func covers(allowed, imported string) bool {
	if base, ok := strings.CutSuffix(allowed, "/..."); ok {
		return imported == base || strings.HasPrefix(imported, base+"/")
	}
	return imported == allowed
}

// eachGoFile parses every file of the module; names are relative to its root.
func eachGoFile(t *testing.T, f func(file string, parsed *ast.File)) {
	t.Helper()
	const root = "../.."
	fset := token.NewFileSet()
	err := filepath.WalkDir(root, func(file string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() && file != root && (strings.HasPrefix(e.Name(), ".") || e.Name() == "testdata") {
			return fs.SkipDir
		}
		if e.IsDir() || !strings.HasSuffix(file, ".go") {
			return nil
		}
		parsed, err := parser.ParseFile(fset, file, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		f(filepath.ToSlash(rel), parsed)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
