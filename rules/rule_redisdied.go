package rules

import (
	"fmt"
	"time"

	"culprit/correlate"
)

var _ = register(Rule{
	ID: "redis-died-unannounced",
	Doc: `Redis started again without having said goodbye. A server that is stopped writes "User requested shutdown" or
"Received SIGTERM" and "bye bye"; one that crashes writes a bug report; SIGKILL leaves nothing (measured). So a start
whose log shows none of these after the start before it follows a kill: the OOM killer's, a supervisor's, somebody's
kill -9, or a power loss. It is a symptom.

Arithmetic:

    death = between the last line or snapshot of the run before and the start

Threshold: A start without a goodbye. A quarter of an hour separates the kernel's kill from the start it caused,
systemd restarting within seconds and people within minutes; where the kernel log shows none in it, the finding says
that the killer is not in the input.

When it is wrong: the log was rotated between the goodbye and the start, and the older file is not in the input.`,
	Check: checkRedisDied,
})

const startsWithin = 15 * time.Minute

func checkRedisDied(c *Case) []Finding {
	var out []Finding
	for _, d := range c.deaths() {
		out = append(out, c.died(d.server, d.last, d.start))
	}
	// The last one is the incident's; earlier ones are told in its count.
	if n := len(out); n > 1 {
		out[n-1].Detail += fmt.Sprintf(" The log shows %d such starts.", n)
		out = out[n-1:]
	}
	return out
}

// death is a start of a server that had not said goodbye.
type death struct {
	server      *correlate.Instance
	last, start *correlate.RedisEvent
}

func (c *Case) deaths() []death {
	var out []death
	families := map[string]string{} // a log of 10,000 lines asks for its own as often
	for _, in := range c.Incident.Redis {
		lives := map[string]*life{} // by log: the events of two servers may share an instance
		for i := range in.Log {
			e := &in.Log[i]
			// A saving child's lines (role C) are no sign of its parent's life; a starting server's first lines have C too.
			if e.Role == "C" && e.Event != "starting" {
				continue
			}
			log := e.Ev.File
			if e.Placed {
				family, known := families[log]
				if !known {
					family = correlate.Family(log)
					families[log] = family
				}
				log = family
			}
			l := lives[log]
			if l == nil {
				l = &life{}
				lives[log] = l
			}
			switch e.Event {
			case "starting":
				last := l.last
				if last == nil {
					last = aliveBefore(in, e)
				}
				if last != nil && !l.down {
					out = append(out, death{in, last, e})
				}
				l.down = false
			case "shutdown", "crash", "alloc-failed":
				l.down = true
			}
			l.last = e
		}
	}
	return out
}

// aliveBefore stands in for the log's last line where the log begins with the start: a snapshot of the day before shows the
// server alive, and its goodbye would stand right above.
func aliveBefore(in *correlate.Instance, start *correlate.RedisEvent) *correlate.RedisEvent {
	if !start.Placed {
		return nil
	}
	var last *correlate.RedisEvent
	for i := range in.Snapshots {
		s := &in.Snapshots[i]
		if s.Placed && s.At.Before(start.At) && start.At.Sub(s.At) < 24*time.Hour {
			last = &correlate.RedisEvent{At: s.At, Placed: true, Ev: s.Evidence("used_memory", "alive")}
			last.PID = s.PID
		}
	}
	return last
}

// life is what a log last said of its server.
type life struct {
	last *correlate.RedisEvent
	down bool // it said goodbye
}

func (c *Case) died(in *correlate.Instance, last, start *correlate.RedisEvent) Finding {
	f := Finding{Role: RoleSymptom, Evidence: []correlate.Evidence{last.Ev, start.Ev}}
	f.Title = fmt.Sprintf("%s started again without having shut down", c.serverName(in))
	if start.Placed {
		f.Title = fmt.Sprintf("%s started again at %s without having shut down", c.serverName(in), clockTime(start.At))
		if last.Placed && start.At.After(last.At) {
			f.Detail = fmt.Sprintf("Its last line before is %s older.", spell(start.At.Sub(last.At)))
		}
	}
	for i := range c.Kills {
		k := &c.Kills[i]
		if !IsRedis(k.Fact.VictimComm) {
			continue
		}
		samePID := k.Fact.VictimPID.OK && last.PID == k.Fact.VictimPID
		near := k.Placed && start.Placed && k.At.Before(start.At.Add(k.Error+start.Error+time.Minute)) && start.At.Sub(k.At) < startsWithin+k.Error+start.Error
		switch {
		case near:
			f.Title += fmt.Sprintf(": the kernel killed it %s before", spell(start.At.Sub(k.At)))
		case samePID:
			f.Title += fmt.Sprintf(": the kernel killed its pid %d", last.PID.N)
		default:
			continue
		}
		f.Evidence = append(f.Evidence, k.Ev)
		return f
	}
	if start.Placed {
		f.Title += ": what killed it is not in the input"
	}
	return f
}
