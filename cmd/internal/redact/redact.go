// Package redact makes pseudonyms of whatever names a company, a host or a person, so that a report or a case can leave
// the house: addresses, host names, users, paths, names of databases and keys, session ids, values of queries, secrets.
//
// It works on the bytes of the input, before they are parsed: what the program never saw it cannot print, in no format. A
// line stays a line of its format: times, numbers and words of the trade (vocabulary.txt) stay, every other word becomes
// another of the same length and case, the same everywhere. Pseudonyms depend on the key alone: two inputs under one key
// can be compared, and without the key nothing leads back. The package never judges and never writes a file; cmd/culprit
// calls it.
//
// What it cannot know: a company that is called like a word of the trade (Target, Delta) keeps that word outside of its
// domain, and a picture of a network - how busy, when - is left as it is.
package redact

import (
	"bufio"
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"io"
	"regexp"
	"strings"
	"sync"

	"culprit/cmd/internal/collect"
	"culprit/parsers"
)

// Redactor makes the pseudonyms of one key. It is safe for concurrent use.
type Redactor struct {
	key   []byte
	nets  *addresses
	names sync.Pool // of *scrubber, for Text
}

// New is a redactor with a key: 32 random bytes, or a secret that was agreed on.
func New(key []byte) *Redactor {
	r := &Redactor{key: bytes.Clone(key)}
	r.nets = newAddresses(r.derive("addresses"))
	r.names.New = func() any { return r.scrubber() }
	return r
}

// derive makes a key for one purpose, so that what one purpose shows tells nothing about another.
func (r *Redactor) derive(purpose string) []byte {
	h := hmac.New(sha256.New, r.key)
	h.Write([]byte(purpose))
	return h.Sum(nil)
}

// Input is an input with its name, its host and its bytes redacted.
func (r *Redactor) Input(in collect.Input) collect.Input {
	in.Name, in.Host = r.Text(in.Name), r.Text(in.Host)
	if in.Err != nil {
		in.Err = errors.New(r.Text(in.Err.Error()))
	}
	if note := in.Note; note != nil {
		in.Note = func() string { return r.Text(note()) }
	}
	if in.R != nil {
		in.R = r.Reader(in.R)
	}
	return in
}

// Text redacts a name or a line.
func (r *Redactor) Text(s string) string {
	sc := r.names.Get().(*scrubber)
	defer r.names.Put(sc)
	return string(sc.line(nil, []byte(s)))
}

// What cannot be redacted: the names of a dump stand between lengths and checksums, a digest's in what was folded.
var (
	errBinary = errors.New("a binary dump, left out of what is redacted; give a listing of its keys")
	errDigest = errors.New("a digest, left out of what is redacted; give the files that it was made of")
)

// Reader redacts a stream line by line. UTF-16 comes out as UTF-8.
func (r *Redactor) Reader(in io.Reader) io.Reader {
	br := bufio.NewReaderSize(in, 64<<10)
	head, _ := br.Peek(512)
	switch {
	case parsers.IsUTF16(head):
		br = bufio.NewReaderSize(parsers.FromUTF16(br), 64<<10)
	case bytes.HasPrefix(head, []byte("REDIS00")):
		return failing{errBinary}
	case collect.IsDigest(head):
		return failing{errDigest}
	}
	return &reader{in: br, scrub: r.scrubber()}
}

type failing struct{ error }

func (f failing) Read([]byte) (int, error) { return 0, f.error }

// reader hands on redacted lines. A line longer than what parsers take is redacted in pieces.
type reader struct {
	in    *bufio.Reader
	scrub *scrubber
	line  []byte // as read
	out   []byte // redacted, not handed on yet
	held  []byte // the buffer of out
	err   error
}

func (r *reader) Read(p []byte) (int, error) {
	for len(r.out) == 0 {
		if r.err != nil {
			return 0, r.err
		}
		r.fill()
	}
	n := copy(p, r.out)
	r.out = r.out[n:]
	return n, nil
}

// fill reads and redacts lines until there is something worth handing on.
func (r *reader) fill() {
	r.held = r.held[:0]
	for r.err == nil && len(r.held) < 32<<10 {
		r.line = r.line[:0]
		for {
			part, err := r.in.ReadSlice('\n')
			r.line = append(r.line, part...)
			if err != bufio.ErrBufferFull || len(r.line) > parsers.MaxLine {
				if err != bufio.ErrBufferFull {
					r.err = err
				}
				break
			}
		}
		text, end := r.line, []byte(nil)
		if n := len(bytes.TrimRight(text, "\r\n")); n < len(text) {
			text, end = text[:n], text[n:]
		}
		r.held = append(r.scrub.line(r.held, text), end...)
	}
	r.out = r.held
}

// telling are the parts of words beside which a secret may stand.
var telling = regexp.MustCompile(`(?i)pass|auth|secret|token|key|credential|bearer|basic|pwd|://|\buser\b|redis-cli|mysql|mariadb`)

// isRequest tells a line of an access log, whose quoted request may speak of tokens and holds no setting.
func isRequest(line []byte) bool {
	i := bytes.Index(line, []byte(" HTTP/"))
	return i > 0 && bytes.IndexByte(line[:i], '"') >= 0
}

// blank takes the secrets out of a line that may be a setting's.
func blank(line []byte) []byte {
	if isRequest(line) || !telling.Match(line) {
		return line
	}
	return collect.Blank(line)
}

// lower is for looking words up.
func lower(b []byte) string { return strings.ToLower(string(b)) }
