// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"image/color"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/plotutil"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"

	"github.com/spark-operator/spark-operator/bench/report"
)

const (
	width, height = 18 * vg.Centimeter, 9 * vg.Centimeter
	barWidth      = 2.2 * vg.Centimeter
)

// colours remain distinguishable with red-green colour blindness.
var colours = []color.Color{
	color.RGBA{G: 0x72, B: 0xb2, A: 0xff},
	color.RGBA{R: 0xe6, G: 0x9f, A: 0xff},
	color.RGBA{G: 0x9e, B: 0x73, A: 0xff},
	color.RGBA{R: 0xcc, G: 0x79, B: 0xa7, A: 0xff},
}

func newPlot(title string) *plot.Plot {
	p := plot.New()
	p.Title.Text = title
	for _, style := range []*text.Style{&p.Title.TextStyle, &p.X.Label.TextStyle, &p.Y.Label.TextStyle, &p.X.Tick.Label, &p.Y.Tick.Label, &p.Legend.TextStyle} {
		style.Font.Variant = "Sans"
	}
	p.Title.Padding = vg.Millimeter * 3
	p.Y.Min = 0
	p.Legend.Top = true
	p.Legend.Left = true
	p.Legend.Padding = 2 * vg.Millimeter
	p.Add(plotter.NewGrid())
	return p
}

// group is one bar in each of the labelled groups.
type group struct {
	name   string
	values plotter.Values
}

// bars draws one group of bars for each label, with the value above each bar.
func bars(title string, labels []string, groups ...group) (*plot.Plot, error) {
	p := newPlot(title)
	p.NominalX(labels...)
	p.X.Min, p.X.Max = -0.6, float64(len(labels))-0.4
	for i, g := range groups {
		chart, err := plotter.NewBarChart(g.values, barWidth)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", g.name, err)
		}
		chart.Color = colours[i%len(colours)]
		chart.LineStyle.Width = 0
		chart.Offset = (vg.Length(i) - vg.Length(len(groups)-1)/2) * barWidth
		p.Add(chart)
		p.Legend.Add(g.name, chart)

		points := make(plotter.XYs, len(g.values))
		texts := make([]string, len(g.values))
		for j, value := range g.values {
			points[j] = plotter.XY{X: float64(j), Y: value}
			texts[j] = fmt.Sprintf("%g", value)
			p.Y.Max = max(p.Y.Max, 1.35*value) // room for the legend
		}
		above, err := plotter.NewLabels(plotter.XYLabels{XYs: points, Labels: texts})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", g.name, err)
		}
		for j := range above.TextStyle {
			above.TextStyle[j].XAlign = text.XCenter
			above.TextStyle[j].Font.Variant = "Sans"
		}
		above.Offset.X, above.Offset.Y = chart.Offset, vg.Millimeter
		p.Add(above)
	}
	return p, nil
}

// curve is the distribution of a time: for each value, the share of applications
// that took at most as long.
type curve struct {
	name      string
	quantiles report.Quantiles
}

// distributions draws curves over a logarithmic axis of milliseconds.
func distributions(title string, curves ...curve) (*plot.Plot, error) {
	p := newPlot(title)
	p.X.Label.Text = "ms"
	p.Y.Label.Text = "% of applications"
	p.X.Scale = plot.LogScale{}
	p.X.Tick.Marker = plot.LogTicks{Prec: -1}
	p.Y.Max = 100
	p.Legend.Top, p.Legend.Left = false, false
	p.Legend.XOffs, p.Legend.YOffs = -2*vg.Centimeter, vg.Centimeter
	for i, c := range curves {
		points := make(plotter.XYs, 0, len(c.quantiles.Curve))
		for j, value := range c.quantiles.Curve {
			points = append(points, plotter.XY{
				X: max(value, 1), // a logarithm needs more than zero
				Y: 100 * float64(j) / float64(len(c.quantiles.Curve)-1),
			})
		}
		line, err := plotter.NewLine(points)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.name, err)
		}
		line.Color = colours[i%len(colours)]
		line.Width = vg.Points(1.5)
		line.Dashes = plotutil.Dashes(i % 2 * 2)
		p.Add(line)
		p.Legend.Add(c.name, line)
	}
	return p, nil
}
