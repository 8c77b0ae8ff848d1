package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// unitOf prints the unit of a watch with these flags.
func unitOf(t *testing.T, args ...string) (unit, complaint string, code int) {
	t.Helper()
	var out, errs strings.Builder
	code = run(t.Context(), append([]string{"watch", "--systemd"}, args...), strings.NewReader(""), &out, &errs)
	return out.String(), errs.String(), code
}

func TestUnitFlags(t *testing.T) {
	unit, _, code := unitOf(t, "--access-log", "/srv/my shop/50%.log", "--access-log", "rel.log", "--redis", "unix:///run/redis/$x.sock", "--kmsg", "--every", "10s", "--metrics", ":9189")
	if code != exitOK {
		t.Fatal(code)
	}
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	want := ` watch --plain "--access-log=/srv/my shop/50%%.log" --access-log=` + here + `/rel.log --kmsg=true --redis=unix:///run/redis/$$x.sock --metrics=:9189 --every=10s --record=/var/lib/culprit $CULPRIT_FLAGS` + "\n"
	if !strings.Contains(unit, want) {
		t.Errorf("no %q in\n%s", want, unit)
	}
	for _, line := range []string{"NoNewPrivileges=yes", "ProtectSystem=strict", "MemoryMax=256M", "DynamicUser=yes", "StateDirectory=culprit"} {
		if !strings.Contains(unit, "\n"+line+"\n") {
			t.Errorf("no %s", line)
		}
	}
	for flag, value := range map[string]string{"--redis": "redis://:hunter2@127.0.0.1", "--notify": "https://hooks.example.com/SECRET", "--record": "/tmp/x", "--until-finding=any": ""} {
		args := []string{flag, value}
		if value == "" {
			args = args[:1]
		}
		unit, complaint, code := unitOf(t, args...)
		if code != exitUsage || unit != "" || strings.Contains(complaint, "hunter2") || strings.Contains(complaint, "SECRET") {
			t.Errorf("%v: exit code %d, %s", args, code, complaint)
		}
	}
}

// A flag that is added to watch goes into the unit, or is kept out of it on purpose.
func TestUnitKnowsEveryFlag(t *testing.T) {
	code := 0
	for _, m := range regexp.MustCompile(`(?m)^ +(?:-\w, )?--([\w-]+)`).FindAllStringSubmatch(newWatch(&code).Flags().FlagUsages(), -1) {
		if name := m[1]; slices.Contains(unitFlags, name) == slices.Contains(unitNever, name) {
			t.Errorf("--%s: in unitFlags or in unitNever", name)
		}
	}
}

// systemd itself finds nothing wrong with it.
func TestUnitVerifies(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("systemd-analyze is not installed")
	}
	unit, complaint, code := unitOf(t, "--metrics", ":9189", "--access-log", "/var/log/a b.log")
	if code != exitOK {
		t.Fatal(complaint)
	}
	file := filepath.Join(t.TempDir(), "culprit.service")
	if err := os.WriteFile(file, []byte(unit), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(analyze, "verify", "--man=no", file).CombinedOutput(); err != nil || strings.Contains(string(out), "culprit.service:") {
		t.Errorf("%v: %s", err, out)
	}
}
