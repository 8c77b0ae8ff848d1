package parsers

import (
	"bytes"
	"fmt"
	"strings"
)

// textFormat is a compiled log_format of nginx whose lines are plain text: literals with a value between each two.
type textFormat struct {
	escape string
	quotes int // quotes that the format itself writes, for escape=none
	first  []byte
	fields []formatField
}

type formatField struct {
	v    accessVar
	list bool   // the value may be a list with spaces in it
	end  []byte // the literal after it; empty for a last field
}

// maxFormatFields bounds a hostile log_format; the longest seen in the wild has 60 variables.
const maxFormatFields = 200

// compileText takes a log_format apart.
func compileText(f LogFormat) (*textFormat, error) {
	t := &textFormat{escape: f.Escape, quotes: strings.Count(f.Format, `"`)}
	var lit []byte
	var names []string // variables that stand together without a literal between
	flush := func() error {
		if len(names) == 0 {
			t.first = lit
		} else {
			v, list := joinedVar(names)
			t.fields = append(t.fields, formatField{v: v, list: list, end: lit})
		}
		if len(t.fields) > maxFormatFields {
			return fmt.Errorf("log_format %q: more than %d variables", f.Name, maxFormatFields)
		}
		lit, names = nil, nil
		return nil
	}
	known := false
	for rest := f.Format; ; {
		i := strings.IndexByte(rest, '$')
		if i < 0 {
			lit = append(lit, rest...)
			break
		}
		lit = append(lit, rest[:i]...)
		name, after, ok := variable(rest[i:])
		if !ok {
			lit = append(lit, '$')
			rest = rest[i+1:]
			continue
		}
		if len(lit) > 0 || len(names) == 0 {
			if err := flush(); err != nil {
				return nil, err
			}
		}
		names = append(names, name)
		known = known || nginxVar(name) != varIgnore
		rest = after
	}
	if err := flush(); err != nil {
		return nil, err
	}
	if !known {
		return nil, fmt.Errorf("log_format %q: no variable of a request in %q", f.Name, f.Format)
	}
	return t, nil
}

// variable reads $name or ${name} from the start of s.
func variable(s string) (name, rest string, ok bool) {
	s = s[1:]
	if strings.HasPrefix(s, "{") {
		name, rest, ok = strings.Cut(s[1:], "}")
		return name, rest, ok && name != ""
	}
	n := 0
	for n < len(s) && (isDigit(s[n]) || s[n] == '_' || s[n]|0x20 >= 'a' && s[n]|0x20 <= 'z') {
		n++
	}
	return s[:n], s[n:], n > 0
}

// joinedVar gives variables without a literal between them one meaning, where there is one.
func joinedVar(names []string) (v accessVar, list bool) {
	switch joined := strings.Join(names, " "); joined {
	case "uri is_args args", "document_uri is_args args", "uri is_args query_string", "document_uri is_args query_string":
		return varRequestURI, false
	case "host request_uri", "http_host request_uri", "server_name request_uri", "host uri", "http_host uri", "host uri is_args args":
		return varHostURI, false
	}
	if len(names) > 1 {
		return varIgnore, true
	}
	name := names[0]
	return nginxVar(name), strings.HasPrefix(name, "upstream_") || strings.HasPrefix(name, "http_") ||
		name == "proxy_add_x_forwarded_for" || strings.HasPrefix(name, "sent_http_")
}

// match reads a line by the format.
func (t *textFormat) match(l *accessLine, line []byte) string {
	line = bytes.TrimRight(line, " \t")
	if t.escape == "none" && t.quotes > 0 && bytes.Count(line, []byte(`"`)) != t.quotes {
		return "a bare quote inside a value (escape=none): the line can be read in more than one way"
	}
	if !bytes.HasPrefix(line, t.first) {
		return "the line does not begin as its log_format says"
	}
	rest := line[len(t.first):]
	for i, f := range t.fields {
		var val []byte
		if i == len(t.fields)-1 {
			end := bytes.TrimRight(f.end, " \t")
			if !bytes.HasSuffix(rest, end) {
				return "the line does not end as its log_format says"
			}
			val, rest = rest[:len(rest)-len(end)], nil
			if len(end) == 0 && f.v == varIgnore && !f.list && bytes.IndexByte(val, ' ') >= 0 {
				return "more fields than its log_format has"
			}
		} else {
			n := t.valueEnd(f, rest)
			if n < 0 {
				return fmt.Sprintf("no %q after field %d of its log_format", f.end, i+1)
			}
			val, rest = rest[:n], rest[n+len(f.end):]
		}
		if n := bytes.IndexByte(val, '"'); n >= 0 && (t.escape != "json" || quoteEnd(val) >= 0) {
			return "a bare quote inside a value"
		}
		if f.v == varClient && !isClient(val) {
			return "no address where its log_format has the client's"
		}
		if len(f.end) > 0 && f.end[0] == ' ' && !f.spaced(val) && hasStraySpace(val) {
			return fmt.Sprintf("a space in field %d of its log_format", i+1)
		}
		if t.escape == "json" && bytes.IndexByte(val, '\\') >= 0 {
			val = l.unescapeJSON(val)
		}
		if why := l.set(f.v, val); why != "" {
			return why
		}
	}
	return ""
}

// spaced says that a value may hold spaces even where a space ends it: user names are the client's to choose, and the
// rest are never written without quotes by anyone who wants to read them again.
func (f formatField) spaced(val []byte) bool {
	switch f.v {
	case varForwarded: // the client's to write: 203.0.113.9' or '1'='1
		return scopeOf(firstWord(val)) != notAddr
	case varUser, varTimeCLF, varRequest, varAgent, varReferer:
		return true
	}
	return false
}

// hasStraySpace finds a space that does not stand in a list as nginx writes it: "a, b" or "a : b".
func hasStraySpace(b []byte) bool {
	_, rest := listWord(b)
	return len(rest) > 0
}

// valueEnd finds where a value ends and the literal after it begins.
func (t *textFormat) valueEnd(f formatField, b []byte) int {
	if f.end[0] == '"' {
		n := bytes.IndexByte(b, '"')
		if t.escape == "json" {
			n = quoteEnd(b)
		}
		if n < 0 || !bytes.HasPrefix(b[n:], f.end) {
			return -1
		}
		return n
	}
	from := 0
	switch {
	case f.v == varTimeCLF: // it has a space before its zone
		from = clfLen
	case f.v == varRequest && f.end[0] == ' ':
		from = bytes.Index(b, []byte(" HTTP/")) + 1
	}
	if from > len(b) {
		return -1
	}
	for {
		n := bytes.Index(b[from:], f.end)
		if n < 0 {
			return -1
		}
		n += from
		switch {
		case !f.list || f.end[0] != ' ':
			return n
		case n > 0 && b[n-1] == ',':
			from = n + 1
		case bytes.HasPrefix(b[n:], []byte(" : ")):
			from = n + 3
		default:
			return n
		}
	}
}

// nginxVar is the meaning of an nginx variable.
func nginxVar(name string) accessVar {
	switch name {
	case "time_local":
		return varTimeCLF
	case "time_iso8601":
		return varTimeISO
	case "msec":
		return varTimeEpoch
	case "remote_addr":
		return varClient
	case "realip_remote_addr":
		return varPeer
	case "http_x_forwarded_for", "proxy_add_x_forwarded_for":
		return varForwarded
	case "http_x_real_ip", "http_cf_connecting_ip", "http_true_client_ip", "http_x_client_ip", "http_client_ip", "http_fastly_client_ip", "proxy_protocol_addr":
		return varRealIP
	case "remote_user":
		return varUser
	case "request":
		return varRequest
	case "request_method":
		return varMethod
	case "request_uri":
		return varRequestURI
	case "uri", "document_uri":
		return varURI
	case "args", "query_string":
		return varArgs
	case "server_protocol":
		return varProtocol
	case "status":
		return varStatus
	case "body_bytes_sent":
		return varBytes
	case "bytes_sent":
		return varBytesWeak
	case "http_referer":
		return varReferer
	case "http_user_agent":
		return varAgent
	case "host", "http_host", "server_name":
		return varHost
	case "http_cookie":
		return varCookie
	case "sent_http_set_cookie", "upstream_http_set_cookie":
		return varSetCookie
	case "request_time":
		return varSeconds
	case "upstream_response_time":
		return varUpSeconds
	case "upstream_status":
		return varUpstreamCode
	case "upstream_addr":
		return varUpstreamAddr
	case "upstream_cache_status":
		return varCache
	}
	if strings.HasPrefix(name, "cookie_") {
		return varCookie
	}
	// a map's own variable: $real_client_ip, $client_addr
	for _, end := range []string{"client_ip", "real_ip", "client_addr", "real_addr", "clientip", "realip", "user_ip", "visitor_ip", "remote_ip"} {
		if strings.HasSuffix(name, end) {
			return varRealIP
		}
	}
	return varIgnore
}
