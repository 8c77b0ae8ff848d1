package main

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// The sorts of clients. Addresses are those kept for documentation and tests (RFC 5737, RFC 2544, RFC 3849).

const shop = "https://shop.example.com"

var simPages = []string{"/", "/cart/", "/checkout/", "/account/", "/blog/", "/about/"}

func (d *dice) simPage() string {
	if d.n(4) == 0 {
		return simPages[d.n(len(simPages))]
	}
	return teaProduct(d)
}

// people come, look at a few pages and leave: one session a visit, the cookie is sent back.
func people(rate float64) *stream {
	return &stream{rate: rate, daily: true, visit: func(d *dice, at time.Time) []hit {
		h := hit{at: at, client: d.manyClients(), agent: browsers[d.n(len(browsers))], opens: true}
		var all []hit
		for i := range 1 + d.n(6) {
			h.target = d.simPage()
			all = append(all, h)
			if i == 0 {
				for _, asset := range []string{"/assets/site.css", "/assets/site.js", "/img/logo.svg"} {
					all = append(all, hit{at: h.at.Add(time.Second), client: h.client, agent: h.agent, target: asset, ref: shop + h.target})
				}
			}
			h.ref = shop + h.target
			h.at = h.at.Add(time.Duration(8+d.n(70)) * time.Second)
		}
		return all
	}}
}

// crawler fetches a page an opening from addresses of one network.
func crawler(rate float64, agent, network string, addresses int) *stream {
	return &stream{rate: rate, visit: func(d *dice, at time.Time) []hit {
		return []hit{{at: at, client: fmt.Sprintf("%s.%d", network, 10+d.n(addresses)), agent: agent, target: teaTarget(d), opens: true}}
	}}
}

// sixth writes the addresses of a visit as IPv6.
func sixth(visit func(*dice, time.Time) []hit) func(*dice, time.Time) []hit {
	return func(d *dice, at time.Time) []hit {
		all := visit(d, at)
		for i := range all {
			all[i].client = strings.Replace(all[i].client, ".", ":", 1)
		}
		return all
	}
}

// stealth is a network of many addresses, each with browsers' agents, that fetches pages and nothing else.
func stealth(rate float64, network string, addresses int) *stream {
	return &stream{rate: rate, visit: func(d *dice, at time.Time) []hit {
		n := d.n(addresses)
		return []hit{{at: at, client: fmt.Sprintf("%s.%d", network, 1+n), agent: browsers[n%len(browsers)], target: teaTarget(d), opens: true}}
	}}
}

// assetBot fetches pictures and sitemaps: busy, and no session anywhere.
func assetBot(rate float64) *stream {
	return &stream{rate: rate, none: true, visit: func(d *dice, at time.Time) []hit {
		target := fmt.Sprintf("/wp-content/uploads/2026/%02d/%s.jpg", 1+d.n(12), teaNames[d.n(len(teaNames))])
		if d.n(40) == 0 {
			target = "/sitemap.xml"
		}
		return []hit{{at: at, client: fmt.Sprintf("203.0.113.%d", 60+d.n(3)), agent: "Mozilla/5.0 (compatible; SemrushBot/7~bl; +http://www.semrush.com/bot.html)", target: target}}
	}}
}

// probe is a monitor that asks for a page that opens no session.
func probe() *stream {
	return &stream{rate: 1.0 / 300, none: true, visit: func(d *dice, at time.Time) []hit {
		return []hit{{at: at, client: "192.0.2.80", agent: "Mozilla/5.0+(compatible; UptimeRobot/2.0; http://www.uptimerobot.com/)", target: "/healthz"}}
	}}
}

// embed is a script that other sites put into their pages.
func embed(rate float64, route string) *stream {
	sites := []string{"https://news.example.net/", "https://florist.example.org/", "https://bikes.example.com/blog", "https://dentist.example.net/"}
	return &stream{rate: rate, daily: true, visit: func(d *dice, at time.Time) []hit {
		return []hit{{at: at, client: d.manyClients(), agent: browsers[d.n(len(browsers))], target: route, ref: sites[d.n(len(sites))], opens: true}}
	}}
}

// log10 draws a number whose logarithm is even between those of low and high.
func (d *dice) log10(low, high float64) float64 {
	return low * math.Pow(high/low, float64(d.n(1000))/999)
}

func pick[T any](d *dice, list ...T) T { return list[d.n(len(list))] }
