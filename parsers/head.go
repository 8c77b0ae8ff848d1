package parsers

import (
	"bytes"
	"io"
)

// Head is the beginning of a file as Match functions see it. What several of sixty ask for is found once: each splitting and
// copying the lines for itself took a sixth of the time of an incident of many small files.
type Head struct {
	Name string // of the file, as the user will recognise it
	Text []byte // its first 64 KiB, wrappers not removed; of UTF-16 in UTF-8

	lines [][]byte
	texts []string
	log   *logSample
	grep  *int
}

// NewHead looks at the beginning of a file.
func NewHead(name string, text []byte) *Head {
	if isUTF16(text) {
		text, _ = io.ReadAll(newUTF16Reader(bytes.NewReader(text))) // half a character at the end is no error here
	}
	return &Head{Name: name, Text: text}
}

// Lines are the first ones that are not blank, at most limit, without their ends.
func (h *Head) Lines(limit int) [][]byte {
	if h.lines == nil {
		text := bytes.TrimPrefix(h.Text, []byte("\xef\xbb\xbf"))
		h.lines = make([][]byte, 0, bytes.Count(text, []byte("\n"))+1)
		for len(text) > 0 {
			line, rest, _ := bytes.Cut(text, []byte("\n"))
			text = rest
			if line = bytes.TrimRight(line, "\r"); !blankLine(line) {
				h.lines = append(h.lines, line)
			}
		}
	}
	return h.lines[:min(limit, len(h.lines))]
}

// Texts are Lines as strings.
func (h *Head) Texts(limit int) []string {
	if h.texts == nil {
		for _, line := range h.Lines(len(h.Text)) {
			h.texts = append(h.texts, string(line))
		}
	}
	return h.texts[:min(limit, len(h.texts))]
}

// grepLog is matchGrepLog of it, which a paste asks as well.
func (h *Head) grepLog() int {
	if h.grep == nil {
		sure := matchGrepLog(h)
		h.grep = &sure
	}
	return *h.grep
}

// sample is sampleLog of it.
func (h *Head) sample() *logSample {
	if h.log == nil {
		s := sampleLog(h)
		h.log = &s
	}
	return h.log
}
