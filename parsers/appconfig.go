package parsers

import (
	"bytes"
	"strings"
)

// php-config is a PHP application's own configuration: Laravel's config/session.php, database.php and cache.php, and
// WordPress's wp-config.php:
//
//	'driver' => env('SESSION_DRIVER', 'redis'),
//	'lifetime' => env('SESSION_LIFETIME', 120),
//	define('WP_REDIS_MAXTTL', 86400);
var _ = register(Parser{
	Name:  "php-config",
	Doc:   "Laravel config files, wp-config.php -> config, setting",
	Match: matchPHPConfig,
	Parse: parsePHPSettings("app"),
})

func matchPHPConfig(h *Head) int {
	has := func(s string) bool { return bytes.Contains(h.Text, []byte(s)) }
	switch {
	case !has("<?php"):
		return 0
	case has("'driver' =>") && has("'lifetime' =>"), has("env('") && has("'redis' =>"), has("define(") && (has("WP_REDIS_") || has("DB_NAME") || has("WP_CACHE")):
		return SureMark - 5
	case has("return [") && has("env('"):
		return SureShape
	}
	return 0
}

// dotenv is an application's .env file, or its properties file:
//
//	SESSION_DRIVER=redis
//	REDIS_PASSWORD="secret"
//	redis.session_ttl=86400
var _ = register(Parser{
	Name:  "dotenv",
	Doc:   ".env and properties files -> config, setting",
	Match: matchDotenv,
	Parse: parseDotenv,
})

func matchDotenv(h *Head) int {
	sets, known, other := 0, 0, 0
	for _, line := range h.Texts(200) {
		s := strings.TrimSpace(line)
		if s[0] == '#' {
			continue
		}
		n, _, ok := envSetting(s)
		if !ok {
			other++
			continue
		}
		sets++
		n = strings.ToUpper(n)
		for _, mark := range []string{"APP_", "REDIS", "SESSION", "CACHE", "DB_", "DATABASE", "QUEUE"} {
			if strings.Contains(n, mark) {
				known++
				break
			}
		}
	}
	switch {
	case sets == 0 || other > sets/4:
		return 0
	case known > 0:
		return SureShape
	case strings.Contains(h.Name, "env") || strings.HasSuffix(h.Name, ".properties"):
		return SureHabit
	}
	return 0
}

func parseDotenv(src *Source, emit func(Record)) error {
	text, err := readConfig(src)
	if err != nil {
		return err
	}
	emitConfig(src, "app", text, emit)
	eachTextLine(src, text, func(line string, at Pos) {
		s := strings.TrimSpace(line)
		if s == "" || s[0] == '#' {
			return
		}
		name, value, ok := envSetting(s)
		if !ok {
			src.Skip(at.Line, []byte(line), "not NAME=value")
			return
		}
		if isSecretName(name) && value != "" && value != "null" {
			value = "***"
		}
		emit(Record{At: at, Raw: []byte(line), Fact: &Setting{System: "app", Name: name, Args: []string{blankURLSecret(value)}}})
	})
	return nil
}

// envSetting splits NAME=value or dotted.name=value; quotes and a comment behind the value are taken off.
func envSetting(s string) (name, value string, ok bool) {
	name, value, ok = strings.Cut(strings.TrimPrefix(s, "export "), "=")
	name = strings.TrimSpace(name)
	if !ok || name == "" {
		return "", "", false
	}
	lower := false
	for _, c := range name {
		switch {
		case c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_':
		case c >= 'a' && c <= 'z' || c == '.' || c == '-':
			lower = true
		default:
			return "", "", false
		}
	}
	if lower && !strings.Contains(name, ".") { // shell variables, systemd's names, URLs
		return "", "", false
	}
	return name, yamlScalar(value), true
}

// spring-yml is the application.yml of a Spring application; its settings are named as in the properties file:
//
//	spring:
//	  session:
//	    store-type: redis
//	    timeout: 30m
var _ = register(Parser{
	Name:  "spring-yml",
	Doc:   "Spring's application.yml -> config, setting",
	Match: matchSpring,
	Parse: parseSpring,
})

func matchSpring(h *Head) int {
	top := false
	for _, line := range h.Texts(400) {
		switch s := strings.TrimRight(line, " \r"); {
		case s == "spring:" || s == "server:":
			top = true
		case strings.HasPrefix(s, "apiVersion:") || s == "services:":
			return 0
		case top && (strings.HasPrefix(s, "  session:") || strings.HasPrefix(s, "  servlet:") || strings.HasPrefix(s, "  redis:") || strings.HasPrefix(s, "  data:") || strings.HasPrefix(s, "  application:")):
			return SureShape
		}
	}
	return 0
}

func parseSpring(src *Source, emit func(Record)) error {
	text, err := readConfig(src)
	if err != nil {
		return err
	}
	emitConfig(src, "app", text, emit)
	eachYAML(src, text, func(n yamlNode) {
		if len(n.Path) == 0 || len(n.Args) == 0 {
			return
		}
		args := n.Args
		if isSecretName(n.Path[len(n.Path)-1]) {
			args = []string{"***"}
		}
		emit(Record{At: n.At, Raw: []byte(n.Raw), Fact: &Setting{System: "app", Name: strings.Join(n.Path, "."), Args: blankEnvironment("", args), EndLine: n.End}})
	})
	return nil
}
