package main

import (
	"fmt"
	"strings"
	"time"
)

// A session store whose sessions never expire reaches its maxmemory: logins fail, nothing is killed.
var (
	guideFrom = time.Date(2025, 10, 20, 0, 0, 0, 0, time.UTC)
	guideLog  = time.Date(2025, 11, 6, 12, 0, 0, 0, time.UTC)
	guideTo   = time.Date(2025, 11, 7, 0, 40, 0, 0, time.UTC)
)

const (
	guideBytes = 2432      // of a session: the whole user object as JSON, with its key
	guideMax   = 100 << 20 // maxmemory
	guideOther = 310       // keys with a TTL: rate limits, tokens
)

func sessionGuide() map[string]string {
	d := dice(20251107)
	const site = "https://helix.example.com"
	base := redisStartup + 41008 + guideOther*1700
	room := (guideMax - base) / guideBytes
	logins := d.spread(43300, guideFrom, guideTo)

	var all []request
	var app strings.Builder
	for i, at := range logins {
		if at.Before(guideLog.Add(-time.Hour)) {
			continue
		}
		r := request{at: at, client: d.manyClients(), method: "POST", target: "/auth/login", protocol: "HTTP/2.0", ref: site + "/login", agent: browsers[d.n(len(browsers))], status: 200, size: 512}
		if i >= room {
			r.status, r.size = 500, 61
			user := 1000 + d.n(9000)
			fmt.Fprintf(&app, "%s,%03d ERROR helix.auth login of user %d: could not store session: OOM command not allowed when used memory > 'maxmemory'.\n",
				at.Format(time.DateTime), d.n(1000), user)
		}
		all = append(all, r)
		if r.status == 500 {
			continue
		}
		for range 2 + d.n(5) {
			r.at, r.method = r.at.Add(time.Duration(3+d.n(90))*time.Second), "GET"
			r.target = []string{"/api/portals", "/api/agents", "/api/me", "/api/rituals?page=1"}[d.n(4)]
			r.size, r.ref = sizeOf(r.target, 700, 4000), site+"/"
			if r.at.Before(guideTo) {
				all = append(all, r)
			}
		}
	}
	for at := guideLog; at.Before(guideTo); at = at.Add(time.Duration(2+d.n(9)) * time.Minute) {
		page := []string{"/", "/docs", "/pricing", "/robots.txt", "/login"}[d.n(5)]
		all = append(all, request{at: at, client: fmt.Sprintf("66.249.66.%d", 1+d.n(20)), target: page, agent: googlebot, status: 200, size: sizeOf(page, 300, 9000)})
	}

	var info strings.Builder
	for at := guideFrom.Add(41 * time.Second); at.Before(guideTo); at = at.Add(6 * time.Hour) {
		n := min(before(logins, at), room)
		refused := max(0, before(logins, at)-room)
		used := base + n*guideBytes
		info.WriteString(infoReply{at: at, version: "7.2.5", runID: "7d1f7a26a95e3cb0f1d4b8a9c05ee6f2b3a4d591",
			uptime: at.Sub(time.Date(2025, 10, 19, 22, 14, 9, 0, time.UTC)), used: used, rss: (used + used/30 + 6<<20) &^ 4095, total: 8 << 30,
			maxmemory: guideMax, policy: "noeviction", keys: n + guideOther, expired: 2*before(logins, at) + 700, oomRefused: refused,
			keyspace: []string{fmt.Sprintf("db0:keys=%d,expires=%d,avg_ttl=%d", n+guideOther, guideOther, 1741203)}}.String())
	}
	return map[string]string{
		"var/log/nginx/access.log.1.gz": accessLog(all, guideLog, guideTo.Add(-40*time.Minute)),
		"var/log/nginx/access.log":      accessLog(all, guideTo.Add(-40*time.Minute), guideTo),
		"srv/helix/log/app.log":         app.String(),
		"redis-info.log":                info.String(),
	}
}
