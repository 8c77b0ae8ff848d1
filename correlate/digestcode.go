package correlate

import (
	"bufio"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"reflect"
	"slices"
	"time"
)

// coder writes values or reads them: a fold names each of its fields once, and the two directions cannot drift apart. It
// keeps the first error, after which it does nothing. What it reads is a stranger's: nothing is made before its bytes came,
// and all that is made is counted against a budget.
type coder struct {
	w   *bufio.Writer // nil = reading
	r   *bufio.Reader
	err error

	ids    map[string]uint64 // strings that went by, when writing
	known  []string          // and when reading
	prefix string            // put in front of every file that is read
	files  map[string]bool   // that records were read of
	budget int64             // bytes that may yet be made
	buf    [binary.MaxVarintLen64]byte
}

const (
	maxDecoded  = 1 << 30 // bytes of memory: the largest fold takes some 150 MB
	maxString   = 1 << 20 // a configuration's text is the longest
	maxInterned = 1 << 20
	shortString = 128 // longer ones hardly come twice
)

func newWriter(w io.Writer) *coder {
	return &coder{w: bufio.NewWriterSize(w, 64<<10), ids: map[string]uint64{}}
}

func newReader(r io.Reader, prefix string) *coder {
	return &coder{r: bufio.NewReaderSize(r, 64<<10), prefix: prefix, files: map[string]bool{}, budget: maxDecoded}
}

func (c *coder) fail(format string, args ...any) {
	if c.err == nil {
		c.err = fmt.Errorf(format, args...)
	}
}

// spend takes n bytes off the budget.
func (c *coder) spend(n int64) bool {
	if c.budget -= n; c.budget < 0 {
		c.fail("would take more than %d MiB", maxDecoded>>20)
	}
	return c.err == nil
}

func (c *coder) uint(v *uint64) {
	if c.err != nil {
		return
	}
	if c.w != nil {
		_, c.err = c.w.Write(binary.AppendUvarint(c.buf[:0], *v))
		return
	}
	if *v, c.err = binary.ReadUvarint(c.r); errors.Is(c.err, io.EOF) {
		c.err = io.ErrUnexpectedEOF
	}
}

// nums codes numbers of any integer type; a number that its type cannot hold is refused.
func nums[T ~int | ~int64 | ~uint8 | ~uint16 | ~uint32](c *coder, list ...*T) {
	for _, p := range list {
		n := int64(*p)
		u := uint64(n)<<1 ^ uint64(n>>63)
		c.uint(&u)
		if c.w == nil {
			n = int64(u>>1) ^ -int64(u&1)
			if *p = T(n); int64(*p) != n {
				c.fail("the number %d where it cannot be", n)
			}
		}
	}
}

// maxSum is far above what any log counts, and low enough for a thousand of them to be added up.
const maxSum = 1 << 48

// sums codes numbers of things counted.
func sums[T ~int | ~int64](c *coder, list ...*T) {
	nums(c, list...)
	for _, p := range list {
		if *p < 0 || int64(*p) > maxSum {
			c.fail("a count of %d", *p)
			*p = 0
		}
	}
}

func (c *coder) float(v *float64) {
	u := math.Float64bits(*v)
	c.uint(&u)
	*v = math.Float64frombits(u)
}

func (c *coder) bool(v *bool) {
	u := uint64(boolIndex(*v))
	c.uint(&u)
	*v = u == 1
}

func (c *coder) str(s *string) {
	if c.err != nil {
		return
	}
	if c.w != nil {
		c.writeString(*s)
		return
	}
	var id, n uint64
	if c.uint(&id); c.err != nil {
		return
	}
	if id > 0 {
		if id > uint64(len(c.known)) {
			c.fail("a string that was not there")
			return
		}
		*s = c.known[id-1]
		return
	}
	if c.uint(&n); c.err == nil && n > maxString {
		c.fail("a string of %d bytes", n)
	}
	if !c.spend(int64(n) + 16) {
		return
	}
	b := make([]byte, n)
	if _, c.err = io.ReadFull(c.r, b); c.err != nil {
		return
	}
	if *s = string(b); n <= shortString && len(c.known) < maxInterned {
		c.known = append(c.known, *s)
	}
}

func (c *coder) writeString(s string) {
	if len(s) > maxString {
		s = s[:maxString]
	}
	id, n := c.ids[s], uint64(len(s))
	if c.uint(&id); id > 0 {
		return
	}
	if n <= shortString && len(c.ids) < maxInterned {
		c.ids[s] = uint64(len(c.ids) + 1)
	}
	if c.uint(&n); c.err == nil {
		_, c.err = c.w.WriteString(s)
	}
}

// name codes the name of an input.
func (c *coder) name(s *string) {
	if c.str(s); c.w == nil && c.prefix != "" && *s != "" {
		*s = c.prefix + *s
		c.spend(int64(len(*s)))
	}
}

// file codes the name of an input that there are records of.
func (c *coder) file(s *string) {
	if c.name(s); c.w == nil && *s != "" {
		c.files[*s] = true
	}
}

// The years 0 (no year was given) to 9999, in seconds.
const firstSecond, lastSecond = -62_167_219_200 - 48*3600, 253_402_300_799 + 48*3600

// instant keeps a time's zone, by its offset: clocks are read from it.
func (c *coder) instant(t *time.Time) {
	known := !t.IsZero()
	if c.bool(&known); !known {
		*t = time.Time{}
		return
	}
	sec, nsec := t.Unix(), t.Nanosecond()
	_, zone := t.Zone()
	utc := t.Location() == time.UTC
	c.bool(&utc)
	nums(c, &sec)
	nums(c, &nsec, &zone)
	if c.w != nil {
		return
	}
	if nsec < 0 || nsec >= 1e9 || zone <= -48*3600 || zone >= 48*3600 || sec < firstSecond || sec > lastSecond {
		c.fail("no time: %d.%d %+d", sec, nsec, zone)
		return
	}
	*t = time.Unix(sec, int64(nsec)).UTC()
	if !utc {
		*t = t.In(time.FixedZone("", zone))
	}
}

// length codes how many there are, plus one; 0 = nil.
func (c *coder) length(n int, isNil bool) (int, bool) {
	u := uint64(n) + 1
	if isNil {
		u = 0
	}
	c.uint(&u)
	if c.err != nil || u == 0 {
		return 0, true
	}
	if u > 1<<31 {
		c.fail("a list of %d", u)
	}
	return int(u - 1), false
}

// list codes a slice. What is read grows as it comes.
func list[T any](c *coder, p *[]T, one func(*T)) {
	n, isNil := c.length(len(*p), *p == nil)
	if c.w != nil {
		for i := range *p {
			one(&(*p)[i])
		}
		return
	}
	if *p = nil; isNil {
		return
	}
	*p = []T{}
	size := int64(reflect.TypeFor[T]().Size())
	for range n {
		var v T
		if one(&v); c.err != nil || !c.spend(2*size) { // twice: an append that grows holds both
			return
		}
		*p = append(*p, v)
	}
}

// dict codes a map in the order of its keys.
func dict[K comparable, V any](c *coder, p *map[K]V, compare func(a, b K) int, one func(*K, *V)) {
	n, isNil := c.length(len(*p), *p == nil)
	if c.w != nil {
		for _, k := range slices.SortedFunc(maps.Keys(*p), compare) {
			v := (*p)[k]
			one(&k, &v)
		}
		return
	}
	if *p = nil; isNil {
		return
	}
	*p = map[K]V{}
	size := int64(reflect.TypeFor[K]().Size() + reflect.TypeFor[V]().Size())
	for range n {
		var k K
		var v V
		if one(&k, &v); c.err != nil || !c.spend(4*size) {
			return
		}
		(*p)[k] = v
	}
}

func sorted[K cmp.Ordered](a, b K) int { return cmp.Compare(a, b) }

// fact codes a value of a package whose fields are all exported: the facts of parsers, and Input. A field that is added
// there is coded without a word here.
func (c *coder) fact(v reflect.Value) {
	if c.err != nil {
		return
	}
	if t, ok := v.Addr().Interface().(*time.Time); ok {
		c.instant(t)
		return
	}
	switch v.Kind() {
	case reflect.String:
		s := v.String()
		c.str(&s)
		v.SetString(s)
	case reflect.Bool:
		b := v.Bool()
		c.bool(&b)
		v.SetBool(b)
	case reflect.Int, reflect.Int64:
		n := v.Int()
		nums(c, &n)
		v.SetInt(n)
	case reflect.Float64:
		f := v.Float()
		c.float(&f)
		v.SetFloat(f)
	case reflect.Struct:
		for i := range v.NumField() {
			c.fact(v.Field(i))
		}
	case reflect.Pointer:
		c.pointer(v)
	case reflect.Slice:
		c.factList(v)
	case reflect.Map:
		c.factMap(v)
	default:
		c.fail("cannot code a %s", v.Type())
	}
}

func (c *coder) pointer(v reflect.Value) {
	there := !v.IsNil()
	if c.bool(&there); !there {
		v.SetZero()
		return
	}
	if c.w == nil {
		v.Set(reflect.New(v.Type().Elem()))
	}
	c.fact(v.Elem())
}

func (c *coder) factList(v reflect.Value) {
	n, isNil := c.length(v.Len(), v.IsNil())
	if c.w == nil {
		if v.SetZero(); isNil {
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), 0, 0))
	}
	for i := range n {
		if c.w == nil {
			if !c.spend(2 * int64(v.Type().Elem().Size())) {
				return
			}
			v.Set(reflect.Append(v, reflect.Zero(v.Type().Elem())))
		}
		if c.fact(v.Index(i)); c.err != nil {
			return
		}
	}
}

func (c *coder) factMap(v reflect.Value) {
	n, isNil := c.length(v.Len(), v.IsNil())
	keys := v.MapKeys()
	slices.SortFunc(keys, func(a, b reflect.Value) int { return cmp.Compare(a.String(), b.String()) })
	if c.w == nil {
		if v.SetZero(); isNil {
			return
		}
		v.Set(reflect.MakeMap(v.Type()))
	}
	for i := range n {
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		if c.w != nil {
			key.Set(keys[i])
			value.Set(v.MapIndex(keys[i]))
		}
		c.fact(key)
		if c.fact(value); c.err != nil {
			return
		}
		if c.w == nil {
			if !c.spend(4 * int64(key.Type().Size()+value.Type().Size())) {
				return
			}
			v.SetMapIndex(key, value)
		}
	}
}
