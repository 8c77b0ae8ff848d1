package correlate

import (
	"maps"
	"regexp"
	"slices"
	"strings"
)

// AssetPattern and NotPagePattern say of a request line or target what Classify says of its path, for a store that knows
// regular expressions and no Go: which are assets, and which are no pages. Both match the whole of it (RE2).
func AssetPattern() string {
	return requestPattern(lastNamed(`[^/?#; ]*\.(?:` + words(assetExtensions) + `)`))
}

func NotPagePattern() string {
	const more = `(?:/[^?#]*)?`
	return requestPattern(
		lastNamed(`[^/?#; ]*\.(?:`+words(assetExtensions)+`)`),
		`/+robots\.txt`+pathEnd,
		lastNamed(`[^/?#;. ]*sitemap[^/?#;. ]*`), lastNamed(`[^/?#; ]*sitemap[^/?#; ]*\.(?:xml|gz|txt|xsl)`),
		lastNamed(`(?:`+words(feedNames)+`)`),
		`/+(?:[^/?# ]+/+)?(?:`+words(apiRoots)+`)`+pathParams+more+pathEnd,
		lastNamed(`(?:`+words(apiFiles)+`)`),
		`/+(?:`+words(healthNames)+`)`+pathEnd,
		`/+(?:health|actuator|_status|status)`+pathParams+`/+(?:[^/?# ]+/+)?(?:`+words(healthNames)+`)`+pathEnd,
	)
}

const (
	pathParams = `(?:;[^/?# ]*)?`
	pathEnd    = pathParams + `/*(?:[?#].*| .*)?`
)

// requestPattern takes a method and a scheme with its host in front of a path of one of the shapes.
func requestPattern(shapes ...string) string {
	return `(?i)(?:[^ /]+ )?(?:[a-z][a-z0-9+.-]*://[^/?# ]*)?(?:` + strings.Join(shapes, "|") + `)`
}

// lastNamed is a path whose last segment has this shape.
func lastNamed(shape string) string { return `/(?:[^?# ]*/)?` + shape + pathEnd }

func words(l *wordSet) string {
	var quoted []string
	for _, w := range slices.Sorted(maps.Keys(l.all)) {
		quoted = append(quoted, regexp.QuoteMeta(w))
	}
	return strings.Join(quoted, "|")
}

// RoutePattern matches the requests whose route is this, and some few others, in the way of AssetPattern.
func RoutePattern(route string) string {
	var b strings.Builder
	for i, part := range strings.Split(route, "*") {
		if i > 0 {
			b.WriteString(`[^/?# ]*`)
		}
		b.WriteString(regexp.QuoteMeta(part))
	}
	return requestPattern(b.String() + pathEnd)
}
