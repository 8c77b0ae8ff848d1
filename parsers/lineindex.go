package parsers

import (
	"bytes"
	"sort"
)

// lineIndex finds the line of an offset in a document that was decoded whole, without counting from its start each time.
type lineIndex struct {
	text   []byte
	starts []int
}

func indexLines(text []byte) lineIndex {
	x := lineIndex{text: text, starts: []int{0}}
	for i := 0; i < len(text)-1; i++ {
		if text[i] == '\n' {
			x.starts = append(x.starts, i+1)
		}
	}
	return x
}

// of is the number of the line in which an offset lies.
func (x lineIndex) of(offset int) int {
	return max(sort.SearchInts(x.starts, offset+1), 1)
}

// line is the text of the line of that number, at most maxValue bytes of it: a document may be one line.
func (x lineIndex) line(n int) []byte {
	if n < 1 || n > len(x.starts) {
		return nil
	}
	text := x.text[x.starts[n-1]:]
	text, _, _ = bytes.Cut(text[:min(len(text), maxValue)], []byte("\n"))
	return bytes.TrimRight(text, "\r")
}

// with is the line of mark between two offsets, or that of the first when it is not there.
func (x lineIndex) with(from, to int, mark string) int {
	if i := bytes.Index(x.text[from:to], []byte(mark)); i >= 0 {
		return x.of(from + i)
	}
	return x.of(from)
}
