package parsers

import (
	"bytes"
	"fmt"
	"unicode/utf8"
)

// jsonFormat reads access lines that are JSON objects, nested or flat: nginx with a JSON log_format, Caddy, Traefik. keys
// maps a path ("request.headers.User-Agent") to its meaning: as the log_format says, or as accessKey guesses.
type jsonFormat struct {
	keys  map[string]accessVar
	exact bool // keys came from a log_format: no guessing
	want  int  // of a log_format: how many of its keys mean something; a line of that format has them all
}

// maxJSONKeys and maxJSONPath bound what a file with ever-changing or endless keys can make a jsonFormat remember.
const (
	maxJSONKeys = 2000
	maxJSONPath = 256
)

// compileJSON reads a log_format that writes JSON; false when the format is not one object.
func compileJSON(f LogFormat) (*jsonFormat, bool) {
	text := bytes.TrimSpace([]byte(f.Format))
	if len(text) == 0 || text[0] != '{' {
		return nil, false
	}
	t := jsonTemplate{}
	w := jsonWalk{loose: true, sink: t}
	if w.object(text) != "" || len(t) == 0 {
		return nil, false
	}
	j := &jsonFormat{keys: t, exact: true}
	for _, v := range t {
		if v != varIgnore {
			j.want++
		}
	}
	return j, true
}

// jsonTemplate collects the variables that a log_format writes, by path.
type jsonTemplate map[string]accessVar

func (t jsonTemplate) jsonValue(path, val []byte, _ bool) {
	i := bytes.IndexByte(val, '$')
	if i < 0 {
		return
	}
	if name, rest, ok := variable(string(val[i:])); ok && rest == "" && i == 0 {
		v := nginxVar(name)
		if v == varIgnore { // a map's own variable: the key may still say that it is an address
			switch k := accessKey(path); k {
			case varClient, varClientWeak, varRealIP, varForwarded:
				v = k
			}
		}
		t[string(path)] = v
		return
	}
	switch string(val) {
	case "$request_method $request_uri $server_protocol", "$request_method $request_uri":
		t[string(path)] = varRequest
	case "$uri$is_args$args", "$document_uri$is_args$args":
		t[string(path)] = varRequestURI
	case "$host$request_uri", "$http_host$request_uri":
		t[string(path)] = varHostURI
	}
}

// match reads a line. Strict but for what a variable without quotes leaves when it is empty or a list: nginx without
// escape=json writes \x22 into strings and 009 as a number; such a line is not JSON, and every other reader of the file has
// refused it too.
func (j *jsonFormat) match(l *accessLine, line []byte) string {
	line = bytes.TrimSpace(line)
	if len(line) == 0 || line[0] != '{' {
		return "not a JSON object"
	}
	l.keys, l.why, l.hits = j, "", 0
	l.json.sink = l
	if why := l.json.object(line); why != "" {
		return why
	}
	if l.why == "" && l.hits < j.want {
		return fmt.Sprintf("%d of the %d keys of its log_format", l.hits, j.want)
	}
	return l.why
}

func (l *accessLine) jsonValue(path, val []byte, escaped bool) {
	if len(path) > maxJSONPath {
		return
	}
	j := l.keys
	v, seen := j.keys[string(path)]
	if !seen {
		if !j.exact {
			v = accessKey(path)
		}
		if len(j.keys) < maxJSONKeys {
			j.keys[string(path)] = v
		}
	}
	if v == varIgnore || l.why != "" {
		return
	}
	l.hits++
	if escaped {
		val = l.unescapeJSON(val)
	}
	if why := l.set(v, val); j.exact || v == varStatus || v == varLogger {
		l.why = why // a guessed name may have promised too much; a status is never guessed wrong
	}
}

// unescapeJSON writes the string's value into the line's buffer.
func (l *accessLine) unescapeJSON(b []byte) []byte {
	from := len(l.buf)
	for i := 0; i < len(b); i++ {
		if b[i] != '\\' || i+1 == len(b) {
			l.buf = append(l.buf, b[i])
			continue
		}
		i++
		switch b[i] {
		case 'n':
			l.buf = append(l.buf, '\n')
		case 't':
			l.buf = append(l.buf, '\t')
		case 'r':
			l.buf = append(l.buf, '\r')
		case 'b':
			l.buf = append(l.buf, '\b')
		case 'f':
			l.buf = append(l.buf, '\f')
		case 'u':
			if r, ok := hex4(b[i+1:]); ok {
				l.buf = utf8.AppendRune(l.buf, r)
				i += 4
			}
		default:
			l.buf = append(l.buf, b[i])
		}
	}
	return l.buf[from:]
}

func hex4(b []byte) (rune, bool) {
	if len(b) < 4 {
		return 0, false
	}
	var r rune
	for _, c := range b[:4] {
		switch {
		case isDigit(c):
			r = r<<4 | rune(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			r = r<<4 | rune(c|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	return r, true
}

// jsonWalk reads one JSON object and hands every string, number and literal to its sink, with the path of keys that leads
// there; the elements of an array share the array's path and only the first is handed on. It allocates nothing per line.
type jsonWalk struct {
	sink  jsonSink
	loose bool // a log_format: $status may stand where a number would

	b    []byte
	i    int
	path []byte
}

type jsonSink interface {
	jsonValue(path, val []byte, escaped bool)
}

// maxJSONDepth bounds nesting; Caddy's access log has 4 levels.
const maxJSONDepth = 32

// object reads all of b as one object; it says where and why it is not one, "" when it is.
func (w *jsonWalk) object(b []byte) string {
	w.b, w.i, w.path = b, 0, w.path[:0]
	if why := w.value(0, true); why != "" {
		return fmt.Sprintf("invalid JSON at byte %d: %s", w.i+1, why)
	}
	w.space()
	if w.i < len(w.b) {
		return fmt.Sprintf("invalid JSON at byte %d: text after the object", w.i+1)
	}
	return ""
}

func (w *jsonWalk) value(depth int, hand bool) string {
	w.space()
	if w.i == len(w.b) {
		return "a value is missing"
	}
	if depth > maxJSONDepth {
		return "nested too deep"
	}
	switch w.b[w.i] {
	case '{':
		return w.members(depth, hand)
	case '[':
		return w.elements(depth, hand)
	case '"':
		s, escaped, why := w.str()
		if why == "" && hand {
			w.sink.jsonValue(w.path, s, escaped)
		}
		return why
	}
	from := w.i
	for w.i < len(w.b) && bytes.IndexByte([]byte(",]} \t\r\n"), w.b[w.i]) < 0 {
		w.i++
	}
	s := w.b[from:w.i]
	if string(s) == "-" || string(s) == "null" {
		s = nil // a dash: "urt":$upstream_response_time without an upstream; with escape=json it is nothing at all
	}
	if !w.loose && len(s) > 0 && !isJSONLiteral(s) && !isJSONNumber(s) {
		w.i = from
		return fmt.Sprintf("%.20q is neither a number nor a string", s)
	}
	if hand {
		w.sink.jsonValue(w.path, s, false)
	}
	return ""
}

func (w *jsonWalk) members(depth int, hand bool) string {
	w.i++
	if w.space(); w.next('}') {
		return ""
	}
	for {
		w.space()
		if w.i == len(w.b) || w.b[w.i] != '"' {
			return "a key is missing"
		}
		key, _, why := w.str()
		if why != "" {
			return why
		}
		if w.space(); !w.next(':') {
			return "a colon is missing"
		}
		outer := len(w.path)
		if outer > 0 {
			w.path = append(w.path, '.')
		}
		w.path = append(w.path, key...)
		why = w.value(depth+1, hand)
		w.path = w.path[:outer]
		if why != "" {
			return why
		}
		w.space()
		w.list()
		if w.next(',') {
			continue
		}
		if !w.next('}') {
			return "a comma is missing"
		}
		return ""
	}
}

// list passes over the rest of a list without quotes: "urt":0.001, 0.002 of a request that was tried twice.
func (w *jsonWalk) list() {
	for w.i < len(w.b) && w.b[w.i] == ',' {
		n := w.i + 1
		for n < len(w.b) && (w.b[n] == ' ' || w.b[n] == '.' || w.b[n] == '-' || isDigit(w.b[n])) {
			n++
		}
		if n == w.i+1 || n == len(w.b) || w.b[n] != ',' && w.b[n] != '}' {
			return
		}
		w.i = n
	}
}

func (w *jsonWalk) elements(depth int, hand bool) string {
	w.i++
	if w.space(); w.next(']') {
		return ""
	}
	for first := true; ; first = false {
		if why := w.value(depth+1, hand && first); why != "" {
			return why
		}
		if w.space(); w.next(',') {
			continue
		}
		if !w.next(']') {
			return "a comma is missing"
		}
		return ""
	}
}

// str reads a string; raw control bytes and invalid UTF-8 pass, as escape=json writes them.
func (w *jsonWalk) str() (s []byte, escaped bool, why string) {
	from := w.i + 1
	for i := from; i < len(w.b); i++ {
		switch w.b[i] {
		case '"':
			w.i = i + 1
			return w.b[from:i], escaped, ""
		case '\\':
			escaped = true
			i++
			if i < len(w.b) && !w.loose && bytes.IndexByte([]byte(`"\/bfnrtu`), w.b[i]) < 0 {
				w.i = i
				return nil, false, fmt.Sprintf("unknown escape \\%c", w.b[i])
			}
		}
	}
	return nil, false, "a string has no end"
}

func (w *jsonWalk) space() {
	for w.i < len(w.b) && (w.b[w.i] == ' ' || w.b[w.i] == '\t' || w.b[w.i] == '\n' || w.b[w.i] == '\r') {
		w.i++
	}
}

func (w *jsonWalk) next(c byte) bool {
	if w.i < len(w.b) && w.b[w.i] == c {
		w.i++
		return true
	}
	return false
}

func isJSONLiteral(b []byte) bool {
	return string(b) == "true" || string(b) == "false" || string(b) == "null"
}

// isJSONNumber: RFC 8259, no leading zero.
func isJSONNumber(b []byte) bool {
	if len(b) > 0 && b[0] == '-' {
		b = b[1:]
	}
	n := 0
	for n < len(b) && isDigit(b[n]) {
		n++
	}
	if n == 0 || n > 1 && b[0] == '0' {
		return false
	}
	if b = b[n:]; len(b) > 1 && b[0] == '.' {
		for n = 1; n < len(b) && isDigit(b[n]); n++ {
		}
		if n == 1 {
			return false
		}
		b = b[n:]
	}
	if len(b) > 1 && b[0]|0x20 == 'e' {
		if b = b[1:]; b[0] == '+' || b[0] == '-' {
			b = b[1:]
		}
		for n = 0; n < len(b) && isDigit(b[n]); n++ {
		}
		if n == 0 {
			return false
		}
		b = b[n:]
	}
	return len(b) == 0
}
