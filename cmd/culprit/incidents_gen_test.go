package main

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"flag"
	"fmt"
	"hash/fnv"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "rewrite the golden files and the generated logs")

// generated are the files of testdata/incidents/<name> that are too long to write by hand, by their path in it. The rest of
// the folder is written by hand; its README says which facts come from where.
var generated = map[string]func() map[string]string{
	"tea-shop": teaShop,
}

// TestIncidentsAreGenerated keeps the provenance of the long logs: with -update it writes them, without it checks that they
// are still what the generator makes. Compressed files are compared unpacked, as gzip's output may change with Go.
func TestIncidentsAreGenerated(t *testing.T) {
	for name, files := range generated {
		t.Run(name, func(t *testing.T) {
			for path, want := range files() {
				file := filepath.Join("../../testdata/incidents", name, path)
				if *update {
					writeGenerated(t, file, want)
				}
				if got := readGenerated(t, file); got != want {
					t.Errorf("%s is not what the generator makes: see -update", file)
				}
			}
		})
	}
}

func writeGenerated(t *testing.T, file, text string) {
	t.Helper()
	b := []byte(text)
	if strings.HasSuffix(file, ".gz") {
		var buf bytes.Buffer
		z, _ := gzip.NewWriterLevel(&buf, gzip.BestCompression) // no name and no time: the same bytes every time
		z.Write(b)
		z.Close()
		b = buf.Bytes()
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

func readGenerated(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(file, ".gz") {
		return string(b)
	}
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	if b, err = io.ReadAll(z); err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// dice is splitmix64: the same sequence on every machine and with every Go.
type dice uint64

func (d *dice) next() uint64 {
	*d += 0x9e3779b97f4a7c15
	z := uint64(*d)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// n is a number in [0, max).
func (d *dice) n(max int) int { return int(d.next() % uint64(max)) }

func (d *dice) hex(n int) string {
	s := ""
	for len(s) < n {
		s += fmt.Sprintf("%016x", d.next())
	}
	return s[:n]
}

// spread puts n moments into [from, to): one at random in each of n equal slots, so both the count and the rate are exact.
func (d *dice) spread(n int, from, to time.Time) []time.Time {
	at := make([]time.Time, n)
	slot := to.Sub(from) / time.Duration(n)
	for i := range at {
		at[i] = from.Add(time.Duration(i)*slot + time.Duration(d.next()%uint64(slot)))
	}
	return at
}

// sizeOf is a page's size: always the same for the same page.
func sizeOf(page string, least, spread int) int {
	h := fnv.New32a()
	io.WriteString(h, page)
	return least + int(h.Sum32())%spread
}

// request is a line of an access log in the combined format; raw, where set, is the line itself.
type request struct {
	at                                                time.Time
	client, method, target, protocol, ref, agent, raw string
	status, size                                      int
}

func (r request) String() string {
	if r.raw != "" {
		return r.raw
	}
	return fmt.Sprintf(`%s - - [%s] "%s %s %s" %d %d "%s" "%s"`, r.client, r.at.Format("02/Jan/2006:15:04:05 -0700"),
		cmp.Or(r.method, "GET"), r.target, cmp.Or(r.protocol, "HTTP/1.1"), r.status, r.size, cmp.Or(r.ref, "-"), cmp.Or(r.agent, "-"))
}

// accessLog is the requests of [from, to) in the order of their times.
func accessLog(all []request, from, to time.Time) string {
	all = slices.Clone(all)
	slices.SortStableFunc(all, func(a, b request) int { return a.at.Compare(b.at) })
	var out strings.Builder
	for _, r := range all {
		if !r.at.Before(from) && r.at.Before(to) {
			fmt.Fprintln(&out, r)
		}
	}
	return out.String()
}
