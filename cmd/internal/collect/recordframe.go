package collect

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/klauspost/compress/zstd"
)

// A frame of a recording is two of zstd's (RFC 8878): a skippable one, which every reader of zstd passes over, with the
// length of the other and the mark, and then the data. A frame that is cut short shows by its length.
const (
	skippable = "\x5c\x2a\x4d\x18" // one of the sixteen magic numbers, as it stands in the file
	maxMark   = 64 << 10
	maxPacked = recordFrame + recordFrame/8 // zstd adds little to what it cannot pack
	maxFrame  = maxMark + maxPacked
)

type frameHead struct {
	Packed int             // bytes of the data's frame
	Mark   json.RawMessage `json:",omitempty"`
}

func encodeFrame(e *zstd.Encoder, data []byte, mark json.RawMessage) []byte {
	packed := e.EncodeAll(data, nil)
	head, err := json.Marshal(frameHead{len(packed), mark})
	if err != nil {
		head, _ = json.Marshal(frameHead{Packed: len(packed)}) // a mark that is no JSON
	}
	frame := append([]byte(skippable), binary.LittleEndian.AppendUint32(nil, uint32(len(head)))...)
	return append(append(frame, head...), packed...)
}

var errTorn = errors.New("cut short")

// nextFrame reads the head of the frame at off of a file of so many bytes. It gives io.EOF at the file's end, and errTorn
// for what is no whole frame.
func nextFrame(f io.ReaderAt, off, size int64) (h frameHead, data, next int64, err error) {
	if off == size {
		return h, 0, 0, io.EOF
	}
	var b [8]byte
	if _, err := f.ReadAt(b[:], off); err != nil || string(b[:4]) != skippable {
		return h, 0, 0, errTorn
	}
	n := int64(binary.LittleEndian.Uint32(b[4:]))
	data = off + 8 + n
	if n > maxMark || data > size {
		return h, 0, 0, errTorn
	}
	head := make([]byte, n)
	if _, err := f.ReadAt(head, off+8); err != nil || json.Unmarshal(head, &h) != nil {
		return h, 0, 0, errTorn
	}
	if next = data + int64(h.Packed); h.Packed <= 0 || h.Packed > maxPacked || next > size {
		return h, 0, 0, errTorn
	}
	return h, data, next, nil
}

// eachFrame gives the frames of a segment of so many bytes.
func eachFrame(f io.ReaderAt, size int64, each func(packed []byte, mark json.RawMessage) error) error {
	for off := int64(0); ; {
		h, data, next, err := nextFrame(f, off, size)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("at byte %d: %w", off, err)
		}
		packed := make([]byte, h.Packed)
		if _, err := f.ReadAt(packed, data); err != nil {
			return err
		}
		if err := each(packed, h.Mark); err != nil {
			return err
		}
		off = next
	}
}

// extent is how much of a segment can be used.
type extent struct {
	size   int64           // of the file
	whole  int64           // bytes of whole frames
	marked int64           // up to the last that leaves a mark
	mark   json.RawMessage // that one, nil = none does
}

func scan(f *os.File) (extent, error) {
	info, err := f.Stat()
	if err != nil {
		return extent{}, err
	}
	e := extent{size: info.Size()}
	for {
		h, _, next, err := nextFrame(f, e.whole, e.size)
		if err != nil {
			return e, nil
		}
		e.whole = next
		if h.Mark != nil {
			e.marked, e.mark = next, h.Mark
		}
	}
}

func scanFile(file string) (extent, error) {
	f, err := os.Open(file)
	if err != nil {
		return extent{}, err
	}
	defer f.Close()
	return scan(f)
}
