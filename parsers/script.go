package parsers

import (
	"bytes"
	"strings"
)

// redis-script is a shell script or a runbook that works on Redis with redis-cli:
//
//	redis-cli KEYS "session:*" | xargs redis-cli DEL
//	redis-cli --scan --pattern "session:*" | \
//	  while read key; do
//	    ttl=$(redis-cli TTL "$key")
//	    if [ "$ttl" -eq "-1" ]; then redis-cli DEL "$key"; fi
//	  done
//
// In Markdown only fenced blocks count. Commands in comments do not.
var _ = register(Parser{
	Name:  "redis-script",
	Doc:   "shell scripts and runbooks with redis-cli -> config, script-command",
	Most:  SureMark + 6,
	Match: matchRedisScript,
	Parse: parseRedisScript,
})

func matchRedisScript(h *Head) int {
	commands, fences, fenced := 0, 0, 0
	for _, line := range h.Texts(2000) {
		s := strings.TrimSpace(line)
		if fences%2 == 1 && s[0] != '#' {
			fenced++
		}
		if opensFence(s) {
			fences++
		} else if s[0] != '#' && len(redisCalls(s)) > 0 {
			if _, prompt := promptCommand(s); !prompt {
				commands++
			}
		}
	}
	shebang := bytes.HasPrefix(h.Text, []byte("#!")) && bytes.Contains(h.Text[:min(len(h.Text), 60)], []byte("sh"))
	switch {
	case commands == 0:
		return 0
	case shebang || fences >= 2 && bytes.HasPrefix(h.Text, []byte("#")) && commands > 1 && commands*6 >= fenced: // else its blocks are outputs
		return SureMark + 6 // above a session of redis-cli, which has prompts and answers
	case fences >= 2 || strings.HasSuffix(h.Name, ".sh") || strings.HasSuffix(h.Name, ".md"):
		return SureShape - 5
	}
	return SureHabit + 5
}

func parseRedisScript(src *Source, emit func(Record)) error {
	text, err := readConfig(src)
	if err != nil {
		return err
	}
	emitConfig(src, "script", text, emit)
	markdown, fenced := bytes.Contains(text, []byte("\n```")) || bytes.HasPrefix(text, []byte("```")), false
	var st statement
	eachTextLine(src, text, func(line string, at Pos) {
		s := strings.TrimSpace(line)
		if opensFence(s) {
			st.flush(emit)
			fenced = !fenced
			return
		}
		if markdown && !fenced || s == "" || s[0] == '#' {
			return
		}
		if cmd, ok := promptCommand(s); ok {
			s = cmd
		}
		if st.add(s, line, at) {
			st.flush(emit)
		}
	})
	st.flush(emit)
	return nil
}

// opensFence knows the fences of Markdown, in list items too.
func opensFence(s string) bool {
	return strings.HasPrefix(strings.TrimLeft(s, "-* "), "```")
}

// statement is one shell statement over its lines: a pipeline, or a loop to its done.
type statement struct {
	lines []string // trimmed
	raw   []string
	at    []Pos
	loops int // do without done
}

// maxStatement bounds the lines gathered: an unclosed loop must not swallow a file.
const maxStatement = 60

func (st *statement) add(s, raw string, at Pos) (complete bool) {
	st.lines, st.raw, st.at = append(st.lines, s), append(st.raw, raw), append(st.at, at)
	for _, w := range shellWords(s) {
		switch w {
		case "do":
			st.loops++
		case "done":
			st.loops--
		}
	}
	open := strings.HasSuffix(s, "\\") || strings.HasSuffix(s, "|") || strings.HasSuffix(s, "&&")
	loopHead := strings.HasPrefix(s, "for ") || strings.HasPrefix(s, "while ")
	return !(open || st.loops > 0 || loopHead && st.loops == 0 && !strings.Contains(s, "done")) || len(st.lines) >= maxStatement
}

// flush emits the redis-cli commands of the statement.
func (st *statement) flush(emit func(Record)) {
	defer func() { *st = statement{} }()
	whole := strings.Join(st.raw, "\n")
	when, noTTL, ttlVariables := "", false, map[string]bool{}
	for i, line := range st.lines {
		// ttl=$(redis-cli TTL "$key") - the variable that a later test looks at.
		if name, value, ok := strings.Cut(line, "="); ok && !strings.ContainsAny(name, " \"'[") {
			if call := redisCalls(value); len(call) > 0 && (call[0].command == "TTL" || call[0].command == "PTTL") {
				ttlVariables[name] = true
			}
		}
		if cond, ok := shellCondition(line); ok {
			when, noTTL = cond, testsNoTTL(cond, ttlVariables)
		}
		for _, call := range redisCalls(line) {
			c := &ScriptCommand{Command: call.command, Args: clip(call.args, 200), Pipe: clip(call.pipe, 200), When: clip(when, 200), OnlyNoTTL: noTTL, Text: clip(whole, 1000)}
			c.Text, c.Pipe = blankCommand(c.Text), blankCommand(c.Pipe)
			if c.Pipe == "" && strings.HasSuffix(strings.TrimSpace(strings.TrimSuffix(line, "\\")), "|") && i+1 < len(st.lines) {
				c.Pipe = clip(blankCommand(strings.TrimSuffix(st.lines[i+1], "\\")), 200)
			}
			if len(st.lines) > 1 {
				c.EndLine = st.at[len(st.at)-1].Line
			}
			emit(Record{At: st.at[i], Raw: []byte(st.raw[i]), Fact: c})
		}
		if line == "fi" || strings.HasSuffix(line, " fi") || strings.HasSuffix(line, ";fi") || line == "else" {
			when, noTTL = "", false
		}
	}
}

type redisCall struct{ command, args, pipe string }

// redisCalls finds the redis-cli calls of a line, their command and what their output is piped into.
func redisCalls(line string) []redisCall {
	var calls []redisCall
	for rest := line; len(calls) < 8; {
		i := strings.Index(rest, "redis-cli")
		if i < 0 {
			break
		}
		rest = rest[i+len("redis-cli"):]
		if rest != "" && rest[0] != ' ' {
			continue
		}
		end := len(rest)
		quote := byte(0)
		for j := 0; j < len(rest); j++ {
			c := rest[j]
			if quote != 0 {
				if c == quote {
					quote = 0
				}
				continue
			}
			if c == '"' || c == '\'' {
				quote = c
			} else if c == '|' || c == ';' || c == ')' || c == '`' || c == '&' || c == '>' {
				end = j
				break
			}
		}
		call := redisCall{}
		if end < len(rest) && rest[end] == '|' && !strings.HasPrefix(rest[end:], "||") {
			call.pipe = strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest[end+1:]), "\\"))
		}
		call.command, call.args = redisCommandOf(strings.Fields(rest[:end]))
		if call.command != "" {
			calls = append(calls, call)
		}
	}
	return calls
}

// redisCommandOf takes redis-cli's own options off; --scan, --bigkeys and the like are commands of their own.
func redisCommandOf(words []string) (command, args string) {
	for i := 0; i < len(words); i++ {
		switch w := words[i]; {
		case w == "-h" || w == "-p" || w == "-a" || w == "-n" || w == "-s" || w == "-u" || w == "-r" || w == "-i" || w == "--user" || w == "--pass" || w == "-t" || w == "--cacert" || w == "-d" || w == "-D":
			i++
		case w == "--scan" || w == "--bigkeys" || w == "--memkeys" || w == "--hotkeys" || w == "--latency" || w == "--stat" || w == "--pipe" || w == "--rdb" || w == "--eval":
			return strings.ToUpper(strings.TrimPrefix(w, "--")), strings.Join(words[i+1:], " ")
		case strings.HasPrefix(w, "-") || w == "\\":
		default:
			name := strings.ToUpper(strings.Trim(w, "\"'"))
			if name == "" || strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ.") != "" {
				return "", ""
			}
			rest := strings.Join(words[i+1:], " ")
			if name == "AUTH" || name == "CONFIG" && strings.Contains(strings.ToLower(rest), "pass") {
				rest = "***"
			}
			return name, strings.TrimSuffix(rest, " \\")
		}
	}
	return "", ""
}

// shellCondition returns what an if or a test before && looks at.
func shellCondition(line string) (string, bool) {
	i := strings.Index(line, "[ ")
	if i < 0 || i > 0 && line[i-1] != ' ' && line[i-1] != '[' && line[i-1] != ';' && line[i-1] != '\t' {
		return "", false
	}
	cond, _, ok := strings.Cut(line[i+2:], "]")
	return strings.TrimSpace(cond), ok
}

// testsNoTTL says whether a condition holds for the keys without a TTL alone: TTL answers -1 for them. Scripts that mean to
// delete expired keys (which Redis has deleted already) test just that, and delete the keys that were to live for ever.
func testsNoTTL(cond string, ttlVariables map[string]bool) bool {
	f := strings.Fields(strings.NewReplacer("\"", "", "'", "", "{", "", "}", "").Replace(cond))
	if len(f) != 3 && !(len(f) > 3 && strings.Contains(cond, "redis-cli TTL")) {
		return false
	}
	op, value := f[len(f)-2], f[len(f)-1]
	ofTTL := ttlVariables[strings.TrimPrefix(f[0], "$")] || strings.Contains(strings.ToLower(f[0]), "ttl") || strings.Contains(cond, "redis-cli TTL")
	switch {
	case !ofTTL:
		return false
	case value == "-1":
		return op == "-eq" || op == "==" || op == "=" || op == "-le"
	case value == "0":
		return op == "-lt" || op == "-le"
	}
	return false
}

// shellWords splits at blanks and semicolons, which is enough to see do and done.
func shellWords(s string) []string {
	if i := strings.Index(s, " #"); i >= 0 {
		s = s[:i]
	}
	return strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || r == ';' || r == '\t' })
}
