package parsers

import (
	"bytes"
	"regexp"
	"strings"
)

// BlankSessionIDs replaces by *** the session ids in a line that is to be quoted: who has one is logged in as its owner.
// An id is what looks made by a machine behind a word for session.
//
//	TTL wc_session_8a9b2c3d4e5f6a7b8c9d0e1f2a3b4c5d    TTL wc_session_***
//	GET /cart?PHPSESSID=k7fbnq20u1mv9e3hj5t8r6w4c2     GET /cart?PHPSESSID=***
//	lock on ID sess_00000039f05fe670                   lock on ID sess_***
//
// A line without such a word is handed back as it is, without a copy.
func BlankSessionIDs(line []byte) []byte {
	if !bytes.Contains(line, []byte("ess")) && !bytes.Contains(line, []byte("ESS")) && !bytes.Contains(line, []byte("sid")) && !bytes.Contains(line, []byte("SID")) {
		return line
	}
	if !hasSessionWord(line) { // "success", "address", "process" are common, and sessionIDRE takes 2 µs to turn them down
		return line
	}
	var out []byte
	from := 0
	for _, m := range sessionIDRE.FindAllSubmatchIndex(line, -1) {
		if id := line[m[2]:m[3]]; looksMade(string(id)) {
			out = append(append(out, line[from:m[2]]...), "***"...)
			from = m[3]
		}
	}
	if from == 0 {
		return line
	}
	return append(out, line[from:]...)
}

// hasSessionWord finds what sessionIDRE begins with.
func hasSessionWord(line []byte) bool {
	for i, c := range line {
		rest := line[i+1:]
		switch {
		case c == 0xc5: // perhaps ſ, which is an s to (?i)
			return true
		case c|0x20 != 's' || len(rest) < 2:
		case rest[0]|0x20 == 'i' && rest[1]|0x20 == 'd',
			rest[0]|0x20 == 'e' && rest[1]|0x20 == 's' && len(rest) > 2 && rest[2]|0x20 == 's':
			return true
		}
	}
	return false
}

// sessionIDRE: a word for session, what joins it to its id - up to three words of a key among it, as in
// spring:session:sessions:expires: - and the id.
var sessionIDRE = regexp.MustCompile(`(?i)(?:sess(?:ion)?s?(?:[_-]?(?:id|key|token|data))?|sid|sessid)(?:\\?["'])?(?:\s*[:=_/.]{1,2}\s*|\s+|-)(?:\\?["'])?(?:s(?:%3A|:))?(?:[a-z]{1,20}[:_]|[0-9]{1,2}::?){0,3}([a-z0-9][a-z0-9,%.-]{7,})`)

// looksMade says whether a part of what stands there is an id: as in the name of a key, but for numbers that may be counts
// and dates.
func looksMade(id string) bool {
	if uuidRE.MatchString(id) {
		return true
	}
	for part := range strings.FieldsFuncSeq(id, func(r rune) bool { return r == '-' || r == ',' || r == '.' || r == '%' }) {
		if isChanging(part) && (len(part) >= 10 || strings.Trim(part, "0123456789") != "") {
			return true
		}
	}
	return false
}
