package rules

import (
	"fmt"
	"math"
	"regexp"
	"strings"

	"culprit/correlate"
)

var _ = registerFix(FixMaker{
	ID:   "embed-stateless-route",
	Doc:  "serves routes that other sites embed without a session",
	Make: (*Case).embedFixes,
})

func (c *Case) embedFixes(h Hypothesis) []Fix {
	var routes []*correlate.Group
	for _, g := range c.culpritGroups(h) {
		if g.Kind == correlate.RouteGroup {
			routes = append(routes, g)
		}
	}
	f := Fix{
		Title: "Serve the embedded routes without a session",
		Risk:  "code on these routes that reads the session (a logged-in user's name in the widget) finds none",
		Check: "curl -sI https://SITE/ROUTE | grep -i set-cookie   # nothing, and redis-cli DBSIZE does not rise by it",
		Undo:  "take the change back, nginx -t, reload",
	}
	if len(routes) == 0 {
		f.Text = "Take the routes that other sites embed out of the middleware that starts a session."
		return []Fix{f}
	}
	var names []string
	var n int64
	for _, g := range routes {
		names = append(names, g.Name)
		n += g.Pages
	}
	f.Title = "Serve " + joinAnd(names) + " without a session"
	f.Check = fmt.Sprintf("curl -sI https://SITE%s | grep -i set-cookie   # must print nothing", exampleOf(routes[0].Name))
	f.Text = c.statelessText(names)
	f.Effect = c.embedEffect(routes, h, n)
	if p, ok := c.embedPatch(Fix{ID: "embed-stateless-route"}, routes, h); ok {
		f.Text = strings.TrimSuffix(f.Text, cacheText(names)) + "Until that is out, the next fix has nginx answer repeats."
		return []Fix{f, p}
	}
	return []Fix{f}
}

func exampleOf(route string) string { return strings.ReplaceAll(route, "*", "1") }

func (c *Case) statelessText(names []string) string {
	joined := strings.ReplaceAll(strings.Join(names, " and "), "*", "{id}")
	framework := c.sessionKind().framework
	for _, s := range c.Settings {
		if s.System == "nginx" && s.Name == "root" && strings.Contains(s.Value(), "/public") && framework == "" {
			framework = "Laravel"
		}
	}
	switch framework {
	case "Laravel":
		return "In the application, take the routes out of the \"web\" group, which starts a session on every request:\n" +
			"  // routes/web.php\n  Route::withoutMiddleware([\\Illuminate\\Session\\Middleware\\StartSession::class,\n      \\Illuminate\\View\\Middleware\\ShareErrorsFromSession::class,\n      \\App\\Http\\Middleware\\VerifyCsrfToken::class])\n      ->group(function () { /* " + joined + " */ });\nor move them to routes/api.php, which has no session.\n" + cacheText(names)
	case "WooCommerce":
		return "In the plugin, return before the session starts:\n  if ( preg_match( '" + phpPattern(names) + "', $_SERVER['REQUEST_URI'] ) ) { return; }\n" + cacheText(names)
	case "express-session (connect-redis)":
		return "Mount the routes before app.use(session(...)), and set saveUninitialized: false:\n  app.get([" + jsList(names) + "], embedHandler);\n" + cacheText(names)
	case "Django":
		return "Do not touch request.session in these views (SESSION_SAVE_EVERY_REQUEST = False), so that no cookie is set.\n" + cacheText(names)
	}
	return "In the application, leave before the session starts on " + joined + ": no session_start(), no session middleware, no Set-Cookie.\n" + cacheText(names)
}

func cacheText(names []string) string {
	var s strings.Builder
	s.WriteString("Until that is out, let nginx answer repeats itself (http{} and the site's server{}):\n  fastcgi_cache_path /var/cache/nginx/embed keys_zone=embed:10m max_size=100m inactive=10m;")
	for _, n := range names {
		fmt.Fprintf(&s, "\n  location %s {\n      fastcgi_cache embed; fastcgi_cache_key $uri; fastcgi_cache_valid 200 10m;\n      fastcgi_ignore_headers Set-Cookie Cache-Control; fastcgi_hide_header Set-Cookie;\n      include snippets/fastcgi-php.conf; fastcgi_pass (as in your PHP location);\n  }", locationOf(n))
	}
	return s.String()
}

// locationOf is a location that matches a route as the log sums it, "*" standing for one part.
func locationOf(route string) string {
	if !strings.Contains(route, "*") {
		return "= " + route
	}
	return `~ "^` + strings.ReplaceAll(regexp.QuoteMeta(route), `\*`, `[^/]+`) + `$"`
}

func phpPattern(names []string) string {
	var parts []string
	for _, n := range names {
		parts = append(parts, strings.ReplaceAll(regexp.QuoteMeta(n), `\*`, `[^/]+`))
	}
	return "#^(" + strings.Join(parts, "|") + ")#"
}

func jsList(names []string) string {
	var parts []string
	for _, n := range names {
		parts = append(parts, "'"+strings.ReplaceAll(strings.ReplaceAll(n, "'", ""), "*", ":id")+"'")
	}
	return strings.Join(parts, ", ")
}

// embedEffect: without the routes' sessions only the rest of the new keys is left.
func (c *Case) embedEffect(routes []*correlate.Group, h Hypothesis, n int64) Effect {
	e := Effect{Before: fmt.Sprintf("%s answered requests of these routes each started a session", count(n))}
	part := 0.0
	if c.Who != nil {
		for _, sh := range c.Who.Shares {
			for _, g := range routes {
				if sh.Group == g {
					part += sh.Share
				}
			}
		}
	}
	if part == 0 {
		part = max(h.Explained, 0)
	}
	g := c.Growth
	if part <= 0 || g == nil || !g.DNoTTL.OK {
		e.After = "none of them does"
		return e
	}
	part = math.Min(part, 1)
	e.After = fmt.Sprintf("none does: %s of %s new keys are not made", count(part*float64(g.DNoTTL.N)), count(g.DNoTTL.N))
	if rss, room, ok := c.resident(1 - part); ok {
		e.Prevents = correlate.Judge(true, float64(rss) <= roomToSpare*float64(room))
		e.After += fmt.Sprintf("; Redis at %s instead of %s at the time of the kill", bytesIn(rss), bytesIn(room))
	}
	return e
}

// resident is Redis's RSS at the kill with only a part of the growth of keys, and what it was.
func (c *Case) resident(kept float64) (rss, room int64, ok bool) {
	g := c.Growth
	room, ok = c.room()
	if !ok || g == nil || !g.First.Used.OK || !g.DUsed.OK || !g.Last.Placed || c.Kill == nil || !c.Kill.Placed || !g.Last.At.Before(c.Kill.At) {
		return 0, 0, false
	}
	return int64((float64(g.First.Used.N) + float64(g.DUsed.N)*kept) * c.rssOverUsed()), room, true
}
