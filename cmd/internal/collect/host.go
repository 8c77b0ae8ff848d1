package collect

import (
	"regexp"
	"strings"
)

// A component that names a host: sosreport-web1-2026-04-20-abcdef, an address, a full name, or a role with a number as
// hosts are called: web1, db-02, redis03a, ip-10-0-3-7.
var (
	sosName  = regexp.MustCompile(`^sos(?:report|collector)?-(.+?)(?:-\d{4}-\d\d-\d\d(?:-.*)?|[-.]\d{8,}.*)$`)
	ipName   = regexp.MustCompile(`^(?:\d{1,3}(?:\.\d{1,3}){3}|ip-\d+-\d+-\d+-\d+.*)$`)
	fullName = regexp.MustCompile(`^[a-z0-9-]+(?:\.[a-z0-9-]+)*\.(?:com|net|org|io|local|lan|internal|localdomain|example|test|cn|de|uk|fr|jp)$`)
	roleName = regexp.MustCompile(`^(?:[a-z]+-)*(?:web|www|app|api|db|sql|mysql|maria|redis|cache|node|host|srv|server|vm|front|frontend|back|backend|fe|be|lb|proxy|edge|worker|shop|box|master|primary|replica|slave)-?\d{1,4}[a-z]?$`)
)

// notHosts end the search: below them a name is part of the host's own tree.
var notHosts = map[string]bool{
	"var": true, "etc": true, "proc": true, "sys": true, "opt": true, "usr": true, "srv": true, "home": true, "run": true,
	"root": true, "sos_commands": true,
}

// hostOf says which host a path names: the first folder (or archive) in it that is called like one.
func hostOf(rel string) string {
	parts := strings.Split(rel, "/")
	for _, p := range parts[:len(parts)-1] {
		if notHosts[p] {
			return ""
		}
		if i := strings.Index(p, ".tar"); i > 0 {
			p = p[:i]
		}
		p = strings.ToLower(strings.TrimSuffix(strings.TrimSuffix(p, ".zip"), ".tgz"))
		if m := sosName.FindStringSubmatch(p); m != nil {
			return m[1]
		}
		if ipName.MatchString(p) || fullName.MatchString(p) || roleName.MatchString(p) {
			return p
		}
	}
	return ""
}
