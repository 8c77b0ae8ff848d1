package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// TestHelp: the help of every command begins with what it does and a line to copy, and that line is understood.
func TestHelp(t *testing.T) {
	code := 0
	root := newRoot(&code)
	for _, cmd := range append(root.Commands(), root) {
		if cmd.Name() == "help" || cmd.Hidden {
			continue
		}
		var out, errs bytes.Buffer
		args := append(strings.Fields(cmd.CommandPath())[1:], "--help")
		if code := run(t.Context(), args, nil, &out, &errs); code != exitOK {
			t.Fatalf("%s --help: exit code %d: %s", cmd.CommandPath(), code, errs.Bytes())
		}
		if want := cmd.Short + ".\n\nExamples:\n  "; !strings.HasPrefix(out.String(), want) {
			t.Errorf("%s --help begins with %q, want %q", cmd.CommandPath(), firstLines(out.String(), 3), want)
		}
		for line := range strings.Lines(cmd.Example) {
			line, _, _ = strings.Cut(strings.TrimSpace(line), " >")
			if _, call, ok := strings.Cut(line, "culprit "); ok && cmd.Name() != "completion" {
				call, _, _ = strings.Cut(call, " |")
				if err := understood(strings.Fields(strings.ReplaceAll(call, `"`, ""))); err != nil {
					t.Errorf("%s: example %q: %v", cmd.CommandPath(), line, err)
				}
			}
		}
	}
}

func firstLines(s string, n int) string {
	return strings.Join(strings.SplitN(s, "\n", n+1)[:min(n, strings.Count(s, "\n"))], "\n")
}

// TestManAndCompletion: each is written, and tells of every command.
func TestManAndCompletion(t *testing.T) {
	f := func(args []string, want ...string) {
		t.Helper()
		var out, errs bytes.Buffer
		if code := run(t.Context(), args, nil, &out, &errs); code != exitOK {
			t.Fatalf("%q: exit code %d: %s", args, code, errs.Bytes())
		}
		for _, w := range want {
			if !strings.Contains(out.String(), w) {
				t.Errorf("%q: no %q in it", args, w)
			}
		}
	}
	var names []string
	code := 0
	for _, cmd := range newRoot(&code).Commands() {
		if cmd.Name() != "help" && cmd.Name() != "completion" {
			names = append(names, cmd.Name())
		}
	}
	f([]string{"man"}, append(names, ".TH CULPRIT 1", "exit-code")...)
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		f([]string{"completion", shell}, "culprit")
	}
	f([]string{cobra.ShellCompRequestCmd, "rules", "redis-no"}, "redis-no-maxmemory")
}

// TestMistyped: an error says what was meant, or what to do.
func TestMistyped(t *testing.T) {
	f := func(want string, wantCode int, args ...string) {
		t.Helper()
		var out, errs bytes.Buffer
		if code := run(t.Context(), args, nil, &out, &errs); code != wantCode || !strings.Contains(errs.String(), want) || out.Len() > 0 {
			t.Errorf("%q: exit code %d, %q, %d bytes of output; want %d, %q", args, code, errs.String(), out.Len(), wantCode, want)
		}
	}
	f("did you mean culprit analyze?", exitUnreadable, "analyse", "logs")
	f("no such file or folder: name what the outage left behind", exitUnreadable, "no-such-folder")
	f("did you mean --format?", exitUsage, "analyze", "--formt", "json", "x")
	f("(culprit fix --help lists the flags)", exitUsage, "fix", "--zzz")
	f(`no cause, rule or fix "no-swop" (no-swap?)`, exitUsage, "rules", "no-swop")
	f("--rules: open no-such.yaml", exitUsage, "--rules", "no-such.yaml", "../../testdata/own/house.yaml")
}
