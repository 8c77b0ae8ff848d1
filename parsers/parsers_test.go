package parsers

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden files")

const testdata = "../testdata/parsers"

// TestGoldens reads every file of testdata/parsers/<parser>/ with that parser and compares its records with the
// <file>.golden beside it. Each file must also be recognised as that format, and every parser must have a file.
func TestGoldens(t *testing.T) {
	for _, p := range All() {
		t.Run(p.Name, func(t *testing.T) {
			files, err := filepath.Glob(filepath.Join(testdata, p.Name, "*"))
			if err != nil {
				t.Fatal(err)
			}
			cases := 0
			for _, file := range files {
				if strings.HasSuffix(file, ".golden") {
					continue
				}
				cases++
				t.Run(filepath.Base(file), func(t *testing.T) { golden(t, p, file) })
			}
			if cases == 0 {
				t.Errorf("no testdata/parsers/%s/*: every parser needs a sample of its format", p.Name)
			}
		})
	}
}

func golden(t *testing.T, p Parser, file string) {
	in, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Base(file)
	if got, ok := Detect(name, in[:min(len(in), 64<<10)]); !ok || got.Name != p.Name {
		t.Errorf("%s is taken for %q", name, got.Name)
	}
	sure := 0
	for _, p := range All() {
		s := p.Match(NewHead(name, in[:min(len(in), 64<<10)]))
		if s > p.Most {
			t.Errorf("%s says %d of %s, more than its Most", p.Name, s, name)
		}
		sure = max(sure, s)
	}
	if s := p.Match(NewHead(name, in[:min(len(in), 64<<10)])); s != sure {
		t.Errorf("Detect took %s, who says %d, where one says %d", p.Name, s, sure)
	}
	got := dump(t, p, name, in)
	want, err := os.ReadFile(file + ".golden")
	if *update {
		if err := os.WriteFile(file+".golden", got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(string(got), "\n")); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

// dump is what `culprit parse --json` prints for one file: a record a line, then the counts.
func dump(t *testing.T, p Parser, name string, in []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	src := &Source{Name: name, R: bytes.NewReader(in), Hints: testHints(name)}
	err := Read(p, src, func(r Record) {
		b, err := json.Marshal(r)
		if err != nil {
			t.Fatalf("%s:%d: %v", name, r.At.Line, err)
		}
		out.Write(append(b, '\n'))
	})
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(struct {
		Read, Skipped int
		FirstSkipped  *Skipped `json:",omitempty"`
	}{src.Read, src.Skipped, src.FirstSkipped})
	if err != nil {
		t.Fatal(err)
	}
	out.Write(append(b, '\n'))
	return out.Bytes()
}

// testHints reads the log_format lines of testdata/parsers/nginx-access/<name>.format where there is one: a first line
// with the name, then the format.
func testHints(name string) *Hints {
	text, err := os.ReadFile(filepath.Join(testdata, "nginx-access.formats", name))
	if err != nil {
		return nil
	}
	first, rest, _ := strings.Cut(string(text), "\n")
	escape, path, _ := strings.Cut(first, " ")
	return &Hints{LogFormats: []LogFormat{{Name: "test", Escape: escape, Format: strings.TrimRight(rest, "\n"), Paths: []string{path}}}}
}

// FuzzParsers gives the same bytes to every parser: none may panic, hang, or lose count of its lines.
func FuzzParsers(f *testing.F) {
	files, _ := filepath.Glob(filepath.Join(testdata, "*", "*"))
	for _, file := range files {
		if b, err := os.ReadFile(file); err == nil && !strings.HasSuffix(file, ".golden") && len(b) < 16<<10 {
			f.Add(b)
		}
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		for _, p := range All() {
			fuzzOne(t, p, in)
		}
	})
}

// fuzzParser is the body of each parser's own fuzz target: seeds from its testdata, then fuzzOne.
func fuzzParser(f *testing.F, name string) {
	p, ok := ByName(name)
	if !ok {
		f.Fatalf("no parser %q", name)
	}
	files, _ := filepath.Glob(filepath.Join(testdata, name, "*"))
	for _, file := range files {
		if b, err := os.ReadFile(file); err == nil && !strings.HasSuffix(file, ".golden") {
			f.Add(b)
		}
	}
	f.Fuzz(func(t *testing.T, in []byte) { fuzzOne(t, p, in) })
}

func fuzzOne(t *testing.T, p Parser, in []byte) {
	if s := p.Match(NewHead("fuzz", in)); s < 0 || s > p.Most {
		t.Fatalf("%s: Match says %d", p.Name, s)
	}
	src := &Source{Name: "fuzz", R: bytes.NewReader(in)}
	err := Read(p, src, func(r Record) {
		if r.Fact == nil || r.At.Line < 0 || r.At.Line > src.Read && src.Read > 0 {
			t.Fatalf("%s: record at line %d of %d, fact %v", p.Name, r.At.Line, src.Read, r.Fact)
		}
		b, err := json.Marshal(r)
		if err != nil || !json.Valid(b) {
			t.Fatalf("%s: %v: %q", p.Name, err, b)
		}
	})
	if err != nil {
		t.Fatalf("%s: an error without an IO failure: %v", p.Name, err)
	}
	if src.Skipped > 0 && src.FirstSkipped == nil {
		t.Fatalf("%s: %d lines skipped, the first is not kept", p.Name, src.Skipped)
	}
}

func TestSkipTellsOfKills(t *testing.T) {
	src := &Source{}
	kill := []byte("Out of memory: Killed process 640 (redis-server) total-vm:5012344kB")
	for _, step := range []struct {
		line int
		text []byte
		want int
	}{{9, []byte("x"), 9}, {7, []byte("x"), 7}, {8, kill, 8}, {3, []byte("x"), 8}, {5, kill, 5}, {6, kill, 5}} {
		if src.Skip(step.line, step.text, "why"); src.FirstSkipped.Line != step.want {
			t.Errorf("line %d: told of is line %d, want %d", step.line, src.FirstSkipped.Line, step.want)
		}
	}
	if src.Skipped != 6 {
		t.Errorf("%d skipped", src.Skipped)
	}
}
