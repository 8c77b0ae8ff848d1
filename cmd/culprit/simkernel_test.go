package main

import (
	"fmt"
	"strings"
	"time"
)

// kernelLog is the report of one kill in the words of the style's kernel: mm/oom_kill.c of 4.4, 4.15, 5.4 and 6.8.
func (s *sim) kernelLog(k *kill) string {
	var out strings.Builder
	invoker, ipid := "nginx", 951
	at := k.at.Add(-180 * time.Millisecond)
	p := func(format string, a ...any) {
		at = at.Add(11 * time.Microsecond)
		s.kernelLine(&out, at, fmt.Sprintf(format, a...))
	}
	gfp := map[string]string{"4.4": "0x24201ca", "4.15": "0x14201ca(GFP_HIGHUSER_MOVABLE|__GFP_COLD)", "5.4": "0x100cca(GFP_HIGHUSER_MOVABLE)", "6.8": "0x140cca(GFP_HIGHUSER_MOVABLE|__GFP_COMP)"}[s.style.era]
	version := map[string]string{"4.4": "4.4.0-210-generic #242-Ubuntu", "4.15": "4.15.0-213-generic #224-Ubuntu", "5.4": "5.4.0-174-generic #193-Ubuntu", "6.8": "6.8.0-45-generic #45-Ubuntu"}[s.style.era]
	old := s.style.era == "4.4" || s.style.era == "4.15"
	if old {
		p("%s invoked oom-killer: gfp_mask=%s, order=0, oom_score_adj=0", invoker, gfp)
		p("%s cpuset=/ mems_allowed=0", invoker)
	} else {
		p("%s invoked oom-killer: gfp_mask=%s, order=0, oom_score_adj=0", invoker, gfp)
	}
	p("CPU: 1 PID: %d Comm: %s Not tainted %s", ipid, invoker, version)
	p("Hardware name: QEMU Standard PC (i440FX + PIIX, 1996), BIOS 1.13.0-1ubuntu1 04/01/2014")
	p("Call Trace:")
	p(" dump_stack+0x6d/0x8b")
	p(" out_of_memory+0x1ba/0x490")
	rows := s.rows(k)
	kb := func(n int) int { return n >> 10 }
	if k.cgroup == "" {
		anon := k.cow
		for _, r := range rows {
			anon += r.rss
		}
		if s.redis != nil {
			if i := s.child(rows); i >= 0 {
				anon -= rows[i].rss // shares its parent's pages but for the copied ones
			}
		}
		ram := max(s.ram, anon+s.kernel)
		free := ram / 100
		tables, slab := ram/400, s.kernel+ram/200
		file := max(ram-anon-free-tables-slab-ram/100, 0)
		p("Mem-Info:")
		p("active_anon:%d inactive_anon:%d isolated_anon:0", anon/4096*9/10, anon/4096/10)
		p(" active_file:%d inactive_file:%d isolated_file:0", file/4096/2, file/4096/2)
		p(" unevictable:0 dirty:0 writeback:0 unstable:0")
		p(" slab_reclaimable:%d slab_unreclaimable:%d", ram/200/4096, slab/4096)
		p(" mapped:%d shmem:312 pagetables:%d bounce:0", file/4096/3, tables/4096)
		p(" free:%d free_pcp:0 free_cma:0", free/4096)
		p("0 pages HighMem/MovableOnly")
		p("Free swap  = 0kB")
		p("Total swap = 0kB")
		p("%d pages RAM", ram/4096+ram/4096/50)
		p("%d pages reserved", ram/4096/50)
	} else {
		p("memory: usage %dkB, limit %dkB, failcnt 3187", kb(k.limit), kb(k.limit))
		p("Memory cgroup stats for %s:", k.cgroup)
	}
	if !s.style.noRows {
		switch s.style.era {
		case "4.4":
			p("[ pid ]   uid  tgid total_vm      rss nr_ptes nr_pmds swapents oom_score_adj name")
		case "4.15":
			p("[ pid ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name")
		case "5.4":
			p("Tasks state (memory values in pages):")
			p("[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name")
		case "6.8":
			p("Tasks state (memory values in pages):")
			p("[  pid  ]   uid  tgid total_vm      rss rss_anon rss_file rss_shmem pgtables_bytes swapents oom_score_adj name")
		}
		for _, r := range rows {
			vm, pages, tables := r.rss/4096+21000, r.rss/4096, r.rss/512+90112
			switch s.style.era {
			case "4.4":
				p("[%5d]   112 %5d %8d %8d %7d       4        0             0 %s", r.pid, r.pid, vm, pages, tables/4096, r.name)
			case "4.15":
				p("[%5d]   112 %5d %8d %8d %8d        0             0 %s", r.pid, r.pid, vm, pages, tables, r.name)
			case "5.4":
				p("[%7d]   112 %5d %8d %8d %8d        0             0 %s", r.pid, r.pid, vm, pages, tables, r.name)
			case "6.8":
				p("[%7d]   112 %5d %8d %8d %8d        0         0 %8d        0             0 %s", r.pid, r.pid, vm, pages, pages, tables, r.name)
			}
		}
	}
	v := k.victim
	where, global := "Out of memory", ",global_oom"
	if k.cgroup != "" {
		where, global = "Memory cgroup out of memory", ",oom_memcg="+k.cgroup
	}
	if !old {
		constraint := "CONSTRAINT_NONE"
		task := "/system.slice/" + v.name + ".service"
		if k.cgroup != "" {
			constraint, task = "CONSTRAINT_MEMCG", k.cgroup
		}
		p("oom-kill:constraint=%s,nodemask=(null),cpuset=/,mems_allowed=0%s,task_memcg=%s,task=%s,pid=%d,uid=112", constraint, global, task, v.name, v.pid)
		p("%s: Killed process %d (%s) total-vm:%dkB, anon-rss:%dkB, file-rss:2104kB, shmem-rss:0kB, UID:112 pgtables:%dkB oom_score_adj:0", where, v.pid, v.name, kb(v.rss)+84000, kb(v.rss), kb(v.rss)/512+88)
	} else {
		if k.cgroup != "" {
			p("Task in %s killed as a result of limit of %s", k.cgroup, k.cgroup)
		}
		p("%s: Kill process %d (%s) score %d or sacrifice child", where, v.pid, v.name, min(990, 1000*v.rss/max(s.ram, v.rss+1)))
		p("Killed process %d (%s) total-vm:%dkB, anon-rss:%dkB, file-rss:2104kB", v.pid, v.name, kb(v.rss)+84000, kb(v.rss))
	}
	return out.String()
}

// rows are the processes alive at the kill; Redis among them.
func (s *sim) rows(k *kill) []process {
	if k.cgroup != "" {
		return []process{k.victim}
	}
	rows := []process{{"systemd", 1, 9 << 20, 1}, {"sshd", 622, 4 << 20, 1}, {"nginx", 950, 5 << 20, 1}, {"nginx", 951, 11 << 20, 1}}
	seen := false
	for _, p := range s.procs {
		for i := range max(p.n, 1) {
			rows = append(rows, process{p.name, p.pid + i, p.rss, 1})
		}
		seen = seen || p.pid == k.victim.pid
	}
	if s.redis != nil && k != s.earlier {
		if k.victim.pid == s.redis.pid {
			seen = true
			rows = append(rows, k.victim)
		} else {
			used, _, _, _ := s.usedAt(k.at)
			rows = append(rows, process{"redis-server", s.redis.pid, rss(used), 1})
		}
	}
	if !seen {
		rows = append(rows, k.victim)
	}
	return rows
}

// child is the row of a second redis-server.
func (s *sim) child(rows []process) int {
	for i, r := range rows {
		if r.name == "redis-server" && r.pid != s.redis.pid {
			return i
		}
	}
	return -1
}

func (s *sim) kernelLine(out *strings.Builder, at time.Time, msg string) {
	mono := at.Sub(s.boot()).Seconds()
	switch s.style.kernel {
	case "mono":
		fmt.Fprintf(out, "[%12.6f] %s\n", mono, msg)
	case "dmesg-T":
		fmt.Fprintf(out, "[%s] %s\n", at.In(s.zone).Format("Mon Jan _2 15:04:05 2006"), msg)
	case "iso":
		fmt.Fprintf(out, "%s %s kernel: [%.6f] %s\n", at.In(s.zone).Format("2006-01-02T15:04:05.000000-07:00"), simHost, mono, msg)
	case "journal":
		fmt.Fprintf(out, "%s %s kernel: %s\n", at.In(s.zone).Format("Jan 02 15:04:05"), simHost, msg)
	default:
		fmt.Fprintf(out, "%s %s kernel: [%.6f] %s\n", at.In(s.zone).Format("Jan _2 15:04:05"), simHost, mono, msg)
	}
}
