package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	"culprit/parsers"
	"culprit/rules"
)

const readmeFile = "../../README.md"

// TestReadme holds the parts of README.md that a program can know: what culprit prints for the tea shop, and which causes,
// rules and fixes there are. With -update it writes them.
func TestReadme(t *testing.T) {
	have := readme(t)
	want := have
	for _, part := range []struct{ heading, text string }{
		{"## Try it", "```text\n" + excerpt(teaShopReport(t)) + "```\n"},
		{"### Causes", causeTable()},
		{"### Rules", list(rules.All(), func(r rules.Rule) string { return r.ID })},
		{"## Fixes", list(rules.FixMakers(), func(f rules.FixMaker) string { return f.ID })},
	} {
		want = replacePart(t, want, part.heading, part.text)
	}
	if *update {
		if err := os.WriteFile(readmeFile, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(strings.Split(have, "\n"), strings.Split(want, "\n")); diff != "" {
		t.Errorf("README.md is no longer true (go test ./cmd/culprit -run TestReadme -update mends it):\n%s", diff)
	}
}

// TestReadmeCommands runs every command line of the README as far as its flags, and wants every command and flag told.
func TestReadmeCommands(t *testing.T) {
	text := readme(t)
	lines := regexp.MustCompile("(?m)(?:^    |`)(?:go run \\./cmd/)?culprit( [^`\n#]*)").FindAllStringSubmatch(text, -1)
	if len(lines) < 5 {
		t.Errorf("%d command lines found", len(lines))
	}
	for _, line := range lines {
		if err := understood(strings.Fields(line[1])); err != nil {
			t.Errorf("culprit%s: %v", line[1], err)
		}
	}
	for _, name := range formatNames() {
		if !strings.Contains(text, "`--format "+name+"`") {
			t.Errorf("--format %s is not told", name)
		}
	}
	code := 0
	root := newRoot(&code)
	root.InitDefaultHelpFlag()
	for _, cmd := range append(root.Commands(), root) {
		if cmd.Hidden || cmd.Name() == "help" {
			continue
		}
		if cmd != root && !strings.Contains(text, "culprit "+cmd.Name()) {
			t.Errorf("culprit %s is not told", cmd.Name())
		}
		for _, flag := range regexp.MustCompile(`--[a-z-]+`).FindAllString(cmd.Flags().FlagUsages(), -1) {
			if flag != "--help" && !strings.Contains(text, flag) {
				t.Errorf("culprit %s %s is not told", cmd.Name(), flag)
			}
		}
	}
}

// TestReadmeFormats wants every parser in the table of formats once, and no other.
func TestReadmeFormats(t *testing.T) {
	var told, known []string
	for line := range strings.Lines(section(t, readme(t), "## What it reads")) {
		if cells := strings.Split(line, "|"); len(cells) == 5 {
			for _, name := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(cells[2], -1) {
				told = append(told, name[1])
			}
		}
	}
	for _, p := range parsers.All() {
		known = append(known, p.Name)
	}
	slices.Sort(told)
	if diff := cmp.Diff(known, told); diff != "" {
		t.Errorf("formats in the second column (-known +told):\n%s", diff)
	}
}

// TestReadmeJSON wants every key of the report told.
func TestReadmeJSON(t *testing.T) {
	var report map[string]any
	if err := json.Unmarshal([]byte(analyzed(t, "../../testdata/incidents/tea-shop")), &report); err != nil {
		t.Fatal(err)
	}
	told := section(t, readme(t), "## The JSON report")
	for key := range report {
		if !strings.Contains(told, "`"+key+"`") {
			t.Errorf("key %q of the report is not told", key)
		}
	}
}

// TestReadmeModules wants a reason for every module that go.mod requires directly, and for no other.
func TestReadmeModules(t *testing.T) {
	mod, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	var required, told []string
	for _, m := range regexp.MustCompile(`(?m)^\t(\S+) v\S+$`).FindAllStringSubmatch(string(mod), -1) {
		required = append(required, m[1])
	}
	for line := range strings.Lines(section(t, readme(t), "## Dependencies")) {
		if cells := strings.Split(line, "|"); len(cells) == 4 {
			for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(cells[1], -1) {
				told = append(told, m[1])
			}
		}
	}
	slices.Sort(told)
	if diff := cmp.Diff(required, told); diff != "" {
		t.Errorf("modules (-go.mod +README):\n%s", diff)
	}
}

func readme(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile(readmeFile)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// teaShopReport is what the README's command prints.
func teaShopReport(t *testing.T) string {
	t.Helper()
	t.Chdir("../..")
	defer t.Chdir("cmd/culprit")
	var out, errs bytes.Buffer
	if code := run(t.Context(), []string{"testdata/incidents/tea-shop"}, nil, &out, &errs); code != exitOK {
		t.Fatalf("exit code %d: %s", code, errs.Bytes())
	}
	return out.String()
}

// excerpt is the telling part of a report: the verdict, what happened, and the first fix with its effect.
func excerpt(report string) string {
	const cut = "[...]\n"
	var out strings.Builder
	from, title := 0, "the verdict"
	for _, next := range append(regexp.MustCompile(`(?m)^[A-Z][A-Z ]+ ───`).FindAllStringIndex(report, -1), nil) {
		part, after := report[from:], ""
		if next != nil {
			part, after = report[from:next[0]], report[next[0]:next[1]]
		}
		switch title {
		case "the verdict", "WHAT HAPPENED":
			out.WriteString(part)
		case "FIXES":
			first, _, _ := strings.Cut(part, "\n     risk ")
			out.WriteString(first + "\n" + cut)
		default:
			if !strings.HasSuffix(out.String(), cut+"\n") {
				out.WriteString(cut + "\n")
			}
		}
		title, _, _ = strings.Cut(after, " ───")
		from += len(part)
	}
	return strings.TrimSuffix(out.String(), cut+"\n")
}

// causeTable is the registry of causes as a table of names and sentences.
func causeTable() string {
	var out strings.Builder
	out.WriteString("| id | |\n|---|---|\n")
	for _, c := range rules.Causes() {
		fmt.Fprintf(&out, "| `%s` | %s |\n", c.ID, strings.ReplaceAll(strings.TrimSuffix(firstSentence(c.Doc), "."), "|", `\|`))
	}
	return out.String()
}

// list is a registry by its names, as a paragraph.
func list[T any](all []T, id func(T) string) string {
	var ids []string
	for _, one := range all {
		ids = append(ids, "`"+id(one)+"`")
	}
	return "`culprit rules` tells what each is:\n" + wrap(strings.Join(ids, ", "), 138) + "\n"
}

// section is what stands under a heading, up to the next of its kind.
func section(t *testing.T, text, heading string) string {
	t.Helper()
	_, text, ok := strings.Cut(text, "\n"+heading+"\n")
	if !ok {
		t.Fatalf("README.md has no heading %q", heading)
	}
	text, _, _ = strings.Cut(text, "\n## ")
	return text
}

// replacePart puts text in the place of the first block under the heading that begins with the same line.
func replacePart(t *testing.T, readme, heading, text string) string {
	t.Helper()
	under := section(t, readme, heading)
	first, _, _ := strings.Cut(text, "\n")
	from := strings.Index(under, first+"\n")
	if from < 0 {
		t.Fatalf("README.md: nothing under %q begins with %q", heading, first)
	}
	end := "\n\n" // of a table or paragraph
	if strings.HasPrefix(first, "```") {
		end = "\n```\n"
	}
	old := under[from:]
	if i := strings.Index(old, end); i >= 0 {
		old = old[:i+len(end)]
	}
	if end == "\n\n" && strings.HasSuffix(old, end) {
		old = strings.TrimSuffix(old, "\n")
	}
	return strings.Replace(readme, under, strings.Replace(under, old, text, 1), 1)
}

// understood says whether culprit knows the command and its flags.
func understood(args []string) error {
	code := 0
	root := newRoot(&code)
	root.SetOut(io.Discard)
	cmd, rest, err := root.Find(args)
	if err != nil {
		return err
	}
	if err := cmd.ParseFlags(rest); err != nil {
		return err
	}
	if cmd == root {
		return isPath(cmd)
	}
	return nil
}

// isPath tells a forgotten command from a path, which the root command takes as well.
func isPath(root *cobra.Command) error {
	for _, arg := range root.Flags().Args() {
		if regexp.MustCompile(`^[a-z]+$`).MatchString(arg) {
			return fmt.Errorf("no command %q", arg)
		}
	}
	return nil
}
