package parsers

import (
	"strings"
	"testing"
	"time"
)

// TestHAProxyZone: neither of the line's dates names a zone; the user, or the host's clock, does.
func TestHAProxyZone(t *testing.T) {
	const line = `Jul  1 12:00:04 lb1 haproxy[1290]: 203.0.113.9:50122 [01/Jul/2026:12:00:03.884] www~ app/web1 0/0/1/80/82 200 5120 - - ---- 12/12/3/1/0 0/0 "GET /tea/ HTTP/1.1"` + "\n"
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	read := func(h *Hints) (at []time.Time, src *Source) {
		p, _ := ByName("haproxy")
		src = &Source{Name: "haproxy.log", Hints: h, R: strings.NewReader(line)}
		if err := Read(p, src, func(r Record) { at = append(at, r.Time.UTC()) }); err != nil {
			t.Fatal(err)
		}
		return at, src
	}
	want := time.Date(2026, 7, 1, 10, 0, 3, 884_000_000, time.UTC)
	if at, _ := read(&Hints{Zone: berlin}); len(at) != 1 || !at[0].Equal(want) {
		t.Errorf("with a zone: %v, want %v", at, want)
	}
	if at, src := read(&Hints{}); len(at) != 0 || src.Skipped != 1 {
		t.Errorf("without a zone: %d records, %d skipped; want one skipped", len(at), src.Skipped)
	}
}
