package main

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Bots and scanners against an Express application that stores a session for whoever asks.
var (
	slopeDeploy = time.Date(2025, 3, 11, 14, 5, 0, 0, time.UTC)   // the release without saveUninitialized: false
	slopeLog    = time.Date(2025, 3, 12, 12, 30, 0, 0, time.UTC)  // what is kept of the access log begins here
	slopeKill   = time.Date(2025, 3, 12, 13, 10, 42, 0, time.UTC) // the kernel kills Redis
	slopeBack   = time.Date(2025, 3, 12, 13, 11, 4, 0, time.UTC)  // systemd has started it again, empty
	slopeTo     = time.Date(2025, 3, 12, 13, 22, 0, 0, time.UTC)  // when the logs were copied
)

// expressBytes is a session in Redis: "sess:" and an id of 32 characters, the cookie, a CSRF secret, an empty flash list.
const expressBytes = 640

func sessionPatterns() map[string]string {
	d := dice(20250312)
	const site = "https://www.example.com"
	var all []request
	var sessions []time.Time
	bot := func(n int, agent, prefix string, hosts int, target func() string) {
		for _, at := range d.spread(n, slopeDeploy, slopeTo) {
			if at.Before(slopeKill) || !at.Before(slopeBack) {
				sessions = append(sessions, at)
			}
			if at.Before(slopeLog) {
				continue // not in the log that is kept
			}
			r := request{at: at, client: fmt.Sprintf("%s%d", prefix, 20+d.n(hosts)), target: target(), agent: agent, status: 200}
			r.size = sizeOf(r.target, 9000, 22000)
			all = append(all, slopePage(r))
		}
	}
	topics := []string{"guitars", "amps", "drums", "keys", "cables", "strings", "cases", "lights"}
	listing := func() string {
		return fmt.Sprintf("/c/%s?page=%d&sort=%s", topics[d.n(len(topics))], 1+d.n(60), []string{"new", "price", "name"}[d.n(3)])
	}
	item := func() string { return fmt.Sprintf("/p/%d", 1000+d.n(9000)) }
	probes := []string{"/.env", "/wp-login.php", "/xmlrpc.php", "/.git/config", "/admin/config.php", "/vendor/phpunit/phpunit/src/Util/PHP/eval-stdin.php", "/phpinfo.php", "/backup.zip", "/api/.env", "/server-status"}
	bot(251000, "Mozilla/5.0 (compatible; MJ12bot/v1.4.8; http://mj12bot.com/)", "198.51.100.", 12, listing)
	bot(167000, "Mozilla/5.0 (compatible; DotBot/1.2; +https://opensiteexplorer.org/dotbot; help@moz.com)", "192.0.2.", 4, item)
	bot(84000, "Mozilla/5.0 zgrab/0.x", "203.0.113.", 6, func() string { return probes[d.n(len(probes))] })
	for _, at := range d.spread(900, slopeDeploy, slopeTo) { // people: a session each, which they keep
		r := request{at: at, client: fmt.Sprintf("2001:db8:%x::%x", d.n(0x10000), 1+d.n(0xfffe)), protocol: "HTTP/2.0", agent: browsers[d.n(len(browsers))], ref: "https://www.google.com/"}
		if at.Before(slopeKill) || !at.Before(slopeBack) {
			sessions = append(sessions, at)
		}
		for i := range 3 + d.n(6) {
			r.status, r.target = 200, item()
			if i == 0 {
				r.target = "/"
			}
			r.size = sizeOf(r.target, 9000, 22000)
			if r = slopePage(r); r.at.Before(slopeTo) {
				all = append(all, r)
			}
			r.at, r.ref = r.at.Add(time.Duration(6+d.n(50))*time.Second), site+r.target
		}
	}
	for at := slopeDeploy.Add(23 * time.Second); at.Before(slopeTo); at = at.Add(time.Minute) { // answered by nginx itself
		all = append(all, request{at: at, client: "192.0.2.200", target: "/healthz", agent: "Pingdom.com_bot_version_1.4_(http://www.pingdom.com/)", status: 200, size: 3})
	}

	slices.SortFunc(sessions, time.Time.Compare)
	var info strings.Builder
	reply := func(at, start time.Time, runID string, keys, ttl, expired int) {
		used := redisStartup + 61440 + keys*expressBytes
		info.WriteString(infoReply{at: at, version: "7.0.15", runID: runID, uptime: at.Sub(start), used: used,
			rss: (used + used/50 + 5<<20) &^ 4095, total: 475208 << 10, policy: "noeviction", keys: keys, expired: expired,
			keyspace: []string{fmt.Sprintf("db1:keys=%d,expires=%d,avg_ttl=%d", keys, keys, ttl)}}.String())
	}
	const earlier = 880 // people's sessions of a usual day
	for at := time.Date(2025, 3, 11, 13, 10, 0, 0, time.UTC); at.Before(slopeKill); at = at.Add(20 * time.Minute) {
		n := before(sessions, at)
		reply(at, time.Date(2025, 1, 20, 6, 2, 11, 0, time.UTC), "c81e0a5be17f4d0d8d5f2f6b7f7f2f0ac3b1d944", earlier+n,
			(earlier*43200000+n*86400000-ages(sessions, at))/(earlier+n), 41877)
	}
	at := slopeTo.Add(-2 * time.Minute)
	again := sessions[before(sessions, slopeBack):]
	n := before(again, at)
	reply(at, slopeBack, "2f9d64c1e0b7a8335cd1e4f6079ab2c8d4e5f613", n, (n*86400000-ages(again, at))/n, 0)
	return map[string]string{
		"lb-01/var/log/nginx/access.log.1.gz": accessLog(all, slopeLog, slopeTo.Add(-22*time.Minute)),
		"lb-01/var/log/nginx/access.log.gz":   accessLog(all, slopeTo.Add(-22*time.Minute), slopeTo),
		"redis-01/redis-info.log":             info.String(),
	}
}

// slopePage answers a page: without its session store Express hands every request to the error handler.
func slopePage(r request) request {
	switch {
	case !r.at.Before(slopeKill) && r.at.Before(slopeBack):
		r.status, r.size = 500, 148
	case strings.HasPrefix(r.target, "/p/") && sizeOf(r.target, 0, 23) == 0, strings.Contains(r.agent, "zgrab"):
		r.status, r.size = 404, 1204
	}
	return r
}
