// SPDX-License-Identifier: Apache-2.0

package prometheus

import (
	"encoding/json"
	"fmt"
	"image/color"
	"maps"
	"math"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"

	"github.com/spark-operator/spark-operator/test/sim"
)

// Sizes of a picture in points. Grafana's grid has 24 columns.
const (
	columns              = 24
	columnWidth          = vg.Length(44)
	rowHeight            = vg.Length(27)
	headingHeight        = vg.Length(54)
	margin, lineHeight   = vg.Length(8), vg.Length(13)
	textSize, numberSize = vg.Length(9), vg.Length(24)
	steps                = 240
)

// palette remains distinguishable with red-green colour blindness.
var palette = []color.Color{
	color.RGBA{G: 0x72, B: 0xb2, A: 0xff},
	color.RGBA{R: 0xe6, G: 0x9f, A: 0xff},
	color.RGBA{G: 0x9e, B: 0x73, A: 0xff},
	color.RGBA{R: 0xcc, G: 0x79, B: 0xa7, A: 0xff},
	color.RGBA{R: 0x56, G: 0xb4, B: 0xe9, A: 0xff},
	color.RGBA{R: 0xd5, G: 0x5e, A: 0xff},
	color.RGBA{R: 0x77, G: 0x77, B: 0x77, A: 0xff},
}

// series is a line of a panel.
type series struct {
	name   string
	points plotter.XYs
}

// Picture is where the picture of a dashboard goes.
func Picture(dashboard string) string {
	return filepath.Join(sim.Repository, ".out", "dashboards", strings.TrimSuffix(dashboard, ".json")+".png")
}

// Draw draws what the panels of a dashboard show from a time until now, as a PNG. The picture is
// no picture of Grafana: it has the layout, the titles, units and legends of the file.
func (s *Server) Draw(file string, dashboard *Dashboard, variables map[string]string, from time.Time) {
	s.t.Helper()
	rows := 0
	for i := range dashboard.Panels {
		rows = max(rows, dashboard.Panels[i].GridPos.Y+dashboard.Panels[i].GridPos.H)
	}
	width, height := columns*columnWidth, headingHeight+vg.Length(rows)*rowHeight
	image := vgimg.NewWith(vgimg.UseWH(width, height), vgimg.UseDPI(110))
	whole := draw.New(image)
	write(whole, 0, textSize*1.6, color.Black, dashboard.Title)
	write(whole, 1.6, textSize, color.Gray{Y: 0x60}, "Drawn by the tests from the queries of the dashboard and a real Prometheus. This is not Grafana.")
	write(whole, 2.6, textSize, color.Gray{Y: 0x60}, fmt.Sprintf("%s to %s UTC, %s", from.UTC().Format(time.DateTime), time.Now().UTC().Format(time.TimeOnly), strings.Join(assignments(variables), ", ")))
	for i := range dashboard.Panels {
		panel := &dashboard.Panels[i]
		at := panel.GridPos
		area := draw.Crop(whole, vg.Length(at.X)*columnWidth, vg.Length(at.X+at.W-columns)*columnWidth,
			vg.Length(rows-at.Y-at.H)*rowHeight, -headingHeight-vg.Length(at.Y)*rowHeight)
		if err := s.drawPanel(area, panel, variables, from); err != nil {
			s.t.Errorf("%s: %s: %v", file, panel.Title, err)
		}
	}
	if err := save(file, image); err != nil {
		s.t.Error(err)
	}
}

func save(file string, image *vgimg.Canvas) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	output, err := os.Create(file)
	if err != nil {
		return err
	}
	defer output.Close()
	_, err = vgimg.PngCanvas{Canvas: image}.WriteTo(output)
	return err
}

// assignments are the variables that a user chooses.
func assignments(variables map[string]string) (texts []string) {
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		if variables[name] != "" {
			texts = append(texts, name+"="+variables[name])
		}
	}
	return texts
}

// write writes a line of text, so many lines below the upper edge.
func write(area draw.Canvas, lines float64, size vg.Length, ink color.Color, line string) {
	style := styled(size, ink)
	style.YAlign = text.YTop
	if room := area.Max.X - area.Min.X - 2*margin; style.Width(line) > room {
		const ellipsis = "..."
		for style.Width(line+ellipsis) > room {
			line = line[:len(line)-1]
		}
		line += ellipsis
	}
	area.FillText(style, vg.Point{X: area.Min.X + margin, Y: area.Max.Y - margin/2 - vg.Length(lines)*lineHeight}, line)
}

func styled(size vg.Length, ink color.Color) text.Style {
	return text.Style{Color: ink, Font: font.Font{Typeface: plot.DefaultFont.Typeface, Variant: "Sans", Size: size}, Handler: plot.DefaultTextHandler}
}

func (s *Server) drawPanel(area draw.Canvas, panel *Panel, variables map[string]string, from time.Time) error {
	frame := draw.LineStyle{Color: color.Gray{Y: 0xd0}, Width: vg.Points(0.5)}
	area.StrokeLines(frame, []vg.Point{
		{X: area.Min.X + 2, Y: area.Min.Y + 2}, {X: area.Min.X + 2, Y: area.Max.Y - 2}, {X: area.Max.X - 2, Y: area.Max.Y - 2},
		{X: area.Max.X - 2, Y: area.Min.Y + 2}, {X: area.Min.X + 2, Y: area.Min.Y + 2},
	})
	write(area, 0.2, textSize*1.2, color.Black, panel.Title)
	// Grafana shows it beside the pointer.
	write(area, 1.4, textSize*0.9, color.Gray{Y: 0x60}, panel.Description)
	unit := panel.FieldConfig.Defaults.Unit
	switch panel.Type {
	case "stat":
		samples, err := s.Query(panel.Targets[0].Query(variables))
		if err != nil {
			return err
		}
		shown := "No data"
		if len(samples) > 0 {
			value, err := strconv.ParseFloat(fmt.Sprint(samples[0].Value[1]), 64)
			if err != nil {
				return err
			}
			if decimals := panel.FieldConfig.Defaults.Decimals; decimals != nil {
				value = math.Round(value*math.Pow10(*decimals)) / math.Pow10(*decimals)
			}
			shown = inUnit(unit, value)
		}
		write(area, 3, numberSize, palette[0], shown)
	case "timeseries":
		lines, err := s.lines(panel, variables, from)
		if err != nil {
			return err
		}
		return drawLines(area, panel, lines, from)
	}
	return nil
}

// lines evaluates the queries of a panel, and stacks them if the panel does.
func (s *Server) lines(panel *Panel, variables map[string]string, from time.Time) ([]series, error) {
	now := time.Now()
	var lines []series
	for i := range panel.Targets {
		target := &panel.Targets[i]
		parameters := url.Values{
			"query": {target.Query(variables)}, "start": {from.Format(time.RFC3339Nano)}, "end": {now.Format(time.RFC3339Nano)},
			"step": {fmt.Sprint(now.Sub(from).Seconds() / steps)},
		}
		var data struct {
			Result []struct {
				Metric map[string]string
				Values [][2]json.RawMessage
			}
		}
		if err := s.get("/api/v1/query_range?"+parameters.Encode(), &data); err != nil {
			return nil, err
		}
		for _, result := range data.Result {
			line := series{name: target.Legend(result.Metric)}
			for _, value := range result.Values {
				var at float64
				var number string
				if err := json.Unmarshal(value[0], &at); err != nil {
					return nil, err
				}
				if err := json.Unmarshal(value[1], &number); err != nil {
					return nil, err
				}
				if y, err := strconv.ParseFloat(number, 64); err == nil && !math.IsNaN(y) && !math.IsInf(y, 0) {
					line.points = append(line.points, plotter.XY{X: at, Y: y})
				}
			}
			if len(line.points) > 0 {
				lines = append(lines, line)
			}
		}
	}
	if panel.FieldConfig.Defaults.Custom.Stacking.Mode == "normal" {
		below := map[float64]float64{}
		for _, line := range lines {
			for i := range line.points {
				point := &line.points[i]
				point.Y += below[point.X]
				below[point.X] = point.Y
			}
		}
	}
	return lines, nil
}

// drawLines draws a diagram with its legend below.
func drawLines(area draw.Canvas, panel *Panel, lines []series, from time.Time) error {
	if len(lines) == 0 {
		write(area, 6, textSize*1.5, color.Gray{Y: 0x90}, "No data")
		return nil
	}
	diagram := plot.New()
	for _, style := range []*text.Style{&diagram.X.Tick.Label, &diagram.Y.Tick.Label} {
		*style = styled(textSize*0.9, color.Black)
	}
	diagram.X.Tick.Label.XAlign, diagram.X.Tick.Label.YAlign = text.XCenter, text.YTop
	diagram.Y.Tick.Label.XAlign, diagram.Y.Tick.Label.YAlign = text.XRight, text.YCenter
	unit := panel.FieldConfig.Defaults.Unit
	diagram.X.Tick.Marker = plot.TimeTicks{Format: time.TimeOnly}
	diagram.Y.Tick.Marker = plot.TickerFunc(func(low, high float64) []plot.Tick {
		base := 1.0
		if strings.HasSuffix(unit, "bytes") {
			base = math.Pow(1024, math.Floor(math.Log(max(high, 1))/math.Log(1024)))
		}
		ticks := plot.DefaultTicks{}.Ticks(low/base, high/base)
		for i := range ticks {
			ticks[i].Value *= base
			if ticks[i].Label != "" {
				ticks[i].Label = inUnit(unit, ticks[i].Value)
			}
		}
		return ticks
	})
	diagram.Add(plotter.NewGrid())
	for i, line := range lines {
		// A line ends where points are missing.
		gap := 3 * time.Since(from).Seconds() / steps
		for start := 0; start < len(line.points); {
			end := start + 1
			for end < len(line.points) && line.points[end].X-line.points[end-1].X < gap {
				end++
			}
			drawn, err := plotter.NewLine(line.points[start:end])
			if err != nil {
				return err
			}
			drawn.Color, drawn.Width = palette[i%len(palette)], vg.Points(1.3)
			diagram.Add(drawn)
			start = end
		}
	}
	diagram.X.Min, diagram.X.Max = float64(from.Unix()), float64(time.Now().Unix())
	if panel.FieldConfig.Defaults.Min != nil {
		diagram.Y.Min = *panel.FieldConfig.Defaults.Min
	}
	if diagram.Y.Max <= diagram.Y.Min {
		diagram.Y.Max = diagram.Y.Min + 1
	}
	diagram.Y.Max += (diagram.Y.Max - diagram.Y.Min) / 20
	legend := drawLegend(area, lines)
	diagram.Draw(draw.Crop(area, margin, -3*margin, legend+margin, -2.6*lineHeight))
	return nil
}

// drawLegend writes the names of the lines at the lower edge, and returns its height.
func drawLegend(area draw.Canvas, lines []series) vg.Length {
	style := styled(textSize*0.9, color.Black)
	type entry struct {
		at   vg.Length
		row  int
		name string
	}
	var entries []entry
	x, row := margin, 0
	for _, line := range lines {
		width := style.Width(line.name) + 3*margin
		if x+width > area.Max.X-area.Min.X && x > margin {
			x, row = margin, row+1
		}
		entries = append(entries, entry{x, row, line.name})
		x += width
	}
	for i, entry := range entries {
		base := vg.Point{X: area.Min.X + entry.at, Y: area.Min.Y + margin + vg.Length(row-entry.row)*lineHeight}
		area.StrokeLine2(draw.LineStyle{Color: palette[i%len(palette)], Width: vg.Points(3)}, base.X, base.Y+3, base.X+margin, base.Y+3)
		area.FillText(style, vg.Point{X: base.X + 1.5*margin, Y: base.Y}, entry.name)
	}
	return vg.Length(row+1) * lineHeight
}

// inUnit writes a value as Grafana does in a unit.
func inUnit(unit string, value float64) string {
	scaled := func(base float64, names ...string) string {
		size := 0
		for ; math.Abs(value) >= base && size < len(names)-1; size++ {
			value /= base
		}
		return strings.TrimSpace(strconv.FormatFloat(value, 'g', 4, 64) + " " + names[size])
	}
	switch unit {
	case "s":
		name, seconds := "s", 1.0
		for _, other := range []struct {
			name    string
			seconds float64
		}{{"min", 60}, {"hours", 3600}, {"days", 86400}, {"ms", 1e-3}, {"µs", 1e-6}} {
			larger := other.seconds > 1 && math.Abs(value) >= other.seconds
			smaller := other.seconds < 1 && math.Abs(value) < 1000*other.seconds && value != 0
			if larger || smaller {
				name, seconds = other.name, other.seconds
			}
		}
		return strconv.FormatFloat(value/seconds, 'g', 3, 64) + " " + name
	case "bytes":
		return scaled(1024, "B", "KiB", "MiB", "GiB", "TiB")
	case "mbytes":
		return scaled(1024, "MiB", "GiB", "TiB")
	case "Bps":
		return scaled(1000, "B/s", "kB/s", "MB/s", "GB/s")
	case "percentunit":
		return strconv.FormatFloat(100*value, 'g', 3, 64) + "%"
	case "ops", "reqps":
		return scaled(1000, map[string]string{"ops": "ops/s", "reqps": "req/s"}[unit], "K/s")
	case "short", "":
		return scaled(1000, "", "K", "Mil")
	}
	return strconv.FormatFloat(value, 'g', 4, 64) + " (" + unit + "?)"
}
