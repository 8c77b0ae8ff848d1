package rules

import (
	"fmt"
	"strconv"

	"culprit/correlate"
)

var _ = registerFix(FixMaker{
	ID:   "mysql-buffer-pool",
	Doc:  "sizes InnoDB's buffer pool to what the memory budget leaves for it",
	Make: (*Case).poolFixes,
})

func (c *Case) poolFixes(h Hypothesis) []Fix {
	now, ok := c.bufferPool()
	f := Fix{
		Title: "Size InnoDB's buffer pool to the host",
		Check: "mysql -e \"SELECT @@innodb_buffer_pool_size/1048576 AS MB\"; ps -C mysqld,mariadbd -o rss=",
		Risk:  "a smaller pool reads more from disk: watch Innodb_buffer_pool_reads against Innodb_buffer_pool_read_requests",
		Undo:  "put the old size back; SET GLOBAL innodb_buffer_pool_size changes it without a restart",
	}
	b, okBudget := c.budget()
	if !okBudget || b.Cgroup {
		f.Text = "The input does not say how much RAM the host has. innodb_buffer_pool_size = (RAM - Redis - PHP workers x their RSS - 256 MB) / 1.1."
		return []Fix{f}
	}
	var rss int64
	var ev correlate.Evidence
	for _, g := range c.Groups {
		if isMySQL(g.Comm) {
			rss, ev = rss+g.RSS, g.Ev
		}
	}
	terms := c.otherTerms(&b)
	room := b.Total.Bytes - b.Terms[len(b.Terms)-1].Bytes - c.redisTakes()
	how := fmt.Sprintf("%s RAM - %s kernel", mb(b.Total.Bytes), mb(b.Terms[len(b.Terms)-1].Bytes))
	if n := c.redisTakes(); n > 0 {
		how += fmt.Sprintf(" - %s Redis", mb(n))
	}
	for _, t := range terms {
		if t.Name == "InnoDB" || isMySQL(t.Name) {
			continue
		}
		room -= t.Bytes
		how += fmt.Sprintf(" - %s %s", mb(t.Bytes), t.Name)
	}
	// What mysqld holds beside its pool: connections, sort and join buffers, temporary tables. An eighth where it is not
	// measured (MySQL's manual reckons with 5-10 % for the pool alone).
	beside := int64(0.125 * float64(now.Bytes))
	besideWord := "an eighth of the pool for connections"
	if ok && rss > now.Bytes {
		beside, besideWord = rss-now.Bytes, fmt.Sprintf("what mysqld held beside its pool (%s)", lineOf(ev))
		if beside > room/2 {
			beside, besideWord = room/4, "a quarter for connections and temporary tables; it held more beside its pool, so bound those too"
		}
	}
	size := readable(int64(float64(room-beside) / poolOverhead))
	if size < 32<<20 {
		f.Title = "Make room for MySQL before sizing its pool"
		f.Text = fmt.Sprintf("%s = %s: nothing sensible is left for a pool. What stands beside it must shrink, or the host needs more RAM.", how, mb(room))
		return []Fix{f}
	}
	least := int64(0)
	if n := readable(int64(float64(rss-c.RAM.Bytes/20-beside) / poolOverhead)); ok && rss > 0 && size < now.Bytes && n < size && n > size/2 && c.wouldFit(isMySQL, int64(poolOverhead*float64(size))+beside) == correlate.Fail {
		least = n
	}
	f.Text = fmt.Sprintf("(%s - %s, %s) / 1.1 = %s", how, mb(beside), besideWord, mb(size))
	if least > 0 {
		f.Text += fmt.Sprintf(", which would have freed too little: the kill is prevented by a twentieth of RAM less than was held, so %s", mb(least))
		size = least
	}
	value := strconv.FormatInt(size>>20, 10) + "M"
	f.Title = "Set innodb_buffer_pool_size to " + value
	if ok && size >= now.Bytes {
		// The pool fits. What mysqld took beyond it is per-connection memory.
		f.Title = fmt.Sprintf("Bound mysqld's memory beside its pool of %s", mb(now.Bytes))
		f.Text += fmt.Sprintf("; the pool of %s fits (%s). What mysqld took beyond it is connections x their buffers, and temporary tables:\n  max_connections = 100\n  tmp_table_size = 32M\n  max_heap_table_size = 32M\n  sort_buffer_size = 256K\n  join_buffer_size = 256K", mb(now.Bytes), lineOf(now.Ev))
		f.Target = now.Ev.File
		if rss > 0 {
			f.Effect.Before = fmt.Sprintf("mysqld held %s with a pool of %s", mb(rss), mb(now.Bytes))
		}
		return []Fix{f}
	}
	if ok {
		f.Title = fmt.Sprintf("Set innodb_buffer_pool_size from %s to %s", mb(now.Bytes), value)
	}
	if rss > 0 {
		after := int64(poolOverhead*float64(size)) + beside
		f.Effect.Before = fmt.Sprintf("mysqld held %s", mb(rss))
		f.Effect.After = fmt.Sprintf("mysqld at %s: %s less", mb(after), mb(max(rss-after, 0)))
		f.Effect.Prevents = c.wouldFit(isMySQL, after)
	}
	file := now.Ev.File
	if file == "" {
		file = c.configFile("mysql", "server", "mysqld")
	}
	f.Target = orWord(file, "my.cnf")
	if p := c.patch(f, file, setINI("mysqld", "innodb_buffer_pool_size", value)); p.Kind == KindPatch {
		return []Fix{p}
	}
	f.Text += "\nunder [mysqld]:\n  innodb_buffer_pool_size = " + value
	return []Fix{f}
}
