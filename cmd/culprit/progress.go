package main

import (
	"context"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"culprit/cmd/internal/collect"
)

// progressAfter is how long a reading may take without a word: whoever waits longer wants to know for how long.
const progressAfter = 2 * time.Second

type progressKey struct{}

// withProgress lets a reading tell its progress on w.
func withProgress(ctx context.Context, w io.Writer) context.Context {
	return context.WithValue(ctx, progressKey{}, w)
}

// tellProgress starts a line that says how much of the units was read, how fast, and how long the rest will take. The
// context is that of the reading; done wipes the line. Packed files count as they lie on the disk.
func (d *driver) tellProgress(ctx context.Context) (reading context.Context, done func()) {
	w, ok := ctx.Value(progressKey{}).(io.Writer)
	if !ok {
		return ctx, func() {}
	}
	var total int64
	for _, u := range d.units {
		total += u.Size
	}
	var read atomic.Int64
	start, stop := time.Now(), make(chan struct{})
	var line sync.WaitGroup
	line.Go(func() {
		wait := time.NewTimer(progressAfter)
		defer wait.Stop()
		told := false
		for {
			select {
			case <-stop:
				if told {
					fmt.Fprint(w, "\r\x1b[K")
				}
				return
			case <-wait.C:
				told = true
				fmt.Fprintf(w, "\r\x1b[K%s", progressLine(read.Load(), total, time.Since(start)))
				wait.Reset(progressAfter / 4)
			}
		}
	})
	return collect.Counting(ctx, &read), func() { close(stop); line.Wait() }
}

// progressLine: "1.2 of 4.0 GB, 410 MB/s, 7 s left". Without a total, as of a stream, nothing is promised.
func progressLine(read, total int64, spent time.Duration) string {
	rate := float64(read) / spent.Seconds()
	if total <= read || rate <= 0 {
		return fmt.Sprintf("read %s, %s/s", bytesText(read), bytesText(int64(rate)))
	}
	left := time.Duration(float64(total-read) / rate * float64(time.Second))
	return fmt.Sprintf("read %s of %s, %s/s, %v left", bytesText(read), bytesText(total), bytesText(int64(rate)), left.Round(time.Second))
}

func bytesText(n int64) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("%.1f GB", float64(n)/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.0f MB", float64(n)/1e6)
	}
	return fmt.Sprintf("%.0f kB", float64(n)/1e3)
}
