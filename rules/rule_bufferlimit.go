package rules

import (
	"fmt"
	"strings"

	"culprit/correlate"
)

var _ = register(Rule{
	ID: "client-output-buffer-limit-off",
	Doc: `redis.conf takes the limit off the replies that pile up for a subscriber or a replica: "client-output-buffer-limit
pubsub 0 0 0". One reader that stops reading then takes memory until Redis or the host runs out; these buffers count
neither for the keys nor, for replicas, for eviction. For normal clients 0 0 0 is the default and says nothing.

It contributes where buffers are seen to hold a fifth of used_memory or more.

Arithmetic:

    growth of a buffer = what is published a second - what the reader takes; without a limit it ends at the host's memory

Threshold: A hard limit of 0 and no soft limit, for pubsub or replica. The defaults are 32mb 8mb 60 for pubsub and
256mb 64mb 60 for replicas (redis.conf).

When it is wrong: CONFIG SET put a limit in force that the file does not have; INFO does not show it, CONFIG GET does.`,
	Needs: []Sort{NeedsRedisConf},
	Check: checkBufferLimit,
})

func checkBufferLimit(c *Case) []Finding {
	var out []Finding
	for _, s := range c.settings("redis", "client-output-buffer-limit") {
		// several classes may stand on one line, four words each
		for i := 0; i+3 < len(s.Args); i += 4 {
			class := strings.ToLower(s.Args[i])
			if class == "slave" {
				class = "replica"
			}
			if class != "pubsub" && class != "replica" || !zeros(s.Args[i+1:i+4]) {
				continue
			}
			f := Finding{Role: RoleHygiene, Evidence: []correlate.Evidence{s.Ev}, Fixes: c.Advise("client-output-buffer-limit"),
				Title: fmt.Sprintf("%s clients of Redis have no output buffer limit: client-output-buffer-limit %s 0 0 0", strings.ToUpper(class[:1])+class[1:], s.Args[i])}
			if g := c.Growth; g != nil && !c.After && g.Last.Used.Or(0) > 0 {
				if buf := bufferOf(g.Last); float64(buf) > bufferShare*float64(g.Last.Used.N) {
					f.Role = RoleContributing
					f.Evidence = append(f.Evidence, g.Last.Evidence("mem_clients_normal", fmt.Sprintf("buffers hold %s", bytesIn(buf))))
				}
			}
			out = append(out, f)
		}
	}
	return out
}

func zeros(words []string) bool {
	for _, w := range words {
		if strings.TrimRight(strings.ToLower(w), "bkmg") != "0" {
			return false
		}
	}
	return true
}
