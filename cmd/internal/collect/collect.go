// Package collect makes every input a stream of bytes with a name: folders, files, standard input, and what is packed in
// archives. It never says what the bytes mean, and never writes to disk. cmd/culprit calls it.
package collect

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"
)

// Input is one stream of bytes with a name, or the reason why there is none.
type Input struct {
	Name    string // as the user will recognise it: "logs/dmesg", "bundle.tar.gz/var/log/dmesg"
	Host    string // the host that the path names, "" when it names none
	Format  string // the parser's name, where who wrote the bytes down said it; "" = to be recognised
	ModTime time.Time
	R       io.Reader // valid until the visitor returns; nil with Err
	Size    int64     // of R, of a file that is neither packed nor changed; 0 = not known
	Err     error
	Counter *LokiCounter  // counts the input where it lies; nil = it can only be read
	Note    func() string // what is to be said of the reading when R was read to its end; may be nil
}

// Unit is a file, an archive or a stream: what can be read without reading anything else.
type Unit struct {
	Name    string // as in Input
	Named   bool   // it stands on the command line itself
	Size    int64  // on the disk; 0 = not known
	Packed  bool   // a file of an archive, taken out of it: see Unfold
	rel     string // from the folder that was named on, with its own name: what may tell the host
	file    string // its absolute path; "" = a stream
	host    string // "" = rel may tell
	format  string // see Input
	modTime time.Time
	open    func() (io.ReadCloser, error)
	stream  bool
	note    func() string // of Input
	counter *LokiCounter  // of Input
	bounds  bounds        // zero = the usual ones
	err     error         // why there is nothing to open

	through func(Input) Input // nil, or what every input goes through
	plain   string            // its name before that
}

// Through has f change every input of the unit, its name first, before anybody sees it.
func (u *Unit) Through(f func(Input) Input) {
	u.plain, u.through = u.Name, f
	u.Name = f(Input{Name: u.Name}).Name
}

// Err is why a unit cannot even be opened, nil when it can be tried.
func (u *Unit) Err() error { return u.err }

// Again says whether the unit may be read any number of times: a stream is read by the census and by the reading alone.
func (u *Unit) Again() bool { return !u.stream }

// Each opens the unit and visits the inputs in it: itself, or the members of the archive that it is. Trouble is visited
// as an Input with Err, and the rest goes on. It returns the visitor's error, or ctx's.
func (u *Unit) Each(ctx context.Context, visit func(Input) error) error {
	in := Input{Name: u.Name, Host: cmp.Or(u.host, hostOf(u.rel)), Format: u.format, ModTime: u.modTime, Counter: u.counter, Note: u.note}
	if in.Size = u.Size; u.through != nil {
		in.Name, in.Size = u.plain, 0
		see := visit
		visit = func(in Input) error { return see(u.through(in)) }
	}
	if u.err != nil {
		in.Err = u.err
		return visit(in)
	}
	f, err := u.open()
	if err != nil {
		in.Err = plainError(err)
		return visit(in)
	}
	defer f.Close()
	w := &unpacker{bounds: cmp.Or(u.bounds, usual()), ctx: ctx, visit: visit, file: f, raw: &counter{r: newCtxReader(ctx, f)}}
	in.R = w.raw
	err = w.unpack(in, u.rel, 0)
	var s stop
	if errors.As(err, &s) {
		return s.error
	}
	return err
}

// List finds the units that args name, "-" being standard input. One folder alone names its files relative to itself;
// otherwise every name begins with its argument, so that two folders stay apart.
func List(args []string, stdin io.Reader) []*Unit {
	w := walker{seen: map[string]bool{}, bare: len(args) == 1}
	for _, arg := range args {
		if arg == "-" {
			w.units = append(w.units, streamUnit("stdin", stdin))
			continue
		}
		w.argument(arg)
	}
	return w.units
}

type walker struct {
	units []*Unit
	seen  map[string]bool // absolute paths, so that overlapping arguments are read once
	bare  bool            // names are relative to the one folder
	arg   string          // the argument being walked
	root  string          // the folder that was named, links resolved: nothing outside it is read
}

func (w *walker) argument(arg string) {
	name := path.Clean(filepath.ToSlash(arg))
	w.arg = name
	info, err := os.Stat(arg)
	switch {
	case err != nil:
		w.fail(name, true, plainError(err))
	case info.IsDir():
		if w.root, err = filepath.EvalSymlinks(arg); err != nil {
			w.fail(name, true, plainError(err))
			return
		}
		prefix := name
		if w.bare {
			prefix = ""
		}
		before := len(w.units)
		if w.folder(w.root, prefix, path.Base(filepath.ToSlash(w.root)), true); len(w.units) == before {
			w.fail(name, false, errors.New("no file in this folder"))
		}
	case info.Mode().IsRegular():
		w.file(arg, name, strings.TrimPrefix(name, "/"), info, true)
	case info.Mode()&fs.ModeNamedPipe != 0: // <(zcat dmesg.gz)
		f, err := os.Open(arg)
		if err != nil {
			w.fail(name, true, plainError(err))
			return
		}
		w.units = append(w.units, streamUnit(name, f))
	default:
		w.fail(name, true, fmt.Errorf("is %s, not a file or folder", kindOf(info.Mode())))
	}
}

// folder walks dir, whose name is prefix and which stands at rel, the named folder being the first of it.
func (w *walker) folder(dir, prefix, rel string, named bool) {
	if w.recording(dir, prefix, rel) {
		return
	}
	entries, err := os.ReadDir(dir) // sorted by name
	if err != nil {
		w.fail(cmp.Or(prefix, w.arg), named, plainError(err))
	}
	for _, e := range entries {
		file, name, rel := filepath.Join(dir, e.Name()), path.Join(prefix, e.Name()), path.Join(rel, e.Name())
		mode := e.Type()
		if mode&fs.ModeSymlink != 0 {
			target, err := w.follow(file)
			if err != nil {
				w.fail(name, false, err)
				continue
			}
			if target == "" {
				continue
			}
		}
		if mode.IsDir() {
			w.folder(file, name, rel, false)
			continue
		}
		info, err := os.Stat(file)
		switch {
		case err != nil:
			w.fail(name, false, plainError(err))
		case !info.Mode().IsRegular():
			w.fail(name, false, fmt.Errorf("is %s, not read", kindOf(info.Mode())))
		default:
			w.file(file, name, rel, info, false)
		}
	}
}

// follow resolves a link. A link out of the named folder is not followed: an unpacked bundle of a stranger's must not
// read this machine's files. A link to a folder inside needs no following ("" and no error): the walk comes by there.
func (w *walker) follow(link string) (string, error) {
	target, err := filepath.EvalSymlinks(link)
	if err != nil {
		to, _ := os.Readlink(link)
		if errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("link to %q, which is not there", to)
		}
		if _, e := os.Stat(link); e != nil {
			err = e // EvalSymlinks has words of its own for a loop
		}
		return "", fmt.Errorf("link to %q: %w", to, plainError(err))
	}
	if !within(w.root, target) {
		return "", fmt.Errorf("link to %q, outside of the folder; not followed: name the target itself to read it", target)
	}
	info, err := os.Stat(target)
	if err != nil {
		return "", plainError(err)
	}
	if info.IsDir() {
		if within(target, link) {
			to, _ := os.Readlink(link)
			return "", fmt.Errorf("link to %q, a loop; not followed", to)
		}
		return "", nil
	}
	return target, nil
}

// within says whether file is dir or lies below it; both are absolute or both relative.
func within(dir, file string) bool {
	rel, err := filepath.Rel(dir, file)
	return err == nil && rel != ".." && !filepath.IsAbs(rel) && !startsWithDotDot(rel)
}

func startsWithDotDot(rel string) bool {
	return len(rel) > 2 && rel[:2] == ".." && os.IsPathSeparator(rel[2])
}

func (w *walker) file(file, name, rel string, info fs.FileInfo, named bool) {
	abs := absolute(file)
	if w.seen[abs] {
		return
	}
	w.seen[abs] = true
	w.units = append(w.units, &Unit{
		Name: name, Named: named, Size: info.Size(), rel: rel, file: abs, modTime: info.ModTime(),
		open: func() (io.ReadCloser, error) { return os.Open(file) },
	})
}

func (w *walker) fail(name string, named bool, err error) {
	w.units = append(w.units, &Unit{Name: name, Named: named, err: err})
}

func kindOf(m fs.FileMode) string {
	switch {
	case m&fs.ModeNamedPipe != 0:
		return "a named pipe"
	case m&fs.ModeSocket != 0:
		return "a socket"
	case m&fs.ModeDevice != 0:
		return "a device"
	}
	return "no regular file"
}

// plainError drops the operation and the path, which stand beside it wherever it is printed.
func plainError(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}

// ctxReader ends a long read when the run is cancelled, and counts it where that is wanted.
type ctxReader struct {
	ctx   context.Context
	r     io.Reader
	count *atomic.Int64
}

type countKey struct{}

// Counting makes every read of a unit add to n the bytes that it took from the unit as it lies on the disk.
func Counting(ctx context.Context, n *atomic.Int64) context.Context {
	return context.WithValue(ctx, countKey{}, n)
}

func newCtxReader(ctx context.Context, r io.Reader) *ctxReader {
	count, _ := ctx.Value(countKey{}).(*atomic.Int64)
	return &ctxReader{ctx, r, count}
}

func (c *ctxReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := c.r.Read(p)
	if c.count != nil {
		c.count.Add(int64(n))
	}
	return n, err
}
