package rules

import (
	"fmt"
	"strings"

	"culprit/correlate"
	"culprit/parsers"
)

var _ = registerFix(FixMaker{
	ID:   "client-output-buffer-limit",
	Doc:  "bounds what Redis keeps for a client that does not read its answers",
	Make: (*Case).bufferFixes,
})

var _ = registerFix(FixMaker{
	ID:   "remove-monitor-client",
	Doc:  "ends the client whose answers pile up, and finds who starts it",
	Make: (*Case).clientFixes,
})

func (c *Case) bufferFixes(h Hypothesis) []Fix {
	cli := c.redisCLI()
	f := Fix{
		Title:  "Cut off clients whose unread answers pass 64 MB",
		Kind:   KindCommand,
		Target: "redis.conf",
		Text:   fmt.Sprintf("%s CONFIG SET client-output-buffer-limit 'normal 64mb 16mb 60' && %s CONFIG REWRITE", cli, cli),
		Risk:   "a client that asks for more than 64 MB in one answer (KEYS *, a huge LRANGE) is disconnected: let it page",
		Undo:   cli + " CONFIG SET client-output-buffer-limit 'normal 0 0 0'",
		Check:  cli + " CONFIG GET client-output-buffer-limit",
	}
	held := int64(0)
	if g := c.Growth; g != nil {
		for i := range g.Run {
			held = max(held, bufferOf(&g.Run[i]))
		}
	}
	for _, cl := range c.Clients {
		held = max(held, cl.Fact.OMem.Or(0))
	}
	if held > 0 {
		f.Effect.Before = fmt.Sprintf("clients' buffers held %s", bytesIn(held))
		f.Effect.After = "64 MB a client at most, and the client is named in Redis's log when it is cut off"
		f.Effect.Prevents = correlate.Judge(true, held > 128<<20)
	}
	if file := c.redisFile(); file != "" {
		g := f
		g.Target, g.Text = file, "A normal client's buffer has no limit by default (normal 0 0 0). MONITOR counts as a normal client."
		if p := c.patch(g, file, boundBuffers); p.Kind == KindPatch {
			return []Fix{p}
		}
	}
	return []Fix{f}
}

// boundBuffers bounds normal clients, and gives the classes that somebody has freed of their limit Redis's own defaults back.
func boundBuffers(e *editor) {
	if e.isYAML() {
		return
	}
	setBufferLimit("normal", "64mb", "16mb", "60")(e)
	defaults := map[string][]string{"pubsub": {"32mb", "8mb", "60"}, "replica": {"256mb", "64mb", "60"}, "slave": {"256mb", "64mb", "60"}}
	for i := range e.lines {
		f := strings.Fields(e.lines[i].now)
		if len(f) < 5 || !strings.EqualFold(f[0], "client-output-buffer-limit") {
			continue
		}
		freed := false
		for j := 1; j+3 < len(f); j += 4 {
			if d := defaults[strings.ToLower(f[j])]; d != nil && f[j+1] == "0" && f[j+2] == "0" {
				copy(f[j+1:j+4], d)
				freed = true
			}
		}
		if freed {
			e.set(i, indentOf(e.lines[i].now)+strings.Join(f, " "))
		}
	}
}

// setBufferLimit sets the limit of one class of clients: the directive stands once a class, or names several on one line.
func setBufferLimit(class string, args ...string) change {
	const name = "client-output-buffer-limit"
	return func(e *editor) {
		last, template := -1, -1
		for i := range e.lines {
			f := strings.Fields(e.lines[i].old)
			if len(f) < 5 || !strings.EqualFold(f[0], name) {
				if len(f) == 6 && f[0] == "#" && f[1] == name {
					template = i
				}
				continue
			}
			last = i
			for j := 1; j+3 < len(f); j += 4 {
				if !strings.EqualFold(f[j], class) {
					continue
				}
				if sameWords(f[j+1:j+4], args) {
					return
				}
				copy(f[j+1:j+4], args)
				e.set(i, indentOf(e.lines[i].old)+strings.Join(f, " "))
				return
			}
		}
		line := name + " " + class + " " + strings.Join(args, " ")
		switch {
		case last >= 0:
			e.insert(last, line)
		case template >= 0:
			e.insert(template, line)
		default:
			e.append(line)
		}
	}
}

func (c *Case) clientFixes(h Hypothesis) []Fix {
	cli := c.redisCLI()
	f := Fix{
		Title: "End the client whose answers pile up",
		Kind:  KindCommand,
		Text:  cli + " CLIENT LIST | sort -t= -k2 | grep -E 'cmd=monitor|omem=[0-9]{7,}'\n" + cli + " CLIENT KILL ID <id>",
		Risk:  "the program behind it loses its connection: find what starts it, or it comes back",
		Undo:  "start the program again, reading what it asks for",
		Check: cli + " INFO clients | grep -E 'client_recent_max_output_buffer'; " + cli + " INFO memory | grep mem_clients_normal",
	}
	var worst *correlate.Placed[parsers.RedisClient]
	for i := range c.Clients {
		cl := &c.Clients[i]
		if worst == nil || cl.Fact.OMem.Or(0) > worst.Fact.OMem.Or(0) {
			worst = cl
		}
	}
	if worst != nil && worst.Fact.OMem.Or(0) > 1<<20 && worst.Fact.ID.OK {
		f.Title = fmt.Sprintf("End client %d (%s, %s), whose answers pile up", worst.Fact.ID.N, orWord(worst.Fact.Cmd, "unknown command"), orWord(worst.Fact.Addr, worst.Fact.Name))
		f.Text = fmt.Sprintf("%s CLIENT KILL ID %d", cli, worst.Fact.ID.N)
		f.Effect.Before = fmt.Sprintf("it held %s unread (%s)", bytesIn(worst.Fact.OMem.N), lineOf(worst.Ev))
		f.Effect.After = "the buffer is freed at once"
		f.Effect.Prevents = correlate.Pass
		return []Fix{f}
	}
	for _, cu := range h.Culprits {
		if cu.Kind == "client" {
			f.Title = "End the client " + cu.Value + ", whose answers pile up"
		}
	}
	return []Fix{f}
}
