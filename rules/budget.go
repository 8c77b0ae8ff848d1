package rules

import (
	"fmt"
	"strconv"
	"strings"

	"culprit/correlate"
)

// Budget shares a machine's memory (or a cgroup's) out: what everything else takes, what the kernel needs, what is left for
// Redis, and how much of that maxmemory may be. Sizing as redis-doc's admin.md and the managed services do it: the dataset
// is what is left after fragmentation and copy-on-write.
type Budget struct {
	Total   Amount
	Cgroup  bool // Total is a group's limit, not the machine's RAM
	Terms   []BudgetTerm
	Redis   int64   // left for the process; negative or small = unsatisfiable
	Frag    float64 // RSS over dataset to reckon with
	Cow     float64 // pages copied during a save, as a share of the dataset
	FragEv  correlate.Evidence
	CowEv   correlate.Evidence
	CowWhy  string
	Max     int64 // maxmemory, rounded down to a readable number; 0 = unsatisfiable
	Worker  int64 // RSS of one PHP worker as reckoned with
	Workers int64
}

// BudgetTerm is one deduction.
type BudgetTerm struct {
	Name  string
	Bytes int64
	How   string // the arithmetic, and whether it was measured or assumed
	Ev    correlate.Evidence
}

const (
	// kernelFloor and kernelShare: the kernel's own memory and enough page cache for the logs. min_free_kbytes and slab of an
	// idle host of 2-16 GB lie between 100 and 300 MB.
	kernelFloor = 256 << 20
	kernelShare = 0.05
	// poolOverhead: InnoDB's buffer pool takes 5-10 % more than its size for its control blocks (MySQL's manual).
	poolOverhead = 1.1
	// workerAssumed: a PHP worker of a shop where nothing measures one; the tea shop's own author reckons with it.
	workerAssumed = 40 << 20
	// wholeTable: a listing of fewer processes than this is an excerpt (top's first rows), not the host.
	wholeTable = 12
	// leastRedis: with less than this left, Redis has no room at all: its empty process and buffers take 10-20 MB.
	leastRedis = 64 << 20
)

// budget solves for Redis's share. ok false: the size of the memory is not known.
func (c *Case) budget() (Budget, bool) {
	b := Budget{}
	if c.Kill != nil && c.Kill.Fact.Constraint == "memcg" && IsRedis(c.Kill.Fact.VictimComm) {
		if n, ev, ok := c.groupLimit(); ok {
			b.Total, b.Cgroup = Amount{n, true, ev}, true
		}
	}
	if !b.Cgroup {
		if !c.RAM.OK {
			return b, false
		}
		b.Total = c.RAM
		b.Terms = c.otherTerms(&b)
	}
	reserve, how := max(min(kernelFloor, b.Total.Bytes/8), int64(kernelShare*float64(b.Total.Bytes))), "max(256 MB, 5 %)"
	if b.Total.Bytes/8 < kernelFloor {
		how = "an eighth of a small host, where 256 MB is the rule"
	}
	if b.Cgroup {
		reserve, how = int64(kernelShare*float64(b.Total.Bytes)), "5 % for sockets and page tables, which count in the group"
	}
	b.Terms = append(b.Terms, BudgetTerm{Name: "kernel reserve", Bytes: reserve, How: how, Ev: b.Total.Ev})
	b.Redis = b.Total.Bytes
	for _, t := range b.Terms {
		b.Redis -= t.Bytes
	}
	if !b.Cgroup {
		c.seenRoom(&b, reserve, how)
	}
	b.Frag, b.FragEv = c.fragRatio()
	b.Cow, b.CowWhy, b.CowEv = c.cowShare()
	if b.Redis >= leastRedis {
		b.Max = readable(int64(float64(b.Redis) / b.Frag / (1 + b.Cow)))
	}
	return b, true
}

// seenRoom takes the kernel's own measure of what Redis could have: what it held when memory ran out, less the reserve. It
// is the most there is while nothing else shrinks; and with every worker running it is also what there is for sure, however
// much the RSS of processes adds up to, which counts the pages they share (opcache, libraries) many times.
func (c *Case) seenRoom(b *Budget, reserve int64, how string) {
	room, ok := c.room()
	if !ok || !IsRedis(c.Kill.Fact.VictimComm) || len(c.Kill.Fact.Tasks) == 0 || c.Kill.Fact.Constraint == "memcg" || c.forkRunning() {
		return
	}
	if flat, known := c.redisFlat(); known && flat {
		if hog := c.hog(); hog != nil && hog.RSS > killedRSS(c.Kill) {
			return // it had taken the room, and is what must shrink
		}
	}
	workers := int64(0)
	for _, g := range c.Groups {
		if c.transient(g.Comm) && g.RSS*20 > b.Total.Bytes {
			return // what ran then is not there to stay
		}
		if isFPM(g.Comm) {
			workers += int64(g.Count)
		}
	}
	if room-reserve > b.Redis && workers < b.Workers {
		return
	}
	what := "RAM less what Redis held when it ran out"
	if b.Workers > 0 {
		what += fmt.Sprintf(", with %d PHP workers running", min(workers, b.Workers))
	}
	b.Terms = []BudgetTerm{
		{Name: "everything else", Bytes: b.Total.Bytes - room, How: what, Ev: c.Kill.Ev},
		{Name: "kernel reserve", Bytes: reserve, How: how, Ev: b.Total.Ev},
	}
	b.Redis = room - reserve
}

// forkRunning: the kill's table shows a second Redis process of a size with the first: the child of a save.
func (c *Case) forkRunning() bool {
	if c.Kill == nil {
		return false
	}
	big, n := int64(0), 0
	for _, t := range c.Kill.Fact.Tasks {
		if IsRedis(t.Comm) {
			big = max(big, t.RSSKB.Or(0))
		}
	}
	for _, t := range c.Kill.Fact.Tasks {
		if IsRedis(t.Comm) && t.RSSKB.Or(0)*2 > big {
			n++
		}
	}
	return n > 1
}

// otherTerms is what stands beside Redis: measured where the input measures it, else as configured.
func (c *Case) otherTerms(b *Budget) []BudgetTerm {
	var out []BudgetTerm
	procs := 0
	for _, g := range c.Groups {
		procs += g.Count
	}
	whole := procs >= wholeTable
	host := c.budgetHost()
	group := func(is func(string) bool) (TaskGroup, bool) {
		sum := TaskGroup{}
		for _, g := range c.Groups {
			if is(g.Comm) {
				if sum.Comm == "" {
					sum = g
				} else {
					sum.Count, sum.RSS, sum.Max = sum.Count+g.Count, sum.RSS+g.RSS, max(sum.Max, g.Max)
				}
			}
		}
		return sum, sum.Comm != ""
	}
	out = append(out, c.mysqlTerm(host, group)...)
	out = append(out, c.phpTerms(host, b, group)...)
	out = append(out, c.otherRedis(host)...)
	rest, n := int64(0), 0
	var ev correlate.Evidence
	for _, g := range c.Groups {
		switch large := c.RAM.OK && g.RSS*20 > c.RAM.Bytes; {
		case IsRedis(g.Comm) || isMySQL(g.Comm) || isFPM(g.Comm) || c.transient(g.Comm):
			continue
		case large:
			out = append(out, BudgetTerm{Name: plural(g.Count, g.Comm), Bytes: g.RSS, How: "RSS measured", Ev: g.Ev})
			continue
		}
		if rest == 0 {
			ev = g.Ev
		}
		rest, n = rest+g.RSS, n+g.Count
	}
	if whole && rest > 0 {
		out = append(out, BudgetTerm{Name: fmt.Sprintf("%d other processes", n), Bytes: rest, How: "their RSS in the listing", Ev: ev})
	}
	return out
}

// transient: the process that the verdict wants gone is not budgeted for: a backup that ran at the kill.
func (c *Case) transient(comm string) bool {
	if isBackup(comm) {
		return true
	}
	_, job := c.cronStarted(comm)
	return job
}

func (c *Case) mysqlTerm(host string, group func(func(string) bool) (TaskGroup, bool)) []BudgetTerm {
	pool, okPool := c.bufferPool()
	if okPool && !c.sameHost(host, pool.Ev.File) {
		okPool = false
	}
	g, okGroup := group(isMySQL)
	switch {
	case okPool:
		n := int64(poolOverhead * float64(pool.Bytes))
		t := BudgetTerm{Name: "InnoDB", Bytes: n, How: fmt.Sprintf("innodb_buffer_pool_size %s x 1.1", mb(pool.Bytes)), Ev: pool.Ev}
		// What it holds beyond its pool (connections, temporary tables) is there to stay; an outgrown one is the verdict's business.
		if okGroup && g.RSS > n && g.RSS < 2*n {
			t.Bytes, t.How, t.Ev = g.RSS, fmt.Sprintf("RSS measured; more than its pool of %s x 1.1", mb(pool.Bytes)), g.Ev
		}
		return []BudgetTerm{t}
	case okGroup:
		return []BudgetTerm{{Name: g.Comm, Bytes: g.RSS, How: "RSS measured; no buffer pool of this host in the input", Ev: g.Ev}}
	}
	return nil
}

func (c *Case) phpTerms(host string, b *Budget, group func(func(string) bool) (TaskGroup, bool)) []BudgetTerm {
	set, n, ok := c.maxChildren()
	if ok && !c.sameHost(host, set.Ev.File) {
		ok = false
	}
	g, okGroup := group(isFPM)
	if !ok {
		if okGroup {
			return []BudgetTerm{{Name: plural(g.Count, g.Comm), Bytes: g.RSS, How: "RSS measured; no pool file in the input", Ev: g.Ev}}
		}
		return nil
	}
	b.Workers = n
	var out []BudgetTerm
	// Three workers make a measure; a single row is as often the pool's sum or its largest.
	if okGroup && g.Count >= 3 {
		b.Worker = g.RSS / int64(g.Count)
		out = append(out, BudgetTerm{Name: "PHP-FPM", Bytes: n * b.Worker, How: fmt.Sprintf("pm.max_children %d x %s, the mean RSS of %d workers (%s)", n, mb(b.Worker), g.Count, lineOf(g.Ev)), Ev: set.Ev})
	} else {
		b.Worker = workerAssumed
		how := fmt.Sprintf("pm.max_children %d x 40 MB assumed: no input measures the workers", n)
		if okGroup {
			how = fmt.Sprintf("pm.max_children %d x 40 MB assumed: %s shows %d worker of %s, too few to take for the rest", n, lineOf(g.Ev), g.Count, mb(g.RSS))
		}
		out = append(out, BudgetTerm{Name: "PHP-FPM", Bytes: n * b.Worker, How: how, Ev: set.Ev})
	}
	for _, s := range c.settings("php", "opcache.memory_consumption") {
		if v, err := strconv.ParseInt(strings.TrimSpace(s.Value()), 10, 64); err == nil && v > 0 && v < 1<<20 && c.sameHost(host, s.Ev.File) {
			return append(out, BudgetTerm{Name: "opcache", Bytes: v << 20, How: fmt.Sprintf("opcache.memory_consumption %d", v), Ev: s.Ev})
		}
	}
	return out
}

// otherRedis are the other servers on the same host.
func (c *Case) otherRedis(host string) []BudgetTerm {
	var out []BudgetTerm
	for _, in := range c.Incident.Redis {
		if in == c.Redis || in.Host != host || len(in.Snapshots) == 0 {
			continue
		}
		last := &in.Snapshots[len(in.Snapshots)-1]
		name := "Redis " + in.Name
		switch {
		case last.Max.Or(0) > 0:
			out = append(out, BudgetTerm{Name: name, Bytes: int64(1.1 * float64(last.Max.N)), How: fmt.Sprintf("its maxmemory %s x 1.1", mb(last.Max.N)), Ev: last.Evidence("maxmemory", "")})
		case last.RSS.OK:
			out = append(out, BudgetTerm{Name: name, Bytes: last.RSS.N, How: "RSS measured; it has no maxmemory", Ev: last.Evidence("used_memory_rss", "")})
		}
	}
	return out
}

func (c *Case) redisHost() string {
	if c.Redis != nil {
		return c.Redis.Host
	}
	return ""
}

// redisElsewhere: the memory that ran out, or that is known, is another host's than the one Redis runs on.
func (c *Case) redisElsewhere() bool {
	if c.Redis == nil || c.Redis.Host == "" {
		return false
	}
	h := c.hostOf(c.RAM.Ev.File)
	return h != "" && h != c.Redis.Host
}

// budgetHost is the host whose memory is shared out.
func (c *Case) budgetHost() string {
	if c.redisElsewhere() {
		return c.hostOf(c.RAM.Ev.File)
	}
	return c.redisHost()
}

// sameHost: the file is of that host, or of none in particular.
func (c *Case) sameHost(host, file string) bool {
	h := c.hostOf(file)
	return h == host || h == "" || host == ""
}

// fragRatio is the allocator's own measure (INFO's allocator_frag_ratio is "true" fragmentation; rss/used is not, at small
// sizes or after a peak), and 1.1 at least: MEMORY DOCTOR's own limit of what is normal.
func (c *Case) fragRatio() (float64, correlate.Evidence) {
	if g := c.Growth; g != nil {
		s := g.Last
		if f, err := strconv.ParseFloat(s.Info.Fields["allocator_frag_ratio"], 64); err == nil && s.Used.Or(0) > 100<<20 && f > 1.1 {
			return min(f, 2), s.Evidence("allocator_frag_ratio", "")
		}
	}
	return 1.1, correlate.Evidence{}
}

// cowShare is what a save copies: nothing without persistence, else what the last one copied, 25 % at least.
func (c *Case) cowShare() (float64, string, correlate.Evidence) {
	rdb, aof, ev := c.persistence()
	if !rdb && !aof {
		return 0, "no persistence", ev
	}
	if c.forkRunning() && c.Kill.Fact.Constraint != "memcg" {
		return 1, "the kill came with a save running: reckon with every page copied", c.Kill.Ev
	}
	if g := c.Growth; g != nil {
		for _, field := range []string{"rdb_last_cow_size", "aof_last_cow_size"} {
			if n := g.Last.Info.Int(field); n.OK && n.N > 0 && g.Last.Used.Or(0) > 10<<20 {
				if share := float64(n.N) / float64(g.Last.Used.N); share > 0.25 {
					return min(share, 1), field, g.Last.Evidence(field, "")
				}
			}
		}
	}
	if c.Redis != nil && c.Growth != nil && c.Growth.Last.Used.Or(0) > 0 {
		most, at := int64(0), correlate.Evidence{}
		for _, e := range c.Redis.Log {
			if e.Event == "cow" && e.SizeBytes.Or(0) > most {
				most, at = e.SizeBytes.N, e.Ev
			}
		}
		if share := float64(most) / float64(c.Growth.Last.Used.N); share > 0.25 {
			return min(share, 1), "the largest copy-on-write of the log", at
		}
	}
	return 0.25, "a save copies what changes meanwhile: 25 % at least", ev
}

// persistence says whether RDB saves and AOF are on. A redis.conf without a save line has Redis's own save points.
func (c *Case) persistence() (rdb, aof bool, ev correlate.Evidence) {
	if c.Redis == nil {
		return true, false, ev
	}
	rdb = true
	if s, ok := c.Redis.Config["save"]; ok {
		rdb, ev = strings.Trim(s.Value(), `" '`) != "", s.Ev
	} else if c.Redis.ConfigFile != "" {
		ev = correlate.Evidence{File: c.Redis.ConfigFile, Line: 1, Note: "no save line: Redis's default save points hold"}
	}
	if s, ok := c.Redis.Config["appendonly"]; ok && strings.EqualFold(s.Value(), "yes") {
		aof, ev = true, s.Ev
	}
	return rdb, aof, ev
}

// explain writes the arithmetic, one term a line, each with its place in the input.
func (b *Budget) explain() string {
	var s strings.Builder
	line := func(sign, size, what, where string) {
		fmt.Fprintf(&s, "  %s %9s  %s", sign, size, what)
		if where != "" {
			fmt.Fprintf(&s, " (%s)", where)
		}
		s.WriteByte('\n')
	}
	what := "RAM"
	if b.Cgroup {
		what = "the cgroup's limit"
	}
	line(" ", mb(b.Total.Bytes), what, lineOf(b.Total.Ev))
	for _, t := range b.Terms {
		where := lineOf(t.Ev)
		if t.Name == "kernel reserve" {
			where = ""
		}
		line("-", mb(t.Bytes), t.Name+": "+t.How, where)
	}
	line("=", mb(b.Redis), "for Redis", "")
	if b.Max > 0 {
		line("/", fmt.Sprintf("%.2f", b.Frag), "fragmentation", lineOf(b.FragEv))
		line("/", fmt.Sprintf("%.2f", 1+b.Cow), "copy-on-write: "+b.CowWhy, lineOf(b.CowEv))
		line("=", mb(b.Max), "maxmemory, rounded down", "")
	}
	return s.String()
}

// peak is the RSS that a Redis of used bytes reaches at worst.
func (b *Budget) peak(used int64) int64 {
	return int64(float64(used) * b.Frag * (1 + b.Cow))
}

// refusal says what must shrink for Redis to have need bytes of maxmemory; "" when it fits.
func (b *Budget) refusal(need int64) string {
	short := b.peak(need) - b.Redis
	if short <= 0 {
		return ""
	}
	text := fmt.Sprintf("The budget cannot be met: with everything at its configured size %s are missing for a maxmemory of %s.", mb(short), mb(need))
	for _, t := range b.Terms {
		switch {
		case t.Name == "PHP-FPM" && b.Worker > 0 && b.Workers > 1:
			fewer := (short + b.Worker - 1) / b.Worker
			if left := b.Workers - fewer; left >= 2 {
				text += fmt.Sprintf(" pm.max_children from %d to %d would do it", b.Workers, left)
			} else {
				text += fmt.Sprintf(" pm.max_children alone cannot do it (%d x %s)", b.Workers, mb(b.Worker))
			}
			text += " (" + lineOf(t.Ev) + ");"
		case t.Name == "InnoDB" && t.Bytes > short:
			text += fmt.Sprintf(" innodb_buffer_pool_size to %s would do it (%s);", mb(readable(int64(float64(t.Bytes-short)/poolOverhead))), lineOf(t.Ev))
		}
	}
	text = strings.TrimSuffix(text, ";")
	if !strings.HasSuffix(text, ".") {
		text += "."
	}
	return text + fmt.Sprintf(" Or the host needs %s more RAM.", mb(short))
}

// readable rounds down to two or three figures of MB, which is how people write a limit.
func readable(n int64) int64 {
	m := n >> 20
	step := int64(1)
	switch {
	case m >= 1000:
		step = 100
	case m >= 200:
		step = 50
	case m >= 50:
		step = 10
	}
	return m / step * step << 20
}

// mb spells bytes as redis.conf, my.cnf and free -m count them.
func mb(n int64) string {
	return count(n>>20) + " MB"
}

// redisSize is a size as redis.conf has it.
func redisSize(n int64) string {
	if n%(1<<30) == 0 {
		return strconv.FormatInt(n>>30, 10) + "gb"
	}
	return strconv.FormatInt(n>>20, 10) + "mb"
}

var backups = []string{"mysqldump", "mariadb-dump", "mariabackup", "xtrabackup", "restic", "borg", "rsync", "tar", "gzip", "pg_dump", "duplicity", "zstd", "pigz", "rclone", "bzip2", "xz"}

func isBackup(comm string) bool {
	for _, b := range backups {
		if comm == b || strings.HasPrefix(comm, b) && len(b) > 4 {
			return true
		}
	}
	return false
}
