package main

import (
	"bytes"
	"context"
	"testing"
	"time"

	"culprit/cmd/internal/collect"
)

func TestProgressLine(t *testing.T) {
	for _, c := range []struct {
		read, total int64
		spent       time.Duration
		want        string
	}{
		{1_200_000_000, 4_000_000_000, 3 * time.Second, "read 1.2 GB of 4.0 GB, 400 MB/s, 7s left"},
		{5_000_000, 0, 2 * time.Second, "read 5 MB, 2 MB/s"},
		{0, 10_000_000, 2 * time.Second, "read 0 kB, 0 kB/s"},
	} {
		if got := progressLine(c.read, c.total, c.spent); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

// A short reading says nothing.
func TestProgressQuiet(t *testing.T) {
	var out bytes.Buffer
	d := listed(t.Context(), []string{folder(t, map[string]string{"access.log": accessLines(1000, 100)})}, nil, 2, collect.LokiOptions{})
	ctx := withProgress(context.Background(), &out)
	if err := d.takeCensus(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := d.fold(ctx, time.Time{}, time.Time{}); err != nil || out.Len() > 0 {
		t.Errorf("%v, %q told", err, out.String())
	}
}
