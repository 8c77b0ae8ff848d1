package parsers

import (
	"bytes"
	"slices"
)

// memInfo is the state of memory that an OOM report prints: counts in pages for the machine, in kB for nodes and zones.
type memInfo struct {
	pages      map[string]int64 // Mem-Info's own lines: active_anon:1950211
	nodes      map[string]int64 // kB, summed over "Node 0 active_anon:7800844kB …" (4.8 and later)
	zones      map[string]int64 // kB, summed over "Node 0 Normal free:…kB"
	ram        Opt              // pages
	reserved   Opt              // pages
	buddyKB    int64            // the smallest block of the buddy lists is a page: "15426*4kB"
	statsGroup string           // "Memory cgroup stats for /x:"
	huge       hugePages
}

// hugePages are what is set aside for huge pages, summed over nodes and sizes: "Node 0 hugepages_total=2048 hugepages_free=2048
// hugepages_surp=0 hugepages_size=2048kB". No process's RSS holds them.
type hugePages struct {
	totalKB, freeKB int64
	told            bool
}

func (i *memInfo) any() bool {
	return len(i.pages) > 0 || len(i.nodes) > 0 || len(i.zones) > 0 || i.ram.OK
}

// wanted are the names whose values are kept.
var wanted = []string{"active_anon", "inactive_anon", "active_file", "inactive_file", "slab_reclaimable", "slab_unreclaimable",
	"shmem", "pagetables", "free", "kernel_stack"}

// readMemory reads the lines about memory between the call trace and the task table.
func (o *oomReader) readMemory(m *message, msg []byte) bool {
	return o.readHuge(msg) || o.readMemInfo(m, msg) || o.readMemcg(m, msg) || o.readTotals(m, msg)
}

// readHuge reads a node's huge pages of one size.
func (o *oomReader) readHuge(msg []byte) bool {
	_, rest, ok := bytes.Cut(msg, []byte(" hugepages_total="))
	if !ok || o.cur == nil || !bytes.HasPrefix(msg, []byte("Node ")) {
		return false
	}
	number := func(name string) int64 {
		_, after, _ := bytes.Cut(rest, []byte(" hugepages_"+name+"="))
		n, _ := leadingInt(after)
		return max(n, 0)
	}
	total, _ := leadingInt(rest)
	size := number("size")
	if total < 0 || size > 1<<30 || total > 1<<50/max(size, 1) {
		return false
	}
	h := &o.cur.mem.huge
	h.told, h.totalKB, h.freeKB = true, h.totalKB+total*size, h.freeKB+min(number("free"), total)*size
	return true
}

// readMemInfo reads
//
//	Mem-Info:
//	active_anon:1950211 inactive_anon:4503 isolated_anon:0
//	 active_file:121 inactive_file:0 isolated_file:0
//	Node 0 active_anon:7800844kB inactive_anon:18012kB …
//	Node 0 Normal free:44120kB min:44988kB low:56232kB …          (32-bit kernels: "Normal free:…")
//	Node 0 Normal: 15426*4kB (UME) 18*8kB (UME) … = 61864kB
func (o *oomReader) readMemInfo(m *message, msg []byte) bool {
	if bytes.HasPrefix(msg, []byte("Mem-Info:")) || bytes.HasPrefix(msg, []byte("Mem-info:")) {
		o.dump(m)
		msg = bytes.TrimSpace(msg[len("Mem-Info:"):])
		if len(msg) == 0 {
			return true
		}
	}
	scope, rest := zoneOf(msg)
	if scope == scopeNone {
		return false
	}
	if scope == scopeBuddy {
		if r := o.cur; r != nil && r.mem.buddyKB == 0 {
			if _, after, ok := bytes.Cut(rest, []byte("*")); ok {
				if n, tail := leadingInt(after); n > 0 && n <= 64 && bytes.HasPrefix(tail, []byte("kB")) {
					r.mem.buddyKB = n
				}
			}
		}
		return o.cur != nil
	}
	r := o.dump(m)
	for len(rest) > 0 {
		var word []byte
		word, rest, _ = bytes.Cut(rest, []byte(" "))
		name, value, ok := bytes.Cut(word, []byte(":"))
		if !ok {
			continue
		}
		n, unit := leadingInt(value)
		if n < 0 || n > 1<<50 || !slices.Contains(wanted, string(name)) {
			continue
		}
		kb := bytes.HasPrefix(unit, []byte("kB"))
		to := &r.mem.pages
		switch {
		case kb && scope == scopeNode:
			to = &r.mem.nodes
		case kb && scope == scopeZone:
			to = &r.mem.zones
		case kb || scope != scopePages:
			continue
		}
		if *to == nil {
			*to = map[string]int64{}
		}
		if scope == scopePages {
			if _, again := (*to)[string(name)]; again {
				continue // the first stands: a second dump may be interleaved
			}
		}
		(*to)[string(name)] += n
	}
	return true
}

// dump returns the report being gathered, or begins one that so far is only a dump of memory, which a failed allocation
// and SysRq print as well.
func (o *oomReader) dump(m *message) *oomReport {
	if o.cur == nil {
		o.cur = &oomReport{first: m.stamp(), isDump: true}
	}
	if o.cur.meminfo.line == 0 {
		o.cur.meminfo = m.stamp()
	}
	return o.cur
}

type memScope int

const (
	scopeNone memScope = iota
	scopePages
	scopeNode
	scopeZone
	scopeBuddy
)

// zoneOf says what a line of Mem-Info counts, and returns its "name:value" words.
func zoneOf(msg []byte) (memScope, []byte) {
	rest := msg
	node := false
	if after, ok := bytes.CutPrefix(rest, []byte("Node ")); ok {
		n, tail := leadingInt(after)
		if n < 0 || len(tail) < 2 || tail[0] != ' ' {
			return scopeNone, nil
		}
		node, rest = true, bytes.TrimLeft(tail, " ")
	}
	for _, zone := range []string{"DMA32", "DMA", "Normal", "HighMem", "Movable", "Device"} {
		after, ok := bytes.CutPrefix(rest, []byte(zone))
		if !ok {
			continue
		}
		if after, ok := bytes.CutPrefix(after, []byte(" free:")); ok {
			return scopeZone, rest[len(rest)-len(after)-len("free:"):]
		}
		if after, ok := bytes.CutPrefix(after, []byte(": ")); ok && bytes.Contains(after, []byte("*")) {
			return scopeBuddy, after
		}
		return scopeNone, nil
	}
	name, value, ok := bytes.Cut(rest, []byte(":"))
	if !ok || len(value) == 0 || !isDigit(value[0]) {
		return scopeNone, nil
	}
	if node {
		if string(name) == "active_anon" {
			return scopeNode, rest
		}
		return scopeNone, nil
	}
	switch string(name) {
	case "active_anon", "active_file", "unevictable", "slab_reclaimable", "mapped", "free", "inactive_file", "sec_pagetables", "kernel_misc_reclaimable":
		word, _, _ := bytes.Cut(value, []byte(" "))
		if !bytes.HasSuffix(word, []byte("kB")) {
			return scopePages, rest
		}
	}
	return scopeNone, nil
}

// readMemcg reads what a report about a group's limit says of it:
//
//	Task in /a/b killed as a result of limit of /a
//	memory: usage 524288kB, limit 524288kB, failcnt 158965
//	Memory cgroup stats for /a: …
func (o *oomReader) readMemcg(m *message, msg []byte) bool {
	if rest, ok := bytes.CutPrefix(msg, []byte("Task in ")); ok {
		task, group, ok := bytes.Cut(rest, []byte(" killed as a result of limit of "))
		if !ok {
			return false
		}
		if o.cur != nil && o.cur.VictimPID.OK {
			o.finish()
		}
		r := o.open(m)
		r.memcg = true
		r.TaskMemcg, r.OOMMemcg = evidenceText(task), evidenceText(bytes.TrimSpace(group))
		r.MemcgLine = m.at.Line
		return true
	}
	if rest, ok := bytes.CutPrefix(msg, []byte("memory: usage ")); ok {
		usage, tail := leadingInt(rest)
		if usage < 0 || !bytes.HasPrefix(tail, []byte("kB")) {
			return false
		}
		r := o.open(m)
		r.memcg = true
		if r.MemcgUsage.OK {
			return true
		}
		r.MemcgUsage, r.MemcgLimit, r.MemcgFails = Some(usage), memcgLimit(wholeAfter(rest, "limit ")), intAfter(rest, "failcnt ")
		r.MemcgLine = m.at.Line
		return true
	}
	if rest, ok := bytes.CutPrefix(msg, []byte("Memory cgroup stats for ")); ok {
		r := o.open(m)
		r.memcg = true
		if group, _, ok := bytes.Cut(rest, []byte(":")); ok && r.mem.statsGroup == "" {
			r.mem.statsGroup = evidenceText(group)
		}
		return true
	}
	return false
}

// memcgLimit drops the numbers that mean "no limit": LONG_MAX in kB (9007199254740991, less a page), and the 18014398509481983
// of old kernels. No machine has 2^52 kB.
func memcgLimit(kb Opt) Opt {
	if kb.N > 1<<52 {
		return Opt{}
	}
	return kb
}

// readTotals reads "Free swap  = 0kB", "Total swap = 2097148kB", "8388607 pages RAM", "94779 pages reserved".
func (o *oomReader) readTotals(m *message, msg []byte) bool {
	if rest, ok := bytes.CutPrefix(msg, []byte("Free swap ")); ok {
		return o.swap(m, rest, func(r *oomReport) *Opt { return &r.SwapFreeKB })
	}
	if rest, ok := bytes.CutPrefix(msg, []byte("Total swap ")); ok {
		return o.swap(m, rest, func(r *oomReport) *Opt { return &r.SwapTotalKB })
	}
	n, rest := leadingInt(msg)
	if n < 0 || n > 1<<50 {
		return false
	}
	switch string(rest) {
	case " pages RAM", " pages of RAM":
		r := o.dump(m)
		if !r.mem.ram.OK {
			r.mem.ram, r.RAMLine = Some(n), m.at.Line
		}
		return true
	case " pages reserved", " reserved pages":
		if r := o.cur; r != nil && !r.mem.reserved.OK {
			r.mem.reserved = Some(n)
		}
		return true
	}
	return false
}

func (o *oomReader) swap(m *message, rest []byte, to func(*oomReport) *Opt) bool {
	rest = bytes.TrimLeft(rest, " =:")
	n, unit := leadingInt(rest)
	if n < 0 || !bytes.HasPrefix(unit, []byte("kB")) {
		return false
	}
	r := o.dump(m)
	if f := to(r); !f.OK {
		*f = Some(n)
		if r.SwapLine == 0 {
			r.SwapLine = m.at.Line
		}
	}
	return true
}

// pageSizeKB is the size of a page as the buddy lists or the nodes' sums give it; 0 when neither is there.
func (i *memInfo) pageSizeKB() int64 {
	if i.buddyKB > 0 && i.buddyKB&(i.buddyKB-1) == 0 {
		return i.buddyKB
	}
	pages, kb := i.pages["active_anon"]+i.pages["inactive_anon"], i.nodes["active_anon"]+i.nodes["inactive_anon"]
	// The two are read at slightly different moments: a third apart is not a doubling.
	for size := int64(4); size <= 64 && pages > 1000; size *= 2 {
		if kb*3 > pages*size*2 && kb*3 < pages*size*4 {
			return size
		}
	}
	return 0
}

// fill writes what is known into k, in kB.
func (i *memInfo) fill(k *OOMKill, pageKB int64) {
	get := func(name string) Opt {
		if n, ok := i.pages[name]; ok {
			return Some(pagesToKB(n, pageKB))
		}
		for _, sums := range []map[string]int64{i.nodes, i.zones} {
			if n, ok := sums[name]; ok {
				return Some(n)
			}
		}
		return Opt{}
	}
	k.FreeKB, k.ActiveAnonKB, k.InactAnonKB = get("free"), get("active_anon"), get("inactive_anon")
	k.SlabReclKB, k.SlabUnreclKB = get("slab_reclaimable"), get("slab_unreclaimable")
	k.ShmemKB, k.PagetablesKB, k.KernelStackKB = get("shmem"), get("pagetables"), get("kernel_stack")
	if a, b := get("active_file"), get("inactive_file"); a.OK && b.OK {
		k.FileCacheKB = Some(a.N + b.N)
	}
	if i.huge.told {
		k.HugeKB, k.HugeFreeKB = Some(i.huge.totalKB), Some(i.huge.freeKB)
	}
	if i.ram.OK {
		k.RAMKB = Some(pagesToKB(i.ram.N, pageKB))
	}
	if i.reserved.OK {
		k.ReservedKB = Some(pagesToKB(i.reserved.N, pageKB))
	}
}
