package parsers

import (
	"bytes"
	"fmt"
	"io"
	"strings"
)

// readConfig takes a configuration file whole, so that a fix can be cut against its bytes, and counts its lines into
// src.Read. What lies beyond MaxConfig is told to Skip and left.
func readConfig(src *Source) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(src.R, MaxConfig+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", src.Name, err)
	}
	if isUTF16(text) {
		text, _ = io.ReadAll(io.LimitReader(newUTF16Reader(bytes.NewReader(text)), MaxConfig+1))
	}
	cut := len(text) > MaxConfig
	if cut {
		text = text[:MaxConfig]
	}
	src.Read = bytes.Count(text, []byte("\n"))
	if len(text) > 0 && text[len(text)-1] != '\n' {
		src.Read++
	}
	if cut {
		src.Skip(src.Read, nil, fmt.Sprintf("longer than %d bytes, the rest is not read", MaxConfig))
	}
	return text, nil
}

// emitConfig gives the text of a configuration file, ahead of its settings.
func emitConfig(src *Source, system string, text []byte, emit func(Record)) {
	if len(text) == 0 {
		return
	}
	line, _, _ := bytes.Cut(text, []byte("\n"))
	emit(Record{At: Pos{File: src.Name, Line: 1}, Raw: line, Fact: &ConfigText{System: system, Text: text, Size: len(text)}})
}

// eachTextLine calls f for every line of text, blank ones too, without its newline, carriage return or byte order mark.
func eachTextLine(src *Source, text []byte, f func(line string, at Pos)) {
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	at := Pos{File: src.Name}
	for len(text) > 0 {
		line, rest, _ := bytes.Cut(text, []byte("\n"))
		text = rest
		at.Line++
		f(strings.TrimRight(string(line), "\r"), at)
	}
}

// isSecretName says whether a setting of that name holds a secret: a password, a token, a key of cryptography.
func isSecretName(name string) bool {
	n := strings.ToLower(name)
	for _, part := range []string{"password", "passwd", "secret", "token", "auth_pass", "requirepass", "masterauth", "api_key", "apikey", "app_key", "private_key", "access_key", "credential"} {
		if strings.Contains(n, part) {
			return true
		}
	}
	return strings.HasSuffix(n, "_pass") || strings.HasSuffix(n, "_pwd") || n == "pass" || n == "pwd" || n == "auth" || n == "crypt" || n == "key"
}

// maxValue bounds a value that is searched for secrets; the longest settings seen, Content-Security-Policy, have 2 kB.
const maxValue = 4096

// blankURLSecret blanks the password in "redis://user:secret@host" and "tcp://host:6379?auth=secret".
func blankURLSecret(value string) string {
	value = clip(value, maxValue)
	for _, mark := range []string{"auth=", "auth[]=", "auth[pass]=", "password=", "auth%5B%5D="} {
		for from := 0; ; {
			i := strings.Index(value[from:], mark)
			if i < 0 {
				break
			}
			i += from + len(mark)
			end := strings.IndexAny(value[i:], "&\"', \t|;")
			if end < 0 {
				end = len(value) - i
			}
			value = value[:i] + "***" + value[i+end:]
			from = i + 3
		}
	}
	if i := strings.Index(value, "://"); i >= 0 {
		rest := value[i+3:]
		if end := strings.IndexAny(rest, "/?# \"'"); end >= 0 {
			rest = rest[:end]
		}
		if at := strings.LastIndexByte(rest, '@'); at >= 0 {
			if colon := strings.IndexByte(rest[:at], ':'); colon >= 0 {
				value = value[:i+3] + rest[:colon+1] + "***" + rest[at:] + value[i+3+len(rest):]
			}
		}
	}
	return value
}

// unlisted takes the marks of Markdown off a setting pasted as a list item: "- `max_connections = 100`".
func unlisted(line string) string {
	s := strings.TrimSpace(line)
	if rest, ok := strings.CutPrefix(s, "- "); ok {
		s = rest
	} else if rest, ok := strings.CutPrefix(s, "* "); ok {
		s = rest
	}
	s = strings.TrimSpace(s)
	if len(s) > 1 && s[0] == '`' {
		s = strings.Trim(s, "`")
	}
	return s
}
