package rules

import (
	"cmp"
	"fmt"
	"strings"

	"culprit/correlate"
)

// What an open verdict can say of the host: its memory, its disks, the kernel's tables, and a Redis that somebody emptied.

// swapped is a host that read from swap and wrote to it all the while: more than a megabyte a second each way, by the median
// of the stretch, which no disk does beside its work for long, and a host with memory to spare does not do at all.
func (c *Case) swapped(b Burst) string {
	var in, out []float64
	var worst correlate.Evidence
	most := int64(0)
	for _, m := range c.Memory {
		f := &m.Fact
		if !f.SwapInKBS.OK || !f.SwapOutKBS.OK || !m.Placed || m.At.Before(b.From) || m.At.After(b.To) {
			continue
		}
		in, out = append(in, float64(f.SwapInKBS.N)), append(out, float64(f.SwapOutKBS.N))
		if n := f.SwapInKBS.N + f.SwapOutKBS.N; n > most {
			most, worst = n, m.Ev
		}
	}
	i, _ := correlate.Median(in)
	o, _ := correlate.Median(out)
	if len(in) == 0 || i < 1024 || o < 1024 {
		return ""
	}
	said := fmt.Sprintf("the host ran short of memory and swapped, %s a second in and %s out (%s)", bytesIn(int64(i)<<10), bytesIn(int64(o)<<10), lineOf(worst))
	if len(c.Groups) > 0 && c.RAM.OK && c.Groups[0].RSS*4 > c.RAM.Bytes {
		g := c.Groups[0]
		said += fmt.Sprintf(": %s held %s of %s (%s)", plural(g.Count, g.Comm), bytesIn(g.RSS), bytesIn(c.RAM.Bytes), lineOf(g.Ev))
	}
	return said
}

// emptied are the snapshots between which somebody emptied Redis, the last time: what was cached has to be made again.
func (c *Case) emptied() (before, after *correlate.Snapshot) {
	if c.Redis == nil {
		return nil, nil
	}
	for _, run := range c.Redis.Runs() {
		if i := correlate.Emptied(run); i > 0 {
			before, after = &run[i-1], &run[i]
		}
	}
	return before, after
}

// emptiedIn tells of it where it happened as the stretch began.
func (c *Case) emptiedIn(b Burst) string {
	from, to := c.emptied()
	if from == nil || !from.Placed || !to.Placed || from.At.After(b.From) || to.At.Before(b.From.Add(-feltWithin)) {
		return ""
	}
	said := fmt.Sprintf("Redis was emptied between %s and %s, from %s keys to %s (%s)", clockTime(from.At), clockTime(to.At), count(from.Keys.N), count(to.Keys.N), lineOf(to.KeyspaceEvidence("")))
	for _, d := range c.Deploys {
		if up := strings.ToUpper(d.Fact.Text); strings.Contains(up, "FLUSHALL") || strings.Contains(up, "FLUSHDB") {
			return said + fmt.Sprintf(", by a deployment (%s)", lineOf(d.Ev))
		}
	}
	return said
}

// kernelWords are what the kernel says of what the stack stands on, the most telling first.
var kernelWords = []struct{ event, words string }{
	{"io-error", "a disk fails"},
	{"disk-full", "a disk is full"},
	{"nfs-lost", "a file server does not answer"},
	{"conntrack-full", "its table of connections is full and it drops packets (nf_conntrack_max)"},
	{"file-max", "no file may be opened any more (fs.file-max)"},
	{"pids-limit", "a group may start no more processes (pids.max)"},
	{"tcp-memory", "the memory for sockets is used up (tcp_mem)"},
	{"syn-flood", "more connections come than are taken (SYN flooding, or a listen queue too short)"},
}

// saidByKernel is a disk that fails or is full, a table of the kernel's that is, and programs that hang in it.
func (c *Case) saidByKernel(b Burst) string {
	n := map[string]int{}
	last := map[string]correlate.Evidence{}
	comm, crashed := "", "a program"
	for _, k := range c.Kernel {
		e := k.Fact.Event
		if k.Placed && (k.At.Before(b.From.Add(-feltWithin)) || k.At.After(b.To)) {
			continue
		}
		if n[e]++; e == "hung-task" {
			comm = cmp.Or(comm, k.Fact.Comm)
		}
		if e == "segfault" {
			crashed = cmp.Or(k.Fact.Comm, crashed)
		}
		last[e] = k.Ev
	}
	for _, w := range kernelWords {
		if n[w.event] > 0 {
			return fmt.Sprintf("the kernel says %s that %s (%s)", times(n[w.event]), w.words, lineOf(last[w.event]))
		}
	}
	if n["segfault"] > 2 {
		return fmt.Sprintf("the kernel says %s that %s crashed (%s)", times(n["segfault"]), crashed, lineOf(last["segfault"]))
	}
	if n["hung-task"] > 0 {
		return fmt.Sprintf("%s hung in the kernel, as it does when it waits for a disk (%s)", comm, lineOf(last["hung-task"]))
	}
	return ""
}

// kernelRefuses is what the kernel says ten times or more, in the time the input tells of, that nobody can be well with: it
// leaves no trace in an access log, where those who did not get through do not stand.
func (c *Case) kernelRefuses() (what string, ok bool) {
	n := map[string]int{}
	last := map[string]correlate.Evidence{}
	from := c.firstService()
	for _, k := range c.Kernel {
		if !k.Placed || !k.At.Before(from) {
			n[k.Fact.Event]++
			last[k.Fact.Event] = k.Ev
		}
	}
	for _, w := range kernelWords {
		if w.event != "syn-flood" && n[w.event] >= 10 { // which is often a listen queue that was full for a moment
			return fmt.Sprintf("the kernel says %s that %s (%s)", times(n[w.event]), w.words, lineOf(last[w.event])), true
		}
	}
	return "", false
}

// panicked is the last time that the kernel gave up, in its words.
func (c *Case) panicked() (string, bool) {
	for i := len(c.Kernel) - 1; i >= 0; i-- {
		if k := &c.Kernel[i]; k.Fact.Event == "panic" {
			_, why, _ := strings.Cut(k.Fact.Text, ": ")
			return fmt.Sprintf("the kernel panicked and took the host down: %s (%s)", why, lineOf(k.Ev)), true
		}
	}
	return "", false
}

// masterLost is what Sentinel or a cluster says of a master that went.
func (c *Case) masterLost() string {
	for _, in := range c.Incident.Redis {
		said := ""
		for _, e := range in.Log {
			switch {
			case e.Event == "cluster-down":
				said = fmt.Sprintf("the Redis cluster took no more commands, for a master was lost (%s)", lineOf(e.Ev))
			case e.Event == "failover" && strings.Contains(e.Text, "+switch-master "):
				said = fmt.Sprintf("Sentinel gave the master up and made another (%s)", lineOf(e.Ev))
			case e.Event == "failover" && strings.Contains(e.Text, "+odown master") && said == "":
				said = fmt.Sprintf("Sentinel does not reach the master (%s)", lineOf(e.Ev))
			}
		}
		if said != "" {
			return said
		}
	}
	return ""
}

// shortNow is a host whose last reading shows hardly any memory left, and its swap used up: less than a twentieth of RAM
// available, less than a tenth of swap free. Who holds it is told where a listing of processes does.
func (c *Case) shortNow() string {
	for i := len(c.Memory) - 1; i >= 0; i-- {
		m := &c.Memory[i]
		f := &m.Fact
		if !f.TotalKB.OK || !f.AvailableKB.OK {
			continue
		}
		if f.AvailableKB.N*20 > f.TotalKB.N || !f.SwapTotalKB.OK || !f.SwapFreeKB.OK || f.SwapFreeKB.N*10 > f.SwapTotalKB.N {
			return ""
		}
		said := fmt.Sprintf("the host had %s of %s of memory left (%s)", bytesIn(f.AvailableKB.N<<10), bytesIn(f.TotalKB.N<<10), lineOf(m.Ev))
		if f.SwapTotalKB.N > 0 {
			said += fmt.Sprintf(", and %s of %s of swap", bytesIn(f.SwapFreeKB.N<<10), bytesIn(f.SwapTotalKB.N<<10))
		}
		if len(c.Groups) > 0 && c.Groups[0].RSS*4 > f.TotalKB.N<<10 {
			g := c.Groups[0]
			said += fmt.Sprintf("; %s held %s (%s)", plural(g.Count, g.Comm), bytesIn(g.RSS), lineOf(g.Ev))
		}
		return said
	}
	return ""
}
