package rules

import "strings"

// setRedis sets a directive of redis.conf. The last active line counts, as in redis/src/config.c, so that one is changed;
// without one the line goes behind its commented template ("# maxmemory <bytes>"), else to the end.
func setRedis(name string, args ...string) change {
	line := name + " " + strings.Join(args, " ")
	return func(e *editor) {
		if e.isYAML() {
			setFlag(e, "--"+name, args)
			return
		}
		template := -1
		for i := len(e.lines) - 1; i >= 0; i-- {
			f := strings.Fields(e.lines[i].old)
			if len(f) > 1 && strings.EqualFold(f[0], name) {
				if !sameWords(f[1:], args) {
					e.override(i, indentOf(e.lines[i].old)+line)
				}
				return
			}
			if template < 0 && isTemplate(e.lines[i].old, name, len(args)) {
				template = i
			}
		}
		if template >= 0 {
			e.beside(template, line)
			return
		}
		e.append(line)
	}
}

// isYAML: a compose file or a manifest, in whose command Redis's directives are flags. A line of redis.conf would break it.
func (e *editor) isYAML() bool {
	for _, l := range e.lines {
		for _, key := range []string{"services:", "apiVersion:", "kind:"} {
			if strings.HasPrefix(l.old, key) {
				return true
			}
		}
	}
	return false
}

// setFlag sets a flag with one value where it stands with its value on one line, bare or as items of a list:
//
//	command: redis-server --maxmemory 512mb
//	command: ["redis-server", "--maxmemory", "512mb"]
//
// Anything else is left to the reader.
func setFlag(e *editor, flag string, args []string) {
	if len(args) != 1 {
		return
	}
	for i := range e.lines {
		old := e.lines[i].old
		from, to := valueOfFlag(old, flag)
		if from == to || strings.HasPrefix(strings.TrimSpace(old), "#") {
			continue
		}
		if old[from:to] != args[0] {
			e.set(i, old[:from]+args[0]+old[to:])
		}
		return
	}
}

// valueOfFlag is where the value of a flag stands on a line; an empty place where there is none.
func valueOfFlag(line, flag string) (from, to int) {
	const between, end = " =\"',", " \"',]"
	for at := 0; ; {
		i := strings.Index(line[at:], flag)
		if i < 0 {
			return 0, 0
		}
		at += i + len(flag)
		for from = at; from < len(line) && strings.ContainsRune(between, rune(line[from])); from++ {
		}
		if from == at { // another flag that begins like it
			continue
		}
		for to = from; to < len(line) && !strings.ContainsRune(end, rune(line[to])); to++ {
		}
		return from, to
	}
}

// isTemplate knows "# maxmemory <bytes>" and "# maxmemory-policy noeviction" from prose that begins with the same word.
func isTemplate(line, name string, args int) bool {
	rest, ok := strings.CutPrefix(strings.TrimSpace(line), "#")
	if !ok {
		return false
	}
	f := strings.Fields(rest)
	return len(f) == 1+args && strings.EqualFold(f[0], name) && !strings.ContainsAny(f[len(f)-1], ".,;:") && !strings.HasPrefix(rest, "  ")
}

func sameWords(a, b []string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !strings.EqualFold(strings.Trim(a[i], `"'`), strings.Trim(b[i], `"'`)) {
			return false
		}
	}
	return true
}

func indentOf(line string) string {
	return line[:len(line)-len(strings.TrimLeft(line, " \t"))]
}

// setINI sets "name = value" in a section of an ini-like file (PHP-FPM pool, my.cnf, systemd unit, php.ini, sysctl with
// section ""). The last active line of the section counts; else the line goes behind its commented template, else to the
// end of the section, else to a new section at the end. The spacing around "=" is the file's own.
func setINI(section, name, value string) change {
	return func(e *editor) {
		if e.isYAML() {
			return
		}
		in, found := section == "", section == ""
		active, template, last := -1, -1, -1
		sep := " = "
		for i := range e.lines {
			s := strings.TrimSpace(e.lines[i].old)
			if strings.HasPrefix(s, "[") && strings.Contains(s, "]") {
				in = section == "" || strings.EqualFold(s[1:strings.IndexByte(s, ']')], section)
				found = found || in
				if in {
					last = i
				}
				continue
			}
			if !in || s == "" {
				continue
			}
			if s[0] == '#' || s[0] == ';' {
				if key, _, ok := strings.Cut(strings.TrimLeft(s, "#; \t"), "="); ok && sameKey(key, name) {
					template = i
				}
				continue
			}
			last = i
			key, _, ok := strings.Cut(s, "=")
			if ok {
				sep = separator(e.lines[i].old)
			}
			if sameKey(key, name) {
				active = i
			}
		}
		switch {
		case active >= 0:
			old := e.lines[active].old
			key, rest, ok := strings.Cut(old, "=")
			was, comment := cutComment(rest)
			if strings.TrimSpace(was) == value && ok {
				return
			}
			space := rest[:len(rest)-len(strings.TrimLeft(rest, " \t"))]
			if !ok { // a bare word, "skip-networking"
				key, space = strings.TrimRight(key, " \t")+strings.TrimRight(sep[:strings.IndexByte(sep, '=')], ""), sep[strings.IndexByte(sep, '=')+1:]
			}
			e.override(active, key+"="+space+value+comment)
		case template >= 0:
			e.beside(template, name+sep+value)
		case last >= 0 && found:
			e.insert(e.behindSecrets(last), name+sep+value)
		case section == "":
			e.append(name + sep + value)
		default:
			var lines []string
			if n := len(e.lines); n > 0 && strings.TrimSpace(e.lines[n-1].old) != "" {
				lines = append(lines, "")
			}
			e.append(append(lines, "["+section+"]", name+sep+value)...)
		}
	}
}

// sameKey: MySQL takes - for _, and case does not matter to any of them but sysctl, which has none.
func sameKey(a, b string) bool {
	norm := strings.NewReplacer("-", "_")
	return strings.EqualFold(norm.Replace(strings.TrimSpace(a)), norm.Replace(b))
}

func separator(line string) string {
	i := strings.IndexByte(line, '=')
	left := line[:i]
	right := line[i+1:]
	return left[len(strings.TrimRight(left, " \t")):] + "=" + right[:len(right)-len(strings.TrimLeft(right, " \t"))]
}

// cutComment splits a trailing comment off with the blanks before it.
func cutComment(rest string) (value, comment string) {
	for i := 1; i < len(rest); i++ {
		if (rest[i] == '#' || rest[i] == ';') && (rest[i-1] == ' ' || rest[i-1] == '\t') {
			value = strings.TrimRight(rest[:i], " \t")
			return value, rest[len(value):]
		}
	}
	return rest, ""
}
