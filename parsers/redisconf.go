package parsers

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"
)

// redis.conf, valkey.conf, keydb.conf and sentinel.conf: a directive a line, arguments quoted as for redis-cli, comments on
// lines of their own.
//
//	maxmemory 2gb
//	save 900 1
//	client-output-buffer-limit replica 256mb 64mb 60
//	sentinel monitor shop 192.0.2.1 6379 2
//
// Every directive is a Setting of system "redis" in file order: Redis takes the last of two, and `include` stands where it
// takes effect. Sizes stay as written (ParseMemory reads them); passwords are blanked.
var _ = register(Parser{
	Name:  "redis-conf",
	Doc:   "redis.conf, valkey.conf and sentinel.conf: the text, and a setting a directive",
	Match: matchRedisConf,
	Parse: parseRedisConf,
})

func matchRedisConf(h *Head) int {
	known, strong, other, comments := 0, 0, 0, 0
	for _, line := range h.Lines(4000) {
		line = bytes.TrimSpace(line)
		if line[0] == '#' {
			if bytes.Contains(line, []byte("onfiguration file example")) || bytes.Contains(line, []byte("order to start Redis")) {
				comments++
			}
			continue
		}
		name, rest, _ := bytes.Cut(line, []byte(" "))
		switch last := line[len(line)-1]; {
		case bytes.IndexByte(name, '_') > 0 && !bytes.HasSuffix(name, []byte("_cpulist")): // INFO in columns
			other++
		case last == ';' || last == '{' || last == '}' || bytes.HasPrefix(bytes.TrimSpace(rest), []byte("=")):
			other++
		case strongRedisDirective(name) && validRedisArgs(name, rest):
			known++
			strong++
		case redisDirectiveRE.Match(name) && len(bytes.TrimSpace(rest)) > 0:
			known++
		default:
			other++
		}
	}
	switch {
	case strong > 0 && known >= 4*other:
		return SureMark
	case comments > 0 && known >= other:
		return SureShape
	case strong > 0 && known > other:
		return SureHabit
	}
	return 0
}

func parseRedisConf(src *Source, emit func(Record)) error {
	text, err := io.ReadAll(io.LimitReader(src.R, MaxConfig+1))
	if err != nil {
		return fmt.Errorf("read %s: %w", src.Name, err)
	}
	size := len(text)
	if size > MaxConfig {
		src.Skip(0, nil, fmt.Sprintf("longer than %d bytes: its directives are read, but no patch is made of it", MaxConfig))
		emit(Record{At: Pos{src.Name, 1}, Fact: &ConfigText{System: "redis", Size: size}})
	} else {
		emit(Record{At: Pos{src.Name, 1}, Fact: &ConfigText{System: "redis", Text: text, Size: size}})
	}
	src.R = io.MultiReader(bytes.NewReader(text), src.R)
	var s Setting
	return EachLine(src, func(line []byte, at Pos) {
		trimmed := bytes.TrimSpace(line)
		if len(trimmed) == 0 || trimmed[0] == '#' {
			return
		}
		args, err := splitRedisArgs(trimmed)
		if err != nil {
			src.Skip(at.Line, maskSecretLine(trimmed), err.Error())
			return
		}
		if len(args) == 0 || !redisDirectiveRE.MatchString(args[0]) {
			src.Skip(at.Line, line, "not a directive")
			return
		}
		s = Setting{System: "redis", Name: strings.ToLower(args[0]), Args: args[1:]}
		if blankRedisSecrets(&s) {
			line = maskSecretLine(trimmed)
		}
		emit(Record{At: at, Raw: line, Fact: &s})
	})
}

var redisDirectiveRE = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9._-]{1,63}$`)

// blankRedisSecrets hides passwords, and names given to renamed commands, which serve as such.
func blankRedisSecrets(s *Setting) (blanked bool) {
	blank := func(from int) {
		for i := from; i < len(s.Args); i++ {
			if s.Args[i] != "" {
				s.Args[i], blanked = "***", true
			}
		}
	}
	switch s.Name {
	case "requirepass", "masterauth", "masteruser", "primaryauth", "primaryuser", "tls-key-file-pass", "tls-client-key-file-pass", "tls-cert-file-pass":
		blank(0)
	case "user":
		for i, a := range s.Args {
			if i > 0 && a != "" && strings.IndexByte("><#!", a[0]) >= 0 {
				s.Args[i], blanked = a[:1]+"***", true
			}
		}
	case "rename-command":
		blank(1)
	case "sentinel":
		if len(s.Args) > 0 {
			switch strings.ToLower(s.Args[0]) {
			case "auth-pass", "auth-user":
				blank(2)
			case "sentinel-pass", "sentinel-user":
				blank(1)
			}
		}
	}
	return blanked
}

// maskSecretLine keeps of a line with a password what is none: the directive, and the first argument of those that name
// somebody before the password.
func maskSecretLine(line []byte) []byte {
	words := bytes.Fields(line)
	if len(words) == 0 {
		return nil
	}
	keep := 1
	switch name := strings.ToLower(string(words[0])); name {
	case "user", "rename-command":
		keep = 2
	case "sentinel":
		keep = 3
	case "requirepass", "masterauth", "masteruser", "primaryauth", "primaryuser":
	default:
		if !strings.HasSuffix(name, "-pass") {
			return line
		}
	}
	return append(bytes.Join(words[:min(keep, len(words))], []byte(" ")), " ***"...)
}

// splitRedisArgs splits a line as sdssplitargs of Redis does: double quotes with escapes, single quotes with \' only, and a
// closing quote must be followed by a blank. A word that begins with # after the first argument is a comment by people's
// habit; Redis itself takes it for one more argument.
func splitRedisArgs(line []byte) ([]string, error) {
	var args []string
	for i := 0; ; {
		for i < len(line) && isBlank(line[i]) {
			i++
		}
		if i == len(line) {
			return args, nil
		}
		if line[i] == '#' && len(args) > 1 && (i+1 == len(line) || isBlank(line[i+1])) {
			return args, nil
		}
		var arg []byte
		quote := byte(0)
		for ; i < len(line); i++ {
			c := line[i]
			switch {
			case quote == '"' && c == '\\' && i+3 < len(line) && line[i+1] == 'x' && isHex(line[i+2]) && isHex(line[i+3]):
				n, _ := strconv.ParseUint(string(line[i+2:i+4]), 16, 8)
				arg = append(arg, byte(n))
				i += 3
				continue
			case quote == '"' && c == '\\' && i+1 < len(line):
				i++
				arg = append(arg, unescape(line[i]))
				continue
			case quote == '\'' && c == '\\' && i+1 < len(line) && line[i+1] == '\'':
				i++
				arg = append(arg, '\'')
				continue
			case quote != 0 && c == quote:
				if i+1 < len(line) && !isBlank(line[i+1]) {
					return nil, fmt.Errorf("unbalanced quotes: %q follows a closing quote", line[i+1])
				}
				quote = 0
				continue
			case quote == 0 && (c == '"' || c == '\''):
				quote = c
				continue
			case quote == 0 && isBlank(c):
			default:
				arg = append(arg, c)
				continue
			}
			break
		}
		if quote != 0 {
			return nil, fmt.Errorf("unbalanced quotes: no closing %q", quote)
		}
		if len(args) >= maxRedisArgs {
			return nil, fmt.Errorf("more than %d arguments", maxRedisArgs)
		}
		args = append(args, string(arg))
	}
}

const maxRedisArgs = 1024 // ACL rules are the longest lines: some 200 commands

func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == 0 }

func isHex(c byte) bool {
	return isDigit(c) || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

func unescape(c byte) byte {
	switch c {
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	case 'b':
		return '\b'
	case 'a':
		return '\a'
	}
	return c
}

// ParseMemory reads a size as redis.conf writes it: 1k = 1000, 1kb = 1024, m, mb, g, gb, plain bytes or b, in any case.
func ParseMemory(s string) (int64, error) {
	digits := strings.TrimRight(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ%")
	unit := int64(1)
	switch strings.ToLower(s[len(digits):]) {
	case "", "b":
	case "k":
		unit = 1000
	case "kb":
		unit = 1 << 10
	case "m":
		unit = 1000 * 1000
	case "mb":
		unit = 1 << 20
	case "g":
		unit = 1000 * 1000 * 1000
	case "gb":
		unit = 1 << 30
	case "%":
		return 0, fmt.Errorf("parse size %q: a share of maxmemory, not a size", s)
	default:
		return 0, fmt.Errorf("parse size %q: unknown unit %q", s, s[len(digits):])
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("parse size %q: %q is not a whole number", s, digits)
	}
	if n > math.MaxInt64/unit {
		return 0, fmt.Errorf("parse size %q: does not fit in 63 bits", s)
	}
	return n * unit, nil
}

// strongRedisDirective says whether a directive is Redis's alone; port, bind, timeout and dir are also others'.
func strongRedisDirective(name []byte) bool {
	if bytes.ContainsAny(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") {
		name = bytes.ToLower(name)
	}
	_, ok := redisDirectives[string(name)]
	return ok
}

// validRedisArgs keeps prose ("save your work first") from passing for a directive.
func validRedisArgs(name, rest []byte) bool {
	words := bytes.Fields(rest)
	switch strings.ToLower(string(name)) {
	case "save":
		return len(words) > 0 && (isNumber(bytes.Trim(words[0], `"`)) || string(words[0]) == `""`)
	case "user":
		return len(words) > 1 && (string(words[1]) == "on" || string(words[1]) == "off")
	case "sentinel":
		return len(words) > 1 && (bytes.IndexByte(words[0], '-') > 0 || string(words[0]) == "monitor" || string(words[0]) == "myid")
	}
	return len(words) > 0 && len(words) <= 12
}

var redisDirectives = directiveSet(`
	maxmemory maxmemory-policy maxmemory-samples maxmemory-clients maxmemory-eviction-tenacity save rdbcompression rdbchecksum
	rdb-save-incremental-fsync rdb-del-sync-files dbfilename stop-writes-on-bgsave-error appendonly appendfilename appenddirname appendfsync
	no-appendfsync-on-rewrite auto-aof-rewrite-percentage auto-aof-rewrite-min-size aof-load-truncated aof-use-rdb-preamble
	aof-rewrite-incremental-fsync aof-timestamp-enabled requirepass masterauth masteruser slaveof replicaof slave-read-only
	replica-read-only slave-serve-stale-data replica-serve-stale-data slave-priority replica-priority repl-backlog-size repl-backlog-ttl
	repl-diskless-sync repl-diskless-sync-delay repl-diskless-load repl-disable-tcp-nodelay repl-timeout repl-ping-replica-period
	replica-ignore-maxmemory min-replicas-to-write min-slaves-to-write maxclients rename-command tcp-keepalive tcp-backlog unixsocketperm
	unixsocket protected-mode enable-protected-configs enable-debug-command enable-module-command daemonize supervised always-show-logo
	databases slowlog-log-slower-than slowlog-max-len latency-monitor-threshold notify-keyspace-events hash-max-ziplist-entries
	hash-max-ziplist-value hash-max-listpack-entries hash-max-listpack-value list-max-ziplist-size list-max-listpack-size list-compress-depth
	set-max-intset-entries zset-max-ziplist-entries zset-max-ziplist-value zset-max-listpack-entries zset-max-listpack-value
	hll-sparse-max-bytes stream-node-max-bytes stream-node-max-entries activerehashing client-output-buffer-limit
	client-query-buffer-limit proto-max-bulk-len hz dynamic-hz jemalloc-bg-thread activedefrag active-defrag-ignore-bytes
	active-defrag-threshold-lower active-defrag-threshold-upper active-defrag-cycle-min active-defrag-cycle-max lazyfree-lazy-eviction
	lazyfree-lazy-expire lazyfree-lazy-server-del lazyfree-lazy-user-del lazyfree-lazy-user-flush replica-lazy-flush io-threads
	io-threads-do-reads oom-score-adj oom-score-adj-values disable-thp cluster-enabled cluster-config-file cluster-node-timeout
	lua-time-limit busy-reply-threshold lfu-log-factor lfu-decay-time aclfile acllog-max-len loadmodule sentinel user tls-port
	shutdown-timeout server-threads active-replica multi-master vm-enabled vm-max-memory glueoutputbuf set-proc-title proc-title-template
	crash-log-enabled`)

func directiveSet(names string) map[string]struct{} {
	set := map[string]struct{}{}
	for _, name := range strings.Fields(names) {
		set[name] = struct{}{}
	}
	return set
}
