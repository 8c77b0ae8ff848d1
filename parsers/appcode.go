package parsers

import (
	"bytes"
	"regexp"
	"strings"
)

// app-code is an application's source file that talks to Redis: PHP, JavaScript, Python, Ruby, Java, Go. Only the calls that
// write a key without giving it a life are told, and the lines that set a framework's sessions (appsessions.go); nothing is
// run, and no flow is followed beyond the lines around a call.
//
//	$redis->set( $key, $session_data );
//	await client.set(`sess:${id}`, JSON.stringify(s));
//	client.set(f"session:{session_id}", payload)
//	redisTemplate.opsForValue().set("session:" + id, cart);
//	rdb.Set(ctx, "session:"+id, cart, 0)
var _ = register(Parser{
	Name:  "app-code",
	Doc:   "source code that writes to Redis without an expiry, or sets its framework's sessions -> config, app-code, setting",
	Most:  SureShape,
	Match: matchAppCode,
	Parse: parseAppCode,
})

// AppFile begins the name of a file of the application's own folder, which does not lie in the input (--app).
const AppFile = "app:"

// AppCode is a call in the application's own source that writes a Redis key and sets no expiry.
type AppCode struct {
	Language string   `json:"language"`          // php, javascript, python, ruby, java, go
	Library  string   `json:"library,omitempty"` // where the call differs by it: ioredis, redis (of node)
	Call     string   `json:"call"`              // set, hset, hmset, put, do, ...
	Receiver string   `json:"receiver,omitempty"`
	Args     []string `json:"args,omitempty"` // as written, on one line; secrets blanked
	Prefixes []string `json:"prefixes,omitempty"`
}

// Kind is the fact's name.
func (*AppCode) Kind() string { return "app-code" }

func matchAppCode(h *Head) int {
	if codeLanguage(h.Name, h.Text) == "" || !bytes.Contains(bytes.ToLower(h.Text), []byte("redis")) {
		return 0
	}
	if codeWrite.Match(h.Text) || codeSession.Match(h.Text) || codeExpiring.Match(h.Text) || codeDo.Match(h.Text) || hasSessionSetting(h.Text) {
		return SureShape
	}
	return 0
}

// IsSource says whether a file begins as source code does: what it writes to Redis may stand anywhere in it.
func IsSource(name string, head []byte) bool { return codeLanguage(name, head) != "" }

var (
	// codeWrite: a method call that stores; what it stores and whether it expires is read from its arguments.
	codeWrite = regexp.MustCompile(`(?i)([$@\w\]\)][\w$.\->\[\]'()]*?)(?:->|\.)(set|hset|hmset|put|putAll)\s*\(`)
	// codeDo: redigo, and go-redis' and radix' call by the command's own name.
	codeDo      = regexp.MustCompile(`([A-Za-z_][\w.]*?)\.(Do|Send|Cmd)\s*\(([^"()]*)"((?i:set|hset|hmset))"`)
	codeSession = regexp.MustCompile(`RedisStore|RedisSession|SaveHandler|session_set_save_handler`)
	// codeExpiring: a file whose writes all expire is read too, and says nothing, which is an answer.
	codeExpiring = regexp.MustCompile(`(?i)(?:->|\.)p?setex\s*\(`)
	codeLiteral  = regexp.MustCompile("['\"`]([A-Za-z][A-Za-z0-9_.:-]{0,60}[_:.-])(?:['\"`$#{%]|\\$\\{)")
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
	// The expressions below are run only where their words stand: over every log they took a tenth of an analysis.
	has := func(word string) bool { return bytes.Contains(head, []byte(word)) }
	imports, packages := has("import"), has("package")
	switch {
	case bytes.HasPrefix(start, []byte("<?php")):
		return "php"
	case (imports || has("require")) && codeJS.Match(head):
		return "javascript"
	case imports && packages && codeGo.Match(head):
		return "go"
	case (imports || packages) && codeJava.Match(head):
		return "java"
	case imports && codePython.Match(head):
		return "python"
	case strings.HasSuffix(name, ".rb") && (has("Redis.new") || has("session_store")):
		return "ruby"
	case strings.HasSuffix(name, "settings.py") || strings.HasSuffix(name, ".py") && has("SESSION_ENGINE"):
		return "python"
	}
	return ""
}

var (
	codeJS     = regexp.MustCompile(`(?m)^\s*(?:(?:const|let|var)\s[^\n=]+=\s*require\(['"]|import\s[^\n]+\sfrom\s+['"])`)
	codeGo     = regexp.MustCompile(`(?m)^package \w+[ \t]*(?://.*)?\r?\n(?:.*\n)*?import[ \t]*[("]`)
	codeJava   = regexp.MustCompile(`(?m)^\s*(?:package|import)\s+(?:static\s+)?[a-zA-Z_][\w]*(?:\.[\w*]+)+\s*;`)
	codePython = regexp.MustCompile(`(?m)^(?:import \w[\w.]*(?: as \w+)?|from [\w.]+ import [^\n'"]+)\r?$`)
)

func parseAppCode(src *Source, emit func(Record)) error {
	text, err := readConfig(src)
	if err != nil {
		return err
	}
	lang := codeLanguage(src.Name, text[:min(len(text), headSize)])
	library := codeLibrary(lang, text)
	emitConfig(src, "app", text, emit)
	var lines []string
	eachTextLine(src, text, func(line string, _ Pos) { lines = append(lines, line) })
	sessionSettings(src, lang, lines, emit)
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
		code, ok := codeCall(lang, lines, i)
		if !ok || expiresNearby(lines, i, code.Call) {
			continue
		}
		for j := range code.Args {
			code.Args[j] = string(blankSecrets([]byte(code.Args[j])))
		}
		code.Language, code.Library, code.Prefixes = lang, library, prefixes
		emit(Record{At: Pos{src.Name, i + 1}, Raw: blankSecrets([]byte(l)), Fact: &code})
	}
	return nil
}

// codeCall reads the call that begins on a line; ok: it writes a key and gives it no life.
func codeCall(lang string, lines []string, i int) (code AppCode, ok bool) {
	l := lines[i]
	if m := codeDo.FindStringSubmatchIndex(l); m != nil && lang == "go" {
		// The command's name is an argument like the others; what stands before it is a context.
		args, closed := callArgs(lines, i, m[8]-1)
		if len(args) > 0 {
			args = args[1:]
		}
		call := "do"
		if !strings.EqualFold(l[m[8]:m[9]], "set") {
			call = strings.ToLower(l[m[8]:m[9]])
		}
		return AppCode{Call: call, Receiver: l[m[2]:m[3]], Args: args}, closed && !goDoGivesLife(args)
	}
	m := codeWrite.FindStringSubmatchIndex(l)
	if m == nil {
		return code, false
	}
	receiver, call := l[m[2]:m[3]], strings.ToLower(l[m[4]:m[5]])
	hash := strings.Contains(strings.ToLower(receiver), "opsforhash") || strings.Contains(strings.ToLower(receiver), "boundhashops")
	if !speaksRedis(receiver) || strings.HasPrefix(call, "put") != hash {
		return code, false
	}
	args, closed := callArgs(lines, i, m[1])
	return AppCode{Call: call, Receiver: receiver, Args: args}, closed && !givesLife(lang, call, args)
}

// codeLibrary is the client whose way of giving a life the call must follow.
func codeLibrary(lang string, text []byte) string {
	has := func(s string) bool { return bytes.Contains(text, []byte(s)) }
	switch {
	case lang == "javascript" && (has("'ioredis'") || has(`"ioredis"`)):
		return "ioredis"
	case lang == "javascript" && (has("'redis'") || has(`"redis"`) || has("'@redis/client'")):
		return "redis"
	}
	return ""
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
	for _, w := range []string{"redis", "client", "predis", "conn", "cache", "store", "rdb", "jedis", "lettuce", "commands", "opsfor", "boundvalueops", "boundhashops", ".sync()"} {
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
	if strings.HasPrefix(call, "h") || strings.HasPrefix(call, "put") {
		return len(args) == 0
	}
	if lang == "go" {
		return goGivesLife(args)
	}
	if len(args) < 2 {
		return true // a setter of something else
	}
	for _, a := range args[2:] {
		l := strings.ToLower(a)
		// A third argument is the life itself in PHP and in Spring (a Duration, or a number and its unit).
		if lang == "php" || lang == "java" || lang == "ruby" && strings.Contains(l, "ex") {
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

// goGivesLife: go-redis' Set takes the life last, and 0 (or KeepTTL, for a new key) is none. A Set of two arguments is not
// Redis's.
func goGivesLife(args []string) bool {
	if len(args) < 3 {
		return true
	}
	last := args[len(args)-1]
	return last != "0" && last != "-1" && last != "time.Duration(0)" && !strings.HasSuffix(last, ".KeepTTL")
}

// goDoGivesLife: the command spells its EX or PX.
func goDoGivesLife(args []string) bool {
	if len(args) < 2 {
		return true
	}
	for _, a := range args[2:] {
		switch strings.ToUpper(a) {
		case `"EX"`, `"PX"`, `"EXAT"`, `"PXAT"`, `"KEEPTTL"`:
			return true
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
