package main

import (
	"bufio"
	"context"
	"fmt"

	"culprit/cmd/internal/collect"
	"culprit/parsers"
)

// addApp adds those source files of the application's folder that write to Redis, as if they were part of the input. The
// thousands of others say nothing about the incident and are not listed.
func (d *driver) addApp(ctx context.Context, dir string) error {
	units, skipped, err := collect.Sources(dir, d.units)
	if err != nil {
		d.bad = append(d.bad, fmt.Sprintf("--app %s: %v", dir, err))
		return nil
	}
	writes := make([]bool, len(units))
	err = eachUnit(ctx, d.workers, units, func(_, i int) error {
		return units[i].Each(ctx, func(in collect.Input) error {
			if in.Err != nil {
				writes[i] = true // the reading will tell why it could not be read
				return ctx.Err()
			}
			head, _ := bufio.NewReaderSize(in.R, headSize).Peek(headSize)
			p, ok := parsers.Detect(in.Name, head)
			writes[i] = ok && p.Name == "app-code"
			return ctx.Err()
		})
	})
	if err != nil {
		return err
	}
	for i, u := range units {
		if writes[i] {
			d.units = append(d.units, u)
		}
	}
	d.appSkipped = skipped
	return nil
}
