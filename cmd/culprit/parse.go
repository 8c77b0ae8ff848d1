package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"culprit/correlate"
	"culprit/parsers"
)

// newParse shows what each file was taken for.
func newParse(code *int) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "parse [--json] PATH...",
		Short:   "Show what each file was taken for, its records and its first unread line",
		Example: "  culprit parse /var/log\n  culprit parse --json dmesg.txt | jq .data",
		Args:    paths,
		RunE: func(cmd *cobra.Command, args []string) error {
			out := bufio.NewWriterSize(cmd.OutOrStdout(), 64<<10)
			var p parsePrinter = newParseTable(out)
			if asJSON {
				p = &parseJSON{enc: json.NewEncoder(withoutSessions{out})}
			}
			d, err := newDriver(cmd.Context(), args, cmd.InOrStdin(), 1)
			if err != nil {
				return err
			}
			if err := d.inOrder(cmd.Context(), p.record, p.input); err != nil {
				return err
			}
			if err := p.end(); err != nil {
				return err
			}
			*code = d.tellBad(cmd.ErrOrStderr())
			return out.Flush()
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object a record, then one summary a file")
	return cmd
}

type parsePrinter interface {
	record(parsers.Record) error
	input(correlate.Input) error
	end() error
}

// parseJSON prints a line a record and a line a file, as they come.
type parseJSON struct{ enc *json.Encoder }

// withoutSessions blanks session ids in what is written, a line at a time.
type withoutSessions struct{ w io.Writer }

func (w withoutSessions) Write(line []byte) (int, error) {
	_, err := w.w.Write(parsers.BlankSessionIDs(line))
	return len(line), err
}

func (p *parseJSON) record(r parsers.Record) error { return p.enc.Encode(r) }

func (p *parseJSON) input(in correlate.Input) error {
	type skipped struct {
		Line int    `json:"line"`
		Text string `json:"text"`
		Why  string `json:"why,omitempty"`
	}
	type summary struct {
		Format       string   `json:"format"`
		Read         int      `json:"read"`
		Facts        int      `json:"facts"`
		Skipped      int      `json:"skipped"`
		FirstSkipped *skipped `json:"first_skipped,omitempty"`
		Error        string   `json:"error,omitempty"`
	}
	s := summary{Format: in.Format, Read: in.Read, Facts: in.Facts, Skipped: in.Skipped, Error: in.Err}
	if f := in.FirstSkipped; f != nil {
		s.FirstSkipped = &skipped{f.Line, f.Text, f.Why}
	}
	return p.enc.Encode(struct {
		File    string  `json:"file"`
		Summary summary `json:"summary"`
	}{in.File, s})
}

func (p *parseJSON) end() error { return nil }

// parseTable prints a line a file.
type parseTable struct{ w *tabwriter.Writer }

func newParseTable(w io.Writer) *parseTable {
	t := &parseTable{tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)}
	fmt.Fprintln(t.w, "FILE\tFORMAT\tLINES\tRECORDS\tSKIPPED\tFIRST UNREAD LINE")
	return t
}

func (t *parseTable) record(parsers.Record) error { return nil }

func (t *parseTable) input(in correlate.Input) error {
	format, last := in.Format, ""
	if format == "" {
		format = "-"
	}
	if f := in.FirstSkipped; f != nil {
		last = fmt.Sprintf("%d: %s (%s)", f.Line, printable(f.Text, 60), f.Why)
	}
	if in.Err != "" {
		last = strings.TrimPrefix(last+"; error: "+printable(in.Err, 300), "; ")
	}
	_, err := fmt.Fprintf(t.w, "%s\t%s\t%d\t%d\t%d\t%s\n", printable(in.File, 300), format, in.Read, in.Facts, in.Skipped, last)
	return err
}

func (t *parseTable) end() error { return t.w.Flush() }

// printable cuts a stranger's text and makes its control characters visible.
func printable(s string, most int) string {
	if r := []rune(s); len(r) > most {
		s = string(r[:most-3]) + "..."
	}
	if strings.IndexFunc(s, func(r rune) bool { return !strconv.IsGraphic(r) || r == utf8.RuneError }) < 0 {
		return s
	}
	q := strconv.QuoteToGraphic(s)
	return q[1 : len(q)-1]
}
