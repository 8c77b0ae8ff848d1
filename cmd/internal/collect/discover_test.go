package collect

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// hostWith is a host with these files and processes.
func hostWith(t *testing.T, files map[string]string, procs ...Proc) (*Host, string) {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		full := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return &Host{Root: root, Processes: func(context.Context) []Proc { return procs }}, root
}

// tellFound is what was found, without the folder that the host lies in.
func tellFound(f Found, root string) []string {
	var all []string
	for _, l := range f.Logs {
		formats := ""
		for _, x := range l.Formats {
			if len(x.Paths) > 0 {
				formats += " " + x.Name
			}
		}
		all = append(all, fmt.Sprintf("%s %s%s (%s)", l.Format, l.Path, formats, l.How))
	}
	for _, c := range f.Configs {
		all = append(all, c.Format+" "+c.Path)
	}
	for _, r := range f.Redis {
		all = append(all, fmt.Sprintf("redis %s %s (%s)", r.URL, r.Name, r.How))
	}
	for _, m := range f.Missing {
		all = append(all, fmt.Sprintf("missing %s: %s", m.What, m.Why))
	}
	for i := range all {
		all[i] = strings.ReplaceAll(all[i], root, "")
	}
	return all
}

func TestDiscover(t *testing.T) {
	f := func(name string, files map[string]string, procs []Proc, want ...string) {
		t.Helper()
		h, root := hostWith(t, files, procs...)
		got := tellFound(h.Discover(t.Context()), root)
		if !slices.Equal(got, want) {
			t.Errorf("%s:\n  %s\nwant\n  %s", name, strings.Join(got, "\n  "), strings.Join(want, "\n  "))
		}
	}
	const noNginx = "missing nginx: none runs here: name its logs with --access-log and --error-log"
	const noRedis = "missing Redis: none runs here: name one with --redis redis://HOST:6379"
	f("nothing", nil, nil, noNginx, noRedis)

	f("Debian's nginx with two sites", map[string]string{
		"etc/nginx/nginx.conf": "error_log /var/log/nginx/error.log;\nhttp {\n  log_format timed '$remote_addr $request_time \"$request\"';\n  access_log /var/log/nginx/access.log;\n" +
			"  include /etc/nginx/sites-enabled/*;\n  include mime.types;\n}\n",
		"etc/nginx/mime.types":              "types { text/html html; }\n",
		"etc/nginx/sites-enabled/shop":      "server { access_log /srv/shop/access.log timed; error_log /srv/shop/error.log warn; }\n",
		"etc/nginx/sites-enabled/blog":      "server { access_log off; location /a { access_log logs/a.log; } location /b { access_log /var/log/$host.log; } }\n",
		"etc/nginx/sites-available/unused":  "server { access_log /var/log/unused.log; }\n",
		"var/log/nginx/access.log":          "",
		"srv/shop/access.log":               "",
		"etc/nginx/sites-enabled/loop.conf": "include /etc/nginx/sites-enabled/loop.conf;\naccess_log syslog:server=198.51.100.1 combined;\naccess_log /dev/null;\n",
	}, []Proc{{PID: 812, Name: "nginx", Command: "nginx: master process /usr/sbin/nginx -g daemon on; master_process on;"}, {PID: 813, Name: "nginx", Command: "nginx: worker process"}},
		"nginx-error /var/log/nginx/error.log (/etc/nginx/nginx.conf:1, nginx, pid 812)",
		"nginx-access /var/log/nginx/access.log combined (/etc/nginx/nginx.conf:4, nginx, pid 812)",
		"nginx-access /etc/nginx/logs/a.log combined (/etc/nginx/sites-enabled/blog:1, nginx, pid 812)",
		"nginx-access /srv/shop/access.log timed (/etc/nginx/sites-enabled/shop:1, nginx, pid 812)",
		"nginx-error /srv/shop/error.log (/etc/nginx/sites-enabled/shop:1, nginx, pid 812)",
		"nginx-conf /etc/nginx/nginx.conf", "nginx-conf /etc/nginx/sites-enabled/blog", "nginx-conf /etc/nginx/sites-enabled/loop.conf",
		"nginx-conf /etc/nginx/sites-enabled/shop", "nginx-conf /etc/nginx/mime.types",
		"missing access_log /var/log/$host.log: /etc/nginx/sites-enabled/blog:1, nginx, pid 812: the name depends on the request; name the files with --access-log",
		"missing access_log syslog:server=198.51.100.1: /etc/nginx/sites-enabled/loop.conf:2, nginx, pid 812: no file; name the one that it ends up in with --access-log or --error-log",
		noRedis)

	f("a build of one's own, by -p and -c, without log directives", map[string]string{
		"opt/web/conf/my.conf": "http { server { listen 80; } }\n", "opt/web/logs/access.log": "x", "opt/web/logs/error.log": "x",
	}, []Proc{{PID: 5, Name: "nginx", Command: "nginx: master process ./nginx -p /opt/web -c conf/my.conf"}},
		"nginx-access /opt/web/logs/access.log (no access_log in /opt/web/conf/my.conf: where it usually is, nginx, pid 5)",
		"nginx-error /opt/web/logs/error.log (no error_log in /opt/web/conf/my.conf: where it usually is, nginx, pid 5)",
		"nginx-conf /opt/web/conf/my.conf", noRedis)

	f("in a container, which logs to its output", map[string]string{"proc/77/root/etc/nginx/nginx.conf": "http { access_log /var/log/access.log; access_log /dev/stdout; }\n", "proc/77/root/var/log/access.log": ""},
		[]Proc{{PID: 77, Name: "nginx", Command: "nginx: master process nginx", Root: "/proc/77/root", OwnNet: true}, {PID: 78, Name: "redis-server", Command: "redis-server *:6379", Root: "/proc/78/root", OwnNet: true}},
		"nginx-access /proc/77/root/var/log/access.log combined (/etc/nginx/nginx.conf:1, nginx, pid 77 in a container)",
		"nginx-conf /proc/77/root/etc/nginx/nginx.conf",
		"missing access_log /dev/stdout: /etc/nginx/nginx.conf:1, nginx, pid 77 in a container: no file; name the one that it ends up in with --access-log or --error-log",
		"missing Redis: redis-server, pid 78 in a container has a network of its own: name the address that it is reached at with --redis")

	f("no configuration to be found", nil, []Proc{{PID: 9, Name: "nginx", Command: "nginx: master process nginx"}},
		"missing nginx.conf: nginx, pid 9 does not tell it, and it is in none of the usual places: name it with --nginx-conf", noRedis)

	f("three servers of Redis", map[string]string{
		"etc/redis/redis.conf":    "# port 7000\nport 6379\nbind 127.0.0.1 -::1\nrequirepass \"first\"\nrequirepass s3cr&t\nlogfile /var/log/redis/redis-server.log\ninclude /etc/redis/more.inc\n",
		"etc/redis/more.inc":      "maxmemory 1gb\n",
		"etc/redis/sessions.conf": "port 0\nunixsocket /run/redis/s.sock\n",
	}, []Proc{
		{PID: 1, Name: "redis-server", Command: "/usr/bin/redis-server 127.0.0.1:6379"},
		{PID: 2, Name: "redis-server", Command: "/usr/bin/redis-server unixsocket:/run/redis/s.sock"},
		{PID: 3, Name: "valkey-server", Command: "valkey-server 192.0.2.7:7001 [cluster]"},
		{PID: 4, Name: "redis-server", Command: "redis-sentinel *:26379 [sentinel]"},
		{PID: 5, Name: "redis-server", Command: "redis-rdb-bgsave 127.0.0.1:6379"},
		{PID: 6, Name: "redis-server", Command: "redis-server --port 7002 --requirepass x"},
		{PID: 7, Name: "redis-server", Command: "redis-server [::1]:7003"},
	},
		"redis-log /var/log/redis/redis-server.log (logfile, redis-server, pid 1, /etc/redis/redis.conf)",
		"redis-conf /etc/redis/redis.conf", "redis-conf /etc/redis/sessions.conf",
		"redis redis://:s3cr&t@127.0.0.1:6379 127.0.0.1:6379 (redis-server, pid 1, /etc/redis/redis.conf)",
		"redis unix:///run/redis/s.sock /run/redis/s.sock (redis-server, pid 2, /etc/redis/sessions.conf)",
		"redis redis://192.0.2.7:7001 192.0.2.7:7001 (valkey-server, pid 3)",
		"redis redis://:x@127.0.0.1:7002 127.0.0.1:7002 (redis-server, pid 6)",
		"redis redis://[::1]:7003 [::1]:7003 (redis-server, pid 7)",
		noNginx)

	f("PHP-FPM", map[string]string{
		"etc/php/8.2/fpm/php-fpm.conf": "[global]\npid = /run/php/php8.2-fpm.pid\nerror_log = /var/log/php8.2-fpm.log\ninclude=/etc/php/8.2/fpm/pool.d/*.conf\n", "etc/php/8.2/fpm/pool.d/www.conf": "[www]\npm.max_children = 50\n",
	}, []Proc{{PID: 3, Name: "php-fpm8.2", Command: "php-fpm: master process (/etc/php/8.2/fpm/php-fpm.conf)"}},
		"php-fpm-log /var/log/php8.2-fpm.log (/etc/php/8.2/fpm/php-fpm.conf:3, php-fpm8.2, pid 3)",
		"php-fpm-pool /etc/php/8.2/fpm/php-fpm.conf", "php-fpm-pool /etc/php/8.2/fpm/pool.d/www.conf", noNginx, noRedis)
}

// A password is in the URL that is asked by, and nowhere else.
func TestDiscoverKeepsSecrets(t *testing.T) {
	h, root := hostWith(t, map[string]string{"etc/redis/redis.conf": "requirepass hunter22\nuser shop on >hunter23 ~*\n"}, Proc{PID: 1, Name: "redis-server", Command: "redis-server *:6379"})
	found := h.Discover(t.Context())
	if len(found.Redis) != 1 || found.Redis[0].URL != "redis://:hunter22@127.0.0.1:6379" || len(found.Configs) != 1 {
		t.Fatalf("%+v", found)
	}
	found.Redis[0].URL = ""
	if told := fmt.Sprint(tellFound(found, root), string(found.Configs[0].Text)); strings.Contains(told, "hunter") {
		t.Error(told)
	}
}

// What may not be read is told with what would help.
func TestDiscoverDenied(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may read everything")
	}
	h, root := hostWith(t, map[string]string{"etc/nginx/nginx.conf": "http { access_log /var/log/a.log; }\n", "var/log/a.log": ""}, Proc{PID: 1, Name: "nginx", Command: "nginx: master process nginx"})
	if err := os.Chmod(filepath.Join(root, "var/log/a.log"), 0); err != nil {
		t.Fatal(err)
	}
	found := h.Discover(t.Context())
	if len(found.Logs) != 0 || !slices.ContainsFunc(found.Missing, func(m Missing) bool {
		return m.Denied && m.What == filepath.Join(root, "var/log/a.log") && strings.HasPrefix(m.Why, "permission denied: run as root")
	}) {
		t.Errorf("%+v", found)
	}
}

// A panel's thousand sites: the logs that were written last are followed, and the rest is told.
func TestDiscoverMany(t *testing.T) {
	files := map[string]string{"etc/nginx/nginx.conf": "http { include sites/*.conf; }\n"}
	for i := range 200 {
		files[fmt.Sprintf("etc/nginx/sites/%03d.conf", i)] = fmt.Sprintf("server { access_log /var/log/%03d.log; error_log /dev/null; }\n", i)
	}
	h, _ := hostWith(t, files, Proc{PID: 1, Name: "nginx", Command: "nginx: master process nginx"})
	found := h.Discover(t.Context())
	if len(found.Logs) != maxFoundLogs || !slices.ContainsFunc(found.Missing, func(m Missing) bool { return m.What == "136 more logs" }) {
		t.Errorf("%d logs, missing %+v", len(found.Logs), found.Missing)
	}
}

// This host can be looked at; what is there is its own affair.
func TestDiscoverHere(t *testing.T) {
	for _, p := range ThisHost().Processes(t.Context()) {
		if p.PID <= 0 || p.Name == "" {
			t.Errorf("%+v", p)
		}
	}
}
