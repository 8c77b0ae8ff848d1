package main

import (
	"bufio"
	"context"
	"fmt"
	"io"

	"culprit/cmd/internal/collect"
	"culprit/correlate"
	"culprit/parsers"
)

// headSize is what a format is recognised by.
const headSize = 64 << 10

// driver reads every input once and folds what it says.
type driver struct {
	units []*collect.Unit
	hints *parsers.Hints
	bad   []string // named on the command line and not readable
}

func newDriver(args []string, stdin io.Reader) *driver {
	return &driver{units: collect.List(args, stdin)}
}

// exitCode tells which inputs of the command line could not be read.
func (d *driver) exitCode(stderr io.Writer) int {
	for _, line := range d.bad {
		fmt.Fprintf(stderr, "culprit: %s\n", line)
	}
	if len(d.bad) > 0 {
		return exitUnreadable
	}
	return exitOK
}

// inOrder reads every input, one after the other, and hands on its records and then its summary.
func (d *driver) inOrder(ctx context.Context, record func(parsers.Record) error, done func(correlate.Input) error) error {
	for _, u := range d.units {
		err := u.Each(ctx, func(in collect.Input) error {
			sum, err := d.read(in, record)
			if err != nil {
				return err
			}
			if in.Err != nil && u.Named && in.Name == u.Name {
				d.bad = append(d.bad, fmt.Sprintf("%s: %v", u.Name, in.Err))
			}
			return done(sum)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (d *driver) read(in collect.Input, record func(parsers.Record) error) (correlate.Input, error) {
	sum := correlate.Input{File: in.Name, Host: in.Host, ModTime: in.ModTime}
	if in.Err != nil {
		sum.Err = in.Err.Error()
		return sum, nil
	}
	br := bufio.NewReaderSize(in.R, headSize)
	head, _ := br.Peek(headSize)
	src := &parsers.Source{Name: in.Name, Host: in.Host, ModTime: in.ModTime, R: br, Hints: d.hints}
	p, ok := parsers.Detect(in.Name, head)
	if ok {
		sum.Format = p.Name
	} else {
		p = parsers.Parser{Parse: func(src *parsers.Source, _ func(parsers.Record)) error {
			return parsers.EachLine(src, func([]byte, parsers.Pos) {})
		}}
	}
	var failed error
	err := parsers.Read(p, src, func(r parsers.Record) {
		sum.Facts++
		if failed == nil {
			failed = record(r)
		}
	})
	if err != nil {
		sum.Err = err.Error()
	}
	sum.Read, sum.Skipped, sum.FirstSkipped = src.Read, src.Skipped, src.FirstSkipped
	return sum, failed
}
