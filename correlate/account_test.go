package correlate

import (
	"math"
	"testing"
)

// TestAccount: which groups made the keys. Columns are candidates per interval; the last group is people's visits.
func TestAccount(t *testing.T) {
	f := func(name string, x [][]float64, y, want []float64, wantAmbiguous bool) {
		t.Helper()
		people := make([]bool, len(x))
		people[len(x)-1] = true
		got, ambiguous, _, _ := account(x, people, y)
		if ambiguous != wantAmbiguous {
			t.Errorf("%s: ambiguous %v, want %v", name, ambiguous, wantAmbiguous)
		}
		for g := range want {
			if math.Abs(got[g]-want[g]) > 0.15 {
				t.Errorf("%s: keys per request %.2f, want %.2f", name, got, want)
				return
			}
		}
	}
	f("one crawl, one interval", [][]float64{{5000}, {120}}, []float64{5100}, []float64{1}, false)
	f("a busy bot whose keys expire", [][]float64{{700, 690, 710}, {350, 340, 360}}, []float64{352, 338, 361}, []float64{0, 1}, false)
	f("crawl on top of people", [][]float64{{0, 0, 900, 950, 0, 0, 800}, {30, 40, 35, 30, 42, 38, 33}},
		[]float64{31, 39, 940, 978, 40, 39, 829}, []float64{1, 1}, false)
	f("two that balance alike", [][]float64{{500}, {480}}, []float64{490}, nil, true)
	f("every third page opens a session", [][]float64{{300, 600, 900, 300, 600, 900}, {9, 9, 9, 9, 9, 9}},
		[]float64{100, 200, 300, 100, 200, 300}, []float64{0.33}, false)
	f("nothing logged made them", [][]float64{{10, 12, 11}, {5, 5, 5}}, []float64{4000, 4100, 3900}, []float64{1.25, 1.25}, false) // 41 of 12,000: nobody is accused on that
}

// TestLoose: a fit of parts of a key counts where it moves with the keys.
func TestLoose(t *testing.T) {
	f := func(name string, x [][]float64, y []float64, want bool) {
		t.Helper()
		people := make([]bool, len(x))
		people[len(x)-1] = true
		if _, _, loose, _ := account(x, people, y); loose != want {
			t.Errorf("%s: loose %v, want %v", name, loose, want)
		}
	}
	few := []float64{9, 8, 9, 10, 9, 9, 8}
	f("a steady bot beside a steady writer", [][]float64{{310, 290, 305, 298, 300, 307, 295}, few}, []float64{450, 452, 449, 451, 450, 448, 451}, true)
	f("a steady bot, a third as many keys", [][]float64{{310, 290, 305, 298, 300, 307, 295}, few}, []float64{100, 101, 99, 100, 100, 102, 99}, true)
	f("every second page opens a session", [][]float64{{310, 90, 605, 298, 700, 107, 295}, few}, []float64{158, 52, 310, 150, 357, 60, 151}, false)
	f("three totals, none near", [][]float64{{1000, 990, 1010}, few[:3]}, []float64{400, 410, 390}, true)
	var visits, keys []float64
	for i := range 120 { // each interval is off by no more than two in three visitors with a second session could be
		visits, keys = append(visits, float64(6+i%3)), append(keys, float64(20+i*7%3))
	}
	f("a few visits in each of many short stretches, and thrice as many keys", [][]float64{visits}, keys, true)
	f("three totals, near", [][]float64{{1000, 990, 1010}, few[:3]}, []float64{860, 870, 850}, false)
}
