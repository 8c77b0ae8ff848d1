package collect

import (
	"bytes"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"culprit/parsers"
)

// Where packages and builds put nginx.conf; what a process does not name is one of these.
var nginxConfs = []string{
	"/etc/nginx/nginx.conf", "/usr/local/nginx/conf/nginx.conf", "/usr/local/openresty/nginx/conf/nginx.conf",
	"/usr/local/etc/nginx/nginx.conf", "/opt/nginx/conf/nginx.conf", "/www/server/nginx/conf/nginx.conf",
}

const nginxMaster = "nginx: master process"

// nginx finds the logs of the nginxes that run. Each tells its command line behind its title: where the configuration
// lies, if not where it was built to.
func (d *discovery) nginx(procs []Proc) {
	found := false
	for _, p := range procs {
		args, ok := strings.CutPrefix(p.Command, nginxMaster)
		if !ok {
			continue
		}
		found = true
		words := strings.Fields(args)
		conf, prefix := option(words, "c"), option(words, "p")
		if conf == "" || !path.IsAbs(conf) && prefix == "" {
			conf = d.builtConf(p.Root, conf)
		}
		if conf == "" {
			d.miss("nginx.conf", "%s does not tell it, and it is in none of the usual places: name it with --nginx-conf", p.who())
			continue
		}
		d.nginxConf(p.Root, below(prefix, conf), prefix, p.who())
	}
	if !found {
		d.miss("nginx", "none runs here: name its logs with --access-log and --error-log")
	}
}

func (d *discovery) builtConf(root, name string) string {
	for _, c := range nginxConfs {
		if name != "" {
			c = path.Join(path.Dir(c), name)
		}
		if _, err := os.Stat(filepath.Join(d.host.Root, root, c)); err == nil {
			return c
		}
	}
	return ""
}

// NginxLogs is what one nginx.conf says about logs, with what it includes.
func (h *Host) NginxLogs(conf string) Found {
	d := &discovery{host: h, conf: map[string]bool{}, logs: map[string]bool{}}
	d.nginxConf("", conf, "", "--nginx-conf")
	return d.Found
}

// nginxConf reads a configuration with its includes, and takes the logs that it names.
func (d *discovery) nginxConf(root, conf, prefix, who string) {
	if prefix == "" { // the built-in one: conf/ lies in it, or the distribution chose another place for nginx.conf
		if prefix = path.Dir(conf); path.Base(prefix) == "conf" {
			prefix = path.Dir(prefix)
		}
	}
	c := nginxRead{d: d, root: root, dir: path.Dir(conf), seen: map[string]bool{}}
	if c.file(conf, 0); c.unread {
		return
	}
	formats := parsers.LogFormats(c.settings...)
	named := map[string]bool{}
	for _, r := range c.settings {
		s := r.Fact.(*parsers.Setting)
		format := map[string]string{"access_log": "nginx-access", "error_log": "nginx-error"}[s.Name]
		if format == "" || len(s.Args) == 0 {
			continue
		}
		named[s.Name] = true
		to := s.Args[0]
		how := fmt.Sprintf("%s, %s", r.At, who)
		switch {
		case to == "off" || to == "/dev/null":
		case strings.HasPrefix(to, "syslog:") || to == "stderr" || strings.HasPrefix(to, "/dev/std"):
			d.miss(s.Name+" "+to, "%s: no file; name the one that it ends up in with --access-log or --error-log", how)
		case strings.ContainsRune(to, '$'):
			d.miss(s.Name+" "+to, "%s: the name depends on the request; name the files with --access-log", how)
		default:
			if !path.IsAbs(to) {
				to = below(prefix, to)
			}
			d.log(FoundLog{Path: to, Format: format, How: how, Formats: formatsOf(formats, s.Args[0])}, root)
		}
	}
	for _, usual := range [][3]string{{"access_log", "nginx-access", "access.log"}, {"error_log", "nginx-error", "error.log"}} {
		if named[usual[0]] {
			continue
		}
		for _, dir := range []string{path.Join(prefix, "logs"), "/var/log/nginx"} { // where builds, and packages, put them
			file := path.Join(dir, usual[2])
			if _, err := os.Stat(filepath.Join(d.host.Root, root, file)); err == nil {
				d.log(FoundLog{Path: file, Format: usual[1], How: "no " + usual[0] + " in " + conf + ": where it usually is, " + who, Formats: formatsOf(formats, "")}, root)
				break
			}
		}
	}
}

// formatsOf puts the log_formats that a log is written in first, and lets them alone name it: two sites may both log to
// an access.log, each in its own format.
func formatsOf(all []parsers.LogFormat, file string) []parsers.LogFormat {
	var own, others []parsers.LogFormat
	for _, f := range all {
		if slices.Contains(f.Paths, file) {
			f.Paths = []string{file}
			own = append(own, f)
			continue
		}
		f.Paths = nil
		others = append(others, f)
	}
	return append(own, others...)
}

// nginxRead collects what a configuration says about logs.
type nginxRead struct {
	d         *discovery
	root, dir string // includes are relative to the folder of nginx.conf
	seen      map[string]bool
	unread    bool // nginx.conf itself
	settings  []parsers.Record
}

func (c *nginxRead) file(file string, depth int) {
	if c.seen[file] || len(c.seen) == maxFoundConfigs {
		return
	}
	c.seen[file] = true
	text, err := c.d.read(c.root, file, "nginx-conf")
	if err != nil {
		c.unread = c.unread || depth == 0
		c.d.unread(filepath.Join(c.d.host.Root, c.root, file), err)
		return
	}
	parser, _ := parsers.ByName("nginx-conf")
	var includes []string
	_ = parsers.Read(parser, &parsers.Source{Name: file, R: bytes.NewReader(text)}, func(r parsers.Record) { // of bytes in memory
		s, ok := r.Fact.(*parsers.Setting)
		switch {
		case !ok || len(s.Args) == 0:
		case s.Name == "include":
			includes = append(includes, s.Args[0])
		case s.Name == "access_log" || s.Name == "error_log" || s.Name == "log_format":
			s := *s
			s.Args = slices.Clone(s.Args)
			c.settings = append(c.settings, parsers.Record{At: r.At, Fact: &s})
		}
	})
	if depth == maxIncludeDepth {
		return
	}
	for _, pattern := range includes {
		full := filepath.Join(c.d.host.Root, c.root, below(c.dir, pattern))
		files, _ := filepath.Glob(full)
		if files == nil && !strings.ContainsAny(pattern, "*?[") {
			files = []string{full}
		}
		for _, f := range files {
			rel, err := filepath.Rel(filepath.Join(c.d.host.Root, c.root), f)
			if err == nil {
				c.file("/"+filepath.ToSlash(rel), depth+1)
			}
		}
	}
}
