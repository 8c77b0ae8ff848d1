package rules

import (
	"slices"
	"strings"

	"culprit/correlate"
)

// nginxPlace is where limits go in one file: the lines for http context (maps, zones) and the servers they act in. Lines
// are indexes of the file as it was read.
type nginxPlace struct {
	file    string
	http    int // insert behind this line; -1 = head of the file
	indent  string
	unit    string // the file's own step of indentation
	servers []nginxServer
	inHTTP  bool // no server in the file: the limit goes to http level, and every server takes it from there
}

type nginxServer struct {
	line   int // of its "server {"
	indent string
	own    []int // lines of locations inside that have a limit_req of their own, and so take none from above
}

// findNginx chooses the file to put limits into: the one whose servers answer, by their root or upstream; of several the
// one with most. Only the text of the file counts, so that the same place is found in a patched one.
func (c *Case) findNginx() (nginxPlace, bool) {
	var best nginxPlace
	most := -1
	var files []string
	for file, cfg := range c.Configs {
		if cfg.System == "nginx" && c.ownFile(file) && !c.isUnparsed(file) {
			files = append(files, file)
		}
	}
	slices.Sort(files)
	for _, file := range files {
		p := c.nginxPlace(file)
		n := len(p.servers) * 2
		if p.inHTTP {
			n = 1
		}
		if n > most && (n > 0) {
			best, most = p, n
		}
	}
	return best, most > 0
}

func (c *Case) nginxPlace(file string) nginxPlace {
	p := nginxPlace{file: file, http: -1}
	lines := strings.Split(string(c.Configs[file].Text), "\n")
	indentAt := func(line int) string {
		if line < 1 || line > len(lines) {
			return ""
		}
		return indentOf(lines[line-1])
	}
	// opens: the line does nothing but open its block, so that lines can go behind it.
	opens := func(line int) bool {
		if line < 1 || line > len(lines) {
			return false
		}
		code, _ := cutComment(lines[line-1])
		return strings.HasSuffix(strings.TrimSpace(code), "{") && strings.Count(code, "{") == 1
	}
	p.unit = unit(lines)
	var httpLine, firstServer, firstInclude int
	for _, s := range c.Settings {
		if s.System != "nginx" || s.Ev.File != file {
			continue
		}
		depth := len(s.Path)
		top := depth == 0 || depth == 1 && s.Path[0] == "http"
		switch {
		case s.Name == "http" && s.Block && depth == 0:
			httpLine = s.Ev.Line
		case s.Name == "include" && depth == 1 && s.Path[0] == "http" && (strings.Contains(s.Value(), "sites") || strings.Contains(s.Value(), "conf.d")):
			if firstInclude == 0 {
				firstInclude = s.Ev.Line
			}
		case s.Name == "server" && s.Block && len(s.Args) == 0 && top:
			if !opens(s.Ev.Line) {
				return nginxPlace{} // a file on few lines is no file to insert lines into
			}
			if firstServer == 0 {
				firstServer = s.Ev.Line
			}
			if c.answers(file, s) {
				p.servers = append(p.servers, nginxServer{line: s.Ev.Line - 1, indent: indentAt(s.Ev.Line) + p.unit, own: c.ownLimits(file, s)})
			}
		}
	}
	if httpLine > 0 && !opens(httpLine) {
		return nginxPlace{}
	}
	switch {
	case firstServer > 0:
		p.http, p.indent = firstServer-2, indentAt(firstServer)
		// a comment block that belongs to the server stays with it
		for p.http >= 0 && strings.HasPrefix(strings.TrimSpace(lines[p.http]), "#") {
			p.http--
		}
	case firstInclude > 0:
		p.http, p.indent, p.inHTTP = firstInclude-2, indentAt(firstInclude), true
	case httpLine > 0:
		p.http, p.indent, p.inHTTP = httpLine-1, indentAt(httpLine)+p.unit, true
	}
	return p
}

// answers: the server does more than redirect.
func (c *Case) answers(file string, server correlate.Setting) bool {
	for _, s := range c.Settings {
		if s.System != "nginx" || s.Ev.File != file || s.Ev.Line < server.Ev.Line || s.Ev.Line > server.EndLine {
			continue
		}
		switch s.Name {
		case "root", "location", "try_files":
			return true
		}
		if strings.HasSuffix(s.Name, "_pass") {
			return true
		}
	}
	return server.EndLine == 0
}

// ownLimits are the locations that name a limit_req: nginx takes the limits of the level above only where there is none.
func (c *Case) ownLimits(file string, server correlate.Setting) []int {
	var out []int
	for _, s := range c.Settings {
		if s.System == "nginx" && s.Ev.File == file && s.Name == "limit_req" && s.Ev.Line > server.Ev.Line && s.Ev.Line < server.EndLine && len(s.Path) > len(server.Path)+1 {
			out = append(out, s.Ev.Line-1)
		}
	}
	return out
}

// unit is the file's own step of indentation: that of most lines that begin a block's inside.
func unit(lines []string) string {
	votes := map[string]int{}
	best := "    "
	for i := 1; i < len(lines); i++ {
		outer, inner := indentOf(lines[i-1]), indentOf(lines[i])
		if step, ok := strings.CutPrefix(inner, outer); ok && step != "" && len(step) <= 8 && strings.HasSuffix(strings.TrimSpace(lines[i-1]), "{") {
			if votes[step]++; votes[step] > votes[best] {
				best = step
			}
		}
	}
	return best
}

// nginxLimits is what to write: lines for http context and for each server.
type nginxLimits struct {
	http, server []string
}

// limitsChange inserts both. The lines are looked for first: what already stands is not written again.
func limitsChange(p nginxPlace, l nginxLimits, anchors []string) change {
	return func(e *editor) {
		for i := range e.lines {
			if strings.TrimSpace(e.lines[i].old) == strings.TrimSpace(l.http[0]) {
				return
			}
		}
		at := func(line int) int { return locate(e, line, anchors) }
		var block []string
		for _, s := range l.http {
			if in, ok := strings.CutPrefix(s, "    "); ok {
				s = p.unit + in
			}
			block = append(block, p.indent+s)
		}
		if p.inHTTP {
			head := slices.IndexFunc(e.lines, func(l editLine) bool {
				rest, ok := strings.CutPrefix(strings.TrimSpace(l.old), "http")
				return ok && strings.HasPrefix(strings.TrimSpace(rest), "{")
			})
			for _, s := range l.server {
				if !strings.HasPrefix(s, "limit_req_status") || head < 0 || !holdsStatus(e, head) {
					block = append(block, p.indent+s)
				}
			}
		}
		http := p.http
		if http >= 0 {
			http = at(http)
		}
		if http >= 0 && strings.TrimSpace(e.lines[http].old) != "" {
			block = append([]string{""}, block...)
		}
		next := http + 1
		if next < len(e.lines) && strings.TrimSpace(e.lines[next].old) != "" {
			block = append(block, "")
		}
		e.insert(http, block...)
		for _, s := range p.servers {
			line := at(s.line)
			if line < 0 {
				continue
			}
			var add []string
			for _, t := range l.server {
				// nginx refuses a second limit_req_status of one level; the one that stands decides.
				if !strings.HasPrefix(t, "limit_req_status") || !holdsStatus(e, line) {
					add = append(add, s.indent+t)
				}
			}
			e.insert(line, add...)
			for _, own := range s.own {
				if o := at(own); o >= 0 {
					var add []string
					for _, t := range l.server {
						if strings.HasPrefix(t, "limit_req ") {
							add = append(add, indentOf(e.lines[o].old)+t)
						}
					}
					e.insert(o, add...)
				}
			}
		}
	}
}

// holdsStatus: the block that line opens has a limit_req_status of its own.
func holdsStatus(e *editor, line int) bool {
	depth := 0
	for i := line; i < len(e.lines); i++ {
		code, _ := cutComment(" " + e.lines[i].old)
		if strings.HasPrefix(strings.TrimSpace(code), "#") {
			continue
		}
		if depth == 1 && strings.HasPrefix(strings.TrimSpace(code), "limit_req_status") {
			return true
		}
		depth += strings.Count(code, "{") - strings.Count(code, "}")
		if depth <= 0 {
			return false
		}
	}
	return false
}

// locate finds a line of the file as it was read in the file as it is now, where other fixes may have added lines above:
// the nearest line with the same text. -1 when it is gone.
func locate(e *editor, line int, was []string) int {
	if line < 0 || line >= len(was) {
		return min(line, len(e.lines)-1)
	}
	text := strings.TrimSuffix(was[line], "\r")
	// Of lines with the same text, take the same one in order.
	nth := 0
	for i := 0; i < line; i++ {
		if strings.TrimSuffix(was[i], "\r") == text {
			nth++
		}
	}
	for i := range e.lines {
		if e.lines[i].old == text {
			if nth == 0 {
				return i
			}
			nth--
		}
	}
	return -1
}

// nginxQuote writes a pattern or a key for nginx.conf: in quotes, because { } ; and blanks would end the word.
func nginxQuote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
