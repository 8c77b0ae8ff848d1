package main

import (
	"fmt"
	"strings"
	"time"
)

// Twelve web servers behind a balancer and two Redis servers: sessions on redis02, a cache on redis01. One crawler, spread
// over all twelve, leaves a session at every page, until the kernel of redis02 ends it.
var (
	fleetFrom = time.Date(2026, 5, 11, 0, 0, 0, 0, time.UTC)
	fleetKill = time.Date(2026, 5, 11, 9, 31, 7, 0, time.UTC)
	fleetBack = fleetKill.Add(3*time.Minute + 20*time.Second) // somebody started it again
	fleetTo   = time.Date(2026, 5, 11, 10, 0, 0, 0, time.UTC)
)

const (
	fleetHosts = 12
	fleetBytes = 61 << 10  // of a session: a cart with its products in it
	fleetRAM   = 486612992 // of a 512 MB machine, what the kernel leaves
	fleetBot   = "Mozilla/5.0 (compatible; ShelfBot/1.4; +https://shelf.example.net/bot)"
)

func fleet() map[string]string {
	d := dice(20260511)
	const site = "https://plants.example.com"
	logs := make([][]request, fleetHosts)
	add := func(r request) {
		if r.at.Before(fleetTo) {
			if !r.at.Before(fleetKill) && r.at.Before(fleetBack) && !strings.Contains(r.target, "/media/") {
				r.status, r.size = 500, 2341
			}
			host := d.n(fleetHosts)
			logs[host] = append(logs[host], r)
		}
	}
	page := func() string {
		return fmt.Sprintf("/plants/%s-%d.html", []string{"fern", "ficus", "agave", "hoya", "calathea", "monstera"}[d.n(6)], 100+d.n(700))
	}
	crawled := d.spread(5960, fleetFrom.Add(40*time.Minute), fleetTo)
	for _, at := range crawled {
		target := page()
		add(request{at: at, client: fmt.Sprintf("203.0.113.%d", 61+d.n(5)), target: target, protocol: "HTTP/2.0", agent: fleetBot, status: 200, size: sizeOf(target, 9000, 30000)})
	}
	visits := d.spread(640, fleetFrom, fleetTo)
	for _, at := range visits {
		client, agent := d.manyClients(), browsers[d.n(len(browsers))]
		ref := "https://search.example.org/"
		for range 1 + d.n(4) {
			target := page()
			add(request{at: at, client: client, target: target, protocol: "HTTP/2.0", ref: ref, agent: agent, status: 200, size: sizeOf(target, 9000, 30000)})
			ref = site + target
			for range 1 + d.n(3) {
				media := fmt.Sprintf("/media/catalog/%d.webp", d.n(900))
				add(request{at: at.Add(time.Second), client: client, target: media, protocol: "HTTP/2.0", ref: ref, agent: agent, status: 200, size: sizeOf(media, 3000, 40000)})
			}
			at = at.Add(time.Duration(5+d.n(80)) * time.Second)
		}
	}

	files := map[string]string{}
	for i, all := range logs {
		files[fmt.Sprintf("web%02d/var/log/nginx/access.log.gz", i+1)] = accessLog(all, fleetFrom, fleetTo)
	}

	reply := func(host, run string, at, started time.Time, keys, bytes, ttl int) string {
		used := redisStartup + 41008 + keys*bytes
		return infoReply{at: at, version: "7.0.15", runID: run, uptime: at.Sub(started), used: used, rss: (used + used/25 + 5<<20) &^ 4095, total: fleetRAM,
			policy: "noeviction", keys: keys, expired: 90210,
			keyspace: []string{fmt.Sprintf("db0:keys=%d,expires=%d,avg_ttl=%d", keys, min(keys, ttl), 41_000_000)}}.String()
	}
	started := time.Date(2026, 4, 2, 6, 12, 0, 0, time.UTC)
	var cache, sessions strings.Builder
	for at := fleetFrom.Add(17 * time.Second); at.Before(fleetTo); at = at.Add(20 * time.Minute) {
		cache.WriteString(reply("redis01", "0b9d8f6f4c1b7f7ab7a4ad0f8f5e7a3f1de02c11", at, started, 18_400+d.n(300), 4096, 1<<30))
		if at.Before(fleetKill) {
			keys := 40 + before(crawled, at) + before(visits, at)
			sessions.WriteString(reply("redis02", "f2c7be52a5d14d4c92b6a3c0de81bb4e07d21a90", at, started, keys, fleetBytes, 12))
		} else {
			keys := before(crawled, at) + before(visits, at) - before(crawled, fleetBack) - before(visits, fleetBack)
			sessions.WriteString(reply("redis02", "1a6e4b0c53f94f7d8e2b9a7c6d5e4f3a2b1c0d9e", at, fleetBack, keys, fleetBytes, 0))
		}
	}
	files["redis01/redis-info.log"], files["redis02/redis-info.log"] = cache.String(), sessions.String()
	files["redis02/var/log/kern.log"] = fleetKernel()
	return files
}

// fleetKernel is the kill as rsyslog writes it with RFC 3339 times.
func fleetKernel() string {
	var b strings.Builder
	p := func(format string, a ...any) {
		fmt.Fprintf(&b, "%s redis02 kernel: %s\n", fleetKill.Format("2006-01-02T15:04:05.000000-07:00"), fmt.Sprintf(format, a...))
	}
	p("redis-server invoked oom-killer: gfp_mask=0x140cca(GFP_HIGHUSER_MOVABLE|__GFP_COMP), order=0, oom_score_adj=0")
	p("CPU: 0 PID: 811 Comm: redis-server Not tainted 6.1.0-28-cloud-amd64 #1  Debian 6.1.119-1")
	p("Mem-Info:")
	p("active_anon:104 inactive_anon:103550 isolated_anon:0")
	p(" active_file:12 inactive_file:31 isolated_file:0")
	p(" slab_reclaimable:2210 slab_unreclaimable:4105")
	p(" mapped:210 shmem:311 pagetables:640")
	p(" free:3010 free_pcp:11 free_cma:0")
	p("131053 pages RAM")
	p("0 pages HighMem/MovableOnly")
	p("12251 pages reserved")
	p("Tasks state (memory values in pages):")
	p("[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name")
	for _, t := range []struct {
		pid, uid, vm, rss int
		name              string
	}{{211, 0, 8412, 310, "systemd-journal"}, {402, 0, 3855, 420, "sshd"}, {811, 107, 118204, 98120, "redis-server"}, {1020, 0, 1520, 180, "cron"}} {
		p("[%7d] %5d %5d %8d %8d   114688        0             0 %s", t.pid, t.uid, t.pid, t.vm, t.rss, t.name)
	}
	p("oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=/,mems_allowed=0,global_oom,task_memcg=/system.slice/redis-server.service,task=redis-server,pid=811,uid=107")
	p("Out of memory: Killed process 811 (redis-server) total-vm:472816kB, anon-rss:391208kB, file-rss:1272kB, shmem-rss:0kB, UID:107 pgtables:872kB oom_score_adj:0")
	return b.String()
}
