package collect

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"
)

// maxKmsg is more than the kernel puts into one record of /dev/kmsg (CONSOLE_EXT_LOG_MAX, 8 KiB).
const maxKmsg = 16 << 10

// Kmsg is the kernel's ring buffer as a perpetual source of the lines of /dev/kmsg: what is in it, then what comes.
type Kmsg struct {
	Lost int // how often the ring had overrun before it was read; each time the oldest records were gone

	f      *os.File
	notice func(string)
	rest   []byte
	buf    [maxKmsg]byte
}

// OpenKmsg opens /dev/kmsg (or a file that is like it) until ctx ends. It may be read by root, and by CAP_SYSLOG.
func OpenKmsg(ctx context.Context, name string, notice func(string)) (*Kmsg, error) {
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("kernel log %s: %w", name, plainError(err))
	}
	context.AfterFunc(ctx, func() { _ = f.SetReadDeadline(time.Unix(1, 0)) })
	return &Kmsg{f: f, notice: notice}, nil
}

// Read gives one record as one line. What the kernel puts below it (" SUBSYSTEM=pci") says nothing of an incident.
func (k *Kmsg) Read(p []byte) (int, error) {
	for len(k.rest) == 0 {
		n, err := k.f.Read(k.buf[:])
		switch {
		case errors.Is(err, syscall.EPIPE):
			k.Lost++
			k.notice(fmt.Sprintf("the ring overran (%d so far): records were lost before they were read", k.Lost))
			continue
		case errors.Is(err, os.ErrDeadlineExceeded):
			k.f.Close()
			return 0, io.EOF
		case err != nil:
			k.f.Close()
			return 0, err
		}
		line, _, _ := bytes.Cut(k.buf[:n], []byte("\n"))
		k.rest = append(line, '\n') // within buf, or behind its end
	}
	n := copy(p, k.rest)
	k.rest = k.rest[n:]
	return n, nil
}
