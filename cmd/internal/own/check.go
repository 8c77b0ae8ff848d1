package own

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/expr-lang/expr"

	"culprit/correlate"
	"culprit/rules"
)

// check is a compiled rule.
type check struct {
	facts           []rules.Fact
	cited           []string // whose lines prove it
	when            *program
	message, detail []piece
	severity        string
	fix             func(*rules.Case) []rules.Fix
}

// piece of a message: text, or a value.
type piece struct {
	text  string
	value *program
}

// template splits a message at its {expressions}.
func (s *source) template(b *binder, path, text string) ([]piece, error) {
	var out []piece
	for rest, at := text, 0; rest != ""; {
		open := strings.IndexByte(rest, '{')
		if open < 0 {
			return append(out, piece{text: rest}), nil
		}
		shut := strings.IndexByte(rest[open:], '}')
		if shut < 0 {
			return nil, s.inText(path, text, at+open, rest[open:], placed{0, "{ without its }"})
		}
		inside := rest[open+1 : open+shut]
		p, err := b.compile(inside, false)
		if err == nil && p.kind != reflect.Float64 && p.kind != reflect.Int && p.kind != reflect.String {
			err = placed{0, "a message can hold numbers and texts; of a list name a row and what of it: {web.addresses[0].name}"}
		}
		if err != nil {
			return nil, s.inText(path, text, at+open+1, inside, err)
		}
		out = append(out, piece{text: rest[:open]}, piece{value: p})
		rest, at = rest[open+shut+1:], at+open+shut+1
	}
	return out, nil
}

// lacks says why the rule is not judged: a fact that the input does not tell, or a condition without an answer.
func (k *check) lacks(c *rules.Case) string {
	_, why := k.judge(c)
	return why
}

// find is the rule's Check.
func (k *check) find(c *rules.Case) []rules.Finding {
	out, _ := k.judge(c)
	return out
}

func (k *check) judge(c *rules.Case) (out []rules.Finding, why string) {
	values := map[string]rules.Known{}
	for _, f := range k.facts {
		v := c.Known(f)
		if !v.OK {
			return nil, fmt.Sprintf("no %s in the input (%s)", f.Name, f.Doc)
		}
		values[f.Name] = v
	}
	env := bind(values)
	yes, err := k.when.run(env)
	if err != nil {
		return nil, "its condition " + err.Error()
	}
	if yes != true {
		return nil, ""
	}
	f := rules.Finding{Role: k.severity}
	title, err := fill(k.message, env)
	if err != nil {
		return nil, "its message " + err.Error()
	}
	f.Title = strings.TrimRight(oneLine(title), ".")
	detail, err := fill(k.detail, env)
	if err != nil {
		return nil, "its detail " + err.Error()
	}
	f.Detail = oneLine(detail)
	for _, name := range k.cited {
		ev := values[name].Evidence
		f.Evidence = append(f.Evidence, ev[:min(len(ev), linesAFact)]...)
	}
	f.Evidence = correlate.SortEvidence(f.Evidence)
	for _, fact := range k.facts {
		if v := values[fact.Name]; fact.Unit != rules.UnitWords && fact.Unit != rules.UnitList {
			f.Quantities = append(f.Quantities, rules.Quantity{Name: fact.Name, Value: v.Number, Unit: cmp.Or(fact.Unit, "number")})
		}
	}
	if k.fix != nil {
		f.Fixes = k.fix(c)
	}
	return []rules.Finding{f}, ""
}

// linesAFact bounds what a list or a count brings of its lines.
const linesAFact = 3

// maxMessage bounds a finding's sentence: names in it come from logs.
const maxMessage = 500

func fill(pieces []piece, env map[string]any) (string, error) {
	var b strings.Builder
	for _, p := range pieces {
		if p.value == nil {
			b.WriteString(p.text)
			continue
		}
		v, err := p.value.run(env)
		if err != nil {
			return "", err
		}
		if n, ok := number(v); ok {
			b.WriteString(rules.Spell(n, p.value.unit))
		} else {
			fmt.Fprint(&b, v)
		}
	}
	return b.String(), nil
}

func oneLine(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > maxMessage {
		s = strings.ToValidUTF8(s[:maxMessage], "") + "…"
	}
	return s
}

func (p *program) run(env map[string]any) (any, error) {
	v, err := expr.Run(p.code, env)
	if err != nil {
		if errors.Is(err, errByZero) {
			return nil, errByZero
		}
		return nil, errors.New(strings.SplitN(err.Error(), "\n", 2)[0])
	}
	return v, nil
}
