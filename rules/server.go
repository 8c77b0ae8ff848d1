package rules

import (
	"fmt"
	"strconv"
	"strings"

	"culprit/correlate"
	"culprit/parsers"
)

// What rules ask of one Redis server, whichever of several it is.

// isSubject: the server is the one the incident is about.
func (c *Case) isSubject(in *correlate.Instance) bool { return in == c.Redis }

// hurt: Redis itself is what the incident happened to: it was killed, or it grew until something else was, or until memory
// was exhausted.
func (c *Case) hurt(in *correlate.Instance) bool {
	if !c.isSubject(in) {
		return false
	}
	if c.Kill == nil {
		_, full := c.exhausted()
		return full && c.redisShare() >= leakOfRAM
	}
	if c.inGroup() {
		return c.redisInGroup()
	}
	return IsRedis(c.Kill.Fact.VictimComm) || c.redisShare() >= leakOfRAM
}

// harmed: something happened that a finding can contribute to: a kill, memory used up, writes refused, requests that failed.
func (c *Case) harmed() bool {
	if c.Kill != nil {
		return true
	}
	if _, full := c.exhausted(); full {
		return true
	}
	if n, _, _ := c.refusedWrites(); n > 0 {
		return true
	}
	_, failed := c.mainBurst()
	return failed
}

// serverName is how a title names a server: by its name only where there are several.
func (c *Case) serverName(in *correlate.Instance) string {
	if len(c.Incident.Redis) < 2 || in.Name == "" {
		return "Redis"
	}
	s := "Redis " + in.Name
	if in.Host != "" {
		s += " on " + in.Host
	}
	return s
}

// running is the last value of an INFO field of the server before the end of the incident, with its line.
func (c *Case) running(in *correlate.Instance, field string) (string, correlate.Evidence, bool) {
	end := -1
	for i := range in.Snapshots {
		s := &in.Snapshots[i]
		if _, ok := s.Info.Fields[field]; !ok {
			continue
		}
		if c.Kill != nil && c.Kill.Placed && s.Placed && s.At.After(c.Kill.At) && end >= 0 {
			break
		}
		end = i
	}
	if end < 0 {
		return "", correlate.Evidence{}, false
	}
	s := &in.Snapshots[end]
	return s.Info.Fields[field], s.Evidence(field, ""), true
}

func (c *Case) runningInt(in *correlate.Instance, field string) (Amount, bool) {
	v, ev, ok := c.running(in, field)
	if !ok {
		return Amount{}, false
	}
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil {
		return Amount{}, false
	}
	return Amount{n, true, ev}, true
}

// lastSnapshot is the last one before the end of the incident that knows a number; nil = none.
func (c *Case) lastSnapshot(in *correlate.Instance, get func(*correlate.Snapshot) parsers.Opt) *correlate.Snapshot {
	var last *correlate.Snapshot
	for i := range in.Snapshots {
		s := &in.Snapshots[i]
		if !get(s).OK {
			continue
		}
		if c.Kill != nil && c.Kill.Placed && s.Placed && s.At.After(c.Kill.At) && last != nil {
			break
		}
		last = s
	}
	return last
}

// written is a directive of the server's redis.conf. absent: the file is in the input and has no such line, so that
// Redis's default holds; its evidence is the file's first line, which exists in any file that was recognised.
func written(in *correlate.Instance, name string) (s correlate.Setting, absent, known bool) {
	if in.ConfigFile == "" {
		return s, false, false
	}
	s, ok := in.Config[name]
	return s, !ok, true
}

// noLine is the evidence that a file does not say something.
func noLine(file, directive, holds string) correlate.Evidence {
	return correlate.Evidence{File: file, Line: 1, Note: fmt.Sprintf("no %s line in this file: the default holds, %s", directive, holds)}
}

// limit is the server's maxmemory as its file has it and as it ran.
type limit struct {
	File, Running Amount // OK = known; 0 bytes = no limit
}

func (c *Case) limitOf(in *correlate.Instance) limit {
	var l limit
	if s, absent, known := written(in, "maxmemory"); known {
		if absent {
			l.File = Amount{0, true, noLine(in.ConfigFile, "maxmemory", "no limit")}
		} else if n, err := parsers.ParseMemory(s.Value()); err == nil {
			l.File = Amount{n, true, s.Ev}
		}
	}
	l.Running, _ = c.runningInt(in, "maxmemory")
	return l
}

// policyOf is the server's eviction policy: as its file has it, which the next start reads; else as it ran; else the default
// when the file is at hand.
func (c *Case) policyOf(in *correlate.Instance) (string, correlate.Evidence) {
	s, absent, known := written(in, "maxmemory-policy")
	if known && !absent {
		return s.Value(), s.Ev
	}
	if v, ev, ok := c.running(in, "maxmemory_policy"); ok {
		return v, ev
	}
	switch {
	case !known:
		return "", correlate.Evidence{}
	case absent:
		return "noeviction", noLine(in.ConfigFile, "maxmemory-policy", "noeviction")
	}
	return s.Value(), s.Ev
}

// Advise makes the fixes of a finding. Those of the web server and of the application are made for the actors that a verdict
// names, so a finding only names them; and so it does rdb-schedule, which makes a save rarer and no smaller.
func (c *Case) Advise(ids ...string) []Fix {
	var out []Fix
	for _, id := range ids {
		if strings.HasPrefix(id, "nginx-") || id == "verify-bot-ip" || id == "session-ttl" || id == "rdb-schedule" {
			out = append(out, Fix{ID: id, Kind: KindManual})
			continue
		}
		out = append(out, c.FixesFor(id, Hypothesis{})...)
	}
	return out
}

// numbered picks the word for one or for several.
func numbered(n int, one, several string) string {
	if n == 1 {
		return one
	}
	return several
}

// capital begins a sentence: a term of a ledger has the name that its configuration gives it.
func capital(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
