package main

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"flag"
	"fmt"
	"hash/fnv"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "rewrite the golden files and the generated logs")

// generated are the files of testdata/incidents/<name> that are too long to write by hand, by their path in it. The rest of
// the folder is written by hand; its README says which facts come from where.
var generated = map[string]func() map[string]string{
	"fleet":            fleet,
	"laravel-embed":    laravelEmbed,
	"magento-locks":    magentoLocks,
	"session-guide":    sessionGuide,
	"session-patterns": sessionPatterns,
	"tea-shop":         teaShop,
}

// TestIncidentsAreGenerated keeps the provenance of the long logs: with -update it writes them, without it checks that they
// are still what the generator makes. Compressed files are compared unpacked, as gzip's output may change with Go.
func TestIncidentsAreGenerated(t *testing.T) {
	for _, name := range fewer(slices.Sorted(maps.Keys(generated))) {
		files := generated[name]
		t.Run(name, func(t *testing.T) {
			for path, want := range files() {
				file := filepath.Join("../../testdata/incidents", name, path)
				if *update {
					writeGenerated(t, file, want)
				}
				if got := readGenerated(t, file); got != want {
					t.Errorf("%s is not what the generator makes: see -update", file)
				}
			}
		})
	}
}

func writeGenerated(t *testing.T, file, text string) {
	t.Helper()
	b := []byte(text)
	if strings.HasSuffix(file, ".gz") {
		var buf bytes.Buffer
		z, _ := gzip.NewWriterLevel(&buf, gzip.BestCompression) // no name and no time: the same bytes every time
		z.Write(b)
		z.Close()
		b = buf.Bytes()
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

func readGenerated(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(file, ".gz") {
		return string(b)
	}
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	if b, err = io.ReadAll(z); err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// dice is splitmix64: the same sequence on every machine and with every Go.
type dice uint64

func (d *dice) next() uint64 {
	*d += 0x9e3779b97f4a7c15
	z := uint64(*d)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// n is a number in [0, max).
func (d *dice) n(max int) int { return int(d.next() % uint64(max)) }

// spread puts n moments into [from, to): one at random in each of n equal slots, so both the count and the rate are exact.
func (d *dice) spread(n int, from, to time.Time) []time.Time {
	at := make([]time.Time, n)
	slot := to.Sub(from) / time.Duration(n)
	for i := range at {
		at[i] = from.Add(time.Duration(i)*slot + time.Duration(d.next()%uint64(slot)))
	}
	return at
}

// sizeOf is a page's size: always the same for the same page.
func sizeOf(page string, least, spread int) int {
	h := fnv.New32a()
	io.WriteString(h, page)
	return least + int(h.Sum32())%spread
}

// request is a line of an access log in the combined format; raw, where set, is the line itself.
type request struct {
	at                                                time.Time
	client, method, target, protocol, ref, agent, raw string
	status, size                                      int
}

func (r request) String() string {
	if r.raw != "" {
		return r.raw
	}
	return fmt.Sprintf(`%s - - [%s] "%s %s %s" %d %d "%s" "%s"`, r.client, r.at.Format("02/Jan/2006:15:04:05 -0700"),
		cmp.Or(r.method, "GET"), r.target, cmp.Or(r.protocol, "HTTP/1.1"), r.status, r.size, cmp.Or(r.ref, "-"), cmp.Or(r.agent, "-"))
}

// accessLog is the requests of [from, to) in the order of their times.
func accessLog(all []request, from, to time.Time) string {
	var some []request
	for _, r := range all {
		if !r.at.Before(from) && r.at.Before(to) {
			some = append(some, r)
		}
	}
	slices.SortStableFunc(some, func(a, b request) int { return a.at.Compare(b.at) })
	var out strings.Builder
	for _, r := range some {
		fmt.Fprintln(&out, r)
	}
	return out.String()
}

// infoReply is one INFO reply of a series, as a cron job appends them to a file under a date line.
type infoReply struct {
	at                           time.Time
	version, runID               string
	uptime                       time.Duration
	used, rss, total, maxmemory  int
	policy                       string
	keys                         int // of all databases: what the overhead is reckoned from
	expired, evicted, oomRefused int
	keyspace                     []string // "db0:keys=...,expires=...,avg_ttl=..."
}

const redisStartup = 862304 // used_memory of an empty Redis 6.2 or 7.0, about

func (r infoReply) String() string {
	overhead := redisStartup + 20504*2 + r.keys*72 + hashTable(r.keys)*8
	mib := func(n int) string { return fmt.Sprintf("%.2fM", float64(n)/(1<<20)) }
	var out strings.Builder
	p := func(format string, a ...any) { fmt.Fprintf(&out, format+"\n", a...) }
	p("%s", r.at.Format(time.RFC3339))
	p("# Server")
	p("redis_version:%s", r.version)
	p("redis_mode:standalone")
	p("run_id:%s", r.runID)
	p("tcp_port:6379")
	p("uptime_in_seconds:%d", int(r.uptime.Seconds()))
	p("")
	p("# Memory")
	p("used_memory:%d", r.used)
	p("used_memory_human:%s", mib(r.used))
	p("used_memory_rss:%d", r.rss)
	p("used_memory_rss_human:%s", mib(r.rss))
	p("used_memory_peak:%d", r.used)
	p("used_memory_peak_human:%s", mib(r.used))
	p("used_memory_overhead:%d", overhead)
	p("used_memory_startup:%d", redisStartup)
	p("used_memory_dataset:%d", r.used-overhead)
	p("used_memory_dataset_perc:%.2f%%", 100*float64(r.used-overhead)/float64(r.used-redisStartup))
	p("total_system_memory:%d", r.total)
	p("maxmemory:%d", r.maxmemory)
	p("maxmemory_policy:%s", r.policy)
	p("mem_fragmentation_ratio:%.2f", float64(r.rss)/float64(r.used))
	p("mem_clients_slaves:0")
	p("mem_clients_normal:41008")
	p("mem_allocator:jemalloc-5.1.0")
	p("")
	p("# Stats")
	p("expired_keys:%d", r.expired)
	p("evicted_keys:%d", r.evicted)
	if r.oomRefused > 0 {
		p("")
		p("# Errorstats")
		p("errorstat_OOM:count=%d", r.oomRefused)
	}
	p("")
	p("# Keyspace")
	for _, db := range r.keyspace {
		p("%s", db)
	}
	p("")
	return out.String()
}

// hashTable is the number of buckets Redis keeps for so many keys: the next power of two.
func hashTable(keys int) int {
	n := 4
	for n < keys {
		n *= 2
	}
	return n
}

// before counts the moments before at; moments must be sorted.
func before(moments []time.Time, at time.Time) int {
	i, _ := slices.BinarySearchFunc(moments, at, func(m, at time.Time) int { return m.Compare(at) })
	return i
}

// ages is the sum of the moments' ages at at, in milliseconds, over those that have come by then.
func ages(moments []time.Time, at time.Time) (ms int) {
	for _, m := range moments[:before(moments, at)] {
		ms += int(at.Sub(m).Milliseconds())
	}
	return ms
}

// manyClients is one of a great many addresses, all of them reserved for documentation and tests (RFC 3849, RFC 2544).
func (d *dice) manyClients() string {
	if d.n(3) == 0 {
		return fmt.Sprintf("2001:db8:%x:%x::%x", d.n(0x10000), d.n(0x10000), 1+d.n(0xfffe))
	}
	return fmt.Sprintf("198.%d.%d.%d", 18+d.n(2), d.n(256), 1+d.n(254))
}

var browsers = []string{chrome, iphone, firefox,
	"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4.1 Safari/605.1.15",
	"Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Mobile Safari/537.36",
	"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36 Edg/124.0.0.0",
}
