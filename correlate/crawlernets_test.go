package correlate

import (
	"encoding/json"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var (
	updateNets = flag.Bool("update", false, "rewrite crawlernets.tsv from the files named by -from")
	netsFrom   fromFlag
	_          = func() bool {
		flag.Var(&netsFrom, "from", "[ID=]FILE as an operator publishes it; may be repeated")
		return true
	}()
	netsDate = flag.String("date", "", "date of the -from files that carry no creationTime, 2006-01-02")
)

type fromFlag []string

func (f *fromFlag) String() string     { return strings.Join(*f, " ") }
func (f *fromFlag) Set(s string) error { *f = append(*f, s); return nil }

// TestCrawlerNets checks the table of networks, or brings it up to date:
//
//	go test ./correlate -run TestCrawlerNets -update -from common-crawlers.json -from ahrefs=ips.json -date 2026-05-05
//
// A FILE without ID= belongs to the list whose source ends in the file's name. Lists that no file names stay as they are.
func TestCrawlerNets(t *testing.T) {
	if *updateNets {
		out := crawlerNetsTSV
		for _, from := range netsFrom {
			id, file, ok := strings.Cut(from, "=")
			if !ok {
				id, file = "", from
			}
			data, err := os.ReadFile(file)
			if err == nil {
				out, err = replaceNets(out, id, file, data, *netsDate)
			}
			if err != nil {
				t.Fatalf("update crawlernets.tsv from %s: %v", from, err)
			}
		}
		if err := os.WriteFile("crawlernets.tsv", []byte(out), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	lists, bad := loadNets(crawlerNetsTSV)
	if len(bad) > 0 {
		t.Errorf("unusable lines: %q", bad)
	}
	if got := writeNets(crawlerNetsTSV, lists); got != crawlerNetsTSV {
		t.Errorf("crawlernets.tsv is not sorted and collapsed: run with -update")
	}
	for _, l := range lists {
		for _, p := range l.nets {
			if kind, _ := reserved(p.Addr()); kind != "" || p.Bits() < 8 {
				t.Errorf("%s: %s cannot be a crawler's", l.id, p)
			}
			if q, ok := l.find(p.Addr()); !ok || q != p {
				t.Errorf("%s: %s is not found", l.id, p)
			}
		}
	}
}

func TestReplaceNets(t *testing.T) {
	const table = "# a table\n@ other\tOther\t2026-01-01\thttps://other.example/o.json\n198.51.100.0/24\n" +
		"@ tea\tTea\t2026-01-01\thttps://tea.example/teabot.json\n192.0.2.0/24\n"
	const published = `{"creationTime": "2026-06-01T00:00:00.000000", "prefixes": [
		{"ipv6Prefix": "2001:db8:1::/48"}, {"ipv4Prefix": "203.0.113.128/25"}, {"ipv4Prefix": "203.0.113.0/24"}, {"ipv4Prefix": "192.0.2.7"}]}`
	const want = "# a table\n@ other\tOther\t2026-01-01\thttps://other.example/o.json\n198.51.100.0/24\n" +
		"@ tea\tTea\t2026-06-01\thttps://tea.example/teabot.json\n192.0.2.7/32\n203.0.113.0/24\n2001:db8:1::/48\n"
	for _, id := range []string{"", "tea"} {
		if got, err := replaceNets(table, id, "downloads/teabot.json", []byte(published), ""); err != nil || got != want {
			t.Errorf("id %q: %v\n%s", id, err, got)
		}
	}
	got, err := replaceNets(table, "tea", "ips.txt", []byte("# ips\n203.0.113.9\n203.0.113.0/28\n"), "2026-07-01")
	if err != nil || !strings.HasSuffix(got, "@ tea\tTea\t2026-07-01\thttps://tea.example/teabot.json\n203.0.113.0/28\n") {
		t.Errorf("plain text: %v\n%s", err, got)
	}
	for _, c := range []struct{ id, file, data, date string }{
		{"", "coffee.json", published, ""},             // no list of that name
		{"coffee", "teabot.json", published, ""},       // no such id
		{"tea", "teabot.json", `{"prefixes": []}`, ""}, // nothing in it: a failed download must not empty a list
		{"tea", "teabot.json", `["203.0.113.0/24"]`, ""},
	} {
		if got, err := replaceNets(table, c.id, c.file, []byte(c.data), c.date); err == nil {
			t.Errorf("%+v: no error\n%s", c, got)
		}
	}
}

// replaceNets puts what an operator published into its list's block. Every string that is a network or an address
// counts, so that one reader does for all operators' layouts.
func replaceNets(tsv, id, file string, data []byte, date string) (string, error) {
	lists, _ := loadNets(tsv)
	if id == "" {
		for _, l := range sortLists(lists) {
			if strings.HasSuffix(l.source, "/"+filepath.Base(file)) {
				id = l.id
			}
		}
	}
	l := lists[id]
	if l == nil {
		return "", fmt.Errorf("no list %q; write -from ID=%s with an id of crawlernets.tsv", id, file)
	}
	var words []string
	var doc any
	if json.Unmarshal(data, &doc) == nil {
		words = stringsOf(doc, nil)
		if m, ok := doc.(map[string]any); ok && date == "" {
			if s, _ := m["creationTime"].(string); len(s) >= len("2006-01-02") {
				date = s[:len("2006-01-02")]
			}
		}
	} else {
		words = strings.Fields(string(data))
	}
	l.nets = nil
	for _, w := range words {
		if p, err := netip.ParsePrefix(w); err == nil {
			l.nets = append(l.nets, p)
		} else if a, err := netip.ParseAddr(w); err == nil {
			l.nets = append(l.nets, netip.PrefixFrom(a, a.BitLen()))
		}
	}
	switch {
	case len(l.nets) == 0:
		return "", fmt.Errorf("no network in %s", file)
	case date == "":
		return "", fmt.Errorf("%s has no creationTime; say -date", file)
	}
	l.nets, l.date = collapse(l.nets), date
	return writeNets(tsv, lists), nil
}

func stringsOf(doc any, into []string) []string {
	switch v := doc.(type) {
	case string:
		return append(into, v)
	case []any:
		for _, e := range v {
			into = stringsOf(e, into)
		}
	case map[string]any:
		for _, e := range v {
			into = stringsOf(e, into)
		}
	}
	return into
}

// writeNets keeps the comment that tsv opens with.
func writeNets(tsv string, lists map[string]*netList) string {
	head, _, _ := strings.Cut(tsv, "\n@ ")
	var b strings.Builder
	b.WriteString(head + "\n")
	for _, l := range sortLists(lists) {
		fmt.Fprintf(&b, "@ %s\t%s\t%s\t%s\n", l.id, l.operator, l.date, l.source)
		for _, p := range l.nets {
			fmt.Fprintln(&b, p)
		}
	}
	return b.String()
}
