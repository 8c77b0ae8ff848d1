package correlate

import (
	"cmp"
	"slices"

	"culprit/parsers"
)

// keyFold sums the keys of listings and samples by file and prefix.
type keyFold map[keyPrefix]*keySum

type keyPrefix struct{ file, prefix string }

type keySum struct {
	keys, ttlKnown, noTTL int64
	minTTL, maxTTL        int64
	bytes, bytesKnown     int64
	first, noTTLLine      example
	name                  string
	value                 example // the first key that is shown with its value, and its length
	valueLen              int64
}

func (k keyFold) add(r parsers.Record, f *parsers.Key) {
	key := keyPrefix{r.At.File, parsers.KeyPrefix(f.Name)}
	s := k[key]
	if s == nil {
		s = &keySum{}
		k[key] = s
	}
	if f.TTL.OK && f.TTL.N == -2 {
		return // expired between SCAN and TTL
	}
	s.keys++
	s.first.offer(&r)
	if s.name == "" || f.Name < s.name {
		s.name = f.Name
	}
	if f.Value != "" && f.Len.OK {
		before := s.value.at
		if s.value.offer(&r); s.value.at != before {
			s.valueLen = f.Len.N
		}
	}
	switch {
	case !f.TTL.OK:
	case f.TTL.N < 0:
		s.ttlKnown++
		s.noTTL++
		s.noTTLLine.offer(&r)
	default:
		if s.ttlKnown == s.noTTL || f.TTL.N < s.minTTL {
			s.minTTL = f.TTL.N
		}
		s.maxTTL = max(s.maxTTL, f.TTL.N)
		s.ttlKnown++
	}
	if f.Bytes.OK {
		s.bytes += f.Bytes.N
		s.bytesKnown++
	}
}

func (k keyFold) merge(o keyFold) {
	for key, s := range o {
		have := k[key]
		if have == nil {
			k[key] = s
			continue
		}
		if s.ttlKnown > s.noTTL {
			if have.ttlKnown == have.noTTL || s.minTTL < have.minTTL {
				have.minTTL = s.minTTL
			}
			have.maxTTL = max(have.maxTTL, s.maxTTL)
		}
		have.keys += s.keys
		have.ttlKnown += s.ttlKnown
		have.noTTL += s.noTTL
		have.bytes += s.bytes
		have.bytesKnown += s.bytesKnown
		before := have.value.at
		if have.value.merge(s.value); have.value.at != before {
			have.valueLen = s.valueLen
		}
		have.first.merge(s.first)
		have.noTTLLine.merge(s.noTTLLine)
		if have.name == "" || s.name != "" && s.name < have.name {
			have.name = s.name
		}
	}
}

// KeyGroup is what a listing or a dump says of the keys of one prefix.
type KeyGroup struct {
	File, Prefix          string
	Keys, TTLKnown, NoTTL int64
	MinTTLS, MaxTTLS      parsers.Opt
	BytesPerKey           parsers.Opt
	Example               string
	Evidence              Evidence // a key without TTL when there is one
	Whole                 bool     // counts of the whole keyspace (dump.rdb), not a sample
	Largest               *LargestKey
}

// LargestKey is what a summary of big keys (redis-cli --bigkeys, --memkeys) names as the one to look at.
type LargestKey struct {
	Name, Type string
	Len, Bytes parsers.Opt // elements; what it takes, where that was measured
	Evidence   Evidence
}

// nameless is a key's name without the session id in it.
func nameless(key string) string { return string(parsers.BlankSessionIDs([]byte(key))) }

// keyGroups lists the groups by keys, most first.
func (t *Timeline) keyGroups() []KeyGroup {
	var all []KeyGroup
	for key, s := range t.keys {
		g := KeyGroup{File: key.file, Prefix: key.prefix, Keys: s.keys, TTLKnown: s.ttlKnown, NoTTL: s.noTTL,
			Example: nameless(s.name), Evidence: s.first.evidence("")}
		if s.ttlKnown > s.noTTL {
			g.MinTTLS, g.MaxTTLS = parsers.Some(s.minTTL), parsers.Some(s.maxTTL)
		}
		if s.bytesKnown > 0 {
			g.BytesPerKey = parsers.Some(s.bytes / s.bytesKnown)
		}
		if s.noTTL > 0 {
			g.Evidence = s.noTTLLine.evidence("")
		}
		all = append(all, g)
	}
	for _, s := range t.groups {
		f := s.fact
		g := KeyGroup{File: s.at.File, Prefix: f.Prefix, Keys: f.Keys, Example: nameless(f.Example), Whole: true,
			MaxTTLS: f.MaxTTLS, Evidence: Evidence{File: s.at.File, Line: s.at.Line, Text: s.text}}
		if f.Largest != "" {
			g.Largest = &LargestKey{f.Largest, f.LargestType, f.LargestLen, f.LargestBytes, Evidence{File: s.at.File, Line: f.LargestLine}}
		}
		if f.NoTTL.OK {
			g.TTLKnown, g.NoTTL = f.Keys, f.NoTTL.N
		}
		if f.Bytes.OK && f.Keys > 0 {
			g.BytesPerKey = parsers.Some(f.Bytes.N / f.Keys)
		}
		all = append(all, g)
	}
	slices.SortFunc(all, func(a, b KeyGroup) int {
		return cmp.Or(-cmp.Compare(a.Keys, b.Keys), cmp.Compare(a.File, b.File), cmp.Compare(a.Prefix, b.Prefix))
	})
	return all
}

// values lists the values shown, one a prefix.
func (t *Timeline) values() []Value {
	var out []Value
	for _, s := range t.keys {
		if s.value.at.File != "" {
			out = append(out, Value{Key: nameless(s.name), Len: s.valueLen, Ev: s.value.evidence("")})
		}
	}
	slices.SortFunc(out, func(a, b Value) int {
		return cmp.Or(cmp.Compare(a.Ev.File, b.Ev.File), cmp.Compare(a.Ev.Line, b.Ev.Line))
	})
	return out
}
