package parsers

import (
	"bytes"
	"cmp"
	"strings"
	"time"
)

// oomReader gathers the kernel's out-of-memory reports of one host from the messages of its log. A report is a bag of
// optional lines in no certain order: distributions backport the wording of every kernel, excerpts lack their head or tail,
// other messages fall in between. So every line form is tried on every message, and what is missing stays unknown.
//
// One kill is told up to four times ("Kill process", "Killed process", "oom-kill:", oom_reaper) and makes one record. It is
// emitted at the first message that does not belong to it, so a follower of a live log waits for one more line.
type oomReader struct {
	emit   func(Record)
	kernel string // of the last line that named one: kill lines do not
	pageKB int64  // as an earlier report gave it
	rows   *int   // of the task tables being gathered, those of other hosts included

	cur       *oomReport
	otherDump bool // a Mem-Info that follows is a failed allocation's or SysRq's, unless an OOM line says otherwise
	told      []toldKill
}

// toldKill remembers what was emitted, for a log that tells it again.
type toldKill struct {
	pid  Opt
	comm string // of the invoker when there was no victim
	when envelope
}

const (
	maxTold = 64 // a storm tells its kills in order; 20 in 82 s is the worst seen

	// sameKill bounds how far two tellings of a kill stand apart. The kernel takes milliseconds; syslog's stamps stray
	// by 15 s while a machine thrashes. A pid is not killed again that soon.
	sameKill = 30 * time.Second
	// sameReport bounds the pause inside a report: printing a thousand tasks to a serial console takes a minute.
	sameReport = 2 * time.Minute

	maxTasks    = 32768        // the default pid_max of a 32-bit kernel; rows beyond it are not kept
	maxRows     = 4 * maxTasks // of all hosts at once: what a made-up syslog of a thousand hosts may take, 20 MB
	maxLineText = 2048         // of a line kept as evidence: the longest oom-kill: line seen has 900 bytes
)

// oomReport is a report being gathered.
type oomReport struct {
	OOMKill
	mem     memInfo
	columns []string // of the task table's header

	first, invoked, announced, killed, named stamped
	tasks, meminfo                           stamped
	announcedPID                             Opt
	announcedComm                            string

	done     bool // its kill, or that there will be none, was told
	memcg    bool // some line says that a group's limit was hit, whatever the label
	global   bool // some line says that the machine was out of memory
	label    string
	isDump   bool // only Mem-Info so far: perhaps no OOM report at all
	group    bool // memory.oom.group: the rest of the group dies with the victim
	splitTag bool // its oom-kill: line was cut by another message
}

// stamped is one line of a report.
type stamped struct {
	envelope
	line int
	text string
}

// message is one message of the log, ready to be read.
type message struct {
	envelope        // Msg is what to read
	at       Pos    // of its first line
	raw      []byte // as it stood in the file
}

func (m *message) stamp() stamped {
	e := m.envelope
	e.Msg, e.Host, e.Program = nil, nil, nil
	return stamped{e, m.at.Line, evidenceText(m.raw)}
}

// evidenceText is a line, or the part of it that is kept as evidence.
func evidenceText(b []byte) string { return string(b[:min(len(b), maxLineText)]) }

// read takes one message and reports whether it was part of a report.
func (o *oomReader) read(m *message) bool {
	msg := bytes.TrimSpace(m.Msg)
	if len(msg) == 0 {
		return false
	}
	if o.cur != nil && !o.cur.done && !near(o.cur.last(), m.envelope, sameReport) {
		o.finish()
	}
	if o.readKill(m, msg) {
		return true
	}
	if o.cur != nil && o.cur.done {
		o.finish()
	}
	return o.readInvoked(m, msg) || o.readWho(m, msg) || o.readTable(m, msg) || o.readMemory(m, msg) || o.readTrace(msg)
}

// last is the newest line of the report, to measure a pause from.
func (r *oomReport) last() envelope {
	e := r.first
	for _, s := range []stamped{r.invoked, r.meminfo, r.tasks, r.named, r.announced, r.killed} {
		if s.line > e.line {
			e = s
		}
	}
	return e.envelope
}

// near reports whether two stamps are within d of each other. What has no common clock is near.
func near(a, b envelope, d time.Duration) bool {
	var diff time.Duration
	switch {
	case a.HasBoot && b.HasBoot:
		diff = a.SinceBoot - b.SinceBoot
	case a.Clock == b.Clock && (a.Clock == LocalClock || a.Clock == ZonedClock):
		diff = a.Time.Sub(b.Time)
	default:
		return true
	}
	return diff.Abs() <= d
}

// hasTime reports whether two lines can be compared in time at all.
func haveClock(a, b envelope) bool {
	return a.HasBoot && b.HasBoot || a.Clock == b.Clock && (a.Clock == LocalClock || a.Clock == ZonedClock)
}

// open returns the report being gathered, or begins one whose head is missing.
func (o *oomReader) open(m *message) *oomReport {
	if o.cur == nil {
		o.cur = &oomReport{first: m.stamp()}
	}
	o.cur.isDump = false
	return o.cur
}

// readInvoked reads the line a report begins with:
//
//	tmux: server invoked oom-killer: gfp_mask=0x140cca(GFP_HIGHUSER_MOVABLE|__GFP_COMP), order=0, oom_score_adj=0
func (o *oomReader) readInvoked(m *message, msg []byte) bool {
	comm, rest, ok := bytes.Cut(msg, []byte(" invoked oom-killer"))
	if !ok || len(rest) > 0 && rest[0] != ':' {
		return false // prose; only people who abbreviate leave out what follows
	}
	o.finish()
	r := o.open(m)
	r.invoked = m.stamp()
	r.InvokerComm = lastComm(comm)
	r.GFPMask = string(field(rest, "gfp_mask=", ", \t"))
	r.Order = intAfter(rest, "order=")
	o.otherDump = false
	return true
}

// lastComm cuts what a paste put before a process name: the kernel prints at most 15 bytes of it.
func lastComm(b []byte) string {
	const commLen = 15
	b = bytes.TrimLeft(b, " \t\"'`*>")
	if len(b) > commLen {
		if i := bytes.LastIndexByte(b, ' '); i >= 0 {
			b = b[i+1:]
		}
	}
	return string(b[:min(len(b), 64)])
}

// readWho reads who asked for memory and the kernel's version:
//
//	CPU: 5 UID: 0 PID: 1122 Comm: stress Kdump: loaded Not tainted 6.12.0-1.el10 #1 PREEMPT(voluntary)
//	Pid: 449, comm: ureadahead Not tainted 2.6.32-24-generic-pae #42-Ubuntu
func (o *oomReader) readWho(m *message, msg []byte) bool {
	var pid Opt
	var rest []byte
	var ok bool
	if bytes.HasPrefix(msg, []byte("CPU: ")) {
		pid = intAfter(msg, "PID: ")
		_, rest, ok = bytes.Cut(msg, []byte(" Comm: "))
	} else if bytes.HasPrefix(msg, []byte("Pid: ")) {
		pid = intAfter(msg, "Pid: ")
		_, rest, ok = bytes.Cut(msg, []byte(", comm: "))
	}
	if !ok || !pid.OK {
		return false
	}
	if v := versionAfterTaint(rest); v != "" {
		o.kernel = v
	}
	if r := o.cur; r != nil && !r.InvokerPID.OK && r.InvokerComm != "" && bytes.HasPrefix(rest, []byte(r.InvokerComm)) {
		r.InvokerPID = pid
		return true
	}
	return false
}

// versionAfterTaint finds the first word with digit, point, digit behind "Not tainted" or "Tainted: G OE ----".
func versionAfterTaint(b []byte) string {
	i := bytes.Index(b, []byte("ainted"))
	if i < 0 {
		return ""
	}
	for _, w := range bytes.Fields(b[i+len("ainted"):]) {
		if dot := bytes.IndexByte(w, '.'); dot > 0 && dot+1 < len(w) && isDigit(w[0]) && isDigit(w[dot+1]) {
			return string(w)
		}
	}
	return ""
}

// readKill reads the lines that name a victim, and those that say there is none.
func (o *oomReader) readKill(m *message, msg []byte) bool {
	if rest, ok := bytes.CutPrefix(msg, []byte("oom_reaper: ")); ok {
		return o.readReaper(m, rest)
	}
	if i := bytes.Index(msg, []byte("oom-kill:constraint=")); i >= 0 {
		return o.readConstraint(m, msg[i+len("oom-kill:"):])
	}
	if r := o.cur; r != nil && r.splitTag && bytes.HasPrefix(msg, []byte(",")) && bytes.Contains(msg, []byte("pid=")) {
		return o.readConstraint(m, append([]byte("constraint="+r.label), msg...))
	}
	if bytes.Contains(msg, []byte("no killable processes")) || bytes.Contains(msg, []byte("System is deadlocked on memory")) {
		if o.cur == nil && o.toldJust(m.envelope) {
			return true
		}
		if o.cur != nil && o.cur.done && !o.cur.NoKillable {
			o.finish()
		}
		r := o.open(m)
		r.NoKillable, r.done = true, true
		r.killed = m.stamp()
		return true
	}
	if bytes.Contains(msg, []byte("OOM victim ")) && bytes.Contains(msg, []byte("already exiting")) {
		return o.cur != nil
	}
	if bytes.HasPrefix(msg, []byte("Tasks in ")) && bytes.Contains(msg, []byte("memory.oom.group")) {
		if o.cur != nil {
			o.cur.group = true
		}
		return true
	}
	i := bytes.Index(msg, []byte("ill process "))
	killed := false
	if j := bytes.Index(msg, []byte("Killed process ")); j >= 0 && (i < 0 || j < i) {
		i, killed = j+2, true
	}
	if i < 1 || msg[i-1]|0x20 != 'k' && !killed {
		return false
	}
	if killed {
		i = i - 2 + len("Killed process ")
	} else {
		i += len("ill process ")
	}
	v, ok := parseVictim(msg[i:])
	if !ok {
		return false
	}
	o.victim(m, v, killed, msg[:i])
	return true
}

// toldJust reports that a report without victim was emitted at this moment.
func (o *oomReader) toldJust(e envelope) bool {
	n := len(o.told)
	return n > 0 && !o.told[n-1].pid.OK && haveClock(o.told[n-1].when, e) && near(o.told[n-1].when, e, time.Second)
}

// victim is what one line says of the killed process.
type victim struct {
	pid                            Opt
	comm                           string
	totalVM, anon, file, shmem     Opt
	uid, pgtables, scoreAdj, score Opt
}

// parseVictim reads what follows "Killed process ":
//
//	14502 (redis-server) total-vm:8102340kB, anon-rss:7501232kB, file-rss:0kB, shmem-rss:0kB, UID:112 pgtables:18512kB oom_score_adj:0
//	28792 (a.out), UID 0, total-vm:8392828kB, anon-rss:6375476kB, file-rss:4kB, shmem-rss:0kB
//	31809, UID 501, (mysqld) total-vm:819272kB, anon-rss:103500kB, file-rss:3880kB
//	2188 (mysqld) score 60 or sacrifice child
func parseVictim(b []byte) (v victim, ok bool) {
	pid, rest := leadingInt(b)
	if pid < 0 || pid > 1<<31 || len(rest) > 0 && rest[0] != ' ' && rest[0] != ',' {
		return v, false
	}
	v.pid = Some(pid)
	head, sizes := rest, rest
	if i := bytes.Index(rest, []byte("total-vm:")); i >= 0 {
		head = rest[:i]
	} else if i := bytes.Index(rest, []byte(" score ")); i >= 0 {
		head = rest[:i]
	}
	if i := bytes.IndexByte(head, '('); i >= 0 {
		name := head[i+1:]
		if len(head) == len(rest) {
			name = name[:min(len(name), 17)] // prose may follow: 15 bytes of name, perhaps with parentheses of its own
		}
		if j := bytes.LastIndexByte(name, ')'); j >= 0 {
			v.comm = string(name[:min(j, 64)])
		}
	}
	v.uid = intAfter(head, "UID ")
	v.score = intAfter(rest, " score ")
	v.totalVM, v.anon, v.file = wholeAfter(sizes, "total-vm:"), wholeAfter(sizes, "anon-rss:"), wholeAfter(sizes, "file-rss:")
	v.shmem = wholeAfter(sizes, "shmem-rss:")
	if uid := intAfter(sizes, "UID:"); uid.OK {
		v.uid = uid
	}
	v.pgtables = intAfter(sizes, "pgtables:")
	// Early 5.4 and 5.5 kernels print bytes and call them kB. Page tables take 1/512 of what they map; a tenth is no such thing.
	if v.pgtables.OK && v.totalVM.OK && v.pgtables.N > v.totalVM.N/10 && v.pgtables.N%4096 == 0 && v.pgtables.N >= 4096 {
		v.pgtables.N /= 1024
	}
	v.scoreAdj = intAfter(sizes, "oom_score_adj:")
	return v, v.comm != "" || v.totalVM.OK || v.score.OK
}

// victim files one telling of a kill.
func (o *oomReader) victim(m *message, v victim, killed bool, prefix []byte) {
	memcg := bytes.Contains(prefix, []byte("emory cgroup"))
	global := !memcg && bytes.Contains(prefix, []byte("ut of memory"))
	r := o.cur
	if r != nil && r.done {
		if r.VictimPID == v.pid && !r.NoKillable && near(r.killed.envelope, m.envelope, sameKill) {
			r.fill(v) // told again
			return
		}
		var next *oomReport
		if killed && memcg && !o.isTold(v.pid, m.envelope) {
			next = r.nextOfGroup(m)
		}
		o.finish()
		o.cur = next
	}
	// The line of the kill says which process died. That of the choice may have named a thread of it, or the parent of
	// a child that was sacrificed instead; the oom-kill: line names the one that died.
	if r = o.cur; r != nil && !r.done && killed && r.named.line > 0 && r.VictimPID.OK && r.VictimPID != v.pid && !r.announcedPID.OK {
		o.finish()
	}
	if r = o.cur; r != nil && !r.done && !killed && r.announcedPID.OK && r.announcedPID != v.pid {
		o.finish()
	}
	if o.cur == nil && o.isTold(v.pid, m.envelope) {
		return
	}
	r = o.open(m)
	r.memcg = r.memcg || memcg
	r.global = r.global || global
	if !killed {
		r.announced, r.announcedPID, r.announcedComm = m.stamp(), v.pid, v.comm
		r.Score = v.score
		if !r.VictimPID.OK {
			r.VictimPID, r.VictimComm = v.pid, v.comm
		}
		return
	}
	if r.announcedPID.OK && r.announcedPID != v.pid && v.comm != r.announcedComm {
		r.Score = Opt{} // the score was the parent's
	}
	r.VictimPID, r.VictimComm = v.pid, v.comm
	r.fill(v)
	r.killed, r.done = m.stamp(), true
}

// fill takes what is not known yet.
func (r *oomReport) fill(v victim) {
	for _, f := range []struct {
		to   *Opt
		from Opt
	}{
		{&r.TotalVMKB, v.totalVM}, {&r.AnonRSSKB, v.anon}, {&r.FileRSSKB, v.file}, {&r.ShmemRSSKB, v.shmem},
		{&r.UID, v.uid}, {&r.PgtablesKB, v.pgtables}, {&r.OOMScoreAdj, v.scoreAdj}, {&r.Score, v.score},
	} {
		if !f.to.OK {
			*f.to = f.from
		}
	}
	if r.VictimComm == "" {
		r.VictimComm = v.comm
	}
}

// nextOfGroup begins the report of the next process of a group that dies as a whole: the circumstances are the same.
func (r *oomReport) nextOfGroup(m *message) *oomReport {
	if !r.group || !near(r.killed.envelope, m.envelope, time.Second) {
		return nil
	}
	return &oomReport{
		OOMKill: OOMKill{InvokerComm: r.InvokerComm, InvokerPID: r.InvokerPID, GFPMask: r.GFPMask, Order: r.Order, OOMMemcg: r.OOMMemcg,
			TaskMemcg: r.TaskMemcg, MemcgUsage: r.MemcgUsage, MemcgLimit: r.MemcgLimit, MemcgFails: r.MemcgFails, MemcgLine: r.MemcgLine},
		first: m.stamp(), invoked: r.invoked, memcg: r.memcg, global: r.global, label: r.label, group: true,
	}
}

func (o *oomReader) isTold(pid Opt, e envelope) bool {
	for _, t := range o.told {
		if t.pid == pid && pid.OK && near(t.when, e, sameKill) {
			return true
		}
	}
	return false
}

// readReaper reads "reaped process 14502 (redis-server), now anon-rss:0kB, …". It may also name tasks that shared the
// victim's memory, so it confirms a kill and never makes one.
func (o *oomReader) readReaper(m *message, rest []byte) bool {
	rest, ok := bytes.CutPrefix(rest, []byte("reaped process "))
	if !ok {
		return true // "unable to reap pid:N (c)"
	}
	pid, tail := leadingInt(rest)
	if r := o.cur; r != nil && r.VictimPID == Some(pid) {
		r.Reaped = true
		return true
	}
	if pid >= 0 && o.cur == nil && len(o.told) == 0 {
		// The kill itself was cut off: still a trace of it.
		v, _ := parseVictim(rest[:len(rest)-len(tail)+min(len(tail), 20)])
		o.emit(Record{Time: m.Time, Clock: m.Clock, SinceBoot: m.SinceBoot, HasBoot: m.HasBoot, At: m.at, Raw: m.raw,
			Fact: &KernelEvent{Event: "oom-reaped", Comm: v.comm, PID: Some(pid), Text: evidenceText(m.Msg)}})
	}
	return true
}

// readConstraint reads the summary of kernel 5.0 and later, which is printed in pieces and may be cut:
//
//	constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=x,mems_allowed=0-1,3,oom_memcg=/a,task_memcg=/a/b,task=php-fpm,pid=7,uid=33
func (o *oomReader) readConstraint(m *message, b []byte) bool {
	pid := wholeAfter(b, ",pid=")
	r := o.cur
	if r != nil && (r.done || r.named.line > 0 && !r.splitTag) {
		if r.VictimPID == pid && near(r.last(), m.envelope, sameKill) {
			r.constraint(m, b)
			return true
		}
		if r.done || r.VictimPID.OK {
			o.finish()
		}
	}
	if o.cur == nil && o.isTold(pid, m.envelope) {
		return true
	}
	r = o.open(m)
	r.constraint(m, b)
	if pid.OK && !r.VictimPID.OK {
		r.VictimPID = pid
		r.VictimComm = string(lastField(b, ",task=", ",pid="))
	}
	if !r.UID.OK {
		r.UID = intAfter(b, ",uid=")
	}
	return true
}

func (r *oomReport) constraint(m *message, b []byte) {
	if r.named.line == 0 {
		r.named = m.stamp()
	}
	r.label = string(field(b, "constraint=", ","))
	r.splitTag = !bytes.Contains(b, []byte(",pid="))
	if bytes.Contains(b, []byte(",global_oom")) {
		r.global = true
	}
	if g := field(b, ",oom_memcg=", ","); len(g) > 0 {
		r.OOMMemcg, r.memcg = string(g), true
	}
	if g := field(b, ",task_memcg=", ","); len(g) > 0 && r.TaskMemcg == "" {
		r.TaskMemcg = string(g)
	}
}

// readTrace reads the call trace for the one thing it proves where the lines that say so are cut off.
func (o *oomReader) readTrace(msg []byte) bool {
	r := o.cur
	if r == nil {
		return false
	}
	if bytes.Contains(msg, []byte("mem_cgroup_out_of_memory")) {
		r.memcg = true
		return true
	}
	// The page allocator gave up: the machine, or a cpuset of it, whatever the label will say. A group's limit that is hit
	// by the kernel's own pages passes through here too, and through the line above.
	if bytes.Contains(msg, []byte("__alloc_pages")) {
		r.global = true
		return true
	}
	return false
}

// finish emits the report being gathered, unless it tells what was told already or was no OOM report.
func (o *oomReader) finish() {
	r := o.cur
	o.cur = nil
	if r == nil {
		return
	}
	*o.rows -= len(r.Tasks)
	if r.isDump && (o.otherDump || !r.mem.any()) || r.saysNothing() {
		return
	}
	when := r.killed
	for _, s := range []stamped{r.announced, r.named, r.invoked, r.tasks, r.meminfo, r.first} {
		if when.line == 0 {
			when = s
		}
	}
	told := toldKill{pid: r.VictimPID, comm: r.InvokerComm, when: when.envelope}
	for _, t := range o.told {
		same := t.pid == told.pid && t.when.HasBoot == told.when.HasBoot && near(t.when, told.when, sameKill)
		if !told.pid.OK { // a victimless telling repeats one only at the same moment and by the same process
			same = t.comm == told.comm && told.comm != "" && haveClock(t.when, told.when) && near(t.when, told.when, time.Millisecond)
		} else if !haveClock(t.when, told.when) {
			same = same && r.invoked.line == 0
		}
		if same {
			return
		}
	}
	if len(o.told) == maxTold {
		o.told = append(o.told[:0], o.told[1:]...)
	}
	o.told = append(o.told, told)
	r.complete(o)
	if when.line == 0 {
		when = r.first
	}
	o.emit(Record{Time: when.Time, Clock: when.Clock, SinceBoot: when.SinceBoot, HasBoot: when.HasBoot,
		At: Pos{Line: when.line}, Raw: []byte(when.text), Fact: &r.OOMKill})
}

// saysNothing tells a lone quotation, "oom-kill:constraint=CONSTRAINT_MEMCG", from a report.
func (r *oomReport) saysNothing() bool {
	return !r.VictimPID.OK && !r.NoKillable && r.invoked.line == 0 && r.tasks.line == 0 && r.meminfo.line == 0 &&
		r.OOMMemcg == "" && r.TaskMemcg == "" && !r.MemcgUsage.OK && r.mem.statsGroup == ""
}

// complete turns what was gathered into the fact.
func (r *oomReport) complete(o *oomReader) {
	r.Kernel = o.kernel
	r.KillLine, r.KillText = r.killed.line, r.killed.text
	if r.KillLine == 0 {
		r.KillLine, r.KillText = r.announced.line, r.announced.text
	}
	r.InvokedLine, r.InvokedText = r.invoked.line, r.invoked.text
	r.ConstraintLine, r.TasksLine, r.MemInfoLine = r.named.line, r.tasks.line, r.meminfo.line
	r.Constraint = r.constraintName()
	r.Truncated = r.invoked.line == 0 || !r.VictimPID.OK && !r.NoKillable
	if r.memcg && r.OOMMemcg == "" {
		r.OOMMemcg = r.mem.statsGroup
	}
	if size := r.pageSizeKB(); size > 0 {
		o.pageKB = size
	}
	r.PageSizeKB = cmp.Or(o.pageKB, 4)
	r.mem.fill(&r.OOMKill, r.PageSizeKB)
	for i := range r.Tasks {
		t := &r.Tasks[i]
		for _, pages := range []*Opt{&t.TotalVMKB, &t.RSSKB, &t.SwapKB} {
			pages.N = pagesToKB(pages.N, r.PageSizeKB)
		}
		if r.VictimPID == Some(t.PID) {
			if len(t.Comm) < len(r.VictimComm) && strings.HasPrefix(r.VictimComm, t.Comm) {
				t.Comm = r.VictimComm // cut off at the edge of a terminal
			}
			if !r.UID.OK {
				r.UID = t.UID
			}
			if !r.OOMScoreAdj.OK {
				r.OOMScoreAdj = t.OOMScoreAdj
			}
		}
	}
}

// constraintName trusts the lines about a group more than the label: kernels have printed CONSTRAINT_NONE for a group's limit.
func (r *oomReport) constraintName() string {
	switch {
	case r.Order.OK && r.Order.N == -1:
		return "manual"
	case r.memcg:
		return "memcg"
	case strings.HasPrefix(r.label, "CONSTRAINT_MEMCG"):
		return "memcg"
	case r.label == "CONSTRAINT_CPUSET":
		return "cpuset"
	case r.label == "CONSTRAINT_MEMORY_POLICY":
		return "mempolicy"
	case r.label == "CONSTRAINT_NONE":
		return "global"
	case r.label != "":
		return "unknown"
	case r.global || r.mem.any():
		return "global"
	}
	return "unknown"
}

// pageSizeKB derives the size of a page: ppc64le has 64 kB, sparc64 8, arm64 any of them. 0 when the report does not give it.
func (r *oomReport) pageSizeKB() int64 {
	for _, t := range r.Tasks {
		if r.VictimPID == Some(t.PID) && r.TotalVMKB.OK && t.TotalVMKB.OK {
			if size := t.pageSize(r.TotalVMKB.N); size > 0 {
				return size
			}
		}
	}
	return r.mem.pageSizeKB()
}

// pageSize compares the row's pages with the kB of the kill line.
func (t *Task) pageSize(kb int64) int64 {
	for size := int64(4); size <= 64; size *= 2 {
		if t.TotalVMKB.N > 0 && t.TotalVMKB.N <= 1<<50 && t.TotalVMKB.N*size == kb {
			return size
		}
	}
	return 0
}

// pagesToKB multiplies within bounds: a made-up number of pages must not wrap around.
func pagesToKB(pages, size int64) int64 {
	const limit = 1 << 56
	return min(pages, limit/64) * size
}

// field is what follows name up to the first of the stop bytes; nil when name is absent.
func field(b []byte, name, stops string) []byte {
	_, rest, ok := bytes.Cut(b, []byte(name))
	if !ok {
		return nil
	}
	if i := bytes.IndexAny(rest, stops); i >= 0 {
		rest = rest[:i]
	}
	return rest[:min(len(rest), maxLineText)]
}

// lastField is what stands between the last from and the to that follows: a process name may hold commas.
func lastField(b []byte, from, to string) []byte {
	i := bytes.LastIndex(b, []byte(from))
	if i < 0 {
		return nil
	}
	rest, _, _ := bytes.Cut(b[i+len(from):], []byte(to))
	return rest[:min(len(rest), 64)]
}

// intAfter reads the number, perhaps negative, that follows name.
func intAfter(b []byte, name string) Opt {
	_, rest, ok := bytes.Cut(b, []byte(name))
	if !ok {
		return Opt{}
	}
	sign := int64(1)
	if len(rest) > 0 && rest[0] == '-' {
		sign, rest = -1, rest[1:]
	}
	n, _ := leadingInt(rest)
	if n < 0 {
		return Opt{}
	}
	return Some(sign * n)
}

// wholeAfter is intAfter for a number that something always follows, a unit or a comma: at the end of a line its last digits
// were cut off, as a terminal of 80 columns does.
func wholeAfter(b []byte, name string) Opt {
	n := intAfter(b, name)
	if n.OK {
		_, rest, _ := bytes.Cut(b, []byte(name))
		if len(bytes.TrimLeft(rest, "-0123456789")) == 0 {
			return Opt{}
		}
	}
	return n
}
