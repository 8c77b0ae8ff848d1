package correlate

import (
	"cmp"
	_ "embed"
	"strings"
	"sync"
)

// Agent is who a User-Agent claims to be. Anyone can claim anything: see Verify.
type Agent struct {
	Name     string     // one constant name for all variants: "Googlebot"; "" for browsers and an absent agent
	Class    AgentClass // what it is for
	Operator string     // "Google"; "" = not known, or anyone's (curl)
	Robots   string     // does it obey robots.txt: "yes", "no", "unknown"
	RDNS     string     // comma-separated suffixes of its reverse DNS names; "" = none known
	Nets     string     // comma-separated lists of crawlernets.tsv that hold its networks, the closest first
	ListURL  string     // where the operator publishes addresses when crawlernets.tsv has no copy
}

// AgentClass is what a client is for. Zero is an absent agent, which bad requests and hand-written scripts share.
type AgentClass uint8

const (
	Absent AgentClass = iota
	Browser
	App     // a program on somebody's phone or desk
	Search  // a search engine's crawler: it brings visitors
	AI      // collects for, or asks on behalf of, a language model
	SEO     // sells what it collects: backlinks, rankings, prices, mentions
	Ads     // checks the pages that advertisements lead to
	Archive // copies sites
	Monitor // asks whether the site is up
	Preview // shows a shared link
	Feed    // a feed reader
	Scanner // looks for weaknesses
	Tool    // a library, a command-line client, a headless browser
	Other   // a bot that no table knows, or that fits no class
)

var classNames = [...]string{"absent", "browser", "app", "search", "ai", "seo", "ads", "archive", "monitor", "preview", "feed", "scanner", "tool", "other"}

func (c AgentClass) String() string { return classNames[c] }

// Automated reports whether the agent says it is a program acting by itself. An absent agent says nothing.
func (c AgentClass) Automated() bool { return c >= Search }

// Identify tells who a User-Agent claims to be. It is a pure function of the text, takes about a microsecond, and its
// answers are few: callers with many lines remember them by distinct agent.
func Identify(userAgent string) Agent {
	if userAgent == "" || userAgent == "-" {
		return Agent{Class: Absent, Robots: "unknown"}
	}
	var lower [maxAgent]byte
	n := copy(lower[:], userAgent)
	ua := lower[:n]
	for i, c := range ua {
		if 'A' <= c && c <= 'Z' {
			ua[i] = c + 'a' - 'A'
		}
	}
	if a := knownAgents().find(ua); a != nil {
		return *a
	}
	return guessAgent(userAgent[:n], ua)
}

// maxAgent bounds the work on a hostile header; crawlers name themselves long before.
const maxAgent = 512

// ---- the table of known agents ----

//go:embed crawlers.tsv
var crawlersTSV string

type agentTable struct {
	agents []knownAgent
	tokens []agentToken
	heads  [1 << 14]uint16 // by the hash of a token's first three bytes: index+1 of the first such token
}

type knownAgent struct {
	Agent
	rank uint8
}

type agentToken struct {
	text   string
	agent  uint16
	next   uint16 // index+1 of the next token with the same hash
	anchor byte   // '^' only at the start of the agent, '<' only at the start of a word, 0 anywhere
}

// What a hit is worth: "Scrapy ... Googlebot" claims to be Googlebot, and a phone called CUBOT is one only if no crawler
// is named beside it.
const (
	rankExcepted = iota + 1 // browsers and apps that a generic word would take for a bot
	rankTool
	rankCrawler
)

const minToken = 3 // bytes that the hash needs

var knownAgents = sync.OnceValue(func() *agentTable {
	t, _ := loadAgents(crawlersTSV)
	return t
})

// loadAgents reads crawlers.tsv; bad lists the rows it could not use (none: TestCrawlerTable).
func loadAgents(tsv string) (t *agentTable, bad []string) {
	t = &agentTable{}
	for line := range strings.Lines(tsv) {
		line = strings.TrimSuffix(line, "\n")
		if strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Split(line, "\t")
		class, known := Absent, false
		if len(f) == 8 {
			class, known = classOf(f[3])
		}
		if !known {
			bad = append(bad, line)
			continue
		}
		a := knownAgent{Agent: Agent{Name: f[0], Class: class, Operator: f[2], Robots: f[4], RDNS: f[5], Nets: f[6], ListURL: f[7]}, rank: rankCrawler}
		switch class {
		case Browser, App:
			a.rank, a.Name = rankExcepted, ""
		case Tool:
			a.rank = rankTool
		}
		t.agents = append(t.agents, a)
		for tok := range strings.SplitSeq(f[1], "|") {
			k := agentToken{text: tok, agent: uint16(len(t.agents) - 1)}
			if tok != "" && (tok[0] == '^' || tok[0] == '<') {
				k.anchor, k.text = tok[0], tok[1:]
			}
			if len(k.text) < minToken {
				bad = append(bad, line)
				continue
			}
			h := headHash(k.text[0], k.text[1], k.text[2])
			k.next = t.heads[h]
			t.tokens = append(t.tokens, k)
			t.heads[h] = uint16(len(t.tokens))
		}
	}
	return t, bad
}

// Agents lists the agents of the table, and AgentTokens what they are told by, in lower case: for who must not change
// either, as redaction must not.
func Agents() []Agent {
	t := knownAgents()
	all := make([]Agent, len(t.agents))
	for i, a := range t.agents {
		all[i] = a.Agent
	}
	return all
}

func AgentTokens() []string {
	t := knownAgents()
	all := make([]string, len(t.tokens))
	for i, tok := range t.tokens {
		all[i] = tok.text
	}
	return all
}

func classOf(name string) (AgentClass, bool) {
	for c, s := range classNames {
		if s == name {
			return AgentClass(c), true
		}
	}
	return Absent, false
}

func headHash(a, b, c byte) uint32 {
	const golden = 2654435769 // 2^32 over the golden ratio: spreads neighbours
	return (uint32(a) | uint32(b)<<8 | uint32(c)<<16) * golden >> 18
}

// find returns the agent that ua names: the worthiest, then the earliest, then the longest token that begins there.
// An agent names itself before it says whom it is like ("Feedly/1.0 (+...; like FeedFetcher-Google)").
func (t *agentTable) find(ua []byte) *Agent {
	var best *agentToken
	var bestRank uint8
	var bestAt int
	for i := 0; i+minToken <= len(ua); i++ {
		for k := t.heads[headHash(ua[i], ua[i+1], ua[i+2])]; k != 0; k = t.tokens[k-1].next {
			tok := &t.tokens[k-1]
			if len(ua)-i < len(tok.text) || string(ua[i:i+len(tok.text)]) != tok.text {
				continue
			}
			if tok.anchor == '^' && i > 0 || tok.anchor == '<' && i > 0 && isWordByte(ua[i-1]) {
				continue
			}
			rank := t.agents[tok.agent].rank
			if best == nil || rank > bestRank || rank == bestRank && i == bestAt && len(tok.text) > len(best.text) {
				best, bestRank, bestAt = tok, rank, i
			}
		}
	}
	if best == nil {
		return nil
	}
	return &t.agents[best.agent].Agent
}

func isWordByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

// ---- agents that no table knows ----

// genericWords betray a program that says what it does: words like these and a published list of crawlers missed none of
// 2,118 crawler agents and took none of 981 browsers for a bot. This table has not been held to that collection.
var genericWords = [...]string{
	"bot", "crawl", "spider", "slurp", "fetch", "scan", "scrap", "harvest", "monitor", "uptime", "probe", "preview", "archiv",
	"validat", "indexer", "feed", "extract", "download", "headless", "synthetic", "checker", "+http", "://", "www.", "python", "@",
}

// oldPhones and phones mark agents that do not begin with Mozilla/ and yet have a person in front of them.
var (
	oldPhones = [...]string{"midp", "up.browser", "symbian", "blackberry", "ucweb", "j2me", "opera"}
	phones    = [...]string{"android", "iphone", "ipad", "; ios", "ios/", "darwin/", "(ios"}
)

func guessAgent(ua string, lower []byte) Agent {
	low := string(lower)
	mozilla := strings.HasPrefix(low, "mozilla/")
	for _, w := range genericWords {
		if at := generic(low, w); at >= 0 {
			return Agent{Name: productName(ua, at, isWordByte(w[0])), Class: Other, Robots: "unknown"}
		}
	}
	switch {
	case mozilla && strings.IndexByte(low, '(') < 0:
		// A browser always says what it runs on.
		return Agent{Name: "bare Mozilla", Class: Tool, Robots: "unknown"}
	case mozilla || containsAny(low, oldPhones[:]):
		return Agent{Class: Browser, Robots: "unknown"}
	case containsAny(low, phones[:]):
		return Agent{Class: App, Robots: "unknown"}
	}
	return Agent{Name: productName(ua, 0, true), Class: Tool, Robots: "unknown"}
}

// generic finds a generic word. An @ counts only inside an address of a person: in-app browsers write "version@9.1".
func generic(low, word string) int {
	at := strings.Index(low, word)
	if word != "@" {
		return at
	}
	if at > 0 && at+1 < len(low) && isWordByte(low[at-1]) && 'a' <= low[at+1] && low[at+1] <= 'z' && strings.IndexByte(low[at:], '.') > 0 {
		return at
	}
	return -1
}

func containsAny(s string, words []string) bool {
	for _, w := range words {
		if strings.Contains(s, w) {
			return true
		}
	}
	return false
}

// productName names an unknown program by a word of its own agent, without version or punctuation, so that "FooBot/1.2"
// and "FooBot/1.3" are one client: the word that at lies in, or, when that is a link or an address, the first product.
func productName(ua string, at int, inWord bool) string {
	if inWord {
		from, to := at, at
		for from > 0 && isNameByte(ua[from-1]) {
			from--
		}
		for to < len(ua) && isNameByte(ua[to]) {
			to++
		}
		// "example.com/bot.html" is a page, not a product.
		link := from > 0 && (ua[from-1] == '/' || ua[from-1] == '@') || strings.HasPrefix(ua[from:to], "www.")
		if name := trimName(ua[from:to]); !link && name != "" {
			return name
		}
	}
	rest := ua
	if strings.HasPrefix(strings.ToLower(ua[:min(len(ua), len("mozilla/"))]), "mozilla/") {
		if _, after, ok := strings.Cut(ua, "compatible;"); ok {
			rest = after
		} else if _, after, ok := strings.Cut(ua, " "); ok {
			rest = after
		}
	}
	from := strings.IndexFunc(rest, func(r rune) bool { return r < 0x80 && isWordByte(byte(r)) })
	if from < 0 {
		return "unnamed"
	}
	to := from
	for to < len(rest) && isNameByte(rest[to]) {
		to++
	}
	name := trimName(rest[from:to])
	switch strings.ToLower(name) {
	case "windows", "macintosh", "x11", "linux", "iphone", "ipad", "ipod", "android", "msie":
		// It dresses as a browser and names itself by its link only.
		host := strings.TrimLeft(ua[at:], ":/@+")
		host = strings.TrimPrefix(strings.TrimPrefix(host, "http://"), "https://")
		to := 0
		for to < len(host) && isNameByte(host[to]) {
			to++
		}
		name = trimName(host[:to])
	}
	return cmp.Or(name, "unnamed")
}

func isNameByte(c byte) bool { return isWordByte(c) || c == '-' || c == '_' || c == '.' || c == '!' }

// maxName keeps a stranger's word short enough to print in a table.
const maxName = 40

func trimName(s string) string {
	s = strings.Trim(s, "-_.!")
	return strings.TrimRight(s[:min(len(s), maxName)], "-_.!")
}
