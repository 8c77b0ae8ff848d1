package main

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"culprit/correlate"
	"culprit/parsers"
)

// folder writes files below a new folder.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// accessLines is n lines of an access log that begins at that second of the day.
func accessLines(start, n int) string {
	r := rand.New(rand.NewPCG(uint64(start), 1))
	var b strings.Builder
	for i := range n {
		s := start + i/20
		fmt.Fprintf(&b, "198.51.100.%d - - [20/Apr/2026:%02d:%02d:%02d +0800] \"GET /tea/%d HTTP/1.1\" 200 %d \"-\" \"Mozilla/5.0 (X11; Linux x86_64)\"\n",
			r.IntN(250), s/3600%24, s/60%60, s%60, r.IntN(1000), r.IntN(9000))
	}
	return b.String()
}

func packed(s string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	io.WriteString(w, s)
	w.Close()
	return b.String()
}

func tarOf(files ...string) string {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for i := 0; i < len(files); i += 2 {
		w.WriteHeader(&tar.Header{Name: files[i], Size: int64(len(files[i+1])), Mode: 0o644})
		io.WriteString(w, files[i+1])
	}
	w.Close()
	return b.String()
}

// readFolder reads with so many workers: the inputs, and a sum over the records that their order does not change.
func readFolder(t *testing.T, workers int, args ...string) ([]correlate.Input, uint64) {
	t.Helper()
	d, err := newDriver(t.Context(), args, nil, workers)
	if err != nil {
		t.Fatal(err)
	}
	var sums []*uint64
	inputs, _, err := d.readAll(t.Context(), func() sink {
		sum := new(uint64)
		sums = append(sums, sum)
		return sink{record: func(r parsers.Record) {
			b, err := json.Marshal(r)
			if err != nil {
				t.Error(err)
			}
			h := fnv.New64a()
			h.Write(b)
			*sum += h.Sum64()
		}}
	})
	if err != nil {
		t.Fatal(err)
	}
	total := uint64(0)
	for _, s := range sums {
		total += *s
	}
	return inputs, total
}

// A log of more clients than are kept must not tell how many read it either: who is let go depends on the lines alone.
func TestWorkersDoNotShowInCrowds(t *testing.T) {
	dir := t.TempDir()
	for i, clients := range []int{100_000, 20_000, 3000} {
		writeFile(t, fmt.Sprintf("%s/access.log.%d", dir, i), func(w io.Writer) error {
			return shopLog{size: 24 << 20 >> (2 * i), clients: clients, uniform: true}.write(w)
		})
	}
	var want []string
	for _, workers := range []int{1, 2, 7} {
		d, err := newDriver(t.Context(), []string{dir}, nil, workers)
		if err != nil {
			t.Fatal(err)
		}
		fold, err := d.fold(t.Context(), time.Time{}, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		requests := int64(0)
		web := fold.Incident(time.Unix(1_800_000_000, 0), correlate.Options{}).Web
		web.EachClient(func(c correlate.Client) {
			got = append(got, fmt.Sprint(c))
			requests += c.Requests
		})
		for _, g := range web.Groups {
			got = append(got, fmt.Sprint(g.Name, g.Requests, g.Total()))
		}
		if want == nil {
			want = got
			t.Logf("%d clients kept of 100,000, %d requests", len(want), requests)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%d workers make another fold (-of 1 +of %d):\n%.1000s", workers, workers, diff)
		}
	}
}

func TestWorkersDoNotShow(t *testing.T) {
	lines := 20_000
	if testing.Short() {
		lines = 9_000 // more than one block
	}
	dir := folder(t, map[string]string{
		"var/log/nginx/access.log":      accessLines(40000, lines),
		"var/log/nginx/access.log.1":    accessLines(30000, lines/4) + "garbage\n" + accessLines(35000, lines/4),
		"var/log/nginx/access.log.2.gz": packed(accessLines(20000, lines)),
		"bundle.tar.gz":                 packed(tarOf("a/access.log", accessLines(10000, lines), "b/notes", "one\ntwo")),
		"free.txt":                      "               total        used        free      shared  buff/cache   available\nMem:            7957        7412         132          12         412         281\n",
		"empty":                         "",
	})
	wantInputs, wantSum := readFolder(t, 1, dir)
	for _, workers := range []int{2, 7} {
		inputs, sum := readFolder(t, workers, dir)
		if diff := cmp.Diff(wantInputs, inputs); diff != "" {
			t.Errorf("%d workers (-1 worker +%d):\n%s", workers, workers, diff)
		}
		if sum != wantSum {
			t.Errorf("%d workers: other records", workers)
		}
	}
	facts := map[string]int{}
	for _, in := range wantInputs {
		facts[in.File] = in.Facts
		if in.SHA256 == "" || in.Err != "" || in.Bytes == 0 && in.File != "empty" {
			t.Errorf("%+v", in)
		}
	}
	if _, ok := parsers.ByName("nginx-access"); !ok {
		t.Skip("no parser of access logs")
	}
	want := map[string]int{"bundle.tar.gz/a/access.log": lines, "bundle.tar.gz/b/notes": 0, "empty": 0, "free.txt": 1,
		"var/log/nginx/access.log": lines, "var/log/nginx/access.log.1": lines / 4 * 2, "var/log/nginx/access.log.2.gz": lines}
	if diff := cmp.Diff(want, facts); diff != "" {
		t.Errorf("facts (-want +got):\n%s", diff)
	}
}

// A copy and its original must not count a line twice, whatever they are called and packed in.
func TestTwins(t *testing.T) {
	log := accessLines(1000, 300)
	first := log[:strings.Index(log[len(log)/2:], "\n")+len(log)/2+1]
	conf := "maxmemory 100mb\nmaxmemory-policy noeviction\nappendonly no\n"
	dir := folder(t, map[string]string{
		"access.log":         log,
		"access.log.1":       log,
		"access.log.1.gz":    packed(log),
		"earlier":            first,
		"earlier.gz":         packed(first),
		"other.log":          log[:len(log)/3] + "x\n",
		"web1/access.log":    log,
		"bundle.tar":         tarOf("access.log", log, "more.log", log+log),
		"redis.conf":         conf,
		"redis.conf.bak":     conf,
		"conf.d/10-first":    conf + "timeout 0\n",
		"nothing":            "",
		"nothing.else":       "",
		"var/log/copied.log": first + "198.51.100",
	})
	inputs, _ := readFolder(t, 2, dir)
	got := map[string]string{}
	for _, in := range inputs {
		if in.DuplicateOf != "" {
			got[in.File] = in.DuplicateOf
			if in.SHA256 == "" || in.Bytes == 0 || in.Facts > 0 || in.Read > 0 {
				t.Errorf("%+v", in)
			}
		}
	}
	want := map[string]string{}
	for _, copied := range []string{"access.log", "access.log.1", "access.log.1.gz", "bundle.tar/access.log", "earlier", "earlier.gz", "var/log/copied.log"} {
		want[copied] = "bundle.tar/more.log"
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}

	dir = folder(t, map[string]string{"access.log": log}) // an archive that goes by in one piece
	d, err := newDriver(t.Context(), []string{dir, "-"}, strings.NewReader(tarOf("access.log", log)), 2)
	if of := d.census.twins["stdin/access.log"].of; err != nil || of != path.Join(dir, "access.log") {
		t.Errorf("the file in a stream is a copy of %q, %v", of, err)
	}
}

// A file of a Line parser reads the same in blocks as in one piece, long lines and a missing last newline included.
func TestBlocksEqualTheWhole(t *testing.T) {
	long := strings.Repeat("x", parsers.MaxLine)
	for name, text := range map[string]string{
		"empty":       "",
		"one":         "a",
		"lines":       strings.Repeat("0123456789\n", 200_000),
		"blank lines": strings.Repeat("abcdefghij\r\n\r\n\n", 100_000) + "\n\n",
		"bom":         "\xef\xbb\xbfa\nb\n",
		"just so":     "a\n" + long + "\nb",
		"too long":    "a\n" + long + "y\nb\n" + long + long + long + "\nc\n" + strings.Repeat("defghijklmnopqrstuvwxyz\n", 100_000) + long + long,
		"edge":        strings.Repeat("a", blockSize-1) + "\n" + strings.Repeat("b", blockSize) + "\n",
	} {
		t.Run(name, func(t *testing.T) {
			lines := func(out *[]string) parsers.Parser {
				return parsers.Parser{Name: "test", Line: func(_ *parsers.Source, line []byte, at parsers.Pos, _ func(parsers.Record)) bool {
					h := fnv.New64a()
					h.Write(line)
					*out = append(*out, fmt.Sprintf("%s %d %x", at, len(line), h.Sum64()))
					return len(line)%7 != 0
				}}
			}
			var want, got []string
			whole := &reading{parser: lines(&want), source: parsers.Source{Name: "f"}}
			nowhere := sink{record: func(parsers.Record) {}}
			whole.parse(strings.NewReader(text), nil, 0, nowhere)
			cut := &reading{parser: lines(&got), source: parsers.Source{Name: "f"}, hits: newHitTurns()}
			cut.readBlocks(bufio.NewReader(strings.NewReader(text)), func(b block) { b.parse(nowhere) })
			for i := range max(len(want), len(got)) {
				if i >= min(len(want), len(got)) || want[i] != got[i] {
					t.Errorf("line %d of %d and %d differs: %s and %s", i, len(want), len(got), want[i:min(i+1, len(want))], got[i:min(i+1, len(got))])
					break
				}
			}
			if whole.source.Read != cut.source.Read || whole.source.Skipped != cut.source.Skipped {
				t.Errorf("read %d, skipped %d; in blocks read %d, skipped %d", whole.source.Read, whole.source.Skipped, cut.source.Read, cut.source.Skipped)
			}
			if diff := cmp.Diff(whole.source.FirstSkipped, cut.source.FirstSkipped); diff != "" {
				t.Errorf("first skipped (-whole +blocks):\n%s", diff)
			}
		})
	}
}

// One line of 1 GB costs no more memory than any.
func TestLongLineInBoundedMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("1 GB")
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	file := &reading{parser: parsers.Parser{Name: "test", Line: uninterested}, hits: newHitTurns()}
	text := io.MultiReader(strings.NewReader("a\n"), io.LimitReader(endless('x'), 1<<30), strings.NewReader("\nb\n"))
	file.readBlocks(bufio.NewReader(text), func(b block) { b.parse(sink{record: func(parsers.Record) {}}) })
	runtime.ReadMemStats(&after)
	if file.source.Read != 3 || file.source.Skipped != 1 || file.source.FirstSkipped.Line != 2 {
		t.Errorf("%+v", file.source)
	}
	if grown := int64(after.Sys) - int64(before.Sys); grown > 64<<20 {
		t.Errorf("took %d MiB from the system", grown>>20)
	}
}

func TestPanicCostsOneFile(t *testing.T) {
	file := &reading{source: parsers.Source{Name: "f"}, parser: parsers.Parser{Name: "bad",
		Parse: func(*parsers.Source, func(parsers.Record)) error { panic("cannot bear it") }}}
	file.parse(strings.NewReader("x"), nil, 0, sink{record: func(parsers.Record) {}})
	if file.err == nil || !strings.HasPrefix(file.err.Error(), "parser bad: panic: cannot bear it") {
		t.Error(file.err)
	}
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := newDriver(ctx, []string{folder(t, map[string]string{"a": "1"})}, nil, 2); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

type endless byte

func (e endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(e)
	}
	return len(p), nil
}
