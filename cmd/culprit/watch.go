package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
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
	"culprit/rules"
)

// watching are the flags of watch.
type watching struct {
	access, errors []string
	kmsg           bool
	redis          []string
	record         string
	plain, json    bool
	untilFinding   bool
	every, ask     time.Duration
}

func newWatch(code *int) *cobra.Command {
	var w watching
	cmd := &cobra.Command{
		Use:   "watch [--access-log F] [--error-log F] [--kmsg] [--redis URL]",
		Short: "Watch this host, and say what is wrong as it shows, and when the memory will be gone",
		Long: `watch reads logs as they are written, the kernel's ring and a running Redis, and judges them together with this host's
memory as analyze does. It prints one line when something changes: the verdict, a finding, a forecast.
It only reads; Redis is asked nothing that could change it.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return w.run(cmd, code) },
	}
	f := cmd.Flags()
	f.StringArrayVar(&w.access, "access-log", nil, "an access log of nginx; may be repeated")
	f.StringArrayVar(&w.errors, "error-log", nil, "an error log of nginx; may be repeated")
	f.BoolVar(&w.kmsg, "kmsg", false, "read the kernel's ring (/dev/kmsg; needs root)")
	f.StringArrayVar(&w.redis, "redis", nil, "a Redis to ask: redis://[user:password@]host:6379, rediss://..., unix:///path; may be repeated")
	f.StringVar(&w.record, "record", "", "keep every byte that came in, in this new folder, for culprit analyze")
	f.BoolVar(&w.plain, "plain", false, "one line an event (the default)")
	f.BoolVar(&w.json, "json", false, "one JSON object an event")
	f.BoolVar(&w.untilFinding, "until-finding", false, "end with exit code 1 at the first finding that is more than hygiene")
	f.DurationVar(&w.every, "every", 5*time.Second, "how often to judge")
	f.DurationVar(&w.ask, "ask", 10*time.Second, "how often to ask Redis and the host")
	cmd.MarkFlagsMutuallyExclusive("plain", "json")
	return cmd
}

func (w *watching) run(cmd *cobra.Command, code *int) error {
	if w.every <= 0 || w.ask <= 0 {
		return errors.New("--every and --ask must be more than nothing")
	}
	if len(w.access)+len(w.errors)+len(w.redis) == 0 && !w.kmsg {
		return errors.New("nothing to watch: name --access-log, --error-log, --kmsg or --redis")
	}
	ctx, stop := context.WithCancel(cmd.Context())
	defer stop()
	say := newTeller(cmd.OutOrStdout(), w.json)
	f := &fold{t: correlate.NewTimeline()}
	if err := w.open(ctx, f, say); err != nil {
		return err
	}
	defer func() {
		for _, s := range f.sources {
			if s.record != nil {
				s.record.Close()
			}
		}
	}()
	var pumps sync.WaitGroup
	for _, s := range f.sources {
		tell := say.about(s.file.source.Name)
		pumps.Go(func() {
			if err := s.pump(ctx, f, tell); err != nil {
				tell(err.Error() + "; it is not watched any more")
			}
		})
	}
	say.event(report.LiveEvent{Kind: "started", Text: fmt.Sprintf("watching %s", sourceNames(f.sources))})
	tick := time.NewTicker(w.every)
	defer tick.Stop()
	found := false
	for ctx.Err() == nil && !found {
		select {
		case <-ctx.Done():
		case <-tick.C:
			found = w.judge(f, say) && w.untilFinding
		}
	}
	stop()
	pumps.Wait()
	found = w.judge(f, say) && w.untilFinding || found
	say.end()
	if found {
		*code = exitRootCause
	}
	return say.err
}

func sourceNames(sources []*liveSource) string {
	var all []string
	for _, s := range sources {
		all = append(all, s.file.source.Name)
	}
	return strings.Join(all, ", ")
}

// open makes the sources that the flags name, and of this host those that go with them.
func (w *watching) open(ctx context.Context, f *fold, say *teller) error {
	recorded := map[string]bool{}
	if w.record != "" {
		if err := os.MkdirAll(w.record, 0o700); err != nil {
			return fmt.Errorf("--record: %w", err)
		}
		if have, err := os.ReadDir(w.record); err != nil || len(have) > 0 {
			return fmt.Errorf("--record %s: %w", w.record, cmp.Or(err, errors.New("the folder is not empty; name a new one, so that nothing is counted twice")))
		}
	}
	add := func(name, file, format string, in io.Reader, settle time.Duration) error {
		s := newLiveSource(name, format, in, settle)
		if w.record != "" {
			file = unused(recorded, file)
			rec, err := os.OpenFile(filepath.Join(w.record, file), os.O_CREATE|os.O_EXCL|os.O_WRONLY|os.O_APPEND, 0o600)
			if err != nil {
				return fmt.Errorf("--record: %w", err)
			}
			s.record = rec
		}
		f.sources = append(f.sources, s)
		return nil
	}
	type opened struct {
		name, file, format string
		in                 io.Reader
		settle             time.Duration
	}
	var all []opened
	for _, log := range w.access {
		tail := collect.Follow(ctx, log, collect.FollowOptions{Notice: say.about(log)})
		all = append(all, opened{log, filepath.Base(log), "nginx-access", tail, settleLines})
	}
	for _, log := range w.errors {
		tail := collect.Follow(ctx, log, collect.FollowOptions{Notice: say.about(log)})
		all = append(all, opened{log, filepath.Base(log), "nginx-error", tail, settleReports})
	}
	if w.kmsg {
		k, err := collect.OpenKmsg(ctx, "/dev/kmsg", say.about("kmsg"))
		if err != nil {
			return unreadable{err}
		}
		all = append(all, opened{"kmsg", "kmsg", "kernel", k, settleReports})
	}
	for i, url := range w.redis {
		name := "redis-info"
		if i > 0 {
			name = fmt.Sprintf("redis-info-%d", i+1)
		}
		r, err := collect.OpenRedis(url, say.about(name))
		if err != nil {
			return err
		}
		context.AfterFunc(ctx, func() { r.Close() })
		all = append(all, opened{name, name + ".txt", "redis-info", collect.Poll(ctx, w.ask, r.Info), 0})
	}
	all = append(all,
		opened{"clock", "clock.txt", "clock", strings.NewReader(string(collect.HostClock(ctx))), 0},
		opened{"meminfo", "meminfo.txt", "meminfo", collect.Poll(ctx, w.ask, collect.Meminfo), 0},
		opened{"ps", "ps.txt", "ps", collect.Poll(ctx, w.ask, collect.Processes), 0})
	for _, o := range all {
		if err := add(o.name, o.file, o.format, o.in, o.settle); err != nil {
			return err
		}
	}
	return nil
}

// unused gives each source a file of its own: two sites may both log to access.log.
func unused(have map[string]bool, file string) string {
	name := file
	for i := 2; have[name]; i++ {
		name = fmt.Sprintf("%d-%s", i, file)
	}
	have[name] = true
	return name
}

// keptReadings bounds the memory of a watch: an hour and a half of INFO every 10 s whole, some 25 MiB with all its fields.
const keptReadings = 1080

// judge tells what changed, and reports whether there is a finding that is more than hygiene.
func (w *watching) judge(f *fold, say *teller) bool {
	f.mu.Lock()
	if !f.news {
		f.mu.Unlock()
		return say.serious
	}
	f.news = false
	for _, s := range f.sources {
		f.t.AddInput(s.input())
	}
	inc := f.t.Incident(time.Now(), correlate.Options{})
	rep := rules.Judge(inc)
	forecasts := inc.Forecasts()
	f.t.Thin(keptReadings)
	f.mu.Unlock()
	say.report(rep)
	for _, fc := range forecasts {
		say.forecast(fc)
	}
	say.serious = slices.ContainsFunc(rep.Findings, func(x rules.Finding) bool { return x.Role != rules.RoleHygiene }) || rep.Verdict.Outcome == rules.RootCause
	return say.serious
}
