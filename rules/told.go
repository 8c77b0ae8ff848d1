package rules

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"culprit/correlate"
	"culprit/parsers"
)

// Deaths that others tell of where the kernel's own report is not in the input: systemd, systemd-oomd, earlyoom, a
// container's status; and restarts that only make sense after one.

// killTold is the kill that a supervisor or a container's status tells of: the victim and the time, and in a container the
// limit; not who held the memory. nil = none of the stack's.
func (c *Case) killTold() *correlate.Placed[parsers.OOMKill] {
	var best *correlate.Placed[parsers.OOMKill]
	take := func(k correlate.Placed[parsers.OOMKill], killer string) {
		if !serviceComm.MatchString(k.Fact.VictimComm) && !c.felt(&k) || c.hasServiceEvidence() && c.longBefore(&k) {
			return
		}
		// Redis's own death first, as among the kernel's; else the last
		if best != nil && IsRedis(best.Fact.VictimComm) && !IsRedis(k.Fact.VictimComm) {
			return
		}
		// systemd tells of a death a moment after the one who caused it did
		if best != nil && killer == "the kernel" && c.Killer != killer && best.Fact.VictimComm == k.Fact.VictimComm && best.Placed && k.Placed && k.At.Sub(best.At).Abs() <= time.Minute {
			return
		}
		best, c.Killer = &k, killer
	}
	for _, s := range c.Services {
		if s.Fact.Result != "oom-kill" {
			continue
		}
		k := correlate.Placed[parsers.OOMKill]{At: s.At, Placed: s.Placed, Error: s.Error, Ev: s.Ev}
		k.Fact = parsers.OOMKill{VictimComm: commOf(cmp.Or(s.Fact.Unit, s.Fact.Cgroup)), VictimPID: s.Fact.PID, TaskMemcg: s.Fact.Cgroup, AnonRSSKB: s.Fact.RSSKB}
		killer := "the kernel"
		if s.Fact.Event == "oomd-killed" || s.Fact.Program != "systemd" && s.Fact.Event == "killed" {
			killer = s.Fact.Program
			if s.Fact.Event == "oomd-killed" {
				killer = "systemd-oomd"
			}
		}
		take(k, killer)
	}
	for _, e := range c.Kernel {
		if e.Fact.Event == "oom-reaped" && serviceComm.MatchString(e.Fact.Comm) { // its kill stood above, in what was cut off
			k := correlate.Placed[parsers.OOMKill]{At: e.At, Placed: e.Placed, Error: e.Error, Ev: e.Ev}
			k.Fact = parsers.OOMKill{VictimComm: e.Fact.Comm, VictimPID: e.Fact.PID}
			take(k, "the kernel")
		}
	}
	for _, ct := range c.Containers {
		if ct.Fact.OOMKilled != "true" {
			continue
		}
		k := correlate.Placed[parsers.OOMKill]{At: ct.Fact.Finished.UTC(), Placed: !ct.Fact.Finished.IsZero(), Error: time.Second, Ev: ct.Ev}
		k.Fact = parsers.OOMKill{VictimComm: commOf(cmp.Or(programIn(ct.Fact.Image), ct.Fact.Name)), VictimPID: ct.Fact.PID, TaskMemcg: cmp.Or(ct.Fact.Cgroup, ct.Fact.Name)}
		if ct.Fact.LimitBytes.OK {
			k.Fact.Constraint, k.Fact.MemcgLimit = "memcg", parsers.Some(ct.Fact.LimitBytes.N>>10)
		}
		take(k, "the kernel")
	}
	return best
}

// unreadKill tells of a kernel's line about a kill that stands in a file of another format, as where two logs were put together.
func (c *Case) unreadKill() (said string, ok bool) {
	if c.Kill != nil {
		return "", false
	}
	for _, in := range c.Inputs {
		if s := in.FirstSkipped; s != nil && s.SpeaksOfKill() {
			return fmt.Sprintf("the kernel's line about a kill stands in a file that was read as %s (%s:%d): give the kernel's log by itself", in.Format, in.File, s.Line), true
		}
	}
	return "", false
}

// programs by what units and images are called after them.
var programs = []struct{ word, comm string }{
	{"redis", "redis-server"}, {"valkey", "valkey-server"}, {"keydb", "keydb-server"}, {"dragonfly", "dragonfly"},
	{"mariadb", "mariadbd"}, {"mysql", "mysqld"}, {"percona", "mysqld"}, {"postgres", "postgres"}, {"elasticsearch", "java"}, {"opensearch", "java"},
	{"advanced key-value store", "redis-server"}, {"fastcgi process manager", "php-fpm"}, {"high performance web server", "nginx"}, // as systemd calls the units
	{"fpm", "php-fpm"}, {"nginx", "nginx"}, {"apache", "apache2"}, {"httpd", "httpd"}, {"memcached", "memcached"},
}

// programIn is the program that an image is called after, "" when it is none of the known.
func programIn(image string) string {
	image = strings.ToLower(image[strings.LastIndexByte(image, '/')+1:])
	for _, p := range programs {
		if strings.Contains(image, p.word) {
			return p.comm
		}
	}
	return ""
}

var unitKind = regexp.MustCompile(`\.(service|scope|slice)$`)

// commOf is the process name behind a unit, a cgroup's path or a container's name; its own last part where nothing is known.
func commOf(unit string) string {
	unit = unit[strings.LastIndexByte(unit, '/')+1:]
	unit = unitKind.ReplaceAllString(unit, "")
	return cmp.Or(programIn(unit), unit)
}

// end is a death of the stack that is no OOM kill by any log: a program that came back without having gone, or was ended by
// SIGKILL or a fault of its own.
type end struct {
	text   string
	at     time.Time
	placed bool
	fault  bool // its own: a crash, which no memory explains
	ev     correlate.Evidence
}

// exitKilled is what a container's or a shell's status says of SIGKILL: 128 and the signal's number.
const exitKilled = 137

// lastEnd is the last of them in the time that the input tells of.
func (c *Case) lastEnd() (end, bool) {
	var last end
	found := false
	from := c.firstService()
	take := func(e end) {
		if e.placed && e.at.Before(from) || found && e.at.Before(last.at) {
			return
		}
		last, found = e, true
	}
	for _, s := range c.Services {
		e := end{at: s.At, placed: s.Placed, ev: s.Ev}
		who := cmp.Or(s.Fact.Unit, s.Fact.Program)
		comm := commOf(who)
		switch {
		case !serviceComm.MatchString(comm):
			continue
		case s.Fact.Event == "unclean":
			e.text = who + " started again and had to recover from a crash"
		case (s.Fact.Event == "killed" || s.Fact.Event == "child-killed") && s.Fact.Signal == "KILL":
			e.text = who + " was ended by SIGKILL"
		case s.Fact.Event == "restarted" && s.Fact.Program == "systemd": // says so only where it had not stopped the service itself
			e.text = who + " had ended, and systemd started it again"
		case s.Fact.Event == "liveness-killed":
			e.text = "the kubelet restarted " + who + ", which did not answer its liveness probe"
		case s.Fact.Event == "evicted":
			if found && s.Fact.Result == "" && !e.placed {
				continue // a list of pods says less than their events
			}
			e.text = evicted(&s.Fact)
		case s.Fact.Signal == "SEGV" || s.Fact.Signal == "ABRT" || s.Fact.Signal == "BUS":
			e.text, e.fault = fmt.Sprintf("%s crashed (SIG%s)", who, s.Fact.Signal), true
		default:
			continue
		}
		take(e)
	}
	for _, ct := range c.Containers {
		if f := &ct.Fact; f.ExitCode.Or(0) == exitKilled && f.OOMKilled != "true" && serviceComm.MatchString(commOf(cmp.Or(programIn(f.Image), f.Name))) {
			take(end{text: fmt.Sprintf("container %s was ended by SIGKILL (exit code %d: for memory, or by a stop that it did not heed)", f.Name, exitKilled), at: f.Finished.UTC(), placed: !f.Finished.IsZero(), ev: ct.Ev})
		}
	}
	for _, p := range c.Pool {
		if p.Fact.Event == "child-killed" && p.Fact.Signal.Or(0) == 9 {
			take(end{text: "a PHP-FPM worker was ended by SIGKILL", at: p.At, placed: p.Placed, ev: p.Ev})
		}
	}
	if heap, n := c.heapLimit(); n > 0 {
		take(end{text: "the Node process ended at the limit of its own heap" + lastOf(n), at: heap.At, placed: heap.Placed, fault: true, ev: heap.Ev})
	}
	if killed, n := c.workersKilled(); n > 0 {
		take(end{text: "a worker of the application was ended by SIGKILL" + lastOf(n), at: killed.At, placed: killed.Placed, ev: killed.Ev})
	}
	for _, g := range c.Errors {
		if g.Signature == "worker-killed" {
			take(end{text: "a worker of the web server was ended by SIGKILL", at: g.Last.At, placed: g.Last.Placed, ev: g.Last.Ev})
		}
	}
	for _, k := range c.Kernel {
		if k.Fact.Event == "segfault" && serviceComm.MatchString(k.Fact.Comm) && !strings.HasPrefix(k.Fact.Comm, "php") {
			take(end{text: k.Fact.Comm + " crashed with a segmentation fault", at: k.At, placed: k.Placed, fault: true, ev: k.Ev})
		}
	}
	for _, in := range c.Incident.Redis {
		for _, e := range in.Log {
			if e.Event == "crash" {
				take(end{text: c.serverName(in) + " crashed and wrote a bug report", at: e.At, placed: e.Placed, fault: true, ev: e.Ev})
			}
		}
	}
	if !found { // a pod that nobody can tell the program of
		for _, s := range c.Services {
			if s.Fact.Event == "evicted" {
				take(end{text: evicted(&s.Fact), at: s.At, placed: s.Placed, ev: s.Ev})
			}
		}
	}
	return last, found
}

// stayedDown is a service of the stack that failed, and of which no later line says that it started.
func (c *Case) stayedDown() (said string, ok bool) {
	type fate struct {
		correlate.Placed[parsers.ServiceEvent]
		down bool
	}
	last := map[string]*fate{}
	for _, s := range c.Services {
		comm := commOf(cmp.Or(s.Fact.Unit, s.Fact.Program))
		if !serviceComm.MatchString(comm) || s.Placed && s.At.Before(c.firstService()) {
			continue
		}
		down := s.Fact.Event == "failed" && s.Fact.Program == "systemd"
		if !down && s.Fact.Event != "started" && s.Fact.Event != "ready" {
			continue
		}
		f := last[comm]
		if f == nil {
			f = &fate{}
			last[comm] = f
		} else if f.Placed.Placed && s.Placed && s.At.Before(f.At) {
			continue
		}
		f.Placed, f.down = s, down
	}
	for _, comm := range slices.Sorted(maps.Keys(last)) {
		if f := last[comm]; f.down {
			return fmt.Sprintf("%s failed and no later line says that it started (%s)", comm, lineOf(f.Ev)) + c.whyDown(), true
		}
	}
	return "", false
}

// whyDown is what a web server said of its start.
func (c *Case) whyDown() string {
	for _, signature := range []string{"cannot-start", "port-taken", "config-refused"} {
		for _, g := range c.Errors {
			if g.Signature == signature {
				return fmt.Sprintf("; the web server says that %s (%s)", sayings[signature], lineOf(g.Last.Ev))
			}
		}
	}
	return ""
}

// evicted says which pod had to leave its node, and why, where that is told.
func evicted(e *parsers.ServiceEvent) string {
	s := "the kubelet evicted " + cmp.Or(e.Unit, "a pod")
	switch {
	case e.Result == "memory" && e.RSSKB.OK:
		s += fmt.Sprintf(": its node was short of memory, of which it held %s", bytesIn(e.RSSKB.N<<10))
	case e.Result != "":
		s += ": its node was short of " + e.Result
	}
	return s
}

// lastOf leads over to the last of several times.
func lastOf(n int) string {
	if n < 2 {
		return ""
	}
	return ", " + times(n) + ", last"
}

// heapLimit is the last time that Node ended at V8's own limit, and how often it did. It says so on more lines than one.
func (c *Case) heapLimit() (last correlate.Placed[parsers.AppEvent], n int) {
	for _, a := range c.App {
		if a.Fact.Signature != "heap-limit" {
			continue
		}
		if n == 0 || !a.Placed || a.At.Sub(last.At) > time.Second {
			n++
		}
		last = a
	}
	return last, n
}

// workersKilled is the last worker that its own master found killed, and how many there were; not those that the master
// itself killed, as gunicorn does seconds after it says that they took too long.
func (c *Case) workersKilled() (last correlate.Placed[parsers.AppEvent], n int) {
	var late correlate.Placed[parsers.AppEvent]
	for _, a := range c.App {
		switch a.Fact.Signature {
		case "worker-timeout":
			late = a
		case "worker-killed":
			if late.Ev.File == a.Ev.File && (!a.Placed || a.At.Sub(late.At) <= 5*time.Second) {
				continue
			}
			last, n = a, n+1
		}
	}
	return last, n
}

// rebooted is a start of the host within the time that the web server's logs tell of.
func (c *Case) rebooted() (correlate.Placed[parsers.KernelEvent], bool) {
	for i := len(c.Kernel) - 1; i >= 0; i-- {
		k := c.Kernel[i]
		if k.Fact.Event == "boot" && k.Placed && k.At.After(c.firstService()) {
			return k, true
		}
	}
	return correlate.Placed[parsers.KernelEvent]{}, false
}
