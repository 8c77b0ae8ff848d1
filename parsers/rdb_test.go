package parsers

import (
	"bytes"
	"testing"
)

func FuzzRedisRDB(f *testing.F) { fuzzParser(f, "redis-rdb") }

// A length field is a stranger's number: what it promises must not be allocated, and a count must not be counted out.
func TestRDBBelievesNoLength(t *testing.T) {
	for name, in := range map[string]string{
		"string": "REDIS0009\x00\x81\x00\x00\x01\x00\x00\x00\x00\x00ab",
		"value":  "REDIS0009\x00\x01k\x81\x00\x00\x00\x7f\x00\x00\x00\x00ab",
		"lzf":    "REDIS0009\x00\xc3\x02\x80\x7f\xff\xff\xffab",
		"list":   "REDIS0009\x01\x01k\x81\x7f\xff\xff\xff\xff\xff\xff\xff\x01a",
		"type":   "REDIS0009\xc8\x01k",
		"empty":  "REDIS0009",
	} {
		src := &Source{Name: name, R: bytes.NewReader([]byte(in))}
		p, _ := ByName("redis-rdb")
		if err := Read(p, src, func(Record) {}); err != nil || src.Skipped != 1 {
			t.Errorf("%s: skipped %d, error %v", name, src.Skipped, err)
		}
	}
}

// 248 bytes is what MEMORY USAGE of Redis 7.0 says of a name of 43 bytes with a value of 136.
func TestKeySizes(t *testing.T) {
	if got := keyOverhead(43) + stringObjectSize(136); got != 248 {
		t.Errorf("%d bytes, want 248", got)
	}
	for n, want := range map[int64]int64{1: 8, 9: 16, 128: 128, 129: 160, 161: 192, 257: 320, 4097: 5120, 1 << 20: 1 << 20} {
		if got := allocated(n); got != want {
			t.Errorf("allocated(%d) = %d, want %d", n, got, want)
		}
	}
}
