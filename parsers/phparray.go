package parsers

import (
	"bytes"
	"strconv"
	"strings"
)

// eachPHPSetting walks the arrays of a PHP configuration file ("return [...]", "$config = array(...)") and its define()
// calls, and gives every scalar with its keys. It tokenises and nothing else: a value that is an expression, like
// env('SESSION_DRIVER', 'redis'), is given as it is written.
func eachPHPSetting(text []byte, f func(path []string, name, value string, line int)) {
	p := phpReader{text: text, line: 1, f: f}
	for p.next() {
		p.token()
	}
}

const maxPHPDepth = 64 // Magento's deepest env.php has nine levels

type phpLevel struct {
	key   string // of the array in its parent
	index int    // of the next element without a key
	call  bool   // a function's parentheses, part of an expression
}

type phpReader struct {
	text []byte
	pos  int
	line int
	f    func([]string, string, string, int)

	kind byte   // of the token: 's'tring, 'w'ord, or its own character ('>' is =>)
	tok  string // strings without quotes
	raw  string

	stack   []phpLevel
	value   string // the expression so far
	isPlain bool   // value is one string or number
	at      int
	key     string
	hasKey  bool
	define  bool
}

// next reads one token, past blanks and comments.
func (p *phpReader) next() bool {
	for p.pos < len(p.text) {
		c := p.text[p.pos]
		rest := p.text[p.pos:]
		switch {
		case c == '\n':
			p.line++
			p.pos++
		case c == ' ' || c == '\t' || c == '\r':
			p.pos++
		case c == '#' || len(rest) > 1 && c == '/' && rest[1] == '/':
			for p.pos < len(p.text) && p.text[p.pos] != '\n' {
				p.pos++
			}
		case len(rest) > 1 && c == '/' && rest[1] == '*':
			end := bytes.Index(rest, []byte("*/"))
			if end < 0 {
				end = len(rest) - 2
			}
			p.line += bytes.Count(rest[:end], []byte("\n"))
			p.pos += end + 2
		default:
			return p.scan(c)
		}
	}
	return false
}

func (p *phpReader) scan(c byte) bool {
	start := p.pos
	switch {
	case c == '\'' || c == '"':
		var b strings.Builder
		for p.pos++; p.pos < len(p.text) && p.text[p.pos] != c; p.pos++ {
			if p.text[p.pos] == '\\' && p.pos+1 < len(p.text) && (p.text[p.pos+1] == c || p.text[p.pos+1] == '\\') {
				p.pos++
			}
			if p.text[p.pos] == '\n' {
				p.line++
			}
			b.WriteByte(p.text[p.pos])
		}
		p.pos = min(p.pos+1, len(p.text))
		p.kind, p.tok = 's', b.String()
	case c == '=' && p.pos+1 < len(p.text) && p.text[p.pos+1] == '>':
		p.pos += 2
		p.kind, p.tok = '>', "=>"
	case isPHPWord(c):
		for p.pos < len(p.text) && isPHPWord(p.text[p.pos]) {
			p.pos++
		}
		p.kind, p.tok = 'w', string(p.text[start:p.pos])
	default:
		p.pos++
		p.kind, p.tok = c, string(c)
	}
	p.raw = string(p.text[start:p.pos])
	return true
}

func isPHPWord(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c == '\\' || c == '$' || c == '.' || c == '-' || c >= 0x80
}

func (p *phpReader) token() {
	inCall := len(p.stack) > 0 && p.stack[len(p.stack)-1].call
	switch p.kind {
	case '(', '[':
		isArray := p.kind == '[' && (p.value == "" || p.value == "return" || strings.HasSuffix(p.value, "=")) ||
			p.kind == '(' && (p.value == "array" || strings.HasSuffix(p.value, "=array") || p.value == "returnarray")
		p.define = p.value == "define"
		if len(p.stack) >= maxPHPDepth {
			return
		}
		if isArray && !inCall {
			level := phpLevel{key: p.key}
			if !p.hasKey && len(p.stack) > 0 {
				top := &p.stack[len(p.stack)-1]
				level.key = strconv.Itoa(top.index)
				top.index++
			}
			p.stack = append(p.stack, level)
			p.clear()
			return
		}
		p.stack = append(p.stack, phpLevel{call: true})
		if !p.define {
			p.add(p.raw, false)
		} else {
			p.clear()
		}
	case ')', ']':
		if len(p.stack) == 0 {
			p.clear()
			return
		}
		if inCall {
			if p.define {
				p.element(nil)
				p.define = false
			} else {
				p.add(p.raw, false)
			}
			p.stack = p.stack[:len(p.stack)-1]
			return
		}
		p.finish()
		p.stack = p.stack[:len(p.stack)-1]
		p.clear()
	case ',':
		switch {
		case inCall && p.define && !p.hasKey:
			p.key, p.hasKey, p.value = p.value, true, ""
		case inCall:
			p.add(", ", false)
		default:
			p.finish()
		}
	case ';':
		p.clear()
		p.stack = p.stack[:0]
	case '>':
		if !inCall {
			p.key, p.hasKey, p.value = p.value, true, ""
		}
	case 's':
		if inCall && !p.define {
			p.add(p.raw, false)
			return
		}
		p.add(p.tok, true)
	default:
		p.add(p.raw, p.kind == 'w')
	}
}

func (p *phpReader) add(s string, plain bool) {
	if p.value == "" {
		p.at, p.isPlain = p.line, plain
	}
	if len(p.value)+len(s) <= 500 { // an expression longer than that is code, not a setting
		p.value += s
	}
}

// finish ends an element of an array.
func (p *phpReader) finish() {
	if len(p.stack) == 0 || p.value == "" && !p.hasKey {
		p.clear()
		return
	}
	var path []string
	for _, level := range p.stack[1:] {
		if !level.call {
			path = append(path, level.key)
		}
	}
	top := &p.stack[len(p.stack)-1]
	if !p.hasKey {
		p.key = strconv.Itoa(top.index)
		top.index++
	}
	p.element(path)
}

func (p *phpReader) element(path []string) {
	if p.key != "" && len(p.key) < 200 {
		line := p.at
		if p.value == "" {
			line = p.line
		}
		p.f(path, p.key, p.value, line)
	}
	p.clear()
}

func (p *phpReader) clear() { p.value, p.key, p.hasKey = "", "", false }

// parsePHPSettings is the Parse of the formats that are PHP arrays.
func parsePHPSettings(system string) func(*Source, func(Record)) error {
	return func(src *Source, emit func(Record)) error {
		text, err := readConfig(src)
		if err != nil {
			return err
		}
		emitConfig(src, system, text, emit)
		body := text
		if before, code, ok := bytes.Cut(text, []byte("<?php")); ok {
			body = append(bytes.Repeat([]byte("\n"), bytes.Count(before, []byte("\n"))), code...)
		}
		x, found := indexLines(text), 0
		eachPHPSetting(body, func(path []string, name, value string, line int) {
			if isSecretName(name) && value != "" && !strings.HasPrefix(value, "env(") {
				value = "***"
			}
			line = min(max(line, 1), max(src.Read, 1))
			found++
			emit(Record{At: Pos{src.Name, line}, Raw: x.line(line), Fact: &Setting{System: system, Path: path, Name: name, Args: []string{blankURLSecret(value)}}})
		})
		if found == 0 && len(text) > 0 {
			src.Skip(1, x.line(1), "no setting found in this PHP file")
		}
		return nil
	}
}
