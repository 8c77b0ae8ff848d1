package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"culprit/cmd/internal/report"
	"culprit/correlate"
	"culprit/rules"
)

// level is what is worth waking somebody for; each holds the ones before.
type level int

const (
	serious  level = iota // a root cause, and findings that are more than hygiene
	forecast              // a limit that will be reached soon
	anything              // hygiene too, and trouble with a source
)

var levels = []string{"serious", "forecast", "any"}

func levelOf(name string) (level, error) {
	for i, l := range levels {
		if name == l {
			return level(i), nil
		}
	}
	return 0, fmt.Errorf("%q: use one of %s", name, strings.Join(levels, ", "))
}

// met says whether what was found is of the level. A forecast counts when its limit is nearer than within.
func (l level) met(rep *rules.Report, forecasts []correlate.Forecast, within time.Duration) bool {
	if rep.Verdict.Outcome == rules.RootCause {
		return true
	}
	for _, f := range rep.Findings {
		if f.Role != rules.RoleHygiene || l == anything {
			return true
		}
	}
	for _, f := range forecasts {
		if l >= forecast && f.In <= within {
			return true
		}
	}
	return false
}

// notifier hands what is told on to its outlets. None of them is waited for.
type notifier struct {
	host    string
	about   level
	within  time.Duration
	outlets []*outlet

	mu   sync.Mutex
	root bool // the last verdict was a root cause
}

func (n *notifier) hear(e report.LiveEvent) {
	if !n.wants(e) {
		return
	}
	for _, o := range n.outlets {
		o.put(e)
	}
}

func (n *notifier) wants(e report.LiveEvent) bool {
	switch {
	case e.Kind == "ended":
		return false
	case e.Verdict != nil:
		n.mu.Lock()
		defer n.mu.Unlock()
		was := n.root
		n.root = e.Verdict.Outcome == rules.RootCause
		return n.root || was
	case e.Finding != nil:
		return n.about == anything || e.Finding.Role != rules.RoleHygiene
	case e.Forecast != nil:
		return n.about >= forecast && e.Forecast.In <= n.within
	}
	return n.about == anything && e.Kind == "source"
}

// Bounds of a delivery. What one judgement finds comes within moments and goes out as one message; a receiver that fails
// gets the message again, and is then left alone until there is another.
const (
	alertSettle  = time.Second
	alertTries   = 3
	alertPause   = 5 * time.Second // before the second try; twice as long before the third
	alertTime    = 10 * time.Second
	alertPending = 200 // events that wait while a receiver hangs; the oldest are dropped
	alertLast    = 15 * time.Second
)

// outlet is one place to notify, with a queue and a goroutine of its own.
type outlet struct {
	name    string // as it may be told: without the secret that a webhook's path is
	host    string
	deliver func(ctx context.Context, message []byte) error
	tell    func(string)

	mu      sync.Mutex
	pending []report.LiveEvent
	lost    int
	wake    chan struct{}
	closing chan struct{}
	done    chan struct{}
}

func newOutlet(host, name string, deliver func(context.Context, []byte) error, tell func(string)) *outlet {
	o := &outlet{name: name, host: host, deliver: deliver, tell: tell,
		wake: make(chan struct{}, 1), closing: make(chan struct{}), done: make(chan struct{})}
	go o.run()
	return o
}

func (o *outlet) put(e report.LiveEvent) {
	o.mu.Lock()
	if o.pending = append(o.pending, e); len(o.pending) > alertPending {
		o.pending = o.pending[1:]
		o.lost++
	}
	o.mu.Unlock()
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// take empties the queue.
func (o *outlet) take() (events []report.LiveEvent, lost int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	events, lost = o.pending, o.lost
	o.pending, o.lost = nil, 0
	return events, lost
}

func (o *outlet) run() {
	defer close(o.done)
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	go func() { // at the end what is pending may still go out, for a while
		<-o.closing
		select {
		case <-time.After(alertLast):
		case <-o.done:
		}
		stop()
	}()
	for {
		ending := false
		select {
		case <-o.wake:
			select {
			case <-time.After(alertSettle):
			case <-o.closing:
			}
		case <-o.closing:
			ending = true
		}
		if events, lost := o.take(); len(events) > 0 {
			o.send(ctx, events, lost)
		}
		if ending {
			return
		}
	}
}

func (o *outlet) send(ctx context.Context, events []report.LiveEvent, lost int) {
	if lost > 0 {
		events = append([]report.LiveEvent{{Time: time.Now(), Kind: "source", Source: o.name, Text: fmt.Sprintf("%d earlier events were dropped while this receiver did not answer", lost)}}, events...)
	}
	message, err := report.Alert(o.host, events)
	for try := 1; err == nil; try++ {
		limited, stop := context.WithTimeout(ctx, alertTime)
		failed := o.deliver(limited, message)
		stop()
		if failed == nil {
			return
		}
		var f final
		if try == alertTries || ctx.Err() != nil || errors.As(failed, &f) {
			err = fmt.Errorf("not delivered after %d tries: %w", try, failed)
			break
		}
		select {
		case <-time.After(time.Duration(try) * alertPause):
		case <-ctx.Done():
		}
	}
	if err != nil {
		o.tell(err.Error())
	}
}

// close lets what is pending go out, within bounds.
func (o *outlet) close() {
	close(o.closing)
	<-o.done
}

// final is a failure that a second try cannot mend.
type final struct{ error }

// webhook posts to a URL, which is a secret: whoever knows it can post.
func webhook(to string) (name string, deliver func(context.Context, []byte) error, err error) {
	u, err := url.Parse(to)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return "", nil, errors.New("--notify: not a URL of a webhook: use https://HOST/PATH (a command: --notify-command)")
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }} // a POST that is redirected becomes a GET
	return "notify " + u.Host, func(ctx context.Context, message []byte) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(message))
		if err != nil {
			return final{errors.New("not a request")}
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("User-Agent", "culprit")
		resp, err := client.Do(req)
		if err != nil {
			var ue *url.Error
			if errors.As(err, &ue) {
				err = ue.Err // without the URL
			}
			return err
		}
		defer resp.Body.Close()
		answer, _ := io.ReadAll(io.LimitReader(resp.Body, 200))
		switch code := resp.StatusCode; {
		case code < 300:
			return nil
		case code >= 500 || code == http.StatusTooManyRequests || code == http.StatusRequestTimeout:
			return fmt.Errorf("answered %s", resp.Status)
		default:
			return final{fmt.Errorf("answered %s: %s", resp.Status, strings.TrimSpace(string(answer)))}
		}
	}, nil
}

// command runs a program with the message on its standard input. The words are the operator's own, split at blanks; no
// shell sees them, and nothing of a log is among them.
func command(line string) (name string, deliver func(context.Context, []byte) error, err error) {
	words := strings.Fields(line)
	if len(words) == 0 {
		return "", nil, errors.New("--notify-command: empty")
	}
	if words[0], err = exec.LookPath(words[0]); err != nil {
		return "", nil, fmt.Errorf("--notify-command: %w", err)
	}
	return "notify " + words[0], func(ctx context.Context, message []byte) error {
		cmd := exec.CommandContext(ctx, words[0], words[1:]...)
		cmd.Stdin = bytes.NewReader(message)
		said := &firstBytes{most: 200}
		cmd.Stderr = said
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // its children end with it
		cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
		cmd.WaitDelay = time.Second
		err := cmd.Run()
		switch {
		case ctx.Err() != nil:
			return final{fmt.Errorf("ended after %v: a command has that long", alertTime)} // and a second run of it would do its work twice
		case err != nil:
			return fmt.Errorf("%w: %s", err, strings.TrimSpace(string(said.b)))
		}
		return nil
	}, nil
}

// firstBytes keeps the beginning of what is written to it.
type firstBytes struct {
	b    []byte
	most int
}

func (f *firstBytes) Write(p []byte) (int, error) {
	f.b = append(f.b, p[:min(len(p), f.most-len(f.b))]...)
	return len(p), nil
}

// close lets what is pending go out, within bounds.
func (n *notifier) close() {
	var all sync.WaitGroup
	for _, o := range n.outlets {
		all.Go(o.close)
	}
	all.Wait()
}
