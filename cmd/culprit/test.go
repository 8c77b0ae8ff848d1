package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

// exitChanged says that a case is no longer answered as it was.
const exitChanged = 1

// results of a case.
const (
	resultSame    = "same"
	resultChanged = "changed"
	resultUnread  = "unreadable"
)

// tested is what became of one case.
type tested struct {
	Case       string   `json:"case"`
	Result     string   `json:"result"`
	Outcome    string   `json:"outcome,omitempty"`
	Cause      string   `json:"cause,omitempty"`
	Confidence float64  `json:"confidence,omitempty"`
	Changes    []string `json:"changes"`
}

// newTest runs a library of cases.
func newTest(code *int) *cobra.Command {
	var asJSON bool
	var rulesFile string
	workers := runtime.GOMAXPROCS(0)
	cmd := &cobra.Command{
		Use:   "test DIR",
		Short: "Run a library of cases and say which are answered differently now",
		Long: `test analyzes every folder of DIR that holds an expected.json (culprit export-case writes such folders) and compares:
outcome, cause, confidence, victim, culprits, which rules fire ("findings") and which must not ("quiet"). Rules of your own
are tested with --rules. It exits with 1 when a case changed, with 4 when one could not be read.

By hand, {"outcome": "no-incident"} is enough of an expected.json. It may say cause, confidence, victim (comm, pid),
killed_at, culprits (must be named), must_not_blame, candidates, findings (rules that must fire) and quiet (rules that must
not); and how to read the evidence, which is everything else in the folder: now, host_tz, tz, since and until.`,
		Example: "  culprit test cases\n  culprit test --rules our-rules.yaml cases\n  culprit test --json cases",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return errors.New("test needs one folder: of cases, or of one case")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			own, err := ownRules(rulesFile)
			if err != nil {
				return err
			}
			if workers < 1 {
				return fmt.Errorf("--workers %d: use 1 or more", workers)
			}
			dirs, err := casesIn(args[0])
			if err != nil {
				return err
			}
			var all []tested
			for _, dir := range dirs {
				if err := cmd.Context().Err(); err != nil {
					return err
				}
				t := tested{Case: filepath.Base(dir), Result: resultSame, Changes: []string{}}
				e, err := readExpected(dir)
				if err == nil {
					rep, failed := runCase(cmd.Context(), dir, e, own, workers)
					if err = failed; err == nil {
						t.Outcome, t.Cause, t.Confidence = rep.Verdict.Outcome, rep.Verdict.Cause, rep.Verdict.Confidence
						t.Changes = append(t.Changes, e.changes(rep)...)
					}
				}
				switch {
				case err != nil:
					t.Result, t.Changes, *code = resultUnread, []string{err.Error()}, exitUnreadable
				case len(t.Changes) > 0:
					t.Result = resultChanged
					if *code == exitOK {
						*code = exitChanged
					}
				}
				all = append(all, t)
			}
			if asJSON {
				return writeTestedJSON(cmd.OutOrStdout(), all)
			}
			return writeTested(cmd.OutOrStdout(), all)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&asJSON, "json", false, "one JSON object, schema culprit.test/1")
	f.StringVar(&rulesFile, "rules", "", rulesFlag)
	f.IntVar(&workers, "workers", workers, "files and parts of files to parse at the same time")
	return cmd
}

func counts(all []tested) (n map[string]int) {
	n = map[string]int{}
	for _, t := range all {
		n[t.Result]++
	}
	return n
}

// writeTested is a table with the changes under their case, and the sum.
func writeTested(w io.Writer, all []tested) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "CASE\tRESULT\tVERDICT")
	for _, t := range all {
		verdict := strings.TrimSpace(t.Outcome + " " + t.Cause)
		if t.Confidence > 0 {
			verdict += fmt.Sprintf(" %.2f", t.Confidence)
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\n", plainText(t.Case), t.Result, verdict)
		for _, c := range t.Changes {
			fmt.Fprintf(tw, "\t\t- %s\n", plainText(c))
		}
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	n := counts(all)
	sum := fmt.Sprintf("\n%d of %s as expected", n[resultSame], plural(len(all), "case", "cases"))
	if n[resultChanged] > 0 {
		sum += fmt.Sprintf(", %d changed", n[resultChanged])
	}
	if n[resultUnread] > 0 {
		sum += fmt.Sprintf(", %d could not be read", n[resultUnread])
	}
	_, err := fmt.Fprintln(w, sum)
	return err
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// plainText shows control characters instead of obeying them.
func plainText(s string) string { return strings.Trim(fmt.Sprintf("%+q", s), `"`) }

func writeTestedJSON(w io.Writer, all []tested) error {
	n := counts(all)
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(struct {
		Schema     string   `json:"schema"`
		Same       int      `json:"same"`
		Changed    int      `json:"changed"`
		Unreadable int      `json:"unreadable"`
		Cases      []tested `json:"cases"`
	}{"culprit.test/1", n[resultSame], n[resultChanged], n[resultUnread], all})
}
