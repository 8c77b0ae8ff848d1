package parsers

import (
	"bytes"
	"time"
)

// kernelEvent reads the kernel's messages that are not about an OOM kill but bear on an incident:
//
//	audit: type=1400 audit(1575805941.578:3441): apparmor="DENIED" …             ties this log's clock to UTC
//	Linux version 5.15.0-101-generic (buildd@…) …                                 a boot
//	php-fpm8.1[353126]: segfault at d9 ip 55df487290bd sp 7ffcfc32834a error 4
//	redis-server: page allocation failure: order:0, mode:0x2015a
//	INFO: task mysqld:733 blocked for more than 120 seconds.                      it waits for a disk or a lock
//	nf_conntrack: table full, dropping packet                                     connections are refused unseen
//	EXT4-fs error (device vda1): …; blk_update_request: I/O error, dev sda, …     the disk
func (l *logReader) kernelEvent(m *message) bool {
	msg := bytes.TrimSpace(m.Msg)
	if e, ok := auditStamp(msg); ok {
		if l.audit.pass(time.UnixMilli(e.EpochMS.N).UTC()) {
			l.record(m, e)
		}
		return true
	}
	e := kernelFact(msg)
	if e == nil {
		return false
	}
	if e.Event == "boot" {
		l.host(m.Host).boot(e.Text)
	}
	if e.Event == "page-allocation-failure" {
		l.host(m.Host).otherDump = true
	}
	if e.Event != "memory-dump" {
		l.record(m, e)
	}
	return true
}

// boot ends what the last boot left open and takes the new kernel's version.
func (o *oomReader) boot(version string) {
	o.finish()
	o.otherDump = false
	o.kernel = ""
	if w := bytes.Fields([]byte(version)); len(w) > 2 {
		o.kernel = string(w[2])
	}
}

// auditStamp reads audit(SECONDS.MILLISECONDS:SERIAL).
func auditStamp(msg []byte) (*KernelEvent, bool) {
	i := bytes.Index(msg, []byte("audit("))
	if i < 0 {
		return nil, false
	}
	sec, rest := leadingInt(msg[i+len("audit("):])
	if sec < 0 || sec > 1<<40 || len(rest) < 5 || rest[0] != '.' {
		return nil, false
	}
	ms, tail := leadingInt(rest[1:4])
	if ms < 0 || len(tail) > 0 || rest[4] != ':' {
		return nil, false
	}
	return &KernelEvent{Event: "audit-epoch", EpochMS: Some(sec*1000 + ms)}, true
}

// kernelFact reads a message that stands for itself; nil when it is of no interest.
func kernelFact(msg []byte) *KernelEvent {
	has := func(s string) bool { return bytes.Contains(msg, []byte(s)) }
	event := func(name string) *KernelEvent { return &KernelEvent{Event: name, Text: evidenceText(msg)} }
	switch {
	case bytes.HasPrefix(msg, []byte("Linux version ")):
		return event("boot")
	case bytes.HasPrefix(msg, []byte("Kernel panic - not syncing: ")):
		return event("panic")
	case has("page allocation failure") || has("page allocation stalls"):
		e := event("page-allocation-failure")
		if comm, _, ok := bytes.Cut(msg, []byte(": page allocation")); ok && len(comm) <= 15 {
			e.Comm = string(comm)
		}
		return e
	case bytes.HasPrefix(msg, []byte("SysRq : Show Memory")), bytes.HasPrefix(msg, []byte("sysrq: Show Memory")), bytes.HasPrefix(msg, []byte("SysRq: Show Memory")):
		return event("memory-dump")
	case has("]: segfault at ") || bytes.HasPrefix(msg, []byte("traps: ")) && has("] "):
		e := event("segfault")
		name := bytes.TrimPrefix(msg, []byte("traps: "))
		if comm, rest, ok := bytes.Cut(name, []byte("[")); ok {
			if pid, tail := leadingInt(rest); pid >= 0 && len(tail) > 0 && tail[0] == ']' {
				e.Comm, e.PID = string(comm[:min(len(comm), 64)]), Some(pid)
			}
		}
		return e
	case bytes.HasPrefix(msg, []byte("INFO: task ")) && has(" blocked for more than "):
		e := event("hung-task")
		name := msg[len("INFO: task "):]
		if i := bytes.IndexByte(name, ':'); i > 0 && i <= 64 {
			e.Comm, e.PID = string(name[:i]), intAfter(name[i:], ":")
		}
		return e
	case has("nf_conntrack: table full"), has("ip_conntrack: table full"), has("nf_conntrack: nf_conntrack: table full"):
		return event("conntrack-full")
	case has("ossible SYN flooding on port"):
		return event("syn-flood")
	case has("out of memory -- consider tuning tcp_mem"), has("too many orphaned sockets"):
		return event("tcp-memory")
	case bytes.HasPrefix(msg, []byte("VFS: file-max limit ")):
		return event("file-max")
	case bytes.HasPrefix(msg, []byte("cgroup: fork rejected by pids controller")):
		return event("pids-limit")
	case bytes.HasPrefix(msg, []byte("nfs: server ")) && has(" not responding"):
		return event("nfs-lost")
	case has("o space left on device") || has("critical space allocation error") || has(" ENOSPC") || has("error -28"):
		return event("disk-full")
	case has("dev fd0") || has("dev sr0"): // a virtual machine's empty drives
		return nil
	case has("I/O error") || has("critical target error") || has("critical medium error") || bytes.HasPrefix(msg, []byte("EXT4-fs error")) ||
		has("emounting filesystem read-only") || has("writeback error on sector") || bytes.HasPrefix(msg, []byte("BTRFS error")):
		return event("io-error")
	}
	return nil
}
