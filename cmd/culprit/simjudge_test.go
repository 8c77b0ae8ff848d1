package main

import (
	"cmp"
	"flag"
	"fmt"
	"net/netip"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"culprit/correlate"
	"culprit/rules"
)

// seeds is how many hosts each scene is played on: other scales, zones, formats.
var seeds = flag.Uint64("seeds", 2, "play each scene on so many hosts")

var keep = flag.String("keep", "", "write the files of the scenes that are judged wrongly into this folder")

// known are scenes that culprit judges wrongly today, each with what should decide. One that passes must leave the list.
var known = map[string]string{}

// TestScenes plays every scene and its twins, and prints the calibration with -v.
func TestScenes(t *testing.T) {
	var record calibration
	t.Cleanup(func() { t.Log(record.String()) })
	for i, sc := range append(scenes(), causes()...) {
		for seed := range *seeds {
			if testing.Short() && (seed > 0 || i%16 > 0) { // under the race detector each takes ten times as long
				continue
			}
			name := sc.name + "/" + cmp.Or(sc.cut, "whole") + "/" + fmt.Sprint(seed)
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				s := sc.play(seed)
				rep := judge(t, s.files())
				wrong := sc.want.check(s, rep)
				record.add(rep.Verdict, len(wrong) == 0)
				if *keep != "" && len(wrong) > 0 {
					for file, text := range s.files() {
						writeGenerated(t, filepath.Join(*keep, name, file), text)
					}
				}
				why, excused := known[name]
				switch {
				case excused && len(wrong) == 0:
					t.Errorf("is right now: take it off the list of known failures (%s)", why)
				case !excused && len(wrong) > 0:
					t.Errorf("%s\n%s\nverdict %s %s %.2f: %s\nculprits %v", strings.Join(wrong, "\n"), s.about(), rep.Verdict.Outcome, rep.Verdict.Cause, rep.Verdict.Confidence, rep.Verdict.Summary, names(rep))
				}
			})
		}
	}
}

func (sc scene) play(seed uint64) *sim {
	n := seed + 1
	for _, c := range sc.name { // the twins of a scene share its host
		n = n*1_000_003 + uint64(c)
	}
	s := newSim(n)
	sc.make(s, sc.cut)
	s.run()
	return s
}

// judge runs the whole analysis over files, and looks up what the report cites.
func judge(t *testing.T, files map[string]string) *rules.Report {
	t.Helper()
	dir := folder(t, files)
	inc, _, err := incident(t.Context(), []string{dir}, "", nil, 2, correlate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	rep := rules.Judge(inc)
	checkEvidence(t, asJSON(t, rep), dir)
	return rep
}

// check says what is wrong with a report.
func (w want) check(s *sim, rep *rules.Report) (wrong []string) {
	got := cmp.Or(rep.Verdict.Cause, rep.Verdict.Outcome)
	if got != w.cause && !slices.Contains(w.accept, got) && !(s.open && got == rules.Inconclusive) {
		wrong = append(wrong, fmt.Sprintf("judged %s, want %s", got, w.cause))
	}
	named := 0
	for _, c := range rep.Culprits {
		if slices.ContainsFunc(w.culprits, func(n string) bool { return same(c.Value, n) }) {
			named++
		} else if len(w.culprits) == 0 || slices.ContainsFunc(w.never, func(n string) bool { return same(c.Value, n) }) {
			wrong = append(wrong, fmt.Sprintf("blames %s %s", c.Kind, c.Value))
		}
	}
	if got == w.cause && len(w.culprits) > 0 && named == 0 {
		wrong = append(wrong, fmt.Sprintf("names none of %v", w.culprits))
	}
	if k := s.kill; k != nil && rep.Verdict.Outcome != rules.NoIncident && slices.Contains([]string{got}, w.cause) {
		if rep.Incident.Victim != k.victim.name || rep.Incident.VictimPID != int64(k.victim.pid) {
			wrong = append(wrong, fmt.Sprintf("victim %s %d, want %s %d", rep.Incident.Victim, rep.Incident.VictimPID, k.victim.name, k.victim.pid))
		}
		if off := rep.Incident.KilledAt.Sub(k.at).Abs(); off > 90*time.Second {
			wrong = append(wrong, fmt.Sprintf("killed at %s, want %s", rep.Incident.KilledAt, k.at))
		}
	}
	return wrong
}

// same says whether a report's name means an actor of the truth: an address within a network, a name within a name.
func same(got, want string) bool {
	if n, err := netip.ParsePrefix(want); err == nil {
		if a, err := netip.ParseAddr(got); err == nil {
			return n.Contains(a)
		}
		p, err := netip.ParsePrefix(got)
		return err == nil && p.Bits() >= n.Bits() && n.Contains(p.Addr())
	}
	if ok, _ := path.Match(want, got); ok {
		return true
	}
	return strings.Contains(strings.ToLower(got), strings.ToLower(want))
}

func names(rep *rules.Report) (out []string) {
	for _, c := range rep.Culprits {
		out = append(out, fmt.Sprintf("%s %s %.2f", c.Kind, c.Value, c.Share))
	}
	return out
}

// about is the scale of a host, for a failure's message.
func (s *sim) about() string {
	keys := "no Redis"
	if r := s.redis; r != nil {
		keys = fmt.Sprintf("%d B a key, %d snapshots %s apart, maxmemory %d", r.perKey, len(s.replies), s.step, r.maxmemory)
	}
	return fmt.Sprintf("%.1f GB RAM, %s of series, %s of log, %s, zones %s %s, style %+v", float64(s.ram)/gig, s.to.Sub(s.from), s.to.Sub(s.logFrom), keys, s.zone, s.webZone, s.style)
}

// calibration is how often verdicts were right, by confidence and by outcome.
type calibration struct {
	mu    sync.Mutex
	cells [2][11][2]int
}

func (c *calibration) add(v rules.Verdict, right bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	kind := 0
	if v.Outcome != rules.RootCause {
		kind = 1
	}
	c.cells[kind][int(v.Confidence*10+1e-9)][number(right)]++
}

func (c *calibration) String() string {
	var out strings.Builder
	for kind, name := range []string{"causes named", "no-incident and inconclusive"} {
		fmt.Fprintf(&out, "\n%s: confidence, right of all\n", name)
		for i, cell := range c.cells[kind] {
			if n := cell[0] + cell[1]; n > 0 {
				fmt.Fprintf(&out, "  %.1f  %3d of %3d  %.2f\n", float64(i)/10, cell[1], n, float64(cell[1])/float64(n))
			}
		}
	}
	return out.String()
}
