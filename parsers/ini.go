package parsers

import "strings"

// iniDialect is what tells the ini files of PHP and of MySQL apart. No library reads both as their programs do: each of the
// four rules below, got wrong, changes a value or drops one.
type iniDialect struct {
	system string

	// hashInline: MySQL takes "#" in a value for a comment wherever it stands outside quotes, and ";" never.
	hashInline bool
	// semicolonInline: PHP ends an unquoted value at ";" anywhere.
	semicolonInline bool
	// flags: a name alone, without "=", is a setting (skip-name-resolve).
	flags bool
	// fold: MySQL reads "innodb-buffer-pool-size" and "innodb_buffer_pool_size" as one.
	fold bool
}

var (
	phpINI   = iniDialect{system: "php", semicolonInline: true}
	poolINI  = iniDialect{system: "php-fpm", semicolonInline: true}
	mysqlINI = iniDialect{system: "mysql", hashInline: true, flags: true, fold: true}
)

// parse emits the file's text and a Setting a line, with Path naming the section. A section that comes twice is one section
// for its program, and both are given.
func (d iniDialect) parse(src *Source, emit func(Record)) error {
	text, err := readConfig(src)
	if err != nil {
		return err
	}
	emitConfig(src, d.system, text, emit)
	var path []string
	eachTextLine(src, text, func(line string, at Pos) {
		s := unlisted(line)
		if s == "" || s[0] == ';' || s[0] == '#' {
			return
		}
		if s[0] == '[' {
			end := strings.IndexByte(s, ']')
			if end < 0 {
				src.Skip(at.Line, []byte(line), "a section without its closing bracket")
				return
			}
			path = []string{strings.TrimSpace(s[1:end])}
			return
		}
		set, ok := d.setting(s)
		if !ok {
			src.Skip(at.Line, []byte(line), "neither a section nor name = value")
			return
		}
		set.Path = path
		emit(Record{At: at, Raw: []byte(line), Fact: set})
	})
	return nil
}

func (d iniDialect) setting(s string) (*Setting, bool) {
	if s[0] == '!' { // !include /etc/mysql/x.cnf, !includedir /etc/mysql/conf.d/
		name, arg, ok := strings.Cut(s, " ")
		return &Setting{System: d.system, Name: name, Args: []string{strings.TrimSpace(arg)}}, ok && d.fold
	}
	name, value, ok := strings.Cut(s, "=")
	name = strings.TrimSpace(name)
	if !ok {
		name, _, _ = strings.Cut(name, "#")
		name = strings.TrimSpace(name)
		ok = d.flags
	}
	if !ok || name == "" || strings.ContainsAny(name, " \t\"'<>(){}") {
		return nil, false
	}
	if d.fold {
		name = strings.ReplaceAll(strings.ToLower(name), "-", "_")
	}
	set := &Setting{System: d.system, Name: name}
	if value = d.value(value); value != "" || strings.Contains(s, "=") {
		if isSecretName(name) && value != "" {
			value = "***"
		}
		set.Args = []string{blankURLSecret(value)}
	}
	return set, true
}

// value takes the comment and the quotes off a value. Inside quotes everything stands for itself.
func (d iniDialect) value(v string) string {
	v = strings.TrimSpace(v)
	if len(v) > 0 && (v[0] == '"' || v[0] == '\'') {
		if end := strings.IndexByte(v[1:], v[0]); end >= 0 {
			rest := strings.TrimSpace(v[end+2:])
			if rest == "" || rest[0] == ';' && d.semicolonInline || rest[0] == '#' && d.hashInline {
				return v[1 : end+1]
			}
		}
		return v
	}
	end := len(v)
	if d.hashInline {
		if i := strings.IndexByte(v, '#'); i >= 0 {
			end = i
		}
	}
	if d.semicolonInline {
		if i := strings.IndexByte(v, ';'); i >= 0 && i < end {
			end = i
		}
	}
	return strings.TrimSpace(v[:end])
}

// iniNames collects the section and setting names of a head, for Match.
func (d iniDialect) iniNames(h *Head, f func(section, name, value string)) {
	for _, line := range h.Texts(2000) {
		s := unlisted(line)
		if s == "" || s[0] == ';' || s[0] == '#' {
			continue
		}
		if s[0] == '[' {
			if end := strings.IndexByte(s, ']'); end > 0 && end == len(s)-1 {
				f(s[1:end], "", "")
			}
			continue
		}
		if set, ok := d.setting(s); ok {
			f("", set.Name, set.Value())
		} else {
			f("", "", "")
		}
	}
}
