package collect

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	lokiSlice = time.Hour // that one query begins with
	lokiPage  = 5000      // lines of one answer: the most that Loki gives unless told otherwise
	lokiHead  = 500       // of the first: enough to tell a format by
	lokiAhead = 4         // slices of one log fetched at the same time
)

// lokiStream reads the lines of one log, oldest first. They lie in slices of time, each in pages.
type lokiStream struct {
	c      *lokiClient
	q      lokiQuery
	log    lokiLog
	census *lokiCensus

	mu   sync.Mutex
	seen lokiSeen // of the last reading to the end
}

// lokiSeen is what a reading got.
type lokiSeen struct {
	done    bool
	entries []int64 // by slice
	lost    []string
	fine    []bool // by slice: entries have times that are no whole seconds
}

// open starts a reading. It fetches no more than the reader asks for, until the reader has taken the first page.
func (s *lokiStream) open(run context.Context) io.ReadCloser {
	ctx, cancel := context.WithCancel(run)
	r, w := io.Pipe()
	go func() {
		stretches, counts := s.census.of(run, s.log)
		err := s.copy(ctx, w, stretches, counts)
		if errors.Is(err, io.ErrClosedPipe) || err == nil {
			err = io.EOF
		}
		w.CloseWithError(err)
	}()
	return &lokiReader{r, cancel}
}

type lokiReader struct {
	*io.PipeReader
	cancel context.CancelFunc
}

func (r *lokiReader) Close() error {
	r.cancel()
	return r.PipeReader.Close()
}

// copy writes all lines to w. Slices that could not be had are left out, and told at the end.
func (s *lokiStream) copy(ctx context.Context, w io.Writer, stretches []slice, counts []int64) error {
	seen := lokiSeen{entries: make([]int64, len(stretches)), fine: make([]bool, len(stretches))}
	type page struct {
		text []byte
		err  error
	}
	pages := make([]chan page, len(stretches))
	ctx, cancel := context.WithCancel(ctx)
	var fetching sync.WaitGroup
	defer fetching.Wait()
	defer cancel()
	fetch := func(i int) {
		pages[i] = make(chan page, 1)
		if counts != nil && counts[i] == 0 {
			close(pages[i])
			return
		}
		fetching.Go(func() {
			defer close(pages[i])
			err := s.fetch(ctx, stretches[i], i == 0 || counts == nil, func(entries []lokiEntry) error {
				seen.entries[i] += int64(len(entries))
				seen.fine[i] = seen.fine[i] || slices.ContainsFunc(entries, func(e lokiEntry) bool { return e.at%int64(time.Second) != 0 })
				text := s.text(entries)
				select {
				case pages[i] <- page{text: text}:
					return nil
				case <-ctx.Done():
					return ctx.Err()
				}
			})
			if err != nil && ctx.Err() == nil {
				pages[i] <- page{err: err}
			}
		})
	}
	started := 0
	ahead := 1
	for i := range stretches {
		for ; started < min(i+ahead, len(stretches)); started++ {
			fetch(started)
		}
		for p := range pages[i] {
			if p.err != nil {
				seen.lost = append(seen.lost, fmt.Sprintf("%s to %s: %v", stampOf(stretches[i].from), stampOf(stretches[i].to), p.err))
				continue
			}
			if _, err := w.Write(p.text); err != nil {
				return err
			}
			if ahead == 1 && len(p.text) > 0 { // somebody reads on
				ahead = lokiAhead
			}
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	fetching.Wait()
	seen.done = true
	s.mu.Lock()
	s.seen = seen
	s.mu.Unlock()
	if len(seen.lost) > 0 {
		return fmt.Errorf("%d of %d stretches of time could not be had; the first: %s", len(seen.lost), len(stretches), seen.lost[0])
	}
	return nil
}

func stampOf(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") }

// lokiEntry is an entry of a log: mostly a line.
type lokiEntry struct {
	at   int64 // nanoseconds
	line string
}

// fetch gets the entries of a stretch, page by page. A page that ends in the middle of a nanosecond is gone on with from
// that nanosecond: what was seen of it is left out.
func (s *lokiStream) fetch(ctx context.Context, in slice, first bool, emit func([]lokiEntry) error) error {
	limit := lokiPage
	if first {
		limit = lokiHead
	}
	from, most := in.from.UnixNano(), lokiPage
	var edge map[string]bool // lines of the nanosecond from that were emitted
	to := in.to.UnixNano()
	end := to
	for from < to {
		entries, err := s.page(ctx, from, end, limit, end-from > int64(lokiLeast))
		var big tooMuch
		switch {
		case errors.As(err, &big) && limit > 100 && strings.Contains(err.Error(), "entries"):
			limit = limit / 2
			most = limit
			continue
		case errors.As(err, &big) && end-from > int64(lokiLeast):
			end = from + (end-from)/2
			continue
		case err != nil:
			return err
		}
		full := len(entries) >= limit
		fresh := entries[:0:0]
		for _, e := range entries {
			if e.at != from || !edge[e.line] {
				fresh = append(fresh, e)
			}
		}
		if len(fresh) > 0 {
			if err := emit(fresh); err != nil {
				return err
			}
		}
		switch {
		case !full && end == to:
			return nil
		case !full: // the rest of a stretch that was too much at once
			from, end, edge = end, to, nil
		default:
			last := entries[len(entries)-1].at
			if last == from { // more lines in one nanosecond than a page holds
				if len(fresh) == 0 && limit >= most {
					return fmt.Errorf("more than %d lines in one nanosecond", limit)
				}
			} else {
				edge = map[string]bool{}
			}
			for _, e := range fresh {
				if e.at == last {
					if edge == nil {
						edge = map[string]bool{}
					}
					edge[e.line] = true
				}
			}
			from = last
		}
		limit = most
	}
	return nil
}

// page asks for the entries of [from, to) in order, of all streams of the log.
func (s *lokiStream) page(ctx context.Context, from, to int64, limit int, divisible bool) ([]lokiEntry, error) {
	return s.c.entries(ctx, s.q.selector.and(s.log), from, to, limit, divisible)
}

// entries asks for what a log query finds.
func (c *lokiClient) entries(ctx context.Context, query string, from, to int64, limit int, divisible bool) ([]lokiEntry, error) {
	var data struct {
		Result []struct {
			Stream map[string]string
			Values [][2]string
		}
	}
	err := c.get(ctx, "query_range", url.Values{
		"query": {query}, "start": {strconv.FormatInt(from, 10)}, "end": {strconv.FormatInt(to, 10)},
		"limit": {strconv.Itoa(limit)}, "direction": {"forward"},
	}, divisible, &data)
	if err != nil {
		return nil, err
	}
	var entries []lokiEntry
	for _, r := range data.Result {
		for _, v := range r.Values {
			at, err := strconv.ParseInt(v[0], 10, 64)
			if err != nil {
				return nil, fmt.Errorf("an entry with the time %q", cut(v[0]))
			}
			entries = append(entries, lokiEntry{at, v[1]})
		}
	}
	slices.SortStableFunc(entries, func(a, b lokiEntry) int { return cmp.Compare(a.at, b.at) })
	return entries, nil
}

// text makes lines of entries. A journal's get a time and the program's name in front, as syslog would write them.
func (s *lokiStream) text(entries []lokiEntry) []byte {
	var b bytes.Buffer
	for _, e := range entries {
		if s.log.journal != "" && !strings.HasPrefix(e.line, "{") {
			b.Write(time.Unix(0, e.at).UTC().AppendFormat(nil, "2006-01-02T15:04:05.000000+00:00 "))
			fmt.Fprintf(&b, "%s %s: ", cmp.Or(s.log.host, "host"), s.log.journal)
		}
		b.WriteString(e.line)
		b.WriteByte('\n')
	}
	return b.Bytes()
}

// note says what share of the log was seen, by Loki's own count.
func (s *lokiStream) note() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.seen.done {
		return ""
	}
	stretches, counts := s.census.of(context.Background(), s.log)
	var got, counted int64
	for i := range stretches {
		got += s.seen.entries[i]
		if counts != nil {
			counted += counts[i]
		}
	}
	var parts []string
	switch {
	case counts == nil:
		parts = append(parts, fmt.Sprintf("%d entries from Loki; it did not count them: %s", got, s.census.why()))
	case got == counted:
		parts = append(parts, fmt.Sprintf("all %d entries that Loki counts", counted))
	case got > counted:
		parts = append(parts, fmt.Sprintf("%d entries, where Loki counted %d a moment before: it is still being written, or Loki's writers had not stored all of it", got, counted))
	default:
		parts = append(parts, fmt.Sprintf("%d of %d entries that Loki counts: %.1f %% missing", got, counted, 100*float64(counted-got)/float64(counted)))
	}
	if late := s.census.late(s.log); late != "" {
		parts = append(parts, late)
	}
	if got > 1 && !slices.Contains(s.seen.fine, true) {
		parts = append(parts, "its times are whole seconds: of equal lines in one second Loki keeps one")
	}
	return strings.Join(parts, "; ")
}

// lokiCensus counts the entries of every log, slice by slice, in one query for all logs: empty slices need not be asked
// for, and the sums check what came.
type lokiCensus struct {
	c      *lokiClient
	q      lokiQuery
	labels []string

	once    sync.Once
	slices  []slice
	counts  map[string][]int64 // by lokiLog.key
	flushed []bool             // by slice: Loki looked at what is stored alone
	err     error
}

// of gives the slices and the counts of a log; nil counts are not known.
func (n *lokiCensus) of(ctx context.Context, l lokiLog) ([]slice, []int64) {
	n.once.Do(func() { n.take(ctx) })
	if n.err != nil {
		return n.slices, nil
	}
	if counts, ok := n.counts[l.key()]; ok {
		return n.slices, counts
	}
	return n.slices, make([]int64, len(n.slices))
}

// late warns of what Loki does not find: entries of long ago that its writers (ingesters) still hold in memory, which are not
// asked for old times. Of a day that was pushed at once a twentieth was missing, in the lines and in all counts.
func (n *lokiCensus) late(l lokiLog) string {
	var to time.Time
	for i, entries := range n.counts[l.key()] {
		if entries > 0 && n.flushed[i] {
			to = n.slices[i].to
		}
	}
	if to.IsZero() {
		return ""
	}
	return "before " + stampOf(to) + " Loki looked at what is stored alone: what was pushed there late is missing until its writers flush"
}

func (n *lokiCensus) why() string {
	if n.err == nil {
		return ""
	}
	return n.err.Error()
}

// take counts. The width of the slices is an hour, and longer for ranges of weeks.
func (n *lokiCensus) take(ctx context.Context) {
	width := max(lokiSlice, (n.q.to.Sub(n.q.from) / 200).Truncate(lokiSlice))
	for from := n.q.from; from.Before(n.q.to); {
		to := from.Truncate(width).Add(width)
		if to.After(n.q.to) {
			to = n.q.to
		}
		n.slices = append(n.slices, slice{from, to})
		from = to
	}
	n.counts, n.flushed = map[string][]int64{}, make([]bool, len(n.slices))
	errs := make([]error, len(n.slices))
	var mu sync.Mutex
	var wg sync.WaitGroup
	for i, s := range n.slices {
		wg.Go(func() {
			errs[i] = n.c.divide(ctx, s, time.Minute, func(ctx context.Context, s slice, divisible bool) error {
				sums, flushed, err := n.c.count(ctx, n.q.selector, n.labels, s, divisible)
				mu.Lock()
				defer mu.Unlock()
				n.flushed[i] = n.flushed[i] || flushed
				for key, c := range sums {
					if n.counts[key] == nil {
						n.counts[key] = make([]int64, len(n.slices))
					}
					n.counts[key][i] += c
				}
				return err
			})
		})
	}
	wg.Wait()
	n.err = errors.Join(errs...)
	if n.err != nil {
		n.err = errs[slices.IndexFunc(errs, func(err error) bool { return err != nil })]
	}
}

// count sums the entries of a stretch by labels. LogQL's windows leave their beginning out and hold their end; a
// nanosecond's offset turns that round. flushed is that no writer was asked.
func (c *lokiClient) count(ctx context.Context, s selector, by []string, in slice, divisible bool) (sums map[string]int64, flushed bool, err error) {
	var data struct {
		Result []struct {
			Metric map[string]string
			Value  lokiSample
		}
		Stats struct {
			Ingester *struct{ TotalReached int64 }
		}
	}
	query := fmt.Sprintf("sum by (%s) (count_over_time(%s [%s] offset 1ns))", strings.Join(by, ","), s, logqlDuration(in.width()))
	if err := c.get(ctx, "query", url.Values{"query": {query}, "time": {nanos(in.to)}}, divisible, &data); err != nil {
		return nil, false, err
	}
	sums = map[string]int64{}
	for _, r := range data.Result {
		l := lokiLog{names: by, labels: r.Metric}
		sums[l.key()] += r.Value.n
	}
	return sums, data.Stats.Ingester != nil && data.Stats.Ingester.TotalReached == 0, nil
}

// logqlDuration writes a duration in one unit, as every version of LogQL reads it.
func logqlDuration(d time.Duration) string {
	if d%time.Second == 0 {
		return strconv.FormatInt(int64(d/time.Second), 10) + "s"
	}
	return strconv.FormatInt(int64(d), 10) + "ns"
}
