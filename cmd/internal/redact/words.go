package redact

import (
	"crypto/hmac"
	"crypto/sha256"
	_ "embed"
	"hash"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"culprit/correlate"
)

// vocabulary.txt holds words that logs, configurations and programs use and that name nobody, put down by hand.
// lookedfor.txt holds the words that this program itself looks for; TestLookedFor writes it.
//
//go:embed vocabulary.txt
var vocabularyText string

//go:embed lookedfor.txt
var lookedForText string

var vocabulary = sync.OnceValue(func() map[string]bool {
	words := map[string]bool{}
	for _, text := range []string{vocabularyText, lookedForText} {
		for line := range strings.Lines(text) {
			if strings.HasPrefix(line, "#") {
				continue
			}
			for w := range strings.FieldsSeq(line) {
				words[w] = true
			}
		}
	}
	return words
})

// stems are what rules and agents are told by inside of a longer word: what stands around them goes, they stay.
var stems = []string{
	"session", "sess", "redis", "valkey", "keydb", "cache", "queue", "celery", "horizon", "resque", "django", "laravel", "magento", "mysql", "maria", "nginx",
	"embed", "sitemap", "backup", "crawl", "spider", "slurp", "fetch", "scrap", "harvest", "monitor", "uptime", "probe", "preview", "archiv", "validat", "indexer",
	"extract", "download", "headless", "synthetic", "checker", "python", "bot", "scan", "feed",
}

// units are what a number may end in.
var units = map[string]bool{
	"b": true, "k": true, "kb": true, "kib": true, "m": true, "mb": true, "mib": true, "g": true, "gb": true, "gib": true, "t": true, "tb": true, "tib": true,
	"s": true, "ms": true, "us": true, "ns": true, "sec": true, "secs": true, "min": true, "mins": true, "h": true, "hr": true, "d": true, "w": true, "y": true, "r": true,
	"x": true, "px": true, "th": true, "st": true, "nd": true, "rd": true, "kbps": true, "mbps": true, "pages": true, "bit": true, "bits": true, "i": true, "ki": true, "mi": true, "gi": true,
	"z": true, "ll": true, "ul": true, "l": true, "u": true, "am": true, "pm": true, "xx": true, "core": true, "cpu": true, "e": true, "f": true, "c": true, "n": true, "p": true,
}

// known says whether a word of letters, in lower case, is of the trade.
func known(word string) bool {
	v := vocabulary()
	return v[word] || len(word) > 4 && word[len(word)-1] == 's' && v[word[:len(word)-1]]
}

// Names says whether a word of letters and digits is one that is replaced wherever it stands.
func Names(word string) bool {
	n := &namer{memo: map[string]string{}, test: true}
	return n.part([]byte(word), false) != word
}

// namer makes pseudonyms; it is one goroutine's own.
type namer struct {
	mac  hash.Hash
	sum  []byte
	memo map[string]string
	test bool // only whether a word would go is wanted
}

// maxMemo bounds what is remembered: a log of ten million ids costs a fixed amount, and a word forgotten is made again.
const maxMemo = 1 << 16

func newNamer(key []byte) *namer {
	return &namer{mac: hmac.New(sha256.New, key), memo: map[string]string{}}
}

// part gives what stands for a run of letters and digits.
func (n *namer) part(p []byte, id bool) string {
	if s, ok := n.memo[string(p)]; ok && !id {
		return s
	}
	s := n.judge(string(p), id)
	if !id {
		if len(n.memo) >= maxMemo {
			clear(n.memo)
		}
		n.memo[string(p)] = s
	}
	return s
}

// judge keeps what names nobody. id: the part stands where ids stand, so that a long number is one.
func (n *namer) judge(p string, id bool) string {
	letters, digits, foreign := 0, 0, 0
	for i := range len(p) {
		switch c := p[i]; {
		case c >= utf8.RuneSelf:
			foreign++
		case '0' <= c && c <= '9':
			digits++
		default:
			letters++
		}
	}
	switch {
	case foreign > 0:
		return n.foreign(p)
	case letters == 0:
		if id && digits >= minIDDigits && !isDate(p) {
			return n.disguise(p)
		}
		return p
	case len(p) <= 2:
		return p
	case digits == 0:
		return n.word(p)
	}
	return n.mixed(p)
}

// minIDDigits: shorter numbers in a path are years, sizes and pages; a shop's orders and customers have five and more.
const minIDDigits = 5

// isDate: 20260420, 2026042001, 20260420011234 and seconds or milliseconds of Unix time (1782172862) name files of a day.
func isDate(p string) bool {
	if (len(p) == 10 || len(p) == 13) && p[0] == '1' && p[1] >= '2' {
		return true
	}
	return (len(p) == 8 || len(p) == 10 || len(p) == 12 || len(p) == 14) && (p[:2] == "20" || p[:2] == "19") && p[4:6] >= "01" && p[4:6] <= "12" && p[6:8] >= "01" && p[6:8] <= "31"
}

// word judges letters alone.
func (n *namer) word(w string) string {
	if len(w) <= 2 {
		return w
	}
	low := strings.ToLower(w)
	if known(low) || isCrawlerWord(low) {
		return w
	}
	if hs := humps(w); len(hs) > 1 {
		return n.humps(hs)
	}
	for _, stem := range stems {
		if i := strings.Index(low, stem); i >= 0 && (len(stem) > 4 || i == 0 || i+len(stem) == len(low)) {
			return n.word(w[:i]) + w[i:i+len(stem)] + n.word(w[i+len(stem):])
		}
	}
	return n.disguise(w)
}

// humps are the words of a word in camel case: each begins with a capital behind a small letter.
func humps(w string) []string {
	var list []string
	from := 0
	for i := 1; i < len(w); i++ {
		if w[i-1] >= 'a' && w[i] < 'a' {
			list = append(list, w[from:i])
			from = i
		}
	}
	return append(list, w[from:])
}

// humps judges the words of one, the longest known run of them first: ConcurrentConnectionsExceeded is one word to a parser.
func (n *namer) humps(hs []string) string {
	var b strings.Builder
	for len(hs) > 0 {
		k := min(len(hs), 6)
		for ; k > 1 && !known(strings.ToLower(strings.Join(hs[:k], ""))); k-- {
		}
		if k > 1 {
			b.WriteString(strings.Join(hs[:k], ""))
		} else {
			b.WriteString(n.word(hs[0]))
		}
		hs = hs[k:]
	}
	return b.String()
}

// mixed judges letters with digits: a size, a version, a numbered thing, or an id.
func (n *namer) mixed(p string) string {
	low := strings.ToLower(p)
	if len(p) <= 3 || known(low) || isCrawlerWord(low) || strings.HasPrefix(low, "0x") && isHex(low[2:]) && len(p) <= 18 {
		return p
	}
	head := strings.TrimLeft(low, "0123456789")
	if len(head) < len(low) && (units[head] || known(head) && len(low)-len(head) <= 4) {
		return p // 512mb, 10r, 301redirect
	}
	if stem := strings.TrimRight(low, "0123456789"); len(low)-len(stem) <= 3 && len(stem) < len(low) && (known(stem) || len(stem) <= 2) {
		return p // web1, db02, php81
	}
	if isStamp(low) {
		return p
	}
	// Words with a long number between or behind them: each for itself. Anything more broken up is an id.
	var groups []string
	for i := 0; i < len(p); {
		j := i + 1
		for j < len(p) && isDigit(p[j]) == isDigit(p[i]) {
			j++
		}
		groups = append(groups, p[i:j])
		i = j
	}
	anyKnown := false
	for _, g := range groups {
		anyKnown = anyKnown || len(g) > 3 && known(strings.ToLower(g))
	}
	if !anyKnown || len(groups) > 3 {
		return n.disguise(p)
	}
	var b strings.Builder
	for _, g := range groups {
		if isDigit(g[0]) {
			b.WriteString(n.judge(g, true))
		} else {
			b.WriteString(n.word(g))
		}
	}
	return b.String()
}

// isStamp: the pieces of 2026-04-20T01:12:34Z and 20260420T011234Z.
func isStamp(low string) bool {
	head, tail, ok := strings.Cut(low, "t")
	if ok && isDigits(head) && isDigits(strings.TrimSuffix(tail, "z")) {
		return true
	}
	return isDigits(strings.TrimSuffix(low, "z"))
}

// disguise makes another word of the same length and case: letters for letters, digits for digits, and of what is
// hexadecimal something hexadecimal.
func (n *namer) disguise(p string) string {
	if n.test {
		return ""
	}
	low := strings.ToLower(p)
	hex := isHex(low) && strings.ContainsAny(low, "0123456789") && len(low) >= 8
	for try := byte(0); ; try++ {
		out := n.draw(low, hex, try)
		if try < 50 && (out == low || !hex && (known(out) || means(out))) {
			continue
		}
		b := []byte(out)
		for i := range b {
			if p[i] >= 'A' && p[i] <= 'Z' {
				b[i] -= 'a' - 'A'
			}
		}
		return string(b)
	}
}

const (
	consonants = "bdfghjklmnprstvwz"
	vowels     = "aeiou"
)

// draw spells a pseudonym. Long words can be pronounced, which a reader is glad of; short ones use every letter, for there
// must be enough of them.
func (n *namer) draw(low string, hex bool, try byte) string {
	out := make([]byte, len(low))
	word := !strings.ContainsAny(low, "0123456789") && len(low) > 5
	for i := range out {
		r := n.random(low, try, i)
		switch c := low[i]; {
		case isDigit(c):
			out[i] = '0' + byte(r%10)
			if i == 0 && c != '0' {
				out[i] = '1' + byte(r%9)
			}
		case hex:
			out[i] = 'a' + byte(r%6)
		case word && i%2 == 0:
			out[i] = consonants[r%len(consonants)]
		case word:
			out[i] = vowels[r%len(vowels)]
		default:
			out[i] = 'a' + byte(r%26)
		}
	}
	return string(out)
}

// random is byte i of the stream that the key makes of a word.
func (n *namer) random(low string, try byte, i int) int {
	if i%(sha256.Size/2) == 0 {
		n.mac.Reset()
		n.mac.Write([]byte{try, byte(i / (sha256.Size / 2)), byte(i >> 12)})
		n.mac.Write([]byte(low))
		n.sum = n.mac.Sum(n.sum[:0])
	}
	at := i % (sha256.Size / 2)
	return int(n.sum[2*at])<<8 | int(n.sum[2*at+1])
}

// means says whether a made word would say something to a rule or to the table of agents.
func means(low string) bool {
	for _, stem := range stems {
		if strings.Contains(low, stem) {
			return true
		}
	}
	return correlate.Identify("Mozilla/5.0 (X11) "+low).Class != correlate.Browser
}

// foreign is a run with letters beyond ASCII: every letter goes, signs stay.
func (n *namer) foreign(p string) string {
	var b strings.Builder
	low := strings.ToLower(p)
	made := n.draw(strings.Repeat("a", 32), false, byte(n.random("\x00"+low, 0, 0)))
	start := n.random("\x00"+low, 1, 0)
	i := 0
	for at, r := range p {
		_, size := utf8.DecodeRuneInString(p[at:])
		switch {
		case r < utf8.RuneSelf && !unicode.IsLetter(r), r >= utf8.RuneSelf && r != utf8.RuneError && !unicode.IsLetter(r) && !unicode.IsMark(r):
			b.WriteRune(r)
		default:
			for range size {
				b.WriteByte(made[(start+i)%len(made)])
				i++
			}
		}
	}
	return b.String()
}

// isCrawlerWord: a word by which an agent of the table is told, or its name without "bot": "mj12" in a map of nginx.
func isCrawlerWord(low string) bool { return crawlerWords()[low] }

var crawlerWords = sync.OnceValue(func() map[string]bool {
	words := map[string]bool{}
	for _, token := range correlate.AgentTokens() {
		for _, w := range strings.FieldsFunc(token, func(r rune) bool { return r >= utf8.RuneSelf || !isLetter(byte(r)) && !isDigit(byte(r)) }) {
			words[w] = true
			for _, tail := range []string{"bot", "spider", "crawler"} {
				if name := strings.TrimSuffix(w, tail); len(name) >= 4 {
					words[name] = true
				}
			}
		}
	}
	return words
})

// operatorDomain says whether a domain is one that a crawler's operator uses: in the reverse names of its addresses, for
// its list of them, or called like its agent.
func operatorDomain(domain string) bool { return operatorDomains()[domain] }

var operatorDomains = sync.OnceValue(func() map[string]bool {
	domains := map[string]bool{}
	add := func(host string) {
		if labels := strings.Split(host, "."); len(labels) >= 2 {
			domains[strings.Join(labels[len(labels)-2:], ".")] = true
		}
	}
	for _, a := range correlate.Agents() {
		for suffix := range strings.SplitSeq(a.RDNS, ",") {
			add(suffix)
		}
		if _, rest, ok := strings.Cut(a.ListURL, "://"); ok {
			host, _, _ := strings.Cut(rest, "/")
			add(host)
		}
		if name := strings.ToLower(a.Name); isDigits(name) || !strings.ContainsAny(name, " .-_/") && len(name) > 4 {
			domains[name+".com"] = true
		}
	}
	return domains
})

func isHex(s string) bool {
	for i := range len(s) {
		if !isDigit(s[i]) && (s[i] < 'a' || s[i] > 'f') {
			return false
		}
	}
	return s != ""
}

func isDigits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
