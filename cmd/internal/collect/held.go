package collect

import (
	"bytes"
	"io"
)

// Held is a unit of bytes that lie in memory.
func Held(in Input, data []byte) *Unit {
	return &Unit{Name: in.Name, host: in.Host, format: in.Format, modTime: in.ModTime, Size: int64(len(data)),
		open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil }}
}
