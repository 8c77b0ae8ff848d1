package correlate

import (
	"testing"
	"time"

	"culprit/parsers"
)

// growing is a server that took so many bytes more each of n minutes, with a wobble, up to a limit.
func growing(n int, perMinute, limit int64) *Instance {
	in := &Instance{Name: "6379"}
	for i := range n {
		s := Snapshot{At: time.Unix(int64(i)*60, 0).UTC(), Placed: true, Used: parsers.Some(1<<30 + int64(i)*perMinute + int64(i*7%5)<<10), Max: parsers.Some(limit)}
		s.Info = &parsers.RedisInfo{}
		in.Snapshots = append(in.Snapshots, s)
	}
	return in
}

func TestForecast(t *testing.T) {
	inc := &Incident{Redis: []*Instance{growing(30, 10<<20, 2<<30)}}
	f := inc.Forecasts()
	if len(f) != 1 || f[0].Limit != "maxmemory" {
		t.Fatalf("%+v", f)
	}
	// 1 GiB less 29 minutes' growth, at 10 MiB a minute
	if want := 73*time.Minute + 24*time.Second; (f[0].In - want).Abs() > 30*time.Second {
		t.Errorf("in %v, want %v", f[0].In, want)
	}
	if f[0].Least > f[0].In || f[0].Most < f[0].In {
		t.Errorf("%v is not within %v to %v", f[0].In, f[0].Least, f[0].Most)
	}

	// The host has less room than the server is allowed, and nobody set a limit.
	free := []Placed[parsers.HostMemory]{{Placed: true, At: time.Unix(0, 0), Fact: parsers.HostMemory{AvailableKB: parsers.Some(100 << 10)}}}
	for _, limit := range []int64{0, 2 << 30} {
		inc = &Incident{Redis: []*Instance{growing(30, 10<<20, limit)}, Memory: free}
		if f = inc.Forecasts(); len(f) != 1 || f[0].Limit != "memory" || (f[0].In-10*time.Minute).Abs() > 10*time.Second {
			t.Errorf("limit %d: %+v", limit, f)
		}
	}
}

func TestNoForecast(t *testing.T) {
	restarted := growing(30, 10<<20, 2<<30)
	for i := 25; i < 30; i++ {
		restarted.Snapshots[i].Run = 1
	}
	for name, in := range map[string]*Instance{
		"steady": growing(30, 0, 2<<30), "shrinking": growing(30, -10<<20, 2<<30), "too few": growing(5, 10<<20, 2<<30),
		"no limit known": growing(30, 10<<20, 0), "restarted": restarted, "none": {},
	} {
		if f := (&Incident{Redis: []*Instance{in}}).Forecasts(); len(f) > 0 {
			t.Errorf("%s: %+v", name, f)
		}
	}
}

// A crawler comes after half an hour of quiet: a minute and a half later the forecast is of its pace. When it is stopped,
// the forecast ends as soon.
func TestForecastAfterAChange(t *testing.T) {
	in := &Instance{Name: "6379"}
	used := int64(1 << 30)
	add := func(readings int, perReading int64) {
		for range readings {
			n := len(in.Snapshots)
			used += perReading + int64(n*7%5-2)<<10
			in.Snapshots = append(in.Snapshots, Snapshot{At: time.Unix(int64(n)*10, 0).UTC(), Placed: true, Used: parsers.Some(used), Max: parsers.Some(4 << 30), Info: &parsers.RedisInfo{}})
		}
	}
	inc := &Incident{Redis: []*Instance{in}}
	add(180, 0)
	add(10, 1<<20)
	f := inc.Forecasts()
	if len(f) != 1 || f[0].PerSecond < 0.9*float64(1<<20)/10 || f[0].PerSecond > 1.1*float64(1<<20)/10 {
		t.Fatalf("after the change: %+v", f)
	}
	add(60, 1<<20)
	if f = inc.Forecasts(); len(f) != 1 || f[0].PerSecond < 0.98*float64(1<<20)/10 || f[0].PerSecond > 1.02*float64(1<<20)/10 {
		t.Fatalf("later: %+v", f)
	}
	add(12, 0)
	if f = inc.Forecasts(); len(f) != 0 {
		t.Fatalf("when it is stopped: %+v", f)
	}
}
