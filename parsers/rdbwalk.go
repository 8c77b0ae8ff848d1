package parsers

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/hdt3213/rdb/lzf"
)

// rdbWalk goes over a dump item by item in constant memory. The layout is rdb.c's, of all versions to date.
type rdbWalk struct {
	r       *bufio.Reader
	at      int64
	version int
	valkey  bool
	key     rdbKey // in the making
	buf     [16]byte
}

// rdbKey is a key, or with counts set what the dump says of a database's size.
type rdbKey struct {
	db            int64
	name          string
	expireMS      int64 // 0 = none
	bytes         int64 // estimated
	counts        bool
	keys, expires int64
}

const (
	maxRDBString = 1 << 40 // lengths beyond are damage; Redis refuses strings over 512 MB but modules may store more
	maxRDBName   = 64 << 10
)

func newRDBWalk(r io.Reader) *rdbWalk { return &rdbWalk{r: bufio.NewReaderSize(r, 64<<10)} }

// walk calls note for every AUX field and each for every key. Its error says why the dump could not be read to its end.
func (w *rdbWalk) walk(note func(name, value string), each func(rdbKey)) error {
	head := make([]byte, rdbHeader)
	n, err := io.ReadFull(w.r, head)
	w.at += int64(n)
	if err != nil {
		return rdbErr(err)
	}
	version, ok := rdbVersion(head)
	if !ok {
		return errors.New("neither REDIS nor VALKEY and a version at the beginning")
	}
	w.version, w.valkey = version, head[0] == 'V'
	for {
		op, err := w.byte()
		if err != nil {
			return err
		}
		switch op {
		case 255: // EOF; a checksum follows since version 5
			return nil
		case 254: // SELECTDB
			n, err := w.length()
			if err != nil {
				return err
			}
			w.key.db = int64(n & (1<<31 - 1))
		case 253: // EXPIRETIME, seconds
			b, err := w.bytes(4)
			if err != nil {
				return err
			}
			w.key.expireMS = int64(binary.LittleEndian.Uint32(b)) * 1000
		case 252: // EXPIRETIME_MS
			b, err := w.bytes(8)
			if err != nil {
				return err
			}
			w.key.expireMS = max(int64(binary.LittleEndian.Uint64(b)), 0)
		case 251: // RESIZEDB
			keys, err := w.length()
			if err != nil {
				return err
			}
			expires, err := w.length()
			if err != nil {
				return err
			}
			each(rdbKey{db: w.key.db, counts: true, keys: int64(min(keys, 1<<62)), expires: int64(min(expires, 1<<62))})
		case 250: // AUX
			name, _, err := w.text(maxRDBName)
			if err != nil {
				return err
			}
			value, _, err := w.text(maxRDBName)
			if err != nil {
				return err
			}
			note(string(name), cutTo(string(value), 200))
		case 249: // LFU frequency
			_, err = w.byte()
		case 248: // LRU idle time
			_, err = w.length()
		case 247: // module's own data
			if _, err = w.length(); err == nil {
				err = w.module()
			}
		case 245: // a library of functions
			_, err = w.skip()
		case 244: // a slot's sizes
			err = w.lengths(3)
		case 243: // Valkey: a slot import; Redis 8: a key's metadata, whose layout is the module's own
			if !w.valkey {
				return fmt.Errorf("operation %d at byte %d", op, w.at-1)
			}
			if _, err = w.skip(); err == nil {
				err = w.times(func() error { return w.lengths(2) })
			}
		default:
			if err = w.object(op, each); err == nil {
				w.key.expireMS = 0
			}
		}
		if err != nil {
			return err
		}
	}
}

// object reads a key and steps over its value.
func (w *rdbWalk) object(kind byte, each func(rdbKey)) error {
	name, size, err := w.text(maxRDBName)
	if err != nil {
		return err
	}
	w.key.name = string(name)
	w.key.bytes = keyOverhead(size)
	if err := w.value(kind); err != nil {
		return fmt.Errorf("value of %q: %w", cutTo(w.key.name, 40), err)
	}
	each(w.key)
	return nil
}

// value steps over a value of the given type and adds its estimated size.
func (w *rdbWalk) value(kind byte) error {
	element := func(overhead int64) error {
		n, err := w.skip()
		w.key.bytes += overhead + stringSize(n)
		return err
	}
	blob := func() error {
		n, err := w.skip()
		w.key.bytes += allocated(n)
		return err
	}
	switch kind {
	case 0: // string
		n, err := w.skip()
		w.key.bytes += stringObjectSize(n)
		return err
	case 1: // list, of strings
		return w.times(func() error { return element(listNode) })
	case 2: // set
		return w.times(func() error { return element(dictEntry) })
	case 3, 5: // sorted set, scores as text or as doubles
		return w.times(func() error {
			if err := element(dictEntry + skipNode); err != nil {
				return err
			}
			if kind == 5 {
				return w.discard(8)
			}
			return w.textFloat()
		})
	case 4: // hash
		return w.times(func() error {
			if err := element(dictEntry); err != nil {
				return err
			}
			return element(0)
		})
	case 7: // module
		return w.module()
	case 9, 10, 11, 12, 13, 16, 17, 20: // one block: zipmap, ziplist, intset, listpack
		return blob()
	case 14: // list of ziplists
		return w.times(func() error { w.key.bytes += quickNode; return blob() })
	case 18: // list of listpacks and long strings
		return w.times(func() error {
			if _, err := w.length(); err != nil {
				return err
			}
			w.key.bytes += quickNode
			return blob()
		})
	case 15, 19, 21:
		return w.stream(kind, blob)
	case 22, 24: // hash whose fields expire: 22 of Redis 7.4's candidates or of Valkey 9, 24 of Redis 7.4
		if kind == 24 {
			if err := w.discard(8); err != nil {
				return err
			}
		}
		return w.times(func() error {
			if !w.valkey {
				if _, err := w.length(); err != nil {
					return err
				}
			}
			if err := element(dictEntry); err != nil {
				return err
			}
			if err := element(8); err != nil {
				return err
			}
			if w.valkey {
				return w.discard(8)
			}
			return nil
		})
	case 23, 25: // the same as one block
		if kind == 25 {
			if err := w.discard(8); err != nil {
				return err
			}
		}
		return blob()
	}
	return fmt.Errorf("type %d at byte %d is unknown", kind, w.at)
}

// stream steps over a stream with its groups and consumers; versions 2 and 3 added fields.
func (w *rdbWalk) stream(kind byte, blob func() error) error {
	err := w.times(func() error {
		if _, err := w.skip(); err != nil { // the node's first id
			return err
		}
		w.key.bytes += raxNode
		return blob()
	})
	if err != nil {
		return err
	}
	fields := 3 // entries, last id
	if kind >= 19 {
		fields += 5 // first id, greatest deleted id, entries ever added
	}
	if err := w.lengths(fields); err != nil {
		return err
	}
	return w.times(func() error { // consumer groups
		if _, err := w.skip(); err != nil {
			return err
		}
		fields := 2
		if kind >= 19 {
			fields++
		}
		if err := w.lengths(fields); err != nil {
			return err
		}
		if err := w.times(func() error { // pending entries: id, delivery time, deliveries
			w.key.bytes += 2 * raxNode
			if err := w.discard(16 + 8); err != nil {
				return err
			}
			_, err := w.length()
			return err
		}); err != nil {
			return err
		}
		return w.times(func() error { // consumers
			if _, err := w.skip(); err != nil {
				return err
			}
			seen := int64(8)
			if kind >= 21 {
				seen += 8
			}
			if err := w.discard(seen); err != nil {
				return err
			}
			return w.times(func() error { return w.discard(16) })
		})
	})
}

// module steps over a module's value: its id, then marked items up to an end mark.
func (w *rdbWalk) module() error {
	if _, err := w.length(); err != nil {
		return err
	}
	for {
		op, err := w.length()
		if err != nil {
			return err
		}
		switch op {
		case 0:
			return nil
		case 1, 2:
			_, err = w.length()
		case 3:
			err = w.discard(4)
		case 4:
			err = w.discard(8)
		case 5:
			var n int64
			n, err = w.skip()
			w.key.bytes += allocated(n)
		default:
			err = fmt.Errorf("item %d of a module at byte %d", op, w.at)
		}
		if err != nil {
			return err
		}
	}
}

// times reads a count and calls f that often. Every f reads at least a byte, so a damaged count ends with the file.
func (w *rdbWalk) times(f func() error) error {
	n, err := w.length()
	for ; err == nil && n > 0; n-- {
		err = f()
	}
	return err
}

func (w *rdbWalk) lengths(n int) error {
	for range n {
		if _, err := w.length(); err != nil {
			return err
		}
	}
	return nil
}

// length reads a length; the special encodings of strings are no lengths.
func (w *rdbWalk) length() (uint64, error) {
	n, special, err := w.lengthOr()
	if err == nil && special {
		err = fmt.Errorf("a string where a length should be at byte %d", w.at)
	}
	return n, err
}

func (w *rdbWalk) lengthOr() (n uint64, special bool, err error) {
	b, err := w.byte()
	if err != nil {
		return 0, false, err
	}
	switch {
	case b>>6 == 0:
		return uint64(b & 0x3f), false, nil
	case b>>6 == 1:
		c, err := w.byte()
		return uint64(b&0x3f)<<8 | uint64(c), false, err
	case b>>6 == 3:
		return uint64(b & 0x3f), true, nil
	case b == 0x80:
		p, err := w.bytes(4)
		if err != nil {
			return 0, false, err
		}
		return uint64(binary.BigEndian.Uint32(p)), false, nil
	case b == 0x81:
		p, err := w.bytes(8)
		if err != nil {
			return 0, false, err
		}
		return binary.BigEndian.Uint64(p), false, nil
	}
	return 0, false, fmt.Errorf("length byte %#x at byte %d", b, w.at-1)
}

// skip steps over a string and returns its length, that of the text where it is compressed.
func (w *rdbWalk) skip() (int64, error) {
	_, n, err := w.text(0)
	return n, err
}

// text reads a string of at most keep bytes, or with keep 0 steps over one of any size.
func (w *rdbWalk) text(keep int64) ([]byte, int64, error) {
	n, special, err := w.lengthOr()
	if err != nil {
		return nil, 0, err
	}
	if special {
		switch n {
		case 0, 1, 2: // a number of 1, 2 or 4 bytes
			p, err := w.bytes(1 << n)
			if err != nil {
				return nil, 0, err
			}
			v := int64(int8(p[0]))
			if n == 1 {
				v = int64(int16(binary.LittleEndian.Uint16(p)))
			} else if n == 2 {
				v = int64(int32(binary.LittleEndian.Uint32(p)))
			}
			text := strconv.AppendInt(nil, v, 10)
			return text, int64(len(text)), nil
		case 3:
			return w.compressed(keep)
		}
		return nil, 0, fmt.Errorf("string encoding %d at byte %d", n, w.at-1)
	}
	if n > maxRDBString || keep > 0 && n > uint64(keep) {
		return nil, 0, fmt.Errorf("a string of %d bytes at byte %d", n, w.at)
	}
	if keep == 0 {
		return nil, int64(n), w.discard(int64(n))
	}
	p := make([]byte, n)
	return p, int64(n), w.fill(p)
}

func (w *rdbWalk) compressed(keep int64) ([]byte, int64, error) {
	in, err := w.length()
	if err != nil {
		return nil, 0, err
	}
	out, err := w.length()
	if err != nil {
		return nil, 0, err
	}
	if in > maxRDBString || out > maxRDBString || keep > 0 && (in > uint64(keep) || out > uint64(keep)) {
		return nil, 0, fmt.Errorf("a string of %d bytes, %d compressed, at byte %d", out, in, w.at)
	}
	if keep == 0 {
		return nil, int64(out), w.discard(int64(in))
	}
	p := make([]byte, in)
	if err := w.fill(p); err != nil {
		return nil, 0, err
	}
	text, err := expand(p, int(out))
	return text, int64(out), err
}

// expand decompresses and turns a panic of the library into an error.
func expand(p []byte, out int) (text []byte, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("decompress: %v", r)
		}
	}()
	return lzf.Decompress(p, len(p), out)
}

// textFloat steps over a score of the first sorted sets: a length and digits, or one of three marks.
func (w *rdbWalk) textFloat() error {
	n, err := w.byte()
	if err != nil || n >= 253 {
		return err
	}
	return w.discard(int64(n))
}

func (w *rdbWalk) byte() (byte, error) {
	b, err := w.r.ReadByte()
	if err != nil {
		return 0, rdbErr(err)
	}
	w.at++
	return b, nil
}

func (w *rdbWalk) bytes(n int) ([]byte, error) {
	p := w.buf[:n]
	return p, w.fill(p)
}

func (w *rdbWalk) fill(p []byte) error {
	n, err := io.ReadFull(w.r, p)
	w.at += int64(n)
	if err != nil {
		return rdbErr(err)
	}
	return nil
}

func (w *rdbWalk) discard(n int64) error {
	for n > 0 {
		step, err := w.r.Discard(int(min(n, 1<<30)))
		w.at += int64(step)
		n -= int64(step)
		if err != nil {
			return rdbErr(err)
		}
	}
	return nil
}
