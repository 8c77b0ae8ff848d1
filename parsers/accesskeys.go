package parsers

// accessKey guesses what a key of a JSON or LTSV access log means. Case, "_", "-" and "@" do not count, and neither do the
// names of enclosing objects that only say "this is a request". The names are those of the ECS, Caddy, Traefik, the LTSV
// convention, ingress-nginx's documentation and the log_formats that tutorials copy from one another.
func accessKey(path []byte) accessVar {
	var room [64]byte
	switch string(normalKey(room[:0], path)) {
	case "logger":
		return varLogger
	case "timelocal", "timestamp", "timeiso8601", "ts", "msec", "timemsec", "timeutc", "startutc", "datetime", "timestampmsec", "requesttimestamp", "startedat":
		return varTime
	case "time", "date", "startlocal", "t", "timestamputc", "logtime", "eventtime":
		return varTimeWeak
	case "remoteaddr", "clientip", "ip", "clienthost", "sourceip", "source.ip", "client.ip", "remotehost", "remoteaddress", "addr", "sourceaddress", "client.address", "source.address", "clientaddress", "remoteip.client", "ipaddress":
		return varClient
	case "client", "remoteip", "clientaddr", "remote":
		return varClientWeak
	case "peer", "realipremoteaddr", "peeraddr", "peerip":
		return varPeer
	case "httpxforwardedfor", "xforwardedfor", "xff", "forwardedfor", "forwarded", "proxyaddxforwardedfor", "requestxforwardedfor", "xforwardfor", "forward", "fwd":
		return varForwarded
	case "xrealip", "httpxrealip", "cfconnectingip", "httpcfconnectingip", "trueclientip", "realip", "requestxrealip", "requestcfconnectingip":
		return varRealIP
	case "remoteuser", "user", "userid", "clientusername", "username", "auth", "user.name":
		return varUser
	case "request", "req", "requestline", "message.request":
		return varRequest
	case "method", "requestmethod", "verb", "httpmethod", "reqmethod", "request.method":
		return varMethod
	case "requesturi", "requestpath", "url.original", "requesturl", "originaluri", "fullpath", "httprequesturi", "requri", "uripath":
		return varRequestURI
	case "uri", "url", "path", "url.path", "documenturi", "target":
		return varURI
	case "args", "query", "querystring", "url.query", "uriquery", "params":
		return varArgs
	case "protocol", "serverprotocol", "requestprotocol", "proto", "httpversion", "version", "protocolversion", "httpproto":
		return varProtocol
	case "status", "statuscode", "code", "responsestatus", "downstreamstatus", "httpstatus", "responsecode", "httpstatuscode", "respstatus", "resstatus":
		return varStatus
	case "originstatus":
		return varStatusWeak
	case "bodybytessent", "size", "bytes", "downstreamcontentsize", "body.bytes", "length", "responsesize", "bytesbody", "contentlength", "bodysent", "bodybytes", "sent":
		return varBytes
	case "bytessent", "bytesout", "responsebytes":
		return varBytesWeak
	case "referer", "referrer", "httpreferer", "httpreferrer", "ref", "requestreferer", "refer":
		return varReferer
	case "useragent", "httpuseragent", "agent", "ua", "useragent.original", "requestuseragent", "browser":
		return varAgent
	case "host", "vhost", "httphost", "servername", "requesthost", "url.domain", "domain", "site", "virtualhost", "server", "hostheader":
		return varHost
	case "cookie", "httpcookie", "requestcookie", "cookies", "phpsessid", "cookiephpsessid", "sessionid", "session", "cookiesession":
		return varCookie
	case "sethttpcookie", "setcookie", "senthttpsetcookie", "respheaders.setcookie", "downstreamsetcookie", "upstreamhttpsetcookie":
		return varSetCookie
	case "requesttime", "responsetime", "reqtime", "rt", "elapsed", "timetaken", "requestduration", "taken", "processtime", "generationtime", "latency":
		return varSeconds
	case "requesttimems", "responsetimems", "durationms", "generationtimemilli", "elapsedms", "latencyms":
		return varMillis
	case "duration", "event.duration":
		return varNanos
	case "upstreamresponsetime", "upstreamtime", "apptime", "urt", "upstreamrt", "upstreamduration", "upresptime", "upstreamresptime":
		return varUpSeconds
	case "originduration":
		return varUpNanos
	case "upstreamstatus", "ups", "upstatus", "upstreamcode":
		return varUpstreamCode
	case "upstreamaddr", "upstreamhost", "serviceaddr", "upstream", "upaddr", "backend", "upstreamaddress":
		return varUpstreamAddr
	case "cache", "upstreamcachestatus", "cachestatus", "cachehit", "xcache":
		return varCache
	}
	return varIgnore
}

// normalKey writes path in lower case without separators inside a name, and without the enclosing names that carry no
// meaning of their own. A path that does not fit dst's capacity is no key we know.
func normalKey(dst, path []byte) []byte {
	segment := 0
	for _, c := range path {
		switch {
		case c == '.':
			switch string(dst[segment:]) {
			case "request", "req", "http", "headers", "response", "resp", "res", "nginx", "access", "httprequest", "fields", "data", "log", "message", "attributes":
				dst = dst[:segment]
			default:
				if len(dst) == cap(dst) {
					return nil
				}
				dst = append(dst, '.')
			}
			segment = len(dst)
			continue
		case c == '_' || c == '-' || c == '@' || c == ' ':
			continue
		case c >= 'A' && c <= 'Z':
			c |= 0x20
		}
		if len(dst) == cap(dst) {
			return nil
		}
		dst = append(dst, c)
	}
	return dst
}
