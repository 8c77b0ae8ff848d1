package parsers

import (
	"bytes"
	"strconv"
	"strings"
)

// MONITOR: every command a server got, with time, database and client.
//
//	1601365923.254337 [0 unix:/var/run/redis/redis.sock] "HMSET" "zc:k:421" "d" "..."
//	1795294247.352304 [0 127.0.0.1:54492] "set" "foo" "bar" "ex" "20"
//	1795294247.359131 [1 lua] "SETEX" "sess:1" "172800" "..."
//
// Only the key and the length of the arguments are kept: the values are people's data.
var _ = register(Parser{
	Name: "redis-monitor",
	Doc:  "MONITOR output: redis-command records",
	Match: func(h *Head) int {
		lines := h.Lines(50)
		n := 0
		for _, line := range lines {
			if _, _, ok := monitorLine(line); ok {
				n++
			}
		}
		switch {
		case n*2 >= len(lines) && n > 0:
			return SureMark
		case n > 0:
			return SureHabit
		}
		return 0
	},
	Line: func(_ *Source, line []byte, at Pos, emit func(Record)) bool {
		c, when, ok := monitorLine(line)
		if !ok {
			text := trimQuote(line)
			if len(text) == 0 || string(text) == "OK" || isFence(text) {
				return true
			}
			_, prompt := promptLine(text)
			return prompt
		}
		emit(when.put(Record{At: at, Raw: line[:min(len(line), bytes.IndexByte(line, ']')+1)], Fact: c}))
		return true
	},
})

func monitorLine(line []byte) (*RedisCommand, stamp, bool) {
	text := trimQuote(line)
	digits, rest, ok := bytes.Cut(text, []byte(" ["))
	if !ok {
		return nil, stamp{}, false
	}
	whole, frac, ok := bytes.Cut(digits, []byte("."))
	if !ok || !allDigits(whole) || len(frac) != 6 || !allDigits(frac) {
		return nil, stamp{}, false
	}
	t, ok := epochTime(append(whole[:len(whole):len(whole)], frac...))
	if !ok {
		return nil, stamp{}, false
	}
	who, tail, ok := bytes.Cut(rest, []byte("] "))
	db, client, ok2 := bytes.Cut(who, []byte(" "))
	if !ok || !ok2 || !allDigits(db) || len(tail) == 0 || tail[0] != '"' {
		return nil, stamp{}, false
	}
	args, size := monitorArgs(tail)
	if len(args) == 0 {
		return nil, stamp{}, false
	}
	c := &RedisCommand{DB: number(string(db)), Client: string(client[:min(len(client), 128)]), Command: strings.ToUpper(cutTo(args[0], 64)), Bytes: Some(size)}
	c.Key = commandKey(c.Command, args)
	c.TTL = commandTTL(c.Command, args)
	return c, stamp{t: t, local: t, offset: Some(0)}, true
}

// monitorArgs reads the quoted arguments: the first few, cut to a key's length, and the bytes of all.
func monitorArgs(b []byte) (args []string, size int64) {
	for len(b) > 0 && b[0] == '"' {
		end := 1
		for end < len(b) && b[end] != '"' {
			if b[end] == '\\' {
				end++
			}
			end++
		}
		end = min(end, len(b))
		arg := unquoteReply(b[1:end])
		size += int64(len(arg))
		if len(args) < maxSlowArgs {
			args = append(args, string(arg[:min(len(arg), maxKeyName)]))
		}
		b = bytes.TrimLeft(b[min(end+1, len(b)):], " ")
	}
	return args, size
}

// commandKey is the first key a command names; "" for those that name none, or whose arguments are secrets.
func commandKey(name string, args []string) string {
	switch name {
	case "AUTH", "HELLO", "ACL", "CONFIG", "CLIENT", "COMMAND", "PING", "ECHO", "SELECT", "MULTI", "EXEC", "INFO", "SCAN", "KEYS", "SCRIPT",
		"SUBSCRIBE", "PSUBSCRIBE", "PUBLISH", "MONITOR", "SLOWLOG", "LATENCY", "CLUSTER", "REPLCONF", "PSYNC", "SYNC", "SAVE", "BGSAVE",
		"FLUSHALL", "FLUSHDB", "DBSIZE", "DEBUG", "WATCH", "UNWATCH", "FUNCTION", "MODULE", "TIME", "ROLE", "WAIT", "QUIT", "RESET":
		return ""
	case "EVAL", "EVALSHA", "FCALL":
		if len(args) > 3 && args[2] != "0" {
			return args[3]
		}
		return ""
	case "OBJECT", "MEMORY", "XGROUP", "XINFO":
		if len(args) > 2 {
			return args[2]
		}
		return ""
	}
	if len(args) > 1 {
		return args[1]
	}
	return ""
}

// commandTTL is the expiry that a command sets, in seconds; -1 when it sets a value without one; unknown for commands that
// leave the expiry as it is or give it as a date.
func commandTTL(name string, args []string) Opt {
	arg := func(i int, unit int64) Opt {
		if i >= len(args) {
			return Opt{}
		}
		n, err := strconv.ParseInt(args[i], 10, 64)
		if err != nil {
			return Opt{}
		}
		return Some(n / unit)
	}
	switch name {
	case "SETEX", "EXPIRE":
		return arg(2, 1)
	case "PSETEX", "PEXPIRE":
		return arg(2, 1000)
	case "SETNX", "GETSET", "MSET", "PERSIST":
		return Some(-1)
	case "SET", "GETEX":
		for i := 2; i < len(args); i++ {
			switch strings.ToUpper(args[i]) {
			case "EX":
				if i > 2 || name == "GETEX" {
					return arg(i+1, 1)
				}
			case "PX":
				if i > 2 || name == "GETEX" {
					return arg(i+1, 1000)
				}
			case "EXAT", "PXAT", "KEEPTTL":
				if i > 2 || name == "GETEX" {
					return Opt{}
				}
			}
		}
		if name == "SET" && len(args) > 2 {
			return Some(-1)
		}
	}
	return Opt{}
}
