package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"culprit/correlate"
	"culprit/parsers"
)

// BenchmarkParsers reads the samples of each format, over and over: to a megabyte.
func BenchmarkParsers(b *testing.B) {
	for _, p := range parsers.All() {
		files, err := filepath.Glob(filepath.Join("../../testdata/parsers", p.Name, "*"))
		if err != nil {
			b.Fatal(err)
		}
		var text []byte
		for _, f := range files {
			if !strings.HasSuffix(f, ".golden") {
				one, err := os.ReadFile(f)
				if err != nil {
					b.Fatal(err)
				}
				text = append(text, one...)
			}
		}
		if len(text) == 0 {
			continue
		}
		text = bytes.Repeat(text, 1+(1<<20)/len(text))
		b.Run(p.Name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				src := &parsers.Source{Name: p.Name, Head: text[:headSize], R: bytes.NewReader(text)}
				if err := parsers.Read(p, src, func(parsers.Record) {}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkAccess is what a worker does with an access log: its blocks parsed, and folded.
func BenchmarkAccess(b *testing.B) {
	var log bytes.Buffer
	if err := (shopLog{size: 64 << 20, clients: 60_000}).write(&log); err != nil {
		b.Fatal(err)
	}
	for _, fold := range []bool{false, true} {
		name := map[bool]string{false: "parse", true: "parse and fold"}[fold]
		b.Run(name, func(b *testing.B) {
			access, _ := parsers.ByName("nginx-access")
			b.SetBytes(int64(log.Len()))
			before := cpuTime()
			for b.Loop() {
				out := sink{record: func(parsers.Record) {}}
				if fold {
					t := correlate.NewTimeline()
					out = sink{t.Add, t}
				}
				file := &reading{parser: access, source: parsers.Source{Name: "access.log", Head: log.Bytes()[:headSize]}, hits: newHitTurns()}
				file.readBlocks(bufio.NewReaderSize(bytes.NewReader(log.Bytes()), headSize), func(bl block) { bl.parse(out) })
			}
			b.ReportMetric(float64(cpuTime()-before)/float64(b.N)/float64(bytes.Count(log.Bytes(), []byte("\n"))), "cpu-ns/line")
		})
	}
}

// BenchmarkAnalyze is the whole, from the file to the report.
func BenchmarkAnalyze(b *testing.B) {
	name := filepath.Join(b.TempDir(), "access.log")
	f, err := os.Create(name)
	if err != nil {
		b.Fatal(err)
	}
	const size = 64 << 20
	if err := (shopLog{size: size, clients: 60_000}).write(f); err != nil {
		b.Fatal(err)
	}
	f.Close()
	b.SetBytes(size)
	for b.Loop() {
		if code := run(context.Background(), []string{"analyze", "--format", "json", name}, nil, io.Discard, io.Discard); code != exitOK {
			b.Fatal(code)
		}
	}
}

// cpuTime is what this process has used: other processes, which take from the wall clock, do not show in it.
func cpuTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
