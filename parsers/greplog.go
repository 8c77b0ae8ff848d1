package parsers

import (
	"regexp"
	"slices"
)

// grep-log is what grep and zgrep print of several files: each line behind the name of its file, and its number with -n.
//
//	/var/log/nginx/error.log:2026/03/05 10:00:02 [error] 812#812: *77 upstream timed out (110: Connection timed out) while ...
//	/var/log/php8.2-fpm.log:41:[05-Mar-2026 10:00:01] WARNING: [pool www] server reached pm.max_children setting (10), ...
//	access.log.2.gz:198.51.100.7 - - [05/Mar/2026:10:00:01 +0000] "GET /p/491 HTTP/1.1" 502 157 "-" "Mozilla/5.0 (X11; Linux x86_64)"
//
// Each file is read by the parser that recognises its lines, with the line numbers of the whole.
var _ = register(Parser{
	Name:  "grep-log",
	Doc:   "grep and zgrep of several files, their names in front of the lines -> whatever each of them says",
	Most:  SureMark + 5,
	Match: (*Head).grepLog,
	Parse: func(src *Source, emit func(Record)) error {
		return parseServices(src, emit, &composeReader{format: "grep-log", split: grepLine})
	},
})

// matchGrepLog wants four lines in five, and files of which something is known.
func matchGrepLog(h *Head) int {
	lines, ours, others := h.Lines(400), 0, 0
	texts := map[string][]byte{}
	for _, line := range lines {
		if name, text, ok := grepLine(line); ok {
			ours++
			if len(texts) < maxSniffedParts || texts[string(name)] != nil {
				texts[string(name)] = append(append(texts[string(name)], text...), '\n')
			}
		} else if string(line) == "--" { // between the contexts of -C
			ours++
		} else if others++; others*5 > len(lines) {
			return 0
		}
	}
	if ours == 0 {
		return 0
	}
	for name, text := range texts {
		if _, sure := detect(NewHead(name, text), "grep-log"); sure > 0 {
			return SureMark + 5
		}
	}
	return 0
}

// grepLine takes the file's name, and grep -n's number, off a line.
func grepLine(line []byte) (file, text []byte, ok bool) {
	n := 0
	for n < len(line) && n < maxServiceName && isPathByte(line[n]) {
		n++
	}
	if n == 0 || n == len(line) || line[n] != ':' {
		return nil, nil, false
	}
	file, text = line[:n], line[n+1:]
	if !logFileRE.Match(file) {
		return nil, nil, false
	}
	if number, rest := leadingInt(text); number > 0 && len(rest) > 0 && rest[0] == ':' && !isClock(text) {
		text = rest[1:]
	}
	return file, text, true
}

// isClock tells 10:00:02 from the number of a line.
func isClock(b []byte) bool {
	_, n := parseClock(b)
	return n > 0
}

// logFileRE are the names of logs; a host with its port is none, nor is the path of a script in a stack trace.
var logFileRE = regexp.MustCompile(`(?i)(\.(log|err|out|slow)([-.]\d+)*(\.(gz|bz2|xz|zst))?|/[^/]+\.txt|[-_./](log|error_log|access_log|error\.log|access\.log)([-.]\d+)*(\.(gz|bz2|xz|zst))?|(^|/)(syslog|messages|kern\.log|daemon\.log)([-.]\d+)*(\.(gz|bz2|xz|zst))?)$`)

func isPathByte(c byte) bool {
	return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'z' || slices.Contains([]byte("/._-@+=,~"), c)
}
