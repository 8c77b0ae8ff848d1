package collect

import (
	"archive/tar"
	"archive/zip"
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/zstd"
)

// maxHeldZip bounds a zip that stands inside another archive: a zip is read from its end, so it must be held in memory.
const maxHeldZip = 64 << 20

// maxZipNames bounds the directory of a zip, which the library holds whole: 32 MiB are 300,000 names.
const maxZipNames = 32 << 20

// unpacker reads one unit, archives and compressions by content, member after member.
type unpacker struct {
	bounds
	ctx     context.Context
	visit   func(Input) error
	file    io.Reader      // the unit itself, as opened
	raw     *counter       // what was read of it
	total   int64          // bytes unpacked so far
	visited int            // members
	names   map[string]int // how often a name was visited: a tar may hold one twice
}

// stop is the visitor's own error, or the context's: it ends everything, where an error of the input ends that input.
type stop struct{ error }

// unpack visits in, or what is packed in it. rel is its path below the named folder, archives included.
func (w *unpacker) unpack(in Input, rel string, depth int) error {
	br, packed, done, err := w.peel(in.R)
	defer done()
	if err != nil {
		return w.fail(in, err)
	}
	head, _ := br.Peek(peekSize)
	if what := notOpened(head); what != "" {
		return w.fail(in, errors.New(what))
	}
	switch {
	case isTar(head):
		if depth == maxDepth {
			return w.fail(in, fmt.Errorf("an archive more than %d archives deep; not opened", maxDepth))
		}
		return w.tar(in, br, rel, depth+1)
	case bytes.HasPrefix(head, []byte("PK\x03\x04")), bytes.HasPrefix(head, []byte("PK\x05\x06")):
		if depth == maxDepth {
			return w.fail(in, fmt.Errorf("an archive more than %d archives deep; not opened", maxDepth))
		}
		at, size, err := w.seekable(br, packed || depth > 0)
		if err != nil {
			return w.fail(in, err)
		}
		return w.zip(in, at, size, rel, depth+1)
	}
	if in.R = br; packed || depth > 0 {
		in.Size = 0
	}
	return w.leaf(in)
}

func (w *unpacker) leaf(in Input) error {
	if w.names == nil {
		w.names = map[string]int{}
	}
	if w.names[in.Name]++; w.names[in.Name] > 1 {
		in.Name += " (" + strconv.Itoa(w.names[in.Name]) + ")"
	}
	if err := w.visit(in); err != nil {
		return stop{err}
	}
	if err := w.ctx.Err(); err != nil {
		return stop{err}
	}
	return nil
}

func (w *unpacker) fail(in Input, err error) error {
	in.R, in.Err = nil, plainError(err)
	return w.leaf(in)
}

// notOpened says what a file is that holds more than its bytes show, and what to do to have it read.
func notOpened(head []byte) string {
	for _, c := range [...]struct{ magic, what string }{
		{"7z\xbc\xaf\x27\x1c", "a 7z archive, not opened; unpack it and name the folder"},
		{"Rar!\x1a\x07", "a rar archive, not opened; unpack it and name the folder"},
		{"!<arch>\n", "an ar archive, not opened; unpack it and name the folder"},
		{"\x04\x22\x4d\x18", "compressed with lz4, not opened; unpack it with lz4 -d"},
		{"\x1f\x9d", "compressed with compress, not opened; unpack it with gunzip"},
		{"LPKSHHRH", "a journal in binary form, not read; give what journalctl --file FILE -o json prints"},
	} {
		if bytes.HasPrefix(head, []byte(c.magic)) {
			return c.what
		}
	}
	return ""
}

// isTar knows a tar by its mark, and one from before the mark by its checksum.
func isTar(head []byte) bool {
	if len(head) < 512 {
		return false
	}
	if bytes.HasPrefix(head[257:], []byte("ustar")) {
		return true
	}
	want, err := strconv.ParseInt(strings.Trim(string(head[148:156]), " \x00"), 8, 32)
	if err != nil || head[0] == 0 {
		return false
	}
	sum := int64(0)
	for i, b := range head[:512] {
		if i >= 148 && i < 156 {
			b = ' '
		}
		sum += int64(b)
	}
	return sum == want
}

func (w *unpacker) tar(in Input, br *bufio.Reader, rel string, depth int) error {
	raw := &counter{r: br}
	tr := tar.NewReader(raw)
	var no refusals
	for {
		h, err := tr.Next()
		if err == io.EOF {
			break
		}
		if err != nil && !errors.Is(err, tar.ErrInsecurePath) { // member looks at the name itself
			if err := w.fail(in, fmt.Errorf("tar, after %d files: %w", w.visited, err)); err != nil {
				return err
			}
			break
		}
		if err := w.ctx.Err(); err != nil {
			return stop{err}
		}
		switch h.Typeflag {
		case tar.TypeReg, tar.TypeGNUSparse, tar.TypeCont:
		case tar.TypeDir, tar.TypeXGlobalHeader:
			continue
		case tar.TypeLink, tar.TypeSymlink:
			no.add("links", "not followed", h.Name)
			continue
		default:
			no.add("devices and pipes", "not read", h.Name)
			continue
		}
		member := Input{ModTime: h.ModTime}
		member.R = &bounded{r: tr, in: &raw.n, base: raw.n, w: w}
		if err := w.member(in, member, h.Name, rel, depth, &no); err != nil {
			return err
		}
	}
	return w.refused(in, &no)
}

func (w *unpacker) zip(in Input, at io.ReaderAt, size int64, rel string, depth int) error {
	held := &budgetAt{at: at, left: maxZipNames}
	zr, err := zip.NewReader(held, size)
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) {
		return w.fail(in, fmt.Errorf("zip: %w", err))
	}
	held.left = -1
	zr.RegisterDecompressor(zip.Deflate, func(r io.Reader) io.ReadCloser { return flate.NewReader(r) })
	zr.RegisterDecompressor(zstd.ZipMethodWinZip, zstd.ZipDecompressor(zstd.WithDecoderMaxWindow(maxZstdFrame)))
	slices.SortStableFunc(zr.File, func(a, b *zip.File) int { return cmp.Compare(a.Name, b.Name) })
	var no refusals
	for _, f := range zr.File {
		mode := f.Mode()
		switch {
		case mode.IsDir():
			continue
		case mode&fs.ModeSymlink != 0:
			no.add("links", "not followed", f.Name)
			continue
		case !mode.IsRegular():
			no.add("devices and pipes", "not read", f.Name)
			continue
		case f.Flags&1 != 0:
			no.add("encrypted files", "not read", f.Name)
			continue
		}
		z, err := f.Open()
		if err != nil {
			no.add("files", err.Error(), f.Name)
			continue
		}
		packed := int64(f.CompressedSize64) // known from the start: the ratio is judged against the whole of it
		member := Input{ModTime: f.Modified, R: &bounded{r: z, in: &packed, w: w}}
		err = w.member(in, member, f.Name, rel, depth, &no)
		z.Close()
		if err != nil {
			return err
		}
	}
	return w.refused(in, &no)
}

// member visits one file of an archive, unless its name is no place in it.
func (w *unpacker) member(in, member Input, name, rel string, depth int, no *refusals) error {
	clean, ok := cleanName(name)
	if !ok {
		no.add("names that lead out of the archive", "refused", name)
		return nil
	}
	if w.visited == w.members {
		no.add(fmt.Sprintf("files beyond the first %d", w.members), "not read", name)
		return nil
	}
	w.visited++
	rel = path.Join(rel, clean)
	member.Name, member.Host = path.Join(in.Name, clean), hostOf(rel)
	return w.unpack(member, rel, depth)
}

// cleanName makes a member's name relative to its archive, or says that it is not.
func cleanName(name string) (string, bool) {
	if name == "" || strings.ContainsRune(name, 0) || strings.HasPrefix(name, "/") {
		return "", false
	}
	for part := range strings.SplitSeq(strings.ReplaceAll(name, `\`, "/"), "/") {
		if part == ".." {
			return "", false
		}
	}
	clean := path.Clean(name)
	return clean, clean != "."
}

// refusals counts the members that are not read, by what they are, with the first of each.
type refusals []refusal

type refusal struct {
	what, why, first string
	n                int
}

func (no *refusals) add(what, why, name string) {
	for i := range *no {
		if r := &(*no)[i]; r.what == what && r.why == why {
			r.n++
			return
		}
	}
	*no = append(*no, refusal{what, why, cut(name), 1})
}

// cut keeps a stranger's name from filling the report.
func cut(name string) string {
	const most = 200
	if len(name) > most {
		return name[:most] + "..."
	}
	return name
}

// refused visits one line a kind.
func (w *unpacker) refused(in Input, no *refusals) error {
	for _, r := range *no {
		line := Input{Name: fmt.Sprintf("%s: %d %s", in.Name, r.n, r.what), Host: in.Host,
			Err: fmt.Errorf("%s; the first is %q", r.why, r.first)}
		if err := w.leaf(line); err != nil {
			return err
		}
	}
	return nil
}

// seekable gives what a zip is read from: the file itself, or a copy in memory of what is packed.
func (w *unpacker) seekable(br *bufio.Reader, packed bool) (io.ReaderAt, int64, error) {
	if f, ok := w.file.(interface {
		io.ReaderAt
		io.Seeker
	}); ok && !packed {
		size, err := f.Seek(0, io.SeekEnd)
		w.raw.n = size
		return f, size, err
	}
	b, err := io.ReadAll(io.LimitReader(br, maxHeldZip+1))
	if err != nil {
		return nil, 0, err
	}
	if len(b) > maxHeldZip {
		return nil, 0, fmt.Errorf("a zip of more than %d MiB inside an archive or a stream; take it out and name it to read it", maxHeldZip>>20)
	}
	return bytes.NewReader(b), int64(len(b)), nil
}

// budgetAt lets so many bytes be read; negative = any number.
type budgetAt struct {
	at   io.ReaderAt
	left int64
}

func (b *budgetAt) ReadAt(p []byte, off int64) (int, error) {
	if b.left >= 0 {
		if b.left -= int64(len(p)); b.left < 0 {
			return 0, fmt.Errorf("lists more than %d MiB of names; refused", maxZipNames>>20)
		}
	}
	return b.at.ReadAt(p, off)
}
