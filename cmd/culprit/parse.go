package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"culprit/correlate"
	"culprit/parsers"
)

// newParse shows what each file was taken for.
func newParse(code *int) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "parse [--json] PATH...",
		Short: "Show what each file was taken for, its records and its first unread line",
		Args:  paths,
		RunE: func(cmd *cobra.Command, args []string) error {
			out := bufio.NewWriterSize(cmd.OutOrStdout(), 64<<10)
			var p parsePrinter = &parseTable{w: out}
			if asJSON {
				p = &parseJSON{enc: json.NewEncoder(out)}
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
type parseTable struct{ w io.Writer }

func (p *parseTable) record(parsers.Record) error { return nil }

func (p *parseTable) input(in correlate.Input) error {
	_, err := fmt.Fprintf(p.w, "%s %s %d %d %d %s\n", in.File, in.Format, in.Read, in.Facts, in.Skipped, in.Err)
	return err
}

func (p *parseTable) end() error { return nil }
