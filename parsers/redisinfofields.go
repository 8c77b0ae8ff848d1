package parsers

import (
	"strconv"
	"strings"
)

// Int reads a numeric field of INFO; unknown when absent or not a number. "12.50%" and "1.13" are not integers: see Float.
func (i *RedisInfo) Int(name string) Opt {
	n, err := strconv.ParseInt(strings.TrimSpace(i.Fields[name]), 10, 64)
	if err != nil {
		return Opt{}
	}
	return Some(n)
}

// Float reads a numeric field of INFO, a trailing % dropped; unknown when absent or not a number.
func (i *RedisInfo) Float(name string) OptF {
	f, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(i.Fields[name]), "%"), 64)
	if err != nil {
		return OptF{}
	}
	return SomeF(f)
}

// Version is redis_version, or the fork's own version where it hides behind a compatible one.
func (i *RedisInfo) Version() string {
	for _, name := range []string{"valkey_version", "dragonfly_version", "keydb_version", "pika_version", "redis_version"} {
		if v := i.Fields[name]; v != "" {
			return v
		}
	}
	return ""
}

// Totals sums keys and expires over the databases; unknown when the snapshot has no keyspace section.
func (i *RedisInfo) Totals() (keys, expires Opt) {
	if i.Keyspace == nil {
		return Opt{}, Opt{}
	}
	keys.OK, expires.OK = true, true
	for _, db := range i.Keyspace {
		keys.N += db.Keys
		expires.N += db.Expires
	}
	return keys, expires
}
