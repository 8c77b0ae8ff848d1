package rules

import (
	"bytes"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"culprit/correlate"
	"culprit/parsers"
)

var update = flag.Bool("update", false, "rewrite the expected titles")

const testdata = "../testdata/rules"

// TestRules runs every rule alone over its cases, testdata/rules/<rule>/fires*.txtar and quiet*.txtar (or folders of the
// same names, their expectation in a file called want). A case is a small incident: the files of a host, and in the
// section "want" the titles of the findings, one a line. In the files a line
//
//	@200x30s 192.0.2.7 - - [19/Apr/2026:10:00:00 +0000] "GET /p/{n} HTTP/1.1" 200 9 "-" "-"
//
// stands for 200 lines, each 30 seconds after the one before, {n} its number, {n%200} 1 to 200 in turn.
//
// A rule must have a case in which it fires and one in which it has all it needs and stays quiet; a patch that a finding
// carries must silence it.
func TestRules(t *testing.T) {
	for _, r := range All() {
		t.Run(r.ID, func(t *testing.T) {
			dir := filepath.Join(testdata, r.ID)
			entries, err := os.ReadDir(dir)
			if err != nil {
				t.Fatal(err)
			}
			fires, quiet := 0, 0
			for _, e := range entries {
				name := e.Name()
				switch {
				case strings.HasPrefix(name, "fires"):
					fires++
				case strings.HasPrefix(name, "quiet"):
					quiet++
				default:
					t.Errorf("%s: a case is called fires* or quiet*", name)
					continue
				}
				t.Run(strings.TrimSuffix(name, ".txtar"), func(t *testing.T) { testRule(t, r, filepath.Join(dir, name)) })
			}
			if fires == 0 || quiet == 0 {
				t.Errorf("%d cases fire and %d stay quiet: a rule needs both", fires, quiet)
			}
			if r.Doc == "" {
				t.Error("no manual page")
			}
		})
	}
}

// TestCasesHaveRules finds folders that a renamed rule left behind.
func TestCasesHaveRules(t *testing.T) {
	entries, err := os.ReadDir(testdata)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !slices.ContainsFunc(All(), func(r Rule) bool { return r.ID == e.Name() }) {
			t.Errorf("testdata/rules/%s: no such rule", e.Name())
		}
	}
}

func testRule(t *testing.T, r Rule, path string) {
	files, want := readCase(t, path)
	got := runRule(t, r, files)
	var titles []string
	for _, f := range got {
		titles = append(titles, f.Title)
		checkFinding(t, f, files)
	}
	if *update && strings.HasSuffix(path, ".txtar") {
		rewriteWant(t, path, titles)
		return
	}
	if diff := cmp.Diff(want, titles); diff != "" {
		t.Errorf("titles (-want +got):\n%s", diff)
	}
	if quiet := strings.HasPrefix(filepath.Base(path), "quiet"); quiet != (len(got) == 0) {
		t.Errorf("%d findings", len(got))
	}
	for _, f := range got {
		for _, fix := range f.Fixes {
			fixSilences(t, r, f, fix, files)
		}
	}
}

// runRule runs one rule over the files, which must hold what it needs.
func runRule(t *testing.T, r Rule, files []caseFile) []Finding {
	t.Helper()
	c := Open(incidentOf(t, files))
	for _, need := range r.Needs {
		if !c.Has(need) {
			t.Fatalf("not judged: no %s in the case", need)
		}
	}
	return r.Check(c)
}

// fixSilences: a patch applied to the file it is for must silence its finding, and so be the whole remedy.
func fixSilences(t *testing.T, r Rule, f Finding, fix Fix, files []caseFile) {
	t.Helper()
	if fix.Kind != KindPatch {
		return
	}
	i := slices.IndexFunc(files, func(c caseFile) bool { return c.name == fix.Target })
	if i < 0 {
		t.Errorf("fix %s is a patch of %q, which the case has not", fix.ID, fix.Target)
		return
	}
	t.Logf("fix %s is tried on %s", fix.ID, fix.Target)
	text, err := Apply(files[i].text, fix)
	if err != nil {
		t.Errorf("fix %s: %v", fix.ID, err)
		return
	}
	if bytes.Equal(text, files[i].text) {
		t.Errorf("fix %s changes nothing in %s", fix.ID, fix.Target)
	}
	patched := slices.Clone(files)
	patched[i].text = text
	for _, left := range runRule(t, r, patched) {
		if left.Title == f.Title {
			t.Errorf("with fix %s in %s the rule still says: %s\n%s", fix.ID, fix.Target, left.Title, text)
		}
	}
}

// checkFinding: a finding is one sentence and quotes lines that are there.
func checkFinding(t *testing.T, f Finding, files []caseFile) {
	t.Helper()
	first, _ := utf8.DecodeRuneInString(f.Title)
	switch {
	case f.Title == "":
		t.Error("a finding without a title")
	case !unicode.IsUpper(first) && !unicode.IsDigit(first) && first != '"' && first != '/':
		t.Errorf("title %q begins with neither a subject nor a number", f.Title)
	case strings.HasSuffix(f.Title, ".") || strings.Contains(f.Title, ". ") || strings.Contains(f.Title, "\n"):
		t.Errorf("title %q is not one sentence without a full stop", f.Title)
	case strings.Contains(f.Title, "%!") || strings.Contains(f.Detail, "%!"):
		t.Errorf("title %q, detail %q: a verb of fmt went wrong", f.Title, f.Detail)
	}
	if !slices.Contains([]string{RoleRoot, RoleContributing, RoleSymptom, RoleHygiene}, f.Role) {
		t.Errorf("%q has the role %q", f.Title, f.Role)
	}
	if len(f.Evidence) == 0 {
		t.Errorf("%q has no evidence", f.Title)
	}
	for _, ev := range slices.Concat(f.Evidence, f.Against) {
		checkEvidence(t, f.Title, ev, files)
	}
	for _, q := range f.Quantities {
		if q.Name == "" || q.Unit == "" {
			t.Errorf("%q: quantity %+v has no name or no unit", f.Title, q)
		}
	}
}

func checkEvidence(t *testing.T, title string, ev correlate.Evidence, files []caseFile) {
	t.Helper()
	i := slices.IndexFunc(files, func(c caseFile) bool { return c.name == ev.File })
	if i < 0 {
		t.Errorf("%q cites %q, which the case has not", title, ev.File)
		return
	}
	lines := strings.Split(strings.TrimSuffix(string(files[i].text), "\n"), "\n")
	if ev.Line < 1 || ev.Line > len(lines) {
		t.Errorf("%q cites %s:%d, which has %d lines", title, ev.File, ev.Line, len(lines))
		return
	}
	if ev.Text != "" && !strings.Contains(string(parsers.BlankSessionIDs([]byte(lines[ev.Line-1]))), strings.TrimSpace(ev.Text)) {
		t.Errorf("%q cites %s:%d as %q; it is %q", title, ev.File, ev.Line, ev.Text, lines[ev.Line-1])
	}
}

// ---- a case ----

type caseFile struct {
	name string
	text []byte
}

func readCase(t *testing.T, path string) (files []caseFile, want []string) {
	t.Helper()
	if strings.HasSuffix(path, ".txtar") {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		files = sections(text)
	} else {
		err := filepath.WalkDir(path, func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			text, err := os.ReadFile(name)
			rel, _ := filepath.Rel(path, name)
			files = append(files, caseFile{filepath.ToSlash(rel), text})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if i := slices.IndexFunc(files, func(f caseFile) bool { return f.name == "want" }); i >= 0 {
		for line := range strings.Lines(string(files[i].text)) {
			want = append(want, strings.TrimSpace(line))
		}
		files = slices.Delete(files, i, i+1)
	}
	for i := range files {
		files[i].text = repeatLines(t, files[i].text)
	}
	return files, want
}

// sections splits an archive at its "-- name --" lines; what stands before the first tells what the case is.
func sections(text []byte) []caseFile {
	var files []caseFile
	for line := range bytes.Lines(text) {
		s := strings.TrimSuffix(string(line), "\n")
		if strings.HasPrefix(s, "-- ") && strings.HasSuffix(s, " --") && len(s) > 6 {
			files = append(files, caseFile{name: s[3 : len(s)-3]})
			continue
		}
		if n := len(files); n > 0 {
			files[n-1].text = append(files[n-1].text, line...)
		}
	}
	return files
}

var (
	repeated  = regexp.MustCompile(`^@(\d+)x(\w+) (.*)\n$`)
	remainder = regexp.MustCompile(`\{n%\d+\}`)
	logTime   = regexp.MustCompile(`\[(\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4})\]`)
)

const clfTime = "02/Jan/2006:15:04:05 -0700"

func repeatLines(t *testing.T, text []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	for line := range bytes.Lines(text) {
		m := repeated.FindStringSubmatch(string(line))
		if m == nil {
			out.Write(line)
			continue
		}
		n, _ := strconv.Atoi(m[1])
		step, err := time.ParseDuration(m[2])
		if err != nil {
			t.Fatal(err)
		}
		for i := range n {
			s := strings.ReplaceAll(m[3], "{n}", strconv.Itoa(i+1))
			s = remainder.ReplaceAllStringFunc(s, func(old string) string {
				of, _ := strconv.Atoi(strings.Trim(old, "{n%}"))
				return strconv.Itoa(i%max(of, 1) + 1)
			})
			s = logTime.ReplaceAllStringFunc(s, func(old string) string {
				at, err := time.Parse(clfTime, strings.Trim(old, "[]"))
				if err != nil {
					t.Fatal(err)
				}
				return "[" + at.Add(time.Duration(i)*step).Format(clfTime) + "]"
			})
			fmt.Fprintln(&out, s)
		}
	}
	return out.Bytes()
}

// rewriteWant puts the titles into the archive's last section.
func rewriteWant(t *testing.T, path string, titles []string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if i := bytes.Index(text, []byte("\n-- want --\n")); i >= 0 {
		text = text[:i+1]
	}
	if len(titles) > 0 {
		text = append(text, "-- want --\n"+strings.Join(titles, "\n")+"\n"...)
	}
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
}

// judgedAt stands in for the present, which only places years that no file tells.
var judgedAt = time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)

// incidentOf reads files as cmd does, without its archives, workers and census.
// hostFolder is a folder that stands for a host of several: db1/kern.log.
var hostFolder = regexp.MustCompile(`^([a-z]+\d)/`)

func incidentOf(t *testing.T, files []caseFile) *correlate.Incident {
	t.Helper()
	line := correlate.NewTimeline()
	hints := hintsOf(t, files)
	for _, f := range files {
		host := ""
		if m := hostFolder.FindStringSubmatch(f.name); m != nil {
			host = m[1]
		}
		in := correlate.Input{File: f.name, Host: host, Bytes: int64(len(f.text)), ModTime: judgedAt}
		src := &parsers.Source{Name: f.name, Host: host, ModTime: judgedAt, Hints: hints, R: bytes.NewReader(f.text)}
		p, ok := parsers.Detect(f.name, f.text[:min(len(f.text), 64<<10)])
		if !ok {
			t.Fatalf("%s: no parser knows this format", f.name)
		}
		in.Format = p.Name
		if err := parsers.Read(p, src, func(r parsers.Record) { in.Facts++; line.Add(r) }); err != nil {
			t.Fatalf("%s: %v", f.name, err)
		}
		if src.Skipped > 0 {
			t.Errorf("%s:%d, read as %s: %s", f.name, src.FirstSkipped.Line, p.Name, src.FirstSkipped.Why)
		}
		in.Read, in.Skipped, in.FirstSkipped = src.Read, src.Skipped, src.FirstSkipped
		line.AddInput(in)
	}
	return line.Incident(judgedAt, correlate.Options{})
}

// hintsOf collects the log formats that the nginx files define.
func hintsOf(t *testing.T, files []caseFile) *parsers.Hints {
	t.Helper()
	var settings []parsers.Record
	for _, f := range files {
		p, ok := parsers.Detect(f.name, f.text[:min(len(f.text), 64<<10)])
		if !ok || p.Name != "nginx-conf" {
			continue
		}
		src := &parsers.Source{Name: f.name, R: bytes.NewReader(f.text)}
		if err := parsers.Read(p, src, func(r parsers.Record) { settings = append(settings, r) }); err != nil {
			t.Fatal(err)
		}
	}
	return &parsers.Hints{LogFormats: parsers.LogFormats(settings...)}
}
