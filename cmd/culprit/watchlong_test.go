package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"culprit/cmd/internal/collect"
	"culprit/correlate"
)

// paced is a log that is written to at a steady pace.
type paced struct {
	ctx   context.Context
	every time.Duration
	lines func(n int) string
	n     int
	rest  []byte
}

func (p *paced) Read(b []byte) (int, error) {
	if len(p.rest) == 0 {
		select {
		case <-p.ctx.Done():
			return 0, io.EOF
		case <-time.After(p.every):
		}
		p.rest = []byte(p.lines(p.n))
		p.n++
	}
	n := copy(b, p.rest)
	p.rest = p.rest[n:]
	return n, nil
}

func (p *paced) Mark() json.RawMessage { return json.RawMessage(fmt.Sprint(p.n)) }

// Eight hours of a shop with a crawler and a leak, recorded: after the first half the watch needs no more memory and no
// more goroutines than before. It runs by itself: the heap is the whole process's.
func TestWatchEightHours(t *testing.T) {
	hours, judged := 8, 10*time.Minute
	if testing.Short() {
		hours, judged = 4, 20*time.Minute
	}
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		w := watching{every: judged, ask: 10 * time.Second}
		say := newTeller(io.Discard, true)
		f := &fold{t: correlate.NewTimeline()}
		rec, err := collect.OpenRecording(dir, 8<<20, say.about("recording"))
		if err != nil {
			t.Fatal(err)
		}
		defer rec.Close()
		f.recording = rec
		stamp := func() string { return time.Now().Format("2006-01-02T15:04:05.000Z07:00") + "\n" }
		asked, listed := 0, 0 // each by the goroutine of its source
		poll := func(ask func() string) io.Reader {
			return collect.Poll(ctx, w.ask, func(context.Context) []byte { return []byte(stamp() + ask()) })
		}
		for _, o := range []struct {
			name, format string
			settle       time.Duration
			in           io.Reader
		}{
			{"access.log", "nginx-access", settleLines, &paced{ctx: ctx, every: time.Second, lines: func(n int) string {
				var b strings.Builder
				for i := range 4 {
					agent, client := "Mozilla/5.0 (compatible; ExampleBot/1.0; +http://example.com/bot)", i
					if i%2 == 0 {
						agent, client = fmt.Sprintf("Mozilla/5.0 (X11; Linux x86_64; rv:%d.0) Gecko/20100101 Firefox/%d.0", n%40+100, n%40+100), n*7%2000
					}
					fmt.Fprintf(&b, "203.0.%d.%d - - [%s] \"GET /product/%d HTTP/1.1\" 200 5120 \"https://site%d.example.com/\" \"%s\"\n",
						client/250, client%250, time.Now().Format("02/Jan/2006:15:04:05 -0700"), (n*4+i)%5000, n%300, agent)
				}
				return b.String()
			}}},
			{"error.log", "nginx-error", settleReports, &paced{ctx: ctx, every: 20 * time.Second, lines: func(n int) string {
				return fmt.Sprintf("%s [error] 71#71: *%d upstream timed out (110: Connection timed out) while reading response header from upstream, client: 203.0.113.9, server: shop.example.com, request: \"GET /%d HTTP/1.1\", upstream: \"fastcgi://127.0.0.1:9000\", host: \"shop.example.com\"\n",
					time.Now().Format("2006/01/02 15:04:05"), n, n)
			}}},
			{"redis-info", "redis-info", 0, poll(func() string {
				asked++
				return fmt.Sprintf("# Server\r\nredis_version:7.0.15\r\nrun_id:1111111111111111111111111111111111111111\r\ntcp_port:6379\r\nuptime_in_seconds:%d\r\n# Memory\r\nused_memory:%d\r\nused_memory_rss:%d\r\nmaxmemory:8589934592\r\nmaxmemory_policy:noeviction\r\n# Keyspace\r\ndb0:keys=%d,expires=0,avg_ttl=0\r\n",
					asked*10, 100<<20+asked*200_000, 120<<20+asked*200_000, 1000+asked*50)
			})},
			{"meminfo", "meminfo", 0, poll(func() string {
				return "MemTotal:        8066884 kB\nMemFree:         1381376 kB\nMemAvailable:    6543616 kB\n"
			})},
			{"ps", "ps", 0, poll(func() string {
				listed++
				return fmt.Sprintf("    PID    RSS    VSZ COMMAND\n   2201 %d 901232 redis-server\n    640  80000 160000 nginx\n", 120<<10+listed*200)
			})},
		} {
			s, err := f.recorded(opening{name: o.name, file: o.name, format: o.format, settle: o.settle})
			if err != nil {
				t.Fatal(err)
			}
			s.in = o.in
		}
		var running sync.WaitGroup
		for _, s := range f.sources {
			running.Go(func() {
				if err := s.pump(f); err != nil {
					t.Error(err)
				}
			})
		}
		running.Go(func() { w.watch(ctx, f, say, newPublisher()) })

		measure := func() (heap uint64, goroutines int) {
			synctest.Wait()
			runtime.GC()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			return m.HeapAlloc, runtime.NumGoroutine()
		}
		time.Sleep(time.Duration(hours) * time.Hour / 2)
		heap, goroutines := measure()
		time.Sleep(time.Duration(hours) * time.Hour / 2)
		heapEnd, goroutinesEnd := measure()
		t.Logf("after %d h: %d KiB and %d goroutines, after %d h: %d KiB and %d", hours/2, heap>>10, goroutines, hours, heapEnd>>10, goroutinesEnd)
		// The fold of requests is bounded by its grains, of which it takes the next within these hours or does not.
		if goroutinesEnd > goroutines || heapEnd > heap+heap/4 || heapEnd > guestMemory {
			t.Error("it grows")
		}
		stop()
		running.Wait()
		if n := f.sources[0].lines; n < hours*3600*4-100 {
			t.Errorf("%d lines were read", n)
		}
	})
}
