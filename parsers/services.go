package parsers

import (
	"bytes"
	"strings"
)

// messageFact reads what a program said to syslog or the journal; nil when it is of no interest. The kernel's messages
// are not its business.
func messageFact(program string, pid Opt, msg []byte) Fact {
	if bytes.HasPrefix(msg, []byte("segfault at ")) { // "php-fpm8.1[353126]: segfault at …" is the kernel's, but looks like a tag
		return &KernelEvent{Event: "segfault", Comm: program, PID: pid, Text: evidenceText(msg)}
	}
	base := program[strings.LastIndexByte(program, '/')+1:]
	switch {
	case base == "systemd":
		return systemdFact(msg)
	case base == "haproxy":
		return haproxyFact(msg)
	case base == "systemd-oomd":
		return oomdFact(msg)
	case base == "earlyoom" || base == "nohang":
		return earlyoomFact(base, msg)
	case strings.EqualFold(base, "cron") || strings.EqualFold(base, "crond") || strings.HasPrefix(strings.ToLower(base), "cron["):
		return cronFact(msg)
	case base == "anacron":
		if job, _, ok := bytes.Cut(bytes.TrimPrefix(msg, []byte("Job `")), []byte("' started")); ok && bytes.HasPrefix(msg, []byte("Job `")) {
			return &CronRun{Command: evidenceText(job)}
		}
		return nil
	case base == "kubelet" || base == "dockerd" || base == "containerd":
		return containerFact(base, msg)
	case base == "supervisord":
		return supervisorFact(base, msg)
	case strings.HasPrefix(base, "nginx"):
		return nginxChildFact(base, msg)
	case strings.HasPrefix(base, "php-fpm") || strings.HasPrefix(base, "php") && strings.Contains(base, "fpm"):
		return fpmFact(msg)
	case strings.Contains(base, "redis") || strings.HasPrefix(base, "valkey") || strings.HasPrefix(base, "keydb"):
		if e, _, ok := redisLogFact(msg); ok {
			return &e
		}
		return nil
	case base == "mysqld" || base == "mariadbd" || base == "mysql" || base == "mariadb":
		return mysqldFact(base, msg)
	}
	if e := pm2Exit(msg); e != nil {
		return e
	}
	if bytes.Contains(msg, []byte("o space left on device")) {
		return &KernelEvent{Event: "disk-full", Comm: program, PID: pid, Text: evidenceText(msg)}
	}
	return nil
}

// systemdFact reads
//
//	redis-server.service: Main process exited, code=killed, status=9/KILL
//	redis-server.service: A process of this unit has been killed by the OOM killer.
//	redis-server.service: Failed with result 'oom-kill'.
//	redis-server.service: Scheduled restart job, restart counter is at 3.
//	user@1000.service: systemd-oomd killed 12 process(es) in this unit.
//	Started Advanced key-value store.
func systemdFact(msg []byte) Fact {
	e := &ServiceEvent{Program: "systemd", Text: evidenceText(msg)}
	if rest, ok := bytes.CutPrefix(msg, []byte("Unit ")); ok && bytes.HasSuffix(bytes.TrimRight(rest, "."), []byte(" entered failed state")) { // before v231
		name, _, _ := bytes.Cut(rest, []byte(" "))
		e.Event, e.Unit = "failed", evidenceText(name)
		return e
	}
	unit, rest, ok := bytes.Cut(msg, []byte(": "))
	if !ok || !isUnit(unit) {
		for _, verb := range []struct{ word, event string }{{"Started ", "started"}, {"Stopped ", "stopped"}, {"Reloaded ", "reloaded"}, {"Failed to start ", "failed"}} {
			name, ok := bytes.CutPrefix(msg, []byte(verb.word))
			if !ok {
				continue
			}
			if bytes.HasPrefix(name, []byte("Session ")) || bytes.HasPrefix(name, []byte("session-")) || bytes.HasPrefix(name, []byte("User ")) {
				return nil // a login, not a service
			}
			name = bytes.TrimRight(name, ".")
			if first, _, ok := bytes.Cut(name, []byte(" - ")); ok && isUnit(first) {
				name = first
			}
			e.Event, e.Unit = verb.event, evidenceText(name)
			return e
		}
		return nil
	}
	e.Unit = evidenceText(unit)
	has := func(s string) bool { return bytes.Contains(rest, []byte(s)) }
	switch {
	case has("killed by the OOM killer"):
		e.Event, e.Result = "oom-killed", "oom-kill"
	case has("systemd-oomd killed "):
		e.Event, e.Result = "oomd-killed", "oom-kill"
	case has("Failed with result"):
		e.Event, e.Result = "failed", string(field(rest, "'", "'"))
	case has("entered failed state"):
		e.Event = "failed"
	case has("process exited, code="):
		code, status := string(field(rest, "code=", ",")), field(rest, "status=", " .")
		number, name, _ := bytes.Cut(status, []byte("/"))
		switch {
		case code == "killed" || code == "dumped":
			e.Event, e.Result, e.Signal = "killed", "signal", string(name)
		case string(number) == "0":
			e.Event = "stopped"
		default:
			e.Event, e.Result = "failed", "exit-code"
		}
	case has("Killing process "):
		e.Event, e.PID = "killed", intAfter(rest, "Killing process ")
		e.Signal = strings.TrimPrefix(string(field(rest, "with signal ", " .")), "SIG")
	case has("restart counter") || has("scheduling restart"):
		e.Event = "restarted"
	case has("timed out") || has("atchdog timeout"):
		e.Event, e.Result = "failed", "timeout"
	default:
		return nil
	}
	return e
}

func isUnit(b []byte) bool {
	for _, kind := range [...]string{".service", ".scope", ".slice", ".socket", ".mount", ".timer", ".swap"} {
		if bytes.HasSuffix(b, []byte(kind)) && !bytes.ContainsAny(b, " \t") {
			return true
		}
	}
	return false
}

// oomdFact reads
//
//	Killed /user.slice/x.scope due to memory pressure for /user.slice being 51.07% > 50.00% for > 20s with reclaim activity
//	Marked /system.slice/x.service for killing due to memory used (16260780032) / total (16419115008) and swap used …
func oomdFact(msg []byte) Fact {
	for _, form := range [...][2]string{{"Killed ", " due to "}, {"Marked ", " for killing due to "}} {
		if rest, ok := bytes.CutPrefix(msg, []byte(form[0])); ok {
			if group, _, ok := bytes.Cut(rest, []byte(form[1])); ok {
				unit := group[bytes.LastIndexByte(group, '/')+1:]
				return &ServiceEvent{Program: "systemd-oomd", Event: "oomd-killed", Result: "oom-kill", Cgroup: evidenceText(group), Unit: evidenceText(unit), Text: evidenceText(msg)}
			}
		}
	}
	return nil
}

// earlyoomFact reads `sending SIGTERM to process 1234 uid 33 "php-fpm": badness 300, VmRSS 1234 MiB`, and nohang's like, and
// what earlyoom says of the host from time to time: `mem avail:   770 of  7821 MiB ( 9.85%), swap free:    0 of    0 MiB ( 0.00%)`.
func earlyoomFact(program string, msg []byte) Fact {
	if rest, ok := bytes.CutPrefix(msg, []byte("mem avail:")); ok {
		return earlyoomMemory(rest)
	}
	i := bytes.Index(msg, []byte("ending SIG"))
	if i < 0 {
		return nil
	}
	rest := msg[i+len("ending SIG"):]
	signal, rest, _ := bytes.Cut(rest, []byte(" "))
	pid := intAfter(rest, "process ")
	if !pid.OK {
		pid = intAfter(bytes.ToLower(rest), "pid ")
	}
	if !pid.OK {
		return nil
	}
	return &ServiceEvent{Program: program, Event: "killed", Result: "oom-kill", Signal: evidenceText(signal), PID: pid, Unit: string(field(rest, `"`, `"`)), RSSKB: mebi(intAfter(rest, "VmRSS ")), Text: evidenceText(msg)}
}

func earlyoomMemory(rest []byte) Fact {
	mem, swap, _ := bytes.Cut(rest, []byte("swap free:"))
	avail, total, ok := bytes.Cut(mem, []byte(" of "))
	if !ok || !bytes.Contains(total, []byte("MiB")) {
		return nil
	}
	m := &HostMemory{From: "earlyoom", AvailableKB: mebi(leadMiB(avail)), TotalKB: mebi(leadMiB(total))}
	if free, total, ok := bytes.Cut(swap, []byte(" of ")); ok {
		m.SwapFreeKB, m.SwapTotalKB = mebi(leadMiB(free)), mebi(leadMiB(total))
	}
	if !m.TotalKB.OK {
		return nil
	}
	return m
}

func leadMiB(b []byte) Opt { return intAfter(bytes.TrimSpace(b), "") }

// mebi is a number of MiB in kB.
func mebi(n Opt) Opt {
	if !n.OK || n.N < 0 || n.N > 1<<40 {
		return Opt{}
	}
	return Some(n.N << 10)
}

// cronFact reads "(www-data) CMD (php /var/www/bin/stock-sync.php)".
func cronFact(msg []byte) Fact {
	user, rest, ok := bytes.Cut(bytes.TrimPrefix(msg, []byte("(")), []byte(") CMD ("))
	if !ok || msg[0] != '(' {
		return nil
	}
	return &CronRun{User: evidenceText(user), Command: evidenceText(bytes.TrimSpace(bytes.TrimSuffix(rest, []byte(")"))))}
}

// containerFact reads what a container runtime says of an OOM kill in a container.
func containerFact(program string, msg []byte) Fact {
	switch {
	case bytes.Contains(msg, []byte("System OOM encountered")):
		return &ServiceEvent{Program: program, Event: "oom-killed", Result: "oom-kill", PID: intAfter(msg, "pid: "), Text: evidenceText(msg)}
	case bytes.Contains(msg, []byte("TaskOOM")) || bytes.Contains(msg, []byte("/tasks/oom")):
		return &ServiceEvent{Program: program, Event: "oom-killed", Result: "oom-kill", Cgroup: string(field(msg, "ContainerID:", ",} ")), Text: evidenceText(msg)}
	case bytes.Contains(msg, []byte("is evicted successfully")): // "pod is evicted successfully" pod="shop/redis-0"; before 1.23 "pod redis-0_shop(uid) is …"
		pod := string(field(msg, `pod="`, `"`))
		if pod == "" {
			pod = string(field(msg, "pod ", "_( "))
		}
		return &ServiceEvent{Program: program, Event: "evicted", Unit: pod[strings.IndexByte(pod, '/')+1:], Text: evidenceText(msg)}
	}
	return nil
}

// supervisorFact reads "exited: worker_00 (terminated by SIGKILL; not expected)" and "spawned: 'worker_00' with pid 77".
func supervisorFact(program string, msg []byte) Fact {
	if _, rest, ok := bytes.Cut(msg, []byte("exited: ")); ok {
		if unit, how, ok := bytes.Cut(rest, []byte(" (terminated by SIG")); ok {
			signal, _, _ := bytes.Cut(how, []byte(";"))
			return &ServiceEvent{Program: program, Event: "child-killed", Result: "signal", Unit: evidenceText(unit), Signal: evidenceText(bytes.TrimRight(signal, ")")), Text: evidenceText(msg)}
		}
	}
	if _, rest, ok := bytes.Cut(msg, []byte("spawned: '")); ok {
		unit, pid, _ := bytes.Cut(rest, []byte("'"))
		return &ServiceEvent{Program: program, Event: "started", Unit: evidenceText(unit), PID: intAfter(pid, "pid "), Text: evidenceText(msg)}
	}
	return nil
}

// pm2Exit reads "App [web:0] exited with code [1] via signal [SIGINT]" of PM2, which then starts it again; nil where it stopped
// as it should.
func pm2Exit(msg []byte) *ServiceEvent {
	_, rest, ok := bytes.Cut(msg, []byte("App ["))
	if !ok {
		return nil
	}
	unit, rest, ok := bytes.Cut(rest, []byte("] exited with code ["))
	if !ok || bytes.HasPrefix(rest, []byte("0]")) {
		return nil
	}
	return &ServiceEvent{Program: "PM2", Event: "restarted", Unit: evidenceText(unit), Text: evidenceText(msg)}
}

// nginxChildFact reads "worker process 123 exited on signal 9".
func nginxChildFact(program string, msg []byte) Fact {
	_, rest, ok := bytes.Cut(msg, []byte("process "))
	if !ok {
		return nil
	}
	signal := intAfter(rest, "exited on signal ")
	if !signal.OK {
		return nil
	}
	pid, _ := leadingInt(rest)
	if pid < 0 {
		return nil
	}
	return &ServiceEvent{Program: program, Event: "child-killed", Result: "signal", PID: Some(pid), Signal: signalName(signal.N), Text: evidenceText(msg)}
}

// fpmFact reads "[WARNING] [pool www] server reached pm.max_children setting (5), consider raising it", with the stamp and
// level that the master's own log has, or without.
func fpmFact(msg []byte) Fact {
	_, text := lineStamp(msg)
	_, text = fpmLevel(text)
	for _, level := range [...]string{"[NOTICE] ", "[WARNING] ", "[ERROR] ", "[ALERT] "} {
		text = strings.TrimPrefix(text, level)
	}
	e := fpmEvent(text)
	if e == nil {
		return nil
	}
	e.Text = clip(text, maxEventText)
	return e
}

// mysqldFact reads what the log of a database server would hold.
func mysqldFact(program string, msg []byte) Fact {
	_, text := lineStamp(msg)
	event := mysqlEvent(text)
	if event == "" {
		return nil
	}
	return &ServiceEvent{Event: event, Program: program, Text: clip(text, maxEventText)}
}
