package parsers

import (
	"encoding/binary"
	"io"
	"unicode/utf16"
	"unicode/utf8"
)

// isUTF16 recognises a byte order mark, or ASCII text whose every second byte is zero (Windows redirects without a mark).
func isUTF16(head []byte) bool {
	if len(head) < 2 {
		return false
	}
	if (head[0] == 0xff && head[1] == 0xfe) || (head[0] == 0xfe && head[1] == 0xff) {
		return true
	}
	return len(head) >= 4 && ((head[1] == 0 && head[3] == 0 && head[0] != 0) || (head[0] == 0 && head[2] == 0 && head[1] != 0))
}

// IsUTF16 tells UTF-16 by the beginning of a stream, for who must read it before a parser does.
func IsUTF16(head []byte) bool { return isUTF16(head) }

// FromUTF16 decodes such a stream to UTF-8.
func FromUTF16(r io.Reader) io.Reader { return newUTF16Reader(r) }

type utf16Reader struct {
	r       io.Reader
	order   binary.ByteOrder
	in      [4096]byte
	n       int // bytes of in that await their pair
	out     []byte
	started bool
	pending rune // a high surrogate whose low half is in the next read
	err     error
}

// newUTF16Reader decodes UTF-16 of either byte order to UTF-8; invalid surrogates become U+FFFD.
func newUTF16Reader(r io.Reader) io.Reader { return &utf16Reader{r: r} }

func (u *utf16Reader) Read(p []byte) (int, error) {
	for len(u.out) == 0 {
		if u.err != nil {
			return 0, u.err
		}
		u.fill()
	}
	n := copy(p, u.out)
	u.out = u.out[n:]
	return n, nil
}

func (u *utf16Reader) fill() {
	n, err := u.r.Read(u.in[u.n:])
	u.err = err
	b := u.in[:u.n+n]
	if !u.started && len(b) >= 2 {
		u.started = true
		u.order = binary.LittleEndian
		if b[0] == 0xfe && b[1] == 0xff || b[0] == 0 {
			u.order = binary.BigEndian
		}
		if u.order.Uint16(b) == 0xfeff {
			b = b[2:]
		}
	}
	u.out = u.out[:0]
	for u.started && len(b) >= 2 {
		c := rune(u.order.Uint16(b))
		b = b[2:]
		if u.pending != 0 {
			c = utf16.DecodeRune(u.pending, c)
			u.pending = 0
		} else if utf16.IsSurrogate(c) && c < 0xdc00 {
			u.pending = c
			continue
		}
		u.out = utf8.AppendRune(u.out, c)
	}
	u.n = copy(u.in[:], b)
}
