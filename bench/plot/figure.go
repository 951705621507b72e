// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"html"
	"math"
	"slices"
	"strings"
)

type kind int

const (
	bars  kind = iota // one group for each label, one bar for each series
	lines             // one line for each series, with a logarithmic x
)

// figure is a chart with as little as it takes.
type figure struct {
	title  string
	kind   kind
	labels []string
	series []series
}

type series struct {
	name string
	x, y []float64
}

// Lengths in pixels.
const (
	width, height            = 720, 360
	left, right, top, bottom = 70, 20, 40, 90
	plotWidth                = width - left - right
	plotHeight               = height - top - bottom
)

// colours can be told apart by those who see no red and green, too.
var colours = [...]string{"#0072b2", "#e69f00", "#009e73", "#cc79a7"}

func (f *figure) svg() string {
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+"\n",
		width, height, width, height)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="white"/>`+"\n", width, height)
	text(&b, width/2, 22, "middle", f.title)
	if f.kind == bars {
		f.bars(&b)
	} else {
		f.lines(&b)
	}
	for i, s := range f.series {
		x, y := left+(i%2)*plotWidth/2, height-34+(i/2)*18
		fmt.Fprintf(&b, `<rect x="%d" y="%d" width="12" height="12" fill="%s"/>`+"\n", x, y, colours[i%len(colours)])
		text(&b, float64(x+18), float64(y+11), "start", s.name)
	}
	b.WriteString("</svg>\n")
	return b.String()
}

func text(b *strings.Builder, x, y float64, anchor, content string) {
	fmt.Fprintf(b, `<text x="%.1f" y="%.1f" text-anchor="%s">%s</text>`+"\n", x, y, anchor, html.EscapeString(content))
}

// vertical draws the axis of y from 0 and returns where a value lies.
func (f *figure) vertical(b *strings.Builder) func(float64) float64 {
	highest := 0.0
	for _, s := range f.series {
		highest = max(highest, slices.Max(s.y))
	}
	step := niceStep(highest / 5)
	end := step * math.Ceil(highest/step)
	at := func(value float64) float64 { return top + plotHeight*(1-value/end) }
	for value := 0.0; value <= end+step/2; value += step {
		fmt.Fprintf(b, `<line x1="%d" x2="%d" y1="%.1f" y2="%.1f" stroke="#ddd"/>`+"\n", left, left+plotWidth, at(value), at(value))
		text(b, left-8, at(value)+4, "end", fmt.Sprintf("%g", math.Round(value*1000)/1000))
	}
	return at
}

// niceStep is the next number above that is 1, 2 or 5 times a power of ten.
func niceStep(value float64) float64 {
	if value <= 0 {
		return 1
	}
	power := math.Pow(10, math.Floor(math.Log10(value)))
	for _, factor := range []float64{1, 2, 5} {
		if factor*power >= value {
			return factor * power
		}
	}
	return 10 * power
}

func (f *figure) bars(b *strings.Builder) {
	at := f.vertical(b)
	group := float64(plotWidth) / float64(len(f.labels))
	bar := group * 0.7 / float64(len(f.series))
	for i, label := range f.labels {
		start := left + float64(i)*group + group*0.15
		for j, s := range f.series {
			x := start + float64(j)*bar
			fmt.Fprintf(b, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s"/>`+"\n",
				x, at(s.y[i]), bar*0.95, at(0)-at(s.y[i]), colours[j%len(colours)])
			text(b, x+bar/2, at(s.y[i])-4, "middle", fmt.Sprintf("%g", s.y[i]))
		}
		text(b, start+group*0.35, top+plotHeight+20, "middle", label)
	}
}

func (f *figure) lines(b *strings.Builder) {
	y := f.vertical(b)
	lowest, highest := math.Inf(1), 1.0
	for _, s := range f.series {
		for _, value := range s.x {
			lowest, highest = min(lowest, max(value, 1)), max(highest, value)
		}
	}
	first, last := math.Floor(math.Log10(lowest)), math.Ceil(math.Log10(highest))
	last = max(last, first+1)
	x := func(value float64) float64 {
		return left + plotWidth*(math.Log10(max(value, 1))-first)/(last-first)
	}
	for power := first; power <= last; power++ {
		value := math.Pow(10, power)
		fmt.Fprintf(b, `<line x1="%.1f" x2="%.1f" y1="%d" y2="%d" stroke="#ddd"/>`+"\n", x(value), x(value), top, top+plotHeight)
		text(b, x(value), top+plotHeight+18, "middle", fmt.Sprintf("%g", value))
	}
	for i, s := range f.series {
		var points []string
		for j := range s.x {
			points = append(points, fmt.Sprintf("%.1f,%.1f", x(s.x[j]), y(s.y[j])))
		}
		fmt.Fprintf(b, `<polyline points="%s" fill="none" stroke="%s" stroke-width="2"/>`+"\n", strings.Join(points, " "), colours[i%len(colours)])
	}
}
