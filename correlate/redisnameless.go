package correlate

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"time"

	"culprit/parsers"
)

// Snapshots that name no port, in files whose names tell none, are taken for one server's, unless what they say forbids it.

// splitNameless tells servers apart whose series run side by side: a server does not become another for one snapshot and
// itself again.
func splitNameless(list []*Instance) []*Instance {
	var out []*Instance
	for _, in := range list {
		if in.Name != "" {
			out = append(out, in)
			continue
		}
		out = append(out, in.split()...)
	}
	slices.SortFunc(out, func(a, b *Instance) int {
		return cmp.Or(cmp.Compare(a.Host, b.Host), cmp.Compare(a.Name, b.Name))
	})
	return out
}

// maxSeries bounds the series compared with each other: a host runs a handful of servers.
const maxSeries = 16

func (in *Instance) split() []*Instance {
	all := seriesOf(in.Snapshots)
	if len(all) < 2 || len(all) > maxSeries {
		return []*Instance{in}
	}
	var servers [][][]Snapshot // the series of each
	for _, one := range all {
		i := slices.IndexFunc(servers, func(have [][]Snapshot) bool {
			return !slices.ContainsFunc(have, func(other []Snapshot) bool { return interrupts(one, other) || interrupts(other, one) })
		})
		if i < 0 {
			i, servers = len(servers), append(servers, nil)
		}
		servers[i] = append(servers[i], one)
	}
	if len(servers) == 1 {
		return []*Instance{in}
	}
	var out []*Instance
	for _, of := range servers {
		one := &Instance{Host: in.Host, Snapshots: slices.Concat(of...)}
		one.order()
		out = append(out, one)
	}
	slices.SortStableFunc(out, func(a, b *Instance) int { return cmp.Compare(b.largest(), a.largest()) })
	names := map[string]int{}
	for _, one := range out[1:] { // the largest stays without a name: what else names none is most likely of it
		one.Name = path.Base(one.Snapshots[0].Pos.File)
		if names[one.Name]++; names[one.Name] > 1 {
			one.Name += fmt.Sprintf(" (%d)", names[one.Name])
		}
	}
	return out
}

func (in *Instance) largest() (used int64) {
	for i := range in.Snapshots {
		used = max(used, in.Snapshots[i].Used.Or(0))
	}
	return used
}

// seriesOf gives the snapshots of each file, in order of time; where a file goes back in time, another begins.
func seriesOf(list []Snapshot) (all [][]Snapshot) {
	list = slices.Clone(list)
	slices.SortFunc(list, func(a, b Snapshot) int { return a.Pos.Compare(b.Pos) })
	from := 0
	for i := 1; i <= len(list); i++ {
		if i == len(list) || list[i].Pos.File != list[i-1].Pos.File || list[i].Placed && list[i-1].Placed && list[i].At.Before(list[i-1].At) {
			all = append(all, list[from:i])
			from = i
		}
	}
	return all
}

// interrupts: twice or more a snapshot of b stands between two of a that can be one server's, and can itself be neither's. Once
// may be a FLUSHALL that was made good from a dump.
func interrupts(b, a []Snapshot) bool {
	n := 0
	for i := range b {
		s := &b[i]
		next, _ := slices.BinarySearchFunc(a, s.At, func(x Snapshot, at time.Time) int { return x.At.Compare(at) })
		if !s.Placed || next == 0 || next == len(a) || !a[next-1].Placed {
			continue
		}
		before, behind := &a[next-1], &a[next]
		if oneServer(before, behind) && !oneServer(before, s) && !oneServer(s, behind) {
			n++
		}
	}
	return n > 1
}

// joinNameless folds a series without port into its sibling with one, when the two can be one server: where their times
// overlap, neighbouring snapshots must agree in limit and policy and lie within a fifth of each other in memory and keys.
func joinNameless(list []*Instance) []*Instance {
	if len(list) != 2 || list[0].Host != list[1].Host || list[0].Name != "" || !list[1].Port.OK {
		return list
	}
	nameless, named := list[0], list[1]
	for i := range nameless.Snapshots {
		a := &nameless.Snapshots[i]
		if b := nearest(named.Snapshots, a.At); a.Placed && b != nil && !oneServer(a, b) {
			return list
		}
	}
	named.Snapshots = append(named.Snapshots, nameless.Snapshots...)
	named.order()
	return list[1:]
}

// nearest is the placed snapshot closest to an instant, within an hour: further off nothing need agree.
func nearest(list []Snapshot, at time.Time) *Snapshot {
	var best *Snapshot
	for i := range list {
		s := &list[i]
		if d := s.At.Sub(at).Abs(); s.Placed && d <= time.Hour && (best == nil || d < best.At.Sub(at).Abs()) {
			best = s
		}
	}
	return best
}

func oneServer(a, b *Snapshot) bool {
	like := func(x, y parsers.Opt) bool {
		return !x.OK || !y.OK || 5*max(x.N-y.N, y.N-x.N) <= max(x.N, y.N, 5)
	}
	return like(a.Used, b.Used) && like(a.Keys, b.Keys) && (!a.Max.OK || !b.Max.OK || a.Max == b.Max) &&
		(a.Policy == "" || b.Policy == "" || a.Policy == b.Policy)
}
