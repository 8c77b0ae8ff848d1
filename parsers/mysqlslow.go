package parsers

import (
	"bytes"
	"strconv"
	"strings"
	"time"
)

// mysql-slow-log is the slow query log of MySQL, MariaDB and Percona Server:
//
//	# Time: 2026-05-12T02:00:00.123456Z
//	# User@Host: shop[shop] @  [192.0.2.5]  Id:   400
//	# Query_time: 22.431000  Lock_time: 0.000041 Rows_sent: 20  Rows_examined: 8123411
//	SET timestamp=1778551200;
//	SELECT * FROM wp_posts WHERE post_content LIKE '%tea%' ORDER BY post_date DESC LIMIT 20;
var _ = register(Parser{
	Name:  "mysql-slow-log",
	Doc:   "slow query log of MySQL and MariaDB -> db-query",
	Match: matchMySQLSlow,
	Parse: parseMySQLSlow,
})

func matchMySQLSlow(h *Head) int {
	if bytes.Contains(h.Text, []byte("# Query_time: ")) && bytes.Contains(h.Text, []byte("Rows_examined: ")) {
		return SureMark
	}
	return 0
}

func parseMySQLSlow(src *Source, emit func(Record)) error {
	var open *DBQuery
	var rec Record
	var now stamp
	var user, host string
	var id Opt
	flush := func() {
		if open != nil {
			rec.Fact = open
			emit(rec)
			open = nil
		}
	}
	err := EachLine(src, func(line []byte, at Pos) {
		text := strings.TrimSpace(string(line[:min(len(line), 4096)]))
		switch {
		case strings.HasPrefix(text, "# Time: "):
			flush()
			if s, _, ok := leadStamp(strings.TrimPrefix(text, "# Time: ")); ok {
				now = s
			}
		case strings.HasPrefix(text, "# User@Host: "):
			flush()
			rest := strings.TrimPrefix(text, "# User@Host: ")
			user, rest, _ = strings.Cut(rest, "[")
			_, rest, _ = strings.Cut(rest, "@")
			host = strings.TrimSpace(rest)
			if i := strings.Index(host, "Id:"); i >= 0 {
				host = strings.TrimSpace(host[:i])
			}
			host, user, id = strings.Trim(host, "[] "), strings.TrimSpace(user), numberAfterBlanks(rest, "Id:")
		case strings.HasPrefix(text, "# Thread_id: "):
			id = numberAfterBlanks(text, "Thread_id:")
		case strings.HasPrefix(text, "# Query_time: "):
			flush()
			open = &DBQuery{From: "slow-log", ID: id, User: user, Host: host, Seconds: durationAfter(text, "Query_time:"), LockSeconds: durationAfter(text, "Lock_time:"), Examined: numberAfterBlanks(text, "Rows_examined:")}
			rec = now.put(Record{At: at, Raw: bytes.Clone(line)})
		case strings.HasPrefix(text, "#"), open == nil:
		case strings.HasPrefix(text, "SET timestamp="):
			if n := numberAfter(text, "SET timestamp="); n.OK && n.N > 1e9 && n.N < 1e11 {
				rec.Time, rec.Clock = time.Unix(n.N, 0).UTC(), ZonedClock
			}
		case strings.HasPrefix(strings.ToLower(text), "use ") && strings.HasSuffix(text, ";"):
		case open.Text == "":
			open.Text, rec.At, rec.Raw = statementShape(text), at, bytes.Clone(line)
		case len(open.Text) < maxShape:
			open.Text = clip(open.Text+" "+statementShape(text), maxShape)
		}
	})
	flush()
	return err
}

// numberAfterBlanks is numberAfter where blanks stand in between.
func numberAfterBlanks(text, key string) Opt {
	_, rest, ok := strings.Cut(text, key)
	if !ok {
		return Opt{}
	}
	word, _, _ := strings.Cut(strings.TrimLeft(rest, " \t"), " ")
	return fpmCount(word)
}

func durationAfter(text, key string) OptF {
	_, rest, ok := strings.Cut(text, key)
	if !ok {
		return OptF{}
	}
	word, _, _ := strings.Cut(strings.TrimLeft(rest, " \t"), " ")
	f, err := strconv.ParseFloat(word, 64)
	if err != nil || f < 0 || f > 1e9 {
		return OptF{}
	}
	return SomeF(f)
}

// maxShape bounds the shape of a statement: enough to find it in the application.
const maxShape = 160

// statementShape is a statement without its values, which are people's; so statements that differ in them alone are one.
func statementShape(s string) string {
	out := make([]byte, 0, min(len(s), maxShape))
	for i := 0; i < len(s) && len(out) < maxShape; {
		c := s[i]
		switch {
		case c == '\'' || c == '"':
			end := i + 1
			for end < len(s) && s[end] != c {
				if s[end] == '\\' {
					end++
				}
				end++
			}
			out, i = append(out, '?'), end+1
		case isDigit(c) && (i == 0 || !isNameByte(s[i-1])):
			for i < len(s) && (isDigit(s[i]) || s[i] == '.') {
				i++
			}
			out = append(out, '?')
		case c == ' ' || c == '\t':
			for i < len(s) && (s[i] == ' ' || s[i] == '\t') {
				i++
			}
			out = append(out, ' ')
		default:
			out, i = append(out, c), i+1
		}
	}
	return strings.TrimRight(strings.ToValidUTF8(string(out), "?"), "; ")
}

func isNameByte(c byte) bool {
	return isDigit(c) || c == '_' || c == '`' || 'a' <= c|0x20 && c|0x20 <= 'z'
}
