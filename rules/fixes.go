package rules

// addFixes turns the fix ids of the verdict into fixes.
func (c *Case) addFixes(r *Report, h Hypothesis) {
	for _, id := range h.Fixes {
		r.Fixes = append(r.Fixes, Fix{ID: id, Title: id, Kind: KindManual})
	}
}
