package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"io"
	"slices"
	"strings"

	"culprit/cmd/internal/collect"
)

// twin is a file whose bytes another file holds as well: a copy, a compressed copy, or a copy taken when the other was
// shorter.
type twin struct {
	of, format string
	content
}

// content is what two files must share to be one.
type content struct {
	size int64 // unpacked; -1 = not read yet
	sum  [sha256.Size]byte
}

// prefixSize tells apart what is no copy: two logs that begin with the same three lines are rare, and are read to be sure.
const prefixSize = 512

// candidate is a log that may be a twin.
type candidate struct {
	unit               *collect.Unit
	name, host, format string
	prefix             string // its first prefixSize bytes
	member             bool   // of an archive: cannot be read alone
	content
}

// newCandidate notes a log. The member of an archive is hashed at once, since its unit goes by only here.
func newCandidate(u *collect.Unit, in collect.Input, head []byte, format string, r io.Reader) *candidate {
	c := &candidate{unit: u, name: in.Name, host: in.Host, format: format, content: content{size: -1}, member: in.Name != u.Name,
		prefix: string(head[:min(len(head), prefixSize)])}
	if c.member {
		c.hash(r, nil)
	}
	return c
}

// hash reads r to its end. For every length in marks it tells the hash of that much. A log that cannot be read whole is
// no twin: what its rest says is not known.
func (c *candidate) hash(r io.Reader, marks map[int64][sha256.Size]byte) {
	lengths := make([]int64, 0, len(marks))
	for n := range marks {
		lengths = append(lengths, n)
	}
	slices.Sort(lengths)
	h := sha256.New()
	var size int64
	for _, n := range lengths {
		k, err := io.CopyN(h, r, n-size)
		size += k
		if err != nil {
			return
		}
		marks[n] = [sha256.Size]byte(h.Sum(nil))
	}
	k, err := io.Copy(h, r)
	if err != nil {
		return
	}
	c.size, c.sum = size+k, [sha256.Size]byte(h.Sum(nil))
}

// reread hashes a file that stands alone.
func (c *candidate) reread(ctx context.Context, marks map[int64][sha256.Size]byte) error {
	return c.unit.Each(ctx, func(in collect.Input) error {
		if in.Err == nil && in.Name == c.name {
			c.hash(in.R, marks)
		}
		return ctx.Err()
	})
}

// findTwins compares the logs that begin alike. Members of archives are recognised as copies and as shorter copies, but
// not as longer ones, which would take another pass over the archive.
func findTwins(ctx context.Context, logs []*candidate) (map[string]twin, error) {
	twins := map[string]twin{}
	slices.SortStableFunc(logs, func(a, b *candidate) int {
		return cmp.Or(cmp.Compare(a.host, b.host), cmp.Compare(a.format, b.format), cmp.Compare(a.prefix, b.prefix))
	})
	for len(logs) > 0 {
		n := 1
		for n < len(logs) && logs[n].host == logs[0].host && logs[n].format == logs[0].format &&
			strings.HasPrefix(logs[n].prefix, logs[0].prefix) {
			n++
		}
		if n > 1 {
			if err := compare(ctx, logs[:n], twins); err != nil {
				return nil, err
			}
		}
		logs = logs[n:]
	}
	for name, t := range twins { // the copy of a shorter copy
		if of, is := twins[t.of]; is {
			t.of = of.of
			twins[name] = t
		}
	}
	return twins, nil
}

// compare finds the twins among logs that begin alike.
func compare(ctx context.Context, logs []*candidate, twins map[string]twin) error {
	for _, c := range logs {
		if !c.member && c.unit.Again() {
			if err := c.reread(ctx, nil); err != nil {
				return err
			}
		}
	}
	logs = slices.DeleteFunc(slices.Clone(logs), func(c *candidate) bool { return c.size <= 0 })
	// The longest first; of equals the one that is not in an archive, then the first by name: that one stays.
	slices.SortFunc(logs, func(a, b *candidate) int {
		return cmp.Or(cmp.Compare(b.size, a.size), boolCompare(a.member, b.member), cmp.Compare(a.name, b.name))
	})
	byContent := map[content]*candidate{}
	var different []*candidate
	for _, c := range logs {
		if of, ok := byContent[c.content]; ok {
			twins[c.name] = twin{of.name, c.format, c.content}
			continue
		}
		byContent[c.content] = c
		different = append(different, c)
	}
	return comparePrefixes(ctx, different, twins)
}

// maxPrefixes bounds the lengths at which a file is compared with shorter ones: a chain of hourly copies over a month.
const maxPrefixes = 1000

// comparePrefixes finds, among logs that differ, those that are the beginning of a longer one.
func comparePrefixes(ctx context.Context, logs []*candidate, twins map[string]twin) error {
	for i, c := range logs {
		rest := logs[i+1:]
		if _, is := twins[c.name]; is || len(rest) == 0 || len(rest) > maxPrefixes || c.member || !c.unit.Again() {
			continue
		}
		marks := map[int64][sha256.Size]byte{}
		for _, d := range rest {
			marks[d.size] = [sha256.Size]byte{}
		}
		if err := c.reread(ctx, marks); err != nil {
			return err
		}
		for _, d := range rest {
			if marks[d.size] == d.sum {
				twins[d.name] = twin{c.name, d.format, d.content}
			}
		}
	}
	return nil
}

// boolCompare puts false first.
func boolCompare(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}
