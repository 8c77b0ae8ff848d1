package rules

import (
	"fmt"

	"culprit/correlate"
)

var _ = registerFix(FixMaker{
	ID:   "activedefrag",
	Doc:  "lets Redis move its data together, so that freed memory goes back to the kernel",
	Make: (*Case).defragFixes,
})

func (c *Case) defragFixes(h Hypothesis) []Fix {
	cli := c.redisCLI()
	f := Fix{
		Title:  "Turn active defragmentation on",
		Kind:   KindCommand,
		Target: "redis.conf",
		Text:   fmt.Sprintf("%s MEMORY PURGE; %s CONFIG SET activedefrag yes && %s CONFIG REWRITE", cli, cli, cli),
		Risk:   "it takes 1-25 % of one core while it works (active-defrag-cycle-min and -max); a build without Redis's own jemalloc (Debian's and Ubuntu's packages) answers ERR; a redis.conf with the line would keep such a one from starting, so no patch is made of it. There MEMORY PURGE and a restart at night are left",
		Undo:   cli + " CONFIG SET activedefrag no",
		Check:  cli + " INFO memory | grep -E 'allocator_frag|active_defrag_running'",
	}
	if g := c.Growth; g != nil && g.Last.RSS.OK && g.Last.Used.OK && g.Last.Used.N > 0 {
		ratio := float64(g.Last.RSS.N) / float64(g.Last.Used.N)
		f.Effect.Before = fmt.Sprintf("RSS %s for %s of data: %.2f", bytesIn(g.Last.RSS.N), bytesIn(g.Last.Used.N), ratio)
		// active-defrag-threshold-lower is 10: it stops at a tenth of waste.
		after := int64(1.1 * float64(g.Last.Used.N))
		if after < g.Last.RSS.N {
			f.Effect.After = fmt.Sprintf("it works down to 10 %% of waste (active-defrag-threshold-lower): about %s, %s less", bytesIn(after), bytesIn(g.Last.RSS.N-after))
			if room, ok := c.room(); ok {
				f.Effect.Prevents = correlate.Judge(true, float64(after) <= roomToSpare*float64(room))
			}
		}
	}
	return []Fix{f}
}
