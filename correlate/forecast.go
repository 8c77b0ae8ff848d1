package correlate

import (
	"math"
	"slices"
	"time"

	"culprit/parsers"
)

// Forecast is when growing memory reaches its limit, if it grows on as it did.
type Forecast struct {
	Instance   string // as in Instance.Name
	Limit      string // "maxmemory", or "memory" when the host's own is reached first
	Room       int64  // bytes left
	Since      time.Time
	PerSecond  float64       // bytes
	In         time.Duration // from the last snapshot on
	Least      time.Duration // with 95 % confidence; see TheilSen
	Most       time.Duration
	FromSample Evidence
}

const (
	forecastSpan   = time.Hour // a shop's traffic changes over more than that
	forecastPoints = 8         // below, the interval of the slope has no 95 %
	forecastMost   = 30 * 24 * time.Hour
)

// Forecasts tells of every server whose memory grows without doubt: the whole interval of its slope is growth.
func (inc *Incident) Forecasts() []Forecast {
	var out []Forecast
	for _, in := range inc.Redis {
		if f, ok := in.forecast(inc.Memory); ok {
			out = append(out, f)
		}
	}
	return out
}

func (in *Instance) forecast(memory []Placed[parsers.HostMemory]) (Forecast, bool) {
	runs := in.Runs()
	if len(runs) == 0 {
		return Forecast{}, false
	}
	run := runs[len(runs)-1]
	last := &run[len(run)-1]
	if !last.Placed || !last.Used.OK || last.Info.Fields["loading"] == "1" {
		return Forecast{}, false
	}
	f := Forecast{Instance: in.Name, FromSample: last.Evidence("used_memory", "")}
	var pts []Point
	for i := range run {
		s := &run[i]
		if s.Placed && s.Used.OK && last.At.Sub(s.At) <= forecastSpan {
			if f.Since.IsZero() {
				f.Since = s.At
			}
			pts = append(pts, Point{s.At.Sub(f.Since).Seconds(), float64(s.Used.N)})
		}
	}
	if len(pts) < forecastPoints {
		return f, false
	}
	pts = sinceChange(pts)
	f.Since = f.Since.Add(time.Duration(pts[0].T * float64(time.Second)))
	slope, ok := TheilSen(pts)
	if !ok || !slope.Interval || slope.Low <= 0 {
		return f, false
	}
	room, limited := int64(0), false
	if last.Max.OK && last.Max.N > 0 {
		room, limited, f.Limit = last.Max.N-last.Used.N, true, "maxmemory"
	}
	for i := len(memory) - 1; i >= 0; i-- { // its newest
		if m := memory[i]; m.Placed && m.Fact.AvailableKB.OK && sameRAM(last.Total, m.Fact.TotalKB) {
			if free := m.Fact.AvailableKB.N * 1024; !limited || free < room {
				room, limited, f.Limit = free, true, "memory"
			}
			break
		}
	}
	if !limited || room <= 0 {
		return f, false
	}
	f.Room, f.PerSecond = room, slope.PerSecond
	f.In, f.Least, f.Most = f.after(slope.PerSecond), f.after(slope.High), f.after(slope.Low)
	return f, f.In < forecastMost
}

// sameRAM says whether a server can run on the host whose memory was read: INFO tells how much it has, which differs by
// what the kernel took since.
func sameRAM(server, hostKB parsers.Opt) bool {
	return !server.OK || !hostKB.OK || max(server.N-hostKB.N*1024, hostKB.N*1024-server.N) < server.N/50
}

// sinceChange leaves out what lies before memory changed its pace: a crawler that comes after a quiet hour would be told of
// half an hour late by the median over all of it, and one that is stopped as long as ever. Below forecastPoints the new
// pace is not known, and the old points stay.
func sinceChange(pts []Point) []Point {
	for {
		c, ok := RateShift(pts)
		i := slices.IndexFunc(pts, func(p Point) bool { return p.T >= c.At })
		if !ok || i <= 0 || len(pts)-i < forecastPoints {
			return pts
		}
		pts = pts[i:]
	}
}

// after is how long the room lasts at a rate.
func (f *Forecast) after(perSecond float64) time.Duration {
	return time.Duration(math.Min(float64(f.Room)/perSecond, forecastMost.Seconds()) * float64(time.Second))
}
