package collect

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/shirou/gopsutil/v3/host"
	"github.com/shirou/gopsutil/v3/mem"
	"github.com/shirou/gopsutil/v3/process"
)

// Meminfo is the host's memory as `date; cat /proc/meminfo` prints it. (gopsutil's Used is left out: what it subtracts from
// the total changed with its version; Available is the kernel's own.)
func Meminfo(ctx context.Context) []byte {
	v, err := mem.VirtualMemoryWithContext(ctx)
	if err != nil {
		return nil
	}
	var b bytes.Buffer
	b.WriteString(dateLine(time.Now()))
	for _, f := range []struct {
		name  string
		bytes uint64
	}{
		{"MemTotal", v.Total}, {"MemFree", v.Free}, {"MemAvailable", v.Available}, {"Buffers", v.Buffers},
		{"Cached", v.Cached - min(v.Cached, v.Sreclaimable)}, // gopsutil adds the one to the other
		{"SwapTotal", v.SwapTotal}, {"SwapFree", v.SwapFree}, {"Shmem", v.Shared}, {"Slab", v.Slab},
		{"SReclaimable", v.Sreclaimable}, {"SUnreclaim", v.Sunreclaim}, {"PageTables", v.PageTables},
		{"CommitLimit", v.CommitLimit}, {"Committed_AS", v.CommittedAS},
	} {
		fmt.Fprintf(&b, "%-16s%8d kB\n", f.name+":", f.bytes/1024)
	}
	return b.Bytes()
}

// Processes whose memory bears on a shop's outage, and how many of the largest others are told beside them.
var matter = []string{"redis-server", "valkey-server", "keydb-server", "dragonfly", "mysqld", "mariadbd", "php-fpm", "nginx"}

const largest = 5

// Processes is the memory of the processes that matter, as `date; ps -eo pid,rss,vsz,args` prints it.
func Processes(ctx context.Context) []byte {
	all, err := process.ProcessesWithContext(ctx)
	if err != nil {
		return nil
	}
	type row struct {
		pid     int32
		rss, vs uint64
		args    string
		matters bool
	}
	var rows []row
	for _, p := range all {
		m, err := p.MemoryInfoWithContext(ctx)
		if err != nil || m.RSS == 0 { // gone, or a thread of the kernel
			continue
		}
		name, _ := p.NameWithContext(ctx)
		matters := slices.ContainsFunc(matter, func(s string) bool { return strings.HasPrefix(name, s) })
		rows = append(rows, row{p.Pid, m.RSS, m.VMS, name, matters})
	}
	slices.SortFunc(rows, func(a, b row) int { return cmp.Or(cmp.Compare(b.rss, a.rss), cmp.Compare(a.pid, b.pid)) })
	var b bytes.Buffer
	b.WriteString(dateLine(time.Now()))
	b.WriteString("    PID    RSS    VSZ COMMAND\n")
	for i, r := range rows {
		if r.matters || i < largest {
			fmt.Fprintf(&b, "%7d %6d %6d %s\n", r.pid, r.rss/1024, r.vs/1024, printable(r.args))
		}
	}
	return b.Bytes()
}

// printable keeps a process's name, which it chooses itself, on its line.
func printable(name string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '?'
		}
		return r
	}, cmp.Or(name, "?"))
}

// HostClock ties the clocks of this host together: what stands in its kernel log is counted from its boot.
func HostClock(ctx context.Context) []byte {
	var b bytes.Buffer
	b.WriteString(dateLine(time.Now()))
	if up, err := os.ReadFile("/proc/uptime"); err == nil {
		b.Write(up)
	} else if s, err := host.UptimeWithContext(ctx); err == nil {
		fmt.Fprintf(&b, "%d.00 0.00\n", s)
	}
	return b.Bytes()
}
