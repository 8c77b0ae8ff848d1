package report

import (
	"time"

	"culprit/correlate"
	"culprit/parsers"
	"culprit/rules"
)

// The reports of the goldens are written by hand, so that the page can be designed apart from the engine.

func clockTime(clock string) time.Time {
	t, err := time.Parse(secondLayout, clock)
	if err != nil {
		panic(err)
	}
	return t
}

func quote(file string, line int, text, note string) correlate.Evidence {
	return correlate.Evidence{File: file, Line: line, Text: text, Note: note}
}

const googlebot = `"Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"`

var (
	killLine = quote("dmesg.txt", 32, "[Tue Apr 20 09:12:34 2026] Out of memory: Killed process 14502 (redis-server) total-vm:8102340kB, anon-rss:7501232kB, file-rss:0kB, shmem-rss:0kB, UID:112 pgtables:18512kB oom_score_adj:0", "")
	passed   = correlate.Tests{Structural: correlate.Pass, Deviating: correlate.Pass, Ordered: correlate.Pass, Sufficient: correlate.Pass}
)

func teaShop() *rules.Report {
	onset, killed := clockTime("2026-03-11 02:00:03"), clockTime("2026-04-20 01:12:34")
	killLine := killLine
	killLine.Time = killed
	keyspace := quote("commands/redis-info.txt", 37, "db0:keys=45123,expires=12,avg_ttl=86400000", "45,111 of 45,123 keys have no TTL")
	ttl := quote("commands/redis-keys.txt", 21, "(integer) -1", "TTL of wc_session_8a9b***: none")
	save := quote("var/www/html/wp-content/plugins/redis-session-manager/class-redis-session.php", 89, "        $redis->set( $key, $session_data );", "writes the session without a TTL")
	noMax := quote("commands/redis-info.txt", 28, "maxmemory:0", "no limit; redis.conf sets none")
	log := "var/log/nginx/access.log"
	access := []correlate.Evidence{
		quote(log, 1, `192.168.1.106 - - [20/Apr/2026:08:00:01 +0800] "GET /product-category/rooibos/page/6/ HTTP/1.1" 200 52434 "-" `+googlebot, ""),
		quote(log, 2, `192.168.1.105 - - [20/Apr/2026:08:00:02 +0800] "GET /product-category/teaware/page/8/?orderby=price-desc HTTP/1.1" 200 60022 "-" `+googlebot, ""),
		quote(log, 9, `192.168.1.107 - - [20/Apr/2026:08:00:11 +0800] "GET /product/oolong/ HTTP/1.1" 200 48112 "-" `+googlebot, ""),
	}
	kill := correlate.Event{Kind: "kernel-oom-kill", Subject: "redis-server pid 14502", From: killed, To: killed, Evidence: []correlate.Evidence{killLine},
		Text: "The kernel killed redis-server, pid 14502, at 7.2 GiB anon-rss: 92 % of 7.8 GiB RAM."}
	refused := correlate.Event{Kind: "web-5xx", Subject: "shop", From: killed.Add(2 * time.Second), To: killed.Add(18 * time.Minute),
		Text:     "The shop answered 1,204 of 1,391 requests with 502.",
		Evidence: []correlate.Evidence{quote(log, 412, `203.0.113.5 - - [20/Apr/2026:09:12:36 +0800] "GET /cart/ HTTP/1.1" 502 157 "-" "Mozilla/5.0 (X11; Linux x86_64)"`, "")}}
	growth := correlate.Event{Kind: "redis-memory-growth", Subject: "redis", From: onset, To: killed,
		Text:     "Redis grew to 7.2 GiB with maxmemory 0 and policy noeviction.",
		Evidence: []correlate.Evidence{noMax, quote("commands/redis-info.txt", 30, "maxmemory_policy:noeviction", "")}}
	keys := correlate.Event{Kind: "session-keys-without-ttl", Subject: "wc_session_*", From: onset, To: killed,
		Text: "Session keys piled up: 99.97 % of all keys have no TTL.", Evidence: []correlate.Evidence{keyspace, ttl, save}}
	crawl := correlate.Event{Kind: "crawler-traffic", Subject: "192.168.1.105-107", From: onset, To: killed, Evidence: access,
		Text: "Three clients that call themselves Googlebot made 34,270 of 34,641 requests, none with a cookie."}

	ttlFix := rules.Fix{ID: "session-ttl", Title: "Give session keys a TTL of 48 h", Kind: rules.KindManual, Target: "class-redis-session.php:89",
		Text:   "In save_session, write the key with its TTL:\n    $redis->setex( $key, 172800, $session_data );",
		Risk:   "A cart left alone for more than 48 h is empty when its owner returns.",
		Undo:   "Put set() back; keys written meanwhile keep their TTL.",
		Check:  "redis-cli --scan --pattern 'wc_session_*' | head -1 | xargs redis-cli TTL",
		Effect: rules.Effect{Before: "1,204,418 keys and 7.2 GiB after 40 days; killed", After: "60,211 keys and 0.4 GiB at the peak; no kill", Prevents: correlate.Pass}}
	maxFix := rules.Fix{ID: "redis-maxmemory", Title: "Limit Redis to 2 GiB and let it evict", Kind: rules.KindPatch, Target: "etc/redis/redis.conf",
		Diff:   "--- a/etc/redis/redis.conf\n+++ b/etc/redis/redis.conf\n@@ -17,3 +17,5 @@\n rdbchecksum yes\n dbfilename dump.rdb\n dir /var/lib/redis\n+maxmemory 2gb\n+maxmemory-policy allkeys-lru\n",
		Risk:   "allkeys-lru may evict the cart of a customer before that of a crawler, until fix 1 has taken.",
		Undo:   "redis-cli CONFIG SET maxmemory 0",
		Check:  "redis-cli CONFIG GET maxmemory",
		Effect: rules.Effect{Before: "no limit: 7.2 GiB", After: "2.0 GiB + 0.3 GiB fragmentation; 2.1 GiB of RAM stay free", Prevents: correlate.Pass}}
	mapFix := rules.Fix{ID: "nginx-bot-limit", Title: "Let the nginx map match the agent it should slow down", Kind: rules.KindPatch, Target: "etc/nginx/sites-available/shop.conf",
		Diff:   "--- a/etc/nginx/sites-available/shop.conf\n+++ b/etc/nginx/sites-available/shop.conf\n@@ -1,4 +1,5 @@\n map $http_user_agent $bad_bot {\n     default 0;\n-    ~*(AhrefsBot|SemrushBot|MJ12bot|DotBot) 1;\n+    ~*(AhrefsBot|SemrushBot|MJ12bot|DotBot|Googlebot) 1;\n }\n",
		Risk:   "Would stop the real Googlebot too: put fix 4 in first.",
		Undo:   "patch -R -p1 < nginx-bot-limit.patch && systemctl reload nginx",
		Check:  "nginx -t && curl -sI -A Googlebot http://example.com/ | head -1",
		Effect: rules.Effect{Before: "the map matches 0 of 34,270 requests", After: "matches 34,270 of 34,270", Prevents: correlate.Pass}}
	ipFix := rules.Fix{ID: "verify-bot-ip", Title: "Check who calls itself Googlebot", Kind: rules.KindCommand,
		Text:   "dig +short -x 192.168.1.105; dig +short -x 192.168.1.106; dig +short -x 192.168.1.107",
		Risk:   "None: it only asks.",
		Effect: rules.Effect{Prevents: correlate.Unknown}}

	return &rules.Report{
		Verdict: rules.Verdict{Outcome: rules.RootCause, Cause: "crawler-session-leak", Confidence: 0.97,
			Summary: "Three crawlers made 34,270 requests, each left a session key without TTL, and Redis, which has no maxmemory, filled 92 % of RAM until the kernel killed it."},
		Incident: rules.IncidentFacts{Victim: "redis-server", VictimPID: 14502, KilledAt: killed, KillError: time.Second, OnsetAt: onset,
			EndedAt: killed.Add(18 * time.Minute), Impact: "1,204 requests answered 502 in 18 min", KilledLine: killLine},
		Culprits: []rules.Culprit{
			{Kind: "address", Value: "192.168.1.105", Share: 0.3659, Requests: 12540, Note: "declares itself Googlebot; a private address is no address of Google's: spoofed, or a proxy without real_ip"},
			{Kind: "address", Value: "192.168.1.106", Share: 0.3277, Requests: 11230, Note: "declares itself Googlebot; a private address is no address of Google's: spoofed, or a proxy without real_ip"},
			{Kind: "address", Value: "192.168.1.107", Share: 0.3064, Requests: 10500, Note: "declares itself Googlebot; a private address is no address of Google's: spoofed, or a proxy without real_ip"},
		},
		Candidates: []rules.Candidate{{Cause: "crawler-session-leak", Confidence: 0.97}, {Cause: "app-session-leak-organic", Confidence: 0.02, Why: "370 requests are not the crawlers'"}},
		Chain: []correlate.Link{
			{Effect: refused, Cause: kill, Lag: 2 * time.Second, LagKnown: true, Explained: 1, Tests: passed},
			{Effect: kill, Cause: growth, LagKnown: true, Explained: 0.92, Tests: passed},
			{Effect: growth, Cause: keys, Explained: -1, For: []correlate.Evidence{noMax}, Tests: correlate.Tests{Structural: correlate.Pass, Deviating: correlate.Pass, Ordered: correlate.Pass}},
			{Effect: keys, Cause: crawl, LagKnown: true, Explained: 0.989, Tests: passed,
				Against: []correlate.Evidence{quote("commands/redis-info.txt", 37, "db0:keys=45123,expires=12,avg_ttl=86400000", "45,123 keys in five minutes are 433 times the 30,000 a day of the access log")}},
		},
		Findings: []rules.Finding{
			{Rule: "session-keys-without-ttl", Role: rules.RoleRoot, Title: "99.97 % of the keys have no TTL", Evidence: []correlate.Evidence{keyspace}, Fixes: []rules.Fix{ttlFix},
				Quantities: []rules.Quantity{
					{Name: "bytes a key", Value: 6242, Unit: "bytes", Formula: "7,501,232 kB / 1,230,600 keys"},
					{Name: "keys a day", Value: 30000, Unit: "keys", Formula: "34,270 requests of crawlers in 27 h 25 min"},
					{Name: "days to fill RAM", Value: 40.1, Unit: "days", Formula: "7.2 GiB / (30,000 keys x 6,242 B)"},
				}},
			{Rule: "redis-no-maxmemory", Role: rules.RoleContributing, Title: "Redis has no memory limit: maxmemory is 0", Evidence: []correlate.Evidence{noMax}, Fixes: []rules.Fix{maxFix}},
			{Rule: "nginx-map-misses", Role: rules.RoleContributing, Title: "The nginx map matches 0 of 34,270 requests of the agent it should stop", Evidence: []correlate.Evidence{quote("etc/nginx/sites-available/shop.conf", 3, "    ~*(AhrefsBot|SemrushBot|MJ12bot|DotBot) 1;", "")}, Fixes: []rules.Fix{mapFix}},
			{Rule: "no-swap", Role: rules.RoleHygiene, Title: "The host has no swap: growth ends in a kill without a slow phase", Evidence: []correlate.Evidence{quote("commands/free-before.txt", 4, "Swap:              0           0           0", "")}},
		},
		Fixes: []rules.Fix{ttlFix, maxFix, mapFix, ipFix},
		RuledOut: []rules.RuledOut{
			{Cause: "other-process-hog", Checked: true, Reason: "mysqld held 2.0 GiB and is configured for 2.0 GiB.", Evidence: []correlate.Evidence{quote("etc/mysql/mariadb.conf.d/50-server.cnf", 2, "innodb_buffer_pool_size = 2G", "")}},
			{Cause: "php-fpm-overload", Checked: true, Reason: "50 children of 40 MiB are 2.0 GiB at most.", Evidence: []correlate.Evidence{quote("etc/php/8.1/fpm/pool.d/www.conf", 2, "pm.max_children = 50", "")}},
			{Cause: "fork-cow", Reason: "could not check: no Redis log in the input."},
		},
		DoesNotFit: []rules.Misfit{
			{Text: "45,123 keys in five minutes are 433 times the 30,000 a day that the access log shows.", Evidence: []correlate.Evidence{keyspace}},
			{Text: "20 April 2026 is a Monday; dmesg -T says Tue.", Evidence: []correlate.Evidence{killLine}},
			{Text: "A key takes 6.2 kB; the value shown has 271 bytes, 23 times less.", Evidence: []correlate.Evidence{quote("commands/redis-keys.txt", 17, `"a:4:{s:4:\"cart\";s:42:\"a:1:{s:8:\"item_123\";i:1;}\";s:11:\"customer_id\";i:0;s:14:\"applied_coupons\";a:0:{}`, "")}},
		},
		Missing: []rules.Missing{{ID: "oom-task-table", Why: "the kernel's table of processes was cut off, so 0.6 GiB of RAM has no owner.",
			Command: "journalctl -k -b -1 --since '2026-04-20 09:12:30' --until '2026-04-20 09:13' -o short-iso > kernel.log"}},
		NotJudged: []rules.NotJudged{
			{Rule: "fork-cow", Why: "no Redis log in the input"}, {Rule: "rdb-schedule", Why: "no Redis log in the input"},
			{Rule: "disk-full-persistence", Why: "no df output in the input"},
		},
		Ledger: []rules.Ledger{{Name: "RAM at the kill", Total: 8336334848, Unit: "bytes", Residual: 511705088, Terms: []rules.LedgerTerm{
			{Name: "redis-server, anonymous", Value: 7681261568, Evidence: killLine},
			{Name: "free", Value: 100401152, Evidence: quote("dmesg.txt", 30, "", "")},
			{Name: "shared memory", Value: 18931712, Evidence: quote("dmesg.txt", 28, "", "")},
			{Name: "page tables", Value: 21303296, Evidence: quote("dmesg.txt", 28, "", "")},
			{Name: "kernel stacks", Value: 2732032, Evidence: quote("dmesg.txt", 31, "", "")},
		}}},
		Series: teaShopSeries(onset, killed),
		Marks: []rules.Mark{
			{Kind: "onset", Text: "it began", At: onset, To: onset, N: 1},
			{Kind: "kill", Text: "the kernel killed redis-server", At: killed, To: killed, N: 1, Evidence: killLine},
			{Kind: "service", Text: "php8.1-fpm.service failed", At: killed.Add(time.Minute), To: killed.Add(6 * time.Minute), N: 3, Evidence: quote("syslog", 88, "php8.1-fpm.service: Failed with result 'exit-code'.", "")},
		},
		Inputs: teaShopInputs(onset, killed),
	}
}

// teaShopSeries: the keys grow for forty days and begin again after the kill.
func teaShopSeries(onset, killed time.Time) []rules.Series {
	requests := rules.Series{ID: "requests", Name: "requests", Lane: "requests", Bin: 24 * time.Hour, Note: "sums of 24 h", Source: "var/log/nginx/access.log and 1 more"}
	failed := requests
	failed.ID, failed.Name, failed.Lane = "requests-5xx", "answered with 5xx", "failed"
	keys := rules.Series{ID: "keys-without-ttl", Name: "keys without expiry", Lane: "keys", Source: "commands/redis-info.txt"}
	used := rules.Series{ID: "used-memory", Name: "used_memory", Unit: "bytes", Lane: "memory", Source: "commands/redis-info.txt", Limits: []rules.Limit{{Name: "RAM", Value: 8336334848}}}
	for day := range 40 {
		at := onset.AddDate(0, 0, day)
		requests.Points = append(requests.Points, rules.Point{At: at.Truncate(24 * time.Hour), Value: float64(30000 + 2100*(day%7))})
		failed.Points = append(failed.Points, rules.Point{At: at.Truncate(24 * time.Hour), Value: float64(day / 39 * 1204)})
		if day%5 == 0 {
			keys.Points = append(keys.Points, rules.Point{At: at, Value: float64(30110 * day)})
			used.Points = append(used.Points, rules.Point{At: at, Value: float64(1<<20 + 6242*30110*day)})
		}
	}
	keys.Points = append(keys.Points, rules.Point{At: killed.Add(-time.Minute), Value: 1204418}, rules.Point{At: killed.Add(20 * time.Minute), Value: 45123, Gap: true})
	used.Points = append(used.Points, rules.Point{At: killed.Add(-time.Minute), Value: 7518008320}, rules.Point{At: killed.Add(20 * time.Minute), Value: 290455552, Gap: true})
	return []rules.Series{requests, failed, keys, used}
}

func teaShopInputs(onset, killed time.Time) []correlate.Input {
	zone := correlate.ClockNote{Zone: "+0800", From: "in the line", Placed: true}
	host := correlate.ClockNote{Zone: "+0800", From: "inferred from access.log", Placed: true, Error: time.Second}
	back := killed.Add(18 * time.Minute)
	return []correlate.Input{
		{File: "commands/free-before.txt", Format: "free", Read: 4, Facts: 1},
		{File: "commands/free-after.txt", Format: "free", Read: 4, Facts: 1, DuplicateOf: "commands/free.txt"},
		{File: "commands/redis-info.txt", Format: "redis-info", Read: 41, Facts: 2, From: back, To: back.Add(5 * time.Minute), Clock: zone},
		{File: "commands/redis-keys.txt", Format: "redis-keys", Read: 21, Facts: 8},
		{File: "dmesg.txt", Format: "kernel", Read: 32, Facts: 1, Skipped: 1, From: killed, To: killed, Clock: host,
			FirstSkipped: &parsers.Skipped{Line: 7, Text: "[Tue Apr 20 09:12:34 2026] <TA\x1b[2JSK>", Why: "not a line of a kernel report"}},
		{File: "etc/mysql/mariadb.conf.d/50-server.cnf", Format: "mycnf", Read: 4, Facts: 4},
		{File: "etc/nginx/nginx.conf", Format: "nginxconf", Read: 29, Facts: 1},
		{File: "etc/nginx/sites-available/shop.conf", Format: "nginxconf", Read: 24, Facts: 1},
		{File: "etc/php/8.1/fpm/pool.d/www.conf", Format: "phpfpm-pool", Read: 6, Facts: 6},
		{File: "etc/redis/redis.conf", Format: "redisconf", Read: 19, Facts: 17},
		{File: "var/log/nginx/access.log", Format: "nginx-access", Read: 1391, Facts: 1391, From: killed.Add(-72 * time.Minute), To: back, Clock: zone},
		{File: "var/log/nginx/access.log.1.gz", Format: "nginx-access", Read: 33250, Facts: 33250, From: onset, To: killed.Add(-73 * time.Minute), Clock: zone},
		{File: "var/www/html/wp-content/plugins/redis-session-manager/class-redis-session.php", Read: 104},
		{File: "var/log/nginx/access.log.2.gz", Format: "nginx-access", Err: "read access.log.2.gz: unexpected EOF after 0 lines: the archive is cut off"},
	}
}

func inconclusive() *rules.Report {
	killed := clockTime("2026-04-20 01:12:34")
	killLine := killLine
	killLine.Time = killed
	kill := correlate.Event{Kind: "kernel-oom-kill", Subject: "redis-server pid 14502", From: killed, To: killed, Evidence: []correlate.Evidence{killLine},
		Text: "The kernel killed redis-server, pid 14502, at 7.2 GiB anon-rss: 92 % of 7.8 GiB RAM."}
	growth := correlate.Event{Kind: "redis-memory-growth", Subject: "redis", Text: "Redis grew to 7.2 GiB; since when is not known.", Evidence: []correlate.Evidence{killLine}}
	return &rules.Report{
		Verdict: rules.Verdict{Outcome: rules.Inconclusive, Confidence: 0.41,
			Summary: "The kernel killed redis-server at 7.2 GiB, 92 % of RAM; what filled Redis cannot be told without an access log of the days before."},
		Incident: rules.IncidentFacts{Victim: "redis-server", VictimPID: 14502, KilledAt: killed, KilledLine: killLine},
		Candidates: []rules.Candidate{
			{Cause: "crawler-session-leak", Confidence: 0.41, Why: "99.97 % of the keys are sessions without TTL; who made them is not known"},
			{Cause: "app-session-leak-organic", Confidence: 0.33, Why: "the same keys, made by customers"},
			{Cause: "allocator-fragmentation", Confidence: 0.08, Why: "no INFO memory from before the kill"},
		},
		Chain: []correlate.Link{{Effect: kill, Cause: growth, Explained: 0.92, Tests: correlate.Tests{Structural: correlate.Pass, Deviating: correlate.Unknown, Ordered: correlate.Pass, Sufficient: correlate.Pass}}},
		Missing: []rules.Missing{
			{ID: "access-log-in-window", Why: "tells crawlers from customers: the log in the input begins after the kill.", Command: "zcat -f /var/log/nginx/access.log* | gzip > access-all.log.gz"},
			{ID: "boot-time", Why: "places the kernel's clock on that of nginx.", Command: "uptime -s; date -Is"},
		},
		RuledOut: []rules.RuledOut{{Cause: "other-process-hog", Checked: true, Reason: "no other process held more than 2 % of RAM.", Evidence: []correlate.Evidence{quote("dmesg.txt", 31, "[  812]   113   812   455210    40211   1409024        0             0 mysqld", "")}}},
		Findings: []rules.Finding{{Rule: "redis-no-maxmemory", Role: rules.RoleContributing, Title: "Redis has no memory limit: maxmemory is 0", Evidence: []correlate.Evidence{quote("redis-info.txt", 28, "maxmemory:0", "")}}},
		NotJudged: []rules.NotJudged{
			{Rule: "crawler-traffic", Why: "no access log of the time before the kill"}, {Rule: "spoofed-crawler", Why: "no access log of the time before the kill"},
		},
		Inputs: []correlate.Input{
			{File: "dmesg.txt", Format: "kernel", Read: 32, Facts: 1, From: killed, To: killed, Clock: correlate.ClockNote{Zone: "", Placed: false}},
			{File: "redis-info.txt", Format: "redis-info", Read: 41, Facts: 2},
		},
	}
}

func noIncident() *rules.Report {
	day := clockTime("2026-04-20 01:12:34")
	burst := quote("access.log", 4711, `66.249.66.1 - - [20/Apr/2026:01:12:34 +0000] "GET /product/oolong/ HTTP/1.1" 200 48112 "-" `+googlebot, "")
	return &rules.Report{
		Verdict: rules.Verdict{Outcome: rules.NoIncident, Confidence: 0.93,
			Summary: "Googlebot made 18,240 requests in an hour, 6 times its usual rate, but 99.8 % of them were served from the cache and Redis stayed at 212 MiB of its 1.0 GiB."},
		RuledOut: []rules.RuledOut{
			{Cause: "crawler-session-leak", Checked: true, Reason: "18,240 requests made 4 keys; each has a TTL of 48 h.", Evidence: []correlate.Evidence{quote("redis-info.txt", 52, "db0:keys=1204,expires=1204,avg_ttl=86400000", "")}},
			{Cause: "redis-maxmemory-reached", Checked: true, Reason: "the peak was 212 MiB of 1.0 GiB: 21 %.", Evidence: []correlate.Evidence{quote("redis-info.txt", 9, "used_memory_peak_human:212.40M", "")}},
			{Cause: "fork-cow", Reason: "could not check: no Redis log in the input."},
		},
		Findings: []rules.Finding{
			{Rule: "crawler-burst", Role: rules.RoleSymptom, Title: "66.249.66.1, a verified Googlebot, made 18,240 requests between 01:00 and 02:00", Evidence: []correlate.Evidence{burst}},
			{Rule: "no-swap", Role: rules.RoleHygiene, Title: "The host has no swap", Evidence: []correlate.Evidence{quote("free.txt", 3, "Swap:             0           0           0", "")}},
		},
		NotJudged: []rules.NotJudged{{Rule: "fork-cow", Why: "no Redis log in the input"}},
		Inputs: []correlate.Input{
			{File: "access.log", Format: "nginx-access", Read: 48211, Facts: 48211, From: day.AddDate(0, 0, -6), To: day.Add(3 * time.Hour), Clock: correlate.ClockNote{Zone: "+0000", From: "in the line", Placed: true}},
			{File: "free.txt", Format: "free", Read: 3, Facts: 1},
			{File: "redis-info.txt", Format: "redis-info", Read: 60, Facts: 1, From: day, To: day, Clock: correlate.ClockNote{Zone: "UTC", Placed: true}},
		},
	}
}
