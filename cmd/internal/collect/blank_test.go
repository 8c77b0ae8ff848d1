package collect

import (
	"bytes"
	"strings"
	"testing"
)

func TestBlank(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		if got := string(Blank([]byte(in))); got != want {
			t.Errorf("%q:\ngot  %q\nwant %q", in, got, want)
		}
	}
	f("maxmemory 2gb\nrequirepass s3cret\nsave 900 1\n", "maxmemory 2gb\nrequirepass ***\nsave 900 1\n")
	f("masterauth \"s3 cret\"\n", "masterauth ***\n")
	f("user shop on >s3cret #0123abcd ~* +@all\n", "user shop on >*** #*** ~* +@all\n")
	f(`session.save_path = "tcp://10.0.0.5:6379?auth=s3cret&database=2"`, `session.save_path = "tcp://10.0.0.5:6379?auth=***&database=2"`)
	f("php_value[session.save_path] = \"tcp://r:6379?auth[]=s3cret\"", "php_value[session.save_path] = \"tcp://r:6379?auth[]=***\"")
	f("[client]\npassword = s3cret\nuser = root\n", "[client]\npassword = ***\nuser = root\n")
	f("fastcgi_param DB_PASSWORD s3cret;", "fastcgi_param DB_PASSWORD ***;")
	f("env[REDIS_URL] = redis://shop:s3cret@10.0.0.5:6379/0", "env[REDIS_URL] = redis://shop:***@10.0.0.5:6379/0")
	f(`proxy_set_header Authorization "Basic c2hvcDpzM2NyZXQ=";`, `proxy_set_header Authorization ***;`)
	f("0 3 * * * root mysqldump -u root -ps3cret shop", "0 3 * * * root mysqldump -u root -p*** shop")
	f("*/5 * * * * root redis-cli -a s3cret info", "*/5 * * * * root redis-cli -a *** info")
	f("limit_req_zone $binary_remote_addr zone=a:10m rate=5r/s;\nproxy_pass http://127.0.0.1:8080;\n",
		"limit_req_zone $binary_remote_addr zone=a:10m rate=5r/s;\nproxy_pass http://127.0.0.1:8080;\n")
	f("fastcgi_pass unix:/run/php/php-fpm.sock;\nfastcgi_pass_header X;\n", "fastcgi_pass unix:/run/php/php-fpm.sock;\nfastcgi_pass_header X;\n")
	f("tokudb_cache_size = 2G\n", "tokudb_cache_size = 2G\n")
	f("proxy_cache_bypass $cookie_nocache;\n", "proxy_cache_bypass $cookie_nocache;\n")
	f("a { fastcgi_param DB_PASSWORD s3cret; fastcgi_param APP_SECRET s3cret; fastcgi_pass x; }", "a { fastcgi_param DB_PASSWORD ***; fastcgi_param APP_SECRET ***; fastcgi_pass x; }")
	f("# requirepass s3cret\n", "# requirepass ***\n")
	f("server_tokens off;\n", "server_tokens off;\n")
	f("ssl_password_file /etc/keys/pw;\n", "ssl_password_file ***;\n")
}

// An id is replaced by one of the same shape, the same by the same; what is no id stays.
func TestMaskedKeys(t *testing.T) {
	m := newMasking()
	for _, key := range []string{"wc_session_1725d6b82e1fec1b917239d22468536c", "session:0b7e1f52-4a7d-4c0e-9b1a-6d2f8e3c5a90", "PHPREDIS_SESSION:q5v8tn2b0c9d1e7f6g4h3j2k1l"} {
		got := m.key(key)
		prefix := key[:strings.IndexAny(key, "0123456789")-1]
		if got == key || len(got) != len(key) || got != m.key(key) || !strings.HasPrefix(got, prefix) || strings.Count(got, "-") != strings.Count(key, "-") {
			t.Errorf("%s became %s", key, got)
		}
	}
	for _, key := range []string{"queues:default", "configurationcachemain", "cache:page:12"} {
		if got := m.key(key); got != key {
			t.Errorf("%s became %s", key, got)
		}
	}
	if got := m.key("a\tb\nc"); bytes.ContainsAny([]byte(got), "\t\n") {
		t.Errorf("%q", got)
	}
}
