package correlate

import "strings"

// textArena keeps short strings side by side: one by one they were most of what the collector had to mark. A chunk's memory
// is free when none of its strings is in use.
type textArena struct{ chunk *strings.Builder }

const arenaChunk = 64 << 10

func (a *textArena) keep(b []byte) string {
	from := a.room(len(b))
	a.chunk.Write(b)
	return a.chunk.String()[from:]
}

func (a *textArena) keepString(s string) string {
	from := a.room(len(s))
	a.chunk.WriteString(s)
	return a.chunk.String()[from:]
}

// room makes room for n bytes, and says where.
func (a *textArena) room(n int) int {
	if a.chunk == nil || a.chunk.Cap()-a.chunk.Len() < n {
		a.chunk = &strings.Builder{}
		a.chunk.Grow(max(arenaChunk, n))
	}
	return a.chunk.Len()
}
