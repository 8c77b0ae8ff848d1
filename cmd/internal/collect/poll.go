package collect

import (
	"context"
	"io"
	"time"
)

// Poller is what is asked again and again, as one perpetual source: an answer at once, and then one every so often.
type Poller struct {
	ctx  context.Context
	ask  func(context.Context) []byte
	tick *time.Ticker
	rest []byte
	more bool // it has been asked before
}

// Poll asks until ctx ends. An answer is whole lines, the first of them the date; ask reports its own troubles.
func Poll(ctx context.Context, every time.Duration, ask func(context.Context) []byte) *Poller {
	return &Poller{ctx: ctx, ask: ask, tick: time.NewTicker(every)}
}

// Read gives one answer, or as much of it as p takes.
func (p *Poller) Read(b []byte) (int, error) {
	for len(p.rest) == 0 {
		if p.more {
			select {
			case <-p.ctx.Done():
			case <-p.tick.C:
			}
		}
		p.more = true
		if p.ctx.Err() != nil {
			p.tick.Stop()
			return 0, io.EOF
		}
		p.rest = p.ask(p.ctx)
	}
	n := copy(b, p.rest)
	p.rest = p.rest[n:]
	return n, nil
}

// dateLine is what the parsers date an answer by, to the millisecond and in the host's zone, which other logs may leave out.
func dateLine(t time.Time) string {
	return t.Format("2006-01-02T15:04:05.000Z07:00") + "\n"
}
