package main

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Every incident is written in every format that an ending names, at once: the page is well formed and leads nowhere, the others are JSON, and the
// curves agree with the files that they were drawn from.
func TestEveryFormat(t *testing.T) {
	dirs, err := filepath.Glob("../../testdata/incidents/*")
	if err != nil || len(dirs) == 0 {
		t.Fatal("no incidents", err)
	}
	for _, dir := range fewer(dirs) {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			tmp := t.TempDir()
			args := []string{}
			for _, ending := range endings() {
				args = append(args, "-o", filepath.Join(tmp, "r"+ending))
			}
			var out, errs bytes.Buffer
			if code := run(t.Context(), append(args, dir), nil, &out, &errs); code != exitOK || out.Len() > 0 {
				t.Fatalf("exit code %d, %s%s", code, out.Bytes(), errs.Bytes())
			}
			read := func(ending string) []byte {
				b, err := os.ReadFile(filepath.Join(tmp, "r"+ending))
				if err != nil {
					t.Fatal(err)
				}
				return b
			}
			checkPage(t, read(".html"))
			if !json.Valid(read(".sarif")) {
				t.Error("SARIF is not JSON")
			}
			checkCurves(t, read(".json"))
		})
	}
}

func checkPage(t *testing.T, page []byte) {
	t.Helper()
	for d := xml.NewDecoder(bytes.NewReader(page)); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatalf("the page is not well formed: %v", err)
		}
		if e, ok := token.(xml.StartElement); ok {
			for _, a := range e.Attr {
				if strings.Contains(a.Value, "//") || strings.HasPrefix(a.Name.Local, "on") || a.Name.Local == "src" || e.Name.Local == "script" {
					t.Errorf("<%s %s=%q>", e.Name.Local, a.Name.Local, a.Value)
				}
			}
		}
	}
}

func checkCurves(t *testing.T, text []byte) {
	t.Helper()
	var r struct {
		Series []struct {
			ID     string
			Points []struct {
				At    string
				Value float64
			}
		}
		Inputs []struct {
			Format string
			Facts  int
		}
	}
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatal(err)
	}
	sums := map[string]float64{}
	for _, s := range r.Series {
		last := ""
		for _, p := range s.Points {
			if sums[s.ID] += p.Value; p.At <= last || p.Value < 0 {
				t.Errorf("%s: %g at %s, after %s", s.ID, p.Value, p.At, last)
			}
			last = p.At
		}
		if len(s.Points) > 501 {
			t.Errorf("%s has %d points", s.ID, len(s.Points))
		}
	}
	requests := 0
	for _, in := range r.Inputs {
		if in.Format == "nginx-access" {
			requests += in.Facts
		}
	}
	if sums["requests"] != float64(requests) {
		t.Errorf("the curve sums to %g of %d requests", sums["requests"], requests)
	}
	if sums["requests-5xx"] > sums["requests"] || sums["requests-culprits"] > sums["requests"] {
		t.Errorf("parts are more than the whole: %v", sums)
	}
}
