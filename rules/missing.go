package rules

import (
	"cmp"
	"maps"
	"slices"
)

// missingOf puts the asked-for evidence in order of votes, at most four: more than that is homework, not a next step.
func missingOf(votes map[string]int) []Missing {
	ids := slices.SortedFunc(maps.Keys(votes), func(a, b string) int {
		return cmp.Or(-cmp.Compare(votes[a], votes[b]), cmp.Compare(a, b))
	})
	var out []Missing
	for _, id := range ids {
		if m, ok := evidenceCatalogue[id]; ok && len(out) < 4 {
			m.ID = id
			out = append(out, m)
		}
	}
	return out
}

// evidenceCatalogue says why a piece of evidence would help and how to get it without changing anything.
var evidenceCatalogue = map[string]Missing{
	"kernel-log":           {Why: "it says whether the kernel killed anything, whom, and who held the memory", Command: "journalctl -k -o short-iso --since -7d > kernel.log; dmesg -T >> kernel.log"},
	"kernel-log-before":    {Why: "the host was started in the middle of this; why it went down stands at the end of the log of the boot before", Command: "journalctl -b -1 -n 300 -o short-iso; last -x reboot shutdown | head"},
	"client-sample":        {Why: "who asks for one page and nothing with it: whose networks these are, and whether anybody of them ever logs in", Command: "awk '$6 == \"\\\"GET\" {print $1}' /var/log/nginx/access.log | sort | uniq -c | sort -rn | awk '$1 < 3 {print $2}' | shuf -n 20 | xargs -n1 whois | grep -iE '^(netname|org-?name|descr):'"},
	"database-connections": {Why: "who holds the database's connections, for how long and doing what", Command: "mysql -e \"SHOW FULL PROCESSLIST; SHOW VARIABLES LIKE 'max_connections'; SHOW GLOBAL STATUS LIKE 'Max_used_connections'\""},
	"database-log":         {Why: "it says whether the database stopped, and why", Command: "cp /var/log/mysql/error.log mysql-error.log; systemctl status mysql mariadb postgresql --no-pager"},
	"disk-use":             {Why: "which disk is full, of bytes or of inodes, and what fills it", Command: "df -h; df -i; du -xhd2 /var /home /tmp 2>/dev/null | sort -h | tail -n 20; lsof -nP +L1 2>/dev/null | sort -nrk7 | head"},
	"document-root":        {Why: "whether what the web server looks for is there, under the name that it looks for", Command: "nginx -T | grep -E '^# configuration|server_name|root|alias|try_files|SCRIPT_FILENAME'; ls -la --time-style=full-iso /var/www/*; tail -n 50 /var/log/nginx/error.log"},
	"web-server-status":    {Why: "how many connections it holds, and how many it may", Command: "nginx -T | grep -E 'worker_(processes|connections|rlimit)'; curl -s http://127.0.0.1/nginx_status; ss -s"},
	"certificate":          {Why: "until when the site's certificate is good", Command: "openssl s_client -connect localhost:443 -servername SITE </dev/null 2>/dev/null | openssl x509 -noout -subject -dates"},
	"open-files":           {Why: "which limit it is, and what holds the files", Command: "for p in $(pidof nginx); do grep 'open files' /proc/$p/limits; ls /proc/$p/fd | wc -l; done; sysctl fs.file-nr; ss -s"},
	"connection-table":     {Why: "how full the kernel's table of connections is, and who is in it", Command: "sysctl net.netfilter.nf_conntrack_count net.netfilter.nf_conntrack_max; conntrack -L 2>/dev/null | grep -o 'src=[^ ]*' | sort | uniq -c | sort -rn | head"},
	"local-ports":          {Why: "who holds the local ports, and in which state", Command: "ss -tan | awk '{print $1, $5}' | sort | uniq -c | sort -rn | head; sysctl net.ipv4.ip_local_port_range"},
	"name-service":         {Why: "which resolver is asked, and whether it answers", Command: "cat /etc/resolv.conf; resolvectl statistics; journalctl -u systemd-resolved --since -1d | tail -n 50"},
	"heap-snapshot":        {Why: "what fills Node's heap: written by itself when it comes near its limit", Command: "NODE_OPTIONS='--heapsnapshot-near-heap-limit=1 --diagnostic-dir=/var/tmp'   # with the service's next start"},
	"process-list":         {Why: "who holds the memory and the swap, while it is short", Command: "ps -eo pid,rss,comm --sort=-rss | head -n 20; grep -H VmSwap /proc/[0-9]*/status | sort -k2 -rn | head; vmstat -t 5 12"},
	"app-log":              {Why: "what the application that the web server asks says of itself", Command: "journalctl -u APP -o short-iso --since -1d > app.log; docker logs --timestamps --since 24h APP > app.log 2>&1"},
	"shared-memory":        {Why: "files in a tmpfs and shared segments hold memory that no process does; these name them", Command: "df -h -t tmpfs -t ramfs; ipcs -m; du -xhd1 /dev/shm /run /tmp | sort -h | tail"},
	"big-keys":             {Why: "memory grew while the number of keys did not: single keys grew, a queue, a list or a set; these name them", Command: "redis-cli --bigkeys -i 0.01; redis-cli --memkeys -i 0.01"},
	"host-zone":            {Why: "a log's times name no zone; with --tz FILE=ZONE it stands among the other logs", Command: "timedatectl; date +%z; cat /etc/timezone"},
	"boot-time":            {Why: "the kernel log counts seconds since boot; the time of boot places the kill among the other logs", Command: "date -u; cat /proc/uptime; grep btime /proc/stat"},
	"access-log":           {Why: "it shows who asked for what while memory grew", Command: "tar czf access-logs.tgz /var/log/nginx/*access.log*"},
	"access-log-in-window": {Why: "the access logs at hand do not cover the time in which memory grew", Command: "ls -l --time-style=full-iso /var/log/nginx/*access.log*; tar czf access-logs.tgz /var/log/nginx/*access.log*"},
	"redis-info":           {Why: "used_memory, RSS and keys over time show whether Redis grew, and of what; one snapshot a minute from now on is what nobody has after a kill", Command: "while sleep 60; do date -u; redis-cli INFO; done >> redis-info.log"},
	"redis-conf":           {Why: "maxmemory, its policy and the save lines decide what could happen", Command: "redis-cli CONFIG GET '*memory*'; redis-cli CONFIG GET save; cat /etc/redis/redis.conf"},
	"redis-log":            {Why: "it shows saves, refused forks, disconnected clients, and whether Redis stopped by itself", Command: "cp /var/log/redis/redis-server.log ."},
	"oom-task-table":       {Why: "the kernel's table of processes at the kill shows who held the memory", Command: "journalctl -k -b -1 -o short-iso | grep -A200 'invoked oom-killer'; dmesg -T | grep -A200 'invoked oom-killer'"},
	"oom-report":           {Why: "the whole report says whose limit was hit, and what the kernel itself held", Command: "journalctl -k -o short-iso | grep -B5 -A200 'invoked oom-killer'"},
	"key-sample":           {Why: "a sample of keys with TTL and size shows which kind never expires", Command: "redis-cli --scan | head -n 500 | while read -r k; do echo \"$k $(redis-cli TTL \"$k\") $(redis-cli MEMORY USAGE \"$k\")\"; done"},
	"slowlog":              {Why: "it shows commands that blocked Redis", Command: "redis-cli SLOWLOG GET 128"},
	"client-list":          {Why: "it names the client whose replies pile up", Command: "redis-cli CLIENT LIST"},
	"error-log":            {Why: "it says why requests failed", Command: "cp /var/log/nginx/error.log ."},
	"php-fpm-log":          {Why: "it says whether every worker was busy", Command: "cp /var/log/php*-fpm.log ."},
	"php-fpm-slowlog":      {Why: "it shows what the busy workers waited for", Command: "grep -r slowlog /etc/php/*/fpm/pool.d/"},
}
