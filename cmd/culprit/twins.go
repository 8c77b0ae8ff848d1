package main

import (
	"bufio"
	"cmp"
	"context"
	"crypto/sha256"
	"io"
	"iter"
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
	unit       *collect.Unit
	name, host string
	format     format
	prefix     string // its first prefixSize bytes
	packed     bool   // in an archive
	content
}

func newCandidate(u *collect.Unit, in collect.Input, head []byte, f format) *candidate {
	return &candidate{unit: u, name: in.Name, host: in.Host, format: f, content: content{size: -1}, packed: u.Packed || in.Name != u.Name,
		prefix: string(head[:min(len(head), prefixSize)])}
}

// alone says whether the file can be read once more by itself.
func (c *candidate) alone() bool { return c.name == c.unit.Name && c.unit.Again() }

// hashMember hashes the member of an archive at once, since its unit goes by only here.
func (c *candidate) hashMember(r io.Reader) {
	if c.name != c.unit.Name {
		c.hash(r, nil)
	}
}

// isLog asks of a file that can be opened again what the census asked of the others. To ask it of every file, by parsing its
// beginning, took a twentieth of an incident with hundreds of snapshots.
func (c *candidate) isLog(ctx context.Context) (is bool, err error) {
	if !c.alone() {
		return true, nil
	}
	err = c.unit.Each(ctx, func(in collect.Input) error {
		if in.Err == nil && in.Name == c.name {
			head, _ := bufio.NewReaderSize(in.R, headSize).Peek(headSize)
			is = isLog(c.format.parser, c.format.known, in, head)
		}
		return ctx.Err()
	})
	return is, err
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

// findTwins compares the logs that begin alike. The files of an archive that was not unfolded are recognised as
// copies and as shorter copies, but not as longer ones, which would take another pass over it.
func findTwins(ctx context.Context, files []*candidate) (map[string]twin, error) {
	var logs []*candidate
	for files := range alike(files) {
		for _, c := range files {
			if is, err := c.isLog(ctx); err != nil {
				return nil, err
			} else if is {
				logs = append(logs, c)
			}
		}
	}
	twins := map[string]twin{}
	for logs := range alike(logs) {
		if err := compare(ctx, logs, twins); err != nil {
			return nil, err
		}
	}
	for name, t := range twins { // the copy of a shorter copy
		if of, is := twins[t.of]; is {
			t.of = of.of
			twins[name] = t
		}
	}
	return twins, nil
}

// alike gives the files that begin as another of the same host and format does.
func alike(files []*candidate) iter.Seq[[]*candidate] {
	slices.SortStableFunc(files, func(a, b *candidate) int {
		return cmp.Or(cmp.Compare(a.host, b.host), cmp.Compare(a.format.parser.Name, b.format.parser.Name), cmp.Compare(a.prefix, b.prefix))
	})
	return func(yield func([]*candidate) bool) {
		for rest := files; len(rest) > 0; {
			n := 1
			for n < len(rest) && rest[n].host == rest[0].host && rest[n].format.parser.Name == rest[0].format.parser.Name &&
				strings.HasPrefix(rest[n].prefix, rest[0].prefix) {
				n++
			}
			if n > 1 && !yield(rest[:n:n]) {
				return
			}
			rest = rest[n:]
		}
	}
}

// compare finds the twins among logs that begin alike.
func compare(ctx context.Context, logs []*candidate, twins map[string]twin) error {
	for _, c := range logs {
		if c.alone() {
			if err := c.reread(ctx, nil); err != nil {
				return err
			}
		}
	}
	logs = slices.DeleteFunc(slices.Clone(logs), func(c *candidate) bool { return c.size <= 0 })
	// The longest first; of equals the one that is not in an archive, then the first by name: that one stays.
	slices.SortFunc(logs, func(a, b *candidate) int {
		return cmp.Or(cmp.Compare(b.size, a.size), boolCompare(a.packed, b.packed), cmp.Compare(a.name, b.name))
	})
	byContent := map[content]*candidate{}
	var different []*candidate
	for _, c := range logs {
		if of, ok := byContent[c.content]; ok {
			twins[c.name] = twin{of.name, c.format.parser.Name, c.content}
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
		if _, is := twins[c.name]; is || len(rest) == 0 || len(rest) > maxPrefixes || !c.alone() {
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
				twins[d.name] = twin{c.name, d.format.parser.Name, d.content}
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
