package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"culprit/cmd/internal/collect"
	"culprit/correlate"
	"culprit/rules"
)

// newExportCase writes a redacted case that is as small as its verdict allows.
func newExportCase(code *int) *cobra.Command {
	var a analysis
	var out string
	effort := 60
	cmd := &cobra.Command{
		Use:   "export-case PATH... --out DIR",
		Short: "Write a small redacted folder that still gives the verdict, with the expected answer beside it",
		Long: `export-case redacts PATH (see --redact), drops the files and then the stretches of lines without which the verdict stays -
outcome, cause, confidence, culprits, and every edge of the chain with its tests - and writes what is left into DIR, which
must be new or empty, with expected.json beside it. culprit test DIR runs it. PATH is never changed.`,
		Example: "  culprit export-case bundle.tar.gz --out cases/2026-04-20-sessions\n  culprit test cases",
		Args:    paths,
		RunE: func(cmd *cobra.Command, args []string) error {
			if out == "" {
				return errors.New("export-case needs --out DIR, a new or empty folder")
			}
			if effort < 1 || a.workers < 1 {
				return errors.New("--effort and --workers: use 1 or more")
			}
			o, err := a.options()
			if err != nil {
				return err
			}
			a.redaction.wanted = true
			if err := a.redaction.open(); err != nil {
				return err
			}
			if err := emptyDir(out); err != nil {
				return err
			}
			inc, d, err := a.plainIncident(cmd, args, o)
			if err != nil {
				return unreadable{err}
			}
			plain := rules.Judge(inc)
			// The streams among them are read by now.
			held, err := a.hold(cmd.Context(), d, inc)
			if err != nil {
				return unreadable{err}
			}
			o.FileZones = held.zones(a.redact.Text, o.FileZones)
			s := &shrinker{ctx: cmd.Context(), now: inc.Now, options: o, workers: a.workers}
			if err := s.begin(held.files); err != nil {
				return err
			}
			if diff := unlike(answerOf(plain), s.want); diff != "" {
				return fmt.Errorf("redacted, %s; nothing is written. Please report it with the output of culprit analyze --redact", diff)
			}
			before := s.size()
			if err := s.shrink(int64(effort) * before); err != nil {
				return err
			}
			if err := a.writeCase(out, s); err != nil {
				return err
			}
			*code = d.tellBad(cmd.ErrOrStderr())
			return tellCase(cmd, out, s, len(inc.Inputs), before)
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "the folder (`DIR`) to write to, new or empty")
	cmd.Flags().IntVar(&effort, "effort", effort, "read the input at most `N` times over to find what can go")
	a.inputFlags(cmd)
	cmd.Flags().StringVar(&a.redaction.key, "redact-key", "", redactKeyFlag)
	return cmd
}

// plainIncident is the incident as it is, without redaction.
func (a *analysis) plainIncident(cmd *cobra.Command, args []string, o correlate.Options) (*correlate.Incident, *driver, error) {
	b := *a
	b.redaction = redaction{}
	return b.incident(cmd, args, a.workers, o)
}

// maxHeld bounds what is held in memory while it is shrunk: every try reads it again.
const maxHeld = 512 << 20

// heldInput is a redacted file in memory.
type heldInput struct {
	collect.Input
	data []byte
}

type heldInputs struct {
	files []heldInput
	names map[string]string // as it lies in the case, by the redacted name
}

// hold reads what the driver lists once more, redacted: what could be read and is no copy.
func (a *analysis) hold(ctx context.Context, d *driver, inc *correlate.Incident) (heldInputs, error) {
	skip := map[string]bool{}
	for _, in := range inc.Inputs {
		if in.DuplicateOf != "" || in.Format == "" {
			skip[in.File] = true
		}
	}
	h := heldInputs{names: map[string]string{}}
	taken := map[string]bool{expectedFile: true, "README.md": true}
	var total int64
	for _, u := range d.units {
		err := u.Each(ctx, func(in collect.Input) error {
			if in.Err != nil || skip[in.Name] {
				return ctx.Err()
			}
			in = a.redact.Input(in)
			data, err := io.ReadAll(io.LimitReader(in.R, maxHeld-total+1))
			if total += int64(len(data)); total > maxHeld {
				return fmt.Errorf("more than %d MB of input: name fewer files", maxHeld>>20)
			}
			if err != nil {
				return ctx.Err() // a file that is cut short is no evidence to pass on
			}
			name := caseName(in.Name, taken)
			h.names[in.Name], in.Name, in.R = name, name, nil
			h.files = append(h.files, heldInput{in, data})
			return ctx.Err()
		})
		if err != nil {
			return h, err
		}
	}
	if len(h.files) == 0 {
		return h, errors.New("nothing in the input is evidence of a format that culprit knows")
	}
	return h, nil
}

// zones are those of --tz under the names of the case.
func (h heldInputs) zones(redacted func(string) string, zones map[string]*time.Location) map[string]*time.Location {
	out := map[string]*time.Location{}
	for file, zone := range zones {
		name := redacted(file)
		out[cmp.Or(h.names[name], name)] = zone
	}
	return out
}

// caseName is a name that can be written below the case's folder: relative, unpacked, and nobody else's.
func caseName(name string, taken map[string]bool) string {
	clean := strings.TrimPrefix(path.Clean("/"+strings.ReplaceAll(name, "\x00", "_")), "/")
	for _, packed := range []string{".gz", ".xz", ".zst", ".bz2"} {
		if short := strings.TrimSuffix(clean, packed); short != clean && !taken[short] {
			clean = short
			break
		}
	}
	// A file may not stand where another has its folder: a log beside an archive of the same name.
	for try := clean; ; try += "_" {
		if try != "" && !taken[try] {
			taken[try] = true
			for dir := path.Dir(try); dir != "."; dir = path.Dir(dir) {
				taken[dir+"/"] = true
			}
			if !taken[try+"/"] && !slices.ContainsFunc(parents(try), func(p string) bool { return taken[p] }) {
				return try
			}
		}
	}
}

func parents(name string) []string {
	var list []string
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		list = append(list, dir)
	}
	return list
}

// writeCase writes the files and the answer, and reads the case back.
func (a *analysis) writeCase(out string, s *shrinker) error {
	e := s.want
	e.Now, e.HostTZ, e.Since, e.Until, e.Files = s.now.UTC().Truncate(time.Second), a.host, utcOf(s.options.Since), utcOf(s.options.Until), map[string]aboutIt{}
	for _, file := range slices.Sorted(maps.Keys(s.options.FileZones)) {
		if e.TZ == nil {
			e.TZ = map[string]string{}
		}
		e.TZ[file] = s.options.FileZones[file].String()
	}
	for _, f := range s.files {
		name := filepath.Join(out, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return fmt.Errorf("--out %s: %w", out, err)
		}
		if err := os.WriteFile(name, f.data, 0o644); err != nil {
			return fmt.Errorf("--out %s: %w", out, err)
		}
		e.Files[f.Name] = aboutIt{Modified: f.ModTime.UTC(), Host: f.Host, Format: f.Format}
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(e); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(out, expectedFile), b.Bytes(), 0o644); err != nil {
		return fmt.Errorf("--out %s: %w", out, err)
	}
	back, err := readExpected(out)
	if err != nil {
		return err
	}
	rep, err := runCase(s.ctx, out, back, rules.Own{}, a.workers)
	if err != nil {
		return err
	}
	if changes := back.changes(rep); len(changes) > 0 {
		return fmt.Errorf("the case in %s, read back, differs: %s; please report it", out, strings.Join(changes, "; "))
	}
	return nil
}

func utcOf(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// tellCase says what is left.
func tellCase(cmd *cobra.Command, out string, s *shrinker, inputs int, before int64) error {
	lines := 0
	for _, f := range s.files {
		lines += bytes.Count(f.data, []byte("\n"))
	}
	verdict := strings.TrimSpace(s.want.Outcome + " " + s.want.Cause)
	if s.want.Confidence != nil {
		verdict += fmt.Sprintf(", %.2f", *s.want.Confidence)
	}
	_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s  %s\n%d of %s, %s of %s, found in %s\nlook it through before you pass it on; it is run by: culprit test %s\n", out, verdict,
		len(s.files), plural(inputs, "file", "files"), plural(int(s.size()+1023)>>10, "KB", "KB"), plural(int(before+1023)>>10, "KB", "KB"), plural(s.tries, "try", "tries"), out)
	return err
}
