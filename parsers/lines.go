package parsers

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// MaxLine bounds a line. 1 MiB is 128 times the longest header nginx accepts by default (large_client_header_buffers 8k)
// and above any kernel or Redis line; what is longer is cut, told to Skip, and the rest of the line is read past.
const MaxLine = 1 << 20

// EachLine calls f for every line of src, without newline, carriage return or byte order mark, UTF-16 turned into UTF-8.
// It counts src.Read, blank lines included, but does not pass blank lines on. The line is valid until f returns.
func EachLine(src *Source, f func(line []byte, at Pos)) error {
	return eachLine(src, false, f)
}

// EachLineAndBlank is EachLine for formats in which an empty line means something.
func EachLineAndBlank(src *Source, f func(line []byte, at Pos)) error {
	return eachLine(src, true, f)
}

func eachLine(src *Source, blank bool, f func(line []byte, at Pos)) error {
	if len(src.Text) > 0 && len(src.Text) <= MaxLine && !(src.Before == 0 && isUTF16(src.Text[:min(len(src.Text), 4)])) {
		eachHeldLine(src, blank, f)
		return nil
	}
	r := bufio.NewReaderSize(src.R, 64<<10)
	if head, _ := r.Peek(4); src.Before == 0 && isUTF16(head) {
		r = bufio.NewReaderSize(newUTF16Reader(r), 64<<10)
	}
	long := make([]byte, 0, 4096)
	at := Pos{File: src.Name, Line: src.Before}
	for {
		line, err := r.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			long = append(long[:0], line...)
			cut := false
			for errors.Is(err, bufio.ErrBufferFull) {
				line, err = r.ReadSlice('\n')
				if room := MaxLine - len(long); len(line) > room {
					line, cut = line[:room], true
				}
				long = append(long, line...)
			}
			if cut {
				src.Skip(at.Line+1, long, fmt.Sprintf("longer than %d bytes, cut", MaxLine))
			}
			line = long
		}
		if len(line) > 0 {
			at.Line++
			src.Read++
			if at.Line == 1 {
				line = bytes.TrimPrefix(line, []byte("\xef\xbb\xbf"))
			}
			for n := len(line); n > 0 && (line[n-1] == '\n' || line[n-1] == '\r'); n-- {
				line = line[:n-1]
			}
			if blank || !blankLine(line) {
				f(line, at)
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read %s:%d: %w", src.Name, at.Line+1, err)
		}
	}
}

// eachHeldLine is eachLine for a text in memory, none of whose lines can be too long.
func eachHeldLine(src *Source, blank bool, f func(line []byte, at Pos)) {
	at := Pos{File: src.Name, Line: src.Before}
	for rest := src.Text; len(rest) > 0; {
		line := rest
		if i := bytes.IndexByte(rest, '\n'); i >= 0 {
			line, rest = rest[:i], rest[i+1:]
		} else {
			rest = nil
		}
		at.Line++
		src.Read++
		if at.Line == 1 {
			line = bytes.TrimPrefix(line, []byte("\xef\xbb\xbf"))
		}
		for len(line) > 0 && line[len(line)-1] == '\r' {
			line = line[:len(line)-1]
		}
		if blank || !blankLine(line) {
			f(line, at)
		}
	}
}

// blankLine knows most lines by their first byte.
func blankLine(line []byte) bool {
	return len(line) == 0 || (line[0] <= ' ' || line[0] >= 0x80) && len(bytes.TrimSpace(line)) == 0
}
