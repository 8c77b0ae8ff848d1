package main

import (
	"runtime/debug"
	"sync"
	"sync/atomic"
)

// The collector's pace. A report of small files is done before much more than 16 MiB are full: collecting every 4, Go's own
// pace, took a third of its time. Over a large log what is kept reaches its bound early and then hardly changes: there little
// garbage costs nothing, and the peak is a third lower. What is large is told while it is read, since files are packed ten to
// one or not at all: the slow start of an incident with 5 MB of logs collected 88 times.
const (
	paceOfSmall = 400
	paceOfStart = 100 // of a large input: at the pace of a small one 67 MiB are full before it is known to be none
	paceOfLarge = 20
	paceOfRest  = 5        // of judging, which leaves a core idle
	largeInput  = 32 << 20 // bytes read, unpacked
)

// pacer collects sooner once much was read.
type pacer struct {
	read atomic.Int64
	once sync.Once
}

func (p *pacer) add(n int) {
	if p.read.Add(int64(n)) > largeInput {
		p.once.Do(func() { debug.SetGCPercent(paceOfLarge) })
	}
}

// rest gives back what reading something large has left free, before what is judged makes its own peak on top of it.
func (p *pacer) rest() {
	if p.read.Load() > largeInput {
		debug.SetGCPercent(paceOfRest)
		debug.FreeOSMemory()
	}
}
