package parsers

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	crossplane "github.com/nginxinc/nginx-go-crossplane"
)

// nginx configuration: nginx.conf, site files, and fragments that are only meant to be included (a bare server, a map, a
// log_format). An include stays a Setting: nothing is opened, here or on the host that the file came from. Crossplane's
// lexer reads the words, with the Lua in *_by_lua_block kept whole; its parser is not used, because it drops a whole file
// for one bad line and does not say where a block ends.
//
//	http {
//	    log_format main '$remote_addr - $remote_user [$time_local] "$request" '
//	                    '$status $body_bytes_sent';
//	    map $http_user_agent $bad_bot { default 0; ~*AhrefsBot 1; }
//	    server { location / { limit_req zone=perip burst=5; } }
//	}
var _ = register(Parser{
	Name:  "nginx-conf",
	Doc:   "nginx configuration, whole or a fragment: config, setting",
	Match: matchNginxConf,
	Parse: parseNginxConf,
})

// LogFormats collects the log_format directives among the settings of one host's nginx files, with the access_log paths
// that name each. The predefined format "combined" is included when an access_log uses it. The records may be kept from
// the parser's emit: a Setting of nginx-conf borrows nothing.
func LogFormats(settings ...Record) []LogFormat {
	formats := []LogFormat{{Name: "combined", Escape: "default", Format: `$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"`}}
	each := func(name string, f func(s *Setting, at Pos)) {
		for _, r := range settings {
			if s, ok := r.Fact.(*Setting); ok && s.System == "nginx" && s.Name == name {
				f(s, r.At)
			}
		}
	}
	each("log_format", func(s *Setting, at Pos) {
		if len(s.Args) < 2 {
			return
		}
		f := LogFormat{Name: s.Args[0], Escape: "default", At: at}
		parts := s.Args[1:]
		if escape, ok := strings.CutPrefix(parts[0], "escape="); ok {
			f.Escape, parts = escape, parts[1:]
		}
		f.Format = UnescapeConf(strings.Join(parts, ""))
		formats = append(formats, f)
	})
	each("access_log", func(s *Setting, _ Pos) {
		if len(s.Args) == 0 || s.Args[0] == "off" {
			return
		}
		name := "combined"
		if len(s.Args) > 1 && !strings.Contains(s.Args[1], "=") {
			name = s.Args[1]
		}
		for i := range formats {
			if formats[i].Name == name && !slices.Contains(formats[i].Paths, s.Args[0]) {
				formats[i].Paths = append(formats[i].Paths, s.Args[0])
			}
		}
	})
	if len(formats[0].Paths) == 0 {
		formats = formats[1:]
	}
	return formats
}

// UnescapeConf undoes the escapes that nginx undoes in a word of its configuration (ngx_conf_read_token).
func UnescapeConf(s string) string {
	return strings.NewReplacer(`\"`, `"`, `\'`, `'`, `\\`, `\`, `\t`, "\t", `\r`, "\r", `\n`, "\n").Replace(s)
}

// confWords are directives that begin most lines of nginx' configuration; a few of them begin lines elsewhere too.
var confWords = []string{
	"worker_processes", "worker_connections", "log_format", "access_log", "server_name", "proxy_pass", "fastcgi_pass", "limit_req_zone", "limit_req",
	"limit_conn_zone", "limit_conn", "upstream", "location", "server", "http", "events", "map", "geo", "set_real_ip_from", "real_ip_header",
	"fastcgi_param", "uwsgi_param", "scgi_param", "add_header", "try_files", "ssl_certificate", "proxy_set_header", "client_max_body_size", "error_log", "root", "index", "listen",
	"include", "gzip", "sendfile", "keepalive_timeout", "return", "rewrite", "allow", "deny", "if", "split_clients", "user", "pid", "expires",
	"proxy_cache_path", "fastcgi_read_timeout", "proxy_read_timeout", "types", "default_type", "resolver", "limit_req_status", "load_module",
}

// strongConfWords say nginx by themselves.
var strongConfWords = []string{"worker_processes", "worker_connections", "log_format", "server_name", "proxy_pass", "fastcgi_pass",
	"limit_req_zone", "limit_conn_zone", "set_real_ip_from", "fastcgi_param", "uwsgi_param", "scgi_param", "try_files", "proxy_set_header"}

func matchNginxConf(h *Head) int {
	lines, known, strong := 0, 0, 0
	for _, line := range h.Lines(accessSample) {
		line = bytes.TrimSpace(line)
		if line[0] == '#' || line[0] == '}' || bytes.HasPrefix(line, []byte("nginx: ")) {
			continue
		}
		lines++
		if first, ok := confLine(line); ok {
			known++
			if slices.Contains(strongConfWords, first) || isMapStart(line) {
				strong++
			}
		}
	}
	switch {
	case strong > 0 && known*3 >= lines:
		return SureMark
	case strong > 0 && strings.HasSuffix(h.Name, ".conf"), isMapStart(firstDirective(h)), isTypesStart(firstDirective(h)):
		return SureShape
	case known > 0 && known*2 >= lines && (strings.Contains(h.Name, "nginx") || strings.HasSuffix(h.Name, ".conf")):
		return SureHabit
	}
	return 0
}

// confLine says whether a line begins with one of confWords and ends as nginx wants it: in a semicolon, a brace, or a quoted
// string that the next line goes on from. It returns the word.
func confLine(line []byte) (first string, ok bool) {
	w, _ := word(line)
	first = string(bytes.TrimRight(w, "{;"))
	if !slices.Contains(confWords, first) {
		return first, false
	}
	last := bytes.TrimSpace(stripComment(line))
	switch last[len(last)-1] {
	case ';', '{', '}', '\'', '"':
		return first, len(last) > len(first)
	}
	return first, len(last) == len(first) // "server", with its brace in the next line
}

// isMapStart knows "map $a $b {" and "geo $a {".
func isMapStart(line []byte) bool {
	f := bytes.Fields(line)
	return len(f) > 1 && (string(f[0]) == "map" || string(f[0]) == "geo" || string(f[0]) == "split_clients") &&
		(bytes.HasPrefix(f[1], []byte("$")) || bytes.HasPrefix(f[1], []byte(`"$`))) && bytes.IndexByte(line, '{') > 0
}

// isTypesStart knows mime.types.
func isTypesStart(line []byte) bool {
	f := bytes.Fields(line)
	return len(f) == 2 && string(f[0]) == "types" && string(f[1]) == "{"
}

func firstDirective(h *Head) []byte {
	for _, line := range h.Lines(accessSample) {
		if line = bytes.TrimSpace(line); line[0] != '#' {
			return line
		}
	}
	return nil
}

func stripComment(line []byte) []byte {
	if i := bytes.Index(line, []byte(" #")); i >= 0 {
		return line[:i]
	}
	return line
}

// maxConfDepth bounds nesting; nginx' own modules never need more than six levels.
const maxConfDepth = 50

// maxConfRestarts bounds how often reading goes on behind a place that the lexer refuses.
const maxConfRestarts = 20

func parseNginxConf(src *Source, emit func(Record)) error {
	text, err := readConfig(src)
	if err != nil {
		return err
	}
	emitConfig(src, "nginx", text, emit)
	lines := bytes.Split(bytes.TrimSuffix(text, []byte("\n")), []byte("\n"))
	c := confReader{src: src, lines: lines}
	c.read(withoutChatter(bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))))
	for _, d := range c.found {
		emit(Record{At: Pos{src.Name, d.line}, Raw: lineAt(lines, d.line), Fact: &d.Setting})
	}
	return nil
}

// withoutChatter makes comments of what `nginx -T` says before it prints the files: "nginx: configuration file ... test is
// successful".
func withoutChatter(text []byte) []byte {
	if !bytes.HasPrefix(text, []byte("nginx: ")) && !bytes.Contains(text, []byte("\nnginx: ")) {
		return text
	}
	text = bytes.ReplaceAll(text, []byte("\nnginx: "), []byte("\n#ginx: "))
	if bytes.HasPrefix(text, []byte("nginx: ")) {
		text[0] = '#'
	}
	return text
}

type confDirective struct {
	Setting
	line int
}

// confReader turns the lexer's words into directives. found is in file order: a block stands before what it holds.
type confReader struct {
	src   *Source
	lines [][]byte
	found []confDirective
	open  []int    // indexes in found of the blocks around
	path  []string // their heads; shared by what stands in them
}

func (c *confReader) read(text []byte) {
	skipped := 0 // lines before the part being lexed
	for range maxConfRestarts {
		line, why := c.readPart(text, skipped)
		if why == "" {
			return
		}
		c.src.Skip(line, lineAt(c.lines, line), why)
		if line >= len(c.lines) {
			return
		}
		// go on behind the line that the lexer refused
		for skipped < line {
			_, rest, ok := bytes.Cut(text, []byte("\n"))
			if !ok {
				return
			}
			text = rest
			skipped++
		}
	}
}

// readPart reads until the end or the first thing that is no configuration, and says where and what that is.
func (c *confReader) readPart(text []byte, skipped int) (line int, why string) {
	// The lexer counts braces from here; blocks that an earlier part left open are closed by braces it would refuse.
	lead := bytes.Repeat([]byte("x{"), len(c.open))
	tokens := crossplane.LexWithOptions(io.MultiReader(bytes.NewReader(lead), bytes.NewReader(text)), crossplane.LexOptions{Lexers: []crossplane.RegisterLexer{new(crossplane.Lua).RegisterLexer()}})
	defer func() {
		for range tokens { // the lexer's goroutine ends when all its words are taken
		}
	}()
	for range 2 * len(c.open) {
		<-tokens
	}
	var words []string
	var lines []int // of the words
	first, last := 0, 0
	for t := range tokens {
		at := min(t.Line+skipped, len(c.lines)) // the lexer counts an escaped newline at the very end for a line more
		if t.Error != nil {
			if words != nil {
				c.add(words, first, last, false)
			}
			return c.lexError(t, at)
		}
		switch {
		case !t.IsQuoted && strings.HasPrefix(t.Value, "#"):
		case !t.IsQuoted && t.Value == ";":
			if words == nil {
				return at, `unexpected ";"`
			}
			c.add(words, first, at, false)
			words, lines = nil, nil
		case !t.IsQuoted && t.Value == "{":
			if words == nil {
				return at, `unexpected "{"`
			}
			if len(c.open) == maxConfDepth {
				return at, fmt.Sprintf("blocks nested deeper than %d", maxConfDepth)
			}
			if i := lostSemicolon(words, lines); i > 0 {
				c.src.Skip(first, lineAt(c.lines, first), fmt.Sprintf("directive %q is not terminated by \";\"", words[0]))
				c.add(words[:i], first, lines[i-1], false)
				words, first = words[i:], lines[i]
			}
			c.add(words, first, at, true)
			words, lines = nil, nil
		case !t.IsQuoted && t.Value == "}":
			if words != nil {
				c.src.Skip(first, lineAt(c.lines, first), fmt.Sprintf("directive %q is not terminated by \";\"", words[0]))
				c.add(words, first, last, false)
				words, lines = nil, nil
			}
			if n := len(c.open); n > 0 {
				c.found[c.open[n-1]].EndLine = at
				c.open, c.path = c.open[:n-1], c.path[:n-1]
			}
		default:
			if words == nil {
				first = at
			}
			words, lines, last = append(words, t.Value), append(lines, at), at
		}
	}
	if words != nil {
		c.src.Skip(first, lineAt(c.lines, first), fmt.Sprintf("directive %q is not terminated by \";\": unexpected end of file", words[0]))
		c.add(words, first, last, false)
	}
	return 0, ""
}

// lostSemicolon finds the word of a block's head that begins a line and is a block's name itself: what stands before it
// is a directive whose semicolon is missing. 0 when there is none.
func lostSemicolon(words []string, lines []int) int {
	for i := 1; i < len(words); i++ {
		if lines[i] > lines[i-1] && slices.Contains(confBlocks, words[i]) {
			return i
		}
	}
	return 0
}

var confBlocks = []string{"http", "events", "server", "location", "upstream", "map", "geo", "if", "types", "stream", "split_clients", "limit_except"}

func (c *confReader) lexError(t crossplane.NgxToken, at int) (int, string) {
	what := t.Error.Error()
	if p, ok := t.Error.(*crossplane.ParseError); ok {
		what = p.What
	}
	if len(c.open) > 0 && strings.Contains(what, "end of file") {
		b := c.found[c.open[len(c.open)-1]]
		return len(c.lines), fmt.Sprintf("%s of block %q of line %d", what, b.Name, b.line)
	}
	return min(max(at, 1), max(len(c.lines), 1)), what
}

func (c *confReader) add(words []string, first, last int, block bool) {
	d := confDirective{line: first, Setting: Setting{System: "nginx", Name: words[0], Args: blankConfArgs(words[0], words[1:]), Block: block}}
	d.Path = c.path
	if last > first && !block {
		d.EndLine = last
	}
	c.found = append(c.found, d)
	if block {
		c.open = append(c.open, len(c.found)-1)
		c.path = append(slices.Clip(c.path), strings.Join(append([]string{d.Name}, d.Args...), " "))
	}
}

// blankConfArgs hides what nginx is told to keep: an upstream's credentials, and passwords given to modules.
func blankConfArgs(name string, args []string) []string {
	// proxy_pass and its relatives end in _pass and are addresses; *_file and *_key of ssl are paths.
	if isSecretName(name) && !strings.HasSuffix(name, "_pass") && !strings.HasSuffix(name, "_file") && !strings.HasPrefix(name, "server_tokens") && !strings.HasPrefix(name, "ssl_") {
		return []string{"***"}
	}
	for i, a := range args {
		if i > 0 && strings.EqualFold(args[i-1], "Authorization") {
			args[i] = "***"
			continue
		}
		args[i] = string(blankSecrets([]byte(a)))
	}
	return args
}

func lineAt(lines [][]byte, n int) []byte {
	if n < 1 || n > len(lines) {
		return nil
	}
	return bytes.TrimRight(lines[n-1], "\r")
}
