package rules

import (
	"cmp"
	"fmt"
	"strings"

	"culprit/correlate"
	"culprit/parsers"
)

var _ = registerCause(Cause{
	ID: "client-output-buffers",
	Doc: `Replies that a client does not read pile up in Redis: a MONITOR left open, a subscriber slower than its channel, a
replica over a thin line. Keys stay flat while used_memory grows.

Arithmetic:

    buffers = mem_clients_normal + mem_clients_slaves of INFO, or the largest omem in CLIENT LIST, or the size in the log line that closed a client
    share   = buffers / used_memory, and growth of buffers / growth of used_memory

Threshold: A fifth of used_memory and 32 MB, or half of its growth. 32 MB is the default hard limit of a subscriber
(client-output-buffer-limit pubsub 32mb 8mb 60), Redis's own idea of too much; below a fifth the data is what fills
the server.

When it is wrong: the snapshot caught a large reply on its way (a KEYS, an HGETALL): it is gone in the next one.`,
	Judge: judgeClientBuffers,
})

const (
	bufferShare = 0.2      // of used_memory: below, the data is what fills it
	bufferBytes = 32 << 20 // client-output-buffer-limit pubsub 32mb: Redis's own idea of too much
)

func judgeClientBuffers(c *Case) Hypothesis {
	h := Hypothesis{Explained: -1}
	var worst *correlate.Placed[clientRow]
	for _, r := range c.Clients {
		if r.Fact.OMem.OK && r.Fact.OMem.N > 0 && (worst == nil || r.Fact.OMem.N > worst.Fact.omem) {
			worst = &correlate.Placed[clientRow]{Fact: clientRow{r.Fact.Name, r.Fact.Addr, r.Fact.Cmd, habit(&r.Fact), r.Fact.OMem.N}, Ev: r.Ev, At: r.At, Placed: r.Placed}
		}
	}
	closed := c.redisEvents("output-buffer-closed")
	g := c.Growth
	if c.After {
		g = nil // buffers die with the process
	}
	buf, grewBuf := int64(0), int64(0)
	var last, first *correlate.Snapshot
	if g != nil {
		last, first = g.Last, g.First
		buf = bufferOf(last)
		// the highest point of the run: the buffer is gone with the client
		for i := range g.Run {
			if b := bufferOf(&g.Run[i]); b > buf {
				buf, last = b, &g.Run[i]
			}
		}
		grewBuf = buf - bufferOf(first)
	}
	omem := int64(0)
	if worst != nil {
		omem = worst.Fact.omem
	}
	closedBytes := int64(0)
	for _, e := range closed {
		closedBytes = max(closedBytes, e.SizeBytes.Or(0))
	}
	most := max(buf, omem, closedBytes)
	if g == nil && worst == nil && len(closed) == 0 {
		h.State, h.Reason, h.Missing = NotChecked, "no Redis INFO, CLIENT LIST or server log in the input", []string{"redis-info"}
		return h
	}
	if most < bufferBytes {
		h.State = Excluded
		h.Reason = fmt.Sprintf("clients' buffers held %s at most", bytesIn(most))
		if last != nil {
			h.Evidence = []correlate.Evidence{last.Evidence("mem_clients_normal", "")}
			if last.Info.Lines["mem_clients_normal"] == 0 {
				h.State, h.Reason, h.Evidence = NotChecked, "this INFO does not show clients' buffers", nil
			}
		}
		return h
	}
	used := int64(0)
	if last != nil {
		used = last.Used.Or(0)
	}
	share := 0.0
	if used > 0 {
		share = float64(most) / float64(used)
	}
	accounts := g != nil && g.DUsed.OK && g.DUsed.N > 0 && float64(grewBuf) >= 0.5*float64(g.DUsed.N)
	if used > 0 && share < bufferShare && !accounts {
		h.State = Excluded
		h.Reason = fmt.Sprintf("clients' buffers held %s of used_memory %s", bytesIn(most), bytesIn(used))
		h.Evidence = []correlate.Evidence{last.Evidence("mem_clients_normal", "")}
		return h
	}
	h.Tests = correlate.Tests{
		Structural: correlate.Pass,
		Deviating:  correlate.Judge(g != nil || len(closed) > 0, grewBuf >= bufferBytes || len(closed) > 0 || share >= bufferShare),
		Ordered:    correlate.Pass,
		Sufficient: correlate.Judge(used > 0, share >= bufferShare || accounts),
	}
	h.State = Established
	h.Explained = min(share, 1)
	if worst != nil {
		h.Evidence = append(h.Evidence, worst.Ev)
		if who := clientName(worst.Fact); who != "" {
			h.Culprits = []Culprit{{Kind: "client", Value: who, Share: float64(omem) / float64(max(most, 1)), Note: fmt.Sprintf("%s at %s, %s unread", strings.ToUpper(worst.Fact.cmd), worst.Fact.addr, bytesIn(omem))}}
		}
	}
	for i, e := range closed {
		if i < 3 {
			h.Evidence = append(h.Evidence, e.Ev)
		}
	}
	buffers := correlate.Event{Kind: "client-output-buffers", Subject: "redis-server", Text: fmt.Sprintf("unread replies held %s", bytesIn(most)), Evidence: h.Evidence}
	if last != nil {
		buffers.From, buffers.To = first.At, last.At
		if last.ClientMem.OK {
			buffers.Evidence = append(buffers.Evidence, last.Evidence("mem_clients_normal", ""))
		}
	} else if len(closed) > 0 {
		buffers.From, buffers.To = closed[0].At, closed[len(closed)-1].At
	}
	who := "a client that does not read its replies"
	if len(h.Culprits) > 0 {
		who = "the client " + h.Culprits[0].Value
	}
	end := ""
	if c.Kill != nil {
		end = fmt.Sprintf(" until %s killed %s", c.Killer, c.victim())
		h.Chain = append(h.Chain, link(buffers, c.killEvent(), h.Tests, h.Explained))
		h.Chain = append(h.Chain, c.killToWeb()...)
	} else {
		mem := correlate.Event{Kind: "redis-memory-growth", Subject: "redis-server", Text: "Redis's memory grew with its keys flat", From: buffers.From, To: buffers.To, Evidence: buffers.Evidence}
		h.Chain = []correlate.Link{link(buffers, mem, h.Tests, h.Explained)}
	}
	meanwhile := "its keys stayed flat"
	if g != nil && g.First.Keys.OK && g.Last.Keys.N*2 < g.First.Keys.N && g.Last.Evicted.Or(0) > g.First.Evicted.Or(0) {
		meanwhile = fmt.Sprintf("%s keys were evicted to make room", count(g.Last.Evicted.N-g.First.Evicted.Or(0)))
	}
	h.Summary = fmt.Sprintf("%s of unread replies to %s piled up in Redis while %s%s.", bytesIn(most), who, meanwhile, end)
	h.Onset = buffers
	h.Fixes = []string{"client-output-buffer-limit", "remove-monitor-client", "redis-maxmemory"}
	// Without a kill, a refusal or a client cut off nobody was hurt yet.
	if c.Kill == nil && len(closed) == 0 && (used == 0 || share < 0.5) {
		h.State, h.Confidence = Possible, 0.4
	}
	return h
}

type clientRow struct {
	name, addr, cmd, habit string
	omem                   int64
}

// clientName says what the client is and which: "slow-subscriber chat-worker", "monitor 10.0.0.7:40112".
func clientName(r clientRow) string {
	return strings.TrimSpace(r.habit + " " + cmp.Or(r.name, r.addr))
}

// habit is why a client's replies pile up, by its flags (redis-doc, CLIENT LIST): a monitor gets every command, a replica
// the whole stream, a subscriber every message; any other reads its own replies too slowly.
func habit(f *parsers.RedisClient) string {
	switch {
	case strings.Contains(f.Flags, "O") || f.Cmd == "monitor":
		return "monitor"
	case strings.Contains(f.Flags, "S") || f.Cmd == "psync" || f.Cmd == "replconf":
		return "replica"
	case strings.Contains(f.Flags, "P") || f.Sub.Or(0)+f.PSub.Or(0) > 0:
		return "slow-subscriber"
	}
	return "slow-consumer"
}

// bufferOf is what a snapshot says of clients' buffers. Before Redis 5 INFO had the longest list only, which is no size.
func bufferOf(s *correlate.Snapshot) int64 {
	b := s.ClientMem.Or(0) + s.ReplicaMem.Or(0)
	for _, name := range []string{"mem_cluster_links", "mem_total_replication_buffers"} {
		b = max(b, s.Info.Int(name).Or(0))
	}
	if b == 0 && s.Info.Fields["mem_clients_normal"] == "" {
		return unkeyedOverhead(s) // Redis before 5, or a paste cut short: what is measured goes before what is inferred
	}
	return b
}

// unkeyedOverhead is overhead that keys cannot have: a key costs about 72 bytes in the tables and at least 24 in the dataset
// (a name and a value of a byte), so an overhead of more than three times the dataset is buffers, scripts or links.
func unkeyedOverhead(s *correlate.Snapshot) int64 {
	over := s.Info.Int("used_memory_overhead")
	if !over.OK || !s.Dataset.OK || !s.Startup.OK {
		return 0
	}
	scripts := s.Info.Int("used_memory_scripts").Or(0)
	return max(over.N-s.Startup.N-scripts-3*max(s.Dataset.N, 0), 0)
}

func (c *Case) redisEvents(kinds ...string) []correlate.RedisEvent {
	var out []correlate.RedisEvent
	for _, in := range c.Incident.Redis {
		for _, e := range in.Log {
			for _, k := range kinds {
				if e.Event == k {
					out = append(out, e)
				}
			}
		}
	}
	return out
}
