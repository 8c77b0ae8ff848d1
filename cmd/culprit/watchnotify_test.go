package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"culprit/cmd/internal/report"
	"culprit/correlate"
	"culprit/rules"
)

func finding(role, title string) report.LiveEvent {
	return report.LiveEvent{Kind: "finding", Finding: &rules.Finding{Rule: "r", Role: role, Title: title}}
}

func verdict(outcome string) report.LiveEvent {
	return report.LiveEvent{Kind: "verdict", Verdict: &rules.Verdict{Outcome: outcome}}
}

func reached(in time.Duration) report.LiveEvent {
	return report.LiveEvent{Kind: "forecast", Forecast: &correlate.Forecast{In: in}}
}

func TestNotifyLevels(t *testing.T) {
	all := []report.LiveEvent{verdict(rules.Inconclusive), finding(rules.RoleHygiene, "a"), finding(rules.RoleContributing, "b"), reached(time.Hour),
		reached(48 * time.Hour), {Kind: "source", Source: "x", Text: "gone"}, verdict(rules.RootCause), verdict(rules.NoIncident), verdict(rules.NoIncident),
		{Kind: "ended", Verdict: &rules.Verdict{Outcome: rules.RootCause}}, {Kind: "started", Text: "x"}}
	for about, want := range map[level][]int{serious: {2, 6, 7}, forecast: {2, 3, 6, 7}, anything: {1, 2, 3, 5, 6, 7}} {
		n := &notifier{about: about, within: 24 * time.Hour}
		var got []int
		for i, e := range all {
			if n.wants(e) {
				got = append(got, i)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", levels[about], got, want)
		}
	}
}

func TestUntilFindingLevels(t *testing.T) {
	report := func(outcome string, roles ...string) *rules.Report {
		r := &rules.Report{Verdict: rules.Verdict{Outcome: outcome}}
		for _, role := range roles {
			r.Findings = append(r.Findings, rules.Finding{Role: role})
		}
		return r
	}
	near, far := []correlate.Forecast{{In: time.Hour}}, []correlate.Forecast{{In: 25 * time.Hour}}
	f := func(l level, r *rules.Report, fc []correlate.Forecast, want bool) {
		t.Helper()
		if got := l.met(r, fc, 24*time.Hour); got != want {
			t.Errorf("%s: %v", levels[l], got)
		}
	}
	quiet, hygiene := report(rules.NoIncident), report(rules.Inconclusive, rules.RoleHygiene)
	for _, l := range []level{serious, forecast, anything} {
		f(l, quiet, nil, false)
		f(l, report(rules.RootCause), nil, true)
		f(l, report(rules.Inconclusive, rules.RoleHygiene, rules.RoleSymptom), nil, true)
		f(l, hygiene, nil, l == anything)
		f(l, quiet, near, l >= forecast)
		f(l, quiet, far, false)
	}
}

// delivered is a receiver that does as it is told.
type delivered struct {
	mu       sync.Mutex
	messages []string
	at       []time.Time
	told     []string
	answer   func(n int) error
}

func (d *delivered) deliver(ctx context.Context, message []byte) error {
	var m struct{ Text string }
	if err := json.Unmarshal(message, &m); err != nil {
		return final{err}
	}
	d.mu.Lock()
	d.messages, d.at = append(d.messages, m.Text), append(d.at, time.Now())
	n := len(d.messages)
	d.mu.Unlock()
	if d.answer == nil {
		return nil
	}
	if err := d.answer(n); !errors.Is(err, errHang) {
		return err
	}
	<-ctx.Done()
	return ctx.Err()
}

var errHang = errors.New("hang")

func (d *delivered) tell(text string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.told = append(d.told, text)
}

// What comes within a second goes out as one message; what comes later as another.
func TestNotifySettles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &delivered{}
		o := newOutlet("shop1", "notify x", d.deliver, d.tell)
		o.put(finding("symptom", "one"))
		time.Sleep(300 * time.Millisecond)
		o.put(finding("symptom", "two"))
		time.Sleep(5 * time.Second)
		synctest.Wait()
		o.put(finding("symptom", "three"))
		o.close() // does not lose it
		if len(d.messages) != 2 || !strings.Contains(d.messages[0], "one") || !strings.Contains(d.messages[0], "two") || !strings.Contains(d.messages[1], "three") {
			t.Errorf("%q", d.messages)
		}
	})
}

// A receiver that fails gets the message three times, with pauses; one that says the message is wrong gets it once.
func TestNotifyRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		d := &delivered{answer: func(int) error { return errors.New("answered 503") }}
		o := newOutlet("shop1", "notify x", d.deliver, d.tell)
		o.put(finding("symptom", "one"))
		time.Sleep(time.Minute)
		synctest.Wait()
		var at []time.Duration
		for _, x := range d.at {
			at = append(at, x.Sub(began))
		}
		if want := []time.Duration{time.Second, 6 * time.Second, 16 * time.Second}; !slices.Equal(at, want) {
			t.Errorf("tried at %v, want %v", at, want)
		}
		if len(d.told) != 1 || d.told[0] != "not delivered after 3 tries: answered 503" {
			t.Errorf("%q", d.told)
		}
		d.answer = func(int) error { return final{errors.New("answered 404")} }
		o.put(finding("symptom", "two"))
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(d.at) != 4 || len(d.told) != 2 {
			t.Errorf("%d tries, told %q", len(d.at), d.told)
		}
		o.close()
	})
}

// One receiver hangs for ever: nobody waits for it, the other gets everything, its queue is bounded, and the end comes.
func TestNotifyHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hung, well := &delivered{answer: func(int) error { return errHang }}, &delivered{}
		n := &notifier{outlets: []*outlet{newOutlet("h", "hung", hung.deliver, hung.tell), newOutlet("h", "well", well.deliver, well.tell)}}
		began := time.Now()
		for i := range 1000 {
			n.hear(finding("symptom", fmt.Sprintf("number-%d.", i)))
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("hearing took %v", took)
		}
		time.Sleep(3 * time.Second)
		synctest.Wait()
		if len(well.messages) != 1 {
			t.Errorf("the other got %d messages", len(well.messages))
		}
		o := n.outlets[0]
		n.hear(finding("symptom", "late"))
		o.mu.Lock()
		if len(o.pending) > alertPending {
			t.Errorf("%d wait", len(o.pending))
		}
		o.mu.Unlock()
		began = time.Now()
		n.close()
		if took := time.Since(began); took > alertLast+alertTime {
			t.Errorf("the end took %v", took)
		}
	})
}

// The webhook gets JSON by POST; its address, which is a secret, is told nobody.
func TestWebhook(t *testing.T) {
	var got []string
	code := http.StatusOK
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		got = append(got, r.Method+" "+r.URL.Path+" "+r.Header.Get("Content-Type")+" "+string(b))
		if code == http.StatusFound {
			w.Header().Set("Location", "/elsewhere")
		}
		w.WriteHeader(code)
		io.WriteString(w, "no_team")
	}))
	defer s.Close()
	name, deliver, err := webhook(s.URL + "/services/SECRET")
	if err != nil || strings.Contains(name, "SECRET") {
		t.Fatal(name, err)
	}
	for _, c := range []struct {
		code  int
		ok    bool
		again bool
	}{{200, true, false}, {204, true, false}, {500, false, true}, {429, false, true}, {404, false, false}, {302, false, false}} {
		code, got = c.code, nil
		err := deliver(t.Context(), []byte(`{"text":"x"}`))
		var f final
		if (err == nil) != c.ok || err != nil && errors.As(err, &f) == c.again {
			t.Errorf("%d: %v", c.code, err)
		}
		if err != nil && strings.Contains(err.Error(), "SECRET") {
			t.Error(err)
		}
		if want := []string{`POST /services/SECRET application/json {"text":"x"}`}; !slices.Equal(got, want) {
			t.Errorf("%d: %q", c.code, got)
		}
	}
	s.Close()
	if err := deliver(t.Context(), nil); err == nil || strings.Contains(err.Error(), "SECRET") {
		t.Errorf("a dead one: %v", err)
	}
	for _, bad := range []string{"", "hooks.example.com/x", "ftp://x/y", "http:///x", "https://SECRET\x00"} {
		if _, _, err := webhook(bad); err == nil || strings.Contains(err.Error(), "SECRET") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// The command gets the message on its standard input and its words as they are, without a shell.
func TestNotifyCommand(t *testing.T) {
	dir := t.TempDir()
	script := filepath.Join(dir, "tell")
	if err := os.WriteFile(script, []byte("#!/bin/sh\nfor a in \"$@\"; do echo \"arg $a\"; done >"+dir+"/out\ncat >>"+dir+"/out\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	_, deliver, err := command(script + " $HOME ;touch" + " x")
	if err != nil {
		t.Fatal(err)
	}
	if err := deliver(t.Context(), []byte(`{"text":"$(touch y)"}`)); err != nil {
		t.Fatal(err)
	}
	if got, want := string(readFile(t, filepath.Join(dir, "out"))), "arg $HOME\narg ;touch\narg x\n{\"text\":\"$(touch y)\"}"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	_, deliver, _ = command("false")
	if err := deliver(t.Context(), nil); err == nil {
		t.Error("a failure is not told")
	}
	for _, bad := range []string{"", " ", "/no/such/program", dir} {
		if _, _, err := command(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

// A command that hangs is ended with its children.
func TestNotifyCommandHangs(t *testing.T) {
	_, deliver, err := command("sleep 600")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, stop)
	var f final
	if err := deliver(ctx, nil); !errors.As(err, &f) {
		t.Errorf("%v", err)
	}
}

// A watch posts what it finds, and ends when it has.
func TestWatchNotifies(t *testing.T) {
	redis := startTestRedis(t)
	got := make(chan string, 10)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		got <- string(b)
	}))
	defer s.Close()
	w := startWatch(t.Context(), "--redis", "redis://"+redis.addr, "--notify", s.URL+"/x", "--notify-about", "any", "--until-finding=any", "--every", "50ms", "--ask", "50ms")
	<-w.done
	if w.code != exitRootCause {
		t.Fatalf("exit code %d: %s", w.code, w.stderr.String())
	}
	select {
	case m := <-got:
		if !strings.Contains(m, `"event":"finding"`) || !strings.Contains(m, `"text":"culprit on `) {
			t.Error(m)
		}
	default:
		t.Errorf("nothing was posted:\n%s", w.out.String())
	}
}

// Metrics are those of the watch, on loopback, and there alone unless told otherwise.
func TestWatchMetrics(t *testing.T) {
	redis := startTestRedis(t, "--maxmemory", "20mb")
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	w := startWatch(ctx, "--redis", "redis://"+redis.addr, "--metrics", ":0", "--every", "50ms", "--ask", "50ms")
	text := w.event(t, "started", "metrics at")["text"].(string)
	if !strings.HasPrefix(text, "metrics at http://127.0.0.1:") {
		t.Fatal(text)
	}
	w.event(t, "verdict", "outcome")
	url := strings.TrimPrefix(text, "metrics at ")
	var body string
	for deadline := time.Now().Add(time.Minute); !strings.Contains(body, "culprit_redis_used_bytes") && time.Now().Before(deadline); {
		resp, err := http.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		body = string(b)
	}
	_, port, _ := strings.Cut(redis.addr, ":")
	for _, want := range []string{"culprit_redis_maxmemory_bytes{instance=\"" + port + "\"} 20971520\n", "culprit_source_up{source=\"redis-info\",format=\"redis-info\"} 1\n", "culprit_host_memory_total_bytes "} {
		if !strings.Contains(body, want) {
			t.Errorf("no %q in\n%s", want, body)
		}
	}
	stop()
	<-w.done
	if resp, err := http.Get(url); err == nil { // somebody else may listen on the port by now
		b, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if strings.Contains(string(b), `instance="`+port+`"`) {
			t.Error("it is served still")
		}
	}
}
