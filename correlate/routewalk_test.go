package correlate

import (
	"strings"
	"testing"
)

// The walk must say of every path, again and again, what Route and Classify say.
func FuzzRouteWalk(f *testing.F) {
	f.Add("/static/build/runner.1a2b3.css\n/product/17/red-shoe\n/product/18/red-shoe/\n/static/build/x.css")
	f.Add("/api/users/17/orders\n/en/api/v1\n/api/health\n/robots.txt\n/a/robots.txt\n/sitemap-1.xml\n/feed/\n//a//b//")
	f.Add("/;\n/a;x/b\n/.env\n/.git/config\n/.well-known/x\n*\n\n/\n//\nhttp://a/b.js\n/x?y/z.js\n/x#y")
	f.Add("/a/b/c/d/e/f/g/h/i/j/k/l/m\n/a/1/2/3/4/5/6/7/8/9/10/11\n/a/1/2/3/4/5/6/7/8/9/10/11/12/\n/wp-content/uploads/2024/05/p12.webp")
	w := newWebFold(newClientFold())
	w.walk = newRouteWalk()
	f.Fuzz(func(t *testing.T, lines string) {
		paths := strings.Split(lines, "\n")
		for range 2 {
			for _, p := range paths {
				route, class := w.routeAndClass([]byte(p))
				if want, wantClass := string(Route([]byte(p), nil)), Classify([]byte(p)); w.routes.names[route] != want || class != wantClass {
					t.Fatalf("%q: %s, class %v; Route and Classify say %s, class %v", p, w.routes.names[route], class, want, wantClass)
				}
			}
		}
	})
}
