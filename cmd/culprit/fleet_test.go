package main

import (
	"strings"
	"testing"
)

// The README quotes where the fleet's incident was.
func TestReadmeFleet(t *testing.T) {
	_, quote, _ := strings.Cut(section(t, readme(t), "### Fleets"), "```text\n")
	quote, _, ok := strings.Cut(quote, "```")
	if !ok {
		t.Fatal("no quoted report under Fleets")
	}
	var out, errs strings.Builder
	if code := run(t.Context(), []string{"../../testdata/incidents/fleet"}, nil, &out, &errs); code != exitOK {
		t.Fatalf("exit code %d: %s", code, errs.String())
	}
	if !strings.Contains(out.String(), quote) {
		t.Errorf("the README quotes\n%s\nand the report begins\n%.1200s", quote, out.String())
	}
}

// A crawler that is spread over twelve web servers is one culprit, and the Redis that died is named, not its sibling; the
// same when every host gives a digest.
func TestFleetIsOneIncident(t *testing.T) {
	check := func(args ...string) map[string]any {
		t.Helper()
		told := toldBy(t, args...)
		inc := told["incident"].(map[string]any)
		if hosts, _ := inc["web_hosts"].([]any); inc["host"] != "redis02" || inc["redis"] != "Redis 6379 on redis02, one of 2" || len(hosts) != 12 {
			t.Errorf("%v: %v", args, inc)
		}
		agents := 0
		for _, c := range told["culprits"].([]any) {
			if c.(map[string]any)["kind"] == "user-agent" {
				agents++
			}
		}
		if agents != 1 {
			t.Errorf("%v: %d agents are culprits: %v", args, agents, told["culprits"])
		}
		return told
	}
	const dir = "../../testdata/incidents/fleet/"
	check(dir)
	var digests []string
	for _, host := range []string{"web01", "web02", "web03", "web04", "web05", "web06", "web07", "web08", "web09", "web10", "web11", "web12", "redis01", "redis02"} {
		digests = append(digests, makeDigest(t, host+".culprit", dir+host))
	}
	check(digests...)
}
