package parsers

import (
	"strconv"
	"strings"
)

// compose is a docker-compose.yml: the limits and the command line of each service.
//
//	services:
//	  redis:
//	    image: redis:7.0
//	    command: redis-server --maxmemory 512mb --maxmemory-policy allkeys-lru
//	    mem_limit: 768m
//
// Settings have the Path [services, redis]; a Redis command line also gives its options as settings of Redis.
var _ = register(Parser{
	Name:  "compose",
	Doc:   "docker compose file -> config, setting",
	Match: matchCompose,
	Parse: parseCompose,
})

func matchCompose(h *Head) int {
	services, image := false, false
	for _, line := range h.Texts(400) {
		s := line
		switch body := strings.TrimSpace(s); {
		case s == "services:" || strings.HasPrefix(s, "services: "):
			services = true
		case strings.HasPrefix(body, "image:") || strings.HasPrefix(body, "build:") || strings.HasPrefix(body, "mem_limit:"):
			image = image || len(s) > len(body)
		case strings.HasPrefix(s, "apiVersion:"):
			return 0
		}
	}
	switch {
	case services && image:
		return SureMark
	case services && strings.Contains(h.Name, "compose"):
		return SureShape
	}
	return 0
}

func parseCompose(src *Source, emit func(Record)) error {
	text, err := readConfig(src)
	if err != nil {
		return err
	}
	emitConfig(src, "compose", text, emit)
	eachYAML(src, text, func(n yamlNode) {
		if len(n.Path) < 3 || n.Path[0] != "services" {
			return
		}
		last := len(n.Path) - 1
		set := &Setting{System: "compose", Path: n.Path[:last], Name: n.Path[last], Args: n.Args, EndLine: n.End}
		if n.Path[2] == "environment" {
			set.Args = blankEnvironment(set.Name, set.Args)
		}
		command := commandWords(n.Args)
		if set.Name == "command" || set.Name == "entrypoint" {
			set.Args = blankOptions(n.Args)
		}
		emit(Record{At: n.At, Raw: []byte(n.Raw), Fact: set})
		if set.Name == "command" || set.Name == "entrypoint" {
			emitRedisOptions(n.At, n.Raw, n.Path[:last], command, emit)
		}
	})
	return nil
}

// blankEnvironment blanks the secrets of "- NAME=value" items and of NAME: value.
func blankEnvironment(name string, args []string) []string {
	out := make([]string, len(args))
	for i, arg := range args {
		if key, value, ok := strings.Cut(arg, "="); ok && name == "environment" {
			if isSecretName(key) && value != "" {
				value = "***"
			}
			out[i] = key + "=" + blankURLSecret(value)
			continue
		}
		if isSecretName(name) && arg != "" {
			arg = "***"
		}
		out[i] = blankURLSecret(arg)
	}
	return out
}

// commandWords splits a command given as one string; a list is split already.
func commandWords(args []string) []string {
	if len(args) == 1 {
		return strings.Fields(args[0])
	}
	return args
}

// blankOptions blanks what follows --requirepass, --masterauth and -a.
func blankOptions(args []string) []string {
	out := make([]string, len(args))
	for i, arg := range args {
		if len(args) > 1 {
			out[i] = arg
			if i > 0 && isSecretOption(args[i-1]) {
				out[i] = "***"
			}
			continue
		}
		out[i] = blankCommand(arg)
	}
	return out
}

// blankCommand blanks the secrets in a command line: --requirepass X, redis-cli -a X, -pX of mysql, --password=X, a URL's.
func blankCommand(cmd string) string {
	words := strings.Split(clip(cmd, maxValue), " ")
	for i, w := range words {
		if i > 0 && w != "" && (isSecretOption(words[i-1]) || words[i-1] == "requirepass" || words[i-1] == "masterauth" || words[i-1] == "AUTH") || i > 0 && words[i-1] == "-a" && strings.Contains(cmd, "redis-cli") {
			words[i] = "***"
			continue
		}
		if name, _, ok := strings.Cut(w, "="); ok && isSecretName(strings.Trim(name, "-\"'")) {
			words[i] = name + "=***"
			continue
		}
		if strings.HasPrefix(w, "-p") && len(w) > 2 && strings.Contains(cmd, "mysql") {
			words[i] = "-p***"
			continue
		}
		words[i] = blankURLSecret(w)
	}
	return strings.Join(words, " ")
}

func isSecretOption(word string) bool {
	name, ok := strings.CutPrefix(strings.Trim(word, "\"'"), "--")
	return ok && (isSecretName(name) || name == "user-pass")
}

// emitRedisOptions gives the --name value pairs of a redis-server command line as settings of Redis.
func emitRedisOptions(at Pos, raw string, path, words []string, emit func(Record)) {
	isServer := false
	raw = clip(raw, maxValue)
	for i := 0; i < len(words); i++ {
		w := strings.Trim(words[i], "\"'")
		if strings.HasSuffix(w, "redis-server") || strings.HasSuffix(w, "valkey-server") || strings.HasSuffix(w, "keydb-server") {
			isServer = true
		}
		name, ok := strings.CutPrefix(w, "--")
		if !ok || name == "" || !isServer && i > 0 {
			continue
		}
		isServer = true // an image's entrypoint is redis-server already: command: ["--maxmemory", "1gb"]
		set := &Setting{System: "redis", Path: append(append([]string(nil), path...), "command"), Name: strings.ToLower(name)}
		if n, v, ok := strings.Cut(name, " "); ok { // one list item: "--maxmemory 1gb"
			set.Name, set.Args = strings.ToLower(n), strings.Fields(v)
		}
		for i+1 < len(words) && !strings.HasPrefix(strings.Trim(words[i+1], "\"'"), "--") {
			i++
			set.Args = append(set.Args, strings.Trim(words[i], "\"'"))
		}
		if isSecretName(set.Name) && len(set.Args) > 0 {
			set.Args = []string{"***"}
		}
		if redisOptionName(set.Name) {
			emit(Record{At: at, Raw: []byte(raw), Fact: set})
		}
	}
}

// redisOptionName keeps the options of other programs out, whose command lines may also begin with "--".
func redisOptionName(name string) bool {
	for _, prefix := range []string{"maxmemory", "save", "append", "requirepass", "masterauth", "replica", "slave", "client-output-buffer", "active", "lazyfree", "port", "bind", "io-threads", "stop-writes", "databases", "timeout", "loglevel", "dir", "dbfilename", "repl-", "protected-mode", "hz", "rename-command", "auto-aof", "maxclients", "tcp-"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

func itoa(n int) string { return strconv.Itoa(n) }
