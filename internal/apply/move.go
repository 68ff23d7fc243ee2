package apply

import (
	"cmp"
	"fmt"
	"slices"
)

// Move says how many objects one file takes over from another. A file that is
// renamed does that, and so does a copy that somebody applies by mistake.
type Move struct {
	Objects  int
	From, To string // as ManagedBy has them
}

// String returns the sentence without a full stop.
func (m Move) String() string {
	if m.Objects == 1 {
		return fmt.Sprintf("1 object moves from %s to %s", m.From, m.To)
	}
	return fmt.Sprintf("%d objects move from %s to %s", m.Objects, m.From, m.To)
}

// Moves returns the moves in the plan, sorted by file.
func (p *Plan) Moves() []Move {
	var all []Move
	for _, c := range p.Changes {
		for _, d := range c.Diffs {
			if c.Op != OpChange || !d.moves() {
				continue
			}
			i := slices.IndexFunc(all, func(m Move) bool { return m.From == d.Before && m.To == d.After })
			if i < 0 {
				i, all = len(all), append(all, Move{From: d.Before, To: d.After})
			}
			all[i].Objects++
		}
	}
	slices.SortFunc(all, func(a, b Move) int { return cmp.Compare(a.From, b.From) })
	return all
}

// moves reports whether d says that an object goes from one file to another.
func (d Diff) moves() bool { return d.Path == "managed_by" && d.Before != "" && d.After != "" }
