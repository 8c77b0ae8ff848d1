package parsers

// System logs: lines of several programs with a header before each, as syslogd, rsyslog and journalctl (every output format)
// write them:
//
//	Dec  9 21:47:11 web1 kernel: [3217913.6] Out of memory: Kill process 2188 (mysqld) score 60 or sacrifice child
//	2026-02-08T00:40:07.136582+00:00 web1 systemd[1]: redis-server.service: A process of this unit has been killed by the OOM killer.
//	{"MESSAGE":"php-fpm invoked oom-killer: …","_HOSTNAME":"web1","SYSLOG_IDENTIFIER":"kernel","__REALTIME_TIMESTAMP":"1640958406000000"}
//	Jun 27 02:37:34 web1 CRON[136379]: (www-data) CMD (php /var/www/bin/stock-sync.php)
//
// The kernel's lines go where parser kernel's go; systemd, systemd-oomd, earlyoom and supervisors give ServiceEvents, cron
// gives CronRuns, nginx, Redis and PHP-FPM what they say about children that died, and a web server its requests and errors
// (logweb.go).
var _ = register(Parser{
	Name: "syslog",
	Doc:  "messages, syslog, kern.log and journalctl in every output format: kernel lines, service events, cron runs, requests",
	Most: SureMark + 1,
	Match: func(h *Head) int {
		return h.sample().syslog()
	},
	Parse: parseLog,
})

func (s *logSample) syslog() int {
	switch {
	case s.journal:
		return SureMark
	case s.lines == 0 || s.tagged == 0 || s.tagged <= s.dmesg:
		return 0
	case s.tagged*2 >= s.lines && s.system*4 >= s.tagged:
		return SureMark - 10
	case s.tagged*2 >= s.lines && s.system > 0 && s.others*50 >= s.tagged:
		return SureMark + 1 // one line in fifty is of a third program: a whole host's, which a busy program fills: its own parser would not hear the kernel
	case s.oom > 0 && s.reports:
		return SureShape
	case s.tagged*2 >= s.lines: // nginx, Redis or an application through syslog: its own format knows better
		return SureHabit - 10
	case s.system > 0:
		return SureHabit - 10
	}
	return 0
}
