package rules

import (
	"strings"
	"time"

	"culprit/correlate"
	"culprit/parsers"
)

// sessionStore is whose sessions fill Redis, by the prefix of their keys, and where that framework sets their life.
type sessionStore struct {
	framework string
	prefix    string // as seen in Redis, "" = not seen
	ttl       time.Duration
	why       string // of the ttl
	setting   string // what to write, and where
	ev        correlate.Evidence
}

type storeKind struct {
	framework string
	marks     []string
	ttl       time.Duration
	why       string
	setting   string
}

// storeKinds are told by their prefixes, the more particular first. The lives are each framework's own habit, shortened to
// what a shop's visit needs where that habit is weeks.
var storeKinds = []storeKind{
	{"WooCommerce", []string{"wc_session_", "wc:session:"}, 48 * time.Hour, "WooCommerce keeps a guest's cart 48 h (wc_session_expiration)",
		"in the plugin that writes wc_session_ keys, give every write its life:\n  $redis->setex( $key, 172800, $session_data );"},
	{"PhpRedis session handler", []string{"PHPREDIS_SESSION:"}, 2 * time.Hour, "PHP's own sessions hold a login, not a cart: two hours of silence end a visit",
		"php.ini (or the pool's php_admin_value):\n  session.gc_maxlifetime = 7200"},
	{"Laravel", []string{"laravel_session:", "laravel_database_session", "laravel_session", "laravel"}, 2 * time.Hour, "Laravel's own default is 120 minutes",
		"config/session.php (the session driver must be redis, not a cache write of your own), then `php artisan config:cache`:\n  'lifetime' => 120,\nwhere the code writes session keys itself:\n  Redis::setex($key, 7200, $data);"},
	{"Django", []string{"django.contrib.sessions", ":1:django"}, 24 * time.Hour, "a day: Django's default of two weeks is for logins, and a crawler's session lives as long",
		"settings.py:\n  SESSION_COOKIE_AGE = 86400\n  CACHES[\"default\"][\"TIMEOUT\"] = 86400  # None means for ever"},
	{"Spring Session", []string{"spring:session"}, 30 * time.Minute, "Spring's own default is 30 minutes",
		"application.properties:\n  spring.session.timeout=30m\nand start the Redis keyspace cleanup (spring.session.redis.cleanup-cron)"},
	{"Magento", []string{"zc:", "sess_", "zc_sess"}, 24 * time.Hour, "a day for people; Magento's own bot_lifetime of 7200 s and bot_first_lifetime of 60 s for crawlers",
		"Magento 2, app/etc/env.php under 'session' => 'redis':\n  'bot_first_lifetime' => '60',\n  'bot_lifetime' => '7200',\n  'first_lifetime' => '600',\n  'max_lifetime' => '86400',\n" +
			"Magento 1, app/etc/local.xml under <redis_session>:\n  <bot_first_lifetime>60</bot_first_lifetime>\n  <bot_lifetime>7200</bot_lifetime>\n  <first_lifetime>600</first_lifetime>\n" +
			"Any other store of sess_ keys: write with SETEX key 86400 value"},
	{"express-session (connect-redis)", []string{"sess:"}, 24 * time.Hour, "connect-redis's own default is a day",
		"where the store is made:\n  new RedisStore({ client, ttl: 86400, disableTTL: false })\nand where the session is:\n  session({ store, saveUninitialized: false, resave: false, cookie: { maxAge: 86400000 } })\nsaveUninitialized: false alone keeps a crawler from leaving a session at all"},
	{"Rails", []string{"_session_id:", "session:2::", "rack:session"}, 2 * time.Hour, "redis-actionpack's own default is 90 minutes",
		"config/initializers/session_store.rb:\n  Rails.application.config.session_store :redis_store, servers: [...], expire_after: 2.hours"},
}

// sessionKind finds whose keys live for ever: among the listed keys, in the application's code, among the settings.
func (c *Case) sessionKind() sessionStore {
	var best sessionStore
	for _, k := range c.Incident.Keys {
		if k.NoTTL == 0 && k.TTLKnown > 0 {
			continue
		}
		s, ok := kindOf(k.Prefix, k.Example)
		if !ok && !looksLikeSession(k.Prefix) {
			continue
		}
		s.prefix, s.ev = k.Prefix, k.Evidence
		if best.prefix == "" {
			best = s
		}
	}
	for _, code := range c.codeWithoutTTL() {
		if best.framework != "" {
			break
		}
		for _, p := range code.Fact.Prefixes {
			if s, ok := kindOf(p, p); ok && (best.prefix == "" || strings.HasPrefix(best.prefix, p)) {
				if best.prefix != "" {
					s.prefix, s.ev = best.prefix, best.ev
				} else {
					s.prefix, s.ev = p, code.Ev
				}
				best = s
				break
			}
		}
		if best.prefix == "" && len(code.Fact.Prefixes) > 0 && looksLikeSession(code.Fact.Prefixes[0]) {
			best.prefix, best.ev = code.Fact.Prefixes[0], code.Ev
		}
	}
	if best.ttl == 0 {
		best.ttl, best.why = 24*time.Hour, "a day: longer than a visit, short enough that a crawl's sessions do not pile up"
		best.setting = "where the application writes the keys, give every write its life:\n  SET key value EX 86400  (or SETEX key 86400 value)"
	}
	// What the application itself gives to keys of the same kind is the better answer.
	for _, k := range c.Incident.Keys {
		if best.prefix != "" && k.Prefix == best.prefix && k.NoTTL > 0 && k.MaxTTLS.Or(0) >= 600 && k.TTLKnown-k.NoTTL >= 3 {
			best.ttl = (time.Duration(k.MaxTTLS.N) * time.Second).Round(time.Hour)
			best.why = "other keys of this prefix have up to that"
			best.ttl = max(best.ttl, time.Hour)
		}
	}
	return best
}

func kindOf(prefix, example string) (sessionStore, bool) {
	for _, k := range storeKinds {
		for _, m := range k.marks {
			p, x, m := strings.ToLower(prefix), strings.ToLower(example), strings.ToLower(m)
			if strings.HasPrefix(p, m) || strings.HasPrefix(x, m) || len(m) > 8 && (strings.Contains(p, m) || strings.Contains(x, m)) {
				return sessionStore{framework: k.framework, ttl: k.ttl, why: k.why, setting: k.setting}, true
			}
		}
	}
	return sessionStore{}, false
}

// codeWithoutTTL are the calls in the application's source that could have written the keys: those in files that name the
// prefix first.
func (c *Case) codeWithoutTTL() []correlate.Placed[parsers.AppCode] {
	return c.Code
}
