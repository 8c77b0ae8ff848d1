package collect

import (
	"bytes"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// A digest file is one line of text, "culprit digest SCHEMA", and a zstd stream. The line says what the stream holds; only
// the very same schema is read.
const digestMagic = "culprit digest "

const (
	digestEnding = ".culprit"
	maxDigest    = 512 << 20 // bytes unpacked: the largest fold takes some 60
	maxSchema    = 64
)

// IsDigest knows a digest by its first bytes.
func IsDigest(head []byte) bool { return bytes.HasPrefix(head, []byte(digestMagic)) }

// WriteDigest writes a digest file whose stream write writes.
func WriteDigest(w io.Writer, schema string, write func(io.Writer) error) error {
	if _, err := fmt.Fprintf(w, "%s%s\n", digestMagic, schema); err != nil {
		return err
	}
	z, err := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedBetterCompression))
	if err != nil {
		return err
	}
	if err := write(z); err != nil {
		z.Close()
		return err
	}
	return z.Close()
}

// ReadDigest hands read the stream of a digest file of this schema.
func ReadDigest(r io.Reader, schema string, read func(io.Reader) error) error {
	line := make([]byte, 0, len(digestMagic)+maxSchema)
	for b := make([]byte, 1); ; {
		if _, err := io.ReadFull(r, b); err != nil || len(line) == cap(line) {
			return fmt.Errorf("a digest without its first line")
		}
		if b[0] == '\n' {
			break
		}
		line = append(line, b[0])
	}
	if got := string(bytes.TrimPrefix(line, []byte(digestMagic))); got != schema {
		return fmt.Errorf("a digest of another version of culprit (schema %q; this one reads %q): make it anew with the version that reads it", cut(got), schema)
	}
	z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxZstdFrame), zstd.WithDecoderMaxMemory(maxZstdFrame))
	if err != nil {
		return err
	}
	defer z.Close()
	unpacked := &io.LimitedReader{R: z, N: maxDigest}
	if err := read(unpacked); unpacked.N <= 0 {
		return fmt.Errorf("a digest of more than %d MiB: %w", maxDigest>>20, errBomb)
	} else {
		return err
	}
}

// HostOfDigest is the host that a digest's own name names: web1.culprit.
func HostOfDigest(name string) string {
	return hostOf(strings.TrimSuffix(path.Base(name), digestEnding) + "/")
}
