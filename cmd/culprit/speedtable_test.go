package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

var (
	speed  = flag.Int("speed", 0, "MiB of each log with which to measure culprit beside other tools, and print README's table")
	rounds = flag.Int("rounds", 3, "of -speed")
)

// TestSpeed prints the table of README's "How fast": every tool in turn, so often, each time a process of its own; the
// medians. The first round warms the page cache and is not counted.
func TestSpeed(t *testing.T) {
	if *speed == 0 {
		t.Skip("-speed 256 measures")
	}
	dir := t.TempDir()
	culprit := filepath.Join(dir, "culprit")
	shell(t, "go build -o "+culprit+" .")
	log := filepath.Join(dir, "access.log")
	size := int64(*speed) << 20
	writeFile(t, log, func(w io.Writer) error { return shopLog{size: size, clients: 60_000}.write(w) })
	many := filepath.Join(dir, "many.log")
	writeFile(t, many, func(w io.Writer) error { return shopLog{size: size, clients: 10_000_000, uniform: true}.write(w) })
	analyze := culprit + " analyze --format json "
	rows := []*speedRow{
		{name: "`wc -l`", cmd: "wc -l " + log},
		{name: "culprit", cmd: analyze + log},
		{name: "`gawk '{print $1}' | sort | uniq -c`", needs: "gawk", cmd: "gawk '{print $1}' " + log + " | sort | uniq -c | sort -nr"},
		{name: "culprit, each line another of ten million clients", cmd: analyze + many},
	}
	for _, other := range []struct {
		name, file string
		write      func(io.Writer) error
	}{
		{"100 MiB of kernel log", "kernel.log", kernelLog(100 << 20).write},
		{"100 MiB of syslog, half of it the kernel's", "syslog", systemLog(100 << 20).write},
		{"a Redis log", "redis.log", redisLog(size).write},
		{"nginx's error log", "error.log", nginxErrors(size).write},
		{"a dump.rdb", "dump.rdb", redisDump{size}.write},
	} {
		file := filepath.Join(dir, other.file)
		writeFile(t, file, other.write)
		rows = append(rows, &speedRow{name: "culprit, " + other.name, cmd: analyze + file})
	}
	for _, packed := range []struct{ tool, ending, pack, unpack string }{{"gzip", ".gz", "gzip -6 -k ", "zcat "}, {"zstd", ".zst", "zstd -q -3 -k ", "zstd -q -dc "}} {
		if _, err := exec.LookPath(packed.tool); err == nil {
			shell(t, packed.pack+log)
			rows = append(rows, &speedRow{name: "`" + strings.TrimSpace(packed.unpack) + "`", cmd: packed.unpack + log + packed.ending},
				&speedRow{name: "culprit of the " + packed.ending, cmd: analyze + log + packed.ending})
		}
	}
	for round := range *rounds + 1 {
		for _, r := range rows {
			if _, err := exec.LookPath(r.needs); r.needs == "" || err == nil {
				r.measure(t, round > 0)
			}
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "| %d MiB | wall s | CPU s | peak MiB |\n|---|---|---|---|\n", *speed)
	for _, r := range rows {
		if len(r.wall) > 0 {
			fmt.Fprintf(&b, "| %s | %.2f | %.2f | %.0f |\n", r.name, median(r.wall), median(r.cpu), slices.Max(r.peak))
		}
	}
	t.Log("\n" + b.String())
}

type speedRow struct {
	name, cmd, needs string
	wall, cpu, peak  []float64
}

func (r *speedRow) measure(t *testing.T, counts bool) {
	cmd := exec.Command("bash", "-c", "set -o pipefail; exec "+r.cmd)
	if strings.Contains(r.cmd, "|") {
		cmd = exec.Command("bash", "-c", "set -o pipefail; "+r.cmd)
	}
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	start := time.Now()
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v", r.cmd, err)
	}
	if u := cmd.ProcessState.SysUsage().(*syscall.Rusage); counts {
		r.wall = append(r.wall, time.Since(start).Seconds())
		r.cpu = append(r.cpu, (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds())
		r.peak = append(r.peak, float64(u.Maxrss)/1024)
	}
}

func shell(t *testing.T, cmd string) {
	t.Helper()
	if out, err := exec.Command("bash", "-c", cmd).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", cmd, err, out)
	}
}

func writeFile(t *testing.T, name string, write func(io.Writer) error) {
	t.Helper()
	f, err := os.Create(name)
	if err == nil {
		err = write(f)
	}
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
}

func median(list []float64) float64 {
	slices.Sort(list)
	return list[len(list)/2]
}
