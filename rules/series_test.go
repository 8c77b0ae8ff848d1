package rules

import (
	"testing"
	"time"

	"culprit/correlate"
	"culprit/parsers"
)

func TestBinWidth(t *testing.T) {
	f := func(span, bin, want time.Duration) {
		t.Helper()
		got := binWidth(span, bin)
		if got != want || got%bin != 0 || span/got >= maxPoints {
			t.Errorf("binWidth(%s, %s) = %s, want %s", span, bin, got, want)
		}
	}
	f(0, time.Minute, time.Minute)
	f(8*time.Hour, time.Minute, time.Minute)
	f(24*time.Hour, time.Minute, 5*time.Minute)
	f(40*24*time.Hour, time.Minute, 2*time.Hour)
	f(24*time.Hour, 32*time.Minute, 32*time.Minute)
	f(40*24*time.Hour, 16*time.Minute, 128*time.Minute)
	f(20*365*24*time.Hour, time.Minute, 21067*time.Minute) // a log with one line of a wrong year
}

// Of too many snapshots the highest of each stretch stay, a restart stays a gap, and unknown values are no points.
func TestSeriesRead(t *testing.T) {
	start := time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)
	in := &correlate.Instance{}
	add := func(minute int, used parsers.Opt, run int) {
		in.Snapshots = append(in.Snapshots, correlate.Snapshot{At: start.Add(time.Duration(minute) * time.Minute), Placed: true, Used: used, Run: run,
			Pos: parsers.Pos{File: "info.txt"}})
	}
	in.Snapshots = append(in.Snapshots, correlate.Snapshot{Used: parsers.Some(7)})
	used := func(s *correlate.Snapshot) parsers.Opt { return s.Used }
	for i := range 3 {
		add(i, parsers.Some(int64(i)), i/2)
	}
	add(3, parsers.Opt{}, 1)
	var few Series
	few.read(in, used)
	if len(few.Points) != 3 || few.Note != "" || few.Points[1].Gap || !few.Points[2].Gap || few.Source != "info.txt" {
		t.Errorf("few: %+v", few)
	}

	in.Snapshots = nil
	for i := range 5000 {
		v := int64(100)
		if i == 2503 {
			v = 1 << 30
		}
		add(i, parsers.Some(v), i/4000)
	}
	var many Series
	many.read(in, used)
	peak, gaps := 0.0, 0
	for i, p := range many.Points {
		peak = max(peak, p.Value)
		if p.Gap {
			gaps++
		}
		if i > 0 && !p.At.After(many.Points[i-1].At) {
			t.Fatalf("point %d is not after the one before", i)
		}
	}
	if len(many.Points) > maxPoints || len(many.Points) < maxPoints-5 || peak != 1<<30 || gaps != 1 || many.Note == "" {
		t.Errorf("many: %d points, peak %g, %d gaps, note %q", len(many.Points), peak, gaps, many.Note)
	}
}

// A storm is one mark, and of too many the weightiest stay.
func TestMarks(t *testing.T) {
	at := time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)
	inc := &correlate.Incident{Redis: []*correlate.Instance{{}}}
	log := &inc.Redis[0].Log
	for i := range 1000 {
		*log = append(*log, correlate.RedisEvent{RedisEvent: parsers.RedisEvent{Event: "oom-refused"}, At: at.Add(time.Duration(i) * time.Second), Placed: true})
	}
	for i := range 100 {
		*log = append(*log, correlate.RedisEvent{RedisEvent: parsers.RedisEvent{Event: "save-failed"}, At: at.Add(time.Duration(i) * time.Hour), Placed: true})
	}
	inc.Kills = []correlate.Placed[parsers.OOMKill]{{At: at, Placed: true, Fact: parsers.OOMKill{VictimComm: "redis-server"}}, {Fact: parsers.OOMKill{VictimComm: "unplaced"}}}
	c := &Case{Incident: inc, Redis: inc.Redis[0]}
	marks := c.marks(at)
	if len(marks) != maxMarks {
		t.Fatalf("%d marks", len(marks))
	}
	if marks[0].Kind != "kill" || marks[1].Kind != "onset" {
		t.Errorf("first %+v, then %+v", marks[0], marks[1])
	}
	c.Redis.Log = (*log)[:1000]
	if marks = c.marks(time.Time{}); len(marks) != 2 || marks[1].N != 1000 || !marks[1].To.Equal(at.Add(999*time.Second)) {
		t.Errorf("%+v", marks)
	}
}
