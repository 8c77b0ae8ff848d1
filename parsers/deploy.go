package parsers

import (
	"strings"
	"time"
)

// deploy-log is what a deployment wrote down about itself, a timed line each:
//
//	2026-10-18 02:32:52 UTC release 212: start
//	2026-10-18T02:33:39Z release 212: reload php8.1-fpm, nginx -s reload
//	Branch main (at 4f1c2d3) deployed as release 20261018023252 by deploy
var _ = register(Parser{
	Name:  "deploy-log",
	Doc:   "deployment logs, Capistrano's revisions.log -> deploy",
	Most:  SureShape - 5,
	Match: matchDeployLog,
	Parse: parseDeployLog,
})

func matchDeployLog(h *Head) int {
	timed, words, lines := 0, 0, 0
	for _, line := range h.Texts(200) {
		if line[0] == ' ' || line[0] == '\t' {
			continue
		}
		lines++
		s, text := deployLine(line)
		if s.clock() != NoClock {
			timed++
			if isDeployText(text) {
				words++
			}
		}
	}
	named := strings.Contains(h.Name, "deploy") || strings.Contains(h.Name, "release") || strings.Contains(h.Name, "revisions.log")
	switch {
	case words == 0 || timed*2 < lines:
		return 0
	case words*2 >= lines:
		return SureShape - 5
	case named:
		return SureHabit + 10
	}
	return 0
}

func isDeployText(text string) bool {
	t := strings.ToLower(text)
	for _, word := range []string{"deploy", "release", "rollback", "rolled back", "rolling out", "rollout"} {
		if strings.Contains(t, word) {
			return true
		}
	}
	return false
}

func parseDeployLog(src *Source, emit func(Record)) error {
	return EachLine(src, func(line []byte, at Pos) {
		s, text := deployLine(string(line))
		if s.clock() == NoClock {
			if line[0] != ' ' && line[0] != '\t' { // indented: a command's output
				src.Skip(at.Line, line, "no time")
			}
			return
		}
		emit(s.put(Record{At: at, Raw: line, Fact: &Deploy{Text: clip(text, maxEventText)}}))
	})
}

func deployLine(line string) (stamp, string) {
	if s, rest, ok := leadStamp(line); ok {
		return s, rest
	}
	// Capistrano names a release by its UTC time.
	if _, rest, ok := strings.Cut(line, " deployed as release "); ok && len(rest) >= 14 {
		if t, err := time.Parse("20060102150405", rest[:14]); err == nil {
			return newStamp(t, "UTC"), line
		}
	}
	return stamp{}, line
}
