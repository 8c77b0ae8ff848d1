package correlate

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// noteCrowd tells, beside the largest access log, what of its clients was summed: nobody is let go in silence.
func (c *clientFold) noteCrowd(inputs []Input) {
	note := c.crowdNote()
	if note == "" || len(inputs) == 0 {
		return
	}
	largest := slices.MaxFunc(inputs, func(a, b Input) int {
		return cmp.Or(cmp.Compare(boolIndex(a.Format == accessLog), boolIndex(b.Format == accessLog)), cmp.Compare(a.Facts, b.Facts), -strings.Compare(a.File, b.File))
	})
	for i := range inputs {
		if in := &inputs[i]; in.File == largest.File {
			in.Note = strings.TrimPrefix(in.Note+"; "+note, "; ")
		}
	}
}

const accessLog = "nginx-access"

func (c *clientFold) crowdNote() string {
	var parts []string
	people, programs := &c.people, &c.programs
	if people.byAddress {
		parts = append(parts, fmt.Sprintf("more than %d visitors: browsers behind one address count as one", people.limits.exact))
	}
	if people.thin > 0 {
		parts = append(parts, fmt.Sprintf("of the %d quietest only visits have a time", people.thin))
	}
	for _, s := range c.sets() {
		if s.letGo == 0 {
			continue
		}
		who := "visitors"
		if s == programs {
			who = "programs"
		}
		parts = append(parts, fmt.Sprintf("quiet %s were summed without their addresses (%d, some of them more than once), so that a count of one that is told misses %d requests at most",
			who, s.letGo, s.lost))
	}
	return strings.Join(parts, "; ")
}
