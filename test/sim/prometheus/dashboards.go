// SPDX-License-Identifier: Apache-2.0

package prometheus

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// Dashboard is one of Grafana, with the fields that matter to tests.
type Dashboard struct {
	UID           string  `json:"uid"`
	Title         string  `json:"title"`
	SchemaVersion int     `json:"schemaVersion"`
	Panels        []Panel `json:"panels"`
	Templating    struct {
		List []Variable `json:"list"`
	} `json:"templating"`
}

// Variable is chosen at the top of a dashboard.
type Variable struct {
	Name string `json:"name"`
	Type string `json:"type"`
	// Definition is the query of the values.
	Definition string `json:"definition"`
}

// Panel is a diagram or a row of them.
type Panel struct {
	ID          int             `json:"id"`
	Type        string          `json:"type"`
	Title       string          `json:"title"`
	Description string          `json:"description"`
	Datasource  json.RawMessage `json:"datasource"`
	GridPos     struct {
		X, Y, W, H int
	} `json:"gridPos"`
	Targets     []Target `json:"targets"`
	FieldConfig struct {
		Defaults struct {
			Unit     string   `json:"unit"`
			Min      *float64 `json:"min"`
			Decimals *int     `json:"decimals"`
			Custom   struct {
				Stacking struct {
					Mode string `json:"mode"`
				} `json:"stacking"`
			} `json:"custom"`
		} `json:"defaults"`
	} `json:"fieldConfig"`
}

// Target is a query of a panel.
type Target struct {
	RefID string `json:"refId"`
	Expr  string `json:"expr"`
	// LegendFormat has the names of labels in double braces.
	LegendFormat string          `json:"legendFormat"`
	Datasource   json.RawMessage `json:"datasource"`
}

// ReadDashboards reads all dashboards of a folder, by file name.
func ReadDashboards(folder string) (map[string]Dashboard, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil {
		return nil, err
	}
	dashboards := map[string]Dashboard{}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		var dashboard Dashboard
		if err := json.Unmarshal(content, &dashboard); err != nil {
			return nil, err
		}
		dashboards[filepath.Base(file)] = dashboard
	}
	return dashboards, nil
}

// Query is the expression of a target with the values of Grafana's variables.
func (t *Target) Query(variables map[string]string) string {
	expr := t.Expr
	for name, value := range variables {
		expr = strings.ReplaceAll(expr, "$"+name, value)
	}
	return expr
}

// Legend is the name of a series.
func (t *Target) Legend(labels map[string]string) string {
	return inBraces.ReplaceAllStringFunc(t.LegendFormat, func(label string) string {
		return labels[strings.Trim(label, "{} ")]
	})
}

// inBraces finds the labels of a legend.
var inBraces = regexp.MustCompile(`\{\{[^}]+\}\}`)

// selected finds the names of metrics, each of which has a selector.
var selected = regexp.MustCompile(`([a-zA-Z_:][a-zA-Z0-9_:]*)\{`)

// MetricsIn returns the names of metrics that an expression selects by.
func MetricsIn(expr string) []string {
	var names []string
	for _, match := range selected.FindAllStringSubmatch(expr, -1) {
		names = append(names, match[1])
	}
	return names
}
