package rules

import (
	"fmt"
	"slices"
	"strings"

	"culprit/correlate"
)

var _ = registerFix(FixMaker{
	ID:   "free-disk",
	Doc:  "makes room where Redis persists to, and says what took it",
	Make: (*Case).diskFixes,
})

// diskFixes only looks: what may go is not for a program to say.
func (c *Case) diskFixes(h Hypothesis) []Fix {
	cli := c.redisCLI()
	dir := "/var/lib/redis"
	for _, s := range c.settings("redis", "dir") {
		if d := strings.Trim(s.Value(), `"'`); strings.HasPrefix(d, "/") {
			dir = d
		}
	}
	again := cli + " BGSAVE"
	if h.ofAOF() {
		again = cli + " BGREWRITEAOF"
	}
	return []Fix{{
		Title: "Make room on the disk that Redis persists to, and set an alarm on it at 80 %",
		Kind:  KindCommand,
		Text: fmt.Sprintf("df -h %s; df -i %s\ndu -xhd2 / 2>/dev/null | sort -h | tail -20\nls -la %s/temp-*.rdb %s/temp-rewriteaof-*.aof   # what broken saves left behind may go\njournalctl --disk-usage; lsof +L1 | sort -k7n | tail   # deleted, and still held open\n# then: %s",
			dir, dir, dir, dir, again),
		Risk:  "none: it looks, and writes one dump; what is deleted is for you to decide. Redis wants room for a second copy of its dump or append-only file while it writes one",
		Undo:  "nothing to undo",
		Check: fmt.Sprintf("%s INFO persistence | grep -E 'last_bgsave_status|last_write_status|last_bgrewrite_status'; df -h %s", cli, dir),
	}}
}

// ofAOF says whether it was the append-only file that could not be written, by the words of the log.
func (h *Hypothesis) ofAOF() bool {
	return slices.ContainsFunc(h.Evidence, func(e correlate.Evidence) bool {
		return containsFold(e.Text, "aof") || containsFold(e.Text, "append only file")
	})
}
