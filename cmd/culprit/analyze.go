package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"culprit/cmd/internal/redact"
	"culprit/cmd/internal/report"
	"culprit/correlate"
	"culprit/rules"
)

// analysis are the flags of analyze, which the root command has too.
type analysis struct {
	format             string
	since, until, host string
	outputs, zones     []string
	team               *time.Location // of the times in a post-mortem
	app, rules         string
	baseline           string
	exitCode, verbose  bool
	quiet, plain       bool
	workers            int
	redaction
}

func newAnalyze(code *int) *cobra.Command {
	var a analysis
	cmd := &cobra.Command{
		Use:     "analyze PATH...",
		Short:   "Name the cause of the incident that these files tell of (the same as culprit PATH...)",
		Example: "  culprit analyze bundle.tar.gz\n  culprit analyze /var/log -o report.html -o ticket.md\n  culprit analyze --since \"2026-04-20 01:00\" --host-tz Asia/Shanghai --format json logs/",
		Args:    paths,
		RunE:    func(cmd *cobra.Command, args []string) error { return a.run(cmd, args, code) },
	}
	a.flags(cmd)
	return cmd
}

func (a *analysis) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&a.format, "format", "", "`FORMAT`: "+strings.Join(formatNames(), ", ")+" (default: by the ending of --output, else text)")
	f.StringArrayVarP(&a.outputs, "output", "o", nil, "write the report to this `FILE` ("+strings.Join(endings(), ", ")+") instead of standard output; may be repeated")
	f.BoolVar(&a.exitCode, "exit-code", false, "exit 1 when a root cause was found, 3 when inconclusive")
	f.BoolVarP(&a.verbose, "verbose", "v", false, "show every line of evidence and every file in the text report")
	f.StringVar(&a.rules, "rules", "", rulesFlag)
	f.StringVar(&a.baseline, "baseline", "", "an earlier report (`FILE`), as --format json writes it: say what is new, gone and changed since")
	a.redaction.flags(cmd)
	f.BoolVarP(&a.quiet, "quiet", "q", false, "print the verdict and its facts alone, and no progress")
	f.BoolVar(&a.plain, "plain", false, "print text without colour, without signs beyond ASCII, and no progress (TERM=dumb does the same)")
	cmd.MarkFlagsMutuallyExclusive("quiet", "verbose")
	a.inputFlags(cmd)
}

// inputFlags say how the input is to be read.
func (a *analysis) inputFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&a.since, "since", "", "judge nothing before this `TIME` (RFC 3339, or local to --host-tz: 2026-04-20 01:00)")
	f.StringVar(&a.until, "until", "", "judge nothing after this `TIME`")
	f.StringArrayVar(&a.zones, "tz", nil, "the time zone of one file, as `FILE=ZONE` (Asia/Shanghai, UTC, +08:00), or as ZONE alone that of the times in md and ticket; may be repeated")
	f.StringVar(&a.host, "host-tz", "", "the time `ZONE` of files that name none")
	f.StringVar(&a.app, "app", "", "the folder (`DIR`) of the application's source: finds the calls that write the keys without an expiry")
	f.IntVar(&a.workers, "workers", runtime.GOMAXPROCS(0), "`N` files and parts of files to parse at the same time")
}

func (a *analysis) run(cmd *cobra.Command, args []string, code *int) error {
	targets, err := a.targets()
	if err != nil {
		return err
	}
	options, err := a.options()
	if err != nil {
		return err
	}
	if err := a.redaction.open(); err != nil {
		return err
	}
	if a.workers < 1 {
		return fmt.Errorf("--workers %d: use 1 or more", a.workers)
	}
	if err := nothingThere(cmd.Root(), args); err != nil {
		return err
	}
	own, err := ownRules(a.rules)
	if err != nil {
		return err
	}
	earlier, err := a.earlier()
	if err != nil {
		return err
	}
	inc, d, err := a.incident(cmd, args, a.workers, options)
	if err != nil {
		return unreadable{err}
	}
	rep := own.Judge(inc)
	if earlier != nil {
		name := filepath.Base(a.baseline)
		if a.redact != nil {
			name = a.redact.Text(name)
		}
		if rep.Baseline, err = report.Compare(rep, name, earlier); err != nil {
			return fmt.Errorf("--baseline %s: %w", a.baseline, err)
		}
	}
	for _, t := range targets {
		o := report.Options{Verbose: a.verbose, Quiet: a.quiet, ASCII: a.plain, Source: onePath(args), App: a.app, Zone: a.team}
		if a.redact != nil { // a command to paste would name them
			o.Source, o.App = "", ""
		}
		if err := t.write(cmd.OutOrStdout(), rep, o); err != nil {
			return err
		}
	}
	if *code = d.tellBad(cmd.ErrOrStderr()); *code == exitOK && a.exitCode {
		*code = outcomeCode(rep.Verdict.Outcome)
	}
	return nil
}

// earlier is the report of --baseline, nil without one.
func (a *analysis) earlier() ([]byte, error) {
	if a.baseline == "" {
		return nil, nil
	}
	f, err := os.Open(a.baseline)
	if err != nil {
		return nil, fmt.Errorf("--baseline: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, report.MaxBaseline+1))
	if err != nil {
		return nil, fmt.Errorf("--baseline: %w", err)
	}
	if len(text) > report.MaxBaseline {
		return nil, fmt.Errorf("--baseline %s: more than %d MB are no report", a.baseline, report.MaxBaseline>>20)
	}
	return text, nil
}

// onePath is what a command to paste may name again.
func onePath(args []string) string {
	if len(args) != 1 || args[0] == "-" {
		return ""
	}
	return args[0]
}

// incident is the way up to judging: collect, parse, correlate.
func (a *analysis) incident(cmd *cobra.Command, args []string, workers int, o correlate.Options) (*correlate.Incident, *driver, error) {
	ctx := cmd.Context()
	if w := cmd.ErrOrStderr(); !a.quiet && !a.plain && width(w) > 0 && os.Getenv("TERM") != "dumb" {
		ctx = withProgress(ctx, w)
	}
	d := listed(ctx, args, cmd.InOrStdin(), max(workers, 1), lokiOptions(o))
	inc, err := d.incident(ctx, a.app, a.redact, time.Now(), o)
	if err == nil && d.appSkipped != "" {
		fmt.Fprintf(cmd.ErrOrStderr(), "culprit: --app %s: not read: %s\n", a.app, d.appSkipped)
	}
	return inc, d, err
}

// incident is that way with nothing told on the terminal.
func incident(ctx context.Context, args []string, app string, stdin io.Reader, workers int, o correlate.Options) (*correlate.Incident, *driver, error) {
	d := listed(ctx, args, stdin, workers, lokiOptions(o))
	inc, err := d.incident(ctx, app, nil, time.Now(), o)
	return inc, d, err
}

// incident reads what was listed, redacted where redact is not nil.
func (d *driver) incident(ctx context.Context, app string, redact *redact.Redactor, now time.Time, o correlate.Options) (*correlate.Incident, error) {
	if app != "" {
		if err := d.addApp(ctx, app); err != nil {
			return nil, err
		}
	}
	if redact != nil {
		for _, u := range d.units {
			u.Through(redact.Input)
		}
		o.FileZones = redactedZones(redact, o.FileZones)
	}
	if err := d.takeCensus(ctx); err != nil {
		return nil, err
	}
	d.census.told = o.ZoneOf
	t, err := d.fold(ctx, o.Since, o.Until)
	if err != nil {
		return nil, err
	}
	return t.Incident(now, o), nil
}

func outcomeCode(outcome string) int {
	switch outcome {
	case rules.RootCause:
		return exitRootCause
	case rules.Inconclusive:
		return exitInconclusive
	}
	return exitOK
}

// options reads the zones and the window.
func (a *analysis) options() (correlate.Options, error) {
	o := correlate.Options{FileZones: map[string]*time.Location{}}
	var err error
	if a.host != "" {
		if o.HostZone, err = zone(a.host); err != nil {
			return o, fmt.Errorf("--host-tz %q: %w", a.host, err)
		}
	}
	for _, z := range a.zones {
		file, name, ok := strings.Cut(z, "=")
		if !ok {
			if a.team, err = zone(z); err != nil {
				return o, fmt.Errorf("--tz %q: use FILE=ZONE for the clock of a file (error.log=Asia/Shanghai), or a ZONE for the times of a post-mortem: %w", z, err)
			}
			continue
		}
		if file == "" {
			return o, fmt.Errorf("--tz %q: use FILE=ZONE, for example error.log=Asia/Shanghai", z)
		}
		if o.FileZones[file], err = zone(name); err != nil {
			return o, fmt.Errorf("--tz %q: %w", z, err)
		}
	}
	if o.Since, err = instant(a.since, o.HostZone); err != nil {
		return o, fmt.Errorf("--since %w", err)
	}
	if o.Until, err = instant(a.until, o.HostZone); err != nil {
		return o, fmt.Errorf("--until %w", err)
	}
	if !o.Since.IsZero() && !o.Until.IsZero() && !o.Since.Before(o.Until) {
		return o, errors.New("--since must be before --until")
	}
	return o, nil
}

// zone reads a zone by name or offset. "Local" is refused: this machine's zone says nothing about the incident's.
func zone(name string) (*time.Location, error) {
	for _, layout := range []string{"-07:00", "-0700", "-07"} {
		if t, err := time.Parse(layout, name); err == nil {
			_, offset := t.Zone()
			return time.FixedZone(name, offset), nil
		}
	}
	if name == "" || name == "Local" {
		return nil, errors.New("name a zone (Asia/Shanghai, UTC) or an offset (+08:00)")
	}
	return time.LoadLocation(name)
}

// instant reads a time of the command line; without a zone it is in the host's, or UTC.
func instant(s string, host *time.Location) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t.UTC(), nil
	}
	if host == nil {
		host = time.UTC
	}
	for _, layout := range []string{time.DateTime, "2006-01-02T15:04:05", "2006-01-02 15:04", "2006-01-02T15:04", time.DateOnly} {
		if t, err := time.ParseInLocation(layout, s, host); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%q: use 2026-04-20T01:00:00Z, or 2026-04-20 01:00", s)
}
