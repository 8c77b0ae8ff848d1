package report

import (
	"reflect"
	"time"

	"culprit/parsers"
	"culprit/rules"
)

// hostile holds what a stranger may write into a log to steer a terminal or to break a format.
var hostile = []string{
	"\x1b[2J\x1b[31mred\x1b[0m",
	"\x1b]0;title\x07\x1b]8;;http://example.com\x1b\\link\x1b]8;;\x1b\\",
	"\u009b2Jc1 csi \x9b3J raw c1 byte \x85\x90",
	"\u202eredro esrever\u202c \u2066isolate\u2069 \u200bzero\u200dwidth\ufeff",
	"nul\x00 bell\a back\b\b\b vt\v ff\f del\x7f cr\roverwritten\nsecond line\ttab",
	"broken utf-8 \xff\xfe\xc3( \xed\xa0\x80 \xf4\x90\x80\x80",
	"\"quotes\" and \\ and </script><b>&amp; | pipe `tick` ```fence [x](y)",
	"\u2028line\u2029paragraph \u00ad soft \u061c alm \U000e0001 tag",
	"全角文字は二桁 👩‍👩‍👧‍👦 e\u0301\u0301\u0301",
	"",
}

// hostileReport has bytes of a stranger in every string of a report, and text (hostile[i]) first.
func hostileReport(i int) *rules.Report {
	r := new(rules.Report)
	n := i
	fill(reflect.ValueOf(r).Elem(), func() string { n++; return hostile[(n-1)%len(hostile)] })
	return r
}

// fill sets everything that v holds: strings by next, two elements a slice, numbers and times to something known.
func fill(v reflect.Value, next func() string) {
	switch x := v.Addr().Interface().(type) {
	case *time.Time:
		*x = time.Date(2026, 4, 20, 1, 12, 34, 0, time.UTC)
		return
	case **parsers.Skipped:
		*x = &parsers.Skipped{Line: 3, Text: next(), Why: next()}
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(next())
	case reflect.Int, reflect.Int64:
		v.SetInt(1234567)
	case reflect.Float64:
		v.SetFloat(0.97)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Field(i); f.CanInterface() { // no renderer sees an unexported one
				fill(f, next)
			}
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			fill(v.Index(i), next)
		}
	}
}
