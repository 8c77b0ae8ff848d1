package collect

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

const (
	lokiTimeout  = 60 * time.Second // Loki's own for a query is one minute, and its server hangs up after 30 s
	lokiParallel = 6                // queries at a time: a Loki serves its other users too
	lokiTries    = 6                // of a query that fails for the moment: some 15 s in all
	lokiBackoff  = 500 * time.Millisecond
	maxLokiWait  = 30 * time.Second // that a Retry-After may ask for
	maxLokiBody  = 256 << 20
)

// lokiClient asks one Loki.
type lokiClient struct {
	base    string
	http    *http.Client
	headers http.Header
	slots   chan struct{} // as many as queries at a time
	timeout time.Duration
	sleep   func(context.Context, time.Duration)
	asked   atomic.Int64 // queries
}

// tooMuch is the error of a query that a smaller one may do without.
type tooMuch struct {
	error
	limit bool // one that Loki is set to, and not a lack of time
}

// transient is the error of a query that may do the next time.
type transient struct {
	error
	after time.Duration
}

// newLokiClient takes who asks from the argument, else from the variables that logcli reads.
func newLokiClient(q lokiQuery, o LokiOptions) *lokiClient {
	env := o.Getenv
	if env == nil {
		env = func(string) string { return "" }
	}
	h := http.Header{"Accept": {"application/json"}, "User-Agent": {"culprit"}}
	if org := cmp.Or(q.org, env("LOKI_ORG_ID")); org != "" {
		h.Set("X-Scope-OrgID", org)
	}
	token := env("LOKI_BEARER_TOKEN")
	if file := env("LOKI_BEARER_TOKEN_FILE"); token == "" && file != "" {
		if b, err := os.ReadFile(file); err == nil {
			token = strings.TrimSpace(string(b))
		}
	}
	name, password := env("LOKI_USERNAME"), env("LOKI_PASSWORD")
	if q.user != nil {
		name = q.user.Username()
		if p, ok := q.user.Password(); ok {
			password = p
		}
	}
	switch {
	case name != "":
		r := http.Request{Header: h}
		r.SetBasicAuth(name, password)
	case token != "":
		h.Set("Authorization", "Bearer "+token)
	}
	c := &lokiClient{base: q.base, headers: h, slots: make(chan struct{}, lokiParallel), timeout: cmp.Or(o.Timeout, lokiTimeout), sleep: o.Sleep}
	c.http = &http.Client{
		Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, MaxIdleConnsPerHost: lokiParallel, IdleConnTimeout: time.Minute},
		// Whoever is sent elsewhere would take the token along.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	if c.sleep == nil {
		c.sleep = func(ctx context.Context, d time.Duration) {
			select {
			case <-time.After(d):
			case <-ctx.Done():
			}
		}
	}
	return c
}

// get asks until there is an answer, and decodes its data. A query that is too much for Loki comes back at once where it
// can be made smaller; where it cannot, it is tried again like one that failed for the moment.
func (c *lokiClient) get(ctx context.Context, what string, params url.Values, divisible bool, data any) error {
	wait := lokiBackoff
	for try := 1; ; try++ {
		err := c.once(ctx, what, params, data)
		var big tooMuch
		var later transient
		switch {
		case err == nil || ctx.Err() != nil:
			return errors.Join(err, ctx.Err())
		case errors.As(err, &big) && (divisible || big.limit):
			return err
		case !errors.As(err, &big) && !errors.As(err, &later), try == lokiTries:
			return err
		}
		c.sleep(ctx, max(wait, later.after))
		wait *= 2
	}
}

func (c *lokiClient) once(ctx context.Context, what string, params url.Values, data any) error {
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		return ctx.Err()
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	c.asked.Add(1)
	// A POST, since a query may be longer than a URL is let through.
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+"/loki/api/v1/"+what, strings.NewReader(params.Encode()))
	if err != nil {
		return err
	}
	req.Header = c.headers.Clone()
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := c.http.Do(req)
	if err != nil {
		return lokiBroken(ctx, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 4096))
		return lokiRefused(resp, strings.TrimSpace(string(text)))
	}
	body := &io.LimitedReader{R: resp.Body, N: maxLokiBody}
	var answer struct {
		Status string
		Error  string
		Data   any
	}
	answer.Data = data
	var other *json.UnmarshalTypeError
	switch err := json.NewDecoder(body).Decode(&answer); {
	case errors.As(err, &other) || errors.Is(err, errNoSample):
		return fmt.Errorf("an answer that is none of Loki's: %w", err)
	case err != nil && body.N <= 0:
		return tooMuch{fmt.Errorf("an answer of more than %d MiB", maxLokiBody>>20), true}
	case err != nil:
		return lokiBroken(ctx, fmt.Errorf("an answer cut short: %w", err))
	case answer.Status != "success":
		return fmt.Errorf("answered %q: %s", answer.Status, cut(answer.Error))
	}
	return nil
}

// lokiBroken: a server that hangs up in the middle, or does not answer in time, mostly had too much to do.
func lokiBroken(ctx context.Context, err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err // its URL may hold a password
	}
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return tooMuch{error: errors.New("no answer in time")}
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), strings.Contains(err.Error(), "connection reset"):
		return tooMuch{error: err}
	}
	return transient{error: err}
}

// lokiLimit are the words of Loki's limits that a smaller query keeps: series, bytes, entries, the length of a range.
var lokiLimit = regexp.MustCompile(`(?i)maximum of series|too many bytes|max_?entries|max entries|time range exceeds|exceeds the limit|too (?:large|long|many chunks)|larger than max|context deadline|timeout|timed out|limit reached|query too`)

func lokiRefused(resp *http.Response, text string) error {
	err := fmt.Errorf("answered %s: %s", resp.Status, cut(text))
	switch code := resp.StatusCode; {
	case code == http.StatusTooManyRequests:
		after, _ := strconv.Atoi(resp.Header.Get("Retry-After"))
		return transient{err, min(time.Duration(max(after, 0))*time.Second, maxLokiWait)}
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		return fmt.Errorf("%w: name a user (loki://USER:PASSWORD@HOST), a token (LOKI_BEARER_TOKEN) or a tenant (org=)", err)
	case code == http.StatusGatewayTimeout || code == http.StatusRequestEntityTooLarge || lokiLimit.MatchString(text):
		return tooMuch{err, code == http.StatusBadRequest || code == http.StatusUnprocessableEntity}
	case code >= 500:
		return transient{error: err}
	}
	return err
}

// lokiSample is a count at an instant, which Loki writes as [1776643260, "3"]: an answer holds a million of them.
type lokiSample struct{ at, n int64 }

var errNoSample = errors.New("no count at an instant")

func (s *lokiSample) UnmarshalJSON(b []byte) error {
	at, n, _ := bytes.Cut(bytes.Trim(b, "[]"), []byte(","))
	seconds, errAt := strconv.ParseFloat(string(bytes.TrimSpace(at)), 64)
	count, err := strconv.ParseFloat(string(bytes.Trim(n, "\" ")), 64)
	if errAt != nil || err != nil || !(count >= 0 && count < 1<<53 && seconds >= 0 && seconds < 1<<40) {
		return fmt.Errorf("%w: %s", errNoSample, cut(string(b)))
	}
	s.at, s.n = int64(seconds+0.5), int64(count)
	return nil
}

// series lists the label sets of the streams that match. A day at a time where the whole is too much.
func (c *lokiClient) series(ctx context.Context, q lokiQuery) ([]map[string]string, error) {
	var all []map[string]string
	err := c.divide(ctx, slice{q.from, q.to}, lokiLeast, func(ctx context.Context, s slice, divisible bool) error {
		var data []map[string]string
		err := c.get(ctx, "series", url.Values{"match[]": {q.selector.matchers}, "start": {nanos(s.from)}, "end": {nanos(s.to)}}, divisible, &data)
		all = append(all, data...)
		return err
	})
	return all, err
}

// slice is a stretch of time, its end excluded.
type slice struct{ from, to time.Time }

func (s slice) width() time.Duration { return s.to.Sub(s.from) }

// lokiLeast is the shortest stretch that a query is divided down to.
const lokiLeast = time.Second

// divide asks for a stretch, and where that is too much, for its halves, of whole multiples of least.
func (c *lokiClient) divide(ctx context.Context, s slice, least time.Duration, ask func(context.Context, slice, bool) error) error {
	half := (s.width() / 2).Truncate(least)
	divisible := half >= least
	err := ask(ctx, s, divisible)
	var big tooMuch
	if !divisible || !errors.As(err, &big) {
		return err
	}
	middle := s.from.Add(half)
	if err := c.divide(ctx, slice{s.from, middle}, least, ask); err != nil {
		return err
	}
	return c.divide(ctx, slice{middle, s.to}, least, ask)
}

func nanos(t time.Time) string { return strconv.FormatInt(t.UnixNano(), 10) }
