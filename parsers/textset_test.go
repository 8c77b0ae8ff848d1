package parsers

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

func TestTextSetAgreesWithContains(t *testing.T) {
	set := redisTexts()
	for _, m := range redisMessages {
		for _, msg := range []string{m.has[0], "x" + m.has[0], "xy" + m.has[0], m.has[0] + " ", m.has[0][1:], m.has[0] + " ... " + redisMessages[7].has[0]} {
			found, any := set.find([]byte(msg))
			got := slices.Collect(found.all())
			for i, text := range set.texts {
				if has := slices.Contains(got, i); has != strings.Contains(msg, text) {
					t.Errorf("%q in %q: found %v", text, msg, has)
				}
			}
			if any != (len(got) > 0) || !slices.IsSorted(got) {
				t.Errorf("%q: any %v, found %v", msg, any, got)
			}
		}
	}
}

// The cheap looks must let through everything that the patterns behind them take.
func FuzzPromptLooks(f *testing.F) {
	for _, s := range []string{"127.0.0.1:6379> INFO", "redis:6379[2](TX)> GET a", "not connected>", "[root@web1 ~]# free -m", "root@web1:~# ls",
		"/data # redis-cli", "user@host:/var/log$ tail", "keydb 10.0.0.1:6379>", "1:M 17 Sep 2026 11:36:20.782 * Ready", "redis_1 | [19724] 26 Nov 10:45:29.457 # x",
		"sess_00000039f05fe670", "SeSSion: 00000039f05fe670", "PHPSESSID=k7fbnq20u1mv9e3hj5", "ſid=00000039f05fe670", "seſs_00000039f05fe670"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		if cliPromptRE.Match(line) && !maybeCLIPrompt(line) {
			t.Errorf("redis-cli prompt %q is not looked at", line)
		}
		if shellPromptRE.Match(line) && !maybeShellPrompt(line) {
			t.Errorf("shell prompt %q is not looked at", line)
		}
		for _, name := range secretNames {
			if bytes.Contains(line, []byte(name)) && !hasSecretName(line) {
				t.Errorf("%q in %q is not looked at", name, line)
			}
		}
		if sessionIDRE.Match(line) && !hasSessionWord(line) {
			t.Errorf("a session's id in %q is not looked at", line)
		}
		if redisLineRE.Match(line) && !hasRedisMark(line) {
			t.Errorf("log line %q is not looked at", line)
		}
	})
}
