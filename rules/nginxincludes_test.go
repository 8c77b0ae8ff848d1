package rules

import (
	"testing"

	"culprit/correlate"
	"culprit/parsers"
)

func TestMissingIncludes(t *testing.T) {
	for name, c := range map[string]struct {
		include string
		files   []string
		missing bool
	}{
		"a folder with another file":    {"/etc/nginx/sites-enabled/*", []string{"etc/nginx/sites-available/shop.conf"}, false},
		"a folder, and only nginx.conf": {"/etc/nginx/conf.d/*.conf", nil, true},
		"a named file that is there":    {"snippets/limits.conf", []string{"nginx/limits.conf"}, false},
		"a named file that is not":      {"snippets/limits.conf", []string{"etc/nginx/sites-available/shop.conf"}, true},
		"what a package brings":         {"/etc/nginx/mime.types", nil, false},
		"modules":                       {"/etc/nginx/modules-enabled/*.conf", nil, false},
		"itself":                        {"nginx.conf", nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			inc := &correlate.Incident{Configs: map[string]correlate.Config{"etc/nginx/nginx.conf": {System: "nginx"}, "redis.conf": {System: "redis"}}}
			for _, f := range c.files {
				inc.Configs[f] = correlate.Config{System: "nginx"}
			}
			inc.Settings = []correlate.Setting{{Setting: parsers.Setting{System: "nginx", Name: "include", Args: []string{c.include}}, Ev: correlate.Evidence{File: "etc/nginx/nginx.conf", Line: 4}}}
			if got := missingIncludes(inc); (len(got) > 0) != c.missing {
				t.Errorf("include %s with %v: told as missing: %v", c.include, c.files, got)
			}
		})
	}
}
