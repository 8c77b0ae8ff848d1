package parsers

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

// log-export is a log as a service hands it out, JSON or CSV, with the log's own lines in one member or column of each entry:
// Cloud Logging (GKE), CloudWatch (also Insights), Azure Monitor, Elasticsearch and Kibana, Datadog, and dmesg --json:
//
//	[{"textPayload":"[812345.1] Out of memory: …","timestamp":"2026-04-20T01:12:34.123456Z", …
//	{"events":[{"timestamp":1776647554123,"message":"Apr 20 01:12:34 ip-10-0-3-4 kernel: …","ingestionTime":…
//	"@timestamp","host.name","process.name",message
//
// The lines are put together again, with the entry's time, host and program where they have none, and read as what they are.
var _ = register(Parser{
	Name:  "log-export",
	Doc:   "logs out of Cloud Logging, CloudWatch, Azure, Elasticsearch, dmesg --json, as JSON or CSV -> whatever they say",
	Most:  SureMark + 9,
	Match: matchLogExport,
	Parse: parseLogExport,
})

func matchLogExport(h *Head) int {
	text := bytes.TrimSpace(h.Text)
	if len(text) == 0 {
		return 0
	}
	if text[0] == '{' || text[0] == '[' {
		marked := false
		for _, m := range [...]string{`"jsonPayload"`, `"textPayload"`, `"_source"`, `"dmesg":`, `"ingestionTime"`, `"logEvents"`} {
			marked = marked || bytes.Contains(text, []byte(m))
		}
		if !marked {
			return 0
		}
	} else if lines := h.Lines(1); len(lines) == 0 || csvColumns(lines[0]).message < 0 {
		return 0
	}
	x := &exported{}
	x.read(bytes.NewReader(h.Text)) // its end is cut off: what was read by then tells
	if _, sure := x.parser(); sure > SureHabit {
		return SureMark + 9
	}
	return 0
}

func parseLogExport(src *Source, emit func(Record)) error {
	text, err := io.ReadAll(io.LimitReader(src.R, maxJSON+1))
	if err != nil {
		return fmt.Errorf("read %s: %w", src.Name, err)
	}
	src.Read = countLines(text)
	if len(text) > maxJSON {
		src.Skip(src.Read, nil, fmt.Sprintf("longer than %d bytes", maxJSON))
		text = text[:maxJSON]
	}
	x := &exported{}
	x.read(bytes.NewReader(bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))))
	p, sure := x.parser()
	if sure == 0 {
		return nil
	}
	part := &Source{Name: src.Name, Host: src.Host, ModTime: src.ModTime, R: bytes.NewReader(x.text), Hints: src.Hints}
	err = Read(p, part, func(rec Record) {
		rec.At.Line = x.line(rec.At.Line)
		moveFact(rec.Fact, x.line)
		emit(rec)
	})
	src.Skipped += part.Skipped
	if s := part.FirstSkipped; s != nil {
		src.FirstSkipped = &Skipped{Line: x.line(s.Line), Text: s.Text, Why: s.Why}
	}
	return err
}

// exported are the log's own lines, put together again.
type exported struct {
	entries []exportedLine
	text    []byte
	lines   []int // of each, where its entry stands in the file
}

type exportedLine struct {
	at, text string
	line     int
}

func (x *exported) parser() (Parser, int) {
	return detect(NewHead("", x.text[:min(len(x.text), headSize)]), "log-export")
}

func (x *exported) line(n int) int {
	if n < 1 || n > len(x.lines) {
		return 0
	}
	return x.lines[n-1]
}

// read takes the entries in the order of their time: most services show the newest first.
func (x *exported) read(r *bytes.Reader) {
	x.readAll(r)
	if n := len(x.entries); n > 1 && x.entries[0].at > x.entries[n-1].at && x.entries[n-1].at != "" {
		slices.Reverse(x.entries)
	}
	for _, e := range x.entries {
		for part := range strings.Lines(e.text) {
			x.text = append(append(x.text, strings.TrimRight(part, "\r\n")...), '\n')
			x.lines = append(x.lines, e.line)
		}
	}
}

func (x *exported) readAll(r *bytes.Reader) {
	first, _ := r.ReadByte()
	for first != 0 && first <= ' ' {
		first, _ = r.ReadByte()
	}
	_ = r.UnreadByte()
	if first == '{' || first == '[' {
		x.readJSON(r)
		return
	}
	x.readCSV(r)
}

// readJSON reads entries one behind another, in an array, or in an array that an object holds.
func (x *exported) readJSON(r *bytes.Reader) {
	all, _ := io.ReadAll(r)
	dec := json.NewDecoder(bytes.NewReader(all))
	dec.UseNumber()
	counted, lines := int64(0), 1 // newlines up to an offset
	lineAt := func() int {
		at := dec.InputOffset()
		for at < int64(len(all)) && (all[at] <= ' ' || all[at] == ',') {
			at++
		}
		lines += bytes.Count(all[counted:at], []byte("\n"))
		counted = at
		return lines
	}
	for {
		line := lineAt()
		if line == 0 || int(counted) >= len(all) {
			return
		}
		if all[counted] == '[' {
			x.readArray(dec, lineAt)
			continue
		}
		if all[counted] != '{' || dec.More() && !x.readObject(dec, lineAt, line) {
			return
		}
	}
}

func (x *exported) readArray(dec *json.Decoder, lineAt func() int) {
	if _, err := dec.Token(); err != nil {
		return
	}
	for dec.More() {
		line := lineAt()
		var entry map[string]any
		if dec.Decode(&entry) != nil {
			return
		}
		x.entry(entry, line)
	}
	_, _ = dec.Token()
}

// readObject reads an object member by member: the array in it that holds entries is read as it comes.
func (x *exported) readObject(dec *json.Decoder, lineAt func() int, line int) bool {
	if _, err := dec.Token(); err != nil {
		return false
	}
	entry := map[string]any{}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return false
		}
		switch key, _ := name.(string); key {
		case "events", "entries", "logEvents", "dmesg", "hits", "results", "data":
			if !x.readNested(dec, lineAt) {
				return false
			}
		default:
			var v any
			if dec.Decode(&v) != nil {
				return false
			}
			entry[key] = v
		}
	}
	_, err := dec.Token()
	x.entry(entry, line)
	return err == nil
}

// readNested reads the value of a member that holds entries, or an object that does (hits.hits).
func (x *exported) readNested(dec *json.Decoder, lineAt func() int) bool {
	lineAt()
	var v json.RawMessage
	line := lineAt()
	if dec.Decode(&v) != nil {
		return false
	}
	in := &exported{}
	if v = bytes.TrimSpace(v); len(v) > 0 && (v[0] == '[' || v[0] == '{') {
		in.readJSON(bytes.NewReader(v))
	}
	for _, e := range in.entries {
		e.line += line - 1
		x.entries = append(x.entries, e)
	}
	return true
}

// entry takes an entry of any of the services.
func (x *exported) entry(e map[string]any, line int) {
	scopes := []map[string]any{e}
	for _, name := range []string{"jsonPayload", "_source", "fields"} {
		if in, ok := e[name].(map[string]any); ok {
			scopes = append(scopes, in)
		}
	}
	get := func(names ...string) string {
		for _, s := range scopes {
			for _, name := range names {
				v := s[name]
				if in, ok := v.(map[string]any); ok {
					v = in["name"]
				}
				switch v := v.(type) {
				case string:
					if v != "" {
						return v
					}
				case json.Number:
					return v.String()
				}
			}
		}
		return ""
	}
	msg := get("textPayload", "MESSAGE", "message", "@message", "msg", "log", "line")
	at := get("timestamp", "@timestamp", "time", "TimeGenerated")
	if seconds, err := strconv.ParseFloat(at, 64); err == nil && e["pri"] != nil { // dmesg --json
		x.add("", fmt.Sprintf("[%12.6f] %s", seconds, msg), line)
		return
	}
	x.put(exportTime(at, true), get("_HOSTNAME", "host", "hostname", "Computer"), get("SYSLOG_IDENTIFIER", "ProcessName", "process", "program", "ident"), msg, line)
}

// put adds a line with what the entry says of it, where it does not say so itself.
func (x *exported) put(at, host, program, msg string, line int) {
	msg = strings.TrimRight(msg, "\r\n")
	shape := shapeOf([]byte(msg))
	if program == "" && shape == 0 && (hasOOMWording([]byte(msg)) || hasKernelWording([]byte(msg))) {
		program = "kernel"
	}
	if i := strings.IndexAny(host, " :"); i >= 0 {
		host = ""
	}
	switch {
	case at == "" || shape != 0 && shape != stampedShape || shape == 0 && program == "":
	case strings.HasPrefix(msg, "["): // the kernel's own stamp
		msg = strings.Join(strings.Fields(at+" "+host+" kernel:"), " ") + " " + msg
	case shape == stampedShape:
		msg = at + " " + msg
	case program == "kernel":
		msg = strings.Join(strings.Fields(at+" "+host+" kernel:"), " ") + " " + msg
	default:
		if host == "" {
			host = "-"
		}
		msg = at + " " + host + " " + program + ": " + msg
	}
	x.add(at, msg, line)
}

func (x *exported) add(at, text string, line int) {
	if strings.TrimSpace(text) != "" {
		x.entries = append(x.entries, exportedLine{at, text, line})
	}
}

// exportTime is a time as services write it, in RFC 3339; without a zone where none is known; "" when it is none.
func exportTime(s string, utc bool) string {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil && n > 1e9 && n < 1e17 {
		for n < 1e14 { // seconds, milliseconds
			n *= 1000
		}
		return time.UnixMicro(n).UTC().Format("2006-01-02T15:04:05.000000Z")
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999", "Jan 2, 2006 @ 15:04:05.999999999", "1/2/2006, 3:04:05.999999999 PM"} {
		t, err := time.Parse(layout, s)
		switch {
		case err != nil:
		case layout == time.RFC3339Nano:
			return t.UTC().Format("2006-01-02T15:04:05.000000Z")
		case utc:
			return t.Format("2006-01-02T15:04:05.000000Z")
		default:
			return t.Format("2006-01-02T15:04:05.000000")
		}
	}
	return ""
}

// columns are where a table has what counts; -1 = nowhere.
type columns struct {
	message, time, host, program int
	utc                          bool
}

// csvColumns reads the header of a table of log lines; message is -1 where it is none.
func csvColumns(line []byte) columns {
	c := columns{-1, -1, -1, -1, false}
	if bytes.IndexByte(line, ',') < 0 || len(line) > 1000 {
		return c
	}
	names, err := csv.NewReader(bytes.NewReader(line)).Read()
	if err != nil {
		return c
	}
	for i, name := range names {
		name = strings.ToLower(strings.TrimSpace(strings.TrimPrefix(name, "\ufeff")))
		word, _, _ := strings.Cut(name, " ")
		c.utc = c.utc || word == "@message" // Insights counts in UTC
		switch word {
		case "message", "@message", "msg", "syslogmessage", "log", "line", "content", "textpayload", "jsonpayload.message":
			c.message = i
		case "@timestamp", "timestamp", "time", "date", "_time", "timegenerated":
			c.time, c.utc = i, c.utc || strings.Contains(name, "utc")
		case "host", "host.name", "hostname", "computer":
			c.host = i
		case "program", "process.name", "processname", "ident", "syslog_identifier":
			c.program = i
		}
	}
	if c.time < 0 {
		c.message = -1
	}
	return c
}

func (x *exported) readCSV(r *bytes.Reader) {
	rd := csv.NewReader(r)
	rd.LazyQuotes, rd.FieldsPerRecord, rd.ReuseRecord = true, -1, true
	var c columns
	for n := 0; ; n++ {
		row, err := rd.Read()
		if err != nil {
			return
		}
		if n == 0 {
			c = csvColumns([]byte(strings.Join(row, ",")))
			continue
		}
		if c.message < 0 || c.message >= len(row) {
			continue
		}
		cell := func(i int) string {
			if i < 0 || i >= len(row) {
				return ""
			}
			return row[i]
		}
		line, _ := rd.FieldPos(c.message)
		x.put(exportTime(cell(c.time), c.utc), cell(c.host), cell(c.program), cell(c.message), line)
	}
}
