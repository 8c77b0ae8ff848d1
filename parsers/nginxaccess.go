package parsers

import (
	"bytes"
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"
)

// The access logs of nginx, Apache, Caddy and Traefik, one request a line. Built in are the common log format with
// everything people put around it (a virtual host or an address list in front; times, forwarded addresses, key=value
// fields behind), nginx proxy manager's, LTSV, logfmt, the W3C's of IIS and CloudFront, and JSON; every log_format of Source.Hints is compiled and tried first. A
// format nobody knows is read by what a request looks like (accessguess.go).
//
//	203.0.113.9 - - [20/Apr/2026:10:45:12 +0800] "GET /tea/ HTTP/1.1" 200 153 "-" "Mozilla/5.0 (X11; Linux x86_64)"
//	shop.example.com:443 203.0.113.9 - bob [20/Apr/2026:10:45:12 +0800] "GET / HTTP/2.0" 200 16 "-" "curl/8.5.0" rt=0.002 urt="0.001, 0.001"
//	{"time":"2026-04-20T10:45:12+08:00","remote_addr":"203.0.113.9","request":"GET / HTTP/1.1","status":"200"}
//	time:20/Apr/2026:10:45:12 +0800	host:203.0.113.9	req:GET / HTTP/1.1	status:200
//
// nginx writes neither empty lines nor comments: both count as skipped.
var _ = register(Parser{
	Name:  "nginx-access",
	Doc:   "access logs of nginx, Apache, Caddy and Traefik in any log_format: access",
	Most:  SureShape + 20,
	Match: matchAccess,
	Line:  parseAccess,
})

// accessFormat is one way to read a line. It says why when it cannot, "" when it did.
type accessFormat struct {
	name  string // unique in a reader
	match func(l *accessLine, line []byte) string
	hint  bool // a log_format
	guess bool // reads by heuristics: only for files that no other format reads
}

// accessReader is what parseAccess keeps in Source.scratch: the formats in the order in which they are tried, and the
// line that is filled again and again.
type accessReader struct {
	formats []accessFormat
	plain   bool // the first of them is the plain common log format
	w3c     bool // the first of them is the W3C's, in which # begins a directive
	line    accessLine
}

// accessSample is how many lines of a head decide about the format; a log whose first 200 lines are all of one format is
// of that format.
const accessSample = 200

// maxLogFormats bounds how many formats of a configuration are tried on a line.
const maxLogFormats = 64

func matchAccess(h *Head) int {
	src := &Source{Name: h.Name}
	if bytes.Contains(h.Text, w3cFields) {
		src.Head = h.Text
	}
	r := newAccessReader(src)
	lines := h.Lines(accessSample)
	known, guessed, logged := 0, 0, 0
	for _, line := range lines {
		if line[0] == '#' {
			continue
		}
		logged++
		switch f, why := r.read(line); {
		case why == "" && f.guess:
			guessed++
		case why == "":
			known++
		}
	}
	switch {
	case logged == 0:
		return 0
	case known*2 > logged:
		return SureShape + 20*known/logged
	case (known+guessed)*2 > logged:
		return SureHabit
	}
	return 0
}

func parseAccess(src *Source, line []byte, at Pos, emit func(Record)) bool {
	r, ok := src.scratch.(*accessReader)
	if !ok {
		r = newAccessReader(src)
		src.scratch = r
	}
	if r.plain && r.line.combined(line) {
		emit(Record{Time: r.line.when, Clock: ZonedClock, At: at, Raw: line, Fact: &r.line.Access})
		return true
	}
	if len(bytes.TrimSpace(line)) == 0 {
		if !src.parted {
			src.Skip(at.Line, line, "an empty line")
		}
		return true
	}
	if r.w3c && line[0] == '#' {
		return true
	}
	_, why := r.read(line)
	if l := &r.line; why == "" && l.placeIn(src.Hints) {
		emit(Record{Time: l.when, Clock: l.clock, At: at, Raw: line, Fact: &l.Access})
		return true
	} else if why == "" {
		src.Skip(at.Line, line, "its time names no zone: name it with --tz "+path.Base(src.Name)+"=ZONE, or add the output of timedatectl")
		return true
	}
	if e, ok := newWebError(line); ok { // access_log and error_log do share a file
		e.emit(at, emit)
		return true
	}
	if otherLine(src, line, at, emit) {
		return true
	}
	src.Skip(at.Line, line, why)
	return true
}

// read fills r.line and names the format that could; else it says why the likeliest one could not. What a log shipper put
// around a line is taken off when nothing reads it as it is.
func (r *accessReader) read(line []byte) (f accessFormat, why string) {
	f, why = r.readBare(line, false)
	if why == "" {
		return f, ""
	}
	for _, inner := range unwrapAccess(line) {
		if f, bad := r.readBare(inner, false); inner != nil && bad == "" {
			return f, ""
		}
	}
	if f, bad := r.readBare(line, true); bad == "" {
		return f, ""
	}
	return f, why
}

// placeIn takes the zone that the user or the host's clock names for a time that names none. Requests are folded as they come,
// so that one without a zone has no place.
func (l *accessLine) placeIn(hints *Hints) bool {
	if l.clock != LocalClock {
		return true
	}
	if hints == nil || hints.Zone == nil {
		return false
	}
	t := l.when
	l.when, l.clock = time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), hints.Zone), ZonedClock
	return true
}

// unwrapAccess gives what a line may hold behind a wrapper: syslog's, docker's and their kind, or docker compose's
// "nginx-1  | ...".
func unwrapAccess(line []byte) (inner [2][]byte) {
	if e := unwrap(line); e.Wrapped {
		inner[0] = e.Msg
	}
	if _, msg, ok := bytes.Cut(line, []byte(" | ")); ok {
		inner[1] = msg
	}
	return inner
}

// readBare tries the formats that are known, or those that guess.
func (r *accessReader) readBare(line []byte, guess bool) (f accessFormat, why string) {
	why = "no format"
	for i, f := range r.formats {
		if f.guess != guess {
			continue
		}
		bad := r.try(f, line)
		if bad == "" {
			return f, ""
		}
		if i == 0 {
			why = bad
		}
	}
	return f, why
}

func (r *accessReader) try(f accessFormat, line []byte) string {
	l := &r.line
	l.reset()
	if why := f.match(l, line); why != "" {
		return why
	}
	return l.finish()
}

// newAccessReader orders the formats for a file: those that read most of its head first; among equals the log_formats
// whose access_log names this file, then the other log_formats, the most telling first, then the built-in ones. The
// order depends on the file alone, never on lines already read, so that parts of a file can be read apart.
func newAccessReader(src *Source) *accessReader {
	r := orderedFormats(src)
	r.plain, r.w3c = r.formats[0].name == plainCLF, r.formats[0].name == w3cName
	return r
}

func orderedFormats(src *Source) *accessReader {
	r := &accessReader{formats: append(hintFormats(src), builtinFormats()...)}
	if f, ok := newW3C(src.Head); ok {
		r.formats = append(r.formats, f)
	}
	lines := NewHead("", src.Head).Lines(accessSample)
	lines = slices.DeleteFunc(lines, func(line []byte) bool { return line[0] == '#' })
	if len(lines) == 0 {
		return r
	}
	score := make(map[string]int, len(r.formats))
	read := 0
	for _, line := range lines {
		inner := unwrapAccess(line)
		for _, text := range [][]byte{line, inner[0], inner[1]} {
			known := false
			for _, f := range r.formats {
				if text != nil && !f.guess && r.try(f, text) == "" {
					score[f.name]++
					known = true
				}
			}
			if known {
				read++
				break
			}
		}
	}
	// A log_format that reads nearly all lines is the file's own. What it refuses, for an agent with quotes in it, a wider
	// built-in format would take for a line with more fields.
	own := func(f accessFormat) bool { return f.hint && score[f.name]*10 >= len(lines)*9 }
	if slices.ContainsFunc(r.formats, own) {
		r.formats = slices.DeleteFunc(r.formats, func(f accessFormat) bool { return f.name == clfWithTail })
	}
	slices.SortStableFunc(r.formats, func(a, b accessFormat) int {
		return cmp.Or(cmp.Compare(boolInt(own(b)), boolInt(own(a))), cmp.Compare(score[b.name], score[a.name]))
	})
	// Where a known format reads at least a quarter of the lines, the others are damaged or foreign, and are told as such
	// rather than guessed at.
	if read*4 >= len(lines) {
		r.formats = slices.DeleteFunc(r.formats, func(f accessFormat) bool { return f.guess })
	}
	return r
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

const (
	plainCLF    = "clf"
	clfWithTail = "clf with more fields"
)

func builtinFormats() []accessFormat {
	return []accessFormat{
		{name: plainCLF, match: func(l *accessLine, line []byte) string { return matchCLF(l, line, false) }},
		{name: clfWithTail, match: func(l *accessLine, line []byte) string { return matchCLF(l, line, true) }},
		newJSONGuess(),
		{name: "npm", match: matchProxyManager},
		{name: "ltsv", match: matchLTSV},
		{name: "logfmt", match: matchLogfmt},
		{name: "guess", match: guessAccess, guess: true},
	}
}

// hintFormats compiles the log_formats of the input's configurations, those meant for this file first.
func hintFormats(src *Source) []accessFormat {
	if src.Hints == nil {
		return nil
	}
	type ranked struct {
		accessFormat
		rank int
	}
	var all []ranked
	for i, f := range src.Hints.LogFormats {
		if i == maxLogFormats {
			break
		}
		r := ranked{accessFormat: accessFormat{name: fmt.Sprintf("log_format %s %d", f.Name, i), hint: true}, rank: strings.Count(f.Format, "$")}
		if j, ok := compileJSON(f); ok {
			r.match = j.match
		} else if t, err := compileText(f); err == nil {
			r.match = t.match
		} else {
			continue
		}
		if namesFile(f.Paths, src.Name) {
			r.rank += 1000
		}
		all = append(all, r)
	}
	slices.SortStableFunc(all, func(a, b ranked) int { return cmp.Compare(b.rank, a.rank) })
	formats := make([]accessFormat, len(all))
	for i, r := range all {
		formats[i] = r.accessFormat
	}
	return formats
}

// namesFile says whether an access_log path is this file, whatever directory it was copied to and however it was rotated:
// access.log, access.log.2.gz, access.log-20260420.
func namesFile(paths []string, name string) bool {
	base := path.Base(name)
	for _, p := range paths {
		if b := path.Base(p); b == base || strings.HasPrefix(base, b+".") || strings.HasPrefix(base, b+"-") {
			return true
		}
	}
	return false
}
