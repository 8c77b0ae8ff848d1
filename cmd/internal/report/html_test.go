package report

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"

	"culprit/correlate"
	"culprit/rules"
)

// pageOf renders a report and reads it back as XML, which is stricter than any browser: every element is closed, every
// attribute quoted. Then it holds the page against what it promises: no script, nothing fetched, its style let through.
func pageOf(t *testing.T, r *rules.Report) (text string, elements []xml.StartElement) {
	t.Helper()
	var b bytes.Buffer
	if err := HTML(&b, r); err != nil {
		t.Fatal(err)
	}
	text = b.String()
	for _, c := range text {
		if c != '\n' && !unicode.IsPrint(c) {
			t.Fatalf("%U is in the page", c)
		}
	}
	known := strings.Fields("html head meta link title style body main section div h1 h2 h3 p small svg rect line text tspan circle path " +
		"dl dt dd figure figcaption ul ol li table thead tbody tr th td span strong code pre br article a footer g script")
	ids, links, scripts := map[string]bool{}, []string{}, 0
	d := xml.NewDecoder(&b)
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("not well formed: %v", err)
		}
		e, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		elements = append(elements, e.Copy())
		if !slices.Contains(known, e.Name.Local) {
			t.Fatalf("<%s> is none of ours", e.Name.Local)
		}
		if e.Name.Local == "script" {
			scripts++
		}
		for _, a := range e.Attr {
			switch name := a.Name.Local; {
			case name == "id":
				if ids[a.Value] {
					t.Fatalf("two elements are %q", a.Value)
				}
				ids[a.Value] = true
			case name == "href" && strings.HasPrefix(a.Value, "#"):
				links = append(links, a.Value[1:])
			case strings.HasPrefix(name, "on"), name == "style", name == "src", name == "srcset", name == "xlink":
				t.Fatalf("<%s %s=%q>", e.Name.Local, name, a.Value)
			case name == "href" && a.Value != "data:,":
				t.Fatalf("<%s> leads to %q", e.Name.Local, a.Value)
			case name == "content" && strings.HasPrefix(a.Value, "default-src"):
				inside := func(tag string) string {
					_, in, _ := strings.Cut(text, "<"+tag+">")
					in, _, _ = strings.Cut(in, "</"+tag+">")
					sum := sha256.Sum256([]byte(in))
					return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; "
				}
				if want := "default-src 'none'; style-src " + inside("style") + "script-src " + inside("script"); !strings.HasPrefix(a.Value, want) {
					t.Fatalf("policy %q keeps our own style or script out, want %q", a.Value, want)
				}
			}
		}
	}
	for _, l := range links {
		if !ids[l] {
			t.Fatalf("a link leads to #%s, which is not there", l)
		}
	}
	if scripts != 1 {
		t.Fatalf("%d scripts, of which one is ours", scripts)
	}
	if strings.Contains(htmlStyle, "url(") || strings.Contains(htmlStyle, "@import") {
		t.Fatal("the style fetches something")
	}
	return text, elements
}

func sections(text string) []string {
	var names []string
	for _, part := range strings.Split(text, "<h2>")[1:] {
		name, _, _ := strings.Cut(part, "</h2>")
		name, _, _ = strings.Cut(name, " <small>")
		names = append(names, name)
	}
	return names
}

func TestHTMLTeaShop(t *testing.T) {
	text, elements := pageOf(t, teaShop())
	want := []string{"The curves", "Moments", "What happened", "Who did it", "The arithmetic", "RAM at the kill", "Ruled out",
		"What does not fit", "Missing", "Fixes", "Findings", "Not judged", "What was read", "Lines"}
	if got := sections(text); !slices.Equal(got, want) {
		t.Errorf("sections %q", got)
	}
	for _, want := range []string{
		"<h1>crawler-session-leak</h1>", "confidence: almost certain, 0.97", `">dmesg.txt:32</a>`,
		`<span class="add">&#43;maxmemory 2gb</span>`, "keys without expiry", "RAM 7.8 GiB", "kernel-oom-kill",
		`class="t mark kill"`, "\nrequests: 30,000", "total, the sum of the lines above", `&lt;TA\x1b[2JSK&gt;`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in the page", want)
		}
	}
	count := map[string]int{}
	for _, e := range elements {
		count[e.Name.Local]++
	}
	if count["figure"] != 1 || count["path"] != 4 || count["article"] != 4+4 {
		t.Errorf("%d charts with %d curves, %d cards", count["figure"], count["path"], count["article"])
	}
}

func TestHTMLOutcomes(t *testing.T) {
	text, _ := pageOf(t, inconclusive())
	if got := sections(text); got[0] != "What it could be" || got[1] != "What would settle it" {
		t.Errorf("sections %q", got)
	}
	text, _ = pageOf(t, noIncident())
	if !strings.Contains(text, `<section class="verdict no-incident">`) {
		t.Error("no verdict")
	}
	pageOf(t, &rules.Report{})
}

func TestHTMLHostile(t *testing.T) {
	for i := range hostile {
		for _, outcome := range []string{"", rules.RootCause, rules.NoIncident, rules.Inconclusive} {
			r := hostileReport(i)
			r.Verdict.Outcome = outcome
			text, _ := pageOf(t, r)
			if strings.Contains(text, "<b>") || strings.Contains(text, "\x1b") {
				t.Fatalf("%q got through", hostile[i])
			}
		}
	}
}

// What no curve should be, and what a wrong year in a log makes of the axis.
func TestHTMLCurves(t *testing.T) {
	at := time.Date(2026, 4, 20, 0, 0, 0, 0, time.UTC)
	f := func(points ...rules.Point) {
		t.Helper()
		pageOf(t, &rules.Report{Series: []rules.Series{{ID: "rss", Lane: "memory", Unit: "bytes", Points: points, Limits: []rules.Limit{{Name: "RAM", Value: math.Inf(1)}}}},
			Incident: rules.IncidentFacts{KilledAt: at}, Marks: []rules.Mark{{Kind: "kill", At: at, To: at, N: 1}},
			Chain: []correlate.Link{{Cause: correlate.Event{Kind: "a", From: at, To: at.Add(-time.Hour)}, Effect: correlate.Event{Kind: "b", To: at}}}})
	}
	f()
	f(rules.Point{At: at})
	f(rules.Point{At: at}, rules.Point{At: at})
	f(rules.Point{At: at, Value: math.NaN()}, rules.Point{At: at.Add(time.Hour), Value: math.Inf(1)}, rules.Point{At: at.Add(2 * time.Hour), Value: -1})
	f(rules.Point{Value: 1}, rules.Point{At: at, Value: 2}, rules.Point{At: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), Value: 1})
	f(rules.Point{At: at, Value: 1}, rules.Point{At: at.Add(time.Nanosecond), Value: 1e300})
}

// The parts of a ledger fill its bar whatever they sum to.
func TestHTMLLedger(t *testing.T) {
	f := func(total float64, mark string, terms ...float64) {
		t.Helper()
		l := rules.Ledger{Total: total, Unit: "bytes", Residual: total}
		for _, v := range terms {
			l.Terms = append(l.Terms, rules.LedgerTerm{Value: v})
			l.Residual -= v
		}
		h := newHTMLLedger(l)
		if h.Mark != mark || len(h.Rows) != len(terms)+2 {
			t.Errorf("total %g of %v: mark %q, %d rows", total, terms, h.Mark, len(h.Rows))
		}
		sum := 0.0
		for _, p := range h.Parts {
			w, err := strconv.ParseFloat(strings.TrimSuffix(p.W, "%"), 64)
			if err != nil {
				t.Fatal(err)
			}
			sum += w
		}
		if len(h.Parts) > 0 && math.Abs(sum-100) > 0.1 {
			t.Errorf("total %g of %v: the parts sum to %g %%", total, terms, sum)
		}
	}
	f(100, "", 60, 30)
	f(100, "", 60, 40)
	f(100, "80.00%", 75, 50)
	f(100, "95.24%", -5, 60)
	f(0, "")
}
