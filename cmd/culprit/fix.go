package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"culprit/correlate"
	"culprit/parsers"
	"culprit/rules"
)

// newFix writes the fixes of a report as files to apply.
func newFix(code *int) *cobra.Command {
	var a analysis
	var out string
	cmd := &cobra.Command{
		Use:   "fix PATH... --out DIR",
		Short: "Write the fixes as patches, with what each changes in this incident and how to undo it",
		Long: `fix analyzes PATH and writes into DIR, which must be new or empty: one patch a change of a file, and APPLY.md with every
fix in the order to make them, its effect on this incident, its risk and its undo. The inputs are never edited.`,
		Example: "  culprit fix bundle.tar.gz --out fixes\n  culprit fix logs/ --app /srv/shop --out fixes",
		Args:    paths,
		RunE: func(cmd *cobra.Command, args []string) error {
			if out == "" {
				return errors.New("fix needs --out DIR, a new or empty folder")
			}
			options, err := a.options()
			if err != nil {
				return err
			}
			if err := a.redaction.open(); err != nil {
				return err
			}
			if err := emptyDir(out); err != nil {
				return err
			}
			inc, d, err := a.incident(cmd, args, a.workers, options)
			if err != nil {
				return unreadable{err}
			}
			rep := rules.Judge(inc)
			files, err := fixFiles(inc, rep)
			if err != nil {
				return err
			}
			if err := writeAll(out, files); err != nil {
				return err
			}
			*code = d.tellBad(cmd.ErrOrStderr())
			return tellFiles(cmd.OutOrStdout(), out, files)
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "the folder to write to")
	a.inputFlags(cmd)
	a.redaction.flags(cmd)
	return cmd
}

// emptyDir wants a folder that is new or empty: patches of another incident beside these would be applied with them.
func emptyDir(dir string) error {
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("--out %s: %w", dir, err)
	case len(entries) > 0:
		return fmt.Errorf("--out %s: not empty (%s)", dir, entries[0].Name())
	}
	return nil
}

type outFile struct {
	name, text string
	title      string
}

// fixFiles are the patches, each cut against what those before it have made of its file, and APPLY.md.
func fixFiles(inc *correlate.Incident, rep *rules.Report) ([]outFile, error) {
	fixes := inOrder(rep.Fixes)
	state := map[string][]byte{}
	var files []outFile
	var b strings.Builder
	fmt.Fprintf(&b, "# What to change\n\n%s\n\n", rep.Verdict.Summary)
	if len(fixes) == 0 {
		b.WriteString("Nothing: this input gives no reason to change anything.\n")
	} else {
		b.WriteString("In this order: what would have prevented the incident first. Patches are made one on top of the other; apply each where the\ninput lies (`patch -p1 < FILE` or `git apply FILE`), check it, then go on.\n")
	}
	for i, f := range fixes {
		fmt.Fprintf(&b, "\n## %d. %s\n\n", i+1, f.Title)
		if f.Kind == rules.KindPatch {
			text, ok := state[f.Target]
			if !ok {
				text = inc.Configs[f.Target].Text
			}
			diff := rules.DiffOf(text, f)
			after, err := rules.Apply(text, f)
			if err != nil {
				return nil, err
			}
			state[f.Target] = after
			if diff != "" {
				name := fmt.Sprintf("%02d-%s.patch", i+1, f.ID)
				files = append(files, outFile{name, diff, f.Title})
				fmt.Fprintf(&b, "    patch -p1 < %s\n\nChanges `%s`", name, f.Target)
				if strings.HasPrefix(f.Target, parsers.AppFile) {
					b.WriteString(", to be applied in the application's folder (the one of --app)")
				}
				b.WriteString(".\n")
			} else {
				fmt.Fprintf(&b, "Already made by a patch above.\n")
			}
		}
		if f.Kind == rules.KindCommand {
			fmt.Fprintf(&b, "%s\n", indentText(f.Text))
		} else if f.Text != "" {
			fmt.Fprintf(&b, "\n%s\n", markdownText(f.Text))
		}
		b.WriteByte('\n')
		for _, l := range [][2]string{{"Before", f.Effect.Before}, {"After", f.Effect.After}, {"Would it have prevented it", prevented(f.Effect.Prevents)}, {"Risk", f.Risk}, {"Undo", f.Undo}} {
			if l[1] != "" {
				fmt.Fprintf(&b, "- %s: %s\n", l[0], l[1])
			}
		}
		if f.Check != "" {
			fmt.Fprintf(&b, "- Check:\n\n%s\n", indentText(f.Check))
		}
	}
	return append(files, outFile{"APPLY.md", b.String(), "how to apply them, and undo them"}), nil
}

// inOrder puts what would have prevented the incident first, then what could not be replayed, then the rest; the verdict's
// own order decides among equals, and what must be applied together (one id) stays together.
func inOrder(list []rules.Fix) []rules.Fix {
	best := map[string]int{}
	rank := func(f rules.Fix) int {
		switch f.Effect.Prevents {
		case correlate.Pass:
			return 0
		case correlate.Fail:
			return 2
		}
		return 1
	}
	for _, f := range list {
		if r, ok := best[f.ID]; !ok || rank(f) < r {
			best[f.ID] = rank(f)
		}
	}
	out := slices.Clone(list)
	slices.SortStableFunc(out, func(a, b rules.Fix) int { return cmp.Compare(best[a.ID], best[b.ID]) })
	return out
}

func prevented(o correlate.Outcome) string {
	switch o {
	case correlate.Pass:
		return "yes, by the replay"
	case correlate.Fail:
		return "not alone, by the replay"
	}
	return "could not be replayed"
}

func indentText(s string) string {
	return "    " + strings.ReplaceAll(strings.TrimRight(s, "\n"), "\n", "\n    ")
}

// markdownText keeps prose as prose and makes indented lines code.
func markdownText(s string) string {
	var b strings.Builder
	code := false
	for l := range strings.Lines(strings.TrimRight(s, "\n") + "\n") {
		isCode := strings.HasPrefix(l, " ")
		if isCode != code {
			b.WriteByte('\n')
		}
		code = isCode
		if isCode {
			b.WriteString("    ")
		}
		b.WriteString(l)
	}
	return strings.TrimRight(b.String(), "\n")
}

func writeAll(dir string, files []outFile) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("--out %s: %w", dir, err)
	}
	for _, f := range files {
		if err := os.WriteFile(filepath.Join(dir, f.name), []byte(f.text), 0o644); err != nil {
			return fmt.Errorf("--out %s: %w", dir, err)
		}
	}
	return nil
}

func tellFiles(w io.Writer, dir string, files []outFile) error {
	for _, f := range files {
		if _, err := fmt.Fprintf(w, "%s  %s\n", filepath.Join(dir, f.name), f.title); err != nil {
			return err
		}
	}
	return nil
}
