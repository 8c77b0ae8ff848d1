// Package parsers turns the bytes an outage left behind into facts: one format a file, one fact a thing a log can say.
//
// A parser reads one Source and emits Records; it never orders, correlates, judges or reads the clock of this machine.
// cmd feeds it, correlate folds what it emits. Facts are named for what they say (Access, OOMKill, Setting), so a second
// format of a known fact is one more file here and touches nothing else.
package parsers

import (
	"bufio"
	"bytes"
	"cmp"
	"fmt"
	"io"
	"slices"
	"time"
)

// Parser reads one format. Declare it at package level as
//
//	var _ = register(Parser{Name: "redis-info", Doc: "...", Match: ..., Parse: ...})
//
// and it takes part in sniffing; there is no other list to edit.
type Parser struct {
	Name string // the format's name, as `culprit parse` prints it: "nginx-access", "redis-info"
	Doc  string // one line: what it reads and the facts it emits

	// Match says how sure it is that a file that begins so is of this format: 0 = no, 100 = cannot be anything else. Content
	// decides; the name may only break ties (see the Sure* constants).
	Match func(h *Head) int
	Most  int // the most that Match says; 0 = SureMark. Detect asks only whom the answers so far leave a chance

	// Parse reads the whole source and emits its records in file order. An error is returned for IO failures only: a bad
	// line is told to src.Skip and costs nothing else. Exactly one of Parse and Line is set.
	Parse func(src *Source, emit func(Record)) error

	// Line parses one line (no newline) that needs no other line to be understood; the driver may split such a source over
	// workers. It emits at most one record and reports whether it understood the line or has told
	// src.Skip why not. Blank lines reach it too.
	Line func(src *Source, line []byte, at Pos, emit func(Record)) bool
}

// How sure a Match is. A format's own unmistakable mark beats a shape, a shape beats a habit.
const (
	SureMark  = 90 // a mark that only this format has: "# Server\r\nredis_version:"
	SureShape = 60 // most sampled lines have the format's shape
	SureHabit = 30 // some do, or only the file name says so
)

// Source is one input: bytes with a name. It is not safe for concurrent use; Hints is shared and read-only.
type Source struct {
	Name    string    // path as the user will recognise it: "logs/dmesg", "bundle.tar.gz/var/log/nginx/access.log.1.gz"
	Host    string    // the host the path names ("web1" in web1/var/log/...), "" when it names none
	ModTime time.Time // zero = unknown; helps to place a year that a log leaves out
	Format  string    // a parser's name when the collector knows it; only files are sniffed
	R       io.Reader
	Text    []byte // the whole of R, when the driver holds it; nil = R is read
	Hints   *Hints // what other files of the same input say about how to read this one; may be nil
	Head    []byte // the file's first 64 KiB, as Match saw them, also when R is a later part of it; nil = not known
	Before  int    // lines of the file that stand before R, when a driver cuts a file of a Line parser into blocks

	// Counts, kept by the parser through Lines and Skip.
	Read         int      // lines read
	Skipped      int      // lines that should have been records of this format and were not
	FirstSkipped *Skipped // the first, but for those that speak of a kill: of these the first
	Parts        []string // of a transcript and of what several services say: the formats inside, in order of their names

	parted  bool // a part of a file: its blank lines stand for those of others
	scratch any  // a Line parser's own, from line to line: what it compiled, what it fills again
}

// headSize is how much of a file is looked at to tell its format.
const headSize = 64 << 10

// Skipped is a line that should have been a record and was not, with the reason.
type Skipped struct {
	Line int
	Text string // at most maxSkippedText bytes, as found
	Why  string
}

const maxSkippedText = 300 // enough to recognise the line; a stranger's 1 GB line must not be carried into the report

// Skip counts a line that should have been a record. Deliberately ignored lines (comments, other programs) are not skipped.
func (s *Source) Skip(line int, text []byte, why string) {
	s.Skipped++
	if len(text) > maxSkippedText {
		text = text[:maxSkippedText]
	}
	if f := s.FirstSkipped; f == nil || line < f.Line && !f.SpeaksOfKill() || hasOOMWording(text) && (line < f.Line || !f.SpeaksOfKill()) {
		s.FirstSkipped = &Skipped{Line: line, Text: string(BlankSessionIDs(text)), Why: why}
	}
}

// addPart notes a format that stands inside.
func (s *Source) addPart(format string) {
	if i, ok := slices.BinarySearch(s.Parts, format); !ok {
		s.Parts = slices.Insert(s.Parts, i, format)
	}
}

// SpeaksOfKill says whether the line is the OOM killer's: in a file of another format nobody reads it, and nobody may say then
// that nothing was killed.
func (s *Skipped) SpeaksOfKill() bool { return hasOOMWording([]byte(s.Text)) }

// Before orders the skipped lines of a file: which of two is the one to tell of.
func (s *Skipped) Before(o *Skipped) bool {
	if a, b := s.SpeaksOfKill(), o.SpeaksOfKill(); a != b {
		return a
	}
	return s.Line < o.Line
}

// Hints carry what must be known before a file can be read: the log formats that nginx.conf files of the same input define.
type Hints struct {
	LogFormats []LogFormat
	Zone       *time.Location // of stamps that name none, by the user's word or the host's own clock; nil = not known
}

// LogFormat is an nginx log_format directive, and the access_log paths that name it.
type LogFormat struct {
	Name   string
	Escape string // "default", "json", "none"
	Format string // the concatenated strings
	Paths  []string
	At     Pos
}

// Pos is where a record stands. Line counts from 1; 0 is unknown.
type Pos struct {
	File string
	Line int
}

func (p Pos) String() string { return fmt.Sprintf("%s:%d", p.File, p.Line) }

// Compare orders positions by file, then line.
func (p Pos) Compare(q Pos) int {
	return cmp.Or(cmp.Compare(p.File, q.File), cmp.Compare(p.Line, q.Line))
}

// Clock says what a record's Time means.
type Clock uint8

const (
	NoClock    Clock = iota // the record carries no time; Time is zero
	ZonedClock              // Time is an instant: the line had a zone, an epoch, or UTC in so many words
	LocalClock              // Time holds the wall clock as if it were UTC; the zone is not in the line
	BootClock               // only SinceBoot is known
)

// Record is one fact with its place and time. Everything it points to (Raw, Fact) is valid only until emit returns.
type Record struct {
	// Time is the record's own. With LocalClock it is wall time written as UTC. Year 0 means the line had no year
	// (RFC 3164 syslog, Redis before 2.6): correlate infers it.
	Time  time.Time
	Clock Clock

	// SinceBoot is the kernel's monotonic stamp, which a line may carry beside its Time. Valid only with HasBoot.
	SinceBoot time.Duration
	HasBoot   bool

	At   Pos
	Raw  []byte // the line itself, without newline; for a block of lines, its most telling one
	Fact Fact

	ago time.Duration // how long before the listing was made it happened, where that is all a listing says
}

// registry is in the order in which Detect asks: who can be the surest first, then by name.
var registry []Parser

func register(p Parser) struct{} {
	if p.Name == "" || p.Match == nil || (p.Parse == nil) == (p.Line == nil) {
		panic("parsers: incomplete parser " + p.Name)
	}
	if p.Most == 0 {
		p.Most = SureMark
	}
	i, _ := slices.BinarySearchFunc(registry, p, func(a, b Parser) int {
		return cmp.Or(cmp.Compare(b.Most, a.Most), cmp.Compare(a.Name, b.Name))
	})
	registry = slices.Insert(registry, i, p)
	return struct{}{}
}

// All lists the parsers by name.
func All() []Parser {
	all := slices.Clone(registry)
	slices.SortFunc(all, func(a, b Parser) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

// ByName finds a parser.
func ByName(name string) (Parser, bool) {
	i := slices.IndexFunc(registry, func(p Parser) bool { return p.Name == name })
	if i < 0 {
		return Parser{}, false
	}
	return registry[i], true
}

// Detect returns the surest parser for a file that begins with head, or false when none recognises it. Ties go to the
// first by name, so the answer never depends on the order of registration.
func Detect(name string, head []byte) (Parser, bool) {
	p, sure := detect(NewHead(name, head))
	return p, sure > 0
}

// detect is Detect without some parsers, and says how sure it is. Whoever cannot win any more is not asked: asking all sixty of
// every small file took a third of the time of an incident that has hundreds of them.
func detect(h *Head, without ...string) (Parser, int) {
	var best Parser
	sure := 0
	for _, p := range registry {
		if p.Most < sure {
			break
		}
		if slices.Contains(without, p.Name) || p.Most == sure && p.Name > best.Name {
			continue
		}
		if s := p.Match(h); s > sure || s == sure && s > 0 && p.Name < best.Name {
			best, sure = p, s
		}
	}
	return best, sure
}

// Read runs p over src: the one way in for drivers and tests.
func Read(p Parser, src *Source, emit func(Record)) error {
	if p.Parse != nil {
		return p.Parse(src, emit)
	}
	if src.Head == nil {
		br := bufio.NewReaderSize(src.R, headSize)
		head, _ := br.Peek(headSize) // an error here comes again when the lines are read
		src.Head, src.R = bytes.Clone(head), br
	}
	return EachLineAndBlank(src, func(line []byte, at Pos) {
		if !p.Line(src, line, at, emit) && !(src.parted && (blankLine(line) || at.Line == 1 && isSeparator(line))) {
			src.Skip(at.Line, line, "not a "+p.Name+" line")
		}
	})
}
