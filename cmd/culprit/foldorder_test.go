package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"culprit/correlate"
	"culprit/parsers"
	"culprit/rules"
)

// The fold leaves no trace of order or division: the records of an incident in any order, in any number of folds merged in
// any order, make the same incident and the same report.
func TestFoldOrder(t *testing.T) {
	for _, name := range fewer([]string{"tea-shop", "session-patterns", "laravel-embed", "magento-locks"}) {
		t.Run(name, func(t *testing.T) {
			d, err := newDriver(t.Context(), []string{"../../testdata/incidents/" + name}, nil, 1)
			if err != nil {
				t.Fatal(err)
			}
			var records []parsers.Record
			var inputs []correlate.Input
			err = d.inOrder(t.Context(), func(r parsers.Record) error {
				records = append(records, clone(reflect.ValueOf(r)).Interface().(parsers.Record))
				return nil
			}, func(in correlate.Input) error {
				inputs = append(inputs, in)
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			want := view(t, records, inputs, 1, nil)
			for seed, folds := range []int{1, 2, 7} {
				r := rand.New(rand.NewPCG(uint64(seed), 3))
				if diff := cmp.Diff(want, view(t, records, inputs, folds, r)); diff != "" {
					t.Errorf("shuffled into %d folds: -in order +shuffled:\n%.3000s", folds, diff)
				}
			}
		})
	}
}

// view folds the records, shuffled when r is given, and tells all that an incident shows, line by line.
func view(t *testing.T, records []parsers.Record, inputs []correlate.Input, folds int, r *rand.Rand) []string {
	t.Helper()
	order := make([]int, len(records))
	for i := range order {
		order[i] = i
	}
	if r != nil {
		r.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	}
	parts := make([]*correlate.Timeline, folds)
	for i := range parts {
		parts[i] = correlate.NewTimeline()
	}
	for _, i := range order {
		part := 0
		if r != nil {
			part = r.IntN(folds)
		}
		parts[part].Add(records[i])
	}
	for i, in := range inputs {
		parts[i%folds].AddInput(in)
	}
	for len(parts) > 1 {
		i := 1 + r.IntN(len(parts)-1)
		parts[0].Merge(parts[i])
		parts = append(parts[:i], parts[i+1:]...)
	}
	return tellAll(t, parts[0])
}

// tellAll tells all that an incident shows.
func tellAll(t *testing.T, fold *correlate.Timeline) []string {
	t.Helper()
	inc := fold.Incident(time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC), correlate.Options{})
	web := inc.Web
	inc.Web = nil // its fold numbers names in the order of reading; what it answers is asked below
	all, err := json.MarshalIndent(inc, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	out := strings.Split(string(all), "\n")
	inc.Web = web
	web.EachBin(func(at time.Time, width time.Duration, sum correlate.Totals) {
		out = append(out, fmt.Sprintf("%s %s %+v", at, width, sum))
	})
	for _, g := range web.Groups {
		from, to := g.Span()
		out = append(out, fmt.Sprintf("%s %s %d %d %d %s %s %g %g %s:%d", g.Kind, g.Name, g.Clients, g.Requests, g.Pages, from, to, g.Total(), g.Count(from, from.Add(to.Sub(from)/3)), g.First.File, g.First.Line))
		for _, m := range g.Members {
			out = append(out, fmt.Sprintf("  %+v", m))
		}
	}
	for _, ev := range web.Failures(web.From, web.To) {
		out = append(out, fmt.Sprintf("%s:%d %s", ev.File, ev.Line, ev.Text))
	}
	return append(out, strings.Split(string(asJSON(t, rules.Judge(inc))), "\n")...)
}

// clone copies a record with everything it points to: a record is its parser's until emit returns.
func clone(v reflect.Value) reflect.Value {
	out := reflect.New(v.Type()).Elem()
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			out.Set(reflect.New(v.Type().Elem()))
			out.Elem().Set(clone(v.Elem()))
		}
	case reflect.Interface:
		if !v.IsNil() {
			out.Set(clone(v.Elem()))
		}
	case reflect.Slice:
		if !v.IsNil() {
			out.Set(reflect.MakeSlice(v.Type(), v.Len(), v.Len()))
			for i := range v.Len() {
				out.Index(i).Set(clone(v.Index(i)))
			}
		}
	case reflect.Map:
		if !v.IsNil() {
			out.Set(reflect.MakeMapWithSize(v.Type(), v.Len()))
			for _, k := range v.MapKeys() {
				out.SetMapIndex(k, clone(v.MapIndex(k)))
			}
		}
	case reflect.Struct:
		out.Set(v)
		for i := range v.NumField() {
			if out.Field(i).CanSet() {
				out.Field(i).Set(clone(v.Field(i)))
			}
		}
	case reflect.String:
		out.SetString(strings.Clone(v.String()))
	default:
		out.Set(v)
	}
	return out
}
