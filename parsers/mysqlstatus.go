package parsers

import (
	"bytes"
	"regexp"
	"strings"
)

// mysql-status is what mysql and mysqladmin answer about the moment: SHOW PROCESSLIST as a table, as \G's rows or parted by
// tabs (mysql -e), SHOW ENGINE INNODB STATUS, and the variables about connections.
//
//	| Id  | User | Host            | db   | Command | Time | State                           | Info                  |
//	|  21 | shop | 192.0.2.5:40122 | shop | Query   | 1804 | copying to tmp table            | ALTER TABLE orders ... |
//	|  30 | shop | 192.0.2.5:41000 | shop | Query   |  812 | Waiting for table metadata lock | SELECT * FROM orders   |
//
//	---TRANSACTION 8011201, ACTIVE 1912 sec
//	3 lock struct(s), heap size 1136, 41 row lock(s), undo log entries 41
//	MySQL thread id 377, OS thread handle 139811, query id 88120 192.0.2.8 import
//
//	max_connections	151
var _ = register(Parser{
	Name:  "mysql-status",
	Doc:   "SHOW PROCESSLIST, SHOW ENGINE INNODB STATUS, variables about connections -> db-query, setting",
	Match: matchMySQLStatus,
	Parse: parseMySQLStatus,
})

func matchMySQLStatus(h *Head) int {
	if bytes.Contains(h.Text, []byte("INNODB MONITOR OUTPUT")) || bytes.Contains(h.Text, []byte("---TRANSACTION ")) {
		return SureMark
	}
	for _, line := range h.Texts(200) {
		if processColumns(line) != nil {
			return SureMark
		}
	}
	if bytes.Contains(h.Text, []byte("Command: ")) && bytes.Contains(h.Text, []byte("State: ")) && bytes.Contains(h.Text, []byte("Info: ")) && bytes.Contains(h.Text, []byte(". row *")) {
		return SureMark
	}
	return 0
}

// processColumns finds the columns of a list of processes by their headings, in either form; nil when line has none.
func processColumns(line string) map[string]int {
	columns := map[string]int{}
	for i, name := range tableCells(line, 0) {
		columns[strings.ToLower(name)] = i
	}
	for _, need := range []string{"id", "user", "command", "time", "state", "info"} {
		if _, ok := columns[need]; !ok {
			return nil
		}
	}
	columns[""] = len(columns) // how many
	return columns
}

// tableCells splits a row of a table; what is beyond most cells is of the last, which may hold bars of its own.
func tableCells(line string, most int) []string {
	sep := "\t"
	if text := strings.TrimSpace(line); strings.HasPrefix(text, "|") {
		line, sep = strings.TrimSuffix(text[1:], "|"), "|"
	} else if !strings.Contains(line, "\t") {
		return nil
	}
	n := -1
	if most > 0 {
		n = most
	}
	cells := strings.SplitN(line, sep, n)
	for i := range cells {
		cells[i] = strings.TrimSpace(cells[i])
	}
	return cells
}

func parseMySQLStatus(src *Source, emit func(Record)) error {
	p := &mysqlStatus{src: src, emit: emit}
	err := EachLine(src, p.line)
	p.flush()
	return err
}

type mysqlStatus struct {
	src     *Source
	emit    func(Record)
	now     stamp
	columns map[string]int

	row map[string]string // of \G
	trx *DBQuery
	rec Record
	sql bool // the next line is the transaction's statement
}

func (p *mysqlStatus) line(line []byte, at Pos) {
	text := string(line[:min(len(line), 4096)])
	bare := strings.TrimSpace(text)
	switch {
	case strings.HasPrefix(bare, "---TRANSACTION "), strings.HasPrefix(bare, "*** (") && strings.Contains(bare, "TRANSACTION"):
		p.flush()
		if strings.HasPrefix(bare, "---TRANSACTION ") && strings.Contains(bare, ", ACTIVE ") {
			p.trx = &DBQuery{From: "innodb-status", Seconds: durationAfter(bare, ", ACTIVE ")}
			p.rec = p.now.put(Record{At: at, Raw: bytes.Clone(line)})
		}
	case p.trx != nil && p.transaction(bare):
	case strings.HasSuffix(bare, "INNODB MONITOR OUTPUT"):
		p.flush()
		if s, _, ok := leadStamp(bare); ok {
			p.now = s
		}
	case strings.HasPrefix(bare, "***") && strings.Contains(bare, ". row *"):
		p.flush()
		p.row, p.rec = map[string]string{}, p.now.put(Record{At: at, Raw: bytes.Clone(line)})
	case p.row != nil:
		if key, value, ok := strings.Cut(bare, ":"); ok && len(key) < 30 {
			p.row[strings.ToLower(key)] = strings.TrimSpace(value)
			if strings.EqualFold(key, "State") {
				p.rec.At, p.rec.Raw = at, bytes.Clone(line)
			}
		}
	default:
		p.table(text, bare, line, at)
	}
}

// table reads a row of a list of processes or of variables.
func (p *mysqlStatus) table(text, bare string, line []byte, at Pos) {
	if c := processColumns(text); c != nil {
		p.columns = c
		return
	}
	if s, ok := dateStamp(bare); ok {
		p.now = s
		return
	}
	if p.columns != nil {
		if cells := tableCells(text, p.columns[""]); len(cells) == p.columns[""] {
			get := func(name string) string { return cells[p.columns[name]] }
			if fpmCount(get("id")).OK {
				p.process(get, p.now.put(Record{At: at, Raw: line}))
			}
			return
		}
	}
	if cells := tableCells(text, 0); len(cells) == 2 && connectionNames[strings.ToLower(cells[0])] && fpmCount(cells[1]).OK {
		p.emit(p.now.put(Record{At: at, Raw: line, Fact: &Setting{System: "mysql-status", Name: strings.ToLower(cells[0]), Args: []string{cells[1]}}}))
	}
}

var connectionNames = map[string]bool{"max_connections": true, "max_user_connections": true, "threads_connected": true, "threads_running": true, "max_used_connections": true}

// process emits a row; the server's own threads are none.
func (p *mysqlStatus) process(get func(string) string, rec Record) {
	state, info := get("state"), get("info")
	if get("command") == "Daemon" || get("user") == "system user" || get("user") == "event_scheduler" || strings.HasPrefix(get("command"), "Binlog Dump") {
		return
	}
	if null := func(s string) bool { return s == "NULL" || s == "" }; null(info) {
		info = ""
	}
	if state == "NULL" {
		state = ""
	}
	q := &DBQuery{From: "processlist", ID: fpmCount(get("id")), User: clip(get("user"), 64), Host: clip(get("host"), 100), Command: clip(get("command"), 40), State: clip(state, 80), Text: statementShape(info)}
	if t := fpmCount(get("time")); t.OK {
		q.Seconds = SomeF(float64(t.N))
	}
	q.Waits = lockStateRE.MatchString(state)
	rec.Fact = q
	p.emit(rec)
}

// lockStateRE are the states in which a thread waits for another.
var lockStateRE = regexp.MustCompile(`(?i)^waiting for .*lock|^locked$|^waiting for table|^waiting for .*flush`)

// transaction reads a line below "---TRANSACTION"; false where it is of the next section.
func (p *mysqlStatus) transaction(bare string) bool {
	switch {
	case p.sql && bare != "" && !strings.HasPrefix(bare, "---") && !strings.HasPrefix(bare, "Trx "):
		p.trx.Text, p.sql = statementShape(bare), false
	case strings.Contains(bare, " row lock(s)"):
		p.trx.Waits = p.trx.Waits || strings.HasPrefix(bare, "LOCK WAIT")
		if _, rest, ok := strings.Cut(bare, "heap size "); ok {
			_, rest, _ = strings.Cut(rest, ", ")
			word, _, _ := strings.Cut(rest, " ")
			p.trx.Locks = fpmCount(word)
		}
	case strings.HasPrefix(bare, "MySQL thread id "), strings.HasPrefix(bare, "MariaDB thread id "):
		p.trx.ID = numberAfter(bare, "thread id ")
		if _, rest, ok := strings.Cut(bare, "query id "); ok {
			f := strings.Fields(rest)
			for i, to := range []*string{nil, &p.trx.Host, &p.trx.User} {
				if to != nil && i < len(f) {
					*to = clip(f[i], 100)
				}
			}
			if len(f) > 3 && isHostWord(f[1]) && isHostWord(f[2]) && strings.Count(f[2], ".") == 3 { // localhost 127.0.0.1 shop updating
				p.trx.User = clip(f[3], 100)
			}
		}
		p.sql = true
	case strings.HasPrefix(bare, "------- TRX HAS BEEN WAITING"):
		p.trx.Waits, p.trx.LockSeconds = true, durationAfter(bare, "WAITING ")
	case bare == "", strings.HasPrefix(bare, "mysql tables in use"), strings.HasPrefix(bare, "RECORD LOCKS "), strings.HasPrefix(bare, "TABLE LOCK "), strings.HasPrefix(bare, "Trx read view"), strings.HasPrefix(bare, "ROLLING BACK"), strings.HasPrefix(bare, "Record lock"), strings.HasPrefix(bare, "----------------"):
	default:
		p.flush()
		return false
	}
	return true
}

func isHostWord(s string) bool { return s != "" && !strings.ContainsAny(s, ",;()") }

func (p *mysqlStatus) flush() {
	if p.trx != nil {
		p.rec.Fact = p.trx
		p.emit(p.rec)
	}
	if row := p.row; row != nil && row["command"] != "" {
		p.process(func(name string) string { return row[name] }, p.rec)
	}
	p.trx, p.row, p.sql = nil, nil, false
}
