package correlate

import "bytes"

// PathClass is what a path is by its name alone. A dynamic /embed.js is an Asset here: whether a program made it shows in
// the upstream, and callers refine.
type PathClass uint8

const (
	Page        PathClass = iota // everything else
	Asset                        // by extension: style sheets, scripts, images, fonts, media, downloads
	Robots                       // /robots.txt
	Sitemap                      // /sitemap.xml, /post-sitemap2.xml.gz
	Syndication                  // /feed, /blog/rss.xml
	Health                       // /healthz, /server-status, /fpm-ping
	API                          // below /api, /rest, /wp-json, /graphql
)

func (c PathClass) String() string {
	return [...]string{"page", "asset", "robots", "sitemap", "feed", "health", "api"}[c]
}

// Classify tells what a request target is by its name. It does not allocate.
func Classify(target []byte) PathClass {
	path := targetPath(target)
	if len(path) == 0 {
		return Page
	}
	first, rest, only := nextSegment(path)
	last := lastSegment(path)
	ext := extension(last)
	switch {
	case only && equalFold(first, "robots.txt"):
		return Robots
	case isHealth(first, rest, last, only):
		return Health
	case containsFold(last, "sitemap") && (ext == nil || equalFold(ext, ".xml") || equalFold(ext, ".gz") || equalFold(ext, ".txt") || equalFold(ext, ".xsl")):
		return Sitemap
	case feedNames.has(last):
		return Syndication
	case assetExtensions.has(bytes.TrimPrefix(ext, []byte("."))):
		return Asset
	case apiRoots.has(first) || apiFiles.has(last) || apiSecond(rest):
		return API
	}
	return Page
}

// isHealth: probes ask short, flat paths; "/status" below a resource ("/orders/17/status") is that resource's.
func isHealth(first, rest, last []byte, only bool) bool {
	if only {
		return healthNames.has(first)
	}
	return (equalFold(first, "health") || equalFold(first, "actuator") || equalFold(first, "api") || equalFold(first, "_status") || equalFold(first, "status")) &&
		healthNames.has(last) && bytes.Count(bytes.TrimRight(rest, "/"), []byte("/")) <= 2
}

// apiSecond: "/index.php/api/...", "/en/api/v1/...".
func apiSecond(rest []byte) bool {
	second, _, _ := nextSegment(rest)
	return second != nil && apiRoots.has(second)
}

var (
	healthNames = wordsOf("healthz", "health", "healthcheck", "health-check", "health_check", "_health", "livez", "readyz", "live", "ready", "liveness", "readiness",
		"ping", "status", "server-status", "server-info", "nginx_status", "nginx-status", "stub_status", "basic_status", "fpm-ping", "fpm-status", "fpm_status", "php-status",
		"php-fpm-status", "php_ping", "metrics", "heartbeat", "alive", "up", "lb-status", "lbstatus", "health.php", "healthcheck.php", "health_check.php", "ping.php", "status.php",
		"health.html", "healthcheck.html", "ping.html", "health.txt", "prometheus", "probe", "monitoring", "_ping", "__health", "haproxy-status")
	feedNames = wordsOf("feed", "rss", "atom", "rss2", "rdf", "feed.xml", "rss.xml", "atom.xml", "feed.json", "rss2.xml", "index.xml", "index.rdf", "feed.rss", "feed.atom", "feeds")
	apiRoots  = wordsOf("api", "rest", "wp-json", "graphql", "gql", "rpc", "jsonrpc", "_api", "api.php", "v1", "v2", "v3")
	apiFiles  = wordsOf("xmlrpc.php", "admin-ajax.php", "api.php", "graphql", "rest.php")

	assetExtensions = wordsOf("js", "css", "png", "jpg", "jpeg", "webp", "svg", "gif", "ico", "woff2", "woff", "ttf", "otf", "eot", "map", "avif", "mjs", "cjs", "bmp", "tif", "tiff", "svgz",
		"apng", "jxl", "heic", "mp4", "webm", "mp3", "ogg", "oga", "ogv", "wav", "m4a", "m4v", "mov", "avi", "flac", "aac", "m3u8", "ts", "vtt", "swf", "pdf", "zip", "gz", "tgz", "bz2", "xz", "7z",
		"rar", "tar", "dmg", "exe", "msi", "apk", "iso", "doc", "docx", "xls", "xlsx", "ppt", "pptx", "csv", "epub", "wasm", "webmanifest", "cur", "less", "scss", "htc")
)
