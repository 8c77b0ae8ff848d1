package correlate

import (
	"bytes"
	"fmt"
	"maps"
	"net/netip"
	"reflect"
	"slices"
	"testing"
	"time"
	"unsafe"

	"github.com/google/go-cmp/cmp"

	"culprit/parsers"
)

// filler makes values in which nothing is zero, unexported fields included, and no two numbers are the same.
type filler struct{ n int64 }

func (f *filler) fill(v reflect.Value) {
	f.n++
	switch p := v.Addr().Interface().(type) {
	case *time.Time:
		*p = time.Unix(1_700_000_000+f.n, f.n).In(time.FixedZone("", int(f.n%24)*1800))
		return
	case *netip.Addr:
		*p = netip.AddrFrom4([4]byte{192, 0, 2, byte(f.n)})
		return
	case *histogram:
		p[0], p[len(p)-1] = uint32(f.n), uint32(f.n+1)
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(fmt.Sprintf("%s %d", v.Type().Name(), f.n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(f.n)
	case reflect.Uint8:
		v.SetUint(uint64(f.n%3 + 1))
	case reflect.Uint16, reflect.Uint32:
		v.SetUint(uint64(f.n))
	case reflect.Float64:
		v.SetFloat(float64(f.n) + 0.5)
	case reflect.Struct:
		for i := range v.NumField() {
			field := v.Field(i)
			f.fill(reflect.NewAt(field.Type(), unsafe.Pointer(field.UnsafeAddr())).Elem())
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		f.fill(v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		f.fill(v.Index(0))
		f.fill(v.Index(1))
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		f.fill(key)
		f.fill(value)
		v.SetMapIndex(key, value)
	default:
		panic("cannot fill a " + v.Type().String())
	}
}

// codes tells that a value whose every field is set comes back as it was: a field that is added to a fold and not to its
// code shows here.
func codes[T any](t *testing.T, code func(*coder, *T)) {
	t.Helper()
	var in, out T
	(&filler{}).fill(reflect.ValueOf(&in).Elem())
	var b bytes.Buffer
	w := newWriter(&b)
	if code(w, &in); w.err != nil || w.w.Flush() != nil {
		t.Errorf("write %T: %v", in, w.err)
		return
	}
	r := newReader(&b, "")
	if code(r, &out); r.err != nil {
		t.Errorf("read %T: %v", in, r.err)
		return
	}
	if diff := cmp.Diff(in, out, everything...); diff != "" {
		t.Errorf("%T is not coded whole: -written +read\n%s", in, diff)
	}
}

// everything compares unexported fields too, and times with their zones.
var everything = []cmp.Option{
	cmp.Exporter(func(reflect.Type) bool { return true }),
	cmp.Comparer(func(a, b time.Time) bool { return a.Format(time.RFC3339Nano) == b.Format(time.RFC3339Nano) }),
	cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
}

func TestDigestCodesEveryField(t *testing.T) {
	codes(t, (*coder).span)
	codes(t, (*coder).stamp)
	codes(t, (*coder).window)
	codes(t, (*coder).thinning)
	codes(t, (*coder).example)
	codes(t, (*coder).pos)
	codes(t, (*coder).keyFold)
	codes(t, (*coder).errorFold)
	codes(t, func(c *coder, a *actorSum) {
		c.str(&a.agent) // which clientSet codes by number
		c.actorSum(a)
		if c.w != nil {
			a.net = 0 // which clientSet makes anew
		}
	})
	codes(t, (*coder).routeSum)
	codes(t, (*coder).statusCell)
	codes(t, (*coder).histogram)
}

// quick are what a fold remembers to be quick, and what a reader makes anew.
var quick = map[reflect.Type][]string{
	reflect.TypeFor[Timeline](): {"since", "until", "lastSpan", "lastFile", "lastTime", "newest"},
	reflect.TypeFor[webFold](): {"limits", "clients", "held", "one", "routeRun", "grew", "lastFile", "lastTime", "lastWindow", "minute", "routeBin",
		"lastStatus", "agents", "walk", "buf"},
	reflect.TypeFor[clientSet](): {"limits", "programs", "running", "index", "addrs", "lines", "grew", "start", "bin", "byNet", "weighed", "passed"},
}

// A fold into which one of everything went comes back with every field that is not quick as it was.
func TestDigestCodesTheFold(t *testing.T) {
	fold := oneOfEverything(t)
	var b bytes.Buffer
	if err := fold.WriteDigest(&b); err != nil {
		t.Fatal(err)
	}
	back, err := ReadDigest(bytes.NewReader(b.Bytes()), "", "")
	if err != nil {
		t.Fatal(err)
	}
	same(t, reflect.ValueOf(fold).Elem(), reflect.ValueOf(back).Elem())
	same(t, reflect.ValueOf(fold.web).Elem(), reflect.ValueOf(back.web).Elem())
	same(t, reflect.ValueOf(&fold.visitors.people).Elem(), reflect.ValueOf(&back.visitors.people).Elem())
	var again bytes.Buffer
	if err := back.WriteDigest(&again); err != nil || !bytes.Equal(again.Bytes(), b.Bytes()) {
		t.Errorf("written again it has other bytes (%d of %d, %v)", again.Len(), b.Len(), err)
	}
	if was, is := &fold.visitors.people, &back.visitors.people; is.index.n != was.index.n || is.index.n != len(is.actor) {
		t.Errorf("%d clients are found again, of %d", is.index.n, was.index.n)
	}
	for i, was := range fold.visitors.people.running {
		if is := back.visitors.people.running[i]; is.route != was.route || is.thin != was.thin || is.last != was.last || is.key != was.key {
			t.Errorf("client %d: %+v, was %+v", i, is, was)
		}
	}
}

// same compares two structs field by field, and wants something in each.
func same(t *testing.T, a, b reflect.Value) {
	t.Helper()
	for i := range a.NumField() {
		name := a.Type().Field(i).Name
		if slices.Contains(quick[a.Type()], name) || a.Field(i).Type() == reflect.TypeFor[*webFold]() || a.Field(i).Type() == reflect.TypeFor[*clientFold]() {
			continue
		}
		x, y := opened(a.Field(i)), opened(b.Field(i))
		if x.IsZero() || x.Kind() == reflect.Slice && x.Len() == 0 || x.Kind() == reflect.Map && x.Len() == 0 {
			t.Errorf("%s.%s: nothing in it to be compared: see oneOfEverything", a.Type(), name)
		}
		// Tables lie in memory by their history.
		if diff := cmp.Diff(contents(x), contents(y), everything...); diff != "" {
			t.Errorf("%s.%s: -written +read\n%.2000s", a.Type(), name, diff)
		}
	}
}

// opened makes a field readable that is not exported.
func opened(v reflect.Value) reflect.Value {
	return reflect.NewAt(v.Type(), unsafe.Pointer(v.UnsafeAddr())).Elem()
}

// contents are what a table holds, and the names of an intern; other values are themselves.
func contents(v reflect.Value) any {
	switch x := v.Addr().Interface().(type) {
	case *table[cell]:
		return maps.Collect(x.all())
	case *table[int64]:
		return maps.Collect(x.all())
	case *table[uint32]:
		return maps.Collect(x.all())
	case *table[soloRoute]:
		return maps.Collect(x.all())
	case *intern:
		return x.names
	}
	return v.Interface()
}

// oneOfEverything folds a filled fact of every kind, and requests enough to have every part of a web fold in use.
func oneOfEverything(t *testing.T) *Timeline {
	t.Helper()
	f := &filler{}
	fold := NewTimeline()
	limits := defaultLimits
	limits.sites = 4 // coarse grains, and clients let go, have fields of their own
	fold.web.limits = &limits
	people := clientLimits{exact: 40, clients: 60, cells: 50, firsts: 60}
	fold.visitors.people.limits = &people
	add := func(fact parsers.Fact, clock parsers.Clock) {
		f.n++
		fold.Add(parsers.Record{Time: time.Unix(1_776_000_000+f.n*60, 0).UTC(), Clock: clock, SinceBoot: time.Duration(f.n) * time.Second, HasBoot: true,
			At: parsers.Pos{File: fmt.Sprintf("file %d", f.n%3), Line: int(f.n)}, Raw: []byte(fmt.Sprintf("raw %d", f.n)), Fact: fact})
	}
	for _, fact := range []parsers.Fact{
		&parsers.OOMKill{}, &parsers.KernelEvent{}, &parsers.ServiceEvent{}, &parsers.CronRun{}, &parsers.CronJob{}, &parsers.RedisInfo{}, &parsers.RedisEvent{},
		&parsers.SlowCommand{}, &parsers.RedisClient{}, &parsers.HostMemory{}, &parsers.ClockReading{}, &parsers.Process{}, &parsers.Container{}, &parsers.Setting{},
		&parsers.ConfigText{}, &parsers.PoolEvent{}, &parsers.AppEvent{}, &parsers.Deploy{}, &parsers.AppCode{}, &parsers.KeyGroup{}, &parsers.Key{}, &parsers.WebError{},
		&parsers.DBQuery{}, &parsers.WebStatus{}, &parsers.DiskUse{},
	} {
		f.fill(reflect.ValueOf(fact).Elem())
		add(fact, parsers.LocalClock)
	}
	for i := range 120 {
		add(&parsers.Access{
			Client: fmt.Appendf(nil, "198.51.%d.%d", i, i), Agent: fmt.Appendf(nil, "Mozilla/5.0 (X11) Firefox/%d", i), AgentLogged: true,
			Path: fmt.Appendf(nil, "/words%c%c/%d", 'a'+i%26, 'a'+i/26, i), Status: []int{200, 500, 404}[i%3], Referer: fmt.Appendf(nil, "https://shop%d.example.com/", i%5),
		}, parsers.ZonedClock)
	}
	in := Input{}
	f.fill(reflect.ValueOf(&in).Elem())
	in.DuplicateOf = ""
	fold.AddInput(in)
	fold.thinned = thinning{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13}
	return fold
}

// A digest that was cut, or whose bytes were changed, is an error or a fold; never a panic, and never much memory.
func TestDigestOfAStranger(t *testing.T) {
	var b bytes.Buffer
	if err := oneOfEverything(t).WriteDigest(&b); err != nil {
		t.Fatal(err)
	}
	whole := b.Bytes()
	for n := 0; n < len(whole); n += 97 {
		if _, err := ReadDigest(bytes.NewReader(whole[:n]), "", ""); err == nil {
			t.Errorf("%d bytes of %d make a whole fold", n, len(whole))
		}
	}
	if _, err := ReadDigest(bytes.NewReader(append(bytes.Clone(whole), 0)), "", ""); err == nil {
		t.Error("a byte behind the end is nothing")
	}
	step := 1
	if testing.Short() {
		step = 13
	}
	for i := 0; i < len(whole); i += step {
		changed := bytes.Clone(whole)
		changed[i] ^= 0xff
		if fold, err := ReadDigest(bytes.NewReader(changed), "", ""); err == nil {
			fold.Incident(time.Unix(1_776_000_000, 0), Options{})
		}
	}
}
