package parsers

import (
	"bytes"
	"strconv"
	"time"
)

// redis-stat is what `redis-cli --stat` prints, a line a second or as -i says:
//
//	------- data ------ --------------------- load -------------------- - child -
//	keys       mem      clients blocked requests            connections
//	302113     1.61G    41      0       9912031 (+0)        120031
//	302290     1.62G    41      0       9914131 (+2100)     120034      SAVE
//
// A record a line whose memory differs from the line before, and the last. How many of the keys expire it does not say, so of
// keys it says nothing that a rule could use.
var _ = register(Parser{
	Name:  "redis-stat",
	Doc:   "redis-cli --stat: memory and clients, line by line -> redis-info",
	Match: matchRedisStat,
	Parse: parseRedisStat,
})

func matchRedisStat(h *Head) int {
	rows, lines := 0, h.Lines(60)
	for _, line := range lines {
		if _, ok := redisStatRow(line); ok {
			rows++
		} else if isRedisStatHead(line) {
			return SureMark
		}
	}
	if rows >= 5 && rows*2 > len(lines) {
		return SureShape
	}
	return 0
}

func isRedisStatHead(line []byte) bool {
	f := bytes.Fields(trimQuote(line))
	return len(f) == 6 && string(f[0]) == "keys" && string(f[1]) == "mem" && string(f[2]) == "clients" && string(f[3]) == "blocked"
}

// redisStatRow reads one line: its memory, clients, blocked, requests and connections as INFO names them.
func redisStatRow(line []byte) (*RedisInfo, bool) {
	f := bytes.Fields(trimQuote(line))
	if len(f) < 7 || len(f) > 9 || f[5][0] != '(' || f[5][len(f[5])-1] != ')' {
		return nil, false
	}
	for _, i := range []int{0, 2, 3, 4, 6} {
		if !allDigits(f[i]) {
			return nil, false
		}
	}
	used, ok := parseBytes(string(f[1]))
	if !ok {
		return nil, false
	}
	return &RedisInfo{Fields: map[string]string{
		"used_memory": strconv.FormatInt(used, 10), "connected_clients": string(f[2]), "blocked_clients": string(f[3]),
		"total_commands_processed": string(f[4]), "total_connections_received": string(f[6]),
	}}, true
}

func parseRedisStat(src *Source, emit func(Record)) error {
	every := time.Second
	var last, told Record // the line before, the one told last
	rows := 0
	tell := func(r Record) {
		if r.Fact != nil && r.At != told.At {
			emit(r)
			told = r
		}
	}
	err := EachLine(src, func(line []byte, at Pos) {
		info, ok := redisStatRow(line)
		if !ok {
			if cmd, ok := promptCommand(string(line)); ok && rows == 0 {
				if s, err := strconv.ParseFloat(string(bytes.Trim(field([]byte(cmd+" "), " -i", " "), " ")), 64); err == nil && s > 0 && s < 86400 {
					every = time.Duration(s * float64(time.Second))
				}
			}
			return
		}
		info.Lines = map[string]int{}
		for name := range info.Fields {
			info.Lines[name] = at.Line
		}
		r := Record{At: at, Raw: bytes.Clone(line), Fact: info, ago: -time.Duration(rows) * every}
		rows++
		if before, ok := last.Fact.(*RedisInfo); !ok || before.Fields["used_memory"] != info.Fields["used_memory"] {
			tell(r)
		}
		last = r
	})
	tell(last)
	return err
}
