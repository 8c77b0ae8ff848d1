package correlate

import (
	"fmt"
	"testing"
	"time"

	"culprit/parsers"
)

// A crawler makes two keys a second that stay, for half an hour; people's keys, one in ten seconds, expire. Only the last
// ten minutes count, in which the crawler has slowed down to one.
func TestRecently(t *testing.T) {
	began := time.Date(2026, 4, 20, 9, 0, 0, 0, time.UTC)
	tl := NewTimeline()
	line := 0
	in := &Instance{Name: "6379"}
	kept, expiring := int64(0), int64(0)
	ask := func(at time.Time, addr, agent string) {
		line++
		tl.Add(parsers.Record{Time: at, Clock: parsers.ZonedClock, At: parsers.Pos{File: "access.log", Line: line}, Raw: []byte("x"),
			Fact: &parsers.Access{Client: []byte(addr), Path: fmt.Appendf(nil, "/product/%d", line), Status: 200, Agent: []byte(agent), AgentLogged: true}})
	}
	for s := range 1800 {
		at := began.Add(time.Duration(s) * time.Second)
		n := 2
		if s >= 1200 {
			n = 1
		}
		for range n {
			ask(at, "203.0.113.7", "Mozilla/5.0 (compatible; ExampleBot/1.0; +http://example.com/bot)")
		}
		kept += int64(n)
		if s%10 == 0 {
			ask(at, fmt.Sprintf("198.51.%d.%d", s/256%256, s%256), "Mozilla/5.0 (X11; Linux x86_64) Firefox/149.0")
			expiring++
		}
		if s%10 == 5 {
			in.Snapshots = append(in.Snapshots, Snapshot{At: at, Placed: true, Info: &parsers.RedisInfo{}, Expired: parsers.Some(0),
				Keys: parsers.Some(kept + expiring), Expires: parsers.Some(expiring), NoTTL: parsers.Some(kept)})
		}
	}
	r := in.Recently(tl.Incident(began, Options{}).Web, 10*time.Minute)
	if r == nil || r.Counted != NoTTLKeys || r.Who == nil || len(r.Who.Shares) == 0 {
		t.Fatalf("%+v", r)
	}
	if took := r.To.Sub(r.From); took < 8*time.Minute || took > 10*time.Minute {
		t.Errorf("measured over %v", took)
	}
	if a := r.Kept.Or(0); float64(a) < 0.98*r.To.Sub(r.From).Seconds() || float64(a) > 1.02*r.To.Sub(r.From).Seconds() {
		t.Errorf("%d keys stayed in %v, want one a second", a, r.To.Sub(r.From))
	}
	if lead := r.Who.Shares[0]; lead.Group.Name != "ExampleBot" || lead.Share < 0.95 || lead.Share > 1.05 {
		t.Errorf("%s made %.2f of them", lead.Group.Name, lead.Share)
	}
	if r.Lapsed != parsers.Some(0) {
		t.Errorf("%v lapsed", r.Lapsed)
	}
}

func TestRecentlyUnknown(t *testing.T) {
	one := Snapshot{At: time.Unix(0, 0), Placed: true, Info: &parsers.RedisInfo{}, Keys: parsers.Some(3)}
	blind := one
	blind.Keys = parsers.Opt{}
	for name, in := range map[string]*Instance{"none": {}, "one": {Snapshots: []Snapshot{one}}, "keyless": {Snapshots: []Snapshot{blind, blind, blind}}} {
		if r := in.Recently(nil, time.Hour); r != nil {
			t.Errorf("%s: %+v", name, r)
		}
	}
	later := one
	later.At, later.Keys = time.Unix(10, 0), parsers.Some(13)
	r := (&Instance{Snapshots: []Snapshot{one, later}}).Recently(nil, time.Hour)
	if r == nil || r.Made != parsers.Some(10) || r.Kept.OK || r.Who != nil {
		t.Errorf("%+v", r)
	}
}
