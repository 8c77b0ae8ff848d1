package parsers

import "strings"

// php-fpm-pool is a pool file of PHP-FPM (pool.d/www.conf) or php-fpm.conf:
//
//	[www]
//	pm = dynamic
//	pm.max_children = 50   ; why 50
//	php_admin_value[memory_limit] = 256M
var _ = register(Parser{
	Name:  "php-fpm-pool",
	Doc:   "PHP-FPM pool file and php-fpm.conf -> config, setting",
	Match: matchPHPFPMPool,
	Parse: poolINI.parse,
})

func matchPHPFPMPool(h *Head) int {
	marks, bad, settings, global := 0, 0, 0, false
	poolINI.iniNames(h, func(section, name, value string) {
		switch {
		case section == "" && name == "":
			bad++
		case name != "":
			settings++
		}
		switch {
		case name == "pm" && (value == "dynamic" || value == "static" || value == "ondemand"),
			strings.HasPrefix(name, "pm.") && !strings.Contains(value, " "),
			strings.HasPrefix(name, "php_admin_value["), strings.HasPrefix(name, "php_admin_flag["),
			name == "request_terminate_timeout", name == "request_slowlog_timeout", name == "listen.owner",
			name == "emergency_restart_threshold", name == "process.max":
			marks++
		case section == "global":
			global = true
		case name == "include" && strings.Contains(value, "fpm") && global:
			marks++
		}
	})
	switch {
	case marks > 0 && bad <= settings:
		return SureMark
	case marks > 0: // quoted in a text
		return SureHabit
	}
	return 0
}
