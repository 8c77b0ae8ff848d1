package parsers

import (
	"bytes"
	"regexp"
	"strings"
)

// app-code is an application's source file that talks to Redis: PHP, JavaScript, Python, Ruby. Only the calls that write a
// key without giving it a life are told; nothing is run, and no flow is followed beyond the lines around a call.
//
//	$redis->set( $key, $session_data );
//	await client.set(`sess:${id}`, JSON.stringify(s));
//	client.set(f"session:{session_id}", payload)
var _ = register(Parser{
	Name:  "app-code",
	Doc:   "source code that writes to Redis without an expiry -> config, app-code",
	Match: matchAppCode,
	Parse: parseAppCode,
})

// AppFile begins the name of a file of the application's own folder, which does not lie in the input (--app).
const AppFile = "app:"

// AppCode is a call in the application's own source that writes a Redis key and sets no expiry.
type AppCode struct {
	Language string   `json:"language"` // php, javascript, python, ruby
	Call     string   `json:"call"`     // set, hset, hmset, lpush, ...
	Receiver string   `json:"receiver,omitempty"`
	Args     []string `json:"args,omitempty"` // as written, on one line; secrets blanked
	Prefixes []string `json:"prefixes,omitempty"`
}

// Kind is the fact's name.
func (*AppCode) Kind() string { return "app-code" }

func matchAppCode(name string, head []byte) int {
	if codeLanguage(name, head) == "" || !bytes.Contains(bytes.ToLower(head), []byte("redis")) {
		return 0
	}
	if codeWrite.Match(head) || codeSession.Match(head) || codeExpiring.Match(head) {
		return SureShape
	}
	return 0
}

var (
	// codeWrite: a method call that stores; what it stores and whether it expires is read from its arguments.
	codeWrite   = regexp.MustCompile(`(?i)([$@\w\]\)][\w$.\->\[\]'()]*?)(?:->|\.)(set|hset|hmset|hSet|hMSet)\s*\(`)
	codeSession = regexp.MustCompile(`RedisStore|RedisSession|SaveHandler|session_set_save_handler`)
	// codeExpiring: a file whose writes all expire is read too, and says nothing, which is an answer.
	codeExpiring = regexp.MustCompile(`(?i)(?:->|\.)p?setex\s*\(`)
	codeLiteral  = regexp.MustCompile("['\"`]([A-Za-z][A-Za-z0-9_.:-]{0,60}[_:.-])(?:['\"`$#{]|\\$\\{)")
)

// codeLanguage is told by what a file must begin with or hold: an opening tag, an import of its language's kind.
func codeLanguage(name string, head []byte) string {
	start := bytes.TrimLeft(head, "\xef\xbb\xbf \t\r\n")
	if bytes.HasPrefix(start, []byte("#!")) {
		if i := bytes.IndexByte(start, '\n'); i > 0 {
			if start = start[i+1:]; bytes.Contains(head[:i+1], []byte("sh")) && !bytes.Contains(start, []byte("<?php")) {
				return ""
			}
		}
	}
	switch {
	case bytes.HasPrefix(start, []byte("<?php")):
		return "php"
	case codeJS.Match(head):
		return "javascript"
	case codePython.Match(head):
		return "python"
	case strings.HasSuffix(name, ".rb") && bytes.Contains(head, []byte("Redis.new")):
		return "ruby"
	}
	return ""
}

var (
	codeJS     = regexp.MustCompile(`(?m)^\s*(?:(?:const|let|var)\s[^\n=]+=\s*require\(['"]|import\s[^\n]+\sfrom\s+['"])`)
	codePython = regexp.MustCompile(`(?m)^(?:import \w[\w.]*(?: as \w+)?|from [\w.]+ import [^\n'"]+)\r?$`)
)

func parseAppCode(src *Source, emit func(Record)) error {
	text, err := readConfig(src)
	if err != nil {
		return err
	}
	lang := codeLanguage(src.Name, text[:min(len(text), headSize)])
	emitConfig(src, "app", text, emit)
	var lines []string
	eachTextLine(src, text, func(line string, _ Pos) { lines = append(lines, line) })
	var prefixes []string
	for _, l := range lines {
		for _, m := range codeLiteral.FindAllStringSubmatch(l, 4) {
			if len(prefixes) < 16 {
				prefixes = appendNew(prefixes, m[1])
			}
		}
	}
	for i, l := range lines {
		if t := strings.TrimSpace(l); t == "" || t[0] == '#' || t[0] == '*' || strings.HasPrefix(t, "//") || strings.HasPrefix(t, "/*") {
			continue
		}
		m := codeWrite.FindStringSubmatchIndex(l)
		if m == nil {
			continue
		}
		receiver, call := l[m[2]:m[3]], strings.ToLower(l[m[4]:m[5]])
		if !speaksRedis(receiver) {
			continue
		}
		args, closed := callArgs(lines, i, m[1])
		if !closed || givesLife(lang, call, args) || expiresNearby(lines, i, call) {
			continue
		}
		for j := range args {
			args[j] = string(blankSecrets([]byte(args[j])))
		}
		emit(Record{At: Pos{src.Name, i + 1}, Raw: blankSecrets([]byte(l)), Fact: &AppCode{Language: lang, Call: call, Receiver: receiver, Args: args, Prefixes: prefixes}})
	}
	return nil
}

func appendNew(list []string, s string) []string {
	for _, have := range list {
		if have == s {
			return list
		}
	}
	return append(list, s)
}

// speaksRedis keeps a Map's and an app's own set() out: the receiver must be called after Redis, a client or a cache.
func speaksRedis(receiver string) bool {
	r := strings.ToLower(receiver)
	for _, w := range []string{"redis", "client", "predis", "conn", "cache", "store", "rdb"} {
		if strings.Contains(r, w) {
			return true
		}
	}
	return r == "r" || r == "$r" || r == "this.r" || r == "self.r"
}

// maxCallLines bounds a call that spreads over lines.
const maxCallLines = 12

// callArgs splits the arguments of the call whose bracket ends at lines[i][from].
func callArgs(lines []string, i, from int) (args []string, closed bool) {
	depth := 1
	var quote byte
	var arg []byte
	flush := func() {
		if s := strings.Join(strings.Fields(string(arg)), " "); s != "" {
			args = append(args, s)
		}
		arg = arg[:0]
	}
	for n := 0; n < maxCallLines && i+n < len(lines); n++ {
		l := lines[i+n]
		if n == 0 {
			l = l[from:]
		}
		for j := 0; j < len(l); j++ {
			c := l[j]
			switch {
			case quote != 0:
				if c == '\\' && j+1 < len(l) {
					arg = append(arg, c, l[j+1])
					j++
					continue
				}
				if c == quote {
					quote = 0
				}
			case c == '\'' || c == '"' || c == '`':
				quote = c
			case c == '(' || c == '[' || c == '{':
				depth++
			case c == ')' || c == ']' || c == '}':
				if depth--; depth == 0 {
					flush()
					return args, true
				}
			case c == ',' && depth == 1:
				flush()
				continue
			}
			arg = append(arg, c)
		}
		arg = append(arg, ' ')
	}
	return args, false
}

// givesLife says whether the arguments set an expiry: a third one in PHP (seconds or options), EX or PX, ex= or px=, ttl.
func givesLife(lang, call string, args []string) bool {
	if strings.HasPrefix(call, "h") {
		return false
	}
	if len(args) < 2 {
		return true // a setter of something else
	}
	for _, a := range args[2:] {
		l := strings.ToLower(a)
		if lang == "php" || lang == "ruby" && strings.Contains(l, "ex") {
			return true
		}
		for _, w := range []string{"ex", "px", "ttl", "exat", "keepttl"} {
			if strings.Contains(l, w) {
				return true
			}
		}
	}
	return false
}

// expiresNearby: an expire() within the five lines behind the call gives the key its life after all.
func expiresNearby(lines []string, i int, call string) bool {
	for j := i; j <= min(i+5, len(lines)-1); j++ {
		l := strings.ToLower(lines[j])
		if strings.Contains(l, "expire(") || strings.Contains(l, "expireat(") || strings.Contains(l, "pexpire(") {
			return true
		}
	}
	return false
}
