package parsers

import "strings"

// cron-mail is what cron mails when a job printed something; "Killed" alone is the shell's word for a job that got SIGKILL:
//
//	Subject: Cron <root@web4> php /var/www/shop/cron.php
//	Killed
var _ = register(Parser{
	Name:  "cron-mail",
	Doc:   "mails of cron -> cron-run, service-event when the job was killed",
	Match: matchCronMail,
	Parse: parseCronMail,
})

func matchCronMail(h *Head) int {
	lines := h.Texts(60)
	for i, line := range lines {
		if _, ok := cronMailJob(line); ok {
			if i == 0 || strings.HasPrefix(line, "Subject: ") {
				return SureMark - 10
			}
			return SureHabit
		}
	}
	return 0
}

func parseCronMail(src *Source, emit func(Record)) error {
	var job *CronRun
	var when stamp
	return EachLine(src, func(line []byte, at Pos) {
		s := strings.TrimSpace(string(line))
		if run, ok := cronMailJob(s); ok {
			job = run
			emit(when.put(Record{At: at, Raw: line, Fact: job}))
			return
		}
		if date, ok := strings.CutPrefix(s, "Date: "); ok {
			date, _, _ = strings.Cut(date, "(")
			if when, ok = dateStamp(date); !ok {
				src.Skip(at.Line, line, "mail: not a date")
			}
			return
		}
		word := s
		if i := strings.LastIndex(s, ": "); i >= 0 && strings.Contains(s[:i], "line ") { // "/usr/bin/job: line 3: 2911 Killed php x.php"
			word = s[i+2:]
		}
		if job != nil && (s == "Killed" || strings.Contains(word, " Killed ") || strings.HasPrefix(word, "Killed ")) {
			emit(when.put(Record{At: at, Raw: line, Fact: &ServiceEvent{Event: "killed", Result: "signal", Signal: "KILL", Program: "cron", PID: number(strings.TrimSpace(strings.SplitN(word, " Killed", 2)[0])), Text: job.Command}}))
		}
	})
}

// cronMailJob reads "Cron <user@host> command", as a subject or as a paste begins.
func cronMailJob(s string) (*CronRun, bool) {
	rest, ok := strings.CutPrefix(strings.TrimPrefix(s, "Subject: "), "Cron <")
	if !ok {
		return nil, false
	}
	who, command, ok := strings.Cut(rest, "> ")
	user, _, at := strings.Cut(who, "@")
	if !ok || !at {
		return nil, false
	}
	return &CronRun{User: user, Command: blankCommand(clip(command, 400))}, true
}
