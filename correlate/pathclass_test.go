package correlate

import "testing"

func TestClassify(t *testing.T) {
	f := func(want PathClass, paths ...string) {
		t.Helper()
		for _, p := range paths {
			if got := Classify([]byte(p)); got != want {
				t.Errorf("%s: %s, want %s", p, got, want)
			}
		}
	}
	f(Page, "", "/", "-", "*", "/product/green-tea", "/hibiscus-216.html", "/index.php?route=x.js", "/orders/17/status", "/shop/", "/wp-login.php", "/tea.2")
	f(Asset, "/embed.js?x=1", "/acme/share.svg", "/style.CSS", "/img/a.png", "/f.woff2", "/app.js.map", "/favicon.ico", "/a.pdf", "/site.webmanifest")
	f(Robots, "/robots.txt", "/robots.txt?x", "http://shop.example.com/robots.txt")
	f(Sitemap, "/sitemap.xml", "/sitemap_index.xml", "/sitemaps/post-sitemap2.xml.gz", "/sitemap")
	f(Syndication, "/feed/", "/blog/feed", "/rss.xml", "/comments/feed/")
	f(Health, "/healthz", "/ping", "/status", "/server-status?auto", "/nginx_status", "/fpm-ping", "/actuator/health", "/health/live", "/api/health", "/up")
	f(API, "/api/v1/leads", "/wp-json/wc/v3/products", "/graphql", "/xmlrpc.php", "/wp-admin/admin-ajax.php", "/rest/V1/carts", "/en/api/x")
}

func TestClassifyAllocates(t *testing.T) {
	for _, p := range []string{"/embed.js?x=1", "/product/green-tea", "http://shop.example.com", "/api/v1/leads"} {
		path := []byte(p)
		if n := testing.AllocsPerRun(100, func() { Classify(path) }); n != 0 {
			t.Errorf("%s: %v allocations", p, n)
		}
	}
}

func BenchmarkClassify(b *testing.B) {
	for _, p := range []string{"/embed.js?x=1", "/product-category/herbal/page/3/"} {
		b.Run(p[1:6], func(b *testing.B) {
			b.ReportAllocs()
			path := []byte(p)
			for b.Loop() {
				Classify(path)
			}
		})
	}
}
