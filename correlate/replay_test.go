package correlate

import (
	"math"
	"strings"
	"testing"
	"time"

	"culprit/parsers"
)

func TestBucketIsNginx(t *testing.T) {
	// limit_req rate=60r/m burst=3 nodelay, 10 requests at once and one a second later, by hand after ngx_http_limit_req_lookup:
	// the first finds no node, three fill the burst; after a second one has leaked.
	var b bucket
	passed := 0
	for range 10 {
		next, ok := b.offer(100, 1, 3)
		if b = next; ok {
			passed++
		}
	}
	if passed != 4 {
		t.Errorf("%d of 10 at once pass, want 4", passed)
	}
	if _, ok := b.offer(101, 1, 3); !ok {
		t.Error("a second later one must pass")
	}
	if _, ok := b.offer(100.5, 1, 3); ok {
		t.Error("half a second later none may pass")
	}
}

func webOf(t *testing.T, lines func(add func(at time.Time, addr, agent string))) *Web {
	t.Helper()
	tl := NewTimeline()
	n := 0
	lines(func(at time.Time, addr, agent string) {
		n++
		tl.Add(parsers.Record{Time: at, Clock: parsers.ZonedClock, At: parsers.Pos{File: "access.log", Line: n}, Raw: []byte("x"),
			Fact: &parsers.Access{Client: []byte(addr), Method: []byte("GET"), Path: []byte("/p"), Status: 200, Agent: []byte(agent), AgentLogged: true}})
	})
	return tl.webView()
}

func TestThrough(t *testing.T) {
	start := time.Date(2026, 4, 20, 0, 0, 0, 0, time.UTC)
	w := webOf(t, func(add func(time.Time, string, string)) {
		for i := range 600 { // ten a minute for an hour, from two addresses
			add(start.Add(time.Duration(i)*6*time.Second), []string{"192.0.2.1", "192.0.2.2"}[i%2], "ExampleBot/1.0")
		}
		for i := range 60 {
			add(start.Add(time.Duration(i)*time.Minute), "198.51.100.7", "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0")
		}
	})
	isBot := func(_, agent string) bool { return agent == "ExampleBot/1.0" }
	key := func(_, agent string) string {
		if isBot("", agent) {
			return "bot"
		}
		return ""
	}
	r := w.Through(nil, []Limit{{Key: key, Rate: 1.0 / 60, Burst: 5}}, isBot)
	// nginx keeps 1r/m as 16 thousandths a second: an hour lets 57.6 through, and the first and the burst once.
	if got := float64(r.Culprits.Passed()); math.Abs(got-63.6) > 2 {
		t.Errorf("%v of 600 pass, want about 63.6", got)
	}
	if r.Others.Refused != 0 || r.Others.Requests != 60 {
		t.Errorf("others: %+v", r.Others)
	}
	none := w.Through(nil, []Limit{{Key: key, Rate: 1, Burst: 5}}, isBot)
	if none.Culprits.Refused != 0 || !none.Culprits.First.IsZero() {
		t.Errorf("1r/s never fires on ten a minute: %+v", none.Culprits)
	}
	all := w.Through(isBot, nil, isBot)
	if all.Culprits.Refused != 600 || !all.Culprits.First.Equal(start) {
		t.Errorf("refused whatever the pace: %+v", all.Culprits)
	}
}

func settingsOf(t *testing.T, conf string) *Incident {
	t.Helper()
	tl := NewTimeline()
	p, ok := parsers.ByName("nginx-conf")
	if !ok {
		t.Fatal("no nginx-conf")
	}
	src := &parsers.Source{Name: "site.conf", R: strings.NewReader(conf)}
	if err := parsers.Read(p, src, tl.Add); err != nil {
		t.Fatal(err)
	}
	return tl.Incident(time.Unix(0, 0), Options{})
}

func TestAgentTests(t *testing.T) {
	inc := settingsOf(t, `
map $http_user_agent $bad_bot {
    default 0;
    ~*(AhrefsBot|SemrushBot) 1;
    "~MJ12(?!x)" 1;
    curl/8.0 1;
}
map $http_user_agent $ok { default 1; ~Good 0; }
server {
    if ($bad_bot) { return 403; }
    if ($http_user_agent ~* "(dotbot|petal)") { return 444; }
}
`)
	tests := inc.AgentTests()
	if len(tests) != 3 {
		t.Fatalf("%d tests, want 3", len(tests))
	}
	bad, ok, direct := tests[0], tests[1], tests[2]
	for agent, want := range map[string]bool{
		"Mozilla/5.0 (compatible; ahrefsbot/7.0)": true, "Googlebot/2.1": false, "": false, "CURL/8.0": true,
	} {
		if got := bad.Matches(agent); got != want {
			t.Errorf("$bad_bot of %q = %v", agent, got)
		}
	}
	if bad.Problem == "" || !bad.Stops() || bad.Use.Value() != "403" {
		t.Errorf("$bad_bot: problem %q, use %v", bad.Problem, bad.Use)
	}
	if !ok.Matches("x") || ok.Matches("Good") || ok.Stops() {
		t.Error("$ok: the default counts, and nothing uses it")
	}
	if !direct.Matches("DotBot/1.2") || direct.Matches("Googlebot") || !direct.Stops() {
		t.Errorf("the if on the agent: %+v", direct)
	}
}

func TestGate(t *testing.T) {
	g := settingsOf(t, `
geo $net { default 0; 192.0.2.0/24 1; 192.0.2.9 0; }
map "$net:$http_user_agent" $suspect { default ""; "~*^1:.*bot" bot; }
map $suspect $suspect_addr { default "$suspect $binary_remote_addr"; "" ""; }
limit_req_zone $suspect zone=all:1m rate=2r/m;
limit_req_zone $suspect_addr zone=each:1m rate=1r/s;
server {
    limit_req zone=all burst=5 nodelay;
    limit_req zone=each;
    location /x { limit_req zone=all burst=5 nodelay; limit_req zone=nowhere; }
    if ($http_user_agent = "") { return 403; }
    if ($request_method = POST) { return 405; }
}
`).GateOf()
	if len(g.Limits) != 2 || len(g.Problems) != 1 {
		t.Fatalf("limits %v, problems %v", g.Names, g.Problems)
	}
	if l := g.Limits[0]; l.Burst != 5 || math.Abs(l.Rate-2.0/60) > 1e-9 {
		t.Errorf("%+v", l)
	}
	for _, c := range []struct{ addr, agent, all, each string }{
		{"192.0.2.1", "GoogleBot", "bot", "bot 192.0.2.1"},
		{"192.0.2.9", "Googlebot", "", ""},
		{"198.51.100.1", "Googlebot", "", ""},
		{"192.0.2.1", "Firefox", "", ""},
	} {
		if all, each := g.Limits[0].Key(c.addr, c.agent), g.Limits[1].Key(c.addr, c.agent); all != c.all || each != c.each {
			t.Errorf("%s %s: %q %q", c.addr, c.agent, all, each)
		}
	}
	if !g.Refuse("192.0.2.1", "") || g.Refuse("192.0.2.1", "x") {
		t.Error("an empty agent is refused, another is not")
	}
}

func TestUnderTTL(t *testing.T) {
	start := time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)
	g := &Growth{}
	for h := range 10 * 24 { // 100 keys an hour for ten days
		g.Run = append(g.Run, Snapshot{At: start.Add(time.Duration(h) * time.Hour), Placed: true, NoTTL: parsers.Some(int64(h * 100)), Used: parsers.Some(int64(h) * 1e6)})
	}
	peak, _, ok := g.UnderTTL(48 * time.Hour)
	if !ok || peak != 4800 {
		t.Errorf("peak %d %v, want rate x TTL = 4800", peak, ok)
	}
	if at, ok := g.Reached(100e6 + 5e5); !ok || !at.Equal(start.Add(100*time.Hour+30*time.Minute)) {
		t.Errorf("reached %v %v", at, ok)
	}
	if _, ok := g.Reached(1e12); ok {
		t.Error("never reached")
	}
	short := &Growth{Run: g.Run[:1]}
	if _, _, ok := short.UnderTTL(time.Hour); ok {
		t.Error("one snapshot says nothing")
	}
}
