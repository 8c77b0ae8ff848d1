package rules

import (
	"fmt"

	"culprit/correlate"
)

// diedLoading tells of a Redis whose log ends while it loads its dump, "" where none does. Whatever ends a server there ends it
// again at each start: what it has to hold does not become less.
func (c *Case) diedLoading() string {
	for _, in := range c.Incident.Redis {
		starts, size, loading := 0, int64(0), false
		var at correlate.Evidence
		for _, e := range in.Log {
			switch e.Event {
			case "loading", "rdb-age", "rdb-memory":
				if !loading {
					starts++
				}
				loading, at, size = true, e.Ev, max(size, e.SizeBytes.Or(0))
			case "starting":
				loading = false
			case "version", "running", "config-file", "maxmemory-warning", "overcommit-warning", "thp-warning":
			default:
				starts, loading = 0, false
			}
		}
		if !loading {
			continue
		}
		dump := "its dump"
		if size > 0 {
			dump = "a dump that took " + bytesIn(size) + " of memory when it was written"
		}
		if starts > 1 {
			dump += fmt.Sprintf(", as at each of its last %d starts", starts)
		}
		return fmt.Sprintf("; the log of %s ends while it loads %s (%s)", c.serverName(in), dump, lineOf(at))
	}
	return ""
}
