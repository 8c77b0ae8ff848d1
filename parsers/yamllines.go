package parsers

import "strings"

// yamlNode is one scalar or one flat list of a YAML file, where it stands.
type yamlNode struct {
	Path []string // the keys down to it; a list item's place is its number: spec, containers, 0, image
	Args []string // the scalar, or the list's items
	At   Pos
	End  int // its last line, when not At's
	Raw  string
	Doc  int // documents before it in the file
}

// eachYAML walks the subset of YAML in which compose files and manifests are written: block mappings and lists by
// indentation, flow lists of scalars, quoted and plain scalars, literal and folded blocks, comments. Anchors, flow mappings
// and tags are taken as text. A library would give values without the lines that fixes must edit.
func eachYAML(src *Source, text []byte, f func(yamlNode)) {
	w := yamlWalker{emit: f}
	eachTextLine(src, text, w.line)
	w.flushBlock()
	w.flushList()
}

const (
	maxYAMLDepth = 64  // the deepest pod spec is 15 or so
	maxKey       = 300 // Kubernetes bounds a label's key at 317 with its prefix; paths repeat keys for every scalar below
)

type yamlLevel struct {
	indent int
	key    string
	item   int // of a list: the number of its current item
	list   bool
}

type yamlWalker struct {
	emit  func(yamlNode)
	doc   int
	stack []yamlLevel
	list  yamlNode // a block list of scalars being gathered
	block yamlNode // a | or > scalar being gathered
	over  int      // its key's indent
}

func (w *yamlWalker) line(line string, at Pos) {
	body := strings.TrimLeft(line, " ")
	indent := len(line) - len(body)
	if w.block.Path != nil {
		if body == "" {
			return
		}
		if indent > w.over {
			w.block.Args = append(w.block.Args, strings.TrimSpace(body))
			w.block.End = at.Line
			return
		}
		w.flushBlock()
	}
	if body == "" || body[0] == '#' {
		return
	}
	if strings.HasPrefix(body, "---") || strings.HasPrefix(body, "...") {
		w.flushList()
		w.stack = nil
		w.doc++
		return
	}
	for depth := 0; depth < maxYAMLDepth && (strings.HasPrefix(body, "- ") || body == "-"); depth++ {
		w.pop(indent, true)
		if n := len(w.stack); n > 0 && w.stack[n-1].list && w.stack[n-1].indent == indent {
			w.stack[n-1].item++
		} else if n < maxYAMLDepth {
			w.stack = append(w.stack, yamlLevel{indent: indent, list: true})
		}
		rest := strings.TrimLeft(strings.TrimPrefix(body, "-"), " ")
		if rest == "" {
			return
		}
		if _, _, isMap := yamlKey(rest); !isMap && !strings.HasPrefix(rest, "- ") {
			w.item(rest, line, at)
			return
		}
		indent += len(body) - len(rest)
		body = rest
	}
	w.flushListUnlessItem(indent)
	w.pop(indent, false)
	key, value, ok := yamlKey(body)
	if !ok {
		return // the rest of a plain scalar over several lines
	}
	path := w.path(key)
	switch {
	case value == "":
		if len(w.stack) < maxYAMLDepth {
			w.stack = append(w.stack, yamlLevel{indent: indent, key: key})
		}
	case value[0] == '|' || value[0] == '>':
		w.block, w.over = yamlNode{Path: path, At: at, Raw: line}, indent
	case value[0] == '[':
		w.f(yamlNode{Path: path, Args: flowList(value), At: at, Raw: line})
	default:
		w.f(yamlNode{Path: path, Args: []string{yamlScalar(value)}, At: at, Raw: line})
	}
}

// item adds a scalar to the list being gathered: "- --maxmemory".
func (w *yamlWalker) item(value, line string, at Pos) {
	var path []string
	if n := len(w.stack); n > 0 {
		path = w.pathOf(w.stack[:n-1])
	}
	if w.list.Path == nil {
		if path == nil {
			path = []string{}
		}
		w.list = yamlNode{Path: path, At: at, Raw: line}
	}
	w.list.Args = append(w.list.Args, yamlScalar(value))
	w.list.End = at.Line
}

// pop leaves the levels that a line of this indent is not inside of. A list may stand at its key's own indent.
func (w *yamlWalker) pop(indent int, item bool) {
	for n := len(w.stack); n > 0; n-- {
		top := w.stack[n-1]
		if top.indent < indent || item && top.indent == indent {
			return
		}
		if top.list {
			w.flushList()
		}
		w.stack = w.stack[:n-1]
	}
}

func (w *yamlWalker) flushListUnlessItem(indent int) {
	if n := len(w.stack); n > 0 && w.stack[n-1].list && indent <= w.stack[n-1].indent {
		w.flushList()
	}
}

func (w *yamlWalker) flushList() {
	if w.list.Path != nil {
		w.f(w.list)
		w.list = yamlNode{}
	}
}

func (w *yamlWalker) flushBlock() {
	if w.block.Path != nil {
		w.block.Args = []string{strings.Join(w.block.Args, " ")}
		w.f(w.block)
		w.block = yamlNode{}
	}
}

func (w *yamlWalker) f(n yamlNode) {
	n.Doc = w.doc
	w.emit(n)
}

func (w *yamlWalker) path(key string) []string { return append(w.pathOf(w.stack), key) }

func (w *yamlWalker) pathOf(stack []yamlLevel) []string {
	path := make([]string, 0, len(stack)+1)
	for _, l := range stack {
		if l.list {
			path = append(path, itoa(l.item))
		} else {
			path = append(path, l.key)
		}
	}
	return path
}

// yamlKey splits "key: value"; the key may be quoted, the value may be missing.
func yamlKey(s string) (key, value string, ok bool) {
	if s == "" {
		return "", "", false
	}
	if s[0] == '"' || s[0] == '\'' {
		end := strings.IndexByte(s[1:], s[0])
		if end < 0 || !strings.HasPrefix(s[end+2:], ":") {
			return "", "", false
		}
		key, value = s[1:end+1], s[end+3:]
	} else {
		i := strings.Index(s, ": ")
		if i < 0 {
			if t := yamlComment(s); strings.HasSuffix(t, ":") {
				return t[:len(t)-1], "", !strings.ContainsAny(t[:len(t)-1], "\"'[]{}")
			}
			return "", "", false
		}
		key, value = s[:i], s[i+2:]
		if strings.ContainsAny(key, "\"'[]{}#") {
			return "", "", false
		}
	}
	return strings.TrimSpace(key), yamlComment(strings.TrimSpace(value)), key != "" && len(key) <= maxKey
}

// yamlComment takes " # comment" off a value, outside quotes.
func yamlComment(s string) string {
	quote := byte(0)
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case (c == '"' || c == '\'') && (i == 0 || s[i-1] == ' ' || s[i-1] == '[' || s[i-1] == ','):
			quote = c
		case c == '#' && (i == 0 || s[i-1] == ' '):
			return strings.TrimSpace(s[:i])
		}
	}
	return strings.TrimSpace(s)
}

func yamlScalar(s string) string {
	s = yamlComment(s)
	if len(s) > 1 && (s[0] == '"' || s[0] == '\'') && s[len(s)-1] == s[0] {
		return s[1 : len(s)-1]
	}
	return s
}

// flowList splits ["redis-server", --maxmemory, 2gb].
func flowList(s string) []string {
	s = strings.TrimSuffix(strings.TrimPrefix(s, "["), "]")
	var items []string
	for s != "" {
		s = strings.TrimLeft(s, " ")
		from := 0
		if s != "" && (s[0] == '"' || s[0] == '\'') {
			if i := strings.IndexByte(s[1:], s[0]); i >= 0 {
				from = i + 2
			}
		}
		end := len(s)
		if i := strings.IndexByte(s[from:], ','); i >= 0 {
			end = from + i
		}
		if item := strings.TrimSpace(s[:end]); item != "" {
			items = append(items, yamlScalar(item))
		}
		if end >= len(s) {
			break
		}
		s = s[end+1:]
	}
	return items
}
