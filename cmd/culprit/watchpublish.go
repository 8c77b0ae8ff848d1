package main

import (
	"sync"

	"culprit/cmd/internal/report"
)

// publisher holds what a watch knows now, for whoever wants to show it: nobody is waited for.
type publisher struct {
	mu      sync.Mutex
	live    report.Live
	changed chan struct{} // closed by the next publish
}

func newPublisher() *publisher { return &publisher{changed: make(chan struct{})} }

// publish replaces what is known. It is not changed any more by the one who publishes.
func (p *publisher) publish(l report.Live) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.live = l
	close(p.changed)
	p.changed = make(chan struct{})
}

// latest gives what was published last, and what is closed when there is more.
func (p *publisher) latest() (report.Live, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.live, p.changed
}
