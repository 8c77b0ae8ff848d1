package rules

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"culprit/correlate"
)

// What nginx itself can do for a route that starts a session on every request: answer repeats from a cache, without a cookie
// either way, so that the application sees one request a URL in a while instead of all of them.

// embedFresh is how long nginx answers by itself: long enough to take the load off, short enough that a changed widget shows
// before anybody asks.
const embedFresh = 10 * time.Minute

// embedCache is the first line of what is written: where it stands, the patch is made.
const embedCache = "_cache_path /var/cache/nginx-embed keys_zone=embed:10m max_size=100m inactive=10m;"

// embedPatch is the same as a patch of the site's nginx file; ok false where no location of it says how the application is
// reached.
func (c *Case) embedPatch(f Fix, routes []*correlate.Group, h Hypothesis) (Fix, bool) {
	p, ok := c.findNginx()
	if !ok || len(p.servers) == 0 {
		return f, false
	}
	var names []string
	for _, g := range routes {
		if strings.ContainsAny(g.Name, "\"'\\;{} ") || !strings.HasPrefix(g.Name, "/") {
			return f, false // no name for a location
		}
		names = append(names, g.Name)
	}
	lines := strings.Split(string(c.Configs[p.file].Text), "\n")
	var server nginxServer
	var body []string
	first := -1
	for _, s := range p.servers {
		if b, at := c.appLocation(p.file, s.line+1, names); len(b) > 0 {
			server, body, first = s, b, at
			break
		}
	}
	if len(body) == 0 {
		return f, false
	}
	kind := "fastcgi"
	if strings.HasPrefix(body[len(body)-1], "proxy_") {
		kind = "proxy"
	}
	var block []string
	for _, name := range names {
		block = append(block, server.indent+"location "+locationOf(name)+" {")
		for _, l := range body {
			block = append(block, server.indent+p.unit+l)
		}
		block = append(block, server.indent+"}")
	}
	block = append(block, "")
	f.Title = "Until then, let nginx answer repeats of " + joinAnd(names) + " itself, without a cookie"
	f.Text = fmt.Sprintf("Anonymous answers are kept for %s; of a route whose answer depends on its query write $request_uri for $uri in the key. The application still starts a session on what reaches it.", spell(embedFresh))
	f.Risk = "a changed answer shows after " + spell(embedFresh) + "; what differs from visitor to visitor must not be on these routes"
	f.Undo = "patch -R -p1 with the same patch, nginx -t, reload"
	f.Check = fmt.Sprintf("nginx -t && systemctl reload nginx; curl -sI https://SITE%s | grep -i set-cookie   # must print nothing", exampleOf(names[0]))
	f.Effect = c.cachedEffect(routes, h)
	f = c.patch(f, p.file, func(e *editor) {
		cache := kind + embedCache
		for i := range e.lines {
			if strings.TrimSpace(e.lines[i].old) == cache {
				return
			}
		}
		http := p.http
		if http >= 0 {
			http = locate(e, http, lines)
		}
		at := locate(e, first, lines)
		if at < 0 {
			return
		}
		e.insert(http, p.indent+"# culprit embed-stateless-route: one answer for everybody who embeds these", p.indent+cache)
		e.insert(at-1, block...)
	})
	return f, f.Kind == KindPatch
}

// appLocation is the inside of a location that reaches the application as the server's own locations do, and the line (from
// 0) of the server's first location.
func (c *Case) appLocation(file string, serverLine int, names []string) (body []string, first int) {
	var server correlate.Setting
	for _, s := range c.Settings {
		if s.System == "nginx" && s.Ev.File == file && s.Name == "server" && s.Block && s.Ev.Line == serverLine {
			server = s
		}
	}
	if server.Name == "" {
		return nil, -1
	}
	var php, root *correlate.Setting
	script := ""
	first = -1
	inside := c.insideOf(server)
	for i := range inside {
		s := &inside[i]
		switch {
		case s.Name == "try_files" && len(s.Args) > 0:
			script = phpScript(s.Args[len(s.Args)-1], script)
		case s.Name != "location" || !s.Block || len(s.Args) == 0:
			continue
		case first < 0 || s.Ev.Line-1 < first:
			first = s.Ev.Line - 1
		}
		if s.Name != "location" {
			continue
		}
		where := strings.Join(s.Args, " ")
		for _, in := range c.insideOf(*s) {
			switch {
			case in.Name == "fastcgi_pass" && strings.Contains(where, "php"):
				php = s
			case in.Name == "proxy_pass" && where == "/":
				root = s
			case in.Name == "try_files" && where == "/" && len(in.Args) > 0:
				script = phpScript(in.Args[len(in.Args)-1], script)
			}
		}
	}
	switch {
	case php != nil:
		return c.fastcgiBody(*php, script, names), first
	case root != nil:
		return c.proxyBody(*root, server, names), first
	}
	return nil, -1
}

// phpScript is the front controller that try_files falls back to.
func phpScript(last, have string) string {
	path, _, _ := strings.Cut(last, "?")
	if strings.HasSuffix(path, ".php") && strings.HasPrefix(path, "/") {
		return path
	}
	return have
}

// fastcgiBody copies what the PHP location says of its upstream; the script is the front controller, since the route is no file.
func (c *Case) fastcgiBody(from correlate.Setting, script string, names []string) []string {
	name := "$document_root" + script
	if script == "" {
		if slices.ContainsFunc(names, func(n string) bool { return !strings.HasSuffix(n, ".php") }) {
			return nil // nothing says which script answers
		}
		name = "$document_root$fastcgi_script_name"
	}
	for _, in := range c.insideOf(from) {
		if in.Name == "fastcgi_param" && len(in.Args) > 1 && in.Args[0] == "SCRIPT_FILENAME" && strings.HasPrefix(in.Args[1], "$realpath_root") {
			name = strings.Replace(name, "$document_root", "$realpath_root", 1)
		}
	}
	body := []string{"include fastcgi_params;", "fastcgi_param SCRIPT_FILENAME " + name + ";", `fastcgi_param HTTP_COOKIE "";`}
	for _, in := range c.insideOf(from) {
		switch {
		case in.Block || !strings.HasPrefix(in.Name, "fastcgi_"), strings.HasPrefix(in.Name, "fastcgi_cache"), in.Name == "fastcgi_split_path_info", in.Name == "fastcgi_index":
		case in.Name == "fastcgi_param" && (len(in.Args) == 0 || in.Args[0] == "SCRIPT_FILENAME" || in.Args[0] == "PATH_INFO" || in.Args[0] == "HTTP_COOKIE"):
		default:
			body = append(body, nginxLine(in))
		}
	}
	return append(body, cacheLines("fastcgi")...)
}

// proxyBody copies what location / says of its upstream. Headers of the levels above are lost where a location sets one of its
// own, so they are copied too.
func (c *Case) proxyBody(from, server correlate.Setting, names []string) []string {
	body := []string{`proxy_set_header Cookie "";`}
	headers, pass := false, false
	for _, in := range c.insideOf(from) {
		switch {
		case in.Block || !strings.HasPrefix(in.Name, "proxy_"), strings.HasPrefix(in.Name, "proxy_cache"):
		case in.Name == "proxy_set_header" && len(in.Args) > 0 && strings.EqualFold(in.Args[0], "cookie"):
		case in.Name == "proxy_pass":
			to := strings.TrimSuffix(in.Value(), "/") // "/" for "/": the path as it came
			if _, rest, ok := strings.Cut(to, "://"); !ok || strings.Contains(rest, "/") && !strings.HasPrefix(rest, "unix:") {
				return nil // a path of its own, which no regular location may have
			}
			body, pass = append(body, "proxy_pass "+to+";"), true
		default:
			headers = headers || in.Name == "proxy_set_header"
			body = append(body, nginxLine(in))
		}
	}
	if !pass {
		return nil
	}
	for _, above := range c.insideOf(server) {
		if !headers && above.Name == "proxy_set_header" && len(above.Args) > 0 && !strings.EqualFold(above.Args[0], "cookie") {
			body = append(body, nginxLine(above))
		}
	}
	return append(body, cacheLines("proxy")...)
}

func cacheLines(kind string) []string {
	return []string{
		kind + "_cache embed;", kind + "_cache_key $host$uri;", kind + "_cache_valid 200 10m;", kind + "_cache_lock on;",
		kind + "_ignore_headers Set-Cookie Cache-Control Expires Vary;", kind + "_hide_header Set-Cookie;",
	}
}

// nginxLine writes a directive again; what would end a word is put in quotes.
func nginxLine(s correlate.Setting) string {
	words := []string{s.Name}
	for _, a := range s.Args {
		if a == "" || strings.ContainsAny(a, " \t;{}\"'\\#") && !strings.Contains(a, "${") {
			a = nginxQuote(a)
		}
		words = append(words, a)
	}
	return strings.Join(words, " ") + ";"
}

// insideOf are the directives that stand directly in a block.
func (c *Case) insideOf(block correlate.Setting) []correlate.Setting {
	var out []correlate.Setting
	for _, s := range c.Settings {
		if s.System == "nginx" && s.Ev.File == block.Ev.File && s.Ev.Line >= block.Ev.Line && s.Ev.Line <= max(block.EndLine, block.Ev.Line) && len(s.Path) == len(block.Path)+1 {
			out = append(out, s)
		}
	}
	return out
}

// cachedEffect replays the routes through a cache of one URL each: one request in embedFresh reaches the application. How many
// URLs a route with a * has, the fold does not keep.
func (c *Case) cachedEffect(routes []*correlate.Group, h Hypothesis) Effect {
	var asked, reach float64
	e := Effect{}
	for _, g := range routes {
		asked += float64(g.Pages)
		if strings.Contains(g.Name, "*") {
			e.Before = fmt.Sprintf("%s answered requests of these routes each started a session", count(int64(asked)))
			e.After = fmt.Sprintf("at most one of each URL of %s in %s reaches the application", g.Name, spell(embedFresh))
			return e
		}
		reach += g.Busy(embedFresh)
	}
	reach = math.Min(reach, asked)
	if asked == 0 {
		return e
	}
	e.Before = fmt.Sprintf("%s answered requests of these routes each started a session", count(int64(asked)))
	e.After = fmt.Sprintf("at most %s of %s reach the application", count(int64(reach)), count(int64(asked)))
	part := h.Explained
	if part <= 0 || c.Growth == nil || !c.Growth.DNoTTL.OK {
		return e
	}
	kept := 1 - math.Min(part, 1)*(1-reach/asked)
	e.After += fmt.Sprintf("; %s of the new keys are left", percent(kept))
	if rss, room, ok := c.resident(kept); ok {
		e.Prevents = correlate.Judge(true, float64(rss) <= roomToSpare*float64(room))
		e.After += fmt.Sprintf(": Redis at %s instead of %s at the time of the kill", bytesIn(rss), bytesIn(room))
	}
	return e
}
