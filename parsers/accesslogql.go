package parsers

import (
	"bytes"
	"cmp"
	"slices"
	"strings"
)

// LinePattern is the format of an access log as a pattern of LogQL: literals with <names> between them. A store that has
// the lines can count them by it, without sending one.
type LinePattern struct {
	Pattern string
	pieces  []patternPiece
}

// The names that a LinePattern gives to what a line holds; a name that no label of a stream has.
const (
	LabelClient    = "c_client"
	LabelForwarded = "c_forwarded"
	LabelRequest   = "c_request" // the request line, or its target alone
	LabelStatus    = "c_status"
	LabelReferer   = "c_referer"
	LabelAgent     = "c_agent"
)

type patternPiece struct {
	name string // "" = a literal
	text string
}

// AccessPattern writes down the format that the lines of a head are read by, when a pattern can express it and reads of
// each line the same client, request, status, referer and agent as the parser does. What differs on a single line is not
// counted by pattern: false.
func AccessPattern(src *Source) (LinePattern, bool) {
	var candidates []LinePattern
	if src.Hints != nil {
		for _, f := range src.Hints.LogFormats {
			if t, err := compileText(f); err == nil && f.Escape != "none" {
				if p, ok := t.pattern(); ok {
					candidates = append(candidates, p)
				}
			}
		}
	}
	for _, p := range []string{
		`<c_client> <_> [<_>] "<c_request>" <c_status> <_> "<c_referer>" "<c_agent>"`,
		`<c_client> <_> [<_>] "<c_request>" <c_status> <_>`,
	} {
		candidates = append(candidates, parsePattern(p))
	}
	head := src.Head
	if i := bytes.LastIndexByte(head, '\n'); i >= 0 {
		head = head[:i+1] // whole lines
	}
	lines := NewHead("", head).Lines(4 * accessSample)
	r := newAccessReader(src)
	for _, p := range candidates {
		same := 0
		if !slices.ContainsFunc(lines, func(line []byte) bool {
			if _, why := r.readBare(line, false); why != "" {
				return false // damaged: neither counts it as anything
			}
			same++
			return !p.reads(line, &r.line.Access)
		}) && same*10 >= len(lines)*9 && same > 0 {
			return p, true
		}
	}
	return LinePattern{}, false
}

// reads says whether the pattern finds in a line what the parser found.
func (p LinePattern) reads(line []byte, a *Access) bool {
	found := p.Match(line)
	target := func(request string) string {
		if first, rest, ok := strings.Cut(request, " "); ok && !strings.HasPrefix(first, "/") {
			request, _, _ = strings.Cut(rest, " ")
		}
		return request
	}
	return Unquoted(found[LabelClient]) == string(a.Client) && found[LabelStatus] == statusText(a.Status) &&
		target(found[LabelRequest]) == string(a.Path) && Unquoted(found[LabelReferer]) == string(a.Referer) &&
		Unquoted(found[LabelAgent]) == string(a.Agent) && Unquoted(found[LabelForwarded]) == string(a.ForwardedFor) && p.Has(LabelAgent) == a.AgentLogged
}

func statusText(n int) string {
	return string([]byte{byte('0' + n/100%10), byte('0' + n/10%10), byte('0' + n%10)})
}

// Unquoted is a logged value, "" for "-".
func Unquoted(s string) string {
	if s == "-" {
		return ""
	}
	return s
}

// Has says whether the pattern gives a name to something.
func (p LinePattern) Has(name string) bool {
	return slices.ContainsFunc(p.pieces, func(x patternPiece) bool { return x.name == name })
}

// Match takes a line apart as LogQL's pattern stage does: each name takes all up to the literal behind it, and a line that
// lacks a literal ends with the name before.
func (p LinePattern) Match(line []byte) map[string]string {
	found := map[string]string{}
	pieces := p.pieces
	if len(pieces) > 0 && pieces[0].name == "" {
		rest, ok := bytes.CutPrefix(line, []byte(pieces[0].text))
		if !ok {
			return found
		}
		line, pieces = rest, pieces[1:]
	}
	for i := 0; i < len(pieces); i += 2 {
		end := -1
		if i+1 < len(pieces) {
			end = bytes.Index(line, []byte(pieces[i+1].text))
		}
		value := line
		if end >= 0 {
			value, line = line[:end], line[end+len(pieces[i+1].text):]
		}
		if pieces[i].name != "_" {
			found[pieces[i].name] = string(value)
		}
		if end < 0 {
			break
		}
	}
	return found
}

// pattern writes a log_format as a pattern. Two variables without a literal between cannot be told apart by one.
func (t *textFormat) pattern() (LinePattern, bool) {
	var p LinePattern
	literal := func(b []byte) bool {
		if len(b) > 0 {
			p.pieces = append(p.pieces, patternPiece{text: string(b)})
		}
		return !bytes.ContainsAny(b, "<>\n")
	}
	ok := literal(t.first)
	for i, f := range t.fields {
		name := map[accessVar]string{varClient: LabelClient, varForwarded: LabelForwarded, varRequest: LabelRequest, varRequestURI: LabelRequest,
			varStatus: LabelStatus, varReferer: LabelReferer, varAgent: LabelAgent}[f.v]
		p.pieces = append(p.pieces, patternPiece{name: cmp.Or(name, "_")})
		if ok = literal(f.end) && ok && (len(f.end) > 0 || i == len(t.fields)-1); !ok {
			return p, false
		}
	}
	for _, x := range p.pieces {
		if x.name != "" {
			p.Pattern += "<" + x.name + ">"
		}
		p.Pattern += x.text
	}
	return p, p.Has(LabelClient) && p.Has(LabelRequest) && p.Has(LabelStatus)
}

// parsePattern reads a pattern of ours.
func parsePattern(text string) LinePattern {
	p := LinePattern{Pattern: text}
	for text != "" {
		if rest, ok := strings.CutPrefix(text, "<"); ok {
			name, after, _ := strings.Cut(rest, ">")
			p.pieces = append(p.pieces, patternPiece{name: name})
			text = after
			continue
		}
		i := strings.IndexByte(text+"<", '<')
		p.pieces = append(p.pieces, patternPiece{text: text[:i]})
		text = text[i:]
	}
	return p
}
