package parsers

import "strings"

// php-ini is php.ini or a file of its conf.d:
//
//	[Session]
//	session.save_handler = redis
//	session.save_path = "tcp://127.0.0.1:6379?auth=secret"
//	memory_limit = 256M
var _ = register(Parser{
	Name:  "php-ini",
	Doc:   "php.ini and conf.d files -> config, setting",
	Most:  SureMark - 10,
	Match: matchPHPINI,
	Parse: phpINI.parse,
})

func matchPHPINI(h *Head) int {
	marks, settings, other := 0, 0, 0
	phpINI.iniNames(h, func(section, name, value string) {
		switch {
		case section == "PHP":
			marks += 2
		case section != "":
		case name == "":
			other++
		case strings.HasPrefix(name, "session.") && name != "session.cookie", strings.HasPrefix(name, "opcache."), strings.HasPrefix(name, "redis.session."),
			name == "memory_limit", name == "max_execution_time", name == "upload_max_filesize", name == "post_max_size",
			name == "zend_extension", name == "extension" && (strings.HasSuffix(value, ".so") || !strings.ContainsAny(value, " /")), name == "expose_php":
			marks++
		default:
			settings++
		}
	})
	switch {
	case marks >= 2 && other <= marks:
		return SureMark - 10
	case marks >= 1 && other == 0 && (settings == 0 || strings.HasSuffix(h.Name, ".ini")):
		return SureShape
	}
	return 0
}
