package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/spf13/cobra"

	"culprit/cmd/internal/collect"
	"culprit/correlate"
)

// newDigest is the command that folds a host's evidence into a file. Options that say how times are to be read belong to
// the analysis: a digest keeps times as they stand in the files.
func newDigest(code *int) *cobra.Command {
	var a analysis
	var output, host string
	cmd := &cobra.Command{
		Use:     "digest PATH... -o HOST.culprit",
		Short:   "Fold a host's evidence into a small file, to be analysed with those of other hosts",
		Example: "  culprit digest /var/log /etc -o web01.culprit\n  culprit analyze *.culprit",
		Long: `digest reads what analyze reads and writes what it counted and noted: some ten kB to a few MB. culprit analyze *.culprit
merges any number of digests, and files beside them, to the verdict of all the files together. A digest holds addresses
and agents with their counts, the lines that a report may quote, and configurations without their secrets.`,
		Args: paths,
		RunE: func(cmd *cobra.Command, args []string) error {
			if output == "" {
				return errors.New("name the file to write: culprit digest PATH... -o web1.culprit")
			}
			o, err := a.options()
			if err != nil {
				return err
			}
			d := listed(cmd.Context(), args, cmd.InOrStdin(), max(a.workers, 1), lokiOptions(o))
			if err := d.takeCensus(cmd.Context()); err != nil {
				return unreadable{err}
			}
			t, err := d.fold(cmd.Context(), o.Since, o.Until)
			if err != nil {
				return unreadable{err}
			}
			if host = cmp.Or(host, collect.HostOfDigest(output)); host != "" {
				t.SetHost(host)
			}
			t.Forget(collect.Blank)
			n, err := writeDigest(output, t)
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "written    %s, %d bytes, %d files; read it with: culprit analyze %s\n", output, n, len(t.Inputs()), output)
			*code = d.tellBad(cmd.ErrOrStderr())
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVarP(&output, "output", "o", "", "the file to write: web1.culprit")
	f.StringVar(&host, "host", "", "the host, where no path names it (default: the name of the output, where it is called like one)")
	f.StringVar(&a.since, "since", "", "count nothing before this time")
	f.StringVar(&a.until, "until", "", "count nothing after this time")
	f.IntVar(&a.workers, "workers", 2, "files and parts of files to parse at the same time")
	return cmd
}

// writeDigest replaces the file at once: whoever fetches it meanwhile gets a whole one.
func writeDigest(file string, t *correlate.Timeline) (int, error) {
	var b bytes.Buffer
	if err := collect.WriteDigest(&b, correlate.DigestSchema(), t.WriteDigest); err != nil {
		return 0, err
	}
	tmp, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".*") // 0600: it names visitors
	if err != nil {
		return 0, fmt.Errorf("-o: %w", err)
	}
	_, err = tmp.Write(b.Bytes())
	if err = cmp.Or(err, tmp.Close()); err == nil {
		err = os.Rename(tmp.Name(), file)
	}
	if err != nil {
		return 0, errors.Join(fmt.Errorf("-o: %w", err), os.Remove(tmp.Name()))
	}
	return b.Len(), nil
}

// digests merges the digests among the inputs as they come.
type digests struct {
	bounded bool // by --since or --until

	mu     sync.Mutex
	fold   *correlate.Timeline
	inputs []correlate.Input
}

// read merges one digest, and says in sum what it holds.
func (d *digests) read(in collect.Input, r io.Reader, sum *correlate.Input) {
	sum.Format = "digest"
	if d.bounded {
		sum.Err = "a digest is counted already: give --since and --until to culprit digest"
		return
	}
	err := collect.ReadDigest(r, correlate.DigestSchema(), func(r io.Reader) error {
		host := cmp.Or(in.Host, collect.HostOfDigest(in.Name))
		return safely("digest", func() error {
			t, err := correlate.ReadDigest(r, in.Name+"/", host)
			if err != nil {
				return err
			}
			inputs := t.Inputs()
			sum.Facts = len(inputs)
			d.mu.Lock()
			defer d.mu.Unlock()
			d.inputs = append(d.inputs, inputs...)
			if d.fold == nil {
				d.fold = t
			} else {
				d.fold.Merge(t)
			}
			return nil
		})
	})
	if err != nil {
		sum.Err = err.Error()
	}
}

// noteTwice tells of files that were read and stand in a digest as well: they were counted twice, since what is folded
// cannot be taken out again.
func (d *digests) noteTwice(inputs []correlate.Input) []correlate.Input {
	type log struct{ host, sum string }
	counted := map[log]string{}
	for _, in := range d.inputs {
		if !in.From.IsZero() && in.DuplicateOf == "" { // a configuration may be the same on every host
			counted[log{in.Host, in.SHA256}] = in.File
		}
	}
	inputs = slices.Clone(inputs)
	for i, in := range inputs {
		if of, twice := counted[log{in.Host, in.SHA256}]; twice && in.SHA256 != "" && !in.From.IsZero() {
			inputs[i].Note = "the same bytes as " + of + ": counted twice; leave one of the two out"
		}
	}
	return inputs
}
