package rules

import (
	"fmt"
	"strings"

	"culprit/correlate"
)

var _ = registerFix(FixMaker{
	ID:   "session-lock-tuning",
	Doc:  "lets requests that only read a session go by without its lock, and bounds the wait of the others",
	Make: (*Case).lockFixes,
})

// lockValues are what the session handler's own documentation and the guides on it settle on: a lock is broken after five
// seconds, not thirty; more requests of one session may wait before they get a 503.
var lockValues = []struct{ name, value, why string }{
	{"break_after_frontend", "5", "seconds a page waits for a lock before it takes it"},
	{"break_after_adminhtml", "30", "the admin's longer pages keep their lock longer"},
	{"max_concurrency", "20", "requests of one session that may wait; beyond it the handler answers 503"},
}

func (c *Case) lockFixes(h Hypothesis) []Fix {
	f := Fix{
		Title: "Shorten the wait for session locks, and let more requests wait",
		Risk:  "two requests that both write one session may overwrite each other's change when a lock is broken: a cart line can be lost",
		Undo:  "put the old values back; bin/magento cache:flush",
		Check: "grep -c 'locked' var/log/redis_session.log   # must stop rising; no 503 in the access log",
	}
	f.Effect.Before = "requests of one session queued behind each other"
	if len(h.Culprits) > 0 && h.Culprits[0].Kind == "address" {
		f.Effect.Before += fmt.Sprintf("; %s alone made %s of the refusals", h.Culprits[0].Value, percent(h.Culprits[0].Share))
	}
	var set []correlate.Setting
	disabled := ""
	for _, s := range c.Settings {
		if s.System != "magento" {
			continue
		}
		path := strings.ToLower(strings.Join(s.Path, "/"))
		if strings.Contains(path, "session") && strings.Contains(path, "redis") {
			set = append(set, s)
			if s.Name == "disable_locking" {
				disabled = s.Value()
			}
		}
	}
	f.Text = "break_after_frontend: seconds a page waits before it takes the lock. max_concurrency: requests of one session that may wait before 503.\n"
	if len(set) > 0 {
		file := set[0].Ev.File
		f.Target = file
		f.Effect.After = c.lockAfter(set)
		if disabled == "1" {
			f.Text += "disable_locking is 1 already, so the waits come from another handler.\n"
		}
		if p := c.patch(f, file, c.magentoChange(set)); p.Kind == KindPatch {
			return []Fix{p, c.readOnlyFix(h)}
		}
	}
	f.Text += "Magento 2, app/etc/env.php, 'session' => 'redis':\n  'break_after_frontend' => '5',\n  'max_concurrency' => '20',\nMagento 1, app/etc/local.xml, <redis_session>:\n  <break_after_frontend>5</break_after_frontend>\n  <max_concurrency>20</max_concurrency>\nPhpRedis, php.ini:\n  redis.session.lock_wait_time = 20000\n  redis.session.lock_retries = 250"
	return []Fix{f, c.readOnlyFix(h)}
}

// readOnlyFix is the cure: a request that does not write a session needs no lock.
func (c *Case) readOnlyFix(h Hypothesis) Fix {
	f := Fix{
		ID:    "session-lock-tuning",
		Title: "Give the session back as soon as a request has read it",
		Kind:  KindManual,
		Text:  "In controllers that only read (AJAX, section loads, search suggestions) release the lock first:\n  session_write_close();\nMagento 2: implement the action without a session, or mark the route with disable_locking for reads (2.4: 'disable_locking' => 1 after checking that no extension writes carts in parallel).",
		Risk:  "a write after session_write_close() is lost: only for requests that do not write",
		Undo:  "take the line out",
		Check: "parallel requests of one cookie no longer add their times up: for i in 1 2 3; do curl -s -b COOKIE -o /dev/null -w '%{time_total}\\n' URL & done; wait",
	}
	if len(h.Culprits) > 0 && h.Culprits[0].Kind == "address" {
		f.Text += fmt.Sprintf("\n%s sends its requests in parallel with one cookie: if it is yours, let it keep one cookie a worker; if not, limit it to one request at a time:\n  limit_conn_zone $binary_remote_addr zone=one:1m;   # http{}\n  limit_conn one 4;                                  # server{}", h.Culprits[0].Value)
	}
	return f
}

func (c *Case) lockAfter(set []correlate.Setting) string {
	var parts []string
	for _, v := range lockValues {
		for _, s := range set {
			if s.Name == v.name && s.Value() != v.value {
				parts = append(parts, fmt.Sprintf("%s %s -> %s (%s)", v.name, s.Value(), v.value, v.why))
			}
		}
	}
	return strings.Join(parts, "; ")
}

// magentoChange sets the values in place, in env.php ('name' => 'value') and in local.xml (<name>value</name>). Those the
// file does not name keep the handler's default.
func (c *Case) magentoChange(set []correlate.Setting) change {
	type edit struct {
		line             int
		name, was, value string
	}
	var edits []edit
	for _, v := range lockValues {
		for _, s := range set {
			if s.Name == v.name && s.Value() != v.value {
				edits = append(edits, edit{line: s.Ev.Line - 1, name: v.name, was: s.Value(), value: v.value})
			}
		}
	}
	return func(e *editor) {
		for _, d := range edits {
			if d.line < 0 || d.line >= len(e.lines) {
				continue
			}
			if out, ok := replaceWord(e.lines[d.line].now, d.name, d.was, d.value); ok {
				e.set(d.line, out)
			}
		}
	}
}
