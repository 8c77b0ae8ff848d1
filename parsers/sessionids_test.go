package parsers

import "testing"

func TestBlankSessionIDs(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		if got := string(BlankSessionIDs([]byte(in))); got != want {
			t.Errorf("%s\n became %s\n want   %s", in, got, want)
		}
	}
	f(`127.0.0.1:6379> TTL wc_session_8a9b2c3d4e5f6a7b8c9d0e1f2a3b4c5d`, `127.0.0.1:6379> TTL wc_session_***`)
	f(`1) "PHPREDIS_SESSION:k7fbnq20u1mv9e3hj5t8r6w4c2"`, `1) "PHPREDIS_SESSION:***"`)
	f(`GET /cart?PHPSESSID=k7fbnq20u1mv9e3hj5t8r6w4c2&x=1 HTTP/1.1`, `GET /cart?PHPSESSID=***&x=1 HTTP/1.1`)
	f(`Cookie: connect.sid=s%3A4Jq8yNBk2_x`, `Cookie: connect.sid=s%3A4Jq8yNBk2_x`) // eight letters are no id yet
	f(`Cookie: connect.sid=s%3A4Jq8yNBk2mZ91aXpQ7; a=b`, `Cookie: connect.sid=s%3A***; a=b`)
	f(`Session concurrent connections exceeded for ID "sess_00000039f05fe67065f263", 6 waiting`, `Session concurrent connections exceeded for ID "sess_***", 6 waiting`)
	f(`spring:session:sessions:expires:3f2a9c0d-1e4b-5a69-7887-96a5b4c3d2e1`, `spring:session:sessions:expires:***`)
	f(`{"session_id":"3f2a9c0d1e4b5a69","n":1}`, `{"session_id":"***","n":1}`)
	f(`{\"session_id\": \"3f2a9c0d1e4b5a69\"}`, `{\"session_id\": \"***\"}`)
	f(`sess:8812736450 and sess:2::3f2a9c0d1e4b5a69`, `sess:*** and sess:2::***`)

	for _, same := range []string{
		`session.gc_maxlifetime = 1440`, `wc_session_* keys`, `sessions: 2026-04-20 10:00:00`, `used_memory:7674093568`, `session-store.example.com`,
		`$redis->set('wc_session_' . $session_id, $data)`, `run_id:3f2a9c0d1e4b5a69788796a5b4c3d2e1f0a9b8c7`, `session opened for user root by (uid=0)`,
		`session_expiration 172800`, `process 3f2a9c0d1e4b5a69`, `db0:keys=45123,expires=12`, `New session 1234 of user root.`,
	} {
		f(same, same)
	}
}

func BenchmarkBlankSessionIDs(b *testing.B) {
	line := []byte(`203.0.113.9 - - [20/Apr/2026:08:00:01 +0800] "GET /product/green-tea/ HTTP/1.1" 200 52434 "-" "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"`)
	for b.Loop() {
		BlankSessionIDs(line)
	}
}
