package correlate

import (
	"math/rand/v2"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"testing"
)

// The patterns agree with Classify, on paths put together from its own words and what stands between and around them.
func TestPatternsClassify(t *testing.T) {
	asset := regexp.MustCompile("^(?:" + AssetPattern() + ")$")
	var notPage []*regexp.Regexp
	for _, p := range NotPagePatterns() {
		notPage = append(notPage, regexp.MustCompile("^(?:"+p+")$"))
		if tree, err := syntax.Parse("^(?s:"+p+")$", syntax.Perl); err != nil {
			t.Error(err)
		} else if prog, err := syntax.Compile(tree.Simplify()); err != nil || len(prog.Inst) > 500 {
			t.Errorf("%.60s...: %d instructions, more than regexp goes back in (%v)", p, len(prog.Inst), err)
		}
	}
	segments := []string{"product", "tea-12", "api", "API", "v1", "wp-json", "feed", "rss.xml", "robots.txt", "Robots.TXT", "health", "healthz", "status", "actuator",
		"metrics", "sitemap", "post-sitemap2.xml", "sitemap.xml.gz", "sitemap.html", "sitemap_index.xsl", "app.css", "logo.PNG", "a.b.js", "backup.zip", "x.php", "admin-ajax.php",
		"xmlrpc.php", "index.html", ".", "a.", ".well-known", "orders", "17", "graphql", "en", "%20", "feeds", "atom"}
	behind := []string{"", "", "", "/", "?v=1.css", "?x=/api/", "#top", "/?", "?"}
	r := rand.New(rand.NewPCG(1, 2))
	for range 5_000 {
		var b strings.Builder
		for range 1 + r.IntN(4) {
			b.WriteString("/" + segments[r.IntN(len(segments))])
			if r.IntN(9) == 0 {
				b.WriteString([]string{";v=2", ";jsessionid=1.css"}[r.IntN(2)])
			}
		}
		b.WriteString(behind[r.IntN(len(behind))])
		target := b.String()
		request := []string{target, "GET " + target + " HTTP/1.1", "GET https://shop.example.com" + target + " HTTP/2.0"}[r.IntN(3)]
		class := Classify([]byte(target))
		if got := slices.ContainsFunc(notPage, func(re *regexp.Regexp) bool { return re.MatchString(request) }); got != (class != Page) {
			t.Errorf("%s: no page = %v, and it is %s", request, got, class)
		}
		if got := asset.MatchString(request); got != (class == Asset) && class != Sitemap {
			t.Errorf("%s: asset = %v, and it is %s", request, got, class)
		}
	}
}
