package collect

import (
	"bytes"
	"context"
	"io"
	"os"
	"testing"
	"time"

	"culprit/parsers"
)

// records reads an answer as a file of its own.
func records(t *testing.T, name string, text []byte) []parsers.Record {
	t.Helper()
	p, ok := parsers.Detect(name, text)
	if !ok || p.Name != name {
		t.Fatalf("taken for %q:\n%s", p.Name, text)
	}
	var all []parsers.Record
	src := &parsers.Source{Name: name, R: bytes.NewReader(text)}
	if err := parsers.Read(p, src, func(r parsers.Record) {
		r.Raw = bytes.Clone(r.Raw)
		all = append(all, r)
	}); err != nil {
		t.Fatal(err)
	}
	if src.Skipped > 0 {
		t.Errorf("%d lines skipped, the first %+v, of\n%s", src.Skipped, src.FirstSkipped, text)
	}
	return all
}

func TestHostAnswersAreReadByTheirParsers(t *testing.T) {
	ctx := t.Context()
	mem := records(t, "meminfo", append(Meminfo(ctx), Meminfo(ctx)...))
	if len(mem) != 2 || mem[0].Clock != parsers.ZonedClock {
		t.Fatalf("%d records: %+v", len(mem), mem)
	}
	if m := mem[0].Fact.(*parsers.HostMemory); !m.TotalKB.OK || !m.AvailableKB.OK || m.AvailableKB.N > m.TotalKB.N || !m.CachedKB.OK || m.CachedKB.N < 0 {
		t.Errorf("%+v", m)
	}
	ps := records(t, "ps", Processes(ctx))
	if len(ps) == 0 || ps[0].Clock != parsers.ZonedClock {
		t.Fatalf("%d processes", len(ps))
	}
	if p := ps[0].Fact.(*parsers.Process); !p.RSSKB.OK || p.Command == "" {
		t.Errorf("%+v", p)
	}
	if _, err := os.Stat("/proc/uptime"); err == nil {
		if c := records(t, "clock", HostClock(ctx)); len(c) != 2 || c[1].Fact.(*parsers.ClockReading).Boot.IsZero() {
			t.Errorf("%+v", c)
		}
	}
}

func TestPoll(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	n := 0
	p := Poll(ctx, time.Millisecond, func(context.Context) []byte {
		if n++; n == 2 {
			return nil // nothing to say
		}
		if n > 3 {
			stop()
			return nil
		}
		return []byte("line\n")
	})
	if b, err := io.ReadAll(p); string(b) != "line\nline\n" || err != nil {
		t.Errorf("%q, %v", b, err)
	}
}
