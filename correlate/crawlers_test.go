package correlate

import (
	"strings"
	"testing"
)

func TestCrawlerTable(t *testing.T) {
	table, bad := loadAgents(crawlersTSV)
	if len(bad) > 0 {
		t.Errorf("unusable rows: %q", bad)
	}
	nets := crawlerNets()
	names, tokens := map[string]bool{}, map[string]bool{}
	for _, a := range table.agents {
		if a.Name != "" && names[a.Name] {
			t.Errorf("%s stands twice", a.Name)
		}
		names[a.Name] = true
		if a.Robots != "yes" && a.Robots != "no" && a.Robots != "unknown" {
			t.Errorf("%s: robots %q", a.Name, a.Robots)
		}
		for id := range strings.SplitSeq(a.Nets, ",") {
			if id != "" && nets[id] == nil {
				t.Errorf("%s: no list %q in crawlernets.tsv", a.Name, id)
			}
		}
	}
	for _, k := range table.tokens {
		if tokens[k.text+string(k.anchor)] || k.text != strings.ToLower(k.text) {
			t.Errorf("token %q stands twice or is not lower case", k.text)
		}
		tokens[k.text+string(k.anchor)] = true
	}
	if len(table.agents) < 500 || len(table.tokens) > 1<<16-1 {
		t.Errorf("%d agents, %d tokens", len(table.agents), len(table.tokens))
	}
}

func TestIdentify(t *testing.T) {
	f := func(ua string, class AgentClass, name string) {
		t.Helper()
		if a := Identify(ua); a.Class != class || a.Name != name {
			t.Errorf("%q: %s %q, want %s %q", ua, a.Class, a.Name, class, name)
		}
	}
	f("", Absent, "")
	f("-", Absent, "")
	f("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36", Browser, "")
	f("Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1", Browser, "")
	f("Mozilla/5.0 (Linux; Android 9; CUBOT_X18_Plus) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/83.0.4103.106 Mobile Safari/537.36", Browser, "")
	f("Mozilla/5.0 (iPhone; CPU iPhone OS 16_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/16.1 (Ecosia ios@8.3.1.1) Mobile/15E148 Safari/605.1.15", Browser, "")
	f("Mozilla/5.0 (Linux; Android 10) AppleWebKit/537.36 Chrome/101.0 Mobile Safari/537.36 (Ecosia android@101.0.4951.41)", Browser, "")
	f("Mozilla/5.0 (Linux; Android 13; SM-S901B) AppleWebKit/537.36 SamsungBrowser/24.0 Chrome/117.0.0.0 Mobile Safari/537.36", Browser, "")
	f("Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X) AppleWebKit/605.1.15 Mobile/21B91 Instagram 309.0 (iPhone14,5; iOS 17_1)", Browser, "")
	f("Mozilla/5.0 (Windows NT 10.0; Win64; x64; Avira) AppleWebKit/537.36 Chrome/110.0 Safari/537.36", Browser, "")
	f("Mozilla/5.0 (X11; GNU/Linux) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/79.0.3945.130 Safari/537.36 Tesla/2021.44", Browser, "")
	f("Mozilla/5.0 (iPhone; CPU iPhone OS 16_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 [Pinterest/iOS]", Browser, "")
	f("Mozilla/5.0 (Linux; Android 7.0; HUAWEI Java-L09) AppleWebKit/537.36 Chrome/100.0 Mobile Safari/537.36", Browser, "")
	f("Opera/9.80 (J2ME/MIDP; Opera Mini/7.1) Presto/2.12", Browser, "")
	f("TeaShop/4.1 (iPhone; iOS 17.2; Scale/3.00)", App, "")
	f("TeaShop/41 CFNetwork/1410.0.3 Darwin/22.6.0", App, "")
	f("Dalvik/2.1.0 (Linux; U; Android 12; Pixel 6)", App, "")

	f("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", Search, "Googlebot")
	f("mozilla/5.0 (compatible; googleBOT/2.1; +http://www.google.com/bot.html)", Search, "Googlebot")
	f("Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X Build/MMB29P) AppleWebKit/537.36 Chrome/W.X.Y.Z Mobile Safari/537.36 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", Search, "Googlebot")
	f("Googlebot-Image/1.0", Search, "Googlebot-Image")
	f("AdsBot-Google (+http://www.google.com/adsbot.html)", Ads, "AdsBot-Google")
	f("Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm) Chrome/116.0 Safari/537.36", Search, "bingbot")
	f("Mozilla/5.0 (compatible; YandexBot/3.0; +http://yandex.com/bots)", Search, "YandexBot")
	f("Mozilla/5.0 (compatible;PetalBot;+https://webmaster.petalsearch.com/site/petalbot)", Search, "PetalBot")
	f("Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)", AI, "GPTBot")
	f("Mozilla/5.0 (compatible; ClaudeBot/1.0; +claudebot@anthropic.com)", AI, "ClaudeBot")
	f("Mozilla/5.0 (Linux; Android 5.0) AppleWebKit/537.36 (KHTML, like Gecko) Mobile Safari/537.36 (compatible; Bytespider; https://zhanzhang.toutiao.com/)", AI, "Bytespider")
	f("Mozilla/5.0 (compatible; SemrushBot/7~bl; +http://www.semrush.com/bot.html)", SEO, "SemrushBot")
	f("Mozilla/5.0 (compatible; MJ12bot/v1.4.8; http://mj12bot.com/)", SEO, "MJ12bot")
	f("Mozilla/5.0 (compatible; DotBot/1.2; +https://opensiteexplorer.org/dotbot; help@moz.com)", SEO, "DotBot")
	f("facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)", Preview, "facebookexternalhit")
	f("Mozilla/5.0 (Macintosh) AppleWebKit/601.2.4 Safari/601.2.4 facebookexternalhit/1.1 Facebot Twitterbot/1.0", Preview, "iMessage")
	f("Feedly/1.0 (+http://www.feedly.com/fetcher.html; like FeedFetcher-Google)", Feed, "Feedly")
	f("Mozilla/5.0+(compatible; UptimeRobot/2.0; http://www.uptimerobot.com/)", Monitor, "UptimeRobot")
	f("kube-probe/1.27", Monitor, "kube-probe")
	f("ELB-HealthChecker/2.0", Monitor, "ELB-HealthChecker")
	f("GoogleHC/1.0", Monitor, "GoogleHC")
	f("Blackbox Exporter/0.24.0", Monitor, "Blackbox-Exporter")
	f("Mozilla/5.0 zgrab/0.x", Scanner, "zgrab")
	f("curl/7.88.1", Tool, "curl")
	f("python-requests/2.31.0", Tool, "python-requests")
	f("Go-http-client/1.1", Tool, "Go-http-client")
	f("okhttp/4.9.3", Tool, "okhttp")
	f("Java/1.8.0_371", Tool, "Java")
	f("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/119.0.0.0 Safari/537.36", Tool, "HeadlessChrome")
	f("Googlebot/2.1 python-requests/2.31.0", Search, "Googlebot")
	f("cache-warmup/2.0", Tool, "Magento-Warmer")
	f("Mozilla/5.0", Tool, "bare Mozilla")
	f("stock-sync/3.1", Tool, "stock-sync")

	f("Mozilla/5.0 (compatible; LeafyTeaBot/0.3; +https://leafy.example.com/bot)", Other, "LeafyTeaBot")
	f("Mozilla/5.0 (compatible; LeafyTeaBot/0.4; +https://leafy.example.com/bot)", Other, "LeafyTeaBot")
	f("leaf-sniffer/2 (+https://leaf.example.com)", Other, "leaf-sniffer")
	f("TeaHunter/1.0 (ops@example.com)", Other, "TeaHunter")
	f("Mozilla/5.0 (compatible; Infuser 2; +http://example.com/robot.html)", Other, "Infuser")
	f("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/127.0 Safari/537.36 Leafy (www.leafy.example.com)", Other, "www.leafy.example.com")
	f(strings.Repeat("bot", 5000), Other, strings.Repeat("bot", 13)+"b")
}

func FuzzIdentify(f *testing.F) {
	for _, s := range []string{"", "-", "bot", "@", "a@b.c", "://", "Mozilla/5.0 (compatible; ", "\xff\xfebot", "www.bot", "--bot--"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, ua string) {
		a := Identify(ua)
		if a != Identify(ua) || len(a.Name) > maxName || a.Robots == "" {
			t.Fatalf("%q: %+v", ua, a)
		}
		if a.Class.Automated() && a.Name == "" {
			t.Fatalf("%q: %s without a name", ua, a.Class)
		}
	})
}

func BenchmarkIdentify(b *testing.B) {
	for name, ua := range map[string]string{
		"browser":   "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
		"googlebot": "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
		"unknown":   "Mozilla/5.0 (compatible; LeafyTeaBot/0.3; +https://leafy.example.com/bot)",
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Identify(ua)
			}
		})
	}
}
