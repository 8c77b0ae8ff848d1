package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"culprit/cmd/internal/report"
	"culprit/rules"
)

// Every line that a report cites exists and says what is cited.
func TestEvidenceIsThere(t *testing.T) {
	dirs, err := filepath.Glob("../../testdata/incidents/*")
	if err != nil || len(dirs) == 0 {
		t.Fatal("no incidents", err)
	}
	for _, dir := range fewer(dirs) {
		t.Run(filepath.Base(dir), func(t *testing.T) { checkEvidence(t, []byte(analyzed(t, dir)), dir) })
	}
}

// checkEvidence looks up all evidence of a report, which was made of the files in dir.
func checkEvidence(t *testing.T, reported []byte, dir string) {
	t.Helper()
	var rep any
	if err := json.Unmarshal(reported, &rep); err != nil {
		t.Fatal(err)
	}
	files := map[string][]string{}
	n := 0
	eachEvidence(rep, func(ev map[string]any) {
		file, _ := ev["file"].(string)
		line, _ := ev["line"].(float64)
		text, _ := ev["text"].(string)
		if file == "" {
			t.Errorf("evidence without a file: %v", ev)
			return
		}
		lines, ok := files[file]
		if !ok {
			lines = linesOf(t, file, dir)
			files[file] = lines
		}
		switch {
		case line < 1 || int(line) > len(lines):
			t.Errorf("%s:%v does not exist: %v", file, line, ev)
		case !says(lines[int(line)-1], text):
			t.Errorf("%s:%v is %q, cited as %q", file, line, lines[int(line)-1], text)
		}
		n++
	})
	if n == 0 && strings.Contains(string(reported), `"root-cause"`) {
		t.Error("a root cause without evidence")
	}
}

// eachEvidence finds every object with a file, a line and a text or a note.
func eachEvidence(v any, f func(map[string]any)) {
	switch v := v.(type) {
	case []any:
		for _, x := range v {
			eachEvidence(x, f)
		}
	case map[string]any:
		if _, ok := v["line"]; ok && v["file"] != nil {
			f(v)
		}
		for _, x := range v {
			eachEvidence(x, f)
		}
	}
}

// says: the line is the text, or begins with it, or is the INFO field that it quotes. What is blanked may be anything.
func says(line, text string) bool {
	rest := strings.TrimRight(line, "\r")
	parts := strings.Split(text, "***")
	for i, part := range parts {
		at := strings.Index(rest, part)
		if at < 0 || i == 0 && len(parts) > 1 && at > 0 {
			return false
		}
		rest = rest[at+len(part):]
	}
	return text == "" || len(parts) > 1 || strings.HasPrefix(strings.TrimSpace(line), strings.TrimSpace(text)) || strings.Contains(text, ":") && strings.Contains(line, text)
}

// linesOf reads a file as a report names it: a member of an archive is not looked into.
func linesOf(t *testing.T, file, dir string) []string {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		if f, err = os.Open(filepath.Join(dir, file)); err != nil {
			t.Errorf("cited file: %v", err)
			return nil
		}
	}
	defer f.Close()
	var r io.Reader = f
	if strings.HasSuffix(file, ".gz") {
		if r, err = gzip.NewReader(f); err != nil {
			t.Errorf("%s: %v", file, err)
			return nil
		}
	}
	var lines []string
	sc := bufio.NewScanner(r)
	sc.Buffer(nil, 16<<20)
	for sc.Scan() {
		lines = append(lines, sc.Text())
	}
	return lines
}

func asJSON(t *testing.T, rep *rules.Report) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := report.JSON(&b, rep); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
