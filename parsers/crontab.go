package parsers

import (
	"strings"
)

// crontab is a user's crontab, /etc/crontab or a file of /etc/cron.d:
//
//	MAILTO=root
//	*/5 * * * * root redis-cli KEYS "sess:*" | wc -l
//	0 3 * * 1-5 /usr/local/bin/backup.sh
//	@daily php /var/www/bin/clean.php
var _ = register(Parser{
	Name:  "crontab",
	Doc:   "crontabs -> cron-job",
	Most:  SureMark - 5,
	Match: matchCrontab,
	Parse: parseCrontab,
})

func matchCrontab(h *Head) int {
	jobs, stars, other := 0, false, 0
	for _, line := range h.Texts(300) {
		s := strings.TrimSpace(line)
		if schedule, _, ok := cronSchedule(s); ok {
			jobs++
			stars = stars || strings.ContainsAny(schedule, "*@")
		} else if _, prompt := promptCommand(s); s[0] != '#' && !prompt && !isEnvLine(s) {
			other++
		}
	}
	switch {
	case jobs == 0 || !stars:
		return 0
	case other == 0:
		return SureMark - 5
	case other <= jobs/3:
		return SureShape
	case strings.Contains(h.Name, "cron"):
		return SureHabit
	}
	return 0
}

func parseCrontab(src *Source, emit func(Record)) error {
	system := strings.Contains(src.Name, "cron.d/") || strings.HasSuffix(src.Name, "etc/crontab")
	return EachLine(src, func(line []byte, at Pos) {
		s := strings.TrimSpace(unquoteMail(string(line)))
		if s == "" || s[0] == '#' {
			system = system || strings.Contains(s, "dow user") || strings.Contains(s, "user-name")
			return
		}
		schedule, rest, ok := cronSchedule(s)
		if !ok {
			if _, prompt := promptCommand(s); !prompt && !isEnvLine(s) {
				src.Skip(at.Line, line, "neither a schedule with a command nor NAME=value")
			}
			return
		}
		job := &CronJob{Schedule: schedule, Command: rest}
		user, command, two := strings.Cut(rest, " ")
		if command = strings.TrimSpace(command); two && command != "" && (system || isCronUser(user)) {
			job.User, job.Command = user, command
		}
		job.Command = blankCommand(job.Command)
		emit(Record{At: at, Raw: line, Fact: job})
	})
}

// cronSchedule splits a job into its schedule and the rest.
func cronSchedule(s string) (schedule, rest string, ok bool) {
	if strings.HasPrefix(s, "@") {
		word, rest, ok := strings.Cut(strings.Replace(s, "\t", " ", 1), " ")
		switch word {
		case "@reboot", "@hourly", "@daily", "@midnight", "@weekly", "@monthly", "@yearly", "@annually":
			return word, strings.TrimSpace(rest), ok
		}
		return "", "", false
	}
	rest = strings.ReplaceAll(s, "\t", " ")
	var fields [5]string
	limits := [5][2]int{{0, 59}, {0, 23}, {1, 31}, {1, 12}, {0, 7}}
	for i := range fields {
		var word string
		word, rest, ok = strings.Cut(strings.TrimLeft(rest, " "), " ")
		if !ok || !cronField(word, limits[i][0], limits[i][1]) {
			return "", "", false
		}
		fields[i] = word
	}
	rest = strings.TrimSpace(rest)
	return strings.Join(fields[:], " "), rest, rest != ""
}

// cronField checks one of the five: *, 5, 1-5, */10, 1,15, mon-fri.
func cronField(s string, low, high int) bool {
	for _, part := range strings.Split(s, ",") {
		value, step, hasStep := strings.Cut(part, "/")
		if n, ok := smallNumber(step); hasStep && (!ok || n == 0) {
			return false
		}
		if value == "*" {
			continue
		}
		from, to, isRange := strings.Cut(value, "-")
		if !isRange {
			to = from
		}
		for _, v := range []string{from, to} {
			if n, ok := smallNumber(v); ok && n >= low && n <= high {
				continue
			}
			if len(v) != 3 || strings.Trim(strings.ToLower(v), "abcdefghijklmnopqrstuvwxyz") != "" || high != 12 && high != 7 {
				return false
			}
		}
	}
	return true
}

func isEnvLine(s string) bool {
	name, _, ok := strings.Cut(s, "=")
	return ok && name != "" && strings.Trim(strings.TrimSpace(name), "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789") == ""
}

// isCronUser knows the accounts that own jobs on such hosts. A crontab does not say which of its two forms it has, and a
// command's name looks like a user's; a file under /etc does not need this.
func isCronUser(s string) bool {
	switch s {
	case "root", "www-data", "www", "nginx", "apache", "redis", "mysql", "postgres", "nobody", "deploy", "deployer", "ubuntu", "debian", "ec2-user", "centos", "admin", "magento", "web", "app", "shop", "forge", "git", "backup":
		return true
	}
	return false
}
