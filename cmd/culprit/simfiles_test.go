package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// style is how a host writes its logs down.
type style struct {
	kernel string // syslog, iso, mono, dmesg-T, journal
	era    string // 4.4, 4.15, 5.4, 6.8
	access string // combined, common, timed, json, xff
	info   string // zoned, date, clock, files: what tells a snapshot's time
	short  bool   // INFO memory and keyspace only
	noRows bool   // the kernel's table of tasks is missing
}

// hit is one request.
type hit struct {
	at                              time.Time
	client, xff, target, ref, agent string
	status, size                    int
	took                            float64
	opens                           bool // needs the session store
}

// redisLine is one line of a Redis log.
type redisLine struct {
	at   time.Time
	role string
	pid  int
	text string
}

const simHost = "shop-7"

// files is what the host leaves.
func (s *sim) files() map[string]string {
	files := map[string]string{}
	maps.Copy(files, s.lines)
	hits := s.hits()
	if len(hits) > 0 {
		var access, errors strings.Builder
		for i, h := range hits {
			fmt.Fprintln(&access, s.accessLine(h))
			if h.status >= 500 {
				if why := s.why(h); why != "" {
					fmt.Fprintf(&errors, "%s [error] 812#812: *%d %s, client: %s, server: shop.example.com, request: \"GET %s HTTP/1.1\", upstream: \"fastcgi://unix:/run/php/php8.1-fpm.sock:\", host: \"shop.example.com\"\n",
						h.at.In(s.webZone).Format("2006/01/02 15:04:05"), 1000+i, why, h.client, h.target)
				}
			}
		}
		files["var/log/nginx/access.log"] = access.String()
		if errors.Len() > 0 {
			files["var/log/nginx/error.log"] = errors.String()
		}
		files["etc/nginx/nginx.conf"] = s.nginxConf()
	}
	if r := s.redis; r != nil {
		var info strings.Builder
		for _, t := range s.replies {
			if s.style.info == "files" {
				files[fmt.Sprintf("redis-info/info-%d.txt", t.at.Unix())] = s.infoText(t)
				continue
			}
			info.WriteString(s.infoText(t))
		}
		if info.Len() > 0 {
			files["redis-info.log"] = info.String()
		}
		files["etc/redis/redis.conf"] = s.redisConf()
		files["var/log/redis/redis-server.log"] = s.redisLog()
	}
	if s.kill != nil {
		name := "var/log/kern.log"
		if s.style.kernel == "mono" || s.style.kernel == "dmesg-T" {
			name = "dmesg.txt"
		}
		if s.earlier != nil {
			files[name] = s.kernelLog(s.earlier)
		}
		files[name] += s.kernelLog(s.kill)
	}
	if s.ram > 0 {
		kb := s.ram >> 10
		files["free.txt"] = fmt.Sprintf("               total        used        free      shared  buff/cache   available\nMem:        %8d    %8d    %8d        1312    %8d    %8d\nSwap:              0           0           0\n", kb, kb/2, kb/4, kb/4, kb/3)
	}
	local, utc := s.to.In(s.zone), s.to.UTC()
	name, _ := local.Zone()
	files["timedatectl.txt"] = fmt.Sprintf("               Local time: %s %s\n           Universal time: %s UTC\n                 RTC time: %s\n                Time zone: %s (%s, %s)\nSystem clock synchronized: yes\n",
		local.Format("Mon 2006-01-02 15:04:05"), name, utc.Format("Mon 2006-01-02 15:04:05"), utc.Format("Mon 2006-01-02 15:04:05"), s.zone, name, local.Format("-0700"))
	files["proc/uptime"] = fmt.Sprintf("%.2f %.2f\n", s.to.Sub(s.boot()).Seconds(), s.to.Sub(s.boot()).Seconds()*1.7)
	for _, p := range s.procs {
		switch {
		case strings.HasPrefix(p.name, "mysqld") || p.name == "mariadbd":
			files["etc/mysql/my.cnf"] = "[mysqld]\nuser = mysql\nmax_connections = 151\n" + s.confs["my.cnf"]
		case strings.HasPrefix(p.name, "php-fpm"):
			files["etc/php/8.1/fpm/pool.d/www.conf"] = "[www]\nuser = www-data\nlisten = /run/php/php8.1-fpm.sock\npm = dynamic\n" + cmp.Or(s.confs["www.conf"], fmt.Sprintf("pm.max_children = %d\n", max(2*p.n, 10)))
		}
	}
	for _, name := range s.without {
		delete(files, name)
	}
	if s.split {
		return spread(files)
	}
	return files
}

// spread gives the access log to two web servers and the rest to the host of Redis.
func spread(files map[string]string) map[string]string {
	out := map[string]string{}
	for name, text := range files {
		switch {
		case strings.HasSuffix(name, "access.log"):
			var logs [2]strings.Builder
			for i, line := range strings.SplitAfter(text, "\n") {
				logs[i*7%13%2].WriteString(line)
			}
			out["web-01/"+name], out["web-02/"+name] = logs[0].String(), logs[1].String()
		case strings.Contains(name, "nginx"):
			out["web-01/"+name], out["web-02/"+name] = text, text
		default:
			out["redis-01/"+name] = text
		}
	}
	return out
}

// boot is when the host started: before everything in its files.
func (s *sim) boot() time.Time { return s.from.Add(-9*24*time.Hour - 4*time.Hour - 17*time.Minute) }

// hits are the requests in the order in which nginx ended them.
func (s *sim) hits() []hit {
	var all []hit
	for _, st := range s.streams {
		if st.visit == nil {
			continue
		}
		for _, at := range st.at {
			for _, h := range st.visit(&s.dice, at) {
				if h.at.Before(s.to) {
					all = append(all, s.answer(h))
				}
			}
		}
	}
	slices.SortStableFunc(all, func(a, b hit) int { return a.at.Compare(b.at) })
	return all
}

// answer fills in how a request ended.
func (s *sim) answer(h hit) hit {
	h.took = 0.004
	if h.opens {
		h.took = 0.06 + float64(s.n(180))/1000
	}
	if h.status == 0 {
		h.status, h.size = 200, sizeOf(h.target, 900, 41000)
	}
	for _, o := range s.outages {
		if h.at.Before(o.from) || !h.at.Before(o.to) || !h.opens || o.fails != nil && !o.fails(h) {
			continue
		}
		if o.slow > 0 {
			h.took = o.slow * (0.5 + float64(s.n(100))/100)
		}
		if o.status > 0 && (o.share == 0 || s.n(o.share) == 0) {
			h.status, h.size = o.status, 552
		}
	}
	return h
}

// why is what the error log says of a failed request.
func (s *sim) why(h hit) string {
	for _, o := range s.outages {
		if !h.at.Before(o.from) && h.at.Before(o.to) && o.status == h.status {
			switch {
			case o.why != "":
				return o.why
			case h.status == 502:
				return "connect() to unix:/run/php/php8.1-fpm.sock failed (111: Connection refused) while connecting to upstream"
			default:
				return `FastCGI sent in stderr: "PHP message: PHP Fatal error:  Uncaught RedisException: Connection refused in /var/www/html/session.php:41" while reading response header from upstream`
			}
		}
	}
	return ""
}

func (s *sim) accessLine(h hit) string {
	at := h.at.In(s.webZone).Format("02/Jan/2006:15:04:05 -0700")
	ref := cmp.Or(h.ref, "-")
	switch s.style.access {
	case "common":
		return fmt.Sprintf(`%s - - [%s] "GET %s HTTP/1.1" %d %d`, h.client, at, h.target, h.status, h.size)
	case "timed":
		return fmt.Sprintf(`[%s] %s %.3f %d "GET %s HTTP/2.0" %d "%s" "%s"`, at, h.client, h.took, h.status, h.target, h.size, ref, h.agent)
	case "json":
		return fmt.Sprintf(`{"ts":"%s","ip":"%s","req":"GET %s HTTP/1.1","status":%d,"sent":%d,"rt":%.3f,"ref":"%s","ua":"%s"}`, h.at.In(s.webZone).Format("2006-01-02T15:04:05-07:00"), h.client, h.target, h.status, h.size, h.took, h.ref, h.agent)
	case "xff":
		return fmt.Sprintf(`10.0.0.%d - - [%s] "GET %s HTTP/1.1" %d %d "%s" "%s" "%s"`, 4+sizeOf(h.client, 0, 2), at, h.target, h.status, h.size, ref, h.agent, cmp.Or(h.xff, h.client))
	}
	return fmt.Sprintf(`%s - - [%s] "GET %s HTTP/1.1" %d %d "%s" "%s"`, h.client, at, h.target, h.status, h.size, ref, h.agent)
}

func (s *sim) nginxConf() string {
	format := "combined"
	def := ""
	switch s.style.access {
	case "common":
		format, def = "plain", `    log_format plain '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent';`+"\n"
	case "timed":
		format, def = "timed", `    log_format timed '[$time_local] $remote_addr $request_time $status "$request" $body_bytes_sent "$http_referer" "$http_user_agent"';`+"\n"
	case "json":
		format, def = "js", `    log_format js escape=json '{"ts":"$time_iso8601","ip":"$remote_addr","req":"$request","status":$status,"sent":$body_bytes_sent,"rt":$request_time,"ref":"$http_referer","ua":"$http_user_agent"}';`+"\n"
	case "xff":
		format, def = "proxied", `    log_format proxied '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" "$http_x_forwarded_for"';`+"\n"
	}
	return "events {\n    worker_connections 768;\n}\n\nhttp {\n" + def + "    access_log /var/log/nginx/access.log " + format + ";\n    server {\n        listen 80;\n        server_name shop.example.com;\n" +
		"        location / { try_files $uri /index.php?$args; }\n        location ~ \\.php$ { fastcgi_pass unix:/run/php/php8.1-fpm.sock; }\n    }\n}\n"
}

func (s *sim) redisConf() string {
	r := s.redis
	conf := fmt.Sprintf("bind 127.0.0.1\nport %d\ndaemonize yes\nlogfile /var/log/redis/redis-server.log\ndir /var/lib/redis\n", r.port)
	if r.save {
		conf += "save 3600 1\nsave 300 100\nsave 60 10000\n"
	} else {
		conf += "save \"\"\nappendonly no\n"
	}
	if r.maxmemory > 0 {
		conf += fmt.Sprintf("maxmemory %d\nmaxmemory-policy %s\n", r.maxmemory, r.policy)
	}
	return conf + s.confs["redis.conf"]
}

// infoText writes one INFO reply, or the two sections that a cron job asks for.
func (s *sim) infoText(t infoText) string {
	var out strings.Builder
	p := func(format string, a ...any) { fmt.Fprintf(&out, format+"\n", a...) }
	switch s.style.info {
	case "zoned":
		p("%s", t.at.In(s.zone).Format(time.RFC3339))
	case "date":
		p("%s", t.at.In(s.zone).Format("Mon Jan  2 15:04:05 MST 2006"))
	}
	if !s.style.short || s.style.info == "clock" {
		p("# Server\nredis_version:%s\nredis_mode:standalone\nprocess_id:%d\nrun_id:%s\ntcp_port:%d\nserver_time_usec:%d\nuptime_in_seconds:%d\n", s.redis.version, t.pid, t.run, s.redis.port, t.at.UnixMicro(), int(t.uptime.Seconds()))
	}
	p("# Memory\nused_memory:%d\nused_memory_human:%.2fM\nused_memory_rss:%d\nused_memory_peak:%d\nused_memory_startup:%d", t.used, float64(t.used)/(1<<20), t.rss, t.used, redisStartup)
	overhead := redisStartup + 41008 + t.keys*72 + hashTable(t.keys)*8 + t.clients + t.replicas
	p("used_memory_overhead:%d\nused_memory_dataset:%d", min(overhead, t.used), max(t.used-overhead, 0))
	p("total_system_memory:%d\nmaxmemory:%d\nmaxmemory_policy:%s\nmem_fragmentation_ratio:%.2f\nmem_clients_slaves:%d\nmem_clients_normal:%d\nmem_allocator:jemalloc-5.2.1\nactive_defrag_running:%d\n",
		s.ram, t.maxmemory, cmp.Or(t.policy, "noeviction"), float64(t.rss)/float64(t.used), t.replicas, t.clients, number(t.defrag))
	if !s.style.short {
		p("# Persistence\nloading:0\nrdb_bgsave_in_progress:%d\nrdb_last_bgsave_status:ok\naof_enabled:0\n", number(t.saving))
		p("# Stats\ntotal_commands_processed:%d\nexpired_keys:%d\nevicted_keys:%d\nkeyspace_hits:%d\nkeyspace_misses:%d\n", t.hits*2, t.expired, t.evicted, t.hits, t.misses)
		if t.refused > 0 {
			p("# Errorstats\nerrorstat_OOM:count=%d\n", t.refused)
		}
	}
	p("# Keyspace")
	if t.keys > 0 {
		p("db0:keys=%d,expires=%d,avg_ttl=%d", t.keys, t.expires, number(t.expires > 0)*int(t.avgTTL.Milliseconds()))
	}
	p("")
	return out.String()
}

func number(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (s *sim) redisLog() string {
	r := s.redis
	lines := slices.Clone(r.log)
	start := func(at time.Time, pid int) {
		for i, text := range []string{"oO0OoO0OoO0Oo Redis is starting oO0OoO0OoO0Oo", fmt.Sprintf("Redis version=%s, bits=64, commit=00000000, modified=0, pid=%d, just started", r.version, pid),
			"Configuration loaded", fmt.Sprintf("Running mode=standalone, port=%d.", r.port), "Ready to accept connections"} {
			role := "M"
			if i < 3 {
				role = "C"
			}
			lines = append(lines, redisLine{at, role, pid, text})
		}
	}
	start(r.started, r.pid)
	if !r.restarted.IsZero() {
		start(r.restarted, r.newPID)
	}
	slices.SortStableFunc(lines, func(a, b redisLine) int { return a.at.Compare(b.at) })
	var out strings.Builder
	for _, l := range lines {
		mark := "*"
		if l.role == "C" || strings.Contains(l.text, "rror") || strings.Contains(l.text, "an't") || strings.Contains(l.text, "signal") {
			mark = "#"
		}
		fmt.Fprintf(&out, "%d:%s %s %s %s\n", l.pid, l.role, l.at.In(s.zone).Format("02 Jan 2006 15:04:05.000"), mark, l.text)
	}
	return out.String()
}
