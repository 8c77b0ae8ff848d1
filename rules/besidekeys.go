package rules

import "fmt"

// outsideKeys are what INFO accounts for that is neither a key nor a client's buffer, and what it is called.
var outsideKeys = []struct{ field, what, ask string }{
	{"used_memory_scripts", "Lua scripts that it keeps for EVALSHA", "scripts made anew for every call, with values in their text instead of in KEYS and ARGV, are kept each"},
	{"used_memory_lua", "the Lua interpreter", "a script keeps what it made in a global variable"},
	{"mem_replication_backlog", "the replication backlog", "repl-backlog-size says how large it may become"},
	{"mem_aof_buffer", "what is not yet written to the AOF", "the disk takes it too slowly"},
}

// besideKeys names what made half of the growth of used_memory and is no key; "" = nothing that INFO shows.
func (c *Case) besideKeys() string {
	g := c.Growth
	if g == nil || c.After || !g.DUsed.OK || g.DUsed.N < 100<<20 {
		return ""
	}
	for _, o := range outsideKeys {
		was, is := g.First.Info.Int(o.field), g.Last.Info.Int(o.field)
		if grew := is.Or(0) - was.Or(0); is.OK && grew*2 >= g.DUsed.N {
			return fmt.Sprintf("Redis grew from %s to %s, of which %s went into %s (%s): %s", bytesIn(g.First.Used.N), bytesIn(g.Last.Used.N), bytesIn(grew), o.what, lineOf(g.Last.Evidence(o.field, "")), o.ask)
		}
	}
	return ""
}
