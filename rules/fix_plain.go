package rules

import (
	"fmt"
	"strings"
	"time"

	"culprit/correlate"
	"culprit/parsers"
)

// The fixes that are no edit of a file in the input: commands, and what to change in code.

var _ = registerFix(FixMaker{
	ID:   "replace-keys-with-scan",
	Doc:  "replaces a command that reads the whole keyspace at once by one that reads it in steps",
	Make: (*Case).scanFixes,
})

var _ = registerFix(FixMaker{
	ID:   "separate-cache-session-instances",
	Doc:  "gives sessions an instance of their own, so that a cache cannot evict them",
	Make: (*Case).separateFixes,
})

var _ = registerFix(FixMaker{
	ID:   "limit-backup-job",
	Doc:  "bounds what a job or a program beside the services may take, and has it killed before them",
	Make: (*Case).jobFixes,
})

var _ = registerFix(FixMaker{
	ID:   "memory-budget",
	Doc:  "shares the host's memory out, and says what must shrink where it does not fit",
	Make: (*Case).budgetFixes,
})

var _ = registerFix(FixMaker{
	ID:   "collect-evidence",
	Doc:  "has the next time recorded, where this one cannot be told",
	Make: (*Case).collectFixes,
})

var _ = registerFix(FixMaker{
	ID:   "queue-worker",
	Doc:  "bounds a queue's worker and its backlog",
	Make: (*Case).queueFixes,
})

func (c *Case) scanFixes(h Hypothesis) []Fix {
	cli := c.redisCLI()
	command := "KEYS"
	for _, cu := range h.Culprits {
		if cu.Kind == "command" {
			command = cu.Value
		}
	}
	pattern := "session:*"
	var who []string
	for _, s := range c.Slow {
		if strings.EqualFold(s.Fact.Command, command) {
			if s.Fact.Args != "" {
				pattern = strings.Trim(s.Fact.Args, `"' `)
			}
			if s.Fact.Client != "" && len(who) < 3 && !strings.Contains(strings.Join(who, " "), s.Fact.Client) {
				who = append(who, s.Fact.Client)
			}
		}
	}
	f := Fix{
		Title: "Replace " + command + " by a command that reads in steps",
		Risk:  "SCAN may name a key twice and sees keys that come and go meanwhile: fine for counting and cleaning",
		Undo:  "none needed",
		Check: cli + " SLOWLOG RESET; wait for the job to run; " + cli + " SLOWLOG GET 10   # no " + command,
	}
	whole := true // it walks all keys
	switch strings.ToUpper(command) {
	case "KEYS":
		f.Text = fmt.Sprintf("Instead of  KEYS %s\n  %s --scan --pattern '%s' --count 500\nin PHP (PhpRedis):\n  $it = null; while ($keys = $redis->scan($it, '%s', 500)) { foreach ($keys as $key) { ... } }\nin Python:\n  for key in client.scan_iter(match='%s', count=500): ...\nthen forbid the old way:\n  ACL SETUSER default -keys", pattern, cli, pattern, pattern, pattern)
	case "SMEMBERS", "HGETALL", "LRANGE", "ZRANGE", "HKEYS", "HVALS":
		whole = false
		f.Text = fmt.Sprintf("Read the large %s in steps: SSCAN, HSCAN, ZSCAN with COUNT 500, or LRANGE by pages of 500; split the key where it grows without end.", command)
	case "FLUSHALL", "FLUSHDB", "DEL":
		whole = false
		f.Text = fmt.Sprintf("%s ASYNC, or UNLINK for single keys: the memory is freed beside the work.", command)
	case "EVAL", "EVALSHA":
		whole = false
		f.Title = "Have the script do its work in steps"
		f.Text = fmt.Sprintf("Nobody else is served while a script runs, and lua-time-limit ends none. Let each call touch some hundred keys and give back a cursor, as SCAN does, and call it until it is done; what only reads can run on a replica.\nTo end one that runs and has written nothing: %s SCRIPT KILL", cli)
		f.Risk = "other commands run between two steps: what the script relied on to be one piece is no longer"
		f.Check = cli + " SLOWLOG RESET; run it; " + cli + " SLOWLOG GET 10   # no " + command
	default:
		f.Text = fmt.Sprintf("Split %s into steps that each take less than a millisecond; for SORT bound the keys it touches.", command)
	}
	for _, j := range c.CronJobs {
		if containsFold(j.Fact.Command, "redis") || containsFold(j.Fact.Command, "session") {
			f.Text += fmt.Sprintf("\nThe cron job that fits: %s  %s", lineOf(j.Ev), j.Fact.Command)
		}
	}
	if len(who) > 0 {
		f.Text += "\nIt was asked by " + strings.Join(who, ", ") + "."
	}
	keys := int64(0)
	if c.Growth != nil {
		keys = c.Growth.Last.Keys.Or(0)
	}
	if keys > 0 && whole {
		f.Effect.Before = fmt.Sprintf("one %s walks all %s keys while everybody waits", command, count(keys))
		f.Effect.After = fmt.Sprintf("%s steps of 500 keys, each well under a millisecond", count(max(keys/500, 1)))
		f.Effect.Prevents = correlate.Pass
	}
	return []Fix{f}
}

func (c *Case) separateFixes(h Hypothesis) []Fix {
	cli := c.redisCLI()
	size := "<half of the budget>"
	if b, ok := c.budget(); ok && b.Max > 0 {
		size = redisSize(readable(b.Max / 3))
	}
	f := Fix{
		Title:  "Give sessions a Redis of their own, with a limit of its own",
		Target: "/etc/redis/redis-sessions.conf",
		Text: "A database number is no boundary: maxmemory and eviction are the instance's. A second server:\n" +
			"  port 6380\n  dir /var/lib/redis-sessions\n  maxmemory " + size + "\n  maxmemory-policy volatile-ttl\n  save 3600 1\n" +
			"systemctl enable --now redis-server@sessions, then point the session store at port 6380; the cache keeps 6379 with allkeys-lru and no saving.",
		Risk:  "people's sessions start empty on the new instance: do it at night, or copy them first (redis-cli --scan --pattern, DUMP and RESTORE)",
		Undo:  "point the session store back at port 6379",
		Check: "redis-cli -p 6380 INFO keyspace; " + cli + " INFO stats | grep evicted_keys",
	}
	if g := c.Growth; g != nil {
		if n := evictedIn(g); n > 0 {
			f.Effect.Before = fmt.Sprintf("%s keys evicted between %s and %s, sessions among them", count(n), clockTime(g.First.At), clockTime(g.Last.At))
			f.Effect.After = "the cache evicts only itself; sessions go when they expire"
			f.Effect.Prevents = correlate.Pass
		}
	}
	return []Fix{f}
}

func (c *Case) jobFixes(h Hypothesis) []Fix {
	job := ""
	rss := int64(0)
	for _, g := range c.Groups {
		if isBackup(g.Comm) && g.RSS > rss {
			job, rss = g.Comm, g.RSS
		}
	}
	for _, cu := range h.Culprits {
		if cu.Kind == "process" && job == "" && !isMySQL(cu.Value) && !isFPM(cu.Value) {
			job = cu.Value
			for _, g := range c.Groups {
				if g.Comm == job {
					rss = g.RSS
				}
			}
		}
	}
	if job != "" && !isBackup(job) && c.RAM.OK && rss > 0 {
		return []Fix{c.boundProgram(job, rss)}
	}
	limit := int64(512 << 20)
	if c.RAM.OK {
		limit = max(readable(c.RAM.Bytes/10), 128<<20)
	}
	what := orWord(job, "the backup job")
	command := "<the job's command>"
	if run, ok := c.cronStarted(job); ok {
		command = jobName(run.Fact.Command)
	}
	for _, j := range c.CronJobs {
		if job != "" && strings.Contains(j.Fact.Command, job) {
			command = j.Fact.Command
		}
	}
	f := Fix{
		Title: fmt.Sprintf("Run %s under a limit of %s", what, mb(limit)),
		Kind:  KindCommand,
		Text:  fmt.Sprintf("systemd-run --scope -p MemoryMax=%dM -p MemorySwapMax=0 -p OOMScoreAdjust=500 nice -n 19 ionice -c3 %s", limit>>20, command),
		Risk:  "a job that needs more is killed itself and the backup is missing: watch its exit code",
		Undo:  "run the job without systemd-run",
		Check: "systemctl status 'run-*.scope'; journalctl -k | grep -c 'Memory cgroup out of memory'",
	}
	if job == "mysqldump" || job == "mariadb-dump" {
		f.Text += "\n# it holds a whole table only with --skip-opt or --skip-quick: look for these, and give it --quick --single-transaction"
	}
	if rss > 0 {
		f.Effect.Before = fmt.Sprintf("%s held %s", what, mb(rss))
		f.Effect.After = fmt.Sprintf("%s at most, and the kernel would take it before Redis or MySQL", mb(limit))
		f.Effect.Prevents = c.wouldFit(func(comm string) bool { return comm == job }, limit)
	}
	return []Fix{f}
}

// boundProgram gives a program that stays what RAM has for it beside all others: less would end it, more is what there was not.
func (c *Case) boundProgram(comm string, rss int64) Fix {
	room := c.RAM.Bytes - max(kernelFloor, int64(kernelShare*float64(c.RAM.Bytes)))
	pid := int64(0)
	for _, g := range c.Groups {
		if g.Comm != comm {
			room -= g.RSS
		}
	}
	f := Fix{
		Title: fmt.Sprintf("Bound %s: it held %s", comm, mb(rss)),
		Kind:  KindCommand,
		Risk:  "at the limit the kernel ends this program instead of another: its own bound must lie below it, and what makes it grow must be found",
		Check: "systemctl show -p MemoryMax -p MemoryCurrent UNIT; journalctl -k | grep -c 'Memory cgroup out of memory'",
	}
	if room < 128<<20 {
		f.Kind, f.Text = KindManual, fmt.Sprintf("Beside %s the host has hardly room for anything else: it wants more RAM, or one program less.", c.othersHeld())
		f.Check, f.Undo = "free -m", "nothing to undo"
		return f
	}
	limit, why := readable(room), "what the others leave of RAM"
	if most := readable(rss * 9 / 10); most < limit {
		limit, why = most, "a tenth less than memory ran out with"
	}
	unit := "UNIT"
	if k := c.Kill; k != nil && k.Fact.VictimComm == comm {
		pid = k.Fact.VictimPID.Or(0)
		if last := k.Fact.TaskMemcg[strings.LastIndexByte(k.Fact.TaskMemcg, '/')+1:]; strings.HasSuffix(last, ".service") {
			unit = last
		}
	}
	f.Title = fmt.Sprintf("Bound %s to %s: it held %s", comm, mb(limit), mb(rss))
	f.Text = fmt.Sprintf("systemctl set-property %s MemoryMax=%dM", unit, limit>>20)
	if unit == "UNIT" {
		f.Text += fmt.Sprintf("\n# UNIT: ps -o unit= -C %s", comm)
		if pid > 0 {
			f.Text += fmt.Sprintf("; it was pid %d", pid)
		}
	}
	job, byCron := c.cronStarted(comm)
	if byCron && c.overlaps(job, comm) {
		return c.oneAtATime(job, comm, rss)
	}
	if byCron {
		f.Text = fmt.Sprintf("# in the crontab, before the command:\nsystemd-run --scope -p MemoryMax=%dM %s", limit>>20, jobName(job.Fact.Command))
		f.Check = "systemctl list-units --type=scope; journalctl -k | grep -c 'Memory cgroup out of memory'"
	}
	n, each := 0, int64(0)
	for _, g := range c.Groups {
		if g.Comm == comm {
			n, each = g.Count, g.RSS/int64(g.Count)
		}
	}
	if own := ownBound(comm, limit*8/10, n, each); own != "" {
		f.Text += "\n# and in its own settings: " + own
	}
	f.Check = strings.ReplaceAll(f.Check, "UNIT", unit)
	f.Undo = fmt.Sprintf("systemctl set-property %s MemoryMax=infinity", unit)
	if byCron {
		f.Undo = "take systemd-run and its options out of the crontab"
	}
	f.Effect.Before = fmt.Sprintf("%s held %s", comm, mb(rss))
	f.Effect.After = fmt.Sprintf("%s at most: %s", mb(limit), why)
	if c.Kill != nil && c.Kill.Fact.VictimComm != comm { // who was killed himself would be again, sooner
		f.Effect.Prevents = c.wouldFit(func(other string) bool { return other == comm }, limit)
	}
	return f
}

// overlaps: several of the program ran at the kill, and cron had started the job at least half as often in the day before: runs
// that did not end, not one run with workers. Each in a group of its own would stay below any limit.
func (c *Case) overlaps(job correlate.Placed[parsers.CronRun], comm string) bool {
	started := 0
	for _, r := range c.Crons {
		if r.Placed && r.Fact.Command == job.Fact.Command && !r.At.After(c.Kill.At) && c.Kill.At.Sub(r.At) <= 24*time.Hour {
			started++
		}
	}
	for _, g := range c.Groups {
		if g.Comm == comm {
			return g.Count > 2 && started*2 >= g.Count
		}
	}
	return false
}

// oneAtATime keeps a job from being started while it runs.
func (c *Case) oneAtATime(job correlate.Placed[parsers.CronRun], comm string, rss int64) Fix {
	n := int64(1)
	for _, g := range c.Groups {
		if g.Comm == comm {
			n = int64(g.Count)
		}
	}
	f := Fix{
		Title: fmt.Sprintf("Start the job once at a time: %d ran at the kill", n),
		Kind:  KindCommand,
		Text:  fmt.Sprintf("# in the crontab, before the command:\nflock -n /run/lock/%s.lock timeout 1h %s", comm, jobName(job.Fact.Command)),
		Risk:  "a run that hangs keeps the next ones from starting, for the hour that timeout gives it: find what it waits for",
		Undo:  "take flock and timeout out of the crontab",
		Check: "pgrep -c -x " + comm,
	}
	f.Effect.Before = fmt.Sprintf("%d %s held %s", n, comm, mb(rss))
	f.Effect.After = fmt.Sprintf("one holds %s", mb(rss/n))
	f.Effect.Prevents = c.wouldFit(func(other string) bool { return other == comm }, rss/n)
	return f
}

// ownBound is how a program is told itself to stay below a size.
func ownBound(comm string, size int64, n int, each int64) string {
	switch {
	case (comm == "apache2" || comm == "httpd") && each > 0:
		return fmt.Sprintf("MaxRequestWorkers %d   # of %s each; %d ran. MaxConnectionsPerChild 1000 against those that grow", max(size/each, 1), mb(each), n)
	case n >= 4 && each > 0 && !strings.HasPrefix(comm, "postgres"):
		return fmt.Sprintf("%d workers of %s each; %d ran", max(size/each, 1), mb(each), n)
	case comm == "java":
		return fmt.Sprintf("java -Xmx%dm", size*3/4>>20) // threads, classes and buffers come on top of the heap
	case strings.HasPrefix(comm, "node"):
		return fmt.Sprintf("node --max-old-space-size=%d", size>>20)
	case strings.HasPrefix(comm, "postgres"):
		return "work_mem x max_connections + shared_buffers"
	}
	return ""
}

func (c *Case) budgetFixes(h Hypothesis) []Fix {
	f := Fix{
		Title: "Share the host's memory out on paper before the kernel does",
		Risk:  "none: it is arithmetic",
		Undo:  "nothing to undo",
		Check: "free -m; ps -eo rss,comm --sort=-rss | head -15",
	}
	if c.redisElsewhere() {
		return nil // no Redis to leave room for
	}
	b, ok := c.budget()
	if !ok {
		f.Text = "The input does not say how much RAM the host has: RAM >= Redis maxmemory x 1.1 x 1.25 + innodb_buffer_pool_size x 1.1 + pm.max_children x RSS of a worker + max(256 MB, 5 %)."
		return []Fix{f}
	}
	f.Text = b.explain()
	need := c.redisTakes()
	if m, okMax := c.maxmemory(); okMax && m.Bytes > 0 {
		need = b.peak(m.Bytes)
	}
	used := b.Total.Bytes - b.Redis + need
	f.Effect.Before = fmt.Sprintf("promised: %s of %s", mb(used), mb(b.Total.Bytes))
	switch {
	case used > b.Total.Bytes:
		f.Title = fmt.Sprintf("Take back %s of memory that is promised twice", mb(used-b.Total.Bytes))
		data := int64(float64(need) / b.Frag / (1 + b.Cow))
		if text := b.refusal(data); text != "" {
			f.Text += text
		}
	default:
		f.Title = fmt.Sprintf("Keep the host's memory shared out as it is: %s are left", mb(b.Total.Bytes-used))
		if c.Kill != nil && !c.inGroup() {
			f.Title = "Share the host's memory out on paper before the kernel does: it ran out, and by this count it need not"
		}
	}
	if b.Max > 0 {
		f.Effect.After = fmt.Sprintf("with maxmemory %s everything fits, a save included", redisSize(b.Max))
	}
	return []Fix{f}
}

func (c *Case) collectFixes(h Hypothesis) []Fix {
	f := Fix{
		Title: "Record what this input lacks, so that the next time can be told",
		Kind:  KindCommand,
		Text:  "culprit collect -o bundle.tar.gz\nwhile sleep 60; do date -u; redis-cli INFO; done >> /var/log/redis-info.log &",
		Risk:  "none: both only read; INFO once a minute costs Redis some 50 microseconds",
		Undo:  "kill %1",
		Check: "tail -n 3 /var/log/redis-info.log",
	}
	var want []string
	for _, id := range h.Missing {
		if m, ok := evidenceCatalogue[id]; ok {
			want = append(want, m.Command)
		}
	}
	if len(want) > 0 {
		f.Text += "\n" + strings.Join(want, "\n")
	}
	return []Fix{f}
}

func (c *Case) queueFixes(h Hypothesis) []Fix {
	cli := c.redisCLI()
	return []Fix{{
		Title: "Bound the queue's workers, and keep its backlog out of the sessions' Redis",
		Kind:  KindManual,
		Text:  "Workers that leak are started anew after a while (php artisan queue:work --max-jobs=500 --max-time=3600 --memory=256), and the queue has an instance of its own with maxmemory-policy noeviction: an evicted job is a lost order.",
		Risk:  "a job that runs when its worker ends is run again: jobs must bear that",
		Undo:  "start the workers without the limits",
		Check: cli + " LLEN queues:default   # falls back to near 0",
	}}
}
