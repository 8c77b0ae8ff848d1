package parsers

import (
	"bytes"
	"time"
)

// accessClock turns the times of access logs into instants. It is the hot path's only state: consecutive lines share their
// minute and zone, so the calendar is computed once a minute; in a busy log they share their second.
type accessClock struct {
	last   [clfLen]byte
	at     time.Time // what last says
	minute [17]byte  // "20/Apr/2026:10:45"
	zone   [5]byte   // "+0800"
	base   int64     // unix seconds of that minute in that zone
	loc    *time.Location
}

// clfLen is the length of "20/Apr/2026:10:45:12 +0800".
const clfLen = 26

// clf reads "20/Apr/2026:10:45:12 +0800" from the start of b ($time_local, Apache's %t).
func (c *accessClock) clf(b []byte) (time.Time, bool) {
	if len(b) < clfLen || b[17] != ':' || b[20] != ' ' {
		return time.Time{}, false
	}
	if string(b[:clfLen]) == string(c.last[:]) {
		return c.at, true
	}
	sec := twoDigits(b[18:])
	if sec < 0 || sec > 60 { // 60: a leap second
		return time.Time{}, false
	}
	if string(b[:17]) != string(c.minute[:]) || string(b[21:26]) != string(c.zone[:]) {
		base, ok := clfMinute(b[:17])
		off, n := parseZone(b[21:26])
		if !ok || n != 5 {
			return time.Time{}, false
		}
		copy(c.minute[:], b[:17])
		copy(c.zone[:], b[21:26])
		c.base = base - int64(off/time.Second)
		c.loc = time.FixedZone("", int(off/time.Second))
	}
	c.at = time.Unix(c.base+int64(sec), 0).In(c.loc) // the zone tells correlate in which one this nginx writes
	copy(c.last[:], b)
	return c.at, true
}

// clfLocal reads a CLF time that lacks its zone: "31/Jan/2015:14:29:44".
func clfLocal(b []byte) (time.Time, bool) {
	if len(b) < 20 || b[17] != ':' {
		return time.Time{}, false
	}
	base, ok := clfMinute(b[:17])
	sec := twoDigits(b[18:])
	if !ok || sec < 0 || sec > 60 {
		return time.Time{}, false
	}
	return time.Unix(base+int64(sec), 0).UTC(), true
}

// clfMinute reads "20/Apr/2026:10:45" as if it were UTC.
func clfMinute(b []byte) (int64, bool) {
	if b[2] != '/' || b[6] != '/' || b[11] != ':' || b[14] != ':' {
		return 0, false
	}
	day, century, year := twoDigits(b), twoDigits(b[7:]), twoDigits(b[9:])
	hour, minute := twoDigits(b[12:]), twoDigits(b[15:])
	month := englishMonth(b[3:6])
	if day < 1 || day > 31 || century < 0 || year < 0 || hour < 0 || hour > 23 || minute < 0 || minute > 59 || month == 0 {
		return 0, false
	}
	return time.Date(century*100+year, month, day, hour, minute, 0, 0, time.UTC).Unix(), true
}

// loggedEpoch reads "1795284664.318" ($msec): seconds, or milli-, micro- or nanoseconds by their size (10, 13, 16 and 19
// digits between 2001 and 2286).
func loggedEpoch(b []byte) (time.Time, bool) {
	whole, frac := b, []byte(nil)
	if i := bytes.IndexByte(b, '.'); i >= 0 {
		whole, frac = b[:i], b[i+1:]
	}
	n, rest := leadingInt(whole)
	if n < 0 || len(rest) > 0 {
		return time.Time{}, false
	}
	nanos := int64(0)
	for i, scale := 0, int64(100_000_000); i < len(frac); i, scale = i+1, scale/10 {
		if !isDigit(frac[i]) {
			return time.Time{}, false
		}
		nanos += int64(frac[i]-'0') * scale
	}
	switch len(whole) {
	case 9, 10:
		return time.Unix(n, nanos).UTC(), true
	case 13:
		return time.UnixMilli(n).UTC(), true
	case 16:
		return time.UnixMicro(n).UTC(), true
	case 19:
		return time.Unix(0, n).UTC(), true
	}
	return time.Time{}, false
}
