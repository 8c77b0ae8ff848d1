package redact

import (
	"bytes"
	"net/netip"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// scrubber redacts lines, one after the other; it is one goroutine's own.
type scrubber struct {
	names *namer
	nets  *addresses
	addrs map[string]string
	hosts map[string]string
}

func (r *Redactor) scrubber() *scrubber {
	return &scrubber{names: newNamer(r.derive("words")), nets: r.nets, addrs: map[string]string{}, hosts: map[string]string{}}
}

// line appends what may be shown of a line.
//
// It goes through the line once. Where a token begins it is taken for the longest thing it can be - an address, a zone, a
// host name, a UUID - and else for words; between tokens everything is copied.
func (s *scrubber) line(dst, text []byte) []byte {
	text = blank(text)
	at := bytes.IndexByte(text, '@') >= 0
	names := serverNames(text)
	inPath := false // within /a/path or the path of a URL
	sawScheme := -1 // the end of a "://"
	var prev []byte // the part before, for what a number behind it is
	for i := 0; i < len(text); {
		c := text[i]
		begins := i == 0 || !isWord(text[i-1])
		switch {
		case c == '\\':
			n := escape(text[i:])
			dst = append(dst, text[i:i+n]...)
			i += n
			continue
		case c == ' ' || c == '\t' || c == '"' || c == '\'' || c == '<' || c == '>' || c == ',':
			inPath = false
		case c == '/' && (i == 0 || !isWord(text[i-1]) && text[i-1] != '.'):
			inPath = true
		case c == '/' && sawScheme >= 0 && !bytes.ContainsAny(text[sawScheme:i], " \t\"'"):
			inPath = true
		case c == ':' && bytes.HasPrefix(text[i:], []byte("://")):
			dst = append(dst, "://"...)
			i += 3
			sawScheme = i
			continue
		case c == '%' && inPath:
			if n := escapedRun(text[i:]); n > 0 {
				dst = s.escaped(dst, text[i:i+n])
				i += n
				continue
			}
			if len(text)-i >= 3 && isHexByte(text[i+1]) && isHexByte(text[i+2]) {
				dst = append(dst, text[i:i+3]...)
				i += 3
				continue
			}
		case c == '?' && i+1 < len(text):
			if n := query(text[i+1:], inPath); n > 0 {
				dst = s.query(append(dst, '?'), text[i+1:i+1+n])
				i += 1 + n
				continue
			}
		}
		if !isWord(c) && !(c == ':' && begins) {
			dst = append(dst, c)
			i++
			continue
		}
		if begins {
			if out, n := s.address(text, i); n > 0 {
				dst = append(dst, out...)
				i += n
				prev = nil
				continue
			}
			if c == ':' {
				dst = append(dst, c)
				i++
				continue
			}
			if n := uuid(text[i:]); n > 0 {
				dst = append(dst, s.names.disguiseHex(string(text[i:i+n]))...)
				i += n
				continue
			}
			if n := zone(text[i:]); n > 0 {
				dst = append(dst, text[i:i+n]...)
				i += n
				continue
			}
			if at {
				if n := mailbox(text[i:]); n > 0 {
					dst = s.mailbox(dst, text[i:i+n])
					i += n
					sawScheme = i + 1 // what follows the @ is a host, for certain
					continue
				}
			}
			if n := dotted(text[i:]); n > 0 {
				certain := names || sawScheme == i || i > 0 && text[i-1] == '@' && sawScheme >= 0 || announced(text[:i])
				if out, ok := s.host(text[i:i+n], certain); ok {
					dst = append(dst, out...)
					i += n
					prev = nil
					continue
				}
			}
		}
		n := run(text[i:])
		home := bytes.HasSuffix(text[:i], []byte("/home/")) || bytes.HasSuffix(text[:i], []byte("/Users/"))
		dst = s.parts(dst, text[i:i+n], inPath, home, sessionWord(prev) && i > 0 && (text[i-1] == ':' || text[i-1] == '='))
		prev = text[i : i+n]
		i += n
	}
	return dst
}

// parts redacts a run of letters, digits and underscores, part by part. id: ids stand here; force: a name stands here,
// whatever word it is.
func (s *scrubber) parts(dst, run []byte, inPath, force, id bool) []byte {
	several := bytes.IndexByte(run, '_') >= 0
	prev := []byte(nil)
	for len(run) > 0 {
		end := bytes.IndexByte(run, '_')
		if end < 0 {
			end = len(run)
		}
		part := run[:end]
		switch {
		case len(part) == 0:
		case force && len(part) > 2:
			dst = append(dst, s.names.disguise(string(part))...)
		default:
			dst = append(dst, s.names.part(part, allDigits(part) && (inPath || id || several && sessionWord(prev) || several && len(prev) > 2))...)
		}
		prev = part
		if end < len(run) {
			dst = append(dst, '_')
			end++
		}
		run = run[end:]
	}
	return dst
}

// sessionWord says whether ids follow a word.
func sessionWord(w []byte) bool {
	low := lower(w)
	return strings.Contains(low, "sess") || low == "sid" || strings.HasSuffix(low, "_id") && low != "run_id" || strings.Contains(low, "token") || strings.HasSuffix(low, "customer") || strings.HasSuffix(low, "user")
}

// address takes an address, a network, or a hardware address at text[i:].
func (s *scrubber) address(text []byte, i int) (string, int) {
	c := text[i]
	if !isHexByte(c) && c != ':' {
		return "", 0
	}
	n, colons, dots, dashes := 0, 0, 0, 0
	for i+n < len(text) && n < 60 {
		switch c := text[i+n]; {
		case c == ':':
			colons++
		case c == '.':
			dots++
		case c == '-':
			dashes++
		case !isHexByte(c):
			goto end
		}
		n++
	}
end:
	switch {
	case dots >= 3 && isDigit(c):
		return s.ipv4(text, i, '.')
	case dashes >= 3 && isDigit(c):
		return s.ipv4(text, i, '-')
	case colons >= 2:
		return s.colons(text, i, n)
	}
	return "", 0
}

func (s *scrubber) ipv4(text []byte, i int, sep byte) (string, int) {
	var ip [4]byte
	n := i
	for k := range 4 {
		start, v := n, 0
		for n < len(text) && isDigit(text[n]) && n-start < 3 {
			v = v*10 + int(text[n]-'0')
			n++
		}
		if n == start || v > 255 {
			return "", 0
		}
		ip[k] = byte(v)
		if k < 3 {
			if n == len(text) || text[n] != sep {
				return "", 0
			}
			n++
		}
	}
	if n < len(text) && (isWord(text[n]) || text[n] == sep && n+1 < len(text) && isDigit(text[n+1])) {
		return "", 0
	}
	// Chrome/120.0.0.0 is a version.
	if sep == '.' && i > 1 && text[i-1] == '/' && isLetter(text[i-2]) {
		return "", 0
	}
	addr := netip.AddrFrom4(ip)
	length := n - i
	if sep == '.' && n < len(text) && text[n] == '/' {
		if bits, k := number(text[n+1:]); k > 0 && bits <= 32 {
			return s.nets.network(netip.PrefixFrom(addr, bits)).String(), length + 1 + k
		}
	}
	out := s.nets.of(addr).String()
	if sep == '-' {
		out = strings.ReplaceAll(out, ".", "-")
	}
	return out, length
}

// colons takes what holds several colons: an IPv6 address or a hardware address, and no time of day.
func (s *scrubber) colons(text []byte, i, n int) (string, int) {
	b := text[i : i+n]
	if i+n < len(text) && isWord(text[i+n]) {
		return "", 0
	}
	b = bytes.TrimRight(b, ".-")
	for len(b) > 1 && b[len(b)-1] == ':' && !bytes.HasSuffix(b, []byte("::")) {
		b = b[:len(b)-1]
	}
	if isMAC(b) {
		return s.names.disguiseHex(string(b)), len(b)
	}
	addr, err := netip.ParseAddr(string(b))
	if err != nil || len(b) < 3 {
		return "", 0
	}
	if rest := text[i+len(b):]; len(rest) > 0 && rest[0] == '/' {
		if bits, k := number(rest[1:]); k > 0 && bits <= 128 {
			return s.nets.network(netip.PrefixFrom(addr, bits)).String(), len(b) + 1 + k
		}
	}
	return s.nets.of(addr).String(), len(b)
}

func isMAC(b []byte) bool {
	if len(b) < 17 || (len(b)+1)%3 != 0 {
		return false
	}
	for i, c := range b {
		if i%3 == 2 && c != ':' || i%3 != 2 && !isHexByte(c) {
			return false
		}
	}
	return true
}

// disguiseHex replaces hexadecimal digits and keeps what stands between them.
func (n *namer) disguiseHex(p string) string {
	low := strings.ToLower(p)
	out := []byte(low)
	for i, c := range out {
		if isHexByte(c) {
			out[i] = "0123456789abcdef"[n.random(low, 0, i)%16]
		} else {
			n.random(low, 0, i) // the stream is made where a block of it begins
		}
	}
	return string(out)
}

// uuid is the length of a UUID at the start of b.
func uuid(b []byte) int {
	if len(b) < 36 || len(b) > 36 && isWord(b[36]) {
		return 0
	}
	for i, c := range b[:36] {
		if dash := i == 8 || i == 13 || i == 18 || i == 23; dash != (c == '-') || !dash && !isHexByte(c) {
			return 0
		}
	}
	return 36
}

// zone is the length of a time zone's name: Asia/Kolkata, America/Argentina/Ushuaia.
func zone(b []byte) int {
	switch b[0] {
	case 'A', 'E', 'I', 'P':
	default:
		return 0
	}
	n := 0
	for n < len(b) && n < 40 && (isLetter(b[n]) || b[n] == '/' || b[n] == '_' || b[n] == '-' || b[n] == '+' || isDigit(b[n])) {
		n++
	}
	area, _, ok := bytes.Cut(b[:n], []byte("/"))
	if !ok || len(area) < 3 {
		return 0
	}
	switch string(area) {
	case "Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific", "Etc":
		if _, err := time.LoadLocation(string(b[:n])); err == nil {
			return n
		}
	}
	return 0
}

// mailbox is the length of what stands before the @ of a mail address.
func mailbox(b []byte) int {
	n := 0
	for n < len(b) && n < 64 && (isWord(b[n]) || b[n] == '.' || b[n] == '-' || b[n] == '+' || b[n] == '%') {
		n++
	}
	if n == 0 || n+1 >= len(b) || b[n] != '@' || dotted(b[n+1:]) == 0 {
		return 0
	}
	return n
}

// roles are mailboxes of nobody in particular.
var roles = map[string]bool{"root": true, "admin": true, "info": true, "noreply": true, "postmaster": true, "webmaster": true, "abuse": true, "support": true, "www": true, "git": true, "redis": true, "nginx": true}

func (s *scrubber) mailbox(dst, box []byte) []byte {
	if roles[lower(box)] {
		return append(dst, box...)
	}
	return s.eachPart(dst, box, func(dst, p []byte) []byte { return s.parts(dst, p, true, true, true) })
}

// eachPart calls f for the runs of words in b and copies what stands between.
func (s *scrubber) eachPart(dst, b []byte, f func(dst, part []byte) []byte) []byte {
	for i := 0; i < len(b); {
		if n := run(b[i:]); n > 0 {
			dst = f(dst, b[i:i+n])
			i += n
			continue
		}
		dst = append(dst, b[i])
		i++
	}
	return dst
}

// escape is the length of an escape sequence - \n, \x22, é, \", \b of an expression - or of a backslash that begins a
// name: \RedisException, DOMAIN\user.
func escape(b []byte) int {
	switch {
	case len(b) >= 6 && b[1] == 'u' && isHexByte(b[2]) && isHexByte(b[3]) && isHexByte(b[4]) && isHexByte(b[5]):
		return 6
	case len(b) >= 4 && b[1] == 'x' && isHexByte(b[2]) && isHexByte(b[3]):
		return 4
	case len(b) < 2 || b[1] >= utf8.RuneSelf:
		return 1
	case !isLetter(b[1]):
		return 2
	case bytes.IndexByte([]byte("nrtbfvBdDwWsSAzZ"), b[1]) < 0:
		return 1
	}
	n := 1
	for n < len(b) && isLetter(b[n]) {
		n++
	}
	if n > 3 && known(lower(b[1:n])) {
		return 1
	}
	return 2
}

// escapedRun is the length of letters beyond ASCII as a path writes them: %E8%8C%B6.
func escapedRun(b []byte) int {
	n := 0
	for n+2 < len(b) && b[n] == '%' && b[n+1] >= '8' && isHexByte(b[n+1]) && isHexByte(b[n+2]) {
		n += 3
	}
	return n
}

// escaped makes other letters of the same lengths.
func (s *scrubber) escaped(dst, b []byte) []byte {
	low := lower(b)
	for i := 0; i < len(b); i += 3 {
		r := s.names.random(low, 0, i/3)
		switch c := low[i+1]; {
		case c < 'c':
			dst = append(dst, '%', "89AB"[r%4], "0123456789ABCDEF"[r>>2%16])
		case c < 'e':
			dst = append(dst, '%', b[i+1], "456789ABCDEF"[r%12])
		case c == 'e':
			dst = append(dst, '%', b[i+1], "456789"[r%6])
		default:
			dst = append(dst, b[i:i+3]...)
		}
	}
	return dst
}

// query is the length of a query: behind the ? of a path, or where it has the form name=.
func query(b []byte, inPath bool) int {
	n := bytes.IndexAny(b, " \t\"'<>|\\")
	if n < 0 {
		n = len(b)
	}
	if inPath {
		return n
	}
	k := 0
	for k < n && (isWord(b[k]) || b[k] == '-' || b[k] == '.' || b[k] == '[' || b[k] == ']') {
		k++
	}
	if k == 0 || k >= n || b[k] != '=' {
		return 0
	}
	return n
}

// query keeps the names of parameters and blanks their values.
func (s *scrubber) query(dst, b []byte) []byte {
	for len(b) > 0 {
		end := bytes.IndexAny(b, "&;")
		if end < 0 {
			end = len(b)
		}
		name, value, ok := bytes.Cut(b[:end], []byte("="))
		switch {
		case ok:
			dst = s.eachPart(dst, name, func(dst, p []byte) []byte { return s.parts(dst, p, true, false, true) })
			dst = s.value(append(dst, '='), value)
		default:
			dst = s.value(dst, name)
		}
		if end < len(b) {
			dst = append(dst, b[end])
			end++
		}
		b = b[end:]
	}
	return dst
}

// value blanks what a visitor sent; a variable of a configuration stays.
func (s *scrubber) value(dst, b []byte) []byte {
	if len(b) == 0 || b[0] == '$' {
		return append(dst, b...)
	}
	return append(dst, "***"...)
}

func run(b []byte) int {
	n := 0
	for n < len(b) {
		if b[n] < utf8.RuneSelf {
			if !isWord(b[n]) {
				break
			}
			n++
			continue
		}
		r, size := utf8.DecodeRune(b[n:])
		if r != utf8.RuneError && !unicode.IsLetter(r) && !unicode.IsMark(r) {
			if n == 0 {
				return size // a sign by itself, which foreign hands on
			}
			break
		}
		n += size
	}
	return n
}

func number(b []byte) (v, n int) {
	for n < len(b) && n < 3 && isDigit(b[n]) {
		v = v*10 + int(b[n]-'0')
		n++
	}
	if n < len(b) && (isWord(b[n]) || b[n] == '.' && n+1 < len(b) && isDigit(b[n+1])) {
		return 0, 0
	}
	return v, n
}

func allDigits(b []byte) bool {
	for _, c := range b {
		if !isDigit(c) {
			return false
		}
	}
	return len(b) > 0
}

func isWord(c byte) bool { return isLetter(c) || isDigit(c) || c == '_' || c >= utf8.RuneSelf }

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

func isHexByte(c byte) bool { return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'f' }
