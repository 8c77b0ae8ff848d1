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
	}
	sh := shapeOf(seg)
	switch {
	case sh.isID():
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
	case len(seg) > maxRouteSegment || !sh.isPlain():
		return slug
	case r.dot:
		return literal
	case isLocale(seg) && !r.opened:
		return literal // and the next segment opens the path
	}
	dashes := sh.dashes
	opens := !r.opened
	r.opened = true
	switch {
	case sh.digits > 0:
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
	sh := shapeOf(stem) // its extension is plain
	page := isPage(ext)
	keep := false
	switch {
	case namesSitemap(seg): // numbered ones are one family
		return appendNumbered(out, seg)
	case r.dot || len(stem) == 0:
		keep = len(seg) <= maxRouteSegment
	case len(seg) > maxRouteSegment || !sh.isPlain() || sh.isID():
	case r.has(stem):
		keep = true
	case sh.digits > 0:
	case equalFold(ext, ".php"):
		keep = true
	case page:
		keep = r.depth == 0 && sh.dashes == 0
	case r.depth == 0 || r.asset || r.prev != literal:
		keep = !r.endsInHash(stem)
	}
	// A name in a folder that is no asset folder is one of many: /embed/acme.js.
	if !keep {
		out = append(out, '*')
		return append(out, ext...)
	}
	return append(out, seg...)
}

// endsInHash tells the build's "app.badcafe" of app.badcafe.js: one in fifty hashes of four hexadecimal digits and one in
// 2,500 of eight has letters alone, which over a year of builds is a name a file.
func (r *router) endsInHash(stem []byte) bool {
	part := stem[bytes.LastIndexByte(stem, '.')+1:]
	return len(part) >= 4 && len(part) < len(stem) && shapeOf(part).hex == len(part) && !r.words.has(part)
}

// has reports whether seg is a word, or words joined by - _ or . ("product-category", "wp-login", "jquery.min").
func (r *router) has(seg []byte) bool {
	if len(seg) > maxRouteSegment {
		return false
	}
	if r.words.has(seg) {
		return len(seg) > 1 || r.depth == 0 // one-letter families open a path: /p/tea, /u/17
	}
	return isVersion(seg) || r.words.joined(seg)
}

// isVersion: "v1", "v2.1", "1.0".
func isVersion(s []byte) bool {
	if len(s) > len("v")+4 {
		return false
	}
	v := len(s) > 1 && s[0]|0x20 == 'v'
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

// segShape counts a segment's bytes by what they are: a path's segments are asked about it several times each.
type segShape struct {
	n, digits, dashes int // dashes: - _ + and space
	hex               int // also - and _
	word, plain       int // letters and digits; with them what people write into paths. Escapes and other alphabets are names
}

func shapeOf(s []byte) segShape {
	sh := segShape{n: len(s)}
	for len(s) > 0 {
		part := s[:min(len(s), maxShape)]
		s = s[len(part):]
		var sums shapeSums
		for _, c := range part {
			sums += byteShapes[c] &^ cuts
		}
		p := sums.shape(len(part))
		sh.digits += p.digits
		sh.dashes += p.dashes
		sh.hex += p.hex
		sh.word += p.word
		sh.plain += p.plain
	}
	return sh
}

// shapeSums are the counts of a segShape in lanes of shapeBits, one addition a byte.
type shapeSums uint64

const (
	shapeBits = 10
	maxShape  = 1<<shapeBits - 1
	cuts      = shapeSums(1) << 63 // of a byte that ends a segment, a path or a file's stem
)

func (s shapeSums) lane(i int) int { return int(s >> (i * shapeBits) & maxShape) }
func (s shapeSums) anyM() bool     { return s.lane(5) > 0 }
func (s shapeSums) shape(n int) segShape {
	return segShape{n, s.lane(0), s.lane(1), s.lane(2), s.lane(3), s.lane(4)}
}

var byteShapes = func() (t [256]shapeSums) {
	for c := range t {
		b := byte(c)
		for i, is := range [...]bool{
			'0' <= b && b <= '9',
			b == '-' || b == '_' || b == '+' || b == ' ',
			'0' <= b && b <= '9' || 'a' <= b|0x20 && b|0x20 <= 'f' || b == '-' || b == '_',
			isWordByte(b),
			isWordByte(b) || b == '-' || b == '_' || b == '.' || b == '~' || b == '@' || b == '+',
			b|0x20 == 'm',
		} {
			t[c] |= shapeSums(boolIndex(is)) << (i * shapeBits)
		}
		if b == '/' || b == '.' || b == ';' || b == '#' {
			t[c] |= cuts
		}
	}
	return t
}()

// isID: a number, a UUID, hex of a hash's length, a long token.
func (sh segShape) isID() bool {
	return sh.digits == sh.n || sh.hex == sh.n && sh.digits > 0 && sh.n >= minHash || sh.word == sh.n && sh.n >= minToken62
}

func (sh segShape) isPlain() bool { return sh.plain == sh.n }

// isLocale: "en", "pt-br", "zh_CN".
func isLocale(s []byte) bool {
	letters := func(s []byte) bool { sh := shapeOf(s); return sh.digits == 0 && sh.dashes == 0 && sh.isPlain() }
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
	return extensionAt(seg, bytes.LastIndexByte(seg, '.'))
}

// extensionAt is extension for a segment whose last dot is known.
func extensionAt(seg []byte, dot int) []byte {
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

func namesSitemap(b []byte) bool {
	return (bytes.IndexByte(b, 'm') >= 0 || bytes.IndexByte(b, 'M') >= 0) && containsFold(b, "sitemap")
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

// wordSet is a set of words in lower case, asked in either. A sieve of their first letter, last letter and length stands
// before it, which nine of ten other words do not pass: paths are asked about several times a line.
type wordSet struct {
	all   map[string]struct{}
	sieve [256]uint64
}

func wordsOf(words ...string) *wordSet {
	w := &wordSet{all: map[string]struct{}{}}
	for _, word := range words {
		w.add(word)
	}
	return w
}

func (w *wordSet) add(word string) {
	w.all[word] = struct{}{}
	w.sieve[word[0]] |= 1 << (len(word)%8*8 + int(word[len(word)-1])%8)
}

// may reports whether b passes the sieve.
func (w *wordSet) may(b []byte) bool {
	return len(b) > 0 && w.sieve[lowerByte(b[0])]&(1<<(len(b)%8*8+int(lowerByte(b[len(b)-1]))%8)) != 0
}

func (w *wordSet) has(b []byte) bool {
	if !w.may(b) || len(b) > maxRouteSegment {
		return false
	}
	var lower [maxRouteSegment]byte
	for i, c := range b {
		lower[i] = lowerByte(c)
	}
	_, ok := w.all[string(lower[:len(b)])]
	return ok
}

// joined reports whether b is several words joined by - _ or . Most names have a part that does not pass the sieve: all
// parts are held against it before one is looked up.
func (w *wordSet) joined(b []byte) bool {
	from := 0
	for i, c := range b {
		if c == '-' || c == '_' || c == '.' {
			if !w.may(b[from:i]) {
				return false
			}
			from = i + 1
		}
	}
	if from == 0 || !w.may(b[from:]) {
		return false
	}
	from = 0
	for i, c := range b {
		if c == '-' || c == '_' || c == '.' {
			if !w.has(b[from:i]) {
				return false
			}
			from = i + 1
		}
	}
	return w.has(b[from:])
}

func lowerByte(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}

// assetFolders hold files whose names are few and telling; below any other folder a file's name may be anybody's.
var assetFolders = wordsOf("assets", "static", "css", "js", "img", "images", "image", "fonts", "font", "media", "build", "dist", "bundles", "themes", "skin",
	"wp-content", "wp-includes", "plugins", "modules", "vendor", "lib", "libs", "icons", "svg", "sites", "pub", "public", "_next", "_nuxt", "webpack", "packs", "packages")
