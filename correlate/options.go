package correlate

import "time"

// Options are what the user knows better than the files: zones that no line tells, and the window to judge.
type Options struct {
	HostZone  *time.Location            // of every file whose zone is unknown (--host-tz); nil = infer it
	FileZones map[string]*time.Location // by file name or path.Match pattern (--tz); before HostZone
	Since     time.Time                 // zero = from the first record
	Until     time.Time                 // zero = to the last record
}
