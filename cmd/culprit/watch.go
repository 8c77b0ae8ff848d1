package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"culprit/cmd/internal/collect"
	"culprit/cmd/internal/report"
	"culprit/correlate"
	"culprit/parsers"
	"culprit/rules"
)

// watching are the flags of watch.
type watching struct {
	access, errors []string
	kmsg, journal  bool
	redis          []string
	record, rules  string
	recordMax      byteSize
	own            rules.Own
	plain, json    bool
	untilFinding   string
	every, ask     time.Duration

	notify, notifyCommand []string
	notifyAbout           string
	forecastWithin        time.Duration
	metrics               string
	nginxConf             string
	systemd               bool

	host     *collect.Host // where to look for what to watch
	kmsgFile string

	until level
	live  report.Live // as last judged
}

func newWatch(code *int) *cobra.Command {
	return watchCommand(watching{recordMax: 1 << 30, host: collect.ThisHost(), kmsgFile: "/dev/kmsg"}, code)
}

func watchCommand(w watching, code *int) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "watch [--access-log F] [--error-log F] [--kmsg] [--redis URL]",
		Short: "Watch this host, and say what is wrong as it shows, and when the memory will be gone",
		Long: `watch reads logs as they are written, the kernel's ring and a running Redis, and judges them together with this host's
memory as analyze does. On a terminal it shows a screen; elsewhere, and with --plain or --json, it prints one line when
something changes: the verdict, a finding, a forecast. Where no flag names what to watch, it looks for the nginx, Redis and
PHP-FPM that run, their logs and configurations, and the kernel's ring, and says what it found. It only reads; Redis is
asked nothing that could change it.`,
		Example: "  culprit watch\n  culprit watch --access-log /var/log/nginx/access.log --redis redis://127.0.0.1:6379\n  culprit watch --json --until-finding=forecast --notify https://hooks.example.com/T0/B0/XX",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return w.run(cmd, code) },
	}
	f := cmd.Flags()
	f.StringArrayVar(&w.access, "access-log", nil, "an access log of nginx; may be repeated")
	f.StringArrayVar(&w.errors, "error-log", nil, "an error log of nginx; may be repeated")
	f.StringVar(&w.nginxConf, "nginx-conf", "", "the configuration of nginx: its log_format is how access logs are read, and without other flags its logs are watched")
	f.BoolVar(&w.kmsg, "kmsg", false, "read the kernel's ring (/dev/kmsg; needs root)")
	f.BoolVar(&w.journal, "journal", false, "read the kernel's messages from journald, by journalctl; also without it where the ring cannot be read")
	f.StringArrayVar(&w.redis, "redis", nil, "a Redis to ask: redis://[user:password@]host:6379, rediss://..., unix:///path, redis+sentinel://host:26379/master, redis+cluster://host:6379; may be repeated")
	f.StringVar(&w.record, "record", "", "keep every byte that came in, in this folder, for culprit analyze; a later run goes on there")
	f.Var(&w.recordMax, "record-max", "what the recording may take of the disk; the oldest of it is dropped")
	f.StringVar(&w.rules, "rules", "", rulesFlag)
	f.BoolVar(&w.plain, "plain", false, "one line an event, on a terminal too")
	f.BoolVar(&w.json, "json", false, "one JSON object an event")
	f.StringVar(&w.untilFinding, "until-finding", "", "end with exit code 1 at the first finding: serious (also without a value) = more than hygiene, forecast = or a limit that is near, any = or hygiene")
	f.Lookup("until-finding").NoOptDefVal = levels[serious]
	f.StringArrayVar(&w.notify, "notify", nil, "a webhook to post findings to as JSON, also Slack's; may be repeated")
	f.StringArrayVar(&w.notifyCommand, "notify-command", nil, "a program to run, with the same JSON on its standard input; may be repeated")
	f.StringVar(&w.notifyAbout, "notify-about", levels[forecast], "what to notify of: serious, forecast or any, as with --until-finding")
	f.DurationVar(&w.forecastWithin, "forecast-within", 24*time.Hour, "which forecasts --notify and --until-finding heed")
	f.StringVar(&w.metrics, "metrics", "", "serve Prometheus metrics at [HOST]:PORT/metrics; without a host on loopback alone")
	f.BoolVar(&w.systemd, "systemd", false, "print a hardened systemd service that watches with these flags, and end")
	f.DurationVar(&w.every, "every", 5*time.Second, "how often to judge")
	f.DurationVar(&w.ask, "ask", 10*time.Second, "how often to ask Redis and the host")
	cmd.MarkFlagsMutuallyExclusive("plain", "json")
	return cmd
}

func (w *watching) run(cmd *cobra.Command, code *int) error {
	if err := w.check(); err != nil {
		return err
	}
	if w.systemd {
		return w.printUnit(cmd.OutOrStdout(), cmd)
	}
	var err error
	if w.own, err = ownRules(w.rules); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(cmd.Context())
	defer stop()
	out := cmd.OutOrStdout()
	say := newTeller(out, w.json)
	screen := w.wantsScreen(cmd.InOrStdin(), out)
	if screen {
		say.render = nil
	}
	alerts, err := w.alerts(say)
	if err != nil {
		return err
	}
	defer alerts.close()
	shown := newPublisher()
	if w.metrics != "" {
		at, err := serveMetrics(ctx, w.metrics, shown)
		if err != nil {
			return err
		}
		say.event(report.LiveEvent{Kind: "started", Text: fmt.Sprintf("metrics at http://%s/metrics", at)})
	}
	f := &fold{t: correlate.NewTimeline()}
	if err := w.open(ctx, f, say); err != nil {
		return err
	}
	if f.recording != nil {
		defer f.recording.Close()
	}
	var pumps sync.WaitGroup
	for _, s := range f.sources {
		if s.in == nil {
			continue // of an earlier run alone
		}
		pumps.Go(func() {
			if err := s.pump(f); err != nil {
				say.about(s.file.source.Name)(err.Error() + "; it is not watched any more")
			}
		})
	}
	say.event(report.LiveEvent{Kind: "started", Text: fmt.Sprintf("watching %s", sourceNames(f.sources))})
	guest, undo := beGuest()
	defer undo()
	say.event(report.LiveEvent{Kind: "started", Text: guest})
	found := false
	if screen {
		judged := make(chan struct{})
		go func() {
			defer close(judged)
			found = w.watch(ctx, f, say, shown)
			stop()
		}()
		err = showScreen(ctx, cmd.InOrStdin(), out, shown)
		stop()
		<-judged
		say.show(out)
	} else {
		found = w.watch(ctx, f, say, shown)
		stop()
	}
	pumps.Wait()
	found = w.judge(f, say) && w.untilFinding != "" || found
	say.end()
	if found {
		*code = exitRootCause
	}
	return errors.Join(err, say.err)
}

// check looks at the flags before anything begins.
func (w *watching) check() (err error) {
	if w.every <= 0 || w.ask <= 0 {
		return errors.New("--every and --ask must be more than nothing")
	}
	if w.untilFinding != "" {
		if w.until, err = levelOf(w.untilFinding); err != nil {
			return fmt.Errorf("--until-finding %w", err)
		}
	}
	return nil
}

// alerts opens what is notified.
func (w *watching) alerts(say *teller) (*notifier, error) {
	about, err := levelOf(w.notifyAbout)
	if err != nil {
		return nil, fmt.Errorf("--notify-about %w", err)
	}
	host, _ := os.Hostname() // a message without it is better than none
	n := &notifier{host: host, about: about, within: w.forecastWithin}
	for i, to := range slices.Concat(w.notify, w.notifyCommand) {
		open := webhook
		if i >= len(w.notify) {
			open = command
		}
		name, deliver, err := open(to)
		if err != nil {
			n.close()
			return nil, err
		}
		n.outlets = append(n.outlets, newOutlet(host, name, deliver, say.about(name)))
	}
	say.hear = n.hear
	return n, nil
}

// watch judges until ctx ends, nobody reads what it tells, or there is what it waits for; it says whether there is.
func (w *watching) watch(ctx context.Context, f *fold, say *teller, shown *publisher) bool {
	tick := time.NewTicker(w.every)
	defer tick.Stop()
	w.live.Since = time.Now()
	w.live.Host, _ = os.Hostname() // without it the screen says none
	for {
		shown.publish(w.stands(f, say)) // before the first judgement: what is watched
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
			if w.judge(f, say) && w.untilFinding != "" {
				return true
			}
			if say.failed() {
				return false
			}
		}
	}
}

func sourceNames(sources []*liveSource) string {
	var all []string
	for _, s := range sources {
		if s.in != nil {
			all = append(all, s.file.source.Name)
		}
	}
	return strings.Join(all, ", ")
}

// opening is a source that the flags name, or that goes with them.
type opening struct {
	name, file, format string        // the file is its name in a recording
	host               string        // that it tells of; "" = this one
	settle             time.Duration // see liveSource
	hints              *parsers.Hints
	// open begins at mark, where an earlier run recorded the source up to; nil = at its beginning.
	open func(mark json.RawMessage) (io.Reader, error)
}

// open makes the sources that the flags name, and of this host those that go with them. Those of earlier runs in the
// recording come first, with what they told.
func (w *watching) open(ctx context.Context, f *fold, say *teller) error {
	all, err := w.openings(ctx, say)
	if err != nil {
		return err
	}
	if w.record != "" {
		rec, err := collect.OpenRecording(w.record, int64(w.recordMax), say.about("recording"))
		if err != nil {
			return fmt.Errorf("--record: %w", err)
		}
		f.recording = rec
		if err := f.replay(all); err != nil {
			return fmt.Errorf("--record: %w", err)
		}
	}
	for _, o := range all {
		s, mark := (*liveSource)(nil), json.RawMessage(nil)
		if f.recording == nil {
			s = f.add(o)
		} else if s, err = f.recorded(o); err != nil {
			return fmt.Errorf("--record: %w", err)
		} else {
			mark = s.track.Mark()
		}
		if s.in, err = o.open(mark); err != nil {
			return err
		}
	}
	return nil
}

// openings lists the sources, in the order in which they are told.
func (w *watching) openings(ctx context.Context, say *teller) ([]opening, error) {
	var found collect.Found
	told := w.told()
	if !told || len(w.access) > 0 {
		found = w.host.Discover(ctx)
	}
	found, err := w.find(ctx, found, say)
	if err != nil {
		return nil, err
	}
	var all []opening
	tail := func(log, format string, settle time.Duration, hints *parsers.Hints) {
		all = append(all, opening{name: log, file: filepath.Base(log), format: format, settle: settle, hints: hints, open: func(mark json.RawMessage) (io.Reader, error) {
			return collect.Follow(ctx, log, collect.FollowOptions{From: collect.ReadMark(mark), Notice: say.about(log)}), nil
		}})
	}
	ask := func(name, format string, ask func(context.Context) []byte) {
		all = append(all, opening{name: name, file: name + ".txt", format: format, open: func(json.RawMessage) (io.Reader, error) {
			return collect.Poll(ctx, w.ask, ask), nil
		}})
	}
	access, failures, redis, configs := w.access, w.errors, w.redis, found.Configs
	if !told {
		for _, l := range found.Logs {
			switch l.Format {
			case "nginx-access":
				access = append(access, l.Path)
			case "nginx-error":
				failures = append(failures, l.Path)
			default:
				tail(l.Path, l.Format, settleReports, nil)
			}
		}
		for _, r := range found.Redis {
			redis = append(redis, r.URL)
		}
	} else if !slices.ContainsFunc(access, func(log string) bool { return w.formatsFor(log, found) != nil }) {
		configs = nil // of an nginx that has nothing to do with the logs that are named
	} else {
		configs = slices.DeleteFunc(slices.Clone(configs), func(c collect.FoundConfig) bool { return c.Format != "nginx-conf" })
	}
	for _, log := range access {
		tail(log, "nginx-access", settleLines, w.formatsFor(log, found))
	}
	for _, log := range failures {
		tail(log, "nginx-error", settleReports, nil)
	}
	if w.kmsg {
		all = append(all, opening{name: "kmsg", file: "kmsg", format: "kernel", settle: settleReports, open: func(mark json.RawMessage) (io.Reader, error) {
			k, err := collect.OpenKmsg(ctx, w.kmsgFile, mark, say.about("kmsg"))
			if err != nil {
				return nil, unreadable{err}
			}
			return k, nil
		}})
	}
	if w.journal {
		all = append(all, opening{name: "journal", file: "journal", format: "kernel", settle: settleReports, open: func(mark json.RawMessage) (io.Reader, error) {
			j, err := collect.OpenJournal(ctx, mark, say.about("journal"))
			if err != nil {
				return nil, unreadable{err}
			}
			return j, nil
		}})
	}
	for i, url := range redis {
		name := "redis-info"
		if i > 0 {
			name = fmt.Sprintf("redis-info-%d", i+1)
		}
		r, err := collect.OpenRedis(withPassword(url, os.Getenv("REDISCLI_AUTH")), say.about(name))
		if err != nil {
			return nil, err
		}
		context.AfterFunc(ctx, func() { r.Close() })
		ask(name, "redis-info", r.Info)
	}
	ask("meminfo", "meminfo", collect.Meminfo)
	ask("ps", "ps", collect.Processes)
	all = append(all, opening{name: "clock", file: "clock.txt", format: "clock", open: func(json.RawMessage) (io.Reader, error) {
		return bytes.NewReader(collect.HostClock(ctx)), nil
	}})
	for _, c := range configs {
		name := strings.TrimPrefix(c.Path, "/") // as patch -p1 -d / wants it
		all = append(all, opening{name: name, file: filepath.Base(c.Path), format: c.Format, open: func(mark json.RawMessage) (io.Reader, error) {
			return openConfig(c.Text, mark, say.about(name)), nil
		}})
	}
	return all, nil
}

// keptReadings bounds the memory of a watch: an hour and a half of INFO every 10 s whole, some 25 MiB with all its fields.
const keptReadings = 1080

// judge tells what changed, and reports whether there is what --until-finding waits for.
func (w *watching) judge(f *fold, say *teller) bool {
	f.mu.Lock()
	if !f.news {
		f.mu.Unlock()
		return say.enough
	}
	f.news = false
	for _, s := range f.sources {
		f.t.AddInput(s.input())
	}
	inc := f.t.Incident(time.Now(), correlate.Options{})
	rep, ahead := w.own.JudgeLive(inc)
	forecasts := inc.Forecasts()
	live := liveOf(inc, rep, forecasts)
	live.Since, live.Host, live.Judged, live.Ahead = w.live.Since, w.live.Host, time.Now(), ahead
	w.live = live
	f.t.Thin(keptReadings)
	f.mu.Unlock()
	say.report(rep)
	for _, fc := range forecasts {
		say.forecast(fc)
	}
	say.enough = w.until.met(rep, forecasts, w.forecastWithin)
	return say.enough
}

// stands is what was judged last, with how the sources are now.
func (w *watching) stands(f *fold, say *teller) report.Live {
	l := w.live
	l.At = time.Now()
	var troubles map[string]trouble
	l.Events, troubles = say.heard()
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range f.sources {
		if s.in == nil {
			continue // of an earlier run alone
		}
		in := s.input()
		x := report.LiveSource{Name: in.File, Format: in.Format, Lines: in.Read, Skipped: in.Skipped, Bytes: in.Bytes, Last: s.last, Trouble: in.Err}
		if t, ok := troubles[in.File]; ok && !over(t, s) {
			x.Trouble = t.text
		}
		l.Sources = append(l.Sources, x)
	}
	for _, name := range slices.Sorted(maps.Keys(troubles)) { // what could not be opened, or notified
		if t := troubles[name]; !slices.ContainsFunc(f.sources, func(s *liveSource) bool { return s.file.source.Name == name }) && (t.lasts || l.At.Sub(t.at) < otherTrouble) {
			l.Sources = append(l.Sources, report.LiveSource{Name: name, Trouble: t.text})
		}
	}
	return l
}

// otherTrouble is how long a failure that nothing follows on, as of a notification, is shown as one.
const otherTrouble = 10 * time.Minute

// over says whether a source has come out of its trouble: a log by a line since. What is asked answers its own troubles,
// and says when they end.
func over(t trouble, s *liveSource) bool {
	if s.settle == 0 {
		return strings.HasSuffix(t.text, "answers again") || strings.HasSuffix(t.text, "to answer") // which it did
	}
	return s.last.After(t.at)
}
