package redact

import (
	"bytes"
	"strings"
)

// A host name is told by where it stands - behind ://, behind the @ of a mail, in server_name, behind host: - or by its end.
// There its own label goes even where it is a word of the trade, and its end becomes .example, which nobody can own
// (RFC 2606): "shop.target.com" is "shop.dovuni.com.example".

// ends are the last labels by which a name is taken for a host's wherever it stands. Those that are endings of files or
// names in programs (sh, py, app, store, info) need a place where hosts stand.
var ends = setOf(`com net org edu gov eu de at ch fr uk nl be es pl cz se dk ru ua cn jp kr tw hk sg au nz br mx ca
	local lan internal intranet intra corp localdomain example test invalid`)

// ours are ends that mean nothing outside, and stay.
var ours = setOf(`local lan internal intranet intra corp localdomain example test invalid localhost`)

// seconds are the middle of ends of two labels: co.uk, com.au.
var seconds = setOf(`co com net org ac gov edu or ne go`)

// public are domains that everybody's logs name: search engines, networks, the homes of software. Those of the crawlers'
// operators come from the table of agents.
var public = setOf(`google.com google.de google.fr google.co.uk googleapis.com gstatic.com youtube.com bing.com yahoo.com duckduckgo.com baidu.com yandex.com yandex.ru ecosia.org qwant.com
	facebook.com instagram.com twitter.com t.co x.com linkedin.com reddit.com pinterest.com tiktok.com wikipedia.org msn.com live.com microsoft.com apple.com mozilla.org
	wordpress.org wordpress.com php.net nginx.org nginx.com redis.io redis.com kernel.org debian.org ubuntu.com centos.org freedesktop.org kubernetes.io docker.com docker.io
	github.com gitlab.com cloudflare.com amazonaws.com w3.org schema.org apache.org mysql.com mariadb.org mariadb.com percona.com python.org nodejs.org rubyonrails.org
	laravel.com symfony.com magento.com woocommerce.com drupal.org`)

func setOf(words string) map[string]bool {
	set := map[string]bool{}
	for w := range strings.FieldsSeq(words) {
		set[w] = true
	}
	return set
}

// dotted is the length of labels joined by dots, two at least, the last of them of letters.
func dotted(b []byte) int {
	n, dots, digits := 0, 0, true
	for n < len(b) {
		c := b[n]
		switch {
		case isLetter(c) || c == '-' && n > 0 && isWord(b[n-1]):
			digits = false
		case isDigit(c) || c == '_':
		case c == '.' && n > 0 && b[n-1] != '.' && n+1 < len(b) && (isLetter(b[n+1]) || isDigit(b[n+1])):
			dots++
			digits = true
		default:
			goto end
		}
		n++
	}
end:
	for n > 0 && b[n-1] == '-' {
		n--
	}
	if dots == 0 || digits || n < len(b) && b[n] >= 0x80 {
		return 0
	}
	return n
}

// announced says whether a host is named by what stands before it.
func announced(before []byte) bool {
	before = bytes.TrimRight(before, " \"'")
	if len(before) == 0 || before[len(before)-1] != ':' && before[len(before)-1] != '=' {
		return false
	}
	before = bytes.TrimRight(before[:len(before)-1], " \"'")
	for _, w := range []string{"host", "server", "hostname", "vhost", "server_name", "http_host", "domain", "servername"} {
		if len(before) >= len(w) && strings.EqualFold(string(before[len(before)-len(w):]), w) {
			return true
		}
	}
	return false
}

// serverNames says whether the words of a line are host names.
func serverNames(line []byte) bool {
	line = bytes.TrimLeft(line, " \t")
	for _, w := range []string{"server_name", "ServerName", "ServerAlias", "valid_referers"} {
		if rest, ok := bytes.CutPrefix(line, []byte(w)); ok && len(rest) > 0 && (rest[0] == ' ' || rest[0] == '\t') {
			return true
		}
	}
	return false
}

// host redacts a name with dots; ok is false where it is no host's.
func (s *scrubber) host(name []byte, certain bool) (string, bool) {
	if !certain {
		if end := lower(name[bytes.LastIndexByte(name, '.')+1:]); !ends[end] {
			return "", false
		}
	}
	memo := "-" + string(name)
	if certain {
		memo = "+" + memo[1:]
	}
	if out, ok := s.hosts[memo]; ok {
		return out, true
	}
	out := s.newHost(string(name), certain)
	if len(s.hosts) >= maxMemo {
		clear(s.hosts)
	}
	s.hosts[memo] = out
	return out, true
}

func (s *scrubber) newHost(name string, certain bool) string {
	labels := strings.Split(name, ".")
	own := len(labels) - 2
	end := strings.ToLower(labels[len(labels)-1])
	if own > 0 && len(end) == 2 && seconds[strings.ToLower(labels[own])] {
		own--
	}
	if isPublic(strings.ToLower(strings.Join(labels[own:], "."))) {
		return name
	}
	var b strings.Builder
	gone := false
	for i, label := range labels {
		if i > 0 {
			b.WriteByte('.')
		}
		if i > own {
			b.WriteString(label)
			continue
		}
		force := certain && i == own
		out := s.label([]byte(label), force)
		gone = gone || out != label
		b.WriteString(out)
	}
	if gone && !ours[end] {
		b.WriteString(".example")
	}
	return b.String()
}

// label redacts one label: ip-10-0-3-7 is an address, everything else words.
func (s *scrubber) label(b []byte, force bool) string {
	if i := bytes.IndexAny(b, "0123456789"); i >= 0 && bytes.Count(b, []byte("-")) >= 3 && (i == 0 || b[i-1] == '-') {
		if out, n := s.ipv4(b, i, '-'); n > 0 {
			return s.label(b[:i], false) + out + s.label(b[i+n:], false)
		}
	}
	return string(s.eachPart(nil, b, func(dst, p []byte) []byte { return s.parts(dst, p, true, force, true) }))
}

func isPublic(domain string) bool { return public[domain] || operatorDomain(domain) }
