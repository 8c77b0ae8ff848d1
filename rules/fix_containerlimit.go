package rules

import (
	"fmt"
	"strconv"
	"strings"

	"culprit/correlate"
)

var _ = registerFix(FixMaker{
	ID:   "container-limit-raise",
	Doc:  "raises the limit of the cgroup to what Redis needs with a save running",
	Make: (*Case).containerFixes,
})

func (c *Case) containerFixes(h Hypothesis) []Fix {
	limit, ev, known := c.limitInInput()
	f := Fix{
		Title: "Raise the memory limit of the group",
		Risk:  "the host must have that memory: check free -m before",
		Check: "systemctl show redis-server -p MemoryMax   # or: docker inspect -f '{{.HostConfig.Memory}}' redis",
		Undo:  "put the old limit back",
	}
	if c.inGroup() && !c.redisInGroup() {
		// Not Redis's group: Redis's data says nothing of what these processes need.
		f.Title = "Let fewer processes share the group's limit, or raise it"
		f.Check = "systemd-cgtop -1 -m | head   # or: docker stats --no-stream"
		if strings.Contains(c.Kill.Fact.OOMMemcg+c.Kill.Fact.TaskMemcg, "kubepods") {
			f.Check = "kubectl top pod --containers; kubectl describe pod POD | grep -A2 Limits"
		}
		n := int64(len(c.Kill.Fact.Tasks))
		if big, ok := c.oneInGroup(); ok && known {
			f.Title = fmt.Sprintf("Bound %s below the group's limit of %s, or raise that", big.Comm, mb(limit))
			f.Text = fmt.Sprintf("%s alone held %s of %s. Its own bound must lie below the limit: then it frees what it can, and what it cannot it says itself.", big.Comm, mb(big.RSS), mb(limit))
			size := limit * 3 / 4 // beside a heap stand stacks, code and buffers: a quarter is what V8 and the JVM are given for them
			if big.Comm == "java" {
				size = limit
			}
			pool, okPool := c.bufferPool()
			value := fmt.Sprintf("%dM", readable(int64(float64(size)/poolOverhead))>>20)
			if own := ownBound(big.Comm, size, 1, 0); own != "" {
				f.Text += "\n  " + own
			} else if isMySQL(big.Comm) {
				f.Text += "\n  innodb_buffer_pool_size = " + value
			}
			f.Text += "\nA limit is too low where the program stands near it for days; it is right, and the program leaks, where it climbs from each start on."
			f.Effect.Before = fmt.Sprintf("killed at %s", mb(limit))
			if isMySQL(big.Comm) && okPool && float64(pool.Bytes)*poolOverhead > float64(size) {
				f.Title = fmt.Sprintf("Set innodb_buffer_pool_size from %s to %s, below the group's limit of %s", mb(pool.Bytes), value, mb(limit))
				f.Undo = "put the old size back"
				f.Risk = "a smaller pool reads more from disk: watch Innodb_buffer_pool_reads against Innodb_buffer_pool_read_requests"
				if p := c.patch(f, pool.Ev.File, setINI("mysqld", "innodb_buffer_pool_size", value)); p.Kind == KindPatch {
					return []Fix{p}
				}
			}
		} else if known && n > 0 {
			f.Text = fmt.Sprintf("%d processes held %s of %s, %s each: the limit has room for as many as it holds of these, less one in ten.", n, mb(c.groupHeld()), mb(limit), mb(c.groupHeld()/n))
			f.Effect.Before = fmt.Sprintf("killed at %s", mb(limit))
		}
		return []Fix{f}
	}
	need := c.containerNeed(limit)
	if need == 0 {
		f.Text = "limit = maxmemory x 1.1 (fragmentation) x 1.25 (a save running) + 5 %\n  systemctl set-property redis-server MemoryMax=<bytes>\n  docker update --memory <bytes> --memory-swap <bytes> <container>"
		return []Fix{f}
	}
	size := strconv.FormatInt(need>>20, 10) + "M"
	f.Title = "Raise the group's limit to " + size
	if known {
		f.Title = fmt.Sprintf("Raise the group's limit from %s to %s", mb(limit), size)
		f.Effect.Before = fmt.Sprintf("killed at %s", mb(limit))
	}
	if c.RAM.OK && c.Kill != nil && need > c.RAM.Bytes*9/10 {
		f.Title = "Lower maxmemory instead: the host has no room for a larger limit"
		f.Text = fmt.Sprintf("A limit of %s would be needed and the host has %s.", size, mb(c.RAM.Bytes))
		return []Fix{f}
	}
	b := Budget{Frag: 1.1}
	b.Frag, _ = c.fragRatio()
	b.Cow, b.CowWhy, _ = c.cowShare()
	f.Text = fmt.Sprintf("%s x %.2f fragmentation x %.2f copy-on-write (%s) + 5 %% = %s", mb(c.datasetNeed(limit)), b.Frag, 1+b.Cow, b.CowWhy, size)
	f.Effect.After = fmt.Sprintf("the group has room for %s of data and a save", mb(c.datasetNeed(limit)))
	if m, ok := c.maxmemory(); ok && m.Bytes > 0 {
		f.Effect.After += fmt.Sprintf("; maxmemory of %s is reached before the limit: Redis evicts or refuses, the kernel does not kill", mb(m.Bytes))
		f.Effect.Prevents = correlate.Pass
	} else {
		f.Effect.After += "; without a maxmemory it fills that too: redis-maxmemory goes with it"
	}
	return []Fix{c.limitPatch(f, ev, need, size)}
}

// oneInGroup is the one process that held three quarters of what the group did.
func (c *Case) oneInGroup() (TaskGroup, bool) {
	if len(c.Groups) == 0 || c.Groups[0].Count != 1 || c.Groups[0].RSS*4 < c.groupHeld()*3 {
		return TaskGroup{}, false
	}
	return c.Groups[0], true
}

// limitInInput is the limit that was hit, or without a kill the one that a unit, a container or a compose file sets.
func (c *Case) limitInInput() (int64, correlate.Evidence, bool) {
	if c.Kill != nil {
		return c.groupLimit()
	}
	for _, s := range c.Settings {
		if s.System == "systemd" && (s.Name == "MemoryMax" || s.Name == "MemoryLimit") || s.System == "compose" && (s.Name == "mem_limit" || s.Name == "memory") {
			if n, ok := sizeOf(s.Value()); ok {
				return n, s.Ev, true
			}
		}
	}
	for _, ct := range c.Containers {
		if ct.Fact.LimitBytes.OK && strings.Contains(strings.ToLower(ct.Fact.Name+ct.Fact.Image), "redis") {
			return ct.Fact.LimitBytes.N, ct.Ev, true
		}
	}
	return 0, correlate.Evidence{}, false
}

// datasetNeed is the data that must fit: the limit Redis gives itself, else what it held and a quarter more.
func (c *Case) datasetNeed(limit int64) int64 {
	if m, ok := c.maxmemory(); ok && m.Bytes > 0 {
		return m.Bytes
	}
	held := int64(0)
	if c.Growth != nil {
		held = c.Growth.MaxUsed()
	}
	if held == 0 {
		held = limit
	}
	return held + held/4
}

func (c *Case) containerNeed(limit int64) int64 {
	data := c.datasetNeed(limit)
	if data == 0 {
		return 0
	}
	frag, _ := c.fragRatio()
	cow, _, _ := c.cowShare()
	need := int64(float64(data) * frag * (1 + cow) / (1 - kernelShare))
	const step = 64 << 20 // people write limits in such steps
	return (need + step - 1) / step * step
}

// limitPatch writes the limit where the input has it: a unit's drop-in, a compose file; else the command.
func (c *Case) limitPatch(f Fix, ev correlate.Evidence, need int64, size string) Fix {
	for _, s := range c.Settings {
		switch {
		case s.System == "systemd" && (s.Name == "MemoryMax" || s.Name == "MemoryLimit"):
			f.Target = s.Ev.File
			if p := c.patch(f, s.Ev.File, setINI("Service", s.Name, size)); p.Kind == KindPatch {
				p.Check = "systemctl daemon-reload && systemctl show " + unitOf(s) + " -p MemoryMax"
				return p
			}
		case s.System == "compose" && len(s.Path) > 1 && (s.Name == "mem_limit" || s.Name == "memory" && strings.Contains(strings.Join(s.Path, "/"), "limits")) && strings.Contains(strings.ToLower(s.Path[1]), "redis"):
			f.Target = s.Ev.File
			if p := c.patch(f, s.Ev.File, setYAML(s, strings.ToLower(size))); p.Kind == KindPatch {
				p.Check = "docker compose up -d " + s.Path[1] + " && docker inspect -f '{{.HostConfig.Memory}}' $(docker compose ps -q " + s.Path[1] + ")   # " + strconv.FormatInt(need, 10)
				return p
			}
		}
	}
	f.Kind = KindCommand
	why := f.Text
	f.Risk += "; " + why
	group := ""
	if c.Kill != nil {
		group = c.Kill.Fact.OOMMemcg + c.Kill.Fact.TaskMemcg
	}
	switch {
	case strings.Contains(group, "kubepods"):
		f.Kind = KindManual
		f.Text = why + "\nIn the pod's manifest:\n  resources:\n    requests: { memory: " + size + "i }\n    limits: { memory: " + size + "i }"
		f.Check = "kubectl describe pod POD | grep -A2 Limits"
	case strings.Contains(group, "docker") || len(c.Containers) > 0:
		name := "redis"
		for _, ct := range c.Containers {
			if strings.Contains(strings.ToLower(ct.Fact.Name+ct.Fact.Image), "redis") {
				name = ct.Fact.Name
			}
		}
		f.Text = fmt.Sprintf("docker update --memory %dm --memory-swap %dm %s", need>>20, need>>20, name)
		f.Check = "docker inspect -f '{{.HostConfig.Memory}}' " + name + "   # " + strconv.FormatInt(need, 10)
		f.Risk += ". Write the same into the compose file or the run command: docker update lasts until the container is made anew"
	default:
		unit := "redis-server"
		if i := strings.LastIndex(group, ".service"); i > 0 {
			unit = group[strings.LastIndexByte(group[:i], '/')+1 : i]
		}
		f.Text = fmt.Sprintf("systemctl set-property %s MemoryMax=%s", unit, size)
		f.Check = "systemctl show " + unit + " -p MemoryMax"
		f.Risk += ". It writes a drop-in; the same by hand: [Service] MemoryMax=" + size
	}
	return f
}

func unitOf(s correlate.Setting) string {
	for _, p := range s.Path {
		if strings.HasSuffix(p, ".service") {
			return p
		}
	}
	return "redis-server"
}

// setYAML changes one scalar of a line, keeping its indentation, its quotes and what follows.
func setYAML(s correlate.Setting, value string) change {
	line, was := s.Ev.Line-1, strings.TrimSpace(s.Value())
	return func(e *editor) {
		if line < 0 || line >= len(e.lines) {
			return
		}
		if out, ok := replaceWord(e.lines[line].old, s.Name, was, value); ok {
			e.set(line, out)
		}
	}
}

// replaceWord replaces was by value behind name, where it stands as a word of its own.
func replaceWord(line, name, was, value string) (string, bool) {
	from := strings.Index(line, name)
	if from < 0 || was == "" {
		return "", false
	}
	from += len(name)
	at := strings.Index(line[from:], was)
	if at < 0 || strings.ContainsAny(line[from:from+at], ",;") {
		return "", false
	}
	at += from
	if isWordByte(line[at-1]) || at+len(was) < len(line) && isWordByte(line[at+len(was)]) {
		return "", false
	}
	return line[:at] + value + line[at+len(was):], true
}

func isWordByte(b byte) bool {
	return b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b == '_' || b == '.'
}
