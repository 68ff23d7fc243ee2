package console

import (
	"fmt"
	"slices"
	"time"

	"github.com/mintage-auth/mintage/internal/usage"
)

// Size of a chart in its own units; the page scales it.
const (
	chartWidth, chartHeight = 720, 180
	chartTop, chartBottom   = 12, 22 // above the bars, and below for the times
	chartParts              = 6      // kinds of bars, the last of them all others
)

// bars are a chart of stacked bars over time.
type bars struct {
	Width, Height int
	Rects         []rect
	Texts         []label
	Legend        []part
	Most          int64
	Said          string // what the chart shows, in words
}

// rect is a part of a bar, with the class of its colour.
type rect struct{ X, Y, W, H, Class int }

// label is a text of the axis.
type label struct {
	X, Y int
	Text string
}

// part is an entry of the legend.
type part struct {
	Class int
	Name  string
	Count int64
}

// barsOf draws what came of requests: issued at the bottom, then the reasons of
// refusals, the most frequent first.
func barsOf(sums []usage.Sum, since, until time.Time, span usageSpan) *bars {
	b := &bars{Width: chartWidth, Height: chartHeight}
	b.Legend = partsOf(sums)
	class := map[string]int{}
	for _, p := range b.Legend {
		class[p.Name] = p.Class
	}
	steps := max(1, int((until.Sub(since)+span.Step-1)/span.Step))
	heaps := make([][chartParts]int64, steps)
	for _, s := range sums {
		i := int(s.Start.Sub(since) / span.Step)
		if i < 0 || i >= steps {
			continue
		}
		heaps[i][0] += s.Issued
		if s.Refused > 0 {
			k, ok := class[s.Reason]
			if !ok {
				k = chartParts - 1
			}
			heaps[i][k] += s.Refused
		}
	}
	for _, h := range heaps {
		var sum int64
		for _, n := range h {
			sum += n
		}
		b.Most = max(b.Most, sum)
	}
	b.draw(heaps, since, span)
	return b
}

// partsOf returns the legend: issued, the most frequent reasons, and the rest.
func partsOf(sums []usage.Sum) []part {
	refused := map[string]int64{}
	issued := part{Name: "issued"}
	for _, s := range sums {
		issued.Count += s.Issued
		if s.Refused > 0 {
			refused[s.Reason] += s.Refused
		}
	}
	legend := []part{issued}
	for i, t := range sorted(refused) {
		if i < chartParts-2 {
			legend = append(legend, part{Class: i + 1, Name: t.Key, Count: t.Count})
			continue
		}
		if i == chartParts-2 {
			legend = append(legend, part{Class: chartParts - 1, Name: "other reasons"})
		}
		legend[len(legend)-1].Count += t.Count
	}
	return legend
}

func (b *bars) draw(heaps [][chartParts]int64, since time.Time, span usageSpan) {
	space := chartHeight - chartTop - chartBottom
	slot := chartWidth / len(heaps)
	every := (len(heaps) + 7) / 8 // eight times on the axis
	for i, h := range heaps {
		y := chartHeight - chartBottom
		for class, n := range h {
			if n == 0 {
				continue
			}
			height := max(1, int(int64(space)*n/max(1, b.Most)))
			y -= height
			b.Rects = append(b.Rects, rect{X: i*slot + 1, Y: max(chartTop, y), W: max(1, slot-2), H: height, Class: class})
		}
		if i%every == 0 {
			b.Texts = append(b.Texts, label{X: i * slot, Y: chartHeight - 6, Text: since.Add(time.Duration(i) * span.Step).Format(span.Label)})
		}
	}
	b.Said = fmt.Sprintf("Requests for tokens in %s by outcome; at most %d in %s.", span.Title, b.Most, spanWord(span.Step))
	slices.SortFunc(b.Legend, func(x, y part) int { return x.Class - y.Class })
}

func spanWord(d time.Duration) string {
	if d == time.Hour {
		return "an hour"
	}
	if d == day {
		return "a day"
	}
	return span(d)
}
