package rules

import (
	"fmt"
	"path"
	"strings"

	"culprit/parsers"
)

// editor changes a configuration file line by line and touches nothing else: comments, blank lines, their order and their
// line ends stay. Lines are named by their index from 0 in the file as it came.
type editor struct {
	lines []editLine
	eol   string // of the file: "\n" or "\r\n"
	open  bool   // the last line has no newline
	first []string
}

type editLine struct {
	old     string // without its line end
	cr      bool   // it ended in \r\n
	now     string
	changed bool
	gone    bool
	after   []string // inserted behind it
}

func newEditor(text []byte) *editor {
	e := &editor{eol: "\n"}
	s := string(text)
	if s == "" {
		return e
	}
	e.open = !strings.HasSuffix(s, "\n")
	s = strings.TrimSuffix(s, "\n")
	crs := 0
	for _, l := range strings.Split(s, "\n") {
		bare := strings.TrimSuffix(l, "\r")
		if bare != l {
			crs++
		}
		e.lines = append(e.lines, editLine{old: bare, now: bare, cr: bare != l})
	}
	if crs*2 > len(e.lines) {
		e.eol = "\r\n"
	}
	return e
}

// set changes a line; the same text leaves it untouched.
func (e *editor) set(i int, text string) {
	l := &e.lines[i]
	l.now, l.changed, l.gone = text, text != l.old, false
}

// override changes a line of a file in which the last line of a name counts. Directly above a secret it stays, and the new one
// goes behind that: a hunk must not quote the secret, and git takes one that ends without context for the end of the file.
func (e *editor) override(i int, text string) {
	end := e.behindSecrets(i)
	if text == e.lines[i].old || end == i {
		e.set(i, text)
		return
	}
	e.insert(end, text)
}

// beside puts a line behind line i; above it where that would end a hunk at a secret.
func (e *editor) beside(i int, text string) {
	if e.behindSecrets(i) != i {
		i--
	}
	e.insert(i, text)
}

// behindSecrets is the last of the lines with secrets that follow line i; i itself when none does.
func (e *editor) behindSecrets(i int) int {
	for i+1 < len(e.lines) && holdsSecret(e.lines[i+1].old) {
		i++
	}
	return i
}

// endsAtSecret: a hunk of the diff ends where a secret stands, and not at the end of the file.
func (e *editor) endsAtSecret() bool {
	rows := e.rows()
	for i := 0; i+1 < len(rows); i++ {
		if rows[i].op != ' ' && rows[i+1].op == ' ' && holdsSecret(rows[i+1].text) {
			return true
		}
	}
	return false
}

func (e *editor) remove(i int) { e.lines[i].gone = true }

// insert puts lines behind line i; -1 is the head of the file.
func (e *editor) insert(i int, lines ...string) {
	if i < 0 {
		e.first = append(e.first, lines...)
		return
	}
	e.lines[i].after = append(e.lines[i].after, lines...)
}

func (e *editor) append(lines ...string) { e.insert(len(e.lines)-1, lines...) }

// touched says whether anything differs.
func (e *editor) touched() bool {
	if len(e.first) > 0 {
		return true
	}
	for i := range e.lines {
		if l := &e.lines[i]; l.changed || l.gone || len(l.after) > 0 {
			return true
		}
	}
	return false
}

// text is the file as changed. A file that ended without newline and has lines added gets them with newlines between, and
// ends as it did where its own last line stays the last.
func (e *editor) text() []byte {
	var b strings.Builder
	for _, s := range e.rows() {
		if s.op != '-' {
			b.WriteString(s.text)
			b.WriteString(s.end)
		}
	}
	return []byte(b.String())
}

// row is one line of the comparison of old and new.
type row struct {
	op   byte // ' ', '-', '+'
	text string
	end  string // "\n", "\r\n", or "" at the open end of a file
}

func (e *editor) rows() []row {
	var rows []row
	for _, s := range e.first {
		rows = append(rows, row{'+', s, e.eol})
	}
	for i := range e.lines {
		l := &e.lines[i]
		end := "\n"
		if l.cr {
			end = "\r\n"
		}
		oldEnd := end
		if i == len(e.lines)-1 && e.open {
			oldEnd, end = "", ""
			if l.cr {
				oldEnd, end = "\r", "\r"
			}
		}
		newEnd := end
		if i == len(e.lines)-1 && e.open && len(l.after) > 0 {
			newEnd = e.eol
		}
		switch {
		case l.gone:
			rows = append(rows, row{'-', l.old, oldEnd})
		case l.changed || newEnd != oldEnd:
			rows = append(rows, row{'-', l.old, oldEnd}, row{'+', l.now, newEnd})
		default:
			rows = append(rows, row{' ', l.old, end})
		}
		for _, s := range l.after {
			rows = append(rows, row{'+', s, e.eol})
		}
	}
	return rows
}

// context is how many unchanged lines stand around a change in a unified diff, as diff -u and git write them.
const context = 3

// diff is the change as a unified diff that `git apply` and `patch -p1` accept where the input lies. Lines that hold a
// secret are never quoted: the context ends before them.
func (e *editor) diff(file string) string {
	rows := e.rows()
	near := make([]bool, len(rows))
	for i, r := range rows {
		if r.op == ' ' {
			continue
		}
		near[i] = true
		for _, step := range []int{-1, 1} {
			for j, n := i+step, 0; j >= 0 && j < len(rows) && n < context; j, n = j+step, n+1 {
				if rows[j].op == ' ' && holdsSecret(rows[j].text) {
					break
				}
				near[j] = true
			}
		}
	}
	var b strings.Builder
	name := patchName(file)
	oldLine, newLine := 1, 1
	for i := 0; i < len(rows); {
		if !near[i] {
			oldLine, newLine, i = oldLine+1, newLine+1, i+1
			continue
		}
		end, olds, news := i, 0, 0
		for ; end < len(rows) && near[end]; end++ {
			if rows[end].op != '+' {
				olds++
			}
			if rows[end].op != '-' {
				news++
			}
		}
		if b.Len() == 0 {
			fmt.Fprintf(&b, "--- a/%s\n+++ b/%s\n", name, name)
		}
		fmt.Fprintf(&b, "@@ -%s +%s @@\n", hunkSpan(oldLine, olds), hunkSpan(newLine, news))
		for _, r := range rows[i:end] {
			b.WriteByte(r.op)
			b.WriteString(r.text)
			if strings.HasSuffix(r.end, "\n") {
				b.WriteString(r.end)
			} else {
				b.WriteString(r.end + "\n\\ No newline at end of file\n")
			}
		}
		oldLine, newLine, i = oldLine+olds, newLine+news, end
	}
	return b.String()
}

// hunkSpan is a hunk's place: of no lines at all, the line before it.
func hunkSpan(first, n int) string {
	switch n {
	case 0:
		return fmt.Sprintf("%d,0", first-1)
	case 1:
		return fmt.Sprint(first)
	}
	return fmt.Sprintf("%d,%d", first, n)
}

// patchName is the file's name inside the input: what stands in an archive is named from the archive's own root, what
// stands in the application's folder from that folder.
func patchName(file string) string {
	if rel, ok := strings.CutPrefix(file, parsers.AppFile); ok {
		return path.Clean(rel)
	}
	parts := strings.Split(path.Clean(strings.TrimLeft(file, "/")), "/")
	for i, p := range parts[:len(parts)-1] {
		switch strings.ToLower(path.Ext(p)) {
		case ".tar", ".tgz", ".gz", ".xz", ".zst", ".bz2", ".zip", ".txz":
			return strings.Join(parts[i+1:], "/")
		}
	}
	return strings.Join(parts, "/")
}

// holdsSecret: a line that must not be quoted in a report.
func holdsSecret(line string) bool {
	s := strings.ToLower(line)
	for _, word := range []string{"requirepass", "masterauth", "password", "passwd", "secret", "auth_pass", "token", "api_key", "apikey", "private_key", "credential"} {
		if strings.Contains(s, word) {
			return true
		}
	}
	f := strings.Fields(s)
	return len(f) > 2 && f[0] == "user" && strings.Contains(line, ">") // an ACL rule of Redis with its password
}

// change is an edit of a file's text. It can be made on any version of the file, and made twice it changes nothing more.
type change func(*editor)

// apply makes the change; edited says whether anything differs.
func (ch change) apply(text []byte) (out []byte, edited bool) {
	e := newEditor(text)
	ch(e)
	if !e.touched() {
		return text, false
	}
	return e.text(), true
}

// Apply makes the change of a patch to text, which is its Target as it is now: the file of the input, or what another fix
// has made of it.
func Apply(text []byte, f Fix) ([]byte, error) {
	if f.change == nil {
		return nil, fmt.Errorf("apply %s: it is a %s, no patch", f.ID, f.Kind)
	}
	out, _ := f.change.apply(text)
	return out, nil
}

// DiffOf is the fix as a unified diff against text, which may already hold other fixes; "" when there is nothing to change.
func DiffOf(text []byte, f Fix) string {
	if f.change == nil {
		return ""
	}
	e := newEditor(text)
	f.change(e)
	return e.diff(f.Target)
}
