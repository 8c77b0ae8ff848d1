package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"culprit/cmd/internal/own"
)

// TestOwnRules runs the rules of testdata/own/house.yaml over their cases, testdata/own/<rule>/fires*.txtar and
// quiet*.txtar, through the command line. Every rule needs both kinds.
func TestOwnRules(t *testing.T) {
	const dir = "../../testdata/own"
	text, err := os.ReadFile(filepath.Join(dir, "house.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	o, err := own.Load("house.yaml", text)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range o.Rules {
		for _, kind := range []string{"fires", "quiet"} {
			cases, err := filepath.Glob(filepath.Join(dir, r.ID, kind+"*.txtar"))
			if err != nil || len(cases) == 0 {
				t.Errorf("%s: no case in which it %s", r.ID, kind)
			}
			for _, file := range cases {
				want := unpack(t, file)
				var out, errs bytes.Buffer
				code := run(t.Context(), []string{"--rules", filepath.Join(dir, "house.yaml"), "--format", "json", want.dir}, nil, &out, &errs)
				var rep struct {
					Findings []struct {
						Rule, Title string
						Evidence    []struct{ File string }
					}
					NotJudged []struct{ Rule, Why string } `json:"not_judged"`
				}
				if err := json.Unmarshal(out.Bytes(), &rep); err != nil || code != exitOK {
					t.Fatalf("%s: exit code %d, %v\n%s", file, code, err, errs.Bytes())
				}
				var titles []string
				for _, f := range rep.Findings {
					if f.Rule == r.ID {
						titles = append(titles, f.Title)
						if len(f.Evidence) == 0 {
							t.Errorf("%s: %q without evidence", file, f.Title)
						}
					}
				}
				for _, n := range rep.NotJudged {
					if n.Rule == r.ID {
						t.Errorf("%s: not judged: %s", file, n.Why)
					}
				}
				if diff := cmp.Diff(want.titles, titles); diff != "" {
					t.Errorf("%s (-want +got):\n%s", file, diff)
				}
				if kind == "quiet" && len(titles) > 0 {
					t.Errorf("%s: %d findings", file, len(titles))
				}
			}
		}
	}
}

type unpacked struct {
	dir    string
	titles []string
}

// unpack writes a case's files into a folder; its section "want" are the titles.
func unpack(t *testing.T, file string) unpacked {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	u := unpacked{dir: t.TempDir()}
	for _, part := range strings.Split("\n"+string(text), "\n-- ")[1:] {
		name, body, _ := strings.Cut(part, " --\n")
		if name == "want" {
			u.titles = strings.Split(strings.TrimSpace(body), "\n")
			continue
		}
		path := filepath.Join(u.dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, repeated(t, body+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return u
}

// A line "@400x2s TEXT" stands for 400 lines, each two seconds after the one before, {n} its number, as in testdata/rules.
var (
	repeatedLine = regexp.MustCompile(`^@(\d+)x(\w+) (.*)\n$`)
	logTime      = regexp.MustCompile(`\[(\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4})\]`)
)

const clfTime = "02/Jan/2006:15:04:05 -0700"

func repeated(t *testing.T, text string) []byte {
	t.Helper()
	var out bytes.Buffer
	for line := range strings.Lines(text) {
		m := repeatedLine.FindStringSubmatch(line)
		if m == nil {
			out.WriteString(line)
			continue
		}
		n, _ := strconv.Atoi(m[1])
		step, err := time.ParseDuration(m[2])
		if err != nil {
			t.Fatal(err)
		}
		for i := range n {
			s := strings.ReplaceAll(m[3], "{n}", strconv.Itoa(i+1))
			s = strings.ReplaceAll(s, "{n%200}", strconv.Itoa(i%200+1))
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
