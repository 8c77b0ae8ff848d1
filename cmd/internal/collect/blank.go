package collect

import "regexp"

// What a configuration or a command line keeps secret. The name of the setting stays, and so does the line: an analysis
// quotes it by its number.
var secrets = []struct {
	re *regexp.Regexp
	by string
}{
	// tcp://host:6379?auth=x, and the user:password of any URL
	{regexp.MustCompile(`(?i)\b(auth(?:\[\w*\])?|pass|password|pwd)=([^&"'\s;\]]+)`), "${1}=***"},
	{regexp.MustCompile(`(://[^/\s:@"']*:)[^/\s@"']+@`), "${1}***@"},
	// mysqladmin -px, redis-cli -a x
	{regexp.MustCompile(`(\b(?:mysql|mysqldump|mysqladmin|mariadb)\b[^\n]*\s-p)[^\s-][^\s]*`), "${1}***"},
	{regexp.MustCompile(`(\bredis-cli\b[^\n]*\s-a\s+)\S+`), "${1}***"},
	{regexp.MustCompile(`(?im)^(\s*(?:proxy_set_header|add_header|fastcgi_param)\s+(?:authorization|HTTP_AUTHORIZATION|x-api-key)\s+)[^\n;]+`), "${1}***"},
	{regexp.MustCompile(`(?i)\b(bearer|basic)\s+[A-Za-z0-9+/=_.~-]{8,}`), "${1} ***"},
}

// named is a setting with a telling name, in any of the forms of these files: requirepass x, password = x,
// 'auth_token' => 'x', DB_PASSWORD=x, --password=x, fastcgi_param SECRET x. Comments too: yesterday's is often today's.
var named = regexp.MustCompile(`(?i)([\w.-]*(?:passw(?:or)?d|passphrase|requirepass|(?:[_.-]|\b)pass|masterauth|secret|(?:[_.-]|\b)token|api_?key|credential)[\w\[\].-]*["']?\]?)((?:[ \t]*(?:=>|=|:)[ \t]*|[ \t]+))("[^"\n]*"|'[^'\n]*'|[^\s;,]+)`)

// notSecret are nginx's own directives that are called alike.
var notSecret = regexp.MustCompile(`(?i)^(?:(?:proxy|fastcgi|uwsgi|scgi|grpc|memcached)_pass|server_tokens)`)

// user shop on >x #hash: Redis's users.
var (
	redisUser  = regexp.MustCompile(`(?m)^\s*user\s.*$`)
	userSecret = regexp.MustCompile(`(\s[>#<!])\S+`)
)

// Blank replaces secrets by ***.
func Blank(text []byte) []byte {
	text = named.ReplaceAllFunc(text, func(found []byte) []byte {
		m := named.FindSubmatch(found)
		if m == nil || notSecret.Match(m[1]) {
			return found
		}
		return append(append(append([]byte{}, m[1]...), m[2]...), "***"...)
	})
	text = redisUser.ReplaceAllFunc(text, func(line []byte) []byte { return userSecret.ReplaceAll(line, []byte("${1}***")) })
	for _, s := range secrets {
		text = s.re.ReplaceAll(text, []byte(s.by))
	}
	return text
}
