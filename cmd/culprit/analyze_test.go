package main

import (
	"bytes"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The report does not show how many workers made it.
func TestReportDoesNotDependOnWorkers(t *testing.T) {
	dirs, err := filepath.Glob("../../testdata/incidents/*")
	if err != nil || len(dirs) == 0 {
		t.Fatal("no incidents", err)
	}
	for _, dir := range fewer(dirs) {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			want := analyzed(t, "--workers", "1", dir)
			for _, workers := range []string{"2", "7"} {
				if diff := cmp.Diff(want, analyzed(t, "--workers", workers, dir)); diff != "" {
					t.Errorf("-1 worker +%s:\n%.3000s", workers, diff)
				}
			}
		})
	}
}

// Nor do the reports of simulated hosts.
func TestSimulatedReportDoesNotDependOnWorkers(t *testing.T) {
	for i, sc := range append(scenes(), causes()...) {
		if i%9 > 0 || testing.Short() && i > 0 {
			continue
		}
		t.Run(sc.name+"/"+sc.cut, func(t *testing.T) {
			dir := folder(t, sc.play(1).files())
			want := analyzed(t, "--workers", "1", dir)
			for _, workers := range []string{"2", "8"} {
				if diff := cmp.Diff(want, analyzed(t, "--workers", workers, dir)); diff != "" {
					t.Errorf("-1 worker +%s:\n%.3000s", workers, diff)
				}
			}
		})
	}
}

// fewer are the incidents of testdata that a short run takes: it is the race detector's, under which each takes ten times as
// long, and shows it no more than the first. TestExpected judges them all in any run.
func fewer(dirs []string) []string {
	if !testing.Short() {
		return dirs
	}
	return slices.DeleteFunc(slices.Clone(dirs), func(dir string) bool { return !strings.Contains(dir, "magento-locks") })
}

func analyzed(t *testing.T, args ...string) string {
	t.Helper()
	var out, errs bytes.Buffer
	if code := run(t.Context(), append([]string{"--format", "json"}, args...), nil, &out, &errs); code != exitOK {
		t.Fatalf("exit code %d: %s", code, errs.Bytes())
	}
	return out.String()
}
