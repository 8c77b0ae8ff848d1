package correlate

import (
	"bytes"
	"strings"
	"testing"
)

func TestRoute(t *testing.T) {
	f := func(want string, paths ...string) {
		t.Helper()
		for _, p := range paths {
			if got := string(Route([]byte(p), nil)); got != want {
				t.Errorf("%s: %s, want %s", p, got, want)
			}
		}
	}
	f("/", "/", "//", "/?p=17", "http://shop.example.com", "https://shop.example.com/")
	f("(no path)", "", "-", "*", "\x16\x03\x01", "?x")
	f("/embed.js", "/embed.js", "/embed.js?x=1", "//embed.js", "http://shop.example.com/embed.js")
	f("/*/share.svg", "/acme-corp/share.svg", "/acme/share.svg", "/club/share.svg", "/77/share.svg", "/acme2/share.svg")
	f("/*/embed.js", "/acme-corp/embed.js", "/tenant/embed.js?v=2")
	f("/embed/*.js", "/embed/acme.js", "/embed/acme-corp.js", "/embed/17.js")
	f("/embed/*", "/embed/acme", "/embed/acme-corp", "/embed/17")
	f("/u/*/avatar.png", "/u/12345/avatar.png", "/u/johndoe/avatar.png", "/u/john-doe/avatar.png")
	f("/product/*", "/product/green-tea", "/product/green-tea-123/", "/product/oolong", "/product/%E8%8C%B6", "/product/tea;jsessionid=ABC")
	f("/p/*", "/p/matcha-17", "/p/oolong")
	f("/c/*", "/c/green?page=14", "/c/herbal")
	f("/product-category/*/page/*", "/product-category/herbal/page/3/", "/product-category/green-tea/page/14/")
	f("/*.html", "/hibiscus-216.html", "/green-tea.html", "/pu-erh-9.html")
	f("/tea.html", "/tea.html")
	f("/tea/*.html", "/tea/black.html", "/tea/earl-grey.html")
	f("/en/product/*", "/en/product/green-tea")
	f("/de/produkte/*", "/de/produkte/gruener-tee")
	f("/index.php", "/index.php?route=product/product&product_id=7")
	f("/index.php/catalog/product/view/id/*", "/index.php/catalog/product/view/id/17")
	f("/wp-login.php", "/wp-login.php")
	f("/wp-admin/admin-ajax.php", "/wp-admin/admin-ajax.php?action=x")
	f("/robots.txt", "/robots.txt")
	f("/sitemap.xml", "/sitemap.xml")
	f("/sitemap-products.xml", "/sitemap-products.xml")
	f("/post-sitemap*.xml", "/post-sitemap2.xml", "/post-sitemap14.xml")
	f("/favicon.ico", "/favicon.ico")
	f("/healthz", "/healthz")
	f("/about-us", "/about-us", "/about-us/")
	f("/*", "/how-to-brew-green-tea", "/12345", "/6f9619ff-8b86-d011-b42d-00c04fc964ff", "/admin_1a2b3c")
	f("/checkout/cart/add", "/checkout/cart/add/")
	f("/customer/section/load", "/customer/section/load/?sections=cart")
	f("/cart/items", "/cart/items")
	f("/blog/*", "/blog/brewing-12/", "/blog/brewing")
	f("/orders/*/invoice", "/orders/17/invoice", "/orders/6f9619ff8b86/invoice")
	f("/api/users/*/orders", "/api/users/17/orders")
	f("/api/v1/leads", "/api/v1/leads")
	f("/rest/V1/guest-carts/*/items", "/rest/V1/guest-carts/aB3dE5gH7jK9mN1pQ3sT5vW7/items")
	f("/wp-json/wc/v3/products/*", "/wp-json/wc/v3/products/12")
	f("/img/hero.webp", "/img/hero.webp")
	f("/img/*/*.webp", "/img/12/p7.webp")
	f("/wp-content/uploads/*/*/*.webp", "/wp-content/uploads/2024/05/p12.webp")
	f("/wp-includes/js/jquery/jquery.min.js", "/wp-includes/js/jquery/jquery.min.js")
	f("/build/assets/*.js", "/build/assets/app-b7dNf3e.js", "/build/assets/app-4fc1.js", "/build/assets/app.fadecabe.js")
	f("/build/assets/happy-face.png", "/build/assets/happy-face.png")
	f("/build/assets/face.png", "/build/assets/face.png")
	f("/build/news.feed.js", "/build/news.feed.js")
	f("/static/*/frontend/Gintea/default/*/css/styles-m.css", "/static/version1750000000/frontend/Gintea/default/en_US/css/styles-m.css")
	f("/media/catalog/product/cache/*/*/*/*.jpg", "/media/catalog/product/cache/a1b2c3d4e5f6/t/e/tea-1.jpg")
	f("/.env", "/.env")
	f("/.git/config", "/.git/config")
	f("/.well-known/acme-challenge/*", "/.well-known/acme-challenge/xJ3kQ9-abcdefghij0123456789")
	f("/phpmyadmin", "/phpmyadmin/")
	f("/a/*/*/*/*/*/*/*/*/*/*/*/**", "/a"+strings.Repeat("/1", 500))
	f("/*", "/"+strings.Repeat("x", 5000))
}

func TestRouteReusesBuffer(t *testing.T) {
	buf := make([]byte, 0, 256)
	path := []byte("/product-category/herbal/page/3/")
	if n := testing.AllocsPerRun(100, func() { buf = Route(path, buf) }); n != 0 {
		t.Errorf("%v allocations a path", n)
	}
}

func FuzzRoute(f *testing.F) {
	for _, s := range []string{"", "/", "//", "/;", "/.", "/..", "/a.", "/.a", "/a/b/c.d", "://", "a://", "/%", "/\xff", "/v", "/1.", "/sitemap1.xml"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, path []byte) {
		was := bytes.Clone(path)
		out := Route(path, nil)
		Classify(path)
		if !bytes.Equal(path, was) {
			t.Fatalf("%q was changed", was)
		}
		if len(out) == 0 || len(out) > (maxRouteDepth+1)*(maxRouteSegment+1) || bytes.ContainsAny(out, "?#") && out[0] == '/' {
			t.Fatalf("%q: %q", path, out)
		}
	})
}

func BenchmarkRoute(b *testing.B) {
	for _, p := range []string{"/embed.js?x=1", "/product-category/herbal/page/3/", "/wp-content/uploads/2024/05/p12.webp"} {
		b.Run(p[1:6], func(b *testing.B) {
			b.ReportAllocs()
			path, buf := []byte(p), make([]byte, 0, 256)
			for b.Loop() {
				buf = Route(path, buf)
			}
		})
	}
}
