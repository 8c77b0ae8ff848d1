package rules

import (
	"fmt"
	"slices"

	"culprit/correlate"
)

var _ = register(Rule{
	ID: "memory-budget",
	Doc: `The settings promise more memory than there is. Each service stays within its own limit, and together they meet the
kernel's. It contributes when a kill of the host's happened. The largest term is not the culprit: see which one grew.

Arithmetic:

    InnoDB     innodb_buffer_pool_size x 1.1 (MySQL's manual: 5 to 10 % of control blocks)
    PHP-FPM    pm.max_children x RSS of a worker: measured from three workers on, else 40 MB assumed, and said so
    opcache    opcache.memory_consumption
    Redis      maxmemory x fragmentation (1.1 at least) x copy-on-write of a save (25 % at least, none without saves);
               without a limit what it was seen to hold
    kernel     256 MB or 5 %, whichever is more: page tables, slab, sockets, some page cache

Threshold: Their sum above 1.05 x RAM (of the cgroup that was hit: its limit). Within 5 % it is the reserve that
decides, a guess.

When it is wrong: workers share memory (their PSS is less than their RSS), and not every worker is ever busy.`,
	Needs: []Sort{NeedsMemory},
	Check: checkMemoryBudget,

	Thresholds: []Threshold{overBudget},
})

var overBudget = Threshold{ID: "memory-budget.factor", Default: 1.05, Min: 0.5, Max: 4, Doc: "promises above this many times the memory are told; within 5 % the kernel's reserve decides, which is a guess"}

func checkMemoryBudget(c *Case) []Finding {
	b, ok := c.budget()
	if !ok {
		return nil
	}
	need, how, ev, limited := c.redisNeed(&b)
	sum := need + b.Total.Bytes - b.Redis
	if float64(sum) <= c.threshold(overBudget)*float64(b.Total.Bytes) {
		return nil
	}
	f := Finding{Role: RoleHygiene}
	var names []string
	add := func(t BudgetTerm) {
		if t.Bytes == 0 {
			return
		}
		f.Quantities = append(f.Quantities, Quantity{t.Name, float64(t.Bytes), "bytes", t.How})
		if t.Name != kernelTerm {
			names = append(names, t.Name)
			if t.Ev.File != "" {
				f.Evidence = append(f.Evidence, t.Ev)
			}
		}
	}
	add(BudgetTerm{Name: "Redis", Bytes: need, How: how, Ev: ev})
	for _, t := range b.Terms {
		add(t)
	}
	if len(names) == 0 || !limited && !slices.Contains(names, "InnoDB") && !slices.Contains(names, "PHP-FPM") {
		return nil // without any promise there is none to break: redis-no-maxmemory tells it
	}
	f.Evidence = append(f.Evidence, b.Total.Ev)
	f.Quantities = append(f.Quantities, Quantity{"sum", float64(sum), "bytes", ""}, Quantity{"there is", float64(b.Total.Bytes), "bytes", ""})
	what := "the host's"
	if b.Cgroup {
		what = "the cgroup's"
	}
	f.Title = fmt.Sprintf("%s may take %s with the kernel's share, of %s %s", joinAnd(names), bytesIn(sum), what, bytesIn(b.Total.Bytes))
	f.Title = capital(f.Title)
	if c.Kill != nil && (b.Cgroup || c.Kill.Fact.Constraint != "memcg") {
		f.Role = RoleContributing
	}
	f.Fixes = c.Advise("memory-budget")
	if need > 0 && b.Max > 0 {
		id := "redis-maxmemory-size"
		if l := c.limitOf(c.Redis); l.File.OK && l.File.Bytes == 0 {
			id = "redis-maxmemory"
		}
		f.Fixes = append(f.Fixes, c.Advise(id)...)
	}
	return []Finding{f}
}

// kernelTerm is the budget's own reserve, which no line of the input tells.
const kernelTerm = "kernel reserve"

// redisNeed is what Redis may take: by its limit, else what it was seen to hold. 0 = no Redis in the input.
func (c *Case) redisNeed(b *Budget) (n int64, how string, ev correlate.Evidence, limited bool) {
	if c.Redis == nil || c.redisElsewhere() {
		return 0, "", ev, false
	}
	l := c.limitOf(c.Redis)
	for _, a := range []Amount{l.File, l.Running} {
		if a.Bytes > 0 {
			return b.peak(a.Bytes), fmt.Sprintf("maxmemory %s x %.2f fragmentation x %.2f copy-on-write (%s)", mb(a.Bytes), b.Frag, 1+b.Cow, b.CowWhy), a.Ev, true
		}
	}
	if n := redisKilledAt(c); n > 0 {
		return n, "resident when it was killed; it has no limit", c.Kill.Ev, false
	}
	if g := c.Growth; g != nil && !c.After && g.Last.RSS.OK {
		return g.Last.RSS.N, "resident at the last snapshot; it has no limit", g.Last.Evidence("used_memory_rss", ""), false
	}
	return 0, "", ev, false
}
