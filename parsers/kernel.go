package parsers

import "bytes"

// Kernel logs without a syslog header: what dmesg prints, what a console or a paste kept of it. All of unwrap's forms, with
// or without any stamp:
//
//	[62279.421192] redis-server invoked oom-killer: gfp_mask=0x140cca(GFP_HIGHUSER_MOVABLE|__GFP_COMP), order=0, oom_score_adj=0
//	[Tue Apr 20 09:12:34 2026] Out of memory: Killed process 14502 (redis-server) total-vm:8102340kB, anon-rss:7501232kB, …
//	kern  :warn  : 2026-01-21T08:41:30,287197+00:00 oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),…
//	3,22726,652513349062,-;Memory cgroup out of memory: Killed process 51807 (worker) total-vm:412192kB, …
//
// One OOMKill a kill, and KernelEvents for what else bears on an incident. See oomkill.go for how reports are put together.
var _ = register(Parser{
	Name: "kernel",
	Doc:  "dmesg output and pasted kernel logs: OOM kills, segfaults, failed allocations, IO errors, audit stamps that tie the clock",
	Match: func(h *Head) int {
		return h.sample().kernel()
	},
	Parse: parseLog,
})

// logSample counts what the lines at the head of a file look like.
type logSample struct {
	lines   int
	dmesg   int // a kernel stamp, and no program
	tagged  int // a time and a program
	system  int // of those: the kernel's, init's, cron's: programs with no log format of their own
	others  int // of those: neither init's nor of the program that has most of them
	wording int // untagged lines with the wording of a kernel log
	oom     int // of any: the wording of an OOM report
	journal bool
	reports bool // read as a log, it does give an OOM report: prose that only speaks of the OOM killer does not
}

const maxSample = 400 // lines looked at to tell a format

func sampleLog(h *Head) logSample {
	var s logSample
	programs, most := map[string]int{}, 0
	for _, line := range h.Lines(maxSample) {
		s.lines++
		if bytes.HasPrefix(line, []byte("__CURSOR=")) || bytes.HasPrefix(line, []byte("__REALTIME_TIMESTAMP=")) ||
			bytes.Contains(line, []byte(`"__REALTIME_TIMESTAMP"`)) {
			s.journal = true
		}
		if s.journal && s.lines > 20 {
			break
		}
		e := unwrap(line)
		oom := hasOOMWording(e.Msg)
		if oom {
			s.oom++
		}
		switch {
		case e.Dmesg && len(e.Host) == 0 && isKernelProgram(e.Program): // /dev/kmsg
			s.dmesg++
		case len(e.Program) > 0 && (e.Clock != NoClock || isKernelProgram(e.Program)):
			s.tagged++
			if isSystemProgram(e.Program) {
				s.system++
			}
			if len(programs) < maxSample && !bytes.HasPrefix(e.Program, []byte("systemd")) {
				programs[string(e.Program)]++
				most = max(most, programs[string(e.Program)])
				s.others++
			}
		case e.Dmesg:
			s.dmesg++
		case oom || hasKernelWording(e.Msg):
			s.wording++
		}
	}
	s.others -= most
	if s.oom > 0 && s.dmesg*2 < s.lines {
		_ = parseLog(&Source{R: bytes.NewReader(h.Text)}, func(r Record) { // a reader of bytes does not fail
			k, ok := r.Fact.(*OOMKill)
			s.reports = s.reports || ok && (k.VictimPID.OK || k.InvokedLine > 0 || k.TasksLine > 0)
		})
	}
	return s
}

func (s *logSample) kernel() int {
	switch {
	case s.lines == 0 || s.journal || s.dmesg+s.wording == 0:
		return 0
	case s.dmesg < s.tagged:
		return 0
	case s.dmesg*2 >= s.lines || s.wording*2 >= s.lines:
		if s.oom > 0 && (s.reports || s.dmesg*2 >= s.lines) {
			return SureMark
		}
		if s.oom == s.wording+s.dmesg && !s.reports {
			return 0
		}
		return SureShape
	case s.oom > 0 && s.reports:
		return SureShape - 10 // a paste with prose around it; a format that knows most of the lines knows better
	case s.dmesg*4 >= s.lines || s.wording*4 >= s.lines:
		return SureHabit
	}
	return 0
}

// hasOOMWording finds a line of an OOM report.
func hasOOMWording(msg []byte) bool {
	for _, w := range [...]string{"invoked oom-killer", "oom-kill:constraint=", "Killed process ", "emory: Kill process ", "emory: kill process ",
		"oom_reaper: reaped process", "no killable processes", "swapents oom_score_adj name", "nr_ptes swapents"} {
		if bytes.Contains(msg, []byte(w)) {
			return true
		}
	}
	return false
}

// hasKernelWording finds the start of a line that only a kernel log has.
func hasKernelWording(msg []byte) bool {
	msg = bytes.TrimLeft(msg, " \t")
	for _, w := range [...]string{"Mem-Info:", "Node 0 ", "lowmem_reserve[]:", "Free swap ", "Total swap ", "Call Trace:", "Call trace:",
		"Hardware name: ", "Linux version ", "audit: type=", "Tasks state (", "CPU: ", "EXT4-fs ", "XFS (", "Memory cgroup stats for ",
		"oom_reaper: ", "Swap cache stats:", "active_anon:", "RIP: 00", "memory: usage "} {
		if bytes.HasPrefix(msg, []byte(w)) {
			return true
		}
	}
	return false
}

func isKernelProgram(p []byte) bool {
	switch string(p) {
	case "kernel", "klogd", "vmunix", "dmesg", "kmsg":
		return true
	}
	return false
}

// isSystemProgram knows the programs whose lines only a system log holds.
func isSystemProgram(p []byte) bool {
	if isKernelProgram(p) {
		return true
	}
	for _, w := range [...]string{"systemd", "CRON", "cron", "CROND", "sshd", "sudo", "rsyslogd", "dbus", "audit", "init", "su", "earlyoom", "dockerd", "containerd", "kubelet"} {
		if bytes.HasPrefix(p, []byte(w)) {
			return true
		}
	}
	return false
}
