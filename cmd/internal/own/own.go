// Package own reads a user's rules and thresholds from a YAML file and makes them rules like the built-in ones.
//
// A condition is an expression over the facts of rules.Facts. It is bounded before it runs: by its length, by the functions
// that it may call, by lists of at most fifty rows, and by walking them no deeper than one in another; so it ends, whatever
// it says. It reaches nothing but the case: no file, no clock, no environment. Only cmd calls this package.
package own

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"culprit/rules"
)

// Bounds of a file: a team's rules, not a program.
const (
	MaxFile  = 1 << 20
	maxRules = 500
)

// file is the YAML, strictly: a key that is not here is an error.
type file struct {
	Thresholds map[string]float64 `yaml:"thresholds"`
	Rules      []fileRule         `yaml:"rules"`
}

type fileRule struct {
	ID        string   `yaml:"id"`
	Severity  string   `yaml:"severity"`
	Condition string   `yaml:"condition"`
	Message   string   `yaml:"message"`
	Detail    string   `yaml:"detail"`
	Evidence  []string `yaml:"evidence"`
	Fix       *fileFix `yaml:"fix"`
	Doc       string   `yaml:"doc"`
}

type fileFix struct {
	Use     string `yaml:"use"` // a built-in fix
	Title   string `yaml:"title"`
	Text    string `yaml:"text"`
	Command string `yaml:"command"`
	Target  string `yaml:"target"`
	Risk    string `yaml:"risk"`
	Undo    string `yaml:"undo"`
	Check   string `yaml:"check"`
}

// severities are the roles that a user's rule may give its finding. What caused an outage is proven by a cause's tests, so
// root-cause is not among them.
var severities = []string{rules.RoleContributing, rules.RoleSymptom, rules.RoleHygiene}

var validID = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)

// Load reads a file's text. An error names the line and column, and quotes the line with a caret under the place.
func Load(name string, text []byte) (rules.Own, error) {
	if len(text) > MaxFile {
		return rules.Own{}, fmt.Errorf("%s: more than %d KiB; a file of rules is read whole", name, MaxFile>>10)
	}
	src := &source{name: name, text: string(text)}
	f, err := src.read()
	if err != nil {
		return rules.Own{}, err
	}
	own := rules.Own{Thresholds: f.Thresholds}
	for id, v := range f.Thresholds {
		if err := rules.CheckThreshold(id, v); err != nil {
			return rules.Own{}, src.at("$.thresholds."+quoteKey(id), err.Error())
		}
	}
	switch {
	case len(f.Rules) > maxRules:
		return rules.Own{}, fmt.Errorf("%s: %d rules, more than %d", name, len(f.Rules), maxRules)
	case len(f.Rules) == 0 && len(f.Thresholds) == 0:
		return rules.Own{}, fmt.Errorf("%s: neither rules nor thresholds in it: begin with \"rules:\" (culprit rules --facts tells what they can ask)", name)
	}
	for i, r := range f.Rules {
		rule, err := src.rule(fmt.Sprintf("$.rules[%d]", i), r)
		if err != nil {
			return rules.Own{}, err
		}
		if slices.ContainsFunc(own.Rules, func(o rules.Rule) bool { return o.ID == rule.ID }) {
			return rules.Own{}, src.at(fmt.Sprintf("$.rules[%d].id", i), fmt.Sprintf("a second rule %q: give it a name of its own", rule.ID))
		}
		own.Rules = append(own.Rules, rule)
	}
	return own, nil
}

// read is the YAML of the file. Anchors are refused: one that holds itself makes the decoder crash.
func (s *source) read() (f file, err error) {
	defer func() {
		if e := recover(); e != nil {
			err = fmt.Errorf("%s: the YAML reader gave up on it: %v", s.name, e)
		}
	}()
	if s.tree, err = parser.ParseBytes([]byte(s.text), 0); err != nil {
		return f, s.yamlError(err)
	}
	for _, t := range lexer.Tokenize(s.text) {
		if t.Type == token.AnchorType || t.Type == token.AliasType {
			return f, s.caret(t.Position.Line, t.Position.Column, "anchors are not read here: spell it out")
		}
	}
	if err = yaml.NewDecoder(strings.NewReader(s.text), yaml.Strict()).Decode(&f); err != nil && !errors.Is(err, io.EOF) {
		return f, s.yamlError(err)
	}
	return f, nil
}

// rule compiles one. path is its place in the file.
func (s *source) rule(path string, r fileRule) (rules.Rule, error) {
	none := rules.Rule{}
	switch {
	case r.ID == "":
		return none, s.at(path, "a rule without an id")
	case !validID.MatchString(r.ID) || len(r.ID) > 64:
		return none, s.at(path+".id", fmt.Sprintf("id %q: use small letters, digits and hyphens (cache-without-limit)", clip(r.ID)))
	case builtIn(r.ID):
		return none, s.at(path+".id", fmt.Sprintf("id %q is a built-in rule or cause: choose another", r.ID))
	case r.Condition == "":
		return none, s.at(path, fmt.Sprintf("rule %q has no condition", r.ID))
	case r.Message == "":
		return none, s.at(path, fmt.Sprintf("rule %q has no message", r.ID))
	case !slices.Contains(severities, r.Severity):
		at := path
		if r.Severity != "" {
			at += ".severity"
		}
		return none, s.at(at, fmt.Sprintf("rule %q has the severity %q: use one of %s", r.ID, clip(r.Severity), strings.Join(severities, ", ")))
	}
	b := &binder{facts: map[string]rules.Fact{}}
	when, err := b.compile(r.Condition, true)
	if err != nil {
		return none, s.inText(path+".condition", r.Condition, 0, r.Condition, err)
	}
	cited := slices.Clone(b.order)
	message, err := s.template(b, path+".message", r.Message)
	if err != nil {
		return none, err
	}
	detail, err := s.template(b, path+".detail", r.Detail)
	if err != nil {
		return none, err
	}
	if len(r.Evidence) > 0 {
		cited = nil
	}
	for i, name := range r.Evidence {
		f, ok := factNamed(name)
		if !ok {
			return none, s.at(fmt.Sprintf("%s.evidence[%d]", path, i), fmt.Sprintf("no fact %q (culprit rules --facts lists them)", clip(name)))
		}
		b.need(f)
		cited = append(cited, f.Name)
	}
	if len(cited) == 0 {
		return none, s.at(path+".condition", fmt.Sprintf("rule %q asks for no fact, so that nothing could prove it", r.ID))
	}
	fix, err := s.fix(path+".fix", r.Fix)
	if err != nil {
		return none, err
	}
	check := &check{facts: b.all(), cited: cited, when: when, message: message, detail: detail, severity: r.Severity, fix: fix}
	return rules.Rule{ID: r.ID, Doc: doc(r), Lacks: check.lacks, Check: check.find}, nil
}

// doc is the manual page of a user's rule: its own, and what it asks.
func doc(r fileRule) string {
	text := strings.TrimSpace(r.Doc)
	if text == "" {
		text = strings.TrimSpace(r.Message)
	}
	return text + "\n\n    " + r.Severity + ", when " + strings.ReplaceAll(strings.TrimSpace(r.Condition), "\n", "\n      ")
}

func builtIn(id string) bool {
	return slices.ContainsFunc(rules.All(), func(r rules.Rule) bool { return r.ID == id }) ||
		slices.ContainsFunc(rules.Causes(), func(c rules.Cause) bool { return c.ID == id }) ||
		id == rules.NoIncident || id == rules.Inconclusive
}

// fix makes the maker of a rule's fix; nil = it has none.
func (s *source) fix(path string, f *fileFix) (func(*rules.Case) []rules.Fix, error) {
	if f == nil {
		return nil, nil
	}
	if f.Use != "" {
		if !slices.ContainsFunc(rules.FixMakers(), func(m rules.FixMaker) bool { return m.ID == f.Use }) {
			return nil, s.at(path+".use", fmt.Sprintf("no built-in fix %q", clip(f.Use)))
		}
		if *f != (fileFix{Use: f.Use}) {
			return nil, s.at(path, "a fix has either use, or a title and text of its own")
		}
		return func(c *rules.Case) []rules.Fix { return c.Advise(f.Use) }, nil
	}
	if f.Title == "" || (f.Text == "") == (f.Command == "") {
		return nil, s.at(path, "a fix needs a title, and either text or command (or use: with the name of a built-in fix)")
	}
	out := rules.Fix{Title: f.Title, Kind: rules.KindManual, Target: f.Target, Text: f.Text, Risk: f.Risk, Undo: f.Undo, Check: f.Check}
	if f.Command != "" {
		out.Kind, out.Text = rules.KindCommand, f.Command
	}
	return func(*rules.Case) []rules.Fix { return []rules.Fix{out} }, nil
}

// clip keeps a quoted word of the file short.
func clip(s string) string {
	if len(s) > 60 {
		return strings.ToValidUTF8(s[:60], "") + "…"
	}
	return s
}

// quoteKey is a key as a path of go-yaml wants it.
func quoteKey(key string) string { return "'" + strings.ReplaceAll(key, "'", `\'`) + "'" }

// yamlError is an error of the YAML itself.
func (s *source) yamlError(err error) error {
	var e interface {
		GetMessage() string
		GetToken() *token.Token
	}
	if errors.As(err, &e) && e.GetToken() != nil {
		p := e.GetToken().Position
		return s.caret(p.Line, p.Column, e.GetMessage())
	}
	return fmt.Errorf("%s: %w", s.name, err)
}
