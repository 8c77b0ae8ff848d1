package main

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
	"time"
)

// The other files of an outage, made up in the mixture that a server writes them in: nearly every line is of no interest.

// hostLog is a log that is written line by line.
type hostLog struct {
	size  int64
	pause time.Duration // between two lines, on average
	line  func(*logWriter)
}

// logWriter makes one line after the other.
type logWriter struct {
	*rand.Rand
	at    time.Time
	n     int
	line  []byte
	stamp []byte // of the second
	last  int64
}

func (l hostLog) write(to io.Writer) error {
	w := bufio.NewWriterSize(to, 1<<20)
	g := &logWriter{Rand: rand.New(rand.NewPCG(7, 217)), at: time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)}
	for written := int64(0); written < l.size; g.n++ {
		g.at = g.at.Add(time.Duration(g.Int64N(2 * int64(l.pause))))
		g.line = g.line[:0]
		l.line(g)
		written += int64(len(g.line))
		if _, err := w.Write(g.line); err != nil {
			return err
		}
	}
	return w.Flush()
}

func (g *logWriter) add(s string)                 { g.line = append(g.line, s...) }
func (g *logWriter) addf(format string, a ...any) { g.line = fmt.Appendf(g.line, format, a...) }
func (g *logWriter) end(s string)                 { g.line = append(append(g.line, s...), '\n') }
func (g *logWriter) num(most int)                 { g.line = strconv.AppendInt(g.line, int64(g.IntN(most)), 10) }
func (g *logWriter) addr()                        { g.line = appendClient(g.line, 1+g.IntN(5000)*20) }

// time adds the second as the layout writes it.
func (g *logWriter) time(layout string) {
	if s := g.at.Unix(); s != g.last || g.stamp == nil {
		g.last, g.stamp = s, g.at.AppendFormat(g.stamp[:0], layout)
	}
	g.line = append(g.line, g.stamp...)
}

// uptime adds the kernel's stamp.
func (g *logWriter) uptime() {
	us := g.at.Sub(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)).Microseconds()
	g.line = append(g.line, '[')
	if us < 1e10 {
		g.line = append(g.line, ' ')
	}
	g.line = append(strconv.AppendInt(g.line, us/1e6, 10), '.')
	for unit := int64(1e5); unit > 0; unit /= 10 {
		g.line = append(g.line, byte('0'+us/unit%10))
	}
	g.line = append(g.line, "] "...)
}

// kernelLog is what dmesg or kern.log hold: dropped packets, audit, network devices, and an OOM report now and then.
func kernelLog(size int64) hostLog {
	return hostLog{size, 400 * time.Millisecond, func(g *logWriter) {
		if g.n%40_000 == 39_999 {
			g.oom((*logWriter).uptime)
			return
		}
		g.uptime()
		g.kernelMessage()
	}}
}

func (g *logWriter) kernelMessage() {
	switch k := g.IntN(100); {
	case k < 62:
		g.add("[UFW BLOCK] IN=eth0 OUT= MAC=52:54:00:1c:9a:0e:52:54:00:81:7f:02:08:00 SRC=")
		g.addr()
		g.add(" DST=198.51.100.4 LEN=40 TOS=0x00 PREC=0x00 TTL=")
		g.num(255)
		g.add(" ID=")
		g.num(65536)
		g.add(" PROTO=TCP SPT=")
		g.num(65536)
		g.add(" DPT=")
		g.num(9000)
		g.end(" WINDOW=1024 RES=0x00 SYN URGP=0 ")
	case k < 74:
		g.addf(`audit: type=1400 audit(%d.%03d:%d): apparmor="DENIED" operation="open" class="file" profile="snap.lxd.daemon" name="/proc/%d/status" pid=%d comm="lxd" requested_mask="r" denied_mask="r" fsuid=0 ouid=0`,
			g.at.Unix(), g.at.Nanosecond()/1e6, g.n, g.IntN(30000), g.IntN(30000))
		g.end("")
	case k < 82:
		g.addf("docker0: port %d(veth%07x) entered %s state", g.IntN(40), g.IntN(1<<28), [...]string{"blocking", "disabled", "forwarding"}[g.IntN(3)])
		g.end("")
	case k < 86:
		g.addf("IPv6: ADDRCONF(NETDEV_CHANGE): veth%07x: link becomes ready", g.IntN(1<<28))
		g.end("")
	case k < 90:
		g.end("TCP: request_sock_TCP: Possible SYN flooding on port 443. Sending cookies.  Check SNMP counters.")
	case k < 93:
		g.addf("nf_conntrack: nf_conntrack: table full, dropping packet")
		g.end("")
	case k < 95:
		g.addf("perf: interrupt took too long (%d > %d), lowering kernel.perf_event_max_sample_rate to %d", 2000+g.IntN(900), 2000+g.IntN(900), 79000)
		g.end("")
	case k < 97:
		g.addf("systemd-journald[312]: File /var/log/journal/5f1c/user-%d.journal corrupted or uncleanly shut down, renaming and replacing.", g.IntN(2000))
		g.end("")
	case k < 98:
		g.addf("EXT4-fs (sda1): mounted filesystem %08x with ordered data mode. Quota mode: none.", g.Uint32())
		g.end("")
	default:
		g.addf("usb 1-1: new high-speed USB device number %d using xhci_hcd", g.IntN(100))
		g.end("")
	}
}

// oom is a report of a kill, each of its lines behind what head writes.
func (g *logWriter) oom(head func(*logWriter)) {
	pid := 10000 + g.IntN(50000)
	put := func(format string, a ...any) {
		head(g)
		g.addf(format, a...)
		g.end("")
	}
	put("php-fpm8.1 invoked oom-killer: gfp_mask=0x140cca(GFP_HIGHUSER_MOVABLE|__GFP_COMP), order=0, oom_score_adj=0")
	put("CPU: 1 PID: %d Comm: php-fpm8.1 Not tainted 5.15.0-101-generic #111-Ubuntu", pid+7)
	put("Call Trace:")
	for _, f := range []string{"show_stack+0x52/0x5c", "dump_stack_lvl+0x4a/0x63", "dump_header+0x53/0x228", "oom_kill_process.cold+0xb/0x10", "__alloc_pages_slowpath.constprop.0+0xe0a/0xed0", "asm_exc_page_fault+0x27/0x30"} {
		put(" %s", f)
	}
	put("Mem-Info:")
	put("active_anon:102 inactive_anon:1950211 isolated_anon:0")
	put("Node 0 active_anon:408kB inactive_anon:7800844kB active_file:12kB inactive_file:340kB unevictable:0kB shmem:1204kB")
	put("Node 0 DMA free:11260kB min:120kB low:148kB high:176kB")
	put("Node 0 DMA: 1*4kB (U) 1*8kB (U) 1*16kB (U) = 11260kB")
	put("Free swap  = 0kB")
	put("Total swap = 0kB")
	put("2097052 pages RAM")
	put("Tasks state (memory values in pages):")
	put("[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name")
	for i := range 200 {
		put("[%7d]    33 %d    61234     4321   204800        0             0 php-fpm8.1", 900+i, 900+i)
	}
	put("oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=/,mems_allowed=0,global_oom,task_memcg=/system.slice/redis-server.service,task=redis-server,pid=%d,uid=112", pid)
	put("Out of memory: Killed process %d (redis-server) total-vm:8102340kB, anon-rss:7501232kB, file-rss:0kB, shmem-rss:0kB, UID:112 pgtables:18512kB oom_score_adj:0", pid)
	put("oom_reaper: reaped process %d (redis-server), now anon-rss:0kB, file-rss:0kB, shmem-rss:0kB", pid)
}

// systemLog is /var/log/syslog: half of it the kernel's.
func systemLog(size int64) hostLog {
	kernel := func(g *logWriter) {
		g.time("Jan _2 15:04:05")
		g.add(" web1 kernel: ")
		g.uptime()
	}
	return hostLog{size, 300 * time.Millisecond, func(g *logWriter) {
		if g.n%80_000 == 79_999 {
			g.oom(kernel)
			return
		}
		k := g.IntN(100)
		if k < 50 {
			kernel(g)
			g.kernelMessage()
			return
		}
		g.time("Jan _2 15:04:05")
		switch {
		case k < 70:
			g.addf(" web1 sshd[%d]: Failed password for invalid user admin from ", g.IntN(60000))
			g.addr()
			g.addf(" port %d ssh2", g.IntN(60000))
		case k < 74:
			g.addf(" web1 CRON[%d]: (www-data) CMD (php /var/www/shop/cron.php --job=%d >/dev/null 2>&1)", g.IntN(60000), g.IntN(12))
		case k < 80:
			g.addf(" web1 systemd[1]: %s Session %d of user deploy.", [...]string{"Started", "Stopped"}[g.IntN(2)], g.IntN(100000))
		case k < 83:
			g.addf(" web1 systemd[1]: session-%d.scope: Deactivated successfully.", g.IntN(100000))
		case k < 93:
			g.addf(" web1 postfix/smtpd[%d]: connect from unknown[", g.IntN(60000))
			g.addr()
			g.add("]")
		case k < 97:
			g.addf(" web1 named[811]: client @0x7f%08x 192.0.2.%d#%d (shop.example.com): query: shop.example.com IN A +E(0)K (198.51.100.4)", g.Uint32(), g.IntN(255), g.IntN(60000))
		default:
			g.addf(" web1 dockerd[901]: time=\"%s\" level=info msg=\"ignoring event\" container=%016x module=libcontainerd", g.at.Format(time.RFC3339), g.Uint64())
		}
		g.end("")
	}}
}

// redisLog is a server's at log level verbose: connections, saves, and a replica that comes and goes.
func redisLog(size int64) hostLog {
	put := func(g *logWriter, level string) {
		g.add("1437:M ")
		g.time("02 Jan 2006 15:04:05")
		ms := g.at.Nanosecond() / 1e6
		g.line = append(g.line, '.', byte('0'+ms/100), byte('0'+ms/10%10), byte('0'+ms%10), ' ')
		g.add(level)
	}
	return hostLog{size, 250 * time.Millisecond, func(g *logWriter) {
		switch k := g.IntN(100); {
		case k < 42:
			put(g, "- Accepted 10.0.0.")
			g.num(250)
			g.add(":")
			g.num(60000)
			g.end("")
		case k < 84:
			put(g, "- Client closed connection id=")
			g.num(1 << 30)
			g.add(" addr=10.0.0.")
			g.num(250)
			g.add(":")
			g.num(60000)
			g.end(" laddr=10.0.0.4:6379 fd=21 name= age=3 idle=0 flags=N db=0 sub=0 psub=0 multi=-1 qbuf=0 qbuf-free=20474 argv-mem=0 obl=0 oll=0 omem=0 tot-mem=22272 events=r cmd=get user=default redir=-1 resp=2")
		case k < 87:
			put(g, "- DB 0: ")
			g.num(60000)
			g.end(" keys (12 volatile) in 65536 slots HT.")
		case k < 93:
			put(g, "* 100 changes in 300 seconds. Saving...\n")
			put(g, "* Background saving started by pid ")
			g.num(30000)
			g.end("")
			g.add("2711:C ")
			g.line = append(g.line, g.stamp...)
			g.end(".231 * DB saved on disk")
			g.add("2711:C ")
			g.line = append(g.line, g.stamp...)
			g.end(".240 * Fork CoW for RDB: current 12 MB, peak 12 MB, average 7 MB")
			put(g, "* Background saving terminated with success\n")
		case k < 97:
			put(g, "* Replica 10.0.0.5:6379 asks for synchronization\n")
			put(g, "* Partial resynchronization request from 10.0.0.5:6379 accepted. Sending 1453 bytes of backlog starting from offset 9273461.\n")
		case k < 99:
			put(g, "# Connection with replica 10.0.0.5:6379 lost.\n")
		default:
			put(g, "* Asynchronous AOF fsync is taking too long (disk is busy?). Writing the AOF buffer without waiting for fsync to complete, this may slow down Redis.\n")
		}
	}}
}

// nginxErrors is an error log in a bad week.
func nginxErrors(size int64) hostLog {
	return hostLog{size, 100 * time.Millisecond, func(g *logWriter) {
		g.time("2006/01/02 15:04:05")
		worker := 1200 + g.IntN(4)
		request := true
		switch k := g.IntN(100); {
		case k < 40:
			g.addf(" [error] %d#%d: *%d limiting requests, excess: %d.%03d by zone \"pages\"", worker, worker, g.n, 5+g.IntN(9), g.IntN(1000))
		case k < 60:
			g.addf(" [error] %d#%d: *%d open() \"/var/www/shop/wp-content/uploads/%d.jpg\" failed (2: No such file or directory)", worker, worker, g.n, g.IntN(1<<20))
		case k < 75:
			g.addf(" [error] %d#%d: *%d connect() failed (111: Connection refused) while connecting to upstream", worker, worker, g.n)
		case k < 85:
			g.addf(" [error] %d#%d: *%d upstream timed out (110: Connection timed out) while reading response header from upstream", worker, worker, g.n)
		case k < 95:
			g.addf(" [warn] %d#%d: *%d an upstream response is buffered to a temporary file /var/lib/nginx/fastcgi/%d/%02d/000012%d while reading upstream", worker, worker, g.n, g.IntN(9), g.IntN(99), g.IntN(10000))
		case k < 99:
			g.addf(" [error] %d#%d: *%d FastCGI sent in stderr: \"PHP message: PHP Warning:  Undefined array key \"sku\" in /var/www/shop/wp-content/plugins/feed/feed.php on line %d\" while reading response header from upstream", worker, worker, g.n, g.IntN(900))
		default:
			g.addf(" [notice] 1100#1100: signal 17 (SIGCHLD) received from %d", worker)
			request = false
		}
		if request {
			g.add(", client: ")
			g.addr()
			g.addf(", server: shop.example.com, request: \"GET /product/%d/classic-runner HTTP/1.1\", upstream: \"fastcgi://unix:/run/php/php8.1-fpm.sock:\", host: \"shop.example.com\"", g.IntN(40000))
		}
		g.end("")
	}}
}

// redisDump is a dump.rdb: sessions with a TTL, a cache, hashes as listpacks and lists of strings; a tenth of its bytes are large values.
type redisDump struct{ size int64 }

func (d redisDump) write(to io.Writer) error {
	w := bufio.NewWriterSize(to, 1<<20)
	r := rand.New(rand.NewPCG(8, 218))
	now := time.Date(2026, 4, 20, 1, 0, 0, 0, time.UTC)
	b := append([]byte("REDIS0010"), 250)
	b = rdbText(rdbText(b, "redis-ver"), "7.0.15")
	b = rdbText(rdbText(append(b, 250), "ctime"), strconv.FormatInt(now.Unix(), 10))
	b = append(b, 254, 0)
	large := make([]byte, 1<<20)
	for written := int64(0); written < d.size; {
		written += int64(len(b))
		if _, err := w.Write(b); err != nil {
			return err
		}
		b = b[:0]
		k := r.IntN(100_000)
		if k%10 < 8 {
			b = binary.LittleEndian.AppendUint64(append(b, 252), uint64(now.UnixMilli()+r.Int64N(48*3600*1000)))
		}
		switch {
		case k < 60_000:
			b = rdbBytes(fmt.Appendf(append(b, 0, 64, 43), "wc_session_%016x%016x", r.Uint64(), r.Uint64()), large[:200+r.IntN(600)])
		case k < 80_000:
			b = rdbBytes(rdbText(append(b, 0), "cache:wp:options:"+strconv.FormatUint(r.Uint64()>>32, 16)), large[:40+r.IntN(200)])
		case k < 95_000:
			b = rdbBytes(rdbText(append(b, 16), "user:"+strconv.Itoa(r.IntN(1<<24))+":profile"), large[:60+r.IntN(100)])
		case k < 99_990:
			b = rdbText(append(b, 1), "queue:mail:"+strconv.Itoa(r.IntN(1<<24)))
			n := 2 + r.IntN(20)
			for b = append(b, byte(n)); n > 0; n-- {
				b = rdbBytes(b, large[:10+r.IntN(40)])
			}
		default:
			b = rdbBytes(rdbText(append(b, 0), "page:"+strconv.Itoa(r.IntN(1<<24))), large[:r.IntN(len(large))])
		}
	}
	if _, err := w.Write(append(b, 255, 0, 0, 0, 0, 0, 0, 0, 0)); err != nil {
		return err
	}
	return w.Flush()
}

func rdbText(b []byte, s string) []byte { return rdbBytes(b, []byte(s)) }

func rdbBytes(b, s []byte) []byte {
	switch n := len(s); {
	case n < 1<<6:
		b = append(b, byte(n))
	case n < 1<<14:
		b = append(b, 1<<6|byte(n>>8), byte(n))
	default:
		b = binary.BigEndian.AppendUint32(append(b, 0x80), uint32(n))
	}
	return append(b, s...)
}
