package collect

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"

	"github.com/redis/go-redis/v9"
)

// redisKind is how an URL names the servers.
type redisKind int

const (
	oneServer redisKind = iota
	bySentinel
	ofCluster
)

// redisURL says which servers to ask, and how.
//
//	redis://[user:password@]host[:6379][/db]            rediss:// the same with TLS
//	unix://[user:password@]/path/to/redis.sock[?db=n]
//	redis+sentinel://[user:password@]host[:26379][,host[:26379]...]/master[/db][?sentinel_user=u&sentinel_password=p]
//	redis+cluster://[user:password@]host[:6379][,host[:6379]...]
//
// With rediss+ the two last ones use TLS. The parameters of TLS are files: cacert, cert and key; skip_verify=true trusts
// any certificate.
type redisURL struct {
	kind     redisKind
	seeds    []string // addresses of the server, of Sentinels, or of some nodes
	name     string   // of the master, as Sentinel calls it
	server   redis.Options
	sentinel redis.Options
}

const redisForms = "use redis://[user:password@]host:6379, rediss://... for TLS, unix:///path/to/redis.sock, redis+sentinel://host:26379/master or redis+cluster://host:6379"

func parseRedisURL(raw string) (redisURL, error) {
	u, err := splitRedisURL(raw)
	if err != nil {
		return u, fmt.Errorf("redis URL: %w (%s)", withoutSecrets(err, raw), redisForms)
	}
	return u, nil
}

// splitRedisURL takes a list of hosts apart, which no URL has, and gives the rest to go-redis.
func splitRedisURL(raw string) (u redisURL, err error) {
	scheme, rest, _ := strings.Cut(raw, "://")
	base, kind, _ := strings.Cut(scheme, "+")
	switch kind {
	case "":
	case "sentinel":
		u.kind = bySentinel
	case "cluster":
		u.kind = ofCluster
	default:
		return u, fmt.Errorf("invalid URL scheme: %s", scheme)
	}
	rest, query, _ := strings.Cut(rest, "?")
	params, err := url.ParseQuery(query)
	if err != nil {
		return u, errors.New("the parameters behind ? cannot be read")
	}
	roots, certs, err := tlsFiles(params)
	if err != nil {
		return u, err
	}
	sentinelUser, sentinelPassword := take(params, "sentinel_user"), take(params, "sentinel_password")
	if base == "unix" {
		if u.kind != oneServer {
			return u, fmt.Errorf("invalid URL scheme: %s", scheme)
		}
		return u, u.options(raw, roots, certs)
	}
	authority, path, _ := strings.Cut(rest, "/")
	login, hosts := "", authority
	if i := strings.LastIndexByte(authority, '@'); i >= 0 {
		login, hosts = authority[:i+1], authority[i+1:]
	}
	port := "6379"
	if u.kind == bySentinel {
		port = "26379"
		if u.name, path, _ = strings.Cut(path, "/"); u.name == "" {
			return u, errors.New("no name of a master behind the hosts")
		}
	}
	list := []string{hosts}
	if u.kind != oneServer {
		list = strings.Split(hosts, ",")
	}
	for _, host := range list {
		if host == "" && u.kind != oneServer {
			return u, errors.New("a host without a name")
		}
		u.seeds = append(u.seeds, withPort(host, port))
	}
	if len(params) > 0 {
		path += "?" + params.Encode()
	}
	if err := u.options(base+"://"+login+u.seeds[0]+"/"+path, roots, certs); err != nil {
		return u, err
	}
	u.sentinel = u.server
	u.sentinel.Username, u.sentinel.Password, u.sentinel.DB = sentinelUser, sentinelPassword, 0
	return u, nil
}

func withPort(host, port string) string {
	if _, _, err := net.SplitHostPort(host); err == nil {
		return host
	}
	return net.JoinHostPort(strings.Trim(host, "[]"), port)
}

func take(params url.Values, name string) string {
	value := params.Get(name)
	params.Del(name)
	return value
}

// tlsFiles reads the files that the parameters of TLS name.
func tlsFiles(params url.Values) (roots *x509.CertPool, certs []tls.Certificate, err error) {
	if file := take(params, "cacert"); file != "" {
		pem, err := os.ReadFile(file)
		if err != nil {
			return nil, nil, fmt.Errorf("cacert %s: %w", file, plainError(err))
		}
		if roots = x509.NewCertPool(); !roots.AppendCertsFromPEM(pem) {
			return nil, nil, fmt.Errorf("cacert %s: no certificate in it", file)
		}
	}
	if cert, key := take(params, "cert"), take(params, "key"); cert != "" || key != "" {
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			return nil, nil, fmt.Errorf("cert %s and key %s: %w", cert, key, err)
		}
		certs = append(certs, pair)
	}
	return roots, certs, nil
}

// options has one URL read by go-redis, and makes its client a patient asker of a server in trouble.
func (u *redisURL) options(one string, roots *x509.CertPool, certs []tls.Certificate) error {
	o, err := redis.ParseURL(one)
	if err != nil {
		return err
	}
	if o.TLSConfig != nil {
		o.TLSConfig.RootCAs, o.TLSConfig.Certificates = roots, certs
	} else if roots != nil || certs != nil {
		return errors.New("cacert, cert and key are TLS's: use rediss://")
	}
	o.Protocol = 2 // no HELLO, which servers before 6 do not know
	o.DisableIdentity = true
	o.MaxRetries, o.DialerRetries = -1, 1 // the next poll is the retry
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout = redisDial, redisAnswer, redisAnswer
	o.ContextTimeoutEnabled = true
	o.PoolSize = 1
	u.server = *o
	if u.kind == oneServer {
		u.seeds = []string{o.Addr}
	}
	return nil
}

// withoutSecrets keeps passwords out of the message of an URL that cannot be read.
func withoutSecrets(err error, raw string) error {
	text := strings.ReplaceAll(err.Error(), raw, "...")
	_, rest, _ := strings.Cut(raw, "://")
	if i := strings.LastIndexByte(rest, '@'); i > 0 {
		login := rest[:i]
		text = strings.ReplaceAll(text, login, "...")
		if _, password, ok := strings.Cut(login, ":"); ok && password != "" {
			text = strings.ReplaceAll(text, password, "***")
		}
	}
	return errors.New(text)
}

// client asks the server at an address, or a Sentinel, behind the hook that lets only questions pass.
func (u *redisURL) client(addr string) *redis.Client { return newClient(u.server, addr) }

func newClient(o redis.Options, addr string) *redis.Client {
	if o.TLSConfig != nil && addr != o.Addr {
		o.TLSConfig = o.TLSConfig.Clone()
		o.TLSConfig.ServerName, _, _ = net.SplitHostPort(addr)
	}
	o.Addr = addr
	c := redis.NewClient(&o)
	c.AddHook(readOnly{})
	return c
}
