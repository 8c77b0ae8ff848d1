package correlate

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"

	"culprit/parsers"
)

// A digest is a Timeline as bytes: one host's folded evidence, to be merged with that of others. What is read back is the
// same fold; only what a fold remembers to be quick is left out (see digest_test.go, which holds every field to that).

// DigestSchema names what a digest of this program holds. It changes with every type that is part of a Timeline, so a
// digest of another version is refused and never misread.
func DigestSchema() string {
	h := sha256.New()
	describe(h, reflect.TypeFor[Timeline](), map[reflect.Type]bool{})
	return hex.EncodeToString(h.Sum(nil)[:6])
}

// describe writes a type down with all it is made of.
func describe(w io.Writer, t reflect.Type, seen map[reflect.Type]bool) {
	fmt.Fprintf(w, "%s %s;", t, t.Kind())
	if seen[t] {
		return
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Struct:
		if t.PkgPath() != "" && !strings.HasPrefix(t.PkgPath(), "culprit/") {
			return
		}
		for f := range t.Fields() {
			fmt.Fprintf(w, "%s ", f.Name)
			describe(w, f.Type, seen)
		}
	case reflect.Slice, reflect.Array, reflect.Pointer:
		describe(w, t.Elem(), seen)
	case reflect.Map:
		describe(w, t.Key(), seen)
		describe(w, t.Elem(), seen)
	}
}

// WriteDigest writes the fold. It may be used afterwards.
func (t *Timeline) WriteDigest(w io.Writer) error {
	t.sort()
	t.visitors.sort()
	c := newWriter(w)
	c.timeline(t)
	if c.err == nil {
		c.err = c.w.Flush()
	}
	return c.err
}

// ReadDigest reads a fold that WriteDigest wrote. Every file's name gets prefix put in front, and a file whose host is not
// known gets host. A hostile digest is an error; it makes no more than its size and maxDecoded allow.
func ReadDigest(r io.Reader, prefix, host string) (*Timeline, error) {
	c := newReader(r, prefix)
	t := NewTimeline()
	if c.timeline(t); c.err != nil {
		return nil, c.err
	}
	if _, err := c.r.ReadByte(); err != io.EOF {
		return nil, errors.New("goes on behind its end")
	}
	for file := range c.files {
		if t.spans[file] == nil { // Add makes one for every record
			return nil, fmt.Errorf("records of %.40q, of which none was read", file)
		}
	}
	if host != "" {
		t.SetHost(host)
	}
	return t, nil
}

// Inputs are the files that the fold was told of.
func (t *Timeline) Inputs() []Input { return slices.Collect(maps.Values(t.inputs)) }

func (c *coder) timeline(t *Timeline) {
	dict(c, &t.inputs, sorted, func(file *string, in *Input) {
		c.name(file)
		c.fact(reflect.ValueOf(in).Elem())
		if in.File = *file; in.DuplicateOf != "" && c.w == nil {
			in.DuplicateOf = c.prefix + in.DuplicateOf
		}
	})
	dict(c, &t.spans, sorted, func(file *string, s **span) {
		c.file(file)
		c.span(made(c, s))
	})
	dict(c, &t.configs, sorted, func(file *string, cfg *config) {
		c.file(file)
		c.str(&cfg.system)
		text := string(cfg.text)
		c.str(&text)
		cfg.text = []byte(text)
	})
	c.thinning(&t.thinned)
	seenList(c, &t.kills)
	seenList(c, &t.kernel)
	seenList(c, &t.services)
	seenList(c, &t.crons)
	seenList(c, &t.cronJobs)
	seenList(c, &t.infos)
	seenList(c, &t.redis)
	seenList(c, &t.slow)
	seenList(c, &t.clients)
	seenList(c, &t.memory)
	seenList(c, &t.clocks)
	seenList(c, &t.processes)
	seenList(c, &t.containers)
	seenList(c, &t.settings)
	seenList(c, &t.pool)
	seenList(c, &t.app)
	seenList(c, &t.deploys)
	seenList(c, &t.code)
	seenList(c, &t.groups)
	seenList(c, &t.queries)
	seenList(c, &t.webStatus)
	seenList(c, &t.disks)
	c.keyFold(&t.keys)
	c.errorFold(&t.webErrors)
	c.webFold(t.web)
	c.clientFold(t.visitors, t.web)
}

// made is what a map's value points to, new when it is read.
func made[T any](c *coder, p **T) *T {
	if c.w == nil {
		*p = new(T)
	}
	return *p
}

func seenList[T any](c *coder, l *[]seen[T]) {
	list(c, l, func(s *seen[T]) {
		c.fact(reflect.ValueOf(&s.fact).Elem())
		c.stamp(&s.when)
		c.pos(&s.at)
		c.str(&s.text)
	})
}

func (c *coder) pos(p *parsers.Pos) {
	c.file(&p.File)
	nums(c, &p.Line)
}

func (c *coder) stamp(s *stamp) {
	c.instant(&s.t)
	nums(c, &s.clock)
	nums(c, (*int64)(&s.boot))
	c.bool(&s.hasBoot)
}

func (c *coder) span(s *span) {
	c.window(&s.zoned)
	c.window(&s.local)
	sums(c, &s.records)
	list(c, &s.offsets, func(n *int) { nums(c, n) })
	c.bool(&s.boots)
	nums(c, (*int64)(&s.minBoot), (*int64)(&s.maxBoot))
}

func (c *coder) window(w *window) {
	c.instant(&w.from)
	c.instant(&w.to)
}

// thinning: a stretch is a power of two of minutes.
func (c *coder) thinning(n *thinning) {
	stretches := []*int{&n.infos, &n.redis, &n.kernel, &n.services, &n.crons, &n.pool, &n.app, &n.slow, &n.memory, &n.clocks,
		&n.queries, &n.webStatus, &n.disks}
	nums(c, stretches...)
	for _, s := range stretches {
		if *s < 0 || *s > maxStretch {
			c.fail("a stretch of %d", *s)
			*s = 0
		}
	}
}

func (c *coder) example(e *example) {
	c.instant(&e.t)
	c.pos(&e.at)
	c.str(&e.text)
}

func (c *coder) keyFold(k *keyFold) {
	compare := func(a, b keyPrefix) int { return compareStrings(a.file, b.file, a.prefix, b.prefix) }
	dict(c, (*map[keyPrefix]*keySum)(k), compare, func(p *keyPrefix, s **keySum) {
		c.file(&p.file)
		c.str(&p.prefix)
		sum := made(c, s)
		sums(c, &sum.keys, &sum.ttlKnown, &sum.noTTL, &sum.bytes, &sum.bytesKnown, &sum.valueLen)
		nums(c, &sum.minTTL, &sum.maxTTL)
		c.example(&sum.first)
		c.example(&sum.noTTLLine)
		c.str(&sum.name)
		c.example(&sum.value)
	})
}

func (c *coder) errorFold(e *errorFold) {
	compare := func(a, b errorKey) int { return compareStrings(a.file, b.file, a.signature, b.signature) }
	dict(c, (*map[errorKey]*errorSum)(e), compare, func(k *errorKey, s **errorSum) {
		c.file(&k.file)
		c.str(&k.signature)
		sum := made(c, s)
		sums(c, &sum.n)
		nums(c, &sum.clock)
		c.example(&sum.first)
		c.example(sum.last.settle())
		dict(c, &sum.minutes, sorted, func(minute, n *int64) {
			c.bin(minute, 60)
			sums(c, n)
		})
		c.counts(&sum.clients)
		c.counts(&sum.routes)
		if sum.minutes == nil || sum.clients == nil || sum.routes == nil {
			c.fail("an error without its sums")
		}
	})
}

func (c *coder) counts(m *map[string]int64) {
	dict(c, m, sorted, func(name *string, n *int64) {
		c.str(name)
		sums(c, n)
	})
}

func compareStrings(pairs ...string) int {
	for i := 0; i < len(pairs); i += 2 {
		if n := strings.Compare(pairs[i], pairs[i+1]); n != 0 {
			return n
		}
	}
	return 0
}
