package rules

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"culprit/correlate"
)

// missingIncludes are the includes of nginx whose files the input does not have: what stands in them is not known. Files that a
// package brings and that hold no rule of the site are left out, and so is a pattern that may rightly match nothing, when
// another nginx file is there to be what it meant: collected files lie flat.
func missingIncludes(inc *correlate.Incident) []correlate.Setting {
	var files []string
	for f, c := range inc.Configs {
		if c.System == "nginx" {
			files = append(files, f)
		}
	}
	var out []correlate.Setting
	for _, s := range inc.Settings {
		if s.System != "nginx" || s.Name != "include" || packaged(s.Value()) {
			continue
		}
		if !slices.ContainsFunc(files, func(f string) bool { return f != s.Ev.File && includes(s.Value(), f) }) {
			out = append(out, s)
		}
	}
	return out
}

// includes says whether a pattern means a file, which may lie anywhere in the input: by the name and its folder, by the name
// alone, and by any name for a bare star.
func includes(pattern, file string) bool {
	base := path.Base(pattern)
	if strings.Trim(base, "*") == "" || strings.Trim(base, "*") == ".conf" {
		return true
	}
	ok, err := path.Match(base, path.Base(file))
	return ok && err == nil
}

// packagedIncludes are in Debian's, Red Hat's and nginx.org's packages.
var packagedIncludes = []string{"mime.types", "fastcgi_params", "fastcgi.conf", "proxy_params", "scgi_params", "uwsgi_params",
	"koi-utf", "koi-win", "win-utf", "fastcgi-php.conf"}

func packaged(pattern string) bool {
	return slices.Contains(packagedIncludes, path.Base(pattern)) || strings.Contains(pattern, "modules")
}

// includesNote tells what the missing files may hide.
func includesNote(list []correlate.Setting) string {
	s := list[0]
	more := ""
	if len(list) > 1 {
		more = fmt.Sprintf(", and %d more", len(list)-1)
	}
	return fmt.Sprintf("%s:%d includes %s, which is not in the input%s: a limit or a map that stands there is not known here", s.Ev.File, s.Ev.Line, s.Value(), more)
}
