package correlate

import (
	"bytes"
	"hash/maphash"
)

// routeWalk finds routes and classes as Route and Classify do, a segment at a time, and remembers what became of each: a
// shop's paths are mostly new but made of the same few words. What it says depends on the path alone; what it remembers
// is bounded, and losing it costs only time.
type routeWalk struct {
	paths [pathSlots]pathRef
	dirs  [dirSlots]dirRef
	steps [stepSlots]routeStep
	stars [starSlots]starStep
	segs  [maxRouteDepth - 1]pathSeg
	nodes []routeNode   // the first two are the roots: of paths that end in no file, and of those that do
	kids  table[uint32] // nodes by parent and what was appended
}

const (
	pathSlots = 1 << 12 // 96 KiB: a shop's style sheets and front pages
	dirSlots  = 1 << 9  // 12 KiB: folders of style sheets and pictures
	stepSlots = 1 << 12 // 96 KiB
	starSlots = 1 << 8  // 6 KiB: a site has few folders of names, and few extensions
	maxNodes  = 1 << 14 // then it begins anew
)

// pathRef is a whole path's answer, by hash: to compare the text as well missed the cache.
type pathRef struct {
	hash  uint64
	route uint32
	class PathClass
}

// dirRef is where a path stands before its last segment, by hash.
type dirRef struct {
	hash   uint64
	node   uint32
	traits traits
}

// routeNode is where a path stands after some segments.
type routeNode struct {
	router
	name  string // the route so far
	asset bool   // which ends in the extension of a picture, a style sheet or the like
	route uint32 // its number plus one; 0 = not asked for yet
}

type routeStep struct {
	key    uint64
	to     uint32
	traits traits
}

// starStep is where any segment of one kind leads whose text does not matter, since a "*" takes its place.
type starStep struct {
	key starKey
	to  uint32
}

type starKey struct {
	ext  uint64 // its extension's bytes, for a file's name
	node uint32 // plus one; 0 = free
	kind starKind
	last bool
}

type starKind uint8

const (
	starID    starKind = iota // a number, a hash
	starOther                 // too long, or in another alphabet
	starName                  // a name with a digit in it
	starFile                  // any of these, of a file
)

// traits are what Classify asks of a segment.
type traits uint8

const (
	apiRoot traits = 1 << iota
	apiFile
	oddName // may be robots.txt, a probe, a sitemap or a feed: for Classify to tell
)

func newRouteWalk() *routeWalk {
	r := &routeWalk{}
	r.reset()
	return r
}

func (r *routeWalk) reset() {
	clear(r.dirs[:])
	clear(r.steps[:])
	clear(r.stars[:])
	r.kids = table[uint32]{}
	r.nodes = append(r.nodes[:0], routeNode{router: router{words: routeWords()}}, routeNode{router: router{words: routeWords(), isFile: true}})
}

// routeAndClass gives the number of a request target's route at this grain, and its class.
func (w *webFold) routeAndClass(target []byte) (uint32, PathClass) {
	path := target
	if i := bytes.IndexByte(path, '?'); i >= 0 {
		path = path[:i]
	}
	hash := maphash.Bytes(internSeed, path)
	slot := &w.walk.paths[hash%pathSlots]
	if slot.hash != hash {
		route, class := w.walkPath(path)
		*slot = pathRef{hash, route, class}
	}
	return slot.route, slot.class
}

func (w *webFold) walkPath(path []byte) (uint32, PathClass) {
	if len(w.walk.nodes) > maxNodes {
		w.walk.reset()
	}
	last, ok := lastSeg(path)
	if !ok {
		return w.wholePath(path)
	}
	node := uint32(0)
	var all traits
	if last.end > 0 {
		if ext := last.extension(path); ext != nil && !isPage(ext) {
			node = 1
		}
		hash := maphash.Bytes(internSeed, path[:last.start]) + uint64(node)
		dir := &w.walk.dirs[hash%dirSlots]
		if dir.hash != hash {
			segs, ok := w.walk.cut(path[:last.start])
			if !ok {
				return w.wholePath(path)
			}
			*dir = dirRef{hash: hash, node: node}
			for i := range segs {
				to, t := w.step(dir.node, path, &segs[i], false)
				dir.node, dir.traits = to, dir.traits|t
			}
		}
		node, all = w.step(dir.node, path, &last, true)
		all |= dir.traits
	}
	n := &w.walk.nodes[node]
	if n.route == 0 {
		name := n.name
		if last.end == 0 {
			name = "/"
		}
		w.buf = append(w.buf[:0], name...)
		n.route = w.routeOf(w.buf) + 1
	}
	route := n.route - 1
	switch {
	case all&oddName != 0:
		return route, Classify(path)
	case n.asset:
		return route, Asset
	case all&(apiRoot|apiFile) != 0:
		return route, API
	}
	return route, Page
}

// pathSeg is a segment of a path, and what its bytes are.
type pathSeg struct {
	start, end int
	dot        int       // of its last one; 0 = none
	stem       shapeSums // before it
	sums       shapeSums
}

// lastSeg finds the last segment of a path, from its end; its end is 0 when there is none. Not of targets that are rare.
func lastSeg(path []byte) (s pathSeg, ok bool) {
	if len(path) == 0 || len(path) > maxShape || path[0] != '/' {
		return s, false
	}
	end := len(path)
	for end > 0 && path[end-1] == '/' {
		end--
	}
	i := end
	for ; i > 0; i-- {
		is := byteShapes[path[i-1]]
		if is&cuts != 0 {
			if path[i-1] == '/' {
				break
			}
			if path[i-1] != '.' {
				return s, false
			}
			if is &^= cuts; s.dot == 0 {
				s.dot, s.stem = i-1, s.sums+is
			}
		}
		s.sums += is
	}
	s.start, s.end, s.stem = i, end, s.sums-s.stem
	return s, true
}

// cut finds the segments before the last one; not of targets that are rare.
func (r *routeWalk) cut(dirs []byte) (segs []pathSeg, ok bool) {
	one := pathSeg{}
	n := 0
	for i, c := range dirs {
		switch {
		case c == '#' || c == ';':
			return nil, false
		case c != '/':
			one.sums += byteShapes[c] &^ cuts
			continue
		}
		if i > one.start {
			if n == len(r.segs) {
				return nil, false
			}
			one.end = i
			r.segs[n] = one
			n++
		}
		one = pathSeg{start: i + 1}
	}
	return r.segs[:n], true
}

// extension is that of the segment as of a file's name.
func (s *pathSeg) extension(path []byte) []byte {
	if s.dot == 0 {
		return nil
	}
	return extensionAt(path[s.start:s.end], s.dot-s.start)
}

// wholePath is walkPath for what is rare.
func (w *webFold) wholePath(path []byte) (uint32, PathClass) {
	w.buf = Route(path, w.buf[:0])
	return w.routeOf(w.buf), Classify(path)
}

// step goes one segment on.
func (w *webFold) step(node uint32, path []byte, seg *pathSeg, last bool) (uint32, traits) {
	r := w.walk
	key, star := r.starOf(node, path, seg, last)
	if !star {
		return w.stepOn(node, path[seg.start:seg.end], last)
	}
	s := &r.stars[(key.ext*0x9e3779b97f4a7c15>>32^uint64(node)*5^uint64(key.kind)<<1^uint64(boolIndex(last)))%starSlots]
	if s.key != key {
		to, _ := w.stepOn(node, path[seg.start:seg.end], last)
		*s = starStep{key, to}
	}
	return s.to, 0
}

// starOf says whether segment and file would put a "*" in the place of a segment, by its shape alone, and Classify see nothing
// in it. Ids and hashes are new in nearly every line, so that remembering them one by one is little use: without
// this a path takes 1.9 times as long (BenchmarkRouteWalk, the best of six rounds).
func (r *routeWalk) starOf(node uint32, path []byte, at *pathSeg, last bool) (starKey, bool) {
	n := &r.nodes[node]
	key := starKey{node: node + 1, last: last}
	seg := path[at.start:at.end]
	if seg[0] == '.' || n.dot {
		return key, false
	}
	stem, sums := seg, at.sums
	if last {
		if ext := at.extension(path); len(ext) > 8 {
			return key, false
		} else if ext != nil {
			stem, sums, key.kind = seg[:len(seg)-len(ext)], at.stem, starFile
			for _, c := range ext {
				key.ext = key.ext<<8 | uint64(c)
			}
		}
	}
	sh := sums.shape(len(stem))
	if sh.digits == 0 && sh.isPlain() && !sh.isID() && len(seg) <= maxRouteSegment {
		return key, false // a word, perhaps
	}
	if classWords.has(seg) || last && at.sums.anyM() && namesSitemap(seg) {
		return key, false
	}
	if key.kind == starFile {
		return key, len(seg) > maxRouteSegment || !sh.isPlain() || sh.isID() || !n.has(stem)
	}
	switch {
	case sh.isID():
		key.kind = starID
	case n.has(seg):
		return key, false
	case len(seg) > maxRouteSegment || !sh.isPlain():
		key.kind = starOther
	case len(seg) > 3:
		key.kind = starName
	default:
		return key, false
	}
	return key, true
}

// classWords are all names that Classify asks for.
var classWords = func() *wordSet {
	all := wordsOf("robots.txt")
	for _, set := range [...]*wordSet{healthNames, feedNames, apiRoots, apiFiles} {
		for word := range set.all {
			all.add(word)
		}
	}
	return all
}()

// stepOn is step for a segment whose text may matter.
func (w *webFold) stepOn(node uint32, seg []byte, last bool) (uint32, traits) {
	r := w.walk
	key := maphash.Bytes(internSeed, seg) + mix(uint64(node)<<1|uint64(boolIndex(last))+1)
	s := &r.steps[key%stepSlots]
	if s.key == key {
		return s.to, s.traits
	}
	next := r.nodes[node].router
	w.buf = next.segment(append(w.buf[:0], '/'), seg, last)
	next.depth++
	kid, added := r.kids.at((maphash.Bytes(internSeed, w.buf) + mix(uint64(node)<<9|next.state()<<1|uint64(boolIndex(last)))) >> 1)
	if added {
		*kid = uint32(len(r.nodes))
		ext := extension(seg)
		r.nodes = append(r.nodes, routeNode{router: next, name: r.nodes[node].name + string(w.buf), asset: last && ext != nil && assetExtensions.has(ext[1:])})
	}
	*s = routeStep{key, *kid, traitsOf(seg, next.depth-1, last)}
	return s.to, s.traits
}

// state is what of a router differs among the children of a node.
func (r *router) state() uint64 {
	bits := uint64(r.prev)
	for _, b := range [...]bool{r.dot, r.asset, r.api, r.opened} {
		bits = bits<<1 | uint64(boolIndex(b))
	}
	return bits
}

func traitsOf(seg []byte, depth int, last bool) (t traits) {
	if depth < 2 && apiRoots.has(seg) {
		t |= apiRoot
	}
	if !last {
		return t
	}
	if apiFiles.has(seg) {
		t |= apiFile
	}
	if depth == 0 && equalFold(seg, "robots.txt") || healthNames.has(seg) || feedNames.has(seg) || namesSitemap(seg) {
		t |= oddName
	}
	return t
}
