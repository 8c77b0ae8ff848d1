package rules

import (
	_ "embed"
	"strings"
)

// Page is the manual page of a rule or a cause, cut into its sections.
type Page struct {
	Means, Arithmetic, Threshold, Wrong string
	Example                             string // the case in testdata, what is said of it, and its lines; "" = a user's rule
}

// PageOf cuts a Doc where a paragraph begins with a section's name. A Doc without sections is all meaning.
func PageOf(id, doc string) Page {
	p := Page{Example: exampleText(id)}
	into := &p.Means
	for line := range strings.Lines(doc) {
		for name, section := range map[string]*string{"Arithmetic:": &p.Arithmetic, "Threshold:": &p.Threshold, "When it is wrong:": &p.Wrong} {
			if rest, ok := strings.CutPrefix(line, name); ok {
				into, line = section, strings.TrimPrefix(rest, " ")
			}
		}
		*into += line
	}
	for _, s := range []*string{&p.Means, &p.Arithmetic, &p.Threshold, &p.Wrong} {
		*s = strings.Trim(*s, "\n")
	}
	return p
}

// examples are written by TestExamples from testdata, so that the program can show them where there is no testdata.
//
//go:embed examples.txt
var examples string

// exampleText is the part of examples under "== id".
func exampleText(id string) string {
	_, part, ok := strings.Cut("\n"+examples, "\n== "+id+"\n")
	if !ok {
		return ""
	}
	part, _, _ = strings.Cut(part, "\n== ")
	return strings.Trim(part, "\n")
}
