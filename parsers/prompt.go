package parsers

import "strings"

// promptCommand returns the command that a line shows behind a shell prompt:
//
//	$ free -m
//	# free -m
//	root@web1:~# free -m
//	[root@web1 ~]# free -m
//
// A bare "# " also begins comments, so there the command must be one that people run on such a host.
func promptCommand(line string) (string, bool) {
	s := strings.TrimSpace(line)
	switch {
	case strings.HasPrefix(s, "$ "):
		s = s[2:]
	case strings.HasPrefix(s, "# "):
		if s = strings.TrimSpace(s[2:]); !looksTyped(s) {
			return "", false
		}
		return s, true
	case strings.HasPrefix(s, "["): // [root@web1 ~]#
		i := strings.IndexByte(s, ']')
		if i < 0 || i > 80 || !strings.Contains(s[:i], "@") || len(s) < i+3 || s[i+1] != '#' && s[i+1] != '$' || s[i+2] != ' ' {
			return "", false
		}
		s = s[i+3:]
	default: // root@web1:~#
		i := strings.IndexAny(s, "#$")
		if i < 0 || i > 80 || len(s) < i+2 || s[i+1] != ' ' {
			return "", false
		}
		user := s[:i]
		if !strings.Contains(user, "@") || !strings.Contains(user, ":") || strings.ContainsAny(user, " \t\"'=(){}<>") {
			return "", false
		}
		s = s[i+2:]
	}
	s = strings.TrimSpace(s)
	return s, s != ""
}

// looksTyped tells "# free -m" from "# free memory is what counts".
func looksTyped(s string) bool {
	s = strings.TrimPrefix(s, "sudo ")
	word, args, _ := strings.Cut(s, " ")
	if i := strings.LastIndexByte(word, '/'); i >= 0 {
		word = word[i+1:]
	}
	args = strings.TrimSpace(args)
	switch word {
	case "free", "uptime", "date", "dmesg", "timedatectl", "hostnamectl", "uname", "top", "ps", "vmstat", "sar", "smem", "nproc", "lscpu", "df", "crontab", "sysctl", "journalctl", "hostname":
		return args == "" || args[0] == '-' || args[0] == '|' || args[0] == '+' || word == "ps" && strings.HasPrefix(args, "aux")
	case "cat", "head", "tail", "grep", "zgrep", "less":
		return strings.Contains(args, "/") || strings.Contains(args, ".")
	case "redis-cli", "systemctl", "docker", "kubectl":
		return args != "" && !strings.HasSuffix(args, ".")
	}
	return false
}
