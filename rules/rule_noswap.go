package rules

import (
	"fmt"

	"culprit/correlate"
)

var _ = register(Rule{
	ID: "no-swap",
	Doc: `The host has no swap: SwapTotal is 0. Growth then ends in a kill without a slow phase before it that anybody could
notice. Redis's own guide asks for swap as large as RAM so that a spike shows as latency first; many operators prefer
the kill. It is hygiene either way, never a cause.

What swap would not change: a leak fills it too, and Redis on swapped pages answers in milliseconds to seconds.

Arithmetic:

    gained = swap / (keys a day x bytes a key): the time that an amount of swap gives to a growth; a fork's copy-on-write or a
             backup's peak of less than the swap passes without a kill

Threshold: Swap of under a 64th of RAM counts as none: it holds the first minutes of any growth.

When it is wrong: zram or a swap file is switched on later by a unit; the reading is then from before it.`,
	Needs: []Sort{NeedsSwap},
	Check: checkNoSwap,

	Thresholds: []Threshold{swapOfRAM},
})

var swapOfRAM = Threshold{ID: "no-swap.share", Default: 1.0 / 64, Min: 0, Max: 1, Doc: "swap below this share of RAM counts as none: it holds the first minutes of any growth"}

func checkNoSwap(c *Case) []Finding {
	swap, _ := c.swap()
	if swap.Ev.Note == "" {
		swap.Ev.Note = "swap: " + bytesIn(swap.Bytes) + " in this reading"
	}
	if swap.Bytes > 0 && (!c.RAM.OK || float64(swap.Bytes) >= c.threshold(swapOfRAM)*float64(c.RAM.Bytes)) {
		return nil
	}
	f := Finding{Role: RoleHygiene, Evidence: []correlate.Evidence{swap.Ev}}
	f.Title = "The host has no swap: growth ends in a kill with no slow phase before it"
	if swap.Bytes > 0 {
		f.Title = fmt.Sprintf("The host has %s of swap for %s of RAM: growth ends in a kill with no slow phase before it", bytesIn(swap.Bytes), bytesIn(c.RAM.Bytes))
	}
	if g := c.Growth; g != nil && c.RAM.OK && !c.After {
		if daily := g.NoTTLPerDay * c.Leak.BytesKey; daily > 0 && c.Leak.State == Established {
			gain := days(float64(c.RAM.Bytes) / daily)
			f.Detail = fmt.Sprintf("Swap as large as RAM would have held %s more of this growth, and would have filled all the same.", spell(gain))
			f.Quantities = []Quantity{{"time that swap as large as RAM gives", gain.Hours(), "hours", "RAM / (keys a day x bytes a key)"}}
		}
	}
	return []Finding{f}
}
