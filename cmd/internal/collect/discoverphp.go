package collect

import (
	"bufio"
	"bytes"
	"fmt"
	"path"
	"path/filepath"
	"strings"
)

const fpmMaster = "php-fpm: master process ("

// phpFPM finds the logs and the pools of the PHP-FPMs that run; each names its configuration in its title.
func (d *discovery) phpFPM(procs []Proc) {
	for _, p := range procs {
		conf, ok := strings.CutPrefix(p.Command, fpmMaster)
		if !ok {
			continue
		}
		conf, _, _ = strings.Cut(conf, ")")
		d.fpmConf(p, strings.TrimSpace(conf), 0)
	}
}

func (d *discovery) fpmConf(p Proc, conf string, depth int) {
	text, err := d.read(p.Root, conf, "php-fpm-pool")
	if err != nil {
		d.unread(filepath.Join(d.host.Root, p.Root, conf), err)
		return
	}
	line := 0
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		line++
		name, value, ok := strings.Cut(lines.Text(), "=")
		name, value = strings.TrimSpace(name), strings.Trim(strings.TrimSpace(value), `"'`)
		switch {
		case !ok || value == "":
		case name == "error_log" && path.IsAbs(value) && !strings.HasPrefix(value, "/dev/") && !strings.HasPrefix(value, "/proc/"):
			d.log(FoundLog{Path: value, Format: "php-fpm-log", How: fmt.Sprintf("%s:%d, %s", conf, line, p.who())}, p.Root)
		case name == "include" && depth < 2:
			files, _ := filepath.Glob(filepath.Join(d.host.Root, p.Root, below(path.Dir(conf), value)))
			for _, f := range files {
				if rel, err := filepath.Rel(filepath.Join(d.host.Root, p.Root), f); err == nil && len(d.conf) < maxFoundConfigs {
					d.fpmConf(p, "/"+filepath.ToSlash(rel), depth+1)
				}
			}
		}
	}
}
