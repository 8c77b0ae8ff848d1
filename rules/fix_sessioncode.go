package rules

import (
	"fmt"
	"slices"
	"strings"

	"culprit/correlate"
	"culprit/parsers"
)

// codeFix changes one call in the application's own source: a patch where it stands on one line and its client's way of
// giving a life is known, else the call to write.
func (c *Case) codeFix(f Fix, code correlate.Placed[parsers.AppCode], secs string) Fix {
	file, line := code.Ev.File, code.Ev.Line
	was := strings.TrimSpace(code.Ev.Text)
	f.Target = file
	if now, ok := withLife(was, &code.Fact, secs); ok {
		f = c.patch(f, file, func(e *editor) {
			for i := range e.lines {
				l := e.lines[i].old
				if strings.TrimSpace(l) != was {
					continue
				}
				if out, ok := withLife(l, &code.Fact, secs); ok {
					e.set(i, out)
				}
			}
			if strings.Contains(now, "time.Second") && e.touched() {
				importGo(e, "time")
			}
		})
		if f.Kind == KindPatch {
			f.Text = fmt.Sprintf("%s:%d writes the key without an expiry; by your own hand the same: %s", file, line, now)
			f.Undo = "patch -R -p1 with the same patch; keys written meanwhile keep their TTL"
			return f
		}
	}
	f.Text = fmt.Sprintf("%s:%d writes without an expiry:\n  %s\nmake it\n  %s", file, line, was, lifeCall(&code.Fact, secs))
	return f
}

// lifeCall is the call as it should be, for a call that no rule can change in place.
func lifeCall(code *parsers.AppCode, secs string) string {
	key, value := "key", "value"
	if len(code.Args) > 0 {
		key = code.Args[0]
	}
	if len(code.Args) > 1 {
		value = code.Args[1]
	}
	on := code.Receiver
	switch {
	case code.Call == "set" && code.Language == "php":
		return fmt.Sprintf("%s->setex( %s, %s, %s );", on, key, secs, value)
	case code.Call == "set" && code.Language == "python":
		return fmt.Sprintf("%s.set(%s, %s, ex=%s)", on, key, value, secs)
	case code.Call == "set" && code.Language == "ruby":
		return fmt.Sprintf("%s.set(%s, %s, ex: %s)", on, key, value, secs)
	case code.Call == "set" && code.Language == "java" && springOps(code):
		return fmt.Sprintf("%s.set(%s, %s, java.time.Duration.ofSeconds(%s));", on, key, value, secs)
	case code.Call == "set" && code.Language == "java":
		return fmt.Sprintf("%s.setex(%s, %s, %s);", on, key, secs, value)
	case code.Call == "set" && code.Language == "go":
		return fmt.Sprintf("%s.Set(%s, %s*time.Second)", on, strings.Join(code.Args[:len(code.Args)-1], ", "), secs)
	case code.Call == "do":
		return fmt.Sprintf("%s.Do(\"SET\", %s, %s, \"EX\", %s)", on, key, value, secs)
	case code.Call == "set" && code.Library == "ioredis":
		return fmt.Sprintf("%s.set(%s, %s, 'EX', %s)", on, key, value, secs)
	case code.Call == "set" && code.Library == "redis":
		return fmt.Sprintf("%s.set(%s, %s, { EX: %s })", on, key, value, secs)
	case code.Call == "set":
		return fmt.Sprintf("%s.set(%s, %s, { EX: %s })   // ioredis: %s.set(%s, %s, 'EX', %s)", on, key, value, secs, on, key, value, secs)
	}
	// A hash or a list is given its life by a command of its own.
	switch code.Language {
	case "php":
		return fmt.Sprintf("%s->expire( %s, %s ); after it", on, key, secs)
	case "go":
		if len(code.Args) > 1 && !strings.ContainsAny(key, "\"`+") { // the context comes first
			return fmt.Sprintf("%s.Expire(%s, %s, %s*time.Second) after it", on, key, value, secs)
		}
		return fmt.Sprintf("%s.Do(\"EXPIRE\", %s, %s) after it", on, key, secs)
	case "java":
		if springOps(code) {
			template, _, _ := strings.Cut(on, ".opsFor")
			return fmt.Sprintf("%s.expire(%s, java.time.Duration.ofSeconds(%s)); after it", template, key, secs)
		}
		return fmt.Sprintf("%s.expire(%s, %s); after it", on, key, secs)
	}
	return fmt.Sprintf("%s.expire(%s, %s) after it", on, key, secs)
}

func springOps(code *parsers.AppCode) bool {
	r := strings.ToLower(code.Receiver)
	return strings.Contains(r, "opsfor") || strings.Contains(r, "boundvalueops")
}

// withLife changes a call that stands on one line, keeping everything around it. Only the arguments' own spacing is used.
func withLife(line string, code *parsers.AppCode, secs string) (string, bool) {
	i := strings.Index(line, code.Receiver)
	if i < 0 || len(code.Args) < 2 || code.Call != "set" && code.Call != "do" {
		return "", false
	}
	open := strings.IndexByte(line[i+len(code.Receiver):], '(')
	if open < 0 {
		return "", false
	}
	open += i + len(code.Receiver)
	end := closing(line, open)
	if end < 0 {
		return "", false
	}
	method := line[i+len(code.Receiver) : open]
	tail := strings.TrimRight(line[:end], " ,")
	add := func(what string) (string, bool) { return tail + ", " + what + line[len(tail):], true }
	switch {
	case code.Call == "do":
		return add(`"EX", ` + secs)
	case code.Language == "go":
		last := code.Args[len(code.Args)-1]
		if !strings.HasSuffix(tail, last) {
			return "", false
		}
		return line[:len(tail)-len(last)] + secs + "*time.Second" + line[len(tail):], true
	case len(code.Args) != 2:
		return "", false
	case code.Language == "php" || code.Language == "java" && !springOps(code):
		comma := strings.Index(line[open:], code.Args[0])
		m := strings.Replace(method, "set", "setex", 1)
		if comma < 0 || m == method {
			return "", false
		}
		comma += open + len(code.Args[0])
		if comma >= end || line[comma] != ',' {
			return "", false
		}
		return line[:i+len(code.Receiver)] + m + line[open:comma] + ", " + secs + line[comma:], true
	case code.Language == "java":
		return add("java.time.Duration.ofSeconds(" + secs + ")")
	case code.Language == "python":
		return add("ex=" + secs)
	case code.Language == "ruby":
		return add("ex: " + secs)
	case code.Library == "ioredis":
		return add("'EX', " + secs)
	case code.Library == "redis":
		return add("{ EX: " + secs + " }")
	}
	return "", false
}

// closing is the index of the bracket that closes the one at open; -1 when it is not on the line.
func closing(line string, open int) int {
	depth := 0
	var quote byte
	for i := open; i < len(line); i++ {
		switch ch := line[i]; {
		case quote != 0:
			if ch == '\\' {
				i++
			} else if ch == quote {
				quote = 0
			}
		case ch == '\'' || ch == '"' || ch == '`':
			quote = ch
		case ch == '(' || ch == '[' || ch == '{':
			depth++
		case ch == ')' || ch == ']' || ch == '}':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

// importGo adds an import where gofmt wants it: among the standard library's, by name.
func importGo(e *editor, name string) {
	quoted := `"` + name + `"`
	if slices.ContainsFunc(e.lines, func(l editLine) bool { return strings.HasSuffix(strings.TrimSpace(l.old), quoted) }) {
		return
	}
	for i := range e.lines {
		l := strings.TrimSpace(e.lines[i].old)
		if l == "import (" {
			at := i
			for at+1 < len(e.lines) {
				next := strings.TrimSpace(e.lines[at+1].old)
				if !strings.HasPrefix(next, `"`) || next > quoted || strings.Contains(next, ".") {
					break
				}
				at++
			}
			e.insert(at, "\t"+quoted)
			return
		}
		if strings.HasPrefix(l, `import "`) {
			e.insert(i, "import "+quoted)
			return
		}
	}
}
