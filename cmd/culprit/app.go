package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"

	"culprit/cmd/internal/collect"
	"culprit/parsers"
)

// addApp adds those files of the application's folder that write to Redis or set its sessions, as if they were part of the
// input. The thousands of others say nothing about the incident and are not listed.
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
			br := bufio.NewReaderSize(in.R, headSize)
			head, _ := br.Peek(headSize)
			p, ok, _ := detectSource(br, in.Name, head)
			writes[i] = ok && ofSessions(p.Name, head)
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

// ofSessions keeps the files of a framework's other settings out.
func ofSessions(format string, head []byte) bool {
	switch format {
	case "app-code", "magento-env", "magento-xml":
		return true
	case "php-config", "dotenv", "php-ini", "spring-yml":
		return bytes.Contains(bytes.ToLower(head), []byte("session"))
	}
	return false
}

// maxSource is how far into a file of source code its calls of Redis are looked for; collect leaves out what is longer.
const maxSource = 1 << 20

// detectSource is parsers.Detect, which sees only a file's beginning: source code may come to Redis further down. rest reads
// the file from where br stood.
func detectSource(br *bufio.Reader, name string, head []byte) (p parsers.Parser, ok bool, rest *bufio.Reader) {
	p, ok = parsers.Detect(name, head)
	if ok || len(head) < headSize || !parsers.IsSource(name, head) {
		return p, ok, br
	}
	text, _ := io.ReadAll(io.LimitReader(br, maxSource)) // a file that breaks off is told when it is read
	p, ok = parsers.Detect(name, text)
	return p, ok, bufio.NewReaderSize(io.MultiReader(bytes.NewReader(text), br), headSize)
}
