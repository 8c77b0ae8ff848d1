package parsers

import (
	"regexp"
	"strings"
)

// Where source code sets its framework's sessions, a line a setting:
//
//	SESSION_COOKIE_AGE = 1209600                                    Django, settings.py
//	session_store :redis_store, servers: [...], expire_after: 2.hours   Rails, session_store.rb
//	session({ store, saveUninitialized: true, resave: false })      express-session
//	new RedisStore({ client, disableTTL: true })                    connect-redis
var sessionLines = map[string]*regexp.Regexp{
	"python":     regexp.MustCompile(`^\s*(SESSION_[A-Z_]+|PERMANENT_SESSION_LIFETIME)\s*=\s*([^#]+)|^\s*['"](TIMEOUT)['"]\s*:\s*([^,#}]+)`),
	"ruby":       regexp.MustCompile(`\b(session_store|expire_after|expire_in)\b\s*:?\s*(:\w+|[\w.]+)`),
	"javascript": regexp.MustCompile(`\b(saveUninitialized|resave|rolling|disableTTL|disableTouch|ttl|maxAge)\s*:\s*([^,}/]+)`),
}

// sessionWords: a file that has none of them sets no sessions, whatever its ttl is of.
var sessionWords = regexp.MustCompile(`SESSION_|session_store|express-session|connect-redis|(?i)redisstore`)

func hasSessionSetting(head []byte) bool { return sessionWords.Match(head) }

// sessionSettings gives them as settings of system app. A line may hold several.
func sessionSettings(src *Source, lang string, lines []string, emit func(Record)) {
	re := sessionLines[lang]
	if re == nil || !sessionWords.MatchString(strings.Join(lines, "\n")) {
		return
	}
	for i, l := range lines {
		if t := strings.TrimSpace(l); t == "" || t[0] == '#' || strings.HasPrefix(t, "//") {
			continue
		}
		for _, m := range re.FindAllStringSubmatch(clip(l, 2000), 8) {
			name, value := m[1], m[2]
			if name == "" && len(m) > 4 {
				name, value = m[3], m[4]
			}
			value = strings.Trim(strings.TrimSpace(value), `"'`)
			if isSecretName(name) {
				value = "***"
			}
			emit(Record{At: Pos{src.Name, i + 1}, Raw: blankSecrets([]byte(l)), Fact: &Setting{System: "app", Path: []string{lang}, Name: name, Args: []string{clip(value, 200)}}})
		}
	}
}
