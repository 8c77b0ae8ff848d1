package rules

import "fmt"

var _ = registerFix(FixMaker{
	ID:   "transparent-hugepages",
	Doc:  "has a changed byte copy 4 kB during a save, not 2 MB",
	Make: (*Case).hugePageFixes,
})

// hugePageFixes: with huge pages on, a fork's copy-on-write works by pages of 2 MB: a write in each of them copies the whole
// dataset however little changes (redis.io/docs/latest/operate/oss_and_stack/management/optimization/latency).
func (c *Case) hugePageFixes(Hypothesis) []Fix {
	f := Fix{
		Title: "Turn transparent huge pages off for Redis",
		Kind:  KindCommand,
		Text:  "echo madvise > /sys/kernel/mm/transparent_hugepage/enabled && systemctl restart redis-server\nprintf 'w /sys/kernel/mm/transparent_hugepage/enabled - - - - madvise\\n' > /etc/tmpfiles.d/thp.conf   # and after each boot",
		Risk:  "Redis must be restarted for it: save first, with redis-cli SAVE, which forks nothing and blocks meanwhile. A JVM or a database beside it can still ask for huge pages",
		Undo:  "echo always > /sys/kernel/mm/transparent_hugepage/enabled; rm /etc/tmpfiles.d/thp.conf",
		Check: "cat /sys/kernel/mm/transparent_hugepage/enabled; grep AnonHugePages /proc/$(pidof redis-server)/smaps_rollup   # near 0 kB",
	}
	if warned := c.redisEvents("thp-warning"); len(warned) > 0 {
		f.Effect.Before = fmt.Sprintf("Redis warned at its start that a save copies pages of 2 MB (%s)", lineOf(warned[0].Ev))
		f.Effect.After = "pages of 4 kB: a save copies what changed, and little beside it"
	}
	return []Fix{f}
}
