package parsers

import (
	"bytes"
	"strconv"
)

// infoField reads one field of INFO in any of the shapes people keep it in, and says by which separator: ':' for
// "name:value", '=' and ' ' for columns, '{' for an opening JSON object; 0 when the text is none.
//
//	used_memory:66275978          "used_memory": 66275978,        'redis_version:6.0.5\r\n' +
//	used_memory = 66275978        | used_memory | 66275978 |      used_memory            66275978
//	db0 Strings_keys=0, expires=0 (Pika)          2025-07-08T13:29:05Z I0708 15:29:05 1 *:142] used_memory:179551640
func infoField(part []byte) (name, value []byte, sep byte) {
	part = bytes.TrimSpace(part)
	if n := nameLength(part); n > 0 && n < len(part) && part[n] == ':' {
		return part[:n], cleanValue(part[n+1:]), ':'
	}
	part = bytes.Trim(part, "\"'`|,+ \t*-")
	part = bytes.TrimPrefix(part, []byte("| "))
	if len(part) > 4 && part[0] == '[' { // PHP's print_r and var_dump: [used_memory] => 2489001232, ["used_memory"]=> string(10) "2489001232"
		if i := bytes.IndexByte(part, ']'); i > 0 && bytes.HasPrefix(bytes.TrimLeft(part[i+1:], " "), []byte("=>")) {
			name, rest := bytes.Trim(part[1:i], "\"'"), bytes.TrimLeft(part[i+1:], " ")[2:]
			if n := nameLength(name); n == 0 || n < len(name) || len(bytes.TrimSpace(rest)) == 0 {
				return nil, nil, 0
			}
			return name, cleanValue(dumpedValue(bytes.TrimSpace(rest))), '='
		}
	}
	n := nameLength(part)
	if n == 0 {
		return prefixedField(part)
	}
	name = part[:n]
	rest := part[n:]
	if len(rest) == 0 {
		return name, nil, 0
	}
	quoted := rest[0] == '"' || rest[0] == '\'' || rest[0] == '`'
	if quoted {
		rest = rest[1:]
	}
	trimmed := bytes.TrimLeft(rest, " \t")
	if len(trimmed) == 0 {
		return name, nil, 0
	}
	c := trimmed[0]
	switch {
	case c == ':' || c == '=' || c == '|' || c == ',' || c == ';':
		trimmed = bytes.TrimSpace(trimmed[1:])
		if len(trimmed) > 0 && c == '=' && trimmed[0] == '>' {
			trimmed = bytes.TrimSpace(trimmed[1:])
		}
		if len(trimmed) > 0 && trimmed[0] == '{' && bytes.IndexByte(trimmed, '}') < 0 {
			return name, nil, '{'
		}
		if c == ':' && !quoted && !knownInfoName(name) && len(rest) > 0 && rest[0] != ':' {
			return name, nil, 0
		}
		if c != ':' || quoted {
			c = '='
		}
		return name, cleanValue(trimmed), c
	case knownInfoName(name) && len(rest) != len(trimmed):
		return name, cleanValue(trimmed), ' '
	}
	return prefixedField(part)
}

// dumpedValue is what var_dump says of a scalar: string(10) "2489001232", int(3), float(1.05).
func dumpedValue(v []byte) []byte {
	for _, kind := range [...]string{"int(", "float(", "bool("} {
		if rest, ok := bytes.CutPrefix(v, []byte(kind)); ok {
			return bytes.TrimRight(rest, ")")
		}
	}
	if bytes.HasPrefix(v, []byte("string(")) {
		if i := bytes.IndexByte(v, '"'); i > 0 {
			return v[i:]
		}
	}
	return v
}

// isDumpedName is a name of var_dump, whose value stands on the next line.
func isDumpedName(line []byte) bool {
	return len(line) > 6 && line[0] == '[' && line[1] == '"' && bytes.HasSuffix(line, []byte(`"]=>`))
}

// prefixedField finds a known "name:value" behind a log's prefix: after the last "] ", or as the last word.
func prefixedField(part []byte) (name, value []byte, sep byte) {
	for _, mark := range [...]string{"] ", " "} {
		if i := bytes.LastIndex(part, []byte(mark)); i >= 0 {
			tail := part[i+len(mark):]
			if n := nameLength(tail); n > 0 && n < len(tail) && tail[n] == ':' && knownInfoName(tail[:n]) {
				return tail[:n], cleanValue(tail[n+1:]), ':'
			}
		}
	}
	return nil, nil, 0
}

// cleanValue drops what a table, a program text or JSON puts around a value.
func cleanValue(v []byte) []byte {
	v = bytes.TrimSpace(v)
	v = bytes.TrimRight(v, " \t,|+;")
	if bytes.IndexByte(v, '{') < 0 {
		v = bytes.TrimRight(v, "}")
	}
	if len(v) >= 2 && (v[0] == '"' || v[0] == '\'' || v[0] == '`') {
		v = bytes.Trim(v, "\"'`")
	}
	return bytes.TrimRight(v, "\"'` \t")
}

// trimQuote drops indentation and the "> " of a quoted mail or issue.
func trimQuote(line []byte) []byte {
	line = bytes.TrimSpace(line)
	for len(line) > 0 && line[0] == '>' {
		line = bytes.TrimSpace(line[1:])
	}
	return line
}

// infoParts splits the text of one line that holds several fields: escaped line ends ("# Memory\r\nused_memory:1\r\n") and
// JSON objects on one line. A line of one field is its own part.
func infoParts(line []byte) [][]byte {
	if bytes.Contains(line, []byte(`\n`)) {
		line = bytes.ReplaceAll(line, []byte(`\r`), nil)
		parts := bytes.Split(line, []byte(`\n`))
		for i, p := range parts {
			parts[i] = bytes.Trim(p, "\"'`+ \t")
			if j := bytes.LastIndexAny(parts[i], "\"'`"); i == 0 && j >= 0 { // {"info":"# Server
				parts[i] = parts[i][j+1:]
			}
		}
		return parts
	}
	if i := bytes.IndexByte(line, '{'); i >= 0 && bytes.ContainsAny(line, "\"'") && (bytes.Count(line, []byte(":")) > 1 || bytes.Count(line, []byte("=>")) > 1) {
		return jsonParts(line)
	}
	return [][]byte{line}
}

// jsonParts cuts a JSON object written on one line, a dict of Python or a hash of Ruby at its commas and braces, leaving the
// object of a database whole.
func jsonParts(line []byte) [][]byte {
	var parts [][]byte
	start, quote := 0, byte(0)
	add := func(end int) {
		if end > start {
			if p := bytes.TrimSpace(line[start:end]); len(p) > 0 {
				parts = append(parts, p)
			}
		}
		start = max(start, end+1)
	}
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case c == '\\' && quote != 0:
			i++
		case c == quote:
			quote = 0
		case quote != 0:
		case c == '"' || c == '\'':
			quote = c
		case c == '{' || c == '[':
			name := bytes.Trim(line[min(start, i):i], " \t\"':=>")
			if end := bytes.IndexByte(line[i:], '}'); c == '{' && isDBName(name) && end > 0 {
				i += end
				add(i + 1)
				continue
			}
			add(i)
		case c == '}' || c == ']' || c == ',':
			add(i)
		}
	}
	add(len(line))
	return parts
}

// infoColumns splits snapshots printed side by side: "db0:keys=1,expires=0   |  db0:keys=1,expires=0".
func infoColumns(line []byte) [][]byte {
	if bytes.Count(line, []byte(":")) < 2 && !bytes.Contains(line, []byte(" | ")) {
		return [][]byte{line}
	}
	for _, gap := range [...]string{" | ", "\t", "   "} {
		pieces := bytes.Split(line, []byte(gap))
		var cols [][]byte
		fields := 0
		for _, p := range pieces {
			if p = bytes.TrimSpace(p); len(p) == 0 || len(cols) == maxInfoCols {
				continue
			}
			if n := nameLength(p); n > 0 && n < len(p) && p[n] == ':' && knownInfoName(p[:n]) {
				fields++
			}
			cols = append(cols, p)
		}
		if fields > 1 && fields == len(cols) || fields == 1 && len(cols) == 2 && isRule(cols[1]) {
			return cols
		}
	}
	return [][]byte{line}
}

// parseDB reads keys=2012,expires=12,avg_ttl=86399950, the JSON object of the same, and Pika's Strings_keys=0, expires=0.
func parseDB(value []byte) (DB, bool) {
	var db DB
	known := false
	for _, pair := range bytes.FieldsFunc(value, func(r rune) bool { return r == ',' || r == '{' || r == '}' || r == ';' }) {
		i := bytes.IndexAny(pair, "=:")
		if i < 0 {
			continue
		}
		n, err := strconv.ParseInt(string(bytes.Trim(pair[i+1:], " \"'>")), 10, 64)
		if err != nil {
			continue
		}
		switch name := bytes.Trim(pair[:i], " \"'"); {
		case string(name) == "keys" || bytes.HasSuffix(name, []byte("_keys")):
			db.Keys += n
			known = true
		case string(name) == "expires":
			db.Expires += n
		case string(name) == "avg_ttl" || string(name) == "avg_ttl_ms":
			if n >= 0 { // Dragonfly prints -1
				db.AvgTTLMS = Some(n)
			}
		}
	}
	return db, known
}

// nameLength is the length of the field name at the start of b; 0 when none stands there.
func nameLength(b []byte) int {
	for i, c := range b {
		switch {
		case c >= 'a' && c <= 'z' || c == '_' || c >= 'A' && c <= 'Z':
		case c >= '0' && c <= '9' || c == '.' || c == '-' || c == '|' && i+1 < len(b) && b[i+1] > ' ':
			if i == 0 {
				return 0
			}
		default:
			return i
		}
	}
	return len(b)
}

func isDBName(name []byte) bool {
	return len(name) > 2 && len(name) < 12 && name[0] == 'd' && name[1] == 'b' && allDigits(name[2:])
}

// repeatable names may come more than once within one reply.
func repeatable(name []byte) bool {
	for _, p := range [...]string{"module", "master", "slave", "listener"} {
		if bytes.HasPrefix(name, []byte(p)) && (len(name) == len(p) || allDigits(name[len(p):])) {
			return true
		}
	}
	return false
}

// numericInfo names the fields whose value a rule computes with: one that is no number was damaged on its way.
func numericInfo(name string) bool {
	switch name {
	case "used_memory", "used_memory_rss", "used_memory_peak", "maxmemory", "total_system_memory", "evicted_keys", "expired_keys", "uptime_in_seconds", "connected_clients":
		return true
	}
	return false
}

func isNumber(v []byte) bool {
	_, err := strconv.ParseFloat(string(v), 64)
	return err == nil
}

// knownInfoName says whether a name is one that INFO uses: by itself, or by its family's prefix.
func knownInfoName(name []byte) bool {
	if isDBName(name) || repeatable(name) {
		return true
	}
	switch string(name) {
	case "maxmemory", "maxmemory_human", "maxmemory_policy", "run_id", "tcp_port", "os", "arch_bits", "multiplexing_api", "gcc_version",
		"process_id", "hz", "configured_hz", "lru_clock", "executable", "config_file", "role", "loading", "async_loading", "maxclients",
		"blocked_clients", "evicted_keys", "expired_keys", "rejected_connections", "latest_fork_usec", "total_system_memory",
		"total_system_memory_human", "server_time_usec", "number_of_cached_scripts", "bgsave_in_progress", "changes_since_last_save",
		"last_save_time", "vm_enabled", "cluster_enabled", "cluster_connections", "hash_max_zipmap_entries", "current_cow_size",
		"current_cow_peak", "current_save_keys_processed", "clients_in_timeout_table", "tracking_clients", "pubsub_clients", "db_size",
		"second_repl_offset", "connected_slaves", "evicted_clients", "server_name", "server_mode", "unexpected_error_replies",
		"dump_payload_sanitizations", "migrate_cached_sockets", "object_used_memory", "table_used_memory", "num_entries", "cache_mode",
		"monotonic_clock", "atomicvar_api", "availability_zone", "acl_access_denied_auth", "io_threads_active", "fibers_count":
		return true
	}
	for _, p := range infoFamilies {
		if len(name) >= len(p) && string(name[:len(p)]) == p {
			return true
		}
	}
	return false
}

// infoFamilies are the prefixes of INFO's field names.
var infoFamilies = [...]string{
	"used_memory_", "used_memory", "used_cpu_", "mem_", "allocator_", "redis_", "valkey_", "keydb_", "dragonfly_", "pika_", "rdb_", "aof_",
	"uptime_in_", "connected_", "client_recent_", "client_longest_", "client_biggest_", "client_output_", "instantaneous_", "total_",
	"sync_", "expired_", "keyspace_", "pubsub_", "slave_", "replica_", "master_", "repl_", "active_defrag", "lazyfree", "cmdstat_",
	"errorstat_", "latency_percentiles_", "sentinel_", "eventloop_", "expire_cycle_", "tracking_", "io_threaded_", "maxmemory_", "rss_overhead_",
}
