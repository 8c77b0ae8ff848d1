package own

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	exprfile "github.com/expr-lang/expr/file"
	exprparser "github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/types"
	"github.com/expr-lang/expr/vm"

	"culprit/rules"
)

// maxExpression bounds an expression, and with it what evaluating it can cost: every row of a list at most once for each
// predicate it has room for.
const maxExpression = 1000 // characters

// functions that an expression may call, besides our own below. Left out are those that make text or lists out of others,
// which can double with every call, and those that ask the clock.
var functions = []string{"abs", "all", "any", "ceil", "count", "filter", "find", "float", "floor", "int", "len", "lower", "max", "min", "none", "one", "round", "sum", "upper"}

// row is what a list is made of.
type row struct {
	Name  string  `expr:"name"`
	Count float64 `expr:"count"`
	Share float64 `expr:"share"`
	Bytes float64 `expr:"bytes"`
}

// binder compiles expressions and remembers which facts they ask for.
type binder struct {
	facts map[string]rules.Fact
	order []string // of the facts, as they were first met
}

func (b *binder) need(f rules.Fact) {
	if _, ok := b.facts[f.Name]; !ok {
		b.facts[f.Name] = f
		b.order = append(b.order, f.Name)
	}
}

func (b *binder) all() []rules.Fact {
	var all []rules.Fact
	for _, name := range b.order {
		all = append(all, b.facts[name])
	}
	return all
}

// program is a compiled expression.
type program struct {
	code *vm.Program
	unit string // of its value, where it is one fact; "" = none
	kind reflect.Kind
}

// compile checks an expression's bounds and types. An error is placed in it.
func (b *binder) compile(text string, condition bool) (*program, error) {
	if n := len([]rune(text)); n > maxExpression {
		return nil, placed{0, fmt.Sprintf("%d characters, more than %d: split the rule", n, maxExpression)}
	}
	tree, err := exprparser.Parse(text)
	if err != nil {
		return nil, exprError(err)
	}
	w := walker{binder: b}
	if err := w.walk(tree.Node, false); err != nil {
		return nil, err
	}
	options := []expr.Option{expr.Env(environment), expr.Patch(&divisions{}), divide, expr.MaxNodes(maxExpression), expr.DisableAllBuiltins()}
	for _, f := range functions {
		options = append(options, expr.EnableBuiltin(f))
	}
	if condition {
		options = append(options, expr.AsBool())
	}
	code, err := expr.Compile(text, options...)
	if err != nil {
		return nil, exprError(err)
	}
	p := &program{code: code}
	if t := code.Node().Type(); t != nil {
		p.kind = t.Kind()
	}
	if name, ok := factOf(tree.Node); ok {
		p.unit = b.facts[name].Unit
	}
	return p, nil
}

func exprError(err error) error {
	var e *exprfile.Error
	if errors.As(err, &e) {
		message := e.Message
		if name, ok := strings.CutPrefix(message, "unknown name "); ok {
			message = "no fact or function " + name + " (culprit rules --facts lists them)"
		}
		return placed{e.From, message}
	}
	return placed{0, err.Error()}
}

// walker holds an expression to its bounds and finds the facts in it.
type walker struct{ *binder }

func (w *walker) walk(n ast.Node, inPredicate bool) error {
	if n == nil {
		return nil
	}
	refuse := func(format string, args ...any) error { return placed{n.Location().From, fmt.Sprintf(format, args...)} }
	if name, ok := factOf(n); ok {
		f, known := factNamed(name)
		if !known {
			n = n.(*ast.MemberNode).Node // the name begins there
			return refuse("no fact %s (culprit rules --facts lists them)", name)
		}
		w.need(f)
		return nil
	}
	each := func(inPredicate bool, nodes ...ast.Node) error {
		for _, child := range nodes {
			if err := w.walk(child, inPredicate); err != nil {
				return err
			}
		}
		return nil
	}
	switch n := n.(type) {
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.StringNode, *ast.PointerNode:
		return nil
	case *ast.IdentifierNode:
		return nil // the compiler tells an unknown one
	case *ast.UnaryNode:
		return each(inPredicate, n.Node)
	case *ast.BinaryNode:
		if n.Operator == ".." || n.Operator == "??" {
			return refuse("%s is not offered here", n.Operator)
		}
		return each(inPredicate, n.Left, n.Right)
	case *ast.MemberNode:
		if n.Optional {
			return refuse("?. is not offered here: a rule is not judged where one of its facts is not known")
		}
		return each(inPredicate, n.Node, n.Property)
	case *ast.ConditionalNode:
		return each(inPredicate, n.Cond, n.Exp1, n.Exp2)
	case *ast.ArrayNode:
		return each(inPredicate, n.Nodes...)
	case *ast.PredicateNode:
		if inPredicate {
			return refuse("a list is walked for every row of another: use one any, all, count or filter inside no other")
		}
		return each(true, n.Node)
	case *ast.BuiltinNode:
		if !slices.Contains(functions, n.Name) {
			return refuse("no function %s: there are %s, %s", n.Name, strings.Join(functions, ", "), strings.Join(slices.Sorted(maps.Keys(ours)), ", "))
		}
		return each(inPredicate, n.Arguments...)
	case *ast.CallNode:
		callee, _ := n.Callee.(*ast.IdentifierNode)
		if callee == nil || ours[callee.Value] == nil {
			return refuse("no such function: there are %s, %s", strings.Join(functions, ", "), strings.Join(slices.Sorted(maps.Keys(ours)), ", "))
		}
		f, err := ours[callee.Value](n.Arguments)
		if err != nil {
			return refuse("%s: %v", callee.Value, err)
		}
		if f != nil {
			w.need(*f)
			return nil
		}
		return each(inPredicate, n.Arguments...)
	}
	return refuse("this is not offered here")
}

// factOf reads "redis.keys" as the name of a fact.
func factOf(n ast.Node) (string, bool) {
	m, ok := n.(*ast.MemberNode)
	if !ok {
		return "", false
	}
	base, ok := m.Node.(*ast.IdentifierNode)
	property, ok2 := m.Property.(*ast.StringNode)
	if !ok || !ok2 {
		return "", false
	}
	return base.Value + "." + property.Value, true
}

func factNamed(name string) (rules.Fact, bool) {
	all := rules.Facts()
	i := slices.IndexFunc(all, func(f rules.Fact) bool { return f.Name == name })
	if i < 0 {
		return rules.Fact{}, false
	}
	return all[i], true
}

// ours are the functions beside expr's own. One whose arguments name a reading makes a fact of it.
var ours = map[string]func([]ast.Node) (*rules.Fact, error){
	"bytes":       func(args []ast.Node) (*rules.Fact, error) { return nil, sizeLiteral(args) },
	"percent":     func([]ast.Node) (*rules.Fact, error) { return nil, nil },
	"size":        func([]ast.Node) (*rules.Fact, error) { return nil, nil },
	"span":        func([]ast.Node) (*rules.Fact, error) { return nil, nil },
	"info":        func(args []ast.Node) (*rules.Fact, error) { return infoFact(args, "") },
	"infoText":    func(args []ast.Node) (*rules.Fact, error) { return infoFact(args, rules.UnitWords) },
	"setting":     func(args []ast.Node) (*rules.Fact, error) { return settingFact(args, "") },
	"settingText": func(args []ast.Node) (*rules.Fact, error) { return settingFact(args, rules.UnitWords) },
}

func literals(args []ast.Node, n int) ([]string, error) {
	var out []string
	for _, a := range args {
		if s, ok := a.(*ast.StringNode); ok {
			out = append(out, s.Value)
		}
	}
	if len(args) != n || len(out) != n {
		return nil, fmt.Errorf("wants %d text(s) in quotes", n)
	}
	return out, nil
}

func infoFact(args []ast.Node, unit string) (*rules.Fact, error) {
	l, err := literals(args, 1)
	if err != nil {
		return nil, err
	}
	f := rules.InfoFact(l[0], unit)
	return &f, nil
}

func settingFact(args []ast.Node, unit string) (*rules.Fact, error) {
	l, err := literals(args, 2)
	if err != nil {
		return nil, err
	}
	f := rules.SettingFact(l[0], l[1], unit)
	return &f, nil
}

func sizeLiteral(args []ast.Node) error {
	l, err := literals(args, 1)
	if err == nil {
		_, err = rules.ParseSize(l[0])
	}
	return err
}

// environment is what an expression sees, by type; bind fills it.
var environment = func() types.Map {
	env := types.Map{
		"bytes": types.TypeOf(parseSize), "percent": types.TypeOf(percent), "size": types.TypeOf(size), "span": types.TypeOf(span),
		"info": types.TypeOf(func(string) float64 { return 0 }), "infoText": types.TypeOf(func(string) string { return "" }),
		"setting": types.TypeOf(func(_, _ string) float64 { return 0 }), "settingText": types.TypeOf(func(_, _ string) string { return "" }),
	}
	for _, f := range rules.Facts() {
		group, name, _ := strings.Cut(f.Name, ".")
		if env[group] == nil {
			env[group] = types.Map{}
		}
		t := types.Float64
		switch f.Unit {
		case rules.UnitWords:
			t = types.String
		case rules.UnitList:
			t = types.TypeOf([]row{})
		}
		env[group].(types.Map)[name] = t
	}
	return env
}()

func parseSize(s string) (float64, error) {
	n, err := rules.ParseSize(s)
	return float64(n), err
}

func percent(v float64) string { return rules.Spell(v, "share") }
func size(v float64) string    { return rules.Spell(v, "bytes") }
func span(v float64) string    { return rules.Spell(v, "seconds") }

// bind is the environment of one case. Facts that no expression asks for are left out.
func bind(values map[string]rules.Known) map[string]any {
	read := func(f rules.Fact) rules.Known { return values[f.Name] }
	env := map[string]any{
		"bytes": parseSize, "percent": percent, "size": size, "span": span,
		"info":     func(field string) float64 { return read(rules.InfoFact(field, "")).Number },
		"infoText": func(field string) string { return read(rules.InfoFact(field, rules.UnitWords)).Words },
		"setting":  func(system, name string) float64 { return read(rules.SettingFact(system, name, "")).Number },
		"settingText": func(system, name string) string {
			return read(rules.SettingFact(system, name, rules.UnitWords)).Words
		},
	}
	for name, k := range values {
		group, member, ok := strings.Cut(name, ".")
		if !ok || strings.Contains(name, "(") {
			continue
		}
		if env[group] == nil {
			env[group] = map[string]any{}
		}
		f, _ := factNamed(name)
		var v any = k.Number
		switch f.Unit {
		case rules.UnitWords:
			v = k.Words
		case rules.UnitList:
			list := []row{}
			for _, r := range k.Rows {
				list = append(list, row(r))
			}
			v = list
		}
		env[group].(map[string]any)[member] = v
	}
	return env
}

var errByZero = errors.New("divides by 0: test that number first (redis.maxmemory > 0 && ...)")

// divide is "/" that refuses to divide by 0: infinity is above every limit, and would be told as a finding.
var divide = expr.Function("divide", func(args ...any) (any, error) {
	a, okA := number(args[0])
	b, okB := number(args[1])
	switch {
	case !okA || !okB:
		return nil, errors.New("divides what is no number")
	case b == 0:
		return nil, errByZero
	}
	return a / b, nil
}, new(func(any, any) float64))

func number(v any) (float64, bool) {
	r := reflect.ValueOf(v)
	switch {
	case r.CanInt():
		return float64(r.Int()), true
	case r.CanFloat():
		return r.Float(), true
	}
	return 0, false
}

// divisions puts divide in the place of "/".
type divisions struct{}

func (*divisions) Visit(n *ast.Node) {
	if b, ok := (*n).(*ast.BinaryNode); ok && b.Operator == "/" {
		ast.Patch(n, &ast.CallNode{Callee: &ast.IdentifierNode{Value: "divide"}, Arguments: []ast.Node{b.Left, b.Right}})
	}
}

// Functions tells what an expression may call: how, and what it gives.
func Functions() [][2]string {
	return [][2]string{
		{"any(LIST, CONDITION)", "also all, none, one, count, filter, find, sum: in the condition .name, .count, .share, .bytes are the row's; no list inside another's"},
		{"len(LIST), min, max, abs", "also round, floor, ceil, int, float, lower, upper"},
		{`bytes("2gb")`, "a size as a number"},
		{"percent(X), size(X), span(X)", "in a message: a share, bytes, or seconds in words"},
		{"and or not, in, matches", "also contains, startsWith, endsWith, a ? b : c, + - * / % **; what divides by 0 is not judged"},
	}
}
