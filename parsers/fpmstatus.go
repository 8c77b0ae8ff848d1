package parsers

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
)

// php-fpm-status is the status page of a PHP-FPM pool, short or ?full, as text or ?json; several may stand in one file.
//
//	pool:                 www
//	process manager:      dynamic
//	listen queue:         87
//	idle processes:       0
//	active processes:     20
//	total processes:      20
//	max children reached: 14
//	************************
//	pid:                  3001
//	state:                Running
//	request duration:     44012345
//	request URI:          /search/index.php?q=tea
var _ = register(Parser{
	Name:  "php-fpm-status",
	Doc:   "status page of a PHP-FPM pool, text or JSON -> pool-event",
	Match: matchFPMStatus,
	Parse: parseFPMStatus,
})

func matchFPMStatus(h *Head) int {
	for _, part := range []string{"listen queue", "active processes", "accepted conn"} {
		if !bytes.Contains(h.Text, []byte(part)) {
			return 0
		}
	}
	keys := 0
	for _, line := range h.Lines(60) {
		if key, _, ok := fpmStatusField(string(line)); ok && fpmStatusKeys[key] {
			keys++
		}
	}
	if keys >= 5 || bytes.Contains(h.Text, []byte(`"listen queue":`)) {
		return SureMark
	}
	return 0
}

var fpmStatusKeys = map[string]bool{
	"pool": true, "process manager": true, "start time": true, "start since": true, "accepted conn": true, "listen queue": true,
	"max listen queue": true, "listen queue len": true, "idle processes": true, "active processes": true, "total processes": true,
	"max active processes": true, "max children reached": true, "slow requests": true,
}

// fpmStatusField reads "listen queue:         87".
func fpmStatusField(line string) (key, value string, ok bool) {
	key, value, ok = strings.Cut(line, ":")
	return strings.ToLower(strings.TrimSpace(key)), strings.TrimSpace(value), ok && len(key) < 40
}

func parseFPMStatus(src *Source, emit func(Record)) error {
	var now stamp
	var pool, row map[string]string
	var poolAt, rowAt Pos
	var poolRaw, rowRaw []byte
	flushRow := func() {
		if row != nil {
			emitWorker(pool["pool"], row, func(e *PoolEvent) { emit(now.put(Record{At: rowAt, Raw: rowRaw, Fact: e})) })
			row = nil
		}
	}
	flush := func() {
		flushRow()
		if pool != nil {
			emit(now.put(Record{At: poolAt, Raw: poolRaw, Fact: poolStatus(pool)}))
			pool = nil
		}
	}
	err := EachLine(src, func(line []byte, at Pos) {
		text := strings.TrimSpace(string(line))
		if strings.HasPrefix(text, "{") && strings.Contains(text, `"listen queue"`) {
			flush()
			if !fpmStatusJSON(line, func(e *PoolEvent) { emit(now.put(Record{At: at, Raw: line, Fact: e})) }) {
				src.Skip(at.Line, line, "not the JSON of a status page")
			}
			return
		}
		if s, ok := dateStamp(text); ok {
			flush()
			now = s
			return
		}
		if strings.HasPrefix(text, "****") {
			flushRow()
			row, rowAt, rowRaw = map[string]string{}, at, bytes.Clone(line)
			return
		}
		key, value, ok := fpmStatusField(text)
		switch {
		case !ok:
		case key == "pool":
			flush()
			pool, poolAt, poolRaw = map[string]string{key: value}, at, bytes.Clone(line)
		case row != nil:
			if row[key] = value; key == "request uri" {
				rowAt, rowRaw = at, bytes.Clone(line)
			}
		case pool != nil && fpmStatusKeys[key]:
			if pool[key] = value; key == "active processes" {
				poolAt, poolRaw = at, bytes.Clone(line)
			}
		}
	})
	flush()
	return err
}

// poolStatus is the pool as its page shows it.
func poolStatus(f map[string]string) *PoolEvent {
	return &PoolEvent{Event: "status", Pool: f["pool"], Active: fpmCount(f["active processes"]), Total: fpmCount(f["total processes"]), Idle: fpmCount(f["idle processes"]),
		Queued: fpmCount(f["listen queue"]), MostQueued: fpmCount(f["max listen queue"]), Reached: fpmCount(f["max children reached"])}
}

func fpmCount(s string) Opt {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil && n >= 0 {
		return Some(n)
	}
	return Opt{}
}

// emitWorker tells of a worker that was at a request; the page itself is one.
func emitWorker(pool string, f map[string]string, emit func(*PoolEvent)) {
	if f["state"] != "Running" || strings.Contains(f["request uri"], "status") && strings.Contains(f["request uri"], "full") {
		return
	}
	path, _, _ := strings.Cut(f["request uri"], "?") // whose query may hold secrets
	e := &PoolEvent{Event: "busy", Pool: pool, PID: fpmCount(f["pid"]), Script: clip(path, maxEventText)}
	if us := fpmCount(f["request duration"]); us.OK {
		e.Seconds = SomeF(float64(us.N) / 1e6)
	}
	emit(e)
}

// fpmStatusJSON reads the page as one line of JSON.
func fpmStatusJSON(line []byte, emit func(*PoolEvent)) bool {
	var page map[string]any
	d := json.NewDecoder(bytes.NewReader(line))
	d.UseNumber()
	if d.Decode(&page) != nil {
		return false
	}
	fields := func(m map[string]any) map[string]string {
		out := map[string]string{}
		for key, v := range m {
			switch v := v.(type) {
			case string:
				out[strings.ToLower(key)] = v
			case json.Number:
				out[strings.ToLower(key)] = v.String()
			}
		}
		return out
	}
	top := fields(page)
	emit(poolStatus(top))
	if rows, ok := page["processes"].([]any); ok {
		for _, r := range rows {
			if m, ok := r.(map[string]any); ok {
				emitWorker(top["pool"], fields(m), emit)
			}
		}
	}
	return true
}
