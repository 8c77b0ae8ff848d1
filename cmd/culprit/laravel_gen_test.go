package main

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// The night on which other people's pages filled a Laravel application's session store.
var (
	embedFrom   = time.Date(2024, 5, 14, 21, 40, 0, 0, time.UTC) // a customer with many visitors puts the embed on every page
	embedTo     = time.Date(2024, 5, 15, 6, 58, 0, 0, time.UTC)  // when the logs were copied
	embedLog    = time.Date(2024, 5, 15, 5, 30, 0, 0, time.UTC)  // what is kept of the access log begins here
	embedRotate = time.Date(2024, 5, 15, 6, 55, 0, 0, time.UTC)
)

const (
	sessionBytes    = 2560 // of a Laravel session in Redis: encrypted, base64 twice, with its key and its expiry
	laravelLifetime = 24 * time.Hour
)

func laravelEmbed() map[string]string {
	d := dice(20240515)
	hosts := []string{"https://news.bigpaper.example/", "https://bloom-florist.example/", "https://citybikes.example/", "https://dentist-north.example/"}
	projects := []string{"bigpaper", "bloom", "citybikes", "dentist-north"}
	sections := []string{"", "politics/", "sport/", "weather/", "culture/", "local/", "economy/"}

	var all []request
	for _, at := range d.spread(36900, embedFrom, embedTo) { // a page view: the script, then its picture
		who := 0 // nine in ten on the newspaper's pages
		if d.n(10) == 0 {
			who = 1 + d.n(3)
		}
		ref := hosts[who]
		if who == 0 {
			ref += sections[d.n(len(sections))]
		}
		r := request{at: at, client: d.manyClients(), protocol: "HTTP/2.0", ref: ref, agent: browsers[d.n(len(browsers))], status: 200}
		r.target, r.size = "/embed.js", 4127
		all = append(all, r)
		r.at = at.Add(time.Duration(200+d.n(900)) * time.Millisecond)
		r.target, r.size = "/"+projects[who]+"/share.svg", 1893
		if r.at.Before(embedTo) {
			all = append(all, r)
		}
	}
	const site = "https://app.example.com"
	for _, at := range d.spread(28, embedFrom, embedTo) { // the application's own users, who send their cookie back
		r := request{at: at, client: fmt.Sprintf("203.0.113.%d", 10+d.n(40)), protocol: "HTTP/2.0", agent: browsers[d.n(len(browsers))], status: 200}
		for i, page := range []string{"/login", "/dashboard", "/projects/" + projects[1+d.n(3)], "/projects", "/settings"} {
			r.target, r.size = page, sizeOf(page, 8100, 9000)
			all = append(all, r)
			r.ref = site + page
			r.at = r.at.Add(time.Duration(8+d.n(60)) * time.Second)
			if i == 0 {
				all = append(all, request{at: r.at, client: r.client, method: "POST", target: "/login", protocol: r.protocol, ref: r.ref, agent: r.agent, status: 302, size: 394})
			}
		}
	}
	for at := embedFrom.Add(41 * time.Second); at.Before(embedTo); at = at.Add(5 * time.Minute) {
		all = append(all, request{at: at, client: "192.0.2.80", target: "/login", agent: "Mozilla/5.0+(compatible; UptimeRobot/2.0; http://www.uptimerobot.com/)", status: 200, size: 8644})
	}

	sessions := opened(all, func(r request) bool {
		return strings.HasSuffix(r.target, "/embed.js") || strings.HasSuffix(r.target, "/share.svg") || r.target == "/login" && r.method == ""
	})
	var info strings.Builder
	const earlier, hourly = 360, 15 // sessions of a usual day, and how many of them expire in an hour
	for at := time.Date(2024, 5, 14, 21, 0, 0, 0, time.UTC); at.Before(embedTo); at = at.Add(10 * time.Minute) {
		n := before(sessions, at)
		gone := hourly * int(at.Sub(embedFrom).Minutes()+40) / 60
		keys := earlier + n - gone
		ttl := ((keys-n)*int(laravelLifetime.Milliseconds())/2 + n*int(laravelLifetime.Milliseconds()) - ages(sessions, at)) / keys
		used := redisStartup + 41008 + keys*sessionBytes + 212*1960
		info.WriteString(infoReply{at: at, version: "6.2.14", runID: "5d0c0fb1c5a9f4d39a7f0b63e2c4b8a1d9e7f602",
			uptime: at.Sub(time.Date(2024, 4, 2, 8, 11, 5, 0, time.UTC)), used: used, rss: (used + used/40 + 6<<20) &^ 4095, total: 214368 << 10,
			policy: "noeviction", keys: keys + 212, expired: 91877 + gone,
			keyspace: []string{fmt.Sprintf("db0:keys=%d,expires=%d,avg_ttl=%d", keys, keys, ttl), "db1:keys=212,expires=198,avg_ttl=1804113"}}.String())
	}
	return map[string]string{
		"var/log/nginx/access.log.1.gz": accessLog(all, embedLog, embedRotate),
		"var/log/nginx/access.log":      accessLog(all, embedRotate, embedTo),
		"redis-info.log":                info.String(),
	}
}

// opened are the moments of the requests that open a session, in order.
func opened(all []request, opens func(request) bool) []time.Time {
	var at []time.Time
	for _, r := range all {
		if opens(r) {
			at = append(at, r.at)
		}
	}
	slices.SortFunc(at, time.Time.Compare)
	return at
}
