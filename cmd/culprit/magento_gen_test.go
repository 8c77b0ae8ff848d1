package main

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// One buyer's page sends twenty requests at once and they queue for one session: six may wait, the rest get a 503.
var (
	lockZone = time.FixedZone("CEST", 2*3600)
	lockFrom = time.Date(2019, 9, 17, 8, 0, 0, 0, lockZone)
	lockBusy = time.Date(2019, 9, 17, 10, 11, 20, 0, lockZone) // the buyer begins
	lockEnd  = time.Date(2019, 9, 17, 13, 5, 0, 0, lockZone)
	lockTo   = time.Date(2019, 9, 17, 13, 30, 0, 0, lockZone)
)

const (
	lockSession = "sess_q7m2fd0k3v8s1tj5nc4r6xb9ah"
	maxWaiting  = 6 // max_concurrency
)

func magentoLocks() map[string]string {
	d := dice(20190917)
	const site = "https://shop.example.com"
	var all []request
	add := func(r request, seconds float64) {
		r.at = r.at.Add(time.Duration(seconds * float64(time.Second))) // nginx logs a request when it has been answered
		r.agent += fmt.Sprintf(`" rt=%.3f`, seconds)                   // the format is combined with the time a request took; String closes the quote
		all = append(all, r)
	}
	quick := func() float64 { return 0.11 + float64(d.n(240))/1000 }

	for _, at := range d.spread(70, lockFrom, lockTo) { // other customers, before, during and after
		r := request{at: at, client: d.manyClients(), protocol: "HTTP/2.0", ref: "https://www.google.com/", agent: browsers[d.n(len(browsers))], status: 200}
		for i := range 4 + d.n(7) {
			r.target = []string{"/bolts.html", "/bolts/hex-m8.html", "/nuts.html", "/washers/din-125.html", "/checkout/cart/", "/customer/account/"}[(i+d.n(3))%6]
			r.size = sizeOf(r.target, 14000, 30000)
			if r.at.Before(lockTo) {
				add(r, quick())
			}
			r.at, r.ref = r.at.Add(time.Duration(7+d.n(50))*time.Second), site+r.target
		}
	}
	for _, at := range d.spread(260, lockFrom, lockTo) { // a crawler at its usual pace; its sessions live a minute, then two hours
		r := request{at: at, client: fmt.Sprintf("40.77.167.%d", 1+d.n(60)), target: fmt.Sprintf("/bolts.html?p=%d", 1+d.n(80)), agent: "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)", status: 200}
		r.size = sizeOf(r.target, 14000, 30000)
		add(r, quick())
	}

	type entry struct {
		at   time.Time
		text string
	}
	var entries []entry
	total := 211
	logf := func(at time.Time, level, format string, a ...any) {
		text := fmt.Sprintf("%s %s: web1|%d: %s\n", at.UTC().Format("2006-01-02T15:04:05-07:00"), level, 5200+d.n(50), fmt.Sprintf(format, a...))
		entries = append(entries, entry{at, text})
	}
	for at := lockBusy; at.Before(lockEnd); at = at.Add(time.Duration(240+d.n(260)) * time.Second) {
		page := request{at: at, client: "198.51.100.23", target: "/quickorder/", protocol: "HTTP/2.0", ref: site + "/customer/account/", agent: chrome, status: 200, size: 48113}
		add(page, quick())
		item := page
		item.at, item.ref = at.Add(2*time.Second), site+"/quickorder/"
		const each = 1.5 // seconds: the page asks for one price at a time, and the shop asks its ERP
		broken := ""
		for i := range 20 {
			broken, item.target = item.target, fmt.Sprintf("/quickorder/price/index/sku/%d/", 410000+d.n(9000))
			total++
			if i > maxWaiting {
				r := item
				r.status, r.size = 503, 2874
				add(r, 0.031+float64(d.n(30))/1000)
				logf(item.at, "WARN (4)", "Session concurrency exceeded for ID %s; displaying HTTP 503 (%d waiting, %d total requests)\n  %s (%s - %s)",
					lockSession, maxWaiting, total, item.target, item.client, item.agent)
				continue
			}
			item.status, item.size = 200, 91
			took := each * float64(i+1)
			if i >= 4 { // break_after: the fifth does not wait for the fourth to end
				took -= 1
			}
			add(item, took+float64(d.n(80))/1000)
			if i == 4 {
				waited := took - each + float64(d.n(900))/10000
				logf(item.at.Add(5*time.Second), "INFO (6)", "Successfully broke lock for ID %s after %.5f seconds (%d attempts). Lock: 2\nLast request of broken lock: GET shop.example.com%s",
					lockSession, waited, 11, broken)
			}
		}
	}

	slices.SortStableFunc(entries, func(a, b entry) int { return a.at.Compare(b.at) })
	var log strings.Builder
	for _, e := range entries {
		log.WriteString(e.text)
	}

	var info strings.Builder
	start := time.Date(2019, 8, 2, 4, 12, 30, 0, time.UTC)
	for at := lockFrom.UTC(); at.Before(lockTo); at = at.Add(30 * time.Minute) {
		keys := 3800 + d.n(160)
		used := redisStartup + 41008 + keys*3100
		info.WriteString(infoReply{at: at, version: "5.0.5", runID: "a4c9e17b2d60f3588e1b7c02d9f6a3514be8c7d0", uptime: at.Sub(start), used: used,
			rss: (used + used/20 + 5<<20) &^ 4095, total: 16 << 30, maxmemory: 200 << 20, policy: "volatile-lru", keys: keys,
			expired: int(at.Sub(start).Minutes()) * 2, keyspace: []string{fmt.Sprintf("db0:keys=%d,expires=%d,avg_ttl=%d", keys, keys, 1100000000+d.n(90000000))}}.String())
	}
	closed := func(log string) string { return strings.NewReplacer("\"\n", "\n").Replace(log) }
	return map[string]string{
		"var/log/nginx/access.log.1.gz":             closed(accessLog(all, lockFrom, lockTo.Add(-time.Hour))),
		"var/log/nginx/access.log":                  closed(accessLog(all, lockTo.Add(-time.Hour), lockTo)),
		"var/www/magento/var/log/redis_session.log": log.String(),
		"redis-info.log":                            info.String(),
	}
}
