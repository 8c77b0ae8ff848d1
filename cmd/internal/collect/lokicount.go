package collect

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

// lokiLarge is how many entries a log may have and still be read line by line: 4 GB over the wire, in three minutes at the
// 120,000 lines a second that one Loki gives. It counts 16,000 a second of its own CPU, a log six times over.
const lokiLarge = 20_000_000

// LokiCounter counts a log where it lies. Every count is of the log as it stands in the census; times are Loki's own.
type LokiCounter struct{ s *lokiStream }

// Entries is how many entries the log has, by Loki's count; large says that it is better counted than read. The arguments
// read=counts and read=lines decide it otherwise.
func (n *LokiCounter) Entries(ctx context.Context) (entries int64, large bool) {
	_, counts := n.s.census.of(ctx, n.s.log)
	for _, c := range counts {
		entries += c
	}
	switch n.s.q.read {
	case "counts":
		return entries, entries > 0
	case "lines":
		return entries, false
	}
	return entries, entries >= lokiLarge
}

// Late says from when on the count may lack entries that were pushed late; "" = it does not.
func (n *LokiCounter) Late() string { return n.s.census.late(n.s.log) }

// Span is the stretch of time that is asked for, in whole minutes.
func (n *LokiCounter) Span() (from, to time.Time) {
	from, to = n.s.q.from.Truncate(time.Minute), n.s.q.to.Truncate(time.Minute)
	if to.Before(n.s.q.to) {
		to = to.Add(time.Minute)
	}
	return from, to
}

// Count sums entries by labels, for each minute of the stretch or, with minutes false, for each slice of it: each is
// called with the labels and the beginning, one at a time. pipeline stands behind the log's selector. Slices that are too
// much are halved down to a minute.
func (n *LokiCounter) Count(ctx context.Context, pipeline string, by []string, minutes bool, most int, each func(labels map[string]string, from time.Time, width time.Duration, entries int64)) error {
	from, to := n.Span()
	var mu sync.Mutex
	var wg sync.WaitGroup
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var errs []error
	for at := from; at.Before(to); {
		end := at.Truncate(lokiSlice).Add(lokiSlice)
		if end.After(to) {
			end = to
		}
		s := slice{at, end}
		at = end
		if n.silent(ctx, s) {
			continue
		}
		wg.Go(func() {
			err := n.s.c.divide(ctx, s, time.Minute, func(ctx context.Context, s slice, divisible bool) error {
				step := s.width()
				if minutes {
					step = time.Minute
				}
				return n.matrix(ctx, pipeline, by, s, step, most, divisible, func(labels map[string]string, from time.Time, entries int64) {
					mu.Lock()
					defer mu.Unlock()
					each(labels, from, step, entries)
				})
			})
			if err != nil {
				mu.Lock()
				defer mu.Unlock()
				errs = append(errs, err)
				cancel()
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if !errors.Is(err, context.Canceled) {
			return err
		}
	}
	return errors.Join(errs...)
}

// silent says that the census found nothing in a stretch.
func (n *LokiCounter) silent(ctx context.Context, s slice) bool {
	stretches, counts := n.s.census.of(ctx, n.s.log)
	if counts == nil {
		return false
	}
	for i, have := range stretches {
		if counts[i] > 0 && have.from.Before(s.to) && s.from.Before(have.to) {
			return false
		}
	}
	return true
}

// matrix asks for the sums of one slice. Windows hold their end and not their beginning, and Loki puts steps on multiples
// of the step: with whole minutes and an offset each window is a minute as everybody counts it. At an instant a nanosecond
// does; in a range Loki 3.7 finds nothing with less than a millisecond, so an entry of a minute's last counts to the next.
func (n *LokiCounter) matrix(ctx context.Context, pipeline string, by []string, in slice, step time.Duration, most int, divisible bool, each func(map[string]string, time.Time, int64)) error {
	offset := "1ms"
	if step == in.width() {
		offset = "1ns"
	}
	query := fmt.Sprintf("sum by (%s) (count_over_time(%s %s [%s] offset %s))", strings.Join(by, ","), n.s.q.selector.and(n.s.log), pipeline, logqlDuration(step), offset)
	if most > 0 {
		query = fmt.Sprintf("topk(%d, %s)", most, query)
	}
	var data struct {
		Result []struct {
			Metric map[string]string
			Value  *lokiSample
			Values []lokiSample
		}
	}
	what, params := "query_range", url.Values{"query": {query}, "start": {nanos(in.from.Add(step))}, "end": {nanos(in.to)}, "step": {strconv.Itoa(int(step.Seconds()))}}
	if step == in.width() {
		what, params = "query", url.Values{"query": {query}, "time": {nanos(in.to)}}
	}
	if err := n.s.c.get(ctx, what, params, divisible, &data); err != nil {
		return err
	}
	for _, r := range data.Result {
		if r.Value != nil {
			r.Values = append(r.Values, *r.Value)
		}
		for _, v := range r.Values {
			from := time.Unix(v.at, 0).UTC().Add(-step)
			if !from.Before(in.from) && from.Before(in.to) {
				each(r.Metric, from, v.n)
			}
		}
	}
	return nil
}

// Line is an entry of a log.
type Line struct {
	At   time.Time
	Text string
}

// Lines are the first entries of [from, to) that hold all of the words.
func (n *LokiCounter) Lines(ctx context.Context, from, to time.Time, most int, holding ...string) ([]Line, error) {
	query := n.s.q.selector.and(n.s.log)
	for _, word := range holding {
		query += " |= " + strconv.Quote(word)
	}
	entries, err := n.s.c.entries(ctx, query, from.UnixNano(), to.UnixNano(), most, false)
	lines := make([]Line, len(entries))
	for i, e := range entries {
		lines[i] = Line{time.Unix(0, e.at).UTC(), e.line}
	}
	return lines, err
}

// Queries is how often this Loki was asked, for all its logs.
func (n *LokiCounter) Queries() int64 { return n.s.c.asked.Load() }
