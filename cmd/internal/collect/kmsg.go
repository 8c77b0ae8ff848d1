package collect

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
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
	boot   string
	after  int64 // records up to this number were read by an earlier run
	last   int64 // number of the record that was read last
	rest   []byte
	buf    [maxKmsg]byte
}

// kmsgMark numbers a record: the kernel counts them from the boot on.
type kmsgMark struct {
	Boot string
	Seq  int64
}

// OpenKmsg opens /dev/kmsg (or a file that is like it) until ctx ends, behind mark (nil = at the oldest record there is). It
// may be read by root, and by CAP_SYSLOG.
func OpenKmsg(ctx context.Context, name string, mark json.RawMessage, notice func(string)) (*Kmsg, error) {
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("kernel log %s: %w", name, plainError(err))
	}
	context.AfterFunc(ctx, func() { _ = f.SetReadDeadline(time.Unix(1, 0)) })
	k := &Kmsg{f: f, notice: notice, after: -1, last: -1}
	if id, err := os.ReadFile("/proc/sys/kernel/random/boot_id"); err == nil {
		k.boot = strings.TrimSpace(string(id))
	}
	var m kmsgMark
	if json.Unmarshal(mark, &m) == nil && m.Boot == k.boot && k.boot != "" {
		k.after = m.Seq
	}
	return k, nil
}

// Mark numbers the last record that was read.
func (k *Kmsg) Mark() json.RawMessage {
	b, err := json.Marshal(kmsgMark{k.boot, k.last})
	if err != nil || k.boot == "" || k.last < 0 {
		return nil
	}
	return b
}

// number is the second field of a record: "6,339,5140900,-;message".
func number(line []byte) int64 {
	_, rest, _ := bytes.Cut(line, []byte(","))
	field, _, _ := bytes.Cut(rest, []byte(","))
	n, err := strconv.ParseInt(string(field), 10, 64)
	if err != nil {
		return -1
	}
	return n
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
		if seq := number(line); seq >= 0 {
			if seq <= k.after {
				continue
			}
			k.last = seq
		}
		k.rest = append(line, '\n') // within buf, or behind its end
	}
	n := copy(p, k.rest)
	k.rest = k.rest[n:]
	return n, nil
}
