package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"math"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"culprit/cmd/internal/collect"
	"culprit/correlate"
	"culprit/parsers"
)

// driver reads every input: a census first, which tells the formats, what nginx.conf says about the access logs, and
// which files repeat others; then the reading itself. What it yields does not depend on the number of workers.
type driver struct {
	units   []*collect.Unit
	workers int
	census  census
	bad     []string // named on the command line and not readable

	appSkipped string // of --app, what a bound kept out

	pace pacer

	digests digests
}

// sink takes records; each is used by one goroutine at a time. fold is where they go, nil where that is no timeline.
type sink struct {
	record func(parsers.Record)
	fold   *correlate.Timeline
}

// newDriver lists what there is to read and takes the census.
func newDriver(ctx context.Context, args []string, stdin io.Reader, workers int) (*driver, error) {
	d := listed(ctx, args, stdin, workers, lokiOptions(correlate.Options{}))
	return d, d.takeCensus(ctx)
}

// listed is a driver before its census.
func listed(ctx context.Context, args []string, stdin io.Reader, workers int, o collect.LokiOptions) *driver {
	paths, lokis := collect.SplitLoki(args)
	d := &driver{units: collect.List(paths, stdin), workers: max(workers, 1)}
	for _, arg := range lokis {
		d.units = append(d.units, collect.Loki(ctx, arg, o)...)
	}
	for _, u := range d.units {
		if err := u.Err(); err != nil && u.Named {
			d.bad = append(d.bad, fmt.Sprintf("%s: %v", u.Name, err))
		}
	}
	return d
}

// lokiOptions are what a loki:// argument takes from the command line and the environment.
func lokiOptions(o correlate.Options) collect.LokiOptions {
	return collect.LokiOptions{Now: time.Now(), Since: o.Since, Until: o.Until, Getenv: os.Getenv}
}

// fold reads everything into one timeline.
func (d *driver) fold(ctx context.Context, since, until time.Time) (*correlate.Timeline, error) {
	var folds []*correlate.Timeline
	if slices.ContainsFunc(d.units, func(u *collect.Unit) bool { return !u.Again() || u.Size > largeInput }) {
		debug.SetGCPercent(paceOfStart) // what a stream or a Loki holds is not known
	}
	ctx, done := d.tellProgress(ctx)
	defer done()
	d.digests.bounded = !since.IsZero() || !until.IsZero()
	inputs, clients, err := d.readAll(ctx, func() sink {
		t := correlate.NewTimeline()
		t.Within(since, until)
		folds = append(folds, t)
		return sink{t.Add, t}
	})
	if err != nil {
		return nil, err
	}
	all := folds[0]
	for _, t := range folds[1:] {
		all.Merge(t)
	}
	all.TakeClients(clients)
	for _, in := range d.digests.noteTwice(inputs) {
		all.AddInput(in)
	}
	if d.digests.fold != nil {
		all.Merge(d.digests.fold)
	}
	all.Rest()
	d.pace.rest()
	return all, nil
}

// readAll reads every input: so many workers take files, and as many take the blocks of the large ones among them. Each
// has a sink of its own. The inputs come back in order; the clients of the access logs are merged in it.
func (d *driver) readAll(ctx context.Context, newSink func() sink) ([]correlate.Input, *correlate.Clients, error) {
	blocks := make(chan block)
	var parsing sync.WaitGroup
	for range d.workers {
		out := newSink()
		parsing.Go(func() {
			for b := range blocks {
				b.parse(out)
			}
		})
	}
	sinks := make([]sink, d.workers)
	for i := range sinks {
		sinks[i] = newSink()
	}
	inputs := make([][]correlate.Input, len(d.units))
	inTurn := newTurns(func(all, c *correlate.Clients) { all.Merge(c) })
	err := eachUnit(ctx, d.workers, d.units, func(worker, i int) error {
		inTurn.wait(i, readAhead*d.workers)
		clients := correlate.NewClients()
		defer func() { inTurn.done(i, clients) }()
		return d.units[i].Each(ctx, func(in collect.Input) error {
			sum, visitors := d.read(ctx, in, sinks[worker], func(b block) { blocks <- b }, true)
			inputs[i] = append(inputs[i], sum)
			clients.Merge(visitors)
			return ctx.Err()
		})
	})
	close(blocks)
	parsing.Wait()
	return slices.Concat(inputs...), inTurn.all, err
}

// readAhead is how many files a worker may be ahead of the first that is not done: the clients of each wait for their turn.
const readAhead = 4

// inOrder reads every input, one after the other, and hands on its records in file order and then its summary.
func (d *driver) inOrder(ctx context.Context, record func(parsers.Record) error, done func(correlate.Input) error) error {
	var failed error
	out := sink{record: func(r parsers.Record) {
		if failed == nil {
			failed = record(r)
		}
	}}
	for _, u := range d.units {
		err := u.Each(ctx, func(in collect.Input) error {
			sum, _ := d.read(ctx, in, out, func(b block) { b.parse(out) }, false)
			if err := errors.Join(ctx.Err(), failed); err != nil {
				return err
			}
			return done(sum)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// eachUnit calls f for the number of every unit on so many workers, and returns their errors.
func eachUnit(ctx context.Context, workers int, units []*collect.Unit, f func(worker, unit int) error) error {
	errs := make([]error, len(units))
	next := make(chan int)
	var wg sync.WaitGroup
	for worker := range min(workers, max(len(units), 1)) {
		wg.Go(func() {
			for i := range next {
				errs[i] = f(worker, i)
			}
		})
	}
	for i := range units {
		if ctx.Err() != nil {
			break
		}
		next <- i
	}
	close(next)
	wg.Wait()
	return errors.Join(ctx.Err(), errors.Join(errs...))
}

// read reads one input: whole files here, the blocks of a Line parser's file wherever dispatch takes them. It returns
// when all of it is parsed, with the clients that a sink's fold was not told of. With skipTwins a file that repeats another
// is not read again.
func (d *driver) read(ctx context.Context, in collect.Input, out sink, dispatch func(block), skipTwins bool) (correlate.Input, *correlate.Clients) {
	clients := correlate.NewClients()
	if out.fold != nil {
		out.fold.Into(clients)
		defer out.fold.Into(nil)
	}
	return d.readInto(ctx, in, out, clients, dispatch, skipTwins), clients
}

func (d *driver) readInto(ctx context.Context, in collect.Input, out sink, clients *correlate.Clients, dispatch func(block), skipTwins bool) correlate.Input {
	sum := correlate.Input{File: in.Name, Host: in.Host, ModTime: in.ModTime}
	if in.Err != nil {
		sum.Err = in.Err.Error()
		return sum
	}
	if twin, ok := d.census.twins[in.Name]; ok && skipTwins {
		sum.Format, sum.DuplicateOf, sum.Bytes, sum.SHA256 = twin.format, twin.of, twin.size, hex.EncodeToString(twin.sum[:])
		return sum
	}
	body := &hashing{r: in.R, h: sha256.New(), long: in.Size > maxHashed, pace: &d.pace}
	br := bufio.NewReaderSize(body, headSize)
	head, _ := br.Peek(headSize)
	if collect.IsDigest(head) {
		d.digests.read(in, br, &sum)
		_, _ = io.Copy(io.Discard, br)
		sum.Bytes, sum.SHA256 = body.n, hex.EncodeToString(body.h.Sum(nil))
		return sum
	}
	file := &reading{
		source: parsers.Source{Name: in.Name, Host: in.Host, ModTime: in.ModTime, Hints: d.census.hintsTo(in.Name, in.Host),
			Head: bytes.Clone(head)},
		hits: newHitTurns(),
	}
	file.hits.all = clients
	var known bool
	file.parser, known = d.census.detect(in.Name, head, file.source.Hints)
	if known {
		sum.Format = file.parser.Name
	} else {
		file.parser = parsers.Parser{Name: "text", Line: uninterested}
	}
	uncounted := ""
	if in.Counter != nil && skipTwins && file.parser.Name == "nginx-access" {
		if _, large := in.Counter.Entries(ctx); large {
			err := safely("count", func() error { return countAccess(ctx, in.Counter, &file.source, out, &sum) })
			if err == nil {
				return sum
			}
			uncounted = "; read line by line, since it could not be counted: " + err.Error()
		}
	}
	if file.parser.Line != nil && !maybeUTF16(head) {
		file.readBlocks(br, dispatch)
	} else {
		file.parse(br, nil, 0, out)
	}
	file.wait.Wait()
	_, err := io.Copy(io.Discard, br) // what the parser left
	file.fail(err, math.MaxInt)

	sum.Read, sum.Facts, sum.Skipped, sum.FirstSkipped = file.source.Read, file.facts, file.source.Skipped, file.source.FirstSkipped
	if !known { // a long line is no lost record where no record was looked for
		sum.Skipped, sum.FirstSkipped = 0, nil
	}
	sum.From, sum.To, sum.Parts = file.from, file.to, file.source.Parts
	sum.Bytes, sum.SHA256 = body.n, body.sum()
	if in.Note != nil {
		sum.Note = in.Note() + uncounted
	}
	if file.err != nil {
		sum.Err = file.err.Error()
	}
	return sum
}

// uninterested counts the lines of a file that no parser knows.
func uninterested(*parsers.Source, []byte, parsers.Pos, func(parsers.Record)) bool { return true }

// maybeUTF16 tells a text that cannot be cut at the byte of a newline.
func maybeUTF16(head []byte) bool {
	head = head[:min(len(head), 4)]
	return bytes.IndexByte(head, 0) >= 0 || bytes.HasPrefix(head, []byte("\xff\xfe")) || bytes.HasPrefix(head, []byte("\xfe\xff"))
}

// reading is what is known of one file while parts of it are parsed.
type reading struct {
	parser parsers.Parser
	wait   sync.WaitGroup
	hits   *turns[part] // the clients of the blocks

	mu       sync.Mutex
	source   parsers.Source // the counts of all parts; its R is not used
	facts    int
	from, to time.Time
	err      error
	errAt    int
	free     []*parsers.Source // of parts that are done: a Line parser keeps in it what it worked out from the head
}

// part gives a source for a part before which so many lines stand. One of an earlier part is used again: to choose the
// format of an access log anew for every block cost a tenth of its reading.
func (f *reading) part(r io.Reader, text []byte, before int) *parsers.Source {
	f.mu.Lock()
	defer f.mu.Unlock()
	src := &parsers.Source{
		Name: f.source.Name, Host: f.source.Host, ModTime: f.source.ModTime, Hints: f.source.Hints, Head: f.source.Head,
	}
	if n := len(f.free); n > 0 {
		if old := f.free[n-1]; len(old.Head) == len(src.Head) { // the head of a file that is being written grows
			src = old
		}
		f.free = f.free[:n-1]
	}
	src.R, src.Text, src.Before = r, text, before
	src.Read, src.Skipped, src.FirstSkipped = 0, 0, nil
	return src
}

// parse reads one part of the file, before which so many lines stand, and adds its counts. text is all of r, or nil.
func (f *reading) parse(r io.Reader, text []byte, before int, out sink) {
	src := f.part(r, text, before)
	facts := 0
	var from, to, last time.Time
	err := safely(f.parser.Name, func() error {
		return parsers.Read(f.parser, src, func(rec parsers.Record) {
			facts++
			if rec.Time != last && rec.Clock == parsers.ZonedClock && rec.Time.Year() > 1 {
				last = rec.Time
				if from.IsZero() || rec.Time.Before(from) {
					from = rec.Time
				}
				if rec.Time.After(to) {
					to = rec.Time
				}
			}
			out.record(rec)
		})
	})

	f.mu.Lock()
	defer f.mu.Unlock()
	f.source.Read += src.Read
	f.source.Skipped += src.Skipped
	f.source.Parts = append(f.source.Parts, src.Parts...) // only what is read in one piece has any
	if s := src.FirstSkipped; s != nil && (f.source.FirstSkipped == nil || s.Before(f.source.FirstSkipped)) {
		f.source.FirstSkipped = s
	}
	f.facts += facts
	if !from.IsZero() && (f.from.IsZero() || from.Before(f.from)) {
		f.from = from.UTC()
	}
	if to.After(f.to) {
		f.to = to.UTC()
	}
	f.note(err, before)
	if src.R, src.Text = nil, nil; err == nil {
		f.free = append(f.free, src)
	}
}

// fail notes an error of the stream behind so many lines.
func (f *reading) fail(err error, before int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.note(err, before)
}

// note keeps the first error of the file, in whatever order its parts are done.
func (f *reading) note(err error, before int) {
	if err != nil && (f.err == nil || before < f.errAt) {
		f.err, f.errAt = err, before
	}
}

// safely makes a parser's panic an error of its input: one file that a parser cannot bear costs that file.
func safely(parser string, f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("parser %s: panic: %v (at %s); please report it", parser, p, panicPlace(string(debug.Stack())))
		}
	}()
	return f()
}

// panicPlace finds the line of parsers or correlate that panicked.
func panicPlace(stack string) string {
	_, stack, _ = strings.Cut(stack, "panic(")
	for line := range strings.Lines(stack) {
		for _, of := range [...]string{"/parsers/", "/correlate/"} {
			if i := strings.Index(line, of); i >= 0 {
				place, _, _ := strings.Cut(line[i+1:], " ")
				return strings.TrimSpace(place)
			}
		}
	}
	return "an unknown place"
}

// hashing counts what is read, and hashes it while it is not too long.
type hashing struct {
	r    io.Reader
	h    hash.Hash
	n    int64
	long bool // is known to be too long before it is read
	pace *pacer
}

// maxHashed is the most of which a hash is told. The longer logs are read at twice the pace of SHA-256, which would cost as
// much as all the rest: of a log of 100 MB its first 64 took a quarter of the time.
const maxHashed = 64 << 20

func (h *hashing) Read(p []byte) (int, error) {
	n, err := h.r.Read(p)
	h.pace.add(n)
	if h.n += int64(n); !h.long && h.n <= maxHashed {
		h.h.Write(p[:n])
	}
	return n, err
}

// sum is "" when too much was read.
func (h *hashing) sum() string {
	if h.long || h.n > maxHashed {
		return ""
	}
	return hex.EncodeToString(h.h.Sum(nil))
}

// tellBad prints which inputs of the command line could not be read, and gives the exit code that follows.
func (d *driver) tellBad(stderr io.Writer) int {
	for _, line := range d.bad {
		fmt.Fprintf(stderr, "culprit: %s\n", line)
	}
	if len(d.bad) > 0 {
		return exitUnreadable
	}
	return exitOK
}
