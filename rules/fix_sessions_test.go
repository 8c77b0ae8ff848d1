package rules

import (
	"strings"
	"testing"
	"time"
)

// TestSessionCode changes the calls that write keys for ever, each as its client wants it.
func TestSessionCode(t *testing.T) {
	for name, c := range map[string]struct{ before, after string }{
		"Store.java": {"import redis.clients.jedis.Jedis;\n\nclass Store {\n\tvoid f() {\n\t\tjedis.set(\"session:\" + id, cart);\n\t}\n}\n", "\t\tjedis.setex(\"session:\" + id, 7200, cart);\n"},
		"Spring.java": {"import org.springframework.data.redis.core.StringRedisTemplate;\n\nclass Store {\n  void f() { template.opsForValue().set(\"session:\" + id, cart); }\n}\n",
			"set(\"session:\" + id, cart, java.time.Duration.ofSeconds(7200)); }\n"},
		"goredis.go": {"package s\n\nimport (\n\t\"context\"\n\n\t\"github.com/redis/go-redis/v9\"\n)\n\nfunc f() {\n\trdb.Set(ctx, \"session:\"+id, cart, 0)\n}\n",
			"\"context\"\n\t\"time\"\n\n\t\"github.com/redis/go-redis/v9\"\n)\n\nfunc f() {\n\trdb.Set(ctx, \"session:\"+id, cart, 7200*time.Second)\n"},
		"redigo.go":  {"package s\n\nimport \"github.com/gomodule/redigo/redis\"\n\nfunc f() {\n\tconn.Do(\"SET\", \"session:\"+id, cart)\n}\n", "\tconn.Do(\"SET\", \"session:\"+id, cart, \"EX\", 7200)\n"},
		"ioredis.js": {"const Redis = require('ioredis')\nconst redis = new Redis()\nredis.set(`session:${id}`, cart)\n", "redis.set(`session:${id}`, cart, 'EX', 7200)\n"},
		"node.mjs":   {"import { createClient } from 'redis'\nawait client.set('session:' + id, cart)\n", "await client.set('session:' + id, cart, { EX: 7200 })\n"},
		"store.py":   {"import redis\nr = redis.Redis()\nr.set(\"session:\" + sid, data)\n", "r.set(\"session:\" + sid, data, ex=7200)\n"},
		"store.rb":   {"redis = Redis.new\nredis.set(\"session:#{id}\", data)\n", "redis.set(\"session:#{id}\", data, ex: 7200)\n"},
		"store.php":  {"<?php\n$redis->set( 'session:' . $id, $data );\n", "$redis->setex( 'session:' . $id, 7200, $data );\n"},
	} {
		t.Run(name, func(t *testing.T) {
			cs := caseOf(t, map[string]string{name: c.before})
			if len(cs.Code) != 1 {
				t.Fatalf("%d calls found in\n%s", len(cs.Code), c.before)
			}
			f := cs.codeFix(Fix{ID: "session-ttl", Kind: KindManual}, cs.Code[0], "7200")
			if f.Kind != KindPatch || !strings.Contains(f.Text, name+":") {
				t.Fatalf("%s, no patch: %s", f.Kind, f.Text)
			}
			after, edited := f.change.apply([]byte(c.before))
			if !edited || !strings.Contains(string(after), c.after) {
				t.Errorf("made\n%s\nwant in it\n%s", after, c.after)
			}
			if twice, edited := f.change.apply(after); edited {
				t.Errorf("applied twice it changes more:\n%s", twice)
			}
			patchApplies(t, name, []byte(c.before), after, f.Diff)
			// Written so, the call is none that writes for ever.
			if left := caseOf(t, map[string]string{name: string(after)}); len(left.Code) != 0 {
				t.Errorf("still found after the change: %+v", left.Code)
			}
		})
	}
}

// TestSessionSettings changes each framework's own setting, and leaves one that is right.
func TestSessionSettings(t *testing.T) {
	const ttl = 2 * time.Hour
	for name, c := range map[string]struct{ before, after string }{
		".env":                   {"APP_NAME=shop\nSESSION_DRIVER=redis\nSESSION_LIFETIME=43200\nREDIS_PASSWORD=hunter2\n", "SESSION_LIFETIME=120\n"},
		"config/session.php":     {"<?php\nreturn [\n    'driver' => env('SESSION_DRIVER', 'redis'),\n    'lifetime' => env('SESSION_LIFETIME', 43200),\n];\n", "'lifetime' => env('SESSION_LIFETIME', 120),\n"},
		"settings.py":            {"import os\nSESSION_ENGINE = 'django.contrib.sessions.backends.cache'  # redis\nSESSION_COOKIE_AGE = 60 * 60 * 24\nCACHES = {'default': {\n    'TIMEOUT': None,\n}}\nSESSION_SAVE_EVERY_REQUEST = True\n", "    'TIMEOUT': 7200,\n}}\nSESSION_SAVE_EVERY_REQUEST = False\n"},
		"application.properties": {"spring.session.store-type=redis\nspring.session.timeout=-1\n", "spring.session.timeout=120m\n"},
		"application.yml":        {"spring:\n  session:\n    store-type: redis\n    timeout: 30d # a month\n", "    timeout: 120m # a month\n"},
		"session_store.rb":       {"Rails.application.config.session_store :redis_store, servers: [\"redis://127.0.0.1/0\"], expire_after: 2.weeks\n", "expire_after: 2.hours\n"},
		"app.js":                 {"const session = require('express-session')\nconst { RedisStore } = require('connect-redis')\napp.use(session({ store: new RedisStore({ client, disableTTL: true }), saveUninitialized: true, resave: false }))\n", "disableTTL: false }), saveUninitialized: false, resave"},
		"env.php":                {"<?php\nreturn [\n  'session' => [\n    'save' => 'redis',\n    'redis' => [\n      'max_concurrency' => '6', 'break_after_frontend' => '5',\n      'bot_lifetime' => '604800',\n      'first_lifetime' => '600',\n    ],\n  ],\n];\n", "'bot_lifetime' => '7200',\n      'first_lifetime' => '600',\n"},
		"php.ini":                {"[Session]\nsession.save_handler = redis\nsession.save_path = \"tcp://127.0.0.1:6379\"\nsession.gc_maxlifetime = 2592000\n", "session.gc_maxlifetime = 7200\n"},
	} {
		t.Run(name, func(t *testing.T) {
			cs := caseOf(t, map[string]string{name: c.before})
			fixes, _ := cs.settingFixes(Fix{ID: "session-ttl", Title: "x"}, sessionStore{ttl: ttl})
			if len(fixes) != 1 || fixes[0].Kind != KindPatch || !strings.Contains(fixes[0].Text, name+":") {
				t.Fatalf("no patch: %+v", fixes)
			}
			after, _ := fixes[0].change.apply([]byte(c.before))
			if !strings.Contains(string(after), c.after) {
				t.Errorf("made\n%s\nwant in it\n%s", after, c.after)
			}
			if strings.Contains(fixes[0].Diff, "hunter2") {
				t.Errorf("a secret in the diff:\n%s", fixes[0].Diff)
			}
			if twice, edited := fixes[0].change.apply(after); edited {
				t.Errorf("applied twice it changes more:\n%s", twice)
			}
			patchApplies(t, name, []byte(c.before), after, fixes[0].Diff)
			again := caseOf(t, map[string]string{name: string(after)})
			if left, had := again.settingFixes(Fix{}, sessionStore{ttl: ttl}); had == "" && len(left) > 0 {
				t.Errorf("still to change: %+v", left)
			}
		})
	}
}

func TestSessionLives(t *testing.T) {
	for v, want := range map[string]time.Duration{
		"1209600": 1209600 * time.Second, "60 * 60 * 24": 24 * time.Hour, "30m": 30 * time.Minute, "PT30M": 30 * time.Minute, "2.weeks": 336 * time.Hour,
		"-1": 0, "None": 0, "env('X', 120)": 120 * time.Second, "90.days": 90 * 24 * time.Hour, "9999999999": 100 * 365 * 24 * time.Hour, "2.months": 60 * 24 * time.Hour,
	} {
		if got, ok := inUnits(time.Second)(v); !ok || got != want {
			t.Errorf("%q lives %s, %v; want %s", v, got, ok, want)
		}
	}
	for _, v := range []string{"", "soon", "f(x)", "60 * x", "99999999999999999999"} {
		if got, ok := inUnits(time.Second)(v); ok {
			t.Errorf("%q lives %s", v, got)
		}
	}
}
