package parsers

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"
)

// MarshalJSON writes a record as one line of `culprit parse --json`: invalid UTF-8 becomes U+FFFD, so the output stays
// JSON whatever bytes came in. A time that the record does not know in UTC is left out and given as local_time, or as
// since_boot_s.
func (r Record) MarshalJSON() ([]byte, error) {
	out := struct {
		File      string   `json:"file"`
		Line      int      `json:"line"`
		Time      string   `json:"time,omitempty"`
		LocalTime string   `json:"local_time,omitempty"`
		SinceBoot *float64 `json:"since_boot_s,omitempty"`
		Fact      string   `json:"fact"`
		Data      Fact     `json:"data"`
	}{File: r.At.File, Line: r.At.Line, Fact: r.Fact.Kind(), Data: r.Fact}
	switch r.Clock {
	case ZonedClock:
		out.Time = r.Time.UTC().Format(time.RFC3339Nano)
	case LocalClock:
		out.LocalTime = r.Time.Format("2006-01-02T15:04:05.999999999")
	}
	if r.HasBoot {
		s := r.SinceBoot.Seconds()
		out.SinceBoot = &s
	}
	return json.Marshal(out)
}

// MarshalJSON writes the number; unknown numbers are left out by omitzero.
func (o Opt) MarshalJSON() ([]byte, error) {
	if !o.OK {
		return []byte("null"), nil
	}
	return strconv.AppendInt(nil, o.N, 10), nil
}

// MarshalJSON writes the number; unknown numbers are left out by omitzero.
func (o OptF) MarshalJSON() ([]byte, error) {
	if !o.OK {
		return []byte("null"), nil
	}
	return json.Marshal(o.F)
}

// MarshalJSON writes the request as `culprit parse` promises it.
func (a *Access) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Client         string `json:"client,omitempty"`
		User           string `json:"user,omitempty"`
		Method         string `json:"method,omitempty"`
		Path           string `json:"path,omitempty"`
		Protocol       string `json:"protocol,omitempty"`
		Request        string `json:"request,omitempty"`
		Status         int    `json:"status,omitempty"`
		Bytes          Opt    `json:"bytes,omitzero"`
		Referer        string `json:"referer,omitempty"`
		Agent          string `json:"user_agent,omitempty"`
		Host           string `json:"host,omitempty"`
		ForwardedFor   string `json:"forwarded_for,omitempty"`
		RequestTime    OptF   `json:"request_time,omitzero"`
		UpstreamTime   OptF   `json:"upstream_response_time,omitzero"`
		UpstreamStatus string `json:"upstream_status,omitempty"`
		UpstreamAddr   string `json:"upstream_addr,omitempty"`
		CacheStatus    string `json:"cache_status,omitempty"`
		HasCookie      *bool  `json:"has_cookie,omitempty"`
		SetsCookie     bool   `json:"sets_cookie,omitempty"`
	}{
		string(a.Client), string(a.User), string(a.Method), string(a.Path), string(a.Protocol), string(a.Request),
		a.Status, a.Bytes, string(a.Referer), string(a.Agent), string(a.Host), string(a.ForwardedFor),
		a.RequestTime, a.UpstreamTime, string(a.UpstreamStatus), string(a.UpstreamAddr), string(a.CacheStatus),
		a.hasCookie(), len(a.SetCookie) > 0,
	})
}

// hasCookie is nil when the format does not log cookies: not logged is not "none".
func (a *Access) hasCookie() *bool {
	if !a.CookieLogged {
		return nil
	}
	has := len(a.Cookie) > 0
	return &has
}

// MarshalJSON writes the snapshot's numbers as numbers, under INFO's own names, with the keyspace as an object.
func (i *RedisInfo) MarshalJSON() ([]byte, error) {
	out := make(map[string]any, len(i.Fields)+2)
	for name, value := range i.Fields {
		if n, err := strconv.ParseInt(value, 10, 64); err == nil && !strings.HasSuffix(name, "_id") {
			out[name] = n
		} else {
			out[name] = value
		}
	}
	if v := i.Version(); v != "" {
		out["version"] = v
	}
	if len(i.Keyspace) > 0 {
		out["keyspace"] = i.Keyspace
	}
	return json.Marshal(out)
}
