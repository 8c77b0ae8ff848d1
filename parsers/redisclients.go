package parsers

import (
	"bytes"
	"strings"
)

// CLIENT LIST, of Redis 2.4 to 8 and Valkey, from redis-cli or inside a crash report. The names of the fields differ from
// version to version and are read by name.
//
//	id=74483 addr=127.0.0.1:32518 laddr=127.0.0.1:6379 fd=8 name= age=234 idle=1 flags=N db=0 sub=0 psub=0 multi=-1 qbuf=0 obl=0 oll=0 omem=0 tot-mem=22298 events=r cmd=mget user=default
//	addr=127.0.0.1:36506 fd=8 idle=0 flags=N db=0 sub=0 psub=0 qbuf=0 obl=0 oll=0 omem=0 events=r cmd=monitor
var _ = register(Parser{
	Name: "redis-clients",
	Doc:  "CLIENT LIST: redis-client records",
	Match: func(h *Head) int {
		lines := h.Lines(50)
		n := 0
		for _, line := range lines {
			if _, ok := clientLine(line); ok {
				n++
			}
		}
		switch {
		case n == 0:
			return 0
		case n*4 >= len(lines)*3:
			return SureMark
		case n*2 >= len(lines):
			return SureShape
		}
		return SureHabit
	},
	Parse: parseRedisClients,
})

func parseRedisClients(src *Source, emit func(Record)) error {
	var when spokenDate
	dated := false
	return EachLine(src, func(line []byte, at Pos) {
		text := trimQuote(line)
		if c, ok := clientLine(text); ok {
			r := Record{At: at, Raw: line, Fact: c}
			if dated {
				r.Time, r.Clock = when.Time, when.clock()
			}
			emit(r)
			return
		}
		if len(text) == 0 || isFence(text) || isRule(text) {
			return
		}
		if _, ok := promptLine(text); ok || bytes.HasPrefix(text, []byte("Warning: Using a password")) {
			return
		}
		if d, ok := dateLine(text); ok {
			when, dated = d, true
			return
		}
		if bytes.HasPrefix(text, []byte("id=")) || bytes.HasPrefix(text, []byte("addr=")) {
			src.Skip(at.Line, line, "a client without addr=, flags= or cmd=")
			return
		}
		src.Skip(at.Line, line, "not a line of CLIENT LIST")
	})
}

// clientLine reads one row, with or without redis-cli's quotes and numbering around it.
func clientLine(line []byte) (*RedisClient, bool) {
	line = bytes.TrimSpace(line)
	if i := bytes.Index(line[:min(len(line), 12)], []byte(") ")); i > 0 {
		line = line[i+2:]
	}
	line = bytes.Trim(line, `"`)
	if !bytes.HasPrefix(line, []byte("id=")) && !bytes.HasPrefix(line, []byte("addr=")) {
		return nil, false
	}
	f := clientFields(line)
	if f["addr"] == "" || f["flags"] == "" && f["cmd"] == "" {
		return nil, false
	}
	return &RedisClient{
		ID: number(f["id"]), Addr: f["addr"], Name: f["name"], AgeS: number(f["age"]), IdleS: number(f["idle"]), Flags: f["flags"],
		Sub: number(f["sub"]), PSub: number(f["psub"]), QBuf: number(f["qbuf"]), OMem: number(f["omem"]), TotMem: number(f["tot-mem"]),
		Cmd: f["cmd"], User: f["user"],
	}, true
}

// clientFields reads the name=value pairs of a client's description. Names of clients hold no blanks (Redis refuses them).
func clientFields(line []byte) map[string]string {
	fields := make(map[string]string, 24)
	for _, pair := range strings.Fields(string(line[:min(len(line), 4096)])) {
		name, value, ok := strings.Cut(pair, "=")
		if ok && len(fields) < 64 && len(name) < 32 {
			if _, twice := fields[name]; !twice {
				fields[name] = value
			}
		}
	}
	return fields
}
