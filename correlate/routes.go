package correlate

import (
	"bytes"
	_ "embed"
	"strings"
	"sync"
)

// Route names the family of a request target: the query is dropped, ids, slugs and tenants become "*", so that a shop's
// thousand products are one route and an attack's shape is visible. It appends to buf[:0] and looks at nothing but path, so the
// same path has the same route whatever was seen before it.
//
//	/embed.js?x=1            /embed.js
//	/acme-corp/share.svg     /*/share.svg
//	/product/green-tea       /product/*
//	/hibiscus-216.html       /*.html
//	/api/users/17/orders     /api/users/*/orders
//
// A segment is kept when it is a word of the web's own vocabulary (routewords.txt) or a plain word that opens the path; a
// file keeps its name unless the name holds an id. A trailing slash is dropped. What is no path ("*", TLS bytes) is "(no path)".
func Route(path, buf []byte) []byte {
	out := buf[:0]
	path = targetPath(path)
	if len(path) == 0 {
		return append(out, "(no path)"...)
	}
	r := router{words: routeWords(), isFile: isFileName(lastSegment(path))}
	for seg, rest, last := nextSegment(path); seg != nil; seg, rest, last = nextSegment(rest) {
		if r.depth == maxRouteDepth {
			return append(out, "/**"...)
		}
		out = append(out, '/')
		out = r.segment(out, seg, last)
		r.depth++
	}
	if len(out) == 0 {
		out = append(out, '/')
	}
	return out
}

const (
	maxRouteDepth   = 12 // deeper paths are generated; the deepest shop route met is 8 (Magento's image cache)
	maxRouteSegment = 48 // longer ones are tokens or titles
	minHash         = 8  // hex digits of a short content hash, an order id
	minToken62      = 20 // a random token of letters alone is not told from a word below this
	maxPlainDashes  = 1  // "gift-cards" is a page, "how-to-brew-green-tea" an article
)

// targetPath cuts a request target down to its path: no query, fragment, or, in a request to a proxy, scheme and host.
func targetPath(t []byte) []byte {
	if i := bytes.IndexByte(t, '?'); i >= 0 {
		t = t[:i]
	}
	if i := bytes.IndexByte(t, '#'); i >= 0 {
		t = t[:i]
	}
	if len(t) == 0 || t[0] == '/' {
		return t
	}
	if i := bytes.Index(t, []byte("://")); i > 0 {
		if t = t[i+len("://"):]; bytes.IndexByte(t, '/') < 0 {
			return rootPath
		}
		t = t[bytes.IndexByte(t, '/'):]
	}
	if len(t) == 0 || t[0] != '/' {
		return nil
	}
	return t
}

var rootPath = []byte("/")

// nextSegment takes the first non-empty segment off; nil when there is none. Path parameters (";jsessionid=...") are dropped:
// they are ids, and secrets.
func nextSegment(path []byte) (seg, rest []byte, last bool) {
	for len(path) > 0 && path[0] == '/' {
		path = path[1:]
	}
	if len(path) == 0 {
		return nil, nil, true
	}
	end := bytes.IndexByte(path, '/')
	if end < 0 {
		end = len(path)
	}
	seg, rest = path[:end], path[end:]
	if i := bytes.IndexByte(seg, ';'); i >= 0 {
		seg = seg[:i]
	}
	last = true
	for _, c := range rest {
		if c != '/' {
			last = false
			break
		}
	}
	return seg, rest, last
}

func lastSegment(path []byte) []byte {
	path = bytes.TrimRight(path, "/")
	seg, _, _ := nextSegment(path[bytes.LastIndexByte(path, '/')+1:])
	return seg
}

// router is what the segments of one path have to know of each other.
type router struct {
	words  *wordSet
	isFile bool // the path ends in a file that is not a page
	depth  int
	prev   kind
	dot    bool // below a hidden folder: a prober's list of names, short and telling
	asset  bool // below a folder of assets, whose file names are few
	api    bool // below an api, where nouns and ids take turns
	opened bool // the word that names the family has been met
}

type kind uint8

const (
	literal kind = iota // kept
	id                  // replaced, surely an id
	slug                // replaced, a name
)

func (r *router) segment(out, seg []byte, last bool) []byte {
	k := r.judge(seg, last)
	if last && k == literal && extension(seg) != nil {
		return r.file(out, seg)
	}
	r.prev = k
	if k != literal {
		return append(out, '*')
	}
	return append(out, seg...)
}

func (r *router) judge(seg []byte, last bool) kind {
	switch {
	case len(seg) == 0: // nothing but parameters
		return slug
	case seg[0] == '.' && r.depth == 0:
		r.dot, r.opened = !equalFold(seg, ".well-known"), true // RFC 8615 names are ordinary ones
		return literal
	case last && extension(seg) != nil:
		return literal // file decides
	case isID(seg):
		return id
	case r.has(seg):
		switch string(seg) {
		case "api", "rest", "wp-json", "rpc":
			r.api = true
		}
		if r.isFile && assetFolders.has(seg) {
			r.asset = true
		}
		r.opened = true
		return literal
	case len(seg) > maxRouteSegment || !isPlain(seg):
		return slug
	case r.dot:
		return literal
	case isLocale(seg) && !r.opened:
		return literal // and the next segment opens the path
	}
	digits, dashes := shape(seg)
	opens := !r.opened
	r.opened = true
	switch {
	case digits > 0:
		// "v2", "h2", "page3" would do no harm, but "matcha2" and "admin_1k9" are names.
		if len(seg) <= 3 && opens {
			return literal
		}
		return slug
	case opens && r.depth == 0 && last:
		if dashes > maxPlainDashes {
			return slug
		}
		return literal
	case opens && !r.isFile:
		if dashes > 0 {
			return slug // "/acme-corp/dashboard": a tenant
		}
		return literal
	case dashes > 0 || r.isFile && !r.asset:
		return slug
	case r.isFile:
		if len(seg) == 1 { // one-letter folders spread files: /t/e/tea.jpg
			return slug
		}
		return literal
	case r.prev == id, r.api && r.prev == literal && r.depth <= 3:
		return literal // "/orders/17/invoice", "/api/leads"
	}
	return slug
}

// file keeps a file's name, unless its stem is an id or a name of its own; then only the extension says what it is.
func (r *router) file(out, seg []byte) []byte {
	ext := extension(seg)
	stem := seg[:len(seg)-len(ext)]
	digits, dashes := shape(stem)
	page := isPage(ext)
	keep := false
	switch {
	case containsFold(seg, "sitemap"): // numbered ones are one family
		return appendNumbered(out, seg)
	case r.dot || len(stem) == 0:
		keep = len(seg) <= maxRouteSegment
	case len(seg) > maxRouteSegment || !isPlain(seg) || isID(stem):
	case r.has(stem) || equalFold(ext, ".php"):
		keep = digits == 0 || r.has(stem)
	case digits > 0:
	case page:
		keep = r.depth == 0 && dashes == 0
	case r.depth == 0 || r.asset || r.prev != literal:
		keep = true
	}
	// A name in a folder that is no asset folder is one of many: /embed/acme.js.
	if !keep {
		out = append(out, '*')
		return append(out, ext...)
	}
	return append(out, seg...)
}

// has reports whether seg is a word, or words joined by - _ or . ("product-category", "wp-login", "jquery.min").
func (r *router) has(seg []byte) bool {
	if len(seg) > maxRouteSegment {
		return false
	}
	var lower [maxRouteSegment]byte
	low := lower[:copy(lower[:], seg)]
	for i, c := range low {
		if 'A' <= c && c <= 'Z' {
			low[i] = c + 'a' - 'A'
		}
	}
	if r.words.has(low) {
		return len(low) > 1 || r.depth == 0 // one-letter families open a path: /p/tea, /u/17
	}
	if isVersion(low) {
		return true
	}
	from, parts := 0, 0
	for i := 0; i <= len(low); i++ {
		if i == len(low) || low[i] == '-' || low[i] == '_' || low[i] == '.' {
			if !r.words.has(low[from:i]) {
				return false
			}
			from, parts = i+1, parts+1
		}
	}
	return parts > 1
}

// isVersion: "v1", "v2.1", "1.0".
func isVersion(s []byte) bool {
	v := len(s) > 1 && s[0] == 'v'
	if v {
		s = s[1:]
	}
	dots := 0
	for i, c := range s {
		switch {
		case c == '.' && i > 0:
			dots++
		case c < '0' || c > '9':
			return false
		}
	}
	return len(s) <= 4 && (v || dots > 0) && len(s) > 0
}

// isID: a number, a UUID, hex of a hash's length, a long token.
func isID(s []byte) bool {
	digits, hex, letters := 0, 0, 0
	for _, c := range s {
		switch {
		case '0' <= c && c <= '9':
			digits++
			hex++
		case 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F':
			letters++
			hex++
		case c == '-' || c == '_':
			hex++
		case isWordByte(c):
			letters++
		default:
			return false
		}
	}
	switch {
	case digits == len(s):
		return true
	case hex == len(s) && digits > 0 && len(s) >= minHash:
		return true
	}
	return digits+letters == len(s) && len(s) >= minToken62
}

func shape(s []byte) (digits, dashes int) {
	for _, c := range s {
		switch {
		case '0' <= c && c <= '9':
			digits++
		case c == '-' || c == '_' || c == '+' || c == ' ':
			dashes++
		}
	}
	return digits, dashes
}

// isPlain: nothing but what people write into paths; escapes and other alphabets are names.
func isPlain(s []byte) bool {
	for _, c := range s {
		if !isWordByte(c) && c != '-' && c != '_' && c != '.' && c != '~' && c != '@' && c != '+' {
			return false
		}
	}
	return true
}

// isLocale: "en", "pt-br", "zh_CN".
func isLocale(s []byte) bool {
	letters := func(s []byte) bool { d, n := shape(s); return d == 0 && n == 0 && isPlain(s) }
	return len(s) == 2 && letters(s) || len(s) == 5 && (s[2] == '-' || s[2] == '_') && letters(s[:2]) && letters(s[3:])
}

// appendNumbered appends s with its runs of digits as one "*".
func appendNumbered(out, s []byte) []byte {
	s = s[:min(len(s), maxRouteSegment)]
	for i, c := range s {
		switch {
		case c < '0' || c > '9':
			out = append(out, c)
		case i == 0 || s[i-1] < '0' || s[i-1] > '9':
			out = append(out, '*')
		}
	}
	return out
}

const maxExtension = 6 // longer ones but .webmanifest are parts of a name: /john.appleseed

// extension is the part of a file name from its last dot, nil when it is no file name: an extension has letters and is short.
func extension(seg []byte) []byte {
	dot := bytes.LastIndexByte(seg, '.')
	if dot < 0 || dot == len(seg)-1 {
		return nil
	}
	ext := seg[dot:]
	if len(ext)-1 > maxExtension && !equalFold(ext, ".webmanifest") {
		return nil
	}
	letters := false
	for _, c := range ext[1:] {
		if !isWordByte(c) {
			return nil
		}
		letters = letters || c > '9'
	}
	if !letters {
		return nil
	}
	return ext
}

func isPage(ext []byte) bool {
	return equalFold(ext, ".html") || equalFold(ext, ".htm") || equalFold(ext, ".xhtml") || equalFold(ext, ".shtml")
}

// isFileName: a page's slug with .html is no file to the families of its path, /tea/black.html is like /tea/black.
func isFileName(seg []byte) bool {
	ext := extension(seg)
	return ext != nil && !isPage(ext)
}

func equalFold(b []byte, lower string) bool {
	return len(b) == len(lower) && foldPrefix(b, lower)
}

func foldPrefix(b []byte, lower string) bool {
	if len(b) < len(lower) {
		return false
	}
	for i := range len(lower) {
		c := b[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

func containsFold(b []byte, lower string) bool {
	for i := 0; i+len(lower) <= len(b); i++ {
		if b[i]|0x20 == lower[0] && foldPrefix(b[i:], lower) {
			return true
		}
	}
	return false
}

// ---- vocabulary ----

//go:embed routewords.txt
var routeWordsTXT string

// routeWords are the words that name families and actions on shops, blogs, APIs and admin pages, not things for sale.
var routeWords = sync.OnceValue(func() *wordSet {
	words := &wordSet{all: map[string]struct{}{}}
	for line := range strings.Lines(routeWordsTXT) {
		if !strings.HasPrefix(line, "#") {
			for _, w := range strings.Fields(line) {
				words.add(w)
			}
		}
	}
	return words
})

// wordSet is a set of words behind a sieve of their first letter, last letter and length, which nine of ten other words do
// not pass: paths are asked about several times a line.
type wordSet struct {
	all   map[string]struct{}
	sieve [256]uint64
}

func (w *wordSet) add(word string) {
	w.all[word] = struct{}{}
	w.sieve[word[0]] |= 1 << (len(word)%8*8 + int(word[len(word)-1])%8)
}

func (w *wordSet) has(b []byte) bool {
	if len(b) == 0 || w.sieve[b[0]]&(1<<(len(b)%8*8+int(b[len(b)-1])%8)) == 0 {
		return false
	}
	_, ok := w.all[string(b)]
	return ok
}

// wordList is a wordSet asked in either case.
type wordList struct{ wordSet }

func wordsOf(words ...string) *wordList {
	l := &wordList{wordSet{all: map[string]struct{}{}}}
	for _, w := range words {
		l.add(w)
	}
	return l
}

func (l *wordList) has(seg []byte) bool {
	if len(seg) > maxRouteSegment {
		return false
	}
	var lower [maxRouteSegment]byte
	for i, c := range seg {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		lower[i] = c
	}
	return l.wordSet.has(lower[:len(seg)])
}

// assetFolders hold files whose names are few and telling; below any other folder a file's name may be anybody's.
var assetFolders = wordsOf("assets", "static", "css", "js", "img", "images", "image", "fonts", "font", "media", "build", "dist", "bundles", "themes", "skin",
	"wp-content", "wp-includes", "plugins", "modules", "vendor", "lib", "libs", "icons", "svg", "sites", "pub", "public", "_next", "_nuxt", "webpack", "packs", "packages")
