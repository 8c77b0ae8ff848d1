package parsers

import (
	"regexp"
	"strings"
)

// KeyPrefix is what a key shares with its siblings: its name up to and including the last separator before the part that
// changes. A changing part in the middle becomes *.
//
//	wc_session_8a9b2c3d4e5f6a7b8c9d0e1f2a3b4c5d   wc_session_
//	PHPREDIS_SESSION:abc                          PHPREDIS_SESSION:
//	cache:wp:options:29c19a69                     cache:wp:options:
//	user:1234:sessions                            user:*:sessions
//	queue                                         queue
//
// A part changes when it looks made by a machine: a number, a UUID, 8 or more hexadecimal digits, 12 or more letters mixed
// with digits, 20 or more characters without a break; also whatever follows a word for session. Where no part does, the last
// one after a colon is taken for it, since that is what colons are for; a name without a colon stands for itself. The answer
// depends on the name alone.
func KeyPrefix(name string) string {
	if len(name) > maxKeyName {
		name = name[:maxKeyName]
	}
	if strings.Count(name, "-") >= 4 { // without them it has no UUID, and the expression costs more than all the rest
		name = uuidRE.ReplaceAllStringFunc(name, func(id string) string { return strings.ReplaceAll(id, "-", "0") })
	}
	var b strings.Builder
	changing, static, colon := 0, "", strings.LastIndexByte(name, ':')
	last := 0 // where the text behind the last changing part begins, in b
	for rest := name; rest != ""; {
		i := strings.IndexAny(rest, keySeparators)
		part := rest
		if i >= 0 {
			part = rest[:i]
		}
		switch {
		case isChanging(part) || afterSession(static, part, rest):
			if afterSession(static, part, rest) {
				part, i = rest, -1
			}
			changing++
			// "12.34.56" and "ab12cd34-ef56ab78" are one changing part.
			if text := b.String(); strings.HasSuffix(strings.TrimRight(text, keySeparators), "*") && !strings.HasSuffix(text, ":") {
				b.Reset()
				b.WriteString(strings.TrimRight(text, keySeparators))
			} else {
				b.WriteByte('*')
			}
			last = b.Len()
		default:
			b.WriteString(part)
		}
		if part != "" {
			static = part
		}
		if i < 0 {
			break
		}
		b.WriteByte(rest[i])
		rest = rest[i+1:]
	}
	text := b.String()
	switch {
	case changing == 0 && colon >= 0:
		return name[:colon+1]
	case changing == 0:
		return name
	case strings.Trim(text[last:], keySeparators) == "": // nothing behind the changing part
		return text[:last-1]
	}
	return text
}

const (
	keySeparators = ":_-./|{}@#"
	maxKeyName    = 200 // names are kept this far; session stores make 40 to 80
)

var uuidRE = regexp.MustCompile(`[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}`)

// isChanging says whether a part of a name looks made by a machine.
func isChanging(part string) bool {
	digits, letters, hex := 0, 0, 0
	for i := range len(part) {
		c := part[i]
		switch {
		case isDigit(c):
			digits++
			hex++
		case isHex(c):
			hex++
			letters++
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z':
			letters++
		}
	}
	switch n := len(part); {
	case n == 0:
		return false
	case digits == n:
		return true
	case hex == n && n >= 8 && digits > 0, hex == n && n >= 16:
		return true
	case n >= 12 && digits > 1 && letters > 0:
		return true
	}
	return len(part) >= 20
}

// afterSession says whether rest is a session's id: the word before it means session and no structure follows.
func afterSession(word, part, rest string) bool {
	switch strings.ToLower(word) {
	case "sess", "session", "sessions", "sid", "phpsessid":
	default:
		return false
	}
	return part != "" && !strings.Contains(rest, ":") && (len(rest) >= 16 || strings.ContainsAny(rest, "0123456789"))
}
