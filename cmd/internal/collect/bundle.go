package collect

import (
	"archive/tar"
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const (
	bundleLog     = 256 << 20 // of one log: a day of a busy shop; of a longer one the end
	bundleConfig  = 1 << 20
	bundleCommand = 64 << 20 // of one command's output
	commandTime   = 20 * time.Second
)

// Bundler makes one read-only pass over a host and writes what an analysis needs as a tar.gz.
type Bundler struct {
	Root  string                                                                 // "/", or where a test keeps its host
	Run   func(ctx context.Context, name string, args ...string) ([]byte, error) // runs a command; nil = none is run
	Redis *Redis                                                                 // nil = not asked
	Since time.Time                                                              // logs that were last written before are left
	Tell  func(name string, bytes int64, err error)                              // of each thing, what became of it

	tw *tar.Writer
}

// What is taken, in the pattern language of path.Match, below Root. The lists hold where Debian, Ubuntu, Red Hat and the
// usual panels keep these files.
var (
	bundleLogs = []string{
		"var/log/nginx/*", "var/log/redis/*", "var/log/kern.log*", "var/log/syslog*", "var/log/messages*",
		"var/log/php*-fpm.log*", "var/log/php-fpm/*", "var/log/mysql/error.log*", "var/log/mariadb/mariadb.log*",
	}
	bundleConfigs = []string{
		"etc/nginx/*.conf", "etc/nginx/conf.d/*", "etc/nginx/sites-enabled/*", "etc/nginx/snippets/*",
		"etc/redis.conf", "etc/redis/*.conf", "etc/redis/*/*.conf", "etc/valkey/*.conf",
		"etc/php/*/fpm/*.conf", "etc/php/*/fpm/php.ini", "etc/php/*/fpm/pool.d/*", "etc/php/*/fpm/conf.d/*", "etc/php.ini", "etc/php-fpm.conf", "etc/php-fpm.d/*",
		"etc/my.cnf", "etc/my.cnf.d/*", "etc/mysql/*.cnf", "etc/mysql/*/*.cnf",
		"etc/crontab", "etc/cron.d/*", "etc/sysctl.conf", "etc/sysctl.d/*", "proc/meminfo",
	}
	bundleCommands = []struct {
		file string
		argv []string
	}{
		{"dmesg.txt", []string{"dmesg"}},
		{"journal-kernel.txt", []string{"journalctl", "-k", "--no-pager", "-o", "short-iso", "--since", "-2d"}},
		{"timedatectl.txt", []string{"timedatectl"}},
		{"uptime.txt", []string{"uptime"}},
		{"ps.txt", []string{"ps", "aux"}},
		{"free.txt", []string{"free", "-k"}},
		{"sysctl.txt", []string{"sysctl", "vm.overcommit_memory", "vm.overcommit_ratio", "vm.swappiness", "vm.panic_on_oom"}},
	}
)

// Write makes the pass. What cannot be read is told and left out; only the writing itself may fail.
func (b *Bundler) Write(ctx context.Context, w io.Writer) error {
	zw := gzip.NewWriter(w)
	b.tw = tar.NewWriter(zw)
	for _, step := range []func(context.Context) error{b.logs, b.configs, b.commands, b.redis} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return errors.Join(b.tw.Close(), zw.Close())
}

func (b *Bundler) logs(ctx context.Context) error {
	return b.each(ctx, bundleLogs, func(name string, f *os.File, info fs.FileInfo) error {
		if info.ModTime().Before(b.Since) {
			return nil
		}
		size, from := info.Size(), int64(0)
		packed := slices.Contains(packedNames, filepath.Ext(name))
		if size > bundleLog {
			if packed {
				b.Tell(name, 0, fmt.Errorf("%d MiB; more than %d are not taken", size>>20, bundleLog>>20))
				return nil
			}
			from = size - bundleLog
			b.Tell(name, 0, fmt.Errorf("%d MiB; the last %d are taken", size>>20, bundleLog>>20))
		}
		return b.member(name, info.ModTime(), size-from, io.NewSectionReader(f, from, size-from))
	})
}

func (b *Bundler) configs(ctx context.Context) error {
	return b.each(ctx, bundleConfigs, func(name string, f *os.File, info fs.FileInfo) error {
		text, err := io.ReadAll(io.LimitReader(f, bundleConfig+1))
		if err == nil && len(text) > bundleConfig {
			err = fmt.Errorf("more than %d MiB; not taken", bundleConfig>>20)
		}
		if err != nil {
			b.Tell(name, 0, plainError(err))
			return nil
		}
		if strings.HasPrefix(name, "proc/") {
			info = nil // now
		}
		return b.text(name, info, Blank(text))
	})
}

// each opens the regular files that the patterns name; what a pattern does not find is not missed.
func (b *Bundler) each(ctx context.Context, patterns []string, take func(string, *os.File, fs.FileInfo) error) error {
	for _, pattern := range patterns {
		files, err := filepath.Glob(filepath.Join(b.Root, pattern))
		if err != nil {
			return err
		}
		for _, file := range files {
			if err := ctx.Err(); err != nil {
				return err
			}
			rel, err := filepath.Rel(b.Root, file)
			if err != nil {
				return err
			}
			name := filepath.ToSlash(rel)
			info, err := os.Stat(file)
			if err == nil && !info.Mode().IsRegular() {
				continue // a folder; a pipe would wait for ever
			}
			var f *os.File
			if err == nil {
				f, err = os.Open(file)
			}
			if err != nil {
				b.Tell(name, 0, plainError(err))
				continue
			}
			err = take(name, f, info)
			f.Close()
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func (b *Bundler) commands(ctx context.Context) error {
	if err := b.text("commands/clock.txt", nil, HostClock(ctx)); err != nil {
		return err
	}
	if b.Run == nil {
		return nil
	}
	for _, c := range bundleCommands {
		limited, stop := context.WithTimeout(ctx, commandTime)
		out, err := b.Run(limited, c.argv[0], c.argv[1:]...)
		stop()
		if err := ctx.Err(); err != nil {
			return err
		}
		name := "commands/" + c.file
		if err != nil {
			b.Tell(name, 0, fmt.Errorf("%s: %w", strings.Join(c.argv, " "), err))
		}
		if len(out) == 0 {
			continue
		}
		if len(out) > bundleCommand {
			out = out[len(out)-bundleCommand:]
			out = out[bytes.IndexByte(out, '\n')+1:]
		}
		if c.file == "ps.txt" {
			out = append([]byte(dateLine(time.Now())), Blank(out)...)
		}
		if err := b.text(name, nil, out); err != nil {
			return err
		}
	}
	return nil
}

// redis asks the server, or each of them, for its state, its settings and a sample of its keys.
func (b *Bundler) redis(ctx context.Context) error {
	if b.Redis == nil {
		return nil
	}
	limited, stop := context.WithTimeout(ctx, commandTime)
	nodes, trouble := b.Redis.find(limited)
	stop()
	if len(nodes) == 0 {
		b.Tell("commands/redis-info.txt", 0, errors.New(cmp.Or(trouble, "nobody says which servers there are")))
	}
	for _, n := range nodes {
		if err := b.node(ctx, n, nodeName(nodes, n)); err != nil {
			return err
		}
	}
	return nil
}

// nodeName is where what one server said is put: the servers of a cluster are told apart by their port, and by their host
// where there are several.
func nodeName(nodes []*redisNode, n *redisNode) func(string) string {
	host, port, err := net.SplitHostPort(n.addr)
	if len(nodes) == 1 || err != nil {
		return func(what string) string { return "commands/redis-" + what + ".txt" }
	}
	folder := "commands"
	if slices.ContainsFunc(nodes, func(o *redisNode) bool { h, _, _ := net.SplitHostPort(o.addr); return h != host }) {
		folder = strings.ReplaceAll(host, ":", "-") + "/commands"
	}
	return func(what string) string { return folder + "/redis-" + what + "-" + port + ".txt" }
}

func (b *Bundler) node(ctx context.Context, n *redisNode, name func(string) string) error {
	for _, q := range []struct {
		what string
		ask  func(context.Context) ([]byte, error)
	}{
		{"info", func(ctx context.Context) ([]byte, error) { return n.info(ctx, ""), nil }},
		{"config", n.config}, {"slowlog", n.slowlog}, {"clients", n.clients}, {"keys", n.sample},
	} {
		limited, stop := context.WithTimeout(ctx, commandTime)
		out, err := q.ask(limited)
		stop()
		if err := ctx.Err(); err != nil {
			return err
		}
		if err != nil {
			b.Tell(name(q.what), 0, errors.New(n.errorLine(err)))
		}
		if len(out) == 0 && err == nil {
			b.Tell(name(q.what), 0, errors.New("the answer was empty"))
		}
		if len(out) > 0 {
			if err := b.text(name(q.what), nil, out); err != nil {
				return err
			}
		}
	}
	return nil
}

func (b *Bundler) text(name string, info fs.FileInfo, text []byte) error {
	at := time.Now()
	if info != nil {
		at = info.ModTime()
	}
	return b.member(name, at, int64(len(text)), bytes.NewReader(text))
}

// member writes one file of a size that is promised before it is read: a log that is truncated meanwhile is filled up.
func (b *Bundler) member(name string, at time.Time, size int64, r io.Reader) error {
	h := &tar.Header{Name: path.Clean(name), Mode: 0o600, Size: size, ModTime: at, Typeflag: tar.TypeReg}
	if err := b.tw.WriteHeader(h); err != nil {
		return fmt.Errorf("bundle, %s: %w", name, err)
	}
	n, err := io.Copy(b.tw, r)
	if err != nil && n == size {
		return fmt.Errorf("bundle, %s: %w", name, err)
	}
	if n < size {
		cause := err
		if cause == nil {
			cause = errors.New("was shortened")
		}
		b.Tell(name, n, fmt.Errorf("while it was read: %w", plainError(cause)))
		for ; n < size && err == nil; n += int64(len(filling)) {
			_, err = b.tw.Write(filling[:min(size-n, int64(len(filling)))])
		}
		return err
	}
	b.Tell(name, n, nil)
	return nil
}

var filling = bytes.Repeat([]byte("\n"), 4096)
