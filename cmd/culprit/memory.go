package main

import "runtime/debug"

// The collector's pace. A report of small files is done before 16 MiB are full: collecting every 4, Go's own pace, took a
// third of its time. Over a large log what is kept reaches its bound early and then hardly changes: there little garbage
// costs nothing, and the peak is a third lower.
const (
	paceOfSmall = 400
	paceOfLarge = 25
	largeInput  = 4 << 20 // bytes as they lie on the disk, where they may be packed ten to one
)

func paceCollector(input int64) {
	pace := paceOfSmall
	if input > largeInput {
		pace = paceOfLarge
	}
	debug.SetGCPercent(pace)
}
