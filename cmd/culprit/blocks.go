package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"sync"

	"culprit/correlate"
	"culprit/parsers"
)

// blockSize is what a worker parses at a time: some 600 lines of an access log, enough to make the passing-on cheap and
// small enough to stay in a core's cache. Blocks begin at the same lines whatever the number of workers.
const blockSize = 128 << 10

var buffers = sync.Pool{New: func() any { b := make([]byte, 0, blockSize); return &b }}

// block is a run of whole lines of one file.
type block struct {
	file   *reading
	number int
	buf    *[]byte
	before int // lines before it
}

// parse reads the block. Whose requests they were is told to the file's clients when the blocks before it are done; then
// its buffer goes back.
func (b block) parse(out sink) {
	p := part{block: b}
	if out.fold != nil {
		p.hits = hitLists.Get().(*correlate.Hits)
		out.fold.Hold(p.hits)
		defer out.fold.Hold(nil)
	}
	b.file.parse(bytes.NewReader(*b.buf), *b.buf, b.before, out)
	b.file.hits.done(b.number, p)
}

// part is a block that was parsed.
type part struct {
	block
	hits *correlate.Hits // nil = nobody keeps them
}

var hitLists = sync.Pool{New: func() any { return new(correlate.Hits) }}

func newHitTurns() *turns[part] {
	return newTurns(func(clients *correlate.Clients, p part) { p.handOn(clients) })
}

// handOn costs the file an error, as a parser would, when the clients cannot bear it.
func (p part) handOn(clients *correlate.Clients) {
	defer p.file.wait.Done()
	if p.hits != nil {
		err := safely(p.file.parser.Name+", clients", func() error {
			clients.Take(p.hits)
			return nil
		})
		p.file.fail(err, p.before)
		if err == nil {
			hitLists.Put(p.hits)
		}
	}
	buffers.Put(p.buf)
}

// blocksAhead is how many blocks of a file may be under way: 200 KiB each.
const blocksAhead = 8

// readBlocks cuts r at newlines.
func (f *reading) readBlocks(r *bufio.Reader, dispatch func(block)) {
	lines := 0
	buf := newBuffer()
	for number := 0; ; {
		var err error
		for err == nil && len(*buf) < blockSize {
			err = fill(r, buf, blockSize)
		}
		end := bytes.LastIndexByte(*buf, '\n') + 1
		if end == 0 && err == nil {
			err = longLine(r, buf)
			end = len(*buf)
		}
		if err != nil {
			end = len(*buf)
		}
		next := newBuffer()
		*next = append(*next, (*buf)[end:]...)
		*buf = (*buf)[:end]
		if end > 0 {
			before := lines
			lines += bytes.Count(*buf, []byte("\n"))
			f.wait.Add(1)
			f.hits.wait(number, blocksAhead)
			dispatch(block{f, number, buf, before})
			number++
		}
		if buf = next; err != nil {
			buffers.Put(buf)
			if err != io.EOF {
				f.fail(fmt.Errorf("read %s:%d: %w", f.source.Name, lines+1, err), lines)
			}
			return
		}
	}
}

func newBuffer() *[]byte {
	b := buffers.Get().(*[]byte)
	*b = (*b)[:0]
	return b
}

// fill reads once, up to a length of most.
func fill(r io.Reader, buf *[]byte, most int) error {
	n, err := r.Read((*buf)[len(*buf):most])
	*buf = (*buf)[:len(*buf)+n]
	return err
}

// longLine completes a block that is one unfinished line: to its newline, or to one byte more than a line may have, which
// makes the parser tell that it was cut; the rest of the line is read past.
func longLine(r *bufio.Reader, buf *[]byte) error {
	for {
		part, err := r.ReadSlice('\n')
		if room := parsers.MaxLine + 1 - len(*buf); len(part) > room {
			*buf = append(*buf, part[:max(room, 0)]...)
			if err == nil {
				*buf = append(*buf, '\n')
			}
		} else {
			*buf = append(*buf, part...)
		}
		if err != bufio.ErrBufferFull {
			return err
		}
	}
}
