package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"culprit/cmd/internal/own"
	"culprit/rules"
)

const rulesFlag = "a YAML `FILE` with rules and thresholds of your own (culprit rules --facts tells what they can ask)"

// ownRules reads a user's rules; no file, no rules.
func ownRules(file string) (rules.Own, error) {
	if file == "" {
		return rules.Own{}, nil
	}
	f, err := os.Open(file)
	if err != nil {
		return rules.Own{}, fmt.Errorf("--rules: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, own.MaxFile+1))
	if err != nil {
		return rules.Own{}, fmt.Errorf("--rules: %w", err)
	}
	o, err := own.Load(file, text)
	if err != nil {
		return rules.Own{}, fmt.Errorf("--rules %w", err)
	}
	return o, nil
}

// newRules lists what can be found and named.
func newRules() *cobra.Command {
	var file string
	var facts bool
	cmd := &cobra.Command{
		Use:     "rules [ID]",
		Short:   "List the causes, rules and fixes, or tell about one",
		Example: "  culprit rules crawler-session-leak\n  culprit rules --facts",
		Args:    cobra.MaximumNArgs(1),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return ruleNames(), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			o, err := ownRules(file)
			switch {
			case err != nil:
				return err
			case facts:
				return listFacts(cmd.OutOrStdout())
			case len(args) == 1:
				return tellRule(cmd.OutOrStdout(), args[0], o.Rules)
			}
			return listRules(cmd.OutOrStdout(), o.Rules)
		},
	}
	cmd.Flags().StringVar(&file, "rules", "", "a YAML `FILE`: list its rules too")
	cmd.Flags().BoolVar(&facts, "facts", false, "list what a rule of your own can ask, and the thresholds that can be set")
	return cmd
}

// listFacts prints what a user's file can name.
func listFacts(w io.Writer) error {
	var b strings.Builder
	b.WriteString("FACTS, for the conditions of your own rules\n")
	for _, f := range rules.Facts() {
		b.WriteString(entry(f.Name, strings.TrimSuffix(f.Doc+" ("+f.Unit+")", " ()")))
	}
	b.WriteString(entry(`info("FIELD")`, "a field of Redis INFO as a number; infoText(...) as it stands there"))
	b.WriteString(entry(`setting("SYSTEM", "NAME")`, "a directive of redis, nginx, php-fpm, php, mysql, sysctl, systemd, compose; settingText(...) as it stands there"))
	b.WriteString("\nFUNCTIONS\n")
	for _, f := range own.Functions() {
		b.WriteString(entry(f[0], f[1]))
	}
	b.WriteString("\nTHRESHOLDS of built-in rules\n")
	for _, t := range rules.Thresholds() {
		b.WriteString(entry(t.ID, fmt.Sprintf("%.4g; %s", t.Default, t.Doc)))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// listRules prints an entry each: what an outage may be blamed on, what is looked at by itself, what can be mended.
func listRules(w io.Writer, added []rules.Rule) error {
	var b strings.Builder
	b.WriteString("CAUSES\n")
	for _, c := range rules.Causes() {
		b.WriteString(entry(c.ID, c.Doc))
	}
	b.WriteString("\nRULES\n")
	for _, r := range rules.All() {
		b.WriteString(entry(r.ID, r.Doc))
	}
	b.WriteString("\nFIXES\n")
	for _, f := range rules.FixMakers() {
		b.WriteString(entry(f.ID, f.Doc))
	}
	if len(added) > 0 {
		b.WriteString("\nYOUR OWN\n")
	}
	for _, r := range added {
		b.WriteString(entry(r.ID, r.Doc))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// entry is an ID and the first sentence of its page beside it.
func entry(id, doc string) string {
	const column = 32
	indent := strings.Repeat(" ", column)
	text := strings.ReplaceAll(wrap(firstSentence(doc), 80-column), "\n", "\n"+indent)
	if len(id) > column-4 { // on a line of its own, so that the column stands
		return "  " + id + "\n" + indent + text + "\n"
	}
	return fmt.Sprintf("  %-*s%s\n", column-2, id, text)
}

func firstSentence(doc string) string {
	first, _, _ := strings.Cut(strings.TrimSpace(doc), "\n\n")
	first = strings.Join(strings.Fields(first), " ")
	if sentence, _, more := strings.Cut(first, ". "); more {
		first = sentence + "."
	}
	return first
}

// tellRule prints the manual page of one.
func tellRule(w io.Writer, id string, added []rules.Rule) error {
	kind, doc, needs, thresholds := "", "", []rules.Sort(nil), []rules.Threshold(nil)
	for _, f := range rules.FixMakers() {
		if f.ID == id {
			kind, doc = "fix", capital(f.Doc)+"."
		}
	}
	for _, c := range rules.Causes() {
		if c.ID == id {
			kind, doc = "cause", c.Doc
		}
	}
	for _, r := range slices.Concat(rules.All(), added) {
		if r.ID == id {
			kind, doc, needs, thresholds = "rule", r.Doc, r.Needs, r.Thresholds
		}
	}
	if kind == "" {
		return fmt.Errorf("no cause, rule or fix %q%s: culprit rules lists them", id, meant(id))
	}
	p := rules.PageOf(id, doc)
	var b strings.Builder
	fmt.Fprintf(&b, "%s (%s)\n", id, kind)
	section := func(name, text string) {
		if text != "" {
			text = indentText(wrap(text, 76))
			fmt.Fprintf(&b, "\n%s\n%s\n", name, strings.ReplaceAll(text, "\n    \n", "\n\n"))
		}
	}
	section("WHAT IT MEANS", p.Means)
	section("THE ARITHMETIC", p.Arithmetic)
	section("THE THRESHOLD", p.Threshold)
	section("WHEN IT IS WRONG", capital(p.Wrong))
	section("EXAMPLE", p.Example)
	var list []string
	for _, n := range needs {
		list = append(list, string(n))
	}
	section("NEEDS", strings.Join(list, ", "))
	list = nil
	for _, t := range thresholds {
		list = append(list, fmt.Sprintf("%s: %.4g; %s", t.ID, t.Default, t.Doc))
	}
	section("MAY BE SET, in a file for --rules", strings.Join(list, "\n\n"))
	_, err := io.WriteString(w, b.String())
	return err
}

func capital(s string) string {
	if s == "" {
		return ""
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// meant guesses at a name that was mistyped, or cut.
func meant(id string) string {
	var like []string
	for _, name := range ruleNames() {
		if strings.Contains(name, id) || distance(name, id) <= 2 {
			like = append(like, name)
		}
	}
	if len(like) == 0 || len(like) > 5 || id == "" {
		return ""
	}
	return " (" + strings.Join(like, ", ") + "?)"
}

func ruleNames() []string {
	var all []string
	for _, c := range rules.Causes() {
		all = append(all, c.ID)
	}
	for _, r := range rules.All() {
		all = append(all, r.ID)
	}
	for _, f := range rules.FixMakers() {
		if !slices.Contains(all, f.ID) { // memory-budget is a rule's name too, whose page says more
			all = append(all, f.ID)
		}
	}
	return all
}

// distance is Levenshtein's.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
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
	for par := range strings.SplitSeq(strings.Trim(doc, "\n"), "\n") {
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
