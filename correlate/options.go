package correlate

import (
	"maps"
	"path"
	"slices"
	"time"
)

// Options are what the user knows better than the files: zones that no line tells, and the window to judge.
type Options struct {
	HostZone  *time.Location            // of every file whose zone is unknown (--host-tz); nil = infer it
	FileZones map[string]*time.Location // by file name or path.Match pattern (--tz); before HostZone
	Since     time.Time                 // zero = from the first record
	Until     time.Time                 // zero = to the last record
}

// ZoneOf is the zone that the user gave for a file, or for all that name none; nil = none.
func (o Options) ZoneOf(file string) *time.Location {
	if z := o.zoneOf(file); z != nil {
		return z
	}
	return o.HostZone
}

// zoneOf is the zone the user gave for a file: by its whole name, its base name, or a pattern of either.
func (o Options) zoneOf(file string) *time.Location {
	for _, pattern := range slices.Sorted(maps.Keys(o.FileZones)) {
		for _, name := range []string{file, path.Base(file)} {
			if ok, err := path.Match(pattern, name); pattern == name || err == nil && ok {
				return o.FileZones[pattern]
			}
		}
	}
	return nil
}
