package collect

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Where packages put redis.conf and its kin.
var redisConfs = []string{
	"/etc/redis/redis.conf", "/etc/redis.conf", "/etc/redis/*.conf", "/etc/redis/*/*.conf", "/etc/valkey/*.conf", "/etc/valkey.conf",
	"/etc/keydb/*.conf", "/usr/local/etc/redis*.conf", "/usr/local/etc/redis/*.conf", "/opt/redis/*.conf",
}

var redisNames = []string{"redis-server", "valkey-server", "keydb-server", "dragonfly"}

// redisTitle is how a server calls itself: "redis-server 127.0.0.1:6379", "*:6379 [cluster]", "unixsocket:/run/redis.sock".
var redisTitle = regexp.MustCompile(`\s(?:unixsocket:(\S+)|(\S*):(\d+))(?:\s|$)`)

// redis finds the servers that run: where they listen by their title, with which password by the configuration that
// belongs to it.
func (d *discovery) redis(procs []Proc) {
	found := false
	for _, p := range procs {
		if !slices.ContainsFunc(redisNames, func(n string) bool { return strings.HasPrefix(p.Name, n) }) {
			continue
		}
		if strings.Contains(p.Command, "[sentinel]") || strings.Contains(p.Command, "-rdb-bgsave") || strings.Contains(p.Command, "-aof-rewrite") {
			continue // it holds no keys, or is a server's child
		}
		found = true
		d.oneRedis(p)
	}
	if !found {
		d.miss("Redis", "none runs here: name one with --redis redis://HOST:6379")
	}
}

func (d *discovery) oneRedis(p Proc) {
	conf, file, unread := d.redisConf(p)
	at := redisAddress{port: "6379"}
	if conf != nil {
		at.from(conf)
	}
	at.fromCommand(p.Command)
	how := p.who()
	if file != "" {
		how += ", " + file
	}
	if at.port == "0" && at.socket == "" {
		d.miss("Redis", "%s listens on TLS alone, or nowhere: name it with --redis rediss://HOST:PORT", how)
		return
	}
	if p.OwnNet && at.port != "0" {
		d.miss("Redis", "%s has a network of its own: name the address that it is reached at with --redis", how)
		return
	}
	if unread != "" {
		d.Missing = append(d.Missing, Missing{unread, "permission denied: if Redis wants a password, name it in the environment as REDISCLI_AUTH, or run as root", true})
	}
	r := FoundRedis{How: how}
	u := url.URL{Scheme: "redis", Host: net.JoinHostPort(at.host(), at.port)}
	r.Name = u.Host
	if at.port == "0" {
		socket := filepath.Join(d.host.Root, p.Root, at.socket)
		u = url.URL{Scheme: "unix", Path: socket}
		r.Name = socket
	}
	if at.password != "" {
		u.User = url.UserPassword("", at.password)
	}
	r.URL = u.String()
	d.Redis = append(d.Redis, r)
	if at.log != "" {
		d.log(FoundLog{Path: at.log, Format: "redis-log", How: "logfile, " + how}, p.Root)
	}
}

// redisConf finds the configuration of a server: the one its command line names, or of the usual ones that with its port.
// unread says what could not be read and may have been it.
func (d *discovery) redisConf(p Proc) (conf map[string][]string, file, unread string) {
	var files []string
	for _, w := range strings.Fields(p.Command) {
		if strings.HasSuffix(w, ".conf") && path.IsAbs(w) {
			files = append(files, w)
		}
	}
	named := len(files) > 0
	for _, pattern := range redisConfs {
		all, _ := filepath.Glob(filepath.Join(d.host.Root, p.Root, pattern))
		for _, f := range all {
			if rel, err := filepath.Rel(filepath.Join(d.host.Root, p.Root), f); err == nil && !slices.Contains(files, "/"+filepath.ToSlash(rel)) {
				files = append(files, "/"+filepath.ToSlash(rel))
			}
		}
	}
	var title redisAddress
	title.fromCommand(p.Command)
	for i, f := range files {
		c := map[string][]string{}
		if err := d.readRedis(p.Root, f, c, 0); err != nil {
			if unread == "" && errors.Is(err, fs.ErrPermission) {
				unread = filepath.Join(d.host.Root, p.Root, f)
			}
			continue
		}
		at := redisAddress{port: "6379"}
		at.from(c)
		if named && i == 0 || at.port == title.port || title.port == "" && title.socket == at.socket {
			_, _ = d.read(p.Root, f, "redis-conf") // it can be read: it has been
			return c, filepath.Join(d.host.Root, p.Root, f), ""
		}
	}
	return nil, "", unread
}

// readRedis reads a configuration's settings; the last of two counts, as in Redis.
func (d *discovery) readRedis(root, file string, into map[string][]string, depth int) error {
	probe := &discovery{host: d.host, conf: map[string]bool{}}
	text, err := probe.read(root, file, "redis-conf")
	if err != nil {
		return err
	}
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		words := strings.Fields(lines.Text())
		if len(words) < 2 || words[0][0] == '#' {
			continue
		}
		for i, w := range words {
			if n := len(w); n > 1 && (w[0] == '"' || w[0] == '\'') && w[n-1] == w[0] {
				words[i] = w[1 : n-1]
			}
		}
		name := strings.ToLower(words[0])
		if name == "include" && depth < maxIncludeDepth {
			if err := d.readRedis(root, below(path.Dir(file), words[1]), into, depth+1); err != nil {
				return fmt.Errorf("include %s: %w", words[1], err)
			}
			continue
		}
		into[name] = words[1:]
	}
	return nil
}

// redisAddress is where a server listens.
type redisAddress struct {
	bind             []string
	port             string
	socket, password string
	log              string
}

func (a *redisAddress) from(conf map[string][]string) {
	one := func(name string, to *string) {
		if v := conf[name]; len(v) > 0 {
			*to = v[0]
		}
	}
	one("port", &a.port)
	one("unixsocket", &a.socket)
	one("requirepass", &a.password)
	one("logfile", &a.log)
	if !path.IsAbs(a.log) {
		a.log = "" // "" is its standard output
	}
	if v := conf["bind"]; len(v) > 0 {
		a.bind = v
	}
}

// fromCommand reads the title, which says how it runs now; and of a server that keeps its command line, the options.
func (a *redisAddress) fromCommand(command string) {
	if m := redisTitle.FindStringSubmatch(command); m != nil {
		if m[1] != "" {
			a.port, a.socket = "0", m[1]
		} else {
			a.port, a.bind = m[3], []string{strings.Trim(m[2], "[]")}
		}
	}
	words := strings.Fields(command)
	for i, w := range words[:max(len(words)-1, 0)] {
		switch w {
		case "--port":
			a.port = words[i+1]
		case "--unixsocket":
			a.socket = words[i+1]
		case "--requirepass":
			a.password = words[i+1]
		case "--bind":
			a.bind = []string{words[i+1]}
		}
	}
}

// host is the address to ask: the server's own loopback where it listens on it.
func (a *redisAddress) host() string {
	for _, b := range a.bind {
		switch b = strings.TrimPrefix(b, "-"); b { // "-::1": it need not be there
		case "*", "0.0.0.0", "127.0.0.1", "localhost", "":
			return "127.0.0.1"
		}
	}
	for _, b := range a.bind {
		switch b = strings.TrimPrefix(b, "-"); b {
		case "::", "::1", "::*":
			return "::1"
		default:
			return b
		}
	}
	return "127.0.0.1"
}
