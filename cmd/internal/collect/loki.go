package collect

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// LokiOptions are what a loki:// argument does not say itself.
type LokiOptions struct {
	Now          time.Time // "since=24h" counts back from here
	Since, Until time.Time // of the command line; zero = not given
	Getenv       func(string) string
	Timeout      time.Duration                              // of one query; 0 = lokiTimeout
	Sleep        func(ctx context.Context, d time.Duration) // between tries; nil = really
}

// lokiSince is how far back a reading goes that names no beginning.
const lokiSince = 24 * time.Hour

// SplitLoki takes the loki:// and lokis:// arguments out.
func SplitLoki(args []string) (paths, loki []string) {
	for _, arg := range args {
		if strings.HasPrefix(arg, "loki://") || strings.HasPrefix(arg, "lokis://") {
			loki = append(loki, arg)
		} else {
			paths = append(paths, arg)
		}
	}
	return paths, loki
}

// Loki lists the logs that a selector finds in Loki as units, one for each file or container that wrote there:
//
//	loki://[USER:PASSWORD@]HOST[:3100][/PREFIX]/?selector={job="nginx"}&since=24h[&until=2026-04-20T02:00:00Z][&org=TENANT][&read=counts|lines]
//
// lokis:// speaks TLS. Users, tokens and the tenant may also stand in the variables that logcli reads. It asks the HTTP API
// for reading and nothing else.
func Loki(ctx context.Context, arg string, o LokiOptions) []*Unit {
	units, err := lokiUnits(ctx, arg, o)
	if err != nil {
		return []*Unit{{Name: lokiName(arg), Named: true, err: err}}
	}
	return units
}

// lokiName is the argument without its password.
func lokiName(arg string) string {
	scheme, rest, _ := strings.Cut(arg, "://")
	host, _, _ := strings.Cut(rest, "?")
	if i := strings.LastIndexByte(host, '@'); i >= 0 {
		host = host[i+1:]
	}
	return scheme + "://" + strings.TrimRight(host, "/")
}

// lokiQuery is an argument taken apart.
type lokiQuery struct {
	base     string // http://host:3100/prefix
	user     *url.Userinfo
	org      string
	read     string // "", or how large access logs are read: counts, lines
	selector selector
	from, to time.Time
}

func parseLoki(arg string, o LokiOptions) (q lokiQuery, err error) {
	address, params, _ := strings.Cut(arg, "?")
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return q, errors.New(`names no host: use loki://HOST:3100/?selector={job="nginx"}&since=24h`)
	}
	scheme := map[string]string{"loki": "http", "lokis": "https"}[u.Scheme]
	if u.Port() == "" && scheme == "http" {
		u.Host += ":3100" // Loki's own; behind TLS it is a proxy's
	}
	q.base, q.user = scheme+"://"+u.Host+strings.TrimRight(u.Path, "/"), u.User
	q.from, q.to = o.Since, o.Until
	if q.to.IsZero() {
		q.to = o.Now
	}
	var since string
	for param := range strings.SplitSeq(params, "&") {
		name, value, _ := strings.Cut(param, "=")
		if decoded, err := url.PathUnescape(value); err == nil { // not QueryUnescape: a selector has its "+" in patterns
			value = decoded
		}
		switch name {
		case "":
		case "selector", "query":
			if q.selector, err = parseSelector(value); err != nil {
				return q, err
			}
		case "since", "from", "start":
			since = value
		case "until", "to", "end":
			if q.to, err = lokiInstant(value, o.Now); err != nil {
				return q, fmt.Errorf("until=%w", err)
			}
		case "org", "tenant":
			q.org = value
		case "read":
			if q.read = value; value != "counts" && value != "lines" {
				return q, fmt.Errorf("read=%s: use counts or lines", value)
			}
		default:
			return q, fmt.Errorf("%s=%s: not known; there are selector, since, until, org and read", name, value)
		}
	}
	if q.selector.matchers == "" {
		return q, errors.New(`names no selector: add ?selector={job="nginx"}`)
	}
	switch {
	case since != "":
		if q.from, err = lokiInstant(since, o.Now); err != nil {
			return q, fmt.Errorf("since=%w", err)
		}
	case q.from.IsZero():
		q.from = q.to.Add(-lokiSince)
	}
	if !q.from.Before(q.to) {
		return q, fmt.Errorf("since (%s) must be before until (%s)", q.from.Format(time.RFC3339), q.to.Format(time.RFC3339))
	}
	return q, nil
}

// lokiInstant reads "24h", "2d" or an instant.
func lokiInstant(s string, now time.Time) (time.Time, error) {
	if days, ok := strings.CutSuffix(s, "d"); ok {
		if n, err := strconv.ParseUint(days, 10, 16); err == nil {
			return now.Add(-time.Duration(n) * 24 * time.Hour), nil
		}
	}
	if d, err := time.ParseDuration(s); err == nil && d > 0 {
		return now.Add(-d), nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04", time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%q: use 24h, 2d or 2026-04-20T01:00:00Z", s)
}

// maxLokiLogs bounds the logs of one argument: a thousand hosts have some ten each.
const maxLokiLogs = 20_000

func lokiUnits(ctx context.Context, arg string, o LokiOptions) ([]*Unit, error) {
	q, err := parseLoki(arg, o)
	if err != nil {
		return nil, err
	}
	c := newLokiClient(q, o)
	streams, err := c.series(ctx, q)
	if err != nil {
		return nil, err
	}
	if len(streams) == 0 {
		return nil, fmt.Errorf("holds nothing for %s from %s to %s", q.selector.matchers, q.from.UTC().Format(time.RFC3339), q.to.UTC().Format(time.RFC3339))
	}
	logs := lokiLogs(streams)
	if len(logs) > maxLokiLogs {
		return nil, fmt.Errorf("%s finds %d logs; more than %d are not read at once: narrow it", q.selector.matchers, len(logs), maxLokiLogs)
	}
	census := &lokiCensus{c: c, q: q, labels: logs[0].names}
	var units []*Unit
	for _, l := range logs {
		s := &lokiStream{c: c, q: q, log: l, census: census}
		units = append(units, &Unit{
			Name: path.Join("loki", l.name), Named: true, host: l.host, stream: true,
			open: func() (io.ReadCloser, error) { return s.open(ctx), nil },
			note: s.note, counter: &LokiCounter{s},
		})
	}
	return units, nil
}

// lokiLog is what one program wrote: all streams that differ in nothing but what a line says.
type lokiLog struct {
	name, host string
	names      []string // of the labels that tell logs apart
	labels     map[string]string
	journal    string // the program, where lines come bare from systemd's journal
}

// ofTheLine are labels that a shipper takes from the single line. Streams that differ in them are one log: an OOM report
// is torn apart otherwise.
var ofTheLine = []string{"level", "detected_level", "log_level", "loglevel", "severity", "priority", "status", "status_code", "method", "code"}

// hostLabels name the machine, the surest first.
var hostLabels = []string{"host", "hostname", "nodename", "server", "machine", "pod", "instance", "node", "node_name", "_HOSTNAME"}

// lokiLogs groups streams into logs, by name.
func lokiLogs(streams []map[string]string) []lokiLog {
	var names []string
	for _, s := range streams {
		for name := range s {
			if !slices.Contains(ofTheLine, name) && !strings.HasPrefix(name, "__") && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	byLabels := map[string]lokiLog{}
	for _, s := range streams {
		l := lokiLog{names: names, labels: map[string]string{}}
		for _, name := range names {
			if v := s[name]; v != "" {
				l.labels[name] = v
			}
		}
		byLabels[l.key()] = l
	}
	logs := make([]lokiLog, 0, len(byLabels))
	times := map[string]int{}
	for _, key := range slices.Sorted(maps.Keys(byLabels)) {
		l := byLabels[key]
		l.host, l.name = l.call()
		l.journal = l.program()
		times[l.name]++
		logs = append(logs, l)
	}
	for i := range logs {
		if l := &logs[i]; times[l.name] > 1 {
			l.name += " " + l.key()
		}
	}
	slices.SortStableFunc(logs, func(a, b lokiLog) int { return strings.Compare(a.name, b.name) })
	return logs
}

// key is the log's labels as a selector.
func (l *lokiLog) key() string {
	parts := make([]string, len(l.names))
	for i, name := range l.names {
		parts[i] = name + "=" + strconv.Quote(l.labels[name])
	}
	return "{" + strings.Join(parts, ",") + "}"
}

// call names the log like a file: "web1/var/log/nginx/access.log", or by its labels where there is no file.
func (l *lokiLog) call() (host, name string) {
	for _, label := range hostLabels {
		if v := l.labels[label]; v != "" {
			host = strings.ToLower(v)
			if i := strings.LastIndexByte(host, ':'); label == "instance" && i > 0 {
				host = host[:i]
			}
			break
		}
	}
	if file := l.labels["filename"]; file != "" {
		return host, path.Join(host, path.Clean("/"+file))
	}
	var parts []string
	for _, label := range l.names {
		if v := l.labels[label]; v != "" && !slices.Contains(hostLabels, label) && label != "service_name" && !slices.Contains(parts, v) {
			parts = append(parts, strings.ReplaceAll(v, "/", "_"))
		}
	}
	return host, path.Join(host, path.Clean("/"+strings.Join(parts, "/")))
}

// program is who wrote a journal's lines, which have neither a time nor a name of their own; "" = lines are whole.
func (l *lokiLog) program() string {
	if l.labels["filename"] != "" {
		return ""
	}
	for _, label := range []string{"syslog_identifier", "identifier", "transport", "systemd_unit", "unit"} {
		if v := l.labels[label]; v != "" && (label != "transport" || v == "kernel") {
			return strings.TrimSuffix(v, ".service")
		}
	}
	return ""
}

// selector is a stream selector and the pipeline behind it.
type selector struct{ matchers, pipeline string }

// parseSelector finds where the selector ends: a quoted value may hold a brace.
func parseSelector(s string) (selector, error) {
	s = strings.TrimSpace(s)
	if !strings.HasPrefix(s, "{") {
		return selector{}, fmt.Errorf(`selector=%s: use {label="value"}`, s)
	}
	quote := byte(0)
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case quote != 0:
			if c == '\\' && quote == '"' {
				i++
			} else if c == quote {
				quote = 0
			}
		case c == '"' || c == '`':
			quote = c
		case c == '}':
			return selector{s[:i+1], strings.TrimSpace(s[i+1:])}, nil
		}
	}
	return selector{}, fmt.Errorf("selector=%s: no end", s)
}

// and is the selector narrowed to a log.
func (s selector) and(l lokiLog) string {
	inner := strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(s.matchers[1:len(s.matchers)-1]), ","))
	own := l.key()
	own = own[1 : len(own)-1]
	return strings.TrimSpace("{" + strings.Trim(inner+","+own, ",") + "} " + s.pipeline)
}

func (s selector) String() string { return strings.TrimSpace(s.matchers + " " + s.pipeline) }
