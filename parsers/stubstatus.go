package parsers

import (
	"bytes"
	"strings"
)

// nginx-status is the page of nginx's stub_status; several may stand in one file.
//
//	Active connections: 1021
//	server accepts handled requests
//	 16630948 16590112 31070465
//	Reading: 6 Writing: 1011 Waiting: 4
var _ = register(Parser{
	Name:  "nginx-status",
	Doc:   "nginx's stub_status -> web-status",
	Match: matchStubStatus,
	Parse: parseStubStatus,
})

func matchStubStatus(h *Head) int {
	if bytes.Contains(h.Text, []byte("Active connections:")) && bytes.Contains(h.Text, []byte("server accepts handled requests")) {
		return SureMark
	}
	return 0
}

func parseStubStatus(src *Source, emit func(Record)) error {
	var now stamp
	var open *WebStatus
	var rec Record
	flush := func() {
		if open != nil {
			rec.Fact = open
			emit(now.put(rec))
			open = nil
		}
	}
	numbers := false // are on the next line
	err := EachLine(src, func(line []byte, at Pos) {
		text := strings.TrimSpace(string(line))
		switch {
		case strings.HasPrefix(text, "Active connections:"):
			flush()
			open, rec = &WebStatus{Active: numberAfter(text, "Active connections: ")}, Record{At: at, Raw: bytes.Clone(line)}
		case strings.HasPrefix(text, "server accepts handled requests"):
			numbers = true
			return
		case numbers && open != nil:
			if f := strings.Fields(text); len(f) >= 3 {
				open.Accepted, open.Handled, open.Requests = fpmCount(f[0]), fpmCount(f[1]), fpmCount(f[2])
				rec.At, rec.Raw = at, bytes.Clone(line)
			}
		case strings.HasPrefix(text, "Reading:") && open != nil:
			open.Reading, open.Writing, open.Waiting = numberAfter(text, "Reading: "), numberAfter(text, "Writing: "), numberAfter(text, "Waiting: ")
			flush()
		default:
			if s, ok := dateStamp(text); ok {
				flush()
				now = s
			}
		}
		numbers = false
	})
	flush()
	return err
}
