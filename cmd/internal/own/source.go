package own

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
)

// source is a file of rules, to say where in it something is wrong.
type source struct {
	name, text string
	tree       *ast.File
}

// at is an error at a node of the file.
func (s *source) at(path, message string) error {
	line, column := s.place(path)
	return s.caret(line, column, message)
}

// place is where a node begins; 1, 1 when there is none.
func (s *source) place(path string) (line, column int) {
	p, err := yaml.PathString(path)
	if err != nil {
		return 1, 1
	}
	n, err := p.FilterFile(s.tree)
	if err != nil || n == nil {
		return 1, 1
	}
	if m, ok := n.(*ast.MappingNode); ok && len(m.Values) > 0 {
		n = m.Values[0].Key // its own token is the first colon
	} else if v, ok := n.(*ast.MappingValueNode); ok {
		n = v.Key
	}
	if t := n.GetToken(); t != nil && t.Position != nil {
		return t.Position.Line, t.Position.Column
	}
	return 1, 1
}

// placed is an error at a character of an expression.
type placed struct {
	offset  int // in runes
	message string
}

func (p placed) Error() string { return p.message }

// inText is an error in a part of a node's text, which begins there at a byte offset. The file is searched for the line
// of the text that is wrong, since YAML may indent and quote it; where it is escaped or folded, the node's place must do.
func (s *source) inText(path, whole string, begins int, part string, err error) error {
	p, ok := err.(placed)
	line, column := s.place(path)
	if !ok {
		return s.caret(line, column, err.Error())
	}
	upTo := begins
	for i := range part {
		if p.offset == 0 {
			break
		}
		p.offset--
		_, w := utf8.DecodeRuneInString(part[i:])
		upTo = begins + i + w
	}
	row := strings.Count(whole[:upTo], "\n")
	start := strings.LastIndexByte(whole[:upTo], '\n') + 1
	text, lines := strings.Split(whole, "\n")[:row+1], strings.Split(s.text, "\n")
	for i := max(line-1, 0); i+row < len(lines); i++ {
		if at := standsIn(lines[i:], text); at >= 0 {
			return s.caret(i+row+1, utf8.RuneCountInString(lines[i+row][:at])+utf8.RuneCountInString(whole[start:upTo])+1, p.message)
		}
	}
	return s.caret(line, column, p.message)
}

// standsIn is where in its line the last line of text stands, when each stands in its own line; -1 when not.
func standsIn(lines, text []string) (at int) {
	for k, l := range text {
		if at = strings.Index(lines[k], strings.TrimRight(l, " ")); at < 0 {
			return -1
		}
	}
	return at
}

// maxQuoted bounds a quoted line, on either side of the caret.
const maxQuoted = 60

// caret says what is wrong, and under the line where.
func (s *source) caret(line, column int, message string) error {
	lines := strings.Split(s.text, "\n")
	head := fmt.Sprintf("%s:%d:%d: %s", s.name, line, column, strings.TrimSpace(message))
	if line < 1 || line > len(lines) || column < 1 {
		return fmt.Errorf("%s", head)
	}
	text := []rune(strings.ReplaceAll(strings.TrimRight(lines[line-1], "\r"), "\t", " "))
	column = min(column, len(text)+1)
	from, to := 0, len(text)
	if column > maxQuoted {
		from = column - maxQuoted
	}
	to = min(to, column+maxQuoted)
	gutter := fmt.Sprintf("%5d | ", line)
	return fmt.Errorf("%s\n%s%s\n%s| %s^", head, gutter, string(text[from:to]), strings.Repeat(" ", len(gutter)-2), strings.Repeat(" ", column-1-from))
}
