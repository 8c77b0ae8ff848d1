package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"culprit/rules"
)

// newVerify replays somebody's own change.
func newVerify(code *int) *cobra.Command {
	var a analysis
	var files []string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "verify --patch FILE PATH...",
		Short: "Replay somebody's own change on the incident: what it would have stopped",
		Long: `verify analyzes PATH, applies the unified diff FILE to the configuration and source files in it (in memory; nothing is
written), and replays the incident: which requests the new nginx rules match, when Redis reaches the new limit, how many
keys live under the new TTL. A patch that does not apply, or names a file outside the input, is refused with the reason.
Patches that culprit fix writes for one file stand on each other: give them all, in order.`,
		Example: "  culprit verify --patch limit-bots.patch bundle.tar.gz",
		Args:    paths,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(files) == 0 {
				return errors.New("verify needs --patch FILE, a unified diff")
			}
			options, err := a.options()
			if err != nil {
				return err
			}
			var patches []rules.FilePatch
			for _, file := range files {
				text, err := os.ReadFile(file)
				if err != nil {
					return fmt.Errorf("--patch: %w", err)
				}
				some, err := rules.ParsePatch(text)
				if err != nil {
					return fmt.Errorf("--patch %s: %w", file, err)
				}
				patches = append(patches, some...)
			}
			inc, d, err := a.incident(cmd, args, a.workers, options)
			if err != nil {
				return unreadable{err}
			}
			trials := rules.Verify(inc, patches)
			*code = d.tellBad(cmd.ErrOrStderr())
			refused := 0
			var b strings.Builder
			for _, t := range trials {
				b.WriteString(tellTrial(t))
				if t.Refused != "" {
					refused++
				}
			}
			if asJSON {
				err = writeTrials(cmd.OutOrStdout(), trials)
			} else {
				_, err = io.WriteString(cmd.OutOrStdout(), b.String())
			}
			if err != nil {
				return err
			}
			if refused == len(trials) {
				return fmt.Errorf("--patch %s: nothing of it could be tried", strings.Join(files, " "))
			}
			return nil
		},
	}
	cmd.Flags().StringArrayVar(&files, "patch", nil, "the unified diff to try, a `FILE`; may be repeated: later ones apply on top")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	a.inputFlags(cmd)
	return cmd
}

func tellTrial(t rules.Trial) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", plain(t.File))
	if t.Refused != "" {
		fmt.Fprintf(&b, "  refused: %s\n", plain(t.Refused))
		return b.String()
	}
	for _, f := range t.Found {
		fmt.Fprintf(&b, "  %s\n", plain(f.Title))
		for _, l := range [][2]string{{"before", f.Effect.Before}, {"after", f.Effect.After}, {"prevents", prevented(f.Effect.Prevents)}} {
			if l[1] != "" {
				text := strings.ReplaceAll(wrap(plain(l[1]), 66), "\n", "\n              ")
				fmt.Fprintf(&b, "    %-9s %s\n", l[0], text)
			}
		}
	}
	for _, n := range t.Notes {
		fmt.Fprintf(&b, "  note: %s\n", strings.ReplaceAll(plain(n), "\n", "\n  "))
	}
	return b.String()
}

// plain makes control bytes of a stranger's patch or file visible.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' || r == 0x7f {
			return '�'
		}
		return r
	}, s)
}
