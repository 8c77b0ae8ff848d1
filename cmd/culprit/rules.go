package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"culprit/rules"
)

// newRules lists what can be found and named.
func newRules() *cobra.Command {
	return &cobra.Command{
		Use:   "rules [ID]",
		Short: "List the causes and rules, or tell about one",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				return tellRule(cmd.OutOrStdout(), args[0])
			}
			return listRules(cmd.OutOrStdout())
		},
	}
}

// listRules prints an entry each: what an outage may be blamed on, then what is looked at by itself.
func listRules(w io.Writer) error {
	var b strings.Builder
	b.WriteString("CAUSES\n")
	for _, c := range rules.Causes() {
		b.WriteString(entry(c.ID, c.Doc))
	}
	b.WriteString("\nRULES\n")
	for _, r := range rules.All() {
		b.WriteString(entry(r.ID, r.Doc))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// entry is an ID and the first sentence of its page beside it.
func entry(id, doc string) string {
	const column = 32 // the longest ID and some room
	text := strings.ReplaceAll(wrap(firstSentence(doc), 80-column), "\n", "\n"+strings.Repeat(" ", column))
	return fmt.Sprintf("  %-*s%s\n", column-2, id+" ", text)
}

func firstSentence(doc string) string {
	first := strings.Join(strings.Fields(doc), " ")
	if sentence, _, more := strings.Cut(first, ". "); more {
		first = sentence + "."
	}
	return first
}

// tellRule prints the manual page of one.
func tellRule(w io.Writer, id string) error {
	if i := slices.IndexFunc(rules.Causes(), func(c rules.Cause) bool { return c.ID == id }); i >= 0 {
		_, err := fmt.Fprintf(w, "%s (cause)\n\n%s\n", id, wrap(rules.Causes()[i].Doc, 80))
		return err
	}
	i := slices.IndexFunc(rules.All(), func(r rules.Rule) bool { return r.ID == id })
	if i < 0 {
		return fmt.Errorf("no rule or cause %q: culprit rules lists them", id)
	}
	r := rules.All()[i]
	_, err := fmt.Fprintf(w, "%s (rule)\n\n%s\n", id, wrap(r.Doc, 80))
	for _, need := range r.Needs {
		if err == nil {
			_, err = fmt.Fprintf(w, "\nneeds: %s", need)
		}
	}
	if err == nil && len(r.Needs) > 0 {
		_, err = fmt.Fprintln(w)
	}
	return err
}

// wrap fills paragraphs; an empty line parts them, and a line that is indented stays as it is.
func wrap(doc string, width int) string {
	var out []string
	line := ""
	flush := func() {
		if line != "" {
			out = append(out, line)
			line = ""
		}
	}
	for par := range strings.SplitSeq(strings.TrimSpace(doc), "\n") {
		if par == "" || par[0] == ' ' || par[0] == '\t' {
			flush()
			out = append(out, par)
			continue
		}
		for _, word := range strings.Fields(par) {
			if line != "" && len(line)+1+len(word) > width {
				flush()
			}
			line = strings.TrimPrefix(line+" "+word, " ")
		}
	}
	flush()
	return strings.Join(out, "\n")
}
