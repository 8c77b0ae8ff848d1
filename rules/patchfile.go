package rules

import (
	"bytes"
	"fmt"
	"path"
	"strconv"
	"strings"
)

// FilePatch is one file's part of a unified diff, as git, diff -u and culprit write them.
type FilePatch struct {
	File  string // without its a/ or b/
	hunks []hunk
}

type hunk struct {
	first int // of the old file, from 1; 0 = before its first line
	lines []hunkLine
	at    int // line of the patch, for errors
}

type hunkLine struct {
	op   byte
	text string // without newline; a \r stays
	open bool   // "\ No newline at end of file" follows
}

// maxPatch bounds somebody's patch: a change of configuration is a page or two.
const maxPatch = 1 << 20

// ParsePatch reads a unified diff. A name that leaves the input (absolute, with "..") is refused.
func ParsePatch(text []byte) ([]FilePatch, error) {
	if len(text) > maxPatch {
		return nil, fmt.Errorf("a patch of %d bytes: more than %d is no change of a configuration", len(text), maxPatch)
	}
	var out []FilePatch
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	for i := 0; i < len(lines); i++ {
		switch {
		case strings.HasPrefix(lines[i], "--- ") && i+1 < len(lines) && strings.HasPrefix(lines[i+1], "+++ "):
			name, err := patchedName(lines[i][4:], lines[i+1][4:])
			if err != nil {
				return nil, fmt.Errorf("line %d: %w", i+1, err)
			}
			out = append(out, FilePatch{File: name})
			i++
		case strings.HasPrefix(lines[i], "@@ "):
			if len(out) == 0 {
				return nil, fmt.Errorf("line %d: a hunk without a file (--- and +++) above it", i+1)
			}
			h, next, err := readHunk(lines, i)
			if err != nil {
				return nil, err
			}
			f := &out[len(out)-1]
			f.hunks = append(f.hunks, h)
			i = next - 1
		}
	}
	for _, f := range out {
		if len(f.hunks) == 0 {
			return nil, fmt.Errorf("%s: no hunk (@@) in the patch", f.File)
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("no unified diff: it has no --- and +++ lines")
	}
	return out, nil
}

func patchedName(old, new string) (string, error) {
	clean := func(s string) string {
		s, _, _ = strings.Cut(s, "\t")
		return strings.TrimSpace(strings.TrimSuffix(s, "\r"))
	}
	name := clean(new)
	if name == "/dev/null" {
		return "", fmt.Errorf("the patch removes %s: only changes are replayed", clean(old))
	}
	if rest, ok := strings.CutPrefix(name, "b/"); ok {
		name = rest
	}
	if name == "" || strings.HasPrefix(name, "/") || path.Clean(name) != name || name == ".." || strings.HasPrefix(name, "../") {
		return "", fmt.Errorf("the patch names %q, which does not lie inside the input", name)
	}
	return name, nil
}

// readHunk reads "@@ -3,4 +3,5 @@" and its lines; next is the line behind it.
func readHunk(lines []string, at int) (h hunk, next int, err error) {
	var olds, news int
	bad := fmt.Errorf("line %d: %q is no hunk header", at+1, lines[at])
	f := strings.Fields(lines[at])
	if len(f) < 3 || f[1][0] != '-' || f[2][0] != '+' {
		return h, 0, bad
	}
	span := func(s string) (first, n int, ok bool) {
		a, b, more := strings.Cut(s, ",")
		first, err1 := strconv.Atoi(a)
		n = 1
		var err2 error
		if more {
			n, err2 = strconv.Atoi(b)
		}
		return first, n, err1 == nil && err2 == nil && first >= 0 && n >= 0
	}
	var ok1, ok2 bool
	h.first, olds, ok1 = span(f[1][1:])
	_, news, ok2 = span(f[2][1:])
	if !ok1 || !ok2 {
		return h, 0, bad
	}
	h.at = at + 1
	i := at + 1
	for ; i < len(lines) && (olds > 0 || news > 0 || strings.HasPrefix(lines[i], `\`)); i++ {
		l := lines[i]
		if l == "" {
			l = " " // editors strip the blank of an empty context line
		}
		switch l[0] {
		case ' ':
			olds, news = olds-1, news-1
		case '-':
			olds--
		case '+':
			news--
		case '\\':
			if n := len(h.lines); n > 0 {
				h.lines[n-1].open = true
			}
			continue
		default:
			return h, 0, fmt.Errorf("line %d: %q in a hunk", i+1, l)
		}
		h.lines = append(h.lines, hunkLine{op: l[0], text: l[1:]})
	}
	if olds != 0 || news != 0 {
		return h, 0, fmt.Errorf("line %d: the hunk ends before its lines do", i)
	}
	return h, i, nil
}

// Apply makes the change. A hunk may have moved, as patch(1) allows, but every line of it must be there.
func (p FilePatch) Apply(text []byte) ([]byte, error) {
	var lines []string
	open := len(text) > 0 && !bytes.HasSuffix(text, []byte("\n"))
	if len(text) > 0 {
		lines = strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	}
	var out []string
	pos := 0 // lines copied so far
	for _, h := range p.hunks {
		var old, new []string
		for _, l := range h.lines {
			if l.op != '+' {
				old = append(old, l.text)
			}
			if l.op != '-' {
				new = append(new, l.text)
			}
		}
		want := max(h.first-1, 0)
		if len(old) == 0 {
			want = h.first // behind that line
		}
		at := findLines(lines, old, pos, want)
		if at < 0 {
			return nil, fmt.Errorf("%s: the hunk of line %d of the patch does not fit: %q is not there", p.File, h.at, firstOf(old))
		}
		out = append(out, lines[pos:at]...)
		out = append(out, new...)
		pos = at + len(old)
		if n := len(h.lines); n > 0 && pos == len(lines) {
			for _, l := range h.lines {
				if l.op != '-' {
					open = l.open
				}
			}
		}
	}
	out = append(out, lines[pos:]...)
	s := strings.Join(out, "\n")
	if !open && len(out) > 0 {
		s += "\n"
	}
	return []byte(s), nil
}

// findLines is the place of old nearest to want, from pos on; -1 = nowhere.
func findLines(lines, old []string, pos, want int) int {
	fits := func(at int) bool {
		if at < pos || at+len(old) > len(lines) {
			return false
		}
		for i, l := range old {
			if strings.TrimSuffix(lines[at+i], "\r") != strings.TrimSuffix(l, "\r") {
				return false
			}
		}
		return true
	}
	for d := 0; d <= len(lines); d++ {
		if fits(want - d) {
			return want - d
		}
		if fits(want + d) {
			return want + d
		}
	}
	return -1
}

func firstOf(lines []string) string {
	for _, l := range lines {
		if strings.TrimSpace(l) != "" {
			if holdsSecret(l) {
				return "***"
			}
			return l
		}
	}
	return ""
}

// Added are the lines that the patch adds.
func (p FilePatch) Added() []string {
	var out []string
	for _, h := range p.hunks {
		for _, l := range h.lines {
			if l.op == '+' {
				out = append(out, l.text)
			}
		}
	}
	return out
}

// Replacement is one change of a patch: the old file's lines From to To give way to Lines. To < From: nothing gives way,
// and Lines stand before line From.
type Replacement struct {
	From, To int
	Lines    []string
	Before   string // of an insertion: the line that stays above it; "" = none is shown
}

// Replacements are the patch's changes, from the top of the file down.
func (p FilePatch) Replacements() []Replacement {
	var out []Replacement
	for _, h := range p.hunks {
		old, above := max(h.first, 1), ""
		var r *Replacement
		for _, l := range h.lines {
			if l.op == ' ' {
				r, above = nil, l.text
				old++
				continue
			}
			if r == nil {
				out = append(out, Replacement{From: old, To: old - 1, Before: above})
				r = &out[len(out)-1]
			}
			if l.op == '-' {
				old++
				r.To++
			} else {
				r.Lines = append(r.Lines, l.text)
			}
		}
	}
	return out
}
