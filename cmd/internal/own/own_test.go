package own

import (
	"os"
	"strings"
	"testing"
	"time"

	"culprit/correlate"
	"culprit/rules"
)

// TestErrors: what is wrong with a file is said with its place, the line, and a caret under it.
func TestErrors(t *testing.T) {
	const head = "rules:\n  - id: a-rule\n    severity: hygiene\n"
	f := func(text, want string) {
		t.Helper()
		_, err := Load("house.yaml", []byte(text))
		if err == nil {
			t.Fatalf("no error, want %q", want)
		}
		if err.Error() != want {
			t.Errorf("got\n%s\nwant\n%s", err, want)
		}
	}
	f(head+"    condition: redis.keyz > 1\n    message: x\n",
		"house.yaml:4:16: no fact redis.keyz (culprit rules --facts lists them)\n    4 |     condition: redis.keyz > 1\n      |                ^")
	f(head+"    condition: redis.keys > 1 and redis.policy > 2\n    message: x\n",
		"house.yaml:4:48: invalid operation: > (mismatched types string and int)\n    4 |     condition: redis.keys > 1 and redis.policy > 2\n      |                                                ^")
	f(head+"    condition: |\n      redis.keys > 1 and\n      redis.keys >\n    message: x\n",
		"house.yaml:6:19: unexpected token EOF\n    6 |       redis.keys >\n      |                   ^")
	f(head+"    condition: redis.keys\n    message: x\n",
		"house.yaml:4:16: expected bool, but got float64\n    4 |     condition: redis.keys\n      |                ^")
	f(head+"    condition: redis.keys > 1\n    message: \"{redis.keys} of {redis.kings}\"\n",
		"house.yaml:5:32: no fact redis.kings (culprit rules --facts lists them)\n    5 |     message: \"{redis.keys} of {redis.kings}\"\n      |                                ^")
	f(head+"    condition: redis.keys > 1\n    message: \"{redis.keys\"\n",
		"house.yaml:5:15: { without its }\n    5 |     message: \"{redis.keys\"\n      |               ^")
	f(head+"    conditions: redis.keys > 1\n",
		"house.yaml:4:5: unknown field \"conditions\"\n    4 |     conditions: redis.keys > 1\n      |     ^")
	f(head+"    condition: redis.keys > 1\n    message: x\n    evidence: [redis.keys, web.request]\n",
		"house.yaml:6:28: no fact \"web.request\" (culprit rules --facts lists them)\n    6 |     evidence: [redis.keys, web.request]\n      |                            ^")
	f("rules:\n  - id: no-swap\n    severity: hygiene\n    condition: redis.keys > 1\n    message: x\n",
		"house.yaml:2:9: id \"no-swap\" is a built-in rule or cause: choose another\n    2 |   - id: no-swap\n      |         ^")
	f("rules:\n  - id: a-rule\n    severity: bad\n    condition: redis.keys > 1\n    message: x\n",
		"house.yaml:3:15: rule \"a-rule\" has the severity \"bad\": use one of contributing, symptom, hygiene\n    3 |     severity: bad\n      |               ^")
	f("thresholds:\n  no-swap.share: 2\n",
		"house.yaml:2:18: no-swap.share 2: use 0 to 1 (swap below this share of RAM counts as none: it holds the first minutes of any growth)\n    2 |   no-swap.share: 2\n      |                  ^")
	f("rules: &a [*a]\n", "house.yaml:1:8: anchors are not read here: spell it out\n    1 | rules: &a [*a]\n      |        ^")
	f("", "house.yaml: neither rules nor thresholds in it: begin with \"rules:\" (culprit rules --facts tells what they can ask)")
}

// TestBounds: an expression that could take long, or eat memory, is refused before it runs.
func TestBounds(t *testing.T) {
	f := func(condition, want string) {
		t.Helper()
		_, err := (&binder{facts: map[string]rules.Fact{}}).compile(condition, true)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60q: got %v, want %q", condition, err, want)
		}
	}
	f("any(web.addresses, any(web.agents, .count > 1))", "a list is walked for every row of another")
	f("any(web.addresses, len(filter(web.agents, .count > 1)) > 0)", "a list is walked for every row of another")
	f("any(1..1000000000, # > 1)", ".. is not offered")
	f("len(map(web.addresses, .name + .name)) > 0", "no function map")
	f(`repeat("x", 1000000000) == "x"`, "no function repeat")
	f("let x = redis.keys; x > 1", "is not offered")
	f("now() > now()", "no function now")
	f(strings.Repeat("redis.keys > 1 and ", 60)+"true", "more than 1000")
	f("env(redis.keys) > 1", "no such function")
	f(`$env["redis"] == 1`, "")
	f(strings.Repeat("(", 900)+"1"+strings.Repeat(")", 90), "")
}

// TestDivision: infinity is above every threshold, so a division by 0 is no answer.
func TestDivision(t *testing.T) {
	b := &binder{facts: map[string]rules.Fact{}}
	p, err := b.compile("redis.used_memory / redis.maxmemory > 0.9", true)
	if err != nil {
		t.Fatal(err)
	}
	run := func(used, limit float64) (any, error) {
		return p.run(bind(map[string]rules.Known{"redis.used_memory": {OK: true, Number: used}, "redis.maxmemory": {OK: true, Number: limit}}))
	}
	if v, err := run(95, 100); v != true || err != nil {
		t.Errorf("95 of 100: %v, %v", v, err)
	}
	if v, err := run(95, 0); err == nil {
		t.Errorf("95 of 0: %v", v)
	}
}

// TestUnknown: a fact that the input does not tell makes a rule not judged, and says which.
func TestUnknown(t *testing.T) {
	text, err := os.ReadFile("../../../testdata/own/house.yaml")
	if err != nil {
		t.Fatal(err)
	}
	o, err := Load("house.yaml", text)
	if err != nil {
		t.Fatal(err)
	}
	rep := o.Judge(correlate.NewTimeline().Incident(time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC), correlate.Options{}))
	why := map[string]string{}
	for _, n := range rep.NotJudged {
		why[n.Rule] = n.Why
	}
	for _, r := range o.Rules {
		if !strings.HasPrefix(why[r.ID], "no ") {
			t.Errorf("%s is not judged because %q", r.ID, why[r.ID])
		}
	}
}

func FuzzLoad(f *testing.F) {
	text, err := os.ReadFile("../../../testdata/own/house.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(text))
	f.Add("rules:\n  - {id: a, severity: hygiene, condition: 'redis.keys > 1', message: '{redis.keys}'}\n")
	f.Add("a: &a [*a, *a]\nrules: *a\n")
	f.Fuzz(func(t *testing.T, text string) {
		o, err := Load("f.yaml", []byte(text))
		if err == nil {
			o.Judge(correlate.NewTimeline().Incident(time.Time{}, correlate.Options{}))
		}
	})
}
