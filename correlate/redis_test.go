package correlate

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"culprit/parsers"
)

func infoAt(minute int, addr string, fields map[string]string) parsers.Record {
	return parsers.Record{
		Time: time.Date(2026, 4, 20, 1, minute, 0, 0, time.UTC), Clock: parsers.ZonedClock, At: parsers.Pos{File: "redis-info.txt", Line: 100*minute + len(addr)},
		Fact: &parsers.RedisInfo{Fields: fields, Addr: addr},
	}
}

// The nodes of a cluster have one port on many hosts: they are no restarts of each other.
func TestInstancesOfACluster(t *testing.T) {
	tl := NewTimeline()
	for minute := range 6 {
		for _, addr := range []string{"192.0.2.1:6379", "192.0.2.22:6379"} {
			tl.Add(infoAt(minute, addr, map[string]string{"tcp_port": "6379", "run_id": addr, "used_memory": "1000000"}))
		}
	}
	inc := tl.Incident(time.Now(), Options{})
	var got []string
	for _, in := range inc.Redis {
		got = append(got, fmt.Sprintf("%s %d snapshots, %d runs", in.Name, len(in.Snapshots), len(in.Runs())))
	}
	if want := []string{"192.0.2.1:6379 6 snapshots, 1 runs", "192.0.2.22:6379 6 snapshots, 1 runs"}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

// What a server says while it reads its dump is no growth.
func TestLoadingIsNoGrowth(t *testing.T) {
	tl := NewTimeline()
	for minute := range 20 {
		f := map[string]string{"tcp_port": "6379", "run_id": "a", "maxmemory": "10000000", "used_memory": fmt.Sprint(1000000 + 100000*minute), "loading": "1"}
		if minute > 15 {
			f["loading"] = "0"
		}
		tl.Add(infoAt(minute, "", f))
		if f := tl.Incident(time.Now(), Options{}).Forecasts(); len(f) > 0 {
			t.Fatalf("minute %d: %+v", minute, f)
		}
	}
	if n := len(tl.Incident(time.Now(), Options{}).Redis[0].Snapshots); n != 4 {
		t.Errorf("%d snapshots count, want 4", n)
	}
}

// A server elsewhere does not fill this host.
func TestForecastOfAnotherHost(t *testing.T) {
	free := []Placed[parsers.HostMemory]{{Placed: true, At: time.Unix(0, 0), Fact: parsers.HostMemory{AvailableKB: parsers.Some(100 << 10), TotalKB: parsers.Some(8 << 20)}}}
	in := growing(30, 10<<20, 2<<30)
	in.Snapshots[29].Total = parsers.Some(64 << 30)
	if f := (&Incident{Redis: []*Instance{in}, Memory: free}).Forecasts(); len(f) != 1 || f[0].Limit != "maxmemory" {
		t.Errorf("%+v", f)
	}
	in.Snapshots[29].Total = parsers.Some(8<<30 - 4096)
	if f := (&Incident{Redis: []*Instance{in}, Memory: free}).Forecasts(); len(f) != 1 || f[0].Limit != "memory" {
		t.Errorf("%+v", f)
	}
}
