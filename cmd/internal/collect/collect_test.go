package collect

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

var manyNames = flag.Int("names", 30_000, "members of the tar in TestMillionNamesInATar")

// readAll lists what the arguments hold: "name: content", or "name! error". It holds Unfold to the same.
func readAll(t *testing.T, stdin io.Reader, args ...string) []string {
	t.Helper()
	got := readUnits(t, List(args, stdin))
	if stdin == nil {
		if diff := cmp.Diff(got, readUnits(t, Unfold(t.Context(), List(args, nil)))); diff != "" {
			t.Errorf("unfolded (-want +got)\n%s", diff)
		}
	}
	return got
}

func readUnits(t *testing.T, units []*Unit) (got []string) {
	t.Helper()
	for _, u := range units {
		if err := u.Each(t.Context(), func(in Input) error {
			got = append(got, line(in))
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	return got
}

func line(in Input) string {
	if in.Err != nil {
		return in.Name + "! " + in.Err.Error()
	}
	b, err := io.ReadAll(in.R)
	if err != nil {
		return fmt.Sprintf("%s: %s! %v", in.Name, b, err)
	}
	return in.Name + ": " + string(b)
}

func want(t *testing.T, got []string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// tree writes files below a new folder; a name that ends in / is a folder.
func tree(t *testing.T, files ...string) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(files); i += 2 {
		file := filepath.Join(dir, files[i])
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(files[i+1]), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestFolderNamesAreRelativeToOneFolder(t *testing.T) {
	dir := tree(t, "dmesg", "d", "var/log/b", "b", "var/log/a", "a")
	want(t, readAll(t, nil, dir), "dmesg: d", "var/log/a: a", "var/log/b: b")
}

func TestSeveralArgumentsStayApart(t *testing.T) {
	dir := tree(t, "x/dmesg", "1", "y/dmesg", "2")
	t.Chdir(dir)
	want(t, readAll(t, nil, "x", "./y/", "x/dmesg"), "x/dmesg: 1", "y/dmesg: 2")
	want(t, readAll(t, nil, "x/dmesg"), "x/dmesg: 1")
}

func TestStdin(t *testing.T) {
	want(t, readAll(t, strings.NewReader("hello"), "-"), "stdin: hello")
	want(t, readAll(t, bytes.NewReader(tarOf("a", "1", "b", "2")), "-"), "stdin/a: 1", "stdin/b: 2")
	want(t, readAll(t, bytes.NewReader(zipOf("a", "1")), "-"), "stdin/a: 1")
}

// A stream is opened by the census and by the reading.
func TestStreamIsReadTwice(t *testing.T) {
	u := List([]string{"-"}, strings.NewReader("hello"))[0]
	for range 2 {
		if err := u.Each(t.Context(), func(in Input) error {
			if got := line(in); got != "stdin: hello" {
				t.Errorf("got %q", got)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestWhatIsNoFile(t *testing.T) {
	dir := tree(t, "a/log", "1", "outside/secret", "s")
	root := filepath.Join(dir, "a")
	for link, to := range map[string]string{
		"loop": ".", "self": "self", "gone": "nowhere", "out": "../outside/secret", "again": "log", "up": "..",
	} {
		if err := os.Symlink(to, filepath.Join(root, link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(filepath.Join(root, "pipe"), 0o644); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", filepath.Join(root, "sock"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	want(t, readAll(t, nil, root),
		"again: 1",
		`gone! link to "nowhere", which is not there`,
		"log: 1",
		`loop! link to ".", a loop; not followed`,
		fmt.Sprintf("out! link to %q, outside of the folder; not followed: name the target itself to read it", dir+"/outside/secret"),
		"pipe! is a named pipe, not read",
		`self! link to "self": too many levels of symbolic links`,
		"sock! is a socket, not read",
		fmt.Sprintf("up! link to %q, outside of the folder; not followed: name the target itself to read it", dir),
	)
	want(t, readAll(t, nil, filepath.Join(root, "sock")), root+"/sock! is a socket, not a file or folder")
	want(t, readAll(t, nil, "/dev/zero"), "/dev/zero! is a device, not a file or folder")
	want(t, readAll(t, nil, dir+"/nope"), dir+"/nope! no such file or directory")
}

func TestEmptyFolder(t *testing.T) {
	dir := t.TempDir()
	want(t, readAll(t, nil, dir), dir+"! no file in this folder")
}

func TestUnreadable(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may read everything")
	}
	dir := tree(t, "locked/x", "1", "open", "2")
	os.Chmod(dir+"/locked", 0)
	defer os.Chmod(dir+"/locked", 0o755)
	want(t, readAll(t, nil, dir), "locked! permission denied", "open: 2")
}

func TestCompressionsByContent(t *testing.T) {
	dir := tree(t,
		"bz2", string(bz2Hello), "gz", string(gz("hello")), "gzgz", string(gz(string(gz("hello")))),
		"multi", string(gz("hel"))+string(gz("lo")), "xz", string(xzOf("hello")), "zst", string(zst("hello")),
		"named.gz", "plain", "BZhtext", "BZh9 is no bzip2",
	)
	want(t, readAll(t, nil, dir),
		"BZhtext: BZh9 is no bzip2", "bz2: hello\n", "gz: hello", "gzgz: hello", "multi: hello", "named.gz: plain", "xz: hello", "zst: hello")
}

func TestArchives(t *testing.T) {
	inner := tarOf("log/a", "1", "log/b.gz", string(gz("2")))
	dir := tree(t,
		"t", string(inner),
		"t.gz", string(gz(string(inner))),
		"z", string(zipOf("b", "2", "a", "1")),
		"nested", string(gz(string(tarOf("in.zip", string(zipOf("x", "9")), "in.tar.xz", string(xzOf(string(inner))))))),
		"twice", string(tarOf("a", "1", "./a", "2")),
	)
	want(t, readAll(t, nil, dir),
		"nested/in.zip/x: 9", "nested/in.tar.xz/log/a: 1", "nested/in.tar.xz/log/b.gz: 2",
		"t/log/a: 1", "t/log/b.gz: 2",
		"t.gz/log/a: 1", "t.gz/log/b.gz: 2",
		"twice/a: 1", "twice/a (2): 2",
		"z/a: 1", "z/b: 2")
}

func TestUnfold(t *testing.T) {
	big := strings.Repeat("a line of a log\n", maxUnfolded/16)
	dir := tree(t,
		"a.tar.gz", string(gz(string(tarOf("etc/hostname", "web1\n", "var/log/x.gz", string(gz("2")))))),
		"b.gz", string(gz("one file")),
		"c.tar.gz", string(gz(string(tarOf("small", "1", "large", big)))),
		"d", "no archive")
	var names []string
	for _, u := range Unfold(t.Context(), List([]string{dir}, nil)) {
		names = append(names, fmt.Sprintf("%s packed=%v", u.Name, u.Packed))
	}
	want(t, names, "a.tar.gz/etc/hostname packed=true", "a.tar.gz/var/log/x.gz packed=true", "b.gz packed=false", "c.tar.gz packed=false", "d packed=false")
}

func TestNotOpened(t *testing.T) {
	dir := tree(t, "a.7z", "7z\xbc\xaf\x27\x1c....", "system.journal", "LPKSHHRH....")
	want(t, readAll(t, nil, dir), "a.7z! a 7z archive, not opened; unpack it and name the folder",
		"system.journal! a journal in binary form, not read; give what journalctl --file FILE -o json prints")
}

// The header may ask for 4 GiB of memory, which would be taken before a byte is unpacked.
func TestGreedyXZ(t *testing.T) {
	b := xzOf("hello")
	i := bytes.Index(b, []byte{0x21, 0x01})
	b[i+2] = 40
	want(t, readAll(t, bytes.NewReader(b), "-"), "stdin! xz asks for more than 128 MiB of memory; refused")
}

func TestHostsOfArguments(t *testing.T) {
	dir := tree(t, "web1/dmesg", "1", "web2/dmesg", "2", "web3/dmesg", "3")
	t.Chdir(dir)
	f := func(want string, args ...string) {
		t.Helper()
		var got []string
		for _, u := range List(args, nil) {
			u.Each(t.Context(), func(in Input) error { got = append(got, in.Host); return nil })
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%v: hosts %q, want %q", args, got, want)
		}
	}
	f("web1 web2 web3", ".")
	f("web1 web2", "web1", "web2")
	f("web1 web3", "./web1/", "web3/dmesg")
	f("web2", dir+"/web2")
}

func TestArchivesAreOpenedThreeDeep(t *testing.T) {
	b := tarOf("f", "x")
	for range 3 {
		b = tarOf("t", string(b))
	}
	want(t, readAll(t, bytes.NewReader(b), "-"), "stdin/t/t/t! an archive more than 3 archives deep; not opened")
	c := []byte("x")
	for range 4 {
		c = gz(string(c))
	}
	want(t, readAll(t, bytes.NewReader(c), "-"), "stdin! compressed more than 3 times over; not opened")
}

func TestHostileMembers(t *testing.T) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	add := func(h tar.Header, body string) {
		h.Size, h.Mode = int64(len(body)), 0o644
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		io.WriteString(w, body)
	}
	add(tar.Header{Name: "../../x"}, "1")
	add(tar.Header{Name: "/etc/x"}, "2")
	add(tar.Header{Name: "a/../../b"}, "3")
	add(tar.Header{Name: `..\..\c`}, "4")
	add(tar.Header{Name: "link", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"}, "")
	add(tar.Header{Name: "hard", Typeflag: tar.TypeLink, Linkname: "../x"}, "")
	add(tar.Header{Name: "dev", Typeflag: tar.TypeBlock}, "")
	add(tar.Header{Name: "pipe", Typeflag: tar.TypeFifo}, "")
	add(tar.Header{Name: "dir/", Typeflag: tar.TypeDir}, "")
	add(tar.Header{Name: "good"}, "5")
	w.Close()
	want(t, readAll(t, bytes.NewReader(b.Bytes()), "-"),
		"stdin/good: 5",
		`stdin: 4 names that lead out of the archive! refused; the first is "../../x"`,
		`stdin: 2 links! not followed; the first is "link"`,
		`stdin: 2 devices and pipes! not read; the first is "dev"`)

	var z bytes.Buffer
	zw := zip.NewWriter(&z)
	link := &zip.FileHeader{Name: "link"}
	link.SetMode(os.ModeSymlink | 0o777)
	f, _ := zw.CreateHeader(link)
	io.WriteString(f, "/etc/passwd")
	f, _ = zw.Create("../x")
	io.WriteString(f, "1")
	f, _ = zw.Create("good")
	io.WriteString(f, "2")
	zw.Close()
	want(t, readAll(t, bytes.NewReader(z.Bytes()), "-"), "stdin/good: 2",
		`stdin: 1 names that lead out of the archive! refused; the first is "../x"`,
		`stdin: 1 links! not followed; the first is "link"`)
}

func TestTruncated(t *testing.T) {
	whole := gz(strings.Repeat("a line of a log that was cut\n", 1000))
	got := readAll(t, bytes.NewReader(whole[:len(whole)-10]), "-")
	if len(got) != 1 || !strings.HasSuffix(got[0], "! unexpected EOF") || !strings.Contains(got[0], "that was cut\na line") {
		t.Errorf("got %.100q", got)
	}
	b := tarOf("a", strings.Repeat("x", 1000), "b", "2")
	want(t, readAll(t, bytes.NewReader(b[:700]), "-"),
		"stdin/a: "+strings.Repeat("x", 700-512)+"! unexpected EOF", "stdin! tar, after 1 files: unexpected EOF")
	want(t, readAll(t, strings.NewReader("\x1f\x8b\x08garbage"), "-"), "stdin! unexpected EOF")
}

func TestBombs(t *testing.T) {
	for name, packed := range map[string][]byte{
		"gzip":        pack(t, 20<<20, func(w io.Writer) io.WriteCloser { z, _ := gzip.NewWriterLevel(w, 9); return z }),
		"zstd":        pack(t, 20<<20, func(w io.Writer) io.WriteCloser { z, _ := zstd.NewWriter(w); return z }),
		"zip in zip ": zipOf("z", string(zipBomb(t))),
		"zip":         zipBomb(t),
	} {
		t.Run(name, func(t *testing.T) {
			var n int64
			var failed error
			for _, u := range List([]string{"-"}, bytes.NewReader(packed)) {
				u.bounds = bounds{members: 10, ratioFrom: 10 << 20}
				if err := u.Each(t.Context(), func(in Input) error {
					if in.Err != nil {
						failed = in.Err
						return nil
					}
					k, err := io.Copy(io.Discard, in.R)
					n, failed = n+k, err
					return nil
				}); err != nil {
					t.Fatal(err)
				}
			}
			if !errors.Is(failed, errBomb) {
				t.Errorf("%d bytes unpacked from %d: %v", n, len(packed), failed)
			}
		})
	}
}

// A sparse member claims any size for free.
func TestSparseBomb(t *testing.T) {
	var b bytes.Buffer
	pax := "GNU.sparse.major=1\nGNU.sparse.minor=0\nGNU.sparse.name=hole\nGNU.sparse.realsize=1099511627776\n"
	var records strings.Builder
	for l := range strings.Lines(pax) {
		n := len(l) + 3
		for len(fmt.Sprint(n))+1+len(l) != n {
			n++
		}
		fmt.Fprintf(&records, "%d %s", n, l)
	}
	header := func(name string, flag byte, size int) {
		h := make([]byte, 512)
		copy(h, name)
		copy(h[100:], "0000644\x000000000\x000000000\x00")
		copy(h[124:], fmt.Sprintf("%011o\x00%011o\x00", size, 0))
		h[156] = flag
		copy(h[257:], "ustar\x0000")
		copy(h[148:], "        ")
		sum := 0
		for _, c := range h {
			sum += int(c)
		}
		copy(h[148:], fmt.Sprintf("%06o\x00 ", sum))
		b.Write(h)
	}
	header("pax", 'x', records.Len())
	b.WriteString(records.String() + strings.Repeat("\x00", 512-records.Len()))
	header("GNUSparseFile.0/hole", '0', 512)
	b.WriteString("0\n" + strings.Repeat("\x00", 510))
	b.WriteString(strings.Repeat("\x00", 1024))
	got := ""
	for _, u := range List([]string{"-"}, &b) {
		u.bounds = bounds{members: 10, ratioFrom: 1 << 20}
		u.Each(t.Context(), func(in Input) error {
			if in.Err != nil {
				got = in.Err.Error()
				return nil
			}
			_, err := io.Copy(io.Discard, in.R)
			got += fmt.Sprint(in.Name, " ", err)
			return nil
		})
	}
	if !strings.Contains(got, errBomb.Error()) || !strings.Contains(got, "stdin/hole") {
		t.Error(got)
	}
}

// A log of one very long line passes through in bounded memory; who reads it cuts it.
func TestLongLineInBoundedMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("1 GB")
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	var n int64
	r := io.LimitReader(repeat('a'), 1<<30)
	for _, u := range List([]string{"-"}, r) {
		u.stream = true
		for range 2 { // the census holds 64 MiB
			u.Each(t.Context(), func(in Input) error {
				var err error
				n, err = io.Copy(io.Discard, in.R)
				return err
			})
		}
	}
	runtime.ReadMemStats(&after)
	if n != 1<<30 {
		t.Errorf("read %d bytes", n)
	}
	if grown := int64(after.Sys) - int64(before.Sys); grown > 512<<20 {
		t.Errorf("took %d MiB from the system", grown>>20)
	}
}

// Names of which there are millions are counted, not kept. (Ten million take 50 s and no more memory; -names tries it.)
func TestMillionNamesInATar(t *testing.T) {
	names := *manyNames
	pr, pw := io.Pipe()
	go func() {
		z, _ := gzip.NewWriterLevel(pw, gzip.BestSpeed)
		h := make([]byte, 512)
		w := tar.NewWriter(sliceWriter(h))
		w.WriteHeader(&tar.Header{Name: "a", Mode: 0o644, Format: tar.FormatUSTAR})
		many := bytes.Repeat(h, 1000)
		for range names / 1000 {
			z.Write(many)
		}
		z.Write(make([]byte, 1024))
		z.Close()
		pw.Close()
	}()
	visits, last := 0, Input{}
	u := &Unit{Name: "t", open: func() (io.ReadCloser, error) { return pr, nil }, bounds: bounds{members: 10_000, ratioFrom: 100 << 20}}
	if err := u.Each(t.Context(), func(in Input) error {
		visits++
		if in.Err != nil {
			last = in
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if visits != 10_001 || last.Name != fmt.Sprintf("t: %d files beyond the first %d", names-10_000, 10_000) {
		t.Errorf("%d visits, the last: %s", visits, line(last))
	}
}

func TestCancel(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	u := List([]string{tree(t, "a", "1", "b", "2")}, nil)[0]
	err := u.Each(ctx, func(in Input) error {
		cancel()
		_, err := io.ReadAll(in.R)
		return err
	})
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestHostOf(t *testing.T) {
	f := func(rel, want string) {
		t.Helper()
		if got := hostOf(rel); got != want {
			t.Errorf("%s: host %q, want %q", rel, got, want)
		}
	}
	f("web1/var/log/nginx/access.log", "web1")
	f("logs/web2/access.log", "web2")
	f("logs/access.log", "")
	f("nginx/access.log", "")
	f("var/log/web1/access.log", "")
	f("sosreport-shop01-2026-04-20-abcdefg/proc/meminfo", "shop01")
	f("sosreport-shop01-2026-04-20-abcdefg.tar.xz/sosreport-shop01-2026-04-20-abcdefg/proc/meminfo", "shop01")
	f("logs/sosreport-Ubuntu-2204-jammy-2026-07-03-c2efbee/dmesg", "ubuntu-2204-jammy")
	f("sosreport-vps-1359.20190102030405/dmesg", "vps-1359")
	f("db-02.example.com/dmesg", "db-02.example.com")
	f("192.0.2.7/dmesg", "192.0.2.7")
	f("web1.tar.gz/dmesg", "web1")
	f("web1", "")
	f("redis.conf", "")
	f("php8.1/fpm/www.conf", "")
	f("prod-web-03/dmesg", "prod-web-03")
	f("2026-04-20/dmesg", "")
}

// FuzzArchive reads any bytes as a file: it must end, and never name a place outside of the archive.
func FuzzArchive(f *testing.F) {
	inner := tarOf("log/a", "1", "../b.gz", string(gz("2")))
	for _, b := range [][]byte{inner, gz(string(inner)), zipOf("a", "1", "../b", "2"), xzOf("hello"), zst("hello"), bz2Hello, zipOf("z", string(zipOf("y", "x")))} {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, u := range List([]string{"-"}, bytes.NewReader(b)) {
			u.Each(t.Context(), func(in Input) error {
				if in.Err == nil {
					io.Copy(io.Discard, io.LimitReader(in.R, 1<<20))
				}
				for part := range strings.SplitSeq(in.Name, "/") {
					if part == ".." {
						t.Errorf("name %q", in.Name)
					}
				}
				return nil
			})
		}
	})
}

func tarOf(files ...string) []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for i := 0; i < len(files); i += 2 {
		w.WriteHeader(&tar.Header{Name: files[i], Size: int64(len(files[i+1])), Mode: 0o644, ModTime: time.Unix(1776647554, 0)})
		io.WriteString(w, files[i+1])
	}
	w.Close()
	return b.Bytes()
}

func zipOf(files ...string) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := 0; i < len(files); i += 2 {
		f, _ := w.Create(files[i])
		io.WriteString(f, files[i+1])
	}
	w.Close()
	return b.Bytes()
}

func zipBomb(t *testing.T) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	f, err := w.Create("zeros")
	if err != nil {
		t.Fatal(err)
	}
	io.CopyN(f, repeat(0), 20<<20)
	w.Close()
	return b.Bytes()
}

func pack(t *testing.T, n int64, open func(io.Writer) io.WriteCloser) []byte {
	t.Helper()
	var b bytes.Buffer
	w := open(&b)
	if _, err := io.CopyN(w, repeat(0), n); err != nil {
		t.Fatal(err)
	}
	w.Close()
	return b.Bytes()
}

func gz(s string) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	io.WriteString(w, s)
	w.Close()
	return b.Bytes()
}

func zst(s string) []byte {
	w, _ := zstd.NewWriter(nil)
	return w.EncodeAll([]byte(s), nil)
}

func xzOf(s string) []byte {
	var b bytes.Buffer
	w, _ := xz.NewWriter(&b)
	io.WriteString(w, s)
	w.Close()
	return b.Bytes()
}

// bz2Hello is what `echo hello | bzip2` writes; Go has no compressor.
var bz2Hello = []byte("BZh91AY&SY\xc1\xc0\x80\xe2\x00\x00\x01A\x00\x00\x10\x02D\xa0\x000\xcd\x00\xc3F)\x97\x17rE8P\x90\xc1\xc0\x80\xe2")

type repeat byte

func (r repeat) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(r)
	}
	return len(p), nil
}

type sliceWriter []byte

func (s sliceWriter) Write(p []byte) (int, error) { return copy(s, p), nil }
