package main

import (
	"fmt"
	"time"
)

// The tea shop's access log: the addresses, agents and counts of the write-up, spread over a day of its crawl.
var (
	teaZone  = time.FixedZone("CST", 8*3600)
	teaFrom  = time.Date(2026, 4, 19, 8, 0, 0, 0, teaZone)
	teaTo    = time.Date(2026, 4, 20, 10, 46, 0, 0, teaZone) // when the log was copied
	teaKill  = time.Date(2026, 4, 20, 9, 12, 34, 0, teaZone) // the kernel's record
	teaStart = time.Date(2026, 4, 20, 9, 31, 18, 0, teaZone) // systemctl start redis-server: made up
)

const (
	googlebot = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
	chrome    = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36"
	iphone    = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4.1 Mobile/15E148 Safari/604.1"
	firefox   = "Mozilla/5.0 (X11; Linux x86_64; rv:125.0) Gecko/20100101 Firefox/125.0"
)

func teaShop() map[string]string {
	d := dice(20260420)
	var all []request
	for _, bot := range []struct {
		client   string
		requests int
	}{{"192.168.1.105", 12540}, {"192.168.1.106", 11230}, {"192.168.1.107", 10500}} {
		for _, at := range d.spread(bot.requests, teaFrom, teaTo) {
			all = append(all, teaPage(request{at: at, client: bot.client, target: teaTarget(&d), agent: googlebot}))
		}
	}
	day := func(day, hour, min, sec int) time.Time { return time.Date(2026, 4, day, hour, min, sec, 0, teaZone) }
	all = append(all, teaVisit(&d, 60, day(19, 10, 12, 41), "203.0.113.5", chrome)...)
	all = append(all, teaVisit(&d, 45, day(19, 20, 31, 7), "203.0.113.5", chrome)...)
	all = append(all, teaVisit(&d, 45, day(20, 9, 7, 52), "203.0.113.5", chrome)...) // shopping when Redis died
	all = append(all, teaVisit(&d, 70, day(19, 13, 22, 18), "203.0.113.6", iphone)...)
	all = append(all, teaVisit(&d, 50, day(20, 9, 41, 3), "203.0.113.6", iphone)...)
	all = append(all, teaVisit(&d, 55, day(19, 21, 44, 29), "203.0.113.7", firefox)...)
	all = append(all, teaVisit(&d, 40, day(20, 8, 49, 36), "203.0.113.7", firefox)...)
	all = append(all, request{at: day(20, 10, 45, 12), // as the write-up prints it, without the space before the bracket
		raw: `192.168.1.108 - -[20/Apr/2026:10:45:12 +0800] "GET /product/green-tea/ HTTP/1.1" 403 153 "-" "Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)"`})
	return map[string]string{
		"var/log/nginx/access.log.3.gz": accessLog(all, teaFrom, day(19, 16, 0, 0)),
		"var/log/nginx/access.log.2.gz": accessLog(all, day(19, 16, 0, 0), day(20, 0, 0, 0)),
		"var/log/nginx/access.log.1.gz": accessLog(all, day(20, 0, 0, 0), day(20, 8, 0, 0)),
		"var/log/nginx/access.log":      accessLog(all, day(20, 8, 0, 0), teaTo),
	}
}

// teaPage answers a request for a page: every page opens a session, so without Redis there is none.
func teaPage(r request) request {
	switch sick := !r.at.Before(teaKill) && r.at.Before(teaStart); {
	case r.status != 0:
	case sick:
		r.status, r.size = 500, 2711 // WordPress: "There has been a critical error on this website"
	case sizeOf("404"+r.target, 0, 37) == 0:
		r.status, r.size = 404, 31877
	case sizeOf("301"+r.target, 0, 29) == 0:
		r.status, r.size = 301, 0
	default:
		r.status, r.size = 200, sizeOf(r.target, 38000, 54000)
	}
	return r
}

var (
	teaKinds      = []string{"green-tea", "black-tea", "oolong", "white-tea", "pu-erh", "herbal", "rooibos", "matcha", "teaware", "gift-sets"}
	teaNames      = []string{"sencha", "gyokuro", "longjing", "bi-luo-chun", "keemun", "lapsang", "assam", "darjeeling", "ceylon", "tie-guan-yin", "da-hong-pao", "alishan", "silver-needle", "bai-mu-dan", "menghai", "chamomile", "peppermint", "lemongrass", "hibiscus", "ginger", "honeybush", "uji", "gongfu-set", "glass-pot"}
	teaQualifiers = []string{"organic", "first-flush", "loose-leaf", "50g", "100g", "250g", "bags", "sampler"}
	teaOrders     = []string{"popularity", "rating", "date", "price", "price-desc"}
)

// teaTarget is the next page of a crawl through products, listings and their filters.
func teaTarget(d *dice) string {
	kind := teaKinds[d.n(len(teaKinds))]
	switch d.n(10) {
	case 0, 1, 2:
		return fmt.Sprintf("/product-category/%s/page/%d/?orderby=%s", kind, 1+d.n(12), teaOrders[d.n(len(teaOrders))])
	case 3:
		return fmt.Sprintf("/product-category/%s/page/%d/", kind, 1+d.n(12))
	case 4:
		return fmt.Sprintf("/shop/page/%d/?min_price=%d&max_price=%d", 1+d.n(20), 5*d.n(4), 20+10*d.n(6))
	case 5:
		return fmt.Sprintf("/product-tag/%s/", teaQualifiers[d.n(len(teaQualifiers))])
	default:
		return teaProduct(d)
	}
}

func teaProduct(d *dice) string {
	return "/product/" + teaNames[d.n(len(teaNames))] + "-" + teaQualifiers[d.n(len(teaQualifiers))] + "/"
}

// teaVisit is one person's visit of n requests: pages with their assets the first time, a cart on the way.
func teaVisit(d *dice, n int, at time.Time, client, agent string) []request {
	const site = "http://example.com"
	var visit []request
	add := func(r request) {
		r.at, r.client, r.agent = at, client, agent
		if r.status == 0 {
			r = teaPage(r)
		}
		if len(visit) < n {
			visit = append(visit, r)
		}
	}
	asset := func(path, page string) {
		add(request{target: path, ref: site + page, status: 200, size: sizeOf(path, 2100, 68000)})
	}
	pages, ref := 0, "-"
	for page := "/"; len(visit) < n; pages++ {
		add(request{target: page, ref: ref})
		if pages == 0 { // a first page brings its style sheets and scripts
			at = at.Add(time.Second)
			for _, a := range []string{"/wp-includes/css/dist/block-library/style.min.css?ver=6.5.2", "/wp-content/themes/gintea/style.css?ver=1.0.8",
				"/wp-content/plugins/woocommerce/assets/css/woocommerce.css?ver=8.8.2", "/wp-includes/js/jquery/jquery.min.js?ver=3.7.1",
				"/wp-content/themes/gintea/assets/js/main.js?ver=1.0.8", "/wp-content/uploads/2025/11/logo.svg"} {
				asset(a, page)
			}
		}
		for range 1 + d.n(3) {
			if visit[len(visit)-1].status == 500 {
				break // an error page has no pictures
			}
			asset(fmt.Sprintf("/wp-content/uploads/2025/11/%s-%dx%d.jpg", teaNames[d.n(len(teaNames))], 300, 300), page)
		}
		at = at.Add(time.Duration(9+d.n(40)) * time.Second)
		if pages%4 == 3 {
			add(request{method: "POST", target: "/?wc-ajax=add_to_cart", ref: site + page})
			at = at.Add(time.Duration(2+d.n(6)) * time.Second)
		}
		ref = site + page
		switch page = teaProduct(d); {
		case pages%6 == 4:
			page = "/cart/"
		case pages%6 == 5:
			page = "/checkout/"
		case pages%3 == 0:
			page = "/product-category/" + teaKinds[d.n(len(teaKinds))] + "/"
		}
	}
	return visit
}
