package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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
	record, rules  string
	recordMax      byteSize
	own            rules.Own
	plain, json    bool
	untilFinding   bool
	every, ask     time.Duration
}

func newWatch(code *int) *cobra.Command {
	w := watching{recordMax: 1 << 30}
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
	f.StringVar(&w.record, "record", "", "keep every byte that came in, in this folder, for culprit analyze; a later run goes on there")
	f.Var(&w.recordMax, "record-max", "what the recording may take of the disk; the oldest of it is dropped")
	f.StringVar(&w.rules, "rules", "", rulesFlag)
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
	var err error
	if w.own, err = ownRules(w.rules); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(cmd.Context())
	defer stop()
	say := newTeller(cmd.OutOrStdout(), w.json)
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
	// open begins at mark, where an earlier run recorded the source up to; nil = at its beginning.
	open func(mark json.RawMessage) (io.Reader, error)
}

// open makes the sources that the flags name, and of this host those that go with them. Those of earlier runs in the
// recording come first, with what they told.
func (w *watching) open(ctx context.Context, f *fold, say *teller) error {
	if w.record != "" {
		rec, err := collect.OpenRecording(w.record, int64(w.recordMax), say.about("recording"))
		if err != nil {
			return fmt.Errorf("--record: %w", err)
		}
		f.recording = rec
		if err := f.replay(); err != nil {
			return fmt.Errorf("--record: %w", err)
		}
	}
	all, err := w.openings(ctx, say)
	if err != nil {
		return err
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

func (w *watching) openings(ctx context.Context, say *teller) ([]opening, error) {
	var all []opening
	tail := func(log, format string, settle time.Duration) {
		all = append(all, opening{log, filepath.Base(log), format, "", settle, func(mark json.RawMessage) (io.Reader, error) {
			return collect.Follow(ctx, log, collect.FollowOptions{From: collect.ReadMark(mark), Notice: say.about(log)}), nil
		}})
	}
	ask := func(name, format string, ask func(context.Context) []byte) {
		all = append(all, opening{name, name + ".txt", format, "", 0, func(json.RawMessage) (io.Reader, error) {
			return collect.Poll(ctx, w.ask, ask), nil
		}})
	}
	for _, log := range w.access {
		tail(log, "nginx-access", settleLines)
	}
	for _, log := range w.errors {
		tail(log, "nginx-error", settleReports)
	}
	if w.kmsg {
		all = append(all, opening{"kmsg", "kmsg", "kernel", "", settleReports, func(json.RawMessage) (io.Reader, error) {
			k, err := collect.OpenKmsg(ctx, "/dev/kmsg", say.about("kmsg"))
			if err != nil {
				return nil, unreadable{err}
			}
			return k, nil
		}})
	}
	for i, url := range w.redis {
		name := "redis-info"
		if i > 0 {
			name = fmt.Sprintf("redis-info-%d", i+1)
		}
		r, err := collect.OpenRedis(url, say.about(name))
		if err != nil {
			return nil, err
		}
		context.AfterFunc(ctx, func() { r.Close() })
		ask(name, "redis-info", r.Info)
	}
	ask("meminfo", "meminfo", collect.Meminfo)
	ask("ps", "ps", collect.Processes)
	all = append(all, opening{"clock", "clock.txt", "clock", "", 0, func(json.RawMessage) (io.Reader, error) {
		return bytes.NewReader(collect.HostClock(ctx)), nil
	}})
	return all, nil
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
	rep := w.own.Judge(inc)
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
