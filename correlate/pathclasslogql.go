package correlate

import (
	"maps"
	"regexp"
	"slices"
	"strings"
)

// AssetPattern and NotPagePatterns say of a request line or target what Classify says of its path, for a store that knows
// regular expressions and no Go: which are assets, and which are no pages. They match the whole of it (RE2).
func AssetPattern() string {
	return requestPattern(lastNamed(`[^/?#; ]*\.(?:` + words(assetExtensions) + `)`))
}

// NotPagePatterns are several, of which one matches: Go's regexp, which Loki has, takes five times as long for a program of
// more than 500 instructions.
func NotPagePatterns() []string {
	return []string{
		AssetPattern(),
		requestPattern(`/+(?:[^/?# ]+/+)?(?:` + words(apiRoots) + `)` + pathParams + `(?:/[^?#]*)?` + pathEnd),
		requestPattern(lastNamed(`(?:` + words(feedNames) + `|` + words(apiFiles) + `)`)),
		requestPattern(lastNamed(`(?:[^/?#;. ]*sitemap[^/?#;. ]*|[^/?#; ]*sitemap[^/?#; ]*\.(?:xml|gz|txt|xsl))`)),
		requestPattern(`/+(?:robots\.txt|(?:(?:health|actuator|_status|status)` + pathParams + `/+(?:[^/?# ]+/+)?)?(?:` + words(healthNames) + `))` + pathEnd),
	}
}

const (
	pathParams = `(?:;[^/?# ]*)?`
	pathEnd    = pathParams + `/*(?:[?#].*| .*)?`
)

// requestPattern takes a method and a scheme with its host in front of a path of this shape.
func requestPattern(shape string) string {
	return `(?i)(?:[^ /]+ )?(?:[a-z][a-z0-9+.-]*://[^/?# ]*)?` + shape
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
