package parsers

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"time"
)

// dump.rdb, of Redis 2 to 8 and Valkey: binary, "REDIS0010" or "VALKEY080", then the server's notes (AUX) and the keys. The
// start of an append-only file that begins with such a dump is read the same way.
//
// It becomes a key-group a database and prefix, and one redis-info with what the notes and the counts say: redis_version,
// used_memory and rdb_ctime (the moment of the dump, which is the records' time), and the keyspace. A dump that breaks off
// gives what was read: the reason is told to Skip and the fields have rdb_truncated. Sizes are estimates in the way of
// MEMORY USAGE; see rdbsize.go.
//
// Values are skipped, never held: a dump may have values of any size, and a damaged length must cost nothing. That is why
// the walk is our own: hdt3213/rdb decodes every value and allocates what a length field says, so that 20 hostile bytes end
// the process with "out of memory", which Go cannot recover from. Its lzf is used for compressed names.
var _ = register(Parser{
	Name: "redis-rdb",
	Doc:  "dump.rdb: key-group records by prefix, and a redis-info",
	Most: 100,
	Match: func(h *Head) int {
		if _, ok := rdbVersion(h.Text); ok {
			return 100
		}
		return 0
	},
	Parse: parseRDB,
})

// maxKeyGroups bounds the prefixes of a dump; the keys of the rest are summed under "". Shops have some 30, and a prefix
// beyond the first thousand is no group any more.
const maxKeyGroups = 1000

func parseRDB(src *Source, emit func(Record)) error {
	f := &rdbFold{groups: map[groupKey]*KeyGroup{}, dbs: map[int64]*DB{}, fields: map[string]string{}}
	w := newRDBWalk(src.R)
	keys := 0
	err := w.walk(f.note, func(k rdbKey) {
		if !k.counts {
			keys++
		}
		f.key(k)
	})
	src.Read = keys
	if err != nil {
		var io *rdbReadError
		if errors.As(err, &io) {
			return fmt.Errorf("read %s: byte %d: %w", src.Name, w.at, io.err)
		}
		src.Skip(0, nil, fmt.Sprintf("breaks off at byte %d after %d keys: %v", w.at, keys, err))
		f.fields["rdb_truncated"] = "1"
	}
	if w.version == 0 {
		return nil
	}
	f.fields["rdb_version"], f.fields["rdb_keys_read"] = strconv.Itoa(w.version), strconv.Itoa(keys)
	f.tell(src, emit)
	return nil
}

type groupKey struct {
	db     int64
	prefix string
}

type rdbFold struct {
	groups map[groupKey]*KeyGroup
	dbs    map[int64]*DB
	sized  bool // the dump counts its keys: that also holds when it breaks off
	fields map[string]string
	ctime  time.Time
}

// note takes an AUX field, or the counts before a database's keys ("resize").
func (f *rdbFold) note(name, value string) {
	switch name {
	case "redis-ver":
		f.fields["redis_version"] = value
	case "valkey-ver":
		f.fields["valkey_version"] = value
	case "used-mem":
		f.fields["used_memory"] = value
	case "repl-id":
		f.fields["master_replid"] = value
	case "ctime":
		f.fields["rdb_ctime"] = value
		if t, ok := epochTime([]byte(value)); ok && len(value) == 10 {
			f.ctime = t
		}
	}
}

func (f *rdbFold) key(k rdbKey) {
	if f.dbs[k.db] == nil {
		if len(f.dbs) >= 1024 { // a damaged dump selects databases at random
			return
		}
		f.dbs[k.db] = &DB{}
	}
	db := f.dbs[k.db]
	if k.counts {
		db.Keys, db.Expires, f.sized = k.keys, k.expires, true
		return
	}
	if !f.sized {
		db.Keys++
		if k.expireMS > 0 {
			db.Expires++
		}
	}
	id := groupKey{k.db, cutTo(KeyPrefix(k.name), maxKeyName)}
	g := f.groups[id]
	if g == nil {
		if len(f.groups) >= maxKeyGroups {
			id.prefix = ""
		}
		if g = f.groups[id]; g == nil {
			g = &KeyGroup{Prefix: id.prefix, DB: Some(k.db), NoTTL: Some(0), Bytes: Some(0), Example: cutTo(k.name, maxKeyName)}
			f.groups[id] = g
		}
	}
	g.Keys++
	g.Bytes.N += min(k.bytes, 1<<50)
	if k.expireMS == 0 {
		g.NoTTL.N++
	} else if !f.ctime.IsZero() {
		ttl := (k.expireMS - f.ctime.UnixMilli()) / 1000
		g.MaxTTLS = Some(max(ttl, g.MaxTTLS.Or(ttl)))
	}
}

func (f *rdbFold) tell(src *Source, emit func(Record)) {
	r := Record{At: Pos{File: src.Name}}
	if !f.ctime.IsZero() {
		r.Time, r.Clock = f.ctime, ZonedClock
	}
	info := &RedisInfo{Fields: f.fields, Keyspace: map[string]DB{}, Lines: map[string]int{}}
	for n, db := range f.dbs {
		info.Keyspace["db"+strconv.FormatInt(n, 10)] = *db
	}
	r.Fact = info
	emit(r)
	ids := slices.SortedFunc(maps.Keys(f.groups), func(a, b groupKey) int {
		return cmp.Or(cmp.Compare(a.db, b.db), cmp.Compare(a.prefix, b.prefix))
	})
	for _, id := range ids {
		r.Fact = f.groups[id]
		emit(r)
	}
}

// rdbVersion reads the magic: REDIS and four digits, or VALKEY and three.
func rdbVersion(head []byte) (int, bool) {
	for _, magic := range []string{"REDIS", "VALKEY"} {
		if rest, ok := bytes.CutPrefix(head[:min(len(head), rdbHeader)], []byte(magic)); ok && len(rest) == rdbHeader-len(magic) && allDigits(rest) {
			return atoi(rest), true
		}
	}
	return 0, false
}

const rdbHeader = 9

// rdbReadError is a failure to read, as opposed to a dump that breaks off or makes no sense.
type rdbReadError struct{ err error }

func (e *rdbReadError) Error() string { return e.err.Error() }

func rdbErr(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return errors.New("the file ends")
	}
	return &rdbReadError{err}
}
