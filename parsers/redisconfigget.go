package parsers

import (
	"bytes"
	"strings"
)

// What CONFIG GET printed: the configuration that the server ran with, which a file may not show. Numbered in a terminal,
// alternating lines in a file.
//
//	127.0.0.1:6379> config get maxmemory*
//	1) "maxmemory"
//	2) "2147483648"
//
//	maxmemory-policy
//	noeviction
//
// The settings have the path "config get": they are no lines of a file that could be edited.
var _ = register(Parser{
	Name: "redis-config-get",
	Doc:  "CONFIG GET: a setting a pair",
	Match: func(h *Head) int {
		names, lines := 0, h.Lines(1000)
		for i, line := range lines {
			name, _ := replyItem(line)
			if i+1 < len(lines) && !bytes.ContainsAny(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ ") && strongRedisDirective(name) {
				if n, _ := replyItem(lines[i+1]); !strongRedisDirective(n) {
					names++
				}
			}
		}
		if names > 0 && names*5 >= len(lines) {
			return SureMark
		}
		return 0
	},
	Parse: parseRedisConfigGet,
})

func parseRedisConfigGet(src *Source, emit func(Record)) error {
	var name string
	var nameAt Pos
	return EachLineAndBlank(src, func(line []byte, at Pos) {
		if _, ok := promptLine(line); ok {
			name = ""
			return
		}
		item, _ := replyItem(line)
		if name == "" {
			if len(item) == 0 || isFence(item) {
				return
			}
			if !redisDirectiveRE.Match(item) {
				src.Skip(at.Line, line, "not a parameter's name")
				return
			}
			name, nameAt = string(item), at
			return
		}
		s := &Setting{System: "redis", Path: []string{"config get"}, Name: strings.ToLower(name)}
		s.Args, _ = splitRedisArgs(item)
		if len(s.Args) == 0 {
			s.Args = []string{string(item)}
		}
		if blankRedisSecrets(s) {
			line = []byte(s.Name + " ***")
		}
		emit(Record{At: nameAt, Raw: line, Fact: s})
		name = ""
	})
}

// replyItem takes redis-cli's number and quotes off one element of a reply.
func replyItem(line []byte) (item []byte, numbered bool) {
	item = trimQuote(line)
	if n, rest := leadingInt(item); n > 0 {
		if tail, ok := bytes.CutPrefix(rest, []byte(") ")); ok {
			item, numbered = tail, true
		}
	}
	if len(item) >= 2 && item[0] == '"' && item[len(item)-1] == '"' {
		item = unquoteReply(item[1 : len(item)-1])
	}
	return item, numbered
}

// unquoteReply undoes redis-cli's escapes (sdscatrepr).
func unquoteReply(b []byte) []byte {
	if bytes.IndexByte(b, '\\') < 0 {
		return b
	}
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		if b[i] != '\\' || i+1 == len(b) {
			out = append(out, b[i])
			continue
		}
		i++
		if b[i] == 'x' && i+2 < len(b) && isHex(b[i+1]) && isHex(b[i+2]) {
			out = append(out, unhex(b[i+1])<<4|unhex(b[i+2]))
			i += 2
			continue
		}
		out = append(out, unescape(b[i]))
	}
	return out
}

func unhex(c byte) byte {
	switch {
	case c <= '9':
		return c - '0'
	case c >= 'a':
		return c - 'a' + 10
	}
	return c - 'A' + 10
}
