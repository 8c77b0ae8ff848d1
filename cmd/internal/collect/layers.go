package collect

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// Bounds of what a stranger's archive may cost. Logs compress 10 to 100 to 1, an access log of one crawler under xz 300
// to 1; gzip cannot go beyond 1032 to 1 and a bomb of it always does.
const (
	maxDepth     = 3         // archives in archives, and compressions around one of them; people make two of each
	maxTotal     = 64 << 30  // bytes unpacked from one file: a day of access logs of a very busy shop is less than half
	maxRatio     = 1000      // bytes unpacked for each byte read, judged from bounds.ratioFrom on
	maxXZDict    = 128 << 20 // xz -9 uses 64 MiB; the header may ask for 4 GiB
	maxZstdFrame = 128 << 20 // zstd --long=27, the most that zstd unpacks unasked
)

// bounds are the limits that a test reaches sooner than a stranger would.
type bounds struct {
	members   int   // files read from one archive
	ratioFrom int64 // bytes unpacked before the ratio is judged
}

// usual: a sosreport has 20,000 files, and a whole disk image is no evidence; 100 MiB harm nobody.
func usual() bounds { return bounds{members: 100_000, ratioFrom: 100 << 20} }

var errBomb = errors.New("unpacks to far more than a log would; refused here")

// compressions are told by their first bytes, never by the file's name.
var compressions = []struct {
	name  string
	magic string
	open  func(io.Reader) (io.Reader, func(), error)
}{
	{"gzip", "\x1f\x8b\x08", func(r io.Reader) (io.Reader, func(), error) {
		z, err := gzip.NewReader(r)
		return z, func() {}, err
	}},
	{"zstd", "\x28\xb5\x2f\xfd", openZstd},
	{"zstd", skippable, openZstd},          // a segment of a recording
	{"zstd", "\x50\x2a\x4d\x18", openZstd}, // pzstd
	{"xz", "\xfd7zXZ\x00", func(r io.Reader) (io.Reader, func(), error) {
		br := bufio.NewReaderSize(r, peekSize)
		if err := checkXZ(br); err != nil {
			return nil, nil, err
		}
		z, err := xz.NewReader(br)
		return z, func() {}, err
	}},
	{"bzip2", "BZh", func(r io.Reader) (io.Reader, func(), error) {
		return bzip2.NewReader(r), func() {}, nil
	}},
}

func openZstd(r io.Reader) (io.Reader, func(), error) {
	z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxZstdFrame),
		zstd.WithDecoderMaxMemory(maxZstdFrame))
	if err != nil {
		return nil, nil, err
	}
	return z, z.Close, nil
}

// peekSize holds a tar header, the longest mark by which an archive is told.
const peekSize = 512

// peel opens the compressions around a stream. The stream that is left can be peeked into; packed is false when there
// was nothing to open.
func (w *unpacker) peel(r io.Reader) (br *bufio.Reader, packed bool, done func(), err error) {
	done = func() {}
	br = bufio.NewReaderSize(r, 64<<10)
	for depth := 0; ; depth++ {
		head, _ := br.Peek(peekSize)
		open := compressionOf(head)
		if open == nil {
			return br, depth > 0, done, nil
		}
		if depth == maxDepth {
			return nil, true, done, fmt.Errorf("compressed more than %d times over; not opened", maxDepth)
		}
		in := &counter{r: br}
		z, closeZ, err := open(in)
		if err != nil {
			return nil, true, done, err
		}
		done = both(closeZ, done)
		br = bufio.NewReaderSize(&bounded{r: z, in: &in.n, w: w}, 64<<10)
	}
}

func both(f, g func()) func() { return func() { f(); g() } }

func compressionOf(head []byte) func(io.Reader) (io.Reader, func(), error) {
	for _, c := range compressions {
		if bytes.HasPrefix(head, []byte(c.magic)) {
			if c.name == "bzip2" && (len(head) < 10 || head[3] < '1' || head[3] > '9' || !bzip2Block(head[4:10])) {
				continue
			}
			return c.open
		}
	}
	return nil
}

// bzip2Block tells a bzip2 stream from a text that begins with "BZh": a block or the end of an empty stream follows.
func bzip2Block(b []byte) bool {
	return string(b) == "\x31\x41\x59\x26\x53\x59" || string(b) == "\x17\x72\x45\x38\x50\x90"
}

// checkXZ reads what the first block asks for, since the library would allocate 4 GiB if told to. Later blocks are not
// looked at: their memory is only touched as far as data fills it, which the ratio bounds.
func checkXZ(br *bufio.Reader) error {
	head, _ := br.Peek(64) // 12 bytes of stream header, then the block's
	if len(head) < 20 || head[12] == 0 {
		return nil // an empty or broken file: the library says which
	}
	size, flags, at := (int(head[12])+1)*4, head[13], 14
	for range int(flags>>6&1) + int(flags>>7&1) { // compressed and uncompressed size, where given
		for at < len(head) && head[at]&0x80 != 0 {
			at++
		}
		at++
	}
	for at+2 < len(head) && at < 12+size {
		id, n := head[at], int(head[at+1])
		if id == 0x21 && n == 1 { // LZMA2: bits and half-bits of the dictionary's size
			if bits := head[at+2]; bits > 40 || (2|uint64(bits&1))<<(bits/2+11) > maxXZDict {
				return fmt.Errorf("xz asks for more than %d MiB of memory; refused", maxXZDict>>20)
			}
			return nil
		}
		at += 2 + n
	}
	return nil
}

// counter counts what is read through it.
type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// bounded ends a stream that unpacks to too much: for the bytes that went into it, for those of the whole file, or in all.
type bounded struct {
	r    io.Reader
	in   *int64 // bytes read so far by the layer below
	base int64  // of in, when this stream began
	out  int64
	w    *unpacker
}

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	b.out += int64(n)
	b.w.total += int64(n)
	if in := *b.in - b.base; b.out > b.w.ratioFrom && b.out/maxRatio > in {
		return n, fmt.Errorf("%w: %d bytes from %d", errBomb, b.out, in)
	}
	// Every layer counts here, so that many small members over the same few bytes add up: twice the ratio, for two layers.
	if t := b.w.total; t > 10*b.w.ratioFrom && t/(2*maxRatio) > b.w.raw.n {
		return n, fmt.Errorf("%w: %d bytes from %d", errBomb, t, b.w.raw.n)
	}
	if b.w.total > maxTotal {
		return n, fmt.Errorf("%w: more than %d GiB", errBomb, maxTotal>>30)
	}
	return n, err
}
