package main

import (
	"bufio"
	"bytes"
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"culprit/cmd/internal/collect"
	"culprit/parsers"
)

// headSize is what a format is recognised by.
const headSize = 64 << 10

// maxLogSettings bounds what is kept of one configuration: hosting panels write two lines for each of some 1,000 sites.
const maxLogSettings = 10_000

// census is what must be known of all files before one is read.
type census struct {
	settings map[string][]parsers.Record // what nginx's configurations say about logs, by host
	all      *parsers.Hints              // of every host
	byHost   map[string]*parsers.Hints
	twins    map[string]twin // by the name of the file that repeats another
	formats  map[string]format
	zones    map[string]*time.Location   // by host, as its clock names it
	offsets  map[string]map[int64]bool   // by host, in seconds east of UTC, where its clock shows no more
	told     func(string) *time.Location // by file, as the user does; nil = not asked
}

// format is what a file was taken for by its own content; to look twice would cost as much as reading a small file.
type format struct {
	parser parsers.Parser
	known  bool
}

// takeCensus looks at the beginning of every file; of archives that are not unfolded it has to read past everything.
func (d *driver) takeCensus(ctx context.Context) error {
	d.units = collect.Unfold(ctx, d.units)
	var mu sync.Mutex
	c := census{settings: map[string][]parsers.Record{}, formats: map[string]format{}, zones: map[string]*time.Location{}, offsets: map[string]map[int64]bool{}}
	seen := make([][]*candidate, len(d.units))
	err := eachUnit(ctx, d.workers, d.units, func(_, i int) error {
		u := d.units[i]
		var logs []*candidate
		settings := map[string][]parsers.Record{}
		formats := map[string]format{}
		zones, offsets := map[string]*time.Location{}, map[string]map[int64]bool{}
		err := u.Each(ctx, func(in collect.Input) error {
			if in.Err != nil {
				return nil
			}
			br := bufio.NewReaderSize(in.R, headSize)
			head, _ := br.Peek(headSize)
			p, ok := parsers.ByName(in.Format)
			if !ok {
				p, ok, br = detectSource(br, in.Name, head)
			}
			formats[in.Name] = format{p, ok}
			if ok && p.Name == "nginx-conf" {
				src := &parsers.Source{Name: in.Name, Host: in.Host, Head: head, R: br}
				settings[in.Host] = append(settings[in.Host], logSettings(src)...)
				return ctx.Err()
			}
			if ok && tellsZone[p.Name] {
				z, seen := clockZone(p, &parsers.Source{Name: in.Name, Host: in.Host, Head: head, R: bytes.NewReader(head)})
				if z != nil {
					zones[in.Host] = z
				}
				join(offsets, in.Host, seen)
			}
			if len(head) > 0 {
				c := newCandidate(u, in, head, format{p, ok})
				if c.alone() || isLog(p, ok, in, head) { // whether a file that can be opened again is a log is asked when another begins alike
					logs = append(logs, c)
					c.hashMember(br)
				}
			}
			return ctx.Err()
		})
		mu.Lock()
		defer mu.Unlock()
		seen[i] = logs
		maps.Copy(c.formats, formats)
		maps.Copy(c.zones, zones)
		for host, seen := range offsets {
			join(c.offsets, host, seen)
		}
		for host, s := range settings {
			c.settings[host] = append(c.settings[host], s...)
		}
		return err
	})
	if err != nil {
		return err
	}
	c.gather()
	c.twins, err = findTwins(ctx, slices.Concat(seen...))
	d.census = c
	return err
}

// gather puts the formats in order: which file was read first must not show.
func (c *census) gather() {
	c.all = &parsers.Hints{}
	c.byHost = map[string]*parsers.Hints{}
	for _, host := range slices.Sorted(maps.Keys(c.settings)) {
		settings := c.settings[host]
		slices.SortStableFunc(settings, func(a, b parsers.Record) int { return a.At.Compare(b.At) })
		formats := parsers.LogFormats(settings...)
		c.byHost[host] = &parsers.Hints{LogFormats: formats}
		c.all.LogFormats = append(c.all.LogFormats, formats...)
	}
}

// hintsFor gives what the host's own configuration says; a file of a host without one may follow any.
func (c *census) hintsFor(host string) *parsers.Hints {
	if h, ok := c.byHost[host]; ok && host != "" {
		return h
	}
	return c.all
}

// hintsTo are hintsFor with the zone of what names none: the user's, that of its own host's clock, that of the only clock, the one offset that its
// clock has shown.
func (c *census) hintsTo(file, host string) *parsers.Hints {
	h := c.hintsFor(host)
	var zone *time.Location
	if c.told != nil {
		zone = c.told(file)
	}
	if zone == nil {
		zone = c.zones[host]
	}
	if zone == nil && len(c.zones) == 1 {
		for _, zone = range c.zones {
		}
	}
	if seen := c.offsets[host]; zone == nil && len(c.zones) == 0 && len(seen) == 1 {
		for east := range seen {
			zone = time.FixedZone("", int(east))
		}
	}
	if zone == nil {
		return h
	}
	with := parsers.Hints{Zone: zone}
	if h != nil {
		with.LogFormats = h.LogFormats
	}
	return &with
}

// tellsZone are the formats that hold what the host's own clock printed.
var tellsZone = map[string]bool{"clock": true, "redis-info": true, "transcript": true}

// clockZone is the zone that timedatectl names, and else the offsets of what date printed; a bare abbreviation stands for several.
func clockZone(p parsers.Parser, src *parsers.Source) (zone *time.Location, offsets map[int64]bool) {
	offsets = map[int64]bool{}
	_ = safely(p.Name, func() error { // the reading will tell
		return parsers.Read(p, src, func(r parsers.Record) {
			f, ok := r.Fact.(*parsers.ClockReading)
			if !ok || f.From == "file-name" {
				return
			}
			if f.OffsetS.OK {
				offsets[f.OffsetS.N] = true
			}
			if zone == nil && (strings.Contains(f.Zone, "/") || f.Zone == "UTC" && p.Name == "clock") {
				if z, err := time.LoadLocation(f.Zone); err == nil {
					zone = z
				}
			}
		})
	})
	return zone, offsets
}

func join(all map[string]map[int64]bool, host string, seen map[int64]bool) {
	if all[host] == nil {
		all[host] = map[int64]bool{}
	}
	maps.Copy(all[host], seen)
}

// detect recognises a file, also one whose format only an nginx.conf of the input tells.
func (c *census) detect(name string, head []byte, hints *parsers.Hints) (parsers.Parser, bool) {
	f, seen := c.formats[name]
	if !seen {
		f.parser, f.known = parsers.Detect(name, head)
	}
	p, ok := f.parser, f.known
	if ok || hints == nil || len(hints.LogFormats) == 0 {
		return p, ok
	}
	access, ok := parsers.ByName("nginx-access")
	if !ok {
		return p, false
	}
	if i := bytes.LastIndexByte(head, '\n'); i >= 0 {
		head = head[:i+1] // whole lines
	}
	src := &parsers.Source{Name: name, Head: head, R: bytes.NewReader(head), Hints: hints}
	facts := 0
	err := safely(access.Name, func() error {
		return parsers.Read(access, src, func(parsers.Record) { facts++ })
	})
	return access, err == nil && facts > src.Skipped
}

// isLog says whether a file is a log, whose lines must not be counted twice, rather than a state: a configuration or a
// listing may stand in two places, and means something in each. A state's records carry no time.
func isLog(p parsers.Parser, known bool, in collect.Input, head []byte) bool {
	if !known || p.Line != nil {
		return true
	}
	records, dated := 0, 0
	src := &parsers.Source{Name: in.Name, Host: in.Host, ModTime: in.ModTime, Head: head, R: bytes.NewReader(head)}
	_ = safely(p.Name, func() error {
		return parsers.Read(p, src, func(r parsers.Record) {
			records++
			if r.Clock != parsers.NoClock {
				dated++
			}
		})
	})
	return records == 0 || dated > 0
}

// logSettings reads what an nginx.conf says about logs. They are copied, since a record is lent.
func logSettings(src *parsers.Source) []parsers.Record {
	conf, _ := parsers.ByName("nginx-conf")
	var kept []parsers.Record
	_ = safely(conf.Name, func() error { // the reading will tell
		return parsers.Read(conf, src, func(r parsers.Record) {
			if s, ok := r.Fact.(*parsers.Setting); ok && (s.Name == "log_format" || s.Name == "access_log") && len(kept) < maxLogSettings {
				s := *s
				s.Args = slices.Clone(s.Args)
				kept = append(kept, parsers.Record{At: r.At, Fact: &s})
			}
		})
	})
	return kept
}
